//! Real index servers, started for one test on a free port.

use std::collections::BTreeMap;
use std::io::PipeWriter;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::base64::encode;
use crate::http::{self, Reply};
use crate::python::Python;
use crate::scratch;
use crate::secret::Secret;

mod permit;

use permit::Permit;

/// The script that runs a server until its standard input ends
const LAUNCHER: &str = include_str!("serve.py");
/// The timeout for a server's start; devpi-server takes some seconds to derive a key
const LONGEST_START: Duration = Duration::from_secs(90);
const USER: &str = "dana";
/// The user name for a token
const TOKEN_USER: &str = "__token__";
/// The password of devpi's root, who never uploads
const ROOT_PASSWORD: &str = "only-to-make-users";

/// A running, empty index server; ends when dropped, or with the test
#[derive(Debug)]
pub struct IndexServer {
    kind: Kind,
    /// `127.0.0.1:34567`
    address: String,
    password: Secret,
    process: Arc<Process>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Pypiserver,
    /// The name of the index
    Devpi(&'static str),
}

#[derive(Debug)]
struct Process {
    handle: duct::Handle,
    folder: TempDir,
    /// The server ends when this closes.
    _stdin: PipeWriter,
    _permit: Permit,
}

impl IndexServer {
    /// A [pypiserver](https://pypi.org/project/pypiserver/), which lists files only as HTML and never accepts a name
    /// twice. It also accepts the password as a token.
    ///
    /// # Panics
    /// The server does not start.
    pub fn pypiserver() -> Self {
        let password = Secret::new();
        Self::start_pypiserver(Some(&password), password.clone(), &[])
    }

    /// A pypiserver that replaces a file of the same name (`--overwrite`).
    ///
    /// # Panics
    /// The server does not start.
    pub fn overwriting() -> Self {
        let password = Secret::new();
        Self::start_pypiserver(Some(&password), password.clone(), &["--overwrite"])
    }

    /// A pypiserver that accepts files without credentials.
    ///
    /// # Panics
    /// The server does not start.
    pub fn open() -> Self {
        Self::start_pypiserver(None, Secret::new(), &["--passwords", ".", "--authenticate", "."])
    }

    /// Two pypiservers, one for rehearsals and one that is public.
    ///
    /// # Panics
    /// A server does not start.
    pub fn two_pypiservers() -> (Self, Self) {
        let begin = || {
            let password = Secret::new();
            (Self::begin_pypiserver(Some(&password), &[]), password)
        };
        // Start both before waiting for either.
        let [rehearsal, public] =
            [begin(), begin()].map(|(process, password)| Self::of_pypiserver(process, password));
        (rehearsal, public)
    }

    /// A pypiserver that refuses every user and password.
    ///
    /// # Panics
    /// The server does not start.
    pub fn refusing() -> Self {
        Self::start_pypiserver(None, Secret::new(), &[])
    }

    fn start_pypiserver(known: Option<&Secret>, password: Secret, options: &[&str]) -> Self {
        Self::of_pypiserver(Self::begin_pypiserver(known, options), password)
    }

    fn begin_pypiserver(known: Option<&Secret>, options: &[&str]) -> Process {
        let folder = server_folder("pypiserver");
        let packages = folder.path().join("packages");
        fs_err::create_dir(&packages).expect("a folder for the packages");
        let users = folder.path().join("users");
        let lines: String = [USER, TOKEN_USER]
            .iter()
            .filter_map(|user| known.map(|password| format!("{user}:{}\n", password.reveal())))
            .collect();
        fs_err::write(&users, lines).expect("a file of users");
        Process::start(folder, "pypiserver", &[&[text(&users), text(&packages)], options].concat())
    }

    fn of_pypiserver(process: Process, password: Secret) -> Self {
        let (process, address) = process.address();
        let server = Self { kind: Kind::Pypiserver, address, password, process: Arc::new(process) };
        server.wait_for("/");
        server
    }

    /// A [devpi-server](https://pypi.org/project/devpi-server/) with one user and an index whose files cannot be
    /// replaced.
    ///
    /// # Panics
    /// The server does not start.
    pub fn devpi() -> Self {
        let folder = server_folder("devpi");
        let data = folder.path().join("data");
        let process = Process::start(folder, "devpi", &[text(&data), ROOT_PASSWORD]);
        let (process, address) = process.address();
        let (kind, process) = (Kind::Devpi("dev"), Arc::new(process));
        let server = Self { kind, address, password: Secret::new(), process };
        server.wait_for("/+api");
        server.make_user();
        server
    }

    /// The other index of the same devpi-server and user, which replaces a file of the same name.
    ///
    /// # Panics
    /// The server is not a devpi-server.
    #[must_use]
    pub fn volatile(&self) -> Self {
        assert!(matches!(self.kind, Kind::Devpi(_)), "only devpi has several indexes");
        let (address, password) = (self.address.clone(), self.password.clone());
        Self { kind: Kind::Devpi("volatile"), address, password, process: Arc::clone(&self.process) }
    }

    /// Creates devpi's user and indexes, as its own client does.
    fn make_user(&self) {
        let call = |method, path: &str, authorization: &[String], body: serde_json::Value| {
            let headers = [
                &["Content-Type: application/json".to_owned(), "Accept: application/json".to_owned()],
                authorization,
            ];
            let reply = self.send(method, path, &headers.concat(), body.to_string().as_bytes());
            let text = String::from_utf8_lossy(&reply.body).into_owned();
            assert!(
                (200..300).contains(&reply.status),
                "devpi-server refused {method} {path}: {text}\n{}",
                self.process.log()
            );
            serde_json::from_str::<serde_json::Value>(&text).expect("devpi-server answers in JSON")
        };
        let log_in = |user: &str, password: &str| {
            let login = serde_json::json!({ "user": user, "password": password });
            let answer = call("POST", "/+login", &[], login);
            let token = answer["result"]["password"].as_str().expect("a token").to_owned();
            vec![format!("X-Devpi-Auth: {}", encode(format!("{user}:{token}").as_bytes()))]
        };
        let root = log_in("root", ROOT_PASSWORD);
        let password = self.password.reveal();
        call("PUT", &format!("/{USER}"), &root, serde_json::json!({ "password": password }));
        let user = log_in(USER, password);
        for (name, volatile) in [("dev", false), ("volatile", true)] {
            let index = serde_json::json!({ "type": "stage", "bases": [], "volatile": volatile });
            call("PUT", &format!("/{USER}/{name}"), &user, index);
        }
    }

    /// Where files are uploaded.
    pub fn upload_url(&self) -> String {
        match self.kind {
            Kind::Pypiserver => format!("http://{}/", self.address),
            Kind::Devpi(index) => format!("http://{}/{USER}/{index}/", self.address),
        }
    }

    /// Where files are listed.
    pub fn simple_url(&self) -> String {
        format!("http://{}{}", self.address, self.simple_path())
    }

    fn simple_path(&self) -> String {
        match self.kind {
            Kind::Pypiserver => "/simple/".to_owned(),
            Kind::Devpi(index) => format!("/{USER}/{index}/+simple/"),
        }
    }

    pub fn username(&self) -> &str {
        USER
    }

    pub fn password(&self) -> &Secret {
        &self.password
    }

    /// The files of a project with their SHA-256, as the server lists them; none if it does not have the project.
    ///
    /// # Panics
    /// The server does not answer, or lists a file without its digest.
    #[track_caller]
    pub fn files(&self, project: &str) -> BTreeMap<String, String> {
        self.listing(project).into_iter().map(|(name, (_, digest))| (name, digest)).collect()
    }

    /// Downloads a file of a project, and compares it with its listed digest.
    ///
    /// # Panics
    /// The file does not exist, or has another digest.
    #[track_caller]
    pub fn download(&self, project: &str, file: &str) -> Vec<u8> {
        let listing = self.listing(project);
        let (path, listed) =
            listing.get(file).unwrap_or_else(|| panic!("no `{file}` among {:?}", listing.keys()));
        let reply = self.send("GET", path, &[], &[]);
        assert_eq!(reply.status, 200, "GET {path}");
        let digest: String = Sha256::digest(&reply.body).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, *listed, "`{file}` is not what is listed");
        reply.body
    }

    /// The path and the digest of each file.
    #[track_caller]
    fn listing(&self, project: &str) -> BTreeMap<String, (String, String)> {
        let page = format!("{}{project}/", self.simple_path());
        let reply = self.send("GET", &page, &["Accept: text/html".to_owned()], &[]);
        if reply.status == 404 {
            return BTreeMap::new();
        }
        assert_eq!(reply.status, 200, "GET {page}: {}", String::from_utf8_lossy(&reply.body));
        let links = http::links(&String::from_utf8_lossy(&reply.body));
        let entry = |(link, fragment): &(String, String)| {
            let path = http::resolve(&page, link);
            let name = path.rsplit('/').next().unwrap_or_default().to_owned();
            let digest = fragment
                .strip_prefix("sha256=")
                .unwrap_or_else(|| panic!("no digest in `{link}#{fragment}`"));
            (name, (path, digest.to_owned()))
        };
        links.iter().map(entry).collect()
    }

    #[track_caller]
    fn send(&self, method: &str, path: &str, headers: &[String], body: &[u8]) -> Reply {
        http::send(method, &self.address, path, headers, body)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}\n{}", self.process.log()))
    }

    /// Waits for any answer.
    fn wait_for(&self, path: &str) {
        let began = Instant::now();
        while let Err(error) = http::send("GET", &self.address, path, &[], &[]) {
            assert!(began.elapsed() < LONGEST_START, "no answer: {error}\n{}", self.process.log());
            std::thread::sleep(Duration::from_millis(25));
        }
    }
}

impl Process {
    /// Starts a server that writes its address to its log.
    fn start(folder: TempDir, server: &str, args: &[&str]) -> Self {
        let launcher = folder.path().join("serve.py");
        fs_err::write(&launcher, LAUNCHER).expect("a script");
        let python = Python::get().program();
        let permit = Permit::take();
        let (stdin, end) = std::io::pipe().expect("a pipe");
        let handle = duct::cmd(python, [&[text(&launcher), server], args].concat())
            .dir(folder.path())
            .full_env(crate::sandbox::kept_environment())
            .stdin_file(stdin)
            .stderr_to_stdout()
            .stdout_path(folder.path().join("log"))
            .unchecked()
            .start()
            .expect("a Python that has just been made");
        Self { handle, folder, _stdin: end, _permit: permit }
    }

    /// Waits for the address.
    fn address(self) -> (Self, String) {
        let began = Instant::now();
        loop {
            let log = self.log();
            let announced = log.split("Serving on http://").nth(1).and_then(|rest| rest.split_once('\n'));
            if let Some((address, _)) = announced {
                return (self, address.trim_end_matches('/').to_owned());
            }
            let over = self.handle.try_wait().expect("a child process can be asked").is_some();
            assert!(!over && began.elapsed() < LONGEST_START, "the server did not start:\n{log}");
            std::thread::sleep(Duration::from_millis(25));
        }
    }

    fn log(&self) -> String {
        fs_err::read(self.folder.path().join("log"))
            .map(|log| String::from_utf8_lossy(&log).into_owned())
            .unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The server may have ended by itself.
        let _ = self.handle.kill();
        let _ = self.handle.wait();
    }
}

fn server_folder(name: &str) -> TempDir {
    scratch::folder(&format!("pyrelease-{name}-"))
}

fn text(path: &Path) -> &str {
    path.to_str().expect("our own name")
}
