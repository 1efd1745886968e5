//! Promotes a changelog: Unreleased becomes the version's section, below a new Unreleased.

use std::ops::Range;

use super::lines::{Heading, Kind};
use super::links::{self, Comparison, Definition};
use super::title::{self, Release, Style, Title, Unreleased};
use super::{Changelog, ChangelogError, CompareLinks, Format, Part, date, rst};
use crate::python::version::Version;

/// A changelog after the release
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promoted {
    /// The whole new text
    pub text: String,
    /// The changes, without the heading; line endings are `\n`
    pub notes: String,
}

/// A replacement of a byte range
pub(super) struct Edit {
    pub(super) span: Range<usize>,
    pub(super) text: String,
}

/// The names of the release, in headings and URLs
struct Naming<'a> {
    version: &'a Version,
    links: Option<&'a CompareLinks>,
    /// The newest version in the changelog, with its heading
    newest: Option<&'a Release>,
}

impl Naming<'_> {
    /// The release's tag: the one passed, else one in the style of an earlier tag, else `v1.1.0`.
    fn tag(&self, like: Option<&str>) -> String {
        match self.links {
            Some(links) => links.tag.clone(),
            None => like
                .and_then(|like| links::tag_like(like, self.version))
                .unwrap_or_else(|| format!("v{}", self.version)),
        }
    }

    /// A URL for this version, in the style of the newest one's.
    fn address_like(&self, address: &str) -> Option<String> {
        match Comparison::of(address) {
            Some(comparison) => {
                Some(comparison.with(comparison.newer(), &self.tag(Some(comparison.newer()))))
            }
            None => links::address_like(address, &self.newest?.spelling, self.version),
        }
    }
}

impl Changelog {
    /// Turns the Unreleased section into that of `version`, released on `date` (YYYY-MM-DD), below a new empty
    /// Unreleased heading, and updates the link references.
    ///
    /// The heading follows the style of the newest version's, or else Keep a Changelog. References follow the pattern
    /// of existing ones; if there are none and the headings are in brackets, `links` supplies them. All other bytes
    /// are unchanged.
    ///
    /// # Errors
    /// The Unreleased section is missing, empty or in the wrong place, the version already has a section, or the date
    /// is not valid.
    pub fn promote(
        &self,
        version: &Version,
        date: &str,
        links: Option<&CompareLinks>,
    ) -> Result<Promoted, ChangelogError> {
        let day = date::parse(date)
            .ok_or_else(|| ChangelogError::Date { date: date.chars().take(40).collect() })?;
        let (part, unreleased) = self.checked(version)?;
        let newest = self.newest();
        let naming = Naming { version, links, newest };
        let style = newest.map_or_else(
            || match self.format {
                Format::Markdown => Style::markdown(unreleased.bracketed),
                Format::Rst => Style::rst(),
            },
            |release| release.style.clone(),
        );

        let old_title = &self.text[part.heading.title.clone()];
        let mut new_unreleased = match (&unreleased.planned, unreleased.bracketed) {
            (Some(_), true) => "[Unreleased]".to_owned(),
            (Some(_), false) => "Unreleased".to_owned(),
            (None, _) => old_title.to_owned(),
        };
        let mut inline = style.inline_link().and_then(|address| naming.address_like(address));
        if let Some(span) = title::inline_link(old_title)
            && let Some(comparison) = Comparison::of(&old_title[span.clone()])
        {
            let tag = naming.tag(Some(comparison.older()));
            inline = Some(comparison.with(comparison.older(), &tag));
            if unreleased.planned.is_none() {
                new_unreleased.replace_range(span, &comparison.with(&tag, comparison.newer()));
            }
        }
        let new_title = style.write(version, day, inline.as_deref());

        let heading = &part.heading;
        let ending = self.ending();
        let space = ending.repeat(1 + self.blank_lines_between_sections());
        let mut edits = vec![Edit {
            span: self.lines[heading.first].start..self.lines[heading.last].end,
            text: format!(
                "{}{space}{}",
                self.retitled(heading, &new_unreleased),
                self.retitled(heading, &new_title)
            ),
        }];
        let linked = title::inline_link(&new_title).is_some();
        edits.extend(self.references(
            &naming,
            style.is_bracketed() && !linked,
            unreleased.bracketed,
            &new_title,
        ));
        Ok(Promoted { text: self.edited(edits), notes: self.body(part.body.clone()) })
    }

    fn checked(&self, version: &Version) -> Result<(&Part, &Unreleased), ChangelogError> {
        let unreleased = self.parts.iter().enumerate().find_map(|(index, part)| match &part.title {
            Title::Unreleased(unreleased) => Some((index, part, unreleased)),
            Title::Release(_) | Title::Other => None,
        });
        let Some((index, part, unreleased)) = unreleased else { return Err(self.no_unreleased()) };
        for part in &self.parts {
            if let Title::Release(release) = &part.title
                && release.version == *version
            {
                return Err(ChangelogError::Exists {
                    version: version.clone(),
                    line: self.line_of(&part.heading),
                });
            }
        }
        let line = self.line_of(&part.heading);
        if let Some((above, release)) =
            self.parts[..index].iter().find_map(|part| Some((part, release_of(part)?)))
        {
            let (version, above) = (release.version.clone(), self.line_of(&above.heading));
            return Err(ChangelogError::Misplaced { line, version, above });
        }
        for heading in self.headings.iter().filter(|heading| part.body.contains(&heading.first)) {
            if let Title::Release(release) = Title::of(&self.text[heading.title.clone()])
                && release.is_certain()
            {
                let (version, deeper) = (release.version, self.line_of(heading));
                return Err(ChangelogError::Deeper { line: deeper, version, unreleased: line });
            }
        }
        if self.is_empty(part.body.clone()) {
            return Err(ChangelogError::Empty { line });
        }
        Ok((part, unreleased))
    }

    fn no_unreleased(&self) -> ChangelogError {
        let first = self.parts.first();
        let bracketed = first.and_then(release_of).is_none_or(|release| release.style.is_bracketed());
        let heading = match self.format {
            Format::Markdown => {
                let marks = "#".repeat(first.map_or(2, |part| part.heading.level));
                if bracketed { format!("{marks} [Unreleased]") } else { format!("{marks} Unreleased") }
            }
            Format::Rst => "Unreleased".to_owned(),
        };
        let hidden = self.lines.iter().zip(&self.kinds).position(|(line, kind)| {
            let title = line.of(&self.text).trim().trim_start_matches('#').trim();
            *kind != Kind::Text && matches!(Title::of(title), Title::Unreleased(_))
        });
        ChangelogError::NoUnreleased {
            heading,
            before: first.map(|part| self.line_of(&part.heading)),
            hidden: hidden.map(|index| index + 1),
        }
    }

    fn newest(&self) -> Option<&Release> {
        self.parts.iter().find_map(release_of)
    }

    /// The file's line ending, which is that of its first line.
    pub(super) fn ending(&self) -> &str {
        self.lines
            .iter()
            .map(|line| line.ending(&self.text))
            .find(|ending| !ending.is_empty())
            .unwrap_or("\n")
    }

    /// As many as before the versions in the file; at least one.
    pub(super) fn blank_lines_between_sections(&self) -> usize {
        let versions = self.parts.iter().filter(|part| release_of(part).is_some());
        let blank = |part: &Part| {
            let above = self.lines[..part.heading.first].iter().rev();
            above.take_while(|line| line.of(&self.text).trim().is_empty()).count()
        };
        versions.map(blank).next().unwrap_or(1).clamp(1, 3)
    }

    /// The heading with another title, and adornments of matching length.
    pub(super) fn retitled(&self, heading: &Heading, title: &str) -> String {
        let old = &self.text[heading.title.clone()];
        if title == old {
            return self.text[self.lines[heading.first].start..self.lines[heading.last].end].to_owned();
        }
        let mut text = String::new();
        for index in heading.first..=heading.last {
            let line = &self.lines[index];
            if (line.start..=line.end).contains(&heading.title.start) {
                text.push_str(&self.text[line.start..heading.title.start]);
                text.push_str(title);
                text.push_str(&self.text[heading.title.end..line.end]);
            } else {
                text.push_str(&adorned(line.of(&self.text), old, title));
            }
            if index < heading.last {
                text.push_str(line.ending(&self.text));
            }
        }
        text
    }

    fn references(
        &self,
        naming: &Naming<'_>,
        bracketed: bool,
        unreleased_bracketed: bool,
        title: &str,
    ) -> Vec<Edit> {
        let text = self.text.as_str();
        let unreleased = self.definitions.iter().find(|definition| definition.is_unreleased(text));
        let versions: Vec<&Definition> =
            self.definitions.iter().filter(|definition| definition.version(text).is_some()).collect();
        if versions.iter().any(|definition| definition.version(text).as_ref() == Some(naming.version)) {
            return Vec::new();
        }
        let newest = naming.newest.map(|release| &release.version);
        let newest =
            versions.iter().find(|one| one.version(text).as_ref() == newest).or_else(|| versions.first());
        let label = label(title).unwrap_or_else(|| naming.version.to_string());

        if let Some(unreleased) = unreleased {
            let address = &text[unreleased.address.clone()];
            let alike = newest.and_then(|newest| naming.address_like(&text[newest.address.clone()]));
            let Some(comparison) = Comparison::of(address) else {
                // A URL that is not a comparison stays; only the version gets its own URL.
                let made = alike.or_else(|| naming.links.map(|links| links::made_new(links).1));
                return made
                    .map(|made| self.after(unreleased, unreleased, &label, &made, address))
                    .into_iter()
                    .collect();
            };
            let tag = naming.tag(Some(comparison.older()));
            let own = comparison.with(&tag, comparison.newer());
            // Keep a Changelog links the first release to its tag and all others to a comparison. If the second one
            // is also linked to its tag, the file does so on purpose.
            let by_tag = versions.len() > 1
                && newest.is_some_and(|newest| Comparison::of(&text[newest.address.clone()]).is_none());
            let made = alike.filter(|_| by_tag).unwrap_or_else(|| comparison.with(comparison.older(), &tag));
            return vec![self.after(unreleased, unreleased, &label, &made, &own)];
        }
        if let Some(newest) = newest {
            let address = &text[newest.address.clone()];
            let made =
                if bracketed || self.format == Format::Rst { naming.address_like(address) } else { None };
            return made.map(|made| self.before(newest, &label, &made)).into_iter().collect();
        }
        match naming.links {
            Some(links) if bracketed && self.format == Format::Markdown => {
                let (own, made) = links::made_new(links);
                let mut lines = vec![format!("[{label}]: {made}")];
                if unreleased_bracketed {
                    lines.insert(0, format!("[Unreleased]: {own}"));
                }
                vec![self.at_the_end(&lines)]
            }
            _ => Vec::new(),
        }
    }

    /// A line in the style of the definition, with another label and URL.
    pub(super) fn line_like(&self, definition: &Definition, label: &str, address: &str) -> String {
        let line = &self.lines[definition.line];
        let text = &self.text;
        // A label in reStructuredText needs quotes only around a colon or space, which versions do not contain.
        format!(
            "{}{label}{}{address}{}",
            &text[line.start..definition.label.start],
            &text[definition.label.end..definition.address.start],
            &text[definition.address.end..line.end]
        )
    }

    /// Sets the URL of `definition` to `own`, and adds a line in the style of `pattern` below it.
    fn after(
        &self,
        definition: &Definition,
        pattern: &Definition,
        label: &str,
        address: &str,
        own: &str,
    ) -> Edit {
        let end = self.lines[definition.line].end;
        let rest = &self.text[definition.address.end..end];
        let line = self.line_like(pattern, label, address);
        Edit { span: definition.address.start..end, text: format!("{own}{rest}{}{line}", self.ending()) }
    }

    pub(super) fn before(&self, definition: &Definition, label: &str, address: &str) -> Edit {
        let start = self.lines[definition.line].start;
        let line = self.line_like(definition, label, address);
        Edit { span: start..start, text: format!("{line}{}", self.ending()) }
    }

    fn at_the_end(&self, lines: &[String]) -> Edit {
        let (end, ending) = (self.text.len(), self.ending());
        let mut text = String::new();
        if let Some(last) = self.lines.last() {
            let terminated = !last.ending(&self.text).is_empty();
            if !terminated {
                text.push_str(ending);
            }
            let reference =
                self.definitions.last().is_some_and(|definition| definition.line + 1 == self.lines.len());
            if !last.of(&self.text).trim().is_empty() && !reference {
                text.push_str(ending);
            }
            text.push_str(&lines.join(ending));
            if terminated {
                text.push_str(ending);
            }
        }
        Edit { span: end..end, text }
    }

    pub(super) fn edited(&self, mut edits: Vec<Edit>) -> String {
        edits.sort_by_key(|edit| edit.span.start);
        let mut text = String::with_capacity(self.text.len() + 512);
        let mut at = 0;
        for edit in edits {
            text.push_str(&self.text[at..edit.span.start]);
            text.push_str(&edit.text);
            at = edit.span.end;
        }
        text.push_str(&self.text[at..]);
        text
    }
}

pub(super) fn release_of(part: &Part) -> Option<&Release> {
    match &part.title {
        Title::Release(release) => Some(release),
        Title::Unreleased(_) | Title::Other => None,
    }
}

/// The label with which a heading refers to its link: the version in `[1.1.0] - 2024-01-31`, and in `` `1.1.0`_ ``.
fn label(title: &str) -> Option<String> {
    let inside = |open: char, close: char| {
        let start = title.find(open)? + 1;
        title[start..].find(close).map(|length| title[start..start + length].to_owned())
    };
    inside('[', ']').or_else(|| inside('`', '`'))
}

/// An underline or overline that fits the new title as it fitted the old one.
fn adorned(line: &str, old: &str, new: &str) -> String {
    let marks = line.trim();
    let Some(mark) = marks.chars().next() else { return line.to_owned() };
    let (length, old, new) = (marks.chars().count(), rst::width(old), rst::width(new));
    let length = match length.checked_sub(old) {
        // As long as the title, or slightly longer as with an overline.
        Some(excess @ 0..=2) => new + excess,
        _ => length.max(new),
    };
    let indentation = &line[..line.len() - line.trim_start().len()];
    format!("{indentation}{}", String::from(mark).repeat(length))
}
