//! Moves a run to another clone or machine: `status --export FILE` there, `resume --import FILE` here.

use std::path::Path;

use super::credentials::ask_for_missing;
use super::session::Session;
use super::{Context, open};
use crate::config::{self, Config, Source};
use crate::engine::checkout::Checkout;
use crate::engine::event::{Event, Listener};
use crate::engine::journal::{Header, Record, entries};
use crate::engine::model::{Plan, PluginSteps, State};
use crate::engine::pipeline::Pipeline;
use crate::engine::preflight::preflight_of_prepared;
use crate::engine::release::Release;
use crate::engine::resume_state::completed_stages;
use crate::engine::run::Store;
use crate::engine::stage::Stage;
use crate::engine::transfer::{self, ImportedRun};
use crate::error::{Error, Result};
use crate::finding::Leave;
use crate::python::distribution::Distribution;
use crate::python::filename::normalize;
use crate::stages;
use crate::world::Environment;
use crate::world::git::Repository;

/// The most characters of a plugin's data that a message shows
const LONGEST_DATA: usize = 400;

/// Packs the unfinished run into a file.
///
/// # Errors
/// There is no such run, its journal is lost, or the file cannot be written.
pub fn export(context: &Context, file: &Path) -> Result<()> {
    let (checkout, store) = open(context)?;
    // No other process may change the run while it is packed.
    let _lock = store.lock()?;
    let nothing = || Error::refused("there is no unfinished run to export");
    let run = store.unfinished()?.ok_or_else(nothing)?;
    if run.is_lost() {
        return Err(super::lost(&run));
    }
    let file = context.folder.join(file);
    let packed = transfer::pack(&checkout.repository, &run, &file)?;
    let file = fs_err::canonicalize(file)?;
    let say = |message: &str| context.ui.on_event(&Event::Note { stage: None, message });
    let mut what = vec!["the journal".to_owned()];
    what.extend(packed.commit.then(|| "the release's commit and tag".to_owned()));
    what.extend(packed.distributions);
    say(&format!(
        "exported run {} to {} ({}): {}",
        run.id(),
        file.display(),
        crate::world::size(packed.size),
        what.join(", ")
    ));
    for missing in packed.missing {
        let message =
            format!("`{missing}` is missing or has changed since the build, and is not in the file");
        let help = Some("if an index has it, `resume` downloads it from there");
        context.ui.on_event(&Event::Warning { stage: None, message: &message, help });
    }
    say("the run can be completed here or there; each finds what the other has done");
    say(&format!("to complete it in another clone: pyrelease resume --import {}", file.display()));
    Ok(())
}

/// What makes a run somebody else's than the project's: its name, or a configuration that is not the one of the commit that
/// the run began at; none if it is the project's own.
///
/// Only the project's own configuration counts: a run names the file, and could name any.
pub(super) fn foreign(checkout: &Checkout, header: &Header) -> Option<String> {
    let (path, text) = &header.configuration;
    let name = path.to_str().filter(|name| config::FILES.contains(name));
    let is_own_folder = header.prefix == checkout.prefix;
    let committed = name
        .filter(|_| is_own_folder)
        .and_then(|name| checkout.repository.committed(&header.head, &format!("{}{name}", header.prefix)));
    // Without a file, the configuration is the default one, which is empty.
    if committed.unwrap_or_default() != text.as_bytes() {
        let path = path.display().to_string();
        return Some(format!(
            "the run uses a `{}` that is not the one of the commit it began at",
            path.escape_debug()
        ));
    }
    let config = Config::parse(Source::new(path, text.clone())).ok()?;
    let project = stages::read_project(&config, checkout, Some(&header.name)).ok()?;
    (normalize(&project.name) != normalize(&header.name)).then(|| {
        format!("the run releases `{}`, and this project is `{}`", header.name.escape_debug(), project.name)
    })
}

/// What the stages of an imported run do, by the plan that they make for the commit at which it began
pub(super) struct OwnWork {
    config: Config,
    pipeline: Pipeline,
    plan: Plan,
    release: Release,
}

/// Plans what the stages of an imported run do, and tells what only the file says, before the user is asked.
///
/// # Errors
/// A plugin would get data that nobody can compare, and the user has answered before; or the stages cannot plan.
pub(super) fn own_work(
    context: &Context,
    imported: &ImportedRun,
    store: &Store,
    (command, yes): (&str, bool),
) -> Result<OwnWork> {
    for (effect, data) in transfer::data_of_plugins(imported, store)? {
        let message =
            format!("the journal in the file has {effect}, and data for its plugin that nothing confirms");
        if yes {
            return Err(Error::refused(message).help(format!(
                "the plugin would act on them: without `--yes`, `{command}` shows them and asks on a terminal"
            )));
        }
        let shown = shortened(&data);
        let help = format!(
            "the plugin verifies and undoes it by these data, so go on only if you trust them: {shown}"
        );
        context.ui.on_event(&Event::Warning { stage: None, message: &message, help: Some(&help) });
    }
    let (config, pipeline, mut release) = Session::of_run(context, &imported.header)?;
    // The checks of the run have reported what the plan would report again.
    let plan = pipeline.plan(&mut release, PluginSteps::default(), &|_: &Event<'_>| {})?;
    let unproven = transfer::unproven_stages(imported, &pipeline, &plan);
    if !unproven.is_empty() {
        let stages: Vec<String> = unproven.iter().map(|stage| format!("`{stage}`")).collect();
        let message =
            format!("nothing but the file shows that these stages did their work: {}", stages.join(", "));
        context.ui.on_event(&Event::Note { stage: None, message: &message });
    }
    Ok(OwnWork { config, pipeline, plan, release })
}

/// The beginning of data, for a message.
fn shortened(data: &str) -> String {
    match data.char_indices().nth(LONGEST_DATA) {
        None => data.to_owned(),
        Some((end, _)) => format!("{}… ({} characters)", &data[..end], data.chars().count()),
    }
}

/// Refuses a run whose release commit changes other files than its stages write, or does not follow the commit that it
/// began at; whose distributions are of another release; whose journal has effects that no stage has; or whose completed
/// stages did not do what they do.
///
/// # Errors
/// The run is refused; or an index or the remote cannot be asked.
pub(super) fn expect_own_work(imported: &ImportedRun, repository: &Repository, own: &OwnWork) -> Result<()> {
    let (header, outputs) = (&imported.header, &imported.outputs);
    let planned = (&own.pipeline, &own.plan);
    own.release.give_consent();
    for (project, version) in header.releases() {
        let own = if header.members.is_empty() { Some(outputs) } else { outputs.members.get(project) };
        let files = own.map_or(&[][..], |outputs| &outputs.distributions);
        stages::expect_of_release(project, version, files)?;
    }
    if !header.is_tagged {
        stages::expect_own_tag(&own.config, &own.release)?;
    }
    let changes = imported.changes(repository)?;
    transfer::expect_planned_effects(imported, planned, &own.release)?;
    transfer::expect_planned(&changes, planned, &own.release, stages::only_reads)?;
    transfer::expect_planned_outputs(imported, planned, &own.release)
}

/// Finds what would make the rest of a release fail that comes from a file, before it begins; returns the environment with
/// the credentials that the user was asked for. `joining` are distributions that the run does not have yet.
///
/// What has begun is not checked: recovery looks after what is left.
///
/// # Errors
/// The release is refused.
pub(super) fn check(
    context: &Context,
    header: &Header,
    (records, joining): (&[Record], &[Distribution]),
    (yes, force): (bool, bool),
) -> Result<Option<Environment>> {
    if entries(records).iter().any(|entry| entry.state != State::NotDone) {
        return Ok(None);
    }
    let (config, pipeline, mut release) = Session::of_run(context, header)?;
    release.give_consent();
    let (environment, projects) = (release.checkout.environment.clone(), release.uploaded_projects());
    let environment = ask_for_missing(context, &config, &pipeline, &projects, yes, environment)?;
    release.set_environment(&environment);
    let names: Vec<&str> = pipeline.stages().map(Stage::name).collect();
    let (done, mut outputs) = completed_stages(records, &names);
    outputs.join(joining.to_vec());
    release.set_outputs(outputs);
    let leave = Leave { force, ..Leave::default() };
    preflight_of_prepared(&pipeline, &release, done, leave, &context.ui)?;
    Ok(Some(environment))
}

/// Imports a packed run into this repository, after asking and checking; returns what [`check`] does.
pub(super) fn import(
    context: &Context,
    checkout: &Checkout,
    store: &Store,
    (file, yes, force): (&Path, bool, bool),
) -> Result<Option<Environment>> {
    let imported = transfer::unpack(store, &context.folder.join(file))?;
    imported.check(store, &checkout.repository)?;
    let header = &imported.header;
    if let Some(message) = foreign(checkout, header) {
        let help = Some("its commands are run: import it only from somebody whose releases you trust");
        context.ui.on_event(&Event::Warning { stage: None, message: &message, help });
    }
    let own = own_work(context, &imported, store, ("resume --import", yes));
    let question =
        format!("Finish the release of {} {} (run {}) here?", header.name, header.version, header.run);
    context.confirm(yes, &question)?;
    checkout.repository.give_consent();
    expect_own_work(&imported, &checkout.repository, &own?)?;
    let checked = check(context, header, (&imported.records, &[]), (yes, force))?;
    imported.adopt(store)?;
    Ok(checked)
}
