//! How the headings write a version.

use super::Changelog;
use super::companion::{Companion, Step};
use super::parts::Part;
use super::title::Release;
use crate::python::version::Version;

impl Changelog {
    /// A new version as the headings write it: with the one that is released together with it, if earlier versions show
    /// how that goes on.
    pub fn spelled(&self, version: &Version) -> String {
        let second = self.companion_of(version);
        let second = second.map(|one| format!("{}{}", one.separator, one.version)).unwrap_or_default();
        format!("{}{second}", version.spelled())
    }

    /// Whether the newest version's heading has a `v` before the version.
    pub fn writes_v(&self) -> bool {
        self.newest().and_then(Part::release).is_some_and(|release| release.style.ends_in_v())
    }

    fn companion_of(&self, version: &Version) -> Option<Companion> {
        let releases: Vec<&Release> = self.parts.iter().filter_map(Part::release).collect();
        let newest = releases.first()?;
        let last = newest.companion.as_ref()?;
        let step = Step::between(&newest.version, version)?;
        let next = releases.windows(2).find_map(|pair| {
            let (newer, older) = (pair[0].companion.as_ref()?, pair[1].companion.as_ref()?);
            let is_alike = Step::between(&pair[1].version, &pair[0].version).as_ref() == Some(&step);
            let second = Step::between(&older.version, &newer.version).filter(|_| is_alike)?;
            second.after(&last.version, &newer.version)
        })?;
        Some(Companion { separator: last.separator.clone(), version: next })
    }
}
