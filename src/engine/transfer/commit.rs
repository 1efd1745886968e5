//! Compares the release commit of an imported run with what its stages write.

use std::collections::BTreeSet;

use super::{BUNDLE, ImportedRun};
use crate::engine::checkout::Checkout;
use crate::engine::model::{Action, Plan, PlannedStage, Product, Reach};
use crate::engine::pipeline::Pipeline;
use crate::engine::release::Release;
use crate::engine::repository_checks::shown;
use crate::error::{Error, Result};
use crate::world::git::{Landing, Repository};

/// The folder in which the commit is looked at
const LOOK: &str = "look";

impl ImportedRun {
    /// The files that the release commit changes, relative to the top of the repository.
    ///
    /// # Errors
    /// The file of the run does not have the commit, or the commit does not follow the one that the run began at.
    pub fn changes(&self, repository: &Repository) -> Result<Vec<String>> {
        let (began, outputs) = (&self.header, &self.outputs);
        let landing = Landing {
            branch: began.branch.clone(),
            old: began.head.clone(),
            new: outputs.commit.clone().unwrap_or_else(|| began.head.clone()),
            tags: Vec::new(),
            head: None,
        };
        let bundle = self.folder.join(BUNDLE);
        let folder = self.folder.join(LOOK);
        let changes = landing.changes(repository, bundle.is_file().then_some(bundle.as_path()), &folder);
        if folder.is_dir() {
            fs_err::remove_dir_all(folder)?;
        }
        changes
    }
}

/// The files of the repository that the actions write.
fn files<'a>(actions: &'a [Action], checkout: &'a Checkout) -> impl Iterator<Item = String> + 'a {
    actions.iter().filter_map(|action| match action {
        Action::Write { path } => checkout.file_of(path),
        _ => None,
    })
}

/// Refuses a release commit that changes other files than the stages write, by the plan that they make for the commit at
/// which the run began. `is_reading` tells whether a command writes nothing; any other may write every file, and then
/// nothing is refused.
///
/// # Errors
/// The commit changes other files, which the error names.
pub fn expect_planned(
    changes: &[String],
    (pipeline, plan): (&Pipeline, &Plan),
    release: &Release,
    is_reading: impl Fn(&[String]) -> bool,
) -> Result<()> {
    let commits = |planned: &&PlannedStage| {
        let mut stages = pipeline.stages().filter(|stage| stage.name() == planned.name);
        stages.any(|stage| stage.flow().gives.contains(&Product::Commit))
    };
    let private: Vec<&PlannedStage> =
        plan.stages.iter().filter(|planned| planned.reach == Reach::Private).collect();
    let last = private.iter().rposition(commits).map_or(private.len(), |last| last + 1);
    let may_write_all = |action: &Action| match action {
        Action::Command { command } => !is_reading(command),
        Action::Plugin { .. } => true,
        _ => false,
    };
    if private[..last].iter().flat_map(|planned| planned.all_actions()).any(may_write_all) {
        return Ok(());
    }
    let mut written = BTreeSet::new();
    for planned in &plan.stages {
        written.extend(files(&planned.actions, &release.checkout));
        for member in &planned.members {
            let own = release.members.iter().filter(|own| own.names().name == member.name);
            own.for_each(|own| written.extend(files(&member.actions, &own.checkout)));
        }
    }
    let others: Vec<String> = changes
        .iter()
        .filter(|path| !written.contains(*path))
        .map(|path| path.escape_debug().to_string())
        .collect();
    if others.is_empty() {
        return Ok(());
    }
    let message =
        format!("the release commit changes {}, which no stage of the release writes", shown(&others));
    Err(Error::refused(message)
        .help("the file is not what `pyrelease prepare` wrote for this commit: prepare the release again"))
}
