//! The release of a workspace: one for all members, and one of each.

use std::collections::BTreeMap;

use super::{Member, Workspace};
use crate::config::{Config, Names};
use crate::engine::checkout::Checkout;
use crate::engine::journal::{Header, HeaderMember};
use crate::engine::model::Conventions;
use crate::engine::release::{Release, Target};
use crate::error::{Error, Result};
use crate::python::native::WheelBuilder;
use crate::python::project::Files as _;
use crate::python::version::Version;
use crate::python::workspace::Requirement;
use crate::stages::target::read_project;

/// How many members are named before only their number is
const NAMED: usize = 4;

/// A member that is released
pub(super) struct Chosen {
    pub(super) target: Target,
    /// What it requires in a new version: `core 1.2.0`
    pub(super) requires: Vec<String>,
    /// Its notes if its changelog has none, where that is not known to have some
    pub(super) otherwise: Option<String>,
}

/// Leaves the lines of a member that state requirements on members as they are, though earlier releases changed them with
/// its version: they follow the version of what they require.
pub(super) fn leave_requirements(workspace: &Workspace, own: &Checkout, target: &mut Target) {
    let states = |path: &str, line: &str| {
        let file = own.file_of(path);
        let text = own.read(path).and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
        let is_there = |requirement: &&Requirement| {
            file.as_ref().and_then(|file| file.strip_prefix(workspace.prefix.as_str()))
                == Some(requirement.path.as_str())
        };
        let mut requirements = workspace.graph.requirements().iter().filter(is_there);
        requirements.any(|requirement| text.lines().nth(requirement.line - 1) == Some(line))
    };
    target.conventions.lines.retain(|line| !states(&line.path, &line.from));
}

/// Leaves the lines that state another member's version to that member: a file may have a line for each that only the
/// version tells apart.
fn leave_lines_of_others(chosen: &mut BTreeMap<usize, Chosen>) {
    let versions: Vec<Version> = chosen.values().map(|one| one.target.previous.clone()).collect();
    for Chosen { target, .. } in chosen.values_mut() {
        let own = target.previous.clone();
        target.conventions.lines.retain(|line| {
            let stated = line.shown.split_once("{version}").and_then(|(before, after)| {
                line.from.strip_prefix(before)?.strip_suffix(after)?.parse::<Version>().ok()
            });
            stated.is_none_or(|stated| stated == own || !versions.contains(&stated))
        });
    }
}

/// The release of the chosen members, in the order in which they are published.
pub(super) fn release_of(
    checkout: Checkout,
    workspace: &Workspace,
    mut chosen: BTreeMap<usize, Chosen>,
) -> Result<Release> {
    leave_lines_of_others(&mut chosen);
    let order: Vec<usize> = workspace.graph.order().into_iter().flatten().collect();
    let targets: Vec<(usize, Target)> =
        order.into_iter().filter_map(|member| Some((member, chosen.remove(&member)?.target))).collect();
    assemble(checkout, workspace, targets)
}

fn assemble(checkout: Checkout, workspace: &Workspace, targets: Vec<(usize, Target)>) -> Result<Release> {
    let whole = whole(workspace, &targets);
    let mut release = Release::new(checkout, whole);
    for (member, target) in targets {
        let mut own = Release::new(workspace.checkout_of(member, &release.checkout)?, target);
        own.member = Some(own.names().name.clone());
        own.is_private = workspace.members[member].is_private;
        own.may_leave_wheels = may_leave_wheels(&workspace.members[member], &own);
        release.members.push(own);
    }
    release.may_leave_wheels = release.members.iter().any(|member| member.may_leave_wheels);
    Ok(release)
}

/// Whether a member's wheels are for one platform each.
fn may_leave_wheels(member: &Member, own: &Release) -> bool {
    let has_none = member.is_private || member.config.stage_text("build", "wheels") == Some("none");
    !has_none && WheelBuilder::of(&own.checkout, &own.target.project.backend).is_some()
}

/// The target that stands for all members.
fn whole(workspace: &Workspace, targets: &[(usize, Target)]) -> Target {
    let all = || targets.iter().map(|(_, target)| &target.names);
    let is_one = workspace.has_one_tag();
    let mut tags: Vec<&str> = all().map(|names| names.tag.as_str()).collect();
    tags.dedup();
    let first = &targets[0].1;
    let (version, previous_version) = match is_one {
        true => (first.names.version.clone(), first.names.previous_version.clone()),
        false => (shown(all(), |names| &names.version), shown(all(), |names| &names.previous_version)),
    };
    let names = Names {
        name: workspace.name.clone(),
        version,
        previous_version,
        date: first.names.date.clone(),
        tag: tags.join(" "),
    };
    let highest = targets.iter().map(|(_, target)| &target.version).max();
    // A learned message is about one package.
    let conventions = Conventions {
        before_releases: first.conventions.before_releases.clone(),
        commit_message: first.conventions.commit_message.clone().filter(|_| is_one),
        ..Conventions::default()
    };
    Target {
        project: first.project.clone(),
        version: highest.unwrap_or(&first.version).clone(),
        previous: first.previous.clone(),
        previous_tag: first.previous_tag.clone().filter(|_| is_one),
        reason: first.reason.clone().filter(|_| is_one),
        names,
        conventions,
    }
}

/// The members with their versions, for people: `core 1.2.0, cli 0.3.1`, or `12 packages`.
fn shown<'a>(all: impl Iterator<Item = &'a Names>, version: impl Fn(&Names) -> &str) -> String {
    let shown: Vec<String> = all.map(|names| format!("{} {}", names.name, version(names))).collect();
    match shown.len() {
        count if count > NAMED => format!("{count} packages"),
        _ => shown.join(", "),
    }
}

/// The release that a run began, by its header.
///
/// # Errors
/// A member is not in the workspace as it was committed then.
pub fn of_header(header: &Header, config: &Config, checkout: Checkout) -> Result<(Workspace, Release)> {
    let workspace = Workspace::of(config, &checkout)?;
    let mut targets = Vec::new();
    for member in &header.members {
        let at = workspace.members.iter().position(|known| known.name == member.name);
        let at = at.ok_or_else(|| {
            Error::left(format!("the run releases `{}`, which is no member of the workspace", member.name))
        })?;
        targets.push((at, target_of(header, member, &workspace, at, &checkout)?));
    }
    let mut release = assemble(checkout, &workspace, targets)?;
    for (own, member) in release.members.iter_mut().zip(&header.members) {
        own.may_leave_wheels = member.sdist_only;
    }
    release.target.names = header.names();
    release.target.conventions = header.conventions.clone();
    release.target.previous_tag.clone_from(&header.previous_tag);
    Ok((workspace, release))
}

fn target_of(
    header: &Header,
    member: &HeaderMember,
    workspace: &Workspace,
    at: usize,
    checkout: &Checkout,
) -> Result<Target> {
    let version = |text: &str| -> Result<Version> {
        text.parse().map_err(|error| Error::left("the journal has no valid version").because(error))
    };
    let own = workspace.checkout_of(at, checkout)?;
    Ok(Target {
        project: read_project(&workspace.members[at].config, &own, Some(&member.name))?,
        version: version(&member.version)?,
        previous: version(&member.previous_version)?,
        previous_tag: member.previous_tag.clone(),
        reason: None,
        names: member.names(&header.date),
        conventions: member.conventions.clone(),
    })
}
