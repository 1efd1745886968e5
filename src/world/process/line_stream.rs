//! Commands that take input and answer line by line. Their standard input stays open while an answer is awaited, so
//! that a command that watches it ends with this process, however that ends.

use std::io::{BufRead as _, BufReader, PipeWriter, Write as _};
use std::process::ExitStatus;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::output::Collector;
use super::{Process, ProcessError, Since, TICK};

/// A running command that answers by lines; killed when dropped
pub struct LineStream {
    process: Process,
    child: duct::Handle,
    lines: Receiver<String>,
    stderr: Option<Collector>,
    began: Since,
    /// Returns our end of its standard input once all input is written
    _writer: JoinHandle<PipeWriter>,
}

/// The next thing a command does
#[derive(Debug)]
pub enum LineEvent {
    /// It printed a line on standard output
    Line(String),
    /// It ended
    Ended(Ended),
    /// It printed no line in time
    TooLate,
}

/// How a command ended that was expected to answer
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    /// The error of the command, with its standard error
    pub error: ProcessError,
}

impl Process {
    /// Starts the command and writes `input` to it; [`LineStream::next`] reads what it prints.
    ///
    /// # Errors
    /// The command could not be started.
    pub fn line_stream(&self, input: Vec<u8>) -> Result<LineStream, ProcessError> {
        let not_started = |error| self.not_started(error);
        let (stdin, mut pipe) = std::io::pipe().map_err(not_started)?;
        let (stdout, for_stdout) = std::io::pipe().map_err(not_started)?;
        let (stderr, for_stderr) = std::io::pipe().map_err(not_started)?;
        let expression =
            self.without_input().stdin_file(stdin).stdout_file(for_stdout).stderr_file(for_stderr);
        let child = expression.start().map_err(not_started)?;
        // Close our copies of its pipe ends, so that we see the end of its output.
        drop(expression);
        let writer = thread::spawn(move || {
            // Fails if the command has already ended.
            let _ = pipe.write_all(&input);
            pipe
        });
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            let read = BufReader::new(stdout).lines();
            let _ = read.map_while(Result::ok).try_for_each(|line| sender.send(line));
        });
        let stderr = Some(Collector::begin(stderr));
        Ok(LineStream { process: self.clone(), child, lines, stderr, began: Since::now(), _writer: writer })
    }
}

impl LineStream {
    /// Waits at most `patience` for the next line. The command is killed if it takes longer, or if the user interrupts.
    ///
    /// # Errors
    /// The command's exit status cannot be read.
    pub fn next(&mut self, patience: Duration) -> Result<LineEvent, ProcessError> {
        let began = Instant::now();
        loop {
            match self.lines.recv_timeout(TICK) {
                Ok(line) => return Ok(LineEvent::Line(line)),
                Err(RecvTimeoutError::Disconnected) => return self.ended().map(LineEvent::Ended),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if self.began.is_interrupted() {
                // It may have ended already.
                let _ = self.child.kill();
            } else if began.elapsed() > patience {
                let _ = self.child.kill();
                return Ok(LineEvent::TooLate);
            }
        }
    }

    fn ended(&mut self) -> Result<Ended, ProcessError> {
        let waited = self.child.wait().map_err(|error| self.process.not_started(error))?;
        let status = waited.status;
        let stderr = self.stderr.take().map(Collector::finish).unwrap_or_default();
        let lines = String::from_utf8_lossy(&stderr).lines().map(str::to_owned).collect();
        Ok(Ended { status, error: self.process.failed(status, lines) })
    }
}

impl Drop for LineStream {
    fn drop(&mut self) {
        // Fails if it has ended already.
        let _ = self.child.kill();
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    fn shell(script: &str) -> LineStream {
        Process::new("sh").args(["-c", script]).line_stream(b"one\ntwo\n".to_vec()).expect("a shell")
    }

    #[test]
    fn lines_come_one_by_one_and_the_end_with_stderr() {
        let mut answers = shell("read a; echo $a; read b; echo $b; echo badly >&2; exit 3");
        for expected in ["one", "two"] {
            assert!(matches!(answers.next(LONG).unwrap(), LineEvent::Line(line) if line == expected));
        }
        let LineEvent::Ended(ended) = answers.next(LONG).unwrap() else { panic!("it is over") };
        assert_eq!(ended.status.code(), Some(3));
        assert!(ended.error.to_string().contains("badly"), "{}", ended.error);
    }

    #[test]
    fn standard_input_stays_open_and_waiting_is_limited() {
        let mut answers = shell("exec cat");
        for expected in ["one", "two"] {
            assert!(matches!(answers.next(LONG).unwrap(), LineEvent::Line(line) if line == expected));
        }
        assert!(matches!(answers.next(Duration::from_millis(200)).unwrap(), LineEvent::TooLate));
        assert!(matches!(answers.next(LONG).unwrap(), LineEvent::Ended(_)));
    }
}
