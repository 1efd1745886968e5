//! The branch guard: a release from a branch that is not made for releases is a slip more often than not.

use super::Push;
use crate::config::Config;
use crate::engine::prelude::*;
use crate::stages::target::style_of_names;
use crate::world::git::{DefaultBranch, Remote};

/// What no name of a branch has, and no pattern of ours means
const FORBIDDEN: &[char] = &[' ', '~', '^', ':', '?', '[', '\\'];

/// Refuses a list of branches that no branch could be on.
pub(super) fn check(config: &Config, stage: &str, branches: Option<&[String]>) -> Result<()> {
    let Some(branches) = branches else { return Ok(()) };
    let error = |message: &str, help| {
        Err(config.error(message, config.stage_key(stage, "branches").flatten(), Some(help)))
    };
    if branches.is_empty() {
        return error("`branches` is empty: no branch could release", "remove it for the default rule");
    }
    let is_wrong = |branch: &&String| {
        branch.is_empty()
            || branch.contains(|letter: char| FORBIDDEN.contains(&letter) || letter.is_control())
    };
    match branches.iter().find(is_wrong) {
        None => Ok(()),
        Some(branch) => error(
            &format!("`{}` is not a valid pattern for a branch", branch.escape_debug()),
            "a branch's name, in which `*` stands for any text, such as \"release/*\"",
        ),
    }
}

/// What is to be said of the branch that is to be released: nothing, or a question.
///
/// `target` is the branch of the remote, and `default` the remote's default branch.
pub(super) fn guard(
    push: &Push,
    release: &Release,
    remote: &Remote,
    target: &str,
    default: Option<&DefaultBranch>,
) -> Option<Finding> {
    let head = &release.checkout.head;
    // Of a detached HEAD, the configuration says where it goes.
    let branch = short(head.branch.as_deref().unwrap_or(target));
    let subject = match head.branch {
        Some(_) => format!("`{branch}` is not a release branch"),
        None => format!("HEAD is detached, and `{branch}` is not a release branch"),
    };
    let (why, help) = match (&push.branches, default) {
        (Some(patterns), _) if patterns.iter().any(|pattern| fits(short(pattern), branch)) => return None,
        (Some(patterns), _) => (
            format!("[stage.push] branches = {patterns:?}"),
            format!("switch to a release branch, or add \"{branch}\" to `branches` in [stage.push]"),
        ),
        (None, None) => {
            let message = format!("`{}` names no default branch: any branch may release", remote.name);
            return Some(Finding::detail(message));
        }
        (None, Some(default)) => {
            let default_name = short(&default.name);
            if branch == default_name
                || (head.branch.is_none() && is_made_for_release(release))
                || is_maintenance(release, remote, default)
            {
                return None;
            }
            (
                format!("the default branch of `{}` is `{default_name}`", remote.name),
                format!(
                    "switch to `{default_name}`, or let this branch release: [stage.push] branches = [\"{default_name}\", \
                     \"{branch}\"]"
                ),
            )
        }
    };
    let question = format!("Release from `{}`?", head.shown());
    Some(Finding::error(format!("{subject}: {why}")).help(help).unless_confirmed(question))
}

/// Whether a detached HEAD is where releases are made: at a tag, or in CI, which checks out what it was started for.
fn is_made_for_release(release: &Release) -> bool {
    let (repository, head) = (&release.checkout.repository, &release.checkout.head);
    let tag = repository.nearest_tag(&head.commit, |_| true).ok().flatten();
    release.checkout.environment.is_ci()
        || tag.is_some_and(|tag| repository.tag(&tag).as_deref() == Some(&head.commit))
}

/// Whether the branch has a release that the default branch has not. Without the default branch, nobody can say.
fn is_maintenance(release: &Release, remote: &Remote, default: &DefaultBranch) -> bool {
    let repository = &release.checkout.repository;
    let followed = format!("refs/remotes/{}/{}", remote.name, short(&default.name));
    let theirs = default.commit.clone().filter(|commit| repository.has(commit));
    let Some(theirs) = theirs.or_else(|| repository.reference(&followed)) else { return false };
    let style = style_of_names(release.names());
    let own = repository.nearest_tag_beyond(&release.checkout.head.commit, Some(&theirs), |name| {
        style.version(name).is_some()
    });
    own.is_ok_and(|tag| tag.is_some())
}

fn short(branch: &str) -> &str {
    branch.strip_prefix("refs/heads/").unwrap_or(branch)
}

/// Whether a branch's name is of this form: `*` stands for any text, `/` included, as for `git branch --list`.
///
/// Each part between two `*` takes the first place that it fits, so that no pattern of a stranger's takes long.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    let Some(name) = name.strip_prefix(first).and_then(|name| name.strip_suffix(last)) else { return false };
    let mut left = name;
    middle.split('*').all(|part| left.find(part).map(|at| left = &left[at + part.len()..]).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_fits_whole_names() {
        for (pattern, name, expected) in [
            ("main", "main", true),
            ("main", "mainline", false),
            ("*", "feature/x", true),
            ("release/*", "release/1.x/hotfix", true),
            ("release/*", "release", false),
            ("*.x", "1.5.x", true),
            ("*.x", "1.5.xy", false),
            ("v*-*", "v1-ü", true),
            ("", "main", false),
            ("a*a", "a", false),
            ("a*b*a", "aba", true),
            ("a*b*a", "acca", false),
            ("**", "", true),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }

    /// Tried in every way, this would not end.
    #[test]
    fn a_hostile_pattern_takes_no_time() {
        assert!(!fits(&("a*".repeat(200) + "b"), &"a".repeat(5_000)));
    }
}
