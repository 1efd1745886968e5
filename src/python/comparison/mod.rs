//! Compares a release as it is published with the one that was built here from the same commit: by its metadata, and by
//! the members of its source distribution.

mod metadata;
mod sdist;

pub use metadata::of_metadata;
pub use sdist::{SdistMembers, of_sdists};

/// The most examples in a message
const MOST: usize = 5;

/// A difference between what is published and what was built here
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// Whether users may get something else than was released; tools of other versions do not explain it
    pub is_serious: bool,
    /// For people
    pub text: String,
}

impl Difference {
    pub fn serious(text: impl Into<String>) -> Self {
        Self { is_serious: true, text: text.into() }
    }

    pub fn minor(text: impl Into<String>) -> Self {
        Self { is_serious: false, text: text.into() }
    }
}

/// The first of the names, and how many more there are.
pub fn examples<S: AsRef<str>>(names: &[S]) -> String {
    let shown: Vec<&str> = names.iter().take(MOST).map(AsRef::as_ref).collect();
    match names.len().saturating_sub(MOST) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
