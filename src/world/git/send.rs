//! Sends what a release wrote from its private clone to the user's repository.

use git2::{Buf, Oid, Sort};

use super::native::has_replacements;
use super::{PrivateClone, Repository};
use crate::error::Result;

/// The most commits that are sent as a pack of our own
const MOST_COMMITS: usize = 16;
/// The most objects of it: git keeps a pack of more than these as it is (`fetch.unpackLimit`)
const MOST_OBJECTS: usize = 99;
/// The largest one, in bytes: it is made in memory
const LARGEST: u64 = 8 << 20;
/// Objects are synced to the disk: after a power cut, refs must not point to missing ones.
const SYNCED: [&str; 2] = ["-c", "core.fsync=committed,loose-object"];

impl PrivateClone {
    /// Sends the commit of HEAD to the user's repository, and what these refs point to. No ref of the user's changes.
    ///
    /// # Errors
    /// The `git` command failed.
    pub fn send_head(&self, user: &Repository, with: &[String]) -> Result<()> {
        let pack = user.head().ok().and_then(|base| self.pack(&base.commit, with));
        match pack {
            Some(pack) => user.git(SYNCED).args(["unpack-objects", "-q"]).input(pack.to_vec()).read()?,
            None => {
                let fetch = user
                    .git(SYNCED)
                    .args(["-c", "fetch.fsckObjects=false", "-c", "gc.auto=0"])
                    .args(["-c", "protocol.file.allow=always", "-c", "fetch.writeCommitGraph=false"])
                    .args(["fetch", "--quiet", "--no-tags", "--no-write-fetch-head"])
                    .args(["--no-recurse-submodules", "--no-auto-maintenance"])
                    .arg(self.top().as_os_str());
                // Fetch by ref, because fetching by id is not always allowed.
                fetch.arg("HEAD").args(with).read()?
            }
        };
        Ok(())
    }

    /// The objects of HEAD and of these refs that a commit has not, in one pack. None if they are many, or the library
    /// does not see all of them, as in a partial clone: then git must find them.
    fn pack(&self, base: &str, with: &[String]) -> Option<Buf> {
        let own = self.open()?;
        if has_replacements(&own) || self.own_size()? > LARGEST {
            return None;
        }
        let mut walk = own.revwalk().ok()?;
        walk.set_sorting(Sort::TOPOLOGICAL).ok()?;
        walk.hide(base.parse().ok()?).ok()?;
        walk.push_head().ok()?;
        let mut builder = own.packbuilder().ok()?;
        builder.set_threads(1);
        for name in with {
            let id = own.refname_to_id(name).ok()?;
            if let Ok(tag) = own.find_tag(id) {
                builder.insert_object(id, None).ok()?;
                walk.push(tag.target_id()).ok()?;
            } else {
                walk.push(id).ok()?;
            }
        }
        let commits: Vec<Oid> = walk.by_ref().take(MOST_COMMITS + 1).collect::<Result<_, _>>().ok()?;
        if commits.len() > MOST_COMMITS {
            return None;
        }
        // The walk is at its end, and the builder needs one.
        walk.reset().ok()?;
        walk.hide(base.parse().ok()?).ok()?;
        commits.iter().try_for_each(|commit| walk.push(*commit)).ok()?;
        builder.insert_walk(&mut walk).ok()?;
        if builder.object_count() > MOST_OBJECTS {
            return None;
        }
        let mut pack = Buf::new();
        builder.write_buf(&mut pack).ok()?;
        Some(pack)
    }

    /// The size of the objects that are the clone's own, in bytes.
    fn own_size(&self) -> Option<u64> {
        let mut size = 0;
        for folder in fs_err::read_dir(self.top().join(".git/objects")).ok()? {
            for object in fs_err::read_dir(folder.ok()?.path()).ok()? {
                size += object.ok()?.metadata().ok()?.len();
            }
        }
        Some(size)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Fixture;
    use super::super::{Head, git};
    use super::*;

    fn clone_of(fixture: &Fixture, head: &Head) -> PrivateClone {
        let top = fixture.top.join(".git/pyrelease/runs/r/tree");
        PrivateClone::make(&fixture.open(), head, &top).unwrap()
    }

    fn commit(clone: &PrivateClone, path: &str, text: &str) -> String {
        fs_err::write(clone.top().join(path), text).unwrap();
        clone.git(["add", path]).read().unwrap();
        clone.commit(text).unwrap()
    }

    /// Nothing that is reachable from the commit or the tags is missing.
    fn is_whole(fixture: &Fixture, heads: &[&str]) -> bool {
        git(&fixture.top, ["rev-list", "--objects", "--quiet"]).args(heads).capture().unwrap().success()
    }

    #[test]
    fn sends_commits_and_tags_and_nothing_else() {
        let fixture = Fixture::new();
        let user = fixture.open();
        let head = user.head().unwrap();
        let clone = clone_of(&fixture, &head);
        commit(&clone, "one.txt", "released\n");
        let new = commit(&clone, "new.txt", "more\n");
        clone.tag("light", None, &new, None).unwrap();
        let tag = clone.tag("v2", Some("two"), &new, None).unwrap();
        commit(&clone, "after.txt", "after\n");
        clone.git(["hash-object", "-w", "--stdin"]).input("of no commit").read().unwrap();
        let names = ["refs/tags/v2".to_owned(), "refs/tags/light".to_owned()];
        // Three commits with a tree and a file each, and a tag
        let pack = clone.pack(&head.commit, &names).unwrap();
        assert_eq!(pack.get(8..12), Some([0, 0, 0, 10].as_slice()));

        clone.send_head(&user, &names).unwrap();
        assert!(is_whole(&fixture, &[&clone.head().unwrap(), &tag]));
        assert_eq!(fixture.git(&["tag", "--list"]), "v1");
    }

    #[test]
    fn completes_what_an_earlier_attempt_left() {
        let fixture = Fixture::new();
        let user = fixture.open();
        let clone = clone_of(&fixture, &user.head().unwrap());
        let new = commit(&clone, "one.txt", "released\n");
        let content = clone.git(["cat-file", "commit", &new]).read_bytes().unwrap();
        let write = git(&fixture.top, ["hash-object", "-t", "commit", "-w", "--stdin", "--literally"]);
        assert_eq!(write.input(content).read().unwrap(), new);
        assert!(!is_whole(&fixture, &[&new]));
        clone.send_head(&user, &[]).unwrap();
        assert!(is_whole(&fixture, &[&new]));
    }

    #[test]
    fn leaves_to_git_what_is_much_or_replaced() {
        let fixture = Fixture::new();
        let user = fixture.open();
        let head = user.head().unwrap();
        let clone = clone_of(&fixture, &head);
        for number in 0..=MOST_COMMITS {
            commit(&clone, "one.txt", &format!("{number}\n"));
        }
        assert!(clone.pack(&head.commit, &[]).is_none());
        assert!(clone.pack(&clone.head().unwrap(), &["refs/tags/missing".to_owned()]).is_none());
        assert!(clone.pack(&"1".repeat(40), &[]).is_none());
        clone.send_head(&user, &[]).unwrap();
        assert!(is_whole(&fixture, &[&clone.head().unwrap()]));

        clone.check_out(&head.commit).unwrap();
        for number in 0..=MOST_OBJECTS {
            fs_err::write(clone.top().join(format!("{number}.txt")), number.to_string()).unwrap();
        }
        clone.git(["add", "."]).read().unwrap();
        clone.commit("many").unwrap();
        assert!(clone.pack(&head.commit, &[]).is_none());
        clone.check_out(&head.commit).unwrap();
        // What cannot be compressed
        let mut large = Vec::new();
        let mut state = 1_u64;
        while (large.len() as u64) < LARGEST + 4096 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            large.extend(state.to_be_bytes());
        }
        fs_err::write(clone.top().join("large"), large).unwrap();
        let object = clone.git(["hash-object", "-w", "large"]).read().unwrap();
        assert!(clone.pack(&head.commit, &[]).is_none());
        fs_err::remove_file(clone.top().join("large")).unwrap();
        let (folder, name) = object.split_at(2);
        fs_err::remove_file(clone.top().join(".git/objects").join(folder).join(name)).unwrap();
        let other = commit(&clone, "one.txt", "other\n");
        assert!(clone.pack(&head.commit, &[]).is_some());
        clone.git(["replace", &other, &head.commit]).read().unwrap();
        assert!(clone.pack(&head.commit, &[]).is_none());
    }
}
