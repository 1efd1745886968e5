//! The tests of the program as a whole: one binary.

mod dependencies;
mod docs;
#[cfg(unix)]
mod faults;
mod formats;
#[cfg(unix)]
mod guides;
mod layers;
mod model;
mod packaging;
#[cfg(unix)]
mod plugin;
mod reference;
mod release;
mod shown;
mod verdict;
mod workspaces;
