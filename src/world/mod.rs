//! What touches the outside: the environment, processes, files, git, HTTP, tools.

pub mod digest;
mod environment;
mod files;
pub mod git;
pub mod http;
pub mod process;
pub mod tools;

pub use environment::Environment;
pub use files::{freeze, sha256, size, verify};

impl From<tools::ToolsError> for crate::error::Error {
    fn from(error: tools::ToolsError) -> Self {
        let help = error.help();
        let converted = Self::failed("the tool environment cannot be used").because(error);
        help.into_iter().fold(converted, Self::help)
    }
}
