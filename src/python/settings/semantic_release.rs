//! python-semantic-release: releaserc.toml, pyproject.toml, and setup.cfg of its older versions.

use serde_json::Value;

use super::ToolSettings;
use super::account::{Fate, Fates, Part, decides, dropped, needs, same};
use super::draft::Draft;
use super::sources::{Reading, Sources, Table};
use super::tag::TagSetting;
use super::template::{Fields, Style};
use crate::python::project::{VersionLocation, VersionSyntax};

const TOOL: &str = "python-semantic-release";

pub(super) const FILE: &str = "releaserc.toml";
pub(in crate::python) const FILES: [(&str, &[&str]); 4] = [
    ("pyproject.toml", &["tool", "semantic_release"]),
    (FILE, &["semantic_release"]),
    (FILE, &["tool", "semantic_release"]),
    ("setup.cfg", &[]),
];

const NAMES: &Fields = &[("version", "version")];

const UNFOLLOWED: [(&str, &str); 2] = [
    ("assets", "these files are not added to the release commit"),
    ("add_partial_tags", "these tags are not made"),
];

const ON_FORGE: Fate =
    dropped("the stage `forge-release` makes a release on the forge, if you add it after `push`");
const OF_CHANGELOG: Fate =
    same("python-semantic-release writes the changelog, and applies this setting itself");
const OWN_IDENTITY: Fate = dropped("your own git identity makes commit and tag");
const UPLOADS: Fate = same("pyrelease uploads what it built");
const BRANCHES: Fate = dropped(
    "the remote's default branch and maintenance branches are released; see `branches` in [stage.push]",
);

const FATES: Fates = Fates {
    on: &[
        ("tag_format", decides(Part::TagName)),
        ("commit_message", decides(Part::CommitMessage)),
        ("commit_subject", decides(Part::CommitMessage)),
        ("commit_author", OWN_IDENTITY),
        ("commit_parser", same("the release reads the commits by its rules")),
        ("commit_parser_options.**", same("the release reads the commits by its rules")),
        ("version_toml", decides(Part::Places)),
        ("version_toml.*", decides(Part::Places)),
        ("version_variables", decides(Part::Places)),
        ("version_variables.*", decides(Part::Places)),
        ("version_variable", decides(Part::Places)),
        ("version_variable.*", decides(Part::Places)),
        ("version_pattern", decides(Part::Places)),
        ("version_pattern.*", decides(Part::Places)),
        ("version_source", same("the version is bumped where the project states it")),
        ("major_on_zero", decides(Part::Stable)),
        ("allow_zero_version", same("versions below 1.0.0 are released, too")),
        ("add_partial_tags", needs("these tags are not made")),
        ("assets", needs("these files are not added to the release commit")),
        ("build_command", same("pyrelease builds with the project's backend")),
        ("build_command_env", dropped("the build has your environment without credentials")),
        ("no_git_verify", dropped("git's hooks run once, in the release's clone")),
        ("logging_use_named_masks", dropped("no log contains secrets")),
        ("branch", BRANCHES),
        ("branches.*.prerelease", dropped("pass `a`, `b` or `rc` for a pre-release: `pyrelease run rc`")),
        ("branches.**", BRANCHES),
        ("changelog.changelog_file", decides(Part::Changelog)),
        ("changelog.default_templates.changelog_file", decides(Part::Changelog)),
        ("changelog_file", decides(Part::Changelog)),
        ("changelog.**", OF_CHANGELOG),
        ("remote.url", OF_CHANGELOG),
        ("remote.type", OF_CHANGELOG),
        ("remote.domain", OF_CHANGELOG),
        ("remote.**", dropped("the release is pushed to git's remote, with git's credentials")),
        ("remote_dir", OF_CHANGELOG),
        ("publish.**", ON_FORGE),
        ("upload_to_pypi", UPLOADS),
        ("upload_to_repository", UPLOADS),
        ("upload_to_release", ON_FORGE),
        ("upload_to_vcs_release", ON_FORGE),
        ("hvcs", dropped("the forge is found by the remote's URL")),
    ],
    off: &[
        ("major_on_zero", decides(Part::Stable)),
        ("allow_zero_version", same("after a version below 1.0.0 comes 1.0.0, by its rules")),
        ("upload_to_pypi", needs("remove `pypi` from `stages` if nothing is to be uploaded")),
        ("upload_to_repository", needs("remove `pypi` from `stages` if nothing is to be uploaded")),
    ],
};

/// The parsers of conventional commits
const PARSERS: [&str; 3] = ["conventional", "angular", "semantic_release.history.angular_parser"];

/// Words of a command that only builds, or installs what builds
const BUILDS: [&str; 9] = [
    "python -m build",
    "poetry build",
    "uv build",
    "hatch build",
    "flit build",
    "pdm build",
    "python setup.py sdist bdist_wheel",
    "pip install",
    "python -m pip install",
];

/// Commands that put the new version into the lock file, as the stage `version` does
const LOCKS: [&str; 2] = ["uv lock", "git add uv.lock"];

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
    if let Some(command) = draft.string(table, "build_command")
        && !only_builds(&command)
    {
        let reason = "this command is not run; pyrelease builds with the project's backend";
        draft.unread_at("build_command", format!("`build_command`: {reason}"));
    }
    if let Some(parser) = draft.string(table, "commit_parser").filter(|one| !PARSERS.contains(&one.as_str()))
    {
        draft.unread_at(
            "commit_parser",
            format!("`commit_parser` is `{parser}`, by which only the tool knows the bump: pass it"),
        );
    }
    draft.settings.commits = Some(draft.flag(table, "major_on_zero").unwrap_or(true));
    for key in ["version_toml", "version_variables", "version_variable"] {
        for (at, entries) in draft.list(table, key).iter().enumerate() {
            for entry in entries.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
                draft.within(Draft::entry(table, key, at));
                change(&mut draft, key, entry);
            }
        }
    }
    for (at, entry) in draft.list(table, "version_pattern").iter().enumerate() {
        draft.within(Draft::entry(table, "version_pattern", at));
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
    draft.within("");
    draft.finish(table, &FATES)
}

/// Whether a command does nothing but build distributions and what is done anyway.
fn only_builds(command: &str) -> bool {
    let mut parts = command.split(['\n', ';', '&']).map(str::trim).filter(|part| !part.is_empty());
    parts.all(|part| {
        let builds = BUILDS.iter().any(|known| {
            part.strip_prefix(known)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '=', '<', '>', '~']))
        });
        builds || LOCKS.contains(&part)
    })
}

/// The changelog that the settings name.
pub(in crate::python) fn changelog_file(table: &Table) -> Option<&str> {
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
