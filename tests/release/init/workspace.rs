//! `init` where several packages are released together.

use pyrelease_test_support::{Blueprint, Project, str};

use super::{bare, project};
use crate::release::workspace::{change, planned, three, workspace};

/// The metadata of a project of setuptools.
fn setuptools(name: &str, version: &str, requires: &str) -> String {
    format!(
        "[build-system]\nrequires = [\"setuptools\"]\nbuild-backend = \"setuptools.build_meta\"\n\n\
         [project]\nname = \"{name}\"\nversion = \"{version}\"\ndependencies = [{requires}]\n"
    )
}

/// Two projects below a root that is none.
fn two(versions: [&str; 2]) -> Blueprint {
    let requires = format!("\"core=={}\"", versions[0]);
    project()
        .file("libs/core/pyproject.toml", &setuptools("core", versions[0], ""))
        .file("libs/cli/pyproject.toml", &setuptools("cli", versions[1], &requires))
        .file("tests/data/pyproject.toml", &setuptools("data", "1.0.0", ""))
}

/// The project without a file at its root that would make it one.
fn rootless(blueprint: Blueprint) -> Project {
    let project = blueprint.build();
    project.git(&["rm", "-q", "pyproject.toml"]);
    project.commit("There is no project here");
    project
}

#[test]
fn the_workspace_of_uv() {
    let project = three().build();
    change(&project, "core");
    let outcome = project.pyrelease("init --yes").env("PYRELEASE_OFFLINE", "1").code(0);
    assert!(outcome.stdout().contains("`cli` 0.3.0 in `packages/cli`"), "{outcome}");
    assert!(outcome.stdout().contains("tags `cli-v{version}`, the last is `cli-v0.3.0`"), "{outcome}");
    snapbox::assert_data_eq!(
        project.read("release.toml"),
        str![[r##"
# Written by `pyrelease init`. A release does the rest as earlier ones did: see `pyrelease plan`.

# the stages of a release, in order, each for all members that are released
stages = ["changelog", "version", "tag", "build", "check", "testpypi", "push", "pypi"]

[workspace]
# the members are those of [tool.uv.workspace]: app, cli, core
# each member has its own version
versions = "independent"

"##]]
    );
    project.commit("Describe releases");
    assert_eq!(planned(&project, ""), ["core 1.1.0 (core-v1.1.0)", "cli 0.3.1 (cli-v0.3.1)"]);
    // Again, there is nothing to add.
    project.pyrelease("init --yes").code(0);
    // `[tool.pyrelease]` of the root works as well.
    let project = three().build();
    project.pyrelease("init --yes --manifest pyproject.toml").env("PYRELEASE_OFFLINE", "1").run();
}

#[test]
fn a_project_with_members_that_nobody_releases_stays_a_single_one() {
    let member =
        setuptools("docs", "1.0.0", "").replace("[project]", "[project]\nclassifiers = [\"Private :: X\"]");
    let root = format!("{}\n[tool.uv.workspace]\nmembers = [\"docs\"]\n", setuptools("demo", "1.0.0", ""));
    let project = project().file("pyproject.toml", &root).file("docs/pyproject.toml", &member).build();
    project.pyrelease("init --yes").env("PYRELEASE_OFFLINE", "1").run();
    assert!(!project.read("release.toml").contains("workspace"));
    // What was written for a single project stays so, whatever there is besides.
    project.write("docs/pyproject.toml", &setuptools("docs", "1.0.0", ""));
    project.commit("Release the documentation");
    project.pyrelease("init --yes").code(0);
    fs_err::remove_file(project.folder().join("release.toml")).expect("it is there");
    project.pyrelease("init --yes").env("PYRELEASE_OFFLINE", "1").run();
    assert!(project.read("release.toml").contains("[workspace]"));
}

#[test]
fn projects_below_a_root_that_is_none() {
    let project = rootless(two(["1.0.0", "2.0.0"]).tagged("core@1.0.0"));
    project.pyrelease("init --yes").env("PYRELEASE_OFFLINE", "1").code(0);
    snapbox::assert_data_eq!(
        project.read("release.toml"),
        str![[r##"
# Written by `pyrelease init`. A release does the rest as earlier ones did: see `pyrelease plan`.

# the stages of a release, in order, each for all members that are released
# no member has a changelog: once they do, add "changelog" before "version"
stages = ["version", "tag", "build", "check", "testpypi", "push", "pypi"]

[workspace]
# 2 projects: cli, core
members = ["libs/*"]
# each member has its own version
versions = "independent"

[stage.tag]
# for members without a tag as well, as in core@1.0.0
name = "{name}@{version}"

"##]]
    );
    project.commit("Describe releases");
    assert_eq!(planned(&project, "core=minor cli"), ["core 1.1.0 (core@1.1.0)", "cli 2.0.0 (cli@2.0.0)"]);

    // Poetry says that its root is no package; another folder beside the members has a project.
    let root = "[tool.poetry]\nname = \"all\"\nversion = \"0\"\npackage-mode = false\n";
    let project = two(["1.0.0", "1.0.0"])
        .file("pyproject.toml", root)
        .file("libs/core/plugin/pyproject.toml", &setuptools("plugin", "1.0.0", ""))
        .file("libs/example/setup.cfg", "[flake8]\nmax-line-length = 100\n")
        .tagged("v1.0.0")
        .build();
    project.pyrelease("init --yes").env("PYRELEASE_OFFLINE", "1").run();
    let lines = bare(&project.read("release.toml"));
    assert_eq!(
        lines[1..],
        ["[workspace]", "members = [\"libs/cli\", \"libs/core\"]", "versions = \"locked\""]
    );
    project.commit("Describe releases");
    assert_eq!(planned(&project, "core=minor"), ["core 1.1.0 (v1.1.0)", "cli 1.1.0 (v1.1.0)"]);
}

#[test]
fn one_version_and_a_tag_of_each_is_not_one_version_for_all() {
    let project = workspace(&[("version", "1.0.0", &[]), ("cli", "1.0.0", &["version"])]).build();
    project.pyrelease("init --yes").env("PYRELEASE_OFFLINE", "1").run();
    assert!(project.read("release.toml").contains("versions = \"independent\""));
}

#[test]
fn a_root_without_a_project_names_the_folders_that_have_one() {
    let one = rootless(project().file("python/pyproject.toml", &setuptools("demo", "1.0.0", "")));
    one.pyrelease("init --yes").code(2).stderr_eq(str![[r#"
error: there is no Python project at the root
help: `python` has a Python project: pass `-C python`

"#]]);
    one.pyrelease("plan").code(2).stderr_eq(str![[r#"
error: no Python project in `[..]` or the folders above it
help: run pyrelease in a directory with a `pyproject.toml`, `setup.cfg` or `setup.py`, or pass `-C FOLDER`
help: `python` has a Python project: pass `-C python`

"#]]);
    let none = rootless(project());
    let said = none.pyrelease("init --yes").code(2);
    assert!(!said.stderr().contains("has a Python project"), "{said}");
}

#[test]
fn members_that_cannot_be_read_are_named_and_nothing_is_written() {
    let broken = two(["1.0.0", "1.0.0"]).file("libs/cli/pyproject.toml", "[project]\nversion = \"1.0.0\"\n");
    let project = rootless(broken);
    let said = project.pyrelease("init --yes").code(2);
    assert!(said.stderr().contains("libs/cli: ") && !said.stderr().contains("--name"), "{said}");
    assert!(said.stderr().contains("members = { NAME = \"libs/cli\" }"), "{said}");
    // On a terminal, it is not asked for the name of a single project.
    let said = project.pyrelease("init").on_a_terminal(&[]).code(2);
    assert!(!said.stdout().contains("Its name on PyPI"), "{said}");

    let missing = "[tool.uv.workspace]\nmembers = [\"packages/core\", \"packages/gone\"]\n";
    let project = three().file("pyproject.toml", missing).build();
    let said = project.pyrelease("init --yes").code(2);
    assert!(said.stderr().contains("packages/gone"), "{said}");
    assert!(!project.folder().join("release.toml").exists());
}

/// What another tool says at the root of commits and tags holds for all members.
#[test]
fn messages_of_another_tool_are_followed() {
    let bumpversion = "[tool.bumpversion]\ncurrent_version = \"1.0.0\"\ncommit = true\ntag = true\n\
                       message = \"Bump to {new_version}\"\ntag_message = \"All at {new_version}\"\n";
    let project = rootless(two(["1.0.0", "1.0.0"]).file(".bumpversion.toml", bumpversion).tagged("v1.0.0"));
    project.pyrelease("init --yes").env("PYRELEASE_OFFLINE", "1").run();
    let written = project.read("release.toml");
    for line in
        ["message = \"All at {version}\"", "commit-message = \"Bump to {version}\"", "versions = \"locked\""]
    {
        assert!(written.contains(&format!("\n{line}\n")), "{written}");
    }
    assert!(written.contains("`message` of bump-my-version, in `.bumpversion.toml`"), "{written}");
    project.commit("Describe releases");
    let plan = project.pyrelease("plan core=minor").code(0);
    assert!(plan.stdout().contains("commit \"Bump to 1.1.0\""), "{plan}");
}
