//! Scans a member's content while it is streamed: for secrets, by their documented formats, and for encrypted Python
//! code.
//!
//! One pass of one automaton searches for the literal prefixes of all formats; the rest of a format is checked only
//! after a prefix is found. Binary members are skipped, as are those larger than PyPI scans.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

use super::secret::{SHAPES, Shape};

/// The largest member that is scanned, in bytes; PyPI's own bound
const LARGEST: u64 = 5 << 20;
/// The longest match, in bytes; a possible match this near to the end of a chunk waits for the next chunk
const REACH: usize = 512;
/// Bytes at a member's start that decide whether it is text
const TELLING: usize = 1024;
/// The most secrets that are reported for one member
const MOST: usize = 20;

/// A finding in a member
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanHit {
    pub member: String,
    /// Counted from 1
    pub line: usize,
    pub what: ScanHitKind,
}

/// What a scanner can find
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScanHitKind {
    /// A secret: its kind, and its first characters
    Secret { kind: &'static str, start: String },
    /// Python code encrypted by this tool
    Encrypted(&'static str),
}

/// The marks of encrypted code by tool; SourceDefender needs both of its marks
const ENCRYPTED: &[(&str, &str)] = &[
    ("PyArmor", "__pyarmor__(__name__, __file__,"),
    ("PyArmor", "__pyarmor_enter__"),
    ("PyArmor", "__pyarmor_exit__"),
    ("PyArmor", "__pyarmor_assert__"),
    ("PyArmor", "__pyarmor_bcc__"),
    (SOURCE_DEFENDER, "---BEGIN PYE FILE---"),
    (SOURCE_DEFENDER, "---END PYE FILE---"),
];
const SOURCE_DEFENDER: &str = "SourceDefender";

/// The marks first, then the secrets, so that a pattern's index identifies it
static AUTOMATON: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let marks = ENCRYPTED.iter().map(|(_, mark)| *mark);
    let patterns = marks.chain(SHAPES.iter().map(|shape| shape.prefix));
    AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostFirst)
        .build(patterns)
        .expect("a few short patterns fit into an automaton")
});

/// Scans one member's content, chunk by chunk
#[derive(Debug)]
pub(super) struct Scanner {
    member: String,
    /// Whether PyPI searches this kind of file for encrypted code
    is_python: bool,
    is_test: bool,
    started: bool,
    /// Whether there is nothing more to find
    done: bool,
    /// The end of the previous chunk, where a match may have begun
    carried: Vec<u8>,
    /// Line breaks before `carried`
    lines: usize,
    begins_pye: bool,
    found: Vec<ScanHit>,
}

impl Scanner {
    /// A scanner for a member with this path and size, unless such members are skipped.
    pub(super) fn new(member: &str, size: u64) -> Option<Self> {
        if size > LARGEST {
            return None;
        }
        let name = member.rsplit('/').next().unwrap_or(member);
        let ending = name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty());
        let ending = ending.map(|(_, ending)| ending.to_ascii_lowercase());
        Some(Self {
            member: member.to_owned(),
            is_python: matches!(ending.as_deref(), Some("py" | "pye")),
            is_test: is_test(member),
            started: false,
            done: false,
            carried: Vec::new(),
            lines: 0,
            begins_pye: false,
            found: Vec::new(),
        })
    }

    /// Scans the next chunk of the content.
    pub(super) fn feed(&mut self, piece: &[u8]) {
        if self.done || piece.is_empty() {
            return;
        }
        if !self.started {
            self.started = true;
            let start = &piece[..piece.len().min(TELLING)];
            self.done = !self.is_python && memchr::memchr(0, start).is_some();
            if self.done {
                return;
            }
        }
        let carried = self.carried.len();
        self.carried.extend_from_slice(&piece[..piece.len().min(REACH)]);
        if piece.len() <= REACH {
            if self.carried.len() > 8 * REACH {
                let ready = self.carried.len() - REACH;
                self.scan_carried(ready);
            }
            return;
        }
        self.scan_carried(carried);
        let ready = piece.len() - REACH;
        self.scan(piece, ready);
        self.lines += line_ends(&piece[..ready]);
        self.carried.clear();
        self.carried.extend_from_slice(&piece[ready..]);
    }

    /// The findings, at the end of the member.
    pub(super) fn finish(mut self) -> Vec<ScanHit> {
        if !self.done {
            let all = self.carried.len();
            self.scan_carried(all);
        }
        self.found
    }

    /// Scans the first `ready` bytes of `carried`, and removes them.
    fn scan_carried(&mut self, ready: usize) {
        let mut carried = std::mem::take(&mut self.carried);
        self.scan(&carried, ready);
        self.lines += line_ends(&carried[..ready]);
        carried.drain(..ready);
        self.carried = carried;
    }

    /// Records the matches that begin in the first `ready` bytes of a text.
    fn scan(&mut self, text: &[u8], ready: usize) {
        for found in AUTOMATON.find_iter(text) {
            if found.start() >= ready {
                break;
            }
            let what = match ENCRYPTED.get(found.pattern().as_usize()) {
                Some((tool, mark)) => self.encrypted(tool, mark),
                None if self.found.len() >= MOST => None,
                None => self.secret(
                    &SHAPES[found.pattern().as_usize() - ENCRYPTED.len()],
                    &text[..found.start()],
                    &text[found.start()..],
                ),
            };
            if let Some(what) = what {
                let line = self.lines + line_ends(&text[..found.start()]) + 1;
                self.found.push(ScanHit { member: self.member.clone(), line, what });
            }
        }
    }

    fn encrypted(&mut self, tool: &'static str, mark: &str) -> Option<ScanHitKind> {
        // One report of encrypted code is enough.
        let is_known = self.found.iter().any(|hit| matches!(hit.what, ScanHitKind::Encrypted(_)));
        if !self.is_python || is_known {
            return None;
        }
        // These two marks may come in either order, and both are required.
        if tool == SOURCE_DEFENDER {
            let is_begin = mark.contains("BEGIN");
            self.begins_pye |= is_begin;
            return (!is_begin && self.begins_pye).then_some(ScanHitKind::Encrypted(tool));
        }
        Some(ScanHitKind::Encrypted(tool))
    }

    fn secret(&self, shape: &Shape, before: &[u8], text: &[u8]) -> Option<ScanHitKind> {
        if self.is_test && shape.is_usual_in_tests {
            return None;
        }
        let length = shape.length(before.last().copied(), &text[..text.len().min(REACH)])?;
        let shown = length.min(shape.prefix.len() + 4);
        let start = String::from_utf8_lossy(&text[..shown]).into_owned();
        Some(ScanHitKind::Secret { kind: shape.kind, start })
    }
}

fn line_ends(text: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', text).count()
}

/// Whether a path seems to be that of a test, where keys are usually generated for it.
pub(crate) fn is_test(path: &str) -> bool {
    const FOLDERS: &[&str] =
        &["certs", "doc", "docs", "example", "examples", "fixtures", "testdata", "testing", "vectors"];
    path.split('/').any(|part| {
        let part = part.to_ascii_lowercase();
        let of_tests = ["test", "tests", "_test.py"].iter().any(|end| part.ends_with(end));
        part.starts_with("test") || of_tests || FOLDERS.contains(&part.as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scanned(member: &str, content: &[u8], piece: usize) -> Vec<ScanHit> {
        let mut scanner = Scanner::new(member, content.len() as u64).unwrap();
        content.chunks(piece).for_each(|piece| scanner.feed(piece));
        scanner.finish()
    }

    #[test]
    fn a_secret_is_found_across_chunks() {
        let token = format!("ghp_{}", "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17");
        let mut content = b"filler = 1\n".repeat(500);
        content.extend_from_slice(format!("token = '{token}'\n").as_bytes());
        content.extend(b"filler = 2\n".repeat(500));
        for piece in [1, 7, 64, 511, 512, 513, 1000, 5500, 5530, 20_000] {
            let found = scanned("demo/a.txt", &content, piece);
            assert_eq!(found.len(), 1, "in pieces of {piece}");
            assert_eq!(found[0].line, 501, "in pieces of {piece}");
            let what = ScanHitKind::Secret { kind: "GitHub token", start: "ghp_zQWB".to_owned() };
            assert_eq!(found[0].what, what);
        }
    }

    #[test]
    fn encrypted_code_is_found_only_in_python_files() {
        let armoured = b"from pytransform import x\n__pyarmor__(__name__, __file__, b'\\x50')\n";
        let found = scanned("demo/a.py", armoured, 10);
        assert_eq!((found[0].line, &found[0].what), (2, &ScanHitKind::Encrypted("PyArmor")));
        assert!(scanned("demo/a.txt", armoured, 10).is_empty());
        let defended = b"---BEGIN PYE FILE---\nabc\n---END PYE FILE---\n";
        assert_eq!(scanned("demo/a.PYE", defended, 100)[0].what, ScanHitKind::Encrypted("SourceDefender"));
        assert!(scanned("demo/a.py", b"---END PYE FILE---\n", 100).is_empty());
    }

    #[test]
    fn binary_and_large_members_are_skipped() {
        let token = format!("\0ghp_{}", "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17");
        assert!(scanned("demo/a.so", token.as_bytes(), 100).is_empty());
        assert!(Scanner::new("demo/a.json", LARGEST + 1).is_none());
    }

    #[test]
    fn the_number_of_secrets_is_limited() {
        let line = format!("ghp_{}\n", "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17");
        assert_eq!(scanned("a", line.repeat(1000).as_bytes(), 4096).len(), MOST);
        let and_code = line.repeat(1000) + &"__pyarmor_enter__\n".repeat(100);
        assert_eq!(scanned("a.py", and_code.as_bytes(), 4096).len(), MOST + 1);
    }
}
