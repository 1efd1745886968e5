//! Commands that are told something and answer line by line. Their standard input stays open as long as an answer is
//! waited for, so that one that watches it ends with this process, however that ends.

use std::io::{BufRead as _, BufReader, PipeWriter, Write as _};
use std::process::ExitStatus;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::output::Gathering;
use super::{Process, ProcessError, Since, TICK};

/// A command under way that answers by lines; ended when dropped
pub struct Answers {
    process: Process,
    child: duct::Handle,
    lines: Receiver<String>,
    stderr: Option<Gathering>,
    began: Since,
    /// Holds our end of its standard input when it has been told everything
    _told: JoinHandle<PipeWriter>,
}

/// What comes next from a command
#[derive(Debug)]
pub enum Answer {
    /// A line of its standard output
    Line(String),
    /// It has ended
    Over(Ended),
    /// It gave no line in time
    TooLate,
}

/// How a command ended that was expected to give another answer
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    /// What it printed on standard error, as an error of the command
    pub error: ProcessError,
}

impl Process {
    /// Starts it and tells it `said`, for [`Answers::next`].
    ///
    /// # Errors
    /// It could not be started.
    pub fn answers(&self, said: Vec<u8>) -> Result<Answers, ProcessError> {
        let not_started = |error| self.not_started(error);
        let (stdin, mut to) = std::io::pipe().map_err(not_started)?;
        let (stdout, for_stdout) = std::io::pipe().map_err(not_started)?;
        let (stderr, for_stderr) = std::io::pipe().map_err(not_started)?;
        let expression =
            self.without_input().stdin_file(stdin).stdout_file(for_stdout).stderr_file(for_stderr);
        let child = expression.start().map_err(not_started)?;
        // Our own copies of its ends close here; else there would be no end to read.
        drop(expression);
        let told = thread::spawn(move || {
            // One that has ended already takes nothing.
            let _ = to.write_all(&said);
            to
        });
        let (tell, lines) = mpsc::channel();
        thread::spawn(move || {
            let read = BufReader::new(stdout).lines();
            let _ = read.map_while(Result::ok).try_for_each(|line| tell.send(line));
        });
        let stderr = Some(Gathering::begin(stderr));
        Ok(Answers { process: self.clone(), child, lines, stderr, began: Since::now(), _told: told })
    }
}

impl Answers {
    /// The next line, waited for that long. One that comes too late is not: the command is ended, and also when the user
    /// interrupts.
    ///
    /// # Errors
    /// The system does not say how it ended.
    pub fn next(&mut self, patience: Duration) -> Result<Answer, ProcessError> {
        let began = Instant::now();
        loop {
            match self.lines.recv_timeout(TICK) {
                Ok(line) => return Ok(Answer::Line(line)),
                Err(RecvTimeoutError::Disconnected) => return self.over().map(Answer::Over),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if self.began.is_interrupted() {
                // It may have ended at this very moment.
                let _ = self.child.kill();
            } else if began.elapsed() > patience {
                let _ = self.child.kill();
                return Ok(Answer::TooLate);
            }
        }
    }

    fn over(&mut self) -> Result<Ended, ProcessError> {
        let waited = self.child.wait().map_err(|error| self.process.not_started(error))?;
        let status = waited.status;
        let said = self.stderr.take().map(Gathering::gathered).unwrap_or_default();
        let lines = String::from_utf8_lossy(&said).lines().map(str::to_owned).collect();
        Ok(Ended { status, error: self.process.failed(status, lines) })
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        // One that has ended has nothing to end.
        let _ = self.child.kill();
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    fn shell(script: &str) -> Answers {
        Process::new("sh").args(["-c", script]).answers(b"one\ntwo\n".to_vec()).expect("a shell")
    }

    #[test]
    fn lines_come_one_by_one_and_the_end_with_what_was_said() {
        let mut answers = shell("read a; echo $a; read b; echo $b; echo badly >&2; exit 3");
        for expected in ["one", "two"] {
            assert!(matches!(answers.next(LONG).unwrap(), Answer::Line(line) if line == expected));
        }
        let Answer::Over(ended) = answers.next(LONG).unwrap() else { panic!("it is over") };
        assert_eq!(ended.status.code(), Some(3));
        assert!(ended.error.to_string().contains("badly"), "{}", ended.error);
    }

    #[test]
    fn standard_input_stays_open_and_no_answer_is_waited_for_for_ever() {
        let mut answers = shell("exec cat");
        for expected in ["one", "two"] {
            assert!(matches!(answers.next(LONG).unwrap(), Answer::Line(line) if line == expected));
        }
        assert!(matches!(answers.next(Duration::from_millis(200)).unwrap(), Answer::TooLate));
        assert!(matches!(answers.next(LONG).unwrap(), Answer::Over(_)));
    }
}
