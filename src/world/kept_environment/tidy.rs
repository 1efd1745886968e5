//! Removes what is left of environments: incomplete and superseded ones, and those that have not been used for long.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::generation::{LOCK, is_complete, open_lock, remove};

/// How long an environment is kept without being used
const UNUSED: Duration = Duration::from_secs(30 * 24 * 3600);
/// How many environments are kept
const MOST: usize = 20;

/// Removes what is not needed, except what somebody uses. Failures leave it for the next time.
pub(super) fn tidy(root: &Path) {
    let mut kept: Vec<(SystemTime, PathBuf)> = Vec::new();
    for key in entries(root) {
        // The names of generations begin with the time.
        let mut generations: Vec<PathBuf> = entries(&key)
            .into_iter()
            .filter(|path| path.extension().is_some_and(|ending| ending == LOCK))
            .filter(|path| path.file_stem().is_some_and(|stem| stem != LOCK))
            .map(|path| path.with_extension(""))
            .collect();
        generations.sort();
        let newest = generations.iter().rev().find(|folder| is_complete(folder)).cloned();
        for generation in generations {
            let used = fs_err::metadata(generation.with_extension(LOCK)).and_then(|lock| lock.modified());
            match used {
                Ok(used) if Some(&generation) == newest.as_ref() => kept.push((used, generation)),
                _ => remove_unused(&generation),
            }
        }
        if newest.is_none() && open_lock(&key.join(LOCK)).is_ok_and(|lock| lock.file().try_lock().is_ok()) {
            // Fails as long as something else is in it.
            let _ = fs_err::remove_file(key.join(LOCK)).and_then(|()| fs_err::remove_dir(&key));
        }
    }
    kept.sort();
    let too_many = kept.len().saturating_sub(MOST);
    for (at, (used, generation)) in kept.iter().enumerate() {
        if at < too_many || used.elapsed().is_ok_and(|unused| unused > UNUSED) {
            remove_unused(generation);
        }
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs_err::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

fn remove_unused(generation: &Path) {
    let Ok(lock) = open_lock(&generation.with_extension(LOCK)) else { return };
    if lock.file().try_lock().is_ok() {
        remove(generation);
    }
}
