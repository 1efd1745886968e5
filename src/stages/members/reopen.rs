//! Opens the next versions of the members that were released, in one commit.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Unit, Workspace, problem};
use crate::engine::effects::{AfterWrites, path_in};
use crate::engine::prelude::*;
use crate::python::version::Version;
use crate::python::workspace::{Graph, NewVersion, Pins, Requirement, moved, rewrite};
use crate::stages::reopen::{Changes, Cycle, Next, NextCycle, open};
use crate::world::git::Remote;

/// How many members the message of the commit names
const NAMED: usize = 4;

/// The stage for a workspace
pub(super) struct Reopens {
    pub(super) common: NextCycle,
    /// One for each member that is released
    pub(super) own: Vec<NextCycle>,
    pub(super) workspace: Arc<Workspace>,
}

impl Reopens {
    /// The next version of each member that is released. Those of a group go on together, or stay as they are: if one of them
    /// has no such version, or a member of another group requires one that the next version is not.
    fn next(&self, release: &Release, graph: &Graph, is_released: bool) -> Result<Vec<Next>> {
        let next = self.own.iter().zip(&release.members).map(|(own, member)| own.next(member));
        let mut next: Vec<Next> = next.collect::<Result<_>>()?;
        let positions: Vec<Option<usize>> =
            release.members.iter().map(|member| self.workspace.named(&member.names().name)).collect();
        for unit in &self.workspace.units {
            let of_unit = |at: &usize| positions[*at].is_some_and(|member| unit.members.contains(&member));
            let released: Vec<usize> = (0..next.len()).filter(of_unit).collect();
            let unwritten = released.iter().find_map(|at| next[*at].unwritten.clone());
            let versions: BTreeMap<usize, (&Version, &Version)> = released
                .iter()
                .filter_map(|at| {
                    Some((positions[*at]?, (&release.members[*at].target.version, &next[*at].version)))
                })
                .collect();
            let Some(why) = unwritten.or_else(|| self.pinned(graph, unit, &versions, is_released)) else {
                continue;
            };
            for at in released {
                next[at].unwritten = Some(why.clone());
            }
        }
        Ok(next)
    }

    /// A requirement on a member of the group that its next version does not satisfy; those within the group follow it.
    /// `versions` are the released and the next one of each.
    fn pinned(
        &self,
        graph: &Graph,
        unit: &Unit,
        versions: &BTreeMap<usize, (&Version, &Version)>,
        is_released: bool,
    ) -> Option<String> {
        let pins = self.workspace.settings.pins;
        graph.requirements().iter().find_map(|requirement| {
            let (released, next) = versions.get(&requirement.on)?;
            let mut after = requirement.clone();
            if !is_released && let Ok(Some(specifier)) = moved(requirement, released, pins) {
                after.specifier = specifier;
            }
            let pins = if is_within(unit, requirement) { pins } else { Pins::Leave };
            moved(&after, next, pins).err()?;
            let name = |member: usize| self.workspace.members[member].name.as_str();
            let of = requirement.of.map_or("the workspace", name);
            Some(format!("`{of}` requires `{}{}`", name(requirement.on), after.specifier))
        })
    }

    /// The requirements of each member on the others: as they are after the release, if it is released.
    fn graph(&self, release: &Release, is_released: bool) -> Result<Graph> {
        if !is_released {
            return Ok(self.workspace.graph.clone());
        }
        let members = self.workspace.members.iter();
        let pairs: Vec<(String, String)> =
            members.map(|member| (member.folder.clone(), member.name.clone())).collect();
        Graph::read(release, &pairs).map_err(problem)
    }
}

/// Whether both members are of the group.
fn is_within(unit: &Unit, requirement: &Requirement) -> bool {
    requirement.of.is_some_and(|of| unit.members.contains(&of)) && unit.members.contains(&requirement.on)
}

impl Cycle for Reopens {
    fn changes(&self, release: &Release, is_released: bool) -> Result<Changes> {
        let graph = self.graph(release, is_released)?;
        let all = self.next(release, &graph, is_released)?;
        let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        let mut versions: BTreeMap<usize, Version> = BTreeMap::new();
        let (mut changed, mut shown) = (Vec::new(), Vec::new());
        for ((own, member), next) in self.own.iter().zip(&release.members).zip(&all) {
            for (path, bytes) in own.files(member, next, is_released)? {
                let path = path_in(release.folder_of(member), &path);
                if files.get(&path).is_some_and(|known| *known != bytes) {
                    let nothing = format!("several members state their versions in `{path}`");
                    return Ok(Changes { files: Vec::new(), message: String::new(), nothing });
                }
                files.insert(path, bytes);
            }
            let Some(at) = self.workspace.named(&member.names().name).filter(|_| next.unwritten.is_none())
            else {
                continue;
            };
            let target = &member.target;
            let old = if is_released { target.version.clone() } else { target.previous.clone() };
            changed.push(NewVersion { member: at, old, new: next.version.clone() });
            versions.insert(at, next.version.clone());
            shown.push(match self.workspace.has_one_tag() {
                true => next.version.to_string(),
                false => format!("{} {}", member.names().name, next.version),
            });
        }
        let mut moves = Vec::new();
        for requirement in graph.requirements() {
            let is_followed = self.workspace.units.iter().any(|unit| is_within(unit, requirement));
            let Some(version) = versions.get(&requirement.on).filter(|_| is_followed) else { continue };
            let specifier = moved(requirement, version, self.workspace.settings.pins).ok().flatten();
            moves.extend(specifier.map(|specifier| (requirement, specifier)));
        }
        let writes: Vec<(String, Vec<u8>)> = files.clone().into_iter().collect();
        let after = AfterWrites { files: release, writes: &writes };
        files.extend(rewrite(&after, &graph, &moves, &changed).map_err(problem)?);
        shown.dedup();
        let next = match shown.len() {
            count if count > NAMED => format!("the next versions of {count} packages"),
            _ => shown.join(", "),
        };
        let message = self.common.message(release.names(), &next, !shown.is_empty());
        let why = all.into_iter().find_map(|next| next.unwritten);
        let nothing = why.unwrap_or_else(|| "no file states the released versions".to_owned());
        Ok(Changes { files: files.into_iter().collect(), message, nothing })
    }

    fn moved_on(&self, release: &Release) -> Option<String> {
        self.own.iter().zip(&release.members).find_map(|(own, member)| {
            let stated = own.moved_on(member)?;
            Some(format!("{stated} of {}", member.names().name))
        })
    }

    fn remote(&self, release: &Release) -> Result<Option<(Remote, String)>> {
        self.common.remote(release)
    }
}

impl Stage for Reopens {
    fn name(&self) -> &str {
        "reopen"
    }

    fn is_over_once_tagged(&self) -> bool {
        true
    }

    fn reach(&self) -> Reach {
        Reach::FollowUp
    }

    fn preflight(&self, release: &Release) -> Result<Vec<Finding>> {
        // `version` and `changelog` have checked the files that they write.
        if self.common.is_after_bump() {
            return Ok(Vec::new());
        }
        let files = self.changes(release, false)?.files;
        release.checkout.edits_in_the_way(files.iter().map(|(path, _)| path.as_str()))
    }

    fn run(&self, release: &Release, effects: &mut Effects<'_>) -> Result<Outputs> {
        open(self, release, effects)?;
        Ok(Outputs::default())
    }
}
