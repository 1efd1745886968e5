//! Brings ignored files that a build needs into a clone.

use std::path::Path;

use crate::error::{Error, Result};
use crate::world::make_link;

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
    if !source.is_file() && !source.is_dir() {
        return Err(Error::failed(format!("`carry` names `{path}`, which is neither a file nor a folder")));
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
    if source.is_dir() && !leads_back(source) {
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
    } else if source.is_file() {
        fs_err::copy(source, target)?;
    } else if source.is_symlink() {
        make_link(&fs_err::read_link(source)?, target)?;
    }
    // A pipe or a socket has nothing to copy; reading it could wait for ever.
    Ok(())
}

/// Whether it is a link to a folder that it lies in: following it would never end.
fn leads_back(path: &Path) -> bool {
    let folder = path.parent().map(fs_err::canonicalize);
    match (path.is_symlink(), folder, fs_err::canonicalize(path)) {
        (true, Some(Ok(folder)), Ok(target)) => folder.starts_with(target),
        _ => false,
    }
}

#[cfg(all(test, unix))]
mod tests {
    use fs_err::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_back_and_sockets_in_a_folder_stop_no_copy() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        let tools = from.join("tools");
        fs_err::create_dir_all(tools.join("lib")).unwrap();
        fs_err::create_dir(&to).unwrap();
        fs_err::write(tools.join("lib/data"), "data").unwrap();
        symlink(".", tools.join("self")).unwrap();
        symlink("..", tools.join("lib/up")).unwrap();
        symlink("lib", tools.join("lib64")).unwrap();
        symlink("gone", tools.join("dangling")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(tools.join("socket")).unwrap();
        carry(&from, &to, "tools").unwrap();
        let there = |path: &str| to.join("tools").join(path);
        assert_eq!(fs_err::read_link(there("self")).unwrap(), Path::new("."));
        assert_eq!(fs_err::read_link(there("lib/up")).unwrap(), Path::new(".."));
        assert_eq!(fs_err::read_link(there("dangling")).unwrap(), Path::new("gone"));
        assert_eq!(fs_err::read(there("lib64/data")).unwrap(), b"data");
        assert!(!there("socket").exists());
        let error = carry(&from, &to, "tools/socket").unwrap_err().to_string();
        assert_eq!(error, "`carry` names `tools/socket`, which is neither a file nor a folder");
    }
}
