//! The commands that go on from here, and what to know before one is chosen.

use super::{FileState, Here, JournalState, JournalSummary, RefState, RefStatus, StatusReport};
use crate::engine::journal::{Entry, Record, needs_word, point_of_no_return, refused_for_good};
use crate::engine::model::{Effect, Reach, State};
use crate::world::git::{Repository, short};

const RESUME: &str = "pyrelease resume";
const ROLLBACK: &str = "pyrelease rollback";
const LEAVE: &str = "pyrelease rollback --leave";

pub(super) fn judge(report: &mut StatusReport, summary: &JournalSummary, repository: &Repository) {
    let (next, notes): (Vec<String>, Vec<String>) = match report.journal {
        _ if report.outcome.is_some() => return,
        JournalState::Lost => (commands(&[RESUME, LEAVE]), lost()),
        JournalState::Newer => (Vec::new(), newer(summary)),
        JournalState::Damaged { line } => (commands(&[LEAVE]), damaged(report, line)),
        JournalState::Cut { records } => cut(summary, repository, records),
        JournalState::Sound => {
            let untold = (!summary.is_noted).then(|| untold(summary, repository)).flatten();
            match untold {
                Some(note) => (commands(&[RESUME, LEAVE]), vec![note]),
                None => go_on(report, summary, repository),
            }
        }
    };
    report.next = next;
    report.notes = notes;
}

impl StatusReport {
    /// The same of a run whose journal is lost, where it is known that nothing of it is public.
    pub fn without_anything_public(mut self) -> Self {
        self.next = commands(&[LEAVE]);
        self.notes = vec![
            "the run's journal is gone: what the run did outside its folder is not known".to_owned(),
            "nothing of it is public, so that there is nothing to finish: compare the tag and the remote by hand; \
             `rollback --leave` gives the run up as it is"
                .to_owned(),
        ];
        self
    }
}

fn commands(commands: &[&str]) -> Vec<String> {
    commands.iter().map(|command| (*command).to_owned()).collect()
}

fn lost() -> Vec<String> {
    vec![
        "the run's journal is gone: what the run did outside its folder is not known".to_owned(),
        "`resume` rebuilds it from the tag and the indexes, if publishing had begun; else compare the tag and the remote \
         by hand, and `rollback --leave` gives the run up as it is"
            .to_owned(),
    ]
}

/// What goes on where the journal has lost its end: every record is true, and what the lost ones told has to be found out.
fn cut(summary: &JournalSummary, repository: &Repository, records: u64) -> (Vec<String>, Vec<String>) {
    let mut notes = vec![format!(
        "the journal has lost its last {records} records at least: what the run did after those that are there is not known"
    )];
    let untold = untold(summary, repository);
    let next = if untold.is_some() || summary.is_public { RESUME } else { ROLLBACK };
    notes.extend(untold);
    (commands(&[next, LEAVE]), notes)
}

/// What is there and the records do not tell of: `rollback` refuses then.
fn untold(summary: &JournalSummary, repository: &Repository) -> Option<String> {
    if summary.is_public && point_of_no_return(&summary.entries).is_none() {
        return Some("files of this version are public: the release can only be completed".to_owned());
    }
    let Some(Record::Run(header)) = summary.records.first() else { return None };
    let lands = summary.entries.iter().any(|entry| matches!(entry.effect, Effect::Land { .. }));
    let is_there = repository.reference(&format!("refs/tags/{}", header.tag)).is_some();
    (is_there && !lands)
        .then(|| format!("tag {} is in the repository, and the journal does not tell of it", header.tag))
}

fn newer(summary: &JournalSummary) -> Vec<String> {
    let by = match summary.records.first() {
        Some(Record::Run(header)) => format!("pyrelease {}", header.pyrelease),
        _ => "a later version of pyrelease".to_owned(),
    };
    vec![format!(
        "the run was begun by {by}, which writes what this version ({}) does not know: go on with that one",
        env!("CARGO_PKG_VERSION")
    )]
}

fn damaged(report: &StatusReport, line: usize) -> Vec<String> {
    vec![
        format!(
            "line {line} of `{}/journal.jsonl` was changed after it was written: what is shown here leaves it out, and \
             nothing is done on the journal's word",
            report.folder
        ),
        "put the line back as it was (from a backup), and everything goes on; or put right by hand what the tables above \
         show, then `rollback --leave` gives the run up as it is; if files are public, `resume` after that rebuilds the \
         run from the tag and the indexes"
            .to_owned(),
    ]
}

fn go_on(
    report: &StatusReport,
    summary: &JournalSummary,
    repository: &Repository,
) -> (Vec<String>, Vec<String>) {
    let mut notes = Vec::new();
    let missing = report.files.iter().filter(|file| is_missing(file)).map(|file| file.filename.as_str());
    let missing: Vec<&str> = missing.collect();
    if let Some(entry) = point_of_no_return(&summary.entries) {
        notes.push(match entry.state {
            State::InDoubt => format!("{} may be public: the release can only be completed", entry.effect),
            _ => format!("{} is public: the release can only be completed", entry.effect),
        });
        let mut doubtful = summary.entries.iter().rev().filter(|entry| entry.state == State::InDoubt);
        let is_unsaid = |entry: &&Entry| needs_word(&summary.records, &entry.stage, &entry.effect);
        if let Some(Entry { stage, effect, .. }) = doubtful.find(is_unsaid) {
            let asked = if matches!(effect, Effect::Plugin(_)) { " (its plugin is asked first)" } else { "" };
            notes.push(format!(
                "only you can tell whether `{stage}` did its work when the run was cut short{asked}"
            ));
            return (vec![format!("{RESUME} --done {stage}"), format!("{RESUME} --again {stage}")], notes);
        }
        let others = report.files.iter().filter(|file| is_another_in_public(file));
        let others: Vec<&str> = others.map(|file| file.filename.as_str()).collect();
        if !others.is_empty() {
            notes.push(format!(
                "{} is public with other bytes than were checked: yank the release, or delete the file where the index lets \
                 you; `rollback --leave` gives the run up as it is, and the next version replaces it",
                others.join(", ")
            ));
            return (commands(&[LEAVE]), notes);
        }
        if let Some(Entry { effect, never: Some(reason), .. }) = refused_for_good(&summary.entries) {
            let is_told = report.failure.as_ref().is_some_and(|failure| failure.contains(reason));
            let why = if is_told { String::new() } else { format!(": {reason}") };
            notes.push(format!("{effect} was refused for good{why}"));
            notes.push(format!(
                "the release stays as it is: `rollback --leave` ends the run. Whoever installs {} {} gets what is public; yank it \
                 there if that is not enough, and release the next version",
                report.name, report.version
            ));
            return (commands(&[LEAVE]), notes);
        }
        if missing.is_empty() {
            return (commands(&[RESUME]), notes);
        }
        notes.push(format!(
            "{} is gone from the run's folder and on no index: the run cannot be finished with it. `rollback --leave` \
             gives the run up as it is, and `resume` then rebuilds it from the tag and the indexes",
            missing.join(", ")
        ));
        return (commands(&[LEAVE]), notes);
    }
    let now = jiff::Timestamp::now().as_second();
    for entry in summary.entries.iter().filter(|entry| entry.may_be_pushed(now)) {
        let what = if entry.is_being_undone { "the undoing of " } else { "" };
        notes.push(format!("the remote did not answer to {what}{}, which may still arrive", entry.effect));
    }
    let is_stuck = |entry: &&Entry| cannot_be_undone(report, entry, repository);
    let stuck: Vec<&Entry> = summary.entries.iter().filter(is_stuck).collect();
    for entry in &stuck {
        notes.push(format!("{} was changed since: `rollback` leaves that alone", entry.effect));
    }
    if !missing.is_empty() {
        notes.push(format!("{} is gone from the run's folder and on no index", missing.join(", ")));
    }
    let moved = moved_on(summary, repository);
    let can_resume = missing.is_empty() && moved.is_none();
    notes.extend(moved);
    let back = if stuck.is_empty() { ROLLBACK } else { LEAVE };
    (if can_resume { commands(&[RESUME, back]) } else { commands(&[back]) }, notes)
}

/// Whether nobody is known to have the file any more.
fn is_missing(file: &super::DistributionStatus) -> bool {
    !file.rehearsal
        && file.here != Here::Present
        && file.indexes.iter().all(|at| matches!(at.state, FileState::Absent | FileState::Different))
}

/// Whether a public index has something else under the file's name, which no resuming puts right.
fn is_another_in_public(file: &super::DistributionStatus) -> bool {
    file.indexes.iter().any(|at| at.reach == Reach::Public && at.state == FileState::Different)
}

/// Whether an undo of it would find that somebody else has changed what it changed, and that part of it is still there.
fn cannot_be_undone(report: &StatusReport, entry: &Entry, repository: &Repository) -> bool {
    if !matches!(entry.state, State::Done | State::InDoubt) {
        return false;
    }
    let names: Vec<(&str, String)> = match &entry.effect {
        Effect::Land { landing } => {
            let branch = landing.branch.clone().unwrap_or_else(|| "HEAD".to_owned());
            let tag = landing.tag.iter().map(|tag| format!("refs/tags/{}", tag.name));
            std::iter::once(branch).chain(tag).map(|name| ("here", name)).collect()
        }
        Effect::Push { remote, updates, .. } => {
            updates.iter().map(|update| (remote.as_str(), update.name.clone())).collect()
        }
        Effect::Upload { .. } | Effect::Command { .. } | Effect::Plugin(_) => return false,
    };
    let is_meant = |known: &&RefStatus| names.iter().any(|(at, name)| known.at == *at && known.name == *name);
    let refs: Vec<&RefStatus> = report.refs.iter().filter(is_meant).collect();
    let is_gone = |known: &&RefStatus| match known.state {
        RefState::AsBefore => true,
        RefState::AsMade | RefState::Unknown => false,
        // What is not here may have the release in its history.
        RefState::Moved if known.name.starts_with("refs/tags/") => true,
        RefState::Moved => !known.contains && known.now.as_ref().is_none_or(|now| repository.has(now)),
    };
    let is_in = |known: &&RefStatus, state| known.state == state;
    let is_known = !refs.iter().any(|known| is_in(known, RefState::Unknown));
    let is_whole = refs.iter().all(|known| is_in(known, RefState::AsMade));
    // A landing that was cut short between two refs is taken back ref by ref; so is a push that is known.
    let is_moved = refs.iter().any(|known| is_in(known, RefState::Moved));
    let is_unclear = matches!(entry.effect, Effect::Push { .. }) && entry.state == State::InDoubt;
    is_known && (is_moved || is_unclear) && !is_whole && !refs.iter().all(is_gone)
}

/// Why the run cannot land any more: it has not, and HEAD is elsewhere than where the run began.
fn moved_on(summary: &JournalSummary, repository: &Repository) -> Option<String> {
    let landed = |entry: &Entry| {
        matches!(entry.effect, Effect::Land { .. }) && matches!(entry.state, State::Done | State::InDoubt)
    };
    let has_reached = |entry: &Entry| entry.effect.reach() >= Reach::Repository && entry.state == State::Done;
    if summary.entries.iter().any(|entry| landed(entry) || has_reached(entry)) {
        return None;
    }
    let Some(Record::Run(began)) = summary.records.first() else { return None };
    let head = repository.head().ok()?;
    let same = head.commit == began.head && head.branch == began.branch;
    (!same).then(|| {
        format!(
            "the repository moved since the run began: HEAD was at {} on {}, and is at {} on {}; the release cannot land \
             there",
            short(&began.head),
            began.shown_branch(),
            short(&head.commit),
            head.shown()
        )
    })
}
