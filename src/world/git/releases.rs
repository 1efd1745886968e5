//! The tagged commits of the history, and what they changed.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::path::Path;

use git2::{Commit, Delta, DiffOptions, ObjectType, Oid, Patch};

use jiff::Timestamp;

use super::Repository;
use crate::error::{Error, Result};
use crate::python::habits::{FileChange, Hunk};

/// The most commits that are looked at for tags
const MOST_COMMITS: usize = 50_000;
/// The most files of a commit that are compared; more is not a release but a reformatting
const MOST_FILES: usize = 2_000;
/// The most lines of a file that are compared
const MOST_LINES: usize = 5_000;
/// The largest file that is compared, in bytes
const LARGEST: usize = 1 << 20;

/// A tag and the object that it points to
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedTag {
    pub name: String,
    /// What the tag marks, usually a commit
    pub commit: String,
    /// Whether it has a tag object, with a message of its own
    pub is_annotated: bool,
}

/// What a commit says and did
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommitRecord {
    pub message: String,
    pub is_merge: bool,
    /// The day on which it was committed, `YYYY-MM-DD` in the committer's time zone
    pub date: String,
    /// Against its first parent; without binary and very large files
    pub changes: Vec<FileChange>,
}

impl Repository {
    /// All tags, sorted by name; without broken ones.
    ///
    /// # Errors
    /// The refs cannot be read.
    pub fn tags(&self) -> Result<Vec<ListedTag>> {
        let broken = |error| Error::failed("failed to list the tags").because(error);
        let references = self.repository.references_glob("refs/tags/*").map_err(broken)?;
        let mut tags: Vec<ListedTag> =
            references.flatten().filter_map(|reference| self.listed(&reference)).collect();
        tags.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(tags)
    }

    fn listed(&self, reference: &git2::Reference<'_>) -> Option<ListedTag> {
        let name = reference.name().ok()?.strip_prefix("refs/tags/")?.to_owned();
        let id = reference.resolve().ok()?.target()?;
        // `packed-refs` says what a tag object marks; the object itself is read for others only.
        let peeled = reference.target_peel();
        let is_annotated = peeled.is_some() || self.kind(id) == Some(ObjectType::Tag);
        let marked = match (peeled, is_annotated) {
            (Some(marked), _) => marked,
            (None, true) => reference.peel(ObjectType::Any).ok()?.id(),
            (None, false) => id,
        };
        Some(ListedTag { name, commit: marked.to_string(), is_annotated })
    }

    /// The refs that match the patterns, as lines of a `packed-refs` file.
    ///
    /// # Errors
    /// The refs cannot be read.
    pub(super) fn packed_refs(&self, patterns: &[&str]) -> Result<String> {
        let broken = |error| Error::failed("failed to list the refs").because(error);
        let mut lines = Vec::new();
        for pattern in patterns {
            for reference in self.repository.references_glob(pattern).map_err(broken)?.flatten() {
                let id = reference.resolve().ok().and_then(|reference| reference.target());
                lines.extend(id.zip(reference.name().ok()).map(|(id, name)| format!("{id} {name}\n")));
            }
        }
        Ok(lines.concat())
    }

    fn kind(&self, id: Oid) -> Option<ObjectType> {
        Some(self.repository.odb().ok()?.read_header(id).ok()?.1)
    }

    /// Those of the commits that are `head` or an ancestor of it, the newest first; at most `limit`. Looks at a bounded
    /// part of the history.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn nearest<'c>(&self, head: &str, commits: &[&'c str], limit: usize) -> Result<Vec<&'c str>> {
        let broken = |error| Error::failed("failed to read the commit history").because(error);
        let wanted: HashMap<Oid, &str> =
            commits.iter().filter_map(|commit| Some((commit.parse().ok()?, *commit))).collect();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        // The newest first, and no commit before a descendant of it. The library's own walk reads the whole history for
        // that order.
        let mut queue = BinaryHeap::new();
        let mut seen = HashSet::new();
        let first: Oid = head.parse().map_err(broken)?;
        let enqueue = |queue: &mut BinaryHeap<(i64, Reverse<usize>, Oid)>, id: Oid| {
            // In a shallow clone the history ends before its root.
            if let Ok(commit) = self.repository.find_commit(id) {
                let order = Reverse(queue.len());
                queue.push((commit.time().seconds(), order, id));
            }
        };
        seen.insert(first);
        enqueue(&mut queue, first);
        let mut found = Vec::new();
        for _ in 0..MOST_COMMITS {
            let is_over = found.len() >= limit.min(wanted.len());
            let Some((_, _, id)) = queue.pop().filter(|_| !is_over) else { break };
            found.extend(wanted.get(&id));
            let commit = self.repository.find_commit(id).map_err(broken)?;
            for parent in commit.parent_ids().filter(|parent| seen.insert(*parent)).collect::<Vec<_>>() {
                enqueue(&mut queue, parent);
            }
        }
        Ok(found)
    }

    /// The commits that exist here, the newest first.
    pub fn by_time<'c>(&self, commits: &[&'c str]) -> Vec<&'c str> {
        let mut seen = HashSet::new();
        let mut dated: Vec<(i64, &str)> = commits
            .iter()
            .filter(|commit| seen.insert(**commit))
            .filter_map(|commit| Some((self.commit(commit)?.time().seconds(), *commit)))
            .collect();
        dated.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
        dated.into_iter().map(|(_, commit)| commit).collect()
    }

    /// The message of an annotated tag without its signature, and whether it has one.
    pub fn tag_message(&self, name: &str) -> Option<(String, bool)> {
        let reference = self.repository.find_reference(&format!("refs/tags/{name}")).ok()?;
        let tag = reference.peel_to_tag().ok()?;
        let message = tag.message().ok().flatten().unwrap_or_default();
        let marks = ["-----BEGIN PGP", "-----BEGIN SSH", "-----BEGIN SIGNED MESSAGE"];
        let text =
            marks.iter().fold(message, |text, mark| text.split_once(mark).map_or(text, |(text, _)| text));
        Some((text.trim().to_owned(), text.len() < message.len()))
    }

    /// The first parent of a commit.
    pub fn first_parent(&self, commit: &str) -> Option<String> {
        Some(self.commit(commit)?.parent_id(0).ok()?.to_string())
    }

    /// What a commit says, and what it changed; paths are relative to `prefix`. None if the commit is not here.
    pub fn commit_record(&self, commit: &str, prefix: &str) -> Option<CommitRecord> {
        let commit = self.commit(commit)?;
        let message = String::from_utf8_lossy(commit.message_bytes()).into_owned();
        let is_merge = commit.parent_count() > 1;
        let changes = self.changes(&commit, prefix).unwrap_or_default();
        let date = day(&commit)?;
        Some(CommitRecord { message, is_merge, date, changes })
    }

    /// Whether two commits differ in a folder (with a final `/`; empty for all), apart from these folders in it.
    ///
    /// A commit that is not here differs.
    pub fn differ(&self, [one, other]: [&str; 2], folder: &str, except: &[String]) -> bool {
        let tree = |commit: &str| {
            let tree = self.commit(commit)?.tree().ok()?;
            let path = folder.trim_end_matches('/');
            if path.is_empty() {
                return Some(tree);
            }
            let entry = tree.get_path(Path::new(path)).ok()?;
            self.repository.find_tree(entry.id()).ok()
        };
        let (Some(one), Some(other)) = (tree(one), tree(other)) else { return true };
        if one.id() == other.id() {
            return false;
        }
        if except.is_empty() {
            return true;
        }
        let Ok(diff) = self.repository.diff_tree_to_tree(Some(&one), Some(&other), None) else { return true };
        let is_own = |path: Option<&Path>| {
            let path = path.and_then(Path::to_str).map(|path| format!("{folder}{path}"));
            path.is_none_or(|path| !except.iter().any(|folder| path.starts_with(folder.as_str())))
        };
        diff.deltas().any(|delta| is_own(delta.new_file().path()) || is_own(delta.old_file().path()))
    }

    /// The day of a commit where it was made. None if the commit is not here.
    pub fn day_of(&self, commit: &str) -> Option<String> {
        day(&self.commit(commit)?)
    }

    fn commit(&self, id: &str) -> Option<Commit<'_>> {
        self.repository.find_commit(id.parse().ok()?).ok()
    }

    fn changes(&self, commit: &Commit<'_>, prefix: &str) -> Option<Vec<FileChange>> {
        let before = commit.parent(0).ok()?.tree().ok()?;
        let after = commit.tree().ok()?;
        let mut options = DiffOptions::new();
        options.context_lines(0).ignore_submodules(true);
        let diff = self.repository.diff_tree_to_tree(Some(&before), Some(&after), Some(&mut options)).ok()?;
        if diff.deltas().len() > MOST_FILES {
            return None;
        }
        let mut changes = Vec::new();
        for delta in diff.deltas() {
            let Some(path) = delta.new_file().path().and_then(|path| path.to_str()) else { continue };
            let path = relative(prefix, &path.replace('\\', "/"));
            // A file that is new or gone replaced nothing.
            let hunks = match delta.status() {
                Delta::Modified => self.hunks([delta.old_file().id(), delta.new_file().id()], &mut options),
                _ => None,
            };
            changes.push(FileChange { path, hunks: hunks.unwrap_or_default() });
        }
        Some(changes)
    }

    /// What differs in a file; none if one of the two is large. The library would read the whole index for each file, to
    /// look for attributes, if it were given the difference of the trees.
    fn hunks(&self, [before, after]: [Oid; 2], options: &mut DiffOptions) -> Option<Vec<Hunk>> {
        let [before, after] =
            [self.repository.find_blob(before).ok()?, self.repository.find_blob(after).ok()?];
        if before.size().max(after.size()) > LARGEST {
            return None;
        }
        let (before, after) = (before.content(), after.content());
        Patch::from_buffers(before, None, after, None, Some(options)).ok().map(|patch| hunks(&patch))
    }
}

fn day(commit: &Commit<'_>) -> Option<String> {
    let time = commit.time();
    let seconds = time.seconds() + i64::from(time.offset_minutes()) * 60;
    Some(Timestamp::from_second(seconds).ok()?.strftime("%Y-%m-%d").to_string())
}

fn hunks(patch: &Patch<'_>) -> Vec<Hunk> {
    let mut hunks = Vec::new();
    let mut lines = 0;
    for at in 0..patch.num_hunks() {
        let mut hunk = Hunk::default();
        for line in 0..patch.num_lines_in_hunk(at).unwrap_or_default() {
            lines += 1;
            if lines > MOST_LINES {
                return Vec::new();
            }
            let Ok(line) = patch.line_in_hunk(at, line) else { continue };
            let Ok(text) = std::str::from_utf8(line.content()) else { continue };
            let text = text.trim_end_matches(['\r', '\n']).to_owned();
            match line.origin() {
                '-' => hunk.removed.push(text),
                '+' => hunk.added.push(text),
                _ => {}
            }
        }
        hunks.push(hunk);
    }
    hunks
}

/// A path from the top of the repository, seen from the folder `prefix` (with a final `/`, or empty).
pub(super) fn relative(prefix: &str, path: &str) -> String {
    let mut rest = path;
    let mut above = 0;
    let mut folders = prefix.split('/').filter(|folder| !folder.is_empty());
    for folder in folders.by_ref() {
        match rest.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')) {
            Some(inside) => rest = inside,
            None => {
                above = 1;
                break;
            }
        }
    }
    above += folders.count();
    format!("{}{rest}", "../".repeat(above))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_seen_from_the_project() {
        for (prefix, path, expected) in [
            ("", "a/b.py", "a/b.py"),
            ("libs/graph/", "libs/graph/pyproject.toml", "pyproject.toml"),
            ("libs/graph/", "libs/sdk/uv.lock", "../sdk/uv.lock"),
            ("libs/graph/", "uv.lock", "../../uv.lock"),
            ("backend/", "docs/history.md", "../docs/history.md"),
        ] {
            assert_eq!(relative(prefix, path), expected, "{path}");
        }
    }
}
