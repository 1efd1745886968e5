//! The report of `check`: as text, and for GitHub's log; and the rules.

use std::fmt::Write as _;

use super::style::{BAD, GOOD, PLACE, WARN};
use super::table::Table;
use crate::finding::Severity;
use crate::python::verdict::{Diagnostic, Group, Location, RULES, Report, Rule, Source};
use crate::text::visible;

/// The report as styled text.
pub fn check_text(report: &Report) -> String {
    let mut text = String::new();
    let groups = report.groups();
    for file in &report.files {
        let (style, verdict) = if file.accepted { (GOOD, "PASSED") } else { (BAD, "REFUSED") };
        let _ = writeln!(text, "{}: {style}{verdict}{style:#}", visible(&file.file));
        let is_own = |group: &&Group<'_>| matches!(group.files[..], [only] if std::ptr::eq(only, file));
        groups.iter().filter(is_own).for_each(|group| text.push_str(&group_text(group)));
    }
    let mut heading = String::new();
    for group in groups.iter().filter(|group| group.files.len() > 1) {
        let files = group.file_names(visible);
        if files != heading {
            let _ = writeln!(text, "{files}:");
            heading = files;
        }
        text.push_str(&group_text(group));
    }
    if !report.release.is_empty() {
        let (style, verdict) =
            if report.release.iter().any(Diagnostic::is_error) { (BAD, "REFUSED") } else { (GOOD, "PASSED") };
        let _ = writeln!(text, "all files together: {style}{verdict}{style:#}");
        let of_release = groups.iter().filter(|group| group.files.is_empty());
        of_release.for_each(|group| text.push_str(&group_text(group)));
    }
    text.trim_end().to_owned()
}

/// The findings as workflow commands for GitHub's log, one per line.
pub fn annotations(report: &Report) -> String {
    let mut text = String::new();
    for (file, Diagnostic { rule, finding, place, pypi, .. }) in report.diagnostics() {
        let kind = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note | Severity::Detail => "notice",
        };
        let _ = write!(text, "::{kind} title=pyrelease {rule}");
        if let Some(file) = file {
            let _ = write!(text, ",file={}", property(&file.file));
        }
        let mut message = finding.message.clone();
        if let Some(place) = place {
            let _ = write!(message, "\n{place}");
        }
        for (label, line) in [("PyPI", pypi), ("help", &finding.help)] {
            if let Some(line) = line {
                let _ = write!(message, "\n{label}: {line}");
            }
        }
        let _ = writeln!(text, "::{}", escaped(&message));
    }
    text.trim_end().to_owned()
}

/// A group of equal findings: the message, where it was found, and the help.
fn group_text(group: &Group<'_>) -> String {
    let (rule, severity) = (group.rule(), group.severity());
    let style = if severity == Severity::Error { BAD } else { WARN };
    let mut text = format!("  {style}{severity}[{rule}]{style:#}: {}\n", visible(&group.message()));
    match group.only().and_then(|found| found.place.as_ref()) {
        Some(Location::Member { member }) => {
            let _ = writeln!(text, "     {PLACE}-->{PLACE:#} {}", visible(member));
        }
        Some(Location::Line { member, line, text: shown }) => {
            let _ = writeln!(text, "     {PLACE}-->{PLACE:#} {}:{line}", visible(member));
            let _ = writeln!(text, "{PLACE}{line:7} |{PLACE:#} {}", visible(shown));
        }
        None if group.only().is_none() => {
            for example in group.examples() {
                let _ = writeln!(text, "     {PLACE}-->{PLACE:#} {}", visible(&example));
            }
        }
        None => {}
    }
    for (label, line) in [("PyPI", group.pypi()), ("help", group.help())] {
        if let Some(line) = line {
            let _ = writeln!(text, "        {PLACE}={PLACE:#} {label}: {}", visible(line));
        }
    }
    text
}

fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    escaped(text).replace(':', "%3A").replace(',', "%2C")
}

/// All rules, one per line: the name, the severity, and what must hold.
pub fn rules_text() -> String {
    let mut table = Table::default();
    for rule in RULES.iter().copied().flatten() {
        table.row([rule.id, &rule.severity.to_string(), rule.summary]);
    }
    table.to_string()
}

/// Explains a rule: its source, and PyPI's message.
pub fn rule_text(rule: &Rule) -> String {
    let mut table = Table::default().at_least(&[9]);
    table.text(format!("{}: {}\n", rule.id, rule.summary));
    table.row(["weight", &rule.severity.to_string()]);
    table.row(["source", rule.reference]);
    let allow = format!("`[stage.check] allow = [\"{}\"]`", rule.id);
    match rule.source {
        Source::Pypi(message) => {
            table.row(["PyPI says", &message.replace(" | ", "\n")]);
            table.row(["allowed", &format!("with {allow} it is a warning")]);
        }
        Source::Stricter(reason) => {
            table.row(["why", &format!("{reason}; PyPI itself does not refuse it")]);
            table.row(["allowed", &format!("{allow} silences it")]);
        }
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Finding;
    use crate::python::verdict::FileReport;

    fn report() -> Report {
        let place =
            Location::Line { member: "PKG-INFO".to_owned(), line: 2, text: "Name: -x\u{1b}".to_owned() };
        let found = Diagnostic {
            rule: "name",
            finding: Finding::error("`-x` is not a valid project name").help("50%"),
            place: Some(place),
            pypi: Some("'…' is an invalid value for Name.".to_owned()),
            further: None,
        };
        let wrong =
            FileReport { file: "dist/a,b.whl".to_owned(), size: 1, accepted: false, findings: vec![found] };
        let right =
            FileReport { file: "dist/c.whl".to_owned(), size: 1, accepted: true, findings: Vec::new() };
        Report::new(vec![wrong, right], Vec::new())
    }

    #[test]
    fn a_report_shows_the_line_pypi_s_words_and_the_fix() {
        let text = anstream::adapter::strip_str(&check_text(&report())).to_string();
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
        let text = annotations(&report());
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
        assert!(RULES.iter().copied().flatten().all(|rule| rule_text(rule).contains(rule.id)));
        assert!(rules_text().lines().count() > 50);
    }
}
