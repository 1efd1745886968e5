//! tbump: tbump.toml, pyproject.toml.

use super::ToolSettings;
use super::account::{Fates, HookTime, Part, decides, dropped, same};
use super::draft::{Draft, toml_place};
use super::sources::{Sources, Table};
use super::template::{Fields, Style, pattern, translate};
use crate::python::project::{Pattern, VersionSyntax};

const TOOL: &str = "tbump";
pub(super) const FILE: &str = "tbump.toml";

const NAMES: &Fields = &[("new_version", "version")];

/// The placeholders of commands
const COMMAND: &Fields = &[("new_version", "version"), ("current_version", "previous_version")];

const FATES: Fates = Fates {
    on: &[
        ("version.current", decides(Part::Record)),
        ("version.regex", same("every version of PEP 440 is read")),
        ("git.tag_template", decides(Part::TagName)),
        ("git.message_template", decides(Part::CommitMessage)),
        ("git.sign", decides(Part::Signature)),
        ("git.atomic_push", same("branch and tag are pushed at once")),
        (
            "git.push_remote",
            dropped("the remote is the one that `git push` would choose, or `remote` in [stage.push]"),
        ),
        ("github_url", dropped("it is only a link in the output of tbump")),
        ("file.*.**", decides(Part::Places)),
        ("field.*.**", dropped("every version of PEP 440 is read")),
        ("before_commit.*.**", decides(Part::Hooks)),
        ("after_push.*.**", decides(Part::Hooks)),
        ("before_push.*.**", decides(Part::Hooks)),
        ("hook.*.**", decides(Part::Hooks)),
    ],
    off: &[("git.atomic_push", dropped("branch and tag are always pushed at once"))],
};

pub(super) fn read(sources: &Sources<'_>) -> Option<ToolSettings> {
    [(FILE, &[][..]), ("pyproject.toml", &["tool", "tbump"])].into_iter().find_map(|(file, keys)| {
        match sources.toml(file, keys) {
            Ok(None) => None,
            Ok(Some(table)) => Some(settings(Draft::new(sources, TOOL, file), (file, keys), &table)),
            Err(reason) => Some(Draft::unreadable(sources, TOOL, file, reason)),
        }
    })
}

fn settings(mut draft: Draft<'_>, (file, keys): (&str, &[&str]), table: &Table) -> ToolSettings {
    let empty = Table::new();
    let version = table.get("version").and_then(|value| value.as_object()).unwrap_or(&empty);
    let git = table.get("git").and_then(|value| value.as_object()).unwrap_or(&empty);
    let current = draft.string(version, "current").unwrap_or_default();
    draft.current_version(
        "version.current",
        &current,
        toml_place(file, &[keys, &["version", "current"]].concat()),
    );
    if let Some(name) = draft.string(git, "tag_template") {
        draft.tag("git.tag_template", &name, Style::Format, NAMES);
        draft.settings.annotated = Some(true);
        draft.settings.tag_message = Some("{tag}".to_owned());
    }
    draft.settings.signed = draft.flag(git, "sign");
    if let Some(message) = draft.string(git, "message_template") {
        draft.settings.commit_message = draft.message("git.message_template", &message, Style::Format, NAMES);
    }
    for (at, entry) in draft.tables(table, "file").iter().enumerate() {
        if let Some(path) = entry.get("src").and_then(|src| src.as_str()) {
            draft.label(format!("file[{at}]"), format!("file ({path})"));
        }
        draft.within(format!("file[{at}]"));
        change(&mut draft, &current, entry);
    }
    draft.within("");
    for (key, time) in [
        ("hook", HookTime::BeforeCommit),
        ("before_commit", HookTime::BeforeCommit),
        ("before_push", HookTime::AfterCommit),
        ("after_push", HookTime::AfterPush),
    ] {
        for (at, entry) in draft.tables(table, key).iter().enumerate() {
            let own = format!("{key}[{at}]");
            let name = draft.string(entry, "name").unwrap_or_else(|| key.to_owned());
            draft.label(own.clone(), format!("{key} ({name})"));
            match draft.string(entry, "cmd").map(|command| translate(&command, Style::Format, COMMAND)) {
                Some(Ok(command)) => draft.hooks(&own, &name, time, vec![command]),
                Some(Err(reason)) => draft.unread_at(&own, format!("`cmd` of `{name}`: {reason}")),
                None => draft.unread_at(&own, format!("`{name}` has no `cmd`")),
            }
        }
    }
    draft.finish(table, &FATES)
}

fn change(draft: &mut Draft<'_>, current: &str, entry: &Table) {
    let Some(named) = draft.string(entry, "src") else {
        draft.unread("an entry of `file` has no `src`");
        return;
    };
    if entry.contains_key("version_template") {
        draft.unread(format!("`{named}` has a `version_template`, so the file is not bumped"));
        return;
    }
    let how = match draft.string(entry, "search") {
        None => VersionSyntax::Pattern(Pattern::every("{version}")),
        Some(search) => match pattern(&search, &[("current_version", "version")]) {
            // As in tbump, any version in a matching line is replaced.
            Ok(search) => {
                VersionSyntax::Lines { pattern: search.replace("{version}", &regex::escape(current)) }
            }
            Err(reason) => {
                draft.unread(format!("`{named}` is not bumped: `search`: {reason}"));
                return;
            }
        },
    };
    for path in draft.paths(&named, false) {
        draft.search(&path, how.clone(), false);
    }
}
