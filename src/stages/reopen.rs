//! Opens the next version when the release is out: one commit with the next development version and an Unreleased
//! section, on the branch, pushed.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use super::changelog::Changelog;
use super::push::{Push, push_fenced};
use super::version::{self, Version as VersionStage};
use crate::config::{Config, list};
use crate::engine::prelude::*;
use crate::engine::release::Target;
use crate::python::habits::{NextVersion, Part};
use crate::python::project::{Files as _, VersionSource};
use crate::python::version::{Bump, Version};
use crate::world::git::{FENCES, Landing, PrivateClone, RefUpdate, Remote, short};

/// What the commit message knows besides the usual placeholders
const NEXT_VERSION: &str = "next_version";
/// How often the commit is made anew because somebody pushed meanwhile
const ATTEMPTS: usize = 3;

/// Commit the next development version when the release is out, and push it
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Reopen {
    /// The number to count up after a final release: `patch`, `minor` or `major`; by default as after earlier releases, or
    /// else `patch`
    version: Option<Part>,
    /// What follows the numbers; by default as after earlier releases, or else `.dev0`
    marker: Option<String>,
    /// Whether to bump the version after a pre-release too: 1.1.0rc1 to 1.1.0rc2.dev0
    prereleases: bool,
    /// Whether to add an Unreleased section to a changelog that has none; by default as after earlier releases, or else
    /// true
    changelog: Option<bool>,
    /// Message of the commit; `{next_version}` is the next version; by default `Start {next_version}`
    #[serde(deserialize_with = "commit_message")]
    commit_message: Option<Template>,
}

fn commit_message<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Template>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Template::with_more(text, &[NEXT_VERSION]).map(Some).map_err(serde::de::Error::custom)
}

impl Reopen {
    /// Whether the configuration says how to bump the version.
    pub(super) fn is_configured(&self) -> bool {
        self.version.is_some() || self.marker.is_some()
    }
}

/// The stage: its settings, and those of the stages whose work it continues
struct NextCycle {
    settings: Reopen,
    version: VersionStage,
    changelog: Changelog,
    /// Whether the release bumps the version
    bumps: bool,
    /// Whether the release promotes the changelog
    promotes: bool,
    /// None if the release is not pushed
    push: Option<Push>,
}

pub(super) fn make(config: &Config, name: &str) -> Result<Box<dyn Stage>> {
    let settings: Reopen = config.settings(name)?;
    if let Some(marker) = &settings.marker {
        let part = settings.version.unwrap_or_default();
        let any: Version = "1.0.0".parse().map_err(|_| Error::failed("1.0.0 is not a valid version"))?;
        NextVersion { part, marker: marker.clone() }.after(&any).map_err(|error| {
            let span = config.stage_key(name, "marker").flatten();
            let help = "set a suffix of a development version, such as \".dev0\"";
            config.error(
                &format!("`{}` is not a valid marker: {error}", marker.escape_debug()),
                span,
                Some(help),
            )
        })?;
    }
    let lists = |name: &str| config.stages().iter().any(|stage| stage.value == name);
    Ok(Box::new(NextCycle {
        settings,
        version: config.settings("version")?,
        changelog: config.settings("changelog")?,
        bumps: lists("version"),
        promotes: lists("changelog"),
        push: lists("push").then(|| config.settings("push")).transpose()?,
    }))
}

/// The advice to add this stage, if earlier releases were followed by such a commit.
pub fn advice(config: &Config, target: &Target) -> Option<Finding> {
    let learned = target.conventions.reopening.as_ref()?;
    if config.stages().iter().any(|stage| stage.value == "reopen") {
        return None;
    }
    let what = match &learned.value.version {
        Some(next) => format!("set the next {} version", next.part.name()),
        None => "added an Unreleased section".to_owned(),
    };
    let message = format!("the commits after the last releases {what}, {}", learned.reason);
    Some(Finding::note(message).help("add `reopen` to `stages` to have that done"))
}

/// The version after the release
struct Next {
    version: Version,
    /// Why the project does not state it, if so
    unwritten: Option<String>,
}

/// The commit to make, and on what
struct Parent<'a> {
    /// The release commit
    base: &'a str,
    /// The branch's last commit: the release commit, or later ones of others
    tip: String,
    /// The branch, for messages
    shown: String,
    /// Where the commit goes; none if it stays here
    place: Option<&'a (Remote, String)>,
}

impl Parent<'_> {
    /// What the user can do instead of the stage, once the commit is made.
    fn by_hand(&self, commit: &str) -> String {
        let commit = short(commit);
        match self.place {
            None => format!("to do it by hand: `git cherry-pick {commit}`"),
            Some((remote, branch)) => {
                let (remote, branch) = (&remote.name, short_name(branch));
                format!(
                    "to do it by hand: `git pull {remote} {branch}`, `git cherry-pick {commit}`, `git push {remote} \
                     HEAD:{branch}`"
                )
            }
        }
    }
}

/// A branch's name without its folder of refs.
fn short_name(branch: &str) -> &str {
    branch.strip_prefix("refs/heads/").unwrap_or(branch)
}

impl NextCycle {
    fn next(&self, release: &Release) -> Result<Next> {
        let target = &release.target;
        let released = &target.version;
        let habit = target.conventions.reopening.as_ref();
        let learned = habit.and_then(|habit| habit.value.version.clone());
        let learned = learned.unwrap_or(NextVersion { part: Part::default(), marker: ".dev0".to_owned() });
        let marker = self.settings.marker.clone().unwrap_or(learned.marker);
        let invalid = |error: String| Error::refused(error).help("change `marker` in [stage.reopen]");
        let version = match released.is_prerelease() {
            true if !self.settings.prereleases => Bump::Release.apply(released)?,
            true if released.dev().is_some() => Bump::Dev.apply(released)?,
            true => {
                let text = format!("{}{marker}", Bump::Dev.apply(released)?.without_dev());
                text.parse().map_err(|_| invalid(format!("`{text}` is not a valid version")))?
            }
            false => {
                let part = self.settings.version.unwrap_or(learned.part);
                NextVersion { part, marker }.after(released).map_err(invalid)?
            }
        };
        let unwritten = match &target.project.version {
            VersionSource::Vcs { tool } => Some(format!("{tool} takes the version from tags")),
            _ if released.is_prerelease() && !self.settings.prereleases => {
                Some(format!("{released} is a pre-release"))
            }
            _ => habit
                .filter(|habit| habit.value.version.is_none())
                .map(|habit| format!("the last releases were followed by no bump, {}", habit.reason)),
        };
        Ok(Next { version, unwritten })
    }

    /// The files to write, relative to the project. Before the release (`is_released`) their paths count, not their texts.
    fn files(&self, release: &Release, next: &Next, is_released: bool) -> Result<Vec<(String, Vec<u8>)>> {
        let target = &release.target;
        let stated = if is_released { &target.version } else { &target.previous };
        let mut files = Vec::new();
        if next.unwritten.is_none() {
            let learned = target.conventions.lines.iter().filter_map(|line| {
                let to = line.for_development(&target.previous, &target.version, &next.version)?;
                let from = if is_released { line.to.clone() } else { line.from.clone() };
                Some(version::learned(line, from, to))
            });
            files = self.version.written((release, target), (stated, &next.version), learned)?;
            files.retain(|(path, bytes)| release.read(path).as_ref() != Some(bytes));
        }
        files.extend(self.unreleased(release, &next.version, is_released));
        Ok(files)
    }

    /// The changelog with an Unreleased section, if the release leaves none.
    fn unreleased(&self, release: &Release, next: &Version, is_released: bool) -> Option<(String, Vec<u8>)> {
        let learned = release.target.conventions.reopening.as_ref().map(|one| one.value.changelog);
        // A tool that generates the changelog leaves no such section.
        let usual = || self.changelog.generator_of(release).is_none();
        let is_wanted = self.settings.changelog.or(learned).unwrap_or_else(usual);
        is_wanted.then(|| self.changelog.reopened(release, next, self.promotes && !is_released))?
    }

    fn message(&self, release: &Release, next: &Next) -> String {
        let usual = match next.unwritten {
            None => "Start {next_version}",
            Some(_) => "Start development after {version}",
        };
        let usual = || Template::with_more(usual, &[NEXT_VERSION]).expect("known placeholders only");
        let template = self.settings.commit_message.clone().unwrap_or_else(usual);
        template.render_with(release.names(), &[(NEXT_VERSION, &next.version.to_string())])
    }

    /// Where the release was pushed to: the remote and its branch.
    fn remote(&self, release: &Release) -> Result<Option<(Remote, String)>> {
        let Some(push) = &self.push else { return Ok(None) };
        let Some(remote) = push.remote(release)? else { return Ok(None) };
        Ok(push.branch(release, &remote).map(|branch| (remote, branch)))
    }

    /// Announces what the stage will do.
    fn plan(&self, release: &Release, next: &Next, effects: &mut Effects<'_>) -> Result<()> {
        let files = self.files(release, next, false)?;
        if files.is_empty() {
            return effects.skip(&nothing(release, next));
        }
        for (path, _) in files {
            effects.announce(Action::Write { path })?;
        }
        effects.announce(Action::Commit { message: self.message(release, next) })?;
        if let Some((remote, branch)) = self.remote(release)? {
            effects.announce(Action::push(&remote.name, vec![branch]))?;
        }
        effects.announce(Action::land(release.checkout.head.branch.clone(), Vec::new()))
    }

    /// Makes the commit and pushes it; none if there is nothing to change. If somebody pushes meanwhile, makes it again on
    /// top of that.
    fn publish(
        &self,
        release: &Release,
        next: &Next,
        place: Option<&(Remote, String)>,
        effects: &mut Effects<'_>,
    ) -> Result<Option<String>> {
        let repository = &release.checkout.repository;
        let base = released_commit(release);
        let Some((remote, branch)) = place else {
            let here = position(release).filter(|here| repository.contains(here, base));
            let shown = release.checkout.head.shown().to_owned();
            let parent = Parent { base, tip: here.unwrap_or_else(|| base.to_owned()), shown, place };
            return self.commit(release, next, &parent, effects);
        };
        let branch_name = short_name(branch);
        let mut attempts = ATTEMPTS;
        loop {
            attempts -= 1;
            let theirs = remote.refs(repository, &[branch, FENCES])?;
            let shown = format!("`{branch_name}` at `{}`", remote.name);
            let Some(tip) = theirs.get(branch).cloned() else {
                return Err(Error::failed(format!("{shown} is gone")));
            };
            if !repository.has(&tip) {
                remote.fetch(repository, branch)?;
            }
            if !repository.contains(&tip, base) {
                let error =
                    Error::failed(format!("{shown} no longer has the release commit {}", short(base)));
                return Err(error.help(format!("see `git log {} {branch_name}`", remote.name)));
            }
            let parent = Parent { base, tip: tip.clone(), shown: shown.clone(), place };
            let Some(commit) = self.commit(release, next, &parent, effects)? else {
                return Ok(None);
            };
            effects.announce(Action::push(&remote.name, vec![branch.clone()]))?;
            let update =
                RefUpdate { name: branch.clone(), old: Some(tip.clone()), new: Some(commit.clone()) };
            let updates = [update];
            let Err(error) = push_fenced(effects, remote, (repository, &updates, Reach::Repository), &theirs)
            else {
                return Ok(Some(commit));
            };
            effects.check_interrupt()?;
            let now = remote.refs(repository, &[branch]).ok().and_then(|refs| refs.get(branch).cloned());
            if now.as_ref() == Some(&commit) {
                // The answer was lost.
                let (remote, updates) = (remote.name.clone(), updates.to_vec());
                let effect = Effect::Push { remote, updates, fence: None, reach: Reach::Repository };
                effects.attempt(effect, |_| Ok("found there".to_owned()))?;
                return Ok(Some(commit));
            }
            if attempts == 0 || now.is_none_or(|now| now == tip) {
                let failed = Error::failed(format!("{shown} was not updated: {}", error.chain()));
                return Err(failed.help(parent.by_hand(&commit)));
            }
        }
    }

    /// Makes the commit in the run's clone, and brings it to the repository; none if there is nothing to change.
    /// The clone then has the release commit again, for later stages.
    fn commit(
        &self,
        release: &Release,
        next: &Next,
        parent: &Parent<'_>,
        effects: &mut Effects<'_>,
    ) -> Result<Option<String>> {
        let Some(clone) = effects.bench().map(|bench| PrivateClone::at(bench.clone.top())) else {
            return Ok(None);
        };
        let made = self.commit_in(&clone, release, next, parent, effects);
        clone.check_out(parent.base)?;
        made
    }

    fn commit_in(
        &self,
        clone: &PrivateClone,
        release: &Release,
        next: &Next,
        parent: &Parent<'_>,
        effects: &mut Effects<'_>,
    ) -> Result<Option<String>> {
        let Parent { base, tip, shown, .. } = parent;
        // An earlier attempt may have been interrupted here.
        clone.check_out(base)?;
        let mut files = self.files(release, next, true)?;
        if files.is_empty() {
            effects.skip(&nothing(release, next))?;
            return Ok(None);
        }
        let (mut is_in_the_way, mut moves_submodules) = (false, false);
        if tip != base {
            clone.check_out(tip)?;
            if let Ok(stated) = self.version.current(release, &release.target.project)
                && next.unwritten.is_none()
                && stated != release.target.version
            {
                effects.skip(&format!("{shown} already states {stated}"))?;
                return Ok(None);
            }
            let compare = ["--literal-pathspecs", "diff", "--quiet", "--no-ext-diff", base, tip, "--"];
            let paths = files.iter().map(|(path, _)| path.as_str());
            let compared = clone.git(compare).args(paths).folder(&release.root()).capture()?;
            // The clone has the submodules at the release's commits, and would commit those again.
            let raw = ["diff", "--raw", "--no-renames", "--no-ext-diff", base, tip];
            let is_submodule = |line: &str| line.get(..15).is_some_and(|modes| modes.contains("160000"));
            moves_submodules = clone.git(raw).read()?.lines().any(is_submodule);
            is_in_the_way = moves_submodules || !compared.success();
            match is_in_the_way {
                true => clone.check_out(base)?,
                false => files = self.files(release, next, true)?,
            }
        }
        for (path, bytes) in &files {
            effects.write(&release.root(), path, bytes)?;
        }
        let message = self.message(release, next);
        let action = Action::Commit { message: message.clone() };
        let Some(commit) = effects.private(action, |bench| bench.clone.commit(&message))? else {
            return Ok(None);
        };
        clone.send_head(&release.checkout.repository, &[])?;
        if is_in_the_way {
            let paths: Vec<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
            let what = match moves_submodules {
                true => "a submodule".to_owned(),
                false => list(paths),
            };
            let error =
                Error::failed(format!("{shown} has moved since the release, and {what} changed there"));
            return Err(error.help(parent.by_hand(&commit)));
        }
        Ok(Some(commit))
    }

    /// Moves the user's branch and working tree forward to the commit.
    fn land(
        &self,
        release: &Release,
        commit: &str,
        place: Option<&(Remote, String)>,
        effects: &mut Effects<'_>,
    ) -> Result<()> {
        let checkout = &release.checkout;
        let (repository, head) = (&checkout.repository, &checkout.head);
        let here = position(release);
        if here.as_ref().is_some_and(|here| repository.contains(here, commit)) {
            return effects.skip(&format!("{} already has {}", head.shown(), short(commit)));
        }
        let by_hand = match place {
            Some((remote, branch)) => format!("git pull {} {}", remote.name, short_name(branch)),
            None => format!("git cherry-pick {}", short(commit)),
        };
        let by_hand = format!("commit or stash your edits, then run `{by_hand}`");
        let Some(old) = here.filter(|here| repository.contains(commit, here)) else {
            let message = format!("{} has moved since the release: it stays as it is", head.shown());
            return Err(Error::failed(message).help(by_hand));
        };
        let landing = Landing {
            branch: head.branch.clone(),
            old,
            new: commit.to_owned(),
            tags: Vec::new(),
            head: head.branch.is_none().then(|| repository.head_name()),
        };
        effects.announce(Action::land(head.branch.clone(), Vec::new()))?;
        let landed = effects.attempt(Effect::Land { landing: landing.clone() }, |effects| {
            let bench = effects.bench().ok_or_else(|| Attempt::NotDone(Error::failed("there is no run")))?;
            landing.land(repository, bench.clone).map(|()| commit.to_owned()).map_err(|error| {
                match landing.is_absent(repository) {
                    true => Attempt::NotDone(error),
                    false => Attempt::InDoubt(error),
                }
            })
        });
        landed.map_err(|error| {
            let message = format!("{} stays at the release: {}", head.shown(), error.chain());
            Error::failed(message).with_kind(error.kind()).help(by_hand)
        })
    }
}

/// The reason why there is nothing to change.
fn nothing(release: &Release, next: &Next) -> String {
    next.unwritten.clone().unwrap_or_else(|| format!("nothing states {}", release.target.version))
}

fn released_commit(release: &Release) -> &str {
    release.outputs.commit.as_deref().unwrap_or(&release.checkout.head.commit)
}

/// Where the user's branch is now, or the detached HEAD.
fn position(release: &Release) -> Option<String> {
    let repository = &release.checkout.repository;
    match &release.checkout.head.branch {
        Some(branch) => repository.reference(branch),
        None => repository.head().ok().filter(|head| head.branch.is_none()).map(|head| head.commit),
    }
}

/// The commit of an earlier attempt at the stage that was pushed, or landed.
fn completed(effects: &Effects<'_>) -> Option<String> {
    effects.completed().into_iter().find_map(|effect| match effect {
        Effect::Push { updates, .. } => updates.into_iter().find_map(|update| update.new),
        Effect::Land { landing } => Some(landing.new),
        _ => None,
    })
}

impl Stage for NextCycle {
    fn name(&self) -> &str {
        "reopen"
    }

    fn is_over_once_tagged(&self) -> bool {
        true
    }

    fn reach(&self) -> Reach {
        Reach::FollowUp
    }

    fn preflight(&self, release: &Release) -> Result<Vec<Finding>> {
        let next = self.next(release)?;
        let mut files = self.files(release, &next, false)?;
        if self.bumps && release.target.version != release.target.previous {
            // `version` has checked the others.
            files = self.unreleased(release, &next.version, false).into_iter().collect();
        }
        release.checkout.edits_in_the_way(files.iter().map(|(path, _)| path.as_str()))
    }

    fn run(&self, release: &Release, effects: &mut Effects<'_>) -> Result<Outputs> {
        let next = self.next(release)?;
        if !effects.is_live() {
            self.plan(release, &next, effects)?;
            return Ok(Outputs::default());
        }
        let place = self.remote(release)?;
        let commit = match completed(effects) {
            Some(commit) => Some(commit),
            None => self.publish(release, &next, place.as_ref(), effects)?,
        };
        if let Some(commit) = commit {
            self.land(release, &commit, place.as_ref(), effects)?;
        }
        Ok(Outputs::default())
    }
}
