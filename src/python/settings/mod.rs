//! What the settings of other release tools say about a project's releases.
//!
//! A tool's templates become those of pyrelease, and the files it bumps become places of the version. Every place was
//! checked against its file: it states the current version and does not overlap with another. What cannot be followed
//! is named in [`ToolSettings::unread`]. All input is bounded: files, patterns, entries and their number.

mod account;
mod bumpversion;
mod cargo_release;
mod collectors;
mod commitizen;
mod draft;
pub mod glob;
mod scm;
pub(in crate::python) mod semantic_release;
pub(in crate::python) mod sources;
mod tag;
mod tbump;
mod template;
#[cfg(test)]
mod tests;
mod zest;

use sources::Sources;

use super::project::{Files, VersionLocation};

pub(in crate::python) use collectors::SCRIV;

pub use account::{Fate, Hook, HookTime, Part, Setting, own_work};
pub use tag::{TagRule, TagSetting};
pub use zest::OF_USER as ZEST_OF_USER;

/// Files that have the settings of other tools, too
const SHARED: [&str; 2] = ["pyproject.toml", "setup.cfg"];

/// Whether a file has nothing but the settings of a release tool that is replaced.
pub fn is_of_tools_only(file: &str) -> bool {
    let own = [tbump::FILE, semantic_release::FILE];
    let mut files = bumpversion::FILES.iter().chain(&commitizen::FILES).chain(&own);
    files.any(|known| *known == file) && !SHARED.contains(&file)
}

/// What the settings of another release tool say about releases
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolSettings {
    /// The tool's name on PyPI
    pub tool: &'static str,
    /// The file with the settings
    pub file: String,
    /// The names of tags
    pub tag: Option<TagSetting>,
    /// Whether tags are annotated, rather than lightweight
    pub annotated: Option<bool>,
    pub signed: Option<bool>,
    /// The message of tags; a template with `{version}`, `{previous_version}`, `{date}` and `{tag}`
    pub tag_message: Option<String>,
    /// The message of the release commit; a template as above
    pub commit_message: Option<String>,
    /// The places of the version: those of the tool's own settings too, and perhaps the project's own metadata
    pub places: Vec<VersionLocation>,
    /// For each place, the setting that names it
    pub origins: Vec<String>,
    /// The place where the tool records the current version for itself
    pub record: Option<VersionLocation>,
    /// Whether versions follow the calendar
    pub calver: bool,
    /// How the tool makes the next version and the changelog of commits, if it does: whether a breaking change before 1.0.0
    /// makes it 1.0.0
    pub commits: Option<bool>,
    /// Whether wheels are built
    pub wheels: Option<bool>,
    /// What the tool runs at a release
    pub hooks: Vec<Hook>,
    /// What is appended to the next version after a release (`.dev0`), if the tool opens it
    pub reopen: Option<String>,
    /// The changelog, if the settings name it
    pub changelog: Option<String>,
    /// What matters and cannot be followed, each a sentence for a warning
    pub unread: Vec<String>,
    /// What becomes of every setting, in the order of the file
    pub account: Vec<Setting>,
}

/// Reads the settings of every known release tool in the project: those that bump versions first, then those that take
/// the version from tags.
///
/// Never fails: settings that cannot be read are an entry with the reason in `unread`.
pub fn read(files: &dyn Files) -> Vec<ToolSettings> {
    let sources = Sources::of(files);
    let readers = [
        bumpversion::read,
        tbump::read,
        commitizen::read,
        semantic_release::read,
        zest::read,
        cargo_release::read,
        collectors::read_towncrier,
        collectors::read_scriv,
        scm::read,
    ];
    readers.into_iter().filter_map(|read| read(&sources)).collect()
}
