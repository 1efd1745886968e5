//! `pyrelease upload`: uploads to real indexes, without a project, over faulty networks. Stored files are never sent
//! again, and the outcome of every file is reported.

#![expect(clippy::unwrap_used, reason = "these are tests")]

mod parallel;
mod probing;
mod registries;
mod registry;
mod servers;

use std::collections::BTreeMap;
use std::path::PathBuf;

use pyrelease::server::{Access, EmbeddedIndex};
use pyrelease_test_support::distribution::{sdist, wheel};
use pyrelease_test_support::{Asked, IndexServer, Proxy, Sandbox, Trouble, assert_redacted, str};
use serde_json::Value;
use snapbox::IntoData;

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
    /// The root of the sandbox
    root: PathBuf,
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
        Ended { code: output.status.code().unwrap_or(-1), events, text, root: self.sandbox.root().to_owned() }
    }
}

impl Ended {
    #[track_caller]
    fn code(self, expected: i32) -> Self {
        assert_eq!(self.code, expected, "{}", self.text);
        self
    }

    /// Asserts that the errors, warnings, findings and notes equal a text.
    #[track_caller]
    fn says(&self, expected: impl IntoData) -> &Self {
        let text = self.events.iter().map(message).collect::<String>();
        let text = if self.events.is_empty() { self.text.clone() } else { text };
        assert_redacted(&text, &self.root, expected);
        self
    }

    /// Asserts that these words of a server, or bytes, are in the output.
    #[track_caller]
    fn mentions(&self, words: &str) -> &Self {
        assert!(self.text.contains(words), "`{words}` is not in {}", self.text);
        self
    }

    /// The status of each file, by name.
    fn statuses(&self) -> BTreeMap<&str, &str> {
        let files = self.events.iter().filter(|event| event["event"] == "file");
        files.map(|event| (event["file"].as_str().unwrap(), event["fate"].as_str().unwrap())).collect()
    }
}

/// The message of an event with its help; empty for an event without one.
fn message(event: &Value) -> String {
    let (label, told) = match event["event"].as_str() {
        Some("finding") => (event["finding"]["severity"].as_str().unwrap(), &event["finding"]),
        Some(label @ ("error" | "warning" | "note")) => (label, event),
        _ => return String::new(),
    };
    let stage = event["stage"].as_str().map(|stage| format!("[{stage}] ")).unwrap_or_default();
    let mut text = format!("{label}: {stage}{}\n", told["message"].as_str().unwrap());
    let helps = told["help"].as_array().cloned().unwrap_or_else(|| vec![told["help"].clone()]);
    for help in helps.iter().filter_map(Value::as_str) {
        text.push_str(&format!("help: {help}\n"));
    }
    text
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
    assert!(first.events.iter().any(|event| event["event"] == "published"), "{}", first.text);

    let again = index.upload(&upload_project, &[]).code(0);
    again.says(str![[r#"
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no license (demo-1.0.dist-info/METADATA) [no-license]
help: set `license`, such as `license = "MIT"`: in [project] of pyproject.toml, [metadata] of setup.cfg, or `setup()`
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no `Requires-Python` (demo-1.0.dist-info/METADATA) [no-requires-python]
help: set `requires-python = ">=3.9"` in [project] of pyproject.toml, or `python_requires` in [options] of setup.cfg or in `setup()`
warning: [127.0.0.1] there are no credentials for `127.0.0.1`
help: set `PYRELEASE_TOKEN_127_0_0_1` to a token, or add one to `.pypirc` as the password of section [127.0.0.1] (with the username __token__)
note: `127.0.0.1` already has every file, with the same bytes

"#]]);
    assert_eq!(again.statuses(), first.statuses());
    assert_eq!(index.proxy.sent().len(), 2);
}

#[test]
fn what_an_index_shows_is_compared_with_what_was_sent() {
    let (upload_project, index) = (UploadProject::with_release("1.0"), Embedded::new());
    upload_project.upload(&["--url", &index.proxy.upload_url(), "--verify"], &[]).code(2).says(str![[r#"
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no license (demo-1.0.dist-info/METADATA) [no-license]
help: set `license`, such as `license = "MIT"`: in [project] of pyproject.toml, [metadata] of setup.cfg, or `setup()`
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no `Requires-Python` (demo-1.0.dist-info/METADATA) [no-requires-python]
help: set `requires-python = ">=3.9"` in [project] of pyproject.toml, or `python_requires` in [options] of setup.cfg or in `setup()`
error: `127.0.0.1` has no `simple` URL, so uploads cannot be verified
help: pass `--simple URL`, or set `simple` in [index.NAME]

"#]]);
    // The first listing, then an outdated page and a broken one.
    index.proxy.ahead(Asked::Listing, [None, Some(Trouble::Stale), Some(Trouble::Garbled)]);
    let verified = index.upload(&upload_project, &["--verify"]).code(0);
    verified.says(str![[r#"
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no license (demo-1.0.dist-info/METADATA) [no-license]
help: set `license`, such as `license = "MIT"`: in [project] of pyproject.toml, [metadata] of setup.cfg, or `setup()`
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no `Requires-Python` (demo-1.0.dist-info/METADATA) [no-requires-python]
help: set `requires-python = ">=3.9"` in [project] of pyproject.toml, or `python_requires` in [options] of setup.cfg or in `setup()`
warning: [127.0.0.1] there are no credentials for `127.0.0.1`
help: set `PYRELEASE_TOKEN_127_0_0_1` to a token, or add one to `.pypirc` as the password of section [127.0.0.1] (with the username __token__)
note: [upload] `127.0.0.1` lists all 2 files with their hashes, and serves the uploaded bytes

"#]]);
    upload_project.release("1.1");
    for old in ["demo-1.0-py3-none-any.whl", "demo-1.0.tar.gz"] {
        fs_err::remove_file(upload_project.folder.join(old)).unwrap();
    }
    let wrong = Some(Trouble::OtherHashes);
    index.proxy.ahead(Asked::Listing, [None, wrong, wrong]);
    index.upload(&upload_project, &["--verify"]).code(4).says(str![[r#"
warning: [check] `demo-1.1-py3-none-any.whl` and `demo-1.1.tar.gz`: the metadata has no license (demo-1.1.dist-info/METADATA) [no-license]
help: set `license`, such as `license = "MIT"`: in [project] of pyproject.toml, [metadata] of setup.cfg, or `setup()`
warning: [check] `demo-1.1-py3-none-any.whl` and `demo-1.1.tar.gz`: the metadata has no `Requires-Python` (demo-1.1.dist-info/METADATA) [no-requires-python]
help: set `requires-python = ">=3.9"` in [project] of pyproject.toml, or `python_requires` in [options] of setup.cfg or in `setup()`
warning: [127.0.0.1] there are no credentials for `127.0.0.1`
help: set `PYRELEASE_TOKEN_127_0_0_1` to a token, or add one to `.pypirc` as the password of section [127.0.0.1] (with the username __token__)
error: `127.0.0.1` has other files than were uploaded: it lists demo-1.1-py3-none-any.whl with the sha256 [SHA256] instead of [SHA256], demo-1.1.tar.gz with the sha256 [SHA256] instead of [SHA256]
help: the index may truncate files, or somebody else may have uploaded one: check the index first
help: users who install demo 1.1 from `127.0.0.1` get those unchecked bytes: yank it there (or delete the file, if the index allows it), and release the next version when the index is repaired

"#]]);
}

/// A cache may list a file before it has it completely; that is not a different file.
#[test]
fn a_listed_file_that_cannot_be_downloaded_yet_is_waited_for() {
    let (upload_project, index) = (UploadProject::with_release("1.0"), Embedded::new());
    // The first listing, the listing after the upload, and then the file.
    let late = [Trouble::Stale, Trouble::CutReply(700), Trouble::Failure(503)].map(Some);
    index.proxy.ahead(Asked::Listing, [&[None, None], &late[..]].concat());
    index.upload(&upload_project, &["--verify"]).code(0).says(str![[r#"
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no license (demo-1.0.dist-info/METADATA) [no-license]
help: set `license`, such as `license = "MIT"`: in [project] of pyproject.toml, [metadata] of setup.cfg, or `setup()`
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no `Requires-Python` (demo-1.0.dist-info/METADATA) [no-requires-python]
help: set `requires-python = ">=3.9"` in [project] of pyproject.toml, or `python_requires` in [options] of setup.cfg or in `setup()`
warning: [127.0.0.1] there are no credentials for `127.0.0.1`
help: set `PYRELEASE_TOKEN_127_0_0_1` to a token, or add one to `.pypirc` as the password of section [127.0.0.1] (with the username __token__)
note: [upload] `127.0.0.1` lists all 2 files with their hashes, and serves the uploaded bytes

"#]]);
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
    ended.says(str![[r#"
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no license (demo-1.0.dist-info/METADATA) [no-license]
help: set `license`, such as `license = "MIT"`: in [project] of pyproject.toml, [metadata] of setup.cfg, or `setup()`
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no `Requires-Python` (demo-1.0.dist-info/METADATA) [no-requires-python]
help: set `requires-python = ">=3.9"` in [project] of pyproject.toml, or `python_requires` in [options] of setup.cfg or in `setup()`
warning: [127.0.0.1] there are no credentials for `127.0.0.1`
help: set `PYRELEASE_TOKEN_127_0_0_1` to a token, or add one to `.pypirc` as the password of section [127.0.0.1] (with the username __token__)
error: `127.0.0.1` has other files than were uploaded: it lists demo-1.0.tar.gz with the sha256 [SHA256] instead of [SHA256]
help: the index may truncate files, or somebody else may have uploaded one: check the index first
help: users who install demo 1.0 from `127.0.0.1` get those unchecked bytes: yank it there (or delete the file, if the index allows it), and release the next version when the index is repaired

"#]]);
    assert!(ended.events.iter().all(|event| event["event"] != "published"), "{}", ended.text);
}

#[test]
fn an_upload_is_installed_from_the_index_and_tested() {
    let (upload_project, index) = (UploadProject::with_release("1.0"), Embedded::new());
    index.upload(&upload_project, &["--smoke", "true"]).code(2).says(str![[r#"
error: the following required arguments were not provided:
  --install
help: Usage: pyrelease upload --install --format <FORMAT> --simple <URL> --smoke <COMMAND> <--index <NAME>|--url <URL>> <FILE>...
help: For more information, try '--help'.

"#]]);
    index.upload(&upload_project, &["--install", "--smoke", "'"]).code(2).says(str![[r#"
error: `--smoke` must be a command: it is empty, or a quote is not closed

"#]]);
    assert!(index.proxy.sent().is_empty());
    let tell = "python -c \"import importlib.metadata as m; print('it is', m.version('demo'))\"";
    let tried = index.upload(&upload_project, &["--install", "--smoke", tell]).code(0);
    tried.says(str![[r#"
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no license (demo-1.0.dist-info/METADATA) [no-license]
help: set `license`, such as `license = "MIT"`: in [project] of pyproject.toml, [metadata] of setup.cfg, or `setup()`
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no `Requires-Python` (demo-1.0.dist-info/METADATA) [no-requires-python]
help: set `requires-python = ">=3.9"` in [project] of pyproject.toml, or `python_requires` in [options] of setup.cfg or in `setup()`
warning: [127.0.0.1] there are no credentials for `127.0.0.1`
help: set `PYRELEASE_TOKEN_127_0_0_1` to a token, or add one to `.pypirc` as the password of section [127.0.0.1] (with the username __token__)
note: [upload] `127.0.0.1` lists all 2 files with their hashes, and serves the uploaded bytes
note: [upload] 1.0 installs from 127.0.0.1, and `python -c "import importlib.metadata as m; print('it is', m.version('demo'))"` passed

"#]]);
    // Nothing is sent again, and the release fails its test.
    let sent = index.proxy.sent().len();
    index
        .upload(&upload_project, &["--install", "--smoke", "python -c 'raise SystemExit(7)'"])
        .code(1)
        .says(str![[r#"
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no license (demo-1.0.dist-info/METADATA) [no-license]
help: set `license`, such as `license = "MIT"`: in [project] of pyproject.toml, [metadata] of setup.cfg, or `setup()`
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no `Requires-Python` (demo-1.0.dist-info/METADATA) [no-requires-python]
help: set `requires-python = ">=3.9"` in [project] of pyproject.toml, or `python_requires` in [options] of setup.cfg or in `setup()`
warning: [127.0.0.1] there are no credentials for `127.0.0.1`
help: set `PYRELEASE_TOKEN_127_0_0_1` to a token, or add one to `.pypirc` as the password of section [127.0.0.1] (with the username __token__)
note: `127.0.0.1` already has every file, with the same bytes
note: [upload] `127.0.0.1` lists all 2 files with their hashes, and serves the uploaded bytes
error: `[ROOT][TEMPORARY]/venv/bin/python -c 'raise SystemExit(7)'` failed (exit status: 7)

"#]]);
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
    refused.code(3).says(str![[r#"
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no license (demo-1.0.dist-info/METADATA) [no-license]
help: set `license`, such as `license = "MIT"`: in [project] of pyproject.toml, [metadata] of setup.cfg, or `setup()`
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no `Requires-Python` (demo-1.0.dist-info/METADATA) [no-requires-python]
help: set `requires-python = ">=3.9"` in [project] of pyproject.toml, or `python_requires` in [options] of setup.cfg or in `setup()`
error: failed to list the files of `127.0.0.1`: failed to fetch `http://127.0.0.1:[PORT]/simple/demo/`: Connection refused (os error 111)
help: check the URL, the network and the proxy

"#]]);
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
    index.upload(&upload_project, &[]).code(3).says(str![[r#"
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no license (demo-1.0.dist-info/METADATA) [no-license]
help: set `license`, such as `license = "MIT"`: in [project] of pyproject.toml, [metadata] of setup.cfg, or `setup()`
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no `Requires-Python` (demo-1.0.dist-info/METADATA) [no-requires-python]
help: set `requires-python = ">=3.9"` in [project] of pyproject.toml, or `python_requires` in [options] of setup.cfg or in `setup()`
error: [check] `demo-1.0.tar.gz`: the archive is damaged: it is truncated [damage]
error: the upload was refused; nothing has been sent

"#]]);
    assert!(index.proxy.sent().is_empty());
}

#[test]
fn another_file_in_the_way_is_seen_before_anything_is_sent() {
    let (upload_project, index) = (UploadProject::with_release("1.0"), Embedded::new());
    let other = UploadProject::new();
    sdist(&other.folder, "demo", "1.0", "another");
    index.upload(&other, &[]).code(0);
    let refused = index.upload(&upload_project, &[]).code(3);
    refused.says(str![[r#"
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no license (demo-1.0.dist-info/METADATA) [no-license]
help: set `license`, such as `license = "MIT"`: in [project] of pyproject.toml, [metadata] of setup.cfg, or `setup()`
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no `Requires-Python` (demo-1.0.dist-info/METADATA) [no-requires-python]
help: set `requires-python = ">=3.9"` in [project] of pyproject.toml, or `python_requires` in [options] of setup.cfg or in `setup()`
warning: [127.0.0.1] there are no credentials for `127.0.0.1`
help: set `PYRELEASE_TOKEN_127_0_0_1` to a token, or add one to `.pypirc` as the password of section [127.0.0.1] (with the username __token__)
error: [127.0.0.1] `127.0.0.1` has a different demo-1.0.tar.gz: its sha256 is [SHA256], ours is [SHA256]
help: the file name cannot be used again: release another version
error: the upload was refused; nothing has been sent

"#]]);
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
    index.upload(&upload_project, &[copy.to_str().unwrap()]).code(3).says(str![[r#"
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no license (demo-1.0.dist-info/METADATA) [no-license]
help: set `license`, such as `license = "MIT"`: in [project] of pyproject.toml, [metadata] of setup.cfg, or `setup()`
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no `Requires-Python` (demo-1.0.dist-info/METADATA) [no-requires-python]
help: set `requires-python = ">=3.9"` in [project] of pyproject.toml, or `python_requires` in [options] of setup.cfg or in `setup()`
error: [check] `demo-1.0-py3-none-any.whl`: the file is not a ZIP archive: it has no end record [archive]
error: [check] the release: two files named `demo-1.0-py3-none-any.whl` have different bytes [same-file]
help: PyPI accepts a name once: build the release once, into an empty folder
error: the upload was refused for 2 reasons; nothing has been sent

"#]]);
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
        ended.mentions(says);
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
    upload_project.upload(&[], &[]).code(2).says(str![[r#"
error: the following required arguments were not provided:
  <--index <NAME>|--url <URL>>
help: Usage: pyrelease upload --format <FORMAT> <--index <NAME>|--url <URL>> <FILE>...
help: For more information, try '--help'.

"#]]);
    upload_project.upload(&["--index", "pypy"], &[]).code(2).says(str![[r#"
error: there is no index `pypy`
help: did you mean `pypi`?

"#]]);
    upload_project.upload(&["--url", "http://pypi.example/"], &[]).code(2).says(str![[r#"
error: cannot upload to `--url`: `http://pypi.example/` uses plain `http`, which can be read and changed in transit
help: use `https`; plain `http` is for servers on this machine

"#]]);
    upload_project.upload(&["--index", "pypi", "--connections", "0"], &[]).code(2).says(str![[r#"
error: `--connections` must be between 1 and 32

"#]]);
    upload_project.run(&["upload", "nothing.whl", "--index", "pypi"], &[]).code(2).says(str![[r#"
error: `nothing.whl` does not exist

"#]]);
}
