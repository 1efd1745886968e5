//! The effects of a stage that works for each member of a workspace.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::{Effects, Live, Workbench};
use crate::engine::event::{Event, Listener, OfMember};
use crate::engine::model::{Action, MemberActions, Outputs};
use crate::engine::release::Release;
use crate::engine::run::RunFolder;
use crate::error::{Error, Result};
use crate::python::distribution::Distribution;
use crate::world::git::PrivateClone;
use crate::world::parallel::{Reporter, Supervisor, run_bounded};
use crate::world::sync_to_disk;

/// The work of a stage for one member
pub type Work<'a> = &'a mut dyn FnMut(usize, &Release, &mut Effects<'_>) -> Result<Outputs>;

/// The private work of a stage for the member at a position, in any thread
pub type PrivateWork<'a> = &'a (dyn Fn(usize, &Release, &Workbench<'_>) -> Result<Outputs> + Sync);

impl Effects<'_> {
    /// Does `work` for one member after the other, each with effects of its own.
    ///
    /// # Errors
    /// That of the first member for which it failed, with the member's name.
    pub fn for_members(&mut self, release: &Release, work: Work<'_>) -> Result<Outputs> {
        let mut outputs = Outputs::default();
        for (at, member) in release.members.iter().enumerate() {
            let name = member.names().name.as_str();
            let listener = OfMember { member: name, listener: self.listener };
            let run = self.live.as_ref().map(|live| live.run.of_member(name));
            if let Some(run) = &run {
                provide(run, member)?;
            }
            let live = self.live.as_mut().zip(run.as_ref()).map(|(live, run)| Live {
                run,
                clone: live.clone,
                repository: &member.checkout.repository,
                journal: &mut *live.journal,
                interrupted: live.interrupted,
            });
            let mut effects = Effects {
                live,
                member: Some(name.to_owned()),
                after_changes: self.after_changes,
                plugin_steps: self.plugin_steps.clone(),
                ..Effects::inert(&self.stage, self.reach, &listener)
            };
            let worked = work(at, member, &mut effects);
            let Effects { actions, writes, .. } = effects;
            self.after_changes |= actions.iter().any(Action::may_change_files);
            let folder = release.folder_of(member);
            self.writes.extend(writes.into_iter().map(|(path, bytes)| (path_in(folder, &path), bytes)));
            self.add_member(name, actions);
            let mut worked = worked.map_err(|error| error.of_member(name))?;
            if let (Some(live), Some(run)) = (&self.live, &run) {
                gather(live.run, run, &mut worked)?;
            }
            outputs.members.insert(name.to_owned(), worked);
        }
        Ok(outputs)
    }

    /// What a member of the workspace did, beside what it did before in this stage.
    fn add_member(&mut self, name: &str, actions: Vec<Action>) {
        match self.members.iter_mut().find(|known| known.name == name) {
            Some(known) => known.actions.extend(actions),
            None => self.members.push(MemberActions { name: name.to_owned(), actions }),
        }
    }

    /// Does private work for the members at these positions, at most `at_once` at a time, if `begin` succeeds.
    ///
    /// # Errors
    /// That of `begin`, or of the first member for which it failed, with the member's name, when those under way have ended.
    pub fn beside(
        &mut self,
        release: &Release,
        (positions, at_once): (&[usize], usize),
        begin: &dyn Fn(&Workbench<'_>) -> Result<()>,
        work: PrivateWork<'_>,
    ) -> Result<Outputs> {
        self.check_interrupt()?;
        let Some(live) = &self.live else { return Ok(Outputs::default()) };
        self.bench().map_or(Ok(()), |bench| begin(&bench))?;
        let mut jobs = Vec::new();
        let mut names = Vec::new();
        for at in positions {
            let member = &release.members[*at];
            let name = member.names().name.as_str();
            let run = live.run.of_member(name);
            provide(&run, member)?;
            let (stage, release) = (self.stage.as_str(), member.reopened()?);
            jobs.push(Job { at: *at, stage, release, run, clone: live.clone });
            names.push(name);
        }
        let interrupted = live.interrupted;
        let mut crew = Crew { names: &names, listener: self.listener, interrupted, results: Vec::new() };
        let failed = |reason: String| Err(Error::failed(reason));
        run_bounded(
            jobs,
            at_once,
            &mut crew,
            &|job, reporter| job.work(work, reporter, interrupted),
            &failed,
        );
        let mut results = crew.results;
        results.sort_by_key(|(at, _)| *at);
        let mut outputs = Outputs::default();
        for (at, worked) in results {
            let mut worked = worked.map_err(|error| error.of_member(names[at]))?;
            gather(live.run, &live.run.of_member(names[at]), &mut worked)?;
            outputs.members.insert(names[at].to_owned(), worked);
        }
        self.check_interrupt()?;
        Ok(outputs)
    }
}

/// The private work of one member
struct Job<'a> {
    at: usize,
    stage: &'a str,
    release: Release,
    run: RunFolder,
    clone: &'a PrivateClone,
}

impl Job<'_> {
    fn work(
        self,
        work: PrivateWork<'_>,
        reporter: &Reporter<'_, Said>,
        interrupted: &AtomicBool,
    ) -> Result<Outputs> {
        let listener = Forward { reporter, member: self.release.names().name.clone() };
        let bench = Workbench {
            clone: self.clone,
            run: &self.run,
            stage: self.stage,
            listener: &listener,
            interrupted,
        };
        work(self.at, &self.release, &bench)
    }
}

/// Tells a listener of an event
type Tell = Box<dyn FnOnce(&dyn Listener) + Send>;

/// An event of a member in another thread, to be told in this one
struct Said {
    member: String,
    tell: Tell,
}

/// Sends the events of private work to the thread that listens
struct Forward<'a> {
    reporter: &'a Reporter<'a, Said>,
    member: String,
}

impl Listener for Forward<'_> {
    fn on_event(&self, event: &Event<'_>) {
        let tell: Tell = match event {
            Event::Output { stage, line } => {
                let (stage, line) = ((*stage).to_owned(), (*line).to_owned());
                Box::new(move |to| to.on_event(&Event::Output { stage: &stage, line: &line }))
            }
            Event::Note { stage, message } => {
                let (stage, message) = (stage.map(str::to_owned), (*message).to_owned());
                Box::new(move |to| to.on_event(&Event::Note { stage: stage.as_deref(), message: &message }))
            }
            Event::Warning { stage, message, help } => {
                let (stage, message) = (stage.map(str::to_owned), (*message).to_owned());
                let help = help.map(str::to_owned);
                Box::new(move |to| {
                    let (stage, help) = (stage.as_deref(), help.as_deref());
                    to.on_event(&Event::Warning { stage, message: &message, help });
                })
            }
            Event::Action { stage, action } => {
                let (stage, action) = ((*stage).to_owned(), (*action).clone());
                Box::new(move |to| to.on_event(&Event::Action { stage: &stage, action: &action }))
            }
            Event::BuildEnvironment { stage, environment, is_reused } => {
                let (stage, environment) = (stage.map(str::to_owned), (*environment).clone());
                let is_reused = *is_reused;
                Box::new(move |to| {
                    let stage = stage.as_deref();
                    to.on_event(&Event::BuildEnvironment { stage, environment: &environment, is_reused });
                })
            }
            // Private work says nothing else.
            _ => return,
        };
        self.reporter.report(Said { member: self.member.clone(), tell });
    }
}

/// Collects the results of the members
struct Crew<'a> {
    names: &'a [&'a str],
    listener: &'a dyn Listener,
    interrupted: &'a AtomicBool,
    results: Vec<(usize, Result<Outputs>)>,
}

impl Supervisor<Job<'_>, Said, Result<Outputs>> for Crew<'_> {
    fn begin(&mut self, _: usize, _: &Job<'_>) -> bool {
        true
    }

    fn on_message(&mut self, said: Said) {
        (said.tell)(&OfMember { member: &said.member, listener: self.listener });
    }

    fn end(&mut self, index: usize, result: Result<Outputs>) {
        debug_assert!(index < self.names.len());
        self.results.push((index, result));
    }

    fn is_stopped(&self) -> bool {
        let is_interrupted = self.interrupted.load(std::sync::atomic::Ordering::Relaxed);
        is_interrupted || self.results.iter().any(|(_, result)| result.is_err())
    }
}

/// A path in a folder of the workspace as one of the workspace; several members may write a file above them.
pub fn path_in(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Makes the member's folder of distributions, with those that it has.
fn provide(run: &RunFolder, member: &Release) -> Result<()> {
    let dist = run.dist();
    fs_err::create_dir_all(&dist)?;
    for file in member.outputs.distributions.iter().filter(|file| file.path.is_file()) {
        link(&file.path, &dist.join(&file.filename))?;
    }
    Ok(())
}

/// Puts what was built for a member into the run's folder of distributions, where everything else looks for it.
fn gather(run: &RunFolder, own: &RunFolder, outputs: &mut Outputs) -> Result<()> {
    let (all, from) = (run.dist(), own.dist());
    let is_own = |file: &&mut Distribution| file.path.parent() == Some(&from);
    let mut is_changed = false;
    for file in outputs.distributions.iter_mut().filter(is_own) {
        let path = all.join(&file.filename);
        link(&file.path, &path)?;
        file.path = path;
        is_changed = true;
    }
    if is_changed { sync_to_disk(&all) } else { Ok(()) }
}

/// Makes a file the same as another, which does not change any more.
fn link(from: &Path, to: &Path) -> Result<()> {
    if from == to || to.is_file() {
        return Ok(());
    }
    if fs_err::hard_link(from, to).is_err() {
        fs_err::copy(from, to)?;
    }
    Ok(())
}
