//! Reads the replies of an index, at a tolerable speed: a server that sends a byte a minute would hold up a release for
//! days.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use reqwest::blocking::Response;

/// The lowest average speed, in bytes a second; a modem has five times that.
const SLOWEST: u64 = 1 << 10;

/// The body of a reply; reading it fails if it arrives too slowly
pub(super) struct Paced {
    reply: Response,
    began: Instant,
    /// How long the speed does not count
    grace: Duration,
    /// In bytes
    arrived: u64,
}

impl Paced {
    pub(super) fn new(reply: Response, grace: Duration) -> Self {
        Self { reply, began: Instant::now(), grace, arrived: 0 }
    }

    /// Reads a page, and one byte more than the limit of a larger one. A page that takes longer than `time` is an error at
    /// any speed.
    pub(super) fn read_page(self, limit: u64, time: Duration) -> io::Result<Vec<u8>> {
        let began = self.began;
        let mut reply = self.take(limit + 1);
        let (mut page, mut chunk) = (Vec::new(), vec![0; 64 << 10]);
        loop {
            let read = reply.read(&mut chunk)?;
            if read == 0 {
                return Ok(page);
            }
            page.extend_from_slice(&chunk[..read]);
            if began.elapsed() > time {
                return Err(io::Error::other(format!("it did not arrive within {} s", time.as_secs())));
            }
        }
    }
}

impl Read for Paced {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.reply.read(into)?;
        self.arrived += read as u64;
        let time = self.began.elapsed();
        if read > 0 && time > self.grace && self.arrived < SLOWEST.saturating_mul(time.as_secs()) {
            let (arrived, seconds) = (self.arrived, time.as_secs());
            return Err(io::Error::other(format!("only {arrived} bytes arrived within {seconds} s")));
        }
        Ok(read)
    }
}
