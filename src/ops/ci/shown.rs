//! What `ci` shows people.

use std::fmt::Write as _;

use super::{CiReport, Publisher};
use crate::text::visible;
use crate::ui::Table;
use crate::ui::style::{DIM, INFO, WARN, diff_text};

/// The changes of the files, the forms of trusted publishers, and what else there is to do.
pub(super) fn text(report: &CiReport) -> String {
    let mut text = String::new();
    for diff in report.files.iter().filter_map(|file| file.diff.as_deref()) {
        let _ = writeln!(text, "{}\n", diff_text(diff));
    }
    for publisher in &report.publishers {
        let _ = writeln!(text, "{}", form(publisher));
    }
    if !report.notes.is_empty() {
        let _ = writeln!(text, "{WARN}Needs you{WARN:#}");
        for note in &report.notes {
            let _ = writeln!(text, "  {}", visible(note));
        }
    }
    text.trim_end().to_owned()
}

fn form(publisher: &Publisher) -> String {
    let mut fields = Table::default().indented(2);
    for (field, value) in &publisher.fields {
        fields.row([format!("{DIM}{field}{DIM:#}"), visible(value)]);
    }
    fields.row([format!("{DIM}at{DIM:#}"), publisher.form.clone()]);
    fields.row([format!("{DIM}or, before the first release, at{DIM:#}"), publisher.first.clone()]);
    format!("{INFO}Trusted publisher of {}{INFO:#}\n{fields}\n", publisher.index)
}
