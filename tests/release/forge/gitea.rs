//! A Gitea of the tests: it keeps releases as Gitea 1.22 and Forgejo do, as far as <https://docs.gitea.com/api> describes
//! them.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use axum::http::Method;
use serde_json::{Value, json};

use super::described::Described;
use super::fake::{Fake, Log, Reply};
use crate::plugin::github::description::{Asked, Description};

pub(super) const TOKEN: &str = "gitea-sorrowful-canary";

const OPERATIONS: [Described; 9] = [
    Described {
        id: "repoListReleases",
        request: "GET /repos/{owner}/{repo}/releases",
        query: &["draft", "pre-release", "page", "limit"],
        ..Described::NOTHING
    },
    Described {
        id: "repoCreateRelease",
        request: "POST /repos/{owner}/{repo}/releases",
        body: &[
            "tag_name! string",
            "target_commitish string",
            "name string",
            "body string",
            "draft boolean",
            "prerelease boolean",
        ],
        replies: &[201, 409, 422],
        ..Described::NOTHING
    },
    Described {
        id: "repoGetReleaseByTag",
        request: "GET /repos/{owner}/{repo}/releases/tags/{tag}",
        ..Described::NOTHING
    },
    Described {
        id: "repoGetRelease",
        request: "GET /repos/{owner}/{repo}/releases/{release_id}",
        ..Described::NOTHING
    },
    Described {
        id: "repoEditRelease",
        request: "PATCH /repos/{owner}/{repo}/releases/{release_id}",
        body: &[
            "tag_name string",
            "target_commitish string",
            "name string",
            "body string",
            "draft boolean",
            "prerelease boolean",
        ],
        ..Described::NOTHING
    },
    Described {
        id: "repoDeleteRelease",
        request: "DELETE /repos/{owner}/{repo}/releases/{release_id}",
        replies: &[204, 422],
        ..Described::NOTHING
    },
    Described {
        id: "repoListReleaseAttachments",
        request: "GET /repos/{owner}/{repo}/releases/{release_id}/assets",
        ..Described::NOTHING
    },
    Described {
        id: "repoCreateReleaseAttachment",
        request: "POST /repos/{owner}/{repo}/releases/{release_id}/assets",
        query: &["name"],
        content: Some("multipart/form-data"),
        replies: &[201, 400, 413],
        ..Described::NOTHING
    },
    Described {
        id: "repoDeleteReleaseAttachment",
        request: "DELETE /repos/{owner}/{repo}/releases/{release_id}/assets/{attachment_id}",
        replies: &[204],
        ..Described::NOTHING
    },
];

#[derive(Default)]
pub(super) struct Gitea {
    pub(super) releases: BTreeMap<u64, Value>,
    log: Log,
}

impl Gitea {
    fn answered(&mut self, asked: &Asked<'_>, bytes: &[u8]) -> Reply {
        let number = |name: &str| asked.parameters.get(name).and_then(|value| value.parse::<u64>().ok());
        let missing = || Reply::error(404, "The target couldn't be found.");
        let id = number("release_id");
        if id.is_some_and(|id| !self.releases.contains_key(&id)) {
            return missing();
        }
        let id = id.unwrap_or_default();
        let of_tag = |releases: &BTreeMap<u64, Value>, tag: &str| {
            releases.values().find(|release| release["tag_name"] == *tag).cloned()
        };
        match &*asked.operation.id {
            "repoListReleases" => {
                let is_draft = asked.parameters.get("draft").map(|draft| draft == "true");
                let is_listed = |release: &&Value| is_draft.is_none_or(|draft| release["draft"] == draft);
                let all: Vec<&Value> = self.releases.values().rev().filter(is_listed).collect();
                Reply::page(asked, "limit", &all, &self.log.address)
            }
            "repoCreateRelease" => {
                let tag = asked.json["tag_name"].as_str().unwrap_or_default();
                if of_tag(&self.releases, tag).is_some() {
                    return Reply::error(409, "Release is has no Tag");
                }
                let id = self.log.next();
                let mut release = json!({
                    "id": id, "draft": false, "prerelease": false, "assets": [],
                    "html_url": format!("{}/o/r/releases/tag/{tag}", self.log.address),
                    "upload_url": format!("{}/api/v1/repos/o/r/releases/{id}/assets", self.log.address),
                });
                merge(&mut release, &asked.json);
                self.releases.insert(id, release.clone());
                Reply::new(201, release)
            }
            "repoGetReleaseByTag" => of_tag(&self.releases, &asked.parameters["tag"])
                .map_or_else(missing, |release| Reply::new(200, release)),
            "repoGetRelease" => Reply::new(200, self.releases[&id].clone()),
            "repoEditRelease" => {
                let release = self.releases.get_mut(&id).expect("it was looked for");
                merge(release, &asked.json);
                Reply::new(200, release.clone())
            }
            "repoDeleteRelease" => {
                self.releases.remove(&id);
                Reply::new(204, Value::Null)
            }
            "repoListReleaseAttachments" => Reply::new(200, self.releases[&id]["assets"].clone()),
            "repoCreateReleaseAttachment" => {
                let text = String::from_utf8_lossy(bytes);
                let is_form =
                    text.contains("Content-Disposition: form-data; name=\"attachment\"; filename=\"");
                let body = text.split_once("\r\n\r\n").filter(|_| is_form);
                let Some((head, _)) = body else { return Reply::error(400, "no attachment") };
                let end = bytes.windows(4).rposition(|end| end == b"\r\n--").unwrap_or_default();
                let file = &bytes[head.len() + 4..end];
                let asset = json!({
                    "id": self.log.next(), "name": asked.parameters["name"], "size": file.len(), "uuid": "u",
                    "sha256": pyrelease::plugin::store::sha256(file),
                });
                let release = self.releases.get_mut(&id).expect("it was looked for");
                release["assets"].as_array_mut().expect("a list").push(asset.clone());
                Reply::new(201, asset)
            }
            "repoDeleteReleaseAttachment" => {
                let release = self.releases.get_mut(&id).expect("it was looked for");
                let of_id = number("attachment_id");
                release["assets"]
                    .as_array_mut()
                    .expect("a list")
                    .retain(|asset| asset["id"].as_u64() != of_id);
                Reply::new(204, Value::Null)
            }
            other => panic!("this server does not have `{other}`"),
        }
    }
}

fn merge(object: &mut Value, changes: &Value) {
    for (key, value) in changes.as_object().into_iter().flatten() {
        object[key] = value.clone();
    }
}

impl Fake for Gitea {
    fn description() -> &'static Description {
        static DESCRIPTION: OnceLock<Description> = OnceLock::new();
        DESCRIPTION.get_or_init(|| Description::read(&Described::document(&OPERATIONS)))
    }

    fn log(&mut self) -> &mut Log {
        &mut self.log
    }

    fn path<'a>(_: &Method, path: &'a str) -> Option<&'a str> {
        path.strip_prefix("/api/v1")
    }

    fn may_ask(header: &dyn Fn(&str) -> Option<String>) -> Option<bool> {
        Some(header("authorization") == Some(format!("token {TOKEN}")))
    }

    fn answer(&mut self, asked: &Asked<'_>, bytes: &[u8]) -> Reply {
        self.answered(asked, bytes)
    }
}
