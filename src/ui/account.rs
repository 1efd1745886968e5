//! The status of a run as text for people.

use std::fmt::Write as _;

use super::table::Table;
use crate::engine::journal::Outcome;
use crate::engine::status::{
    DistributionStatus, FileState, IndexFile, JournalState, LocalState, LockStatus, RefState, RefStatus,
    StatusReport,
};
use crate::text::safe;
use crate::world::git::short;

/// The status as text.
pub fn status_text(report: &StatusReport) -> String {
    let mut text = headline(report);
    let mut facts = Table::default().indented(2).at_least(&[8]);
    let mut fact = |label: &str, value: &str| facts.row([label, value]);
    fact("run", &report.run);
    fact("folder", &report.folder);
    if let Some(failure) = &report.failure {
        fact("failed", failure);
    }
    if !report.stages.is_empty() {
        let mark = |done| if done { " ✓" } else { "" };
        let stages = report.stages.iter().map(|stage| format!("{}{}", stage.stage, mark(stage.done)));
        fact("stages", &stages.collect::<Vec<_>>().join(", "));
    }
    for effect in &report.effects {
        fact(&effect.state, &effect.effect);
    }
    let _ = write!(text, "\n{facts}");
    text.push_str(&files(report));
    text.push_str(&refs(&report.refs));
    for window in &report.windows {
        let day = window.closes.get(..10).unwrap_or(&window.closes);
        let _ = match window.days_left {
            left if left > 0.0 => write!(
                text,
                "\n\n{} accepts further files of this release for another {left:.1} days, until {day}",
                window.index
            ),
            _ => {
                write!(text, "\n\n{} has accepted no further files of this release since {day}", window.index)
            }
        };
    }
    let locks: Vec<String> = report.locks.iter().map(lock).collect();
    for (at, note) in report.notes.iter().chain(&locks).enumerate() {
        let _ = write!(text, "{}\nnote: {note}", if at == 0 { "\n" } else { "" });
    }
    for (at, command) in report.next.iter().enumerate() {
        let _ = match at {
            0 => write!(text, "\n\nnext: {command}"),
            _ => write!(text, "\n  or: {command}"),
        };
    }
    safe(&text).into_owned()
}

fn lock(lock: &LockStatus) -> String {
    match lock.left_by_run {
        true => {
            format!("git left the lock file `{}` when the run was interrupted: {}", lock.path, lock.advice)
        }
        false => format!("the lock file `{}` blocks git: {}", lock.path, lock.advice),
    }
}

fn headline(report: &StatusReport) -> String {
    let at = report.at.as_ref().map(|stage| format!(" in `{stage}`")).unwrap_or_default();
    let state = match (report.outcome, report.journal) {
        (Some(Outcome::GivenUp), _) => "given up; its effects stay as they are".to_owned(),
        (_, JournalState::Lost) => return "a run whose journal is lost".to_owned(),
        (Some(Outcome::Released), _) => "released".to_owned(),
        (Some(Outcome::RolledBack), _) => "rolled back; nothing is left".to_owned(),
        (Some(Outcome::Rehearsed | Outcome::RehearsalFailed), _) => "only rehearsed".to_owned(),
        (None, _) if report.under_way => format!("under way{at}"),
        (None, _) => format!("interrupted{at}"),
    };
    let damaged = match report.journal {
        JournalState::Damaged { line } => format!("; line {line} of its journal is damaged"),
        JournalState::Cut { .. } => "; its journal has lost its end".to_owned(),
        JournalState::Newer => "; a later version of pyrelease wrote its journal".to_owned(),
        _ => String::new(),
    };
    match report.name.as_str() {
        "" => format!("a run that cannot be read: {state}{damaged}"),
        name => format!("{name} {}: {state}{damaged}", report.version),
    }
}

fn files(report: &StatusReport) -> String {
    // A rollback deletes the files of the run's folder.
    let with_local = report.outcome != Some(Outcome::RolledBack);
    let mut indexes: Vec<&str> = Vec::new();
    for at in report.files.iter().flat_map(|file| &file.indexes) {
        if !indexes.contains(&at.index.as_str()) {
            indexes.push(&at.index);
        }
    }
    let mut head = vec!["file".to_owned(), "sha256".to_owned()];
    head.extend(with_local.then(|| "here".to_owned()));
    head.extend(indexes.iter().map(|index| (*index).to_owned()));
    let row = |file: &DistributionStatus| {
        let mut row = vec![file.filename.clone(), short(&file.sha256).to_owned()];
        row.extend(with_local.then(|| match &file.local {
            LocalState::Present => "present".to_owned(),
            LocalState::Changed { sha256 } => format!("changed: {}", short(sha256)),
            LocalState::Gone => "gone".to_owned(),
        }));
        let cell =
            |index: &&str| file.indexes.iter().find(|at| at.index == **index).map_or(String::new(), at_index);
        row.extend(indexes.iter().map(cell));
        row
    };
    let mut text = listed(head, report.files.iter().map(row).collect());
    let mut shown: Vec<(&str, &str)> = Vec::new();
    for at in report.files.iter().flat_map(|file| &file.indexes) {
        if let Some(reason) = &at.reason
            && !shown.contains(&(&at.index, reason))
        {
            shown.push((&at.index, reason));
            let _ = write!(text, "\n  {}: unknown, because {}", at.index, indented(reason));
        }
    }
    text
}

fn at_index(at: &IndexFile) -> String {
    match (at.state, &at.sha256) {
        (FileState::Same, _) => "same".to_owned(),
        (FileState::Different, Some(sha256)) if at.by_workflow => format!("rebuilt: {}", short(sha256)),
        (FileState::Different, sha256) => {
            format!("different: {}", sha256.as_deref().map(short).unwrap_or_default())
        }
        (FileState::Absent, _) => "absent".to_owned(),
        (FileState::Unknown, _) => "unknown".to_owned(),
    }
}

fn refs(refs: &[RefStatus]) -> String {
    let short_id = |id: &Option<String>| id.as_deref().map_or("none", short).to_owned();
    let row = |known: &RefStatus| {
        let name = match known.name.strip_prefix("refs/tags/") {
            Some(tag) => format!("tag {tag}"),
            None => known.name.strip_prefix("refs/heads/").unwrap_or(&known.name).to_owned(),
        };
        let state = match known.state {
            RefState::AsMade => "as the run made it".to_owned(),
            RefState::AsBefore => "as before the run".to_owned(),
            RefState::Moved if known.contains => {
                format!("moved on since; contains the run's {}", short_id(&known.made))
            }
            RefState::Moved => {
                format!(
                    "moved since; was {}, the run's is {}",
                    short_id(&known.before),
                    short_id(&known.made)
                )
            }
            RefState::Unknown => "unknown".to_owned(),
        };
        let now = if known.state == RefState::Unknown { "?".to_owned() } else { short_id(&known.now) };
        vec![name, known.at.clone(), now, state]
    };
    let head = ["ref", "at", "now", "state"].map(str::to_owned).to_vec();
    let mut text = listed(head, refs.iter().map(row).collect());
    let mut shown: Vec<&str> = Vec::new();
    for known in refs {
        if let Some(reason) = &known.reason
            && !shown.contains(&known.at.as_str())
        {
            shown.push(&known.at);
            let _ = write!(text, "\n  {}: unknown, because {}", known.at, indented(reason));
        }
    }
    text
}

/// Rows in columns, after an empty line; nothing where there are none.
fn listed(head: Vec<String>, rows: Vec<Vec<String>>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut table = Table::default().indented(2);
    [head].into_iter().chain(rows).for_each(|row| table.row(row));
    format!("\n\n{table}")
}

fn indented(text: &str) -> String {
    text.replace('\n', "\n    ")
}
