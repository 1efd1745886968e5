//! zest.releaser: setup.cfg, then pyproject.toml, whose settings win.

use super::ToolSettings;
use super::account::{Fates, Part, decides, dropped, needs, same};
use super::draft::Draft;
use super::sources::{Reading, Sources, Table};
use super::template::{Fields, Style};
use crate::python::project::{VersionLocation, VersionSyntax};

const TOOL: &str = "zest.releaser";

const NAMES: &Fields = &[("version", "version")];

const HOOKS: [&str; 3] = ["prereleaser.", "releaser.", "postreleaser."];

/// The user's own settings, for all projects
pub const OF_USER: &str = "~/.pypirc";

const FATES: Fates = Fates {
    on: &[
        ("release", same("the release is published")),
        ("upload-pypi", same("the release is published")),
        ("create-wheel", same("a wheel is built")),
        ("push-changes", same("branch and tag are pushed")),
        ("register", dropped("PyPI registers a project with its first upload")),
        ("no-input", dropped("`--yes` answers the one question")),
        ("extra-message", decides(Part::CommitMessage)),
        ("prefix-message", decides(Part::CommitMessage)),
        ("less-zeroes", needs("set the version yourself: `pyrelease run 1.2`")),
        (
            "version-levels",
            needs("a bump counts up the major, minor or patch number; set another version yourself"),
        ),
        ("development-marker", decides(Part::Reopen)),
        ("tag-format", decides(Part::TagName)),
        ("tag-message", decides(Part::TagMessage)),
        ("tag-signing", decides(Part::Signature)),
        (
            "date-format",
            dropped("dates are written as those of earlier versions; see `date-format` in [stage.changelog]"),
        ),
        ("history-file", decides(Part::Changelog)),
        ("history_file", decides(Part::Changelog)),
        ("history_format", same("the changelog's format is recognized")),
        ("encoding", dropped("files are UTF-8")),
        ("run-pre-commit", same("git's hooks run once, in the release's clone")),
        ("python-file-with-version", decides(Part::Places)),
    ],
    off: &[
        ("release", needs("remove `testpypi` and `pypi` from `stages` if nothing is to be uploaded")),
        ("upload-pypi", needs("remove `testpypi` and `pypi` from `stages` if nothing is to be uploaded")),
        ("create-wheel", decides(Part::Wheels)),
        ("push-changes", needs("remove `push` from `stages` if nothing is to be pushed")),
        ("development-marker", decides(Part::Reopen)),
    ],
};

pub(super) fn read(sources: &Sources<'_>) -> Option<ToolSettings> {
    let of_user = load_ini(sources, OF_USER).unwrap_or_default();
    let older = match load_ini(sources, "setup.cfg") {
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
    let mut table = of_user.unwrap_or_default();
    table.extend(older.unwrap_or_default());
    table.extend(newer.unwrap_or_default());
    Some(settings(Draft::new(sources, TOOL, file), &table))
}

fn load_ini(sources: &Sources<'_>, path: &str) -> Reading<Option<Table>> {
    let mut sections = sources.ini(path, "zest.releaser")?.into_iter();
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
        draft.within("python-file-with-version");
        for path in draft.paths(&named, false) {
            let how = VersionSyntax::Assignment { name: "__version__".to_owned() };
            draft.place(VersionLocation { path, how }, false);
        }
        draft.within("");
    }
    draft.settings.wheels = draft.flag(table, "create-wheel");
    for (key, reason) in [
        ("release", "the project is not released to an index"),
        ("upload-pypi", "the project is not uploaded to PyPI"),
        ("create-wheel", "no wheel is made"),
        ("push-changes", "the release is not pushed"),
    ] {
        if draft.flag(table, key) == Some(false) {
            draft.warn(format!("`{key}` is false: with zest.releaser, {reason}"));
        }
    }
    if let Some(key) = table.keys().find(|key| HOOKS.iter().any(|hook| key.to_lowercase().starts_with(hook)))
    {
        draft.unread_at(key, "the entry points of `prereleaser`, `releaser` and `postreleaser` are not run");
    }
    draft.finish(table, &FATES)
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
