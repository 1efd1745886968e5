//! Many packages of one repository, released in one run.

mod commands;
mod configuration;
mod interrupted;
mod released;
mod selection;

use pyrelease_test_support::{Backend, Blueprint, IN_TREE, Project, set_binary};

use super::QUICK;

/// A changelog with a release, and with nothing for the next one
const NOTHING_NEW: &str = "# Changelog\n\n## [Unreleased]\n\n## [1.0.0] - 2026-01-15\n\n- The first one.\n";
/// What a member adds
const NEWS: &str = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A greeting.\n\n## [1.0.0] - 2026-01-15\n\n- The first one.\n";

/// The stages that need no index, and a build that takes no time
const LOCAL: &str = "stages = [\"changelog\", \"version\", \"tag\", \"push\"]\n\n[workspace]\n";

/// A workspace of uv with these members below `packages/`, each with its version and what it requires, and a remote.
pub(super) fn workspace(members: &[(&str, &str, &[&str])]) -> Blueprint {
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
pub(super) fn pyproject(name: &str, version: &str, requires: &[&str]) -> String {
    let requires: Vec<String> = requires.iter().map(|requirement| format!("\"{requirement}\"")).collect();
    format!(
        "[build-system]\nrequires = []\nbuild-backend = \"in_tree\"\nbackend-path = [\"backend\"]\n\n\
         [project]\nname = \"{name}\"\nversion = \"{version}\"\ndescription = \"Says hello\"\n\
         dependencies = [{}]\nreadme = \"README.md\"\nlicense = \"MIT\"\n",
        requires.join(", ")
    )
}

/// The files of a member.
fn member(whole: Blueprint, name: &str, pyproject: &str) -> Blueprint {
    let folder = format!("packages/{name}");
    let module = format!("\"\"\"Says hello.\"\"\"\n\nNAME = \"{name}\"\n");
    whole
        .file(&format!("{folder}/pyproject.toml"), pyproject)
        .file(&format!("{folder}/README.md"), &format!("# {name}\n"))
        .file(&format!("{folder}/LICENSE"), "MIT License\n")
        .file(&format!("{folder}/CHANGELOG.md"), NOTHING_NEW)
        .file(&format!("{folder}/backend/in_tree.py"), IN_TREE)
        .file(&format!("{folder}/src/{}/__init__.py", name.replace('-', "_")), &module)
}

/// Three packages: `cli` pins `core`, and `app` accepts a range of `cli`.
pub(super) fn three() -> Blueprint {
    workspace(&[
        ("core", "1.0.0", &[]),
        ("cli", "0.3.0", &["core==1.0.0"]),
        ("app", "2.0.0", &["cli>=0.3,<0.4", "core~=1.0"]),
    ])
}

/// Gives a member something to release.
pub(super) fn change(project: &Project, name: &str) {
    project.write(&format!("packages/{name}/CHANGELOG.md"), NEWS);
    project.commit(&format!("Add a greeting to {name}"));
    project.git(&["push", "--quiet"]);
}

/// The names, versions and tags of what a plan releases.
#[track_caller]
pub(super) fn planned(project: &Project, arguments: &str) -> Vec<String> {
    let outcome = project.pyrelease(&format!("plan --format json {arguments}")).code(0);
    let plan = outcome.events().pop().expect("a plan");
    let members = plan["plan"]["members"].as_array().expect("members").clone();
    let shown = |member: &serde_json::Value| {
        let text = |key: &str| member[key].as_str().expect(key).to_owned();
        format!("{} {} ({})", text("name"), text("version"), text("tag"))
    };
    members.iter().map(shown).collect()
}
