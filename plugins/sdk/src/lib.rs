//! A stage of a pyrelease release as a plugin in Rust: implement [`Stage`], export it, and build a dynamic library.
//!
//! ```
//! use pyrelease_plugin::{Context, Descriptor, Effects, Outputs, Request, Result, Stage, Standing, Undo, export_stage};
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
//!     fn verify(_: &Context, undo: &Undo<Config>) -> Result<Standing> {
//!         let file: std::path::PathBuf = undo.effect.payload()?;
//!         Ok(if file.exists() { Standing::Present } else { Standing::Absent })
//!     }
//! }
//!
//! export_stage!(Mark);
//! # fn main() {}
//! ```
//!
//! An effect is done in a closure, which runs only when pyrelease has written down that it is about to be. `undo` and
//! `verify` run in processes of their own that remember nothing but what the effect carries along.

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
    Distribution, Effect, Outputs, Planned, Preflight, Problem, Release, Request, Severity, Standing, Undo,
};

/// A stage of a release
pub trait Stage: 'static {
    /// What `config` in `release.toml` is read into
    type Config: DeserializeOwned;

    /// What the plugin is and what it may do; it can do no more than it says here.
    fn describe() -> Descriptor;

    /// What would make it fail, and what it would do. Nothing may change here.
    fn preflight(_context: &Context, _request: &Request<Self::Config>) -> Result<Preflight> {
        Ok(Preflight::default())
    }

    /// Does it.
    fn run(context: &Context, request: &Request<Self::Config>) -> Result<Outputs>;

    /// Takes an effect back; one that is not there is no error. [`Error::kept`] says that it has to stay.
    fn undo(_context: &Context, _undo: &Undo<Self::Config>) -> Result<()> {
        Err(Error::new("there is no way to undo it"))
    }

    /// Whether an effect is there.
    fn verify(_context: &Context, _undo: &Undo<Self::Config>) -> Result<Standing> {
        Ok(Standing::Unknown)
    }
}
