//! Determines what to release: the current version, the next one and the reason for it.

mod asked;
mod conventions;
mod discovery;
mod history;
mod infer;
mod next;
mod reopening;
mod style;

use super::changelog::Changelog;
use super::tag::Tag;
use super::version::Version as VersionStage;
use crate::config::{Config, Names, Spanned};
use crate::engine::checkout::Checkout;
use crate::engine::release::Target;
use crate::error::{Error, ErrorKind, Result};
use crate::finding::{Finding, Severity};
use crate::python::project::{Files, Project, ProjectError, VersionSource, current_version};
use crate::python::settings;
use crate::python::version::{Bump, Version};

pub use asked::{BackendMetadata, ask_backend};
pub use discovery::{Discovery, FoundWorkflow, Learned, discover};
pub(in crate::stages) use history::History;
pub(in crate::stages) use infer::has_entries;
pub use style::expect_own_tag;
pub(in crate::stages) use style::{style_of_names, style_of_template};

/// How to choose the next version
#[derive(Debug, Clone)]
pub struct Bumping {
    /// From the command line
    pub bump: Option<Bump>,
    /// The release's date, `YYYY-MM-DD`
    pub date: String,
    /// Whether the version may be lower than one that is released already
    pub force: bool,
    /// What the build backend says, if it was asked
    pub asked: Option<BackendMetadata>,
    /// The release's notes, if the changelog does not have them
    pub notes: Option<String>,
    /// Whether the version that the project states is released, whose tag was pushed before
    pub is_tagged: bool,
}

/// Reads the committed project and its history, and determines the release's version, tag, date and conventions.
///
/// # Errors
/// The project cannot be read, its files disagree on the version, the wanted version does not increase, or none was
/// passed and none can be inferred.
pub fn target(config: &Config, checkout: &Checkout, bumping: &Bumping) -> Result<Target> {
    let asked = bumping.asked.as_ref();
    let mut project = read_project(config, checkout, asked.map(|asked| asked.name.as_str()))?;
    if matches!(project.version, VersionSource::Unreadable(_))
        && asked.is_some_and(|asked| asked.names_commit(&checkout.head.commit))
    {
        project.version = VersionSource::Vcs { tool: "the project's own code".to_owned() };
    }
    let tag: Tag = config.settings("tag")?;
    let configured = match &tag.name {
        Some(name) if !name.text().contains("{version}") => {
            let span = config.stage_key("tag", "name").flatten();
            let help = "every release needs its own tag, such as \"v{version}\"";
            return Err(config.error("`name` in [stage.tag] has no `{version}`", span, Some(help)));
        }
        Some(name) => Some(style_of_template(name, &project.name, &bumping.date)),
        None => None,
    };
    let history = History::read(config, checkout, &project, configured.as_ref())?;
    // Whether it is not known where the version is written
    let mut is_unplaced = false;
    let stated = match stated(config, checkout, &project, &history) {
        Err(error) if error.kind() == ErrorKind::OnlyBackendKnows => {
            is_unplaced = true;
            Some(asked.ok_or(error)?.version.clone())
        }
        other => other?,
    };
    let today =
        bumping.date.parse().map_err(|error| Error::failed("the date is not valid").because(error))?;
    let (name, force) = (project.name.as_str(), bumping.force);
    let is_tagged = bumping.is_tagged;
    let facts = next::Facts { name, stated: stated.as_ref(), history: &history, force, today, is_tagged };
    let infer = |present: &Version| infer::infer(config, (checkout, &project), &history, present);
    let next::Next { version, previous, reason } =
        next::next(&facts, bumping.bump.as_ref(), checkout, infer)?;
    let mut released: Vec<&Version> = history.tags.iter().map(|tag| &tag.version).collect();
    released.sort_by(|one, other| other.cmp(one));
    let version = version.padded_like(released);
    let gives_version = |stage: &Spanned| {
        stage.value == "version" || config.stage_list(&stage.value, "gives").any(|given| given == "version")
    };
    let writes = config.stages().iter().any(gives_version);
    if version != previous && !writes && !matches!(project.version, VersionSource::Vcs { .. }) {
        return Err(Error::usage(format!(
            "cannot release {version}: no stage bumps the version from {previous}"
        ))
        .help("add `version` to `stages`, or gives = [\"version\"] to the [stage.NAME] of your own that bumps it"));
    }
    if let (VersionSource::Unreadable(error), true) = (&project.version, is_unplaced && version != previous)
        && config.stages().iter().any(|stage| stage.value == "version")
    {
        return Err(
            Error::refused(format!("cannot bump {previous} to {version}: {error}")).help(error.help())
        );
    }
    let (style, conventions) = conventions::of(
        (config, &tag, configured),
        &history,
        (checkout, &project),
        (&previous, &version, &bumping.date),
    )?;
    let names = Names {
        tag: style.name(&version),
        version: version.to_string(),
        previous_version: previous.to_string(),
        name: project.name.clone(),
        date: bumping.date.clone(),
    };
    if let Some(tag) = history.tag_of(&version).filter(|tag| tag.name != names.tag) {
        let message =
            format!("{version} has the tag `{}`, but this release would be tagged `{}`", tag.name, names.tag);
        return Err(Error::refused(message).help("this version is already released: choose another"));
    }
    let previous_tag = history.last.as_ref().map(|tag| tag.name.clone());
    let mut target = Target { project, version, previous, previous_tag, reason, names, conventions };
    if config.stages().iter().any(|stage| stage.value == "changelog") {
        let changelog: Changelog = config.settings("changelog")?;
        target.conventions.notes = bumping.notes.clone();
        changelog.learn(checkout, &history.habits, &mut target);
        if changelog.is_from_commits(checkout) && bumping.notes.is_none() {
            let learned: Vec<String> =
                target.conventions.changelog.iter().map(|file| file.value.clone()).collect();
            let path = changelog.path(checkout, &learned, Some(&target.version));
            let since = target.previous_tag.as_deref();
            target.conventions.notes = changelog.notes_of_commits(checkout, since, path.as_deref())?;
        }
    }
    Ok(target)
}

/// As [`target`]; but where no bump is passed and the reason that there is no target is one of `kinds`, the target of a
/// patch release, and the warning that it is not what `run` would release.
///
/// # Errors
/// As for [`target`].
pub fn target_or_patch(
    config: &Config,
    checkout: &Checkout,
    bumping: Bumping,
    kinds: &[ErrorKind],
) -> Result<(Target, Option<Finding>)> {
    let error = match target(config, checkout, &bumping) {
        Err(error) if bumping.bump.is_none() && kinds.contains(&error.kind()) => error,
        other => return Ok((other?, None)),
    };
    let warning = Finding { severity: Severity::Warning, ..Finding::from(error) };
    let patch = Bumping { bump: Some(Bump::Patch), ..bumping };
    Ok((target(config, checkout, &patch)?, Some(warning)))
}

/// The version that the committed project states; none if it comes from tags.
///
/// # Errors
/// It cannot be read.
pub(in crate::stages) fn present_version(config: &Config, checkout: &Checkout) -> Result<Option<Version>> {
    let project = read_project(config, checkout, None)?;
    let history = History::of(config, checkout, &project)?;
    stated(config, checkout, &project, &history)
}

/// The version that the project states; none if it comes from tags.
///
/// # Errors
/// It cannot be read, and no earlier release shows where it is.
fn stated(
    config: &Config,
    checkout: &Checkout,
    project: &Project,
    history: &History,
) -> Result<Option<Version>> {
    let stage: VersionStage = config.settings("version")?;
    match &project.version {
        VersionSource::Vcs { .. } => Ok(None),
        VersionSource::Unreadable(_) if !stage.has_files() => {
            if let Some((version, _)) = history.habits.stated_version(checkout) {
                return Ok(Some(version));
            }
            let places: Vec<_> = settings::read(checkout).into_iter().flat_map(|tool| tool.places).collect();
            match places.as_slice() {
                [] => stage.current(checkout, project).map(Some).map_err(only_backend_knows),
                places => current_version(checkout, places).map_err(super::version::problem).map(Some),
            }
        }
        VersionSource::Static(_) | VersionSource::Unreadable(_) => stage.current(checkout, project).map(Some),
    }
}

/// The committed project. `known` is its name, if something else than the files tells it.
pub fn read_project(config: &Config, files: &dyn Files, known: Option<&str>) -> Result<Project> {
    Project::read_as(files, config.name().or(known)).map_err(|error| {
        let help = error.help();
        let converted = Error::usage(error.to_string());
        let converted = if help.is_empty() { converted } else { converted.help(help) };
        if matches!(error, ProjectError::NoName { .. }) { only_backend_knows(converted) } else { converted }
    })
}

fn only_backend_knows(error: Error) -> Error {
    error
        .with_kind(ErrorKind::OnlyBackendKnows)
        .help("or let the build backend tell: `pyrelease plan --ask-backend` runs the project's code, as `run` does")
}

impl From<crate::python::version::VersionError> for Error {
    fn from(error: crate::python::version::VersionError) -> Self {
        let help = error.help();
        let error = Self::usage(error.to_string());
        if help.is_empty() { error } else { error.help(help) }
    }
}
