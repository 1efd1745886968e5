//! `bump` writes into the working tree what a release would commit, and nothing else.

use pyrelease_test_support::{CHANGELOG, Config, Project, str};

use super::demo;

const MODULE: &str = "src/demo/__init__.py";
const LOCAL: &str = "stages = [\"changelog\", \"version\", \"tag\"]\n";

/// The files that a release of `minor` writes, as it commits them.
fn released(project: &Project) -> [String; 2] {
    project.pyrelease("run minor --yes").code(0);
    ["CHANGELOG.md", MODULE].map(|path| project.read(path))
}

fn files(project: &Project) -> [String; 2] {
    ["CHANGELOG.md", MODULE].map(|path| project.read(path))
}

#[test]
fn writes_what_a_release_commits_and_commits_nothing() {
    let project = demo().config(LOCAL).build();
    let (head, tags) = (project.head(), project.git(&["tag"]));
    let plan = project.pyrelease("bump --dry-run").code(0);
    plan.stdout_eq(str![[r#"
--- CHANGELOG.md
+++ CHANGELOG.md
@@ -4,6 +4,8 @@ All notable changes are written down here.
 
 ## [Unreleased]
 
+## [1.1.0] - [DATE]
+
 ### Added
 
 - Greetings in *any* language.
@@ -14,5 +16,6 @@ All notable changes are written down here.
 
 - The first one.
 
-[Unreleased]: https://example.com/demo/compare/v1.0.0...HEAD
+[Unreleased]: https://example.com/demo/compare/v1.1.0...HEAD
+[1.1.0]: https://example.com/demo/compare/v1.0.0...v1.1.0
 [1.0.0]: https://example.com/demo/releases/tag/v1.0.0
--- src/demo/__init__.py
+++ src/demo/__init__.py
@@ -1,7 +1,7 @@
 """Says hello."""
 
 # The one place of the version
-__version__ = "1.0.0"
+__version__ = "1.1.0"
 
 
 def hello(name):

"#]]);
    plan.stderr_eq(str![[r#"
        bump demo 1.0.0 to 1.1.0, because of CHANGELOG.md: line 9 is under Added: `- Greetings in *any* language.`
             nothing has been changed

"#]]);
    project.assert_tree_clean();
    let bumped = project.pyrelease("bump").code(0);
    bumped.stderr_eq(str![[r#"
        bump demo 1.0.0 to 1.1.0, because of CHANGELOG.md: line 9 is under Added: `- Greetings in *any* language.`
     Writing CHANGELOG.md
     Writing src/demo/__init__.py
      Bumped demo 1.0.0 to 1.1.0 in 2 files
             next: look at `git diff`, commit the files, then `pyrelease run 1.1.0` releases them

"#]]);
    assert_eq!((project.head(), project.git(&["tag"])), (head, tags));
    assert_eq!(project.git(&["diff", "--cached", "--name-only"]), "");
    let written = files(&project);
    assert_eq!(written, released(&demo().config(LOCAL).build()));
    // A second time there is nothing left to do, and the release takes it as it is.
    project.pyrelease("bump").code(0).stderr_eq(str![[r#"
        bump demo 1.1.0, because 1.1.0 has no tag yet
    Skipping changelog: `CHANGELOG.md` has the section of 1.1.0 already
    Skipping version: the project already states 1.1.0
             nothing is left to write

"#]]);
    project.commit("Prepare 1.1.0");
    project.pyrelease("run 1.1.0 --yes").code(0);
    assert_eq!((files(&project), project.tag_target("v1.1.0")), (written, project.head()));
}

#[test]
fn edits_of_the_working_tree_count_and_stay() {
    let project = demo().config(LOCAL).in_subfolder("packages/demo").build();
    project.write("README.md", "# demo, edited\n");
    project.write(
        "CHANGELOG.md",
        &CHANGELOG.replace("### Added\n\n- Greetings", "### Removed\n\n- Farewells.\n- Greetings"),
    );
    project.write(MODULE, &format!("# edited\n{}", project.read(MODULE)));
    let bumped = project.pyrelease("bump --format json").code(0);
    let event = bumped.events().into_iter().find(|event| event["event"] == "bumped").expect("an event");
    assert_eq!(
        (&event["version"], &event["files"][0]["path"]),
        (&"2.0.0".into(), &"packages/demo/CHANGELOG.md".into())
    );
    let changelog = project.read("CHANGELOG.md");
    assert!(
        changelog.contains("## [Unreleased]\n\n## [2.0.0] - ") && changelog.contains("- Farewells."),
        "{changelog}"
    );
    let module = project.read(MODULE);
    assert!(module.starts_with("# edited\n") && module.contains("\"2.0.0\""), "{module}");
    assert_eq!(project.read("README.md"), "# demo, edited\n");
}

/// Line ends stay as they are in the working tree.
#[test]
fn line_ends_stay() {
    let project = demo().config(LOCAL).build();
    project.git(&["config", "core.autocrlf", "true"]);
    project.git(&["rm", "--quiet", "--cached", "-r", "."]);
    project.git(&["reset", "--quiet", "--hard"]);
    assert!(project.read("CHANGELOG.md").contains("\r\n"));
    project.pyrelease("bump minor").code(0);
    for text in files(&project) {
        assert_eq!(text.matches('\n').count(), text.matches("\r\n").count(), "{text:?}");
    }
}

/// Killed anywhere, all files are as before or can be completed, and an edit in between is not overwritten.
#[test]
fn a_kill_loses_nothing() {
    let expected = released(&demo().config(LOCAL).build());
    let mut completed = 0;
    for number in 1.. {
        let project = demo().config(LOCAL).build();
        let before = files(&project);
        let killed = project.pyrelease("bump minor").env("PYRELEASE_DRILL", format!("kill:{number}")).run();
        if killed.status() == 0 {
            assert!(number > 3, "only {number} points");
            break;
        }
        assert_eq!(killed.status(), -1, "{killed}");
        if !project.folder().join(".git/pyrelease/edits/manifest.json").exists() {
            assert!(files(&project) == before || files(&project) == expected, "{:?}", files(&project));
            project.pyrelease("bump 1.1.0").code(0);
            assert_eq!(files(&project), expected);
            continue;
        }
        completed += 1;
        project.pyrelease("run minor --yes").code(3).messages_eq(str![[r#"
error: a bump was interrupted: not all of its files are written
help: `pyrelease bump` completes it

"#]]);
        project.pyrelease("bump").code(0).messages_eq(str![]);
        assert_eq!(files(&project), expected);
        project.assert_no_debris();
    }
    assert!(completed >= 3, "{completed}");

    let project = demo().config(LOCAL).build();
    let killed = project.pyrelease("bump minor").env("PYRELEASE_DRILL", "kill:3").run();
    assert_eq!(killed.status(), -1, "{killed}");
    project.write(MODULE, "# somebody else's\n");
    project.pyrelease("bump").code(0).messages_eq(str![[r#"
warning: `[ROOT]/demo/src/demo/__init__.py` was changed meanwhile, and stays as it is
help: bump the version there by hand, or revert the file and run `pyrelease bump` again

"#]]);
    assert_eq!(project.read(MODULE), "# somebody else's\n");
}

/// What the project's own commands write is known only when they have run, for which the user is asked.
#[test]
fn commands_of_the_project_run_in_a_clone_after_a_question() {
    let config = Config::stages("changelog own tag")
        .stage("own")
        .shell("sed -i \"s/1.0.0/$PYRELEASE_VERSION/\" src/demo/__init__.py && echo new > new.txt && git add new.txt")
        .set("gives", ["version"]);
    let project = demo().config(&config).build();
    project.write("README.md", "# edited\n");
    let before = project.snapshot();
    project.pyrelease("bump minor").code(2).messages_eq(str![[r#"
error: there is no terminal to ask on: To bump the version, run `sh -c sed -i "s/1.0.0/$PYRELEASE_VERSION/" src/demo/__init__.py && echo new > new.txt && git add new.txt`?
help: pass `--yes` to continue without confirmation

"#]]);
    project.assert_unchanged(&before);
    let dialogue = [("[y/N]", "y\n")];
    project.pyrelease("bump minor").on_a_terminal(&dialogue).code(0).stdout_eq(str![[r#"
        bump demo 1.0.0 to 1.1.0
To bump the version, run `sh -c sed -i "s/1.0.0/$PYRELEASE_VERSION/" src/demo/__init__.py && echo new > new.txt && git add new.txt`? [y/N] y
     Writing CHANGELOG.md
     Running `sh -c sed -i "s/1.0.0/$PYRELEASE_VERSION/" src/demo/__init__.py && echo new > new.txt && git add new.txt`
      Bumped demo 1.0.0 to 1.1.0 in 3 files
             next: look at `git diff`, commit the files, then `pyrelease run 1.1.0` releases them

"#]]);
    assert_eq!(
        (project.read("new.txt").as_str(), project.read("README.md").as_str()),
        ("new\n", "# edited\n")
    );
    assert!(project.read(MODULE).contains("1.1.0") && project.read("CHANGELOG.md").contains("## [1.1.0]"));
}

#[test]
fn what_cannot_be_bumped_is_refused() {
    let project = demo().config("stages = [\"build\"]\n").build();
    project.pyrelease("bump minor").code(2).messages_eq(str![[r#"
error: cannot release 1.1.0: no stage bumps the version from 1.0.0
help: add `version` to `stages`, or gives = ["version"] to the [stage.NAME] of your own that bumps it

"#]]);
    let project = demo().config(LOCAL).build();
    project.write("CHANGELOG.md", "# Changelog\n\n## [1.0.0] - 2026-01-02\n\n- The first one.\n");
    project.pyrelease("bump").code(2).messages_eq(str![[r#"
error: 1.0.0 is already released, and `CHANGELOG.md` has no Unreleased section to infer the next version from
help: pass how to bump the version: `pyrelease bump patch` (or minor, major, rc, …)

"#]]);
    project.write("CHANGELOG.md", &CHANGELOG.replace("### Added\n\n- Greetings in *any* language.\n\n", ""));
    project.write(MODULE, "__version__ = \"2.0\"\n");
    let before = project.snapshot();
    project.pyrelease("bump minor").code(3).messages_eq(str![[r#"
error: [changelog] `CHANGELOG.md`: the Unreleased section on line 5 is empty
help: add the changes for users below line 5; headings and comments do not count; or set `required = false` in [stage.changelog]
error: the version was not bumped; nothing has been changed

"#]]);
    project.assert_unchanged(&before);
}

#[test]
fn during_a_bisection_the_way_out_of_it_is_shown() {
    let project = demo().config(LOCAL).build();
    project.git(&["bisect", "start"]);
    project.pyrelease("bump minor").code(3).messages_eq(str![[r#"
error: a bisect is in progress in the repository
help: finish it, or run `git bisect reset`

"#]]);
}

/// Reading a pipe would wait for ever.
#[cfg(unix)]
#[test]
fn a_pipe_in_a_file_s_place_is_not_read() {
    let project = demo().config(LOCAL).build();
    let path = project.folder().join("CHANGELOG.md");
    fs_err::remove_file(&path).unwrap();
    project.sandbox().command(project.folder(), "mkfifo", &["CHANGELOG.md"]).run().unwrap();
    project.pyrelease("bump minor --yes").code(0);
}
