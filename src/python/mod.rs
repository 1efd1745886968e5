//! Python packaging as pure functions: no I/O, no clock, no environment.

pub mod archive;
pub mod attestation;
pub mod changelog;
pub mod comparison;
pub mod conventional;
pub mod distribution;
pub mod entries;
pub mod filename;
pub mod forge;
pub mod formatters;
pub mod fragments;
pub mod generators;
pub mod habits;
pub mod metadata;
pub mod native;
pub mod page;
pub mod project;
mod readme;
pub mod reproducible;
pub mod settings;
pub mod token;
pub mod verdict;
pub mod version;
pub mod workflows;
pub mod workspace;
mod yaml;
