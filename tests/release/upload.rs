//! `pyrelease upload`: uploads to real indexes, without a project, over faulty networks. Stored files are never sent
//! again, and the outcome of every file is reported.

#![expect(clippy::unwrap_used, reason = "these are tests")]

mod probing;
mod registries;
mod registry;
mod servers;

use std::collections::BTreeMap;
use std::path::PathBuf;

use pyrelease::server::{Access, EmbeddedIndex};
use pyrelease_test_support::distribution::{sdist, wheel};
use pyrelease_test_support::{Asked, IndexServer, Proxy, Sandbox, Trouble};
use serde_json::Value;

/// A folder with distributions only, without a repository or a configuration
struct UploadProject {
    sandbox: Sandbox,
    folder: PathBuf,
}

/// The outcome of a command
struct Ended {
    code: i32,
    events: Vec<Value>,
    text: String,
}

impl UploadProject {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let folder = sandbox.root().join("upload_project");
        fs_err::create_dir(&folder).unwrap();
        Self { sandbox, folder }
    }

    /// Creates a folder with a wheel and a source distribution of a version.
    fn with_release(version: &str) -> Self {
        let upload_project = Self::new();
        upload_project.release(version);
        upload_project
    }

    fn release(&self, version: &str) {
        wheel(&self.folder, "demo", version, "any", "hello");
        sdist(&self.folder, "demo", version, "hello");
    }

    /// Uploads all files of the folder.
    fn upload(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
        let folder = self.folder.to_str().unwrap();
        let mut all = vec!["upload", folder, "--format", "json"];
        all.extend(arguments);
        self.run(&all, variables)
    }

    fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
        let program = env!("CARGO_BIN_EXE_pyrelease");
        let command = self.sandbox.command_with(&self.folder, program, arguments, variables);
        let output = command.unchecked().stdout_capture().stderr_capture().run().unwrap();
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let events = stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let text = format!("{stdout}{}", String::from_utf8_lossy(&output.stderr));
        Ended { code: output.status.code().unwrap_or(-1), events, text }
    }
}

impl Ended {
    #[track_caller]
    fn code(self, expected: i32) -> Self {
        assert_eq!(self.code, expected, "{}", self.text);
        self
    }

    #[track_caller]
    fn says(&self, words: &str) -> &Self {
        assert!(self.text.contains(words), "`{words}` is not in {}", self.text);
        self
    }

    /// The status of each file, by name.
    fn statuses(&self) -> BTreeMap<&str, &str> {
        let files = self.events.iter().filter(|event| event["event"] == "file");
        files.map(|event| (event["file"].as_str().unwrap(), event["fate"].as_str().unwrap())).collect()
    }
}

/// An embedded index behind a proxy
struct Embedded {
    folder: tempfile::TempDir,
    _index: EmbeddedIndex,
    proxy: Proxy,
}

impl Embedded {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let index = EmbeddedIndex::start(folder.path(), "corp", Access::Everybody).unwrap();
        let proxy = Proxy::before(&index.upload_url(), &index.simple_url());
        Self { folder, _index: index, proxy }
    }

    fn files(&self) -> Vec<String> {
        let entries = fs_err::read_dir(self.folder.path().join("demo")).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn upload(&self, upload_project: &UploadProject, more: &[&str]) -> Ended {
        let (url, simple) = (self.proxy.upload_url(), self.proxy.simple_url());
        upload_project.upload(&[&["--url", &url, "--simple", &simple], more].concat(), &[])
    }

    /// Without the first listing.
    fn upload_blindly(&self, upload_project: &UploadProject) -> Ended {
        upload_project.upload(&["--url", &self.proxy.upload_url()], &[])
    }
}

#[test]
fn files_that_lie_anywhere_are_uploaded_and_the_same_ones_never_again() {
    let (upload_project, index) = (UploadProject::with_release("1.0"), Embedded::new());
    let first = index.upload(&upload_project, &[]).code(0);
    let names = ["demo-1.0-py3-none-any.whl", "demo-1.0.tar.gz"];
    assert_eq!(first.statuses(), BTreeMap::from(names.map(|name| (name, "there"))));
    assert_eq!(index.files(), names);
    first.says("\"event\":\"published\"");

    let again = index.upload(&upload_project, &[]).code(0);
    again.says("already has every file, with the same bytes");
    assert_eq!(again.statuses(), first.statuses());
    assert_eq!(index.proxy.sent().len(), 2);
}

#[test]
fn what_an_index_shows_is_compared_with_what_was_sent() {
    let (upload_project, index) = (UploadProject::with_release("1.0"), Embedded::new());
    upload_project
        .upload(&["--url", &index.proxy.upload_url(), "--verify"], &[])
        .code(2)
        .says("--simple URL");
    // The first listing, then an outdated page and a broken one.
    index.proxy.ahead(Asked::Listing, [None, Some(Trouble::Stale), Some(Trouble::Garbled)]);
    let verified = index.upload(&upload_project, &["--verify"]).code(0);
    verified.says("lists all 2 files with their hashes, and serves the uploaded bytes");
    upload_project.release("1.1");
    for old in ["demo-1.0-py3-none-any.whl", "demo-1.0.tar.gz"] {
        fs_err::remove_file(upload_project.folder.join(old)).unwrap();
    }
    let wrong = Some(Trouble::OtherHashes);
    index.proxy.ahead(Asked::Listing, [None, wrong, wrong]);
    index
        .upload(&upload_project, &["--verify"])
        .code(4)
        .says("lists demo-1.1-py3-none-any.whl with the sha256");
}

/// A cache may list a file before it has it completely; that is not a different file.
#[test]
fn a_listed_file_that_cannot_be_downloaded_yet_is_waited_for() {
    let (upload_project, index) = (UploadProject::with_release("1.0"), Embedded::new());
    // The first listing, the listing after the upload, and then the file.
    let late = [Trouble::Stale, Trouble::CutReply(700), Trouble::Failure(503)].map(Some);
    index.proxy.ahead(Asked::Listing, [&[None, None], &late[..]].concat());
    index.upload(&upload_project, &["--verify"]).code(0).says("serves the uploaded bytes");
}

/// Some servers store what they received before the connection broke, and report success.
#[test]
fn a_file_that_an_index_keeps_cut_short_is_not_uploaded() {
    let server = IndexServer::open();
    let upload_project = UploadProject::with_release("1.0");
    let proxy = Proxy::before(&server.upload_url(), &server.simple_url());
    proxy.ahead(Asked::Upload, [None, Some(Trouble::Truncated(1))]);
    let (url, simple) = (proxy.upload_url(), proxy.simple_url());
    let ended = upload_project.upload(&["--url", &url, "--simple", &simple], &[]).code(4);
    ended
        .says("has other files than were uploaded: it lists demo-1.0.tar.gz with the sha256")
        .says("yank it there");
    assert!(!ended.text.contains("\"event\":\"published\""), "{}", ended.text);
}

#[test]
fn an_upload_is_installed_from_the_index_and_tested() {
    let (upload_project, index) = (UploadProject::with_release("1.0"), Embedded::new());
    index.upload(&upload_project, &["--smoke", "true"]).code(2).says("--install");
    index.upload(&upload_project, &["--install", "--smoke", "'"]).code(2).says("a quote is not closed");
    assert!(index.proxy.sent().is_empty());
    let tell = "python -c \"import importlib.metadata as m; print('it is', m.version('demo'))\"";
    let tried = index.upload(&upload_project, &["--install", "--smoke", tell]).code(0);
    tried.says("it is 1.0").says("1.0 installs from");
    // Nothing is sent again, and the release fails its test.
    let sent = index.proxy.sent().len();
    index
        .upload(&upload_project, &["--install", "--smoke", "python -c 'raise SystemExit(7)'"])
        .code(1)
        .says("7");
    assert_eq!(index.proxy.sent().len(), sent);
}

#[test]
fn an_index_that_cannot_be_asked_says_what_to_look_at() {
    let upload_project = UploadProject::with_release("1.0");
    // The server is gone.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let simple = format!("http://{gone}/simple/");
    let refused =
        upload_project.upload(&["--url", &format!("http://{gone}/legacy/"), "--simple", &simple], &[]);
    refused.code(3).says("failed to list the files of").says("check the URL, the network and the proxy");
    // One failure is retried.
    let index = Embedded::new();
    index.proxy.ahead(Asked::Listing, [Some(Trouble::Failure(500)), Some(Trouble::Refused)]);
    index.upload(&upload_project, &[]).code(0);
}

#[test]
fn a_file_that_the_verdict_refuses_is_not_sent_nor_any_other() {
    let (upload_project, index) = (UploadProject::with_release("1.0"), Embedded::new());
    let path = upload_project.folder.join("demo-1.0.tar.gz");
    let whole = fs_err::read(&path).unwrap();
    fs_err::write(&path, &whole[..whole.len() - 10]).unwrap();
    index.upload(&upload_project, &[]).code(3).says("nothing has been sent");
    assert!(index.proxy.sent().is_empty());
}

#[test]
fn another_file_in_the_way_is_seen_before_anything_is_sent() {
    let (upload_project, index) = (UploadProject::with_release("1.0"), Embedded::new());
    let other = UploadProject::new();
    sdist(&other.folder, "demo", "1.0", "another");
    index.upload(&other, &[]).code(0);
    let refused = index.upload(&upload_project, &[]).code(3);
    refused.says("has a different demo-1.0.tar.gz: its sha256 is").says("release another version");
    assert_eq!(index.files(), ["demo-1.0.tar.gz"]);
}

#[test]
fn files_of_two_releases_are_refused() {
    let (upload_project, index) = (UploadProject::with_release("1.0"), Embedded::new());
    upload_project.release("1.1");
    let refused = index.upload(&upload_project, &[]);
    assert!([2, 3].contains(&refused.code), "{}", refused.text);
    assert!(index.proxy.sent().is_empty());
}

/// Named by itself, by its folder, by a link, and in another folder.
#[test]
fn a_file_that_is_named_twice_is_sent_once() {
    let (upload_project, index) = (UploadProject::with_release("1.0"), Embedded::new());
    let wheel = "demo-1.0-py3-none-any.whl";
    let copies = upload_project.sandbox.root().join("copies");
    fs_err::create_dir(&copies).unwrap();
    fs_err::copy(upload_project.folder.join(wheel), copies.join(wheel)).unwrap();
    let copy = copies.join(wheel);
    let twice = ["demo-1.0.tar.gz", "./demo-1.0.tar.gz", wheel, copy.to_str().unwrap()];
    let ended = index.upload(&upload_project, &twice).code(0);
    assert_eq!(index.proxy.sent().len(), 2, "{}", ended.text);
    // A different file of the same name is an error.
    fs_err::write(&copy, "other bytes").unwrap();
    index.upload(&upload_project, &[copy.to_str().unwrap()]).code(3).says("nothing has been sent");
    assert_eq!(index.proxy.sent().len(), 2);
}

#[test]
fn a_file_that_is_gone_or_another_when_its_turn_comes_is_not_sent() {
    for (rest, says) in [(None, "failed to read"), (Some("other bytes"), "changed after it was built")] {
        let (upload_project, index) = (UploadProject::with_release("1.0"), Embedded::new());
        let sdist = upload_project.folder.join("demo-1.0.tar.gz");
        let whole = fs_err::read(&sdist).unwrap();
        let path = sdist.clone();
        // During the upload of the wheel.
        index.proxy.watch(move || match rest {
            None => drop(fs_err::remove_file(&path)),
            Some(text) => fs_err::write(&path, text).unwrap(),
        });
        let ended = index.upload(&upload_project, &[]).code(4);
        ended.says(says).says("run the command again to upload the rest");
        let statuses =
            BTreeMap::from([("demo-1.0-py3-none-any.whl", "there"), ("demo-1.0.tar.gz", "not-there")]);
        assert_eq!(ended.statuses(), statuses);
        index.proxy.watch(|| {});
        fs_err::write(&sdist, whole).unwrap();
        index.upload(&upload_project, &[]).code(0);
        assert_eq!(index.proxy.sent().len(), 2);
    }
}

#[test]
fn an_index_and_its_address_are_named_once() {
    let upload_project = UploadProject::with_release("1.0");
    upload_project.upload(&[], &[]).code(2).says("--index");
    upload_project.upload(&["--index", "pypy"], &[]).code(2).says("did you mean `pypi`?");
    upload_project.upload(&["--url", "http://pypi.example/"], &[]).code(2).says("plain `http`");
    upload_project.upload(&["--index", "pypi", "--connections", "0"], &[]).code(2).says("between 1 and 32");
    upload_project
        .run(&["upload", "nothing.whl", "--index", "pypi"], &[])
        .code(2)
        .says("`nothing.whl` does not exist");
}

/// A dozen wheels: the first alone, then at most four at a time, and the sdist after all of them.
#[test]
fn wheels_go_together_between_the_first_file_and_the_sdist() {
    let (upload_project, index) = (UploadProject::new(), Embedded::new());
    for minor in 10..22 {
        wheel(&upload_project.folder, "demo", "1.0", &format!("macosx_10_{minor}_x86_64"), "hello");
    }
    sdist(&upload_project.folder, "demo", "1.0", "hello");
    index.proxy.ahead(Asked::Upload, vec![Some(Trouble::Late(60)); 13]);
    index.upload(&upload_project, &["--connections", "4"]).code(0);
    let busy = index.proxy.busy();
    assert_eq!(busy.len(), 13);
    assert_eq!((busy[0], busy[12]), (1, 1), "{busy:?}");
    assert!(busy.iter().all(|together| *together <= 4) && busy.contains(&4), "{busy:?}");
    assert_eq!(index.proxy.sent().first().unwrap().filename, "demo-1.0-py3-none-macosx_10_10_x86_64.whl");
    assert_eq!(index.proxy.sent().last().unwrap().filename, "demo-1.0.tar.gz");
}

/// PyPI's own server deadlocks if more than two files of a release arrive at once.
#[test]
fn an_index_that_deadlocks_still_gets_every_file() {
    let upload_project = UploadProject::new();
    for minor in 10..22 {
        wheel(&upload_project.folder, "demo", "1.0", &format!("macosx_10_{minor}_x86_64"), "hello");
    }
    sdist(&upload_project.folder, "demo", "1.0", "hello");
    let careful = Embedded::new();
    careful.proxy.deadlocks_beyond(2);
    let ended = careful.upload(&upload_project, &[]).code(0);
    assert!(!ended.text.contains("500"), "{}", ended.text);
    assert_eq!((careful.files().len(), careful.proxy.busy().into_iter().max()), (13, Some(2)));

    // With more connections, the files are sent one by one after the first failure.
    let greedy = Embedded::new();
    greedy.proxy.deadlocks_beyond(2);
    let ended = greedy.upload(&upload_project, &["--connections", "8"]).code(0);
    ended.says("uploading the remaining files one at a time");
    assert!(ended.statuses().values().all(|fate| *fate == "there"), "{}", ended.text);
    assert_eq!(greedy.files(), careful.files());
    let (busy, sent) = (greedy.proxy.busy(), greedy.proxy.sent());
    assert_eq!(sent.iter().filter(|sent| sent.arrived).count(), 13);
    let failed = sent.len() - 13;
    assert!((1..=8).contains(&failed), "{failed} failed");
    assert!(busy.ends_with(&[1, 1, 1]), "{busy:?}");
}

#[test]
fn a_refusal_stops_further_uploads_and_reports_all_outcomes() {
    let (upload_project, index) = (UploadProject::new(), Embedded::new());
    let others = UploadProject::new();
    for minor in 10..20 {
        wheel(&upload_project.folder, "demo", "1.0", &format!("macosx_10_{minor}_x86_64"), "hello");
    }
    sdist(&upload_project.folder, "demo", "1.0", "hello");
    wheel(&others.folder, "demo", "1.0", "macosx_10_12_x86_64", "another");
    index.upload(&others, &[]).code(0);
    let ended = index.upload_blindly(&upload_project).code(4);
    ended
        .says("File already exists")
        .says("the file name cannot be used again")
        .says("run the command again");

    let statuses = ended.statuses();
    assert_eq!(statuses.len(), 11, "{statuses:?}");
    assert_eq!(statuses["demo-1.0-py3-none-macosx_10_12_x86_64.whl"], "not-there");
    assert_eq!(statuses["demo-1.0.tar.gz"], "not-sent");
    let there: Vec<_> =
        statuses.iter().filter(|(_, fate)| **fate == "there").map(|(name, _)| *name).collect();
    let mut listed = index.files();
    listed.retain(|name| name != "demo-1.0-py3-none-macosx_10_12_x86_64.whl");
    assert_eq!(there, listed);
}

#[test]
fn a_url_without_its_slash_is_explained() {
    let (upload_project, index) = (UploadProject::with_release("1.0"), Embedded::new());
    let url = index.proxy.upload_url();
    let ended = upload_project.upload(&["--url", url.trim_end_matches('/')], &[]).code(1);
    ended.says("redirects to").says("may lack a slash at the end");
    assert_eq!(ended.statuses()["demo-1.0.tar.gz"], "not-sent");
    assert!(index.files().is_empty());
}

/// Every fault of an upload, for the first file and for the last one.
#[test]
fn an_upload_is_stored_once_despite_any_fault() {
    let troubles = [
        Trouble::Refused,
        Trouble::CutRequest(0),
        Trouble::CutRequest(300),
        Trouble::CutRequest(usize::MAX),
        Trouble::LostReply,
        Trouble::CutReply(0),
        Trouble::CutReply(12),
        Trouble::CutReply(40),
        Trouble::Nonsense,
        Trouble::Drips,
        Trouble::Failure(500),
        Trouble::Failure(502),
        Trouble::Failure(503),
        Trouble::Failure(429),
        Trouble::Busy(429, 0),
        Trouble::Busy(503, 1),
        Trouble::FailureAfterwards(500),
        Trouble::FailureAfterwards(502),
        Trouble::FailureAfterwards(503),
        Trouble::FailureAfterwards(504),
    ];
    let server = IndexServer::pypiserver();
    let variables = [("TWINE_USERNAME", server.username()), ("TWINE_PASSWORD", server.password().reveal())];
    std::thread::scope(|scope| {
        for (number, trouble) in troubles.into_iter().enumerate() {
            let (server, variables) = (&server, &variables);
            scope.spawn(move || {
                let upload_project = UploadProject::new();
                let name = format!("demo{number}");
                wheel(&upload_project.folder, &name, "1.0", "any", "hello");
                sdist(&upload_project.folder, &name, "1.0", "hello");
                let proxy = Proxy::before(&server.upload_url(), &server.simple_url());
                proxy.ahead(Asked::Upload, [Some(trouble), None, Some(trouble)]);
                let (url, simple) = (proxy.upload_url(), proxy.simple_url());
                let ended = upload_project.upload(&["--url", &url, "--simple", &simple], variables);
                assert_eq!(ended.code, 0, "{trouble:?}: {}", ended.text);
                assert!(
                    ended.statuses().values().all(|fate| *fate == "there"),
                    "{trouble:?}: {}",
                    ended.text
                );
                assert_eq!(server.files(&name).len(), 2, "{trouble:?}");
                for (file, sha256) in server.files(&name) {
                    let sent: Vec<_> =
                        proxy.sent().into_iter().filter(|sent| sent.filename == file).collect();
                    assert!(sent.iter().all(|sent| sent.sha256 == sha256), "{trouble:?}");
                    let stored = sent.iter().filter(|sent| sent.arrived).count();
                    assert_eq!(stored, 1, "{trouble:?}: `{file}` was sent to the server {stored} times");
                }
            });
        }
    });
}

#[test]
fn a_permanent_failure_is_not_waited_for() {
    let (upload_project, index) = (UploadProject::with_release("1.0"), Embedded::new());
    index.proxy.ahead(Asked::Upload, [Some(Trouble::Busy(429, 3600))]);
    index.upload(&upload_project, &[]).code(1).says("HTTP 429");
    index.proxy.ahead(Asked::Upload, [Some(Trouble::Circles)]);
    index.upload(&upload_project, &[]).code(1).says("redirects to");
    index.proxy.ahead(Asked::Listing, [Some(Trouble::Circles)]);
    index.upload(&upload_project, &[]).code(0);
}

/// The index is down for a while, as during a deployment, and the release is public in part: waiting is better than
/// half a release.
#[test]
fn a_server_that_is_away_for_a_while_is_waited_for_when_a_part_is_public() {
    let (upload_project, index) = (UploadProject::with_release("1.0"), Embedded::new());
    let away = [Trouble::Refused, Trouble::Failure(502), Trouble::Refused].map(Some);
    index.proxy.ahead(Asked::Upload, [&[None], &away[..]].concat());
    let ended = index.upload(&upload_project, &[]).code(0);
    ended.says("is unavailable, and a part of the release is public: waiting up to");
    assert_eq!(index.files().len(), 2);
    // Nothing is public, so it fails at once.
    let (upload_project, index) = (UploadProject::with_release("1.0"), Embedded::new());
    index.proxy.ahead(Asked::Upload, vec![Some(Trouble::Refused); 3]);
    let ended = index.upload(&upload_project, &[]).code(4);
    assert!(!ended.text.contains("is public: waiting up to"), "{}", ended.text);
}

#[test]
fn a_server_that_never_recovers_leaves_a_doubt_that_the_next_upload_settles() {
    let (upload_project, index) = (UploadProject::with_release("1.0"), Embedded::new());
    index.proxy.ahead(Asked::Upload, vec![Some(Trouble::FailureAfterwards(500)); 3]);
    index.proxy.ahead(Asked::Listing, [None, Some(Trouble::Failure(500)), Some(Trouble::Failure(500))]);
    let ended = index.upload(&upload_project, &[]).code(4);
    assert_eq!(ended.statuses()["demo-1.0-py3-none-any.whl"], "unknown");
    ended.says("may or may not have stored");
    index.proxy.calm();
    let again = index.upload(&upload_project, &[]).code(0);
    assert!(again.statuses().values().all(|fate| *fate == "there"));
    assert_eq!(index.proxy.sent().len(), 2, "the doubtful one was there");
}
