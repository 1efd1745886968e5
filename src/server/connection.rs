//! The connections of clients: so many at a time, and none that only waits.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};

use super::multipart::PATIENCE;

/// How many connections there are at most; more wait
const MOST: usize = 512;
/// The limit for the head of a request, in bytes
const LARGEST_HEAD: usize = 64 << 10;
/// How long to wait after a connection cannot be accepted, as when too many files are open
const PAUSE: Duration = Duration::from_millis(50);

/// Serves connections until `stopped`, and then completes the requests in progress for as long as `limit`.
pub(super) async fn serve(
    listener: TcpListener,
    routes: Router,
    stopped: oneshot::Receiver<()>,
    limit: Duration,
) {
    let places = Arc::new(Semaphore::new(MOST));
    let graceful = GracefulShutdown::new();
    let mut stopped = pin!(stopped);
    loop {
        let next = pin!(async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        });
        let Some((place, accepted)) = before(stopped.as_mut(), next).await else { break };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        // It only makes replies arrive sooner.
        let _ = stream.set_nodelay(true);
        let mut server = http1::Builder::new();
        server.timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(LARGEST_HEAD);
        // A client that ends its side early still gets a reply.
        server.half_close(true);
        let connection =
            server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes.clone()));
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // An error is the client's: it is gone, or speaks something else.
            let _ = connection.await;
            drop(place);
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(limit, graceful.shutdown()).await;
}

/// The result of a future, unless another one ends first.
async fn before<T>(
    mut stopped: std::pin::Pin<&mut oneshot::Receiver<()>>,
    mut next: std::pin::Pin<&mut impl Future<Output = T>>,
) -> Option<T> {
    std::future::poll_fn(|cx| {
        // An error means that the index was dropped, which is also the signal to stop.
        if stopped.as_mut().poll(cx).is_ready() {
            return std::task::Poll::Ready(None);
        }
        next.as_mut().poll(cx).map(Some)
    })
    .await
}

/// Whether nothing but this machine reaches an address.
pub(super) fn is_local(address: SocketAddr) -> bool {
    address.ip().is_loopback()
}
