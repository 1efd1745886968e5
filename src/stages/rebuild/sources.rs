//! Finds where each distribution of a release can be fetched from, proven by its sha256.

use std::fmt;
use std::path::{Path, PathBuf};

use super::{LocalRuns, RebuildError};
use crate::engine::pipeline::Pipeline;
use crate::engine::prelude::*;
use crate::index::{IndexAddress, IndexClient, Listing, SimpleError, SimpleFile, Window};
use crate::python::distribution::{Distribution, Kind};
use crate::python::filename::Filename;
use crate::python::version::Version;
use crate::world::{record_digest, verify};

/// A distribution of the release and its sources
pub struct Source {
    pub filename: String,
    pub kind: Kind,
    pub sha256: String,
    /// Whether a public index has it
    pub is_public: bool,
    /// Whether it is public, or one of our own hashes proves that it belongs to the release: anybody may have
    /// uploaded to a rehearsal index
    pub is_proven: bool,
    /// The stages that uploaded it, with the index and its URL there
    pub(super) listed: Vec<(String, Destination, String)>,
    from: Origin,
}

/// Where to fetch it from
enum Origin {
    Index { client: Box<IndexClient>, file: Box<SimpleFile> },
    Folder(PathBuf),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { filename, sha256, .. } = self;
        let at: Vec<&str> = self.listed.iter().map(|(_, place, _)| place.index.as_str()).collect();
        match (&self.from, at.as_slice()) {
            (Origin::Folder(path), []) => write!(f, "{filename} (sha256 {sha256}) in `{}`", path.display()),
            (_, at) => write!(f, "{filename} (sha256 {sha256}) on {}", at.join(" and ")),
        }
    }
}

impl Source {
    /// Copies or downloads the distribution into the directory.
    pub(super) fn fetch(&self, folder: &Path) -> Result<Distribution> {
        let path = folder.join(&self.filename);
        match &self.from {
            Origin::Index { client, file } => {
                client.download(file, &path, &self.sha256).map_err(|error| {
                    let index = &client.address().name;
                    Error::left(format!("failed to fetch `{}` from `{index}`", self.filename))
                        .because(error)
                        .help("run `pyrelease resume` to try again")
                })?
            }
            Origin::Folder(from) => drop(fs_err::copy(from, &path)?),
        }
        let distribution = record_digest(&path)?;
        let expected = Distribution { sha256: self.sha256.clone(), ..distribution.clone() };
        verify(&expected)?;
        Ok(distribution)
    }
}

/// The result of the search
pub(super) struct SourceSearch {
    /// The distributions that are public, and those proven to belong to the same release
    pub(super) sources: Vec<Source>,
    /// The names of the public ones
    pub(super) public: Vec<String>,
    /// The public indexes that were asked
    pub(super) asked: Vec<String>,
    /// When each of them stops accepting files, if known
    windows: Vec<(String, Window)>,
    /// The kinds that the release has at least one of
    kinds: &'static [Kind],
}

impl SourceSearch {
    /// Whether every public index has every distribution, and no kind is missing.
    pub(super) fn is_everywhere(&self) -> bool {
        let public = |source: &Source| {
            source.listed.iter().filter(|(_, place, _)| place.reach == Reach::Public).count()
        };
        self.missing_kinds().is_empty()
            && self.sources.iter().all(|source| public(source) == self.asked.len())
    }

    /// An index that lacks a file and no longer accepts any, and since when.
    pub(super) fn closed(&self) -> Option<(String, String)> {
        let lacks = |index: &str| {
            let has = |source: &Source| source.listed.iter().any(|(_, place, _)| place.index == index);
            !self.missing_kinds().is_empty() || !self.sources.iter().all(has)
        };
        let closed = |window: &Window| window.closes < jiff::Timestamp::now();
        let (index, window) = self.windows.iter().find(|(index, window)| closed(window) && lacks(index))?;
        Some((index.clone(), window.closes.strftime("%F").to_string()))
    }

    pub(super) fn missing_kinds(&self) -> Vec<String> {
        let is_there = |kind| self.sources.iter().any(|source| source.kind == kind);
        self.kinds.iter().filter(|kind| !is_there(**kind)).map(Kind::to_string).collect()
    }
}

/// A file of the version on an index
struct Listed {
    stage: String,
    place: Destination,
    client: IndexClient,
    file: SimpleFile,
    sha256: String,
}

/// Searches the indexes that the stages upload to for distributions, at least one of each of `kinds`; none if none of the
/// public ones has a listing.
pub(super) fn find(
    kinds: &'static [Kind],
    pipeline: &Pipeline,
    release: &Release,
    local_runs: &LocalRuns,
) -> Result<Option<SourceSearch>, RebuildError> {
    let mut listed = Vec::new();
    let mut asked = Vec::new();
    let mut windows = Vec::new();
    for stage in pipeline.stages() {
        let Some(place) = stage.destination().filter(|place| place.exact && !place.by_workflow) else {
            continue;
        };
        if place.simple.is_none() {
            if place.reach == Reach::Public {
                return Ok(None);
            }
            continue;
        }
        let (files, window) = list(stage.name(), &place, release)?;
        listed.extend(files);
        if place.reach == Reach::Public {
            asked.push(place.index.clone());
            windows.extend(window.map(|window| (place.index, window)));
        }
    }
    if asked.is_empty() {
        return Ok(None);
    }
    refuse_contradictions(&listed)?;
    let public: Vec<String> = names(listed.iter().filter(|file| file.place.reach == Reach::Public));
    let mut sources = sources(&listed, |file| public.contains(&file.file.filename));
    if !public.is_empty() {
        refuse_other_bytes(local_runs, &sources)?;
        sources.extend(local(&local_runs.folders, &sources));
        // A rehearsal index has the same release if it shares a file with a public one.
        let trusted: Vec<&str> = listed
            .iter()
            .filter(|file| file.place.reach != Reach::Public && public.contains(&file.file.filename))
            .map(|file| file.place.index.as_str())
            .collect();
        let known = |file: &Listed| sources.iter().any(|source| source.filename == file.file.filename);
        let mut rehearsed =
            self::sources(&listed, |file| trusted.contains(&file.place.index.as_str()) && !known(file));
        for source in &mut rehearsed {
            source.is_proven = local_runs.built.contains(&(source.filename.clone(), source.sha256.clone()));
        }
        sources.extend(rehearsed);
    }
    Ok(Some(SourceSearch { sources, public, asked, windows, kinds }))
}

/// The files of the release's version on an index.
fn list(
    stage: &str,
    place: &Destination,
    release: &Release,
) -> Result<(Vec<Listed>, Option<Window>), RebuildError> {
    let environment = &release.checkout.environment;
    let address =
        IndexAddress::new(&place.index, &place.url, place.simple.as_deref(), None).map_err(Error::from)?;
    let client = IndexClient::connect_to_read(environment, address, &release.names().name)?;
    let unreachable = |error: SimpleError| RebuildError::Unreachable(error.of_index(&place.index));
    let listing = client.listing(&release.names().name).map_err(unreachable)?;
    let listing =
        listing.filter(|listing| place.reach == Reach::Public || !has_another_attempt(listing, release));
    let version = &release.names().version;
    let of_version = |file: &SimpleFile| {
        file.filename.parse::<Filename>().is_ok_and(|name| name.version().to_string() == *version)
    };
    let window = listing.as_ref().and_then(|listing| listing.window(version));
    let files = listing.into_iter().flat_map(|listing| listing.files).filter(of_version);
    let files = files
        .map(|file| {
            let sha256 = match &file.sha256 {
                Some(sha256) => sha256.clone(),
                None => client.sha256(&file).map_err(unreachable)?,
            };
            let (stage, place, client) = (stage.to_owned(), place.clone(), client.clone());
            Ok(Listed { stage, place, client, file, sha256 })
        })
        .collect::<Result<_, RebuildError>>()?;
    Ok((files, window))
}

/// Whether an index for trials has the release as `X.Y.Z.devN`: then what it has as X.Y.Z is not the release, but was left by
/// an attempt that failed.
fn has_another_attempt(listing: &Listing, release: &Release) -> bool {
    let names = listing.files.iter().filter_map(|file| file.filename.parse::<Filename>().ok());
    let mut versions = names.filter_map(|name| name.version().to_string().parse::<Version>().ok());
    versions
        .any(|version| version.dev().is_some_and(|number| release.target.version.as_dev(number) == version))
}

/// Refuses different contents under one name: then it is unclear which one is the release.
fn refuse_contradictions(listed: &[Listed]) -> Result<(), RebuildError> {
    for (at, one) in listed.iter().enumerate() {
        let other = listed[..at]
            .iter()
            .find(|other| other.file.filename == one.file.filename && other.sha256 != one.sha256);
        if let Some(other) = other {
            let message = format!(
                "`{}` differs between indexes: on `{}` its sha256 is {}, on `{}` it is {}",
                one.file.filename, other.place.index, other.sha256, one.place.index, one.sha256
            );
            return Err(RebuildError::Refused(Error::left(message).help(
                "compare the files by hand to find out which belongs to the release; a new version is the safe \
                 way to continue",
            )));
        }
    }
    Ok(())
}

fn names<'a>(listed: impl Iterator<Item = &'a Listed>) -> Vec<String> {
    let mut names: Vec<String> = listed.map(|file| file.file.filename.clone()).collect();
    names.sort();
    names.dedup();
    names
}

/// The sources of the files that `wanted` selects, each once, from a public index if possible.
fn sources(listed: &[Listed], wanted: impl Fn(&Listed) -> bool) -> Vec<Source> {
    let mut chosen: Vec<&Listed> = listed.iter().filter(|file| wanted(file)).collect();
    chosen.sort_by_key(|file| std::cmp::Reverse(file.place.reach));
    names(chosen.iter().copied())
        .into_iter()
        .filter_map(|filename| {
            let file = chosen.iter().find(|file| file.file.filename == filename)?;
            let everywhere = listed.iter().filter(|other| other.file.filename == filename);
            Some(Source {
                kind: filename.parse::<Filename>().ok()?.kind(),
                sha256: file.sha256.clone(),
                is_public: file.place.reach == Reach::Public,
                is_proven: file.place.reach == Reach::Public,
                listed: everywhere
                    .map(|at| (at.stage.clone(), at.place.clone(), at.file.url.to_string()))
                    .collect(),
                from: Origin::Index {
                    client: Box::new(file.client.clone()),
                    file: Box::new(file.file.clone()),
                },
                filename,
            })
        })
        .collect()
}

/// Refuses to continue if a public file differs from what the run in question built: an index may have truncated it,
/// or somebody else may have published another one.
fn refuse_other_bytes(local_runs: &LocalRuns, public: &[Source]) -> Result<(), RebuildError> {
    let Some(own) = &local_runs.own else { return Ok(()) };
    let entries = fs_err::read_dir(own).into_iter().flatten().flatten();
    for file in entries.filter_map(|entry| record_digest(&entry.path()).ok()) {
        let other =
            public.iter().find(|source| source.filename == file.filename && source.sha256 != file.sha256);
        if let Some(other) = other {
            let message = format!(
                "{other} is not the file that was built: `{}` has the sha256 {}",
                file.path.display(),
                file.sha256
            );
            return Err(RebuildError::Refused(Error::left(message).help(
                "yank the release there, then release the next version; run `pyrelease rollback --leave` to \
                 abandon this run",
            )));
        }
    }
    Ok(())
}

/// The distributions in a directory that also contains a public file: they were built together with it.
fn local(folders: &[PathBuf], public: &[Source]) -> Vec<Source> {
    for folder in folders {
        let Ok(entries) = fs_err::read_dir(folder) else { continue };
        let files: Vec<Distribution> =
            entries.flatten().filter_map(|entry| record_digest(&entry.path()).ok()).collect();
        let same = |file: &Distribution, source: &Source| {
            source.filename == file.filename && source.sha256 == file.sha256
        };
        let is_proof = |file: &Distribution| public.iter().any(|source| same(file, source));
        let contradicts = |file: &Distribution| {
            public.iter().any(|source| source.filename == file.filename && source.sha256 != file.sha256)
        };
        if !files.iter().any(is_proof) || files.iter().any(contradicts) {
            continue;
        }
        let new = files.into_iter().filter(|file| !is_proof(file));
        return new
            .map(|file| Source {
                filename: file.filename,
                kind: file.kind,
                sha256: file.sha256,
                is_public: false,
                is_proven: true,
                listed: Vec::new(),
                from: Origin::Folder(file.path),
            })
            .collect();
    }
    Vec::new()
}
