//! What touches the outside: the environment, processes, files, git, tools.
mod environment;

pub use environment::Environment;
