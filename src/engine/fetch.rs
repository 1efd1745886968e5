//! Downloads distributions that are missing from a run's folder from any index that has them, by their sha256.

use super::event::Event;
use super::execute::Execution;
use super::resume_state::completed_stages;
use super::stage::Stage;
use crate::engine::journal::{entries, point_of_no_return};
use crate::engine::model::{Destination, Effect, Reach};
use crate::error::{Error, Result};
use crate::index::{IndexAddress, IndexClient};
use crate::python::distribution::Distribution;
use crate::world::{Environment, verify};

impl Execution<'_> {
    /// Downloads every distribution that the remaining stages may need and that is missing or changed.
    ///
    /// # Errors
    /// No index has one of them: the release cannot be completed with the bytes that were checked.
    pub fn fetch_missing(&self) -> Result<()> {
        let names: Vec<&str> = self.pipeline.stages().map(Stage::name).collect();
        let (done, outputs) = completed_stages(self.journal.records(), &names);
        // A stage that waits for a workflow compares what there is.
        let needs_none = |stage: &dyn Stage| {
            let is_by_workflow = stage.destination().is_some_and(|place| place.by_workflow);
            stage.reach() == Reach::FollowUp || is_by_workflow
        };
        if self.pipeline.stages().skip(done).all(needs_none) {
            return Ok(());
        }
        let missing = outputs.files().filter(|file| verify(file).is_err());
        let lost: Vec<&Distribution> = missing.filter(|file| !self.fetch(file)).collect();
        if lost.is_empty() { Ok(()) } else { Err(self.lost_distributions(&lost)) }
    }

    /// Looks for the file on the pipeline's indexes; returns whether it was downloaded.
    fn fetch(&self, wanted: &Distribution) -> bool {
        let checkout = &self.release.checkout;
        let project = &self.release.target.project.name;
        for place in self.pipeline.stages().filter_map(Stage::destination).filter(|place| place.exact) {
            match fetch(&checkout.environment, &place, project, wanted) {
                Ok(false) => {}
                Ok(true) => {
                    let message = format!(
                        "{} was missing, and was downloaded again from {}",
                        wanted.filename, place.index
                    );
                    self.listener.on_event(&Event::Note { stage: None, message: &message });
                    return true;
                }
                Err(error) => {
                    let message = format!("failed to download {} from `{}`", wanted.filename, place.index);
                    let help = error.chain();
                    self.listener.on_event(&Event::Warning {
                        stage: None,
                        message: &message,
                        help: Some(&help),
                    });
                }
            }
        }
        false
    }

    fn lost_distributions(&self, files: &[&Distribution]) -> Error {
        let names: Vec<String> = files.iter().map(|file| format!("`{}`", file.filename)).collect();
        let error = Error::left(format!(
            "{} is missing from the run's folder or has changed, and no index has it",
            names.join(", ")
        ));
        let effects = entries(self.journal.records());
        if point_of_no_return(&effects).is_none() {
            return error.help(
                "nothing is public: `pyrelease rollback` undoes the run, then the release can be run again",
            );
        }
        let public = effects.iter().filter_map(|entry| match &entry.effect {
            Effect::Upload { reach: Reach::Public, .. } => {
                Some(format!("{} ({})", entry.effect, entry.state))
            }
            _ => None,
        });
        error
            .help(format!("public uploads: {}", public.collect::<Vec<_>>().join(", ")))
            .help(
                "if you have the file, copy it into the run's `dist` folder and run `pyrelease resume`; otherwise \
                 `pyrelease rollback --leave` gives up the run as it is, and `pyrelease resume` then rebuilds it from \
                 the tag and the indexes, building only what is not public",
            )
    }
}

/// Downloads a distribution from an index to its path in the run's folder, if the index lists it with its sha256.
fn fetch(
    environment: &Environment,
    place: &Destination,
    project: &str,
    wanted: &Distribution,
) -> Result<bool> {
    let address = IndexAddress::new(&place.index, &place.url, place.simple.as_deref(), None)?;
    let client = IndexClient::connect_to_read(environment, address, project)?;
    let listing = client.listing(project).map_err(|error| Error::failed(error.to_string()))?;
    let listed = listing.into_iter().flat_map(|listing| listing.files).find(|file| {
        let same = file.sha256.as_deref().is_none_or(|sha256| sha256.eq_ignore_ascii_case(&wanted.sha256));
        file.filename == wanted.filename && same
    });
    let Some(listed) = listed else { return Ok(false) };
    if let Some(folder) = wanted.path.parent() {
        fs_err::create_dir_all(folder)?;
    }
    client
        .download(&listed, &wanted.path, &wanted.sha256)
        .map_err(|error| Error::failed(error.to_string()))?;
    Ok(true)
}
