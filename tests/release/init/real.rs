//! What the settings of real projects have shown: each case has their facts.

use pyrelease_test_support::{Backend, Outcome, Project};

use super::{bare, fate, project, report};

/// The messages of the findings of `init`'s look at the release.
fn findings(outcome: &Outcome) -> Vec<String> {
    let events = outcome.events().into_iter();
    events.filter_map(|event| Some(event["finding"]["message"].as_str()?.to_owned())).collect()
}

/// tbump's own: what became a stage, or is the work of one, is not said to be left out.
#[test]
fn commands_that_became_stages_are_not_said_to_be_left_out() {
    let toml = "[version]\ncurrent = \"1.0.0\"\nregex = '(?P<major>\\d+)\\.(?P<minor>\\d+)\\.(?P<patch>\\d+)'\n\
                [git]\nmessage_template = \"Bump to {new_version}\"\ntag_template = \"v{new_version}\"\n\
                [[file]]\nsrc = \"pyproject.toml\"\n\
                [[before_commit]]\nname = \"Check Changelog\"\ncmd = \"grep -q {new_version} CHANGELOG.md\"\n\
                [[after_push]]\nname = \"Publish to pypi\"\ncmd = \"poetry publish --build\"\n";
    let project = project().file("tbump.toml", toml).tagged("v1.0.0").build();
    let said = |findings: Vec<String>| -> Vec<String> {
        findings.into_iter().filter(|message| message.contains("are not run")).collect()
    };
    let outcome = project.pyrelease("doctor --format json").code(3);
    assert_eq!(
        said(findings(&outcome)),
        [
            "`tbump.toml` (tbump) is followed in part: `before_commit (Check Changelog)`: these commands are not run"
        ]
    );
    let outcome = project.pyrelease("init --yes --format json").code(0);
    assert_eq!(said(findings(&outcome)), [""; 0]);
    assert!(bare(&project.read("release.toml")).contains(&"[stage.check-changelog]".to_owned()));
}

/// click-extra: `(?m)` is what the tool adds anyway; scrapy: the changelog is one of its files.
#[test]
fn bump_my_version() {
    let toml = r#"
[tool.bumpversion]
current_version = "1.0.0"

[[tool.bumpversion.files]]
filename = "./pyproject.toml"
regex = true
search = "(?m)^version = \"{current_version}\""
replace = "version = \"{new_version}\""

[[tool.bumpversion.files]]
filename = "./citation.cff"
regex = true
search = "(?m)^version: {current_version}"
replace = "version: {new_version}"

[[tool.bumpversion.files]]
filename = "docs/news.rst"
regex = true
search = "\\(unreleased\\)$"
replace = "({now:%Y-%m-%d})"
"#;
    let project = project()
        .file(".bumpversion.toml", toml)
        .file("citation.cff", "cff-version: 1.2.0\nversion: 1.0.0\n")
        .file("docs/news.rst", "News\n====\n\ndemo 1.1.0 (unreleased)\n-----------------------\n\n- more\n")
        .build();
    project.git(&["rm", "--quiet", "CHANGELOG.md"]);
    project.commit("News are in docs");
    let outcome = project.pyrelease("init --yes --format json").code(0);
    let report = report(&outcome);
    assert_eq!(fate(&report, "files (./pyproject.toml) search").0, "same");
    assert_eq!(fate(&report, "files (./citation.cff) search").0, "converted");
    let config = project.read("release.toml");
    let origin = "# `files (docs/news.rst) filename` of bump-my-version, in `.bumpversion.toml`\n";
    assert!(config.contains(&format!("{origin}file = \"docs/news.rst\"")), "{config}");
    project.pyrelease("bump 1.1.0").code(0);
    assert_eq!(project.read("citation.cff"), "cff-version: 1.2.0\nversion: 1.1.0\n");
    assert!(project.read("docs/news.rst").contains("demo 1.1.0 (2"), "{}", project.read("docs/news.rst"));
}

/// jupyterhub's version is in a tuple of its own form.
#[test]
fn a_template_of_the_version_is_not_said_to_be_the_usual_one() {
    let toml = "[version]\ncurrent = \"1.0.0\"\nregex = '(?P<major>\\d+)\\.(?P<minor>\\d+)\\.(?P<patch>\\d+)'\n\
                [git]\nmessage_template = \"Bump to {new_version}\"\ntag_template = \"{new_version}\"\n\
                [[file]]\nsrc = \"pyproject.toml\"\nsearch = 'version = \"{current_version}\"'\n\
                [[file]]\nsrc = \"demo/_version.py\"\nsearch = \"version_info = {current_version}\"\n\
                version_template = '({major}, {minor}, {patch}, \"\")'\n";
    let project = project()
        .file("tbump.toml", toml)
        .file("demo/_version.py", "version_info = (1, 0, 0, \"\")\n")
        .build();
    let report = report(&project.pyrelease("init --yes --format json").code(3));
    for key in ["src", "search", "version_template"] {
        let (outcome, detail) = fate(&report, &format!("file (demo/_version.py) {key}"));
        assert_eq!(outcome, "needs-you", "{key}");
        assert!(detail.contains("has a `version_template`"), "{detail}");
    }
}

/// deezer-python locks with uv before it builds; zeroconf is below 1.0.0; others make a release on the forge.
#[test]
fn python_semantic_release() {
    let toml = |on_zero: &str| {
        format!(
            "[semantic_release]\nversion_toml = [\"pyproject.toml:project.version\"]\nallow_zero_version = true\n\
             major_on_zero = {on_zero}\nbuild_command = \"\"\"\npip install uv\nuv lock\ngit add uv.lock\nuv build\n\"\"\"\n\
             [semantic_release.publish]\nupload_to_vcs_release = true\n"
        )
    };
    for (version, on_zero, outcome, stable) in [
        ("0.9.0", "true", "same", false),
        ("0.9.0", "false", "same", false),
        ("1.0.0", "true", "same", false),
    ] {
        let project = Project::python("demo", version)
            .backend(Backend::InTree)
            .file("releaserc.toml", &toml(on_zero))
            .changelog("# Changelog\n")
            .build();
        let report = report(&project.pyrelease("init --yes --format json").code(0));
        assert_eq!(fate(&report, "build_command").0, "same");
        assert_eq!(fate(&report, "allow_zero_version").0, "same");
        assert_eq!(
            fate(&report, "major_on_zero").0,
            outcome,
            "{version} {:?}",
            fate(&report, "major_on_zero")
        );
        assert!(fate(&report, "publish.upload_to_vcs_release").1.contains("`forge-release`"));
        let config = project.read("release.toml");
        assert_eq!(config.contains("stable = true"), stable, "{config}");
        assert!(!config.contains("`major_on_zero`"), "{config}");
        project.pyrelease("plan minor").code(0);
    }
}

/// deezer-python's workflow makes a release of each push.
#[test]
fn a_workflow_that_runs_the_other_tool_needs_the_user() {
    let workflow = "on: [push]\njobs:\n  release:\n    runs-on: ubuntu-latest\n    steps:\n    \
                    - uses: python-semantic-release/python-semantic-release@v10\n";
    let with = |workflow: &str, code: i32| {
        let project = project()
            .file(
                "releaserc.toml",
                "[semantic_release]\nversion_toml = [\"pyproject.toml:project.version\"]\n",
            )
            .file(".github/workflows/ci.yml", workflow)
            .build();
        let report = report(&project.pyrelease("init --yes --format json").code(code));
        (report["open"].clone(), project.read("release.toml"))
    };
    let (open, config) = with(workflow, 3);
    let message = "`.github/workflows/ci.yml` makes releases with python-semantic-release: remove its step, or both tools release";
    assert_eq!(open, serde_json::json!([message]));
    assert!(config.contains("# Left to you:"), "{config}");
    let (open, _) = with(&workflow.replace("- uses", "# - uses"), 0);
    assert_eq!(open, serde_json::json!([]));
}

/// typos: places that name the tag.
#[test]
fn cargo_release() {
    let cargo = "[package]\nname = \"demo\"\nversion = \"1.0.0\"\nedition = \"2024\"\n\n[package.metadata.release]\n\
                 tag-prefix = \"\"\npre-release-replacements = [\n\
                 {file=\"CHANGELOG.md\", search=\"Unreleased\", replace=\"{{version}}\", min=1},\n\
                 {file=\"action/entrypoint.sh\", search=\"VERSION=.*\", replace=\"VERSION={{version}}\", min=1},\n\
                 {file=\"docs/hook.md\", search=\"rev: .*\", replace=\"rev: {{tag_name}}\", exactly=1},\n\
                 {file=\"docs/date.md\", search=\"ReleaseDate\", replace=\"{{date}}\", min=1},\n]\n";
    let pyproject = "[project]\nname = \"demo\"\ndynamic = [\"version\"]\n[build-system]\nrequires = [\"maturin\"]\n\
                     build-backend = \"maturin\"\n";
    let project = project()
        .file("pyproject.toml", pyproject)
        .file("Cargo.toml", cargo)
        .file("action/entrypoint.sh", "VERSION=1.0.0\n")
        .file("docs/hook.md", "repos:\n  rev: v1.0.0\n")
        .file("docs/date.md", "ReleaseDate\n")
        .build();
    let report = report(&project.pyrelease("init --yes --format json").code(3));
    let outcome = |path: &str| fate(&report, &format!("pre-release-replacements ({path}) replace")).0;
    assert_eq!(outcome("CHANGELOG.md"), "same");
    assert_eq!(outcome("action/entrypoint.sh"), "converted");
    assert_eq!(outcome("docs/hook.md"), "converted");
    assert_eq!(outcome("docs/date.md"), "needs-you");
    project.pyrelease("bump minor").code(0);
    assert_eq!(project.read("docs/hook.md"), "repos:\n  rev: v1.1.0\n");
    assert_eq!(project.read("action/entrypoint.sh"), "VERSION=1.1.0\n");
}

/// globus-sdk: a workflow uploads to TestPyPI when the tag is pushed, and another one to PyPI with the forge's release.
#[test]
fn what_workflows_upload_is_not_uploaded_twice() {
    let workflow = |on: &str, with: &str| {
        format!(
            "on:\n  {on}\njobs:\n  publish:\n    runs-on: ubuntu-latest\n    steps:\n    \
             - uses: pypa/gh-action-pypi-publish@release/v1\n{with}"
        )
    };
    let trial = "      with:\n        repository-url: https://test.pypi.org/legacy/\n";
    let project = project()
        .file(".github/workflows/trial.yml", &workflow("push:\n    tags: ['v*']", trial))
        .file(".github/workflows/publish.yml", &workflow("release:\n    types: [published]", ""))
        .build();
    project.git(&["config", "url.https://127.0.0.1:1/.insteadOf", "https://github.com/"]);
    project.git(&["remote", "add", "origin", "https://github.com/me/demo.git"]);
    project.pyrelease("init --yes").code(0);
    let config = project.read("release.toml");
    assert_eq!(
        bare(&config),
        [
            "stages = [\"changelog\", \"version\", \"tag\", \"build\", \"check\", \"push\", \"forge-release\", \"pypi\"]",
            "[stage.pypi]",
            "by = \"workflow\""
        ]
    );
    let words = config.replace("\n# ", " ");
    for comment in [
        "the push of the tag starts `.github/workflows/trial.yml`, which uploads to TestPyPI",
        "the release that `forge-release` publishes starts `.github/workflows/publish.yml`, which publishes",
    ] {
        assert!(words.contains(comment), "{config}");
    }
}

/// attrs and many others publish when a release is published on GitHub; some have a workflow make that release.
#[test]
fn a_workflow_that_a_release_starts_is_waited_for() {
    let job = |step: &str| format!("jobs:\n  one:\n    runs-on: ubuntu-latest\n    steps:\n      - {step}\n");
    let upload = job("uses: pypa/gh-action-pypi-publish@release/v1");
    let page = format!("on: {{push: {{tags: ['v*']}}}}\n{}", job("uses: softprops/action-gh-release@v2"));
    let written = |types: &str, page: Option<&str>, remote: &str| {
        let on = format!("on:\n  push: {{branches: [main]}}\n  release: {{types: {types}}}\n");
        let upload = upload.replace("steps:", "if: github.event_name == 'release'\n    steps:");
        let mut blueprint = project().file(".github/workflows/publish.yml", &format!("{on}{upload}"));
        if let Some(page) = page {
            blueprint = blueprint.file(".github/workflows/page.yml", page);
        }
        let project = blueprint.build();
        project.git(&["config", "url.https://127.0.0.1:1/.insteadOf", "https://github.com/"]);
        project.git(&["remote", "add", "origin", remote]);
        project.pyrelease("init --yes").code(0);
        let config = project.read("release.toml");
        if config.contains("\"forge-release\"") {
            // Git's URL of the remote is not the forge's here.
            let forge = "[stage.forge-release]\nforge = \"github\"\nurl = \"https://github.com\"\nrepository = \"me/demo\"\n";
            project.write("release.toml", &format!("{config}\n{forge}"));
        }
        let plan = project.pyrelease("plan minor").code(0);
        (bare(&config).concat(), config.replace("\n# ", " "), plan)
    };
    let github = "https://github.com/me/demo.git";
    for types in ["[published]", "[created]", "[released]"] {
        let (lines, _, plan) = written(types, None, github);
        assert!(
            lines.contains("\"push\", \"forge-release\", \"pypi\"]") && lines.contains("by = "),
            "{lines}"
        );
        let starts =
            "publish release v1.1.0 of me/demo on github.com; this starts .github/workflows/publish.yml";
        assert!(plan.stdout().contains(starts), "{plan}");
    }
    let (lines, words, plan) = written("[published]", Some(&page), github);
    assert!(lines.contains("\"push\", \"pypi\"]") && lines.contains("by = \"workflow\""), "{lines}");
    assert!(
        words.contains("`.github/workflows/page.yml` makes a release on the forge when the tag is pushed"),
        "{words}"
    );
    assert!(plan.stdout().contains("this starts the workflow that `pypi` waits for"), "{plan}");
    // ariadne-codegen: a person publishes what the workflow drafts.
    let draft = page.replace("action-gh-release@v2", "action-gh-release@v2\n        with: {draft: true}");
    let (_, words, _) = written("[published]", Some(&draft), github);
    assert!(
        words.contains("`.github/workflows/page.yml` drafts a release on the forge when the tag is pushed"),
        "{words}"
    );
    // Nothing tells what kind of forge it is.
    let (lines, words, _) = written("[published]", None, "https://git.example.org/me/demo.git");
    assert!(lines.contains("\"push\", \"pypi\"]") && !lines.contains("by = "), "{lines}");
    assert!(words.contains("uploads too, when a release is published on the forge"), "{words}");
}

/// tablib: the workflow uploads to the index of an organization, which brings it to PyPI.
#[test]
fn a_workflow_that_uploads_elsewhere_is_not_waited_for() {
    let workflow = "on: {release: {types: [published]}}\njobs:\n  one:\n    steps:\n      \
                    - uses: pypa/gh-action-pypi-publish@release/v1\n        \
                    with: {repository-url: 'https://jazzband.example/projects/demo/upload'}\n";
    let project = project().file(".github/workflows/release.yml", workflow).build();
    project.git(&["config", "url.https://127.0.0.1:1/.insteadOf", "https://github.com/"]);
    project.git(&["remote", "add", "origin", "https://github.com/me/demo.git"]);
    project.pyrelease("init --yes").code(0);
    let config = project.read("release.toml");
    assert!(!bare(&config).concat().contains("forge-release") && !config.contains("by = "), "{config}");
    let said = "`.github/workflows/release.yml` uploads to https://jazzband.example/projects/demo/upload: if";
    assert!(config.replace("\n# ", " ").contains(said), "{config}");
}
