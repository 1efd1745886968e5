//! A GitLab of the tests: it keeps generic packages and releases as <https://docs.gitlab.com/api/> describes them.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use axum::http::Method;
use serde_json::{Value, json};

use super::described::Described;
use super::fake::{Fake, Log, Reply};
use crate::plugin::github::description::{Asked, Description};

pub(super) const TOKEN: &str = "glpat-sorrowful-canary";

const OPERATIONS: [Described; 10] = [
    Described {
        id: "listMergeRequests",
        request: "GET /projects/{id}/merge_requests",
        query: &["state", "source_branch", "target_branch", "order_by", "sort", "page", "per_page"],
        ..Described::NOTHING
    },
    Described {
        id: "createMergeRequest",
        request: "POST /projects/{id}/merge_requests",
        body: &[
            "source_branch! string",
            "target_branch! string",
            "title! string",
            "description string",
            "remove_source_branch boolean",
            "squash boolean",
        ],
        replies: &[201, 409, 422],
        ..Described::NOTHING
    },
    Described {
        id: "updateMergeRequest",
        request: "PUT /projects/{id}/merge_requests/{merge_request_iid}",
        body: &["title string", "description string", "state_event string", "target_branch string"],
        ..Described::NOTHING
    },
    Described {
        id: "getRelease",
        request: "GET /projects/{id}/releases/{tag_name}",
        query: &["include_html_description"],
        ..Described::NOTHING
    },
    Described {
        id: "createRelease",
        request: "POST /projects/{id}/releases",
        body: &[
            "tag_name! string",
            "tag_message string",
            "name string",
            "description string",
            "ref string",
            "released_at string",
            "milestones array",
            "assets object",
        ],
        replies: &[201, 409, 422],
        ..Described::NOTHING
    },
    Described {
        id: "listPackages",
        request: "GET /projects/{id}/packages",
        query: &[
            "order_by",
            "sort",
            "package_type",
            "package_name",
            "package_version",
            "status",
            "page",
            "per_page",
        ],
        ..Described::NOTHING
    },
    Described {
        id: "listPackageFiles",
        request: "GET /projects/{id}/packages/{package_id}/package_files",
        query: &["page", "per_page", "order_by", "sort"],
        ..Described::NOTHING
    },
    Described {
        id: "deletePackage",
        request: "DELETE /projects/{id}/packages/{package_id}",
        replies: &[204],
        ..Described::NOTHING
    },
    Described {
        id: "deletePackageFile",
        request: "DELETE /projects/{id}/packages/{package_id}/package_files/{package_file_id}",
        replies: &[204],
        ..Described::NOTHING
    },
    Described {
        id: "publishGenericPackage",
        request: "PUT /projects/{id}/packages/generic/{package_name}/{package_version}/{file_name}",
        query: &["status", "select"],
        content: Some("application/octet-stream"),
        replies: &[201, 400],
        ..Described::NOTHING
    },
];

/// The files of a package: their names and their sha256
#[derive(Default)]
pub(super) struct Package {
    name: String,
    version: String,
    pub(super) files: BTreeMap<u64, (String, String)>,
}

#[derive(Default)]
pub(super) struct GitLab {
    pub(super) releases: BTreeMap<String, Value>,
    pub(super) packages: BTreeMap<u64, Package>,
    pub(super) requests: Vec<Value>,
    log: Log,
}

impl GitLab {
    /// The names of all files of packages.
    pub(super) fn files(&self) -> Vec<String> {
        self.packages
            .values()
            .flat_map(|package| package.files.values())
            .map(|(name, _)| name.clone())
            .collect()
    }

    fn answered(&mut self, asked: &Asked<'_>, bytes: &[u8]) -> Reply {
        let parameter = |name: &str| asked.parameters.get(name).cloned().unwrap_or_default();
        let number = |name: &str| parameter(name).parse::<u64>().ok();
        assert_eq!(parameter("id"), "group/sub/r");
        let missing = || Reply::error(404, "404 Not Found");
        if number("package_id").is_some_and(|id| !self.packages.contains_key(&id)) {
            return missing();
        }
        let id = number("package_id").unwrap_or_default();
        match &*asked.operation.id {
            "listMergeRequests" => {
                let is_listed = |request: &&Value| {
                    ["state", "source_branch", "target_branch"]
                        .iter()
                        .all(|key| request[*key] == parameter(key))
                };
                let all: Vec<&Value> = self.requests.iter().filter(is_listed).collect();
                Reply::page(asked, "per_page", &all, &self.log.address)
            }
            "createMergeRequest" => {
                let number = self.log.next();
                let mut request = asked.json.clone();
                request["iid"] = number.into();
                request["state"] = "opened".into();
                request["web_url"] =
                    format!("{}/group/sub/r/-/merge_requests/{number}", self.log.address).into();
                self.requests.push(request.clone());
                Reply::new(201, request)
            }
            "updateMergeRequest" => {
                let of = number("merge_request_iid");
                let request = self.requests.iter_mut().find(|request| request["iid"].as_u64() == of);
                let Some(request) = request else { return missing() };
                for (key, value) in asked.json.as_object().into_iter().flatten() {
                    request[key] = value.clone();
                }
                Reply::new(200, request.clone())
            }
            "getRelease" => match self.releases.get(&parameter("tag_name")) {
                Some(release) => Reply::new(200, release.clone()),
                None => missing(),
            },
            "createRelease" => {
                let tag = asked.json["tag_name"].as_str().unwrap_or_default().to_owned();
                if self.releases.contains_key(&tag) {
                    return Reply::error(409, "Release already exists");
                }
                let mut release = asked.json.clone();
                release["_links"] =
                    json!({"self": format!("{}/group/sub/r/-/releases/{tag}", self.log.address)});
                self.releases.insert(tag, release.clone());
                Reply::new(201, release)
            }
            "listPackages" => {
                // The search is fuzzy.
                let name = parameter("package_name");
                let listed = self.packages.iter().filter(|(_, package)| package.name.contains(&name));
                let listed: Vec<Value> = listed
                    .map(|(id, package)| json!({"id": id, "name": package.name, "version": package.version, "package_type": "generic"}))
                    .collect();
                Reply::page(asked, "per_page", &listed.iter().collect::<Vec<_>>(), &self.log.address)
            }
            "listPackageFiles" => {
                let files = self.packages[&id].files.iter();
                let listed: Vec<Value> = files
                    .map(|(file, (name, sha256))| json!({"id": file, "package_id": id, "file_name": name, "file_sha256": sha256}))
                    .collect();
                Reply::page(asked, "per_page", &listed.iter().collect::<Vec<_>>(), &self.log.address)
            }
            "deletePackage" => {
                self.packages.remove(&id);
                Reply::new(204, Value::Null)
            }
            "deletePackageFile" => {
                let file = number("package_file_id").unwrap_or_default();
                self.packages.get_mut(&id).expect("it was looked for").files.remove(&file);
                Reply::new(204, Value::Null)
            }
            "publishGenericPackage" => {
                let (name, version) = (parameter("package_name"), parameter("package_version"));
                let known = self
                    .packages
                    .iter()
                    .find(|(_, package)| package.name == name && package.version == version);
                let id = known.map(|(id, _)| *id);
                let id = id.unwrap_or_else(|| self.log.next());
                let file = self.log.next();
                let package = self.packages.entry(id).or_insert_with(|| Package {
                    name,
                    version,
                    ..Package::default()
                });
                let digest = pyrelease::plugin::store::sha256(bytes);
                package.files.insert(file, (parameter("file_name"), digest));
                Reply::new(201, json!({"message": "201 Created"}))
            }
            other => panic!("this server does not have `{other}`"),
        }
    }
}

impl Fake for GitLab {
    fn description() -> &'static Description {
        static DESCRIPTION: OnceLock<Description> = OnceLock::new();
        DESCRIPTION.get_or_init(|| Description::read(&Described::document(&OPERATIONS)))
    }

    fn log(&mut self) -> &mut Log {
        &mut self.log
    }

    fn path<'a>(_: &Method, path: &'a str) -> Option<&'a str> {
        path.strip_prefix("/api/v4")
    }

    fn may_ask(header: &dyn Fn(&str) -> Option<String>) -> Option<bool> {
        Some(header("private-token").as_deref() == Some(TOKEN))
    }

    fn answer(&mut self, asked: &Asked<'_>, bytes: &[u8]) -> Reply {
        self.answered(asked, bytes)
    }
}
