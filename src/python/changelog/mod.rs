//! Changelogs in the style of [Keep a Changelog](https://keepachangelog.com/en/1.1.0/), in Markdown and
//! reStructuredText: parses and checks them, and promotes Unreleased for a release with all other bytes unchanged.

mod begun;
mod candidate;
mod companion;
mod compared;
pub(in crate::python) mod date;
mod dating;
mod edit;
mod entry;
#[cfg(test)]
mod forms;
mod insert;
mod lines;
mod links;
mod listed;
mod markdown;
mod marker;
mod parts;
mod plain;
mod promote;
mod references;
mod remainder;
mod reopen;
mod rst;
mod section;
mod select;
mod shape;
mod shared;
mod shared_links;
#[cfg(test)]
mod shared_tests;
mod spelled;
mod style;
mod successor;
mod takeover;
mod targets;
#[cfg(test)]
mod tests;
mod title;
mod to_markdown;
mod words;

pub use begun::Begun;
pub use promote::{Promoted, Promotion};
pub use remainder::Remainder;
pub use section::{Category, Group, Item, Section};
pub use shared::Share;
pub use successor::{Successor, Successors};
pub use takeover::Takeover;
use thiserror::Error;
pub use to_markdown::to_markdown;

use self::lines::{Heading, Kind, Line};
use self::links::Definition;
use self::parts::Part;
use self::title::Title;
use crate::python::version::Version;

/// The markup of a changelog
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Markdown,
    Rst,
}

impl Format {
    /// The format by a file name's suffix; `.txt` and no suffix stand for reStructuredText, by old convention.
    pub fn of(path: &str) -> Option<Self> {
        let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
        match name.rsplit_once('.').map(|(_, suffix)| suffix.to_ascii_lowercase()).as_deref() {
            Some("md" | "markdown" | "mkd") => Some(Self::Markdown),
            None | Some("rst" | "rest" | "txt") => Some(Self::Rst),
            Some(_) => None,
        }
    }
}

impl Format {
    /// The same; a text without a suffix that says so is Markdown too if its headings are.
    pub fn of_text(path: &str, text: &str) -> Option<Self> {
        let format = Self::of(path)?;
        let name = path.rsplit(['/', '\\']).next().unwrap_or(path).to_ascii_lowercase();
        let is_open = !name.contains('.') || name.ends_with(".txt");
        let marked = |line: &str| line.starts_with("# ") || line.starts_with("## ");
        let is_markdown = is_open && text.lines().take(200).any(marked);
        Some(if is_markdown { Self::Markdown } else { format })
    }
}

/// Whether a line is the heading of an Unreleased section.
pub(in crate::python) fn is_unreleased(line: &str) -> bool {
    matches!(Title::of(line.trim().trim_start_matches('#').trim()), Title::Unreleased(one) if !one.is_doubtful)
}

/// What is needed to add link references to a changelog without any
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompareLinks {
    /// The repository's page: `https://github.com/owner/name`
    pub repository_url: String,
    /// The tag of the previous release; none for the first
    pub previous_tag: Option<String>,
    /// The tag of this release
    pub tag: String,
}

/// A parsed changelog
#[derive(Debug)]
pub struct Changelog {
    text: String,
    format: Format,
    lines: Vec<Line>,
    kinds: Vec<Kind>,
    headings: Vec<Heading>,
    definitions: Vec<Definition>,
    parts: Vec<Part>,
}

/// Whether notes name no change: they are blank, or say so.
pub fn name_no_change(notes: &str) -> bool {
    let notes = notes.trim();
    notes.is_empty() || words::says_nothing(notes)
}

/// Why a changelog cannot be used for a release; lines are counted from 1
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ChangelogError {
    #[error("the changelog has two Unreleased sections, on line {first} and on line {second}")]
    Twice { first: usize, second: usize },
    #[error("the changelog has no Unreleased section")]
    NoUnreleased {
        /// The heading to add
        heading: String,
        /// The line of the first version's heading
        before: Option<usize>,
        /// A line that looks like the heading, but is inside code or a comment
        hidden: Option<usize>,
    },
    #[error("the Unreleased section on line {line} is empty")]
    Empty { line: usize },
    #[error("the section on line {line} has entries, so that it takes no other notes")]
    HasEntries { line: usize },
    #[error("the changelog already has a section for `{version}`, on line {line}")]
    Exists { version: Version, line: usize },
    #[error("the notes have a heading of the level of a version's section")]
    Notes,
    #[error("the Unreleased section on line {line} is below that of `{version}` on line {above}")]
    Misplaced { line: usize, version: Version, above: usize },
    #[error(
        "the heading of `{version}` on line {line} is deeper than that of Unreleased on line {unreleased}"
    )]
    Deeper { line: usize, version: Version, unreleased: usize },
    #[error("`{date}` is not a valid date (YYYY-MM-DD)")]
    Date { date: String },
}

impl ChangelogError {
    /// What the user can do about it.
    pub fn help(&self) -> String {
        match self {
            Self::Twice { second, .. } => {
                format!(
                    "move the entries below line {second} into the first section, and remove the second heading"
                )
            }
            Self::NoUnreleased { heading, hidden: Some(line), .. } => {
                format!(
                    "line {line} looks like its heading, but is inside code or a comment: close that before it, or add \
                     `{heading}`"
                )
            }
            Self::NoUnreleased { heading, before: Some(line), hidden: None } => {
                format!("add `{heading}` above line {line}, and the changes below it")
            }
            Self::NoUnreleased { heading, before: None, hidden: None } => {
                format!("add `{heading}`, and the changes below it")
            }
            Self::Empty { line } => {
                format!("add the changes for users below line {line}; headings and comments do not count")
            }
            Self::HasEntries { line } => {
                format!("add the notes below line {line} yourself, or release without `--notes`")
            }
            Self::Exists { .. } => {
                "choose another version, or move the lines of that section to Unreleased".to_owned()
            }
            Self::Notes => "use deeper headings in the notes, or none".to_owned(),
            Self::Misplaced { above, .. } => {
                format!("move it above line {above}: the newest section comes first")
            }
            Self::Deeper { unreleased, .. } => {
                format!(
                    "use the same level for both; otherwise everything below line {unreleased} would be released again"
                )
            }
            Self::Date { .. } => "write the date as in 2024-01-31".to_owned(),
        }
    }
}

impl Changelog {
    /// Parses a changelog. Sections have the level of the Unreleased heading, or else of the versions' headings.
    ///
    /// # Errors
    /// The text has two Unreleased sections. It may have none, because only a release needs one.
    pub fn parse(text: String, format: Format) -> Result<Self, ChangelogError> {
        let lines = lines::split(&text);
        let outline = match format {
            Format::Markdown => markdown::outline(&text, &lines),
            Format::Rst => rst::outline(&text, &lines),
        };
        let outline = plain::completed(outline, &text, &lines);
        let definitions = links::definitions(&text, &lines, &outline.kinds, format);
        let mut changelog = Self {
            text,
            format,
            lines,
            kinds: outline.kinds,
            headings: outline.headings,
            definitions,
            parts: Vec::new(),
        };
        changelog.parts = changelog.find_parts();
        if changelog.newest().is_none() {
            let listed = changelog.listed_parts();
            changelog.parts.extend(listed);
        }
        Ok(changelog)
    }

    /// The Unreleased section.
    pub fn unreleased(&self) -> Option<Section> {
        self.unreleased_part().map(|part| self.section(part))
    }

    /// Whether the heading of a section names the version, released or not.
    pub fn names(&self, version: &Version) -> bool {
        self.named(version).is_some()
    }

    /// The section whose heading names the version, released or not.
    fn named(&self, version: &Version) -> Option<&Part> {
        self.parts.iter().find(|part| match &part.title {
            Title::Release(release) => release.version == *version,
            Title::Unreleased(one) => one.planned.as_ref().is_some_and(|planned| planned.is(version)),
            Title::Other => false,
        })
    }

    /// The word before the version in the newest version's heading, such as the project's name.
    pub fn word(&self) -> Option<&str> {
        self.newest()?.release()?.style.word()
    }

    /// The versions' sections, in the order of the file.
    pub fn versions(&self) -> Vec<Section> {
        self.parts
            .iter()
            .filter(|part| matches!(part.title, Title::Release(_)))
            .map(|part| self.section(part))
            .collect()
    }

    /// Whether the line is the link reference of Unreleased or of a version.
    fn is_reference(&self, index: usize) -> bool {
        let found = self.definitions.binary_search_by_key(&index, |definition| definition.line);
        found.is_ok_and(|at| {
            let definition = &self.definitions[at];
            definition.is_unreleased(&self.text) || definition.version(&self.text).is_some()
        })
    }

    fn heading_from(&self, index: usize) -> Option<&Heading> {
        self.headings.binary_search_by_key(&index, |heading| heading.first).ok().map(|at| &self.headings[at])
    }

    fn section(&self, part: &Part) -> Section {
        let (version, date, yanked) = match &part.title {
            Title::Release(release) => (Some(release.version.clone()), release.date.clone(), release.yanked),
            Title::Unreleased(_) | Title::Other => (None, None, false),
        };
        Section {
            title: self.text[part.heading.title.clone()].to_owned(),
            version,
            date,
            yanked,
            line: self.line_of(&part.heading),
            body: self.body(part.body.clone(), |_| false),
            groups: self.groups(part.body.clone()),
        }
    }

    /// The lines without the link references of versions, which belong only in the changelog; some are blank.
    fn body(&self, body: impl Iterator<Item = usize>, is_blank: impl Fn(usize) -> bool) -> String {
        let lines: Vec<&str> = body
            .filter(|index| !self.is_reference(*index))
            .map(|index| if is_blank(index) { "" } else { self.lines[index].of(&self.text) })
            .collect();
        let blank = lines.iter().take_while(|line| line.trim().is_empty()).count();
        lines[blank..].join("\n").trim_end().to_owned()
    }

    /// The line of a heading's text, counted from 1.
    fn line_of(&self, heading: &Heading) -> usize {
        self.lines.partition_point(|line| line.start <= heading.title.start).max(1)
    }
}
