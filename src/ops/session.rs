//! Opens a project for a command: its configuration, its repository and its pipeline.

use std::path::Path;

use super::Context;
use crate::config::{self, Config, Location, Source};
use crate::engine::checkout::Checkout;
use crate::engine::event::{Event, Listener};
use crate::engine::journal::Header;
use crate::engine::model::Destination;
use crate::engine::pipeline::Pipeline;
use crate::engine::release::{BuildRequest, Release, Target};
use crate::engine::run::Store;
use crate::error::{Error, ErrorKind, Result};
use crate::finding::Finding;
use crate::init::below;
use crate::python::version::{Bump, Version};
use crate::stages::members::{self, Request, Workspace};
use crate::stages::{self, BackendMetadata, Bumping, Plugins};
use crate::world::http::client_certificate_variable;
use crate::world::process::withhold;
use crate::world::{Environment, clock};

/// What the command line says about the release
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// The command that was called, such as `run`; empty if none was
    pub command: &'static str,
    /// How to bump the version, and of which members of a workspace: `BUMP`, `MEMBER` or `MEMBER=BUMP`; none to infer it
    pub bumps: &'a [String],
    /// Whether every member of a workspace is released
    pub all: bool,
    /// A file with the release's notes
    pub notes: Option<&'a Path>,
    /// Continue despite errors marked as overridable, such as a version lower than one that is released already
    pub force: bool,
    /// Whether the version that the project states is released, whose tag was pushed before
    pub is_tagged: bool,
    /// Whether only what is committed as a release is one, in a workspace: members whose version has no tag
    pub only_committed: bool,
}

/// The question whether to ask the build backend, which alone can tell what the error is about.
pub(super) fn backend_question(error: &Error) -> String {
    format!("{error}. Run the project's build backend to ask for it?")
}

/// An open project
pub struct Session {
    pub config: Config,
    pub pipeline: Pipeline,
    pub checkout: Checkout,
    pub store: Store,
}

impl Session {
    /// Opens the project that the command line names.
    pub fn open(context: &Context) -> Result<Self> {
        let location = locate(context)?;
        let plugins = Plugins { root: &location.root, environment: &context.environment, known: None };
        let pipeline = stages::pipeline(&location.config, &plugins)?;
        let environment = environment_of(&location.config, &location.root, context.environment.clone());
        let checkout = Checkout::open(&location.root, environment)?;
        let store = Store::of(&checkout.repository)?;
        Ok(Self { config: location.config, pipeline, checkout, store })
    }

    /// Determines the release. `ask` is called before the build backend, which only is asked if nothing else tells the
    /// version; it fails if that is not wanted.
    pub fn release(
        self,
        wanted: Wanted<'_>,
        ask: impl FnOnce(Error) -> Result<()>,
        listener: &dyn Listener,
    ) -> Result<(Config, Pipeline, Store, Release)> {
        if self.config.workspace().is_some() {
            let (config, pipeline, store, release) = self.workspace_release(wanted, listener)?;
            return Ok((config, pipeline, store, release));
        }
        let mut bumping = self.bumping(wanted)?;
        let find = |bumping: &Bumping| {
            let target = stages::target(&self.config, &self.checkout, bumping);
            target.map_err(|error| error.of_command(wanted.command))
        };
        let target = match find(&bumping) {
            Err(error) if error.kind() == ErrorKind::OnlyBackendKnows => {
                ask(error)?;
                bumping.asked = Some(self.ask_backend(listener)?);
                find(&bumping)?
            }
            other => other?,
        };
        Ok((self.config, self.pipeline, self.store, Release::new(self.checkout, target)))
    }

    /// Determines the release, to show what `run` would do. Where nothing tells how to bump the version, it is a patch
    /// release, with a warning. `asks_backend` tells whether the project's build backend may be asked.
    pub fn shown_release(
        self,
        wanted: Wanted<'_>,
        asks_backend: bool,
        listener: &dyn Listener,
    ) -> Result<(Config, Pipeline, Release, Option<Finding>)> {
        if self.config.workspace().is_some() {
            let (config, pipeline, _, release) = self.workspace_release(wanted, listener)?;
            return Ok((config, pipeline, release, None));
        }
        let mut bumping = self.bumping(wanted)?;
        let find =
            |bumping| stages::target_or_patch(&self.config, &self.checkout, bumping, &[ErrorKind::NoBump]);
        let (target, warning) = match find(bumping.clone()) {
            Err(error) if asks_backend && error.kind() == ErrorKind::OnlyBackendKnows => {
                bumping.asked = Some(self.ask_backend(listener)?);
                find(bumping)?
            }
            other => other?,
        };
        Ok((self.config, self.pipeline, Release::new(self.checkout, target), warning))
    }

    /// Determines the release of a workspace, and shows what is worth knowing about it.
    fn workspace_release(
        self,
        wanted: Wanted<'_>,
        listener: &dyn Listener,
    ) -> Result<(Config, Pipeline, Store, Release)> {
        let bumping = self.common_bumping(wanted)?;
        let Self { config, checkout, store, .. } = self;
        let (root, environment) = (checkout.root(), checkout.environment.clone());
        let plugins = Plugins { root: &root, environment: &environment, known: None };
        let request =
            Request { words: wanted.bumps, all: wanted.all, only_committed: wanted.only_committed, bumping };
        let (pipeline, release, findings) = members::begin(&config, checkout, &request, &plugins)?;
        for finding in &findings {
            listener.on_event(&Event::Finding { stage: None, finding });
        }
        Ok((config, pipeline, store, release))
    }

    fn ask_backend(&self, listener: &dyn Listener) -> Result<BackendMetadata> {
        let say = |message: &str| listener.on_event(&Event::Note { stage: None, message });
        say("asking the build backend for the version");
        stages::ask_backend(&self.config, &self.checkout, &say)
    }

    fn bumping(&self, wanted: Wanted<'_>) -> Result<Bumping> {
        let named = wanted.bumps.iter().find(|word| word.contains('='));
        if let Some(name) = named.map(String::as_str).or(wanted.all.then_some("--all")) {
            return Err(Error::usage(format!(
                "`{name}` is about the members of a workspace, and this is a single project"
            ))
            .help("add [workspace] to release.toml, which says where its members are"));
        }
        let bump = match wanted.bumps {
            [] => None,
            [bump] => Some(bump.parse::<Bump>()?),
            [_, other, ..] => {
                return Err(Error::usage(format!("unexpected argument `{other}`")).help("pass one bump"));
            }
        };
        Ok(Bumping { bump, ..self.common_bumping(wanted)? })
    }

    fn common_bumping(&self, wanted: Wanted<'_>) -> Result<Bumping> {
        let date = clock::today();
        let notes = wanted.notes.map(|path| self.notes(path)).transpose()?;
        Ok(Bumping { bump: None, date, force: wanted.force, asked: None, notes, is_tagged: wanted.is_tagged })
    }

    /// The notes in a file, with `\n` at the line ends.
    fn notes(&self, path: &Path) -> Result<String> {
        let shown = path.display();
        if self.config.stages().iter().all(|stage| stage.value != "changelog") {
            return Err(Error::usage("`--notes` needs the stage `changelog`, which `stages` does not have")
                .help("add \"changelog\" to `stages`, before \"tag\""));
        }
        match super::notes::read(path)?.trim() {
            "" => Err(Error::usage(format!("the notes in `{shown}` are empty"))),
            notes => Ok(notes.to_owned()),
        }
    }

    /// Opens the project with the configuration and the commit that a run began with, from its journal.
    pub(super) fn of_run(context: &Context, header: &Header) -> Result<(Config, Pipeline, Release)> {
        let location = locate_loosely(context)?;
        let config = configuration_of_run(header)?;
        let known = Some(header.plugins.as_slice());
        let plugins = Plugins { root: &location, environment: &context.environment, known };
        let environment = environment_of(&config, &location, context.environment.clone());
        let mut checkout = Checkout::open(&location, environment)?
            .of_run(header.branch.as_deref(), header.worktree.as_deref())?;
        checkout.prefix.clone_from(&header.prefix);
        checkout.head.commit.clone_from(&header.head);
        checkout.head.branch.clone_from(&header.branch);
        let (pipeline, mut release) = match header.members.as_slice() {
            [] => {
                let project = stages::read_project(&config, &checkout, Some(&header.name))?;
                let target = Target {
                    project,
                    version: version_of_run(&header.version)?,
                    previous: version_of_run(&header.previous_version)?,
                    previous_tag: header.previous_tag.clone(),
                    reason: None,
                    names: header.names(),
                    conventions: header.conventions.clone(),
                };
                (stages::pipeline(&config, &plugins)?, Release::new(checkout, target))
            }
            _ => members::of_run(&config, header, checkout, &plugins)?,
        };
        let pipeline = if header.is_tagged { pipeline.of_tagged() } else { pipeline };
        if header.is_tagged {
            release.set_tagged();
        }
        release.set_building(&BuildRequest {
            fresh_since: None,
            like: Some(header.like.clone()).filter(|like| !like.is_empty()),
            sdist_only: header.sdist_only,
            from: header.from.clone(),
        });
        Ok((config, pipeline, release))
    }
}

/// A version in the journal of a run.
fn version_of_run(text: &str) -> Result<Version> {
    text.parse().map_err(|error| Error::left("the journal has no valid version").because(error))
}

/// Notes the indexes of the configuration that no stage uploads to.
pub fn tell_unused_indexes(config: &Config, listener: &dyn Listener) {
    for finding in stages::unused_indexes(config) {
        listener.on_event(&Event::Finding { stage: None, finding: &finding });
    }
}

/// Reads the configuration that the command line names. From then on, processes do not get the secrets that it grants to
/// stages.
pub fn locate(context: &Context) -> Result<Location> {
    let location = config::locate(&context.folder, context.manifest.as_deref())
        .map_err(|error| name_projects_below(context, error))?;
    withhold(location.config.granted_secrets());
    Ok(location)
}

/// Says in the error of a folder without a project which folders below have one.
fn name_projects_below(context: &Context, error: Error) -> Error {
    if error.kind() != ErrorKind::NoProject {
        return error;
    }
    let folder = fs_err::canonicalize(&context.folder).ok();
    let checkout = folder.and_then(|folder| Checkout::open(&folder, context.environment.clone()).ok());
    match checkout.and_then(|checkout| below(&checkout)) {
        Some(help) => error.help(help),
        None => error,
    }
}

/// The same for a command about one project: in a workspace, the member that the folder is in.
///
/// # Errors
/// As [`locate`]; or the folder is in no member.
pub(super) fn locate_member(context: &Context) -> Result<Location> {
    let location = locate(context)?;
    if location.config.workspace().is_none() {
        return Ok(location);
    }
    let checkout = Checkout::open(&location.root, context.environment.clone())?;
    let workspace = Workspace::of(&location.config, &checkout)?;
    let folder = fs_err::canonicalize(&context.folder)?;
    match workspace.at(&folder, &location.root) {
        Some(member) => {
            Ok(Location { root: location.root.join(&member.folder), config: member.config.clone() })
        }
        None => {
            let folders = workspace.members.iter().map(|member| member.folder.as_str()).take(20);
            Err(Error::usage("this is a workspace, and the folder is in none of its members")
                .help(format!("pass `-C FOLDER`, with one of {}", config::list(folders))))
        }
    }
}

/// Reads the configuration that a run began with, in the same way.
pub(super) fn configuration_of_run(header: &Header) -> Result<Config> {
    let (path, text) = &header.configuration;
    let config = Config::parse(Source::new(path, text.clone()))?;
    withhold(config.granted_secrets());
    Ok(config)
}

/// Adds the configuration's client certificates to the environment. Variables of the user take precedence.
pub fn environment_of(config: &Config, root: &Path, environment: Environment) -> Environment {
    config.indexes().iter().fold(environment, |environment, (name, index)| {
        let variable = client_certificate_variable(name);
        match &index.client_certificate {
            Some(path) if environment.get(&variable).is_none() => {
                environment.with(&variable, root.join(path))
            }
            _ => environment,
        }
    })
}

/// The project's folder, even if its configuration is broken: a run uses the one that it began with.
fn locate_loosely(context: &Context) -> Result<std::path::PathBuf> {
    match locate(context) {
        Ok(location) => Ok(location.root),
        Err(_) => Ok(fs_err::canonicalize(&context.folder)?),
    }
}

/// The repository of the project, even if its configuration is broken.
pub fn open_loosely(context: &Context) -> Result<Checkout> {
    let environment = context.environment.clone();
    match locate(context) {
        Ok(location) => {
            let environment = environment_of(&location.config, &location.root, environment);
            Checkout::open(&location.root, environment)
        }
        Err(_) => Checkout::open(&fs_err::canonicalize(&context.folder)?, environment),
    }
}

/// The indexes that the stages of a run upload to; none if this version cannot read its configuration.
pub(super) fn destinations(header: &Header) -> Vec<Destination> {
    configuration_of_run(header).map(|config| stages::destinations(&config)).unwrap_or_default()
}
