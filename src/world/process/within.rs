//! Commands whose answer is worth some seconds, not more.

use std::time::Duration;

use super::{Process, ProcessError};

impl Process {
    /// As [`Process::read`], but ended when it takes longer than that.
    ///
    /// # Errors
    /// As [`Process::read`]; or it took too long.
    pub fn read_within(&self, patience: Duration) -> Result<String, ProcessError> {
        let not_started = |error| self.not_started(error);
        let child = self.expression().stdout_capture().stderr_capture().start().map_err(not_started)?;
        let Some(output) = child.wait_timeout(patience).map_err(not_started)? else {
            // It may have ended at this very moment.
            let _ = child.kill();
            return Err(ProcessError::TooLong { command: self.shown(), seconds: patience.as_secs() });
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        if output.status.success() {
            return Ok(text(&output.stdout));
        }
        let said = text(&output.stderr);
        Err(self.failed(output.status, said.lines().map(str::to_owned).collect()))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_takes_too_long_is_ended() {
        let began = std::time::Instant::now();
        let error = Process::new("sleep").arg("60").read_within(Duration::from_millis(50)).unwrap_err();
        assert!(error.to_string().contains("no answer within"), "{error}");
        assert!(began.elapsed() < Duration::from_secs(20));
        assert_eq!(Process::new("echo").arg("x").read_within(Duration::from_secs(20)).unwrap(), "x");
    }
}
