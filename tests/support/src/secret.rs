//! A password that must not leak.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use memchr::memmem;

use crate::base64::disguises;
use crate::canary::CANARY;
use crate::sandbox::Sandbox;
use crate::snapshot::files_in;

/// A unique random password
#[derive(Debug, Clone)]
pub struct Secret {
    text: String,
}

impl Secret {
    #[expect(clippy::new_without_default, reason = "each is another one")]
    pub fn new() -> Self {
        // The hasher's keys are random
        let random = || format!("{:016x}", RandomState::new().hash_one(()));
        Self { text: format!("{CANARY}-{}{}", random(), random()) }
    }

    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// Whether `bytes` contain it, plain or in base64.
    pub fn is_in(&self, bytes: &[u8]) -> bool {
        let forms = std::iter::once(self.text.clone()).chain(disguises(self.text.as_bytes()));
        forms.into_iter().any(|form| memmem::find(bytes, form.as_bytes()).is_some())
    }

    /// The files of the sandbox that contain it, also compressed, except those `allowed`.
    pub(crate) fn search(&self, sandbox: &Sandbox, allowed: &[PathBuf]) -> Vec<String> {
        let files = files_in(sandbox.root());
        let mut found = Vec::new();
        for path in files.iter().filter(|path| !allowed.contains(path)) {
            // The walk reaches a link's target itself, if it is in the sandbox.
            if !path.is_symlink() && contents(path).iter().any(|content| self.is_in(content)) {
                found.push(path.display().to_string());
            }
        }
        // Git's objects are compressed, singly or in packs.
        let heads = files.iter().filter(|path| path.ends_with("HEAD"));
        for repository in
            heads.filter_map(|path| path.parent()).filter(|folder| folder.join("objects").is_dir())
        {
            let objects = sandbox
                .command(repository, "git", &["cat-file", "--batch-all-objects", "--batch", "--unordered"])
                .stdout_capture()
                .run()
                .unwrap_or_else(|error| {
                    panic!("the objects of {} cannot be read: {error}", repository.display())
                });
            if self.is_in(&objects.stdout) {
                found.push(format!("{} (an object)", repository.display()));
            }
        }
        found
    }
}

/// The content of a file, and of its members if it is an archive.
fn contents(path: &Path) -> Vec<Vec<u8>> {
    let raw = fs_err::read(path).unwrap_or_else(|error| panic!("{error}"));
    let mut contents = Vec::new();
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("gz") => {
            let mut plain = Vec::new();
            // A truncated file is searched up to its end.
            let _ = flate2::read::MultiGzDecoder::new(raw.as_slice()).read_to_end(&mut plain);
            contents.push(plain);
        }
        Some("whl" | "zip") => {
            if let Ok(mut archive) = zip::ZipArchive::new(Cursor::new(&raw)) {
                for index in 0..archive.len() {
                    let mut plain = Vec::new();
                    if let Ok(mut member) = archive.by_index(index) {
                        let _ = member.read_to_end(&mut plain);
                    }
                    contents.push(plain);
                }
            }
        }
        _ => {}
    }
    contents.push(raw);
    contents
}

/// Records the command lines of all processes every few milliseconds; only on Linux
#[derive(Debug)]
pub struct CommandLines {
    over: Arc<AtomicBool>,
    thread: JoinHandle<BTreeSet<String>>,
}

impl CommandLines {
    /// Whether this system supports it.
    pub const SHOWN: bool = cfg!(target_os = "linux");

    pub fn watch() -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&over);
        let thread = std::thread::spawn(move || {
            let mut seen = BTreeSet::new();
            while !flag.load(Ordering::Relaxed) {
                seen.extend(present());
                std::thread::sleep(Duration::from_millis(3));
            }
            seen
        });
        Self { over, thread }
    }

    /// All recorded command lines, with blanks between the arguments.
    pub fn finish(self) -> Vec<String> {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().expect("the thread only reads").into_iter().collect()
    }
}

fn present() -> Vec<String> {
    let processes = fs_err::read_dir("/proc").into_iter().flatten().flatten();
    let is_process = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
    processes
        .filter(|entry| entry.file_name().to_str().is_some_and(is_process))
        // A process that has just ended has none.
        .filter_map(|entry| fs_err::read(entry.path().join("cmdline")).ok())
        .filter(|line| !line.is_empty())
        .map(|line| String::from_utf8_lossy(&line).trim_end_matches('\0').replace('\0', " "))
        .collect()
}
