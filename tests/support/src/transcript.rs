//! The output of commands as texts in `tests/shown`, which read as documentation.

use std::path::Path;

use snapbox::{Data, IntoData, data::DataFormat};

use crate::invocation::Outcome;
use crate::redact::redact;

/// Commands and their output, to compare with a file
#[derive(Debug)]
#[must_use = "`assert` compares it"]
pub struct Transcript {
    name: String,
    text: String,
}

impl Transcript {
    /// A transcript to compare with `tests/shown/NAME.txt`.
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), text: String::new() }
    }

    /// Adds a heading.
    pub fn heading(&mut self, text: &str) -> &mut Self {
        self.paragraph(&format!("# {text}\n"))
    }

    /// Adds the command line, the standard output, the standard error, and the status unless it is 0.
    pub fn add(&mut self, outcome: &Outcome) -> &mut Self {
        self.paragraph(&shown(outcome, outcome.stdout(), outcome.stderr()))
    }

    /// Adds only the standard error from the first error on, for a command whose other output is shown elsewhere. Skips
    /// an error that the transcript already has.
    ///
    /// # Panics
    /// The outcome has no error.
    #[track_caller]
    pub fn add_error(&mut self, outcome: &Outcome) -> &mut Self {
        let stderr = outcome.stderr();
        let error = |line: &&str| line.starts_with("error:");
        let before: usize = stderr.split_inclusive('\n').take_while(|line| !error(line)).map(str::len).sum();
        assert!(before < stderr.len(), "no error in {outcome}");
        let text = shown(outcome, "", &stderr[before..]);
        if self.text.contains(&text) { self } else { self.paragraph(&text) }
    }

    /// Adds the command line, the messages of the outcome (see [`Outcome::messages_eq`]), and the status unless it is 0.
    pub fn add_messages(&mut self, outcome: &Outcome) -> &mut Self {
        self.paragraph(&shown(outcome, "", &messages(outcome)))
    }

    /// Adds the command line, the standard output, and the status unless it is 0.
    pub fn add_stdout(&mut self, outcome: &Outcome) -> &mut Self {
        self.paragraph(&shown(outcome, outcome.stdout(), ""))
    }

    fn paragraph(&mut self, text: &str) -> &mut Self {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(text);
        self
    }

    /// Asserts that the transcript equals `tests/shown/NAME.txt`; with `SNAPSHOTS=overwrite` in the environment, writes
    /// the file instead. In the file `[..]` matches any part of a line.
    ///
    /// # Panics
    /// They differ.
    #[track_caller]
    pub fn assert(&self) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("shown");
        let expected = Data::read_from(&folder.join(format!("{}.txt", self.name)), Some(DataFormat::Text));
        let assert = snapbox::Assert::new().action_env(snapbox::assert::DEFAULT_ACTION_ENV);
        assert.eq(Data::text(self.text.as_str()), expected);
    }
}

/// Asserts that the redacted text equals `expected`, which is usually `str![...]`; `SNAPSHOTS=overwrite` renews it.
///
/// # Panics
/// They differ.
#[track_caller]
pub fn assert_redacted(text: &str, root: &Path, expected: impl IntoData) {
    let text = whole_lines(&redact(text, root));
    snapbox::Assert::new()
        .action_env(snapbox::assert::DEFAULT_ACTION_ENV)
        .eq(Data::text(text), expected.into_data());
}

/// The errors, warnings and notes on both streams, with their details and help.
pub(crate) fn messages(outcome: &Outcome) -> String {
    let (mut messages, mut is_in_one) = (String::new(), false);
    for line in [outcome.stdout(), outcome.stderr()].into_iter().flat_map(str::lines) {
        is_in_one = match line {
            // Every test project has untracked files.
            _ if line.starts_with("note: untracked files are not released: ") => false,
            _ if ["error", "warning", "note"].iter().any(|label| line.starts_with(label)) => true,
            _ => is_in_one && (line.starts_with("help: ") || is_detail(line)),
        };
        if is_in_one {
            messages.push_str(line.trim_end());
            messages.push('\n');
        }
    }
    messages
}

/// Whether a line below a message belongs to it, such as a cause, the output of a command or a part of a file. A line of
/// progress has a verb that ends in the twelfth column.
fn is_detail(line: &str) -> bool {
    let is_progress = match line.split_at_checked(12) {
        Some((verb, rest)) => {
            rest.starts_with(' ') && verb.trim_start().chars().all(|c| c.is_alphabetic() || c == ' ')
        }
        None => false,
    };
    line.starts_with(|first: char| first == ' ' || first.is_ascii_digit()) && !is_progress
}

/// The redacted command line and output, and the status unless it is 0.
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

/// The text, with a final line end if it is not empty.
fn whole_lines(text: &str) -> String {
    match text.is_empty() || text.ends_with('\n') {
        true => text.to_owned(),
        false => format!("{text}\n"),
    }
}
