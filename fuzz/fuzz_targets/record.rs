//! RECORD: any bytes, by themselves and in a wheel.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pyrelease::python::archive::Record;
use pyrelease_fuzz::{bounded, judged, wheel};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(record) = bounded(bytes.len(), || Record::parse(bytes, 1000)) {
        assert!(record.entries.len() <= 1000 && record.entries.iter().all(|entry| !entry.path.is_empty()));
    }
    let metadata = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n";
    let members: [(&str, &[u8]); 4] = [
        ("demo/__init__.py", b"x = 1\n"),
        ("demo-1.0.dist-info/WHEEL", b""),
        ("demo-1.0.dist-info/METADATA", metadata),
        ("demo-1.0.dist-info/RECORD", bytes),
    ];
    judged(&wheel(&members), "demo-1.0-py3-none-any.whl");
});
