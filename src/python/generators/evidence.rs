//! Whether a section of a changelog was generated from commits.

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::Regex;

use crate::python::conventional::Conventional;

/// The target of a link: `](https://…)`
static TARGET: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\]\([^)\s]*\)").expect("a constant that the tests compile"));
/// The pull request at the end of a subject: `(#12)`
static REQUEST: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\s*\(#[0-9]+\)\s*$").expect("a constant that the tests compile"));

/// What begins a line of a commit that was squashed
const BULLETS: [char; 4] = ['*', '-', ' ', '\t'];

/// The subjects of messages, each of which ends with a zero byte. A conventional line below one is that of a commit which was
/// squashed, and may have an entry of its own.
pub fn subjects(messages: &str) -> Vec<String> {
    let mut subjects = Vec::new();
    for message in messages.split('\0') {
        let mut lines = message.trim().lines();
        subjects.extend(lines.next().map(str::to_owned));
        let squashed = lines.map(|line| line.trim_start_matches(BULLETS));
        subjects.extend(squashed.filter(|line| Conventional::parse(line).is_some()).map(str::to_owned));
    }
    subjects
}

/// Whether most entries of a section are the descriptions of commits, and thus none that a person wrote.
pub fn is_generated(section: &str, subjects: &[String]) -> bool {
    let descriptions: HashSet<String> = subjects
        .iter()
        .map(|subject| {
            let subject = REQUEST.replace(subject, "").into_owned();
            let description = Conventional::parse(&subject).map(|commit| commit.description);
            words(&description.unwrap_or(subject))
        })
        .filter(|description| !description.is_empty())
        .collect();
    let items =
        section.lines().filter_map(|line| line.strip_prefix("- ").or_else(|| line.strip_prefix("* ")));
    let items: Vec<String> = items.map(words).collect();
    let has_description = |item: &&String| {
        // One word may be part of any sentence.
        descriptions.iter().any(|one| item == &one || one.contains(' ') && item.contains(one.as_str()))
    };
    let known = items.iter().filter(has_description).count();
    known * 2 > items.len()
}

/// The words of a text in lower case, without marks and links.
fn words(text: &str) -> String {
    let text = TARGET.replace_all(text, " ").to_lowercase();
    let words: Vec<&str> =
        text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.join(" ")
}
