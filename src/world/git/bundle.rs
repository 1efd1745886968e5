//! Bundles: a release's commit and tag in a file, for a run that moves to another clone of the repository.

use std::path::Path;

use super::{Head, Landing, PrivateClone, Repository, TagRef};
use crate::error::{Error, Result};

/// The ref of the release commit in a bundle
const RELEASE: &str = "refs/pyrelease/release";

impl Landing {
    /// The part of the landing that the repository does not have yet. `None` if it has all of it; the release commit
    /// may have later commits on top.
    pub fn missing(&self, user: &Repository) -> Option<Self> {
        let at = match &self.branch {
            Some(branch) => user.reference(branch),
            None => user.head().ok().map(|head| head.commit),
        };
        let Some(at) = at.filter(|at| user.contains(at, &self.new)) else { return Some(self.clone()) };
        let tag_is_there =
            |tag: &TagRef| user.reference(&format!("refs/tags/{}", tag.name)) == Some(tag.object.clone());
        if self.tags.iter().all(tag_is_there) {
            None
        } else if self.new == self.old || at == self.new {
            // Git may have been killed between updating the branch and the tag, so the working tree may be out of date.
            Some(self.clone())
        } else {
            Some(Self { old: at.clone(), new: at, ..self.clone() })
        }
    }

    /// Writes the release commit and tags into a bundle; returns whether there was anything to write.
    ///
    /// # Errors
    /// The clone does not have the commit or a tag, or the file cannot be written.
    pub fn bundle(&self, clone: &PrivateClone, file: &Path) -> Result<bool> {
        let mut refs = Vec::new();
        if self.new != self.old {
            clone.git(["update-ref", RELEASE, &self.new]).read()?;
            refs.push(RELEASE.to_owned());
        }
        // A lightweight tag has no object of its own.
        for tag in self.tags.iter().filter(|tag| tag.object != self.new) {
            let name = format!("refs/tags/{}", tag.name);
            clone.git(["update-ref", &name, &tag.object]).read()?;
            refs.push(name);
        }
        if refs.is_empty() {
            return Ok(false);
        }
        let create = clone.git(["bundle", "create", "--quiet"]).arg(file).args(&refs);
        create.arg(format!("^{}", self.old)).read()?;
        Ok(true)
    }

    /// Recreates at `top` the private clone in which the release was prepared, with the bundle's objects.
    ///
    /// # Errors
    /// A `git` command failed, or the bundle does not contain the landing's commit or a tag.
    pub fn unbundle(&self, user: &Repository, bundle: Option<&Path>, top: &Path) -> Result<PrivateClone> {
        let head = Head { commit: self.old.clone(), branch: self.branch.clone() };
        let clone = PrivateClone::make(user, &head, top)?;
        if let Some(bundle) = bundle {
            let fetch = ["-c", "fetch.fsckObjects=true", "-c", "gc.auto=0", "fetch", "--quiet", "--no-tags"];
            let quietly = ["--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-maintenance"];
            // Fetch into refs of our own, whatever the bundle's refs are named.
            clone.git(fetch).args(quietly).arg(bundle).arg("+refs/*:refs/pyrelease/bundle/*").read()?;
        }
        let lacks =
            |what: &str| Error::failed(format!("the imported run does not contain the release's {what}"));
        if clone.git(["cat-file", "-e", &format!("{}^{{commit}}", self.new)]).capture()?.success() {
            let reset = ["-c", "core.hooksPath=/dev/null", "reset", "--quiet", "--hard", &self.new];
            clone.git(reset).read()?;
        } else {
            return Err(lacks("commit"));
        }
        for tag in &self.tags {
            let marked =
                clone.git(["rev-parse", "--verify", "--quiet", &format!("{}^{{commit}}", tag.object)]);
            if marked.capture()?.text() != self.new {
                return Err(lacks("tag"));
            }
            clone.git(["update-ref", &format!("refs/tags/{}", tag.name), &tag.object]).read()?;
        }
        Ok(clone)
    }
}
