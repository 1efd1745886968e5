//! Attempts after one that failed after its rehearsal: with the same bytes, or under a version of their own.

use std::collections::BTreeMap;

use pyrelease_test_support::{Invocation, Outcome, str};
use serde_json::Value;

use super::drilled::Local;

const WHEEL: &str = "demo-1.1.0-py3-none-any.whl";
const SDIST: &str = "demo-1.1.0.tar.gz";
const DEV_WHEEL: &str = "demo-1.1.0.dev1-py3-none-any.whl";

/// An attempt that fails at the push.
#[track_caller]
fn fails(local: &Local) -> Outcome {
    fails_when(local, |run| run)
}

#[track_caller]
fn fails_when<'a>(local: &'a Local, set: impl FnOnce(Invocation<'a>) -> Invocation<'a>) -> Outcome {
    local.project.remote().refuse_pushes("not on a Friday");
    let failed = set(local.pyrelease("run minor --yes")).code(1);
    fs_err::remove_file(local.project.remote().path().join("hooks/pre-receive")).expect("the hook");
    failed
}

/// A correction, so that the next build gives other bytes.
fn correct(local: &Local, text: &str) {
    local.project.write("README.md", &format!("# demo\n\n{text}\n"));
    local.project.commit("Correct the text");
}

/// A project whose rehearsal index has another attempt at 1.1.0.
fn attempted(config: &str) -> (Local, BTreeMap<String, String>) {
    let local = Local::configured(config);
    fails(&local);
    correct(&local, "Says what it should.");
    let left = local.rehearsal.files();
    (local, left)
}

#[test]
fn the_same_bytes_are_a_success() {
    let local = Local::new();
    // The build uses the time of the release commit.
    fn at_one_moment(run: Invocation<'_>) -> Invocation<'_> {
        run.env("GIT_COMMITTER_DATE", "2026-02-01T12:00:00Z")
    }
    let failed = fails_when(&local, at_one_moment);
    failed.messages_eq(str![[r#"
error: `git push` to `origin` failed
  remote: not on a Friday
  error: failed to push some refs to '[ROOT]/remote.git'
  refs/heads/main: [remote rejected] (pre-receive hook declined)
  refs/tags/v1.1.0: [remote rejected] (pre-receive hook declined)
help: left on `testpypi`: demo-1.1.0-py3-none-any.whl, demo-1.1.0.tar.gz; the next run rehearses there as `.devN`, unless it builds the same bytes

"#]]);
    let again = at_one_moment(local.pyrelease("run minor --yes --format json")).code(0);
    assert!(!again.stdout().contains("dev1\""), "{again}");
    local.is_released(local.project.folder());
}

#[test]
fn other_bytes_are_rehearsed_under_a_version_of_their_own() {
    let (local, left) = attempted("");
    let plan = local.pyrelease("plan minor").code(0);
    plan.stdout_eq(str![[r#"
demo 1.1.0 (now 1.0.0), tag v1.1.0, from main at [OID]
  in the run's own clone:
    changelog  write CHANGELOG.md
    version    write pyproject.toml
    tag        commit "Release 1.1.0"
               tag v1.1.0
    build      build sdist and wheel with python -m build
    check      check every distribution by PyPI's rules
  rehearsal:
    testpypi   upload to testpypi (http://127.0.0.1:[PORT]/legacy/, release.toml); as 1.1.0.devN, with other bytes, if it already has other files of this version
  in the repository and its remote; undone if a later stage fails:
    land       land in your repository: main and tag v1.1.0
    push       push main and v1.1.0 to origin, atomically
  public; past this point the release can only be completed:
    pypi       upload to pypi (http://127.0.0.1:[PORT]/legacy/, release.toml)

"#]]);
    let dry = local.pyrelease("run minor --dry-run").code(0);
    dry.stderr_eq(str![[r#"
note: untracked files are not released: `notes.txt`
help: `git add` and commit them if they belong to this release
note: [testpypi] `testpypi` has demo 1.1.0 already: demo-1.1.0-py3-none-any.whl, demo-1.1.0.tar.gz
help: if the build gives other bytes, the release is rehearsed as 1.1.0.dev1 or later, and what is tried there are not the bytes that are published
demo 1.1.0 (now 1.0.0), tag v1.1.0, from main at [OID]
  in the run's own clone:
    changelog  write CHANGELOG.md
    version    write pyproject.toml
    tag        commit "Release 1.1.0"
               tag v1.1.0
    build      build sdist and wheel with python -m build
    check      check every distribution by PyPI's rules
  rehearsal:
    testpypi   upload to testpypi (http://127.0.0.1:[PORT]/legacy/, release.toml); as 1.1.0.devN, with other bytes, if it already has other files of this version
  in the repository and its remote; undone if a later stage fails:
    land       land in your repository: main and tag v1.1.0
    push       push main and v1.1.0 to origin, atomically
  public; past this point the release can only be completed:
    pypi       upload to pypi (http://127.0.0.1:[PORT]/legacy/, release.toml)
             all preflight checks passed; nothing has been done

"#]]);
    local.pyrelease("doctor minor").code(0).messages_eq(str![[r#"
note: [testpypi] `testpypi` has demo 1.1.0 already: demo-1.1.0-py3-none-any.whl, demo-1.1.0.tar.gz
help: if the build gives other bytes, the release is rehearsed as 1.1.0.dev1 or later, and what is tried there are not the bytes that are published

"#]]);
    assert_eq!(local.rehearsal.files(), left);

    let failed = fails(&local);
    failed.messages_eq(str![[r#"
note: [testpypi] `testpypi` has demo 1.1.0 already: demo-1.1.0-py3-none-any.whl, demo-1.1.0.tar.gz
help: if the build gives other bytes, the release is rehearsed as 1.1.0.dev1 or later, and what is tried there are not the bytes that are published
warning: [testpypi] `testpypi` has other bytes under demo-1.1.0-py3-none-any.whl and demo-1.1.0.tar.gz: the release is rehearsed under a version of its own
help: what is tried there are not the bytes that are published
error: `git push` to `origin` failed
  remote: not on a Friday
  error: failed to push some refs to '[ROOT]/remote.git'
  refs/heads/main: [remote rejected] (pre-receive hook declined)
  refs/tags/v1.1.0: [remote rejected] (pre-receive hook declined)
help: left on `testpypi`: demo-1.1.0.dev1-py3-none-any.whl, demo-1.1.0.dev1.tar.gz; the next run rehearses there as `.devN`, unless it builds the same bytes

"#]]);
    assert!(local.public.files().is_empty());

    correct(&local, "Says what it should, at last.");
    let released = local.pyrelease("run minor --yes --probe --format json").code(0);
    let is_upload = |event: &&Value| event["event"] == "action" && event["action"]["action"] == "upload";
    let versions: Vec<Value> =
        released.events().iter().filter(is_upload).map(|event| event["action"]["version"].clone()).collect();
    assert_eq!(versions, [Value::from("1.1.0.dev2"), Value::Null], "{released}");
    assert_eq!(local.public.files().keys().collect::<Vec<_>>(), [WHEEL, SDIST]);
    let rehearsed = local.rehearsal.files();
    assert!(
        rehearsed.len() == 6 && left.iter().all(|(name, hash)| rehearsed[name] == *hash),
        "{rehearsed:?}"
    );

    // Files of another attempt do not block the release.
    let status = local.status();
    for file in status["files"].as_array().unwrap() {
        let expected = if file["rehearsal"] == true { "testpypi" } else { "pypi" };
        let indexes = file["indexes"].as_array().unwrap();
        assert!(indexes.len() == 1 && indexes[0]["index"] == expected, "{status}");
        assert_eq!(indexes[0]["state"], "same", "{status}");
    }
}

/// The points of a release that is rehearsed under a version of its own: `MOMENT WHAT`.
fn points() -> Vec<String> {
    let (local, _) = attempted("");
    let list = local.project.sandbox().root().join("points");
    local.pyrelease("run minor --yes").env("PYRELEASE_DRILL", format!("list:{}", list.display())).code(0);
    let text = fs_err::read_to_string(list).expect("the list of points");
    let point = |line: &str| {
        let point: Value = serde_json::from_str(line).expect("a point in JSON");
        let field = |name: &str| point[name].as_str().expect("a point has it").to_owned();
        format!("{} {}", field("moment"), field("what"))
    };
    text.lines().map(point).collect()
}

/// Killed during a rehearsal under its own version, or around it: completed or undone, and the rehearsal is never
/// published.
#[test]
fn killed_on_the_way_it_is_finished_or_undone() {
    let points = points();
    let at = |moment: &str, what: &str| {
        let number = points.iter().position(|point| point.starts_with(moment) && point.contains(what));
        number.unwrap_or_else(|| panic!("no {moment} {what} among {points:#?}")) + 1
    };
    let first = at("after-record", &format!("intent: {DEV_WHEEL} on testpypi"));
    let second = at("before-record", "intent: demo-1.1.0.dev1.tar.gz on testpypi");
    let public = at("after-record", &format!("intent: {SDIST} on pypi"));
    for (number, way) in [(first, "rollback"), (second, "resume"), (public, "resume")] {
        let (local, left) = attempted("");
        let killed =
            local.pyrelease("run minor --yes").env("PYRELEASE_DRILL", format!("kill:{number}")).run();
        assert_eq!(killed.status(), -1, "{killed}");
        let next = local.status()["next"].clone();
        assert!(next.as_array().unwrap().contains(&format!("pyrelease {way}").into()), "{next}");
        local.pyrelease(&format!("{way} --yes")).code(0);
        let rehearsed = local.rehearsal.files();
        assert!(left.iter().all(|(name, hash)| rehearsed[name] == *hash), "{rehearsed:?}");
        match way {
            "rollback" => assert!(local.public.files().is_empty()),
            _ => assert_eq!(local.public.files(), local.built(), "{way} from {number}"),
        }
    }
}

/// Files of another attempt on a rehearsal index neither contradict the release nor are used for it.
#[test]
fn a_lost_journal_takes_nothing_from_another_attempt() {
    let points = points();
    let number = points.iter().position(|point| *point == format!("after-record intent: {SDIST} on pypi"));
    let number = number.unwrap_or_else(|| panic!("no such point among {points:#?}")) + 1;
    let (local, left) = attempted("");
    let killed = local.pyrelease("run minor --yes").env("PYRELEASE_DRILL", format!("kill:{number}")).run();
    assert_eq!(killed.status(), -1, "{killed}");
    let wheel = local.public.files()[WHEEL].clone();
    let own = local.run_folder();
    let built = local.built();
    fs_err::remove_dir_all(own).unwrap();
    let resumed = local.pyrelease("resume --yes").code(0);
    resumed.stderr_eq(str![[r#"
             demo 1.1.0 was being released, but its journal is lost; found:
               demo-1.1.0-py3-none-any.whl (sha256 [SHA256]) on pypi: public, and used as it is
               no sdist found: it is built from tag v1.1.0
             remaining stages: build, check, pypi
    Building sdist and wheel with python -m build
             demo-1.1.0-py3-none-any.whl ([SIZE], sha256 [SHA256])
             demo-1.1.0.tar.gz ([SIZE], sha256 [SHA256])
    Checking every distribution by PyPI's rules
    Skipping testpypi: the release is public in part: there is nothing left to rehearse
    Skipping push: the remote already has the branch and the tag
   Uploading to pypi (http://127.0.0.1:[PORT]/legacy/, release.toml)
             demo-1.1.0-py3-none-any.whl on pypi: done before the run was interrupted
    Uploaded demo-1.1.0-py3-none-any.whl to pypi (uploaded before the run was interrupted)
    Uploaded demo-1.1.0.tar.gz to pypi
    Released demo 1.1.0
     View at http://127.0.0.1:[PORT]/simple/demo/

"#]]);
    let public = local.public.files();
    assert_eq!((&public[WHEEL], public.len()), (&wheel, 2));
    assert_ne!(public[SDIST], left[SDIST], "{built:?}");
}
