//! Pipelines of Azure.

use std::rc::Rc;

use super::gate::{Filter, Gate, Pattern};
use super::{Finder, MOST, variables};
use crate::python::workflows::script::Variables;
use crate::python::yaml::{self, Node};

/// How deep templates may use others
const DEEPEST: usize = 4;
/// What precedes the name of a tag
const TAGS: &str = "refs/tags/";

pub(super) fn find(root: &Rc<Node>, finder: &mut Finder<'_>) {
    let gate = gate(root.get("trigger"));
    let variables = variables(&Variables::new(), root.get("variables"));
    within(root, "", &variables, &gate, finder, 0);
}

/// By default, branches start a pipeline and tags do not.
fn gate(trigger: Option<&Rc<Node>>) -> Gate {
    let Some(trigger) = trigger else { return Gate { branches: true, ..Gate::default() } };
    if trigger.text() == Some("none") {
        return Gate { is_manual: true, ..Gate::default() };
    }
    let globs = |node: Option<&Rc<Node>>| -> Vec<Pattern> {
        node.map(|node| node.texts()).unwrap_or_default().into_iter().map(Pattern::Glob).collect()
    };
    let branches = trigger.get("branches");
    let included = branches.map_or_else(|| trigger.texts(), included);
    let mut tags: Vec<Pattern> =
        included.iter().filter_map(|name| Some(Pattern::Glob(name.strip_prefix(TAGS)?.to_owned()))).collect();
    let of_tags = trigger.get("tags");
    tags.extend(globs(of_tags.map(|tags| tags.get("include").unwrap_or(tags))));
    let ignore = globs(of_tags.and_then(|tags| tags.get("exclude")));
    let is_excluding = tags.is_empty() && !ignore.is_empty();
    let only = (!is_excluding).then_some(tags).filter(|tags| !tags.is_empty());
    Gate {
        tags: (only.is_some() || is_excluding).then_some(Filter { only, ignore }),
        branches: included.iter().any(|name| !name.starts_with(TAGS)) || of_tags.is_none(),
        ..Gate::default()
    }
}

fn included(branches: &Rc<Node>) -> Vec<String> {
    branches.get("include").unwrap_or(branches).texts()
}

/// Reads stages, jobs and steps, and those of templates of the same repository.
fn within(
    node: &Rc<Node>,
    job: &str,
    around: &Variables,
    gate: &Gate,
    finder: &mut Finder<'_>,
    depth: usize,
) {
    if depth > 3 * DEEPEST {
        return;
    }
    for key in ["stages", "jobs", "steps"] {
        for item in node.get(key).map(|items| items.list()).unwrap_or_default().iter().take(MOST) {
            if !finder.may_visit() {
                return;
            }
            let named = ["stage", "job", "deployment"].into_iter().find_map(|key| item.text_of(key));
            let job = named.unwrap_or(job);
            let gate = under(item.text_of("condition"), gate);
            let own = if key == "steps" { item.get("env") } else { item.get("variables") };
            let own = variables(around, own);
            if let Some(path) = item.text_of("template") {
                // Azure's own limit is 100 files.
                finder.steps_left = finder.steps_left.saturating_sub(MOST);
                if let Some(bytes) = finder.files.read(path.trim_start_matches('/'))
                    && let Ok(Some(document)) = yaml::parse(&bytes)
                {
                    within(&document.root, job, &own, &gate, finder, depth + 3);
                }
                continue;
            }
            for key in ["script", "bash", "pwsh", "powershell"] {
                if let Some(script) = item.get(key) {
                    finder.commands(job, script, &own, &gate);
                }
            }
            let inputs = item.get("inputs").filter(|_| item.get("task").is_some());
            if let Some(script) = inputs.and_then(|inputs| inputs.get("script")) {
                finder.commands(job, script, &own, &gate);
            }
            if let Some(deploy) =
                item.get("strategy").and_then(|strategy| strategy.get("runOnce")?.get("deploy"))
            {
                within(deploy, job, &own, &gate, finder, depth + 1);
            }
            within(item, job, &own, &gate, finder, depth + 1);
        }
    }
}

/// The gate under a condition: one that only asks for a tag is understood.
fn under(condition: Option<&str>, gate: &Gate) -> Gate {
    let mut gate = gate.clone();
    let Some(condition) = condition else { return gate };
    let plain: String = condition.chars().filter(|letter| !letter.is_whitespace()).collect();
    if ["succeeded()", "always()", "succeededOrFailed()"].contains(&plain.as_str()) {
        return gate;
    }
    let inner =
        plain.strip_prefix("and(succeeded(),").and_then(|rest| rest.strip_suffix(')')).unwrap_or(&plain);
    let branch = ["startsWith(variables['Build.SourceBranch'],'", "eq(variables['Build.SourceBranch'],'"];
    let value = branch.iter().find_map(|start| inner.strip_prefix(start)?.strip_suffix("')"));
    match value.filter(|value| !value.contains('\'')) {
        Some(value) if value.starts_with(TAGS) => {
            let mut name = value[TAGS.len()..].to_owned();
            if inner.starts_with("startsWith") {
                name.push('*');
            }
            gate.branches = false;
            gate.conditions.push(Pattern::Glob(name));
        }
        Some(value) if value.starts_with("refs/heads/") => gate.tags = None,
        _ => gate.is_open = true,
    }
    gate
}
