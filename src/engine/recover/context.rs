//! Finds out the outcome of effects in doubt: asks the repository, remotes, indexes, commands and plugins.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use crate::engine::event::Listener;
use crate::engine::journal::{Entry, Header, Journal, Record, entries, header};
use crate::engine::model::{Effect, State};
use crate::engine::run::RunFolder;
use crate::error::{Error, ErrorKind, Result};
use crate::index::{FilePresence, IndexAddress, IndexClient, has_attestation};
use crate::world::Environment;
use crate::world::git::{Remote, Repository};
use crate::world::process::{Process, ProcessError, Since};

/// Whether an effect is present
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    Present,
    Absent,
    /// It could not be asked, or the answer is neither
    Unknown(String),
}

/// The outcome found for an effect in doubt
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Resolution {
    Done,
    NotDone {
        reason: String,
    },
    /// The effect is absent, but may still arrive
    MayArrive,
    Unknown,
}

/// The context of a recovery
pub struct RecoveryContext<'a> {
    pub repository: &'a Repository,
    pub environment: &'a Environment,
    pub run: &'a RunFolder,
    pub listener: &'a dyn Listener,
}

impl RecoveryContext<'_> {
    /// Asks whether an effect is present.
    pub fn probe(&self, effect: &Effect) -> Presence {
        match effect {
            Effect::Land { landing } if landing.is_done(self.repository) => Presence::Present,
            Effect::Land { landing } if landing.is_absent(self.repository) => Presence::Absent,
            Effect::Land { .. } => Presence::Unknown("the branch or the tag was moved since".to_owned()),
            Effect::Push { remote, updates, .. } => {
                self.probe_push(&Remote { name: remote.clone() }, updates)
            }
            Effect::Upload { index, url, simple, project, distribution, .. } => {
                let address = IndexAddress::new(index, url, simple.as_deref(), None).map_err(Error::from);
                let client = address
                    .and_then(|address| IndexClient::connect_to_read(self.environment, address, project));
                let client = match client {
                    Ok(client) => client,
                    Err(error) => return Presence::Unknown(error.chain()),
                };
                match client.presence(project, distribution) {
                    Ok(FilePresence::Identical) => Presence::Present,
                    Ok(FilePresence::Absent) => Presence::Absent,
                    Ok(FilePresence::Different { sha256 }) => Presence::Unknown(format!(
                        "`{index}` has another {} (sha256 {sha256})",
                        distribution.filename
                    )),
                    Err(error) => Presence::Unknown(error.to_string()),
                }
            }
            // Each file's attestation is kept as soon as the log has it.
            Effect::Attest { distributions } if distributions.iter().all(has_attestation) => {
                Presence::Present
            }
            Effect::Attest { .. } => Presence::Absent,
            Effect::Command { verify: Some(verify), environment, member, .. } => {
                self.verify(verify, environment, member.as_deref())
            }
            Effect::Plugin(effect) => self.verify_plugin(effect),
            Effect::Forge(effect) => self.probe_forge(effect),
            Effect::Command { verify: None, .. } => Presence::Unknown(
                "a command without `verify` leaves no trace that can be asked for".to_owned(),
            ),
        }
    }

    /// Runs the stage's `verify` command: status 0 means present, 1 absent.
    fn verify(&self, verify: &[String], secrets: &[String], member: Option<&str>) -> Presence {
        let log = self.run.log("verify");
        match self.command(verify, secrets, member).stream(&log, &AtomicBool::new(false), |_| {}) {
            Ok(()) => Presence::Present,
            Err(ProcessError::Failed { code: Some(1), .. }) => Presence::Absent,
            Err(error) => Presence::Unknown(error.to_string()),
        }
    }

    /// A command of the user, in the folder of the project or member, with the release's variables and these secrets.
    pub(super) fn command(&self, words: &[String], secrets: &[String], member: Option<&str>) -> Process {
        let (program, arguments) = words.split_first().map_or(("true", words), |(first, rest)| (first, rest));
        let header = Journal::read(&self.run.journal()).ok().and_then(|records| header(&records).cloned());
        let folder = self.folder(header.as_ref(), member);
        let process =
            Process::new(program).args(arguments).folder(&folder).with_secrets(self.environment, secrets);
        let run = member.map_or_else(|| self.run.clone(), |member| self.run.of_member(member));
        let variables = header.map(|header| run.variables(&header.names_of(member))).unwrap_or_default();
        variables.into_iter().fold(process, |process, (name, value)| process.env(name, value))
    }

    /// The folder of the project or member in the user's working tree, or its top where that folder is gone.
    pub(super) fn folder(&self, header: Option<&Header>, member: Option<&str>) -> PathBuf {
        let folder = self.repository.top().join(header.map_or("", |header| header.prefix_of(member)));
        if folder.is_dir() { folder } else { self.repository.top().to_owned() }
    }

    /// Finds out the outcome of each effect in doubt, after removing the git locks that the run left. Effects whose outcome
    /// stays unknown stay in doubt.
    ///
    /// # Errors
    /// The user interrupted; a lock may belong to another process; the journal cannot be written.
    pub fn reconcile(&self, journal: &mut Journal) -> Result<()> {
        self.remove_locks(journal.records())?;
        let (now, began) = (jiff::Timestamp::now().as_second(), Since::now());
        for entry in entries(journal.records()) {
            if entry.state != State::InDoubt {
                continue;
            }
            let resolution = self.find_out(&entry, now);
            if began.is_interrupted() && resolution == Resolution::Unknown {
                let message = format!("interrupted before the outcome of {} was known", entry.effect);
                return Err(Error::failed(message).with_kind(ErrorKind::Interrupted));
            }
            if let (Effect::Land { landing }, false) = (&entry.effect, resolution == Resolution::Unknown) {
                landing.update_worktree(self.repository)?;
            }
            match resolution {
                Resolution::Done => {
                    journal.write(Record::Done { id: entry.id, evidence: "found there".to_owned() })?;
                }
                Resolution::NotDone { reason } => {
                    journal.write(Record::NotDone { id: entry.id, reason, is_final: false })?;
                }
                // It is unknown when it was sent, or the clock was set back: count from now.
                Resolution::MayArrive if !entry.is_sent || entry.at > now => {
                    journal.write(Record::Doubted { id: entry.id, at: now })?;
                }
                Resolution::MayArrive | Resolution::Unknown => {}
            }
        }
        Ok(())
    }

    /// The outcome of an effect in doubt.
    fn find_out(&self, entry: &Entry, now: i64) -> Resolution {
        if let Effect::Push { .. } = entry.effect {
            return self.find_out_push(entry, now);
        }
        match self.probe(&entry.effect) {
            Presence::Present => Resolution::Done,
            Presence::Absent if entry.may_still_arrive(now) => Resolution::MayArrive,
            Presence::Absent => Resolution::NotDone { reason: "not found there".to_owned() },
            Presence::Unknown(_) => Resolution::Unknown,
        }
    }

    /// Sets the outcome of a stage's effects that cannot be verified, as the user says. `before` has the entries before
    /// [`Self::reconcile`]: an effect that it resolved in the same way is fine.
    ///
    /// # Errors
    /// No effect of the stage was in doubt, or its verification says otherwise; or the journal cannot be written.
    pub fn resolve_manually(
        &self,
        journal: &mut Journal,
        before: &[Entry],
        stage: &str,
        has_done: bool,
    ) -> Result<()> {
        let entries = entries(journal.records());
        let is_doubtful = |entry: &&Entry| entry.stage == stage && entry.state == State::InDoubt;
        let mut doubtful = entries.iter().filter(is_doubtful).peekable();
        if doubtful.peek().is_none() {
            let were_doubtful: Vec<u64> = before.iter().filter(is_doubtful).map(|entry| entry.id).collect();
            let mut resolution = entries.iter().filter(|entry| were_doubtful.contains(&entry.id)).peekable();
            if resolution.peek().is_some() {
                return match resolution.find(|entry| (entry.state == State::Done) != has_done) {
                    None => Ok(()),
                    Some(other) => Err(Error::left(format!(
                        "{} is {}, as was found out without you",
                        other.effect, other.state
                    ))
                    .help("`pyrelease resume` goes on by what was found")),
                };
            }
            return Err(Error::usage(format!("no effect of `{stage}` is in doubt"))
                .help("`pyrelease status` shows the effects in doubt; `pyrelease resume` continues"));
        }
        let evidence = "confirmed by the user".to_owned();
        doubtful.try_for_each(|entry| {
            journal.write(match has_done {
                true => Record::Done { id: entry.id, evidence: evidence.clone() },
                false => Record::NotDone { id: entry.id, reason: evidence.clone(), is_final: false },
            })
        })
    }
}
