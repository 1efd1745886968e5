//! python-semantic-release: releaserc.toml, pyproject.toml, and setup.cfg of its older versions.

use serde_json::Value;

use super::ToolSettings;
use super::draft::Draft;
use super::sources::{Reading, Sources, Table};
use super::tag::TagSetting;
use super::template::{Fields, Style};
use crate::python::project::{VersionLocation, VersionSyntax};

const TOOL: &str = "python-semantic-release";

const FILES: [(&str, &[&str]); 4] = [
    ("pyproject.toml", &["tool", "semantic_release"]),
    ("releaserc.toml", &["semantic_release"]),
    ("releaserc.toml", &["tool", "semantic_release"]),
    ("setup.cfg", &[]),
];

const NAMES: &Fields = &[("version", "version")];

const UNFOLLOWED: [(&str, &str); 3] = [
    ("build_command", "this command is not run; pyrelease builds with the project's backend"),
    ("assets", "these files are not added to the release commit"),
    ("add_partial_tags", "these tags are not made"),
];

pub(super) fn read(sources: &Sources<'_>) -> Option<ToolSettings> {
    FILES.iter().find_map(|(file, keys)| match load(sources, file, keys) {
        Ok(None) => None,
        Ok(Some(table)) => Some(settings(Draft::new(sources, TOOL, file), &table)),
        Err(reason) => Some(Draft::unreadable(sources, TOOL, file, reason)),
    })
}

fn load(sources: &Sources<'_>, file: &str, keys: &[&str]) -> Reading<Option<Table>> {
    if file.ends_with(".toml") {
        return sources.toml(file, keys);
    }
    let mut sections = sources.ini(file, "semantic_release")?.into_iter();
    Ok(sections.find(|(name, _)| name == "semantic_release").map(|(_, table)| table))
}

fn settings(mut draft: Draft<'_>, table: &Table) -> ToolSettings {
    let format = draft.string(table, "tag_format").unwrap_or_else(|| "v{version}".to_owned());
    draft.tag("tag_format", &format, Style::Format, NAMES);
    draft.settings.annotated = Some(true);
    draft.settings.tag_message = Some("{tag}".to_owned());
    // The default names the tool as the author.
    let message = draft.string(table, "commit_message").or_else(|| draft.string(table, "commit_subject"));
    let message = message.unwrap_or_else(|| "{version}".to_owned());
    draft.settings.commit_message = draft.message("commit_message", &message, Style::Format, NAMES);
    if let Some(path) = changelog_file(table) {
        draft.changelog("changelog_file", path);
    }
    draft.unfollowed(table, &UNFOLLOWED);
    for key in ["version_toml", "version_variables", "version_variable"] {
        for entries in draft.list(table, key) {
            for entry in entries.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
                change(&mut draft, key, entry);
            }
        }
    }
    for entry in draft.list(table, "version_pattern") {
        match entry.split_once(':') {
            Some((file, pattern)) if pattern.contains("{version}") => {
                for path in draft.paths(file, false) {
                    draft.search(&path, VersionSyntax::Lines { pattern: pattern.to_owned() }, false);
                }
            }
            _ => {
                draft.unread(format!("`version_pattern`: `{entry}` is not `file:pattern` with `{{version}}`"))
            }
        }
    }
    draft.settings
}

fn changelog_file(table: &Table) -> Option<&str> {
    let changelog = table.get("changelog");
    let newer = changelog.and_then(|changelog| changelog.get("default_templates")?.get("changelog_file"));
    newer
        .or_else(|| changelog.and_then(|changelog| changelog.get("changelog_file")))
        .or_else(|| table.get("changelog_file"))
        .and_then(Value::as_str)
}

/// An entry: `file:name` or `file:name:format`.
fn change(draft: &mut Draft<'_>, key: &str, entry: &str) {
    let mut parts = entry.splitn(3, ':');
    let (Some(file), Some(name)) = (parts.next(), parts.next().filter(|name| !name.is_empty())) else {
        draft.unread(format!("`{key}`: `{entry}` is not `file:name`"));
        return;
    };
    let is_tag = parts.next() == Some("tf");
    let Some(path) = draft.paths(file, false).into_iter().next() else { return };
    if key == "version_toml" {
        if is_tag {
            draft.unread(format!("`{path}`: `{name}` is a tag's name, which is not bumped"));
        } else {
            draft.toml_key(&path, &name.split('.').collect::<Vec<_>>(), false);
        }
    } else if name == "*" {
        draft.place(VersionLocation { path, how: VersionSyntax::WholeFile }, false);
    } else {
        let pattern = assignment(name, if is_tag { draft.settings.tag.as_ref() } else { None });
        draft.search(&path, VersionSyntax::Lines { pattern }, false);
    }
}

/// The expression for an assignment: `name = "1.2.3"`, `"name": "1.2.3"`, `name: str = "1.2.3"`, `name@1.2.3`.
fn assignment(name: &str, tag: Option<&TagSetting>) -> String {
    let prefix = match tag {
        Some(TagSetting::Template(template)) => template.split("{version}").next().unwrap_or(""),
        _ => "",
    };
    format!(
        r#"(?:^|[^\w.-]){}['"]?(?:\s{{0,8}}:\s{{0,8}}[^\s=:'"][^=:'",]{{0,100}})??\s{{0,8}}(?::=|==|[:=@ ])\s{{0,8}}['"]?{}{{version}}"#,
        regex::escape(name),
        regex::escape(prefix),
    )
}
