//! Builds of Travis CI.

use std::rc::Rc;

use super::gate::{Filter, Gate, Pattern};
use super::{Finder, MOST, variables};
use crate::python::workflows::script::Variables;
use crate::python::workflows::target::Target;
use crate::python::yaml::Node;

/// The commands of a job, in their order
const PHASES: [&str; 7] = [
    "before_install",
    "install",
    "before_script",
    "script",
    "after_success",
    "before_deploy",
    "after_deploy",
];

pub(super) fn find(root: &Rc<Node>, finder: &mut Finder<'_>) {
    let gate = gate(root);
    let variables = variables(&Variables::new(), root.get("env").and_then(|env| env.get("global")));
    job(root, "", &variables, &gate, finder);
    let jobs = root.get("jobs").or(root.get("matrix")).and_then(|jobs| jobs.get("include"));
    for item in jobs.map(|jobs| jobs.list()).unwrap_or_default().iter().take(MOST) {
        let name = item.text_of("name").or(item.text_of("stage")).unwrap_or_default();
        job(item, name, &variables, &under(item.text_of("if"), &gate), finder);
    }
}

/// Tags are built like branches, and `branches` filters both.
fn gate(root: &Rc<Node>) -> Gate {
    let patterns = |key: &str| -> Option<Vec<Pattern>> {
        let names = root.get("branches")?.get(key)?.texts();
        Some(names.iter().map(|text| Pattern::slashed(text, false)).collect())
    };
    let tags = Filter { only: patterns("only"), ignore: patterns("except").unwrap_or_default() };
    under(root.text_of("if"), &Gate { tags: Some(tags), branches: true, ..Gate::default() })
}

fn under(condition: Option<&str>, gate: &Gate) -> Gate {
    let mut gate = gate.clone();
    let Some(condition) = condition else { return gate };
    let words: Vec<String> = condition.split_whitespace().map(str::to_lowercase).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["tag", "is", "present"] => gate.branches = false,
        ["tag", "is", "blank"] | ["branch", "=" | "==", _] => gate.tags = None,
        _ => gate.is_open = true,
    }
    gate
}

fn job(node: &Rc<Node>, name: &str, around: &Variables, gate: &Gate, finder: &mut Finder<'_>) {
    for phase in PHASES {
        if let Some(commands) = node.get(phase) {
            finder.commands(name, commands, around, gate);
        }
    }
    let Some(deploy) = node.get("deploy") else { return };
    let single = [deploy.clone()];
    let deployments = if deploy.list().is_empty() { &single[..] } else { deploy.list() };
    for deployment in deployments.iter().take(MOST) {
        let gate = deployment_gate(deployment.get("on"), gate);
        match deployment.text_of("provider") {
            Some("pypi") => {
                let server = deployment.text_of("server").or(deployment.text_of("repository"));
                let index = server.map_or(Target::PyPi, Target::named);
                finder.step(name, deployment, "deploy to pypi", index, &gate);
            }
            Some("script") => {
                let own = variables(around, deployment.get("env"));
                if let Some(script) = deployment.get("script") {
                    finder.commands(name, script, &own, &gate);
                }
            }
            _ => {}
        }
    }
}

/// By default, only the default branch is deployed.
fn deployment_gate(on: Option<&Rc<Node>>, gate: &Gate) -> Gate {
    let mut gate = gate.clone();
    match on.and_then(|on| on.text_of("tags")) {
        Some("true") => gate.branches = false,
        _ if on.and_then(|on| on.text_of("all_branches")) == Some("true") => {}
        _ => gate.tags = None,
    }
    gate.is_open |= on.is_some_and(|on| on.get("condition").is_some());
    gate
}
