//! Rebuilds the state of a release whose journal was lost after publication began: what the tag and the indexes
//! prove, and what is left to do. Never rebuilds a distribution that is public.

mod sources;
mod tagged;

use std::collections::BTreeSet;
use std::path::PathBuf;

use tagged::Tagged;

use super::build::Build;
use super::changelog::{self, Changelog};
use super::destinations;
use super::push::Push;
use super::target::read_project;
use crate::config::Config;
use crate::engine::checkout::Checkout;
use crate::engine::pipeline::Pipeline;
use crate::engine::prelude::*;
use crate::engine::reconstruction::Reconstruction;
use crate::engine::release::BuildRequest;
use crate::engine::status::listing;
use crate::index::SimpleFile;
use crate::python::filename::Filename;
use crate::python::project::{Files, VersionSource};

pub use sources::Source;

/// The stage whose work is never repeated
const BUILD: &str = "build";
/// The stage whose result the remote shows
const PUSH: &str = "push";

/// What was found of the release of the project's current version
pub enum Discovery {
    /// The version has no tag here, or no stage publishes: there is no release to look for
    Nothing,
    /// The tag exists, but no public index lists any file; names the indexes
    NotPublic { version: String, tag: String, indexes: Vec<String> },
    /// An index lacks a file and accepts no more of this version since that day
    Closed { version: String, index: String, since: String },
    /// Everything is public and pushed
    Complete { name: String, version: String },
    /// Something is left to do
    Rebuildable(Box<Rebuild>),
}

/// A release that can be completed
pub struct Rebuild {
    pub release: Release,
    /// Every distribution that is public or proven to belong to it, and where to get it from
    pub sources: Vec<Source>,
    /// The stages that count as done
    pub done: Vec<String>,
    /// The stages that are left to run
    pub left: Vec<String>,
    /// The kinds of distribution that exist nowhere and must be built from the tag
    pub to_build: Vec<String>,
}

/// What this repository's own runs know
pub struct LocalRuns {
    /// Directories with distributions of earlier runs; these count only if they are proven to belong to the release
    pub folders: Vec<PathBuf>,
    /// The one of the run in question
    pub own: Option<PathBuf>,
    /// The name and sha256 of every distribution that runs of this repository built, by their journals
    pub built: BTreeSet<(String, String)>,
    /// The names and versions of complete releases; no index is asked about them
    pub released: Vec<(String, String)>,
}

/// Looks for the release that the tag of the project's version marks.
///
/// # Errors
/// An index or the remote cannot be reached, or two places have different bytes under one name.
pub fn look(
    config: &Config,
    pipeline: &Pipeline,
    mut checkout: Checkout,
    local_runs: &LocalRuns,
) -> Result<Discovery, RebuildError> {
    // A project that cannot be read has no release to look for.
    let Ok(Some(tagged)) = Tagged::find(config, &checkout) else { return Ok(Discovery::Nothing) };
    let names: Vec<String> = pipeline.stages().map(|stage| stage.name().to_owned()).collect();
    let Some(build) = names.iter().position(|name| name == BUILD) else { return Ok(Discovery::Nothing) };
    // From here on the project is read as it was tagged.
    checkout.head.commit.clone_from(&tagged.commit);
    let Tagged { tag, commit, target } = tagged;
    let mut release = Release::new(checkout, target);
    let names_of_release = (release.names().name.clone(), release.names().version.clone());
    if local_runs.released.contains(&names_of_release) {
        return Ok(Discovery::Nothing);
    }
    let kinds = config.settings::<Build>(BUILD)?.kinds(&BuildRequest::default());
    let Some(found) = sources::find(kinds, pipeline, &release, local_runs)? else {
        return Ok(Discovery::Nothing);
    };
    let version = release.names().version.clone();
    if found.public.is_empty() {
        return Ok(Discovery::NotPublic { version, tag: tag.name, indexes: found.asked });
    }
    release.outputs.commit = Some(commit);
    release.outputs.tag = Some(tag);
    let pushes = names.iter().any(|name| name == PUSH) && !push_is_done(config, &release)?;
    if found.is_everywhere() && !pushes {
        return Ok(Discovery::Complete { name: release.names().name.clone(), version });
    }
    if let Some((index, since)) = found.closed() {
        return Ok(Discovery::Closed { version, index, since });
    }
    release.outputs.notes = notes(config, &release);
    let to_build = found.missing_kinds();
    let is_left = |stage: &&dyn Stage| match stage.name() {
        BUILD => !to_build.is_empty(),
        PUSH => pushes,
        _ => stage.reach() != Reach::Rehearsal,
    };
    let left = pipeline.stages().skip(build).filter(is_left).map(|stage| stage.name().to_owned()).collect();
    Ok(Discovery::Rebuildable(Box::new(Rebuild {
        release,
        done: names[..build].to_vec(),
        left,
        to_build,
        sources: found.sources,
    })))
}

/// The tag of the version that the project states, if it marks HEAD or an ancestor of it.
///
/// # Errors
/// The project cannot be read, or states no version: then its tags do.
pub fn tag_of_version(config: &Config, checkout: &Checkout) -> Result<Option<String>> {
    let project = read_project(config, checkout, None)?;
    if matches!(project.version, VersionSource::Vcs { .. }) {
        return Err(Error::usage(format!("`{}` states no version: it comes from the tags", project.name))
            .help("pass the version to release, or release the one whose tag marks HEAD: `--tagged`"));
    }
    Ok(Tagged::find(config, checkout)?.map(|tagged| tagged.tag.name))
}

/// Whether any file of the release that the tag of the project's version marks is public; none if an index cannot be
/// read.
pub fn is_public(config: &Config, checkout: &Checkout) -> Option<bool> {
    let Ok(Some(Tagged { target, .. })) = Tagged::find(config, checkout) else { return Some(false) };
    let (project, version) = (&target.project.name, target.version.to_string());
    let is_of_it = |file: &SimpleFile| {
        file.filename.parse::<Filename>().is_ok_and(|name| name.version().to_string() == version)
    };
    let mut answer = Some(false);
    for place in destinations(config).iter().filter(|place| place.reach == Reach::Public) {
        match listing(&checkout.environment, place, project) {
            Ok(listing) => {
                if listing.is_some_and(|listing| listing.files.iter().any(is_of_it)) {
                    return Some(true);
                }
            }
            Err(_) => answer = None,
        }
    }
    answer
}

/// Why the search failed
pub enum RebuildError {
    /// An index or the remote could not be reached
    Unreachable(Error),
    /// The evidence forbids continuing
    Refused(Error),
}

impl From<Error> for RebuildError {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

fn push_is_done(config: &Config, release: &Release) -> Result<bool, RebuildError> {
    let push: Push = config.settings(PUSH)?;
    push.is_done(release).map_err(RebuildError::Unreachable)
}

impl Rebuild {
    /// The distributions that only a rehearsal index has, without proof that they belong to the release.
    pub fn unproven(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter().filter(|source| !source.is_proven)
    }

    /// Fetches the distributions into `folder` and verifies their sha256.
    ///
    /// # Errors
    /// A file cannot be fetched or has other bytes.
    pub fn gather(&self, folder: &std::path::Path) -> Result<Reconstruction> {
        let mut outputs = self.release.outputs.clone();
        let mut evidence = Vec::new();
        if let (Some(commit), Some(tag)) = (&outputs.commit, &outputs.tag) {
            evidence.push(format!("tag {} ({}) marks commit {commit}", tag.name, tag.object));
        }
        let mut uploaded = Vec::new();
        for source in &self.sources {
            let distribution = source.fetch(folder)?;
            evidence.push(source.to_string());
            for (stage, place, address) in &source.listed {
                uploaded.push((stage.clone(), place.clone(), distribution.clone(), address.clone()));
            }
            outputs.distributions.push(distribution);
        }
        outputs
            .distributions
            .sort_by(|one, other| (one.kind, &one.filename).cmp(&(other.kind, &other.filename)));
        Ok(Reconstruction { stages: self.done.clone(), outputs, evidence, uploaded })
    }
}

/// The release's section of the changelog, if there is one.
fn notes(config: &Config, release: &Release) -> Option<String> {
    let path = config.settings::<Changelog>("changelog").ok()?.path_of(release)?;
    let text = String::from_utf8(release.read(&path)?).ok()?;
    let document = changelog::parse(&path, text).ok()?;
    let of_version = |section: &crate::python::changelog::Section| {
        section.version.as_ref().is_some_and(|version| *version == release.target.version)
    };
    document.versions().into_iter().find(of_version).map(|section| section.body)
}
