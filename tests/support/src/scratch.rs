//! Where the tests put their folders. A release syncs every record of its journal to disk, and most of the time that the
//! tests would take on a disk is waiting for it; so in memory, where the system has such a place.

use std::path::Path;
use std::sync::LazyLock;

use tempfile::TempDir;

use crate::sandbox::{has_temporary_folder, set_mode};

/// Linux's file system in memory
const PLACE: &str = "/dev/shm";
/// How much must be free there, in KiB
const FREE: u64 = 6 << 20;

static IN_MEMORY: LazyLock<bool> = LazyLock::new(|| {
    // Whoever sets it has reasons.
    !has_temporary_folder() && has_space() && runs_programs()
});

/// A new folder, which is deleted when dropped.
pub(crate) fn folder(prefix: &str) -> TempDir {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix);
    let made = if *IN_MEMORY { builder.tempdir_in(PLACE) } else { builder.tempdir() };
    made.expect("a temporary folder")
}

fn has_space() -> bool {
    let free = duct::cmd!("df", "-k", "--output=avail", PLACE).stderr_null().unchecked().read();
    let free = free.ok().and_then(|table| table.lines().last()?.trim().parse::<u64>().ok());
    Path::new(PLACE).is_dir() && free.is_some_and(|free| free >= FREE)
}

/// Whether it is not mounted `noexec`.
fn runs_programs() -> bool {
    let Ok(folder) = tempfile::tempdir_in(PLACE) else { return false };
    let program = folder.path().join("program");
    if fs_err::write(&program, "#!/bin/sh\n").is_err() {
        return false;
    }
    set_mode(&program, 0o700);
    duct::cmd!(&program).run().is_ok()
}
