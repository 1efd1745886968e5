//! Sends a request with a file in it and waits for the reply, with a deadline on stalls instead of on the whole:
//! a large file on a slow line takes as long as it takes.

use std::io::{self, Read};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use reqwest::header::{HeaderName, LOCATION, RETRY_AFTER};
use reqwest::{RequestBuilder, Response};
use thiserror::Error;

use super::reply::{Reply, reason, retry_after};
use crate::world::failpoints::{self, Failpoint};
use crate::world::http::Http;

/// Handed over at once, in bytes
const PIECE: usize = 64 << 10;
/// What a server's TLS says to a client that has no certificate
pub(super) const CERTIFICATE_REQUIRED: &str = "CertificateRequired";
/// How often progress is reported and a stall looked for.
const TICK: Duration = Duration::from_millis(50);
/// How long the reply to what was sent whole is waited for when the sender gives up.
const LAST_WORDS: Duration = Duration::from_secs(10);
/// Read of a reply that is no success, in bytes.
const LARGEST_REPLY: usize = 64 << 10;

/// Why there is no reply
#[derive(Debug, Error)]
pub(super) enum SendError {
    /// No connection came about, so nothing was sent.
    #[error("no connection")]
    Unreachable(#[source] reqwest::Error),
    /// The connection broke, or never was, before the last byte was handed over: the server cannot have the file.
    /// What it said meanwhile may be lost.
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

impl Progress {
    /// Of a request that has no file in it.
    pub(super) fn of_nothing() -> Self {
        Self { way: Arc::default(), total: 0 }
    }
}

impl<R: Read + Send + Sync + Unpin + 'static> Outgoing<R> {
    /// The body of a request with a file of `total` bytes between a head and a tail.
    pub(super) fn body(file: R, total: u64, head: Vec<u8>, tail: Vec<u8>) -> (reqwest::Body, Progress) {
        let way = Arc::new(Way::default());
        let outgoing = Self { file, total, way: way.clone() };
        let pieces = Pieces { outgoing, left: total, head: Some(head.into()), tail: Some(tail.into()) };
        (reqwest::Body::wrap(pieces), Progress { way, total })
    }
}

/// A body that is read from a file as it goes out
struct Pieces<R> {
    outgoing: Outgoing<R>,
    /// Bytes of the file
    left: u64,
    head: Option<Bytes>,
    tail: Option<Bytes>,
}

impl<R: Read + Unpin> http_body::Body for Pieces<R> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(head) = self.head.take() {
            return Poll::Ready(Some(Ok(Frame::data(head))));
        }
        if self.left == 0 {
            return Poll::Ready(self.tail.take().map(|tail| Ok(Frame::data(tail))));
        }
        let mut piece = vec![0; PIECE.min(usize::try_from(self.left).unwrap_or(PIECE))];
        let read = match self.outgoing.read(&mut piece) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            read => read,
        };
        Poll::Ready(Some(read.map(|read| {
            piece.truncate(read);
            self.left -= read as u64;
            Frame::data(piece.into())
        })))
    }

    fn is_end_stream(&self) -> bool {
        self.head.is_none() && self.left == 0 && self.tail.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let around = [&self.head, &self.tail].into_iter().flatten().map(|part| part.len() as u64);
        SizeHint::with_exact(self.left + around.sum::<u64>())
    }
}

impl<R: Read> Read for Outgoing<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.way.given_up.load(Ordering::Relaxed) {
            return Err(io::Error::other("given up"));
        }
        let sent = self.way.sent.load(Ordering::Relaxed);
        let half = usize::try_from(self.total / 2).unwrap_or(usize::MAX);
        let read = if failpoints::is_drilled() && sent == 0 && (1..into.len()).contains(&half) {
            self.file.read(&mut into[..half])?
        } else {
            self.file.read(into)?
        };
        if sent > 0 && sent < self.total {
            failpoints::in_effect(Failpoint::HalfSent, String::new);
        }
        self.way.sent.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Sends the request, which holds the file that `progress` watches; calls `report` with the bytes sent so far, which says
/// whether to go on. What is given up is cut off, so that it cannot arrive later.
pub(super) fn send(
    http: &Http,
    request: RequestBuilder,
    progress: &Progress,
    report: &dyn Fn(u64) -> bool,
) -> Result<Reply, SendError> {
    let driven = http.drive(exchange(http, request, progress, report));
    driven.unwrap_or_else(|error| Err(SendError::Lost(format!("failed to start a thread: {error}"))))
}

async fn exchange(
    http: &Http,
    request: RequestBuilder,
    progress: &Progress,
    report: &dyn Fn(u64) -> bool,
) -> Result<Reply, SendError> {
    let patience = http.patience();
    let mut exchange = pin!(async { Ok(read_reply(request.send().await?).await) });
    let (mut seen, mut since) = (0, Instant::now());
    let mut told = false;
    let mut given_up: Option<Instant> = None;
    loop {
        let answer = tokio::time::timeout(TICK, exchange.as_mut()).await;
        let sent = progress.way.sent.load(Ordering::Relaxed);
        if sent != seen {
            (seen, since) = (sent, Instant::now());
        }
        if !report(sent) && given_up.is_none() {
            given_up = Some(Instant::now());
        }
        if sent >= progress.total && !told {
            told = true;
            failpoints::in_effect(Failpoint::AllSent, String::new);
        }
        match answer {
            Ok(Ok(reply)) => {
                failpoints::in_effect(Failpoint::Replied, || reply.status.to_string());
                return Ok(reply);
            }
            Ok(Err(error)) => return Err(progress.failure(error)),
            Err(_) => {}
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
        let error = error.without_url();
        let sent = self.way.sent.load(Ordering::Relaxed);
        // With TLS 1.3 a client hears after its first bytes that it should have shown a certificate.
        let unknown_here = innermost(&error).contains(CERTIFICATE_REQUIRED);
        if error.is_connect() || error.is_builder() || unknown_here {
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
async fn read_reply(mut response: Response) -> Reply {
    let status = response.status().as_u16();
    let said = |name: HeaderName| {
        response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    };
    let location = said(LOCATION);
    let retry_after = said(RETRY_AFTER).and_then(|value| retry_after(&value, jiff::Timestamp::now()));
    let mut body = Vec::new();
    // A reason that breaks off is better than none; a success that is read to its end leaves a connection to go on with.
    while let Ok(Some(piece)) = response.chunk().await {
        body.extend_from_slice(&piece);
        if body.len() > LARGEST_REPLY {
            break;
        }
    }
    let reason = match status {
        200..=299 => String::new(),
        _ => reason(status, &String::from_utf8_lossy(&body)),
    };
    Reply { status, reason, location, retry_after }
}
