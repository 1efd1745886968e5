//! The configuration of a workspace, from what its members and their tags show.

use super::decided::{Decided, Read, origin};
use super::document::{Entry, texts};
use super::facts::{Fact, remote, workflow};
use super::stages::on_release;
use super::{Answers, Proposal};
use crate::config::{DEFAULT_MEMBER_TAG_NAME, DEFAULT_STAGES};
use crate::engine::checkout::Checkout;
use crate::engine::model::{DEFAULT_COMMIT_MESSAGE, DEFAULT_TAG_MESSAGE};
use crate::error::{Error, ErrorKind, Result};
use crate::python::settings::{self, Part};
use crate::python::version::Version;
use crate::python::workflows::Likelihood;
use crate::python::workspace::{is_private, is_project, matching, projects_below, uv_members};
use crate::stages::{Discovery, FoundWorkflow, discover};

/// How many members are named in a fact or a comment
const NAMED: usize = 20;

/// The folders of a workspace's members, relative to its root, and who says so
pub(super) struct Found {
    folders: Vec<String>,
    /// Whether `[tool.uv.workspace]` does
    is_of_uv: bool,
}

/// A member, and what it shows
struct Member {
    folder: String,
    discovery: Discovery,
    is_private: bool,
}

/// The workspace that the checkout is the root of, if it is one: that of uv with several packages to release, or, where the
/// root is no project, the projects below it.
///
/// # Errors
/// `[tool.uv.workspace]` is wrong, in a root that is no project itself.
pub(super) fn find(checkout: &Checkout) -> Result<Option<Found>> {
    let is_root_released = is_project(checkout, "") && !is_private(checkout, "");
    match uv_members(checkout) {
        Ok(Some(folders)) => {
            let released = folders.iter().filter(|folder| !is_private(checkout, folder)).count();
            let least = if is_root_released { 2 } else { 1 };
            return Ok((released >= least).then_some(Found { folders, is_of_uv: true }));
        }
        Err(error) if !is_root_released => {
            let help = error.help();
            let error = Error::usage(error.to_string());
            return Err(if help.is_empty() { error } else { error.help(help) });
        }
        Ok(None) | Err(_) => {}
    }
    if is_project(checkout, "") {
        return Ok(None);
    }
    let folders = projects_below(checkout);
    Ok((folders.len() > 1).then_some(Found { folders, is_of_uv: false }))
}

/// Proposes the configuration of the workspace, to be written to `file`.
///
/// # Errors
/// A member has no name, or cannot be read.
pub(super) fn propose(checkout: &Checkout, file: &str, found: &Found, answers: &Answers) -> Result<Proposal> {
    let members = read(checkout, found)?;
    let tools = settings::read(checkout);
    let mut decided = Decided::default();
    if let Some(name) = &answers.name {
        let comment = vec!["what the workspace is called".to_owned()];
        decided.document.top.push(Entry { comment, key: "name", value: name.as_str().into() });
    }
    let mut stages = DEFAULT_STAGES.to_vec();
    let mut comments =
        vec!["the stages of a release, in order, each for all members that are released".to_owned()];
    let without: Vec<&str> =
        members.iter().filter(|member| member.discovery.changelog.is_none()).map(Member::name).collect();
    if without.len() == members.len() {
        stages.retain(|stage| *stage != "changelog");
        comments
            .push("no member has a changelog: once they do, add \"changelog\" before \"version\"".to_owned());
    } else if !without.is_empty() {
        comments.push(format!("without a changelog, and so without notes: {}", few(&without)));
    }
    decided.document.top.push(Entry {
        comment: comments,
        key: "stages",
        value: texts(stages.iter().copied()),
    });
    let source = where_they_are(checkout, found, &members);
    match &source {
        None => {}
        Some(globs) => {
            let comment = format!("{} projects: {}", members.len(), few(&names(&members)));
            decided.document.set("workspace", "members", texts(globs.iter().map(String::as_str)), &comment);
        }
    }
    versions(checkout, &members, &mut decided);
    if source.is_none()
        && let Some((_, entries)) = decided.document.tables.iter_mut().find(|(name, _)| name == "workspace")
    {
        let comment = format!("the members are those of [tool.uv.workspace]: {}", few(&names(&members)));
        entries[0].comment.insert(0, comment);
    }
    let private: Vec<&str> = members.iter().filter(|member| member.is_private).map(Member::name).collect();
    if !private.is_empty()
        && let Some((_, entries)) = decided.document.tables.iter_mut().find(|(name, _)| name == "workspace")
    {
        entries[0].comment.push(format!("private, and not uploaded: {}", few(&private)));
    }
    follow(&tools, &mut decided);
    leave_open(&members, &tools, &mut decided);
    decided.document.remarks.clone_from(&decided.open);
    Ok(Proposal {
        file: file.to_owned(),
        found: facts(&members, &tools),
        settings: Vec::new(),
        text: decided.document.text(file == "pyproject.toml"),
        open: decided.open,
        private_indexes: Vec::new(),
        lacks_changelog: false,
        removable: Vec::new(),
    })
}

impl Member {
    fn name(&self) -> &str {
        &self.discovery.project.name
    }

    /// The name of its tags, with `{name}`; none if it has no tag.
    fn tag(&self) -> Option<String> {
        let learned = self.discovery.learned.tag_name.as_ref()?;
        let parts: Vec<String> =
            learned.value.split("{version}").map(|part| part.replace(self.name(), "{name}")).collect();
        Some(parts.join("{version}"))
    }
}

fn names(members: &[Member]) -> Vec<&str> {
    members.iter().map(Member::name).collect()
}

/// `core, cli and 3 more`, for people.
fn few(names: &[&str]) -> String {
    let (named, more) = names.split_at(names.len().min(NAMED));
    let more = if more.is_empty() { String::new() } else { format!(", and {} more", more.len()) };
    format!("{}{more}", named.join(", "))
}

fn read(checkout: &Checkout, found: &Found) -> Result<Vec<Member>> {
    let prefix = |folder: &str| match folder {
        "" => checkout.prefix.clone(),
        folder => format!("{}{folder}/", checkout.prefix),
    };
    let read = |folder: &String| {
        let others = found.folders.iter().filter(|other| *other != folder && !other.is_empty());
        let own = checkout.in_folder(&prefix(folder), others.map(|other| prefix(other)).collect())?;
        let place = if folder.is_empty() { "the root" } else { folder };
        let discovery = discover(&own, None).map_err(|error| match error.kind() {
            // A name would have to be asked for each.
            ErrorKind::OnlyBackendKnows => Error::usage(format!("{place}: {error}")).help(format!(
                "write [workspace] by hand, with the name of each member: members = {{ NAME = \"{folder}\" }}"
            )),
            _ => error.of_member(place),
        })?;
        Ok(Member { folder: folder.clone(), discovery, is_private: is_private(checkout, folder) })
    };
    found.folders.iter().map(read).collect()
}

/// What `members` is to say; none if `[tool.uv.workspace]` says it.
fn where_they_are(checkout: &Checkout, found: &Found, members: &[Member]) -> Option<Vec<String>> {
    if found.is_of_uv {
        return None;
    }
    let mut globs: Vec<String> = Vec::new();
    for member in members {
        let own = |glob: &String| matching(checkout, &[glob], &[]).unwrap_or_default();
        let glob = match member.folder.rsplit_once('/') {
            Some((parent, _)) => format!("{parent}/*"),
            None => "*".to_owned(),
        };
        // A glob that would take in more than the members is none to write.
        let is_exact = own(&glob).iter().all(|folder| found.folders.contains(folder));
        let glob = if is_exact { glob } else { member.folder.clone() };
        if !globs.contains(&glob) {
            globs.push(glob);
        }
    }
    Some(globs)
}

/// Whether the members have one version, and how their tags are named.
fn versions(checkout: &Checkout, members: &[Member], decided: &mut Decided) {
    let stated: Vec<Option<&Version>> =
        members.iter().map(|member| member.discovery.version.as_ref()).collect();
    let one =
        stated.first().copied().flatten().filter(|first| stated.iter().all(|other| *other == Some(*first)));
    let tag = one.filter(|_| members.len() > 1).and_then(|version| {
        let names = [format!("v{version}"), version.to_string(), format!("release-{version}")];
        names.into_iter().find(|name| checkout.repository.tag(name).is_some())
    });
    let has_own = |member: &Member| member.tag().is_some_and(|tag| tag.contains("{name}"));
    let (versions, comment) = match (one, tag) {
        (Some(version), Some(tag)) if !members.iter().any(has_own) => {
            ("locked", format!("one version for all: they are at {version}, and the tag `{tag}` is of all"))
        }
        (Some(version), _) => (
            "independent",
            format!("each member has its own version: they are all at {version}, but no tag is of all"),
        ),
        (None, _) => ("independent", "each member has its own version".to_owned()),
    };
    decided.document.set("workspace", "versions", versions, &comment);
    if versions == "locked" {
        return;
    }
    // Members that have no tag yet are tagged as the others are.
    let tagged: Vec<&Member> = members.iter().filter(|member| has_own(member)).collect();
    let Some(first) = tagged.first() else { return };
    let tag = first.tag().unwrap_or_default();
    let is_common = tagged.iter().all(|member| member.tag().as_ref() == Some(&tag));
    if is_common && tag != DEFAULT_MEMBER_TAG_NAME && tagged.len() < members.len() {
        let reason = first.discovery.learned.tag_name.as_ref().map(|learned| learned.reason.as_str());
        let comment = format!("for members without a tag as well, {}", reason.unwrap_or_default());
        decided.document.set("stage.tag", "name", tag.as_str(), &comment);
    }
}

/// Follows what other tools say at the root of commits and tags: it holds for all members.
fn follow(tools: &[settings::ToolSettings], decided: &mut Decided) {
    let lightweight =
        tools.iter().find(|tool| tool.annotated.is_some()).filter(|tool| tool.annotated == Some(false));
    if let Some(tool) = lightweight {
        decided.document.set("stage.tag", "annotated", false, &origin(tool, Part::TagKind));
    }
    let of_tag = |tool: &settings::ToolSettings| tool.tag_message.clone().filter(|_| lightweight.is_none());
    let of_commit = |tool: &settings::ToolSettings| tool.commit_message.clone();
    let messages: [(&'static str, Part, Read<'_, String>, &str); 2] = [
        ("message", Part::TagMessage, &of_tag, DEFAULT_TAG_MESSAGE),
        ("commit-message", Part::CommitMessage, &of_commit, DEFAULT_COMMIT_MESSAGE),
    ];
    for (key, part, read, default) in messages {
        let said = tools.iter().find_map(|tool| Some((read(tool)?, tool)));
        if let Some((message, tool)) = said.filter(|(message, _)| message != default) {
            decided.document.set("stage.tag", key, message.as_str(), &origin(tool, part));
        }
    }
}

/// What only the user can decide: the other settings of other tools, and workflows that publish.
fn leave_open(members: &[Member], tools: &[settings::ToolSettings], decided: &mut Decided) {
    for tool in tools {
        let has_more = tool.tag.is_some() || tool.changelog.is_some() || tool.reopen.is_some();
        if has_more || !(tool.places.is_empty() && tool.hooks.is_empty() && tool.unread.is_empty()) {
            decided.open.push(format!(
                "`{}` has settings of {}: beside messages and kinds of tags, which of them are about which member, only you know",
                tool.file, tool.tool
            ));
        }
    }
    let Some(first) = members.first() else { return };
    let publishes = |found: &&FoundWorkflow| found.runs > Likelihood::No && !found.workflow.is_rehearsal();
    for found in first.discovery.workflows.iter().filter(publishes) {
        let starts = |how: &dyn Fn(&str) -> Likelihood| {
            members.iter().any(|member| {
                let version =
                    member.discovery.next.as_ref().map_or_else(|| "1.2.3".to_owned(), ToString::to_string);
                let tag = member.tag().unwrap_or_else(|| DEFAULT_MEMBER_TAG_NAME.to_owned());
                how(&tag.replace("{name}", member.name()).replace("{version}", &version)) > Likelihood::No
            })
        };
        if starts(&|tag| found.workflow.starts_on_tag(tag)) {
            decided.open.push(format!(
                "a pushed tag starts a workflow that publishes, too: remove its trigger, or use `pyrelease ci`: {}",
                found.shown()
            ));
        } else if starts(&|tag| on_release(found, tag)) {
            decided.open.push(format!(
                "a release on the forge starts a workflow that publishes, too: remove its upload, or let it publish, with \
                 \"forge-release\" before \"pypi\" and by = \"workflow\" in [stage.pypi]: {}",
                found.shown()
            ));
        }
    }
}

fn facts(members: &[Member], tools: &[settings::ToolSettings]) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut add = |what: &'static str, value: String| facts.push(Fact { what, value });
    for member in members.iter().take(NAMED) {
        let discovery = &member.discovery;
        let version = discovery.version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
        let place =
            if member.folder.is_empty() { "the root".to_owned() } else { format!("`{}`", member.folder) };
        let private = if member.is_private { ", private" } else { "" };
        let tags = match (&discovery.learned.tag_name, &discovery.last) {
            (Some(learned), Some((last, _))) => format!("; tags `{}`, the last is `{last}`", learned.value),
            _ => "; no tag yet".to_owned(),
        };
        add(
            "member",
            format!("`{}`{version} in {place}, {}{private}{tags}", member.name(), discovery.project.backend),
        );
    }
    if members.len() > NAMED {
        add("member", format!("and {} more", members.len() - NAMED));
    }
    if let Some(first) = members.first() {
        add("remote", remote(&first.discovery));
        for found in &first.discovery.workflows {
            let tag =
                first.tag().unwrap_or_default().replace("{name}", first.name()).replace("{version}", "1.2.3");
            add("workflow", workflow(found, &tag));
        }
    }
    for tool in tools {
        add("settings", format!("{} in `{}`", tool.tool, tool.file));
    }
    facts
}
