//! Splits shell scripts into commands, as far as finding an upload needs it.

/// How far the end of `${` is searched, in bytes
const FARTHEST: usize = 2_000;

/// A simple command
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    pub words: Vec<String>,
    /// The line of its first word, counted from 0
    pub line: usize,
}

/// The commands of a script, those in `$(…)`, in conditions and in functions too. Comments and here-documents are none.
pub(super) fn commands(script: &str) -> Vec<Command> {
    let mut splitter = Splitter { rest: script, ..Splitter::default() };
    while let Some(letter) = splitter.rest.chars().next() {
        splitter.step(letter);
    }
    splitter.end_command();
    splitter.commands
}

#[derive(Default)]
struct Splitter<'a> {
    rest: &'a str,
    line: usize,
    word: String,
    /// The word exists, though it may be empty: `''`
    in_word: bool,
    words: Vec<String>,
    /// The next word is the file of a redirection
    skips_next: bool,
    first_line: usize,
    /// The ends of here-documents that begin on the next line
    awaited: Vec<String>,
    commands: Vec<Command>,
}

impl Splitter<'_> {
    fn step(&mut self, letter: char) {
        match letter {
            '\\' | '`' if self.continues() => {}
            '\\' => {
                self.skip(1);
                if let Some(escaped) = self.rest.chars().next() {
                    self.push(escaped);
                }
            }
            '\n' => {
                self.end_command();
                self.skip(1);
                self.skip_documents();
            }
            '\'' => self.quoted('\''),
            '"' => self.quoted('"'),
            '$' if self.rest.starts_with("${{") => self.copy_until("}}"),
            '$' if self.rest.starts_with("${") => self.copy_until("}"),
            '#' if !self.in_word => self.skip(self.rest.find('\n').unwrap_or(self.rest.len())),
            '<' if self.rest.starts_with("<<<") => self.skip_redirect(3),
            '<' if self.rest.starts_with("<<") => self.begin_document(),
            '<' | '>' => {
                let length = self.rest.find(|letter| !"<>&|0123456789-".contains(letter));
                let length = length.unwrap_or(self.rest.len());
                // `>&2` names no file.
                let names_a_file = !self.rest[..length].contains('&');
                self.skip_redirect(length);
                self.skips_next = names_a_file;
            }
            '&' if self.rest.starts_with("&>") => self.skip(1),
            ';' | '&' | '|' | '(' | ')' | '`' => {
                self.end_command();
                self.skip(1);
            }
            _ if letter.is_whitespace() => {
                self.end_word();
                self.skip(letter.len_utf8());
            }
            _ => self.push(letter),
        }
    }

    /// Skips the mark at the end of a line that continues on the next one: `\`, or PowerShell's `` ` ``.
    fn continues(&mut self) -> bool {
        let rest = &self.rest[1..];
        let length = if rest.starts_with("\r\n") { 2 } else { usize::from(rest.starts_with('\n')) };
        if length > 0 {
            self.end_word();
            self.skip(1 + length);
        }
        length > 0
    }

    /// Adds the next letter to the word.
    fn push(&mut self, letter: char) {
        self.begin_word();
        self.word.push(letter);
        self.skip(letter.len_utf8());
    }

    fn begin_word(&mut self) {
        if !self.in_word && self.words.is_empty() {
            self.first_line = self.line;
        }
        self.in_word = true;
    }

    fn skip(&mut self, bytes: usize) {
        let (skipped, rest) = self.rest.split_at(bytes.min(self.rest.len()));
        self.line += skipped.matches('\n').count();
        self.rest = rest;
    }

    /// Adds all up to the end and the end itself, or nothing but one letter if there is no end.
    fn copy_until(&mut self, end: &str) {
        self.begin_word();
        let near = &self.rest.as_bytes()[..self.rest.len().min(FARTHEST)];
        let length = memchr::memmem::find(near, end.as_bytes()).map_or(1, |at| at + end.len());
        self.word.push_str(&self.rest[..length]);
        self.skip(length);
    }

    fn quoted(&mut self, quote: char) {
        self.begin_word();
        self.skip(1);
        while let Some(letter) = self.rest.chars().next() {
            if letter == quote {
                return self.skip(1);
            }
            if quote == '"' && letter == '\\' {
                self.skip(1);
            }
            let Some(letter) = self.rest.chars().next() else { return };
            self.push(letter);
        }
    }

    fn skip_redirect(&mut self, bytes: usize) {
        self.end_word();
        self.skip(bytes);
        self.skips_next = true;
    }

    /// `<<END`, `<<-'END'`
    fn begin_document(&mut self) {
        self.skip_redirect(2);
        let rest = self.rest.trim_start_matches(['-', ' ', '\'', '"', '\\']);
        let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len());
        if end > 0 {
            self.awaited.push(rest[..end].to_owned());
        }
    }

    fn skip_documents(&mut self) {
        for end in std::mem::take(&mut self.awaited) {
            while !self.rest.is_empty() {
                let line = self.rest.lines().next().unwrap_or_default().trim();
                let is_end = line == end;
                self.skip(self.rest.find('\n').map_or(self.rest.len(), |at| at + 1));
                if is_end {
                    break;
                }
            }
        }
    }

    fn end_word(&mut self) {
        if std::mem::take(&mut self.in_word) {
            let word = std::mem::take(&mut self.word);
            if !std::mem::take(&mut self.skips_next) {
                self.words.push(word);
            }
        }
    }

    fn end_command(&mut self) {
        self.end_word();
        self.skips_next = false;
        let mut words = std::mem::take(&mut self.words);
        let keywords = ["if", "then", "else", "elif", "do", "while", "until", "!", "{", "}", "time"];
        let own = words.iter().position(|word| !keywords.contains(&word.as_str())).unwrap_or(words.len());
        words.drain(..own);
        if !words.is_empty() {
            self.commands.push(Command { words, line: self.first_line });
        }
    }
}
