//! Verifies the attestations beside distributions: what they state natively, their signatures in the tool environment.

use std::path::Path;

use crate::index::attestations_beside;
use crate::python::distribution::{Distribution, Kind};
use crate::python::verdict::{Diagnostic, Report, invalid_attestation, valid_attestation};
use crate::world::tools::{AttestationFile, AttestationRequest, SigstoreInstance, ToolEnvironment, Toolset};
use crate::world::{Environment, sha256};

/// An attestation that is of its distribution
struct Candidate {
    /// The place of the distribution in the report
    at: usize,
    distribution: Distribution,
    path: std::path::PathBuf,
}

/// Adds to the report what is known of each attestation beside its files, without the network. Where the library that
/// verifies signatures cannot be installed, the report says that they were not verified.
pub fn verify_attestations(report: &mut Report, environment: &Environment, progress: &dyn Fn(&str)) {
    let mut candidates = Vec::new();
    for at in 0..report.files.len() {
        let path = Path::new(&report.files[at].file).to_owned();
        let filename = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let kind = if filename.ends_with(".whl") { Kind::Wheel } else { Kind::Sdist };
        let Ok((sha256, size)) = sha256(&path) else { continue };
        let distribution = Distribution { path, filename, kind, size, sha256 };
        for (path, read) in attestations_beside(&distribution) {
            match read {
                Ok(()) => candidates.push(Candidate { at, distribution: distribution.clone(), path }),
                Err(error) => report.add(at, invalid_attestation(error.to_string())),
            }
        }
    }
    for (candidate, found) in candidates.iter().zip(verdicts(&candidates, environment, progress)) {
        report.add(candidate.at, found);
    }
}

/// A finding for each.
fn verdicts(candidates: &[Candidate], environment: &Environment, progress: &dyn Fn(&str)) -> Vec<Diagnostic> {
    let named =
        |candidate: &Candidate| candidate.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut found = Vec::new();
    if candidates.is_empty() {
        return found;
    }
    let files = candidates.iter().map(|candidate| AttestationFile {
        name: &candidate.distribution.filename,
        sha256: &candidate.distribution.sha256,
        path: candidate.path.clone(),
    });
    let files: Vec<AttestationFile<'_>> = files.collect();
    let verified = SigstoreInstance::of(environment).and_then(|instance| {
        let tools = ToolEnvironment::of(Toolset::Attestations, environment, progress);
        let request = AttestationRequest { files: &files, token: None, attester: None, instance: &instance };
        let verify = |tools: ToolEnvironment| {
            tools.attest(&request, &mut |reply| {
                let path = named(&candidates[found.len()]);
                found.push(match (reply.kind, reply.log_index) {
                    (None, Some(index)) => valid_attestation(format!(
                        "`{path}` is of this file, signed by {}; its signature, certificate and log entry {index} verify",
                        reply.identity
                    )),
                    _ => invalid_attestation(format!("`{path}` does not verify: {}", reply.error)),
                });
            })
        };
        tools.and_then(verify).map_err(|error| match std::error::Error::source(&error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        })
    });
    if let Err(why) = verified {
        found.extend(candidates[found.len()..].iter().map(|candidate| {
            let path = named(candidate);
            valid_attestation(format!("`{path}` is of this file; its signature was not verified: {why}"))
        }));
    }
    found
}
