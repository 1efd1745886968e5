//! Repositories as people have them: cloned in some way, kept under some path, with hooks and further worktrees.

use std::path::{Path, PathBuf};

use crate::project::Project;
use crate::sandbox::set_mode;

impl Project {
    /// Throws the repository away and clones it from its remote again, with these options of `git clone`, as a CI
    /// system or a new colleague does. The user's own file is there again.
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

    /// A hook of the user's, a shell script.
    pub fn hook(&self, name: &str, script: &str) {
        self.script(&self.git_folder().join("hooks").join(name), script);
    }

    /// A shell script that can be run.
    pub fn script(&self, path: &Path, script: &str) {
        fs_err::create_dir_all(path.parent().expect("a file is in a folder")).expect("a folder of our own");
        fs_err::write(path, format!("#!/bin/sh\n{script}")).expect("a script");
        set_mode(path, 0o755);
    }

    /// Another worktree, beside the repository, with what is to be checked out there.
    #[track_caller]
    pub fn worktree(&self, name: &str, arguments: &[&str]) -> PathBuf {
        let path = self.sandbox().root().join(name);
        let add = ["worktree", "add", "--quiet", path.to_str().expect("our own name")];
        self.git(&[&add, arguments].concat());
        path
    }

    /// The folder that all worktrees share.
    pub fn git_folder(&self) -> PathBuf {
        let common = self.git(&["rev-parse", "--git-common-dir"]);
        fs_err::canonicalize(self.folder().join(common)).expect("the folder of a repository")
    }

    /// Every tracked file is as a fresh checkout makes it, to the byte and to the mode, in the worktree at `top`.
    ///
    /// # Panics
    /// With the file that is not.
    #[track_caller]
    pub fn assert_as_checked_out(&self, top: &Path) {
        let fresh = tempfile::tempdir_in(self.sandbox().root()).expect("a folder in the sandbox");
        let prefix = format!("--prefix={}/", fresh.path().display());
        self.sandbox().git(top, &["checkout-index", "--all", "--quiet", &prefix]);
        for expected in crate::snapshot::files_in(fresh.path()) {
            let name = expected.strip_prefix(fresh.path()).expect("it was found there");
            let actual = top.join(name);
            // What is outside of a sparse checkout is not there.
            if self.sandbox().git(top, &["ls-files", "-t", "--", &name.to_string_lossy()]).starts_with('S') {
                continue;
            }
            let (actual, expected) =
                (crate::snapshot::describe(&actual), crate::snapshot::describe(&expected));
            assert_eq!(actual, expected, "`{}`", name.display());
        }
    }
}
