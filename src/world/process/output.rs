//! Reads a command's output without waiting for processes that it leaves behind.

use std::collections::VecDeque;
use std::io::{self, PipeReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Lines of a failed command's output that its error shows
pub(super) const TAIL: usize = 20;
/// Bytes passed on as one line, at most
pub(super) const LONGEST_LINE: usize = 64 * 1024;
const CHUNK: usize = 64 * 1024;
/// How long to wait for the end of the output after the command has ended: a process that it left behind may hold the
/// pipe open forever
const GRACE: Duration = Duration::from_secs(1);

/// The output of a command, collected by a thread
pub(super) struct Collector {
    collected: Arc<Mutex<Vec<u8>>>,
    over: Receiver<()>,
}

impl Collector {
    pub(super) fn begin(mut pipe: PipeReader) -> Self {
        let collected = Arc::new(Mutex::new(Vec::new()));
        let (end, over) = mpsc::channel();
        let filling = Arc::clone(&collected);
        // The thread ends with the pipe; if that stays open, the thread is abandoned.
        thread::spawn(move || {
            let mut chunk = [0; CHUNK];
            while let Ok(read @ 1..) = pipe.read(&mut chunk) {
                filling.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&chunk[..read]);
            }
            let _ = end.send(());
        });
        Self { collected, over }
    }

    /// All output, once the command has ended.
    pub(super) fn finish(self) -> Vec<u8> {
        let _ = self.over.recv_timeout(GRACE);
        std::mem::take(&mut *self.collected.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The log file of a running command, read line by line
pub(super) struct LogReader {
    log: fs_err::File,
    /// An incomplete last line
    partial: Vec<u8>,
    tail: VecDeque<String>,
}

impl LogReader {
    /// Begins at the current end of the log.
    pub(super) fn after(log: &Path) -> io::Result<Self> {
        let mut log = fs_err::File::open(log)?;
        log.seek(SeekFrom::End(0))?;
        Ok(Self { log, partial: Vec::new(), tail: VecDeque::new() })
    }

    /// Passes on all complete lines; overlong lines come in pieces.
    pub(super) fn read(&mut self, line: &mut impl FnMut(&str)) -> io::Result<()> {
        let mut chunk = [0; CHUNK];
        loop {
            let read = self.log.read(&mut chunk)?;
            if read == 0 {
                return Ok(());
            }
            for &byte in &chunk[..read] {
                if byte != b'\n' {
                    self.partial.push(byte);
                }
                if byte == b'\n' || self.partial.len() == LONGEST_LINE {
                    self.emit(line);
                }
            }
        }
    }

    fn emit(&mut self, line: &mut impl FnMut(&str)) {
        let text = String::from_utf8_lossy(&self.partial);
        let text = text.trim_end_matches('\r');
        line(text);
        if self.tail.len() == TAIL {
            self.tail.pop_front();
        }
        self.tail.push_back(text.to_owned());
        self.partial.clear();
    }

    /// Passes on a last line without a line end; returns the tail.
    pub(super) fn finish(mut self, line: &mut impl FnMut(&str)) -> VecDeque<String> {
        if !self.partial.is_empty() {
            self.emit(line);
        }
        self.tail
    }
}
