//! Looks whether an index lists what was sent to it, and gives out the very bytes.
//!
//! An index behind caches shows a file some time after it has taken it. PyPI forgets a project's page when a file comes,
//! usually within seconds; that a project is not there, its caches remember for a minute.

use std::path::Path;
use std::time::{Duration, Instant};

use super::Batch;
use crate::engine::prelude::*;
use crate::index::{IndexClient, SimpleFile};
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
}

/// What an index shows of files that it has taken
#[derive(Debug)]
pub(super) enum Shown {
    /// Every file, in the order in which they were asked for
    All(Vec<SimpleFile>),
    /// Not all of them yet, and why
    NotYet(String),
}

/// Waits until the index lists every file.
///
/// # Errors
/// It lists a file with another sha256; or `pause` gives up.
pub(super) fn wait(
    client: &IndexClient,
    project: &str,
    wanted: &[Distribution],
    patience: Patience,
    pause: &dyn Fn(Duration) -> Result<()>,
) -> Result<Shown> {
    let index = &client.address().name;
    let began = Instant::now();
    let mut next = patience.first;
    loop {
        let mut time = next;
        let why = match client.listing(project) {
            Ok(Some(listing)) => match find(index, &listing.files, wanted)? {
                Ok(files) => return Ok(Shown::All(files)),
                Err(missing) => format!("it does not list {missing}"),
            },
            Ok(None) => {
                time = time.max(patience.unknown);
                format!("it does not list {project}")
            }
            Err(error) => Error::failed("it cannot be asked").because(error).chain(),
        };
        if began.elapsed() + time > patience.total {
            return Ok(Shown::NotYet(why));
        }
        pause(time)?;
        next = (next * 2).min(patience.longest);
    }
}

/// The wanted files as they are listed; the inner error names one that is not.
fn find(
    index: &str,
    listed: &[SimpleFile],
    wanted: &[Distribution],
) -> Result<Result<Vec<SimpleFile>, String>> {
    let mut found = Vec::new();
    for distribution in wanted {
        let Some(file) = listed.iter().find(|file| file.filename == distribution.filename) else {
            return Ok(Err(distribution.filename.clone()));
        };
        if let Some(sha256) = &file.sha256
            && *sha256 != distribution.sha256
        {
            return Err(Error::failed(format!(
                "`{index}` lists {} with the sha256 {sha256}, but {} was sent",
                distribution.filename, distribution.sha256
            ))
            .help("somebody else's file may be in its place: look at the index before anything else"));
        }
        found.push(file.clone());
    }
    Ok(Ok(found))
}

/// A wheel that suits every platform, else the sdist, else any.
pub(super) fn installable(distributions: &[Distribution]) -> Option<usize> {
    let any = |distribution: &Distribution| distribution.filename.ends_with("-any.whl");
    let sdist = |distribution: &Distribution| distribution.kind == Kind::Sdist;
    let position = |suits: &dyn Fn(&Distribution) -> bool| distributions.iter().position(suits);
    position(&any).or_else(|| position(&sdist)).or((!distributions.is_empty()).then_some(0))
}

/// Fetches a file and compares it with what was sent.
pub(super) fn fetch(client: &IndexClient, listed: &SimpleFile, sent: &Distribution, to: &Path) -> Result<()> {
    client.download(listed, to, &sent.sha256).map_err(|error| {
        let index = &client.address().name;
        Error::failed(format!("what `{index}` gives out is not what was uploaded")).because(error)
    })
}

/// Waits for all files of a release that is under way, and fetches one: gives its path, and none where the index does
/// not show it yet and that does not matter so much as to stop the release.
pub(super) fn verify(
    client: &IndexClient,
    batch: &Batch,
    release: &Release,
    reach: Reach,
    effects: &mut Effects<'_>,
) -> Result<Option<std::path::PathBuf>> {
    let index = &client.address().name;
    let Some(chosen) = installable(&batch.distributions) else { return Ok(None) };
    if client.address().simple.is_none() {
        let message = format!("`{index}` has no `simple` address: what it has taken cannot be looked at");
        effects.warn(&message, Some(&format!("add `simple` to [index.{index}]")));
        return Ok(None);
    }
    let pause = |time| effects.wait(time);
    let project = &release.target.project.name;
    let listed = match wait(client, project, &batch.distributions, Patience::with(client), &pause)? {
        Shown::All(files) => files,
        Shown::NotYet(why) => {
            let message = format!("the release is uploaded to `{index}`, but not visible there yet: {why}");
            // What is public is there; a rehearsal that shows nothing has shown nothing.
            if reach < Reach::Public {
                return Err(Error::failed(message).help("run the release again when the index has recovered"));
            }
            effects.warn(&message, Some("look at it in some minutes; indexes have caches"));
            return Ok(None);
        }
    };
    let sent = &batch.distributions[chosen];
    let action = Action::Check { what: format!("{} as {index} gives it out", sent.filename) };
    let fetched = effects.private(action, |bench| {
        let folder = bench.scratch().join("install");
        fs_err::create_dir_all(&folder)?;
        let file = folder.join(&sent.filename);
        fetch(client, &listed[chosen], sent, &file)?;
        Ok(file)
    })?;
    let number = batch.distributions.len();
    effects
        .note(&format!("`{index}` lists all {number} files with their hashes, and gives out what was sent"));
    Ok(fetched)
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
        }
    }

    #[test]
    fn all_files_have_to_be_there_and_none_may_be_another() {
        let wanted = [distribution("demo-1.0-py3-none-any.whl"), distribution("demo-1.0.tar.gz")];
        let ours = "a".repeat(64);
        let wheel = listed("demo-1.0-py3-none-any.whl", Some(&ours));
        let sdist = listed("demo-1.0.tar.gz", None);
        let missing = find("pypi", std::slice::from_ref(&wheel), &wanted).unwrap();
        assert_eq!(missing.unwrap_err(), "demo-1.0.tar.gz");
        assert_eq!(
            find("pypi", &[sdist.clone(), wheel.clone()], &wanted).unwrap().unwrap(),
            [wheel, sdist.clone()]
        );
        let theirs = listed("demo-1.0-py3-none-any.whl", Some(&"b".repeat(64)));
        let error = find("pypi", &[theirs, sdist], &wanted).unwrap_err();
        assert!(error.to_string().contains("lists demo-1.0-py3-none-any.whl with the sha256 bbb"), "{error}");
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
