//! Pipelines of Bitbucket.

use std::rc::Rc;

use super::gate::{Filter, Gate, Pattern};
use super::{Finder, MOST};
use crate::python::workflows::hint;
use crate::python::workflows::script::Variables;
use crate::python::workflows::target::Target;
use crate::python::yaml::Node;

/// How deep steps are nested
const DEEPEST: usize = 4;

pub(super) fn find(root: &Rc<Node>, finder: &mut Finder<'_>) {
    let Some(pipelines) = root.get("pipelines") else { return };
    for (name, pipeline) in pipelines.map().iter().take(MOST) {
        match name.as_str() {
            // It does not apply to tags.
            "default" => steps(pipeline, name, &Gate { branches: true, ..Gate::default() }, finder, 0),
            "tags" => {
                for (glob, pipeline) in pipeline.map().iter().take(MOST) {
                    // `{a,b}` and `?` are left open.
                    let is_open = glob.contains(['{', '?', '[']);
                    let only =
                        if is_open { None } else { Some(vec![Pattern::Glob(glob.replace("**", "*"))]) };
                    let tags = Some(Filter { only, ignore: Vec::new() });
                    steps(pipeline, glob, &Gate { tags, is_open, ..Gate::default() }, finder, 0);
                }
            }
            "custom" => {
                for (name, pipeline) in pipeline.map().iter().take(MOST) {
                    steps(pipeline, name, &Gate { is_manual: true, ..Gate::default() }, finder, 0);
                }
            }
            "branches" => {
                for (name, pipeline) in pipeline.map().iter().take(MOST) {
                    steps(pipeline, name, &Gate { branches: true, ..Gate::default() }, finder, 0);
                }
            }
            _ => {}
        }
    }
}

fn steps(items: &Rc<Node>, job: &str, gate: &Gate, finder: &mut Finder<'_>, depth: usize) {
    if depth > DEEPEST {
        return;
    }
    let mut gate = gate.clone();
    for item in items.list().iter().take(MOST) {
        for key in ["parallel", "stage"] {
            let Some(inner) = item.get(key) else { continue };
            gate.is_manual |= inner.text_of("trigger") == Some("manual");
            steps(inner.get("steps").unwrap_or(inner), job, &gate, finder, depth + 1);
        }
        let Some(step) = item.get("step") else { continue };
        // What follows a manual step waits for it.
        gate.is_manual |= step.text_of("trigger") == Some("manual");
        let name = step.text_of("name").unwrap_or(job);
        let Some(script) = step.get("script") else { continue };
        finder.commands(name, script, &Variables::new(), &gate);
        for pipe in script.list().iter().take(MOST) {
            if let Some(text) = pipe.text_of("pipe").filter(|text| hint::suggests(text)) {
                finder.step(name, pipe, text, Target::Unknown, &gate);
            }
        }
    }
}
