//! `pyrelease init`: what it finds, what it writes, and that a release with it does what the project did before.

mod detection;
mod hostile;
mod real;
mod side_by_side;
mod tools;
mod workspace;

use pyrelease_test_support::{Backend, Blueprint, Outcome, Project, set_binary};
use serde_json::Value;

/// A project without a configuration, a tag and a remote.
fn project() -> Blueprint {
    set_binary(env!("CARGO_BIN_EXE_pyrelease"));
    Project::python("demo", "1.0.0").backend(Backend::InTree)
}

/// The report of `init --yes`.
fn report(outcome: &Outcome) -> Value {
    outcome.events().into_iter().find(|event| event["event"] == "init").expect("a report")
}

/// What became of a setting: the outcome and the detail.
fn fate(report: &Value, setting: &str) -> (String, String) {
    let settings = report["settings"].as_array().expect("settings");
    let found = settings.iter().find(|one| one["setting"] == setting);
    let found = found.unwrap_or_else(|| panic!("no `{setting}` in {settings:#?}"));
    let text = |key: &str| found[key].as_str().expect("a text").to_owned();
    (text("outcome"), text("detail"))
}

/// The lines of a `release.toml` without comments.
fn bare(text: &str) -> Vec<String> {
    let lines = text.lines().map(|line| line.split("  # ").next().unwrap_or_default().trim_end());
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}
