//! File digests: sha256 everywhere, and blake2b-256 because indexes ask for it.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;

use blake2b_simd::{Params, State};
use sha2::{Digest, Sha256};

/// Bytes per read
const CHUNK: usize = 128 << 10;
/// Files of at least this many bytes get one thread per digest: a large file is often the only one.
const LARGE: u64 = 8 << 20;
/// How many chunks the reader may be ahead of the second thread
const AHEAD: usize = 4;

/// Digests in lower-case hexadecimal, and the size
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digests {
    pub sha256: String,
    pub blake2_256: String,
    /// In bytes
    pub size: u64,
}

impl Digests {
    /// Reads to the end in constant memory.
    pub fn of(mut bytes: impl Read) -> io::Result<Self> {
        let mut hashing = Hashing::default();
        let mut chunk = vec![0; CHUNK];
        loop {
            match bytes.read(&mut chunk) {
                Ok(0) => return Ok(hashing.finish()),
                Ok(read) => hashing.update(&chunk[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Digests {
    /// Reads a file of about `size` bytes once and returns its digests.
    pub fn of_file(mut file: impl Read, size: u64) -> io::Result<Self> {
        if size < LARGE || thread::available_parallelism().map_or(1, usize::from) < 2 {
            return Self::of(file);
        }
        thread::scope(|scope| {
            let (sender, receiver) = sync_channel::<Arc<[u8]>>(AHEAD);
            let other = scope.spawn(move || {
                let mut blake2 = blake2b_256();
                receiver.iter().for_each(|chunk| {
                    blake2.update(&chunk);
                });
                hex(blake2.finalize().as_bytes())
            });
            let (mut sha256, mut size) = (Sha256::default(), 0);
            let mut chunk = vec![0; CHUNK];
            loop {
                match file.read(&mut chunk) {
                    Ok(0) => break,
                    Ok(read) => {
                        // The send cannot fail before the thread ends, and the thread ends when the sender is dropped.
                        let _ = sender.send(Arc::from(&chunk[..read]));
                        sha256.update(&chunk[..read]);
                        size += read as u64;
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            drop(sender);
            let blake2_256 = other.join().map_err(|_| io::Error::other("a digest panicked"))?;
            Ok(Self { sha256: hex(&sha256.finalize()), blake2_256, size })
        })
    }
}

/// Incremental digests
pub struct Hashing {
    sha256: Sha256,
    blake2: State,
    size: u64,
}

impl Default for Hashing {
    fn default() -> Self {
        Self { sha256: Sha256::default(), blake2: blake2b_256(), size: 0 }
    }
}

impl Hashing {
    pub fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        self.blake2.update(bytes);
        self.size += bytes.len() as u64;
    }

    /// Bytes hashed so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn finish(self) -> Digests {
        Digests {
            sha256: hex(&self.sha256.finalize()),
            blake2_256: hex(self.blake2.finalize().as_bytes()),
            size: self.size,
        }
    }
}

fn blake2b_256() -> State {
    Params::new().hash_length(32).to_state()
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |half: u8| char::from(DIGITS[usize::from(half)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digests_of_nothing_are_the_known_ones() {
        let digests = Digests::of(io::empty()).unwrap();
        assert_eq!(digests.sha256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(digests.blake2_256, "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
        assert_eq!(digests.size, 0);
    }

    #[test]
    fn a_large_file_has_the_digests_that_its_bytes_have() {
        let bytes: Vec<u8> = (0..LARGE as u32 + 12_345).map(|place| (place % 251) as u8).collect();
        assert_eq!(
            Digests::of_file(&bytes[..], bytes.len() as u64).unwrap(),
            Digests::of(&bytes[..]).unwrap()
        );
    }
}
