//! The engine: runs a release through any list of stages, and knows none of them by name.
//!
//! [`stage`] defines a stage, [`effects`] lets it change things, [`journal`] records the changes, [`execute`] runs the
//! stages in order, and [`recover`] resumes and rolls back. [`status`] reports the state of a run; [`transfer`] moves runs
//! between clones, [`adoption`] adds files that were built elsewhere to one, [`reconstruction`] begins a run for a release whose journal is lost, and [`rehearsed`] one for a release
//! that was rehearsed.

pub mod adoption;
pub mod carry;
mod check_credentials;
pub mod checkout;
pub mod edits;
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
pub mod rehearsed;
pub mod release;
mod repository_checks;
pub mod resume_state;
pub mod run;
pub mod stage;
pub mod status;
pub mod tasks;
pub mod transfer;

/// The items that a stage needs
pub mod prelude {
    pub use super::effects::{Attempt, Effects, Workbench};
    pub use super::model::{Action, Destination, Effect, Flow, Outputs, Product, Reach};
    pub use super::release::Release;
    pub use super::stage::Stage;
    pub use super::tasks::{Attempting, Evidence, Task, TaskContext, TaskOutcome};
    pub use crate::config::Template;
    pub use crate::error::{Error, Result};
    pub use crate::finding::Finding;
}

#[cfg(test)]
mod tests;
