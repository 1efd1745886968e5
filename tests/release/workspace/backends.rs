//! Workspaces of each layout, released to real indexes and installed from there.

use pyrelease_test_support::{Blueprint, IndexServer, Project, Python, set_binary};

use super::{change, installed, member_files};

const HATCHLING: &str =
    "[build-system]\nrequires = [\"hatchling >= 1.27\"]\nbuild-backend = \"hatchling.build\"\n";
const UV_BUILD: &str =
    "[build-system]\nrequires = [\"uv_build >= 0.8, < 0.14\"]\nbuild-backend = \"uv_build\"\n";
const POETRY: &str =
    "[build-system]\nrequires = [\"poetry-core >= 2\"]\nbuild-backend = \"poetry.core.masonry.api\"\n";
const SETUPTOOLS: &str =
    "[build-system]\nrequires = [\"setuptools >= 77\"]\nbuild-backend = \"setuptools.build_meta\"\n";
/// The members of a release of `core`: `cli` pins it, and `app` accepts a range of `cli`
const RELEASED: [&str; 3] = ["app==2.0.1", "cli==0.4.0", "core==1.1.0"];

/// Three members, each with a file that states its version and its requirements.
fn members(root: &str, files: [(&str, String); 3]) -> Blueprint {
    set_binary(env!("CARGO_BIN_EXE_pyrelease"));
    let whole = Project::python("work", "1.0.0").with_remote().file("pyproject.toml", root);
    let versions = [("core", "1.0.0"), ("cli", "0.3.0"), ("app", "2.0.0")];
    versions.into_iter().zip(files).fold(whole, |whole, ((name, version), (file, text))| {
        let whole = member_files(whole, name).file(&format!("packages/{name}/{file}"), &text);
        whole.tagged(&format!("{name}-v{version}"))
    })
}

/// The metadata of a member in `[project]`.
fn project(name: &str, version: &str, requires: &str, more: &str) -> (&'static str, String) {
    let text = format!(
        "[project]\nname = \"{name}\"\nversion = \"{version}\"  # of {name}\ndescription = \"Says hello\"\n\
         readme = \"README.md\"\nlicense = \"MIT\"\nrequires-python = \">=3.9\"\n\
         authors = [{{ name = \"Dana Developer\", email = \"dana@example.org\" }}]\n\
         dependencies = [{requires}]\n\n{more}"
    );
    ("pyproject.toml", text)
}

/// Releases a new `core` and `cli`, with what requires them, and installs all of them with pip and uv.
#[track_caller]
fn release(blueprint: Blueprint, workspace: &str, prepare: impl Fn(&Project)) -> Project {
    let (rehearsal, public) = (IndexServer::pypiserver(), IndexServer::devpi());
    let project = blueprint.releasing_to(&rehearsal, &public, workspace).build();
    project.pypirc(&[("testpypi", &rehearsal), ("pypi", &public)]);
    prepare(&project);
    change(&project, "core");
    let outcome = project.pyrelease("run core=minor cli=minor --yes").code(0);
    // `check` finds nothing in what the backend writes.
    assert!(!outcome.stderr().contains("warning"), "{outcome}");
    for name in ["core", "cli", "app"] {
        assert_eq!(public.files(name).len(), 2, "{name}");
        assert_eq!(rehearsal.files(name), public.files(name), "{name}");
    }
    project.assert_no_debris();
    for tool in ["pip", "uv pip"] {
        assert_eq!(installed(&project, tool, &public, "app"), RELEASED, "{tool}");
    }
    assert_eq!(project.remote_refs()["refs/heads/main"], project.head());
    assert_eq!(project.git(&["status", "--porcelain", "--", "packages", "uv.lock"]), "");
    project
}

/// Runs uv or Poetry in a folder of the project.
#[track_caller]
fn tool(project: &Project, folder: &str, command: &[&str]) {
    let python = Python::with_index_clients();
    let interpreter = python.program();
    let variables =
        [("UV_PYTHON", interpreter.to_str().expect("our own name")), ("POETRY_VIRTUALENVS_CREATE", "false")];
    let (program, folder) = (python.programs().join(command[0]), project.folder().join(folder));
    let run = project.sandbox().command_with(&folder, program, &command[1..], &variables);
    let outcome = run.stderr_to_stdout().stdout_capture().unchecked().run().expect("a program");
    assert!(outcome.status.success(), "{command:?}: {}", String::from_utf8_lossy(&outcome.stdout));
}

/// A workspace of uv, whose members have this build backend, and its lock file.
#[track_caller]
fn of_uv(build: &str) {
    let sources = |names: &[&str]| -> String {
        let lines = names.iter().map(|name| format!("{name} = {{ workspace = true }}\n"));
        format!("{build}\n[tool.uv.sources]\n{}", lines.collect::<String>())
    };
    let root = "[tool.uv.workspace]\nmembers = [\"packages/*\"]\n\n[dependency-groups]\ndev = [\"app~=2.0\"]\n\n\
                [tool.uv]\nconstraint-dependencies = [\"core==1.0.0\"]\noverride-dependencies = [\"cli<0.4\"]\n\n\
                [tool.uv.sources]\napp = { workspace = true }\ncli = { workspace = true }\n\
                core = { workspace = true }\n";
    let blueprint = members(
        root,
        [
            project("core", "1.0.0", "", build),
            project("cli", "0.3.0", "\"core==1.0.0\"", &sources(&["core"])),
            project("app", "2.0.0", "\"cli>=0.3,<0.4\", \"core\"", &sources(&["cli", "core"])),
        ],
    );
    let project =
        release(blueprint, "[workspace]\n", |project| tool(project, "", &["uv", "lock", "--offline"]));
    tool(&project, "", &["uv", "lock", "--offline", "--check"]);
    assert!(project.changed_by("HEAD").contains(&"uv.lock".to_owned()));
    let root = project.read("pyproject.toml");
    assert!(root.contains("[\"core==1.1.0\"]") && root.contains("[\"cli<0.5\"]"), "{root}");
}

#[test]
fn uv_with_hatchling() {
    of_uv(HATCHLING);
}

#[test]
fn uv_with_uv_build() {
    of_uv(UV_BUILD);
}

#[test]
fn poetry_with_path_dependencies() {
    let paths = |names: &[&str]| -> String {
        let lines = names.iter().map(|name| format!("{name} = {{ path = \"../{name}\", develop = true }}\n"));
        lines.collect()
    };
    let package =
        |name: &str| format!("[tool.poetry]\npackages = [{{ include = \"{name}\", from = \"src\" }}]\n");
    let cli = format!("{}\n[tool.poetry.dependencies]\n{}\n{POETRY}", package("cli"), paths(&["core"]));
    let app = format!(
        "[tool.poetry]\nname = \"app\"\nversion = \"2.0.0\"\ndescription = \"Says hello\"\nreadme = \"README.md\"\n\
         license = \"MIT\"\nauthors = [\"Dana Developer <dana@example.org>\"]\n\
         packages = [{{ include = \"app\", from = \"src\" }}]\n\n[tool.poetry.dependencies]\npython = \">=3.9\"\n\
         cli = \"~0.3\"\n\n[tool.poetry.group.dev.dependencies]\n{}\n{POETRY}",
        paths(&["cli", "core"])
    );
    let blueprint = members(
        "",
        [
            project("core", "1.0.0", "", &format!("{}\n{POETRY}", package("core"))),
            project("cli", "0.3.0", "\"core==1.0.0\"", &cli),
            ("pyproject.toml", app),
        ],
    );
    let workspace = "[workspace]\nmembers = [\"packages/*\"]\n";
    let project = release(blueprint, workspace, |project| {
        tool(project, "packages/cli", &["poetry", "lock", "--no-interaction"]);
    });
    assert!(project.read("packages/app/pyproject.toml").contains("\ncli = \"~0.4\"\n"));
    tool(&project, "packages/cli", &["poetry", "check", "--lock"]);
}

#[test]
fn setuptools_with_exact_pins() {
    let cfg = |name: &str, version: &str, requires: &str| {
        format!(
            "[metadata]\nname = {name}\nversion = {version}\ndescription = Says hello\n\
             long_description = file: README.md\nlong_description_content_type = text/markdown\n\
             author = Dana Developer\nlicense = MIT\n\n[options]\npackages = {name}\npackage_dir =\n    = src\n\
             python_requires = >=3.9\ninstall_requires =\n{requires}"
        )
    };
    let setup = "from setuptools import setup\n\nVERSION = '0.3.0'\n\nsetup(\n    name='cli',\n    version=VERSION,\n    \
                 description='Says hello',\n    long_description=open('README.md').read(),\n    \
                 long_description_content_type='text/markdown',\n    author='Dana Developer',\n    license='MIT',\n    \
                 packages=['cli'],\n    package_dir={'': 'src'},\n    python_requires='>=3.9',\n    \
                 install_requires=['core==1.0.0'],\n)\n";
    let mut blueprint = members(
        "",
        [
            ("setup.cfg", cfg("core", "1.0.0", "")),
            ("setup.py", setup.to_owned()),
            ("setup.cfg", cfg("app", "2.0.0", "    cli==0.3.0\n    core==1.0.0 ; python_version >= '3.8'\n")),
        ],
    );
    for name in ["core", "cli", "app"] {
        blueprint = blueprint.file(&format!("packages/{name}/pyproject.toml"), SETUPTOOLS);
    }
    let project = release(blueprint, "[workspace]\nmembers = [\"packages/*\"]\n", |_| {});
    assert!(project.read("packages/cli/setup.py").contains("install_requires=['core==1.1.0']"));
    assert!(project.read("packages/app/setup.cfg").contains("cli==0.4.0\n    core==1.1.0 ; python_version"));
}
