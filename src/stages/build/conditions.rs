//! The conditions of a second build, which the result must not depend on.

use std::path::Path;

use crate::world::process::Process;

/// A time zone far from all others, which needs no database
const ZONE: &str = "XXX-13:37";

/// The second build's conditions
pub(super) struct Conditions {
    umask: u32,
}

impl Conditions {
    /// Other conditions than those in which this project was checked out.
    pub(super) fn unlike(root: &Path) -> Self {
        Self { umask: another_umask(root) }
    }

    pub(super) fn umask(&self) -> u32 {
        self.umask
    }

    pub(super) fn apply(&self, process: Process) -> Process {
        let process = process.without_env("LANGUAGE").env("LANG", "C").env("LC_ALL", "C").env("TZ", ZONE);
        process.with_umask(&format!("{:03o}", self.umask))
    }
}

/// A umask that differs from the one with which the files were checked out.
fn another_umask(root: &Path) -> u32 {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let project = ["pyproject.toml", "setup.py"].map(|name| fs_err::metadata(root.join(name)));
        let is_open = project.into_iter().flatten().any(|file| file.permissions().mode() & 0o004 != 0);
        if is_open { 0o027 } else { 0o022 }
    }
    #[cfg(not(unix))]
    {
        let _ = root;
        0o022
    }
}
