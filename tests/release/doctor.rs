//! What `pyrelease doctor` finds, and that it leaves everything as it was.

use super::failures::Attempt;
use super::{QUICK, quick};

#[test]
fn a_project_in_good_health_is_told_what_a_release_would_work_with() {
    let attempt = Attempt::configured(quick(), QUICK);
    let project = &attempt.project;
    let before = project.snapshot();
    let secret = attempt.public.password().reveal();
    let visit = project.pyrelease("doctor").env("PYRELEASE_TOKEN_PYPI", secret).code(0);
    visit.stderr_contains("nothing was found that would make a release fail");
    for fact in [
        "git 2.",
        "stages changelog, version, tag, build, check, testpypi, push, pypi",
        "remote origin",
        "project demo 1.0.0",
        "release 1.1.0: ",
        "`python -m build` with ",
        "the credentials for `testpypi` are from `[testpypi]` of `",
        "the credentials for `pypi` are from `PYRELEASE_TOKEN_PYPI`",
    ] {
        visit.stderr_contains(fact);
    }
    assert_eq!(visit.stdout(), "");

    let visit = project.pyrelease("doctor patch --format json").code(0);
    assert!(
        visit.events().iter().any(|event| event["subject"] == "release" && event["value"] == "1.0.1"),
        "{visit}"
    );
    project.assert_unchanged(&before);
    attempt.left_nothing();
}

#[test]
fn everything_that_is_wrong_is_found_in_one_visit() {
    let attempt = Attempt::configured(quick(), QUICK);
    let project = &attempt.project;
    project.write("release.toml", &format!("carry = [\"data.bin\"]\n{}", project.read("release.toml")));
    project.write("CHANGELOG.md", "# Changelog\n\n## [Unreleased]\n");
    project.commit("Nothing to say");
    project.sandbox().write_home(".pypirc", "");
    let visit = project.pyrelease("doctor").code(3);
    for finding in ["`carry` names `data.bin`", "[changelog]", "there are no credentials for `testpypi`"] {
        visit.stderr_contains(finding);
    }
    visit.stderr_contains("things would make a release fail");
    attempt.left_nothing();
}

#[test]
fn one_broken_thing_does_not_hide_another() {
    let attempt = Attempt::configured(quick(), QUICK);
    let project = &attempt.project;
    let config = project.read("release.toml");
    let url = attempt.public.simple_url();
    project.write("release.toml", &config.replace(&url, "http://127.0.0.1:1/simple/"));
    project.commit("The wrong address");
    project.sandbox().write_home(".pypirc", "");
    let visit = project.pyrelease("doctor").code(3);
    visit.stderr_contains("there are no credentials for `pypi`");
    visit.stderr_contains("failed to list the files of `pypi`").stderr_contains("check the URL");

    project.write("release.toml", "stages = [\"chngelog\"]\n");
    let visit = project.pyrelease("doctor").code(3);
    visit.stderr_contains("git 2.").stderr_contains("chngelog").stderr_contains("`changelog`");
    let visit = project.pyrelease("doctor").env("PATH", project.sandbox().home()).code(3);
    visit.stderr_contains("git does not run").stderr_contains("chngelog");
    let visit = project.pyrelease("doctor sideways").code(2);
    visit.stderr_contains("sideways");
}

#[test]
fn a_run_that_was_cut_short_is_found() {
    let script = "stages = [\"changelog\", \"version\", \"own\", \"tag\", \"push\"]\n[stage.own]\nrun = [\"sh\", \"-c\", \"kill -9 $PPID\"]\n";
    let project = quick().config(script).build();
    assert_eq!(project.pyrelease("run minor --yes").run().status(), -1);
    let visit = project.pyrelease("doctor minor").code(3);
    visit.stderr_contains("was cut short and is not finished").stderr_contains("pyrelease rollback");
    project.pyrelease("rollback --yes").code(0);
    project.pyrelease("doctor minor").code(0);
}
