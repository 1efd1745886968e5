//! zest.releaser: setup.cfg, then pyproject.toml, whose settings win.

use super::ToolSettings;
use super::draft::Draft;
use super::sources::{Reading, Sources, Table};
use super::template::{Fields, Style};
use crate::python::project::{VersionLocation, VersionSyntax};

const TOOL: &str = "zest.releaser";

const NAMES: &Fields = &[("version", "version")];

const HOOKS: [&str; 3] = ["prereleaser.", "releaser.", "postreleaser."];

pub(super) fn read(sources: &Sources<'_>) -> Option<ToolSettings> {
    let older = match load_setup_cfg(sources) {
        Ok(table) => table,
        Err(reason) => return Some(Draft::unreadable(sources, TOOL, "setup.cfg", reason)),
    };
    let newer = match sources.pyproject(&["tool", "zest-releaser"]) {
        Ok(table) => table,
        Err(reason) => return Some(Draft::unreadable(sources, TOOL, "pyproject.toml", reason)),
    };
    let file = if newer.is_some() { "pyproject.toml" } else { "setup.cfg" };
    if older.is_none() && newer.is_none() {
        return None;
    }
    let mut table = older.unwrap_or_default();
    table.extend(newer.unwrap_or_default());
    Some(settings(Draft::new(sources, TOOL, file), &table))
}

fn load_setup_cfg(sources: &Sources<'_>) -> Reading<Option<Table>> {
    let mut sections = sources.ini("setup.cfg", "zest.releaser")?.into_iter();
    Ok(sections.find(|(name, _)| name == "zest.releaser").map(|(_, table)| table))
}

fn settings(mut draft: Draft<'_>, table: &Table) -> ToolSettings {
    let format = draft.string(table, "tag-format").unwrap_or_else(|| "{version}".to_owned());
    draft.tag("tag-format", &format.replace("%(version)s", "{version}"), Style::Format, NAMES);
    let message = draft.string(table, "tag-message").unwrap_or_else(|| "Tagging {version}".to_owned());
    draft.settings.tag_message = draft.message("tag-message", &message, Style::Format, NAMES);
    draft.settings.annotated = Some(true);
    draft.settings.signed = draft.flag(table, "tag-signing");
    draft.settings.commit_message = commit_message(&mut draft, table);
    let marker = draft.string(table, "development-marker").unwrap_or_else(|| ".dev0".to_owned());
    draft.settings.reopen = Some(marker.trim().to_owned()).filter(|marker| !marker.is_empty());
    let history = draft.string(table, "history-file").or_else(|| draft.string(table, "history_file"));
    if let Some(path) = history {
        draft.changelog("history-file", &path);
    }
    if let Some(named) = draft.string(table, "python-file-with-version") {
        for path in draft.paths(&named, false) {
            let how = VersionSyntax::Assignment { name: "__version__".to_owned() };
            draft.place(VersionLocation { path, how }, false);
        }
    }
    for (key, reason) in [
        ("release", "the project is not released to an index"),
        ("upload-pypi", "the project is not uploaded to PyPI"),
        ("create-wheel", "no wheel is made"),
        ("push-changes", "the release is not pushed"),
    ] {
        if draft.flag(table, key) == Some(false) {
            draft.unread(format!("`{key}` is false: with zest.releaser, {reason}"));
        }
    }
    if table.keys().any(|key| HOOKS.iter().any(|hook| key.to_lowercase().starts_with(hook))) {
        draft.unread("the entry points of `prereleaser`, `releaser` and `postreleaser` are not run");
    }
    draft.settings
}

fn commit_message(draft: &mut Draft<'_>, table: &Table) -> Option<String> {
    // Both are plain texts.
    let mut text = |key: &str| draft.string(table, key).filter(|text| !text.trim().is_empty());
    let (prefix, extra) = (text("prefix-message"), text("extra-message"));
    let mut message = "Preparing release {version}".to_owned();
    if let Some(prefix) = prefix {
        message = format!("{} {message}", prefix.replace('{', "{{").replace('}', "}}"));
    }
    if let Some(extra) = extra {
        message = format!("{message}\n\n{}", extra.replace('{', "{{").replace('}', "}}"));
    }
    draft.message("prefix-message", &message, Style::Format, NAMES)
}
