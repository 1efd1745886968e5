//! A project that is released in a job of GitHub Actions, to indexes that trust its workflow.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

use pyrelease::world::Environment;
use pyrelease::world::tools::{ToolEnvironment, Toolset};
use pyrelease_test_support::{Config, Invocation, Project, Sigstore, shared_cache};
use serde_json::{Value, json};

use super::super::drilled::Local;
use super::super::issuer::Issuer;
use super::super::{QUICK, quick};

/// The audience of the indexes' identities; PyPI's own is refused to any other host.
const AUDIENCE: &str = "here";
pub(super) const STAGES: &str = "version tag build check testpypi pypi";
pub(super) const WORKFLOW: &str = "octo/demo/.github/workflows/release.yml@refs/heads/main";

pub(super) struct Scene {
    pub(super) local: Local,
    pub(super) sigstore: Sigstore,
    pub(super) project: Project,
    issuer: Arc<Issuer>,
    runner: Runner,
}

/// What issues identities to a job
struct Runner {
    address: String,
    claims: Arc<Mutex<Vec<(&'static str, Value)>>>,
}

/// The tools that sign, installed once for all tests.
pub(super) fn tools() -> ToolEnvironment {
    static TOOLS: OnceLock<ToolEnvironment> = OnceLock::new();
    let install = || {
        let environment = Environment::of_this_process().with("PYRELEASE_CACHE_DIR", shared_cache());
        ToolEnvironment::of(Toolset::Attestations, &environment, &|_| ()).expect("a Python and an index")
    };
    TOOLS.get_or_init(install).clone()
}

impl Scene {
    /// A release with these stages to both indexes, which have this setting of `attestations`.
    pub(super) fn new(stages: &str, attestations: &str) -> Self {
        let sigstore = Sigstore::start(tools().python());
        let (mut local, issuer) = (Local::new(), Arc::new(Issuer::new()));
        for index in [&mut local.rehearsal, &mut local.public] {
            index.trust_for(&issuer, AUDIENCE);
        }
        let mut config = Config::stages(stages);
        for (name, index) in [("testpypi", &local.rehearsal), ("pypi", &local.public)] {
            let simple = index.upload_url().replace("/legacy/", "/simple/");
            config = config.server(name, &index.upload_url(), &simple);
            config = config.set("trusted-publishing", true).set("attestations", attestations);
        }
        let project = quick().config(&config.lines(QUICK)).build();
        let runner = Runner::start(Arc::clone(&issuer));
        Self { local, sigstore, project, issuer, runner }
    }

    /// Where a job asks for its identity.
    pub(super) fn identities(&self) -> String {
        format!("http://{}/id?v=2", self.runner.address)
    }

    /// Changes claims of the job's identities.
    pub(super) fn claim(&self, name: &'static str, value: Value) {
        self.runner.claims.lock().unwrap_or_else(PoisonError::into_inner).push((name, value));
    }

    /// The command in a job of the workflow, with no patience in an outage.
    pub(super) fn pyrelease(&self, args: &str) -> Invocation<'_> {
        self.project
            .pyrelease(args)
            .env("GITHUB_ACTIONS", "true")
            .env("ACTIONS_ID_TOKEN_REQUEST_URL", self.identities())
            .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "of-the-runner")
            .env("PYRELEASE_SIGSTORE_TRUST_CONFIG", self.sigstore.trust_config())
            .env("PYRELEASE_SIGSTORE_PATIENCE", "0")
    }

    /// The command in a job of GitLab's, with its identities in variables.
    pub(super) fn pyrelease_on_gitlab(&self, args: &str) -> Invocation<'_> {
        let identity = |audience: &str| self.issuer.identity_of_gitlab(audience);
        self.project
            .pyrelease(args)
            .env("GITLAB_CI", "true")
            // That there are identities for this index; its audience names the one that it gets.
            .env("PYPI_ID_TOKEN", identity("pypi"))
            .env("HERE_ID_TOKEN", identity(AUDIENCE))
            .env("SIGSTORE_ID_TOKEN", identity("sigstore"))
            .env("PYRELEASE_SIGSTORE_TRUST_CONFIG", self.sigstore.trust_config())
    }

    /// The names that the log has entries of.
    pub(super) fn signed(&self) -> Vec<String> {
        let name = |entry: &Value| entry["name"].as_str().unwrap_or_default().to_owned();
        self.sigstore.entries().iter().map(name).collect()
    }

    /// The folder of the newest run's distributions.
    pub(super) fn dist(&self) -> PathBuf {
        let runs = self.project.repository().join(".git/pyrelease/runs");
        let runs = fs_err::read_dir(runs).expect("the folder of the runs").flatten();
        runs.map(|run| run.path().join("dist")).max().expect("a run")
    }
}

impl Runner {
    fn start(issuer: Arc<Issuer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address").to_string();
        let claims = Arc::new(Mutex::new(vec![
            ("sub", json!("repo:octo/demo:ref:refs/heads/main")),
            ("workflow_ref", json!(WORKFLOW)),
            ("sha", json!("0123456789012345678901234567890123456789")),
            ("ref", json!("refs/heads/main")),
            ("repository_visibility", json!("public")),
        ]));
        let of_jobs = Arc::clone(&claims);
        thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let claims = of_jobs.lock().unwrap_or_else(PoisonError::into_inner).clone();
                answer(&mut stream.expect("a connection"), &issuer, claims, number);
            }
        });
        Self { address, claims }
    }
}

/// Answers one request with an identity for the audience that it asks for.
fn answer(stream: &mut TcpStream, issuer: &Issuer, mut claims: Vec<(&'static str, Value)>, number: usize) {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head);
    let audience = head.split("audience=").nth(1).and_then(|rest| rest.split(' ').next());
    claims.push(("aud", json!(audience)));
    claims.push(("jti", json!(number.to_string())));
    let body = json!({ "value": issuer.identity(&claims) }).to_string();
    let length = body.len();
    // Whoever asked may be gone.
    let _ = write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    let _ = stream.shutdown(Shutdown::Write);
}
