//! pyrelease releases Python packages.
pub mod python;
