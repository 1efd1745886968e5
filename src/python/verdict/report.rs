//! The report on a whole release: as text, as JSON, and for GitHub's log.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use super::diagnostic::{Diagnostic, Location};
use super::rules::description::DEPENDING;
use super::rules::{RULES, Rule, Source};
use crate::finding::Severity;
use crate::text::is_safe;

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const WARN: Style = AnsiColor::Yellow.on_default().bold();
const DIM: Style = AnsiColor::Cyan.on_default();

/// The report on the files of one release; `--format json` prints it as one object
#[derive(Debug, Serialize)]
pub struct Report {
    /// Always `check`
    pub event: &'static str,
    /// Whether PyPI would accept every file, and no stricter rule is violated
    pub accepted: bool,
    /// The files in the order in which they were passed
    pub files: Vec<FileReport>,
    /// The findings about all files together
    pub release: Vec<Diagnostic>,
}

/// The report on one file
#[derive(Debug, Serialize)]
pub struct FileReport {
    /// The path as passed
    pub file: String,
    /// In bytes
    pub size: u64,
    /// Whether there are no errors among the findings
    pub accepted: bool,
    /// In PyPI's order
    pub findings: Vec<Diagnostic>,
}

impl Report {
    pub fn new(files: Vec<FileReport>, release: Vec<Diagnostic>) -> Self {
        let accepted = files.iter().all(|file| file.accepted) && !release.iter().any(Diagnostic::is_error);
        Self { event: "check", accepted, files, release }
    }

    /// Every finding with its file; none for findings about all files together.
    pub fn diagnostics(&self) -> impl Iterator<Item = (Option<&FileReport>, &Diagnostic)> {
        let files =
            self.files.iter().flat_map(|file| file.findings.iter().map(move |found| (Some(file), found)));
        files.chain(self.release.iter().map(|found| (None, found)))
    }

    /// Whether the result would be the same on another day and machine.
    pub fn is_lasting(&self) -> bool {
        self.diagnostics().all(|(_, found)| found.rule != DEPENDING)
    }

    /// The number of errors.
    pub fn errors(&self) -> usize {
        self.diagnostics().filter(|(_, found)| found.is_error()).count()
    }

    /// The report as text with colours; the caller removes them if necessary.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for file in &self.files {
            let (style, verdict) = if file.accepted { (GOOD, "PASSED") } else { (BAD, "REFUSED") };
            let _ = writeln!(text, "{}: {style}{verdict}{style:#}", visible(&file.file));
            file.findings.iter().for_each(|found| text.push_str(&told(found)));
        }
        if !self.release.is_empty() {
            let (style, verdict) = if self.release.iter().any(Diagnostic::is_error) {
                (BAD, "REFUSED")
            } else {
                (GOOD, "PASSED")
            };
            let _ = writeln!(text, "all files together: {style}{verdict}{style:#}");
            self.release.iter().for_each(|found| text.push_str(&told(found)));
        }
        text.trim_end().to_owned()
    }

    /// The findings as workflow commands for GitHub's log, one per line.
    pub fn annotations(&self) -> String {
        let mut text = String::new();
        for (file, Diagnostic { rule, finding, place, pypi }) in self.diagnostics() {
            let _ = write!(text, "::{} title=pyrelease {rule}", finding.severity);
            if let Some(file) = file {
                let _ = write!(text, ",file={}", property(&file.file));
            }
            let mut message = finding.message.clone();
            if let Some(place) = place {
                let _ = write!(message, "\n{place}");
            }
            for (what, said) in [("PyPI", pypi), ("help", &finding.help)] {
                if let Some(said) = said {
                    let _ = write!(message, "\n{what}: {said}");
                }
            }
            let _ = writeln!(text, "::{}", escaped(&message));
        }
        text.trim_end().to_owned()
    }
}

fn told(Diagnostic { rule, finding, place, pypi }: &Diagnostic) -> String {
    let style = if finding.severity == Severity::Error { BAD } else { WARN };
    let (severity, message) = (finding.severity, visible(&finding.message));
    let mut text = format!("  {style}{severity}[{rule}]{style:#}: {message}\n");
    match place {
        Some(Location::Member { member }) => {
            let _ = writeln!(text, "     {DIM}-->{DIM:#} {}", visible(member));
        }
        Some(Location::Line { member, line, text: shown }) => {
            let _ = writeln!(text, "     {DIM}-->{DIM:#} {}:{line}", visible(member));
            let _ = writeln!(text, "{DIM}{line:7} |{DIM:#} {}", visible(shown));
        }
        None => {}
    }
    for (what, said) in [("PyPI", pypi), ("help", &finding.help)] {
        if let Some(said) = said {
            let _ = writeln!(text, "        {DIM}={DIM:#} {what}: {}", visible(said));
        }
    }
    text
}

/// A text without control characters, safe for a terminal.
fn visible(text: &str) -> String {
    let shown =
        |letter: char| if is_safe(letter) { letter.into() } else { letter.escape_default().to_string() };
    text.chars().map(shown).collect()
}

fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    escaped(text).replace(':', "%3A").replace(',', "%2C")
}

/// All rules, one per line: the name, the severity, and what must hold.
pub fn list() -> String {
    let rules: Vec<&Rule> = RULES.iter().copied().flatten().collect();
    let width = rules.iter().map(|rule| rule.id.len()).max().unwrap_or_default();
    let line = |rule: &&Rule| format!("{:width$}  {:7}  {}", rule.id, rule.severity, rule.summary);
    rules.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Explains a rule: its source, and PyPI's message.
pub fn explain(rule: &Rule) -> String {
    let mut text = format!("{}: {}\n\n", rule.id, rule.summary);
    let _ = writeln!(text, "weight     {}", rule.severity);
    let _ = writeln!(text, "source     {}", rule.reference);
    match rule.source {
        Source::Pypi(says) => {
            for (number, said) in says.split(" | ").enumerate() {
                let _ = writeln!(text, "{:10} {said}", if number == 0 { "PyPI says" } else { "" });
            }
            let _ = write!(text, "allowed    with `[stage.check] allow = [\"{}\"]` it is a warning", rule.id);
        }
        Source::Stricter(why) => {
            let _ = writeln!(text, "why        {why}; PyPI itself does not refuse it");
            let _ = write!(text, "allowed    `[stage.check] allow = [\"{}\"]` silences it", rule.id);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::diagnostic::Violation;
    use super::super::rules::rule;
    use super::*;

    fn report() -> Report {
        let name = rule("name").unwrap();
        let found = name.diagnostic(
            Violation::new("`-x` is not a valid project name")
                .line("PKG-INFO", 2, "Name: -x\u{1b}")
                .help("50%"),
        );
        let wrong =
            FileReport { file: "dist/a,b.whl".to_owned(), size: 1, accepted: false, findings: vec![found] };
        let right =
            FileReport { file: "dist/c.whl".to_owned(), size: 1, accepted: true, findings: Vec::new() };
        Report::new(vec![wrong, right], Vec::new())
    }

    #[test]
    fn a_report_shows_the_line_pypi_s_words_and_the_fix() {
        let text = anstream::adapter::strip_str(&report().text()).to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[..4],
            [
                "dist/a,b.whl: REFUSED",
                "  error[name]: `-x` is not a valid project name",
                "     --> PKG-INFO:2",
                "      2 | Name: -x\\u{1b}",
            ]
        );
        assert!(lines[4].starts_with("        = PyPI: '…' is an invalid value for Name."));
        assert_eq!(lines[5..], ["        = help: 50%", "dist/c.whl: PASSED"]);
        assert!(!report().accepted);
    }

    #[test]
    fn github_gets_one_line_a_finding() {
        let text = report().annotations();
        assert!(
            text.starts_with(
                "::error title=pyrelease name,file=dist/a%2Cb.whl::`-x` is not a valid project name%0A"
            ),
            "{text}"
        );
        assert!(text.ends_with("%0Ahelp: 50%25"), "{text}");
        assert_eq!(text.lines().count(), 1);
    }

    #[test]
    fn every_rule_can_be_explained() {
        assert!(RULES.iter().copied().flatten().all(|rule| explain(rule).contains(rule.id)));
        assert!(list().lines().count() > 50);
    }
}
