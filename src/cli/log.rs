//! `pyrelease log`: lists the runs of this repository, or shows the journal of one.

use std::path::PathBuf;

use serde::Serialize;

use crate::engine::journal::{Content, Record};
use crate::engine::log;
use crate::engine::run::Store;
use crate::error::Result;
use crate::ops::{Context, open_loosely, write_report};
use crate::ui::{Format, data, journal_text, object, runs_text};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The id of the run whose journal to show, or its first characters
    #[arg(value_name = "RUN", conflicts_with = "last")]
    run: Option<String>,

    /// Show the journal of the newest run
    #[arg(long)]
    last: bool,

    /// Write the run's report as an HTML page into the run's folder, and print its path
    #[arg(long)]
    html: bool,
}

/// Where the report of a run is
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ReportData {
    report: PathBuf,
}

/// A line of a journal
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct LineData<'a> {
    line: usize,
    time: Option<String>,
    /// `sound`, `foreign`, `damaged` or `torn`
    state: &'static str,
    /// As the journal has it: `type` names it, and its other fields are the journal's, not of this format
    #[cfg_attr(test, schemars(with = "Option<serde_json::Map<String, serde_json::Value>>"))]
    record: Option<&'a Record>,
}

pub(super) fn log(context: &Context, arguments: &Arguments) -> Result<()> {
    let checkout = open_loosely(context)?;
    let store = Store::of(&checkout.repository)?;
    if arguments.html {
        let report = write_report(&log::find(&store, arguments.run.as_deref())?)?;
        match context.format {
            Format::Human => data(&report.display().to_string()),
            Format::Json => object("report", &ReportData { report }),
        }
        return Ok(());
    }
    if arguments.run.is_none() && !arguments.last {
        let runs = log::summaries(&store)?;
        match context.format {
            Format::Human => data(&runs_text(&runs, store.is_locked())),
            Format::Json => runs.iter().for_each(|run| object("run", run)),
        }
        return Ok(());
    }
    let run = log::find(&store, arguments.run.as_deref())?;
    let lines = log::read(&run)?;
    match context.format {
        Format::Human => context.ui.data(&journal_text(&lines, &log::outputs(&run)?)),
        Format::Json => lines.iter().for_each(|line| {
            let state = match line.content {
                Content::Record(_) => "sound",
                Content::Foreign => "foreign",
                Content::Damaged => "damaged",
                Content::Torn => "torn",
            };
            let time = line.time.map(|time| time.to_string());
            object("record", &LineData { line: line.number, time, state, record: line.record() });
        }),
    }
    Ok(())
}
