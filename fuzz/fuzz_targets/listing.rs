//! Pages of the simple API: any bytes as JSON and as HTML, from wherever an index is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pyrelease::index::{IndexAddress, Listing};
use pyrelease_fuzz::bounded;

fuzz_target!(|bytes: &[u8]| {
    let base = IndexAddress::pypi().project_url("demo").expect("PyPI lists its files");
    for kind in ["application/vnd.pypi.simple.v1+json", "text/html"] {
        let listing = match bounded(bytes.len(), || Listing::read(kind, bytes, &base)) {
            Ok(listing) => listing,
            Err(error) => {
                let text = error.to_string();
                assert!(text.len() < 10_000 && !text.chars().any(char::is_control), "{text:?}");
                continue;
            }
        };
        for file in &listing.files {
            if let Some(sha256) = &file.sha256 {
                let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
                assert!(sha256.len() == 64 && sha256.bytes().all(is_digit), "{sha256}");
            }
        }
        if let Some(window) = listing.window("1.0") {
            assert!(window.opened < window.closes);
        }
    }
});
