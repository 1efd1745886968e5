//! What a project says of itself: pyproject.toml, setup.cfg and setup.py.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use pyrelease::python::project::Project;
use pyrelease_fuzz::bounded;

fuzz_target!(|bytes: &[u8]| {
    let Some((which, content)) = bytes.split_first() else { return };
    let path = ["pyproject.toml", "setup.cfg", "setup.py"][usize::from(which % 3)];
    let files = BTreeMap::from([(path.to_owned(), content.to_vec())]);
    let _ = bounded(bytes.len(), || Project::read(&files));
});
