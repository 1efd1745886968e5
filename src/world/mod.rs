//! What touches the outside: the environment, processes, files, git, tools.
mod environment;
pub mod git;
pub mod process;

pub use environment::Environment;
