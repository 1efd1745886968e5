//! Compares what the journal of an imported run says that its stages have done with the plan, the indexes and the remote:
//! a stage that is done is not done again.

use super::ImportedRun;
use crate::engine::journal::{Entry, entries};
use crate::engine::model::{Action, Destination, Effect, Plan, PlannedStage, Product, Reach, State};
use crate::engine::pipeline::Pipeline;
use crate::engine::release::Release;
use crate::engine::resume_state::{completed_stages, is_rebuilt};
use crate::engine::stage::Stage;
use crate::error::{Error, ErrorKind, Result};
use crate::index::{FilePresence, IndexAddress, IndexClient};
use crate::python::distribution::Distribution;
use crate::world::git::Remote;

/// The help for what only somebody else can have written
const FORGED: &str =
    "the file is not what pyrelease wrote for this release: get it from where the release began";

/// Refuses a journal whose completed stages did not do what the plan says, as far as the file, the indexes and the remote
/// show it: a tag of another name, an upload that its index does not list, a push that the remote does not have.
///
/// # Errors
/// The error names the stage and what is missing; or an index or the remote cannot be asked.
pub fn expect_planned_outputs(
    imported: &ImportedRun,
    (pipeline, plan): (&Pipeline, &Plan),
    release: &Release,
) -> Result<()> {
    let names: Vec<&str> = pipeline.stages().map(Stage::name).collect();
    let listed: Vec<&str> = imported.header.stages.iter().map(|(name, _)| name.as_str()).collect();
    if names != listed {
        let message = format!(
            "the journal in the file has the stages {}, and the configuration has {}",
            listed.join(", ").escape_debug(),
            names.join(", ")
        );
        return Err(Error::refused(message).help(FORGED));
    }
    let done = Completed::of(imported, pipeline, plan);
    done.expect_private()?;
    done.expect_products(release)?;
    let entries = entries(&imported.records);
    for (stage, planned) in done.stages() {
        for action in planned.into_iter().flat_map(PlannedStage::all_actions) {
            if let Action::Push { remote, .. } = action {
                done.expect_pushed(stage.name(), &Remote { name: remote.clone() }, release)?;
            }
        }
    }
    let destinations: Vec<(&str, Destination)> =
        done.stages().filter_map(|(stage, _)| Some((stage.name(), stage.destination()?))).collect();
    let uploads = done.uploads(&destinations, &entries, release)?;
    uploads.iter().try_for_each(|uploads| uploads.expect_listed(release))
}

/// The completed stages of which only the file says that they did their work, in their order.
pub fn unproven_stages<'p>(
    imported: &'p ImportedRun,
    pipeline: &'p Pipeline,
    plan: &'p Plan,
) -> Vec<&'p str> {
    let done = Completed::of(imported, pipeline, plan);
    let is_unproven = |action: &Action| match action {
        Action::Command { .. } | Action::Plugin { .. } | Action::Forge { .. } | Action::Await { .. } => true,
        Action::Upload { simple, .. } => simple.is_none(),
        _ => false,
    };
    let unproven = done.stages().filter(|(stage, planned)| {
        // What gives something to later stages shows it.
        stage.flow().gives.is_empty()
            && planned.iter().flat_map(|planned| planned.all_actions()).any(is_unproven)
    });
    unproven.map(|(stage, _)| stage.name()).collect()
}

/// The stages that an imported run has completed
struct Completed<'a> {
    imported: &'a ImportedRun,
    pipeline: &'a Pipeline,
    plan: &'a Plan,
    number: usize,
}

impl<'a> Completed<'a> {
    fn of(imported: &'a ImportedRun, pipeline: &'a Pipeline, plan: &'a Plan) -> Self {
        let names: Vec<&str> = pipeline.stages().map(Stage::name).collect();
        let (number, _) = completed_stages(&imported.records, &names);
        Self { imported, pipeline, plan, number }
    }

    /// Each with what is planned for it.
    fn stages<'s>(&'s self) -> impl Iterator<Item = (&'a dyn Stage, Option<&'a PlannedStage>)> + 's {
        let planned = |name: &str| self.plan.stages.iter().find(|planned| planned.name == name);
        self.pipeline.stages().take(self.number).map(move |stage| (stage, planned(stage.name())))
    }

    /// Refuses a run with private work left: nothing exports one, and the file would say what to build with.
    fn expect_private(&self) -> Result<()> {
        let open = self.pipeline.stages().nth(self.number).filter(|stage| stage.reach() == Reach::Private);
        open.map_or(Ok(()), |open| {
            let message = format!("the journal in the file ends before `{}` is done", open.name());
            Err(Error::refused(message).help(FORGED))
        })
    }

    /// Refuses tags of other names than the release's, and a stage that is done without having given its product.
    fn expect_products(&self, release: &Release) -> Result<()> {
        let outputs = &self.imported.outputs;
        let tags = outputs.tags();
        let own: Vec<&str> = release.tag_names().collect();
        if let Some(other) = tags.iter().find(|tag| !own.contains(&tag.name.as_str())) {
            let message = format!(
                "the journal in the file has the tag `{}`, and the release's is `{}`",
                other.name.escape_debug(),
                own.join(", ")
            );
            return Err(Error::refused(message).help(FORGED));
        }
        for (stage, _) in self.stages() {
            let missing = stage.flow().gives.into_iter().find(|product| match product {
                Product::Tag => tags.is_empty(),
                Product::Distributions => outputs.files().next().is_none(),
                _ => false,
            });
            if let Some(product) = missing {
                return Err(unfounded(stage.name(), &format!("it has not given {product}")));
            }
        }
        Ok(())
    }

    /// What the indexes must list: what the journal says was uploaded, and the distributions if they were published.
    fn uploads<'u>(
        &'u self,
        destinations: &'u [(&'u str, Destination)],
        entries: &'u [Entry],
        release: &Release,
    ) -> Result<Vec<Uploads<'u>>> {
        let ImportedRun { header, outputs, records, .. } = self.imported;
        let mut all: Vec<Uploads<'u>> = Vec::new();
        for entry in entries.iter().filter(|entry| entry.state == State::Done) {
            if let Effect::Upload { index, url, simple: Some(simple), project, distribution, .. } =
                &entry.effect
            {
                let files = vec![distribution];
                all.push(Uploads { stage: &entry.stage, index, url, simple, project, files });
            }
        }
        let uploaded = release.uploaded_projects();
        for (stage, Destination { index, url, simple, reach, by_workflow, .. }) in destinations {
            let is_recorded = entries.iter().any(|entry| entry.stage == *stage);
            if *reach < Reach::Public && !is_recorded && !is_rebuilt(records) {
                return Err(unfounded(stage, "it has sent nothing"));
            }
            let Some(simple) = simple.as_ref().filter(|_| *reach >= Reach::Public && !by_workflow) else {
                continue;
            };
            for (project, _) in header.releases().into_iter().filter(|(name, _)| uploaded.contains(name)) {
                let own =
                    if header.members.is_empty() { Some(outputs) } else { outputs.members.get(project) };
                let files: Vec<_> = own.into_iter().flat_map(|own| &own.distributions).collect();
                all.push(Uploads { stage, index, url, simple, project, files });
            }
        }
        Ok(all)
    }

    /// Refuses a push that is done and of whose tags the remote has not all. The branch says nothing: somebody may have
    /// pushed to it since.
    fn expect_pushed(&self, stage: &str, remote: &Remote, release: &Release) -> Result<()> {
        let repository = &release.checkout.repository;
        let tags = self.imported.outputs.tags();
        let names: Vec<String> = tags.iter().map(|tag| format!("refs/tags/{}", tag.name)).collect();
        let asked: Vec<&str> = names.iter().map(String::as_str).collect();
        let there = remote.refs(repository, &asked).map_err(|error| error.with_kind(ErrorKind::Refused))?;
        let missing = tags.iter().zip(&asked).find(|(tag, name)| there.get(**name) != Some(&tag.object));
        match missing {
            None => Ok(()),
            Some((tag, _)) => {
                Err(unfounded(stage, &format!("`{}` does not have its tag `{}`", remote.name, tag.name)))
            }
        }
    }
}

/// Files that an index must list
struct Uploads<'a> {
    stage: &'a str,
    index: &'a str,
    url: &'a str,
    simple: &'a str,
    project: &'a str,
    files: Vec<&'a Distribution>,
}

impl Uploads<'_> {
    /// Refuses an upload that the index does not list with these bytes.
    fn expect_listed(&self, release: &Release) -> Result<()> {
        let Self { stage, index, project, .. } = self;
        let unknown = |error: Error| {
            let message = format!(
                "it is not known whether the files of `{stage}` are on `{index}`, as the journal in the file says"
            );
            Error::refused(message).because(error.chain()).help("try again once the index can be asked")
        };
        let address = IndexAddress::new(index, self.url, Some(self.simple), None)?;
        let client = IndexClient::connect_to_read(&release.checkout.environment, address, project)?;
        let listing = client.listing(project).map_err(|error| unknown(error.of_index(index)))?;
        for file in &self.files {
            let name = &file.filename;
            let presence = client.presence_in(listing.as_ref(), file);
            match presence.map_err(|error| unknown(error.of_index(index)))? {
                FilePresence::Identical => {}
                FilePresence::Absent => {
                    return Err(unfounded(stage, &format!("`{index}` does not list {name}"))
                        .help("an index may take some minutes to list a new file: try again then"));
                }
                FilePresence::Different { sha256 } => {
                    return Err(unfounded(stage, &format!("`{index}` has another {name} (sha256 {sha256})")));
                }
            }
        }
        Ok(())
    }
}

fn unfounded(stage: &str, why: &str) -> Error {
    Error::refused(format!("the journal in the file says that `{}` is done, but {why}", stage.escape_debug()))
        .help(FORGED)
}
