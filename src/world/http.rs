//! The HTTP client: certificates and proxies from the environment, timeouts on stalls instead of totals, and plain
//! `http` to this machine only. HTTP/1.1 throughout: over HTTP/2 parallel uploads would share one flow-control window.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use reqwest::blocking::{Client, ClientBuilder, RequestBuilder, Response};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Certificate, Identity, Method, NoProxy, Proxy, Url};
use thiserror::Error;
use tokio::runtime::Runtime;

use super::Environment;
use crate::input;

mod address;

pub use address::{AddressError, check, check_from, check_url, is_loopback};

/// The header that marks our embedded index, which has the rules of PyPI
pub const PYRELEASE_INDEX: &str = "x-pyrelease-index";
/// Redirects followed by a GET
const MOST_REDIRECTS: usize = 10;
/// Threads that drive all uploads; they mostly wait for the network.
const WORKERS: usize = 2;
/// How long an unused connection is kept: shorter than servers keep theirs
const IDLE: Duration = Duration::from_secs(20);
/// In bytes; a platform's bundle has about 250 kB.
const LARGEST_BUNDLE: u64 = 16 << 20;

/// Why the HTTP client could not be set up
#[derive(Debug, Error)]
pub enum HttpError {
    #[error("failed to read the certificates in `{path}` (set by `{variable}`)")]
    Bundle { variable: &'static str, path: PathBuf, source: io::Error },
    #[error("`{path}` (set by `{variable}`) contains no usable certificate")]
    Certificates { variable: &'static str, path: PathBuf },
    #[error("failed to read the client certificate in `{path}` (set by `{setting}`)")]
    Identity { setting: String, path: PathBuf, source: io::Error },
    #[error("`{path}` (set by `{setting}`) contains no usable client certificate with its key")]
    NoIdentity { setting: String, path: PathBuf },
    // The value may hold a password, so it is not shown.
    #[error("`{variable}` is not a valid proxy URL")]
    Proxy { variable: &'static str },
    #[error("failed to set up HTTPS")]
    Client {
        #[source]
        source: reqwest::Error,
    },
}

/// Timeouts
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For connecting, including the TLS handshake
    pub connect: Duration,
    /// For the next byte, in either direction
    pub stall: Duration,
    /// For the reply to a finished upload: the server checks and stores the file first (PyPI allows itself 240 s).
    pub reply: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            stall: Duration::from_secs(60),
            reply: Duration::from_secs(300),
        }
    }
}

/// The HTTP client; clones share its connections
#[derive(Debug, Clone)]
pub struct Http {
    clients: Arc<Clients>,
    patience: Timeouts,
}

/// One client per purpose and scheme, built on first use: loading the platform's certificates takes milliseconds and
/// memory.
#[derive(Debug)]
struct Clients {
    settings: Settings,
    fetching: [OnceLock<Client>; 2],
    sending: [OnceLock<Client>; 2],
    uploading: [OnceLock<reqwest::Client>; 2],
    /// Drives `uploading`
    runtime: OnceLock<Runtime>,
}

/// The clients of this process, by what they were made from: loading and parsing certificates takes milliseconds, and
/// their connections stay open for the next stage. Clients with a client certificate are their index's own.
static SHARED: Mutex<Vec<(Origin, Arc<Clients>)>> = Mutex::new(Vec::new());

/// What clients are made from
#[derive(Debug, PartialEq)]
struct Origin {
    patience: Timeouts,
    bundles: Vec<Bundle>,
    /// The proxy's variable and address, and the hosts without it
    proxy: Option<(&'static str, String, Option<String>)>,
}

/// A file or a folder with certificates, and what it holds
#[derive(Debug, PartialEq)]
struct Bundle {
    variable: &'static str,
    path: PathBuf,
    pem: Vec<u8>,
}

#[derive(Debug)]
struct Settings {
    patience: Timeouts,
    roots: Vec<Certificate>,
    identity: Option<Identity>,
    proxy: Option<Proxy>,
}

impl Settings {
    /// A client for GET requests.
    fn fetching(&self, secure: bool) -> Result<Client, reqwest::Error> {
        let policy = || if secure { Policy::custom(follow) } else { Policy::custom(follow_here) };
        self.made(secure, &|builder| {
            // The blocking client applies this timeout until the reply's head, then to each read of the body.
            ClientBuilder::from(builder).timeout(self.patience.stall).redirect(policy()).build()
        })
    }

    /// A client for small POST requests.
    fn sending(&self, secure: bool) -> Result<Client, reqwest::Error> {
        self.made(secure, &|builder| {
            ClientBuilder::from(builder).timeout(None).redirect(Policy::none()).build()
        })
    }

    /// A client for uploads. It has no timeout, which would limit the whole upload; the sender watches for stalls
    /// itself.
    fn uploading(&self, secure: bool) -> Result<reqwest::Client, reqwest::Error> {
        self.made(secure, &|builder| builder.redirect(Policy::none()).build())
    }

    fn made<T>(
        &self,
        secure: bool,
        make: &dyn Fn(reqwest::ClientBuilder) -> Result<T, reqwest::Error>,
    ) -> Result<T, reqwest::Error> {
        // Systems without certificates can still reach this machine.
        make(self.builder(secure, true)).or_else(|_| make(self.builder(secure, false)))
    }

    fn builder(&self, secure: bool, platform: bool) -> reqwest::ClientBuilder {
        // Every client needs a provider, also without TLS. Fails if there is one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = reqwest::Client::builder()
            .user_agent(concat!("pyrelease/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(self.patience.connect)
            .tcp_nodelay(true)
            .pool_idle_timeout(IDLE)
            // Callers decide what may be retried.
            .retry(reqwest::retry::never());
        if !secure {
            // Plain `http` is for this machine only: no certificates, no proxy.
            return builder.tls_certs_only([]).no_proxy();
        }
        let builder = match &self.proxy {
            Some(proxy) => builder.proxy(proxy.clone()),
            // On Windows and macOS reqwest reads the system's proxy settings.
            None if cfg!(any(windows, target_os = "macos")) => builder,
            None => builder.no_proxy(),
        };
        let builder = match &self.identity {
            Some(identity) => builder.identity(identity.clone()),
            None => builder,
        };
        let roots = self.roots.iter().cloned();
        if platform { builder.tls_certs_merge(roots) } else { builder.tls_certs_only(roots) }
    }

    /// Validates the user's settings, without loading the platform's certificates.
    fn check(&self) -> Result<(), HttpError> {
        if self.roots.is_empty() && self.identity.is_none() {
            return Ok(());
        }
        self.builder(true, false).build().map(drop).map_err(|source| HttpError::Client { source })
    }
}

impl Http {
    /// A client that trusts the platform's certificates (on Linux, `SSL_CERT_FILE` and `SSL_CERT_DIR` replace them) and
    /// those of `REQUESTS_CA_BUNDLE` and `CURL_CA_BUNDLE`. It uses the proxy in `HTTPS_PROXY` or `ALL_PROXY`, except
    /// for `NO_PROXY`.
    pub fn new(environment: &Environment) -> Result<Self, HttpError> {
        Self::with_timeouts(environment, Timeouts::default())
    }

    /// Like [`Http::new`], with other timeouts.
    pub fn with_timeouts(environment: &Environment, patience: Timeouts) -> Result<Self, HttpError> {
        Self::shared(Origin::of(environment, patience)?)
    }

    /// A client for one index, with the client certificate in the file named by `PYRELEASE_CLIENT_CERT_<INDEX>`, else
    /// by `SSL_CLIENT_CERT`.
    pub fn for_index(environment: &Environment, index: &str, patience: Timeouts) -> Result<Self, HttpError> {
        let origin = Origin::of(environment, patience)?;
        match identity(environment, index)? {
            None => Self::shared(origin),
            identity => Self::set(Settings { identity, ..origin.settings()? }),
        }
    }

    fn shared(origin: Origin) -> Result<Self, HttpError> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((origin, clients)) = shared.iter().find(|(made_from, _)| *made_from == origin) {
            return Ok(Self { clients: Arc::clone(clients), patience: origin.patience });
        }
        let http = Self::set(origin.settings()?)?;
        shared.push((origin, Arc::clone(&http.clients)));
        Ok(http)
    }

    fn set(settings: Settings) -> Result<Self, HttpError> {
        let patience = settings.patience;
        let clients = Clients {
            settings,
            fetching: Default::default(),
            sending: Default::default(),
            uploading: Default::default(),
            runtime: OnceLock::new(),
        };
        let http = Self { clients: Arc::new(clients), patience };
        // Report invalid settings now instead of at the first request.
        http.clients.settings.check()?;
        Ok(http)
    }

    /// A GET request. Follows redirects, except to plain `http` on other machines. A redirect from this machine to
    /// another is returned as the reply.
    pub fn get(&self, url: Url) -> RequestBuilder {
        let secure = url.scheme() == "https";
        let client = self.clients.fetching[usize::from(secure)]
            .get_or_init(|| self.clients.settings.fetching(secure).expect("its settings were tried"));
        client.get(url)
    }

    /// A POST request. Never follows redirects: the body is meant for one URL only.
    pub fn post(&self, url: Url) -> RequestBuilder {
        self.request(Method::POST, url)
    }

    /// A request that follows no redirects: its body and its credentials are meant for one URL only. It has no timeout.
    pub fn request(&self, method: Method, url: Url) -> RequestBuilder {
        let secure = url.scheme() == "https";
        let client = self.clients.sending[usize::from(secure)]
            .get_or_init(|| self.clients.settings.sending(secure).expect("its settings were tried"));
        client.request(method, url)
    }

    /// A POST request for a large body; [`Self::drive`] runs it.
    pub fn upload(&self, url: Url) -> reqwest::RequestBuilder {
        let secure = url.scheme() == "https";
        let client = self.clients.uploading[usize::from(secure)]
            .get_or_init(|| self.clients.settings.uploading(secure).expect("its settings were tried"));
        client.post(url)
    }

    /// Runs an upload to its end; may be called from several threads at once.
    ///
    /// # Errors
    /// The runtime's threads could not be started.
    pub fn drive<T>(&self, what: impl Future<Output = T>) -> io::Result<T> {
        if self.clients.runtime.get().is_none() {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            let runtime = builder.worker_threads(WORKERS).thread_name("upload").enable_all().build()?;
            // If two threads build one at once, one is dropped.
            let _ = self.clients.runtime.set(runtime);
        }
        let runtime = self.clients.runtime.get().expect("it has just been made");
        Ok(runtime.handle().block_on(what))
    }

    /// The timeouts, which the sender of an upload enforces.
    pub fn patience(&self) -> Timeouts {
        self.patience
    }
}

/// Reads the body of a reply, up to `limit` bytes.
///
/// # Errors
/// The connection broke.
pub fn read_at_most(response: Response, limit: u64) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    response.take(limit).read_to_end(&mut body)?;
    Ok(body)
}

/// Returns a redirect to `https` as the reply, because the client for this machine has no certificates.
fn follow_here(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    if attempt.url().scheme() == "https" { attempt.stop() } else { follow(attempt) }
}

fn follow(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    if attempt.previous().len() > MOST_REDIRECTS {
        return attempt.error("too many redirects");
    }
    let checked = match attempt.previous().last() {
        Some(from) => check_from(from, attempt.url()),
        None => check(attempt.url()),
    };
    match checked {
        Ok(()) => attempt.follow(),
        Err(error) => attempt.error(error),
    }
}

impl Origin {
    fn of(environment: &Environment, patience: Timeouts) -> Result<Self, HttpError> {
        let except = environment.get("NO_PROXY").or_else(|| environment.get("no_proxy")).map(str::to_owned);
        let mut variables = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"].into_iter();
        let proxy = variables
            .find_map(|variable| Some((variable, environment.get(variable)?.to_owned(), except.clone())));
        Ok(Self { patience, bundles: bundles(environment)?, proxy })
    }

    fn settings(&self) -> Result<Settings, HttpError> {
        let mut roots = Vec::new();
        for Bundle { variable, path, pem } in &self.bundles {
            match Certificate::from_pem_bundle(pem) {
                Ok(certificates) if !certificates.is_empty() => roots.extend(certificates),
                _ => return Err(HttpError::Certificates { variable, path: path.clone() }),
            }
        }
        Ok(Settings { patience: self.patience, roots, identity: None, proxy: self.proxy()? })
    }

    /// Only `https` uses a proxy, because plain `http` never leaves this machine.
    fn proxy(&self) -> Result<Option<Proxy>, HttpError> {
        let Some((variable, address, except)) = &self.proxy else { return Ok(None) };
        let proxy = Proxy::https(address).map_err(|_| HttpError::Proxy { variable })?;
        Ok(Some(proxy.no_proxy(except.as_deref().and_then(NoProxy::from_string))))
    }
}

/// The variable that names the client certificate for an index.
pub fn client_certificate_variable(index: &str) -> String {
    format!("PYRELEASE_CLIENT_CERT_{}", in_a_variable(index))
}

/// Converts a name to a part of a variable's name: upper case, other characters become `_`.
pub fn in_a_variable(name: &str) -> String {
    let letter =
        |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { '_' };
    name.chars().map(letter).collect()
}

/// Loads the client certificate and its key.
fn identity(environment: &Environment, index: &str) -> Result<Option<Identity>, HttpError> {
    for setting in [client_certificate_variable(index), "SSL_CLIENT_CERT".to_owned()] {
        let Some(path) = environment.path(&setting) else { continue };
        let pem = match input::read(&path, LARGEST_BUNDLE) {
            Ok(pem) => pem,
            Err(source) => return Err(HttpError::Identity { setting, path, source }),
        };
        return match Identity::from_pem(&pem) {
            Ok(identity) => Ok(Some(identity)),
            Err(_) => Err(HttpError::NoIdentity { setting, path }),
        };
    }
    Ok(None)
}

/// The certificates to trust in addition to the platform's.
fn bundles(environment: &Environment) -> Result<Vec<Bundle>, HttpError> {
    let mut bundles: Vec<Bundle> = Vec::new();
    for variable in ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"] {
        let Some(path) = environment.path(variable) else { continue };
        if bundles.iter().any(|bundle| bundle.path == path) {
            continue;
        }
        match read_bundle(&path) {
            Ok(pem) => bundles.push(Bundle { variable, path, pem }),
            Err(source) => return Err(HttpError::Bundle { variable, path, source }),
        }
    }
    Ok(bundles)
}

/// Reads a file of certificates, or all those in a folder (`requests` accepts both).
fn read_bundle(path: &Path) -> io::Result<Vec<u8>> {
    let files = if path.is_dir() {
        let mut files = Vec::new();
        for entry in fs_err::read_dir(path)? {
            let file = entry?.path();
            if file.is_file() && file.extension().is_some_and(|ending| ending == "pem" || ending == "crt") {
                files.push(file);
            }
        }
        files
    } else {
        vec![path.to_owned()]
    };
    let mut bundle = Vec::new();
    for file in files {
        bundle.extend(input::read(&file, LARGEST_BUNDLE)?);
        if bundle.len() as u64 > LARGEST_BUNDLE {
            return Err(io::Error::other("too large for a bundle of certificates"));
        }
        bundle.push(b'\n');
    }
    Ok(bundle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_that_holds_no_certificate_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let environment = Environment::from_iter([("REQUESTS_CA_BUNDLE", path.as_os_str())]);
        assert!(matches!(Http::new(&environment), Err(HttpError::Bundle { .. })));
        fs_err::write(&path, "nothing of the kind").unwrap();
        let error = Http::new(&environment).unwrap_err();
        assert!(error.to_string().contains("REQUESTS_CA_BUNDLE"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn certificates_are_read_from_files_only() {
        for variable in ["REQUESTS_CA_BUNDLE", "SSL_CLIENT_CERT"] {
            let environment = Environment::from_iter([(variable, "/dev/zero")]);
            let error = Http::for_index(&environment, "corp", Timeouts::default()).unwrap_err();
            assert!(matches!(error, HttpError::Bundle { .. } | HttpError::Identity { .. }), "{error}");
        }
    }

    #[test]
    fn a_bundle_adds_to_the_certificates_of_the_platform() {
        let Some(platform) = ["/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem"]
            .into_iter()
            .map(Path::new)
            .find(|path| path.exists())
        else {
            return;
        };
        for bundle in [platform, platform.parent().unwrap()] {
            let environment = Environment::from_iter([("CURL_CA_BUNDLE", bundle.as_os_str())]);
            let origin = Origin::of(&environment, Timeouts::default()).unwrap();
            assert!(!origin.settings().unwrap().roots.is_empty());
            assert!(Http::new(&environment).is_ok());
        }
    }

    #[test]
    fn a_proxy_that_is_no_address_is_not_repeated() {
        let environment = Environment::from_iter([("HTTPS_PROXY", "http://alice:hunter2@:99999999/")]);
        let error = Http::new(&environment).unwrap_err();
        assert_eq!(error.to_string(), "`HTTPS_PROXY` is not a valid proxy URL");
    }
}
