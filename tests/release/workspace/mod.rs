//! Many packages of one repository, released in one run.

mod backends;
mod commands;
mod configuration;
mod elsewhere;
mod interrupted;
mod one_changelog;
mod released;
mod reopened;
mod schedules;
mod selection;

use pyrelease_test_support::{Backend, Blueprint, IN_TREE, IndexServer, Project, Python, set_binary};

pub(crate) use elsewhere::compile;

use super::QUICK;

/// A changelog with a release, and with nothing for the next one
const NOTHING_NEW: &str = "# Changelog\n\n## [Unreleased]\n\n## [1.0.0] - 2026-01-15\n\n- The first one.\n";
/// What a member adds
const NEWS: &str = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A greeting.\n\n## [1.0.0] - 2026-01-15\n\n- The first one.\n";

/// The stages that need no index, and a build that takes no time
pub(crate) const LOCAL: &str = "stages = [\"changelog\", \"version\", \"tag\", \"push\"]\n\n[workspace]\n";

/// A workspace of uv with these members below `packages/`, each with its version and what it requires, and a remote.
pub(crate) fn workspace(members: &[(&str, &str, &[&str])]) -> Blueprint {
    set_binary(env!("CARGO_BIN_EXE_pyrelease"));
    let root = "[tool.uv.workspace]\nmembers = [\"packages/*\"]\n";
    let whole =
        Project::python("work", "1.0.0").backend(Backend::InTree).file("pyproject.toml", root).with_remote();
    members.iter().fold(whole, |whole, (name, version, requires)| {
        let whole = member(whole, name, &pyproject(name, version, requires));
        whole.tagged(&format!("{name}-v{version}"))
    })
}

/// The metadata of a member with a backend of its own.
pub(crate) fn pyproject(name: &str, version: &str, requires: &[&str]) -> String {
    let requires: Vec<String> = requires.iter().map(|requirement| format!("\"{requirement}\"")).collect();
    format!(
        "[build-system]\nrequires = []\nbuild-backend = \"in_tree\"\nbackend-path = [\"backend\"]\n\n\
         [project]\nname = \"{name}\"\nversion = \"{version}\"\ndescription = \"Says hello\"\n\
         dependencies = [{}]\nreadme = \"README.md\"\nlicense = \"MIT\"\n",
        requires.join(", ")
    )
}

/// A member whose backend is one of its own files.
fn member(whole: Blueprint, name: &str, pyproject: &str) -> Blueprint {
    let folder = format!("packages/{name}");
    member_files(whole, name)
        .file(&format!("{folder}/pyproject.toml"), pyproject)
        .file(&format!("{folder}/backend/in_tree.py"), IN_TREE)
}

/// The files of a member, without its metadata.
fn member_files(whole: Blueprint, name: &str) -> Blueprint {
    let folder = format!("packages/{name}");
    let module = format!("\"\"\"Says hello.\"\"\"\n\nNAME = \"{name}\"\n");
    whole
        .file(&format!("{folder}/README.md"), &format!("# {name}\n"))
        .file(&format!("{folder}/LICENSE"), "MIT License\n")
        .file(&format!("{folder}/CHANGELOG.md"), NOTHING_NEW)
        .file(&format!("{folder}/src/{}/__init__.py", name.replace('-', "_")), &module)
}

/// Installs a package from an index into a new environment, by `pip` or `uv pip`: what is there then, as requirements.
#[track_caller]
fn installed(project: &Project, tool: &str, index: &IndexServer, name: &str) -> Vec<String> {
    let folder = project.sandbox().temporary().join(tool.replace(' ', "-"));
    fs_err::create_dir(&folder).expect("a folder");
    Python::get().run(&folder, &["-m", "venv", "--without-pip", "installed"]);
    let (python, index) =
        (folder.join("installed/bin/python"), format!("--index-url={}", index.simple_url()));
    let python = python.to_str().expect("our own name");
    let run = |environment: &Python, module: &str, arguments: &[&str]| {
        environment
            .run(&folder, &[&["-m"], module.split(' ').collect::<Vec<_>>().as_slice(), arguments].concat())
    };
    match tool {
        "pip" => run(
            Python::get(),
            "pip --python",
            &[python, "install", "--quiet", "--no-cache-dir", &index, name],
        ),
        _ => run(Python::with_uv(), "uv pip install --no-cache --python", &[python, &index, name]),
    };
    let listed = run(Python::get(), "pip --python", &[python, "list", "--format=freeze"]);
    listed.lines().map(str::to_owned).collect()
}

/// Three packages: `cli` pins `core`, and `app` accepts a range of `cli`.
pub(crate) fn three() -> Blueprint {
    workspace(&[
        ("core", "1.0.0", &[]),
        ("cli", "0.3.0", &["core==1.0.0"]),
        ("app", "2.0.0", &["cli>=0.3,<0.4", "core~=1.0"]),
    ])
}

/// Gives a member something to release.
pub(crate) fn change(project: &Project, name: &str) {
    project.write(&format!("packages/{name}/CHANGELOG.md"), NEWS);
    project.commit(&format!("Add a greeting to {name}"));
    project.git(&["push", "--quiet"]);
}

/// The names, versions and tags of what a plan releases.
#[track_caller]
pub(crate) fn planned(project: &Project, arguments: &str) -> Vec<String> {
    let outcome = project.pyrelease(&format!("plan --format json {arguments}")).code(0);
    let plan = outcome.events().pop().expect("a plan");
    let members = plan["plan"]["members"].as_array().expect("members").clone();
    let shown = |member: &serde_json::Value| {
        let text = |key: &str| member[key].as_str().expect(key).to_owned();
        format!("{} {} ({})", text("name"), text("version"), text("tag"))
    };
    members.iter().map(shown).collect()
}
