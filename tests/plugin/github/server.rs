//! A GitHub of the tests: it keeps releases as GitHub does, takes what GitHub's description allows and nothing else, and
//! never answers what the description does not have.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::{Value, json};

use super::description::{Asked, Description};

pub(super) const TOKEN: &str = "ghp-a-token-of-the-tests";
const NOW: &str = "2026-11-24T12:00:00Z";
/// Where an Enterprise server has its interface, and where it takes assets
const API: &str = "/api/v3";
const UPLOADS: &str = "/api/uploads";

/// Something that goes wrong at the next request of a kind
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    pub(super) operation: &'static str,
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) message: &'static str,
    /// What was asked for happens all the same
    pub(super) happens: bool,
}

#[derive(Default)]
pub(super) struct Kept {
    pub(super) releases: BTreeMap<u64, Value>,
    pub(super) assets: BTreeMap<u64, Vec<Value>>,
    pub(super) troubles: VecDeque<Trouble>,
    /// An asset that is refused
    pub(super) refused: Option<String>,
    pub(super) has_no_tags: bool,
    /// The operations that were asked for
    pub(super) asked: Vec<String>,
    /// What was asked or answered against the description
    wrong: Vec<String>,
    next: u64,
    address: String,
}

struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Value,
}

impl Reply {
    fn new(status: u16, body: Value) -> Self {
        Self { status, headers: Vec::new(), body }
    }

    fn error(status: u16, message: &str) -> Self {
        Self::new(status, json!({"message": message, "documentation_url": "https://docs.github.com/rest"}))
    }

    fn invalid(field: &str, code: &str) -> Self {
        let mut reply = Self::error(422, "Validation Failed");
        reply.body["errors"] = json!([{"resource": "Release", "field": field, "code": code}]);
        reply
    }
}

impl Kept {
    /// A release that is there, as somebody else made it.
    pub(super) fn add(&mut self, tag: &str, is_draft: bool) -> u64 {
        self.next += 1;
        let (id, address) = (self.next, &self.address);
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

    fn answer(&mut self, asked: &Asked<'_>, bytes: &[u8]) -> Reply {
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
                let (page, size) = (number("page").unwrap_or(1), number("per_page").unwrap_or(30).min(100));
                let after = self.releases.values().rev().skip(((page - 1) * size) as usize);
                let releases: Vec<&Value> = after.clone().take(size as usize).collect();
                let mut reply = Reply::new(200, json!(releases));
                if after.count() > size as usize {
                    let next = format!(
                        "<{}{API}/repositories/1/releases?page={}>; rel=\"next\"",
                        self.address,
                        page + 1
                    );
                    reply.headers.push(("link", next));
                }
                reply
            }
            "repos/create-release" => {
                let tag = asked.json["tag_name"].as_str().unwrap_or_default();
                if self.published(tag).is_some() {
                    return Reply::invalid("tag_name", "already_exists");
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
            "git/get-ref" if self.has_no_tags => Reply::error(404, "Not Found"),
            "git/get-ref" => {
                let name = &asked.parameters["ref"];
                let url = format!("{}{API}/repos/o/r/git/{name}", self.address);
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
            return Reply::invalid("name", "already_exists");
        }
        self.next += 1;
        let half = self.troubles.front().is_some_and(|trouble| trouble.message == "half of it");
        let asset = json!({
            "id": self.next, "node_id": "RA", "name": name, "label": asked.parameters.get("label"),
            "state": if half { "open" } else { "uploaded" }, "content_type": "application/octet-stream",
            "size": bytes.len(), "digest": format!("sha256:{}", pyrelease::plugin::store::sha256(bytes)),
            "download_count": 0, "created_at": NOW, "updated_at": NOW, "uploader": user(),
            "url": format!("{}{API}/repos/o/r/releases/assets/{}", self.address, self.next),
            "browser_download_url": format!("{}/o/r/releases/download/x/{}", self.address, self.next),
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

/// A GitHub, as long as the test lives
pub(super) struct Server {
    kept: Arc<Mutex<Kept>>,
    _runtime: tokio::runtime::Runtime,
}

impl Server {
    pub(super) fn start() -> Self {
        let kept = Arc::<Mutex<Kept>>::default();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        // Read before anybody waits for an answer.
        Description::get();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let server = Self { kept, _runtime: runtime };
        server.kept().address = format!("http://{}", listener.local_addr().expect("it has one"));
        let router = Router::new()
            .fallback(respond)
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(Arc::clone(&server.kept));
        server._runtime.spawn(async move { axum::serve(listener, router).await });
        server
    }

    pub(super) fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What `api` is in a configuration.
    pub(super) fn api(&self) -> String {
        format!("{}{API}", self.kept().address)
    }

    /// What everybody sees: the tags of published releases with the names of their assets.
    pub(super) fn published(&self) -> Vec<(String, Vec<String>)> {
        let kept = self.kept();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let names =
            |id| kept.assets.get(id).into_iter().flatten().map(|asset| text(&asset["name"])).collect();
        let published = kept.releases.iter().filter(|(_, release)| release["draft"] == false);
        published.map(|(id, release)| (text(&release["tag_name"]), names(id))).collect()
    }

    pub(super) fn drafts(&self) -> usize {
        self.kept().releases.values().filter(|release| release["draft"] == true).count()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let wrong = std::mem::take(&mut self.kept().wrong);
            assert!(wrong.is_empty(), "against GitHub's description: {wrong:#?}");
        }
    }
}

type Response = (StatusCode, HeaderMap, String);

async fn respond(
    State(kept): State<Arc<Mutex<Kept>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    bytes: Bytes,
) -> Response {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    let reply = reply(&mut kept, &method, &uri, &headers, &bytes).unwrap_or_else(|wrong| {
        kept.wrong.push(wrong.clone());
        Reply::error(400, &wrong)
    });
    let mut fields = HeaderMap::new();
    for (name, value) in reply.headers {
        fields.insert(name, value.parse().expect("a header"));
    }
    let body = if reply.body.is_null() { String::new() } else { reply.body.to_string() };
    (StatusCode::from_u16(reply.status).expect("a status"), fields, body)
}

/// The reply to a request, or what is wrong with either.
fn reply(
    kept: &mut Kept,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    bytes: &Bytes,
) -> Result<Reply, String> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if header("user-agent").is_none()
        || !header("accept").is_some_and(|accept| accept.split(", ").any(|kind| kind == "application/json"))
        || header("x-github-api-version") != Some("2022-11-28")
    {
        return Err(format!("the headers of {method} {uri}: {headers:?}"));
    }
    let address = reqwest::Url::parse(&format!("http://x{uri}")).map_err(|error| error.to_string())?;
    let prefix = if method == Method::POST && uri.path().ends_with("/assets") { UPLOADS } else { API };
    let path = uri.path().strip_prefix(prefix).ok_or_else(|| format!("{uri} is not below {prefix}"))?;
    let query: Vec<_> = address.query_pairs().into_owned().collect();
    let asked = Description::get().request(method.as_str(), path, &query, (header("content-type"), bytes))?;
    kept.asked.push(asked.operation.id.clone());
    let trouble = kept.troubles.front().filter(|trouble| trouble.operation == asked.operation.id).cloned();
    let mut reply = match header("authorization") {
        Some(token) if token == format!("Bearer {TOKEN}") => match &trouble {
            Some(trouble) if !trouble.happens => Reply::error(trouble.status, trouble.message),
            _ => kept.answer(&asked, bytes),
        },
        _ => Reply::error(401, "Bad credentials"),
    };
    if let Some(trouble) = trouble {
        reply = Reply { headers: trouble.headers, ..Reply::error(trouble.status, trouble.message) };
        kept.troubles.pop_front();
    }
    Description::get().reply(asked.operation, reply.status, &reply.body)?;
    Ok(reply)
}
