//! The ways on from any state, from the journal and the world alone: what happened, and taking it back.

mod context;
mod locks;
mod plugin;
mod push;
mod undo;
mod unexplained;

pub use context::{Presence, RecoveryContext};
pub use locks::left_locks;
pub use plugin::PluginLog;
pub use undo::OnUndoFailure;
pub use unexplained::Unexplained;
