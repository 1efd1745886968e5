//! Refusals of requests, in PyPI's words.

use std::io;

/// The links in PyPI's refusals, by the first words of those
const LINKS: [(&str, Link); 11] = [
    ("Username/Password authentication", Link::Help("invalid-auth")),
    ("Invalid or non-existent authentication", Link::Help("invalid-auth")),
    ("The given token", Link::Help("project-name")),
    ("The user '", Link::Help("project-name")),
    ("The name '", Link::Help("project-name")),
    ("The description failed to render", Link::Help("description-content-type")),
    ("File already exists (", Link::Help("file-name-reuse")),
    ("File too large.", Link::Help("file-size-limit")),
    ("Invalid file extension:", Link::Page("https://www.python.org/dev/peps/pep-0527")),
    ("Invalid distribution file. ZIP archive", Link::Page("https://docs.pypi.org/archives")),
    ("Invalid distribution file. tar archive", Link::Page("https://docs.pypi.org/archives")),
];

/// Where PyPI refers to
#[derive(Clone, Copy)]
enum Link {
    /// A part of its help
    Help(&'static str),
    Page(&'static str),
}

/// A refusal of a request
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) message: String,
}

impl Refusal {
    /// Status 400, with the page that PyPI refers to in this case.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self::with_status(400, message)
    }

    pub(super) fn with_status(status: u16, message: impl Into<String>) -> Self {
        let message = message.into();
        let link = LINKS.iter().find(|(words, _)| message.starts_with(words)).map(|(_, link)| *link);
        let page = match link {
            Some(Link::Help(part)) => format!("https://pypi.org/help/#{part}"),
            Some(Link::Page(page)) => page.to_owned(),
            None => return Self { status, message },
        };
        Self { status, message: format!("{message} See {page} for more information.") }
    }

    /// About core metadata, with the page that PyPI refers to.
    pub(super) fn of_metadata(message: &str) -> Self {
        let page = "https://packaging.python.org/specifications/core-metadata";
        Self { status: 400, message: format!("{message} See {page} for more information.") }
    }
}

/// The index itself failed.
impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self { status: 500, message: error.to_string() }
    }
}

/// A refusal with status 400.
pub(super) fn refuse<T>(message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::new(message))
}
