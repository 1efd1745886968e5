//! Notes that the changelog does not have: inserts them as the section of a version.

use std::ops::Range;

use jiff::civil::Date;

use super::edit::Edit;
use super::lines::{Kind, begins_item};
use super::parts::Part;
use super::promote::{Promoted, Promotion};
use super::references::Naming;
use super::{Changelog, ChangelogError, Format};

impl Changelog {
    /// The lines of entries that stand above the newest version's section without a heading; none if anything else
    /// stands there, or there is an Unreleased section.
    fn bare_entries(&self) -> Option<Range<usize>> {
        let newest = self.newest().filter(|_| self.unreleased_part().is_none() && !self.is_listed())?;
        let title = self.headings.iter().rfind(|heading| heading.last < newest.heading.first);
        let mut lines = title.map_or(0, |title| title.last + 1)..self.above_targets(newest.heading.first);
        let line = |index: usize| self.lines[index].of(&self.text);
        let is_blank = |index: &usize| line(*index).trim().is_empty();
        let first = lines.clone().find(|index| !is_blank(index))?;
        let last = lines.rfind(|index| !is_blank(index))?;
        let is_item = |index: usize| begins_item(line(index));
        let continues =
            |index: usize| line(index).starts_with([' ', '\t']) || self.kinds[index] != Kind::Text;
        let is_entry = |index: usize| is_blank(&index) || is_item(index) || continues(index);
        (is_item(first) && (first..last).all(is_entry) && is_entry(last)).then_some(first..last + 1)
    }

    /// Whether entries stand above the newest version's section without a heading.
    pub fn has_bare_entries(&self) -> bool {
        self.bare_entries().is_some()
    }

    /// The changelog with the version's heading above such entries; none if there are none.
    pub(super) fn with_heading(&self, promotion: &Promotion<'_>, day: Date) -> Option<Promoted> {
        let entries = self.bare_entries()?;
        let notes = self.body(entries.clone(), |_| false);
        let inserted = self.inserted(promotion, day, (&notes, Some(entries.start)));
        Some(inserted).filter(|promoted| self.checked(promotion, promoted.clone()).is_ok())
    }

    /// The changelog with a section for the version, above those of earlier ones.
    pub(super) fn with_section(
        &self,
        promotion: &Promotion<'_>,
        day: Date,
        notes: &str,
    ) -> Result<Promoted, ChangelogError> {
        self.checked(promotion, self.inserted(promotion, day, (notes, None)))
    }

    /// The changelog with the heading of a version above the line of its notes, or with both if they are not there yet.
    fn inserted(
        &self,
        promotion: &Promotion<'_>,
        day: Date,
        (notes, line): (&str, Option<usize>),
    ) -> Promoted {
        let newest = self.newest();
        let naming = Naming {
            version: promotion.version,
            links: promotion.links,
            newest: newest.and_then(Part::release),
        };
        let style = self.style(newest, false);
        let inline = style.inline_link().and_then(|address| naming.address_like(address));
        let title = match promotion.heading {
            Some(heading) => heading.to_owned(),
            None => style.write(&self.spelled(promotion.version), day, inline.as_deref()),
        };
        let ending = self.ending();
        let body = notes.trim().replace('\n', ending);
        let mut edits = Vec::new();
        match newest {
            Some(newest) => {
                let marker = self.dated_marker(newest, &naming, day);
                let marker = marker.map(|(line, blank)| format!("{}{line}", ending.repeat(blank + 1)));
                let marker = marker.unwrap_or_default();
                let labels = self.labels_like(newest, promotion.version).unwrap_or_default();
                let heading = labels + &self.retitled(&newest.heading, &title);
                let blank = ending.repeat(1 + self.blank_lines_below(newest));
                let space = ending.repeat(1 + self.blank_lines_between_sections());
                let at = self.lines[line.unwrap_or_else(|| self.above_targets(newest.heading.first))].start;
                let body = if line.is_some() { String::new() } else { body + &space };
                edits.push(Edit { span: at..at, text: format!("{heading}{marker}{blank}{body}") });
                edits.extend(self.references(
                    &naming,
                    style.is_bracketed() && super::style::inline_link(&title).is_none(),
                    false,
                    &title,
                ));
            }
            None => {
                let heading = match self.format {
                    Format::Markdown => format!("## {title}"),
                    Format::Rst => format!("{title}{ending}{}", "-".repeat(super::rst::width(&title))),
                };
                let end = self.text.len();
                let space = match self.text.trim_end() {
                    "" => "",
                    text if text.len() == end => &ending.repeat(2),
                    _ => ending,
                };
                let text = format!("{space}{heading}{ending}{ending}{body}{ending}");
                edits.push(Edit { span: end..end, text });
            }
        }
        let text = self.edited(edits);
        Promoted { text, notes: notes.trim().to_owned(), heading: title, was_written: false }
    }

    /// The notes below the heading of a section.
    pub(super) fn notes_below(&self, part: &Part, newest: Option<&Part>, notes: &str) -> Edit {
        let ending = self.ending();
        let above = part.body.start - 1;
        let at = self.lines[above].end;
        let blank = ending.repeat(1 + newest.map_or(1, |newest| self.blank_lines_below(newest)));
        let body = notes.trim().replace('\n', ending);
        // The lines of the old body go, the blank ones below it stay.
        let missing = if self.lines[above].ending(&self.text).is_empty() { "" } else { ending };
        let at = if missing.is_empty() { at } else { self.lines[above].next };
        let lead = if missing.is_empty() { blank.as_str() } else { &blank[ending.len()..] };
        Edit { span: at..at, text: format!("{lead}{body}{missing}") }
    }

    /// Refuses notes that are more than the body of a section: a heading among them would be another version's.
    pub(super) fn checked(
        &self,
        promotion: &Promotion<'_>,
        promoted: Promoted,
    ) -> Result<Promoted, ChangelogError> {
        let again = Self::parse(promoted.text.clone(), self.format)?;
        let versions = again.versions();
        let section = versions.iter().find(|section| section.version.as_ref() == Some(promotion.version));
        match section.is_some_and(|section| section.body == promoted.notes) {
            true => Ok(promoted),
            false => Err(ChangelogError::Notes),
        }
    }

    /// How many blank lines follow the heading of a section.
    fn blank_lines_below(&self, part: &Part) -> usize {
        let lines = self.lines[part.body.start.min(part.body.end)..part.body.end].iter();
        lines.take_while(|line| line.of(&self.text).trim().is_empty()).count().min(2)
    }
}
