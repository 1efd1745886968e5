//! `pyrelease rehearse`: the whole release in a copy, and the run that takes over what it prepared.

use std::path::{Path, PathBuf};

use pyrelease_test_support::{Config, Outcome, Project, str};
use serde_json::Value;

use super::failures::Attempt;
use super::json::conforms;
use super::{QUICK, quick};

const STAGES: &str = "changelog version tag build check testpypi push pypi";

fn attempt(config: &Config) -> Attempt {
    Attempt::configured(quick(), config)
}

fn stages(names: &str) -> Config {
    Config::stages(names).lines(QUICK)
}

/// Rehearses the release; returns what it leaves. Nothing else has changed.
#[track_caller]
fn rehearse(attempt: &Attempt, arguments: &str) -> Value {
    let before = attempt.project.snapshot();
    let outcome = attempt.project.pyrelease(&format!("rehearse {arguments} --yes --format json")).code(0);
    attempt.project.assert_unchanged(&before);
    assert!(attempt.public.files("demo").is_empty() && attempt.rehearsal.files("demo").is_empty());
    conforms("rehearse", &outcome)
        .into_iter()
        .find(|event| event["event"] == "rehearsed")
        .expect("the end of the rehearsal")
}

fn path(value: &Value) -> PathBuf {
    PathBuf::from(value.as_str().expect("a path"))
}

/// Releases, and tells which stages ran.
#[track_caller]
fn release(attempt: &Attempt, arguments: &str) -> Vec<String> {
    let outcome = attempt.project.pyrelease(&format!("run {arguments} --yes --format json")).code(0);
    let events = outcome.events();
    let started = events.iter().filter(|event| event["event"] == "stage-started");
    started.filter_map(|event| event["stage"].as_str()).map(str::to_owned).collect()
}

#[test]
fn a_rehearsal_leaves_the_files_the_page_and_the_report_and_changes_nothing_else() {
    let attempt = attempt(&stages(STAGES));
    let rehearsed = rehearse(&attempt, "minor");
    let folder = path(&rehearsed["folder"]);
    assert_eq!((&rehearsed["name"], &rehearsed["version"]), (&"demo".into(), &"1.1.0".into()));
    let built: Vec<String> = files(&folder.join("dist"));
    assert_eq!(built, ["demo-1.1.0-py3-none-any.whl", "demo-1.1.0.tar.gz"]);
    let page = fs_err::read_to_string(path(&rehearsed["page"])).unwrap();
    assert!(page.contains("project-description") && page.contains("1.1.0"), "{page}");
    let report = fs_err::read_to_string(path(&rehearsed["report"])).unwrap();
    assert!(report.contains("rehearsed in a copy"), "{report}");
    let next: Vec<&str> = rehearsed["next"]["stages"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|stage| stage["name"].as_str())
        .collect();
    assert_eq!(next, ["testpypi", "land", "push", "pypi"]);
    assert!(!folder.join("tree").exists(), "the copy is deleted");

    let listed = attempt.project.pyrelease("log --format json").code(0).json();
    assert_eq!(listed["outcome"], "rehearsed");
    let status = attempt.project.pyrelease("status").code(0);
    assert!(!status.stdout().contains("1.1.0"), "a rehearsal is no release: {}", status.stdout());
}

#[test]
fn a_run_takes_over_the_very_objects_and_files_of_the_rehearsal() {
    let attempt = attempt(&stages(STAGES));
    let rehearsed = rehearse(&attempt, "minor");
    let hashes: Vec<&str> =
        rehearsed["files"].as_array().unwrap().iter().filter_map(|file| file["sha256"].as_str()).collect();
    let bundle = path(&rehearsed["folder"]).join("release.bundle");
    let prepared = attempt.project.git(&["bundle", "list-heads", bundle.to_str().unwrap()]);

    assert_eq!(release(&attempt, "minor"), ["testpypi", "push", "pypi"]);
    let public = attempt.public.files("demo");
    assert!(public.len() == 2 && public.values().all(|hash| hashes.contains(&hash.as_str())), "{public:?}");
    let released = attempt.project.git(&["rev-parse", "HEAD", "v1.1.0"]);
    assert!(released.lines().all(|object| prepared.contains(object)), "{released} in {prepared}");
    attempt.project.assert_tree_clean();
    attempt.project.assert_version_files("1.1.0");
}

#[test]
fn a_run_that_fails_after_it_took_over_is_undone_and_the_next_takes_over_again() {
    let attempt = attempt(&stages(STAGES));
    rehearse(&attempt, "minor");
    let before = attempt.project.snapshot();
    attempt.project.remote().refuse_pushes("not on a Friday");
    attempt.project.pyrelease("run minor --yes").code(1);
    attempt.project.assert_unchanged(&before);
    fs_err::remove_file(attempt.project.remote().path().join("hooks/pre-receive")).expect("the hook");
    assert_eq!(release(&attempt, "minor"), ["testpypi", "push", "pypi"]);
    assert_eq!(attempt.public.files("demo"), attempt.rehearsal.files("demo"));
}

#[test]
fn what_differs_from_the_rehearsal_is_built_anew() {
    let attempt = attempt(&stages(STAGES));
    rehearse(&attempt, "minor");
    // Another version, and another commit
    let dry = attempt.project.pyrelease("run major --dry-run").code(0);
    assert!(!dry.stderr().contains("of rehearsal"), "{}", dry.stderr());
    attempt.project.write("README.md", "# demo\n\nAnother text.\n");
    attempt.project.commit("Change the text");
    assert_eq!(release(&attempt, "minor").len(), 8);
}

#[test]
fn files_that_were_changed_since_are_not_released() {
    let attempt = attempt(&stages(STAGES));
    let rehearsed = rehearse(&attempt, "minor");
    let wheel = path(&rehearsed["folder"]).join("dist/demo-1.1.0-py3-none-any.whl");
    fs_err::write(&wheel, "something else").unwrap();
    let released = attempt.project.pyrelease("run minor --yes").code(0);
    released.stderr_eq(str![[r#"
...
warning: rehearsal [..] cannot be used: `demo-1.1.0-py3-none-any.whl` was changed after it was built: sha256 [..], was [..]
help: the release is built again
...
"#]]);
    assert_eq!(attempt.public.files("demo").len(), 2);
}

#[test]
fn commands_that_reach_outside_take_part_only_if_they_say_so() {
    let outside = tempfile::tempdir().unwrap();
    let touch = |name: &str| format!("touch {}", outside.path().join(name).display());
    let config = Config::stages("changelog version tests tag build check testpypi push pypi docs site")
        .lines(QUICK)
        .stage("tests")
        .shell("echo generated > generated.txt")
        .stage("docs")
        .shell(&format!("cp generated.txt {}", outside.path().join("docs").display()))
        .set("reach", "follow-up")
        .stage("site")
        .shell(&touch("site"))
        .set("reach", "follow-up")
        .set("rehearse", true);
    let attempt = attempt(&config);
    attempt.project.write(".gitignore", "generated.txt\n");
    attempt.project.commit("Ignore what is generated");
    let rehearsed = rehearse(&attempt, "minor");
    assert_eq!(files(outside.path()), ["site"], "only what may take part ran");
    let left_out = rehearsed["left_out"].as_array().unwrap();
    assert_eq!(left_out.len(), 1, "{left_out:?}");
    let left_out = left_out[0].as_str().unwrap();
    assert!(left_out.starts_with("`docs` does not take part: a release runs `sh -c cp"), "{left_out}");

    // What the private command made is there for a later stage.
    assert_eq!(release(&attempt, "minor"), ["testpypi", "push", "pypi", "docs", "site"]);
    assert_eq!(files(outside.path()), ["docs", "site"]);
}

#[cfg(unix)]
#[test]
fn what_a_stage_left_replaces_a_link_and_is_not_written_through_it() {
    let outside = tempfile::tempdir().unwrap();
    let target = outside.path().join("target");
    fs_err::write(&target, "theirs").unwrap();
    let config = stages("changelog version tag build check late pypi").stage("late");
    let attempt = attempt(&config.shell("rm link && echo ours > link"));
    fs_err::os::unix::fs::symlink(&target, attempt.project.folder().join("link")).unwrap();
    attempt.project.commit("Add a link");
    rehearse(&attempt, "minor");
    assert_eq!(release(&attempt, "minor"), ["pypi"]);
    assert_eq!(fs_err::read_to_string(&target).unwrap(), "theirs");
    assert!(attempt.project.folder().join("link").is_symlink());
}

#[test]
fn a_private_stage_that_was_left_out_is_not_skipped_by_the_run() {
    let config =
        stages("changelog version tests tag build check pypi").stage("tests").shell("touch ../../ran");
    let attempt = attempt(&config.set("rehearse", false));
    rehearse(&attempt, "minor");
    assert_eq!(release(&attempt, "minor").len(), 7);
}

#[test]
fn a_stage_that_fails_fails_the_rehearsal_and_leaves_a_report() {
    let config = stages("changelog version tag build check broken pypi").stage("broken");
    let attempt = attempt(&config.shell("echo no >&2; exit 1").set("reach", "private"));
    let before = attempt.project.snapshot();
    let failed = attempt.project.pyrelease("rehearse minor --yes").code(1);
    attempt.project.assert_unchanged(&before);
    let (said, report) = (failed.stderr(), "nothing has left the copy; the report is in ");
    assert!(said.contains("error:") && said.contains(report) && !said.contains("resume"), "{said}");
    assert!(!said.contains("Rolled back"), "{said}");
    let logs: Vec<&str> = said.split('`').filter(|part| part.ends_with(".log")).collect();
    assert!(logs.len() == 1 && Path::new(logs[0]).is_file(), "{said}");
    let listed = attempt.project.pyrelease("log --format json").code(0).json();
    assert_eq!(listed["outcome"], "rehearsal-failed");
    let report = Path::new(listed["folder"].as_str().unwrap()).join("report.html");
    let report = fs_err::read_to_string(report).unwrap();
    assert!(report.contains("the rehearsal failed") && report.contains("<b>broken</b> failed:"), "{report}");
    attempt.project.pyrelease("status").code(0);
}

#[test]
fn a_failure_after_the_upload_to_the_copy_leaves_nothing_to_clear_up() {
    let config = stages("changelog version tag build check pypi after").stage("after");
    let config = config.shell("exit 1").set("reach", "public").set("rehearse", true);
    let attempt = attempt(&config);
    let failed = attempt.project.pyrelease("rehearse minor --yes").code(1);
    assert!(!failed.stderr().contains("resume"), "{}", failed.stderr());
    assert!(attempt.public.files("demo").is_empty());
    // A run is not refused for it, and fails in the same place.
    attempt.project.pyrelease("run minor --dry-run").code(0);
}

#[test]
fn what_would_refuse_a_run_refuses_its_rehearsal() {
    let attempt = attempt(&stages(STAGES));
    no_terminal(&attempt.project.pyrelease("rehearse minor").code(2));
    attempt.project.pyrelease("rehearse sideways --yes").code(2);
    attempt.project.write("src/demo/__init__.py", "__version__ = \"7\"\n");
    attempt.project.commit("Break the version");
    let refused = attempt.project.pyrelease("rehearse 0.9 --yes").code(3);
    assert!(refused.stderr().contains("error:"), "{}", refused.stderr());
    assert!(!runs(&attempt.project).exists() || files(&runs(&attempt.project)).is_empty());
}

#[track_caller]
fn no_terminal(refused: &Outcome) {
    refused.stderr_eq(str![[r#"
error: there is no terminal to ask on
help: pass `--yes` to rehearse without confirmation

"#]]);
}

#[cfg(unix)]
#[test]
fn a_rehearsal_that_was_killed_is_cleared_up_by_the_next_command() {
    let config = stages("changelog version tests tag build check pypi").stage("tests");
    let attempt = attempt(&config.shell("kill -9 $PPID; sleep 60"));
    let before = attempt.project.snapshot();
    let killed = attempt.project.pyrelease("rehearse minor --yes").run();
    assert_ne!(killed.status(), 0);
    attempt.project.assert_unchanged(&before);
    attempt.project.pyrelease("status").code(0);
    attempt.project.pyrelease("rollback --yes").run();
    assert_eq!(files(&runs(&attempt.project)), Vec::<String>::new(), "nothing is left of it");
}

fn runs(project: &Project) -> PathBuf {
    project.repository().join(".git/pyrelease/runs")
}

/// The names of the files in a folder, in order.
fn files(folder: &Path) -> Vec<String> {
    let entries = fs_err::read_dir(folder).expect("the folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
