//! Collects the statements of requirements on members in one file.

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
        let inside = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
        let start = stated.trim_start();
        let name = &start[..start.find(|letter| !inside(letter)).unwrap_or(start.len())];
        let Some(on) = self.member(name) else { return Ok(()) };
        let parsed = requirement::parse(stated).map_err(|reason| WorkspaceError::BadRequirement {
            path: self.path.to_owned(),
            line: line_at(self.text, at),
            text: stated.chars().take(80).collect(),
            reason: reason.to_owned(),
        })?;
        let grammar = if parsed.url.is_some() { Grammar::Direct } else { Grammar::Pep440 };
        let specifier = parsed.specifier;
        // With an escape before its end, the specifier stands elsewhere.
        let is_plain = self.text.get(at..at + specifier.end) == Some(&stated[..specifier.end]);
        let span = is_plain.then(|| at + specifier.start..at + specifier.end);
        self.found.push((
            at,
            Requirement {
                of: self.of,
                on,
                kind: kind.clone(),
                specifier: stated[specifier].to_owned(),
                grammar,
                path: self.path.to_owned(),
                line: 0,
                key: key.to_owned(),
                span,
            },
        ));
        Ok(())
    }

    /// Adds a requirement as Poetry has it: the value of the text at the offset `at` is its constraint.
    pub(super) fn poetry(
        &mut self,
        on: usize,
        (constraint, grammar): (&str, Grammar),
        at: usize,
        (key, kind): (&str, &Kind),
    ) {
        let is_plain = self.text.get(at..at + constraint.len()) == Some(constraint);
        self.found.push((
            at,
            Requirement {
                of: self.of,
                on,
                kind: kind.clone(),
                specifier: constraint.to_owned(),
                grammar,
                path: self.path.to_owned(),
                line: 0,
                key: key.to_owned(),
                span: is_plain.then(|| at..at + constraint.len()),
            },
        ));
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
