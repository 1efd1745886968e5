//! A stage that makes a release on GitHub, with the changelog's notes and the distributions as its assets.
//!
//! ```toml
//! stages = ["changelog", "version", "tag", "build", "check", "testpypi", "push", "pypi", "github-release"]
//!
//! [stage.github-release]
//! plugin = "github-release"
//! secrets = ["GITHUB_TOKEN"]
//! config = { repository = "owner/name" }      # api = "https://ghe.example.com/api/v3" for an Enterprise server
//! ```
//!
//! It makes a draft, which nobody sees, uploads everything to it, and publishes it last. A draft can be taken back; what is
//! published is not. The stage is a follow-up: it comes after PyPI and never makes the release fail; where it fails
//! itself, its draft is gone.

#![allow(clippy::disallowed_methods, reason = "an example has the standard library only")]

mod github;

use pyrelease_plugin::{
    Context, Descriptor, Effects, Error, Outputs, Preflight, Reach, Request, Result, Stage, Standing, Undo,
    export_stage,
};
use serde::Deserialize;
use serde_json::json;

use github::GitHub;

/// `config` in `release.toml`
#[derive(Debug, Deserialize)]
#[serde(default)]
struct Config {
    /// `owner/name`
    repository: String,
    api: String,
    /// The title; `{name}`, `{version}` and `{tag}` are filled in
    title: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            repository: String::new(),
            api: "https://api.github.com".to_owned(),
            title: "{name} {version}".to_owned(),
        }
    }
}

struct GitHubRelease;

impl Stage for GitHubRelease {
    type Config = Config;

    fn describe() -> Descriptor {
        Descriptor::new("github-release", env!("CARGO_PKG_VERSION"))
            .summary("publishes the release on GitHub, with its notes and distributions")
            .effects(Effects::Irreversible)
            .reach(Reach::FollowUp)
            .secret("GITHUB_TOKEN", "to make releases: it needs `contents: write`")
            .network()
            .after("push")
            .config_schema(json!({
                "type": "object",
                "additionalProperties": false,
                "required": ["repository"],
                "properties": {
                    "repository": {"type": "string", "pattern": "^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$"},
                    "api": {"type": "string", "pattern": "^https?://"},
                    "title": {"type": "string"},
                },
            }))
    }

    fn preflight(_: &Context, request: &Request<Config>) -> Result<Preflight> {
        // No token here: a preflight gets no secrets.
        let Config { repository, .. } = &request.config;
        let tag = &request.release.tag;
        Ok(Preflight::default()
            .plan("draft", format!("draft release {tag} of {repository}, with the distributions"))
            .plan("publish", format!("publish release {tag} of {repository}")))
    }

    fn run(context: &Context, request: &Request<Config>) -> Result<Outputs> {
        let release = &request.release;
        let github = github(&request.config, &request.secrets)?;
        let tag = release.tag.as_str();
        let title = ["name", "version", "tag"]
            .iter()
            .zip([&release.name, &release.version, &release.tag])
            .fold(request.config.title.clone(), |title, (name, value)| {
                title.replace(&format!("{{{name}}}"), value)
            });
        if !release.dist.is_empty() || release.notes.is_some() {
            context.debug(format!("{} assets", release.dist.len()));
        }
        // What is published already, from before the release was cut short, stays as it is.
        let published = github.published(tag)?;
        if published.is_none() {
            let summary = format!("a draft of {tag} on GitHub");
            context.effect("draft", &summary, tag, || {
                let draft = github.draft(&json!({
                    "tag_name": tag,
                    "name": title,
                    "body": release.notes.as_deref().unwrap_or_default(),
                    "draft": true,
                    "prerelease": release.version.chars().any(char::is_alphabetic),
                }))?;
                let total = release.dist.len() as u64;
                for (done, file) in release.dist.iter().enumerate() {
                    if context.is_cancelled() {
                        return Err(Error::cancelled());
                    }
                    github.upload(&draft, &file.filename, std::fs::read(&file.path)?)?;
                    context.progress(done as u64 + 1, total, "assets");
                }
                Ok(())
            })?;
        }
        let summary = format!("release {tag} on GitHub");
        context.irreversible_effect("publish", &summary, tag, || {
            let draft =
                github.drafted(tag)?.ok_or_else(|| Error::new(format!("the draft of {tag} is gone")))?;
            github.publish(draft.id)
        })?;
        let links = github.published(tag)?.map(|release| release.html_url).into_iter().collect();
        Ok(Outputs { links })
    }

    fn undo(_: &Context, undo: &Undo<Config>) -> Result<()> {
        if undo.effect.key != "draft" {
            return Err(Error::kept("what is published stays"));
        }
        let github = github(&undo.config, &undo.secrets)?;
        let tag: String = undo.effect.payload()?;
        match github.drafted(&tag)? {
            Some(draft) => github.delete(draft.id),
            None => Ok(()),
        }
    }

    fn verify(_: &Context, undo: &Undo<Config>) -> Result<Standing> {
        let github = github(&undo.config, &undo.secrets)?;
        let tag: String = undo.effect.payload()?;
        let found = match undo.effect.key.as_str() {
            "draft" => github.drafted(&tag)?,
            _ => github.published(&tag)?,
        };
        Ok(if found.is_some() { Standing::Present } else { Standing::Absent })
    }
}

fn github(config: &Config, secrets: &std::collections::BTreeMap<String, String>) -> Result<GitHub> {
    let token = secrets.get("GITHUB_TOKEN").ok_or_else(|| Error::new("there is no GITHUB_TOKEN"))?;
    GitHub::new(&config.api, &config.repository, token)
}

export_stage!(GitHubRelease);
