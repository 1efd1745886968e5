//! The state of a sandbox (repository, working tree, remotes and indexes), by which a drill judges the outcome.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::configuration::FILE;
use super::template::{remote, repository};
use crate::error::Result;
use crate::world::process::Process;

/// The suffix of the mark that a stand-in leaves when it runs twice
const TWICE: &str = ".twice";

/// Values by name
pub(super) type Named = BTreeMap<String, String>;

/// The state of a sandbox at some moment
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    /// The branch of HEAD, or its commit
    pub(super) head: String,
    pub(super) refs: Named,
    /// The changes in the index and the working tree, and the content of untracked files
    pub(super) tree: Named,
    pub(super) config: String,
    pub(super) remotes: BTreeMap<String, Named>,
    /// The files of each index, with their sha256
    pub(super) indexes: BTreeMap<String, Named>,
    /// The marks of the stand-ins
    pub(super) commands: BTreeSet<String>,
    /// Temporary files that should not be left behind, such as locks and clones
    pub(super) debris: BTreeSet<String>,
}

impl Facts {
    /// Reads the state of a sandbox in which no process is running.
    ///
    /// # Errors
    /// A file cannot be read.
    pub(super) fn of(world: &Path, remotes: &[String]) -> Result<Self> {
        let top = repository(world);
        let git = |arguments: &[&str]| Process::new("git").args(arguments).folder(&top).capture();
        let symbolic = git(&["symbolic-ref", "--quiet", "HEAD"])?;
        let head = if symbolic.success() { symbolic } else { git(&["rev-parse", "HEAD"])? };
        let mut debris = BTreeSet::new();
        locks(&top.join(".git"), &mut debris)?;
        clones(&top.join(".git/pyrelease/runs"), &mut debris)?;
        let mut of_remotes = BTreeMap::new();
        for name in remotes {
            let folder = remote(world, name);
            locks(&folder, &mut debris)?;
            of_remotes.insert(name.clone(), refs(&folder)?);
        }
        let mut indexes = BTreeMap::new();
        for entry in entries(&world.join("indexes"))? {
            indexes.insert(entry.1.clone(), files_of_index(&entry.0)?);
        }
        Ok(Self {
            head: head.text(),
            refs: refs(&top)?,
            tree: tree(&top)?,
            config: fs_err::read_to_string(top.join(".git/config"))?,
            remotes: of_remotes,
            indexes,
            commands: entries(&world.join("commands"))?.into_iter().map(|(_, name)| name).collect(),
            debris,
        })
    }

    /// One line for each difference between the expected state and `now`.
    pub(super) fn differences(&self, now: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.head != now.head {
            lines.push(format!("HEAD is at {} instead of {}", now.head, self.head));
        }
        compare("ref", &self.refs, &now.refs, &mut lines);
        compare("file", &self.tree, &now.tree, &mut lines);
        if self.config != now.config {
            lines.push("the repository's configuration was changed".to_owned());
        }
        let empty = Named::new();
        for (name, refs) in &self.remotes {
            compare(&format!("ref of {name}"), refs, now.remotes.get(name).unwrap_or(&empty), &mut lines);
        }
        let names: BTreeSet<&String> = self.indexes.keys().chain(now.indexes.keys()).collect();
        for name in names {
            let [should, is] = [self, now].map(|facts| facts.indexes.get(name).unwrap_or(&empty));
            compare(&format!("file on {name}"), should, is, &mut lines);
        }
        for name in self.commands.difference(&now.commands) {
            lines.push(format!("the effect of `{name}` is missing"));
        }
        for name in now.commands.difference(&self.commands) {
            lines.push(match name.strip_suffix(TWICE) {
                Some(name) => format!("`{name}` was done twice"),
                None => format!("the effect of `{name}` is still present"),
            });
        }
        for path in now.debris.difference(&self.debris) {
            lines.push(format!("`{path}` was left behind"));
        }
        lines
    }
}

fn compare(kind: &str, should: &Named, is: &Named, lines: &mut Vec<String>) {
    for (name, value) in should {
        match is.get(name) {
            None => lines.push(format!("{kind} `{name}` is missing")),
            Some(other) if other != value => {
                lines.push(format!("{kind} `{name}` is {other} instead of {value}"));
            }
            Some(_) => {}
        }
    }
    for (name, value) in is.iter().filter(|(name, _)| !should.contains_key(*name)) {
        lines.push(format!("unexpected {kind} `{name}` ({value})"));
    }
}

pub(super) fn refs(folder: &Path) -> Result<Named> {
    let listing = ["for-each-ref", "--format=%(refname) %(objectname)"];
    let listed = Process::new("git").args(listing).folder(folder).read()?;
    Ok(listed.lines().filter_map(|line| line.split_once(' ')).map(owned).collect())
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// The `git status` of each path, and the content of untracked files.
fn tree(top: &Path) -> Result<Named> {
    let status = ["status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--ignored"];
    let listed = Process::new("git").args(status).folder(top).read()?;
    let mut tree = Named::new();
    for entry in listed.split('\0') {
        let (Some(state), Some(path)) = (entry.get(..2), entry.get(3..)) else { continue };
        if path.ends_with(FILE) {
            continue;
        }
        let file = top.join(path);
        let content = if matches!(state, "??" | "!!") && file.is_file() {
            crate::world::sha256(&file)?.0
        } else {
            "is changed".to_owned()
        };
        tree.insert(path.to_owned(), format!("{state} {content}"));
    }
    Ok(tree)
}

/// The files of an index, in one folder per project. Names that begin with a dot are internal.
pub(super) fn files_of_index(folder: &Path) -> Result<Named> {
    let mut files = Named::new();
    for (project, name) in entries(folder)? {
        if name.starts_with('.') {
            continue;
        }
        for (file, name) in entries(&project)? {
            files.insert(name, crate::world::sha256(&file)?.0);
        }
    }
    Ok(files)
}

/// Git's lock files below a folder.
fn locks(folder: &Path, found: &mut BTreeSet<String>) -> Result<()> {
    for (path, name) in entries(folder)? {
        if path.is_dir() && !path.is_symlink() {
            if name != "objects" && name != "pyrelease" {
                locks(&path, found)?;
            }
        } else if name.ends_with(".lock") {
            found.insert(path.display().to_string());
        }
    }
    Ok(())
}

/// The private clones of runs.
fn clones(runs: &Path, found: &mut BTreeSet<String>) -> Result<()> {
    for (run, _) in entries(runs)? {
        if run.join("tree").exists() {
            found.insert(run.join("tree").display().to_string());
        }
    }
    Ok(())
}

/// The paths and names in a folder; empty if it does not exist.
fn entries(folder: &Path) -> Result<Vec<(std::path::PathBuf, String)>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        found.push((entry.path(), entry.file_name().to_string_lossy().into_owned()));
    }
    found.sort();
    Ok(found)
}
