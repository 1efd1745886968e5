//! What a user sees of each command. Every scene is compared with a text beside it, and so is much of what other tests
//! run: a change of wording is `SNAPSHOTS=overwrite cargo test`, and the texts' difference is what is reviewed.

mod check;
mod configuration;
mod controls;
mod credentials;
mod doctor;
mod help;
#[cfg(unix)]
mod picture;
#[cfg(unix)]
mod plugins;
mod recovery;
mod run;
mod upload;

use std::path::{Path, PathBuf};

/// A text that no test compares anything with would stay as it is for ever.
#[test]
fn every_text_is_some_tests() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let files = files(&tests);
    let read = |file: &PathBuf| fs_err::read_to_string(file).unwrap();
    let with = |ending: &str| {
        let has = |file: &&PathBuf| file.extension().is_some_and(|extension| extension == ending);
        files.iter().filter(has).collect::<Vec<_>>()
    };
    let sources: Vec<String> = with("rs").into_iter().map(read).collect();
    let shown = tests.join("shown");
    let texts: Vec<_> = with("txt").into_iter().filter_map(|text| text.strip_prefix(&shown).ok()).collect();
    assert!(texts.len() > 12, "{texts:?}");
    for text in texts {
        let name = format!("\"{}\"", text.with_extension("").display());
        assert!(sources.iter().any(|source| source.contains(&name)), "no test names {name}");
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs_err::read_dir(folder)
        .expect("a folder of the tests")
        .map(|entry| entry.expect("a folder of the tests").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
