//! The files of an environment: what they are when it is made, and what differs later.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::world::sha256;

/// A file, or a symbolic link
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileRecord {
    /// In bytes
    size: u64,
    /// In nanoseconds since the epoch
    modified: u64,
    /// When the system last changed the file or what it knows of it, in the same unit: a program can set the other time,
    /// but not this one. 0 where the system has none
    #[serde(default)]
    changed: u64,
    /// The sha256, or the target of the link
    content: String,
}

/// What the system tells about a file without reading it
struct Glance {
    size: u64,
    modified: u64,
    changed: u64,
    is_link: bool,
}

/// The record of every file below `folder`, by its path there.
pub(super) fn record(folder: &Path) -> Result<BTreeMap<String, FileRecord>> {
    let seen = walk(folder)?;
    seen.into_iter()
        .map(|(path, glance)| {
            let content = content(&folder.join(&path), &glance)?;
            let Glance { size, modified, changed, .. } = glance;
            Ok((path, FileRecord { size, modified, changed, content }))
        })
        .collect()
}

/// The files that differ from the record, by their size and times, or all of them `by_content`. A file of another time
/// with the same bytes does not differ. Bytecode that Python has added is removed: it is not known what is in it.
pub(super) fn differing(
    folder: &Path,
    recorded: &BTreeMap<String, FileRecord>,
    by_content: bool,
) -> Result<Vec<String>> {
    let seen = walk(folder)?;
    let mut differing = Vec::new();
    for (path, glance) in &seen {
        let is_same = match recorded.get(path) {
            None => is_cache_of_known(path, recorded) && fs_err::remove_file(folder.join(path)).is_ok(),
            Some(known) => {
                let is_alike = (glance.size, glance.modified, glance.changed)
                    == (known.size, known.modified, known.changed);
                let is_cheap = is_alike && !by_content && !glance.is_link;
                is_cheap
                    || (glance.size == known.size && content(&folder.join(path), glance)? == known.content)
            }
        };
        if !is_same {
            differing.push(path.clone());
        }
    }
    differing.extend(recorded.keys().filter(|path| !seen.contains_key(*path)).cloned());
    differing.sort();
    Ok(differing)
}

/// Whether Python itself adds this file: the bytecode of a module that is recorded, as with `PYTHONOPTIMIZE`.
fn is_cache_of_known(path: &str, recorded: &BTreeMap<String, FileRecord>) -> bool {
    let source = || {
        let (folder, name) = path.strip_suffix(".pyc")?.rsplit_once("__pycache__/")?;
        Some(format!("{folder}{}.py", name.split('.').next()?))
    };
    source().is_some_and(|source| recorded.contains_key(&source))
}

fn content(path: &Path, glance: &Glance) -> Result<String> {
    match glance.is_link {
        true => Ok(fs_err::read_link(path)?.display().to_string()),
        false => Ok(sha256(path)?.0),
    }
}

fn walk(folder: &Path) -> io::Result<BTreeMap<String, Glance>> {
    let mut seen = BTreeMap::new();
    let mut folders = vec![(folder.to_owned(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        for entry in fs_err::read_dir(&folder)? {
            let entry = entry?;
            let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push((entry.path(), format!("{path}/")));
                continue;
            }
            let metadata = entry.metadata()?;
            let (size, modified, changed) = (metadata.len(), nanoseconds(&metadata), changed(&metadata));
            seen.insert(path, Glance { size, modified, changed, is_link: kind.is_symlink() });
        }
    }
    Ok(seen)
}

fn nanoseconds(metadata: &std::fs::Metadata) -> u64 {
    let since = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since.map_or(0, |since| since.as_nanos() as u64)
}

#[cfg(unix)]
fn changed(metadata: &std::fs::Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let nanoseconds = metadata.ctime().saturating_mul(1_000_000_000).saturating_add(metadata.ctime_nsec());
    u64::try_from(nanoseconds).unwrap_or_default()
}

#[cfg(not(unix))]
fn changed(_: &std::fs::Metadata) -> u64 {
    0
}

/// Changes when a file is written to or replaced.
pub(super) fn stamp(path: &Path) -> Option<String> {
    let metadata = fs_err::metadata(path).ok()?;
    Some(format!("{} {}", metadata.len(), nanoseconds(&metadata)))
}
