//! A runner of GitHub workflows: interprets their jobs as the forge does, each in a fresh clone with a fresh HOME.

#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::machine::{Conclusion, Job, Machines, wheel_builder};

/// What the forge gives every job
pub(crate) struct Runner {
    machines: Machines,
    /// The repository at the forge
    remote: PathBuf,
    /// The ref that the event is about: `refs/heads/main`
    reference: String,
    event: String,
    workflow: Value,
    pub(crate) inputs: BTreeMap<String, Value>,
    /// The token of the jobs
    pub(crate) token: String,
    /// Of the repository
    pub(crate) secrets: BTreeMap<String, String>,
    /// Where a job that may ask for an identity asks
    pub(crate) identities: Option<String>,
    /// Variables of the jobs with this name
    pub(crate) more: BTreeMap<(String, String), String>,
    outputs: BTreeMap<String, BTreeMap<String, String>>,
    attempts: usize,
}

/// A job under way
struct Running<'r> {
    runner: &'r Runner,
    checkout: PathBuf,
    home: PathBuf,
    contexts: BTreeMap<String, String>,
    environment: BTreeMap<String, String>,
    has_failed: bool,
    log: String,
}

impl Runner {
    pub(crate) fn new(remote: &Path, workflow: &str, event: &str, reference: &str) -> Self {
        let machines = Machines::new();
        let workflow = machines.read(workflow);
        Self {
            machines,
            remote: remote.to_owned(),
            reference: reference.to_owned(),
            event: event.to_owned(),
            workflow,
            inputs: BTreeMap::new(),
            token: "ghs-of-the-job".to_owned(),
            secrets: BTreeMap::new(),
            identities: None,
            more: BTreeMap::new(),
            outputs: BTreeMap::new(),
            attempts: 0,
        }
    }

    fn jobs(&self) -> &Map<String, Value> {
        self.workflow["jobs"].as_object().unwrap()
    }

    /// Runs these jobs, those that they need being done; all jobs in the order of the file if none is named.
    pub(crate) fn run(&mut self, only: &[&str]) -> Vec<Job> {
        self.attempts += 1;
        let names: Vec<String> = self.jobs().keys().cloned().collect();
        let mut ended: Vec<Job> = Vec::new();
        for name in names.iter().filter(|name| only.is_empty() || only.contains(&name.as_str())) {
            let job = self.jobs()[name].clone();
            let needs = texts(&job["needs"]);
            let is_stopped = |need: &String| {
                ended.iter().any(|other| other.name == *need && other.conclusion != Conclusion::Success)
            };
            let condition = job["if"].as_str().unwrap_or("true").to_owned();
            let mut contexts = self.contexts(None);
            let has_failed = ended.iter().any(|other| other.conclusion == Conclusion::Failure);
            contexts.insert("failure()".to_owned(), has_failed.to_string());
            // A condition that asks how the others ended decides alone.
            let asks = condition.contains("failure()");
            if (!asks && needs.iter().any(is_stopped)) || !truth(&self.evaluate(&condition, &contexts)) {
                ended.push(Job::skipped(name));
                continue;
            }
            for row in self.rows(&job["strategy"]["matrix"]) {
                let (job, outputs) = self.play(name, &job, &row);
                self.outputs.insert(name.clone(), outputs);
                ended.push(job);
            }
        }
        ended
    }

    /// The rows of a matrix: all combinations of its lists, each with what `include` adds to it.
    fn rows(&self, matrix: &Value) -> Vec<Value> {
        let mut rows = vec![Value::Null];
        for (name, values) in matrix.as_object().into_iter().flatten().filter(|(name, _)| *name != "include")
        {
            let values: Vec<Value> = match values.as_str() {
                None => values.as_array().unwrap().clone(),
                Some(text) => {
                    let inside = text.strip_prefix("${{ fromJSON(").unwrap().strip_suffix(") }}").unwrap();
                    serde_json::from_str(&self.evaluate(inside, &self.contexts(None))).unwrap()
                }
            };
            let with = |row: &Value, value: &Value| {
                let mut row = row.as_object().cloned().unwrap_or_default();
                row.insert(name.clone(), value.clone());
                Value::Object(row)
            };
            rows = rows.iter().flat_map(|row| values.iter().map(|value| with(row, value))).collect();
        }
        let included: Vec<Value> = matrix["include"].as_array().cloned().unwrap_or_default();
        if rows == [Value::Null] && !included.is_empty() {
            return included;
        }
        for row in rows.iter_mut().filter_map(Value::as_object_mut) {
            for more in included.iter().filter_map(Value::as_object) {
                let fits = more.iter().all(|(name, value)| row.get(name).is_none_or(|own| own == value));
                let named = more.keys().any(|name| row.contains_key(name));
                row.extend(more.clone().into_iter().filter(|_| fits && named));
            }
        }
        rows
    }

    fn contexts(&self, row: Option<&Value>) -> BTreeMap<String, String> {
        let mut contexts = BTreeMap::new();
        let mut set = |name: String, value: String| contexts.insert(name, value);
        set("github.token".into(), self.token.clone());
        set("github.event_name".into(), self.event.clone());
        for (name, value) in &self.inputs {
            set(format!("inputs.{name}"), value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        }
        for (name, value) in &self.secrets {
            set(format!("secrets.{name}"), value.clone());
        }
        for (job, outputs) in &self.outputs {
            for (name, value) in outputs {
                set(format!("needs.{job}.outputs.{name}"), value.clone());
            }
        }
        for (name, value) in row.and_then(Value::as_object).into_iter().flatten() {
            set(format!("matrix.{name}"), value.as_str().unwrap().to_owned());
        }
        contexts
    }

    fn play(&self, name: &str, job: &Value, row: &Value) -> (Job, BTreeMap<String, String>) {
        let (checkout, home) = self.machines.folders(name);
        let mut running = Running {
            runner: self,
            checkout,
            contexts: self.contexts(Some(row)),
            environment: self.environment(name, job, &home),
            home,
            has_failed: false,
            log: String::new(),
        };
        for step in job["steps"].as_array().unwrap() {
            running.step(step);
        }
        let conclusion = if running.has_failed { Conclusion::Failure } else { Conclusion::Success };
        let outputs = job["outputs"].as_object().into_iter().flatten();
        let outputs = outputs
            .map(|(name, value)| (name.clone(), self.fill(value.as_str().unwrap(), &running.contexts)))
            .collect();
        (Job { name: name.to_owned(), conclusion, log: running.log }, outputs)
    }

    fn environment(&self, name: &str, job: &Value, home: &Path) -> BTreeMap<String, String> {
        let mut environment = Machines::variables(home);
        let mut set = |name: &str, value: &str| environment.insert(name.to_owned(), value.to_owned());
        set("GITHUB_ACTIONS", "true");
        set("GITHUB_REPOSITORY", "octo/demo");
        set("GITHUB_REF", &self.reference);
        set("GITHUB_EVENT_NAME", &self.event);
        set("GITHUB_RUN_ATTEMPT", &self.attempts.to_string());
        if let Some(address) = self.identities.as_ref().filter(|_| job["permissions"]["id-token"] == "write")
        {
            set("ACTIONS_ID_TOKEN_REQUEST_URL", address);
            set("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "of-the-runner");
        }
        for ((_, variable), value) in self.more.iter().filter(|((job, _), _)| job == name) {
            set(variable, value);
        }
        environment
    }

    /// Where an artifact is kept.
    pub(crate) fn artifact(&self, name: &str) -> PathBuf {
        self.machines.artifact(name)
    }

    /// A text with its expressions replaced.
    fn fill(&self, text: &str, contexts: &BTreeMap<String, String>) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${{") {
            let (expression, after) = after.split_once("}}").unwrap();
            filled.push_str(before);
            filled.push_str(&self.evaluate(expression, contexts));
            rest = after;
        }
        filled + rest
    }

    /// The value of an expression, as a text.
    fn evaluate(&self, expression: &str, contexts: &BTreeMap<String, String>) -> String {
        let expression = expression.trim();
        let bare = expression.strip_prefix("${{").and_then(|rest| rest.strip_suffix("}}"));
        let expression = bare.unwrap_or(expression).trim();
        if let Some((one, other)) = expression.split_once("||") {
            let one = self.evaluate(one, contexts);
            return if truth(&one) { one } else { self.evaluate(other, contexts) };
        }
        if let Some((one, other)) = expression.split_once("&&") {
            let one = self.evaluate(one, contexts);
            return if truth(&one) { self.evaluate(other, contexts) } else { one };
        }
        if let Some((one, other)) = expression.split_once("!=") {
            return (self.evaluate(one, contexts) != self.evaluate(other, contexts)).to_string();
        }
        if let Some((one, other)) = expression.split_once("==") {
            return (self.evaluate(one, contexts) == self.evaluate(other, contexts)).to_string();
        }
        if let Some(negated) = expression.strip_prefix('!') {
            return (!truth(&self.evaluate(negated, contexts))).to_string();
        }
        match expression {
            "true" | "false" => expression.to_owned(),
            _ if expression.starts_with('\'') => expression.trim_matches('\'').to_owned(),
            _ if expression.starts_with(|letter: char| letter.is_ascii_lowercase()) => {
                contexts.get(expression).cloned().unwrap_or_default()
            }
            _ => panic!("`{expression}` cannot be interpreted"),
        }
    }
}

fn truth(value: &str) -> bool {
    !["", "false"].contains(&value)
}

/// A text, or the texts of an array.
fn texts(value: &Value) -> Vec<String> {
    let one = value.as_str().map(str::to_owned);
    let many = value.as_array().into_iter().flatten().map(|text| text.as_str().unwrap().to_owned());
    one.into_iter().chain(many).collect()
}

impl Running<'_> {
    fn step(&mut self, step: &Value) {
        self.contexts.insert("success()".to_owned(), (!self.has_failed).to_string());
        let runs = match step["if"].as_str() {
            Some(condition) => truth(&self.runner.evaluate(condition, &self.contexts)),
            None => !self.has_failed,
        };
        if !runs {
            return;
        }
        let shown = step["name"].as_str().unwrap_or_default();
        self.log.push_str(&format!("## {shown}\n"));
        let given: BTreeMap<String, String> = step["with"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                (name.clone(), self.runner.fill(&text, &self.contexts))
            })
            .collect();
        let is_done = match step["uses"].as_str().map(|action| action.split('@').next().unwrap()) {
            None => self.script(step),
            Some("actions/checkout") => self.check_out(),
            Some("actions/setup-python") => self.set_up_python(),
            Some("actions/upload-artifact") => self.upload(&given),
            Some("actions/download-artifact") => self.download(&given),
            Some("pypa/cibuildwheel") => self.build_wheels(&given),
            Some(other) => panic!("`{other}` cannot be interpreted"),
        };
        self.has_failed |= !is_done;
    }

    fn script(&mut self, step: &Value) -> bool {
        let script = self.runner.fill(step["run"].as_str().unwrap(), &self.contexts);
        let output_file = self.home.join("output");
        fs_err::write(&output_file, "").unwrap();
        let own = step["env"].as_object().into_iter().flatten();
        let own: Vec<(String, String)> = own
            .map(|(name, value)| (name.clone(), self.runner.fill(value.as_str().unwrap(), &self.contexts)))
            .collect();
        let own = own.iter().map(|(name, value)| (name, value));
        let mut environment = self.runner.machines.environment(&script, self.environment.iter().chain(own));
        environment.insert("GITHUB_OUTPUT".into(), output_file.clone().into());
        environment.insert("GITHUB_WORKSPACE".into(), self.checkout.clone().into());
        let command = duct::cmd!("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script);
        let command = command.dir(&self.checkout).full_env(environment).stdin_null();
        let output = command.stderr_to_stdout().stdout_capture().unchecked().run().unwrap();
        self.log.push_str(&String::from_utf8_lossy(&output.stdout));
        if let Some(id) = step["id"].as_str() {
            for line in fs_err::read_to_string(&output_file).unwrap().lines() {
                let (name, value) = line.split_once('=').unwrap();
                self.contexts.insert(format!("steps.{id}.outputs.{name}"), value.to_owned());
            }
        }
        output.status.success()
    }

    fn check_out(&mut self) -> bool {
        let Runner { machines: Machines { sandbox }, remote, reference, .. } = self.runner;
        let remote = remote.display().to_string();
        sandbox.git(&self.checkout, &["clone", "-q", "--no-checkout", &remote, "."]);
        let branch = reference.strip_prefix("refs/heads/");
        match branch {
            Some(branch) => {
                sandbox.git(&self.checkout, &["checkout", "-q", "-B", branch, &format!("origin/{branch}")])
            }
            None => sandbox.git(&self.checkout, &["checkout", "-q", "--detach", reference]),
        };
        true
    }

    fn set_up_python(&mut self) -> bool {
        let path = self.runner.machines.path_with_python(&self.home, self.environment.get("PATH"));
        self.environment.insert("PATH".to_owned(), path);
        true
    }

    fn upload(&mut self, given: &BTreeMap<String, String>) -> bool {
        let to = self.runner.artifact(&given["name"]);
        let _ = fs_err::remove_dir_all(&to);
        let path = self.checkout.join(&given["path"]);
        let files: Vec<PathBuf> = match path.file_name().and_then(|name| name.to_str()) {
            Some("*.whl") => wheels(path.parent().unwrap()),
            _ => Some(path).filter(|path| path.exists()).into_iter().collect(),
        };
        if files.is_empty() {
            return given["if-no-files-found"] != "error";
        }
        fs_err::create_dir_all(&to).unwrap();
        for file in files {
            fs_err::copy(&file, to.join(file.file_name().unwrap())).unwrap();
        }
        true
    }

    fn download(&mut self, given: &BTreeMap<String, String>) -> bool {
        let to = self.checkout.join(given.get("path").map_or(".", String::as_str));
        fs_err::create_dir_all(&to).unwrap();
        let wanted = |name: &str| match (given.get("name"), given.get("pattern")) {
            (Some(only), _) => name == only,
            (None, Some(pattern)) => name.starts_with(pattern.trim_end_matches('*')),
            (None, None) => true,
        };
        let mut count = 0;
        for artifact in fs_err::read_dir(self.runner.artifact("")).unwrap() {
            let artifact = artifact.unwrap();
            if wanted(artifact.file_name().to_str().unwrap()) {
                for file in fs_err::read_dir(artifact.path()).unwrap() {
                    let file = file.unwrap();
                    fs_err::copy(file.path(), to.join(file.file_name())).unwrap();
                    count += 1;
                }
            }
        }
        count > 0 || given.contains_key("pattern")
    }

    /// In place of cibuildwheel: the wheel that the backend builds, with the tag of the matrix's platform.
    fn build_wheels(&mut self, given: &BTreeMap<String, String>) -> bool {
        let wheels = self.checkout.join(&given["output-dir"]);
        // What the step before has unpacked
        let source = self.checkout.join(&given["package-dir"]);
        let platform = match self.contexts["matrix.platform"].as_str() {
            "linux-x86_64" => "manylinux_2_28_x86_64",
            "linux-aarch64" => "manylinux_2_28_aarch64",
            "macos-x86_64" => "macosx_11_0_x86_64",
            "macos-arm64" => "macosx_11_0_arm64",
            "windows-x86_64" => "win_amd64",
            other => panic!("`{other}` has no tag"),
        };
        let built = wheel_builder(&source, &wheels, platform).stdout_capture().unchecked().run().unwrap();
        self.log.push_str(&String::from_utf8_lossy(&built.stdout));
        built.status.success()
    }
}

fn wheels(folder: &Path) -> Vec<PathBuf> {
    let entries = fs_err::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|ending| ending == "whl")).collect()
}
