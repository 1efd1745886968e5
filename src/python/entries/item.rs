//! One entry: the text around what the commit gives.

use std::ops::Range;

use super::commit::Facts;

/// The fewest digits of an identifier
const SHORTEST: usize = 7;

/// A part of an entry
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Text(String),
    /// The commit's title with its type, or its description; with a capital letter, or as it is
    Title {
        is_whole: bool,
        is_capital: bool,
    },
    Scope,
    Number,
    /// The commit's identifier, or so many digits of it
    Id(Option<usize>),
    Author,
    Login,
}

/// The form of an entry
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template(Vec<Token>);

/// Where the entry has the commit's title or description.
pub(super) fn place(entry: &str, facts: &Facts<'_>) -> Option<(Range<usize>, bool, bool)> {
    for (is_whole, text) in [(true, facts.title.as_str()), (false, facts.description())] {
        for is_capital in [false, true] {
            let text = if is_capital { capital(text) } else { text.to_owned() };
            if let Some(start) = entry.find(&text).filter(|_| !text.is_empty()) {
                return Some((start..start + text.len(), is_whole, is_capital));
            }
        }
    }
    None
}

/// Whether an entry is that of the commit.
pub(super) fn is_of(entry: &str, facts: &Facts<'_>) -> bool {
    let names_it = facts.id.get(..SHORTEST).is_some_and(|id| entry.contains(id));
    let has_number = || {
        let named =
            |number: &String| ['#', '!'].iter().any(|mark| entry.contains(&format!("{mark}{number}")));
        !entry.contains(['#', '!']) || facts.number.as_ref().is_none_or(named)
    };
    place(entry, facts).is_some() && (names_it || !names_commit(entry) && has_number())
}

/// Whether an entry names a commit.
fn names_commit(entry: &str) -> bool {
    let mut words = entry.split(|c: char| !c.is_ascii_alphanumeric());
    words.any(|word| {
        word.len() >= SHORTEST
            && word.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
            && word.contains(|c: char| c.is_ascii_digit())
            && word.contains(|c: char| c.is_ascii_alphabetic())
    })
}

impl Template {
    /// The form of a commit's entry; none if the entry is not about it.
    pub(super) fn of(entry: &str, facts: &Facts<'_>) -> Option<Self> {
        let (place, is_whole, is_capital) = place(entry, facts)?;
        // A title without a type is a description.
        let is_whole = is_whole && facts.is_conventional();
        let mut tokens = Vec::new();
        split(&entry[..place.start], facts, true, &mut tokens);
        tokens.push(Token::Title { is_whole, is_capital });
        split(&entry[place.end..], facts, false, &mut tokens);
        Some(Self(tokens))
    }

    pub(super) fn render(&self, facts: &Facts<'_>) -> String {
        let part = |token: &Token| match token {
            Token::Text(text) => text.clone(),
            Token::Title { is_whole, is_capital } => {
                let text = if *is_whole { facts.title.as_str() } else { facts.description() };
                if *is_capital { capital(text) } else { text.to_owned() }
            }
            Token::Scope => facts.scope().unwrap_or_default().to_owned(),
            Token::Number => facts.number.clone().unwrap_or_default(),
            Token::Id(None) => facts.id.to_owned(),
            Token::Id(Some(length)) => facts.id.get(..*length).unwrap_or(facts.id).to_owned(),
            Token::Author => facts.author.to_owned(),
            Token::Login => facts.login.clone().unwrap_or_default(),
        };
        self.0.iter().map(part).collect()
    }
}

/// Takes apart what is before or behind the title.
fn split(text: &str, facts: &Facts<'_>, is_before: bool, tokens: &mut Vec<Token>) {
    let mut known: Vec<(String, Token)> = vec![(facts.id.to_owned(), Token::Id(None))];
    let others = text.replace(facts.id, "");
    known.extend((SHORTEST..facts.id.len()).rev().find_map(|length| {
        let id = facts.id.get(..length).filter(|id| others.contains(id))?;
        Some((id.to_owned(), Token::Id(Some(length))))
    }));
    known.extend(facts.scope().filter(|_| is_before).map(|scope| (scope.to_owned(), Token::Scope)));
    known.extend(facts.number.iter().map(|number| (number.clone(), Token::Number)));
    known.extend((!facts.author.is_empty()).then(|| (facts.author.to_owned(), Token::Author)));
    known.extend(facts.login.iter().map(|login| (login.clone(), Token::Login)));
    let mut rest = text;
    let mut plain = String::new();
    while let Some(letter) = rest.chars().next() {
        let found = known.iter().find(|(value, _)| {
            let is_apart = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
            rest.starts_with(value.as_str())
                && is_apart(plain.chars().next_back())
                && is_apart(rest[value.len()..].chars().next())
        });
        match found {
            Some((value, token)) => {
                if !plain.is_empty() {
                    tokens.push(Token::Text(std::mem::take(&mut plain)));
                }
                tokens.push(token.clone());
                rest = &rest[value.len()..];
            }
            None => {
                plain.push(letter);
                rest = &rest[letter.len_utf8()..];
            }
        }
    }
    if !plain.is_empty() {
        tokens.push(Token::Text(plain));
    }
}

/// With a capital first letter.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
