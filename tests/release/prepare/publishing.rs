//! `publish` of a prepared release, and of one that is published already.

use pyrelease_test_support::{Transcript, str};

use super::super::drilled::Local;
use super::Forge;

#[test]
fn another_machine_publishes_what_was_prepared() {
    let forge = Forge::new();
    let file = forge.prepared("");
    let folder = forge.checkout("publishing");
    forge.publishing_job(&folder, "publish --yes").arg(&file).code(0).assert_shown("prepare/published");
    forge.local.is_released(&folder);
    let author = forge.git(&folder, &["log", "-1", "--format=%an <%ae>, %cn"]);
    assert_eq!(
        author,
        "github-actions[bot] <41898282+github-actions[bot]@users.noreply.github.com>, github-actions[bot]"
    );

    // Once more, here and in a checkout of the commit before.
    let published = forge.local.public.files();
    let again = forge.publishing_job(&folder, "publish --yes").arg(&file).code(0);
    again.stderr_eq(str![[r#"
             nothing to publish: demo 1.1.0 (run [RUN]) is released

"#]]);
    let old = forge.old_checkout("again");
    forge.publishing_job(&old, "publish --yes").arg(&file).code(0);
    forge.local.is_released(&old);
    assert_eq!(forge.local.public.files(), published);
}

#[test]
fn the_machine_that_prepared_a_release_can_publish_it() {
    let forge = Forge::new();
    let file = forge.prepared("");
    let folder = forge.path("preparing");
    forge.publishing_job(&folder, "publish --yes").arg(&file).code(0);
    forge.local.is_released(&folder);
}

#[test]
fn a_protected_branch_undoes_the_whole_and_the_file_can_be_published_later() {
    let forge = Forge::new();
    let file = forge.prepared("");
    let folder = forge.checkout("publishing");
    let remote = forge.local.project.remote();
    remote.refuse_pushes("GH006: Protected branch update failed for refs/heads/main.");
    let refused = forge.publishing_job(&folder, "publish --yes").arg(&file).code(1);
    refused.assert_error_shown("prepare/protected-branch");
    assert!(forge.local.public.files().is_empty());
    assert_eq!(forge.git(&folder, &["status", "--porcelain"]), "");
    assert_eq!(forge.git(&folder, &["tag"]), "");

    fs_err::remove_file(remote.path().join("hooks/pre-receive")).expect("the hook");
    forge.publishing_job(&folder, "publish --yes").arg(&file).code(0);
    forge.local.is_released(&folder);
}

#[test]
fn a_failure_undoes_the_push_of_an_attempt_that_was_killed_elsewhere() {
    let forge = Forge::new();
    let file = forge.prepared("");
    let first = forge.checkout("first attempt");
    let kill = format!("kill:{}", super::killed::number("after-record stage-done push"));
    let job = forge.publishing_job(&first, "publish --yes").arg(&file);
    assert_eq!(job.env("PYRELEASE_DRILL", kill).run().status(), -1);
    assert!(forge.local.project.remote_refs().contains_key("refs/tags/v1.1.0"));

    let second = forge.old_checkout("second attempt");
    let job = forge.publishing_job(&second, "publish --yes").arg(&file);
    let refused = job.env("PYRELEASE_TOKEN_PYPI", "pypi-of-somebody-else").code(1);
    refused.assert_shown("prepare/push-of-an-earlier-attempt");
    let remote = forge.local.project.remote_refs();
    assert!(!remote.contains_key("refs/tags/v1.1.0"), "{remote:?}");
    assert_eq!(remote["refs/heads/main"], forge.local.project.git(&["rev-parse", "HEAD"]));
    forge.publishing_job(&second, "publish --yes").arg(&file).code(0);
    forge.local.is_released(&second);
}

/// As a job that a tag or GitLab starts: HEAD is at no branch.
#[test]
fn a_detached_head_releases_to_the_branch_that_the_configuration_names() {
    let forge = Forge::of(Local::configured("[stage.push]\nbranch = \"main\"\n"));
    let (preparing, publishing) = (forge.checkout("preparing"), forge.checkout("publishing"));
    for folder in [&preparing, &publishing] {
        forge.git(folder, &["checkout", "--quiet", "--detach"]);
    }
    let file = forge.path("run.tar.gz");
    forge.job(&preparing, "prepare minor --yes --author-from-forge --out").arg(&file).code(0);
    forge.assert_nothing_is_out();
    forge.publishing_job(&publishing, "publish --yes").arg(&file).code(0);
    forge.local.is_released(&publishing);
}

#[test]
fn a_stage_that_commits_afterwards_has_the_author_of_the_forge() {
    let stages = "stages = [\"changelog\", \"version\", \"tag\", \"build\", \"check\", \"push\", \"pypi\", \"reopen\"]\n";
    let forge = Forge::of(Local::configured(stages));
    let file = forge.prepared("");
    let folder = forge.checkout("publishing");
    forge.publishing_job(&folder, "publish --yes --author-from-forge").arg(&file).code(0);
    let log = forge.local.project.remote().git(&["log", "-2", "--format=%an %s", "main"]);
    assert_eq!(log, "github-actions[bot] Start 1.1.1.dev0\ngithub-actions[bot] Release 1.1.0");
}

#[test]
fn files_that_are_no_prepared_release() {
    let mut seen = Transcript::named("prepare/no-release");
    let forge = Forge::new();
    let file = forge.prepared("");
    let folder = forge.checkout("publishing");
    let whole = fs_err::read(&file).unwrap();
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 64].fill(0);
    let sdist = forge.path("sdist.tar.gz");
    for bytes in [&b""[..], b"not an archive", &whole[..whole.len() / 2], &damaged] {
        fs_err::write(&sdist, bytes).unwrap();
        let refused = forge.publishing_job(&folder, "publish --yes").arg(&sdist).code(3);
        seen.add_error(&refused);
    }
    let outcome = forge.publishing_job(&folder, "publish --yes missing.tar.gz").code(2);
    seen.add_error(&outcome);
    seen.add_error(&forge.publishing_job(&folder, "publish").arg(&file).code(2));
    forge.assert_untouched(&folder);
    forge.assert_nothing_is_out();
    seen.assert();
}

#[test]
fn a_run_with_another_configuration_or_of_another_project_is_not_published_without_a_question() {
    let forge = Forge::new();
    let preparing = forge.checkout("preparing");
    let canary = forge.path("canary");
    let text = fs_err::read_to_string(preparing.join("release.toml")).unwrap();
    let stage = format!("\n[stage.pypi]\ninstall = true\nsmoke = \"touch {}\"\n", canary.display());
    fs_err::write(preparing.join("release.toml"), format!("{text}{stage}")).unwrap();
    let file = forge.path("run.tar.gz");
    forge.job(&preparing, "prepare minor --yes --author-from-forge --out").arg(&file).code(0);
    let folder = forge.checkout("publishing");
    let refused = forge.publishing_job(&folder, "publish --yes").arg(&file).code(3);
    assert!(refused.stderr().contains("that is not the one of the commit it began at"), "{refused}");
    forge.assert_untouched(&folder);
    forge.assert_nothing_is_out();
    assert!(!canary.exists());

    duct::cmd!("mkfifo", forge.path("fifo")).run().unwrap();
    let refused = forge.publishing_job(&folder, "publish --yes ../fifo").code(2);
    assert!(refused.stderr().contains("is not a file"), "{refused}");
}
