//! The live line of the running stage on a terminal, `[5/8] build  4.2 s  Building wheel...`, and the stages' times in the
//! end.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use crate::text::safe;

/// How often the time is shown anew; a quicker stage has no line
const TICK: Duration = Duration::from_millis(200);
/// The shortest time of a stage in the summary, in seconds
const NOTABLE: f64 = 0.1;

/// The stages of a run
pub(super) struct LiveLine {
    begun: Instant,
    /// The running stage's line; hidden without a terminal
    line: ProgressBar,
    /// The finished stages and their times, in seconds
    times: Vec<(String, f64)>,
}

impl LiveLine {
    pub(super) fn new() -> Self {
        Self { begun: Instant::now(), line: ProgressBar::hidden(), times: Vec::new() }
    }

    /// Whether such a line can be shown: there is a terminal, and it can move its cursor.
    pub(super) fn is_possible() -> bool {
        !ProgressBar::new_spinner().is_hidden()
    }

    /// Shows the line of a stage; `position` is its number and the number of stages.
    pub(super) fn start(&mut self, stage: &str, position: (usize, usize)) {
        self.clear();
        let seconds = |state: &ProgressState, text: &mut dyn std::fmt::Write| {
            let _ = write!(text, "{:.1} s", state.elapsed().as_secs_f64());
        };
        let template = "{prefix:>12.cyan.bold} {seconds}  {wide_msg:.dim}";
        let style =
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner());
        let (at, of) = position;
        self.line = ProgressBar::new_spinner()
            .with_style(style.with_key("seconds", seconds))
            .with_prefix(format!("[{at}/{of}] {}", safe(stage)));
        self.line.enable_steady_tick(TICK);
    }

    /// Shows the last line that a command of the stage printed.
    pub(super) fn output(&self, line: &str) {
        if !line.trim().is_empty() {
            self.line.set_message(safe(line.trim()).into_owned());
        }
    }

    /// Records the time of the stage, in seconds, and removes its line.
    pub(super) fn finish(&mut self, stage: &str, seconds: f64) {
        self.clear();
        self.times.push((stage.to_owned(), seconds));
    }

    /// Removes the line.
    pub(super) fn clear(&self) {
        self.line.finish_and_clear();
    }

    /// Hides the line while `write` writes.
    pub(super) fn suspend(&self, write: impl FnOnce()) {
        self.line.suspend(write);
    }

    /// The time of the run and of its longer stages.
    pub(super) fn summary(&self) -> String {
        summary(self.begun.elapsed().as_secs_f64(), &self.times)
    }
}

fn summary(total: f64, times: &[(String, f64)]) -> String {
    let mut text = format!("{total:.1} s");
    let notable = times.iter().filter(|(_, seconds)| *seconds >= NOTABLE);
    for (at, (stage, seconds)) in notable.enumerate() {
        let between = if at == 0 { ": " } else { ", " };
        let _ = write!(text, "{between}{stage} {seconds:.1} s");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_names_the_longer_stages() {
        let times = [("tag".to_owned(), 0.04), ("build".to_owned(), 6.66), ("pypi".to_owned(), 0.9)];
        assert_eq!(summary(7.82, &times), "7.8 s: build 6.7 s, pypi 0.9 s");
        assert_eq!(summary(0.05, &[]), "0.1 s");
    }
}
