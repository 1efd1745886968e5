//! What Python packaging is, as pure functions: no I/O, no clock, no environment.
pub mod distribution;
