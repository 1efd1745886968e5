//! What a user sees, kept as a text in `tests/shown` that reads as documentation.

use std::path::Path;

use snapbox::{Data, data::DataFormat};

use crate::invocation::Outcome;
use crate::redact::redact;

/// Commands and what they printed, to be compared with a file
#[derive(Debug)]
#[must_use = "`assert` compares it"]
pub struct Transcript {
    name: String,
    text: String,
}

impl Transcript {
    /// To be compared with `tests/shown/NAME.txt`.
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), text: String::new() }
    }

    /// A line of prose above what follows.
    pub fn heading(&mut self, text: &str) -> &mut Self {
        self.paragraph(&format!("# {text}\n"))
    }

    /// The command line, what came to the standard output, what came to the standard error, and the status unless it
    /// is 0.
    pub fn add(&mut self, outcome: &Outcome) -> &mut Self {
        self.paragraph(&shown(outcome, outcome.stdout(), outcome.stderr()))
    }

    /// Of the standard error only what begins with the first error, and nothing of the standard output: for a command
    /// whose other words are shown elsewhere. What stands there already is not repeated.
    ///
    /// # Panics
    /// There is no error.
    #[track_caller]
    pub fn add_error(&mut self, outcome: &Outcome) -> &mut Self {
        let stderr = outcome.stderr();
        let error = |line: &&str| line.starts_with("error:");
        let before: usize = stderr.split_inclusive('\n').take_while(|line| !error(line)).map(str::len).sum();
        assert!(before < stderr.len(), "no error in {outcome}");
        let text = shown(outcome, "", &stderr[before..]);
        if self.text.contains(&text) { self } else { self.paragraph(&text) }
    }

    fn paragraph(&mut self, text: &str) -> &mut Self {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(text);
        self
    }

    /// It is what `tests/shown/NAME.txt` has; `SNAPSHOTS=overwrite` in the environment writes that file instead. In the
    /// file `[..]` stands for any part of a line.
    ///
    /// # Panics
    /// With the difference.
    #[track_caller]
    pub fn assert(&self) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("shown");
        let expected = Data::read_from(&folder.join(format!("{}.txt", self.name)), Some(DataFormat::Text));
        let assert = snapbox::Assert::new().action_env(snapbox::assert::DEFAULT_ACTION_ENV);
        assert.eq(Data::text(self.text.as_str()), expected);
    }
}

/// The command line, what it printed and the status unless it is 0, without what differs from run to run.
fn shown(outcome: &Outcome, stdout: &str, stderr: &str) -> String {
    let mut text = format!("$ {}\n{}", outcome.command_line(), whole_lines(stdout));
    if !stderr.is_empty() {
        text.push_str("[stderr]\n");
        text.push_str(&whole_lines(stderr));
    }
    if outcome.status() != 0 {
        text.push_str(&format!("[exit {}]\n", outcome.status()));
    }
    redact(&text, outcome.root())
}

/// The text, with a line end at its own end if there is anything.
fn whole_lines(text: &str) -> String {
    match text.is_empty() || text.ends_with('\n') {
        true => text.to_owned(),
        false => format!("{text}\n"),
    }
}
