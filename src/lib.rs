//! pyrelease releases Python packages: `release.toml` lists the stages of a release, and `pyrelease run` takes a
//! project through them, or leaves nothing half done.
//!
//! Where to read what, from the outside in:
//!
//! - [`cli`] parses a command line, calls [`ops`] and prints what comes back.
//! - [`ops`] is what each command does: opens the project, asks where it must, calls the engine.
//! - [`config`] reads `release.toml` and keeps the place of every value for its errors.
//! - [`stages`] are the steps of a release, one file each; [`stages::pipeline`] puts together those configured.
//! - [`engine`] takes any list of stages through a release and knows none by name. A stage changes the world only
//!   through [`engine::effects`], which writes a journal ([`engine::journal`]) before and after each effect, so that
//!   [`engine::recover`] can finish or undo a run from the journal and the world alone.
//! - [`init`] proposes a `release.toml` from what a project has, and from the settings of its release tool.
//! - [`index`] is the client of a package index, [`server`] an index of our own, which `index serve`
//!   runs and the demonstration, drills and tests use.
//! - [`drill`] kills a release of the project wherever it can be killed, in a throwaway copy of its world, and sees
//!   whether it can be undone and finished.
//! - [`plugin`] calls stages of somebody else's, each call a process of its own.
//! - [`world`] is everything else outside: git, processes, files, HTTP, the tool environment.
//! - [`python`] is what Python packaging is, as pure functions.
//! - [`error`] ends a command; [`finding`] is what any check finds; [`input`] reads the files that a user names.
//! - [`ui`] shows everything: events, reports and tables, to people, as JSON or for GitHub; [`text`] makes what others have written safe to show.
//!
//! Dependencies point one way: `cli -> ops -> ui -> init, drill -> stages, server -> engine -> index, plugin, world ->
//! python`; a test enforces it.

pub mod cli;
pub mod config;
pub mod drill;
pub mod engine;
pub mod error;
pub mod finding;
pub mod index;
pub mod init;
pub mod input;
pub mod ops;
pub mod plugin;
pub mod python;
pub mod server;
pub mod stages;
pub mod text;
pub mod ui;
pub mod world;
