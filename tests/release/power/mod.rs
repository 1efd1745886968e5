//! Power cuts: every process of a run dies at once, including git and the watchdog, and git's lock files stay.

#![expect(clippy::unwrap_used, reason = "these are tests")]

mod cuts;

use std::path::{Path, PathBuf};
use std::time::Duration;

use pyrelease_test_support::{Project, Running};

const TAG: &str = "refs/tags/v1.1.0";
const TRACKING: &str = "refs/remotes/origin/main";

/// The point in git's work at which the power is cut
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cut {
    /// During a transaction on this ref of the project's repository, in this state
    Refs(&'static str, &'static str),
    /// During a transaction at the remote
    RemoteRefs(&'static str, &'static str),
    /// While git writes a file of the working tree
    WorkingTree,
}

impl Cut {
    pub(crate) const WITHOUT_REMOTE: [Self; 3] =
        [Self::Refs("prepared", TAG), Self::Refs("committed", TAG), Self::WorkingTree];
    /// All points of a release.
    pub(crate) const ALL: [Self; 6] = [
        Self::WITHOUT_REMOTE[0],
        Self::WITHOUT_REMOTE[1],
        Self::WITHOUT_REMOTE[2],
        Self::RemoteRefs("prepared", TAG),
        Self::RemoteRefs("committed", TAG),
        Self::Refs("prepared", TRACKING),
    ];
}

/// A hook that stops git when it changes the ref `$NAME` in `$FOLDER`
const STOP_AT_REF: &str = "[ \"$PWD\" = \"$FOLDER\" ] && grep -q \" $NAME$\" && [ \"$1\" = \"$STATE\" ] && \
                           touch \"$MARK\" && sleep 60\nexit 0\n";

/// A filter that stops git in `$FOLDER`
const STOP_AND_PRINT: &str = "[ \"$PWD\" = \"$FOLDER\" ] && touch \"$MARK\" && sleep 60\ncat\n";

fn borrowed<'a>(variables: &'a [(&'a str, String)]) -> Vec<(&'a str, &'a str)> {
    variables.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// A trap that stops git at a point until the power is cut
pub(crate) struct Trap<'a> {
    project: &'a Project,
    mark: PathBuf,
    /// The trap's file in the project, and its former content
    changed: Vec<(PathBuf, Option<Vec<u8>>)>,
}

impl<'a> Trap<'a> {
    /// Sets the trap in the project's repository, whose working tree is at `top`.
    pub(crate) fn set(project: &'a Project, top: &Path, cut: Cut) -> Self {
        let mark = project.sandbox().root().join("mark-of-the-trap");
        let mut trap = Self { project, mark, changed: Vec::new() };
        let at_mark = trap.mark.display().to_string();
        let amid = |folder: &Path, state: &str, name: &str| {
            [("FOLDER", folder.display().to_string()), ("MARK", at_mark.clone()), ("STATE", state.to_owned())]
                .into_iter()
                .chain([("NAME", name.to_owned())])
                .collect::<Vec<_>>()
        };
        match cut {
            Cut::Refs(state, name) => {
                trap.keep(&project.git_folder().join("hooks/reference-transaction"));
                let variables = amid(top, state, name);
                project.hook_with("reference-transaction", &borrowed(&variables), STOP_AT_REF);
            }
            Cut::RemoteRefs(state, name) => {
                let remote = project.remote();
                trap.keep(&remote.path().join("hooks/reference-transaction"));
                let variables = amid(remote.path(), state, name);
                remote.hook_with("reference-transaction", &borrowed(&variables), STOP_AT_REF);
            }
            Cut::WorkingTree => {
                let (config, attributes) =
                    (project.git_folder().join("config"), project.git_folder().join("info/attributes"));
                let script = project.sandbox().root().join("smudge");
                [&config, &attributes, &script].into_iter().for_each(|path| trap.keep(path));
                project.script_with(&script, &borrowed(&amid(top, "", "")), STOP_AND_PRINT);
                project.git(&["config", "filter.trap.smudge", script.to_str().unwrap()]);
                fs_err::create_dir_all(attributes.parent().unwrap()).unwrap();
                fs_err::write(attributes, "CHANGELOG.md filter=trap\n").unwrap();
            }
        }
        trap
    }

    fn keep(&mut self, path: &Path) {
        self.changed.push((path.to_owned(), fs_err::read(path).ok()));
    }

    /// Cuts the power when git reaches the trap; returns whether it did before the command ended.
    pub(crate) fn wait(&self, running: &Running<'_>) -> bool {
        let is_sprung = self.is_sprung(running);
        if is_sprung {
            self.project.sandbox().cut_power();
        }
        is_sprung
    }

    /// Waits until git reaches the trap; returns whether it did before the command ended.
    fn is_sprung(&self, running: &Running<'_>) -> bool {
        while !self.mark.exists() && !running.has_ended() {
            running.wait(Duration::from_millis(2));
        }
        self.mark.exists()
    }
}

impl Drop for Trap<'_> {
    fn drop(&mut self) {
        for (path, before) in self.changed.drain(..) {
            // On the full disk of a test, existing files can still be written.
            let _ = match before {
                Some(bytes) => fs_err::write(path, bytes),
                None => fs_err::remove_file(path),
            };
        }
        let _ = fs_err::remove_file(&self.mark);
    }
}
