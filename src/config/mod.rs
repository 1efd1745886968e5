//! Parses `release.toml` into a [`Config`], and keeps the position of every value for errors.
//!
//! A stage's settings are in `[stage.NAME]`, an index's in `[index.NAME]`. This module does not know the stages: each
//! one gets its table through [`Config::settings`].

mod index;
mod locate;
mod report;
mod settings;
mod template;
mod workspace;

use std::collections::BTreeMap;
use std::ops::Range;

use toml_edit::{Document, Item, Table};

pub use index::{Attestations, IndexKind, IndexSettings, index_schema};
pub use locate::{FILES, Location, Root, locate, locate_root};
pub use report::{Source, list, nearest};
pub use template::{Names, Template, message};
pub use workspace::{
    DEFAULT_MEMBER_TAG_NAME, Dependents, MEMBER_KEYS, MemberSettings, Members, Versions, WorkspaceSettings,
    workspace_schema,
};

use crate::error::Result;
use crate::python::project::is_project_name;

/// The stages if none are configured
pub const DEFAULT_STAGES: [&str; 8] =
    ["changelog", "version", "tag", "build", "check", "testpypi", "push", "pypi"];

/// The keys at the top, and what they mean
pub const ROOT_KEYS: [(&str, &str); 7] = [
    ("name", "The project's name, where its own files do not tell it"),
    (
        "stages",
        "The stages of a release in their order; by default changelog, version, tag, build, check, testpypi, push, pypi",
    ),
    ("carry", "Ignored files that the build needs, relative to the project"),
    ("stage", "The settings of each stage: [stage.NAME]"),
    ("index", "The settings of each index: [index.NAME]; a stage of that name uploads to it"),
    ("workspace", "The packages of a workspace, which are released together"),
    ("member", "What differs for a member of the workspace: [member.NAME]"),
];

/// A name in the configuration and its position
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spanned {
    pub value: String,
    pub span: Option<Range<usize>>,
}

/// The configuration of a release
#[derive(Debug, Clone)]
pub struct Config {
    source: Source,
    name: Option<String>,
    stages: Vec<Spanned>,
    carry: Vec<String>,
    stage_tables: BTreeMap<String, (Option<Range<usize>>, Table)>,
    indexes: BTreeMap<String, IndexSettings>,
    /// The position of each `[index.NAME]`
    index_spans: Vec<Spanned>,
    workspace: Option<WorkspaceSettings>,
    /// The exceptions of the workspace's members
    members: Vec<MemberSettings>,
    /// The name of tags where neither the configuration nor earlier releases tell it
    default_tag: Option<&'static str>,
    /// Whether all members of its workspace have one tag
    has_one_tag: bool,
}

impl Config {
    /// The configuration of a project that has none.
    pub fn default_pipeline() -> Self {
        Self {
            source: Source::new("release.toml", String::new()),
            stages: DEFAULT_STAGES
                .iter()
                .map(|name| Spanned { value: (*name).to_owned(), span: None })
                .collect(),
            carry: Vec::new(),
            name: None,
            stage_tables: BTreeMap::new(),
            indexes: index::predefined(),
            index_spans: Vec::new(),
            workspace: None,
            members: Vec::new(),
            default_tag: None,
            has_one_tag: false,
        }
    }

    /// Parses a `release.toml`, or the `[tool.pyrelease]` of a `pyproject.toml`.
    ///
    /// # Errors
    /// The text is not TOML, or has an unknown key or a wrong type. The error underlines the line and has the fix.
    pub fn parse(source: Source) -> Result<Self> {
        let document = Document::parse(source.text().to_owned())
            .map_err(|error| source.error(error.message(), error.span(), None))?;
        let mut config = Self { source, ..Self::default_pipeline() };
        let Some(root) = (if config.source.is_pyproject() {
            document.get("tool").and_then(|tool| tool.get("pyrelease"))
        } else {
            Some(document.as_item())
        }) else {
            return Ok(config);
        };
        config.read_root(root)?;
        Ok(config)
    }

    fn read_root(&mut self, root: &Item) -> Result<()> {
        let root = self.table(root, "the configuration")?;
        let file = self.source.path().display().to_string();
        for (key, item) in root.iter() {
            match key {
                "name" => self.name = Some(self.read_name(item)?),
                "stages" => self.stages = self.read_names(item)?,
                "carry" => {
                    for name in self.read_names(item)? {
                        self.check_inside(&name.value, name.span)?;
                        self.carry.push(name.value);
                    }
                }
                "stage" => {
                    for (name, item) in self.table(item, "`stage`")?.iter() {
                        let table = self.table(item, &format!("`stage.{name}`"))?;
                        self.stage_tables.insert(name.to_owned(), (item.span(), table));
                    }
                }
                "index" => {
                    for (name, item) in self.table(item, "`index`")?.iter() {
                        let table = self.table(item, &format!("`index.{name}`"))?;
                        let settings =
                            settings::read::<index::Raw>(&self.source, &format!("index.{name}"), &table)?;
                        let settings =
                            settings.complete(name, self.indexes.get(name), &file).map_err(|problem| {
                                self.source.error(&problem.message, item.span(), Some(&problem.help))
                            })?;
                        self.indexes.insert(name.to_owned(), settings);
                        self.index_spans.push(Spanned { value: name.to_owned(), span: item.span() });
                    }
                }
                "workspace" => self.read_workspace(item)?,
                "member" => self.read_members(item)?,
                unknown => {
                    let span = root.key(unknown).and_then(toml_edit::Key::span);
                    let known = || ROOT_KEYS.iter().map(|(name, _)| *name);
                    let help = match report::nearest(unknown, known()) {
                        Some(nearest) => format!("did you mean `{nearest}`?"),
                        None => format!(
                            "the top-level keys are {}; a stage's settings belong in [stage.NAME]",
                            report::list(known())
                        ),
                    };
                    return Err(self.source.error(&format!("unknown key `{unknown}`"), span, Some(&help)));
                }
            }
        }
        self.check_members()
    }

    fn table(&self, item: &Item, what: &str) -> Result<Table> {
        item.clone().into_table().map_err(|item| {
            let message = format!("{what} must be a table, not {}", report::article(item.type_name()));
            self.source.error(&message, item.span(), None)
        })
    }

    fn read_names(&self, item: &Item) -> Result<Vec<Spanned>> {
        let wrong = |item_type: &str, span| {
            let message = format!("expected an array of names, found {}", report::article(item_type));
            let names = item.as_str().and_then(report::as_array);
            let names = names.unwrap_or_else(|| "[\"one\", \"two\"]".to_owned());
            self.source.error(&message, span, Some(&format!("write it as {names}")))
        };
        let array = item.as_array().ok_or_else(|| wrong(item.type_name(), item.span()))?;
        array
            .iter()
            .map(|value| match value.as_str() {
                Some(name) => Ok(Spanned { value: name.to_owned(), span: value.span() }),
                None => Err(wrong(value.type_name(), value.span())),
            })
            .collect()
    }

    fn read_name(&self, item: &Item) -> Result<String> {
        let name = item.as_str().filter(|name| is_project_name(name));
        name.map(str::to_owned).ok_or_else(|| {
            let help = "use letters and digits, with `-`, `_` or `.` between them";
            self.source.error("`name` must be the name of a project", item.span(), Some(help))
        })
    }

    /// The project's name, where its own metadata cannot be read.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The name of tags where neither the configuration nor earlier releases tell it, as a template; none for the usual one.
    pub fn default_tag(&self) -> Option<&'static str> {
        self.default_tag
    }

    /// Whether a tag that names no package may be another member's: it is of a workspace whose members do not share tags.
    pub fn may_share_names_of_tags(&self) -> bool {
        self.default_tag.is_some() && !self.has_one_tag
    }

    /// The stages in order.
    pub fn stages(&self) -> &[Spanned] {
        &self.stages
    }

    /// Ignored files that a build needs, relative to the project.
    pub fn carry(&self) -> &[String] {
        &self.carry
    }

    /// The names of the configured `[index.NAME]` tables.
    pub fn configured_indexes(&self) -> &[Spanned] {
        &self.index_spans
    }

    /// Every index by name: the predefined ones and those of `[index.NAME]`.
    pub fn indexes(&self) -> &BTreeMap<String, IndexSettings> {
        &self.indexes
    }

    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The names that have a `[stage.NAME]` table, with its position.
    pub fn configured_stages(&self) -> impl Iterator<Item = (&str, Option<Range<usize>>)> {
        self.stage_tables.iter().map(|(name, (span, _))| (name.as_str(), span.clone()))
    }

    /// Whether `[stage.NAME]` has this key, and its position.
    pub fn stage_key(&self, stage: &str, key: &str) -> Option<Option<Range<usize>>> {
        let (_, table) = self.stage_tables.get(stage)?;
        table.contains_key(key).then(|| table.get(key).and_then(Item::span))
    }

    /// The text at this key of `[stage.NAME]`, if it is one.
    pub fn stage_text(&self, stage: &str, key: &str) -> Option<&str> {
        self.stage_tables.get(stage)?.1.get(key)?.as_str()
    }

    /// Whether `[stage.NAME]` sets this key to true.
    pub fn is_stage_set(&self, stage: &str, key: &str) -> bool {
        self.stage_tables.get(stage).and_then(|(_, table)| table.get(key)?.as_bool()).unwrap_or(false)
    }

    /// The texts of the array at this key of `[stage.NAME]`.
    pub fn stage_list(&self, stage: &str, key: &str) -> impl Iterator<Item = &str> {
        let array = self.stage_tables.get(stage).and_then(|(_, table)| table.get(key)?.as_array());
        array.into_iter().flatten().filter_map(toml_edit::Value::as_str)
    }

    /// The secrets that any stage's `secrets` names: only the stages that are granted them get them.
    pub fn granted_secrets(&self) -> impl Iterator<Item = &str> {
        self.stage_tables.keys().flat_map(|stage| self.stage_list(stage, "secrets"))
    }

    /// The position in `[stage.NAME]` of the value at the end of `way`, or of its key; of the nearest parent if there
    /// is no such value.
    pub fn stage_place(&self, stage: &str, way: &[&str], key: bool) -> Option<Range<usize>> {
        let (span, table) = self.stage_tables.get(stage)?;
        let whole = Item::Table(table.clone());
        let mut item = &whole;
        let mut place = span.clone();
        for (at, part) in way.iter().enumerate() {
            let of_key =
                item.as_table_like().and_then(|table| table.key(part)).and_then(toml_edit::Key::span);
            if key && at + 1 == way.len() {
                return of_key.or(place);
            }
            let inner =
                part.parse::<usize>().ok().and_then(|number| item.get(number)).or_else(|| item.get(*part));
            let Some(inner) = inner else { break };
            item = inner;
            place = item.span().or(of_key).or(place);
        }
        place
    }

    /// The settings of a stage: its table as a `T`, with defaults.
    ///
    /// # Errors
    /// An unknown key (with the nearest known one) or a wrong value, underlined.
    pub fn settings<T>(&self, stage: &str) -> Result<T>
    where
        T: serde::de::DeserializeOwned + schemars::JsonSchema,
    {
        let empty = Table::new();
        let table = self.stage_tables.get(stage).map_or(&empty, |(_, table)| table);
        settings::read(&self.source, &format!("stage.{stage}"), table)
    }

    /// Checks that a path in a stage's settings is inside the project.
    ///
    /// # Errors
    /// It is absolute or leads out of the project; the error underlines it.
    pub fn check_inside(&self, path: &str, span: Option<Range<usize>>) -> Result<()> {
        let parts = std::path::Path::new(path).components();
        let inside = parts.clone().count() > 0
            && parts.clone().all(|part| matches!(part, std::path::Component::Normal(_)));
        if parts.clone().any(|part| part.as_os_str().eq_ignore_ascii_case(".git")) {
            let help = "name files of the project: a release has a git folder of its own";
            return Err(self.error(&format!("`{path}` is in a git folder"), span, Some(help)));
        }
        if inside {
            return Ok(());
        }
        let help = "use a path relative to the project's folder, without `..`";
        Err(self.error(&format!("`{path}` is not inside the project"), span, Some(help)))
    }

    /// An error at a position in the configuration.
    pub fn error(
        &self,
        message: &str,
        span: Option<Range<usize>>,
        help: Option<&str>,
    ) -> crate::error::Error {
        self.source.error(message, span, help)
    }
}

#[cfg(test)]
mod tests;
