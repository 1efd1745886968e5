//! Packs a run.

use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{
    BUNDLE, DISTRIBUTIONS, FORMAT, Item, JOURNAL, MANIFEST, Manifest, NOTES, is_allowed_name, unpack,
};
use crate::engine::journal::{End, Journal, Outcome, end_of, entries, header};
use crate::engine::log::outputs;
use crate::engine::model::{Reach, State};
use crate::engine::resume_state::completed_stages;
use crate::engine::run::RunFolder;
use crate::error::{Error, Result};
use crate::index::has_attestation;
use crate::python::distribution::{ATTESTATION, Distribution};
use crate::world::git::{Head, Landing, PrivateClone, Repository};
use crate::world::sha256;

/// The contents of a packed run
#[derive(Debug)]
pub struct Packed {
    /// The distributions in the file
    pub distributions: Vec<String>,
    /// The distributions that are missing or changed; they can be downloaded from an index that has them
    pub missing: Vec<String>,
    /// Whether the file has the release's commit and tag
    pub commit: bool,
    /// In bytes
    pub size: u64,
}

/// Packs an unfinished run into a new file. The caller holds the lock.
///
/// # Errors
/// The run is over, or has not built anything yet; its journal is damaged; the file exists or cannot be written.
pub fn pack(repository: &Repository, run: &RunFolder, file: &Path) -> Result<Packed> {
    let records = Journal::read(&run.journal())?;
    let header = header(&records).ok_or_else(|| Error::left("the journal has no header"))?;
    if let End::Lost { .. } = end_of(&run.journal()) {
        return Err(Error::left(format!("the journal of run {} has lost its end", run.id()))
            .help("`pyrelease status` shows how to continue here"));
    }
    let about = format!("{} {} (run {})", header.name, header.version, run.id());
    match run.outcome()? {
        None => {}
        Some(Outcome::Released) => {
            return Err(Error::refused(format!("there is nothing to export: {about} is released")));
        }
        Some(_) => return Err(Error::refused(format!("there is nothing to export: {about} is over"))),
    }
    let stages: Vec<&str> = header.stages.iter().map(|(name, _)| name.as_str()).collect();
    let (done, release) = completed_stages(&records, &stages);
    let private = header.stages.iter().filter(|(_, reach)| *reach == Reach::Private).count();
    let happened = entries(&records).iter().any(|entry| entry.state != State::NotDone);
    if done < private && !happened {
        return Err(Error::refused(format!(
            "there is nothing to export: {about} was interrupted before its distributions were built and checked"
        ))
        .help("run `pyrelease rollback` here, then release there"));
    }
    if file.symlink_metadata().is_ok() {
        return Err(Error::usage(format!("`{}` already exists", file.display()))
            .help("choose another file name, or delete the file"));
    }

    // Otherwise the file could not be imported.
    unpack::expect_modest(&fs_err::read(run.journal())?)
        .map_err(|reason| Error::refused(format!("{about} cannot be exported: {reason}")))?;
    let folder = tempfile::tempdir()?;
    let landing = Landing {
        branch: header.branch.clone(),
        old: header.head.clone(),
        new: release.commit.clone().unwrap_or_else(|| header.head.clone()),
        tags: release.tags(),
        head: None,
    };
    let bundle = folder.path().join(BUNDLE);
    let commit = write_bundle(repository, run, &landing, &bundle, &folder.path().join("tree"))?;

    let mut files = vec![(JOURNAL.to_owned(), run.journal())];
    files.extend(commit.then(|| (BUNDLE.to_owned(), bundle)));
    if let Some(notes) = &release.notes {
        let path = folder.path().join(NOTES);
        fs_err::write(&path, notes)?;
        files.push((NOTES.to_owned(), path));
    }
    let as_built = |file: &Distribution| sha256(&file.path).is_ok_and(|(sha256, _)| sha256 == file.sha256);
    let (whole, missing): (Vec<_>, Vec<_>) = release.files().partition(|file| as_built(file));
    files.extend(whole.iter().map(|file| (format!("{DISTRIBUTIONS}{}", file.filename), file.path.clone())));
    let attested = whole.iter().filter(|file| has_attestation(file));
    files.extend(
        attested.map(|file| (format!("{DISTRIBUTIONS}{}{ATTESTATION}", file.filename), file.attestation())),
    );
    for log in outputs(run)? {
        let name = log.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        files.push((name, log));
    }
    files.retain(|(name, _)| is_allowed_name(name));
    let size = write(run, &files, file)?;
    let names = |files: Vec<&Distribution>| files.iter().map(|file| file.filename.clone()).collect();
    Ok(Packed { distributions: names(whole), missing: names(missing), commit, size })
}

/// Bundles the commit and the tag, from the run's clone or, if that was deleted, from the repository. Returns whether
/// there is one of them.
///
/// # Errors
/// Neither has the commit, or `git` failed.
pub(in crate::engine) fn write_bundle(
    repository: &Repository,
    run: &RunFolder,
    landing: &Landing,
    bundle: &Path,
    scratch: &Path,
) -> Result<bool> {
    let nothing = landing.new == landing.old && landing.tags.is_empty();
    if nothing {
        return Ok(false);
    }
    if run.bundle().is_file() {
        fs_err::copy(run.bundle(), bundle)?;
        return Ok(true);
    }
    let clone = if run.tree().is_dir() {
        PrivateClone::at(&run.tree())
    } else if repository.has(&landing.new) {
        let head = Head { commit: landing.new.clone(), branch: landing.branch.clone() };
        PrivateClone::make(repository, &head, scratch)?
    } else {
        return Err(Error::left(format!("the run's clone `{}` is gone", run.tree().display()))
            .help("`pyrelease status` shows how to continue here"));
    };
    landing.bundle(&clone, bundle)
}

/// Writes the file completely or not at all; returns its size.
fn write(run: &RunFolder, files: &[(String, std::path::PathBuf)], to: &Path) -> Result<u64> {
    let mut items = Vec::new();
    for (name, path) in files {
        let (sha256, size) = sha256(path)?;
        items.push(Item { name: name.clone(), size, sha256 });
    }
    let manifest = Manifest {
        format: FORMAT,
        pyrelease: env!("CARGO_PKG_VERSION").to_owned(),
        run: run.id().to_owned(),
        files: items.clone(),
    };
    // Otherwise the file could not be imported.
    unpack::check(&manifest).map_err(|reason| {
        Error::refused(format!(
            "run {} cannot be exported: {}",
            run.id(),
            reason.replacen("it ", "its file ", 1)
        ))
    })?;
    let manifest = serde_json::to_vec_pretty(&manifest).expect("a manifest has string keys only");
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let unwritable =
        |error: std::io::Error| Error::failed(format!("failed to write `{}`", to.display())).because(error);
    let mut part = tempfile::NamedTempFile::new_in(folder).map_err(unwritable)?;
    let mut archive = tar::Builder::new(GzEncoder::new(&mut part, Compression::fast()));
    append(&mut archive, MANIFEST, manifest.len() as u64, manifest.as_slice()).map_err(unwritable)?;
    for ((name, path), item) in files.iter().zip(&items) {
        let content = std::io::Read::take(fs_err::File::open(path)?, item.size);
        append(&mut archive, name, item.size, content).map_err(unwritable)?;
    }
    archive.into_inner().and_then(GzEncoder::finish).map_err(unwritable)?;
    part.flush().and_then(|()| part.as_file().sync_all()).map_err(unwritable)?;
    let size = part.as_file().metadata().map_err(unwritable)?.len();
    part.persist_noclobber(to).map_err(|error| unwritable(error.error))?;
    Ok(size)
}

fn append<W: Write>(
    archive: &mut tar::Builder<W>,
    name: &str,
    size: u64,
    content: impl std::io::Read,
) -> std::io::Result<()> {
    let mut entry = tar::Header::new_gnu();
    entry.set_size(size);
    entry.set_mode(0o644);
    archive.append_data(&mut entry, name, content)
}
