//! The stage `reopen` in a workspace: one commit with the next development versions of the members that were released.

use pyrelease_test_support::{Project, str};

use super::{NEWS, change, planned, three, workspace};

const STAGES: &str = "stages = [\"changelog\", \"version\", \"tag\", \"push\", \"reopen\"]\n\n[workspace]\n";

/// The version that a member states.
#[track_caller]
fn stated(project: &Project, name: &str) -> String {
    let text = project.read(&format!("packages/{name}/pyproject.toml"));
    let line = text.lines().find_map(|line| line.strip_prefix("version = \"")).expect("a version");
    line.trim_end_matches('"').to_owned()
}

#[test]
fn the_members_that_were_released_go_on_in_one_commit() {
    let lock = "version = 1\n\n[[package]]\nname = \"app\"\nversion = \"2.0.0\"\nsource = { editable = \"packages/app\" }\n";
    let members: [(&str, &str, &[&str]); 3] =
        [("core", "1.0.0", &[]), ("cli", "0.3.0", &["core>=1.0"]), ("app", "2.0.0", &["cli>=0.3,<0.4"])];
    let project = workspace(&members).file("uv.lock", lock).config(STAGES).build();
    change(&project, "core");
    change(&project, "app");
    let plan = project.pyrelease("plan").code(0);
    assert!(plan.stdout().contains("Start core 1.1.1.dev0, app 2.1.1.dev0"), "{plan}");
    project.pyrelease("run --yes").code(0);
    assert_eq!(
        project.log()[..2],
        ["Start core 1.1.1.dev0, app 2.1.1.dev0", "Release core 1.1.0, app 2.1.0"]
    );
    assert_eq!(project.git(&["rev-parse", "HEAD^"]), project.tag_target("core-v1.1.0"));
    assert_eq!(project.remote_refs()["refs/heads/main"], project.head());
    assert_eq!(
        ["core", "cli", "app"].map(|name| stated(&project, name)),
        ["1.1.1.dev0", "0.3.0", "2.1.1.dev0"]
    );
    assert_eq!(
        project.changed_by("HEAD"),
        ["packages/app/pyproject.toml", "packages/core/pyproject.toml", "uv.lock"]
    );
    assert!(project.read("uv.lock").contains("version = \"2.1.1.dev0\""));
    project.assert_tree_clean();
    project.assert_no_debris();

    // Nothing has changed since, and nothing is released; what has entries is.
    project.pyrelease("run --yes").code(3).stderr_eq(str![[r#"
error: no member of the workspace has changes to release
help: add the changes to the changelog of a member first
help: or name a member and its bump: `pyrelease run app=patch`

"#]]);
    let path = "packages/core/CHANGELOG.md";
    let news = NEWS.replace("## [1.0.0]", "## [1.1.0] - 2026-01-16\n\n- More.\n\n## [1.0.0]");
    project.write(path, &news);
    project.commit("Add a greeting again");
    project.git(&["push", "--quiet"]);
    assert_eq!(planned(&project, ""), ["core 1.1.1 (core-v1.1.1)"]);
    project.pyrelease("run core=minor --yes").code(0);
    assert_eq!(stated(&project, "core"), "1.2.1.dev0");
}

#[test]
fn a_version_that_another_member_pins_stays() {
    let project = three().config(STAGES).build();
    change(&project, "core");
    project.pyrelease("run --yes").code(0);
    // `cli` pins `core`, and `app` accepts what comes after `cli`.
    assert_eq!(project.log()[0], "Start cli 0.3.2.dev0");
    assert_eq!(["core", "cli", "app"].map(|name| stated(&project, name)), ["1.1.0", "0.3.2.dev0", "2.0.0"]);
    // Released because it requires what is released, it has notes.
    change(&project, "core");
    let changelog = project.read("packages/core/CHANGELOG.md");
    project.write("packages/core/CHANGELOG.md", &changelog.replace("1.0.0", "1.1.0"));
    project.commit("Name the last release");
    project.git(&["push", "--quiet"]);
    assert_eq!(planned(&project, ""), ["core 1.2.0 (core-v1.2.0)", "cli 0.3.2 (cli-v0.3.2)"]);
    project.pyrelease("run --yes").code(0);
    assert!(project.read("packages/cli/CHANGELOG.md").contains("- Require `core 1.2.0`"));
}

#[test]
fn members_of_one_version_go_on_together_with_their_pins() {
    let members: [(&str, &str, &[&str]); 2] = [("core", "1.0.0", &[]), ("cli", "1.0.0", &["core==1.0.0"])];
    let project = workspace(&members).config(&format!("{STAGES}versions = \"locked\"\n")).build();
    change(&project, "core");
    project.pyrelease("run --yes").code(0);
    assert_eq!(project.log()[..2], ["Start 1.1.1.dev0", "Release 1.1.0"]);
    assert_eq!(["core", "cli"].map(|name| stated(&project, name)), ["1.1.1.dev0", "1.1.1.dev0"]);
    assert!(project.read("packages/cli/pyproject.toml").contains("\"core==1.1.1.dev0\""));
    project.write("packages/core/CHANGELOG.md", &NEWS.replace("1.0.0", "1.1.0"));
    project.commit("Add a greeting");
    project.git(&["push", "--quiet"]);
    assert_eq!(planned(&project, ""), ["core 1.1.1 (v1.1.1)", "cli 1.1.1 (v1.1.1)"]);
    project.pyrelease("run --yes").code(0);
    assert!(project.read("packages/cli/pyproject.toml").contains("\"core==1.1.2.dev0\""));
    project.pyrelease("run --yes").code(3);
}
