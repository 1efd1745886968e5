//! cargo-release, in projects that maturin builds: release.toml and `[package.metadata.release]` of Cargo.toml.

use regex::RegexBuilder;
use serde_json::Value;

use super::ToolSettings;
use super::account::{Fate, Fates, HookTime, Part, decides, dropped, needs, same};
use super::draft::{Draft, is_changelog};
use super::sources::{Reading, Sources, Table};
use super::tag::TagSetting;
use super::template::{Fields, Style};
use crate::python::project::{Backend, Pattern, VersionSyntax};

const TOOL: &str = "cargo-release";

/// The later wins, as for the tool
const FILES: [(&str, &[&str]); 4] = [
    ("Cargo.toml", &["workspace", "metadata", "release"]),
    ("release.toml", &[]),
    (".release.toml", &[]),
    ("Cargo.toml", &["package", "metadata", "release"]),
];

const NAMES: &Fields =
    &[("version", "version"), ("prev_version", "previous_version"), ("date", "date"), ("tag_name", "tag")];

/// The default of both messages
const MESSAGE: &str = "chore: Release {{crate_name}} version {{version}}";

/// The largest compiled expression
const LARGEST: usize = 1 << 20;

const NO_CRATE: Fate = dropped("pyrelease publishes the Python package, not the crate");

const FATES: Fates = Fates {
    on: &[
        (
            "allow-branch",
            dropped(
                "the remote's default branch and maintenance branches are released; see `branches` in [stage.push]",
            ),
        ),
        ("sign-commit", dropped("git's `commit.gpgSign` decides")),
        ("sign-tag", decides(Part::Signature)),
        (
            "push-remote",
            dropped("the remote is the one that `git push` would choose; see `remote` in [stage.push]"),
        ),
        ("push", same("branch and tag are pushed")),
        ("push-options", needs("these options are not passed to `git push`")),
        ("tag", same("a release is tagged")),
        ("tag-name", decides(Part::TagName)),
        ("tag-prefix", decides(Part::TagName)),
        ("tag-message", decides(Part::TagMessage)),
        ("pre-release-commit-message", decides(Part::CommitMessage)),
        ("pre-release-replacements.*.**", decides(Part::Places)),
        ("pre-release-hook", decides(Part::Hooks)),
        ("release", same("the project is released")),
        ("publish", NO_CRATE),
        ("registry", NO_CRATE),
        ("owners", NO_CRATE),
        ("verify", NO_CRATE),
        ("enable-features", NO_CRATE),
        ("enable-all-features", NO_CRATE),
        ("target", NO_CRATE),
        ("metadata", NO_CRATE),
        ("rate-limit.**", NO_CRATE),
        ("certs-source", NO_CRATE),
        ("dependent-version", NO_CRATE),
        ("shared-version", same("the version of the workspace is bumped where the project inherits it")),
        ("consolidate-commits", same("a release is one commit")),
        ("unstable.**", NO_CRATE),
    ],
    off: &[
        ("push", needs("remove `push` from `stages` if nothing is to be pushed")),
        ("tag", dropped("every release is tagged")),
        ("publish", NO_CRATE),
        ("release", needs("the project is not to be released with cargo-release")),
    ],
};

pub(super) fn read(sources: &Sources<'_>) -> Option<ToolSettings> {
    if sources.project.as_ref()?.backend != Backend::Maturin {
        return None;
    }
    let mut table = Table::new();
    let mut file = None;
    for (path, keys) in FILES {
        match load(sources, path, keys) {
            Ok(None) => {}
            Ok(Some(more)) => {
                table.extend(more);
                file = Some(path);
            }
            Err(reason) => return Some(Draft::unreadable(sources, TOOL, path, reason)),
        }
    }
    Some(settings(Draft::new(sources, TOOL, file?), &table))
}

/// A `release.toml` of pyrelease is none of the tool's.
fn load(sources: &Sources<'_>, path: &str, keys: &[&str]) -> Reading<Option<Table>> {
    let is_ours =
        |table: &Table| ["stages", "stage", "index", "carry"].iter().any(|key| table.contains_key(*key));
    Ok(sources.toml(path, keys)?.filter(|table| !keys.is_empty() || !is_ours(table)))
}

fn settings(mut draft: Draft<'_>, table: &Table) -> ToolSettings {
    let prefix = draft.string(table, "tag-prefix").unwrap_or_default();
    let name = draft.string(table, "tag-name").unwrap_or_else(|| "{{prefix}}v{{version}}".to_owned());
    let name = name.replace("{{prefix}}", &prefix);
    draft.tag("tag-name", &own(&draft, &name), Style::Format, NAMES);
    draft.settings.annotated = Some(true);
    draft.settings.signed = draft.flag(table, "sign-tag");
    let message = draft.string(table, "tag-message").unwrap_or_else(|| MESSAGE.to_owned());
    draft.settings.tag_message = draft.message("tag-message", &own(&draft, &message), Style::Format, NAMES);
    let message = draft.string(table, "pre-release-commit-message").unwrap_or_else(|| MESSAGE.to_owned());
    let message = own(&draft, &message);
    draft.settings.commit_message =
        draft.message("pre-release-commit-message", &message, Style::Format, NAMES);
    for (at, entry) in draft.tables(table, "pre-release-replacements").iter().enumerate() {
        let own = format!("pre-release-replacements[{at}]");
        if let Some(path) = entry.get("file").and_then(Value::as_str) {
            draft.label(own.clone(), format!("pre-release-replacements ({path})"));
        }
        draft.within(own);
        replacement(&mut draft, entry);
    }
    draft.within("");
    hook(&mut draft, table);
    draft.finish(table, &FATES)
}

/// A template of the tool with placeholders of one brace, and the crate's name put in.
fn own(draft: &Draft<'_>, text: &str) -> String {
    let name = draft.project_name().unwrap_or_default();
    text.replace("{{crate_name}}", name).replace("{{", "{").replace("}}", "}")
}

/// A replacement of a regular expression. It counts where it changes the version only.
fn replacement(draft: &mut Draft<'_>, entry: &Table) {
    let mut text = |key: &str| draft.string(entry, key).unwrap_or_default();
    let (file, search, replace) = (text("file"), text("search"), text("replace"));
    if is_changelog(&file) {
        draft.is_changelog(&file);
        return;
    }
    for path in draft.paths(&file, false) {
        match pattern(draft, &path, &search, &replace) {
            Ok(pattern) => draft.search(&path, VersionSyntax::Pattern(pattern), false),
            Err(reason) => draft.unread(format!("`{path}` is not bumped: {reason}")),
        }
    }
}

fn pattern(draft: &Draft<'_>, path: &str, search: &str, replace: &str) -> Reading<Pattern> {
    let version = draft.version().ok_or("the current version is not known")?.to_string();
    let mut replace = replace.replace("{{version}}", "{version}");
    if let Some(TagSetting::Template(tag)) = &draft.settings.tag {
        replace = replace.replace("{{tag_name}}", tag);
    }
    if !replace.contains("{version}") || replace.contains("{{") || replace.contains('$') {
        return Err("`replace` has more than the version in it".to_owned());
    }
    let expression = RegexBuilder::new(search).size_limit(LARGEST).multi_line(true).build();
    let expression = expression.map_err(|_| "`search` is not a regular expression".to_owned())?;
    let text = draft.text(path)?.ok_or_else(|| format!("`{path}` does not exist"))?;
    let stated = replace.replace("{version}", &version);
    match expression.find(&text) {
        Some(found) if found.as_str() == stated => Ok(Pattern::every(replace)),
        Some(_) => Err("`search` finds something else than what the last release wrote".to_owned()),
        None => Err("`search` finds nothing".to_owned()),
    }
}

fn hook(draft: &mut Draft<'_>, table: &Table) {
    let words: Vec<String> = match table.get("pre-release-hook") {
        Some(Value::String(line)) => vec![line.clone()],
        Some(Value::Array(words)) => {
            let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
            shlex::try_join(words).into_iter().collect()
        }
        _ => return,
    };
    draft.hooks("pre-release-hook", "pre-release", HookTime::BeforeCommit, words);
}
