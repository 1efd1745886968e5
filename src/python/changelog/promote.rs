//! The release of a changelog: Unreleased becomes the version, and a new Unreleased takes its place.

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
    /// What has changed, without the heading; line endings are `\n`
    pub notes: String,
}

/// A replacement of some bytes
struct Edit {
    span: Range<usize>,
    text: String,
}

/// What the release is called, here and in addresses
struct Naming<'a> {
    version: &'a Version,
    links: Option<&'a CompareLinks>,
    /// The newest version that the changelog has, as its heading says it
    newest: Option<&'a Release>,
}

impl Naming<'_> {
    /// The release's tag: as given, else made like an earlier one, else `v1.1.0`.
    fn tag(&self, like: Option<&str>) -> String {
        match self.links {
            Some(links) => links.tag.clone(),
            None => like
                .and_then(|like| links::tag_like(like, self.version))
                .unwrap_or_else(|| format!("v{}", self.version)),
        }
    }

    /// An address for this version, made from the newest one's.
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
    /// Makes the Unreleased part the part of `version`, released on `date` (YYYY-MM-DD), under a new empty
    /// Unreleased heading, and brings the link references up to date.
    ///
    /// The heading is written as that of the newest version is; without one, as Keep a Changelog does. References
    /// follow the pattern of those that are there; where there are none, `links` makes them, provided that the
    /// headings are in brackets. All other bytes stay as they are.
    ///
    /// # Errors
    /// Refuses a changelog whose Unreleased part is missing, empty or not where it belongs, a version that is
    /// there already, and a date that is none.
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

    /// The line ending of the file: that of its first line.
    fn ending(&self) -> &str {
        self.lines
            .iter()
            .map(|line| line.ending(&self.text))
            .find(|ending| !ending.is_empty())
            .unwrap_or("\n")
    }

    /// As many as the file has before its versions; at least one.
    fn blank_lines_between_sections(&self) -> usize {
        let versions = self.parts.iter().filter(|part| release_of(part).is_some());
        let blank = |part: &Part| {
            let above = self.lines[..part.heading.first].iter().rev();
            above.take_while(|line| line.of(&self.text).trim().is_empty()).count()
        };
        versions.map(blank).next().unwrap_or(1).clamp(1, 3)
    }

    /// The heading with another title, and lines under or over it that fit.
    fn retitled(&self, heading: &Heading, title: &str) -> String {
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
                // What does not compare stays; only the version gets its address.
                let made = alike.or_else(|| naming.links.map(|links| links::made_new(links).1));
                return made
                    .map(|made| self.after(unreleased, unreleased, &label, &made, address))
                    .into_iter()
                    .collect();
            };
            let tag = naming.tag(Some(comparison.older()));
            let own = comparison.with(&tag, comparison.newer());
            // Keep a Changelog links the first release to its tag and all others to a comparison; a file whose
            // second is still linked to its tag does so on purpose.
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

    /// A line like the definition's, with another label and address.
    fn line_like(&self, definition: &Definition, label: &str, address: &str) -> String {
        let line = &self.lines[definition.line];
        let text = &self.text;
        // A label in reStructuredText needs quotes where it has a colon or a space; versions have neither.
        format!(
            "{}{label}{}{address}{}",
            &text[line.start..definition.label.start],
            &text[definition.label.end..definition.address.start],
            &text[definition.address.end..line.end]
        )
    }

    /// Gives `definition` the address `own`, and puts a line like `pattern` under it.
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

    fn before(&self, definition: &Definition, label: &str, address: &str) -> Edit {
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

    fn edited(&self, mut edits: Vec<Edit>) -> String {
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

fn release_of(part: &Part) -> Option<&Release> {
    match &part.title {
        Title::Release(release) => Some(release),
        Title::Unreleased(_) | Title::Other => None,
    }
}

/// The label by which a heading refers to its link: of `[1.1.0] - 2024-01-31` the version, of `` `1.1.0`_ `` too.
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
        // As long as the title, or a little longer where an overline lets it stand free.
        Some(excess @ 0..=2) => new + excess,
        _ => length.max(new),
    };
    let indentation = &line[..line.len() - line.trim_start().len()];
    format!("{indentation}{}", String::from(mark).repeat(length))
}
