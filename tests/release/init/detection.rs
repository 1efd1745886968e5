//! What is found in a project without another tool, and what is written for it.

use pyrelease_test_support::{IndexServer, Transcript, str};

use super::super::{demo, quick};
use serde_json::Value;

use super::{bare, project, report};

#[test]
fn a_project_gets_a_short_file_that_says_what_runs() {
    let project = demo().build();
    let head = project.head();
    let outcome = project.pyrelease("init --yes").code(0);
    Transcript::named("init/a-project").add_stdout(&outcome).assert();
    assert_eq!(
        project.read("release.toml"),
        "# Written by `pyrelease init`. A release does the rest as earlier ones did: see `pyrelease plan`.\n\n\
         # the stages of a release, in order\n\
         stages = [\"changelog\", \"version\", \"tag\", \"build\", \"check\", \"testpypi\", \"push\", \"pypi\"]\n"
    );
    assert_eq!(project.head(), head);
    project.pyrelease("plan").code(0);
    // Again, nothing would change.
    let before = project.snapshot();
    let again = project.pyrelease("init").code(0);
    assert!(again.stderr().contains("`release.toml` has all of this already"), "{again}");
    project.assert_unchanged(&before);
}

#[test]
fn without_a_terminal_a_yes_is_needed() {
    let project = project().build();
    let before = project.snapshot();
    let outcome = project.pyrelease("init").code(2);
    assert!(outcome.stdout().contains("+stages = ["), "{outcome}");
    assert!(outcome.stderr().contains("pass `--yes`"), "{outcome}");
    project.assert_unchanged(&before);
}

#[test]
fn a_file_that_is_there_is_never_changed() {
    let project =
        quick().config("stages = [\"version\", \"tag\"]\n\n[stage.tag]\nsign = false # not here\n").build();
    let before = project.snapshot();
    let outcome = project.pyrelease("init --yes").code(3);
    outcome.assert_shown("init/differs");
    project.assert_unchanged(&before);
    // What is the user's own is no difference.
    project.write("release.toml", "[stage.build]\nisolation = false\n");
    project.pyrelease("init --yes").code(0);
    // In another place
    fs_err::remove_file(project.folder().join("release.toml")).unwrap();
    let pyproject = project.read("pyproject.toml");
    project.write("pyproject.toml", &format!("{pyproject}\n[tool.pyrelease]\nstages = [\"tag\"]\n"));
    let outcome = project.pyrelease("init --yes").code(3);
    assert!(outcome.stdout().contains("+++ pyproject.toml"), "{outcome}");
    assert!(!project.folder().join("release.toml").exists());
    project.write("pyproject.toml", &format!("{pyproject}\n[tool.pyrelease]\nstagse = [\"tag\"]\n"));
    project.pyrelease("init --yes").code(2);
}

#[test]
fn what_earlier_releases_did_is_found_and_need_not_be_written() {
    let project = quick().file("docs/conf.py", "release = '1.0.0'\n").build();
    for (old, new) in [("1.0.0", "1.0.1"), ("1.0.1", "1.0.2")] {
        for path in ["pyproject.toml", "docs/conf.py"] {
            project.write(path, &project.read(path).replace(old, new));
        }
        project.commit(&format!("release {new}"));
        project.git(&["tag", &format!("demo-{new}")]);
    }
    let outcome = project.pyrelease("init --yes --format json").code(0);
    let report = report(&outcome);
    let found = |what: &str| {
        let facts = report["found"].as_array().unwrap().iter();
        facts
            .filter(|fact| fact["what"] == what)
            .map(|fact| fact["value"].as_str().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(found("tags"), ["`demo-{version}`, lightweight, of 3 releases; the last is `demo-1.0.2`"]);
    assert!(found("version")[0].ends_with("`docs/conf.py`"), "{report:#}");
    assert!(found("commits")[0].starts_with("the release commit is `release {version}`"), "{report:#}");
    assert_eq!(bare(&project.read("release.toml")).len(), 1);
    assert!(project.pyrelease("plan minor").code(0).stdout().contains("tag demo-1.1.0"));
}

#[test]
fn a_workflow_that_publishes_is_waited_for() {
    let workflow = "on:\n  push:\n    tags: ['v*']\njobs:\n  publish:\n    runs-on: ubuntu-latest\n    steps:\n    \
                    - uses: pypa/gh-action-pypi-publish@release/v1\n";
    let project = quick().file(".github/workflows/release.yml", workflow).build();
    project.git(&["remote", "set-url", "origin", "https://127.0.0.1:1/me/demo.git"]);
    project.git(&["config", "url.https://127.0.0.1:1/.insteadOf", "https://github.com/"]);
    project.git(&["remote", "set-url", "origin", "https://github.com/me/demo.git"]);
    project.pyrelease("init --yes").code(0);
    assert_eq!(
        bare(&project.read("release.toml")),
        [
            "stages = [\"changelog\", \"version\", \"tag\", \"build\", \"check\", \"push\", \"pypi\"]",
            "[stage.pypi]",
            "by = \"workflow\"",
        ]
    );
    project.pyrelease("plan minor").code(0);
    // With credentials for TestPyPI, the release is rehearsed there.
    fs_err::remove_file(project.folder().join("release.toml")).unwrap();
    project.sandbox().write_home(".pypirc", "[testpypi]\npassword = pypi-x\n");
    project.pyrelease("init --yes").code(0);
    assert!(bare(&project.read("release.toml"))[0].contains("\"testpypi\""));
}

/// Without a network, the hosts that did not answer are one line; only `doctor` says what each of them means.
#[test]
fn hosts_that_do_not_answer_are_one_line() {
    let project = project().build();
    project.git(&["remote", "add", "origin", "https://127.0.0.1:1/me/demo.git"]);
    let said = |command: &str, code: i32| -> (Vec<String>, Vec<String>) {
        let events = project.pyrelease(command).code(code).events();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let findings = events.iter().filter_map(|event| text(&event["finding"]["message"]));
        (findings.collect(), events.iter().filter_map(|event| text(&event["message"])).collect())
    };
    let is_of_network =
        |message: &String| message.contains("ls-remote") || message.contains("failed to list");
    let (findings, notes) = said("init --yes --format json", 0);
    assert_eq!(findings.iter().find(|message| is_of_network(message)), None);
    let lines: Vec<&String> = notes.iter().filter(|note| note.contains("not reached")).collect();
    assert_eq!(lines.len(), 1, "{notes:#?}");
    assert!(lines[0].contains("`push`") && lines[0].contains("run `pyrelease doctor`"), "{lines:?}");
    assert_eq!(notes.last().unwrap(), "next: commit `release.toml`, and run `pyrelease doctor`");
    let (findings, _) = said("doctor --format json", 3);
    assert!(findings.iter().any(is_of_network), "{findings:#?}");
}

#[test]
fn a_project_without_a_changelog_has_no_such_stage() {
    let project = project().build();
    project.git(&["rm", "--quiet", "CHANGELOG.md"]);
    project.git(&["commit", "--quiet", "-m", "No changelog"]);
    project.pyrelease("init --yes").code(0);
    let text = project.read("release.toml");
    assert!(text.contains("# there is no changelog"), "{text}");
    assert!(bare(&text)[0].starts_with("stages = [\"version\", \"tag\""), "{text}");
    project.pyrelease("plan minor").code(0);

    fs_err::remove_file(project.folder().join("release.toml")).unwrap();
    let dialogue = [("Write a new `CHANGELOG.md`? [y/N]", "y\n"), ("Write `release.toml`? [y/N]", "y\n")];
    project.pyrelease("init").on_a_terminal(&dialogue).code(0);
    assert_eq!(project.read("CHANGELOG.md"), "# Changelog\n\n## [Unreleased]\n");
    assert!(bare(&project.read("release.toml"))[0].starts_with("stages = [\"changelog\", \"version\""));
}

#[test]
fn a_private_index_is_asked_about() {
    let project = project().build();
    project.sandbox().write_home(
        ".pypirc",
        "[corp]\nrepository = https://127.0.0.1:1/legacy/\npassword = pypi-secret\n[other:else]\nrepository = https://127.0.0.1:1/else/\npassword = x\n",
    );
    let dialogue = [("Publish there instead of PyPI? [y/N]", "y\n"), ("Write `release.toml`? [y/N]", "n\n")];
    let before = project.snapshot();
    let outcome = project.pyrelease("init").on_a_terminal(&dialogue).code(3);
    assert!(!outcome.stdout().contains("pypi-secret"), "{outcome}");
    project.assert_unchanged(&before);

    // A project that PyPI would refuse needs no question.
    let pyproject = project
        .read("pyproject.toml")
        .replace("version = \"1.0.0\"", "version = \"1.0.0\"\nclassifiers = [\"Private :: Do Not Upload\"]");
    project.write("pyproject.toml", &pyproject);
    project.commit("Keep it private");
    project.pyrelease("init --yes").code(0);
    assert_eq!(
        bare(&project.read("release.toml")),
        [
            "stages = [\"changelog\", \"version\", \"tag\", \"build\", \"check\", \"push\", \"corp\"]",
            "[index.corp]",
            "kind = \"public\"",
            "upload = \"https://127.0.0.1:1/legacy/\"",
        ]
    );
    // Without such an index, the user decides.
    project.sandbox().write_home(".pypirc", "");
    fs_err::remove_file(project.folder().join("release.toml")).unwrap();
    project.pyrelease("init --yes").code(3);
    assert!(project.read("release.toml").contains("# Left to you:"));
}

#[test]
fn what_is_no_project_is_refused_as_elsewhere() {
    let project = project().build();
    let empty = project.sandbox().temporary().join("empty");
    fs_err::create_dir_all(&empty).unwrap();
    project.pyrelease("init --yes").from(&empty).code(2).stderr_eq(str![[r#"
error: no Python project in `[ROOT]/[..]empty` or the folders above it
help: run pyrelease in a directory with a `pyproject.toml`, `setup.cfg` or `setup.py`, or pass `-C FOLDER`

"#]]);
    project.write("pyproject.toml", "[project\n");
    project.commit("Break it");
    project.pyrelease("init --yes").code(2);
    assert!(!project.folder().join("release.toml").exists());
}

#[test]
fn a_name_that_no_file_tells_can_be_passed() {
    let setup = "from setuptools import setup\nimport about\nsetup(name=about.NAME, version='1.0.0')\n";
    let project = project().file("setup.py", setup).file("pyproject.toml", "").build();
    let before = project.snapshot();
    let outcome = project.pyrelease("init --yes").code(2);
    assert!(outcome.stderr().contains("`pyrelease init --name NAME`"), "{outcome}");
    project.pyrelease("init --yes --name=-").code(2);
    project.assert_unchanged(&before);
    project.pyrelease("init --yes --name demo").code(0);
    assert_eq!(bare(&project.read("release.toml"))[0], "name = \"demo\"");
    project.pyrelease("plan minor").code(0);
    project.pyrelease("init --yes").code(0);
}

#[test]
fn a_project_in_good_health_may_be_drilled() {
    let index = IndexServer::pypiserver();
    let project = quick().without_remote().build();
    let pyproject = project.read("pyproject.toml");
    let classified = "version = \"1.0.0\"\nclassifiers = [\"Private :: Do Not Upload\"]";
    project.write("pyproject.toml", &pyproject.replace("version = \"1.0.0\"", classified));
    project.commit("Keep it private");
    project.pypirc(&[("corp", &index)]);
    let dialogue = [
        ("Write `release.toml`? [y/N]", "y\n"),
        (
            "Drill a release now? It is killed at every tenth point, in a copy; nothing of yours is touched [y/N]",
            "n\n",
        ),
    ];
    let outcome = project.pyrelease("init").on_a_terminal(&dialogue).code(0);
    assert!(outcome.stdout().contains("found nothing that would make a release fail"), "{outcome}");
    assert!(outcome.stdout().contains("run `pyrelease plan`"), "{outcome}");
}
