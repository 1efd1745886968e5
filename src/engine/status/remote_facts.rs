//! Asks the indexes and the remotes what they have: all at once, and for some seconds only.

use std::collections::BTreeMap;
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use super::{JournalSummary, StatusCollector};
use crate::engine::journal::Header;
use crate::engine::model::{Destination, Effect, Reach};
use crate::error::{Error, Result};
use crate::index::{IndexAddress, IndexClient, Listing, find_to_read};
use crate::python::filename::Filename;
use crate::world::Environment;
use crate::world::git::Remote;
use crate::world::http::{Http, Patience};

const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(5),
    stall: Duration::from_secs(8),
    reply: Duration::from_secs(8),
};

const NOT_ASKED: &str = "it was not asked";

/// What the world answered, or why it did not
pub(super) struct RemoteFacts {
    indexes: Vec<(Destination, Result<Option<Listing>, String>)>,
    remotes: BTreeMap<String, Result<BTreeMap<String, String>, String>>,
}

impl RemoteFacts {
    pub(super) fn ask(collector: &StatusCollector<'_>, summary: &JournalSummary, header: &Header) -> Self {
        let mut names: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for entry in &summary.entries {
            if let Effect::Push { remote, updates, .. } = &entry.effect {
                names.entry(remote).or_default().extend(updates.iter().map(|update| update.name.as_str()));
            }
        }
        let (environment, project) = (collector.environment, header.name.as_str());
        let questions = names.into_iter().map(|(remote, names)| {
            (remote, Remote { name: remote.to_owned() }.ref_query(collector.repository, &names))
        });
        if !collector.online {
            let places = summary.destinations.iter().cloned();
            return Self {
                indexes: places.map(|place| (place, Err(NOT_ASKED.to_owned()))).collect(),
                remotes: BTreeMap::new(),
            };
        }
        std::thread::scope(|scope| {
            let remotes: Vec<_> = questions
                .map(|(remote, question)| {
                    let question = question.map_err(|error| error.chain());
                    let ask =
                        move || question?.ask(PATIENCE.stall).map_err(|error| Error::from(error).chain());
                    (remote.to_owned(), scope.spawn(ask))
                })
                .collect();
            let indexes: Vec<_> = summary
                .destinations
                .iter()
                .map(|place| (place.clone(), scope.spawn(move || listing(environment, place, project))))
                .collect();
            Self {
                remotes: remotes.into_iter().map(|(name, asked)| (name, answer(asked))).collect(),
                indexes: indexes.into_iter().map(|(place, asked)| (place, answer(asked))).collect(),
            }
        })
    }

    pub(super) fn indexes(&self) -> &[(Destination, Result<Option<Listing>, String>)] {
        &self.indexes
    }

    /// Whether a public index lists a file of this version.
    pub(super) fn has_public(&self, version: &str) -> bool {
        let public = self.indexes.iter().filter(|(place, _)| place.reach == Reach::Public && place.exact);
        let mut listings = public.filter_map(|(_, listing)| listing.as_ref().ok()?.as_ref());
        listings.any(|listing| {
            listing.files.iter().any(|file| {
                file.filename.parse::<Filename>().is_ok_and(|name| name.version().to_string() == version)
            })
        })
    }

    /// What a remote has under a name, if anything.
    pub(super) fn remote(&self, remote: &str, name: &str) -> Result<Option<String>, String> {
        match self.remotes.get(remote) {
            Some(Ok(refs)) => Ok(refs.get(name).cloned()),
            Some(Err(reason)) => Err(reason.clone()),
            None => Err(NOT_ASKED.to_owned()),
        }
    }
}

/// What was answered; a panic in there has been reported by then.
fn answer<T>(asked: ScopedJoinHandle<'_, Result<T, String>>) -> Result<T, String> {
    asked.join().unwrap_or_else(|_| Err("asking it failed".to_owned()))
}

/// What an index lists of a project, asked for some seconds.
///
/// # Errors
/// Why it is not known.
pub fn listing(
    environment: &Environment,
    place: &Destination,
    project: &str,
) -> Result<Option<Listing>, String> {
    let client = || -> Result<IndexClient> {
        let address = IndexAddress::new(&place.index, &place.url, place.simple.as_deref(), None)?;
        let credentials = find_to_read(environment, &address, project)?;
        Ok(IndexClient::new(Http::for_index(environment, &address.name, PATIENCE)?, address, credentials))
    };
    let client = client().map_err(|error| error.chain())?;
    client.listing(project).map_err(|error| {
        // The innermost cause is what a user can do something about; the address is in the first.
        let causes = std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
        match causes.last() {
            Some(innermost) => format!("{error}: {innermost}"),
            None => error.to_string(),
        }
    })
}
