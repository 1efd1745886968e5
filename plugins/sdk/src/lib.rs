//! Write a stage of a pyrelease release as a plugin in Rust: implement [`Stage`], export it, and build a dynamic
//! library.
//!
//! ```
//! use pyrelease_plugin::{
//!     Context, Descriptor, EffectState, Effects, Outputs, Request, Result, Stage, Undo, export_stage,
//! };
//!
//! #[derive(serde::Deserialize)]
//! struct Config {
//!     file: std::path::PathBuf,
//! }
//!
//! struct Mark;
//!
//! impl Stage for Mark {
//!     type Config = Config;
//!
//!     fn describe() -> Descriptor {
//!         Descriptor::new("mark", "1.0.0").effects(Effects::Reversible)
//!     }
//!
//!     fn run(context: &Context, request: &Request<Config>) -> Result<Outputs> {
//!         let file = &request.config.file;
//!         context.effect("mark", "write the mark", &file, || Ok(std::fs::write(file, &request.release.version)?))?;
//!         Ok(Outputs::default())
//!     }
//!
//!     fn undo(_: &Context, undo: &Undo<Config>) -> Result<()> {
//!         let file: std::path::PathBuf = undo.effect.payload()?;
//!         match std::fs::remove_file(file) {
//!             Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
//!             _ => Ok(()),
//!         }
//!     }
//!
//!     fn verify(_: &Context, undo: &Undo<Config>) -> Result<EffectState> {
//!         let file: std::path::PathBuf = undo.effect.payload()?;
//!         Ok(if file.exists() { EffectState::Present } else { EffectState::Absent })
//!     }
//! }
//!
//! export_stage!(Mark);
//! # fn main() {}
//! ```
//!
//! An effect is a closure, which runs only after pyrelease has recorded the effect. `undo` and `verify` run in
//! processes of their own, and know only the effect's data.

pub mod abi;
mod answer;
mod context;
mod descriptor;
mod error;
#[doc(hidden)]
pub mod export;
mod request;

use serde::de::DeserializeOwned;

pub use context::Context;
pub use descriptor::{Descriptor, Effects, Reach};
pub use error::{Error, Result};
pub use request::{
    Distribution, Effect, EffectState, Outputs, Planned, Preflight, Problem, Release, Request, Severity, Undo,
};

/// A stage of a release
pub trait Stage: 'static {
    /// The type of `config` in `release.toml`
    type Config: DeserializeOwned;

    /// The plugin's description; pyrelease refuses effects that it does not declare.
    fn describe() -> Descriptor;

    /// Returns problems that would make `run` fail, and the planned effects. Must not change anything.
    fn preflight(_context: &Context, _request: &Request<Self::Config>) -> Result<Preflight> {
        Ok(Preflight::default())
    }

    /// Does the stage's work.
    fn run(context: &Context, request: &Request<Self::Config>) -> Result<Outputs>;

    /// Undoes an effect; succeeds if there is nothing to undo. Return [`Error::kept`] if the effect must stay.
    fn undo(_context: &Context, _undo: &Undo<Self::Config>) -> Result<()> {
        Err(Error::new("`undo` is not implemented"))
    }

    /// Reports whether an effect exists.
    fn verify(_context: &Context, _undo: &Undo<Self::Config>) -> Result<EffectState> {
        Ok(EffectState::Unknown)
    }
}
