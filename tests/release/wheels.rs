//! Releases of many wheels with parallel uploads: however a release is interrupted, each file is stored once, with the
//! bytes that were built.

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::time::Duration;

use pyrelease_test_support::{
    Asked, Config, IndexServer, Invocation, Project, Proxy, Python, Running, Trouble, str,
};

use super::quick;

const PLATFORMS: [&str; 5] =
    ["any", "macosx_11_0_arm64", "manylinux_2_28_aarch64", "manylinux_2_28_x86_64", "win_amd64"];

/// A project with a wheel for each platform, built by uv, ready to release to a pypiserver behind a proxy
struct Matrix {
    project: Project,
    server: IndexServer,
    proxy: Proxy,
}

impl Matrix {
    fn new() -> Self {
        let server = IndexServer::pypiserver();
        let proxy = Proxy::before(&server.upload_url(), &server.simple_url());
        let config = Config::stages("changelog version tag build check push pypi")
            .stage("build")
            .set("frontend", "uv")
            .set("isolation", false)
            .stage("pypi")
            .set("connections", 8)
            .server("pypi", &proxy.upload_url(), &proxy.simple_url());
        let project = quick().file("backend/platforms", &PLATFORMS.join("\n")).config(&config).build();
        Self { project, server, proxy }
    }

    /// A run of the program with uv first on PATH.
    fn call(&self, command: &str) -> Invocation<'_> {
        let path = self.project.sandbox().environment().remove(OsStr::new("PATH")).unwrap_or_default();
        let folders = [Python::with_uv().programs()].into_iter().chain(std::env::split_paths(&path));
        self.project
            .pyrelease(command)
            .env("PATH", std::env::join_paths(folders).expect("folders of a PATH"))
            .env("PYRELEASE_TOKEN_PYPI", self.server.password().reveal())
    }

    /// Waits until this many uploads have begun and this many files are stored.
    fn wait_for(&self, running: &Running<'_>, begun: usize, stored: usize) {
        while !running.has_ended()
            && (self.proxy.busy().len() < begun || self.server.files("demo").len() < stored)
        {
            running.wait(Duration::from_millis(20));
        }
    }

    /// How often each file arrived at the index.
    fn arrived(&self) -> BTreeMap<String, usize> {
        let mut arrived = BTreeMap::new();
        for sent in self.proxy.sent().into_iter().filter(|sent| sent.arrived) {
            *arrived.entry(sent.filename).or_default() += 1;
        }
        arrived
    }

    /// Asserts that all six files are stored, each arrived once, and none was sent with two contents.
    #[track_caller]
    fn is_published_once(&self) {
        let files = self.server.files("demo");
        assert_eq!(files.len(), PLATFORMS.len() + 1, "{files:?}");
        for (name, sha256) in &files {
            assert_eq!(self.arrived()[name], 1, "`{name}`");
            let contents: BTreeSet<String> = self
                .proxy
                .sent()
                .into_iter()
                .filter(|sent| sent.filename == *name)
                .map(|sent| sent.sha256)
                .collect();
            assert_eq!(contents, BTreeSet::from([sha256.clone()]), "`{name}`");
        }
        let sent = self.proxy.sent();
        assert!(
            sent.last().is_some_and(|last| last.filename.ends_with(".tar.gz")),
            "the sdist is the last: {sent:?}"
        );
        self.project.assert_tree_clean();
        self.project.assert_no_debris();
    }

    #[track_caller]
    fn is_in_doubt(&self) -> Value {
        self.call("rollback --yes").code(4);
        self.call("status --format json").code(0).json()
    }
}

#[test]
fn wheels_are_sent_together_after_the_first_and_before_the_sdist() {
    let matrix = Matrix::new();
    matrix.proxy.ahead(Asked::Upload, [None].into_iter().chain([Some(Trouble::Late(150)); 4]));
    matrix.call("run minor --yes").code(0);
    matrix.is_published_once();
    let busy = matrix.proxy.busy();
    assert_eq!((busy[0], busy[1..5].iter().max(), busy[5]), (1, Some(&4), 1), "{busy:?}");
}

/// Files that fail because several arrive at once are sent again one by one, and the release is complete.
#[test]
fn wheels_go_one_by_one_if_the_index_fails_on_parallel_uploads() {
    let matrix = Matrix::new();
    matrix.proxy.deadlocks_beyond(1);
    matrix.call("run minor --yes").code(0).messages_eq(str![[r#"
warning: [pypi] the index fails on parallel uploads: uploading the remaining files one at a time
...

"#]]);
    matrix.is_published_once();
}

/// Two were stored without a record, two were not: the journal has four intents without an end.
#[test]
fn a_run_killed_with_four_uploads_under_way_is_finished_without_sending_what_is_there() {
    let matrix = Matrix::new();
    let troubles = [Trouble::Unanswered, Trouble::Stuck, Trouble::Unanswered, Trouble::Stuck].map(Some);
    matrix.proxy.ahead(Asked::Upload, [None].into_iter().chain(troubles));
    let kill = |running: &Running<'_>| {
        matrix.wait_for(running, 5, 3);
        running.signal("KILL");
    };
    let killed = matrix.call("run minor --yes").meanwhile(kill).run();
    assert_eq!(killed.status(), -1, "{killed}");
    assert_eq!(matrix.arrived().len(), 3);

    let status = matrix.is_in_doubt();
    assert_eq!(status["next"], json!(["pyrelease resume"]));
    matrix.call("resume --yes").code(0);
    matrix.is_published_once();
    // The first file, the four twice except the two that were stored, and the sdist
    assert_eq!(matrix.proxy.sent().len(), 1 + 4 + 2 + 1);
}

#[test]
fn a_run_killed_again_and_again_while_it_sends_is_finished_at_last() {
    let matrix = Matrix::new();
    for (command, troubles) in [
        ("run minor --yes", [Trouble::Stuck; 1].to_vec()),
        ("resume --yes", [Trouble::Unanswered; 1].to_vec()),
        ("resume --yes", vec![Trouble::Stuck, Trouble::Unanswered, Trouble::Stuck, Trouble::Stuck]),
        ("resume --yes", vec![Trouble::Unanswered, Trouble::Unanswered, Trouble::Unanswered]),
        ("resume --yes", vec![Trouble::Unanswered]),
    ] {
        let begun = matrix.proxy.busy().len() + troubles.len();
        let stored = matrix.server.files("demo").len()
            + troubles.iter().filter(|trouble| **trouble == Trouble::Unanswered).count();
        matrix.proxy.ahead(Asked::Upload, troubles.into_iter().map(Some));
        let kill = |running: &Running<'_>| {
            matrix.wait_for(running, begun, stored);
            running.signal("KILL");
        };
        let killed = matrix.call(command).meanwhile(kill).run();
        assert_eq!(killed.status(), -1, "{killed}");
        matrix.is_in_doubt();
    }
    // All were stored, and none was recorded.
    matrix.call("resume --yes").code(0);
    matrix.is_published_once();
}

/// Uploads in progress finish, no further ones begin, and nothing public is undone.
#[test]
fn an_interrupt_waits_for_the_uploads_under_way_and_begins_no_more() {
    let matrix = Matrix::new();
    matrix.proxy.ahead(Asked::Upload, [None].into_iter().chain([Some(Trouble::Late(400)); 4]));
    let interrupt = |running: &Running<'_>| {
        matrix.wait_for(running, 5, 1);
        running.signal("INT");
    };
    let ended = matrix.call("run minor --yes").meanwhile(interrupt).code(4);
    ended.messages_eq(str![[r#"
error: `pypi` failed after the point of no return: interrupted
help: demo-1.1.0-py3-none-any.whl on pypi is public; finish the release with `pyrelease resume`

"#]]);
    assert!(!matrix.arrived().keys().any(|name| name.ends_with(".tar.gz")), "{:?}", matrix.arrived());
    matrix.call("resume --yes").code(0);
    matrix.is_published_once();
}
