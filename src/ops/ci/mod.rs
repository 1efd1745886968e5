//! `ci`: writes the workflow that releases a project on its forge.

mod packages;
mod project;
mod publisher;
mod shown;
mod template;
mod wheels;

use std::path::Path;

use clap::ValueEnum;
use serde::Serialize;

use super::Context;
use super::session::Session;
use crate::config::Config;
use crate::engine::checkout::Checkout;
use crate::engine::event::{Event, Listener};
use crate::engine::pipeline::Pipeline;
use crate::error::{Error, Result};
use crate::index::IndexClient;
use crate::stages::address_of;
use crate::ui::{Format, data, object};
use crate::world::Environment;
use crate::world::git::unified_diff;
use crate::world::http::Timeouts;
use crate::world::write_whole;

use self::template::OwnSteps;

use project::CiProject;
use publisher::Publisher;

/// The forge whose workflow is written
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Forge {
    #[value(name = "github")]
    GitHub,
    #[value(name = "gitlab")]
    GitLab,
}

/// What starts a release
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Flow {
    /// Somebody starts the workflow, and may say how to bump the version
    Dispatch,
    /// Somebody pushes the tag of a version that the project states
    Tag,
    /// Somebody merges the proposal of a release
    Merge,
}

impl Flow {
    fn name(self) -> &'static str {
        match self {
            Self::Dispatch => "dispatch",
            Self::Tag => "tag",
            Self::Merge => "merge",
        }
    }
}

/// The options of `ci`
#[derive(Debug, Clone, Copy)]
pub struct CiOptions {
    pub forge: Forge,
    /// None for that of the workflow on disk, else [`Flow::Dispatch`]
    pub flow: Option<Flow>,
    /// Only say whether the files on disk are those that would be written
    pub check: bool,
    /// Ask PyPI for the hashes of this version of pyrelease
    pub update: bool,
    /// Do not ask for confirmation
    pub yes: bool,
}

/// Where a forge has its workflow, and what belongs to it
struct Places {
    workflow: &'static str,
    requirements: &'static str,
    template: &'static str,
}

impl Forge {
    fn command(self) -> &'static str {
        match self {
            Self::GitHub => "pyrelease ci github",
            Self::GitLab => "pyrelease ci gitlab",
        }
    }

    /// What to do with a workflow of somebody else at the place of ours.
    fn advice(self) -> &'static str {
        match self {
            Self::GitHub => {
                "rename it, or remove it: PyPI's trusted publishers name the file, so register the new one"
            }
            Self::GitLab => {
                "rename it, run this again, and `include` it between the first two lines \"own steps\", with its stages \
                 beside those of the release"
            }
        }
    }

    fn places(self) -> Places {
        match self {
            Self::GitHub => Places {
                workflow: ".github/workflows/release.yml",
                requirements: ".github/pyrelease/requirements.txt",
                template: include_str!("../../../templates/ci/github.yml"),
            },
            Self::GitLab => Places {
                workflow: ".gitlab-ci.yml",
                requirements: ".gitlab/pyrelease/requirements.txt",
                template: include_str!("../../../templates/ci/gitlab.yml"),
            },
        }
    }
}

const DEPENDABOT: (&str, &str) =
    (".github/dependabot.yml", include_str!("../../../templates/ci/dependabot.yml"));

/// How a file stands to the one that is to be there
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "CiFileState"))]
#[serde(rename_all = "kebab-case")]
enum FileState {
    New,
    Changed,
    Unchanged,
}

/// A file that belongs to a release on a forge
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct CiFile {
    /// Relative to the top of the repository
    path: String,
    state: FileState,
    diff: Option<String>,
    #[serde(skip)]
    text: String,
}

/// What `ci` shows
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CiReport {
    flow: &'static str,
    files: Vec<CiFile>,
    publishers: Vec<Publisher>,
    /// What the user has to do besides
    notes: Vec<String>,
}

/// Writes the workflow of a forge, or says whether it is up to date.
///
/// # Errors
/// The project or its configuration cannot be read, a file there is somebody else's or leads out of the repository, the user
/// does not want the files, or with `check` a file differs.
pub fn ci(context: &Context, options: &CiOptions) -> Result<()> {
    let session = Session::open(context)?;
    let top = session.checkout.repository.top().to_owned();
    let (report, flow) = report(context, &session, options, &top)?;
    match context.format {
        Format::Human => data(&shown::text(&report)),
        Format::Json => object("ci", &report),
    }
    let note = |message: &str| context.ui.on_event(&Event::Note { stage: None, message });
    let differing: Vec<&CiFile> =
        report.files.iter().filter(|file| file.state != FileState::Unchanged).collect();
    let names: Vec<String> = differing.iter().map(|file| format!("`{}`", file.path)).collect();
    if differing.is_empty() {
        note("the files are those that would be written");
        return Ok(());
    }
    let (differ, them) = if names.len() == 1 { ("differs", "it") } else { ("differ", "them") };
    let names = names.join(", ");
    if options.check {
        return Err(Error::refused(format!("{names} {differ} from what would be written"))
            .help(format!("run `{}`", options.command(flow))));
    }
    context.confirm(options.yes, &format!("Write {names}?"))?;
    for file in &differing {
        write_whole(&top.join(&file.path), file.text.as_bytes())
            .map_err(|error| Error::failed(format!("failed to write `{}`", file.path)).because(error))?;
    }
    note(&format!("wrote {names}: commit and push {them}"));
    Ok(())
}

/// The files that belong to a release on the forge, and what to do besides.
fn report(context: &Context, session: &Session, options: &CiOptions, top: &Path) -> Result<(CiReport, Flow)> {
    let project = CiProject::of(&session.config, &session.pipeline, &session.checkout)?;
    let Places { workflow, requirements, .. } = options.forge.places();
    let old = read(top, workflow)?;
    let flow = flow(options, old.as_deref(), &project)?;
    let (text, left) = render(&project, options, flow, old.as_deref().unwrap_or_default())?;
    let mut files = vec![file(workflow, old, text)];
    let listed = read(top, requirements)?;
    if !project.is_pyrelease() && (options.update || listed.is_none()) {
        let hashes = if options.update { hashes(&session.config, &context.environment)? } else { Vec::new() };
        files.push(file(requirements, listed, pinned(options.forge, &hashes)));
    }
    let mut notes: Vec<String> = left
        .into_iter()
        .map(|place| format!("the workflow has no place `{place}` any more: its own steps are left out"))
        .collect();
    if options.forge == Forge::GitHub {
        match read(top, DEPENDABOT.0)? {
            None => files.push(file(DEPENDABOT.0, None, DEPENDABOT.1.to_owned())),
            Some(text) if !text.contains("github-actions") => {
                notes.push(format!(
                    "add `github-actions` to `{}`, so that actions stay up to date",
                    DEPENDABOT.0
                ));
            }
            Some(_) => {}
        }
    }
    notes.extend(project.notes(options.forge, flow)?);
    let publishers = project.publishers(options.forge, workflow)?;
    Ok((CiReport { flow: flow.name(), files, publishers, notes }, flow))
}

impl CiOptions {
    /// The command that writes the same workflow.
    fn command(&self, flow: Flow) -> String {
        let command = self.forge.command();
        match flow {
            Flow::Dispatch => command.to_owned(),
            _ => format!("{command} --flow {}", flow.name()),
        }
    }
}

/// The forges for which `ci` has written a workflow.
fn written(checkout: &Checkout) -> impl Iterator<Item = Forge> {
    [Forge::GitHub, Forge::GitLab].into_iter().filter(|forge| {
        let text = read(checkout.repository.top(), forge.places().workflow).ok().flatten();
        text.is_some_and(|text| written_by(*forge, &text).is_some())
    })
}

/// Whether a workflow that `ci` has written releases the project.
pub(super) fn has_workflow(checkout: &Checkout) -> bool {
    written(checkout).next().is_some()
}

/// What `doctor` says of the workflows that `ci` has written: the publisher that each index has to know.
pub(super) fn facts(config: &Config, pipeline: &Pipeline, checkout: &Checkout) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    for forge in written(checkout) {
        let path = forge.places().workflow;
        let project = CiProject::of(config, pipeline, checkout);
        let publishers = project.and_then(|project| project.publishers(forge, path)).unwrap_or_default();
        facts.extend(publishers.iter().map(|publisher| {
            let fields: Vec<String> =
                publisher.fields.iter().map(|(field, value)| format!("{field}: {value}")).collect();
            (
                format!("publisher {}", publisher.index),
                format!("{}; at {}", fields.join(", "), publisher.form),
            )
        }));
    }
    facts
}

/// The flow that is asked for, else that of the workflow on disk.
fn flow(options: &CiOptions, old: Option<&str>, project: &CiProject<'_>) -> Result<Flow> {
    let Some(old) = old else { return Ok(options.flow.unwrap_or(Flow::Dispatch)) };
    let Some(written) = written_by(options.forge, old) else {
        let path = options.forge.places().workflow;
        return Err(Error::refused(format!(
            "`{path}` was not written by `{}`; it stays as it is",
            options.forge.command()
        ))
        .help(options.forge.advice()));
    };
    let other = old.strip_prefix("# Releases ").and_then(|rest| rest.split_once(" with pyrelease."));
    if let Some((other, _)) = other.filter(|(name, _)| *name != project.name() && !project.has_package(name))
    {
        let path = options.forge.places().workflow;
        return Err(Error::refused(format!(
            "`{path}` releases `{}`; it stays as it is",
            other.escape_debug()
        ))
        .help(format!(
            "a repository has one such workflow: remove it to release `{}` instead",
            project.name()
        )));
    }
    Ok(options.flow.unwrap_or(written))
}

/// The flow of a workflow that `ci` has written; none if it has not.
fn written_by(forge: Forge, workflow: &str) -> Option<Flow> {
    let head = workflow.lines().next()?;
    let rest = head.split_once(&format!("Written by `{}", forge.command()))?.1;
    let flows = [Flow::Tag, Flow::Merge];
    let named = flows.into_iter().find(|flow| rest.starts_with(&format!(" --flow {}`", flow.name())));
    Some(named.unwrap_or(Flow::Dispatch))
}

/// The workflow with the user's own steps, and the places of steps that it no longer has.
fn render(
    project: &CiProject<'_>,
    options: &CiOptions,
    flow: Flow,
    old: &str,
) -> Result<(String, Vec<String>)> {
    let values = project.values(options, flow)?;
    let Places { workflow, template, .. } = options.forge.places();
    let own = OwnSteps::of(old).ok_or_else(|| {
        Error::refused(format!("`{workflow}` has a line `own steps` without its end; it stays as it is"))
            .help("end each place of your own steps with the line `# own steps: end`")
    })?;
    Ok(own.put_into(&values.fill(template)))
}

fn file(path: &str, old: Option<String>, text: String) -> CiFile {
    let state = match &old {
        None => FileState::New,
        Some(old) if *old == text => FileState::Unchanged,
        Some(_) => FileState::Changed,
    };
    let old = old.as_ref().map(String::as_bytes);
    let diff = (state != FileState::Unchanged).then(|| unified_diff(path, old, Some(text.as_bytes())));
    CiFile { path: path.to_owned(), state, diff, text }
}

/// The text of a file of the repository's working tree; none if there is no such file.
///
/// # Errors
/// It is not UTF-8, cannot be read, or is behind a link.
fn read(top: &Path, path: &str) -> Result<Option<String>> {
    let mut whole = top.to_owned();
    for part in Path::new(path) {
        whole.push(part);
        if whole.is_symlink() {
            let shown = whole.strip_prefix(top).unwrap_or(&whole).display();
            return Err(Error::refused(format!("`{shown}` is a link; nothing is written through it"))
                .help("replace it by what it links to"));
        }
    }
    if whole.exists() && !whole.is_file() {
        return Err(Error::refused(format!("`{path}` is not a file; it stays as it is")));
    }
    match fs_err::read(&whole) {
        Ok(bytes) => {
            let text = String::from_utf8(bytes)
                .map_err(|error| Error::refused(format!("failed to read `{path}`")).because(error))?;
            Ok(Some(text))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The requirement that installs this version of pyrelease.
fn pinned(forge: Forge, hashes: &[String]) -> String {
    let (command, version) = (forge.command(), env!("CARGO_PKG_VERSION"));
    let mut text =
        format!("# What installs pyrelease. `{command} --update` brings version and hashes up to date.\n");
    text.push_str("pyrelease==");
    text.push_str(version);
    for hash in hashes {
        text.push_str(" \\\n    --hash=sha256:");
        text.push_str(hash);
    }
    text.push('\n');
    text
}

/// The hashes of this version's wheels on PyPI.
fn hashes(config: &Config, environment: &Environment) -> Result<Vec<String>> {
    let (name, version) = ("pyrelease", env!("CARGO_PKG_VERSION"));
    let pypi = config.indexes().get("pypi").ok_or_else(|| Error::usage("there is no index `pypi`"))?;
    let address = address_of("pypi", pypi)?;
    let client = IndexClient::connect_without_credentials(environment, address, Timeouts::default())?;
    let listing = client.listing(name).map_err(|error| error.of_index("pypi"))?;
    let files = listing.map(|listing| listing.files).unwrap_or_default();
    let wheel = format!("{name}-{version}-");
    let mut hashes: Vec<String> = files
        .into_iter()
        .filter(|file| file.filename.starts_with(&wheel) && file.filename.ends_with(".whl"))
        .filter_map(|file| file.sha256)
        .collect();
    hashes.sort_unstable();
    if hashes.is_empty() {
        return Err(Error::refused(format!("PyPI has no wheel of pyrelease {version}"))
            .help("leave `--update` out: the version is then pinned without hashes"));
    }
    Ok(hashes)
}
