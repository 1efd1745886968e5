//! Version specifiers as data: which versions each clause admits (PEP 440), and where it stands in the text.

use std::ops::Range;

use super::error::PinError;
use super::requirement::Grammar;
use crate::python::version::Version;

/// The most bytes of a specifier; a longer one would only take time
const LONGEST: usize = 10_000;

/// A comparison with a version
#[derive(Debug, Clone)]
pub(super) struct Clause {
    pub(super) operator: Operator,
    /// Without `.*`
    pub(super) version: Version,
    /// The byte range of the whole clause, without blanks around it
    pub(super) span: Range<usize>,
    /// The byte range of the version, with `.*` if it has it
    pub(super) number: Range<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    /// `==1.0`; for Poetry also `1.0` and `=1.0`
    Exact,
    /// `===1.0`
    Identical,
    /// `==1.*`; for Poetry also `1.*`
    Prefix,
    /// `!=1.0`
    Not,
    /// `!=1.*`
    NotPrefix,
    /// `~=1.0`
    Compatible,
    Minimum,
    Above,
    Maximum,
    Below,
    /// `^1.0`
    Caret,
    /// `~1.0`
    Tilde,
}

/// Every operator as written, the longest first
const OPERATORS: [(&str, Operator); 12] = [
    ("===", Operator::Identical),
    ("==", Operator::Exact),
    ("!=", Operator::Not),
    ("~=", Operator::Compatible),
    (">=", Operator::Minimum),
    ("<=", Operator::Maximum),
    (">", Operator::Above),
    ("<", Operator::Below),
    ("^", Operator::Caret),
    ("~", Operator::Tilde),
    ("=", Operator::Exact),
    ("", Operator::Exact),
];

/// How many of them PEP 440 has
const STANDARD: usize = 8;

/// The alternatives of a specifier, each with the clauses that must all hold; one without clauses admits any version.
///
/// # Errors
/// [`PinError::Invalid`]
pub(super) fn alternatives(text: &str, grammar: Grammar) -> Result<Vec<Vec<Clause>>, PinError> {
    let invalid = |reason: &str| PinError::Invalid {
        specifier: text.chars().take(80).collect(),
        reason: reason.to_owned(),
    };
    if text.len() > LONGEST {
        return Err(invalid("it is too long"));
    }
    let is_poetry = grammar == Grammar::Poetry;
    let mut found = Vec::new();
    let mut at = 0;
    for part in text.split('|') {
        let range = at..at + part.len();
        at = range.end + 1;
        if is_poetry && part.trim().is_empty() && !text.trim().is_empty() {
            // Between the two bars of `||`.
            continue;
        }
        found.push(clauses(text, range, grammar).map_err(|reason| invalid(&reason))?);
    }
    if found.len() > 1 && !is_poetry {
        return Err(invalid("`|` is valid only for Poetry"));
    }
    if found.is_empty() {
        return Err(invalid("a version is missing beside `|`"));
    }
    Ok(found)
}

fn clauses(text: &str, range: Range<usize>, grammar: Grammar) -> Result<Vec<Clause>, String> {
    let is_poetry = grammar == Grammar::Poetry;
    let operators = &OPERATORS[..if is_poetry { OPERATORS.len() } else { STANDARD }];
    let bytes = text.as_bytes();
    let mut clauses = Vec::new();
    let mut at = range.start;
    while at < range.end {
        if bytes[at].is_ascii_whitespace() || bytes[at] == b',' {
            at += 1;
            continue;
        }
        let start = at;
        let rest = &text[start..range.end];
        let known = operators.iter().find(|(written, _)| rest.starts_with(written));
        let Some((written, operator)) = known else { return Err(format!("`{rest}` has no operator")) };
        at += written.len();
        at += rest[written.len()..].len() - rest[written.len()..].trim_start().len();
        // Poetry also takes blanks between clauses.
        let ends = |letter: char| letter == ',' || (letter.is_whitespace() && is_poetry);
        let number = &text[at..range.end];
        let number = number[..number.find(ends).unwrap_or(number.len())].trim_end();
        let span = at..at + number.len();
        at = span.end;
        if number == "*" && *operator == Operator::Exact && is_poetry {
            continue;
        }
        let (plain, is_prefix) = match number.strip_suffix(".*") {
            Some(plain) => (plain.trim_end_matches(".*"), true),
            None => (number, false),
        };
        let version: Version = plain.parse().map_err(|_| format!("`{number}` is not a version"))?;
        let operator = match (operator, is_prefix) {
            (Operator::Exact, true) => Operator::Prefix,
            (Operator::Not, true) => Operator::NotPrefix,
            (_, true) => return Err("`.*` is valid only after `==` and `!=`".to_owned()),
            (Operator::Compatible, false) if version.release_segments().len() < 2 => {
                return Err("`~=` needs a version with two numbers".to_owned());
            }
            (operator, false) => *operator,
        };
        if is_prefix && version.to_string().contains(|letter: char| letter.is_ascii_alphabetic()) {
            return Err(format!("`{number}` has more than numbers before `.*`"));
        }
        clauses.push(Clause { operator, version, span: start..span.end, number: span });
    }
    Ok(clauses)
}

impl Clause {
    /// Whether the version satisfies the clause (PEP 440); Poetry's own operators are ranges of it.
    pub(super) fn admits(&self, version: &Version) -> bool {
        let bound = &self.version;
        let numbers = bound.release_segments();
        match self.operator {
            Operator::Exact => version == bound,
            Operator::Identical => version.to_string() == bound.to_string(),
            Operator::Prefix => has_prefix(version, bound, numbers.len()),
            Operator::Not => version != bound,
            Operator::NotPrefix => !has_prefix(version, bound, numbers.len()),
            Operator::Compatible => version >= bound && has_prefix(version, bound, numbers.len() - 1),
            Operator::Minimum => version >= bound,
            Operator::Maximum => version <= bound,
            // A post-release of the bound is not above it.
            Operator::Above => {
                let is_its_post =
                    version.post().is_some() && bound.post().is_none() && has_same_base(version, bound);
                version > bound && !is_its_post
            }
            // A pre-release of the bound is not below it.
            Operator::Below => {
                let is_its_pre =
                    version.is_prerelease() && !bound.is_prerelease() && has_same_base(version, bound);
                version < bound && !is_its_pre
            }
            Operator::Caret => {
                let first = numbers.iter().position(|number| *number > 0);
                version >= bound && has_prefix(version, bound, first.map_or(numbers.len(), |at| at + 1))
            }
            Operator::Tilde => version >= bound && has_prefix(version, bound, numbers.len().min(2)),
        }
    }
}

/// The specifier as uv records it: without blanks, each version in its canonical form, sorted by version. None if it is
/// not valid.
pub(super) fn canonical(text: &str, grammar: Grammar) -> Option<String> {
    let found = alternatives(text, grammar).ok()?;
    let [clauses] = found.as_slice() else { return None };
    let mut clauses: Vec<&Clause> = clauses.iter().collect();
    clauses.sort_by_key(|clause| &clause.version);
    let shown = clauses.iter().map(|clause| {
        let operator = text[clause.span.start..clause.number.start].trim_end();
        let star = if text[clause.number.clone()].ends_with(".*") { ".*" } else { "" };
        format!("{operator}{}{star}", clause.version)
    });
    Some(shown.collect::<Vec<_>>().join(","))
}

/// The specifier with `~=1.1`, `^1.1` and `~1.1` as ranges, as Poetry shows it: `>=1.1,<2.0`. None if it has
/// alternatives, or is not valid.
pub(super) fn as_range(text: &str, grammar: Grammar) -> Option<String> {
    let found = alternatives(text, grammar).ok()?;
    let [clauses] = found.as_slice() else { return None };
    let shown = |clause: &Clause| {
        let numbers = clause.version.release_segments();
        let last = match clause.operator {
            Operator::Compatible => numbers.len() - 2,
            Operator::Caret => numbers.iter().position(|number| *number > 0).unwrap_or(numbers.len() - 1),
            Operator::Tilde => numbers.len().min(2) - 1,
            _ => return Some(text[clause.span.clone()].replace(char::is_whitespace, "")),
        };
        let above = numbers[last].checked_add(1)?;
        let upper = numbers[..last].iter().copied().chain([above]).chain(std::iter::repeat(0));
        let upper: Vec<String> = upper.take(numbers.len()).map(|number| number.to_string()).collect();
        Some(format!(">={},<{}", &text[clause.number.clone()], upper.join(".")))
    };
    let clauses: Option<Vec<String>> = clauses.iter().map(shown).collect();
    clauses.map(|clauses| clauses.join(","))
}

/// Whether two versions have the same first numbers.
fn has_prefix(version: &Version, bound: &Version, count: usize) -> bool {
    let number = |version: &Version, at: usize| version.release_segments().get(at).copied().unwrap_or(0);
    version.epoch() == bound.epoch() && (0..count).all(|at| number(version, at) == number(bound, at))
}

/// Whether two versions have the same numbers.
fn has_same_base(version: &Version, bound: &Version) -> bool {
    has_prefix(version, bound, version.release_segments().len().max(bound.release_segments().len()))
}
