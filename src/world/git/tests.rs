use snapbox::{assert_data_eq, str};
use std::path::{Path, PathBuf};

use super::*;

/// A repository with two commits and a bare remote, in a folder with special characters
pub(super) struct Fixture {
    _folder: tempfile::TempDir,
    pub(super) top: PathBuf,
    remote: PathBuf,
}

impl Fixture {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().join("it's \"ours\" ü");
        let remote = folder.path().join("remote.git");
        fs_err::create_dir_all(&top).unwrap();
        fs_err::create_dir_all(&remote).unwrap();
        let fixture = Self { _folder: folder, top, remote };
        fixture.git(&["init", "-q", "-b", "main", "."]);
        for (key, value) in [("user.name", "A"), ("user.email", "a@example.org"), ("commit.gpgSign", "false")]
        {
            fixture.git(&["config", key, value]);
        }
        fixture.write("one.txt", "one\n");
        fixture.write("two.txt", "two\n");
        fixture.git(&["add", "."]);
        fixture.git(&["commit", "-qm", "start"]);
        fixture.git(&["tag", "-am", "first", "v1"]);
        git(&fixture.remote, ["init", "-q", "--bare", "-b", "main", "."]).read().unwrap();
        fixture.git(&["remote", "add", "origin", fixture.remote.to_str().unwrap()]);
        fixture.git(&["push", "-q", "-u", "origin", "main", "v1"]);
        fixture
    }

    pub(super) fn git(&self, arguments: &[&str]) -> String {
        git(&self.top, arguments).read().unwrap()
    }

    pub(super) fn write(&self, path: &str, text: &str) {
        fs_err::write(self.top.join(path), text).unwrap();
    }

    pub(super) fn open(&self) -> Repository {
        Repository::discover(&self.top).unwrap()
    }

    /// A clone with a release commit that changes `one.txt`, and its landing.
    fn prepared(&self) -> (PrivateClone, Landing) {
        let user = self.open();
        let head = user.head().unwrap();
        let clone = PrivateClone::make(&user, &head, &self.top.join(".git/pyrelease/runs/r/tree")).unwrap();
        fs_err::write(clone.top().join("one.txt"), "released\n").unwrap();
        fs_err::write(clone.top().join("added.txt"), "added\n").unwrap();
        clone.git(["add", "added.txt"]).read().unwrap();
        let commit = clone.commit("Release 2").unwrap();
        let object = clone.tag("v2", Some("two\n\n# kept"), &commit, None).unwrap();
        let tags = vec![TagRef { name: "v2".into(), object }];
        let detached = head.branch.is_none().then(|| user.head_name());
        (clone, Landing { branch: head.branch, old: head.commit, new: commit, tags, head: detached })
    }

    fn everything(&self) -> String {
        let refs = self.git(&["for-each-ref"]);
        let status = self.git(&["status", "--porcelain", "--branch"]);
        format!("{refs}\n{status}\n{}", fs_err::read_to_string(self.top.join("one.txt")).unwrap())
    }
}

#[test]
fn the_clone_is_at_the_same_place_with_the_same_tags_and_identity() {
    let fixture = Fixture::new();
    let (clone, landing) = fixture.prepared();
    assert_eq!(clone.git(["symbolic-ref", "HEAD"]).read().unwrap(), "refs/heads/main");
    assert_eq!(clone.git(["describe", "--tags", "HEAD~"]).read().unwrap(), "v1");
    assert_eq!(clone.git(["log", "-1", "--format=%an %s"]).read().unwrap(), "A Release 2");
    assert_eq!(clone.git(["status", "--porcelain"]).read().unwrap(), "");
    assert_ne!(landing.old, landing.new);
    assert_eq!(fixture.open().head().unwrap().commit, landing.old);
}

/// Git appends the signature to the message, and looks for it at the beginning of a line.
#[test]
fn the_message_of_a_tag_ends_its_line() {
    let fixture = Fixture::new();
    let (clone, _) = fixture.prepared();
    let stored = clone.git(["cat-file", "tag", "v2"]).capture().unwrap().stdout;
    assert!(stored.ends_with(b"\ntwo\n\n# kept\n"), "{}", String::from_utf8_lossy(&stored));
}

#[test]
fn hooks_of_the_user_run_in_the_clone() {
    let fixture = Fixture::new();
    let hook = fixture.top.join(".git/hooks/pre-commit");
    fs_err::create_dir_all(hook.parent().unwrap()).unwrap();
    fs_err::write(&hook, "#!/bin/sh\necho refused by the hook >&2\nexit 1\n").unwrap();
    executable(&hook);
    let user = fixture.open();
    let clone =
        PrivateClone::make(&user, &user.head().unwrap(), &fixture.top.join(".git/pyrelease/tree")).unwrap();
    fs_err::write(clone.top().join("one.txt"), "changed\n").unwrap();
    let error = clone.commit("Release").unwrap_err().to_string();
    assert!(error.contains("refused by the hook"), "{error}");
}

#[cfg(unix)]
fn executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[cfg(not(unix))]
fn executable(_: &Path) {}

#[test]
fn landing_moves_everything_and_undoing_moves_it_back() {
    let fixture = Fixture::new();
    let before = fixture.everything();
    let (clone, landing) = fixture.prepared();
    let user = fixture.open();
    assert!(landing.is_absent(&user));
    fixture.write("two.txt", "an edit of the user's\n");
    landing.land(&user, &clone).unwrap();
    assert!(landing.is_done(&user));
    assert_eq!(fs_err::read_to_string(fixture.top.join("one.txt")).unwrap(), "released\n");
    assert_eq!(fixture.git(&["status", "--porcelain"]), " M two.txt");
    landing.undo(&user).unwrap();
    assert!(landing.is_absent(&user));
    assert_eq!(fs_err::read_to_string(fixture.top.join("two.txt")).unwrap(), "an edit of the user's\n");
    fixture.write("two.txt", "two\n");
    assert_eq!(fixture.everything(), before);
}

#[test]
fn an_edit_in_the_way_stops_the_landing_before_anything_moves() {
    let fixture = Fixture::new();
    let (clone, landing) = fixture.prepared();
    fixture.write("one.txt", "an edit of the user's\n");
    let before = fixture.everything();
    landing.land(&fixture.open(), &clone).unwrap_err();
    assert_eq!(fixture.everything(), before);
}

#[test]
fn a_branch_that_moved_stops_the_landing() {
    let fixture = Fixture::new();
    let (clone, landing) = fixture.prepared();
    fixture.git(&["commit", "-q", "--allow-empty", "-m", "meanwhile"]);
    let before = fixture.everything();
    let error = landing.land(&fixture.open(), &clone).unwrap_err().to_string();
    assert_data_eq!(
        error,
        str![
            "the repository changed during preparation: refs/heads/main was at [..], HEAD is now at [..] on main"
        ]
    );
    assert_eq!(fixture.everything(), before);
}

#[test]
fn undoing_leaves_what_somebody_else_changed_since() {
    let fixture = Fixture::new();
    let (clone, landing) = fixture.prepared();
    landing.land(&fixture.open(), &clone).unwrap();
    fixture.git(&["commit", "-q", "--allow-empty", "-m", "on top"]);
    let before = fixture.everything();
    landing.undo(&fixture.open()).unwrap_err();
    assert_eq!(fixture.everything(), before);
}

/// Killed between moving the refs and updating the working tree, in either direction.
#[test]
fn the_working_tree_follows_a_landing_that_was_cut_short() {
    let fixture = Fixture::new();
    let before = fixture.everything();
    let (clone, landing) = fixture.prepared();
    let user = fixture.open();
    landing.land(&user, &clone).unwrap();
    let landed = fixture.everything();

    fixture.git(&["read-tree", "-m", "-u", &landing.new, &landing.old]);
    assert_ne!(fixture.everything(), landed);
    landing.update_worktree(&user).unwrap();
    assert_eq!(fixture.everything(), landed);
    landing.update_worktree(&user).unwrap();
    assert_eq!(fixture.everything(), landed);

    landing.undo(&user).unwrap();
    fixture.git(&["read-tree", "-m", "-u", &landing.old, &landing.new]);
    landing.update_worktree(&user).unwrap();
    assert_eq!(fixture.everything(), before);
}

/// Git was killed, or the disk was full, after some files were written but before the index. Partial files of the
/// release are written again; local edits still block.
#[test]
fn the_working_tree_follows_when_some_files_were_written() {
    for (text, is_edit) in [("released\n", false), ("relea", false), ("", false), ("mine\n", true)] {
        let fixture = Fixture::new();
        let (clone, landing) = fixture.prepared();
        let user = fixture.open();
        landing.land(&user, &clone).unwrap();
        let landed = fixture.everything();
        fixture.git(&["read-tree", "-m", "-u", &landing.new, &landing.old]);
        let file = fixture.top.join("one.txt");
        fs_err::write(&file, text).unwrap();
        assert_eq!(landing.update_worktree(&user).is_err(), is_edit, "{text:?}");
        if is_edit {
            assert_eq!(fs_err::read_to_string(&file).unwrap(), text);
        } else {
            assert_eq!(fixture.everything(), landed, "{text:?}");
        }
    }
}

/// Killed between two refs.
#[test]
fn a_landing_that_was_cut_short_between_its_refs_is_completed_or_undone() {
    let fixture = Fixture::new();
    let before = fixture.everything();
    let (clone, landing) = fixture.prepared();
    let user = fixture.open();
    landing.land(&user, &clone).unwrap();
    let landed = fixture.everything();
    let (old, new, tag) = (&landing.old, &landing.new, &landing.tags[0].object);
    let cut_short = |branch: &str, tag: Option<&str>, files: &str| {
        fixture.git(&["update-ref", "refs/heads/main", branch]);
        match tag {
            Some(tag) => fixture.git(&["update-ref", "refs/tags/v2", tag]),
            None => fixture.git(&["update-ref", "-d", "refs/tags/v2"]),
        };
        fixture.git(&["read-tree", "-m", "-u", "HEAD", files]);
        assert!(!landing.is_done(&user) && !landing.is_absent(&user), "neither is true");
    };
    for (branch, tag, files) in [(new, None, old), (old, Some(tag.as_str()), new), (old, Some(tag), old)] {
        cut_short(branch, tag, files);
        landing.undo(&user).unwrap();
        assert_eq!(fixture.everything(), before);
        cut_short(branch, tag, files);
        landing.land(&user, &clone).unwrap();
        assert_eq!(fixture.everything(), landed);
    }
}

/// Killed before the release commit was fetched.
#[test]
fn a_landing_that_never_began_leaves_the_working_tree_alone() {
    let fixture = Fixture::new();
    let before = fixture.everything();
    let (_, landing) = fixture.prepared();
    let user = fixture.open();
    assert!(landing.is_absent(&user));
    landing.update_worktree(&user).unwrap();
    assert_eq!(fixture.everything(), before);
}

#[test]
fn undoing_leaves_the_working_tree_of_another_branch_alone() {
    let fixture = Fixture::new();
    let (clone, landing) = fixture.prepared();
    landing.land(&fixture.open(), &clone).unwrap();
    fixture.git(&["checkout", "-q", "-b", "elsewhere"]);
    fixture.git(&["commit", "-q", "--allow-empty", "-m", "other work"]);
    landing.undo(&fixture.open()).unwrap();
    assert_eq!(fixture.git(&["status", "--porcelain"]), "");
    assert_eq!(fs_err::read_to_string(fixture.top.join("one.txt")).unwrap(), "released\n");
    assert_eq!(fixture.git(&["rev-parse", "main"]), landing.old);
}

#[cfg(unix)]
#[test]
fn a_committed_link_is_followed_inside_the_repository_only() {
    let fixture = Fixture::new();
    fs_err::create_dir_all(fixture.top.join("docs")).unwrap();
    fs_err::os::unix::fs::symlink("../one.txt", fixture.top.join("docs/link")).unwrap();
    fs_err::os::unix::fs::symlink("../../outside", fixture.top.join("docs/out")).unwrap();
    fs_err::os::unix::fs::symlink("loop", fixture.top.join("docs/loop")).unwrap();
    fixture.git(&["add", "."]);
    fixture.git(&["commit", "-qm", "links"]);
    let user = fixture.open();
    let head = user.head().unwrap().commit;
    assert_eq!(user.committed(&head, "docs/link").unwrap(), b"one\n");
    assert_eq!(user.committed(&head, "docs/out"), None);
    assert_eq!(user.committed(&head, "docs/loop"), None);
}

#[test]
fn a_detached_head_lands_too() {
    let fixture = Fixture::new();
    fixture.git(&["checkout", "-q", "--detach"]);
    let (clone, landing) = fixture.prepared();
    assert_eq!(landing.branch, None);
    landing.land(&fixture.open(), &clone).unwrap();
    assert!(landing.is_done(&fixture.open()));
    assert_ne!(fixture.git(&["rev-parse", "main"]), landing.new);
    landing.undo(&fixture.open()).unwrap();
    assert_eq!(fixture.git(&["rev-parse", "HEAD"]), landing.old);
}

/// The server accepts the connection and never replies.
#[test]
fn waiting_for_a_silent_remote_is_limited() {
    let fixture = Fixture::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("git://{}/demo", listener.local_addr().unwrap());
    fixture.git(&["remote", "add", "silent", &address]);
    let (remote, began) = (Remote { name: "silent".to_owned() }, std::time::Instant::now());
    let asked = remote.refs_within(&fixture.open(), &[], std::time::Duration::from_millis(500));
    let error = asked.unwrap_err();
    assert_data_eq!(error.to_string(), str!["`git ls-remote --quiet -- silent` gave no answer within 0 s"]);
    assert_data_eq!(
        error.hints()[0].as_str(),
        str!["check the URL and your access with `git ls-remote silent`"]
    );
    assert!(began.elapsed() < std::time::Duration::from_secs(20));
}

#[test]
fn a_push_is_whole_or_not_at_all_and_can_be_taken_back() {
    let fixture = Fixture::new();
    let (clone, landing) = fixture.prepared();
    let user = fixture.open();
    landing.land(&user, &clone).unwrap();
    let remote = Remote::of(&user, &user.head().unwrap(), None).unwrap().unwrap();
    assert_eq!(remote.branch_for(&user, "refs/heads/main"), "refs/heads/main");
    let before = remote.refs(&user, &[]).unwrap();
    let tag = landing.tags[0].clone();
    let updates = vec![
        RefUpdate {
            name: "refs/heads/main".into(),
            old: Some(landing.old.clone()),
            new: Some(landing.new.clone()),
        },
        RefUpdate { name: "refs/tags/v2".into(), old: None, new: Some(tag.object) },
    ];
    remote.push(&user, &updates).unwrap();
    assert_eq!(remote.refs(&user, &["refs/heads/main"]).unwrap()["refs/heads/main"], landing.new);
    // The lease requires the old value, so a second push changes nothing.
    let other = fixture.git(&["commit-tree", "HEAD^{tree}", "-p", &landing.old, "-m", "a racer's"]);
    let racing = RefUpdate { new: Some(other), ..updates[0].clone() };
    let its_tag = RefUpdate { name: "refs/tags/v3".into(), ..updates[1].clone() };
    remote.push(&user, &[racing, its_tag]).unwrap_err();
    assert_eq!(remote.refs(&user, &["refs/heads/main", "refs/tags/v3"]).unwrap().len(), 1);
    let back: Vec<RefUpdate> = updates.iter().map(RefUpdate::reversed).collect();
    remote.push(&user, &back).unwrap();
    assert_eq!(remote.refs(&user, &[]).unwrap(), before);
}

#[test]
fn a_shallow_repository_can_be_cloned() {
    let fixture = Fixture::new();
    fixture.git(&["commit", "-q", "--allow-empty", "-m", "more"]);
    fixture.git(&["push", "-q"]);
    let shallow = fixture.remote.parent().unwrap().join("shallow");
    let url = format!("file://{}", fixture.remote.display());
    git(fixture.remote.parent().unwrap(), ["clone", "-q", "--depth=1", &url, "shallow"]).read().unwrap();
    let user = Repository::discover(&shallow).unwrap();
    let clone =
        PrivateClone::make(&user, &user.head().unwrap(), &shallow.join(".git/pyrelease/tree")).unwrap();
    assert_eq!(clone.git(["rev-list", "--count", "HEAD"]).read().unwrap(), "1");
}

#[test]
fn the_nearest_tag_is_found_in_the_history() {
    let fixture = Fixture::new();
    fixture.git(&["commit", "-q", "--allow-empty", "-m", "more"]);
    fixture.git(&["tag", "other"]);
    let user = fixture.open();
    let head = user.head().unwrap().commit;
    assert_eq!(user.nearest_tag(&head, |name| name.starts_with('v')).unwrap().as_deref(), Some("v1"));
    assert_eq!(user.nearest_tag(&head, |_| false).unwrap(), None);
}

/// Editors ask for the status now and then, which briefly locks the index.
#[test]
fn a_lock_that_is_held_for_a_moment_is_waited_for() {
    let fixture = Fixture::new();
    let (clone, landing) = fixture.prepared();
    let lock = fixture.top.join(".git/index.lock");
    fs_err::write(&lock, "").unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(std::time::Duration::from_millis(300));
            fs_err::remove_file(&lock).unwrap();
        });
        landing.land(&fixture.open(), &clone).unwrap();
    });
    assert!(landing.is_done(&fixture.open()));
    assert_eq!(fixture.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_lock_that_stays_is_named_with_the_command_that_removes_it() {
    let fixture = Fixture::new();
    let user = fixture.open();
    fs_err::write(fixture.top.join(".git/index.lock"), "").unwrap();
    let error = user.git(["read-tree", "HEAD"]).read().unwrap_err();
    let help = user.lock_help(&error).unwrap();
    let command = help.split('`').nth(1).unwrap();
    let lock = fixture.top.join(".git/index.lock").display().to_string();
    assert_eq!(shlex::split(command).unwrap(), ["rm".to_owned(), lock], "{help}");
    let failed = user.git(["rev-parse", "--verify", "nowhere"]).read().unwrap_err();
    assert_eq!(user.lock_help(&failed), None);
}

#[test]
fn the_locks_of_a_landing_are_recognised() {
    let fixture = Fixture::new();
    let (_, landing) = fixture.prepared();
    let user = fixture.open();
    let scope = landing.lock_scope(&user);
    let lock = |name: &str, content: &str| {
        let path = fixture.top.join(".git").join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, content).unwrap();
        user.lock_files().into_iter().find(|lock| lock.name() == name).unwrap()
    };
    let cut_off = &landing.new[..20];
    for (name, content) in [
        ("HEAD.lock", ""),
        ("index.lock", "DIRC"),
        ("packed-refs.new", "# pack-refs"),
        ("refs/heads/main.lock", landing.old.as_str()),
        ("refs/tags/v2.lock", cut_off),
        ("worktrees/x/HEAD.lock", "\0\0\0"),
    ] {
        let lock = lock(name, content);
        assert!(scope.covers(&lock) && scope.may_have_written(&lock), "{name}");
    }
    let foreign = lock("refs/heads/main.lock", &"1".repeat(40));
    assert!(scope.covers(&foreign) && !scope.may_have_written(&foreign));
    for name in ["config.lock", "refs/heads/mainly.lock", "refs/tags/v2/x.lock", "worktrees/x/logs.lock"] {
        assert!(!scope.covers(&lock(name, "")), "{name}");
    }
    let now = jiff::Timestamp::now().as_second();
    let names: Vec<String> = scope.locks().iter().map(|lock| lock.name().to_owned()).collect();
    assert_eq!(names.len(), 6, "{names:?}");
    assert!(foreign.is_ours_since(now - 60) && !foreign.is_ours_since(now + 60));
    fs_err::remove_file(foreign.path()).unwrap();
    assert!(!foreign.is_there());
}

#[test]
fn a_release_commit_follows_the_commit_that_the_run_began_at() {
    let fixture = Fixture::new();
    let (clone, landing) = fixture.prepared();
    let changes = |landing: &Landing, name: &str| {
        let bundle = fixture.top.join(".git").join(name);
        landing.bundle(&clone, &bundle).unwrap();
        landing.changes(&fixture.open(), Some(&bundle), &fixture.top.join(".git/look").join(name))
    };
    assert_eq!(changes(&landing, "own").unwrap(), ["added.txt", "one.txt"]);
    let tree = format!("{}^{{tree}}", landing.new);
    let commit = |parents: &[&str]| {
        let parents = parents.iter().flat_map(|parent| ["-p", *parent]);
        clone.git(["commit-tree", "-m", "x", &tree]).args(parents.collect::<Vec<_>>()).read().unwrap()
    };
    let orphan = commit(&[]);
    let merge = commit(&[&landing.old, &orphan]);
    for (name, new) in [("orphan", orphan), ("merge", merge)] {
        let forged = Landing { new, tags: Vec::new(), ..landing.clone() };
        let error = changes(&forged, name).unwrap_err().to_string();
        assert!(error.contains("does not follow"), "{error}");
    }
}
