//! Pipelines of GitLab.

mod config;
mod rules;

use std::cell::Cell;
use std::rc::Rc;

use super::hint;
use super::script::{self, Surroundings, Variables};
use super::target::Target;
use super::{Forge, PublishingWorkflow, Workflows};
use crate::python::project::Files;
use crate::python::yaml::Node;
use config::{Config, Job};
pub(super) use rules::Gate;

/// The file that every pipeline starts from
pub(super) const FILE: &str = ".gitlab-ci.yml";

/// The most variables that are looked at, and uploads that are reported
const MOST: usize = 100;

/// Adds what the pipeline publishes.
pub(super) fn find(files: &dyn Files, listed: &[String], all: &mut Workflows) {
    let config = Config::read(files, listed, &mut all.unread);
    let variables = variables(&Variables::new(), config.get("variables"));
    let bytes_left = Cell::new(script::MOST_BYTES);
    for job in config.jobs() {
        let variables = self::variables(&variables, job.get("variables"));
        let (text, lines) = script(&config, &job);
        let around = Surroundings {
            files,
            variables: &variables,
            folder: "",
            expand: &|_| Vec::new(),
            bytes_left: &bytes_left,
        };
        for upload in script::find(&text, around).uploads {
            let part = lines.iter().rev().find(|part| part.start <= upload.line);
            let line = part.map_or(1, |part| part.line + upload.line - part.start);
            let gate = Gate::read(config.get("workflow"), &job.node, &variables);
            let file = part.map_or_else(|| job.file.clone(), |part| part.file.clone());
            add(all, &job.name, (file, line), (upload.by, upload.indexes, upload.is_certain), gate);
        }
    }
    for include in &config.foreign {
        if hint::suggests(&include.name) {
            let by = format!("include {}", include.text);
            add(
                all,
                "",
                (FILE.to_owned(), include.line),
                (by, vec![Target::Unknown], false),
                Gate::default(),
            );
        }
    }
}

fn add(
    all: &mut Workflows,
    job: &str,
    (file, line): (String, usize),
    (by, indexes, is_certain): (String, Vec<Target>, bool),
    gate: Gate,
) {
    let triggers = gate.triggers();
    if triggers.is_empty() || all.publishing.len() >= MOST {
        return;
    }
    all.publishing.push(PublishingWorkflow {
        workflow: FILE.to_owned(),
        forge: Forge::GitLab,
        job: job.to_owned(),
        file,
        line,
        by,
        indexes,
        triggers,
        is_certain,
        gate: super::Gate::GitLab(gate),
    });
}

/// The variables with those of a mapping, whose values may be mappings with `value`.
fn variables(around: &Variables, own: Option<&Rc<Node>>) -> Variables {
    let mut variables = around.clone();
    for (name, value) in own.iter().flat_map(|own| own.map()).take(MOST) {
        let text = value.text().or_else(|| value.text_of("value"));
        variables.insert(name.clone(), text.map(str::to_owned).into_iter().collect());
    }
    variables
}

/// A piece of a job's script
struct Part {
    /// Its first line in the script, counted from 0
    start: usize,
    file: String,
    /// Its first line in the file, counted from 1
    line: usize,
}

/// The commands of a job as one script, and where its lines come from.
fn script(config: &Config, job: &Job) -> (String, Vec<Part>) {
    let (mut text, mut parts) = (String::new(), Vec::new());
    for key in ["before_script", "script", "after_script"] {
        let Some(script) = job.get(key).or_else(|| config.default(key)) else { continue };
        for piece in config.pieces(script) {
            let Some(commands) = piece.text() else { continue };
            let start = text.matches('\n').count();
            parts.push(Part { start, file: config.file_of(&piece, &job.file), line: piece.text_line() });
            text.push_str(commands);
            text.push('\n');
        }
    }
    (text, parts)
}
