//! What is written, and what is left alone.

use pyrelease_test_support::distribution::program;

use super::{GITHUB, GITLAB, at, complaints};
use crate::release::drilled::Local;
use crate::release::quick;

const WORKFLOW: &str = ".github/workflows/release.yml";
const PIPELINE: &str = ".gitlab-ci.yml";

/// A project with extension modules, a private index and a secret, whose release pushes.
const EXTENDED: &str = "
stages = [\"changelog\", \"version\", \"docs\", \"tag\", \"build\", \"check\", \"testpypi\", \"push\", \"pypi\", \"corp\", \"tell\"]

[stage.docs]
run = [\"true\"]
environment = [\"PYRELEASE_SECRET_DOCS\"]

[stage.tell]
run = [\"true\"]
reach = \"follow-up\"
environment = [\"PYRELEASE_SECRET_CHAT\"]

[index.corp]
upload = \"https://pypi.corp.example/legacy/\"
simple = \"https://pypi.corp.example/simple/\"
";

const CYTHON: &str = "[build-system]
requires = [\"setuptools\", \"cython\"]
build-backend = \"setuptools.build_meta\"

[project]
name = \"demo\"
version = \"1.0.0\"
";

#[test]
fn auditors_and_schemas_find_nothing_in_any_workflow() {
    for flow in ["dispatch", "tag", "merge"] {
        for is_extended in [false, true] {
            let project = at(GITHUB, if is_extended { EXTENDED } else { "" });
            if is_extended {
                project.write("pyproject.toml", CYTHON);
                project.commit("Compile");
            }
            for forge in ["github", "gitlab"] {
                project.pyrelease(&format!("ci {forge} --flow {flow} --yes")).code(0);
                project.pyrelease(&format!("ci {forge} --check")).code(0);
            }
            for path in [WORKFLOW, PIPELINE] {
                let text = project.read(path);
                let shown = format!("{flow} {path}:\n{text}");
                assert!(!text.contains("#if") && !text.contains("#end"), "{shown}");
                let open = text.lines().find(|line| line.contains('<') && line.contains('>'));
                assert_eq!(open, None, "{shown}");
                assert_eq!(
                    text.contains("PYRELEASE_ALLOW_HOSTS: \"pypi.corp.example\""),
                    is_extended,
                    "{shown}"
                );
                assert_eq!(text.contains("--adopt"), is_extended, "{shown}");
                assert_eq!(
                    text.contains("secrets.PYRELEASE_SECRET_CHAT"),
                    is_extended && path == WORKFLOW,
                    "{shown}"
                );
            }
            let schemas = [
                &["--builtin-schema", "vendor.github-workflows", WORKFLOW][..],
                &["--builtin-schema", "vendor.dependabot", ".github/dependabot.yml"],
                &["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci", PIPELINE],
            ];
            for arguments in schemas {
                assert_eq!(complaints(&project, "check-jsonschema", arguments), None, "{flow}");
            }
            let audit = complaints(&project, "zizmor", &["--offline", "--pedantic", ".github"]);
            assert_eq!(audit, None, "{flow}");
        }
    }
}

#[test]
fn secrets_go_to_the_job_that_needs_them() {
    let project = at(GITHUB, EXTENDED);
    project.pyrelease("ci github --yes").code(0);
    let text = project.read(WORKFLOW);
    let (prepare, publish) = text.split_once("\n  publish:").unwrap();
    assert!(prepare.contains("PYRELEASE_SECRET_DOCS: ${{ secrets.PYRELEASE_SECRET_DOCS }}"), "{text}");
    assert!(
        !prepare.contains("PYRELEASE_SECRET_CHAT")
            && !prepare.contains("id-token")
            && !prepare.contains("write #"),
        "{text}"
    );
    for name in ["PYRELEASE_SECRET_CHAT", "PYRELEASE_TOKEN_CORP"] {
        assert!(publish.contains(&format!("{name}: ${{{{ secrets.{name} }}}}")), "{text}");
    }
    assert!(!publish.contains("PYRELEASE_SECRET_DOCS"), "{text}");
}

#[test]
fn own_steps_and_the_flow_stay_when_it_is_written_again() {
    let project = at(GITHUB, "");
    project.pyrelease("ci github --flow merge --yes").code(0);
    let text = project.read(WORKFLOW);
    let place = "      # own steps: before preparing\n";
    let own = "      - name: Install a compiler\n        run: sudo apt-get install -y gcc\n";
    project.write(WORKFLOW, &text.replace(place, &format!("{place}{own}")));
    project.pyrelease("ci github --check").code(0);

    // Another configuration, and an edit elsewhere
    let edited = project.read(WORKFLOW).replace("retention-days: 14", "retention-days: 1");
    project.write(WORKFLOW, &edited);
    let refused = project.pyrelease("ci github --check").code(3);
    assert!(refused.stderr().contains("run `pyrelease ci github --flow merge`"), "{refused}");
    assert!(refused.stdout().contains("+          retention-days: 14"), "{refused}");
    assert_eq!(project.read(WORKFLOW), edited);
    project.pyrelease("ci github --yes").code(0);
    assert_eq!(project.read(WORKFLOW), text.replace(place, &format!("{place}{own}")));
    // In another flow the place is still there, and those of the proposal are not.
    project.pyrelease("ci github --flow dispatch --yes").code(0);
    assert!(project.read(WORKFLOW).contains(own));
}

#[test]
fn a_workflow_that_releases_another_project_stays() {
    let project = at(GITHUB, "");
    project.pyrelease("ci github --yes").code(0);
    let other = project.read(WORKFLOW).replace("# Releases demo with", "# Releases other with");
    project.write(WORKFLOW, &other);
    let refused = project.pyrelease("ci github --yes").code(3);
    assert!(refused.stderr().contains("releases `other`; it stays as it is"), "{refused}");
    assert_eq!(project.read(WORKFLOW), other);
}

#[test]
fn own_steps_without_an_end_are_refused() {
    let project = at(GITHUB, "");
    project.pyrelease("ci github --yes").code(0);
    let text = project.read(WORKFLOW).replacen("      # own steps: end\n", "", 1);
    project.write(WORKFLOW, &text);
    let refused = project.pyrelease("ci github --yes").code(3);
    assert!(refused.stderr().contains("a line `own steps` without its end"), "{refused}");
    assert_eq!(project.read(WORKFLOW), text);
}

#[test]
fn names_in_the_configuration_are_not_taken_for_the_templates_own() {
    let project = at(GITHUB, "[stage.tag]\nname = \"v<branch>{version}\"\n");
    project.pyrelease("ci github --flow tag --yes").code(0);
    let text = project.read(WORKFLOW);
    assert!(text.contains("      - \"v<branch>[0-9]*\"\n"), "{text}");
}

#[test]
fn files_of_others_and_links_are_left_alone() {
    let project = at(GITHUB, "");
    project.write(WORKFLOW, "name: Mine\n");
    let refused = project.pyrelease("ci github --yes").code(3);
    assert!(refused.stderr().contains("was not written by `pyrelease ci github`"), "{refused}");
    assert_eq!(project.read(WORKFLOW), "name: Mine\n");
    for bytes in ["", "\n", "# Written by `pyrelease"] {
        project.write(WORKFLOW, bytes);
        project.pyrelease("ci github --yes").code(3);
    }
    fs_err::write(project.folder().join(WORKFLOW), b"\xff\xfe").unwrap();
    project.pyrelease("ci github --yes").code(3);

    fs_err::remove_file(project.folder().join(WORKFLOW)).unwrap();
    duct::cmd!("mkfifo", project.folder().join(WORKFLOW)).run().unwrap();
    let refused = project.pyrelease("ci github --yes").code(3);
    assert!(refused.stderr().contains("is not a file"), "{refused}");

    let elsewhere = project.sandbox().root().join("elsewhere");
    fs_err::create_dir(&elsewhere).unwrap();
    fs_err::remove_dir_all(project.folder().join(".github")).unwrap();
    #[cfg(unix)]
    fs_err::os::unix::fs::symlink(&elsewhere, project.folder().join(".github")).unwrap();
    let refused = project.pyrelease("ci github --yes").code(3);
    assert!(refused.stderr().contains("`.github` is a link"), "{refused}");
    assert_eq!(fs_err::read_dir(&elsewhere).unwrap().count(), 0);
}

#[test]
fn names_of_a_stranger_stay_texts() {
    let project = quick().in_subfolder("some/where").build();
    project.git(&["switch", "-qc", "a'b\"c$(touch;x)"]);
    project.git(&["remote", "set-url", "origin", "https://github.com/o/$(id)/x.git"]);
    project.pyrelease("ci github --flow merge --yes").code(0);
    let text = fs_err::read_to_string(project.repository().join(WORKFLOW)).unwrap();
    assert!(text.contains("      - \"a'b\\\"c$(touch;x)\"\n"), "{text}");
    assert!(text.contains("pyrelease -C some/where prepare"), "{text}");
    assert_eq!(complaints(&project, "zizmor", &["--offline", "--pedantic", ".github"]), None);

    let project = quick().in_subfolder("some $(where)").build();
    let refused = project.pyrelease("ci github --yes").code(2);
    assert!(refused.stderr().contains("`some $(where)/` cannot stand in a workflow"), "{refused}");
}

#[test]
fn the_forms_of_the_publishers_are_shown() {
    let project = at(GITLAB, "");
    let outcome = project.pyrelease("ci gitlab --yes --format json").code(0);
    let report = outcome.events().into_iter().find(|event| event["event"] == "ci").unwrap();
    let fields = &report["publishers"][1]["fields"];
    assert_eq!(fields[1], serde_json::json!(["Namespace", "group/sub"]));
    assert_eq!(fields[2], serde_json::json!(["Project name", "demo"]));
    assert_eq!(fields[3], serde_json::json!(["Top-level pipeline file path", ".gitlab-ci.yml"]));

    // `doctor` repeats them.
    let doctor = project.pyrelease("doctor").env("PYRELEASE_OFFLINE", "1").run();
    let form = "Namespace: group/sub, Project name: demo, Top-level pipeline file path: .gitlab-ci.yml";
    assert!(doctor.stderr().contains(form), "{doctor}");

    // Without a forge, what it cannot know is named.
    let project = quick().build();
    let outcome = project.pyrelease("ci github --yes").code(0);
    assert!(outcome.stdout().contains("(the remote does not tell)"), "{outcome}");
    assert!(outcome.stdout().contains("no remote tells owner and name"), "{outcome}");
}

#[test]
fn a_workflow_that_publishes_as_well_is_named() {
    let project = at(GITHUB, "");
    let other = "on:\n  push:\n    tags: ['v*']\njobs:\n  publish:\n    runs-on: x\n    steps:\n      - run: twine upload dist/*\n";
    project.write(".github/workflows/publish.yml", other);
    project.commit("Publish");
    let outcome = project.pyrelease("ci github --yes").code(0);
    assert!(outcome.stdout().contains("another workflow publishes"), "{outcome}");
    assert!(outcome.stdout().contains(".github/workflows/publish.yml"), "{outcome}");
}

#[test]
fn pyrelease_releases_itself_by_the_workflow_that_it_writes() {
    let project = quick().build();
    let own = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for path in ["Cargo.toml", "pyproject.toml", "release.toml", "CHANGELOG.md", "README.md"] {
        fs_err::copy(own.join(path), project.folder().join(path)).unwrap();
    }
    duct::cmd!("cp", "-r", own.join(".github"), project.folder()).run().unwrap();
    project.commit("Release pyrelease");
    project.git(&["remote", "set-url", "origin", "https://github.com/pyrelease/pyrelease.git"]);
    project.pyrelease("ci github --check").code(0);
    assert_eq!(complaints(&project, "zizmor", &["--offline", "--pedantic", ".github"]), None);
    let schema = ["--builtin-schema", "vendor.github-workflows", WORKFLOW, ".github/workflows/ci.yml"];
    assert_eq!(complaints(&project, "check-jsonschema", &schema), None);
}

#[test]
fn the_hashes_of_pyrelease_are_pinned_where_the_index_has_them() {
    let local = Local::new();
    let project = &local.project;
    let refused = project.pyrelease("ci github --update --yes").code(3);
    assert!(refused.stderr().contains("PyPI has no wheel of pyrelease"), "{refused}");
    assert!(!project.folder().join(WORKFLOW).exists());

    let folder = project.sandbox().root();
    let wheel = program(folder, "pyrelease", env!("CARGO_PKG_VERSION"), "#!/bin/sh\n");
    local.pyrelease("upload --index pypi --yes").arg(&wheel).code(0);
    project.pyrelease("ci github --update --yes").code(0);
    let (sha256, _) = pyrelease::world::sha256(&wheel).unwrap();
    let requirements = project.read(".github/pyrelease/requirements.txt");
    assert!(requirements.ends_with(&format!(" \\\n    --hash=sha256:{sha256}\n")), "{requirements}");
    // Written again without the option, they stay.
    project.pyrelease("ci github --check").code(0);
}
