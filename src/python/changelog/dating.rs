//! Dates the line below a heading that says when the version was released.

use jiff::civil::Date;

use super::edit::Edit;
use super::marker::Meaning;
use super::parts::Part;
use super::references::Naming;
use super::style::{self, Style};
use super::{Changelog, date};

impl Changelog {
    /// What follows the heading on lines of its own, and the edits of the line that said that it is not released.
    pub(super) fn marked(
        &self,
        part: &Part,
        naming: &Naming<'_>,
        newest: Option<&Part>,
        style: &Style,
        day: Date,
    ) -> (String, Vec<Edit>) {
        let dated = newest.and_then(|newest| self.dated_marker(newest, naming, day));
        let marker = part.marker.as_ref().filter(|marker| marker.is_open());
        let Some(marker) = marker else {
            // Only a section without a marker gets one.
            let below =
                dated.filter(|_| part.marker.is_none() && !style.is_dated()).map(|(marker, blank)| {
                    let ending = self.ending();
                    let next = self.lines.get(part.heading.last + 1);
                    let separated = next.is_none_or(|next| next.of(&self.text).trim().is_empty());
                    let space = if separated { "" } else { ending };
                    format!("{}{marker}{space}", ending.repeat(blank + 1))
                });
            return (below.unwrap_or_default(), Vec::new());
        };
        let place = &self.lines[marker.line];
        let line = place.of(&self.text);
        let span = place.start..self.lines[marker.end - 1].end;
        let edit = match (dated, newest) {
            (Some((dated, _)), _) => Edit { span, text: dated },
            // Other sections have their date in the heading, or none.
            (None, Some(_)) => {
                let blank = |index: &usize| self.lines[*index].of(&self.text).trim().is_empty();
                let end = (marker.end..part.body.end).take_while(blank).last().unwrap_or(marker.end - 1);
                Edit { span: place.start..self.lines[end].next, text: String::new() }
            }
            (None, None) => {
                let date = date::write(day, "%Y-%m-%d");
                let bare = line.trim().chars().all(|c| c.is_alphanumeric() || c == ' ');
                let date = if bare { format!("Released {date}") } else { date };
                Edit { span, text: marker.meaning.replaced(line, &date) }
            }
        };
        (String::new(), vec![edit])
    }

    /// The line that dates a section, for the release on a day, and how many blank lines are above it.
    pub(super) fn dated_marker(
        &self,
        part: &Part,
        naming: &Naming<'_>,
        day: Date,
    ) -> Option<(String, usize)> {
        let marker = part.marker.as_ref()?;
        let Meaning::Dated { format, .. } = &marker.meaning else { return None };
        let line = self.lines[marker.line].of(&self.text);
        let blank = marker.line - (part.heading.last + 1);
        let mut line = marker.meaning.replaced(line, &date::write(day, format));
        if let Some(span) = style::inline_link(&line) {
            let address = naming.address_like(&line[span.clone()])?;
            line.replace_range(span, &address);
        }
        Some((line, blank))
    }
}
