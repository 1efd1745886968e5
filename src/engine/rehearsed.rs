//! Rehearsals among the runs: the folder that keeps what one prepared, and a run that takes it over instead of preparing
//! it again.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::carry::carry;
use super::event::Event;
use super::execute::{Execution, header};
use super::journal::{self, Header, Journal, Outcome, Record};
use super::pipeline::Pipeline;
use super::release::Release;
use super::resume_state::{completed_stages, landing};
use super::run::{RunFolder, Store};
use super::transfer::write_bundle;
use crate::config::Source;
use crate::engine::model::{Outputs, Reach};
use crate::error::{Error, Result};
use crate::world::git::{Landing, PrivateClone, Repository};
use crate::world::{make_link, sha256, verify, write_whole};

/// How many earlier rehearsals are kept
const KEPT_REHEARSALS: usize = 2;
/// The folder for the files that private stages left in the clone
const LEFT: &str = "left";

/// What a release is rehearsed of, beside the header of its run
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    header: Header,
    /// The paths of the files in `carry`, each with its sha256
    carried: Vec<(PathBuf, String)>,
}

/// The file in the folder of a rehearsal that marks it as one
#[derive(Debug, Serialize, Deserialize)]
struct Mark {
    subject: Subject,
    /// Whether a run can take over what it prepared
    is_prepared: bool,
}

impl Subject {
    /// # Errors
    /// A file in `carry` cannot be read.
    pub fn of(pipeline: &Pipeline, release: &Release, (source, carry): (&Source, &[String])) -> Result<Self> {
        let mut header = header(String::new(), pipeline, release, source);
        header.worktree = None;
        let root = release.checkout.root();
        let mut carried = Vec::new();
        carry.iter().try_for_each(|path| list(&root, PathBuf::from(path), &mut carried))?;
        carried.sort();
        Ok(Self { header, carried })
    }
}

/// Lists the files at a path of the project.
fn list(root: &Path, path: PathBuf, listed: &mut Vec<(PathBuf, String)>) -> Result<()> {
    let there = root.join(&path);
    if there.is_dir() {
        for entry in fs_err::read_dir(&there)? {
            list(root, path.join(entry?.file_name()), listed)?;
        }
    } else if there.is_file() {
        listed.push((path, sha256(&there)?.0));
    }
    Ok(())
}

impl Store {
    /// Creates the folder of a rehearsal, and deletes the oldest ones. The caller holds the lock.
    ///
    /// # Errors
    /// A folder cannot be written.
    pub fn begin_rehearsal(&self, subject: &Subject) -> Result<RunFolder> {
        let rehearsals: Vec<RunFolder> = self.runs()?.into_iter().filter(RunFolder::is_rehearsal).collect();
        for old in rehearsals.iter().take(rehearsals.len().saturating_sub(KEPT_REHEARSALS)) {
            fs_err::remove_dir_all(old.folder())?;
        }
        let run = self.run(&self.new_id()?);
        fs_err::create_dir_all(run.tree())?;
        mark(&run, subject, false)?;
        Ok(run)
    }

    /// The newest rehearsal of exactly this that a run can take over.
    ///
    /// # Errors
    /// A folder cannot be read.
    pub fn rehearsal_of(&self, subject: &Subject) -> Result<Option<RunFolder>> {
        let is_same = |run: &RunFolder| {
            let read = fs_err::read(run.rehearsal()).ok();
            let mark = read.and_then(|text| serde_json::from_slice::<Mark>(&text).ok());
            mark.is_some_and(|mark| mark.is_prepared && mark.subject == *subject)
        };
        Ok(self.runs()?.into_iter().rev().find(is_same))
    }
}

fn mark(rehearsal: &RunFolder, subject: &Subject, is_prepared: bool) -> Result<()> {
    let mark = Mark { subject: subject.clone(), is_prepared };
    let mark = serde_json::to_vec(&mark).expect("a subject has string keys only");
    Ok(write_whole(&rehearsal.rehearsal(), &mark)?)
}

/// Keeps what the run in the copy prepared, in the folder of the rehearsal: its journal and logs, the distributions, the
/// release's commit and tag, and the files that its private stages left in the clone. `is_whole` tells whether every
/// private stage took part, so that a run can take it over.
///
/// # Errors
/// A file cannot be read or written, or `git` fails.
pub fn keep(
    rehearsal: &RunFolder,
    subject: &Subject,
    (copy, repository): (&RunFolder, &Repository),
    (outcome, is_whole): (Outcome, bool),
) -> Result<()> {
    let records = Journal::read(&copy.journal())?;
    for log in super::log::outputs(copy)? {
        fs_err::copy(&log, rehearsal.folder().join(log.file_name().unwrap_or_default()))?;
    }
    fs_err::create_dir_all(rehearsal.dist())?;
    let outputs = outputs(&records, &private(&subject.header));
    for file in outputs.iter().flat_map(|(_, outputs)| outputs.files()) {
        if file.path.is_file() {
            fs_err::copy(&file.path, rehearsal.dist().join(&file.filename))?;
        }
    }
    if outcome == Outcome::Rehearsed {
        let prepared = merged(&outputs);
        let landing = Landing {
            branch: subject.header.branch.clone(),
            old: subject.header.head.clone(),
            new: prepared.commit.clone().unwrap_or_else(|| subject.header.head.clone()),
            tags: prepared.tags(),
            head: None,
        };
        write_bundle(repository, copy, &landing, &rehearsal.bundle(), &rehearsal.tree().join("bundled"))?;
        keep_left(&PrivateClone::at(&copy.tree()), &rehearsal.folder().join(LEFT))?;
    }
    let mut header = subject.header.clone();
    rehearsal.id().clone_into(&mut header.run);
    journal::copy(&copy.journal(), &rehearsal.journal(), header, outcome)?;
    mark(rehearsal, subject, is_whole && outcome == Outcome::Rehearsed)
}

/// Moves the files that git does not have, or has otherwise, out of the clone.
fn keep_left(clone: &PrivateClone, to: &Path) -> Result<()> {
    let listed = clone.git(["ls-files", "-z", "--others", "--modified"]).read()?;
    for path in listed.split('\0').filter(|path| !path.is_empty()) {
        let from = clone.top().join(path);
        if from.symlink_metadata().is_err() {
            continue;
        }
        let to = to.join(path);
        if let Some(folder) = to.parent() {
            fs_err::create_dir_all(folder)?;
        }
        fs_err::rename(from, to)?;
    }
    Ok(())
}

/// The private stages.
fn private(header: &Header) -> Vec<&str> {
    let stages = header.stages.iter().filter(|(_, reach)| *reach == Reach::Private);
    stages.map(|(name, _)| name.as_str()).collect()
}

/// What each of these stages gave.
fn outputs(records: &[Record], stages: &[&str]) -> Vec<(String, Outputs)> {
    let done = records.iter().filter_map(|record| match record {
        Record::StageDone { stage, outputs } if stages.contains(&stage.as_str()) => {
            Some((stage.clone(), outputs.clone()))
        }
        _ => None,
    });
    done.collect()
}

fn merged(outputs: &[(String, Outputs)]) -> Outputs {
    outputs.iter().fold(Outputs::default(), |mut all, (_, outputs)| {
        all.merge(outputs.clone());
        all
    })
}

impl Execution<'_> {
    /// Takes over what a rehearsal prepared: its commit, its tag and its distributions. Whatever prevents that is a
    /// warning, and the run prepares them itself.
    ///
    /// # Errors
    /// The run's folder cannot be written.
    pub(super) fn take_over(&mut self, rehearsal: &RunFolder) -> Result<()> {
        let Err(error) = self.take(rehearsal) else { return Ok(()) };
        self.run.clear(true)?;
        self.release.set_outputs(Outputs::default());
        let message = format!("rehearsal {} cannot be used: {}", rehearsal.id(), error.chain());
        let help = Some("the release is built again");
        self.listener.on_event(&Event::Warning { stage: None, message: &message, help });
        Ok(())
    }

    fn take(&mut self, rehearsal: &RunFolder) -> Result<()> {
        let records = Journal::read(&rehearsal.journal())?;
        let header = journal::header(&records).ok_or_else(|| Error::failed("its journal has no header"))?;
        let stages = private(header);
        if completed_stages(&records, &stages).0 < stages.len() {
            return Err(Error::failed("its private stages are not complete"));
        }
        let mut outputs = outputs(&records, &stages);
        fs_err::create_dir_all(self.run.dist())?;
        for file in outputs.iter_mut().flat_map(|(_, outputs)| outputs.files_mut()) {
            if Path::new(&file.filename).file_name() != Some(file.filename.as_ref()) {
                return Err(Error::failed(format!("its journal names a file `{}`", file.filename)));
            }
            verify(file)?;
            let path = self.run.dist().join(&file.filename);
            fs_err::copy(&file.path, &path)?;
            file.path = path;
            verify(file)?;
        }
        self.release.set_outputs(merged(&outputs));
        let tree = self.run.tree();
        let bundle = Some(rehearsal.bundle()).filter(|bundle| bundle.is_file());
        let checkout = &self.release.checkout;
        landing(&self.release).unbundle(&checkout.repository, bundle.as_deref(), &tree)?;
        for path in self.carry {
            carry(&checkout.root(), &tree.join(&checkout.prefix), path)?;
        }
        let left = rehearsal.folder().join(LEFT);
        if left.is_dir() {
            put_back(&left, &tree)?;
        }
        for (stage, outputs) in outputs {
            self.journal.write(Record::StageBegun { stage: stage.clone() })?;
            self.journal.write(Record::StageDone { stage, outputs })?;
        }
        Ok(())
    }
}

/// Copies what private stages left into the clone, where it takes the place of what is there.
fn put_back(from: &Path, to: &Path) -> Result<()> {
    fs_err::create_dir_all(to)?;
    for entry in fs_err::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        // A link of the repository may point anywhere: it is replaced, not followed.
        if to.symlink_metadata().is_ok_and(|there| !(there.is_dir() && kind.is_dir())) {
            if to.is_dir() && !to.is_symlink() {
                fs_err::remove_dir_all(&to)?
            } else {
                fs_err::remove_file(&to)?
            }
        }
        if kind.is_dir() {
            put_back(&from, &to)?;
        } else if kind.is_symlink() {
            make_link(&fs_err::read_link(&from)?, &to)?;
        } else {
            fs_err::copy(&from, &to)?;
        }
    }
    Ok(())
}
