//! The settings of python-semantic-release (python-semantic-release.readthedocs.io, "Configuration").

mod used;

use serde_json::{Value, json};

use super::rules::Rules;
use super::semantic_rules::SemanticRules;
use super::{Generated, Generator, Settings, Table, string, table};
use crate::python::project::{Files, ini};
use crate::python::settings::semantic_release::{FILES, changelog_file};
use crate::python::settings::sources;
use crate::python::version::Version;

/// What the tool is told besides its arguments, and how it writes
#[derive(Debug, Clone)]
pub struct SemanticRelease {
    table: Table,
    /// The major version that writes as the project's does, if the project shows which it uses
    pub major: Option<u64>,
    /// Whether the project has templates of its own
    pub has_templates: bool,
}

/// The newest major version
const NEWEST: u64 = 10;
/// Where the newest versions insert a section, unless the settings say
const FLAG_OF_MARKDOWN: &str = "<!-- version list -->";
const FLAG_OF_SEVEN: &str = "<!--next-version-placeholder-->";
const FLAG_OF_RST: &str = "..\n    version list";

pub(super) fn find(files: &dyn Files) -> Option<Generated> {
    FILES.iter().find_map(|(path, keys)| match read(files, path, keys) {
        Ok(None) => None,
        Ok(Some(table)) => Some(settings(files, path, table)),
        Err(reason) => Some(Generated::unreadable(Generator::SemanticRelease, path, reason)),
    })
}

fn read(files: &dyn Files, path: &str, keys: &[&str]) -> Settings {
    if path.ends_with(".toml") {
        return table(files, path, keys);
    }
    let text = sources::text(files, path).ok().flatten().unwrap_or_default();
    let options: Table = ini::entries(&text)
        .iter()
        .filter(|entry| entry.section == "semantic_release")
        .map(|entry| {
            let value = entry.values(&text).collect::<Vec<_>>().join("\n");
            let value = match value.as_str() {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                _ => Value::String(value),
            };
            (entry.key.clone(), value)
        })
        .collect();
    Ok((!options.is_empty()).then_some(options))
}

fn settings(files: &dyn Files, path: &str, table: Table) -> Generated {
    let mut generated = Generated::new(Generator::SemanticRelease, path);
    let templates = templates(files, &table);
    let own = changelog_file(&table).map(str::to_owned);
    let rendered = || templates.iter().find(|name| name.to_lowercase().starts_with("changelog")).cloned();
    let changelog = own.or_else(rendered).unwrap_or_else(|| "CHANGELOG.md".to_owned());
    let changelog = changelog.trim_start_matches("./").to_owned();
    let text = sources::text(files, &changelog).ok().flatten().unwrap_or_default();
    let has_templates = !templates.is_empty();
    // An old INI file is of an old version.
    let is_old = !path.ends_with(".toml") || text.contains(FLAG_OF_SEVEN);
    let major = used::major(files).or_else(|| match (is_old, has_templates) {
        (true, _) => Some(7),
        (false, true) => None,
        (false, false) => used::major_of_sections(&text),
    });
    let parser = string(&table, "commit_parser").unwrap_or("conventional").to_owned();
    // A class of the repository's own files needs no installation.
    if is_plugin(&parser) && !parser.contains(".py:") {
        generated.plugin = Some(parser.clone());
    }
    let release = SemanticRelease { table, major, has_templates };
    generated.rules = match is_conventional(&parser) {
        true => SemanticRules::new(&release.table, release.major()).map(Rules::SemanticRelease),
        false => Err(format!("its parser `{parser}` decides")),
    };
    generated.is_of_releases = true;
    generated.changelog = Some(changelog);
    generated.semantic_release = Some(release);
    generated
}

/// Whether the rules of a parser are those of conventional commits.
fn is_conventional(parser: &str) -> bool {
    ["conventional", "angular", "semantic_release.history.angular_parser"].contains(&parser)
}

/// Whether a parser does not come with the tool.
fn is_plugin(parser: &str) -> bool {
    parser.contains([':', '.']) && !parser.starts_with("semantic_release.")
}

/// The files that the project's own templates make, relative to its root.
fn templates(files: &dyn Files, table: &Table) -> Vec<String> {
    let changelog = table.get("changelog").and_then(Value::as_object);
    let folder = changelog.and_then(|table| string(table, "template_dir")).unwrap_or("templates");
    let folder = folder.trim_start_matches("./").trim_end_matches('/');
    let inside = |path: &String| path.strip_prefix(folder)?.strip_prefix('/').map(str::to_owned);
    let listed = files.list(folder);
    let made =
        listed.iter().filter_map(inside).filter_map(|path| path.strip_suffix(".j2").map(str::to_owned));
    made.filter(|path| path != ".release_notes.md").collect()
}

impl SemanticRelease {
    /// The major version that writes in the form of a version; none if none is known to.
    pub fn form_of(major: u64, minor: Option<u64>) -> Option<u64> {
        used::form_of(major, minor)
    }

    /// The major version that makes the section.
    pub fn major(&self) -> u64 {
        self.major.unwrap_or(NEWEST)
    }

    /// The settings as a document that the tool reads: every branch is one of releases, no token is missed, and `changelog`
    /// is written, with links to `url`.
    pub fn document(&self, changelog: Option<&str>, url: Option<&str>) -> String {
        let mut table = self.table.clone();
        let mut set = |group: &str, key: &str, value: Value| {
            let group = table.entry(group).or_insert(Value::Null);
            if !group.is_object() {
                *group = json!({});
            }
            group[key] = value;
        };
        set("branches", "pyrelease", json!({ "match": ".*" }));
        set("remote", "ignore_token_for_push", json!(true));
        if let Some(url) = url {
            set("remote", "url", json!(url));
        }
        if let Some(path) = changelog {
            set("changelog", "changelog_file", json!(path));
            if let Some(Value::Object(templates)) = table["changelog"].get_mut("default_templates") {
                templates.remove("changelog_file");
            }
        }
        json!({ "semantic_release": table }).to_string()
    }

    /// The mark in the changelog below which the tool inserts the section; none if it writes the whole file, or if the
    /// project's templates decide.
    pub fn insertion_flag(&self, changelog: &str) -> Option<String> {
        let settings = self.table.get("changelog").and_then(Value::as_object);
        let setting = |key: &str| settings.and_then(|settings| string(settings, key));
        if self.major() == 7 {
            return Some(string(&self.table, "changelog_placeholder").unwrap_or(FLAG_OF_SEVEN).to_owned());
        }
        let usual = if self.major() >= 10 { "update" } else { "init" };
        if self.has_templates || self.major() < 9 || setting("mode").unwrap_or(usual) != "update" {
            return None;
        }
        let usual = if changelog.ends_with(".rst") { FLAG_OF_RST } else { FLAG_OF_MARKDOWN };
        Some(setting("insertion_flag").unwrap_or(usual).to_owned())
    }

    /// Whether the tool takes a tag for that of a version: it knows semantic versions only.
    pub fn reads(&self, tag: &str, version: &Version) -> bool {
        let format = string(&self.table, "tag_format").unwrap_or("v{version}");
        version.to_semver().is_some_and(|version| format.replace("{version}", &version) == tag)
    }

    /// The format of tags that the tool reads.
    pub fn tag_format(&self) -> &str {
        string(&self.table, "tag_format").unwrap_or("v{version}")
    }

    /// The remote whose URL the tool asks git for; none if the settings have a URL.
    pub fn remote(&self) -> Option<&str> {
        let remote = self.table.get("remote").and_then(Value::as_object);
        if remote.is_some_and(|remote| remote.contains_key("url")) {
            return None;
        }
        Some(remote.and_then(|remote| string(remote, "name")).unwrap_or("origin"))
    }
}
