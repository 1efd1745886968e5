//! Settings of other tools: their documentation's examples, and what becomes of each setting.

use pyrelease_test_support::Transcript;

use super::{bare, fate, project, report};

#[test]
fn bump2version_of_its_documentation() {
    let cfg = "[bumpversion]\ncurrent_version = 1.0.0\ncommit = True\ntag = True\ntag_name = {new_version}\n\
               commit_args = --no-verify\nnew_version = 3\n\n[bumpversion:file:docs/conf.py]\n\
               search = release = '{current_version}'\nreplace = release = '{new_version}'\n\n\
               [bumpversion:file:pyproject.toml]\n\n[bumpversion:file(badge):README.md]\n\
               search = demo-{current_version}-blue\nreplace = demo-{new_version}-green\n";
    let project = project()
        .file(".bumpversion.cfg", cfg)
        .file("docs/conf.py", "release = '1.0.0'\nother = '1.0.0'\n")
        .file("README.md", "# demo\n\ndemo-1.0.0-blue\n")
        .build();
    let outcome = project.pyrelease("init --yes").code(3);
    Transcript::named("init/bump2version").add_stdout(&outcome).assert();
    project.pyrelease("plan minor").code(0);
    // The tool's own record is bumped as long as its file is there.
    let stages = "stages = [\"version\", \"tag\"]";
    let config = project.read("release.toml");
    let all = config.lines().find(|line| line.starts_with("stages")).unwrap().to_owned();
    project.write("release.toml", &config.replace(&all, stages));
    project.pyrelease("run minor --yes").code(0);
    assert!(project.read(".bumpversion.cfg").contains("current_version = 1.1.0"));
    assert_eq!(project.read("docs/conf.py"), "release = '1.1.0'\nother = '1.0.0'\n");
    assert!(project.read("README.md").contains("demo-1.1.0-green"));
    project.write("README.md", &project.read("README.md").replace("green", "blue"));
    project.git(&["rm", "--quiet", ".bumpversion.cfg"]);
    project.commit("Leave bump2version");
    project.pyrelease("plan minor").code(0);
}

#[test]
fn bump_my_version_with_hooks_and_files_of_all_kinds() {
    let toml = r#"
[tool.bumpversion]
current_version = "1.0.0"
parse = "(?P<major>\\d+)\\.(?P<minor>\\d+)\\.(?P<patch>\\d+)"
serialize = ["{major}.{minor}.{patch}"]
search = "{current_version}"
replace = "{new_version}"
regex = false
ignore_missing_version = false
tag = true
sign_tags = false
tag_name = "demo-{new_version}"
tag_message = "Bump version: {current_version} → {new_version}"
allow_dirty = false
commit = true
message = "Version {new_version}"
moveable_tags = []
commit_args = ""
setup_hooks = []
pre_commit_hooks = ["make docs"]
post_commit_hooks = ["echo $BVHOOK_NEW_VERSION"]

[[tool.bumpversion.files]]
filename = "data.json"
search = '"version": "{current_version}"'
replace = '"version": "{new_version}"'

[[tool.bumpversion.files]]
filename = "x.toml"
key_path = "app.version"

[[tool.bumpversion.files]]
glob = "docs/*.txt"

[[tool.bumpversion.files]]
filename = "CHANGELOG.md"
search = "Unreleased"
replace = "{new_version}"

[[tool.bumpversion.files]]
filename = "src/demo/__init__.py"
include_bumps = ["major"]
"#;
    let project = project()
        .file(".bumpversion.toml", toml)
        .file("data.json", "{\"version\": \"1.0.0\"}\n")
        .file("x.toml", "[app]\nversion = \"1.0.0\"\n")
        .file("docs/a.txt", "1.0.0 and 1.0.0\n")
        .build();
    let outcome = project.pyrelease("init --yes --format json").code(3);
    let report = report(&outcome);
    let outcome_of = |setting: &str| fate(&report, setting).0;
    for (setting, expected) in [
        ("current_version", "same"),
        ("parse", "same"),
        ("serialize", "same"),
        ("tag_name", "converted"),
        ("message", "converted"),
        ("tag_message", "converted"),
        ("pre_commit_hooks", "converted"),
        ("post_commit_hooks", "needs-you"),
        ("moveable_tags", "same"),
        ("files (data.json) search", "converted"),
        ("files (x.toml) key_path", "converted"),
        ("files (docs/*.txt) glob", "converted"),
        ("files (CHANGELOG.md) search", "same"),
        ("files (src/demo/__init__.py) include_bumps", "needs-you"),
    ] {
        assert_eq!(outcome_of(setting), expected, "{setting}: {:?}", fate(&report, setting));
    }
    // What is left to the user ends with what to do.
    let error = outcome.events().pop().expect("an error");
    assert_eq!(error["message"], "2 points need you");
    let help = error["help"][0].as_str().unwrap_or_default();
    assert!(help.contains("`files` in [stage.version]") && help.contains("[stage.NAME]"), "{error}");
    assert_eq!(
        bare(&project.read("release.toml")),
        [
            "stages = [",
            "    \"changelog\",",
            "    \"version\",",
            "    \"before-commit\",",
            "    \"tag\",",
            "    \"build\",",
            "    \"check\",",
            "    \"testpypi\",",
            "    \"push\",",
            "    \"pypi\",",
            "]",
            "[stage.version]",
            "files = [",
            "    { path = \"data.json\", search = '\"version\": \"{version}\"' },",
            "    { path = \"x.toml\", search = 'version = \"{version}\"' },",
            "    { path = \"docs/a.txt\", search = \"{version}\", count = \"all\" },",
            "]",
            "[stage.tag]",
            "name = \"demo-{version}\"",
            "message = \"Bump version: {previous_version} → {version}\"",
            "commit-message = \"Version {version}\"",
            "[stage.before-commit]",
            "run = [\"sh\", \"-c\", \"make docs\"]",
        ]
    );
    project.pyrelease("plan minor").code(0);
}

#[test]
fn tbump_of_its_documentation() {
    let toml = r#"
github_url = "https://github.com/me/demo/"

[version]
current = "1.0.0"
regex = '''
  (?P<major>\d+)
  \.
  (?P<minor>\d+)
  \.
  (?P<patch>\d+)
  '''

[git]
message_template = "Bump to {new_version}"
tag_template = "v{new_version}"

[[file]]
src = "pyproject.toml"
search = 'version = "{current_version}"'

[[file]]
src = "docs/version.js"
search = "export default '{current_version}';"

[[before_commit]]
name = "Check changelog"
cmd = "grep -q {new_version} CHANGELOG.md"

[[after_push]]
name = "publish to pypi"
cmd = "poetry publish"

[[after_push]]
name = "tell"
cmd = "echo {current_version}"
"#;
    let project =
        project().file("tbump.toml", toml).file("docs/version.js", "export default '1.0.0';\n").build();
    let outcome = project.pyrelease("init --yes").code(0);
    Transcript::named("init/tbump").add_stdout(&outcome).assert();
    project.pyrelease("plan minor").code(0);
    // On a terminal, the file of the tool may go.
    fs_err::remove_file(project.folder().join("release.toml")).unwrap();
    let dialogue = [
        ("Write `release.toml`? [y/N]", "y\n"),
        ("Remove `tbump.toml`? Its settings are in `release.toml` now [y/N]", "y\n"),
    ];
    project.pyrelease("init").on_a_terminal(&dialogue).code(0);
    assert!(!project.folder().join("tbump.toml").exists());
}

/// pytest-dynamodb's tbump collects the fragments, which the stage `changelog` does as well: twice would fail.
#[test]
fn what_collects_fragments_already_is_no_stage() {
    let toml = "[version]\ncurrent = \"1.0.0\"\nregex = '(?P<major>\\d+)\\.(?P<minor>\\d+)\\.(?P<patch>\\d+)'\n\
                [git]\nmessage_template = \"Release {new_version}\"\ntag_template = \"v{new_version}\"\n\
                [[file]]\nsrc = \"pyproject.toml\"\n\
                [[before_commit]]\nname = \"Build changelog\"\ncmd = \"pipenv run towncrier build --yes\"\n\
                [[before_commit]]\nname = \"Make docs\"\ncmd = \"make docs\"\n";
    let towncrier = "[tool.towncrier]\ndirectory = \"changes\"\nfilename = \"CHANGELOG.md\"\n";
    let with = |text: &str, fragments: bool| {
        let project = project().file("tbump.toml", text);
        let project = match fragments {
            true => project.file("towncrier.toml", towncrier).file("changes/1.feature.md", "More\n"),
            false => project,
        };
        let project = project.build();
        let outcome = project.pyrelease("init --yes --format json").code(0);
        (fate(&report(&outcome), "before_commit (Build changelog) cmd"), project.read("release.toml"))
    };
    let (fate, config) = with(toml, true);
    assert_eq!((fate.0.as_str(), fate.1.as_str()), ("dropped", "the stage `changelog` does it"));
    assert!(
        !config.contains("towncrier build") && config.contains("[\"sh\", \"-c\", \"make docs\"]"),
        "{config}"
    );
    let (fate, config) = with(toml, false);
    assert_eq!(fate.0, "converted");
    assert!(config.contains("pipenv run towncrier build --yes"), "{config}");
}

#[test]
fn commitizen_of_its_documentation() {
    for (path, text) in [
        (
            ".cz.toml",
            "[tool.commitizen]\nname = \"cz_conventional_commits\"\nversion = \"1.0.0\"\ntag_format = \"v$version\"\n\
             version_files = [\"src/demo/__init__.py\", \"setup.cfg:^version\"]\nupdate_changelog_on_bump = true\n\
             style = [[\"qmark\", \"fg:#ff9d00 bold\"]]\npre_bump_hooks = [\"make check\"]\n",
        ),
        (
            ".cz.yaml",
            "commitizen:\n  name: cz_conventional_commits\n  version: 1.0.0\n  tag_format: v$version\n  version_files:\n  \
             - src/demo/__init__.py\n  - setup.cfg:^version\n  update_changelog_on_bump: true\n  style: []\n  \
             pre_bump_hooks:\n  - make check\n",
        ),
        (
            ".cz.json",
            "{\"commitizen\": {\"name\": \"cz_conventional_commits\", \"version\": \"1.0.0\", \"tag_format\": \"v$version\",\n\
             \"version_files\": [\"src/demo/__init__.py\", \"setup.cfg:^version\"], \"update_changelog_on_bump\": true,\n\
             \"style\": [], \"pre_bump_hooks\": [\"make check\"]}}\n",
        ),
    ] {
        let project = project()
            .file(path, text)
            .file("setup.cfg", "[x]\nversion = 1.0.0\n")
            .file("src/demo/__init__.py", "__version__ = \"1.0.0\"\n")
            .changelog("# Changelog\n\n## v1.0.0 (2026-01-01)\n\n### Feat\n\n- the first\n")
            .build();
        let outcome = project.pyrelease("init --yes --format json").code(0);
        let report = report(&outcome);
        for (setting, expected) in [
            ("name", "same"),
            ("version", "same"),
            ("tag_format", "same"),
            ("version_files[0]", "converted"),
            ("version_files[1]", "converted"),
            ("update_changelog_on_bump", "same"),
            ("pre_bump_hooks", "converted"),
        ] {
            assert_eq!(fate(&report, setting).0, expected, "{path}: {setting} {:?}", fate(&report, setting));
        }
        let lines = bare(&project.read("release.toml"));
        for line in [
            "    \"src/demo/__init__.py\",",
            "    { path = \"setup.cfg\", search = \"version = {version}\" },",
            "commit-message = \"bump: version {previous_version} → {version}\"",
            "annotated = false",
            "run = [\"sh\", \"-c\", \"make check\"]",
        ] {
            assert!(lines.iter().any(|one| one == line), "{path}: `{line}` in {lines:#?}");
        }
        project.pyrelease("plan minor").code(0);
    }
}

#[test]
fn python_semantic_release_of_its_documentation() {
    let toml = r#"
[semantic_release]
version_toml = ["pyproject.toml:project.version"]
version_variables = ["src/demo/__init__.py:__version__", "docs/conf.py:release:tf"]
tag_format = "v{version}"
commit_message = "{version}\n\nAutomatically generated"
commit_author = "semantic-release <semantic-release@example.com>"
commit_parser = "conventional"
major_on_zero = true
allow_zero_version = false
no_git_verify = false
build_command = "python -m build"
assets = []

[semantic_release.branches.main]
match = "(main|master)"
prerelease = false
prerelease_token = "rc"

[semantic_release.changelog]
mode = "update"
insertion_flag = "<!-- version list -->"

[semantic_release.changelog.default_templates]
changelog_file = "CHANGELOG.md"

[semantic_release.remote]
name = "origin"
type = "github"
token = { env = "GH_TOKEN" }

[semantic_release.publish]
dist_glob_patterns = ["dist/*"]
upload_to_vcs_release = true
"#;
    let project = project()
        .file("releaserc.toml", toml)
        .file("src/demo/__init__.py", "__version__ = \"1.0.0\"\n")
        .file("docs/conf.py", "release = \"v1.0.0\"\n")
        .changelog("# Changelog\n\n## v1.0.0 (2026-01-01)\n\n- the first\n")
        .build();
    let outcome = project.pyrelease("init --yes").code(0);
    Transcript::named("init/python-semantic-release").add_stdout(&outcome).assert();
    project.pyrelease("plan minor").code(0);
}

#[test]
fn zest_releaser_in_all_its_files() {
    let cfg = "[zest.releaser]\npython-file-with-version = src/demo/__init__.py\ntag-format = v{version}\n\
               tag-message = Tagging {version}\nprefix-message = [TAG]\ndevelopment-marker = .dev1\nless-zeroes = no\n\
               date-format = %%Y-%%m-%%d\nupload-pypi = yes\n\
               create-wheel = no\n";
    let project =
        project().file("setup.cfg", cfg).file("src/demo/__init__.py", "__version__ = \"1.0.0\"\n").build();
    project.sandbox().write_home(
        ".pypirc",
        "[pypi]\npassword = pypi-x\n[zest.releaser]\nextra-message = [ci skip]\nno-input = yes\n",
    );
    let outcome = project.pyrelease("init --yes --format json").code(0);
    let report = report(&outcome);
    for (setting, expected) in [
        ("python-file-with-version", "converted"),
        ("tag-format", "same"),
        ("tag-message", "converted"),
        ("prefix-message", "converted"),
        ("extra-message", "converted"),
        ("development-marker", "converted"),
        ("less-zeroes", "same"),
        ("date-format", "dropped"),
        ("no-input", "dropped"),
        ("upload-pypi", "same"),
        ("create-wheel", "converted"),
    ] {
        assert_eq!(fate(&report, setting).0, expected, "{setting}: {:?}", fate(&report, setting));
    }
    let lines = bare(&project.read("release.toml"));
    for line in [
        "[TAG] Preparing release {version}",
        "[ci skip]\"\"\"",
        "wheels = \"none\"",
        "marker = \".dev1\"",
        "commit-message = \"Back to development: {next_version}\"",
    ] {
        assert!(lines.iter().any(|one| one == line), "`{line}` in {lines:#?}");
    }
    assert!(lines.iter().any(|line| line.contains("\"reopen\"")), "{lines:#?}");
    project.pyrelease("plan minor").code(0);
}

#[test]
fn tools_that_go_on_working_keep_their_settings() {
    let pyproject = "[project]\nname = \"demo\"\ndynamic = [\"version\"]\n[build-system]\nrequires = [\"setuptools\", \
                     \"setuptools-scm\"]\nbuild-backend = \"setuptools.build_meta\"\n[tool.setuptools_scm]\n\
                     version_scheme = \"no-guess-dev\"\ntag_regex = \"^release-(?P<version>.+)$\"\nversion_file = \"src/demo/_version.py\"\n\
                     [tool.towncrier]\ndirectory = \"changes\"\nfilename = \"CHANGELOG.md\"\nversion = \"9\"\n[tool.scriv]\nformat = \"md\"\n";
    let project = project()
        .file("pyproject.toml", pyproject)
        .file("changes/1.feature.md", "More\n")
        .file("src/demo/_version.py", "version = '0'\n")
        .build();
    let outcome = project.pyrelease("init --yes --format json").code(3);
    let report = report(&outcome);
    for (setting, expected) in [
        ("version_scheme", "same"),
        ("tag_regex", "converted"),
        ("version_file", "needs-you"),
        ("directory", "same"),
        ("version", "dropped"),
        ("format", "same"),
    ] {
        assert_eq!(fate(&report, setting).0, expected, "{setting}: {:?}", fate(&report, setting));
    }
    assert!(bare(&project.read("release.toml")).contains(&"name = \"release-{version}\"".to_owned()));
    project.pyrelease("plan 1.1.0").code(0);
}

#[test]
fn cargo_release_of_a_maturin_project() {
    let pyproject = "[project]\nname = \"demo\"\ndynamic = [\"version\"]\n[build-system]\nrequires = [\"maturin\"]\n\
                     build-backend = \"maturin\"\n";
    let release = "sign-tag = false\npublish = false\ntag-name = \"demo-{{version}}\"\n\
                   pre-release-commit-message = \"Release {{crate_name}} {{version}}\"\npre-release-hook = [\"make\", \"it all\"]\n\
                   pre-release-replacements = [\n  { file = \"README.md\", search = \"demo [0-9.]+\", replace = \"demo {{version}}\" },\n  \
                   { file = \"CHANGELOG.md\", search = \"Unreleased\", replace = \"{{version}}\" },\n]\n";
    let project = project()
        .file("pyproject.toml", pyproject)
        .file("Cargo.toml", "[package]\nname = \"demo\"\nversion = \"1.0.0\"\nedition = \"2024\"\n")
        .file("README.md", "demo 1.0.0\n")
        .file("release.toml", release)
        .build();
    let outcome = project.pyrelease("init --yes --format json").code(0);
    let report = report(&outcome);
    assert_eq!(report["file"], "pyrelease.toml");
    for (setting, expected) in [
        ("sign-tag", "same"),
        ("publish", "dropped"),
        ("tag-name", "converted"),
        ("pre-release-commit-message", "converted"),
        ("pre-release-hook", "converted"),
        ("pre-release-replacements (README.md) search", "converted"),
        ("pre-release-replacements (CHANGELOG.md) search", "same"),
    ] {
        assert_eq!(fate(&report, setting).0, expected, "{setting}: {:?}", fate(&report, setting));
    }
    let lines = bare(&project.read("pyrelease.toml"));
    for line in [
        "name = \"demo-{version}\"",
        "commit-message = \"Release demo {version}\"",
        "run = [\"sh\", \"-c\", \"make 'it all'\"]",
        "    { path = \"README.md\", search = \"demo {version}\" },",
    ] {
        assert!(lines.iter().any(|one| one == line), "`{line}` in {lines:#?}");
    }
    assert_eq!(project.read("release.toml"), release);
    project.pyrelease("plan minor").code(0);
}

#[test]
fn settings_of_a_tool_that_is_no_longer_used_are_dropped() {
    let cfg = "[bumpversion]\ncurrent_version = 0.9\nsetup_hooks = x\n[bumpversion:file:gone.py]\n";
    let project = project().file(".bumpversion.cfg", cfg).build();
    let outcome = project.pyrelease("init --yes --format json").code(0);
    let report = report(&outcome);
    for setting in ["current_version", "[bumpversion:file:gone.py] filename"] {
        let expected = "bump2version is no longer used: it knows 0.9, not 1.0.0";
        assert_eq!(fate(&report, setting), ("dropped".to_owned(), expected.to_owned()));
    }
}

#[test]
fn a_setting_that_changed_since_the_last_release_counts_more_than_that_release() {
    let cfg = |name: &str, message: &str| {
        format!(
            "[bumpversion]\ncurrent_version = 1.0.0\ncommit = True\ntag = True\ntag_name = {name}\nmessage = {message}\n"
        )
    };
    let project = project().file(".bumpversion.cfg", &cfg("rel-{new_version}", "Do {new_version}")).build();
    project.git(&["commit", "--quiet", "--allow-empty", "-m", "Release 1.0.0"]);
    project.git(&["tag", "--annotate", "v1.0.0", "-m", "1.0.0"]);
    // The last release did not follow the name of the tags; the message is new.
    project.write(".bumpversion.cfg", &cfg("rel-{new_version}", "Make {new_version}"));
    project.commit("Another message");
    let dropped = "set `name` in [stage.tag] to follow it";
    let outcome = project.pyrelease("init --yes --format json").code(0);
    let report = report(&outcome);
    assert_eq!(fate(&report, "tag_name").0, "dropped", "{:?}", fate(&report, "tag_name"));
    let detail = fate(&report, "tag_name").1;
    assert!(detail.contains("as in v1.0.0") && detail.ends_with(dropped), "{detail}");
    assert_eq!(fate(&report, "message").0, "converted");
    assert!(bare(&project.read("release.toml")).contains(&"commit-message = \"Make {version}\"".to_owned()));
    // History shows the subject only.
    fs_err::remove_file(project.folder().join("release.toml")).unwrap();
    project.write(".bumpversion.cfg", &cfg("v{new_version}", "Release {new_version}\n\n    [ci skip]"));
    project.commit("A text below");
    project.git(&["tag", "--delete", "v1.0.0"]);
    project.git(&["commit", "--quiet", "--allow-empty", "-m", "Release 1.0.0"]);
    project.git(&["tag", "--annotate", "v1.0.0", "-m", "1.0.0"]);
    project.pyrelease("init --yes").code(0);
    assert!(project.read("release.toml").contains("[ci skip]"), "{}", project.read("release.toml"));
}
