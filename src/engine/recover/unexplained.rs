//! Compares a run's indexes and remotes with its journal, because a journal may have lost its end or be an old copy, and
//! the run may have been completed on another machine.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::RecoveryContext;
use crate::engine::journal::{Entry, Header, Journal, PUSH_ON_ITS_WAY, Record, entries, tail};
use crate::engine::model::{Destination, Effect, Reach, State};
use crate::error::{Error, Result};
use crate::index::{IndexAddress, IndexClient, SimpleFile};
use crate::python::filename::Filename;
use crate::world::git::Remote;

/// What exists of a run that its journal does not record
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Unexplained {
    /// Files on public indexes, for people
    pub public: Vec<String>,
    /// Tags, for people
    pub tags: Vec<String>,
    /// What could not be asked, and why; counts only if the journal may be incomplete
    pub unasked: Vec<String>,
}

impl Unexplained {
    pub fn is_empty(&self) -> bool {
        self.public.is_empty() && self.tags.is_empty() && self.unasked.is_empty()
    }

    /// The refusal to undo a run whose journal is incomplete.
    pub(super) fn refusal(&self) -> Error {
        let found: Vec<&str> =
            [&self.public, &self.tags, &self.unasked].into_iter().flatten().map(String::as_str).collect();
        let refusal = Error::left(format!(
            "the journal does not record everything that this run did: {}",
            found.join("; ")
        ));
        let leave = "or give up the run as it is: `pyrelease rollback --leave`";
        match (self.public.as_slice(), self.unasked.as_slice()) {
            ([], [_, ..]) => refusal.help("try again once that works").help(leave),
            ([], _) => refusal
                .help("if that tag is this run's, finish the release: `pyrelease resume`; otherwise delete the tag")
                .help(leave),
            _ => refusal.help("finish the release: `pyrelease resume`").help(leave),
        }
    }
}

impl RecoveryContext<'_> {
    /// Asks the run's public indexes and remotes. For a complete journal it looks only for the run's own files, which
    /// another machine may have published; for any other journal, for every file and the tag of the version.
    pub fn unexplained(&self, journal: &Journal, destinations: &[Destination]) -> Unexplained {
        let mut unexplained = Unexplained::default();
        let Some(header) = journal.header() else { return unexplained };
        let entries = entries(journal.records());
        let own = self.own_hashes(journal.records());
        if journal.is_whole() && own.is_empty() {
            return unexplained;
        }
        for place in destinations.iter().filter(|place| place.reach == Reach::Public && place.exact) {
            let files = match self.listed(place, header) {
                Ok(files) => files,
                Err(error) if journal.is_whole() => {
                    let message = format!("`{}` could not be queried for files of this run", place.index);
                    let help = Some(error.chain());
                    self.listener.on_event(&crate::engine::event::Event::Warning {
                        stage: None,
                        message: &message,
                        help: help.as_deref(),
                    });
                    continue;
                }
                Err(error) => {
                    unexplained.unasked.push(format!(
                        "`{}` cannot be asked ({})",
                        place.index,
                        error.chain()
                    ));
                    continue;
                }
            };
            let is_recorded = |file: &SimpleFile| {
                entries.iter().any(|entry| is_upload_of(entry, &place.index, &file.filename))
            };
            let is_own = |file: &SimpleFile| {
                !journal.is_whole() || file.sha256.as_ref().is_none_or(|sha256| own.contains(sha256))
            };
            let found = files.iter().filter(|file| !is_recorded(file) && is_own(file));
            unexplained.public.extend(found.map(|file| format!("{} is on {}", file.filename, place.index)));
        }
        if !journal.is_whole() {
            self.unexplained_tags(header, &entries, &mut unexplained);
            unexplained.unasked.extend(self.may_be_sending());
        }
        unexplained
    }

    /// How long to wait for effects of lost records that may still arrive.
    fn may_be_sending(&self) -> Option<String> {
        let journal = self.run.journal();
        let signs = [journal.clone(), tail::path(&journal)];
        let written = |path: &PathBuf| fs_err::metadata(path).and_then(|known| known.modified()).ok();
        let last = jiff::Timestamp::try_from(signs.iter().filter_map(written).max()?).ok()?;
        let passed = jiff::Timestamp::now().as_second() - last.as_second();
        let left = PUSH_ON_ITS_WAY - passed;
        let message =
            || format!("its last uploads and pushes may still arrive for {} more minutes", (left + 59) / 60);
        (passed >= 0 && left > 0).then(message)
    }

    /// The files of the release's version that an index lists.
    fn listed(&self, place: &Destination, header: &Header) -> Result<Vec<SimpleFile>> {
        let address = IndexAddress::new(&place.index, &place.url, place.simple.as_deref(), None)?;
        let client = IndexClient::connect_to_read(self.environment, address, &header.name)?;
        let mut files = Vec::new();
        for (project, version) in header.releases() {
            let listing = client.listing(project).map_err(|error| error.of_index(&place.index))?;
            let of_version = |file: &SimpleFile| {
                file.filename.parse::<Filename>().is_ok_and(|name| name.version().to_string() == version)
            };
            files.extend(listing.into_iter().flat_map(|listing| listing.files).filter(of_version));
        }
        Ok(files)
    }

    /// The hashes of the run's distributions, by its journal and its folder.
    fn own_hashes(&self, records: &[Record]) -> BTreeSet<String> {
        let mut hashes = BTreeSet::new();
        for record in records {
            hashes.extend(record.distributions().iter().map(|file| file.sha256.clone()));
        }
        let files = fs_err::read_dir(self.run.dist()).into_iter().flatten().flatten();
        hashes.extend(files.filter_map(|file| Some(crate::world::sha256(&file.path()).ok()?.0)));
        hashes
    }

    fn unexplained_tags(&self, header: &Header, entries: &[Entry], unexplained: &mut Unexplained) {
        let is_there = |entry: &&Entry| matches!(entry.state, State::Done | State::InDoubt);
        let tags = header.tags();
        let names: Vec<String> = tags.iter().map(|tag| format!("refs/tags/{tag}")).collect();
        let lands = |entry: &Entry| matches!(entry.effect, Effect::Land { .. });
        let has_landed = entries.iter().filter(is_there).any(lands);
        for (tag, name) in tags.iter().zip(&names).filter(|_| !has_landed) {
            if self.repository.reference(name).is_some() {
                unexplained.tags.push(format!("tag {tag} is in the repository"));
            }
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let listed = self.repository.remote_names().unwrap_or_default();
        for remote in listed.into_iter().map(|name| Remote { name }) {
            let pushes = |entry: &Entry| matches!(&entry.effect, Effect::Push { remote: to, .. } if *to == remote.name);
            if entries.iter().filter(is_there).any(pushes) {
                continue;
            }
            match remote.refs(self.repository, &names) {
                Ok(refs) => {
                    let there = refs.keys().map(|name| name.trim_start_matches("refs/tags/"));
                    unexplained.tags.extend(there.map(|tag| format!("tag {tag} is at {}", remote.name)));
                }
                Err(error) => {
                    unexplained.unasked.push(format!("`{}` cannot be asked ({})", remote.name, error.chain()))
                }
            }
        }
    }
}

fn is_upload_of(entry: &Entry, at: &str, filename: &str) -> bool {
    let is_there = matches!(entry.state, State::Done | State::InDoubt | State::Kept);
    match &entry.effect {
        Effect::Upload { index, distribution, .. } => {
            is_there && index == at && distribution.filename == filename
        }
        _ => false,
    }
}
