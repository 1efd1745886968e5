//! A Python project as its maintainer has it: in a git repository with a history, a remote if wanted, and a file of
//! the user's own lying about.

use std::path::{Path, PathBuf};

use crate::invocation::Invocation;
use crate::remote::Remote;
use crate::sandbox::Sandbox;
use crate::secret::Secret;
use crate::server::IndexServer;
use crate::snapshot::Snapshot;
use crate::{Backend, binary};

/// The changelog of a project ready to release, in the shape of Keep a Changelog
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

/// What [`CHANGELOG`] becomes by the release of `version` on `date`.
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
/// A file of the user's own, not in git
const NOTES: &str = "call the printer back\n";

/// A project to be made
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
    /// Hatchling where nothing is said.
    pub fn backend(mut self, backend: Backend) -> Self {
        self.backend = backend;
        self
    }

    /// The folder of the repository has this name, and not the project's.
    pub fn kept_in(mut self, name: &str) -> Self {
        self.kept_in = Some(name.to_owned());
        self
    }

    /// The project is below the root of its repository.
    pub fn in_subfolder(mut self, path: &str) -> Self {
        self.subfolder = path.into();
        self
    }

    /// A file of the project: another one, or another text for one of those it has.
    pub fn file(mut self, path: &str, text: &str) -> Self {
        self.files.push((path.to_owned(), text.to_owned()));
        self
    }

    /// Another changelog than [`CHANGELOG`].
    pub fn changelog(mut self, text: &str) -> Self {
        text.clone_into(&mut self.changelog);
        self
    }

    /// The `release.toml`.
    pub fn config(self, text: &str) -> Self {
        self.file("release.toml", text)
    }

    /// A `release.toml` that has the two servers for `testpypi` and `pypi`, and then `more`.
    pub fn releasing_to(self, rehearsal: &IndexServer, public: &IndexServer, more: &str) -> Self {
        let section = |name: &str, server: &IndexServer| {
            format!(
                "[index.{name}]\nupload = \"{}\"\nsimple = \"{}\"\n",
                server.upload_url(),
                server.simple_url()
            )
        };
        // Keys of the document stand before its tables.
        let (keys, tables) = match more.find("\n[") {
            _ if more.starts_with('[') => ("", more),
            Some(end) => more.split_at(end + 1),
            None => (more, ""),
        };
        let indexes = [section("testpypi", rehearsal), section("pypi", public)].join("\n");
        self.config(&format!("{keys}\n{indexes}\n{tables}"))
    }

    /// An annotated tag on the commit before the last one.
    pub fn tagged(mut self, tag: &str) -> Self {
        self.tags.push(tag.to_owned());
        self
    }

    /// A bare repository beside it, which has everything, and which the branch follows.
    pub fn with_remote(mut self) -> Self {
        self.remote = true;
        self
    }

    /// No repository beside it, as long as nothing more is said.
    pub fn without_remote(mut self) -> Self {
        self.remote = false;
        self
    }

    /// Everything of it is on a disk of its own of so many KiB: see [`crate::no_small_disk`].
    pub fn on_a_disk_of(mut self, kibibytes: usize) -> Self {
        self.disk = Some(kibibytes);
        self
    }

    /// Makes it.
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
            project.git(&["tag", "--annotate", "--message", tag, tag]);
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

/// A Python project in a git repository, in a sandbox of its own
#[derive(Debug)]
pub struct Project {
    sandbox: Sandbox,
    /// The root of the working tree
    repository: PathBuf,
    /// Where the project is in it
    folder: PathBuf,
    blueprint: Blueprint,
}

impl Project {
    /// A project named `name` whose present version is `version`.
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

    /// Where the project is.
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
    /// There is none.
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
    /// There is none, or it is not text.
    #[track_caller]
    pub fn read(&self, path: &str) -> String {
        fs_err::read_to_string(self.folder.join(path)).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Writes a file of the project, and the folders it is in.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.folder.join(path);
        fs_err::create_dir_all(path.parent().expect("a file is in a folder"))
            .expect("a folder in the project");
        fs_err::write(path, text).expect("a file in the project");
    }

    /// Commits everything there is, except the user's own notes.
    pub fn commit(&self, message: &str) {
        let everything = ["add", "--all", "--", ".", ":(exclude,glob)**/notes.txt"];
        self.sandbox.git(&self.repository, &everything);
        self.git(&["commit", "--quiet", "--message", message]);
    }

    /// What `git` prints, run in the project's folder.
    #[track_caller]
    pub fn git(&self, args: &[&str]) -> String {
        self.sandbox.git(&self.folder, args)
    }

    /// The program, about to be run in the project's folder with these arguments, separated by blanks.
    pub fn pyrelease(&self, args: &str) -> Invocation<'_> {
        Invocation::new(self, binary(), args)
    }

    /// Writes the `.pypirc`: each server under a name, with the user and the password it takes.
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

    /// How everything is, to be compared with later.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of(self)
    }

    /// Everything is as it was: refs, `HEAD`, index, every file of the working tree, and the remote's refs.
    ///
    /// # Panics
    /// With the differences.
    #[track_caller]
    pub fn assert_unchanged(&self, before: &Snapshot) {
        let differences = before.differences(&self.snapshot());
        assert!(differences.is_empty(), "the project was changed:\n{}", differences.join("\n"));
    }

    /// The files that the backend reads say `version`, and not a byte of them is otherwise than before.
    ///
    /// # Panics
    /// With the file that does not.
    #[track_caller]
    pub fn assert_version_files(&self, version: &str) {
        let Blueprint { name, backend, files, .. } = &self.blueprint;
        for (path, expected) in backend.files(name, version, self.blueprint.depth()) {
            if files.iter().all(|(own, _)| *own != path) {
                assert_eq!(self.read(&path), expected, "`{path}`");
            }
        }
    }

    /// Nothing of the user's own was touched: the tree is clean but for the notes, and those are as they were.
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

    /// `secret` is nowhere in the sandbox: not in what the program printed, not in a file, however deep in git or in an
    /// archive. The `.pypirc` is where it belongs.
    ///
    /// # Panics
    /// With the files that have it.
    #[track_caller]
    pub fn assert_secret_nowhere(&self, secret: &Secret) {
        let found = secret.search(&self.sandbox, &[self.sandbox.home().join(".pypirc")]);
        assert!(found.is_empty(), "a password is in\n{}", found.join("\n"));
    }
}
