//! Power cuts: every process of a run dies at once, git and the guard as well, and git's locks stay.

#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use pyrelease_test_support::{Outcome, Project, Running, Snapshot};
use serde_json::Value;

use super::quick;

const STAGES: &str = "stages = [\"changelog\", \"version\", \"tag\", \"push\"]\n";
const TAG: &str = "refs/tags/v1.1.0";

/// Where in git's own work the power is cut
#[derive(Debug, Clone, Copy)]
enum Cut {
    /// Amid a transaction on this ref of the project's repository, in this state
    Refs(&'static str, &'static str),
    /// The same at the remote
    RemoteRefs(&'static str, &'static str),
    /// While git writes a file of the working tree
    WorkingTree,
}

/// A release without a build, and how everything was before it
struct Scene {
    project: Project,
    before: Snapshot,
}

impl Scene {
    fn new() -> Self {
        let project = quick().config(STAGES).build();
        let before = project.snapshot();
        Self { project, before }
    }

    fn mark(&self) -> PathBuf {
        self.project.sandbox().root().join("mark")
    }

    /// Runs a command, and everything that has to do with it dies when git has come so far.
    #[track_caller]
    fn cut(&self, command: &str, cut: Cut) -> Outcome {
        let project = &self.project;
        let trap = format!("touch '{}'\nsleep 60\n", self.mark().display());
        let at = |folder: &Path, state: &str, name: &str| {
            let folder = folder.display();
            format!("if [ \"$PWD\" = '{folder}' ] && grep -q ' {name}$' && [ \"$1\" = {state} ]; then {trap}fi\n")
        };
        let config = project.git_folder().join("config");
        let kept = fs_err::read(&config).unwrap();
        match cut {
            Cut::Refs(state, name) => {
                project.hook("reference-transaction", &at(project.repository(), state, name));
            }
            Cut::RemoteRefs(state, name) => {
                let remote = project.remote();
                remote.hook("reference-transaction", &at(remote.path(), state, name));
            }
            Cut::WorkingTree => {
                let script = project.sandbox().root().join("smudge");
                let here = project.repository().display();
                project.script(&script, &format!("if [ \"$PWD\" = '{here}' ]; then {trap}fi\ncat\n"));
                project.git(&["config", "filter.trap.smudge", script.to_str().unwrap()]);
                fs_err::create_dir_all(project.git_folder().join("info")).unwrap();
                fs_err::write(self.attributes(), "CHANGELOG.md filter=trap\n").unwrap();
            }
        }
        let mark = self.mark();
        let wait = |running: &Running<'_>| {
            while !mark.exists() && !running.has_ended() {
                running.wait(Duration::from_millis(2));
            }
            project.sandbox().cut_power();
        };
        let outcome = project.pyrelease(command).meanwhile(wait).run();
        assert_eq!(outcome.status(), -1, "{cut:?}: {outcome}");
        let hooks = [project.git_folder(), project.remote().path().to_owned()];
        let hooks = hooks.map(|folder| folder.join("hooks/reference-transaction"));
        for path in [mark.clone(), self.attributes()].iter().chain(&hooks) {
            let _ = fs_err::remove_file(path);
        }
        fs_err::write(&config, kept).unwrap();
        outcome
    }

    fn attributes(&self) -> PathBuf {
        self.project.git_folder().join("info/attributes")
    }

    /// The lock files of git's here and at the remote, by their names.
    fn locks(&self) -> Vec<String> {
        let root = self.project.sandbox().root();
        let mut locks = Vec::new();
        let mut folders = vec![self.project.git_folder(), self.project.remote().path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs_err::read_dir(folder).unwrap().flatten() {
                let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
                if path.is_dir() && name != "pyrelease" {
                    folders.push(path);
                } else if name.ends_with(".lock") || name == "packed-refs.new" {
                    locks.push(path.strip_prefix(root).unwrap().display().to_string());
                }
            }
        }
        locks.sort();
        locks
    }

    fn status(&self) -> Value {
        let outcome = self.project.pyrelease("status --format json").code(0);
        serde_json::from_str(outcome.stdout()).unwrap()
    }

    /// `status` names this command, which leads to the end; no lock stays, and git works.
    #[track_caller]
    fn goes_on(&self, command: &str, cut: Cut) {
        let next = self.status()["next"].to_string();
        assert!(next.contains(&format!("\"pyrelease {command}\"")), "{cut:?}: {next}");
        let outcome = self.project.pyrelease(&format!("{command} --yes")).run();
        assert_eq!(outcome.status(), 0, "{cut:?}: {outcome}");
        assert_eq!(self.locks(), [""; 0], "{cut:?}: {outcome}");
        if command == "rollback" {
            let differences = self.before.differences(&self.project.snapshot());
            assert!(differences.is_empty(), "{cut:?}: {differences:#?}");
        } else {
            self.is_released();
        }
        self.project.git(&["commit", "--quiet", "--allow-empty", "--message=Go on"]);
    }

    #[track_caller]
    fn is_released(&self) {
        let project = &self.project;
        assert_eq!(project.tag_target("v1.1.0"), project.head());
        assert_eq!(project.remote_refs()["refs/heads/main"], project.head());
        assert_eq!(project.remote_refs()[TAG], project.refs()[TAG]);
        project.assert_tree_clean();
    }
}

const AMID_A_RELEASE: [Cut; 6] = [
    Cut::Refs("prepared", TAG),
    Cut::Refs("committed", TAG),
    Cut::WorkingTree,
    Cut::RemoteRefs("prepared", TAG),
    Cut::RemoteRefs("committed", TAG),
    Cut::Refs("prepared", "refs/remotes/origin/main"),
];

#[test]
fn amid_a_release_that_is_undone() {
    for cut in AMID_A_RELEASE {
        let scene = Scene::new();
        scene.cut("run minor --yes", cut);
        scene.goes_on("rollback", cut);
    }
}

#[test]
fn amid_a_release_that_is_finished() {
    for cut in AMID_A_RELEASE {
        let scene = Scene::new();
        scene.cut("run minor --yes", cut);
        scene.goes_on("resume", cut);
    }
}
