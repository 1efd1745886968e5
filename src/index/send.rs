//! Sends a request with a file in it and waits for the reply, with a deadline on stalls instead of on the whole:
//! a large file on a slow line takes as long as it takes.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use reqwest::blocking::{RequestBuilder, Response};
use reqwest::header::{HeaderName, LOCATION, RETRY_AFTER};
use thiserror::Error;

use super::reply::{Reply, reason, retry_after};
use crate::world::faults::{self, Moment};
use crate::world::http::Patience;

/// How often progress is reported and a stall looked for.
const TICK: Duration = Duration::from_millis(50);
/// How long the reply to what was sent whole is waited for when the sender gives up.
const LAST_WORDS: Duration = Duration::from_secs(10);
/// Read of a reply that is no success, in bytes.
const LARGEST_REPLY: u64 = 64 << 10;

/// Why there is no reply
#[derive(Debug, Error)]
pub(super) enum SendError {
    /// No connection came about, so nothing was sent.
    #[error("no connection")]
    Unreachable(#[source] reqwest::Error),
    /// The connection broke, or never was, before the last byte was handed over: the server cannot have the file.
    /// What it said meanwhile is lost, because the blocking client gives up the reply with the body.
    #[error("the connection broke after {sent} of {total} bytes")]
    Cut { sent: u64, total: u64 },
    /// All was sent, or may have been, and no reply came.
    #[error("{0}")]
    Lost(String),
    /// Whoever sends gave up; only what was sent whole may be there.
    #[error("given up")]
    Stopped { all_sent: bool },
}

/// A file on its way: counts what is handed over, and ends the transfer when it is given up
pub(super) struct Outgoing<R> {
    file: R,
    /// In bytes
    total: u64,
    way: Arc<Way>,
}

#[derive(Default)]
struct Way {
    sent: AtomicU64,
    given_up: AtomicBool,
}

/// The sender's view of a file on its way
pub(super) struct Progress {
    way: Arc<Way>,
    /// In bytes
    total: u64,
}

impl<R> Outgoing<R> {
    /// A file of `total` bytes.
    pub(super) fn new(file: R, total: u64) -> (Self, Progress) {
        let way = Arc::new(Way::default());
        (Self { file, total, way: way.clone() }, Progress { way, total })
    }
}

impl<R: Read> Read for Outgoing<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.way.given_up.load(Ordering::Relaxed) {
            return Err(io::Error::other("given up"));
        }
        let sent = self.way.sent.load(Ordering::Relaxed);
        let half = usize::try_from(self.total / 2).unwrap_or(usize::MAX);
        let read = if faults::is_drilled() && sent == 0 && (1..into.len()).contains(&half) {
            self.file.read(&mut into[..half])?
        } else {
            self.file.read(into)?
        };
        if sent > 0 && sent < self.total {
            faults::in_effect(Moment::HalfSent, String::new);
        }
        self.way.sent.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Sends the request, which holds the file that `progress` watches; calls `report` with the bytes sent so far, which says whether to go on.
pub(super) fn send(
    request: RequestBuilder,
    progress: &Progress,
    patience: Patience,
    report: &dyn Fn(u64) -> bool,
) -> Result<Reply, SendError> {
    let (answer, answered) = mpsc::channel();
    // The blocking client cannot be told to stop, so it works in a thread that can be left behind. What is left
    // behind cannot finish the upload: the file refuses to be read on.
    let worker = thread::Builder::new().name("upload".to_owned()).spawn(move || {
        let _ = answer.send(request.send().map(read_reply));
    });
    if let Err(error) = worker {
        return Err(SendError::Lost(format!("failed to start a thread: {error}")));
    }
    let (mut seen, mut since) = (0, Instant::now());
    let mut told = false;
    let mut given_up: Option<Instant> = None;
    loop {
        let answer = answered.recv_timeout(TICK);
        let sent = progress.way.sent.load(Ordering::Relaxed);
        if sent != seen {
            (seen, since) = (sent, Instant::now());
        }
        if !report(sent) && given_up.is_none() {
            given_up = Some(Instant::now());
        }
        if sent >= progress.total && !told {
            told = true;
            faults::in_effect(Moment::AllSent, String::new);
        }
        match answer {
            Ok(Ok(reply)) => {
                faults::in_effect(Moment::Replied, || reply.status.to_string());
                return Ok(reply);
            }
            Ok(Err(error)) => return Err(progress.failure(error.without_url())),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(SendError::Lost("the transfer ended without a result".to_owned()));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        let all_sent = sent >= progress.total;
        // What is there whole gets the time to say so; the rest of what is not is kept back.
        let patience_left = given_up.map(|since| LAST_WORDS.saturating_sub(since.elapsed()));
        if patience_left.is_some_and(|left| left.is_zero() || !all_sent) {
            progress.way.given_up.store(true, Ordering::Relaxed);
            return Err(SendError::Stopped { all_sent });
        }
        let limit = if all_sent { patience.reply } else { patience.connect + patience.stall };
        if since.elapsed() > limit {
            progress.way.given_up.store(true, Ordering::Relaxed);
            let seconds = limit.as_secs();
            return Err(SendError::Lost(match all_sent {
                true => format!("all was sent, but no reply came in {seconds} s"),
                false => format!("nothing moved for {seconds} s after {sent} of {} bytes", progress.total),
            }));
        }
    }
}

impl Progress {
    fn failure(&self, error: reqwest::Error) -> SendError {
        let sent = self.way.sent.load(Ordering::Relaxed);
        if error.is_connect() || error.is_builder() {
            SendError::Unreachable(error)
        } else if sent < self.total || error.is_body() {
            // An error of the body says that its last piece was not even taken off our hands.
            SendError::Cut { sent, total: self.total }
        } else {
            SendError::Lost(format!("all was sent, but no reply came: {}", innermost(&error)))
        }
    }
}

/// The last cause of an error, which says what happened on the wire.
pub(super) fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// A success needs no reason; of anything else the reason is read, as far as it comes.
fn read_reply(response: Response) -> Reply {
    let status = response.status().as_u16();
    let said = |name: HeaderName| {
        response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    };
    let location = said(LOCATION);
    let retry_after = said(RETRY_AFTER).and_then(|value| retry_after(&value, jiff::Timestamp::now()));
    let mut body = Vec::new();
    // A reason that breaks off is better than none; a success that is read to its end leaves a connection to go on with.
    let _ = response.take(LARGEST_REPLY).read_to_end(&mut body);
    let reason = match status {
        200..=299 => String::new(),
        _ => reason(status, &String::from_utf8_lossy(&body)),
    };
    Reply { status, reason, location, retry_after }
}
