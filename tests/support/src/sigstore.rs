//! A Sigstore instance on loopback, which signs for whatever identities a test makes.

use std::io::PipeWriter;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

const SCRIPT: &str = include_str!("sigstore.py");
const LONGEST_START: Duration = Duration::from_secs(30);

/// A running certificate authority and transparency log; ends when dropped, or with the test
#[derive(Debug)]
pub struct Sigstore {
    folder: TempDir,
    handle: duct::Handle,
    /// It ends when this closes.
    _stdin: PipeWriter,
}

impl Sigstore {
    /// Starts an instance with a Python that has `cryptography`.
    ///
    /// # Panics
    /// It does not start.
    pub fn start(python: &Path) -> Self {
        let folder = crate::scratch::folder("pyrelease-sigstore-");
        let script = folder.path().join("sigstore.py");
        fs_err::write(&script, SCRIPT).expect("a script");
        let (stdin, end) = std::io::pipe().expect("a pipe");
        let handle = duct::cmd!(python, &script, folder.path())
            .full_env(crate::sandbox::kept_environment())
            .stdin_file(stdin)
            .stderr_to_stdout()
            .stdout_path(folder.path().join("output"))
            .unchecked()
            .start()
            .expect("a Python that exists");
        let instance = Self { folder, handle, _stdin: end };
        let began = Instant::now();
        while !instance.trust_config().is_file() {
            let output = || fs_err::read_to_string(instance.folder.path().join("output")).unwrap_or_default();
            assert!(began.elapsed() < LONGEST_START, "it did not start:\n{}", output());
            std::thread::sleep(Duration::from_millis(25));
        }
        instance
    }

    /// Its client trust config.
    pub fn trust_config(&self) -> PathBuf {
        self.folder.path().join("trust.json")
    }

    /// Sets how it answers from now on; see `sigstore.py`.
    pub fn answers(&self, mode: &Value) {
        let path = self.folder.path().join("mode.json");
        fs_err::write(path.with_extension("new"), mode.to_string()).expect("a file");
        fs_err::rename(path.with_extension("new"), path).expect("our own file");
    }

    /// The entries of its log: `name`, `digest` and `verifier`, the hash of the certificate.
    pub fn entries(&self) -> Vec<Value> {
        let log = fs_err::read_to_string(self.folder.path().join("log.jsonl")).unwrap_or_default();
        log.lines().map(|line| serde_json::from_str(line).expect("an entry in JSON")).collect()
    }
}

impl Drop for Sigstore {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.handle.kill();
        let _ = self.handle.wait();
    }
}
