//! Index and working tree follow the refs, and nothing of the user's is lost on the way.

use std::collections::BTreeSet;

use super::Repository;
use super::halfway::Begun;
use crate::error::{Error, Result};

/// Moves index and working tree from one commit to the other. The marks that the user gave to files
/// (`git update-index --assume-unchanged`) stay.
pub(super) fn bring_along(shown: &Repository, from: &str, to: &str) -> Result<()> {
    let marked = assumed_unchanged(shown)?;
    read_tree(shown, &[], from, to)?;
    if marked.is_empty() {
        return Ok(());
    }
    let left = assumed_unchanged(shown)?;
    let lost: Vec<u8> = marked.into_iter().filter(|path| !left.contains(path)).flatten().collect();
    if !lost.is_empty() {
        shown.git(["update-index", "-z", "--assume-unchanged", "--stdin"]).input(lost).read()?;
    }
    Ok(())
}

/// The files with such a mark, each with the NUL that ends it.
fn assumed_unchanged(shown: &Repository) -> Result<BTreeSet<Vec<u8>>> {
    let listed = shown.git(["ls-files", "-v", "-z"]).read_bytes()?;
    // A letter and a blank before the path; a small letter is the mark.
    let entries = listed.split_inclusive(|byte| *byte == 0);
    let marked = entries.filter(|entry| entry.first().is_some_and(u8::is_ascii_lowercase));
    Ok(marked.filter_map(|entry| entry.get(2..)).map(<[u8]>::to_vec).collect())
}

/// Does the same and no more; `-n` among the options only tries whether it can be done.
pub(super) fn read_tree(shown: &Repository, options: &[&str], from: &str, to: &str) -> Result<()> {
    // Without the refresh a file that was only touched counts as edited.
    shown.git(["update-index", "-q", "--refresh"]).capture()?;
    let command = shown.git(["read-tree", "-m", "-u"]).args(options).args([from, to]);
    let mut read = command.read();
    if read.is_err() && options.is_empty() {
        let begun = Begun::clear(shown, from, to)?;
        if !begun.is_empty() {
            read = command.read();
            begun.restore()?;
        }
    }
    read.map_err(|error| {
        let help = match error.to_string().contains("index.lock") {
            true => {
                "another git command is at work in the repository, or was killed and left its lock behind"
            }
            false => "an edit of yours is in the way of the release: commit or stash it, then try again",
        };
        Error::from(error).help(help)
    })?;
    Ok(())
}
