//! Bundles: a release's commit and tag in a file, for a run that moves to another clone of the repository.

use std::path::Path;

use super::{Head, Landing, PrivateClone, Repository, TagRef, paths, short};
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
        self.fetch_commit(&clone, bundle)?;
        let reset = ["-c", "core.hooksPath=/dev/null", "reset", "--quiet", "--hard", &self.new];
        clone.git(reset).read()?;
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

    /// The files that the release commit of a bundle changes, relative to the top of the repository; `top` is a folder for
    /// looking at it.
    ///
    /// # Errors
    /// As [`Self::unbundle`]; or the release commit, or another that it brings, does not follow the commit that the run began
    /// at.
    pub fn changes(&self, user: &Repository, bundle: Option<&Path>, top: &Path) -> Result<Vec<String>> {
        if self.new == self.old {
            return Ok(Vec::new());
        }
        let head = Head { commit: self.old.clone(), branch: self.branch.clone() };
        let clone = PrivateClone::without_files(user, &head, top)?;
        self.fetch_commit(&clone, bundle)?;
        let commits = ["rev-list", "--reverse", "--topo-order", "--parents", &self.new, "--not", &self.old];
        let listed = clone.git(commits).read()?;
        let mut tip = self.old.as_str();
        for (commit, parents) in listed.lines().filter_map(|line| line.split_once(' ')) {
            tip = if parents == tip { commit } else { "" };
        }
        if tip != self.new {
            return Err(Error::refused(format!(
                "the release commit {} does not follow {}, at which the run began",
                short(&self.new),
                short(&self.old)
            ))
            .help("prepare the release again"));
        }
        let names = ["diff-tree", "-r", "-z", "--name-only", "--no-renames", &self.old, &self.new];
        let names = clone.git(names).read_bytes()?;
        Ok(paths(&names).into_iter().map(|path| path.to_string_lossy().into_owned()).collect())
    }

    /// Fetches the objects of a bundle, among which or in the repository the release commit must be.
    fn fetch_commit(&self, clone: &PrivateClone, bundle: Option<&Path>) -> Result<()> {
        if let Some(bundle) = bundle {
            let fetch = ["-c", "fetch.fsckObjects=true", "-c", "gc.auto=0", "fetch", "--quiet", "--no-tags"];
            let quietly = ["--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-maintenance"];
            // Fetch into refs of our own, whatever the bundle's refs are named.
            clone.git(fetch).args(quietly).arg(bundle).arg("+refs/*:refs/pyrelease/bundle/*").read()?;
        }
        match clone.git(["cat-file", "-e", &format!("{}^{{commit}}", self.new)]).capture()?.success() {
            true => Ok(()),
            false => Err(lacks("commit")),
        }
    }
}

fn lacks(what: &str) -> Error {
    Error::failed(format!("the imported run does not contain the release's {what}"))
}
