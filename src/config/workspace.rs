//! `[workspace]` and `[member.NAME]`: the packages that are released together.

use std::collections::BTreeMap;
use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use toml_edit::{Item, Table};

use super::{Config, Spanned, report, settings};
use crate::error::Result;
use crate::python::workspace::Pins;

/// The template of the names of members' tags, if nothing else decides
pub const DEFAULT_MEMBER_TAG_NAME: &str = "{name}-v{version}";

/// How the members' versions relate
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Versions {
    /// Each member has its own
    #[default]
    Independent,
    /// All members have one, and one tag
    Locked,
    /// The members of a group have one
    Grouped,
}

/// What happens to members whose requirement on a released one moves
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Dependents {
    /// They are released too, as a patch
    #[default]
    Patch,
    /// Their files change, and they are released another time
    Off,
}

/// The setting `pins`
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
enum RawPins {
    /// An exact pin stays exact, a bound that does not hold any more moves in its own style
    #[default]
    #[serde(rename = "keep-style")]
    KeepStyle,
    /// `==2.0.0`
    #[serde(rename = "==")]
    Exact,
    /// `~=2.0.0`
    #[serde(rename = "~=")]
    Compatible,
    /// `>=2.0.0`
    #[serde(rename = ">=")]
    Minimum,
    /// Nothing is changed
    #[serde(rename = "leave")]
    Leave,
}

impl From<RawPins> for Pins {
    fn from(pins: RawPins) -> Self {
        match pins {
            RawPins::KeepStyle => Self::KeepStyle,
            RawPins::Exact => Self::Exact,
            RawPins::Compatible => Self::Compatible,
            RawPins::Minimum => Self::Minimum,
            RawPins::Leave => Self::Leave,
        }
    }
}

/// The setting `members`
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
enum RawMembers {
    /// Folders, or globs of folders
    Folders(Vec<String>),
    /// The folder of each member by its name
    Named(BTreeMap<String, String>),
}

/// Settings of a workspace: the packages that are released together
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Raw {
    /// The members: folders and globs such as `["packages/*"]`, or the folder of each by its name; by default those of
    /// `[tool.uv.workspace]`
    members: Option<RawMembers>,
    /// Folders and globs that are no members
    exclude: Vec<String>,
    /// Whether each member has its own version (`independent`), all have one (`locked`), or those of a group have one
    /// (`grouped`)
    versions: Versions,
    /// The names of the members of each group, for `versions = "grouped"`
    groups: BTreeMap<String, Vec<String>>,
    /// How requirements among members follow a release: `keep-style` changes exact pins and bounds that do not hold any
    /// more, each in its own style; `==`, `~=` and `>=` write that operator; `leave` changes nothing
    pins: RawPins,
    /// Whether a member whose requirement moves is released too, as a `patch`, or not (`off`)
    dependents: Dependents,
    /// The changelog of all members, with a section for each; by default each member has its own
    changelog: Option<String>,
}

/// Where the members are
#[derive(Debug, Clone)]
pub enum Members {
    /// Those of `[tool.uv.workspace]`
    OfUv,
    /// Folders and globs
    Folders(Vec<Spanned>),
    /// The name and the folder of each
    Named(Vec<(Spanned, Spanned)>),
}

/// The configuration of a workspace
#[derive(Debug, Clone)]
pub struct WorkspaceSettings {
    /// The position of `[workspace]`
    pub span: Option<Range<usize>>,
    pub members: Members,
    pub exclude: Vec<Spanned>,
    pub versions: Versions,
    /// The members of each group
    pub groups: Vec<(Spanned, Vec<Spanned>)>,
    pub pins: Pins,
    pub dependents: Dependents,
    /// The changelog of all members, relative to the workspace
    pub changelog: Option<Spanned>,
}

/// The exceptions of a member
#[derive(Debug, Clone)]
pub struct MemberSettings {
    pub name: Spanned,
    /// Whether it is uploaded; none if its metadata decide
    pub publish: Option<bool>,
    stages: BTreeMap<String, (Option<Range<usize>>, Table)>,
}

/// The keys of `[member.NAME]`, and what they mean
pub const MEMBER_KEYS: [(&str, &str); 2] = [
    (
        "publish",
        "Whether the member is uploaded; by default it is, unless a classifier such as `Private :: Do Not Upload` or the settings of its tool say that it is private",
    ),
    (
        "stage",
        "The settings of its stages, which replace those of [stage.NAME] one by one: [member.NAME.stage.NAME]",
    ),
];

/// The schema of `[workspace]`.
pub fn workspace_schema(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<Raw>()
}

impl Config {
    /// Reads `[workspace]`.
    pub(super) fn read_workspace(&mut self, item: &Item) -> Result<()> {
        let table = self.table(item, "`workspace`")?;
        let raw: Raw = settings::read(&self.source, "workspace", &table)?;
        let groups = raw.groups.into_iter().map(|(name, members)| {
            let list = table.get("groups").and_then(|groups| groups.get(&name));
            (Spanned { span: key_span(table.get("groups"), &name), value: name }, spanned(list, members))
        });
        let groups: Vec<_> = groups.collect();
        let members = match raw.members {
            None => Members::OfUv,
            Some(RawMembers::Folders(folders)) => Members::Folders(spanned(table.get("members"), folders)),
            Some(RawMembers::Named(named)) => {
                let list = table.get("members");
                let of = |(name, folder): (String, String)| {
                    let span = list.and_then(|list| list.get(&name)).and_then(Item::span);
                    let name = Spanned { span: key_span(list, &name), value: name };
                    (name, Spanned { value: folder, span })
                };
                Members::Named(named.into_iter().map(of).collect())
            }
        };
        if raw.versions != Versions::Grouped && !groups.is_empty() {
            let help = "add versions = \"grouped\" to [workspace], or remove `groups`";
            let span = table.get("groups").and_then(Item::span).or(item.span());
            return Err(self.error("`groups` requires versions = \"grouped\"", span, Some(help)));
        }
        let span = table.get("changelog").and_then(Item::span);
        let changelog = raw.changelog.map(|value| Spanned { value, span });
        if let Some(Spanned { value, span }) = &changelog {
            self.check_inside(value, span.clone())?;
            if self.stages().iter().all(|stage| stage.value != "changelog") {
                let help = "add `changelog` to `stages`, or remove it from [workspace]";
                let message = "`changelog` in [workspace] requires the stage `changelog`";
                return Err(self.error(message, span.clone(), Some(help)));
            }
        }
        self.workspace = Some(WorkspaceSettings {
            span: item.span(),
            members,
            exclude: spanned(table.get("exclude"), raw.exclude),
            versions: raw.versions,
            groups,
            pins: raw.pins.into(),
            dependents: raw.dependents,
            changelog,
        });
        Ok(())
    }

    /// Reads `[member.NAME]` for every name.
    pub(super) fn read_members(&mut self, item: &Item) -> Result<()> {
        for (name, item) in self.table(item, "`member`")?.iter() {
            let table = self.table(item, &format!("`member.{name}`"))?;
            let mut member = MemberSettings {
                name: Spanned { value: name.to_owned(), span: item.span() },
                publish: None,
                stages: BTreeMap::new(),
            };
            for (key, item) in table.iter() {
                match key {
                    "publish" => {
                        let help = Some("write it as publish = false");
                        let wrong = || self.error("`publish` must be true or false", item.span(), help);
                        member.publish = Some(item.as_bool().ok_or_else(wrong)?);
                    }
                    "stage" => {
                        for (stage, item) in self.table(item, &format!("`member.{name}.stage`"))?.iter() {
                            let table = self.table(item, &format!("`member.{name}.stage.{stage}`"))?;
                            member.stages.insert(stage.to_owned(), (item.span(), table));
                        }
                    }
                    unknown => {
                        let span = table.key(unknown).and_then(toml_edit::Key::span);
                        let known = || MEMBER_KEYS.iter().map(|(name, _)| *name);
                        let help = match report::nearest(unknown, known()) {
                            Some(nearest) => format!("did you mean `{nearest}`?"),
                            None => format!("the keys of [member.{name}] are {}", report::list(known())),
                        };
                        let message = format!("unknown key `{unknown}` in [member.{name}]");
                        return Err(self.error(&message, span, Some(&help)));
                    }
                }
            }
            self.members.push(member);
        }
        Ok(())
    }

    /// Refuses exceptions for members where there is no workspace.
    pub(super) fn check_members(&self) -> Result<()> {
        match (&self.workspace, self.members.first()) {
            (None, Some(member)) => {
                let message = format!("[member.{}] requires [workspace]", member.name.value);
                let help = "add [workspace], which says where the members are";
                Err(self.error(&message, member.name.span.clone(), Some(help)))
            }
            _ => Ok(()),
        }
    }

    /// The workspace, if the project is one.
    pub fn workspace(&self) -> Option<&WorkspaceSettings> {
        self.workspace.as_ref()
    }

    /// The exceptions of members.
    pub fn member_settings(&self) -> &[MemberSettings] {
        &self.members
    }

    /// The same with this name of the tag that all members have, a template.
    pub fn with_tag(mut self, name: &str) -> Self {
        self.has_one_tag = true;
        let (_, table) = self.stage_tables.entry("tag".to_owned()).or_default();
        table.insert("name", toml_edit::value(name));
        self
    }

    /// The same with this changelog.
    pub fn with_changelog(mut self, file: &str) -> Self {
        let (_, table) = self.stage_tables.entry("changelog".to_owned()).or_default();
        table.insert("file", toml_edit::value(file));
        self
    }

    /// The configuration of a member: that of all, with the member's exceptions.
    pub fn of_member(&self, name: &str, exceptions: Option<&MemberSettings>) -> Self {
        let mut config = Self {
            name: Some(name.to_owned()).filter(|name| !name.is_empty()),
            workspace: None,
            members: Vec::new(),
            default_tag: Some(DEFAULT_MEMBER_TAG_NAME),
            ..self.clone()
        };
        for (stage, (span, table)) in exceptions.iter().flat_map(|member| &member.stages) {
            match config.stage_tables.get_mut(stage) {
                Some((_, common)) => {
                    for (key, item) in table.iter() {
                        common.insert(key, item.clone());
                    }
                }
                None => drop(config.stage_tables.insert(stage.clone(), (span.clone(), table.clone()))),
            }
        }
        config
    }
}

/// The texts of an array with the position of each.
fn spanned(array: Option<&Item>, values: Vec<String>) -> Vec<Spanned> {
    let span = |at: usize| array.and_then(|array| array.get(at)).and_then(Item::span);
    values.into_iter().enumerate().map(|(at, value)| Spanned { span: span(at), value }).collect()
}

/// The position of a key in a table.
fn key_span(table: Option<&Item>, key: &str) -> Option<Range<usize>> {
    table.and_then(Item::as_table_like).and_then(|table| table.key(key)).and_then(toml_edit::Key::span)
}
