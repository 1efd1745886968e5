//! `bump`: writes the changelog and the version of the next release into the working tree, without a commit and a tag.

use super::Context;
use super::notes::{ask_for_notes, forget};
use super::run::refuse_unfinished;
use super::session::{Session, Wanted, backend_question};
use crate::config::Names;
use crate::engine::edits::{self, PlannedEdits};
use crate::engine::event::{EditedFile, Event, Listener};
use crate::engine::pipeline::Pipeline;
use crate::engine::release::Release;
use crate::engine::run::Store;
use crate::error::{Error, ErrorKind, Result};
use crate::finding::{Finding, Leave, Severity};
use crate::world::edits::{Edit, PendingEdits};
use crate::world::git::unified_diff;

/// The options of `bump`
#[derive(Debug, Clone, Copy, Default)]
pub struct BumpOptions<'a> {
    pub wanted: Wanted<'a>,
    /// Do not ask for confirmation
    pub yes: bool,
    /// Show the edits only
    pub dry_run: bool,
}

/// Writes what the stages of a release that give the notes and the version would commit.
///
/// # Errors
/// The files cannot be written, and none of them is changed.
pub fn bump(context: &Context, options: &BumpOptions<'_>) -> Result<()> {
    let listener: &dyn Listener = &context.ui;
    let mut session = Session::open(context)?;
    let _lock = if options.dry_run { None } else { Some(session.store.lock()?) };
    if !options.dry_run && complete_interrupted(&session.store, listener)? {
        return Ok(());
    }
    refuse_unfinished(&session.store)?;
    session.checkout.repository.expect_no_operation()?;
    session.checkout.read_working_tree()?;
    let ask = |error: Error| match options.dry_run {
        true => Err(error),
        false => context.confirm(options.yes, &backend_question(&error)),
    };
    let (config, pipeline, store, mut release) = session.release(options.wanted, ask, &context.ui)?;
    if edits::editing(&pipeline).next().is_none() {
        return Err(Error::usage("no stage writes a changelog or a version")
            .help("add \"changelog\" and \"version\" to `stages`, before \"tag\""));
    }
    if !options.yes
        && !options.dry_run
        && super::can_ask()
        && let Some(notes) = ask_for_notes(context, &config, &store, &release)?
    {
        release.target.conventions.notes = Some(notes);
    }
    let target = &release.target;
    let Names { name, version, previous_version: previous, .. } = target.names.clone();
    let reason = target.reason.as_deref().map(|reason| format!(", because {reason}")).unwrap_or_default();
    let value = match previous == version {
        true => format!("{name} {version}{reason}"),
        false => format!("{name} {previous} to {version}{reason}"),
    };
    listener.on_event(&Event::Fact { subject: "bump", value: &value });
    preflight(&pipeline, &release, options.wanted.force, listener)?;

    let PlannedEdits { actions, edits } = edits::plan(&pipeline, &mut release, listener)?;
    let commands: Vec<String> = actions
        .iter()
        .filter(|(_, action)| edits::is_command(action))
        .map(|(_, action)| action.to_string())
        .collect();
    // Members of a workspace may write one file, each after the other.
    let edits = match commands.is_empty() && !release.is_of_workspace() {
        true => {
            for (stage, action) in actions.iter().filter(|_| !options.dry_run) {
                listener.on_event(&Event::Action { stage, action });
            }
            edits
        }
        false => {
            if !commands.is_empty() {
                context.confirm(options.yes, &format!("To bump the version, {}?", commands.join(", ")))?;
                release.give_consent();
            }
            context.listen_for_interrupts()?;
            let folder = tempfile::Builder::new().prefix("pyrelease-bump-").tempdir()?;
            let configuration = (config.source(), config.carry());
            edits::make(
                &pipeline,
                &mut release,
                configuration,
                folder.path(),
                &context.interrupted,
                listener,
            )?
        }
    };
    let files: Vec<EditedFile> = edits.iter().map(|edit| edited(edit, &release)).collect();
    if !options.dry_run {
        write(&store, &edits, listener)?;
        forget(&store, &version);
    }
    let (name, version, previous_version) = (name.as_str(), version.as_str(), previous.as_str());
    let written = !options.dry_run;
    listener.on_event(&Event::Bumped { name, version, previous_version, files: &files, written });
    let next = match (files.is_empty(), options.dry_run) {
        (true, _) => "nothing is left to write".to_owned(),
        (false, true) => "nothing has been changed".to_owned(),
        (false, false) if release.is_of_workspace() => {
            "next: look at `git diff`, commit the files, then `pyrelease run` releases them".to_owned()
        }
        (false, false) => {
            format!(
                "next: look at `git diff`, commit the files, then `pyrelease run {version}` releases them"
            )
        }
    };
    listener.on_event(&Event::Note { stage: None, message: &next });
    Ok(())
}

/// Reports what would make the stages fail.
pub(super) fn preflight(
    pipeline: &Pipeline,
    release: &Release,
    force: bool,
    listener: &dyn Listener,
) -> Result<()> {
    let mut errors = 0;
    for stage in edits::editing(pipeline) {
        let findings = stage.preflight(release).unwrap_or_else(|error| vec![Finding::from(error)]);
        for finding in findings {
            let finding = finding.under(Leave { force, ..Leave::default() });
            errors += usize::from(finding.severity == Severity::Error);
            listener.on_event(&Event::Finding { stage: Some(stage.name()), finding: &finding });
        }
    }
    match errors {
        0 => Ok(()),
        _ => Err(Error::refused("the version was not bumped; nothing has been changed")),
    }
}

fn edited(edit: &Edit, release: &Release) -> EditedFile {
    let top = release.checkout.repository.top();
    let path = edit.path.strip_prefix(top).unwrap_or(&edit.path).display().to_string();
    let diff = unified_diff(&path, edit.before.as_deref(), edit.after.as_deref());
    EditedFile { path, diff }
}

/// Writes all files, or none.
fn write(store: &Store, edits: &[Edit], listener: &dyn Listener) -> Result<()> {
    if edits.is_empty() {
        return Ok(());
    }
    let pending = PendingEdits::decide(&store.pending_edits(), edits)?;
    finish(pending, listener)
}

/// Completes the edits that an earlier `bump` had decided. Returns whether there were any.
fn complete_interrupted(store: &Store, listener: &dyn Listener) -> Result<bool> {
    let Some(pending) = PendingEdits::find(&store.pending_edits())? else { return Ok(false) };
    finish(pending, listener)?;
    let message = "completed the bump that was interrupted: look at `git diff`";
    listener.on_event(&Event::Note { stage: None, message });
    Ok(true)
}

fn finish(pending: PendingEdits, listener: &dyn Listener) -> Result<()> {
    let left = pending.complete().map_err(|error| {
        error.with_kind(ErrorKind::Left).help("correct this, then `pyrelease bump` completes what it began")
    })?;
    for path in left {
        let message = format!("`{}` was changed meanwhile, and stays as it is", path.display());
        let help = Some("bump the version there by hand, or revert the file and run `pyrelease bump` again");
        listener.on_event(&Event::Warning { stage: None, message: &message, help });
    }
    Ok(())
}
