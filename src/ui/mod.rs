//! Shows events, errors and reports to people and programs.

mod account;
mod check;
mod counter;
mod drill;
mod excerpt;
mod human;
mod init;
mod json;
mod live;
mod log;
mod plan;
mod report;
pub(crate) mod style;
mod table;
mod uploads;

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use secrecy::SecretString;

use crate::engine::event::{Event, Listener};
use crate::error::Error;
use crate::text::{safe, with_short_digests};
use crate::world::process::Since;
use crate::world::terminal::HiddenInput;

pub use account::status_text;
pub use check::{annotations, check_text, rule_text, rules_text};
pub use counter::Counter;
pub use drill::{drill_text, page};
pub use excerpt::excerpt_text;
pub use human::Human;
pub use init::init_text;
pub use json::{FORMAT, Json, object};
#[cfg(test)]
pub use json::{Failure, Text};
pub use log::{journal_text, runs_text};
pub use plan::plan_text;
pub use report::report_page;
pub use table::Table;

/// How often a question looks for an interrupt
const TICK: Duration = Duration::from_millis(50);

/// How much is printed
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors and warnings only
    Quiet,
    Normal,
    /// Also what commands print
    Verbose,
}

/// The output format
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// Text for people, on standard error
    #[default]
    Human,
    /// One JSON object a line, on standard output
    Json,
}

/// Prints events and errors in the chosen format
pub enum Ui {
    Human(Human),
    Json(Json),
}

impl Ui {
    pub fn new(format: Format, verbosity: Verbosity) -> Self {
        match format {
            Format::Human => Self::Human(Human::new(verbosity)),
            Format::Json => Self::Json(Json),
        }
    }

    /// Shows the error that ends the command.
    pub fn error(&self, error: &Error) {
        match self {
            Self::Human(human) => human.error(error),
            Self::Json(json) => json.error(error),
        }
    }

    /// A counter of up to `total` items; silent in JSON.
    pub fn counter(&self, verb: &'static str, total: usize) -> Counter {
        match self {
            Self::Human(human) => Counter::new(verb, total, human.verbosity()),
            Self::Json(_) => Counter::silent(),
        }
    }

    /// Writes text for people to standard output, with short digests unless the output is verbose.
    pub fn data(&self, text: &str) {
        match self {
            Self::Human(human) if human.verbosity() < Verbosity::Verbose => data(&with_short_digests(text)),
            Self::Human(_) | Self::Json(_) => data(text),
        }
    }

    /// Writes a text for another program to standard output.
    pub fn text(&self, text: &str) {
        match self {
            Self::Human(_) => data(text),
            Self::Json(_) => object("text", &json::Text { text }),
        }
    }

    /// Asks for a yes on the terminal.
    ///
    /// # Errors
    /// The terminal cannot be read.
    pub fn confirm(&self, question: &str) -> std::io::Result<bool> {
        let mut stderr = anstream::stderr();
        write!(stderr, "{} [y/N] ", safe(question))?;
        stderr.flush()?;
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer)?;
        Ok(is_yes(&answer))
    }
}

impl Ui {
    /// Asks a question on the terminal; false unless the answer is yes. None if `stop` is set before there is an answer.
    ///
    /// # Errors
    /// The terminal cannot be read.
    pub fn confirm_unless(&self, question: &str, stop: &AtomicBool) -> std::io::Result<Option<bool>> {
        let mut stderr = anstream::stderr();
        write!(stderr, "{} [y/N] ", safe(question))?;
        stderr.flush()?;
        let answer = line_unless(|| stop.load(Ordering::SeqCst))?;
        if answer.is_none() {
            writeln!(stderr)?;
        }
        Ok(answer.map(|answer| is_yes(&answer)))
    }

    /// Waits until the user presses Enter or Ctrl-C on the terminal.
    ///
    /// # Errors
    /// The terminal cannot be read.
    pub fn wait(&self, what: &str) -> std::io::Result<()> {
        let began = Since::now();
        let mut stderr = anstream::stderr();
        write!(stderr, "{} ", safe(what))?;
        stderr.flush()?;
        if line_unless(|| began.is_interrupted())?.is_none() {
            writeln!(stderr)?;
        }
        Ok(())
    }

    /// Asks for a line of text on the terminal.
    ///
    /// # Errors
    /// The terminal cannot be read.
    pub fn ask(&self, question: &str) -> std::io::Result<String> {
        let mut stderr = anstream::stderr();
        write!(stderr, "{}", safe(question))?;
        stderr.flush()?;
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer)?;
        Ok(answer.trim().to_owned())
    }

    /// Asks for a secret on the terminal, without echo. Ctrl-C is an error here.
    ///
    /// # Errors
    /// The terminal cannot be read, or the user interrupted.
    pub fn ask_secretly(&self, question: &str) -> std::io::Result<SecretString> {
        let _hidden = HiddenInput::begin();
        let mut stderr = anstream::stderr();
        write!(stderr, "{}", safe(question))?;
        stderr.flush()?;
        let answer = rpassword::read_password();
        writeln!(stderr)?;
        Ok(SecretString::from(answer?.trim()))
    }
}

/// A line from the terminal; none if `stops` says so before there is one.
fn line_unless(stops: impl Fn() -> bool) -> std::io::Result<Option<String>> {
    // A read cannot be stopped, so it has a thread of its own, which ends with the process.
    let (send, answers) = mpsc::channel();
    thread::spawn(move || {
        let mut answer = String::new();
        let _ = send.send(std::io::stdin().read_line(&mut answer).map(|_| answer));
    });
    loop {
        match answers.recv_timeout(TICK) {
            Ok(answer) => return answer.map(Some),
            Err(_) if stops() => return Ok(None),
            Err(_) => {}
        }
    }
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

impl Listener for Ui {
    fn on_event(&self, event: &Event<'_>) {
        match self {
            Self::Human(human) => human.on_event(event),
            Self::Json(json) => json.on_event(event),
        }
    }

    fn on_event_of(&self, member: &str, event: &Event<'_>) {
        match self {
            Self::Human(human) => human.on_event_of(member, event),
            Self::Json(json) => json.on_event_of(member, event),
        }
    }
}

/// Prints a message outside the flow of events, such as from a signal handler's thread.
pub fn print_now(message: &str) {
    let _ = writeln!(anstream::stderr(), "\n{message}");
}

/// Why data could not be written to standard output, the first time
static LOST: OnceLock<std::io::Error> = OnceLock::new();

/// Writes a line of data to standard output. A closed pipe is not an error; [`lost_data`] tells of others, such as a full
/// disk, when the command is done.
pub fn data(text: &str) {
    let mut stdout = anstream::stdout();
    if let Err(error) = writeln!(stdout, "{text}").and_then(|()| stdout.flush())
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        let _ = LOST.set(error);
    }
}

/// The error that data could not be written to standard output, if there was one.
pub fn lost_data() -> Option<Error> {
    let reason = LOST.get()?.to_string();
    Some(
        Error::failed(format!("failed to write to standard output: {reason}"))
            .help("the output is incomplete"),
    )
}
