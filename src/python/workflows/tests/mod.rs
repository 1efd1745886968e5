mod commands;
mod github;
mod gitlab;
mod hosted;
mod hostile;

use std::collections::BTreeMap;

use super::*;

type Tree = BTreeMap<String, Vec<u8>>;

fn found(files: &[(&str, &str)]) -> Workflows {
    let tree: Tree =
        files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_owned())).collect();
    let listed: Vec<String> = tree.keys().cloned().collect();
    publishing(&tree, &listed)
}

/// What one workflow of GitHub publishes.
fn in_workflow(text: &str) -> Vec<PublishingWorkflow> {
    let found = found(&[(".github/workflows/release.yml", text)]);
    assert_eq!(found.unread, [], "{text}");
    found.publishing
}

/// The one step that publishes.
fn only(mut publishing: Vec<PublishingWorkflow>) -> PublishingWorkflow {
    assert_eq!(publishing.len(), 1, "{publishing:#?}");
    publishing.remove(0)
}

/// A workflow with these events and a job that uploads, with more of the job before its steps.
fn workflow(on: &str, job: &str) -> String {
    format!(
        "{on}\njobs:\n  upload:\n    runs-on: ubuntu-latest\n{job}    steps:\n      - uses: pypa/gh-action-pypi-publish@release/v1\n"
    )
}
