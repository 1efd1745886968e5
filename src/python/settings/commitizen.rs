//! commitizen: `.cz.toml`, `cz.toml`, `.cz.json`, `cz.json`, `.cz.yaml`, `cz.yaml`, pyproject.toml.

use super::ToolSettings;
use super::account::{Fate, Fates, HookTime, Part, decides, dropped, needs, same};
use super::draft::{Draft, toml_place};
use super::sources::{Reading, Sources, Table};
use super::template::{Fields, Style};
use crate::python::project::{Pattern, VersionLocation, VersionSyntax};

const TOOL: &str = "commitizen";

/// The first with settings of the tool counts
pub(super) const FILES: [&str; 9] = [
    ".cz.toml",
    "cz.toml",
    ".cz.json",
    "cz.json",
    ".cz.yaml",
    "cz.yaml",
    ".cz.yml",
    "cz.yml",
    "pyproject.toml",
];

const TAG: &Fields = &[("version", "version")];
const NAMES: &Fields = &[("new_version", "version"), ("current_version", "previous_version")];

const UNFOLLOWED: [(&str, &str); 1] = [("always_signoff", "the release commit is not signed off")];

/// Without one of these, the tool only checks the messages of commits
const BUMPING: [&str; 7] = [
    "version",
    "version_provider",
    "version_files",
    "tag_format",
    "bump_message",
    "update_changelog_on_bump",
    "annotated_tag",
];

/// What commitizen itself follows where it makes the changelog
const OF_CHANGELOG: Fate = same("commitizen writes the changelog, and applies this setting itself");
const OF_WRITING: Fate = dropped("it is about writing commits, not about releases");

const FATES: Fates = Fates {
    on: &[
        ("name", same("the release reads the commits by commitizen's rules")),
        ("version", decides(Part::Record)),
        ("version_provider", same("the version is bumped where the project states it")),
        ("version_scheme", same("versions are written as PEP 440 spells them")),
        ("version_type", same("versions are written as PEP 440 spells them")),
        ("version_files", decides(Part::Places)),
        ("version_files.*", decides(Part::Places)),
        ("tag_format", decides(Part::TagName)),
        ("legacy_tag_formats", same("tags of all forms are recognized as releases")),
        ("ignored_tag_formats", same("tags of other forms are left alone")),
        ("annotated_tag", decides(Part::TagKind)),
        ("annotated_tag_message", needs("set `message` in [stage.tag]")),
        ("gpg_sign", decides(Part::Signature)),
        ("bump_message", decides(Part::CommitMessage)),
        ("update_changelog_on_bump", decides(Part::Commits)),
        ("major_version_zero", decides(Part::Stable)),
        ("changelog_file", decides(Part::Changelog)),
        ("changelog_format", OF_CHANGELOG),
        ("changelog_incremental", OF_CHANGELOG),
        ("changelog_start_rev", OF_CHANGELOG),
        ("changelog_merge_prerelease", OF_CHANGELOG),
        ("change_type_map.**", OF_CHANGELOG),
        ("change_type_order", OF_CHANGELOG),
        ("template", OF_CHANGELOG),
        ("extras.**", OF_CHANGELOG),
        ("customize.**", OF_CHANGELOG),
        ("prerelease_offset", dropped("pre-releases are counted from 1")),
        ("pre_bump_hooks", decides(Part::Hooks)),
        ("post_bump_hooks", decides(Part::Hooks)),
        ("always_signoff", needs("the release commit is not signed off")),
        ("retry_after_failure", same("`pyrelease resume` continues a release")),
        ("encoding", dropped("files are UTF-8")),
        ("schema", OF_WRITING),
        ("schema_pattern", OF_WRITING),
        ("style", OF_WRITING),
        ("use_shortcuts", OF_WRITING),
        ("allow_abort", OF_WRITING),
        ("allowed_prefixes", OF_WRITING),
        ("message_length_limit", OF_WRITING),
        ("breaking_change_exclamation_in_title", OF_WRITING),
    ],
    off: &[
        ("update_changelog_on_bump", same("the changelog is not made of the commits")),
        ("annotated_tag", decides(Part::TagKind)),
    ],
};

/// Variables that only the tool sets for its commands
const HOOK_VARIABLES: &str = "CZ_P";

/// The whole version, spelled by its parts, the longest first
const PARTS: [&str; 3] =
    ["$major.$minor.$patch$prerelease$devrelease", "$major.$minor.$patch$prerelease", "$major.$minor.$patch"];

pub(super) fn read(sources: &Sources<'_>) -> Option<ToolSettings> {
    FILES.iter().find_map(|file| match load(sources, file) {
        Ok(None) => None,
        Ok(Some(table)) if !BUMPING.iter().any(|key| table.contains_key(*key)) => None,
        Ok(Some(table)) => Some(settings(Draft::new(sources, TOOL, file), file, &table)),
        Err(reason) => Some(Draft::unreadable(sources, TOOL, file, reason)),
    })
}

fn load(sources: &Sources<'_>, file: &str) -> Reading<Option<Table>> {
    match file.rsplit('.').next() {
        Some("toml") => sources.toml(file, &["tool", "commitizen"]),
        Some("json") => sources.json(file, &["commitizen"]),
        _ => sources.yaml(file, &["commitizen"]),
    }
}

fn settings(mut draft: Draft<'_>, file: &str, table: &Table) -> ToolSettings {
    if let Some(version) = draft.string(table, "version") {
        let place = if file.ends_with(".toml") {
            toml_place(file, &["tool", "commitizen", "version"])
        } else {
            let pattern = if file.ends_with(".json") {
                r#""version"\s*:\s*"{version}""#.to_owned()
            } else {
                r#"^\s*["']?version["']?\s*:\s*["']?{version}"#.to_owned()
            };
            VersionLocation { path: file.to_owned(), how: VersionSyntax::Lines { pattern } }
        };
        draft.current_version("version", &version, place);
    }
    provider(&mut draft, table);
    tagging(&mut draft, table);
    if let Some(path) = draft.string(table, "changelog_file") {
        draft.changelog("changelog_file", &path);
    }
    draft.unfollowed(table, &UNFOLLOWED);
    let scheme = draft.string(table, "version_scheme").or_else(|| draft.string(table, "version_type"));
    if let Some(scheme) = scheme.filter(|scheme| scheme != "pep440") {
        draft.unread_at(
            "version_scheme",
            format!("`version_scheme` is `{scheme}`: pyrelease writes pre-releases as `1.2.0rc1` (PEP 440)"),
        );
    }
    for (at, entry) in draft.list(table, "version_files").iter().enumerate() {
        draft.within(Draft::entry(table, "version_files", at));
        change(&mut draft, entry);
    }
    draft.within("");
    if draft.flag(table, "update_changelog_on_bump") == Some(true) {
        draft.settings.commits = Some(draft.flag(table, "major_version_zero") != Some(true));
    }
    for (key, name, time) in [
        ("pre_bump_hooks", "before-bump", HookTime::BeforeCommit),
        ("post_bump_hooks", "after-bump", HookTime::AfterCommit),
    ] {
        let commands = draft.list(table, key);
        if commands.iter().any(|command| command.contains(HOOK_VARIABLES)) {
            draft.unread_at(
                key,
                format!("`{key}` uses variables that only commitizen sets (`CZ_PRE_…`, `CZ_POST_…`)"),
            );
        } else {
            draft.hooks(key, name, time, commands);
        }
    }
    draft.finish(table, &FATES)
}

/// The file of another format that states the version.
fn provider(draft: &mut Draft<'_>, table: &Table) {
    let provider = draft.string(table, "version_provider");
    let path = match provider.as_deref() {
        Some("cargo") => "Cargo.toml",
        Some("npm") => "package.json",
        // The project's own metadata, or tags
        None | Some("commitizen" | "pep621" | "poetry" | "uv" | "scm") => return,
        Some(other) => {
            draft.unread_at(
                "version_provider",
                format!("`version_provider`: the files of `{other}` are not bumped"),
            );
            return;
        }
    };
    draft.within("version_provider");
    draft.search(path, VersionSyntax::Pattern(Pattern::every("{version}")), false);
    draft.within("");
}

fn tagging(draft: &mut Draft<'_>, table: &Table) {
    let format = draft.string(table, "tag_format").unwrap_or_else(|| "$version".to_owned());
    let mut plain = format.replace("${version}", "$version");
    for part in ["major", "minor", "patch", "prerelease", "devrelease"] {
        plain = plain.replace(&format!("${{{part}}}"), &format!("${part}"));
    }
    for parts in PARTS {
        // What follows must not be part of the last name.
        if let Some((before, after)) = plain.split_once(parts)
            && !after.starts_with(|c: char| c == '$' || c == '_' || c.is_ascii_alphanumeric())
        {
            plain = format!("{before}${{version}}{after}");
            break;
        }
    }
    draft.tag("tag_format", &plain, Style::Dollar, TAG);
    draft.settings.signed = draft.flag(table, "gpg_sign");
    let annotated = draft.flag(table, "annotated_tag").unwrap_or(false);
    let annotated = annotated || draft.settings.signed == Some(true);
    draft.settings.annotated = Some(annotated);
    draft.settings.tag_message = annotated.then(|| "{tag}".to_owned());
    let message = draft.string(table, "bump_message");
    let message = message.as_deref().unwrap_or("bump: version $current_version → $new_version");
    draft.settings.commit_message = draft.message("bump_message", message, Style::Dollar, NAMES);
}

/// One of `version_files`: `path`, or `path:regex` for the lines that match.
fn change(draft: &mut Draft<'_>, entry: &str) {
    let (named, expression) = entry.split_once(':').unwrap_or((entry, ""));
    let how = match expression {
        "" => VersionSyntax::Pattern(Pattern::every("{version}")),
        pattern if pattern.contains("{version}") => {
            draft.unread(format!("`{named}` is not bumped: `{pattern}` has a literal `{{version}}`"));
            return;
        }
        pattern => VersionSyntax::Lines { pattern: pattern.to_owned() },
    };
    for path in draft.paths(named, false) {
        draft.search(&path, how.clone(), false);
    }
}
