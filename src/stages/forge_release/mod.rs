//! Makes a release on the forge: a draft with the notes and the distributions while everything can still be undone,
//! published when the release is out.
//!
//! The stage is listed once, before the first upload to a public index. It is two stages in the pipeline: [`Draft`] at its
//! place, and [`Publication`] after all stages that publish. GitLab has no drafts: there the files go to a generic package
//! first, and the release is created at the end.
//!
//! A stage that waits for a workflow is different: the release may be what starts the workflow, so that [`Publication`] comes
//! before it, and publishes for good.

mod draft;
mod publication;
mod started;

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::push::Push;
use super::workflows::{Awaited, Start, Starter, awaited, of_forge_release, uploading};
use crate::config::Config;
use crate::engine::model::ForgeEffect;
use crate::engine::prelude::*;
use crate::python::settings::glob;
use crate::world::forge::{
    Asset, Failure, Forge, ForgeAddress, ForgeChange, ForgeKind, ForgeRelease, ForgeSettings, MARK, Token,
    digest_of,
};
use crate::world::git::Remote;

pub(super) use draft::Draft;
pub(super) use publication::{PUBLICATION, Publication};

pub(super) const NAME: &str = "forge-release";
/// In `assets`: the files that the release built
const DISTRIBUTIONS: &str = "distributions";
/// The most characters of notes: GitHub takes 125 000, with the mark of a draft
const LONGEST_NOTES: usize = 124_000;

/// Make a release with the notes and the distributions on GitHub, GitLab, Gitea or Forgejo
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Settings {
    /// The forge: `github`, `gitlab`, or `gitea` for Gitea and Forgejo; by default by the host of the remote
    forge: Option<ForgeKind>,
    /// The URL of the forge's pages; by default by the URL of the remote
    url: Option<String>,
    /// The repository on the forge, `owner/name`; by default by the URL of the remote
    repository: Option<String>,
    /// Whether to leave the release as a draft, for a person to publish
    draft: bool,
    /// Whether it is marked as a pre-release; by default if its version is one
    prerelease: Option<bool>,
    /// The files to attach: `distributions`, paths in the project, and patterns of committed files; by default
    /// `["distributions"]`
    assets: Option<Vec<String>>,
    /// The title; by default `{name} {version}`
    title: Option<Template>,
}

impl Settings {
    /// Whether the release is marked as a pre-release.
    pub(super) fn is_prerelease(&self, release: &Release) -> bool {
        self.prerelease.unwrap_or_else(|| release.target.version.is_prerelease())
    }

    /// Whether it stays a draft, which starts no workflow.
    pub(super) fn stays_draft(&self) -> bool {
        self.draft
    }
}

/// What both stages know
pub(super) struct Shared {
    settings: Settings,
    push: Push,
    /// The stages that wait for a workflow, after the release is published
    awaited: Vec<Awaited>,
    /// The stages that upload to a public index, each with its upload URL
    uploads: Vec<(String, String)>,
}

/// A file to attach, and where it is
type AssetFile = (Asset, PathBuf);

pub(super) fn make(config: &Config, _: &str) -> Result<Box<dyn Stage>> {
    Ok(Box::new(Draft(Shared::read(config)?)))
}

/// The stage that publishes what the first one drafted.
pub(super) fn publication(config: &Config) -> Result<Box<dyn Stage>> {
    Ok(Box::new(Publication(Shared::read(config)?)))
}

/// Puts the publication at its place: before the first stage that waits for a workflow, else after all that publish.
pub(super) fn insert(stages: &mut Vec<Box<dyn Stage>>, publication: Box<dyn Stage>) {
    let by_workflow = |stage: &dyn Stage| stage.destination().is_some_and(|place| place.by_workflow);
    let waits = stages.iter().position(|stage| stage.reach() == Reach::Public && by_workflow(&**stage));
    let at = waits.or_else(|| stages.iter().position(|stage| stage.reach() == Reach::FollowUp));
    stages.insert(at.unwrap_or(stages.len()), publication);
}

/// Where releases go: the remote, its branch, and the forge that it is on
pub struct ReleasePlace {
    pub remote: Remote,
    /// The full name of the branch
    pub branch: String,
    pub forge: ForgeAddress,
}

/// Where the releases of a project go, by the settings of `push` and `forge-release`.
///
/// # Errors
/// There is no remote or no branch, or its forge is not known.
pub fn release_place(config: &Config, release: &Release) -> Result<ReleasePlace> {
    let shared = Shared::read(config)?;
    let (remote, forge) = shared.place(release)?;
    let branch = shared.push.branch(release, &remote).ok_or_else(|| {
        Error::refused("HEAD is detached: there is no branch that the release is for")
            .help("check out a branch, or set one: [stage.push] branch = \"main\"")
    })?;
    Ok(ReleasePlace { remote, branch, forge })
}

impl Shared {
    fn read(config: &Config) -> Result<Self> {
        let settings: Settings = config.settings(NAME)?;
        for path in settings.assets.iter().flatten().filter(|path| *path != DISTRIBUTIONS) {
            config.check_inside(path, config.stage_place(NAME, &["assets"], false))?;
        }
        let mut awaited = awaited(config)?;
        awaited.retain(|stage| stage.forge.is_some());
        Ok(Self { settings, push: config.settings("push")?, awaited, uploads: uploading(config) })
    }

    /// The workflow that the release starts and that a stage waits for, if the push of the tag does not start it.
    fn starts(&self, release: &Release) -> Option<Start> {
        of_forge_release(&self.awaited, release)
    }

    /// Whether the release must not be a draft before it is published, because its workflow starts for no such release.
    fn is_direct(&self, release: &Release) -> bool {
        self.starts(release).is_some_and(|start| start.starter == Starter::Release)
    }

    /// The effect of a change on the forge.
    fn effect(&self, forge: &ForgeAddress, change: ForgeChange) -> Effect {
        let publishes = change.is_public() && !self.awaited.is_empty();
        Effect::Forge(Box::new(ForgeEffect { forge: forge.clone(), change, publishes }))
    }

    /// The remote that the release is pushed to, and what it is on its forge.
    fn place(&self, release: &Release) -> Result<(Remote, ForgeAddress)> {
        let Some(remote) = self.push.remote(release)? else {
            return Err(Error::refused("the repository has no remote, so there is no forge to release on")
                .help("add one with `git remote add origin URL`"));
        };
        let (url, _) = remote.addresses(&release.checkout.repository)?;
        let Settings { forge, url: base, repository, .. } = &self.settings;
        let settings =
            ForgeSettings { kind: *forge, url: base.as_deref(), repository: repository.as_deref() };
        let address = ForgeAddress::of_remote(&url, settings)?;
        Ok((remote, address))
    }

    fn token(release: &Release, address: &ForgeAddress) -> Result<Token> {
        let environment = &release.checkout.environment;
        Token::find(address, environment, &release.checkout.root()).ok_or_else(|| {
            Error::refused(format!("there is no token for {}", address.host))
                .help(Token::advice(address, environment))
        })
    }

    fn title(&self, release: &Release) -> String {
        let usual = || Template::new("{name} {version}").expect("known placeholders only");
        self.settings.title.clone().unwrap_or_else(usual).render(release.names())
    }

    /// The files to attach, by name.
    fn assets(&self, release: &Release, effects: &Effects<'_>) -> Result<Vec<AssetFile>> {
        let usual = [DISTRIBUTIONS.to_owned()];
        let mut files: Vec<AssetFile> = Vec::new();
        for pattern in self.settings.assets.as_deref().unwrap_or(&usual) {
            if pattern == DISTRIBUTIONS {
                files.extend(release.outputs.distributions.iter().map(|file| {
                    let (filename, sha256) = (file.filename.clone(), file.sha256.clone());
                    (Asset { filename, size: file.size, sha256 }, file.path.clone())
                }));
                continue;
            }
            let Some(bench) = effects.bench() else { continue };
            for path in named(release, pattern)? {
                let file = bench.file(&release.root(), &path)?;
                let filename = path.rsplit('/').next().unwrap_or_default().to_owned();
                let (sha256, size) = crate::world::sha256(&file)?;
                files.push((Asset { filename, size, sha256 }, file));
            }
        }
        files.sort_by(|(one, _), (other, _)| one.filename.cmp(&other.filename));
        files.dedup_by(|(one, _), (other, _)| one == other);
        let twice = files.windows(2).find(|pair| pair[0].0.filename == pair[1].0.filename);
        match twice {
            Some(pair) => {
                let error =
                    Error::failed(format!("two files in `assets` are named `{}`", pair[0].0.filename));
                Err(error.help("a release has one file of a name: change `assets` in [stage.forge-release]"))
            }
            None => Ok(files),
        }
    }
}

/// A release on the forge that files are attached to, and how it was made
struct Attached<'a> {
    there: &'a ForgeRelease,
    tag: &'a str,
    title: &'a str,
    /// The digest of its text
    text: &'a str,
    mark: &'a str,
}

impl Shared {
    /// Attaches the files to a draft, or to a release that never was one.
    fn attach(
        &self,
        to: &Attached<'_>,
        files: &[AssetFile],
        (release, effects): (&Release, &mut Effects<'_>),
        (address, token): (&ForgeAddress, &Token),
    ) -> Result<()> {
        let is_published = !to.there.is_draft;
        for (file, path) in files {
            let change = ForgeChange::Asset {
                tag: to.tag.to_owned(),
                title: to.title.to_owned(),
                text: to.text.to_owned(),
                mark: to.mark.to_owned(),
                file: file.clone(),
                is_published,
            };
            let (at, what) = (address.to_string(), change.to_string());
            effects.announce(Action::Forge { at, what, publishes: is_published, starts: None })?;
            effects.attempt(self.effect(address, change), |effects| {
                let upload = |forge: &Forge<'_>| forge.upload_asset(to.there, file, path);
                let name = on_forge((release, effects), (address, token), upload).map_err(attempted)?;
                if name != file.filename {
                    effects.note(&format!("{} renamed {} to {name}", address.kind, file.filename));
                }
                Ok(name)
            })?;
        }
        Ok(())
    }
}

/// The paths that an entry of `assets` names: a pattern those of committed files, a path itself.
fn named(release: &Release, pattern: &str) -> Result<Vec<String>> {
    if !glob::is_pattern(pattern) {
        return Ok(vec![pattern.to_owned()]);
    }
    let paths = glob::matching(release, pattern);
    match paths.is_empty() {
        true => Err(Error::failed(format!("no committed file matches `{pattern}` in `assets`"))
            .help("change `assets` in [stage.forge-release]")),
        false => Ok(paths),
    }
}

/// The release's text, and the same with the mark that finds its draft again.
struct Text {
    published: String,
    drafted: String,
    mark: String,
}

impl Text {
    /// The text of the release's notes; without notes, `kept`, which is that of a draft that the run takes over.
    fn of(release: &Release, effects: &Effects<'_>, kept: &str) -> Self {
        let notes = release.outputs.notes.as_deref().filter(|notes| !notes.trim().is_empty()).unwrap_or(kept);
        let published = match notes.char_indices().nth(LONGEST_NOTES) {
            Some((end, _)) => {
                effects.warn(&format!("the release notes were cut after {LONGEST_NOTES} characters"), None);
                let whole = notes[..end].rfind('\n').unwrap_or(end);
                format!("{}\n\n…", &notes[..whole])
            }
            None => notes.to_owned(),
        };
        let mark = mark_of(release);
        Self { drafted: format!("{published}\n\n{mark}"), published, mark }
    }
}

/// The mark that finds the release's draft again. Another run of the same release, which continues this one elsewhere, knows
/// it, too.
fn mark_of(release: &Release) -> String {
    let tag = release.outputs.tag.as_ref().map(|tag| tag.object.as_str());
    let id = tag.or(release.outputs.commit.as_deref()).unwrap_or(&release.checkout.head.commit);
    format!("{MARK}{id} -->")
}

/// What became of an attempt, by the forge's answer.
fn attempted(failure: Failure) -> Attempt {
    match failure.in_doubt {
        true => Attempt::InDoubt(failure.error),
        false => Attempt::NotDone(failure.error),
    }
}

/// Does something on the forge, and lets the user know what it waits for.
fn on_forge<T>(
    (release, effects): (&Release, &Effects<'_>),
    (address, token): (&ForgeAddress, &Token),
    ask: impl FnOnce(&Forge<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let tell = |message: &str| effects.note(message);
    let forge = Forge::new(address, token, &release.checkout.environment, &tell).map_err(Failure::refused)?;
    ask(&forge)
}
