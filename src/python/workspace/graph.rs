//! What the members of a workspace require of each other, and the order in which they can be published.

use super::components::{components, ordered, path};
use super::error::WorkspaceError;
use super::names::Members;
use super::requirement::{Kind, Requirement};
use super::sources;
use crate::python::project::Files;

/// The members of a workspace and their requirements on each other
#[derive(Debug, Clone)]
pub struct Graph {
    pub(super) members: Members,
    requirements: Vec<Requirement>,
}

impl Graph {
    /// Reads every requirement of a member on another. `members` are folders, relative to the root, and names.
    ///
    /// The requirements of the root are read even if it is not a member: its groups and build requirements may pin
    /// members too.
    ///
    /// # Errors
    /// Two members have the same name, or a file cannot be read.
    pub fn read(files: &dyn Files, members: &[(String, String)]) -> Result<Self, WorkspaceError> {
        let members = Members::new(members)?;
        let mut requirements = Vec::new();
        for of in members.stating() {
            requirements.extend(sources::read(files, &members, of)?);
        }
        Ok(Self { members, requirements })
    }

    /// Every statement of a requirement, by member and then in the order of its files. Several may be alike.
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }

    /// The statements of a member, or of the root.
    pub(super) fn requirements_of(&self, of: Option<usize>) -> &[Requirement] {
        let start = self.requirements.partition_point(|requirement| requirement.of < of);
        let end = self.requirements.partition_point(|requirement| requirement.of <= of);
        &self.requirements[start..end]
    }

    /// The members in the order in which they can be published: each after what it requires.
    ///
    /// Each inner list is one member, or several that require each other when installed and go up together. What only
    /// an extra needs comes first as far as that is possible.
    pub fn order(&self) -> Vec<Vec<usize>> {
        let hard = self.edges(|kind| !matches!(kind, Kind::Group(_) | Kind::Optional(_)));
        let all = self.edges(|kind| !matches!(kind, Kind::Group(_)));
        let mut order = Vec::with_capacity(self.members.all.len());
        let mut number = vec![usize::MAX; self.members.all.len()];
        for group in ordered(&all) {
            // Without the extras it may not be a cycle.
            for (at, member) in group.iter().enumerate() {
                number[*member] = at;
            }
            let within = |member: &usize| -> Vec<usize> {
                let targets = hard[*member].iter().copied();
                targets
                    .filter(|target| group.get(number[*target]) == Some(target))
                    .map(|target| number[target])
                    .collect()
            };
            let edges: Vec<Vec<usize>> = group.iter().map(within).collect();
            let parts = ordered(&edges).into_iter();
            order.extend(parts.map(|part| part.into_iter().map(|at| group[at]).collect()));
        }
        order
    }

    /// A cycle through a build requirement, which PEP 517 forbids: each member requires the next, and the last the first.
    pub fn build_cycle(&self) -> Option<Vec<usize>> {
        let edges = self.edges(|kind| matches!(kind, Kind::Run | Kind::Build));
        let mut component_of = vec![0; edges.len()];
        for (number, component) in components(&edges).into_iter().enumerate() {
            for member in component {
                component_of[member] = number;
            }
        }
        let mut builds = self.requirements.iter().filter(|requirement| requirement.kind == Kind::Build);
        builds.find_map(|requirement| {
            let (of, on) = (requirement.of?, requirement.on);
            let here = component_of[of];
            if component_of[on] != here {
                return None;
            }
            let mut way = path(&edges, on, of, |member| component_of[member] == here)?;
            way.rotate_right(1);
            Some(way)
        })
    }

    /// The members that require each other when installed: each list is of several that none can do without.
    pub fn run_cycles(&self) -> Vec<Vec<usize>> {
        let mut cycles = components(&self.edges(|kind| *kind == Kind::Run));
        cycles.retain(|cycle| cycle.len() > 1);
        cycles.sort_unstable();
        cycles
    }

    /// For each member what it requires, without itself.
    fn edges(&self, wanted: impl Fn(&Kind) -> bool) -> Vec<Vec<usize>> {
        let mut edges = vec![Vec::new(); self.members.all.len()];
        for requirement in &self.requirements {
            if let Some(of) = requirement.of.filter(|of| *of != requirement.on && wanted(&requirement.kind)) {
                edges[of].push(requirement.on);
            }
        }
        for targets in &mut edges {
            targets.sort_unstable();
            targets.dedup();
        }
        edges
    }
}
