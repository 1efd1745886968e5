//! Updates the index and the working tree to match the refs, without losing local edits.

use super::Repository;
use super::partial_checkout::PartialCheckout;
use crate::error::{Error, Result};
use crate::world::process::ProcessError;

/// Moves the index and the working tree from one commit to another. Keeps the `--assume-unchanged` flags that the user
/// set.
pub(super) fn update_worktree(shown: &Repository, from: &str, to: &str) -> Result<()> {
    let marked = shown.assumed_unchanged()?;
    read_tree(shown, &[], from, to)?;
    if marked.is_empty() {
        return Ok(());
    }
    let left = shown.assumed_unchanged()?;
    let lost: Vec<u8> = marked.into_iter().filter(|path| !left.contains(path)).flatten().collect();
    if !lost.is_empty() {
        let mark = shown.git(["update-index", "-z", "--assume-unchanged", "--stdin"]).input(lost);
        shown.read_on_index(&mark)?;
    }
    Ok(())
}

/// Runs `git read-tree` on a refreshed index; with `-n` among the options it only checks whether the move is possible.
pub(super) fn read_tree(shown: &Repository, options: &[&str], from: &str, to: &str) -> Result<()> {
    let command = shown.git(["read-tree", "-m", "-u"]).args(options).args([from, to]);
    let mut read = shown.read_on_index(&command);
    let is_blocked = |error: &ProcessError| shown.lock_help(error).is_none();
    if read.as_ref().is_err_and(is_blocked) {
        // A file may have been touched meanwhile.
        refresh(shown)?;
        read = shown.read_on_index(&command);
    }
    if read.as_ref().is_err_and(is_blocked) && options.is_empty() {
        let partial = PartialCheckout::clear(shown, from, to)?;
        if !partial.is_empty() {
            read = shown.read_on_index(&command);
            partial.restore()?;
        }
    }
    read.map_err(|error| {
        let edited =
            || "a local edit conflicts with the release; commit or stash it, then try again".to_owned();
        let help = shown.lock_help(&error).unwrap_or_else(edited);
        Error::from(error).help(help)
    })?;
    Ok(())
}

/// Refreshes the index, so that files that were only touched do not count as edited.
pub(super) fn refresh(shown: &Repository) -> Result<()> {
    let refreshed = shown.read_on_index(&shown.git(["update-index", "--refresh"]));
    // It also fails for edited files, which callers check themselves.
    match refreshed {
        Err(error) => match shown.lock_help(&error) {
            Some(help) => Err(Error::from(error).help(help)),
            None => Ok(()),
        },
        Ok(_) => Ok(()),
    }
}
