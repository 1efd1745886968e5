//! The bump that commits call for.

use crate::python::conventional::Commit;
use crate::python::version::Bump;

/// The bump, and the first line of the commit that decides
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    pub bump: Bump,
    pub subject: String,
}

/// The largest bump, of the newest commit with it.
pub(super) fn largest(commits: &[Commit], bump: impl Fn(&Commit) -> Option<Bump>) -> Option<Suggestion> {
    let mut best: Option<Suggestion> = None;
    for commit in commits {
        let Some(bump) = bump(commit) else { continue };
        if best.as_ref().is_none_or(|best| bump.weight() > best.bump.weight()) {
            let subject = commit.message.lines().next().unwrap_or_default().trim_end().to_owned();
            best = Some(Suggestion { bump, subject });
        }
    }
    best
}
