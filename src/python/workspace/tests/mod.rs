//! Workspaces of every layout, read and rewritten.

mod members;
mod order;
mod pins;
mod reading;
mod rewriting;

use std::collections::BTreeMap;

use super::*;
use crate::python::version::Version;

type Tree = BTreeMap<String, Vec<u8>>;

fn tree(files: &[(&str, &str)]) -> Tree {
    files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect()
}

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

/// Members in folders of their names.
fn named(names: &[&str]) -> Vec<(String, String)> {
    names.iter().map(|name| ((*name).to_owned(), (*name).to_owned())).collect()
}

fn read(files: &[(&str, &str)], members: &[&str]) -> Result<Graph, WorkspaceError> {
    Graph::read(&tree(files), &named(members))
}

/// Each requirement as `cli -> core >=1.0 (dependency) cli/pyproject.toml:3 project.dependencies`.
fn shown(graph: &Graph) -> Vec<String> {
    let name = |member: usize| graph.members.all[member].1.as_str();
    let each = graph.requirements().iter().map(|requirement| {
        let Requirement { of, on, kind, specifier, grammar, path, line, key, .. } = requirement;
        let stated = match grammar {
            Grammar::Direct => "@",
            Grammar::Computed => "=",
            _ => specifier,
        };
        format!("{} -> {} {stated} ({kind}) {path}:{line} {key}", of.map_or("root", name), name(*on))
    });
    each.collect()
}
