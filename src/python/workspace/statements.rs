//! Collects the statements of requirements on members in one file.

use std::ops::Range;

use super::error::WorkspaceError;
use super::names::Members;
use super::requirement::{Grammar, Kind, Requirement};
use crate::python::project::{Files, ProjectError, line_at, lines_at, text_of};
use crate::python::verdict::requirement;

/// The most bytes of a file that states requirements
const LARGEST: usize = 16 << 20;

/// A file with a requirement a line: its path relative to the project, the setting that names it, and what it is for
pub(super) type RequirementFile = (String, String, Kind);

/// The file as text; none if it does not exist.
pub(super) fn text(files: &dyn Files, path: &str) -> Result<Option<String>, WorkspaceError> {
    match text_of(files, path) {
        Ok(text) if text.len() > LARGEST => {
            Err(WorkspaceError::TooLarge { path: path.to_owned(), size: text.len() })
        }
        Ok(text) => Ok(Some(text)),
        Err(ProjectError::Missing { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The requirements on members in one file
pub(super) struct Statements<'a> {
    members: &'a Members,
    of: Option<usize>,
    pub(super) path: &'a str,
    pub(super) text: &'a str,
    /// Each with its offset in the file, and without its line
    found: Vec<(usize, Requirement)>,
}

impl<'a> Statements<'a> {
    pub(super) fn new(members: &'a Members, of: Option<usize>, path: &'a str, text: &'a str) -> Self {
        Self { members, of, path, text, found: Vec::new() }
    }

    /// The member with this name.
    pub(super) fn member(&self, name: &str) -> Option<usize> {
        self.members.named(name)
    }

    /// Adds a requirement as PEP 508 has it, if it is on a member. `stated` is the value of the text at the offset `at`.
    pub(super) fn requirement(
        &mut self,
        stated: &str,
        at: usize,
        (key, kind): (&str, &Kind),
    ) -> Result<(), WorkspaceError> {
        let name = leading_name(stated);
        let Some(on) = self.member(name) else { return Ok(()) };
        let parsed = match requirement::parse(stated) {
            Ok(parsed) => parsed,
            // A template: `core=={{ version }}`.
            Err(_) if stated.contains('{') => {
                self.push((on, Grammar::Computed), "", (at, None), (key, kind));
                return Ok(());
            }
            Err(reason) => {
                return Err(WorkspaceError::BadRequirement {
                    path: self.path.to_owned(),
                    line: line_at(self.text, at),
                    text: stated.chars().take(80).collect(),
                    reason: reason.to_owned(),
                });
            }
        };
        let grammar = if parsed.url.is_some() { Grammar::Direct } else { Grammar::Pep440 };
        let specifier = parsed.specifier;
        // With an escape before its end, the specifier stands elsewhere.
        let is_plain = self.text.get(at..at + specifier.end) == Some(&stated[..specifier.end]);
        let span = is_plain.then(|| at + specifier.start..at + specifier.end);
        self.push((on, grammar), &stated[specifier], (at, span), (key, kind));
        Ok(())
    }

    /// Adds a requirement as Poetry has it: the value of the text at the offset `at` is its constraint.
    pub(super) fn poetry(
        &mut self,
        (on, grammar): (usize, Grammar),
        constraint: &str,
        at: usize,
        (key, kind): (&str, &Kind),
    ) {
        let span = at..at + constraint.len();
        let is_plain = self.text.get(span.clone()) == Some(constraint);
        self.push((on, grammar), constraint, (at, is_plain.then_some(span)), (key, kind));
    }

    /// Adds a requirement whose versions the build computes, if the text at the offset `at` begins with a member's name.
    pub(super) fn computed(&mut self, at: usize, (key, kind): (&str, &Kind)) {
        if let Some(on) = self.member(leading_name(&self.text[at..])) {
            self.push((on, Grammar::Computed), "", (at, None), (key, kind));
        }
    }

    fn push(
        &mut self,
        (on, grammar): (usize, Grammar),
        specifier: &str,
        (at, span): (usize, Option<Range<usize>>),
        (key, kind): (&str, &Kind),
    ) {
        let requirement = Requirement {
            of: self.of,
            on,
            kind: kind.clone(),
            specifier: specifier.to_owned(),
            grammar,
            path: self.path.to_owned(),
            line: 0,
            key: key.to_owned(),
            span,
        };
        self.found.push((at, requirement));
    }

    /// Adds the requirements of a file that has one a line, as pip reads it.
    pub(super) fn list(&mut self, key: &str, kind: &Kind) -> Result<(), WorkspaceError> {
        let mut at = 0;
        for whole in self.text.split_inclusive('\n') {
            let start = at;
            at += whole.len();
            let line = whole.trim_start_matches('\u{feff}');
            let indent = whole.len() - line.trim_start().len();
            // Options such as `--hash` and comments follow a blank.
            let end = [" #", "\t#", " --", " \\"].iter().filter_map(|mark| line.find(mark)).min();
            let stated = line[..end.unwrap_or(line.len())].trim();
            if !stated.starts_with(['#', '-']) {
                self.requirement(stated, start + indent, (key, kind))?;
            }
        }
        Ok(())
    }

    /// The requirements in the order of the file, with their lines.
    pub(super) fn finish(mut self) -> Vec<Requirement> {
        self.found.sort_by_key(|(at, _)| *at);
        let lines = lines_at(self.text, self.found.iter().map(|(at, _)| *at));
        let found = self.found.into_iter().zip(lines);
        found.map(|((_, requirement), line)| Requirement { line, ..requirement }).collect()
    }
}

/// The name at the start of a requirement.
fn leading_name(stated: &str) -> &str {
    let inside = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
    let start = stated.trim_start();
    &start[..start.find(|letter| !inside(letter)).unwrap_or(start.len())]
}
