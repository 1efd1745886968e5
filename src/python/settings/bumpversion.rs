//! bump2version and bump-my-version: `.bumpversion.cfg`, `.bumpversion.toml`, setup.cfg, pyproject.toml.

use serde_json::Value;

use super::ToolSettings;
use super::account::{Fates, HookTime, Part, decides, dropped, needs, same};
use super::draft::{Draft, is_changelog, toml_place};
use super::glob;
use super::sources::{Reading, Sources, Table};
use super::template::{self, Fields, Style};
use crate::python::project::{Pattern, VersionLocation, VersionSyntax};
use crate::python::version::Version;

/// The first with a section of the tool counts
pub(super) const FILES: [&str; 4] = [".bumpversion.cfg", ".bumpversion.toml", "setup.cfg", "pyproject.toml"];

const MESSAGE: &str = "Bump version: {current_version} → {new_version}";
const SERIALIZE: &str = "{major}.{minor}.{patch}";

const NAMES: &Fields = &[
    ("new_version", "version"),
    ("current_version", "previous_version"),
    ("now:%Y-%m-%d", "date"),
    ("utcnow:%Y-%m-%d", "date"),
];
const OLD: &Fields = &[("current_version", "version")];
const NEW: &Fields = &[("new_version", "version")];

/// The most formats that are checked, and the longest in bytes
const MOST_FORMATS: usize = 20;
const LONGEST_FORMAT: usize = 300;

const UNFOLLOWED: [(&str, &str); 3] = [
    ("moveable_tags", "these tags are not moved"),
    ("commit_args", "these arguments are not passed to `git commit`"),
    ("new_version", "pyrelease takes the version from the command line or the changelog"),
];

const FATES: Fates = Fates {
    on: &[
        ("current_version", decides(Part::Record)),
        ("new_version", dropped("the version comes from the command line or the changelog")),
        ("tag", same("a release is tagged")),
        ("sign_tags", decides(Part::Signature)),
        ("tag_name", decides(Part::TagName)),
        ("tag_message", decides(Part::TagMessage)),
        ("commit", same("a release is a commit")),
        ("message", decides(Part::CommitMessage)),
        ("parse", same("every version of PEP 440 is read")),
        ("serialize", same("versions are written as PEP 440 spells them")),
        ("search", decides(Part::Places)),
        ("replace", decides(Part::Places)),
        ("regex", decides(Part::Places)),
        ("ignore_missing_version", same("files without the version were left out of `files`")),
        ("ignore_missing_files", same("files that do not exist were left out of `files`")),
        ("allow_dirty", same("edits are left alone, and are not released")),
        ("allow_shell_hooks", same("commands that became stages run in a shell")),
        ("setup_hooks", decides(Part::Hooks)),
        ("pre_commit_hooks", decides(Part::Hooks)),
        ("post_commit_hooks", decides(Part::Hooks)),
        ("commit_args", needs("git's own settings decide how it commits: these arguments are not passed")),
        ("moveable_tags", needs("these tags are not moved")),
        ("files.*.**", decides(Part::Places)),
        ("parts.*.calver_format", decides(Part::Calver)),
        ("parts.*.values", same("pre-releases are counted in the order of PEP 440")),
        ("parts.*.optional_value", same("a final release has no suffix")),
        ("parts.*.first_value", dropped("numbers begin at 0, those of pre-releases at 1")),
        ("parts.*.independent", needs("every bump resets the numbers after it: pass the version itself")),
        ("parts.*.always_increment", needs("no number counts up by itself: pass the version itself")),
        ("parts.*.depends_on", needs("a bump resets the numbers after it, and no others")),
    ],
    off: &[
        ("tag", dropped("every release is tagged")),
        ("commit", dropped("every release is a commit")),
        ("allow_dirty", same("edits in files that the release changes are refused")),
        ("allow_shell_hooks", dropped("commands that became stages run in a shell")),
        ("parts.*.values", same("pre-releases are counted in the order of PEP 440")),
        ("parts.*.optional_value", same("a final release has no suffix")),
        ("parts.*.first_value", same("numbers begin at 0")),
        ("tag_message", decides(Part::TagKind)),
    ],
};

/// Variables that only the tool sets for its commands
const HOOK_VARIABLES: &str = "BVHOOK_";

pub(super) fn read(sources: &Sources<'_>) -> Option<ToolSettings> {
    FILES.iter().find_map(|file| {
        let tool = if file.ends_with(".toml") { "bump-my-version" } else { "bump2version" };
        match load(sources, file) {
            Ok(None) => None,
            Ok(Some(table)) => Some(settings(Draft::new(sources, tool, file), file, &table)),
            Err(reason) => Some(Draft::unreadable(sources, tool, file, reason)),
        }
    })
}

fn load(sources: &Sources<'_>, file: &str) -> Reading<Option<Table>> {
    if file.ends_with(".toml") {
        return sources.toml(file, &["tool", "bumpversion"]);
    }
    let sections = sources.ini(file, "bumpversion")?;
    let mut table = Table::new();
    let (mut files, mut parts) = (Vec::new(), Table::new());
    for (name, mut options) in sections.iter().cloned() {
        // Only in setup.cfg, `%` is special.
        if file == "setup.cfg" {
            options.values_mut().filter(|value| value.is_string()).for_each(unescape);
        }
        match name.strip_prefix("bumpversion") {
            Some("") => table.extend(options),
            Some(rest) => match rest.trim_start_matches(':').split_once(':') {
                Some(("part", part)) => {
                    parts.insert(part.to_owned(), Value::Object(options));
                }
                Some((kind, path)) if kind.starts_with("file") || kind.starts_with("glob") => {
                    let key = if kind.starts_with("file") { "filename" } else { "glob" };
                    options.insert(key.to_owned(), Value::String(path.trim().to_owned()));
                    files.push(Value::Object(options));
                }
                _ => {}
            },
            None => {}
        }
    }
    // `files` in the main section is obsolete: only file names.
    if let Some(Value::String(names)) = table.remove("files") {
        files.extend(names.split_whitespace().map(|name| serde_json::json!({ "filename": name })));
    }
    if !files.is_empty() {
        table.insert("files".to_owned(), Value::Array(files));
    }
    if !parts.is_empty() {
        table.insert("parts".to_owned(), Value::Object(parts));
    }
    Ok((!sections.is_empty()).then_some(table))
}

fn unescape(value: &mut Value) {
    if let Value::String(text) = value {
        *text = text.replace("%%", "%");
    }
}

fn settings(mut draft: Draft<'_>, file: &str, table: &Table) -> ToolSettings {
    if let Some(version) = draft.string(table, "current_version") {
        let place = if file.ends_with(".toml") {
            toml_place(file, &["tool", "bumpversion", "current_version"])
        } else {
            let (section, key) = ("bumpversion".to_owned(), "current_version".to_owned());
            VersionLocation { path: file.to_owned(), how: VersionSyntax::IniKey { section, key } }
        };
        draft.current_version("current_version", &version, place);
    }
    tagging(&mut draft, table);
    draft.unfollowed(table, &UNFOLLOWED);
    let serialize = serialize_of(&mut draft, table);
    for format in serialize.iter().take(MOST_FORMATS) {
        if let Err(reason) = canonical(format, table) {
            draft.unread_at("serialize", reason);
        }
    }
    for (part, options) in table.get("parts").and_then(Value::as_object).into_iter().flatten() {
        draft.settings.calver |= options.get("calver_format").is_some();
        if !file.ends_with(".toml") {
            draft.label(format!("parts.{part}"), format!("[bumpversion:part:{part}]"));
        }
    }
    for (at, entry) in draft.tables(table, "files").iter().enumerate() {
        let named = ["filename", "glob"].iter().find_map(|kind| Some((kind, entry.get(*kind)?.as_str()?)));
        if let Some((kind, path)) = named {
            let label = match file.ends_with(".toml") {
                true => format!("files ({path})"),
                false => format!("[bumpversion:{}:{path}]", kind.trim_end_matches("name")),
            };
            draft.label(format!("files[{at}]"), label);
        }
        draft.within(format!("files[{at}]"));
        change(&mut draft, table, &serialize, entry);
    }
    draft.within("");
    hooks(&mut draft, table);
    draft.finish(table, &FATES)
}

fn hooks(draft: &mut Draft<'_>, table: &Table) {
    for (key, name, time) in [
        ("setup_hooks", "before-release", HookTime::First),
        ("pre_commit_hooks", "before-commit", HookTime::BeforeCommit),
        ("post_commit_hooks", "after-commit", HookTime::AfterCommit),
    ] {
        let commands = draft.list(table, key);
        if commands.iter().any(|command| command.contains(HOOK_VARIABLES)) {
            draft.unread_at(
                key,
                format!("`{key}` uses `{HOOK_VARIABLES}` variables, which only bump-my-version sets"),
            );
            continue;
        }
        draft.hooks(key, name, time, commands);
    }
}

fn tagging(draft: &mut Draft<'_>, table: &Table) {
    let tags = draft.flag(table, "tag").unwrap_or(false);
    let name = draft.string(table, "tag_name");
    if tags || name.is_some() {
        draft.tag("tag_name", name.as_deref().unwrap_or("v{new_version}"), Style::Format, NAMES);
    }
    draft.settings.signed = draft.flag(table, "sign_tags");
    let message = draft.string(table, "tag_message");
    if tags {
        let message = message.unwrap_or_else(|| MESSAGE.to_owned());
        draft.settings.annotated = Some(!message.is_empty() || draft.settings.signed == Some(true));
        draft.settings.tag_message = draft.message("tag_message", &message, Style::Format, NAMES);
    }
    let message = draft.string(table, "message");
    if message.is_some() || draft.flag(table, "commit").unwrap_or(false) {
        let message = message.as_deref().unwrap_or(MESSAGE);
        draft.settings.commit_message = draft.message("message", message, Style::Format, NAMES);
    }
}

fn serialize_of(draft: &mut Draft<'_>, table: &Table) -> Vec<String> {
    let formats = draft.list(table, "serialize");
    if formats.is_empty() { vec![SERIALIZE.to_owned()] } else { formats }
}

/// Checks that a format writes versions as PEP 440 does.
fn canonical(format: &str, table: &Table) -> Reading<()> {
    let refused = |why: &str| Err(format!("`serialize` has `{format}`: {why}"));
    if format.len() > LONGEST_FORMAT {
        return refused("it is too long");
    }
    let mut samples = vec![String::new()];
    let mut rest = format.trim();
    while let Some((text, after)) = rest.split_once('{') {
        let Some((part, after)) = after.split_once('}') else { return refused("a `{` without `}`") };
        let values = match part_values(table, part) {
            Some(values) => values,
            None if part.chars().all(|c| c.is_alphanumeric() || c == '_') => vec!["1".to_owned()],
            None => return refused("it is not made of parts of the version"),
        };
        let grown =
            samples.iter().flat_map(|sample| values.iter().map(move |v| format!("{sample}{text}{v}")));
        samples = grown.take(64).collect();
        rest = after;
    }
    for sample in samples.iter().map(|sample| format!("{sample}{rest}")) {
        match sample.parse::<Version>() {
            Ok(version) if version.to_string() == sample => {}
            Ok(version) => return refused(&format!("pyrelease writes `{sample}` as `{version}` (PEP 440)")),
            Err(_) => return refused(&format!("`{sample}` is not a valid version (PEP 440)")),
        }
    }
    Ok(())
}

/// The values of a part that are written: not the optional one, which is left out.
fn part_values(table: &Table, part: &str) -> Option<Vec<String>> {
    let options = table.get("parts")?.get(part)?.as_object()?;
    let values: Vec<&str> = match options.get("values")? {
        Value::String(text) => text.lines().collect(),
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        _ => return None,
    };
    let optional = options.get("optional_value").and_then(Value::as_str).or(values.first().copied());
    let written: Vec<String> =
        values.iter().filter(|value| Some(**value) != optional).map(|value| (*value).to_owned()).collect();
    (!written.is_empty()).then_some(written)
}

/// One entry of `files`.
fn change(draft: &mut Draft<'_>, table: &Table, serialize: &[String], entry: &Table) {
    let glob = draft.string(entry, "glob");
    let Some(named) = glob.or_else(|| draft.string(entry, "filename")) else {
        draft.unread("an entry of `files` has no `filename`");
        return;
    };
    for key in ["include_bumps", "exclude_bumps"] {
        if !draft.list(entry, key).is_empty() {
            draft.unread(format!("`{named}`: `{key}` cannot be followed, so the file is not bumped"));
            return;
        }
    }
    if entry.contains_key("serialize") && draft.list(entry, "serialize") != serialize {
        draft.unread(format!("`{named}` has its own `serialize`, so the file is not bumped"));
        return;
    }
    let missing = ["ignore_missing_version", "ignore_missing_file", "ignore_missing_files"];
    let optional =
        missing.iter().any(|key| draft.flag(entry, key).or_else(|| draft.flag(table, key)).unwrap_or(false));
    let option = |draft: &mut Draft<'_>, key: &str, default: &str| {
        draft.string(entry, key).or_else(|| draft.string(table, key)).unwrap_or_else(|| default.to_owned())
    };
    let search = option(draft, "search", "{current_version}");
    let replace = option(draft, "replace", "{new_version}");
    let is_regex = draft.flag(entry, "regex").or_else(|| draft.flag(table, "regex")).unwrap_or(false);
    let excluded = draft.list(entry, "glob_exclude");
    let key_path = draft.string(entry, "key_path");
    for path in draft.paths(&named, optional) {
        if excluded.iter().any(|pattern| glob::matches_path(pattern, &path)) {
            continue;
        }
        if is_changelog(&path) {
            // Its search need not be understood.
            draft.is_changelog(&path);
            continue;
        }
        if let Some(keys) = key_path.as_deref().filter(|_| path.ends_with(".toml")) {
            draft.toml_key(&path, &keys.split('.').collect::<Vec<_>>(), optional);
            continue;
        }
        match place(&search, &replace, is_regex) {
            Ok(how) => draft.search(&path, how, optional),
            Err(reason) => draft.unread(format!("`{path}` is not bumped: {reason}")),
        }
    }
}

fn place(search: &str, replace: &str, is_regex: bool) -> Reading<VersionSyntax> {
    let search = template::pattern(search, OLD).map_err(|reason| format!("`search`: {reason}"))?;
    let replace = template::pattern(replace, NEW).map_err(|reason| format!("`replace`: {reason}"))?;
    if !replace.contains("{version}") {
        return Err("`replace` has no `{new_version}`".to_owned());
    }
    if !is_regex {
        return Ok(VersionSyntax::Pattern(Pattern {
            replace: (replace != search).then_some(replace),
            ..Pattern::every(search)
        }));
    }
    // An expression for one line in which only the version changes.
    let search = search.strip_prefix("(?m)").unwrap_or(&search).to_owned();
    let line = search.strip_prefix('^').unwrap_or(&search);
    let line = line.strip_suffix('$').unwrap_or(line);
    let literal = line.replace("{version}", "");
    if regex::escape(&literal.replace('-', "")) != literal.replace('-', "") || line.contains('\n') {
        return Err("`search` is a regular expression".to_owned());
    }
    if line != replace {
        return Err(
            "`search` is a regular expression, and `replace` changes more than the version".to_owned()
        );
    }
    Ok(VersionSyntax::Lines { pattern: search })
}
