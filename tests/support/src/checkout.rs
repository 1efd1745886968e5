//! Repositories with clone options, hooks and worktrees.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::project::Project;
use crate::sandbox::set_mode;
use crate::script::shell_script;

impl Project {
    /// Deletes the repository and clones it from its remote with these options of `git clone`, as a CI system does.
    /// Keeps the user's untracked file.
    #[track_caller]
    pub fn cloned_with(self, options: &[&str]) -> Self {
        let remote = format!("file://{}", self.remote_path().display());
        let notes = self.read("notes.txt");
        fs_err::remove_dir_all(self.repository()).expect("our own folder");
        let clone = [&["clone", "--quiet"], options, &["--", &remote, self.repository_text()]].concat();
        self.sandbox().git(self.sandbox().root(), &clone);
        self.write("notes.txt", &notes);
        self
    }

    /// Installs a hook, a shell script.
    pub fn hook(&self, name: &str, script: &str) {
        self.hook_with(name, &[], script);
    }

    /// Installs a hook, a shell script in which these variables are set.
    pub fn hook_with(&self, name: &str, variables: &[(&str, &str)], script: &str) {
        self.script_with(&self.git_folder().join("hooks").join(name), variables, script);
    }

    /// Writes an executable shell script.
    pub fn script(&self, path: &Path, script: &str) {
        self.script_with(path, &[], script);
    }

    /// Writes an executable shell script in which these variables are set.
    pub fn script_with(&self, path: &Path, variables: &[(&str, &str)], script: &str) {
        fs_err::create_dir_all(path.parent().expect("a file is in a folder")).expect("a folder of our own");
        fs_err::write(path, shell_script(variables, script)).expect("a script");
        set_mode(path, 0o755);
    }

    /// Adds a worktree beside the repository; `arguments` tell what to check out.
    #[track_caller]
    pub fn worktree(&self, name: &str, arguments: &[&str]) -> PathBuf {
        let path = self.sandbox().root().join(name);
        let add = ["worktree", "add", "--quiet", path.to_str().expect("our own name")];
        self.git(&[&add, arguments].concat());
        path
    }

    /// The common git folder of all worktrees.
    pub fn git_folder(&self) -> PathBuf {
        let common = self.git(&["rev-parse", "--git-common-dir"]);
        fs_err::canonicalize(self.folder().join(common)).expect("the folder of a repository")
    }

    /// Asserts that every tracked file in the worktree at `top` equals a fresh checkout, byte by byte and with its
    /// mode.
    ///
    /// # Panics
    /// A file differs.
    #[track_caller]
    pub fn assert_as_checked_out(&self, top: &Path) {
        let fresh = tempfile::tempdir_in(self.sandbox().root()).expect("a folder in the sandbox");
        let prefix = format!("--prefix={}/", fresh.path().display());
        self.sandbox().git(top, &["checkout-index", "--all", "--quiet", &prefix]);
        // Files outside of a sparse checkout do not exist.
        let listed = self.sandbox().git(top, &["ls-files", "-t", "-z"]);
        let absent: HashSet<&Path> =
            listed.split('\0').filter_map(|line| line.strip_prefix("S ")).map(Path::new).collect();
        for expected in crate::snapshot::files_in(fresh.path()) {
            let name = expected.strip_prefix(fresh.path()).expect("it was found there");
            let actual = top.join(name);
            if absent.contains(name) {
                continue;
            }
            let (actual, expected) =
                (crate::snapshot::describe(&actual), crate::snapshot::describe(&expected));
            assert_eq!(actual, expected, "`{}`", name.display());
        }
    }
}
