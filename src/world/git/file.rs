//! A file as the repository has it, and what git is told to do with it in the working tree.

use std::path::{Component, Path, PathBuf};

use git2::{AttrCheckFlags, AttrValue, ObjectType, TreeWalkMode, TreeWalkResult};

use super::Repository;
use crate::error::Result;

impl Repository {
    /// A file's bytes as committed; `path` is relative to the top with `/`. Symbolic links inside the repository are
    /// followed. None if it is not committed or no file.
    pub fn committed(&self, commit: &str, path: &str) -> Option<Vec<u8>> {
        Some(self.found(commit, path)?.1)
    }

    /// The path of the file behind symbolic links, relative to the top; the same path where it is a file itself.
    pub fn resolved(&self, commit: &str, path: &str) -> Option<String> {
        let found = self.found(commit, path)?.0;
        Some(found.to_str()?.replace('\\', "/"))
    }

    fn found(&self, commit: &str, path: &str) -> Option<(PathBuf, Vec<u8>)> {
        const LINK: i32 = 0o120_000;
        let tree = self.repository.find_commit(commit.parse().ok()?).ok()?.tree().ok()?;
        let mut path = PathBuf::from(path);
        for _ in 0..8 {
            let entry = tree.get_path(&path).ok()?;
            let Ok(blob) = self.repository.find_blob(entry.id()) else {
                // A partial clone has it at its remote; the `git` command fetches it.
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

    /// The files committed below `prefix`, relative to it, but for those that `git archive` leaves out
    /// (`export-ignore`); none where they cannot be read.
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
            // A folder that is left out takes its files with it.
            Path::new(path)
                .ancestors()
                .filter(|path| !path.as_os_str().is_empty())
                .all(|path| !matches!(attribute(path).map(AttrValue::from_string), Ok(AttrValue::True)))
        };
        files.retain(|path| path.starts_with(prefix) && (!has_attributes || is_exported(path)));
        files.into_iter().map(|path| path[prefix.len()..].to_owned()).collect()
    }

    /// Whether git tracks the file or folder of this path, or anything in it, or what it links to: then that came with the
    /// repository. Where git cannot say, it did.
    pub fn tracks_any_of(&self, path: &Path) -> bool {
        let ways = [Some(path.to_owned()), fs_err::canonicalize(path).ok()].into_iter().flatten();
        ways.filter_map(|path| path.strip_prefix(&self.top).map(Path::to_owned).ok()).any(|inside| {
            let listed = self.git(["--literal-pathspecs", "ls-files", "-z", "--"]).arg(inside).read_bytes();
            !listed.is_ok_and(|listed| listed.is_empty())
        })
    }

    /// Whether a path leads into the repository's working tree, by its name or by what it links to.
    pub fn has_path(&self, path: &Path) -> bool {
        let there = fs_err::canonicalize(path);
        path.starts_with(&self.top) || there.is_ok_and(|path| path.starts_with(&self.top))
    }

    /// Whether symbolic links are links in the working tree; on some systems they are files that name their target.
    pub fn has_links(&self) -> bool {
        self.is_on("core.symlinks").unwrap_or(true)
    }

    /// The encoding other than UTF-8 that a file has in the working tree (`working-tree-encoding`).
    ///
    /// # Errors
    /// Whatever `git` says.
    pub fn encoding(&self, path: &str) -> Result<Option<String>> {
        let listed = self.git(["check-attr", "-z", "working-tree-encoding", "--", path]).read()?;
        let value = listed.split('\0').nth(2).unwrap_or_default();
        let usual =
            ["unspecified", "unset", "set", ""].contains(&value) || value.eq_ignore_ascii_case("utf-8");
        Ok((!usual).then(|| value.to_owned()))
    }

    /// Whether a file was edited that git is told to take for unchanged (`--assume-unchanged`, `--skip-worktree`), so
    /// that it says nothing of the edit.
    ///
    /// # Errors
    /// Whatever `git` says.
    pub fn has_hidden_edit(&self, path: &str) -> Result<bool> {
        let listed =
            self.git(["--literal-pathspecs", "ls-files", "-v", "--stage", "-z", "--", path]).read()?;
        let hidden = listed.starts_with(|mark: char| mark.is_ascii_lowercase() || mark == 'S');
        if !hidden || !self.top().join(path).exists() {
            return Ok(false);
        }
        let recorded = listed.split(' ').nth(2).unwrap_or_default();
        let option = format!("--path={path}");
        let now = self.git(["hash-object", &option, "--"]).arg(self.top().join(path)).read()?;
        Ok(now != recorded)
    }
}

/// The path that a link in `folder` leads to; none where it leaves the repository.
fn joined(folder: &Path, target: &str) -> Option<PathBuf> {
    let mut path = folder.to_owned();
    for part in Path::new(target).components() {
        match part {
            Component::Normal(name) => path.push(name),
            Component::CurDir => {}
            Component::ParentDir => path.pop().then_some(())?,
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(path)
}
