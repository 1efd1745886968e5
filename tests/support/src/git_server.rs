//! Serves a project's bare repository with git's own protocol (`git://`), so that a connection can break while the
//! remote continues a push.
//!
//! Each connection has its own `git upload-pack` or `git receive-pack` process, as on a forge, which no client can end.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The timeout for a byte of the client
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest wait for the remote
const LONGEST: Duration = Duration::from_secs(60);
const TICK: Duration = Duration::from_millis(5);
/// The file that the remote's hook creates when it has received a push
const RECEIVED: &str = "received";

/// Where to cut a push
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Nowhere
    None,
    /// After the remote has received everything: it continues, but its answer is lost
    Answer,
    /// In the middle of what the remote receives
    Request,
    /// Nothing arrives, and the connection stays open until the client leaves
    Silence,
}

struct Shared {
    repository: PathBuf,
    ending: AtomicBool,
    cuts: Mutex<Vec<Cut>>,
    /// The number of pushes that the remote is processing
    receiving: AtomicUsize,
    pushes: AtomicUsize,
}

impl Shared {
    fn next_cut(&self) -> Option<Cut> {
        let mut cuts = self.cuts.lock().unwrap_or_else(PoisonError::into_inner);
        if cuts.is_empty() { None } else { Some(cuts.remove(0)) }
    }
}

/// A running server; ends when dropped
pub struct GitServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl GitServer {
    /// Serves a bare repository.
    ///
    /// # Panics
    /// No port is free.
    pub fn before(repository: &Path) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let shared = Arc::new(Shared {
            repository: repository.to_owned(),
            ending: AtomicBool::new(false),
            cuts: Mutex::default(),
            receiving: AtomicUsize::new(0),
            pushes: AtomicUsize::new(0),
        });
        let thread = std::thread::spawn({
            let shared = shared.clone();
            move || {
                for client in listener.incoming().flatten() {
                    if shared.ending.load(Ordering::SeqCst) {
                        break;
                    }
                    let shared = shared.clone();
                    // A client that leaves early is not an error.
                    std::thread::spawn(move || serve(&shared, client));
                }
            }
        });
        Self { address, shared, thread: Some(thread) }
    }

    /// The URL for `git remote add`.
    pub fn url(&self) -> String {
        format!("git://{}/remote.git", self.address)
    }

    /// Delays the push of this number, counted from 1, after the remote has received it, as remotes that run checks do.
    pub fn take_time(&self, number: usize, seconds: f32) {
        let (number, seconds) = (number.to_string(), seconds.to_string());
        let variables = [("NUMBER", &*number), ("SECONDS", &seconds), ("RECEIVED", RECEIVED)];
        crate::remote::hook(&self.shared.repository, "pre-receive", &variables, include_str!("take_time.sh"));
    }

    /// Cuts the next push there; further cuts apply to the pushes after it.
    pub fn cut_next_push(&self, cut: Cut) {
        self.shared.cuts.lock().unwrap_or_else(PoisonError::into_inner).push(cut);
    }

    /// Cuts no further push.
    pub fn calm(&self) {
        self.shared.cuts.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The number of pushes that have begun.
    pub fn pushes(&self) -> usize {
        self.shared.pushes.load(Ordering::SeqCst)
    }

    /// Waits until the remote processes no push.
    ///
    /// # Panics
    /// The wait is too long.
    #[track_caller]
    pub fn settled(&self) {
        let began = Instant::now();
        while self.shared.receiving.load(Ordering::SeqCst) > 0 {
            assert!(began.elapsed() < LONGEST, "the remote is still at work on a push");
            std::thread::sleep(TICK);
        }
    }
}

impl Drop for GitServer {
    fn drop(&mut self) {
        self.shared.ending.store(true, Ordering::SeqCst);
        // Connect once, so that the blocked listener sees the end.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Serves one connection.
fn serve(shared: &Shared, mut client: TcpStream) -> io::Result<()> {
    client.set_read_timeout(Some(PATIENCE))?;
    let asked = packet(&mut client)?;
    let service = asked.split(' ').next().unwrap_or_default();
    let is_push = service == "git-receive-pack";
    if !is_push && service != "git-upload-pack" {
        return Err(io::Error::other(format!("no service `{service}`")));
    }
    let cut = if is_push { shared.next_cut() } else { None };
    if is_push {
        shared.pushes.fetch_add(1, Ordering::SeqCst);
        shared.receiving.fetch_add(1, Ordering::SeqCst);
    }
    let served = exchange(shared, service, &client, cut);
    if is_push {
        shared.receiving.fetch_sub(1, Ordering::SeqCst);
    }
    served
}

fn exchange(shared: &Shared, service: &str, client: &TcpStream, cut: Option<Cut>) -> io::Result<()> {
    let (their_input, mut input) = io::pipe()?;
    let (mut output, their_output) = io::pipe()?;
    let command = duct::cmd!("git", service.trim_start_matches("git-"), &shared.repository)
        .stdin_file(their_input)
        .stdout_file(their_output)
        .stderr_null()
        .unchecked();
    let child = command.start()?;
    drop(command);
    let mut from = client.try_clone()?;
    let feeding = std::thread::spawn(move || {
        let mut buffer = [0; 16 << 10];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            let part = if cut == Some(Cut::Request) { read / 2 } else { read };
            if input.write_all(&buffer[..part]).is_err() || part < read {
                let _ = from.shutdown(Shutdown::Both);
                break;
            }
        }
    });
    let mut to = client.try_clone()?;
    let is_over = Arc::new(AtomicBool::new(false));
    let cutting = (cut == Some(Cut::Answer)).then(|| {
        let (client, received, is_over) =
            (client.try_clone(), shared.repository.join(RECEIVED), is_over.clone());
        std::thread::spawn(move || {
            while !received.exists() && !is_over.load(Ordering::SeqCst) {
                std::thread::sleep(TICK);
            }
            client.map(|client| client.shutdown(Shutdown::Both))
        })
    });
    // The refs come first and end with a flush packet; the answer follows.
    let mut is_answer = false;
    let mut buffer = [0; 16 << 10];
    while let Ok(read @ 1..) = output.read(&mut buffer) {
        match cut {
            Some(Cut::Answer) if is_answer => drop(to.shutdown(Shutdown::Both)),
            Some(Cut::Silence) if is_answer => {}
            // The remote continues without its client.
            _ => drop(to.write_all(&buffer[..read])),
        }
        is_answer |= buffer[..read].ends_with(b"0000");
    }
    child.wait()?;
    is_over.store(true, Ordering::SeqCst);
    if let Some(cutting) = cutting {
        let _ = cutting.join();
        let _ = fs_err::remove_file(shared.repository.join(RECEIVED));
    }
    if cut != Some(Cut::Silence) {
        let _ = to.shutdown(Shutdown::Both);
    }
    let _ = feeding.join();
    Ok(())
}

/// The first packet of a connection, with the service and the repository.
fn packet(client: &mut TcpStream) -> io::Result<String> {
    let mut length = [0; 4];
    client.read_exact(&mut length)?;
    let length = std::str::from_utf8(&length).ok().and_then(|length| usize::from_str_radix(length, 16).ok());
    let length =
        length.and_then(|length| length.checked_sub(4)).ok_or_else(|| io::Error::other("no packet"))?;
    let mut text = vec![0; length];
    client.read_exact(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
