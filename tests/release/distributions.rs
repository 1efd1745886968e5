//! Which distributions a release has: an sdist alone, and wheels that a stage after `build` replaces or adds.

use std::ffi::OsStr;

use pyrelease_test_support::{Blueprint, Config, Python, Transcript, str};

use super::drilled::Local;
use super::order::MAKE;
use super::quick;

const SDIST: &str = "demo-1.1.0.tar.gz";
const REPAIRED: &str = "demo-1.1.0-py3-none-manylinux_2_28_x86_64.whl";
const SDIST_ONLY: &str = "[stage.build]\nisolation = false\nwheels = \"none\"\n";

fn names(local: &Local) -> Vec<String> {
    local.public.files().into_keys().collect()
}

/// A release that is only an sdist: both indexes have it, and nothing else.
#[track_caller]
fn has_an_sdist_only(local: &Local) {
    assert_eq!(names(local), [SDIST]);
    assert_eq!(local.rehearsal.files(), local.public.files());
    local.project.assert_no_debris();
}

#[test]
fn an_sdist_alone_is_planned_and_released() {
    let local = Local::configured(SDIST_ONLY);
    let plan = local.pyrelease("plan minor").code(0);
    plan.stdout_eq(str![[r#"
demo 1.1.0 (now 1.0.0), tag v1.1.0, from main at [OID]
  in the run's own clone:
    changelog  write CHANGELOG.md
    version    write pyproject.toml
    tag        commit "Release 1.1.0"
               tag v1.1.0
    build      build sdist with python -m build
    check      check every distribution by PyPI's rules
  rehearsal:
    testpypi   upload to testpypi (http://127.0.0.1:[PORT]/legacy/, release.toml); as 1.1.0.devN, with other bytes, if it already has other files of this version
  in the repository and its remote; undone if a later stage fails:
    land       land in your repository: main and tag v1.1.0
    push       push main and v1.1.0 to origin, atomically
  public; past this point the release can only be completed:
    pypi       upload to pypi (http://127.0.0.1:[PORT]/legacy/, release.toml)

"#]]);
    let json = local.pyrelease("plan minor --format json").code(0);
    let build = serde_json::json!({"action": "build", "frontend": "python -m build", "sdist_only": true});
    let json = &json.json()["plan"];
    let stages = json["stages"].as_array().expect("the stages of a plan");
    assert!(stages.iter().any(|stage| stage["actions"][0] == build), "{json}");
    local.pyrelease("run minor --yes").code(0).stderr_eq(str![[r#"
note: untracked files are not released: `notes.txt`
help: `git add` and commit them if they belong to this release
demo 1.1.0 (now 1.0.0), tag v1.1.0, from main at [OID]
   Releasing 1.1.0 (run [RUN])
     Writing CHANGELOG.md
     Writing pyproject.toml
  Committing "Release 1.1.0"
     Tagging v1.1.0
    Building sdist with python -m build
             demo-1.1.0.tar.gz ([SIZE], sha256 [SHA256])
    Checking every distribution by PyPI's rules
   Uploading to testpypi (http://127.0.0.1:[PORT]/legacy/, release.toml)
    Uploaded demo-1.1.0.tar.gz to testpypi
     Landing in your repository: main and tag v1.1.0
     Pushing main and v1.1.0 to origin, atomically
  Publishing to pypi: past this point the release can only be completed
   Uploading to pypi (http://127.0.0.1:[PORT]/legacy/, release.toml)
    Uploaded demo-1.1.0.tar.gz to pypi
    Released demo 1.1.0
     View at http://127.0.0.1:[PORT]/simple/demo/
     View at http://127.0.0.1:[PORT]/simple/demo/

"#]]);
    has_an_sdist_only(&local);
}

#[test]
fn options_of_the_frontend_select_the_distributions() {
    let local = Local::configured("[stage.build]\nisolation = false\noptions = [\"--sdist\"]\n");
    local.pyrelease("run minor --yes").code(0);
    has_an_sdist_only(&local);
    let local = Local::configured("[stage.build]\nisolation = false\noptions = [\"--wheel\"]\n");
    local.pyrelease("run minor --yes").code(0);
    assert_eq!(names(&local), ["demo-1.1.0-py3-none-any.whl"]);
}

#[test]
fn uv_builds_an_sdist_alone() {
    let local = Local::configured(&format!("{SDIST_ONLY}frontend = \"uv\"\n"));
    let path = local.project.sandbox().environment().remove(OsStr::new("PATH")).unwrap_or_default();
    let folders = [Python::with_uv().programs()].into_iter().chain(std::env::split_paths(&path));
    let path = std::env::join_paths(folders).expect("folders of a PATH");
    local.pyrelease("run minor --yes").env("PATH", path).code(0);
    has_an_sdist_only(&local);
}

#[test]
fn an_sdist_alone_is_rehearsed_under_a_version_of_its_own() {
    let local = Local::configured(&format!("{SDIST_ONLY}\n[stage.testpypi]\nversion = \"dev\"\n"));
    local.pyrelease("run minor --yes").code(0);
    assert_eq!(names(&local), [SDIST]);
    let rehearsed: Vec<String> = local.rehearsal.files().into_keys().collect();
    assert_eq!(rehearsed, ["demo-1.1.0.dev1.tar.gz"]);
}

#[test]
fn an_sdist_alone_is_a_complete_release_after_its_journal_is_lost() {
    let local = Local::configured(SDIST_ONLY);
    local.killed("done: demo-1.1.0.tar.gz on pypi");
    let published = local.public.files();
    fs_err::remove_dir_all(local.project.repository().join(".git/pyrelease")).expect("its folder");
    let resumed = local.pyrelease("resume --yes").code(0);
    assert!(!resumed.stderr().contains("wheel"), "{resumed}");
    assert_eq!(local.public.files(), published);
    has_an_sdist_only(&local);
}

/// Gives the wheel for Linux another tag, as `auditwheel repair` does.
const REPAIR: &str = r#"import base64, hashlib, os, pathlib, zipfile

dist = pathlib.Path(os.environ["PYRELEASE_DIST"])
[old] = dist.glob("*-linux_x86_64.whl")
new = dist / old.name.replace("-linux_", "-manylinux_2_28_")
with zipfile.ZipFile(old) as archive:
    files = {name: archive.read(name) for name in archive.namelist()}
record = next(name for name in files if name.endswith("/RECORD"))
wheel = record.replace("RECORD", "WHEEL")
files[wheel] = files[wheel].replace(b"-linux_", b"-manylinux_2_28_")
del files[record]
digest = lambda content: base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
lines = [f"{name},sha256={digest(content)},{len(content)}\n" for name, content in files.items()]
with zipfile.ZipFile(new, "w") as archive:
    for name, content in files.items():
        archive.writestr(zipfile.ZipInfo(name), content)
    archive.writestr(zipfile.ZipInfo(record), "".join(lines) + f"{record},,\n")
old.unlink()
"#;

const STAGES: &str = r#"stages = ["changelog", "version", "tag", "build", "own", "check", "testpypi", "push", "pypi"]
"#;

/// A project whose backend builds a wheel for Linux that PyPI does not take
fn native() -> Blueprint {
    quick().file("backend/platforms", "linux_x86_64").file("repair.py", REPAIR)
}

fn repairing(more: &str) -> Local {
    let own = "[stage.own]\nrun = [\"python3\", \"-B\", \"repair.py\"]\n";
    Local::of(native(), &format!("{STAGES}{own}{more}"))
}

/// The indexes have the sdist and the repaired wheel, with the bytes in the run's folder.
#[track_caller]
fn is_released_repaired(local: &Local) {
    assert_eq!(names(local), [REPAIRED, SDIST]);
    assert_eq!(local.rehearsal.files(), local.public.files());
    local.project.assert_tree_clean();
    let log = local.pyrelease("log --last").code(0);
    let sha256 = &local.public.files()[REPAIRED];
    let uploads: Vec<&str> = log.stdout().lines().filter(|line| line.contains(".whl on ")).collect();
    assert!(!uploads.is_empty() && uploads.iter().all(|line| line.contains(REPAIRED)), "{log}");
    let status = local.pyrelease("status --format json").code(0);
    assert!(status.stdout().contains(sha256), "{status}");
    assert!(!status.stdout().contains("none-linux_x86_64"), "{status}");
}

#[test]
fn a_stage_after_build_replaces_a_wheel() {
    for more in ["", "gives = [\"distributions\"]\n"] {
        let local = repairing(more);
        let outcome = local.pyrelease("run minor --yes").code(0);
        outcome.stderr_eq(str![[r#"
note: untracked files are not released: `notes.txt`
help: `git add` and commit them if they belong to this release
demo 1.1.0 (now 1.0.0), tag v1.1.0, from main at [OID]
   Releasing 1.1.0 (run [RUN])
     Writing CHANGELOG.md
     Writing pyproject.toml
  Committing "Release 1.1.0"
     Tagging v1.1.0
    Building sdist and wheel with python -m build
             demo-1.1.0-py3-none-linux_x86_64.whl ([SIZE], sha256 [SHA256])
             demo-1.1.0.tar.gz ([SIZE], sha256 [SHA256])
     Running `python3 -B repair.py`
             demo-1.1.0-py3-none-manylinux_2_28_x86_64.whl ([SIZE], sha256 [SHA256])
    Checking every distribution by PyPI's rules
   Uploading to testpypi (http://127.0.0.1:[PORT]/legacy/, release.toml)
    Uploaded demo-1.1.0-py3-none-manylinux_2_28_x86_64.whl to testpypi
    Uploaded demo-1.1.0.tar.gz to testpypi
     Landing in your repository: main and tag v1.1.0
     Pushing main and v1.1.0 to origin, atomically
  Publishing to pypi: past this point the release can only be completed
   Uploading to pypi (http://127.0.0.1:[PORT]/legacy/, release.toml)
    Uploaded demo-1.1.0-py3-none-manylinux_2_28_x86_64.whl to pypi
    Uploaded demo-1.1.0.tar.gz to pypi
    Released demo 1.1.0
     View at http://127.0.0.1:[PORT]/simple/demo/
     View at http://127.0.0.1:[PORT]/simple/demo/

"#]]);
        is_released_repaired(&local);
    }
}

#[test]
fn a_release_with_a_replaced_wheel_is_resumed_after_a_kill() {
    for point in [
        "stage-done own",
        "stage-done check",
        &format!("done: {REPAIRED} on testpypi"),
        "done: main and v1.1.0 at origin",
    ] {
        let local = repairing("");
        local.killed(point);
        let built = local.built();
        assert!(built.contains_key(REPAIRED), "{built:?}");
        local.pyrelease("resume --yes").code(0);
        is_released_repaired(&local);
        if point != "stage-done own" {
            assert_eq!(local.public.files()[REPAIRED], built[REPAIRED], "{point}");
        }
    }
}

#[test]
fn a_replaced_wheel_is_not_replaced_again_after_the_journal_is_lost() {
    let local = repairing("gives = [\"distributions\"]\n");
    local.killed(&format!("done: {REPAIRED} on pypi"));
    let published = local.public.files();
    fs_err::remove_dir_all(local.project.repository().join(".git/pyrelease")).expect("its folder");
    let answers = [("Publish it?", "y\n"), ("Finish the release", "y\n")];
    local.pyrelease("resume").on_a_terminal(&answers).code(0);
    assert_eq!(local.public.files()[REPAIRED], published[REPAIRED]);
    is_released_repaired(&local);
}

/// Only the configuration tells that the stage has nothing left to do.
#[test]
fn after_its_journal_is_lost_a_release_asks_for_what_a_stage_gives() {
    let local = repairing("");
    local.killed(&format!("done: {REPAIRED} on pypi"));
    let published = local.public.files();
    fs_err::remove_dir_all(local.project.repository().join(".git/pyrelease")).expect("its folder");
    let answers = [("Publish it?", "y\n"), ("Finish the release", "y\n")];
    let failed = local.pyrelease("resume").on_a_terminal(&answers).code(4);
    failed.messages_eq(str![[r#"
error: `own` failed after the point of no return: `python3 -B repair.py` failed (exit status: 1)
  Traceback (most recent call last):
    File "[ROOT]/demo/.git/pyrelease/runs/[RUN]/tree/repair.py", line 4, in <module>
      [old] = dist.glob("*-linux_x86_64.whl")
      ^^^^^
  ValueError: not enough values to unpack (expected 1, got 0)
help: its complete output is in `[ROOT]/demo/.git/pyrelease/runs/[RUN]/own.log`
help: if it changes the distributions, set gives = ["distributions"] in [stage.own], so that a release whose files were found skips it; then run `pyrelease rollback --leave` and `pyrelease resume`
help: demo-1.1.0-py3-none-manylinux_2_28_x86_64.whl on pypi is public; finish the release with `pyrelease resume`

"#]]);
    assert_eq!(local.public.files(), published);

    let config = local.project.read("release.toml");
    let config = config.replace("[stage.own]\n", "[stage.own]\ngives = [\"distributions\"]\n");
    local.project.write("release.toml", &config);
    local.pyrelease("rollback --leave --yes").code(0);
    local.pyrelease("resume --yes").code(0);
    assert_eq!(names(&local), [REPAIRED, SDIST]);
    assert_eq!(local.public.files()[REPAIRED], published[REPAIRED]);
}

#[test]
fn a_stage_after_build_leaves_distributions_of_the_release_only() {
    let mut seen =
        Transcript::named("distributions/a-stage-after-build-leaves-distributions-of-the-release-only");
    for script in [
        "rm $PYRELEASE_DIST/*",
        "rm -r $PYRELEASE_DIST",
        "echo Hello > $PYRELEASE_DIST/notes.txt",
        "mkdir $PYRELEASE_DIST/wheels",
        "cp $PYRELEASE_DIST/*.whl $PYRELEASE_DIST/demo.whl",
        "cp $PYRELEASE_DIST/*.whl $PYRELEASE_DIST/demo-1.0.0-py3-none-any.whl",
        "cp $PYRELEASE_DIST/*.whl $PYRELEASE_DIST/domo-1.1.0-py3-none-any.whl",
        "cd $PYRELEASE_DIST && mv *.whl .. && ln -s ../*.whl .",
        "mv $PYRELEASE_DIST $PYRELEASE_DIST.old && ln -s dist.old $PYRELEASE_DIST",
    ] {
        let gives = if script.starts_with("rm") { "" } else { "gives = [\"distributions\"]\n" };
        let own = Config::default().lines(STAGES).stage("own").shell(script).lines(gives);
        let local = Local::configured(&own);
        let before = local.project.snapshot();
        let outcome = local.pyrelease("run minor --yes").code(1);
        seen.add_error(&outcome);
        local.project.assert_unchanged(&before);
        local.project.assert_no_debris();
        assert!(local.rehearsal.files().is_empty());
    }
    seen.assert();
}

#[test]
fn files_that_belong_to_a_distribution_are_left_alone() {
    let script = "touch .gitignore && for file in demo-*; do touch $file.asc; done";
    let script = ["cd $PYRELEASE_DIST && ", script].concat();
    let local = Local::configured(&Config::default().lines(STAGES).stage("own").shell(&script));
    local.pyrelease("run minor --yes").code(0);
    local.is_released(local.project.folder());
}

#[test]
fn distributions_change_only_between_build_and_check() {
    let late = STAGES.replace("\"own\", \"check\"", "\"check\", \"own\"");
    let early = STAGES.replace("\"build\", \"own\"", "\"own\", \"build\"");
    let mut seen = Transcript::named("distributions/distributions-change-only-between-build-and-check");
    for stages in [&late, &early] {
        let script = "cat /dev/null >> $PYRELEASE_DIST/demo-1.1.0-1-py3-none-any.whl\n";
        let own = "[stage.own]\nrun = [\"sh\", \"own.sh\"]\n";
        let local = Local::of(quick().file("own.sh", script), &format!("{stages}{own}"));
        let before = local.project.snapshot();
        let outcome = local.pyrelease("run minor --yes").code(1);
        seen.add_error(&outcome);
        local.project.assert_unchanged(&before);
    }
    seen.assert();
}

/// A command that names the folder of the distributions makes them, before `build` or instead of it.
#[test]
fn a_command_makes_distributions_without_declaring_it() {
    let make = "[stage.own]\nrun = [\"sh\", \"-c\", \"python3 -B make.py $PYRELEASE_DIST\"]\n";
    let clean = "[stage.own]\nrun = [\"sh\", \"-c\", \"rm -f $PYRELEASE_DIST/*\"]\n";
    let early = STAGES.replace("\"build\", \"own\"", "\"own\", \"build\"");
    let instead = STAGES.replace("\"build\", \"own\"", "\"own\"");
    for (stages, own) in [(&instead, make), (&early, make), (&early, clean)] {
        let local = Local::of(quick().file("make.py", MAKE), &format!("{stages}{own}"));
        local.pyrelease("run minor --yes").code(0);
        local.is_released(local.project.folder());
    }
    let local = Local::configured(&format!("{instead}{clean}"));
    let outcome = local.pyrelease("run minor --yes").code(1);
    outcome.messages_eq(str![[r#"
error: `own` gives the `distributions`, but there are none in `[ROOT]/demo/.git/pyrelease/runs/[RUN]/dist`
help: leave them in the folder that PYRELEASE_DIST names

"#]]);
}
