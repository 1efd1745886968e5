//! Which section of a changelog a release takes.

use super::lines::Kind;
use super::parts::Part;
use super::title::{Title, Unreleased};
use super::{Changelog, ChangelogError, Format};
use crate::python::version::Version;

/// The section of a release
#[derive(Debug, Clone, Copy)]
pub(super) enum Choice<'a> {
    /// What is not released becomes the release's
    Unreleased(&'a Part, &'a Unreleased),
    /// The version has a section with its heading already
    Written(&'a Part),
}

/// Whether the heading of a section that is not released names the version.
fn announces(part: &Part, version: &Version) -> bool {
    let planned = part.unreleased().and_then(|one| one.planned.as_ref());
    planned.is_some_and(|planned| planned.is(version))
}

impl Changelog {
    /// The section for a release of `version`.
    ///
    /// # Errors
    /// There is none, or it cannot be told which.
    pub(super) fn choose(&self, version: &Version) -> Result<Choice<'_>, ChangelogError> {
        let planned_for = |part: &Part, wanted: &dyn Fn(&Version) -> bool| {
            part.unreleased()
                .and_then(|one| one.planned.as_ref())
                .is_some_and(|planned| wanted(&planned.version))
        };
        let promoting = |part: &'_ Part| part.unreleased().is_some();
        if let Some(part) = self.parts.iter().find(|part| announces(part, version)) {
            return self.promotable(part);
        }
        let is_written = |part: &&Part| part.release().is_some_and(|release| release.version == *version);
        if let Some(part) = self.parts.iter().find(is_written) {
            return Ok(Choice::Written(part));
        }
        let first_release = self.parts.iter().position(|part| part.release().is_some());
        let above = &self.parts[..first_release.unwrap_or(self.parts.len())];
        let mut plain =
            above.iter().filter(|part| part.unreleased().is_some_and(|one| one.planned.is_none()));
        if let (Some(first), second) = (plain.next(), plain.next()) {
            return match second {
                None => self.promotable(first),
                Some(second) => Err(ChangelogError::Twice {
                    first: self.line_of(&first.heading),
                    second: self.line_of(&second.heading),
                }),
            };
        }
        // A pre-release of the planned version, or else the lowest one.
        let leads_to = |planned: &Version| planned.release_segments() == version.release_segments();
        let planned = above.iter().find(|part| planned_for(part, &leads_to));
        if let Some(part) = planned.or_else(|| above.iter().rev().find(|part| promoting(part))) {
            return self.promotable(part);
        }
        let below = self.parts.iter().find(|part| part.unreleased().is_some_and(|one| one.planned.is_none()));
        match (below, first_release) {
            (Some(below), Some(above)) => {
                let (line, above) = (self.line_of(&below.heading), &self.parts[above]);
                let Some(release) = above.release() else { return Err(self.no_unreleased()) };
                let (version, above) = (release.version.clone(), self.line_of(&above.heading));
                Err(ChangelogError::Misplaced { line, version, above })
            }
            _ => Err(self.no_unreleased()),
        }
    }

    fn promotable<'a>(&'a self, part: &'a Part) -> Result<Choice<'a>, ChangelogError> {
        let Some(unreleased) = part.unreleased() else { return Err(self.no_unreleased()) };
        let first = self.line_of(&part.heading);
        for heading in self.headings.iter().filter(|heading| part.body.contains(&heading.first)) {
            let line = self.line_of(heading);
            match Title::of(&self.text[heading.title.clone()]) {
                Title::Release(release) if release.is_certain() => {
                    let version = release.version;
                    return Err(ChangelogError::Deeper { line, version, unreleased: first });
                }
                Title::Unreleased(one) if !one.is_doubtful => {
                    return Err(ChangelogError::Twice { first, second: line });
                }
                _ => {}
            }
        }
        Ok(Choice::Unreleased(part, unreleased))
    }

    /// The section with what is not released: the one without a version, or else the lowest one.
    pub(super) fn unreleased_part(&self) -> Option<&Part> {
        let first_release = self.parts.iter().position(|part| part.release().is_some());
        let above = &self.parts[..first_release.unwrap_or(self.parts.len())];
        let plain = |part: &&Part| part.unreleased().is_some_and(|one| one.planned.is_none());
        let anywhere = || self.parts.iter().find(plain);
        above.iter().find(plain).or_else(|| above.last()).or_else(anywhere)
    }

    fn no_unreleased(&self) -> ChangelogError {
        let first = self.parts.first();
        let bracketed = first.and_then(Part::release).is_none_or(|release| release.style.is_bracketed());
        let heading = match self.format {
            Format::Markdown => {
                let marks = "#".repeat(first.map_or(2, |part| part.heading.level));
                if bracketed { format!("{marks} [Unreleased]") } else { format!("{marks} Unreleased") }
            }
            Format::Rst => "Unreleased".to_owned(),
        };
        let hidden = self.lines.iter().zip(&self.kinds).position(|(line, kind)| {
            let title = line.of(&self.text).trim().trim_start_matches('#').trim();
            *kind != Kind::Text && matches!(Title::of(title), Title::Unreleased(one) if !one.is_doubtful)
        });
        ChangelogError::NoUnreleased {
            heading,
            before: first.map(|part| self.line_of(&part.heading)),
            hidden: hidden.map(|index| index + 1),
        }
    }
}
