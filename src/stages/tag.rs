//! Commits the changes of the stages before, and creates an annotated tag.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Config, message};
use crate::engine::model::{Convention, DEFAULT_COMMIT_MESSAGE, DEFAULT_TAG_MESSAGE};
use crate::engine::prelude::*;
use crate::world::git::{Remote, Repository, TagRef, exclude_each_other};

/// Commit the changes of the stages before and tag the commit
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Tag {
    /// Name of the tag; `{version}` is the new version; by default as in earlier releases, or else `v{version}`
    pub(super) name: Option<Template>,
    /// Whether the tag is annotated; by default as in earlier releases, or else true
    pub(super) annotated: Option<bool>,
    /// Message of the tag; by default as in earlier releases, or else `{name} {version}`
    #[serde(deserialize_with = "message")]
    pub(super) message: Option<Template>,
    /// Message of the release commit; by default as in earlier releases, or else `Release {version}`
    #[serde(deserialize_with = "message")]
    pub(super) commit_message: Option<Template>,
    /// Whether to sign the tag; by default as git is configured (`tag.gpgSign`)
    pub(super) sign: Option<bool>,
}

pub(super) fn make(config: &Config, name: &str) -> Result<Box<dyn Stage>> {
    Ok(Box::new(config.settings::<Tag>(name)?))
}

/// The message of the release commit.
///
/// # Errors
/// The settings of the stage are wrong.
pub fn commit_message(config: &Config, release: &Release) -> Result<String> {
    Ok(config.settings::<Tag>("tag")?.commit_message(release))
}

impl Tag {
    fn commit_message(&self, release: &Release) -> String {
        let learned = release.target.conventions.commit_message.as_ref();
        Self::rendered(self.commit_message.as_ref(), learned, DEFAULT_COMMIT_MESSAGE, release)
    }

    /// A message: the configured one, or that of earlier releases, or the usual one.
    fn rendered(
        configured: Option<&Template>,
        learned: Option<&Convention<String>>,
        usual: &str,
        release: &Release,
    ) -> String {
        let learned = learned.and_then(|learned| Template::new(learned.value.as_str()).ok());
        let usual = || Template::new(usual).expect("known placeholders only");
        let (names, target) = (release.names(), &release.target);
        let mut names = names.clone();
        if names.version == target.version.to_string() {
            (names.version, names.previous_version) = (target.version.spelled(), target.previous.spelled());
        }
        configured.cloned().or(learned).unwrap_or_else(usual).render(&names)
    }

    fn is_annotated(&self, release: &Release) -> bool {
        let learned = release.target.conventions.annotated.as_ref().map(|annotated| annotated.value);
        self.annotated.or(learned).unwrap_or(true)
    }
}

/// The finding for a tag beside which git takes none of this name.
fn no_room(name: &str, other: &str, remote: Option<&str>) -> Finding {
    let other = other.trim_start_matches("refs/tags/").trim_end_matches("^{}");
    let (place, delete) = match remote {
        Some(remote) => (format!(" at `{remote}`"), format!("git push --delete {remote} refs/tags/{other}")),
        None => (String::new(), format!("git tag -d {other}")),
    };
    Finding::error(format!("there is a tag `{other}`{place}, and git takes no tag `{name}` beside it"))
        .help(format!("change `name` in [stage.tag], or delete the other tag: `{delete}`"))
}

impl Stage for Tag {
    fn name(&self) -> &str {
        "tag"
    }

    fn reach(&self) -> Reach {
        Reach::Private
    }

    fn flow(&self) -> Flow {
        Flow {
            uses: vec![Product::Notes, Product::Version],
            gives: vec![Product::Commit, Product::Tag],
            ..Flow::default()
        }
    }

    fn preflight(&self, release: &Release) -> Result<Vec<Finding>> {
        let repository = &release.checkout.repository;
        let mut findings = Vec::new();
        for name in release.tag_names() {
            let reference = format!("refs/tags/{name}");
            if !Repository::is_valid_tag(name) {
                let finding = Finding::error(format!("`{name}` is not a valid tag name"));
                let help = "change `name` in [stage.tag]; `git help check-ref-format` has the rules";
                findings.push(finding.help(help));
            } else if repository.reference(&reference).is_some() {
                let at = repository.tag(name).unwrap_or_default();
                let at = at.get(..10).unwrap_or(&at);
                let finding = Finding::error(format!("tag `{name}` already exists"));
                findings.push(finding.help(format!("it points at {at}; choose another version")));
            } else if let Some(other) = repository.tag_in_the_way(&reference) {
                findings.push(no_room(name, &other, None));
            }
        }
        if findings.is_empty()
            && let Ok(Some(remote)) = Remote::of(repository, &release.checkout.head, None)
            && release.not_asked(&remote.name).is_none()
        {
            let branch = release.checkout.head.branch.as_ref();
            let branch = branch.map(|branch| remote.branch_for(repository, branch));
            // The same question as that of the push stage, which is then asked once.
            let tags: Vec<String> = release.tag_names().map(|tag| format!("refs/tags/{tag}")).collect();
            let names: Vec<&str> = branch.iter().chain(&tags).map(String::as_str).collect();
            match remote.refs_and_default(repository, &names) {
                Ok((refs, _)) => findings.extend(tags.iter().filter_map(|tag| {
                    let name = tag.trim_start_matches("refs/tags/");
                    if refs.contains_key(tag) {
                        let message = format!("tag `{name}` already exists at `{}`", remote.name);
                        let help = "this version is already released: run `git fetch --tags` to get its tag";
                        return Some(Finding::error(message).help(help));
                    }
                    let other = refs.keys().find(|other| exclude_each_other(other, tag))?;
                    Some(no_room(name, other, Some(&remote.name)))
                })),
                Err(error) => {
                    let name = release.tag_names().next().unwrap_or_default();
                    let message =
                        format!("failed to look up tag `{name}` at `{}`: {}", remote.name, error.chain());
                    let is_unreachable = error.is_unreachable();
                    findings.push(Finding { is_unreachable, ..Finding::warning(message) });
                }
            }
        }
        if !repository.has_author(&release.checkout.environment)
            && let Err(error) = repository.git(["var", "GIT_COMMITTER_IDENT"]).read()
        {
            let finding = Finding::error(format!("git has no committer identity: {error}"));
            findings.push(
                finding.help(
                    "run `git config user.name \"Your Name\" && git config user.email you@example.org`",
                ),
            );
        }
        let (commits, tags) = repository.signs();
        if (commits || self.sign.unwrap_or(tags))
            && let Err(error) = repository.check_signing(&release.checkout.environment)
        {
            findings.push(error.into());
        }
        Ok(findings)
    }

    fn run(&self, release: &Release, effects: &mut Effects<'_>) -> Result<Outputs> {
        let commit = self.commit(release, effects)?;
        self.mark(release, commit, effects)
    }
}

impl Tag {
    /// Commits what the stages before have changed; returns the release commit, if there is one already.
    pub(super) fn commit(&self, release: &Release, effects: &mut Effects<'_>) -> Result<Option<String>> {
        let message = self.commit_message(release);
        let unchanged = effects.bench().map(|bench| bench.clone.unchanged()).transpose()?.flatten();
        match unchanged {
            Some(head) => Ok(Some(head)),
            None if !effects.is_live() && !effects.is_after_changes() => Ok(None),
            None => {
                let action = Action::Commit { message: message.clone() };
                effects.private(action, |bench| bench.clone.commit_staged(&message))
            }
        }
    }

    /// Tags the release commit.
    pub(super) fn mark(
        &self,
        release: &Release,
        commit: Option<String>,
        effects: &mut Effects<'_>,
    ) -> Result<Outputs> {
        let names = release.names();
        let conventions = &release.target.conventions;
        let action = Action::Tag { name: names.tag.clone(), signed: self.sign };
        let Some(commit) = commit else {
            effects.announce(action)?;
            return Ok(Outputs::default());
        };
        let (configured, learned) = (self.message.as_ref(), conventions.tag_message.as_ref());
        let message = Self::rendered(configured, learned, DEFAULT_TAG_MESSAGE, release);
        let message = self.is_annotated(release).then_some(message);
        let object = effects
            .private(action, |bench| bench.clone.tag(&names.tag, message.as_deref(), &commit, self.sign))?;
        let tag = object.map(|object| TagRef { name: names.tag.clone(), object });
        Ok(Outputs { commit: Some(commit), tag, ..Outputs::default() })
    }
}
