//! The folder for the temporary files of a run and of its children. It is deleted with the run: by the run itself, by its
//! watchdog if it is killed, or else by the next command that recovers it.

use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use crate::world::files::sha256_of;

static FOLDER: RwLock<Option<PathBuf>> = RwLock::new(None);

/// How children learn where temporary files belong
pub(super) const VARIABLE: &str = "TMPDIR";
/// Digits of the folder's name: short, because names of sockets below it have some hundred bytes at most
const DIGITS: usize = 10;

/// Creates the folder of a run, or takes over what a killed process of the same run has left; none if there is no room, or
/// another user has taken the name. From then on, all children of this process use it.
pub fn begin_temporary_files(run: &Path) -> Option<PathBuf> {
    let digest = sha256_of(run.as_os_str().as_encoded_bytes());
    // Children work in other folders than this process.
    let system = std::path::absolute(std::env::temp_dir()).ok()?;
    let folder = system.join(format!("pyr-{}", &digest[..DIGITS]));
    make(&folder)?;
    set(Some(folder.clone()));
    Some(folder)
}

/// Deletes the folder of a run.
pub fn delete_temporary_files(folder: &Path) {
    set(None);
    // Whatever a program has protected stays, as it would elsewhere.
    let _ = fs_err::remove_dir_all(folder);
}

/// Where temporary files belong: the folder of the run, or the system's.
pub fn temporary_folder() -> PathBuf {
    of_run().unwrap_or_else(std::env::temp_dir)
}

/// The folder of the run, if there is a run.
pub fn of_run() -> Option<PathBuf> {
    FOLDER.read().unwrap_or_else(PoisonError::into_inner).clone()
}

fn set(folder: Option<PathBuf>) {
    *FOLDER.write().unwrap_or_else(PoisonError::into_inner) = folder;
}

#[cfg(unix)]
fn make(folder: &Path) -> Option<()> {
    use std::io::ErrorKind;
    use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
    match std::fs::DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => Some(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let found = fs_err::symlink_metadata(folder).ok()?;
            let is_own = found.uid() == rustix::process::geteuid().as_raw();
            (found.is_dir() && is_own && found.mode() & 0o077 == 0).then_some(())
        }
        Err(_) => None,
    }
}

/// Elsewhere nothing finds the children of a killed run either.
#[cfg(not(unix))]
fn make(_: &Path) -> Option<()> {
    None
}
