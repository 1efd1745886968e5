//! `pyrelease plan`: shows what `run` would do.

use super::WantedRelease;
use crate::engine::event::{Event, Listener};
use crate::engine::preflight::plugin_steps;
use crate::error::{Error, Result};
use crate::finding::{Finding, Leave, Severity};
use crate::ops::Context;
use crate::ops::{Session, tell_unused_indexes};
use crate::stages::{advice, newer_releases};
use crate::ui::{Format, data, plan_text};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    wanted: WantedRelease,

    /// Plan a version that is lower than one that is released already
    #[arg(long)]
    force: bool,

    /// Ask the project's build backend for its name and version, if nothing else tells them; this runs the project's code
    #[arg(long)]
    ask_backend: bool,
}

pub(super) fn plan(context: &Context, arguments: &Arguments) -> Result<()> {
    let session = Session::open(context)?;
    let wanted = arguments.wanted.of("run", arguments.force);
    let (config, pipeline, mut release, warning) =
        session.shown_release(wanted, arguments.ask_backend, &context.ui)?;
    if let Some(warning) = warning {
        let example = Finding::note(format!("this is the plan for `patch`: {}", release.names().version));
        for finding in [&warning, &example] {
            context.ui.on_event(&Event::Finding { stage: None, finding });
        }
    }
    tell_unused_indexes(&config, &context.ui);
    if let Some(finding) = advice(&config, &release.target) {
        context.ui.on_event(&Event::Finding { stage: None, finding: &finding });
    }
    refuse_superseded(context, newer_releases(&config, &release), arguments.force)?;
    let steps = plugin_steps(&pipeline, &release)?;
    let plan = pipeline.plan(&mut release, steps, &context.ui)?;
    match context.format {
        Format::Human => data(&plan_text(&plan)),
        Format::Json => context.ui.on_event(&Event::Plan { plan: &plan, is_brief: false }),
    }
    Ok(())
}

/// Shows what the indexes say of newer releases.
///
/// # Errors
/// `run` would refuse the release for it.
fn refuse_superseded(context: &Context, findings: Vec<Finding>, force: bool) -> Result<()> {
    let mut is_refused = false;
    for finding in findings {
        let finding = finding.under(Leave { force, ..Leave::default() });
        is_refused |= finding.severity == Severity::Error;
        context.ui.on_event(&Event::Finding { stage: None, finding: &finding });
    }
    if is_refused { Err(Error::refused("`run` would refuse this release")) } else { Ok(()) }
}
