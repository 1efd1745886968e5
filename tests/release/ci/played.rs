//! The jobs of the workflows, interpreted as the forge does.

use std::collections::BTreeMap;

use pyrelease_test_support::Backend;
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::machine::{Conclusion, all_succeed, conclusions};
use super::runner::Runner;
use crate::release::drill::EXHAUSTIVE;
use crate::release::drilled::Local;
use crate::release::quick;

const WORKFLOW: &str = ".github/workflows/release.yml";

/// A project whose workflow is at the forge, and the forge's runner.
pub(super) fn forge(local: &Local, flow: &str, event: &str, reference: &str) -> Runner {
    let project = &local.project;
    project.pyrelease(&format!("ci github --flow {flow} --yes")).code(0);
    project.commit("Release from CI");
    project.git(&["push", "-q", "origin", "main"]);
    let mut runner = Runner::new(project.remote().path(), &project.read(WORKFLOW), event, reference);
    for (name, index) in [("TESTPYPI", &local.rehearsal), ("PYPI", &local.public)] {
        runner.secrets.insert(format!("PYRELEASE_TOKEN_{name}"), index.token.expose_secret().to_owned());
    }
    runner
}

fn dispatched(local: &Local) -> Runner {
    dispatched_with(local, "minor")
}

/// The workflow that a person starts with this bump.
pub(super) fn dispatched_with(local: &Local, bump: &str) -> Runner {
    let mut runner = forge(local, "dispatch", "workflow_dispatch", "refs/heads/main");
    runner.inputs = BTreeMap::from([("bump".to_owned(), json!(bump)), ("dry-run".to_owned(), json!(false))]);
    runner
}

/// Asserts that 1.1.0 is released, once, from the commit that the remote has.
#[track_caller]
fn is_released(local: &Local, files: usize) {
    is_released_by(local, files, "github-actions[bot]");
}

#[track_caller]
pub(super) fn is_released_by(local: &Local, files: usize, author: &str) {
    let (public, rehearsal) = (local.public.files(), local.rehearsal.files());
    assert_eq!(public.len(), files, "{public:?}");
    assert_eq!(public, rehearsal);
    let refs = local.project.remote_refs();
    assert_eq!(local.project.remote().git(&["rev-parse", "v1.1.0^{commit}"]), refs["refs/heads/main"]);
    assert_eq!(local.project.remote().git(&["log", "-1", "--format=%an", "main"]), author);
    let strange: Vec<&String> = refs
        .keys()
        .filter(|name| !name.starts_with("refs/heads/main") && !name.starts_with("refs/tags/v1."))
        .collect();
    assert_eq!(strange, [""; 0]);
}

#[test]
fn a_dispatched_release_is_prepared_without_rights_and_published() {
    let local = Local::new();
    let mut runner = dispatched(&local);
    let jobs = runner.run(&[]);
    all_succeed(&jobs);
    assert_eq!(conclusions(&jobs).len(), 2);
    is_released(&local, 2);
    // Run again, it is found to be done.
    all_succeed(&runner.run(&["publish"]));
    is_released(&local, 2);
}

#[test]
fn a_dry_run_publishes_nothing() {
    let local = Local::new();
    let mut runner = dispatched(&local);
    runner.inputs.insert("dry-run".to_owned(), json!(true));
    let jobs = runner.run(&[]);
    assert_eq!(
        conclusions(&jobs),
        [("prepare", Conclusion::Success), ("publish", Conclusion::Skipped)],
        "{}",
        jobs[0].log
    );
    assert_eq!(local.public.files().len() + local.rehearsal.files().len(), 0);
    assert!(!local.project.remote_refs().contains_key("refs/tags/v1.1.0"));
}

#[test]
fn a_job_that_is_killed_anywhere_is_run_again_and_completes_the_release() {
    #[expect(clippy::disallowed_methods, reason = "asked of the test, not of the program")]
    let step = if std::env::var_os(EXHAUSTIVE).is_some() { 1 } else { 24 };
    let mut cuts = 0;
    for point in (3..).step_by(step) {
        let local = Local::new();
        let mut runner = dispatched(&local);
        all_succeed(&runner.run(&["prepare"]));
        let drill = ("publish".to_owned(), "PYRELEASE_DRILL".to_owned());
        runner.more.insert(drill.clone(), format!("kill:{point}"));
        let killed = runner.run(&["publish"]);
        runner.more.remove(&drill);
        if killed[0].conclusion == Conclusion::Failure {
            cuts += 1;
            all_succeed(&runner.run(&["publish"]));
        }
        is_released(&local, 2);
        if killed[0].conclusion == Conclusion::Success {
            break;
        }
    }
    assert!(cuts > 1, "{cuts} cuts");
}

#[test]
fn wheels_of_a_matrix_go_up_with_the_sdist_that_they_were_built_from() {
    let blueprint = quick().backend(Backend::InTree);
    let local = Local::of(blueprint, "");
    let text = local.project.read("pyproject.toml");
    local.project.write("pyproject.toml", &format!("{text}\n[tool.cibuildwheel]\nskip = \"pp*\"\n"));
    local.project.commit("Compile");
    let mut runner = dispatched(&local);
    let jobs = runner.run(&[]);
    all_succeed(&jobs);
    assert_eq!(jobs.iter().filter(|job| job.name == "wheels").count(), 5);
    is_released(&local, 6);
}

#[test]
fn without_a_secret_for_the_index_nothing_is_left_behind() {
    let local = Local::new();
    let mut runner = dispatched(&local);
    let token = runner.secrets.insert("PYRELEASE_TOKEN_PYPI".to_owned(), "pypi-wrong".to_owned());
    let before = local.project.remote_refs();
    let jobs = runner.run(&[]);
    assert_eq!(jobs[1].conclusion, Conclusion::Failure, "{}", jobs[1].log);
    assert_eq!(local.public.files().len(), 0);
    assert_eq!(local.project.remote_refs(), before, "{}", jobs[1].log);
    // With the right one, the same job is run again.
    runner.secrets.insert("PYRELEASE_TOKEN_PYPI".to_owned(), token.expect("it was there"));
    all_succeed(&runner.run(&["publish"]));
    is_released(&local, 2);
}

/// Commits 1.1.0 as a person does.
pub(super) fn bumped(local: &Local) {
    local.project.pyrelease("bump minor --yes").code(0);
    local.project.commit("Version 1.1.0");
    local.project.git(&["push", "-q", "origin", "main"]);
}

#[test]
fn a_pushed_tag_is_published_and_nothing_is_pushed() {
    let local = Local::new();
    let mut runner = forge(&local, "tag", "push", "refs/tags/v1.1.0");
    bumped(&local);
    local.project.git(&["tag", "-a", "-m", "1.1.0", "v1.1.0"]);
    local.project.git(&["push", "-q", "origin", "v1.1.0"]);
    let before = local.project.remote_refs();
    local.project.remote().refuse_pushes("nobody");
    all_succeed(&runner.run(&[]));
    assert_eq!(local.public.files().len(), 2);
    assert_eq!(local.public.files(), local.rehearsal.files());
    assert_eq!(local.project.remote_refs(), before);
}

#[test]
fn a_merged_proposal_is_tagged_and_published_and_other_pushes_are_no_release() {
    let local = Local::new();
    let mut runner = forge(&local, "merge", "push", "refs/heads/main");
    let jobs = runner.run(&[]);
    let nothing = [
        ("propose", Conclusion::Skipped),
        ("prepare", Conclusion::Success),
        ("publish", Conclusion::Skipped),
    ];
    assert_eq!(conclusions(&jobs), nothing, "{}", jobs[1].log);

    bumped(&local);
    let protect = "while read -r old new ref; do test \"$ref\" != refs/heads/main || exit 1; done\n";
    local.project.remote().hook("pre-receive", protect);
    let jobs = runner.run(&[]);
    assert_eq!(conclusions(&jobs)[2], ("publish", Conclusion::Success), "{}", jobs[2].log);
    assert_eq!(local.public.files().len(), 2);
    assert!(local.project.remote_refs().contains_key("refs/tags/v1.1.0"));
    assert_eq!(conclusions(&runner.run(&[])), nothing);
}

#[test]
fn what_was_exchanged_between_the_jobs_is_not_published() {
    let local = Local::new();
    let mut runner = dispatched(&local);
    all_succeed(&runner.run(&["prepare"]));
    let other = Local::new();
    let file = other.project.sandbox().root().join("other.tar.gz");
    other.project.pyrelease("prepare minor --yes --out").arg(&file).code(0);
    fs_err::copy(&file, runner.artifact("release-prepared").join("prepared.tar.gz")).expect("an artifact");
    let jobs = runner.run(&["publish"]);
    assert_eq!(jobs[0].conclusion, Conclusion::Failure, "{}", jobs[0].log);
    assert!(jobs[0].log.contains("FAILED"), "{}", jobs[0].log);
    assert_eq!(local.rehearsal.files().len() + local.public.files().len(), 0);
}

#[test]
fn a_project_in_a_subfolder_is_released_by_its_workflow() {
    let local = Local::of(quick().in_subfolder("packages/demo"), "");
    let project = &local.project;
    project.pyrelease("ci github --yes").code(0);
    project.commit("Release from CI");
    project.git(&["push", "-q", "origin", "main"]);
    let workflow = fs_err::read_to_string(project.repository().join(WORKFLOW)).expect("the workflow");
    let mut runner = Runner::new(project.remote().path(), &workflow, "workflow_dispatch", "refs/heads/main");
    runner.inputs =
        BTreeMap::from([("bump".to_owned(), json!("minor")), ("dry-run".to_owned(), json!(false))]);
    for (name, index) in [("TESTPYPI", &local.rehearsal), ("PYPI", &local.public)] {
        runner.secrets.insert(format!("PYRELEASE_TOKEN_{name}"), index.token.expose_secret().to_owned());
    }
    all_succeed(&runner.run(&[]));
    is_released(&local, 2);
}
