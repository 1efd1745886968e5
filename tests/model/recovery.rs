//! What is in doubt settled by asking, and the way back.

use super::automaton::{Automaton, Entry, Kind, Outcome, Rec, State};
use super::process::{Done, Fault, Halt, Process};
use super::stages::{NO_FENCE, TAG_ONLY};
use super::system::{Commit, Fencing, Lock, Message, SystemState};
use pyrelease::engine::model::Reach;

/// What the system says of an effect
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    Present,
    Absent,
    /// It is not there, but may still arrive
    NotYet,
    Unknown,
}

impl Process<'_> {
    /// Settles what is in doubt by asking the system; what the system cannot tell stays in doubt.
    pub(crate) fn settle(&mut self) -> Done {
        self.terminate_all()?;
        for id in 0..self.book.entries.len() {
            let entry = self.book.entries[id];
            if entry.state != State::InDoubt {
                continue;
            }
            let id = id as u8;
            let presence = self.probe(id, entry)?;
            if entry.deed.kind == Kind::Land && presence != Presence::Unknown {
                self.follow_refs()?;
            }
            match presence {
                Presence::Present => self.write(Rec::Done(id))?,
                Presence::Absent => self.write(Rec::NotDone(id, false))?,
                Presence::NotYet | Presence::Unknown => {}
            }
        }
        Ok(())
    }

    /// Ends what is at work on this machine still, and removes the locks that it left.
    fn terminate_all(&mut self) -> Done {
        self.end_pushes()?;
        if self.rules.locks && self.book.entries.iter().any(|entry| entry.deed.kind == Kind::Land) {
            let careful = self.rules.own_locks;
            let repository = &mut self.machine().repository;
            for lock in [&mut repository.ref_lock, &mut repository.index_lock] {
                *lock = lock.filter(|lock| careful && *lock != Lock::Ours);
            }
        }
        Ok(())
    }

    /// A push to a remote on this machine is ended and waited for.
    fn end_pushes(&mut self) -> Done {
        if self.rules.fence && self.system.remote.fencing == Fencing::Local {
            let is_push = |message| matches!(message, Message::Push { .. } | Message::Back { .. });
            while let Some(at) = self.system.flying.iter().position(|flying| is_push(flying.message)) {
                if self.oracle_chooses() {
                    self.system.arrive(at).map_err(Halt::Wrong)?;
                } else {
                    self.system.flying.remove(at);
                }
            }
        }
        Ok(())
    }

    /// Brings the working tree to where the branch is. What is in the way stops whatever this is for.
    fn follow_refs(&mut self) -> Done {
        let branch = self.machine().repository.branch;
        let to = matches!(branch, Commit::Base | Commit::Release).then_some(branch);
        self.update_worktree(to).map_err(left)
    }

    fn probe(&mut self, id: u8, entry: Entry) -> Done<Presence> {
        match entry.deed.kind {
            Kind::Land => Ok(self.probe_landing()),
            Kind::Push => self.probe_push(id, entry),
            _ => self.probe_upload(id, entry),
        }
    }

    fn probe_landing(&mut self) -> Presence {
        let repository = &self.machine().repository;
        match (repository.tag, repository.branch.has_release()) {
            (true, true) => Presence::Present,
            (false, false) => Presence::Absent,
            _ => Presence::Unknown,
        }
    }

    fn probe_push(&mut self, id: u8, entry: Entry) -> Done<Presence> {
        if self.point(&[Fault::Unreachable])?.is_some() {
            return Ok(Presence::Unknown);
        }
        let fence = (entry.deed.what & NO_FENCE) as u8;
        let is_fenced = self.rules.fence && u16::from(fence) != NO_FENCE;
        let back = self.run().back;
        let is_fresh = self.is_fresh(id);
        let tag = self.system.remote.tag;
        if tag {
            if self.rules.fence_back && entry.undoing {
                return match self.system.remote.fencing {
                    Fencing::Takes => self.spend(back),
                    Fencing::Refuses if is_fresh => Ok(Presence::NotYet),
                    _ => Ok(Presence::Present),
                };
            }
            return Ok(Presence::Present);
        }
        if self.system.remote.branch.has_release() && entry.deed.what & TAG_ONLY == 0 {
            return Ok(Presence::Unknown);
        }
        if !is_fenced {
            return Ok(Presence::Absent);
        }
        match self.system.remote.fencing {
            Fencing::Takes => self.spend(fence),
            Fencing::Local => Ok(Presence::Absent),
            Fencing::Refuses if is_fresh => Ok(Presence::NotYet),
            Fencing::Refuses => Ok(Presence::Absent),
        }
    }

    /// Creates the ref that a push would create, so that it cannot come any more; then asks again.
    fn spend(&mut self, fence: u8) -> Done<Presence> {
        match self.point(&[Fault::Kill, Fault::Unreachable, Fault::Cut])? {
            Some(Fault::Unreachable) => return Ok(Presence::Unknown),
            Some(_) => {
                // Created, and the answer is lost.
                self.system.remote.fences |= 1 << fence;
                return Ok(Presence::Unknown);
            }
            None => self.system.remote.fences |= 1 << fence,
        }
        Ok(if self.system.remote.tag { Presence::Present } else { Presence::Absent })
    }

    fn probe_upload(&mut self, id: u8, entry: Entry) -> Done<Presence> {
        if self.point(&[Fault::Unreachable])?.is_some() {
            return Ok(Presence::Unknown);
        }
        let public = entry.deed.reach == Reach::Public;
        let (file, content) = (usize::from(entry.deed.what >> 8), entry.deed.what as u8);
        let is_fresh = self.is_fresh(id);
        Ok(match self.system.index(public).files[file] {
            Some(there) if there == content => Presence::Present,
            Some(_) => Presence::Unknown,
            None if public && is_fresh => Presence::NotYet,
            None => Presence::Absent,
        })
    }

    /// Whether an effect was intended so short a time ago that it may still come.
    fn is_fresh(&mut self, id: u8) -> bool {
        self.run().old & 1 << id == 0
    }

    /// Takes back everything that the run did, the last first, and ends the run if nothing is left.
    pub(crate) fn rollback(&mut self, leave: bool) -> Done {
        self.settle()?;
        let lasting = |entry: &Entry| entry.is_kept() && matches!(entry.deed.kind, Kind::Land | Kind::Push);
        let mut stays = self.rules.kept && self.book.entries.iter().any(lasting);
        if self.is_public() {
            if !leave {
                return Err(Halt::Left);
            }
            stays = true;
        }
        let asks = self.rules.ask_always || (self.rules.mark && self.had_lost);
        if asks && !self.is_explained()? {
            if !leave {
                return Err(Halt::Left);
            }
            stays = true;
        }
        if self.is_in_doubt() {
            if !leave {
                return Err(Halt::Left);
            }
            stays = true;
        }
        for id in (0..self.book.entries.len()).rev() {
            let entry = self.book.entries[id];
            let id = id as u8;
            if !entry.stands() {
                continue;
            }
            if stays || entry.deed.kind == Kind::Upload {
                self.write(Rec::Kept(id))?;
                continue;
            }
            match self.undo(id, entry) {
                Ok(()) => {}
                Err(Halt::Failed) if leave => {
                    self.write(Rec::Kept(id))?;
                    stays = true;
                }
                Err(halt) => return Err(left(halt)),
            }
        }
        self.write(Rec::End(if stays { Outcome::GivenUp } else { Outcome::RolledBack }))
    }

    /// Whether a push may still come, so that nothing can be said of it.
    fn is_in_doubt(&self) -> bool {
        let knows = match self.system.remote.fencing {
            Fencing::Refuses => self.rules.fence,
            Fencing::Takes => self.rules.doubt_stops,
            Fencing::Local => false,
        };
        let doubtful =
            |entry: &Entry| entry.deed.kind == Kind::Push && entry.state == State::InDoubt && !entry.undoing;
        knows && self.book.entries.iter().any(doubtful)
    }

    /// Whether the journal explains all that there is of the release.
    fn is_explained(&mut self) -> Done<bool> {
        if self.point(&[Fault::Unreachable])?.is_some() {
            return Ok(false);
        }
        if self.rules.lost_waits && self.had_lost && !self.run().all_old {
            return Ok(false);
        }
        Ok(!is_unexplained(&self.system, self.at, &self.book))
    }

    fn undo(&mut self, id: u8, entry: Entry) -> Done {
        if entry.deed.kind == Kind::Push {
            self.run().back = self.new_fence();
        }
        self.write(Rec::Undo(id))?;
        let undone = match entry.deed.kind {
            Kind::Land => self.undo_landing(),
            _ => self.take_back(id, entry),
        };
        if let Err(halt) = undone {
            if halt != Halt::Failed {
                return Err(halt);
            }
            if self.rules.fence_back {
                self.end_pushes()?;
            }
            let now = self.book.entries[usize::from(id)];
            let mut presence = self.probe(id, now)?;
            if entry.deed.kind == Kind::Land && self.rules.tree && presence == Presence::Absent {
                let repository = &self.machine().repository;
                let follows = repository.tree == Commit::Base || repository.branch != Commit::Base;
                presence = if follows { presence } else { Presence::Unknown };
            }
            match presence {
                Presence::Absent => {}
                Presence::Present => {
                    self.write(Rec::Done(id))?;
                    return Err(Halt::Failed);
                }
                Presence::NotYet | Presence::Unknown => return Err(Halt::Failed),
            }
        }
        self.write(Rec::Undone(id))
    }

    fn undo_landing(&mut self) -> Done {
        let persons = [Fault::Kill, Fault::Refused, Fault::Commits, Fault::Edits, Fault::Locks];
        if self.point(&persons)?.is_some() {
            return Err(Halt::Failed);
        }
        let repository = &self.machine().repository;
        let (branch, tag) = (repository.branch, repository.tag);
        let moves = tag || branch == Commit::Release;
        let edited = repository.edited && repository.tree != Commit::Base;
        if matches!(branch, Commit::Top | Commit::Side) || edited || repository.index_lock.is_some() {
            return Err(Halt::Failed);
        }
        if moves && repository.ref_lock.is_some() {
            return Err(Halt::Failed);
        }
        self.move_refs(Commit::Release, Commit::Base, false)
    }

    /// The push that takes a push back.
    fn take_back(&mut self, id: u8, entry: Entry) -> Done {
        if self.point(&[Fault::Unreachable, Fault::Pushes])?.is_some() {
            return Err(Halt::Failed);
        }
        let remote = &self.system.remote;
        let (branch, tag) = (entry.deed.what & TAG_ONLY == 0, remote.tag);
        if self.rules.lease && branch && matches!(remote.branch, Commit::Top | Commit::Side) {
            return Err(Halt::Failed);
        }
        let branch = branch && remote.branch != Commit::Base;
        if !tag && !branch {
            return Ok(());
        }
        let takes = self.rules.fence_back && remote.fencing == Fencing::Takes;
        let fence = takes.then_some(self.run().back);
        self.point(&[Fault::Pushes])?;
        match self.deliver(id, Message::Back { branch, tag, fence, lease: self.rules.lease })? {
            Ok(()) => Ok(()),
            Err(_) => Err(Halt::Failed),
        }
    }
}

/// Whether there is anything of the release that no record tells of.
pub(crate) fn is_unexplained(system: &SystemState, at: usize, book: &Automaton) -> bool {
    let told = |entry: &&Entry| entry.stands() || entry.is_kept();
    let has = |kind| book.entries.iter().filter(told).any(|entry| entry.deed.kind == kind);
    let public = book.entries.iter().filter(told).any(Entry::is_public);
    let repository = &system.machines[at].repository;
    let here = repository.tag || repository.branch.has_release() || repository.tree.has_release();
    let there = system.remote.tag || system.remote.branch.has_release();
    let is_public = system.public.files.iter().any(Option::is_some);
    (here && !has(Kind::Land)) || (there && !has(Kind::Push)) || (is_public && !public)
}

/// What has failed leaves the run as it is.
pub(crate) fn left(halt: Halt) -> Halt {
    if halt == Halt::Failed { Halt::Left } else { halt }
}
