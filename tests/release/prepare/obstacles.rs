//! What would stop a publication half-way is found before anything leaves.

use pyrelease_test_support::distribution::wheel;
use pyrelease_test_support::{IndexServer, Outcome, Transcript};
use secrecy::ExposeSecret as _;

use super::Forge;

/// Publishes a prepared release after something has changed, and is refused; nothing has begun anywhere. `resume --import`
/// is refused for the same reasons.
#[track_caller]
fn refused(change: impl FnOnce(&mut Forge)) -> Outcome {
    let mut forge = Forge::new();
    let file = forge.prepared("");
    let folder = forge.checkout("publishing");
    change(&mut forge);
    let refused = forge.publishing_job(&folder, "publish --yes").arg(&file).code(3);
    assert!(forge.local.rehearsal.files().is_empty(), "{refused}");
    forge.assert_untouched(&folder);
    let imported = forge.publishing_job(&folder, "resume --yes --import").arg(&file).code(3);
    let errors = |of: &Outcome| of.stderr().lines().filter(|line| line.starts_with("error")).count();
    let said = |line: &str| imported.stderr().lines().any(|other| other == line);
    let missing = refused.stderr().lines().find(|line| line.starts_with("error") && !said(line));
    assert_eq!((missing, errors(&imported)), (None, errors(&refused)), "{imported}");
    assert!(forge.local.rehearsal.files().is_empty(), "{imported}");
    forge.assert_untouched(&folder);
    refused
}

#[test]
fn what_is_in_the_way_of_a_prepared_release() {
    let mut seen = Transcript::named("prepare/obstacles");
    let moved = |forge: &mut Forge| drop(forge.local.project.remote().move_branch());
    seen.heading("the branch has moved").add_error(&refused(moved));
    seen.heading("another tag").add_error(&refused(|forge| {
        forge.local.project.remote().git(&["tag", "v1.1.0", "main"]);
    }));
    seen.heading("an index that does not answer").add_error(&refused(|forge| forge.local.public.stop()));
    seen.heading("other files on the public index").add_error(&refused(|forge| {
        let folder = forge.path("others");
        fs_err::create_dir_all(&folder).unwrap();
        wheel(&folder, "demo", "1.1.0", "any", "other");
        let upload = forge.publishing_job(forge.local.project.folder(), "upload --index pypi --yes");
        upload.arg(folder.join("demo-1.1.0-py3-none-any.whl")).code(0);
    }));
    seen.assert();
}

#[test]
fn an_index_that_takes_no_files_without_credentials() {
    let forge = Forge::new();
    let file = forge.prepared("");
    let folder = forge.checkout("publishing");
    let job = forge.job(&folder, "publish --yes").arg(&file);
    let refused = job.env("PYRELEASE_TOKEN_TESTPYPI", forge.local.rehearsal.token.expose_secret()).code(3);
    refused.assert_error_shown("prepare/no-credentials");
    let job = forge.job(&folder, "resume --yes --import").arg(&file);
    let imported = job.env("PYRELEASE_TOKEN_TESTPYPI", forge.local.rehearsal.token.expose_secret()).code(3);
    assert!(
        imported.stderr().contains("error: [pypi] `pypi` takes no files without credentials"),
        "{imported}"
    );
    forge.assert_nothing_is_out();
    forge.assert_untouched(&folder);
}

/// It is asked, by a form without a file, and has nothing against it.
#[test]
fn an_index_that_takes_files_without_credentials() {
    let forge = Forge::new();
    let (project, open) = (&forge.local.project, IndexServer::open());
    let own = forge.local.public.upload_url();
    let config = project.read("release.toml").replace(&own, &open.upload_url());
    project.write("release.toml", &config.replace(&own.replace("/legacy/", "/simple/"), &open.simple_url()));
    project.commit("Publish to an index that is open");
    project.git(&["push", "--quiet"]);
    let file = forge.prepared("");
    let folder = forge.checkout("publishing");
    let job = forge.job(&folder, "publish --yes").arg(&file);
    job.env("PYRELEASE_TOKEN_TESTPYPI", forge.local.rehearsal.token.expose_secret()).code(0);
    assert_eq!(open.files("demo"), forge.local.rehearsal.files());
}

/// Another attempt has pushed the release, somebody has pushed on top, and a part of it is public.
#[test]
fn what_an_earlier_attempt_has_done_is_no_obstacle() {
    let forge = Forge::new();
    let file = forge.prepared("");
    let first = forge.checkout("first attempt");
    let kill = format!("kill:{}", super::killed::number("before-record intent: demo-1.1.0.tar.gz on pypi"));
    let job = forge.publishing_job(&first, "publish --yes").arg(&file);
    assert_eq!(job.env("PYRELEASE_DRILL", kill).run().status(), -1);
    assert_eq!(forge.local.public.files().len(), 1);
    forge.local.project.remote().move_branch();
    let second = forge.old_checkout("second attempt");
    forge.publishing_job(&second, "publish --yes").arg(&file).code(0);
    assert_eq!(forge.local.public.files().len(), 2);
}
