//! `pyrelease build`, and that it makes the bytes of `python -m build`.

#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::path::Path;

use pyrelease::python::distribution::Kind;
use pyrelease::python::reproducible::{Archive, Difference, deviations};
use pyrelease::world::Environment;
use pyrelease::world::tools::ToolEnvironment;
use pyrelease_test_support::{Backend, Blueprint, Project, shared_cache, str};

use super::{QUICK, demo, quick};

const FILES: [&str; 2] = ["demo-1.0.0-py3-none-any.whl", "demo-1.0.0.tar.gz"];

fn files(folder: &Path) -> Vec<String> {
    let entries = fs_err::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn the_last_commit_is_built_and_checked() {
    let project = quick().without_remote().config(QUICK).build();
    let dist = project.folder().join("dist");
    project.write("src/demo/__init__.py", "raise SystemExit('not committed')\n");
    project.pyrelease("build").code(0).stderr_eq(str![[r#"
    Building sdist and wheel with python -m build
       Built dist/demo-1.0.0-py3-none-any.whl ([SIZE], sha256 [SHA256])
       Built dist/demo-1.0.0.tar.gz ([SIZE], sha256 [SHA256])

"#]]);
    assert_eq!(files(&dist), FILES);
    project.assert_no_debris();
    let committed = fs_err::read(dist.join(FILES[0])).unwrap();
    let json = project.pyrelease("build --working-tree --format json").code(0);
    let built = json.events().into_iter().find(|event| event["event"] == "built").expect("the last event");
    assert_eq!(built["files"][0]["path"], "dist/demo-1.0.0-py3-none-any.whl");
    assert_ne!(fs_err::read(dist.join(FILES[0])).unwrap(), committed, "with the edits");
    project.pyrelease("build --out ../elsewhere").from("src").code(0);
    assert_eq!(fs_err::read(project.folder().join("elsewhere").join(FILES[0])).unwrap(), committed);
}

#[test]
fn a_failed_build_leaves_the_folder_as_it_was() {
    let project = quick().without_remote().config(QUICK).build();
    let dist = project.folder().join("dist");
    project.write("dist/other.txt", "mine");
    let backend = project.read("backend/in_tree.py");
    project.write("backend/in_tree.py", &backend.replace("def build_wheel(", "def build_no_wheel("));
    let failed = project.pyrelease("build --working-tree").code(1);
    assert!(failed.stderr().contains("build_wheel"), "{failed}");
    assert_eq!(files(&dist), ["other.txt"]);
    project.assert_no_debris();
    // Built, but nothing that PyPI takes
    project.write("backend/in_tree.py", &backend.replace("Metadata-Version: 2.4", "Metadata-Version: 9.9"));
    let refused = project.pyrelease("build --working-tree").code(3);
    assert!(refused.stderr().contains("Metadata-Version"), "{refused}");
    assert_eq!(files(&dist), [FILES[0], FILES[1], "other.txt"]);
}

#[test]
fn a_folder_that_cannot_be_made_is_found_before_the_build() {
    let project = quick().without_remote().config(QUICK).build();
    project.write("file.txt", "mine");
    let failed = project.pyrelease("build --out file.txt/dist").code(1);
    assert!(failed.stderr().contains("file.txt/dist") && !failed.stderr().contains("Building"), "{failed}");
    // What was made for a build that fails is gone again.
    let backend = project.read("backend/in_tree.py");
    project.write("backend/in_tree.py", &backend.replace("def build_wheel(", "def build_no_wheel("));
    project.pyrelease("build --working-tree --out new/dist").code(1);
    assert!(!project.folder().join("new").exists());
}

#[test]
fn a_project_needs_no_configuration_but_a_repository() {
    let project = demo().without_remote().build();
    let built = project.pyrelease("build").code(0);
    assert!(built.stderr().contains("Building sdist and wheel with hatchling"), "{built}");
    assert!(built.stderr().contains("Using hatchling "), "{built}");
    assert_eq!(files(&project.folder().join("dist")), FILES);
    fs_err::remove_dir_all(project.git_folder()).unwrap();
    project.pyrelease("build").code(2).messages_eq(str![[r#"
error: `[ROOT]/demo` is not in a git repository
help: run `git init` and commit the project: a release is a commit and a tag

"#]]);
}

/// Builds the project by `pyrelease build` and by `python -m build`, and compares.
#[track_caller]
fn same_bytes(blueprint: Blueprint, variables: &[(&str, &str)]) -> Project {
    let project = blueprint.without_remote().build();
    let root = project.sandbox().root();
    let folder = project.folder().strip_prefix(project.repository()).expect("a folder of its repository");
    let build = project.pyrelease("build");
    variables.iter().fold(build, |build, (name, value)| build.env(name, value)).code(0);
    let environment = Environment::of_this_process().with("PYRELEASE_CACHE_DIR", shared_cache());
    let tools = ToolEnvironment::ensure(&environment, &|_| {}).expect("the tools");
    let [clone, dist] = ["clone", "theirs"].map(|name| root.join(name).display().to_string());
    let repository = project.repository().display().to_string();
    project.git(&["clone", "--quiet", &repository, &clone]);
    let epoch = project.git(&["show", "--no-patch", "--format=%ct", "HEAD"]);
    let theirs = project
        .sandbox()
        .command_with(
            &Path::new(&clone).join(folder),
            tools.python(),
            &["-m", "build", "--outdir", &dist],
            &[&[("SOURCE_DATE_EPOCH", epoch.as_str())], variables].concat(),
        )
        .stderr_to_stdout()
        .stdout_capture()
        .unchecked()
        .run()
        .expect("`python -m build` runs");
    assert!(theirs.status.success(), "{}", String::from_utf8_lossy(&theirs.stdout));
    let (ours, theirs) = (project.folder().join("dist"), Path::new(&dist));
    assert_eq!(files(&ours), files(theirs));
    for name in files(&ours) {
        let kind = if name.ends_with(".whl") { Kind::Wheel } else { Kind::Sdist };
        let [one, other] = [&ours, theirs].map(|folder| fs_err::read(folder.join(&name)).unwrap());
        if one == other {
            continue;
        }
        let [one, other] = [one, other].map(|bytes| {
            let size = bytes.len() as u64;
            Archive::read(&mut std::io::Cursor::new(bytes), kind, size).expect("an archive")
        });
        // Two builds by `python -m build` differ here as well: these backends write times into their sdists, and maturin
        // the folder into a list of components.
        let differing = deviations(&one, &other);
        let pyproject = project.read("pyproject.toml");
        let writes_times = ["setuptools", "pdm-backend"].iter().any(|name| pyproject.contains(name));
        let is_explained = differing.iter().all(|deviation| match deviation.how {
            Difference::Time | Difference::Envelope => kind == Kind::Sdist && writes_times,
            Difference::Bytes => deviation.members.iter().all(|member| member.contains("/sboms/")),
            _ => false,
        });
        assert!(is_explained, "{name}: {differing:?}");
    }
    project
}

#[test]
fn the_bytes_are_those_of_python_m_build_for_backends_that_read_files() {
    for backend in [Backend::Hatchling, Backend::Flit, Backend::Poetry, Backend::Pdm] {
        same_bytes(demo().backend(backend), &[]);
    }
    same_bytes(demo().backend(Backend::Pdm).in_subfolder("python/demo"), &[]);
}

#[test]
fn the_bytes_are_those_of_python_m_build_for_backends_that_ask_git() {
    for backend in [Backend::SetuptoolsScm, Backend::HatchVcs] {
        same_bytes(demo().backend(backend), &[]);
    }
}

const EXTENSION: &str = r#"#include <Python.h>
static PyModuleDef definition = {PyModuleDef_HEAD_INIT, "native", 0, -1, 0};
PyMODINIT_FUNC PyInit_native(void) { return PyModule_Create(&definition); }
"#;
/// Debugging information would have the folder in it.
const SETUP: &str = r#"from setuptools import Extension, setup
setup(ext_modules=[Extension("demo.native", ["native.c"], extra_compile_args=["-g0"])])
"#;

#[test]
fn the_bytes_are_those_of_python_m_build_for_native_code() {
    same_bytes(demo().backend(Backend::Setuptools), &[]);
    let project = same_bytes(
        demo().backend(Backend::Setuptools).file("native.c", EXTENSION).file("setup.py", SETUP),
        &[],
    );
    let wheels = files(&project.folder().join("dist"));
    assert!(!wheels[0].contains("-none-any"), "{wheels:?}");
}

#[test]
fn the_bytes_are_those_of_python_m_build_for_a_crate() {
    let pyproject = "[build-system]\nrequires = [\"maturin >= 1.7, < 2\"]\nbuild-backend = \"maturin\"\n\
                     [project]\nname = \"demo\"\nversion = \"1.0.0\"\nrequires-python = \">=3.9\"\n\
                     license = \"MIT\"\n[tool.maturin]\nbindings = \"bin\"\nstrip = true\n";
    let manifest = "[package]\nname = \"demo\"\nversion = \"1.0.0\"\nedition = \"2021\"\n[profile.release]\nopt-level = 0\n";
    let lock = "version = 3\n\n[[package]]\nname = \"demo\"\nversion = \"1.0.0\"\n";
    let crate_of_rust = demo()
        .file("pyproject.toml", pyproject)
        .file("Cargo.toml", manifest)
        .file("Cargo.lock", lock)
        .file("src/main.rs", "fn main() {}\n");
    // The toolchain is the user's own.
    let user = Environment::of_this_process();
    let home = user.home().unwrap_or_default();
    let [cargo, rustup] = [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")]
        .map(|(name, folder)| user.path(name).unwrap_or_else(|| home.join(folder)).display().to_string());
    same_bytes(crate_of_rust, &[("CARGO_HOME", &cargo), ("RUSTUP_HOME", &rustup)]);
}
