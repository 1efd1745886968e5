//! This process's environment variables, read once in `main` and passed on, and credentials typed at the terminal.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use secrecy::SecretString;

/// An absolute path that contains no programs
const NOWHERE: &str = "/dev/null";

/// By what else CI systems are known: GitHub, GitLab, Azure Pipelines, Jenkins, TeamCity
const CI_SYSTEMS: [&str; 5] = ["GITHUB_ACTIONS", "GITLAB_CI", "TF_BUILD", "JENKINS_URL", "TEAMCITY_VERSION"];

/// Set where no index and no remote is asked that a command can do without
const OFFLINE: &str = "PYRELEASE_OFFLINE";

/// Allows hosts in a run without a terminal, separated by commas
pub const ALLOWED_HOSTS: &str = "PYRELEASE_ALLOW_HOSTS";

/// The environment as a value: tests can replace it, and no code reads the real one directly.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
    typed: BTreeMap<String, (String, SecretString)>,
}

impl Environment {
    /// Reads this process's environment.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads it")]
    pub fn of_this_process() -> Self {
        Self { variables: std::env::vars_os().collect(), ..Self::default() }
    }

    /// The variable's value, if it is set, not empty and valid Unicode.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables
            .get(OsStr::new(name))
            .and_then(|value| value.to_str())
            .filter(|value| !value.is_empty())
    }

    /// The variable as a path, if it is set and not empty.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.variables.get(OsStr::new(name)).filter(|value| !value.is_empty()).map(PathBuf::from)
    }

    /// The variable as a path, unless it is relative, which the XDG Base Directory Specification has programs ignore.
    fn absolute_path(&self, name: &str) -> Option<PathBuf> {
        self.path(name).filter(|path| path.is_absolute())
    }

    /// Adds or replaces a variable.
    pub fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// Adds a user name and a secret that the user typed for an index.
    pub fn with_typed(mut self, index: &str, username: &str, secret: SecretString) -> Self {
        self.typed.insert(index.to_owned(), (username.to_owned(), secret));
        self
    }

    /// The user name and the secret that the user typed for an index.
    pub fn typed(&self, index: &str) -> Option<(&str, &SecretString)> {
        self.typed.get(index).map(|(username, secret)| (username.as_str(), secret))
    }

    /// All variables.
    pub fn variables(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.variables.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }

    /// Whether the user allows credentials to be sent to this host, which has its port unless that is the default.
    pub fn allows_host(&self, host: &str) -> bool {
        let named = self.get(ALLOWED_HOSTS).unwrap_or_default();
        named.split(',').any(|named| named.trim().eq_ignore_ascii_case(host))
    }

    /// The names of all variables that are valid Unicode.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.keys().filter_map(|name| name.to_str())
    }

    /// The folders of PATH that are searched; see [`folders_of`].
    pub fn search_path(&self) -> Vec<PathBuf> {
        self.path("PATH").map(|path| folders_of(path.as_os_str())).unwrap_or_default()
    }

    /// Finds a program: `name` is a path relative to `folder`, or a program on PATH.
    pub fn program(&self, name: &str, folder: &Path) -> Option<PathBuf> {
        if Path::new(name).components().count() > 1 {
            return with_ending(&folder.join(name));
        }
        program_in(&self.search_path(), OsStr::new(name))
    }

    /// Whether a program of this name exists.
    pub fn has_program(&self, program: &str, folder: &Path) -> bool {
        self.program(program, folder).is_some()
    }

    /// The home folder: `HOME`, or `USERPROFILE` on Windows.
    pub fn home(&self) -> Option<PathBuf> {
        self.path("HOME").or_else(|| self.path("USERPROFILE"))
    }

    /// Whether this is a job of a CI system: nearly all set `CI`, the others a variable of their own.
    pub fn is_ci(&self) -> bool {
        let is_said = self.get("CI").is_some_and(|value| !matches!(value, "false" | "0"));
        is_said || CI_SYSTEMS.iter().any(|name| self.get(name).is_some())
    }

    /// Whether the user wants nothing to be asked over the network that a command can do without.
    pub fn is_offline(&self) -> bool {
        self.get(OFFLINE).is_some()
    }

    /// The user's data folder: `$PYRELEASE_DATA_DIR`, else the platform's default.
    pub fn data_folder(&self) -> Option<PathBuf> {
        if let Some(folder) = self.path("PYRELEASE_DATA_DIR") {
            return Some(absolute(folder));
        }
        let platform = if cfg!(windows) {
            self.path("APPDATA")
        } else if cfg!(target_os = "macos") {
            self.home().map(|home| home.join("Library/Application Support"))
        } else {
            self.absolute_path("XDG_DATA_HOME").or_else(|| self.home().map(|home| home.join(".local/share")))
        };
        platform.map(|folder| folder.join("pyrelease"))
    }

    /// The user's cache folder: `$PYRELEASE_CACHE_DIR`, else the platform's default.
    pub fn cache_folder(&self) -> Option<PathBuf> {
        if let Some(folder) = self.path("PYRELEASE_CACHE_DIR") {
            return Some(absolute(folder));
        }
        let platform = if cfg!(windows) {
            self.path("LOCALAPPDATA")
        } else if cfg!(target_os = "macos") {
            self.home().map(|home| home.join("Library/Caches"))
        } else {
            self.absolute_path("XDG_CACHE_HOME").or_else(|| self.home().map(|home| home.join(".cache")))
        };
        platform.map(|folder| folder.join("pyrelease"))
    }
}

/// The path from the current folder: children work in others.
fn absolute(folder: PathBuf) -> PathBuf {
    std::path::absolute(&folder).unwrap_or(folder)
}

/// The absolute folders of a PATH. Empty and relative entries are skipped: they would find programs in the current
/// folder, which may be an untrusted repository.
pub(super) fn folders_of(path: &OsStr) -> Vec<PathBuf> {
    std::env::split_paths(path).filter(|folder| folder.is_absolute()).collect()
}

/// The PATH without empty and relative entries, for child processes that search it themselves.
pub fn without_relative_folders(path: &OsStr) -> OsString {
    let mut folders = folders_of(path);
    if folders.is_empty() {
        // An empty PATH would mean the current folder.
        folders.push(NOWHERE.into());
    }
    std::env::join_paths(folders).unwrap_or_else(|_| path.to_owned())
}

/// The first program of this name in the folders.
pub(super) fn program_in(folders: &[PathBuf], name: &OsStr) -> Option<PathBuf> {
    folders.iter().find_map(|folder| with_ending(&folder.join(name)))
}

/// The program at this path; on Windows the extension may be omitted.
fn with_ending(path: &Path) -> Option<PathBuf> {
    let endings: &[&str] = if cfg!(windows) { &["", ".exe", ".bat", ".cmd"] } else { &[""] };
    endings.iter().find_map(|ending| {
        let mut path = path.as_os_str().to_owned();
        path.push(ending);
        Some(PathBuf::from(path)).filter(|path| is_program(path))
    })
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs_err::metadata(path).is_ok_and(|known| known.is_file() && known.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}

impl<K: Into<OsString>, V: Into<OsString>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { variables, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_do_not_depend_on_where_a_child_works() {
        let folder =
            |name, value| Environment::from_iter([("HOME", "/home/dana"), (name, value)]).cache_folder();
        let named = folder("PYRELEASE_CACHE_DIR", "cache").unwrap();
        assert!(named.is_absolute() && named.ends_with("cache"), "{}", named.display());
        if cfg!(all(unix, not(target_os = "macos"))) {
            assert_eq!(folder("XDG_CACHE_HOME", "cache").unwrap(), Path::new("/home/dana/.cache/pyrelease"));
        }
    }
}
