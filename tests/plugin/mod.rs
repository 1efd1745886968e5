//! Plugins: what they may do, what they cannot, and what becomes of a release that has them.

mod beginning;
mod carriers;
mod commands;
mod drill;
mod executables;
pub(crate) mod github;
mod languages;
mod libraries;
mod moved;
mod order;
mod releases;
pub(crate) mod scene;
mod secrets;
pub(crate) mod support;
mod trust;
mod waiting;
mod writing;
