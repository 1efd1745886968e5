//! Queries of the project's repository.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::project::Project;

impl Project {
    /// The commit of an annotated tag.
    ///
    /// # Panics
    /// The tag does not exist, or is not annotated.
    #[track_caller]
    pub fn tag_target(&self, tag: &str) -> String {
        let reference = format!("refs/tags/{tag}");
        assert_eq!(self.git(&["cat-file", "-t", &reference]), "tag", "`{tag}` is not annotated");
        self.git(&["rev-parse", "--verify", &format!("{reference}^{{commit}}")])
    }

    /// The checked-out commit.
    #[track_caller]
    pub fn head(&self) -> String {
        self.git(&["rev-parse", "--verify", "HEAD"])
    }

    /// The checked-out branch.
    #[track_caller]
    pub fn branch(&self) -> String {
        self.git(&["symbolic-ref", "--short", "HEAD"])
    }

    /// The date of a commit, `YYYY-MM-DD`.
    #[track_caller]
    pub fn date_of(&self, revision: &str) -> String {
        self.git(&["log", "-1", "--format=%cs", revision])
    }

    /// The subjects of the commits, the newest first.
    #[track_caller]
    pub fn log(&self) -> Vec<String> {
        self.git(&["log", "--format=%s"]).lines().map(str::to_owned).collect()
    }

    /// The paths that `revision` changed, relative to the repository's root.
    #[track_caller]
    pub fn changed_by(&self, revision: &str) -> Vec<String> {
        self.git(&["diff-tree", "--no-commit-id", "--name-only", "-r", revision])
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// Every ref of the project and its object; for an annotated tag the tag object.
    #[track_caller]
    pub fn refs(&self) -> BTreeMap<String, String> {
        parse_refs(&self.git(&["for-each-ref", "--format=%(refname) %(objectname)"]))
    }

    /// Every ref of the remote.
    #[track_caller]
    pub fn remote_refs(&self) -> BTreeMap<String, String> {
        self.remote().refs()
    }

    /// The leftovers of runs in the repository or at the remote: clones, lock files of git.
    pub fn debris(&self) -> Vec<PathBuf> {
        let mut left = Vec::new();
        let mut repositories = vec![self.git_folder()];
        if self.has_remote() {
            repositories.push(self.remote_path());
        }
        for repository in &repositories {
            left.extend(crate::snapshot::files_in(repository).into_iter().filter(|path| {
                let is_lock = path.extension().is_some_and(|extension| extension == "lock")
                    || path.file_name().is_some_and(|name| name == "packed-refs.new");
                let in_run = path.strip_prefix(repository.join("pyrelease/runs"));
                // A run keeps its journal, its logs and, once released, its distributions.
                let working = in_run.is_ok_and(|path| {
                    let mut parts = path.components().skip(1);
                    let folder = parts.next().filter(|_| parts.next().is_some());
                    folder.is_some_and(|folder| folder.as_os_str() != "dist")
                });
                is_lock || working
            }));
        }
        left
    }

    /// Asserts that no run left a clone, a distribution without a run, a lock file or a temporary file.
    ///
    /// # Panics
    /// Something is left.
    #[track_caller]
    pub fn assert_no_debris(&self) {
        let mut left = self.debris();
        left.extend(crate::snapshot::files_in(&self.sandbox().temporary()));
        let left: Vec<String> = left.iter().map(|path| path.display().to_string()).collect();
        assert!(left.is_empty(), "left behind:\n{}", left.join("\n"));
    }
}

/// The lines of `for-each-ref --format=%(refname) %(objectname)`.
pub(crate) fn parse_refs(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(name, object)| (name.to_owned(), object.to_owned()))
        .collect()
}
