//! Landing: the release commit and tag enter the user's repository, all or nothing.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::partial_checkout::has_tree;
use super::update_worktree::{read_tree, update_worktree};
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

/// What a landing changes: enough to do it, to see whether it was done, and to undo it
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Landing {
    /// The branch, such as `refs/heads/main`; none where HEAD is detached
    pub branch: Option<String>,
    /// The commit before
    pub old: String,
    /// The release commit; the same as `old` where the stages changed no file
    pub new: String,
    pub tag: Option<TagRef>,
    /// Where HEAD is detached: how every worktree names it; none in journals of before there was this
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
}

/// The two ways that a landing's refs can move
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    There,
    Back,
}

impl Landing {
    /// Lands: brings the objects over, moves the refs in one transaction, fast-forwards the working tree that shows
    /// them. One that was cut short is completed.
    ///
    /// # Errors
    /// The branch moved, the tag exists, or an edit of the user's is in the way: then nothing has changed.
    pub fn land(&self, user: &Repository, clone: &PrivateClone) -> Result<()> {
        let shown = match self.shown_in(user)? {
            Some(shown) if self.is_here(&shown) => shown,
            other => return Err(self.moved(&other.as_ref().unwrap_or(user).head()?)),
        };
        self.fetch(user, clone)?;
        let moves = self.moves(user, Way::There)?;
        if self.new != self.old {
            self.refuse_to_overwrite(&shown)?;
            read_tree(&shown, &["-n"], &self.old, &self.new)?;
        }
        move_refs(user, &moves, "land the release")?;
        if self.new != self.old {
            update_worktree(&shown, &self.old, &self.new)?;
        }
        Ok(())
    }

    /// Undoes a landing, if refs are still what it made of them. What is gone is not brought back.
    ///
    /// # Errors
    /// Somebody has changed them since: then they are left alone.
    pub fn undo(&self, user: &Repository) -> Result<()> {
        let moves = self.moves(user, Way::Back)?;
        let follower = self.follower(user)?;
        if let Some(shown) = &follower {
            read_tree(shown, &["-n"], &self.new, &self.old)?;
        }
        move_refs(user, &moves, "undo the release")?;
        if let Some(shown) = &follower {
            update_worktree(shown, &self.new, &self.old)?;
        }
        Ok(())
    }

    /// Brings the working tree to where the refs are, for a landing or an undo that was cut short between the two.
    /// Does nothing where it is there already.
    ///
    /// # Errors
    /// An edit of the user's is in the way.
    pub fn follow(&self, user: &Repository) -> Result<()> {
        // Before the release commit has arrived, nothing can have moved.
        if !has_tree(user, &self.new)? {
            return Ok(());
        }
        let Some(shown) = self.follower(user)? else { return Ok(()) };
        let at = shown.head()?.commit;
        if at == self.new {
            update_worktree(&shown, &self.old, &self.new)
        } else if at == self.old {
            update_worktree(&shown, &self.new, &self.old)
        } else {
            Ok(())
        }
    }

    /// The worktree that shows what moves: whichever has the branch checked out, or the one whose HEAD was detached.
    /// None where none does: the user may have checked out another branch meanwhile, or removed the worktree.
    fn shown_in(&self, user: &Repository) -> Result<Option<Repository>> {
        match (&self.branch, &self.head) {
            (Some(branch), _) => user.showing(branch),
            (None, Some(head)) => user.worktree_of(head),
            (None, None) => user.worktree_of(&user.head_name()),
        }
    }

    /// The worktree whose files have to follow the refs.
    fn follower(&self, user: &Repository) -> Result<Option<Repository>> {
        if self.new == self.old {
            return Ok(None);
        }
        Ok(self.shown_in(user)?.filter(|shown| shown.head().is_ok_and(|head| head.branch == self.branch)))
    }

    /// Whether the worktree stands where the release was prepared, or where an attempt before has brought it.
    fn is_here(&self, shown: &Repository) -> bool {
        let at = |head: Head| head.branch == self.branch && [&self.old, &self.new].contains(&&head.commit);
        shown.head().is_ok_and(at)
    }

    fn moved(&self, head: &Head) -> Error {
        Error::failed(format!(
            "the repository moved while the release was prepared: {} was at {}, HEAD is now at {} on {}",
            self.branch.as_deref().unwrap_or("HEAD"),
            short(&self.old),
            short(&head.commit),
            head.shown(),
        ))
        .help("run the release again from where you are now")
    }

    /// What git locks for it, or for its undo.
    pub fn lock_scope(&self, user: &Repository) -> LockScope {
        let tag = self.tag.as_ref();
        let head = self.branch.as_ref().map(|branch| format!("ref: {branch}"));
        let contents = [self.old.clone(), self.new.clone()].into_iter();
        LockScope {
            folder: user.common_folder().to_owned(),
            refs: self.branch.iter().cloned().chain(tag.map(TagRef::reference)).collect(),
            worktree: true,
            contents: contents.chain(tag.map(|tag| tag.object.clone())).chain(head).collect(),
        }
    }

    /// The name of what moves: a branch, or the HEAD of a worktree.
    fn moved_ref(&self) -> &str {
        self.branch.as_deref().or(self.head.as_deref()).unwrap_or("HEAD")
    }

    /// Where it is now; none where it is gone, or HEAD is on a branch since.
    fn position(&self, user: &Repository) -> Option<String> {
        match &self.branch {
            Some(branch) => user.reference(branch),
            None => user.detached(self.moved_ref()),
        }
    }

    /// Whether the refs say that the landing has happened, whatever somebody has put on top of it since.
    pub fn is_done(&self, user: &Repository) -> bool {
        let is_there = |tag: &TagRef| user.reference(&tag.reference()).as_deref() == Some(&tag.object);
        self.tag.as_ref().is_none_or(is_there)
            && self.position(user).is_some_and(|at| user.contains(&at, &self.new))
    }

    /// Whether nothing of the landing is in the refs.
    pub fn is_absent(&self, user: &Repository) -> bool {
        let tag = self
            .tag
            .as_ref()
            .and_then(|tag| user.reference(&tag.reference()).filter(|object| *object == tag.object));
        let landed = || self.position(user).is_some_and(|at| user.contains(&at, &self.new));
        tag.is_none() && (self.new == self.old || !landed())
    }

    /// The lines that move, in one transaction, what is not there yet: a landing may have been cut short between one
    /// ref and the next.
    fn moves(&self, user: &Repository, way: Way) -> Result<String> {
        let mut moves = String::new();
        self.move_head(user, way, &mut moves)?;
        let Some(tag) = &self.tag else { return Ok(moves) };
        let name = tag.reference();
        let zero = "0".repeat(self.old.len());
        match (user.reference(&name), way) {
            (None, Way::There) => {
                let _ = writeln!(moves, "option no-deref\nupdate {name} {} {zero}", tag.object);
            }
            (Some(at), Way::Back) if at == tag.object => {
                let _ = writeln!(moves, "option no-deref\nupdate {name} {zero} {at}");
            }
            (Some(at), Way::There) if at == tag.object => {}
            (None, Way::Back) => {}
            (at, _) => return Err(changed(&name, at.as_deref())),
        }
        Ok(moves)
    }

    fn move_head(&self, user: &Repository, way: Way, moves: &mut String) -> Result<()> {
        let (from, to) = match way {
            Way::There => (&self.old, &self.new),
            Way::Back => (&self.new, &self.old),
        };
        let name = self.moved_ref();
        match (self.position(user), way) {
            (at, Way::There) if from == to => {
                if at.as_ref() != Some(from) {
                    return Err(changed(name, at.as_deref()));
                }
                let _ = writeln!(moves, "verify {name} {from}");
            }
            (_, Way::Back) if from == to => {}
            (Some(at), _) if at == *to => {}
            (Some(at), _) if at == *from => {
                let _ = writeln!(moves, "option no-deref\nupdate {name} {to} {from}");
            }
            (None, Way::Back) => {}
            (at, _) => return Err(changed(name, at.as_deref())),
        }
        Ok(())
    }

    /// Git counts ignored files as expendable; they are the user's all the same.
    fn refuse_to_overwrite(&self, shown: &Repository) -> Result<()> {
        let diff = ["diff-tree", "-r", "--no-renames", "--diff-filter=A", "--name-only", "-z"];
        let added = shown.git(diff).args([&self.old, &self.new]).read_bytes()?;
        let there = |path: &PathBuf| shown.top().join(path).symlink_metadata().is_ok();
        for path in paths(&added).into_iter().filter(there) {
            // What an attempt before has put there is in the index already.
            let listed =
                shown.git(["--literal-pathspecs", "ls-files", "-z", "--"]).arg(&path).read_bytes()?;
            if listed.is_empty() {
                let message = format!("the release adds `{}`, and a file of yours is there", path.display());
                let help = "move it away, or add it to the repository yourself";
                return Err(Error::failed(message).help(help));
            }
        }
        Ok(())
    }

    fn fetch(&self, user: &Repository, clone: &PrivateClone) -> Result<()> {
        // Where the power fails after the landing, refs that are on the disk need their objects there.
        let mut command = user
            .git(["-c", "core.fsync=committed,loose-object"])
            .args(["-c", "fetch.fsckObjects=false", "-c", "gc.auto=0", "-c", "protocol.file.allow=always"])
            .args(["-c", "fetch.writeCommitGraph=false", "fetch", "--quiet", "--no-tags"])
            .args(["--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-maintenance"])
            .arg(clone.top().as_os_str());
        // A commit is fetched by the ref that has it: fetching by id is not allowed everywhere.
        command = command.arg("HEAD");
        if let Some(tag) = &self.tag {
            command = command.arg(tag.reference());
        }
        command.read()?;
        Ok(())
    }
}

fn changed(name: &str, at: Option<&str>) -> Error {
    let now = at.map_or("is gone".to_owned(), |at| format!("is at {}", short(at)));
    Error::failed(format!("`{name}` {now}: it was changed meanwhile")).help("nothing was moved")
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
            true => "your `reference-transaction` hook refused it; nothing was moved".to_owned(),
            false => "a ref was changed meanwhile; nothing was moved".to_owned(),
        });
        Error::from(error).help(help)
    })?;
    Ok(())
}

/// An id as people read it.
pub fn short(id: &str) -> &str {
    id.get(..10).unwrap_or(id)
}
