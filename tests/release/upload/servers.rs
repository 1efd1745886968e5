//! Real index servers in different configurations: the command's output, and the files afterwards.

use std::collections::BTreeMap;
use std::path::Path;

use pyrelease::world::sha256;
use pyrelease_test_support::distribution::sdist;
use pyrelease_test_support::{Asked, IndexServer, Proxy, Trouble, str};

use super::{Ended, UploadProject};

const SDIST: &str = "demo-1.0.tar.gz";
const WHEEL: &str = "demo-1.0-py3-none-any.whl";

impl UploadProject {
    /// The same release with a different source distribution.
    fn with_another_sdist() -> Self {
        let upload_project = Self::with_release("1.0");
        sdist(&upload_project.folder, "demo", "1.0", "another");
        upload_project
    }

    /// The files of the folder with their sha256.
    fn files(&self) -> BTreeMap<String, String> {
        let entry = |name: &str| (name.to_owned(), self.sha256(name));
        [WHEEL, SDIST].map(entry).into()
    }

    fn sha256(&self, name: &str) -> String {
        sha256(&self.folder.join(name)).unwrap().0
    }
}

/// A server and its credentials
struct Visit<'a> {
    server: &'a IndexServer,
    variables: Vec<(&'a str, &'a str)>,
}

impl<'a> Visit<'a> {
    fn of_its_user(server: &'a IndexServer) -> Self {
        let password = ("TWINE_PASSWORD", server.password().reveal());
        Self { server, variables: vec![("TWINE_USERNAME", server.username()), password] }
    }

    fn of_anybody(server: &'a IndexServer) -> Self {
        Self { server, variables: Vec::new() }
    }

    fn upload(&self, upload_project: &UploadProject) -> Ended {
        let (url, simple) = (self.server.upload_url(), self.server.simple_url());
        upload_project.upload(&["--url", &url, "--simple", &simple], &self.variables)
    }

    /// Without a URL of the simple API.
    fn upload_blindly(&self, upload_project: &UploadProject) -> Ended {
        upload_project.upload(&["--url", &self.server.upload_url()], &self.variables)
    }

    /// The listing is read only after the server's refusal.
    fn upload_after_a_stale_look(&self, upload_project: &UploadProject) -> Ended {
        let proxy = Proxy::before(&self.server.upload_url(), &self.server.simple_url());
        // A client with credentials asks again with them.
        let looks = if self.variables.is_empty() { 1 } else { 2 };
        proxy.ahead(Asked::Listing, vec![Some(Trouble::Stale); looks]);
        let (url, simple) = (proxy.upload_url(), proxy.simple_url());
        upload_project.upload(&["--url", &url, "--simple", &simple], &self.variables)
    }

    /// Uploads a release, uploads it again, and then other bytes under the same names: the hashes decide beforehand,
    /// however the server handles duplicates.
    #[track_caller]
    fn is_decided_by_hashes(&self, ours: &UploadProject, other: &UploadProject) {
        let first = self.upload(ours).code(0);
        assert!(first.events.iter().any(|event| event["event"] == "published"), "{}", first.text);
        assert_eq!(self.server.files("demo"), ours.files());
        self.upload(ours).code(0);

        let refused = self.upload(other).code(3);
        refused.mentions(&ours.sha256(SDIST)).mentions(&other.sha256(SDIST));
        assert_eq!(self.server.files("demo"), ours.files());
    }
}

#[test]
fn a_pypiserver_that_is_open_to_all_takes_files_and_keeps_them() {
    let server = IndexServer::open();
    let (visit, ours, other) =
        (Visit::of_anybody(&server), UploadProject::with_release("1.0"), UploadProject::with_another_sdist());
    visit.is_decided_by_hashes(&ours, &other);
    visit.upload(&ours).code(0).says(str![[r#"
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no license (demo-1.0.dist-info/METADATA) [no-license]
help: set `license`, such as `license = "MIT"`: in [project] of pyproject.toml, [metadata] of setup.cfg, or `setup()`
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no `Requires-Python` (demo-1.0.dist-info/METADATA) [no-requires-python]
help: set `requires-python = ">=3.9"` in [project] of pyproject.toml, or `python_requires` in [options] of setup.cfg or in `setup()`
warning: [127.0.0.1] there are no credentials for `127.0.0.1`
help: set `PYRELEASE_TOKEN_127_0_0_1` to a token, or add one to `.pypirc` as the password of section [127.0.0.1] (with the username __token__)
note: `127.0.0.1` already has every file, with the same bytes

"#]]);

    // It replies 409 to the same bytes and to others; only its page tells them apart.
    let late = visit.upload_after_a_stale_look(&other).code(4);
    late.says(str![[r#"
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no license (demo-1.0.dist-info/METADATA) [no-license]
help: set `license`, such as `license = "MIT"`: in [project] of pyproject.toml, [metadata] of setup.cfg, or `setup()`
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no `Requires-Python` (demo-1.0.dist-info/METADATA) [no-requires-python]
help: set `requires-python = ">=3.9"` in [project] of pyproject.toml, or `python_requires` in [options] of setup.cfg or in `setup()`
warning: [127.0.0.1] there are no credentials for `127.0.0.1`
help: set `PYRELEASE_TOKEN_127_0_0_1` to a token, or add one to `.pypirc` as the password of section [127.0.0.1] (with the username __token__)
error: `127.0.0.1` has a different `demo-1.0.tar.gz` already: its sha256 is [SHA256], ours is [SHA256]
help: the file name cannot be used again: release another version, or use the existing files
help: uploaded files stay; fix the error and run the command again to upload the rest

"#]]);
    assert_eq!(late.statuses(), BTreeMap::from([(WHEEL, "there"), (SDIST, "not-there")]));
    let blind = visit.upload_blindly(&ours).code(1);
    blind.says(str![[r#"
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no license (demo-1.0.dist-info/METADATA) [no-license]
help: set `license`, such as `license = "MIT"`: in [project] of pyproject.toml, [metadata] of setup.cfg, or `setup()`
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no `Requires-Python` (demo-1.0.dist-info/METADATA) [no-requires-python]
help: set `requires-python = ">=3.9"` in [project] of pyproject.toml, or `python_requires` in [options] of setup.cfg or in `setup()`
warning: [127.0.0.1] there are no credentials for `127.0.0.1`
help: set `PYRELEASE_TOKEN_127_0_0_1` to a token, or add one to `.pypirc` as the password of section [127.0.0.1] (with the username __token__)
warning: [127.0.0.1] `127.0.0.1` has no `simple` URL: existing files cannot be detected, and may be overwritten
help: pass `--simple URL`, where the index lists files
error: `127.0.0.1` has a `demo-1.0-py3-none-any.whl` already, according to its reply (Package 'demo-1.0-py3-none-any.whl' already exists! You may start server with `--overwrite` option.), but it may be another one than ours (sha256 [SHA256]): index `127.0.0.1` has no `simple` URL to list its files
help: to compare hashes, pass `--simple URL` or set `simple` in [index.NAME]

"#]]);
    assert_eq!(server.files("demo"), ours.files());
}

#[test]
fn a_pypiserver_that_replaces_files_replaces_none_that_is_seen_beforehand() {
    let server = IndexServer::overwriting();
    let (visit, ours, other) = (
        Visit::of_its_user(&server),
        UploadProject::with_release("1.0"),
        UploadProject::with_another_sdist(),
    );
    visit.is_decided_by_hashes(&ours, &other);
    // Without the URL of the listing, a warning tells the consequence.
    visit.upload_blindly(&other).code(0).says(str![[r#"
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no license (demo-1.0.dist-info/METADATA) [no-license]
help: set `license`, such as `license = "MIT"`: in [project] of pyproject.toml, [metadata] of setup.cfg, or `setup()`
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no `Requires-Python` (demo-1.0.dist-info/METADATA) [no-requires-python]
help: set `requires-python = ">=3.9"` in [project] of pyproject.toml, or `python_requires` in [options] of setup.cfg or in `setup()`
detail: [127.0.0.1] the credentials for `127.0.0.1` are from `TWINE_PASSWORD`
warning: [127.0.0.1] `127.0.0.1` has no `simple` URL: existing files cannot be detected, and may be overwritten
help: pass `--simple URL`, where the index lists files

"#]]);
    assert_eq!(server.files("demo"), other.files());
}

#[test]
fn a_pypiserver_that_does_not_know_the_password_stores_nothing() {
    let server = IndexServer::pypiserver();
    let upload_project = UploadProject::with_release("1.0");
    let mut visit = Visit::of_its_user(&server);
    visit.variables[1].1 = "not-the-password";
    let refused = visit.upload(&upload_project).code(1);
    refused.says(str![[r#"
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no license (demo-1.0.dist-info/METADATA) [no-license]
help: set `license`, such as `license = "MIT"`: in [project] of pyproject.toml, [metadata] of setup.cfg, or `setup()`
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no `Requires-Python` (demo-1.0.dist-info/METADATA) [no-requires-python]
help: set `requires-python = ">=3.9"` in [project] of pyproject.toml, or `python_requires` in [options] of setup.cfg or in `setup()`
detail: [127.0.0.1] the credentials for `127.0.0.1` are from `TWINE_PASSWORD`
error: `127.0.0.1` refused `demo-1.0-py3-none-any.whl`: no reason given (HTTP 403)
help: the credentials are from `TWINE_PASSWORD`
help: these credentials do not permit uploads to the index; nothing was stored, and the refusal uses up no file name

"#]]);
    assert_eq!(refused.statuses(), BTreeMap::from([(WHEEL, "not-there"), (SDIST, "not-sent")]));
    visit.variables.clear();
    let nobody = visit.upload(&upload_project).code(1);
    nobody.says(str![[r#"
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no license (demo-1.0.dist-info/METADATA) [no-license]
help: set `license`, such as `license = "MIT"`: in [project] of pyproject.toml, [metadata] of setup.cfg, or `setup()`
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no `Requires-Python` (demo-1.0.dist-info/METADATA) [no-requires-python]
help: set `requires-python = ">=3.9"` in [project] of pyproject.toml, or `python_requires` in [options] of setup.cfg or in `setup()`
warning: [127.0.0.1] there are no credentials for `127.0.0.1`
help: set `PYRELEASE_TOKEN_127_0_0_1` to a token, or add one to `.pypirc` as the password of section [127.0.0.1] (with the username __token__)
error: `127.0.0.1` refused `demo-1.0-py3-none-any.whl`: no reason given (HTTP 401)
help: the index requires credentials, and there are none for it: put a token into `PYRELEASE_TOKEN_127_0_0_1`, or a user name and a password into [127.0.0.1] of `.pypirc`; nothing was stored, and the refusal uses up no file name

"#]]);
    assert!(server.files("demo").is_empty());

    let known = Visit::of_its_user(&server);
    known.is_decided_by_hashes(&upload_project, &UploadProject::with_another_sdist());
}

/// One server with two indexes, because its start takes long.
#[test]
fn devpi_takes_files_from_its_user_and_replaces_none_that_is_seen_beforehand() {
    let server = IndexServer::devpi();
    let volatile = server.volatile();
    let (ours, other) = (UploadProject::with_release("1.0"), UploadProject::with_another_sdist());
    let mut wrong = Visit::of_its_user(&server);
    wrong.variables[1].1 = "not-the-password";
    wrong.upload(&ours).code(1).says(str![[r#"
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no license (demo-1.0.dist-info/METADATA) [no-license]
help: set `license`, such as `license = "MIT"`: in [project] of pyproject.toml, [metadata] of setup.cfg, or `setup()`
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no `Requires-Python` (demo-1.0.dist-info/METADATA) [no-requires-python]
help: set `requires-python = ">=3.9"` in [project] of pyproject.toml, or `python_requires` in [options] of setup.cfg or in `setup()`
detail: [127.0.0.1] the credentials for `127.0.0.1` are from `TWINE_PASSWORD`
error: `127.0.0.1` refused `demo-1.0-py3-none-any.whl`: Unauthorized (HTTP 401)
help: the credentials are from `TWINE_PASSWORD`
help: the index requires credentials: set them, or use others; nothing was stored, and the refusal uses up no file name

"#]]);
    Visit::of_anybody(&server).upload(&ours).code(1).says(str![[r#"
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no license (demo-1.0.dist-info/METADATA) [no-license]
help: set `license`, such as `license = "MIT"`: in [project] of pyproject.toml, [metadata] of setup.cfg, or `setup()`
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no `Requires-Python` (demo-1.0.dist-info/METADATA) [no-requires-python]
help: set `requires-python = ">=3.9"` in [project] of pyproject.toml, or `python_requires` in [options] of setup.cfg or in `setup()`
warning: [127.0.0.1] there are no credentials for `127.0.0.1`
help: set `PYRELEASE_TOKEN_127_0_0_1` to a token, or add one to `.pypirc` as the password of section [127.0.0.1] (with the username __token__)
error: `127.0.0.1` refused `demo-1.0-py3-none-any.whl`: Unauthorized (HTTP 401)
help: the index requires credentials, and there are none for it: put a token into `PYRELEASE_TOKEN_127_0_0_1`, or a user name and a password into [127.0.0.1] of `.pypirc`; nothing was stored, and the refusal uses up no file name

"#]]);
    assert!(server.files("demo").is_empty());

    // On the first, a file stays: the same bytes change nothing, and others are refused.
    let stays = Visit::of_its_user(&server);
    stays.is_decided_by_hashes(&ours, &other);
    stays.upload_blindly(&ours).code(0);
    let blind = stays.upload_blindly(&other).code(4);
    blind.says(str![[r#"
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no license (demo-1.0.dist-info/METADATA) [no-license]
help: set `license`, such as `license = "MIT"`: in [project] of pyproject.toml, [metadata] of setup.cfg, or `setup()`
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no `Requires-Python` (demo-1.0.dist-info/METADATA) [no-requires-python]
help: set `requires-python = ">=3.9"` in [project] of pyproject.toml, or `python_requires` in [options] of setup.cfg or in `setup()`
detail: [127.0.0.1] the credentials for `127.0.0.1` are from `TWINE_PASSWORD`
warning: [127.0.0.1] `127.0.0.1` has no `simple` URL: existing files cannot be detected, and may be overwritten
help: pass `--simple URL`, where the index lists files
error: `127.0.0.1` has a `demo-1.0.tar.gz` already, according to its reply (demo-1.0.tar.gz already exists in non-volatile index), but it may be another one than ours (sha256 [SHA256]): index `127.0.0.1` has no `simple` URL to list its files
help: to compare hashes, pass `--simple URL` or set `simple` in [index.NAME]
help: uploaded files stay; fix the error and run the command again to upload the rest

"#]]);
    let late = stays.upload_after_a_stale_look(&other).code(4);
    late.says(str![[r#"
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no license (demo-1.0.dist-info/METADATA) [no-license]
help: set `license`, such as `license = "MIT"`: in [project] of pyproject.toml, [metadata] of setup.cfg, or `setup()`
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no `Requires-Python` (demo-1.0.dist-info/METADATA) [no-requires-python]
help: set `requires-python = ">=3.9"` in [project] of pyproject.toml, or `python_requires` in [options] of setup.cfg or in `setup()`
detail: [127.0.0.1] the credentials for `127.0.0.1` are from `TWINE_PASSWORD`
error: `127.0.0.1` has a different `demo-1.0.tar.gz` already: its sha256 is [SHA256], ours is [SHA256]
help: the file name cannot be used again: release another version, or use the existing files
help: uploaded files stay; fix the error and run the command again to upload the rest

"#]]);
    assert_eq!(server.files("demo"), ours.files());

    // On the second, other bytes replace it, unless they are found beforehand.
    let changes = Visit::of_its_user(&volatile);
    changes.is_decided_by_hashes(&ours, &other);
    changes.upload_blindly(&ours).code(0);
    assert_eq!(volatile.files("demo"), ours.files());
    changes.upload_blindly(&other).code(0).says(str![[r#"
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no license (demo-1.0.dist-info/METADATA) [no-license]
help: set `license`, such as `license = "MIT"`: in [project] of pyproject.toml, [metadata] of setup.cfg, or `setup()`
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no `Requires-Python` (demo-1.0.dist-info/METADATA) [no-requires-python]
help: set `requires-python = ">=3.9"` in [project] of pyproject.toml, or `python_requires` in [options] of setup.cfg or in `setup()`
detail: [127.0.0.1] the credentials for `127.0.0.1` are from `TWINE_PASSWORD`
warning: [127.0.0.1] `127.0.0.1` has no `simple` URL: existing files cannot be detected, and may be overwritten
help: pass `--simple URL`, where the index lists files

"#]]);
    assert_eq!(volatile.files("demo"), other.files());
    assert_secret_nowhere(&ours.folder, server.password().reveal());
}

fn assert_secret_nowhere(folder: &Path, secret: &str) {
    for entry in fs_err::read_dir(folder).unwrap() {
        let bytes = fs_err::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
    }
}
