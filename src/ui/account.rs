//! The status of a run as styled text for people.

use std::fmt::Write as _;

use anstyle::Style;

use super::Verbosity;
use super::style::{BAD, DIM, GOOD, INFO, WARN};
use super::table::Table;
use crate::engine::journal::Outcome;
use crate::engine::status::{
    DistributionStatus, FileState, IndexFile, JournalState, LocalState, LockStatus, RefState, RefStatus,
    StatusReport,
};
use crate::text::{safe, safe_styled, short_digest};
use crate::world::git::short;

/// The status as styled text.
pub fn status_text(report: &StatusReport, verbosity: Verbosity) -> String {
    let mut text = headline(report);
    let mut facts = Table::default().indented(2).at_least(&[8]);
    let mut fact = |label: &str, value: &str| facts.row([styled(DIM, label), safe(value).into_owned()]);
    fact("run", &report.run);
    fact("folder", &report.folder);
    if let Some(failure) = &report.failure {
        facts.row([styled(BAD, "failed"), safe(failure).into_owned()]);
    }
    if !report.stages.is_empty() {
        let mark = |done| if done { styled(GOOD, " ✓") } else { String::new() };
        let stages = report.stages.iter().map(|stage| format!("{}{}", safe(&stage.stage), mark(stage.done)));
        facts.row([styled(DIM, "stages"), stages.collect::<Vec<_>>().join(", ")]);
    }
    for effect in &report.effects {
        let now = match (effect.there, &effect.unknown) {
            (Some(true), _) => "; it is there".to_owned(),
            (Some(false), _) => "; it is not there".to_owned(),
            (None, Some(why)) => format!("; not known whether it is there: {}", safe(why)),
            (None, None) => String::new(),
        };
        facts.row([styled(DIM, &effect.state), format!("{}{now}", safe(&effect.effect))]);
    }
    let _ = write!(text, "\n{facts}");
    text.push_str(&files(report, verbosity));
    text.push_str(&refs(&report.refs));
    for window in &report.windows {
        let (index, day) = (safe(&window.index), window.closes.get(..10).unwrap_or(&window.closes));
        let _ = match window.days_left {
            left if left > 0.0 => write!(
                text,
                "\n\n{index} accepts further files of this release for another {left:.1} days, until {day}"
            ),
            _ => write!(text, "\n\n{index} has accepted no further files of this release since {day}"),
        };
    }
    let locks: Vec<String> = report.locks.iter().map(lock).collect();
    for (at, note) in report.notes.iter().chain(&locks).enumerate() {
        let _ = write!(text, "{}\n{WARN}note{WARN:#}: {}", if at == 0 { "\n" } else { "" }, safe(note));
    }
    for (at, command) in report.next.iter().enumerate() {
        let _ = match at {
            0 => write!(text, "\n\n{INFO}next{INFO:#}: {}", safe(&command.to_string())),
            _ => write!(text, "\n  {INFO}or{INFO:#}: {}", safe(&command.to_string())),
        };
    }
    safe_styled(&text).into_owned()
}

fn styled(style: Style, text: &str) -> String {
    format!("{style}{}{style:#}", safe(text))
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
    let (style, state) = match (report.outcome, report.journal) {
        (Some(Outcome::GivenUp), _) => (WARN, "given up; its effects stay as they are".to_owned()),
        (_, JournalState::Lost) => return styled(BAD, "a run whose journal is lost"),
        (Some(Outcome::Released), _) => (GOOD, "released".to_owned()),
        (Some(Outcome::RolledBack), _) => (GOOD, "rolled back; nothing is left".to_owned()),
        (Some(Outcome::Rehearsed | Outcome::RehearsalFailed), _) => (INFO, "only rehearsed".to_owned()),
        (None, _) if report.under_way => (INFO, format!("under way{at}")),
        (None, _) => (WARN, format!("interrupted{at}")),
    };
    let damaged = match report.journal {
        JournalState::Damaged { line } => format!("; line {line} of its journal is damaged"),
        JournalState::Cut { .. } => "; its journal has lost its end".to_owned(),
        JournalState::Newer => "; a later version of pyrelease wrote its journal".to_owned(),
        _ => String::new(),
    };
    let (state, damaged) = (styled(style, &state), styled(BAD, &damaged));
    match report.name.as_str() {
        "" => format!("a run that cannot be read: {state}{damaged}"),
        name => format!("{} {}: {state}{damaged}", safe(name), safe(&report.version)),
    }
}

fn files(report: &StatusReport, verbosity: Verbosity) -> String {
    let digest = |sha256: &str| match verbosity {
        Verbosity::Verbose => sha256.to_owned(),
        _ => short_digest(sha256).to_owned(),
    };
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
        let mut row = vec![safe(&file.filename).into_owned(), digest(&file.sha256)];
        row.extend(with_local.then(|| match &file.local {
            LocalState::Present => styled(GOOD, "present"),
            LocalState::Changed { sha256 } => styled(BAD, &format!("changed: {}", digest(sha256))),
            LocalState::Gone => styled(WARN, "gone"),
        }));
        let cell = |index: &&str| {
            let at = file.indexes.iter().find(|at| at.index == **index);
            at.map_or(String::new(), |at| at_index(at, digest))
        };
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
            let _ = write!(text, "\n  {}: unknown, because {}", safe(&at.index), indented(&safe(reason)));
        }
    }
    text
}

fn at_index(at: &IndexFile, digest: impl Fn(&str) -> String) -> String {
    let there = at.sha256.as_deref().map(digest).unwrap_or_default();
    match at.state {
        FileState::Same => match at.attested {
            Some(true) => styled(GOOD, "same, attested"),
            Some(false) => styled(WARN, "same, not attested"),
            None => styled(GOOD, "same"),
        },
        FileState::Different if at.by_workflow && at.sha256.is_some() => {
            styled(WARN, &format!("rebuilt: {there}"))
        }
        FileState::Different => styled(BAD, &format!("different: {there}")),
        FileState::Absent => styled(DIM, "absent"),
        FileState::Unknown => styled(WARN, "unknown"),
    }
}

fn refs(refs: &[RefStatus]) -> String {
    let short_id = |id: &Option<String>| id.as_deref().map_or("none", short).to_owned();
    let row = |known: &RefStatus| {
        let name = match known.name.strip_prefix("refs/tags/") {
            Some(tag) => format!("tag {tag}"),
            None => known.name.strip_prefix("refs/heads/").unwrap_or(&known.name).to_owned(),
        };
        let style = match known.state {
            RefState::AsMade => GOOD,
            RefState::AsBefore => DIM,
            RefState::Moved | RefState::Unknown => WARN,
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
        vec![safe(&name).into_owned(), safe(&known.at).into_owned(), now, styled(style, &state)]
    };
    let head = ["ref", "at", "now", "state"].map(str::to_owned).to_vec();
    let mut text = listed(head, refs.iter().map(row).collect());
    let mut shown: Vec<&str> = Vec::new();
    for known in refs {
        if let Some(reason) = &known.reason
            && !shown.contains(&known.at.as_str())
        {
            shown.push(&known.at);
            let _ = write!(text, "\n  {}: unknown, because {}", safe(&known.at), indented(&safe(reason)));
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
    table.row(head.iter().map(|name| styled(DIM, name)));
    rows.into_iter().for_each(|row| table.row(row));
    format!("\n\n{table}")
}

fn indented(text: &str) -> String {
    text.replace('\n', "\n    ")
}
