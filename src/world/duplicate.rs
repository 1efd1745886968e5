//! Copies a source tree as another checkout would have it: elsewhere, with other times and other permissions.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::make_link;

/// How much earlier the files of the copy were written: not a multiple of anything that a backend may round to
const EARLIER: Duration = Duration::from_secs(24 * 3600 + 3661);

/// Copies the files below `from` to `to`, which must not exist, without virtual environments and the runs of pyrelease.
///
/// # Errors
/// A file cannot be read or written.
pub fn duplicate(from: &Path, to: &Path, umask: u32) -> io::Result<()> {
    fs_err::create_dir_all(to)?;
    for entry in fs_err::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            let is_ours = source.ends_with(".git/pyrelease");
            if !is_ours && !source.join("pyvenv.cfg").is_file() {
                duplicate(&source, &target, umask)?;
            }
        } else if kind.is_symlink() {
            make_link(&fs_err::read_link(&source)?, &target)?;
        } else if kind.is_file() {
            fs_err::copy(&source, &target)?;
            change(&target, umask)?;
        }
    }
    Ok(())
}

/// Changes the time and the permissions of a file.
fn change(path: &Path, umask: u32) -> io::Result<()> {
    let metadata = fs_err::metadata(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // The owner must be able to change the time.
        let mode = metadata.permissions().mode() & !umask | 0o200;
        fs_err::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    }
    #[cfg(not(unix))]
    let _ = umask;
    let time = metadata.modified()? - EARLIER;
    fs_err::OpenOptions::new().append(true).open(path)?.file().set_modified(time)
}
