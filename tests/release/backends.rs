//! Releases with every backend: both indexes have the same bytes, the tag is at the landed commit, changelog and
//! version are right to the byte, the remote has everything, and the user's files are untouched.

use pyrelease_test_support::{Backend, Blueprint, IndexServer, Project, Python, changelog_of_release};

use super::demo;

const RELEASED: [&str; 2] = ["demo-1.1.0-py3-none-any.whl", "demo-1.1.0.tar.gz"];

/// Releases 1.1.0 of a project and checks every promise. `changed` are the files with the version, relative to the
/// repository's root.
#[track_caller]
fn release(blueprint: Blueprint, rehearsal: &IndexServer, public: &IndexServer, changed: &[&str]) -> Project {
    let project = blueprint.releasing_to(rehearsal, public, "").build();
    project.pypirc(&[("testpypi", rehearsal), ("pypi", public)]);
    let before = project.head();

    let outcome = project.pyrelease("run minor --yes").code(0);
    // `check` finds nothing in what a backend writes, such as setuptools' `top_level.txt`.
    assert!(!outcome.stderr().contains("warning"), "{outcome}");

    same_bytes_on_both(rehearsal, public);
    installs(&project, public);
    landed(&project, &before);
    let date = project.date_of("HEAD");
    assert_eq!(project.read("CHANGELOG.md"), changelog_of_release("1.1.0", &date), "after {outcome}");
    project.assert_version_files("1.1.0");
    assert_eq!(project.changed_by("HEAD"), changed);
    project.assert_tree_clean();
    project.assert_no_debris();
    for server in [rehearsal, public] {
        project.assert_secret_nowhere(server.password());
    }
    project
}

#[track_caller]
fn same_bytes_on_both(rehearsal: &IndexServer, public: &IndexServer) {
    let published = public.files("demo");
    assert_eq!(published.keys().collect::<Vec<_>>(), RELEASED);
    assert_eq!(rehearsal.files("demo"), published, "rehearsed, and published");
    for file in RELEASED {
        assert_eq!(rehearsal.download("demo", file), public.download("demo", file), "`{file}`");
    }
}

/// Users of the project get the new version.
#[track_caller]
fn installs(project: &Project, public: &IndexServer) {
    let root = project.sandbox().root();
    let [target, simple] = [root.join("installed").display().to_string(), public.simple_url()];
    let install = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-cache-dir", "--target", &target];
    let from = ["--index-url", &simple, "demo==1.1.0"];
    Python::get().run(root, &[&install[..], &from[..]].concat());
    let script = "import sys; sys.path.insert(0, sys.argv[1]); import demo, importlib.metadata as m; \
                  print(demo.hello('you'), m.version('demo'))";
    assert_eq!(Python::get().run(root, &["-c", script, &target]), "Hello, you! 1.1.0\n");
}

/// The branch has one more commit, which is tagged; the remote has both.
#[track_caller]
fn landed(project: &Project, before: &str) {
    assert_eq!(project.branch(), "main");
    assert_eq!(project.git(&["rev-parse", "HEAD~1"]), before);
    assert_eq!(project.tag_target("v1.1.0"), project.head());
    let (here, there) = (project.refs(), project.remote_refs());
    for name in ["refs/heads/main", "refs/tags/v1.1.0"] {
        assert_eq!(there.get(name), here.get(name), "`{name}` at the remote, and here");
    }
    assert_eq!(here["refs/remotes/origin/main"], here["refs/heads/main"]);
    assert_eq!(there.len(), 3, "main and two tags: {there:?}");
    let author = project.git(&["log", "-1", "--format=%an <%ae>, %cn"]);
    assert_eq!(author, "Dana Developer <dana@example.org>, Dana Developer");
}

#[test]
fn hatchling() {
    let (rehearsal, public) = (IndexServer::pypiserver(), IndexServer::devpi());
    let module = "src/demo/__init__.py";
    release(demo().backend(Backend::Hatchling), &rehearsal, &public, &["CHANGELOG.md", module]);
}

#[test]
fn setuptools() {
    let (rehearsal, public) = (IndexServer::devpi(), IndexServer::pypiserver());
    let module = "src/demo/__init__.py";
    release(demo().backend(Backend::Setuptools), &rehearsal, &public, &["CHANGELOG.md", module]);
}

#[test]
fn setuptools_with_all_in_setup_cfg() {
    let (rehearsal, public) = IndexServer::two_pypiservers();
    release(demo().backend(Backend::SetupCfg), &rehearsal, &public, &["CHANGELOG.md", "setup.cfg"]);
}

#[test]
fn flit_core() {
    let (rehearsal, public) = (IndexServer::pypiserver(), IndexServer::devpi());
    let module = "src/demo/__init__.py";
    release(demo().backend(Backend::Flit), &rehearsal, &public, &["CHANGELOG.md", module]);
}

#[test]
fn poetry_core() {
    let (rehearsal, public) = (IndexServer::devpi(), IndexServer::pypiserver());
    release(demo().backend(Backend::Poetry), &rehearsal, &public, &["CHANGELOG.md", "pyproject.toml"]);
}

#[test]
fn pdm_backend() {
    let (rehearsal, public) = (IndexServer::pypiserver(), IndexServer::devpi());
    release(demo().backend(Backend::Pdm), &rehearsal, &public, &["CHANGELOG.md", "pyproject.toml"]);
}

#[test]
fn setuptools_scm() {
    let (rehearsal, public) = (IndexServer::devpi(), IndexServer::pypiserver());
    release(demo().backend(Backend::SetuptoolsScm), &rehearsal, &public, &["CHANGELOG.md"]);
}

#[test]
fn hatch_vcs() {
    let (rehearsal, public) = IndexServer::two_pypiservers();
    release(demo().backend(Backend::HatchVcs), &rehearsal, &public, &["CHANGELOG.md"]);
}

#[test]
fn a_project_in_a_subfolder_of_its_repository() {
    let (rehearsal, public) = IndexServer::two_pypiservers();
    let blueprint = demo().backend(Backend::Pdm).in_subfolder("python/demo");
    release(blueprint, &rehearsal, &public, &["python/demo/CHANGELOG.md", "python/demo/pyproject.toml"]);
}

#[test]
fn one_release_after_another() {
    let (rehearsal, public) = IndexServer::two_pypiservers();
    let blueprint = demo().backend(Backend::Pdm);
    let project = release(blueprint, &rehearsal, &public, &["CHANGELOG.md", "pyproject.toml"]);

    let fixed = "## [Unreleased]\n\n### Fixed\n\n- A comma.\n";
    project.write("CHANGELOG.md", &project.read("CHANGELOG.md").replacen("## [Unreleased]\n", fixed, 1));
    project.commit("Put the comma in its place");

    // From a subfolder, with the bump inferred from the changelog
    project.pyrelease("run --yes").from("src/demo").code(0);
    assert_eq!(public.files("demo").len(), 4);
    assert_eq!(rehearsal.files("demo"), public.files("demo"));
    assert_eq!(project.tag_target("v1.1.1"), project.head());
    assert_eq!(project.remote_refs()["refs/heads/main"], project.head());
    project.assert_version_files("1.1.1");
    project.assert_tree_clean();
}
