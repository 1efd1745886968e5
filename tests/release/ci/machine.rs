//! What the runners of both forges have: jobs with a folder each, a Python of their own, and pyrelease to install.

#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use pyrelease_test_support::distribution::program;
use pyrelease_test_support::{Python, Sandbox};
use serde_json::Value;

/// Builds wheels from a prepared release, in place of cibuildwheel
const BUILDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/release/prepare/wheel_builder.py");

/// How a job ended
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) name: String,
    pub(crate) conclusion: Conclusion,
    pub(crate) log: String,
}

impl Job {
    pub(super) fn skipped(name: &str) -> Self {
        Self { name: name.to_owned(), conclusion: Conclusion::Skipped, log: String::new() }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conclusion {
    Success,
    Failure,
    Skipped,
}

/// How each job ended.
pub(super) fn conclusions(jobs: &[Job]) -> Vec<(&str, Conclusion)> {
    jobs.iter().map(|job| (job.name.as_str(), job.conclusion)).collect()
}

#[track_caller]
pub(super) fn all_succeed(jobs: &[Job]) {
    for job in jobs {
        assert_eq!(job.conclusion, Conclusion::Success, "{}:\n{}", job.name, job.log);
    }
}

/// The machines of a forge's runners
pub(super) struct Machines {
    pub(super) sandbox: Sandbox,
}

impl Machines {
    pub(super) fn new() -> Self {
        Self { sandbox: Sandbox::new() }
    }

    /// A workflow in YAML, as JSON.
    pub(super) fn read(&self, workflow: &str) -> Value {
        let file = self.sandbox.root().join("workflow.yml");
        fs_err::write(&file, workflow).unwrap();
        let script = "import json, sys, ruamel.yaml\nyaml = ruamel.yaml.YAML(typ='safe', pure=True)\n\
                      print(json.dumps(yaml.load(open(sys.argv[1])), default=str))";
        let python = Python::with_schema_tools().program();
        let text = duct::cmd!(python, "-c", script, &file).read().unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// A fresh working folder and a fresh HOME for a job.
    pub(super) fn folders(&self, job: &str) -> (PathBuf, PathBuf) {
        let folder = tempfile::Builder::new().prefix(job).tempdir_in(self.sandbox.root()).unwrap().keep();
        let (checkout, home) = (folder.join("work"), folder.join("home"));
        fs_err::create_dir_all(&checkout).unwrap();
        fs_err::create_dir_all(&home).unwrap();
        (checkout, home)
    }

    /// The variables of a job with this HOME.
    pub(super) fn variables(home: &Path) -> BTreeMap<String, String> {
        let kinds = ["CACHE", "CONFIG", "DATA", "STATE"];
        let folders = kinds.map(|kind| (format!("XDG_{kind}_HOME"), home.join(kind).display().to_string()));
        let home = ("HOME".to_owned(), home.display().to_string());
        [home, ("CI".to_owned(), "true".to_owned())].into_iter().chain(folders).collect()
    }

    /// The environment of a script: with these variables, and with pyrelease where it installs a package.
    pub(super) fn environment<'v>(
        &self,
        script: &str,
        variables: impl Iterator<Item = (&'v String, &'v String)>,
    ) -> BTreeMap<OsString, OsString> {
        let mut environment = self.sandbox.environment();
        environment.extend(variables.map(|(name, value)| (name.into(), value.into())));
        if script.contains("pip install") {
            // Nobody else's package of this name
            environment.insert("PIP_NO_INDEX".into(), "1".into());
            environment.insert("PIP_FIND_LINKS".into(), self.packages().into());
        }
        environment
    }

    /// The folder with pyrelease as a wheel, which starts the program under test.
    fn packages(&self) -> PathBuf {
        let folder = self.sandbox.root().join("packages");
        if !folder.exists() {
            fs_err::create_dir(&folder).unwrap();
            let script = format!("#!/bin/sh\nexec '{}' \"$@\"\n", env!("CARGO_BIN_EXE_pyrelease"));
            program(&folder, "pyrelease", env!("CARGO_PKG_VERSION"), &script);
        }
        folder
    }

    /// The PATH with a Python of the job's own, as the forge's Python is nobody else's.
    pub(super) fn path_with_python(&self, home: &Path, path: Option<&String>) -> String {
        let folder = home.join("python");
        duct::cmd!("cp", "-a", Python::bare().programs().parent().unwrap(), &folder).run().unwrap();
        let usual = || self.sandbox.environment()[OsStr::new("PATH")].to_str().unwrap().to_owned();
        format!("{}:{}", folder.join("bin").display(), path.cloned().unwrap_or_else(usual))
    }

    /// Where an artifact is kept.
    pub(super) fn artifact(&self, name: &str) -> PathBuf {
        self.sandbox.root().join("artifacts").join(name)
    }
}

/// In place of cibuildwheel: the wheel that the backend builds from what `prepare` wrote, with this platform's tag.
pub(super) fn wheel_builder(source: &Path, wheels: &Path, platform: &str) -> duct::Expression {
    let arguments =
        ["-I".as_ref(), BUILDER.as_ref(), source.as_os_str(), wheels.as_os_str(), platform.as_ref()];
    duct::cmd(Python::get().program(), arguments).stderr_to_stdout()
}
