//! What breaks or gets lost on PyPI.

use serde::Serialize;

/// What happens to a part of a description
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum LossKind {
    /// A link to a path, or to an anchor that does not exist
    Link,
    /// An image that is not shown
    Image,
    /// An element that is dropped; its content stays
    Element,
    /// An element whose tags are shown as text
    Shown,
    Attribute,
    /// Text between two dollar signs that is typeset as a formula
    Formula,
    /// The description is not rendered
    Description,
}

/// One thing that breaks or gets lost
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Loss {
    pub kind: LossKind,
    pub message: String,
    /// The first line of the description where it happens, counted from 1, if known
    pub line: Option<usize>,
    pub help: Option<&'static str>,
}

impl Loss {
    pub(super) fn new(kind: LossKind, message: String) -> Self {
        let help = match kind {
            LossKind::Link | LossKind::Image => {
                Some("use an absolute URL, such as that of the file in the repository")
            }
            LossKind::Formula => {
                Some("write one of the dollar signs as code, or in Markdown as `<span>$</span>`")
            }
            LossKind::Element | LossKind::Shown | LossKind::Attribute | LossKind::Description => None,
        };
        Self { kind, message, line: None, help }
    }

    pub(super) fn help(mut self, help: &'static str) -> Self {
        self.help = Some(help);
        self
    }

    pub(super) fn at(mut self, line: Option<usize>) -> Self {
        self.line = line;
        self
    }
}

/// Losses without repetition, numbered from 1
#[derive(Debug, Default)]
pub(super) struct Losses {
    found: Vec<Loss>,
    /// How many more were found than are listed
    more: usize,
}

/// The most losses that are listed
const MOST: usize = 100;

impl Losses {
    /// The number of a loss; none if there are too many.
    pub(super) fn number(&mut self, loss: Loss) -> Option<usize> {
        let is_same = |known: &Loss| known.kind == loss.kind && known.message == loss.message;
        if let Some(at) = self.found.iter().position(is_same) {
            return Some(at + 1);
        }
        if self.found.len() == MOST {
            self.more += 1;
            return None;
        }
        self.found.push(loss);
        Some(self.found.len())
    }

    pub(super) fn get(&self, number: usize) -> Option<&Loss> {
        self.found.get(number.checked_sub(1)?)
    }

    pub(super) fn into_list(self) -> (Vec<Loss>, usize) {
        (self.found, self.more)
    }
}

/// A text in a message: one line, and not too long.
pub(super) fn excerpt(text: &str) -> String {
    const LONGEST: usize = 80;
    let mut words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((at, _)) = words.char_indices().nth(LONGEST) {
        words.truncate(at);
        words.push('…');
    }
    words.replace('`', "'")
}
