//! Tests of the embedded index with its clients: ours, pip, and broken ones.

use snapbox::{assert_data_eq, str};
use std::cell::Cell;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;

use secrecy::ExposeSecret as _;
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::form::LARGEST_FILE;
use super::*;
use crate::index::{
    Credentials, FilePresence, IndexAddress, IndexClient, Submission, UploadError, UploadOutcome,
};
use crate::python::distribution::{Distribution, Kind};
use crate::python::token::{Caveat, Macaroon, Token};
use crate::world::Environment;
use crate::world::digest::Digests;
use crate::world::http::Http;

/// A running index and files to upload to it
struct Scene {
    folder: TempDir,
    index: EmbeddedIndex,
}

impl Scene {
    fn new(access: Access) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let index = EmbeddedIndex::start(&folder.path().join("index"), "testpypi", access).unwrap();
        Self { folder, index }
    }

    fn restarted(self) -> Self {
        let Self { folder, index } = self;
        drop(index);
        let index =
            EmbeddedIndex::start(&folder.path().join("index"), "testpypi", Access::Everybody).unwrap();
        Self { folder, index }
    }

    fn client(&self, token: Option<&str>) -> IndexClient {
        let address =
            IndexAddress::new("testpypi", &self.index.upload_url(), Some(&self.index.simple_url()), None)
                .unwrap();
        let credentials = token.map(|token| Credentials::token(token.into(), "the test"));
        IndexClient::new(Http::new(&Environment::default()).unwrap(), address, credentials)
    }

    fn file(&self, kind: Kind, filename: &str, bytes: &[u8]) -> Distribution {
        let sdist: Vec<u8>;
        let bytes = match kind {
            Kind::Sdist => {
                sdist = self::sdist(bytes);
                &sdist
            }
            Kind::Wheel => bytes,
        };
        let path = self.folder.path().join(filename);
        fs_err::write(&path, bytes).unwrap();
        let digests = Digests::of(bytes).unwrap();
        Distribution { path, filename: filename.to_owned(), kind, size: digests.size, sha256: digests.sha256 }
    }

    fn wheel(&self, version: &str, answer: &str) -> Distribution {
        let bytes = wheel(version, answer);
        self.file(Kind::Wheel, &format!("demo_pkg-{version}-py3-none-any.whl"), &bytes)
    }

    fn get(&self, path: &str, accept: &str) -> (u16, String, String) {
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAccept: {accept}\r\n\r\n"
        );
        self.raw(head.as_bytes())
    }

    /// The status, head and body of the reply to a raw request.
    fn raw(&self, request: &[u8]) -> (u16, String, String) {
        let address = self.index.upload_url();
        let address = address.trim_start_matches("http://").trim_end_matches("/legacy/");
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        let (head, body) = reply.split_once("\r\n\r\n").unwrap_or((&reply, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        (status, head.to_owned(), body.to_owned())
    }
}

/// A source distribution with these bytes in it.
fn sdist(bytes: &[u8]) -> Vec<u8> {
    let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    for (name, bytes) in
        [("PKG-INFO", &b"Metadata-Version: 2.1\nName: Demo.Pkg\nVersion: 1.0\n"[..]), ("data", bytes)]
    {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, format!("demo_pkg-1.0/{name}"), bytes).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

/// A wheel that pip can install; `demo_pkg.answer` is the text.
fn wheel(version: &str, answer: &str) -> Vec<u8> {
    let info = format!("demo_pkg-{version}.dist-info");
    let files = [
        ("demo_pkg.py".to_owned(), format!("answer = {answer:?}\n")),
        (format!("{info}/METADATA"), format!("Metadata-Version: 2.1\nName: Demo.Pkg\nVersion: {version}\n")),
        (
            format!("{info}/WHEEL"),
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n".to_owned(),
        ),
        (
            format!("{info}/RECORD"),
            format!("demo_pkg.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n"),
        ),
    ];
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in files {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn metadata(version: &str) -> Vec<(String, String)> {
    let fields = [
        ("metadata_version", "2.1"),
        ("name", "Demo.Pkg"),
        ("version", version),
        ("summary", "A <small> & simple package"),
        ("requires_python", ">=3.8"),
        ("classifiers", "Topic :: Software Development"),
        ("classifiers", "Programming Language :: Python :: 3"),
        ("description", "ä\r\nlong\none\n--boundary"),
    ];
    fields.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn upload(client: &IndexClient, file: &Distribution, version: &str) -> Result<UploadOutcome, UploadError> {
    client.upload(&submission(file, version), &|_| true)
}

fn submission(file: &Distribution, version: &str) -> Submission {
    let pyversion = if file.kind == Kind::Sdist { "source" } else { "py3" };
    Submission::of(file, metadata(version), pyversion)
}

#[test]
fn what_is_uploaded_is_listed_and_comes_back_the_same() {
    let scene = Scene::new(Access::Everybody);
    let client = scene.client(None);
    let (wheel, sdist) =
        (scene.wheel("1.0", "a"), scene.file(Kind::Sdist, "demo_pkg-1.0.tar.gz", b"an archive"));
    assert_eq!(client.presence("Demo.Pkg", &wheel).unwrap(), FilePresence::Absent);
    let sent = Cell::new(0);
    client
        .upload(&submission(&wheel, "1.0"), &|bytes| {
            sent.set(bytes);
            true
        })
        .unwrap();
    assert_eq!(sent.get(), wheel.size);
    assert_eq!(upload(&client, &sdist, "1.0").unwrap(), UploadOutcome::Uploaded);

    let listing = client.listing("Demo.Pkg").unwrap().unwrap();
    assert_eq!(listing.files.len(), 2);
    for (listed, file) in listing.files.iter().zip([&wheel, &sdist]) {
        assert_eq!(listed.filename, file.filename);
        assert_eq!(listed.sha256.as_ref(), Some(&file.sha256));
        assert_eq!(listed.size, Some(file.size));
        assert!(listed.upload_time.is_some());
        let copy = scene.folder.path().join("copy");
        client.download(listed, &copy, &file.sha256).unwrap();
        assert_eq!(fs_err::read(&copy).unwrap(), fs_err::read(&file.path).unwrap());
        fs_err::remove_file(&copy).unwrap();
        assert!(client.download(listed, &copy, &"0".repeat(64)).is_err());
        assert!(!copy.exists());
    }
    assert_eq!(client.presence("demo-pkg", &wheel).unwrap(), FilePresence::Identical);
}

#[test]
fn the_same_bytes_again_are_a_success_and_others_are_refused_by_their_hashes() {
    let scene = Scene::new(Access::Everybody);
    let client = scene.client(None);
    let first = scene.wheel("1.0", "a");
    upload(&client, &first, "1.0").unwrap();
    upload(&client, &first, "1.0").unwrap();

    let other = scene.wheel("1.0", "b");
    let error = upload(&client, &other, "1.0").unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&first.sha256) && text.contains(&other.sha256), "{text}");
    assert_eq!(
        client.presence("demo-pkg", &other).unwrap(),
        FilePresence::Different { sha256: first.sha256 }
    );
}

#[test]
fn a_release_has_one_sdist_and_names_that_pypi_takes() {
    let scene = Scene::new(Access::Everybody);
    let client = scene.client(None);
    upload(&client, &scene.file(Kind::Sdist, "demo_pkg-1.0.tar.gz", b"one"), "1.0").unwrap();
    for (filename, version, words) in [
        ("demo_pkg-1.0.zip", "1.0", "Only one sdist"),
        ("Demo.Pkg-1.1.tar.gz", "1.1", "should be 'demo_pkg-1.1.tar.gz'"),
        ("demo_pkg-1.1+x.tar.gz", "1.1+x", "local versions"),
        ("demo_pkg-1.1.tar.bz2", "1.1", "Invalid file extension"),
        ("demo_pkg-2.0.tar.gz", "1.1", "should be 'demo_pkg-1.1.tar.gz'"),
    ] {
        let error =
            upload(&client, &scene.file(Kind::Sdist, filename, filename.as_bytes()), version).unwrap_err();
        assert!(matches!(error, UploadError::Refused { status: 400, .. }), "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
    let moved = scene.file(Kind::Sdist, "demo_pkg-3.0.tar.gz", b"one");
    let error = upload(&client, &moved, "3.0").unwrap_err();
    assert!(error.to_string().contains("already, as `demo_pkg-1.0.tar.gz`"), "{error}");
    assert_eq!(client.listing("demo-pkg").unwrap().unwrap().files.len(), 1);
}

#[test]
fn a_token_grants_access_and_is_never_shown() {
    let scene = Scene::new(Access::Tokens);
    let wheel = scene.wheel("1.0", "a");
    for token in [None, Some("pypi-wrong")] {
        let error = upload(&scene.client(token), &wheel, "1.0").unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(matches!(error, UploadError::Refused { status: 403, .. }), "{text}");
        assert!(
            text.contains("Invalid or non-existent authentication") && !text.contains("pypi-wrong"),
            "{text}"
        );
        assert_data_eq!(
            error.help().unwrap(),
            str![
                "the index does not know the token: it must be complete, not revoked, and created on this index (PyPI and TestPyPI have separate accounts); nothing was stored, and the refusal uses up no file name"
            ]
        );
    }
    let token = scene.index.token().unwrap();
    upload(&scene.client(Some(token.expose_secret())), &wheel, "1.0").unwrap();
}

#[test]
fn token_restrictions_apply() {
    let scene = Scene::new(Access::Tokens);
    let wheel = scene.wheel("1.0", "a");
    let whole = Token::parse(scene.index.token().unwrap().expose_secret()).unwrap();
    let refusal = |caveat| {
        let secret = whole.narrowed(&[caveat]).to_secret();
        upload(&scene.client(Some(secret.expose_secret())), &wheel, "1.0").unwrap_err().to_string()
    };
    let message = refusal(Caveat::project("other"));
    assert!(
        message.contains("Invalid API Token: project-scoped token is not valid for project: 'Demo.Pkg'"),
        "{message}"
    );
    let message = refusal(Caveat::Expiration { not_before: 0, expires_at: 1 });
    assert!(message.contains("Invalid API Token: token is expired"), "{message}");
    let forged =
        Macaroon::new(b"guessed", "127.0.0.1", &String::from_utf8_lossy(whole.macaroon().identifier()));
    let secret = Token::of(forged).to_secret();
    let message = upload(&scene.client(Some(secret.expose_secret())), &wheel, "1.0").unwrap_err().to_string();
    assert!(message.contains("Invalid API Token: signatures do not match"), "{message}");
    assert_eq!(scene.client(None).listing("demo-pkg").unwrap(), None, "nothing was kept");
}

#[test]
fn a_large_file_with_a_wrong_token_gets_its_reply() {
    let scene = Scene::new(Access::Tokens);
    let large = scene.file(Kind::Sdist, "demo_pkg-1.0.tar.gz", &vec![7; 30 << 20]);
    let error = upload(&scene.client(None), &large, "1.0").unwrap_err();
    assert!(matches!(error, UploadError::Refused { status: 403, .. }), "{error}");
}

#[test]
fn a_file_that_is_too_large_is_refused_as_pypi_does() {
    let scene = Scene::new(Access::Everybody);
    let path = scene.folder.path().join("demo_pkg-1.0.tar.gz");
    let file = fs_err::File::create(&path).unwrap();
    file.set_len(LARGEST_FILE + 1).unwrap();
    let digests = Digests::of(fs_err::File::open(&path).unwrap()).unwrap();
    let distribution = Distribution {
        path,
        filename: "demo_pkg-1.0.tar.gz".to_owned(),
        kind: Kind::Sdist,
        size: digests.size,
        sha256: digests.sha256,
    };
    let error = upload(&scene.client(None), &distribution, "1.0").unwrap_err();
    assert!(error.to_string().contains("File too large. Limit for project 'Demo.Pkg' is 100 MB."), "{error}");
}

#[test]
fn a_file_that_changed_since_it_was_built_is_not_sent() {
    let scene = Scene::new(Access::Everybody);
    let wheel = scene.wheel("1.0", "a");
    let submission = submission(&wheel, "1.0");
    fs_err::write(&wheel.path, b"something else").unwrap();
    let error = scene.client(None).upload(&submission, &|_| true).unwrap_err();
    assert!(matches!(error, UploadError::Changed { .. }), "{error}");
    assert_eq!(scene.client(None).listing("demo-pkg").unwrap(), None);
}

#[test]
fn a_restart_keeps_files_and_drops_incomplete_ones() {
    let scene = Scene::new(Access::Everybody);
    let wheel = scene.wheel("1.0", "a");
    upload(&scene.client(None), &wheel, "1.0").unwrap();
    let before = scene.client(None).listing("demo-pkg").unwrap().unwrap();
    let index = scene.folder.path().join("index");
    fs_err::write(index.join(".incoming/torn"), b"x").unwrap();
    fs_err::write(index.join(".records/demo-pkg/torn.json"), b"{\"name\": ").unwrap();
    let scene = scene.restarted();
    let mut after = scene.client(None).listing("demo-pkg").unwrap().unwrap();
    after.files[0].url.set_port(before.files[0].url.port()).unwrap();
    assert_eq!(after, before);
    assert!(!index.join(".incoming/torn").exists());
    upload(&scene.client(None), &wheel, "1.0").unwrap();
}

#[test]
fn pages_come_as_they_are_asked_for() {
    let scene = Scene::new(Access::Everybody);
    upload(&scene.client(None), &scene.wheel("1.0", "a"), "1.0").unwrap();
    let kind = |accept: &str| {
        let (status, head, _) = scene.get("/simple/demo-pkg/", accept);
        let kind = head
            .to_ascii_lowercase()
            .lines()
            .find_map(|l| l.strip_prefix("content-type: ").map(str::to_owned));
        (status, kind.unwrap_or_default())
    };
    let pip =
        "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01";
    assert_eq!(kind(pip), (200, "application/vnd.pypi.simple.v1+json".to_owned()));
    assert_eq!(kind("text/html").1, "text/html; charset=utf-8");
    assert_eq!(kind("*/*").1, "text/html; charset=utf-8");
    assert_eq!(kind("application/vnd.pypi.simple.v1+json;q=0").0, 406);
    assert_eq!(kind("image/png").0, 406);

    let (status, head, _) = scene.get("/simple/Demo_.Pkg/", "*/*");
    assert_eq!(status, 301);
    assert!(head.to_ascii_lowercase().contains("location: /simple/demo-pkg/"), "{head}");
    assert_eq!(scene.get("/simple/demo-pkg", "*/*").0, 301);
    assert_eq!(scene.get("/simple/other/", "*/*").0, 404);
    assert_eq!(scene.get("/simple/%0d%0ax:y", "*/*").0, 404);
    assert_eq!(scene.get("/files/demo-pkg/..%2f..%2f.records", "*/*").0, 404);
    assert_eq!(scene.get("/files/../Cargo.toml", "*/*").0, 404);
    assert!(scene.get("/simple/", "*/*").2.contains("href=\"/simple/demo-pkg/\""));

    let (status, _, page) = scene.get("/project/demo-pkg/1.0/", "text/html");
    assert_eq!(status, 200);
    assert!(
        page.contains("A &lt;small&gt; &amp; simple package") && page.contains("-py3-none-any.whl"),
        "{page}"
    );
    assert_eq!(scene.get("/project/demo-pkg/9/", "text/html").0, 404);
    assert!(scene.get("/", "text/html").2.contains("href=\"/project/demo-pkg/\""));
}

#[test]
fn malformed_requests_get_a_reply() {
    let scene = Scene::new(Access::Everybody);
    let post = |kind: &str, body: &str| {
        let length = body.len();
        let head =
            "POST /legacy/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAccept: application/json\r\n";
        scene.raw(format!("{head}Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}").as_bytes())
    };
    assert_eq!(post("text/plain", "x").0, 400);
    assert_eq!(post("multipart/form-data; boundary=b", "").0, 400);
    assert_eq!(post("multipart/form-data; boundary=b", "--b\r\nContent-Dispo").0, 400);
    assert_eq!(post("multipart/form-data; boundary=b", "--b--\r\n").0, 404);
    let field = |name: &str, value: &str| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    assert_eq!(post("multipart/form-data; boundary=b", &(field(":action", "submit") + "--b--\r\n")).0, 410);
    let (status, _, body) =
        post("multipart/form-data; boundary=b", &(field(":action", "file_upload") + "--b--\r\n"));
    assert_eq!(status, 400);
    assert!(body.contains("\"code\":\"400 '' is an invalid value for Name."), "{body}");
    let large = field("description", &"x".repeat(9 << 20)) + "--b--\r\n";
    assert_eq!(post("multipart/form-data; boundary=b", &large).0, 400);
    let (status, head, _) = scene
        .raw(b"POST /legacy HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(status, 308);
    assert!(head.to_ascii_lowercase().contains("location: /legacy/"), "{head}");
}

#[test]
fn it_stops_although_a_client_hangs_on() {
    let scene = Scene::new(Access::Everybody);
    let address = scene.index.upload_url();
    let address = address.trim_start_matches("http://").trim_end_matches("/legacy/").to_owned();
    let mut idle = TcpStream::connect(&address).unwrap();
    idle.write_all(b"POST /legacy/ HTTP/1.1\r\nContent-Length: 1000\r\n").unwrap();
    drop(scene);
    // A process that another test is starting may still hold the listening socket.
    let refused = || {
        TcpStream::connect(&address).is_err() || {
            std::thread::sleep(Duration::from_millis(20));
            false
        }
    };
    assert!((0..500).any(|_| refused()));
}

#[test]
fn pip_installs_from_it() {
    let scene = Scene::new(Access::Everybody);
    upload(&scene.client(None), &scene.wheel("1.0", "the old one"), "1.0").unwrap();
    upload(&scene.client(None), &scene.wheel("1.1", "from the index"), "1.1").unwrap();
    let target: PathBuf = scene.folder.path().join("target");
    duct::cmd!(
        "python3",
        "-m",
        "pip",
        "--isolated",
        "--disable-pip-version-check",
        "install",
        "--no-cache-dir",
        "--no-deps",
        "--index-url",
        scene.index.simple_url(),
        "--target",
        &target,
        "demo.pkg"
    )
    .stderr_to_stdout()
    .stdout_capture()
    .run()
    .unwrap();
    let answer = duct::cmd!("python3", "-c", "import demo_pkg; print(demo_pkg.answer)")
        .env("PYTHONPATH", &target)
        .read()
        .unwrap();
    assert_eq!(answer, "from the index");
}

#[test]
fn a_paused_index_keeps_its_address_while_its_folder_is_replaced() {
    let mut scene = Scene::new(Access::Everybody);
    let wheel = scene.wheel("1.0", "a");
    upload(&scene.client(None), &wheel, "1.0").unwrap();
    let address = scene.index.upload_url();

    scene.index.pause();
    fs_err::remove_dir_all(scene.folder.path().join("index")).unwrap();
    scene.index.serve().unwrap();
    assert_eq!(scene.index.upload_url(), address);
    assert_eq!(scene.client(None).presence("demo-pkg", &wheel).unwrap(), FilePresence::Absent);
    upload(&scene.client(None), &scene.wheel("1.0", "b"), "1.0").unwrap();
}
