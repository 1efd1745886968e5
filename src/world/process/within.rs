//! Commands with a time limit.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{Collector, MOMENT, Process, ProcessError, Since, TICK, end, mark};
use crate::world::failpoints::{self, Failpoint};
use crate::world::orphans::{self, OrphanScope};

impl Process {
    /// Like [`Process::read`], but kills the command and everything it has started after `patience`. After an interrupt
    /// it has a moment to end.
    ///
    /// # Errors
    /// As [`Process::read`], or the command took too long.
    pub fn read_within(&self, patience: Duration) -> Result<String, ProcessError> {
        let not_started = |error| self.not_started(error);
        let (began, since) = (Instant::now(), Since::now());
        // Outside a run, these children get a mark of their own.
        let own = mark().is_none().then(|| {
            static COUNT: AtomicU64 = AtomicU64::new(0);
            format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
        });
        let process = own.iter().fold(self.clone(), |process, own| process.env(orphans::RUN, own));
        let (stdout, for_stdout) = std::io::pipe().map_err(not_started)?;
        let (stderr, for_stderr) = std::io::pipe().map_err(not_started)?;
        let expression = process.expression().stdout_file(for_stdout).stderr_file(for_stderr);
        let child = expression.start().map_err(not_started)?;
        // Close our copies of its pipe ends, so that we see the end of its output.
        drop(expression);
        let (stdout, stderr) = (Collector::begin(stdout), Collector::begin(stderr));
        failpoints::in_effect(Failpoint::ProcessStarted, || self.shown());
        let mut interrupted: Option<Instant> = None;
        let status = loop {
            if let Some(output) = child.wait_timeout(TICK).map_err(not_started)? {
                break output.status;
            }
            if since.is_interrupted() {
                interrupted.get_or_insert_with(Instant::now);
            }
            let is_late = began.elapsed() >= patience;
            if is_late || interrupted.is_some_and(|at| at.elapsed() >= MOMENT) {
                own.iter().for_each(|own| drop(orphans::end(own, OrphanScope::Run)));
                end(&child);
            }
            if is_late {
                return Err(ProcessError::TooLong { command: self.shown(), seconds: patience.as_secs() });
            }
        };
        failpoints::in_effect(Failpoint::ProcessEnded, || self.shown());
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim_end().to_owned();
        if status.success() {
            return Ok(text(stdout.finish()));
        }
        Err(self.failed(status, text(stderr.finish()).lines().map(str::to_owned).collect()))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use snapbox::{assert_data_eq, str};

    #[test]
    fn a_command_that_takes_too_long_is_ended() {
        let began = Instant::now();
        let error = Process::new("sleep").arg("60").read_within(Duration::from_millis(50)).unwrap_err();
        assert_data_eq!(error.to_string(), str!["`sleep 60` gave no answer within 0 s"]);
        assert!(began.elapsed() < Duration::from_secs(20));
        assert_eq!(Process::new("echo").arg("x").read_within(Duration::from_secs(20)).unwrap(), "x");
        let error = Process::new("sh").args(["-c", "echo why >&2; exit 3"]).read_within(MOMENT).unwrap_err();
        assert!(error.to_string().contains("why"), "{error}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn its_children_are_ended_as_well() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("process");
        let script = format!("sleep 61 & echo $! > '{}'; wait", file.display());
        Process::new("sh").args(["-c", &script]).read_within(Duration::from_millis(500)).unwrap_err();
        let process: u32 = fs_err::read_to_string(file).unwrap().trim().parse().unwrap();
        let command = fs_err::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
        assert!(!command.starts_with(b"sleep"), "it is still there");
    }
}
