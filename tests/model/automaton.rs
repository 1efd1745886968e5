//! The journal as an automaton: which record may follow which, and what a journal says of its effects.
//!
//! The model writes its journals through it and reads them by it, and the journals that the engine writes are held
//! against it: it is one list of rules for both.

use pyrelease::engine::model::Reach;

/// A stage by its place in the pipeline
pub(crate) type Stage = u8;
/// The landing, which is no stage of the pipeline's
pub(crate) const LAND: Stage = 250;
/// What fails outside of any stage
pub(crate) const OUTSIDE: Stage = 251;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    Land,
    Push,
    Upload,
    Command,
    /// A command without an `undo`
    LastingCommand,
    Plugin,
    /// An effect of a plugin that nobody can take back
    LastingPlugin,
}

/// An effect: `what` tells one from another of its kind
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Deed {
    pub(crate) kind: Kind,
    pub(crate) reach: Reach,
    pub(crate) what: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Outcome {
    Released,
    RolledBack,
    GivenUp,
}

/// A record; with the numbers of the contents of what was built, where it hands that on
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Rec {
    Run,
    Begun(Stage),
    StageDone(Stage, u16),
    /// So many stages are taken as done
    Found(u8, u16),
    Imported,
    Intent(Stage, Deed),
    Done(u8),
    /// And whether it never can be
    NotDone(u8, bool),
    Doubted(u8),
    Undo(u8),
    Undone(u8),
    Kept(u8),
    Failed(Stage),
    End(Outcome),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum State {
    InDoubt,
    Done,
    NotDone,
    Undone,
    Kept,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Entry {
    pub(crate) stage: Stage,
    pub(crate) deed: Deed,
    pub(crate) state: State,
    /// Whether its undo was begun and has no end yet
    pub(crate) undoing: bool,
    /// Whether it was refused for good
    pub(crate) is_final: bool,
}

impl Entry {
    /// Whether it is there or may be.
    pub(crate) fn stands(&self) -> bool {
        matches!(self.state, State::Done | State::InDoubt)
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.state == State::Kept
    }

    pub(crate) fn is_public(&self) -> bool {
        self.deed.reach >= Reach::Public
    }
}

/// Where a journal is
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Automaton {
    reaches: Vec<Reach>,
    pub(crate) entries: Vec<Entry>,
    /// Of the first stages that were done, the effects
    finished: Vec<(usize, usize)>,
    /// What they handed on
    pub(crate) built: u16,
    /// The stage that was begun last and has no end
    at: Option<Stage>,
    /// The stage that was begun last, whatever became of it
    last: Option<Stage>,
    /// The intents since the stage began
    since: usize,
    begun: bool,
    pub(crate) is_found: bool,
    pub(crate) is_imported: bool,
    pub(crate) outcome: Option<Outcome>,
}

fn expect(holds: bool, rule: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(rule) }
}

impl Automaton {
    pub(crate) fn new(reaches: Vec<Reach>) -> Self {
        Self {
            reaches,
            entries: Vec::new(),
            finished: Vec::new(),
            built: 0,
            at: None,
            last: None,
            since: 0,
            begun: false,
            is_found: false,
            is_imported: false,
            outcome: None,
        }
    }

    /// Reads a whole journal.
    pub(crate) fn read(reaches: Vec<Reach>, records: &[Rec]) -> Result<Self, String> {
        let mut automaton = Self::new(reaches);
        for (at, record) in records.iter().enumerate() {
            automaton.take(*record).map_err(|rule| format!("record {}, {record:?}: {rule}", at + 1))?;
        }
        Ok(automaton)
    }

    /// Takes the next record, or says which rule it breaks.
    pub(crate) fn take(&mut self, record: Rec) -> Result<(), &'static str> {
        expect(self.outcome.is_none(), "nothing follows the end of a run")?;
        expect(self.begun != (record == Rec::Run), "a journal begins with its header, and has no other")?;
        match record {
            Rec::Run => self.begun = true,
            Rec::Imported => {
                (self.is_imported, self.at) = (true, None);
                let refs = |entry: &&mut Entry| matches!(entry.deed.kind, Kind::Land | Kind::Push);
                let done = self.entries.iter_mut().filter(refs).filter(|entry| entry.state == State::Done);
                done.for_each(|entry| entry.state = State::InDoubt);
            }
            Rec::Found(stages, built) => {
                let first = self.entries.is_empty() && self.last.is_none() && !self.is_found;
                expect(first, "what is found comes before anything is done")?;
                (self.is_found, self.built) = (true, built);
                self.finished = vec![(0, 0); stages.into()];
            }
            Rec::Begun(stage) => self.begin(stage)?,
            Rec::StageDone(stage, built) => {
                expect(self.at == Some(stage), "a stage ends that is at work")?;
                let all = self.entries[self.since..].iter().filter(|entry| entry.stage == stage);
                let mut all = all.filter(|entry| entry.state != State::Undone);
                expect(
                    all.all(|entry| entry.state == State::Done),
                    "a stage is done when all it intended is",
                )?;
                self.at = None;
                if self.finished.len() == usize::from(stage) {
                    self.finished.push((self.since, self.entries.len()));
                }
                self.built = if built == 0 { self.built } else { built };
            }
            Rec::Failed(stage) => {
                expect(stage >= LAND || self.at == Some(stage), "a stage fails that is at work")?;
                self.at = None;
            }
            Rec::Intent(stage, deed) => self.intend(stage, deed)?,
            Rec::Done(id) => {
                let entry = self.in_doubt(id)?;
                let deed = entry.deed;
                (entry.state, entry.undoing) = (State::Done, false);
                // The same thing attempted again and done settles the attempts before.
                let before = self.entries[..id.into()].iter_mut();
                before
                    .filter(|entry| entry.state == State::InDoubt && entry.deed == deed)
                    .for_each(|entry| entry.state = State::NotDone);
            }
            Rec::NotDone(id, is_final) => {
                let entry = self.in_doubt(id)?;
                (entry.state, entry.undoing, entry.is_final) = (State::NotDone, false, is_final);
            }
            Rec::Doubted(id) => {
                let entry = self.in_doubt(id)?;
                expect(
                    matches!(entry.deed.kind, Kind::Upload | Kind::Push),
                    "only what travels may arrive late",
                )?;
            }
            Rec::Undo(id) => self.undo(id)?,
            Rec::Undone(id) => {
                let entry = self.in_doubt(id)?;
                expect(entry.undoing, "what is undone was being undone")?;
                (entry.state, entry.undoing) = (State::Undone, false);
            }
            Rec::Kept(id) => {
                self.expect_last(id)?;
                let entry = self.standing(id)?;
                (entry.state, entry.undoing) = (State::Kept, false);
            }
            Rec::End(outcome) => self.end(outcome)?,
        }
        Ok(())
    }

    fn standing(&mut self, id: u8) -> Result<&mut Entry, &'static str> {
        let entry = self.entries.get_mut(usize::from(id));
        entry
            .filter(|entry| entry.stands())
            .ok_or("what happens to an effect happens to one that is there or may be")
    }

    fn in_doubt(&mut self, id: u8) -> Result<&mut Entry, &'static str> {
        let entry = self.standing(id)?;
        expect(entry.state == State::InDoubt, "only what is in doubt is settled")?;
        Ok(entry)
    }

    fn reach(&self, stage: Stage) -> Option<Reach> {
        self.reaches.get(usize::from(stage)).copied()
    }

    fn begin(&mut self, stage: Stage) -> Result<(), &'static str> {
        let reach = self.reach(stage).ok_or("a stage of the pipeline")?;
        let place = usize::from(stage);
        // A stage after the release may fail, and the next one begins all the same.
        let skipped = |stages: &[Reach]| stages.iter().all(|reach| *reach == Reach::FollowUp);
        let done = self.done();
        let next = place >= done && skipped(&self.reaches[done..place]);
        let stands = self.entries.iter().any(|entry| entry.stands() && entry.deed.reach > Reach::Private);
        let again = place == 0 && !stands && !self.is_found && !self.is_imported;
        expect(
            next || again,
            "stages begin in their order, and private ones again while nothing is outside",
        )?;
        expect(
            reach < Reach::Repository || self.has_landed(),
            "what reaches the repository comes after the landing",
        )?;
        (self.at, self.last, self.since) = (Some(stage), Some(stage), self.entries.len());
        self.finished.truncate(place);
        Ok(())
    }

    /// The number of the first stages that are done, and all of whose effects still stand.
    pub(crate) fn done(&self) -> usize {
        let stands = |entry: &Entry| matches!(entry.state, State::Done | State::Kept);
        let all = |(from, to): &&(usize, usize)| self.entries[*from..*to].iter().all(stands);
        self.finished.iter().take_while(all).count()
    }

    /// Whether the release is in the repository, if it has anything to land.
    fn has_landed(&self) -> bool {
        let last = self.entries.iter().rfind(|entry| entry.deed.kind == Kind::Land);
        last.is_none_or(|entry| {
            matches!(entry.state, State::Done | State::Kept) || (self.is_imported && entry.stands())
        })
    }

    fn intend(&mut self, stage: Stage, deed: Deed) -> Result<(), &'static str> {
        let same = |entry: &&Entry| entry.stage == stage && entry.deed == deed;
        let earlier = self.entries.iter().rfind(same);
        expect(earlier.is_none_or(|entry| entry.state != State::Done), "nothing is done twice")?;
        if deed.kind == Kind::Land {
            expect(stage == LAND && self.at.is_none(), "a release lands between two stages")?;
            let next = self.reaches.get(self.done());
            let time = next.is_none_or(|next| *next >= Reach::Repository);
            expect(time, "a release lands when all before the repository is done")?;
        } else if self.is_found && self.last.is_none() {
            expect(deed.kind == Kind::Upload, "what is found are uploads")?;
        } else {
            expect(self.at == Some(stage), "a stage at work intends")?;
            expect(self.reach(stage) >= Some(deed.reach), "no effect reaches further than its stage")?;
        }
        let (state, undoing, is_final) = (State::InDoubt, false, false);
        self.entries.push(Entry { stage, deed, state, undoing, is_final });
        Ok(())
    }

    /// The last first; but what a plugin does not take back is in nobody else's way.
    fn expect_last(&self, id: u8) -> Result<(), &'static str> {
        let after = self.entries.iter().skip(usize::from(id) + 1).filter(|entry| entry.stands());
        let mut others = after.filter(|entry| entry.deed.kind != Kind::Plugin);
        expect(others.next().is_none(), "the last is undone first")
    }

    fn undo(&mut self, id: u8) -> Result<(), &'static str> {
        let entry = *self.standing(id)?;
        let lasting = match entry.deed.kind {
            Kind::Upload | Kind::LastingCommand | Kind::LastingPlugin => true,
            Kind::Land | Kind::Push | Kind::Command | Kind::Plugin => false,
        };
        expect(!lasting, "only what can be taken back is")?;
        // A plugin's stage tidies up after itself.
        let own = entry.deed.kind == Kind::Plugin && self.last == Some(entry.stage);
        let is_public =
            self.entries.iter().any(|entry| entry.is_public() && (entry.stands() || entry.is_kept()));
        expect(own || !is_public, "nothing is taken back once something is public")?;
        self.expect_last(id)?;
        let entry = self.standing(id)?;
        (entry.state, entry.undoing) = (State::InDoubt, true);
        if entry.deed.kind != Kind::Plugin {
            // Whatever was at work, it is no more.
            self.at = None;
        }
        Ok(())
    }

    /// The effect after which the only way is forward.
    pub(crate) fn public(&self) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.is_public() && entry.stands())
    }

    fn end(&mut self, outcome: Outcome) -> Result<(), &'static str> {
        let stands = self.entries.iter().any(Entry::stands);
        match outcome {
            Outcome::Released => {
                let left = &self.reaches[self.done().min(self.reaches.len())..];
                let all = left.iter().all(|reach| *reach == Reach::FollowUp);
                expect(all && self.has_landed(), "a release is over when all its stages are")?;
                expect(
                    self.at.is_none_or(|at| self.reach(at) == Some(Reach::FollowUp)),
                    "a stage is at work",
                )?;
            }
            Outcome::RolledBack => {
                expect(!stands, "a rollback is over when nothing stands")?;
                let mut kept = self.entries.iter().filter(|entry| entry.is_kept());
                let lasting = |entry: &Entry| match entry.deed.kind {
                    Kind::Land | Kind::Push | Kind::Command | Kind::Plugin => false,
                    Kind::Upload => entry.deed.reach < Reach::Public,
                    Kind::LastingCommand | Kind::LastingPlugin => true,
                };
                expect(kept.all(lasting), "a rollback keeps only what cannot be taken back")?;
            }
            Outcome::GivenUp => {
                expect(!stands, "a run that is given up says of everything that it stays")?;
            }
        }
        self.outcome = Some(outcome);
        Ok(())
    }
}
