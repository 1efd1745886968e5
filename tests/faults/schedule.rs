//! What happens to one release, all of it from one seed.

use std::fmt;

use pyrelease_test_support::{Asked, Cut, Trouble};

use super::random::Random;
use crate::release::power::Cut as PowerCut;

/// What follows from a seed
#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    pub(crate) seed: u64,
    pub(crate) pipeline: Pipeline,
    /// The run itself, then the attempts to go on
    pub(crate) steps: Vec<Step>,
    /// For what is chosen at the end, when nothing goes wrong any more
    pub(crate) choices: Random,
}

/// A command and what befalls it
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) command: &'static str,
    pub(crate) blows: Vec<Blow>,
    /// Whether the next one follows without a look around where this one is killed
    pub(crate) goes_on_at_once: bool,
}

impl Step {
    pub(crate) fn new(command: &'static str, blows: Vec<Blow>) -> Self {
        Self { command, blows, goes_on_at_once: false }
    }
}

/// Which release it is
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Pipeline {
    /// The stages that run where nothing is configured
    Default,
    /// With a command that reaches the repository and can be undone, and one that follows up
    Commands,
    /// Rehearsed as a development release
    Development,
    Unrehearsed,
    WithoutRemote,
    /// With a remote that is reached by the network
    Networked,
}

impl Pipeline {
    pub(crate) const ALL: [Self; 6] = [
        Self::Default,
        Self::Commands,
        Self::Development,
        Self::Unrehearsed,
        Self::WithoutRemote,
        Self::Networked,
    ];
}

/// Something that goes wrong; times are in milliseconds from the beginning of the command
#[derive(Debug, Clone)]
pub(crate) enum Blow {
    /// `kill -9` by itself at this point of a drill
    KilledAt(u64),
    KilledAfter(u64),
    /// Everything that the command has started dies with it, amid git's own work: git leaves its locks
    PowerCut(PowerCut),
    Signalled(&'static str, u64),
    /// An interrupt and, so much later, another
    InterruptedTwice(u64, u64),
    Network(Index, Asked, Vec<Option<Trouble>>),
    /// From here on the index has other bytes than it was sent, as one that keeps files cut short
    Spoiled(Index),
    /// A hook of the remote says no
    PushRefused,
    /// The remote has moved its refs, and ends without saying so
    PushUnanswered,
    /// The connection of a push is cut there, and the remote goes on for so many milliseconds
    PushCut(Cut, u64),
    /// The journal loses so many lines after the command, at its end, and the note of where it ended with it where that is said
    JournalCut(usize, bool),
    /// Somebody else's push arrives in the middle of ours
    RivalAmidPush,
    RivalAfter(u64),
    Human(Deed, u64),
    /// So many KiB are left on the disk
    DiskFull(usize),
    /// So many more files can be made on the disk
    FilesFull(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Index {
    Rehearsal,
    Public,
}

/// What a human does in the repository meanwhile
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    Commits,
    /// A file that the release leaves alone
    EditsElsewhere,
    /// A file that the release changes
    EditsInTheWay,
    SwitchesBranch,
}

/// What a run sets aside for its journal, in KiB
const RESERVE: usize = 1024;

/// What a schedule needs to know of the runs that go well
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    /// Points of a drill
    pub(crate) points: u64,
    /// In milliseconds
    pub(crate) length: u64,
}

impl Schedule {
    pub(crate) fn new(seed: u64, extent: impl Fn(Pipeline) -> Extent, small_disk: bool) -> Self {
        let mut random = Random::new(seed);
        let pipeline = random.pick(&Pipeline::ALL);
        let extent = extent(pipeline);
        let blows = blows(&mut random, pipeline, extent, small_disk);
        let mut steps = vec![Step { command: "run minor --yes", blows, goes_on_at_once: random.chance(50) }];
        // A recovery does less than a run, and at its beginning the more.
        let rest = Extent { points: extent.points / 3, length: extent.length / 2 };
        for _ in 0..random.below(4) {
            let command = random.pick(&["resume --yes", "rollback --yes"]);
            let troubled = random.chance(60);
            let blows = if troubled { vec![blow(&mut random, pipeline, rest, small_disk)] } else { vec![] };
            steps.push(Step { command, blows, goes_on_at_once: random.chance(50) });
        }
        Self { seed, pipeline, steps, choices: random }
    }
}

fn blows(random: &mut Random, pipeline: Pipeline, extent: Extent, small_disk: bool) -> Vec<Blow> {
    let number = random.pick(&[1, 1, 1, 2, 2, 3]);
    (0..number).map(|_| blow(random, pipeline, extent, small_disk)).collect()
}

fn blow(random: &mut Random, pipeline: Pipeline, extent: Extent, small_disk: bool) -> Blow {
    let moment = |random: &mut Random| random.below(extent.length * 5 / 4);
    match random.below(100) {
        0..=24 => Blow::KilledAt(random.within(1, extent.points)),
        25..=27 => Blow::JournalCut(random.within(1, 12) as usize, random.chance(25)),
        28..=34 => {
            let cuts = match pipeline {
                Pipeline::WithoutRemote | Pipeline::Networked => &PowerCut::WITHOUT_REMOTE[..],
                _ => &PowerCut::ALL,
            };
            Blow::PowerCut(random.pick(cuts))
        }
        35..=42 => Blow::KilledAfter(moment(random)),
        43..=48 => Blow::Signalled(random.pick(&["INT", "TERM", "HUP"]), moment(random)),
        49..=51 => Blow::InterruptedTwice(moment(random), random.below(200)),
        52..=75 => network(random, pipeline),
        76..=77 if pipeline == Pipeline::Unrehearsed => Blow::Spoiled(Index::Public),
        76..=77 => Blow::Spoiled(random.pick(&[Index::Rehearsal, Index::Public])),
        78..=87 if pipeline == Pipeline::WithoutRemote => Blow::KilledAt(random.within(1, extent.points)),
        78..=83 if pipeline == Pipeline::Networked => {
            Blow::PushCut(random.pick(&[Cut::Answer, Cut::Answer, Cut::Request]), random.below(1500))
        }
        78..=80 => Blow::PushRefused,
        81..=83 => Blow::PushUnanswered,
        84..=85 => Blow::RivalAmidPush,
        86..=87 => Blow::RivalAfter(moment(random)),
        88..=93 => {
            let deeds = [Deed::Commits, Deed::EditsElsewhere, Deed::EditsInTheWay, Deed::SwitchesBranch];
            Blow::Human(random.pick(&deeds), moment(random))
        }
        // Too little for the run to begin, or enough for its beginning.
        _ if small_disk && random.chance(25) => Blow::DiskFull(4 << random.below(9)),
        _ if small_disk && random.chance(40) => Blow::FilesFull(random.below(200) as usize),
        _ if small_disk => Blow::DiskFull(RESERVE + random.within(4, 300) as usize),
        _ => Blow::KilledAfter(moment(random)),
    }
}

fn network(random: &mut Random, pipeline: Pipeline) -> Blow {
    let index = match pipeline {
        Pipeline::Unrehearsed => Index::Public,
        _ => random.pick(&[Index::Rehearsal, Index::Public, Index::Public]),
    };
    let asked = random.pick(&[Asked::Upload, Asked::Upload, Asked::Listing]);
    // The preflight's question mostly goes well: without an answer there would be no release to trouble.
    let spared = if asked == Asked::Listing && random.chance(80) { 1 } else { random.below(2) };
    let mut troubles = vec![None; spared as usize];
    for _ in 0..random.within(1, 2) {
        troubles.push(Some(trouble(random, asked)));
    }
    Blow::Network(index, asked, troubles)
}

fn trouble(random: &mut Random, asked: Asked) -> Trouble {
    let bytes = random.below(4000) as usize;
    let status = random.pick(&[500, 502, 503]);
    match (random.below(8), asked) {
        (0, _) => Trouble::Refused,
        (1, _) => Trouble::CutReply(bytes / 10),
        (2, _) => Trouble::Failure(status),
        (3, _) => Trouble::Late(random.below(300)),
        (4, Asked::Upload) => Trouble::CutRequest(bytes),
        (5, Asked::Upload) => Trouble::FailureAfterwards(status),
        (_, Asked::Upload) => Trouble::LostReply,
        (4, Asked::Listing) => Trouble::Garbled,
        (5, Asked::Listing) => Trouble::OtherHashes,
        (_, Asked::Listing) => Trouble::Stale,
    }
}

impl Blow {
    /// What it is counted as.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::KilledAt(_) => "kill -9 at a point",
            Self::KilledAfter(_) => "kill -9 from outside",
            Self::PowerCut(_) => "power cut amid git's work, locks left",
            Self::Signalled(..) => "signal",
            Self::InterruptedTwice(..) => "two interrupts",
            Self::Network(..) => "network",
            Self::Spoiled(_) => "index has other bytes",
            Self::PushRefused => "push refused",
            Self::PushUnanswered => "push unanswered",
            Self::PushCut(..) => "push cut while the remote goes on",
            Self::JournalCut(..) => "journal cut",
            Self::RivalAmidPush | Self::RivalAfter(_) => "rival's push",
            Self::Human(..) => "human at work",
            Self::DiskFull(_) => "disk full",
            Self::FilesFull(_) => "too many files",
        }
    }

    /// Whether somebody else is at work in the repository or at the remote.
    pub(crate) fn is_somebody(&self) -> bool {
        matches!(self, Self::RivalAmidPush | Self::RivalAfter(_) | Self::Human(..))
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} with seed {}", self.pipeline, self.seed)?;
        for Step { command, blows, .. } in &self.steps {
            write!(f, "\n  {command}")?;
            for blow in blows {
                write!(f, "\n    {}: {blow:?}", blow.kind())?;
            }
        }
        Ok(())
    }
}
