//! A temporary folder with its own home, and the environment of every command that runs in it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::disk::Disk;
use crate::scratch;

/// The size of the disk for the program's output, in KiB
const OUTPUTS: usize = 64 << 10;

/// The user's settings of git. No repository of a test grows enough for maintenance, and asking takes a process each time.
const GIT_CONFIG: &str = "\
[user]
\tname = Dana Developer
\temail = dana@example.org
[init]
\tdefaultBranch = main
[maintenance]
\tauto = false
[receive]
\tautogc = false
";

/// The variables that commands inherit, besides proxies: for finding programs and reaching the package index. Others
/// (tokens, CI, git's own) would make a test depend on its environment.
const KEPT: &[&str] = &[
    "PATH",
    "LANG",
    "SYSTEMROOT",
    "COMSPEC",
    "PATHEXT",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "GIT_SSL_CAINFO",
    "PIP_CERT",
    "PIP_CONFIG_FILE",
    "PIP_DEFAULT_TIMEOUT",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_INDEX_URL",
    "PIP_TRUSTED_HOST",
    "LLVM_PROFILE_FILE",
    "RUST_BACKTRACE",
];

/// A test's own folder, deleted with it
#[derive(Debug)]
pub struct Sandbox {
    /// Dropped first, in reverse order of mounting
    _disks: Vec<Disk>,
    /// Dropped last, because it deletes the folder
    _folder: TempDir,
    root: PathBuf,
}

impl Default for Sandbox {
    fn default() -> Self {
        Self::new()
    }
}

impl Sandbox {
    pub fn new() -> Self {
        Self::on(None)
    }

    /// Puts everything except the program's output on a disk of this size in KiB.
    pub(crate) fn on(disk: Option<usize>) -> Self {
        let folder = scratch::folder("pyrelease-test-");
        let root = fs_err::canonicalize(folder.path()).expect("the folder that was just made");
        let mount = |place: &Path, size| Disk::mount(place, size).unwrap_or_else(|error| panic!("{error}"));
        let disk = disk.map(|size| mount(&root, size));
        let mut sandbox = Self { _disks: Vec::new(), _folder: folder, root };
        for folder in [sandbox.home(), sandbox.temporary(), sandbox.outputs()] {
            fs_err::create_dir(folder).expect("a fresh folder takes another");
        }
        if let Some(disk) = disk {
            sandbox._disks = vec![mount(&sandbox.outputs(), OUTPUTS), disk];
        }
        sandbox.write_home(".gitconfig", GIT_CONFIG);
        sandbox
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    /// The `TMPDIR` of every command; it must be empty afterwards.
    pub fn temporary(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// The folder with the output of every run.
    pub(crate) fn outputs(&self) -> PathBuf {
        self.root.join("outputs")
    }

    /// Writes a file at `path` in the home that only its owner can read.
    pub fn write_home(&self, path: &str, text: &str) {
        let path = self.home().join(path);
        fs_err::create_dir_all(path.parent().expect("a file is in a folder")).expect("a folder in the home");
        fs_err::write(&path, text).expect("a file in the home");
        set_mode(&path, 0o600);
    }

    /// The whole environment of a command.
    pub fn environment(&self) -> BTreeMap<OsString, OsString> {
        let mut environment = kept_environment();
        let home = self.home();
        let mut set = |name: &str, value: &OsStr| environment.insert(name.into(), value.into());
        set("HOME", home.as_os_str());
        set("USERPROFILE", home.as_os_str());
        set("XDG_CACHE_HOME", home.join(".cache").as_os_str());
        set("XDG_CONFIG_HOME", home.join(".config").as_os_str());
        set("XDG_DATA_HOME", home.join(".local/share").as_os_str());
        set("XDG_STATE_HOME", home.join(".local/state").as_os_str());
        for name in ["TMPDIR", "TEMP", "TMP"] {
            set(name, self.temporary().as_os_str());
        }
        set("PYRELEASE_CACHE_DIR", shared_cache().as_os_str());
        for (name, value) in [
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_TERMINAL_PROMPT", "0"),
            // A plan of a project named like one on PyPI
            ("PYRELEASE_OFFLINE", "1"),
            ("LC_ALL", "C.UTF-8"),
            // The changelog has the local date, which the tests compare with the commit's.
            ("TZ", "UTC"),
        ] {
            set(name, value.as_ref());
        }
        environment
    }

    /// A command in `folder` with [`Self::environment`].
    pub fn command(&self, folder: &Path, program: impl AsRef<OsStr>, args: &[&str]) -> duct::Expression {
        self.command_with(folder, program, args, &[])
    }

    /// A command with these additional variables. (duct's own `env` would have no effect, because an inner call sets
    /// the whole environment.)
    pub fn command_with(
        &self,
        folder: &Path,
        program: impl AsRef<OsStr>,
        args: &[&str],
        variables: &[(&str, &str)],
    ) -> duct::Expression {
        let mut environment = self.environment();
        environment.extend(variables.iter().map(|(name, value)| (name.into(), value.into())));
        duct::cmd(program.as_ref(), args).dir(folder).full_env(environment).stdin_null()
    }

    /// Runs `git` in `folder` and returns its output without the last line end.
    ///
    /// # Panics
    /// The command fails.
    #[track_caller]
    pub fn git(&self, folder: &Path, args: &[&str]) -> String {
        let output = self
            .command(folder, git_program(), args)
            .stdout_capture()
            .stderr_capture()
            .unchecked()
            .run()
            .unwrap_or_else(|error| panic!("git does not run: {error}"));
        let stdout = String::from_utf8_lossy(&output.stdout);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {args:?} in {} failed:\n{stdout}{stderr}", folder.display());
        stdout.trim_end_matches('\n').to_owned()
    }
}

/// Git by its path: a program that is searched for in a given environment is started by `fork`, and a copy of this
/// process takes longer than most of git's commands.
fn git_program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let find = || {
        let path = kept_environment().remove(OsStr::new("PATH")).unwrap_or_default();
        let name = format!("git{}", std::env::consts::EXE_SUFFIX);
        let found = std::env::split_paths(&path).map(|folder| folder.join(&name)).find(|path| path.is_file());
        found.expect("git is on PATH")
    };
    PROGRAM.get_or_init(find)
}

/// The inherited variables, and a pip cache that all tests share.
#[expect(clippy::disallowed_methods, reason = "the one place that reads it")]
pub(crate) fn kept_environment() -> BTreeMap<OsString, OsString> {
    let mut environment: BTreeMap<_, _> =
        std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(is_kept)).collect();
    environment.insert("PIP_CACHE_DIR".into(), shared_cache().join("pip").into());
    environment.insert("PIP_DISABLE_PIP_VERSION_CHECK".into(), "1".into());
    let path = environment.get(OsStr::new("PATH")).cloned().unwrap_or_default();
    let path = std::env::join_paths(python_folder().into_iter().chain(std::env::split_paths(&path)));
    environment.insert("PATH".into(), path.expect("a path that was one before"));
    environment
}

/// The folder of the Python itself: a version manager's shim takes longer to find it than many tests to run.
fn python_folder() -> Option<PathBuf> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    let find = || {
        let script = "import os, sys; print(os.path.dirname(sys.executable))";
        Some(PathBuf::from(duct::cmd!("python3", "-c", script).read().ok()?))
    };
    FOLDER.get_or_init(find).clone()
}

/// Whether the user has chosen a place for temporary files.
#[expect(clippy::disallowed_methods, reason = "as above")]
pub(crate) fn has_temporary_folder() -> bool {
    std::env::var_os("TMPDIR").is_some()
}

/// The environment of npm: its configuration, and a cache in `folder`.
#[expect(clippy::disallowed_methods, reason = "as above")]
pub(crate) fn npm_environment(folder: &Path) -> BTreeMap<OsString, OsString> {
    let is_its_own =
        |name: &str| name == "NODE_EXTRA_CA_CERTS" || name.to_ascii_lowercase().starts_with("npm_config_");
    let mut environment = kept_environment();
    environment.extend(std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(is_its_own)));
    environment.insert("npm_config_cache".into(), folder.join("cache").into());
    environment
}

fn is_kept(name: &str) -> bool {
    KEPT.contains(&name) || name.to_ascii_lowercase().ends_with("_proxy")
}

/// The cache that all tests share: pyrelease's tool environment and pip's downloads.
pub fn shared_cache() -> PathBuf {
    target_folder().join("test-cache")
}

/// Cargo's target folder of this test: `<target>/debug/deps/<test>`.
pub(crate) fn target_folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let program = std::env::current_exe().expect("a test knows its own program");
        let profile = program.ancestors().find(|folder| folder.ends_with("deps")).and_then(Path::parent);
        match profile.and_then(Path::parent) {
            Some(target) => target.to_owned(),
            None => panic!("`{}` is not in a target folder of cargo", program.display()),
        }
    })
}

/// Sets the permissions, on Unix.
pub(crate) fn set_mode(path: &Path, mode: u32) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs_err::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("our own file");
    }
    #[cfg(not(unix))]
    let _ = (path, mode);
}
