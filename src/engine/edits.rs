//! The edits of the stages that write the release notes and the version, for the working tree: without a commit.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::carry::carry;
use super::checkout::Checkout;
use super::effects::{Effects, Live};
use super::event::Listener;
use super::execute::header;
use super::journal::Journal;
use super::model::{Action, Product, Reach};
use super::pipeline::Pipeline;
use super::release::Release;
use super::run::RunFolder;
use super::stage::Stage;
use crate::config::Source;
use crate::error::{Error, ErrorKind, Result};
use crate::python::project::Files as _;
use crate::world::edits::Edit;
use crate::world::git::PrivateClone;

/// What the stages would do
pub struct PlannedEdits {
    /// The actions, each with its stage
    pub actions: Vec<(String, Action)>,
    /// The edits, apart from those of commands
    pub edits: Vec<Edit>,
}

/// Whether an action runs something, so that its edits are known only afterwards.
pub fn is_command(action: &Action) -> bool {
    !matches!(action, Action::Write { .. } | Action::Skip { .. })
}

/// The stages that write the notes and the version: those that give them, and leave committing to others.
pub fn editing(pipeline: &Pipeline) -> impl Iterator<Item = &dyn Stage> {
    pipeline.stages().filter(|stage| {
        let gives = stage.flow().gives;
        let edits = gives.contains(&Product::Notes) || gives.contains(&Product::Version);
        edits && !gives.contains(&Product::Commit) && stage.reach() == Reach::Private
    })
}

/// Runs the stages with inert effects.
///
/// # Errors
/// A stage cannot work on the project, or would write outside the repository.
pub fn plan(pipeline: &Pipeline, release: &mut Release, listener: &dyn Listener) -> Result<PlannedEdits> {
    let mut planned = PlannedEdits { actions: Vec::new(), edits: Vec::new() };
    let mut written = Vec::new();
    for stage in editing(pipeline) {
        let mut effects = Effects::inert(stage.name(), Reach::Private, listener);
        let outputs =
            stage.run(release, &mut effects).map_err(|error| error.with_kind(ErrorKind::Refused))?;
        release.take(outputs);
        let writes = effects.take_writes();
        written.extend(writes.iter().map(|(path, _)| path.clone()));
        release.overlay(writes);
        let (actions, members) = effects.into_actions();
        let actions = actions.into_iter().chain(members.into_iter().flat_map(|member| member.actions));
        planned.actions.extend(actions.map(|action| (stage.name().to_owned(), action)));
    }
    written.sort();
    written.dedup();
    for path in written {
        let file = inside(&release.checkout, &path)?;
        let edit = Edit { before: read(&file)?, after: release.read(&path), path: file };
        planned.edits.extend((edit.before != edit.after).then_some(edit));
    }
    Ok(planned)
}

/// Runs the stages in a private clone in `folder` that has the edits of the working tree, and returns their edits. Nothing
/// outside changes.
///
/// # Errors
/// As [`clone`].
pub fn make(
    pipeline: &Pipeline,
    release: &mut Release,
    configuration: (&Source, &[String]),
    folder: &Path,
    interrupted: &AtomicBool,
    listener: &dyn Listener,
) -> Result<Vec<Edit>> {
    let clone = clone(pipeline, release, configuration, folder, interrupted, listener)?;
    let top = release.checkout.repository.top();
    let mut edits = Vec::new();
    for path in clone.changed()? {
        let file = top.join(&path);
        let edit = Edit { before: read(&file)?, after: read(&clone.top().join(&path))?, path: file };
        edits.extend((edit.before != edit.after).then_some(edit));
    }
    Ok(edits)
}

/// Runs the stages in a private clone in `folder`, which then has what they wrote. The clone begins with the edits of the
/// working tree if the release reads those.
///
/// # Errors
/// A stage fails, or the user interrupted.
pub fn clone(
    pipeline: &Pipeline,
    release: &mut Release,
    (source, carried): (&Source, &[String]),
    folder: &Path,
    interrupted: &AtomicBool,
    listener: &dyn Listener,
) -> Result<PrivateClone> {
    let run = RunFolder::outside(folder, "bump");
    fs_err::create_dir_all(run.dist())?;
    let mut journal =
        Journal::create(&run.journal(), header(run.id().to_owned(), pipeline, release, source))?;
    let checkout = &release.checkout;
    let clone = PrivateClone::make(&checkout.repository, &checkout.head, &run.tree())?;
    bring_edits(checkout, &clone)?;
    for path in carried {
        carry(&checkout.root(), &clone.top().join(&checkout.prefix), path)?;
    }
    release.enter(clone.top());
    for stage in editing(pipeline) {
        let live = Live {
            run: &run,
            clone: &clone,
            repository: &release.checkout.repository,
            journal: &mut journal,
            interrupted,
        };
        let mut effects = Effects::live(stage.name(), Reach::Private, listener, live);
        effects.check_interrupt()?;
        let outputs = stage.run(release, &mut effects)?;
        release.take(outputs);
    }
    Ok(clone)
}

/// Makes the tracked files of the clone as they are in the working tree.
fn bring_edits(checkout: &Checkout, clone: &PrivateClone) -> Result<()> {
    let mut brought = Vec::new();
    for path in checkout.edits() {
        let (from, to) = (checkout.repository.top().join(path), clone.top().join(path));
        if from.is_file() {
            fs_err::create_dir_all(to.parent().unwrap_or(clone.top()))?;
            fs_err::copy(from, to)?;
            brought.push(path);
        } else if to.is_file() {
            fs_err::remove_file(to)?;
        }
    }
    clone.track(&brought)
}

/// The file that a path of the project leads to.
fn inside(checkout: &Checkout, path: &str) -> Result<PathBuf> {
    let named = checkout.root().join(path);
    let known = named.ancestors().find(|path| path.exists()).unwrap_or(&named);
    let file = fs_err::canonicalize(known)?;
    if !file.starts_with(fs_err::canonicalize(checkout.repository.top())?) {
        return Err(Error::refused(format!(
            "`{path}` leads to `{}`, outside the repository",
            file.display()
        ))
        .help("a release reads and changes files of the repository only"));
    }
    Ok(match named.strip_prefix(known) {
        Ok(missing) if !missing.as_os_str().is_empty() => file.join(missing),
        _ => file,
    })
}

/// A file's bytes; none if there is no such file.
fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs_err::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}
