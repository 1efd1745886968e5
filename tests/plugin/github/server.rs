//! A GitHub of the tests: it keeps releases as GitHub does, takes what GitHub's description allows and nothing else, and
//! never answers what the description does not have.

use std::collections::BTreeMap;

use axum::http::Method;
use serde_json::{Value, json};

use super::description::{Asked, Description};
use crate::release::forge::fake::{Fake, Log, Reply, Server};

pub(crate) const TOKEN: &str = "ghp-sorrowful-canary";
/// Of an app, as a job's own token is one
pub(crate) const TOKEN_OF_APP: &str = "ghs_sorrowful-canary";
const NOW: &str = "2026-11-24T12:00:00Z";
/// Where an Enterprise server has its interface, and where it takes assets
const API: &str = "/api/v3";
const UPLOADS: &str = "/api/uploads";

#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) releases: BTreeMap<u64, Value>,
    pub(crate) assets: BTreeMap<u64, Vec<Value>>,
    pub(crate) pulls: Vec<Value>,
    /// An asset that is refused
    pub(crate) refused: Option<String>,
    pub(crate) has_no_tags: bool,
    /// The account that the token acts for
    pub(crate) login: &'static str,
    log: Log,
}

fn invalid(field: &str, code: &str) -> Reply {
    let mut reply = Reply::error(422, "Validation Failed");
    reply.body["errors"] = json!([{"resource": "Release", "field": field, "code": code}]);
    reply
}

impl Kept {
    /// A release that is there, as somebody else made it.
    pub(crate) fn add(&mut self, tag: &str, is_draft: bool) -> u64 {
        let id = self.log.next();
        let address = &self.log.address;
        let release = json!({
            "id": id, "node_id": format!("R_{id}"), "tag_name": tag, "target_commitish": "main", "name": tag,
            "body": "", "draft": is_draft, "prerelease": false, "created_at": NOW,
            "published_at": (!is_draft).then_some(NOW), "author": user(), "assets": [],
            "url": format!("{address}{API}/repos/o/r/releases/{id}"),
            "assets_url": format!("{address}{API}/repos/o/r/releases/{id}/assets"),
            "upload_url": format!("{address}{UPLOADS}/repos/o/r/releases/{id}/assets{{?name,label}}"),
            "html_url": format!("{address}/o/r/releases/{id}"), "tarball_url": null, "zipball_url": null,
        });
        self.releases.insert(id, release);
        id
    }

    fn answered(&mut self, asked: &Asked<'_>, bytes: &[u8]) -> Reply {
        let number = |name: &str| asked.parameters.get(name).and_then(|value| value.parse::<u64>().ok());
        let id = number("release_id").unwrap_or_default();
        if asked.operation.id.contains("release")
            && number("release_id").is_some()
            && !self.releases.contains_key(&id)
        {
            return Reply::error(404, "Not Found");
        }
        match &*asked.operation.id {
            "repos/list-releases" => {
                let all: Vec<&Value> = self.releases.values().rev().collect();
                let url = format!("{}{API}/repositories/1/releases", self.log.address);
                Reply::page(asked, "per_page", &all, &url)
            }
            "repos/create-release" => {
                let tag = asked.json["tag_name"].as_str().unwrap_or_default();
                if self.published(tag).is_some() {
                    return invalid("tag_name", "already_exists");
                }
                if asked.json["body"].as_str().is_some_and(|body| body.chars().count() > 125_000) {
                    return Reply::error(422, "body is too long (maximum is 125000 characters)");
                }
                let id = self.add(tag, true);
                self.change(id, &asked.json)
            }
            "repos/get-release-by-tag" => {
                let release = self.published(&asked.parameters["tag"]);
                release.map_or_else(
                    || Reply::error(404, "Not Found"),
                    |release| Reply::new(200, release.clone()),
                )
            }
            "repos/get-release" => Reply::new(200, self.releases[&id].clone()),
            "repos/update-release" => Reply { status: 200, ..self.change(id, &asked.json) },
            "repos/delete-release" => {
                self.releases.remove(&id);
                self.assets.remove(&id);
                Reply::new(204, Value::Null)
            }
            "repos/list-release-assets" => {
                Reply::new(200, json!(self.assets.get(&id).cloned().unwrap_or_default()))
            }
            "repos/upload-release-asset" => self.upload(id, asked, bytes),
            "repos/delete-release-asset" => {
                let asset = number("asset_id");
                self.assets
                    .values_mut()
                    .for_each(|assets| assets.retain(|there| there["id"].as_u64() != asset));
                Reply::new(204, Value::Null)
            }
            "pulls/list" => {
                let wanted = |name: &str| asked.parameters.get(name).cloned().unwrap_or_default();
                let is_listed = |pull: &&Value| {
                    let head = format!("o:{}", pull["head"]["ref"].as_str().unwrap_or_default());
                    head == wanted("head")
                        && pull["base"]["ref"] == wanted("base")
                        && pull["state"] == wanted("state")
                };
                let all: Vec<&Value> = self.pulls.iter().filter(is_listed).collect();
                Reply::page(asked, "per_page", &all, &self.log.address)
            }
            "pulls/create" => {
                let number = self.log.next();
                let pull = json!({
                    "number": number, "state": "open", "title": asked.json["title"], "body": asked.json["body"],
                    "html_url": format!("{}/o/r/pull/{number}", self.log.address),
                    "head": {"ref": asked.json["head"], "repo": {"full_name": "o/r"}},
                    "base": {"ref": asked.json["base"]},
                });
                self.pulls.push(pull.clone());
                Reply::new(201, pull)
            }
            "pulls/update" => {
                let of = number("pull_number");
                let Some(pull) = self.pulls.iter_mut().find(|pull| pull["number"].as_u64() == of) else {
                    return Reply::error(404, "Not Found");
                };
                for (key, value) in asked.json.as_object().into_iter().flatten() {
                    pull[key] = value.clone();
                }
                Reply::new(200, pull.clone())
            }
            "git/get-ref" if self.has_no_tags => Reply::error(404, "Not Found"),
            "git/get-ref" => {
                let name = &asked.parameters["ref"];
                let url = format!("{}{API}/repos/o/r/git/{name}", self.log.address);
                let object = json!({"type": "tag", "sha": "0".repeat(40), "url": url});
                Reply::new(
                    200,
                    json!({"ref": format!("refs/{name}"), "node_id": "REF", "url": url, "object": object}),
                )
            }
            other => panic!("this server does not have `{other}`"),
        }
    }

    fn published(&self, tag: &str) -> Option<&Value> {
        self.releases.values().find(|release| release["tag_name"] == *tag && release["draft"] == false)
    }

    fn change(&mut self, id: u64, changes: &Value) -> Reply {
        let release = self.releases.get_mut(&id).expect("it was looked for");
        for (key, value) in changes.as_object().into_iter().flatten() {
            release[key] = value.clone();
        }
        release["published_at"] = if release["draft"] == true { Value::Null } else { NOW.into() };
        Reply::new(201, release.clone())
    }

    fn upload(&mut self, id: u64, asked: &Asked<'_>, bytes: &[u8]) -> Reply {
        let asked_name = &asked.parameters["name"];
        let is_plain = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
        let name: String =
            asked_name.chars().map(|character| if is_plain(character) { character } else { '.' }).collect();
        let assets = self.assets.entry(id).or_default();
        if self.refused.as_ref() == Some(asked_name) || assets.iter().any(|asset| asset["name"] == *name) {
            return invalid("name", "already_exists");
        }
        let id = self.log.next();
        let half = self.log.troubles.front().is_some_and(|trouble| trouble.message == "half of it");
        let asset = json!({
            "id": id, "node_id": "RA", "name": name, "label": asked.parameters.get("label"),
            "state": if half { "open" } else { "uploaded" }, "content_type": "application/octet-stream",
            "size": bytes.len(), "digest": format!("sha256:{}", pyrelease::plugin::store::sha256(bytes)),
            "download_count": 0, "created_at": NOW, "updated_at": NOW, "uploader": user(),
            "url": format!("{}{API}/repos/o/r/releases/assets/{}", self.log.address, id),
            "browser_download_url": format!("{}/o/r/releases/download/x/{}", self.log.address, id),
        });
        assets.push(asset.clone());
        Reply::new(201, asset)
    }
}

fn user() -> Value {
    let mut user = json!({"login": "dana", "id": 1, "node_id": "U", "gravatar_id": "", "type": "User", "site_admin": false});
    for name in [
        "avatar_url",
        "events_url",
        "followers_url",
        "following_url",
        "gists_url",
        "html_url",
        "organizations_url",
        "received_events_url",
        "repos_url",
        "starred_url",
        "subscriptions_url",
        "url",
    ] {
        user[name] = "https://github.example/dana".into();
    }
    user
}

impl Fake for Kept {
    fn description() -> &'static Description {
        Description::get()
    }

    fn log(&mut self) -> &mut Log {
        &mut self.log
    }

    fn path<'a>(method: &Method, path: &'a str) -> Option<&'a str> {
        let is_upload = *method == Method::POST && path.ends_with("/assets");
        path.strip_prefix(if is_upload { UPLOADS } else { API })
    }

    fn may_ask(header: &dyn Fn(&str) -> Option<String>) -> Option<bool> {
        let accepts = header("accept")?.split(", ").any(|kind| kind == "application/json");
        let is_right = accepts && header("x-github-api-version").as_deref() == Some("2022-11-28");
        let known = [TOKEN, TOKEN_OF_APP].map(|token| Some(format!("Bearer {token}")));
        is_right.then(|| known.contains(&header("authorization")))
    }

    fn answer(&mut self, asked: &Asked<'_>, bytes: &[u8]) -> Reply {
        self.answered(asked, bytes)
    }

    fn answer_beside(&mut self, path: &str, bytes: &[u8]) -> Option<Reply> {
        let query: Value = serde_json::from_slice(bytes).unwrap_or_default();
        let is_asked = path == "/api/graphql" && query["query"] == "query { viewer { login } }";
        is_asked.then(|| Reply::new(200, json!({"data": {"viewer": {"login": self.login}}})))
    }
}

pub(crate) type GitHub = Server<Kept>;

impl GitHub {
    /// What `api` is in a configuration.
    pub(crate) fn api(&self) -> String {
        format!("{}{API}", self.url())
    }

    /// What everybody sees: the tags of published releases with the names of their assets.
    pub(crate) fn published(&self) -> Vec<(String, Vec<String>)> {
        let kept = self.kept();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let names =
            |id| kept.assets.get(id).into_iter().flatten().map(|asset| text(&asset["name"])).collect();
        let published = kept.releases.iter().filter(|(_, release)| release["draft"] == false);
        published.map(|(id, release)| (text(&release["tag_name"]), names(id))).collect()
    }

    pub(crate) fn drafts(&self) -> usize {
        self.kept().releases.values().filter(|release| release["draft"] == true).count()
    }
}
