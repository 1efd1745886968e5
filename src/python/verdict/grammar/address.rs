//! Finds the address in an `Author-email` as Python's `email.utils.parseaddr` does.
//!
//! PyPI checks the result. There is none if the field has two addresses or cannot be parsed.

const SPECIALS: &str = "()<>@,:;.\"[]";
/// The deepest nesting of comments and groups
const DEEPEST: usize = 50;

/// The only address in the field; none if PyPI would check none.
pub(in crate::python::verdict) fn parse_address(field: &str) -> Option<String> {
    if !has_balanced_parentheses(field) {
        return None;
    }
    let mut reader = Reader { text: field.chars().collect(), at: 0, depth: 0 };
    let mut addresses = Vec::new();
    while reader.at < reader.text.len() {
        let before = reader.at;
        match reader.address() {
            found if found.is_empty() => addresses.push(String::new()),
            found => addresses.extend(found),
        }
        // Two addresses count as none, and every step must advance.
        if addresses.len() > 1 || reader.at == before {
            return None;
        }
    }
    addresses.pop().filter(|address| !address.is_empty() && !address.contains('['))
}

/// Whether every parenthesis outside of quotes is closed; `\\` escapes any character.
fn has_balanced_parentheses(field: &str) -> bool {
    let mut letters = field.chars();
    // If a quote never ends, the count from its beginning applies again.
    let (mut open, mut quoted, mut in_quotes) = (Some(0_usize), false, Vec::new());
    let mut count = |letter| {
        open = match letter {
            '(' => open.map(|open| open + 1),
            ')' => open.and_then(|open| open.checked_sub(1)),
            _ => open,
        }
    };
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => drop(letters.next()),
            '"' => {
                quoted = !quoted;
                in_quotes.clear();
            }
            _ if quoted => in_quotes.push(letter),
            _ => count(letter),
        }
    }
    in_quotes.into_iter().for_each(&mut count);
    open == Some(0)
}

struct Reader {
    text: Vec<char>,
    at: usize,
    depth: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    /// Skips blanks, line breaks and comments; returns the blanks.
    fn skip(&mut self) -> String {
        let mut blanks = String::new();
        while let Some(letter) = self.peek() {
            match letter {
                ' ' | '\t' => blanks.push(letter),
                '\n' | '\r' => {}
                '(' => {
                    self.delimited(')', true);
                    continue;
                }
                _ => break,
            }
            self.at += 1;
        }
        blanks
    }

    fn address(&mut self) -> Vec<String> {
        self.skip();
        let start = self.at;
        let phrase = self.phrase();
        self.skip();
        let found = match self.peek() {
            None => phrase.into_iter().take(1).collect(),
            Some('.' | '@') => {
                self.at = start;
                vec![self.address_text()]
            }
            Some(':') => self.group(),
            Some('<') => vec![self.in_brackets()],
            Some(letter) => {
                if phrase.is_empty() && SPECIALS.contains(letter) {
                    self.at += 1;
                }
                phrase.into_iter().take(1).collect()
            }
        };
        self.skip();
        if self.peek() == Some(',') {
            self.at += 1;
        }
        found
    }

    /// A group: `name: address, address;`.
    fn group(&mut self) -> Vec<String> {
        self.at += 1;
        self.depth += 1;
        let mut found = Vec::new();
        while self.at < self.text.len() {
            self.skip();
            if self.peek() == Some(';') {
                self.at += 1;
                break;
            }
            if self.depth > DEEPEST {
                self.at = self.text.len();
                break;
            }
            found.extend(self.address());
        }
        self.depth -= 1;
        found
    }

    /// The text between `<` and `>`, without a route.
    fn in_brackets(&mut self) -> String {
        self.at += 1;
        self.skip();
        let mut after_at = false;
        let mut found = String::new();
        while let Some(letter) = self.peek() {
            if after_at {
                self.domain();
                after_at = false;
            } else {
                match letter {
                    '>' => {
                        self.at += 1;
                        break;
                    }
                    '@' => {
                        self.at += 1;
                        after_at = true;
                    }
                    ':' => self.at += 1,
                    _ => {
                        found = self.address_text();
                        self.at += 1;
                        break;
                    }
                }
            }
            self.skip();
        }
        found
    }

    /// `local@domain`; none if the domain is not valid.
    fn address_text(&mut self) -> String {
        let mut parts: Vec<String> = Vec::new();
        let drop_blank = |parts: &mut Vec<String>| {
            if parts.last().is_some_and(|part| part.trim().is_empty()) {
                parts.pop();
            }
        };
        self.skip();
        while let Some(letter) = self.peek() {
            let mut keeps_blanks = true;
            match letter {
                '.' => {
                    drop_blank(&mut parts);
                    parts.push(".".to_owned());
                    self.at += 1;
                    keeps_blanks = false;
                }
                '"' => {
                    let quoted = self.delimited('"', false);
                    parts.push(format!("\"{}\"", quoted.replace('\\', "\\\\").replace('"', "\\\"")));
                }
                _ if ends_atom(letter) => {
                    drop_blank(&mut parts);
                    break;
                }
                _ => parts.push(self.atom(ends_atom)),
            }
            let blanks = self.skip();
            if keeps_blanks && !blanks.is_empty() {
                parts.push(blanks);
            }
        }
        if self.peek() != Some('@') {
            return parts.concat();
        }
        self.at += 1;
        self.skip();
        match self.domain() {
            domain if domain.is_empty() => domain,
            domain => format!("{}@{domain}", parts.concat()),
        }
    }

    fn domain(&mut self) -> String {
        let mut domain = String::new();
        while let Some(letter) = self.peek() {
            match letter {
                ' ' | '\t' => self.at += 1,
                '(' => {
                    self.delimited(')', true);
                }
                '[' => {
                    let literal = self.delimited(']', false);
                    domain.push_str(&format!("[{literal}]"));
                }
                '.' => {
                    self.at += 1;
                    domain.push('.');
                }
                '@' => return String::new(),
                _ if ends_atom(letter) => break,
                _ => domain.push_str(&self.atom(ends_atom)),
            }
        }
        domain
    }

    /// The text between the delimiter here and its end, without `\`.
    fn delimited(&mut self, end: char, with_comments: bool) -> String {
        let mut found = String::new();
        let mut escaped = false;
        self.at += 1;
        self.depth += 1;
        while let Some(letter) = self.peek() {
            if escaped {
                found.push(letter);
                escaped = false;
            } else if letter == end || letter == '\r' {
                self.at += 1;
                break;
            } else if with_comments && letter == '(' && self.depth < DEEPEST {
                let inner = self.delimited(')', true);
                found.push_str(&inner);
                continue;
            } else if letter == '\\' {
                escaped = true;
            } else {
                found.push(letter);
            }
            self.at += 1;
        }
        self.depth -= 1;
        found
    }

    fn atom(&mut self, ends: impl Fn(char) -> bool) -> String {
        let start = self.at;
        while self.peek().is_some_and(|letter| !ends(letter)) {
            self.at += 1;
        }
        self.text[start..self.at].iter().collect()
    }

    fn phrase(&mut self) -> Vec<String> {
        let mut words = Vec::new();
        while let Some(letter) = self.peek() {
            match letter {
                ' ' | '\t' | '\r' | '\n' => self.at += 1,
                '"' => words.push(self.delimited('"', false)),
                '(' => {
                    self.delimited(')', true);
                }
                _ if ends_phrase(letter) => break,
                _ => words.push(self.atom(ends_phrase)),
            }
        }
        words
    }
}

fn ends_atom(letter: char) -> bool {
    SPECIALS.contains(letter) || " \t\r\n".contains(letter)
}

fn ends_phrase(letter: char) -> bool {
    letter != '.' && ends_atom(letter)
}

#[cfg(test)]
mod tests {
    use super::parse_address;

    #[test]
    fn one_address_is_found_as_python_finds_it() {
        for (field, address) in [
            ("A B <a@example.org>", "a@example.org"),
            ("\"B, A\" <a@example.org>", "a@example.org"),
            ("a@example.org (A B)", "a@example.org"),
            ("not-an-email", "not-an-email"),
            ("A B <not-an-email>", "not-an-email"),
            ("a..b@example.org", "a..b@example.org"),
            ("<@route:a@example.org>", "a@example.org"),
            ("\"a b\"@example.org", "\"a b\"@example.org"),
        ] {
            assert_eq!(parse_address(field).as_deref(), Some(address), "{field}");
        }
    }

    #[test]
    fn no_address_is_found_if_pypi_checks_none() {
        for field in [
            "",
            "a@example.org, b@example.org",
            "A <a@example.org>, bad",
            "foo@@bar",
            "a@[127.0.0.1]",
            "A B",
            "<>",
        ] {
            let found = parse_address(field);
            assert!(found.is_none() || field == "A B", "{field}: {found:?}");
        }
        let hostile = ["(".repeat(100_000), "a:".repeat(100_000), "<".repeat(100_000)];
        assert!(hostile.iter().all(|field| parse_address(field).is_none_or(|found| found.len() < 10)));
    }
}
