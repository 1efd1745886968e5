//! Whether a member has something to release, by its files.

use crate::config::Config;
use crate::engine::checkout::Checkout;
use crate::error::Result;
use crate::stages::target::{History, present_version, read_project};

/// The most commits that are looked through for the one after a release
const MOST_COMMITS: usize = 2_000;

/// Whether a member's files have changed since its last release.
///
/// # Errors
/// The history cannot be read.
pub(super) fn has_changed(config: &Config, checkout: &Checkout) -> Result<bool> {
    let project = read_project(config, checkout, None)?;
    let history = History::of(config, checkout, &project)?;
    let Some(last) = &history.last else { return Ok(true) };
    let Some(commit) = checkout.repository.tag(&last.name) else { return Ok(true) };
    let commit = reopened_after(config, checkout, &commit)?.unwrap_or(commit);
    // Only the workspace itself has other members in its folder.
    let inside = checkout.others().iter().filter(|other| other.starts_with(checkout.prefix.as_str()));
    let except: Vec<String> = inside.cloned().collect();
    let prefix = &checkout.prefix;
    Ok(checkout.repository.differ([&commit, &checkout.head.commit], prefix, &except))
}

/// The commit that opened the next version after the release: it changes nothing that is to be released. None if the next
/// commit on the branch is another.
fn reopened_after(config: &Config, checkout: &Checkout, released: &str) -> Result<Option<String>> {
    let mut commit = checkout.head.commit.clone();
    for _ in 0..MOST_COMMITS {
        match checkout.repository.first_parent(&commit) {
            Some(parent) if parent == released => {
                let mut then = checkout.in_folder(&checkout.prefix, checkout.others().to_vec())?;
                then.head.commit.clone_from(&commit);
                let stated = present_version(config, &then).ok().flatten();
                return Ok(stated.filter(|version| version.dev().is_some()).map(|_| commit));
            }
            Some(parent) => commit = parent,
            None => break,
        }
    }
    Ok(None)
}
