//! The plugin that stands in for others in a drilled release.

use std::path::{Path, PathBuf};

use toml_edit::{Array, TableLike, value};

use crate::engine::model::Reach;
use crate::error::Result;
use crate::plugin::protocol::{Class, Classes};
use crate::plugin::{Plugin, store, trust};
use crate::world::Environment;

/// The plugin that stands in for others
const STAND_IN: &str = include_str!("../../templates/drill/stand-in.sh");

/// Its file name in a drilled project
const FILE: &str = "pyrelease-drill-stand-in";

/// The stand-in's reversible effect and its irreversible one
const EFFECTS: [(&str, Class); 2] = [("first", Class::Reversible), ("last", Class::Irreversible)];

/// A stage that a plugin runs
#[derive(Debug, Clone)]
pub struct PluginStage {
    pub stage: String,
    pub reach: Reach,
    /// The effects that the plugin declared
    pub classes: Classes,
    /// The plugin's file
    pub source: PathBuf,
}

/// The stand-in's marks, one file per effect, and whether undoing removes each.
pub(super) fn marks(stage: &str, classes: Classes) -> Vec<(String, bool)> {
    let had = EFFECTS.into_iter().filter(|(_, class)| classes.allow(*class));
    had.map(|(key, class)| (format!("{stage}.{key}"), class == Class::Reversible)).collect()
}

/// Replaces a stage's plugin and its settings with the stand-in.
pub(super) fn replace_with_stand_in(stage: &mut dyn TableLike, classes: Classes, reach: Reach, mark: &str) {
    let keys: Vec<String> = stage.iter().map(|(key, _)| key.to_owned()).collect();
    keys.iter().for_each(|key| drop(stage.remove(key)));
    let words = words(classes, reach, mark);
    stage.insert("plugin", value("stand-in"));
    stage.insert("command", value(std::iter::once(FILE.to_owned()).chain(words).collect::<Array>()));
}

/// The stand-in's arguments.
fn words(classes: Classes, reach: Reach, mark: &str) -> Vec<String> {
    // In a form that is not the name of any project's file.
    vec![format!("--effects={}", classes.name()), format!("--reach={reach}"), mark.to_owned()]
}

/// Writes the stand-in's file.
///
/// # Errors
/// The file cannot be written.
pub(super) fn write(project: &Path) -> Result<&'static str> {
    fs_err::write(project.join(FILE), STAND_IN)?;
    Ok(FILE)
}

/// The variable that trusts these stand-ins, in addition to its current value.
pub(super) fn consent(
    environment: &Environment,
    stand_ins: impl Iterator<Item = (Classes, Reach, String)>,
) -> (&'static str, String) {
    let identities = stand_ins.map(|(classes, reach, mark)| {
        let (before, files) = (Vec::new(), Vec::new());
        let (sha256, after) = (store::sha256(STAND_IN.as_bytes()), words(classes, reach, &mark));
        Plugin { name: FILE.to_owned(), sha256, source: FILE.into(), before, after, files }.identity()
    });
    let said = environment.get(trust::VARIABLE).map(str::to_owned);
    (trust::VARIABLE, said.into_iter().chain(identities).collect::<Vec<_>>().join(","))
}
