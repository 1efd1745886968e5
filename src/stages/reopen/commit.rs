//! Makes the commit that opens the next version, on top of what the branch has meanwhile, and brings it there.

use crate::config::list;
use crate::engine::prelude::*;
use crate::stages::push::push_fenced;
use crate::world::git::{FENCES, Landing, PrivateClone, RefUpdate, Remote, short};

/// How often the commit is made anew because somebody pushed meanwhile
const ATTEMPTS: usize = 3;

/// What opens the next version: of a project, or of the members of a workspace
pub(in crate::stages) trait Cycle {
    /// What the commit has. Before the release (`is_released`) the paths count, not the texts.
    fn changes(&self, release: &Release, is_released: bool) -> Result<Changes>;

    /// The version that the branch states instead of the released one, for messages, if the commit would change it.
    fn moved_on(&self, release: &Release) -> Option<String>;

    /// Where the release was pushed to: the remote and its branch.
    fn remote(&self, release: &Release) -> Result<Option<(Remote, String)>>;
}

/// What the commit has
pub(in crate::stages) struct Changes {
    /// Relative to the release's folder
    pub(in crate::stages) files: Vec<(String, Vec<u8>)>,
    pub(in crate::stages) message: String,
    /// Why there is no file, if so
    pub(in crate::stages) nothing: String,
}

/// Makes the commit, pushes it and brings it to the user's branch; announces that if the effects are inert.
///
/// # Errors
/// The branch has changed in a way that leaves no place for the commit, or git failed.
pub(in crate::stages) fn open(cycle: &dyn Cycle, release: &Release, effects: &mut Effects<'_>) -> Result<()> {
    if !effects.is_live() {
        return plan(cycle, release, effects);
    }
    let place = cycle.remote(release)?;
    let commit = match completed(effects) {
        Some(commit) => Some(commit),
        None => publish(cycle, release, place.as_ref(), effects)?,
    };
    match commit {
        Some(commit) => land(release, &commit, place.as_ref(), effects),
        None => Ok(()),
    }
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

/// Announces what the stage will do.
fn plan(cycle: &dyn Cycle, release: &Release, effects: &mut Effects<'_>) -> Result<()> {
    let changes = cycle.changes(release, false)?;
    if changes.files.is_empty() {
        return effects.skip(&changes.nothing);
    }
    for (path, _) in changes.files {
        effects.announce(Action::Write { path })?;
    }
    effects.announce(Action::Commit { message: changes.message })?;
    if let Some((remote, branch)) = cycle.remote(release)? {
        effects.announce(Action::push(&remote.name, vec![branch]))?;
    }
    effects.announce(Action::land(release.checkout.head.branch.clone(), Vec::new()))
}

/// Makes the commit and pushes it; none if there is nothing to change. If somebody pushes meanwhile, makes it again on
/// top of that.
fn publish(
    cycle: &dyn Cycle,
    release: &Release,
    place: Option<&(Remote, String)>,
    effects: &mut Effects<'_>,
) -> Result<Option<String>> {
    let repository = &release.checkout.repository;
    let base = released_commit(release);
    let Some((remote, branch)) = place else {
        let here = position(release).filter(|here| repository.contains(here, base));
        let shown = release.checkout.head.shown().to_owned();
        let parent = Parent { base, tip: here.unwrap_or_else(|| base.to_owned()), shown, place };
        return commit_on(cycle, release, &parent, effects);
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
            let error = Error::failed(format!("{shown} no longer has the release commit {}", short(base)));
            return Err(error.help(format!("see `git log {} {branch_name}`", remote.name)));
        }
        let parent = Parent { base, tip: tip.clone(), shown: shown.clone(), place };
        let Some(commit) = commit_on(cycle, release, &parent, effects)? else {
            return Ok(None);
        };
        effects.announce(Action::push(&remote.name, vec![branch.clone()]))?;
        let update = RefUpdate { name: branch.clone(), old: Some(tip.clone()), new: Some(commit.clone()) };
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
fn commit_on(
    cycle: &dyn Cycle,
    release: &Release,
    parent: &Parent<'_>,
    effects: &mut Effects<'_>,
) -> Result<Option<String>> {
    let Some(clone) = effects.bench().map(|bench| PrivateClone::at(bench.clone.top())) else {
        return Ok(None);
    };
    let made = commit_in(&clone, (cycle, release), parent, effects);
    clone.check_out(parent.base)?;
    made
}

fn commit_in(
    clone: &PrivateClone,
    (cycle, release): (&dyn Cycle, &Release),
    parent: &Parent<'_>,
    effects: &mut Effects<'_>,
) -> Result<Option<String>> {
    let Parent { base, tip, shown, .. } = parent;
    // An earlier attempt may have been interrupted here.
    clone.check_out(base)?;
    let mut changes = cycle.changes(release, true)?;
    if changes.files.is_empty() {
        effects.skip(&changes.nothing)?;
        return Ok(None);
    }
    let (mut is_in_the_way, mut moves_submodules) = (false, false);
    if tip != base {
        clone.check_out(tip)?;
        if let Some(stated) = cycle.moved_on(release) {
            effects.skip(&format!("{shown} already states {stated}"))?;
            return Ok(None);
        }
        let compare = ["--literal-pathspecs", "diff", "--quiet", "--no-ext-diff", base, tip, "--"];
        let paths = changes.files.iter().map(|(path, _)| path.as_str());
        let compared = clone.git(compare).args(paths).folder(&release.root()).capture()?;
        // The clone has the submodules at the release's commits, and would commit those again.
        let raw = ["diff", "--raw", "--no-renames", "--no-ext-diff", base, tip];
        let is_submodule = |line: &str| line.get(..15).is_some_and(|modes| modes.contains("160000"));
        moves_submodules = clone.git(raw).read()?.lines().any(is_submodule);
        is_in_the_way = moves_submodules || !compared.success();
        match is_in_the_way {
            true => clone.check_out(base)?,
            false => changes = cycle.changes(release, true)?,
        }
    }
    for (path, bytes) in &changes.files {
        effects.write(&release.root(), path, bytes)?;
    }
    let message = changes.message;
    let action = Action::Commit { message: message.clone() };
    let Some(commit) = effects.private(action, |bench| bench.clone.commit(&message))? else {
        return Ok(None);
    };
    clone.send_head(&release.checkout.repository, &[])?;
    if is_in_the_way {
        let paths: Vec<&str> = changes.files.iter().map(|(path, _)| path.as_str()).collect();
        let what = match moves_submodules {
            true => "a submodule".to_owned(),
            false => list(paths),
        };
        let error = Error::failed(format!("{shown} has moved since the release, and {what} changed there"));
        return Err(error.help(parent.by_hand(&commit)));
    }
    Ok(Some(commit))
}

/// Moves the user's branch and working tree forward to the commit.
fn land(
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
