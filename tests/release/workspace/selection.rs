//! Which members are released, and in what versions.

use pyrelease_test_support::str;

use super::{LOCAL, change, planned, three, workspace};

#[test]
fn what_has_entries_and_what_pins_it_is_released() {
    let project = three().config(LOCAL).build();
    project.pyrelease("plan").code(3).stderr_eq(str![[r#"
error: no member of the workspace has changes to release
help: add the changes to the changelog of a member first
help: or name a member and its bump: `pyrelease run app=patch`

"#]]);
    change(&project, "core");
    assert_eq!(planned(&project, ""), ["core 1.1.0 (core-v1.1.0)", "cli 0.3.1 (cli-v0.3.1)"]);
    assert_eq!(planned(&project, "core=patch"), ["core 1.0.1 (core-v1.0.1)", "cli 0.3.1 (cli-v0.3.1)"]);
    // A major version moves the range of `app`, too.
    assert_eq!(
        planned(&project, "core=2.0.0 cli=minor"),
        ["core 2.0.0 (core-v2.0.0)", "cli 0.4.0 (cli-v0.4.0)", "app 2.0.1 (app-v2.0.1)"]
    );
    assert_eq!(planned(&project, "patch"), ["core 1.0.1 (core-v1.0.1)", "cli 0.3.1 (cli-v0.3.1)"]);
    assert_eq!(
        planned(&project, "--all"),
        ["core 1.1.0 (core-v1.1.0)", "cli 0.3.1 (cli-v0.3.1)", "app 2.0.1 (app-v2.0.1)"]
    );
    assert_eq!(planned(&project, "app=1!0.1"), ["app 1!0.1 (app-v1!0.1)"]);
}

#[test]
fn what_has_changed_without_entries_is_named() {
    let project = three().config(LOCAL).build();
    change(&project, "core");
    project.write("packages/app/src/app/more.py", "MORE = True\n");
    project.commit("Add more");
    let outcome = project.pyrelease("plan").code(0);
    let said = "note: `app` has changed since its last release, but its changelog has no entries: it is not released";
    assert!(outcome.stderr().contains(said), "{}", outcome.stderr());
    assert_eq!(
        planned(&project, "minor"),
        ["core 1.1.0 (core-v1.1.0)", "cli 0.3.1 (cli-v0.3.1)", "app 2.1.0 (app-v2.1.0)"]
    );
}

/// The tags of its siblings are not those of a member that has none.
#[test]
fn a_new_member_is_released_as_it_is() {
    let project = three().config(LOCAL).build();
    project.write("packages/new/pyproject.toml", &super::pyproject("new", "0.1.0", &["core"]));
    project.write("packages/new/CHANGELOG.md", "# Changelog\n\n## [Unreleased]\n\n- The first one.\n");
    project.commit("Begin another");
    assert_eq!(planned(&project, ""), ["new 0.1.0 (new-v0.1.0)"]);
    assert_eq!(planned(&project, "new=0.2.0"), ["new 0.2.0 (new-v0.2.0)"]);
}

#[test]
fn dependents_may_be_left_for_later() {
    let project = three().config(&format!("{LOCAL}dependents = \"off\"\n")).build();
    change(&project, "core");
    assert_eq!(planned(&project, ""), ["core 1.1.0 (core-v1.1.0)"]);
    project.pyrelease("run --yes").code(0);
    assert!(project.read("packages/cli/pyproject.toml").contains("\"core==1.1.0\""));
    assert!(project.read("packages/cli/pyproject.toml").contains("version = \"0.3.0\""));
}

#[test]
fn pins_follow_the_policy() {
    for (pins, cli, app) in [
        ("keep-style", "core==1.1.0", "core~=1.0"),
        ("==", "core==1.1.0", "core==1.1.0"),
        ("~=", "core~=1.1.0", "core~=1.1.0"),
        (">=", "core>=1.1.0", "core>=1.1.0"),
    ] {
        let project = three().config(&format!("{LOCAL}pins = \"{pins}\"\n")).build();
        change(&project, "core");
        project.pyrelease("run --yes").code(0);
        assert!(project.read("packages/cli/pyproject.toml").contains(&format!("\"{cli}\"")), "{pins}");
        assert!(project.read("packages/app/pyproject.toml").contains(&format!("\"{app}\"")), "{pins}");
        project.assert_tree_clean();
    }
    let project = three().config(&format!("{LOCAL}pins = \"leave\"\n")).build();
    change(&project, "core");
    let before = project.snapshot();
    let outcome = project.pyrelease("run --yes").code(3);
    assert!(
        outcome.stderr().contains("cli requires `core` (`packages/cli/pyproject.toml`, line"),
        "{}",
        outcome.stderr()
    );
    project.assert_unchanged(&before);
}

#[test]
fn one_version_for_all_has_one_tag() {
    let project = workspace(&[("core", "1.0.0", &[]), ("cli", "1.0.0", &["core==1.0.0"])])
        .config(&format!("{LOCAL}versions = \"locked\"\n"))
        .build();
    change(&project, "core");
    assert_eq!(planned(&project, ""), ["core 1.1.0 (v1.1.0)", "cli 1.1.0 (v1.1.0)"]);
    project.pyrelease("run --yes").code(0);
    assert_eq!(
        project.git(&["log", "-1", "--format=%s %D"]).trim(),
        "Release 1.1.0 HEAD -> main, tag: v1.1.0, origin/main"
    );
    assert!(project.read("packages/cli/CHANGELOG.md").contains("- Require `core 1.1.0`"));
}

#[test]
fn the_members_of_a_group_have_one_version() {
    let groups = "versions = \"grouped\"\n\n[workspace.groups]\nbase = [\"core\", \"cli\"]\n";
    let members: [(&str, &str, &[&str]); 3] =
        [("core", "1.0.0", &[]), ("cli", "1.0.0", &[]), ("app", "3.0.0", &["cli"])];
    let project = workspace(&members).config(&format!("{LOCAL}{groups}")).build();
    change(&project, "cli");
    assert_eq!(planned(&project, ""), ["cli 1.1.0 (cli-v1.1.0)", "core 1.1.0 (core-v1.1.0)"]);
    change(&project, "app");
    assert_eq!(planned(&project, "app"), ["app 3.1.0 (app-v3.1.0)"]);
}

/// Tags that name no package, such as those of groups: each is of the members that state its version there.
#[test]
fn a_tag_of_one_group_is_none_of_another() {
    let groups = "versions = \"grouped\"\n\n[workspace.groups]\nstable = [\"core\", \"cli\"]\nbeta = [\"app\"]\n\n\
                  [stage.tag]\nname = \"v{version}\"\n";
    let members: [(&str, &str, &[&str]); 3] =
        [("core", "1.0.0", &[]), ("cli", "1.0.0", &["core==1.0.0"]), ("app", "0.5.0", &[])];
    let project = workspace(&members).config(&format!("{LOCAL}{groups}")).build();
    for name in ["core", "cli", "app"] {
        let tags = project.git(&["tag", "--list", &format!("{name}-*")]);
        project.git(&["tag", "--delete", tags.trim()]);
    }
    for tag in ["v1.0.0", "v0.5.0"] {
        project.git(&["tag", tag]);
    }
    change(&project, "app");
    assert_eq!(planned(&project, ""), ["app 0.6.0 (v0.6.0)"]);
    project.pyrelease("run --yes").code(0);
    change(&project, "core");
    // The members of a group have one tag.
    assert_eq!(planned(&project, ""), ["core 1.1.0 (v1.1.0)", "cli 1.1.0 (v1.1.0)"]);
    project.pyrelease("run --yes").code(0);
    assert_eq!(project.git(&["tag", "--points-at", "HEAD"]).trim(), "v1.1.0");
    assert_eq!(project.remote_refs()["refs/heads/main"], project.tag_target("v1.1.0"));
    project.pyrelease("status").code(0);
    project.pyrelease("run --yes").code(3);

    // A page of the forge needs a tag of its own, and two groups have two tags.
    let config = project.read("release.toml");
    project.write("release.toml", &config.replacen("\"push\"", "\"push\", \"forge-release\"", 1));
    let refused = project.pyrelease("plan core=minor").code(2);
    assert!(refused.stderr().contains("members of a group have one tag"), "{refused}");
    project.write("release.toml", &config);
    let refused = project.pyrelease("plan core=2.0.0 app=2.0.0").code(3);
    assert!(refused.stderr().contains("would both be tagged `v2.0.0`"), "{refused}");
}

#[test]
fn a_new_requirement_joins_the_entries_of_the_changelog() {
    let project = three().config(LOCAL).build();
    change(&project, "core");
    change(&project, "cli");
    project.pyrelease("run --yes").code(0);
    let changelog = project.read("packages/cli/CHANGELOG.md");
    let section = "### Added\n\n- A greeting.\n\n### Changed\n\n- Require `core 1.1.0`\n\n## [1.0.0]";
    assert!(changelog.contains(section), "{changelog}");
    project.assert_tree_clean();
}

#[test]
fn a_member_that_the_lock_file_takes_from_an_index_is_named() {
    let project = three().config(LOCAL).build();
    let lock = "version = 1\n\n[[package]]\nname = \"core\"\nversion = \"0.9.0\"\n\
                source = { registry = \"https://pypi.org/simple\" }\n\n[[package]]\nname = \"cli\"\nversion = \"0.3.0\"\n\
                source = { editable = \"packages/cli\" }\n";
    project.write("uv.lock", lock);
    change(&project, "core");
    let plan = project.pyrelease("plan").code(0);
    assert!(
        plan.stderr()
            .contains("warning: `uv.lock`, line 4: `core` is taken from an index, not from the workspace"),
        "{plan}"
    );
    project.write("uv.lock", "\u{0}[[package]]\nname = \"core\nsource = { registry = ");
    project.commit("Break the lock");
    project.pyrelease("plan").code(0);
}

#[test]
fn a_lock_file_of_pdm_is_left_and_named() {
    let project = three().config(LOCAL).build();
    project.write("packages/cli/pdm.lock", "[metadata]\ncontent_hash = \"sha256:0\"\n");
    project.write("packages/app/pdm.lock", "[metadata]\ncontent_hash = \"sha256:0\"\n");
    change(&project, "core");
    let run = project.pyrelease("run --yes").code(0);
    assert!(run.stderr().contains("warning: [version] `packages/cli/pdm.lock` stays as it is"), "{run}");
    assert!(!run.stderr().contains("packages/app/pdm.lock"), "{run}");
    // Both have changed without entries, and one of them is released all the same.
    assert!(
        run.stderr().contains("`app` has changed") && !run.stderr().contains("`cli` has changed"),
        "{run}"
    );
    assert_eq!(project.read("packages/cli/pdm.lock"), "[metadata]\ncontent_hash = \"sha256:0\"\n");
}
