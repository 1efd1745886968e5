//! The colours of everything that is shown.

use anstyle::{AnsiColor, Style};

use crate::text::safe;

pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
pub(crate) const WARN: Style = AnsiColor::Yellow.on_default().bold();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(crate) const INFO: Style = AnsiColor::Cyan.on_default().bold();
pub(crate) const PLACE: Style = AnsiColor::Cyan.on_default();
pub(crate) const DIM: Style = Style::new().dimmed();

/// The change of a file, with colours as git has them.
pub(crate) fn diff_text(diff: &str) -> String {
    let coloured = |line: &str| {
        let style = match line.as_bytes().first() {
            _ if line.starts_with("---") || line.starts_with("+++") => DIM,
            Some(b'+') => AnsiColor::Green.on_default(),
            Some(b'-') => AnsiColor::Red.on_default(),
            Some(b'@') => AnsiColor::Cyan.on_default(),
            _ => return safe(line).into_owned(),
        };
        format!("{style}{}{style:#}", safe(line))
    };
    diff.lines().map(coloured).collect::<Vec<_>>().join("\n")
}
