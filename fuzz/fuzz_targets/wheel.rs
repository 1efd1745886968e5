//! ZIP archives: any bytes as a wheel.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pyrelease_fuzz::judged;

fuzz_target!(|bytes: &[u8]| {
    judged(bytes, "demo-1.0-py3-none-any.whl");
});
