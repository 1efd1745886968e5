//! TAR archives: any bytes as what a source distribution unpacks to, or as the source distribution itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pyrelease_fuzz::{gzipped, judged};

fuzz_target!(|bytes: &[u8]| {
    let packed = if bytes.starts_with(&[0x1f, 0x8b]) { bytes.to_vec() } else { gzipped(bytes) };
    judged(&packed, "demo-1.0.tar.gz");
});
