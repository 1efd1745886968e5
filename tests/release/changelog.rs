//! Changelogs as projects write them: found, promoted and left as earlier releases did.

use pyrelease_test_support::{Blueprint, Project, str};

use super::{changelog_of, quick};

const STAGES: &str = "stages = [\"changelog\", \"version\", \"tag\"]\n";

fn blueprint() -> Blueprint {
    quick().without_remote().config(STAGES)
}

/// A project with this changelog in place of the usual one.
fn project_with(path: &str, text: &str) -> Project {
    let project = blueprint().changelog("# Changelog\n").build();
    project.git(&["rm", "--quiet", "--force", "CHANGELOG.md"]);
    project.write(path, text);
    project.commit("Write the changelog");
    project
}

/// Commits a release that replaces text in the changelog.
fn release(project: &Project, (from, to): (&str, &str), path: &str, changes: &[(&str, &str)]) {
    let text = project.read("pyproject.toml").replace(from, to);
    project.write("pyproject.toml", &text);
    let mut text = project.read(path);
    for (old, new) in changes {
        assert!(text.contains(old), "{text}");
        text = text.replacen(old, new, 1);
    }
    project.write(path, &text);
    project.commit(&format!("Release {to}"));
    project.git(&["tag", &format!("v{to}")]);
}

#[test]
fn a_date_below_the_heading_is_written_as_in_earlier_versions() {
    let text = "Version 1.1.0\n-------------\n\nUnreleased\n\n-   A flag.\n\n\nVersion 1.0.0\n-------------\n\n\
                Released 2026-01-15\n\n-   The first one.\n";
    let project = project_with("CHANGES.rst", text);
    project.pyrelease("run 1.1.0 --yes").code(0);
    assert_eq!(changelog_of(&project, "CHANGES.rst"), text.replace("Unreleased", "Released DAY"));
}

#[test]
fn entries_without_a_heading_are_released_if_the_last_release_had_none() {
    let list = "* A flag.\n\n";
    let versions = "1.0.1 (2026-01-15)\n------------------\n\n* The first one.\n";
    let text = |list: &str| format!("Changes\n=======\n\n{list}{versions}");
    let project = project_with("CHANGES.rst", &text("").replace("1.0.1", "1.0.0"));
    release(&project, ("1.0.0", "1.0.1"), "CHANGES.rst", &[("1.0.0 (", "1.0.1 (")]);
    project.write("CHANGES.rst", &text(list));
    project.commit("Add a flag");
    project.pyrelease("run 1.1.0 --yes").code(0);
    let heading = "1.1.0 (DAY)\n------------------\n\n* A flag.\n\n";
    let dated = changelog_of(&project, "CHANGES.rst").replace("2026-01-15", "DAY");
    assert_eq!(dated, text(heading).replace("2026-01-15", "DAY"));

    // What stood there in the last release is no change.
    let project = project_with("CHANGES.rst", &text(list).replace("1.0.1", "1.0.0"));
    release(&project, ("1.0.0", "1.0.1"), "CHANGES.rst", &[("1.0.0 (", "1.0.1 (")]);
    project.pyrelease("run 1.1.0 --yes").code(0);
    assert_eq!(project.read("CHANGES.rst"), text(list));
}

#[test]
fn nothing_is_left_where_earlier_releases_left_nothing() {
    let text = "# Changes\n\n## Unreleased\n\n- The first one.\n";
    let project = project_with("docs/history.md", text);
    let unreleased = ("## Unreleased", "## 1.0.1 (15th January, 2026)");
    release(&project, ("1.0.0", "1.0.1"), "docs/history.md", &[unreleased]);
    let text =
        project.read("docs/history.md").replace("# Changes\n", "# Changes\n\n## Unreleased\n\n- More.\n");
    project.write("docs/history.md", &text);
    project.commit("Add more");
    let plan = project.pyrelease("plan minor").code(0);
    plan.stdout_eq(str![[r#"
demo 1.1.0 (now 1.0.1), tag v1.1.0, from main at [OID]
  in the run's own clone:
    changelog  write docs/history.md
    version    write pyproject.toml
    tag        commit "Release 1.1.0"
               tag v1.1.0
  in the repository and its remote; undone if a later stage fails:
    land       land in your repository: main and tag v1.1.0
  where the configuration does not say:
    section `1.1.0 ([..])`, as `1.0.1 (15th January, 2026)` (to change it, set `heading` in [stage.changelog])
    no Unreleased section is left, as in v1.0.1 (to change it, set `unreleased` in [stage.changelog])
    lightweight tag, as in v1.0.1 (to change it, set `annotated` in [stage.tag])

"#]]);
    project.pyrelease("run minor --yes").code(0);
    let released = project.read("docs/history.md");
    assert!(
        released.starts_with("# Changes\n\n## 1.1.0 (") && !released.contains("Unreleased"),
        "{released}"
    );
}

#[test]
fn the_configuration_decides_about_heading_and_remainder() {
    let text = "# Changes\n\n## Unreleased\n\n- More.\n\n## 1.0.0 (2026-01-15)\n\n- The first one.\n";
    let settings = "[stage.changelog]\nunreleased = false\nheading = \"Version {version}, {date}\"\n\
                    date-format = \"%Y/%m\"\nfile = \"NEWS\"\n";
    let project = project_with("NEWS", text);
    project.write("release.toml", &format!("{STAGES}{settings}"));
    project.commit("Configure");
    project.pyrelease("run minor --yes").code(0);
    let month = project.git(&["log", "-1", "--format=%cd", "--date=format:%Y/%m"]);
    let heading = format!("## Version 1.1.0, {}", month.trim());
    assert_eq!(project.read("NEWS"), text.replace("## Unreleased", &heading));

    project.write("release.toml", &format!("{STAGES}[stage.changelog]\nheading = \"Next\"\n"));
    let run = project.pyrelease("plan minor").code(2);
    run.messages_eq(str![[r#"
error: `heading` in [stage.changelog] has no `{version}`
 --> release.toml:3:11
  |
3 | heading = "Next"
  |           ^^^^^^
help: such as "{version} ({date})"

"#]]);
    project.write("release.toml", &format!("{STAGES}[stage.changelog]\ndate-format = \"%Ö\"\n"));
    let run = project.pyrelease("plan minor").code(2);
    run.messages_eq(str![[r#"
error: `date-format` in [stage.changelog] is not a date's format
 --> release.toml:3:15
  |
3 | date-format = "%Ö"
  |               ^^^^
help: such as "%B %-d, %Y"

"#]]);
}

#[test]
fn notes_that_the_changelog_lacks_are_missed_or_passed() {
    let text = "Changes\n=======\n\n1.0.0 (2026-01-15)\n------------------\n\n* The first one.\n";
    let project = project_with("HISTORY.rst", text);
    let run = project.pyrelease("run minor --dry-run").code(0);
    run.messages_eq(str![[r#"
warning: [changelog] the changelog stays as it is: `HISTORY.rst` has no section for 1.1.0, and none for what is not released (2 commits since v1.0.0)
help: add the section, or pass `--notes FILE`

"#]]);

    project.write("release.toml", &format!("{STAGES}[stage.changelog]\nrequired = true\n"));
    project.commit("Require notes");
    let run = project.pyrelease("run minor --yes").code(3);
    run.messages_eq(str![[r#"
error: [changelog] `HISTORY.rst`: the changelog has no Unreleased section
help: add `Unreleased` above line 4, and the changes below it
error: the release was refused; nothing has been done

"#]]);

    project.write("new.txt", "\u{feff}* A flag.\r\n* A fix.\r\n");
    project.pyrelease("run minor --yes --notes new.txt").code(0);
    let section = "1.1.0 (DAY)\n------------------\n\n* A flag.\n* A fix.\n\n1.0.0";
    assert_eq!(changelog_of(&project, "HISTORY.rst"), text.replace("1.0.0", section));
}

#[test]
fn notes_that_do_not_fit_are_refused() {
    let text = "# Changes\n\n## Unreleased\n\n- More.\n\n## 1.0.0 (2026-01-15)\n\n- The first one.\n";
    let project = project_with("NEWS.md", text);
    project.write("notes.md", "- A flag.\n");
    let run = project.pyrelease("run minor --yes --notes notes.md").code(3);
    run.messages_eq(str![[r#"
error: [changelog] `NEWS.md`: the section on line 3 has entries, so that it takes no other notes
help: add the notes below line 3 yourself, or release without `--notes`
error: the release was refused; nothing has been done

"#]]);
    project.write("NEWS.md", &text.replace("- More.\n\n", ""));
    project.write("notes.md", "- A flag.\n\n## 0.9 (2025-01-01)\n\n- Old.\n");
    project.commit("Empty the section");
    let run = project.pyrelease("run minor --yes --notes notes.md").code(3);
    run.messages_eq(str![[r#"
error: [changelog] `NEWS.md`: the notes have a heading of the level of a version's section
help: use deeper headings in the notes, or none
error: the release was refused; nothing has been done

"#]]);
    project.write("notes.md", "\n");
    let run = project.pyrelease("run minor --yes --notes notes.md").code(2);
    run.messages_eq(str![[r#"
error: the notes in `notes.md` are empty

"#]]);
    project.write("notes.md", "- A flag.\n");
    project.pyrelease("run minor --yes --notes notes.md").code(0);
    let section = "## Unreleased\n\n## 1.1.0 (DAY)\n\n- A flag.\n";
    let expected = text.replace("- More.\n\n", "").replace("## Unreleased\n", section);
    assert_eq!(changelog_of(&project, "NEWS.md"), expected);
}

/// Reading a pipe could wait forever, and a device would fill the memory.
#[cfg(unix)]
#[test]
fn only_files_are_read_where_a_user_names_one() {
    let project = project_with("NEWS.md", "# Changes\n\n## 1.0.0 (2026-01-15)\n\n- The first one.\n");
    project.sandbox().command(project.folder(), "mkfifo", &["pipe"]).run().unwrap();
    fs_err::File::create(project.folder().join("huge")).unwrap().set_len(1 << 33).unwrap();
    fs_err::create_dir(project.folder().join("folder")).unwrap();
    let kinds = [
        ("pipe", "pipe` is a pipe, not a file"),
        ("/dev/zero", "/dev/zero` is a device, not a file"),
        ("folder", "folder` is a folder, not a file"),
        ("huge", "huge` is larger than"),
    ];
    let refuses = |command: &str, variable: &str, file: &str, why: &str| {
        let run = project.pyrelease(command);
        let run = if variable.is_empty() { run } else { run.env(variable, project.folder().join(file)) };
        let run = run.code(2);
        assert!(run.stderr().contains(why), "{command} {variable}: {}", run.stderr());
    };
    for (file, why) in kinds {
        // Notes may come from a pipe.
        if file != "pipe" {
            refuses(&format!("plan minor --notes {file}"), "", file, why);
        }
        // Another message says what a configuration must be.
        let of_manifest = if file == "huge" { why } else { &format!("{file}` is not a file") };
        refuses(&format!("init --manifest {file}"), "", file, of_manifest);
        refuses(&format!("plan --manifest {file}"), "", file, why);
        refuses("token show", "PYRELEASE_PYPIRC", file, why);
        if !["folder", "huge"].contains(&file) {
            refuses(&format!("check {file}"), "", file, why);
            refuses(&format!("preview {file}"), "", file, why);
            refuses(&format!("upload --index pypi --yes {file}"), "", file, why);
        }
        if file != "huge" {
            refuses(&format!("plugin test {file}"), "", file, why);
        }
    }
}

#[test]
fn a_project_without_a_changelog_is_released_with_one_note() {
    let project = project_with("later.txt", "something\n");
    let run = project.pyrelease("run minor --yes").code(0);
    run.messages_eq(str![[r#"
note: [changelog] the project has no changelog
help: set another name, such as `file = "docs/changes.rst"` in [stage.changelog], or pass `--notes FILE`

"#]]);
    let settings = "[stage.changelog]\nrequired = true\n";
    project.write("release.toml", &format!("{STAGES}{settings}"));
    project.commit("Require notes");
    let run = project.pyrelease("run minor --yes").code(3);
    run.messages_eq(str![[r#"
error: [changelog] the project has no changelog
help: set another name, such as `file = "docs/changes.rst"` in [stage.changelog], or pass `--notes FILE`
error: the release was refused; nothing has been done

"#]]);
}

#[test]
fn a_file_of_notes_for_each_release_is_left_to_its_author() {
    let project = project_with("docs/releases/1.0.1.md", "# 1.0.1\n\n- The first one.\n");
    release(&project, ("1.0.0", "1.0.1"), "docs/releases/1.0.1.md", &[("The first", "The very first")]);
    project.write("docs/releases/1.0.2.md", "# 1.0.2\n");
    release(&project, ("1.0.1", "1.0.2"), "docs/releases/1.0.2.md", &[("# 1.0.2\n", "# 1.0.2\n\n- More.\n")]);
    let run = project.pyrelease("run minor --yes").code(0);
    run.messages_eq(str![[r#"
note: [changelog] each release has its own file of notes, such as `docs/releases/1.0.2.md` (as in v1.0.2 and v1.0.1): write that of 1.1.0 yourself
help: set another name, such as `file = "docs/changes.rst"` in [stage.changelog], or pass `--notes FILE`

"#]]);
}

#[test]
fn a_section_that_is_written_already_stays() {
    let text = "# Changes\n\n## 1.1.0 (2026-02-01)\n\n- More.\n\n## 1.0.0 (2026-01-15)\n\n- The first one.\n";
    let project = project_with("CHANGES.md", text);
    let plan = project.pyrelease("plan minor").code(0);
    plan.stdout_eq(str![[r#"
demo 1.1.0 (now 1.0.0), tag v1.1.0, from main at [OID]
  in the run's own clone:
    changelog  skip: `CHANGES.md` has the section of 1.1.0 already
    version    write pyproject.toml
    tag        commit "Release 1.1.0"
               tag v1.1.0
  in the repository and its remote; undone if a later stage fails:
    land       land in your repository: main and tag v1.1.0

"#]]);
    project.pyrelease("run minor --yes").code(0);
    assert_eq!(project.read("CHANGES.md"), text);
}

#[test]
fn the_changelog_above_the_folder_is_the_one_that_earlier_releases_changed() {
    let project = blueprint().in_subfolder("backend").changelog("# Changelog\n").build();
    project.git(&["rm", "--quiet", "--force", "CHANGELOG.md"]);
    let path = "../docs/history/demo.md";
    project.write(path, "# Demo\n\n## Unreleased\n\n- The first one.\n");
    project.commit("Write the changelog");
    let heading =
        "## Unreleased\n\n## [1.0.1](https://example.org/tag/v1.0.1) - 2026-01-15 ## {: #demo-v1.0.1 }";
    release(&project, ("1.0.0", "1.0.1"), path, &[("## Unreleased", heading)]);
    let text = project.read(path);
    project.write(path, &text.replacen("## Unreleased\n", "## Unreleased\n\n- More.\n", 1));
    project.commit("Add more");
    let plan = project.pyrelease("plan 1.0.2").code(0);
    plan.stdout_eq(str![[r#"
demo 1.0.2 (now 1.0.1), tag v1.0.2, from main at [OID]
  in the run's own clone:
    changelog  write ../docs/history/demo.md
    version    write pyproject.toml
    tag        commit "Release 1.0.2"
               tag v1.0.2
  in the repository and its remote; undone if a later stage fails:
    land       land in your repository: main and tag v1.0.2
  where the configuration does not say:
    changelog `../docs/history/demo.md`, as in v1.0.1 (to change it, set `file` in [stage.changelog])
    section `[1.0.2](https://example.org/tag/v1.0.2) - [DATE] ## {: #demo-v1.0.2 }`, as `[1.0.1](https://example.org/tag/v1.0.1) - [DATE] ## {: #demo-v1.0.1 }` (to change it, set `heading` in [stage.changelog])
    lightweight tag, as in v1.0.1 (to change it, set `annotated` in [stage.tag])

"#]]);
    // What `plan` names can be set, but nothing outside the repository.
    let head = project.read("release.toml");
    for (file, code) in
        [(path, 0), ("../../elsewhere.md", 3), ("../docs/../../elsewhere.md", 2), ("/elsewhere.md", 2)]
    {
        project.write("release.toml", &format!("{head}[stage.changelog]\nfile = \"{file}\"\n"));
        project.pyrelease("run 1.0.2 --dry-run").code(code);
    }
    project.write("release.toml", &head);
    project.pyrelease("run 1.0.2 --yes").code(0);
    let released =
        "## Unreleased\n\n## [1.0.2](https://example.org/tag/v1.0.2) - DAY ## {: #demo-v1.0.2 }\n\n- More.\n";
    assert_eq!(changelog_of(&project, path), text.replacen("## Unreleased\n", released, 1));
}

#[test]
fn the_notes_of_a_version_are_printed_in_markdown() {
    let text = "Changes\n=======\n\nUnreleased\n----------\n\nAdded\n~~~~~\n\n* A flag, ``--fast`` (:issue:`12`, `a page <https://example.org>`_)\n\n\
                1.0.0 (2026-01-15)\n------------------\n\n* The first one, by :user:`dana`.\n";
    let project = project_with("CHANGES.rst", text);
    let stages = "stages = [\"changelog\", \"version\", \"tag\", \"publish\"]\n[stage.publish]\n\
                  run = [\"sh\", \"-c\", \"cp $PYRELEASE_NOTES $HOME/notes.md\"]\n";
    project.write("release.toml", stages);
    project.commit("Publish the notes");
    project.pyrelease("notes").code(0).stdout_eq(str![[r#"
* The first one, by @dana.

"#]]);
    project.pyrelease("run minor --yes").code(0);
    let notes = "### Added\n\n* A flag, `--fast` (#12, [a page](https://example.org))";
    let published =
        fs_err::read_to_string(project.sandbox().home().join("notes.md")).expect("the stage copies it");
    assert_eq!(published.trim(), notes);
    assert_eq!(project.pyrelease("notes").code(0).stdout().trim(), notes);
    let json = project.pyrelease("notes 1.0 --format json").code(0).json();
    assert_eq!(json["version"], "1.0.0");
    assert_eq!(json["path"], "CHANGES.rst");
    let hostile = project.read("CHANGES.rst").replace("The first one", "\u{1b}]0;title\u{7}The first one");
    project.write("CHANGES.rst", &hostile);
    project.commit("Send codes to the terminal");
    let shown = project.pyrelease("notes 1.0.0").code(0);
    assert_eq!(shown.stdout(), "* \\u{1b}]0;title\\u{7}The first one, by @dana.\n");
    project.pyrelease("notes 2.0").code(3).messages_eq(str![[r#"
error: `CHANGES.rst` has no section for 2.0
help: its last ones are 1.1.0, 1.0.0

"#]]);
    project.pyrelease("notes two").code(2).messages_eq(str![[r#"
error: `two` is not a valid version: expected version to start with a number, but no leading ASCII digits were found
help: use a version such as `1.2.0`, `1.2.0rc1`, `1.2.0.post1` or `1.2.0.dev1` (PEP 440)

"#]]);
    project.git(&["rm", "--quiet", "CHANGES.rst"]);
    project.git(&["commit", "--quiet", "-m", "Remove the changelog"]);
    project.pyrelease("notes").code(3).messages_eq(str![[r#"
error: the project has no changelog
help: set `file` in [stage.changelog]

"#]]);
}
