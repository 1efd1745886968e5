//! Submodules: the recorded commits, and filling the private clone from the user's checkouts.

use super::{Head, PrivateClone, Repository, paths};
use crate::error::Result;

/// A submodule as recorded in a commit
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submodule {
    /// Relative to the top of the repository
    pub path: String,
    /// The recorded commit
    pub commit: String,
}

/// The state of a submodule in the user's working tree
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubmoduleState {
    /// The recorded commit is checked out, without edits
    AsRecorded,
    /// Another commit is checked out, or files were edited; the recorded commit is available
    Moved,
    /// It is checked out, but the recorded commit is not available
    Behind,
    /// It is not checked out
    Absent,
}

impl Repository {
    /// The submodules that a commit records.
    ///
    /// # Errors
    /// A `git` command failed.
    pub fn submodules(&self, commit: &str) -> Result<Vec<Submodule>> {
        if self.committed(commit, ".gitmodules").is_none() {
            return Ok(Vec::new());
        }
        let blob = format!("{commit}:.gitmodules");
        let list = ["config", "--blob", &blob, "--null", "--get-regexp", r"^submodule\..*\.path$"];
        // Status 1 means that nothing matched.
        let listed = self.git(list).capture()?.stdout;
        let named = listed.split(|byte| *byte == 0).filter_map(|entry| std::str::from_utf8(entry).ok());
        let named: Vec<&str> = named.filter_map(|entry| Some(entry.split_once('\n')?.1)).collect();
        if named.is_empty() {
            return Ok(Vec::new());
        }
        let list = ["--literal-pathspecs", "ls-tree", "-z", "--full-tree", commit, "--"];
        let listed = self.git(list).args(named).read_bytes()?;
        let submodules = paths(&listed).into_iter().filter_map(|entry| {
            let (entry, path) = entry.to_str()?.split_once('\t')?;
            let commit = entry.strip_prefix("160000 commit ")?;
            Some(Submodule { path: path.to_owned(), commit: commit.to_owned() })
        });
        Ok(submodules.collect())
    }

    /// The state of a submodule in this working tree.
    pub fn submodule_state(&self, submodule: &Submodule) -> SubmoduleState {
        let Some(own) = self.submodule(submodule) else { return SubmoduleState::Absent };
        if !own.has(&submodule.commit) {
            return SubmoduleState::Behind;
        }
        let is_recorded = own.head().is_ok_and(|head| head.commit == submodule.commit);
        match is_recorded && own.edited().is_ok_and(|edited| edited.is_empty()) {
            true => SubmoduleState::AsRecorded,
            false => SubmoduleState::Moved,
        }
    }

    /// The submodule's own repository; `None` if it is not checked out.
    fn submodule(&self, submodule: &Submodule) -> Option<Self> {
        let folder = self.top().join(&submodule.path);
        let own = self.other(&folder).ok()?;
        (own.top() == folder).then_some(own)
    }
}

impl PrivateClone {
    /// Fills the submodules from the user's checkouts: without network, at exactly the recorded commits. A submodule
    /// that the user has not checked out stays empty.
    pub(super) fn fill_submodules(&self, user: &Repository, commit: &str) -> Result<()> {
        for submodule in user.submodules(commit)? {
            if let Some(own) = user.submodule(&submodule) {
                let head = Head { commit: submodule.commit, branch: None };
                Self::make(&own, &head, &self.top().join(&submodule.path))?;
            }
        }
        Ok(())
    }
}
