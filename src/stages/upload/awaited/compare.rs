//! Compares the files that a workflow published with those that were built and checked here.

use std::path::PathBuf;

use crate::engine::prelude::*;
use crate::index::{IndexClient, SimpleFile, Yanked};
use crate::python::archive;
use crate::python::comparison::{Difference, SdistMembers, examples, of_metadata, of_sdists};
use crate::python::distribution::{Distribution, Kind};
use crate::python::filename::Filename;
use crate::python::metadata::Metadata;
use crate::stages::upload::verify::{PollSchedule, fetch, installable};

/// The published files of a release
pub(super) struct Published<'a> {
    client: &'a IndexClient,
    /// Each with its place in the run's folder, to which it may be downloaded
    files: Vec<(SimpleFile, Distribution)>,
}

impl<'a> Published<'a> {
    pub(super) fn new(
        client: &'a IndexClient,
        listed: Vec<SimpleFile>,
        effects: &mut Effects<'_>,
    ) -> Result<Self> {
        let folder = effects.private(action(&client.address().name), |bench| {
            let folder = bench.scratch().join("published");
            fs_err::create_dir_all(&folder)?;
            Ok(folder)
        })?;
        let folder = folder.unwrap_or_default();
        let mut files = Vec::new();
        for file in listed {
            let Ok(name) = file.filename.parse::<Filename>() else { continue };
            let sha256 = match &file.sha256 {
                Some(sha256) => sha256.clone(),
                None => client.sha256(&file).map_err(|error| unread(&file, error))?,
            };
            let filename = file.filename.clone();
            let (path, size) = (folder.join(&filename), file.size.unwrap_or_default());
            files.push((file, Distribution { path, filename, kind: name.kind(), size, sha256 }));
        }
        Ok(Self { client, files })
    }

    /// How the published release differs from the built one. Notes what is the same.
    ///
    /// # Errors
    /// A published file cannot be read, or the user interrupted.
    pub(super) fn differences(&self, release: &Release, effects: &Effects<'_>) -> Result<Vec<Difference>> {
        let built = &release.outputs.distributions;
        let mut differences = self.of_names(built, effects);
        // Each with the files that have it.
        let mut found: Vec<(Difference, Vec<&str>)> = Vec::new();
        let (mut same, mut other) = (Vec::new(), Vec::new());
        for (file, published) in &self.files {
            let name = published.filename.as_str();
            if matches!(file.yanked, Yanked::Yes(_)) {
                differences.push(Difference::minor(format!("{name} is yanked")));
            }
            let namesake = built.iter().find(|ours| ours.filename == *name);
            if namesake.is_some_and(|ours| ours.sha256.eq_ignore_ascii_case(&published.sha256)) {
                same.push(name);
                continue;
            }
            let Some(ours) = namesake.or_else(|| built.iter().find(|ours| ours.kind == published.kind))
            else {
                effects.note(&format!("{name} was not compared: no {} was built here", published.kind));
                continue;
            };
            if !ours.path.is_file() {
                effects.note(&format!("{name} was not compared: {} is gone here", ours.filename));
                continue;
            }
            let of_file = self.of_file(file, published, ours, release, effects)?;
            if of_file.is_empty() {
                other.push(name);
            }
            for difference in of_file {
                match found.iter_mut().find(|(known, _)| *known == difference) {
                    Some((_, files)) => files.push(name),
                    None => found.push((difference, vec![name])),
                }
            }
        }
        if !same.is_empty() {
            effects.note(&format!("the same bytes as built here: {}", examples(&same)));
        }
        if !other.is_empty() {
            let message =
                format!("rebuilt by the workflow, with the same metadata as here: {}", examples(&other));
            effects.note(&message);
        }
        differences.extend(found.into_iter().map(|(difference, files)| Difference {
            text: format!("{}: {}", examples(&files), difference.text),
            ..difference
        }));
        Ok(differences)
    }

    /// The differences between the names, and so the tags, of the files.
    fn of_names(&self, built: &[Distribution], effects: &Effects<'_>) -> Vec<Difference> {
        let has = |name: &str| self.files.iter().any(|(_, file)| file.filename == name);
        let missing = built.iter().filter(|ours| !has(&ours.filename));
        let differences = missing.map(|ours| {
            let (name, kind) = (&ours.filename, ours.kind);
            match self.files.iter().any(|(_, file)| file.kind == kind) {
                true => Difference::minor(format!("{name} was built here and is not published")),
                false => Difference::serious(format!("{name} was built here, and no {kind} is published")),
            }
        });
        let more: Vec<&str> = self
            .files
            .iter()
            .map(|(_, file)| file.filename.as_str())
            .filter(|name| built.iter().all(|ours| ours.filename != **name))
            .collect();
        if !more.is_empty() {
            effects.note(&format!("published besides the files that were built here: {}", examples(&more)));
        }
        differences.collect()
    }

    fn of_file(
        &self,
        file: &SimpleFile,
        published: &Distribution,
        ours: &Distribution,
        release: &Release,
        effects: &Effects<'_>,
    ) -> Result<Vec<Difference>> {
        let here = metadata_of(ours)?;
        let beside = match published.kind {
            // Its members are compared as well.
            Kind::Sdist => None,
            Kind::Wheel => self.client.metadata(file).ok().flatten(),
        };
        let there = match beside.map(|text| Metadata::parse(&text)) {
            Some(Ok(metadata)) => metadata,
            _ => {
                self.download(file, published, effects)?;
                match metadata_of(published) {
                    Ok(metadata) => metadata,
                    Err(error) => return Ok(vec![Difference::serious(error.chain())]),
                }
            }
        };
        let mut differences = of_metadata(&here, &there);
        if published.kind == Kind::Sdist {
            let members = |sdist: &Distribution| {
                let file = fs_err::File::open(&sdist.path)?;
                let size = file.metadata()?.len();
                SdistMembers::read(file, size)
            };
            let commit = release.outputs.commit.as_ref().unwrap_or(&release.checkout.head.commit);
            let committed = |path: &str| release.checkout.read_at(commit, path);
            differences.extend(match (members(ours), members(published)) {
                (Ok(ours), Ok(theirs)) => of_sdists(&ours, &theirs, committed),
                (Err(error), _) => return Err(error.into()),
                (_, Err(error)) => vec![Difference::serious(format!("it cannot be read: {error}"))],
            });
        }
        Ok(differences)
    }

    fn download(&self, file: &SimpleFile, published: &Distribution, effects: &Effects<'_>) -> Result<()> {
        let pause = |time| effects.wait(time);
        let patience = PollSchedule::with(self.client);
        match fetch(self.client, file, published, &published.path, patience, &pause)? {
            None => Ok(()),
            Some(why) => {
                let index = &self.client.address().name;
                Err(Error::left(format!("{} could not be read from `{index}`: {why}", file.filename))
                    .help("the release is published; `pyrelease resume` compares it again"))
            }
        }
    }

    /// A downloaded file that can be installed here.
    ///
    /// # Errors
    /// It cannot be downloaded, or the user interrupted.
    pub(super) fn installable(&self, effects: &Effects<'_>) -> Result<Option<PathBuf>> {
        let distributions: Vec<Distribution> = self.files.iter().map(|(_, file)| file.clone()).collect();
        let Some((file, published)) = installable(&distributions).map(|at| &self.files[at]) else {
            return Ok(None);
        };
        self.download(file, published, effects)?;
        Ok(Some(published.path.clone()))
    }
}

/// The action of the comparison.
pub(super) fn action(index: &str) -> Action {
    Action::Check { what: format!("what {index} lists against what was built here") }
}

fn unread(file: &SimpleFile, error: crate::index::SimpleError) -> Error {
    Error::left(format!("{} cannot be read", file.filename))
        .because(error)
        .help("the release is published; `pyrelease resume` compares it again")
}

/// The core metadata in a distribution.
fn metadata_of(distribution: &Distribution) -> Result<Metadata> {
    let mut file = fs_err::File::open(&distribution.path)?;
    let size = file.metadata()?.len();
    let text = archive::metadata(&mut file, distribution.kind, size);
    let parsed = text.and_then(|text| Metadata::parse(&text).ok());
    parsed.ok_or_else(|| Error::failed(format!("{} has no metadata that can be read", distribution.filename)))
}
