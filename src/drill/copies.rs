//! Copies folders: symbolic links are kept, and git objects, which never change, are hard-linked.

use std::path::Path;

use crate::error::Result;
use crate::world::make_link;

/// What a copy shares with the original
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sharing {
    Nothing,
    /// The objects of git repositories, which are never modified
    Objects,
}

/// Copies a folder to a new path. `skip` names relative paths to leave out.
///
/// # Errors
/// A file cannot be read or written.
pub(super) fn copy(from: &Path, to: &Path, sharing: Sharing, skip: &dyn Fn(&Path) -> bool) -> Result<()> {
    into(from, to, Path::new(""), sharing, false, skip)
}

/// Copies a repository's objects by hard links.
///
/// # Errors
/// A file cannot be read or written.
pub(super) fn copy_objects(from: &Path, to: &Path) -> Result<()> {
    into(from, to, Path::new(""), Sharing::Objects, true, &|_| false)
}

fn into(
    from: &Path,
    to: &Path,
    inside: &Path,
    sharing: Sharing,
    shared: bool,
    skip: &dyn Fn(&Path) -> bool,
) -> Result<()> {
    fs_err::create_dir_all(to)?;
    let is_repository = from.join("HEAD").is_file() && from.join("refs").is_dir();
    for entry in fs_err::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let path = inside.join(&name);
        if skip(&path) {
            continue;
        }
        let (source, target) = (entry.path(), to.join(&name));
        let kind = entry.file_type()?;
        if kind.is_symlink() {
            make_link(&fs_err::read_link(&source)?, &target)?;
        } else if kind.is_dir() {
            let objects = sharing == Sharing::Objects && is_repository && name == "objects";
            into(&source, &target, &path, sharing, objects || (shared && name != "info"), skip)?;
        } else if kind.is_file() && !(shared && fs_err::hard_link(&source, &target).is_ok()) {
            // Copy if the file system has no hard links.
            fs_err::copy(&source, &target)?;
        }
    }
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn only_objects_of_a_repository_are_shared() {
        let folder = tempfile::tempdir().unwrap();
        let from = folder.path().join("from");
        let files = [
            "repository/.git/HEAD",
            "repository/.git/refs/heads/main",
            "repository/.git/objects/ab/cd",
            "repository/.git/objects/info/alternates",
            "repository/.git/index.lock",
            "repository/objects/source.py",
        ];
        for file in files {
            fs_err::create_dir_all(from.join(file).parent().unwrap()).unwrap();
            fs_err::write(from.join(file), file).unwrap();
        }
        make_link(Path::new("nowhere"), &from.join("link")).unwrap();

        let to = folder.path().join("to");
        copy(&from, &to, Sharing::Objects, &|path| path.ends_with("index.lock")).unwrap();

        let shared = |file: &str| fs_err::metadata(to.join(file)).unwrap().nlink() == 2;
        let found: Vec<bool> =
            files.iter().filter(|file| to.join(file).exists()).map(|file| shared(file)).collect();
        assert_eq!(found, [false, false, true, false, false]);
        assert!(!to.join("repository/.git/index.lock").exists());
        assert_eq!(fs_err::read_link(to.join("link")).unwrap(), Path::new("nowhere"));
    }
}
