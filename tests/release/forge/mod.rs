//! Releases on forges: drafted while everything can still be undone, published when the release is out.

mod awaited;
mod described;
pub(crate) mod fake;
mod gitea;
mod gitlab;
mod propose;
mod release;
mod standing;
mod troubles;

use pyrelease_test_support::{Blueprint, Config, Invocation};

use super::drilled::Local;
use super::quick;
use fake::{Fake, Server};

const STAGES: &str = "changelog version tag build push forge-release pypi";

/// A release that builds nothing, which takes less time, with two files of the repository
const UNBUILT: &str = "changelog version tag push forge-release";
const ASSETS: [&str; 2] = ["CHANGELOG.md", "pyproject.toml"];

/// A forge and a project that is released there
struct Scene<F: Fake> {
    forge: Server<F>,
    local: Local,
    token: &'static str,
}

impl<F: Fake> Scene<F> {
    fn new(kind: &str, repository: &str, token: &'static str, more: &Config) -> Self {
        Self::of(STAGES, kind, repository, token, more)
    }

    fn of(stages: &str, kind: &str, repository: &str, token: &'static str, more: &Config) -> Self {
        Self::with(quick(), stages, (kind, repository, token), more)
    }

    fn with(
        blueprint: Blueprint,
        stages: &str,
        (kind, repository, token): (&str, &str, &'static str),
        more: &Config,
    ) -> Self {
        let forge = Server::<F>::start();
        let config = Config::stages(stages)
            .stage("changelog")
            .set("required", false)
            .stage("forge-release")
            .set("forge", kind)
            .set("url", forge.url())
            .set("repository", repository)
            .lines(more);
        let (keys, tables) = config.split_at(config.find("\n[").expect("a table") + 1);
        let local = Local::of(blueprint, keys);
        let written = local.project.read("release.toml");
        local.project.write("release.toml", &format!("{written}\n{tables}"));
        local.project.commit("Release on a forge");
        local.project.git(&["push", "--quiet"]);
        Self { forge, local, token }
    }

    fn pyrelease(&self, args: &str) -> Invocation<'_> {
        self.local.pyrelease(args).env("PYRELEASE_TOKEN_FORGE", self.token)
    }

    /// The numbers of the points of a release of this kind, and what each is.
    fn points(&self) -> Vec<(u64, String)> {
        let list = self.local.project.sandbox().root().join("points");
        self.pyrelease("run minor --yes").env("PYRELEASE_DRILL", format!("list:{}", list.display())).code(0);
        let text = fs_err::read_to_string(list).expect("the list of points");
        let point = |line: &str| -> (u64, String) {
            let point: serde_json::Value = serde_json::from_str(line).expect("a point in JSON");
            let text = |key: &str| point[key].as_str().unwrap_or_default().to_owned();
            (point["number"].as_u64().expect("its number"), format!("{} {}", text("moment"), text("what")))
        };
        text.lines().map(point).collect()
    }
}
