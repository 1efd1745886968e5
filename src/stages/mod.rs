//! The stages, and the pipeline that a configuration makes of them.
//!
//! A new stage is one file here (its settings, its `impl Stage`, its tests) and one row in [`BUILT_IN`].

mod build;
mod changelog;
mod check;
mod command;
mod elsewhere;
mod forge_release;
mod given;
mod indexes;
pub mod members;
mod notes;
mod plugin;
mod push;
pub mod rebuild;
mod reopen;
mod schema;
mod tag;
mod target;
mod unbumped;
mod upload;
mod version;
mod workflows;

use std::collections::BTreeMap;

use schemars::{Schema, SchemaGenerator};

use crate::config::{Config, nearest};
use crate::engine::pipeline::Pipeline;
use crate::engine::prelude::*;

use plugin::Described;

pub use build::{BuildHost, Built, build_project};
pub use changelog::{ChangelogForm, Draft, draft_of_notes};
pub use check::{
    as_findings, distributions_in, judge_files, known_or, policy, tracked_at, verify_attestations,
};
pub use elsewhere::{Measure, distributions_below, expect_of_release, is_of, of_each};
pub use forge_release::{ReleasePlace, release_place};
pub use indexes::unused as unused_indexes;
pub use notes::{ReleaseNotes, release_notes};
pub use plugin::{Named, NullHandler, Plugins, named};
pub use reopen::advice;
pub use schema::{StageHelp, index_help, member_help, settings_schema, stage_helps, workspace_help};
pub use tag::commit_message;
pub use target::{
    BackendMetadata, Bumping, Discovery, FoundWorkflow, Learned, ask_backend, discover, expect_own_tag,
    read_project, target, target_or_patch,
};
pub use upload::{
    CONNECTIONS, Installer, MOST_CONNECTIONS, StandaloneUpload, TrialByName, Verification, address_of,
    newer_releases,
};
pub use version::only_reads;
pub use workflows::published_from;

/// A built-in stage
struct BuiltIn {
    name: &'static str,
    make: fn(&Config, &str) -> Result<Box<dyn Stage>>,
    /// The schema of its settings, with what it does as the description
    schema: fn(&mut SchemaGenerator) -> Schema,
}

const BUILT_IN: [BuiltIn; 8] = [
    // Edits come before the tag,
    BuiltIn { name: "changelog", make: changelog::make, schema: schema::of::<changelog::Changelog> },
    BuiltIn { name: "version", make: version::make, schema: schema::of::<version::Version> },
    BuiltIn { name: "tag", make: tag::make, schema: schema::of::<tag::Tag> },
    // and builds from the tagged commit after it.
    BuiltIn { name: "build", make: build::make, schema: schema::of::<build::Build> },
    BuiltIn { name: "check", make: check::make, schema: schema::of::<check::Settings> },
    BuiltIn { name: "push", make: push::make, schema: schema::of::<push::Push> },
    BuiltIn {
        name: forge_release::NAME,
        make: forge_release::make,
        schema: schema::of::<forge_release::Settings>,
    },
    // When the release is out:
    BuiltIn { name: "reopen", make: reopen::make, schema: schema::of::<reopen::Reopen> },
];

/// Builds the pipeline that `config` describes.
///
/// # Errors
/// An unknown or duplicate stage, wrong settings, or an order that cannot work. Each error underlines its
/// place in the configuration.
pub fn pipeline(config: &Config, plugins: &Plugins<'_>) -> Result<Pipeline> {
    let mut making = Making::begin(config, plugins)?;
    let mut stages: Vec<Box<dyn Stage>> = Vec::new();
    for at in 0..config.stages().len() {
        stages.push(making.stage(config, at)?);
    }
    if stages.iter().any(|stage| stage.name() == forge_release::NAME) {
        forge_release::insert(&mut stages, forge_release::publication(config)?);
    }
    ordered(config, stages)
}

/// The most stages of a release
const MOST_STAGES: usize = 500;

/// The stages of a configuration as they are made
struct Making<'a> {
    described: BTreeMap<&'a str, Result<Described>>,
}

impl<'a> Making<'a> {
    /// Checks the names and asks the plugins what they are.
    ///
    /// # Errors
    /// A name is unknown, taken twice or mistyped.
    fn begin(config: &'a Config, plugins: &Plugins<'_>) -> Result<Self> {
        refuse_endless(config)?;
        refuse_unused_settings(config)?;
        indexes::refuse_mistyped(config)?;
        if config.stages().is_empty() {
            return Err(config.error(
                "there are no stages",
                None,
                Some("remove `stages` to use the default ones"),
            ));
        }
        for (at, listed) in config.stages().iter().enumerate() {
            check_name(config, at, &listed.value)?;
        }
        let names = config.stages().iter().map(|listed| listed.value.as_str());
        let described = plugin::describe(config, names.filter(|name| is_plugin(config, name)), plugins);
        Ok(Self { described })
    }

    /// The stage at this place of `stages`.
    fn stage(&mut self, config: &Config, at: usize) -> Result<Box<dyn Stage>> {
        let made = make(config, &config.stages()[at].value, &mut self.described);
        made.unwrap_or_else(|| Err(unknown(config, at)))
    }
}

/// The pipeline of stages that were made.
fn ordered(config: &Config, stages: Vec<Box<dyn Stage>>) -> Result<Pipeline> {
    let names: Vec<String> = stages.iter().map(|stage| stage.name().to_owned()).collect();
    Pipeline::new(stages).map_err(|disorder| {
        let listed = config.stages().iter().find(|stage| names.get(disorder.at) == Some(&stage.value));
        let span = listed.and_then(|stage| stage.span.clone());
        let help = disorder.missing.map(giver).or(disorder.help);
        config.error(&disorder.message, span, help.as_deref())
    })
}

/// How a pipeline comes by something that none of its stages gives.
fn giver(product: Product) -> String {
    let stage = match product {
        Product::Notes => "changelog",
        Product::Version => "version",
        Product::Commit | Product::Tag => "tag",
        Product::Distributions => "build",
    };
    format!(
        "add `{stage}` to `stages`, or gives = [\"{}\"] to the [stage.NAME] of your own that makes them",
        product.name()
    )
}

/// Refuses more stages than anybody has: each is held against all others, and each has tables in reports.
fn refuse_endless(config: &Config) -> Result<()> {
    let count = config.stages().len();
    let Some(listed) = config.stages().get(MOST_STAGES) else { return Ok(()) };
    let message = format!("{count} stages are listed, and a release has at most {MOST_STAGES}");
    let help = "let one command do the work of several: its `run` may start a script";
    Err(config.error(&message, listed.span.clone(), Some(help)))
}

/// Refuses a duplicate stage and an invalid name.
fn check_name(config: &Config, at: usize, name: &str) -> Result<()> {
    let span = || config.stages().get(at).and_then(|listed| listed.span.clone());
    if config.stages()[..at].iter().any(|earlier| earlier.value == name) {
        let help = "a stage runs once in a release: remove one";
        return Err(config.error(&format!("`{name}` is listed twice"), span(), Some(help)));
    }
    if name == forge_release::PUBLICATION {
        let help = "remove it: `forge-release` adds it by itself, after the stages that publish";
        return Err(config.error(&format!("`{name}` cannot be listed"), span(), Some(help)));
    }
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    if !name.chars().all(plain) || !(1..=64).contains(&name.len()) {
        let help = "use 1 to 64 letters, digits, `-` and `_`";
        let message = format!("`{}` is not a valid stage name", name.escape_debug());
        return Err(config.error(&message, span(), Some(help)));
    }
    Ok(())
}

/// Why a plugin's stage cannot have a name; none if it can.
pub fn taken(name: &str) -> Option<&'static str> {
    if BUILT_IN.iter().any(|row| row.name == name) {
        return Some("a built-in stage");
    }
    Config::default_pipeline().indexes().contains_key(name).then_some("an index, whose stage uploads to it")
}

/// The path of a changelog that has no Unreleased section, and its text with one.
pub fn with_unreleased(config: &Config, release: &Release) -> Option<(String, String)> {
    let is_listed = config.stages().iter().any(|stage| stage.value == "changelog");
    let settings = config.settings::<changelog::Changelog>("changelog").ok().filter(|_| is_listed)?;
    settings.with_unreleased(release)
}

/// The indexes that a configuration's stages upload to. Plugins are not asked: none uploads to a configured index.
pub fn destinations(config: &Config) -> Vec<Destination> {
    let indexes = config.stages().iter().filter(|stage| config.indexes().contains_key(&stage.value));
    indexes.filter_map(|stage| upload::make(config, &stage.value).ok()?.destination()).collect()
}

/// The stage with this name, if there is one.
fn make(
    config: &Config,
    name: &str,
    described: &mut BTreeMap<&str, Result<Described>>,
) -> Option<Result<Box<dyn Stage>>> {
    if let Some(row) = BUILT_IN.iter().find(|row| row.name == name) {
        return Some((row.make)(config, name));
    }
    if config.indexes().contains_key(name) {
        return Some(upload::make(config, name));
    }
    if let Some(described) = described.remove(name) {
        return Some(described.and_then(|described| plugin::make(config, described)));
    }
    config.stage_key(name, "run").map(|_| command::make(config, name))
}

/// Whether a stage is a plugin's; a built-in one never is.
fn is_plugin(config: &Config, name: &str) -> bool {
    let is_own = BUILT_IN.iter().any(|row| row.name == name) || config.indexes().contains_key(name);
    !is_own && plugin::is_configured(config, name)
}

fn unknown(config: &Config, at: usize) -> Error {
    let listed = &config.stages()[at];
    let name = listed.value.as_str();
    let known = BUILT_IN.iter().map(|row| row.name).chain(config.indexes().keys().map(String::as_str));
    let nearest = nearest(name, known.chain(config.configured_stages().map(|(name, _)| name)));
    let error =
        |help: &str| config.error(&format!("unknown stage `{name}`"), listed.span.clone(), Some(help));
    match nearest.filter(|nearest| *nearest != name) {
        Some(nearest) => error(&format!("did you mean `{nearest}`?")),
        None => error(&format!(
            "if it is an index, set its URL: [index.{name}] upload = \"https://…/legacy/\"; its `kind` is public by default"
        ))
        .help(format!(
            "if it is a command of your own, set it: [stage.{name}] run = [\"COMMAND\", \"ARGUMENT\"]"
        )),
    }
}

/// Refuses settings of a stage that does not run, whose name is probably mistyped or missing in `stages`.
fn refuse_unused_settings(config: &Config) -> Result<()> {
    for (name, span) in config.configured_stages() {
        let listed = config.stages().iter().any(|stage| stage.value == name);
        let known = BUILT_IN.iter().any(|row| row.name == name) || config.indexes().contains_key(name);
        if listed || known {
            continue;
        }
        let names = config.stages().iter().map(|stage| stage.value.as_str());
        let help = match nearest(name, names) {
            Some(nearest) => format!("did you mean [stage.{nearest}]?"),
            None => format!("add \"{name}\" to `stages`, or remove its settings"),
        };
        return Err(config.error(&format!("[stage.{name}] is not in `stages`"), span, Some(&help)));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
