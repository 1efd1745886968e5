//! Landing: the release commit and tag enter the user's repository, all or nothing.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::halfway::{Begun, has_tree};
use super::{Clone, Repository};
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
}

impl Landing {
    /// Lands: brings the objects over, moves the refs in one transaction, fast-forwards the working tree.
    ///
    /// # Errors
    /// The branch moved, the tag exists, or an edit of the user's is in the way: then nothing has changed.
    pub fn land(&self, user: &Repository, clone: &Clone) -> Result<()> {
        let head = user.head()?;
        if head.commit != self.old || head.branch != self.branch {
            return Err(Error::failed(format!(
                "the repository moved while the release was prepared: {} was at {}, HEAD is now at {} on {}",
                self.branch.as_deref().unwrap_or("HEAD"),
                short(&self.old),
                short(&head.commit),
                head.shown(),
            ))
            .help("run the release again from where you are now"));
        }
        self.fetch(user, clone)?;
        if self.new != self.old {
            self.refuse_to_overwrite(user)?;
            self.read_tree(user, &["-n"], &self.old, &self.new)?;
        }
        let zero = "0".repeat(self.old.len());
        self.move_refs(user, &self.old, &self.new, (&zero, self.tag.as_ref().map_or("", |tag| &tag.object)))?;
        if self.new != self.old {
            self.read_tree(user, &[], &self.old, &self.new)?;
        }
        Ok(())
    }

    /// Undoes a landing, if refs are still what it made of them.
    ///
    /// # Errors
    /// Somebody has changed them since: then they are left alone.
    pub fn undo(&self, user: &Repository) -> Result<()> {
        let zero = "0".repeat(self.old.len());
        let follows = self.moves_the_working_tree(user);
        if follows {
            self.read_tree(user, &["-n"], &self.new, &self.old)?;
        }
        // Somebody may have put the branch back already; then there is only the tag to take away.
        let from = if self.at(user).as_ref() == Some(&self.old) { &self.old } else { &self.new };
        self.move_refs(user, from, &self.old, (self.tag.as_ref().map_or("", |tag| &tag.object), &zero))?;
        if follows {
            self.read_tree(user, &[], &self.new, &self.old)?;
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
        if !has_tree(user, &self.new)? || !self.moves_the_working_tree(user) {
            return Ok(());
        }
        let at = user.head()?.commit;
        if at == self.new {
            self.read_tree(user, &[], &self.old, &self.new)
        } else if at == self.old {
            self.read_tree(user, &[], &self.new, &self.old)
        } else {
            Ok(())
        }
    }

    /// Whether the working tree shows the branch that lands: the user may have checked out another meanwhile.
    fn moves_the_working_tree(&self, user: &Repository) -> bool {
        self.new != self.old && user.head().is_ok_and(|head| head.branch == self.branch)
    }

    /// Whether the refs say that the landing has happened, whatever somebody has put on top of it since. It is one
    /// transaction: where its tag is, all of it was.
    pub fn is_done(&self, user: &Repository) -> bool {
        match &self.tag {
            Some(tag) => user.reference(&tag.reference()).as_deref() == Some(&tag.object),
            None => self.at(user).is_some_and(|at| user.contains(&at, &self.new)),
        }
    }

    /// What the branch is at; HEAD where it is detached.
    fn at(&self, user: &Repository) -> Option<String> {
        match &self.branch {
            Some(branch) => user.reference(branch),
            None => user.head().ok().map(|head| head.commit),
        }
    }

    /// Whether nothing of the landing is in the refs.
    pub fn is_absent(&self, user: &Repository) -> bool {
        let tag = self
            .tag
            .as_ref()
            .and_then(|tag| user.reference(&tag.reference()).filter(|object| *object == tag.object));
        let branch = self.branch.as_ref().and_then(|branch| user.reference(branch));
        let landed = branch.is_some_and(|branch| user.contains(&branch, &self.new));
        tag.is_none() && (self.new == self.old || !landed)
    }

    /// Git counts ignored files as expendable; they are the user's all the same.
    fn refuse_to_overwrite(&self, user: &Repository) -> Result<()> {
        let diff = ["diff-tree", "-r", "--no-renames", "--diff-filter=A", "--name-only", "-z"];
        let added = user.git(diff).args([&self.old, &self.new]).read()?;
        match added
            .split('\0')
            .find(|path| !path.is_empty() && user.top().join(path).symlink_metadata().is_ok())
        {
            None => Ok(()),
            Some(path) => {
                Err(Error::failed(format!("the release adds `{path}`, and a file of yours is there"))
                    .help("move it away, or add it to the repository yourself"))
            }
        }
    }

    fn fetch(&self, user: &Repository, clone: &Clone) -> Result<()> {
        let mut command = user
            .git(["-c", "fetch.fsckObjects=false", "-c", "gc.auto=0", "fetch", "--quiet", "--no-tags"])
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

    fn move_refs(&self, user: &Repository, from: &str, to: &str, tag: (&str, &str)) -> Result<()> {
        let mut script = String::from("start\n");
        let branch = self.branch.as_deref().unwrap_or("HEAD");
        if from != to {
            let _ = writeln!(script, "option no-deref\nupdate {branch} {to} {from}");
        } else {
            let _ = writeln!(script, "verify {branch} {from}");
        }
        if let Some(reference) = self.tag.as_ref().map(TagRef::reference) {
            let _ = writeln!(script, "option no-deref\nupdate {reference} {} {}", tag.1, tag.0);
        }
        script.push_str("prepare\ncommit\n");
        let reason =
            format!("pyrelease: {}", if from == self.old { "land the release" } else { "undo the release" });
        user.git(["update-ref", "--create-reflog", "-m", &reason, "--stdin"]).input(script).read().map_err(
            |error| {
                Error::from(error).help("a ref was changed by somebody else meanwhile; nothing was moved")
            },
        )?;
        Ok(())
    }

    fn read_tree(&self, user: &Repository, options: &[&str], from: &str, to: &str) -> Result<()> {
        // Without the refresh a file that was only touched counts as edited.
        user.git(["update-index", "-q", "--refresh"]).capture()?;
        let command = user.git(["read-tree", "-m", "-u"]).args(options).args([from, to]);
        let mut read = command.read();
        if read.is_err() && options.is_empty() {
            let begun = Begun::clear(user, from, to)?;
            if !begun.is_empty() {
                read = command.read();
                begun.restore()?;
            }
        }
        read.map_err(|error| {
            let help = match error.to_string().contains("index.lock") {
                true => {
                    "another git command is at work in the repository, or was killed and left its lock behind"
                }
                false => "an edit of yours is in the way of the release: commit or stash it, then try again",
            };
            Error::from(error).help(help)
        })?;
        Ok(())
    }
}

/// An id as people read it.
pub fn short(id: &str) -> &str {
    id.get(..10).unwrap_or(id)
}
