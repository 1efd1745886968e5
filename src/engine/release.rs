//! The release in progress: what every stage can read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use crate::config::Names;
use crate::engine::checkout::Checkout;
use crate::engine::model::{Conventions, Outputs};
use crate::error::{Error, Result};
use crate::finding::Finding;
use crate::python::project::{Files, Project};
use crate::python::version::Version;
use crate::world::Environment;
use crate::world::git::{Author, Examination, Repository};
use crate::world::kept_environment::ResolvedEnvironment;

/// What will be released
#[derive(Debug, Clone)]
pub struct Target {
    pub project: Project,
    pub version: Version,
    /// The project's current version
    pub previous: Version,
    pub previous_tag: Option<String>,
    /// The reason for the version, unless the user named it
    pub reason: Option<String>,
    pub names: Names,
    /// How the project releases, where the configuration does not say
    pub conventions: Conventions,
}

/// What the command line says about the environment of the build
#[derive(Debug, Clone, Default)]
pub struct BuildRequest {
    /// If set, an environment that was resolved before is resolved again
    pub fresh_since: Option<Timestamp>,
    /// If set, the environments to build in: those of an earlier run
    pub like: Option<Vec<ResolvedEnvironment>>,
    /// Whether to build only the sdist: wheels that are built from it elsewhere join the run later
    pub sdist_only: bool,
    /// If set, the folder with the distributions to release, which are not built
    pub from: Option<PathBuf>,
}

/// A release in progress
///
/// That of a workspace has one for each member that is released, and its own target stands for all of them.
pub struct Release {
    pub checkout: Checkout,
    pub target: Target,
    /// The members of the workspace that are released, in the order in which they are published
    pub members: Vec<Release>,
    /// The name of the member, if it is the release of one
    pub member: Option<String>,
    /// Whether it is not uploaded
    pub is_private: bool,
    /// Whether its wheels may be left to others (`--sdist-only`): in a workspace, only those that are for one platform each
    pub may_leave_wheels: bool,
    /// The outputs of earlier stages
    pub outputs: Outputs,
    pub building: BuildRequest,
    /// The file to export the run to after its private stages; then no other stage runs here
    pub export: Option<PathBuf>,
    /// Whether its tag was pushed before the run, which neither commits nor tags nor pushes
    pub is_tagged: bool,
    /// The top of the run's clone, once there is one
    clone: Option<PathBuf>,
    /// What stages have written that worked without a clone, by path in the project
    written: BTreeMap<String, Vec<u8>>,
    /// Whether the run was reconstructed after its journal was lost: then the release is partly public
    rebuilt: bool,
    /// Whether the run was imported: earlier attempts elsewhere may have done more than its journal records
    imported: bool,
}

impl Release {
    pub fn new(checkout: Checkout, target: Target) -> Self {
        Self {
            checkout,
            target,
            members: Vec::new(),
            member: None,
            is_private: false,
            may_leave_wheels: true,
            outputs: Outputs::default(),
            building: BuildRequest::default(),
            export: None,
            is_tagged: false,
            clone: None,
            written: BTreeMap::new(),
            rebuilt: false,
            imported: false,
        }
    }

    /// The same release with a handle of its own on the repository, for a preflight in another thread.
    ///
    /// # Errors
    /// The repository cannot be opened again.
    pub(super) fn again(&self, examination: &Arc<Examination>) -> Result<Self> {
        self.with(&|repository| repository.again(examination))
    }

    /// The same release with a handle of its own on the repository, for work in another thread.
    ///
    /// # Errors
    /// The repository cannot be opened again.
    pub fn reopened(&self) -> Result<Self> {
        self.with(&Repository::reopened)
    }

    fn with(&self, open: &dyn Fn(&Repository) -> Result<Repository>) -> Result<Self> {
        let checkout = self.checkout.with(open(&self.checkout.repository)?);
        let members = self.members.iter().map(|member| member.with(open)).collect::<Result<_>>()?;
        let (target, outputs, clone) = (self.target.clone(), self.outputs.clone(), self.clone.clone());
        let (building, written) = (self.building.clone(), self.written.clone());
        let Self { rebuilt, imported, is_tagged, is_private, may_leave_wheels, .. } = *self;
        let export = self.export.clone();
        let member = self.member.clone();
        Ok(Self {
            checkout,
            target,
            members,
            member,
            is_private,
            may_leave_wheels,
            outputs,
            clone,
            written,
            rebuilt,
            imported,
            is_tagged,
            building,
            export,
        })
    }

    /// From now on, reads files from the run's clone.
    pub(super) fn enter(&mut self, clone: &Path) {
        self.clone = Some(clone.to_owned());
        self.members.iter_mut().for_each(|member| member.enter(clone));
    }

    /// Replaces the outputs of all stages so far.
    pub fn set_outputs(&mut self, outputs: Outputs) {
        self.outputs = Outputs::default();
        self.members.iter_mut().for_each(|member| member.outputs = Outputs::default());
        self.take(outputs);
    }

    /// Adds the outputs of a stage. Those of the whole workspace are those of every member, too.
    pub(super) fn take(&mut self, outputs: Outputs) {
        let common = Outputs { members: BTreeMap::new(), ..outputs.clone() };
        for member in &mut self.members {
            member.outputs.merge(Outputs { links: Vec::new(), ..common.clone() });
            if let Some(own) = outputs.members.get(&member.target.project.name) {
                member.outputs.merge(own.clone());
            }
        }
        self.outputs.merge(outputs);
    }

    /// A member's folder relative to that of the workspace, with `/` and a final one.
    pub fn folder_of<'a>(&self, member: &'a Self) -> &'a str {
        let prefix = member.checkout.prefix.as_str();
        prefix.strip_prefix(self.checkout.prefix.as_str()).unwrap_or(prefix)
    }

    /// Whether it is the release of a workspace.
    pub fn is_of_workspace(&self) -> bool {
        !self.members.is_empty()
    }

    /// The release notes so far; in a workspace those of every member, each below its name and version.
    pub fn notes(&self) -> String {
        let own = self.outputs.notes.iter().cloned();
        let of_members = self.members.iter().filter_map(|member| {
            let Names { name, version, .. } = member.names();
            Some(format!("## {name} {version}\n\n{}", member.outputs.notes.as_ref()?.trim()))
        });
        own.chain(of_members).collect::<Vec<_>>().join("\n\n")
    }

    /// The names of its tags, each once.
    pub fn tag_names(&self) -> impl Iterator<Item = &str> {
        let mut names: Vec<&str> = self.of_each().map(|release| release.names().tag.as_str()).collect();
        let mut known = BTreeSet::new();
        names.retain(|name| known.insert(*name));
        names.into_iter()
    }

    /// From now on, reads these files as they are here.
    pub(super) fn overlay(&mut self, written: impl IntoIterator<Item = (String, Vec<u8>)>) {
        self.written.extend(written);
        for member in &mut self.members {
            let prefix = &member.checkout.prefix;
            let folder = prefix.strip_prefix(self.checkout.prefix.as_str()).unwrap_or(prefix);
            let own = self
                .written
                .iter()
                .filter_map(|(path, bytes)| Some((path.strip_prefix(folder)?.to_owned(), bytes.clone())));
            member.written.extend(own);
        }
    }

    /// Marks the run as reconstructed after its journal was lost.
    pub(super) fn mark_reconstructed(&mut self) {
        self.rebuilt = true;
        self.members.iter_mut().for_each(Self::mark_reconstructed);
    }

    /// Marks the run as imported.
    pub(super) fn mark_imported(&mut self) {
        self.imported = true;
        self.members.iter_mut().for_each(Self::mark_imported);
    }

    /// Whether the run was imported: earlier attempts elsewhere may have done more than its journal records.
    pub fn is_imported(&self) -> bool {
        self.imported
    }

    /// Whether the run was reconstructed after its journal was lost: the release is partly public, nothing is rehearsed, and
    /// distributions among the outputs are not built again.
    pub fn is_rebuilt(&self) -> bool {
        self.rebuilt
    }

    /// Sets what the command line says about the environment of the build.
    pub fn set_building(&mut self, request: &BuildRequest) {
        self.building = request.clone();
        self.building.sdist_only &= self.may_leave_wheels;
        self.members.iter_mut().for_each(|member| member.set_building(request));
    }

    /// Marks it as one whose tags were pushed before.
    pub fn set_tagged(&mut self) {
        self.is_tagged = true;
        self.members.iter_mut().for_each(Self::set_tagged);
    }

    /// Sets the environment variables that everything reads.
    pub fn set_environment(&mut self, environment: &Environment) {
        self.checkout.environment = environment.clone();
        self.members.iter_mut().for_each(|member| member.set_environment(environment));
    }

    /// Sets the author of what git writes.
    pub fn set_author(&self, author: &Author) {
        self.checkout.repository.set_author(author.clone());
        self.members.iter().for_each(|member| member.set_author(author));
    }

    /// The releases of its projects: itself, or the members.
    pub fn of_each(&self) -> impl Iterator<Item = &Self> {
        self.members.is_empty().then_some(self).into_iter().chain(&self.members)
    }

    /// The releases of the projects that are uploaded.
    pub fn uploaded(&self) -> Vec<&Self> {
        self.of_each().filter(|release| !release.is_private).collect()
    }

    /// The names of the projects that are uploaded.
    pub fn uploaded_projects(&self) -> Vec<&str> {
        self.uploaded().into_iter().map(|release| release.names().name.as_str()).collect()
    }

    /// Records that the user has agreed to the release.
    pub fn give_consent(&self) {
        self.checkout.repository.give_consent();
        self.members.iter().for_each(Self::give_consent);
    }

    /// Sets the file to export the run to after its private stages.
    pub fn set_export(&mut self, file: Option<&PathBuf>) {
        self.export = file.cloned();
        self.members.iter_mut().for_each(|member| member.set_export(file));
    }

    /// The note that an index, a remote or a forge is not asked, where the release is only prepared and without a network.
    pub fn not_asked(&self, what: &str) -> Option<Finding> {
        (self.export.is_some() && self.checkout.environment.is_offline()).then(|| {
            Finding::note(format!(
                "`{what}` was not asked, as PYRELEASE_OFFLINE is set: `pyrelease publish` asks it"
            ))
        })
    }

    /// The values for templates.
    pub fn names(&self) -> &Names {
        &self.target.names
    }

    /// The project's folder: in the run's clone, once there is one.
    pub fn root(&self) -> PathBuf {
        match &self.clone {
            Some(clone) => clone.join(&self.checkout.prefix),
            None => self.checkout.root(),
        }
    }

    /// All of a file of which the project has a part; none if it does not exist or is not UTF-8.
    pub fn whole_text(&self, path: &str) -> Option<String> {
        let bytes = match &self.clone {
            Some(clone) => self.read_cloned(clone, path),
            None => self.checkout.read_whole(path),
        };
        String::from_utf8(bytes?).ok()
    }

    /// A file in the run's clone; none if a link leads out of it: what is read must be what the preflight has read.
    fn read_cloned(&self, clone: &Path, path: &str) -> Option<Vec<u8>> {
        let file = self.root().join(path);
        // Most of the files that are looked for do not exist, and that is quicker to know than where a path leads.
        fs_err::metadata(&file).ok()?;
        let file = fs_err::canonicalize(file).ok()?;
        let is_inside = file.starts_with(fs_err::canonicalize(clone).ok()?);
        if is_inside { fs_err::read(file).ok() } else { None }
    }

    /// A file of the project as text.
    ///
    /// # Errors
    /// The file does not exist (or is not committed), or is not UTF-8.
    pub fn text(&self, path: &str) -> Result<String> {
        let bytes = self.read(path).ok_or_else(|| {
            if let Some(error) = self.checkout.way_out(path) {
                return error;
            }
            let error = Error::refused(format!("there is no `{path}` in the project's last commit"));
            match self.checkout.root().join(path).exists() {
                true => error.help(format!("`{path}` exists but is not committed: `git add` and commit it")),
                false => error,
            }
        })?;
        String::from_utf8(bytes).map_err(|_| Error::refused(format!("`{path}` is not UTF-8 text")))
    }
}

impl Files for Release {
    /// A file of the project: of the run's clone once there is one, else as committed.
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        match &self.clone {
            Some(clone) => Some(self.checkout.own_part(path, self.read_cloned(clone, path)?)),
            None => self.written.get(path).cloned().or_else(|| self.checkout.read(path)),
        }
    }

    /// As committed: a run adds no file that matters here.
    fn list(&self, folder: &str) -> Vec<String> {
        self.checkout.list(folder)
    }

    fn list_near(&self, folder: &str, levels: usize) -> Vec<String> {
        self.checkout.list_near(folder, levels)
    }
}
