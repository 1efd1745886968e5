//! Which distributions a release has.

use std::ffi::OsStr;

use pyrelease_test_support::Python;

use super::drilled::Local;

const SDIST: &str = "demo-1.1.0.tar.gz";
const SDIST_ONLY: &str = "[stage.build]\nisolation = false\nwheels = \"none\"\n";

fn names(local: &Local) -> Vec<String> {
    local.public.files().into_keys().collect()
}

/// A release that is only an sdist: both indexes have it, and nothing else.
#[track_caller]
fn has_an_sdist_only(local: &Local) {
    assert_eq!(names(local), [SDIST]);
    assert_eq!(local.rehearsal.files(), local.public.files());
    local.project.assert_no_debris();
}

#[test]
fn an_sdist_alone_is_planned_and_released() {
    let local = Local::configured(SDIST_ONLY);
    let plan = local.pyrelease("plan minor").code(0);
    plan.stdout_contains("build sdist with python -m build");
    let json = local.pyrelease("plan minor --format json").code(0);
    json.stdout_contains(r#"{"action":"build","frontend":"python -m build","sdist_only":true}"#);
    local.pyrelease("run minor --yes").code(0).stderr_contains("Building sdist with python -m build");
    has_an_sdist_only(&local);
}

#[test]
fn uv_builds_an_sdist_alone() {
    let local = Local::configured(&format!("{SDIST_ONLY}frontend = \"uv\"\n"));
    let path = local.project.sandbox().environment().remove(OsStr::new("PATH")).unwrap_or_default();
    let folders = [Python::with_uv().programs()].into_iter().chain(std::env::split_paths(&path));
    let path = std::env::join_paths(folders).expect("folders of a PATH");
    local.pyrelease("run minor --yes").env("PATH", path).code(0);
    has_an_sdist_only(&local);
}

#[test]
fn an_sdist_alone_is_rehearsed_under_a_version_of_its_own() {
    let local = Local::configured(&format!("{SDIST_ONLY}\n[stage.testpypi]\nversion = \"dev\"\n"));
    local.pyrelease("run minor --yes").code(0);
    assert_eq!(names(&local), [SDIST]);
    let rehearsed: Vec<String> = local.rehearsal.files().into_keys().collect();
    assert_eq!(rehearsed, ["demo-1.1.0.dev1.tar.gz"]);
}

#[test]
fn an_sdist_alone_is_a_complete_release_after_its_journal_is_lost() {
    let local = Local::configured(SDIST_ONLY);
    local.killed("done: demo-1.1.0.tar.gz on pypi");
    let published = local.public.files();
    fs_err::remove_dir_all(local.project.repository().join(".git/pyrelease")).expect("its folder");
    let resumed = local.pyrelease("resume --yes").code(0);
    assert!(!resumed.stderr().contains("wheel"), "{resumed}");
    assert_eq!(local.public.files(), published);
    has_an_sdist_only(&local);
}
