//! The release under way: what every stage may know of it.

use std::path::{Path, PathBuf};

use crate::config::Names;
use crate::engine::model::{Finding, Outputs};
use crate::error::{Error, Result};
use crate::python::project::{Files, Project};
use crate::python::version::Version;
use crate::world::Environment;
use crate::world::git::{Head, Repository};
use crate::world::hashes::Hashes;

/// The user's project in its repository
pub struct Workspace {
    pub repository: Repository,
    pub head: Head,
    /// The project's folder in the repository, with `/` and a final one; empty at the top
    pub prefix: String,
    pub environment: Environment,
    /// What the files of the release are known by
    pub hashes: Hashes,
}

impl Workspace {
    /// Opens the repository of the project at `root`.
    ///
    /// # Errors
    /// No repository, or one without a commit.
    pub fn open(root: &Path, environment: Environment) -> Result<Self> {
        let repository = Repository::discover(root)?;
        let head = repository.head()?;
        let inside = root.strip_prefix(repository.top()).map_err(|_| {
            Error::usage(format!("`{}` is not in the working tree of its repository", root.display()))
        })?;
        let mut prefix = String::new();
        for part in inside.components() {
            let part = part.as_os_str().to_str().ok_or_else(|| {
                Error::usage(format!("the project's path is not Unicode: `{}`", inside.display()))
            })?;
            prefix.push_str(part);
            prefix.push('/');
        }
        Ok(Self { repository, head, prefix, environment, hashes: Hashes::default() })
    }

    /// The project's folder in the user's working tree.
    pub fn root(&self) -> PathBuf {
        self.repository.top().join(&self.prefix)
    }

    /// The same project in the worktree that a run belongs to: whichever has its branch checked out, else the one it
    /// began in. This one where there is neither any more.
    ///
    /// # Errors
    /// The worktrees cannot be listed.
    pub fn of_run(self, branch: Option<&str>, head: Option<&str>) -> Result<Self> {
        let mut repository = match branch {
            Some(branch) => self.repository.worktree_on(branch)?,
            None => None,
        };
        if let (None, Some(head)) = (&repository, head) {
            repository = self.repository.worktree_of(head)?;
        }
        match repository {
            Some(repository) => Ok(Self { head: repository.head()?, repository, ..self }),
            None => Ok(self),
        }
    }

    /// The findings for files that a stage changes: an edit of the user's in one of them would be in the way.
    ///
    /// # Errors
    /// A working tree that cannot be read.
    pub fn edits_in_the_way<'a>(&self, paths: impl IntoIterator<Item = &'a str>) -> Result<Vec<Finding>> {
        let edited = self.repository.edited()?;
        let mut findings = Vec::new();
        for path in paths {
            let inside = format!("{}{path}", self.prefix);
            let file = self.repository.resolved(&self.head.commit, &inside).unwrap_or(inside.clone());
            if edited.contains(&file) || self.repository.has_hidden_edit(&file)? {
                let message =
                    format!("`{path}` has edits that are not committed, and the release changes it");
                findings.push(Finding::error(message).help("commit or stash them first"));
            }
            if file != inside && !self.repository.has_links() {
                let message =
                    format!("`{path}` is a symbolic link, which git does not make here (core.symlinks)");
                findings.push(Finding::error(message).help(format!("name the file itself, `{file}`")));
            }
            if let Some(encoding) = self.repository.encoding(&file)? {
                let message =
                    format!("`{path}` is {encoding} in the working tree, and only UTF-8 can be edited");
                findings
                    .push(Finding::error(message).help("take `working-tree-encoding` out of .gitattributes"));
            }
        }
        Ok(findings)
    }
}

impl Files for Workspace {
    /// A file of the project as committed at HEAD: what is not committed is not released.
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.repository.committed(&self.head.commit, &format!("{}{path}", self.prefix))
    }
}

/// What is to be released, settled before anything happens
#[derive(Debug)]
pub struct Target {
    pub project: Project,
    pub version: Version,
    /// The version the project has now
    pub previous: Version,
    pub previous_tag: Option<String>,
    /// Why this version, where it was not asked for by name
    pub reason: Option<String>,
    pub names: Names,
}

/// A release under way
pub struct Release {
    pub workspace: Workspace,
    pub target: Target,
    /// What the stages before have handed on
    pub outputs: Outputs,
    /// The top of the run's clone, once there is one
    clone: Option<PathBuf>,
    /// Whether the run stands in for one whose journal is lost: then the release is public in part
    rebuilt: bool,
}

impl Release {
    pub fn new(workspace: Workspace, target: Target) -> Self {
        Self { workspace, target, outputs: Outputs::default(), clone: None, rebuilt: false }
    }

    /// From now on, files are those of the run's clone.
    pub(super) fn enter(&mut self, clone: &Path) {
        self.clone = Some(clone.to_owned());
    }

    /// From now on, the run stands in for one whose journal is lost.
    pub(super) fn mark_reconstructed(&mut self) {
        self.rebuilt = true;
    }

    /// Whether the release is public in part, from a run whose journal is lost. There is nothing left to rehearse then,
    /// and distributions among the outputs are not to be built again.
    pub fn is_rebuilt(&self) -> bool {
        self.rebuilt
    }

    /// The names that templates know.
    pub fn names(&self) -> &Names {
        &self.target.names
    }

    /// The project's folder: in the run's clone, once there is one.
    pub fn root(&self) -> PathBuf {
        match &self.clone {
            Some(clone) => clone.join(&self.workspace.prefix),
            None => self.workspace.root(),
        }
    }

    /// A file of the project as text.
    ///
    /// # Errors
    /// Not there (or not committed), or not UTF-8.
    pub fn text(&self, path: &str) -> Result<String> {
        let bytes = self.read(path).ok_or_else(|| {
            let error = Error::refused(format!("there is no `{path}` in the project's last commit"));
            match self.workspace.root().join(path).exists() {
                true => error.help(format!("`{path}` exists but is not committed: `git add` and commit it")),
                false => error,
            }
        })?;
        String::from_utf8(bytes).map_err(|_| Error::refused(format!("`{path}` is not UTF-8 text")))
    }
}

impl Files for Release {
    /// A file of the project: of the run's clone once there is one, else as committed.
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        match &self.clone {
            Some(_) => fs_err::read(self.root().join(path)).ok(),
            None => self.workspace.read(path),
        }
    }
}
