//! The messages of release commits and tags, as templates.

use std::sync::LazyLock;

use regex::Regex;

use super::{Habits, Learned, PastRelease, is_notes, writes_version};

/// The number of a pull request, which a forge adds to the subject of what it merges
static PULL_REQUEST: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r" \(#[0-9]+\)$").expect("a constant that the tests compile"));
/// What looks like a version
static NUMBERS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[0-9]+\.[0-9]+|#[0-9]+").expect("a constant that the tests compile"));

/// What makes a version that stands before it another one: `-beta.1` or `.dev0`
static SUFFIX: LazyLock<Regex> = LazyLock::new(|| {
    let suffix = r"^[-._+](?i:alpha|beta|preview|pre|post|rev|dev|rc|a|b|c|r)[-._]?(?:[0-9]|\b)";
    Regex::new(suffix).expect("a constant that the tests compile")
});
/// How many of the last releases can show a message that no other has
const RECENT: usize = 2;

impl Habits {
    /// The subject of the commits of final releases, or else of all; or the other way round.
    pub fn commit_message(&self, is_prerelease: bool) -> Option<Learned<String>> {
        let subject = |release: &PastRelease, message: &str| {
            let line = message.lines().next()?;
            let text = template(&PULL_REQUEST.replace(line.trim(), ""), release, self.before(release))?;
            // Otherwise the tag is at a commit that did not make the release.
            let is_of_release = || {
                let changes = &release.changes;
                let has_notes = changes.iter().any(|change| is_notes(&change.path));
                changes.is_empty() || has_notes || writes_version(changes, &release.tag)
            };
            (text.contains("{version}") || is_of_release()).then_some(text)
        };
        let messages = |release: &PastRelease| {
            // A forge's message names the branch that was merged.
            let own = (!release.is_merge).then_some(release.message.as_str());
            let messages = [own, release.tagged_message.as_deref()].into_iter().flatten();
            messages.filter_map(|message| subject(release, message)).collect()
        };
        let same_kind = |release: &PastRelease| release.tag.version.is_prerelease() == is_prerelease;
        self.repeated(same_kind, messages).or_else(|| self.repeated(|_| true, messages))
    }

    /// The message of the annotated tags, if it is a line.
    pub fn tag_message(&self) -> Option<Learned<String>> {
        let message = |release: &PastRelease| {
            let text = release.annotation.as_deref()?.trim();
            if text.contains('\n') { None } else { template(text, release, self.before(release)) }
        };
        self.repeated(|_| true, |release| message(release).into_iter().collect())
    }

    /// Whether the tags are annotated.
    pub fn annotated(&self) -> Option<Learned<bool>> {
        let newest = self.releases.first()?.annotation.is_some();
        let same = self.releases.iter().take_while(|release| release.annotation.is_some() == newest);
        Some(Learned { value: newest, evidence: same.map(|release| release.tag.name.clone()).collect() })
    }

    /// The last releases, if their tags are signed.
    pub fn signed(&self) -> Option<Learned<bool>> {
        let signed = self.releases.iter().take_while(|release| release.is_signed);
        let evidence: Vec<String> = signed.map(|release| release.tag.name.clone()).collect();
        (!evidence.is_empty()).then_some(Learned { value: true, evidence })
    }

    /// The newest text that two releases share, or that names the version and is of one of the last releases. Of the texts
    /// of one release it is the one that most of them share.
    fn repeated(
        &self,
        counts_at_all: impl Fn(&PastRelease) -> bool,
        of_release: impl Fn(&PastRelease) -> Vec<String>,
    ) -> Option<Learned<String>> {
        let releases: Vec<&PastRelease> =
            self.releases.iter().filter(|release| counts_at_all(release)).collect();
        let of_release = |release| of_release(release).into_iter().map(move |text| (release, text));
        let texts: Vec<(&PastRelease, String)> = releases.iter().copied().flat_map(of_release).collect();
        let evidence = |wanted: &str| -> Vec<String> {
            let same = texts.iter().filter(|(_, text)| text == wanted);
            same.map(|(release, _)| release.tag.name.clone()).collect()
        };
        let is_recent =
            |release: &&PastRelease| releases.iter().take(RECENT).any(|recent| recent.tag == release.tag);
        let counts = |(release, text): &&(&PastRelease, String)| {
            evidence(text).len() > 1 || (text.contains("{version}") && is_recent(release))
        };
        let first = texts.iter().find(counts)?;
        let same = texts.iter().filter(|(release, _)| release.tag == first.0.tag).filter(counts);
        // Of equals that of the tagged commit.
        let found = same.max_by_key(|(_, text)| evidence(text).len());
        found.map(|(_, text)| Learned { value: text.clone(), evidence: evidence(text) })
    }

    /// The version before a release, if history shows it, in all its spellings.
    fn before(&self, release: &PastRelease) -> Vec<String> {
        let lower = self.versions.iter().filter(|version| **version < release.tag.version);
        let Some(before) = lower.max() else { return Vec::new() };
        let tagged = self.releases.iter().filter(|other| other.tag.version == *before);
        let spelled = tagged.map(|other| other.tag.spelled().to_owned());
        std::iter::once(before.to_string()).chain(spelled).collect()
    }
}

/// A text with placeholders for the versions. None if it names another version or number, which says that it is about
/// this one release.
fn template(text: &str, release: &PastRelease, before: Vec<String>) -> Option<String> {
    // Braces would be placeholders of the template.
    if text.is_empty() || text.len() > 200 || text.contains(['{', '}']) {
        return None;
    }
    let spelled = release.tag.spelled();
    let written = [release.tag.version.to_string(), spelled.to_owned()]
        .iter()
        .fold(text.to_owned(), |text, version| replace(&text, version, "{version}"));
    let written = before.iter().fold(written, |text, version| replace(&text, version, "{previous_version}"));
    (!NUMBERS.is_match(&written)).then_some(written)
}

/// Replaces a version where it stands alone.
fn replace(text: &str, version: &str, placeholder: &str) -> String {
    let mut written = String::new();
    let mut from = 0;
    for (start, _) in text.match_indices(version) {
        let end = start + version.len();
        let digit = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric());
        let mut after = text[end..].chars();
        let (next, second) = (after.next(), after.next());
        let before = text[..start].chars().next_back().filter(|letter| *letter != 'v' && *letter != 'V');
        let goes_on = digit(next) || (next == Some('.') && digit(second)) || SUFFIX.is_match(&text[end..]);
        if digit(before) || before == Some('.') || goes_on {
            continue;
        }
        written.push_str(&text[from..start]);
        written.push_str(placeholder);
        from = end;
    }
    written + &text[from..]
}
