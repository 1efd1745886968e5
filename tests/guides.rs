//! The guides work as they are written: a project has the file that a guide shows, its commands run one after the other in
//! one shell, and print what stands below them.

use std::path::Path;

use pyrelease::server::{Access, EmbeddedIndex};
use pyrelease_test_support::{Backend, Project, set_binary};
use secrecy::ExposeSecret as _;

use crate::docs::{blocks, commands, read, root};
use crate::release::workspace::{change, three};

/// A changelog as python-semantic-release writes it
const OF_COMMITS: &str = "# CHANGELOG\n\n\n## v1.0.0 (2026-01-10)\n\n### Feature\n\n- Everything\n";
const QUICK: &str = "\n[stage.build]\nisolation = false\n";

/// The parts of a text on one line, with single blanks.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a console block shows below its commands, each line up to `…`.
fn shown(block: &str) -> impl Iterator<Item = String> {
    let lines = block.lines().filter(|line| !line.starts_with("$ "));
    lines.map(|line| words(line.split('…').next().unwrap_or_default()))
}

/// Runs a guide in a project with the tag, in which the guide's first block of a language is the file.
#[track_caller]
fn works(guide: &str, tag: &str, file: (&str, &str), changelog: Option<&str>) {
    set_binary(env!("CARGO_BIN_EXE_pyrelease"));
    let blueprint = Project::python("demo", "1.0.0").backend(Backend::InTree).tagged(tag).with_remote();
    let blueprint = blueprint.file("docs/conf.py", "release = \"1.0.0\"\n");
    let blueprint = blueprint.file("src/demo/_version.py", "__version__ = \"1.0.0\"\n");
    works_in(
        match changelog {
            Some(text) => blueprint.changelog(text),
            None => blueprint,
        }
        .build(),
        guide,
        file,
    );
}

/// Runs a guide in this project, in which the guide's first block of a language is the file.
#[track_caller]
fn works_in(project: Project, guide: &str, (language, file): (&str, &str)) {
    let page = read(&root().join(format!("docs/src/guides/{guide}.md")));
    let sandbox = project.sandbox();
    let index =
        EmbeddedIndex::start(&sandbox.root().join("corp"), "corp", Access::Tokens).expect("a free port");
    let token = index.token().expect("it takes tokens");
    let real = |text: &str| {
        let text = text.replace("https://pypi.corp.example/", &index.url());
        text.replace("pypi.corp.example", "127.0.0.1").replace("pypi-...", token.expose_secret())
    };
    let text = real(&blocks(&page, language)[0]);
    match file.strip_prefix("~/") {
        Some(file) => sandbox.write_home(file, &text),
        None => {
            let before = fs_err::read_to_string(project.folder().join(file)).unwrap_or_default();
            let quick = if text.contains("\"build\"") { QUICK } else { "" };
            fs_err::create_dir_all(project.folder().join(file).parent().expect("a folder"))
                .expect("a folder");
            project.write(file, &format!("{before}\n{text}{quick}"));
            project.commit("Describe releases");
        }
    }
    if file.starts_with(".github") {
        project.git(&["remote", "set-url", "origin", "https://github.com/dana/demo.git"]);
    }
    let consoles = blocks(&page, "console");
    let script: Vec<String> =
        consoles.iter().flat_map(|block| commands(block)).map(|line| real(&line)).collect();
    assert!(script.len() > 1, "{script:?}");
    let environment = sandbox.environment();
    let path = environment.iter().find(|(name, _)| *name == "PATH").map(|(_, path)| path.to_string_lossy());
    let own = Path::new(env!("CARGO_BIN_EXE_pyrelease")).parent().expect("a folder").display();
    let path = format!("{own}:{}", path.unwrap_or_default());
    let script = format!("set -e\n{}\n", script.join("\n"));
    let run = sandbox.command_with(project.folder(), "sh", &["-c", &script], &[("PATH", &path)]);
    let run = run.stderr_to_stdout().stdout_capture().unchecked().run().expect("a shell");
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{guide}: {said}");
    let told = words(&said);
    for line in consoles.iter().flat_map(|block| shown(block)) {
        assert!(told.contains(&line), "{guide}: `{line}` is not in:\n{said}");
    }
}

#[test]
fn from_bump2version() {
    works("from-bump2version", "1.0.0", ("ini", ".bumpversion.cfg"), None);
}

#[test]
fn from_semantic_release() {
    works("from-semantic-release", "v1.0.0", ("toml", "pyproject.toml"), Some(OF_COMMITS));
}

#[test]
fn from_zest_releaser() {
    works("from-zest-releaser", "1.0.0", ("ini", "setup.cfg"), None);
}

#[test]
fn from_a_workflow() {
    works("from-workflow", "v1.0.0", ("yaml", ".github/workflows/publish.yml"), None);
}

#[test]
fn several_tokens() {
    works("several-tokens", "v1.0.0", ("ini", "~/.pypirc"), None);
}

#[test]
fn a_private_index() {
    works("private-index", "v1.0.0", ("toml", "release.toml"), None);
}

#[test]
fn a_plugin_in_five_minutes() {
    works("plugins", "v1.0.0", ("toml", "release.toml"), None);
}

#[test]
fn a_failed_release() {
    works("failed-release", "v1.0.0", ("toml", "release.toml"), None);
}

#[test]
fn several_packages_in_one_repository() {
    let project = three().build();
    change(&project, "core");
    works_in(project, "workspaces", ("toml", "release.toml"));
}
