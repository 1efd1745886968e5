//! entry_points.txt and WHEEL: any bytes in a wheel.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pyrelease::python::verdict::Place;
use pyrelease_fuzz::{judged, wheel};

fuzz_target!(|bytes: &[u8]| {
    let members: [(&str, &[u8]); 2] =
        [("demo-1.0.dist-info/WHEEL", bytes), ("demo-1.0.dist-info/entry_points.txt", bytes)];
    let judgement = judged(&wheel(&members), "demo-1.0-py3-none-any.whl");
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
    for finding in judgement.findings.iter().filter(|finding| finding.rule == "entry-points") {
        let Some(Place::Line { line, .. }) = &finding.place else { panic!("it has a line") };
        assert!((1..=lines).contains(line));
    }
});
