//! The runs of a repository and their journals as text for people.

use std::path::PathBuf;

use super::table::Table;
use crate::engine::journal::{Content, Outcome, ReadLine, Record};
use crate::engine::log::Summary;
use crate::engine::status::JournalState;
use crate::text::safe;
use crate::world::clock;
use crate::world::git::short;

/// The runs as a table.
pub fn runs_text(runs: &[Summary], under_way: bool) -> String {
    if runs.is_empty() {
        return "no release has been run in this repository".to_owned();
    }
    let row = |(at, run): (usize, &Summary)| {
        let outcome = match (run.journal, run.outcome) {
            (JournalState::Lost, _) => "journal lost".to_owned(),
            (JournalState::Newer, _) => "written by a later version".to_owned(),
            (JournalState::Damaged { line }, _) => format!("journal damaged in line {line}"),
            (_, Some(outcome)) => ended(outcome).to_owned(),
            (_, None) if under_way && at == 0 => "under way".to_owned(),
            (_, None) => "interrupted".to_owned(),
        };
        let took = run.seconds.map(duration).unwrap_or_default();
        let release = format!("{} {}", run.name, run.version);
        vec![run.run.clone(), when(run.began.as_deref()), release, outcome, took]
    };
    let mut table = Table::default().indented(2);
    table.row(["run", "began", "release", "outcome", "took"]);
    runs.iter().enumerate().map(row).for_each(|row| table.row(row));
    safe(&table.to_string()).into_owned()
}

/// A journal with one line for each record, and the paths of the stages' logs.
pub fn journal_text(lines: &[ReadLine], outputs: &[PathBuf]) -> String {
    let first = lines.iter().find_map(|line| line.time);
    let mut table = Table::default().at_least(&[4, 19, 11]).right(&[0, 2]);
    for line in lines {
        let since = line.time.zip(first).map(|(time, first)| time.duration_since(first).as_secs_f64());
        let since = since.map_or(String::new(), |seconds| format!("{seconds:+.3} s"));
        let time = when(line.time.map(|time| time.to_string()).as_deref());
        table.row([line.number.to_string(), time, since, meaning(&line.content)]);
    }
    if lines.is_empty() {
        table.text("the run has no journal");
    }
    for path in outputs {
        table.text(format!("output of a stage: {}", path.display()));
    }
    safe(&table.to_string()).into_owned()
}

fn ended(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Released => "released",
        Outcome::RolledBack => "rolled back",
        Outcome::GivenUp => "given up",
        Outcome::Rehearsed => "rehearsed",
        Outcome::RehearsalFailed => "rehearsal failed",
    }
}

/// The time in the user's time zone.
pub(super) fn when(time: Option<&str>) -> String {
    let time = time.and_then(|time| time.parse::<jiff::Timestamp>().ok());
    let zoned = time.map(|time| time.to_zoned_datetime(clock::time_zone()));
    zoned.map_or_else(|| "?".to_owned(), |time| time.strftime("%F %T").to_string())
}

pub(super) fn duration(seconds: f64) -> String {
    match seconds {
        0.0..60.0 => format!("{seconds:.1} s"),
        60.0..3600.0 => format!("{:.0} min", seconds / 60.0),
        3600.0..172_800.0 => format!("{:.1} h", seconds / 3600.0),
        _ => format!("{:.0} days", seconds / 86_400.0),
    }
}

pub(super) fn meaning(content: &Content) -> String {
    let record = match content {
        Content::Record(record) => record.as_ref(),
        Content::Foreign => return "!! a record that this version of pyrelease cannot read".to_owned(),
        Content::Damaged => return "!! damaged: this line was changed after it was written".to_owned(),
        Content::Torn => {
            return "-- incomplete: cut off when the run was interrupted, and ignored".to_owned();
        }
    };
    let with = |what: String, detail: &str| {
        if detail.is_empty() { what } else { format!("{what}: {detail}") }
    };
    match record {
        Record::Run(header) => {
            format!(
                "the run began: {} {} (tag {}) from {} at {}, by pyrelease {}",
                header.name,
                header.version,
                header.tag,
                header.shown_branch(),
                short(&header.head),
                header.pyrelease
            )
        }
        Record::Found { stages, evidence, .. } => {
            let found = format!(
                "the run was reconstructed, because its journal was lost; done: {}",
                stages.join(", ")
            );
            evidence.iter().fold(found, |text, line| format!("{text}\n{line}"))
        }
        Record::Imported {} => "the run was imported from another repository".to_owned(),
        Record::Adopted { distributions } if distributions.is_empty() => {
            "the run goes on without the wheels that it waited for".to_owned()
        }
        Record::Adopted { distributions } => {
            let files =
                distributions.iter().map(|file| format!("{} (sha256 {})", file.filename, file.sha256));
            format!("built elsewhere, and checked: {}", files.collect::<Vec<_>>().join(", "))
        }
        Record::StageBegun { stage } => format!("stage `{stage}` began"),
        Record::StageDone { stage, outputs } => {
            let commit = outputs.commit.iter().map(|commit| format!("commit {}", short(commit)));
            let tag = outputs.tag.iter().map(|tag| format!("tag {} ({})", tag.name, short(&tag.object)));
            let files = outputs.distributions.iter();
            let files = files.map(|file| format!("{} (sha256 {})", file.filename, file.sha256));
            let environments = outputs.environments.iter().map(|environment| {
                let packages = environment.installed.join(", ");
                format!("built with Python {} and {packages}", environment.python)
            });
            let made: Vec<String> = commit.chain(tag).chain(files).chain(environments).collect();
            with(format!("stage `{stage}` is done"), &made.join(", "))
        }
        Record::Intent { id, effect, .. } => format!("#{id} about to do: {effect}"),
        Record::Done { id, evidence } => with(format!("#{id} done"), evidence),
        Record::NotDone { id, reason, .. } => with(format!("#{id} did not happen"), reason),
        Record::Doubted { id, .. } => format!("#{id} is not there, but may still arrive"),
        Record::Undo { id, .. } => format!("#{id} about to be undone"),
        Record::Undone { id, evidence } => with(format!("#{id} undone"), evidence),
        Record::Kept { id, reason } => with(format!("#{id} kept"), reason),
        Record::Failed { stage, reason } => format!("`{stage}` failed: {reason}"),
        Record::End { outcome } => format!("the run is over: {}", ended(*outcome)),
    }
}
