//! An index with TLS that requires client certificates, and a proxy that requires a user name.

use std::io::PipeWriter;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::python::Python;

const SCRIPT: &str = include_str!("secure.py");
/// The timeout for its start
const LONGEST_START: Duration = Duration::from_secs(60);

/// A running server with its own certificate authority, and a proxy; both end when dropped
#[derive(Debug)]
pub struct SecureIndex {
    folder: TempDir,
    handle: duct::Handle,
    ports: (u16, u16),
    /// The server ends when this closes.
    _stdin: PipeWriter,
}

impl SecureIndex {
    /// # Panics
    /// The server does not start.
    pub fn start() -> Self {
        Self::serving(&[])
    }

    /// A server of these hosts that accepts any user, and a proxy that connects every host to it. It logs each request
    /// as `METHOD HOST PATH USER`, with `-` for no user.
    ///
    /// # Panics
    /// The server does not start.
    pub fn of_hosts(hosts: &[&str]) -> Self {
        Self::serving(hosts)
    }

    fn serving(hosts: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("pyrelease-secure-").tempdir().expect("a folder");
        fs_err::write(folder.path().join("secure.py"), SCRIPT).expect("a script");
        let (stdin, end) = std::io::pipe().expect("a pipe");
        let handle = duct::cmd(Python::get().program(), [&["secure.py"], hosts].concat())
            .dir(folder.path())
            .full_env(crate::sandbox::kept_environment())
            .stdin_file(stdin)
            .stderr_to_stdout()
            .stdout_path(folder.path().join("output"))
            .unchecked()
            .start()
            .expect("a Python that has just been made");
        let began = Instant::now();
        loop {
            let output = fs_err::read_to_string(folder.path().join("output")).unwrap_or_default();
            let ports = output.split("Serving on ").nth(1).and_then(|rest| rest.trim_end().split_once(' '));
            if let Some((index, proxy)) = ports
                && let (Ok(index), Ok(proxy)) = (index.parse(), proxy.parse())
            {
                return Self { folder, handle, ports: (index, proxy), _stdin: end };
            }
            assert!(began.elapsed() < LONGEST_START, "it did not start:\n{output}");
            std::thread::sleep(Duration::from_millis(25));
        }
    }

    /// Where files are uploaded.
    pub fn upload_url(&self) -> String {
        format!("https://127.0.0.1:{}/legacy/", self.ports.0)
    }

    /// The proxy's URL, with a user and a password.
    pub fn proxy_url(&self, user: &str) -> String {
        format!("http://{user}127.0.0.1:{}", self.ports.1)
    }

    /// The certificate of the authority that issued the server's and the client's.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// A client certificate with its key.
    pub fn client(&self) -> PathBuf {
        self.folder.path().join("client.pem")
    }

    /// The log: `POST FILE CLIENT`, `mint-token CLIENT` and the like, `CONNECT admitted` or `CONNECT turned away`.
    pub fn log(&self) -> Vec<String> {
        let log = fs_err::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }
}

impl Drop for SecureIndex {
    fn drop(&mut self) {
        // The server may have ended by itself.
        let _ = self.handle.kill();
        let _ = self.handle.wait();
    }
}
