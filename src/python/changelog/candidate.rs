//! The section of a pre-release that becomes that of the final version.

use std::sync::LazyLock;

use jiff::civil::Date;
use regex::Regex;

use super::Changelog;
use super::edit::Edit;
use super::parts::Part;
use super::promote::{Promoted, Promotion};
use super::references::Naming;
use super::takeover::Takeover;
use super::title::Release;
use crate::python::version::Version;

/// A sentence that says that the final version has nothing new
static SAYS_SO: LazyLock<Regex> = LazyLock::new(|| {
    let shape = r"(?i)^[^\n0-9A-Za-z]*(?:there (?:are|were|is|was) )?no (?:[a-z-]+ ){0,3}changes?\b[^\n]*$";
    Regex::new(shape).expect("a constant that the tests compile")
});

/// Stands for the pre-release in such a sentence
const CANDIDATE: &str = "{candidate}";

/// Whether a version is a pre-release of the final one.
fn is_candidate(one: &Version, version: &Version) -> bool {
    one.is_prerelease()
        && one.dev().is_none()
        && one.release_segments() == version.release_segments()
        && !version.is_prerelease()
        && version.post().is_none()
}

impl Takeover {
    /// How the release of `version` took over a section; `Some(None)` if it left that as it was, none if there was no
    /// such section.
    pub fn of_release(before: &Changelog, after: &Changelog, version: &Version) -> Option<Option<Self>> {
        let part = before.candidate(version).filter(|_| !before.names(version))?;
        let (old, candidate) = (before.section(part), part.release()?);
        let is_of =
            |other: &Version| after.versions().into_iter().find(|one| one.version.as_ref() == Some(other));
        let (new, is_kept) = (is_of(version)?, is_of(&candidate.version).is_some());
        let above = new.body.strip_suffix(old.body.as_str()).unwrap_or_default();
        let sentence = if SAYS_SO.is_match(above.trim()) { above } else { "" };
        let sentence = sentence.replace(&candidate.spelling, CANDIDATE);
        Some((!is_kept).then_some(Self { sentence, keeps_section: false }))
    }

    /// The newest section of a final release, with its title, that says that nothing has changed since the pre-release
    /// below; `Some(None)` if all such sections have changes, none if the changelog has no such section.
    pub fn of_sections(changelog: &Changelog) -> Option<Option<(Self, String)>> {
        let releases: Vec<&Part> = changelog.parts.iter().filter(|part| part.release().is_some()).collect();
        let mut pairs = releases.windows(2).filter_map(|pair| {
            let (new, old) = (pair[0].release()?, pair[1].release()?);
            is_candidate(&old.version, &new.version).then_some((pair[0], old))
        });
        let of_pair = |(part, old): (&Part, &Release)| {
            let section = changelog.section(part);
            let sentence = section.body.replace(&old.spelling, CANDIDATE);
            let takeover = Self { sentence, keeps_section: true };
            SAYS_SO.is_match(&section.body).then_some((takeover, section.title))
        };
        let first = pairs.next()?;
        Some(of_pair(first).or_else(|| pairs.find_map(of_pair)))
    }

    /// The usual sentence in a section of the final release.
    pub fn usual() -> Self {
        Self { sentence: format!("No changes since {CANDIDATE}."), keeps_section: true }
    }

    /// With the pre-release whose section is the newest of the changelog in its sentence.
    #[must_use]
    pub fn after(self, changelog: &Changelog) -> Self {
        let newest = changelog.newest().and_then(Part::release);
        let sentence = newest.map(|newest| self.sentence.replace(CANDIDATE, &newest.spelling));
        Self { sentence: sentence.unwrap_or_default(), ..self }
    }
}

impl Changelog {
    /// Whether the newest section is that of a pre-release of the version.
    pub fn has_candidate(&self, version: &Version) -> bool {
        self.candidate(version).is_some()
    }

    fn candidate(&self, version: &Version) -> Option<&Part> {
        let newest = self.newest()?;
        newest.release().is_some_and(|release| is_candidate(&release.version, version)).then_some(newest)
    }

    /// The changelog after the final release has taken over the section, if nothing else is to be released.
    pub(super) fn taken_over(&self, promotion: &Promotion<'_>, day: Date) -> Option<Promoted> {
        let takeover =
            promotion.takeover.filter(|takeover| promotion.notes.is_none() && !takeover.keeps_section)?;
        let part = self.candidate(promotion.version).filter(|_| !self.names(promotion.version))?;
        let template = promotion.remainder.cloned().unwrap_or_default();
        if self.unreleased_part().is_some_and(|open| !self.is_without_changes(open, &template)) {
            return None;
        }
        let style = self.style(Some(part), false);
        let naming = Naming { version: promotion.version, links: promotion.links, newest: part.release() };
        let inline = style.inline_link().and_then(|address| naming.address_like(address));
        let usual = || style.write(&self.spelled(promotion.version), day, inline.as_deref());
        let title = promotion.heading.map_or_else(usual, str::to_owned);
        let labels = self.labels_like(part, promotion.version);
        let first =
            if labels.is_some() { self.above_targets(part.heading.first) } else { part.heading.first };
        let heading = labels.unwrap_or_default() + &self.retitled(&part.heading, &title);
        let mut edits =
            vec![Edit { span: self.lines[first].start..self.lines[part.heading.last].end, text: heading }];
        if let (Some((line, _)), Some(marker)) = (self.dated_marker(part, &naming, day), &part.marker) {
            edits.push(Edit { span: self.lines[marker.line].span(), text: line });
        }
        let is_filled = |index: &usize| !self.lines[*index].of(&self.text).trim().is_empty();
        if let Some(index) = part.body.clone().find(is_filled) {
            let start = self.lines[index].start;
            edits.push(Edit { span: start..start, text: takeover.sentence.replace('\n', self.ending()) });
        }
        let is_bracketed = style.is_bracketed() && super::style::inline_link(&title).is_none();
        edits.extend(self.references(&naming, is_bracketed, false, &title));
        let notes = format!("{}{}", takeover.sentence, self.body(part.body.clone(), |_| false));
        let text = self.edited(edits);
        Some(Promoted { text, notes: notes.trim().to_owned(), heading: title, was_written: false })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::*;

    fn changelog(text: &str) -> Changelog {
        Changelog::parse(text.to_owned(), Format::Rst).unwrap()
    }

    const BEFORE: &str = "News\n====\n\ndemo 1.0rc1 (2024-01-30)\n========================\n\n- a\n\n\ndemo 0.9 (2023-01-31)\n=====================\n\n- b\n";

    #[test]
    fn a_final_release_takes_over_the_section_of_its_candidate() {
        let version: Version = "1.0".parse().unwrap();
        for sentence in ["", "No significant changes since the previous release candidate.\n\n\n"] {
            for windows in [false, true] {
                let heading = format!("demo 1.0 (2024-01-31)\n=====================\n\n{sentence}");
                let after =
                    BEFORE.replace("demo 1.0rc1 (2024-01-30)\n========================\n\n", &heading);
                let ended = |text: &str| if windows { text.replace('\n', "\r\n") } else { text.to_owned() };
                let (before, after) = (changelog(&ended(BEFORE)), changelog(&ended(&after)));
                let takeover = Takeover::of_release(&before, &after, &version).unwrap().unwrap();
                assert_eq!(takeover.sentence, sentence);
                let promotion =
                    Promotion { takeover: Some(&takeover), ..Promotion::new(&version, "2024-01-31") };
                let promoted = before.promote(&promotion).unwrap();
                assert_eq!(promoted.text, after.text);
                assert_eq!(promoted.notes, format!("{sentence}- a"));
            }
        }
    }

    #[test]
    fn a_candidate_stays_where_it_stayed_before() {
        let version: Version = "1.0".parse().unwrap();
        let after = BEFORE
            .replace("demo 1.0rc1", "demo 1.0 (2024-01-31)\n=====================\n\n- c\n\n\ndemo 1.0rc1");
        let takeover = Takeover::of_release(&changelog(BEFORE), &changelog(&after), &version);
        assert_eq!(takeover, Some(None));
        let other: Version = "0.9".parse().unwrap();
        assert_eq!(Takeover::of_release(&changelog(BEFORE), &changelog(&after), &other), None);
        assert!(changelog(BEFORE).promote(&Promotion::new(&version, "2024-01-31")).is_err());
    }

    #[test]
    fn a_section_says_that_nothing_has_changed_since_the_candidate() {
        let final_one = |body: &str| {
            let heading = format!("demo 1.0 (2024-01-31)\n=====================\n\n{body}\n\n\ndemo 1.0rc1");
            changelog(&BEFORE.replacen("demo 1.0rc1", &heading, 1))
        };
        let later = changelog(&BEFORE.replace("1.0rc1", "1.1rc2"));
        for sentence in
            ["No changes from **1.0rc1**.", "* No change.", "There are no user-facing changes since 1.0rc1."]
        {
            let (takeover, title) = Takeover::of_sections(&final_one(sentence)).unwrap().unwrap();
            assert_eq!(title, "demo 1.0 (2024-01-31)");
            let sentence = sentence.replace("1.0rc1", "1.1rc2");
            assert_eq!(takeover.after(&later), Takeover { sentence, keeps_section: true });
        }
        for changes in ["- c", "Changes since 1.0rc1:\n\n- c", "No changes since 1.0rc1.\n\n- c"] {
            assert_eq!(Takeover::of_sections(&final_one(changes)), Some(None), "{changes}");
        }
        assert_eq!(Takeover::of_sections(&changelog(BEFORE)), None);
    }
}
