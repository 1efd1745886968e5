//! The releases in the repository's history.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use super::style::style_of_template;
use crate::config::Config;
use crate::engine::checkout::Checkout;
use crate::error::Result;
use crate::python::habits::{self, Habits, PastRelease, TagStyle, VersionTag};
use crate::python::project::{Project, VersionSource, current_version};
use crate::python::version::Version;
use crate::stages::tag::Tag;
use crate::world::clock;
use crate::world::git::ListedTag;

/// The most tags that are looked for in the history of HEAD
const MOST_REACHABLE: usize = 12;
/// The most releases that habits are learned from
const MOST_RELEASES: usize = 6;
/// With fewer releases than this in the history of HEAD, those of other branches count too
const ENOUGH_RELEASES: usize = 3;
/// How far before its tag a release commit may be
const MOST_PARENTS: usize = 15;
/// The most commits that are compared with their parents
const MOST_RECORDS: usize = 40;

/// The project's releases, as its tags tell
pub(in crate::stages) struct History {
    /// All tags of the project
    pub(super) tags: Vec<VersionTag>,
    /// The last release in the history of HEAD: the newest, or the highest final one if that is higher; or a later one
    /// on a branch of its own
    pub(in crate::stages) last: Option<VersionTag>,
    /// The highest final release in the history of HEAD
    pub(in crate::stages) last_final: Option<VersionTag>,
    /// The commits before the last releases, the newest first
    pub(in crate::stages) before_releases: Vec<String>,
    /// The commits of the last releases, the newest first
    pub(in crate::stages) release_commits: Vec<String>,
    pub(in crate::stages) habits: Habits,
}

impl History {
    /// Reads the history of HEAD, with the configured name of tags.
    ///
    /// # Errors
    /// The settings of `tag` are wrong, or the history cannot be read.
    pub(in crate::stages) fn of(config: &Config, checkout: &Checkout, project: &Project) -> Result<Self> {
        let settings: Tag = config.settings("tag")?;
        let today = clock::today();
        let configured = settings.name.as_ref().map(|name| style_of_template(name, &project.name, &today));
        Self::read(config, checkout, project, configured.as_ref())
    }

    /// Reads the history of HEAD. `style` is the configured one: a tag of it is the project's, unless it may be that of
    /// another member of the workspace.
    ///
    /// # Errors
    /// The history cannot be read.
    pub(super) fn read(
        config: &Config,
        checkout: &Checkout,
        project: &Project,
        style: Option<&TagStyle>,
    ) -> Result<Self> {
        let has_static_version = !matches!(project.version, VersionSource::Vcs { .. });
        let name = project.name.as_str();
        let listed = checkout.tags()?;
        let folder = checkout.prefix.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let names = listed.iter().map(|tag| tag.name.as_str());
        let mut tags =
            habits::own(names, &[name, folder], (!checkout.prefix.is_empty(), !checkout.others().is_empty()));
        if let Some(style) = style {
            let is_root = checkout.others().iter().any(|other| other.starts_with(checkout.prefix.as_str()));
            let is_common = config.may_share_names_of_tags() && !style.names_a_package();
            let stating = match is_common && has_static_version && !is_root {
                true => Some(Stating::of(checkout, name)?),
                false => None,
            };
            let configured = listed.iter().filter_map(|tag| {
                let version = style.version(&tag.name)?;
                let is_own = stating.as_ref().is_none_or(|stating| stating.state(&tag.commit, &version));
                is_own.then(|| VersionTag { name: tag.name.clone(), style: style.clone(), version })
            });
            tags.retain(|tag| style.version(&tag.name).is_none());
            tags.extend(configured);
        }
        let listed: HashMap<&str, &ListedTag> = listed.iter().map(|tag| (tag.name.as_str(), tag)).collect();
        let reachable = reachable(checkout, &tags, &listed)?;
        let highest = |one: &&VersionTag, other: &&VersionTag| one.version.cmp(&other.version);
        let finals = reachable.iter().copied().filter(|tag| !tag.version.is_prerelease());
        let last_final = finals.max_by(highest);
        let last = reachable.first().copied().into_iter().chain(last_final).max_by(highest);
        let stated = || match &project.version {
            VersionSource::Static(places) => current_version(checkout, places).ok(),
            VersionSource::Vcs { .. } | VersionSource::Unreadable(_) => None,
        };
        let on_branches = last.map_or_else(Vec::new, |last| between(&tags, &last.version, stated));
        let last = on_branches.first().copied().or(last).cloned();
        let last_final = last_final.cloned();
        let mut recent = match on_branches.is_empty() {
            true => Vec::new(),
            false => elsewhere(checkout, on_branches, &listed),
        };
        recent.extend(reachable);
        if recent.len() < ENOUGH_RELEASES {
            let others = tags.iter().filter(|tag| !recent.contains(tag)).collect();
            recent.extend(elsewhere(checkout, others, &listed));
        }
        // Several tags on one commit show one release.
        let mut seen = HashSet::new();
        recent.retain(|tag| listed.get(tag.name.as_str()).is_some_and(|tag| seen.insert(&tag.commit)));
        recent.truncate(MOST_RELEASES);
        let parents = if has_static_version { MOST_PARENTS } else { 1 };
        let releases = past_releases(checkout, &recent, &listed, parents);
        let marked = recent.iter().take(ENOUGH_RELEASES).filter_map(|tag| listed.get(tag.name.as_str()));
        let with_parent =
            |tag: &&ListedTag| Some((tag.commit.clone(), checkout.repository.first_parent(&tag.commit)?));
        let (release_commits, before_releases) = marked.filter_map(with_parent).unzip();
        let habits = Habits::new(releases, tags.iter().map(|tag| tag.version.clone()).collect());
        Ok(Self { tags, last, last_final, before_releases, release_commits, habits })
    }

    /// The tag of a version, in whatever style.
    pub(in crate::stages) fn tag_of(&self, version: &Version) -> Option<&VersionTag> {
        self.tags.iter().find(|tag| tag.version == *version)
    }

    /// The highest release below a version, on any branch.
    pub(in crate::stages) fn highest_below(&self, version: &Version) -> Option<&VersionTag> {
        let lower = self.tags.iter().filter(|tag| tag.version < *version);
        lower.max_by(|one, other| one.version.cmp(&other.version))
    }

    /// The highest release on any branch.
    pub(in crate::stages) fn highest(&self) -> Option<&VersionTag> {
        self.tags.iter().max_by(|one, other| one.version.cmp(&other.version))
    }
}

/// What commits of the past state, for tags that any member of a workspace may have
struct Stating<'a> {
    checkout: &'a Checkout,
    past: RefCell<Checkout>,
    name: &'a str,
}

impl<'a> Stating<'a> {
    fn of(checkout: &'a Checkout, name: &'a str) -> Result<Self> {
        let past = checkout.in_folder(&checkout.prefix, checkout.others().to_vec())?;
        Ok(Self { checkout, past: RefCell::new(past), name })
    }

    /// Whether the project states the version in this commit.
    fn state(&self, commit: &str, version: &Version) -> bool {
        let stated = self.checkout.stated_once(commit, &|| {
            let mut past = self.past.borrow_mut();
            past.head.commit = commit.to_owned();
            let project = Project::read_as(&*past, Some(self.name)).ok()?;
            let VersionSource::Static(places) = &project.version else { return None };
            current_version(&*past, places).ok()
        });
        stated.as_ref() == Some(version)
    }
}

/// The tags in the history of HEAD, the newest first; of those on one commit, the highest version first.
fn reachable<'t>(
    checkout: &Checkout,
    tags: &'t [VersionTag],
    listed: &HashMap<&str, &ListedTag>,
) -> Result<Vec<&'t VersionTag>> {
    let mut at: HashMap<&str, Vec<&VersionTag>> = HashMap::new();
    for tag in tags {
        if let Some(listed) = listed.get(tag.name.as_str()) {
            at.entry(&listed.commit).or_default().push(tag);
        }
    }
    let commits: Vec<&str> = at.keys().copied().collect();
    let nearest = checkout.nearest(&commits, MOST_REACHABLE)?;
    let mut found = Vec::new();
    for commit in nearest {
        let mut here = at.remove(commit).unwrap_or_default();
        here.sort_by(|one, other| other.version.cmp(&one.version));
        found.extend(here);
    }
    Ok(found)
}

/// The releases after the last one in the history of HEAD, up to the version that the project states, the highest first:
/// it makes them on branches of their own.
fn between<'t>(
    tags: &'t [VersionTag],
    last: &Version,
    stated: impl FnOnce() -> Option<Version>,
) -> Vec<&'t VersionTag> {
    let mut later: Vec<&VersionTag> = tags.iter().filter(|tag| tag.version > *last).collect();
    let Some(stated) = (!later.is_empty()).then(stated).flatten() else { return Vec::new() };
    later.retain(|tag| tag.version <= stated);
    later.sort_by(|one, other| other.version.cmp(&one.version));
    later
}

/// The highest of these releases, the newest first.
fn elsewhere<'t>(
    checkout: &Checkout,
    mut tags: Vec<&'t VersionTag>,
    listed: &HashMap<&str, &ListedTag>,
) -> Vec<&'t VersionTag> {
    tags.sort_by(|one, other| other.version.cmp(&one.version));
    tags.truncate(MOST_REACHABLE);
    let at: HashMap<&str, &VersionTag> = tags
        .into_iter()
        .rev()
        .filter_map(|tag| Some((listed.get(tag.name.as_str())?.commit.as_str(), tag)))
        .collect();
    let commits: Vec<&str> = at.keys().copied().collect();
    checkout.repository.by_time(&commits).into_iter().filter_map(|commit| at.get(commit).copied()).collect()
}

/// What the releases did.
fn past_releases(
    checkout: &Checkout,
    recent: &[&VersionTag],
    listed: &HashMap<&str, &ListedTag>,
    parents: usize,
) -> Vec<PastRelease> {
    let repository = &checkout.repository;
    let tagged: Vec<&str> =
        recent.iter().filter_map(|tag| Some(listed.get(tag.name.as_str())?.commit.as_str())).collect();
    let mut records = 0;
    let mut releases = Vec::new();
    for tag in recent {
        let Some(listed) = listed.get(tag.name.as_str()) else { continue };
        // The commit that wrote the version: the tagged one, or one of the last before it.
        let mut commit = listed.commit.clone();
        let mut first = None;
        let mut found = None;
        for _ in 0..parents {
            if records >= MOST_RECORDS {
                break;
            }
            records += 1;
            let Some(record) = checkout.record(&commit) else { break };
            let is_tagged = first.is_none();
            if habits::writes_version(&record.changes, tag) {
                found = Some((commit, record));
                break;
            }
            let stops = is_tagged && habits::changes_source(&record.changes);
            first.get_or_insert((commit.clone(), record));
            let Some(parent) = repository.first_parent(&commit).filter(|_| !stops) else { break };
            if tagged.contains(&parent.as_str()) {
                break;
            }
            commit = parent;
        }
        let tagged_message = first.as_ref().filter(|_| found.is_some()).and_then(|(_, record)| {
            let subject = record.message.lines().next().filter(|_| !record.is_merge)?;
            subject.contains(tag.spelled()).then(|| record.message.clone())
        });
        let Some((commit, record)) = found.or(first) else { continue };
        let annotation = listed.is_annotated.then(|| repository.tag_message(&tag.name).unwrap_or_default());
        releases.push(PastRelease {
            tag: (*tag).clone(),
            is_signed: annotation.as_ref().is_some_and(|(_, is_signed)| *is_signed),
            annotation: annotation.map(|(message, _)| message),
            message: record.message,
            tagged_message,
            is_merge: record.is_merge,
            date: record.date,
            commit,
            changes: record.changes,
        });
    }
    releases
}
