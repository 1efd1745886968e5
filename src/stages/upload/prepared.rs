//! What bars the files of a prepared release from an index. An earlier attempt at the release may have sent some of them.

use super::{RehearsalVersion, Upload, check_credentials, look};
use crate::engine::prelude::*;
use crate::finding::Severity;
use crate::index::{Credentials, FilePresence, IndexClient, Submission, UploadError, help_without};

impl Upload {
    /// The obstacles to uploading what is built: missing rights, an index that does not answer, other files there.
    pub(super) fn obstacles(&self, release: &Release) -> Result<Vec<Finding>> {
        let client = self.client(release)?;
        let environment = &release.checkout.environment;
        let mut findings = check_credentials(&client, environment, &release.target.project.name);
        findings.extend(self.check_signing(&client, environment));
        if client.new_host(environment)?.is_some() {
            return Ok(findings);
        }
        if let Some(refusal) = refusal(&client, release)? {
            // It says more than that there are no credentials.
            findings.retain(|finding| finding.severity < Severity::Warning);
            findings.push(refusal);
            return Ok(findings);
        }
        // An index that cannot be reached must not hide problems with the credentials.
        findings.extend(self.barring(&client, release).unwrap_or_else(|error| vec![error.into()]));
        Ok(findings)
    }

    /// What the index has that bars the built files.
    fn barring(&self, client: &IndexClient, release: &Release) -> Result<Vec<Finding>> {
        let built = &release.outputs.distributions;
        if client.address().simple.is_none() || self.settings.version == RehearsalVersion::Dev {
            return self.taken(client, release);
        }
        let (project, version) = (&release.target.project.name, &release.names().version);
        let Some(listing) = look::listing(client, project)? else { return self.taken(client, release) };
        let mut differing = Vec::new();
        let mut has_some = false;
        for file in built {
            let presence = client.presence_in(Some(&listing), file);
            match presence.map_err(|error| error.of_index(&self.name))? {
                FilePresence::Absent => continue,
                FilePresence::Identical => has_some = true,
                FilePresence::Different { .. } => differing.push(file.filename.as_str()),
            }
        }
        if differing.is_empty() && has_some {
            let is_complete =
                built.iter().all(|file| listing.files.iter().any(|there| there.filename == file.filename));
            // An earlier attempt began to publish them.
            return Ok(if is_complete {
                Vec::new()
            } else {
                look::limits(client, &listing, project, version, 0)
            });
        }
        if differing.is_empty() || self.rehearsal.is_some() {
            return self.taken(client, release);
        }
        let message = format!("`{}` has other bytes under {}", self.name, differing.join(", "));
        let help = "an index takes a version once, whatever became of its tag: prepare another version";
        Ok(vec![Finding::error(message).help(help)])
    }
}

/// That an index refuses the release for want of rights, where nothing less than its answer tells: it is asked by the form
/// of the first file, without the file.
fn refusal(client: &IndexClient, release: &Release) -> Result<Option<Finding>> {
    let address = client.address();
    let is_told = address.is_pypi() || (client.credentials().is_some() && address.simple.is_some());
    let Some(file) = release.outputs.distributions.first().filter(|_| !is_told) else { return Ok(None) };
    let submission = Submission::read(file, &release.checkout.hashes)?;
    Ok(refused_rights(client, release, client.ask_without_file(&submission)))
}

/// That an index without a listing refuses a release which is not built yet, for want of rights. An index with one has
/// been asked for it with the same credentials.
pub(super) fn refusal_beforehand(client: &IndexClient, release: &Release) -> Option<Finding> {
    let address = client.address();
    // A question must not create a project: a token for a pending publisher would.
    let is_costly = client.credentials().is_some_and(Credentials::are_issued_on_demand);
    if address.is_pypi() || address.simple.is_some() || is_costly {
        return None;
    }
    let asked = client.ask_for_rights(&release.target.project.name, &release.names().version);
    refused_rights(client, release, asked)
}

fn refused_rights(
    client: &IndexClient,
    release: &Release,
    asked: Result<(), UploadError>,
) -> Option<Finding> {
    let address = client.address();
    match asked {
        Err(UploadError::Refused { status: 401 | 403, reason, .. }) if client.credentials().is_none() => {
            let message = format!("`{}` takes no files without credentials: {reason}", address.name);
            Some(
                Finding::error(message)
                    .help(help_without(&release.checkout.environment, address))
                    .about_rights(),
            )
        }
        Err(error @ (UploadError::Refused { status: 401 | 403, .. } | UploadError::Unreachable { .. })) => {
            Some(Finding::from(client.explain(error)).about_rights())
        }
        _ => None,
    }
}
