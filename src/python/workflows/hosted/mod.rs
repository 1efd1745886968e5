//! CI systems that have one file and simple rules for tags: CircleCI, Azure Pipelines, Travis CI and Bitbucket.

mod azure;
mod bitbucket;
mod circleci;
mod gate;
mod travis;

use std::cell::Cell;
use std::rc::Rc;

use super::script::{self, Surroundings, Upload, Variables};
use super::target::Target;
use super::{Forge, PublishingWorkflow, Workflows};
use crate::python::project::Files;
use crate::python::yaml::{self, Node};
pub(super) use gate::Gate;

/// The file of each system
pub const FILES: [(Forge, &str); 4] = [
    (Forge::CircleCi, ".circleci/config.yml"),
    (Forge::Azure, "azure-pipelines.yml"),
    (Forge::Travis, ".travis.yml"),
    (Forge::Bitbucket, "bitbucket-pipelines.yml"),
];

/// The most uploads that are reported, and nodes of each kind that are looked at
const MOST: usize = 200;
/// The most steps of a pipeline
const MOST_STEPS: usize = 20_000;

/// Adds what the systems publish whose files are listed.
pub(super) fn find(files: &dyn Files, listed: &[String], all: &mut Workflows) {
    for (forge, path) in FILES.iter().filter(|(_, path)| listed.iter().any(|listed| listed == path)) {
        let Some(bytes) = files.read(path) else { continue };
        let root = match yaml::parse(&bytes) {
            Ok(Some(document)) => document.root,
            Ok(None) => continue,
            Err(why) => {
                all.unread.push(((*path).to_owned(), why));
                continue;
            }
        };
        let bytes_left = Cell::new(script::MOST_BYTES);
        let mut finder =
            Finder { files, forge: *forge, path, bytes_left: &bytes_left, all, steps_left: MOST_STEPS };
        match forge {
            Forge::CircleCi => circleci::find(&root, &mut finder),
            Forge::Azure => azure::find(&root, &mut finder),
            Forge::Travis => travis::find(&root, &mut finder),
            _ => bitbucket::find(&root, &mut finder),
        }
    }
}

/// Collects the uploads of one file
struct Finder<'a> {
    files: &'a dyn Files,
    forge: Forge,
    path: &'a str,
    bytes_left: &'a Cell<usize>,
    all: &'a mut Workflows,
    /// The steps that may still be looked at: commands and templates may repeat others
    steps_left: usize,
}

impl Finder<'_> {
    /// Counts a step; whether it may be looked at.
    fn may_visit(&mut self) -> bool {
        self.steps_left = self.steps_left.saturating_sub(1);
        self.steps_left > 0
    }

    /// Adds the uploads of a command, or of a list of commands.
    fn commands(&mut self, job: &str, commands: &Rc<Node>, variables: &Variables, gate: &Gate) {
        let single = [commands.clone()];
        let list = if commands.text().is_some() { &single[..] } else { commands.list() };
        for command in list.iter().take(MOST) {
            let Some(text) = command.text() else { continue };
            let around = Surroundings {
                files: self.files,
                variables,
                folder: "",
                expand: &|_| Vec::new(),
                bytes_left: self.bytes_left,
            };
            for upload in script::find(text, around).uploads {
                let line = command.text_line() + upload.line;
                self.add(job, Upload { line, ..upload }, gate);
            }
        }
    }

    /// Adds a step that is no command.
    fn step(&mut self, job: &str, node: &Node, by: &str, index: Target, gate: &Gate) {
        let is_certain = index != Target::Unknown;
        let upload = Upload { by: by.to_owned(), indexes: vec![index], is_certain, line: node.line };
        self.add(job, upload, gate);
    }

    fn add(&mut self, job: &str, upload: Upload, gate: &Gate) {
        let triggers = gate.triggers();
        if triggers.is_empty() || self.all.publishing.len() >= MOST {
            return;
        }
        self.all.publishing.push(PublishingWorkflow {
            workflow: self.path.to_owned(),
            forge: self.forge,
            job: job.to_owned(),
            file: self.path.to_owned(),
            line: upload.line,
            by: upload.by,
            indexes: upload.indexes,
            triggers,
            is_certain: upload.is_certain,
            gate: super::Gate::Hosted(gate.clone()),
        });
    }
}

/// The variables with those of a mapping.
fn variables(around: &Variables, own: Option<&Rc<Node>>) -> Variables {
    let mut variables = around.clone();
    for (name, value) in own.iter().flat_map(|own| own.map()).take(MOST) {
        variables.insert(name.clone(), value.text().map(str::to_owned).into_iter().collect());
    }
    variables
}
