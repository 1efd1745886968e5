//! Looks whether an index lists what was sent to it, and gives out the very bytes.
//!
//! An index behind caches shows a file some time after it has taken it. PyPI forgets a project's page when a file comes,
//! usually within seconds; that a project is not there, its caches remember for a minute.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Batch;
use crate::engine::prelude::*;
use crate::index::{IndexClient, SimpleError, SimpleFile};
use crate::python::distribution::{Distribution, Kind};

/// How long to wait for an index, and how often to ask it
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    first: Duration,
    /// The pauses double up to this
    longest: Duration,
    /// After a page that says that there is no such project
    unknown: Duration,
    total: Duration,
}

impl Patience {
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

    /// Enough for an index that lists files at once, or nearly: for a release that does not wait until they are visible.
    pub(super) fn short(client: &IndexClient) -> Self {
        Self {
            first: Duration::from_millis(500),
            longest: Duration::from_secs(2),
            total: Duration::from_secs(4),
            ..Self::with(client)
        }
    }
}

/// What an index shows of files that it has taken
#[derive(Debug)]
pub(super) enum Shown {
    /// Every file, in the order in which they were asked for
    All(Vec<SimpleFile>),
    /// Not all of them yet, and why
    NotYet(String),
    /// Something else than was sent: for each such file, what is listed
    Different(Vec<String>),
}

/// Waits until the index lists every file. A page that lists something else is believed when the next one does, too.
///
/// # Errors
/// `pause` gives up.
pub(super) fn wait(
    client: &IndexClient,
    project: &str,
    wanted: &[Distribution],
    patience: Patience,
    pause: &dyn Fn(Duration) -> Result<()>,
) -> Result<Shown> {
    let began = Instant::now();
    let mut next = patience.first;
    let mut is_confirmed = false;
    loop {
        let mut time = next;
        let mut is_different = false;
        let why = match client.listing(project) {
            Ok(Some(listing)) => match find(&listing.files, wanted) {
                Shown::NotYet(why) => why,
                Shown::Different(files) if !is_confirmed => {
                    is_different = true;
                    files.join(", ")
                }
                shown => return Ok(shown),
            },
            Ok(None) => {
                time = time.max(patience.unknown);
                format!("it does not list {project}")
            }
            Err(error) => Error::failed("it cannot be asked").because(error).chain(),
        };
        is_confirmed |= is_different;
        if !is_different && began.elapsed() + time > patience.total {
            return Ok(Shown::NotYet(why));
        }
        pause(time)?;
        next = (next * 2).min(patience.longest);
    }
}

/// How the wanted files are listed.
fn find(listed: &[SimpleFile], wanted: &[Distribution]) -> Shown {
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
        _ if !different.is_empty() => Shown::Different(different),
        Some(name) => Shown::NotYet(format!("it does not list {name}")),
        None => Shown::All(found),
    }
}

/// What a file is listed with, where that is not what was sent.
fn difference(listed: &SimpleFile, sent: &Distribution) -> Option<String> {
    let hash = listed.sha256.as_ref().filter(|sha256| !sha256.eq_ignore_ascii_case(&sent.sha256));
    let hash = hash.map(|sha256| format!("the sha256 {sha256}, and {} was sent", sent.sha256));
    let size = listed.size.filter(|size| *size != sent.size);
    hash.or(size.map(|size| format!("{size} bytes, and {} were sent", sent.size)))
}

/// That an index lists something else than was sent to it. What is public cannot be taken back, so such an error says
/// itself how to go on.
pub(super) fn not_what_was_sent(index: &str, release: &str, files: &[String], is_public: bool) -> Error {
    let message = format!("`{index}` does not have what was sent to it: it lists {}", files.join(", "));
    let cause = "it may cut files short, or somebody else's file may be in its place: look at the index before anything else";
    if !is_public {
        return Error::failed(message).help(cause);
    }
    Error::left(message).help(cause).help(format!(
        "whoever installs {release} from `{index}` gets those bytes, which nobody has checked: yank it there (or delete the \
         file, where the index lets you), and release the next version when the index is mended"
    ))
}

/// A wheel that suits every platform, else the sdist, else any.
pub(super) fn installable(distributions: &[Distribution]) -> Option<usize> {
    let any = |distribution: &Distribution| distribution.filename.ends_with("-any.whl");
    let sdist = |distribution: &Distribution| distribution.kind == Kind::Sdist;
    let position = |suits: &dyn Fn(&Distribution) -> bool| distributions.iter().position(suits);
    position(&any).or_else(|| position(&sdist)).or((!distributions.is_empty()).then_some(0))
}

/// Fetches a file that is listed and compares it with what was sent; gives why it could not be fetched in time. An index
/// behind caches lists a file some time before it gives it out.
///
/// # Errors
/// It gives out other bytes; or `pause` gives up.
pub(super) fn fetch(
    client: &IndexClient,
    listed: &SimpleFile,
    sent: &Distribution,
    to: &Path,
    patience: Patience,
    pause: &dyn Fn(Duration) -> Result<()>,
) -> Result<Option<String>> {
    let began = Instant::now();
    let mut next = patience.first;
    loop {
        let error = match client.download(listed, to, &sent.sha256) {
            Ok(()) => return Ok(None),
            Err(SimpleError::Mismatch { size, .. }) if size < sent.size => {
                let why = format!("it gives out {size} of the {} bytes of {}", sent.size, sent.filename);
                Error::failed(why)
            }
            Err(error @ SimpleError::Mismatch { .. }) => {
                let message = format!("what `{}` gives out is not what was uploaded", client.address().name);
                return Err(Error::failed(message).because(error));
            }
            Err(error @ (SimpleError::Unwritable { .. } | SimpleError::Address { .. })) => {
                let message = format!("{} cannot be fetched from `{}`", sent.filename, client.address().name);
                return Err(Error::failed(message).because(error));
            }
            Err(error) => Error::failed(format!("it does not give out {}", sent.filename)).because(error),
        };
        if began.elapsed() + next > patience.total {
            return Ok(Some(error.chain()));
        }
        pause(next)?;
        next = (next * 2).min(patience.longest);
    }
}

/// Waits for all files of a release that is under way, and fetches one: gives its path, and none where the index does
/// not show it yet and that does not matter so much as to stop the release.
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
        let message = format!("`{index}` has no `simple` address: what it has taken cannot be looked at");
        effects.warn(&message, Some(&format!("add `simple` to [index.{index}]")));
        return Ok(None);
    }
    let patience = Patience::with(client);
    let project = &release.target.project.name;
    let shown = wait(client, project, &batch.distributions, patience, &|time| effects.wait(time))?;
    let listed = match shown {
        Shown::All(files) => files,
        Shown::Different(files) => return Err(in_a_run(client, batch, release, reach, &files)),
        Shown::NotYet(why) => return not_visible(index, &why, reach, effects),
    };
    let sent = &batch.distributions[chosen];
    let action = Action::Check { what: format!("{} as {index} gives it out", sent.filename) };
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
    effects
        .note(&format!("`{index}` lists all {number} files with their hashes, and gives out what was sent"));
    Ok(Some(file))
}

/// What is public is there, whether it is shown or not; a rehearsal that shows nothing has shown nothing.
fn not_visible(index: &str, why: &str, reach: Reach, effects: &Effects<'_>) -> Result<Option<PathBuf>> {
    let message = format!("the release is uploaded to `{index}`, but not visible there yet: {why}");
    if reach < Reach::Public {
        return Err(Error::failed(message).help("run the release again when the index has recovered"));
    }
    effects.warn(&message, Some("look at it in some minutes; indexes have caches"));
    Ok(None)
}

/// Compares what the index lists of a release that is under way with what was sent, and hardly waits for what it does not
/// list yet.
///
/// # Errors
/// It lists something else; or the user interrupted.
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
    match wait(client, project, &batch.distributions, Patience::short(client), &pause)? {
        Shown::All(_) => {}
        Shown::NotYet(why) => effects.note(&not_compared(client, &why)),
        Shown::Different(files) => return Err(in_a_run(client, batch, release, reach, &files)),
    }
    Ok(())
}

/// That a look at what an index lists has shown nothing, which may be for its caches.
pub(super) fn not_compared(client: &IndexClient, why: &str) -> String {
    format!("what `{}` has stored was not compared with what was sent: {why}", client.address().name)
}

/// That an index lists something else than was sent to it in a run.
fn in_a_run(client: &IndexClient, batch: &Batch, release: &Release, reach: Reach, files: &[String]) -> Error {
    let named = format!("{} {}", release.target.project.name, batch.version);
    let is_public = reach == Reach::Public;
    let error = not_what_was_sent(&client.address().name, &named, files, is_public);
    if !is_public {
        return error;
    }
    error.help(
        "`pyrelease rollback --leave` then ends this run as it is; `pyrelease resume` compares once more",
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
            is_attested: false,
        }
    }

    #[test]
    fn all_files_have_to_be_there_and_none_may_be_another() {
        let wanted = [distribution("demo-1.0-py3-none-any.whl"), distribution("demo-1.0.tar.gz")];
        let found = |listed: &[&SimpleFile]| {
            let listed: Vec<SimpleFile> = listed.iter().map(|file| (*file).clone()).collect();
            match find(&listed, &wanted) {
                Shown::All(files) => files.into_iter().map(|file| file.filename).collect(),
                Shown::NotYet(why) => vec![why],
                Shown::Different(files) => files,
            }
        };
        let ours = "a".repeat(64);
        let wheel = listed("demo-1.0-py3-none-any.whl", Some(&ours.to_uppercase()));
        let sdist = listed("demo-1.0.tar.gz", None);
        assert_eq!(found(&[&wheel]), ["it does not list demo-1.0.tar.gz"]);
        assert_eq!(found(&[&sdist, &wheel]), ["demo-1.0-py3-none-any.whl", "demo-1.0.tar.gz"]);
        // What is missing does not hide what is wrong.
        let theirs = listed("demo-1.0.tar.gz", Some(&"b".repeat(64)));
        let [different] = found(&[&theirs]).try_into().unwrap();
        assert!(different.starts_with("demo-1.0.tar.gz with the sha256 bbb"), "{different}");
        let short = SimpleFile { size: Some(0), ..wheel };
        let expected = "demo-1.0-py3-none-any.whl with 0 bytes, and 1 were sent";
        assert_eq!(found(&[&sdist, &short]), [expected], "an index may list the hash that it was told");
    }

    #[test]
    fn what_every_python_can_install_is_tried() {
        let names =
            |names: &[&str]| installable(&names.iter().map(|name| distribution(name)).collect::<Vec<_>>());
        let mac = "demo-1.0-cp313-cp313-macosx_11_0_arm64.whl";
        assert_eq!(names(&[mac, "demo-1.0-py3-none-any.whl", "demo-1.0.tar.gz"]), Some(1));
        assert_eq!(names(&[mac, "demo-1.0.tar.gz"]), Some(1));
        assert_eq!(names(&[mac]), Some(0));
        assert_eq!(names(&[]), None);
    }
}
