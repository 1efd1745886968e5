//! What bars a prepared release from the remote. An earlier attempt at the release may have pushed it.

use super::{Push, names, tag_refs};
use crate::engine::prelude::*;
use crate::world::git::TagRef;

/// What to do where the branch has moved
pub(super) const PREPARE_AGAIN: &str =
    "prepare the release again, on that commit: `pyrelease prepare`, in CI by a new run of the workflow";

impl Push {
    /// That the remote has another tag, or commits that the release was not prepared with.
    ///
    /// # Errors
    /// The remote cannot be read.
    pub(super) fn obstacle(&self, release: &Release) -> Result<Option<Finding>> {
        let Some(remote) = self.remote(release)? else { return Ok(None) };
        let Some(branch) = self.branch(release, &remote) else { return Ok(None) };
        let repository = &release.checkout.repository;
        let refs = remote.refs(repository, &names(&branch, &tag_refs(release)))?;
        let tags = release.outputs.tags();
        let theirs = |tag: &TagRef| refs.get(&format!("refs/tags/{}", tag.name));
        if let Some(taken) = tags.iter().find(|tag| theirs(tag).is_some_and(|theirs| *theirs != tag.object)) {
            let message = format!("`{}` has a different tag `{}`", remote.name, taken.name);
            let help = "somebody else created it, and it is not replaced: prepare another version";
            return Ok(Some(Finding::error(message).help(help)));
        }
        // An earlier attempt has pushed all of them.
        if !tags.is_empty() && tags.iter().all(|tag| theirs(tag).is_some()) {
            return Ok(None);
        }
        let Some(theirs) = refs.get(&branch) else { return Ok(None) };
        let began = &release.checkout.head.commit;
        let commit = release.outputs.commit.as_ref().unwrap_or(began);
        if [began, commit].contains(&theirs) || repository.contains(began, theirs) {
            return Ok(None);
        }
        if !repository.has(theirs) {
            remote.fetch(repository, &branch)?;
        }
        if repository.contains(theirs, commit) {
            return Ok(None);
        }
        let short = branch.strip_prefix("refs/heads/").unwrap_or(&branch);
        let message =
            format!("`{short}` at `{}` has commits that the release was not prepared with", remote.name);
        Ok(Some(Finding::error(message).help(PREPARE_AGAIN)))
    }
}
