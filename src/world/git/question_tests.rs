//! What is read without the `git` command is what the command says.

use super::tests::Fixture;
use super::*;

/// What `git remote get-url` prints.
fn by_command(fixture: &Fixture, remote: &str) -> Option<(String, Vec<String>)> {
    let fetched = git(&fixture.top, ["remote", "get-url", remote]).read().ok()?;
    let pushed = git(&fixture.top, ["remote", "get-url", "--push", "--all", remote]).read().ok()?;
    Some((fetched, pushed.lines().map(str::to_owned).collect()))
}

#[test]
fn remotes_and_their_urls_are_those_of_the_command() {
    let fixture = Fixture::new();
    let settings = [
        ("remote.a.url", "gh:me/a.git"),
        ("remote.b.url", "https://x.example/b.git"),
        ("remote.b.url", "gh:me/b.git"),
        ("remote.c.url", "https://x.example/deep/c.git"),
        ("remote.c.pushurl", "gh:me/c.git"),
        ("remote.c.pushurl", "https://x.example/c2.git"),
        ("remote.d e.F.url", "/srv/d.git"),
        ("remote.none.fetch", "+refs/heads/*:refs/remotes/none/*"),
        ("url.git@github.com:.insteadOf", "gh:"),
        ("url.https://mirror.example/.insteadOf", "https://x.example/"),
        ("url.ssh://deep.example/.insteadOf", "https://x.example/deep/"),
        ("url.ssh://push.example/.pushInsteadOf", "https://x.example/"),
        ("url.ssh://again.example/.pushInsteadOf", "https://x.example/"),
        ("remote.pushDefault", "a"),
    ];
    for (key, value) in settings {
        fixture.git(&["config", "--add", key, value]);
    }
    let user = fixture.open();
    let listed: Vec<String> = fixture.git(&["remote"]).lines().map(str::to_owned).collect();
    assert_eq!(user.remote_names().unwrap(), listed);
    for name in &listed {
        assert_eq!(user.addresses(name).ok(), by_command(&fixture, name), "{name}");
    }
    assert!(user.addresses("missing").is_err());
}

#[test]
fn remotes_of_the_time_before_settings_are_found() {
    let fixture = Fixture::new();
    let folder = fixture.top.join(".git/remotes");
    fs_err::create_dir_all(&folder).unwrap();
    fs_err::write(folder.join("old"), "URL: /srv/old.git\n").unwrap();
    let user = fixture.open();
    let listed: Vec<String> = fixture.git(&["remote"]).lines().map(str::to_owned).collect();
    assert_eq!(user.remote_names().unwrap(), listed);
}

#[test]
fn tags_are_those_of_the_command() {
    let fixture = Fixture::new();
    fixture.git(&["tag", "light"]);
    fixture.git(&["tag", "-am", "packed", "packed"]);
    fixture.git(&["pack-refs", "--all"]);
    fixture.git(&["tag", "-am", "loose", "a/loose"]);
    fixture.git(&["tag", "-am", "of a tag", "nested", "packed"]);
    fixture.git(&["tag", "tree", "HEAD^{tree}"]);
    let format = "--format=%(refname:strip=2) %(objecttype)";
    let listed = fixture.git(&["for-each-ref", format, "refs/tags"]);
    let tags = fixture.open().tags().unwrap();
    let ours: Vec<String> = tags.iter().map(|tag| format!("{} {}", tag.name, tag.is_annotated)).collect();
    let theirs: Vec<String> = listed
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(name, kind)| format!("{name} {}", kind == "tag"))
        .collect();
    assert_eq!(ours, theirs);
    for tag in tags {
        assert_eq!(tag.commit, fixture.git(&["rev-parse", &format!("{}^{{}}", tag.name)]), "{}", tag.name);
    }
}

#[test]
fn names_of_references_are_valid_where_the_command_takes_them() {
    let fixture = Fixture::new();
    for name in [
        "v1", "a/b", "v1.lock", "v..1", "v 1", "v~1", "v^", "v:1", ".v", "v.", "a//b", "@{", "@", "", "ü",
        "-v",
    ] {
        let reference = format!("refs/tags/{name}");
        let taken = git(&fixture.top, ["check-ref-format", &reference]).capture().unwrap().success();
        assert_eq!(Repository::is_valid_name(&reference), taken, "{name}");
    }
}

#[test]
fn encodings_and_hidden_edits_are_found() {
    let fixture = Fixture::new();
    fixture.write(
        ".gitattributes",
        "one.txt working-tree-encoding=UTF-16\ntwo.txt working-tree-encoding=utf-8\n",
    );
    for index in ["--no-split-index", "--split-index"] {
        fixture.git(&["update-index", index]);
        let user = fixture.open();
        assert_eq!(user.encoding("one.txt").unwrap().as_deref(), Some("UTF-16"), "{index}");
        assert_eq!(user.encoding("two.txt").unwrap(), None, "{index}");
        assert_eq!(user.encoding("three.txt").unwrap(), None, "{index}");
    }
    fs_err::remove_file(fixture.top.join(".gitattributes")).unwrap();

    for mark in ["--assume-unchanged", "--skip-worktree"] {
        for index in ["--no-split-index", "--split-index"] {
            fixture.write("one.txt", "one\n");
            fixture.git(&["update-index", index, mark, "one.txt"]);
            assert!(!fixture.open().has_hidden_edit("one.txt").unwrap(), "{mark} {index}");
            fixture.write("one.txt", "edited\n");
            assert!(fixture.open().has_hidden_edit("one.txt").unwrap(), "{mark} {index}");
            assert!(!fixture.open().has_hidden_edit("two.txt").unwrap(), "{mark} {index}");
            fixture.git(&["update-index", &mark.replacen("--", "--no-", 1), "one.txt"]);
        }
    }
}

/// Replaces what git shows of the last commit by a commit with another time and other files.
fn replace_the_last_commit(fixture: &Fixture) {
    let tree = fixture.git(&["rev-parse", "HEAD~^{tree}"]);
    let made = git(&fixture.top, ["commit-tree", "-m", "other", &tree]);
    let other = made.env("GIT_COMMITTER_DATE", "1234567890 +0200").read().unwrap();
    fixture.git(&["replace", "HEAD", &other]);
}

#[test]
fn times_of_commits_are_those_of_the_command() {
    let fixture = Fixture::new();
    let clone = PrivateClone::at(&fixture.top);
    let agree = || {
        let head = fixture.git(&["rev-parse", "HEAD"]);
        let said = fixture.git(&["show", "--no-patch", "--format=%ct", "HEAD"]);
        assert_eq!(fixture.open().commit_time(&head).unwrap(), said);
        assert_eq!(clone.commit_time(&head).unwrap(), said);
    };
    agree();
    for date in ["1234567890 -0730", "@1 +0000", "@0 +0000"] {
        let commit = ["commit", "-q", "--allow-empty", "-m", "again"];
        git(&fixture.top, commit).env("GIT_COMMITTER_DATE", date).read().unwrap();
        agree();
    }
    replace_the_last_commit(&fixture);
    agree();
    assert!(fixture.open().commit_time(&"1".repeat(40)).is_err());
    assert!(clone.commit_time("HEAD~99").is_err());
}

#[test]
#[cfg(unix)]
fn added_files_are_those_of_the_command() {
    let fixture = Fixture::new();
    let id = |name: &str| fixture.git(&["rev-parse", name]);
    let by_command = |old: &str, new: &str| {
        let diff = ["diff-tree", "-r", "--no-renames", "--diff-filter=A", "--name-only", "-z", old, new];
        git(&fixture.top, diff).read_bytes().unwrap()
    };
    let commit = |what: &str| {
        fixture.git(&["add", "--all"]);
        fixture.git(&["commit", "-qm", what]);
        id("HEAD")
    };
    let mut commits = vec![id("HEAD")];
    let remove = |path: &str| fs_err::remove_file(fixture.top.join(path)).unwrap();
    fs_err::create_dir_all(fixture.top.join("deep/er")).unwrap();
    for name in ["three.txt", "deep/er/a \"quoted\"\tname\n", "deep/er/ünï", "One.txt"] {
        fixture.write(name, name);
    }
    commits.push(commit("more"));
    remove("one.txt");
    fs_err::os::unix::fs::symlink("two.txt", fixture.top.join("one.txt")).unwrap();
    fs_err::rename(fixture.top.join("three.txt"), fixture.top.join("renamed.txt")).unwrap();
    commits.push(commit("a link for a file, and another name"));
    fs_err::remove_dir_all(fixture.top.join("deep")).unwrap();
    fixture.write("deep", "a file\n");
    remove("two.txt");
    fs_err::create_dir(fixture.top.join("two.txt")).unwrap();
    fixture.write("two.txt/inside", "in a folder\n");
    commits.push(commit("a file for a folder, and a folder for a file"));
    let linked = format!("160000,{},module", commits[0]);
    fixture.git(&["update-index", "--add", "--cacheinfo", &linked]);
    fixture.git(&["commit", "-qm", "a submodule"]);
    commits.push(id("HEAD"));
    fixture.git(&["commit", "-q", "--allow-empty", "-m", "nothing"]);
    commits.push(id("HEAD"));
    let agree = || {
        let user = fixture.open();
        for (old, new) in commits.iter().flat_map(|old| commits.iter().map(move |new| (old, new))) {
            let (ours, theirs) = (user.added(old, new).unwrap(), by_command(old, new));
            assert_eq!(String::from_utf8_lossy(&ours), String::from_utf8_lossy(&theirs), "{old} {new}");
        }
    };
    agree();
    replace_the_last_commit(&fixture);
    agree();
    assert!(fixture.open().added(&commits[0], &"1".repeat(40)).is_err());
}

#[test]
fn marks_are_those_of_the_command() {
    let fixture = Fixture::new();
    for index in ["--no-split-index", "--split-index"] {
        let user = fixture.open();
        let marked = || user.assumed_unchanged().unwrap();
        fixture.git(&["update-index", index]);
        assert!(marked().is_empty(), "{index}");
        // What another process writes meanwhile is seen.
        fixture.git(&["update-index", "--assume-unchanged", "two.txt"]);
        fixture.git(&["update-index", "--skip-worktree", "one.txt"]);
        assert_eq!(marked().into_iter().collect::<Vec<_>>(), [b"two.txt\0"], "{index}");
        fixture.git(&["update-index", "--no-assume-unchanged", "two.txt"]);
        fixture.git(&["update-index", "--no-skip-worktree", "one.txt"]);
    }
}

#[test]
#[cfg(unix)]
fn what_is_staged_is_what_the_command_says() {
    let fixture = Fixture::new();
    let clone = PrivateClone::at(&fixture.top);
    let agree = |expected: bool, what: &str| {
        let said = git(&fixture.top, ["diff", "--cached", "--quiet"]).capture().unwrap().success();
        assert_eq!((clone.has_nothing_staged().unwrap(), said), (expected, expected), "{what}");
    };
    for index in ["--no-split-index", "--split-index"] {
        fixture.git(&["update-index", index]);
        agree(true, index);
        fixture.write("one.txt", "edited\n");
        agree(true, "an edit that is not staged");
        fixture.git(&["add", "one.txt"]);
        agree(false, "an edit");
        fixture.git(&["reset", "-q", "--hard"]);
        fixture.git(&["update-index", "--chmod=+x", "one.txt"]);
        agree(false, "a permission");
        fixture.git(&["reset", "-q", "--hard"]);
        fixture.git(&["rm", "-q", "--cached", "one.txt"]);
        agree(false, "a deletion");
        fixture.git(&["reset", "-q", "--hard"]);
        fixture.write("new.txt", "new\n");
        agree(true, "an untracked file");
        fixture.git(&["add", "new.txt"]);
        agree(false, "a new file");
        fixture.git(&["reset", "-q", "--hard"]);
        fixture.write("new.txt", "new\n");
        fixture.git(&["add", "--intent-to-add", "new.txt"]);
        agree(true, "a file that is to be added");
        fixture.git(&["rm", "-q", "-f", "new.txt"]);
    }
    fixture.git(&["commit", "-q", "--allow-empty", "-m", "again"]);
    fixture.write("one.txt", "edited\n");
    fixture.git(&["commit", "-qam", "edited"]);
    replace_the_last_commit(&fixture);
    agree(false, "another commit in the place of the last");
}

#[test]
fn what_references_point_to_is_what_the_command_says() {
    let fixture = Fixture::new();
    let clone = PrivateClone::at(&fixture.top);
    for packed in [false, true] {
        if packed {
            fixture.git(&["pack-refs", "--all"]);
        }
        assert_eq!(clone.head().unwrap(), fixture.git(&["rev-parse", "HEAD"]));
        assert_eq!(clone.reference("refs/tags/v1").unwrap(), fixture.git(&["rev-parse", "refs/tags/v1"]));
    }
    assert!(clone.reference("refs/tags/missing").is_err());
    fixture.git(&["checkout", "-q", "--detach"]);
    fixture.git(&["commit", "-q", "--allow-empty", "-m", "detached"]);
    assert_eq!(clone.head().unwrap(), fixture.git(&["rev-parse", "HEAD"]));
    fixture.git(&["checkout", "-q", "--orphan", "unborn"]);
    assert!(clone.head().is_err());
}

#[test]
fn the_branch_that_a_remote_shows_is_what_the_command_says() {
    let fixture = Fixture::new();
    let shown_at = |folder: &Path| {
        fixture.git(&["remote", "set-url", "origin", folder.to_str().unwrap()]);
        let remote = Remote { name: "origin".to_owned() };
        remote.repository(&fixture.open()).unwrap().checked_out()
    };
    let bare = fixture.top.with_file_name("remote.git");
    assert_eq!(shown_at(&bare), None);
    let other = fixture.top.with_file_name("other");
    git(&fixture.top, ["clone", "-q"]).args([&bare, &other]).read().unwrap();
    let shown = Some("refs/heads/main".to_owned());
    assert_eq!([shown_at(&other), shown_at(&other.join(".git"))], [shown.clone(), shown.clone()]);
    git(&other, ["checkout", "-q", "--detach"]).read().unwrap();
    assert_eq!(shown_at(&other), None);
    // A format that the library does not read
    let tables = fixture.top.with_file_name("tables");
    let init = git(&fixture.top, ["init", "-q", "-b", "main", "--ref-format=reftable"]).arg(&tables);
    if init.capture().unwrap().success() {
        assert_eq!(shown_at(&tables), shown);
    }
}

#[test]
fn large_files_are_those_of_the_command() {
    let fixture = Fixture::new();
    let agree = |expected: &[&str], what: &str| {
        let head = fixture.git(&["rev-parse", "HEAD"]);
        let listed = fixture.git(&["ls-files", "--", ":(top,attr:filter=lfs)"]);
        assert_eq!(listed.lines().collect::<Vec<_>>(), expected, "{what}");
        let paths: Vec<PathBuf> = expected.iter().map(PathBuf::from).collect();
        assert_eq!(fixture.open().large(&head).unwrap().paths, paths, "{what}");
        let seen = super::native::has_filtered(&fixture.open().repository);
        assert_eq!(seen, Some(!expected.is_empty()), "{what}");
    };
    agree(&[], "no attributes");
    fixture.write(".gitattributes", "*.bin filter=lfs\none.txt filter=other\n");
    agree(&[], "other files");
    fixture.write(".gitattributes", "one.* filter=lfs diff=lfs -text\n");
    agree(&["one.txt"], "a pattern");
    fixture.write(".gitattributes", "[attr]big filter=lfs\n*.txt big\ntwo.txt !filter\n");
    agree(&["one.txt"], "a macro");
    fs_err::remove_file(fixture.top.join(".gitattributes")).unwrap();
    fs_err::create_dir_all(fixture.top.join(".git/info")).unwrap();
    fixture.write(".git/info/attributes", "two.txt filter=lfs\n");
    agree(&["two.txt"], "attributes of the repository");
    fixture.write(".git/info/attributes", "");
    fixture.write("mine", "*.txt filter=lfs\n");
    fixture.git(&["config", "core.attributesFile", fixture.top.join("mine").to_str().unwrap()]);
    agree(&["one.txt", "two.txt"], "attributes of the user");
}
