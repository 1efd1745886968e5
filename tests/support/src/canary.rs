//! Searches the output and the files of every run for secrets. Every password of the tests contains the same word, the
//! canary; tokens of indexes are found by their prefix.

use std::path::Path;
use std::sync::OnceLock;

use memchr::memmem::{self, Finder};

use crate::base64::disguises;
use crate::sandbox::Sandbox;
use crate::snapshot::files_in;

/// A part of every password of the tests
pub const CANARY: &str = "sorrowful-canary";
/// The prefix of every token that names its issuer
const TOKEN: &str = "pypi-AgE";
/// The minimum length of a token, longer than a mention of the prefix
const LETTERS_OF_A_TOKEN: usize = 16;

/// Whether the bytes contain a secret, plain or in base64.
pub(crate) fn is_in(bytes: &[u8]) -> bool {
    static FORMS: OnceLock<Vec<Finder<'static>>> = OnceLock::new();
    let forms = FORMS.get_or_init(|| {
        let disguised = [CANARY, TOKEN].into_iter().flat_map(|word| disguises(word.as_bytes()));
        std::iter::once(CANARY.to_owned())
            .chain(disguised)
            .map(|form| Finder::new(&form).into_owned())
            .collect()
    });
    forms.iter().any(|form| form.find(bytes).is_some()) || has_token(bytes)
}

fn has_token(bytes: &[u8]) -> bool {
    let is_letter = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(**byte, b'-' | b'_');
    memmem::find_iter(bytes, TOKEN).any(|at| {
        let rest = &bytes[at + TOKEN.len()..];
        rest.iter().take_while(is_letter).take(LETTERS_OF_A_TOKEN).count() == LETTERS_OF_A_TOKEN
    })
}

/// The files of a run that contain a secret: its journals, logs, distributions and temporary files. Its clone is
/// searched only by [`crate::Project::assert_secret_nowhere`].
pub(crate) fn kept(sandbox: &Sandbox, repository: &Path) -> Vec<String> {
    let runs = repository.join(".git/pyrelease/runs");
    let runs = fs_err::read_dir(runs).into_iter().flatten().flatten();
    let inside = runs.flat_map(|run| fs_err::read_dir(run.path()).into_iter().flatten().flatten());
    let kept = inside.map(|entry| entry.path()).filter(|path| !path.ends_with("tree"));
    let files = kept.chain([sandbox.temporary()]).flat_map(|path| match path.is_dir() {
        true => files_in(&path),
        false => vec![path],
    });
    // A process of a killed run may be deleting the file.
    let has = |path: &std::path::PathBuf| fs_err::read(path).is_ok_and(|bytes| is_in(&bytes));
    files.filter(has).map(|path| path.display().to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base64::encode;

    #[test]
    fn a_secret_is_seen_in_every_form() {
        let token = "pypi-AgEIcHlwaS5vcmcCJDQxMmYwMDAw";
        let basic = encode(format!("__token__:{token}").as_bytes());
        let password = encode(format!("dana:{CANARY}0123").as_bytes());
        for text in [CANARY, token, &basic, &password] {
            assert!(is_in(format!("so: {text}!").as_bytes()), "{text}");
        }
        assert!(!is_in(b"a token begins with `pypi-AgE`; canary, sorrowful"));
    }
}
