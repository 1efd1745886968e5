//! One changelog of several packages: the part of one of them as if it were a changelog of its own, and its change put
//! back.
//!
//! What is not released stands in subsections of Unreleased that are named after the packages (`### core`), or in sections
//! such as `## core [Unreleased]`. A version has a section (`## core 1.2.0 - 2026-01-31`); packages that have one version
//! have one section with subsections.

use std::ops::Range;

use super::edit::Edit;
use super::lines::Heading;
use super::promote::style_of;
use super::title::Title;
use super::{Changelog, ChangelogError, Format, date};
use crate::python::filename::normalize;
use crate::python::version::Version;

/// Whose part of a shared changelog is read
#[derive(Debug, Clone)]
pub struct Share {
    /// The packages that share it
    pub names: Vec<String>,
    /// The position of the one
    pub own: usize,
    /// Whether all have one version
    pub is_locked: bool,
}

#[derive(Debug, PartialEq)]
pub(super) enum Stage {
    Unreleased,
    Version(Version),
    /// A heading of something else
    Other,
}

/// A section, or a subsection of a package
pub(super) struct Entry {
    pub(super) heading: Heading,
    /// The package that the heading names
    pub(super) package: Option<usize>,
    pub(super) stage: Stage,
    /// Without blank lines, link references and targets at the end
    pub(super) lines: Range<usize>,
    /// The position of the section that a subsection is in
    pub(super) within: Option<usize>,
}

/// A shared changelog
pub(super) struct Whole<'s> {
    pub(super) document: Changelog,
    pub(super) share: &'s Share,
    pub(super) entries: Vec<Entry>,
}

impl Share {
    /// The part of the package, as a changelog with its Unreleased section and its versions. Its first heading is on the
    /// line that it has in the file, as far as that is possible.
    ///
    /// # Errors
    /// The text is not a changelog.
    pub fn part_of(&self, text: &str, format: Format) -> Result<String, ChangelogError> {
        Ok(Whole::parse(text, format, self)?.part())
    }

    /// The whole text after the release of the package's `version` on `date` (`YYYY-MM-DD`) changed its part to `part`.
    /// Everything outside the package's sections is unchanged.
    ///
    /// # Errors
    /// One of the texts is not a changelog.
    pub fn put_back(
        &self,
        text: &str,
        format: Format,
        part: String,
        (version, date): (&Version, &str),
    ) -> Result<String, ChangelogError> {
        let part = Changelog::parse(part, format)?;
        let is_new =
            |one: &&super::parts::Part| one.release().is_some_and(|release| release.version == *version);
        let Some(section) = part.parts.iter().find(is_new) else { return Ok(text.to_owned()) };
        let title = &part.text[section.heading.title.clone()];
        let entries = part.raw(section.heading.last + 1..section.body.end);
        let left = part.parts.iter().find(|one| one.unreleased().is_some());
        let left = left.map(|open| part.raw(open.heading.last + 1..open.body.end));

        let whole = Whole::parse(text, format, self)?;
        if let Some(known) = whole.entries.iter().find(|entry| whole.is_of_version(entry, version)) {
            let heading = match known.within {
                Some(_) => whole.document.raw(known.heading.first..known.heading.last + 1),
                None => whole.document.retitled(&known.heading, &whole.own_title(title, version, date)),
            };
            let entries = if known.within.is_some() { whole.shifted(&part, section, 1) } else { entries };
            return Ok(whole.replaced(known.lines.clone(), &[heading, entries]));
        }
        let nested = (self.is_locked && !whole.has_named_sections())
            .then(|| (whole.subheading(), whole.shifted(&part, section, 1)));
        let rest = whole.without_open(left.as_deref());
        let whole = Whole::parse(&rest, format, self)?;
        let Some((subheading, entries)) = nested else {
            let title = whole.own_title(title, version, date);
            return Ok(whole.with_section((&title, version), &[entries]));
        };
        match whole.entries.iter().find(|entry| entry.package.is_none() && entry.stage.is(version)) {
            Some(common) => Ok(whole.with_subsection(common, &[subheading, entries])),
            None => Ok(whole.with_section((title, version), &[subheading, entries])),
        }
    }
}

impl Stage {
    fn is(&self, version: &Version) -> bool {
        matches!(self, Self::Version(own) if own == version)
    }
}

impl<'s> Whole<'s> {
    pub(super) fn parse(text: &str, format: Format, share: &'s Share) -> Result<Self, ChangelogError> {
        let document = Changelog::parse(text.to_owned(), format)?;
        let entries = entries(&document, share);
        Ok(Self { document, share, entries })
    }

    fn is_own(&self, entry: &Entry) -> bool {
        entry.package == Some(self.share.own)
    }

    fn is_of_version(&self, entry: &Entry, version: &Version) -> bool {
        let around = entry.within.map_or(entry, |section| &self.entries[section]);
        self.is_own(entry) && around.stage.is(version)
    }

    /// Whether sections are named after packages, not subsections.
    fn has_named_sections(&self) -> bool {
        self.entries.iter().any(|entry| entry.within.is_none() && entry.package.is_some())
    }

    /// The package's section of what is not released.
    fn own_section(&self) -> Option<&Entry> {
        self.entries
            .iter()
            .find(|entry| self.is_own(entry) && entry.within.is_none() && entry.stage == Stage::Unreleased)
    }

    /// The package's subsection in a section.
    fn own_subsection(&self, section: usize) -> Option<&Entry> {
        self.entries.iter().find(|entry| self.is_own(entry) && entry.within == Some(section))
    }

    fn part(&self) -> String {
        let document = &self.document;
        let ending = document.ending();
        let mut part = String::new();
        for (at, entry) in self.entries.iter().enumerate() {
            let heading = || document.raw(entry.heading.first..entry.heading.last + 1);
            let (first, texts) = match (entry.within, self.own_subsection(at)) {
                (None, Some(own)) if entry.package.is_none() => {
                    let body = own.heading.last + 1..own.lines.end;
                    (own.heading.first, vec![heading(), self.shifted_lines(document, body, -1)])
                }
                (None, None) if entry.package.is_none() && entry.stage == Stage::Unreleased => {
                    (entry.heading.first, vec![heading()])
                }
                (None, _) if self.is_own(entry) && entry.stage != Stage::Other => {
                    let title = &document.text[entry.heading.title.clone()];
                    let heading = document.retitled(&entry.heading, named(title, &self.share.names).1);
                    let body = document.raw(entry.heading.last + 1..entry.lines.end);
                    (entry.heading.first, vec![heading, body])
                }
                _ => continue,
            };
            match part.is_empty() {
                true => part = ending.repeat(first),
                false => part.push_str(&ending.repeat(1 + document.blank_lines_between_sections())),
            }
            part.push_str(&joined(&texts, ending));
        }
        part.push_str(ending);
        part
    }

    /// The text without what the package had not released, but for what is left of it.
    fn without_open(&self, left: Option<&str>) -> String {
        let document = &self.document;
        if let Some(own) = self.own_section() {
            return match left {
                Some(left) => {
                    let heading = document.raw(own.heading.first..own.heading.last + 1);
                    self.replaced(own.lines.clone(), &[heading, left.to_owned()])
                }
                None => self.removed(own),
            };
        }
        let open =
            self.entries.iter().position(|entry| entry.package.is_none() && entry.stage == Stage::Unreleased);
        match (open.and_then(|open| self.own_subsection(open)), left.unwrap_or_default()) {
            (Some(own), "") => self.removed(own),
            (Some(own), left) => {
                let heading = document.raw(own.heading.first..own.heading.last + 1);
                self.replaced(own.lines.clone(), &[heading, left.to_owned()])
            }
            (None, _) => document.text.clone(),
        }
    }

    /// The text without an entry and the blank lines below.
    fn removed(&self, entry: &Entry) -> String {
        let lines = &self.document.lines;
        let is_blank = |at: &usize| lines[*at].of(&self.document.text).trim().is_empty();
        let blank = (entry.lines.end..lines.len()).take_while(is_blank).count();
        let span = lines[entry.lines.start].start..lines[entry.lines.end + blank - 1].next;
        self.document.edited(vec![Edit { span, text: String::new() }])
    }

    fn replaced(&self, lines: Range<usize>, texts: &[String]) -> String {
        let span = self.document.lines[lines.start].start..self.document.lines[lines.end - 1].end;
        let text = joined(texts, self.document.ending());
        self.document.edited(vec![Edit { span, text }])
    }

    /// The text with a section above those of versions, or below what is not released.
    fn with_section(&self, (title, version): (&str, &Version), texts: &[String]) -> String {
        let document = &self.document;
        let mut sections = self.entries.iter().filter(|entry| entry.within.is_none());
        let first = sections.clone().find(|entry| matches!(entry.stage, Stage::Version(_)));
        let open = sections.rfind(|entry| entry.stage == Stage::Unreleased);
        let heading = match first.or(open) {
            Some(like) => document.retitled(&like.heading, title),
            None if document.format == Format::Markdown => format!("## {title}"),
            None => format!("{title}{}{}", document.ending(), "-".repeat(super::rst::width(title))),
        };
        let ending = document.ending();
        let mut section = joined(&[&[heading], texts].concat(), ending);
        let at = match (first, open) {
            (Some(first), _) => {
                section.push_str(&ending.repeat(1 + document.blank_lines_between_sections()));
                document.lines[document.above_targets(first.heading.first)].start
            }
            (None, open) => {
                let last = open.map_or(document.lines.len(), |open| open.lines.end);
                section.insert_str(0, &ending.repeat(2));
                last.checked_sub(1).map_or(0, |last| document.lines[last].end)
            }
        };
        let mut edits = self.references(title, version);
        edits.push(Edit { span: at..at, text: section });
        document.edited(edits)
    }

    /// The text with a subsection at the end of a section.
    fn with_subsection(&self, section: &Entry, texts: &[String]) -> String {
        let document = &self.document;
        let at = document.lines[section.lines.end - 1].end;
        let text = format!("{}{}", document.ending().repeat(2), joined(texts, document.ending()));
        document.edited(vec![Edit { span: at..at, text }])
    }

    /// The heading of the package's subsection.
    fn subheading(&self) -> String {
        let document = &self.document;
        let subsections = || self.entries.iter().filter(|entry| entry.within.is_some());
        let name = &self.share.names[self.share.own];
        if let Some(own) = subsections().find(|entry| self.is_own(entry)) {
            return document.raw(own.heading.first..own.heading.last + 1);
        }
        if let Some(other) = subsections().next() {
            return document.retitled(&other.heading, name);
        }
        match document.format {
            Format::Markdown => {
                let section = self.entries.iter().find(|entry| entry.stage != Stage::Other);
                let level = section.map_or(2, |entry| entry.heading.level);
                format!("{} {name}", "#".repeat(level + 1))
            }
            Format::Rst => format!("{name}{}{}", document.ending(), "~".repeat(super::rst::width(name))),
        }
    }

    /// The title of a version with the package's name, as other versions have theirs.
    fn own_title(&self, title: &str, version: &Version, day: &str) -> String {
        let names = &self.share.names;
        let name = &names[self.share.own];
        let is_version = |entry: &&Entry| {
            entry.within.is_none() && entry.package.is_some() && matches!(entry.stage, Stage::Version(_))
        };
        let mut versions = self.entries.iter().filter(is_version);
        let own = versions.clone().find(|entry| self.is_own(entry));
        let like = own.or_else(|| versions.next()).and_then(|entry| Some((entry.package?, entry)));
        let Some((package, like)) = like.filter(|_| named(title, names).0 != Some(self.share.own)) else {
            let is_named = named(title, names).0 == Some(self.share.own);
            let plain = || format!("{name} {}", title.replacen('[', "", 1).replacen(']', "", 1));
            return if is_named { title.to_owned() } else { plain() };
        };
        let old = &self.document.text[like.heading.title.clone()];
        let rest = named(old, names).1;
        let before = &old[..old.len() - rest.len()];
        match (style_of(rest), date::parse(day)) {
            _ if own.is_some() => format!("{before}{title}"),
            (Some(style), Some(day)) if before.contains(&names[package]) => {
                let before = before.replacen(&names[package], name, 1);
                format!("{before}{}", style.write(&version.to_string(), day, None))
            }
            _ => format!("{name} {title}"),
        }
    }

    fn shifted(&self, part: &Changelog, section: &super::parts::Part, by: isize) -> String {
        self.shifted_lines(part, section.heading.last + 1..section.body.end, by)
    }

    /// Lines of a changelog with their headings so many levels deeper.
    fn shifted_lines(&self, of: &Changelog, lines: Range<usize>, by: isize) -> String {
        let mut edits = Vec::new();
        for heading in of.headings.iter().filter(|heading| lines.contains(&heading.first)) {
            let span = of.lines[heading.first].start..of.lines[heading.last].end;
            let old = &of.text[span.clone()];
            let text = match of.format {
                Format::Markdown if !old.trim_start().starts_with('#') => continue,
                Format::Markdown if by < 0 => old.replacen("##", "#", 1),
                Format::Markdown => old.replacen('#', "##", 1),
                Format::Rst => match self.adornment_beside(adornment(of, heading), by) {
                    Some((mark, has_overline)) => {
                        let title = &of.text[heading.title.clone()];
                        let marks = mark.to_string().repeat(super::rst::width(title));
                        let ending = of.ending();
                        let over = if has_overline { format!("{marks}{ending}") } else { String::new() };
                        format!("{over}{title}{ending}{marks}")
                    }
                    None => continue,
                },
            };
            edits.push(Edit { span, text });
        }
        let Some(last) = lines.clone().last() else { return String::new() };
        let (start, end) = (of.lines[lines.start].start, of.lines[last].end);
        let mut text = String::new();
        let mut at = start;
        for edit in edits {
            text.push_str(&of.text[at..edit.span.start]);
            text.push_str(&edit.text);
            at = edit.span.end;
        }
        text.push_str(&of.text[at..end]);
        text.trim_matches(['\n', '\r']).trim_end().to_owned()
    }

    /// The adornment of the level that is so much deeper in this file.
    fn adornment_beside(&self, own: Option<(char, bool)>, by: isize) -> Option<(char, bool)> {
        let document = &self.document;
        let level = document.headings.iter().find(|heading| adornment(document, heading) == own)?.level;
        let level = level.checked_add_signed(by)?;
        adornment(document, document.headings.iter().find(|heading| heading.level == level)?)
    }
}

impl Changelog {
    /// Lines as they are, without blank ones around them.
    fn raw(&self, lines: Range<usize>) -> String {
        let Some(last) = lines.clone().last() else { return String::new() };
        let text = &self.text[self.lines[lines.start].start..self.lines[last].end];
        text.trim_matches(['\n', '\r']).trim_end().to_owned()
    }
}

/// The mark below a title of reStructuredText, and whether it is above it too.
fn adornment(document: &Changelog, heading: &Heading) -> Option<(char, bool)> {
    let mark = document.lines[heading.last].of(&document.text).trim().chars().next()?;
    Some((mark, heading.last - heading.first > 1))
}

/// Texts that are not empty, with blank lines between them.
fn joined(texts: &[String], ending: &str) -> String {
    let texts: Vec<&str> = texts.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
    texts.join(&ending.repeat(2))
}

/// The package at the start of a title, and the rest.
pub(super) fn named<'t>(title: &'t str, names: &[String]) -> (Option<usize>, &'t str) {
    let start = title.trim_start_matches(|letter: char| "[`*_ ".contains(letter));
    let inside = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let end = start.find(|letter| !inside(letter)).unwrap_or(start.len());
    let package = names.iter().position(|name| normalize(name) == normalize(&start[..end]));
    match package {
        Some(_) => (package, start[end..].trim_start_matches(|letter: char| "]`*_: ".contains(letter))),
        None => (None, title),
    }
}

fn stage_of(rest: &str, package: Option<usize>, share: &Share) -> Stage {
    match Title::of(rest) {
        Title::Unreleased(one) if !one.is_doubtful => Stage::Unreleased,
        Title::Release(release) => {
            // The version of a package that is no member, or not any more.
            let word = rest.trim_start_matches(['[', '`', '*', '_', ' ']).split_whitespace().next();
            let of_another = word.is_some_and(|word| {
                let is_word = word.chars().all(|letter| !letter.is_ascii_digit()) && word != "v";
                is_word && !["version", "release"].contains(&word.to_ascii_lowercase().as_str())
            });
            match of_another && (package.is_some() || !share.is_locked) {
                true => Stage::Other,
                false => Stage::Version(release.version),
            }
        }
        _ => Stage::Other,
    }
}

/// The sections, and the packages' subsections in those of no package.
fn entries(document: &Changelog, share: &Share) -> Vec<Entry> {
    let meanings: Vec<(Option<usize>, Stage)> = document
        .headings
        .iter()
        .map(|heading| {
            let (package, rest) = named(&document.text[heading.title.clone()], &share.names);
            (package, stage_of(rest, package, share))
        })
        .collect();
    let sectioned = document.headings.iter().zip(&meanings).find(|(_, (_, stage))| *stage != Stage::Other);
    let Some(level) = sectioned.map(|(heading, _)| heading.level) else { return Vec::new() };
    let end_of = |at: usize, level: usize| {
        let next = document.headings[at + 1..].iter().find(|heading| heading.level <= level);
        let end = next.map_or(document.lines.len(), |heading| heading.first);
        document.without_foot(document.headings[at].last + 1..end).end
    };
    let mut entries: Vec<Entry> = Vec::new();
    // The section of no package that subsections are in, and their level
    let mut open: Option<(usize, Option<usize>)> = None;
    for (at, (heading, (package, stage))) in document.headings.iter().zip(meanings).enumerate() {
        let lines = heading.first..end_of(at, heading.level);
        let entry = |stage, within| Entry { heading: heading.clone(), package, stage, lines, within };
        if heading.level <= level {
            let is_common = package.is_none() && stage != Stage::Other && heading.level == level;
            open = is_common.then_some((entries.len(), None));
            entries.push(entry(stage, None));
        } else if let Some((section, sublevel)) = &mut open {
            let sublevel = *sublevel.get_or_insert(heading.level);
            if heading.level == sublevel && package.is_some() && stage == Stage::Other {
                entries.push(entry(Stage::Other, Some(*section)));
            }
        }
    }
    entries
}
