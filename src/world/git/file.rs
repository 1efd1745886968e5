//! Committed files, and how git treats them in the working tree.

use std::path::{Component, Path, PathBuf};

use git2::{
    AttrCheckFlags, AttrValue, IndexEntryExtendedFlag, IndexEntryFlag, ObjectType, TreeWalkMode,
    TreeWalkResult,
};

use super::Repository;
use crate::error::Result;

/// The most files of a folder that are listed
const MOST_LISTED: usize = 20_000;
/// The most links that are followed from one path
const MOST_LINKS: usize = 8;
/// The mode of a symbolic link in a tree
const LINK: i32 = 0o120_000;

impl Repository {
    /// The committed content of a file; `path` is relative to the top and uses `/`. Symbolic links inside the
    /// repository are followed. `None` if the path is not a committed file.
    pub fn committed(&self, commit: &str, path: &str) -> Option<Vec<u8>> {
        Some(self.found(commit, path)?.1)
    }

    /// The path after following symbolic links, relative to the top.
    pub fn resolved(&self, commit: &str, path: &str) -> Option<String> {
        let found = self.found(commit, path)?.0;
        Some(found.to_str()?.replace('\\', "/"))
    }

    /// The target of a committed symbolic link at the path, or at a folder above it, that leads out of the repository or
    /// into its git folder.
    pub fn link_outside(&self, commit: &str, path: &str) -> Option<String> {
        let tree = self.repository.find_commit(commit.parse().ok()?).ok()?.tree().ok()?;
        let mut path = PathBuf::from(path);
        for _ in 0..MOST_LINKS {
            let parts: Vec<&Path> = path.ancestors().filter(|part| part.file_name().is_some()).collect();
            let entry = |part: &&Path| Some((part.to_path_buf(), tree.get_path(part).ok()?));
            let mut entries = parts.iter().rev().filter_map(entry);
            let (link, entry) = entries.find(|(_, entry)| entry.filemode() == LINK)?;
            let blob = self.repository.find_blob(entry.id()).ok()?;
            let target = std::str::from_utf8(blob.content()).ok()?;
            match joined(link.parent()?, target) {
                // Joining an empty path would add a separator.
                Some(to) => path = to.iter().chain(path.strip_prefix(&link).ok()?).collect(),
                None => return Some(target.to_owned()),
            }
        }
        None
    }

    fn found(&self, commit: &str, path: &str) -> Option<(PathBuf, Vec<u8>)> {
        let tree = self.repository.find_commit(commit.parse().ok()?).ok()?.tree().ok()?;
        let mut path = PathBuf::from(path);
        for _ in 0..MOST_LINKS {
            let entry = tree.get_path(&path).ok()?;
            let Ok(blob) = self.repository.find_blob(entry.id()) else {
                // In a partial clone the blob may be at the remote; the `git` command fetches it.
                let content = self.git(["cat-file", "blob", &entry.id().to_string()]).read_bytes().ok()?;
                return (entry.filemode() != LINK).then_some((path, content));
            };
            if entry.filemode() != LINK {
                return Some((path, blob.content().to_vec()));
            }
            let target = std::str::from_utf8(blob.content()).ok()?;
            path = joined(path.parent()?, target)?;
        }
        None
    }

    /// The committed files in a folder and so many levels of folders in it, relative to the top; of a very large folder
    /// not all.
    pub fn files_in(&self, commit: &str, folder: &str, levels: usize) -> Vec<String> {
        let files = || {
            let top = self.repository.find_commit(commit.parse().ok()?).ok()?.tree().ok()?;
            let (tree, prefix) = match folder {
                "" => (top, String::new()),
                _ => {
                    let entry = top.get_path(Path::new(folder)).ok()?;
                    (self.repository.find_tree(entry.id()).ok()?, format!("{folder}/"))
                }
            };
            let mut files = Vec::new();
            let walked = tree.walk(TreeWalkMode::PreOrder, |inside, entry| {
                if let (Some(ObjectType::Blob), Ok(name)) = (entry.kind(), entry.name()) {
                    files.push(format!("{prefix}{inside}{name}"));
                }
                match files.len() < MOST_LISTED {
                    false => TreeWalkResult::Abort,
                    true if entry.kind() == Some(ObjectType::Tree)
                        && inside.matches('/').count() >= levels =>
                    {
                        TreeWalkResult::Skip
                    }
                    true => TreeWalkResult::Ok,
                }
            });
            // An aborted walk is an error too; what was found until then is right.
            let _ = walked;
            Some(files)
        };
        files().unwrap_or_default()
    }

    /// The committed files below `prefix`, relative to it, without those that `git archive` omits (`export-ignore`).
    /// Empty if they cannot be read.
    pub fn exported(&self, prefix: &str) -> Vec<String> {
        let tree = self.repository.head().and_then(|head| head.peel_to_tree());
        let Ok(tree) = tree else { return Vec::new() };
        let mut files = Vec::new();
        let mut has_attributes = false;
        let walked = tree.walk(TreeWalkMode::PreOrder, |folder, entry| {
            if entry.kind() == Some(ObjectType::Blob)
                && let Ok(name) = entry.name()
            {
                has_attributes |= name == ".gitattributes";
                files.push(format!("{folder}{name}"));
            }
            TreeWalkResult::Ok
        });
        if walked.is_err() {
            return Vec::new();
        }
        let is_exported = |path: &String| {
            let flags = AttrCheckFlags::FILE_THEN_INDEX;
            let attribute = |path: &Path| self.repository.get_attr(path, "export-ignore", flags);
            // An omitted folder omits its files too.
            Path::new(path)
                .ancestors()
                .filter(|path| !path.as_os_str().is_empty())
                .all(|path| !matches!(attribute(path).map(AttrValue::from_string), Ok(AttrValue::True)))
        };
        files.retain(|path| path.starts_with(prefix) && (!has_attributes || is_exported(path)));
        files.into_iter().map(|path| path[prefix.len()..].to_owned()).collect()
    }

    /// Whether git tracks anything at or below this path, or at its link target, so that it came with the repository.
    /// True if git cannot tell.
    pub fn tracks_any_of(&self, path: &Path) -> bool {
        let ways = [Some(path.to_owned()), fs_err::canonicalize(path).ok()].into_iter().flatten();
        ways.filter_map(|path| path.strip_prefix(&self.top).map(Path::to_owned).ok()).any(|inside| {
            let listed = self.git(["--literal-pathspecs", "ls-files", "-z", "--"]).arg(inside).read_bytes();
            !listed.is_ok_and(|listed| listed.is_empty())
        })
    }

    /// Whether a path, or its link target, lies in the working tree.
    pub fn has_path(&self, path: &Path) -> bool {
        let target = fs_err::canonicalize(path);
        path.starts_with(&self.top) || target.is_ok_and(|path| path.starts_with(&self.top))
    }

    /// Whether the working tree has real symbolic links; on some systems they are files that contain the target.
    pub fn has_links(&self) -> bool {
        self.is_on("core.symlinks").unwrap_or(true)
    }

    /// The file's encoding in the working tree (`working-tree-encoding`), if it is not UTF-8.
    ///
    /// # Errors
    /// The attributes cannot be read.
    pub fn encoding(&self, path: &str) -> Result<Option<String>> {
        let flags = AttrCheckFlags::FILE_THEN_INDEX;
        // What the library cannot read (a split or a sparse index) git can.
        let Ok(value) = self.repository.get_attr(Path::new(path), "working-tree-encoding", flags) else {
            let listed = self.git(["check-attr", "-z", "working-tree-encoding", "--", path]).read()?;
            let value =
                listed.split('\0').nth(2).filter(|value| !["unspecified", "unset", "set"].contains(value));
            return Ok(value.and_then(unusual));
        };
        let AttrValue::String(value) = AttrValue::from_string(value) else { return Ok(None) };
        Ok(unusual(value))
    }

    /// Whether a file was edited although git treats it as unchanged (`--assume-unchanged`, `--skip-worktree`) and does
    /// not report the edit.
    ///
    /// # Errors
    /// The `git` command failed.
    pub fn has_hidden_edit(&self, path: &str) -> Result<bool> {
        let Some(recorded) = self.recorded_as_hidden(path)? else { return Ok(false) };
        if !self.top().join(path).exists() {
            return Ok(false);
        }
        let option = format!("--path={path}");
        let now = self.git(["hash-object", &option, "--"]).arg(self.top().join(path)).read()?;
        Ok(now != recorded)
    }
}

impl Repository {
    /// The recorded content's id of a file whose edits git does not report.
    fn recorded_as_hidden(&self, path: &str) -> Result<Option<String>> {
        let Ok(index) = self.repository.index() else { return self.ask_recorded_as_hidden(path) };
        let Some(entry) = index.get_path(Path::new(path), 0) else { return Ok(None) };
        let is_hidden = IndexEntryFlag::from_bits_truncate(entry.flags).is_valid()
            || IndexEntryExtendedFlag::from_bits_truncate(entry.flags_extended).is_skip_worktree();
        Ok(is_hidden.then(|| entry.id.to_string()))
    }

    fn ask_recorded_as_hidden(&self, path: &str) -> Result<Option<String>> {
        let list = ["--literal-pathspecs", "ls-files", "-v", "--stage", "-z", "--", path];
        let listed = self.git(list).read()?;
        let is_hidden = listed.starts_with(|mark: char| mark.is_ascii_lowercase() || mark == 'S');
        Ok(listed.split(' ').nth(2).filter(|_| is_hidden).map(str::to_owned))
    }
}

/// An encoding that is not UTF-8.
fn unusual(encoding: &str) -> Option<String> {
    (!encoding.is_empty() && !encoding.eq_ignore_ascii_case("utf-8")).then(|| encoding.to_owned())
}

/// Resolves a link found in `folder`; `None` if it leaves the repository or enters its git folder.
fn joined(folder: &Path, target: &str) -> Option<PathBuf> {
    let mut path = folder.to_owned();
    for part in Path::new(target).components() {
        match part {
            Component::Normal(name) if name.eq_ignore_ascii_case(".git") => return None,
            Component::Normal(name) => path.push(name),
            Component::CurDir => {}
            Component::ParentDir => path.pop().then_some(())?,
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(path)
}
