//! The configuration of a pipeline: its file, the files that it includes, and what jobs extend.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::FILE;
use crate::python::project::Files;
use crate::python::workflows::Likelihood;
use crate::python::workflows::filter;
use crate::python::yaml::{self, Data, Node};

/// The most files of a pipeline; GitLab's own limit is 150
const MOST_FILES: usize = 150;
/// How deep jobs may extend others; GitLab's own limit
const DEEPEST: usize = 11;
/// The most templates that jobs extend, those of templates included
const MOST_TEMPLATES: usize = 2_000;

/// Keys at the top that are no jobs
const KEYWORDS: [&str; 11] = [
    "default",
    "include",
    "stages",
    "variables",
    "workflow",
    "image",
    "services",
    "cache",
    "before_script",
    "after_script",
    "spec",
];

/// An included file of another repository, which is not read
pub(super) struct Include {
    pub text: String,
    /// The file's or the component's name
    pub name: String,
    pub line: usize,
}

/// All files of a pipeline, of which later ones go first
pub(super) struct Config {
    /// Included files come before those that include them
    files: Vec<(String, Rc<Node>)>,
    pub foreign: Vec<Include>,
}

pub(super) struct Job {
    pub name: String,
    /// The last file that has it
    pub file: String,
    pub node: Rc<Node>,
}

impl Job {
    pub fn get(&self, key: &str) -> Option<&Rc<Node>> {
        self.node.get(key)
    }
}

impl Config {
    /// Reads the pipeline, and notes files that cannot be read.
    pub fn read(files: &dyn Files, listed: &[String], unread: &mut Vec<(String, String)>) -> Self {
        let mut config = Self { files: Vec::new(), foreign: Vec::new() };
        let mut paths = vec![FILE.to_owned()];
        let mut next = 0;
        while let Some(path) = paths.get(next).cloned() {
            next += 1;
            if next > MOST_FILES {
                unread.push((path, format!("the pipeline has more than {MOST_FILES} files")));
                break;
            }
            let Some(bytes) = files.read(&path) else { continue };
            match yaml::parse(&bytes) {
                Ok(Some(document)) if !document.root.map().is_empty() => {
                    let included = config.includes(&document.root, listed);
                    let new = included.into_iter().filter(|path| !paths.contains(path)).collect::<Vec<_>>();
                    paths.extend(new);
                    config.files.insert(0, (path, document.root));
                }
                Ok(Some(document)) if !document.root.is_null() => {
                    unread.push((path, "it is not a mapping".to_owned()));
                }
                Ok(_) => {}
                Err(reason) => unread.push((path, reason)),
            }
        }
        config
    }

    /// The paths of included files; those of other repositories are noted.
    fn includes(&mut self, root: &Node, listed: &[String]) -> Vec<String> {
        let Some(include) = root.get("include") else { return Vec::new() };
        let items = if include.list().is_empty() { std::slice::from_ref(include) } else { include.list() };
        let mut paths = Vec::new();
        for item in items.iter().take(MOST_FILES) {
            let local = item.text().or_else(|| item.text_of("local")).filter(|path| !path.contains("://"));
            if let Some(local) = local {
                let pattern = local.trim_start_matches('/').to_owned();
                if pattern.contains('*') {
                    let fits = |path: &&String| filter::matches(&pattern, Some(path)) == Likelihood::Yes;
                    paths.extend(listed.iter().filter(fits).cloned());
                } else {
                    paths.push(pattern);
                }
                continue;
            }
            let keys = ["file", "remote", "template", "component"];
            let foreign = keys.iter().find_map(|key| item.get(key)).unwrap_or(item);
            for text in foreign.texts() {
                let name = text.split('@').next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
                let name = name.trim_end_matches(".yml").trim_end_matches(".yaml").to_owned();
                let text = match item.text_of("project") {
                    Some(project) => format!("{project}:{text}"),
                    None => text,
                };
                self.foreign.push(Include { text, name, line: foreign.line });
            }
        }
        paths
    }

    /// A key at the top; the last file that has it counts.
    pub fn get(&self, key: &str) -> Option<&Rc<Node>> {
        self.files.iter().rev().find_map(|(_, root)| root.get(key))
    }

    /// What jobs have that do not say otherwise.
    pub fn default(&self, key: &str) -> Option<&Rc<Node>> {
        self.get("default").and_then(|default| default.get(key)).or_else(|| self.get(key))
    }

    /// The jobs with what they extend.
    pub fn jobs(&self) -> Vec<Job> {
        let mut names: BTreeMap<&str, &str> = BTreeMap::new();
        for (path, root) in &self.files {
            for (name, node) in root.map() {
                let is_job = !name.starts_with('.') && !KEYWORDS.contains(&name.as_str());
                if is_job && !node.map().is_empty() {
                    names.insert(name, path);
                }
            }
        }
        let mut left = MOST_TEMPLATES;
        let job = |(name, file): (&str, &str)| {
            let node = self.resolved(name, 0, &mut left)?;
            Some(Job { name: name.to_owned(), file: file.to_owned(), node })
        };
        names.into_iter().filter_map(job).collect()
    }

    /// A job or a template: of all files, and with what it extends.
    fn resolved(&self, name: &str, depth: usize, left: &mut usize) -> Option<Rc<Node>> {
        *left = left.checked_sub(1)?;
        let in_files = self.files.iter().filter_map(|(_, root)| root.get(name)).cloned();
        let own = in_files.reduce(|base, over| merge(&base, &over))?;
        let mut templates = own.get("extends").map(|extends| extends.texts()).unwrap_or_default();
        templates.truncate(if depth < DEEPEST { DEEPEST } else { 0 });
        let bases = templates.iter().filter_map(|template| self.resolved(template, depth + 1, left));
        let base = bases.reduce(|base, over| merge(&base, &over));
        Some(base.map_or(own.clone(), |base| merge(&base, &own)))
    }

    /// The commands of a script: scalars, those of nested lists, and what `!reference [job, key]` refers to.
    pub fn pieces(&self, script: &Rc<Node>) -> Vec<Rc<Node>> {
        if script.text().is_some() {
            return vec![script.clone()];
        }
        let mut pieces = Vec::new();
        for item in script.list() {
            let referred = match item.list() {
                [job, key] => job.text().and_then(|job| self.get(job)?.get(key.text()?)),
                _ => None,
            };
            let within = referred.unwrap_or(item);
            if within.text().is_some() {
                pieces.push(within.clone());
            }
            // GitLab allows ten levels; two are enough for what people write.
            pieces.extend(within.list().iter().filter(|piece| piece.text().is_some()).cloned());
        }
        pieces
    }

    /// The file that a node is in, if it is not the one that is assumed.
    pub fn file_of(&self, node: &Rc<Node>, assumed: &str) -> String {
        let holds = |root: &Node| {
            let entries = root.map().iter().flat_map(|(_, value)| value.map().iter().map(|(_, value)| value));
            entries.chain(root.map().iter().map(|(_, value)| value)).any(|value| {
                Rc::ptr_eq(value, node) || value.list().iter().any(|item| Rc::ptr_eq(item, node))
            })
        };
        let mut files = self.files.iter();
        files.find(|(_, root)| holds(root)).map_or(assumed, |(path, _)| path).to_owned()
    }
}

/// Two mappings as one, in which the second goes first. Mappings in them are merged too, lists are not.
fn merge(base: &Rc<Node>, over: &Rc<Node>) -> Rc<Node> {
    if base.map().is_empty() || over.map().is_empty() {
        return over.clone();
    }
    let mut entries: BTreeMap<&str, Rc<Node>> = BTreeMap::new();
    for (key, value) in base.map().iter().chain(over.map()) {
        let merged = entries.get(key.as_str()).map_or_else(|| value.clone(), |base| merge(base, value));
        entries.insert(key, merged);
    }
    let entries = entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    over.with(Data::Map(entries))
}
