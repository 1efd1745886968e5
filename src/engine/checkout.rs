//! The user's project in its repository: what a release reads.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::finding::Finding;
use crate::python::changelog::{Format, Share};
use crate::python::project::Files;
use crate::python::version::Version;
use crate::world::Environment;
use crate::world::git::{CommitRecord, Head, ListedTag, Past, Repository};
use crate::world::hashes::Hashes;

/// The user's project in its repository
pub struct Checkout {
    pub repository: Repository,
    pub head: Head,
    /// The project's folder in the repository, with `/` and a final one; empty at the top
    pub prefix: String,
    pub environment: Environment,
    /// The digests of the release's files
    pub hashes: Hashes,
    /// The folders of other projects in the repository, each with a final `/`: what is in them is not this project's
    others: Arc<[String]>,
    /// The changelog that the project shares with others, by its path, and which part of it is the project's
    shared_changelog: Option<Arc<(String, Share)>>,
    /// What all projects of the repository ask about its past, if there are several
    past: Option<Arc<Past>>,
    /// The edited files, if the project is read as it is in the working tree, not as it is committed
    edits: Option<BTreeSet<String>>,
}

impl Checkout {
    /// Opens the repository of the project at `root`.
    ///
    /// # Errors
    /// There is no repository, or it has no commit.
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
        let (hashes, others) = (Hashes::default(), Arc::default());
        let (shared_changelog, past, edits) = (None, None, None);
        Ok(Self { repository, head, prefix, environment, hashes, others, shared_changelog, past, edits })
    }

    /// The same with another folder of the repository as the project's, and with a handle of its own on the repository.
    /// What is in the folders of `others`, each with a final `/`, is not this project's.
    ///
    /// # Errors
    /// The repository cannot be opened again.
    pub fn in_folder(&self, prefix: &str, mut others: Vec<String>) -> Result<Self> {
        others.sort();
        let again = self.with(self.repository.reopened()?);
        Ok(Self { prefix: prefix.to_owned(), others: others.into(), ..again })
    }

    /// The same with a changelog that it shares with others: whoever reads it reads the project's part.
    #[must_use]
    pub fn sharing(self, path: String, share: Share) -> Self {
        Self { shared_changelog: Some(Arc::new((path, share))), ..self }
    }

    /// Which part of the file is the project's, if it is a changelog shared with others.
    pub fn share_of(&self, path: &str) -> Option<&Share> {
        self.shared_changelog.as_deref().filter(|(shared, _)| shared == path).map(|(_, share)| share)
    }

    /// What the project has of a file's bytes.
    pub(super) fn own_part(&self, path: &str, bytes: Vec<u8>) -> Vec<u8> {
        let Some(share) = self.share_of(path) else { return bytes };
        let part = std::str::from_utf8(&bytes).ok().and_then(|text| {
            let format = Format::of_text(path, text)?;
            share.part_of(text, format).ok()
        });
        part.map_or(bytes, String::into_bytes)
    }

    /// From now on, what is asked about the past is kept, for this project and those in other folders.
    pub fn keep_past(&mut self) {
        self.past = Some(Arc::default());
    }

    /// The folders of other projects in the repository, each with a final `/`.
    pub fn others(&self) -> &[String] {
        &self.others
    }

    /// Whether a file of the repository is in the folder of another project.
    fn is_foreign(&self, file: &str) -> bool {
        let folders = file.match_indices('/').map(|(at, _)| &file[..=at]);
        let is_other =
            |folder: &str| self.others.binary_search_by(|other| other.as_str().cmp(folder)).is_ok();
        !self.others.is_empty() && folders.into_iter().any(is_other)
    }

    /// The tags of the repository.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn tags(&self) -> Result<Arc<[ListedTag]>> {
        match &self.past {
            Some(past) => past.tags(&self.repository),
            None => Ok(self.repository.tags()?.into()),
        }
    }

    /// Those of the tagged commits that are HEAD or an ancestor of it, the newest first; at most `limit`.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn nearest<'c>(&self, commits: &[&'c str], limit: usize) -> Result<Vec<&'c str>> {
        let Some(past) = &self.past else {
            return self.repository.nearest(&self.head.commit, commits, limit);
        };
        let wanted: HashSet<&'c str> = commits.iter().copied().collect();
        let order = past.order(&self.repository, &self.head.commit)?;
        let found = order.iter().filter_map(|commit| wanted.get(commit.as_str()).copied());
        Ok(found.take(limit).collect())
    }

    /// The version that the project stated in a commit, as `find` finds it; asked once where the past is kept.
    pub fn stated_once(&self, commit: &str, find: &dyn Fn() -> Option<Version>) -> Option<Version> {
        match &self.past {
            Some(past) => past.stated((&self.prefix, commit), find),
            None => find(),
        }
    }

    /// What a commit says, and what it changed apart from the folders of other projects; paths are of the project.
    pub fn record(&self, commit: &str) -> Option<CommitRecord> {
        match &self.past {
            Some(past) => past.record(&self.repository, commit, &self.prefix, &|file| self.is_foreign(file)),
            None => self.repository.commit_record(commit, &self.prefix),
        }
    }

    /// The same with another handle on the repository.
    pub(super) fn with(&self, repository: Repository) -> Self {
        Self {
            repository,
            head: self.head.clone(),
            prefix: self.prefix.clone(),
            environment: self.environment.clone(),
            hashes: self.hashes.clone(),
            others: Arc::clone(&self.others),
            shared_changelog: self.shared_changelog.clone(),
            past: self.past.clone(),
            edits: self.edits.clone(),
        }
    }

    /// From now on, reads the project as it is in the working tree: the edits of tracked files count.
    ///
    /// # Errors
    /// The working tree cannot be read.
    pub fn read_working_tree(&mut self) -> Result<()> {
        self.edits = Some(self.repository.edited()?.into_iter().collect());
        Ok(())
    }

    /// The edited files that are read, relative to the top of the repository.
    pub fn edits(&self) -> impl Iterator<Item = &str> {
        self.edits.iter().flatten().map(String::as_str)
    }

    /// The project's folder in the user's working tree.
    pub fn root(&self) -> PathBuf {
        self.repository.top().join(&self.prefix)
    }

    /// The project in the run's worktree: the one with its branch checked out, else the one it began in, else this one.
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

    /// The file of the repository that a path of the project leads to, relative to the repository's top.
    pub fn file_of(&self, path: &str) -> Option<String> {
        let inside = inside(&self.prefix, path)?;
        Some(self.repository.resolved(&self.head.commit, &inside).unwrap_or(inside))
    }

    /// The error for a path of the project that leads out of the repository, by itself or by a committed symbolic link.
    pub fn way_out(&self, path: &str) -> Option<Error> {
        let message = match inside(&self.prefix, path) {
            Some(inside) => {
                let target = self.repository.link_outside(&self.head.commit, &inside)?;
                format!("`{path}` leads to `{target}`, outside the repository")
            }
            None => format!("`{path}` leads out of the repository"),
        };
        let help = "a release reads and changes files of the repository only: put the file itself there";
        Some(Error::refused(message).help(help))
    }

    /// Findings for local edits in files that a stage changes.
    ///
    /// # Errors
    /// The working tree cannot be read.
    pub fn edits_in_the_way<'a>(&self, paths: impl IntoIterator<Item = &'a str>) -> Result<Vec<Finding>> {
        let edited = self.repository.edited()?;
        let mut findings = Vec::new();
        for path in paths {
            findings.extend(self.way_out(path).map(Finding::from));
            let Some(inside) = inside(&self.prefix, path) else { continue };
            let file = self.repository.resolved(&self.head.commit, &inside).unwrap_or(inside.clone());
            let is_in_the_way = edited.contains(&file) && self.edits.is_none();
            if is_in_the_way || self.repository.has_hidden_edit(&file)? {
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

impl Checkout {
    /// A file of the project as of a commit.
    pub fn read_at(&self, commit: &str, path: &str) -> Option<Vec<u8>> {
        let bytes = self.repository.committed(commit, &inside(&self.prefix, path)?)?;
        Some(self.own_part(path, bytes))
    }

    /// A file as committed at HEAD or, if that is read, as it is in the working tree; all of it, even if it is shared.
    pub(super) fn read_whole(&self, path: &str) -> Option<Vec<u8>> {
        match &self.edits {
            Some(edits) => self.read_edited(edits, path),
            None => self.repository.committed(&self.head.commit, &inside(&self.prefix, path)?),
        }
    }
}

impl Checkout {
    /// A tracked file as it is in the working tree.
    fn read_edited(&self, edits: &BTreeSet<String>, path: &str) -> Option<Vec<u8>> {
        let inside = inside(&self.prefix, path)?;
        let file = self.repository.resolved(&self.head.commit, &inside);
        let is_committed = file.is_some();
        let file = file.unwrap_or(inside);
        let is_edited = edits.contains(&file);
        if !is_committed && !is_edited {
            return None;
        }
        let here = fs_err::canonicalize(self.repository.top().join(&file)).ok();
        // Reading a pipe would wait for whoever writes into it.
        let here = here.filter(|here| here.starts_with(self.repository.top()) && here.is_file());
        match here.and_then(|here| fs_err::read(here).ok()) {
            // A sparse checkout does not have it.
            None if !is_edited => self.repository.committed(&self.head.commit, &file),
            read => read,
        }
    }
}

impl Files for Checkout {
    /// A file of the project as committed at HEAD: uncommitted changes are not released.
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        Some(self.own_part(path, self.read_whole(path)?))
    }

    fn list(&self, folder: &str) -> Vec<String> {
        self.list_near(folder, usize::MAX)
    }

    fn list_near(&self, folder: &str, levels: usize) -> Vec<String> {
        let above = &folder[..folder.len() - folder.trim_start_matches("../").len()];
        let (Some(top), Some(inside)) = (inside(&self.prefix, above), inside(&self.prefix, folder)) else {
            return Vec::new();
        };
        let files = self.repository.files_in(&self.head.commit, inside.trim_end_matches('/'), levels);
        let is_new = |path: &&str| path.starts_with(&inside) && !files.iter().any(|file| file == path);
        let below_top = files.iter().map(String::as_str).chain(self.edits().filter(is_new));
        let below_top = below_top.filter_map(|path| path.strip_prefix(&top));
        below_top.map(|path| format!("{above}{path}")).collect()
    }
}

/// A path of the project as one of the repository; none if it leads out of the repository.
fn inside(prefix: &str, path: &str) -> Option<String> {
    let (mut prefix, mut path) = (prefix, path);
    while let Some(above) = path.strip_prefix("../") {
        let folder = prefix.strip_suffix('/')?;
        prefix = folder.rfind('/').map_or("", |at| &folder[..=at]);
        path = above;
    }
    Some(format!("{prefix}{path}"))
}
