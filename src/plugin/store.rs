//! Private copies of plugin files, by sha256. Plugins are started only from these copies, so what was hashed is what
//! runs, even if the original file changes meanwhile.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
#[cfg(unix)]
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::launch::Program;
use crate::error::{Error, Result};
use crate::world::Environment;
use crate::world::digest::hex;
use crate::world::document::user_folder;

/// The module that Python plugins import
const PYTHON: &str = include_str!("../../plugins/sdk/python/pyrelease_plugin.py");

/// How long a file must be unchanged before its timestamps identify it
#[cfg(unix)]
const SETTLED: Duration = Duration::from_millis(100);

/// A plugin: its files, and how it is started
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plugin {
    pub name: String,
    /// In lower-case hexadecimal
    pub sha256: String,
    /// Where the file was found
    pub source: PathBuf,
    /// The words before the file in its command
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<String>,
    /// The words of `after` that are files of the project
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<WordFile>,
}

/// A word of a command that is a file
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WordFile {
    /// Its index in `after`
    pub at: usize,
    pub sha256: String,
    pub source: PathBuf,
}

/// A word of a command
pub(super) enum Word<'a> {
    Text(&'a str),
    /// A file of the project; replaced by its private copy when the command runs
    File {
        source: &'a Path,
        sha256: &'a str,
    },
}

/// The kind of a plugin
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PluginKind {
    Library,
    Executable,
}

impl PluginKind {
    /// Determines the kind by the file's extension.
    pub fn of(file: &Path) -> Self {
        match file.extension().and_then(|ending| ending.to_str()) {
            Some("so" | "dylib" | "dll") => Self::Library,
            _ => Self::Executable,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Library => "library",
            Self::Executable => "executable",
        }
    }
}

impl Plugin {
    pub fn kind(&self) -> PluginKind {
        if self.before.is_empty() { PluginKind::of(&self.source) } else { PluginKind::Executable }
    }

    /// The words of its command.
    pub(super) fn words(&self) -> impl Iterator<Item = Word<'_>> {
        let own = Word::File { source: &self.source, sha256: &self.sha256 };
        let after = self.after.iter().enumerate().map(|(at, text)| {
            match self.files.iter().find(|file| file.at == at) {
                Some(file) => Word::File { source: &file.source, sha256: &file.sha256 },
                None => Word::Text(text),
            }
        });
        self.before.iter().map(|text| Word::Text(text)).chain([own]).chain(after)
    }

    /// The program that starts its file, if any. A relative path is refused: it would name another program in every
    /// folder.
    ///
    /// # Errors
    /// There is no such program.
    pub(super) fn starter(&self, environment: &Environment) -> Result<Option<PathBuf>> {
        let Some(first) = self.before.first() else { return Ok(None) };
        let is_plain = Path::new(first).is_absolute() || Path::new(first).components().count() == 1;
        let found = environment.program(first, Path::new("/")).filter(|_| is_plain);
        found.map(Some).ok_or_else(|| {
            let message = format!("plugin `{}` is started by `{first}`, which does not exist", self.name);
            Error::refused(message).help("install it, or put it on PATH")
        })
    }

    /// How to start it: from private copies of its files, which are made if needed.
    ///
    /// # Errors
    /// Neither a copy nor the original file has the recorded bytes any more.
    pub fn program(&self, environment: &Environment) -> Result<Program> {
        if self.kind() == PluginKind::Library {
            return Ok(Program::Library(self.copy_of(&self.source, &self.sha256, environment)?));
        }
        let mut words: Vec<OsString> = Vec::new();
        for word in self.words() {
            words.push(match word {
                Word::Text(text) => text.into(),
                Word::File { source, sha256 } => self.copy_of(source, sha256, environment)?.into(),
            });
        }
        // Use the resolved path of the trusted program.
        if let (Some(starter), Some(first)) = (self.starter(environment)?, words.first_mut()) {
            *first = starter.into_os_string();
        }
        Ok(Program::Executable(words))
    }

    /// The path of the private copy of its own file.
    fn place(&self, environment: &Environment) -> Result<PathBuf> {
        place_of(&self.source, &self.sha256, environment)
    }

    pub(super) fn has_copy(&self, environment: &Environment) -> bool {
        self.place(environment).is_ok_and(|file| file.exists())
    }

    /// Deletes the private copy, if any.
    pub(super) fn forget_copy(&self, environment: &Environment) -> Result<()> {
        let file = self.place(environment)?;
        match fs_err::remove_dir_all(file.parent().unwrap_or(&file)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Compares the private copy with `bytes`, which are known to be the plugin's; saves hashing the copy.
    pub(super) fn recognise(&self, bytes: &[u8], environment: &Environment) {
        let Ok(file) = self.place(environment) else { return };
        let stamp = Stamp::of(&file);
        if fs_err::read(&file).is_ok_and(|copy| copy == bytes) {
            see(file, stamp);
        }
    }

    /// The private copy of one of its files.
    fn copy_of(&self, source: &Path, wanted: &str, environment: &Environment) -> Result<PathBuf> {
        let file = place_of(source, wanted, environment)?;
        let folder = file.parent().unwrap_or(&file);
        // Taken before reading: a change while reading is noticed.
        let stamp = Stamp::of(&file);
        if is_seen(&file, &stamp) {
            return Ok(file);
        }
        if fs_err::read(&file).is_ok_and(|bytes| sha256(&bytes) == wanted) {
            see(file.clone(), stamp);
            return Ok(file);
        }
        let bytes = fs_err::read(source).unwrap_or_default();
        if sha256(&bytes) != wanted {
            return Err(Error::failed(format!(
                "plugin `{}` (sha256 {wanted}) no longer exists: `{}` has changed",
                self.name,
                source.display()
            ))
            .help("restore the file"));
        }
        keep(&bytes, folder, &file)?;
        Ok(file)
    }

    /// Hashes a plugin's file, without copying or running it.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn of_file(name: &str, source: &Path) -> Result<Self> {
        let sha256 = sha256(&fs_err::read(source)?);
        let (before, after, files) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { name: name.to_owned(), sha256, source: source.to_owned(), before, after, files })
    }
}

/// File metadata that changes whenever the file's bytes do
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp([u64; 5]);

impl Stamp {
    /// `None` where the system does not provide enough metadata, and for a file that has just changed: file system
    /// clocks are coarse, so a second change might not show.
    fn of(file: &Path) -> Option<Self> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            let known = fs_err::symlink_metadata(file).ok()?;
            let (seconds, nanoseconds) = (known.ctime().cast_unsigned(), known.ctime_nsec().cast_unsigned());
            let changed = UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_nanos(nanoseconds);
            let is_settled = SystemTime::now().duration_since(changed).is_ok_and(|age| age >= SETTLED);
            is_settled.then(|| Self([known.dev(), known.ino(), known.size(), seconds, nanoseconds]))
        }
        #[cfg(not(unix))]
        {
            let _ = file;
            None
        }
    }
}

/// The private copies that this process has verified, with their stamps: a release makes many calls.
static SEEN: Mutex<BTreeMap<PathBuf, Stamp>> = Mutex::new(BTreeMap::new());

fn seen() -> MutexGuard<'static, BTreeMap<PathBuf, Stamp>> {
    SEEN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn see(file: PathBuf, stamp: Option<Stamp>) {
    if let Some(stamp) = stamp {
        seen().insert(file, stamp);
    }
}

fn is_seen(file: &Path, stamp: &Option<Stamp>) -> bool {
    stamp.is_some() && seen().get(file) == stamp.as_ref()
}

/// The sha256 of these bytes in lower-case hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The path of a file's private copy.
fn place_of(source: &Path, sha256: &str, environment: &Environment) -> Result<PathBuf> {
    let name = source.file_name().unwrap_or("plugin".as_ref());
    Ok(copies(environment)?.join(sha256).join(name))
}

/// The folder of the private copies.
fn copies(environment: &Environment) -> Result<PathBuf> {
    Ok(user_folder(environment)?.join("copies"))
}

/// Writes a private copy atomically.
fn keep(bytes: &[u8], folder: &Path, file: &Path) -> Result<()> {
    make_private(folder)?;
    let mut new = tempfile::Builder::new().prefix(".new-").tempfile_in(folder)?;
    new.write_all(bytes)?;
    new.as_file().sync_all()?;
    set_mode(new.path(), 0o500)?;
    // Closed before renaming: a program that is open for writing cannot be executed.
    let new = new.into_temp_path();
    new.persist(file).map_err(|error| Error::from(error.error))?;
    Ok(())
}

fn make_private(folder: &Path) -> Result<()> {
    fs_err::create_dir_all(folder)?;
    set_mode(folder, 0o700)
}

pub(super) fn set_mode(path: &Path, mode: u32) -> Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs_err::set_permissions(path, PermissionsExt::from_mode(mode))?;
    }
    #[cfg(not(unix))]
    let _ = (path, mode);
    Ok(())
}

/// The folder with the module that Python plugins import; created if needed.
///
/// # Errors
/// The folder cannot be written.
pub fn python_folder(environment: &Environment) -> Result<PathBuf> {
    let folder = user_folder(environment)?.join("python").join(&sha256(PYTHON.as_bytes())[..16]);
    let file = folder.join("pyrelease_plugin.py");
    if fs_err::read(&file).ok().as_deref() != Some(PYTHON.as_bytes()) {
        keep(PYTHON.as_bytes(), &folder, &file)?;
    }
    Ok(folder)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_copy_that_changes_while_we_run_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("x.py");
        fs_err::write(&source, "the plugin").unwrap();
        let data = folder.path().join("data").into_os_string();
        let environment: Environment = [(OsString::from("PYRELEASE_DATA_DIR"), data)].into_iter().collect();
        let plugin = Plugin::of_file("x", &source).unwrap();
        let copy_of = |plugin: &Plugin| plugin.copy_of(&plugin.source, &plugin.sha256, &environment);
        let copy = copy_of(&plugin).unwrap();
        for wait in [Duration::ZERO, SETTLED * 2] {
            std::thread::sleep(wait);
            // Verified by its hash, and by the plugin's bytes.
            copy_of(&plugin).unwrap();
            plugin.recognise(b"the plugin", &environment);
            assert_eq!(is_seen(&copy, &Stamp::of(&copy)), !wait.is_zero());
            set_mode(&copy, 0o700).unwrap();
            fs_err::write(&copy, "the stolen").unwrap();
            assert_eq!(fs_err::read(copy_of(&plugin).unwrap()).unwrap(), b"the plugin");
        }
    }
}
