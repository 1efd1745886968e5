//! The engine: takes any list of stages through a release, and knows none of them by name.
//!
//! Read [`stage`] for what a stage is, [`effects`] for how it changes anything, [`journal`] for what is written
//! down, [`execute`] for the order of things and [`recover`] for the ways back. [`survey`] tells what is where;
//! [`parcel`] and [`proven`] begin runs here that happened elsewhere or whose journal is lost.

mod condition;
pub mod effects;
pub mod event;
pub mod execute;
mod fetch;
pub mod journal;
mod locks;
pub mod log;
pub mod order;
pub mod parcel;
pub mod plan;
pub mod preflight;
pub mod proven;
pub mod recover;
pub mod release;
pub mod run;
mod sign_in;
pub mod stage;
pub mod survey;
pub mod take_up;
pub mod together;

/// What a stage needs
pub mod prelude {
    pub use super::effects::{Action, Attempt, Effect, Effects, Workbench};
    pub use super::release::Release;
    pub use super::stage::{Destination, Finding, Flow, Outputs, Product, Reach, Stage};
    pub use super::together::{Attempting, Ending, Hand, Task};
    pub use crate::config::Template;
    pub use crate::error::{Error, Result};
}

#[cfg(test)]
mod tests;
