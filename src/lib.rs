//! pyrelease releases Python packages.
pub mod python;
pub mod world;
