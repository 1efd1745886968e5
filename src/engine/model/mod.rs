//! The engine's data types, without side effects.

mod action;
mod convention;
mod effect;
mod outputs;
mod plan;
mod product;
mod reach;

pub use action::Action;
pub use convention::{
    Convention, Conventions, DEFAULT_COMMIT_MESSAGE, DEFAULT_TAG_MESSAGE, DEFAULT_TAG_NAME, PlannedConvention,
};
pub use effect::{Effect, ForgeEffect, PluginEffect, State, joined};
pub use outputs::{Destination, Outputs};
pub use plan::{MemberActions, Plan, PlannedMember, PlannedStage, PluginSteps};
pub use product::{Flow, Product};
pub use reach::Reach;
