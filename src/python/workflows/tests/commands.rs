//! Commands in scripts.

use super::*;

/// What a script uploads with, where to, and whether that is certain.
fn uploads(script: &str) -> Vec<(String, String, bool)> {
    uploads_with(script, "", &[])
}

fn uploads_with(script: &str, more: &str, files: &[(&str, &str)]) -> Vec<(String, String, bool)> {
    let script: String = script.lines().map(|line| format!("          {line}\n")).collect();
    let text = format!("on: push\njobs:\n  job:\n    steps:\n      - run: |\n{script}{more}");
    let mut all = vec![(".github/workflows/ci.yml", text.as_str())];
    all.extend(files);
    let shown = |step: PublishingWorkflow| {
        let indexes: Vec<String> = step.indexes.iter().map(ToString::to_string).collect();
        (step.by, indexes.join(", "), step.is_certain)
    };
    found(&all).publishing.into_iter().map(shown).collect()
}

#[test]
fn finds_the_tools_that_upload_and_their_index() {
    for (script, by, index) in [
        ("twine upload dist/*", "twine upload", "PyPI"),
        ("python -m twine upload --repository testpypi dist/*", "twine upload", "TestPyPI"),
        ("python3.12 -Im twine upload dist/*", "twine upload", "PyPI"),
        ("python -m twine upload -rtestpypi dist/*", "twine upload", "TestPyPI"),
        ("pipx run --spec twine==5 twine upload --repository=internal dist/*", "twine upload", "`internal`"),
        (
            "uvx twine@latest upload --repository-url https://test.pypi.org/legacy/ d/*",
            "twine upload",
            "TestPyPI",
        ),
        ("uvx --with keyring twine upload d/*", "twine upload", "PyPI"),
        ("uv run --group release twine upload d/*", "twine upload", "PyPI"),
        ("uv tool run twine upload d/*", "twine upload", "PyPI"),
        ("poetry run twine upload d/*", "twine upload", "PyPI"),
        ("hatch run dev:twine upload d/*", "twine upload", "PyPI"),
        ("sudo -E env A=1 TWINE_REPOSITORY=testpypi twine upload d/*", "twine upload", "TestPyPI"),
        ("TWINE_REPOSITORY=testpypi twine upload d/*", "twine upload", "TestPyPI"),
        (
            "export TWINE_REPOSITORY_URL=https://test.pypi.org/legacy/\ntwine upload d/*",
            "twine upload",
            "TestPyPI",
        ),
        (
            "export TWINE_REPOSITORY_URL='https://a.example/simple'\ntwine upload d/*",
            "twine upload",
            "https://a.example/simple",
        ),
        ("INDEX=testpypi; twine upload -r $INDEX d/*", "twine upload", "TestPyPI"),
        ("twine upload -r \"$SOMEWHERE\" d/*", "twine upload", "an index"),
        (".venv/bin/twine upload d/*", "twine upload", "PyPI"),
        ("${BIN}twine upload d/*", "twine upload", "PyPI"),
        ("if x; then\n  twine \\\n    upload d/*\nfi", "twine upload", "PyPI"),
        ("make build && (cd dist; twine upload * 2>&1 | tee log)", "twine upload", "PyPI"),
        ("bash -ec 'twine upload d/*'", "twine upload", "PyPI"),
        ("for file in d/*; do twine upload $file; done", "twine upload", "PyPI"),
        ("find d -name '*.whl' | xargs -n 1 twine upload", "twine upload", "PyPI"),
        ("uv publish", "uv publish", "PyPI"),
        ("uv publish --publish-url https://test.pypi.org/legacy/", "uv publish", "TestPyPI"),
        ("uv --directory sub publish --index testpypi", "uv publish", "TestPyPI"),
        ("UV_PUBLISH_URL=https://a.example/ uv publish", "uv publish", "https://a.example/"),
        ("hatch publish -r test", "hatch publish", "TestPyPI"),
        ("flit publish --repository testpypi", "flit publish", "TestPyPI"),
        ("poetry -C sub publish --build -r private", "poetry publish", "`private`"),
        ("pdm publish --no-build --repository testpypi", "pdm publish", "TestPyPI"),
        ("maturin publish --skip-existing", "maturin publish", "PyPI"),
        ("maturin upload d/*", "maturin upload", "PyPI"),
        ("rye publish --repository testpypi", "rye publish", "TestPyPI"),
        ("python setup.py sdist bdist_wheel upload -r testpypi", "setup.py upload", "TestPyPI"),
        ("$env:TWINE_REPOSITORY=\"testpypi\"\ntwine upload `\n  d/*", "twine upload", "TestPyPI"),
    ] {
        assert_eq!(uploads(script), [(by.to_owned(), index.to_owned(), true)], "{script}");
    }
}

#[test]
fn finds_both_indexes_of_a_branch() {
    let script = "if $RELEASE; then export TWINE_REPOSITORY=pypi; else export TWINE_REPOSITORY_URL=https://test.pypi.org/legacy/; fi\ntwine upload d/*";
    assert_eq!(uploads(script), [("twine upload".into(), "PyPI, TestPyPI".into(), true)]);
}

#[test]
fn what_does_not_upload_is_not_found() {
    for script in [
        "twine check d/*",
        "echo twine upload d/*",
        "# twine upload d/*",
        "ls # ; twine upload",
        "pip install twine upload",
        "twine upload --help",
        "uv publish --dry-run",
        "poetry publish --dry-run",
        "cat <<EOF\ntwine upload d/*\nEOF",
        "echo 'a\ntwine upload d/*'",
        "uv run publish-docs",
        "gh release upload v1 d/*",
        "poetry version publish",
        "npm publish",
        "cargo publish",
        "tox -e docs,release --notest",
        "make release-notes",
        "nox -s publish_docs",
        "python -c 'import twine' upload",
        "./scripts/release-notes.sh",
        ".venv/bin/twine check d/*",
        "hatch run twine check d/*",
    ] {
        assert_eq!(uploads(script), [], "{script}");
    }
}

#[test]
fn names_of_tasks_are_hints() {
    for script in [
        "tox -e release",
        "tox run -e build,publish",
        "nox -s publish",
        "make VERSION=1 release",
        "python -m tox -e release -- --yes",
        "hatch run release",
        "./scripts/publish.sh",
        "semantic-release publish",
        "just upload-pypi",
    ] {
        let found = uploads(script);
        assert_eq!(found, [(script.to_owned(), "an index".to_owned(), false)]);
    }
    let env = "        env:\n          TWINE_REPOSITORY: testpypi\n";
    let found = uploads_with("tox -e release", env, &[]);
    assert_eq!(found, [("tox -e release".into(), "TestPyPI".into(), false)]);
}

#[test]
fn reads_scripts_of_the_project() {
    let script = ("scripts/go", "#!/bin/sh\nset -e\n${PREFIX}twine upload d/*\n");
    let nested = ("go.sh", "./scripts/go\n");
    let python = ("tools/go.py", "import subprocess\nsubprocess.run(['twine', 'upload', 'd'])\n");
    let harmless = ("tools/release.py", "# twine upload\nprint('notes')\n");
    let files = [script, nested, python, harmless];
    let certain = [("twine upload".to_owned(), "PyPI".to_owned(), true)];
    for run in
        ["scripts/go", "./scripts/go --yes", "bash -e scripts/go", "./go.sh", "$GITHUB_WORKSPACE/scripts/go"]
    {
        assert_eq!(uploads_with(run, "", &files), certain, "{run}");
    }
    let folder = "        working-directory: scripts\n";
    assert_eq!(uploads_with("./go", folder, &files), certain);
    let found = uploads_with("python tools/go.py", "", &files);
    assert_eq!(found, [("python tools/go.py".into(), "an index".into(), false)]);
    assert_eq!(uploads_with("python tools/release.py", "", &files), []);
    // Scripts that run each other end.
    let looping = [("a.sh", "./b.sh\n./b.sh\n"), ("b.sh", "./a.sh\n./a.sh\ntwine upload d\n")];
    assert!(!uploads_with("./a.sh", "", &looping).is_empty());
}
