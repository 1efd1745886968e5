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
    build      build sdist and wheel with python -m build
    check      check every distribution by PyPI's rules
  rehearsal:
    testpypi   upload to testpypi (http://127.0.0.1:[PORT]/, release.toml); as 1.1.0.devN if it already has other files of this version, and then with other bytes than the published ones
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
    Building sdist and wheel with python -m build
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
    build      build sdist and wheel with python -m build
    check      check every distribution by PyPI's rules
  rehearsal:
    testpypi   upload to testpypi (http://127.0.0.1:[PORT]/, release.toml); as 1.1.0.devN if it already has other files of this version, and then with other bytes than the published ones
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
    Building sdist and wheel with python -m build
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
