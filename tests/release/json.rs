//! What each command prints with `--format json` is what its schema says, field for field.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use pyrelease::plugin::schema::check;
use pyrelease_test_support::{Outcome, Sandbox};
use serde_json::{Value, json};

use super::drilled::Local;
use super::{QUICK, quick};

/// The commands that other tests pass to [`conforms`], because what they need is there
const ELSEWHERE: [&str; 5] = ["demo", "drill", "index", "propose", "rehearse"];

/// The schema of a command's output without leave for other fields: a new field needs no new version, but a schema.
fn strict_schema(command: &str) -> Value {
    let sandbox = Sandbox::new();
    let words: Vec<&str> = std::iter::once("schema").chain(command.split(' ')).collect();
    let text = sandbox.command(sandbox.root(), env!("CARGO_BIN_EXE_pyrelease"), &words).read();
    let mut schema = serde_json::from_str(&text.expect("it has a schema")).expect("it is JSON");
    close(&mut schema);
    schema
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(entries) => {
            entries.values_mut().for_each(close);
            if entries.get("properties").is_some_and(Value::is_object) && entries.contains_key("type") {
                entries.entry("additionalProperties").or_insert(false.into());
            }
        }
        Value::Array(schemas) => schemas.iter_mut().for_each(close),
        _ => {}
    }
}

/// Checks every line; returns them.
#[track_caller]
pub(crate) fn lines_conform(command: &str, lines: Vec<Value>) -> Vec<Value> {
    let schema = strict_schema(command);
    let mut by_name: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for line in &lines {
        let name = line["event"].as_str().unwrap_or_else(|| panic!("no event: {line}"));
        assert_eq!(line["format"], 1, "{line}");
        by_name.entry(name).or_default().push(line);
    }
    for (name, lines) in by_name {
        let reference = json!({ "$ref": format!("#/$defs/{name}") });
        let listed = schema["anyOf"].as_array().expect("alternatives").contains(&reference);
        assert!(listed, "`{command}` prints `{name}`, which its schema does not have");
        // Against its own schema, so that the violation is named.
        let own = json!({ "type": "array", "items": reference, "$defs": schema["$defs"] });
        let violation = check(&json!(lines), &own).expect("the schema is valid");
        assert!(violation.is_none(), "`{command}`: {violation:?}: {lines:#?}");
    }
    lines
}

/// Checks every line that a command has printed; returns them.
#[track_caller]
pub(crate) fn conforms(command: &str, outcome: &Outcome) -> Vec<Value> {
    lines_conform(command, outcome.events())
}

/// Runs commands, and remembers which
struct Runs<'a> {
    local: &'a Local,
    seen: BTreeSet<String>,
}

impl Runs<'_> {
    /// Runs a command with `--format json`; returns the names of the objects that it prints, without repetitions.
    #[track_caller]
    fn run(&mut self, command: &str, arguments: &str, codes: &[i32]) -> Vec<String> {
        let outcome = self.local.pyrelease(&format!("{command} {arguments} --format json")).run();
        outcome.code_in(codes);
        let mut names: Vec<String> = Vec::new();
        for line in conforms(command, &outcome) {
            names.push(line["event"].as_str().expect("a name").to_owned());
        }
        names.dedup();
        self.seen.insert(command.split(' ').next().unwrap_or_default().to_owned());
        names
    }
}

#[track_caller]
fn has(names: &[String], wanted: &str) {
    assert!(names.iter().any(|name| name == wanted), "no `{wanted}` in {names:?}");
}

/// The commands before a release
#[track_caller]
fn before(runs: &mut Runs<'_>) {
    assert_eq!(runs.run("status", "", &[0]), ["no-run"]);
    assert!(runs.run("log", "", &[0]).is_empty());
    has(&runs.run("plan", "minor", &[0]), "plan");
    has(&runs.run("doctor", "minor", &[0]), "finding");
    has(&runs.run("bump", "minor --dry-run", &[0]), "bumped");
    has(&runs.run("build", "", &[0]), "built");
    has(&runs.run("check", "", &[0, 3]), "check");
    assert_eq!(runs.run("check", "--list-rules", &[0]), ["rule"]);
    assert_eq!(runs.run("check", "--explain filename", &[0]), ["rule"]);
    has(&runs.run("upload", "dist --index testpypi", &[0]), "published");
    has(&runs.run("preview", "", &[0]), "page");
    assert_eq!(runs.run("token show", "", &[0]), ["credentials"]);
    has(&runs.run("ci", "github --yes", &[0, 3]), "ci");
    has(&runs.run("init", "--yes", &[0, 3]), "init");
}

/// A release, and what is left of it
#[track_caller]
fn release(runs: &mut Runs<'_>) {
    let file = runs.local.project.sandbox().root().join("run.pyrelease");
    has(&runs.run("prepare", &format!("minor --yes --out {}", file.display()), &[0]), "prepared");
    has(&runs.run("run", "minor --yes", &[0]), "released");
    has(&runs.run("publish", &format!("{} --yes", file.display()), &[0, 2, 3, 4]), "error");
    assert_eq!(runs.run("status", "", &[0]), ["status"]);
    assert_eq!(runs.run("log", "", &[0]), ["run"]);
    assert_eq!(runs.run("log", "--last", &[0]), ["record"]);
    assert_eq!(runs.run("log", "--html", &[0]), ["report"]);
    assert_eq!(runs.run("notes", "1.1.0", &[0]), ["notes"]);
    runs.run("resume", "--yes", &[0]);
    runs.run("rollback", "--yes", &[0]);
}

/// What other programs and people read, and plugins
#[track_caller]
fn others(runs: &mut Runs<'_>) {
    assert_eq!(runs.run("completions", "bash", &[0]), ["text"]);
    assert_eq!(runs.run("man", "", &[0]), ["text"]);
    assert_eq!(runs.run("help", "plugin trust", &[0]), ["command"]);
    assert_eq!(runs.run("help", "stage", &[0]), ["stage"]);
    assert_eq!(runs.run("help", "setting smoke", &[0]), ["setting"]);
    assert_eq!(runs.run("help", "setting", &[0]), ["stage"]);
    assert_eq!(runs.run("plugin new", "mark", &[0]), ["new-plugin"]);
    assert_eq!(runs.run("plugin test", "mark/mark.py --config {\"file\":\"x.txt\"}", &[0]), ["trial"]);
    assert!(runs.run("plugin list", "", &[0]).is_empty());
    has(&runs.run("plugin trust", "mark --yes", &[0, 2, 3]), "error");
}

#[test]
fn every_command_prints_what_its_schema_says() {
    let parts: [fn(&mut Runs<'_>); 3] = [before, release, others];
    // Side by side: each has a project of its own.
    let seen: BTreeSet<String> = std::thread::scope(|scope| {
        let all = parts.map(|part| {
            scope.spawn(move || {
                let local = Local::new();
                let mut runs = Runs { local: &local, seen: BTreeSet::new() };
                part(&mut runs);
                runs.seen
            })
        });
        all.into_iter().flat_map(|part| part.join().expect("it passes")).collect()
    });
    let project = quick().build();
    let listed = project.pyrelease("--list --format json").code(0);
    let listed = conforms("help", &listed);
    let names = listed.iter().filter_map(|line| line["name"].as_str());
    let left: Vec<&str> = names
        .filter(|name| !seen.contains(*name) && !ELSEWHERE.contains(name) && *name != "schema")
        .collect();
    assert!(left.is_empty() && listed.len() > 20, "no output of {left:?} is checked");
}

#[test]
fn a_release_that_fails_and_is_resumed_prints_what_the_schema_says() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/events.jsonl");
    let text = fs_err::read_to_string(data).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.len() > 80);
    lines_conform("run", lines);
}

#[test]
fn a_command_line_that_cannot_be_parsed_is_an_error_in_json_too() {
    let project = quick().config(QUICK).build();
    for arguments in ["run --nope --format json", "--format=json run --nope"] {
        let refused = project.pyrelease(arguments).code(2);
        let [error] = &conforms("run", &refused)[..] else { panic!("{refused}") };
        assert_eq!(error["message"], "unexpected argument '--nope' found", "{error}");
        assert_eq!((&error["code"], refused.stderr()), (&json!(2), ""), "{error}");
    }
    // Without, it is text as ever.
    let refused = project.pyrelease("run --nope").code(2);
    assert!(refused.stdout().is_empty() && refused.stderr().starts_with("error: unexpected"), "{refused}");
}

#[test]
fn an_unknown_command_has_no_schema() {
    let sandbox = Sandbox::new();
    let said = sandbox.command(sandbox.root(), env!("CARGO_BIN_EXE_pyrelease"), &["schema", "stauts"]);
    let output = said.stderr_capture().stdout_capture().unchecked().run().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "error: `stauts` prints no JSON objects\nhelp: did you mean `status`?\n"
    );
}
