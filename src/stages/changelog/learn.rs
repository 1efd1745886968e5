//! Learns from the last releases what a release does with the changelog.

use super::{Changelog, parse};
use crate::engine::checkout::Checkout;
use crate::engine::model::Convention;
use crate::engine::release::Target;
use crate::python::changelog::{Changelog as Document, Promotion, Remainder, Section, Successors, Takeover};
use crate::python::habits::{self, Habits, PastRelease};
use crate::python::project::Files as _;
use crate::python::version::Version;

/// How many of the last releases are looked at
const MOST_RELEASES: usize = 10;
/// How many of them are enough
const ENOUGH: usize = 2;
/// How many of the last final releases may show what became of their pre-releases
const MOST_FINALS: usize = 8;
/// How much of a changelog is read, in bytes: the sections of the last releases are at its top
const MOST_READ: usize = 200_000;

impl Changelog {
    /// Adds what earlier releases did with the changelog to the conventions of a release.
    pub(in crate::stages) fn learn(&self, checkout: &Checkout, habits: &Habits, target: &mut Target) {
        let learned = habits.changelogs();
        let paths: Vec<String> = learned.iter().map(|file| file.value.clone()).collect();
        let newest = paths.first().map(String::as_str);
        let collects = self.fragments(checkout, &target.project, newest).is_some();
        let takes_learned = target.conventions.notes.is_none() && !collects;
        if takes_learned {
            let generator = self.learned_generator(checkout, habits);
            target.conventions.generator = generator.map(|(_, learned)| learned);
        }
        let generates =
            target.conventions.generator.is_some() || self.configured_generator(checkout).is_some();
        let per_release = habits.file_per_release();
        let version = &target.version;
        let path = self.path(checkout, &paths, Some(version));
        let fits = |path: &String| per_release.is_none() || self.file.is_some() || paths.contains(path);
        let Some(path) = path.filter(fits) else {
            target.conventions.file_per_release = per_release.map(Convention::of);
            return;
        };
        let changed = learned.clone();
        if self.file.is_none()
            && paths.contains(&path)
            && self.path(checkout, &[], Some(version)).as_ref() != Some(&path)
        {
            target.conventions.changelog =
                learned.into_iter().find(|file| file.value == path).map(Convention::of);
        }
        if generates {
            return;
        }
        let past: Vec<Past> = past(checkout, habits, &path);
        if self.unreleased.is_none() {
            let remainder = remainder(&past);
            let leaves_none = remainder.as_ref().is_some_and(|learned| !learned.value.is_left);
            let successors = || successors(checkout, habits, &path, version);
            target.conventions.remainder = leaves_none.then(successors).flatten().or(remainder);
        }
        target.conventions.takeover = self.takeover(checkout, habits, &path, target);
        target.conventions.changelog_copies = self.learned_copies(checkout, &changed, (&path, target));
        if target.conventions.notes.is_none() {
            target.conventions.entries = self.learned_entries(checkout, habits, &path, target);
        }
        if self.heading.is_none() {
            target.conventions.heading = self.learned_heading(checkout, habits, (&path, &past), target);
        }
    }

    /// How the version takes over the section of its last pre-release, if it has one and nothing else is to be released: by
    /// the settings, or else as the last final release that had one.
    fn takeover(
        &self,
        checkout: &Checkout,
        habits: &Habits,
        path: &str,
        target: &Target,
    ) -> Option<Convention<Takeover>> {
        let version = &target.version;
        let now = document(path, checkout.read(path)?)?;
        let remainder = target.conventions.remainder.as_ref().map(|learned| &learned.value);
        let promotion = Promotion { remainder, ..Promotion::new(version, &target.names.date) };
        if !now.has_candidate(version) || now.promote(&promotion).is_ok() {
            return None;
        }
        let of_release = |release: &PastRelease| {
            let (before, after) = around(checkout, release, path)?;
            Some((Takeover::of_release(&before, &after, &release.tag.version)?, release.tag.name.clone()))
        };
        let finals = habits.releases().iter().filter(|release| !release.tag.version.is_prerelease());
        let past: Vec<_> = finals.take(MOST_FINALS).filter_map(of_release).collect();
        let taken = past.iter().find_map(|(takeover, tag)| Some((takeover.clone()?, tag)));
        let renames =
            self.renames_prerelease.unwrap_or_else(|| past.first().is_some_and(|(one, _)| one.is_some()));
        let (value, reason) = match (renames, taken, Takeover::of_sections(&now)) {
            (true, Some((value, tag)), _) => (value, format!("as in {tag}")),
            (true, None, _) => (Takeover::default(), "as configured".to_owned()),
            (false, _, Some(Some((value, title)))) => (value, format!("as `{title}`")),
            (false, _, None) => (Takeover::usual(), "by default".to_owned()),
            // Final releases had changes of their own.
            (false, _, Some(None)) => return None,
        };
        Some(Convention { value: value.after(&now), reason })
    }

    /// The heading of the version, if it follows those of earlier ones in a form of their own.
    fn learned_heading(
        &self,
        checkout: &Checkout,
        habits: &Habits,
        (path, past): (&str, &[Past]),
        target: &Target,
    ) -> Option<Convention<String>> {
        let text = String::from_utf8(checkout.read(path)?).ok()?;
        let document = parse(path, text).ok()?;
        let (version, date) = (&target.version, &target.names.date);
        let in_file =
            document.versions().into_iter().find(|section| section.version.as_ref() != Some(version));
        // A file for each series begins without a version; the last release shows what its heading will be.
        let earlier = in_file.map(|section| section.title);
        let earlier = earlier.or_else(|| past.first().map(|past| past.title.clone()));
        let earlier = earlier
            .or_else(|| habits.releases().iter().find_map(|one| title_in_other_file(checkout, one)))?;
        let links = super::work::links(target);
        let entries = target.conventions.entries.as_ref().map(|learned| learned.value.as_str());
        let promotion = Promotion {
            links: links.as_ref(),
            example: Some(&earlier),
            // Only the heading counts.
            notes: target.conventions.notes.as_deref().or(entries),
            ..Promotion::new(version, date)
        };
        let promoted = document.promote(&promotion).ok()?;
        let usual =
            [format!("[{version}] - {date}"), format!("{version} - {date}"), format!("{version} ({date})")];
        let is_own = !promoted.was_written && !usual.contains(&promoted.heading);
        is_own.then(|| Convention { value: promoted.heading, reason: format!("as `{earlier}`") })
    }
}

/// What a past release left in the changelog
struct Past {
    tag: String,
    /// The title of its section
    title: String,
    remainder: Remainder,
}

/// What the last releases left in the changelog, the newest first.
fn past(checkout: &Checkout, habits: &Habits, path: &str) -> Vec<Past> {
    let releases = habits.releases().iter().take(MOST_RELEASES);
    let past = releases.filter_map(|release| {
        let bytes = checkout.read_at(&release.commit, path)?;
        let document = parse(path, top(&String::from_utf8_lossy(&bytes)).to_owned()).ok()?;
        let version = &release.tag.version;
        let remainder = Remainder::of_release(&document, version)?;
        let section =
            document.versions().into_iter().find(|section| section.version.as_ref() == Some(version))?;
        Some(Past { tag: release.tag.name.clone(), title: section.title, remainder })
    });
    past.take(ENOUGH).collect()
}

/// What is left for the next changes, if that is anything but a bare heading.
fn remainder(past: &[Past]) -> Option<Convention<Remainder>> {
    let before = past.get(1).map(|past| &past.remainder);
    let newest = past.first()?.remainder.clone().without_entries(before);
    let alike = past.iter().filter(|other| other.remainder.is_left == newest.is_left);
    let evidence: Vec<String> = alike.map(|past| past.tag.clone()).collect();
    let is_usual = newest.is_left && newest.template.trim().is_empty();
    let reason = habits::reason(&evidence);
    (!is_usual).then_some(Convention { value: newest, reason })
}

/// The sections for later versions that a release leaves, as the last ones of its kind did.
fn successors(
    checkout: &Checkout,
    habits: &Habits,
    path: &str,
    version: &Version,
) -> Option<Convention<Remainder>> {
    // 2 for 1.2.3, 1 for 1.2 and 1.2.0
    let kind = |version: &Version| version.release_segments().iter().rposition(|number| *number != 0);
    let own = kind(version).filter(|_| !version.is_prerelease())?;
    let now = document(path, checkout.read(path)?)?;
    let finals = || habits.releases().iter().filter(|release| !release.tag.version.is_prerelease());
    let mut alike: Vec<_> =
        finals().filter(|release| kind(&release.tag.version) == Some(own)).take(ENOUGH).collect();
    // What a minor release left for patch releases is left by these as well.
    let least = if alike.is_empty() { own } else { 0 };
    if alike.is_empty() {
        alike.extend(finals().next().filter(|release| kind(&release.tag.version) < Some(own)));
    }
    let of_release = |release: &PastRelease| {
        let (before, after) = around(checkout, release, path)?;
        Successors::of_release(&before, &after, &release.tag.version)
    };
    let last: Vec<(&str, Successors)> = alike
        .into_iter()
        .map(|release| Some((release.tag.name.as_str(), of_release(release)?)))
        .collect::<Option<_>>()?;
    let (_, newest) = last.first()?;
    let agree = last.iter().all(|(_, other)| other.follow_like(newest));
    let successors = newest.after(version, least, &now);
    let evidence: Vec<String> = last.iter().map(|(tag, _)| (*tag).to_owned()).collect();
    let value = Remainder { successors, ..Remainder::default() };
    let is_known = agree && !value.successors.is_empty();
    is_known.then(|| Convention { value, reason: habits::reason(&evidence) })
}

/// The heading of a release in the file in which that had it: there may be one for each series.
fn title_in_other_file(checkout: &Checkout, release: &PastRelease) -> Option<String> {
    release.changes.iter().filter(|change| habits::is_notes(&change.path)).find_map(|change| {
        let after = document(&change.path, checkout.read_at(&release.commit, &change.path)?)?;
        let is_own = |section: &Section| section.version.as_ref() == Some(&release.tag.version);
        after.versions().into_iter().find(is_own).map(|section| section.title)
    })
}

/// The changelog before and after the commit of a past release.
fn around(checkout: &Checkout, release: &PastRelease, path: &str) -> Option<(Document, Document)> {
    let parent = checkout.repository.first_parent(&release.commit)?;
    let before = document(path, checkout.read_at(&parent, path)?)?;
    Some((before, document(path, checkout.read_at(&release.commit, path)?)?))
}

/// The top of a changelog.
fn document(path: &str, bytes: Vec<u8>) -> Option<Document> {
    parse(path, top(&String::from_utf8(bytes).ok()?).to_owned()).ok()
}

/// The whole lines at the beginning of a long text.
fn top(text: &str) -> &str {
    if text.len() <= MOST_READ {
        return text;
    }
    let mut end = MOST_READ;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let end = text[..end].rfind('\n').map_or(end, |line| line + 1);
    &text[..end]
}
