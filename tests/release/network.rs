//! Releases over a faulty network: no file is sent with two contents, and the index's answers are compared with what
//! was sent.

use std::collections::{BTreeMap, BTreeSet};

use pyrelease_test_support::{Asked, Config, IndexServer, Project, Proxy, Transcript, Trouble, str};

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
        let config = Config::stages("changelog version tag build push pypi")
            .server("pypi", &proxy.upload_url(), &proxy.simple_url())
            .lines(QUICK);
        let blueprint = more.iter().fold(quick(), |blueprint, (path, text)| blueprint.file(path, text));
        Self { project: blueprint.config(&config).build(), server, proxy }
    }

    fn run(&self, command: &str) -> pyrelease_test_support::Outcome {
        let run = self.project.pyrelease(command).env("PYRELEASE_OFFLINE", "");
        run.env("PYRELEASE_TOKEN_PYPI", self.server.password().reveal()).run()
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
    let mut seen = Transcript::named("network/a-refusal-that-is-final-has-a-way-out");
    let line = Line::new(&[]);
    line.proxy.ahead(Asked::Upload, [None, Some(Trouble::Closed), Some(Trouble::Closed)]);
    for command in ["run minor --yes", "resume --yes"] {
        let stopped = line.run(command);
        assert_eq!(stopped.status(), 4, "{stopped}");
        seen.add_error(&stopped);
        let status = line.run("status --format json").json();
        assert_eq!(status["next"], serde_json::json!(["pyrelease rollback --leave"]));
        seen.add(&line.run("status"));
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
    seen.assert();
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
    run.stderr_eq(str![[r#"
note: untracked files are not released: `notes.txt`
help: `git add` and commit them if they belong to this release
demo 1.1.0 (now 1.0.0), tag v1.1.0, from main at [OID]
   Releasing 1.1.0 (run [RUN])
     Writing CHANGELOG.md
     Writing pyproject.toml
  Committing "Release 1.1.0"
     Tagging v1.1.0
    Building sdist and wheel with python -m build
             demo-1.1.0-py3-none-any.whl ([SIZE], sha256 [SHA256])
             demo-1.1.0.tar.gz ([SIZE], sha256 [SHA256])
     Landing in your repository: main and tag v1.1.0
     Pushing main and v1.1.0 to origin, atomically
  Publishing to pypi: past this point the release can only be completed
   Uploading to pypi (http://127.0.0.1:[PORT]/, release.toml)
warning: [pypi] `pypi` may or may not have stored `demo-1.1.0-py3-none-any.whl`: the server failed with HTTP 503 503: this is the proxy speaking, the index does not list the file; sending it again
    Uploaded demo-1.1.0-py3-none-any.whl to pypi
warning: [pypi] `pypi` may or may not have stored `demo-1.1.0.tar.gz`: everything was sent, but no reply came: connection closed before message completed, the index does not list the file; sending it again
    Uploaded demo-1.1.0.tar.gz to pypi
    Released demo 1.1.0
     View at http://127.0.0.1:[PORT]/simple/demo/

"#]]);
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
    let mut seen = Transcript::named("network/a-page-that-cannot-be-right-leaves-the-upload-in-doubt");
    for trouble in [Trouble::OtherHashes, Trouble::Garbled, Trouble::Failure(500), Trouble::Refused] {
        let line = Line::new(&[]);
        line.proxy.ahead(Asked::Upload, [Some(Trouble::LostReply)]);
        line.proxy.ahead(Asked::Listing, [None, None, Some(trouble), Some(trouble), Some(trouble)]);
        let run = line.run("run minor --yes");
        assert_eq!(run.status(), 4, "{trouble:?}: {run}");
        seen.heading(&format!("{trouble:?}"));
        seen.add_messages(&run);
        line.proxy.calm();
        let resumed = line.run("resume --yes");
        assert_eq!(resumed.status(), 0, "{trouble:?}: {resumed}");
        line.is_published();
    }
    seen.assert();
}

/// Some servers store what they received before the connection broke, and report success.
#[test]
fn a_rehearsal_index_that_cuts_a_file_short_stops_the_release() {
    let (rehearsal, public) = IndexServer::two_pypiservers();
    let proxy = Proxy::before(&rehearsal.upload_url(), &rehearsal.simple_url());
    let config = Config::default()
        .server("testpypi", &proxy.upload_url(), &proxy.simple_url())
        .server("pypi", &public.upload_url(), &public.simple_url())
        .lines(QUICK);
    let project = quick().config(&config).build();
    let token = |server: &IndexServer| server.password().reveal().to_owned();
    let run = |command: &str| {
        let run = project.pyrelease(command).env("PYRELEASE_TOKEN_PYPI", token(&public));
        run.env("PYRELEASE_TOKEN_TESTPYPI", token(&rehearsal))
    };
    let before = project.snapshot();
    proxy.ahead(Asked::Upload, [None, Some(Trouble::Truncated(10))]);
    let outcome = run("run minor --yes").code(1);
    outcome.messages_eq(str![[r#"
error: `testpypi` has other files than were uploaded: it lists demo-1.1.0.tar.gz with the sha256 [SHA256] instead of [SHA256]
help: the index may truncate files, or somebody else may have uploaded one: check the index first
help: left on `testpypi`: demo-1.1.0-py3-none-any.whl, demo-1.1.0.tar.gz; the next run rehearses there as `.devN`, unless it builds the same bytes

"#]]);
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
    run.stderr_eq(str![[r#"
note: untracked files are not released: `notes.txt`
help: `git add` and commit them if they belong to this release
demo 1.1.0 (now 1.0.0), tag v1.1.0, from main at [OID]
   Releasing 1.1.0 (run [RUN])
     Writing CHANGELOG.md
     Writing pyproject.toml
  Committing "Release 1.1.0"
     Tagging v1.1.0
    Building sdist and wheel with python -m build
             demo-1.1.0-py3-none-any.whl ([SIZE], sha256 [SHA256])
             demo-1.1.0.tar.gz ([SIZE], sha256 [SHA256])
     Landing in your repository: main and tag v1.1.0
     Pushing main and v1.1.0 to origin, atomically
  Publishing to pypi: past this point the release can only be completed
   Uploading to pypi (http://127.0.0.1:[PORT]/, release.toml)
    Uploaded demo-1.1.0-py3-none-any.whl to pypi
    Uploaded demo-1.1.0.tar.gz to pypi
error: `pypi` failed after the point of no return: `pypi` has other files than were uploaded: it lists demo-1.1.0-py3-none-any.whl with the sha256 [SHA256] instead of [SHA256]
help: the index may truncate files, or somebody else may have uploaded one: check the index first
help: users who install demo 1.1.0 from `pypi` get those unchecked bytes: yank it there (or delete the file, if the index allows it), and release the next version when the index is repaired
help: then run `pyrelease rollback --leave` to end this run as it is, or `pyrelease resume` to compare again

"#]]);

    let status = line.run("status");
    status.stdout_eq(str![[r#"
demo 1.1.0: interrupted in `pypi`
  run       [RUN]
  folder    [ROOT]/demo/.git/pyrelease/runs/[RUN]
  failed    pypi: `pypi` has other files than were uploaded: it lists demo-1.1.0-py3-none-any.whl with the sha256 [SHA256] instead of [SHA256]
  stages    changelog ✓, version ✓, tag ✓, build ✓, push ✓, pypi
  done      main in the repository and tag v1.1.0
  done      main and v1.1.0 at origin
  done      demo-1.1.0-py3-none-any.whl on pypi
  done      demo-1.1.0.tar.gz on pypi

  file                         sha256        here     pypi
  demo-1.1.0-py3-none-any.whl  [SHA256]      present  different: [SHA256]
  demo-1.1.0.tar.gz            [SHA256]      present  same

  ref         at      now         state
  main        here    [OID]       as the run made it
  tag v1.1.0  here    [OID]       as the run made it
  main        origin  [OID]       as the run made it
  tag v1.1.0  origin  [OID]       as the run made it

note: demo-1.1.0-py3-none-any.whl on pypi is public: the release can only be completed
note: demo-1.1.0-py3-none-any.whl is public with other bytes than those that were checked: yank the release, or delete the file if the index allows it; `rollback --leave` gives up the run as it is, and the next version replaces it

next: pyrelease rollback --leave

"#]]);
    let resumed = line.run("resume --yes");
    assert_eq!(resumed.status(), 4, "{resumed}");
    resumed.messages_eq(str![[r#"
error: `pypi` failed after the point of no return: `pypi` has other files than were uploaded: it lists demo-1.1.0-py3-none-any.whl with the sha256 [SHA256] instead of [SHA256]
help: the index may truncate files, or somebody else may have uploaded one: check the index first
help: users who install demo 1.1.0 from `pypi` get those unchecked bytes: yank it there (or delete the file, if the index allows it), and release the next version when the index is repaired
help: then run `pyrelease rollback --leave` to end this run as it is, or `pyrelease resume` to compare again

"#]]);
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
    let mut seen = Transcript::named("network/a-page-that-lags-does-not-stop-a-release");
    for (heading, pages) in [("wrong once", &wrong_once[..]), ("old for long", &old_for_long)] {
        seen.heading(heading);
        let line = Line::new(&[]);
        line.proxy.ahead(Asked::Listing, pages.iter().copied());
        let run = line.run("run minor --yes");
        assert_eq!(run.status(), 0, "{run}");
        seen.add_messages(&run);
        line.is_published();
    }
    seen.assert();
}

/// A plan asks the public index whether users would take another release for the newest.
#[test]
fn a_plan_knows_of_releases_made_elsewhere() {
    let mut seen = Transcript::named("network/a-plan-knows-of-releases-made-elsewhere");
    let line = Line::new(&[]);
    assert_eq!(line.run("run minor --yes").status(), 0);
    line.project.git(&["tag", "--delete", "v1.1.0"]);
    line.project.git(&["reset", "--quiet", "--hard", "v1.0.0"]);
    for (command, status) in [("plan patch", 3), ("run patch --dry-run", 3), ("plan patch --force", 0)] {
        let outcome = line.run(command);
        assert_eq!(outcome.status(), status, "{outcome}");
        seen.add_messages(&outcome);
    }
    // It is only a plan: what it cannot know, `run` will ask again.
    line.proxy.ahead(Asked::Listing, [Some(Trouble::Closed)]);
    seen.add_messages(&line.run("plan patch"));
    seen.assert();
}
