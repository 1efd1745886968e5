//! Workflows of GitHub, which Forgejo and Gitea share.

mod gate;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use super::action;
use super::expression::{Condition, Input, Inputs, Value, possible_texts};
use super::releaser;
use super::script::{self, Releasing, Surroundings, Upload, Variables};
use super::trigger::{Events, Trigger};
use super::{Forge, PublishingWorkflow, ReleasingWorkflow, Workflows};
use crate::python::project::Files;
use crate::python::yaml::{self, Node};
pub(super) use gate::Gate;

/// How deep workflows and actions may use each other; GitHub's own limit
const DEEPEST: usize = 10;
/// The most jobs and steps that are looked at, those of used workflows and actions each time
const MOST_STEPS: usize = 10_000;
/// The most variables and inputs of a step that are looked at, jobs that a job needs, and uploads that are reported
const MOST: usize = 100;

/// Adds what the workflows at the paths publish.
pub(super) fn find(files: &dyn Files, forge: Forge, paths: &[&str], all: &mut Workflows) {
    let mut reader = Reader {
        files,
        forge,
        documents: BTreeMap::new(),
        left: MOST_STEPS,
        bytes_left: Cell::new(script::MOST_BYTES),
        is_over: false,
        all,
    };
    let roots: Vec<(&str, Rc<Node>)> =
        paths.iter().filter_map(|path| Some((*path, reader.document(path)?))).collect();
    let by_name: BTreeMap<&str, Events> =
        roots.iter().map(|(path, root)| (root.text_of("name").unwrap_or(path), Events::read(root))).collect();
    let jobs = roots.iter().flat_map(|(_, root)| root.get("jobs")).flat_map(|jobs| jobs.map());
    let called: BTreeSet<String> =
        jobs.filter_map(|(_, job)| local(job.text_of("uses")?)).map(str::to_owned).collect();
    for (path, root) in &roots {
        let events = Events::read(root);
        // A workflow that others call counts with them.
        if events.is_called && events.triggers().is_empty() && called.contains(*path) {
            continue;
        }
        let gate = Gate { upstream: upstream(&events, &by_name), events, conditions: Vec::new() };
        let entry = Entry { path, file: path, gate, inputs: Arc::default(), depth: 0 };
        reader.workflow(root, &entry);
    }
}

/// The events of the workflows whose end starts this one, directly or not.
fn upstream(events: &Events, by_name: &BTreeMap<&str, Events>) -> Vec<Events> {
    let mut names: Vec<&str> = events.after.iter().map(String::as_str).collect();
    let mut found = BTreeMap::new();
    while let Some(name) = names.pop() {
        let Some(events) = by_name.get(name) else { continue };
        if found.insert(name, events.clone()).is_none() {
            names.extend(events.after.iter().map(String::as_str));
        }
    }
    found.into_values().collect()
}

/// The path of a workflow or an action in the same repository.
fn local(uses: &str) -> Option<&str> {
    let path = uses.trim().strip_prefix("./")?;
    Some(path.split('@').next().unwrap_or_default().trim_end_matches('/'))
}

/// A workflow or an action that is read because of an event
#[derive(Clone)]
struct Entry<'a> {
    /// The workflow that the event starts
    path: &'a str,
    /// The file that is read
    file: &'a str,
    gate: Gate,
    inputs: Arc<Inputs>,
    depth: usize,
}

impl Entry<'_> {
    /// The same with one more condition.
    fn with(&self, condition: Option<&Node>) -> Self {
        let mut entry = self.clone();
        if let Some(text) = condition.and_then(Node::text).filter(|text| !text.is_empty()) {
            entry.gate.conditions.push(Condition::new(text, self.inputs.clone()));
        }
        entry
    }

    /// What the inputs of something used have as values.
    fn inputs_of(
        &self,
        declared: Option<&Rc<Node>>,
        given: Option<&Rc<Node>>,
        are_texts: bool,
    ) -> Arc<Inputs> {
        let input = |node: &Node| {
            let text = node.text()?;
            Some(if text.contains("${{") {
                Input::Template(text.to_owned())
            } else {
                Input::Value(match text {
                    "true" | "false" if node.is_plain() && !are_texts => Value::Bool(text == "true"),
                    _ => Value::Text(text.to_owned()),
                })
            })
        };
        let mut values = BTreeMap::new();
        for (name, settings) in declared.iter().flat_map(|node| node.map()).take(MOST) {
            let default = settings.get("default").and_then(|default| input(default));
            values.insert(name.to_lowercase(), default.unwrap_or(Input::Value(Value::Null)));
        }
        for (name, value) in given.iter().flat_map(|node| node.map()).take(MOST) {
            values.extend(input(value).map(|value| (name.to_lowercase(), value)));
        }
        Arc::new(Inputs { values, outer: Some(self.inputs.clone()) })
    }

    /// The variables with those of a mapping `env`.
    fn variables(&self, around: &Variables, env: Option<&Rc<Node>>) -> Variables {
        let mut variables = around.clone();
        for (name, value) in env.iter().flat_map(|env| env.map()).take(MOST) {
            let values = value.text().map(|text| possible_texts(text, &self.inputs));
            variables.insert(name.clone(), values.unwrap_or_default());
        }
        variables
    }
}

/// A job or a composite action, whose steps are read
struct Scope<'a> {
    job: &'a str,
    variables: &'a Variables,
    folder: &'a str,
}

struct Reader<'a> {
    files: &'a dyn Files,
    forge: Forge,
    documents: BTreeMap<String, Option<Rc<Node>>>,
    /// Steps that may still be looked at
    left: usize,
    bytes_left: Cell<usize>,
    is_over: bool,
    all: &'a mut Workflows,
}

impl Reader<'_> {
    /// The file's root; none if it is missing, empty or cannot be read, which is noted.
    fn document(&mut self, path: &str) -> Option<Rc<Node>> {
        if let Some(known) = self.documents.get(path) {
            return known.clone();
        }
        let read = self.files.read(path).map(|bytes| yaml::parse(&bytes));
        let root = match read {
            None | Some(Ok(None)) => Ok(None),
            Some(Err(reason)) => Err(reason),
            Some(Ok(Some(document))) => match document.duplicate {
                Some((key, line)) => Err(format!("line {line} has the key `{key}` again")),
                None if document.root.is_null() => Ok(None),
                None if document.root.map().is_empty() => Err("it is not a mapping".to_owned()),
                None => Ok(Some(document.root)),
            },
        };
        let root = root.unwrap_or_else(|reason| {
            self.all.unread.push((path.to_owned(), reason));
            None
        });
        self.documents.insert(path.to_owned(), root.clone());
        root
    }

    /// Counts a job or a step; false if there were too many.
    fn count(&mut self, entry: &Entry<'_>) -> bool {
        let is_over = self.left == 0 || self.bytes_left.get() == 0;
        if is_over && !self.is_over {
            let reason = format!("it has more than {MOST_STEPS} steps, used workflows included");
            self.all.unread.push((entry.path.to_owned(), reason));
        }
        self.is_over |= is_over;
        self.left = self.left.saturating_sub(1);
        !is_over && entry.depth <= DEEPEST
    }

    fn workflow(&mut self, root: &Rc<Node>, entry: &Entry<'_>) {
        let jobs = root.get("jobs").cloned();
        let variables = entry.variables(&Variables::new(), root.get("env"));
        for (name, job) in jobs.iter().flat_map(|jobs| jobs.map()) {
            if !self.count(entry) {
                return;
            }
            let mut entry = entry.clone();
            for condition in conditions_of(jobs.as_deref(), name) {
                entry = entry.with(Some(condition));
            }
            if let Some(uses) = job.get("uses") {
                self.job_uses(name, job, uses, &entry);
            }
            let variables = entry.variables(&variables, job.get("env"));
            let folder = working_folder(job).or_else(|| working_folder(root)).unwrap_or_default();
            let scope = Scope { job: name, variables: &variables, folder };
            self.steps(job.get("steps"), &scope, &entry);
        }
    }

    /// A job that is another workflow.
    fn job_uses(&mut self, name: &str, job: &Node, uses: &Node, entry: &Entry<'_>) {
        let Some(text) = uses.text() else { return };
        let Some(path) = local(text) else {
            let upload = action::of_another_repository(text);
            return upload.into_iter().for_each(|upload| self.add(upload, uses.line, name, entry));
        };
        let Some(root) = self.document(path) else { return };
        let on = root.get("on").or_else(|| root.get("true"));
        let declared = on.and_then(|on| on.get("workflow_call")?.get("inputs"));
        let inputs = entry.inputs_of(declared, job.get("with"), false);
        self.workflow(&root, &Entry { file: path, inputs, depth: entry.depth + 1, ..entry.clone() });
    }

    fn steps(&mut self, steps: Option<&Rc<Node>>, scope: &Scope<'_>, entry: &Entry<'_>) {
        for step in steps.iter().flat_map(|steps| steps.list()) {
            if !self.count(entry) {
                return;
            }
            let entry = entry.with(step.get("if").map(|node| &**node));
            let variables = entry.variables(scope.variables, step.get("env"));
            if let Some(uses) = step.get("uses") {
                self.step_uses(step, uses, &Scope { variables: &variables, ..*scope }, &entry);
            }
            let Some(run) = step.get("run") else { continue };
            let folder = step.text_of("working-directory").unwrap_or(scope.folder);
            let expand = |text: &str| possible_texts(text, &entry.inputs);
            let bytes_left = &self.bytes_left;
            let files = self.files;
            let around = Surroundings { files, variables: &variables, folder, expand: &expand, bytes_left };
            let found = script::find(run.text().unwrap_or_default(), around);
            for upload in found.uploads {
                self.add(upload, run.text_line(), scope.job, &entry);
            }
            for releasing in found.releases {
                self.add_releasing(releasing, run.text_line(), &entry);
            }
        }
    }

    fn step_uses(&mut self, step: &Node, uses: &Node, scope: &Scope<'_>, entry: &Entry<'_>) {
        let Some(text) = uses.text() else { return };
        let given = step.get("with");
        let Some(path) = local(text) else {
            let with = |input: &str| Some(possible_texts(given?.text_of(input)?, &entry.inputs));
            if let Some((by, makes)) = releaser::of_action(text, with) {
                self.add_releasing(Releasing { by, makes, line: 0 }, uses.line, entry);
            }
            let upload = action::upload(text, with);
            return upload.into_iter().for_each(|upload| self.add(upload, uses.line, scope.job, entry));
        };
        for name in ["action.yml", "action.yaml"] {
            let path = if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
            let Some(root) = self.document(&path) else { continue };
            let inputs = entry.inputs_of(root.get("inputs"), given, true);
            let entry = Entry { file: &path, inputs, depth: entry.depth + 1, ..entry.clone() };
            let steps = root.get("runs").and_then(|runs| runs.get("steps"));
            return self.steps(steps, &Scope { folder: "", ..*scope }, &entry);
        }
    }

    fn add_releasing(&mut self, releasing: Releasing, line: usize, entry: &Entry<'_>) {
        if entry.gate.triggers().is_empty() || self.all.releasing.len() >= MOST {
            return;
        }
        self.all.releasing.push(ReleasingWorkflow {
            workflow: entry.path.to_owned(),
            forge: self.forge,
            file: entry.file.to_owned(),
            line: line + releasing.line,
            by: releasing.by,
            makes: releasing.makes,
            gate: super::Gate::GitHub(Box::new(entry.gate.clone())),
        });
    }
    fn add(&mut self, upload: Upload, line: usize, job: &str, entry: &Entry<'_>) {
        let mut triggers = entry.gate.triggers();
        let events = &entry.gate.events;
        if triggers.is_empty() && events.is_called && events.triggers().is_empty() {
            triggers.push(Trigger::Call);
        }
        // Without a trigger its conditions contradict the workflow's events: it never runs.
        if triggers.is_empty() || self.all.publishing.len() >= MOST {
            return;
        }
        self.all.publishing.push(PublishingWorkflow {
            workflow: entry.path.to_owned(),
            forge: self.forge,
            job: job.to_owned(),
            file: entry.file.to_owned(),
            line: line + upload.line,
            by: upload.by,
            indexes: upload.indexes,
            triggers,
            is_certain: upload.is_certain,
            gate: super::Gate::GitHub(Box::new(entry.gate.clone())),
        });
    }
}

/// The conditions of a job and of the jobs that it needs: it is skipped if they are.
fn conditions_of<'a>(jobs: Option<&'a Node>, name: &'a str) -> Vec<&'a Node> {
    let mut conditions = Vec::new();
    let mut seen = BTreeSet::new();
    let mut names = vec![name.to_owned()];
    while let Some(name) = names.pop() {
        let Some(job) = jobs.and_then(|jobs| jobs.get(&name)) else { continue };
        if seen.len() >= MOST || !seen.insert(name) {
            continue;
        }
        let condition = job.get("if").map(|node| &**node);
        conditions.extend(condition);
        if !condition.and_then(Node::text).is_some_and(Condition::ignores_needed_jobs) {
            names.extend(job.get("needs").iter().flat_map(|needs| needs.texts()).take(MOST));
        }
    }
    conditions
}

fn working_folder(node: &Node) -> Option<&str> {
    node.get("defaults")?.get("run")?.text_of("working-directory")
}
