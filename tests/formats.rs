//! What an earlier pyrelease has written is read, and what others read of it is written as before: a journal, and the
//! events of `--format json`, kept in `tests/data` since before names in the code were changed.
//!
//! Delete a file there, and the test writes it as it is written now.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use pyrelease_test_support::{Transcript, shared_cache};
use serde_json::Value;

use crate::release::drilled::Local;
use crate::release::quick;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data");

/// A public command that fails once, after PyPI
const RESUMED: &str = "\
stages = [\"changelog\", \"version\", \"tag\", \"build\", \"check\", \"testpypi\", \"push\", \"pypi\", \"mirror\", \"docs\"]

[stage.mirror]
run = [\"sh\", \"-c\", \"test -e $MIRROR || { echo no mirror; exit 7; }\"]
reach = \"public\"

[stage.docs]
run = [\"sh\", \"-c\", \"exit 7\"]
reach = \"follow-up\"
";

/// A command that fails when branch and tag are at the remote
const UNDONE: &str = "\
stages = [\"changelog\", \"version\", \"tag\", \"push\", \"announce\"]

[stage.announce]
run = [\"sh\", \"-c\", \"exit 7\"]
reach = \"repository\"
undo = [\"true\"]
";

const EVENTS: &str = "events.jsonl";
/// The same as it was before names in the code were changed
const FIRST_EVENTS: &str = "events-first.jsonl";
const RESUMED_JOURNAL: &str = "journal-resumed.jsonl";
const UNDONE_JOURNAL: &str = "journal-undone.jsonl";

/// Two journals, and the events of the runs that wrote them
struct Written {
    resumed: String,
    undone: String,
    events: String,
}

/// What is written by a release that fails after PyPI and is resumed, and by one that fails before and is undone.
fn written_now() -> Written {
    let local = Local::of(quick(), RESUMED);
    let mirror = local.project.sandbox().root().join("mirror");
    let run = |args: &str| local.pyrelease(args).env("MIRROR", &mirror);
    let failed = run("run minor --yes --verbose --format json").code(4);
    fs_err::write(&mirror, "").expect("a file of the tests");
    let resumed = run("resume --yes --again mirror --verbose --format json").code(0);
    let other = Local::of(quick(), UNDONE);
    let undone = other.pyrelease("run minor --yes --verbose --format json").code(1);
    let journal = |local: &Local| {
        fs_err::read_to_string(local.run_folder().join("journal.jsonl")).expect("a file of the tests")
    };
    let events = [failed.stdout(), resumed.stdout(), undone.stdout()].concat();
    // Where the tests' tools are is nobody's business.
    let tools = shared_cache().display().to_string();
    Written {
        resumed: journal(&local),
        undone: journal(&other),
        events: events.replace(&tools, "/home/dana/.cache/pyrelease"),
    }
}

/// The texts of files of [`DATA`]; those that are not there are written first.
///
/// # Panics
/// One was not there.
#[track_caller]
fn kept<const N: usize>(files: [(&str, &str); N]) -> [String; N] {
    let path = |name: &str| Path::new(DATA).join(name);
    let missing: Vec<_> = files.iter().filter(|(name, _)| !path(name).exists()).collect();
    for (name, now) in &missing {
        fs_err::create_dir_all(DATA).expect("a file of the tests");
        fs_err::write(path(name), now).expect("a file of the tests");
    }
    assert!(missing.is_empty(), "written anew, look at them and run the test once more: {missing:?}");
    files.map(|(name, _)| fs_err::read_to_string(path(name)).expect("a file of the tests"))
}

/// The records of a journal.
fn records(journal: &str) -> Vec<Value> {
    lines(journal).into_iter().map(|mut line| line["record"].take()).collect()
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

#[test]
fn journals_of_before_are_read() {
    let project = quick().build();
    let runs = project.repository().join(".git/pyrelease/runs");
    let mut seen = Transcript::named("journals-of-before");
    let mut shown = Vec::new();
    for name in [RESUMED_JOURNAL, UNDONE_JOURNAL] {
        let journal = fs_err::read_to_string(Path::new(DATA).join(name)).unwrap();
        // A run that has moved has its paths changed; of everything else every word is as it was.
        let old = journal.split('"').find_map(|text| text.split_once("/.git/pyrelease/runs/"));
        let new = project.repository().display().to_string();
        let here = old.map_or(journal.clone(), |(old, _)| journal.replace(old, &new));
        let records = records(&here);
        let run = records[0]["run"].as_str().unwrap().to_owned();
        fs_err::create_dir_all(runs.join(&run)).unwrap();
        fs_err::write(runs.join(&run).join("journal.jsonl"), &journal).unwrap();
        let told = project.pyrelease("log --format json").arg(&run).code(0).events();
        let told: Vec<Value> = told.into_iter().map(|mut line| line["record"].take()).collect();
        assert_eq!(told, records);
        shown.push(project.pyrelease("log").arg(&run).code(0));
    }
    seen.add(&project.pyrelease("log").code(0));
    for outcome in &shown {
        seen.add(outcome);
    }
    seen.add(&project.pyrelease("status --offline").code(0));
    seen.assert();
}

/// Names of events or types of records, and the keys that each of them has, at whatever depth.
fn shapes(events: &[Value]) -> BTreeMap<String, BTreeSet<String>> {
    let mut shapes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for event in events {
        let name = event["event"].as_str().or(event["type"].as_str()).expect("an event has its name");
        keys(event, "", shapes.entry(name.to_owned()).or_default());
    }
    shapes
}

fn keys(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let path = format!("{path}.{key}");
                keys(value, &path, found);
                found.insert(path);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| keys(item, &format!("{path}[]"), found)),
        _ => {}
    }
}

#[test]
fn events_and_records_are_named_as_before() {
    let now = written_now();
    let files = [(EVENTS, &*now.events), (RESUMED_JOURNAL, &*now.resumed), (UNDONE_JOURNAL, &*now.undone)];
    let [events, resumed, undone] = kept(files);
    let before = shapes(&lines(&events));
    assert!(before.len() > 15, "{before:#?}");
    let events_now = shapes(&lines(&now.events));
    assert_eq!(events_now, before);
    // What the first names of the code wrote is never renewed: a program that reads it finds all of it today.
    let first = fs_err::read_to_string(Path::new(DATA).join(FIRST_EVENTS)).unwrap();
    for (event, keys) in shapes(&lines(&first)) {
        let lost: Vec<_> = keys.difference(&events_now[&event]).collect();
        assert!(lost.is_empty(), "`{event}` has lost {lost:?}");
    }
    assert_eq!(shapes(&records(&now.resumed)), shapes(&records(&resumed)));
    assert_eq!(shapes(&records(&now.undone)), shapes(&records(&undone)));
}
