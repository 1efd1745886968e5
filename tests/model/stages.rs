//! `run` and what `resume` goes on with: the stages in their order, and the way back when one fails.

use super::automaton::{Deed, Entry, Kind, LAND, OUTSIDE, Outcome, Rec, Stage, State};
use super::process::{Done, Fault, Halt, Process, packed, unpacked, upload};
use super::system::{Commit, FILES, Fencing, Lock, Message, Run, TRUNCATED, Task, Wrong};
use pyrelease::engine::model::Reach;

/// The number of the fence of a push without one
pub(crate) const NO_FENCE: u16 = 63;
/// Only the tag is pushed, the branch is there
pub(crate) const TAG_ONLY: u16 = 64;

pub(crate) const LANDING: Deed = Deed { kind: Kind::Land, reach: Reach::Repository, what: 0 };

impl Process<'_> {
    /// `pyrelease run` where no run is unfinished.
    pub(crate) fn begin(&mut self) -> Done {
        let run = Run::new(Vec::new(), [None; FILES]);
        self.machine().run = Some(run);
        self.write(Rec::Run)?;
        self.complete()
    }

    /// Takes the release through its stages; a failure before the point of no return undoes everything.
    pub(crate) fn complete(&mut self) -> Done {
        let mut at = OUTSIDE;
        match self.stages(&mut at) {
            Ok(()) => return self.write(Rec::End(Outcome::Released)),
            Err(Halt::Failed | Halt::Left) => {}
            Err(halt) => return Err(halt),
        }
        self.write(Rec::Failed(at))?;
        self.settle()?;
        if self.is_public() {
            return Err(Halt::Left);
        }
        self.rollback(false)
    }

    fn stages(&mut self, at: &mut Stage) -> Done {
        let first = self.prepare()?;
        let tasks = self.system.tasks;
        for (stage, task) in tasks.iter().copied().enumerate().skip(first) {
            if task.reach() >= Reach::Repository {
                *at = LAND;
                self.land()?;
            }
            *at = stage as Stage;
            self.write(Rec::Begun(*at))?;
            let built = match task {
                Task::Build => self.build()?,
                Task::Rehearse | Task::Publish => self.upload(*at, task == Task::Publish)?,
                Task::Push => self.push(*at)?,
            };
            self.write(Rec::StageDone(*at, built))?;
        }
        *at = LAND;
        self.land()
    }

    /// The stage to begin with.
    fn prepare(&mut self) -> Done<usize> {
        let done = self.book.done();
        if self.book.is_found || self.book.is_imported || done > 0 {
            return Ok(done);
        }
        if self.machine().repository.branch != Commit::Base {
            return Err(Halt::Failed);
        }
        self.run().dist = [None; FILES];
        Ok(0)
    }

    fn build(&mut self) -> Done<u16> {
        if self.point(&[Fault::Kill, Fault::Refused])?.is_some() {
            return Err(Halt::Failed);
        }
        // Whatever was found is checked as what was built is.
        if self.run().dist.contains(&Some(TRUNCATED)) {
            return Err(Halt::Failed);
        }
        let files = self.system.files;
        if self.run().dist[..files].iter().any(Option::is_none) {
            self.system.builds += 1;
            let build = self.system.builds;
            self.run().dist[..files].iter_mut().for_each(|file| *file = file.or(Some(build)));
        }
        Ok(packed(&self.run().dist))
    }

    fn land(&mut self) -> Done {
        if self.state_of(LAND, LANDING) == Some(State::Done) {
            return Ok(());
        }
        let repository = &self.machine().repository;
        if repository.branch.has_release() && repository.tag {
            return Ok(());
        }
        self.write(Rec::Intent(LAND, LANDING))?;
        let persons = [Fault::Kill, Fault::Refused, Fault::Commits, Fault::Edits, Fault::Locks];
        if self.point(&persons)?.is_some() {
            return Err(Halt::Failed);
        }
        let repository = &self.machine().repository;
        let moves = repository.branch == Commit::Base;
        let in_the_way = moves && (repository.edited || repository.index_lock.is_some());
        if repository.branch == Commit::Side || in_the_way || repository.ref_lock.is_some() {
            return Err(Halt::Failed);
        }
        self.move_refs(Commit::Base, Commit::Release, true)?;
        let id = (self.book.entries.len() - 1) as u8;
        self.write(Rec::Done(id))
    }

    /// Moves branch and tag in one transaction, then brings the working tree along.
    pub(crate) fn move_refs(&mut self, from: Commit, to: Commit, tag: bool) -> Done {
        let locked = |process: &mut Self| {
            process.machine().repository.ref_lock = Some(Lock::Ours);
            Err(Halt::Killed)
        };
        // Locks are taken, nothing is moved.
        if self.point(&[Fault::PowerCut])?.is_some() {
            return locked(self);
        }
        let repository = &mut self.machine().repository;
        let follows = [from, to].contains(&repository.branch);
        if follows {
            repository.branch = to;
        }
        // Between one ref and the next.
        if self.point(&[Fault::PowerCut])?.is_some() {
            return locked(self);
        }
        self.machine().repository.tag = tag;
        self.point(&[Fault::Kill, Fault::Locks])?;
        self.update_worktree(follows.then_some(to))
    }

    /// Brings index and working tree to a commit.
    pub(crate) fn update_worktree(&mut self, to: Option<Commit>) -> Done {
        let Some(to) = to else { return Ok(()) };
        let repository = &self.machine().repository;
        let in_the_way = repository.edited && repository.tree != to;
        if repository.index_lock.is_some() || in_the_way {
            return Err(Halt::Failed);
        }
        if repository.tree != to && self.point(&[Fault::PowerCut])?.is_some() {
            // How far it got is one of two.
            let full = self.oracle_chooses();
            self.machine().repository.index_lock = Some(if full { Lock::Full } else { Lock::Ours });
            return Err(Halt::Killed);
        }
        self.machine().repository.tree = to;
        Ok(())
    }

    fn push(&mut self, stage: Stage) -> Done<u16> {
        let doubtful = |entry: &Entry| entry.deed.kind == Kind::Push && entry.state == State::InDoubt;
        if self.rules.doubt_stops && self.book.entries.iter().any(doubtful) {
            return Err(Halt::Failed);
        }
        if self.point(&[Fault::Unreachable, Fault::Pushes])?.is_some() {
            return Err(Halt::Failed);
        }
        let remote = &self.system.remote;
        if remote.tag && remote.branch.has_release() {
            return Ok(0);
        }
        if remote.tag || remote.branch == Commit::Side {
            return Err(Halt::Failed);
        }
        let tag_only = remote.branch.has_release();
        let fenced = self.rules.fence && remote.fencing != Fencing::Local;
        let number = if fenced { self.new_fence().into() } else { NO_FENCE };
        let what = number | if tag_only { TAG_ONLY } else { 0 };
        let deed = Deed { kind: Kind::Push, reach: Reach::Repository, what };
        if self.state_of(stage, deed) == Some(State::Done) {
            return Ok(0);
        }
        self.write(Rec::Intent(stage, deed))?;
        let id = (self.book.entries.len() - 1) as u8;
        // A remote that refuses the fence has said so before anything else is sent.
        let fence = (fenced && remote_takes(self)).then_some(number as u8);
        self.point(&[Fault::Pushes])?;
        match self.deliver(id, Message::Push { tag_only, fence })? {
            Ok(()) => self.write(Rec::Done(id)).map(|()| 0),
            Err(_) => Err(Halt::Failed),
        }
    }

    fn upload(&mut self, stage: Stage, public: bool) -> Done<u16> {
        if self.book.is_found && !public {
            return Ok(0);
        }
        if public && self.rules.ask_again && self.goes_on && !self.is_public() {
            let unknown = self.point(&[Fault::Unreachable])?.is_some();
            if unknown || !self.system.remote.tag {
                return Err(Halt::Failed);
            }
        }
        for file in 0..FILES {
            let Some(content) = self.run().dist[file] else {
                if file < self.system.files {
                    return Err(Halt::Failed);
                }
                continue;
            };
            self.send(stage, (public, file, content))?;
        }
        let dist = self.run().dist;
        let there = self.system.index(public).files;
        let other = |(file, content): (&Option<u8>, Option<u8>)| file.is_some() && *file != content;
        if self.rules.compare && dist.iter().zip(there).any(other) {
            return Err(Halt::Failed);
        }
        Ok(0)
    }

    fn send(&mut self, stage: Stage, (public, file, content): (bool, usize, u8)) -> Done {
        let deed = upload(public, file, content);
        if self.state_of(stage, deed) == Some(State::Done) {
            return Ok(());
        }
        self.write(Rec::Intent(stage, deed))?;
        let id = (self.book.entries.len() - 1) as u8;
        let message = Message::Upload { public, file: file as u8, content };
        if public {
            self.watch(message)?;
        }
        match self.deliver(id, message)? {
            Ok(()) => self.write(Rec::Done(id)),
            Err(Some(is_final)) => {
                self.write(Rec::NotDone(id, is_final))?;
                Err(Halt::Failed)
            }
            Err(None) => Err(Halt::Failed),
        }
    }

    /// What holds whenever a file is sent to where it becomes public.
    fn watch(&mut self, message: Message) -> Done {
        let Message::Upload { file, content, .. } = message else { return Ok(()) };
        if content >= TRUNCATED {
            return Err(Halt::Wrong(Wrong::Unchecked));
        }
        let other = |flying: &super::system::Flying| match flying.message {
            Message::Upload { public: true, file: same, content: other } => same == file && other != content,
            _ => false,
        };
        if self.system.flying.iter().any(other) {
            return Err(Halt::Wrong(Wrong::TwoContents));
        }
        // Once something may be public, the only way is forward, whatever a person does to the tag.
        let may_be = |entry: &&Entry| entry.is_public() && (entry.stands() || entry.is_kept());
        let is_first = self.book.entries.iter().filter(may_be).count() == 1;
        let tagged = self.machine().repository.tag && self.system.remote.tag;
        if is_first && !tagged { Err(Halt::Wrong(Wrong::Early)) } else { Ok(()) }
    }

    /// Brings back what is gone from the run's folder, from whichever index has the same bytes.
    pub(crate) fn fetch_missing(&mut self) -> Done {
        let built = unpacked(self.book.built);
        if self.book.done() == self.system.tasks.len() {
            return Ok(());
        }
        for (file, content) in built.iter().enumerate().filter(|(_, content)| content.is_some()) {
            if self.run().dist[file].is_some() {
                continue;
            }
            let has = |files: [Option<u8>; FILES]| files[file] == *content;
            if !has(self.system.public.files) && !has(self.system.rehearsal.files) {
                return Err(Halt::Left);
            }
            self.run().dist[file] = *content;
        }
        Ok(())
    }
}

fn remote_takes(process: &Process<'_>) -> bool {
    process.system.remote.fencing == Fencing::Takes
}
