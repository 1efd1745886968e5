//! The report of a run, as an HTML page beside its journal.

use std::path::Path;

use pyrelease_test_support::{Config, Project};

use super::failures::Attempt;
use super::{QUICK, quick};

/// The report that `log --html` writes; the one that the run left is the same.
#[track_caller]
fn report(project: &Project) -> String {
    let path = project.pyrelease("log --html").code(0).stdout().trim().to_owned();
    assert!(path.ends_with("/report.html"), "{path}");
    let page = fs_err::read_to_string(&path).expect("the report that was written");
    let json = project.pyrelease("log --html --format json").code(0).json();
    assert_eq!(json["report"], *path);
    page
}

#[track_caller]
fn says(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "`{part}` is not in the page:\n{page}");
    }
    // No request may leave the machine, and nothing runs.
    for part in ["<script", "src=", "@import", "url("] {
        assert!(!page.contains(part), "`{part}` is in the page");
    }
}

#[test]
fn a_release_is_told_with_the_hash_of_each_file_on_each_index() {
    let config = Config::stages("changelog version tag build check testpypi push pypi").lines(QUICK);
    let attempt = Attempt::configured(quick(), &config);
    let project = &attempt.project;
    project.pyrelease("run minor --yes").code(0);
    let folder = project.pyrelease("log --format json").code(0).json()["folder"].clone();
    let written = fs_err::read_to_string(Path::new(folder.as_str().unwrap()).join("report.html")).unwrap();
    let page = report(project);
    assert_eq!(page, written, "the run has written the same page");
    says(
        &page,
        &[
            "<h1>demo 1.1.0</h1>",
            "verdict good",
            "point of no return",
            "testpypi: done after",
            "Greetings in",
        ],
    );
    for hash in attempt.public.files("demo").values() {
        assert_eq!(
            page.matches(&format!("title=\"sha256\">{hash}")).count(),
            3,
            "built, rehearsed and public"
        );
    }
}

#[test]
fn a_failure_is_on_top_with_its_reason_until_it_is_undone() {
    let config = Config::stages("changelog version tag build broken pypi").stage("broken");
    let config = config.shell("echo '<b>no' >&2; exit 1").set("reach", "private").lines(QUICK);
    let attempt = Attempt::configured(quick(), &config);
    let project = &attempt.project;
    assert_ne!(project.pyrelease("run minor --yes").run().status(), 0);
    let page = report(project);
    says(&page, &["verdict", "<b>broken</b> failed:", "bar failed"]);
    assert!(!page.contains("<b>no"), "what a command printed is text");
}

#[test]
fn without_a_run_there_is_no_report() {
    let project = Attempt::configured(quick(), &Config::stages("version")).project;
    project.pyrelease("log --html").code(2);
}
