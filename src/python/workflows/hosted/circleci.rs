//! Pipelines of CircleCI.

use std::rc::Rc;

use super::gate::{Filter, Gate, Pattern};
use super::{Finder, MOST, variables};
use crate::python::workflows::hint;
use crate::python::workflows::script::Variables;
use crate::python::workflows::target::Target;
use crate::python::yaml::Node;

/// How deep commands may use others
const DEEPEST: usize = 4;

/// Without `workflows`, the job `build` runs, and for branches only.
pub(super) fn find(root: &Rc<Node>, finder: &mut Finder<'_>) {
    let workflows = root.get("workflows").map(|workflows| workflows.map()).unwrap_or_default();
    for (name, workflow) in workflows.iter().filter(|(name, _)| name != "version").take(MOST) {
        let is_scheduled = workflow.get("triggers").is_some();
        let has_condition = workflow.get("when").or(workflow.get("unless")).is_some();
        let jobs = workflow.get("jobs").map(|jobs| jobs.list()).unwrap_or_default();
        let jobs: Vec<(&str, Option<&Rc<Node>>)> = jobs.iter().filter_map(used).take(MOST).collect();
        for (job, settings) in &jobs {
            let mut gate = gate(*settings);
            gate.is_open |= has_condition || waits_for_a_person(settings.as_deref(), &jobs);
            if is_scheduled {
                gate = Gate::default();
            }
            match root.get("jobs").and_then(|defined| defined.get(job)) {
                Some(defined) => {
                    let variables = variables(&Variables::new(), defined.get("environment"));
                    steps(root, job, defined.get("steps"), &variables, &gate, finder, 0);
                }
                // A job of an orb: `pypi/publish`.
                None if hint::suggests(job) => {
                    let node = settings.unwrap_or(workflow);
                    finder.step(name, node, job, Target::Unknown, &gate);
                }
                None => {}
            }
        }
    }
}

/// A job in a workflow: its name, or its name with settings.
fn used(node: &Rc<Node>) -> Option<(&str, Option<&Rc<Node>>)> {
    match node.text() {
        Some(name) => Some((name, None)),
        None => node.map().first().map(|(name, settings)| (name.as_str(), Some(settings))),
    }
}

/// A tag starts no job that has no filter for tags.
fn gate(settings: Option<&Rc<Node>>) -> Gate {
    let filters = settings.and_then(|settings| settings.get("filters"));
    let tags = filters.and_then(|filters| filters.get("tags")).map(|tags| {
        let patterns = |key: &str| -> Option<Vec<Pattern>> {
            Some(tags.get(key)?.texts().iter().map(|text| Pattern::slashed(text, true)).collect())
        };
        Filter { only: patterns("only"), ignore: patterns("ignore").unwrap_or_default() }
    });
    let ignored = filters.and_then(|filters| filters.get("branches")?.get("ignore")).map(|node| node.texts());
    let branches = ignored.is_none_or(|ignored| !ignored.iter().any(|text| text == "/.*/"));
    // An expression may give other filters.
    let is_open = filters.is_some_and(|filters| filters.text().is_some_and(|text| !text.is_empty()));
    let tags = if is_open { Some(Filter::default()) } else { tags };
    Gate { tags, branches, is_open, ..Gate::default() }
}

/// Whether a job that it requires is an approval.
fn waits_for_a_person(settings: Option<&Rc<Node>>, jobs: &[(&str, Option<&Rc<Node>>)]) -> bool {
    let required = settings.and_then(|settings| settings.get("requires")).map(|node| node.texts());
    let is_approval = |(_, settings): &&(&str, Option<&Rc<Node>>)| {
        settings.is_some_and(|settings| settings.text_of("type") == Some("approval"))
    };
    let mut approvals = jobs.iter().filter(is_approval);
    required.is_some_and(|required| approvals.any(|(name, _)| required.iter().any(|one| one == name)))
}

fn steps(
    root: &Rc<Node>,
    job: &str,
    steps: Option<&Rc<Node>>,
    variables: &Variables,
    gate: &Gate,
    finder: &mut Finder<'_>,
    depth: usize,
) {
    if depth > DEEPEST {
        return;
    }
    for step in steps.map(|steps| steps.list()).unwrap_or_default().iter().take(MOST) {
        let Some((name, settings)) = used(step).filter(|_| finder.may_visit()) else { continue };
        match (name, settings) {
            ("run", Some(run)) => {
                let own = super::variables(variables, run.get("environment"));
                finder.commands(job, run.get("command").unwrap_or(run), &own, gate);
            }
            ("when" | "unless", Some(settings)) => {
                let open = Gate { is_open: true, ..gate.clone() };
                self::steps(root, job, settings.get("steps"), variables, &open, finder, depth + 1);
            }
            _ => {
                let command = root.get("commands").and_then(|commands| commands.get(name)?.get("steps"));
                self::steps(root, job, command, variables, gate, finder, depth + 1);
            }
        }
    }
}
