//! The embedded index: takes uploads and lists files as PyPI does, on this machine only, and keeps everything in a
//! folder. It stands for an index in rehearsals, in the demonstration and in tests.
//!
//! | address | |
//! | --- | --- |
//! | `POST /legacy/` | an upload |
//! | `GET /simple/`, `/simple/NAME/` | the simple API, JSON and HTML |
//! | `GET /files/NAME/FILE` | a file |
//! | `GET /project/NAME/VERSION/` | a page to look at |

mod accounts;
mod form;
mod pages;
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
use rules::LARGEST_FILE;
use store::Store;

use crate::python::filename::normalize;

/// How long an upload that is being written may keep the index from stopping.
const FAREWELL: Duration = Duration::from_secs(2);
/// Of a whole upload, in bytes. More than is accepted, so that a file that is too large gets PyPI's reply.
const LARGEST_UPLOAD: usize = 4 * LARGEST_FILE as usize;

/// Why the embedded index does not run
#[derive(Debug, Error)]
pub enum ServerError {
    #[error("failed to use `{folder}` as the folder of an index")]
    Folder {
        folder: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("failed to listen on this machine")]
    Listen(#[source] io::Error),
}

/// Who may upload to an index
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Everybody,
    /// Whoever has a token of it
    Tokens,
}

/// A running index; dropping it stops it
pub struct EmbeddedIndex {
    name: String,
    folder: PathBuf,
    account: Option<Arc<Account>>,
    address: SocketAddr,
    /// Kept while nothing serves, so that nobody else gets the address
    listener: TcpListener,
    serving: Option<Serving>,
}

struct Serving {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

/// What all requests share
struct Shared {
    name: String,
    store: Store,
    /// Whoever uploads needs a token of it, where there is one
    account: Option<Arc<Account>>,
}

impl EmbeddedIndex {
    /// Starts an index on a free port of this machine. Its files are those in the folder, which only one index may
    /// use at a time; its tokens are good for as long as the folder is there.
    ///
    /// # Errors
    /// The folder cannot be used, or nothing can listen.
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

    /// Serves the folder as it is now, at the address it has.
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
                // An error says that the index was dropped, which is the signal too.
                let _ = stopped.await;
                drop(quit);
                let _ = tokio::time::timeout(FAREWELL, served).await;
            });
            runtime.shutdown_timeout(FAREWELL);
        };
        let thread =
            thread::Builder::new().name("index".to_owned()).spawn(serve).map_err(ServerError::Listen)?;
        self.serving = Some(Serving { stop, thread });
        Ok(())
    }

    /// Answers what has been asked and then nothing more until [`Self::serve`]: meanwhile the folder rests, and may be
    /// replaced. Who asks waits.
    pub fn pause(&mut self) {
        if let Some(Serving { stop, thread }) = self.serving.take() {
            drop(stop);
            // A panic in there has been reported by then.
            let _ = thread.join();
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// A token for everything on it; none where everybody may upload.
    pub fn token(&self) -> Option<SecretString> {
        self.account.as_ref().map(|account| account.token())
    }

    /// Where it takes uploads.
    pub fn upload_url(&self) -> String {
        format!("http://{}/legacy/", self.address)
    }

    /// Where it lists files; what `pip install --index-url` takes.
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
