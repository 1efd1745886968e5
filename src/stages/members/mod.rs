//! The members of a workspace: which there are, which are released in what version, and the stages that release them
//! together.

mod changed;
mod reopen;
mod select;
mod stages;
mod target;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::config::{
    Config, MemberSettings, Members as Where, Spanned, Versions, WorkspaceSettings, nearest,
};
use crate::engine::checkout::Checkout;
use crate::engine::journal::Header;
use crate::engine::model::DEFAULT_TAG_NAME;
use crate::engine::pipeline::Pipeline;
use crate::engine::release::Release;
use crate::error::{Error, Result};
use crate::finding::Finding;
use crate::python::changelog::{Format, Share};
use crate::python::filename::normalize;
use crate::python::project::{Files as _, is_project_name};
use crate::python::workspace::{Graph, WorkspaceError, fetched, is_private, matching, uv_members};
use crate::stages::Plugins;
use crate::stages::target::{History, read_project};

pub use select::Request;
use select::{Selection, select};
use stages::pipeline_of;

/// A member of a workspace
pub struct Member {
    pub name: String,
    /// Relative to the workspace, without a final `/`; empty for the workspace itself
    pub folder: String,
    pub config: Config,
    /// Whether it is not uploaded
    pub is_private: bool,
    /// The position of what names it in the configuration
    span: Option<Range<usize>>,
}

/// The members of a workspace, and what they require of each other
pub struct Workspace {
    /// The name for all of them
    pub name: String,
    pub settings: WorkspaceSettings,
    pub members: Vec<Member>,
    pub graph: Graph,
    /// The workspace's folder in the repository, with `/` and a final one; empty at the top
    prefix: String,
    /// Members that have one version, by position; each member is in one unit
    units: Vec<Unit>,
}

/// Determines the members to release, and the pipeline that releases them.
///
/// # Errors
/// The configuration has no workspace, or a member or a stage is wrong.
pub fn begin(
    config: &Config,
    mut checkout: Checkout,
    request: &Request<'_>,
    plugins: &Plugins<'_>,
) -> Result<(Pipeline, Release, Vec<Finding>)> {
    checkout.keep_past();
    let workspace = Arc::new(Workspace::of(config, &checkout)?);
    let Selection { release, findings } = select(config, checkout, &workspace, request)?;
    let pipeline = pipeline_of(config, &workspace, &release, plugins)?;
    Ok((pipeline, release, findings))
}

/// The release that a run began, and its pipeline, by the run's header.
///
/// # Errors
/// A member is not in the workspace as it was committed then.
pub fn of_run(
    config: &Config,
    header: &Header,
    checkout: Checkout,
    plugins: &Plugins<'_>,
) -> Result<(Pipeline, Release)> {
    let (workspace, release) = target::of_header(header, config, checkout)?;
    let pipeline = pipeline_of(config, &Arc::new(workspace), &release, plugins)?;
    Ok((pipeline, release))
}

/// Members that are released in one version
struct Unit {
    members: Vec<usize>,
    /// The position of what binds them together
    span: Option<Range<usize>>,
}

impl Workspace {
    /// Reads the members of the workspace at the checkout.
    ///
    /// # Errors
    /// The configuration has none. A member cannot be read; two have one name or overlapping folders; the configuration names one that does not
    /// exist; they need each other to be built.
    pub fn of(config: &Config, checkout: &Checkout) -> Result<Self> {
        let settings = config.workspace().cloned();
        let settings = settings.ok_or_else(|| config.error("there is no [workspace]", None, None))?;
        let found = folders(config, &settings, checkout)?;
        if found.is_empty() {
            let help = "name the folders of its members: members = [\"packages/*\"]";
            return Err(config.error("the workspace has no members", settings.span, Some(help)));
        }
        if let Some(changelog) =
            settings.changelog.as_ref().filter(|file| checkout.read(&file.value).is_none())
        {
            let message = format!("`{}` is not in the last commit", changelog.value);
            let help = "write it with a heading `## [Unreleased]`, and commit it";
            return Err(config.error(&message, changelog.span.clone(), Some(help)));
        }
        let exceptions = config.member_settings();
        let mut members = Vec::with_capacity(found.len());
        for Found { name, folder, glob, span } in found {
            let own = prefix_of(checkout, &folder);
            let files = checkout.in_folder(&own, Vec::new())?;
            let common = config.of_member(name.as_deref().unwrap_or_default(), None);
            let project = read_project(&common, &files, name.as_deref()).map_err(|error| {
                let place = if folder.is_empty() { "its own folder" } else { &folder };
                let error = error.of_member(place);
                let Some(glob) = &glob else { return error };
                let exclude = if folder.is_empty() { "." } else { &folder };
                error.help(format!(
                    "`{glob}` in `members` matches it: if it is no member, leave it out with exclude = [\"{exclude}\"]"
                ))
            })?;
            let exception =
                exceptions.iter().find(|known| normalize(&known.name.value) == project.normalized_name());
            let is_private = match exception.and_then(|exception| exception.publish) {
                Some(publish) => !publish,
                None => is_private(checkout, &folder),
            };
            let own = config.of_member(&project.name, exception);
            let config = match &settings.changelog {
                Some(changelog) => sharing(config, own, changelog, &folder)?,
                None => own,
            };
            members.push(Member { name: project.name, folder, config, is_private, span });
        }
        check_names(config, &settings, &members)?;
        check_folders(config, &settings, &members)?;
        let units = units(config, &settings, &members)?;
        let pairs: Vec<(String, String)> =
            members.iter().map(|member| (member.folder.clone(), member.name.clone())).collect();
        let graph = Graph::read(checkout, &pairs).map_err(problem)?;
        if let Some(cycle) = graph.build_cycle() {
            let names: Vec<&str> = cycle.iter().map(|at| members[*at].name.as_str()).collect();
            let message = format!("members need each other to be built: {}", names.join(" -> "));
            let help = "remove one of these build requirements: neither can be built before the other";
            return Err(config.error(&message, settings.span, Some(help)));
        }
        let own = members.iter().find(|member| member.folder.is_empty()).map(|member| member.name.clone());
        let name = own.or(config.name().map(str::to_owned)).unwrap_or_else(|| folder_name(checkout));
        let prefix = checkout.prefix.clone();
        Ok(Self { name, settings, members, graph, prefix, units })
    }

    /// The position of a member by its name in any spelling.
    fn named(&self, name: &str) -> Option<usize> {
        let name = normalize(name);
        self.members.iter().position(|member| normalize(&member.name) == name)
    }

    /// Whether all members are released under one tag.
    pub fn has_one_tag(&self) -> bool {
        let names_one = |text: &str| text.contains("{name}");
        let configured = self.members.iter().find_map(|member| member.config.stage_text("tag", "name"));
        self.settings.versions == Versions::Locked && !configured.is_some_and(names_one)
    }

    /// The name of the only tag, as a template: the configured one, or that of earlier releases, or the usual one. None if
    /// each member has its own tag.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn shared_tag(&self, config: &Config, checkout: &Checkout) -> Result<Option<String>> {
        if !self.has_one_tag() {
            return Ok(None);
        }
        let mut configured = self.members.iter().filter_map(|member| member.config.stage_text("tag", "name"));
        if let Some(name) = configured.next() {
            return Ok(Some(name.to_owned()));
        }
        let mut project = read_project(&self.members[0].config, &self.checkout_of(0, checkout)?, None)?;
        project.name.clone_from(&self.name);
        let history = History::of(config, checkout, &project)?;
        let is_of_one = |tag: &String| {
            self.members.iter().any(|member| !member.folder.is_empty() && tag.contains(&member.name))
        };
        let learned = history.habits.tag_style().map(|style| style.value.template());
        Ok(Some(learned.filter(|tag| !is_of_one(tag)).unwrap_or_else(|| DEFAULT_TAG_NAME.to_owned())))
    }

    /// The project of a member in the checkout.
    ///
    /// # Errors
    /// The repository cannot be opened again.
    pub fn checkout_of(&self, member: usize, checkout: &Checkout) -> Result<Checkout> {
        let own = &self.members[member].folder;
        let others = self.members.iter().filter(|other| other.folder != *own && !other.folder.is_empty());
        let others = others.map(|other| prefix_of(checkout, &other.folder)).collect();
        let checkout = checkout.in_folder(&prefix_of(checkout, own), others)?;
        let Some(changelog) = &self.settings.changelog else { return Ok(checkout) };
        Ok(checkout.sharing(from_folder(own, &changelog.value), self.share(member)))
    }

    /// The member that a folder is in; `root` is the workspace's.
    pub fn at(&self, folder: &Path, root: &Path) -> Option<&Member> {
        let around = self.members.iter().filter(|member| folder.starts_with(root.join(&member.folder)));
        around.max_by_key(|member| member.folder.len())
    }

    /// The configuration and the project of the member with this name.
    ///
    /// # Errors
    /// There is no such member.
    pub fn project(&self, name: &str, checkout: &Checkout) -> Result<(&Config, Checkout)> {
        let member = self.named(name).ok_or_else(|| self.unknown(name))?;
        Ok((&self.members[member].config, self.checkout_of(member, checkout)?))
    }

    /// The error of a name that no member has.
    fn unknown(&self, name: &str) -> Error {
        let known = || self.members.iter().map(|member| member.name.as_str());
        let error = Error::usage(format!("the workspace has no member `{}`", name.escape_debug()));
        match nearest(name, known()) {
            Some(nearest) => error.help(format!("did you mean `{nearest}`?")),
            None => error.help(format!("the members are {}", crate::config::list(known().take(20)))),
        }
    }

    /// What is worth knowing about the members.
    fn findings(&self, checkout: &Checkout) -> Vec<Finding> {
        let fetched = fetched(checkout, &self.graph).into_iter().map(|(member, line)| {
            let name = &self.members[member].name;
            let message = format!("`uv.lock`, line {line}: `{name}` is taken from an index, not from the workspace");
            let help = format!("add `{name} = {{ workspace = true }}` to [tool.uv.sources] where it is required, and run `uv lock`");
            Finding::warning(message).help(help)
        });
        let cycles = self.graph.run_cycles().into_iter().map(|cycle| {
            let names: Vec<&str> = cycle.iter().map(|at| self.members[*at].name.as_str()).collect();
            let message = format!(
                "{} require each other: while they are uploaded, one of them requires a version that is not there yet",
                crate::config::list(names)
            );
            Finding::warning(message).help("they go up together, after what they require")
        });
        cycles.chain(fetched).chain(self.entries_of_nobody(checkout)).collect()
    }
}

impl Workspace {
    /// Entries in the changelog of all members that no release takes.
    fn entries_of_nobody(&self, checkout: &Checkout) -> Option<Finding> {
        let path = &self.settings.changelog.as_ref()?.value;
        let text = String::from_utf8(checkout.read(path)?).ok()?;
        let lines = self.share(0).entries_of_nobody(&text, Format::of_text(path, &text)?).ok()?;
        let first = lines.first()?;
        let more = if lines.len() > 1 { format!(" and {} more", lines.len() - 1) } else { String::new() };
        let message = format!("`{path}`, line {first}{more}: not released, and in no member's subsection");
        let example = format!("move it below the heading of a member, such as `{}`", self.members[0].name);
        Some(Finding::warning(message).help(example))
    }

    /// The part of a member in the changelog of all.
    fn share(&self, own: usize) -> Share {
        let names = self.members.iter().map(|member| member.name.clone()).collect();
        Share { names, own, is_locked: self.settings.versions == Versions::Locked }
    }
}

/// A folder of a member, and its name if the configuration has it
struct Found {
    name: Option<String>,
    folder: String,
    /// The pattern that matches it, if one of the configuration does
    glob: Option<String>,
    span: Option<Range<usize>>,
}

fn folders(config: &Config, settings: &WorkspaceSettings, checkout: &Checkout) -> Result<Vec<Found>> {
    let plain = |folder: String| Found { name: None, folder, glob: None, span: settings.span.clone() };
    let excluded: Vec<&str> = settings.exclude.iter().map(|glob| glob.value.as_str()).collect();
    match &settings.members {
        Where::OfUv => match uv_members(checkout).map_err(problem)? {
            Some(folders) => {
                let is_excluded = |folder: &String| {
                    let found = matching(checkout, &excluded, &[]).unwrap_or_default();
                    found.contains(folder)
                };
                let kept = folders.into_iter().filter(|folder| excluded.is_empty() || !is_excluded(folder));
                Ok(kept.map(plain).collect())
            }
            None => {
                let help =
                    "add members = [\"packages/*\"] to [workspace], or [tool.uv.workspace] to pyproject.toml";
                let message = "[workspace] has no `members`, and `pyproject.toml` has no [tool.uv.workspace]";
                Err(config.error(message, settings.span.clone(), Some(help)))
            }
        },
        Where::Folders(globs) => {
            let mut found: Vec<Found> = Vec::new();
            for glob in globs {
                let folders = matching(checkout, &[&glob.value], &excluded).map_err(|error| {
                    config.error(&error.to_string(), glob.span.clone(), Some(&error.help()))
                })?;
                if folders.is_empty() {
                    let message = format!("`{}` matches no folder with a Python project", glob.value);
                    let help = "a member has a committed pyproject.toml, setup.cfg or setup.py";
                    return Err(config.error(&message, glob.span.clone(), Some(help)));
                }
                for folder in folders {
                    if found.iter().all(|known| known.folder != folder) {
                        found.push(Found {
                            name: None,
                            folder,
                            glob: Some(glob.value.clone()),
                            span: glob.span.clone(),
                        });
                    }
                }
            }
            found.sort_by(|one, other| one.folder.cmp(&other.folder));
            Ok(found)
        }
        Where::Named(named) => {
            named.iter().map(|(name, folder)| found(config, checkout, name, folder)).collect()
        }
    }
}

/// A member that is listed with its name.
fn found(config: &Config, checkout: &Checkout, name: &Spanned, folder: &Spanned) -> Result<Found> {
    if !is_project_name(&name.value) {
        let help = "use letters and digits, with `-`, `_` or `.` between them";
        let message = format!("`{}` is not the name of a project", name.value.escape_debug());
        return Err(config.error(&message, name.span.clone(), Some(help)));
    }
    let inside = folder.value.trim_end_matches('/').trim_start_matches("./");
    let inside = if inside == "." { "" } else { inside };
    if !inside.is_empty() {
        config.check_inside(inside, folder.span.clone())?;
    }
    let file = |file: &str| if inside.is_empty() { file.to_owned() } else { format!("{inside}/{file}") };
    let is_project =
        ["pyproject.toml", "setup.cfg", "setup.py"].iter().any(|name| checkout.read(&file(name)).is_some());
    if !is_project {
        let message = format!("`{}` has no Python project", folder.value);
        let help = "a member has a committed pyproject.toml, setup.cfg or setup.py";
        return Err(config.error(&message, folder.span.clone(), Some(help)));
    }
    Ok(Found {
        name: Some(name.value.clone()),
        folder: inside.to_owned(),
        glob: None,
        span: folder.span.clone(),
    })
}

/// The configuration of a member that shares a changelog with the others.
fn sharing(config: &Config, own: Config, changelog: &Spanned, folder: &str) -> Result<Config> {
    if let Some(span) = own.stage_key("changelog", "file") {
        let message = "`file` in [stage.changelog] and `changelog` in [workspace] exclude each other";
        let help = "remove one: with `changelog`, all members have one file";
        return Err(config.error(message, span.or(changelog.span.clone()), Some(help)));
    }
    Ok(own.with_changelog(&from_folder(folder, &changelog.value)))
}

/// A path of the workspace, relative to the folder of a member.
fn from_folder(folder: &str, path: &str) -> String {
    let levels = folder.split('/').filter(|part| !part.is_empty()).count();
    format!("{}{path}", "../".repeat(levels))
}

/// A folder of the workspace as one of the repository, with `/` and a final one.
fn prefix_of(checkout: &Checkout, folder: &str) -> String {
    match folder {
        "" => checkout.prefix.clone(),
        folder => format!("{}{folder}/", checkout.prefix),
    }
}

fn folder_name(checkout: &Checkout) -> String {
    let root = checkout.root();
    root.file_name().and_then(|name| name.to_str()).unwrap_or("workspace").to_owned()
}

/// Refuses two members of one name, and names of members that do not exist.
fn check_names(config: &Config, settings: &WorkspaceSettings, members: &[Member]) -> Result<()> {
    for (at, member) in members.iter().enumerate() {
        let same = |other: &&Member| normalize(&other.name) == normalize(&member.name);
        if let Some(other) = members[..at].iter().find(same) {
            let message = format!(
                "two members are named `{}`: `{}` and `{}`",
                member.name, other.folder, member.folder
            );
            let help = "rename one, or leave it out with `exclude`";
            return Err(config.error(&message, member.span.clone(), Some(help)));
        }
    }
    let grouped = settings.groups.iter().flat_map(|(_, members)| members);
    for named in grouped.chain(config.member_settings().iter().map(|member: &MemberSettings| &member.name)) {
        if members.iter().any(|member| normalize(&member.name) == normalize(&named.value)) {
            continue;
        }
        let names = members.iter().map(|member| member.name.as_str());
        let help = match nearest(&named.value, names.clone()) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("the members are {}", crate::config::list(names.take(20))),
        };
        let message = format!("the workspace has no member `{}`", named.value.escape_debug());
        return Err(config.error(&message, named.span.clone(), Some(&help)));
    }
    Ok(())
}

/// Refuses a member in the folder of another: its files would be released twice. The workspace itself may be a member.
fn check_folders(config: &Config, settings: &WorkspaceSettings, members: &[Member]) -> Result<()> {
    for member in members.iter().filter(|member| !member.folder.is_empty()) {
        let is_inside = |other: &&Member| {
            let below = other.folder.strip_prefix(member.folder.as_str());
            below.is_some_and(|rest| rest.starts_with('/') || rest.is_empty()) && other.name != member.name
        };
        if let Some(other) = members.iter().find(is_inside) {
            let message = format!("the folder of `{}` is in that of `{}`", other.name, member.name);
            let help = "move it, or leave one of them out with `exclude`";
            return Err(config.error(&message, other.span.clone().or(settings.span.clone()), Some(help)));
        }
    }
    Ok(())
}

/// The members that have one version each.
fn units(config: &Config, settings: &WorkspaceSettings, members: &[Member]) -> Result<Vec<Unit>> {
    let alone = |at| Unit { members: vec![at], span: None };
    if settings.versions == Versions::Locked {
        return Ok(vec![Unit { members: (0..members.len()).collect(), span: settings.span.clone() }]);
    }
    let mut group_of: Vec<Option<usize>> = vec![None; members.len()];
    for (group, (name, names)) in settings.groups.iter().enumerate() {
        for named in names {
            let Some(at) =
                members.iter().position(|member| normalize(&member.name) == normalize(&named.value))
            else {
                continue;
            };
            if group_of[at].is_some() {
                let message =
                    format!("`{}` is listed twice, at last in the group `{}`", named.value, name.value);
                return Err(config.error(
                    &message,
                    named.span.clone(),
                    Some("a member is in one group: remove one"),
                ));
            }
            group_of[at] = Some(group);
        }
    }
    let mut units: Vec<Unit> = Vec::new();
    for (group, (name, _)) in settings.groups.iter().enumerate() {
        let members: Vec<usize> = (0..members.len()).filter(|at| group_of[*at] == Some(group)).collect();
        if !members.is_empty() {
            units.push(Unit { members, span: name.span.clone() });
        }
    }
    units.extend((0..members.len()).filter(|at| group_of[*at].is_none()).map(alone));
    Ok(units)
}

fn problem(error: WorkspaceError) -> Error {
    let help = error.help();
    let error = Error::usage(error.to_string());
    if help.is_empty() { error } else { error.help(help) }
}
