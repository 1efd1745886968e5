//! How far something is that is done many times over: a bar on a terminal, a line now and then elsewhere.

use std::cell::Cell;
use std::io::{IsTerminal as _, Write as _};

use indicatif::{ProgressBar, ProgressStyle};

use super::Verbosity;
use crate::text::{safe, safe_styled};

/// Lines in all, where there is no terminal
const LINES: usize = 10;

/// Counts what is done
pub struct Counter {
    verb: &'static str,
    total: usize,
    done: Cell<usize>,
    shown: Shown,
}

enum Shown {
    Nothing,
    Lines,
    Bar(ProgressBar),
}

impl Counter {
    pub(super) fn new(verb: &'static str, total: usize, verbosity: Verbosity) -> Self {
        let shown = match verbosity {
            Verbosity::Quiet => Shown::Nothing,
            _ if !std::io::stderr().is_terminal() => Shown::Lines,
            _ => {
                let template = "{prefix:>12.green.bold} {bar:24} {pos}/{len} {msg} {eta} left";
                let style = ProgressStyle::with_template(template);
                let bar = ProgressBar::new(total as u64);
                bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
                bar.set_prefix(verb);
                Shown::Bar(bar)
            }
        };
        Self { verb, total, done: Cell::new(0), shown }
    }

    /// Nothing to see.
    pub(super) fn silent() -> Self {
        Self { verb: "", total: 0, done: Cell::new(0), shown: Shown::Nothing }
    }

    /// One more is done.
    pub fn advance(&self, what: &str) {
        let done = self.done.get() + 1;
        self.done.set(done);
        match &self.shown {
            Shown::Nothing => {}
            Shown::Bar(bar) => {
                bar.set_message(safe(what).into_owned());
                bar.inc(1);
                if done >= self.total {
                    bar.finish_and_clear();
                }
            }
            Shown::Lines => {
                let line = |done: usize| done * LINES / self.total.max(1);
                if line(done) != line(done - 1) {
                    self.say(&format!("{:>12} {done} of {}", self.verb, self.total));
                }
            }
        }
    }

    /// Says something meanwhile.
    pub fn say(&self, text: &str) {
        let text = safe_styled(text);
        let write = || {
            let _ = writeln!(anstream::stderr(), "{text}");
        };
        match &self.shown {
            Shown::Nothing => {}
            Shown::Lines => write(),
            Shown::Bar(bar) => bar.suspend(write),
        }
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        if let Shown::Bar(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}
