//! Sends a request with a file and waits for the reply. The deadline applies to stalls and not to the whole transfer,
//! so that a large file may take its time on a slow connection.

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

/// The size of a chunk of the body, in bytes
const CHUNK: usize = 64 << 10;
/// The TLS alert to a client without a certificate
pub(super) const CERTIFICATE_REQUIRED: &str = "CertificateRequired";
/// How often progress is reported and stalls are checked for
const TICK: Duration = Duration::from_millis(50);
/// How long to wait for the reply to a complete upload after the sender gave up
const FINAL_REPLY_TIMEOUT: Duration = Duration::from_secs(10);
/// How much of an error reply is read, in bytes
const LARGEST_REPLY: usize = 64 << 10;

/// Why there is no reply
#[derive(Debug, Error)]
pub(super) enum SendError {
    /// There was no connection, so nothing was sent.
    #[error("no connection")]
    Unreachable(#[source] reqwest::Error),
    /// The connection broke before the last byte was written: the server cannot have the file. Its reply, if any, is
    /// lost.
    #[error("the connection broke after {sent} of {total} bytes")]
    Cut { sent: u64, total: u64 },
    /// Everything was sent, or may have been, and no reply came.
    #[error("{0}")]
    Lost(String),
    /// The sender gave up; only a complete upload may have been stored.
    #[error("cancelled")]
    Stopped { all_sent: bool },
}

/// A file being sent: counts the bytes written, and ends the transfer when it is cancelled
pub(super) struct Outgoing<R> {
    file: R,
    /// In bytes
    total: u64,
    state: Arc<TransferState>,
}

#[derive(Default)]
struct TransferState {
    sent: AtomicU64,
    cancelled: AtomicBool,
}

/// The sender's view of a file being sent
pub(super) struct Progress {
    state: Arc<TransferState>,
    /// In bytes
    total: u64,
}

impl Progress {
    /// Whether all of the file was read to be sent.
    pub(super) fn is_complete(&self) -> bool {
        self.state.sent.load(Ordering::Relaxed) >= self.total
    }

    /// For a request without a file.
    pub(super) fn without_file() -> Self {
        Self { state: Arc::default(), total: 0 }
    }
}

impl<R: Read + Send + Sync + Unpin + 'static> Outgoing<R> {
    /// The body of a request with a file of `total` bytes between a head and a tail.
    pub(super) fn body(file: R, total: u64, head: Vec<u8>, tail: Vec<u8>) -> (reqwest::Body, Progress) {
        let state = Arc::new(TransferState::default());
        let outgoing = Self { file, total, state: state.clone() };
        let body = FileBody { outgoing, left: total, head: Some(head.into()), tail: Some(tail.into()) };
        (reqwest::Body::wrap(body), Progress { state, total })
    }
}

/// A request body that is read from a file while it is sent
struct FileBody<R> {
    outgoing: Outgoing<R>,
    /// The remaining bytes of the file
    left: u64,
    head: Option<Bytes>,
    tail: Option<Bytes>,
}

impl<R: Read + Unpin> http_body::Body for FileBody<R> {
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
        let mut chunk = vec![0; CHUNK.min(usize::try_from(self.left).unwrap_or(CHUNK))];
        let read = match self.outgoing.read(&mut chunk) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            read => read,
        };
        Poll::Ready(Some(read.map(|read| {
            chunk.truncate(read);
            self.left -= read as u64;
            Frame::data(chunk.into())
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
        if self.state.cancelled.load(Ordering::Relaxed) {
            return Err(io::Error::other("cancelled"));
        }
        let sent = self.state.sent.load(Ordering::Relaxed);
        let half = usize::try_from(self.total / 2).unwrap_or(usize::MAX);
        // A small file goes in two parts too, so that its progress is seen and it can fail halfway.
        let most = if sent == 0 && (1..into.len()).contains(&half) { half } else { into.len() };
        let read = self.file.read(&mut into[..most])?;
        if sent > 0 && sent < self.total {
            failpoints::in_effect(Failpoint::HalfSent, String::new);
        }
        self.state.sent.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Sends the request with the file that `progress` watches. Calls `report` with the bytes sent so far; it returns
/// whether to continue. A cancelled request is cut off, so that it cannot arrive later.
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
    let mut reported = false;
    let mut cancelled: Option<Instant> = None;
    loop {
        let answer = tokio::time::timeout(TICK, exchange.as_mut()).await;
        let sent = progress.state.sent.load(Ordering::Relaxed);
        if sent != seen {
            (seen, since) = (sent, Instant::now());
        }
        if !report(sent) && cancelled.is_none() {
            cancelled = Some(Instant::now());
        }
        if sent >= progress.total && !reported {
            reported = true;
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
        // A complete upload gets time for its reply; an incomplete one is cut off.
        let patience_left = cancelled.map(|since| FINAL_REPLY_TIMEOUT.saturating_sub(since.elapsed()));
        if patience_left.is_some_and(|left| left.is_zero() || !all_sent) {
            progress.state.cancelled.store(true, Ordering::Relaxed);
            return Err(SendError::Stopped { all_sent });
        }
        let limit = if all_sent { patience.reply } else { patience.connect + patience.stall };
        if since.elapsed() > limit {
            progress.state.cancelled.store(true, Ordering::Relaxed);
            let seconds = limit.as_secs();
            return Err(SendError::Lost(match all_sent {
                true => format!("everything was sent, but no reply came within {seconds} s"),
                false => format!("no progress for {seconds} s after {sent} of {} bytes", progress.total),
            }));
        }
    }
}

impl Progress {
    fn failure(&self, error: reqwest::Error) -> SendError {
        let error = error.without_url();
        let sent = self.state.sent.load(Ordering::Relaxed);
        // With TLS 1.3, a client learns only after its first bytes that it needs a certificate.
        let needs_certificate = innermost(&error).contains(CERTIFICATE_REQUIRED);
        if error.is_connect() || error.is_builder() || needs_certificate {
            SendError::Unreachable(error)
        } else if sent < self.total || error.is_body() {
            // A body error means that the last chunk was not taken.
            SendError::Cut { sent, total: self.total }
        } else {
            SendError::Lost(format!("everything was sent, but no reply came: {}", innermost(&error)))
        }
    }
}

/// The innermost cause of an error, which tells what happened on the wire.
pub(super) fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// Reads the reply; the reason only if it is not a success.
async fn read_reply(mut response: Response) -> Reply {
    let status = response.status().as_u16();
    let header = |name: HeaderName| {
        response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    };
    let location = header(LOCATION);
    let retry_after = header(RETRY_AFTER).and_then(|value| retry_after(&value, jiff::Timestamp::now()));
    let mut body = Vec::new();
    // An incomplete reason is better than none. Reading a success to its end keeps the connection usable.
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
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
