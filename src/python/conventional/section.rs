//! The entries of a changelog that conventional commits make.

use super::{Conventional, Types};

/// The order of the headings of Keep a Changelog; others follow as they appear
const ORDER: [&str; 6] = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"];

/// The entries below one heading
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub heading: String,
    /// The oldest first
    pub entries: Vec<Entry>,
}

/// The entry of one commit
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub scope: Option<String>,
    pub text: String,
    /// What breaks; none if nothing does
    pub breaking: Option<String>,
}

/// The entries of released commits, which come the newest first.
pub fn grouped(commits: &[Conventional], types: &Types) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for commit in commits.iter().rev() {
        let Some(heading) = types.heading(commit) else { continue };
        let entry = Entry {
            scope: commit.scope.clone(),
            text: commit.description.clone(),
            breaking: commit.breaking.clone(),
        };
        match groups.iter_mut().find(|group| group.heading == heading) {
            Some(group) if group.entries.contains(&entry) => {}
            Some(group) => group.entries.push(entry),
            None => groups.push(Group { heading: heading.to_owned(), entries: vec![entry] }),
        }
    }
    let place = |group: &Group| ORDER.iter().position(|known| *known == group.heading).unwrap_or(ORDER.len());
    groups.sort_by_key(place);
    groups
}

impl Entry {
    /// The entry as an item of a list in Markdown, or in reStructuredText with `strong` as `**` in both.
    pub fn item(&self) -> String {
        let scope = self.scope.as_ref().map(|scope| format!("**{scope}:** ")).unwrap_or_default();
        match &self.breaking {
            Some(breaking) if *breaking == self.text => format!("- **Breaking:** {scope}{}", self.text),
            Some(breaking) => format!("- **Breaking:** {scope}{}: {breaking}", self.text),
            None => format!("- {scope}{}", self.text),
        }
    }
}
