//! Recovery: completes or undoes a run, from its journal and the state of repository, remotes and indexes alone.

mod context;
mod forge;
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
