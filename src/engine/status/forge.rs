//! Asks the forges whether they have what a run made there.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::StatusCollector;
use crate::engine::journal::Entry;
use crate::engine::model::{Effect, ForgeEffect, State};
use crate::world::Environment;
use crate::world::forge::{Forge, ForgePresence, Token};

/// What was asked, and where the answers come
pub(super) struct Asked {
    effects: Vec<u64>,
    answers: Receiver<(u64, Result<bool, String>)>,
}

/// Asks about all effects on forges that happened or may have, in a thread of its own: a forge may have its clients wait.
pub(super) fn ask(collector: &StatusCollector<'_>, entries: &[Entry]) -> Asked {
    let (sender, answers) = channel();
    let made =
        entries.iter().filter(|entry| matches!(entry.state, State::Done | State::InDoubt | State::Kept));
    let made = made.filter_map(|entry| match &entry.effect {
        Effect::Forge(effect) => Some((entry, (**effect).clone())),
        _ => None,
    });
    let is_public =
        |(entry, effect): &(&Entry, ForgeEffect)| entry.state == State::Done && effect.change.is_public();
    // What is published is no draft any more.
    let is_out = made.clone().any(|made| is_public(&made));
    let asked = made.filter(|made| !is_out || is_public(made));
    let effects: Vec<(u64, ForgeEffect)> = asked.map(|(entry, effect)| (entry.id, effect)).collect();
    let ids = effects.iter().map(|(id, _)| *id).collect();
    let (environment, folder) = (collector.environment.clone(), collector.repository.top().to_owned());
    thread::spawn(move || {
        for (id, effect) in effects {
            // Nobody listens once the time is over.
            let _ = sender.send((id, is_there(&effect, &environment, &folder)));
        }
    });
    Asked { effects: ids, answers }
}

impl Asked {
    /// The answers that come within the time.
    pub(super) fn answers(self, time: Duration) -> BTreeMap<u64, Result<bool, String>> {
        let until = Instant::now() + time;
        let late = || Err("it did not answer in time".to_owned());
        let mut answers: BTreeMap<u64, _> = self.effects.into_iter().map(|id| (id, late())).collect();
        while let Ok((id, answer)) =
            self.answers.recv_timeout(until.saturating_duration_since(Instant::now()))
        {
            answers.insert(id, answer);
        }
        answers
    }
}

fn is_there(effect: &ForgeEffect, environment: &Environment, folder: &Path) -> Result<bool, String> {
    let address = &effect.forge;
    let token = Token::find(address, environment, folder)
        .ok_or_else(|| format!("there is no token for {}", address.host))?;
    let forge = Forge::new(address, &token, environment, &|_| {}).map_err(|error| error.chain())?;
    match forge.presence(&effect.change).map_err(|failure| failure.error.chain())? {
        ForgePresence::Present => Ok(true),
        ForgePresence::Absent => Ok(false),
        ForgePresence::Unknown(why) => Err(why),
    }
}
