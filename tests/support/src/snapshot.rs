//! A snapshot of a project, its repository and its remote, to compare with later.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::project::Project;

/// The parts of `.git` that are not compared as files: the program's own folder, what is compared with git commands
/// below, and what git writes by itself (a failed release may leave objects and reflogs).
const NOT_COMPARED: &[&str] = &[
    "pyrelease",
    "worktrees",
    "objects",
    "logs",
    "refs",
    "packed-refs",
    "index",
    "COMMIT_EDITMSG",
    "FETCH_HEAD",
    "ORIG_HEAD",
];

/// One line for each ref, each index entry and each file
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    facts: BTreeMap<String, String>,
}

impl Snapshot {
    #[track_caller]
    pub(crate) fn of(project: &Project) -> Self {
        let mut facts = BTreeMap::new();
        let git = |args: &[&str]| project.sandbox().git(project.repository(), args);
        for line in git(&["for-each-ref", "--format=%(refname) %(objectname) %(symref)"]).lines() {
            insert(&mut facts, "ref", line.split_once(' '));
        }
        worktree(&mut facts, project, project.repository(), "");
        for line in git(&["worktree", "list", "--porcelain", "-z"]).split('\0') {
            let other = line.strip_prefix("worktree ").map(Path::new);
            if let Some(other) =
                other.filter(|other| *other != project.repository() && other.join(".git").exists())
            {
                worktree(&mut facts, project, other, &format!("{}: ", other.display()));
            }
        }
        if project.has_remote() {
            let remote = project.remote();
            for (name, object) in remote.refs() {
                facts.insert(format!("remote's ref {name}"), object);
            }
            facts.insert("remote's HEAD".to_owned(), remote.git(&["symbolic-ref", "HEAD"]));
        }
        Self { facts }
    }

    /// One line for each difference from `now`.
    pub fn differences(&self, now: &Self) -> Vec<String> {
        let mut differences = Vec::new();
        for (name, was) in &self.facts {
            match now.facts.get(name) {
                None => differences.push(format!("{name}: gone (was {was})")),
                Some(is) if is != was => differences.push(format!("{name}: {was} -> {is}")),
                Some(_) => {}
            }
        }
        let new = now.facts.iter().filter(|(name, _)| !self.facts.contains_key(*name));
        differences.extend(new.map(|(name, is)| format!("{name}: new ({is})")));
        differences
    }
}

/// The index, the files and the `HEAD` of a worktree.
fn worktree(facts: &mut BTreeMap<String, String>, project: &Project, top: &Path, of: &str) {
    let git = |args: &[&str]| project.sandbox().git(top, args);
    // A bare repository has no index.
    if git(&["rev-parse", "--is-inside-work-tree"]) == "true" {
        facts.insert(format!("{of}HEAD"), git(&["log", "-1", "--format=%D %H"]));
        for entry in git(&["ls-files", "--stage", "-v", "-z"]).split_terminator('\0') {
            insert(facts, &format!("{of}index"), entry.split_once('\t').map(|(entry, path)| (path, entry)));
        }
    }
    for path in files_in(top) {
        let name = path.strip_prefix(top).expect("it was found there");
        let in_git = name.strip_prefix(".git").ok().and_then(|name| name.components().next());
        let in_git = in_git.map(|first| first.as_os_str().to_string_lossy());
        // A split index has a second file, whose name is its digest.
        let is_index = |first: &str| first.starts_with("sharedindex.");
        if in_git.is_none_or(|first| !is_index(&first) && !NOT_COMPARED.contains(&&*first)) {
            facts.insert(format!("{of}file {}", name.display()), describe(&path));
        }
    }
}

fn insert(facts: &mut BTreeMap<String, String>, kind: &str, entry: Option<(&str, &str)>) {
    let (name, value) = entry.expect("git prints what it was asked for");
    facts.insert(format!("{kind} {name}"), value.trim_end().to_owned());
}

/// The kind, permissions and content of a file, or the target of a link.
pub(crate) fn describe(path: &Path) -> String {
    let metadata = fs_err::symlink_metadata(path).expect("a file that was just found");
    if metadata.is_symlink() {
        return format!("link to {}", fs_err::read_link(path).expect("a link").display());
    }
    let content = fs_err::read(path).expect("a file that was just found");
    let digest: String = Sha256::digest(&content).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("mode {:o}, {} bytes, sha256 {digest}…", mode(&metadata), content.len())
}

#[cfg(unix)]
fn mode(metadata: &std::fs::Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o7777
}

#[cfg(not(unix))]
fn mode(metadata: &std::fs::Metadata) -> u32 {
    if metadata.permissions().readonly() { 0o444 } else { 0o644 }
}

/// Every file and every link in a folder and below it, in order.
pub(crate) fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        // The file may just have been deleted.
        let Ok(entries) = fs_err::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(kind) if kind.is_file() || kind.is_symlink() => files.push(entry.path()),
                // A socket or a pipe has no content.
                _ => {}
            }
        }
    }
    files.sort();
    files
}
