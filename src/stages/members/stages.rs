//! The stages that work for all members of a workspace.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use super::reopen::Reopens;
use super::{Workspace, select};
use crate::config::Config;
use crate::engine::model::joined;
use crate::engine::pipeline::Pipeline;
use crate::engine::prelude::*;
use crate::engine::stage::PluginPreflight;
use crate::plugin::Assignment;
use crate::plugin::protocol::Classes;
use crate::python::project::Files;
use crate::python::version::Version;
use crate::python::workspace::{NewVersion, rewrite};
use crate::stages::reopen::NextCycle;
use crate::stages::tag::Tag;
use crate::stages::{Making, Plugins, forge_release, refuse_unused_settings, version};
use crate::world::git::TagRef;

/// How many preflights of one stage run at the same time: most wait for an index
const PREFLIGHTS: usize = 8;
/// How many plugins are asked at the same time
const PLUGINS: usize = 4;

/// What finds something about a member's stage, in any thread
type Find<'a> = &'a (dyn Fn(&dyn Stage, &Release) -> Result<Vec<Finding>> + Sync);

/// The pipeline that releases these members.
///
/// # Errors
/// As [`crate::stages::pipeline`], for each member.
pub fn pipeline_of(
    config: &Config,
    workspace: &Arc<Workspace>,
    release: &Release,
    plugins: &Plugins<'_>,
) -> Result<Pipeline> {
    let mut making = Making::begin(config, plugins)?;
    let members: Vec<&Config> = release
        .members
        .iter()
        .filter_map(|member| Some(&workspace.members[workspace.named(&member.names().name)?].config))
        .collect();
    members.iter().try_for_each(|member| refuse_unused_settings(member))?;
    let mut stages: Vec<Box<dyn Stage>> = Vec::new();
    for (at, listed) in config.stages().iter().enumerate() {
        let name = listed.value.as_str();
        let is_once = name == "push" || config.is_stage_set(name, "once") || is_of_all(workspace, name);
        let common = making.stage(config, at)?;
        if is_once {
            stages.push(common);
            continue;
        }
        if name == "reopen" {
            let own = members.iter().map(|member| NextCycle::of(member, name)).collect::<Result<_>>()?;
            let (common, workspace) = (NextCycle::of(config, name)?, Arc::clone(workspace));
            stages.push(Box::new(Reopens { common, own, workspace }));
            continue;
        }
        // What a plugin does is the same for each.
        let own = match crate::stages::is_plugin(config, name) {
            true => vec![common],
            false => members.iter().map(|member| making.stage(member, at)).collect::<Result<_>>()?,
        };
        stages.push(match name {
            "tag" => Box::new(Tags { common: config.settings(name)?, own: settings(&members, name)? }),
            "version" => Box::new(Versions { own: Each::of(own), workspace: Arc::clone(workspace) }),
            _ => Box::new(Each::of(own)),
        });
    }
    if let Some(stage) = config.stages().iter().find(|stage| stage.value == forge_release::NAME) {
        if !workspace.has_one_tag() && release.tag_names().count() < release.members.len() {
            let message = "`forge-release` makes a page for each member, and members of a group have one tag";
            let help = "give each its own tag: [stage.tag] name = \"{name}-v{version}\"";
            return Err(config.error(message, stage.span.clone(), Some(help)));
        }
        let publication = |config: &&Config| forge_release::publication(config);
        let publication: Box<dyn Stage> = match workspace.has_one_tag() {
            true => publication(&config)?,
            false => Box::new(Each::of(members.iter().map(publication).collect::<Result<_>>()?)),
        };
        forge_release::insert(&mut stages, publication);
    }
    crate::stages::ordered(config, stages)
}

/// Whether a stage works once for all members, because they have one tag.
fn is_of_all(workspace: &Workspace, stage: &str) -> bool {
    stage == forge_release::NAME && workspace.has_one_tag()
}

fn settings(members: &[&Config], name: &str) -> Result<Vec<Tag>> {
    members.iter().map(|member| member.settings(name)).collect()
}

/// A stage that works for one member after the other
struct Each {
    /// One for each member, or one for all
    own: Vec<Box<dyn Stage>>,
}

impl Each {
    fn of(own: Vec<Box<dyn Stage>>) -> Self {
        Self { own }
    }

    fn first(&self) -> &dyn Stage {
        &*self.own[0]
    }

    fn of_member(&self, at: usize) -> &dyn Stage {
        self.own.get(at).map_or(self.first(), Box::as_ref)
    }

    /// Whether the stage leaves out members that are not uploaded: they need no distributions.
    fn skips_private(&self) -> bool {
        let flow = self.first().flow();
        let of_distributions = [&flow.needs, &flow.gives, &flow.uses].into_iter().flatten();
        let is_about_files = of_distributions.into_iter().any(|product| *product == Product::Distributions);
        self.first().destination().is_some() || is_about_files
    }

    /// The findings of every member, by several threads.
    fn findings(&self, release: &Release, find: Find<'_>) -> Vec<Finding> {
        let skips = self.skips_private();
        // What is found for several members alike is said once.
        let mut all: Vec<(Finding, Vec<&str>)> = Vec::new();
        let numbered: Vec<(usize, &Release)> =
            release.members.iter().enumerate().filter(|(_, member)| !(skips && member.is_private)).collect();
        for some in numbered.chunks(PREFLIGHTS) {
            let found: Vec<Vec<Finding>> = thread::scope(|scope| {
                let start = |(at, member): &(usize, &Release)| {
                    let stage = self.of_member(*at);
                    let member = member.reopened();
                    scope.spawn(move || member.and_then(|member| find(stage, &member)))
                };
                let threads: Vec<_> = some.iter().map(start).collect();
                let joined = threads
                    .into_iter()
                    .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
                joined.map(|found| found.unwrap_or_else(|error| vec![error.into()])).collect()
            });
            for ((_, member), findings) in some.iter().zip(found) {
                let name = member.names().name.as_str();
                for finding in findings {
                    match all.iter_mut().find(|(known, _)| *known == finding) {
                        Some((_, names)) => names.push(name),
                        None => all.push((finding, vec![name])),
                    }
                }
            }
        }
        all.into_iter().map(|(finding, names)| finding.of_member(&joined(&names))).collect()
    }
}

impl Stage for Each {
    fn name(&self) -> &str {
        self.first().name()
    }

    fn reach(&self) -> Reach {
        self.own.iter().map(|stage| stage.reach()).max().unwrap_or(Reach::Private)
    }

    fn is_added(&self) -> bool {
        self.first().is_added()
    }

    fn reach_in(&self, release: &Release) -> Reach {
        let reaches =
            release.members.iter().enumerate().map(|(at, member)| self.of_member(at).reach_in(member));
        reaches.max().unwrap_or_else(|| self.reach())
    }

    fn flow(&self) -> Flow {
        self.first().flow()
    }

    fn is_over_once_tagged(&self) -> bool {
        self.first().is_over_once_tagged()
    }

    fn destination(&self) -> Option<Destination> {
        self.first().destination()
    }

    fn commands(&self, release: &Release) -> Vec<Effect> {
        let numbered = release.members.iter().enumerate();
        numbered.flat_map(|(at, member)| self.of_member(at).commands(member)).collect()
    }

    fn plugin(&self) -> Option<(&Assignment, Classes)> {
        self.first().plugin()
    }

    fn ask_plugin(&self, release: &Release) -> Option<JoinHandle<Result<PluginPreflight>>> {
        let mut all = PluginPreflight::default();
        let numbered: Vec<(usize, &Release)> = release.members.iter().enumerate().collect();
        let mut failure = None;
        for some in numbered.chunks(PLUGINS) {
            let asked: Vec<_> = some
                .iter()
                .filter_map(|(at, member)| Some((member, self.of_member(*at).ask_plugin(member)?)))
                .collect();
            for (member, thread) in asked {
                let name = member.names().name.as_str();
                match thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)) {
                    Ok(reply) => {
                        all.findings
                            .extend(reply.findings.into_iter().map(|finding| finding.of_member(name)));
                        all.members.insert(name.to_owned(), reply.steps);
                    }
                    Err(error) => failure = failure.or(Some(error.of_member(name))),
                }
            }
        }
        let is_silent = all.members.is_empty() && failure.is_none();
        let answer = failure.map_or(Ok(all), Err);
        (!is_silent).then(|| thread::spawn(move || answer))
    }

    fn preflight(&self, release: &Release) -> Result<Vec<Finding>> {
        Ok(self.findings(release, &|stage, member| stage.preflight(member)))
    }

    fn preflight_of_prepared(&self, release: &Release) -> Result<Vec<Finding>> {
        Ok(self.findings(release, &|stage, member| stage.preflight_of_prepared(member)))
    }

    fn check_credentials(&self, release: &Release) -> Result<Vec<Finding>> {
        Ok(self.findings(release, &|stage, member| stage.check_credentials(member)))
    }

    fn pauses(&self) -> bool {
        self.first().pauses()
    }

    fn probe(&self, release: &Release) -> Result<Vec<Finding>> {
        Ok(self.findings(release, &|stage, member| stage.probe(member)))
    }

    fn run(&self, release: &Release, effects: &mut Effects<'_>) -> Result<Outputs> {
        let skips = self.skips_private();
        if effects.is_live() && self.first().works_beside() {
            let at_once = thread::available_parallelism().map_or(1, usize::from);
            let built = |at: &usize| !(skips && release.members[*at].is_private);
            let positions: Vec<usize> = (0..release.members.len()).filter(built).collect();
            let begin = |bench: &Workbench<'_>| self.first().before_work(bench);
            let work =
                |at: usize, member: &Release, bench: &Workbench<'_>| self.of_member(at).work(member, bench);
            return effects.beside(release, (&positions, at_once), &begin, &work);
        }
        effects.for_members(release, &mut |at, member, effects| match skips && member.is_private {
            true => {
                effects.skip("it is private")?;
                Ok(Outputs::default())
            }
            false => self.of_member(at).run(member, effects),
        })
    }

    fn conclude(&self, release: &Release, effects: &mut Effects<'_>) -> Result<Outputs> {
        let skips = self.skips_private();
        effects.for_members(release, &mut |at, member, effects| match skips && member.is_private {
            true => Ok(Outputs::default()),
            false => self.of_member(at).conclude(member, effects),
        })
    }
}

/// Writes the new versions, and makes the members' requirements on each other follow them
struct Versions {
    own: Each,
    workspace: Arc<Workspace>,
}

impl Versions {
    /// The files of the workspace with the requirements that follow.
    fn followed(&self, release: &Release, files: &dyn Files) -> Result<BTreeMap<String, Vec<u8>>> {
        let mut versions: BTreeMap<usize, Version> = BTreeMap::new();
        let mut changed = Vec::new();
        for member in &release.members {
            let Some(at) = self.workspace.named(&member.names().name) else { continue };
            let (old, new) = (member.target.previous.clone(), member.target.version.clone());
            versions.insert(at, new.clone());
            changed.push(NewVersion { member: at, old, new });
        }
        let moves = select::moves(&self.workspace, &versions)?;
        rewrite(files, &self.workspace.graph, &moves, &changed).map_err(super::problem)
    }
}

impl Stage for Versions {
    fn name(&self) -> &str {
        self.own.name()
    }

    fn reach(&self) -> Reach {
        self.own.reach()
    }

    fn flow(&self) -> Flow {
        self.own.flow()
    }

    fn preflight(&self, release: &Release) -> Result<Vec<Finding>> {
        let mut findings = self.own.preflight(release)?;
        let followed = self.followed(release, release)?;
        let in_the_way = release.checkout.edits_in_the_way(followed.keys().map(String::as_str))?;
        for finding in in_the_way {
            // A member's own preflight may have said it.
            if findings.iter().all(|known| !known.message.ends_with(&finding.message)) {
                findings.push(finding);
            }
        }
        let changed = followed.keys().filter_map(|path| path.strip_suffix("pyproject.toml"));
        let locks =
            changed.map(|folder| format!("{folder}pdm.lock")).filter(|lock| release.read(lock).is_some());
        findings.extend(locks.map(|lock| {
            let message =
                format!("`{lock}` stays as it is, though requirements beside it follow new versions");
            Finding::warning(message).help("run `pdm lock` after the release, and commit what it changes")
        }));
        Ok(findings)
    }

    fn run(&self, release: &Release, effects: &mut Effects<'_>) -> Result<Outputs> {
        let outputs = self.own.run(release, effects)?;
        let followed = self.followed(release, &effects.after_writes(release))?;
        let root = release.root();
        for (path, bytes) in &followed {
            effects.write(&root, path, bytes)?;
        }
        if followed.contains_key("uv.lock") {
            version::check_lock(release, effects)?;
        }
        Ok(outputs)
    }
}

/// Commits once, and tags the commit for each member
struct Tags {
    common: Tag,
    own: Vec<Tag>,
}

impl Stage for Tags {
    fn name(&self) -> &str {
        self.common.name()
    }

    fn reach(&self) -> Reach {
        self.common.reach()
    }

    fn flow(&self) -> Flow {
        self.common.flow()
    }

    fn preflight(&self, release: &Release) -> Result<Vec<Finding>> {
        self.common.preflight(release)
    }

    fn run(&self, release: &Release, effects: &mut Effects<'_>) -> Result<Outputs> {
        let commit = self.common.commit(release, effects)?;
        let tags: Vec<&str> = release.tag_names().collect();
        if let [_] = tags.as_slice() {
            return self.common.mark(release, commit, effects);
        }
        // Members of a group may have one tag.
        let mut made: BTreeMap<String, Option<TagRef>> = BTreeMap::new();
        let outputs = effects.for_members(release, &mut |at, member, effects| {
            let name = &member.names().tag;
            if let Some(tag) = made.get(name) {
                return Ok(Outputs { tag: tag.clone(), ..Outputs::default() });
            }
            let marked = self.own[at].mark(member, commit.clone(), effects)?;
            made.insert(name.clone(), marked.tag.clone());
            Ok(Outputs { commit: None, ..marked })
        })?;
        Ok(Outputs { commit, ..outputs })
    }
}
