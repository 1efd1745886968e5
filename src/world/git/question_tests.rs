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
