//! pyrelease releases Python packages.
pub mod config;
pub mod error;
pub mod python;
pub mod world;
