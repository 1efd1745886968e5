//! `publish`: completes a run from a file, with wheels that were built elsewhere.

use std::path::{Path, PathBuf};

use super::prepare::author;
use super::resume::{ResumeOptions, complete};
use super::session::configuration_of_run;
use super::transfer::{check, expect_own_work, foreign, own_work};
use super::{Context, lost, open};
use crate::config::{Config, MemberSettings};
use crate::engine::adoption;
use crate::engine::event::{Event, Listener};
use crate::engine::journal::{Header, Journal, Outcome, Record, entries, refused_for_good};
use crate::engine::model::Outputs;
use crate::engine::resume_state::{awaits_wheels, completed_stages};
use crate::engine::run::RunFolder;
use crate::engine::transfer::{self, Here};
use crate::error::{Error, ErrorKind, Result};
use crate::python::distribution::{Distribution, Kind};
use crate::python::filename::normalize;
use crate::python::verdict::Policy;
use crate::stages::{self, Measure};

/// The stage whose settings adopted wheels are checked by
const CHECK: &str = "check";

/// The options of `publish`
#[derive(Debug, Clone, Copy)]
pub struct PublishOptions<'a> {
    /// The file that `prepare` or `status --export` wrote
    pub file: &'a Path,
    /// A folder with wheels that were built elsewhere
    pub adopt: Option<&'a Path>,
    /// Release the sdist alone, though the run waits for wheels
    pub sdist_only: bool,
    /// Where git has no identity, commit as the bot of the forge
    pub author_from_forge: bool,
    /// Do not ask for confirmation
    pub yes: bool,
    /// Continue despite errors marked as overridable
    pub force: bool,
}

/// Completes the run in a file. A run that is complete already is no error.
///
/// # Errors
/// The file is no valid export, the run cannot continue in this repository, or a wheel is not of the release: nothing has
/// begun then. Or as `resume`.
pub fn publish(context: &Context, options: &PublishOptions<'_>) -> Result<()> {
    let author = author(context, options.author_from_forge)?;
    let (checkout, store) = open(context)?;
    let lock = store.lock()?;
    let imported = transfer::unpack(&store, &context.folder.join(options.file))?;
    let header = imported.header.clone();
    let about = format!("{} {} (run {})", header.name, header.version, header.run);
    let here = imported.here(&store)?;
    let local = match &here {
        _ if outcome(&imported.records) == Some(Outcome::Released) => {
            return is_released(context, &about, &imported.records, options);
        }
        Here::Over(run, Outcome::Released) => {
            return is_released(context, &about, &Journal::read(&run.journal())?, options);
        }
        Here::Over(_, Outcome::GivenUp) => {
            return Err(Error::refused(format!("{about} was given up here"))
                .help("`pyrelease status` shows what is left of it; release the next version"));
        }
        Here::AsFar(run) | Here::Apart(run) if run.is_lost() => return Err(lost(run)),
        Here::AsFar(run) | Here::Apart(run) => Some(run.clone()),
        Here::Nowhere | Here::Behind => {
            imported.check(&store, &checkout.repository)?;
            None
        }
        // What was undone completely can begin again.
        Here::Over(..) => {
            if let Some(other) = store.unfinished()? {
                return Err(Error::refused(format!("run {} is unfinished here", other.id()))
                    .help("complete or undo it first: `pyrelease status` shows how"));
            }
            imported.check_repository(&checkout.repository)?;
            None
        }
    };
    let records = match &local {
        Some(run) => Journal::read(&run.journal())?,
        None => imported.records.clone(),
    };
    let adopted = adopted(context, &header, &records, options)?;
    if let Some(message) = foreign(&checkout, &header) {
        if options.yes {
            return Err(Error::refused(message)
                .help("its commands would be run: without `--yes`, `publish` asks on a terminal"));
        }
        let help = Some("its commands are run: publish it only if you trust who made it");
        context.ui.on_event(&Event::Warning { stage: None, message: &message, help });
    }
    let own = local.is_none().then(|| own_work(context, &imported, &store, ("publish", options.yes)));
    context.confirm(options.yes, &format!("Publish {about} from here?"))?;
    checkout.repository.give_consent();
    if let Some(own) = own {
        expect_own_work(&imported, &checkout.repository, &own?)?;
    }
    let joining = adopted.as_deref().unwrap_or_default();
    let checked = check(context, &header, (&records, joining), (options.yes, options.force))?;
    let run = match (local, here) {
        (Some(run), _) => run,
        (None, Here::Over(run, _)) => {
            store.discard(&run)?;
            imported.adopt(&store)?
        }
        (None, _) => imported.adopt(&store)?,
    };
    if let Some(files) = adopted {
        adopt(context, &run, &files)?;
    }
    let (force, author) = (options.force, author.as_ref());
    let resuming = ResumeOptions { yes: true, force, author, ..ResumeOptions::default() };
    let can_pause = !options.yes && super::can_ask();
    let completing = (&resuming, can_pause, checked.as_ref());
    complete(context, &checkout, (&store, &lock), run.clone(), completing)
        .map_err(|error| again(error, &run, options.file))
}

fn is_released(
    context: &Context,
    about: &str,
    records: &[Record],
    options: &PublishOptions<'_>,
) -> Result<()> {
    let message = format!("nothing to publish: {about} is released");
    context.ui.on_event(&Event::Note { stage: None, message: &message });
    let Some(folder) = options.adopt else { return Ok(()) };
    let known: Vec<&str> = records
        .iter()
        .flat_map(Record::distributions)
        .map(|distribution| distribution.filename.as_str())
        .collect();
    let paths = stages::distributions_below(&context.folder.join(folder))?;
    let names = paths.iter().filter_map(|path| path.file_name()?.to_str());
    let ignored: Vec<&str> = names.filter(|name| !known.contains(name)).collect();
    if !ignored.is_empty() {
        let message = format!("not part of the release, and ignored: {}", ignored.join(", "));
        let help =
            Some("`pyrelease upload FILE --index NAME` adds a file to a release: on PyPI within 14 days");
        context.ui.on_event(&Event::Warning { stage: None, message: &message, help });
    }
    Ok(())
}

/// The error of a publication that did not succeed, with the help that the file can be published again.
fn again(error: Error, run: &RunFolder, file: &Path) -> Error {
    let command = format!("`pyrelease publish {}`", file.display());
    let is_final = || {
        let records = Journal::read(&run.journal()).unwrap_or_default();
        refused_for_good(&entries(&records)).is_some()
    };
    match error.kind() {
        // What was undone can begin again.
        ErrorKind::Failed | ErrorKind::Interrupted if !is_final() => {
            error.help(format!("the same file can be published again: {command}"))
        }
        ErrorKind::Left if !is_final() => {
            error.help(format!("in another checkout, as a CI job that is run again has it: {command}"))
        }
        _ => error,
    }
}

fn outcome(records: &[Record]) -> Option<Outcome> {
    records.iter().rev().find_map(|record| match record {
        Record::End { outcome } => Some(*outcome),
        _ => None,
    })
}

/// The verified distributions that join the run; none if there is nothing to record.
///
/// # Errors
/// One of them is not of the release; or the run waits for wheels, and there are none.
fn adopted(
    context: &Context,
    header: &Header,
    records: &[Record],
    options: &PublishOptions<'_>,
) -> Result<Option<Vec<Distribution>>> {
    let awaits = awaits_wheels(records);
    let Some(folder) = options.adopt else {
        if awaits && !options.sdist_only {
            return Err(Error::refused(format!(
                "the run was prepared with `--sdist-only`: it waits for the wheels of {}",
                shown(&awaiting(header))
            ))
            .help("pass the folder with the wheels: `--adopt DIR`")
            .help("pass `--sdist-only` here, too, to release the sdist alone"));
        }
        return Ok(awaits.then(Vec::new));
    };
    let stages: Vec<&str> = header.stages.iter().map(|(name, _)| name.as_str()).collect();
    let (_, outputs) = completed_stages(records, &stages);
    let is_checked = stages.contains(&CHECK);
    let files = measured(context, (header, is_checked), &outputs, folder)?;
    let mut without = awaiting(header);
    without.retain(|(name, _)| {
        !files.iter().any(|file| file.kind == Kind::Wheel && stages::is_of(&file.path, name))
    });
    if awaits && !without.is_empty() {
        return Err(Error::refused(format!(
            "there is no wheel in `{}`, and the run waits for the wheels of {}",
            folder.display(),
            shown(&without)
        ))
        .help("pass `--sdist-only` in place of `--adopt`, to release the sdist alone"));
    }
    Ok((awaits || !files.is_empty()).then_some(files))
}

/// The projects whose wheels a run waits for that was prepared with `--sdist-only`, each with its version.
fn awaiting(header: &Header) -> Vec<(&str, &str)> {
    match header.members.as_slice() {
        [] => header.releases(),
        members => {
            let awaiting = members.iter().filter(|member| member.sdist_only);
            awaiting.map(|member| (&*member.name, &*member.version)).collect()
        }
    }
}

/// `core 1.2.0, cli 0.3.1`
fn shown(projects: &[(&str, &str)]) -> String {
    let shown: Vec<String> = projects.iter().map(|(name, version)| format!("{name} {version}")).collect();
    shown.join(", ")
}

/// The distributions in the folder that each project of the run does not have yet.
fn measured(
    context: &Context,
    (header, is_checked): (&Header, bool),
    outputs: &Outputs,
    folder: &Path,
) -> Result<Vec<Distribution>> {
    let config = configuration_of_run(header)?;
    let joining =
        |config: &Config, (project, version): (&str, &str), own: &[Distribution], paths: &[PathBuf]| {
            let policy = if is_checked { stages::policy(config, CHECK, false)? } else { Policy::default() };
            let measure = Measure {
                project,
                version,
                policy: Some(&policy),
                environment: &context.environment,
                on_warning: &|finding| context.ui.on_event(&Event::Finding { stage: None, finding }),
                say: &|message| context.ui.on_event(&Event::Note { stage: None, message }),
            };
            measure.joining(own, paths)
        };
    let paths = stages::distributions_below(&context.folder.join(folder))?;
    if header.members.is_empty() {
        return joining(&config, (&header.name, &header.version), &outputs.distributions, &paths);
    }
    let uploaded: Vec<_> = header.members.iter().filter(|member| !member.is_private).collect();
    let names: Vec<&str> = uploaded.iter().map(|member| member.name.as_str()).collect();
    let mut files = Vec::new();
    for (member, paths) in uploaded.iter().zip(stages::of_each(&paths, &names)?) {
        let own = outputs.members.get(&member.name).map_or(&[][..], |outputs| &outputs.distributions);
        let is_its = |known: &&MemberSettings| normalize(&known.name.value) == normalize(&member.name);
        let config = config.of_member(&member.name, config.member_settings().iter().find(is_its));
        let found = joining(&config, (&member.name, &member.version), own, &paths);
        files.extend(found.map_err(|error| error.of_member(&member.name))?);
    }
    Ok(files)
}

/// Records the distributions in the run's journal.
fn adopt(context: &Context, run: &RunFolder, files: &[Distribution]) -> Result<()> {
    let mut journal = Journal::open(&run.journal())?;
    adoption::adopt(run, &mut journal, files)?;
    for file in files {
        let message = format!("adopted {} (sha256 {})", file.filename, file.sha256);
        context.ui.on_event(&Event::Note { stage: None, message: &message });
    }
    Ok(())
}
