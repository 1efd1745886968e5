//! Verifies that an index lists the uploaded files and serves their bytes.
//!
//! An index behind caches shows a file with a delay. PyPI purges a project's page when it gets a file, usually within
//! seconds, but its caches remember for a minute that a project does not exist.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Batch;
use crate::engine::prelude::*;
use crate::index::{IndexClient, SimpleError, SimpleFile};
use crate::python::distribution::{Distribution, Kind};

/// How long to wait for an index, and how often to ask it
#[derive(Debug, Clone, Copy)]
pub(super) struct PollSchedule {
    first: Duration,
    /// The pauses double up to this
    longest: Duration,
    /// The pause after a page that denies that the project exists
    unknown: Duration,
    total: Duration,
}

impl PollSchedule {
    pub(super) fn with(client: &IndexClient) -> Self {
        if client.address().is_pypi() {
            Self {
                first: Duration::from_secs(5),
                longest: Duration::from_secs(30),
                unknown: Duration::from_secs(60),
                total: Duration::from_secs(600),
            }
        } else {
            let first = Duration::from_millis(500);
            Self { first, longest: Duration::from_secs(30), unknown: first, total: Duration::from_secs(120) }
        }
    }

    /// The pauses between the questions, without an end.
    pub(super) fn pauses(self) -> impl Iterator<Item = Duration> {
        std::iter::successors(Some(self.first), move |pause| Some((*pause * 2).min(self.longest)))
    }

    /// Enough for an index that lists files almost at once: for a release that does not wait for visibility.
    pub(super) fn short(client: &IndexClient) -> Self {
        Self {
            first: Duration::from_millis(500),
            longest: Duration::from_secs(2),
            total: Duration::from_secs(4),
            ..Self::with(client)
        }
    }
}

/// How an index lists the uploaded files
#[derive(Debug)]
pub(super) enum ListingState {
    /// Every file, in the order of the request
    All(Vec<SimpleFile>),
    /// Not all of them yet, and why
    NotYet(String),
    /// Other contents than were sent: for each such file, what is listed
    Different(Vec<String>),
}

/// Waits until the index lists every file. A page with other contents counts only if the next one has them too.
///
/// # Errors
/// `pause` gives up.
pub(super) fn wait(
    client: &IndexClient,
    project: &str,
    wanted: &[Distribution],
    patience: PollSchedule,
    pause: &dyn Fn(Duration) -> Result<()>,
) -> Result<ListingState> {
    let began = Instant::now();
    let mut next = patience.first;
    let mut is_confirmed = false;
    loop {
        let mut time = next;
        let mut is_different = false;
        let why = match client.listing(project) {
            Ok(Some(listing)) => match find(&listing.files, wanted) {
                ListingState::NotYet(why) => why,
                ListingState::Different(files) if !is_confirmed => {
                    is_different = true;
                    files.join(", ")
                }
                state => return Ok(state),
            },
            Ok(None) => {
                time = time.max(patience.unknown);
                format!("it does not list {project}")
            }
            Err(error) => Error::failed("its listing cannot be read").because(error).chain(),
        };
        is_confirmed |= is_different;
        if !is_different && began.elapsed() + time > patience.total {
            return Ok(ListingState::NotYet(why));
        }
        pause(time)?;
        next = (next * 2).min(patience.longest);
    }
}

/// Compares the wanted files with the listed ones.
fn find(listed: &[SimpleFile], wanted: &[Distribution]) -> ListingState {
    let (mut found, mut missing, mut different) = (Vec::new(), None, Vec::new());
    for distribution in wanted {
        let name = &distribution.filename;
        match listed.iter().find(|file| file.filename == *name) {
            None => missing = missing.or(Some(name)),
            Some(file) => {
                different.extend(difference(file, distribution).map(|what| format!("{name} with {what}")));
                found.push(file.clone());
            }
        }
    }
    match missing {
        _ if !different.is_empty() => ListingState::Different(different),
        Some(name) => ListingState::NotYet(format!("it does not list {name}")),
        None => ListingState::All(found),
    }
}

/// How a listed file differs from what was sent, if it does.
fn difference(listed: &SimpleFile, sent: &Distribution) -> Option<String> {
    let hash = listed.sha256.as_ref().filter(|sha256| !sha256.eq_ignore_ascii_case(&sent.sha256));
    let hash = hash.map(|sha256| format!("the sha256 {sha256} instead of {}", sent.sha256));
    let size = listed.size.filter(|size| *size != sent.size);
    hash.or(size.map(|size| format!("{size} instead of {} bytes", sent.size)))
}

/// The error that an index lists something else than was sent. Public files cannot be withdrawn, so the error
/// explains how to continue.
pub(super) fn not_what_was_sent(index: &str, release: &str, files: &[String], is_public: bool) -> Error {
    let message = format!("`{index}` has other files than were uploaded: it lists {}", files.join(", "));
    let cause = "the index may truncate files, or somebody else may have uploaded one: check the index first";
    if !is_public {
        return Error::failed(message).help(cause);
    }
    Error::left(message).help(cause).help(format!(
        "users who install {release} from `{index}` get those unchecked bytes: yank it there (or delete the \
         file, if the index allows it), and release the next version when the index is repaired"
    ))
}

/// A wheel for every platform, else the sdist, else any file.
pub(super) fn installable(distributions: &[Distribution]) -> Option<usize> {
    let any = |distribution: &Distribution| distribution.filename.ends_with("-any.whl");
    let sdist = |distribution: &Distribution| distribution.kind == Kind::Sdist;
    let position = |suits: &dyn Fn(&Distribution) -> bool| distributions.iter().position(suits);
    position(&any).or_else(|| position(&sdist)).or((!distributions.is_empty()).then_some(0))
}

/// Downloads a listed file and compares it with what was sent; returns why it could not be fetched in time. An index
/// behind caches lists a file some time before it serves it.
///
/// # Errors
/// The index serves other bytes, or `pause` gives up.
pub(super) fn fetch(
    client: &IndexClient,
    listed: &SimpleFile,
    sent: &Distribution,
    to: &Path,
    patience: PollSchedule,
    pause: &dyn Fn(Duration) -> Result<()>,
) -> Result<Option<String>> {
    let began = Instant::now();
    let mut next = patience.first;
    loop {
        let error = match client.download(listed, to, &sent.sha256) {
            Ok(()) => return Ok(None),
            Err(SimpleError::Mismatch { size, .. }) if size < sent.size => {
                let why = format!("it serves {size} of the {} bytes of {}", sent.size, sent.filename);
                Error::failed(why)
            }
            Err(error @ SimpleError::Mismatch { .. }) => {
                let message = format!("`{}` serves other bytes than were uploaded", client.address().name);
                return Err(Error::failed(message).because(error));
            }
            Err(error @ (SimpleError::Unwritable { .. } | SimpleError::Address { .. })) => {
                let message = format!("failed to fetch {} from `{}`", sent.filename, client.address().name);
                return Err(Error::failed(message).because(error));
            }
            Err(error) => Error::failed(format!("it does not serve {}", sent.filename)).because(error),
        };
        if began.elapsed() + next > patience.total {
            return Ok(Some(error.chain()));
        }
        pause(next)?;
        next = (next * 2).min(patience.longest);
    }
}

/// Waits for all files of the run's release, and downloads one. Returns its path; none if the index does not show it
/// yet and that need not stop the release.
pub(super) fn verify(
    client: &IndexClient,
    batch: &Batch,
    release: &Release,
    reach: Reach,
    effects: &mut Effects<'_>,
) -> Result<Option<PathBuf>> {
    let index = &client.address().name;
    let Some(chosen) = installable(&batch.distributions) else { return Ok(None) };
    if client.address().simple.is_none() {
        let message = format!("`{index}` has no `simple` URL: the uploaded files cannot be verified");
        effects.warn(&message, Some(&format!("add `simple` to [index.{index}]")));
        return Ok(None);
    }
    let patience = PollSchedule::with(client);
    let project = &release.target.project.name;
    let state = wait(client, project, &batch.distributions, patience, &|time| effects.wait(time))?;
    let listed = match state {
        ListingState::All(files) => files,
        ListingState::Different(files) => return Err(in_a_run(client, batch, release, reach, &files)),
        ListingState::NotYet(why) => return not_visible(index, &why, reach, effects),
    };
    let sent = &batch.distributions[chosen];
    let action = Action::Check { what: format!("{} as served by {index}", sent.filename) };
    let file = effects.private(action, |bench| {
        let folder = bench.scratch().join("install");
        fs_err::create_dir_all(&folder)?;
        Ok(folder.join(&sent.filename))
    })?;
    let Some(file) = file else { return Ok(None) };
    if let Some(why) = fetch(client, &listed[chosen], sent, &file, patience, &|time| effects.wait(time))? {
        return not_visible(index, &why, reach, effects);
    }
    let number = batch.distributions.len();
    effects.note(&format!(
        "`{index}` lists all {number} files with their hashes, and serves the uploaded bytes"
    ));
    Ok(Some(file))
}

/// Public files exist whether they are visible or not; a rehearsal without visible files has proven nothing.
fn not_visible(index: &str, why: &str, reach: Reach, effects: &Effects<'_>) -> Result<Option<PathBuf>> {
    let message = format!("the release is uploaded to `{index}`, but not visible there yet: {why}");
    if reach < Reach::Public {
        return Err(Error::failed(message).help("run the release again when the index has recovered"));
    }
    effects.warn(&message, Some("check again in some minutes: indexes have caches"));
    Ok(None)
}

/// Compares the index's listing with what a run sent, with only a short wait for files that are missing.
///
/// # Errors
/// The index lists something else, or the user interrupted.
pub(super) fn compare(
    client: &IndexClient,
    batch: &Batch,
    release: &Release,
    reach: Reach,
    effects: &Effects<'_>,
) -> Result<()> {
    if client.address().simple.is_none() {
        return Ok(());
    }
    let (project, pause) = (&release.target.project.name, |time| effects.wait(time));
    match wait(client, project, &batch.distributions, PollSchedule::short(client), &pause)? {
        ListingState::All(_) => {}
        ListingState::NotYet(why) => effects.note(&not_compared(client, &why)),
        ListingState::Different(files) => return Err(in_a_run(client, batch, release, reach, &files)),
    }
    Ok(())
}

/// The warning that the listing was not compared, perhaps because of caches.
pub(super) fn not_compared(client: &IndexClient, why: &str) -> String {
    format!("the files on `{}` were not compared with the uploaded ones: {why}", client.address().name)
}

/// The error that an index lists something else than a run sent to it.
fn in_a_run(client: &IndexClient, batch: &Batch, release: &Release, reach: Reach, files: &[String]) -> Error {
    let named = format!("{} {}", release.target.project.name, batch.version);
    let is_public = reach == Reach::Public;
    let error = not_what_was_sent(&client.address().name, &named, files, is_public);
    if !is_public {
        return error;
    }
    error.help(
        "then run `pyrelease rollback --leave` to end this run as it is, or `pyrelease resume` to compare again",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distribution(filename: &str) -> Distribution {
        let kind = if filename.ends_with(".whl") { Kind::Wheel } else { Kind::Sdist };
        Distribution {
            path: filename.into(),
            filename: filename.to_owned(),
            kind,
            size: 1,
            sha256: "a".repeat(64),
        }
    }

    fn listed(filename: &str, sha256: Option<&str>) -> SimpleFile {
        SimpleFile {
            filename: filename.to_owned(),
            url: format!("https://example.org/{filename}").parse().unwrap(),
            sha256: sha256.map(str::to_owned),
            size: None,
            yanked: crate::index::Yanked::No,
            upload_time: None,
            provenance: None,
            metadata: None,
        }
    }

    #[test]
    fn all_files_must_be_listed_and_none_may_differ() {
        let wanted = [distribution("demo-1.0-py3-none-any.whl"), distribution("demo-1.0.tar.gz")];
        let found = |listed: &[&SimpleFile]| {
            let listed: Vec<SimpleFile> = listed.iter().map(|file| (*file).clone()).collect();
            match find(&listed, &wanted) {
                ListingState::All(files) => files.into_iter().map(|file| file.filename).collect(),
                ListingState::NotYet(why) => vec![why],
                ListingState::Different(files) => files,
            }
        };
        let ours = "a".repeat(64);
        let wheel = listed("demo-1.0-py3-none-any.whl", Some(&ours.to_uppercase()));
        let sdist = listed("demo-1.0.tar.gz", None);
        assert_eq!(found(&[&wheel]), ["it does not list demo-1.0.tar.gz"]);
        assert_eq!(found(&[&sdist, &wheel]), ["demo-1.0-py3-none-any.whl", "demo-1.0.tar.gz"]);
        // A missing file does not hide a different one.
        let theirs = listed("demo-1.0.tar.gz", Some(&"b".repeat(64)));
        let [different] = found(&[&theirs]).try_into().unwrap();
        assert!(different.starts_with("demo-1.0.tar.gz with the sha256 bbb"), "{different}");
        let short = SimpleFile { size: Some(0), ..wheel };
        let expected = "demo-1.0-py3-none-any.whl with 0 instead of 1 bytes";
        assert_eq!(found(&[&sdist, &short]), [expected], "an index may list the hash that it was sent");
    }

    #[test]
    fn a_file_for_every_platform_is_preferred() {
        let names =
            |names: &[&str]| installable(&names.iter().map(|name| distribution(name)).collect::<Vec<_>>());
        let mac = "demo-1.0-cp313-cp313-macosx_11_0_arm64.whl";
        assert_eq!(names(&[mac, "demo-1.0-py3-none-any.whl", "demo-1.0.tar.gz"]), Some(1));
        assert_eq!(names(&[mac, "demo-1.0.tar.gz"]), Some(1));
        assert_eq!(names(&[mac]), Some(0));
        assert_eq!(names(&[]), None);
    }
}
