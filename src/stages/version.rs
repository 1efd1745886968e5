//! Bumps the version in every file that states it: all of them or none.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};

use super::unbumped::unbumped;
use crate::config::Config;
use crate::engine::prelude::*;
use crate::engine::release::Target;
use crate::python::fragments::Fragments;
use crate::python::habits::LearnedLine;
use crate::python::project::{
    Files, Pattern, Project, ProjectError, VersionLocation, VersionSource, VersionSyntax, bump_all,
    current_version, learned_crates, lock_all, lock_crates,
};
use crate::python::settings::{self, Hook, ToolSettings, own_work};
use crate::python::version::{Bump, Version as ProjectVersion};
use crate::world::process::Process;

/// Bump the version wherever the project states it
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Version {
    /// Files that state the version, besides the project's own metadata: a path of a known kind, or `{ path, search,
    /// replace, count }`, where `search` contains `{version}` and must match exactly `count` times; by default the places
    /// that earlier releases changed
    files: Option<Vec<Entry>>,
    /// How to bump the version if the command line does not say: a bump, such as "calver"; by default the changelog
    /// decides
    #[schemars(with = "Option<String>")]
    bump: Option<Bump>,
    /// Whether a breaking change before 1.0.0 is a major release; by default it is a minor one
    stable: bool,
    /// The commands of all stages, a line each
    #[serde(skip)]
    commands: String,
}

/// One element of `files`
#[derive(Debug)]
enum Entry {
    Known(String),
    Pattern(VersionLocation),
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PatternSettings {
    /// The file, relative to the project
    path: String,
    /// The text to search for, with `{version}` for the current version
    search: String,
    /// The replacement, with `{version}` for the new version; `search` by default
    replace: Option<String>,
    /// How often `search` must match, or "all" for at least once; 1 by default
    #[serde(default)]
    count: Count,
}

/// How often a pattern must match; none if at least once
#[derive(Debug)]
struct Count(Option<usize>);

impl Default for Count {
    fn default() -> Self {
        Self(Some(1))
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CountVisitor;
        impl Visitor<'_> for CountVisitor {
            type Value = Count;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of at least 1, or \"all\"")
            }

            fn visit_i64<E: serde::de::Error>(self, count: i64) -> Result<Count, E> {
                match usize::try_from(count) {
                    Ok(count) if count > 0 => Ok(Count(Some(count))),
                    _ => Err(E::custom("`count` must be at least 1")),
                }
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Count, E> {
                match text {
                    "all" => Ok(Count(None)),
                    _ => Err(E::custom("`count` must be a number or \"all\"")),
                }
            }
        }
        deserializer.deserialize_any(CountVisitor)
    }
}

impl JsonSchema for Count {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Count".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "integer", "minimum": 1 }, { "const": "all" }] })
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntryVisitor;
        impl<'de> Visitor<'de> for EntryVisitor {
            type Value = Entry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a path, or { path, search, replace, count }")
            }

            fn visit_str<E: serde::de::Error>(self, path: &str) -> Result<Entry, E> {
                Ok(Entry::Known(path.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Entry, A::Error> {
                let settings = PatternSettings::deserialize(MapAccessDeserializer::new(map))?;
                let PatternSettings { path, search, replace, count: Count(count) } = settings;
                let pattern = Pattern { search, replace, count };
                Ok(Entry::Pattern(VersionLocation::pattern(path, pattern)))
            }
        }
        deserializer.deserialize_any(EntryVisitor)
    }
}

impl JsonSchema for Entry {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "VersionFile".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let pattern = generator.subschema_for::<PatternSettings>();
        json_schema!({ "anyOf": [{ "type": "string" }, pattern] })
    }
}

pub(super) fn make(config: &Config, name: &str) -> Result<Box<dyn Stage>> {
    let mut settings = config.settings::<Version>(name)?;
    let commands = config.stages().iter().flat_map(|listed| config.stage_list(&listed.value, "run"));
    settings.commands = commands.collect::<Vec<_>>().join("\n");
    for entry in settings.files.iter().flatten() {
        let path = match entry {
            Entry::Known(path) => path,
            Entry::Pattern(place) => &place.path,
        };
        config.check_inside(path, config.stage_key(name, "files").flatten())?;
    }
    Ok(Box::new(settings))
}

impl Version {
    /// Whether the configuration says which files state the version.
    pub(super) fn has_files(&self) -> bool {
        self.files.is_some()
    }

    /// How to bump the version if the command line does not say.
    pub(super) fn bump(&self) -> Option<&Bump> {
        self.bump.as_ref()
    }

    /// Whether a breaking change before 1.0.0 is a major release.
    pub(super) fn is_stable(&self) -> bool {
        self.stable
    }

    /// The settings of other release tools, where the configuration does not say which files state the version.
    fn tools(&self, files: &dyn Files) -> Vec<ToolSettings> {
        if self.has_files() { Vec::new() } else { settings::read(files) }
    }

    /// Every place that states the version: the project's own and those of `files`.
    fn places(&self, files: &dyn Files, project: &Project) -> Result<Vec<VersionLocation>> {
        let mut places = match &project.version {
            VersionSource::Static(places) => places.clone(),
            VersionSource::Vcs { .. } | VersionSource::Unreadable(_) => Vec::new(),
        };
        for entry in self.files.iter().flatten() {
            let found = match entry {
                Entry::Pattern(place) => vec![place.clone()],
                Entry::Known(path) => VersionLocation::for_file(path, files).map_err(problem)?,
            };
            for place in found {
                if !places.contains(&place) {
                    places.push(place);
                }
            }
        }
        Ok(places)
    }

    /// The project's current version, on which all places must agree.
    pub(super) fn current(&self, files: &dyn Files, project: &Project) -> Result<ProjectVersion> {
        if let (VersionSource::Unreadable(error), false) =
            (&project.version, self.files.as_ref().is_some_and(|files| !files.is_empty()))
        {
            return Err(Error::refused(error.to_string()).help(error.help()));
        }
        let places = self.places(files, project)?;
        current_version(files, &places).map_err(problem)
    }

    /// The files with the new version.
    fn bumped(&self, release: &Release) -> Result<Vec<(String, Vec<u8>)>> {
        let target = &release.target;
        let lines = target.conventions.lines.iter();
        let learned = lines.map(|line| learned(line, line.from.clone(), line.to.clone()));
        self.written((release, target), (&target.previous, &target.version), learned)
    }

    /// The files, lock files included, with another version in every place and in the learned lines.
    pub(super) fn written(
        &self,
        (files, target): (&dyn Files, &Target),
        (old, new): (&ProjectVersion, &ProjectVersion),
        learned: impl IntoIterator<Item = VersionLocation>,
    ) -> Result<Vec<(String, Vec<u8>)>> {
        let mut places = self.places(files, &target.project)?;
        // A tool's own record of the version counts as long as its file is there.
        let known: Vec<VersionLocation> = match self.has_files() {
            true => settings::read(files).into_iter().filter_map(|tool| tool.record).collect(),
            false => self.tools(files).into_iter().flat_map(|tool| tool.places).collect(),
        };
        let known = known.into_iter();
        places.extend(known.filter(|place| !places.contains(place)).collect::<Vec<_>>());
        let locks = lock_all(files, &target.project, (&places, &target.conventions.locks), old, new);
        let learned: Vec<VersionLocation> = learned.into_iter().collect();
        let crates = learned_crates(files, &learned, old).into_iter();
        places.extend(crates.filter(|place| !places.contains(place)).collect::<Vec<_>>());
        places.extend(learned);
        let mut written = write(files, &places, (old, new))?;
        written.extend(locks);
        let locks = lock_crates(files, &written);
        written.extend(locks);
        Ok(written)
    }

    /// The files of the release with another version put in, for a rehearsal.
    pub(super) fn rewritten(
        &self,
        files: &dyn Files,
        target: &Target,
        other: &ProjectVersion,
    ) -> Result<Vec<(String, Vec<u8>)>> {
        let lines = target.conventions.lines.iter();
        let learned = lines.filter_map(|line| {
            let to = line.restated(&target.version, other, &target.names.date)?;
            Some(learned(line, line.to.clone(), to))
        });
        self.written((files, target), (&target.version, other), learned)
    }

    /// What other tools' settings say that the release does not do.
    fn unread(&self, release: &Release) -> Vec<Finding> {
        let tools = self.tools(release);
        let mut findings = Vec::new();
        for tool in &tools {
            let note = |reason: &str| {
                Finding::note(format!("`{}` ({}) is followed in part: {reason}", tool.file, tool.tool))
            };
            findings.extend(tool.unread.iter().map(|reason| note(reason)));
            let left = tool.hooks.iter().filter(|hook| !self.does(hook, release));
            findings.extend(left.map(|hook| note(&format!("`{}`: these commands are not run", hook.key))));
        }
        findings
    }

    /// Whether stages do all that another tool's commands do.
    fn does(&self, hook: &Hook, release: &Release) -> bool {
        let target = &release.target;
        let generator = target.conventions.generator.as_ref().map(|generator| generator.value.name());
        let collects = || Fragments::find(release, &target.project).is_some();
        hook.commands.iter().all(|command| {
            self.commands.contains(command) || own_work(command, collects(), generator).is_some()
        })
    }

    /// Why there is nothing to write, if so.
    fn nothing_to_do(&self, release: &Release) -> Option<String> {
        let target = &release.target;
        match &target.project.version {
            VersionSource::Vcs { tool } if !self.has_files() && target.conventions.lines.is_empty() => {
                Some(format!("{tool} takes the version from the tag {}", target.names.tag))
            }
            _ if target.version == target.previous && target.conventions.lines.is_empty() => {
                Some(format!("the project already states {}", target.version))
            }
            _ => None,
        }
    }
}

impl Stage for Version {
    fn name(&self) -> &str {
        "version"
    }

    fn reach(&self) -> Reach {
        Reach::Private
    }

    fn flow(&self) -> Flow {
        Flow { gives: vec![Product::Version], ..Flow::default() }
    }

    fn preflight(&self, release: &Release) -> Result<Vec<Finding>> {
        if self.nothing_to_do(release).is_some() {
            return Ok(Vec::new());
        }
        let bumped = self.bumped(release)?;
        let unread = self.unread(release);
        let mut findings = release.checkout.edits_in_the_way(bumped.iter().map(|(path, _)| path.as_str()))?;
        findings.extend(unread);
        findings.extend(unbumped(release, &bumped));
        Ok(findings)
    }

    fn run(&self, release: &Release, effects: &mut Effects<'_>) -> Result<Outputs> {
        if let Some(reason) = self.nothing_to_do(release) {
            effects.skip(&reason)?;
            return Ok(Outputs::default());
        }
        let root = release.root();
        let bumped = self.bumped(release)?;
        for (path, bytes) in &bumped {
            effects.write(&root, path, bytes)?;
        }
        if bumped.iter().any(|(path, _)| path == "uv.lock") {
            check_lock(release, effects)?;
        }
        Ok(Outputs::default())
    }
}

/// The place of a line that earlier releases changed.
pub(super) fn learned(line: &LearnedLine, from: String, to: String) -> VersionLocation {
    VersionLocation { path: line.path.clone(), how: VersionSyntax::Line { from, to } }
}

/// The command that checks uv's lock file, and writes nothing
const CHECK_LOCK: [&str; 3] = ["uv", "lock", "--check"];

/// Whether a planned command of a stage of ours only reads.
pub fn only_reads(command: &[String]) -> bool {
    command == CHECK_LOCK
}

/// Has uv check its lock file, where uv is there. A lock file that was stale before is not the release's concern.
pub(super) fn check_lock(release: &Release, effects: &mut Effects<'_>) -> Result<()> {
    let root = release.root();
    if !release.checkout.environment.has_program("uv", &root) {
        return Ok(());
    }
    let action = Action::Command { command: CHECK_LOCK.map(str::to_owned).to_vec() };
    let checked = effects.private(action, |bench| {
        Ok(bench.command(&Process::new(CHECK_LOCK[0]).args(&CHECK_LOCK[1..]).folder(&root)).err())
    })?;
    if let Some(Some(error)) = checked {
        let message = format!("`uv lock --check` does not confirm `uv.lock`: {}", error.chain());
        effects.warn(&message, Some("run `uv lock`, and commit what it changes before the next release"));
    }
    Ok(())
}

/// The files with the new version instead of the old one in every place.
fn write(
    files: &dyn Files,
    places: &[VersionLocation],
    (old, new): (&ProjectVersion, &ProjectVersion),
) -> Result<Vec<(String, Vec<u8>)>> {
    let written = bump_all(files, places, old, new).map_err(|errors| {
        let said: Vec<String> = errors.iter().map(ToString::to_string).collect();
        let helps = errors.iter().map(ProjectError::help).filter(|help| !help.is_empty());
        helps.fold(Error::refused(said.join("; ")), Error::help)
    })?;
    Ok(written.into_iter().collect())
}

pub(super) fn problem(error: ProjectError) -> Error {
    let help = error.help();
    let error = Error::refused(error.to_string());
    if help.is_empty() { error } else { error.help(help) }
}
