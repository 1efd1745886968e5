//! What the forges of the tests share: a server on this machine that takes what the description of its interface allows and
//! nothing else, never answers what the description does not have, and has the troubles that a test gives it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::{Value, json};

use crate::plugin::github::description::{Asked, Description};

/// Something that goes wrong at the next request of a kind
#[derive(Debug, Clone)]
pub(crate) struct Trouble {
    pub(crate) operation: &'static str,
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) message: &'static str,
    /// What was asked for happens all the same
    pub(crate) happens: bool,
}

impl Trouble {
    pub(crate) fn new(operation: &'static str, status: u16, message: &'static str) -> Self {
        Self { operation, status, headers: Vec::new(), message, happens: false }
    }
}

/// What was asked of a forge
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) troubles: VecDeque<Trouble>,
    /// The operations that were asked for
    pub(crate) asked: Vec<String>,
    /// What was asked or answered against the description
    wrong: Vec<String>,
    /// Of the server
    pub(crate) address: String,
    number: u64,
}

impl Log {
    /// The number of something new.
    pub(crate) fn next(&mut self) -> u64 {
        self.number += 1;
        self.number
    }
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn new(status: u16, body: Value) -> Self {
        Self { status, headers: Vec::new(), body }
    }

    pub(crate) fn error(status: u16, message: &str) -> Self {
        Self::new(status, json!({"message": message, "documentation_url": "https://docs.github.com/rest"}))
    }

    /// A page of a list, with the way to the next one.
    pub(crate) fn page(asked: &Asked<'_>, size: &str, all: &[&Value], url: &str) -> Self {
        let number = |name: &str| asked.parameters.get(name).and_then(|value| value.parse::<usize>().ok());
        let (page, size) = (number("page").unwrap_or(1), number(size).unwrap_or(30).min(100));
        let after: Vec<&Value> = all.iter().skip((page - 1) * size).copied().collect();
        let mut reply = Self::new(200, json!(after.iter().take(size).collect::<Vec<_>>()));
        if after.len() > size {
            reply.headers.push(("link", format!("<{url}?page={}>; rel=\"next\"", page + 1)));
        }
        reply
    }
}

/// A kind of forge
pub(crate) trait Fake: Default + Send + 'static {
    fn description() -> &'static Description;
    fn log(&mut self) -> &mut Log;
    /// The path of a request below that of the interface.
    fn path<'a>(method: &Method, path: &'a str) -> Option<&'a str>;
    /// Whether the headers are those of a client that may ask; none if they are not as they should be.
    fn may_ask(header: &dyn Fn(&str) -> Option<String>) -> Option<bool>;
    fn answer(&mut self, asked: &Asked<'_>, bytes: &[u8]) -> Reply;
    /// The reply to a request that the description does not have, if the forge has it.
    fn answer_beside(&mut self, _path: &str, _bytes: &[u8]) -> Option<Reply> {
        None
    }
}

/// A forge, as long as the test lives
pub(crate) struct Server<F: Fake> {
    kept: Arc<Mutex<F>>,
    _runtime: tokio::runtime::Runtime,
}

impl<F: Fake> Server<F> {
    pub(crate) fn start() -> Self {
        let kept = Arc::<Mutex<F>>::default();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        // Read before anybody waits for an answer.
        F::description();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let server = Self { kept, _runtime: runtime };
        server.kept().log().address = format!("http://{}", listener.local_addr().expect("it has one"));
        let router = Router::new()
            .fallback(respond::<F>)
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(Arc::clone(&server.kept));
        server._runtime.spawn(async move { axum::serve(listener, router).await });
        server
    }

    pub(crate) fn kept(&self) -> MutexGuard<'_, F> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The URL of its pages.
    pub(crate) fn url(&self) -> String {
        self.kept().log().address.clone()
    }

    pub(crate) fn trouble(&self, trouble: Trouble) {
        self.kept().log().troubles.push_back(trouble);
    }

    /// What was asked since the last time.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.kept().log().asked)
    }
}

impl<F: Fake> Drop for Server<F> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let wrong = std::mem::take(&mut self.kept().log().wrong);
            assert!(wrong.is_empty(), "against the forge's description: {wrong:#?}");
        }
    }
}

type Response = (StatusCode, HeaderMap, String);

async fn respond<F: Fake>(
    State(kept): State<Arc<Mutex<F>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    bytes: Bytes,
) -> Response {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    let reply = reply(&mut *kept, &method, &uri, &headers, &bytes).unwrap_or_else(|wrong| {
        kept.log().wrong.push(wrong.clone());
        Reply::error(400, &wrong)
    });
    let mut fields = HeaderMap::new();
    for (name, value) in reply.headers {
        fields.insert(name, value.parse().expect("a header"));
    }
    let body = if reply.body.is_null() { String::new() } else { reply.body.to_string() };
    (StatusCode::from_u16(reply.status).expect("a status"), fields, body)
}

/// The reply to a request, or what is wrong with either.
fn reply<F: Fake>(
    kept: &mut F,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    bytes: &Bytes,
) -> Result<Reply, String> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let may_ask = F::may_ask(&header).filter(|_| header("user-agent").is_some());
    let may_ask = may_ask.ok_or_else(|| format!("the headers of {method} {uri}: {:?}", headers.keys()))?;
    if let (true, Some(reply)) = (may_ask, kept.answer_beside(uri.path(), bytes)) {
        return Ok(reply);
    }
    let address = reqwest::Url::parse(&format!("http://x{uri}")).map_err(|error| error.to_string())?;
    let path = F::path(method, uri.path()).ok_or_else(|| format!("{uri} is not part of the interface"))?;
    let query: Vec<_> = address.query_pairs().into_owned().collect();
    let content_type = header("content-type");
    let asked = F::description().request(method.as_str(), path, &query, (content_type.as_deref(), bytes))?;
    kept.log().asked.push(asked.operation.id.clone());
    let trouble =
        kept.log().troubles.front().filter(|trouble| trouble.operation == asked.operation.id).cloned();
    let mut reply = match may_ask {
        true => match &trouble {
            Some(trouble) if !trouble.happens => Reply::error(trouble.status, trouble.message),
            _ => kept.answer(&asked, bytes),
        },
        false => Reply::error(401, "Bad credentials"),
    };
    if let Some(trouble) = trouble {
        reply = Reply { headers: trouble.headers, ..Reply::error(trouble.status, trouble.message) };
        kept.log().troubles.pop_front();
    }
    F::description().reply(asked.operation, reply.status, &reply.body)?;
    Ok(reply)
}
