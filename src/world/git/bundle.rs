//! A release's commit and tag in a file of git's own, for a run that moves to another clone of the repository.

use std::path::Path;

use super::{Head, Landing, PrivateClone, Repository, TagRef};
use crate::error::{Error, Result};

/// The ref that a bundle has the release commit under
const RELEASE: &str = "refs/pyrelease/release";

impl Landing {
    /// What of the landing is not in the repository yet; none where all of it is, be it further down the branch.
    pub fn missing(&self, user: &Repository) -> Option<Self> {
        let at = match &self.branch {
            Some(branch) => user.reference(branch),
            None => user.head().ok().map(|head| head.commit),
        };
        let Some(at) = at.filter(|at| user.contains(at, &self.new)) else { return Some(self.clone()) };
        let tag_is_there =
            |tag: &TagRef| user.reference(&format!("refs/tags/{}", tag.name)) == Some(tag.object.clone());
        if self.tag.as_ref().is_none_or(tag_is_there) {
            None
        } else if self.new == self.old || at == self.new {
            // The landing may have been cut short between the branch and the tag: the working tree may be to follow.
            Some(self.clone())
        } else {
            Some(Self { old: at.clone(), new: at, ..self.clone() })
        }
    }

    /// Writes what the landing brings into a bundle; gives whether there is anything to write.
    ///
    /// # Errors
    /// The clone has not the commit or the tag, or the file cannot be written.
    pub fn bundle(&self, clone: &PrivateClone, file: &Path) -> Result<bool> {
        let mut refs = Vec::new();
        if self.new != self.old {
            clone.git(["update-ref", RELEASE, &self.new]).read()?;
            refs.push(RELEASE.to_owned());
        }
        // A tag that is no object of its own has nothing to bring.
        if let Some(tag) = self.tag.as_ref().filter(|tag| tag.object != self.new) {
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

    /// Makes a clone at `top` that is as the one in which the release was prepared: with what the bundle brings.
    ///
    /// # Errors
    /// Whatever `git` says, or that the bundle has not what the landing is about.
    pub fn unbundle(&self, user: &Repository, bundle: Option<&Path>, top: &Path) -> Result<PrivateClone> {
        let head = Head { commit: self.old.clone(), branch: self.branch.clone() };
        let clone = PrivateClone::make(user, &head, top)?;
        if let Some(bundle) = bundle {
            let fetch = ["-c", "fetch.fsckObjects=true", "-c", "gc.auto=0", "fetch", "--quiet", "--no-tags"];
            let quietly = ["--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-maintenance"];
            // Into refs of our own: what a bundle calls its refs decides nothing here.
            clone.git(fetch).args(quietly).arg(bundle).arg("+refs/*:refs/pyrelease/bundle/*").read()?;
        }
        let lacks =
            |what: &str| Error::failed(format!("what came with the run does not hold the release's {what}"));
        if clone.git(["cat-file", "-e", &format!("{}^{{commit}}", self.new)]).capture()?.success() {
            let reset = ["-c", "core.hooksPath=/dev/null", "reset", "--quiet", "--hard", &self.new];
            clone.git(reset).read()?;
        } else {
            return Err(lacks("commit"));
        }
        if let Some(tag) = &self.tag {
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
