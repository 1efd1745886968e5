//! CI workflows that upload to a package index or make releases, and what starts them.
//!
//! A release that pushes a tag and uploads by itself must know about a workflow that uploads on the same tag, or makes the
//! same release of the forge. The
//! workflows of GitHub, Forgejo and Gitea (`github`), of GitLab (`gitlab`), and of CircleCI, Azure Pipelines, Travis CI and
//! Bitbucket (`hosted`) are read, with the workflows, actions and scripts of the same repository that they use.

mod action;
mod expression;
mod filter;
mod github;
mod gitlab;
mod hint;
mod hosted;
mod likelihood;
mod occasion;
mod program;
mod releaser;
mod script;
mod shell;
mod target;
#[cfg(test)]
mod tests;
mod trigger;
mod uploader;
mod uses;

use super::project::Files;

pub use super::forge::Forge;

pub use hosted::FILES as HOSTED_FILES;
pub use likelihood::Likelihood;
pub use occasion::NewRelease;
pub use releaser::Makes;
pub use target::Target;
pub use trigger::Trigger;

/// The workflows of a project that upload or make releases
#[derive(Debug, Default)]
pub struct Workflows {
    pub publishing: Vec<PublishingWorkflow>,
    pub releasing: Vec<ReleasingWorkflow>,
    /// Files that could not be read, and the reason as the end of a sentence: "it is not UTF-8"
    pub unread: Vec<(String, String)>,
}

/// A step of a CI workflow that uploads to a package index
#[derive(Debug, Clone)]
pub struct PublishingWorkflow {
    /// The file that an event starts: `.github/workflows/release.yml`
    pub workflow: String,
    pub forge: Forge,
    pub job: String,
    /// The file with the step: `workflow`, or one that it uses
    pub file: String,
    /// The line of the step, counted from 1
    pub line: usize,
    /// What uploads: `twine upload`, `pypa/gh-action-pypi-publish`
    pub by: String,
    pub indexes: Vec<Target>,
    /// What may start it, conditions considered
    pub triggers: Vec<Trigger>,
    /// Whether it surely uploads when it runs; not if only a name suggests so
    pub is_certain: bool,
    gate: Gate,
}

/// A step of a workflow of GitHub, Forgejo or Gitea that makes a release
#[derive(Debug, Clone)]
pub struct ReleasingWorkflow {
    /// The file that an event starts
    pub workflow: String,
    pub forge: Forge,
    /// The file with the step: `workflow`, or one that it uses
    pub file: String,
    /// The line of the step, counted from 1
    pub line: usize,
    /// What makes it: `softprops/action-gh-release`, `gh release create`
    pub by: String,
    pub makes: Makes,
    gate: Gate,
}

impl ReleasingWorkflow {
    /// Whether the push of a tag starts the step.
    pub fn starts_on_tag(&self, tag: &str) -> Likelihood {
        self.gate.at_tag(tag)
    }

    /// Whether it makes a release of the forge when the tag is pushed; a draft of one counts.
    pub fn makes_forge_release(&self, tag: &str) -> Likelihood {
        match self.makes {
            Makes::ForgeRelease { .. } => self.starts_on_tag(tag),
            Makes::Versions(_) => Likelihood::No,
        }
    }
}

/// What decides whether an event starts a step
#[derive(Debug, Clone)]
enum Gate {
    GitHub(Box<github::Gate>),
    GitLab(gitlab::Gate),
    Hosted(hosted::Gate),
}

impl Gate {
    fn at_tag(&self, tag: &str) -> Likelihood {
        match self {
            Self::GitHub(gate) => gate.at_tag(tag),
            Self::GitLab(gate) => gate.at_tag(tag),
            Self::Hosted(gate) => gate.at_tag(tag),
        }
    }
}

impl PublishingWorkflow {
    /// Whether the push of a tag makes it upload.
    ///
    /// Conditions on the repository's name are taken as fulfilled: they keep forks out.
    pub fn starts_on_tag(&self, tag: &str) -> Likelihood {
        self.gate.at_tag(tag).and(self.certainty())
    }

    /// Whether a release that appears on the forge makes it upload. The push of its tag is another event.
    pub fn starts_on_release(&self, release: &NewRelease<'_>) -> Likelihood {
        let starts = match &self.gate {
            Gate::GitHub(gate) => gate.at_release(self.forge, release),
            // The others start pipelines for the tag alone.
            Gate::GitLab(_) | Gate::Hosted(_) => Likelihood::No,
        };
        starts.and(self.certainty())
    }

    /// Whether it uploads nowhere but to TestPyPI.
    pub fn is_rehearsal(&self) -> bool {
        self.indexes.iter().all(|index| *index == Target::TestPyPi)
    }

    fn certainty(&self) -> Likelihood {
        if self.is_certain { Likelihood::Yes } else { Likelihood::Maybe }
    }
}

/// Finds the workflows that upload. `listed` are the paths of the project's files, at least those in the folders of
/// forges; others are looked up in `files` as they are used.
pub fn publishing(files: &dyn Files, listed: &[String]) -> Workflows {
    let mut all = Workflows::default();
    for (forge, folder) in [
        (Forge::GitHub, ".github/workflows/"),
        (Forge::Forgejo, ".forgejo/workflows/"),
        (Forge::Gitea, ".gitea/workflows/"),
    ] {
        let is_workflow = |path: &&String| {
            let name = path.strip_prefix(folder).unwrap_or_default();
            !name.contains('/') && (name.ends_with(".yml") || name.ends_with(".yaml"))
        };
        let mut paths: Vec<&str> = listed.iter().filter(is_workflow).map(String::as_str).collect();
        paths.sort_unstable();
        paths.dedup();
        github::find(files, forge, &paths, &mut all);
    }
    if listed.iter().any(|path| path == gitlab::FILE) {
        gitlab::find(files, listed, &mut all);
    }
    hosted::find(files, listed, &mut all);
    all
}
