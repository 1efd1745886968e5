//! Brings back distributions that are gone from a run's folder, from whatever index has them: by their sha256.

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
    /// Fetches every distribution that the stages to come may need and that is no longer as it was built.
    ///
    /// # Errors
    /// One of them is nowhere: the release cannot be finished with the bytes that were checked.
    pub fn fetch_missing(&self) -> Result<()> {
        let names: Vec<&str> = self.pipeline.stages().map(Stage::name).collect();
        let (done, outputs) = completed_stages(self.journal.records(), &names);
        if self.pipeline.stages().skip(done).all(|stage| stage.reach() == Reach::FollowUp) {
            return Ok(());
        }
        let missing = outputs.distributions.iter().filter(|file| verify(file).is_err());
        let nowhere: Vec<&Distribution> = missing.filter(|file| !self.fetch(file)).collect();
        if nowhere.is_empty() { Ok(()) } else { Err(self.nowhere(&nowhere)) }
    }

    /// Looks for the file on the indexes of the pipeline; gives whether it is here again.
    fn fetch(&self, wanted: &Distribution) -> bool {
        let workspace = &self.release.workspace;
        let project = &self.release.target.project.name;
        for place in self.pipeline.stages().filter_map(Stage::destination).filter(|place| place.exact) {
            match fetch(&workspace.environment, &place, project, wanted) {
                Ok(false) => {}
                Ok(true) => {
                    let message = format!("{} was gone, and is back from {}", wanted.filename, place.index);
                    self.listener.on_event(&Event::Note { stage: None, message: &message });
                    return true;
                }
                Err(error) => {
                    let message = format!("`{}` could not give {}", place.index, wanted.filename);
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

    fn nowhere(&self, files: &[&Distribution]) -> Error {
        let names: Vec<String> = files.iter().map(|file| format!("`{}`", file.filename)).collect();
        let error = Error::left(format!(
            "{} is gone from the run's folder or changed, and no index gives it back",
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
            .help(format!("what has gone public: {}", public.collect::<Vec<_>>().join(", ")))
            .help(
                "if you have the file, put it back into the run's `dist` folder and resume; else \
                 `pyrelease rollback --leave` gives the run up as it is, and `pyrelease resume` then rebuilds it from the \
                 tag and the indexes, building only what is not public",
            )
    }
}

/// Fetches a distribution from an index into the place where it belongs, if the index lists it with its sha256.
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
