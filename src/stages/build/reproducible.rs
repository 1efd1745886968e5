//! Builds a second time, elsewhere and under other conditions, and compares the bytes.
//!
//! What differs: the folder, the times and permissions of the files, the umask, the locale, the time zone, and the clock by
//! a few seconds (only `SOURCE_DATE_EPOCH` is the same). The machine, the user and the packages are the same.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use super::conditions::Conditions;
use super::task::Task;
use super::{Build, Reproducible};
use crate::engine::checkout::Checkout;
use crate::engine::prelude::*;
use crate::engine::release::BuildRequest;
use crate::python::distribution::Distribution;
use crate::python::reproducible::{Archive, deviations};
use crate::world::duplicate::duplicate;

/// The clocks of archives count at best every second one.
const CLOCK: Duration = Duration::from_millis(2_100);
/// A copy of the project from before the first build
pub(super) struct Rebuild {
    folder: PathBuf,
    root: PathBuf,
    conditions: Conditions,
}

impl Build {
    /// The same without a second build, for files that are not published.
    pub(in crate::stages) fn once(self) -> Self {
        Self { reproducible: Reproducible::Off, ..self }
    }

    /// Copies the project, before a build leaves anything in it.
    pub(super) fn prepare_rebuild(&self, task: &Task<'_>) -> Result<Option<Rebuild>> {
        if self.reproducible == Reproducible::Off {
            return Ok(None);
        }
        let folder = task.scratch.join("again");
        if folder.exists() {
            fs_err::remove_dir_all(&folder)?;
        }
        let top = task.root.ancestors().find(|folder| folder.join(".git").exists()).unwrap_or(task.root);
        let conditions = Conditions::unlike(task.root);
        let tree = folder.join("in/another/folder");
        duplicate(top, &tree, conditions.umask())?;
        let root = match task.root.strip_prefix(top) {
            Ok(inside) => tree.join(inside),
            Err(_) => tree,
        };
        Ok(Some(Rebuild { folder, root, conditions }))
    }

    /// Builds the copy and compares.
    pub(super) fn rebuild(
        &self,
        checkout: &Checkout,
        request: &BuildRequest,
        task: &Task<'_>,
        rebuild: &Rebuild,
        first: &[Distribution],
    ) -> Result<()> {
        task.host.say("building once more, in another folder and under other conditions");
        std::thread::sleep(CLOCK);
        let again = Task {
            root: &rebuild.root,
            dist: &rebuild.folder.join("dist"),
            scratch: &rebuild.folder.join("scratch"),
            epoch: task.epoch.clone(),
            variables: task.variables,
            conditions: Some(&rebuild.conditions),
            host: task.host,
        };
        // What the first build has just resolved is not resolved again.
        let request = BuildRequest { fresh_since: None, ..request.clone() };
        let second = self.build_once(checkout, &request, &again)?.distributions;
        let found = compare(first, &second)?;
        fs_err::remove_dir_all(&rebuild.folder)?;
        if found.is_empty() {
            task.host.say("the second build made the same bytes");
            return Ok(());
        }
        let strict = self.reproducible == Reproducible::Require;
        if strict {
            let messages: Vec<&str> = found.iter().map(|(message, _)| message.as_str()).collect();
            let causes: BTreeSet<&str> =
                found.iter().flat_map(|(_, causes)| causes.iter().copied()).collect();
            let error = Error::failed(messages.join("\n"));
            let error = causes.into_iter().fold(error, Error::help);
            return Err(error.help("set reproducible = \"warn\" in [stage.build] to release it nevertheless"));
        }
        for (message, causes) in found {
            let causes: Vec<&str> = causes.into_iter().collect();
            task.host.warn(&message, Some(&causes.join("\n")));
        }
        Ok(())
    }
}

/// For each distribution that differs, how, and the usual causes.
fn compare(first: &[Distribution], second: &[Distribution]) -> Result<Vec<(String, BTreeSet<&'static str>)>> {
    let mut found = Vec::new();
    for one in first {
        let name = &one.filename;
        let Some(other) = second.iter().find(|other| other.filename == *name) else {
            let message = format!("`{name}` is not reproducible: a second build did not make it");
            found.push((message, BTreeSet::from(["its name depends on the folder or the environment"])));
            continue;
        };
        if one.sha256 == other.sha256 {
            continue;
        }
        let [ours, theirs] = [one, other].map(|file| -> Result<Archive> {
            let mut opened = fs_err::File::open(&file.path)?;
            Ok(Archive::read(&mut opened, file.kind, file.size)?)
        });
        let deviations = deviations(&ours?, &theirs?);
        let how: Vec<String> = deviations.iter().map(ToString::to_string).collect();
        let how = if how.is_empty() { "other bytes between its members".to_owned() } else { how.join("; ") };
        let message = format!("`{name}` is not reproducible: a second build has {how}");
        found.push((message, deviations.iter().flat_map(|deviation| deviation.causes()).collect()));
    }
    Ok(found)
}
