//! Judges a recovery: the state must be as before the release, or the release must be complete.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::Deserialize;

use super::configuration::{Command, Configuration};
use super::facts::{Facts, Named};
use super::plugins;
use super::points::{KillPoint, Phase, RecoveryCommand};
use super::report::{Outcome, Recovery};
use super::sandbox::{Ended, Sandbox};
use crate::config::IndexKind;
use crate::engine::journal::{Journal, Outcome as End, Record};
use crate::engine::model::{Effect, Reach};
use crate::engine::run::Store;
use crate::engine::status::NextCommand;
use crate::error::{ExitCode, Result};
use crate::world::failpoints::Failpoint;
use crate::world::git::{Landing, Repository, TagRef};
use crate::world::process::Process;

/// The expected states
pub(super) struct Judge<'a> {
    pub(super) pristine: Facts,
    /// After an uninterrupted release
    pub(super) complete: &'a Facts,
    /// The effects of plugins after it
    pub(super) effects: &'a plugins::Named,
    pub(super) configuration: &'a Configuration,
}

impl Judge<'_> {
    /// Runs a recovery and judges its outcome. `before` is the state when the run was killed, if known.
    ///
    /// # Errors
    /// The drill itself cannot continue.
    pub(super) fn recover(
        &self,
        sandbox: &Sandbox<'_>,
        command: RecoveryCommand,
        point: &KillPoint,
        before: Option<&Facts>,
    ) -> Result<Recovery> {
        let began = Instant::now();
        let phase = point.phase;
        let ended = match command {
            RecoveryCommand::Rollback => sandbox.pyrelease(&[command.name(), "--yes"], None)?,
            RecoveryCommand::Resume => self.resume(sandbox, point)?,
        };
        let mut differences: Vec<String> = sandbox
            .wait_for_processes()
            .into_iter()
            .map(|command| format!("`{command}` is still running"))
            .collect();
        // Without facts, its push may have arrived later.
        let has_pushed = before.is_some_and(|before| before.remotes != self.pristine.remotes);
        let is_undone = point.is_pushing && !has_pushed && ended.exit_code() == Some(ExitCode::Done);
        if phase == Phase::Public && command == RecoveryCommand::Rollback && !is_undone {
            if ended.exit_code() != Some(ExitCode::Left) {
                differences.push(format!("rollback must refuse: {}", ended.said()));
            }
            let status = status(sandbox)?;
            if !status.next().iter().any(NextCommand::is_resume) {
                differences.push(format!("status must suggest `{}`: {}", NextCommand::Resume, status.said()));
            }
            if let Some(before) = before {
                let changed = before.differences(&sandbox.facts()?);
                differences
                    .extend(changed.into_iter().map(|line| format!("changed by a refused rollback: {line}")));
            }
            let ended = self.resume(sandbox, point)?;
            sandbox.wait_for_processes();
            differences.extend(self.outcome_differences(sandbox, &ended, Outcome::Released, before)?);
            return Ok(done(Outcome::Refused, differences, began));
        }
        let (outcome, state) = match (phase, command) {
            (Phase::NotBegun | Phase::RolledBack, _) => (Outcome::Nothing, Outcome::RolledBack),
            (Phase::Released, _) => (Outcome::Nothing, Outcome::Released),
            (_, RecoveryCommand::Rollback) => (Outcome::RolledBack, Outcome::RolledBack),
            (_, RecoveryCommand::Resume) => (Outcome::Released, Outcome::Released),
        };
        differences.extend(self.outcome_differences(sandbox, &ended, state, before)?);
        Ok(done(outcome, differences, began))
    }

    /// Completes the run. If `resume` asks whether an irreversible effect was done, answers what a user would see.
    fn resume(&self, sandbox: &Sandbox<'_>, point: &KillPoint) -> Result<Ended> {
        let ended = sandbox.pyrelease(&["resume", "--yes"], None)?;
        if ended.exit_code() != Some(ExitCode::Left) {
            return Ok(ended);
        }
        let next = status(sandbox)?.next();
        let asks = |command: &&Command| {
            let is_permanent = command.reach == Reach::Public || command.plugin.is_some();
            let is_asked_for = is_permanent && !command.verified;
            is_asked_for && next.contains(&NextCommand::ResumeDone(command.name.clone()))
        };
        let Some(command) = self.configuration.commands.iter().find(asks) else { return Ok(ended) };
        let done = match self.configuration.for_real().commands {
            true => !matches!(point.moment, Failpoint::AfterRecord | Failpoint::ProcessStarted),
            false => sandbox.facts()?.commands.contains(&command.name),
        };
        let answer = if done { "--done" } else { "--again" };
        sandbox.pyrelease(&["resume", "--yes", answer, &command.name], None)
    }

    /// The differences from the expected state after this outcome.
    fn outcome_differences(
        &self,
        sandbox: &Sandbox<'_>,
        ended: &Ended,
        state: Outcome,
        before: Option<&Facts>,
    ) -> Result<Vec<String>> {
        let mut differences = Vec::new();
        if ended.exit_code() != Some(ExitCode::Done) {
            differences.push(ended.said());
        }
        let facts = sandbox.facts()?;
        if let Some(before) = before {
            differences.extend(replaced(before, &facts));
        }
        let released = state == Outcome::Released;
        differences.extend(match released {
            true => self.released(sandbox, &facts)?,
            false => self.expected_without_release(&facts).differences(&facts),
        });
        differences.extend(plugins::differences(sandbox, released.then_some(self.effects))?);
        // Repeating a command must not change anything.
        for command in [RecoveryCommand::Rollback, RecoveryCommand::Resume] {
            let again = sandbox.pyrelease(&[command.name(), "--yes"], None)?;
            let refused = released && again.exit_code() == Some(ExitCode::Left);
            if again.exit_code() != Some(ExitCode::Done) && !refused {
                differences.push(format!("repeating `{}` ended with {}", command.name(), again.said()));
            }
        }
        let changed = facts.differences(&sandbox.facts()?);
        differences
            .extend(changed.into_iter().map(|line| format!("changed by the repeated command: {line}")));
        let status = status(sandbox)?;
        if status.ended.exit_code() != Some(ExitCode::Done) || !status.next().is_empty() {
            differences.push(format!("status does not report the run as finished: {}", status.said()));
        }
        Ok(differences)
    }

    /// The expected state without a release: as before, except for permanent effects.
    fn expected_without_release(&self, now: &Facts) -> Facts {
        let mut should = self.pristine.clone();
        for index in &self.configuration.indexes {
            if let (IndexKind::Rehearsal, Some(files)) = (index.kind, now.indexes.get(&index.name)) {
                should.indexes.insert(index.name.clone(), files.clone());
            }
        }
        for command in self.configuration.stand_ins() {
            for (mark, is_undone) in command.marks() {
                let stays = !is_undone || (command.plugin.is_none() && command.reach == Reach::Rehearsal);
                if stays && now.commands.contains(&mark) {
                    should.commands.insert(mark);
                }
            }
        }
        should
    }

    /// The differences from a complete release.
    fn released(&self, sandbox: &Sandbox<'_>, now: &Facts) -> Result<Vec<String>> {
        let repository = Repository::discover(&sandbox.project())?;
        let Some(run) = Store::of(&repository)?.runs()?.pop() else {
            return Ok(vec!["there is no run".to_owned()]);
        };
        let mut differences = Vec::new();
        if run.outcome()? != Some(End::Released) {
            differences.push("the journal does not record the release".to_owned());
        }
        let mut should = self.pristine.clone();
        let mut distributions = BTreeMap::new();
        let mut intended: Vec<(String, String, String)> = Vec::new();
        for record in Journal::read(&run.journal())? {
            match record {
                Record::Intent { effect: Effect::Land { landing }, .. } => {
                    differences.extend(tags_are_right(&repository, &landing)?);
                    land(&mut should, &landing);
                }
                Record::Intent { effect: Effect::Push { remote, updates, .. }, .. } => {
                    for update in updates {
                        let Some(new) = update.new else { continue };
                        let branch = update.name.strip_prefix("refs/heads/");
                        let followed = branch.map(|branch| format!("refs/remotes/{remote}/{branch}"));
                        if let Some(followed) = followed.filter(|name| now.refs.contains_key(name)) {
                            should.refs.insert(followed, new.clone());
                        }
                        should.remotes.entry(remote.clone()).or_default().insert(update.name, new);
                    }
                }
                Record::Intent { effect: Effect::Upload { index, distribution, .. }, .. } => {
                    intended.push((index, distribution.filename, distribution.sha256));
                }
                Record::StageDone { outputs, .. } if outputs.files().next().is_some() => {
                    distributions = outputs.files().map(named).collect();
                }
                _ => {}
            }
        }
        differences.extend(self.uploads(&mut should, now, &distributions, &intended));
        for (name, sha256) in &distributions {
            let file = run.dist().join(name);
            if !file.is_file() || crate::world::sha256(&file)?.0 != *sha256 {
                differences.push(format!("`{name}` in the run's folder differs from the built file"));
            }
        }
        let marks = self.configuration.stand_ins().flat_map(Command::marks);
        should.commands.extend(marks.map(|(mark, _)| mark));
        self.add_other_changes(&mut should, now);
        differences.extend(should.differences(now));
        Ok(differences)
    }

    /// Adds other changes that commands made during a complete run: they must be present, whatever they are.
    fn add_other_changes(&self, should: &mut Facts, now: &Facts) {
        let (pristine, complete) = (&self.pristine, self.complete);
        let is = |now: Option<&Named>, name: &String| now.and_then(|now| now.get(name)).cloned();
        let allow = |should: &mut Named, pristine: &Named, complete: &Named, now: Option<&Named>| {
            for (name, value) in complete {
                let by_a_command =
                    pristine.get(name) != Some(value) && should.get(name) == pristine.get(name);
                if by_a_command {
                    should.insert(name.clone(), is(now, name).unwrap_or_else(|| value.clone()));
                }
            }
        };
        allow(&mut should.refs, &pristine.refs, &complete.refs, Some(&now.refs));
        allow(&mut should.tree, &pristine.tree, &complete.tree, Some(&now.tree));
        for (name, refs) in &complete.remotes {
            let before = pristine.remotes.get(name).cloned().unwrap_or_default();
            allow(should.remotes.entry(name.clone()).or_default(), &before, refs, now.remotes.get(name));
        }
    }

    /// Public indexes must have exactly the run's distributions; rehearsal indexes, the intended ones.
    fn uploads(
        &self,
        should: &mut Facts,
        now: &Facts,
        distributions: &BTreeMap<String, String>,
        intended: &[(String, String, String)],
    ) -> Vec<String> {
        let mut differences = Vec::new();
        for index in &self.configuration.indexes {
            let files = now.indexes.get(&index.name).cloned().unwrap_or_default();
            if index.kind == IndexKind::Public {
                should.indexes.insert(index.name.clone(), distributions.clone());
                continue;
            }
            if files.is_empty() {
                differences.push(format!("`{}` has no files: the release was not rehearsed", index.name));
            }
            let meant = |(name, sha256): (&String, &String)| {
                intended.iter().any(|(on, file, sum)| *on == index.name && file == name && sum == sha256)
            };
            if let Some((name, _)) = files.iter().find(|file| !meant(*file)) {
                differences.push(format!("`{}` has `{name}`, which no run intended to upload", index.name));
            }
            should.indexes.insert(index.name.clone(), files);
        }
        differences
    }
}

/// The output of `status`
struct Status {
    ended: Ended,
    report: Option<StatusOutput>,
}

#[derive(Deserialize)]
struct StatusOutput {
    next: Vec<NextCommand>,
}

fn status(sandbox: &Sandbox<'_>) -> Result<Status> {
    let ended = sandbox.pyrelease(&["status", "--format", "json"], None)?;
    let report = serde_json::from_str(&ended.stdout).ok();
    Ok(Status { ended, report })
}

impl Status {
    /// The commands that continue the run; none if there is no run.
    fn next(&self) -> Vec<NextCommand> {
        self.report.as_ref().map(|report| report.next.clone()).unwrap_or_default()
    }

    fn said(&self) -> String {
        let next: Vec<String> = self.next().iter().map(ToString::to_string).collect();
        format!("{} {next:?}", self.ended.said())
    }
}

fn done(outcome: Outcome, differences: Vec<String>, began: Instant) -> Recovery {
    let outcome = if differences.is_empty() { outcome } else { Outcome::Diverged };
    Recovery { outcome, differences, seconds: began.elapsed().as_secs_f64() }
}

fn named(distribution: &crate::python::distribution::Distribution) -> (String, String) {
    (distribution.filename.clone(), distribution.sha256.clone())
}

fn land(should: &mut Facts, landing: &Landing) {
    match &landing.branch {
        Some(branch) => drop(should.refs.insert(branch.clone(), landing.new.clone())),
        None => should.head.clone_from(&landing.new),
    }
    for tag in &landing.tags {
        should.refs.insert(format!("refs/tags/{}", tag.name), tag.object.clone());
    }
}

/// Checks that every tag is annotated and points to the release commit.
fn tags_are_right(repository: &Repository, landing: &Landing) -> Result<Option<String>> {
    for tag in &landing.tags {
        if let Some(wrong) = tag_is_wrong(repository, landing, tag)? {
            return Ok(Some(wrong));
        }
    }
    Ok(None)
}

fn tag_is_wrong(repository: &Repository, landing: &Landing, tag: &TagRef) -> Result<Option<String>> {
    let git = |arguments: &[&str]| Process::new("git").args(arguments).folder(repository.top()).capture();
    let kind = git(&["cat-file", "-t", &tag.object])?.text();
    let marked = git(&["rev-parse", "--verify", &format!("{}^{{commit}}", tag.object)])?.text();
    let right = kind == "tag" && marked == landing.new;
    Ok((!right)
        .then(|| format!("tag `{}` is a {kind} and points to {marked}, not {}", tag.name, landing.new)))
}

/// The files that disappeared from indexes or were replaced; an index must accept each name only once.
fn replaced(before: &Facts, now: &Facts) -> Vec<String> {
    let mut lines = Vec::new();
    for (index, files) in &before.indexes {
        let current = now.indexes.get(index);
        for (name, sha256) in files {
            if current.and_then(|files| files.get(name)) != Some(sha256) {
                lines.push(format!("`{name}` on {index} was replaced or deleted"));
            }
        }
    }
    lines
}
