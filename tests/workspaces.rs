//! Workspaces: what pyrelease reads and writes is what uv and Poetry would.

#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use pyrelease::python::version::Version;
use pyrelease::python::workspace::{Graph, NewVersion, Pins, moved, rewrite, uv_members};
use pyrelease_test_support::{Python, Sandbox};

/// A workspace in a folder
struct Workspace {
    sandbox: Sandbox,
    files: BTreeMap<String, Vec<u8>>,
}

impl Workspace {
    fn new(files: &[(&str, String)]) -> Self {
        let mut workspace = Self { sandbox: Sandbox::new(), files: BTreeMap::new() };
        for (path, text) in files {
            workspace.write(path, text.as_bytes().to_vec());
        }
        workspace
    }

    fn folder(&self) -> PathBuf {
        self.sandbox.root().join("workspace")
    }

    fn write(&mut self, path: &str, bytes: Vec<u8>) {
        let file = self.folder().join(path);
        fs_err::create_dir_all(file.parent().expect("a file is in a folder")).unwrap();
        fs_err::write(file, &bytes).unwrap();
        self.files.insert(path.to_owned(), bytes);
    }

    /// Runs a tool in a folder of the workspace.
    #[track_caller]
    fn run(&self, folder: &str, command: &[&str]) {
        let python = Python::with_index_clients();
        let program = python.programs().join(command[0]);
        let interpreter = python.program();
        let variables =
            [("UV_PYTHON", interpreter.to_str().unwrap()), ("POETRY_VIRTUALENVS_CREATE", "false")];
        let outcome = self
            .sandbox
            .command_with(&self.folder().join(folder), program, &command[1..], &variables)
            .stderr_to_stdout()
            .stdout_capture()
            .unchecked()
            .run()
            .unwrap();
        let said = String::from_utf8_lossy(&outcome.stdout);
        assert!(outcome.status.success(), "{command:?}: {said}");
    }

    fn read(&self, path: &str) -> String {
        fs_err::read_to_string(self.folder().join(path)).unwrap()
    }

    /// Releases the members with 2.0 after 1.0, in all files but the lock file as an editor would have it.
    fn release(&mut self, members: &[&str], lock: &str) {
        let bytes = self.read(lock).into_bytes();
        self.files.insert(lock.to_owned(), bytes);
        let named: Vec<(String, String)> = members
            .iter()
            .map(|folder| ((*folder).to_owned(), folder.rsplit('/').next().unwrap_or(folder).to_owned()))
            .collect();
        let graph = Graph::read(&self.files, &named).unwrap();
        let (old, new): (Version, Version) = ("1.0".parse().unwrap(), "2.0".parse().unwrap());
        let versions: Vec<NewVersion> = (0..members.len())
            .map(|member| NewVersion { member, old: old.clone(), new: new.clone() })
            .collect();
        let mut moves = Vec::new();
        for requirement in graph.requirements() {
            let specifier = moved(requirement, &new, Pins::KeepStyle).unwrap();
            moves.extend(specifier.map(|specifier| (requirement, specifier)));
        }
        assert!(!moves.is_empty());
        let mut changed = self.files.clone();
        changed.extend(rewrite(&self.files, &graph, &moves, &versions).unwrap());
        for (path, bytes) in changed {
            let text = String::from_utf8(bytes).unwrap();
            let text = match path.ends_with("pyproject.toml") {
                true => text.replace("\nversion = \"1.0\"", "\nversion = \"2.0\""),
                false => text,
            };
            self.write(&path, text.into_bytes());
        }
    }
}

fn project(name: &str, more: &str) -> String {
    format!("[project]\nname = \"{name}\"\nversion = \"1.0\"\nrequires-python = \">=3.10\"\n{more}\n")
}

#[test]
fn uv_has_the_same_members() {
    let folders = "packages/core packages/cli packages/old-one packages/old-one/deep packages/.hidden libs/a libs/b \
                   q/w/deep q/[x] packages/unmanaged";
    let name = |folder: &str| folder.replace(['/', '.', '[', ']'], "x");
    let mut workspace = Workspace::new(&[]);
    for folder in folders.split_whitespace() {
        let unmanaged = if folder.ends_with("unmanaged") { "[tool.uv]\nmanaged = false" } else { "" };
        let text = project(&name(folder), unmanaged);
        workspace.write(&format!("{folder}/pyproject.toml"), text.into_bytes());
    }
    for (root, members, exclude) in [
        ("", "'packages/*', './libs/a/', '**/deep'", "'packages/old*', 'none'"),
        (ROOT, "'libs/[!a]', 'packages/c?[er]*', 'packages/old-*/**'", ""),
        (ROOT, "'q/[[]x]', 'packages/../libs/*'", "'libs/b', 'packages'"),
        (ROOT, "", ""),
    ] {
        let text = format!("{root}[tool.uv.workspace]\nmembers = [{members}]\nexclude = [{exclude}]\n");
        workspace.write("pyproject.toml", text.into_bytes());
        workspace.run("", &["uv", "lock", "--offline"]);
        let lock = workspace.read("uv.lock");
        let listed = |name: &String| lock.contains(&format!("[[package]]\nname = \"{name}\"\n"));
        let found = uv_members(&workspace.files).unwrap().unwrap();
        let found: Vec<String> = found
            .iter()
            .map(|folder| name(folder))
            .map(|name| if name.is_empty() { "root".to_owned() } else { name })
            .collect();
        assert!(found.iter().all(listed), "{members}: {found:?} {lock}");
        assert_eq!(lock.matches("[[package]]").count(), found.len(), "{members}: {found:?} {lock}");
    }
}

/// A root that is a member
const ROOT: &str = "[project]\nname = \"root\"\nversion = \"1.0\"\nrequires-python = \">=3.10\"\n";

#[test]
fn uv_takes_the_lock_file_as_its_own() {
    let sources = "[tool.uv.sources]\ncore = { workspace = true }\nutil = { workspace = true }\n";
    let mut workspace = Workspace::new(&[
        (
            "pyproject.toml",
            "[tool.uv.workspace]\nmembers = [\"packages/*\"]\n[dependency-groups]\ndev = [\"core==1.0\"]\n"
                .to_owned()
                + sources,
        ),
        (
            "packages/core/pyproject.toml",
            project("core", "optional-dependencies.x = [\"util ~= 1.0\"]") + sources,
        ),
        (
            "packages/cli/pyproject.toml",
            project(
                "cli",
                "dependencies = [\"core[x] >=1.0,<2\", \"util==1.0 ; python_version > '3.8'\"]\n\
                 [dependency-groups]\ndev = [\"util==1.*\"]",
            ) + sources,
        ),
        ("packages/util/pyproject.toml", project("util", "[tool.uv]\npackage = true")),
    ]);
    workspace.run("", &["uv", "lock", "--offline"]);
    workspace.release(&["packages/cli", "packages/core", "packages/util"], "uv.lock");
    let written = workspace.read("uv.lock");
    assert!(!written.contains("version = \"1.0\""), "{written}");
    workspace.run("", &["uv", "lock", "--offline", "--check"]);
    workspace.run("", &["uv", "lock", "--offline"]);
    assert_eq!(workspace.read("uv.lock"), written);
}

#[test]
fn uv_takes_the_lock_file_of_a_member_as_its_own() {
    let sources =
        "[tool.uv.sources]\ncore = { path = \"../core\" }\ncli = { path = \"../cli\", editable = true }\n";
    let app = project("app", "dependencies = [\"core\", \"cli ~= 1.0\"]\n");
    let mut workspace = Workspace::new(&[
        ("app/pyproject.toml", app + sources),
        ("core/pyproject.toml", project("core", "")),
        ("cli/pyproject.toml", project("cli", "dependencies = [\"core != 1.9.0, <2, >= 1\", \"core==1.*\"]")),
    ]);
    workspace.run("app", &["uv", "lock", "--offline"]);
    workspace.release(&["app", "core", "cli"], "app/uv.lock");
    let written = workspace.read("app/uv.lock");
    assert!(written.contains("specifier = \"!=1.9.0,>=2.0,<3\""), "{written}");
    workspace.run("app", &["uv", "lock", "--offline", "--check"]);
    workspace.run("app", &["uv", "lock", "--offline"]);
    assert_eq!(workspace.read("app/uv.lock"), written);
}

#[test]
fn poetry_takes_the_lock_file_as_its_own() {
    let build = "[build-system]\nrequires = [\"poetry-core\"]\nbuild-backend = \"poetry.core.masonry.api\"\n";
    let paths: String = ["core", "util", "base", "opt"]
        .iter()
        .map(|name| format!("{name} = {{ path = \"../{name}\", develop = true }}\n"))
        .collect();
    let cli = "dependencies = [\"core[x] >=1.0,<2\", \"util ~=1.0\", \"base\", \"opt\"]\n[tool.poetry.dependencies]\n";
    let core = "dependencies = [\"util >= 1.0 , < 2\", \"base ~=1.0\"]\noptional-dependencies.x = [\"opt >=1.0,<1.1\"]";
    let legacy = "[tool.poetry]\nname = \"util\"\nversion = \"1.0\"\ndescription = \"\"\nauthors = []\npackages = []\n\
                  [tool.poetry.dependencies]\npython = \">=3.10\"\nbase = \"^1.0\"\n";
    let mut workspace = Workspace::new(&[
        ("cli/pyproject.toml", project("cli", cli) + &paths + build),
        ("core/pyproject.toml", project("core", core) + build),
        ("util/pyproject.toml", legacy.to_owned() + build),
        ("base/pyproject.toml", project("base", "") + build),
        ("opt/pyproject.toml", project("opt", "") + build),
    ]);
    workspace.run("cli", &["poetry", "lock", "--no-interaction"]);
    workspace.release(&["cli", "core", "util", "base", "opt"], "cli/poetry.lock");
    let written = workspace.read("cli/poetry.lock");
    workspace.run("cli", &["poetry", "lock", "--no-interaction"]);
    assert_eq!(workspace.read("cli/poetry.lock"), written);
}
