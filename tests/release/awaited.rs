//! A CI workflow publishes what the push of the tag starts, and the release waits for it and compares.

use std::path::Path;
use std::time::{Duration, Instant};

use pyrelease_test_support::{Blueprint, IndexServer, Project, Python, Running, Transcript, str};

use super::quick;

/// A workflow that publishes to an index on the pushed tag
pub(super) fn workflow_file(index: &IndexServer) -> String {
    format!(
        "on:\n  push:\n    tags: ['v*']\njobs:\n  publish:\n    runs-on: ubuntu-latest\n    steps:\n      \
         - run: python -m build\n      - run: twine upload --repository-url {} dist/*\n",
        index.upload_url()
    )
}

pub(super) fn config(index: &IndexServer, more: &str) -> String {
    format!(
        "stages = [\"changelog\", \"version\", \"tag\", \"build\", \"check\", \"push\", \"pypi\"]\n\n\
         [stage.build]\nisolation = false\n\n[index.pypi]\nupload = \"{}\"\nsimple = \"{}\"\n\n\
         [stage.pypi]\nby = \"workflow\"\n{more}",
        index.upload_url(),
        index.simple_url()
    )
}

/// A project whose workflow publishes, and the index, for which nobody here has credentials
pub(super) struct Scene {
    pub(super) project: Project,
    pub(super) index: IndexServer,
}

impl Scene {
    fn new(more: &str) -> Self {
        Self::of(quick(), more)
    }

    fn of(blueprint: Blueprint, more: &str) -> Self {
        let index = IndexServer::pypiserver();
        let blueprint = blueprint.file(".github/workflows/release.yml", &workflow_file(&index));
        Self { project: blueprint.config(&config(&index, more)).build(), index }
    }

    /// Plays the workflow as soon as the tag is at the remote: builds what `alter` makes of it, and uploads. `keep` chooses
    /// the files.
    fn publish(&self, alter: impl Fn(&Path), keep: impl Fn(&str) -> bool, reproducibly: bool) {
        wait_until("the tag is pushed", || self.project.remote_refs().contains_key("refs/tags/v1.1.0"));
        self.publish_now(alter, keep, reproducibly);
    }

    /// Plays the workflow.
    pub(super) fn publish_now(&self, alter: impl Fn(&Path), keep: impl Fn(&str) -> bool, reproducibly: bool) {
        let sandbox = self.project.sandbox();
        let folder = sandbox.root().join("ci");
        let (remote, at) = (self.project.remote().path().display().to_string(), folder.display().to_string());
        sandbox.git(sandbox.root(), &["clone", "--quiet", "--branch=v1.1.0", &remote, &at]);
        alter(&folder);
        let time = sandbox.git(&folder, &["log", "-1", "--format=%ct"]);
        let epoch: &[(&str, &str)] = if reproducibly { &[("SOURCE_DATE_EPOCH", &time)] } else { &[] };
        self.python(&folder, &["-m", "build", "--no-isolation"], epoch);
        let dist =
            fs_err::read_dir(folder.join("dist")).into_iter().flatten().flatten().map(|file| file.path());
        let names: Vec<String> =
            dist.map(|path| path.display().to_string()).filter(|path| keep(path)).collect();
        let url = self.index.upload_url();
        let upload = ["-m", "twine", "upload", "--non-interactive", "--repository-url", &url];
        let files: Vec<&str> = upload.into_iter().chain(names.iter().map(String::as_str)).collect();
        let login =
            [("TWINE_USERNAME", self.index.username()), ("TWINE_PASSWORD", self.index.password().reveal())];
        self.python(&folder, &files, &login);
        fs_err::remove_dir_all(folder).expect("our own folder");
    }

    fn python(&self, folder: &Path, args: &[&str], variables: &[(&str, &str)]) {
        let sandbox = self.project.sandbox();
        let command = sandbox.command_with(folder, Python::get().program(), args, variables);
        let output = command.stderr_to_stdout().stdout_capture().unchecked().run().expect("Python runs");
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stdout));
    }

    /// Kills the run as soon as it waits for the workflow.
    pub(super) fn kill_when_waiting(&self) -> impl FnOnce(&Running<'_>) + Send + '_ {
        |running| {
            self.wait_for_stage();
            running.signal("KILL");
        }
    }

    fn wait_for_stage(&self) {
        let begun = "{\"type\":\"stage-begun\",\"stage\":\"pypi\"}";
        wait_until("the release waits", || self.journal().contains(begun));
    }

    pub(super) fn journal(&self) -> String {
        let runs = self.project.repository().join(".git/pyrelease/runs");
        let runs = fs_err::read_dir(runs).into_iter().flatten().flatten();
        runs.filter_map(|run| fs_err::read_to_string(run.path().join("journal.jsonl")).ok()).collect()
    }

    /// Asserts that the release is complete here, at the remote and in public.
    #[track_caller]
    pub(super) fn is_released(&self) {
        let project = &self.project;
        assert_eq!(self.index.files("demo").len(), 2);
        assert_eq!(project.tag_target("v1.1.0"), project.head());
        assert_eq!(project.remote_refs()["refs/heads/main"], project.head());
        project.assert_tree_clean();
        project.assert_no_debris();
        project.pyrelease("resume --yes").code(0).messages_eq(str![]);
    }
}

pub(super) fn all(_: &str) -> bool {
    true
}

pub(super) fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < until, "in vain until {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn the_workflow_publishes_and_nothing_here_has_credentials() {
    let scene = Scene::new("");
    let project = &scene.project;
    project.pyrelease("plan minor").code(0).assert_shown("awaited/plan");
    let outcome =
        project.pyrelease("run minor --yes").meanwhile(|_| scene.publish(|_| {}, all, false)).code(0);
    let same = "rebuilt by the workflow, with the same metadata as here: demo-1.1.0-py3-none-any.whl";
    assert!(outcome.stderr().contains(same), "{outcome}");
    outcome.messages_eq(str![[r#"
note: [pypi] the push of tag `v1.1.0` starts the workflow that uploads to http://127.0.0.1:[PORT]/ with twine upload (`.github/workflows/release.yml`, line 9)

"#]]);
    scene.is_released();
    assert!(!scene.journal().contains("\"kind\":\"upload\""), "nothing was sent from here");
}

#[test]
fn the_same_bytes_are_said_to_be_the_same() {
    let scene = Scene::new("install = true\nsmoke = \"python -c 'import demo'\"\n");
    let run = scene.project.pyrelease("run minor --yes");
    let outcome = run.meanwhile(|_| scene.publish(|_| {}, all, true)).code(0);
    for said in [
        "the same bytes as built here: demo-1.1.0-py3-none-any.whl, demo-1.1.0.tar.gz",
        "1.1.0 installs from pypi, and `python -c 'import demo'` passed",
    ] {
        assert!(outcome.stderr().contains(said), "{outcome}");
    }
    outcome.messages_eq(str![[r#"
note: [pypi] the push of tag `v1.1.0` starts the workflow that uploads to http://127.0.0.1:[PORT]/ with twine upload (`.github/workflows/release.yml`, line 9)

"#]]);
    scene.is_released();
}

#[test]
fn killed_while_it_waits_and_completed() {
    let scene = Scene::new("");
    let project = &scene.project;
    let run = project.pyrelease("run minor --yes");
    assert_eq!(run.meanwhile(scene.kill_when_waiting()).run().status(), -1);

    project.pyrelease("status").code(0).assert_shown("awaited/status");
    let refs = project.remote_refs();
    let refused = project.pyrelease("rollback --yes").code(4);
    refused.messages_eq(str![[r#"
error: a workflow publishes main and v1.1.0 at origin, so the push cannot be undone
help: finish the release: `pyrelease resume`
help: or keep everything as it is, and end the run: `pyrelease rollback --leave`

"#]]);
    assert_eq!(project.remote_refs(), refs, "the tag stays");

    let resumed = project.pyrelease("resume --yes").meanwhile(|_| scene.publish(|_| {}, all, false)).code(0);
    resumed.messages_eq(str![]);
    scene.is_released();
}

#[test]
fn interrupted_by_the_user_and_completed_without_the_built_files() {
    let scene = Scene::new("");
    let project = &scene.project;
    let interrupt = |running: &Running<'_>| {
        scene.wait_for_stage();
        running.signal("INT");
    };
    let outcome = project.pyrelease("run minor --yes").meanwhile(interrupt).code(4);
    outcome.messages_eq(str![[r#"
note: [pypi] the push of tag `v1.1.0` starts the workflow that uploads to http://127.0.0.1:[PORT]/ with twine upload (`.github/workflows/release.yml`, line 9)
error: `pypi` failed after the point of no return: interrupted
help: a workflow publishes main and v1.1.0 at origin; finish the release with `pyrelease resume`

"#]]);
    let runs = project.repository().join(".git/pyrelease/runs");
    for run in fs_err::read_dir(runs).unwrap() {
        let dist = run.unwrap().path().join("dist");
        fs_err::read_dir(dist)
            .into_iter()
            .flatten()
            .for_each(|file| fs_err::remove_file(file.unwrap().path()).unwrap());
    }
    project.pyrelease("status").code(0).stdout_eq(str![[r#"
demo 1.1.0: interrupted in `pypi`
  run       [RUN]
  folder    [ROOT]/demo/.git/pyrelease/runs/[RUN]
  failed    pypi: interrupted
  stages    changelog ✓, version ✓, tag ✓, build ✓, check ✓, push ✓, pypi
  done      main in the repository and tag v1.1.0
  done      main and v1.1.0 at origin

  file                         sha256        here  pypi
  demo-1.1.0-py3-none-any.whl  [SHA256]      gone  absent
  demo-1.1.0.tar.gz            [SHA256]      gone  absent

  ref         at      now         state
  main        here    [OID]       as the run made it
  tag v1.1.0  here    [OID]       as the run made it
  main        origin  [OID]       as the run made it
  tag v1.1.0  origin  [OID]       as the run made it

note: a workflow publishes main and v1.1.0 at origin: the release can only be completed
note: `resume` waits until `pypi` lists what the workflow publishes

next: pyrelease resume

"#]]);
    scene.publish(|_| {}, all, false);
    let resumed = project.pyrelease("resume --yes").code(0);
    resumed.messages_eq(str![]);
    scene.is_released();
}

#[test]
fn the_release_stays_interrupted_when_the_time_is_over() {
    let scene = Scene::new("wait = \"2s\"\n");
    let project = &scene.project;
    let outcome = project.pyrelease("run minor --yes").code(4);
    outcome.assert_error_shown("awaited/out-of-time");
    project.pyrelease("status").code(0).stdout_eq(str![[r#"
demo 1.1.0: interrupted in `pypi`
  run       [RUN]
  folder    [ROOT]/demo/.git/pyrelease/runs/[RUN]
  failed    pypi: demo 1.1.0 is not complete on `pypi` after [SECONDS]: it lists no file of this version
  stages    changelog ✓, version ✓, tag ✓, build ✓, check ✓, push ✓, pypi
  done      main in the repository and tag v1.1.0
  done      main and v1.1.0 at origin

  file                         sha256        here     pypi
  demo-1.1.0-py3-none-any.whl  [SHA256]      present  absent
  demo-1.1.0.tar.gz            [SHA256]      present  absent

  ref         at      now         state
  main        here    [OID]       as the run made it
  tag v1.1.0  here    [OID]       as the run made it
  main        origin  [OID]       as the run made it
  tag v1.1.0  origin  [OID]       as the run made it

note: a workflow publishes main and v1.1.0 at origin: the release can only be completed
note: `resume` waits until `pypi` lists what the workflow publishes

next: pyrelease resume

"#]]);
    // What was checked here may be uploaded by hand instead.
    scene.publish(|_| {}, all, false);
    project.pyrelease("resume --yes").code(0);
    scene.is_released();
}

#[test]
fn what_differs_is_said_and_the_release_ends_with_5() {
    let scene = Scene::new("");
    let alter = |folder: &Path| {
        let module = folder.join("src/demo/__init__.py");
        let text = fs_err::read_to_string(&module).unwrap();
        fs_err::write(&module, format!("{text}\nEXTRA = 1\n")).unwrap();
        let backend = folder.join("backend/in_tree.py");
        let text = fs_err::read_to_string(&backend).unwrap();
        fs_err::write(&backend, text.replace("Requires-Python: >=3.9", "Requires-Python: >=3.8")).unwrap();
        fs_err::write(folder.join("README.md"), "# Another\n").unwrap();
    };
    let run = scene.project.pyrelease("run minor --yes");
    let outcome = run.meanwhile(|_| scene.publish(alter, all, false)).code(5);
    outcome.assert_error_shown("awaited/differences");
    scene.is_released();
    scene.project.pyrelease("status").code(0).stdout_eq(str![[r#"
demo 1.1.0: released
  run       [RUN]
  folder    [ROOT]/demo/.git/pyrelease/runs/[RUN]
  stages    changelog ✓, version ✓, tag ✓, build ✓, check ✓, push ✓, pypi ✓
  done      main in the repository and tag v1.1.0
  done      main and v1.1.0 at origin

  file                         sha256        here     pypi
  demo-1.1.0-py3-none-any.whl  [SHA256]      present  rebuilt: [SHA256]
  demo-1.1.0.tar.gz            [SHA256]      present  rebuilt: [SHA256]

  ref         at      now         state
  main        here    [OID]       as the run made it
  tag v1.1.0  here    [OID]       as the run made it
  main        origin  [OID]       as the run made it
  tag v1.1.0  origin  [OID]       as the run made it

"#]]);
}

#[test]
fn fewer_and_more_files_than_were_built_here() {
    let scene = Scene::new("settle = \"2s\"\n");
    let platforms = |folder: &Path| {
        fs_err::write(folder.join("backend/platforms"), "win_amd64 manylinux_2_28_x86_64\n").unwrap();
    };
    let wheels = |name: &str| name.ends_with(".whl");
    let run = scene.project.pyrelease("run minor --yes");
    let outcome = run.meanwhile(|_| scene.publish(platforms, wheels, false)).code(5);
    outcome.messages_eq(str![[r#"
note: [pypi] the push of tag `v1.1.0` starts the workflow that uploads to http://127.0.0.1:[PORT]/ with twine upload (`.github/workflows/release.yml`, line 9)
warning: [pypi] demo-1.1.0-py3-none-any.whl was built here and is not published
warning: [pypi] demo-1.1.0.tar.gz was built here, and no sdist is published
error: released, but `pypi` has something else than was built and checked here: demo-1.1.0.tar.gz was built here, and no sdist is published
help: the run is over, and users can install the release
help: if the release is broken, yank it on the index, and release the next version

"#]]);
}

#[test]
fn a_workflow_that_is_not_there_is_refused_before_the_push() {
    let index = IndexServer::pypiserver();
    let project = quick().config(&config(&index, "wait = \"1s\"\n")).build();
    let before = project.snapshot();
    let refused = project.pyrelease("run minor --yes").code(3);
    refused.messages_eq(str![[r#"
error: [pypi] no workflow of this repository is seen to publish to `pypi` when tag `v1.1.0` is pushed
help: remove `by` from [stage.pypi] to upload from here; or pass --force if something else publishes the tag
error: the release was refused; nothing has been done

"#]]);
    project.assert_unchanged(&before);
    project.pyrelease("doctor minor").code(3).messages_eq(str![[r#"
error: [pypi] no workflow of this repository is seen to publish to `pypi` when tag `v1.1.0` is pushed
help: remove `by` from [stage.pypi] to upload from here; or pass --force if something else publishes the tag
error: 1 problem would make a release fail
help: next: correct the first problem, then `pyrelease doctor` again

"#]]);
    project.pyrelease("run minor --yes --force").code(4).messages_eq(str![[r#"
warning: [pypi] no workflow of this repository is seen to publish to `pypi` when tag `v1.1.0` is pushed
help: remove `by` from [stage.pypi] to upload from here; or pass --force if something else publishes the tag
error: `pypi` failed after the point of no return: demo 1.1.0 is not complete on `pypi` after [SECONDS]: it lists no file of this version
help: look at the runs of the workflow that publishes
help: run the workflow again if it failed; `pyrelease resume` waits for it again
help: if it cannot publish, `pyrelease upload [ROOT]/demo/.git/pyrelease/runs/[RUN]/dist/* --index pypi` uploads the files that were checked here

"#]]);

    let project = quick().without_remote().config(&config(&index, "")).build();
    project.pyrelease("run minor --yes").code(3).messages_eq(str![[r#"
note: [push] the repository has no remote: nothing will be pushed
error: [pypi] the repository has no remote, so no push starts the workflow that publishes
help: add a remote, or remove `by` from [stage.pypi] to upload from here
error: the release was refused; nothing has been done

"#]]);
}

#[test]
fn settings_that_contradict_are_refused() {
    let index = IndexServer::pypiserver();
    let project = quick().config(&config(&index, "")).build();
    let mut seen = Transcript::named("awaited/contradicting-settings");
    for (from, to) in [
        ("by = \"workflow\"", "wait = \"1h\""),
        ("by = \"workflow\"", "by = \"workflow\"\nwait = \"soon\""),
        ("by = \"workflow\"", "by = \"workflow\"\nconnections = 2"),
        ("\"push\", ", ""),
        ("simple = ", "view = "),
    ] {
        project.write("release.toml", &config(&index, "").replace(from, to));
        seen.add_messages(&project.pyrelease("plan minor").code(2));
    }
    seen.assert();
}

/// A pipeline whose remote is one of a forge, and whose stage after the push fails.
fn failing_after_the_push(url: &str) -> Project {
    let index = IndexServer::pypiserver();
    let config = "stages = [\"version\", \"tag\", \"push\", \"announce\"]\n\n[stage.announce]\nrun = [\"false\"]\n\
                  reach = \"repository\"\n";
    let workflow = workflow_file(&index);
    let project = quick().config(config).file(".github/workflows/release.yml", &workflow).build();
    // Git still pushes to the repository beside it.
    let folder = project.git(&["remote", "get-url", "origin"]).trim().to_owned();
    project.git(&["config", &format!("url.{folder}.insteadOf"), url]);
    project.git(&["remote", "set-url", "origin", url]);
    project
}

#[test]
fn a_push_that_starts_a_publishing_workflow_is_not_undone() {
    let mut seen = Transcript::named("awaited/push-is-not-undone");
    for url in ["https://github.com/me/demo.git", "git@git.example.org:me/demo.git"] {
        let project = failing_after_the_push(url);
        seen.add(&project.pyrelease("plan minor").code(0));
        seen.add_messages(&project.pyrelease("run minor --yes").code(4));
        let pushed = project.remote_refs();
        assert!(pushed.contains_key("refs/tags/v1.1.0"));
        seen.add_messages(&project.pyrelease("rollback --yes").code(4));
        assert_eq!(project.remote_refs(), pushed);
        project.pyrelease("rollback --leave --yes").code(0);
        assert_eq!(project.remote_refs(), pushed);
        assert_eq!(project.tag_target("v1.1.0"), project.head());
    }
    seen.assert();
}

#[test]
fn a_push_to_a_remote_without_workflows_is_undone() {
    for url in ["https://gitlab.com/me/demo.git", "/srv/nowhere/demo.git"] {
        let project = failing_after_the_push(url);
        let before = project.snapshot();
        project.pyrelease("plan minor").code(0);
        project.pyrelease("run minor --yes").code(1);
        project.assert_unchanged(&before);
    }
}

#[test]
fn doctor_offers_both_ways() {
    let index = IndexServer::pypiserver();
    let config = config(&index, "").replace("by = \"workflow\"\n", "");
    let workflow = workflow_file(&index);
    let project = quick().config(&config).file(".github/workflows/release.yml", &workflow).build();
    project.pypirc(&[("pypi", &index)]);
    let folder = project.git(&["remote", "get-url", "origin"]).trim().to_owned();
    project.git(&["config", &format!("url.{folder}.insteadOf"), "https://github.com/me/demo.git"]);
    project.git(&["remote", "set-url", "origin", "https://github.com/me/demo.git"]);
    project.pyrelease("doctor minor").code(3).assert_error_shown("awaited/doctor");
    project.write("release.toml", &format!("{config}by = \"workflow\"\n"));
    project.commit("Let the workflow publish");
    let followed = project.pyrelease("doctor minor").code(0);
    followed.messages_eq(str![[r#"
note: [pypi] the push of tag `v1.1.0` starts the workflow that uploads to http://127.0.0.1:[PORT]/ with twine upload (`.github/workflows/release.yml`, line 9)

"#]]);
}

#[test]
fn a_rehearsal_by_a_workflow_is_undone_if_it_differs() {
    let index = IndexServer::pypiserver();
    let config = config(&index, "").replace("pypi", "testpypi");
    let project =
        quick().config(&config).file(".github/workflows/release.yml", &workflow_file(&index)).build();
    let scene = Scene { project, index };
    let before = scene.project.snapshot();
    let alter = |folder: &Path| fs_err::write(folder.join("src/demo/__init__.py"), "broken\n").unwrap();
    let run = scene.project.pyrelease("run minor --yes");
    let outcome = run.meanwhile(|_| scene.publish(alter, all, false)).code(1);
    outcome.messages_eq(str![[r#"
warning: [push] the push of tag `v1.1.0` starts a workflow that uploads to http://127.0.0.1:[PORT]/ with twine upload (`.github/workflows/release.yml`, line 9)
help: where it runs, check that it does not upload what this release uploads
note: [testpypi] the push of tag `v1.1.0` starts the workflow that uploads to http://127.0.0.1:[PORT]/ with twine upload (`.github/workflows/release.yml`, line 9)
warning: [testpypi] demo-1.1.0.tar.gz: it has src/demo/__init__.py with another content than the release's commit
error: `testpypi` has something else than was built and checked here: demo-1.1.0.tar.gz: it has src/demo/__init__.py with another content than the release's commit
help: compare the workflow's build with yours

"#]]);
    scene.project.assert_unchanged(&before);
}

#[test]
fn a_release_that_a_workflow_publishes_converges_wherever_it_is_killed() {
    let scene = Scene::new("");
    let report = super::drill::converges(&scene.project, "--stage push --stage pypi", 2);
    let left_out = report["left_out"].to_string();
    assert!(left_out.contains("plays the workflow that publishes to `pypi`"), "{left_out}");
    assert!(scene.index.files("demo").is_empty());
}
