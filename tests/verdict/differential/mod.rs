//! What we make of names, versions, fields and whole metadata, against the packages that PyPI judges by, on text that
//! nobody would write.
//!
//! The text is generated, the same in every run; `PYRELEASE_TEST_SEED` makes it another, `PYRELEASE_TEST_CASES` more.
//! One Python answers all questions.

mod documents;
mod languages;
mod names;

use std::io::{Cursor, Write};

use pyrelease::python::verdict::{Diagnostic, judge};
use pyrelease_test_support::Python;
use serde_json::Value;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const JUDGE: &str = include_str!("judge.py");

/// A question to Python, and our own answer
pub(super) struct Question {
    /// What is asked, as the script calls it
    kind: &'static str,
    asked: Value,
    ours: Value,
}

/// Enough of randomness, and the same in every run
pub(super) struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % most as u64).expect("it is below a usize")
    }

    fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }

    /// One of the seeds in which some letters are gone and some pieces are put in.
    fn mutated(&mut self, seeds: &[&str], pieces: &[&str]) -> String {
        let mut text: Vec<char> = self.one(seeds).chars().collect();
        for _ in 0..self.below(4) {
            let at = self.below(text.len() + 1);
            match self.below(3) {
                0 if at < text.len() => drop(text.remove(at)),
                1 => {
                    let end = (at + self.below(6)).min(text.len());
                    text.drain(at..end);
                }
                _ => {
                    let piece = self.one(pieces);
                    text.splice(at..at, piece.chars());
                }
            }
        }
        text.into_iter().collect()
    }
}

/// What is found in a wheel with this metadata and nothing else.
pub(super) fn judged(metadata: &[u8]) -> Vec<Diagnostic> {
    judged_with("METADATA", metadata)
}

/// What is found in a wheel with this file in its folder of metadata and nothing else.
pub(super) fn judged_with(file: &str, content: &[u8]) -> Vec<Diagnostic> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let path = format!("demo-1.0.dist-info/{file}");
    writer.start_file(path, SimpleFileOptions::default()).expect("a member");
    writer.write_all(content).expect("its content");
    let mut file = writer.finish().expect("a wheel");
    let size = file.get_ref().len() as u64;
    judge(&mut file, "demo-1.0-py3-none-any.whl", size).findings
}

/// A number from the environment of the tests, to look longer or elsewhere.
fn setting(name: &str, usual: u64) -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a knob of the tests, not of the program")]
    let set = std::env::var(name);
    set.map_or(usual, |text| text.parse().unwrap_or_else(|_| panic!("{name} is to be a number")))
}

#[test]
fn what_pypi_s_packages_say_is_said_here() {
    let mut dice = Dice(setting("PYRELEASE_TEST_SEED", 0x9e37_79b9_7f4a_7c15).max(1));
    let each = usize::try_from(setting("PYRELEASE_TEST_CASES", 200)).expect("a number of cases");
    let mut questions = languages::questions(&mut dice, each);
    questions.extend(names::questions(&mut dice, each));
    questions.extend(documents::questions(&mut dice, each));

    let asked: Vec<_> = questions.iter().map(|question| (question.kind, &question.asked)).collect();
    let input = serde_json::to_vec(&asked).unwrap();
    let answer =
        duct::cmd!(Python::of_pypi().program(), "-I", "-c", JUDGE).stdin_bytes(input).read().unwrap();
    let theirs: Vec<Value> = serde_json::from_str(&answer).unwrap();
    assert_eq!(theirs.len(), questions.len());

    let mut differing = Vec::new();
    for (question, theirs) in questions.iter().zip(&theirs) {
        // What the script cannot tell, as on an old Python, it leaves out.
        if question.ours != *theirs && *theirs != Value::String("untold".to_owned()) {
            let Question { kind, asked, ours } = question;
            differing.push(format!("{kind}: {asked}: there {theirs}, here {ours}"));
        }
    }
    // A question that is always answered in the same way asks nothing.
    let kinds: std::collections::BTreeSet<_> = questions.iter().map(|question| question.kind).collect();
    for kind in kinds {
        let of_kind = questions.iter().zip(&theirs).filter(|(question, _)| question.kind == kind);
        let answers: Vec<&Value> = of_kind.map(|(_, theirs)| theirs).collect();
        let usual = answers.iter().filter(|answer| **answer == answers[0]).count();
        let share = usual * 100 / answers.len();
        assert!(share < 90, "{kind}: {share} of 100 answers are {}", answers[0]);
    }
    let (wrong, all) = (differing.len(), questions.len());
    assert!(differing.is_empty(), "{wrong} of {all} differ:\n{}", differing.join("\n"));
}
