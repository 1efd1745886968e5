//! A person at a terminal: asked once, and able to stop at any time.

use super::demo;
use super::failures::Attempt;
use pyrelease_test_support::{Config, str};

const QUESTION: &str = "Release demo 1.1.0? [y/N]";

#[test]
fn a_yes_releases() {
    let attempt = Attempt::at(demo());
    let outcome = attempt.project.pyrelease("run minor").on_a_terminal(&[(QUESTION, "y\n")]).code(0);
    outcome.stdout_eq(str![[r#"
note: untracked files are not released: `notes.txt`
help: `git add` and commit them if they belong to this release
demo 1.1.0 (now 1.0.0), tag v1.1.0, from main at [OID]
  in the run's own clone:
    changelog  write CHANGELOG.md
    version    write src/demo/__init__.py
    tag        commit "Release 1.1.0"
               tag v1.1.0
    build      build sdist and wheel with hatchling
    check      check every distribution by PyPI's rules
  rehearsal:
    testpypi   upload to testpypi (http://127.0.0.1:[PORT]/, release.toml); as 1.1.0.devN, with other bytes, if it already has other files of this version
  in the repository and its remote; undone if a later stage fails:
    land       land in your repository: main and tag v1.1.0
    push       push main and v1.1.0 to origin, atomically
  public; past this point the release can only be completed:
    pypi       upload to pypi (http://127.0.0.1:[PORT]/, release.toml)
Release demo 1.1.0? [y/N] y
   Releasing 1.1.0 (run [RUN])
     Writing CHANGELOG.md
     Writing src/demo/__init__.py
  Committing "Release 1.1.0"
     Tagging v1.1.0
    Building sdist and wheel with hatchling
       Using [..]
             demo-1.1.0-py3-none-any.whl ([SIZE], sha256 [SHA256])
             demo-1.1.0.tar.gz ([SIZE], sha256 [SHA256])
    Checking every distribution by PyPI's rules
   Uploading to testpypi (http://127.0.0.1:[PORT]/, release.toml)
    Uploaded demo-1.1.0-py3-none-any.whl to testpypi
    Uploaded demo-1.1.0.tar.gz to testpypi
     Landing in your repository: main and tag v1.1.0
     Pushing main and v1.1.0 to origin, atomically
  Publishing to pypi: past this point the release can only be completed
   Uploading to pypi (http://127.0.0.1:[PORT]/, release.toml)
    Uploaded demo-1.1.0-py3-none-any.whl to pypi
    Uploaded demo-1.1.0.tar.gz to pypi
    Released demo 1.1.0
     View at http://127.0.0.1:[PORT]/simple/demo/
     View at http://127.0.0.1:[PORT]/simple/demo/

"#]]);
    assert_eq!(attempt.public.files("demo").len(), 2);
}

#[test]
fn a_no_and_an_interrupt_at_the_question_change_nothing() {
    // An interrupt before anything was done ends the program as it ends any other: SIGINT is 2.
    for (answer, code) in [("n\n", 3), ("\n", 3), ("\u{3}", 130)] {
        let attempt = Attempt::at(demo());
        let before = attempt.project.snapshot();
        attempt.project.pyrelease("run minor").on_a_terminal(&[(QUESTION, answer)]).code(code);
        attempt.project.assert_unchanged(&before);
        attempt.left_nothing();
        attempt.was_not_rehearsed();
    }
}

#[test]
fn an_interrupt_while_it_works_undoes_everything() {
    let config = Config::stages("changelog version tag build check testpypi push wait pypi")
        .stage("wait")
        .set("run", ["sleep", "60"])
        .set("reach", "repository");
    let attempt = Attempt::configured(demo(), &config);
    let before = attempt.project.snapshot();
    let dialogue = [(QUESTION, "y\n"), ("Running `sleep 60`", "\u{3}")];
    let outcome = attempt.project.pyrelease("run minor").on_a_terminal(&dialogue).code(130);
    outcome.stdout_eq(str![[r#"
note: untracked files are not released: `notes.txt`
help: `git add` and commit them if they belong to this release
warning: [wait] if a later stage fails, the effects of `wait` stay: it has no `undo`
help: add `undo = [...]` to [stage.wait]
demo 1.1.0 (now 1.0.0), tag v1.1.0, from main at [OID]
  in the run's own clone:
    changelog  write CHANGELOG.md
    version    write src/demo/__init__.py
    tag        commit "Release 1.1.0"
               tag v1.1.0
    build      build sdist and wheel with hatchling
    check      check every distribution by PyPI's rules
  rehearsal:
    testpypi   upload to testpypi (http://127.0.0.1:[PORT]/, release.toml); as 1.1.0.devN, with other bytes, if it already has other files of this version
  in the repository and its remote; undone if a later stage fails:
    land       land in your repository: main and tag v1.1.0
    push       push main and v1.1.0 to origin, atomically
    wait       run `sleep 60`
  public; past this point the release can only be completed:
    pypi       upload to pypi (http://127.0.0.1:[PORT]/, release.toml)
Release demo 1.1.0? [y/N] y
   Releasing 1.1.0 (run [RUN])
     Writing CHANGELOG.md
     Writing src/demo/__init__.py
  Committing "Release 1.1.0"
     Tagging v1.1.0
    Building sdist and wheel with hatchling
       Using [..]
             demo-1.1.0-py3-none-any.whl ([SIZE], sha256 [SHA256])
             demo-1.1.0.tar.gz ([SIZE], sha256 [SHA256])
    Checking every distribution by PyPI's rules
   Uploading to testpypi (http://127.0.0.1:[PORT]/, release.toml)
    Uploaded demo-1.1.0-py3-none-any.whl to testpypi
    Uploaded demo-1.1.0.tar.gz to testpypi
     Landing in your repository: main and tag v1.1.0
     Pushing main and v1.1.0 to origin, atomically
     Running `sleep 60`
^C
interrupted: stopping the current step and undoing what can be undone (press again to stop at once)
     Undoing main and v1.1.0 at origin
     Undoing main in the repository and tag v1.1.0
     Keeping demo-1.1.0.tar.gz on testpypi: an index accepts a file name only once, so it stays used there; this does no harm
     Keeping demo-1.1.0-py3-none-any.whl on testpypi: an index accepts a file name only once, so it stays used there; this does no harm
 Rolled back the repository and its remote to their state before the release
error: interrupted
help: left on `testpypi`: demo-1.1.0-py3-none-any.whl, demo-1.1.0.tar.gz; the next run rehearses there as `.devN`, unless it builds the same bytes

"#]]);
    attempt.project.assert_unchanged(&before);
    attempt.left_nothing();
    attempt.was_rehearsed();
}

const LOOKED: &str = "`testpypi` is done. Go on with the release? [y/N]";

#[test]
fn a_pause_waits_until_somebody_has_looked() {
    let pause = "[stage.testpypi]\npause = true\n";
    let attempt = Attempt::configured(demo(), pause);
    let dialogue = [(QUESTION, "y\n"), (LOOKED, "y\n")];
    let outcome = attempt.project.pyrelease("run minor").on_a_terminal(&dialogue).code(0);
    let page = attempt.rehearsal.simple_url() + "demo/";
    assert!(outcome.stdout().contains(&format!("look at {page}")), "{outcome}");
    assert_eq!(attempt.public.files("demo").len(), 2);
    // Nobody is there to look, or somebody has said so.
    let attempt = Attempt::configured(demo(), pause);
    attempt.project.pyrelease("run minor --yes").code(0);
    let attempt = Attempt::configured(demo(), pause);
    attempt.project.pyrelease("run minor --yes").on_a_terminal(&[]).code(0);
}

#[test]
fn a_no_and_an_interrupt_in_a_pause_undo_everything() {
    for (answer, code) in [("n\n", 1), ("\u{3}", 130)] {
        let attempt = Attempt::configured(demo(), "[stage.testpypi]\npause = true\n");
        let before = attempt.project.snapshot();
        let dialogue = [(QUESTION, "y\n"), (LOOKED, answer)];
        attempt.project.pyrelease("run minor").on_a_terminal(&dialogue).code(code);
        attempt.project.assert_unchanged(&before);
        attempt.left_nothing();
        attempt.was_rehearsed();
    }
}

#[test]
fn notes_that_are_missing_are_written_in_the_editor() {
    let changelog = "# Changelog\n\n## 1.0.0\n\n- The first one.\n";
    let stages = "stages = [\"changelog\", \"version\", \"tag\"]\n";
    let project = demo().without_remote().changelog(changelog).config(stages).build();
    project.write("src/demo/flag.py", "FLAG = True\n");
    project.commit("Add a flag (#7)");
    const OPEN: &str = "Write them now in your editor? [y/N]";
    // A stranger's repository names no programs, and an editor needs no secrets.
    project.git(&["config", "core.editor", "touch ran-before-consent; true"]);
    let run = |editor: &str, dialogue: &[(&str, &str)]| {
        let run =
            project.pyrelease("run minor").env("EDITOR", editor).env("PYRELEASE_TOKEN_PYPI", "pypi-secret");
        run.on_a_terminal(dialogue)
    };
    // An editor that fails stops the release; what was typed is there again.
    let editor = project.sandbox().root().join("editor");
    fs_err::write(&editor, "printf '### Added\\n\\n- A flag.\\n' | cat - \"$1\" > \"$0.typed\"; cp \"$0.typed\" \"$1\"; test -z \"$PYRELEASE_TOKEN_PYPI\" && exit 7\n")
        .expect("a script in the sandbox");
    let failed = run(&format!("sh {}", editor.display()), &[(OPEN, "y\n")]).code(1);
    failed.stdout_eq(str![[r#"
`CHANGELOG.md` has no notes for 1.1.0. Write them now in your editor? [y/N] y
error: the editor `sh [ROOT]/editor` failed; nothing has been done
  caused by: exit status: 7
help: set another `EDITOR`, or pass `--notes FILE`

"#]]);
    assert!(!project.folder().join("ran-before-consent").exists());
    // Whoever does not want to is asked nothing else about it.
    run("false", &[(OPEN, "n\n"), (QUESTION, "n\n")]).code(3);
    let released = run("cat", &[(OPEN, "y\n"), (QUESTION, "y\n")]).code(0);
    released.stdout_eq(str![[r#"
`CHANGELOG.md` has no notes for 1.1.0. Write them now in your editor? [y/N] y
### Added

- A flag.
- Add a flag (#7)
- Write down what changed

# ------------------------ >8 ------------------------
The notes of demo 1.1.0 for CHANGELOG.md, drafted from the commits since v1.0.0.
Edit them above this line, save and close. Without any, the release goes on as if you had not been asked.
note: untracked files are not released: `notes.txt`
help: `git add` and commit them if they belong to this release
demo 1.1.0 (now 1.0.0), tag v1.1.0, from main at [OID]
  in the run's own clone:
    changelog  write CHANGELOG.md
    version    write src/demo/__init__.py
    tag        commit "Release 1.1.0"
               tag v1.1.0
  in the repository and its remote; undone if a later stage fails:
    land       land in your repository: main and tag v1.1.0
Release demo 1.1.0? [y/N] y
   Releasing 1.1.0 (run [RUN])
     Writing CHANGELOG.md
     Writing src/demo/__init__.py
  Committing "Release 1.1.0"
     Tagging v1.1.0
     Landing in your repository: main and tag v1.1.0
    Released demo 1.1.0

"#]]);
    let day = project.git(&["log", "-1", "--format=%cs"]);
    let expected = changelog.replace(
        "## 1.0.0",
        "## 1.1.0\n\n### Added\n\n- A flag.\n- Add a flag (#7)\n- Write down what changed\n\n## 1.0.0",
    );
    assert_eq!(project.read("CHANGELOG.md").replace(day.trim(), "DAY"), expected);
    project.assert_no_debris();
}

#[test]
fn a_live_line_shows_what_a_slow_stage_does() {
    let config = Config::stages("version tag slow")
        .stage("slow")
        .set("run", ["sh", "-c", "echo 'step one'; sleep 1"])
        .set("reach", "private");
    let project = demo().without_remote().config(&config).build();
    let run = project.pyrelease("run minor --yes").env("TERM", "xterm").on_a_terminal(&[]).code(0);
    let shown = run.stdout();
    let line = shown.find("[3/3] slow").expect("the line of the running stage");
    assert!(shown[line..].contains("step one"), "{run}");
    let took = shown.rfind("Took").expect("the times of the stages");
    assert!(shown[took..].contains("slow 1."), "{run}");
}
