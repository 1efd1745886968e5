//! Uploads files outside of a release: the checks beforehand, the uploads, and the outcome of each.

use std::sync::atomic::{AtomicBool, Ordering};

use super::credentials::check_credentials;
use super::install::Trial;
use super::look;
use super::send::{UploadOutcome, UploadReport, attempt, in_waves, note_in};
use super::verify::{self, ListingState, PollSchedule};
use crate::config::{Attestations, IndexSettings};
use crate::engine::event::{Event, FileStatus, Listener};
use crate::engine::prelude::*;
use crate::engine::tasks::{attempt_unjournaled, pause};
use crate::error::ErrorKind;
use crate::index::{Delivery, FilePresence, Index, IndexAddress, IndexClient, Submission, UploadSession};
use crate::python::distribution::Distribution;
use crate::python::filename::normalize;
use crate::world::Environment;
use crate::world::hashes::Hashes;
use crate::world::parallel::par_map;

/// The stage name in its events
const STAGE: &str = "upload";

/// Files of one release to upload to an index
pub struct StandaloneUpload {
    client: IndexClient,
    requires_attestations: bool,
    submissions: Vec<Submission>,
    /// The project's name as in its metadata
    pub project: String,
    pub version: String,
}

/// How the upload is verified
pub enum Verification<'a> {
    /// The index lists the files and serves the uploaded bytes
    Listed,
    /// Also, the release can be installed from the index and passes a command
    Installed { smoke: Option<&'a str>, variables: &'a Environment },
}

/// The URLs of an index from its settings.
///
/// # Errors
/// A URL cannot be used.
pub fn address_of(name: &str, index: &IndexSettings) -> Result<IndexAddress> {
    let (upload, simple, view) = (&index.upload, index.simple.as_deref(), index.view.as_deref());
    let address = IndexAddress::new(name, upload, simple, view)?;
    Ok(address.with_trusted_publishing(index.trusted_publishing))
}

impl StandaloneUpload {
    /// Reads the files, which have been checked, and connects to the index; sends nothing.
    ///
    /// # Errors
    /// A file cannot be read, the files belong to several releases, or a URL or credentials cannot be used.
    pub fn new(
        environment: &Environment,
        (name, index): (&str, &IndexSettings),
        distributions: &[Distribution],
        hashes: &Hashes,
    ) -> Result<Self> {
        let read = |distribution: &Distribution| Submission::read(distribution, hashes);
        let mut submissions = par_map(distributions, &read).into_iter().collect::<Result<Vec<_>>>()?;
        let order = |submission: &Submission| {
            let distribution = &submission.distribution;
            (distribution.kind, distribution.filename.clone())
        };
        submissions.sort_by_key(order);
        let Some(first) = submissions.first() else {
            return Err(Error::usage("no files to upload"));
        };
        let (project, version) = (first.field("name").to_owned(), first.field("version").to_owned());
        let is_other = |submission: &&Submission| {
            normalize(submission.field("name")) != normalize(&project)
                || submission.field("version") != version
        };
        if let Some(other) = submissions.iter().find(is_other) {
            return Err(Error::usage(format!(
                "the files belong to several releases: {project} {version} and {} {}",
                other.field("name"),
                other.field("version")
            ))
            .help("upload one release at a time, and check for old files beside the new ones"));
        }
        let client = IndexClient::connect(environment, address_of(name, index)?, Some(&project))?;
        let requires_attestations = index.attestations == Attestations::Required;
        Ok(Self { client, requires_attestations, submissions, project, version })
    }

    /// The URL to view the release at.
    pub fn view(&self) -> Option<String> {
        self.client.address().view_url(&self.project, &self.version)
    }

    /// The number of files and their total size.
    pub fn size(&self) -> (usize, u64) {
        (self.submissions.len(), self.submissions.iter().map(|file| file.distribution.size).sum())
    }

    pub fn client(&self) -> &IndexClient {
        &self.client
    }

    pub fn distributions(&self) -> Vec<Distribution> {
        self.submissions.iter().map(|submission| submission.distribution.clone()).collect()
    }

    /// Finds what would make the upload fail, without sending anything. Removes files that the index already has from
    /// the list.
    ///
    /// # Errors
    /// The index cannot be reached.
    pub fn look(&mut self, environment: &Environment, listener: &dyn Listener) -> Result<Vec<Finding>> {
        let mut findings = check_credentials(&self.client, environment, &self.project);
        if self.client.new_host(environment)?.is_some() {
            return Ok(findings);
        }
        let unattested = look::unattested(&self.client, &self.submissions);
        if self.requires_attestations {
            findings.extend(self.lacks_attestations(unattested.as_deref()));
        } else {
            findings.extend(unattested.map(Finding::note));
        }
        if let Some(finding) =
            look::unlisted(&self.client, "pass `--simple URL`, where the index lists files")
        {
            findings.push(finding);
            return Ok(findings);
        }
        let Some(listing) = look::listing(&self.client, &self.project)? else { return Ok(findings) };
        let mut there = Vec::new();
        for (place, submission) in self.submissions.iter().enumerate() {
            let distribution = &submission.distribution;
            match self.client.presence_in(Some(&listing), distribution) {
                Ok(FilePresence::Absent) => findings.extend(look::twin(&self.client, &listing, distribution)),
                Ok(FilePresence::Identical) => there.push(place),
                Ok(FilePresence::Different { sha256 }) => findings.push(
                    Finding::error(format!(
                        "`{}` has a different {}: its sha256 is {sha256}, ours is {}",
                        self.client.address().name,
                        distribution.filename,
                        distribution.sha256
                    ))
                    .help("the file name cannot be used again: release another version"),
                ),
                Err(error) => {
                    let unknown =
                        format!("failed to compare {} with the file on the index", distribution.filename);
                    findings.push(Finding::from(Error::refused(unknown).because(error)));
                }
            }
        }
        let standing = UploadOutcome::new(FileStatus::There, Delivery::AlreadyThere.to_string());
        let report = self.report();
        there.iter().for_each(|place| listener.on_event(&report.of(*place, &standing)));
        for place in there.into_iter().rev() {
            self.submissions.remove(place);
        }
        // Files that are already there are not subject to limits.
        if !self.submissions.is_empty() {
            let (_, bytes) = self.size();
            findings.extend(look::limits(&self.client, &listing, &self.project, &self.version, bytes));
            let names = (self.project.as_str(), self.version.as_str());
            let will = self.submissions.iter().any(Submission::is_attested);
            findings.extend(look::loses_attestations(&self.client, &listing, names, Some(will)));
        }
        Ok(findings)
    }

    /// That the index requires attestations, and a file would have none.
    fn lacks_attestations(&self, unattested: Option<&str>) -> Option<Finding> {
        let index = &self.client.address().name;
        if let Some(why) = unattested {
            return Some(Finding::error(format!("`{index}` requires attestations: {why}")));
        }
        let bare = self.submissions.iter().find(|submission| !submission.is_attested())?;
        let file = &bare.distribution.filename;
        let message = format!("`{index}` requires attestations, and there is none beside {file}");
        Some(Finding::error(message).help(
            "`pyrelease run` signs one in a trusted publisher's job; or put one there, as `FILE.publish.attestation`",
        ))
    }

    /// Asks whether the index would accept each file, by uploads made to be refused.
    pub fn probe(&self) -> Vec<Finding> {
        look::probe(&self.client, &self.submissions)
    }

    fn report(&self) -> UploadReport<'_> {
        UploadReport { stage: STAGE, index: &self.client.address().name, submissions: &self.submissions }
    }

    /// Waits until the index lists every file of the release, and downloads one to compare it. With
    /// `Verification::Installed`, it also installs that file into a fresh environment and tests it. Files that do not
    /// appear in time cause a warning, not an error.
    ///
    /// # Errors
    /// The index lists or serves something else; the release cannot be installed or fails its test; or the user
    /// interrupted.
    pub fn verify(
        &self,
        all: &[Distribution],
        how: &Verification<'_>,
        interrupted: &AtomicBool,
        listener: &dyn Listener,
    ) -> Result<()> {
        let index = &self.client.address().name;
        let pause = |time| pause(time, interrupted);
        let patience = PollSchedule::with(&self.client);
        let not_visible = |why: &str| {
            let message = format!("the release is uploaded to `{index}`, but not visible there yet: {why}");
            let help = Some("check again in some minutes: indexes have caches");
            listener.on_event(&Event::Warning { stage: Some(STAGE), message: &message, help });
        };
        let files = match verify::wait(&self.client, &self.project, all, patience, &pause)? {
            ListingState::NotYet(why) => {
                not_visible(&why);
                return Ok(());
            }
            ListingState::Different(files) => return Err(self.not_what_was_sent(&files)),
            ListingState::All(files) => files,
        };
        let Some(chosen) = verify::installable(all) else { return Ok(()) };
        let folder = tempfile::tempdir()?;
        let file = folder.path().join(&all[chosen].filename);
        if let Some(why) = verify::fetch(&self.client, &files[chosen], &all[chosen], &file, patience, &pause)?
        {
            not_visible(&why);
            return Ok(());
        }
        let message = format!(
            "`{index}` lists all {} files with their hashes, and serves the uploaded bytes",
            all.len()
        );
        listener.on_event(&Event::Note { stage: Some(STAGE), message: &message });
        let Verification::Installed { smoke, variables } = how else { return Ok(()) };
        let (project, version) = (&self.project, &self.version);
        let trial = Trial { file: &file, project, version, smoke: *smoke, variables, siblings: None };
        let log = folder.path().join("output.log");
        let tell = |line: &str| listener.on_event(&Event::Output { stage: STAGE, line });
        // The error contains the end of the output; all of it was shown.
        trial.run(&|process| process.stream(&log, interrupted, tell).map_err(Error::from))?;
        listener.on_event(&Event::Note { stage: Some(STAGE), message: &trial.passed(index) });
        Ok(())
    }

    /// Compares the index's listing with what was sent, with only a short wait for files that are missing.
    ///
    /// # Errors
    /// The index lists something else, or the user interrupted.
    pub fn compare(
        &self,
        all: &[Distribution],
        interrupted: &AtomicBool,
        listener: &dyn Listener,
    ) -> Result<()> {
        if self.client.address().simple.is_none() {
            return Ok(());
        }
        let pause = |time| pause(time, interrupted);
        match verify::wait(&self.client, &self.project, all, PollSchedule::short(&self.client), &pause)? {
            ListingState::All(_) => {}
            ListingState::NotYet(why) => {
                let message = verify::not_compared(&self.client, &why);
                listener.on_event(&Event::Note { stage: Some(STAGE), message: &message });
            }
            ListingState::Different(files) => return Err(self.not_what_was_sent(&files)),
        }
        Ok(())
    }

    fn not_what_was_sent(&self, files: &[String]) -> Error {
        let release = format!("{} {}", self.project, self.version);
        verify::not_what_was_sent(&self.client.address().name, &release, files, true)
    }

    /// Sends the files and reports the outcome of each.
    ///
    /// # Errors
    /// At least one file is not on the index, or may not be. The exit code tells whether any is.
    pub fn send(&self, connections: usize, interrupted: &AtomicBool, listener: &dyn Listener) -> Result<()> {
        let index: &dyn Index = &self.client;
        index.begin(&self.project, &self.version).map_err(|error| self.client.explain(error))?;
        let report = self.report();
        listener.on_event(&report.beginning());
        let session = UploadSession::new(true);
        let outcomes = in_waves(&self.distributions(), &mut |wave| {
            let attempt = |place: &usize| attempt(index, &self.client, &self.submissions[*place], &session);
            let attempts = wave.iter().map(attempt).collect();
            let ended = |at: usize, outcome: &TaskOutcome| {
                note_in(&session, outcome);
                listener.on_event(&report.of(wave[at], &outcome.into()));
            };
            attempt_unjournaled(STAGE, attempts, connections, interrupted, listener, &ended)
        });
        let mut anything = false;
        let mut failures = Vec::new();
        for (place, outcome) in outcomes.into_iter().enumerate() {
            anything |= matches!(outcome, TaskOutcome::Done(_) | TaskOutcome::InDoubt(_));
            match outcome {
                TaskOutcome::Done(_) => {}
                TaskOutcome::NotDone(error) | TaskOutcome::InDoubt(error) => failures.push(error),
                TaskOutcome::NotStarted => listener.on_event(&report.of(place, &UploadOutcome::not_sent())),
            }
        }
        let Some(error) = report.failure(failures) else {
            return index.commit().map_err(|error| self.client.explain(error));
        };
        if index.is_staged() {
            // The files are hidden. Discard them in case the index does not do so by itself.
            let _ = index.abort();
        } else if anything {
            let help = "uploaded files stay; fix the error and run the command again to upload the rest";
            return Err(error.with_kind(ErrorKind::Left).help(help));
        }
        Err(match interrupted.load(Ordering::Relaxed) {
            true => error.with_kind(ErrorKind::Interrupted),
            false => error,
        })
    }
}
