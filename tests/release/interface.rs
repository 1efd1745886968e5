//! The output for people and programs: plans, events, status, configuration errors.

use pyrelease_test_support::{Project, set_binary, str};

use super::demo;

/// Stages that need neither a build nor an index
const LOCAL: &str = "stages = [\"changelog\", \"version\", \"tag\", \"push\"]\n";

fn without_a_remote() -> Project {
    set_binary(env!("CARGO_BIN_EXE_pyrelease"));
    Project::python("demo", "1.0.0").tagged("v1.0.0").config(LOCAL).build()
}

#[test]
fn where_there_is_no_remote_nothing_is_pushed() {
    let project = without_a_remote();
    project.pyrelease("run minor --yes").code(0).assert_shown("run-without-a-remote");
    assert_eq!(project.tag_target("v1.1.0"), project.head());
    project.assert_tree_clean();
}

#[test]
fn where_there_is_nothing_to_commit_nothing_is_committed() {
    let project = demo().config("stages = [\"version\", \"tag\", \"push\"]\n").build();
    project.git(&["tag", "-d", "v1.0.0"]);
    project.git(&["push", "origin", ":refs/tags/v1.0.0"]);
    let head = project.head();
    let plan = project.pyrelease("plan 1.0.0").code(0);
    plan.stdout_eq(str![[r#"
demo 1.0.0, tag v1.0.0, from main at [OID]
  in the run's own clone:
    version  skip: the project already states 1.0.0
    tag      tag v1.0.0
  in the repository and its remote; undone if a later stage fails:
    land     land in your repository: main and tag v1.0.0
    push     push main and v1.0.0 to origin, atomically

"#]]);
    project.pyrelease("run 1.0.0 --yes").code(0).stderr_eq(str![[r#"
note: untracked files are not released: `notes.txt`
help: `git add` and commit them if they belong to this release
demo 1.0.0, tag v1.0.0, from main at [OID]
   Releasing 1.0.0 (run [RUN])
    Skipping version: the project already states 1.0.0
     Tagging v1.0.0
     Landing in your repository: main and tag v1.0.0
     Pushing main and v1.0.0 to origin, atomically
    Released demo 1.0.0

"#]]);
    assert_eq!(project.head(), head);
    // With a stage that changes a file there is a commit again.
    let plan = project.pyrelease("plan minor").code(0);
    plan.stdout_eq(str![[r#"
demo 1.1.0 (now 1.0.0), tag v1.1.0, from main at [OID]
  in the run's own clone:
    version  write src/demo/__init__.py
    tag      commit "Release 1.1.0"
             tag v1.1.0
  in the repository and its remote; undone if a later stage fails:
    land     land in your repository: main and tag v1.1.0
    push     push main and v1.1.0 to origin, atomically

"#]]);
}

#[test]
fn without_a_bump_the_changelog_decides() {
    let project = without_a_remote();
    let plan = project.pyrelease("plan").code(0);
    plan.stdout_eq(str![[r#"
demo 1.1.0 (now 1.0.0), tag v1.1.0, from main at [OID]
because of CHANGELOG.md: line 9 is under Added: `- Greetings in *any* language.`
  in the run's own clone:
    changelog  write CHANGELOG.md
    version    write src/demo/__init__.py
    tag        commit "Release 1.1.0"
               tag v1.1.0
  in the repository and its remote; undone if a later stage fails:
    land       land in your repository: main and tag v1.1.0
    push       skip: the repository has no remote

"#]]);
    project.pyrelease("run --yes").code(0);
    assert_eq!(project.tag_target("v1.1.0"), project.head());
    // Now there is nothing to release.
    project.pyrelease("run --yes").code(3);
}

#[test]
fn a_plan_and_a_dry_run_change_nothing() {
    let project = demo().config(LOCAL).build();
    let before = project.snapshot();
    project.pyrelease("plan minor").code(0);
    project.pyrelease("run minor --dry-run").code(0);
    assert_eq!(project.pyrelease("status --format json").code(0).json()["event"], "no-run");
    project.assert_unchanged(&before);
}

#[test]
fn a_plan_names_where_addresses_come_from_and_which_index_nothing_uses() {
    let config = "[index.pypi]\nview = \"https://pypi.example/{name}\"\n\
                  [index.testpypi]\nsimple = \"https://mirror.example/simple/\"\n\
                  [index.corp]\nupload = \"https://corp.example/legacy/\"\n";
    let project = demo().config(config).build();
    let plan = project.pyrelease("plan minor").code(0);
    plan.stdout_eq(str![[r#"
demo 1.1.0 (now 1.0.0), tag v1.1.0, from main at [OID]
  in the run's own clone:
    changelog  write CHANGELOG.md
    version    write src/demo/__init__.py
    tag        commit "Release 1.1.0"
               tag v1.1.0
    build      build sdist and wheel with hatchling
    check      check every distribution by PyPI's rules
  rehearsal:
    testpypi   upload to testpypi (https://test.pypi.org/legacy/, predefined; listed at https://mirror.example/simple/, release.toml); as 1.1.0.devN, with other bytes, if it already has other files of this version
  in the repository and its remote; undone if a later stage fails:
    land       land in your repository: main and tag v1.1.0
    push       push main and v1.1.0 to origin, atomically
  public; past this point the release can only be completed:
    pypi       upload to pypi (https://upload.pypi.org/legacy/, predefined)

"#]]);
    plan.messages_eq(str![[r#"
note: no stage uploads to the index `corp`
help: `pyrelease upload --index corp` does; for a release, add "corp" to `stages`

"#]]);
    project.write(
        "release.toml",
        "stages = [\"build\", \"corp\"]\n[index.corp]\nupload = \"https://corp.example/legacy/\"\n",
    );
    project.git(&["tag", "-d", "v1.0.0"]);
    let plan = project.pyrelease("plan").code(0);
    plan.stdout_eq(str![[r#"
demo 1.0.0, tag v1.0.0, from main at [OID]
because 1.0.0 has no tag yet
  in the run's own clone:
    build  build sdist and wheel with hatchling
  public; past this point the release can only be completed:
    corp   upload to corp (https://corp.example/legacy/, release.toml)

"#]]);
    plan.messages_eq(str![]);
}

#[test]
fn run_yes_does_not_show_the_whole_plan() {
    let project = demo().config(LOCAL).build();
    let run = project.pyrelease("run minor --yes").code(0);
    run.stderr_eq(str![[r#"
note: untracked files are not released: `notes.txt`
help: `git add` and commit them if they belong to this release
demo 1.1.0 (now 1.0.0), tag v1.1.0, from main at [OID]
   Releasing 1.1.0 (run [RUN])
     Writing CHANGELOG.md
     Writing src/demo/__init__.py
  Committing "Release 1.1.0"
     Tagging v1.1.0
     Landing in your repository: main and tag v1.1.0
     Pushing main and v1.1.0 to origin, atomically
    Released demo 1.1.0

"#]]);
}

#[test]
fn events_are_json_lines_on_standard_output() {
    let project = demo().config(LOCAL).build();
    let outcome = project.pyrelease("run minor --yes --format json").code(0);
    let events = outcome.events();
    let kinds: Vec<&str> = events.iter().filter_map(|event| event["event"].as_str()).collect();
    assert_eq!(kinds.len(), events.len(), "every line is an event");
    for kind in ["plan", "run-started", "stage-started", "action", "stage-finished", "released"] {
        assert!(kinds.contains(&kind), "{kind} in {kinds:?}");
    }
    assert_eq!(outcome.stderr(), "");

    let refused = project.pyrelease("run 1.1.0 --yes --format json").code(2);
    let events = refused.events();
    assert_eq!(events.last().map(|event| event["code"].clone()), Some(2.into()), "{refused}");

    let status = project.pyrelease("status --format json").code(0);
    assert_eq!(status.json()["outcome"], "released");
}

#[test]
fn the_project_is_found_from_a_folder_in_it() {
    let project = demo().config(LOCAL).build();
    let plan = &project.pyrelease("plan minor --format json").from("src/demo").code(0).json()["plan"];
    assert_eq!((&plan["name"], &plan["version"]), (&"demo".into(), &"1.1.0".into()));
}
