//! Distributions that were built elsewhere: each is proven to be of the release before it joins it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::check::{as_findings, judge_files};
use crate::config::list as list_of;
use crate::engine::prelude::*;
use crate::finding::Severity;
use crate::python::archive;
use crate::python::distribution::{Distribution, Kind};
use crate::python::filename::{Filename, normalize};
use crate::python::metadata::Metadata;
use crate::python::verdict::{Expected, Policy, differing_from_sdist};
use crate::python::version::Version;
use crate::world::{Environment, record_digest, sha256};

/// How many levels of folders are searched: CI systems unpack each artifact into a folder of its own
const LEVELS: usize = 3;
/// The most files in the folders
const MOST: usize = 1_000;

/// The distributions in a folder and those below it, by name.
///
/// # Errors
/// The folder cannot be read, has no distribution, or has something else; or two files of one name differ.
pub fn distributions_below(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Err(Error::usage(format!("`{}` is not a folder", folder.display())));
    }
    let mut files = Vec::new();
    list(folder, LEVELS, &mut files)?;
    let mut found: BTreeMap<String, PathBuf> = BTreeMap::new();
    let mut others = Vec::new();
    for path in files {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if name.parse::<Filename>().is_err() {
            others.push(path);
            continue;
        }
        match found.get(&name) {
            Some(known) if sha256(known)?.0 != sha256(&path)?.0 => {
                return Err(Error::refused(format!(
                    "`{}` and `{}` have different bytes",
                    known.display(),
                    path.display()
                ))
                .help("an index accepts a file name once: build each file once"));
            }
            Some(_) => {}
            None => drop(found.insert(name, path)),
        }
    }
    let is_beside_one = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        found.keys().any(|file| name.strip_prefix(file.as_str()).is_some_and(|rest| rest.starts_with('.')))
    };
    if let Some(other) = others.iter().find(|path| !is_beside_one(path)) {
        return Err(Error::refused(format!("`{}` is not a distribution", other.display()))
            .help("leave only the release's wheels (and its sdist) in the folder"));
    }
    if found.is_empty() {
        return Err(Error::refused(format!("there are no distributions in `{}`", folder.display()))
            .help("check that the builds have left their wheels there"));
    }
    Ok(found.into_values().collect())
}

/// Those of the distributions that each of these projects has, by their names.
///
/// # Errors
/// A distribution is of none of them.
pub fn of_each(paths: &[PathBuf], projects: &[&str]) -> Result<Vec<Vec<PathBuf>>> {
    let mut found = vec![Vec::new(); projects.len()];
    for path in paths {
        let project = projects.iter().position(|project| is_of(path, project));
        let Some(project) = project else {
            let name = path.file_name().unwrap_or_default().display();
            let projects = list_of(projects.iter().copied().take(20));
            return Err(Error::refused(format!(
                "`{name}` is of none of the packages that are uploaded: {projects}"
            ))
            .help("nothing was begun: leave only the release's files in the folder, and run this again"));
        };
        found[project].push(path.clone());
    }
    Ok(found)
}

/// Whether a distribution is of a project, by its name.
pub fn is_of(path: &Path, project: &str) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.parse::<Filename>().is_ok_and(|name| name.normalized_name() == normalize(project))
}

fn list(folder: &Path, levels: usize, files: &mut Vec<PathBuf>) -> Result<()> {
    let mut entries = fs_err::read_dir(folder)?.collect::<std::io::Result<Vec<_>>>()?;
    entries.retain(|entry| !entry.file_name().to_string_lossy().starts_with('.'));
    entries.sort_by_key(fs_err::DirEntry::file_name);
    for entry in entries {
        let (path, kind) = (entry.path(), entry.file_type()?);
        if kind.is_dir() && levels > 1 {
            list(&path, levels - 1, files)?;
        } else if kind.is_file() && files.len() < MOST {
            files.push(path);
        } else if kind.is_file() {
            return Err(Error::refused(format!("there are more than {MOST} files in the folder"))
                .help("leave only the release's wheels (and its sdist) in the folder"));
        } else {
            return Err(Error::refused(format!("`{}` is not a regular file", path.display()))
                .help("leave only the release's wheels (and its sdist) in the folder"));
        }
    }
    Ok(())
}

/// What distributions are measured by
pub struct Measure<'a> {
    pub project: &'a str,
    pub version: &'a str,
    /// By which `check` judges them; none if a stage does that later
    pub policy: Option<&'a Policy>,
    pub environment: &'a Environment,
    /// Gets the warnings
    pub on_warning: &'a dyn Fn(&Finding),
    pub say: &'a dyn Fn(&str),
}

impl Measure<'_> {
    /// The distributions among `paths` that a release with the files `own` does not have yet. Each has the release's name
    /// and version, and the core metadata of its sdist except for what may differ (PEP 643), and passes `check`.
    ///
    /// # Errors
    /// At least one does not, or a file of its name with other bytes is there; the error names each.
    pub fn joining(&self, own: &[Distribution], paths: &[PathBuf]) -> Result<Vec<Distribution>> {
        let mut refused = Vec::new();
        let mut new = Vec::new();
        for path in paths {
            let file = record_digest(path)?;
            match own.iter().find(|known| known.filename == file.filename) {
                Some(known) if known.sha256 == file.sha256 => {}
                Some(known) => refused.push(format!(
                    "`{}` has other bytes than the release's file of that name: sha256 {}, not {}",
                    file.filename, file.sha256, known.sha256
                )),
                None => match self.foreign(own, &file) {
                    Some(why) => refused.push(why),
                    None => new.push(file),
                },
            }
        }
        let sdist = own.iter().chain(&new).find(|file| file.kind == Kind::Sdist);
        let first = sdist.or(own.first()).or(new.first());
        if let Some(of_first) = first.and_then(metadata) {
            let first = first.map_or("", |file| file.filename.as_str());
            for file in new.iter().filter(|file| file.filename != first) {
                let fields =
                    metadata(file).map(|own| differing_from_sdist(&of_first, &own)).unwrap_or_default();
                if !fields.is_empty() {
                    refused.push(format!(
                        "`{}` and `{first}` differ in {}",
                        file.filename,
                        fields.join(", ")
                    ));
                }
            }
        }
        if let (Some(policy), [], [_, ..]) = (self.policy, refused.as_slice(), new.as_slice()) {
            refused = self.errors(policy, own.iter().chain(&new))?;
        }
        match refused.as_slice() {
            [] => Ok(new),
            [only] => Err(Error::refused(only.clone())),
            several => Err(Error::refused(format!("not files of the release:\n  {}", several.join("\n  ")))),
        }
        .map_err(|error| {
            error.help("nothing was begun: leave only the release's files in the folder, and run this again")
        })
    }

    /// Why a file cannot be one of the release, by its name.
    fn foreign(&self, own: &[Distribution], file: &Distribution) -> Option<String> {
        let (name, project, version) = (&file.filename, self.project, self.version);
        let parsed = match name.parse::<Filename>() {
            Ok(parsed) => parsed,
            Err(error) => return Some(format!("`{name}` is not a distribution: {error}")),
        };
        if parsed.normalized_name() != normalize(project) || parsed.version().to_string() != version {
            return Some(format!("`{name}` is not of {project} {version}"));
        }
        let sdist = own.iter().find(|file| file.kind == Kind::Sdist)?;
        (file.kind == Kind::Sdist)
            .then(|| format!("`{name}` is an sdist, and the release has `{}`", sdist.filename))
    }

    /// The errors that `check` finds in the files together; reports its warnings.
    fn errors<'f>(
        &self,
        policy: &Policy,
        files: impl Iterator<Item = &'f Distribution>,
    ) -> Result<Vec<String>> {
        let version = self.version.parse().map_err(|error| {
            Error::failed(format!("`{}` is not a valid version", self.version)).because(format!("{error}"))
        })?;
        let expected = Expected { name: self.project.to_owned(), version };
        let paths: Vec<PathBuf> = files.map(|file| file.path.clone()).collect();
        let report = judge_files(&paths, Some(&expected), None, policy, self.environment, self.say)?;
        let mut errors = Vec::new();
        for finding in as_findings(&report) {
            match (finding.severity, &finding.help) {
                (Severity::Error, Some(help)) => errors.push(format!("{}; {help}", finding.message)),
                (Severity::Error, None) => errors.push(finding.message),
                _ => (self.on_warning)(&finding),
            }
        }
        Ok(errors)
    }
}

/// Refuses distributions of a run from elsewhere that are not of this release, by their names or by their metadata. One that
/// is missing has its name only.
///
/// # Errors
/// One of them is of another project or version, or cannot be read.
pub fn expect_of_release(project: &str, version: &str, files: &[Distribution]) -> Result<()> {
    let known: Option<Version> = version.parse().ok();
    let is_own = |name: &str, version: &str| {
        normalize(name) == normalize(project) && known.is_some() && version.parse().ok() == known
    };
    let states_own = |file: &Distribution| {
        let stated = metadata(file);
        stated.and_then(|stated| Some(is_own(stated.name()?, stated.version()?))).unwrap_or_default()
    };
    for file in files {
        let named = file.filename.parse::<Filename>();
        let is_named = named.is_ok_and(|named| is_own(named.name(), &named.version().to_string()));
        if !is_named || (file.path.is_file() && !states_own(file)) {
            let name = file.filename.escape_debug();
            return Err(Error::refused(format!("`{name}` in the file is not of {project} {version}"))
                .help("the file is not what `pyrelease prepare` wrote: prepare the release again"));
        }
    }
    Ok(())
}

/// The core metadata of a distribution; none if it cannot be read, which `check` then says.
fn metadata(file: &Distribution) -> Option<Metadata> {
    let mut opened = fs_err::File::open(&file.path).ok()?;
    Metadata::parse(&archive::metadata(&mut opened, file.kind, file.size)?).ok()
}
