//! Divides a changelog into the sections of its versions.

use std::collections::BTreeMap;
use std::ops::Range;

use super::Changelog;
use super::lines::Heading;
use super::marker::{Marker, Meaning};
use super::section::Category;
use super::title::{Planned, Release, Title, Unreleased};

/// A section's heading, its meaning, and the lines below it
#[derive(Debug)]
pub(super) struct Part {
    pub(super) heading: Heading,
    pub(super) title: Title,
    /// The line below the heading that says whether it is released
    pub(super) marker: Option<Marker>,
    /// Without the marker
    pub(super) body: Range<usize>,
}

impl Part {
    pub(super) fn release(&self) -> Option<&Release> {
        match &self.title {
            Title::Release(release) => Some(release),
            Title::Unreleased(_) | Title::Other => None,
        }
    }

    pub(super) fn unreleased(&self) -> Option<&Unreleased> {
        match &self.title {
            Title::Unreleased(unreleased) => Some(unreleased),
            Title::Release(_) | Title::Other => None,
        }
    }
}

impl Changelog {
    pub(super) fn find_parts(&self) -> Vec<Part> {
        let titles: Vec<Title> = self.headings.iter().map(|heading| self.title(heading)).collect();
        let Some(level) = self.level(&titles) else { return Vec::new() };
        let mut parts: Vec<Part> = Vec::new();
        let mut open = false;
        let mut released = false;
        for (heading, title) in self.headings.iter().zip(titles) {
            let is_category = || Category::of(&self.text[heading.title.clone()]).is_some();
            // Some write a category's heading with the level of the versions.
            if heading.level > level || (open && title == Title::Other && is_category()) {
                continue;
            }
            // `Development` is what is not released only above the versions.
            let title = match title {
                Title::Unreleased(one) if one.is_doubtful && (released || heading.level < level) => {
                    Title::Other
                }
                // The title of the whole.
                Title::Release(release)
                    if parts.is_empty() && heading.level < level && !release.is_certain() =>
                {
                    Title::Other
                }
                title => title,
            };
            if let Some(part) = parts.last_mut().filter(|_| open) {
                part.body.end = heading.first;
            }
            open = title != Title::Other;
            if open {
                let part = self.part(heading, title);
                released |= part.release().is_some();
                parts.push(part);
            }
        }
        for part in &mut parts {
            part.body = self.without_foot(part.body.clone());
        }
        parts
    }

    /// The meaning of a heading's text, and of the line below that says that it is not released.
    fn title(&self, heading: &Heading) -> Title {
        let text = &self.text[heading.title.clone()];
        let title = Title::of(text);
        let series = Title::of_series(text).filter(|_| title == Title::Other);
        let is_open = || {
            let marker = Marker::below(heading, &self.text, &self.lines, &self.kinds);
            marker.is_some_and(|marker| marker.is_open())
        };
        series.filter(|_| is_open()).unwrap_or(title)
    }

    /// The level of the sections: that of Unreleased, or else of the versions; of several, the topmost one's. A title of the
    /// whole that names a version (`Demo 1.2`) is above them.
    fn level(&self, titles: &[Title]) -> Option<usize> {
        let mut versions: BTreeMap<usize, (usize, bool, usize)> = BTreeMap::new();
        for (heading, title) in self.headings.iter().zip(titles) {
            match title {
                Title::Unreleased(one) if !one.is_doubtful => return Some(heading.level),
                Title::Release(release) => {
                    let (count, is_certain, _) =
                        versions.entry(heading.level).or_insert((0, false, heading.first));
                    *count += 1;
                    *is_certain |= release.is_certain();
                }
                Title::Unreleased(_) | Title::Other => {}
            }
        }
        let plausible = versions.iter().filter(|(_, (count, is_certain, _))| *count > 1 || *is_certain);
        let plausible = plausible.min_by_key(|(_, (_, _, first))| *first);
        plausible.or(versions.iter().next()).map(|(level, _)| *level)
    }

    fn part(&self, heading: &Heading, title: Title) -> Part {
        let marker = Marker::below(heading, &self.text, &self.lines, &self.kinds)
            .filter(|marker| self.heading_from(marker.line).is_none());
        let title = match (title, &marker) {
            (Title::Release(release), Some(marker)) if marker.is_open() && release.date.is_none() => {
                let planned =
                    Some(Planned { version: release.version, spelling: release.spelling, is_series: false });
                let bracketed = self.text[heading.title.clone()].starts_with('[');
                Title::Unreleased(Unreleased { planned, bracketed, is_doubtful: false })
            }
            (Title::Release(release), Some(Marker { line, meaning: Meaning::Dated { span, .. }, .. }))
                if release.date.is_none() =>
            {
                let date = Some(self.lines[*line].of(&self.text)[span.clone()].to_owned());
                Title::Release(Release { date, ..release })
            }
            (title, _) => title,
        };
        let start = marker.as_ref().map_or(heading.last + 1, |marker| marker.end);
        Part { heading: heading.clone(), title, marker, body: start..self.lines.len() }
    }

    /// The lines of a body without trailing blank lines, link references of versions, and targets of the next
    /// heading.
    pub(super) fn without_foot(&self, body: Range<usize>) -> Range<usize> {
        let mut end = body.end;
        while end > body.start {
            let is_blank = self.lines[end - 1].of(&self.text).trim().is_empty();
            if !(is_blank || self.label(end - 1).is_some() || self.is_reference(end - 1)) {
                break;
            }
            end -= 1;
        }
        body.start..end.max(body.start)
    }

    pub(super) fn newest(&self) -> Option<&Part> {
        self.parts.iter().find(|part| part.release().is_some())
    }
}
