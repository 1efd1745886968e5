//! Failures before the point of no return leave the repository, the working tree, the remote and the public index
//! unchanged.

use pyrelease_test_support::{Backend, Blueprint, IndexServer, Outcome, Project, Transcript, str};

use super::{QUICK, demo, quick};

/// A project ready to release, and the two servers
pub(crate) struct Attempt {
    pub(crate) project: Project,
    pub(super) rehearsal: IndexServer,
    pub(super) public: IndexServer,
}

impl Attempt {
    pub(super) fn at(blueprint: Blueprint) -> Self {
        Self::configured(blueprint, "")
    }

    pub(super) fn configured(blueprint: Blueprint, config: &str) -> Self {
        let (rehearsal, public) = IndexServer::two_pypiservers();
        Self::with(blueprint, config, rehearsal, public)
    }

    pub(crate) fn with(
        blueprint: Blueprint,
        config: &str,
        rehearsal: IndexServer,
        public: IndexServer,
    ) -> Self {
        let project = blueprint.releasing_to(&rehearsal, &public, config).build();
        project.pypirc(&[("testpypi", &rehearsal), ("pypi", &public)]);
        Self { project, rehearsal, public }
    }

    /// Tries to release 1.1.0; asserts this status, and that nothing has changed.
    #[track_caller]
    pub(crate) fn comes_to_nothing(&self, code: i32) -> Outcome {
        let before = self.project.snapshot();
        let outcome = self.project.pyrelease("run minor --yes").code(code);
        self.project.assert_unchanged(&before);
        self.left_nothing();
        outcome
    }

    #[track_caller]
    pub(super) fn left_nothing(&self) {
        self.project.assert_no_debris();
        assert!(self.public.files("demo").is_empty(), "{:?}", self.public.files("demo"));
        for server in [&self.rehearsal, &self.public] {
            self.project.assert_secret_nowhere(server.password());
        }
    }

    /// Asserts that it did not reach the rehearsal.
    #[track_caller]
    pub(super) fn was_not_rehearsed(&self) {
        assert!(self.rehearsal.files("demo").is_empty(), "{:?}", self.rehearsal.files("demo"));
    }

    /// Asserts that it was rehearsed; the files stay on the rehearsal index.
    #[track_caller]
    pub(crate) fn was_rehearsed(&self) {
        assert_eq!(self.rehearsal.files("demo").len(), 2);
    }
}

#[test]
fn a_broken_backend() {
    let pyproject = "\
[build-system]
requires = []
build-backend = \"broken\"
backend-path = [\"backend\"]

[project]
name = \"demo\"
version = \"1.0.0\"
description = \"Says hello\"
";
    let backend = "\
def build_sdist(directory, settings=None):
    raise RuntimeError('the backend has a bad day')

build_wheel = build_sdist
";
    let attempt = Attempt::at(demo().file("pyproject.toml", pyproject).file("backend/broken.py", backend));
    let outcome = attempt.comes_to_nothing(1);
    assert!(outcome.stderr().contains("error: `broken` failed (exit status: 1)"), "{outcome}");
    assert!(outcome.stderr().contains("the backend has a bad day"), "{outcome}");
    attempt.was_not_rehearsed();
}

#[test]
fn a_readme_that_does_not_render() {
    let pyproject = "\
[build-system]
requires = [\"hatchling >= 1.27\"]
build-backend = \"hatchling.build\"

[project]
name = \"demo\"
version = \"1.0.0\"
description = \"Says hello\"
readme = \"README.rst\"
";
    let readme = "demo\n====\n\n.. no-such-directive:: here\n";
    let attempt = Attempt::at(demo().file("pyproject.toml", pyproject).file("README.rst", readme));
    attempt.comes_to_nothing(3).assert_error_shown("failures/a-readme-that-does-not-render");
    attempt.was_not_rehearsed();
}

#[test]
fn an_empty_changelog() {
    let changelog =
        "# Changelog\n\n## [Unreleased]\n\n## [1.0.0] - 2026-01-15\n\n### Added\n\n- The first one.\n";
    let attempt = Attempt::at(demo().changelog(changelog));
    attempt.comes_to_nothing(3).messages_eq(str![[r#"
error: [changelog] `CHANGELOG.md`: the Unreleased section on line 3 is empty
help: add the changes for users below line 3; headings and comments do not count; or set `required = false` in [stage.changelog]
error: the release was refused; nothing has been done

"#]]);
    attempt.was_not_rehearsed();
}

#[test]
fn a_changelog_that_is_named_and_missing() {
    let attempt = Attempt::configured(demo(), "[stage.changelog]\nfile = \"NEWS.md\"\n");
    attempt.comes_to_nothing(3).messages_eq(str![[r#"
error: [changelog] there is no `NEWS.md` in the project's last commit
error: the release was refused; nothing has been done

"#]]);
    attempt.was_not_rehearsed();
}

#[test]
fn a_version_that_the_changelog_has_already() {
    let changelog =
        "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- x\n\n## [1.1.0] - 2026-02-01\n\n### Added\n\n- y\n";
    let attempt = Attempt::at(demo().changelog(changelog));
    attempt.comes_to_nothing(3).messages_eq(str![[r#"
error: [changelog] `CHANGELOG.md`: the changelog already has a section for `1.1.0`, on line 9
help: choose another version, or move the lines of that section to Unreleased
error: the release was refused; nothing has been done

"#]]);
    attempt.was_not_rehearsed();
}

#[test]
fn a_taken_tag() {
    let attempt = Attempt::at(demo().tagged("v1.1.0"));
    attempt.comes_to_nothing(3).assert_error_shown("failures/a-taken-tag");
    attempt.was_not_rehearsed();
}

#[test]
fn a_tag_that_only_the_remote_has() {
    let attempt = Attempt::at(demo());
    attempt.project.remote().git(&["tag", "v1.1.0", "main"]);
    attempt.comes_to_nothing(3).messages_eq(str![[r#"
error: [tag] tag `v1.1.0` already exists at `origin`
help: this version is already released: run `git fetch --tags` to get its tag
error: the release was refused; nothing has been done

"#]]);
    attempt.was_not_rehearsed();
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let changelog =
        "# Changelog\n\n## [Unreleased]\n\n## [1.0.0] - 2026-01-15\n\n### Added\n\n- The first one.\n";
    let attempt = Attempt::at(demo().changelog(changelog).tagged("v1.1.0"));
    attempt.project.remote().move_branch();
    let outcome = attempt.comes_to_nothing(3);
    outcome.messages_eq(str![[r#"
error: [changelog] `CHANGELOG.md`: the Unreleased section on line 3 is empty
help: add the changes for users below line 3; headings and comments do not count; or set `required = false` in [stage.changelog]
error: [tag] tag `v1.1.0` already exists
help: it points at [OID]; choose another version
error: [push] `main` at `origin` has commits that you do not have
help: run `git pull origin main`, then release
error: the release was refused for 3 reasons; nothing has been done

"#]]);
    attempt.was_not_rehearsed();
}

#[test]
fn a_remote_that_moved() {
    let attempt = Attempt::at(demo());
    attempt.project.remote().move_branch();
    attempt.comes_to_nothing(3).messages_eq(str![[r#"
error: [push] `main` at `origin` has commits that you do not have
help: run `git pull origin main`, then release
error: the release was refused; nothing has been done

"#]]);
    attempt.was_not_rehearsed();
}

#[test]
fn a_remote_that_moves_meanwhile() {
    let config = "\
stages = [\"changelog\", \"version\", \"tag\", \"build\", \"check\", \"testpypi\", \"rival\", \"push\", \"pypi\"]

[stage.rival]
run = [\"sh\", \"-c\", \"exec sh \\\"$RIVAL\\\"\"]
reach = \"rehearsal\"
";
    let attempt = Attempt::configured(demo(), config);
    let project = &attempt.project;
    let before = project.snapshot();
    let main = project.head();

    project.pyrelease("run minor --yes").env("RIVAL", project.remote().rival()).code(1);

    // The other person's commit is still there, and nothing else.
    let theirs = project.remote_refs()["refs/heads/main"].clone();
    assert_eq!(project.remote().git(&["log", "-1", "--format=%s", &theirs]), "Be first");
    project.remote().git(&["update-ref", "refs/heads/main", &main]);
    project.assert_unchanged(&before);
    attempt.left_nothing();
    attempt.was_rehearsed();
}

#[test]
fn a_push_that_a_hook_refuses() {
    let attempt = Attempt::at(demo());
    attempt.project.remote().refuse_pushes("not on a Friday");
    attempt.comes_to_nothing(1).messages_eq(str![[r#"
error: `git push` to `origin` failed
  remote: not on a Friday
  error: failed to push some refs to '[ROOT]/remote.git'
  refs/heads/main: [remote rejected] (pre-receive hook declined)
  refs/tags/v1.1.0: [remote rejected] (pre-receive hook declined)
help: left on `testpypi`: demo-1.1.0-py3-none-any.whl, demo-1.1.0.tar.gz; the next run rehearses there as `.devN`, unless it builds the same bytes

"#]]);
    attempt.was_rehearsed();
}

/// The remote would accept the branch, but the push is atomic.
#[test]
fn a_tag_that_a_hook_refuses() {
    let attempt = Attempt::at(demo());
    let script = "case \"$1\" in refs/tags/*) echo 'no tags today' >&2; exit 1;; esac\n";
    attempt.project.remote().hook("update", script);
    attempt.comes_to_nothing(1).messages_eq(str![[r#"
error: `git push` to `origin` failed
  remote: no tags today
  remote: error: hook declined to update refs/tags/v1.1.0
  error: failed to push some refs to '[ROOT]/remote.git'
  refs/heads/main: [remote rejected] (atomic push failure)
  refs/tags/v1.1.0: [remote rejected] (hook declined)
help: left on `testpypi`: demo-1.1.0-py3-none-any.whl, demo-1.1.0.tar.gz; the next run rehearses there as `.devN`, unless it builds the same bytes

"#]]);
    attempt.was_rehearsed();
}

#[test]
fn a_commit_that_the_users_own_hook_refuses() {
    let attempt = Attempt::at(demo());
    let hook = attempt.project.repository().join(".git/hooks/pre-commit");
    fs_err::create_dir_all(hook.parent().unwrap()).unwrap();
    fs_err::write(&hook, "#!/bin/sh\necho 'the linter is not amused' >&2\nexit 1\n").unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs_err::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    attempt.comes_to_nothing(1).assert_error_shown("failures/a-commit-that-the-users-own-hook-refuses");
    attempt.was_not_rehearsed();
}

#[test]
fn a_failing_command() {
    let config = "\
stages = [\"changelog\", \"version\", \"tag\", \"build\", \"check\", \"acceptance\", \"testpypi\", \"push\", \"pypi\"]

[stage.acceptance]
run = [\"sh\", \"-c\", \"echo not acceptable; touch README.md litter.txt; exit 7\"]
";
    let attempt = Attempt::configured(demo(), config);
    attempt.comes_to_nothing(1).assert_error_shown("failures/a-failing-command");
    attempt.was_not_rehearsed();
}

/// A public release stays public even if its trial fails: the run is over, and the next version can be released.
#[test]
fn a_failing_trial_of_what_is_public() {
    let mut seen = Transcript::named("failures/a-failing-trial-of-what-is-public");
    let stages = "stages = [\"changelog\", \"version\", \"tag\", \"build\", \"check\", \"push\", \"pypi\", \"docs\"]\n";
    let docs = "[stage.docs]\nrun = [\"true\"]\nreach = \"follow-up\"\n";
    let trial = "[stage.pypi]\ninstall = true\nsmoke = \"python -c 'raise SystemExit(7)'\"\n";
    let attempt = Attempt::configured(quick(), &format!("{stages}{docs}{trial}{QUICK}"));
    let project = &attempt.project;
    let outcome = project.pyrelease("run minor --yes").code(5);
    seen.add_error(&outcome);
    assert_eq!(attempt.public.files("demo").len(), 2);
    seen.add(&project.pyrelease("status").code(0));
    seen.add(&project.pyrelease("resume --yes").code(0));
    seen.assert();
}

#[test]
fn a_failing_command_after_the_push() {
    let config = "\
stages = [\"changelog\", \"version\", \"tag\", \"build\", \"check\", \"testpypi\", \"push\", \"last-look\", \"pypi\"]

[stage.last-look]
run = [\"sh\", \"-c\", \"git -C \\\"$REMOTE\\\" rev-parse v1.1.0 && echo seen at the remote && exit 7\"]
reach = \"repository\"
";
    let attempt = Attempt::configured(demo(), config);
    let remote = attempt.project.remote().path().to_owned();
    let before = attempt.project.snapshot();
    let outcome = attempt.project.pyrelease("run minor --yes").env("REMOTE", remote).code(1);
    outcome.assert_error_shown("failures/a-failing-command-after-the-push");
    attempt.project.assert_unchanged(&before);
    attempt.left_nothing();
    attempt.was_rehearsed();
}

#[test]
fn a_command_that_does_not_exist() {
    let config = "\
stages = [\"changelog\", \"version\", \"tag\", \"build\", \"check\", \"acceptance\", \"testpypi\", \"push\", \"pypi\"]

[stage.acceptance]
run = [\"no-such-command-of-the-test\"]
";
    let attempt = Attempt::configured(demo(), config);
    let before = attempt.project.snapshot();
    let outcome = attempt.project.pyrelease("run minor --yes").run();
    outcome.code_in(&[1, 3]).assert_shown("failures/a-command-that-does-not-exist");
    attempt.project.assert_unchanged(&before);
    attempt.left_nothing();
    attempt.was_not_rehearsed();
}

#[test]
fn a_first_index_that_refuses_everything() {
    let attempt = Attempt::with(demo(), "", IndexServer::refusing(), IndexServer::pypiserver());
    attempt.comes_to_nothing(1).messages_eq(str![[r#"
error: `testpypi` refused `demo-1.1.0-py3-none-any.whl`: no reason given (HTTP 403)
help: the credentials are from `[testpypi]` of `[ROOT]/home/.pypirc`
help: these credentials do not permit uploads to the index; nothing was stored, and the refusal uses up no file name

"#]]);
    attempt.was_not_rehearsed();
}

#[test]
fn a_second_index_that_refuses_everything() {
    let attempt = Attempt::with(demo(), "", IndexServer::pypiserver(), IndexServer::refusing());
    attempt.comes_to_nothing(1).messages_eq(str![[r#"
error: `pypi` refused `demo-1.1.0-py3-none-any.whl`: no reason given (HTTP 403)
help: the credentials are from `[pypi]` of `[ROOT]/home/.pypirc`
help: these credentials do not permit uploads to the index; nothing was stored, and the refusal uses up no file name
help: left on `testpypi`: demo-1.1.0-py3-none-any.whl, demo-1.1.0.tar.gz; the next run rehearses there as `.devN`, unless it builds the same bytes

"#]]);
    attempt.was_rehearsed();
}

/// devpi-server is the rehearsal here, and the version is in the tag: nothing of that matters for the way back.
#[test]
fn a_second_index_that_refuses_everything_with_a_version_from_the_tag() {
    let blueprint = demo().backend(Backend::SetuptoolsScm);
    let attempt = Attempt::with(blueprint, "", IndexServer::devpi(), IndexServer::refusing());
    attempt.comes_to_nothing(1).messages_eq(str![[r#"
error: `pypi` refused `demo-1.1.0-py3-none-any.whl`: no reason given (HTTP 403)
help: the credentials are from `[pypi]` of `[ROOT]/home/.pypirc`
help: these credentials do not permit uploads to the index; nothing was stored, and the refusal uses up no file name
help: left on `testpypi`: demo-1.1.0-py3-none-any.whl, demo-1.1.0.tar.gz; the next run rehearses there as `.devN`, unless it builds the same bytes

"#]]);
    attempt.was_rehearsed();
}

/// A failed attempt does not block the next one: its file names are used up, so the next attempt is rehearsed under a
/// version of its own, and the release succeeds.
#[test]
fn a_failure_that_was_mended() {
    let attempt = Attempt::at(demo().backend(Backend::Flit));
    let project = &attempt.project;
    let hook = project.remote().path().join("hooks/pre-receive");
    project.remote().refuse_pushes("not on a Friday");
    attempt.comes_to_nothing(1);
    fs_err::remove_file(hook).unwrap();

    let mut config = project.read("release.toml");
    config.push_str("\n[stage.testpypi]\ninstall = true\nsmoke = \"python -c 'import demo'\"\n");
    project.write("release.toml", &config);
    project.write("README.md", "# demo\n\nSays something else.\n");
    project.commit("Try what was uploaded");

    project.pyrelease("run minor --yes").code(0);
    let rehearsed: Vec<String> = attempt.rehearsal.files("demo").into_keys().collect();
    assert!(rehearsed.contains(&"demo-1.1.0.dev1.tar.gz".to_owned()), "{rehearsed:?}");
    let published: Vec<String> = attempt.public.files("demo").into_keys().collect();
    assert_eq!(published, ["demo-1.1.0-py3-none-any.whl", "demo-1.1.0.tar.gz"]);
    assert_eq!(project.tag_target("v1.1.0"), project.head());
    assert_eq!(project.remote_refs()["refs/heads/main"], project.head());
}

/// A version that comes from the tag can be rehearsed as a development release, too.
#[test]
fn a_rehearsal_of_its_own_with_a_version_from_the_tag() {
    for backend in [Backend::SetuptoolsScm, Backend::HatchVcs] {
        let attempt = Attempt::configured(demo().backend(backend), "[stage.testpypi]\nversion = \"dev\"\n");
        attempt.project.pyrelease("run minor --yes").code(0);
        let rehearsed: Vec<String> = attempt.rehearsal.files("demo").into_keys().collect();
        assert_eq!(rehearsed, ["demo-1.1.0.dev1-py3-none-any.whl", "demo-1.1.0.dev1.tar.gz"]);
    }
}

#[test]
fn an_order_that_could_not_be_undone() {
    let config = "stages = [\"changelog\", \"version\", \"tag\", \"build\", \"check\", \"pypi\", \"testpypi\", \"push\"]\n";
    let attempt = Attempt::configured(demo(), config);
    attempt.comes_to_nothing(2).messages_eq(str![[r#"
error: `testpypi` (rehearsal) comes after `pypi` (public): if it fails, what `pypi` did is already out
 --> release.toml:1:68
  |
1 | stages = ["changelog", "version", "tag", "build", "check", "pypi", "testpypi", "push"]
  |                                                                    ^^^^^^^^^^
help: an order that works: stages = ["changelog", "version", "tag", "build", "check", "testpypi", "push", "pypi"]

"#]]);
    attempt.was_not_rehearsed();
}

#[test]
fn without_confirmation() {
    let attempt = Attempt::at(demo());
    let before = attempt.project.snapshot();
    attempt.project.pyrelease("run minor").code(2).messages_eq(str![[r#"
error: there is no terminal to ask on
help: pass `--yes` to release without confirmation

"#]]);
    attempt.project.assert_unchanged(&before);
    attempt.left_nothing();
    attempt.was_not_rehearsed();
}

/// A dry run performs every check and changes nothing.
#[test]
fn a_dry_run() {
    let attempt = Attempt::at(demo());
    let before = attempt.project.snapshot();
    attempt.project.pyrelease("run minor --dry-run").code(0);
    attempt.project.pyrelease("plan minor").code(0);
    attempt.project.assert_unchanged(&before);
    attempt.left_nothing();
    attempt.was_not_rehearsed();
}
