//! The requirements in setup.cfg and setup.py, as far as they can be read without running anything.

use super::error::WorkspaceError;
use super::requirement::Kind;
use super::statements::{RequirementFile, Statements};
use crate::python::project::{SetupString, ini, setup_strings};
use crate::python::verdict::requirement;

/// The arguments of `setup()` that have requirements, which setup.cfg has in `[options]`
fn lists() -> [(&'static str, Kind); 3] {
    [
        ("install_requires", Kind::Run),
        ("setup_requires", Kind::Build),
        ("tests_require", Kind::Group("tests".to_owned())),
    ]
}

const EXTRAS: &str = "extras_require";

/// Finds the requirements on members in a setup.cfg; returns the files in which there are more.
pub(super) fn read_cfg(found: &mut Statements<'_>) -> Result<Vec<RequirementFile>, WorkspaceError> {
    let text = found.text;
    let entries = ini::entries(text);
    let mut files = Vec::new();
    let lists = lists().into_iter();
    let mut settings: Vec<(&ini::Entry, Kind)> =
        lists.filter_map(|(key, kind)| Some((ini::find(&entries, "options", key)?, kind))).collect();
    let extras = entries.iter().filter(|entry| entry.section.strip_prefix("options.") == Some(EXTRAS));
    settings.extend(extras.map(|entry| (entry, Kind::Optional(entry.key.clone()))));
    for (entry, kind) in settings {
        let key = format!("{}.{}", entry.section, entry.key);
        if let Some(named) = entry.values(text).next().and_then(|value| value.strip_prefix("file:")) {
            let more = entry.values(text).skip(1);
            let named = named.split(',').chain(more.flat_map(|line| line.split(','))).map(str::trim);
            let named = named.filter(|file| !file.is_empty());
            files.extend(named.map(|file| (file.to_owned(), key.clone(), kind.clone())));
            continue;
        }
        for span in &entry.lines {
            let value = &text[span.clone()];
            let before = text[..span.start].rsplit('\n').next().unwrap_or_default();
            // Beside its key, and alone, `;` separates requirements.
            let is_beside = entry.lines.len() == 1 && !before.trim().is_empty();
            let mut at = span.start;
            for part in value.split(|letter| letter == ';' && is_beside) {
                found.requirement(part, at, (&key, &kind))?;
                at += part.len() + 1;
            }
        }
    }
    Ok(files)
}

/// Finds the requirements on members in a setup.py: the strings that are exactly that.
pub(super) fn read_py(found: &mut Statements<'_>) -> Result<Vec<RequirementFile>, WorkspaceError> {
    let text = found.text;
    let arguments = lists().into_iter().map(|(name, kind)| (name, Some(kind)));
    for (name, kind) in arguments.chain([(EXTRAS, None)]) {
        for SetupString { key, span, is_whole } in setup_strings(text, name) {
            let extra = || Kind::Optional(key.map_or(String::new(), |key| text[key].to_owned()));
            let kind = kind.clone().unwrap_or_else(extra);
            if !is_whole {
                found.computed(span.start, (name, &kind));
            } else if requirement::parse(&text[span.clone()]).is_ok() {
                found.requirement(&text[span.clone()], span.start, (name, &kind))?;
            }
        }
    }
    Ok(Vec::new())
}
