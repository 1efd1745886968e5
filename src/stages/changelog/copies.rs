//! Other files that have the version's section as well: a page of the documentation beside the changelog.

use super::work::links;
use super::{Changelog, parse};
use crate::engine::checkout::Checkout;
use crate::engine::model::Convention;
use crate::engine::prelude::*;
use crate::engine::release::Target;
use crate::python::changelog::{Promoted, Promotion};
use crate::python::habits::Learned;
use crate::python::project::Files as _;

/// Such a file after the release
pub(super) struct Copy {
    pub(super) path: String,
    pub(super) before: String,
    pub(super) promoted: Promoted,
}

impl Changelog {
    /// The files beside the changelog at `path` that release commits changed and that have the same newest version and
    /// something that is not released.
    pub(super) fn learned_copies(
        &self,
        checkout: &Checkout,
        learned: &[Learned<String>],
        (path, target): (&str, &Target),
    ) -> Vec<Convention<String>> {
        let text = |path: &str| String::from_utf8(checkout.read(path)?).ok();
        let newest = |path: &str| {
            let versions = parse(path, text(path)?).ok()?.versions().into_iter();
            versions.filter_map(|section| section.version).find(|version| *version != target.version)
        };
        let own = newest(path).filter(|_| self.file.is_none());
        let others = learned.iter().filter(|file| file.value != path && checkout.share_of(path).is_none());
        let copies = others.filter(|file| {
            own.is_some()
                && newest(&file.value) == own
                && text(&file.value).is_some_and(|text| self.copied(target, &file.value, text).is_some())
        });
        copies.cloned().map(Convention::of).collect()
    }

    /// Such files after the release.
    ///
    /// # Errors
    /// One of them cannot be read.
    pub(super) fn copies(&self, release: &Release) -> Result<Vec<Copy>> {
        let copies = release.target.conventions.changelog_copies.iter();
        let copies = copies.filter_map(|Convention { value, .. }| {
            release.text(value).map(|text| self.copied(&release.target, value, text)).transpose()
        });
        copies.collect()
    }

    /// A file after the release, if it has something that is not released.
    fn copied(&self, target: &Target, path: &str, before: String) -> Option<Copy> {
        let links = links(target);
        let left = target.conventions.remainder.as_ref().map(|learned| learned.value.is_left);
        let promotion = Promotion {
            links: links.as_ref(),
            leaves_unreleased: self.unreleased.or(left),
            ..Promotion::new(&target.version, &target.names.date)
        };
        let promoted = parse(path, before.clone()).ok()?.promote(&promotion).ok()?;
        let is_changed = promoted.text != before;
        is_changed.then(|| Copy { path: path.to_owned(), before, promoted })
    }
}
