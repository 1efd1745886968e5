//! Names: of files, of projects, and versions.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pyrelease::python::filename::{Filename, escape, is_project_name, normalize};
use pyrelease::python::version::ExactVersion;
use pyrelease_fuzz::judged;

fuzz_target!(|text: &str| {
    if let Ok(name) = text.parse::<Filename>() {
        let again: Filename = name.to_string().parse().expect("the normal form is a name");
        assert_eq!(again, name);
        assert!(is_project_name(name.name()));
    }
    if let Ok(version) = text.parse::<ExactVersion>() {
        let normal = version.to_string();
        let again: ExactVersion = normal.parse().expect("the normal form is a version");
        assert!(again == version && again.to_string() == normal);
    }
    let normal = normalize(text);
    assert_eq!(normalize(&normal), normal);
    assert_eq!(normalize(&escape(text)), normal);
    judged(b"", text);
});
