//! `build`: the distributions of the last commit or of the working tree, checked, without a release.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use jiff::Timestamp;

use super::Context;
use super::session::{environment_of, locate_member};
use crate::engine::carry::carry;
use crate::engine::checkout::Checkout;
use crate::engine::event::{Event, Listener};
use crate::engine::release::BuildRequest;
use crate::error::{Error, Result};
use crate::finding::Severity;
use crate::python::distribution::Distribution;
use crate::stages::{
    BuildHost, Built, as_findings, build_project, judge_files, policy, read_project, tracked_at,
};
use crate::world::git::PrivateClone;
use crate::world::process::{self, Process};

/// The name under which its events stand
const BUILD: &str = "build";
const CHECK: &str = "check";
/// Where `python -m build` puts distributions, too
const DIST: &str = "dist";
/// What PyPI refuses and a build between releases may well have: the version of a commit, and wheels that are not repaired
/// yet. A warning tells of it.
const UNRELEASED: [&str; 2] = ["local-version", "platform-tag"];
const EPOCH: &str = "SOURCE_DATE_EPOCH";

/// The options of `build`
#[derive(Debug, Clone, Copy, Default)]
pub struct BuildOptions<'a> {
    /// The folder for the distributions; none for `dist` in the project
    pub out: Option<&'a Path>,
    /// Build the working tree, not the last commit
    pub working_tree: bool,
    /// Resolve the build requirements again
    pub fresh: bool,
}

/// Runs the build's commands, and writes their output to a file
struct Host<'a> {
    context: &'a Context,
    log: PathBuf,
}

impl BuildHost for Host<'_> {
    fn command(&self, process: &Process) -> Result<()> {
        let context = self.context;
        let ran = process.stream(&self.log, &context.interrupted, |line| {
            context.ui.on_event(&Event::Output { stage: BUILD, line });
        });
        match ran {
            _ if context.interrupted.load(Ordering::SeqCst) => Err(Error::interrupted()),
            Ok(()) => Ok(()),
            Err(error) => Err(Error::from(error).help("pass `--verbose` to see all of its output")),
        }
    }

    fn stage(&self) -> Option<&str> {
        Some(BUILD)
    }

    fn listener(&self) -> &dyn Listener {
        &self.context.ui
    }
}

/// Builds the distributions, puts them into the folder and checks them.
///
/// # Errors
/// The build fails, and the folder is as before; or the distributions have errors, and are there.
pub fn build(context: &Context, options: &BuildOptions<'_>) -> Result<()> {
    let location = locate_member(context)?;
    let config = location.config;
    let policy = policy(&config, CHECK, false)?.silencing(&UNRELEASED);
    let out = match options.out {
        Some(out) => context.folder.join(out),
        None => location.root.join(DIST),
    };
    // A folder that cannot be made is found before a build that may take long.
    let made = OutFolder::make(&out)?;
    let environment = environment_of(&config, &location.root, context.environment.clone());
    let checkout = Checkout::open(&location.root, environment)?;
    context.listen_for_interrupts()?;
    // An interrupt ends everything that the build has started.
    process::mark_children(&format!("{BUILD}-{}", std::process::id()));

    let temporary = tempfile::Builder::new().prefix("pyrelease-build-").tempdir()?;
    let (scratch, built) = (temporary.path().join("scratch"), temporary.path().join(DIST));
    let root = match options.working_tree {
        true => checkout.root(),
        false => {
            let tree = temporary.path().join("tree");
            let clone = PrivateClone::make(&checkout.repository, &checkout.head, &tree)?;
            let root = clone.top().join(&checkout.prefix);
            config.carry().iter().try_for_each(|path| carry(&checkout.root(), &root, path))?;
            root
        }
    };
    let request = BuildRequest { fresh_since: options.fresh.then(Timestamp::now), ..BuildRequest::default() };
    let epoch = match checkout.environment.get(EPOCH) {
        Some(epoch) => epoch.to_owned(),
        None => checkout.repository.commit_time(&checkout.head.commit)?,
    };
    let host = Host { context, log: temporary.path().join("build.log") };
    // A project whose metadata cannot be read can be built nevertheless.
    let backend = read_project(&config, &checkout, None).ok().map(|project| project.backend);
    let backend = backend.as_ref();
    let Built { distributions, .. } =
        build_project(&config, &checkout, backend, &request, (&root, &built, &scratch), Some(epoch), &host)?;
    let files = put(&distributions, &out)?;
    made.keep();
    context.ui.on_event(&Event::Built { files: &files });

    let paths: Vec<PathBuf> = files.into_iter().map(|file| file.path).collect();
    let tracked = tracked_at(&checkout.root(), &paths);
    let say = |message: &str| context.ui.on_event(&Event::Note { stage: Some(CHECK), message });
    let report = judge_files(&paths, None, tracked, &policy, &checkout.environment, &say)?;
    let findings = as_findings(&report);
    for finding in &findings {
        context.ui.on_event(&Event::Finding { stage: Some(CHECK), finding });
    }
    match findings.iter().filter(|finding| finding.severity == Severity::Error).count() {
        0 => Ok(()),
        1 => Err(Error::refused("the distributions have 1 error")),
        several => Err(Error::refused(format!("the distributions have {several} errors"))),
    }
}

/// A folder for the distributions. If the build fails, those that did not exist before are removed.
struct OutFolder {
    /// The innermost first
    made: Vec<PathBuf>,
}

impl OutFolder {
    fn make(out: &Path) -> Result<Self> {
        let missing = out.ancestors().take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists());
        let made = Self { made: missing.map(Path::to_owned).collect() };
        fs_err::create_dir_all(out)?;
        // Whether files can be written shows only by writing one.
        tempfile::Builder::new().prefix(".pyrelease-").tempfile_in(out)?;
        Ok(made)
    }

    fn keep(mut self) {
        self.made.clear();
    }
}

impl Drop for OutFolder {
    fn drop(&mut self) {
        for folder in &self.made {
            // Fails if something else is in it by now.
            let _ = fs_err::remove_dir(folder);
        }
    }
}

/// Moves the files into a folder, where they replace those of the same name. Until all of them are in it under other
/// names, it is as before.
fn put(distributions: &[Distribution], out: &Path) -> Result<Vec<Distribution>> {
    let beside = tempfile::Builder::new().prefix(".pyrelease-").tempdir_in(out)?;
    for file in distributions {
        fs_err::copy(&file.path, beside.path().join(&file.filename))?;
    }
    let mut moved = Vec::new();
    for file in distributions {
        let path = out.join(&file.filename);
        fs_err::rename(beside.path().join(&file.filename), &path)?;
        moved.push(Distribution { path: shown(&path), ..file.clone() });
    }
    Ok(moved)
}

/// The path as people write it: relative to the folder that they are in, if it is below.
fn shown(path: &Path) -> PathBuf {
    let here = std::env::current_dir().and_then(fs_err::canonicalize);
    let inside = here.ok().and_then(|here| {
        let path = fs_err::canonicalize(path).ok()?;
        path.strip_prefix(here).ok().map(Path::to_owned)
    });
    inside.unwrap_or_else(|| path.to_owned())
}
