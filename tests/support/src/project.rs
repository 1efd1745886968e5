//! A Python project in a git repository with a history, optionally with a remote, and with an untracked file of the
//! user.

use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::invocation::Invocation;
use crate::remote::Remote;
use crate::sandbox::Sandbox;
use crate::secret::Secret;
use crate::server::IndexServer;
use crate::snapshot::Snapshot;
use crate::{Backend, binary};

/// The changelog of a project ready to release, in the format of Keep a Changelog
pub const CHANGELOG: &str = "\
# Changelog

All notable changes are written down here.

## [Unreleased]

### Added

- Greetings in *any* language.

## [1.0.0] - 2026-01-15

### Added

- The first one.

[Unreleased]: https://example.com/demo/compare/v1.0.0...HEAD
[1.0.0]: https://example.com/demo/releases/tag/v1.0.0
";

/// [`CHANGELOG`] after the release of `version` on `date`.
pub fn changelog_of_release(version: &str, date: &str) -> String {
    CHANGELOG.replace("## [Unreleased]\n", &format!("## [Unreleased]\n\n## [{version}] - {date}\n")).replace(
        "[Unreleased]: https://example.com/demo/compare/v1.0.0...HEAD\n",
        &format!(
            "[Unreleased]: https://example.com/demo/compare/v{version}...HEAD\n\
                 [{version}]: https://example.com/demo/compare/v1.0.0...v{version}\n"
        ),
    )
}

const README: &str = "# demo\n\nSays *hello*.\n\n```python\nimport demo\n\ndemo.hello(\"you\")\n```\n";
const LICENSE: &str =
    "MIT License\n\nCopyright (c) 2026 Dana Developer\n\nPermission is hereby granted, free of charge.\n";
const GITIGNORE: &str = "__pycache__/\n/dist/\n/build/\n*.egg-info/\n.env\n";
/// An untracked file of the user
const NOTES: &str = "call the printer back\n";

/// The description of a project to create
#[derive(Debug, Clone)]
#[must_use = "`build` makes the project"]
pub struct Blueprint {
    name: String,
    version: String,
    backend: Backend,
    kept_in: Option<String>,
    subfolder: PathBuf,
    files: Vec<(String, String)>,
    changelog: String,
    tags: Vec<String>,
    remote: bool,
    disk: Option<usize>,
}

impl Blueprint {
    /// Sets the build backend; hatchling by default.
    pub fn backend(mut self, backend: Backend) -> Self {
        self.backend = backend;
        self
    }

    /// Names the repository's folder, instead of after the project.
    pub fn kept_in(mut self, name: &str) -> Self {
        self.kept_in = Some(name.to_owned());
        self
    }

    /// Puts the project into a folder below the root of its repository.
    pub fn in_subfolder(mut self, path: &str) -> Self {
        self.subfolder = path.into();
        self
    }

    /// Adds or replaces a file of the project.
    pub fn file(mut self, path: &str, text: &str) -> Self {
        self.files.push((path.to_owned(), text.to_owned()));
        self
    }

    /// Replaces the changelog, [`CHANGELOG`] by default.
    pub fn changelog(mut self, text: &str) -> Self {
        text.clone_into(&mut self.changelog);
        self
    }

    /// Sets the `release.toml`.
    pub fn config(self, text: &str) -> Self {
        self.file("release.toml", text)
    }

    /// Sets a `release.toml` with the two servers as `testpypi` and `pypi`, and then `more`.
    pub fn releasing_to(self, rehearsal: &IndexServer, public: &IndexServer, more: &str) -> Self {
        // Top-level keys must come before the tables.
        let (keys, tables) = match more.find("\n[") {
            _ if more.starts_with('[') => ("", more),
            Some(end) => more.split_at(end + 1),
            None => (more, ""),
        };
        let config = Config::default()
            .lines(keys)
            .server("testpypi", &rehearsal.upload_url(), &rehearsal.simple_url())
            .server("pypi", &public.upload_url(), &public.simple_url());
        self.config(&config.lines("\n").lines(tables))
    }

    /// Adds an annotated tag on the commit before the last one.
    pub fn tagged(mut self, tag: &str) -> Self {
        self.tags.push(tag.to_owned());
        self
    }

    /// Adds a bare repository as the remote, with everything pushed, as the upstream of the branch.
    pub fn with_remote(mut self) -> Self {
        self.remote = true;
        self
    }

    /// Removes the remote.
    pub fn without_remote(mut self) -> Self {
        self.remote = false;
        self
    }

    /// Puts everything on a disk of this size in KiB: see [`crate::no_small_disk`].
    pub fn on_a_disk_of(mut self, kibibytes: usize) -> Self {
        self.disk = Some(kibibytes);
        self
    }

    /// Creates the project.
    ///
    /// # Panics
    /// Git is missing or the disk is full.
    pub fn build(self) -> Project {
        let sandbox = Sandbox::on(self.disk);
        let repository = sandbox.root().join(self.kept_in.as_ref().unwrap_or(&self.name));
        let folder = repository.join(&self.subfolder);
        fs_err::create_dir_all(&folder).expect("a folder for the project");
        let project = Project { sandbox, repository, folder, blueprint: self };
        project.git(&["init", "--quiet", "--initial-branch=main", project.repository_text()]);
        project.write_files();
        project.commit("Say hello");
        for tag in &project.blueprint.tags {
            // As pyrelease itself tags.
            let message = format!("{} {}", project.blueprint.name, tag.trim_start_matches('v'));
            project.git(&["tag", "--annotate", "--message", &message, tag]);
        }
        project.write("CHANGELOG.md", &project.blueprint.changelog);
        project.commit("Write down what changed");
        project.write("notes.txt", NOTES);
        if project.blueprint.remote {
            let path = project.remote_path();
            project.git(&[
                "init",
                "--quiet",
                "--bare",
                "--initial-branch=main",
                path.to_str().expect("our own name"),
            ]);
            project.git(&["remote", "add", "origin", path.to_str().expect("our own name")]);
            project.git(&["push", "--quiet", "--set-upstream", "origin", "main", "--tags"]);
        }
        project
    }

    fn depth(&self) -> usize {
        self.subfolder.components().count()
    }
}

/// A Python project in a git repository, in its own sandbox
#[derive(Debug)]
pub struct Project {
    sandbox: Sandbox,
    /// The root of the working tree
    repository: PathBuf,
    /// The project's folder within it
    folder: PathBuf,
    blueprint: Blueprint,
}

impl Project {
    /// A project with this name and current version.
    pub fn python(name: &str, version: &str) -> Blueprint {
        Blueprint {
            name: name.to_owned(),
            version: version.to_owned(),
            backend: Backend::Hatchling,
            kept_in: None,
            subfolder: PathBuf::new(),
            files: Vec::new(),
            changelog: CHANGELOG.to_owned(),
            tags: Vec::new(),
            remote: false,
            disk: None,
        }
    }

    fn write_files(&self) {
        let Blueprint { name, version, backend, files, .. } = &self.blueprint;
        for (path, text) in [("README.md", README), ("LICENSE", LICENSE), (".gitignore", GITIGNORE)] {
            self.write(path, text);
        }
        for (path, text) in &backend.files(name, version, self.blueprint.depth()) {
            self.write(path, text);
        }
        for (path, text) in files {
            self.write(path, text);
        }
    }

    pub fn name(&self) -> &str {
        &self.blueprint.name
    }

    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// The project's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The root of the working tree, which is the project's folder unless it is in a subfolder.
    pub fn repository(&self) -> &Path {
        &self.repository
    }

    pub(crate) fn repository_text(&self) -> &str {
        self.repository.to_str().expect("our own name")
    }

    pub(crate) fn remote_path(&self) -> PathBuf {
        self.sandbox.root().join("remote.git")
    }

    /// The repository that the project is pushed to.
    ///
    /// # Panics
    /// The project has no remote.
    #[track_caller]
    pub fn remote(&self) -> Remote<'_> {
        assert!(self.blueprint.remote, "the project was made without a remote");
        Remote::new(&self.sandbox, self.remote_path())
    }

    pub(crate) fn has_remote(&self) -> bool {
        self.blueprint.remote
    }

    /// The text of a file of the project.
    ///
    /// # Panics
    /// The file does not exist, or is not text.
    #[track_caller]
    pub fn read(&self, path: &str) -> String {
        fs_err::read_to_string(self.folder.join(path)).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Writes a file of the project, and creates its folders.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.folder.join(path);
        fs_err::create_dir_all(path.parent().expect("a file is in a folder"))
            .expect("a folder in the project");
        fs_err::write(path, text).expect("a file in the project");
    }

    /// Commits everything except the user's untracked file.
    pub fn commit(&self, message: &str) {
        let everything = ["add", "--all", "--", ".", ":(exclude,glob)**/notes.txt"];
        self.sandbox.git(&self.repository, &everything);
        self.git(&["commit", "--quiet", "--message", message]);
    }

    /// Runs `git` in the project's folder and returns its output.
    #[track_caller]
    pub fn git(&self, args: &[&str]) -> String {
        self.sandbox.git(&self.folder, args)
    }

    /// A run of the program in the project's folder with these arguments, separated by blanks.
    pub fn pyrelease(&self, args: &str) -> Invocation<'_> {
        Invocation::new(self, binary(), args)
    }

    /// Writes the `.pypirc`, with a section for each server with its user and password.
    pub fn pypirc(&self, servers: &[(&str, &IndexServer)]) {
        let names: String = servers.iter().map(|(name, _)| format!("    {name}\n")).collect();
        let sections: String = servers
            .iter()
            .map(|(name, server)| {
                let (upload, user, password) =
                    (server.upload_url(), server.username(), server.password().reveal());
                format!("\n[{name}]\nrepository = {upload}\nusername = {user}\npassword = {password}\n")
            })
            .collect();
        self.sandbox.write_home(".pypirc", &format!("[distutils]\nindex-servers =\n{names}{sections}"));
    }

    /// A snapshot of everything, to compare with later.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of(self)
    }

    /// Asserts that nothing has changed: refs, `HEAD`, index, every file of the working tree, and the remote's refs.
    ///
    /// # Panics
    /// With the differences.
    #[track_caller]
    pub fn assert_unchanged(&self, before: &Snapshot) {
        let differences = before.differences(&self.snapshot());
        assert!(differences.is_empty(), "the project was changed:\n{}", differences.join("\n"));
    }

    /// Asserts that the backend's files have `version`, and are otherwise unchanged.
    ///
    /// # Panics
    /// A file differs.
    #[track_caller]
    pub fn assert_version_files(&self, version: &str) {
        let Blueprint { name, backend, files, .. } = &self.blueprint;
        for (path, expected) in backend.files(name, version, self.blueprint.depth()) {
            if files.iter().all(|(own, _)| *own != path) {
                assert_eq!(self.read(&path), expected, "`{path}`");
            }
        }
    }

    /// Asserts that the user's files are unchanged: the working tree is clean except for the untracked file.
    ///
    /// # Panics
    /// With what was.
    #[track_caller]
    pub fn assert_tree_clean(&self) {
        let status = self.sandbox.git(&self.repository, &["status", "--porcelain", "--untracked-files=all"]);
        let notes = self.folder.join("notes.txt");
        let notes = notes.strip_prefix(&self.repository).expect("the project is in its repository");
        assert_eq!(status, format!("?? {}", notes.display()), "`git status`");
        assert_eq!(self.read("notes.txt"), NOTES);
    }

    /// Asserts that `secret` is not in the sandbox: neither in the program's output nor in a file, including git
    /// objects and archives. Only `.pypirc` may have it.
    ///
    /// # Panics
    /// With the files that have it.
    #[track_caller]
    pub fn assert_secret_nowhere(&self, secret: &Secret) {
        let found = secret.search(&self.sandbox, &[self.sandbox.home().join(".pypirc")]);
        assert!(found.is_empty(), "a password is in\n{}", found.join("\n"));
    }
}
