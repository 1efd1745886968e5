//! A runner of GitLab's pipelines: interprets their jobs as the forge does, each in a fresh clone with a fresh HOME.

#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use regex::Regex;
use serde_json::{Map, Value};

use super::machine::{Conclusion, Job, Machines, wheel_builder};

/// The keys of a file that are no jobs
const GLOBAL: [&str; 2] = ["variables", "stages"];
/// The keys of a job that the runner follows
const FOLLOWED: [&str; 12] = [
    "extends",
    "stage",
    "needs",
    "rules",
    "variables",
    "before_script",
    "script",
    "after_script",
    "artifacts",
    "id_tokens",
    "image",
    "services",
];
/// Those that decide when a job runs, not what it does
const WHEN: [&str; 3] = ["interruptible", "environment", "resource_group"];

/// What the forge gives every job of a pipeline
pub(crate) struct Pipeline {
    machines: Machines,
    /// The repository at the forge
    remote: PathBuf,
    jobs: Vec<(String, Map<String, Value>)>,
    /// Of the pipeline and of the project
    pub(crate) variables: BTreeMap<String, String>,
    /// Makes an identity for an audience
    identity: Box<dyn Fn(&str) -> String>,
    /// Variables of the jobs with this name
    pub(crate) more: BTreeMap<(String, String), String>,
}

impl Pipeline {
    /// A pipeline of the project `group/demo` for `refs/heads/NAME` or `refs/tags/NAME`.
    pub(crate) fn new(
        remote: &Path,
        file: &str,
        (source, reference): (&str, &str),
        identity: Box<dyn Fn(&str) -> String>,
    ) -> Self {
        let machines = Machines::new();
        let file = machines.read(file);
        let file = file.as_object().unwrap();
        let mut variables = BTreeMap::new();
        for (name, value) in file.get("variables").and_then(Value::as_object).into_iter().flatten() {
            variables.insert(name.clone(), text(value.get("value").unwrap_or(value)));
        }
        let kind = if reference.starts_with("refs/tags/") { "CI_COMMIT_TAG" } else { "CI_COMMIT_BRANCH" };
        let name = reference.rsplit_once('/').unwrap().1;
        for (variable, value) in [
            ("GITLAB_CI", "true"),
            ("CI_SERVER_URL", "https://gitlab.com"),
            ("CI_SERVER_HOST", "gitlab.com"),
            ("CI_PROJECT_PATH", "group/demo"),
            ("CI_PROJECT_NAMESPACE", "group"),
            ("CI_PROJECT_NAME", "demo"),
            ("CI_DEFAULT_BRANCH", "main"),
            ("CI_PIPELINE_SOURCE", source),
            ("CI_COMMIT_REF_NAME", name),
            (kind, name),
            ("CI_JOB_TOKEN", "glcbt-of-the-job"),
            ("GITLAB_USER_NAME", "Rita Releaser"),
            ("GITLAB_USER_EMAIL", "rita@example.org"),
        ] {
            variables.insert(variable.to_owned(), value.to_owned());
        }
        let mut commit = machines.sandbox.git(remote, &["rev-parse", &format!("{reference}^{{commit}}")]);
        variables.insert("CI_COMMIT_SHA".to_owned(), std::mem::take(&mut commit));
        let stages = texts(file.get("stages"));
        let is_job = |name: &str| !GLOBAL.contains(&name) && !name.starts_with('.');
        let jobs = file.iter().filter(|(name, _)| is_job(name));
        let mut jobs: Vec<_> = jobs.map(|(name, job)| (name.clone(), extended(job, file))).collect();
        jobs.sort_by_key(|(_, job)| stages.iter().position(|stage| *stage == job["stage"]));
        Self { machines, remote: remote.to_owned(), jobs, variables, identity, more: BTreeMap::new() }
    }

    /// Runs these jobs, those that they need being done; all jobs of the pipeline if none is named.
    pub(crate) fn run(&self, only: &[&str]) -> Vec<Job> {
        let mut ended: Vec<Job> = Vec::new();
        for (name, job) in &self.jobs {
            let is_wanted = only.is_empty() || only.contains(&name.as_str());
            if !is_wanted || !self.has(job) {
                continue;
            }
            let needs = texts(job.get("needs"));
            let is_stopped =
                |other: &Job| needs.contains(&other.name) && other.conclusion != Conclusion::Success;
            ended.push(if ended.iter().any(is_stopped) { Job::skipped(name) } else { self.play(name, job) });
        }
        ended
    }

    /// Whether a rule takes the job into the pipeline.
    fn has(&self, job: &Map<String, Value>) -> bool {
        let rules = job["rules"].as_array().unwrap();
        rules.iter().any(|rule| {
            assert_eq!(rule.as_object().unwrap().keys().collect::<Vec<_>>(), ["if"], "{rule}");
            rule["if"].as_str().unwrap().split("&&").all(|condition| self.holds(condition.trim()))
        })
    }

    fn holds(&self, condition: &str) -> bool {
        let (variable, operator, value) = match condition.splitn(3, ' ').collect::<Vec<_>>()[..] {
            [variable, operator, value] => (variable, operator, value),
            _ => panic!("`{condition}` cannot be interpreted"),
        };
        let valued = |name: &str| self.variables.get(name.strip_prefix('$').unwrap()).cloned();
        match operator {
            "==" if value.starts_with('"') => valued(variable).as_deref() == Some(value.trim_matches('"')),
            "==" => valued(variable) == valued(value),
            "=~" => {
                let pattern = value.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')).unwrap();
                valued(variable).is_some_and(|value| Regex::new(pattern).unwrap().is_match(&value))
            }
            _ => panic!("`{condition}` cannot be interpreted"),
        }
    }

    fn play(&self, name: &str, job: &Map<String, Value>) -> Job {
        for key in job.keys() {
            let is_known = FOLLOWED.contains(&key.as_str()) || WHEN.contains(&key.as_str());
            assert!(is_known, "`{key}` of {name} cannot be interpreted");
        }
        let (checkout, home) = self.machines.folders(name);
        let variables = self.variables_of(name, job, (&checkout, &home));
        if variables.get("GIT_STRATEGY").map(String::as_str) != Some("none") {
            self.check_out(&checkout, &variables);
        }
        for need in texts(job.get("needs")) {
            let kept = self.machines.artifact(&need);
            if kept.exists() {
                duct::cmd!("cp", "-a", kept.join("."), &checkout).run().unwrap();
            }
        }
        let mut log = String::new();
        let mut run = |lines: Vec<String>| {
            let script = lines.join("\n");
            let script = script.as_str();
            // In place of docker and cibuildwheel
            if script.contains("cibuildwheel --output-dir") {
                let wheels = checkout.join("wheels");
                let built =
                    wheel_builder(&checkout.join("prepared.tar.gz"), &wheels, "manylinux_2_28_x86_64");
                return built.stdout_null().unchecked().run().unwrap().status.success();
            }
            let environment = self.machines.environment(script, variables.iter());
            let command = duct::cmd!("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script);
            let command = command.dir(&checkout).full_env(environment).stdin_null();
            let output = command.stderr_to_stdout().stdout_capture().unchecked().run().unwrap();
            log.push_str(&String::from_utf8_lossy(&output.stdout));
            output.status.success()
        };
        // One shell has both; what comes after is another, and its failure is none.
        let is_done = run([texts(job.get("before_script")), texts(job.get("script"))].concat());
        if job.contains_key("after_script") {
            run(texts(job.get("after_script")));
        }
        self.keep(name, job.get("artifacts"), &checkout, is_done);
        let conclusion = if is_done { Conclusion::Success } else { Conclusion::Failure };
        Job { name: name.to_owned(), conclusion, log }
    }

    fn variables_of(
        &self,
        name: &str,
        job: &Map<String, Value>,
        (checkout, home): (&Path, &Path),
    ) -> BTreeMap<String, String> {
        let mut variables = Machines::variables(home);
        variables.extend(self.variables.clone());
        for (variable, value) in job.get("variables").and_then(Value::as_object).into_iter().flatten() {
            variables.insert(variable.clone(), text(value));
        }
        for (variable, token) in job.get("id_tokens").and_then(Value::as_object).into_iter().flatten() {
            variables.insert(variable.clone(), (self.identity)(token["aud"].as_str().unwrap()));
        }
        for ((_, variable), value) in self.more.iter().filter(|((job, _), _)| job == name) {
            variables.insert(variable.clone(), value.clone());
        }
        variables.insert("CI_PROJECT_DIR".to_owned(), checkout.display().to_string());
        variables.insert("CI_JOB_NAME".to_owned(), name.to_owned());
        // The image
        assert!(job["image"].as_str().unwrap().starts_with("python:"), "{job:?}");
        variables.insert("PATH".to_owned(), self.machines.path_with_python(home, None));
        variables
    }

    /// The commit of the pipeline, on no branch, with all branches and tags of the remote.
    fn check_out(&self, checkout: &Path, variables: &BTreeMap<String, String>) {
        assert_eq!(variables["GIT_DEPTH"], "0", "with a depth there are not all commits and tags");
        let git = |arguments: &[&str]| self.machines.sandbox.git(checkout, arguments);
        git(&["init", "-q"]);
        git(&["remote", "add", "origin", self.remote.to_str().unwrap()]);
        git(&["fetch", "-q", "origin", "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"]);
        git(&["checkout", "-q", "--detach", &variables["CI_COMMIT_SHA"]]);
    }

    /// Keeps the artifacts of a job in the place of those of an earlier attempt.
    fn keep(&self, name: &str, artifacts: Option<&Value>, checkout: &Path, is_done: bool) {
        let Some(artifacts) = artifacts else { return };
        let is_kept = match artifacts["when"].as_str() {
            None | Some("on_success") => is_done,
            Some("on_failure") => !is_done,
            Some(other) => panic!("`{other}` cannot be interpreted"),
        };
        let to = self.machines.artifact(name);
        let _ = fs_err::remove_dir_all(&to);
        fs_err::create_dir_all(&to).unwrap();
        for path in texts(artifacts.get("paths")).iter().filter(|_| is_kept) {
            let path = path.trim_end_matches('/');
            // A missing one is a warning.
            if checkout.join(path).exists() {
                duct::cmd!("cp", "-a", "--parents", path, &to).dir(checkout).run().unwrap();
            }
        }
    }

    /// Where an artifact of a job is kept.
    pub(crate) fn artifact(&self, job: &str, path: &str) -> PathBuf {
        self.machines.artifact(job).join(path)
    }
}

/// A job with what it extends: of mappings each key, of anything else the job's own.
fn extended(job: &Value, file: &Map<String, Value>) -> Map<String, Value> {
    let mut whole = Map::new();
    if let Some(base) = job.get("extends").and_then(Value::as_str) {
        whole = extended(&file[base], file);
    }
    for (key, value) in job.as_object().unwrap() {
        match (whole.get_mut(key).and_then(Value::as_object_mut), value.as_object()) {
            (Some(inherited), Some(own)) => inherited.extend(own.clone()),
            _ => drop(whole.insert(key.clone(), value.clone())),
        }
    }
    whole
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The texts of an array; none if there is none.
fn texts(value: Option<&Value>) -> Vec<String> {
    value
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|text| text.as_str().unwrap().to_owned())
        .collect()
}
