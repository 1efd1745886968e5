//! Groups the findings of a report, so that people read each once, however many files or members have it.

use super::diagnostic::{Diagnostic, Location};
use super::report::{FileReport, Report};
use super::rules::rule::Check;
use super::rules::{description, rule};
use crate::finding::{Finding, Severity};

/// The most findings of one rule in one file that are shown one by one, and the examples of more
const FEW: usize = 3;

/// Findings of one rule that are shown as one
#[derive(Debug)]
pub struct Group<'a> {
    /// The files that have them; none if they are about all files together
    pub files: Vec<&'a FileReport>,
    /// At least one, all with the same severity
    found: Vec<&'a Diagnostic>,
}

impl Report {
    /// The findings in groups: what several files share is one group, and so are many findings of one rule.
    pub fn groups(&self) -> Vec<Group<'_>> {
        let mut shared: Vec<Group<'_>> = Vec::new();
        for (file, found) in self.diagnostics() {
            let is_known = |group: &&mut Group<'_>| {
                file.is_some_and(|file| !group.has(file)) && is_shared(group.found[0], found)
            };
            match shared.iter_mut().find(is_known) {
                Some(group) => group.files.extend(file),
                None => shared.push(Group { files: file.into_iter().collect(), found: vec![found] }),
            }
        }
        let number = |group: &Group<'_>| -> usize {
            shared.iter().filter(|other| group.is_alike(other)).map(Group::count).sum()
        };
        let are_many: Vec<bool> = shared.iter().map(|group| number(group) > FEW).collect();
        let mut groups: Vec<Group<'_>> = Vec::new();
        for (group, is_of_many) in shared.into_iter().zip(are_many) {
            match groups.iter_mut().find(|known| is_of_many && group.is_alike(known)) {
                Some(known) => known.found.extend(group.found),
                None => groups.push(group),
            }
        }
        groups
    }

    /// The number of errors; one that several files share counts once.
    pub fn errors(&self) -> usize {
        let is_error = |group: &&Group<'_>| group.severity() == Severity::Error;
        self.groups().iter().filter(is_error).map(Group::count).sum()
    }
}

/// Whether two files have the same finding about their metadata.
fn is_shared(one: &Diagnostic, other: &Diagnostic) -> bool {
    let is_of_metadata = |id: &str| {
        let by_itself = rule(id).is_some_and(|rule| matches!(rule.check, Check::Metadata(_)));
        by_itself || description::RULES.iter().any(|rule| rule.id == id)
    };
    let line = |found: &Diagnostic| match &found.place {
        Some(Location::Line { text, .. }) => Some(text.clone()),
        _ => None,
    };
    (one.rule, &one.finding, line(one)) == (other.rule, &other.finding, line(other))
        && is_of_metadata(one.rule)
}

impl<'a> Group<'a> {
    fn has(&self, file: &FileReport) -> bool {
        self.files.iter().any(|other| std::ptr::eq(*other, file))
    }

    /// Whether the other group has findings of the same rule in the same files.
    fn is_alike(&self, other: &Self) -> bool {
        (self.rule(), self.severity()) == (other.rule(), other.severity())
            && self.files.len() == other.files.len()
            && self.files.iter().all(|file| other.has(file))
    }

    pub fn rule(&self) -> &'static str {
        self.found[0].rule
    }

    pub fn severity(&self) -> Severity {
        self.found[0].finding.severity
    }

    /// The finding, if it is only one.
    pub fn only(&self) -> Option<&'a Diagnostic> {
        (self.count() == 1).then_some(self.found[0])
    }

    /// The number of findings; those that several files share count once.
    pub fn count(&self) -> usize {
        self.found.iter().map(|found| found.further.unwrap_or(1)).sum()
    }

    /// Whether all say the same, of different places.
    fn is_uniform(&self) -> bool {
        let mut messages = self.single().map(|found| &found.finding.message);
        let first = messages.next();
        messages.all(|message| Some(message) == first)
    }

    fn single(&self) -> impl Iterator<Item = &'a Diagnostic> {
        self.found.iter().copied().filter(|found| found.further.is_none())
    }

    /// The message, with the number of findings if they are several.
    pub fn message(&self) -> String {
        match (self.only(), self.is_uniform()) {
            (Some(only), _) => only.finding.message.clone(),
            (None, true) => format!("{} ({} times)", self.found[0].finding.message, self.count()),
            (None, false) => format!("{} findings, such as", self.count()),
        }
    }

    /// Examples of several findings: their places, with the messages if these differ.
    pub fn examples(&self) -> Vec<String> {
        let example = |found: &Diagnostic| match (&found.place, self.is_uniform()) {
            (Some(place), true) => Some(place.to_string()),
            (None, true) => None,
            (Some(place), false) => Some(format!("{} ({place})", found.finding.message)),
            (None, false) => Some(found.finding.message.clone()),
        };
        self.single().filter_map(example).take(FEW).collect()
    }

    /// What to do, if it is the same for all.
    pub fn help(&self) -> Option<&'a str> {
        self.common(|found| found.finding.help.as_deref())
    }

    /// PyPI's own message, if it is the same for all.
    pub fn pypi(&self) -> Option<&'a str> {
        self.common(|found| found.pypi.as_deref())
    }

    fn common(&self, of: impl Fn(&'a Diagnostic) -> Option<&'a str>) -> Option<&'a str> {
        let first = of(self.found[0]);
        first.filter(|_| self.single().all(|found| of(found) == first))
    }

    /// The names of the files, as `named` shows each.
    pub fn file_names(&self, named: impl Fn(&str) -> String) -> String {
        let names: Vec<String> = self.files.iter().map(|file| named(&file.file)).collect();
        match names.as_slice() {
            [] => String::new(),
            [only] => only.clone(),
            [first @ .., last] if names.len() <= FEW => format!("{} and {last}", first.join(", ")),
            _ => format!("{} and {} more files", names[..FEW].join(", "), names.len() - FEW),
        }
    }

    /// The whole group in one line, as a finding.
    pub fn finding(&self) -> Finding {
        let name = |path: &str| format!("`{}`", path.rsplit(['/', '\\']).next().unwrap_or_default());
        let files = if self.files.is_empty() { "the release".to_owned() } else { self.file_names(name) };
        let about = match self.only() {
            Some(found) => found.place.as_ref().map(|place| format!(" ({place})")),
            None => Some(format!(": {}", self.examples().join("; "))).filter(|about| about.len() > 2),
        };
        let message = format!("{files}: {}{} [{}]", self.message(), about.unwrap_or_default(), self.rule());
        Finding { message, help: self.help().map(str::to_owned), ..self.found[0].finding.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(rule: &'static str, message: &str, member: &str) -> Diagnostic {
        let place = Some(Location::Member { member: member.to_owned() });
        let finding = Finding::warning(message).help("do it");
        Diagnostic { rule, finding, place, pypi: None, further: None }
    }

    fn report(files: Vec<Vec<Diagnostic>>) -> Report {
        let file = |(at, findings): (usize, Vec<Diagnostic>)| FileReport {
            file: format!("dist/{at}.whl"),
            size: 1,
            accepted: true,
            findings,
        };
        Report::new(files.into_iter().enumerate().map(file).collect(), Vec::new())
    }

    fn told(report: &Report) -> Vec<String> {
        report.groups().iter().map(|group| group.finding().message).collect()
    }

    #[test]
    fn what_files_share_of_their_metadata_is_one_finding() {
        let of =
            |member: &str| vec![found("no-license", "none", member), found("leftover", "it is", "a.pyc")];
        let report = report(vec![of("METADATA"), of("PKG-INFO")]);
        assert_eq!(
            told(&report),
            [
                "`0.whl` and `1.whl`: none (METADATA) [no-license]",
                "`0.whl`: it is (a.pyc) [leftover]",
                "`1.whl`: it is (a.pyc) [leftover]",
            ]
        );
        assert_eq!(serde_json::to_string(&report).unwrap().matches("\"rule\"").count(), 4);
    }

    #[test]
    fn many_findings_of_a_rule_in_a_file_are_one() {
        let many = |number: usize, message: &dyn Fn(usize) -> String| {
            (0..number).map(|at| found("leftover", &message(at), &format!("{at}.pyc"))).collect::<Vec<_>>()
        };
        let alike = |_| "it is".to_owned();
        assert_eq!(told(&report(vec![many(3, &alike)])).len(), 3);
        let mut more = many(20, &alike);
        more.push(Diagnostic { further: Some(22), place: None, ..found("leftover", "and 22 more", "") });
        assert_eq!(
            told(&report(vec![more, many(1, &alike)])),
            [
                "`0.whl`: it is (42 times): 0.pyc; 1.pyc; 2.pyc [leftover]",
                "`1.whl`: it is (0.pyc) [leftover]"
            ]
        );
        let different = report(vec![many(4, &|at| format!("it is {at}"))]);
        assert_eq!(
            told(&different),
            ["`0.whl`: 4 findings, such as: it is 0 (0.pyc); it is 1 (1.pyc); it is 2 (2.pyc) [leftover]"]
        );
        assert_eq!(different.groups()[0].help(), Some("do it"));
    }
}
