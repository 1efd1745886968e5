use std::collections::BTreeMap;

use super::*;

/// A release whose commit replaced lines of files: path, old line, new line.
fn release(tag: &str, message: &str, changes: &[(&str, &str, &str)]) -> PastRelease {
    let mut files: BTreeMap<&str, Vec<Hunk>> = BTreeMap::new();
    for (path, removed, added) in changes {
        let hunk = Hunk { removed: vec![(*removed).to_owned()], added: vec![(*added).to_owned()] };
        files.entry(path).or_default().push(hunk);
    }
    let change = |(path, hunks): (&str, Vec<Hunk>)| FileChange { path: path.to_owned(), hunks };
    PastRelease {
        tag: VersionTag::parse(tag).unwrap(),
        annotation: None,
        is_signed: false,
        message: message.to_owned(),
        tagged_message: None,
        is_merge: false,
        date: "2026-01-15".to_owned(),
        commit: String::new(),
        changes: files.into_iter().map(change).collect(),
    }
}

/// The newest first.
fn habits(releases: Vec<PastRelease>) -> Habits {
    let versions = releases.iter().map(|release| release.tag.version.clone()).collect();
    Habits::new(releases, versions)
}

/// What a release makes of files: path and new line of each changed line.
fn changed(habits: &Habits, files: &[(&str, &str)], current: &str, version: &str) -> Vec<(String, String)> {
    let files: BTreeMap<String, Vec<u8>> =
        files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
    let (current, version) = (current.parse().unwrap(), version.parse().unwrap());
    let lines = habits.lines(&files, &current, &version, "2026-11-28");
    lines.into_iter().map(|line| (line.path, line.to)).collect()
}

#[test]
fn the_places_of_the_last_release_are_changed_again() {
    let habits = habits(vec![
        release(
            "v1.1.0",
            "Release 1.1.0",
            &[
                ("docs/conf.py", "release = '1.0.0'", "release = '1.1.0'"),
                ("docs/conf.py", "version = '1.0'", "version = '1.1'"),
                ("CITATION.cff", "version: 1.0.0", "version: 1.1.0"),
                ("CITATION.cff", "date-released: 2026-01-01", "date-released: 2026-02-02"),
                ("README.md", "since 2026-01-01", "since 2026-02-02"),
                ("CHANGES.md", "## 1.0.0", "## 1.1.0"),
                ("uv.lock", "version = \"1.0.0\"", "version = \"1.1.0\""),
            ],
        ),
        release("v1.0.0", "Release 1.0.0", &[]),
    ]);
    let files = [
        ("docs/conf.py", "version = '1.1'\nrelease = '1.1.0'\nrequires = '1.1.0'\n"),
        ("CITATION.cff", "version: 1.1.0\ndate-released: 2026-02-02\n"),
        ("README.md", "since 2026-02-02\n"),
        ("CHANGES.md", "## 1.1.0\n"),
        ("uv.lock", "version = \"1.1.0\"\n"),
    ];
    let expected = [
        ("CITATION.cff", "version: 1.2.0"),
        ("CITATION.cff", "date-released: 2026-11-28"),
        ("docs/conf.py", "release = '1.2.0'"),
        ("docs/conf.py", "version = '1.2'"),
    ];
    let expected: Vec<(String, String)> =
        expected.iter().map(|(path, line)| ((*path).to_owned(), (*line).to_owned())).collect();
    assert_eq!(changed(&habits, &files, "1.1.0", "1.2.0"), expected);
}

#[test]
fn another_version_in_a_line_of_the_same_form_stays() {
    let habits = habits(vec![release(
        "v1.1.0",
        "Release 1.1.0",
        &[
            ("each.ini", "version=1.1.0.dev", "version=1.1.0"),
            ("each.ini", "version=0.11b0.dev", "version=0.11b0"),
        ],
    )]);
    for other in ["0.12b0.dev", "0.11b0", "3.0rc1"] {
        let text = format!("version=1.2.0.dev\nversion={other}\n");
        let lines = changed(&habits, &[("each.ini", &text)], "1.2.0.dev", "1.2.0");
        assert_eq!(lines, [("each.ini".to_owned(), "version=1.2.0".to_owned())], "{other}");
    }
}

#[test]
fn of_several_versions_in_lines_of_one_form_only_the_current_one_changes() {
    let habits = habits(vec![
        release("v3.2.0", "v3.2.0", &[(".pre-commit-config.yaml", "    rev: v3.1.0", "    rev: v3.2.0")]),
        release("v3.1.0", "v3.1.0", &[]),
    ]);
    let text = "-   repo: https://x/other\n    rev: v3.1.0\n-   repo: https://x/demo\n    rev: v3.2.0\n";
    let lines = habits.lines(
        &BTreeMap::from([(".pre-commit-config.yaml".to_owned(), text.as_bytes().to_vec())]),
        &"3.2.0".parse().unwrap(),
        &"3.3.0".parse().unwrap(),
        "2026-11-28",
    );
    let lines: Vec<_> = lines.iter().map(|line| (line.from.as_str(), line.to.as_str())).collect();
    assert_eq!(lines, [("    rev: v3.2.0", "    rev: v3.3.0")]);
}

#[test]
fn a_table_of_releases_stays() {
    let mut last = release("v1.1.0", "Release 1.1.0", &[("2026-news.md", "## 1.0.0", "## 1.1.0")]);
    let row = |version: &str, mark: &str| format!("| {version} | {mark} |");
    let table = FileChange {
        path: "SECURITY.md".to_owned(),
        hunks: vec![Hunk {
            removed: vec![row("1.0.0", "yes")],
            added: vec![row("1.1.0", "yes"), row("1.0.0", "yes")],
        }],
    };
    last.changes.push(table);
    let habits = habits(vec![last, release("v1.0.0", "Release 1.0.0", &[])]);
    let text = format!("{}\n{}\n", row("1.1.0", "yes"), row("1.0.0", "yes"));
    let files = [("SECURITY.md", text.as_str()), ("2026-news.md", "## 1.1.0\n")];
    assert_eq!(changed(&habits, &files, "1.1.0", "1.2.0"), []);
}

#[test]
fn a_place_that_the_last_release_left_alone_stays() {
    let once = |tag: &str, old: &str, new: &str| {
        release(
            tag,
            "",
            &[
                ("a.py", &format!("a = '{old}'"), &format!("a = '{new}'")),
                ("once.py", &format!("b = '{old}'"), &format!("b = '{new}'")),
            ],
        )
    };
    let habits = habits(vec![
        release("1.2.0", "", &[("a.py", "a = '1.1.0'", "a = '1.2.0'")]),
        once("1.1.0", "1.0.0", "1.1.0"),
        release("1.0.0", "", &[]),
    ]);
    let files = [("a.py", "a = '1.2.0'\n"), ("once.py", "b = '1.1.0'\n")];
    let expected = [("a.py".to_owned(), "a = '1.3.0'".to_owned())];
    assert_eq!(changed(&habits, &files, "1.2.0", "1.3.0"), expected);
}

#[test]
fn a_place_that_no_later_release_changed_counts_while_it_is_kept_up_to_date() {
    let changed_by = |tag: &str, old: &str, new: &str| {
        let line = |version: &str| format!("    rev: {version}");
        release(tag, "", &[("docs/use.md", &line(old), &line(new))])
    };
    let habits = habits(vec![
        release("2.0.0", "", &[]),
        release("1.2.0", "", &[]),
        changed_by("1.1.0", "1.0.0", "1.1.0"),
        changed_by("1.0.0", "0.9.0", "1.0.0"),
    ]);
    let now = |text: &str| changed(&habits, &[("docs/use.md", text)], "2.0.0", "2.1.0");
    assert_eq!(now("    rev: 1.1.0\n"), []);
    let expected = [("docs/use.md".to_owned(), "    rev: 2.1.0".to_owned())];
    assert_eq!(now("    rev: 2.0.0\n"), expected);
}

#[test]
fn a_rewritten_text_hides_no_place_in_another_file() {
    let mut newest = release("1.1.0", "", &[("z.py", "a = '1.0.0'", "a = '1.1.0'")]);
    let lines = |version: &str| (0..3_000).map(|at| format!("{at} {version}")).collect();
    let hunk = Hunk { removed: lines("1.0.0"), added: lines("1.1.0") };
    newest.changes.insert(0, FileChange { path: "big.txt".to_owned(), hunks: vec![hunk] });
    let habits = habits(vec![newest, release("1.0.0", "", &[])]);
    let files = [("big.txt", "1 1.1.0\n"), ("z.py", "a = '1.1.0'\n")];
    assert_eq!(changed(&habits, &files, "1.1.0", "1.2.0"), [("z.py".to_owned(), "a = '1.2.0'".to_owned())]);
}

#[test]
fn a_final_release_changes_what_the_last_final_release_changed() {
    let habits = habits(vec![
        release("2.0.0rc1", "", &[("a.py", "a = '1.9.0'", "a = '2.0.0rc1'")]),
        release(
            "1.9.0",
            "",
            &[
                ("a.py", "a = '1.9.0rc1'", "a = '1.9.0'"),
                ("README.md", "pip install a==1.8.0", "pip install a==1.9.0"),
            ],
        ),
        release("1.8.0", "", &[]),
    ]);
    let files = [("a.py", "a = '2.0.0rc1'\n"), ("README.md", "pip install a==1.9.0\n")];
    let paths = |version: &str| -> Vec<String> {
        changed(&habits, &files, "2.0.0rc1", version).into_iter().map(|(path, _)| path).collect()
    };
    assert_eq!(paths("2.0.0"), ["a.py", "README.md"]);
    assert_eq!(paths("2.0.0rc2"), ["a.py"]);
}

#[test]
fn a_line_with_another_version_stays() {
    let habits = habits(vec![
        release("1.1.0", "", &[("a.py", "a = '1.0.0'", "a = '1.1.0'")]),
        release("1.0.0", "", &[]),
    ]);
    assert_eq!(changed(&habits, &[("a.py", "a = '7.0.0'\n")], "1.1.0", "1.2.0"), []);
    assert_eq!(changed(&habits, &[("a.py", "a = '1.1.0.dev3'\n")], "1.1.0.dev3", "1.2.0").len(), 1);
    assert_eq!(changed(&habits, &[], "1.1.0", "1.2.0"), []);
}

#[test]
fn the_stated_version_is_that_of_the_code() {
    let habits = habits(vec![
        release(
            "1.1.0",
            "",
            &[
                ("README.md", "pip install a==1.0.0", "pip install a==1.1.0"),
                ("src/a.py", "V = Version(1.0.0)", "V = Version(1.1.0)"),
            ],
        ),
        release("1.0.0", "", &[]),
    ]);
    let files = BTreeMap::from([
        ("README.md".to_owned(), b"pip install a==1.1.0\n".to_vec()),
        ("src/a.py".to_owned(), b"V = Version(1.2.0.dev0)\n".to_vec()),
    ]);
    let stated = habits.stated_version(&files);
    assert_eq!(stated, Some(("1.2.0.dev0".parse().unwrap(), "src/a.py".to_owned())));
}

#[test]
fn messages_are_templates() {
    let message = |messages: &[(&str, &str)]| {
        let releases = messages.iter().map(|(tag, message)| release(tag, message, &[])).collect();
        habits(releases).commit_message(false).map(|learned| (learned.value, learned.evidence.len()))
    };
    let learned = |text: &str, count| Some((text.to_owned(), count));
    assert_eq!(
        message(&[("v1.1.0", "Release v1.1.0 (#12)\n\nBody"), ("v1.0.0", "Release v1.0.0")]),
        learned("Release v{version}", 2)
    );
    assert_eq!(
        message(&[("1.1.0", "Bump version: 1.0.0 → 1.1.0"), ("1.0.0", "x")]),
        learned("Bump version: {previous_version} → {version}", 1)
    );
    assert_eq!(
        message(&[("1.1.0", "Bump for release"), ("1.0.0", "Bump for release")]),
        learned("Bump for release", 2)
    );
    assert_eq!(
        message(&[("1.1.0", "fix the docs"), ("1.0.0", "Prepare 1.0.0")]),
        learned("Prepare {version}", 1)
    );
    assert_eq!(message(&[("1.1.0", "Release 1.1.0/0.7b0"), ("1.0.0", "{odd} 1.0.0")]), None);
    assert_eq!(message(&[("1.1.0", ""), ("1.0.0", "see #1")]), None);
}

/// eth-utils: a pre-release that is spelled as its tag.
#[test]
fn a_version_in_a_longer_one_is_no_placeholder() {
    let past = vec![
        release("v6.0.0", "Bump version: 6.0.0-beta.1 → 6.0.0", &[]),
        release("v6.0.0-beta.1", "Bump version: 5.3.1 → 6.0.0-beta.1", &[]),
        release("v5.3.1", "Bump version: 5.3.0 → 5.3.1", &[]),
    ];
    let habits_of_all = habits(past);
    for (is_prerelease, tag) in [(false, "v6.0.0"), (true, "v6.0.0-beta.1")] {
        let learned = habits_of_all.commit_message(is_prerelease).unwrap();
        assert_eq!(learned.value, "Bump version: {previous_version} → {version}");
        assert_eq!(learned.evidence, [tag]);
    }
    for other in ["1.1.0.dev1", "1.1.0.dev", "1.1.0-rc.2", "1.1.0+post1"] {
        let past = vec![release("1.1.0", &format!("From {other}"), &[]), release("1.0.0", "x", &[])];
        assert_eq!(habits(past).commit_message(false), None, "{other}");
    }
    let past = vec![release("1.1.0", "Call it 1.1.0-release.", &[])];
    assert_eq!(habits(past).commit_message(false).unwrap().value, "Call it {version}-release.");
}

/// aws-lambda-powertools tags whatever commit is the last; anyio's commits write the notes.
#[test]
fn what_did_not_make_the_release_is_no_release_commit() {
    let twice = |path: &str| {
        let change = [(path, "arn:aws:lambda:layer:45", "arn:aws:lambda:layer:46")];
        let past = ["v1.1.0", "v1.0.0"].map(|tag| release(tag, "Update the layers", &change));
        habits(past.into()).commit_message(false).map(|learned| learned.value)
    };
    assert_eq!(twice("docs/index.md"), None);
    assert_eq!(twice("docs/versionhistory.rst").as_deref(), Some("Update the layers"));
}

/// jsonschema: a sentence about one release long ago.
#[test]
fn what_one_old_commit_says_is_no_habit() {
    let newer = ["1.3.0", "1.2.0"].map(|tag| release(tag, "Add an entry", &[("a.py", "1", "2")]));
    let past = newer.into_iter().chain([release("1.1.0", "Document it, and call this 1.1.0.", &[])]);
    assert_eq!(habits(past.collect()).commit_message(false), None);
}

#[test]
fn of_two_commits_the_message_that_is_repeated_counts() {
    let both = |tag: &str, message: &str, tagged: &str| PastRelease {
        tagged_message: Some(tagged.to_owned()),
        ..release(tag, message, &[])
    };
    let learned = |releases| habits(releases).commit_message(false).map(|learned| learned.value);
    let tagged = vec![
        both("1.2.0", "start version 1.2.0", "release version 1.2.0"),
        release("1.1.0", "release version 1.1.0", &[]),
    ];
    assert_eq!(learned(tagged).as_deref(), Some("release version {version}"));
    let written = vec![
        both("1.2.0", "Version 1.2.0", "Update CHANGELOG for 1.2.0 release date."),
        release("1.1.0", "Version 1.1.0", &[]),
    ];
    assert_eq!(learned(written).as_deref(), Some("Version {version}"));
    let alike = |tag: &str| both(tag, &format!("start {tag}"), &format!("release {tag}"));
    assert_eq!(learned(vec![alike("1.2.0"), alike("1.1.0")]).as_deref(), Some("release {version}"));
}

#[test]
fn a_final_release_takes_the_message_of_final_ones() {
    let habits = habits(vec![
        release("1.2.0rc2", "Preview 1.2.0rc2", &[]),
        release("1.2.0rc1", "Preview 1.2.0rc1", &[]),
        release("1.1.0", "Release 1.1.0", &[]),
    ]);
    let message = |is_prerelease| habits.commit_message(is_prerelease).map(|learned| learned.value);
    assert_eq!(message(false).as_deref(), Some("Release {version}"));
    assert_eq!(message(true).as_deref(), Some("Preview {version}"));
}

#[test]
fn the_newest_tag_decides() {
    let habits = habits(vec![
        PastRelease { annotation: Some("1.1.0".to_owned()), ..release("1.1.0", "", &[]) },
        release("v1.0.0", "", &[]),
    ]);
    let style = habits.tag_style().unwrap();
    assert_eq!((style.value.template().as_str(), style.evidence), ("{version}", vec!["1.1.0".to_owned()]));
    assert!(habits.annotated().unwrap().value);
    assert_eq!(habits.tag_message().unwrap().value, "{version}");
    assert_eq!(reason(&["v2".to_owned(), "v1".to_owned(), "v0".to_owned()]), "as in v2 and v1");
}

#[test]
fn a_line_that_the_last_two_releases_switched_is_switched_again() {
    let switched = |tag: &str, old: &str, new: &str| {
        let changes = [
            ("demo/__init__.py", format!("version_info = {old}"), format!("version_info = {new}")),
            ("demo/__init__.py", "is_release = False".to_owned(), "is_release = True".to_owned()),
            ("demo/build.py", "stamp = False".to_owned(), "stamp = True".to_owned()),
        ];
        let changes = changes.each_ref().map(|(path, old, new)| (*path, old.as_str(), new.as_str()));
        release(tag, "Release", &changes)
    };
    let last = || switched("v1.1.0", "(1, 1, 0, 'beta', 0)", "(1, 1, 0, 'final', 0)");
    let before = || switched("v1.0.0", "(1, 0, 0, 'beta', 0)", "(1, 0, 0, 'final', 0)");
    let now = [
        ("demo/__init__.py", "version_info = (1, 2, 0, 'beta', 0)\nis_release = False\n"),
        ("demo/build.py", "stamp = False\n"),
    ];
    let own = |line: &str| ("demo/__init__.py".to_owned(), line.to_owned());
    let both = [own("version_info = (1, 2, 0, 'final', 0)"), own("is_release = True")];
    assert_eq!(changed(&habits(vec![last(), before()]), &now, "1.2.0.beta0", "1.2.0"), both);
    // Once may be an edit of that release.
    let once = release("v1.0.0", "Release", &[]);
    assert_eq!(changed(&habits(vec![last(), once]), &now, "1.2.0.beta0", "1.2.0"), both[..1]);
    // The version may have been written before.
    let written = [("demo/__init__.py", "tag = '1.2.0'\nis_release = False\n")];
    assert_eq!(changed(&habits(vec![last(), before()]), &written, "1.2.0", "1.2.0"), both[1..]);
    let other = [("demo/__init__.py", "tag = '1.1.0'\nis_release = False\n")];
    assert_eq!(changed(&habits(vec![last(), before()]), &other, "1.2.0", "1.2.0"), []);
    // Two such lines are not told apart.
    let twice = [(
        "demo/__init__.py",
        "version_info = (1, 2, 0, 'beta', 0)\nis_release = False\nis_release = False\n",
    )];
    assert_eq!(changed(&habits(vec![last(), before()]), &twice, "1.2.0.beta0", "1.2.0"), both[..1]);
}
