//! The pipes to and from a plugin's process, each served by a thread: a plugin that does not read holds nobody up, and
//! of one that never stops only so much is in memory.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::process::{ChildStderr, ChildStdin, ChildStdout};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::thread;
use std::time::Duration;

use super::LONGEST_MESSAGE;

/// Lines of what a plugin printed that an error shows
const TAIL: usize = 20;
/// Bytes of a printed line that are handed on
const LONGEST_LINE: usize = 8 << 10;
/// Things heard that wait to be taken
const WAITING: usize = 16;
const CHUNK: usize = 64 << 10;

/// Our ends
pub(super) struct Ends {
    pub(super) stdin: ChildStdin,
    pub(super) stdout: ChildStdout,
    pub(super) stderr: ChildStderr,
}

/// Something that came out of the process
pub(super) enum Piped {
    /// A line of its standard output
    Line(Vec<u8>),
    /// One that is longer than a message may be
    TooLong,
    /// Its standard output is closed
    End,
    /// A line of its standard error
    Printed(String),
}

pub(super) struct Pipes {
    to: Option<Sender<Vec<u8>>>,
    from: Receiver<Piped>,
    closed: bool,
    tail: VecDeque<String>,
}

impl Pipes {
    pub(super) fn open(ends: Ends) -> Self {
        let Ends { mut stdin, stdout, stderr } = ends;
        let (to, lines) = mpsc::channel::<Vec<u8>>();
        thread::spawn(move || {
            for line in lines {
                if stdin.write_all(&line).and_then(|()| stdin.flush()).is_err() {
                    return;
                }
            }
        });
        let (tell, from) = mpsc::sync_channel(WAITING);
        let also = tell.clone();
        thread::spawn(move || listen(stdout, &tell));
        thread::spawn(move || overhear(stderr, &also));
        Self { to: Some(to), from, closed: false, tail: VecDeque::new() }
    }

    /// Sends a line; one to a process that has ended is lost.
    pub(super) fn say(&self, line: Vec<u8>) {
        if let Some(to) = &self.to {
            let _ = to.send(line);
        }
    }

    /// Nothing more will be said: the process's standard input is closed once all is read.
    pub(super) fn hush(&mut self) {
        self.to = None;
    }

    /// What comes next, waited for that long.
    pub(super) fn next(&mut self, time: Duration) -> Option<Piped> {
        match self.from.recv_timeout(time) {
            Ok(piped) => Some(piped),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                if !self.closed {
                    self.closed = true;
                    return Some(Piped::End);
                }
                None
            }
        }
    }

    /// Whether nothing can come any more.
    pub(super) fn are_closed(&self) -> bool {
        self.closed
    }

    /// Keeps a line for an error to show.
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

/// Hands on the lines of the standard output.
fn listen(mut stdout: impl Read, tell: &SyncSender<Piped>) {
    let mut line = Vec::new();
    let mut chunk = [0; CHUNK];
    while let Ok(read @ 1..) = stdout.read(&mut chunk) {
        let mut rest = &chunk[..read];
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            line.extend_from_slice(&rest[..end]);
            rest = &rest[end + 1..];
            let told = if line.len() > LONGEST_MESSAGE {
                Piped::TooLong
            } else {
                Piped::Line(std::mem::take(&mut line))
            };
            if tell.send(told).is_err() {
                return;
            }
        }
        line.extend_from_slice(rest);
        if line.len() > LONGEST_MESSAGE {
            let _ = tell.send(Piped::TooLong);
            return;
        }
    }
    // What has no end is no message, and most likely the last thing that a dying process said.
    if !line.is_empty() {
        let _ = tell.send(Piped::Line(line));
    }
    let _ = tell.send(Piped::End);
}

/// Hands on the lines of the standard error, the long ones in pieces.
fn overhear(mut stderr: impl Read, tell: &SyncSender<Piped>) {
    let mut line = Vec::new();
    let mut chunk = [0; CHUNK];
    let hand_on = |line: &mut Vec<u8>| {
        let text = String::from_utf8_lossy(line).trim_end_matches('\r').to_owned();
        line.clear();
        tell.send(Piped::Printed(text)).is_ok()
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
