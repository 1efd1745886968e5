//! Signs attestations of the files before they are uploaded (PEP 740), where the configuration and the job allow it.
//!
//! A signature is recorded in a public log for good, so a file is signed once: its attestation lies beside it in the
//! run's folder, serves every index, and a resumed run finds it there.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use super::{Batch, Upload};
use crate::config::Attestations;
use crate::engine::prelude::*;
use crate::error::ErrorKind;
use crate::index::{FilePresence, IndexClient, SigningIdentity, SimpleFile, has_attestation};
use crate::python::distribution::Distribution;
use crate::world::process::temporary_folder;
use crate::world::tools::{
    AttestationFailure, AttestationFile, AttestationReply, AttestationRequest, SigstoreInstance,
    ToolEnvironment, Toolset,
};
use crate::world::{Environment, write_whole};

/// How long to try again in an outage: Sigstore's are mostly over within minutes
const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// The same in seconds, for a job that can wait longer or not at all
const PATIENCE_VARIABLE: &str = "PYRELEASE_SIGSTORE_PATIENCE";
/// The pauses double from the first up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What signs
struct SigningContext<'a> {
    client: &'a IndexClient,
    tools: ToolEnvironment,
    instance: SigstoreInstance,
    patience: Duration,
}

/// How signing failed
enum SigningFailure {
    /// It may succeed later
    Outage(String),
    /// It fails again
    Final(Error),
}

impl Upload {
    /// Whether the files will be attested, as far as can be said without a request.
    pub(super) fn will_attest(&self, client: &IndexClient) -> bool {
        let signs = || client.credentials().is_some_and(|found| found.cannot_sign().is_none());
        self.index.attestations != Attestations::Off && signs()
    }

    /// What stands in the way of attestations: errors if they are required, else notes.
    pub(super) fn check_signing(&self, client: &IndexClient, environment: &Environment) -> Vec<Finding> {
        if self.index.attestations == Attestations::Off {
            return Vec::new();
        }
        let index = &self.name;
        let obstacle = match client.credentials().map(|found| found.cannot_sign()) {
            None => Some((
                "there are no credentials".to_owned(),
                "register the job as a trusted publisher".to_owned(),
            )),
            Some(Some((why, help))) => Some((why, help.to_owned())),
            Some(None) => match SigstoreInstance::of(environment).and_then(|_| patience(environment)) {
                Err(why) => Some((why, "correct or unset the variable".to_owned())),
                Ok(_) => ToolEnvironment::obstacle(Toolset::Attestations, environment)
                    .map(|error| (error.to_string(), error.help().unwrap_or_default())),
            },
        };
        let Some((why, help)) = obstacle else { return Vec::new() };
        let is_publisher = client.credentials().is_some_and(|found| found.use_trusted_publishing());
        let finding = match self.index.attestations {
            Attestations::Required => {
                Finding::error(format!("`{index}` requires attestations, and none can be made: {why}"))
            }
            _ if is_publisher => {
                Finding::note(format!("the files for `{index}` will have no attestations: {why}"))
            }
            Attestations::Auto | Attestations::Off => return Vec::new(),
        };
        vec![finding.help(help).about_rights()]
    }

    /// Signs the files that have no attestation yet, and verifies those that have one.
    ///
    /// # Errors
    /// Attestations are required and cannot be made; an existing one is not of this job; or the user interrupted.
    pub(super) fn attest(
        &self,
        client: &IndexClient,
        batch: &Batch,
        release: &Release,
        effects: &mut Effects<'_>,
    ) -> Result<()> {
        let is_required = match self.index.attestations {
            Attestations::Off => return Ok(()),
            Attestations::Auto if !self.will_attest(client) => return Ok(()),
            Attestations::Auto => false,
            Attestations::Required => true,
        };
        let uploaded = self.uploaded(effects);
        let open = |file: &&Distribution| !uploaded.contains(&file.filename);
        let mut open: Vec<Distribution> = batch.distributions.iter().filter(open).cloned().collect();
        if release.is_imported() {
            let listed = take_listed(client, release, &mut open);
            if let Err(error) = self.reuse(client, &listed, release, effects) {
                effects.note(&format!("its attestations cannot be used again: {}", error.chain()));
            }
        }
        if open.is_empty() {
            return Ok(());
        }
        let is_own = batch.version == release.names().version;
        if !is_own && !is_required {
            effects.note("no attestations are signed: these are not the files that will be published");
            return Ok(());
        }
        match self.attest_all(client, open, release, effects)? {
            Err(error) if error.kind() == ErrorKind::Interrupted => Err(error),
            Err(error) if is_required => {
                Err(error.help("set `attestations = \"auto\"` in the index's section to release without"))
            }
            Err(error) => {
                let message = format!("the files are published without attestations: {}", error.chain());
                let help = "they cannot be added later; set `attestations = \"required\"` in the index's section to stop \
                            instead";
                effects.warn(&message, error.hints().first().map(String::as_str).or(Some(help)));
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// The files that this stage has uploaded before the run was interrupted.
    fn uploaded(&self, effects: &Effects<'_>) -> Vec<String> {
        let uploads = effects.completed().into_iter().filter_map(|effect| match effect {
            Effect::Upload { distribution, .. } => Some(distribution.filename),
            _ => None,
        });
        uploads.collect()
    }

    /// Puts the attestations that the index serves of files beside these, where they are of this job: an earlier attempt
    /// has signed them, and other indexes take the same. Others are left where they are.
    ///
    /// # Errors
    /// An attestation cannot be fetched, verified or written.
    fn reuse(
        &self,
        client: &IndexClient,
        listed: &[(Distribution, SimpleFile)],
        release: &Release,
        effects: &Effects<'_>,
    ) -> Result<()> {
        let folder = tempfile::tempdir_in(temporary_folder())?;
        let mut served = Vec::new();
        for (own, file) in listed.iter().filter(|(own, _)| !has_attestation(own)) {
            let attestation =
                client.served_attestation(file, own).map_err(|error| error.of_index(&self.name))?;
            if let Some(attestation) = attestation {
                let there = Distribution { path: folder.path().join(&own.filename), ..own.clone() };
                fs_err::write(there.attestation(), attestation)?;
                served.push((own, there));
            }
        }
        if served.is_empty() {
            return Ok(());
        }
        let context = SigningContext::of(client, &release.checkout.environment, effects)?;
        let files: Vec<Distribution> = served.iter().map(|(_, there)| there.clone()).collect();
        let refused = context.refused(&files)?;
        for (own, there) in served {
            if refused.iter().all(|reply| reply.name != own.filename) {
                write_whole(&own.attestation(), &fs_err::read(there.attestation())?)?;
                effects.note(&format!(
                    "the attestation of {} is the one that `{}` has",
                    own.filename, self.name
                ));
            }
        }
        Ok(())
    }

    /// The inner error is why files have no attestations; the outer one, why they must not be uploaded as they are.
    fn attest_all(
        &self,
        client: &IndexClient,
        open: Vec<Distribution>,
        release: &Release,
        effects: &mut Effects<'_>,
    ) -> Result<Result<()>> {
        let context = match SigningContext::of(client, &release.checkout.environment, effects) {
            Ok(context) => context,
            Err(error) => return Ok(Err(error)),
        };
        let (present, missing): (Vec<_>, Vec<_>) = open.into_iter().partition(has_attestation);
        if !present.is_empty() {
            match context.verify(&present) {
                Ok(None) => {}
                Ok(Some(invalid)) => return Err(invalid),
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(if missing.is_empty() { Ok(()) } else { self.sign(&context, &missing, effects) })
    }

    fn sign(
        &self,
        context: &SigningContext<'_>,
        missing: &[Distribution],
        effects: &mut Effects<'_>,
    ) -> Result<()> {
        effects.announce(Action::Attest { optional: self.index.attestations == Attestations::Auto })?;
        let may_be_private = self.index.attestations == Attestations::Required;
        effects.attempt(Effect::Attest { distributions: missing.to_vec() }, |effects| {
            context.sign(missing, may_be_private, effects)
        })
    }
}

impl<'a> SigningContext<'a> {
    fn of(client: &'a IndexClient, environment: &Environment, effects: &Effects<'_>) -> Result<Self> {
        let instance = SigstoreInstance::of(environment).map_err(Error::failed)?;
        let patience = patience(environment).map_err(Error::failed)?;
        let tools =
            ToolEnvironment::of(Toolset::Attestations, environment, &|message| effects.note(message))?;
        Ok(Self { client, tools, instance, patience })
    }

    fn identity(&self) -> Result<SigningIdentity> {
        let credentials =
            self.client.credentials().ok_or_else(|| Error::failed("there are no credentials"))?;
        credentials.signing_identity().map_err(|error| {
            let help = error.help();
            let failed = Error::failed("no attestations can be signed").because(error);
            help.into_iter().fold(failed, Error::help)
        })
    }

    /// Verifies existing attestations against the job, by whose token they are uploaded: the index would refuse others.
    /// Returns why one is not valid, if so.
    fn verify(&self, files: &[Distribution]) -> Result<Option<Error>> {
        let refused = self.refused(files)?.into_iter().next();
        Ok(refused.map(|AttestationReply { name, error, .. }| {
            Error::failed(format!("the attestation beside {name} is not valid for this job: {error}"))
                .help(format!("delete `{name}.publish.attestation` beside it to have another one made"))
        }))
    }

    /// The attestations beside files that are not valid, or not of this job.
    fn refused(&self, files: &[Distribution]) -> Result<Vec<AttestationReply>> {
        let identity = self.identity()?;
        let request = attestation_files(files);
        let request = AttestationRequest {
            files: &request,
            token: None,
            attester: Some(&identity.attester),
            instance: &self.instance,
        };
        let mut refused = Vec::new();
        self.tools.attest(&request, &mut |reply| refused.extend(reply.kind.is_some().then_some(reply)))?;
        Ok(refused)
    }

    /// Signs the files, and tries again in an outage. Returns the evidence for the journal.
    fn sign(
        &self,
        files: &[Distribution],
        may_be_private: bool,
        effects: &Effects<'_>,
    ) -> Result<String, Attempt> {
        let began = Instant::now();
        let made = RefCell::new(Vec::new());
        let mut pause = FIRST_PAUSE;
        loop {
            let left: Vec<Distribution> = files[made.borrow().len()..].to_vec();
            let failure = match self.sign_once(&left, may_be_private, &made) {
                Ok(()) => return Ok(evidence(files, &made.borrow())),
                Err(failure) => failure,
            };
            let stopped = effects.check_interrupt().err();
            let error = match (stopped, failure) {
                (Some(interrupted), _) => interrupted,
                (None, SigningFailure::Final(error)) => error,
                (None, SigningFailure::Outage(why)) if began.elapsed() + pause <= self.patience => {
                    let left = self.patience.saturating_sub(began.elapsed()).as_secs();
                    effects.warn(
                        &format!("Sigstore cannot sign at the moment: {why}"),
                        Some(&format!("trying again in {} s, for {left} s at most", pause.as_secs())),
                    );
                    match effects.wait(pause) {
                        Ok(()) => {
                            pause = (pause * 2).min(LONGEST_PAUSE);
                            continue;
                        }
                        Err(interrupted) => interrupted,
                    }
                }
                (None, SigningFailure::Outage(why)) => Error::failed(format!(
                    "Sigstore could not sign for {} s: {why}",
                    began.elapsed().as_secs()
                )),
            };
            return Err(match made.borrow().is_empty() {
                true => Attempt::NotDone(error),
                false => Attempt::InPart(error),
            });
        }
    }

    fn sign_once(
        &self,
        files: &[Distribution],
        may_be_private: bool,
        made: &RefCell<Vec<AttestationReply>>,
    ) -> Result<(), SigningFailure> {
        // An identity is valid for some minutes.
        let identity = self.identity().map_err(SigningFailure::Final)?;
        if identity.is_private && !may_be_private {
            let error = Error::failed("the repository is not public, and the log would name it")
                .help("set `attestations = \"required\"` in the index's section if it may be named");
            return Err(SigningFailure::Final(error));
        }
        let files = attestation_files(files);
        let request = AttestationRequest {
            files: &files,
            token: Some(&identity.token),
            attester: Some(&identity.attester),
            instance: &self.instance,
        };
        let mut failed = None;
        let run = self.tools.attest(&request, &mut |reply| match reply.kind {
            None => made.borrow_mut().push(reply),
            Some(kind) => failed = Some((kind, reply)),
        });
        run.map_err(|error| SigningFailure::Final(error.into()))?;
        let Some((kind, reply)) = failed else { return Ok(()) };
        let named = format!("{} was not signed: {}", reply.name, reply.error);
        Err(match (kind, reply.log_index) {
            (AttestationFailure::Outage, _) => SigningFailure::Outage(reply.error),
            (AttestationFailure::Unverified, Some(index)) => SigningFailure::Final(
                Error::failed(format!(
                    "the new attestation of {} does not verify, and is not used: {}",
                    reply.name, reply.error
                ))
                .help(format!(
                    "its entry {index} stays in the log; the certificate is for {}",
                    reply.identity
                )),
            ),
            _ => SigningFailure::Final(Error::failed(named)),
        })
    }
}

/// What the journal keeps: the signer, and each file's log entry and hash.
fn evidence(files: &[Distribution], made: &[AttestationReply]) -> String {
    let signer = made.first().map_or("", |reply| reply.identity.as_str());
    let entries = files.iter().zip(made).map(|(file, reply)| {
        let index = reply.log_index.map_or_else(|| "?".to_owned(), |index| index.to_string());
        format!("{} (sha256 {}) as entry {index}", file.filename, file.sha256)
    });
    format!("signed by {signer}: {}", entries.collect::<Vec<_>>().join(", "))
}

/// Takes the files out that the index has: an earlier attempt elsewhere has sent them. Returns them, as they are listed.
fn take_listed(
    client: &IndexClient,
    release: &Release,
    files: &mut Vec<Distribution>,
) -> Vec<(Distribution, SimpleFile)> {
    // What cannot be read now is noticed when the files are sent.
    let Ok(Some(listing)) = client.listing(&release.names().name) else { return Vec::new() };
    let is_there =
        |file: &Distribution| matches!(client.presence_in(Some(&listing), file), Ok(FilePresence::Identical));
    let (there, open): (Vec<_>, Vec<_>) = std::mem::take(files).into_iter().partition(is_there);
    *files = open;
    let listed = |own: Distribution| {
        let file = listing.files.iter().find(|file| file.filename == own.filename)?.clone();
        Some((own, file))
    };
    there.into_iter().filter_map(listed).collect()
}

fn attestation_files(files: &[Distribution]) -> Vec<AttestationFile<'_>> {
    let files = files.iter().map(|file| AttestationFile {
        name: &file.filename,
        sha256: &file.sha256,
        path: file.attestation(),
    });
    files.collect()
}

/// How long to try again in an outage.
fn patience(environment: &Environment) -> Result<Duration, String> {
    let Some(text) = environment.get(PATIENCE_VARIABLE) else { return Ok(PATIENCE) };
    let seconds = text.parse::<u32>();
    seconds
        .map(|seconds| Duration::from_secs(seconds.into()))
        .map_err(|_| format!("`{text}` (set by `{PATIENCE_VARIABLE}`) is not a whole number of seconds"))
}
