//! A project without configuration is released as its earlier releases were.

use std::io::Read as _;

use pyrelease_test_support::{Blueprint, IndexServer, Project, Transcript, str};

use super::failures::Attempt;
use super::quick;

/// Nothing but the stages that change the repository
const STAGES: &str = "stages = [\"changelog\", \"version\", \"tag\"]\n";

/// Stages without the changelog
const BARE: &str = "stages = [\"version\", \"tag\"]\n";

fn blueprint() -> Blueprint {
    quick().without_remote().config(STAGES)
}

/// Commits a release: replaces `old` by `new` in the files, and tags the commit. An annotated tag has its name as message.
pub(super) fn release(
    project: &Project,
    (old, new): (&str, &str),
    files: &[&str],
    (message, tag): (&str, &[&str]),
) {
    for path in files {
        let text = project.read(path);
        assert!(text.contains(old), "{path}: {text}");
        project.write(path, &text.replace(old, new));
    }
    project.commit(message);
    project.git(&[&["tag"], tag].concat());
}

/// A project with two releases in another style than the default: lightweight tags without `v`, a message of its own, a
/// second place of the version, and a citation with a date.
pub(super) fn released_twice(blueprint: Blueprint) -> Project {
    let project = blueprint
        .config(BARE)
        .file("docs/conf.py", "project = 'demo'\nrelease = '1.0.0'\nversion = '1.0'\n")
        .file("CITATION.cff", "version: 1.0.0\ndate-released: 2026-01-02\n")
        .build();
    let files = ["pyproject.toml", "docs/conf.py", "CITATION.cff"];
    release(&project, ("1.0.0", "1.1.0"), &files, ("release version 1.1.0", &["1.1.0"]));
    project.write("docs/conf.py", &project.read("docs/conf.py").replace("'1.0'", "'1.1'"));
    project.write("later.txt", "something else\n");
    project.commit("Work on");
    let text = project.read("docs/conf.py").replace("'1.1'", "'1.2'");
    project.write("docs/conf.py", &text);
    let citation = project.read("CITATION.cff").replace("2026-01-02", "2026-02-03");
    project.write("CITATION.cff", &citation);
    release(&project, ("1.1.0", "1.2.0"), &files, ("release version 1.2.0 (#12)", &["1.2.0"]));
    project.write("later.txt", "and more\n");
    project.commit("Work on");
    project
}

#[test]
fn tags_messages_and_places_are_those_of_earlier_releases() {
    let project = released_twice(quick().without_remote());
    let plan = project.pyrelease("plan minor").code(0);
    plan.assert_shown("habits/plan-follows-earlier-releases");
    project.pyrelease("run minor --yes").code(0);
    assert_eq!(project.git(&["cat-file", "-t", "1.3.0"]).trim(), "commit");
    assert_eq!(project.git(&["log", "-1", "--format=%B"]).trim(), "release version 1.3.0");
    assert_eq!(project.read("docs/conf.py"), "project = 'demo'\nrelease = '1.3.0'\nversion = '1.3'\n");
    let citation = project.read("CITATION.cff");
    assert!(citation.starts_with("version: 1.3.0\n") && !citation.contains("2026-02-03"), "{citation}");
    assert!(project.read("pyproject.toml").contains("1.3.0"));
    let changed = project.git(&["diff", "--name-only", "HEAD^", "HEAD"]);
    assert_eq!(
        changed.trim().lines().collect::<Vec<_>>(),
        ["CITATION.cff", "docs/conf.py", "pyproject.toml"]
    );
}

#[test]
fn the_tagged_commit_decides_between_two_that_name_the_version() {
    let project = quick().without_remote().config(BARE).build();
    for (old, new) in [("1.0.0", "1.1.0"), ("1.1.0", "1.2.0")] {
        let pyproject = project.read("pyproject.toml");
        project.write("pyproject.toml", &pyproject.replace(old, new));
        project.commit(&format!("start version {new}"));
        project.write("CHANGELOG.md", &format!("# Changes\n\n## {new}\n\n- A fix\n"));
        project.commit(&format!("release version {new}"));
        project.git(&["tag", new]);
    }
    project.pyrelease("run minor --yes").code(0);
    assert_eq!(project.git(&["log", "-1", "--format=%s"]).trim(), "release version 1.3.0");
    assert!(project.read("pyproject.toml").contains("1.3.0"));
}

#[test]
fn leading_zeros_of_calendar_versions_stay() {
    let project = quick().without_remote().config(STAGES).build();
    for (old, new) in [("1.0.0", "2025.05.01"), ("2025.05.01", "2025.11.12")] {
        let changelog = project.read("CHANGELOG.md").replace("## [Unreleased]", &format!("## {new}"));
        project.write("CHANGELOG.md", &changelog);
        release(&project, (old, new), &["pyproject.toml"], (&format!("Prepare {new}"), &[new]));
    }
    project.write("CHANGELOG.md", &format!("## Unreleased\n\n- A fix\n\n{}", project.read("CHANGELOG.md")));
    project.commit("Fix it");
    for version in ["2026.1.5", "2026.01.05"] {
        let plan = project.pyrelease(&format!("plan {version}")).code(0);
        assert!(plan.stdout().contains("tag        commit \"Prepare 2026.01.05\""), "{}", plan.stdout());
    }
    project.pyrelease("run 2026.1.5 --yes").code(0);
    assert_eq!(project.git(&["log", "-1", "--format=%s"]).trim(), "Prepare 2026.01.05");
    assert_eq!(project.git(&["rev-parse", "2026.01.05"]).trim(), project.head());
    assert!(project.read("pyproject.toml").contains("version = \"2026.01.05\""));
    assert!(project.read("CHANGELOG.md").starts_with("## 2026.01.05"), "{}", project.read("CHANGELOG.md"));
    // Without leading zeros it is the same version, which is released.
    project.pyrelease("plan 2026.1.5").code(2);
}

#[test]
fn the_configuration_decides_before_any_habit() {
    let project = released_twice(quick().without_remote());
    let settings = "[stage.version]\nfiles = []\n[stage.tag]\nname = \"v{version}\"\nannotated = true\n\
                    message = \"It is {version}\"\ncommit-message = \"Make {version}\"\n";
    project.write("release.toml", &format!("{BARE}{settings}"));
    project.commit("Configure");
    let plan = project.pyrelease("plan minor").code(0);
    plan.stdout_eq(str![[r#"
demo 1.3.0 (now 1.2.0), tag v1.3.0, from main at [OID]
  in the run's own clone:
    version  write pyproject.toml
    tag      commit "Make 1.3.0"
             tag v1.3.0
  in the repository and its remote; undone if a later stage fails:
    land     land in your repository: main and tag v1.3.0

"#]]);
    project.pyrelease("run minor --yes").code(0);
    assert_eq!(project.git(&["cat-file", "-t", "v1.3.0"]).trim(), "tag");
    assert_eq!(project.git(&["log", "-1", "--format=%s"]).trim(), "Make 1.3.0");
    assert_eq!(project.git(&["tag", "-l", "--format=%(contents)", "v1.3.0"]).trim(), "It is 1.3.0");
    assert!(project.read("docs/conf.py").contains("1.2.0"));
}

#[test]
fn a_development_version_is_the_one_being_worked_on() {
    let project = blueprint().config(BARE).build();
    let text = project.read("pyproject.toml").replace("1.0.0", "1.1.0.dev0");
    project.write("pyproject.toml", &text);
    project.commit("Start 1.1.0");
    for (bump, version) in [
        ("", "1.1.0"),
        ("release", "1.1.0"),
        ("patch", "1.0.1"),
        ("minor", "1.1.0"),
        ("major", "2.0.0"),
        ("rc", "1.1.0rc1"),
    ] {
        let plan = &project.pyrelease(&format!("plan {bump} --format json")).code(0).json()["plan"];
        assert_eq!(plan["version"], version, "{bump}: {plan}");
        assert_eq!(plan["previous_version"], "1.1.0.dev0");
    }
    project.pyrelease("run --yes").code(0);
    assert!(project.read("pyproject.toml").contains("\"1.1.0\""));
    project.git(&["rev-parse", "v1.1.0"]);
}

#[test]
fn a_version_below_a_released_one_needs_force() {
    let mut seen = Transcript::named("habits/a-version-below-a-released-one-needs-force");
    let project = blueprint().config(BARE).build();
    // The highest release counts, in whatever style it was tagged.
    project.git(&["tag", "2.0.0", "HEAD"]);
    for command in ["plan 1.5.0", "run 1.5.0 --yes", "doctor 1.5.0", "plan"] {
        seen.add_messages(&project.pyrelease(command).code(3));
    }
    seen.add(&project.pyrelease("plan 1.5.0 --force").code(0));
    seen.assert();
    project.pyrelease("run 1.5.0 --yes --force").code(0);
    project.git(&["rev-parse", "1.5.0"]);
}

#[test]
fn a_version_from_tags_is_found_without_a_prefix() {
    let pyproject = "[project]\nname = \"demo\"\ndynamic = [\"version\"]\n\n[build-system]\nrequires = [\"hatchling\", \
                     \"hatch-vcs\"]\nbuild-backend = \"hatchling.build\"\n\n[tool.hatch.version]\nsource = \"vcs\"\n";
    let project = Project::python("demo", "1.0.0").file("pyproject.toml", pyproject).config(BARE).build();
    project.pyrelease("plan patch").code(2).messages_eq(str![[r#"
error: `demo` takes its version from tags, but there is none yet
help: pass the first version: `pyrelease run 0.1.0`

"#]]);
    project.git(&["tag", "1.4.0"]);
    project.write("later.txt", "something\n");
    project.commit("Work on");
    project.pyrelease("plan patch").code(0).stdout_eq(str![[r#"
demo 1.4.1 (now 1.4.0), tag 1.4.1, from main at [OID]
  in the run's own clone:
    version  skip: hatch-vcs takes the version from the tag 1.4.1
    tag      tag 1.4.1
  in the repository and its remote; undone if a later stage fails:
    land     land in your repository: main and tag 1.4.1
  where the configuration does not say:
    tag `{version}`, as in 1.4.0 (to change it, set `name` in [stage.tag])
    lightweight tag, as in 1.4.0 (to change it, set `annotated` in [stage.tag])

"#]]);
}

#[test]
fn a_package_in_a_folder_has_its_own_tags() {
    let project = quick().without_remote().in_subfolder("packages/demo").config(BARE).build();
    project.git(&["tag", "--delete", "v1.0.0"]);
    project.git(&["tag", "demo-v1.0.0", "HEAD"]);
    project.git(&["tag", "other-v9.0.0", "HEAD"]);
    project.write("later.txt", "something\n");
    project.commit("Work on");
    project.pyrelease("run minor --yes").code(0);
    project.git(&["rev-parse", "demo-v1.1.0"]);
    project.pyrelease("plan patch").code(0).stdout_eq(str![[r#"
demo 1.1.1 (now 1.1.0), tag demo-v1.1.1, from main at [OID]
  in the run's own clone:
    version  write pyproject.toml
    tag      commit "Release 1.1.1"
             tag demo-v1.1.1
  in the repository and its remote; undone if a later stage fails:
    land     land in your repository: main and tag demo-v1.1.1
  where the configuration does not say:
    tag `demo-v{version}`, as in demo-v1.1.0 and demo-v1.0.0 (to change it, set `name` in [stage.tag])
    lightweight tag, as in demo-v1.1.0 and demo-v1.0.0 (to change it, set `annotated` in [stage.tag])

"#]]);
}

#[test]
fn only_the_own_entry_of_a_lock_file_changes() {
    let lock = "version = 1\n\n[[package]]\nname = \"demo\"\nversion = \"1.0.0\"\nsource = { editable = \".\" }\n\n\
                [[package]]\nname = \"other\"\nversion = \"1.0.0\"\nsource = { registry = \"https://pypi.org/simple\" }\n";
    let project = blueprint().config(BARE).file("uv.lock", lock).build();
    project.pyrelease("run minor --yes").code(0);
    assert_eq!(project.read("uv.lock"), lock.replacen("1.0.0", "1.1.0", 1));
}

#[test]
fn a_file_that_git_cannot_encode_is_left_alone() {
    let project = blueprint().config(BARE).build();
    project.write("odd.txt", "caf\u{e9}\n");
    project.commit("Add a file");
    project.write(".gitattributes", "odd.txt working-tree-encoding=no-such-encoding\n");
    project.git(&["add", ".gitattributes"]);
    project.git(&["commit", "--quiet", "--message", "Declare an encoding that nobody knows"]);
    project.pyrelease("run minor --yes").code(0);
    assert_eq!(project.git(&["diff", "--name-only", "HEAD^", "HEAD"]).trim(), "pyproject.toml");
}

#[test]
fn before_1_0_a_breaking_change_makes_a_minor_release() {
    let changelog = "# Changelog\n\n## [Unreleased]\n\n### Removed\n\n- The old way.\n";
    let breaking = |config: &str| {
        let project =
            quick().without_remote().changelog(changelog).config(&format!("{STAGES}{config}")).build();
        project.write("pyproject.toml", &project.read("pyproject.toml").replace("1.0.0", "0.4.2"));
        project.commit("Start again");
        project.git(&["tag", "--delete", "v1.0.0"]);
        project.git(&["tag", "v0.4.2"]);
        project.pyrelease("plan").code(0)
    };
    breaking("").stdout_eq(str![[r#"
demo 0.5.0 (now 0.4.2), tag v0.5.0, from main at [OID]
because of CHANGELOG.md: line 7 is under Removed: `- The old way.`, which is a minor release before 1.0.0 (unless `stable = true` in [stage.version])
  in the run's own clone:
    changelog  write CHANGELOG.md
    version    write pyproject.toml
    tag        commit "Release 0.5.0"
               tag v0.5.0
  in the repository and its remote; undone if a later stage fails:
    land       land in your repository: main and tag v0.5.0
  where the configuration does not say:
    lightweight tag, as in v0.4.2 (to change it, set `annotated` in [stage.tag])

"#]]);
    breaking("[stage.version]\nstable = true\n").stdout_eq(str![[r#"
demo 1.0.0 (now 0.4.2), tag v1.0.0, from main at [OID]
because of CHANGELOG.md: line 7 is under Removed: `- The old way.`
  in the run's own clone:
    changelog  write CHANGELOG.md
    version    write pyproject.toml
    tag        commit "Release 1.0.0"
               tag v1.0.0
  in the repository and its remote; undone if a later stage fails:
    land       land in your repository: main and tag v1.0.0
  where the configuration does not say:
    lightweight tag, as in v0.4.2 (to change it, set `annotated` in [stage.tag])

"#]]);
}

#[test]
fn settings_of_another_tool_are_followed_where_history_says_nothing() {
    let settings = "[bumpversion]\ncurrent_version = 1.0.0\ncommit = True\ntag = True\ntag_name = rel-{new_version}\n\
                    message = Go from {current_version} to {new_version}\n\n[bumpversion:file:README.md]\n";
    let project = blueprint()
        .config(BARE)
        .file(".bumpversion.cfg", settings)
        .file("README.md", "# demo 1.0.0\n")
        .build();
    project.git(&["tag", "--delete", "v1.0.0"]);
    let plan = project.pyrelease("plan minor").code(0);
    plan.stdout_eq(str![[r#"
demo 1.1.0 (now 1.0.0), tag rel-1.1.0, from main at [OID]
  in the run's own clone:
    version  write .bumpversion.cfg
             write README.md
             write pyproject.toml
    tag      commit "Go from 1.0.0 to 1.1.0"
             tag rel-1.1.0
  in the repository and its remote; undone if a later stage fails:
    land     land in your repository: main and tag rel-1.1.0
  where the configuration does not say:
    tag `rel-{version}`, as `.bumpversion.cfg` says for bump2version (to change it, set `name` in [stage.tag])
    tag message `Bump version: {previous_version} → {version}`, as `.bumpversion.cfg` says for bump2version (to change it, set `message` in [stage.tag])
    commit message `Go from {previous_version} to {version}`, as `.bumpversion.cfg` says for bump2version (to change it, set `commit-message` in [stage.tag])

"#]]);
    project.pyrelease("run minor --yes").code(0);
    assert_eq!(project.git(&["log", "-1", "--format=%s"]).trim(), "Go from 1.0.0 to 1.1.0");
    assert_eq!(project.read("README.md"), "# demo 1.1.0\n");
    assert!(project.read(".bumpversion.cfg").contains("current_version = 1.1.0"));
    project.git(&["rev-parse", "rel-1.1.0"]);
}

#[test]
fn a_changelog_of_another_form_is_left_with_a_warning() {
    let changelog =
        "Changes\n=======\n\nVersion 1.0.0\n-------------\n\nReleased 2026-01-15\n\n- The first one.\n";
    let project = quick().without_remote().config(STAGES).changelog("# Changelog\n").build();
    project.write("CHANGES.rst", changelog);
    project.git(&["rm", "--quiet", "--force", "CHANGELOG.md"]);
    project.commit("Write another changelog");
    release(&project, ("1.0.0", "1.1.0"), &["pyproject.toml"], ("Release 1.1.0", &["v1.1.0"]));
    let run = project.pyrelease("run minor --yes").code(0);
    run.messages_eq(str![[r#"
warning: [changelog] the changelog stays as it is: `CHANGES.rst` has no section for 1.2.0, and none for what is not released
help: add the section, or pass `--notes FILE`

"#]]);
    assert_eq!(project.read("CHANGES.rst"), changelog);
}

#[test]
fn a_workflow_that_publishes_on_the_tag_is_seen() {
    let workflow = "name: Release\non:\n  push:\n    tags: [\"v*\"]\njobs:\n  publish:\n    runs-on: ubuntu-latest\n    \
                    steps:\n      - uses: pypa/gh-action-pypi-publish@release/v1\n";
    let project = quick()
        .config("stages = [\"version\", \"tag\", \"push\"]\n")
        .file(".github/workflows/release.yml", workflow)
        .build();
    let run = project.pyrelease("run minor --yes --dry-run").code(0);
    run.messages_eq(str![[r#"
warning: [push] the push of tag `v1.1.0` starts a workflow that uploads to PyPI with pypa/gh-action-pypi-publish (`.github/workflows/release.yml`, line 9)
help: where it runs, check that it does not upload what this release uploads

"#]]);
}

#[test]
fn a_workflow_that_uploads_to_the_same_index_is_refused() {
    let workflow = "on: {push: {tags: ['**']}}\njobs:\n  publish:\n    runs-on: ubuntu-latest\n    steps:\n      - run: \
                    |\n          python -m build\n          twine upload dist/*\n";
    let project = quick()
        .config("stages = [\"version\", \"tag\", \"build\", \"push\", \"pypi\"]\n[stage.build]\nisolation = false\n")
        .file(".github/workflows/release.yml", workflow)
        .build();
    // Git still pushes to the repository beside it, but the remote is one of a forge.
    let folder = project.git(&["remote", "get-url", "origin"]).trim().to_owned();
    project.git(&["config", &format!("url.{folder}.insteadOf"), "https://github.com/me/demo.git"]);
    project.git(&["remote", "set-url", "origin", "https://github.com/me/demo.git"]);
    let before = project.snapshot();
    let refused = project.pyrelease("run minor --yes --dry-run").code(3);
    refused.messages_eq(str![[r#"
error: [push] the push of tag `v1.1.0` starts a workflow that uploads to PyPI with twine upload (`.github/workflows/release.yml`, line 8), while stage `pypi` uploads to PyPI as well
help: let the workflow publish, and wait for it, with these lines in `release.toml`:
        [stage.pypi]
        by = "workflow"
      or take the upload out of the workflow: twine upload in `.github/workflows/release.yml`, line 8, in job `publish`
error: [pypi] there are no credentials for `pypi`
help: set `PYRELEASE_TOKEN_PYPI` to a token, or add one to `.pypirc` as the password of section [pypi] (with the username __token__)
error: the release was refused for 2 reasons; nothing has been done

"#]]);
    project.assert_unchanged(&before);
}

#[test]
fn a_name_that_only_the_script_knows_is_configured() {
    let script = "from setuptools import setup\nsetup(name='de' + 'mo', version='1.0.0')\n";
    let project = Project::python("demo", "1.0.0").file("setup.py", script).config(BARE).build();
    project.git(&["rm", "--quiet", "pyproject.toml"]);
    project.commit("Use a script");
    project.pyrelease("plan minor").code(2).messages_eq(str![[r#"
error: the project has no name
help: pass it to `setup()` in `setup.py` as plain text, or set `name = "…"` in `release.toml`
help: or let the build backend tell: `pyrelease plan --ask-backend` runs the project's code, as `run` does

"#]]);
    project.write("release.toml", &format!("name = \"demo\"\n{BARE}"));
    project.commit("Configure the name");
    project.pyrelease("run minor --yes").code(0);
    assert!(project.read("setup.py").contains("version='1.1.0'"));
    project.write("release.toml", &format!("name = 3\n{BARE}"));
    project.pyrelease("plan minor").code(2).messages_eq(str![[r#"
error: `name` must be the name of a project
 --> release.toml:1:8
  |
1 | name = 3
  |        ^
help: use letters and digits, with `-`, `_` or `.` between them

"#]]);
}

#[test]
fn a_rehearsal_under_another_version_has_it_in_every_learned_line() {
    let config = "[stage.build]\nisolation = false\n[stage.testpypi]\nversion = \"dev\"\n";
    let attempt = Attempt::configured(quick().file("src/demo/about.py", "RELEASE = 'demo 1.0.0'\n"), config);
    let project = &attempt.project;
    let files = ["pyproject.toml", "src/demo/about.py"];
    release(project, ("1.0.0", "1.0.1"), &files, ("Release 1.0.1", &["-a", "-m", "demo 1.0.1", "v1.0.1"]));
    project.git(&["push", "--quiet", "--tags", "origin", "main"]);
    project.pyrelease("run minor --yes").code(0);
    let states = |server: &IndexServer, version: &str| {
        let sdist = server.download("demo", &format!("demo-{version}.tar.gz"));
        let mut text = Vec::new();
        flate2::read::GzDecoder::new(sdist.as_slice()).read_to_end(&mut text).expect("a sdist");
        String::from_utf8_lossy(&text).contains(&format!("RELEASE = 'demo {version}'\n"))
    };
    assert!(states(&attempt.rehearsal, "1.1.0.dev1"));
    assert!(states(&attempt.public, "1.1.0"));
}

#[test]
fn a_plan_says_that_its_tag_is_not_signed_unlike_earlier_ones() {
    let project = blueprint().config(BARE).build();
    let signed = "1.1.0\n\n-----BEGIN SSH SIGNATURE-----\nU1NIU0lH\n-----END SSH SIGNATURE-----";
    release(
        &project,
        ("1.0.0", "1.1.0"),
        &["pyproject.toml"],
        ("Release 1.1.0", &["-a", "v1.1.0", "-m", signed]),
    );
    project.write("later.txt", "something else\n");
    project.commit("Work on");
    project.pyrelease("plan minor").code(0).stdout_eq(str![[r#"
demo 1.2.0 (now 1.1.0), tag v1.2.0, from main at [OID]
  in the run's own clone:
    version  write pyproject.toml
    tag      commit "Release 1.2.0"
             tag v1.2.0
  in the repository and its remote; undone if a later stage fails:
    land     land in your repository: main and tag v1.2.0
  where the configuration does not say:
    unsigned tag; earlier ones were signed, as in v1.1.0 (to change it, set `sign` in [stage.tag], or `git config tag.gpgSign true`)
    tag message `{version}`, as in v1.1.0 (to change it, set `message` in [stage.tag])

"#]]);
    for config in [format!("{BARE}[stage.tag]\nsign = false\n"), format!("{BARE}[stage.tag]\nsign = true\n")]
    {
        project.write("release.toml", &config);
        assert!(!project.pyrelease("plan minor").code(0).stdout().contains("no signature"));
    }
}

#[test]
fn places_that_nobody_knows_are_named_with_the_line_to_add() {
    let project = blueprint()
        .config(BARE)
        .file("CITATION.cff", "cff-version: 1.2.0\nversion: \"1.0.0\"\nlicense: 1.0.0\n")
        .file("README.md", "# demo\n\nSince 1.0.0 it is fast.\n\n    pip install demo==1.0.0\n")
        .file("package.json", "{\"dependencies\": {\"other\": \"1.0.0\"}}\n")
        .build();
    let mut seen = Transcript::named("habits/unknown-places");
    seen.add(&project.pyrelease("run minor --dry-run").code(0));
    seen.assert();
    let files = r#"files = [{ path = "CITATION.cff", search = 'version: "{version}"' }, { path = "README.md", search = "pip install demo=={version}" }]"#;
    project.write("release.toml", &format!("{BARE}[stage.version]\n{files}\n"));
    project.commit("Configure the places");
    project.pyrelease("run minor --yes").code(0).messages_eq(str![]);
    assert!(project.read("CITATION.cff").contains("version: \"1.1.0\"\nlicense: 1.0.0"));
    assert!(project.read("README.md").contains("Since 1.0.0 it is fast.\n\n    pip install demo==1.1.0"));
}
