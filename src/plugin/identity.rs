//! A plugin's identity: a digest of everything its command executes. The identity is pinned and trusted; changing any
//! word of the command changes it.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::store::{Plugin, Word, sha256};
use crate::error::Result;
use crate::world::Environment;
use crate::world::digest::hex;

/// Hashed first, so that other formats give other digests
const COMMAND: &str = "pyrelease plugin command 1";

/// The program that starts a plugin's file, if its command begins with another word. It is not pinned, because its path
/// differs between machines, but trusting a plugin includes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpreter {
    /// With all links resolved, unless it lies in the repository
    path: PathBuf,
    /// If it lies in the repository
    sha256: Option<String>,
}

impl Interpreter {
    /// Its text in the trust file and in messages.
    pub fn shown(&self) -> String {
        let path = self.path.display();
        self.sha256.as_ref().map_or_else(|| path.to_string(), |sha256| format!("{path} (sha256 {sha256})"))
    }
}

impl Plugin {
    /// The digest, the same on every machine. A plugin without a command has the sha256 of its file.
    pub fn identity(&self) -> String {
        if self.before.is_empty() && self.after.is_empty() {
            return self.sha256.clone();
        }
        let mut digest = Sha256::new();
        // Each part has its length in front, so that different commands never hash the same bytes.
        let mut add = |part: &[u8]| {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        };
        add(COMMAND.as_bytes());
        for word in self.words() {
            match word {
                Word::Text(text) => [b"text", text.as_bytes()].into_iter().for_each(&mut add),
                Word::File { source, sha256 } => {
                    let name = source.file_name().unwrap_or_default();
                    [b"file", name.as_encoded_bytes(), sha256.as_bytes()].into_iter().for_each(&mut add);
                }
            }
        }
        hex(&digest.finalize())
    }

    /// The words of its command for display; `None` if it is only a file.
    pub fn command(&self) -> Option<Vec<String>> {
        let shown = |word: Word<'_>| match word {
            Word::Text(text) => text.to_owned(),
            Word::File { source, .. } => source.display().to_string(),
        };
        let is_alone = self.before.is_empty() && self.after.is_empty();
        (!is_alone).then(|| self.words().map(shown).collect())
    }

    /// The program that starts its file, as the user trusts it; `top` is the repository's.
    ///
    /// # Errors
    /// The program does not exist.
    pub fn interpreter(&self, top: &Path, environment: &Environment) -> Result<Option<Interpreter>> {
        let Some(found) = self.starter(environment)? else { return Ok(None) };
        let resolved = fs_err::canonicalize(&found)?;
        let top = fs_err::canonicalize(top)?;
        Ok(Some(if found.starts_with(&top) || resolved.starts_with(&top) {
            let sha256 = sha256(&fs_err::read(&resolved)?);
            Interpreter { path: found, sha256: Some(sha256) }
        } else {
            Interpreter { path: resolved, sha256: None }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::store::WordFile;
    use super::*;

    fn plugin(before: &[&str], after: &[&str]) -> Plugin {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Plugin {
            name: "x".to_owned(),
            sha256: "aa".to_owned(),
            source: "/somewhere/x.py".into(),
            before: words(before),
            after: words(after),
            files: Vec::new(),
        }
    }

    #[test]
    fn every_word_and_its_position_count() {
        let mut all = vec![
            plugin(&[], &[]),
            plugin(&["python3"], &[]),
            plugin(&["python3", "-I"], &[]),
            plugin(&["python3 -I"], &[]),
            plugin(&["python3"], &["-I"]),
            plugin(&[], &["python3"]),
            plugin(&[], &["", ""]),
            plugin(&[], &[""]),
            plugin(&["sh", "-c", "id"], &[]),
        ];
        let file = |sha256: &str| WordFile { at: 0, sha256: sha256.to_owned(), source: "/y".into() };
        for sha256 in ["bb", "cc"] {
            all.push(Plugin { files: vec![file(sha256)], ..plugin(&[], &["y"]) });
        }
        all.push(plugin(&[], &["y"]));
        all.push(Plugin { sha256: "bb".to_owned(), ..plugin(&["python3"], &[]) });
        all.push(Plugin { source: "/somewhere/y.py".into(), ..plugin(&["python3"], &[]) });
        let identities: std::collections::BTreeSet<String> = all.iter().map(Plugin::identity).collect();
        assert_eq!(identities.len(), all.len());
        assert_eq!(all[0].identity(), "aa");
        // The name and the path do not change the identity.
        let elsewhere =
            Plugin { name: "z".to_owned(), source: "/elsewhere/x.py".into(), ..plugin(&["python3"], &[]) };
        assert_eq!(elsewhere.identity(), all[1].identity());
        // A value that many repositories have pinned.
        assert_eq!(all[1].identity(), "e7aa07ac87b513b8e871e79cfe1c3d0487093d997e239784ce09d9d6071241e1");
    }
}
