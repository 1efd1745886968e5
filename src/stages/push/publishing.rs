//! CI workflows that publish when the tag is pushed.

use super::Push;
use crate::config::{Config, IndexKind};
use crate::engine::prelude::*;
use crate::engine::release::Workspace;
use crate::python::project::Files;
use crate::python::workflows::{Forge, Likelihood, PublishingWorkflow, Target, publishing};
use crate::world::git::Remote;

/// Where workflows are, relative to the top of the repository
const FOLDERS: [&str; 5] = [".github", ".forgejo", ".gitea", ".gitlab", "scripts"];
const FILES: [&str; 2] = [".gitlab-ci.yml", ".gitlab-ci.yaml"];

/// The public indexes that the release's own stages upload to
#[derive(Debug, Default)]
pub(super) struct OwnUploads {
    /// Stage and upload URL
    indexes: Vec<(String, String)>,
}

impl OwnUploads {
    pub(super) fn of(config: &Config) -> Self {
        let public = config.stages().iter().filter_map(|stage| {
            let index = config.indexes().get(&stage.value)?;
            (index.kind == IndexKind::Public).then(|| (stage.value.clone(), index.upload.clone()))
        });
        Self { indexes: public.collect() }
    }

    /// The stage that uploads to the same index as a workflow.
    fn same(&self, target: &Target) -> Option<&str> {
        let is_same = |url: &str| match target {
            Target::PyPi => url.contains("//upload.pypi.org/"),
            Target::TestPyPi => url.contains("//test.pypi.org/"),
            Target::Other(other) => other.trim_end_matches('/') == url.trim_end_matches('/'),
            Target::Named(_) | Target::Unknown => false,
        };
        self.indexes.iter().find(|(_, url)| is_same(url)).map(|(stage, _)| stage.as_str())
    }
}

/// The repository from its top: workflows are there, wherever the project is
struct Top<'a>(&'a Workspace);

impl Files for Top<'_> {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.0.repository.committed(&self.0.head.commit, path)
    }

    fn list(&self, folder: &str) -> Vec<String> {
        self.0.repository.files_in(&self.0.head.commit, folder)
    }
}

/// The workflows that publish if this release's tag is pushed, the surest first.
pub(super) fn started(release: &Release) -> Vec<(PublishingWorkflow, Likelihood)> {
    let top = Top(&release.workspace);
    let mut listed: Vec<String> = FOLDERS.iter().flat_map(|folder| top.list(folder)).collect();
    listed.extend(FILES.iter().filter(|path| top.read(path).is_some()).map(|path| (*path).to_owned()));
    let found = publishing(&top, &listed).publishing.into_iter();
    let tag = &release.names().tag;
    let mut started: Vec<_> = found
        .filter(|workflow| !workflow.is_rehearsal())
        .map(|workflow| {
            let likelihood = workflow.starts_on_tag(tag);
            (workflow, likelihood)
        })
        .filter(|(_, likelihood)| *likelihood > Likelihood::No)
        .collect();
    started.sort_by(|(_, one), (_, other)| other.cmp(one));
    started
}

impl Push {
    /// Refuses a push that would start a workflow which uploads to the same index as this release, at the same time.
    pub(super) fn publishing_workflows(&self, release: &Release, remote: &Remote) -> Vec<Finding> {
        let repository = &release.workspace.repository;
        // Git may rewrite the URL (`insteadOf`), in either direction.
        let rewritten = remote.addresses(repository).map(|(fetched, _)| fetched).ok();
        let configured = repository.configured(&format!("remote.{}.url", remote.name));
        let is_at = |forge| [&rewritten, &configured].into_iter().flatten().any(|url| runs_at(forge, url));
        let mut findings = Vec::new();
        for (workflow, likelihood) in started(release) {
            let both = workflow.indexes.iter().find_map(|target| Some((target, self.uploads.same(target)?)));
            let place = format!("`{}`, line {}", workflow.file, workflow.line);
            let indexes: Vec<String> = workflow.indexes.iter().map(ToString::to_string).collect();
            let what = format!("uploads to {} with {}", indexes.join(" and "), workflow.by);
            let tag = &release.names().tag;
            let starts = if likelihood == Likelihood::Yes { "starts" } else { "may start" };
            let message = format!("the push of tag `{tag}` {starts} a workflow that {what} ({place})");
            findings.push(match both.filter(|_| is_at(workflow.forge)) {
                None => Finding::warning(message).help(
                    "check that it does not upload what this release uploads; the push cannot be undone for it",
                ),
                Some((target, stage)) => {
                    let message = format!("{message}, while stage `{stage}` uploads to {target} as well");
                    let finding = match likelihood {
                        Likelihood::Yes => Finding::error(message).advisory(),
                        _ => Finding::warning(message),
                    };
                    finding.help(format!(
                        "let one of them publish: remove `{stage}` from `stages`, or take the upload out of the workflow"
                    ))
                }
            });
        }
        findings
    }
}

/// Whether the remote is a forge that runs such workflows.
fn runs_at(forge: Forge, address: &str) -> bool {
    let host = address.split_once("://").map_or(address, |(_, rest)| rest);
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let host = host.split(['/', ':']).next().unwrap_or_default().to_ascii_lowercase();
    let is = |name: &str| host == format!("{name}.com") || host.starts_with(&format!("{name}."));
    match forge {
        Forge::GitHub => is("github"),
        Forge::GitLab => is("gitlab"),
        Forge::Forgejo | Forge::Gitea => host == "codeberg.org" || is("gitea") || is("forgejo"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forge_is_known_by_its_host() {
        for (forge, address, expected) in [
            (Forge::GitHub, "git@github.com:me/demo.git", true),
            (Forge::GitHub, "https://github.com/me/demo", true),
            (Forge::GitHub, "https://github.example.org/me/demo", true),
            (Forge::GitHub, "https://gitlab.com/me/github.com", false),
            (Forge::GitLab, "ssh://git@gitlab.example.org:22/me/demo", true),
            (Forge::GitHub, "/srv/github.com/demo.git", false),
            (Forge::Forgejo, "https://codeberg.org/me/demo", true),
        ] {
            assert_eq!(runs_at(forge, address), expected, "{address}");
        }
    }
}
