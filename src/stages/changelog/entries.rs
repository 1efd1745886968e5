//! Makes the section's entries from the commits, in the form in which those of the last releases were made.

use super::{Changelog, commits, parse};
use crate::engine::checkout::Checkout;
use crate::engine::model::Convention;
use crate::engine::release::Target;
use crate::python::changelog::Changelog as Document;
use crate::python::entries::{Form, Made, Names, Sample};
use crate::python::habits::{self, Habits, PastRelease};
use crate::python::project::Files as _;

/// How many of the last releases show the form
const MOST_RELEASES: usize = 8;
/// How many must show it
const ENOUGH: usize = 2;
/// The most commits of a release that are looked at
const MOST_COMMITS: &str = "--max-count=500";

impl Changelog {
    /// The entries of the release, if those of the last releases were made from their commits by a rule.
    pub(super) fn learned_entries(
        &self,
        checkout: &Checkout,
        habits: &Habits,
        path: &str,
        target: &Target,
    ) -> Option<Convention<String>> {
        let now = document(path, &checkout.read(path)?)?;
        if self.from.is_some() || now.unreleased().is_some() || now.names(&target.version) {
            return None;
        }
        let past = habits.releases();
        let samples = || past.iter().zip(past.iter().skip(1)).map_while(|pair| sample(checkout, path, pair));
        if !Form::is_likely(&samples().take(ENOUGH).collect::<Vec<_>>()) {
            return None;
        }
        let (form, count) = Form::learn(&samples().take(MOST_RELEASES).collect::<Vec<_>>())?;
        let last = past.first().filter(|last| Some(&last.tag.name) == target.previous_tag.as_ref())?;
        let names = Names {
            version: target.version.to_string(),
            previous: last.tag.version.to_string(),
            tag: target.names.tag.clone(),
            previous_tag: last.tag.name.clone(),
            date: target.names.date.clone(),
        };
        let commits = made(checkout, &last.commit, &checkout.head.commit)?;
        let value = form.section(&commits, &names)?;
        let evidence: Vec<String> = past.iter().take(count).map(|release| release.tag.name.clone()).collect();
        Some(Convention { value, reason: habits::reason(&evidence) })
    }
}

/// A release's section, if the release commit wrote it, and the commits since the release before.
fn sample(
    checkout: &Checkout,
    path: &str,
    (release, before): (&PastRelease, &PastRelease),
) -> Option<Sample> {
    let parent = checkout.repository.first_parent(&release.commit)?;
    let version = &release.tag.version;
    let old = document(path, &checkout.read_at(&parent, path)?)?;
    if old.names(version) || old.unreleased().is_some() {
        return None;
    }
    let new = document(path, &checkout.read_at(&release.commit, path)?)?;
    let section = new.versions().into_iter().find(|section| section.version.as_ref() == Some(version))?;
    let names = Names {
        version: version.to_string(),
        previous: before.tag.version.to_string(),
        tag: release.tag.name.clone(),
        previous_tag: before.tag.name.clone(),
        date: release.date.clone(),
    };
    Some(Sample { body: section.body, commits: made(checkout, &before.commit, &parent)?, names })
}

fn document(path: &str, bytes: &[u8]) -> Option<Document> {
    parse(path, String::from_utf8_lossy(bytes).into_owned()).ok()
}

/// The commits of the project between two, the newest first.
fn made(checkout: &Checkout, from: &str, to: &str) -> Option<Vec<Made>> {
    let range = format!("{from}..{to}");
    let log = ["log", "-z", "--no-show-signature", MOST_COMMITS, "--format=%H%n%P%n%an%n%ae%n%B", &range];
    let listed = commits::list(checkout, &log, false).ok()?;
    let branch = ["rev-list", "--first-parent", MOST_COMMITS, &range];
    let branch = commits::list(checkout, &branch, false).ok()?;
    let commit = |record: &str| {
        let mut lines = record.trim_start().splitn(5, '\n');
        let mut line = || lines.next().map(str::to_owned);
        let (id, parents, author, email) = (line()?, line()?, line()?, line()?);
        let is_on_branch = branch.lines().any(|on_branch| on_branch == id);
        let message = line().unwrap_or_default();
        Some(Made { id, message, author, email, is_merge: parents.contains(' '), is_on_branch })
    };
    Some(listed.split('\0').filter_map(commit).collect())
}
