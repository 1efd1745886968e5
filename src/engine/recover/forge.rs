//! Verifies and undoes the changes on forges.

use super::{Presence, RecoveryContext};
use crate::engine::event::Event;
use crate::engine::model::ForgeEffect;
use crate::error::{Error, Result};
use crate::world::forge::{Forge, ForgePresence, Token};

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
