//! A position in a text, and functions that take what follows.

/// The rest of a text that is being parsed
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Advances by this many bytes and returns them.
    pub(super) fn advance(&mut self, bytes: usize) -> &'a str {
        let passed = &self.text[self.at..self.at + bytes];
        self.at += bytes;
        passed
    }

    /// Takes this text, if it is next.
    pub(super) fn take(&mut self, text: &str) -> bool {
        let next = self.rest().starts_with(text);
        if next {
            self.at += text.len();
        }
        next
    }

    /// Takes this text in any case, if it is next.
    pub(super) fn take_ignoring_case(&mut self, text: &str) -> bool {
        let next = self.rest().get(..text.len()).is_some_and(|next| next.eq_ignore_ascii_case(text));
        if next {
            self.at += text.len();
        }
        next
    }

    pub(super) fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        self.advance(rest.find(|letter| !wanted(letter)).unwrap_or(rest.len()))
    }

    /// Takes a word: this text, without a letter, digit or `_` before or after it.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let inside = self.text[..self.at].chars().next_back().is_some_and(is_word);
        let rest = self.rest();
        let next =
            !inside && rest.starts_with(word) && !rest[word.len()..].chars().next().is_some_and(is_word);
        if next {
            self.at += word.len();
        }
        next
    }

    /// Skips blanks and tabs.
    pub(super) fn skip_blanks(&mut self) -> bool {
        !self.take_while(|letter| matches!(letter, ' ' | '\t')).is_empty()
    }

    /// Whether the text ends here, or after one line break, which Python's `$` also accepts.
    pub(super) fn is_at_end(&self) -> bool {
        matches!(self.rest(), "" | "\n")
    }
}

/// What Python's `\w` matches.
pub(super) fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}
