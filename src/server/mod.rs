//! The embedded index: accepts uploads and lists files like PyPI, and stores everything in a folder. `index serve`,
//! the demo, drills and the tests use it.
//!
//! | path | |
//! | --- | --- |
//! | `POST /legacy/` | an upload |
//! | `GET /simple/`, `/simple/NAME/` | the simple API, JSON and HTML |
//! | `GET /files/NAME/FILE` | a file, and with `.metadata` after its name, a wheel's METADATA |
//! | `GET /pypi/NAME/json`, `/pypi/NAME/VERSION/json` | the JSON API |
//! | `GET /integrity/NAME/VERSION/FILE/provenance` | who attested a file |
//! | `GET /_/oidc/audience`, `POST /_/oidc/mint-token` | trusted publishing |
//! | `GET /`, `/project/NAME/VERSION/` | pages for people |

mod accounts;
mod address;
mod attested;
mod body;
mod connection;
mod entry;
mod form;
mod guard;
mod json_api;
mod multipart;
mod pages;
mod project_page;
mod publishing;
mod refusal;
mod rendering;
mod rules;
mod settings;
mod simple;
mod store;
mod upload;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use secrecy::SecretString;
use thiserror::Error;
use tokio::sync::{Semaphore, oneshot};

use accounts::Account;
use publishing::Exchange;
use settings::Settings;
use store::Store;

use crate::python::filename::normalize;
use crate::world::Environment;

/// How long an upload in progress may delay shutting down
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(2);
/// How many files are opened and checked at a time
const JUDGED_AT_ONCE: usize = 2;

/// Why the embedded index failed
#[derive(Debug, Error)]
pub enum ServerError {
    #[error("failed to use `{folder}` as an index folder")]
    Folder {
        folder: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("`{path}` is not valid: {reason}")]
    Settings { path: PathBuf, reason: String },
    #[error("failed to listen on {address}")]
    Listen {
        address: SocketAddr,
        #[source]
        source: io::Error,
    },
    #[error("failed to start the server")]
    Start(#[source] io::Error),
}

/// Access control for uploads
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Everybody,
    /// Uploads need one of the index's tokens
    Tokens,
}

/// Which uploads are accepted
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rules {
    /// Those that PyPI accepts
    Pypi,
    /// All that can be listed
    Lenient,
}

/// How to serve an index
#[derive(Clone)]
pub struct Options {
    /// Its name on pages
    pub name: String,
    pub access: Access,
    pub rules: Rules,
    pub address: SocketAddr,
    /// For the tools that render reStructuredText and the network, where issuers publish their keys; without it
    /// neither is used
    pub environment: Option<Environment>,
}

impl Options {
    /// An index by PyPI's rules on a free port of this machine.
    pub fn new(name: &str, access: Access) -> Self {
        let address = (Ipv4Addr::LOCALHOST, 0).into();
        Self { name: name.to_owned(), access, rules: Rules::Pypi, address, environment: None }
    }
}

/// A running index; dropping it stops it
pub struct EmbeddedIndex {
    options: Options,
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
    rules: Rules,
    store: Store,
    settings: Settings,
    /// If set, uploads need one of its tokens
    account: Option<Arc<Account>>,
    exchange: Exchange,
    environment: Option<Environment>,
    /// Whether only this machine reaches the index
    is_local: bool,
    /// The memory for the fields of uploads, in bytes
    memory: Arc<Semaphore>,
    /// The turns for checking files
    judging: Arc<Semaphore>,
}

impl EmbeddedIndex {
    /// Starts an index by PyPI's rules on a free port of this machine, with the files in the folder. Only one index may
    /// use a folder at a time. Its tokens are valid as long as the folder exists.
    ///
    /// # Errors
    /// The folder cannot be used, or no port is available.
    pub fn start(folder: &Path, name: &str, access: Access) -> Result<Self, ServerError> {
        Self::start_with(folder, Options::new(name, access))
    }

    /// Starts an index with the files in the folder.
    ///
    /// # Errors
    /// The folder or the address cannot be used, or the settings in the folder are not valid.
    pub fn start_with(folder: &Path, options: Options) -> Result<Self, ServerError> {
        let account = match options.access {
            Access::Everybody => None,
            Access::Tokens => Some(Arc::new(
                Account::open(folder)
                    .map_err(|source| ServerError::Folder { folder: folder.to_owned(), source })?,
            )),
        };
        let failed = |source| ServerError::Listen { address: options.address, source };
        let listener = TcpListener::bind(options.address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let folder = folder.to_owned();
        let mut index = Self { options, folder, account, address, listener, serving: None };
        index.serve()?;
        Ok(index)
    }

    /// Serves the folder's current content at the same address.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn serve(&mut self) -> Result<(), ServerError> {
        self.pause();
        let Options { name, rules, environment, .. } = self.options.clone();
        let store = Store::open(&self.folder, rules)
            .map_err(|source| ServerError::Folder { folder: self.folder.clone(), source })?;
        let shared = Arc::new(Shared {
            name,
            rules,
            store,
            settings: Settings::read(&self.folder)?,
            account: self.account.clone(),
            exchange: Exchange::default(),
            environment,
            is_local: connection::is_local(self.address),
            memory: Arc::new(Semaphore::new(form::FIELDS_AT_ONCE)),
            judging: Arc::new(Semaphore::new(JUDGED_AT_ONCE)),
        });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("index")
            .enable_all()
            .build()
            .map_err(ServerError::Start)?;
        let listener = self.listener.try_clone().map_err(ServerError::Start)?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener).map_err(ServerError::Start)?
        };

        let (stop, stopped) = oneshot::channel();
        let serve = move || {
            runtime.block_on(connection::serve(listener, routes(shared), stopped, SHUTDOWN_LIMIT));
            runtime.shutdown_timeout(SHUTDOWN_LIMIT);
        };
        let thread =
            thread::Builder::new().name("index".to_owned()).spawn(serve).map_err(ServerError::Start)?;
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
        &self.options.name
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// An unrestricted token; `None` if everybody may upload.
    pub fn token(&self) -> Option<SecretString> {
        self.account.as_ref().map(|account| account.token())
    }

    /// The URL of its page.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// The upload URL.
    pub fn upload_url(&self) -> String {
        format!("{}legacy/", self.url())
    }

    /// The URL of the simple API, for `pip install --index-url`.
    pub fn simple_url(&self) -> String {
        format!("{}simple/", self.url())
    }

    /// The page of a release.
    pub fn project_url(&self, name: &str, version: &str) -> String {
        format!("{}project/{}/{version}/", self.url(), normalize(name))
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
        .route("/style.css", get(pages::style))
        .route("/legacy", post(upload::without_slash))
        .route("/legacy/", post(upload::upload))
        .route("/simple/", get(simple::projects))
        .route("/simple/{project}", get(simple::without_slash))
        .route("/simple/{project}/", get(simple::project))
        .route("/files/{project}/{filename}", get(simple::file))
        .route("/pypi/{project}/json", get(json_api::project))
        .route("/pypi/{project}/{version}/json", get(json_api::release))
        .route("/integrity/{project}/{version}/{filename}/provenance", get(attested::serve))
        .route("/_/oidc/audience", get(publishing::audience))
        .route("/_/oidc/mint-token", post(publishing::mint))
        .route("/project/{project}/", get(pages::project))
        .route("/project/{project}/{version}/", get(pages::release))
        .route("/project/{project}/{version}/page/", get(project_page::serve))
        .layer(from_fn_with_state(Arc::clone(&shared), guard::guard))
        .with_state(shared)
}

#[cfg(test)]
mod tests;
