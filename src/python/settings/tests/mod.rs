use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::python::project::{VersionSyntax, bump_all};
use crate::python::version::Version;

mod bumping;
mod tags;

type Project = BTreeMap<String, Vec<u8>>;

fn project(files: &[(&str, &str)]) -> Project {
    files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect()
}

/// The only settings in the files.
fn only(files: &[(&str, &str)]) -> ToolSettings {
    let mut found = read(&project(files));
    assert_eq!(found.len(), 1, "{found:#?}");
    found.remove(0)
}

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

/// The lines of all files that change from 1.2.3 to 1.3.0, as `path: line`.
fn bumped(files: &[(&str, &str)], settings: &ToolSettings) -> Vec<String> {
    let project = project(files);
    let changed = bump_all(&project, &settings.places, &version("1.2.3"), &version("1.3.0")).unwrap();
    let mut lines = Vec::new();
    for (path, bytes) in changed {
        let (before, after) = (project[&path].clone(), bytes);
        let (before, after) = (String::from_utf8(before).unwrap(), String::from_utf8(after).unwrap());
        assert_eq!(before.matches("\r\n").count(), after.matches("\r\n").count());
        for (old, new) in before.lines().zip(after.lines()) {
            if old != new {
                lines.push(format!("{path}: {new}"));
            }
        }
    }
    lines
}

const PYPROJECT: (&str, &str) = ("pyproject.toml", "[project]\nname = 'demo'\nversion = '1.2.3'\n");

#[test]
fn a_project_without_such_settings_has_none() {
    assert_eq!(read(&project(&[])), []);
    assert_eq!(read(&project(&[PYPROJECT, ("setup.cfg", "[metadata]\nname = demo\n")])), []);
}

#[test]
fn several_tools_come_in_order() {
    let found = read(&project(&[
        (
            "pyproject.toml",
            "[project]\nname = 'demo'\nversion = '1.2.3'\n[tool.commitizen]\nversion_provider = 'pep621'\n[tool.semantic_release]\n[tool.bumpversion]\n",
        ),
        ("tbump.toml", "[version]\ncurrent = '1.2.3'\n"),
        ("setup.cfg", "[zest.releaser]\ncreate-wheel = yes\n"),
    ]));
    let tools: Vec<_> = found.iter().map(|settings| (settings.tool, settings.file.as_str())).collect();
    assert_eq!(
        tools,
        [
            ("bump-my-version", "pyproject.toml"),
            ("tbump", "tbump.toml"),
            ("commitizen", "pyproject.toml"),
            ("python-semantic-release", "pyproject.toml"),
            ("zest.releaser", "setup.cfg"),
        ]
    );
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let large = format!("[bumpversion]\ncurrent_version = 1.2.3\n# {}", "x".repeat(1_100_000));
    let deep = format!("a = {}", "[".repeat(100_000));
    for (file, text, tool, reason) in [
        (
            ".bumpversion.toml",
            "[tool.bumpversion\n",
            "bump-my-version",
            "`.bumpversion.toml` is not valid TOML, line 1: ",
        ),
        (".bumpversion.cfg", &large, "bump2version", "`.bumpversion.cfg` is larger than 1 MB"),
        ("tbump.toml", &deep, "tbump", "`tbump.toml` is not valid TOML, line 1: "),
        (".cz.json", "{\n,", "commitizen", "`.cz.json` is not valid JSON, line 2"),
        (".cz.yaml", "commitizen:\n  name: [a\n", "commitizen", "`.cz.yaml` cannot be read: line "),
        (
            "releaserc.toml",
            "x = 1\nx = 2",
            "python-semantic-release",
            "`releaserc.toml` is not valid TOML, line 2: ",
        ),
        (
            "pyproject.toml",
            "[tool.commitizen]\nx =",
            "commitizen",
            "`pyproject.toml` is not valid TOML, line 2: ",
        ),
        ("pyproject.toml", "[tool]\ntbump = 1", "tbump", "`tool.tbump` in `pyproject.toml` is not a table"),
    ] {
        let settings = only(&[(file, text)]);
        assert_eq!((settings.tool, settings.file.as_str()), (tool, file));
        assert!(settings.unread[0].starts_with(reason), "{:?}", settings.unread);
    }
    let mut bytes = project(&[]);
    bytes.insert("setup.cfg".to_owned(), b"[bumpversion]\nx = \xff".to_vec());
    assert_eq!(read(&bytes)[0].unread, ["`setup.cfg` is not UTF-8 text"]);
}

#[test]
fn paths_outside_of_the_project_are_refused() {
    for path in ["/etc/passwd", "../other/x.py", "a/../../x", "C:\\x.py", "..", "\\\\host\\x"] {
        let cfg = format!("[bumpversion]\ncurrent_version = 1.2.3\n[bumpversion:file:{path}]\n");
        let settings = only(&[(".bumpversion.cfg", &cfg), ("x.py", "1.2.3")]);
        assert_eq!(settings.places.len(), 1, "{path}");
        assert_eq!(settings.unread, [format!("`{path}` is not a path in the project")]);
    }
    let cfg = "[bumpversion]\ncurrent_version = 1.2.3\n[bumpversion:file:.\\pkg\\x.py]\n";
    let files = [(".bumpversion.cfg", cfg), ("pkg/x.py", "v = '1.2.3'")];
    assert_eq!(only(&files).places[1].path, "pkg/x.py");
}

#[test]
fn the_number_of_places_is_bounded() {
    let mut cfg = "[bumpversion]\ncurrent_version = 1.2.3\n".to_owned();
    for number in 0..5_000 {
        cfg.push_str(&format!("[bumpversion:file ({number}):x{number}.py]\n"));
    }
    let settings = only(&[(".bumpversion.cfg", &cfg)]);
    assert!(settings.unread.len() <= 20, "{}", settings.unread.len());
}

/// Pieces of settings from which hostile files are made
const PIECES: [&str; 75] = [
    "[tool.bumpversion]\n",
    "[bumpversion]\n",
    "[bumpversion:file:a]\n",
    "[bumpversion:glob:**]\n",
    "[bumpversion:part:x]\n",
    "[tool.commitizen]\n",
    "[tool.tbump]\n",
    "[tool.semantic_release]\n",
    "[zest.releaser]\n",
    "[tool.zest-releaser]\n",
    "[tool.setuptools_scm]\n",
    "[tool.hatch.version]\n",
    "[project]\nname='x'\n",
    "dynamic=['version']\n",
    "source='vcs'\n",
    "[[tool.bumpversion.files]]\n",
    "[[file]]\n",
    "[tool.bumpversion.parts.x]\n",
    "[version]\n",
    "[git]\n",
    "current_version='1.2.3'\n",
    "current_version=1.2.3\n",
    "current='1.2.3'\n",
    "version='1.2.3'\n",
    "search='{current_version}'\n",
    "search='^a'\n",
    "search=",
    "replace='{new_version}'\n",
    "replace=",
    "filename='a'\n",
    "glob='**/*'\n",
    "src='a'\n",
    "serialize=",
    "values=",
    "tag=true\n",
    "tag_name='{new_version}{'\n",
    "tag_format='$version'\n",
    "tag_format=",
    "tag_regex='(a|b'\n",
    "tag-pattern='.*'\n",
    "tag-format=%(version)s\n",
    "version_files=['a:b']\n",
    "version_variables=['a:b']\n",
    "version_toml=['pyproject.toml:project.version']\n",
    "regex=true\n",
    "key_path='a.b'\n",
    "{",
    "}",
    "{\"commitizen\":",
    "\"version\":",
    "'",
    "\"",
    "a",
    "=",
    "{a}",
    "$a",
    "${",
    "%%",
    "%(",
    "1.2.3",
    "**",
    "?",
    "[",
    "]",
    ":",
    "\n",
    "\r\n",
    " ",
    "^",
    "(",
    ")",
    ",",
    "\\",
    "\u{feff}",
    "é\u{0}",
];

fn texts() -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..40).prop_map(|pieces| pieces.concat())
}

#[test]
fn templates_are_translated() {
    use template::{Style, translate};
    let fields = [("new_version", "version"), ("now:%Y", "date")];
    for (text, style, expected) in [
        ("v{new_version}", Style::Format, Ok("v{version}")),
        ("{new_version} on {now:%Y} $x", Style::Format, Ok("{version} on {date} $x")),
        ("{{x}}", Style::Format, Err("it has a literal `{`")),
        ("}}", Style::Format, Ok("}")),
        ("{x", Style::Format, Err("it has a `{` without `}`")),
        ("x}", Style::Format, Err("it has a `}` without `{`")),
        ("{$USER}", Style::Format, Err("pyrelease has no placeholder for `$USER`")),
        ("v$new_version", Style::Dollar, Ok("v{version}")),
        ("${new_version}x $$5 $", Style::Dollar, Ok("{version}x $5 $")),
        ("$new_versionx", Style::Dollar, Err("pyrelease has no placeholder for `new_versionx`")),
        ("${new_version", Style::Dollar, Err("it has a `${` without `}`")),
        ("{version}", Style::Dollar, Err("it has a literal `{`")),
    ] {
        assert_eq!(translate(text, style, &fields), expected.map(str::to_owned).map_err(str::to_owned));
    }
    assert_eq!(template::pattern("{{{new_version}}}", &fields), Ok("{{version}}".to_owned()));
    assert_eq!(template::pattern("{{version}}", &fields), Err("it has a literal `{version}`".to_owned()));
}

#[test]
fn patterns_of_paths_are_those_of_the_shell() {
    let files = project(&[("a.py", ""), (".h.py", ""), ("x/b.py", ""), ("x/y/c.py", ""), ("x/[z].py", "")]);
    for (pattern, expected) in [
        ("*.py", &["a.py"][..]),
        (".*.py", &[".h.py"]),
        ("**/*.py", &["a.py", "x/[z].py", "x/b.py", "x/y/c.py"]),
        ("x/**", &["x/[z].py", "x/b.py", "x/y/c.py"]),
        ("x/?.py", &["x/b.py"]),
        ("x/[!a-y[]*.py", &[]),
        ("x/[a-c].py", &["x/b.py"]),
        ("x/[[]z].py", &["x/[z].py"]),
        ("[", &[]),
    ] {
        assert_eq!(glob::matching(&files, pattern), expected, "{pattern}");
    }
    assert!(glob::matches("v*", "v1/2"));
}

const NAMES: [&str; 9] = [
    ".bumpversion.cfg",
    ".bumpversion.toml",
    "setup.cfg",
    "pyproject.toml",
    "tbump.toml",
    ".cz.toml",
    ".cz.json",
    "releaserc.toml",
    "hatch.toml",
];

proptest! {
    #[test]
    fn never_panics(
        texts in proptest::collection::vec(texts(), 1..4),
        other in texts(),
        name in proptest::sample::select(&NAMES[..]),
    ) {
        let mut files = project(&[("a", &other)]);
        for (text, path) in texts.iter().zip([name, "pyproject.toml", "setup.cfg"]) {
            files.insert(path.to_owned(), text.clone().into_bytes());
        }
        for settings in read(&files) {
            if let Some(tag) = &settings.tag {
                tag.template("demo");
                tag.accepts(&other, &version("1.2.3"));
            }
        }
    }

    #[test]
    fn templates_never_panic(text in r"(\PC|[{}$%]){0,30}") {
        for style in [template::Style::Format, template::Style::Dollar] {
            let _ = template::translate(&text, style, &[("a", "version")]);
        }
        let _ = template::pattern(&text, &[("a", "version")]);
        glob::matches(&text, &text);
        glob::matching(&project(&[("a/b", "")]), &text);
        draft::inside(&text);
    }
}
