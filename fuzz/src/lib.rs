//! What the targets share: a bound on memory, and archives around the bytes that the fuzzer makes.

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{Cursor, Write};
use std::sync::atomic::{AtomicUsize, Ordering};

use flate2::Compression;
use flate2::write::GzEncoder;
use pyrelease::python::verdict::{Judgement, judge};

/// The most memory that judging one file may hold at once, beside what is proportional to the file, in bytes
const MOST: usize = 64 << 20;
/// The most memory for each byte of the file: a member's name may be kept in several forms, and one byte deflates 1032
const PER_BYTE: usize = 4096;

/// What is held now, and the most that may be
static HELD: AtomicUsize = AtomicUsize::new(0);
static BOUND: AtomicUsize = AtomicUsize::new(usize::MAX);

/// The system's allocator, which ends the process where more is held than a target allows
struct Bounded;

#[global_allocator]
static ALLOCATOR: Bounded = Bounded;

impl Bounded {
    fn count(size: usize) {
        let held = HELD.fetch_add(size, Ordering::Relaxed).saturating_add(size);
        if held > BOUND.load(Ordering::Relaxed) {
            // Nothing may be allocated here, so that no more can be said.
            std::process::abort();
        }
    }
}

// SAFETY: every call goes to the system's allocator as it came; only sums are kept beside it.
unsafe impl GlobalAlloc for Bounded {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::count(layout.size());
        // SAFETY: the caller keeps what `alloc` demands.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::count(layout.size());
        // SAFETY: the caller keeps what `alloc_zeroed` demands.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps what `dealloc` demands.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        Self::count(size);
        // SAFETY: the caller keeps what `realloc` demands.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// Runs something that may hold only so much memory for an input of `size` bytes.
pub fn bounded<T>(size: usize, run: impl FnOnce() -> T) -> T {
    let held = HELD.load(Ordering::Relaxed);
    BOUND.store(held + MOST + size.saturating_mul(PER_BYTE), Ordering::Relaxed);
    let result = run();
    BOUND.store(usize::MAX, Ordering::Relaxed);
    result
}

/// Judges a file within the bounds, and looks whether the judgement can be shown.
pub fn judged(bytes: &[u8], filename: &str) -> Judgement {
    let judgement = bounded(bytes.len(), || judge(&mut Cursor::new(bytes), filename, bytes.len() as u64));
    for finding in &judgement.findings {
        assert!(finding.message.len() < 100_000, "a finding of {} bytes", finding.message.len());
        serde_json::to_string(finding).expect("a finding is JSON");
    }
    judgement
}

/// A wheel with these members, stored.
pub fn wheel(members: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in members {
        let mut crc = flate2::Crc::new();
        crc.update(content);
        let offset = file.len() as u32;
        let size = content.len() as u32;
        let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
        for number in [crc.sum(), size, size] {
            common.extend(number.to_le_bytes());
        }
        common.extend((name.len() as u16).to_le_bytes());
        common.extend([0, 0]);
        file.extend(b"PK\x03\x04");
        file.extend(&common);
        file.extend(name.as_bytes());
        file.extend(*content);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (start, size, count) = (file.len() as u32, directory.len() as u32, members.len() as u16);
    file.extend(directory);
    file.extend(b"PK\x05\x06\0\0\0\0");
    file.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
    file.extend([size.to_le_bytes(), start.to_le_bytes()].concat());
    file.extend([0, 0]);
    file
}

/// Bytes as a gzip stream, hardly packed.
pub fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}
