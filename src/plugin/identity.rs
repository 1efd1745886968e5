//! What a plugin is known by: a digest of all that its command executes. It is pinned, and agreed to; a word more or less
//! makes another plugin of it.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::store::{Plugin, Word, sha256};
use crate::error::Result;
use crate::world::Environment;
use crate::world::digest::hex;

/// The first of what a command's digest is made of: another way to make it has another one
const COMMAND: &str = "pyrelease plugin command 1";

/// The program that starts a plugin's file, where the first word of its command is another. It is not pinned, because it
/// lies elsewhere on each machine, and agreed to with the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpreter {
    /// Behind all links, unless it lies in the repository
    path: PathBuf,
    /// Of one in the repository
    sha256: Option<String>,
}

impl Interpreter {
    /// It as it is written down and shown.
    pub fn shown(&self) -> String {
        let path = self.path.display();
        self.sha256.as_ref().map_or_else(|| path.to_string(), |sha256| format!("{path} (sha256 {sha256})"))
    }
}

impl Plugin {
    /// The digest, the same on every machine. A plugin that is its file alone has the sha256 of that.
    pub fn identity(&self) -> String {
        if self.before.is_empty() && self.after.is_empty() {
            return self.sha256.clone();
        }
        let mut digest = Sha256::new();
        // Each with its length before it: no two commands are the same bytes.
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

    /// The words of its command as they are shown; none where it is its file alone.
    pub fn command(&self) -> Option<Vec<String>> {
        let shown = |word: Word<'_>| match word {
            Word::Text(text) => text.to_owned(),
            Word::File { source, .. } => source.display().to_string(),
        };
        let is_alone = self.before.is_empty() && self.after.is_empty();
        (!is_alone).then(|| self.words().map(shown).collect())
    }

    /// What starts its file, as the user agrees to it; `top` is the repository's.
    ///
    /// # Errors
    /// There is no such program.
    pub fn interpreter(&self, top: &Path, environment: &Environment) -> Result<Option<Interpreter>> {
        let Some(found) = self.starter(environment)? else { return Ok(None) };
        let there = fs_err::canonicalize(&found)?;
        let top = fs_err::canonicalize(top)?;
        Ok(Some(if found.starts_with(&top) || there.starts_with(&top) {
            let sha256 = sha256(&fs_err::read(&there)?);
            Interpreter { path: found, sha256: Some(sha256) }
        } else {
            Interpreter { path: there, sha256: None }
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
    fn every_word_counts_and_where_it_stands() {
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
        // Another name, or another place, makes no other plugin.
        let elsewhere =
            Plugin { name: "z".to_owned(), source: "/elsewhere/x.py".into(), ..plugin(&["python3"], &[]) };
        assert_eq!(elsewhere.identity(), all[1].identity());
        // As it is pinned in many repositories by now.
        assert_eq!(all[1].identity(), "e7aa07ac87b513b8e871e79cfe1c3d0487093d997e239784ce09d9d6071241e1");
    }
}
