//! `pyrelease status`: what the last run did and what is left of it.

use std::fmt::Write as _;

use serde::Serialize;

use super::Context;
use super::session::locate_loosely;
use crate::engine::journal::{Journal, Outcome, Record, header};
use crate::engine::recover::{entries, point_of_no_return};
use crate::engine::release::Workspace;
use crate::engine::run::Store;
use crate::error::Result;
use crate::ui::{Format, data};

#[derive(Serialize)]
struct Status {
    run: String,
    name: String,
    version: String,
    tag: String,
    /// How it ended; none for a run that is under way or was cut short
    outcome: Option<Outcome>,
    /// Whether a run is at work at this moment
    under_way: bool,
    /// Why it failed, where it did
    failure: Option<String>,
    stages: Vec<StageStatus>,
    effects: Vec<EffectStatus>,
    /// The commands that go on from here
    next: Vec<&'static str>,
    folder: String,
}

#[derive(Serialize)]
struct StageStatus {
    stage: String,
    done: bool,
}

#[derive(Serialize)]
struct EffectStatus {
    effect: String,
    state: String,
}

pub(super) fn status(context: &Context) -> Result<()> {
    let workspace = Workspace::open(&locate_loosely(context)?, context.environment.clone())?;
    let store = Store::of(&workspace.repository)?;
    let under_way = store.is_locked();
    let runs = store.runs()?;
    let Some((run, records)) = runs.into_iter().rev().filter(|run| run.journal().is_file()).find_map(|run| {
        match Journal::read(&run.journal()) {
            Ok(records) if records.is_empty() => None,
            read => Some((run, read)),
        }
    }) else {
        if context.format == Format::Json {
            data("null");
        } else {
            data("no release has been run in this repository");
        }
        return Ok(());
    };
    let records = records?;
    let Some(header) = header(&records) else { return Ok(()) };
    let effects = entries(&records);
    let outcome = run.outcome()?;
    let done = |stage: &str| {
        records.iter().any(|record| matches!(record, Record::StageDone { stage: done, .. } if done == stage))
    };
    let failure =
        records.iter().rev().filter(|_| outcome != Some(Outcome::Released)).find_map(|record| match record {
            Record::Failed { stage, reason } => Some(format!("{stage}: {reason}")),
            _ => None,
        });
    let next = match (outcome, point_of_no_return(&effects)) {
        _ if under_way => vec![],
        (Some(_), _) => vec![],
        (None, Some(_)) => vec!["pyrelease resume"],
        (None, None) => vec!["pyrelease resume", "pyrelease rollback"],
    };
    let status = Status {
        run: run.id().to_owned(),
        name: header.name.clone(),
        version: header.version.clone(),
        tag: header.tag.clone(),
        outcome,
        under_way,
        failure,
        stages: header
            .stages
            .iter()
            .map(|(stage, _)| StageStatus { done: done(stage), stage: stage.clone() })
            .collect(),
        effects: effects
            .iter()
            .map(|entry| EffectStatus { effect: entry.effect.to_string(), state: entry.state.to_string() })
            .collect(),
        next,
        folder: run.folder().display().to_string(),
    };
    match context.format {
        Format::Json => data(&serde_json::to_string(&status).expect("a status has string keys only")),
        Format::Human => data(&text(&status)),
    }
    Ok(())
}

fn text(status: &Status) -> String {
    let outcome = match status.outcome {
        Some(Outcome::Released) => "released",
        Some(Outcome::RolledBack) => "rolled back; nothing is left of it",
        Some(Outcome::GivenUp) => "given up; what is kept stays as it is",
        None if status.under_way => "under way",
        None => "cut short",
    };
    let mut text = format!("{} {}: {outcome}\n", status.name, status.version);
    let _ = writeln!(text, "  run     {} ({})", status.run, status.folder);
    if let Some(failure) = &status.failure {
        let _ = writeln!(text, "  failed  {failure}");
    }
    let marks: Vec<String> = status
        .stages
        .iter()
        .map(|stage| format!("{}{}", stage.stage, if stage.done { " ✓" } else { "" }))
        .collect();
    let _ = writeln!(text, "  stages  {}", marks.join(", "));
    for effect in &status.effects {
        let _ = writeln!(text, "  {:<9} {}", effect.state, effect.effect);
    }
    if !status.next.is_empty() {
        let _ = writeln!(text, "  next    {}", status.next.join("  or  "));
    }
    text.trim_end().to_owned()
}
