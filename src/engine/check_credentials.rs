//! Checks the credentials of a resumed run: they may have expired since it began, or somebody else resumes it with their
//! own.

use super::event::Event;
use super::execute::Execution;
use super::resume_state::{completed_stages, is_rebuilt};
use super::stage::Stage;
use crate::engine::journal::{Entry, entries};
use crate::engine::model::{Destination, Effect, Outputs, Reach, State};
use crate::error::{Error, Result};
use crate::finding::{Leave, Severity};

impl Execution<'_> {
    /// Checks the credentials of every stage that still has something to send; `force` lets overridable errors pass.
    ///
    /// # Errors
    /// An index would refuse the credentials. Nothing has been sent, and the run is unchanged.
    pub fn check_credentials(&self, force: bool) -> Result<()> {
        let records = self.journal.records();
        let names: Vec<&str> = self.pipeline.stages().map(Stage::name).collect();
        let (done, outputs) = completed_stages(records, &names);
        let effects = entries(records);
        // A reconstructed run skips its rehearsals.
        let is_due = |stage: &&dyn Stage| !(is_rebuilt(records) && stage.reach() == Reach::Rehearsal);
        let mut refused = false;
        for stage in self.pipeline.stages().skip(done).filter(is_due) {
            if stage.destination().is_some_and(|destination| has_all(&destination, &outputs, &effects)) {
                continue;
            }
            for finding in stage.check_credentials(&self.release).unwrap_or_else(|error| vec![error.into()]) {
                let finding = finding.under(Leave { force, ..Leave::default() });
                refused |= finding.severity == Severity::Error;
                self.listener.on_event(&Event::Finding { stage: Some(stage.name()), finding: &finding });
            }
        }
        match refused {
            true => {
                Err(Error::left("the release cannot continue with these credentials; nothing has been sent")
                    .help("the run is unchanged: provide other credentials, then run `pyrelease resume`"))
            }
            false => Ok(()),
        }
    }
}

/// Whether the journal records every distribution as uploaded to the destination.
fn has_all(destination: &Destination, outputs: &Outputs, effects: &[Entry]) -> bool {
    let is_uploaded = |filename: &String| {
        effects.iter().filter(|entry| entry.state == State::Done).any(|entry| match &entry.effect {
            Effect::Upload { index, distribution, .. } => {
                *index == destination.index && distribution.filename == *filename
            }
            _ => false,
        })
    };
    let mut filenames = outputs.files().map(|distribution| &distribution.filename);
    destination.exact && outputs.files().next().is_some() && filenames.all(is_uploaded)
}
