//! The jobs of GitLab's pipelines, interpreted as the forge does.

use std::sync::Arc;

use pyrelease_test_support::Backend;
use secrecy::ExposeSecret as _;

use super::machine::{Conclusion, all_succeed, conclusions};
use super::pipeline::Pipeline;
use super::played::{bumped, is_released_by};
use crate::release::drill::EXHAUSTIVE;
use crate::release::drilled::Local;
use crate::release::issuer::Issuer;
use crate::release::quick;

const PIPELINE: &str = ".gitlab-ci.yml";

/// A project whose pipeline is at the forge.
fn written(local: &Local, flow: &str) {
    let project = &local.project;
    project.pyrelease(&format!("ci gitlab --flow {flow} --yes")).code(0);
    project.commit("Release from CI");
    project.git(&["push", "-q", "origin", "main"]);
}

/// A pipeline of the project.
fn pipeline(local: &Local, source: &str, reference: &str) -> Pipeline {
    let issuer = Arc::new(Issuer::new());
    let identity = move |audience: &str| issuer.identity_of_gitlab(audience);
    let (remote, file) = (local.project.remote(), local.project.read(PIPELINE));
    let mut pipeline = Pipeline::new(remote.path(), &file, (source, reference), Box::new(identity));
    for (name, index) in [("TESTPYPI", &local.rehearsal), ("PYPI", &local.public)] {
        let token = index.token.expose_secret().to_owned();
        pipeline.variables.insert(format!("PYRELEASE_TOKEN_{name}"), token);
    }
    pipeline
}

/// The pipeline that a person starts with the bump `minor`.
fn started(local: &Local) -> Pipeline {
    written(local, "dispatch");
    let mut pipeline = pipeline(local, "web", "refs/heads/main");
    pipeline.variables.insert("BUMP".to_owned(), "minor".to_owned());
    pipeline
}

#[track_caller]
fn is_released(local: &Local, files: usize) {
    is_released_by(local, files, "Rita Releaser");
}

#[test]
fn a_started_release_is_prepared_without_rights_and_published() {
    let local = Local::new();
    written(&local, "dispatch");
    // Which identities a job has
    let shown = "    - env | grep -o '^[A-Z]*_ID_TOKEN' | sort | sed 's/^/has /' || true\n";
    let file = local.project.read(PIPELINE);
    let marks = ["# own steps: before preparing\n", "# own steps: before publishing\n"];
    let file = marks.iter().fold(file, |file, mark| file.replace(mark, &format!("{mark}{shown}")));
    local.project.write(PIPELINE, &file);
    local.project.pyrelease("ci gitlab --check").code(0);
    local.project.commit("Show");
    local.project.git(&["push", "-q", "origin", "main"]);
    let mut pipeline = pipeline(&local, "web", "refs/heads/main");
    pipeline.variables.insert("BUMP".to_owned(), "minor".to_owned());
    let jobs = pipeline.run(&[]);
    all_succeed(&jobs);
    assert_eq!(conclusions(&jobs), [("prepare", Conclusion::Success), ("publish", Conclusion::Success)]);
    let identities =
        |log: &str| log.lines().filter_map(|line| line.strip_prefix("has ")).collect::<Vec<_>>().join(" ");
    assert_eq!(identities(&jobs[0].log), "");
    assert_eq!(identities(&jobs[1].log), "PYPI_ID_TOKEN SIGSTORE_ID_TOKEN TESTPYPI_ID_TOKEN");
    is_released(&local, 2);
    // Run again, it is found to be done.
    all_succeed(&pipeline.run(&["publish"]));
    is_released(&local, 2);
}

#[test]
fn other_pipelines_release_nothing() {
    let local = Local::new();
    written(&local, "dispatch");
    for (source, reference) in
        [("push", "refs/heads/main"), ("schedule", "refs/heads/main"), ("push", "refs/tags/v1.0.0")]
    {
        assert_eq!(pipeline(&local, source, reference).run(&[]), [], "{source} {reference}");
    }
    written(&local, "tag");
    for (source, reference) in [("push", "refs/heads/main"), ("web", "refs/heads/main")] {
        assert_eq!(pipeline(&local, source, reference).run(&[]), [], "{source} {reference}");
    }
    local.project.git(&["push", "-q", "origin", "v1.0.0:refs/tags/nightly"]);
    assert_eq!(pipeline(&local, "push", "refs/tags/nightly").run(&[]), []);
}

#[test]
fn a_job_that_is_killed_anywhere_is_run_again_and_completes_the_release() {
    #[expect(clippy::disallowed_methods, reason = "asked of the test, not of the program")]
    let step = if std::env::var_os(EXHAUSTIVE).is_some() { 1 } else { 45 };
    let mut cuts = 0;
    for point in (25..).step_by(step) {
        let local = Local::new();
        let mut pipeline = started(&local);
        all_succeed(&pipeline.run(&["prepare"]));
        let drill = ("publish".to_owned(), "PYRELEASE_DRILL".to_owned());
        pipeline.more.insert(drill.clone(), format!("kill:{point}"));
        let killed = pipeline.run(&["publish"]);
        pipeline.more.remove(&drill);
        if killed[0].conclusion == Conclusion::Failure {
            cuts += 1;
            assert!(pipeline.artifact("publish", "state.tar.gz").is_file(), "{point}: {}", killed[0].log);
            all_succeed(&pipeline.run(&["publish"]));
        }
        is_released(&local, 2);
        if killed[0].conclusion == Conclusion::Success {
            break;
        }
    }
    assert!(cuts > 1, "{cuts} cuts");
}

#[test]
fn a_job_that_fails_leaves_nothing_public_and_is_run_again() {
    let local = Local::new();
    let mut pipeline = started(&local);
    let right = pipeline.variables.insert("PYRELEASE_TOKEN_PYPI".to_owned(), "pypi-wrong".to_owned());
    let before = local.project.remote_refs();
    let jobs = pipeline.run(&[]);
    assert_eq!(conclusions(&jobs)[1], ("publish", Conclusion::Failure), "{}", jobs[1].log);
    assert_eq!(local.public.files().len(), 0);
    assert_eq!(local.project.remote_refs(), before, "{}", jobs[1].log);
    // Nothing had begun, so there is nothing to go on from.
    assert!(!pipeline.artifact("publish", "state.tar.gz").exists(), "{}", jobs[1].log);
    pipeline.variables.insert("PYRELEASE_TOKEN_PYPI".to_owned(), right.expect("it was there"));

    // The remote refuses the push after the rehearsal.
    local.project.remote().refuse_pushes("not now");
    let jobs = pipeline.run(&["publish"]);
    assert_eq!(jobs[0].conclusion, Conclusion::Failure, "{}", jobs[0].log);
    assert_eq!((local.rehearsal.files().len(), local.public.files().len()), (2, 0), "{}", jobs[0].log);
    fs_err::remove_file(local.project.remote().path().join("hooks/pre-receive")).expect("the hook");
    all_succeed(&pipeline.run(&["publish"]));
    is_released(&local, 2);
}

#[test]
fn wheels_of_a_job_go_up_with_the_sdist_that_they_were_built_from() {
    let local = Local::of(quick().backend(Backend::InTree), "");
    let text = local.project.read("pyproject.toml");
    local.project.write("pyproject.toml", &format!("{text}\n[tool.cibuildwheel]\nskip = \"pp*\"\n"));
    local.project.commit("Compile");
    let jobs = started(&local).run(&[]);
    all_succeed(&jobs);
    let names: Vec<&str> = jobs.iter().map(|job| job.name.as_str()).collect();
    assert_eq!(names, ["prepare", "wheels", "publish"]);
    is_released(&local, 2);
    let files = local.public.files();
    assert!(files.keys().any(|name| name.ends_with("manylinux_2_28_x86_64.whl")), "{files:?}");
}

#[test]
fn a_pushed_tag_is_published_and_nothing_is_pushed() {
    let local = Local::new();
    written(&local, "tag");
    bumped(&local);
    local.project.git(&["tag", "-a", "-m", "1.1.0", "v1.1.0"]);
    local.project.git(&["push", "-q", "origin", "v1.1.0"]);
    let before = local.project.remote_refs();
    local.project.remote().refuse_pushes("nobody");
    all_succeed(&pipeline(&local, "push", "refs/tags/v1.1.0").run(&[]));
    assert_eq!(local.public.files().len(), 2);
    assert_eq!(local.public.files(), local.rehearsal.files());
    assert_eq!(local.project.remote_refs(), before);
}

#[test]
fn a_merged_proposal_is_tagged_and_published_and_other_pushes_are_no_release() {
    let local = Local::new();
    written(&local, "merge");
    let done = [("prepare", Conclusion::Success), ("publish", Conclusion::Success)];
    let jobs = pipeline(&local, "push", "refs/heads/main").run(&[]);
    assert_eq!(conclusions(&jobs), done, "{}", jobs[0].log);
    assert!(jobs[1].log.contains("there is nothing to publish"), "{}", jobs[1].log);
    assert_eq!(local.public.files().len() + local.rehearsal.files().len(), 0);

    bumped(&local);
    let protect = "while read -r old new ref; do test \"$ref\" != refs/heads/main || exit 1; done\n";
    local.project.remote().hook("pre-receive", protect);
    let jobs = pipeline(&local, "push", "refs/heads/main").run(&[]);
    assert_eq!(conclusions(&jobs), done, "{}", jobs[1].log);
    assert_eq!(local.public.files().len(), 2);
    assert!(local.project.remote_refs().contains_key("refs/tags/v1.1.0"));
}
