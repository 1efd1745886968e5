//! Core metadata: any bytes, by themselves and judged in a wheel.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pyrelease::python::metadata::Metadata;
use pyrelease_fuzz::{bounded, judged, wheel};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(metadata) = bounded(bytes.len(), || Metadata::parse(bytes)) {
        let lines = bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() + 1;
        assert!(metadata.headers().iter().all(|header| (1..=lines).contains(&header.line)));
        assert!(metadata.headers().len() + metadata.defects().len() <= lines + 1);
        bounded(bytes.len(), || metadata.form_fields());
    }
    let judgement = judged(&wheel(&[("demo-1.0.dist-info/METADATA", bytes)]), "demo-1.0-py3-none-any.whl");
    assert!(!judgement.is_accepted(), "there is no RECORD");
});
