//! Releases over a faulty network: no file is sent with two contents, and the index's answers are compared with what
//! was sent.

use std::collections::{BTreeMap, BTreeSet};

use pyrelease_test_support::{Asked, IndexServer, Project, Proxy, Trouble};

use super::{QUICK, quick};

/// A project ready to release to a pypiserver behind a proxy, without a rehearsal
struct Line {
    project: Project,
    server: IndexServer,
    proxy: Proxy,
}

impl Line {
    fn new(more: &[(&str, &str)]) -> Self {
        let server = IndexServer::pypiserver();
        let proxy = Proxy::before(&server.upload_url(), &server.simple_url());
        let config = format!(
            "stages = [\"changelog\", \"version\", \"tag\", \"build\", \"push\", \"pypi\"]\n\n\
             [index.pypi]\nupload = \"{}\"\nsimple = \"{}\"\n{QUICK}",
            proxy.upload_url(),
            proxy.simple_url()
        );
        let blueprint = more.iter().fold(quick(), |blueprint, (path, text)| blueprint.file(path, text));
        Self { project: blueprint.config(&config).build(), server, proxy }
    }

    fn run(&self, command: &str) -> pyrelease_test_support::Outcome {
        self.project.pyrelease(command).env("PYRELEASE_TOKEN_PYPI", self.server.password().reveal()).run()
    }

    /// Asserts that both files are there, as they were sent each time.
    #[track_caller]
    fn is_published(&self) {
        let mut contents: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for sent in self.proxy.sent() {
            contents.entry(sent.filename).or_default().insert(sent.sha256);
        }
        let files = self.server.files("demo");
        assert_eq!(files.len(), 2);
        for (name, sha256) in files {
            assert_eq!(contents[&name], BTreeSet::from([sha256]), "`{name}`");
        }
        self.project.assert_tree_clean();
        self.project.assert_no_debris();
    }
}

/// A permanent refusal is not retried forever: the run can be ended, and the next version released.
#[test]
fn a_refusal_that_is_final_has_a_way_out() {
    let line = Line::new(&[]);
    line.proxy.ahead(Asked::Upload, [None, Some(Trouble::Closed), Some(Trouble::Closed)]);
    for command in ["run minor --yes", "resume --yes"] {
        let stopped = line.run(command);
        assert_eq!(stopped.status(), 4, "{stopped}");
        stopped.stderr_contains("older than 14 days").stderr_contains("pyrelease rollback --leave");
        stopped.stderr_contains("yank").stderr_lacks("finish the release");
        let status = line.run("status");
        status.stdout_contains("was refused for good").stdout_contains("next: pyrelease rollback --leave");
        assert!(!status.stdout().contains("or: pyrelease"), "{status}");
    }
    assert_eq!(line.run("rollback --leave --yes").status(), 0);
    assert_eq!(line.server.files("demo").len(), 1);
    line.project.write("src/demo/more.py", "");
    let changelog = line.project.read("CHANGELOG.md").replacen(
        "## [Unreleased]\n",
        "## [Unreleased]\n\n### Fixed\n\n- All of it\n",
        1,
    );
    line.project.write("CHANGELOG.md", &changelog);
    line.project.commit("Try again");
    let next = line.run("run patch --yes");
    assert_eq!(next.status(), 0, "{next}");
}

#[test]
fn a_reply_that_is_lost_is_replaced_by_a_look_at_the_index() {
    for trouble in [Trouble::LostReply, Trouble::CutReply(10), Trouble::FailureAfterwards(502)] {
        let line = Line::new(&[]);
        line.proxy.ahead(Asked::Upload, [Some(trouble)]);
        let run = line.run("run minor --yes");
        assert_eq!(run.status(), 0, "{trouble:?}: {run}");
        line.is_published();
        // It was stored, so it was not sent again.
        assert_eq!(line.proxy.sent().len(), 2, "{trouble:?}");
    }
}

#[test]
fn a_file_that_did_not_arrive_is_sent_again_with_the_same_bytes() {
    let line = Line::new(&[]);
    line.proxy.ahead(Asked::Upload, [Some(Trouble::Failure(503)), None, Some(Trouble::CutRequest(600))]);
    let run = line.run("run minor --yes");
    assert_eq!(run.status(), 0, "{run}");
    run.stderr_contains("sending it again");
    line.is_published();
}

/// Larger than the buffers of a connection, so that the client notices the cut in the middle.
#[test]
fn a_large_file_that_was_cut_in_the_middle_is_sent_again_whole() {
    let mut text = String::from("DATA = '''\n");
    let mut number: u64 = 1;
    while text.len() < 12 << 20 {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push_str(&format!("{number:016x}\n"));
    }
    text.push_str("'''\n");
    let line = Line::new(&[("src/demo/data.py", &text)]);
    line.proxy.ahead(Asked::Upload, [Some(Trouble::CutRequest(1 << 20))]);
    let run = line.run("run minor --yes");
    assert_eq!(run.status(), 0, "{run}");
    line.is_published();
}

/// The reply is lost and the page is outdated: the file is sent again and refused as a duplicate of itself.
#[test]
fn an_old_page_does_not_make_a_second_content() {
    let line = Line::new(&[]);
    line.proxy.ahead(Asked::Upload, [Some(Trouble::LostReply)]);
    // A client that finds nothing asks again with credentials.
    line.proxy.ahead(Asked::Listing, [None, None, Some(Trouble::Stale), Some(Trouble::Stale)]);
    let run = line.run("run minor --yes");
    assert_eq!(run.status(), 0, "{run}");
    line.is_published();
    assert_eq!(line.proxy.sent().len(), 3);
}

/// Wrong answers of an index leave the release in doubt; once the index is right again, the release completes.
#[test]
fn a_page_that_cannot_be_right_leaves_the_upload_in_doubt() {
    for trouble in [Trouble::OtherHashes, Trouble::Garbled, Trouble::Failure(500), Trouble::Refused] {
        let line = Line::new(&[]);
        line.proxy.ahead(Asked::Upload, [Some(Trouble::LostReply)]);
        line.proxy.ahead(Asked::Listing, [None, None, Some(trouble), Some(trouble), Some(trouble)]);
        let run = line.run("run minor --yes");
        assert_eq!(run.status(), 4, "{trouble:?}: {run}");
        run.stderr_contains("pyrelease resume");
        line.proxy.calm();
        let resumed = line.run("resume --yes");
        assert_eq!(resumed.status(), 0, "{trouble:?}: {resumed}");
        line.is_published();
    }
}

/// Some servers store what they received before the connection broke, and report success.
#[test]
fn a_rehearsal_index_that_cuts_a_file_short_stops_the_release() {
    let (rehearsal, public) = IndexServer::two_pypiservers();
    let proxy = Proxy::before(&rehearsal.upload_url(), &rehearsal.simple_url());
    let config = format!(
        "[index.testpypi]\nupload = \"{}\"\nsimple = \"{}\"\n\n[index.pypi]\nupload = \"{}\"\nsimple = \"{}\"\n{QUICK}",
        proxy.upload_url(),
        proxy.simple_url(),
        public.upload_url(),
        public.simple_url()
    );
    let project = quick().config(&config).build();
    let token = |server: &IndexServer| server.password().reveal().to_owned();
    let run = |command: &str| {
        let run = project.pyrelease(command).env("PYRELEASE_TOKEN_PYPI", token(&public));
        run.env("PYRELEASE_TOKEN_TESTPYPI", token(&rehearsal))
    };
    let before = project.snapshot();
    proxy.ahead(Asked::Upload, [None, Some(Trouble::Truncated(10))]);
    let outcome = run("run minor --yes").code(1);
    outcome.stderr_contains(
        "`testpypi` has other files than were uploaded: it lists demo-1.1.0.tar.gz with the",
    );
    project.assert_unchanged(&before);
    project.assert_no_debris();
    assert!(public.files("demo").is_empty());
    assert_eq!(rehearsal.files("demo").len(), 2);
}

#[test]
fn a_public_index_that_cuts_a_file_short_is_not_said_to_have_released_it() {
    let line = Line::new(&[]);
    line.proxy.ahead(Asked::Upload, [Some(Trouble::Truncated(10))]);
    let run = line.run("run minor --yes");
    assert_eq!(run.status(), 4, "{run}");
    run.stderr_contains("it lists demo-1.1.0-py3-none-any.whl with the").stderr_contains("yank it there");
    run.stderr_contains("release the next version").stderr_contains("`pyrelease rollback --leave`");
    assert!(!run.stderr().contains("finish the release"), "{run}");
    assert!(!run.stderr().contains("Released"), "{run}");

    let status = line.run("status");
    status
        .stdout_contains("other bytes than those that were checked")
        .stdout_contains("pyrelease rollback --leave");
    let resumed = line.run("resume --yes");
    assert_eq!(resumed.status(), 4, "{resumed}");
    resumed.stderr_contains("yank it there");
    assert_eq!(line.proxy.sent().len(), 2, "nothing was sent again");
    let left = line.run("rollback --leave --yes");
    assert_eq!(left.status(), 0, "{left}");
    line.project.assert_no_debris();
}

/// A file that is not listed yet was still stored, and one wrong page may come from a cache.
#[test]
fn a_page_that_lags_does_not_stop_a_release() {
    let wrong_once = [None, Some(Trouble::Garbled), Some(Trouble::OtherHashes)];
    let old_for_long = [&[None], &[Some(Trouble::Stale); 20][..]].concat();
    for (pages, compares) in [(&wrong_once[..], true), (&old_for_long, false)] {
        let line = Line::new(&[]);
        line.proxy.ahead(Asked::Listing, pages.iter().copied());
        let run = line.run("run minor --yes");
        assert_eq!(run.status(), 0, "{run}");
        assert_eq!(run.stderr().contains("were not compared with the uploaded ones"), !compares, "{run}");
        line.is_published();
    }
}
