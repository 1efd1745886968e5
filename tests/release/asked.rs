//! Projects whose version only the build backend can tell.

use pyrelease_test_support::{Transcript, str};

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
    let mut seen = Transcript::named("asked/without-consent");
    for command in ["plan", "run --dry-run", "doctor"] {
        let refused = local.pyrelease(command).run();
        assert_ne!(refused.status(), 0, "{refused}");
        seen.add_messages(&refused);
        assert!(!backend_ran(&local), "{command}");
    }
    seen.assert();
    let before = local.project.snapshot();
    local.pyrelease("run").on_a_terminal(&[("Run the project's build backend", "n\n")]).code(3);
    assert!(!backend_ran(&local));
    local.project.assert_unchanged(&before);
    // The version is known then, but not where to write the next one.
    let asked = local.pyrelease("plan minor --ask-backend").code(3);
    assert!(backend_ran(&local));
    asked.messages_eq(str![[r#"
error: cannot bump 1.0.0 to 1.1.0: `[project] version` is dynamic: it is not known where `in_tree` takes it from
help: set where the version is written: `files = [{ path = "…", search = "… {version} …" }]` in `[stage.version]`

"#]]);
    local.project.assert_unchanged(&before);
}

#[test]
fn what_the_backend_states_is_released() {
    let local = Local::configured(SHARED);
    state(&local, "1.1.0");
    local.pyrelease("plan --ask-backend").code(0).stdout_eq(str![[r#"
demo 1.1.0, tag v1.1.0, from main at [OID]
because 1.1.0 has no tag yet
  in the run's own clone:
    changelog  write CHANGELOG.md
    version    skip: the project already states 1.1.0
    tag        commit "Release 1.1.0"
               tag v1.1.0
    build      build sdist and wheel with python -m build
    check      check every distribution by PyPI's rules
  rehearsal:
    testpypi   upload to testpypi (http://127.0.0.1:[PORT]/legacy/, release.toml); as 1.1.0.devN, with other bytes, if it already has other files of this version
  in the repository and its remote; undone if a later stage fails:
    land       land in your repository: main and tag v1.1.0
    push       push main and v1.1.0 to origin, atomically
  public; past this point the release can only be completed:
    pypi       upload to pypi (http://127.0.0.1:[PORT]/legacy/, release.toml)

"#]]);
    local.pyrelease("run --yes").code(0);
    assert_eq!(
        local.public.files().into_keys().collect::<Vec<_>>(),
        ["demo-1.1.0-py3-none-any.whl", "demo-1.1.0.tar.gz"]
    );
    assert_eq!(local.project.tag_target("v1.1.0"), local.project.head());
}

#[test]
fn a_version_that_the_backend_makes_from_tags_needs_no_place() {
    let local = Local::configured("stages = [\"changelog\", \"version\", \"tag\"]\n");
    let project = &local.project;
    project.write(
        "pyproject.toml",
        &project.read("pyproject.toml").replace("version = \"1.0.0\"\n", "dynamic = [\"version\"]\n"),
    );
    let described = "\n\ndef _described():\n    import subprocess\n    told = subprocess.run(['git', 'describe', \
                     '--long', '--match', 'v*'], capture_output=True, text=True, check=True).stdout.strip()\n    \
                     tag, distance, commit = told[1:].rsplit('-', 2)\n    return tag if distance == '0' else \
                     f'{tag}.post1.dev{distance}+{commit}'\n";
    let backend = project.read("backend/in_tree.py").replace("field(\"version\")", "_described()");
    project.write("backend/in_tree.py", &format!("{backend}{described}"));
    project.commit("Take the version from the tags");
    let plan = local.pyrelease("plan minor --ask-backend").code(0);
    let skipped = "version    skip: the project's own code takes the version from the tag";
    assert!(plan.stdout().contains(skipped), "{}", plan.stdout());
    assert!(plan.stdout().starts_with("demo 1.1.0 (now 1.0.0), tag v1.1.0"), "{}", plan.stdout());
    local.pyrelease("run minor --yes").code(0);
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
    failed.messages_eq(str![[r#"
error: the build backend did not make the project's metadata
  caused by: `[CACHE]/tools/[OID]/bin/python [ROOT][TEMPORARY]/metadata.py [ROOT][TEMPORARY]/tree/ [ROOT][TEMPORARY]/metadata.json shared` failed (exit status: 1)
  the compiler is away
  Backend subprocess exited when trying to invoke prepare_metadata_for_build_wheel
help: `python -m build` shows the same problem; correct the project, or set `files` in [stage.version]

"#]]);
}
