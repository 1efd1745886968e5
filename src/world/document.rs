//! Small TOML files that pyrelease maintains and users may edit. Comments survive, and writes are atomic.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, TomlError};

use super::Environment;
use crate::error::{Error, Result};
use crate::input::read_text;

/// The folder for the user's data.
///
/// # Errors
/// The environment names no such folder.
pub fn user_folder(environment: &Environment) -> Result<PathBuf> {
    environment.data_folder().ok_or_else(|| {
        Error::usage("no folder for user data is known").help("set HOME, or PYRELEASE_DATA_DIR")
    })
}

/// Reads the file; a missing file is an empty document.
///
/// # Errors
/// The file cannot be read, or is not valid TOML.
pub fn read(path: &Path) -> Result<DocumentMut> {
    let text = match read_text(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error.into()),
    };
    text.parse().map_err(|error: TomlError| {
        Error::usage(format!("`{}` is not valid TOML", path.display()))
            .because(io::Error::other(error.message().to_owned()))
    })
}

/// Writes the file atomically. A new file begins with the comment `what`.
///
/// # Errors
/// The file cannot be written.
pub fn write(path: &Path, document: &DocumentMut, what: &str) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs_err::create_dir_all(folder)?;
    let beginning = if path.exists() { String::new() } else { format!("# {what}\n\n") };
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    let mut new = builder.tempfile_in(folder)?;
    write!(new, "{beginning}{document}")?;
    new.persist(path).map_err(|error| Error::from(error.error))?;
    Ok(())
}
