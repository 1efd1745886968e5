//! `pyrelease ci`: the workflows that it writes, and the releases that they make.

mod gitlab;
pub(super) mod machine;
mod pipeline;
mod played;
pub(super) mod runner;
mod workspace;
mod written;

use pyrelease_test_support::{Project, Python};

use super::quick;

/// A project whose remote is at a forge.
fn at(url: &str, configuration: &str) -> Project {
    let project = quick().config(configuration).build();
    project.git(&["remote", "set-url", "origin", url]);
    project
}

const GITHUB: &str = "https://github.com/octo/demo.git";
const GITLAB: &str = "git@gitlab.com:group/sub/demo.git";

/// Runs a tool in the project; returns what it prints if it is not content.
fn complaints(project: &Project, tool: &str, arguments: &[&str]) -> Option<String> {
    let tool = Python::with_schema_tools().programs().join(tool);
    let command = project.sandbox().command(project.repository(), tool, arguments);
    let output = command.stderr_to_stdout().stdout_capture().unchecked().run().expect("the tool runs");
    (!output.status.success()).then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
