//! The engine: takes any list of stages through a release, and knows none of them by name.
//!
//! Read [`stage`] for what a stage is, [`effects`] for how it changes anything, [`journal`] for what is written
//! down, [`execute`] for the order of things and [`recover`] for the ways back. [`status`] tells what is where;
//! [`transfer`] and [`reconstruction`] begin runs here that happened elsewhere or whose journal is lost.

pub mod effects;
pub mod event;
pub mod execute;
mod fetch;
pub mod journal;
mod locks;
pub mod log;
pub mod model;
pub mod order;
pub mod pipeline;
pub mod preflight;
pub mod reconstruction;
pub mod recover;
pub mod release;
mod repository_checks;
pub mod resume_state;
pub mod run;
mod sign_in;
pub mod stage;
pub mod status;
pub mod tasks;
pub mod transfer;

/// What a stage needs
pub mod prelude {
    pub use super::effects::{Attempt, Effects, Workbench};
    pub use super::model::{Action, Destination, Effect, Finding, Flow, Outputs, Product, Reach};
    pub use super::release::Release;
    pub use super::stage::Stage;
    pub use super::tasks::{Attempting, Task, TaskContext, TaskOutcome};
    pub use crate::config::Template;
    pub use crate::error::{Error, Result};
}

#[cfg(test)]
mod tests;
