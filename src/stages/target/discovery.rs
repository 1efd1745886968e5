//! What a project and its history show about its releases, whatever its configuration and other tools say.

use super::{History, read_project, reopening};
use crate::config::Config;
use crate::engine::checkout::Checkout;
use crate::engine::model::Convention;
use crate::error::{Error, Result};
use crate::python::fragments::Fragments;
use crate::python::habits::{LearnedLine, Reopening};
use crate::python::project::{Files as _, Project, VersionSource, current_version};
use crate::python::version::{Bump, Version};
use crate::python::workflows::{Forge, Likelihood, PublishingWorkflow, ReleasingWorkflow};
use crate::stages::changelog::{Changelog, ChangelogForm};
use crate::stages::workflows::{self, RemoteHosts};
use crate::world::clock;
use crate::world::git::Remote;

/// What a project and its history show
pub struct Discovery {
    pub project: Project,
    /// The version that the project states; none if it comes from tags or cannot be read
    pub version: Option<Version>,
    /// A version that may come next
    pub next: Option<Version>,
    /// Why the version cannot be read, if so
    pub unreadable: Option<Error>,
    /// The tag of the last release, and its commit
    pub last: Option<(String, String)>,
    /// How many releases have a tag
    pub releases: usize,
    /// What earlier releases did
    pub learned: Learned,
    pub changelog: Option<ChangelogForm>,
    pub fragments: Option<Fragments>,
    pub remote: Option<FoundRemote>,
    pub workflows: Vec<FoundWorkflow>,
    /// The steps of workflows that make releases
    pub releasing: Vec<ReleasingWorkflow>,
}

/// What earlier releases did
#[derive(Default)]
pub struct Learned {
    pub tag_name: Option<Convention<String>>,
    pub annotated: Option<Convention<bool>>,
    /// Which tags are signed
    pub signed: Option<String>,
    pub tag_message: Option<Convention<String>>,
    pub commit_message: Option<Convention<String>>,
    /// Lines that a release changes besides the project's own metadata
    pub lines: Vec<LearnedLine>,
    /// The releases that show versions by the calendar
    pub calver: Option<String>,
    /// The changelog that they changed, if its name does not tell
    pub changelog: Option<Convention<String>>,
    /// Who makes the changelog of the commits
    pub generator: Option<Convention<String>>,
    pub reopening: Option<Convention<Reopening>>,
}

/// The remote that a release is pushed to
pub struct FoundRemote {
    pub name: String,
    /// Host and path; none for a path of this machine
    pub address: Option<String>,
    pub forge: Option<Forge>,
}

/// A workflow that publishes
pub struct FoundWorkflow {
    pub workflow: PublishingWorkflow,
    /// Whether the remote runs it
    pub runs: Likelihood,
}

impl FoundWorkflow {
    /// `.github/workflows/release.yml`, line 9, uploads to PyPI with twine upload
    pub fn shown(&self) -> String {
        format!("{}, {}", workflows::place(&self.workflow), workflows::what(&self.workflow))
    }
}

/// Looks at the project, its history and its remote. `name` is the project's, if its files do not tell it.
///
/// # Errors
/// The project has no name, or the repository cannot be read.
pub fn discover(checkout: &Checkout, name: Option<&str>) -> Result<Discovery> {
    let config = Config::default_pipeline();
    let project = read_project(&config, checkout, name)?;
    let history = History::of(&config, checkout, &project)?;
    let (version, unreadable) = match &project.version {
        VersionSource::Static(places) => match current_version(checkout, places) {
            Ok(version) => (Some(version), None),
            Err(error) => (None, Some(crate::stages::version::problem(error))),
        },
        VersionSource::Vcs { .. } => (None, None),
        VersionSource::Unreadable(error) => match history.habits.stated_version(checkout) {
            Some((version, _)) => (Some(version), None),
            None => (None, Some(Error::refused(error.to_string()).help(error.help()))),
        },
    };
    let changelog: Changelog = config.settings("changelog")?;
    let previous = version.as_ref().or_else(|| history.last.as_ref().map(|tag| &tag.version));
    let next = previous.and_then(|previous| {
        let bumped = [Bump::Release, Bump::Patch].iter().find_map(|bump| bump.apply(previous).ok())?;
        Some((previous.clone(), bumped))
    });
    let learned = learned(checkout, (&project, next.as_ref()), &history, &changelog);
    let paths: Vec<String> = history.habits.changelogs().into_iter().map(|file| file.value).collect();
    let remote = Remote::of(&checkout.repository, &checkout.head, None).ok().flatten();
    let hosts = remote.as_ref().map(|remote| RemoteHosts::of(&checkout.repository, remote));
    let remote = remote.zip(hosts.as_ref()).map(|(remote, hosts)| {
        let (address, forge) = hosts.shown().map_or((None, None), |(shown, forge)| (Some(shown), forge));
        FoundRemote { name: remote.name, address, forge }
    });
    let found = workflows::found(checkout);
    let workflows = found.publishing.into_iter().map(|workflow| {
        let runs = hosts.as_ref().map_or(Likelihood::No, |hosts| hosts.run(workflow.forge));
        FoundWorkflow { workflow, runs }
    });
    let last = history.last.as_ref().and_then(|tag| {
        let commit = checkout.repository.tag(&tag.name)?;
        Some((tag.name.clone(), commit))
    });
    Ok(Discovery {
        fragments: Fragments::of_project(checkout, &project, paths.first().map(String::as_str)),
        changelog: changelog.form(checkout, &paths, version.as_ref()),
        version,
        next: next.map(|(_, next)| next),
        unreadable,
        last,
        releases: history.tags.len(),
        learned,
        remote,
        workflows: workflows.collect(),
        releasing: found.releasing,
        project,
    })
}

fn learned(
    checkout: &Checkout,
    (project, next): (&Project, Option<&(Version, Version)>),
    history: &History,
    changelog: &Changelog,
) -> Learned {
    let habits = &history.habits;
    let today = clock::today();
    let lines = next.map(|(previous, next)| {
        super::conventions::lines(checkout, project, habits, (previous, next, &today))
    });
    let paths = habits.changelogs();
    let by_name = changelog.path(checkout, &[], next.map(|(version, _)| version));
    let changed = paths.into_iter().find(|file| checkout.read(&file.value).is_some());
    let generator = changelog.learned_generator(checkout, habits);
    Learned {
        tag_name: habits.tag_style().map(|style| {
            let reason = style.reason();
            Convention { value: style.value.template(), reason }
        }),
        annotated: habits.annotated().map(Convention::of),
        signed: habits.signed().map(|signed| signed.reason()),
        tag_message: habits.tag_message().map(Convention::of),
        commit_message: habits.commit_message(false).map(Convention::of),
        lines: lines.unwrap_or_default(),
        calver: habits.calver().map(|calver| calver.reason()),
        changelog: changed.filter(|file| by_name.as_ref() != Some(&file.value)).map(Convention::of),
        generator: generator
            .map(|(_, found)| Convention { value: found.value.name().to_owned(), reason: found.reason }),
        reopening: reopening::learned(checkout, history).map(Convention::of),
    }
}
