//! The progress of a repeated task: a bar on a terminal, a few lines elsewhere.

use std::cell::Cell;
use std::io::{IsTerminal as _, Write as _};

use indicatif::{ProgressBar, ProgressStyle};

use super::Verbosity;
use crate::text::{safe, safe_styled};

/// How many lines to print in total without a terminal
const LINES: usize = 10;

/// Counts completed items
pub struct Counter {
    verb: &'static str,
    total: usize,
    done: Cell<usize>,
    display: Display,
}

enum Display {
    None,
    Lines,
    Bar(ProgressBar),
}

impl Counter {
    pub(super) fn new(verb: &'static str, total: usize, verbosity: Verbosity) -> Self {
        let display = match verbosity {
            Verbosity::Quiet => Display::None,
            _ if !std::io::stderr().is_terminal() => Display::Lines,
            _ => {
                let template = "{prefix:>12.green.bold} {bar:24} {pos}/{len} {msg} {eta} left";
                let style = ProgressStyle::with_template(template);
                let bar = ProgressBar::new(total as u64);
                bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
                bar.set_prefix(verb);
                Display::Bar(bar)
            }
        };
        Self { verb, total, done: Cell::new(0), display }
    }

    /// A counter that prints nothing.
    pub(super) fn silent() -> Self {
        Self { verb: "", total: 0, done: Cell::new(0), display: Display::None }
    }

    /// Counts one more item.
    pub fn advance(&self, what: &str) {
        let done = self.done.get() + 1;
        self.done.set(done);
        match &self.display {
            Display::None => {}
            Display::Bar(bar) => {
                bar.set_message(safe(what).into_owned());
                bar.inc(1);
                if done >= self.total {
                    bar.finish_and_clear();
                }
            }
            Display::Lines => {
                let line = |done: usize| done * LINES / self.total.max(1);
                if line(done) != line(done - 1) {
                    self.status(self.verb, &format!("{done} of {}", self.total));
                }
            }
        }
    }

    /// Prints a line about one of the items without breaking the bar.
    pub fn status(&self, verb: &str, text: &str) {
        self.print(&format!("{verb:>12} {text}"));
    }

    fn print(&self, text: &str) {
        let text = safe_styled(text);
        let write = || {
            let _ = writeln!(anstream::stderr(), "{text}");
        };
        match &self.display {
            Display::None => {}
            Display::Lines => write(),
            Display::Bar(bar) => bar.suspend(write),
        }
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        if let Display::Bar(bar) = &self.display {
            bar.finish_and_clear();
        }
    }
}
