//! Small files in TOML that pyrelease keeps for somebody and that they may edit: comments stay, and a file is written whole
//! or not at all.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, TomlError};

use super::Environment;
use crate::error::{Error, Result};

/// Where pyrelease keeps what is the user's.
///
/// # Errors
/// The environment names no such folder.
pub fn user_folder(environment: &Environment) -> Result<PathBuf> {
    environment.data_folder().ok_or_else(|| {
        Error::usage("there is no folder for the user's data").help("set HOME, or PYRELEASE_DATA_DIR")
    })
}

/// Reads the file; one that is not there is empty.
///
/// # Errors
/// It cannot be read, or is not TOML.
pub fn read(path: &Path) -> Result<DocumentMut> {
    let text = match fs_err::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error.into()),
    };
    text.parse().map_err(|error: TomlError| {
        Error::usage(format!("`{}` is not TOML", path.display()))
            .because(io::Error::other(error.message().to_owned()))
    })
}

/// Writes the file, with a line on top that says what it is where it is new.
///
/// # Errors
/// It cannot be written.
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
