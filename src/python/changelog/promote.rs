//! Promotes a changelog: what is not released becomes the version's section.

use std::ops::Range;

use jiff::civil::Date;

use super::edit::Edit;
use super::lines::Heading;
use super::links::Comparison;
use super::parts::Part;
use super::references::Naming;
use super::remainder::Remainder;
use super::select::Choice;
use super::style::{self, Style};
use super::takeover::Takeover;
use super::title::{Planned, Title, Unreleased};
use super::{Changelog, ChangelogError, CompareLinks, Format, compared, date, words};
use crate::python::version::Version;

/// What a release does with a changelog
#[derive(Debug, Clone, Copy)]
pub struct Promotion<'a> {
    pub version: &'a Version,
    /// `YYYY-MM-DD`
    pub date: &'a str,
    pub links: Option<&'a CompareLinks>,
    /// What is left for the next changes; by default an Unreleased section, unless the old one names the version
    pub remainder: Option<&'a Remainder>,
    /// Whether an Unreleased section is left, whatever `remainder` says
    pub leaves_unreleased: Option<bool>,
    /// The title of the heading, if not as in earlier versions
    pub heading: Option<&'a str>,
    /// The heading of an earlier version, for a changelog without any
    pub example: Option<&'a str>,
    /// The changes, if the changelog does not have them; line endings are `\n`
    pub notes: Option<&'a str>,
    /// How a final release takes over the section of its last pre-release, if it does
    pub takeover: Option<&'a Takeover>,
    /// Whether a section without changes is released as it is
    pub allows_empty: bool,
    /// Whether entries above the newest version, without a heading, are what is not released
    pub takes_bare_entries: bool,
}

/// A changelog after the release
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promoted {
    /// The whole new text
    pub text: String,
    /// The changes, without the heading; line endings are `\n`
    pub notes: String,
    /// The heading of the version's section, as written
    pub heading: String,
    /// Whether the section had the version's heading before
    pub was_written: bool,
}

/// Adjacent lines that go
struct Run {
    lines: Range<usize>,
    /// Whether a blank line stays in their place, so that what was apart stays apart
    joins: bool,
}

impl Run {
    /// Whether a blank line stays in the place of this one.
    fn keeps(&self, index: usize) -> bool {
        self.joins && index == self.lines.start
    }
}

impl<'a> Promotion<'a> {
    pub fn new(version: &'a Version, date: &'a str) -> Self {
        Self {
            version,
            date,
            links: None,
            remainder: None,
            leaves_unreleased: None,
            heading: None,
            example: None,
            notes: None,
            takeover: None,
            allows_empty: false,
            takes_bare_entries: false,
        }
    }
}

impl Changelog {
    /// Turns what is not released into the section of a version, and updates the link references.
    ///
    /// The heading follows the style of the newest version's, or else Keep a Changelog. References follow the pattern
    /// of existing ones; if there are none and the headings are in brackets, `links` supplies them. Comments and empty
    /// headings of the section stay with Unreleased. All bytes outside the section and the references are unchanged.
    ///
    /// A section that has the version's heading already stays as it is, but for a date that is missing.
    ///
    /// # Errors
    /// There is no section, or it is empty or in the wrong place, or the date is not valid.
    pub fn promote(&self, promotion: &Promotion<'_>) -> Result<Promoted, ChangelogError> {
        let date = promotion.date;
        let day = date::parse(date)
            .ok_or_else(|| ChangelogError::Date { date: date.chars().take(40).collect() })?;
        if self.is_listed() {
            return self.marked_in_list(promotion);
        }
        if let Some(promoted) = self.taken_over(promotion, day) {
            return Ok(promoted);
        }
        match self.choose(promotion.version) {
            Ok(Choice::Unreleased(part, unreleased)) => self.promoted(promotion, day, part, unreleased),
            Ok(Choice::Written(part)) => match promotion.notes {
                None if self.is_released(part, promotion) => Err(ChangelogError::Exists {
                    version: promotion.version.clone(),
                    line: self.line_of(&part.heading),
                }),
                None => Ok(self.dated(promotion, day, part)),
                Some(_) => Err(ChangelogError::HasEntries { line: self.line_of(&part.heading) }),
            },
            Err(error @ ChangelogError::NoUnreleased { .. }) => match promotion.notes {
                Some(notes) => self.with_section(promotion, day, notes),
                None if promotion.takes_bare_entries => self.with_heading(promotion, day).ok_or(error),
                None => Err(error),
            },
            Err(error) => Err(error),
        }
    }

    fn promoted(
        &self,
        promotion: &Promotion<'_>,
        day: Date,
        part: &Part,
        unreleased: &Unreleased,
    ) -> Result<Promoted, ChangelogError> {
        let own = || Remainder {
            is_left: unreleased.planned.is_none(),
            template: self.own_template(part),
            ..Remainder::default()
        };
        let mut remainder = promotion.remainder.cloned().unwrap_or_else(own);
        remainder.is_left = promotion.leaves_unreleased.unwrap_or(remainder.is_left);
        let remainder = &remainder;
        let is_empty = self.is_without_changes(part, remainder);
        let body = match promotion.notes {
            Some(_) if !is_empty => {
                return Err(ChangelogError::HasEntries { line: self.line_of(&part.heading) });
            }
            None if is_empty && !promotion.allows_empty => {
                return Err(ChangelogError::Empty { line: self.line_of(&part.heading) });
            }
            given => given,
        };
        let newest = self.newest();
        let naming = Naming {
            version: promotion.version,
            links: promotion.links,
            newest: newest.and_then(Part::release),
        };
        let style = match promotion.example.and_then(style_of).filter(|_| newest.is_none()) {
            Some(style) => style,
            None => self.style(newest, unreleased.bracketed),
        };
        let old_title = &self.text[part.heading.title.clone()];
        let mut new_unreleased = match (&unreleased.planned, unreleased.bracketed) {
            (Some(_), true) => "[Unreleased]".to_owned(),
            (Some(_), false) => "Unreleased".to_owned(),
            (None, _) => old_title.to_owned(),
        };
        let mut inline = style.inline_link().and_then(|address| naming.address_like(address));
        if let Some(span) = style::inline_link(old_title)
            && let Some(comparison) = Comparison::of(&old_title[span.clone()])
        {
            let older = naming.last_tag(comparison.older());
            let tag = naming.tag(Some(&older));
            if style.inline_link().is_none_or(|link| Comparison::of(link).is_some()) {
                inline = Some(comparison.with(&older, &tag));
            }
            if unreleased.planned.is_none() {
                new_unreleased.replace_range(span, &comparison.with(&tag, comparison.newer()));
            }
        }
        let same = unreleased.planned.as_ref().and_then(|planned| planned.spelling_of(promotion.version));
        let spelling = same.map_or_else(|| self.spelled(promotion.version), str::to_owned);
        let new_title = match (newest, &unreleased.planned) {
            _ if promotion.heading.is_some() => promotion.heading.unwrap_or_default().to_owned(),
            (None, Some(planned)) if promotion.example.is_none() => {
                filled(old_title, planned, &spelling, day)
            }
            _ => style.write(&spelling, day, inline.as_deref()),
        };

        let ending = self.ending();
        // Markdown has two kinds of heading of the same level.
        let length = |heading: &Heading| heading.last - heading.first;
        let heading = newest.map(|newest| &newest.heading).filter(|newest| {
            let own = &part.heading;
            newest.level < own.level || (newest.level == own.level && length(newest) != length(own))
        });
        let mut text = self.retitled(heading.unwrap_or(&part.heading), &new_title);
        let above = part.heading.first.checked_sub(1).map(|above| self.lines[above].of(&self.text));
        if heading.is_some() && above.is_some_and(|above| !above.trim().is_empty()) {
            // An underlined title must not continue a paragraph.
            text.insert_str(0, ending);
        }
        let labels = newest.and_then(|newest| self.labels_like(newest, promotion.version));
        let labels = labels.filter(|labels| !self.has_labels(labels));
        let mut start = part.heading.first;
        if let Some(labels) = labels {
            if !remainder.is_left {
                start = self.own_labels(part);
            }
            text.insert_str(0, &labels);
        }
        let (below, mut edits) = self.marked(part, &naming, newest, &style, day);
        text.push_str(&below);
        let space = ending.repeat(1 + self.blank_lines_between_sections());
        text.insert_str(0, &self.written_successors(part, &remainder.successors, &space));
        if remainder.is_left {
            let mut left = self.retitled(&part.heading, &new_unreleased);
            let template = compared::template_after(remainder.template.trim_end(), &naming);
            if !template.is_empty() {
                left.push_str(ending);
                left.push_str(&template.replace('\n', ending));
            }
            text = format!("{left}{space}{text}");
        }
        edits.push(Edit { span: self.lines[start].start..self.lines[part.heading.last].end, text });
        let compared = if body.is_none() { self.compared(part, &naming) } else { Vec::new() };
        let removed = match body {
            Some(_) => part.body.clone().collect(),
            None => self.unreleasable(part, remainder),
        };
        let removed = self.runs(&removed);
        edits.extend(removed.iter().map(|run| {
            let (first, last) = (&self.lines[run.lines.start], &self.lines[run.lines.end - 1]);
            let text = if run.joins { ending.to_owned() } else { String::new() };
            Edit { span: first.start..last.next, text }
        }));
        edits.extend(compared);
        if let Some(notes) = body {
            edits.push(self.notes_below(part, newest, notes));
        }
        let linked = style::inline_link(&new_title).is_some();
        let bracketed = style.is_bracketed() && !linked;
        edits.extend(self.references(
            &naming,
            bracketed,
            unreleased.bracketed && remainder.is_left,
            &new_title,
        ));
        let notes = match body {
            Some(notes) => notes.trim().to_owned(),
            None => {
                let gone = |index: &usize| {
                    let after = removed.partition_point(|run| run.lines.start <= *index);
                    removed[..after].last().filter(|run| run.lines.contains(index))
                };
                let kept = part.body.clone().filter(|index| gone(index).is_none_or(|run| run.keeps(*index)));
                compared::notes_of(&self.body(kept, |index| gone(&index).is_some()), &naming)
            }
        };
        let text = self.edited(edits);
        let promoted = Promoted { text, notes, heading: new_title, was_written: false };
        match body {
            Some(_) => self.checked(promotion, promoted),
            None => Ok(promoted),
        }
    }

    /// Whether a section is dated, and there are later changes: then the version is released, or the section is not
    /// complete.
    fn is_released(&self, part: &Part, promotion: &Promotion<'_>) -> bool {
        let is_dated = part.release().is_some_and(|release| release.date.is_some());
        let plain = |part: &&Part| part.unreleased().is_some_and(|one| one.planned.is_none());
        let unreleased = self.unreleased_part().filter(plain).filter(|_| is_dated);
        let template = promotion.remainder.cloned().unwrap_or_default();
        unreleased.is_some_and(|unreleased| !self.is_without_changes(unreleased, &template))
    }

    /// Lines that go as runs of adjacent ones.
    fn runs(&self, removed: &[usize]) -> Vec<Run> {
        let is_blank =
            |index: usize| self.lines.get(index).is_none_or(|line| line.of(&self.text).trim().is_empty());
        let runs = removed.chunk_by(|one, next| one + 1 == *next);
        runs.filter_map(|run| {
            let (first, last) = (*run.first()?, *run.last()?);
            let joins = !is_blank(first.wrapping_sub(1)) && !is_blank(last + 1);
            Some(Run { lines: first..last + 1, joins })
        })
        .collect()
    }

    /// The changelog with the date in the heading of a section that has none, if others have one.
    fn dated(&self, promotion: &Promotion<'_>, day: Date, part: &Part) -> Promoted {
        let notes = self.body(part.body.clone(), |_| false);
        let old_title = &self.text[part.heading.title.clone()];
        let promoted = |text: String, heading: &str| Promoted {
            text,
            notes: notes.clone(),
            heading: heading.to_owned(),
            was_written: true,
        };
        let others =
            self.parts.iter().filter(|other| other.heading != part.heading && other.release().is_some());
        let (Some(release), Some(newest)) = (part.release(), others.into_iter().next()) else {
            return promoted(self.text.clone(), old_title);
        };
        let style = self.style(Some(newest), false);
        if release.date.is_some() || newest.release().is_none_or(|newest| newest.date.is_none()) {
            return promoted(self.text.clone(), old_title);
        }
        let naming = Naming { version: promotion.version, links: promotion.links, newest: newest.release() };
        let inline = style.inline_link().and_then(|address| naming.address_like(address));
        let title = match style.is_dated() {
            true => style.write(&release.spelling, day, inline.as_deref()),
            false => old_title.to_owned(),
        };
        let (below, mut edits) = self.marked(part, &naming, Some(newest), &style, day);
        let span = self.lines[part.heading.first].start..self.lines[part.heading.last].end;
        edits.push(Edit { span, text: self.retitled(&part.heading, &title) + &below });
        promoted(self.edited(edits), &title)
    }

    /// The style of a new version's heading.
    pub(super) fn style(&self, newest: Option<&Part>, bracketed: bool) -> Style {
        match (newest.and_then(Part::release), self.format) {
            (Some(release), _) => {
                let style = release.style.clone();
                match self.date_format(&style) {
                    Some(format) => style.with_date_format(format),
                    None => style,
                }
            }
            (None, Format::Markdown) => Style::markdown(bracketed),
            (None, Format::Rst) => Style::rst(),
        }
    }

    /// The date's format by the newest date that shows it: `May 12` does not tell months from their abbreviations, or
    /// whether a day has two digits.
    fn date_format(&self, style: &Style) -> Option<&'static str> {
        let own = style.date_format()?;
        let alike = |format: &str| format.replace("%B", "%b").replace("%-d", "%d");
        let dates = self.parts.iter().filter_map(Part::release).take(12);
        let formats: Vec<(&str, &'static str)> = dates
            .filter_map(|release| Some((release.date.as_deref()?, release.style.date_format()?)))
            .filter(|(_, format)| alike(format) == alike(own))
            .collect();
        let tells_month = |date: &str| !date.contains("May");
        let tells_day = |date: &str, format: &str| {
            let day =
                date.split(|c: char| !c.is_ascii_digit()).find(|digits| (1..=2).contains(&digits.len()));
            !format.contains('b') && !format.contains('B')
                || day.is_some_and(|day| day.len() == 1 || day.starts_with('0'))
        };
        let month = formats.iter().find(|(date, _)| tells_month(date))?.1.contains("%b");
        let day = formats
            .iter()
            .find(|(date, format)| tells_day(date, format))
            .map(|(_, format)| format.contains("%d"));
        let fits = |format: &str| {
            format.contains("%b") == month && day.is_none_or(|padded| format.contains("%d") == padded)
        };
        // Every combination that the file has is among the formats; otherwise the newest's own stays.
        formats.iter().map(|(_, format)| *format).find(|format| fits(format))
    }
}

/// The style of the heading of a version.
pub(super) fn style_of(title: &str) -> Option<Style> {
    match Title::of(title) {
        Title::Release(release) => Some(release.style),
        Title::Unreleased(_) | Title::Other => None,
    }
}

/// The title of a section with its version and date, in a file without other versions.
fn filled(title: &str, planned: &Planned, spelling: &str, day: Date) -> String {
    let Some(at) = title.find(&planned.spelling) else { return title.to_owned() };
    let (before, rest) = (&title[..at], &title[at + planned.spelling.len()..]);
    let rest = match words::placeholder(rest) {
        Some(open) => format!("{}{}{}", &rest[..open.start], date::write(day, "%Y-%m-%d"), &rest[open.end..]),
        None => rest.to_owned(),
    };
    format!("{before}{spelling}{rest}")
}
