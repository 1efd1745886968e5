//! Tools that bump versions.

use super::*;

const BUMPVERSION: &str = "\u{feff}[bumpversion]\r
current_version = 1.2.3\r
commit = True\r
tag = True\r
message = Release {new_version} (was {current_version})\r
\r
[bumpversion:file:setup.py]\r
\r
[bumpversion:file:src/demo/__init__.py]\r
search = __version__ = '{current_version}'\r
replace = __version__ = '{new_version}'\r
\r
[bumpversion:file (badge):README.md]\r
search = demo-{current_version}-blue\r
replace = demo-{new_version}-green\r
\r
[bumpversion:file:CHANGELOG.md]\r
search = Unreleased\r
replace = {new_version}\r
\r
[bumpversion:glob:docs/**/*.txt]\r
";

#[test]
fn bump2version() {
    let files = [
        (".bumpversion.cfg", BUMPVERSION),
        (
            "setup.py",
            "setup(name='demo', version='1.2.3',\r\n  url='x/1.2.3.zip', requires=['a>=11.2.3'])\r\n",
        ),
        ("src/demo/__init__.py", "OTHER = '1.2.3'\n__version__ = '1.2.3'\n"),
        ("README.md", "demo-1.2.3-blue\n1.2.3\n"),
        ("CHANGELOG.md", "## Unreleased\n\n## 1.2.3\n"),
        ("docs/a.txt", "1.2.3"),
        ("docs/b/c.txt", "= 1.2.3 ="),
        ("docs/b/.hidden.txt", "1.2.3"),
        ("docs/conf.py", "1.2.3"),
    ];
    let settings = only(&files);
    assert_eq!(settings.tool, "bump2version");
    assert_eq!(settings.file, ".bumpversion.cfg");
    assert_eq!(settings.tag, Some(TagSetting::Template("v{version}".to_owned())));
    assert_eq!(settings.annotated, Some(true));
    assert_eq!(settings.signed, None);
    assert_eq!(settings.tag_message.as_deref(), Some("Bump version: {previous_version} → {version}"));
    assert_eq!(settings.commit_message.as_deref(), Some("Release {version} (was {previous_version})"));
    assert_eq!(settings.changelog.as_deref(), Some("CHANGELOG.md"));
    assert_eq!(settings.unread, [""; 0]);
    assert_eq!(
        bumped(&files, &settings),
        [
            ".bumpversion.cfg: current_version = 1.3.0",
            "README.md: demo-1.3.0-green",
            "docs/a.txt: 1.3.0",
            "docs/b/c.txt: = 1.3.0 =",
            "setup.py: setup(name='demo', version='1.3.0',",
            "setup.py:   url='x/1.3.0.zip', requires=['a>=11.2.3'])",
            "src/demo/__init__.py: __version__ = '1.3.0'",
        ]
    );
}

#[test]
fn bump2version_in_setup_cfg() {
    let cfg = "[metadata]\nname = demo\nversion = 1.2.3\n\n[bumpversion]\ncurrent_version = 1.2.3\ncommit = True\ntag = True\ntag_name = {new_version}\ntag_message =\nmessage = 100%% {new_version}\nsign_tags = no\n\n[bumpversion:file:setup.cfg]\nsearch = version = {current_version}\nreplace = version = {new_version}\n";
    let files = [("setup.cfg", cfg)];
    let settings = only(&files);
    assert_eq!(settings.tag, Some(TagSetting::Template("{version}".to_owned())));
    assert_eq!(settings.annotated, Some(false));
    assert_eq!(settings.tag_message, None);
    assert_eq!(settings.signed, Some(false));
    assert_eq!(settings.commit_message.as_deref(), Some("100% {version}"));
    assert_eq!(settings.unread, [""; 0]);
    assert_eq!(
        bumped(&files, &settings),
        ["setup.cfg: version = 1.3.0", "setup.cfg: current_version = 1.3.0"]
    );
}

#[test]
fn settings_of_a_tool_that_is_no_longer_used() {
    let cfg = "[bumpversion]\ncurrent_version = 0.9\n[bumpversion:file:a.py]\n[bumpversion:file:b.py]\n[bumpversion:file:c.py]\n";
    let files = [PYPROJECT, (".bumpversion.cfg", cfg), ("a.py", "'0.9'"), ("b.py", "'1.2.3'")];
    let settings = only(&files);
    assert_eq!(settings.tag, None);
    assert_eq!(bumped(&files, &settings), ["b.py: '1.3.0'"]);
    assert_eq!(
        settings.unread,
        [
            "`.bumpversion.cfg`, line 2, has version `0.9` instead of `1.2.3`",
            "`1.2.3` was found nowhere in `a.py` instead of once",
            "`c.py` does not exist",
        ]
    );
}

const BUMP_MY_VERSION: &str = r#"
[project]
name = "demo"
version = "1.2.3"

[tool.bumpversion]
current_version = "1.2.3"
parse = "(?P<major>\\d+)\\.(?P<minor>\\d+)\\.(?P<patch>\\d+)((?P<pre>a|b|rc)(?P<n>\\d+))?"
serialize = ["{major}.{minor}.{patch}{pre}{n}", "{major}.{minor}.{patch}"]
tag = true
sign_tags = true
tag_name = "demo-{new_version}"
message = "Release {now:%Y-%m-%d}"
commit = true
ignore_missing_version = false
pre_commit_hooks = ["uv lock"]

[tool.bumpversion.parts.pre]
values = ["a", "b", "rc", "final"]
optional_value = "final"

[[tool.bumpversion.files]]
filename = "pyproject.toml"
search = 'version = "{current_version}"'
replace = 'version = "{new_version}"'

[[tool.bumpversion.files]]
filename = "config.toml"
key_path = "app.version"

[[tool.bumpversion.files]]
filename = "version.tex"
search = '\newcommand{{\v}}{{{current_version}}}'
replace = '\newcommand{{\v}}{{{new_version}}}'

[[tool.bumpversion.files]]
glob = "docs/*.md"
glob_exclude = ["docs/old*"]
ignore_missing_version = true

[[tool.bumpversion.files]]
filename = "CITATION.cff"
search = 'date-released: \d{{4}}-\d{{2}}-\d{{2}}'
replace = 'date-released: {now:%Y-%m-%d}'
regex = true

[[tool.bumpversion.files]]
filename = "CITATION.cff"
search = '^version: {current_version}$'
replace = 'version: {new_version}'
regex = true

[[tool.bumpversion.files]]
filename = "docs/conf.py"
serialize = ["{major}.{minor}"]

[[tool.bumpversion.files]]
filename = "gone.py"
ignore_missing_file = true
"#;

#[test]
fn bump_my_version() {
    let files = [
        ("pyproject.toml", BUMP_MY_VERSION),
        ("config.toml", "needs = '1.2.3'\n[app]\nversion = '1.2.3' # now\n"),
        ("version.tex", r"\newcommand{\v}{1.2.3}"),
        ("docs/a.md", "1.2.3"),
        ("docs/b.md", "2.0"),
        ("docs/old.md", "1.2.3"),
        ("CITATION.cff", "cff-version: 1.2.3\nversion: 1.2.3\ndate-released: 2026-01-01\n"),
        ("docs/conf.py", "1.2"),
    ];
    let settings = only(&files);
    assert_eq!(settings.tool, "bump-my-version");
    assert_eq!(settings.tag, Some(TagSetting::Template("demo-{version}".to_owned())));
    assert_eq!((settings.annotated, settings.signed), (Some(true), Some(true)));
    assert_eq!(settings.commit_message.as_deref(), Some("Release {date}"));
    assert_eq!(
        bumped(&files, &settings),
        [
            "CITATION.cff: version: 1.3.0",
            "config.toml: version = '1.3.0' # now",
            "docs/a.md: 1.3.0",
            "pyproject.toml: version = \"1.3.0\"",
            "pyproject.toml: current_version = \"1.3.0\"",
            r"version.tex: \newcommand{\v}{1.3.0}",
        ]
    );
    assert_eq!(
        settings.unread,
        [
            "`CITATION.cff` is not bumped: `replace`: pyrelease has no placeholder for `now:%Y-%m-%d`",
            "`docs/conf.py` has its own `serialize`, so the file is not bumped",
        ]
    );
}

#[test]
fn versions_that_are_not_those_of_pep_440() {
    let with = |serialize: &str, parts: &str| {
        let text = format!("[tool.bumpversion]\nserialize = ['{serialize}']\n{parts}");
        only(&[PYPROJECT, (".bumpversion.toml", &text)]).unread
    };
    let values = "[tool.bumpversion.parts.pre]\nvalues = ['alpha', 'final']\noptional_value = 'final'\n";
    assert_eq!(with("{major}.{minor}.{patch}.dev{n}", ""), [""; 0]);
    assert_eq!(
        with("{major}.{minor}-{pre}{n}", values),
        ["`serialize` has `{major}.{minor}-{pre}{n}`: pyrelease writes `1.1-alpha1` as `1.1a1` (PEP 440)"]
    );
    assert_eq!(
        with("{major}-x", ""),
        ["`serialize` has `{major}-x`: `1-x` is not a valid version (PEP 440)"]
    );
    assert_eq!(
        with("{now:%Y}.{n}", ""),
        ["`serialize` has `{now:%Y}.{n}`: it is not made of parts of the version"]
    );
    assert_eq!(with("{major", ""), ["`serialize` has `{major`: a `{` without `}`"]);
}

#[test]
fn values_of_other_types_are_named() {
    let text = "[tool.bumpversion]\ntag = 'perhaps'\ntag_name = 5\nserialize = [1]\nfiles = 3\ncurrent_version = 'x'\n";
    let unread = only(&[PYPROJECT, (".bumpversion.toml", text)]).unread;
    assert!(unread[0].starts_with("the version in `.bumpversion.toml`, line 6: `x` is not"), "{unread:?}");
    assert_eq!(
        unread[1..],
        [
            "`tag` is not true or false",
            "`tag_name` is not a string",
            "`serialize` is not a list of strings",
            "`files` is not a list of tables",
        ]
    );
}

#[test]
fn places_that_overlap_are_left_out() {
    let text = "[tool.bumpversion]\n[[tool.bumpversion.files]]\nfilename = 'pyproject.toml'\nsearch = \"version = '{current_version}'\"\nreplace = \"version='{new_version}'\"\n";
    let settings = only(&[PYPROJECT, (".bumpversion.toml", text)]);
    assert_eq!(settings.places, []);
    assert_eq!(settings.unread, ["two places of the version overlap in `pyproject.toml`, line 3"]);
}

#[test]
fn tbump() {
    let text = r#"
github_url = "https://example.org/demo"
[version]
current = "1.2.3"
regex = '''(?P<major>\d+)\.(?P<minor>\d+)\.(?P<patch>\d+)'''
[git]
message_template = "Bump to {new_version}"
tag_template = "v{new_version}"
[[file]]
src = "setup.py"
search = "version='{current_version}'"
[[file]]
src = "pkg/*.py"
[[file]]
src = "package.json"
[[file]]
src = "win.rc"
version_template = "{major},{minor},{patch}"
[[before_commit]]
name = "check"
cmd = "./check {new_version}"
"#;
    let files = [
        ("tbump.toml", text),
        ("setup.py", "setup(\n    release='1.2.3', version='1.2.3',\n    needs='1.2.3')\n"),
        ("pkg/a.py", "a = '1.2.3'\n"),
        ("package.json", "{\"version\": \"1.2.3\", \"engines\": \"1.2.3\"}"),
        ("win.rc", "1,2,3"),
    ];
    let settings = only(&files);
    assert_eq!(settings.tag, Some(TagSetting::Template("v{version}".to_owned())));
    assert_eq!(settings.annotated, Some(true));
    assert_eq!(settings.tag_message.as_deref(), Some("{tag}"));
    assert_eq!(settings.commit_message.as_deref(), Some("Bump to {version}"));
    assert_eq!(
        bumped(&files, &settings),
        [
            "package.json: {\"version\": \"1.3.0\", \"engines\": \"1.2.3\"}",
            "pkg/a.py: a = '1.3.0'",
            "setup.py:     release='1.3.0', version='1.3.0',",
            "tbump.toml: current = \"1.3.0\"",
        ]
    );
    assert_eq!(settings.unread, ["`win.rc` has a `version_template`, so the file is not bumped",]);
    let inside = format!("[tool.tbump]{}", text.replace("[version]", "[tool.tbump.version]"));
    let inside = inside.split("[git]").next().unwrap().to_owned();
    let files = [("pyproject.toml", inside.as_str())];
    assert_eq!(bumped(&files, &only(&files)), ["pyproject.toml: current = \"1.3.0\""]);
}

#[test]
fn commitizen() {
    let text = r#"
[project]
name = "demo"
version = "1.2.3"
[tool.commitizen]
name = "cz_conventional_commits"
version = "1.2.3"
tag_format = "v${major}.${minor}.${patch}$prerelease"
annotated_tag = true
bump_message = "release $current_version → ${new_version} [skip ci]"
version_files = ["src/demo/__version__.py", "docs/conf.py:^(version|release)", "README.md:(?<=x)y", "pyproject.toml:^version"]
update_changelog_on_bump = true
changelog_file = "docs/changelog.md"
pre_bump_hooks = ["make"]
version_scheme = "semver2"
"#;
    let files = [
        ("pyproject.toml", text),
        ("src/demo/__version__.py", "__version__ = \"1.2.3\"\n"),
        ("docs/conf.py", "needs = '1.2.3'\r\nversion = '1.2.3'\r\nrelease = '1.2.3'\r\n"),
        ("README.md", "y 1.2.3"),
    ];
    let settings = only(&files);
    assert_eq!(settings.tag, Some(TagSetting::Template("v{version}".to_owned())));
    assert_eq!((settings.annotated, settings.signed), (Some(true), None));
    assert_eq!(settings.tag_message.as_deref(), Some("{tag}"));
    assert_eq!(settings.commit_message.as_deref(), Some("release {previous_version} → {version} [skip ci]"));
    assert_eq!(settings.changelog.as_deref(), Some("docs/changelog.md"));
    assert_eq!(
        bumped(&files, &settings),
        [
            "docs/conf.py: version = '1.3.0'",
            "docs/conf.py: release = '1.3.0'",
            "pyproject.toml: version = \"1.3.0\"",
            "pyproject.toml: version = \"1.3.0\"",
            "src/demo/__version__.py: __version__ = \"1.3.0\"",
        ]
    );
    assert_eq!(settings.unread.len(), 2, "{:?}", settings.unread);
    assert!(settings.unread[0].starts_with("`version_scheme` is `semver2`"), "{}", settings.unread[0]);
    assert!(
        settings.unread[1].starts_with("the pattern `(?<=x)y` for `README.md`"),
        "{}",
        settings.unread[2]
    );
}

#[test]
fn commitizen_in_other_files() {
    let json = "{\"commitizen\": {\"version\": \"1.2.3\", \"version_provider\": \"commitizen\"}}";
    let files = [(".cz.json", json)];
    let settings = only(&files);
    assert_eq!(settings.tag, Some(TagSetting::Template("{version}".to_owned())));
    assert_eq!((settings.annotated, settings.tag_message.as_ref()), (Some(false), None));
    assert_eq!(settings.commit_message.as_deref(), Some("bump: version {previous_version} → {version}"));
    assert_eq!(bumped(&files, &settings), [format!(".cz.json: {}", json.replace("1.2.3", "1.3.0"))]);

    let cargo = "[tool.commitizen]\nversion_provider = 'cargo'\ntag_format = 'x-$version-$other'\n";
    let files = [
        PYPROJECT,
        ("cz.toml", cargo),
        ("Cargo.toml", "[package]\nversion = '1.2.3'\n[dependencies]\na = '1.2.3'\n"),
    ];
    let settings = only(&files);
    assert_eq!(settings.places[0].how, VersionSyntax::Cargo);
    assert_eq!(bumped(&files, &settings), ["Cargo.toml: version = '1.3.0'"]);
    assert_eq!(settings.unread, ["`tag_format`: pyrelease has no placeholder for `other`"]);
}

#[test]
fn commitizen_that_only_checks_messages() {
    let text = "[project]\nname = 'demo'\nversion = '1.2.3'\n[tool.commitizen]\nname = 'cz_customize'\n";
    assert_eq!(read(&project(&[("pyproject.toml", text)])), []);
}

#[test]
fn python_semantic_release() {
    let text = r#"
[project]
name = "demo"
version = "1.2.3"
[tool.semantic_release]
version_toml = ["pyproject.toml:project.version", "other.toml:a.b"]
version_variables = ["src/demo/__init__.py:__version__", "docs/conf.py:release", "values.yaml:tag:tf", "m.json:version", "VERSION:*", "bad"]
commit_message = "chore(release): {version} [skip ci]"
build_command = "make dist"
[tool.semantic_release.changelog.default_templates]
changelog_file = "CHANGES.md"
"#;
    let files = [
        ("pyproject.toml", text),
        ("other.toml", "[a]\nb = '1.2.3'\n"),
        ("src/demo/__init__.py", "__version__: str = \"1.2.3\"\nMIN__version__ = \"1.2.3\"\n"),
        ("docs/conf.py", "release='1.2.3'\nversion = '1.2.3'\n"),
        ("values.yaml", "tag: v1.2.3\nother: 1.2.3\n"),
        ("m.json", "{\"minversion\": \"1.2.3\", \"version\": \"1.2.3\", \"x\": \"1.2.3\"}"),
        ("VERSION", "1.2.3\n"),
    ];
    let settings = only(&files);
    assert_eq!(settings.tag, Some(TagSetting::Template("v{version}".to_owned())));
    assert_eq!(settings.annotated, Some(true));
    assert_eq!(settings.commit_message.as_deref(), Some("chore(release): {version} [skip ci]"));
    assert_eq!(settings.changelog.as_deref(), Some("CHANGES.md"));
    assert_eq!(settings.places[0].how, VersionSyntax::PyprojectProject);
    assert_eq!(
        bumped(&files, &settings),
        [
            "VERSION: 1.3.0",
            "docs/conf.py: release='1.3.0'",
            "m.json: {\"minversion\": \"1.2.3\", \"version\": \"1.3.0\", \"x\": \"1.2.3\"}",
            "other.toml: b = '1.3.0'",
            "pyproject.toml: version = \"1.3.0\"",
            "src/demo/__init__.py: __version__: str = \"1.3.0\"",
            "values.yaml: tag: v1.3.0",
        ]
    );
    assert_eq!(
        settings.unread,
        [
            "`build_command`: this command is not run; pyrelease builds with the project's backend",
            "`version_variables`: `bad` is not `file:name`",
        ]
    );
    let cfg = r#"[semantic_release]
version_variable = a.py:__version__, b.py:__version__
version_pattern = c.yaml:version: "{version}"
commit_subject = Release {version}
"#;
    let files = [
        PYPROJECT,
        ("setup.cfg", cfg),
        ("a.py", "__version__ = '1.2.3'"),
        ("b.py", "__version__='1.2.3'"),
        ("c.yaml", "needs: 1.2.3\nversion: \"1.2.3\"\n"),
    ];
    let settings = only(&files);
    assert_eq!(
        bumped(&files, &settings),
        ["a.py: __version__ = '1.3.0'", "b.py: __version__='1.3.0'", "c.yaml: version: \"1.3.0\""]
    );
    assert_eq!(settings.commit_message.as_deref(), Some("Release {version}"));
}

#[test]
fn zest_releaser() {
    let files = [
        (
            "setup.cfg",
            "[zest.releaser]\ntag-format = v%(version)s\nextra-message = [skip {ci]\nupload-pypi = no\nreleaser.after = a.b\n",
        ),
        (
            "pyproject.toml",
            "[project]\nname = 'demo'\nversion = '1.2.3'\n[tool.zest-releaser]\npython-file-with-version = 'demo/v.py'\nhistory-file = 'docs/CHANGES.rst'\ntag-signing = true\n",
        ),
        ("demo/v.py", "__version__ = '1.2.3'\nneeds = '1.2.3'\n"),
    ];
    let settings = only(&files);
    assert_eq!(settings.file, "pyproject.toml");
    assert_eq!(settings.tag, Some(TagSetting::Template("v{version}".to_owned())));
    assert_eq!((settings.annotated, settings.signed), (Some(true), Some(true)));
    assert_eq!(settings.tag_message.as_deref(), Some("Tagging {version}"));
    assert_eq!(settings.reopen.as_deref(), Some(".dev0"));
    assert_eq!(settings.changelog.as_deref(), Some("docs/CHANGES.rst"));
    assert_eq!(bumped(&files, &settings), ["demo/v.py: __version__ = '1.3.0'"]);
    assert_eq!(
        settings.unread,
        [
            "`prefix-message`: it has a literal `{`",
            "`upload-pypi` is false: with zest.releaser, the project is not uploaded to PyPI",
            "the entry points of `prereleaser`, `releaser` and `postreleaser` are not run",
        ]
    );
    let cfg =
        "[zest.releaser]\nprefix-message = [TEST]\nextra-message = [ci skip]\ndevelopment-marker = .dev1\n";
    let settings = only(&[PYPROJECT, ("setup.cfg", cfg)]);
    assert_eq!(settings.commit_message.as_deref(), Some("[TEST] Preparing release {version}\n\n[ci skip]"));
    assert_eq!(settings.reopen.as_deref(), Some(".dev1"));
    assert_eq!(settings.tag, Some(TagSetting::Template("{version}".to_owned())));
}
