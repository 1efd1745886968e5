//! Releases to two embedded indexes, killed at named points.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use pyrelease::server::{Access, EmbeddedIndex};
use pyrelease::world::sha256;
use pyrelease_test_support::{Blueprint, Config, Invocation, Outcome, Project};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::issuer::Issuer;
use super::{QUICK, quick};
use crate::model::engine::check_journals;

/// A project ready to release, and the two indexes
pub(crate) struct Local {
    pub(crate) project: Project,
    pub(crate) rehearsal: Index,
    pub(crate) public: Index,
    blueprint: Blueprint,
    /// The beginning of the `release.toml`
    head: String,
}

/// An index that can be stopped
pub(crate) struct Index {
    folder: PathBuf,
    /// Still valid after the index was restarted
    pub(crate) token: SecretString,
    server: Option<EmbeddedIndex>,
}

impl Index {
    fn start(folder: PathBuf, name: &str) -> Self {
        let server = EmbeddedIndex::start(&folder, name, Access::Tokens).expect("a free port");
        let token = server.token().expect("it takes tokens");
        Self { folder, token, server: Some(server) }
    }

    /// Stops the index.
    pub(super) fn stop(&mut self) {
        self.server = None;
    }

    /// Trusts an issuer of identities.
    pub(super) fn trust(&mut self, issuer: &Issuer) {
        issuer.is_trusted_by(&self.folder);
        self.server.as_mut().expect("an index that runs").serve().expect("it serves again");
    }

    /// Trusts an issuer of identities that are for this audience, and the same for a pipeline of GitLab's.
    pub(super) fn trust_for(&mut self, issuer: &Issuer, audience: &str) {
        issuer.is_trusted_by(&self.folder);
        let settings = self.folder.join("index.toml");
        let text = fs_err::read_to_string(&settings).expect("its settings");
        let pipeline = "[[trusted-publishing.publisher]]\nissuer = \"https://gitlab.com\"\nkeys = \"keys.json\"\n\
                        projects = [\"Demo\"]\nclaims = { project_path = \"group/demo\", \
                        ci_config_ref_uri = \"gitlab.com/group/demo//ci/release.yml@*\" }\n";
        let text = format!("[trusted-publishing]\naudience = \"{audience}\"\n{text}{pipeline}");
        fs_err::write(&settings, text).expect("its settings");
        self.server.as_mut().expect("an index that runs").serve().expect("it serves again");
    }

    /// The files of the project and their sha256.
    pub(crate) fn files(&self) -> BTreeMap<String, String> {
        self.files_of("demo")
    }

    /// The files of this project and their sha256.
    pub(crate) fn files_of(&self, project: &str) -> BTreeMap<String, String> {
        files(&self.folder.join(project))
    }

    pub(super) fn file(&self, file: &str) -> Vec<u8> {
        fs_err::read(self.folder.join("demo").join(file)).expect("a file of the index")
    }

    /// Somebody else uploads the bytes of an existing file under another name.
    pub(super) fn add(&self, like: &str, name: &str) {
        let folder = self.folder.join("demo");
        fs_err::copy(folder.join(like), folder.join(name)).expect("a file of the index");
        let record = fs_err::read_to_string(self.record(like)).expect("its record");
        fs_err::write(self.record(name), record.replace(like, name)).expect("a record");
    }

    /// The index's copy of a file.
    pub(super) fn record(&self, file: &str) -> PathBuf {
        self.folder.join(".records/demo").join(format!("{file}.json"))
    }

    pub(crate) fn upload_url(&self) -> String {
        self.server.as_ref().expect("an index that runs").upload_url()
    }

    pub(super) fn simple_url(&self) -> String {
        self.server.as_ref().expect("an index that runs").simple_url()
    }

    fn section(&self, name: &str) -> Config {
        Config::default().server(name, &self.upload_url(), &self.simple_url())
    }
}

impl Local {
    pub(crate) fn new() -> Self {
        Self::configured("")
    }

    /// Creates a project with this at the beginning of its `release.toml`.
    pub(crate) fn configured(head: &str) -> Self {
        Self::of(quick(), head)
    }

    pub(crate) fn of(blueprint: Blueprint, head: &str) -> Self {
        let folders = tempfile::Builder::new()
            .prefix("pyrelease-indexes-")
            .tempdir()
            .expect("a temporary folder")
            .keep();
        let rehearsal = Index::start(folders.join("testpypi"), "testpypi");
        let public = Index::start(folders.join("pypi"), "pypi");
        let config = config(head, &rehearsal, &public);
        let project = blueprint.clone().config(&config).build();
        Self { project, rehearsal, public, blueprint, head: head.to_owned() }
    }

    /// Restarts the public index on another port, and updates the `release.toml`.
    pub(super) fn restart_public(&mut self) {
        self.public.stop();
        self.public = Index::start(self.public.folder.clone(), "pypi");
        self.project.write("release.toml", &config(&self.head, &self.rehearsal, &self.public));
    }

    /// Restarts the other index in the same way.
    pub(super) fn restart_rehearsal(&mut self) {
        self.rehearsal.stop();
        self.rehearsal = Index::start(self.rehearsal.folder.clone(), "testpypi");
        self.project.write("release.toml", &config(&self.head, &self.rehearsal, &self.public));
    }

    pub(crate) fn pyrelease(&self, args: &str) -> Invocation<'_> {
        let invocation = self.project.pyrelease(args);
        let indexes = [("TESTPYPI", &self.rehearsal), ("PYPI", &self.public)];
        indexes.iter().fold(invocation, |invocation, (name, index)| {
            invocation.env(format!("PYRELEASE_TOKEN_{name}"), index.token.expose_secret())
        })
    }

    /// Releases 1.1.0 and is killed at this point, by default after its record.
    #[track_caller]
    pub(crate) fn killed(&self, point: &str) -> Outcome {
        let drill = drill_of(&self.blueprint, &self.head, point);
        let outcome = self.pyrelease("run minor --yes").env("PYRELEASE_DRILL", drill).run();
        assert_eq!(outcome.status(), -1, "{outcome}");
        check_journals(&self.project).unwrap_or_else(|rule| panic!("{rule}"));
        outcome
    }

    /// The JSON of `status`.
    #[track_caller]
    pub(crate) fn status(&self) -> Value {
        let outcome = self.pyrelease("status --format json").code(0);
        serde_json::from_str(outcome.stdout()).unwrap_or_else(|error| panic!("{error}: {outcome}"))
    }

    /// The folder of the newest run.
    #[track_caller]
    pub(crate) fn run_folder(&self) -> PathBuf {
        let runs = self.project.repository().join(".git/pyrelease/runs");
        let runs = fs_err::read_dir(runs).expect("the folder of the runs").flatten();
        runs.map(|run| run.path()).max().expect("a run")
    }

    /// The files that the newest run built, with their sha256.
    pub(super) fn built(&self) -> BTreeMap<String, String> {
        files(&self.run_folder().join("dist"))
    }

    /// Asserts a complete release: the same bytes on both indexes, branch and tag at the remote and in the clone at
    /// `folder`.
    #[track_caller]
    pub(crate) fn is_released(&self, folder: &Path) {
        check_journals(&self.project).unwrap_or_else(|rule| panic!("{rule}"));
        let names = ["demo-1.1.0-py3-none-any.whl", "demo-1.1.0.tar.gz"];
        assert_eq!(self.public.files().keys().collect::<Vec<_>>(), names);
        assert_eq!(self.public.files(), self.rehearsal.files());
        let here = |revision: &str| {
            let folder = text(folder);
            self.project.git(&["-C", folder, "rev-parse", "--verify", revision])
        };
        let remote = self.project.remote_refs();
        assert_eq!(remote["refs/heads/main"], here("HEAD"));
        assert_eq!(remote["refs/heads/main"], here("v1.1.0^{commit}"));
        assert_eq!(remote["refs/tags/v1.1.0"], here("refs/tags/v1.1.0"));
        let status = self.project.git(&["-C", text(folder), "status", "--porcelain", "-uno"]);
        assert_eq!(status, "");
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.rehearsal.stop();
        self.public.stop();
        // The folder is temporary, so a failed deletion does no harm.
        let _ = fs_err::remove_dir_all(self.public.folder.parent().expect("it is in one"));
    }
}

pub(super) fn text(path: &Path) -> &str {
    path.to_str().expect("our own name")
}

/// The files of a folder, if it exists, with their sha256.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs_err::read_dir(folder).into_iter().flatten().flatten();
    let name = |path: &Path| text(Path::new(path.file_name().expect("a name"))).to_owned();
    let hash = |path: &Path| sha256(path).expect("a file that was just found").0;
    entries.map(|entry| entry.path()).map(|path| (name(&path), hash(&path))).collect()
}

fn config(head: &str, rehearsal: &Index, public: &Index) -> String {
    let (keys, tables) = head.split_at(head.find('[').filter(|at| *at == 0).unwrap_or(head.len()));
    let quick = if tables.contains("[stage.build]") { "" } else { QUICK };
    format!("{keys}\n{}\n{}\n{tables}\n{quick}", rehearsal.section("testpypi"), public.section("pypi"))
}

/// The variable's value that kills a release with this `release.toml` at this point.
#[track_caller]
pub(super) fn drill(head: &str, point: &str) -> String {
    drill_of(&quick(), head, point)
}

#[track_caller]
fn drill_of(blueprint: &Blueprint, head: &str, point: &str) -> String {
    static POINTS: Mutex<BTreeMap<String, Vec<String>>> = Mutex::new(BTreeMap::new());
    let mut known = POINTS.lock().unwrap_or_else(PoisonError::into_inner);
    let points = known.entry(format!("{blueprint:?}{head}")).or_insert_with(|| points(blueprint, head));
    let wanted = [point.to_owned(), format!("after-record {point}")];
    let number = points.iter().position(|known| wanted.contains(known));
    format!("kill:{}", number.unwrap_or_else(|| panic!("no point `{point}` among {points:#?}")) + 1)
}

/// The points of a release: `MOMENT WHAT`, with the effect instead of its number.
fn points(blueprint: &Blueprint, head: &str) -> Vec<String> {
    let local = Local::of(blueprint.clone(), head);
    let list = local.project.sandbox().root().join("points");
    let drill = format!("list:{}", list.display());
    local.pyrelease("run minor --yes").env("PYRELEASE_DRILL", drill).code(0);
    let mut effects: Vec<String> = Vec::new();
    let text = fs_err::read_to_string(list).expect("the list of points");
    let named = text.lines().map(|line| {
        let point: Value = serde_json::from_str(line).expect("a point in JSON");
        let field = |name: &str| point[name].as_str().expect("a point has it").to_owned();
        let (moment, what) = (field("moment"), field("what"));
        if let (Some(effect), "before-record") = (what.strip_prefix("intent: "), moment.as_str()) {
            effects.push(effect.to_owned());
        }
        let what = match what.strip_prefix("done ").and_then(|id| id.parse::<usize>().ok()) {
            Some(id) => format!("done: {}", effects[id]),
            None => what,
        };
        format!("{moment} {what}")
    });
    named.collect()
}
