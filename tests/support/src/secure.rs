//! An index behind TLS that takes files from clients with a certificate only, and a proxy that asks for a user.

use std::io::PipeWriter;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::python::Python;

const SCRIPT: &str = include_str!("secure.py");
/// How long it may take until it is there
const LONGEST_START: Duration = Duration::from_secs(60);

/// A running server with an authority of its own, and a proxy beside it; both end when dropped
#[derive(Debug)]
pub struct SecureIndex {
    folder: TempDir,
    handle: duct::Handle,
    ports: (u16, u16),
    /// When this closes, it ends by itself.
    _stdin: PipeWriter,
}

impl SecureIndex {
    /// # Panics
    /// It does not start.
    pub fn start() -> Self {
        Self::serving(&[])
    }

    /// A server of these hosts that shows its pages and opens its uploads to everybody who signs in, as whomever, and a
    /// proxy that leads there from every host. Of each request it logs `METHOD HOST PATH USER`, with `-` for nobody.
    ///
    /// # Panics
    /// It does not start.
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

    /// The proxy's address, with a user and a password in it.
    pub fn proxy_url(&self, user: &str) -> String {
        format!("http://{user}127.0.0.1:{}", self.ports.1)
    }

    /// The certificate of the authority that the server's and the client's are from.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// A client's certificate with its key.
    pub fn client(&self) -> PathBuf {
        self.folder.path().join("client.pem")
    }

    /// What has come: `POST FILE CLIENT`, `mint-token CLIENT` and the like, `CONNECT admitted` or `CONNECT turned away`.
    pub fn log(&self) -> Vec<String> {
        let log = fs_err::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }
}

impl Drop for SecureIndex {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.handle.kill();
        let _ = self.handle.wait();
    }
}
