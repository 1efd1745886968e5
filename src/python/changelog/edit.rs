//! Edits of a text that leave everything else as it is.

use std::ops::Range;

use super::Changelog;

/// A replacement of a byte range
pub(super) struct Edit {
    pub(super) span: Range<usize>,
    pub(super) text: String,
}

impl Changelog {
    pub(super) fn edited(&self, mut edits: Vec<Edit>) -> String {
        edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
        let mut text = String::with_capacity(self.text.len() + 512);
        let mut at = 0;
        for edit in edits {
            text.push_str(&self.text[at..edit.span.start]);
            text.push_str(&edit.text);
            at = edit.span.end;
        }
        text.push_str(&self.text[at..]);
        text
    }
}
