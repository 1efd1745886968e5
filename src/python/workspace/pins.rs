//! How a requirement follows the version of what it requires.

use super::error::PinError;
use super::requirement::{Grammar, Requirement};
use super::specifier::{Clause, Operator, alternatives};
use crate::python::project::{Edit, edited};
use crate::python::version::Version;

/// How a requirement on another member follows its new version
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pins {
    /// An exact pin stays exact; a bound that still holds stays, unless it names the version as it was being worked on
    /// (`>=2.0.0.dev0`), and one that does not moves in its own style
    KeepStyle,
    /// `==2.0.0`
    Exact,
    /// `~=2.0.0`
    Compatible,
    /// `>=2.0.0`
    Minimum,
    /// Nothing is changed
    Leave,
}

/// Every policy, and its word in the configuration
const WORDS: [(&str, Pins); 5] = [
    ("keep-style", Pins::KeepStyle),
    ("==", Pins::Exact),
    ("~=", Pins::Compatible),
    (">=", Pins::Minimum),
    ("leave", Pins::Leave),
];

impl Pins {
    /// The policy with this name in the configuration.
    pub fn from_word(word: &str) -> Option<Self> {
        WORDS.iter().find(|(known, _)| *known == word).map(|(_, pins)| *pins)
    }

    /// Every name, for messages and completions.
    pub fn words() -> impl Iterator<Item = &'static str> {
        WORDS.iter().map(|(word, _)| *word)
    }
}

/// The specifier that the requirement must have for a new version of what it requires; none if it stays.
///
/// The result admits `new` by PEP 440: a pre-release is below the final version, and `<2` does not admit `2.0rc1`.
///
/// # Errors
/// The requirement cannot admit the version: [`Pins::Leave`] forbids the change, or an exclusion (`!=2.0.0`) stands in
/// the way. Or the specifier is not valid.
pub fn moved(requirement: &Requirement, new: &Version, pins: Pins) -> Result<Option<String>, PinError> {
    let Requirement { specifier, grammar, .. } = requirement;
    if matches!(grammar, Grammar::Direct | Grammar::Computed) {
        return Ok(None);
    }
    let found = alternatives(specifier, *grammar)?;
    let excluding = |clauses: &Vec<Clause>| clauses.iter().position(|clause| excludes(clause, new));
    if let Some(clauses) = found.last().filter(|_| found.iter().all(|clauses| excluding(clauses).is_some())) {
        let clause = &clauses[excluding(clauses).unwrap_or_default()];
        let clause = specifier[clause.span.clone()].to_owned();
        return Err(PinError::Excluded { clause, version: new.clone() });
    }
    let holds = admits(&found, new);
    let leads = found.iter().flatten().any(|clause| leads_to(clause, new));
    let written = match pins {
        Pins::KeepStyle if holds && !leads => return Ok(None),
        Pins::Leave if holds => return Ok(None),
        Pins::Leave => return Err(unsatisfied(specifier, new)),
        Pins::KeepStyle => kept_style(specifier, *grammar, new)?,
        Pins::Exact => spelled(specifier, &found, "==", &new.to_string()),
        Pins::Minimum => spelled(specifier, &found, ">=", &new.to_string()),
        Pins::Compatible => {
            let count = new.release_segments().len().max(2);
            spelled(specifier, &found, "~=", &format!("{}{}", numbers(new, count), suffix(&new.to_string())))
        }
    };
    if !admits(&alternatives(&written, *grammar)?, new) {
        return Err(unsatisfied(specifier, new));
    }
    Ok((written != *specifier).then_some(written))
}

fn admits(alternatives: &[Vec<Clause>], version: &Version) -> bool {
    alternatives.iter().any(|clauses| clauses.iter().all(|clause| clause.admits(version)))
}

/// Whether a bound names the version while it was being worked on: `>=2.0.0.dev0`.
fn leads_to(clause: &Clause, version: &Version) -> bool {
    let is_bound = matches!(clause.operator, Operator::Minimum | Operator::Compatible);
    is_bound && clause.version.dev().is_some() && clause.version.without_dev() == *version
}

fn excludes(clause: &Clause, version: &Version) -> bool {
    matches!(clause.operator, Operator::Not | Operator::NotPrefix) && !clause.admits(version)
}

fn unsatisfied(specifier: &str, version: &Version) -> PinError {
    PinError::Unsatisfied { specifier: specifier.to_owned(), version: version.clone() }
}

/// One clause with the operator, in the spacing of the old specifier, and the old exclusions that still matter.
fn spelled(text: &str, alternatives: &[Vec<Clause>], operator: &str, number: &str) -> String {
    let clauses = || alternatives.iter().flatten();
    let gap = clauses().next().map_or("", |clause| gap(text, clause));
    let mut written = format!("{operator}{gap}{number}");
    let comma = if text.contains(", ") { ", " } else { "," };
    let version: Option<Version> = number.parse().ok();
    for clause in clauses().filter(|_| alternatives.len() == 1 && operator != "==") {
        let is_exclusion = matches!(clause.operator, Operator::Not | Operator::NotPrefix);
        if is_exclusion && Some(&clause.version) > version.as_ref() {
            written.push_str(comma);
            written.push_str(&text[clause.span.clone()]);
        }
    }
    written
}

/// The blanks between the operator and the version.
fn gap<'t>(text: &'t str, clause: &Clause) -> &'t str {
    let head = &text[clause.span.start..clause.number.start];
    &head[head.trim_end().len()..]
}

/// The specifier with every clause that does not admit the version moved in its own style.
fn kept_style(text: &str, grammar: Grammar, new: &Version) -> Result<String, PinError> {
    let found = alternatives(text, grammar)?;
    let [clauses] = found.as_slice() else {
        // Another alternative, in the style of the last: the others stay valid.
        let last = text.rsplit('|').find(|part| !part.trim().is_empty()).unwrap_or(text);
        return Ok(format!("{} || {}", text.trim_end(), kept_style(last.trim(), grammar, new)?));
    };
    let is_upper = |clause: &&Clause| matches!(clause.operator, Operator::Below | Operator::Maximum);
    let leaves_the_range = clauses.iter().filter(is_upper).any(|clause| !clause.admits(new));
    let mut edits = Vec::new();
    for clause in clauses {
        // A range moves as a whole: from `>=1.1,<2` to `>=2.0.0,<3`.
        let follows = leaves_the_range && clause.operator == Operator::Minimum;
        if follows || leads_to(clause, new) || !clause.admits(new) {
            edits.push(followed(text, clause, new)?);
        }
    }
    Ok(edited(text, edits))
}

/// The change after which the clause admits the version.
fn followed(text: &str, clause: &Clause, new: &Version) -> Result<Edit, PinError> {
    let count = clause.version.release_segments().len();
    let number = match clause.operator {
        Operator::Exact | Operator::Identical | Operator::Minimum | Operator::Maximum => new.to_string(),
        Operator::Prefix => format!("{}.*", numbers(new, count)),
        Operator::Compatible | Operator::Caret | Operator::Tilde => {
            // As precise as it was, unless that is above a pre-release.
            let short = numbers(new, count);
            let exact = format!("{short}{}", suffix(&new.to_string()));
            let admits = |number: &String| {
                let version = number.parse();
                version.is_ok_and(|version| Clause { version, ..clause.clone() }.admits(new))
            };
            [short, exact].into_iter().find(admits).unwrap_or_else(|| new.to_string())
        }
        Operator::Below => above(&text[clause.number.clone()], &clause.version, new)?,
        Operator::Above => {
            let text = format!(">={}{new}", gap(text, clause));
            return Ok(Edit { span: clause.span.clone(), text });
        }
        Operator::Not | Operator::NotPrefix => {
            let clause = text[clause.span.clone()].to_owned();
            return Err(PinError::Excluded { clause, version: new.clone() });
        }
    };
    Ok(Edit { span: clause.number.clone(), text: number })
}

/// The next upper bound above the version, of the same precision: for `2.0.0` instead of `2` it is `3`, and instead of
/// `1.5` it is `2.1`.
fn above(written: &str, bound: &Version, new: &Version) -> Result<String, PinError> {
    let segments = bound.release_segments();
    let last = segments.iter().rposition(|number| *number > 0).unwrap_or(0);
    let current = new.release_segments().get(last).copied().unwrap_or(0);
    let next = current.checked_add(1).ok_or_else(|| PinError::Overflow { version: new.clone() })?;
    let mut number = match last {
        0 => epoch(new),
        _ => format!("{}.", numbers(new, last)),
    };
    number.push_str(&next.to_string());
    number.push_str(&".0".repeat(segments.len() - last - 1));
    number.push_str(suffix(written.trim_start_matches(['v', 'V'])));
    Ok(number)
}

/// The epoch if there is one, as `1!`.
fn epoch(version: &Version) -> String {
    if version.epoch() == 0 { String::new() } else { format!("{}!", version.epoch()) }
}

/// The epoch and so many numbers of the version, zeros if it has fewer.
fn numbers(version: &Version, count: usize) -> String {
    let segments = version.release_segments().iter().copied().chain(std::iter::repeat(0)).take(count);
    let segments: Vec<String> = segments.map(|number| number.to_string()).collect();
    format!("{}{}", epoch(version), segments.join("."))
}

/// What follows the numbers of a version: `rc1`, `.post1`, `.dev0`.
fn suffix(version: &str) -> &str {
    match version.find(|letter: char| letter.is_ascii_alphabetic()) {
        Some(at) if version[..at].ends_with(['.', '-', '_']) => &version[at - 1..],
        Some(at) => &version[at..],
        None => "",
    }
}
