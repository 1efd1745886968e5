//! The CI workflows of the release's repository that publish, and whether its remote runs them.

mod start;

use crate::config::Config;
use crate::engine::checkout::Checkout;
use crate::engine::prelude::*;
use crate::python::project::Files;
use crate::python::workflows::{
    Forge, HOSTED_FILES, Likelihood, PublishingWorkflow, Target, Workflows, publishing,
};
use crate::world::git::{Remote, Repository};

pub(super) use start::{Awaited, Start, Starter, awaited, of_forge_release, uploading};

/// Where workflows are, relative to the top of the repository
const FOLDERS: [&str; 5] = [".github", ".forgejo", ".gitea", ".gitlab", "scripts"];
const FILES: [&str; 2] = [".gitlab-ci.yml", ".gitlab-ci.yaml"];

/// Whether a workflow publishes to the index of this stage, by its settings.
pub(super) fn is_awaited(config: &Config, stage: &str) -> bool {
    config.indexes().contains_key(stage) && config.stage_text(stage, "by") == Some("workflow")
}

/// The repository from its top: workflows are there, wherever the project is
struct Top<'a>(&'a Checkout);

impl Files for Top<'_> {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.0.repository.committed(&self.0.head.commit, path)
    }

    fn list(&self, folder: &str) -> Vec<String> {
        self.0.repository.files_in(&self.0.head.commit, folder, usize::MAX)
    }
}

/// The workflows that publish to more than TestPyPI, whatever starts them.
pub(super) fn all(release: &Release) -> Vec<PublishingWorkflow> {
    found(&release.checkout).publishing
}

/// The workflows of the repository that publish, and those that cannot be read.
pub(super) fn found(checkout: &Checkout) -> Workflows {
    let top = Top(checkout);
    let mut listed: Vec<String> = FOLDERS.iter().flat_map(|folder| top.list(folder)).collect();
    let others = FILES.into_iter().chain(HOSTED_FILES.map(|(_, path)| path));
    listed.extend(others.filter(|path| top.read(path).is_some()).map(str::to_owned));
    publishing(&top, &listed)
}

/// Those that publish to an index for users if one of the release's tags is pushed, the surest first.
pub(super) fn started(release: &Release) -> Vec<(PublishingWorkflow, Likelihood)> {
    let publish = all(release).into_iter().filter(|workflow| !workflow.is_rehearsal());
    let mut started: Vec<_> = publish
        .map(|workflow| {
            let tags = release.tag_names().map(|tag| workflow.starts_on_tag(tag));
            (tags.max().unwrap_or(Likelihood::No), workflow)
        })
        .filter(|(likelihood, _)| *likelihood > Likelihood::No)
        .map(|(likelihood, workflow)| (workflow, likelihood))
        .collect();
    started.sort_by(|(_, one), (_, other)| other.cmp(one));
    started
}

/// Whether a workflow's target is the index with this upload URL.
pub(super) fn is_same_index(target: &Target, upload: &str) -> bool {
    match target {
        Target::PyPi => upload.contains("//upload.pypi.org/"),
        Target::TestPyPi => upload.contains("//test.pypi.org/"),
        Target::Other(other) => other.trim_end_matches('/') == upload.trim_end_matches('/'),
        Target::Named(_) | Target::Unknown => false,
    }
}

/// Where in the repository a workflow uploads: `.github/workflows/release.yml`, line 9.
pub(super) fn place(workflow: &PublishingWorkflow) -> String {
    format!("`{}`, line {}", workflow.file, workflow.line)
}

/// What a workflow does: `uploads to PyPI with twine upload`.
pub(super) fn what(workflow: &PublishingWorkflow) -> String {
    let indexes: Vec<String> = workflow.indexes.iter().map(ToString::to_string).collect();
    format!("uploads to {} with {}", indexes.join(" and "), workflow.by)
}

/// What a workflow that is started does, for the plan: `.github/workflows/release.yml, which uploads to PyPI`.
pub(super) fn started_by_plan(workflow: &PublishingWorkflow, is_sure: bool) -> String {
    let indexes: Vec<String> = workflow.indexes.iter().map(ToString::to_string).collect();
    let uploads = if is_sure { "uploads" } else { "may upload" };
    format!("{}, which {uploads} to {}", workflow.workflow, indexes.join(" and "))
}

/// The servers of a remote
pub(super) struct RemoteHosts {
    /// Host and path of each URL that is not on this machine
    addresses: Vec<(String, String)>,
}

impl RemoteHosts {
    pub(super) fn of(repository: &Repository, remote: &Remote) -> Self {
        // Git may rewrite the URL (`insteadOf`), in either direction.
        let rewritten = remote.addresses(repository).map(|(fetched, _)| fetched).ok();
        let configured = repository.configured(&format!("remote.{}.url", remote.name));
        Self { addresses: [configured, rewritten].iter().flatten().filter_map(|url| address(url)).collect() }
    }

    /// Whether the remote runs workflows of this forge; `Maybe` if its host is not known.
    pub(super) fn run(&self, forge: Forge) -> Likelihood {
        let runs = self.addresses.iter().map(|(host, _)| match (Forge::of_host(host), forge) {
            (Some(known), _) if is_alike(known) == is_alike(forge) => Likelihood::Yes,
            // These watch repositories of other forges, if somebody has set that up.
            (_, Forge::CircleCi | Forge::Azure | Forge::Travis) => Likelihood::Maybe,
            (Some(_), _) => Likelihood::No,
            (None, _) => Likelihood::Maybe,
        });
        runs.max().unwrap_or(Likelihood::No)
    }

    /// The host and the path of the first URL, and the forge there, where its name tells.
    pub(super) fn shown(&self) -> Option<(String, Option<Forge>)> {
        let (host, path) = self.addresses.first()?;
        Some((format!("{host}/{path}"), Forge::of_host(host)))
    }

    /// The page of the forge that shows the runs of a workflow, where the forge is known.
    pub(super) fn page(&self, workflow: &PublishingWorkflow) -> Option<String> {
        let runs_there = |(host, _): &&(String, String)| {
            Forge::of_host(host).is_some_and(|known| is_alike(known) == is_alike(workflow.forge))
        };
        let (host, path) = self.addresses.iter().find(runs_there)?;
        let file = workflow.workflow.rsplit('/').next().unwrap_or_default();
        Some(match workflow.forge {
            Forge::GitHub => format!("https://{host}/{path}/actions/workflows/{file}"),
            Forge::GitLab => format!("https://{host}/{path}/-/pipelines"),
            Forge::Forgejo | Forge::Gitea => format!("https://{host}/{path}/actions"),
            Forge::Bitbucket => format!("https://{host}/{path}/pipelines"),
            Forge::Azure | Forge::CircleCi | Forge::Travis => return None,
        })
    }
}

/// The URL of the repository at a forge whose workflows PyPI trusts to publish, for the remote `origin`.
pub fn published_from(repository: &Repository) -> Option<String> {
    let addresses = RemoteHosts::of(repository, &Remote { name: "origin".to_owned() }).addresses;
    let mut trusted =
        addresses.iter().filter(|(host, _)| ["github.com", "gitlab.com"].contains(&host.as_str()));
    trusted.next().map(|(host, path)| format!("https://{host}/{path}"))
}

/// Forgejo runs Gitea's workflows as well.
fn is_alike(forge: Forge) -> Forge {
    if forge == Forge::Gitea { Forge::Forgejo } else { forge }
}

/// The host and the path of a URL; none if it is a path of this machine.
fn address(url: &str) -> Option<(String, String)> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    // `host:path`, but not `/folder:name`
    let (host, path) = match scheme {
        "file" => return None,
        "" => rest.split_once(':').filter(|(host, _)| !host.contains('/'))?,
        _ => rest.split_once('/').unwrap_or((rest, "")),
    };
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let host = host.split(':').next().unwrap_or_default().to_ascii_lowercase();
    let path = path.trim_matches('/');
    Some((host, path.strip_suffix(".git").unwrap_or(path).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(urls: &[&str]) -> RemoteHosts {
        RemoteHosts { addresses: urls.iter().filter_map(|url| address(url)).collect() }
    }

    #[test]
    fn a_forge_is_known_by_its_host() {
        use Likelihood::{Maybe, No, Yes};
        for (forge, address, expected) in [
            (Forge::GitHub, "git@github.com:me/demo.git", Yes),
            (Forge::GitHub, "https://github.com/me/demo", Yes),
            (Forge::GitHub, "https://github.example.org/me/demo", Yes),
            (Forge::GitHub, "https://gitlab.com/me/github.com", No),
            (Forge::GitLab, "ssh://git@gitlab.example.org:22/me/demo", Yes),
            (Forge::GitLab, "git@git.example.org:me/demo.git", Maybe),
            (Forge::GitHub, "/srv/github.com/demo.git", No),
            (Forge::GitHub, "file:///srv/github.com/demo.git", No),
            (Forge::Gitea, "https://codeberg.org/me/demo", Yes),
            (Forge::CircleCi, "https://github.com/me/demo", Maybe),
            (Forge::CircleCi, "/srv/github.com/demo.git", No),
            (Forge::Azure, "git@ssh.dev.azure.com:v3/me/demo/demo", Yes),
            (Forge::Bitbucket, "https://github.com/me/demo", No),
        ] {
            assert_eq!(at(&[address]).run(forge), expected, "{address}");
        }
        assert_eq!(at(&["https://github.com/me/demo", "/srv/mirror"]).run(Forge::GitHub), Yes);
        assert_eq!(at(&[]).run(Forge::GitHub), No);
    }

    #[test]
    fn addresses_have_a_host_and_a_path() {
        let expected = Some(("github.com".to_owned(), "me/demo".to_owned()));
        for url in [
            "git@github.com:me/demo.git",
            "https://token@GitHub.com/me/demo/",
            "ssh://git@github.com:22/me/demo.git",
        ] {
            assert_eq!(address(url), expected, "{url}");
        }
    }
}
