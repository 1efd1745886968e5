//! The body of a reply that is a file: read piece by piece, never whole.

use std::future::Future;
use std::io::{self, Read as _};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use fs_err::File;
use http_body::{Frame, SizeHint};
use tokio::task::{JoinHandle, spawn_blocking};

/// Bytes per read
const CHUNK: usize = 128 << 10;

/// The content of a file
pub(super) struct FileBody {
    left: u64,
    state: Reading,
}

enum Reading {
    Idle(Option<File>),
    Busy(JoinHandle<io::Result<(File, Bytes)>>),
}

impl FileBody {
    /// A file of this size.
    pub(super) fn new(file: File, size: u64) -> Self {
        Self { left: size, state: Reading::Idle(Some(file)) }
    }
}

/// Reads the next piece of a file.
fn read(mut file: File, left: u64) -> io::Result<(File, Bytes)> {
    let most = usize::try_from(left).map_or(CHUNK, |left| left.min(CHUNK));
    let mut chunk = vec![0; most];
    file.read_exact(&mut chunk)?;
    Ok((file, chunk.into()))
}

impl http_body::Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        loop {
            let left = self.left;
            match &mut self.state {
                Reading::Idle(_) if left == 0 => return Poll::Ready(None),
                Reading::Idle(file) => match file.take() {
                    Some(file) => self.state = Reading::Busy(spawn_blocking(move || read(file, left))),
                    None => return Poll::Ready(None),
                },
                Reading::Busy(reading) => {
                    let Poll::Ready(done) = Pin::new(reading).poll(cx) else { return Poll::Pending };
                    let (file, chunk) = match done.unwrap_or_else(|error| Err(io::Error::other(error))) {
                        Ok(read) => read,
                        Err(error) => {
                            self.state = Reading::Idle(None);
                            return Poll::Ready(Some(Err(error)));
                        }
                    };
                    self.left -= chunk.len() as u64;
                    self.state = Reading::Idle(Some(file));
                    return Poll::Ready(Some(Ok(Frame::data(chunk))));
                }
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
