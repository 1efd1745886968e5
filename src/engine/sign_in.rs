//! Whether a run that goes on can sign in where it has to: what was good when it began may have expired since, or somebody
//! else finishes it with a token of theirs.

use super::event::Event;
use super::execute::Execution;
use super::resume_state::{completed_stages, is_rebuilt};
use super::stage::Stage;
use crate::engine::journal::{Entry, entries};
use crate::engine::model::{Destination, Effect, Leave, Outputs, Reach, Severity, State};
use crate::error::{Error, Result};

impl Execution<'_> {
    /// Has every stage that has something left to send read what it would sign in with; `force` lets advice pass.
    ///
    /// # Errors
    /// One would be refused. Nothing has been sent, and the run is as it was.
    pub fn sign_in(&self, force: bool) -> Result<()> {
        let records = self.journal.records();
        let names: Vec<&str> = self.pipeline.stages().map(Stage::name).collect();
        let (done, outputs) = completed_stages(records, &names);
        let effects = entries(records);
        // What stands in for a run rehearses nothing.
        let is_due = |stage: &&dyn Stage| !(is_rebuilt(records) && stage.reach() == Reach::Rehearsal);
        let mut refused = false;
        for stage in self.pipeline.stages().skip(done).filter(is_due) {
            if stage.destination().is_some_and(|place| has_all(&place, &outputs, &effects)) {
                continue;
            }
            for finding in stage.sign_in(&self.release).unwrap_or_else(|error| vec![error.into()]) {
                let finding = finding.under(Leave { force, ..Leave::default() });
                refused |= finding.severity == Severity::Error;
                self.listener.on_event(&Event::Finding { stage: Some(stage.name()), finding: &finding });
            }
        }
        match refused {
            true => {
                Err(Error::left("the release cannot go on with these credentials; nothing has been sent")
                    .help("the run is as it was: give it others, then `pyrelease resume`"))
            }
            false => Ok(()),
        }
    }
}

/// Whether the journal knows of every distribution that it is there.
fn has_all(place: &Destination, outputs: &Outputs, effects: &[Entry]) -> bool {
    let is_there = |filename: &String| {
        effects.iter().filter(|entry| entry.state == State::Done).any(|entry| match &entry.effect {
            Effect::Upload { index, distribution, .. } => {
                *index == place.index && distribution.filename == *filename
            }
            _ => false,
        })
    };
    let mut filenames = outputs.distributions.iter().map(|distribution| &distribution.filename);
    place.exact && !outputs.distributions.is_empty() && filenames.all(is_there)
}
