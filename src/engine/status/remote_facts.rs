//! Queries the indexes and the remotes in parallel, with a short timeout.

use std::collections::BTreeMap;
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use super::{JournalSummary, StatusCollector, forge};
use crate::engine::journal::Header;
use crate::engine::model::{Destination, Effect, Reach};
use crate::error::{Error, Result};
use crate::index::{IndexAddress, IndexClient, Listing, find_to_read};
use crate::python::filename::{Filename, normalize};
use crate::world::Environment;
use crate::world::git::Remote;
use crate::world::http::{Http, Timeouts};

const PATIENCE: Timeouts = Timeouts {
    connect: Duration::from_secs(5),
    stall: Duration::from_secs(8),
    reply: Duration::from_secs(8),
};

const NOT_ASKED: &str = "it was not asked";
const FAILED: &str = "the query failed";

/// The answers of the indexes, the remotes and the forges, or why there are none
pub(super) struct RemoteFacts {
    forges: BTreeMap<u64, Result<bool, String>>,
    indexes: Vec<(Destination, Listings)>,
    remotes: BTreeMap<String, Result<BTreeMap<String, String>, String>>,
}

/// What an index lists of the release's projects
pub(super) struct Listings(Vec<ProjectListing>);

/// What an index lists of a project, or why that is not known
pub(super) struct ProjectListing {
    project: String,
    version: String,
    listing: Result<Option<Listing>, String>,
}

impl Listings {
    fn ask(releases: &[(&str, &str)], ask: impl Fn(&str) -> Result<Option<Listing>, String>) -> Self {
        let listing = |(project, version): &(&str, &str)| ProjectListing {
            project: normalize(project),
            version: (*version).to_owned(),
            listing: ask(project),
        };
        Self(releases.iter().map(listing).collect())
    }

    /// The listing of the project that a file belongs to.
    pub(super) fn of(&self, filename: &str) -> &Result<Option<Listing>, String> {
        let project = filename.parse::<Filename>().map(|name| normalize(name.name())).unwrap_or_default();
        let found = self.0.iter().find(|listing| listing.project == project);
        &found.unwrap_or(&self.0[0]).listing
    }

    /// Each listing, with the version that is released.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Listing)> {
        self.0.iter().filter_map(|known| Some((&*known.version, known.listing.as_ref().ok()?.as_ref()?)))
    }
}

impl RemoteFacts {
    pub(super) fn ask(collector: &StatusCollector<'_>, summary: &JournalSummary, header: &Header) -> Self {
        let mut names: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for entry in &summary.entries {
            if let Effect::Push { remote, updates, .. } = &entry.effect {
                names.entry(remote).or_default().extend(updates.iter().map(|update| update.name.as_str()));
            }
        }
        let (environment, releases) = (collector.environment, &header.releases());
        let queries = names.into_iter().map(|(remote, names)| {
            (remote, Remote { name: remote.to_owned() }.ref_query(collector.repository, &names))
        });
        if !collector.online {
            let destinations = summary.destinations.iter().cloned();
            return Self {
                forges: BTreeMap::new(),
                indexes: destinations
                    .map(|destination| (destination, Listings::ask(releases, |_| Err(NOT_ASKED.to_owned()))))
                    .collect(),
                remotes: BTreeMap::new(),
            };
        }
        let forges = forge::ask(collector, &summary.entries);
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
                    let ask = move |project: &str| listing(environment, destination, project);
                    (destination.clone(), scope.spawn(move || Listings::ask(releases, ask)))
                })
                .collect();
            Self {
                forges: forges.answers(PATIENCE.reply),
                remotes: remotes.into_iter().map(|(name, query)| (name, answer(query))).collect(),
                indexes: indexes
                    .into_iter()
                    .map(|(index, query)| {
                        let failed = |_| Listings::ask(releases, |_| Err(FAILED.to_owned()));
                        (index, query.join().unwrap_or_else(failed))
                    })
                    .collect(),
            }
        })
    }

    pub(super) fn indexes(&self) -> &[(Destination, Listings)] {
        &self.indexes
    }

    /// Whether the forge has what this effect made; none for other effects, and where nothing was asked.
    pub(super) fn on_forge(&self, effect: u64) -> Option<&Result<bool, String>> {
        self.forges.get(&effect)
    }

    /// Whether a public index lists a file of the release.
    pub(super) fn has_public(&self) -> bool {
        let is_public = |destination: &Destination| destination.reach == Reach::Public && destination.exact;
        let public = self.indexes.iter().filter(|(destination, _)| is_public(destination));
        public.flat_map(|(_, listings)| listings.iter()).any(|(version, listing)| {
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
    query.join().unwrap_or_else(|_| Err(FAILED.to_owned()))
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
