//! A sandbox for one release that nothing kills: the rehearsal.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::configuration::{Configuration, FILE, Purpose};
use super::sandbox::{Sandbox, SandboxBase};
use super::stand_in::PluginStage;
use super::template::{Signing, Template};
use crate::config::{IndexKind, Location};
use crate::engine::checkout::Checkout;
use crate::engine::model::Reach;
use crate::error::Result;
use crate::world::Environment;

/// How often a workflow looks whether it is to publish
const WORKFLOW_TICK: Duration = Duration::from_millis(100);

/// What is rehearsed, and where
pub struct RehearsalSource<'a> {
    pub location: &'a Location,
    pub checkout: &'a Checkout,
    pub environment: &'a Environment,
    /// The stages that plugins run
    pub plugins: &'a [PluginStage],
    /// An empty folder for the copy
    pub folder: &'a Path,
    /// The folder for temporary files. It has a short path: sockets in it must have paths below 108 bytes.
    pub temporary: &'a Path,
}

/// A copy of the repository, with remotes and indexes of its own
pub struct Copy {
    /// The project's folder
    pub project: PathBuf,
    /// Its configuration, relative to it
    pub manifest: PathBuf,
    pub environment: Environment,
    /// The index that users would install from, and its simple API; none if the release goes to none
    pub index: Option<(String, String)>,
    /// The smoke test of an installed release
    pub smoke: Option<String>,
    /// Whether a workflow publishes to one of the indexes
    pub has_workflows: bool,
    /// Whether every private stage takes part
    pub is_whole: bool,
    /// What does not take part
    pub left_out: Vec<String>,
}

/// Copies the project's repository and its remotes, starts an index for each of its own, and works there.
///
/// # Errors
/// A file cannot be copied, an index does not start, or the work fails.
pub fn in_copy<T>(source: &RehearsalSource<'_>, work: impl FnOnce(&Copy) -> Result<T>) -> Result<T> {
    let config = &source.location.config;
    let place = (source.folder.join("template"), Signing::AsConfigured);
    let template = Template::make(source.checkout, None, config.carry(), (&place.0, place.1))?;
    let configuration = Configuration::read(config, Purpose::Rehearsal, source.plugins)?;
    template.bring_plugins(source.checkout, configuration.run_for_real())?;
    let base = SandboxBase {
        template: &template,
        configuration: &configuration,
        environment: source.environment,
        original: &source.location.root,
        temporary: Some(source.temporary),
    };
    let sandbox = Sandbox::new(base, source.folder)?;
    let listed = |kind: Option<IndexKind>| {
        let mut indexes = configuration.indexes.iter().rev();
        indexes.find(|index| index.is_listed() && kind.is_none_or(|kind| index.kind == kind))
    };
    let last = listed(Some(IndexKind::Public)).or_else(|| listed(None));
    let index = last.and_then(|index| {
        let served = sandbox.indexes().iter().find(|served| served.name() == index.name)?;
        Some((index.name.clone(), served.simple_url()))
    });
    let copy = Copy {
        manifest: PathBuf::from(FILE),
        project: sandbox.project(),
        environment: sandbox.environment(),
        index,
        smoke: configuration.smoke.clone(),
        has_workflows: sandbox.has_workflows(),
        is_whole: configuration.stand_ins().all(|command| command.reach > Reach::Private),
        left_out: configuration.left_out.clone(),
    };
    if !copy.has_workflows {
        return work(&copy);
    }
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let workflow = scope.spawn(|| -> Result<()> {
            while !is_over.load(Ordering::Relaxed) {
                sandbox.publish()?;
                std::thread::sleep(WORKFLOW_TICK);
            }
            Ok(())
        });
        let worked = work(&copy);
        is_over.store(true, Ordering::Relaxed);
        let played = workflow.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // A release that waited in vain for its workflow failed because of it.
        played.and(worked)
    })
}
