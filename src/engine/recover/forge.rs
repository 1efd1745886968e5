//! Verifies and undoes the changes on forges.

use super::{Presence, RecoveryContext};
use crate::engine::event::Event;
use crate::engine::journal::Entry;
use crate::engine::model::{Effect, ForgeEffect, State};
use crate::error::{Error, Result};
use crate::world::forge::{Forge, ForgeChange, ForgePresence, Token};

impl RecoveryContext<'_> {
    /// Asks the forge whether a change is there.
    pub(super) fn probe_forge(&self, effect: &ForgeEffect) -> Presence {
        match self.on_forge(effect, |forge| Ok(forge.presence(&effect.change)?)) {
            Ok(ForgePresence::Present) => Presence::Present,
            Ok(ForgePresence::Absent) => Presence::Absent,
            Ok(ForgePresence::Unknown(why)) => Presence::Unknown(why),
            Err(error) => Presence::Unknown(error.chain()),
        }
    }

    /// Undoes a change on a forge, unless somebody else has changed it since.
    pub(super) fn undo_on_forge(&self, effect: &ForgeEffect) -> Result<(), String> {
        self.on_forge(effect, |forge| forge.undo(&effect.change)).map_err(|error| {
            let hints = error.hints().iter().map(|hint| format!(" ({hint})"));
            std::iter::once(error.chain()).chain(hints).collect()
        })
    }

    /// The refusal to undo a run whose draft is public, because somebody has published it on the forge's page, or may be,
    /// because the forge cannot be asked. Without the tag, a published release would be one of nothing.
    pub(super) fn refusal_of_drafts(&self, entries: &[Entry]) -> Option<Error> {
        let mut made = entries.iter().filter(|entry| matches!(entry.state, State::Done | State::InDoubt));
        made.find_map(|entry| {
            let Effect::Forge(effect) = &entry.effect else { return None };
            let (ForgeChange::Draft { tag, .. } | ForgeChange::TakeOver { tag, .. }) = &effect.change else {
                return None;
            };
            let refusal = match self.on_forge(effect, |forge| Ok(forge.published(tag)?)) {
                Ok(None) => return None,
                Ok(Some(release)) => Error::left(format!(
                    "somebody has published {effect}, so the release cannot be undone: {}",
                    release.url
                ))
                .help("finish the release: `pyrelease resume`"),
                Err(error) => {
                    let message = format!("somebody may have published {effect}: {}", error.chain());
                    let hints = error.hints().iter();
                    let refusal = hints.fold(Error::left(message), Error::help);
                    refusal.help("run the command again when the forge can be asked")
                }
            };
            Some(refusal.help("or keep everything as it is, and end the run: `pyrelease rollback --leave`"))
        })
    }

    fn on_forge<T>(&self, effect: &ForgeEffect, ask: impl FnOnce(&Forge<'_>) -> Result<T>) -> Result<T> {
        let address = &effect.forge;
        let Some(token) = Token::find(address, self.environment, self.repository.top()) else {
            let error = Error::failed(format!("there is no token for {}", address.host));
            return Err(error.help(Token::advice(address, self.environment)));
        };
        let tell = |message: &str| self.listener.on_event(&Event::Note { stage: None, message });
        ask(&Forge::new(address, &token, self.environment, &tell)?)
    }
}
