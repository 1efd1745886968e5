//! towncrier and scriv: pyrelease runs them, so that they follow their settings themselves.

use super::ToolSettings;
use super::account::{Fate, Fates, dropped, same};
use super::draft::Draft;
use super::sources::{Reading, Sources, Table};

const OWN: Fate = same("the tool collects the fragments, and applies this setting itself");
const VERSION: Fate = dropped("the tool gets the version of the release on its command line");

const FATES: Fates =
    Fates { on: &[("version", VERSION), ("**", OWN)], off: &[("version", VERSION), ("**", OWN)] };

/// Where scriv's settings may be, and the section: the first that has one wins
pub(in crate::python) const SCRIV: [(&str, &str); 5] = [
    ("setup.cfg", "scriv"),
    ("setup.cfg", "tool:scriv"),
    ("tox.ini", "scriv"),
    ("tox.ini", "tool:scriv"),
    ("changelog.d/scriv.ini", "scriv"),
];

pub(super) fn read_towncrier(sources: &Sources<'_>) -> Option<ToolSettings> {
    ["towncrier.toml", "pyproject.toml"]
        .into_iter()
        .find_map(|file| read(sources, "towncrier", file, sources.toml(file, &["tool", "towncrier"])))
}

pub(super) fn read_scriv(sources: &Sources<'_>) -> Option<ToolSettings> {
    let of_ini = |(file, section): &(&'static str, &str)| {
        let sections = sources.ini(file, section);
        let own =
            sections.map(|all| all.into_iter().find(|(name, _)| name == section).map(|(_, table)| table));
        read(sources, "scriv", file, own)
    };
    let of_toml = || {
        let table = sources.pyproject(&["tool", "scriv"]);
        read(sources, "scriv", "pyproject.toml", table)
    };
    SCRIV.iter().find_map(of_ini).or_else(of_toml)
}

fn read(
    sources: &Sources<'_>,
    tool: &'static str,
    file: &str,
    table: Reading<Option<Table>>,
) -> Option<ToolSettings> {
    match table {
        Ok(None) => None,
        Ok(Some(table)) => Some(Draft::new(sources, tool, file).finish(&table, &FATES)),
        Err(reason) => Some(Draft::unreadable(sources, tool, file, reason)),
    }
}
