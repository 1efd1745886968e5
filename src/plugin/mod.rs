//! Plugins: stages of somebody else's, dynamic libraries or programs, that cannot hurt a release.
//!
//! A call of a plugin is a process of its own ([`launch`]), and both kinds speak the same [`protocol`]. A dynamic library
//! is loaded by a process that is this program again ([`host`]); only there is anything `unsafe`. A plugin is
//! known by a digest of all that its command executes ([`identity`]), and started from private copies of its files
//! ([`store`]). Wherever it is found ([`find`]), nothing of it runs that has not been pinned and agreed to ([`trust`]).

pub mod assignment;
mod error;
pub mod find;
pub mod host;
pub mod identity;
pub mod launch;
pub mod protocol;
pub mod schema;
pub mod store;
pub mod trial;
pub mod trust;

pub use assignment::{Assignment, CallContext};
pub use error::{Cause, PluginError};
pub use store::{Carrier, Plugin};
