//! A stage that creates a GitHub release, with the changelog's notes and the distributions as assets.
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
//! The stage creates a draft, which only maintainers see, uploads all assets, and publishes the draft last. A draft can
//! be undone; a published release cannot. The stage is a follow-up: it comes after PyPI, and never makes the release
//! fail. If it fails, it deletes its draft. README.md is its user guide.

#![allow(clippy::disallowed_types, reason = "an example has the standard library only")]

mod connection;
mod github;

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use pyrelease_plugin::{
    Context, Descriptor, EffectState, Effects, Error, Outputs, Preflight, Reach, Release, Request, Result,
    Stage, Undo, export_stage,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use github::GitHub;

/// `config` in `release.toml`
#[derive(Debug, Deserialize)]
#[serde(default)]
struct Config {
    /// `owner/name`
    repository: String,
    api: String,
    /// The title; `{name}`, `{version}` and `{tag}` are replaced
    title: String,
    /// Whether it becomes the latest release; by default GitHub decides
    make_latest: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            repository: String::new(),
            api: "https://api.github.com".to_owned(),
            title: "{name} {version}".to_owned(),
            make_latest: None,
        }
    }
}

/// The undo data of a draft
#[derive(Debug, Serialize, Deserialize)]
struct Drafted {
    tag: String,
    mark: String,
}

/// The undo data of a publication
#[derive(Debug, Serialize, Deserialize)]
struct Published {
    tag: String,
    id: u64,
}

/// The limit of release notes in characters; GitHub accepts 125 000, including a draft's mark
const LONGEST_NOTES: usize = 124_000;
/// The time limit of a call in seconds: distributions may be large, and GitHub may limit the rate
const LIMIT: u64 = 3600;

struct GitHubRelease;

impl Stage for GitHubRelease {
    type Config = Config;

    fn describe() -> Descriptor {
        Descriptor::new("github-release", env!("CARGO_PKG_VERSION"))
            .summary("publishes the release on GitHub, with its notes and distributions")
            .effects(Effects::Irreversible)
            .reach(Reach::FollowUp)
            .secret("GITHUB_TOKEN", "to create releases; needs `contents: write`")
            .network()
            .timeout(LIMIT)
            .after("push")
            .config_schema(json!({
                "type": "object",
                "additionalProperties": false,
                "required": ["repository"],
                "properties": {
                    "repository": {"type": "string", "pattern": "^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$"},
                    "api": {"type": "string", "pattern": "^https?://"},
                    "title": {"type": "string"},
                    "make_latest": {"enum": ["true", "false", "legacy"]},
                },
            }))
    }

    fn preflight(_: &Context, request: &Request<Config>) -> Result<Preflight> {
        // Preflight gets no secrets, so there is no token.
        let Config { repository, .. } = &request.config;
        let tag = &request.release.tag;
        Ok(Preflight::default()
            .plan("draft", format!("draft release {tag} of {repository}, with the distributions"))
            .plan("publish", format!("publish release {tag} of {repository}")))
    }

    fn run(context: &Context, request: &Request<Config>) -> Result<Outputs> {
        let release = &request.release;
        let github = github(context, &request.config, &request.secrets)?;
        let (tag, repository) = (release.tag.as_str(), &request.config.repository);
        if request.is_done("publish") {
            let links = github.published(tag)?.map(|release| release.html_url).into_iter().collect();
            return Ok(Outputs { links });
        }
        is_free(&github, tag, repository)?;
        let notes = notes(context, release);
        let mark = mark();
        let undo = Drafted { tag: tag.to_owned(), mark: mark.clone() };
        let drafted = context.effect("draft", &format!("a draft of {tag} on GitHub"), undo, || {
            let draft = json!({
                "tag_name": tag,
                "name": title(&request.config.title, release),
                "body": format!("{notes}\n\n{mark}"),
                "draft": true,
                "prerelease": is_prerelease(&release.version),
            });
            let draft = github.draft(&draft, (tag, &mark))?;
            let total = release.dist.len() as u64;
            for (done, file) in release.dist.iter().enumerate() {
                if context.is_cancelled() {
                    return Err(Error::cancelled());
                }
                let name = github.upload(&draft, file)?;
                if name != file.filename {
                    context.info(format!("GitHub renamed {} to {name}", file.filename));
                }
                context.progress(done as u64 + 1, total, "assets");
            }
            Ok(draft.id)
        })?;
        let id = drafted.ok_or_else(|| Error::new(format!("a draft of {tag} already exists")))?;
        let undo = Published { tag: tag.to_owned(), id };
        let published =
            context.irreversible_effect("publish", &format!("release {tag} on GitHub"), undo, || {
                github.publish(id, &notes, request.config.make_latest.as_deref())
            })?;
        Ok(Outputs { links: published.map(|release| release.html_url).into_iter().collect() })
    }

    fn undo(context: &Context, undo: &Undo<Config>) -> Result<()> {
        if undo.effect.key != "draft" {
            return Err(Error::kept("a published release stays"));
        }
        let github = github(context, &undo.config, &undo.secrets)?;
        let Drafted { tag, mark } = undo.effect.payload()?;
        github.marked(&tag, &mark)?.iter().try_for_each(|draft| github.delete_draft(draft.id))
    }

    fn verify(context: &Context, undo: &Undo<Config>) -> Result<EffectState> {
        let github = github(context, &undo.config, &undo.secrets)?;
        let is_there = if undo.effect.key == "draft" {
            let Drafted { tag, mark } = undo.effect.payload()?;
            !github.marked(&tag, &mark)?.is_empty()
        } else {
            let Published { id, .. } = undo.effect.payload()?;
            github.release(id)?.is_some_and(|release| !release.draft)
        };
        Ok(if is_there { EffectState::Present } else { EffectState::Absent })
    }
}

fn github<'a>(
    context: &'a Context<'a>,
    config: &Config,
    secrets: &BTreeMap<String, String>,
) -> Result<GitHub<'a>> {
    let token =
        secrets.get("GITHUB_TOKEN").ok_or_else(|| Error::new("the secret GITHUB_TOKEN is not set"))?;
    GitHub::new(&config.api, &config.repository, token, context)
}

/// Checks that the release does not exist, and that its tag does.
fn is_free(github: &GitHub<'_>, tag: &str, repository: &str) -> Result<()> {
    if let Some(there) = github.published(tag)? {
        let problem = format!("release {tag} of {repository} already exists: {}", there.html_url);
        return Err(Error::new(problem).hint("it was not changed"));
    }
    if let Some(there) = github.drafts(tag)?.first() {
        let problem = format!("a draft of {tag} of {repository} already exists: {}", there.html_url);
        return Err(Error::new(problem).hint("publish it by hand, or delete it before the next release"));
    }
    // GitHub would create a missing tag, at its newest commit.
    if !github.has_tag(tag)? {
        let problem = format!("GitHub has no tag {tag} in {repository}");
        return Err(Error::new(problem).hint("put this stage after `push`, and push to this repository"));
    }
    Ok(())
}

fn title(template: &str, release: &Release) -> String {
    [("name", &release.name), ("version", &release.version), ("tag", &release.tag)]
        .iter()
        .fold(template.to_owned(), |title, (name, value)| title.replace(&format!("{{{name}}}"), value))
}

/// The release notes, shortened to GitHub's limit.
fn notes(context: &Context, release: &Release) -> String {
    let notes = release.notes.as_deref().unwrap_or_default();
    let Some((end, _)) = notes.char_indices().nth(LONGEST_NOTES) else { return notes.to_owned() };
    context.warn(format!(
        "the release notes exceed GitHub's limit and were cut after {LONGEST_NOTES} characters"
    ));
    let whole = notes[..end].rfind('\n').unwrap_or(end);
    format!("{}\n\n…", &notes[..whole])
}

/// A mark that identifies the draft of this run; it is removed when the draft is published.
fn mark() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("<!-- pyrelease {:x}-{:x} -->", now.as_nanos(), std::process::id())
}

/// Whether a version is a pre-release: `1.0rc1` and `1.0.dev2`, not `1.0.post1` or `1.0+local`.
fn is_prerelease(version: &str) -> bool {
    let public = version.split('+').next().unwrap_or_default().to_ascii_lowercase();
    public.replace("post", "").chars().any(char::is_alphabetic)
}

export_stage!(GitHubRelease);
