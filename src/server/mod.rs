//! The embedded index: accepts uploads and lists files like PyPI, on this machine only, and stores everything in a
//! folder. Rehearsals, the demo and the tests use it.
//!
//! | path | |
//! | --- | --- |
//! | `POST /legacy/` | an upload |
//! | `GET /simple/`, `/simple/NAME/` | the simple API, JSON and HTML |
//! | `GET /files/NAME/FILE` | a file |
//! | `GET /project/NAME/VERSION/` | a page for people |

mod accounts;
mod form;
mod pages;
mod refusal;
mod rules;
mod store;
mod upload;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use secrecy::SecretString;
use thiserror::Error;
use tokio::sync::oneshot;

use accounts::Account;
use form::LARGEST_FILE;
use store::Store;

use crate::python::filename::normalize;

/// How long an upload in progress may delay shutting down
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(2);
/// The limit of a whole upload, in bytes. It is higher than the file limit, so that a file that is too large gets
/// PyPI's reply.
const LARGEST_UPLOAD: usize = 4 * LARGEST_FILE as usize;

/// Why the embedded index failed
#[derive(Debug, Error)]
pub enum ServerError {
    #[error("failed to use `{folder}` as an index folder")]
    Folder {
        folder: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("failed to listen on this machine")]
    Listen(#[source] io::Error),
}

/// Access control for uploads
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Everybody,
    /// Uploads need one of the index's tokens
    Tokens,
}

/// A running index; dropping it stops it
pub struct EmbeddedIndex {
    name: String,
    folder: PathBuf,
    account: Option<Arc<Account>>,
    address: SocketAddr,
    /// Keeps the address reserved while the index is paused
    listener: TcpListener,
    serving: Option<Serving>,
}

struct Serving {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

/// The state that all requests share
struct Shared {
    name: String,
    store: Store,
    /// If set, uploads need one of its tokens
    account: Option<Arc<Account>>,
}

impl EmbeddedIndex {
    /// Starts an index on a free port of this machine, with the files in the folder. Only one index may use a folder at
    /// a time. Its tokens are valid as long as the folder exists.
    ///
    /// # Errors
    /// The folder cannot be used, or no port is available.
    pub fn start(folder: &Path, name: &str, access: Access) -> Result<Self, ServerError> {
        let account = match access {
            Access::Everybody => None,
            Access::Tokens => Some(Arc::new(
                Account::open(folder)
                    .map_err(|source| ServerError::Folder { folder: folder.to_owned(), source })?,
            )),
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(ServerError::Listen)?;
        listener.set_nonblocking(true).map_err(ServerError::Listen)?;
        let address = listener.local_addr().map_err(ServerError::Listen)?;
        let (name, folder) = (name.to_owned(), folder.to_owned());
        let mut index = Self { name, folder, account, address, listener, serving: None };
        index.serve()?;
        Ok(index)
    }

    /// Serves the folder's current content at the same address.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn serve(&mut self) -> Result<(), ServerError> {
        self.pause();
        let store = Store::open(&self.folder)
            .map_err(|source| ServerError::Folder { folder: self.folder.clone(), source })?;
        let shared = Arc::new(Shared { name: self.name.clone(), store, account: self.account.clone() });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("index")
            .enable_all()
            .build()
            .map_err(ServerError::Listen)?;
        let listener = self.listener.try_clone().map_err(ServerError::Listen)?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener).map_err(ServerError::Listen)?
        };

        let (stop, stopped) = oneshot::channel();
        let serve = move || {
            runtime.block_on(async move {
                let (quit, quitted) = oneshot::channel::<()>();
                let last = async move {
                    let _ = quitted.await;
                };
                let server = axum::serve(listener, routes(shared)).with_graceful_shutdown(last);
                let served = tokio::spawn(server.into_future());
                // An error means that the index was dropped, which is also the signal to stop.
                let _ = stopped.await;
                drop(quit);
                let _ = tokio::time::timeout(SHUTDOWN_LIMIT, served).await;
            });
            runtime.shutdown_timeout(SHUTDOWN_LIMIT);
        };
        let thread =
            thread::Builder::new().name("index".to_owned()).spawn(serve).map_err(ServerError::Listen)?;
        self.serving = Some(Serving { stop, thread });
        Ok(())
    }

    /// Answers all requests in progress, then none until [`Self::serve`]. Meanwhile the folder may be replaced, and
    /// clients wait.
    pub fn pause(&mut self) {
        if let Some(Serving { stop, thread }) = self.serving.take() {
            drop(stop);
            // A panic in the thread has already been reported.
            let _ = thread.join();
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// An unrestricted token; `None` if everybody may upload.
    pub fn token(&self) -> Option<SecretString> {
        self.account.as_ref().map(|account| account.token())
    }

    /// The upload URL.
    pub fn upload_url(&self) -> String {
        format!("http://{}/legacy/", self.address)
    }

    /// The URL of the simple API, for `pip install --index-url`.
    pub fn simple_url(&self) -> String {
        format!("http://{}/simple/", self.address)
    }

    /// The page of a release.
    pub fn project_url(&self, name: &str, version: &str) -> String {
        format!("http://{}/project/{}/{version}/", self.address, normalize(name))
    }
}

impl Drop for EmbeddedIndex {
    fn drop(&mut self) {
        self.pause();
    }
}

fn routes(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(pages::home))
        .route("/legacy", post(upload::without_slash))
        .route("/legacy/", post(upload::upload).layer(DefaultBodyLimit::max(LARGEST_UPLOAD)))
        .route("/simple/", get(pages::projects))
        .route("/simple/{project}", get(pages::without_slash))
        .route("/simple/{project}/", get(pages::project))
        .route("/files/{project}/{filename}", get(pages::file))
        .route("/project/{project}/{version}/", get(pages::release))
        .with_state(shared)
}

#[cfg(test)]
mod tests;
