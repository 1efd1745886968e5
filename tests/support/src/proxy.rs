//! A proxy in front of an index server that does to a connection what networks and tired servers do, and keeps what
//! every upload contained: proof that nothing was sent with two contents, and of what had happened by then.
//!
//! One request a connection: it is read, forwarded and answered by itself, so that each can have a [`Trouble`] of its
//! own.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

mod exchange;
mod form;

/// How long either side may keep the proxy waiting for a byte
const PATIENCE: Duration = Duration::from_secs(60);

/// What a request is for
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asked {
    /// A file is sent
    Upload,
    /// Anything else: what there is, or a file
    Listing,
}

/// What befalls one request
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// The connection is closed as soon as it is clear what is asked
    Refused,
    /// So many bytes of the body arrive at the server, then both sides find the connection closed
    CutRequest(usize),
    /// Nothing goes on until the client has gone away; the server never hears of the request
    Stuck,
    /// The server has it all and answers; the reply is kept back until the client has gone away
    Unanswered,
    /// The server has it all and answers; the connection is closed instead of the reply
    LostReply,
    /// So many bytes of the reply come through
    CutReply(usize),
    /// The proxy answers with this status; the server never hears of the request
    Failure(u16),
    /// The proxy says what PyPI does of a release that is older than 14 days; the server never hears of the request
    Closed,
    /// The server has it all and answers; what comes through is this status
    FailureAfterwards(u16),
    /// The proxy answers with this status and asks to be left alone for so many seconds; the server never hears of it
    Busy(u16, u64),
    /// The server has it all and answers; what comes through is nothing that a server would say
    Nonsense,
    /// The server has it all and answers; the reply comes byte by byte
    Drips,
    /// The proxy sends the client to the address it asks at
    Circles,
    /// The server gets the file without its last bytes, so many of them, and answers
    Truncated(usize),
    /// Everything takes so many milliseconds longer, before and after
    Late(u64),
    /// A page of which a byte in the middle was changed, so that it is no page any more
    Garbled,
    /// A page that says another sha256 for every file, as an index does whose files were replaced
    OtherHashes,
    /// The page as it was before anything was uploaded, as a cache gives it out
    Stale,
}

/// A file that came to the proxy whole
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    pub filename: String,
    /// Of its content, in lower-case hexadecimal
    pub sha256: String,
    /// Whether the server behind has seen it
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
    /// Uploads that are under way
    under_way: AtomicUsize,
    /// How many of them the server bears at once
    most: AtomicUsize,
    busy: Mutex<Vec<usize>>,
    /// Whether the server keeps other bytes than it was sent
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
    /// A proxy in front of the server that has these two addresses.
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

    /// Where files are uploaded.
    pub fn upload_url(&self) -> String {
        format!("http://{}{}", self.address, self.paths.0)
    }

    /// Where files are listed.
    pub fn simple_url(&self) -> String {
        format!("http://{}{}", self.address, self.paths.1)
    }

    /// What befalls the next requests of a kind, one after the other; `None` is spared.
    pub fn ahead(&self, asked: Asked, troubles: impl IntoIterator<Item = Option<Trouble>>) {
        locked(&self.shared.ahead).entry(asked).or_default().extend(troubles);
    }

    /// From now on everything goes well.
    pub fn calm(&self) {
        locked(&self.shared.ahead).clear();
    }

    /// From now on, whatever else happens, the server behind is one that keeps other bytes than it was sent, as its pages
    /// say: their hashes are others.
    pub fn spoil(&self) {
        self.shared.spoils.store(true, Ordering::SeqCst);
    }

    /// Calls this whenever an upload has begun, before a byte of it is forwarded.
    pub fn watch(&self, watch: impl Fn() + Send + Sync + 'static) {
        *locked(&self.shared.watch) = Some(Box::new(watch));
    }

    /// From now on the server behind does as PyPI's does: of uploads that overlap it bears so many, and fails at the others.
    /// Each takes a while.
    pub fn deadlocks_beyond(&self, most: usize) {
        self.shared.most.store(most, Ordering::SeqCst);
    }

    /// What has befallen requests so far.
    pub fn met(&self) -> Vec<Trouble> {
        locked(&self.shared.met).clone()
    }

    /// The files that came here whole, in their order.
    pub fn sent(&self) -> Vec<Sent> {
        locked(&self.shared.sent).clone()
    }
}

impl Proxy {
    /// How many uploads were under way when each began, itself included.
    pub fn busy(&self) -> Vec<usize> {
        locked(&self.shared.busy).clone()
    }
}

/// An upload under way, until dropped
struct UnderWay<'a>(&'a Shared);

impl Shared {
    /// Also gives what befalls it because of the others.
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
        // The listener sleeps until somebody comes.
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
            // Either side may go away at any time: that is what this is for.
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
