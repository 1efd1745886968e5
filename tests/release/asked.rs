//! Projects whose version only the build backend can tell.

use super::drilled::Local;

/// Takes the version out of the backend's standard metadata.
fn asked(config: &str) -> Local {
    let local = Local::configured(config);
    state(&local, "1.0.0");
    local
}

/// Commits a version that only the backend reads, and a backend that leaves a trace wherever it runs.
fn state(local: &Local, version: &str) {
    let project = &local.project;
    let text = project.read("pyproject.toml").replace("version = \"1.0.0\"\n", "");
    let text = text.replace("[project]\n", "[project]\ndynamic = [\"version\"]\n");
    project.write("pyproject.toml", &format!("{text}\n[tool.demo]\nversion = \"{version}\"\n"));
    let trace = local.project.sandbox().home().join("backend-ran");
    let backend = project.read("backend/in_tree.py");
    project.write(
        "backend/in_tree.py",
        &format!("{backend}\nopen({:?}, 'w').close()\n", trace.display().to_string()),
    );
    project.commit("Let the backend determine the version");
}

fn backend_ran(local: &Local) -> bool {
    local.project.sandbox().home().join("backend-ran").exists()
}

const SHARED: &str = "[stage.build]\nisolation = false\n";

#[test]
fn the_backend_is_asked_only_with_consent() {
    let local = asked(SHARED);
    for command in ["plan", "run --dry-run", "doctor"] {
        let refused = local.pyrelease(command).run();
        assert_ne!(refused.status(), 0, "{refused}");
        assert!(
            refused.stderr().contains("--ask-backend") || refused.stdout().contains("--ask-backend"),
            "{refused}"
        );
        assert!(!backend_ran(&local), "{command}");
    }
    let before = local.project.snapshot();
    local.pyrelease("run").on_a_terminal(&[("Run the project's build backend", "n\n")]).code(3);
    assert!(!backend_ran(&local));
    local.project.assert_unchanged(&before);
    // The version is known then, but not where to write the next one.
    let asked = local.pyrelease("plan minor --ask-backend").code(3);
    assert!(backend_ran(&local));
    asked.stderr_contains("cannot bump 1.0.0 to 1.1.0").stderr_contains("[stage.version]");
    local.project.assert_unchanged(&before);
}

#[test]
fn what_the_backend_states_is_released() {
    let local = Local::configured(SHARED);
    state(&local, "1.1.0");
    local.pyrelease("plan --ask-backend").code(0).stdout_contains("demo 1.1.0");
    local.pyrelease("run --yes").code(0);
    assert_eq!(
        local.public.files().into_keys().collect::<Vec<_>>(),
        ["demo-1.1.0-py3-none-any.whl", "demo-1.1.0.tar.gz"]
    );
    assert_eq!(local.project.tag_target("v1.1.0"), local.project.head());
}

#[test]
fn a_stage_of_ones_own_writes_what_the_backend_reads() {
    let stages = "stages = [\"changelog\", \"own\", \"tag\", \"build\", \"check\", \"testpypi\", \"push\", \"pypi\"]\n";
    let own = "[stage.own]\nrun = [\"sed\", \"-i\", \"s/{previous_version}/{version}/\", \"pyproject.toml\"]\ngives = [\"version\"]\n";
    let local = asked(&format!("{stages}{own}"));
    local.pyrelease("run minor --yes").code(0);
    assert_eq!(local.public.files().len(), 2);
    assert!(local.project.read("pyproject.toml").contains("version = \"1.1.0\""));
}

#[test]
fn a_backend_that_fails_is_named() {
    let local = asked(SHARED);
    local.project.write("backend/in_tree.py", "raise SystemExit('the compiler is away')\n");
    local.project.commit("Break the backend");
    let failed = local.pyrelease("plan --ask-backend").code(1);
    failed
        .stderr_contains("the build backend did not make the project's metadata")
        .stderr_contains("the compiler is away");
}
