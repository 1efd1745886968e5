//! The example that publishes on GitHub, against a server that keeps releases as GitHub does and refuses what GitHub would.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use pyrelease_test_support::{Invocation, Project};
use serde_json::{Value, json};

use super::support::built;

const TOKEN: &str = "ghp-a-token-of-the-tests";

#[derive(Default)]
struct Kept {
    releases: BTreeMap<u64, Value>,
    assets: BTreeMap<u64, BTreeMap<String, Bytes>>,
    next: u64,
    /// An asset that is refused
    refused: Option<String>,
    address: String,
}

type Shared = Arc<Mutex<Kept>>;
type Reply = (StatusCode, Json<Value>);

/// What every request to GitHub has.
fn expect_headers(headers: &HeaderMap) -> Result<(), Reply> {
    let is =
        |name: &str, value: &str| headers.get(name).is_some_and(|there| there.as_bytes() == value.as_bytes());
    if !is("authorization", &format!("Bearer {TOKEN}")) {
        return Err((StatusCode::UNAUTHORIZED, Json(json!({"message": "Bad credentials"}))));
    }
    let has_agent = headers.contains_key("user-agent");
    match is("accept", "application/vnd.github+json") && is("x-github-api-version", "2022-11-28") && has_agent
    {
        true => Ok(()),
        false => Err((StatusCode::BAD_REQUEST, Json(json!({"message": format!("headers: {headers:?}")})))),
    }
}

async fn list(State(kept): State<Shared>, headers: HeaderMap) -> Result<Reply, Reply> {
    expect_headers(&headers)?;
    let kept = kept.lock().expect("no test panics there");
    Ok((StatusCode::OK, Json(kept.releases.values().cloned().collect())))
}

async fn by_tag(
    State(kept): State<Shared>,
    headers: HeaderMap,
    Path(tag): Path<String>,
) -> Result<Reply, Reply> {
    expect_headers(&headers)?;
    let kept = kept.lock().expect("no test panics there");
    // A draft is not found by its tag.
    let found =
        kept.releases.values().find(|release| release["tag_name"] == *tag && release["draft"] == false);
    let missing = || (StatusCode::NOT_FOUND, Json(json!({"message": "Not Found"})));
    found.map(|release| (StatusCode::OK, Json(release.clone()))).ok_or_else(missing)
}

async fn create(
    State(kept): State<Shared>,
    headers: HeaderMap,
    Json(asked): Json<Value>,
) -> Result<Reply, Reply> {
    expect_headers(&headers)?;
    let texts = ["tag_name", "name", "body"].iter().all(|key| asked[key].is_string());
    if !texts || !asked["draft"].is_boolean() || !asked["prerelease"].is_boolean() {
        return Err((StatusCode::UNPROCESSABLE_ENTITY, Json(json!({"message": asked.to_string()}))));
    }
    let mut kept = kept.lock().expect("no test panics there");
    kept.next += 1;
    let id = kept.next;
    let mut release = asked;
    release["id"] = id.into();
    release["html_url"] = format!("{}/o/r/releases/{id}", kept.address).into();
    release["upload_url"] = format!("{}/upload/{id}/assets{{?name,label}}", kept.address).into();
    kept.releases.insert(id, release.clone());
    Ok((StatusCode::CREATED, Json(release)))
}

async fn publish(
    State(kept): State<Shared>,
    headers: HeaderMap,
    Path(id): Path<u64>,
    Json(asked): Json<Value>,
) -> Result<Reply, Reply> {
    expect_headers(&headers)?;
    let mut kept = kept.lock().expect("no test panics there");
    let release =
        kept.releases.get_mut(&id).ok_or((StatusCode::NOT_FOUND, Json(json!({"message": "Not Found"}))))?;
    release["draft"] = asked["draft"].clone();
    Ok((StatusCode::OK, Json(release.clone())))
}

async fn delete(
    State(kept): State<Shared>,
    headers: HeaderMap,
    Path(id): Path<u64>,
) -> Result<StatusCode, Reply> {
    expect_headers(&headers)?;
    let mut kept = kept.lock().expect("no test panics there");
    kept.assets.remove(&id);
    kept.releases
        .remove(&id)
        .map(|_| StatusCode::NO_CONTENT)
        .ok_or((StatusCode::NOT_FOUND, Json(json!({"message": "Not Found"}))))
}

async fn upload(
    State(kept): State<Shared>,
    headers: HeaderMap,
    Path(id): Path<u64>,
    RawQuery(query): RawQuery,
    bytes: Bytes,
) -> Result<Reply, Reply> {
    expect_headers(&headers)?;
    let mut kept = kept.lock().expect("no test panics there");
    let name = query.as_deref().and_then(|query| query.strip_prefix("name=")).unwrap_or_default().to_owned();
    let is_typed = headers.contains_key("content-type");
    if !kept.releases.contains_key(&id)
        || name.is_empty()
        || !is_typed
        || kept.refused.as_ref() == Some(&name)
    {
        return Err((StatusCode::UNPROCESSABLE_ENTITY, Json(json!({"message": "Validation Failed"}))));
    }
    if kept.assets.entry(id).or_default().insert(name, bytes).is_some() {
        return Err((StatusCode::UNPROCESSABLE_ENTITY, Json(json!({"message": "already_exists"}))));
    }
    Ok((StatusCode::CREATED, Json(json!({}))))
}

/// A server that keeps releases, as long as the test lives
struct GitHub {
    kept: Shared,
    _runtime: tokio::runtime::Runtime,
}

impl GitHub {
    fn start() -> Self {
        let kept = Shared::default();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().expect("it has one");
        kept.lock().expect("nobody else has it").address = format!("http://{address}");
        let router = Router::new()
            .route("/api/v3/repos/o/r/releases", get(list).post(create))
            .route("/api/v3/repos/o/r/releases/tags/{tag}", get(by_tag))
            .route("/api/v3/repos/o/r/releases/{id}", axum::routing::patch(publish).delete(delete))
            .route("/upload/{id}/assets", post(upload))
            .with_state(Arc::clone(&kept));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { kept, _runtime: runtime }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Kept) -> T) -> T {
        act(&mut self.kept.lock().expect("no test panics there"))
    }

    /// What everybody sees: the tags of published releases with the names of their assets.
    fn published(&self) -> Vec<(String, Vec<String>)> {
        self.with(|kept| {
            let published = kept.releases.iter().filter(|(_, release)| release["draft"] == false);
            let assets =
                |id| kept.assets.get(id).map(|assets| assets.keys().cloned().collect()).unwrap_or_default();
            published
                .map(|(id, release)| {
                    (release["tag_name"].as_str().unwrap_or_default().to_owned(), assets(id))
                })
                .collect()
        })
    }

    fn drafts(&self) -> usize {
        self.with(|kept| kept.releases.values().filter(|release| release["draft"] == true).count())
    }

    /// A project that is published there.
    fn project(&self) -> Project {
        let address = self.with(|kept| kept.address.clone());
        let config = format!(
            "stages = [\"version\", \"tag\", \"build\", \"push\", \"github-release\"]\n\n[stage.build]\nisolation = false\n\n[stage.github-release]\nplugin = \"github-release\"\nsecrets = [\"GITHUB_TOKEN\"]\nconfig = {{ repository = \"o/r\", api = \"{address}/api/v3\" }}\n"
        );
        let project = crate::release::quick().config(&config).build();
        let plugins = project.folder().join(".pyrelease/plugins");
        fs_err::create_dir_all(&plugins).expect("a folder of the project");
        let library = plugins.join("libgithub_release.so");
        fs_err::copy(built("github_release"), &library).expect("it was built with the tests");
        // Without what a debugger needs, it is hashed in no time; where there is no `strip`, that takes a little longer.
        let _ = duct::cmd!("strip", "--strip-debug", &library).unchecked().run();
        project.write(".gitignore", "__pycache__/\n.pyrelease/\n/build/\n");
        project.pyrelease("plugin trust --yes").code(0);
        project.commit("Pin the plugin");
        project.git(&["push", "--quiet"]);
        project
    }
}

fn run(project: &Project) -> Invocation<'_> {
    project.pyrelease("run minor --yes").env("PYRELEASE_SECRET_GITHUB_TOKEN", TOKEN)
}

fn files(version: &str) -> Vec<String> {
    vec![format!("demo-{version}-py3-none-any.whl"), format!("demo-{version}.tar.gz")]
}

#[test]
fn a_release_is_published_with_its_distributions_or_leaves_no_draft() {
    let github = GitHub::start();
    let project = github.project();
    project.pyrelease("plan minor").code(0).stdout_contains("publish release v1.1.0 of o/r");
    github.with(|kept| kept.refused = Some("demo-1.1.0.tar.gz".to_owned()));
    let outcome = run(&project).code(0);
    outcome
        .stderr_contains("the release is out, but `github-release` failed")
        .stderr_contains("GitHub did not upload demo-1.1.0.tar.gz");
    assert_eq!((github.published(), github.drafts()), (Vec::new(), 0));

    github.with(|kept| kept.refused = None);
    run(&project).code(0).stderr_contains("/o/r/releases/");
    assert_eq!((github.published(), github.drafts()), (vec![("v1.2.0".to_owned(), files("1.2.0"))], 0));
    let outcome =
        project.pyrelease("run minor --yes").env("PYRELEASE_SECRET_GITHUB_TOKEN", "ghp-of-yesterday").code(0);
    outcome.stderr_contains("the token is wrong or has expired");
}

#[test]
fn one_that_is_killed_is_published_once() {
    let github = GitHub::start();
    let project = github.project();
    let list = project.sandbox().root().join("points");
    run(&project).env("PYRELEASE_DRILL", format!("list:{}", list.display())).code(0);
    let text = fs_err::read_to_string(list).unwrap();
    let points: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told = points
        .iter()
        .filter(|point| point["moment"] == "acknowledged")
        .map(|point| point["number"].as_u64().unwrap());
    let mut versions = vec!["1.1.0".to_owned()];
    for (round, number) in told.enumerate() {
        let killed = run(&project).env("PYRELEASE_DRILL", format!("kill:{number}")).run();
        assert_eq!(killed.status(), -1, "{killed}");
        project.pyrelease("resume --yes").env("PYRELEASE_SECRET_GITHUB_TOKEN", TOKEN).code(0);
        versions.push(format!("1.{}.0", round + 2));
    }
    assert_eq!(versions.len(), 3, "a draft and its publication");
    let expected: Vec<_> = versions.iter().map(|version| (format!("v{version}"), files(version))).collect();
    assert_eq!((github.published(), github.drafts()), (expected, 0));
}
