//! A command at work: it writes its journal, and at every point something may happen to it.

use super::automaton::{Automaton, Deed, Kind, Outcome, Rec, Stage, State};
use super::rules::Rules;
use super::stages::NO_FENCE;
use super::system::{Commit, EXTRA, FOREIGN, Files, Lock, Machine, Message, SystemState, Wrong};
use pyrelease::engine::model::Reach;

/// What may happen at a point; each is one of the faults that the exploration is allowed
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Fault {
    /// The command is killed, and all that it has started with it
    Kill,
    /// The power fails while git has locks
    PowerCut,
    /// The power fails while the second file of the journal is written
    TornMark,
    /// The connection is cut; what was sent may yet arrive
    Cut,
    /// The same after so long that what was intended then counts as long ago
    SlowCut,
    /// Refused, for this time
    Refused,
    /// Refused, and every further file too
    Closed,
    /// The index keeps half of the file and says that it has it
    Truncated,
    /// Nobody answers, for this time
    Unreachable,
    /// The journal loses records at its end
    JournalCut,
    JournalLost,
    MarkLost,
    DistLost,
    /// A person pushes on top of the release, or something else
    Pushes,
    Commits,
    /// A person's git is at work with the index
    Locks,
    Edits,
    /// A person adds a file of the version to the rehearsal index
    AddsFile,
    /// A person deletes the tag at the remote
    DropsTag,
}

/// Why a command does not go on
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Halt {
    Killed,
    /// Something failed
    Failed,
    /// Something failed that leaves the run as it is
    Left,
    Wrong(Wrong),
}

pub(crate) type Done<T = ()> = Result<T, Halt>;

/// What decides which way things go: the choices of a script, and after these always the first
#[derive(Debug, Default)]
pub(crate) struct Oracle {
    script: Vec<u8>,
    /// Each choice and the number of those there were
    pub(crate) taken: Vec<(u8, u8)>,
    /// What happened, where somebody wants to know
    pub(crate) told: Option<Vec<String>>,
}

impl Oracle {
    pub(crate) fn new(script: &[u8], told: bool) -> Self {
        Self { script: script.to_vec(), taken: Vec::new(), told: told.then(Vec::new) }
    }

    fn choose(&mut self, of: usize) -> usize {
        if of < 2 {
            return 0;
        }
        let choice = self.script.get(self.taken.len()).copied().unwrap_or(0);
        self.taken.push((choice, of as u8));
        usize::from(choice)
    }

    pub(crate) fn tell(&mut self, what: impl FnOnce() -> String) {
        if let Some(told) = &mut self.told {
            told.push(what());
        }
    }
}

/// A command at work on a machine
pub(crate) struct Process<'p> {
    pub(crate) system: SystemState,
    pub(crate) at: usize,
    pub(crate) rules: Rules,
    /// The faults that may happen
    pub(crate) faults: &'p [Fault],
    pub(crate) oracle: &'p mut Oracle,
    /// What the journal says by now
    pub(crate) book: Automaton,
    /// Whether the journal had lost its end when it was opened
    pub(crate) had_lost: bool,
    /// Whether this is a run that goes on
    pub(crate) goes_on: bool,
}

impl<'p> Process<'p> {
    pub(crate) fn new(
        system: SystemState,
        at: usize,
        rules: Rules,
        faults: &'p [Fault],
        oracle: &'p mut Oracle,
    ) -> Self {
        let book = Automaton::new(system.reaches());
        Self { system, at, rules, faults, oracle, book, had_lost: false, goes_on: false }
    }

    pub(crate) fn machine(&mut self) -> &mut Machine {
        &mut self.system.machines[self.at]
    }

    pub(crate) fn run(&mut self) -> &mut super::system::Run {
        self.machine().run.as_mut().expect("a command that got this far has a run")
    }

    pub(crate) fn journal(&mut self) -> &mut Vec<Rec> {
        self.run().journal.as_mut().expect("a run that is worked on has a journal")
    }

    /// Something may happen here: what is on its way may arrive, and one of these faults may occur, which is for the
    /// caller to deal with where it is not the end.
    pub(crate) fn point(&mut self, here: &[Fault]) -> Done<Option<Fault>> {
        loop {
            let arrivals = self.system.flying.len();
            let allowed = if self.system.faults == 0 { &[][..] } else { here };
            let system = &self.system;
            let enabled = |fault: &&Fault| self.faults.contains(fault) && may(system, self.at, **fault);
            let possible: Vec<Fault> = allowed.iter().filter(enabled).copied().collect();
            let choice = self.oracle.choose(1 + arrivals + possible.len());
            if choice == 0 {
                return Ok(None);
            }
            if choice <= arrivals {
                let arriving = self.system.flying[choice - 1].message;
                self.oracle.tell(|| format!("    arrives late: {arriving:?}"));
                self.system.arrive(choice - 1).map_err(Halt::Wrong)?;
                continue;
            }
            let fault = possible[choice - 1 - arrivals];
            self.oracle.tell(|| format!("    fault: {fault:?}"));
            self.system.faults -= 1;
            if fault == Fault::Kill {
                return Err(Halt::Killed);
            }
            if !act(&mut self.system, self.at, fault) {
                return Ok(Some(fault));
            }
        }
    }

    /// Writes a record, and after it the second file.
    pub(crate) fn write(&mut self, record: Rec) -> Done {
        let id = self.book.entries.len();
        self.oracle.tell(|| format!("    writes {}", shown(record, id)));
        if let Rec::End(outcome) = record {
            self.say(outcome)?;
        }
        if let Err(rule) = self.book.take(record) {
            self.oracle.tell(|| format!("    the journal's rule is broken: {rule}"));
            return Err(Halt::Wrong(Wrong::Journal));
        }
        self.journal().push(record);
        self.run().all_old &= !matches!(record, Rec::Run | Rec::Intent(..) | Rec::Undo(_));
        let sent = match record {
            Rec::Intent(..) => Some(self.book.entries.len() - 1),
            Rec::Undo(id) if self.rules.fence_back => Some(id.into()),
            _ => None,
        };
        self.run().old &= !sent.map_or(0, |id| 1 << id);
        if self.rules.mark && !(self.rules.remember && self.had_lost) {
            if self.point(&[Fault::Kill, Fault::TornMark])?.is_some() {
                self.run().mark = None;
                return Err(Halt::Killed);
            }
            let length = self.journal().len() as u8;
            (self.run().mark, self.run().is_cut) = (Some(length), false);
        }
        self.point(&[Fault::Kill]).map(drop)
    }

    /// The run is over, and this is said of it.
    fn say(&mut self, outcome: Outcome) -> Done {
        let (at, system) = (self.at, &mut self.system);
        let wrong = match outcome {
            Outcome::Released => system.shortcoming(at),
            Outcome::RolledBack => system.remnant(at),
            Outcome::GivenUp => None,
        };
        for flying in &mut system.flying {
            flying.undone |= outcome == Outcome::RolledBack;
            flying.released |= outcome == Outcome::Released;
        }
        self.run().over = true;
        if outcome == Outcome::RolledBack {
            self.run().dist = Files::default();
        }
        self.oracle.tell(|| format!("    says that all is {outcome:?}"));
        wrong.map_or(Ok(()), |wrong| Err(Halt::Wrong(wrong)))
    }

    /// What the index that a file goes to makes of it, with everything that can go wrong on the way. The inner error says
    /// whether nothing came of it for sure, and whether nothing ever can.
    pub(crate) fn deliver(&mut self, id: u8, message: Message) -> Done<Result<(), Option<bool>>> {
        let faults =
            [Fault::Kill, Fault::Cut, Fault::SlowCut, Fault::Refused, Fault::Closed, Fault::Truncated];
        let possible = if matches!(message, Message::Upload { .. }) { &faults[..] } else { &faults[..4] };
        // Killed here, the message has been sent.
        let fault = match self.point(possible) {
            Err(Halt::Killed) => {
                self.system.send(message);
                return Err(Halt::Killed);
            }
            other => other?,
        };
        match fault {
            None => Ok(self.system.apply(message).map_err(|refusal| Some(refusal.is_final()))),
            Some(Fault::Cut) => {
                self.system.send(message);
                Ok(Err(None))
            }
            Some(Fault::SlowCut) => {
                self.system.send(message);
                if !self.rules.last_sign {
                    self.run().old |= 1 << id;
                }
                Ok(Err(None))
            }
            Some(Fault::Closed) => {
                if let Message::Upload { public, .. } = message {
                    self.system.index(public).closed = true;
                }
                Ok(Err(Some(true)))
            }
            Some(Fault::Truncated) => {
                if let Message::Upload { public, file, .. } = message {
                    let there = &mut self.system.index(public).files[usize::from(file)];
                    there.get_or_insert(super::system::TRUNCATED);
                }
                Ok(Ok(()))
            }
            Some(_) => Ok(Err(Some(false))),
        }
    }

    /// One of two that cannot be known beforehand.
    pub(crate) fn oracle_chooses(&mut self) -> bool {
        self.oracle.choose(2) == 1
    }

    /// Whether the point of no return is passed, as the rules have it.
    pub(crate) fn is_public(&self) -> bool {
        is_public(&self.book, self.rules)
    }

    /// A name for a fence.
    pub(crate) fn new_fence(&mut self) -> u8 {
        self.system.fences += 1;
        self.system.fences - 1
    }

    pub(crate) fn state_of(&self, stage: Stage, deed: Deed) -> Option<State> {
        let same = |entry: &&super::automaton::Entry| entry.stage == stage && entry.deed == deed;
        self.book.entries.iter().rfind(same).map(|entry| entry.state)
    }
}

pub(crate) fn is_public(book: &Automaton, rules: Rules) -> bool {
    let kept = |entry: &super::automaton::Entry| rules.kept && entry.is_kept() && entry.is_public();
    book.public().is_some() || book.entries.iter().any(kept)
}

/// A record as a trace has it; an intent with the number that its effect has from then on.
fn shown(record: Rec, id: usize) -> String {
    let Rec::Intent(stage, deed) = record else { return format!("{record:?}") };
    let what = match deed.kind {
        Kind::Upload => format!(" of file {} with content {}", deed.what >> 8, deed.what & 255),
        Kind::Push if deed.what & NO_FENCE != NO_FENCE => format!(" with fence {}", deed.what & NO_FENCE),
        _ => String::new(),
    };
    format!("Intent {id} of stage {stage}: {:?} ({:?}){what}", deed.kind, deed.reach)
}

/// Whether a person could do this now; everything else always may happen.
pub(crate) fn may(system: &SystemState, at: usize, fault: Fault) -> bool {
    let repository = &system.machines[at].repository;
    match fault {
        Fault::Pushes => matches!(system.remote.branch, Commit::Base | Commit::Release),
        Fault::Commits => {
            matches!(repository.branch, Commit::Base | Commit::Release)
                && repository.ref_lock.is_none()
                && repository.index_lock.is_none()
        }
        Fault::Locks => repository.index_lock.is_none(),
        Fault::Edits => !repository.edited && repository.index_lock.is_none(),
        Fault::AddsFile => system.rehearsal.files[EXTRA].is_none(),
        Fault::DropsTag => system.remote.tag,
        _ => true,
    }
}

/// What a person does; false where it is none of theirs.
pub(crate) fn act(system: &mut SystemState, at: usize, fault: Fault) -> bool {
    let repository = &mut system.machines[at].repository;
    let on_top = |commit: Commit| if commit == Commit::Release { Commit::Top } else { Commit::Side };
    match fault {
        Fault::Pushes => system.remote.branch = on_top(system.remote.branch),
        Fault::Commits => {
            let before = repository.branch;
            repository.branch = on_top(before);
            // Whatever is in the index is committed with it.
            repository.tree = repository.branch;
        }
        Fault::Locks => repository.index_lock = Some(Lock::Theirs),
        Fault::Edits => repository.edited = true,
        Fault::AddsFile => system.rehearsal.files[EXTRA] = Some(FOREIGN),
        Fault::DropsTag => system.remote.tag = false,
        _ => return false,
    }
    let acts = &mut system.acts;
    match fault {
        Fault::Pushes => acts.pushed = true,
        Fault::Commits => acts.committed = true,
        Fault::Locks => acts.locked = true,
        Fault::Edits => acts.edited = true,
        Fault::DropsTag => acts.dropped = true,
        _ => {}
    }
    true
}

pub(crate) fn upload(public: bool, file: usize, content: u8) -> Deed {
    let reach = if public { Reach::Public } else { Reach::Rehearsal };
    Deed { kind: Kind::Upload, reach, what: (file as u16) << 8 | u16::from(content) }
}

/// The contents of files as a record has them.
pub(crate) fn packed(files: &Files) -> u16 {
    files.iter().rev().fold(0, |sum, content| sum << 4 | u16::from(content.unwrap_or(0)))
}

pub(crate) fn unpacked(packed: u16) -> Files {
    std::array::from_fn(|at| Some((packed >> (4 * at) & 15) as u8).filter(|content| *content != 0))
}
