//! Distribution files: digests, verification and durable writes.

use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::digest::hex;
use crate::error::{Error, Result};
use crate::python::distribution::{Distribution, Kind};
use crate::python::project::Files;

const CHUNK: usize = 256 * 1024;
/// How much of a file tells whether it is output of ours, in bytes
const LONGEST_BEGINNING: u64 = 64;
const DOCTYPE: &[u8] = b"<!doctype html";

/// The files of a folder
pub struct Folder(pub PathBuf);

impl Files for Folder {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        // Reading a pipe would wait for whoever writes into it.
        let path = self.0.join(path);
        if path.is_file() { fs_err::read(path).ok() } else { None }
    }
}

/// Hashes a file in constant memory; returns its sha256 in lower-case hexadecimal and its size in bytes.
///
/// # Errors
/// The file cannot be read.
pub fn sha256(path: &Path) -> Result<(String, u64)> {
    let mut file = fs_err::File::open(path)?;
    let mut hash = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    let mut size = 0;
    loop {
        let read = file.read(&mut chunk)?;
        if read == 0 {
            break;
        }
        hash.update(&chunk[..read]);
        size += read as u64;
    }
    Ok((hex(&hash.finalize()), size))
}

/// The sha256 of these bytes, in lower-case hexadecimal.
pub(super) fn sha256_of(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Records the sha256 of a distribution; [`verify`] compares against it later.
///
/// # Errors
/// The file cannot be read, or is neither an sdist nor a wheel.
pub fn record_digest(path: &Path) -> Result<Distribution> {
    distribution(path, || sha256(path))
}

/// Describes the distribution at a path, with the sha256 and the size that `hash` returns.
pub(super) fn distribution(
    path: &Path,
    hash: impl FnOnce() -> Result<(String, u64)>,
) -> Result<Distribution> {
    let filename = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    let kind = if filename.ends_with(".whl") {
        Kind::Wheel
    } else if filename.ends_with(".tar.gz") || filename.ends_with(".zip") {
        Kind::Sdist
    } else {
        return Err(Error::failed(format!("`{}` is neither a wheel nor an sdist", path.display())));
    };
    let (sha256, size) = hash()?;
    Ok(Distribution { path: path.to_owned(), filename, kind, size, sha256 })
}

/// Waits until a file's bytes, or a folder's entries, are on disk and survive a power cut.
///
/// # Errors
/// The path cannot be opened, or the sync failed.
pub fn sync_to_disk(path: &Path) -> Result<()> {
    // Windows cannot open a folder for this, and does not need it.
    if cfg!(unix) || path.is_file() {
        fs_err::File::open(path)?.sync_all()?;
    }
    Ok(())
}

/// Writes a file so that it is there as a whole or not at all, in a folder that is made if needed.
///
/// # Errors
/// The folder cannot be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs_err::create_dir_all(folder)?;
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    new.write_all(bytes)?;
    new.persist(path).map(drop).map_err(|error| error.error)
}

/// The bytes that a user without privileges can still write to the disk of a folder, which need not exist yet; none if the
/// system does not say.
#[cfg(unix)]
pub fn free_space(folder: &Path) -> Option<u64> {
    let found = folder.ancestors().find_map(|folder| rustix::fs::statvfs(folder).ok())?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

/// None: only Unix is asked.
#[cfg(not(unix))]
pub fn free_space(_: &Path) -> Option<u64> {
    None
}

/// Makes a symbolic link.
///
/// # Errors
/// The file system has no links, or something is there.
#[cfg(unix)]
pub fn make_link(target: &Path, path: &Path) -> std::io::Result<()> {
    fs_err::os::unix::fs::symlink(target, path)
}

/// Makes a copy of the file that a symbolic link would point to.
///
/// # Errors
/// The file cannot be copied.
#[cfg(not(unix))]
pub fn make_link(target: &Path, path: &Path) -> std::io::Result<()> {
    // Windows makes links only with a privilege.
    let target = path.parent().unwrap_or(path).join(target);
    if target.is_file() { fs_err::copy(target, path).map(drop) } else { Ok(()) }
}

/// Writes a new file so that it is there as a whole or not at all; one that exists stays as it is.
///
/// # Errors
/// The file exists, or the folder cannot be written.
pub fn write_new(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // The umask takes away what the user does not want.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut new = builder.tempfile_in(path.parent().unwrap_or(Path::new(".")))?;
    new.write_all(bytes)?;
    new.as_file().sync_all()?;
    new.persist_noclobber(path).map(drop).map_err(|error| error.error)
}

/// Refuses a path for output at which somebody has another file: only what `is_output` recognises is replaced, and what
/// holds nothing, such as a device.
///
/// # Errors
/// Another file is there, or it cannot be read.
pub fn expect_own_output(path: &Path, what: &str, is_output: impl Fn(&[u8]) -> bool) -> Result<()> {
    if !path.is_file() {
        return Ok(());
    }
    let mut beginning = Vec::new();
    fs_err::File::open(path)?.take(LONGEST_BEGINNING).read_to_end(&mut beginning)?;
    if beginning.is_empty() || is_output(&beginning) {
        return Ok(());
    }
    let message = format!("`{}` exists and is no {what}", path.display());
    Err(Error::usage(message).help("nothing was written: choose another path, or delete the file"))
}

/// Refuses a path for an HTML page at which somebody has another file.
///
/// # Errors
/// As [`expect_own_output`].
pub fn expect_page(path: &Path) -> Result<()> {
    expect_own_output(path, "HTML page", |text| {
        text.get(..DOCTYPE.len()).is_some_and(|text| text.eq_ignore_ascii_case(DOCTYPE))
    })
}

/// Writes an HTML page with the usual permissions: others may be meant to read it.
///
/// # Errors
/// Another file is there, or the page cannot be written.
pub fn write_page(path: &Path, html: &str) -> Result<()> {
    expect_page(path)?;
    if let Some(folder) = path.parent() {
        fs_err::create_dir_all(folder)?;
    }
    Ok(fs_err::write(path, html)?)
}

/// Refuses a distribution whose bytes no longer match the recorded digest.
///
/// # Errors
/// The file cannot be read, or has changed.
pub fn verify(distribution: &Distribution) -> Result<()> {
    changed(distribution, &sha256(&distribution.path)?.0)
}

/// Compares the distribution's recorded sha256 with the current one.
pub(super) fn changed(distribution: &Distribution, sha256: &str) -> Result<()> {
    if sha256 == distribution.sha256 {
        return Ok(());
    }
    Err(Error::failed(format!(
        "`{}` was changed after it was built: sha256 {sha256}, was {}",
        distribution.filename, distribution.sha256
    ))
    .help("only the bytes that were checked may be published; run the release again"))
}

/// A human-readable size.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}
