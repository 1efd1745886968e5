//! A cache of verdicts: the same bytes under the same names are checked once by the same rules.

use sha2::{Digest, Sha256};

use super::as_findings;
use crate::engine::prelude::*;
use crate::python::distribution::Distribution;
use crate::python::verdict::{Policy, Report};
use crate::world::digest::hex;
use crate::world::{Environment, write_whole};

/// The findings about the files of one release: from the cache, or from `judge`.
///
/// # Errors
/// As `judge`.
pub fn known_or(
    environment: &Environment,
    files: &[Distribution],
    policy: &Policy,
    judge: impl FnOnce() -> Result<Report>,
) -> Result<Vec<Finding>> {
    let path = environment.cache_folder().map(|cache| cache.join("verdicts").join(key(files, policy)));
    if let Some(path) = &path
        && let Ok(text) = fs_err::read(path)
        && let Ok(findings) = serde_json::from_slice(&text)
    {
        return Ok(findings);
    }
    let report = judge()?;
    let findings = as_findings(&report);
    if let Some(path) = path.filter(|_| report.is_lasting()) {
        // A failure only means that the files are checked again.
        let _ = write_whole(&path, &serde_json::to_vec(&findings).unwrap_or_default());
    }
    Ok(findings)
}

/// A hash of everything that the verdict depends on: this executable, the policy, and the files.
fn key(files: &[Distribution], policy: &Policy) -> String {
    let mut parts = vec![env!("CARGO_PKG_VERSION").to_owned(), format!("{policy:?}")];
    let program = std::env::current_exe().and_then(fs_err::metadata);
    parts.extend(program.map(|program| format!("{} {:?}", program.len(), program.modified().ok())).ok());
    let mut named: Vec<_> = files.iter().map(|file| format!("{} {}", file.filename, file.sha256)).collect();
    named.sort();
    parts.extend(named);
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::python::distribution::Kind;
    use crate::python::verdict::{Diagnostic, does_not_render, is_too_costly};

    #[test]
    fn the_same_bytes_are_judged_once() {
        let folder = tempfile::tempdir().unwrap();
        let environment = Environment::from_iter([("PYRELEASE_CACHE_DIR", folder.path().as_os_str())]);
        let file = |sha256: &str| Distribution {
            path: "demo-1.0.tar.gz".into(),
            filename: "demo-1.0.tar.gz".to_owned(),
            kind: Kind::Sdist,
            size: 1,
            sha256: sha256.to_owned(),
        };
        let policy = Policy::new(&[], false).unwrap();
        let judged = Cell::new(0);
        let ask = |sha256: &str, policy: &Policy, found: fn(&str) -> Diagnostic| {
            let found = known_or(&environment, &[file(sha256)], policy, || {
                judged.set(judged.get() + 1);
                Ok(Report::new(Vec::new(), vec![found(sha256)]))
            });
            let [found] = found.unwrap().try_into().unwrap();
            assert!(found.message.contains(sha256), "{}", found.message);
        };
        for (sha256, times) in [("a1", 1), ("a1", 1), ("b2", 2), ("a1", 2)] {
            ask(sha256, &policy, does_not_render);
            assert_eq!(judged.get(), times);
        }
        ask("a1", &Policy::new(&[], true).unwrap(), does_not_render);
        assert_eq!(judged.get(), 3, "a stricter policy");
        for times in [4, 5] {
            ask("c3", &policy, is_too_costly);
            assert_eq!(judged.get(), times, "a verdict of too high cost is not cached");
        }
    }
}
