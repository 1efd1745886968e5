//! A changelog's section: the entries by category, and the bump that they suggest.

use std::fmt;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::Changelog;
use super::lines::Kind;
use crate::python::version::{Bump, Version};

/// The categories of Keep a Changelog 1.1.0
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    Added,
    Changed,
    Deprecated,
    Removed,
    Fixed,
    Security,
}

impl Category {
    /// Parses a category's heading by its letters, ignoring decoration.
    pub(super) fn of(title: &str) -> Option<Self> {
        match title.trim_matches(|c: char| !c.is_alphanumeric()).to_ascii_lowercase().as_str() {
            "added" => Some(Self::Added),
            "changed" => Some(Self::Changed),
            "deprecated" => Some(Self::Deprecated),
            "removed" => Some(Self::Removed),
            "fixed" => Some(Self::Fixed),
            "security" => Some(Self::Security),
            _ => None,
        }
    }

    fn bump(self) -> Bump {
        match self {
            Self::Removed => Bump::Major,
            Self::Added | Self::Changed | Self::Deprecated => Bump::Minor,
            Self::Fixed | Self::Security => Bump::Patch,
        }
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// One entry, without its bullet, on one line
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Counted from 1
    pub line: usize,
    pub text: String,
}

/// The entries under one category
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub category: Category,
    pub items: Vec<Item>,
}

/// A section of the changelog: Unreleased, or a version
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The heading's text, as written
    pub title: String,
    /// None for Unreleased
    pub version: Option<Version>,
    /// As written
    pub date: Option<String>,
    /// Yanked after its release
    pub yanked: bool,
    /// The heading's line, counted from 1
    pub line: usize,
    /// The lines below the heading, without surrounding blank lines; line endings are `\n`
    pub body: String,
    /// In the order of the file; a repeated category is repeated here
    pub groups: Vec<Group>,
}

static BREAKING: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i-u)[\w-]*\bbreaking\b").expect("a constant that the tests compile"));

/// A line with content: an entry, or a continuation of one
pub(super) struct Content {
    pub(super) index: usize,
    pub(super) category: Option<Category>,
    pub(super) starts: bool,
}

impl Changelog {
    /// The lines with content, each with its category.
    pub(super) fn contents(&self, body: Range<usize>) -> Vec<Content> {
        let mut contents = Vec::new();
        let mut category = None;
        let mut after_blank = true;
        let mut index = body.start;
        while index < body.end {
            if let Some(heading) = self.heading_from(index) {
                category = Category::of(&self.text[heading.title.clone()]);
                index = heading.last + 1;
                after_blank = true;
                continue;
            }
            let line = self.lines[index].of(&self.text);
            let blank = line.trim().is_empty();
            if self.kinds[index] != Kind::Comment && !blank && !self.is_reference(index) {
                let own = self.kinds[index] == Kind::Text && after_blank && is_emphasised(line);
                if let Some(named) = own.then(|| Category::of(line)).flatten() {
                    category = Some(named);
                } else if line.chars().any(|c| !c.is_whitespace() && !c.is_ascii_punctuation()) {
                    let starts = self.kinds[index] == Kind::Text
                        && (bullet(line).is_some() || is_flush(line) && after_blank);
                    contents.push(Content { index, category, starts });
                }
            }
            after_blank = blank;
            index += 1;
        }
        contents
    }

    pub(super) fn groups(&self, body: Range<usize>) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        for content in self.contents(body) {
            let Some(category) = content.category else { continue };
            if groups.last().is_none_or(|group| group.category != category) {
                groups.push(Group { category, items: Vec::new() });
            }
            let Some(group) = groups.last_mut() else { continue };
            let line = self.lines[content.index].of(&self.text);
            match group.items.last_mut().filter(|_| !content.starts) {
                Some(item) => {
                    item.text.push(' ');
                    item.text.push_str(line.trim());
                }
                None => {
                    let text = bullet(line).unwrap_or(line).trim().to_owned();
                    group.items.push(Item { line: content.index + 1, text });
                }
            }
        }
        groups
    }

    /// The bump that the Unreleased section suggests, and the line that decides it.
    ///
    /// A line under Removed, or one with "breaking", is major; Added, Changed and Deprecated are minor; Fixed and
    /// Security are patch. None if there is no Unreleased section or no line in these categories: then the user must
    /// decide.
    pub fn suggested_bump(&self) -> Option<(Bump, String)> {
        let contents = self.contents(self.unreleased_part()?.body.clone());
        let mut found: Option<(Bump, String)> = None;
        let mut headed = None;
        for content in &contents {
            if self.kinds[content.index] == Kind::Code {
                continue;
            }
            // A heading such as `### Breaking changes` counts if there are lines below it.
            let heading = self.heading_over(content.index).filter(|heading| Some(*heading) != headed);
            headed = heading.or(headed);
            let said = heading
                .filter(|index| says_breaking(self.lines[*index].of(&self.text)))
                .or_else(|| says_breaking(self.lines[content.index].of(&self.text)).then_some(content.index));
            let (bump, reason) = match (said, content.category) {
                (Some(index), _) => {
                    (Bump::Major, format!("line {} is a breaking change: `{}`", index + 1, self.shown(index)))
                }
                (None, Some(category)) => (
                    category.bump(),
                    format!(
                        "line {} is under {category}: `{}`",
                        content.index + 1,
                        self.shown(content.index)
                    ),
                ),
                (None, None) => continue,
            };
            if found.as_ref().is_none_or(|(present, _)| bump.weight() > present.weight()) {
                found = Some((bump, reason));
            }
        }
        found
    }

    /// The line of the nearest heading above.
    fn heading_over(&self, index: usize) -> Option<usize> {
        let after = self.headings.partition_point(|heading| heading.first <= index);
        let heading = &self.headings[after.checked_sub(1)?];
        Some(heading.last.min(heading.first + usize::from(heading.last > heading.first + 1)))
    }

    fn shown(&self, index: usize) -> String {
        let line = self.lines[index].of(&self.text).trim();
        match line.char_indices().nth(72) {
            Some((end, _)) => format!("{}…", &line[..end]),
            None => line.to_owned(),
        }
    }
}

/// Whether a short line of its own is bold or ends in a colon, as some write a category: `**Added**`, `Added:`.
pub(super) fn is_emphasised(line: &str) -> bool {
    let line = line.trim_end();
    line.len() < 40
        && (line.starts_with('*') && line.ends_with('*') || line.ends_with(':') || line.starts_with("__"))
}

fn is_flush(line: &str) -> bool {
    !line.starts_with([' ', '\t'])
}

/// The text after the bullet or number of a list item that is not nested.
pub(super) fn bullet(line: &str) -> Option<&str> {
    let inner = line.trim_start_matches(' ');
    if line.len() - inner.len() > 1 {
        return None;
    }
    let digits = inner.trim_start_matches(|c: char| c.is_ascii_digit());
    let rest = if digits.len() < inner.len() {
        digits.strip_prefix(['.', ')'])
    } else {
        inner.strip_prefix(['-', '*', '+', '•'])
    }?;
    rest.starts_with([' ', '\t']).then_some(rest)
}

/// Whether the line calls a change breaking; "non-breaking", "no breaking changes" and "line breaking" do not.
fn says_breaking(line: &str) -> bool {
    BREAKING.find_iter(line).any(|found| {
        let mut words = line[..found.start()]
            .split(|c: char| !c.is_alphanumeric() && c != '\'')
            .rev()
            .filter(|word| !word.is_empty());
        let (last, before) =
            (words.next().unwrap_or("").to_lowercase(), words.next().unwrap_or("").to_lowercase());
        let negated =
            |word: &str| ["no", "non", "not", "without", "never", "isn't", "aren't"].contains(&word);
        let compound =
            ["line", "lines", "word", "page", "tie", "ground", "record", "code"].contains(&last.as_str());
        found.as_str().eq_ignore_ascii_case("breaking") && !negated(&last) && !negated(&before) && !compound
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Changelog, Format};
    use super::*;

    fn suggested(body: &str) -> Option<(Bump, String)> {
        let text = format!(
            "# Changelog\n\n## Unreleased\n\n{body}\n\n## 1.0.0 - 2024-01-01\n\n### Removed\n\n- x\n"
        );
        Changelog::parse(text, Format::Markdown).unwrap().suggested_bump()
    }

    #[test]
    fn suggests_by_the_strongest_category() {
        assert_eq!(
            suggested("### Fixed\n\n- a\n"),
            Some((Bump::Patch, "line 7 is under Fixed: `- a`".into()))
        );
        assert_eq!(suggested("### Security\n- a").unwrap().0, Bump::Patch);
        assert_eq!(
            suggested("### Fixed\n- a\n### Added\n- b").unwrap(),
            (Bump::Minor, "line 8 is under Added: `- b`".into())
        );
        assert_eq!(suggested("### Deprecated\n- a").unwrap().0, Bump::Minor);
        assert_eq!(suggested("### Changed\n- a\n### Removed\n- b").unwrap().0, Bump::Major);
        assert_eq!(suggested("**Fixed**\n\n- a").unwrap().0, Bump::Patch);
        assert_eq!(suggested("Added:\n\n- a").unwrap().0, Bump::Minor);
        assert_eq!(suggested("### 🐛 Fixed\n\n- a").unwrap().0, Bump::Patch);
    }

    #[test]
    fn suggests_nothing_without_categories() {
        for body in [
            "",
            "- a",
            "### Removed\n",
            "### Removed\n\n<!-- - x -->",
            "### Docs\n- a",
            "### Removed\n### Docs\n- a",
        ] {
            assert_eq!(suggested(body), None, "{body}");
        }
    }

    #[test]
    fn recognises_breaking_changes() {
        assert_eq!(
            suggested("- **Breaking**: a").unwrap(),
            (Bump::Major, "line 5 is a breaking change: `- **Breaking**: a`".into())
        );
        for body in
            ["### Breaking changes\n\n- a", "### Fixed\n- a (BREAKING)", "- a\n  this is a breaking change"]
        {
            assert_eq!(suggested(body).unwrap().0, Bump::Major, "{body}");
        }
        for body in [
            "non-breaking",
            "no breaking changes",
            "line breaking",
            "`line_breaking`",
            "groundbreaking",
            "not a breaking change",
        ] {
            assert_eq!(suggested(&format!("### Fixed\n- {body}")).unwrap().0, Bump::Patch, "{body}");
        }
        assert_eq!(suggested("### Fixed\n- a\n\n  ```\n  breaking\n  ```\n").unwrap().0, Bump::Patch);
        assert_eq!(suggested("### Breaking changes\n\n### Fixed\n- a").unwrap().0, Bump::Patch);
    }

    #[test]
    fn collects_the_entries_of_each_category() {
        let text = "## [Unreleased]\n\n### Added\n\n- one\n  goes on\n  - nested\n* two\n\nA paragraph\nof two lines\n\n### Fixed\n1. three\n### Docs\n- no\n";
        let section = Changelog::parse(text.to_owned(), Format::Markdown).unwrap().unreleased().unwrap();
        let items = |index: usize| -> Vec<(usize, &str)> {
            section.groups[index].items.iter().map(|item| (item.line, item.text.as_str())).collect()
        };
        assert_eq!(items(0), [(5, "one goes on - nested"), (8, "two"), (10, "A paragraph of two lines")]);
        assert_eq!(items(1), [(14, "three")]);
        assert_eq!(section.groups.len(), 2);
    }
}
