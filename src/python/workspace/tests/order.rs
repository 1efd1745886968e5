//! The order of publication, and cycles.

use proptest::prelude::*;

use super::*;

/// A workspace of members `a`, `b`, …: each with the lists of its pyproject.toml.
fn workspace(members: &[(&str, &str)]) -> Graph {
    let texts: Vec<(String, &str)> =
        members.iter().map(|(name, text)| (format!("{name}/pyproject.toml"), *text)).collect();
    let files: Vec<(&str, &str)> = texts.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    let names: Vec<&str> = members.iter().map(|(name, _)| *name).collect();
    read(&files, &names).unwrap()
}

fn run(on: &[&str]) -> String {
    format!("project.dependencies = {on:?}\n")
}

#[test]
fn each_comes_after_what_it_requires() {
    let (a, c, d) = (run(&["c", "b"]), run(&["d"]), "build-system.requires = [\"b\"]\n");
    let graph = workspace(&[("a", &a), ("b", ""), ("c", &c), ("d", d)]);
    assert_eq!(graph.order(), [[1], [3], [2], [0]]);
    assert_eq!((graph.build_cycle(), graph.run_cycles().len()), (None, 0));
}

#[test]
fn what_requires_each_other_goes_up_together() {
    let (a, b, c) = (run(&["b"]), run(&["a", "d"]), run(&["a"]));
    let graph = workspace(&[("a", &a), ("b", &b), ("c", &c), ("d", ""), ("e", "")]);
    assert_eq!(graph.order(), [vec![3], vec![4], vec![0, 1], vec![2]]);
    assert_eq!(graph.run_cycles(), [[0, 1]]);
    assert_eq!(graph.build_cycle(), None);
}

#[test]
fn an_extra_makes_no_cycle() {
    let (core, plugin) =
        ("project.optional-dependencies.all = [\"plugin\", \"util\"]\n", run(&["core", "core[all]"]));
    let graph = workspace(&[("plugin", &plugin), ("core", core), ("util", "")]);
    assert_eq!(graph.order(), [[2], [1], [0]]);
    assert_eq!(graph.run_cycles(), [[0; 0]; 0]);
    // What a group needs is for development alone.
    let (a, b) = ("dependency-groups.dev = [\"b\"]\n", run(&["a"]));
    assert_eq!(workspace(&[("a", a), ("b", &b)]).order(), [[0], [1]]);
}

#[test]
fn a_cycle_through_a_build_is_named_in_order() {
    let (a, c) = (run(&["b"]), run(&["a", "d"]));
    let graph = workspace(&[("a", &a), ("b", "build-system.requires = [\"c\"]\n"), ("c", &c), ("d", "")]);
    assert_eq!(graph.build_cycle(), Some(vec![1, 2, 0]));
    assert_eq!(graph.run_cycles(), [[0; 0]; 0]);
    let graph = workspace(&[("a", "build-system.requires = [\"a\"]\n")]);
    assert_eq!(graph.build_cycle(), Some(vec![0]));
    // A build requirement beside a cycle is none.
    let (a, b) = ("build-system.requires = [\"b\"]\n".to_owned() + &run(&["c"]), run(&["d"]));
    let (c, d) = (run(&["b"]), run(&["b"]));
    assert_eq!(workspace(&[("a", &a), ("b", &b), ("c", &c), ("d", &d)]).build_cycle(), None);
}

proptest! {
    #[test]
    fn nothing_comes_before_what_it_requires(edges in prop::collection::vec((0_usize..8, 0_usize..8, 0..3), 0..16)) {
        let mut texts = vec![[Vec::new(), Vec::new(), Vec::new()]; 8];
        for (of, on, kind) in &edges {
            texts[*of][usize::try_from(*kind).unwrap()].push(format!("m{on}"));
        }
        let mut files = Tree::new();
        for (number, [run, build, extra]) in texts.iter().enumerate() {
            let text = format!(
                "project.dependencies = {run:?}\nbuild-system.requires = {build:?}\nproject.optional-dependencies.x = {extra:?}\n"
            );
            files.insert(format!("m{number}/pyproject.toml"), text.into_bytes());
        }
        let names: Vec<String> = (0..8).map(|number| format!("m{number}")).collect();
        let graph = Graph::read(&files, &named(&names.iter().map(String::as_str).collect::<Vec<_>>())).unwrap();
        let order = graph.order();
        let mut place = [usize::MAX; 8];
        for (at, group) in order.iter().enumerate() {
            for member in group {
                prop_assert_eq!(std::mem::replace(&mut place[*member], at), usize::MAX);
            }
        }
        // Whether there is a way along dependencies and build requirements.
        let reaches = |from: usize, to: usize| {
            let (mut seen, mut queue) = ([false; 8], vec![from]);
            while let Some(at) = queue.pop() {
                for (_, on, _) in edges.iter().filter(|(of, _, kind)| *of == at && *kind < 2) {
                    if !std::mem::replace(&mut seen[*on], true) {
                        queue.push(*on);
                    }
                }
            }
            seen[to]
        };
        for (of, on, kind) in &edges {
            let together = of == on || (reaches(*of, *on) && reaches(*on, *of));
            if *kind < 2 {
                prop_assert!(place[*on] < place[*of] || (together && place[*on] == place[*of]));
            }
        }
        let has_build_cycle = edges.iter().any(|(of, on, kind)| *kind == 1 && (of == on || reaches(*on, *of)));
        prop_assert_eq!(graph.build_cycle().is_some(), has_build_cycle);
    }
}
