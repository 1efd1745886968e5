//! What `doctor --fix` corrects: only what is safe, and can be undone.

use crate::config::Config;
use crate::engine::release::Release;
use crate::error::Result;
use crate::index::readable_pypirc;
use crate::stages;
use crate::world::git::{Remote, Repository};
use crate::world::process::quoted;
use crate::world::{Environment, write_whole};

/// How many tags are named
const MOST_NAMED: usize = 3;

/// A correction
pub(super) struct Fix<'a> {
    /// What it would do
    pub(super) what: String,
    /// What it did
    pub(super) done: String,
    pub(super) apply: Box<dyn FnOnce() -> Result<()> + 'a>,
}

/// Makes a `.pypirc` unreadable for other users.
#[cfg(unix)]
pub(super) fn pypirc(environment: &Environment) -> Option<Fix<'static>> {
    use std::os::unix::fs::PermissionsExt as _;
    let path = readable_pypirc(environment)?;
    let done = format!("chmod 600 {}", quoted(&path.display().to_string()));
    let apply = move || Ok(fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?);
    Some(Fix { what: format!("`{done}`: other users can read it"), done, apply: Box::new(apply) })
}

#[cfg(not(unix))]
pub(super) fn pypirc(_: &Environment) -> Option<Fix<'static>> {
    None
}

/// Fetches the tags that are missing here. A remote that does not answer is the preflights' concern.
pub(super) fn tags<'a>(repository: &'a Repository, remote: &Remote) -> Option<Fix<'a>> {
    let missing = remote.missing_tags(repository).ok().filter(|missing| !missing.is_empty())?;
    let named = missing.iter().take(MOST_NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = match missing.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let done = format!("git fetch --tags {}: {named}{more}", remote.name);
    let what = format!("`git fetch --tags {}`, for what is missing here: {named}{more}", remote.name);
    let remote = remote.clone();
    Some(Fix { what, done, apply: Box::new(move || remote.fetch_tags(repository, &missing)) })
}

/// Adds an Unreleased section to a changelog that has none, in the working tree.
pub(super) fn unreleased(config: &Config, release: &Release) -> Option<Fix<'static>> {
    let (path, text) = stages::with_unreleased(config, release)?;
    let file = release.checkout.root().join(&path);
    Some(Fix {
        what: format!("add an Unreleased section to `{path}`"),
        done: format!("added an Unreleased section to `{path}`: write the changes below it, and commit"),
        apply: Box::new(move || {
            let permissions = fs_err::metadata(&file)?.permissions();
            write_whole(&file, text.as_bytes())?;
            Ok(fs_err::set_permissions(&file, permissions)?)
        }),
    })
}
