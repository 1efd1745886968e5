//! What a command prints, read without ever waiting for whoever it leaves behind.

use std::collections::VecDeque;
use std::io::{self, PipeReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Lines of a failing command's output that its error shows
pub(super) const TAIL: usize = 20;
/// Bytes of a line that are handed on as one
pub(super) const LONGEST_LINE: usize = 64 * 1024;
const CHUNK: usize = 64 * 1024;
/// How long the end of the output is waited for once the command has ended: a process that it left behind may hold it
/// open for ever
const GRACE: Duration = Duration::from_secs(1);

/// The output of a command, gathered in memory by a thread of its own
pub(super) struct Gathering {
    so_far: Arc<Mutex<Vec<u8>>>,
    over: Receiver<()>,
}

impl Gathering {
    pub(super) fn begin(mut pipe: PipeReader) -> Self {
        let so_far = Arc::new(Mutex::new(Vec::new()));
        let (end, over) = mpsc::channel();
        let filling = Arc::clone(&so_far);
        // It ends with the pipe; where that stays open, it is left behind.
        thread::spawn(move || {
            let mut chunk = [0; CHUNK];
            while let Ok(read @ 1..) = pipe.read(&mut chunk) {
                filling.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&chunk[..read]);
            }
            let _ = end.send(());
        });
        Self { so_far, over }
    }

    /// All of it, once the command has ended.
    pub(super) fn gathered(self) -> Vec<u8> {
        let _ = self.over.recv_timeout(GRACE);
        std::mem::take(&mut *self.so_far.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What a command says into its log, followed line by line
pub(super) struct Said {
    log: fs_err::File,
    /// The beginning of a line whose end is not there yet
    begun: Vec<u8>,
    tail: VecDeque<String>,
}

impl Said {
    /// What comes after all that is in the log now.
    pub(super) fn after(log: &Path) -> io::Result<Self> {
        let mut log = fs_err::File::open(log)?;
        log.seek(SeekFrom::End(0))?;
        Ok(Self { log, begun: Vec::new(), tail: VecDeque::new() })
    }

    /// Hands on the lines that are whole by now; one that is too long comes in pieces.
    pub(super) fn read(&mut self, line: &mut impl FnMut(&str)) -> io::Result<()> {
        let mut chunk = [0; CHUNK];
        loop {
            let read = self.log.read(&mut chunk)?;
            if read == 0 {
                return Ok(());
            }
            for &byte in &chunk[..read] {
                if byte != b'\n' {
                    self.begun.push(byte);
                }
                if byte == b'\n' || self.begun.len() == LONGEST_LINE {
                    self.hand_on(line);
                }
            }
        }
    }

    fn hand_on(&mut self, line: &mut impl FnMut(&str)) {
        let text = String::from_utf8_lossy(&self.begun);
        let text = text.trim_end_matches('\r');
        line(text);
        if self.tail.len() == TAIL {
            self.tail.pop_front();
        }
        self.tail.push_back(text.to_owned());
        self.begun.clear();
    }

    /// Hands on a last line without an end; gives the last lines there were.
    pub(super) fn finish(mut self, line: &mut impl FnMut(&str)) -> VecDeque<String> {
        if !self.begun.is_empty() {
            self.hand_on(line);
        }
        self.tail
    }
}
