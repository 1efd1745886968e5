//! Queries the indexes and the remotes in parallel, with a short timeout.

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
use crate::world::http::{Http, Timeouts};

const PATIENCE: Timeouts = Timeouts {
    connect: Duration::from_secs(5),
    stall: Duration::from_secs(8),
    reply: Duration::from_secs(8),
};

const NOT_ASKED: &str = "it was not asked";

/// The answers of the indexes and the remotes, or why there are none
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
        let queries = names.into_iter().map(|(remote, names)| {
            (remote, Remote { name: remote.to_owned() }.ref_query(collector.repository, &names))
        });
        if !collector.online {
            let destinations = summary.destinations.iter().cloned();
            return Self {
                indexes: destinations.map(|destination| (destination, Err(NOT_ASKED.to_owned()))).collect(),
                remotes: BTreeMap::new(),
            };
        }
        std::thread::scope(|scope| {
            let remotes: Vec<_> = queries
                .map(|(remote, query)| {
                    let query = query.map_err(|error| error.chain());
                    let ask = move || query?.ask(PATIENCE.stall).map_err(|error| Error::from(error).chain());
                    (remote.to_owned(), scope.spawn(ask))
                })
                .collect();
            let indexes: Vec<_> = summary
                .destinations
                .iter()
                .map(|destination| {
                    (destination.clone(), scope.spawn(move || listing(environment, destination, project)))
                })
                .collect();
            Self {
                remotes: remotes.into_iter().map(|(name, query)| (name, answer(query))).collect(),
                indexes: indexes.into_iter().map(|(index, query)| (index, answer(query))).collect(),
            }
        })
    }

    pub(super) fn indexes(&self) -> &[(Destination, Result<Option<Listing>, String>)] {
        &self.indexes
    }

    /// Whether a public index lists a file of this version.
    pub(super) fn has_public(&self, version: &str) -> bool {
        let is_public = |destination: &Destination| destination.reach == Reach::Public && destination.exact;
        let public = self.indexes.iter().filter(|(destination, _)| is_public(destination));
        let mut listings = public.filter_map(|(_, listing)| listing.as_ref().ok()?.as_ref());
        listings.any(|listing| {
            listing.files.iter().any(|file| {
                file.filename.parse::<Filename>().is_ok_and(|name| name.version().to_string() == version)
            })
        })
    }

    /// The object that a remote has under a ref's name, if any.
    pub(super) fn remote(&self, remote: &str, name: &str) -> Result<Option<String>, String> {
        match self.remotes.get(remote) {
            Some(Ok(refs)) => Ok(refs.get(name).cloned()),
            Some(Err(reason)) => Err(reason.clone()),
            None => Err(NOT_ASKED.to_owned()),
        }
    }
}

/// The answer to a query. A panic of the thread has been printed already.
fn answer<T>(query: ScopedJoinHandle<'_, Result<T, String>>) -> Result<T, String> {
    query.join().unwrap_or_else(|_| Err("the query failed".to_owned()))
}

/// The files of a project that an index lists, with a short timeout.
///
/// # Errors
/// The reason why the index could not be read.
pub fn listing(
    environment: &Environment,
    destination: &Destination,
    project: &str,
) -> Result<Option<Listing>, String> {
    let client = || -> Result<IndexClient> {
        let simple = destination.simple.as_deref();
        let address = IndexAddress::new(&destination.index, &destination.url, simple, None)?;
        let credentials = find_to_read(environment, &address, project)?;
        Ok(IndexClient::new(Http::for_index(environment, &address.name, PATIENCE)?, address, credentials))
    };
    let client = client().map_err(|error| error.chain())?;
    client.listing(project).map_err(|error| {
        // The innermost cause is the one that a user can act on; the first error has the URL.
        let causes = std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
        match causes.last() {
            Some(innermost) => format!("{error}: {innermost}"),
            None => error.to_string(),
        }
    })
}
