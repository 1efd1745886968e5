//! Workspaces: several projects of one repository, and what they require of each other.
//!
//! [`Graph::read`] finds every statement of a requirement of one member on another; [`moved`] tells what it must become
//! for a new version; [`rewrite`] writes it, and nothing else. Paths are relative to the workspace's root.

mod below;
mod components;
mod error;
mod graph;
mod lock;
mod members;
mod names;
mod pins;
mod poetry;
mod poetry_lock;
mod pyproject;
mod requirement;
mod rewrite;
mod setup;
mod sources;
mod specifier;
mod statements;
#[cfg(test)]
mod tests;
mod uv_lock;

pub use below::{is_project, projects_below};
pub use error::{PinError, WorkspaceError};
pub use graph::Graph;
pub use lock::NewVersion;
pub use members::{is_private, matching, uv_members};
pub use pins::{Pins, moved};
pub use requirement::{Grammar, Kind, Requirement};
pub use rewrite::rewrite;
pub use uv_lock::fetched;

/// A path in a folder; the root's folder is empty.
fn path_in(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// A relative path without `.` and `..`; none if it is absolute or leaves the workspace.
fn inside(path: &str) -> Option<String> {
    let is_drive = path.as_bytes().get(1) == Some(&b':');
    if path.starts_with('/') || is_drive {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
