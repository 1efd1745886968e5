//! Which members are released, and in what versions.

use std::collections::BTreeMap;

use super::changed::has_changed;
use super::target::{Chosen, leave_requirements, release_of};
use super::{Unit, Workspace};
use crate::config::{Config, Dependents, list, nearest};
use crate::engine::checkout::Checkout;
use crate::engine::release::{Release, Target};
use crate::error::{Error, ErrorKind, Result};
use crate::finding::Finding;
use crate::python::version::{Bump, Version};
use crate::python::workspace::{PinError, Requirement, moved};
use crate::stages::target::{Bumping, History, has_entries, present_version, target};

/// What the command line says about the members
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// `MEMBER=BUMP`, `MEMBER` or `BUMP`
    pub words: &'a [String],
    /// Whether every member is released
    pub all: bool,
    /// Whether only members are released whose stated version has no tag
    pub only_committed: bool,
    /// The date and the like; its bump is not used
    pub bumping: Bumping,
}

/// What is released
pub struct Selection {
    /// The release of all of them
    pub release: Release,
    /// What the user should know
    pub findings: Vec<Finding>,
}

/// Determines the members to release, and the version of each.
///
/// # Errors
/// A member is not known; its version cannot be determined; a requirement cannot be satisfied; the members of a group
/// have different versions; two would have one tag; there is nothing to release.
pub fn select(
    config: &Config,
    checkout: Checkout,
    workspace: &Workspace,
    request: &Request<'_>,
) -> Result<Selection> {
    let words = Words::read(workspace, request.words)?;
    let mut selecting = Selecting {
        config,
        workspace,
        checkouts: (0..workspace.members.len())
            .map(|member| workspace.checkout_of(member, &checkout))
            .collect::<Result<_>>()?,
        request,
        words,
        chosen: BTreeMap::new(),
        findings: workspace.findings(&checkout),
        unnamed: Vec::new(),
        shared_tag: workspace.shared_tag(config, &checkout)?,
    };
    for unit in &workspace.units {
        selecting.choose(unit)?;
    }
    // What is committed or tagged is released as it is.
    if !request.only_committed && !request.bumping.is_tagged {
        selecting.cascade()?;
        selecting.write_notes()?;
    }
    let Selecting { chosen, mut findings, unnamed, .. } = selecting;
    let is_left = |(member, _): &(usize, Finding)| !chosen.contains_key(member);
    findings.extend(unnamed.into_iter().filter(is_left).map(|(_, finding)| finding));
    if chosen.is_empty() {
        if request.bumping.is_tagged {
            let message = "no tag of a member's version marks HEAD";
            return Err(Error::refused(message).help("check out a commit that a member's tag marks"));
        }
        return Err(Error::refused("no member of the workspace has changes to release")
            .with_kind(ErrorKind::NoEntries)
            .help("add the changes to the changelog of a member first")
            .help(format!(
                "or name a member and its bump: `pyrelease run {}=patch`",
                workspace.members[0].name
            )));
    }
    if request.bumping.notes.is_some() && chosen.len() > 1 {
        let names = chosen.keys().map(|member| workspace.members[*member].name.as_str()).take(20);
        return Err(Error::usage(format!(
            "`--notes` has the notes of one member, and this releases {}",
            list(names)
        ))
        .help("write them into the members' changelogs, or release one member at a time"));
    }
    check_tags(workspace, &chosen)?;
    findings.extend(left_behind(workspace, &chosen));
    let release = release_of(checkout, workspace, chosen)?;
    Ok(Selection { release, findings })
}

/// What the command line asks for
struct Words {
    /// The named members, each with its bump if it has one
    named: BTreeMap<usize, Option<Bump>>,
    /// The bump of all others
    common: Option<Bump>,
}

impl Words {
    fn read(workspace: &Workspace, words: &[String]) -> Result<Self> {
        let mut read = Self { named: BTreeMap::new(), common: None };
        for word in words {
            let (name, bump) = match word.split_once('=') {
                Some((name, bump)) => (name, Some(bump)),
                None => (word.as_str(), None),
            };
            if let Some(member) = workspace.named(name) {
                let bump = bump.map(str::parse::<Bump>).transpose()?;
                if read.named.insert(member, bump).is_some() {
                    return Err(
                        Error::usage(format!("`{name}` is named twice")).help("name each member once")
                    );
                }
            } else if bump.is_some() {
                return Err(workspace.unknown(name));
            } else {
                let bump: Bump = word.parse().map_err(|error: crate::python::version::VersionError| {
                    let known = workspace.members.iter().map(|member| member.name.as_str());
                    match nearest(word, known) {
                        Some(_) => workspace.unknown(word),
                        None => Error::from(error).help("or name a member: `MEMBER=BUMP`"),
                    }
                })?;
                if read.common.replace(bump).is_some() {
                    return Err(Error::usage("there are two bumps for all members")
                        .help("name the members: `MEMBER=BUMP`"));
                }
            }
        }
        Ok(read)
    }
}

/// The selection as it grows
struct Selecting<'a> {
    config: &'a Config,
    workspace: &'a Workspace,
    checkouts: Vec<Checkout>,
    request: &'a Request<'a>,
    words: Words,
    chosen: BTreeMap<usize, Chosen>,
    findings: Vec<Finding>,
    /// What is said of members that have changed without entries, unless they are released for another reason
    unnamed: Vec<(usize, Finding)>,
    /// The name of the tag that all members have, if they have one
    shared_tag: Option<String>,
}

impl Selecting<'_> {
    /// The configuration of a member, with the name of the only tag.
    fn config_of(&self, member: usize) -> Config {
        let config = self.workspace.members[member].config.clone();
        match &self.shared_tag {
            Some(name) => config.with_tag(name),
            None => config,
        }
    }

    /// The release of a member with this bump.
    fn target(&self, member: usize, bump: Option<Bump>) -> Result<Target> {
        let config = self.config_of(member);
        let bumping = Bumping { bump, ..self.request.bumping.clone() };
        let name = &self.workspace.members[member].name;
        let checkout = &self.checkouts[member];
        let mut target = target(&config, checkout, &bumping).map_err(|error| error.of_member(name))?;
        leave_requirements(self.workspace, checkout, &mut target);
        Ok(target)
    }

    /// Chooses the members of a unit, or none of them.
    fn choose(&mut self, unit: &Unit) -> Result<()> {
        match unit.members.as_slice() {
            [only] => {
                if let Some(chosen) = self.wanted(*only)? {
                    self.chosen.insert(*only, chosen);
                }
                Ok(())
            }
            _ => self.choose_together(unit),
        }
    }

    /// The release of a member with a bump that its changelog did not give.
    fn bumped(&self, member: usize, bump: Option<Bump>) -> Result<Chosen> {
        let target = self.target(member, bump)?;
        Ok(Chosen { target, requires: Vec::new(), otherwise: Some("- No changes".to_owned()) })
    }

    /// The release of a member with the bump that its changelog gives.
    fn inferred(&self, member: usize) -> Result<Chosen> {
        let target = self.target(member, None)?;
        // The version being worked on is released without entries, too, if the member is named.
        let otherwise = target.previous.dev().map(|_| "- No changes".to_owned());
        Ok(Chosen { target, requires: Vec::new(), otherwise })
    }

    /// The release of a member, if it is to be released.
    fn wanted(&mut self, member: usize) -> Result<Option<Chosen>> {
        let name = self.workspace.members[member].name.clone();
        let common = self.words.common.clone();
        match self.words.named.get(&member).cloned() {
            Some(bump) if bump.is_some() || common.is_some() => {
                return self.bumped(member, bump.or(common)).map(Some);
            }
            Some(_) => {
                return self.inferred(member).map(Some).map_err(|error| match error.kind() {
                    ErrorKind::NoBump | ErrorKind::NoEntries => {
                        error.help(format!("or `pyrelease run {name}=patch`"))
                    }
                    _ => error,
                });
            }
            None if !self.words.named.is_empty() && !self.request.all => return Ok(None),
            None => {}
        }
        if self.request.all || common.is_some() {
            if !self.request.all && !has_changed(&self.config_of(member), &self.checkouts[member])? {
                return Ok(None);
            }
            if common.is_some() {
                return self.bumped(member, common).map(Some);
            }
            return match self.inferred(member) {
                Err(error) if matches!(error.kind(), ErrorKind::NoBump | ErrorKind::NoEntries) => {
                    self.bumped(member, Some(Bump::Patch)).map(Some)
                }
                other => other.map(Some),
            };
        }
        let is_wanted = |target: &Target| {
            let (repository, head) =
                (&self.checkouts[member].repository, &self.checkouts[member].head.commit);
            let is_committed = !self.request.only_committed || target.version == target.previous;
            is_committed
                && (!self.request.bumping.is_tagged
                    || repository.tag(&target.names.tag).as_ref() == Some(head))
        };
        let is_without_entries = |chosen: &Chosen| -> Result<bool> {
            let (config, checkout, project) =
                (self.config_of(member), &self.checkouts[member], &chosen.target.project);
            let history = History::of(&config, checkout, project)?;
            Ok(chosen.target.previous.dev().is_some()
                && !has_entries(&config, (checkout, project), &history)?)
        };
        let inferred = match self.inferred(member) {
            Ok(chosen) if is_wanted(&chosen.target) && is_without_entries(&chosen)? => {
                Err(Error::refused("no entries").with_kind(ErrorKind::NoEntries))
            }
            other => other,
        };
        match inferred {
            Ok(chosen) => Ok(Some(chosen).filter(|chosen| is_wanted(&chosen.target))),
            // What has not changed is not released, whatever would have to be known to release it.
            Err(_) if !has_changed(&self.config_of(member), &self.checkouts[member])? => Ok(None),
            Err(error) if matches!(error.kind(), ErrorKind::NoBump | ErrorKind::NoEntries) => {
                let message = format!(
                    "`{name}` has changed since its last release, but its changelog has no entries: it is not released"
                );
                let help =
                    format!("add the changes to its changelog, or name it: `pyrelease run {name}=patch`");
                self.unnamed.push((member, Finding::note(message).help(help)));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Chooses all members of a unit in one version, if one of them is to be released.
    fn choose_together(&mut self, unit: &Unit) -> Result<()> {
        self.refuse_different(unit)?;
        let mut wanted: BTreeMap<usize, Chosen> = BTreeMap::new();
        for member in &unit.members {
            if let Some(chosen) = self.wanted(*member)? {
                wanted.insert(*member, chosen);
            }
        }
        let highest =
            wanted.iter().max_by(|(_, one), (_, other)| one.target.version.cmp(&other.target.version));
        let Some((lead, version)) = highest.map(|(lead, chosen)| (*lead, chosen.target.version.clone()))
        else {
            return Ok(());
        };
        for member in &unit.members {
            let chosen = match wanted.remove(member) {
                Some(chosen) if chosen.target.version == version => chosen,
                known => {
                    let target = self.target(*member, Some(Bump::Explicit(version.clone())))?;
                    let lead = &self.workspace.members[lead].name;
                    let otherwise = known.is_none().then(|| format!("- No changes: released with `{lead}`"));
                    Chosen { target, requires: Vec::new(), otherwise }
                }
            };
            self.chosen.insert(*member, chosen);
        }
        Ok(())
    }

    /// Refuses a unit whose members have different versions now.
    fn refuse_different(&self, unit: &Unit) -> Result<()> {
        let mut first: Option<(usize, Version)> = None;
        for member in &unit.members {
            let present = present_version(&self.config_of(*member), &self.checkouts[*member]);
            let name = |member: usize| &self.workspace.members[member].name;
            let Some(present) = present.map_err(|error| error.of_member(name(*member)))? else { continue };
            match &first {
                Some((other, expected)) if *expected != present => {
                    let message = format!(
                        "`{}` is at {expected} and `{}` at {present}, but they have one version",
                        name(*other),
                        name(*member)
                    );
                    let help = "set them to one version first, or give them versions of their own: versions = \"independent\"";
                    return Err(self.config.error(&message, unit.span.clone(), Some(help)));
                }
                Some(_) => {}
                None => first = Some((*member, present)),
            }
        }
        Ok(())
    }

    /// Sets the notes of members whose changelogs have none, and names what the others require anew.
    fn write_notes(&mut self) -> Result<()> {
        let mut chosen = std::mem::take(&mut self.chosen);
        for (member, Chosen { target, requires, otherwise }) in &mut chosen {
            if target.conventions.notes.is_some() || (otherwise.is_none() && requires.is_empty()) {
                continue;
            }
            let required = format!("Require {}", list(requires.iter().map(String::as_str)));
            let (config, checkout) = (self.config_of(*member), &self.checkouts[*member]);
            let history = History::of(&config, checkout, &target.project)?;
            if has_entries(&config, (checkout, &target.project), &history)? {
                target.conventions.entry = Some(required).filter(|_| !requires.is_empty());
            } else if let Some(otherwise) = otherwise.take() {
                let notes = if requires.is_empty() { otherwise } else { format!("- {required}") };
                target.conventions.notes = Some(notes);
            }
        }
        self.chosen = chosen;
        Ok(())
    }

    /// Adds the members whose requirement on a released one moves, and those that require these.
    fn cascade(&mut self) -> Result<()> {
        loop {
            let mut moving: BTreeMap<usize, Vec<String>> = BTreeMap::new();
            for requirement in self.workspace.graph.requirements() {
                let Some(required) = self.chosen.get(&requirement.on) else { continue };
                let version = required.target.version.clone();
                let moves = moved(requirement, &version, self.workspace.settings.pins);
                let moves = moves.map_err(|error| self.unsatisfied(requirement, &error))?;
                if let (Some(of), Some(_), true) = (requirement.of, moves, requirement.is_published()) {
                    let entry = format!("{} {version}", self.workspace.members[requirement.on].name);
                    let entries = moving.entry(of).or_default();
                    if !entries.contains(&entry) {
                        entries.push(entry);
                    }
                }
            }
            let mut is_complete = true;
            for (member, requires) in moving {
                if let Some(chosen) = self.chosen.get_mut(&member) {
                    chosen.requires = requires;
                    continue;
                }
                if self.workspace.settings.dependents == Dependents::Off {
                    continue;
                }
                is_complete = false;
                self.add_dependent(member, requires)?;
            }
            if is_complete {
                return Ok(());
            }
        }
    }

    /// Releases a member because what it requires is released; with it, all that have its version.
    fn add_dependent(&mut self, member: usize, requires: Vec<String>) -> Result<()> {
        let mut chosen = match self.inferred(member) {
            Err(error) if matches!(error.kind(), ErrorKind::NoBump | ErrorKind::NoEntries) => {
                self.bumped(member, Some(Bump::Patch))?
            }
            other => other?,
        };
        let required = list(requires.iter().map(String::as_str));
        chosen.target.reason = Some(format!("it requires {required}"));
        chosen.requires = requires;
        let version = chosen.target.version.clone();
        self.chosen.insert(member, chosen);
        let unit = self.workspace.units.iter().find(|unit| unit.members.contains(&member));
        let others: Vec<usize> = unit.map(|unit| unit.members.clone()).unwrap_or_default();
        for other in others.into_iter().filter(|other| *other != member) {
            let target = self.target(other, Some(Bump::Explicit(version.clone())))?;
            let lead = &self.workspace.members[member].name;
            let otherwise = Some(format!("- No changes: released with `{lead}`"));
            self.chosen.entry(other).or_insert(Chosen { target, requires: Vec::new(), otherwise });
        }
        Ok(())
    }

    fn unsatisfied(&self, requirement: &Requirement, error: &PinError) -> Error {
        let name = |member: usize| self.workspace.members[member].name.as_str();
        let of = requirement.of.map_or("the workspace", name);
        let message = format!("{of} requires `{}` ({}): {error}", name(requirement.on), requirement.place());
        let error_help = error.help();
        let error = Error::refused(message);
        if error_help.is_empty() { error } else { error.help(error_help) }
    }
}

/// Refuses two members with one tag, unless they are of one group.
fn check_tags(workspace: &Workspace, chosen: &BTreeMap<usize, Chosen>) -> Result<()> {
    if workspace.has_one_tag() {
        return Ok(());
    }
    let unit_of = |member: usize| workspace.units.iter().position(|unit| unit.members.contains(&member));
    let mut tags: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    for (member, Chosen { target, .. }) in chosen {
        let names = &target.names;
        let known = tags.insert(&names.tag, (*member, &names.name));
        // Those of a group have one version, and may have one tag.
        if let Some((_, other)) = known.filter(|(other, _)| unit_of(*other) != unit_of(*member)) {
            return Err(Error::refused(format!(
                "`{other}` and `{}` would both be tagged `{}`",
                names.name, names.tag
            ))
            .help("put the name into the tags' names: [stage.tag] name = \"{name}-v{version}\""));
        }
    }
    Ok(())
}

/// Notes the members whose requirement moves and that are not released.
fn left_behind(workspace: &Workspace, chosen: &BTreeMap<usize, Chosen>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for requirement in workspace.graph.requirements().iter().filter(|requirement| requirement.is_published())
    {
        let (Some(of), Some(required)) = (requirement.of, chosen.get(&requirement.on)) else { continue };
        if chosen.contains_key(&of) {
            continue;
        }
        let moves = moved(requirement, &required.target.version, workspace.settings.pins);
        if let Ok(Some(specifier)) = moves {
            let (name, on) = (&workspace.members[of].name, &workspace.members[requirement.on].name);
            let message = format!(
                "`{name}` will require `{on}{specifier}`, and is not released (dependents = \"off\")"
            );
            if findings.iter().all(|known| known.message != message) {
                findings.push(Finding::note(message));
            }
        }
    }
    findings
}

/// The requirements that follow the new versions, each with its new specifier.
///
/// # Errors
/// A requirement cannot be satisfied.
pub(super) fn moves<'w>(
    workspace: &'w Workspace,
    versions: &BTreeMap<usize, Version>,
) -> Result<Vec<(&'w Requirement, String)>> {
    let mut found = Vec::new();
    for requirement in workspace.graph.requirements() {
        let Some(version) = versions.get(&requirement.on) else { continue };
        let specifier = moved(requirement, version, workspace.settings.pins);
        let specifier =
            specifier.map_err(|error| Error::refused(format!("{}: {error}", requirement.place())))?;
        found.extend(specifier.map(|specifier| (requirement, specifier)));
    }
    Ok(found)
}
