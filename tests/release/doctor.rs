//! `pyrelease doctor`: its findings, and that it changes nothing.

use pyrelease_test_support::{Transcript, str};

use super::failures::Attempt;
use super::{QUICK, quick};

#[test]
fn a_project_in_good_health_is_told_what_a_release_would_work_with() {
    let attempt = Attempt::configured(quick(), QUICK);
    let project = &attempt.project;
    let before = project.snapshot();
    let secret = attempt.public.password().reveal();
    let visit = project.pyrelease("doctor").env("PYRELEASE_TOKEN_PYPI", secret).code(0);
    visit.assert_shown("doctor-pypirc");
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
    visit.assert_shown("doctor-without-credentials");
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
    let mut seen = Transcript::named("doctor-broken");
    seen.heading("an index that does not answer, and no credentials");
    seen.add(&project.pyrelease("doctor").code(3));

    seen.heading("a configuration that cannot be read, and no git");
    project.write("release.toml", "stages = [\"chngelog\"]\n");
    seen.add(&project.pyrelease("doctor").env("PATH", project.sandbox().home()).code(3));
    seen.add(&project.pyrelease("doctor sideways").code(2));
    seen.assert();
}

#[test]
fn a_run_that_was_cut_short_is_found() {
    let script = "stages = [\"changelog\", \"version\", \"own\", \"tag\", \"push\"]\n[stage.own]\nrun = [\"sh\", \"-c\", \"kill -9 $PPID\"]\n";
    let project = quick().config(script).build();
    assert_eq!(project.pyrelease("run minor --yes").run().status(), -1);
    project.pyrelease("doctor minor").code(3);
    project.pyrelease("rollback --yes").code(0);
    project.pyrelease("doctor minor").code(0);
}

/// The version comes from tags, and there is none: what does not depend on it is examined all the same.
#[test]
fn a_release_that_cannot_be_determined_does_not_hide_the_rest() {
    let attempt = Attempt::configured(quick(), QUICK);
    let project = &attempt.project;
    project.write(
        "pyproject.toml",
        "[build-system]\nrequires = [\"setuptools-scm\"]\nbuild-backend = \"setuptools.build_meta\"\n\n\
         [project]\nname = \"demo\"\ndynamic = [\"version\"]\n\n[tool.setuptools_scm]\n",
    );
    project.write("release.toml", &format!("carry = [\"data.bin\"]\n{}", project.read("release.toml")));
    project.commit("Take the version from tags");
    project.git(&["tag", "--delete", "v1.0.0"]);
    for bump in ["", " minor"] {
        project.pyrelease(&format!("doctor{bump}")).code(3).messages_eq(str![[r#"
error: `demo` takes its version from tags, but there is none yet
help: pass the first version: `pyrelease run 0.1.0`
error: `carry` names `data.bin`, which does not exist
help: create it, or remove it from `carry`
error: 2 problems would make a release fail
help: next: `pyrelease doctor --fix`

"#]]);
    }
}

/// What is safe to correct is offered, corrected only when it is asked for, and each correction is named.
#[cfg(unix)]
#[test]
fn what_is_safe_to_correct_is_corrected_when_asked_for() {
    use std::os::unix::fs::PermissionsExt as _;
    let changelog = "# Changelog\n\n## 1.0.0\n\n- The first one.\n";
    let attempt = Attempt::configured(quick().changelog(changelog), QUICK);
    let project = &attempt.project;
    let pypirc = project.sandbox().home().join(".pypirc");
    let mode = || fs_err::metadata(&pypirc).expect("the file").permissions().mode() & 0o777;
    fs_err::set_permissions(&pypirc, std::fs::Permissions::from_mode(0o644)).expect("our own file");
    project.git(&["push", "--quiet", "origin", "v1.0.0"]);
    project.git(&["tag", "--delete", "v1.0.0"]);
    let before = project.snapshot();
    let mut seen = Transcript::named("doctor-fix");
    seen.heading("what could be corrected");
    seen.add(&project.pyrelease("doctor patch").run());
    project.assert_unchanged(&before);
    assert_eq!(mode(), 0o644);
    seen.heading("corrected");
    seen.add(&project.pyrelease("doctor patch --fix").code(0));
    assert_eq!(mode(), 0o600);
    assert_eq!(project.git(&["tag"]), "v1.0.0");
    assert_eq!(project.read("CHANGELOG.md"), changelog.replace("## 1.0.0", "## Unreleased\n\n## 1.0.0"));
    seen.heading("nothing is left to correct");
    seen.add(&project.pyrelease("doctor patch --fix").code(0));
    seen.assert();
}

/// The rights are those of the workflow.
#[test]
fn missing_credentials_stop_nothing_where_a_workflow_releases() {
    let attempt = Attempt::configured(quick(), QUICK);
    let project = &attempt.project;
    project.sandbox().write_home(".pypirc", "");
    project.pyrelease("doctor").code(0);
    project.git(&["remote", "set-url", "origin", "https://github.com/octo/demo.git"]);
    project.pyrelease("ci github --yes").code(0);
    project.commit("Release by a workflow");
    let outcome = project.pyrelease("doctor").run();
    assert!(
        outcome.stderr().contains("pending until `pyrelease publish`: there are no credentials"),
        "{outcome}"
    );
}

#[test]
fn entries_that_are_not_committed_are_named_where_there_is_nothing_to_release() {
    let project = quick().changelog("# Changelog\n\n## [Unreleased]\n").build();
    let before = project.read("CHANGELOG.md");
    project.write("CHANGELOG.md", &format!("{before}\n### Added\n\n- More.\n"));
    project.pyrelease("plan").code(3).messages_eq(str![[r#"
error: 1.0.0 is already released, and the Unreleased section of `CHANGELOG.md` is empty
help: `CHANGELOG.md` has edits that are not committed, and only what is committed is released: commit them

"#]]);
}
