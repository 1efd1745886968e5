//! The commands, and those that `status` names.

use super::automaton::{Automaton, Kind, Rec, State};
use super::process::{Done, Fault, Halt, Process, is_public, packed, unpacked, upload};
use super::recovery::{is_unexplained, left};
use super::rules::Rules;
use super::system::{Commit, FILES, Files, Lock, Run, SystemState, TRUNCATED, Task, Wrong};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Command {
    Run,
    Resume,
    Rollback,
    Leave,
    /// `resume --import`
    Import,
    /// What `status` says against a lock: its holder ends, or it is deleted by hand
    Unlock,
}

impl Process<'_> {
    /// Does the command to its end; what of the run is left is in the system.
    pub(crate) fn command(&mut self, command: Command) -> Done {
        match command {
            Command::Run => self.begin(),
            Command::Resume => self.resume(),
            Command::Rollback => self.roll_back(false),
            Command::Leave => self.roll_back(true),
            Command::Import => self.import(),
            Command::Unlock => {
                let repository = &mut self.machine().repository;
                (repository.ref_lock, repository.index_lock) = (None, None);
                self.system.acts.locked = false;
                Ok(())
            }
        }
    }

    /// Opens the journal of the run that is unfinished; false where there is none that could be gone on with.
    fn open(&mut self) -> bool {
        let Some(run) = self.system.machines[self.at].run.clone().filter(|run| !run.over) else {
            return false;
        };
        if run.journal.is_none() {
            return false;
        }
        self.book = self.system.book(&run);
        self.had_lost = lost_its_end(self.rules, &run);
        self.goes_on = true;
        true
    }

    fn resume(&mut self) -> Done {
        if !self.open() || self.had_lost {
            if !self.rebuild()? {
                return Ok(());
            }
            self.had_lost = false;
        }
        self.settle().map_err(left)?;
        self.fetch_missing()?;
        self.complete()
    }

    fn roll_back(&mut self, leave: bool) -> Done {
        if self.open() {
            return self.rollback(leave).map_err(left);
        }
        match &mut self.machine().run {
            Some(run) if !run.over && leave => {
                run.over = true;
                Ok(())
            }
            _ => Err(Halt::Left),
        }
    }

    fn import(&mut self) -> Done {
        let (mut journal, dist) = self.system.packed.clone().expect("there is a run to import");
        journal.push(Rec::Imported);
        self.machine().run = Some(Run::new(journal, dist));
        self.point(&[Fault::Kill])?;
        self.resume()
    }

    /// Makes a run of what the tag and the indexes prove; false where there is nothing to finish.
    fn rebuild(&mut self) -> Done<bool> {
        let mut before = self.machine().run.clone().filter(|run| !run.over);
        let nothing = if before.is_some() { Err(Halt::Left) } else { Ok(false) };
        let repository = &self.machine().repository;
        if !repository.tag || !repository.branch.has_release() {
            return nothing;
        }
        if self.point(&[Fault::Unreachable])?.is_some() {
            return nothing;
        }
        let (public, rehearsal) = (self.system.public.files, self.system.rehearsal.files);
        let rehearsal = if self.system.tasks.contains(&Task::Rehearse) { rehearsal } else { [None; FILES] };
        if contradict(&public, &rehearsal) {
            return Err(Halt::Left);
        }
        if public.iter().all(Option::is_none) {
            return nothing;
        }
        let known = before.as_ref().map_or([None; FILES], |run| self.known(run));
        let dist = before.as_ref().map_or([None; FILES], |run| run.dist);
        let damaged = public.contains(&Some(TRUNCATED));
        if self.rules.contradiction && (damaged || contradict(&public, &dist) || contradict(&public, &known))
        {
            return Err(Halt::Left);
        }
        let mut sources = public;
        if !contradict(&public, &dist) && shares(&public, &dist) {
            add(&mut sources, dist);
        }
        if shares(&public, &rehearsal) {
            let proven = |file: usize| !self.rules.proof || known[file] == rehearsal[file];
            let taken: Files = std::array::from_fn(|file| rehearsal[file].filter(|_| proven(file)));
            add(&mut sources, taken);
        }
        let unknown = self.point(&[Fault::Unreachable])?.is_some();
        if unknown {
            return nothing;
        }
        let pushed = self.system.remote.tag && self.system.remote.branch.has_release();
        let all = sources[..self.system.files].iter().all(Option::is_some);
        if all && pushed && sources == public {
            if let Some(run) = &mut self.machine().run {
                run.over = true;
            }
            self.oracle.tell(|| "    says that all is released".to_owned());
            return self.system.shortcoming(self.at).map_or(Ok(false), |wrong| Err(Halt::Wrong(wrong)));
        }
        if self.system.public.closed {
            return nothing;
        }
        let mut journal = vec![Rec::Run, Rec::Found(0, packed(&sources))];
        let publish = self.system.tasks.iter().position(|task| *task == Task::Publish).unwrap_or(0) as u8;
        for (file, content) in public.iter().enumerate() {
            let Some(content) = content else { continue };
            let id = (journal.len() as u8 - 2) / 2;
            journal.extend([Rec::Intent(publish, upload(true, file, *content)), Rec::Done(id)]);
        }
        self.book =
            Automaton::read(self.system.reaches(), &journal).map_err(|_| Halt::Wrong(Wrong::Journal))?;
        let run = Run::new(journal, sources);
        before.take();
        self.machine().run = Some(run);
        self.oracle.tell(|| format!("    rebuilds the run with {sources:?}"));
        self.goes_on = true;
        self.point(&[Fault::Kill])?;
        Ok(true)
    }

    /// The contents whose hashes something of this run proves.
    fn known(&self, run: &Run) -> Files {
        let mut known = run.dist;
        if run.journal.is_some() {
            add(&mut known, unpacked(self.system.book(run).built));
        }
        if let Some((_, dist)) = self.system.packed {
            add(&mut known, dist);
        }
        known
    }
}

/// Whether the second file tells of records that the journal has not; or is gone itself.
pub(crate) fn lost_its_end(rules: Rules, run: &Run) -> bool {
    rules.mark && (run.mark.is_none() || run.is_cut)
}

fn contradict(one: &Files, other: &Files) -> bool {
    one.iter().zip(other).any(|(one, other)| one.is_some() && other.is_some() && one != other)
}

fn shares(one: &Files, other: &Files) -> bool {
    one.iter().zip(other).any(|(one, other)| one.is_some() && one == other)
}

fn add(files: &mut Files, more: Files) {
    files.iter_mut().zip(more).for_each(|(file, more)| *file = file.or(more));
}

/// The commands that `status` names for the run of a machine; none where it is over.
pub(crate) fn next(system: &SystemState, at: usize, rules: Rules) -> Vec<Command> {
    let Some(run) = system.machines[at].run.as_ref().filter(|run| !run.over) else { return Vec::new() };
    let repository = &system.machines[at].repository;
    let locked = |lock: Option<Lock>| lock.is_some_and(|lock| lock != Lock::Ours);
    if rules.locks && (locked(repository.index_lock) || locked(repository.ref_lock)) {
        return vec![Command::Unlock];
    }
    let can_rebuild = can_rebuild(system, at);
    if run.journal.is_none() {
        return named(rules, can_rebuild, Command::Resume);
    }
    let book = system.book(run);
    if lost_its_end(rules, run) {
        return match is_public(&book, rules) || is_unexplained(system, at, &book) {
            true => named(rules, can_rebuild, Command::Resume),
            false => vec![Command::Rollback, Command::Leave],
        };
    }
    let missing = is_missing(system, run, &book);
    if is_public(&book, rules) {
        let is_final = rules.finals && cannot_be_finished(system, &book);
        return vec![if missing || is_final { Command::Leave } else { Command::Resume }];
    }
    let landed = book.entries.iter().any(|entry| entry.deed.kind == Kind::Land && entry.stands());
    let moved = !landed && !has_reached(&book) && repository.branch != Commit::Base;
    let stuck = book.entries.iter().any(|entry| entry.stands() && is_stuck(system, at, entry.deed.kind));
    let back = if stuck { Command::Leave } else { Command::Rollback };
    if missing || moved { vec![back] } else { vec![Command::Resume, back] }
}

/// A command that may lead on, and giving up.
fn named(rules: Rules, leads_on: bool, command: Command) -> Vec<Command> {
    if rules.finals && !leads_on { vec![Command::Leave] } else { vec![command, Command::Leave] }
}

/// Whether a run could be made of what is public, as far as `status` sees.
fn can_rebuild(system: &SystemState, at: usize) -> bool {
    let machine = &system.machines[at];
    let tagged = machine.repository.tag && machine.repository.branch.has_release();
    let dist = machine.run.as_ref().map_or([None; FILES], |run| run.dist);
    let is_public = system.public.files.iter().any(Option::is_some);
    let closed = system.public.closed && system.public.files[..system.files].iter().any(Option::is_none);
    let damaged = system.public.files.contains(&Some(TRUNCATED));
    tagged && is_public && !closed && !damaged && !contradict(&system.public.files, &dist)
}

fn has_reached(book: &Automaton) -> bool {
    let repository = pyrelease::engine::model::Reach::Repository;
    book.entries.iter().any(|entry| entry.deed.reach >= repository && entry.state == State::Done)
}

/// Whether a file that the run built is nowhere any more.
fn is_missing(system: &SystemState, run: &Run, book: &Automaton) -> bool {
    let built = unpacked(book.built);
    let gone = |file: usize| {
        let content = built[file];
        let has = |files: &Files| files[file] == content;
        content.is_some()
            && run.dist[file] != content
            && !has(&system.public.files)
            && !has(&system.rehearsal.files)
    };
    (0..FILES).any(gone)
}

/// Whether the public index has refused a file for good, or has other bytes under its name.
fn cannot_be_finished(system: &SystemState, book: &Automaton) -> bool {
    let built = unpacked(book.built);
    let other = |file: usize| system.public.files[file].is_some_and(|there| Some(there) != built[file]);
    let refused = book.entries.iter().any(|entry| entry.is_final);
    refused || (0..FILES).any(other) || built.iter().flatten().any(|content| *content >= TRUNCATED)
}

/// Whether an undo would find that somebody has changed what it changed.
fn is_stuck(system: &SystemState, at: usize, kind: Kind) -> bool {
    let (branch, tag) = match kind {
        Kind::Land => (system.machines[at].repository.branch, system.machines[at].repository.tag),
        Kind::Push => (system.remote.branch, system.remote.tag),
        _ => return false,
    };
    let made = branch == Commit::Release && tag;
    let gone = !branch.has_release() && !tag;
    !made && !gone
}
