//! What `setup.py` takes from elsewhere, as far as it can be told without running it.

use super::statements::{self, AssignedValue};
use super::{Files, text_of};

/// The file that assigns a plain string to a name that `setup.py` uses: itself, or one that it reads.
pub(super) fn defining_file(files: &dyn Files, setup_py: &str, name: &str) -> Option<String> {
    if is_plain(setup_py, name) {
        return Some("setup.py".to_owned());
    }
    let mut named = statements::named_files(setup_py).into_iter();
    named.find(|path| text_of(files, path).is_ok_and(|text| is_plain(&text, name)))
}

/// Whether a module assigns a plain string to the name, once.
pub(super) fn is_plain(text: &str, name: &str) -> bool {
    matches!(statements::assignments(text, name).as_slice(), [one] if matches!(one.given, AssignedValue::Text(_)))
}
