//! `pyrelease drill`: a release that is killed at any point can be undone and completed; if not, the drill reports it.

use std::path::Path;

use pyrelease_test_support::{Backend, Blueprint, Config, Outcome, Project, Transcript, str};
use serde_json::Value;

use super::failures::Attempt;
use super::json::conforms;
use super::{QUICK, demo, quick};

/// The variable that selects every point instead of a sample
pub(crate) const EXHAUSTIVE: &str = "PYRELEASE_TEST_EXHAUSTIVE";

/// Drills a release at every Nth point; returns the report, in which every point converges.
#[track_caller]
pub(super) fn converges(project: &Project, options: &str, every: usize) -> Value {
    #[expect(clippy::disallowed_methods, reason = "asked of the test, not of the program")]
    let every = if std::env::var_os(EXHAUSTIVE).is_some() { 1 } else { every };
    let before = project.snapshot();
    let outcome = project.pyrelease(&format!("drill minor --format json --every {every} {options}")).code(0);
    project.assert_unchanged(&before);
    project.assert_no_debris();
    let report: Value = conforms("drill", &outcome).pop().expect("a report");
    for judged in results(&report) {
        for way in ["rollback", "resume"] {
            assert_ne!(judged[way]["outcome"], "diverged", "{judged:#}");
            assert_eq!(judged[way]["differences"], Value::Array(Vec::new()), "{judged:#}");
        }
    }
    report
}

pub(super) fn results(report: &Value) -> &[Value] {
    report["results"].as_array().expect("a list of results")
}

/// The distinct outcomes of `rollback` or `resume`, in order.
fn outcomes<'a>(report: &'a Value, way: &str) -> Vec<&'a str> {
    let mut found: Vec<&str> =
        results(report).iter().map(|judged| judged[way]["outcome"].as_str().expect("an outcome")).collect();
    found.dedup();
    found
}

fn stages(names: &str) -> Config {
    Config::stages(names).lines(QUICK)
}

#[test]
fn a_release_killed_anywhere_can_be_undone_and_finished() {
    let project = quick().config(QUICK).build();
    let report = converges(&project, "", 3);
    let moments: Vec<&str> =
        results(&report).iter().filter_map(|judged| judged["point"]["moment"].as_str()).collect();
    for moment in ["before-record", "torn-record", "after-record", "process-started", "process-ended"] {
        assert!(moments.iter().filter(|found| **found == moment).count() >= 3, "{moment} in {moments:?}");
    }
    assert!(
        ["half-sent", "all-sent", "replied"].iter().any(|moment| moments.contains(moment)),
        "{moments:?}"
    );
    let first: Vec<&Value> = results(&report)
        .iter()
        .filter(|judged| judged["point"]["id"].as_str().is_some_and(|id| !id.contains('/')))
        .collect();
    assert!(first.len() > 36 && results(&report).len() > first.len() + 20, "recoveries are killed, too");
}

#[test]
fn a_pipeline_with_commands_of_its_own() {
    let own = "
[stage.tests]
run = [\"sh\", \"-c\", \"test -e src/demo/generated.py\"]

[stage.announce]
run = [\"false\"]
reach = \"repository\"
undo = [\"false\"]

[stage.mirror]
run = [\"false\"]
reach = \"public\"

[stage.docs]
run = [\"false\"]
reach = \"follow-up\"
";
    let names = "changelog version tests tag build check testpypi push announce mirror pypi docs";
    let config = format!("carry = [\"src/demo/generated.py\"]\n{}{own}", stages(names));
    let blueprint = quick().file(".gitignore", "generated.py\n").config(&config);
    let project = blueprint.build();
    project.write("src/demo/generated.py", "x = 1\n");
    let report = converges(&project, "", 9);
    assert_eq!(report["left_out"].as_array().map(Vec::len), Some(3), "{}", report["left_out"]);
}

#[test]
fn pipelines_of_every_shape() {
    let all = "changelog version tag build check testpypi push pypi";
    let without = |stage: &str| stages(&all.replace(&format!("{stage} "), ""));
    let dev = stages(all).stage("testpypi").set("version", "dev");
    let local = Project::python("demo", "1.0.0").tagged("v1.0.0").backend(Backend::InTree);
    let shapes: [(&str, Blueprint, usize); 6] = [
        ("a rehearsal of its own", quick().config(&dev), 59),
        ("no rehearsal", quick().config(&without("testpypi")), 59),
        ("no push", quick().config(&without("push")), 53),
        ("no remote", local.config(QUICK), 59),
        (
            "nothing but a tag",
            quick().config("stages = [\"changelog\", \"version\", \"tag\", \"push\"]\n"),
            7,
        ),
        ("a subfolder", quick().in_subfolder("python/demo").config(QUICK), 41),
    ];
    for (shape, blueprint, every) in shapes {
        let report = converges(&blueprint.build(), "", every);
        assert!(outcomes(&report, "resume").contains(&"released"), "{shape}: {report:#}");
    }
}

#[test]
fn a_version_that_comes_from_the_tag() {
    let project = demo().backend(Backend::SetuptoolsScm).build();
    let report = converges(&project, "", 61);
    assert!(outcomes(&report, "rollback").contains(&"rolled-back"), "{report:#}");
}

#[test]
fn a_linked_worktree_and_a_detached_head() {
    let project = quick().config(QUICK).build();
    let worktree = project.sandbox().root().join("linked");
    let path = worktree.display().to_string();
    project.git(&["worktree", "add", "--quiet", "-b", "next", &path]);
    let report = project.pyrelease("drill minor --every 47 --format json").from(&worktree).code(0);
    assert!(outcomes(&report.events().pop().unwrap(), "resume").contains(&"released"), "{report}");
    project.git(&["checkout", "--quiet", "--detach"]);
    let config = Config::default().lines(QUICK).stage("push").set("branch", "main");
    project.write("release.toml", &config);
    let report = project.pyrelease("drill minor --every 47 --format json").code(0);
    assert!(outcomes(&report.events().pop().unwrap(), "resume").contains(&"released"), "{report}");
}

/// A command that creates a branch in the repository, and its `undo`.
fn branching(undo: &str) -> Config {
    stages("changelog version tag build check testpypi push branch pypi")
        .stage("branch")
        .set("run", ["git", "-C", "../../../../..", "branch", "--force", "docs"])
        .set("reach", "repository")
        .set("undo", ["sh", "-c", undo])
}

/// From the command's intent on there may be a branch to delete.
const AFTER_THE_BRANCH: &str = "--commands --points 93,98-100";

#[test]
fn an_undo_that_works_converges() {
    let project = quick().config(&branching("git branch -D docs || true")).build();
    let report = converges(&project, AFTER_THE_BRANCH, 1);
    assert_eq!(outcomes(&report, "rollback"), ["rolled-back"]);
    assert_eq!(outcomes(&report, "resume"), ["released"]);
}

#[test]
fn an_undo_that_undoes_nothing_is_found() {
    let project = quick().config(&branching("true")).build();
    let before = project.snapshot();
    let page = project.sandbox().root().join("drill.html");
    let options = format!("drill minor {AFTER_THE_BRANCH} --html");
    let outcome = project.pyrelease(&options).arg(&page).code(1);
    outcome.stdout_eq(str![[r#"
point  stage   killed                                                                 rollback  resume    seconds
93     branch  after the intent: command `git -C ../../../../.. branch --force docs`  undone    released  [SECONDS]
98     branch  after done: command `git -C ../../../../.. branch --force docs`        DIVERGED  released  [SECONDS]
99     branch  before the end of `branch`                                             DIVERGED  released  [SECONDS]
100    branch  during the end of `branch`                                             DIVERGED  released  [SECONDS]

4 kill points, 8 recoveries, 3 do not converge ([SECONDS])

"#]]).messages_eq(str![[r#"
error: 4 kill points, 8 recoveries, 3 do not converge ([SECONDS])
  98 after done: command `git -C ../../../../.. branch --force docs`
    rollback: unexpected ref `refs/heads/docs` ([OID])
  99 before the end of `branch`
    rollback: unexpected ref `refs/heads/docs` ([OID])
  100 during the end of `branch`
    rollback: unexpected ref `refs/heads/docs` ([OID])
help: the remaining files are in [ROOT][TEMPORARY]/diverged
help: to repeat it: `pyrelease drill minor --commands --points 98 --keep`

"#]]);
    project.assert_unchanged(&before);

    // The named folder has the state at the kill and the state after the recovery.
    let folder = word_after(&outcome, "the remaining files are in ");
    let world = Path::new(&folder).read_dir().unwrap().next().unwrap().unwrap().path();
    assert!(world.join("after-rollback/repository/.git/refs/heads/docs").is_file(), "{}", world.display());
    assert!(world.join("killed/remotes/origin.git/HEAD").is_file());
    // The named command reproduces it.
    let again = word_after(&outcome, "to repeat it: `pyrelease ");
    let again = again.trim_end_matches('`').replace(" --keep", "");
    assert_eq!(project.pyrelease(&again).run().status(), 1);

    let page = fs_err::read_to_string(page).unwrap();
    assert!(
        page.contains("unexpected ref <code>refs/heads/docs</code>") && page.contains("l-diverged"),
        "{page}"
    );
    for outside in ["<script", "src=", "<link", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    fs_err::remove_dir_all(Path::new(&folder).parent().unwrap()).unwrap();
}

/// The rest of the line after a text of the error.
#[track_caller]
fn word_after(outcome: &Outcome, text: &str) -> String {
    let rest = outcome.stderr().split(text).nth(1).unwrap_or_else(|| panic!("no {text:?} in {outcome}"));
    rest.lines().next().unwrap_or_default().to_owned()
}

#[cfg(target_os = "linux")]
#[test]
fn the_users_remotes_and_secrets_are_not_used() {
    let own = "
[stage.peek]
run = [\"sh\", \"-c\", \"cat /proc/$PPID/environ >> $PEEKED || echo hidden >> $PEEKED\"]

[stage.docs]
run = [\"sh\", \"-c\", \"touch $PUBLISHED\"]
reach = \"follow-up\"
";
    let names = "changelog version peek tag build check testpypi push pypi docs";
    let attempt = Attempt::configured(quick(), &format!("{}{own}", stages(names)));
    let project = &attempt.project;
    let [peeked, published] = ["peeked", "published"].map(|name| project.sandbox().root().join(name));
    let before = project.snapshot();
    let (rehearsal, public) = (attempt.rehearsal.password(), attempt.public.password());
    let outcome = project
        .pyrelease("drill minor --points 45,114 --html drill.html")
        .env("PYRELEASE_TOKEN_TESTPYPI", rehearsal.reveal())
        .env("TWINE_PASSWORD", public.reveal())
        .env("PEEKED", &peeked)
        .env("PUBLISHED", &published)
        .code(0);
    outcome.assert_shown("drill/what-publishes-is-not-run");

    let environment = fs_err::read(&peeked).unwrap();
    let environment = String::from_utf8_lossy(&environment);
    // Only root can read it.
    let is_hidden = environment.contains("hidden");
    assert!(is_hidden || environment.contains("PYRELEASE_TOKEN_TESTPYPI="), "one of its own");
    assert!(!published.exists(), "what publishes is not run");
    let page = project.folder().join("drill.html");
    assert!(fs_err::read_to_string(&page).unwrap().contains("all converge"));
    fs_err::remove_file(page).unwrap();
    project.assert_unchanged(&before);
    // Neither in the inspected files nor elsewhere
    attempt.left_nothing();
    attempt.was_not_rehearsed();
}

#[test]
fn what_cannot_be_drilled_is_said() {
    let project = quick().changelog("# Changelog\n\n## [Unreleased]\n").config(QUICK).build();
    let mut seen = Transcript::named("drill-refused");
    seen.add(&project.pyrelease("drill minor").code(3));
    seen.add(&project.pyrelease("drill minor --points 5/undo/3").code(2));
    seen.add(&project.pyrelease("drill --at nowhere").code(2));
    seen.assert();
    project.assert_no_debris();
}

#[test]
fn the_last_release_is_drilled_once_more() {
    let stages = "stages = [\"changelog\", \"version\", \"tag\", \"push\"]\n";
    let project = quick().config(stages).build();
    project.pyrelease("run --yes").code(0);
    let before = project.snapshot();
    let mut seen = Transcript::named("drill");
    seen.heading("nothing is new since the last release");
    seen.add(&project.pyrelease("drill").code(3));
    seen.add(&project.pyrelease("drill --at HEAD~1 --every 17").code(0));
    seen.assert();
    project.assert_unchanged(&before);
    project.assert_no_debris();
}
