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

const OPERATIONS: [Described; 12] = [
    Described {
        id: "repoListPullRequests",
        request: "GET /repos/{owner}/{repo}/pulls",
        query: &["base_branch", "state", "sort", "milestone", "labels", "poster", "page", "limit"],
        ..Described::NOTHING
    },
    Described {
        id: "repoCreatePullRequest",
        request: "POST /repos/{owner}/{repo}/pulls",
        body: &[
            "head string",
            "base string",
            "title string",
            "body string",
            "assignees array",
            "labels array",
        ],
        replies: &[201, 409, 422, 423],
        ..Described::NOTHING
    },
    Described {
        id: "repoEditPullRequest",
        request: "PATCH /repos/{owner}/{repo}/pulls/{index}",
        body: &["title string", "body string", "base string", "state string", "labels array"],
        replies: &[201, 409, 412, 422],
        ..Described::NOTHING
    },
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
    pub(super) pulls: Vec<Value>,
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
            "repoListPullRequests" => {
                let open: Vec<&Value> = self.pulls.iter().filter(|pull| pull["state"] == "open").collect();
                Reply::page(asked, "limit", &open, &self.log.address)
            }
            "repoCreatePullRequest" => {
                let number = self.log.next();
                let pull = json!({
                    "number": number, "state": "open", "title": asked.json["title"], "body": asked.json["body"],
                    "html_url": format!("{}/o/r/pulls/{number}", self.log.address),
                    "head": {"ref": asked.json["head"], "repo": {"full_name": "o/r"}},
                    "base": {"ref": asked.json["base"]},
                });
                self.pulls.push(pull.clone());
                Reply::new(201, pull)
            }
            "repoEditPullRequest" => {
                let of = number("index");
                let pull = self.pulls.iter_mut().find(|pull| pull["number"].as_u64() == of);
                let Some(pull) = pull else { return missing() };
                merge(pull, &asked.json);
                Reply::new(201, pull.clone())
            }
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
