//! What the commands work on: two machines with their repositories and runs, a remote, two indexes, and what is on its
//! way to them.

use pyrelease::engine::model::Reach;

use super::automaton::{Automaton, Rec};

/// Which bytes a file has: those of the first build, the second, and so on; or
pub(crate) type Content = u8;
/// What an index made of half a file
pub(crate) const TRUNCATED: Content = 14;
/// Somebody else's
pub(crate) const FOREIGN: Content = 15;

/// The wheel, the sdist, and a file that the release never had
pub(crate) const FILES: usize = 3;
/// The place of the last one
pub(crate) const EXTRA: usize = 2;
pub(crate) type Files = [Option<Content>; FILES];

/// What happens to the stages of a pipeline
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Task {
    Build,
    Rehearse,
    Push,
    Publish,
}

impl Task {
    pub(crate) fn reach(self) -> Reach {
        match self {
            Self::Build => Reach::Private,
            Self::Rehearse => Reach::Rehearsal,
            Self::Push => Reach::Repository,
            Self::Publish => Reach::Public,
        }
    }
}

/// Where a branch is
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Commit {
    /// Where it was before the release
    Base,
    Release,
    /// Somebody's commit on top of the release
    Top,
    /// Somebody's commit instead of it
    Side,
}

impl Commit {
    pub(crate) fn has_release(self) -> bool {
        matches!(self, Self::Release | Self::Top)
    }
}

/// Whose lock is in the way
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Lock {
    /// Left by git of the run's, empty or with our object's id
    Ours,
    /// Left by it with an index inside, as anybody's would look
    Full,
    /// Of a person's git that is at work
    Theirs,
}

/// A person's repository
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Repository {
    pub(crate) branch: Commit,
    pub(crate) tag: bool,
    /// What the working tree and the index show
    pub(crate) tree: Commit,
    /// Of the branch or of the tag
    pub(crate) ref_lock: Option<Lock>,
    pub(crate) index_lock: Option<Lock>,
    /// An edit in a file that the release changes
    pub(crate) edited: bool,
}

/// The second file, which says how long the journal is
pub(crate) type Mark = Option<u8>;

/// A run's folder
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Run {
    /// None where it is lost
    pub(crate) journal: Option<Vec<Rec>>,
    pub(crate) mark: Mark,
    pub(crate) dist: Files,
    /// The effects, by their ids, that were intended so long ago that nothing of them is on its way any more
    pub(crate) old: u32,
    /// Whether nothing that the journal may have lost is on its way any more
    pub(crate) all_old: bool,
    /// Whether the journal is not what the second file says of it
    pub(crate) is_cut: bool,
    /// The fence of the last push that was to take one back, as its record has it
    pub(crate) back: u8,
    pub(crate) over: bool,
}

impl Run {
    pub(crate) fn new(journal: Vec<Rec>, dist: Files) -> Self {
        let mark = (!journal.is_empty()).then_some(journal.len() as u8);
        Self {
            journal: Some(journal),
            mark,
            dist,
            old: 0,
            all_old: false,
            is_cut: false,
            back: 0,
            over: false,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Machine {
    pub(crate) repository: Repository,
    pub(crate) run: Option<Run>,
}

/// How a remote takes the ref that a push brings besides
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Fencing {
    Takes,
    /// It refuses refs that are neither branch nor tag
    Refuses,
    /// It is on this machine: its processes can be ended
    Local,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Remote {
    pub(crate) branch: Commit,
    pub(crate) tag: bool,
    /// The refs of pushes, by their numbers
    pub(crate) fences: u64,
    pub(crate) fencing: Fencing,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Index {
    pub(crate) files: Files,
    /// Takes no further file of the release
    pub(crate) closed: bool,
}

/// What was sent and has no reply
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Message {
    /// Branch and tag, if the remote has neither; with the number of its fence
    Push {
        tag_only: bool,
        fence: Option<u8>,
    },
    /// Both taken back; with a lease, only if they are still what the run made of them
    Back {
        branch: bool,
        tag: bool,
        fence: Option<u8>,
        lease: bool,
    },
    Upload {
        public: bool,
        file: u8,
        content: Content,
    },
}

/// A message on its way, and whether a run has ended since
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Flying {
    pub(crate) message: Message,
    /// It was said since that all is as it was
    pub(crate) undone: bool,
    /// It was said since that all is released
    pub(crate) released: bool,
}

/// What does not hold
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Wrong {
    /// It is said that all is as it was, and something is there
    CalledUndone,
    /// The same of something public
    PublicCalledUndone,
    /// It is said that all is as it was, and something comes afterwards
    CameLater,
    /// It is said that all is released, and something is not there
    NotReleased,
    /// It was released, and something goes afterwards
    Vanished,
    /// A file was sent while other bytes under its name may become public
    TwoContents,
    /// Published, or called released, are bytes that nothing of ours has proven
    Unchecked,
    /// Published before the remote had the release
    Early,
    /// The commands that `status` names lead nowhere
    DeadEnd,
    /// Somebody else's lock or work is gone
    Overwritten,
    /// The journal breaks its own rules
    Journal,
}

/// What persons have done
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Acts {
    pub(crate) pushed: bool,
    pub(crate) committed: bool,
    pub(crate) locked: bool,
    pub(crate) edited: bool,
    pub(crate) dropped: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct SystemState {
    pub(crate) tasks: &'static [Task],
    /// Files of the release
    pub(crate) files: usize,
    pub(crate) machines: [Machine; 2],
    pub(crate) remote: Remote,
    pub(crate) rehearsal: Index,
    pub(crate) public: Index,
    pub(crate) flying: Vec<Flying>,
    /// A packed run
    pub(crate) packed: Option<(Vec<Rec>, Files)>,
    pub(crate) builds: Content,
    /// The names that fences have had so far: none is used twice
    pub(crate) fences: u8,
    /// Faults and acts of persons that may still happen
    pub(crate) faults: u8,
    /// What persons have done that a command may stumble over, and must leave alone
    pub(crate) acts: Acts,
}

impl SystemState {
    pub(crate) fn new(tasks: &'static [Task], files: usize, fencing: Fencing, faults: u8) -> Self {
        let repository = Repository {
            branch: Commit::Base,
            tag: false,
            tree: Commit::Base,
            ref_lock: None,
            index_lock: None,
            edited: false,
        };
        let machine = Machine { repository, run: None };
        let index = Index { files: [None; FILES], closed: false };
        Self {
            tasks,
            files,
            machines: [machine.clone(), machine],
            remote: Remote { branch: Commit::Base, tag: false, fences: 0, fencing },
            rehearsal: index.clone(),
            public: index,
            flying: Vec::new(),
            packed: None,
            builds: 0,
            fences: 0,
            faults,
            acts: Acts::default(),
        }
    }

    pub(crate) fn reaches(&self) -> Vec<Reach> {
        self.tasks.iter().map(|task| task.reach()).collect()
    }

    /// The journal of a run as it is read.
    pub(crate) fn book(&self, run: &Run) -> Automaton {
        let journal = run.journal.as_deref().unwrap_or_default();
        Automaton::read(self.reaches(), journal).expect("the model has checked it when it was written")
    }

    pub(crate) fn index(&mut self, public: bool) -> &mut Index {
        if public { &mut self.public } else { &mut self.rehearsal }
    }

    pub(crate) fn send(&mut self, message: Message) {
        self.flying.push(Flying { message, undone: false, released: false });
        self.flying.sort();
        self.flying.dedup();
    }

    /// What was sent comes, now.
    pub(crate) fn arrive(&mut self, at: usize) -> Result<(), Wrong> {
        let Flying { message, undone, released } = self.flying.remove(at);
        let changed = self.apply(message).is_ok();
        match message {
            Message::Push { .. } | Message::Upload { public: true, .. } if changed && undone => {
                Err(Wrong::CameLater)
            }
            Message::Back { .. } if changed && released => Err(Wrong::Vanished),
            _ => Ok(()),
        }
    }

    /// What a remote or an index does with what is sent to it: all or nothing.
    pub(crate) fn apply(&mut self, message: Message) -> Result<(), Refusal> {
        match message {
            Message::Push { tag_only, fence } => {
                let remote = &mut self.remote;
                let is_there = fence.is_some_and(|fence| remote.fences & 1 << fence != 0);
                if fence.is_some() && remote.fencing == Fencing::Refuses {
                    return Err(Refusal::Fence);
                }
                let lease =
                    if tag_only { remote.branch.has_release() } else { remote.branch == Commit::Base };
                if is_there || remote.tag || !lease {
                    return Err(Refusal::Lease);
                }
                remote.tag = true;
                if !tag_only {
                    remote.branch = Commit::Release;
                }
                remote.fences |= fence.map_or(0, |fence| 1 << fence);
            }
            Message::Back { branch, tag, fence, lease } => {
                let remote = &mut self.remote;
                let is_there = fence.is_some_and(|fence| remote.fences & 1 << fence != 0);
                let moved = branch && remote.branch != Commit::Release;
                if is_there || remote.tag != tag || (lease && moved) {
                    return Err(Refusal::Lease);
                }
                remote.tag = false;
                if branch {
                    remote.branch = Commit::Base;
                }
                remote.fences |= fence.map_or(0, |fence| 1 << fence);
            }
            Message::Upload { public, file, content } => {
                let index = self.index(public);
                let there = &mut index.files[usize::from(file)];
                match there {
                    Some(there) if *there == content => return Ok(()),
                    Some(_) => return Err(Refusal::Different),
                    None if index.closed => return Err(Refusal::Closed),
                    None => *there = Some(content),
                }
            }
        }
        Ok(())
    }

    /// So much time passes that nothing of what was sent is on its way any more.
    pub(crate) fn wait(&mut self) {
        self.flying.clear();
        for machine in &mut self.machines {
            if let Some(run) = &mut machine.run {
                (run.old, run.all_old) = (u32::MAX, true);
            }
        }
    }

    /// Whether what persons have done is gone.
    pub(crate) fn is_overwritten(&self) -> bool {
        let theirs = |commit: Commit| matches!(commit, Commit::Top | Commit::Side);
        let any =
            |holds: fn(&Repository) -> bool| self.machines.iter().any(|machine| holds(&machine.repository));
        let Acts { pushed, committed, locked, edited, .. } = self.acts;
        (pushed && !theirs(self.remote.branch))
            || (committed && !any(|repository| matches!(repository.branch, Commit::Top | Commit::Side)))
            || (locked && !any(|repository| repository.index_lock == Some(Lock::Theirs)))
            || (edited && !any(|repository| repository.edited))
    }

    /// What is there of the release, for whoever says on this machine that nothing is.
    pub(crate) fn remnant(&self, machine: usize) -> Option<Wrong> {
        let repository = &self.machines[machine].repository;
        let here = repository.tag || repository.branch.has_release() || repository.tree.has_release();
        let there = self.remote.tag || self.remote.branch.has_release();
        let ours = |content: &Content| *content != FOREIGN;
        if self.public.files.iter().flatten().any(ours) {
            return Some(Wrong::PublicCalledUndone);
        }
        (here || there).then_some(Wrong::CalledUndone)
    }

    /// What is not as it should be, for whoever says on this machine that all is released.
    pub(crate) fn shortcoming(&self, machine: usize) -> Option<Wrong> {
        let repository = &self.machines[machine].repository;
        let landed = repository.tag && repository.branch.has_release();
        let pushed = self.remote.tag && self.remote.branch.has_release();
        let (files, rest) = self.public.files.split_at(self.files);
        if !landed || !(pushed || self.acts.dropped) || files.iter().any(Option::is_none) {
            return Some(Wrong::NotReleased);
        }
        let is_ours = |content: &Content| *content < TRUNCATED;
        let sound = files.iter().flatten().all(is_ours) && rest.iter().all(Option::is_none);
        (!sound).then_some(Wrong::Unchecked)
    }
}

/// Why nothing of a message was done
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Fence,
    Lease,
    Different,
    Closed,
}

impl Refusal {
    /// Whether the same again would be refused again.
    pub(crate) fn is_final(self) -> bool {
        matches!(self, Self::Different | Self::Closed)
    }
}
