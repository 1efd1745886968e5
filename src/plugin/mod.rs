//! Plugins: third-party stages, as libraries or programs, that cannot harm a release.
//!
//! Every call of a plugin is a process of its own ([`launch`]), and libraries and programs speak the same [`protocol`].
//! A library is loaded by a host process, which is this program again ([`host`]); only the host contains `unsafe` code.
//! A plugin is identified by a digest of everything its command executes ([`identity`]), and started from private
//! copies of its files ([`store`]). A plugin runs only if it is pinned and trusted ([`trust`]), wherever it is found
//! ([`find`]).

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
pub use store::{Plugin, PluginKind};
