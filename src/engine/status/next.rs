//! The commands that continue a run, and notes that help to choose one.

use super::{
    FileState, IndexFile, JournalState, JournalSummary, LocalState, NextCommand, RefState, RefStatus,
    StatusReport,
};
use crate::engine::journal::{Entry, Record, needs_user_decision, point_of_no_return, refused_for_good};
use crate::engine::model::{Effect, Reach, State};
use crate::engine::resume_state::{awaits_wheels, export_of};
use crate::world::git::{Repository, short};

const RESUME: NextCommand = NextCommand::Resume;
const ROLLBACK: NextCommand = NextCommand::Rollback;
const LEAVE: NextCommand = NextCommand::RollbackLeave;

/// Sets the report's `next` and `notes`.
pub(super) fn add_next_commands(
    report: &mut StatusReport,
    summary: &JournalSummary,
    repository: &Repository,
) {
    let (next, notes): (Vec<NextCommand>, Vec<String>) = match report.journal {
        _ if report.outcome.is_some() => return,
        JournalState::Lost => (vec![RESUME, LEAVE], lost()),
        JournalState::Newer => (Vec::new(), newer(summary)),
        JournalState::Damaged { line } => (vec![LEAVE], damaged(report, line)),
        JournalState::Cut { records } => cut(summary, repository, records),
        JournalState::Sound => {
            let unrecorded = (!summary.is_whole).then(|| unrecorded(summary, repository)).flatten();
            match unrecorded {
                Some(note) => (vec![RESUME, LEAVE], vec![note]),
                None => sound(report, summary, repository),
            }
        }
    };
    report.next = next;
    report.notes = notes;
}

impl StatusReport {
    /// The report of a run whose journal is lost, once it is known that none of its files are public.
    pub fn with_nothing_public(mut self) -> Self {
        self.next = vec![LEAVE];
        self.notes = vec![
            "the run's journal is gone: what the run did outside its folder is not known".to_owned(),
            "nothing is public, so there is nothing to complete: check the tag and the remote by hand; `rollback \
             --leave` gives up the run as it is"
                .to_owned(),
        ];
        self
    }
}

fn lost() -> Vec<String> {
    vec![
        "the run's journal is gone: what the run did outside its folder is not known".to_owned(),
        "`resume` rebuilds it from the tag and the indexes, if publishing had begun; otherwise check the tag and the \
         remote by hand, and `rollback --leave` gives up the run as it is"
            .to_owned(),
    ]
}

/// The commands for a journal that has lost its end: its records hold, but the lost effects must be found first.
fn cut(summary: &JournalSummary, repository: &Repository, records: u64) -> (Vec<NextCommand>, Vec<String>) {
    let mut notes = vec![format!(
        "the journal has lost at least its last {records} records: what the run did after the remaining ones is not \
         known"
    )];
    let unrecorded = unrecorded(summary, repository);
    let next = if unrecorded.is_some() || summary.is_public { RESUME } else { ROLLBACK };
    notes.extend(unrecorded);
    (vec![next, LEAVE], notes)
}

/// An effect that exists but is not in the journal. `rollback` refuses then.
fn unrecorded(summary: &JournalSummary, repository: &Repository) -> Option<String> {
    if summary.is_public && point_of_no_return(&summary.entries).is_none() {
        return Some("files of this version are public: the release can only be completed".to_owned());
    }
    let Some(Record::Run(header)) = summary.records.first() else { return None };
    let lands = summary.entries.iter().any(|entry| matches!(entry.effect, Effect::Land { .. }));
    let tags = header.tags();
    let exists = |tag: &&&str| repository.reference(&format!("refs/tags/{tag}")).is_some();
    let tag = tags.iter().find(exists).filter(|_| !lands)?;
    Some(format!("tag {tag} is in the repository, but the journal does not record it"))
}

fn newer(summary: &JournalSummary) -> Vec<String> {
    let by = match summary.records.first() {
        Some(Record::Run(header)) => format!("pyrelease {}", header.pyrelease),
        _ => "a later version of pyrelease".to_owned(),
    };
    vec![format!(
        "the run was begun by {by}, whose journal this version ({}) cannot read: continue with that version",
        env!("CARGO_PKG_VERSION")
    )]
}

fn damaged(report: &StatusReport, line: usize) -> Vec<String> {
    vec![
        format!(
            "line {line} of `{}/journal.jsonl` was changed after it was written: the tables above leave it out, and \
             no command acts on this journal",
            report.folder
        ),
        "restore the line (from a backup) to continue; or repair by hand what the tables above show, then `rollback \
         --leave` gives up the run as it is; if files are public, `resume` after that rebuilds the run from the tag \
         and the indexes"
            .to_owned(),
    ]
}

/// The commands for a journal that can be read completely.
fn sound(
    report: &StatusReport,
    summary: &JournalSummary,
    repository: &Repository,
) -> (Vec<NextCommand>, Vec<String>) {
    let mut notes = Vec::new();
    let missing = report.files.iter().filter(|file| is_missing(file)).map(|file| file.filename.as_str());
    let missing: Vec<&str> = missing.collect();
    if let Some(entry) = point_of_no_return(&summary.entries) {
        notes.push(format!("{}: the release can only be completed", entry.shown_public()));
        notes.extend(awaited(report, summary));
        let mut doubtful = summary.entries.iter().rev().filter(|entry| entry.state == State::InDoubt);
        let is_open = |entry: &&Entry| needs_user_decision(&summary.records, &entry.stage, &entry.effect);
        if let Some(Entry { stage, effect, .. }) = doubtful.find(is_open) {
            let asked = if matches!(effect, Effect::Plugin(_)) { " (its plugin is asked first)" } else { "" };
            notes.push(format!(
                "only you can tell whether `{stage}` did its work when the run was interrupted{asked}"
            ));
            return (
                vec![NextCommand::ResumeDone(stage.clone()), NextCommand::ResumeAgain(stage.clone())],
                notes,
            );
        }
        let others = report.files.iter().filter(|file| differs_in_public(file));
        let others: Vec<&str> = others.map(|file| file.filename.as_str()).collect();
        if !others.is_empty() {
            notes.push(format!(
                "{} is public with other bytes than those that were checked: yank the release, or delete the file if \
                 the index allows it; `rollback --leave` gives up the run as it is, and the next version replaces it",
                others.join(", ")
            ));
            return (vec![LEAVE], notes);
        }
        if let Some(Entry { stage, effect, never: Some(reason), .. }) = refused_for_good(&summary.entries) {
            // The report's `failure` has the reason if this stage was the last that failed.
            let is_shown = failed_stage(&summary.records) == Some(stage);
            let why = if is_shown { String::new() } else { format!(": {reason}") };
            notes.push(format!("{effect} was refused for good{why}"));
            notes.push(format!(
                "the release stays incomplete: `rollback --leave` ends the run. Users who install {} {} get the files \
                 that are public; if those are not enough, yank the release and release the next version",
                report.name, report.version
            ));
            return (vec![LEAVE], notes);
        }
        if missing.is_empty() {
            return (vec![RESUME], notes);
        }
        notes.push(format!(
            "{} is missing from the run's folder and from every index: the run cannot be completed without it. \
             `rollback --leave` gives up the run as it is, and `resume` then rebuilds it from the tag and the indexes",
            missing.join(", ")
        ));
        return (vec![LEAVE], notes);
    }
    let public: Vec<&str> = report
        .files
        .iter()
        .filter(|file| is_public_elsewhere(file))
        .map(|file| file.filename.as_str())
        .collect();
    if !public.is_empty() {
        let files = public.join(", ");
        notes.push(format!("{files} is public, published from elsewhere: the release can only be completed"));
        return (vec![RESUME, LEAVE], notes);
    }
    let now = jiff::Timestamp::now().as_second();
    for entry in summary.entries.iter().filter(|entry| entry.may_be_pushed(now)) {
        let what = if entry.is_being_undone { "undo" } else { "push" };
        notes.push(format!(
            "the remote did not answer the {what} of {}, which may still arrive",
            entry.effect
        ));
    }
    let is_stuck = |entry: &&Entry| cannot_be_undone(report, entry, repository);
    let stuck: Vec<&Entry> = summary.entries.iter().filter(is_stuck).collect();
    for entry in &stuck {
        notes.push(format!("{} has changed since: `rollback` does not touch it", entry.effect));
    }
    if !missing.is_empty() {
        notes.push(format!("{} is missing from the run's folder and from every index", missing.join(", ")));
    }
    let moved = moved_on(summary, repository);
    let awaits_wheels = awaits_wheels(&summary.records) && export_of(&summary.records).is_none();
    if awaits_wheels {
        notes.push(
            "the run waits for wheels that are built elsewhere: `pyrelease publish FILE --adopt DIR` adds them, with the \
             FILE that `prepare` wrote"
                .to_owned(),
        );
    }
    let can_resume = missing.is_empty() && moved.is_none() && !awaits_wheels;
    notes.extend(moved);
    let back = if stuck.is_empty() { ROLLBACK } else { LEAVE };
    (if can_resume { vec![RESUME, back] } else { vec![back] }, notes)
}

/// The stage that failed last.
fn failed_stage(records: &[Record]) -> Option<&String> {
    records.iter().rev().find_map(|record| match record {
        Record::Failed { stage, .. } => Some(stage),
        _ => None,
    })
}

/// That a workflow publishes the release, and the run waits for it.
fn awaited(report: &StatusReport, summary: &JournalSummary) -> Option<String> {
    let is_open = |stage: &str| report.stages.iter().any(|known| known.stage == stage && !known.done);
    let awaited = summary.destinations.iter().find(|place| place.by_workflow && is_open(&place.index))?;
    Some(format!("`resume` waits until `{}` lists what the workflow publishes", awaited.index))
}

/// Whether neither the run's folder nor an index has the file.
fn is_missing(file: &super::DistributionStatus) -> bool {
    // A workflow builds its own.
    let mut indexes = file.indexes.iter().filter(|at| !at.by_workflow).peekable();
    !file.rehearsal
        && file.local != LocalState::Present
        && (file.indexes.is_empty() || indexes.peek().is_some())
        && indexes.all(|at| matches!(at.state, FileState::Absent | FileState::Different))
}

/// Whether a public index has the file, by no effect of this run. `rollback` refuses then.
fn is_public_elsewhere(file: &super::DistributionStatus) -> bool {
    let is_there = |at: &IndexFile| at.state == FileState::Same && !at.by_workflow;
    !file.rehearsal && file.indexes.iter().any(|at| at.reach == Reach::Public && is_there(at))
}

/// Whether a public index has other bytes under the file's name. Resuming cannot repair that.
fn differs_in_public(file: &super::DistributionStatus) -> bool {
    let differs = |at: &IndexFile| at.state == FileState::Different && !at.by_workflow;
    file.indexes.iter().any(|at| at.reach == Reach::Public && differs(at))
}

/// Whether somebody else has changed the refs of an effect, and part of the effect is still there.
fn cannot_be_undone(report: &StatusReport, entry: &Entry, repository: &Repository) -> bool {
    if !matches!(entry.state, State::Done | State::InDoubt) {
        return false;
    }
    let names: Vec<(&str, String)> = match &entry.effect {
        Effect::Land { landing } => {
            let branch = landing.branch.clone().unwrap_or_else(|| "HEAD".to_owned());
            let tag = landing.tags.iter().map(|tag| format!("refs/tags/{}", tag.name));
            std::iter::once(branch).chain(tag).map(|name| ("here", name)).collect()
        }
        Effect::Push { remote, updates, .. } => {
            updates.iter().map(|update| (remote.as_str(), update.name.clone())).collect()
        }
        Effect::Upload { .. }
        | Effect::Attest { .. }
        | Effect::Command { .. }
        | Effect::Plugin(_)
        | Effect::Forge(_) => {
            return false;
        }
    };
    let is_of_effect =
        |known: &&RefStatus| names.iter().any(|(at, name)| known.at == *at && known.name == *name);
    let refs: Vec<&RefStatus> = report.refs.iter().filter(is_of_effect).collect();
    let is_gone = |known: &&RefStatus| match known.state {
        RefState::AsBefore => true,
        RefState::AsMade | RefState::Unknown => false,
        // A commit that is not in this repository may have the release in its history.
        RefState::Moved if known.name.starts_with("refs/tags/") => true,
        RefState::Moved => !known.contains && known.now.as_ref().is_none_or(|now| repository.has(now)),
    };
    let is_in = |known: &&RefStatus, state| known.state == state;
    let is_known = !refs.iter().any(|known| is_in(known, RefState::Unknown));
    let is_whole = refs.iter().all(|known| is_in(known, RefState::AsMade));
    // An interrupted landing is undone ref by ref, and so is an answered push.
    let is_moved = refs.iter().any(|known| is_in(known, RefState::Moved));
    let is_unclear = matches!(entry.effect, Effect::Push { .. }) && entry.state == State::InDoubt;
    is_known && (is_moved || is_unclear) && !is_whole && !refs.iter().all(is_gone)
}

/// The reason why the run can no longer land, if so: it has not landed, and HEAD has moved since it began.
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
            "the repository has moved since the run began: HEAD was at {} on {}, and is now at {} on {}; the release \
             cannot land there",
            short(&began.head),
            began.shown_branch(),
            short(&head.commit),
            head.shown()
        )
    })
}
