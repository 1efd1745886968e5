//! A project opened for a command: its configuration, its repository and its pipeline.

use super::Context;
use crate::config::{Config, Source, locate};
use crate::engine::journal::Header;
use crate::engine::plan::Pipeline;
use crate::engine::release::{Release, Target, Workspace};
use crate::engine::run::Store;
use crate::engine::stage::{Destination, Stage};
use crate::error::{Error, Result};
use crate::python::version::{Bump, Version};
use crate::stages::{self, Bumping};

/// A project opened
pub(super) struct Session {
    pub(super) config: Config,
    pub(super) pipeline: Pipeline,
    pub(super) workspace: Workspace,
    pub(super) store: Store,
}

impl Session {
    /// Opens the project that the command line names.
    pub(super) fn open(context: &Context) -> Result<Self> {
        let location = locate(&context.folder, context.manifest.as_deref())?;
        let pipeline = stages::pipeline(&location.config)?;
        let workspace = Workspace::open(&location.root, context.environment.clone())?;
        let store = Store::of(&workspace.repository)?;
        Ok(Self { config: location.config, pipeline, workspace, store })
    }

    /// Settles what is to be released.
    pub(super) fn release(self, bump: Option<&str>) -> Result<(Config, Pipeline, Store, Release)> {
        let bump = bump.map(str::parse::<Bump>).transpose()?;
        let date = jiff::ZonedDateTime::now().strftime("%Y-%m-%d").to_string();
        let target = stages::target(&self.config, &self.workspace, &Bumping { bump, date })?;
        Ok((self.config, self.pipeline, self.store, Release::new(self.workspace, target)))
    }

    /// Opens the project as it was when a run began, from what the run's journal says.
    pub(super) fn of_run(context: &Context, header: &Header) -> Result<(Config, Pipeline, Release)> {
        let location = locate_loosely(context)?;
        let (path, text) = &header.configuration;
        let config = Config::parse(Source::new(path, text.clone()))?;
        let pipeline = stages::pipeline(&config)?;
        let mut workspace = Workspace::open(&location, context.environment.clone())?
            .of_run(header.branch.as_deref(), header.worktree.as_deref())?;
        workspace.prefix.clone_from(&header.prefix);
        workspace.head.commit.clone_from(&header.head);
        workspace.head.branch.clone_from(&header.branch);
        let version = |text: &str| -> Result<Version> {
            text.parse().map_err(|error| Error::left("the journal names no version").because(error))
        };
        let target = Target {
            project: stages::read_project(&workspace)?,
            version: version(&header.version)?,
            previous: version(&header.previous_version)?,
            previous_tag: header.previous_tag.clone(),
            reason: None,
            names: header.names(),
        };
        Ok((config, pipeline, Release::new(workspace, target)))
    }
}

/// The project's folder, whatever its configuration says now: a run goes by the one it began with.
pub(super) fn locate_loosely(context: &Context) -> Result<std::path::PathBuf> {
    match locate(&context.folder, context.manifest.as_deref()) {
        Ok(location) => Ok(location.root),
        Err(_) => Ok(fs_err::canonicalize(&context.folder)?),
    }
}

/// The indexes that the stages of a run upload to; none where its configuration cannot be read by this version.
pub(super) fn destinations(header: &Header) -> Vec<Destination> {
    let (path, text) = &header.configuration;
    let pipeline =
        Config::parse(Source::new(path, text.clone())).and_then(|config| stages::pipeline(&config));
    pipeline.map(|pipeline| pipeline.stages().filter_map(Stage::destination).collect()).unwrap_or_default()
}
