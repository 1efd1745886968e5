//! A proxy in front of an index server that injects faults of networks and servers, and records the content of every
//! upload.
//!
//! Each connection carries one request, so that each can have its own [`Trouble`].

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

mod exchange;
mod form;

/// The timeout for a byte of either side
const PATIENCE: Duration = Duration::from_secs(60);

/// The kind of a request
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asked {
    /// An upload
    Upload,
    /// Any other request: for a page or a file
    Listing,
}

/// The fault of one request
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// Closes the connection after the request's head
    Refused,
    /// Closes both connections after this many bytes of the body
    CutRequest(usize),
    /// Waits until the client disconnects, and does not forward the request
    Stuck,
    /// Forwards the request, and withholds the reply until the client disconnects
    Unanswered,
    /// Forwards the request, and closes the connection instead of the reply
    LostReply,
    /// Forwards this many bytes of the reply
    CutReply(usize),
    /// Replies with this status, and does not forward the request
    Failure(u16),
    /// Replies as PyPI does for a release that is older than 14 days, and does not forward the request
    Closed,
    /// Forwards the request, but replies with this status
    FailureAfterwards(u16),
    /// Replies with this status and `Retry-After` in seconds, and does not forward the request
    Busy(u16, u64),
    /// Forwards the request, but replies with garbage
    Nonsense,
    /// Forwards the request, and sends the reply byte by byte
    Drips,
    /// Redirects the client to the URL of the request
    Circles,
    /// Forwards the file without its last bytes, this many
    Truncated(usize),
    /// Delays the request and the reply by this many milliseconds
    Late(u64),
    /// Changes a byte of the page, so that it cannot be parsed
    Garbled,
    /// Changes the sha256 of every file on the page, as if the index had replaced them
    OtherHashes,
    /// Returns the page from before the first upload, as a cache does
    Stale,
}

/// A file that the proxy received completely
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    pub filename: String,
    /// The sha256 of its content, in lower-case hexadecimal
    pub sha256: String,
    /// Whether it was forwarded to the server
    pub arrived: bool,
}

type Watch = Box<dyn Fn() + Send + Sync>;

struct Shared {
    upstream: String,
    ending: AtomicBool,
    ahead: Mutex<BTreeMap<Asked, VecDeque<Option<Trouble>>>>,
    met: Mutex<Vec<Trouble>>,
    sent: Mutex<Vec<Sent>>,
    watch: Mutex<Option<Watch>>,
    /// The number of uploads in progress
    under_way: AtomicUsize,
    /// How many parallel uploads the server accepts
    most: AtomicUsize,
    busy: Mutex<Vec<usize>>,
    /// Whether the server stores other bytes than it was sent
    spoils: AtomicBool,
}

/// A running proxy; ends when dropped
pub struct Proxy {
    address: SocketAddr,
    /// The paths below which files are uploaded and listed
    paths: (String, String),
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Starts a proxy in front of the server with these two URLs.
    ///
    /// # Panics
    /// They are not on one server of this machine.
    pub fn before(upload: &str, simple: &str) -> Self {
        let (upstream, uploads) = split(upload);
        let (other, listings) = split(simple);
        assert_eq!(upstream, other, "the addresses of one server");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let shared = Arc::new(Shared {
            upstream,
            ending: AtomicBool::new(false),
            ahead: Mutex::default(),
            met: Mutex::default(),
            sent: Mutex::default(),
            watch: Mutex::default(),
            under_way: AtomicUsize::new(0),
            most: AtomicUsize::new(usize::MAX),
            busy: Mutex::default(),
            spoils: AtomicBool::new(false),
        });
        let serving = shared.clone();
        let thread = thread::spawn(move || serve(&listener, &serving));
        Self { address, paths: (uploads, listings), shared, thread: Some(thread) }
    }

    /// The upload URL.
    pub fn upload_url(&self) -> String {
        format!("http://{}{}", self.address, self.paths.0)
    }

    /// The URL of the simple API.
    pub fn simple_url(&self) -> String {
        format!("http://{}{}", self.address, self.paths.1)
    }

    /// Sets the faults of the next requests of a kind, in order; `None` is for no fault.
    pub fn ahead(&self, asked: Asked, troubles: impl IntoIterator<Item = Option<Trouble>>) {
        locked(&self.shared.ahead).entry(asked).or_default().extend(troubles);
    }

    /// Removes all faults.
    pub fn calm(&self) {
        locked(&self.shared.ahead).clear();
    }

    /// Makes the server one that stores other bytes than it was sent: its pages list other hashes.
    pub fn spoil(&self) {
        self.shared.spoils.store(true, Ordering::SeqCst);
    }

    /// Calls `watch` whenever an upload begins, before a byte of it is forwarded.
    pub fn watch(&self, watch: impl Fn() + Send + Sync + 'static) {
        *locked(&self.shared.watch) = Some(Box::new(watch));
    }

    /// Makes the server slow and limited like PyPI's: it fails on more than this many overlapping uploads.
    pub fn deadlocks_beyond(&self, most: usize) {
        self.shared.most.store(most, Ordering::SeqCst);
    }

    /// The faults so far.
    pub fn met(&self) -> Vec<Trouble> {
        locked(&self.shared.met).clone()
    }

    /// The files that were received completely, in order.
    pub fn sent(&self) -> Vec<Sent> {
        locked(&self.shared.sent).clone()
    }
}

impl Proxy {
    /// The number of uploads in progress when each began, including itself.
    pub fn busy(&self) -> Vec<usize> {
        locked(&self.shared.busy).clone()
    }
}

/// An upload in progress, until dropped
struct UnderWay<'a>(&'a Shared);

impl Shared {
    /// Also returns the fault that the overlapping uploads cause.
    fn begin_upload(&self) -> (UnderWay<'_>, Option<Trouble>) {
        let mut busy = locked(&self.busy);
        let together = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        busy.push(together);
        let most = self.most.load(Ordering::SeqCst);
        let deadlock = (together > most).then_some(Trouble::Failure(500));
        let slow = (most < usize::MAX).then_some(Trouble::Late(50));
        (UnderWay(self), deadlock.or(slow))
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.ending.store(true, Ordering::SeqCst);
        // Connect once to wake the listener.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn next(&self, asked: Asked) -> Option<Trouble> {
        let trouble = locked(&self.ahead).get_mut(&asked).and_then(VecDeque::pop_front).flatten();
        locked(&self.met).extend(trouble);
        trouble
    }
}

fn serve(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut exchanges = Vec::new();
    for client in listener.incoming() {
        if shared.ending.load(Ordering::SeqCst) {
            break;
        }
        let Ok(client) = client else { continue };
        let shared = shared.clone();
        exchanges.push(thread::spawn(move || {
            // Either side may disconnect at any time; that is expected here.
            let _ = bounded(&client).and_then(|()| exchange::exchange(&client, &shared));
        }));
        exchanges.retain(|exchange| !exchange.is_finished());
    }
    for exchange in exchanges {
        let _ = exchange.join();
    }
}

fn bounded(stream: &TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))
}

fn split(url: &str) -> (String, String) {
    let rest = url.strip_prefix("http://127.0.0.1:").expect("a server of this machine");
    let (port, path) = rest.split_once('/').expect("an address with a path");
    (format!("127.0.0.1:{port}"), format!("/{path}"))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
