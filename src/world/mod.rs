//! What touches the outside: the environment, processes, files, git, HTTP, tools.

pub mod crew;
pub mod digest;
pub mod document;
mod environment;
pub mod faults;
mod files;
pub mod git;
pub mod guard;
pub mod hashes;
pub mod http;
pub mod memory;
pub mod process;
pub mod processes;
pub mod remains;
pub mod terminal;
pub mod tools;

pub use environment::{Environment, without_relative_folders};
pub use files::{Folder, freeze, make_last, sha256, size, verify};
