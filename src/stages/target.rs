//! Determines what to release: the current version, the next one and the reason for it.

use super::changelog::{self, Changelog};
use super::tag::Tag;
use super::version::Version as VersionStage;
use crate::config::{Config, Names, Spanned};
use crate::engine::release::{Target, Workspace};
use crate::error::{Error, Result};
use crate::python::project::{Files, Project, VersionSource};
use crate::python::version::{Bump, Version};

/// How to choose the next version
#[derive(Debug, Clone)]
pub struct Bumping {
    /// From the command line
    pub bump: Option<Bump>,
    /// The release's date, `YYYY-MM-DD`
    pub date: String,
}

/// Reads the committed project and determines the release's version, tag and date.
///
/// # Errors
/// The project cannot be read, its files disagree on the version, the wanted version does not increase, or none was
/// passed and none can be inferred.
pub fn target(config: &Config, workspace: &Workspace, bumping: &Bumping) -> Result<Target> {
    let project = read_project(workspace)?;
    let tag: Tag = config.settings("tag")?;
    if !tag.name.text().contains("{version}") {
        let span = config.stage_key("tag", "name").flatten();
        let help = "every release needs its own tag, such as \"v{version}\"";
        return Err(config.error("`name` in [stage.tag] has no `{version}`", span, Some(help)));
    }
    let naming = TagNaming::new(&tag, &project.name, &bumping.date);
    let previous_tag =
        workspace.repository.nearest_tag(&workspace.head.commit, |name| naming.version(name).is_some())?;
    let previous_tag_version = previous_tag.as_deref().and_then(|name| naming.version(name));
    let written = match &project.version {
        VersionSource::Vcs { .. } => None,
        VersionSource::Static(_) | VersionSource::Unreadable(_) => {
            Some(config.settings::<VersionStage>("version")?.current(workspace, &project)?)
        }
    };
    let (version, previous, reason) = match (&bumping.bump, written, previous_tag_version) {
        (None, Some(present), _) if workspace.repository.tag(&naming.name(&present)).is_none() => {
            naming.refuse_another_naming(workspace, &present)?;
            let reason = format!("{present} has no tag yet");
            (present.clone(), present, Some(reason))
        }
        (Some(Bump::Explicit(wanted)), Some(present), _)
            if *wanted == present && workspace.repository.tag(&naming.name(&present)).is_none() =>
        {
            (present.clone(), present, None)
        }
        (Some(Bump::Explicit(wanted)), None, None) => {
            (Bump::Explicit(wanted.clone()).apply(&zero())?, zero(), None)
        }
        (_, None, None) if workspace.repository.is_shallow() => {
            return Err(Error::refused(format!(
                "`{}` takes its version from tags, but this shallow clone contains none",
                project.name
            ))
            .help("run `git fetch --unshallow --tags`"));
        }
        (_, None, None) => {
            return Err(Error::usage(format!(
                "`{}` takes its version from tags, but there is none yet",
                project.name
            ))
            .help("pass the first version: `pyrelease run 0.1.0`"));
        }
        (bump, Some(present), _) | (bump, None, Some(present)) => {
            let (bump, reason) = match bump {
                Some(bump) => (bump.clone(), None),
                None => infer(config, workspace, &present)?,
            };
            let next = bump.apply(&present)?;
            (next, present, reason)
        }
    };
    let gives_version =
        |stage: &Spanned| stage.value == "version" || config.stage_lists(&stage.value, "gives", "version");
    let writes = config.stages().iter().any(gives_version);
    if version != previous && !writes && !matches!(project.version, VersionSource::Vcs { .. }) {
        return Err(Error::usage(format!(
            "cannot release {version}: no stage bumps the version from {previous}"
        ))
        .help("add `version` to `stages`, or gives = [\"version\"] to the [stage.NAME] of your own that bumps it"));
    }
    let names = Names {
        tag: naming.name(&version),
        version: version.to_string(),
        previous_version: previous.to_string(),
        name: project.name.clone(),
        date: bumping.date.clone(),
    };
    Ok(Target { project, version, previous, previous_tag, reason, names })
}

/// The committed project.
pub fn read_project(files: &dyn Files) -> Result<Project> {
    Project::read(files).map_err(|error| {
        let help = error.help();
        let error = Error::usage(error.to_string());
        if help.is_empty() { error } else { error.help(help) }
    })
}

fn zero() -> Version {
    "0".parse().expect("0 is a version")
}

/// Infers the bump from the changelog's Unreleased section.
fn infer(config: &Config, workspace: &Workspace, present: &Version) -> Result<(Bump, Option<String>)> {
    let nothing = |why: String| {
        Error::usage(format!("{present} is already released, and {why}"))
            .help("pass how to bump the version: `pyrelease run patch` (or minor, major, rc, …)")
    };
    if present.is_prerelease() {
        return Err(Error::usage(format!(
            "{present} is already released, and the version after a pre-release cannot be inferred"
        ))
        .help(
            "run `pyrelease run release` for the final release, or pass `a`, `b`, `rc` or `dev` for the next one \
             of that kind",
        ));
    }
    let settings: Changelog = config.settings("changelog")?;
    let path = settings
        .path(workspace)
        .ok_or_else(|| nothing("there is no changelog to infer the next version from".to_owned()))?;
    let text = workspace.read(&path).and_then(|bytes| String::from_utf8(bytes).ok());
    let text = text.ok_or_else(|| nothing(format!("`{path}` is not a committed text file")))?;
    let document = changelog::parse(&path, text)?;
    let Some(unreleased) = document.unreleased() else {
        return Err(nothing(format!("`{path}` has no Unreleased section to infer the next version from")));
    };
    let (bump, reason) = document.suggested_bump().ok_or_else(|| match unreleased.body.is_empty() {
        true => Error::refused(format!(
            "{present} is already released, and the Unreleased section of `{path}` is empty"
        ))
        .help("add the changes to it first"),
        false => {
            nothing(format!("the Unreleased section of `{path}` does not imply the kind of the next release"))
        }
    })?;
    let reason = format!("of {path}: {reason}");
    Ok((bump, Some(reason)))
}

/// Converts between versions and tag names
pub(super) struct TagNaming {
    prefix: String,
    suffix: String,
}

impl TagNaming {
    /// By the tag of one release.
    pub(super) fn of(names: &Names) -> Self {
        let (prefix, suffix) = names.tag.split_once(&names.version).unwrap_or((&names.tag, ""));
        Self { prefix: prefix.to_owned(), suffix: suffix.to_owned() }
    }

    pub(super) fn new(tag: &Tag, name: &str, date: &str) -> Self {
        // A character that no tag name may contain.
        const VERSION: &str = "\u{1}";
        let names =
            Names { version: VERSION.into(), name: name.into(), date: date.into(), ..Names::default() };
        let rendered = tag.name.render(&names);
        let (prefix, suffix) = rendered.split_once(VERSION).unwrap_or((&rendered, ""));
        Self { prefix: prefix.to_owned(), suffix: suffix.to_owned() }
    }

    pub(super) fn name(&self, version: &Version) -> String {
        format!("{}{version}{}", self.prefix, self.suffix)
    }

    pub(super) fn version(&self, name: &str) -> Option<Version> {
        name.strip_prefix(&self.prefix)?.strip_suffix(&self.suffix)?.parse().ok()
    }

    /// Refuses a version that has a tag of another form: it has been released, and would be released again.
    fn refuse_another_naming(&self, workspace: &Workspace, version: &Version) -> Result<()> {
        for other in [format!("v{version}"), version.to_string()] {
            if workspace.repository.tag(&other).is_some() {
                return Err(Error::usage(format!(
                    "{version} has the tag `{other}`, but this release would be tagged `{}`",
                    self.name(version)
                ))
                .help(format!(
                    "set the name of your tags: [stage.tag] name = \"{}\"",
                    other.replace(&version.to_string(), "{version}")
                )));
            }
        }
        Ok(())
    }
}

impl From<crate::python::version::VersionError> for Error {
    fn from(error: crate::python::version::VersionError) -> Self {
        let help = error.help();
        let error = Self::usage(error.to_string());
        if help.is_empty() { error } else { error.help(help) }
    }
}
