//! What `init` found, and what it would write.

use std::fmt::Write as _;

use super::Table;
use super::style::{DIM, GOOD, INFO, WARN, diff_text};
use crate::init::{Outcome, Proposal, SettingOutcome};
use crate::text::{safe, visible};

/// How many settings of different entries a row names at most
const MOST_NAMED: usize = 4;

/// What was found, what becomes of other tools' settings, and the difference to the file.
pub fn init_text(proposal: &Proposal, diff: Option<&str>) -> String {
    let mut text = String::new();
    let mut found = Table::default().indented(2);
    for fact in &proposal.found {
        found.row([format!("{DIM}{}{DIM:#}", fact.what), visible(&fact.value)]);
    }
    let _ = write!(text, "{INFO}Found{INFO:#}\n{found}\n");
    let mut settings = proposal.settings.as_slice();
    while let Some(first) = settings.first() {
        let own = |one: &SettingOutcome| one.tool == first.tool && one.file == first.file;
        let count = settings.iter().take_while(|one| own(one)).count();
        let _ = write!(text, "\n{INFO}Settings of {} in `{}`{INFO:#}\n", first.tool, safe(&first.file));
        let _ = writeln!(text, "{}", table(&settings[..count]));
        settings = &settings[count..];
    }
    if !proposal.open.is_empty() {
        let _ = writeln!(text, "\n{WARN}Needs you{WARN:#}");
        for open in &proposal.open {
            let _ = writeln!(text, "  {}", visible(open));
        }
    }
    if let Some(diff) = diff {
        text.push('\n');
        text.push_str(&diff_text(diff));
    }
    text.trim_end().to_owned()
}

fn table(settings: &[SettingOutcome]) -> String {
    let mut table = Table::default().indented(2);
    let mut rest = settings;
    while let Some(first) = rest.first() {
        // Settings of one entry with the same fate are one row, and those that stay the same for one reason.
        let (entry, name) = parts(&first.setting);
        let is_alike = |one: &&SettingOutcome| {
            (first.outcome == Outcome::Same || !entry.is_empty() && parts(&one.setting).0 == entry)
                && (one.outcome, &one.detail) == (first.outcome, &first.detail)
        };
        let count = rest.iter().take_while(is_alike).count().max(1);
        let row = &rest[..count];
        let shown = match count {
            1 => first.setting.clone(),
            _ if !entry.is_empty() && row.iter().all(|one| parts(&one.setting).0 == entry) => {
                let names: Vec<&str> = row.iter().map(|one| parts(&one.setting).1).collect();
                format!("{entry} {}", names.join(", "))
            }
            _ => several(row),
        };
        let shown = if name.is_empty() && entry.is_empty() { "(all)".to_owned() } else { shown };
        let outcome = match first.outcome {
            Outcome::Converted => format!("{GOOD}converted{GOOD:#}"),
            Outcome::Same => format!("{DIM}the same{DIM:#}"),
            Outcome::Dropped => "dropped".to_owned(),
            Outcome::NeedsUser => format!("{WARN}needs you{WARN:#}"),
        };
        let detail = match first.outcome {
            Outcome::Dropped => format!("because {}", visible(&first.detail)),
            _ => visible(&first.detail),
        };
        table.row([outcome, visible(&shown), detail]);
        rest = &rest[count..];
    }
    table.to_string()
}

/// Names settings of different entries: all of a few, and the first of many.
fn several(row: &[SettingOutcome]) -> String {
    let shown = if row.len() > MOST_NAMED { MOST_NAMED - 1 } else { row.len() };
    let names: Vec<&str> = row[..shown].iter().map(|one| one.setting.as_str()).collect();
    match row.len() - shown {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

/// The entry that a setting is in, and its name there: `[bumpversion:file:setup.py]` and `search`.
fn parts(setting: &str) -> (&str, &str) {
    match setting.rfind(") ").or_else(|| setting.rfind("] ")) {
        Some(at) => (&setting[..=at], &setting[at + 2..]),
        None => setting.rsplit_once('.').unwrap_or(("", setting)),
    }
}
