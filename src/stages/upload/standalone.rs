//! Files uploaded by themselves, without a release: what can be seen beforehand, the sending, and what became of each.

use std::sync::atomic::{AtomicBool, Ordering};

use super::install::Trial;
use super::look;
use super::send::{UploadOutcome, UploadReport, attempt, in_waves, note_in};
use super::sign_in::sign_in;
use super::verify::{self, Patience, Shown};
use crate::config::IndexSettings;
use crate::engine::event::{Event, FileStatus, Listener};
use crate::engine::prelude::*;
use crate::engine::tasks::{attempt_unjournaled, pause};
use crate::error::ExitCode;
use crate::index::{Consignment, FilePresence, Index, IndexAddress, IndexClient, Submission};
use crate::python::distribution::Distribution;
use crate::python::filename::normalize;
use crate::world::Environment;
use crate::world::hashes::Hashes;
use crate::world::parallel::par_map;

/// The name under which events tell of it
const STAGE: &str = "upload";

/// Files of one release that are to go to an index
pub struct StandaloneUpload {
    client: IndexClient,
    submissions: Vec<Submission>,
    /// The project's name as its author writes it
    pub project: String,
    pub version: String,
}

/// How far the index is looked at when it has the files
pub enum Verification<'a> {
    /// Whether it lists them, and gives out what was sent
    Listed,
    /// Also whether the release can be installed from there, and passes a command
    Installed { smoke: Option<&'a str>, variables: &'a Environment },
}

/// The addresses of an index by its settings.
///
/// # Errors
/// One that cannot be used.
pub fn address_of(name: &str, index: &IndexSettings) -> Result<IndexAddress> {
    let (upload, simple, view) = (&index.upload, index.simple.as_deref(), index.view.as_deref());
    let address = IndexAddress::new(name, upload, simple, view)?;
    Ok(address.with_trusted_publishing(index.trusted_publishing))
}

impl StandaloneUpload {
    /// Reads the files, which have been judged, and connects to the index; nothing is sent yet.
    ///
    /// # Errors
    /// A file that cannot be read, files of more than one release, or an address or credentials that cannot be used.
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
            return Err(Error::usage("there are no files to upload"));
        };
        let (project, version) = (first.field("name").to_owned(), first.field("version").to_owned());
        let is_other = |submission: &&Submission| {
            normalize(submission.field("name")) != normalize(&project)
                || submission.field("version") != version
        };
        if let Some(other) = submissions.iter().find(is_other) {
            return Err(Error::usage(format!(
                "these are files of several releases: {project} {version}, and {} {}",
                other.field("name"),
                other.field("version")
            ))
            .help("upload one release at a time: old files may lie beside the new ones"));
        }
        let client = IndexClient::connect(environment, address_of(name, index)?, Some(&project))?;
        Ok(Self { client, submissions, project, version })
    }

    /// Where the release is to be looked at.
    pub fn view(&self) -> Option<String> {
        self.client.address().view_url(&self.project, &self.version)
    }

    /// How many files there are, with how many bytes.
    pub fn size(&self) -> (usize, u64) {
        (self.submissions.len(), self.submissions.iter().map(|file| file.distribution.size).sum())
    }

    pub fn client(&self) -> &IndexClient {
        &self.client
    }

    pub fn distributions(&self) -> Vec<Distribution> {
        self.submissions.iter().map(|submission| submission.distribution.clone()).collect()
    }

    /// What would make it fail, found without sending anything. Files that the index has are taken off the list.
    ///
    /// # Errors
    /// The index cannot be asked.
    pub fn look(&mut self, environment: &Environment, listener: &dyn Listener) -> Result<Vec<Finding>> {
        let mut findings = sign_in(&self.client, environment, &self.project);
        if self.client.new_host(environment)?.is_some() {
            return Ok(findings);
        }
        findings.extend(look::unattested(&self.client, &self.submissions).map(Finding::note));
        if let Some(finding) = look::unlisted(&self.client, "say where it lists files: `--simple URL`") {
            findings.push(finding);
            return Ok(findings);
        }
        let Some(listing) = look::listing(&self.client, &self.project)? else { return Ok(findings) };
        let mut there = Vec::new();
        for (place, submission) in self.submissions.iter().enumerate() {
            let distribution = &submission.distribution;
            match self.client.standing_in(Some(&listing), distribution) {
                Ok(FilePresence::Absent) => findings.extend(look::twin(&self.client, &listing, distribution)),
                Ok(FilePresence::Identical) => there.push(place),
                Ok(FilePresence::Different { sha256 }) => findings.push(
                    Finding::error(format!(
                        "`{}` has another {}: its sha256 is {sha256}, ours is {}",
                        self.client.address().name,
                        distribution.filename,
                        distribution.sha256
                    ))
                    .help("a file name is taken for good: release another version"),
                ),
                Err(error) => {
                    let unknown = format!("what {} is there is not known", distribution.filename);
                    findings.push(Finding::from(Error::refused(unknown).because(error)));
                }
            }
        }
        let standing = UploadOutcome {
            fate: FileStatus::There,
            reason: "there already, with the same sha256".to_owned(),
        };
        let report = self.report();
        there.iter().for_each(|place| listener.on_event(&report.of(*place, &standing)));
        for place in there.into_iter().rev() {
            self.submissions.remove(place);
        }
        // What is there already closes no release and breaks no bound.
        if !self.submissions.is_empty() {
            let (_, bytes) = self.size();
            findings.extend(look::limits(&self.client, &listing, &self.project, &self.version, bytes));
            let names = (self.project.as_str(), self.version.as_str());
            let will = self.submissions.iter().any(Submission::is_attested);
            findings.extend(look::loses_attestations(&self.client, &listing, names, Some(will)));
        }
        Ok(findings)
    }

    /// Whether the index would take each file, asked by something that it refuses.
    pub fn probe(&self) -> Vec<Finding> {
        look::probe(&self.client, &self.submissions)
    }

    fn report(&self) -> UploadReport<'_> {
        UploadReport { stage: STAGE, index: &self.client.address().name, submissions: &self.submissions }
    }

    /// Waits until the index lists every file of the release, and compares one that it gives out with what was sent; if
    /// wanted, installs that one into a fresh environment and tries it. What was not visible in time is told, and no error.
    ///
    /// # Errors
    /// The index has or gives out something else; the release cannot be installed, or the command to try it with fails; or
    /// the user interrupted.
    pub fn verify(
        &self,
        all: &[Distribution],
        how: &Verification<'_>,
        interrupted: &AtomicBool,
        listener: &dyn Listener,
    ) -> Result<()> {
        let index = &self.client.address().name;
        let pause = |time| pause(time, interrupted);
        let patience = Patience::with(&self.client);
        let not_visible = |why: &str| {
            let message = format!("the release is uploaded to `{index}`, but not visible there yet: {why}");
            let help = Some("look at it in some minutes; indexes have caches");
            listener.on_event(&Event::Warning { stage: Some(STAGE), message: &message, help });
        };
        let files = match verify::wait(&self.client, &self.project, all, patience, &pause)? {
            Shown::NotYet(why) => {
                not_visible(&why);
                return Ok(());
            }
            Shown::Different(files) => return Err(self.not_what_was_sent(&files)),
            Shown::All(files) => files,
        };
        let Some(chosen) = verify::installable(all) else { return Ok(()) };
        let folder = tempfile::tempdir()?;
        let file = folder.path().join(&all[chosen].filename);
        if let Some(why) = verify::fetch(&self.client, &files[chosen], &all[chosen], &file, patience, &pause)?
        {
            not_visible(&why);
            return Ok(());
        }
        let message =
            format!("`{index}` lists all {} files with their hashes, and gives out what was sent", all.len());
        listener.on_event(&Event::Note { stage: Some(STAGE), message: &message });
        let Verification::Installed { smoke, variables } = how else { return Ok(()) };
        let (project, version) = (&self.project, &self.version);
        let trial = Trial { file: &file, project, version, smoke: *smoke, variables };
        let log = folder.path().join("output.log");
        let tell = |line: &str| listener.on_event(&Event::Output { stage: STAGE, line });
        // The error has the end of what it printed; the whole was shown.
        trial.run(&|process| process.stream(&log, interrupted, tell).map_err(Error::from))?;
        listener.on_event(&Event::Note { stage: Some(STAGE), message: &trial.passed(index) });
        Ok(())
    }

    /// Compares what the index lists with what was sent, and hardly waits for what it does not list yet.
    ///
    /// # Errors
    /// It lists something else; or the user interrupted.
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
        match verify::wait(&self.client, &self.project, all, Patience::short(&self.client), &pause)? {
            Shown::All(_) => {}
            Shown::NotYet(why) => {
                let message = verify::not_compared(&self.client, &why);
                listener.on_event(&Event::Note { stage: Some(STAGE), message: &message });
            }
            Shown::Different(files) => return Err(self.not_what_was_sent(&files)),
        }
        Ok(())
    }

    fn not_what_was_sent(&self, files: &[String]) -> Error {
        let release = format!("{} {}", self.project, self.version);
        verify::not_what_was_sent(&self.client.address().name, &release, files, true)
    }

    /// Sends the files; what became of each is told.
    ///
    /// # Errors
    /// At least one is not there, or not known to be. The exit code says whether any is.
    pub fn send(&self, connections: usize, interrupted: &AtomicBool, listener: &dyn Listener) -> Result<()> {
        let index: &dyn Index = &self.client;
        index.begin(&self.project, &self.version).map_err(|error| self.client.explain(error))?;
        let report = self.report();
        listener.on_event(&report.beginning());
        let consignment = Consignment::new(true);
        let outcomes = in_waves(&self.distributions(), &mut |wave| {
            let attempt =
                |place: &usize| attempt(index, &self.client, &self.submissions[*place], &consignment);
            let attempts = wave.iter().map(attempt).collect();
            let ended = |at: usize, outcome: &TaskOutcome| {
                note_in(&consignment, outcome);
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
            // What was put is hidden, and taken back where the index does not do so by itself.
            let _ = index.abort();
        } else if anything {
            let help = "what is there stays; put that right and say the same again: only the rest is sent";
            return Err(error.with_code(ExitCode::Left).help(help));
        }
        Err(match interrupted.load(Ordering::Relaxed) {
            true => error.with_code(ExitCode::Interrupted),
            false => error,
        })
    }
}
