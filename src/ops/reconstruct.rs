//! `pyrelease resume` without a journal: reconstructs the release of the project's tag from the indexes.

use super::Context;
use super::session::Session;
use crate::engine::event::{Event, Listener};
use crate::engine::journal::Outcome;
use crate::engine::run::{RunFolder, Store};
use crate::engine::{log, reconstruction};
use crate::error::{Error, Result};
use crate::stages::rebuild::{Discovery, LocalRuns, Rebuild, RebuildError, look};

/// Looks for a release that can be completed without its journal, asks, and creates a run for it; none if there is nothing
/// to complete. `lost` is the run whose journal is lost, if its folder exists.
pub(super) fn reconstruct(
    context: &Context,
    store: &Store,
    lost: Option<&RunFolder>,
    yes: bool,
) -> Result<Option<RunFolder>> {
    let say = |message: &str| context.ui.on_event(&Event::Note { stage: None, message });
    let nothing = || match lost {
        Some(run) => Err(super::lost_for_good(run)),
        None => {
            say("there is no run to resume");
            Ok(None)
        }
    };
    let Ok(session) = Session::open(context) else { return nothing() };
    let Session { config, pipeline, checkout, .. } = session;
    let is_released = |run: &log::Summary| run.outcome == Some(Outcome::Released);
    let runs = log::summaries(store)?;
    let is_rolled_back = |folder: &RunFolder| {
        runs.iter().any(|run| run.run == folder.id() && run.outcome == Some(Outcome::RolledBack))
    };
    let folders = store.runs()?.into_iter().rev().filter(|run| !is_rolled_back(run));
    let folders = folders.map(|run| run.dist()).collect();
    let released = runs.into_iter().filter(is_released).map(|run| (run.name, run.version));
    let local_runs = LocalRuns {
        folders,
        own: lost.map(RunFolder::dist),
        built: log::built(store)?,
        released: released.collect(),
    };
    let discovery = match look(&config, &pipeline, checkout, &local_runs) {
        Ok(discovery) => discovery,
        Err(RebuildError::Refused(error)) => return Err(error),
        Err(RebuildError::Unreachable(error)) => {
            let message = format!("failed to check whether a release can be completed: {}", error.chain());
            let help = Some("once that works again, run `pyrelease resume`");
            context.ui.on_event(&Event::Warning { stage: None, message: &message, help });
            return nothing();
        }
    };
    let found = match discovery {
        Discovery::Nothing => return nothing(),
        Discovery::NotPublic { version, tag, indexes } => {
            let indexes = indexes.join(" or ");
            say(&format!("tag {tag} exists, but no file of {version} is on {indexes}: nothing to rebuild"));
            return nothing();
        }
        Discovery::Closed { version, index, since } => {
            say(&format!(
                "{version} is incomplete on {index}, which has accepted no further files of it since {since}; \
                 release the \
                 next version"
            ));
            return nothing();
        }
        Discovery::Complete { name, version } => {
            say(&format!("nothing to resume: {name} {version} is completely released"));
            replace(lost, context)?;
            return Ok(None);
        }
        Discovery::Rebuildable(found) => found,
    };
    show(&found, &say);
    ask_for_each_unproven(context, &found)?;
    let names = found.release.names();
    context.confirm(yes, &format!("Finish the release of {} {}?", names.name, names.version))?;
    found.release.give_consent();
    let run = reconstruction::begin(store, &pipeline, &found.release, config.source(), |folder| {
        found.gather(folder)
    })?;
    replace(lost, context)?;
    Ok(Some(run))
}

/// Ends the run whose journal is lost. Keeps its distributions, and deletes its clone: the tag has the commit.
fn replace(lost: Option<&RunFolder>, context: &Context) -> Result<()> {
    let Some(run) = lost else { return Ok(()) };
    run.give_up()?;
    run.clear_up(false, &context.ui);
    Ok(())
}

/// Asks about each file that nothing local proves to be the release's: anybody can upload to a rehearsal index. The
/// confirmation of the release does not cover such a file.
fn ask_for_each_unproven(context: &Context, found: &Rebuild) -> Result<()> {
    for source in found.unproven() {
        let refused = |why: &str| {
            Err(Error::left(format!("nothing here proves that {source} belongs to the release{why}")).help(
                "compare it with your build; if it belongs to the release, run `pyrelease resume` on a terminal, \
                 without `--yes`, and confirm; or complete the run where its folder is, or from a file that \
                 `pyrelease status --export` wrote",
            ))
        };
        if !super::can_ask() {
            return refused("");
        }
        let question = format!("Nothing here proves that {source} belongs to the release. Publish it?");
        if !context.ui.confirm(&question)? {
            return refused(", and you chose not to publish it");
        }
    }
    Ok(())
}

fn show(found: &Rebuild, say: &dyn Fn(&str)) {
    let names = found.release.names();
    say(&format!("{} {} was being released, but its journal is lost; found:", names.name, names.version));
    for source in &found.sources {
        let how = match (source.is_public, source.is_proven) {
            (true, _) => "public, and used as it is",
            (false, true) => "not public yet",
            (false, false) => "not public yet, and nothing here proves that it belongs to the release",
        };
        say(&format!("  {source}: {how}"));
    }
    for kind in &found.to_build {
        say(&format!("  no {kind} found: it is built from tag {}", names.tag));
    }
    say(&format!("remaining stages: {}", found.left.join(", ")));
}
