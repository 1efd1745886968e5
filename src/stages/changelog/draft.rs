//! Drafts the notes that a changelog lacks, from the commits and merged pull requests since the last release.

use std::sync::LazyLock;

use regex::Regex;

use super::work::Unpromoted;
use super::{Changelog, commits};
use crate::config::Config;
use crate::engine::prelude::*;
use crate::python::changelog::{ChangelogError, Format};

/// The most entries of a draft; more are too many to edit
const MOST_ENTRIES: usize = 200;

/// A merge of a pull or merge request, as GitHub, Bitbucket, Gitea and GitLab write it
static MERGE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:Merge(?:d in .*\()? ?pull request (#\d+)|Merge branch )")
        .expect("a constant that the tests compile")
});
/// How GitLab names the merge request at the end of a merge's message
static MERGE_REQUEST: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)^See merge request \S*?(!\d+)$").expect("a constant that the tests compile")
});

/// Notes to edit
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The changelog
    pub path: String,
    /// The entries, a line each
    pub text: String,
    /// Whether they are Markdown; otherwise they are reStructuredText or plain text
    pub is_markdown: bool,
}

/// The notes to edit, if the changelog has none for the release although it has sections for earlier ones.
///
/// # Errors
/// The commits cannot be read.
pub fn draft_of_notes(config: &Config, release: &Release) -> Result<Option<Draft>> {
    if config.stages().iter().all(|stage| stage.value != "changelog") {
        return Ok(None);
    }
    let changelog: Changelog = config.settings("changelog")?;
    let Some(path) = changelog.lacks_notes(release) else { return Ok(None) };
    let text = release.text(&path)?;
    let bullet = text
        .lines()
        .find_map(|line| ['-', '*'].into_iter().find(|mark| line.starts_with(&format!("{mark} "))));
    let since = release.target.previous_tag.as_deref();
    // Of what was merged, the merge alone counts.
    let commits = commits::since(&release.checkout, since, false, &["--first-parent"])?;
    let items = commits.iter().filter_map(|commit| entry(&commit.message)).take(MOST_ENTRIES);
    let items: Vec<String> = items.map(|entry| format!("{} {entry}\n", bullet.unwrap_or('-'))).collect();
    let is_markdown = Format::of_text(&path, &text) == Some(Format::Markdown);
    Ok(Some(Draft { path, text: items.concat(), is_markdown }))
}

impl Changelog {
    /// The changelog, if notes are wanted and it has none for the release.
    fn lacks_notes(&self, release: &Release) -> Option<String> {
        let target = &release.target;
        let has_others = target.conventions.notes.is_some() || self.fragments_of(release).is_some();
        let is_made = self.generator_of(release).is_some() || self.nothing_to_collect(release).is_some();
        if self.required == Some(false) || has_others || is_made {
            return None;
        }
        let path = self.path_of(release)?;
        match self.promoted_at(release, &path) {
            Err(Unpromoted::Changelog(
                ChangelogError::NoUnreleased { .. } | ChangelogError::Empty { .. },
            )) => Some(path),
            _ => None,
        }
    }
}

/// A commit's entry: its subject, or the title and the number of the request that it merges.
fn entry(message: &str) -> Option<String> {
    let message = message.trim();
    let subject = message.lines().next()?;
    let Some(merge) = MERGE.captures(subject) else { return Some(subject.to_owned()) };
    let title = message.lines().skip(1).map(str::trim).find(|line| !line.is_empty());
    let number = merge.get(1).or_else(|| MERGE_REQUEST.captures(message)?.get(1)).map(|found| found.as_str());
    match (title.filter(|title| !title.starts_with("See merge request")), number) {
        (Some(title), Some(number)) => Some(format!("{title} ({number})")),
        (Some(title), None) => Some(title.to_owned()),
        // A branch that was merged by hand says nothing.
        (None, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_the_subject_or_the_title_of_what_was_merged() {
        for (message, expected) in [
            ("Add a flag (#12)\n\nBecause.\n", Some("Add a flag (#12)")),
            ("Merge pull request #7 from a/b\n\nRead links\n", Some("Read links (#7)")),
            ("Merge pull request #7 from a/b\n", None),
            ("Merged in fix (pull request #3)\n\nFix it\n", Some("Fix it (#3)")),
            ("Merge branch 'fix' into 'main'\n\nFix it\n\nSee merge request a/b!9", Some("Fix it (!9)")),
            ("Merge branch 'fix' into 'main'\n\nSee merge request a/b!9", None),
            ("Merge branch 'main' into fix", None),
            ("Merge two functions", Some("Merge two functions")),
            ("", None),
        ] {
            assert_eq!(entry(message).as_deref(), expected, "{message:?}");
        }
    }
}
