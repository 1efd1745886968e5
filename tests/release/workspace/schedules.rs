//! Twelve packages, released to real indexes and killed at random moments: each release is finished or undone, and no
//! package is ever public whose requirement is not.

use std::collections::BTreeMap;

use pyrelease_test_support::{Blueprint, IndexServer, Project};

use super::{QUICK, workspace};
use crate::faults::random::Random;

/// Each with those that it requires exactly
const MEMBERS: [(&str, &[&str]); 12] = [
    ("m00", &[]),
    ("m01", &["m00"]),
    ("m02", &["m00"]),
    ("m03", &["m01", "m02"]),
    ("m04", &["m03"]),
    ("m05", &["m03"]),
    ("m06", &["m04", "m05"]),
    ("m07", &[]),
    ("m08", &["m07"]),
    ("m09", &["m08", "m00"]),
    ("m10", &["m09", "m06"]),
    ("m11", &["m10"]),
];
/// How many releases are made
const RELEASES: usize = 200;
/// The most kills of one release
const KILLS: u64 = 4;

fn twelve() -> Blueprint {
    let pins: Vec<Vec<String>> = MEMBERS
        .iter()
        .map(|(_, requires)| requires.iter().map(|name| format!("{name}==1.0.0")).collect())
        .collect();
    let pins: Vec<Vec<&str>> = pins.iter().map(|pins| pins.iter().map(String::as_str).collect()).collect();
    let members: Vec<(&str, &str, &[&str])> =
        MEMBERS.iter().zip(&pins).map(|((name, _), pins)| (*name, "1.0.0", pins.as_slice())).collect();
    workspace(&members)
}

/// The members of which an index has all, or some, files of this version.
fn published(index: &IndexServer, version: &str) -> BTreeMap<&'static str, usize> {
    let count = |name: &str| {
        let files = index.files(name);
        files.keys().filter(|file| file.starts_with(&format!("{name}-{version}"))).count()
    };
    MEMBERS.iter().map(|(name, _)| (*name, count(name))).collect()
}

/// Asserts that everything is there that a public package requires.
#[track_caller]
fn no_requirement_is_missing(public: &BTreeMap<&str, usize>, schedule: &str) {
    for (name, requires) in MEMBERS {
        if public[name] > 0 {
            let is_missing = requires.iter().find(|required| public[*required] < 2);
            assert_eq!(is_missing, None, "{name} is public in {schedule}: {public:?}");
        }
    }
}

struct Counts {
    released: usize,
    undone: usize,
    kills: usize,
}

/// Releases all in one version, killed at random points, until it is finished or undone.
fn schedule(
    project: &Project,
    public: &IndexServer,
    random: &mut Random,
    number: usize,
    counts: &mut Counts,
) {
    let version = format!("1.{number}.0");
    let words: Vec<String> = MEMBERS.iter().map(|(name, _)| format!("{name}={version}")).collect();
    let before = project.snapshot();
    let mut command = format!("run {} --yes", words.join(" "));
    let mut shown = Vec::new();
    for attempt in 0.. {
        let invocation = project.pyrelease(&command);
        // A run has about as many points; beyond its last one it is not killed.
        let point = 1 + random.below(420);
        let is_killed = attempt < KILLS;
        shown.push(if is_killed { format!("{command} killed at {point}") } else { command.clone() });
        let outcome = match is_killed {
            true => invocation.env("PYRELEASE_DRILL", format!("kill:{point}")).run(),
            false => invocation.run(),
        };
        let there = published(public, &version);
        let trace = shown.join("; ");
        no_requirement_is_missing(&there, &trace);
        match outcome.status() {
            -1 => counts.kills += 1,
            0 => {
                let is_undone = command.starts_with("rollback");
                if is_undone && there.values().all(|count| *count == 0) {
                    counts.undone += 1;
                    project.assert_unchanged(&before);
                } else {
                    counts.released += 1;
                    assert!(there.values().all(|count| *count == 2), "{trace}: {there:?}");
                    let refs = project.remote_refs();
                    assert_eq!(refs["refs/heads/main"], project.head(), "{trace}");
                    for (name, _) in MEMBERS {
                        assert!(refs.contains_key(&format!("refs/tags/{name}-v{version}")), "{trace}");
                    }
                    project.assert_tree_clean();
                }
                // A killed process may leave a temporary folder of a member that it worked for beside others.
                let debris = project.debris();
                assert!(debris.is_empty(), "{trace}: {debris:?}");
                return;
            }
            // After the point of no return there is only `resume`.
            3 | 4 if command.starts_with("rollback") => {}
            other => panic!("{trace}: {other}: {outcome}"),
        }
        let is_left = project.pyrelease("status --format json").code(0).json()["next"]
            .as_array()
            .is_some_and(|next| !next.is_empty());
        command = match (is_left, random.below(3)) {
            // It was killed before it began, or after it ended.
            (false, _) if there.values().all(|count| *count == 0) => format!("run {} --yes", words.join(" ")),
            (false, _) => "resume --yes".to_owned(),
            (true, 0) if there.values().all(|count| *count == 0) => "rollback --yes".to_owned(),
            (true, _) => "resume --yes".to_owned(),
        };
    }
}

#[test]
#[ignore = "it takes an hour: run it with --ignored"]
fn random_schedules_are_finished_or_undone() {
    let (rehearsal, public) = (IndexServer::pypiserver(), IndexServer::devpi());
    let project = twelve().releasing_to(&rehearsal, &public, &format!("[workspace]\n{QUICK}")).build();
    project.pypirc(&[("testpypi", &rehearsal), ("pypi", &public)]);
    project.git(&["push", "--quiet", "--tags", "origin", "main"]);
    let mut random = Random::new(20);
    let mut counts = Counts { released: 0, undone: 0, kills: 0 };
    for number in 1..=RELEASES {
        schedule(&project, &public, &mut random, number, &mut counts);
        let Counts { released, undone, kills } = counts;
        eprintln!("{number} releases: {released} finished, {undone} undone, {kills} kills");
    }
    assert!(counts.kills > 0);
}
