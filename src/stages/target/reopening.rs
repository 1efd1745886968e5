//! What followed the last releases, on the branch's first-parent line.

use std::collections::HashMap;

use super::History;
use crate::engine::checkout::Checkout;
use crate::python::habits::{self, AfterRelease, Learned, Reopening, VersionTag};

/// The most commits that are looked at
const MOST_COMMITS: usize = 2_000;
/// The most releases that are looked for
const MOST_RELEASES: usize = 6;

/// What the project does after its releases, as the history of HEAD tells.
pub(super) fn learned(checkout: &Checkout, history: &History) -> Option<Learned<Reopening>> {
    let repository = &checkout.repository;
    let mut tags: Vec<&VersionTag> = history.tags.iter().filter(|tag| !tag.version.is_prerelease()).collect();
    tags.sort_by(|one, other| other.version.cmp(&one.version));
    let mut marked: HashMap<String, &VersionTag> = tags
        .into_iter()
        .take(MOST_RELEASES)
        .rev()
        .filter_map(|tag| Some((repository.tag(&tag.name)?, tag)))
        .collect();
    let mut after = Vec::new();
    let mut commit = checkout.head.commit.clone();
    for _ in 0..MOST_COMMITS {
        let Some(parent) = repository.first_parent(&commit).filter(|_| !marked.is_empty()) else { break };
        if let Some(tag) = marked.remove(&parent) {
            let record = checkout.record(&commit)?;
            after.push(AfterRelease { tag: tag.clone(), changes: record.changes });
        }
        commit = parent;
    }
    habits::reopening(&after)
}
