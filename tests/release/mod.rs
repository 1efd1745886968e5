//! End-to-end releases of real projects, to real index servers and with a remote.

mod asked;
mod attestations;
mod awaited;
mod backends;
mod branched;
mod build_environments;
mod building;
mod bump;
mod changelog;
pub(crate) mod ci;
mod consent;
mod crates;
pub(crate) mod credentials;
mod distributions;
mod doctor;
mod doubt;
pub(crate) mod drill;
pub(crate) mod drilled;
pub(crate) mod failures;
#[cfg(unix)]
pub(crate) mod forge;
mod forms;
mod fragments;
mod front;
mod generated;
mod guarded;
mod habits;
mod hygiene;
#[cfg(unix)]
mod index;
mod init;
mod integration;
mod interface;
mod issuer;
mod journal_end;
pub(crate) mod json;
mod late_push;
#[cfg(unix)]
mod machine;
mod network;
mod order;
#[cfg(unix)]
mod outputs;
pub(crate) mod power;
mod prepare;
mod preview;
mod processes;
mod racing;
mod rebuild;
mod recovery;
mod rehearsals;
mod rehearse;
mod reopen;
mod reports;
mod repositories;
mod reproducible;
mod rights;
mod rivals;
mod secrets;
pub(crate) mod status;
mod terminal;
mod transfer;
mod upload;
mod wheels;
pub(crate) mod workspace;

use pyrelease_test_support::{Blueprint, Project, set_binary};

/// The `release.toml` of a project with its own backend
const QUICK: &str = "\n[stage.build]\nisolation = false\n";

/// A project with its own backend; with [`QUICK`] its build takes no time.
pub(crate) fn quick() -> Blueprint {
    demo().backend(pyrelease_test_support::Backend::InTree)
}

/// A project named `demo`, of which 1.0.0 has been released, and its remote.
pub(crate) fn demo() -> Blueprint {
    set_binary(env!("CARGO_BIN_EXE_pyrelease"));
    Project::python("demo", "1.0.0").tagged("v1.0.0").with_remote()
}

/// The changelog of a release, with the day as `DAY`.
fn changelog_of(project: &Project, path: &str) -> String {
    let day = project.git(&["log", "-1", "--format=%cs"]);
    project.read(path).replace(day.trim(), "DAY")
}
