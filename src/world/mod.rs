//! Everything outside this process: the environment, processes, files, git, HTTP and tools.

pub mod clock;
pub mod digest;
pub mod document;
pub mod duplicate;
pub mod edits;
mod environment;
pub mod failpoints;
mod files;
pub mod forge;
pub mod git;
pub mod hashes;
pub mod http;
pub mod kept_environment;
pub mod memory;
pub mod orphans;
pub mod parallel;
pub mod process;
pub mod processes;
pub mod signals;
pub mod terminal;
pub mod tools;
pub mod watchdog;

pub use environment::{ALLOWED_HOSTS, Environment, without_relative_folders};
pub use files::{
    Folder, expect_own_output, expect_page, free_space, make_link, record_digest, sha256, size, sync_to_disk,
    verify, write_new, write_page, write_whole,
};
