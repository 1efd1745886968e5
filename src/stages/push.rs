//! Pushes the release commit and tag to the remote, atomically.

mod branches;
mod prepared;
mod publishing;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::Config;
use crate::engine::prelude::*;
use crate::world::git::{FENCES, LocalRemote, RefUpdate, Remote, Repository, TagRef, expired_fences};

/// Push the branch and the tag, atomically
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Push {
    /// The remote; by default the one that `git push` would choose
    remote: Option<String>,
    /// The branch at the remote; by default the upstream of the current branch
    branch: Option<String>,
    /// The branches that may release, such as `["main", "release/*"]`. Where this is not set: the remote's default branch, and
    /// any that has a release tag which the default branch does not have
    branches: Option<Vec<String>>,
    /// The public indexes that this release uploads to or waits for
    #[serde(skip)]
    indexes: publishing::PublicIndexes,
}

pub(super) fn make(config: &Config, name: &str) -> Result<Box<dyn Stage>> {
    let mut push: Push = config.settings(name)?;
    branches::check(config, name, push.branches.as_deref())?;
    push.indexes = publishing::PublicIndexes::of(config)?;
    Ok(Box::new(push))
}

impl Push {
    pub(super) fn remote(&self, release: &Release) -> Result<Option<Remote>> {
        Remote::of(&release.checkout.repository, &release.checkout.head, self.remote.as_deref())
    }

    /// The full name of the remote's branch; none if HEAD is detached and none is configured.
    pub(super) fn branch(&self, release: &Release, remote: &Remote) -> Option<String> {
        let checkout = &release.checkout;
        match &self.branch {
            Some(branch) => Some(format!("refs/heads/{branch}")),
            None => {
                checkout.head.branch.as_ref().map(|branch| remote.branch_for(&checkout.repository, branch))
            }
        }
    }
}

impl Push {
    /// Whether the remote has the release's commit and tags, or there is no remote.
    pub(super) fn is_done(&self, release: &Release) -> Result<bool> {
        let Some(remote) = self.remote(release)? else { return Ok(true) };
        let Some(branch) = self.branch(release, &remote) else { return Ok(false) };
        let repository = &release.checkout.repository;
        let tags = tag_refs(release);
        let refs = remote.refs(repository, &names(&branch, &tags))?;
        let commit = release.outputs.commit.as_ref().unwrap_or(&release.checkout.head.commit);
        let has_commit = refs.get(&branch).is_some_and(|theirs| repository.contains(theirs, commit));
        let has_tag = |tag: &TagRef| refs.get(&format!("refs/tags/{}", tag.name)) == Some(&tag.object);
        Ok(has_commit && release.outputs.tags().iter().all(has_tag))
    }
}

impl Stage for Push {
    fn name(&self) -> &str {
        "push"
    }

    fn reach(&self) -> Reach {
        self.indexes.reach()
    }

    fn is_over_once_tagged(&self) -> bool {
        true
    }

    fn reach_in(&self, release: &Release) -> Reach {
        let starts = |remote: Remote| self.starts(release, &remote).is_some();
        let publishes = self.remote(release).ok().flatten().is_some_and(starts);
        if publishes { Reach::Public } else { self.reach() }
    }

    fn preflight(&self, release: &Release) -> Result<Vec<Finding>> {
        let Some(remote) = self.remote(release)? else {
            return Ok(vec![Finding::note("the repository has no remote: nothing will be pushed")]);
        };
        let Some(branch) = self.branch(release, &remote) else {
            return Ok(vec![
                Finding::error("HEAD is detached: there is no branch to push the release commit to")
                    .help("check out a branch, or set one: [stage.push] branch = \"main\""),
            ]);
        };
        let repository = &release.checkout.repository;
        let (fetched, pushed) = remote.addresses(repository)?;
        if pushed != [fetched] {
            let message = format!("`{}` has different URLs for push and fetch", remote.name);
            let help = "its refs cannot be compared before the push: set a remote with one URL for both, \
                        [stage.push] remote = \"NAME\"";
            return Ok(vec![Finding::error(message).help(help)]);
        }
        let head = &release.checkout.head.commit;
        if !Repository::is_valid_name(&branch) {
            return Ok(vec![
                Finding::error(format!("`{branch}` is not a valid branch name"))
                    .help("change `branch` in [stage.push]"),
            ]);
        }
        if let Some(note) = release.not_asked(&remote.name) {
            let is_listed = self.branches.is_some();
            let guarded = is_listed.then(|| branches::guard(self, release, &remote, &branch, None)).flatten();
            return Ok(guarded.into_iter().chain([note]).collect());
        }
        let tags = tag_refs(release);
        // A checkout without credentials cannot read a private remote.
        let (refs, default) = match remote.refs_and_default(repository, &names(&branch, &tags)) {
            Ok(read) => read,
            Err(error) => return Ok(vec![Finding::from(error).about_rights()]),
        };
        let mut findings: Vec<Finding> =
            branches::guard(self, release, &remote, &branch, default.as_ref()).into_iter().collect();
        findings.extend(self.publishing_workflows(release, &remote));
        if let Some(taken) = tags.iter().find(|tag| refs.contains_key(*tag)).filter(|_| self.remote.is_some())
        {
            let tag = taken.trim_start_matches("refs/tags/");
            let message = format!("tag `{tag}` already exists at `{}`", remote.name);
            findings.push(Finding::error(message).help("this version is already released: choose another"));
            return Ok(findings);
        }
        let short = branch.strip_prefix("refs/heads/").unwrap_or(&branch);
        if refs.get(&branch).is_some_and(|theirs| !repository.contains(head, theirs)) {
            let message = format!("`{short}` at `{}` has commits that you do not have", remote.name);
            let help = format!("run `git pull {} {short}`, then release", remote.name);
            findings.push(Finding::error(message).help(help));
            return Ok(findings);
        }
        let is_new = !refs.contains_key(&branch);
        let there = remote.repository(repository);
        findings
            .extend(there.and_then(|there| local_remote_problem(&remote.name, &there, (&branch, is_new))));
        Ok(findings)
    }

    fn preflight_of_prepared(&self, release: &Release) -> Result<Vec<Finding>> {
        Ok(self.obstacle(release)?.into_iter().collect())
    }

    fn run(&self, release: &Release, effects: &mut Effects<'_>) -> Result<Outputs> {
        let Some(remote) = self.remote(release)? else {
            effects.skip("the repository has no remote")?;
            return Ok(Outputs::default());
        };
        let branch = self.branch(release, &remote).ok_or_else(|| Error::failed("HEAD is detached"))?;
        let tags = tag_refs(release);
        let starts = self.starts(release, &remote);
        let reach = if starts.is_some() { Reach::Public } else { Reach::Repository };
        let refs = std::iter::once(&branch).chain(&tags).cloned().collect();
        let action = Action::Push { remote: remote.name.clone(), refs, starts };
        if !effects.is_live() {
            effects.announce(action)?;
            return Ok(Outputs::default());
        }
        let repository = &release.checkout.repository;
        let asked: Vec<&str> = names(&branch, &tags).into_iter().chain([FENCES]).collect();
        let theirs = remote.refs(repository, &asked)?;
        let commit = release.outputs.commit.clone().unwrap_or_else(|| release.checkout.head.commit.clone());
        let mut updates =
            vec![RefUpdate { old: theirs.get(&branch).cloned(), new: Some(commit.clone()), name: branch }];
        for ours in release.outputs.tags() {
            let name = format!("refs/tags/{}", ours.name);
            updates.push(RefUpdate { old: theirs.get(&name).cloned(), new: Some(ours.object), name });
        }
        if let Some(theirs) = updates.iter().skip(1).find(|tag| tag.old.is_some() && tag.old != tag.new) {
            return Err(Error::failed(format!(
                "`{}` already has a different `{}`",
                remote.name, theirs.name
            ))
            .help("somebody else created it, and it is not replaced: release another version"));
        }
        for update in &mut updates {
            if let Some(theirs) = update.old.clone().filter(|_| update.name.starts_with("refs/heads/")) {
                if !repository.has(&theirs) {
                    remote.fetch(repository, &update.name)?;
                }
                // An earlier attempt arrived, and somebody has pushed more commits since.
                if repository.contains(&theirs, &commit) {
                    update.new = Some(theirs);
                }
            }
            let moved = update.old != update.new
                && update.old.as_ref().is_some_and(|old| !repository.contains(&commit, old));
            if moved {
                let help = match release.is_imported() {
                    true => prepared::PREPARE_AGAIN,
                    false => "run `git pull`, then run the release again",
                };
                return Err(Error::failed(format!(
                    "`{}` at `{}` moved since the preflight",
                    update.name, remote.name
                ))
                .help(help));
            }
        }
        let is_there = updates.iter().all(|update| update.old == update.new);
        if is_there && release.is_imported() && adopt_push(release, effects, &remote, (&updates, reach))? {
            return Ok(Outputs::default());
        }
        updates.retain(|update| update.old != update.new);
        if updates.is_empty() {
            let what = if tags.len() == 1 { "the tag" } else { "the tags" };
            effects.skip(&format!("the remote already has the branch and {what}"))?;
            return Ok(Outputs::default());
        }
        effects.announce(action)?;
        push_fenced(effects, &remote, (repository, &updates, reach), &theirs)?;
        Ok(Outputs::default())
    }
}

/// Pushes the updates with a fence, or without one to a remote that rejects fences. `theirs` are the remote's refs, from
/// which the fences of earlier pushes are deleted.
pub(super) fn push_fenced(
    effects: &mut Effects<'_>,
    remote: &Remote,
    (repository, updates, reach): (&Repository, &[RefUpdate], Reach),
    theirs: &BTreeMap<String, String>,
) -> Result<()> {
    let run = effects.run().unwrap_or_default();
    let fence = remote.new_fence(repository, run)?;
    match push(effects, remote, (repository, updates, reach), fence.as_deref()) {
        Err(PushError::Fence) => {
            push(effects, remote, (repository, updates, reach), None).map_err(PushError::into_error)?;
        }
        Err(PushError::Push(error)) => return Err(error),
        Ok(()) => {
            // The push was answered, so the fence is no longer needed.
            let is_compared = fence.is_some();
            let own = fence.zip(updates.iter().find_map(|update| update.new.clone()));
            let fences = expired_fences(theirs).into_iter().chain(own);
            if !remote.delete_fences(repository, fences, updates) && is_compared {
                return Ok(());
            }
        }
    }
    // Only the deletion of a fence compares the refs as well.
    expect_pushed(effects, remote, (repository, updates, reach))
}

/// Refuses to go on if the remote accepted the push and then moved or deleted a ref, as its hooks or rules may. A public
/// push cannot be undone, so there it is a warning. Commits on top of a branch are somebody else's push.
fn expect_pushed(
    effects: &mut Effects<'_>,
    remote: &Remote,
    (repository, updates, reach): (&Repository, &[RefUpdate], Reach),
) -> Result<()> {
    let names: Vec<&str> = updates.iter().map(|update| update.name.as_str()).collect();
    let Ok(theirs) = remote.refs(repository, &names) else { return Ok(()) };
    let is_on_top = |name: &str, theirs: &str, ours: &str| {
        name.starts_with("refs/heads/")
            && (repository.has(theirs) || remote.fetch(repository, name).is_ok())
            && repository.contains(theirs, ours)
    };
    let is_changed = |update: &&RefUpdate| match (theirs.get(&update.name), &update.new) {
        (Some(theirs), Some(ours)) => theirs != ours && !is_on_top(&update.name, theirs, ours),
        (theirs, ours) => theirs != ours.as_ref(),
    };
    let Some(changed) = updates.iter().find(is_changed) else { return Ok(()) };
    let what = if theirs.contains_key(&changed.name) { "moved" } else { "deleted" };
    let message = format!("`{}` accepted the push, and then {what} `{}`", remote.name, changed.name);
    let help = "a hook or a rule of the remote does so: change it there";
    if reach == Reach::Public {
        effects.warn(&message, Some(help));
        return Ok(());
    }
    Err(Error::failed(message).help(help))
}

/// Records the push of an earlier attempt at an imported run as this run's own, so that a failure undoes it, too; returns
/// whether there was one. Nobody else has made this tag: its object is the run's.
fn adopt_push(
    release: &Release,
    effects: &mut Effects<'_>,
    remote: &Remote,
    (there, reach): (&[RefUpdate], Reach),
) -> Result<bool> {
    let (commit, began) = (&release.outputs.commit, &release.checkout.head.commit);
    let [branch, tags @ ..] = there else { return Ok(false) };
    let is_recorded = effects.completed().iter().any(|effect| matches!(effect, Effect::Push { .. }));
    // With later commits on top, the branch is not the run's any more. A lightweight tag is no object of its own.
    let has_none = tags.is_empty() || tags.iter().any(|tag| tag.new == *commit);
    if is_recorded || branch.new != *commit || has_none || commit.as_ref() == Some(began) {
        return Ok(false);
    }
    let before = RefUpdate { old: Some(began.clone()), ..branch.clone() };
    let tags = tags.iter().map(|tag| RefUpdate { old: None, ..tag.clone() });
    let updates = std::iter::once(before).chain(tags).collect();
    let effect = Effect::Push { remote: remote.name.clone(), updates, fence: None, reach };
    effects.attempt(effect, |_| Ok("an earlier attempt at this run has pushed them".to_owned()))?;
    effects.note(&format!("an earlier attempt has pushed them to {}", remote.name));
    Ok(true)
}

/// The full names of the release's tags.
fn tag_refs(release: &Release) -> Vec<String> {
    release.tag_names().map(|tag| format!("refs/tags/{tag}")).collect()
}

/// The names of the refs that are pushed: one question for all of them.
fn names<'a>(branch: &'a str, tags: &'a [String]) -> Vec<&'a str> {
    std::iter::once(branch).chain(tags.iter().map(String::as_str)).collect()
}

/// Why a push failed
enum PushError {
    /// The remote does not accept the fence's ref
    Fence,
    Push(Error),
}

impl PushError {
    fn into_error(self) -> Error {
        match self {
            Self::Fence => Error::failed("the remote refused a ref that was not sent"),
            Self::Push(error) => error,
        }
    }
}

/// Pushes the updates, and with them the fence by which recovery can exclude the push if its reply is lost.
fn push(
    effects: &mut Effects<'_>,
    remote: &Remote,
    (repository, updates, reach): (&Repository, &[RefUpdate], Reach),
    fence: Option<&str>,
) -> Result<(), PushError> {
    let object = updates.iter().find_map(|update| update.new.clone());
    let guard = fence.map(|name| RefUpdate { name: name.to_owned(), old: None, new: object });
    let all: Vec<RefUpdate> = updates.iter().cloned().chain(guard).collect();
    let effect = Effect::Push {
        remote: remote.name.clone(),
        updates: updates.to_vec(),
        fence: fence.map(str::to_owned),
        reach,
    };
    let mut is_fence_refused = false;
    let attempted = effects.attempt(effect, |_| match remote.push(repository, &all) {
        Ok(()) => Ok("pushed".to_owned()),
        Err(error) if error.changed_all(updates) => Ok("pushed, without the fence".to_owned()),
        Err(error) if error.changed_nothing(updates) => {
            is_fence_refused = fence.is_some_and(|fence| error.refuses(fence));
            Err(Attempt::NotDone(Error::failed(error.to_string())))
        }
        // Not every server honours `--atomic`.
        Err(error) if error.is_answered() => Err(Attempt::InPart(Error::failed(error.to_string()))),
        // The connection can break before or after the remote has updated its refs.
        Err(error) => Err(Attempt::InDoubt(Error::failed(error.to_string()))),
    });
    attempted.map_err(|error| if is_fence_refused { PushError::Fence } else { PushError::Push(error) })
}

/// Why a repository on this machine will refuse the push, or refuse to undo it.
fn local_remote_problem(name: &str, there: &LocalRemote, (branch, is_new): (&str, bool)) -> Option<Finding> {
    if there.has_checked_out(branch) {
        let message = format!("`{branch}` is checked out at `{name}`, which therefore refuses pushes to it");
        let help =
            "push to a bare repository, or run `git config receive.denyCurrentBranch updateInstead` there";
        return Some(Finding::error(message).help(help));
    }
    let key = there.refuses_undo(is_new)?;
    let message = format!(
        "a push to `{name}` cannot be undone ({key}): if a later stage fails, the release stays there"
    );
    Some(Finding::warning(message).help("move stages that may fail before `push`"))
}
