//! The pipes to a plugin's process, each served by a thread: a plugin that does not read cannot block us, and one that
//! never stops writing cannot fill memory.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::process::{ChildStderr, ChildStdin, ChildStdout};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::thread;
use std::time::Duration;

use super::LONGEST_MESSAGE;

/// Lines of a plugin's output that an error shows
const TAIL: usize = 20;
/// Bytes of a printed line that are passed on
const LONGEST_LINE: usize = 8 << 10;
/// Events that are buffered, at most
const WAITING: usize = 16;
const CHUNK: usize = 64 << 10;

/// Our ends of the pipes
pub(super) struct PipeEnds {
    pub(super) stdin: ChildStdin,
    pub(super) stdout: ChildStdout,
    pub(super) stderr: ChildStderr,
}

/// An event from the process
pub(super) enum PipeEvent {
    /// A line of its standard output
    Line(Vec<u8>),
    /// It wrote a line longer than a message may be
    TooLong,
    /// Its standard output is closed
    End,
    /// A line of its standard error
    Printed(String),
}

pub(super) struct Pipes {
    to: Option<Sender<Vec<u8>>>,
    from: Receiver<PipeEvent>,
    closed: bool,
    tail: VecDeque<String>,
}

impl Pipes {
    pub(super) fn open(ends: PipeEnds) -> Self {
        let PipeEnds { mut stdin, stdout, stderr } = ends;
        let (to, lines) = mpsc::channel::<Vec<u8>>();
        thread::spawn(move || {
            for line in lines {
                if stdin.write_all(&line).and_then(|()| stdin.flush()).is_err() {
                    return;
                }
            }
        });
        let (events, from) = mpsc::sync_channel(WAITING);
        let also = events.clone();
        thread::spawn(move || read_stdout(stdout, &events));
        thread::spawn(move || read_stderr(stderr, &also));
        Self { to: Some(to), from, closed: false, tail: VecDeque::new() }
    }

    /// Sends a line; it is lost if the process has ended.
    pub(super) fn send(&self, line: Vec<u8>) {
        if let Some(to) = &self.to {
            let _ = to.send(line);
        }
    }

    /// Closes the process's standard input once all lines are written.
    pub(super) fn close_input(&mut self) {
        self.to = None;
    }

    /// Waits at most `time` for the next event.
    pub(super) fn next(&mut self, time: Duration) -> Option<PipeEvent> {
        match self.from.recv_timeout(time) {
            Ok(piped) => Some(piped),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                if !self.closed {
                    self.closed = true;
                    return Some(PipeEvent::End);
                }
                None
            }
        }
    }

    /// Whether all pipes are closed.
    pub(super) fn are_closed(&self) -> bool {
        self.closed
    }

    /// Keeps a line for the error message.
    pub(super) fn keep(&mut self, line: &str) {
        if self.tail.len() == TAIL {
            self.tail.pop_front();
        }
        self.tail.push_back(line.to_owned());
    }

    pub(super) fn tail(&self) -> &VecDeque<String> {
        &self.tail
    }
}

/// Reads lines from standard output.
fn read_stdout(mut stdout: impl Read, events: &SyncSender<PipeEvent>) {
    let mut line = Vec::new();
    let mut chunk = [0; CHUNK];
    while let Ok(read @ 1..) = stdout.read(&mut chunk) {
        let mut rest = &chunk[..read];
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            line.extend_from_slice(&rest[..end]);
            rest = &rest[end + 1..];
            let event = if line.len() > LONGEST_MESSAGE {
                PipeEvent::TooLong
            } else {
                PipeEvent::Line(std::mem::take(&mut line))
            };
            if events.send(event).is_err() {
                return;
            }
        }
        line.extend_from_slice(rest);
        if line.len() > LONGEST_MESSAGE {
            let _ = events.send(PipeEvent::TooLong);
            return;
        }
    }
    // An incomplete line is not a message; most likely the process died while writing it.
    if !line.is_empty() {
        let _ = events.send(PipeEvent::Line(line));
    }
    let _ = events.send(PipeEvent::End);
}

/// Reads lines from standard error; overlong lines come in pieces.
fn read_stderr(mut stderr: impl Read, events: &SyncSender<PipeEvent>) {
    let mut line = Vec::new();
    let mut chunk = [0; CHUNK];
    let hand_on = |line: &mut Vec<u8>| {
        let text = String::from_utf8_lossy(line).trim_end_matches('\r').to_owned();
        line.clear();
        events.send(PipeEvent::Printed(text)).is_ok()
    };
    while let Ok(read @ 1..) = stderr.read(&mut chunk) {
        for byte in &chunk[..read] {
            if *byte != b'\n' {
                line.push(*byte);
            }
            if (*byte == b'\n' || line.len() == LONGEST_LINE) && !hand_on(&mut line) {
                return;
            }
        }
    }
    if !line.is_empty() {
        hand_on(&mut line);
    }
}
