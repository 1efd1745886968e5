//! Landing: moves the release commit and tag into the user's repository, all or nothing.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::partial_checkout::has_tree;
use super::update_worktree::{read_tree, refresh, update_worktree};
use super::{Head, LockScope, PrivateClone, Repository, paths};
use crate::error::{Error, Result};

/// A tag and the id of its tag object
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagRef {
    pub name: String,
    pub object: String,
}

impl TagRef {
    fn reference(&self) -> String {
        format!("refs/tags/{}", self.name)
    }
}

/// What a landing changes: enough to perform it, verify it and undo it
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Landing {
    /// The branch, such as `refs/heads/main`; `None` if HEAD is detached
    pub branch: Option<String>,
    /// The commit before the release
    pub old: String,
    /// The release commit; equal to `old` if the stages changed no file
    pub new: String,
    #[serde(flatten, with = "landed_tags")]
    pub tags: Vec<TagRef>,
    /// If HEAD is detached, its name as seen from every worktree. Missing in older journals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
}

/// A landing's tags in a journal: the only one as `tag`, as it was before there were several, and several as `tags`.
mod landed_tags {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::TagRef;

    #[derive(Serialize)]
    #[serde(rename_all = "lowercase")]
    enum Written<'a> {
        Tag(Option<&'a TagRef>),
        Tags(&'a [TagRef]),
    }

    #[derive(Deserialize)]
    struct Read {
        tag: Option<TagRef>,
        #[serde(default)]
        tags: Vec<TagRef>,
    }

    pub(super) fn serialize<S: Serializer>(tags: &[TagRef], serializer: S) -> Result<S::Ok, S::Error> {
        match tags {
            [] | [_] => Written::Tag(tags.first()),
            tags => Written::Tags(tags),
        }
        .serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<TagRef>, D::Error> {
        let Read { tag, tags } = Read::deserialize(deserializer)?;
        Ok(tag.into_iter().chain(tags).collect())
    }
}

/// Whether a landing's refs move forward or back
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Forward,
    Back,
}

impl Landing {
    /// Fetches the objects, moves the refs in one transaction and fast-forwards the working tree. Completes a landing
    /// that was interrupted.
    ///
    /// # Errors
    /// The branch moved, the tag exists, or a local edit conflicts; then nothing is changed.
    pub fn land(&self, user: &Repository, clone: &PrivateClone) -> Result<()> {
        let shown = match self.shown_in(user)? {
            Some(shown) if self.is_here(&shown) => shown,
            other => return Err(self.moved(&other.as_ref().unwrap_or(user).head()?)),
        };
        self.fetch(user, clone)?;
        let moves = self.moves(user, Direction::Forward)?;
        if self.new != self.old {
            self.refuse_to_overwrite(&shown)?;
            refresh(&shown)?;
            read_tree(&shown, &["-n"], &self.old, &self.new)?;
        }
        move_refs(user, &moves, "land the release")?;
        if self.new != self.old {
            update_worktree(&shown, &self.old, &self.new)?;
        }
        Ok(())
    }

    /// Undoes a landing if the refs still have its values. Deleted refs are not recreated.
    ///
    /// # Errors
    /// A ref has changed since; then nothing is changed.
    pub fn undo(&self, user: &Repository) -> Result<()> {
        let moves = self.moves(user, Direction::Back)?;
        let worktree_to_update = self.worktree_to_update(user)?;
        if let Some(shown) = &worktree_to_update {
            refresh(shown)?;
            read_tree(shown, &["-n"], &self.new, &self.old)?;
        }
        move_refs(user, &moves, "undo the release")?;
        if let Some(shown) = &worktree_to_update {
            update_worktree(shown, &self.new, &self.old)?;
        }
        Ok(())
    }

    /// Updates the working tree to match the refs, after a landing or an undo that was interrupted between the two.
    /// Does nothing if it matches already.
    ///
    /// # Errors
    /// A local edit conflicts.
    pub fn update_worktree(&self, user: &Repository) -> Result<()> {
        // Without the release commit, nothing can have moved.
        if !has_tree(user, &self.new)? {
            return Ok(());
        }
        let Some(shown) = self.worktree_to_update(user)? else { return Ok(()) };
        let at = shown.head()?.commit;
        let (from, to) = match at {
            at if at == self.new => (&self.old, &self.new),
            at if at == self.old => (&self.new, &self.old),
            _ => return Ok(()),
        };
        refresh(&shown)?;
        update_worktree(&shown, from, to)
    }

    /// The worktree that has the branch checked out, or whose HEAD was detached. `None` if the user has checked out
    /// another branch meanwhile, or removed the worktree.
    fn shown_in(&self, user: &Repository) -> Result<Option<Repository>> {
        match (&self.branch, &self.head) {
            (Some(branch), _) => user.worktree_on(branch),
            (None, Some(head)) => user.worktree_of(head),
            (None, None) => user.worktree_of(&user.head_name()),
        }
    }

    /// The worktree whose files must be updated.
    fn worktree_to_update(&self, user: &Repository) -> Result<Option<Repository>> {
        if self.new == self.old {
            return Ok(None);
        }
        Ok(self.shown_in(user)?.filter(|shown| shown.head().is_ok_and(|head| head.branch == self.branch)))
    }

    /// Whether the worktree is at the commit before the release or, after an earlier attempt, at the release commit.
    fn is_here(&self, shown: &Repository) -> bool {
        let at = |head: Head| head.branch == self.branch && [&self.old, &self.new].contains(&&head.commit);
        shown.head().is_ok_and(at)
    }

    fn moved(&self, head: &Head) -> Error {
        Error::failed(format!(
            "the repository changed during preparation: {} was at {}, HEAD is now at {} on {}",
            self.branch.as_deref().unwrap_or("HEAD"),
            short(&self.old),
            short(&head.commit),
            head.shown(),
        ))
        .help("run the release again")
    }

    /// The locks that git takes for the landing or its undo.
    pub fn lock_scope(&self, user: &Repository) -> LockScope {
        let head = self.branch.as_ref().map(|branch| format!("ref: {branch}"));
        let contents = [self.old.clone(), self.new.clone()].into_iter();
        LockScope {
            folder: user.common_folder().to_owned(),
            refs: self.branch.iter().cloned().chain(self.tags.iter().map(TagRef::reference)).collect(),
            worktree: true,
            contents: contents.chain(self.tags.iter().map(|tag| tag.object.clone())).chain(head).collect(),
        }
    }

    /// The ref that moves: a branch, or the HEAD of a worktree.
    fn moved_ref(&self) -> &str {
        self.branch.as_deref().or(self.head.as_deref()).unwrap_or("HEAD")
    }

    /// The ref's current commit; `None` if it is deleted, or HEAD is on a branch now.
    fn position(&self, user: &Repository) -> Option<String> {
        match &self.branch {
            Some(branch) => user.reference(branch),
            None => user.detached(self.moved_ref()),
        }
    }

    /// Whether the refs contain the landing; later commits may be on top.
    pub fn is_done(&self, user: &Repository) -> bool {
        let is_there = |tag: &TagRef| user.reference(&tag.reference()).as_deref() == Some(&tag.object);
        self.tags.iter().all(is_there) && self.position(user).is_some_and(|at| user.contains(&at, &self.new))
    }

    /// Whether the refs contain nothing of the landing.
    pub fn is_absent(&self, user: &Repository) -> bool {
        let is_there = |tag: &TagRef| user.reference(&tag.reference()).as_deref() == Some(&tag.object);
        let landed = || self.position(user).is_some_and(|at| user.contains(&at, &self.new));
        !self.tags.iter().any(is_there) && (self.new == self.old || !landed())
    }

    /// The commands of one ref transaction. Refs that are in place already are skipped, because an earlier landing may
    /// have been interrupted between two refs.
    fn moves(&self, user: &Repository, direction: Direction) -> Result<String> {
        let mut moves = String::new();
        self.move_head(user, direction, &mut moves)?;
        let zero = "0".repeat(self.old.len());
        for tag in &self.tags {
            let name = tag.reference();
            match (user.reference(&name), direction) {
                (None, Direction::Forward) => {
                    let _ = writeln!(moves, "option no-deref\nupdate {name} {} {zero}", tag.object);
                }
                (Some(at), Direction::Back) if at == tag.object => {
                    let _ = writeln!(moves, "option no-deref\nupdate {name} {zero} {at}");
                }
                (Some(at), Direction::Forward) if at == tag.object => {}
                (None, Direction::Back) => {}
                (at, _) => return Err(changed(&name, at.as_deref())),
            }
        }
        Ok(moves)
    }

    fn move_head(&self, user: &Repository, direction: Direction, moves: &mut String) -> Result<()> {
        let (from, to) = match direction {
            Direction::Forward => (&self.old, &self.new),
            Direction::Back => (&self.new, &self.old),
        };
        let name = self.moved_ref();
        match (self.position(user), direction) {
            (at, Direction::Forward) if from == to => {
                if at.as_ref() != Some(from) {
                    return Err(changed(name, at.as_deref()));
                }
                let _ = writeln!(moves, "verify {name} {from}");
            }
            (_, Direction::Back) if from == to => {}
            (Some(at), _) if at == *to => {}
            (Some(at), _) if at == *from => {
                let _ = writeln!(moves, "option no-deref\nupdate {name} {to} {from}");
            }
            (None, Direction::Back) => {}
            (at, _) => return Err(changed(name, at.as_deref())),
        }
        Ok(())
    }

    /// Git would overwrite ignored files, but they are the user's.
    fn refuse_to_overwrite(&self, shown: &Repository) -> Result<()> {
        let added = shown.added(&self.old, &self.new)?;
        let exists = |path: &PathBuf| shown.top().join(path).symlink_metadata().is_ok();
        for path in paths(&added).into_iter().filter(exists) {
            // Files from an earlier attempt are in the index already.
            let listed =
                shown.git(["--literal-pathspecs", "ls-files", "-z", "--"]).arg(&path).read_bytes()?;
            if listed.is_empty() {
                let message =
                    format!("the release adds `{}`, but an untracked file exists there", path.display());
                let help = "move the file away, or commit it";
                return Err(Error::failed(message).help(help));
            }
        }
        Ok(())
    }

    fn fetch(&self, user: &Repository, clone: &PrivateClone) -> Result<()> {
        let tags: Vec<String> = self.tags.iter().map(TagRef::reference).collect();
        clone.send_head(user, &tags)
    }
}

fn changed(name: &str, at: Option<&str>) -> Error {
    let now = at.map_or("is gone".to_owned(), |at| format!("is at {}", short(at)));
    Error::failed(format!("`{name}` was changed meanwhile: it {now}")).help("nothing was moved")
}

fn move_refs(user: &Repository, moves: &str, what: &str) -> Result<()> {
    if moves.is_empty() {
        return Ok(());
    }
    let script = format!("start\n{moves}prepare\ncommit\n");
    let reason = format!("pyrelease: {what}");
    let update = ["update-ref", "--create-reflog", "-m", &reason, "--stdin"];
    user.git_on_refs(&update).input(script).read().map_err(|error| {
        let help = user.lock_help(&error);
        let help = help.unwrap_or_else(|| match error.to_string().contains("aborted by hook") {
            true => "your `reference-transaction` hook refused the update; no ref was moved".to_owned(),
            false => "a ref was changed meanwhile; no ref was moved".to_owned(),
        });
        Error::from(error).help(help)
    })?;
    Ok(())
}

/// An abbreviated commit id.
pub fn short(id: &str) -> &str {
    id.get(..10).unwrap_or(id)
}
