//! `init`: proposes a configuration from what the project has, and writes it.

use std::path::Path;

use serde::Serialize;

use super::doctor::first_look;
use super::{Context, can_ask};
use crate::config::{Config, Root, Source, locate_root};
use crate::engine::checkout::Checkout;
use crate::engine::event::{Event, Listener};
use crate::error::{Error, ErrorKind, Result};
use crate::init::{Answers, Fact, Outcome, Proposal, SettingOutcome, below, compare, propose};
use crate::python::project::is_project_name;
use crate::ui::{Format, data, init_text, object};
use crate::world::git::unified_diff;
use crate::world::write_new;

const CHANGELOG: (&str, &str) = ("CHANGELOG.md", "# Changelog\n\n## [Unreleased]\n");

/// Proposes a configuration, writes it once that is confirmed, and examines the project with it. Returns whether the user
/// wants a drill.
///
/// # Errors
/// There is no project, its files cannot be read, the user does not want the file, or something is left to the user.
pub fn init(context: &Context, yes: bool, name: Option<&str>) -> Result<bool> {
    let (root, checkout) = open(context)?;
    let file = file_of(context, &root);
    if let Some(name) = name.filter(|name| !is_project_name(name)) {
        return Err(Error::usage(format!("`{}` is not a valid name of a project", name.escape_debug()))
            .help("use letters and digits, with `-`, `_` or `.` between them"));
    }
    let mut answers = Answers { name: name.map(str::to_owned), ..Answers::default() };
    if let Some(source) = &root.source {
        let config = Config::parse(source.clone())?;
        answers.name = answers.name.or_else(|| config.name().map(str::to_owned));
        answers.is_workspace = Some(config.workspace().is_some());
    }
    let asks = !yes && can_ask();
    let mut proposal = match propose(&checkout, &file, &answers) {
        Err(error) if error.kind() == ErrorKind::OnlyBackendKnows && asks => {
            answers.name = Some(ask_for_name(context, &error)?);
            propose(&checkout, &file, &answers)?
        }
        Err(error) if error.kind() == ErrorKind::OnlyBackendKnows => {
            return Err(error.help("or pass it: `pyrelease init --name NAME`"));
        }
        other => other?,
    };
    if let Some(source) = &root.source {
        return again(context, source, &proposal);
    }
    if asks && ask(context, &proposal, &mut answers)? {
        proposal = propose(&checkout, &file, &answers)?;
    }
    show(
        context,
        &proposal,
        State::Proposed,
        Some(&unified_diff(&file, None, Some(proposal.text.as_bytes()))),
    );
    context.confirm(yes, &format!("Write `{file}`?"))?;
    write(&root.folder, &file, &proposal.text)?;
    let note = |message: &str| context.ui.on_event(&Event::Note { stage: None, message });
    note(&format!("wrote `{file}`"));
    if answers.changelog {
        write(&root.folder, CHANGELOG.0, CHANGELOG.1)?;
        note(&format!("wrote `{}`: list the changes there, and commit it", CHANGELOG.0));
    }
    for path in &proposal.removable {
        let question = format!("Remove `{path}`? Its settings are in `{file}` now");
        if asks && context.ui.confirm(&question)? {
            fs_err::remove_file(root.folder.join(path))?;
            note(&format!("removed `{path}`"));
        }
    }
    let is_healthy = match first_look(context) {
        Ok(()) => true,
        Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
        Err(error) => {
            note(&error.to_string());
            false
        }
    };
    let next = if is_healthy { "pyrelease plan" } else { "pyrelease doctor" };
    note(&format!("next: commit `{file}`, and run `{next}`"));
    refuse_open(&proposal)?;
    let question =
        "Drill a release now? It is killed at every tenth point, in a copy; nothing of yours is touched";
    Ok(asks && is_healthy && context.ui.confirm(question)?)
}

/// The project, or else the folder that projects are below.
fn open(context: &Context) -> Result<(Root, Checkout)> {
    let open = |folder: &Path| Checkout::open(folder, context.environment.clone());
    match locate_root(&context.folder, context.manifest.as_deref()) {
        Err(error) if error.kind() == ErrorKind::NoProject => {
            let folder = fs_err::canonicalize(&context.folder)?;
            let Ok(checkout) = open(&folder) else { return Err(error) };
            match below(&checkout) {
                Some(_) => Ok((Root { folder, source: None, is_foreign: false }, checkout)),
                None => Err(error),
            }
        }
        root => {
            let root = root?;
            let checkout = open(&root.folder)?;
            Ok((root, checkout))
        }
    }
}

/// The file to write, relative to the project.
fn file_of(context: &Context, root: &Root) -> String {
    let existing = root.source.as_ref().map(Source::path);
    let named = context.manifest.as_deref().or(existing).and_then(Path::file_name);
    match named {
        Some(name) => name.to_string_lossy().into_owned(),
        None if root.is_foreign => "pyrelease.toml".to_owned(),
        None => "release.toml".to_owned(),
    }
}

/// Shows what would change in a configuration that is there.
fn again(context: &Context, source: &Source, proposal: &Proposal) -> Result<bool> {
    let comparison = compare(source, proposal)?;
    let file = &proposal.file;
    match &comparison.diff {
        None => {
            show(context, proposal, State::Unchanged, None);
            let message = format!("`{file}` has all of this already");
            context.ui.on_event(&Event::Note { stage: None, message: &message });
            refuse_open(proposal)?;
            Ok(false)
        }
        Some(diff) => {
            show(context, proposal, State::Differs, Some(diff));
            Err(Error::refused(format!("`{file}` differs from what the project has; it stays as it is"))
                .help("take what you want of the difference into the file by hand"))
        }
    }
}

/// Refuses what only the user can decide.
fn refuse_open(proposal: &Proposal) -> Result<()> {
    let message = match proposal.needs() {
        0 => return Ok(()),
        1 => "1 point needs you".to_owned(),
        several => format!("{several} points need you"),
    };
    let has_settings = proposal.settings.iter().any(|setting| setting.outcome == Outcome::NeedsUser);
    Err(Error::refused(message).help(match has_settings {
        true => {
            "listed above under `needs you`: add a file that is not bumped to `files` in [stage.version], and have a \
             stage of your own do the rest (`run = [...]` in [stage.NAME]), or do it by hand"
        }
        false => "listed above under `Needs you`: settle it by hand before the first release",
    }))
}

fn ask_for_name(context: &Context, error: &Error) -> Result<String> {
    loop {
        let name = context.ui.ask(&format!("{error}. Its name on PyPI: "))?;
        if is_project_name(&name) {
            return Ok(name);
        }
        if name.is_empty() {
            return Err(Error::refused("the project's name is not known; nothing has been done"));
        }
    }
}

/// Asks what cannot be found; returns whether that changes the proposal.
fn ask(context: &Context, proposal: &Proposal, answers: &mut Answers) -> Result<bool> {
    for (name, upload) in &proposal.private_indexes {
        let question = format!("`.pypirc` has the index `{name}` ({upload}). Publish there instead of PyPI?");
        if context.ui.confirm(&question)? {
            answers.index = Some(name.clone());
            break;
        }
    }
    if proposal.lacks_changelog {
        let question = format!("There is no changelog. Write a new `{}`?", CHANGELOG.0);
        answers.changelog = context.ui.confirm(&question)?;
    }
    Ok(answers.index.is_some() || answers.changelog)
}

fn write(folder: &Path, file: &str, text: &str) -> Result<()> {
    write_new(&folder.join(file), text.as_bytes())
        .map_err(|error| Error::failed(format!("failed to write `{file}`")).because(error))
}

/// What became of the proposal
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "InitState"))]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It is about to be written
    Proposed,
    /// The configuration has all of it
    Unchanged,
    /// The configuration differs, and stays
    Differs,
}

/// What `init` proposes, and why
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "InitReport"))]
pub struct Report<'a> {
    state: State,
    file: &'a str,
    found: &'a [Fact],
    settings: &'a [SettingOutcome],
    /// What only the user can decide, settings of other tools aside
    open: &'a [String],
    text: &'a str,
    diff: Option<&'a str>,
    /// How many points only the user can decide
    needs: usize,
}

fn show(context: &Context, proposal: &Proposal, state: State, diff: Option<&str>) {
    match context.format {
        Format::Human => data(&init_text(proposal, diff)),
        Format::Json => {
            let Proposal { file, found, settings, open, text, .. } = proposal;
            let needs = proposal.needs();
            let report = Report { state, file, found, settings, open, text, diff, needs };
            object("init", &report);
        }
    }
}
