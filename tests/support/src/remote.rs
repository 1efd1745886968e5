//! The remote of a project, which can reject pushes and get pushes of others.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::repository::parse_refs;
use crate::sandbox::{Sandbox, set_mode};
use crate::script::shell_script;

/// A bare repository
#[derive(Debug)]
pub struct Remote<'a> {
    sandbox: &'a Sandbox,
    path: PathBuf,
}

impl<'a> Remote<'a> {
    pub(crate) fn new(sandbox: &'a Sandbox, path: PathBuf) -> Self {
        Self { sandbox, path }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every ref and its object; for an annotated tag the tag object.
    #[track_caller]
    pub fn refs(&self) -> BTreeMap<String, String> {
        parse_refs(&self.git(&["for-each-ref", "--format=%(refname) %(objectname)"]))
    }

    /// Runs `git` in the bare repository and returns its output.
    #[track_caller]
    pub fn git(&self, args: &[&str]) -> String {
        self.sandbox.git(&self.path, args)
    }

    /// Rejects every push, like a forge with protected branches.
    pub fn refuse_pushes(&self, message: &str) {
        self.hook_with(
            "pre-receive",
            &[("MESSAGE", message)],
            "cat >/dev/null\necho \"$MESSAGE\" >&2\nexit 1\n",
        );
    }

    /// Installs a hook, a shell script.
    pub fn hook(&self, name: &str, script: &str) {
        self.hook_with(name, &[], script);
    }

    /// Installs a hook, a shell script in which these variables are set.
    pub fn hook_with(&self, name: &str, variables: &[(&str, &str)], script: &str) {
        hook(&self.path, name, variables, script);
    }

    /// Pushes a commit of somebody else to `main`, and returns it.
    #[track_caller]
    pub fn move_branch(&self) -> String {
        let script = self.rival();
        let output = self
            .sandbox
            .command(self.sandbox.root(), "sh", &[script.to_str().expect("our own name")])
            .stderr_to_stdout()
            .stdout_capture()
            .unchecked()
            .run()
            .expect("a shell");
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "somebody else could not push: {printed}");
        self.git(&["rev-parse", "refs/heads/main"])
    }

    /// A script that pushes a commit of somebody else to `main`, to run during a release.
    pub fn rival(&self) -> PathBuf {
        let clone = self.sandbox.root().join("rival");
        let script = self.sandbox.root().join("rival.sh");
        let variables = [("REMOTE", text(&self.path)), ("CLONE", text(&clone))];
        fs_err::write(&script, shell_script(&variables, include_str!("rival.sh"))).expect("a script");
        set_mode(&script, 0o755);
        script
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("our own name")
}

pub(crate) fn hook(repository: &Path, name: &str, variables: &[(&str, &str)], script: &str) {
    let path = repository.join("hooks").join(name);
    fs_err::create_dir_all(repository.join("hooks")).expect("a folder for the hooks");
    fs_err::write(&path, shell_script(variables, script)).expect("a hook");
    set_mode(&path, 0o755);
}
