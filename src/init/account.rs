//! What becomes of every setting of other tools.

use serde::Serialize;

use super::Finds;
use super::decided::{Decided, Verdict};
use super::places::PlaceFate;
use crate::python::settings::{Fate, Part, Setting, ToolSettings};

/// A setting of another tool, and what becomes of it
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SettingOutcome {
    pub tool: &'static str,
    pub file: String,
    /// The setting's key; empty for all of a file that cannot be read
    pub setting: String,
    pub outcome: Outcome,
    /// Where it is now, or why
    pub detail: String,
}

/// What becomes of a setting
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "ConversionOutcome"))]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Converted,
    /// The same by nature
    Same,
    Dropped,
    #[serde(rename = "needs-you")]
    NeedsUser,
}

/// The outcome of every setting of every tool.
pub(super) fn outcomes(finds: &Finds<'_>, decided: &Decided) -> Vec<SettingOutcome> {
    let of_tool = |(at, tool): (usize, &ToolSettings)| {
        let settings = tool.account.iter().map(|setting| {
            let (outcome, detail) = outcome((at, tool), setting, decided);
            let file = tool.file.clone();
            SettingOutcome { tool: tool.tool, file, setting: setting.key.clone(), outcome, detail }
        });
        settings.collect::<Vec<_>>()
    };
    finds.tools.iter().enumerate().flat_map(of_tool).collect()
}

fn outcome((at, tool): (usize, &ToolSettings), setting: &Setting, decided: &Decided) -> (Outcome, String) {
    match &setting.fate {
        Fate::Same(reason) => (Outcome::Same, reason.to_string()),
        Fate::Dropped(reason) => (Outcome::Dropped, reason.to_string()),
        Fate::NeedsUser(reason) => (Outcome::NeedsUser, reason.to_string()),
        Fate::Decides(Part::Record) if tool.record.is_some() => {
            let reason = "bumped as one of the places of the version, as long as its file is there";
            (Outcome::Same, reason.to_owned())
        }
        Fate::Decides(Part::Places) => places((at, tool), setting, decided),
        Fate::Decides(Part::Hooks) => {
            let found =
                decided.hooks.iter().find(|(of, key, _)| *of == tool.tool && is_of(&setting.key, key));
            match found {
                Some((_, _, verdict)) => of_verdict(verdict),
                None => no_effect(),
            }
        }
        Fate::Decides(part) => {
            let found = decided.verdicts.iter().find(|(of, about, _)| *of == tool.tool && about == part);
            match found {
                Some((_, _, verdict)) => of_verdict(verdict),
                None => no_effect(),
            }
        }
    }
}

/// The outcome of a setting that decides nothing here.
fn no_effect() -> (Outcome, String) {
    (Outcome::Dropped, "it has no effect here".to_owned())
}

fn of_verdict(verdict: &Verdict) -> (Outcome, String) {
    match verdict {
        Verdict::Written(place) => (Outcome::Converted, place.clone()),
        Verdict::Same(reason) => (Outcome::Same, reason.clone()),
        Verdict::Dropped(reason) => (Outcome::Dropped, reason.clone()),
        Verdict::NeedsUser(reason) => (Outcome::NeedsUser, reason.clone()),
    }
}

/// Whether a setting is an entry, or in it.
fn is_of(setting: &str, entry: &str) -> bool {
    let rest = setting.strip_prefix(entry).filter(|_| !entry.is_empty());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', ' ']))
}

/// The outcome of a setting about files: that of the places that it names, the gravest first.
fn places((at, tool): (usize, &ToolSettings), setting: &Setting, decided: &Decided) -> (Outcome, String) {
    let fates = decided.places.fates.get(at).map(Vec::as_slice).unwrap_or_default();
    let of_entry = |wanted: &dyn Fn(&str) -> bool| -> Vec<PlaceFate> {
        tool.origins
            .iter()
            .zip(fates)
            .filter(|(origin, _)| wanted(origin))
            .map(|(_, fate)| fate.clone())
            .collect()
    };
    let mut found = of_entry(&|origin| is_of(&setting.key, origin));
    if found.is_empty() {
        // A default for all files, or an entry whose places another one has
        found = of_entry(&|origin| !origin.is_empty());
    }
    let listed = || "`files` in [stage.version]".to_owned();
    if found.contains(&PlaceFate::NotExpressed) {
        return (Outcome::NeedsUser, format!("{} cannot describe this place", listed()));
    }
    if found.contains(&PlaceFate::Listed) {
        return (Outcome::Converted, listed());
    }
    match found.first() {
        Some(PlaceFate::Learned(reason)) => {
            (Outcome::Same, format!("earlier releases changed the same lines, {reason}"))
        }
        Some(_) => (Outcome::Same, "the project's own metadata, which are bumped anyway".to_owned()),
        None => (Outcome::Dropped, "no file states the version there".to_owned()),
    }
}
