//! Where the release commits wrote the notes of the releases.

use super::{Habits, Learned, places};

/// How many of the last releases decide
const MOST: usize = 6;

impl Habits {
    /// The files with notes that the release commits changed: the most frequent first, of equal ones the last changed.
    pub fn changelogs(&self) -> Vec<Learned<String>> {
        let mut found: Vec<Learned<String>> = Vec::new();
        for release in self.releases.iter().take(MOST) {
            for change in &release.changes {
                let is_text = !change.path.starts_with("debian/") && has_text(&change.path);
                let changed = !change.hunks.is_empty() && places::is_notes(&change.path) && is_text;
                if !changed || change.path.contains(release.tag.spelled()) {
                    continue;
                }
                let tag = release.tag.name.clone();
                match found.iter_mut().find(|file| file.value == change.path) {
                    Some(file) => file.evidence.push(tag),
                    None => found.push(Learned { value: change.path.clone(), evidence: vec![tag] }),
                }
            }
        }
        found.sort_by_key(|file| std::cmp::Reverse(file.evidence.len()));
        found
    }

    /// The file of the newest release, if the last two releases had a file of notes each.
    pub fn file_per_release(&self) -> Option<Learned<String>> {
        let own = |release: &super::PastRelease| {
            let spelled = release.tag.spelled();
            let notes =
                release.changes.iter().map(|change| &change.path).filter(|path| places::is_notes(path));
            notes.filter(|path| path.contains(spelled)).min_by_key(|path| path.len()).cloned()
        };
        let mut last = self.releases.iter().take(2);
        let (newest, before) = (last.next()?, last.next()?);
        let value = own(newest)?;
        own(before)?;
        Some(Learned { value, evidence: vec![newest.tag.name.clone(), before.tag.name.clone()] })
    }
}

/// Whether the name is that of a text for people.
fn has_text(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let suffix = name.rsplit_once('.').map(|(_, suffix)| suffix.to_ascii_lowercase());
    suffix.is_none_or(|suffix| ["md", "markdown", "mkd", "rst", "rest", "txt"].contains(&suffix.as_str()))
}
