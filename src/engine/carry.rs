//! Brings ignored files that a build needs into a clone.

use std::path::Path;

use crate::error::{Error, Result};

/// Copies an ignored file or folder that the build needs into the clone. Overwrites nothing: existing files are tracked,
/// and a link may point anywhere.
///
/// # Errors
/// It does not exist, or cannot be copied.
pub fn carry(from: &Path, to: &Path, path: &str) -> Result<()> {
    let source = from.join(path);
    if !source.exists() {
        return Err(Error::failed(format!("`carry` names `{path}`, which does not exist")));
    }
    let mut folder = to.to_owned();
    for part in Path::new(path).parent().unwrap_or(Path::new("")).components() {
        folder.push(part);
        if folder.symlink_metadata().is_ok_and(|there| !there.is_dir()) {
            return Err(Error::failed(format!(
                "`carry` names `{path}`, whose parent is a link or a file in the \
                                              repository"
            )));
        }
    }
    fs_err::create_dir_all(&folder)?;
    copy(&source, &to.join(path), path)
}

fn copy(source: &Path, target: &Path, path: &str) -> Result<()> {
    if source.is_dir() {
        if target.symlink_metadata().is_ok_and(|there| !there.is_dir()) {
            return Err(Error::failed(format!("`carry` names `{path}`, which is a link in the repository")));
        }
        fs_err::create_dir_all(target)?;
        for entry in fs_err::read_dir(source)? {
            let entry = entry?;
            copy(&entry.path(), &target.join(entry.file_name()), path)?;
        }
    } else if target.symlink_metadata().is_ok() {
        return Err(Error::failed(format!("`carry` names `{path}`, which the repository already has"))
            .help("`carry` is for files that git does not track"));
    } else {
        fs_err::copy(source, target)?;
    }
    Ok(())
}
