//! Sends the release commit and tag to the remote: both or neither.

mod branches;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::Config;
use crate::engine::prelude::*;
use crate::world::git::{FENCES, LocalRemote, RefUpdate, Remote, Repository, expired_fences};

/// Push the branch and the tag, atomically
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Push {
    /// The remote; the one that `git push` would choose where this is not set
    remote: Option<String>,
    /// The branch at the remote; the upstream of the current branch where this is not set
    branch: Option<String>,
    /// The branches that may release, such as `["main", "release/*"]`. Where this is not set: the remote's default branch, and
    /// any that has a release tag which the default branch does not have
    branches: Option<Vec<String>>,
}

pub(super) fn make(config: &Config, name: &str) -> Result<Box<dyn Stage>> {
    let push: Push = config.settings(name)?;
    branches::check(config, name, push.branches.as_deref())?;
    Ok(Box::new(push))
}

impl Push {
    fn remote(&self, release: &Release) -> Result<Option<Remote>> {
        Remote::of(&release.workspace.repository, &release.workspace.head, self.remote.as_deref())
    }

    /// The full name of the remote's branch; none where HEAD is detached and none is configured.
    fn branch(&self, release: &Release, remote: &Remote) -> Option<String> {
        let workspace = &release.workspace;
        match &self.branch {
            Some(branch) => Some(format!("refs/heads/{branch}")),
            None => {
                workspace.head.branch.as_ref().map(|branch| remote.branch_for(&workspace.repository, branch))
            }
        }
    }
}

impl Push {
    /// Whether the remote has the release's commit and tag, or there is no remote.
    pub(super) fn is_done(&self, release: &Release) -> Result<bool> {
        let Some(remote) = self.remote(release)? else { return Ok(true) };
        let Some(branch) = self.branch(release, &remote) else { return Ok(false) };
        let repository = &release.workspace.repository;
        let tag = format!("refs/tags/{}", release.names().tag);
        let refs = remote.refs(repository, &[&branch, &tag])?;
        let commit = release.outputs.commit.as_ref().unwrap_or(&release.workspace.head.commit);
        let has_commit = refs.get(&branch).is_some_and(|theirs| repository.contains(theirs, commit));
        let ours = release.outputs.tag.as_ref().map(|tag| &tag.object);
        Ok(has_commit && (ours.is_none() || refs.get(&tag) == ours))
    }
}

impl Stage for Push {
    fn name(&self) -> &str {
        "push"
    }

    fn reach(&self) -> Reach {
        Reach::Repository
    }

    fn preflight(&self, release: &Release) -> Result<Vec<Finding>> {
        let Some(remote) = self.remote(release)? else {
            return Ok(vec![Finding::note("the repository has no remote: nothing will be pushed")]);
        };
        let Some(branch) = self.branch(release, &remote) else {
            return Ok(vec![
                Finding::error("HEAD is detached: there is no branch to push the release commit to")
                    .help("check out a branch, or say which one: [stage.push] branch = \"main\""),
            ]);
        };
        let repository = &release.workspace.repository;
        let (fetched, pushed) = remote.addresses(repository)?;
        if pushed != [fetched] {
            let message = format!("`{}` is pushed to another address than it is fetched from", remote.name);
            let help = "what it has could not be compared before the push: name a remote with one address for both, \
                        [stage.push] remote = \"NAME\"";
            return Ok(vec![Finding::error(message).help(help)]);
        }
        let head = &release.workspace.head.commit;
        let valid = repository.git(["check-ref-format", &branch]).capture()?.success();
        if !valid {
            return Ok(vec![
                Finding::error(format!("`{branch}` cannot be the name of a branch"))
                    .help("change `branch` in [stage.push]"),
            ]);
        }
        let tag = format!("refs/tags/{}", release.names().tag);
        let (refs, default) = remote.refs_and_default(repository, &[&branch, &tag])?;
        let mut findings: Vec<Finding> =
            branches::guard(self, release, &remote, &branch, default.as_ref()).into_iter().collect();
        if refs.contains_key(&tag) && self.remote.is_some() {
            let message = format!("tag `{}` already exists at `{}`", release.names().tag, remote.name);
            findings.push(Finding::error(message).help("somebody released this version; choose another"));
            return Ok(findings);
        }
        let short = branch.strip_prefix("refs/heads/").unwrap_or(&branch);
        if refs.get(&branch).is_some_and(|theirs| !repository.contains(head, theirs)) {
            let message = format!("`{short}` at `{}` has commits that you do not have", remote.name);
            let help = format!("`git pull {} {short}` first, then release what results", remote.name);
            findings.push(Finding::error(message).help(help));
            return Ok(findings);
        }
        let is_new = !refs.contains_key(&branch);
        let there = remote.repository(repository);
        findings.extend(there.and_then(|there| local_runs(&remote.name, &there, (&branch, is_new))));
        Ok(findings)
    }

    fn run(&self, release: &Release, effects: &mut Effects<'_>) -> Result<Outputs> {
        let Some(remote) = self.remote(release)? else {
            effects.skip("the repository has no remote")?;
            return Ok(Outputs::default());
        };
        let branch = self.branch(release, &remote).ok_or_else(|| Error::failed("HEAD is detached"))?;
        let tag = format!("refs/tags/{}", release.names().tag);
        let action = Action::Push { remote: remote.name.clone(), refs: vec![branch.clone(), tag.clone()] };
        if !effects.is_live() {
            effects.announce(action)?;
            return Ok(Outputs::default());
        }
        let repository = &release.workspace.repository;
        let theirs = remote.refs(repository, &[&branch, &tag, FENCES])?;
        let commit = release.outputs.commit.clone().unwrap_or_else(|| release.workspace.head.commit.clone());
        let mut updates =
            vec![RefUpdate { old: theirs.get(&branch).cloned(), new: Some(commit.clone()), name: branch }];
        if let Some(ours) = &release.outputs.tag {
            updates.push(RefUpdate {
                old: theirs.get(&tag).cloned(),
                new: Some(ours.object.clone()),
                name: tag,
            });
        }
        if let Some(theirs) = updates.iter().skip(1).find(|tag| tag.old.is_some() && tag.old != tag.new) {
            return Err(Error::failed(format!("`{}` has another `{}` already", remote.name, theirs.name))
                .help("somebody else made it; it is not replaced. Release under another version"));
        }
        for update in &mut updates {
            if let Some(theirs) = update.old.clone().filter(|_| update.name.starts_with("refs/heads/")) {
                if !repository.has(&theirs) {
                    remote.fetch(repository, &update.name)?;
                }
                // An earlier attempt arrived, and somebody has gone on from there.
                if repository.contains(&theirs, &commit) {
                    update.new = Some(theirs);
                }
            }
            let moved = update.old != update.new
                && update.old.as_ref().is_some_and(|old| !repository.contains(&commit, old));
            if moved {
                return Err(Error::failed(format!(
                    "`{}` at `{}` moved since the preflight",
                    update.name, remote.name
                ))
                .help("`git pull` what is new there, then run the release again"));
            }
        }
        updates.retain(|update| update.old != update.new);
        if updates.is_empty() {
            effects.skip("the remote has the branch and the tag already")?;
            return Ok(Outputs::default());
        }
        effects.announce(action)?;
        let run = effects.run().unwrap_or_default();
        let fence = remote.new_fence(repository, run)?;
        match push(effects, &remote, (repository, &updates), fence.as_deref()) {
            Err(Refused::Fence) => {
                push(effects, &remote, (repository, &updates), None).map_err(Refused::into_error)?;
            }
            Err(Refused::Push(error)) => return Err(error),
            Ok(()) => {
                // Answered, a push needs nothing that shuts it out.
                let own = fence.zip(updates.iter().find_map(|update| update.new.clone()));
                remote.delete_fences(repository, expired_fences(&theirs).into_iter().chain(own));
            }
        }
        Ok(Outputs::default())
    }
}

/// Why a push did not come about
enum Refused {
    /// The remote takes no such ref as the fence
    Fence,
    Push(Error),
}

impl Refused {
    fn into_error(self) -> Error {
        match self {
            Self::Fence => Error::failed("the remote refused a ref that was not sent"),
            Self::Push(error) => error,
        }
    }
}

/// Pushes the updates, and with them the fence by which recovery can shut the push out if its answer is lost.
fn push(
    effects: &mut Effects<'_>,
    remote: &Remote,
    (repository, updates): (&Repository, &[RefUpdate]),
    fence: Option<&str>,
) -> Result<(), Refused> {
    let object = updates.iter().find_map(|update| update.new.clone());
    let guard = fence.map(|name| RefUpdate { name: name.to_owned(), old: None, new: object });
    let all: Vec<RefUpdate> = updates.iter().cloned().chain(guard).collect();
    let effect = Effect::Push {
        remote: remote.name.clone(),
        updates: updates.to_vec(),
        fence: fence.map(str::to_owned),
    };
    let mut is_fence_refused = false;
    let attempted = effects.attempt(effect, |_| match remote.push(repository, &all) {
        Ok(()) => Ok("pushed".to_owned()),
        Err(error) if error.changed_all(updates) => Ok("pushed, without the fence".to_owned()),
        Err(error) if error.changed_nothing(updates) => {
            is_fence_refused = fence.is_some_and(|fence| error.refuses(fence));
            Err(Attempt::NotDone(Error::failed(error.to_string())))
        }
        // Not every server keeps `--atomic`.
        Err(error) if error.is_answered() => Err(Attempt::InPart(Error::failed(error.to_string()))),
        // A connection can break before or after the remote has moved its refs.
        Err(error) => Err(Attempt::InDoubt(Error::failed(error.to_string()))),
    });
    attempted.map_err(|error| if is_fence_refused { Refused::Fence } else { Refused::Push(error) })
}

/// What a repository on this machine will have against the push, or against its being taken back.
fn local_runs(name: &str, there: &LocalRemote, (branch, is_new): (&str, bool)) -> Option<Finding> {
    if there.has_checked_out(branch) {
        let message = format!("`{branch}` is checked out at `{name}`, which therefore takes no push to it");
        let help = "push to a bare repository, or let that one follow: `git config receive.denyCurrentBranch updateInstead`";
        return Some(Finding::error(message).help(help));
    }
    let key = there.refuses_undo(is_new)?;
    let message = format!(
        "`{name}` lets no push be taken back ({key}): if a later stage fails, the release stays there"
    );
    Some(Finding::warning(message).help("what may fail is better placed before `push`"))
}
