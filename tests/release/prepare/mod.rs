//! A release that goes through CI: one job prepares it without any rights, others build wheels, and one publishes it.

mod adopting;
mod backends;
mod forged;
mod from;
#[cfg(unix)]
mod hostile;
mod killed;
mod obstacles;
mod preparing;
mod publishing;
mod tagged;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pyrelease_test_support::{Invocation, Python};
use secrecy::ExposeSecret as _;

use super::drilled::{Local, text};

/// A repository with its remote and indexes, and the machines that check it out
struct Forge {
    local: Local,
}

impl Forge {
    fn new() -> Self {
        Self::of(Local::new())
    }

    fn of(local: Local) -> Self {
        Self { local }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.local.project.sandbox().root().join(name)
    }

    /// A checkout as CI makes it: one commit, no tags.
    #[track_caller]
    fn checkout(&self, name: &str) -> PathBuf {
        let folder = self.path(name);
        let remote = format!("file://{}", text(self.local.project.remote().path()));
        self.local.project.git(&["clone", "--quiet", "--depth=1", "--no-tags", &remote, text(&folder)]);
        folder
    }

    /// A checkout of the commit before the release, as a job that is run again gets it.
    #[track_caller]
    fn old_checkout(&self, name: &str) -> PathBuf {
        let folder = self.path(name);
        let remote = text(self.local.project.remote().path()).to_owned();
        self.local.project.git(&["clone", "--quiet", "--no-tags", &remote, text(&folder)]);
        let old = self.local.project.git(&["rev-parse", "HEAD"]);
        self.git(&folder, &["reset", "--quiet", "--hard", &old]);
        folder
    }

    #[track_caller]
    fn git(&self, folder: &Path, args: &[&str]) -> String {
        self.local.project.git(&[&["-C", text(folder)], args].concat())
    }

    /// A command of a job on GitHub that has neither credentials nor a git identity.
    fn job(&self, folder: &Path, args: &str) -> Invocation<'_> {
        let home = self.path("runner's home");
        fs_err::create_dir_all(&home).expect("a home");
        // Without this, git guesses an identity from the machine's name.
        fs_err::write(home.join(".gitconfig"), "[user]\n\tuseConfigOnly = true\n").expect("a file");
        let job = self.local.project.pyrelease(args).from(folder).env("GITHUB_ACTIONS", "true");
        // By default the tests ask no network.
        let job = job.env("PYRELEASE_OFFLINE", "");
        job.env("HOME", &home).env("XDG_CONFIG_HOME", home.join("none"))
    }

    /// A command of the job that publishes.
    fn publishing_job(&self, folder: &Path, args: &str) -> Invocation<'_> {
        let indexes = [("TESTPYPI", &self.local.rehearsal), ("PYPI", &self.local.public)];
        indexes.iter().fold(self.job(folder, args), |job, (name, index)| {
            job.env(format!("PYRELEASE_TOKEN_{name}"), index.token.expose_secret())
        })
    }

    /// The file of a release that a job has prepared.
    #[track_caller]
    fn prepared(&self, options: &str) -> PathBuf {
        let file = self.path("run.tar.gz");
        let folder = self.checkout("preparing");
        let job = self.job(&folder, &format!("prepare minor --yes --author-from-forge {options} --out"));
        job.arg(&file).code(0);
        file
    }

    /// Builds wheels for platforms from the prepared sdist, on another machine.
    #[track_caller]
    fn wheels(&self, file: &Path, out: &Path, platforms: &str, changes: &[&str]) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/release/prepare/wheel_builder.py");
        let args = [&[text(&script), text(file), text(out), platforms], changes].concat();
        Python::get().run(self.local.project.sandbox().root(), &args);
    }

    /// Asserts that nothing is on an index, and that the remote is as before the release.
    #[track_caller]
    fn assert_nothing_is_out(&self) {
        assert_eq!(self.local.public.files(), BTreeMap::new());
        assert_eq!(self.local.rehearsal.files(), BTreeMap::new());
        let remote = self.local.project.remote_refs();
        assert_eq!(remote["refs/heads/main"], self.local.project.git(&["rev-parse", "HEAD"]));
        assert!(!remote.contains_key("refs/tags/v1.1.0"), "{remote:?}");
    }

    /// Asserts that a checkout is as it was cloned, and has no run.
    #[track_caller]
    fn assert_untouched(&self, folder: &Path) {
        assert_eq!(self.git(folder, &["status", "--porcelain"]), "");
        assert_eq!(
            self.git(folder, &["rev-parse", "HEAD"]),
            self.local.project.git(&["rev-parse", "HEAD"]),
            "HEAD"
        );
        let refs = self.git(folder, &["for-each-ref", "--format=%(refname)"]);
        assert!(!refs.contains("refs/tags") && !refs.contains("pyrelease"), "{refs}");
        let status = self.job(folder, "status").code(0);
        assert_eq!(status.stdout(), "no release has been run in this repository\n");
    }
}
