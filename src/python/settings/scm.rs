//! Tools that take the version from tags: what the name of a tag must be for them.

use serde_json::Value;

use super::ToolSettings;
use super::account::{Fate, Fates, Part, decides, needs, same};
use super::draft::Draft;
use super::sources::{Reading, Sources, Table};
use super::tag::{Expression, TagRule, TagSetting};

/// setuptools-scm and pdm-backend: perhaps words with `-` before the version
const SCM: &str = r"^(?:[\w-]+-)?(?P<version>[vV]?\d+(?:\.\d+){0,2}[^\+]*)(?:\+.*)?$";

/// dunamai, on which poetry-dynamic-versioning and uv-dynamic-versioning build, after the beginning `^v` or `^v?`
const DUNAMAI: &str = r"(?:(?P<epoch>\d+)!)?(?P<base>\d+(?:\.\d+)*)(?:[-._]?(?P<stage>[a-zA-Z]+)[-._]?(?P<revision>\d+)?)?(?:\+.+)?$";

const GOES_ON: Fate = same("the tool takes the version from the tag, and applies this setting itself");

const FATES: Fates = Fates {
    on: &[
        ("tag.prefix", decides(Part::TagName)),
        ("tag.regex", decides(Part::TagName)),
        ("tag_regex", decides(Part::TagName)),
        ("git_describe_command", decides(Part::TagName)),
        ("scm.git.describe_command", decides(Part::TagName)),
        ("tag-pattern", decides(Part::TagName)),
        ("raw-options.tag_regex", decides(Part::TagName)),
        ("raw-options.git_describe_command", decides(Part::TagName)),
        ("tag_filter", decides(Part::TagName)),
        ("tag_prefix", decides(Part::TagName)),
        ("pattern", decides(Part::TagName)),
        ("pattern-prefix", decides(Part::TagName)),
        ("vcs.match", decides(Part::TagName)),
        ("tag2version.**", decides(Part::TagName)),
        ("parse", needs("this function decides which tags count: check the tag's name in the plan")),
        ("**", GOES_ON),
    ],
    off: &[("**", GOES_ON)],
};

/// The settings that name a file which a build writes
const WRITTEN: [&str; 3] = ["version_file", "write_to", "hook.version-file"];

pub(super) fn read(sources: &Sources<'_>) -> Option<ToolSettings> {
    let tool = match sources.vcs_tool() {
        Some(tool) => tool,
        // Its hooks are not known to the project's backend.
        None if matches!(sources.pyproject(&["tool", "versioningit"]), Ok(Some(_))) => "versioningit",
        None => return None,
    };
    let (tool, file, mut table) = match settings_of(sources, tool) {
        Ok(found) => found?,
        Err((tool, reason)) => return Some(Draft::unreadable(sources, tool, "pyproject.toml", reason)),
    };
    let mut draft = Draft::new(sources, tool, file);
    let hooks = ["tool", "hatch", "build", "hooks", "vcs"];
    if let ("hatch-vcs", Ok(Some(hook))) = (tool, sources.pyproject(&hooks)) {
        table.insert("hook".to_owned(), Value::Object(hook));
        draft.label("hook".to_owned(), format!("[{}]", hooks.join(".")));
    }
    let rule = match tool {
        "setuptools-scm" => setuptools_scm(&mut draft, &table),
        "hatch-vcs" => hatch_vcs(&mut draft, &table),
        "pdm-backend" => pdm(&mut draft, &table),
        "versioningit" => versioningit(&mut draft, &table),
        "versioneer" => versioneer(&mut draft, &table),
        _ => dunamai(&mut draft, &table),
    };
    draft.settings.tag = rule.map(TagSetting::Rule);
    for key in WRITTEN {
        let pointer = format!("/{}", key.replace('.', "/"));
        let whole = Value::Object(table.clone());
        if let Some(path) = whole.pointer(&pointer).and_then(Value::as_str)
            && matches!(sources.text(path), Ok(Some(_)))
        {
            draft.unread_at(key, format!("`{path}` is written by every build, but git tracks it: `git rm --cached {path}`, and add it to .gitignore"));
        }
    }
    Some(draft.finish(&table, &FATES))
}

type Found = Option<(&'static str, &'static str, Table)>;

/// The tool's settings, which may be empty, and their file; none if the tool is not known.
fn settings_of(sources: &Sources<'_>, tool: &str) -> Result<Found, (&'static str, String)> {
    let hatch = ["tool", "hatch", "version"];
    let (tool, tables): (&'static str, &[&[&str]]) = match tool {
        "setuptools-scm" => ("setuptools-scm", &[&["tool", "setuptools_scm"], &["tool", "vcs-versioning"]]),
        "hatch-vcs" => ("hatch-vcs", &[&hatch]),
        "pdm-backend" => ("pdm-backend", &[&["tool", "pdm", "version"]]),
        "versioningit" => ("versioningit", &[&["tool", "versioningit"], &hatch]),
        "versioneer" => ("versioneer", &[&["tool", "versioneer"]]),
        "poetry-dynamic-versioning" => {
            ("poetry-dynamic-versioning", &[&["tool", "poetry-dynamic-versioning"]])
        }
        "uv-dynamic-versioning" => ("uv-dynamic-versioning", &[&["tool", "uv-dynamic-versioning"]]),
        _ => return Ok(None),
    };
    let problem = |reason| (tool, reason);
    for keys in tables {
        if let Some(table) = sources.pyproject(keys).map_err(problem)? {
            return Ok(Some((tool, "pyproject.toml", table)));
        }
    }
    if tool == "hatch-vcs" || tool == "versioningit" {
        let table = sources.toml("hatch.toml", &["version"]).map_err(problem)?;
        return Ok(Some((tool, "hatch.toml", table.unwrap_or_default())));
    }
    if tool == "versioneer" {
        let sections = sources.ini("setup.cfg", "versioneer").map_err(problem)?;
        if let Some((_, table)) = sections.into_iter().find(|(name, _)| name == "versioneer") {
            return Ok(Some((tool, "setup.cfg", table)));
        }
    }
    let file =
        if matches!(sources.text("pyproject.toml"), Ok(Some(_))) { "pyproject.toml" } else { "setup.py" };
    Ok(Some((tool, file, Table::new())))
}

/// The rule with the expression, unless that cannot be read.
fn with(draft: &mut Draft<'_>, rule: TagRule, key: &str, expression: Reading<Expression>) -> Option<TagRule> {
    match expression {
        Ok(expression) => Some(TagRule { expression: Some(expression), ..rule }),
        Err(reason) => {
            draft.unread_at(key, format!("`{key}` cannot be read: {reason}"));
            None
        }
    }
}

fn table_in<'t>(table: &'t Table, key: &str) -> Option<&'t Table> {
    table.get(key).and_then(Value::as_object)
}

fn setuptools_scm(draft: &mut Draft<'_>, table: &Table) -> Option<TagRule> {
    let empty = Table::new();
    let tag = table_in(table, "tag").unwrap_or(&empty);
    let git = table_in(table, "scm").and_then(|scm| table_in(scm, "git")).unwrap_or(&empty);
    draft.unfollowed(table, &[("parse", "this function decides which tags count")]);
    let prefix = draft.string(tag, "prefix").unwrap_or_default();
    let filter = describe_filter(table.get("git_describe_command").or_else(|| git.get("describe_command")));
    let filter = filter.unwrap_or_else(|| format!("{prefix}*[0-9]*"));
    let pattern = draft.string(tag, "regex").or_else(|| draft.string(table, "tag_regex"));
    let pattern = pattern.filter(|pattern| !pattern.is_empty()).unwrap_or_else(|| SCM.to_owned());
    let rule = TagRule { filter: Some(filter), prefix, ..TagRule::default() };
    with(draft, rule, "tag_regex", Expression::new(&pattern, true, true))
}

/// The pattern after `--match` in a `git describe`.
fn describe_filter(command: Option<&Value>) -> Option<String> {
    let words: Vec<String> = match command? {
        Value::String(line) => shlex::split(line)?,
        Value::Array(words) => words.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => return None,
    };
    let joined = words.iter().find_map(|word| word.strip_prefix("--match=").map(str::to_owned));
    joined.or_else(|| words.iter().skip_while(|word| *word != "--match").nth(1).cloned())
}

fn hatch_vcs(draft: &mut Draft<'_>, table: &Table) -> Option<TagRule> {
    let mut options = table_in(table, "raw-options").cloned().unwrap_or_default();
    if let Some(pattern) = draft.string(table, "tag-pattern").filter(|pattern| !pattern.is_empty()) {
        options.insert("tag_regex".to_owned(), Value::String(pattern));
    }
    setuptools_scm(draft, &options)
}

fn pdm(draft: &mut Draft<'_>, table: &Table) -> Option<TagRule> {
    let filter = draft.string(table, "tag_filter").unwrap_or_else(|| "*.*".to_owned());
    let pattern = draft.string(table, "tag_regex").unwrap_or_else(|| SCM.to_owned());
    let rule = TagRule { filter: Some(filter), ..TagRule::default() };
    with(draft, rule, "tag_regex", Expression::new(&pattern, true, true))
}

fn versioningit(draft: &mut Draft<'_>, table: &Table) -> Option<TagRule> {
    let empty = Table::new();
    let vcs = table_in(table, "vcs").unwrap_or(&empty);
    let settings = table_in(table, "tag2version").unwrap_or(&empty);
    if settings.get("method").is_some_and(|method| method.as_str() != Some("basic")) {
        draft.unread_at("tag2version", "`tag2version`: this method decides which tags count");
        return None;
    }
    // With several patterns, git takes a tag that matches any of them.
    let filter = match draft.list(vcs, "match").as_slice() {
        [only] => Some(only.clone()),
        _ => None,
    };
    let mut removed = |key| draft.string(settings, key).unwrap_or_default();
    let removed = (removed("rmprefix"), removed("rmsuffix"));
    let rule = TagRule { filter, removed, ..TagRule::default() };
    let Some(pattern) = draft.string(settings, "regex") else { return Some(rule) };
    let required = draft.flag(settings, "require-match").unwrap_or(false);
    with(draft, rule, "tag2version.regex", Expression::new(&pattern, false, required))
}

fn versioneer(draft: &mut Draft<'_>, table: &Table) -> Option<TagRule> {
    let prefix = draft.string(table, "tag_prefix").unwrap_or_default();
    // In setup.cfg, an empty prefix may be written as quotes.
    let prefix = prefix.trim_matches(['\'', '"']).to_owned();
    Some(TagRule { prefix, ..TagRule::default() })
}

fn dunamai(draft: &mut Draft<'_>, table: &Table) -> Option<TagRule> {
    let prefix = draft.string(table, "pattern-prefix").unwrap_or_default();
    let pattern = match draft.string(table, "pattern").as_deref() {
        None | Some("default") => format!("^v{DUNAMAI}"),
        Some("default-unprefixed") => format!("^v?{DUNAMAI}"),
        Some(own) => own.to_owned(),
    };
    // A plain prefix is kept apart, so that a name can be built with it.
    let (prefix, pattern) = match prefix.chars().all(|c| c.is_alphanumeric() || "-_/@".contains(c)) {
        true => (prefix, pattern),
        false => (String::new(), pattern.replacen('^', &format!("^{prefix}"), 1)),
    };
    let rule = TagRule { prefix, ..TagRule::default() };
    with(draft, rule, "pattern", Expression::new(&pattern, false, true))
}
