use schemars::JsonSchema;
use serde::Deserialize;
use snapbox::{assert_data_eq, str};

use super::*;
use crate::error::Error;
use crate::ui::excerpt_text;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[allow(dead_code, reason = "read by serde only")]
struct Tag {
    name: Option<Template>,
    sign: Option<bool>,
}

fn parse(text: &str) -> Result<Config> {
    Config::parse(Source::new("release.toml", text.to_owned()))
}

/// The error as a person reads it, without colours.
fn shown(error: &Error) -> String {
    let report = excerpt_text(error.excerpt().expect("underlined"));
    let report = anstream::adapter::strip_str(&report).to_string();
    format!("{report}\n{}", error.hints().join("\n"))
}

#[test]
fn an_empty_file_runs_the_default_pipeline() {
    let config = parse("").unwrap();
    let names: Vec<&str> = config.stages().iter().map(|stage| stage.value.as_str()).collect();
    assert_eq!(names, DEFAULT_STAGES);
    assert_eq!(config.indexes()["testpypi"].kind, IndexKind::Rehearsal);
}

#[test]
fn an_unknown_key_is_underlined_and_the_nearest_suggested() {
    let text = "stages = []\n\n[stage.tag]\nnmae = 'v1'\n";
    let error = parse(text).unwrap().settings::<Tag>("tag").unwrap_err();
    let shown = shown(&error);
    assert_data_eq!(
        shown,
        str![[r#"
error: unknown key `nmae` in [stage.tag]
 --> release.toml:4:1
  |
4 | nmae = 'v1'
  | ^^^^
did you mean `name`?
"#]]
    );
}

#[test]
fn a_wrong_type_is_underlined() {
    let error = parse("[stage.tag]\nsign = \"yes\"\n").unwrap().settings::<Tag>("tag").unwrap_err();
    let shown = shown(&error);
    assert_data_eq!(
        shown,
        str![[r#"
error: invalid type: string "yes", expected a boolean in [stage.tag]
 --> release.toml:2:8
  |
2 | sign = "yes"
  |        ^^^^^

"#]]
    );
}

#[test]
fn an_unknown_placeholder_is_underlined() {
    let error = parse("[stage.tag]\nname = \"v{verson}\"\n").unwrap().settings::<Tag>("tag").unwrap_err();
    assert_data_eq!(
        shown(&error),
        str![[r#"
error: unknown placeholder `{verson}`: did you mean `{version}`? in [stage.tag]
 --> release.toml:2:8
  |
2 | name = "v{verson}"
  |        ^^^^^^^^^^^

"#]]
    );
}

#[test]
fn an_unknown_top_level_key_is_underlined() {
    let error = parse("stagse = []\n").unwrap_err();
    assert_data_eq!(
        shown(&error),
        str![[r#"
error: unknown key `stagse`
 --> release.toml:1:1
  |
1 | stagse = []
  | ^^^^^^
did you mean `stages`?
"#]]
    );
}

#[test]
fn broken_toml_is_underlined() {
    let error = parse("stages = [\n").unwrap_err();
    assert_data_eq!(
        shown(&error),
        str![[r#"
error: unclosed array, expected `]`
 --> release.toml:1:11
  |
1 | stages = [
  |           ^

"#]]
    );
}

#[test]
fn stages_of_another_type_are_refused() {
    for text in ["stages = 1", "stages = [1]", "stage = 1", "[stage]\ntag = 1", "index = []", "carry = {}"] {
        assert!(parse(text).unwrap_err().excerpt().is_some(), "{text}");
    }
}

#[test]
fn an_index_needs_its_upload_address() {
    let error = parse("[index.corp]\nkind = \"public\"\n").unwrap_err();
    assert_data_eq!(
        shown(&error),
        str![[r#"
error: [index.corp] has no `upload`
 --> release.toml:1:1
  |
1 | [index.corp]
  | ^^^^^^^^^^^^
set the upload URL: upload = "https://…/legacy/"
"#]]
    );
}

#[test]
fn an_index_at_another_address_does_not_keep_the_listing_of_the_old_one() {
    let config = parse("[index.pypi]\nupload = \"http://127.0.0.1:1/\"\n").unwrap();
    assert_eq!(config.indexes()["pypi"].simple, None);
    assert_eq!(config.indexes()["pypi"].kind, IndexKind::Public);
}

#[test]
fn settings_in_pyproject_keep_their_place() {
    let text = "[project]\nname = 'demo'\n[tool.pyrelease.stage.tag]\nnam = 'v'\n";
    let config = Config::parse(Source::new("pyproject.toml", text.to_owned())).unwrap();
    assert_data_eq!(
        shown(&config.settings::<Tag>("tag").unwrap_err()),
        str![[r#"
error: unknown key `nam` in [stage.tag]
 --> pyproject.toml:4:1
  |
4 | nam = 'v'
  | ^^^
did you mean `name`?
"#]]
    );
}

#[test]
fn carried_files_must_be_inside_the_project() {
    let errors = ["../x", "/etc/passwd", "a/../../x", "", ".git/config", "vendor/.GIT"]
        .map(|path| shown(&parse(&format!("carry = [\"{path}\"]\n")).unwrap_err()));
    assert_data_eq!(
        errors.join("\n"),
        str![[r#"
error: `../x` is not inside the project
 --> release.toml:1:10
  |
1 | carry = ["../x"]
  |          ^^^^^^
use a path relative to the project's folder, without `..`
error: `/etc/passwd` is not inside the project
 --> release.toml:1:10
  |
1 | carry = ["/etc/passwd"]
  |          ^^^^^^^^^^^^^
use a path relative to the project's folder, without `..`
error: `a/../../x` is not inside the project
 --> release.toml:1:10
  |
1 | carry = ["a/../../x"]
  |          ^^^^^^^^^^^
use a path relative to the project's folder, without `..`
error: `` is not inside the project
 --> release.toml:1:10
  |
1 | carry = [""]
  |          ^^
use a path relative to the project's folder, without `..`
error: `.git/config` is in a git folder
 --> release.toml:1:10
  |
1 | carry = [".git/config"]
  |          ^^^^^^^^^^^^^
name files of the project: a release has a git folder of its own
error: `vendor/.GIT` is in a git folder
 --> release.toml:1:10
  |
1 | carry = ["vendor/.GIT"]
  |          ^^^^^^^^^^^^^
name files of the project: a release has a git folder of its own
"#]]
    );
    assert_eq!(parse("carry = [\"src/gen.py\"]\n").unwrap().carry(), ["src/gen.py"]);
}

mod locating {
    use super::*;

    fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        }
        folder
    }

    #[test]
    fn the_project_is_found_from_a_folder_in_it() {
        let folder = project(&[("pyrelease.toml", "stages = []"), ("src/demo/__init__.py", "")]);
        let found = locate(&folder.path().join("src/demo"), None).unwrap();
        assert_eq!(found.root, folder.path().canonicalize().unwrap());
        assert!(found.config.stages().is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn a_configuration_that_is_no_file_is_not_passed_over() {
        let folder = project(&[("pyproject.toml", "[project]\nname = \"demo\"\n")]);
        let path = folder.path().join("release.toml");
        let error = || locate(folder.path(), None).unwrap_err();
        fs_err::create_dir(&path).unwrap();
        assert_data_eq!(error().to_string(), str!["`[..]/release.toml` is not a file"]);
        fs_err::remove_dir(&path).unwrap();
        fs_err::os::unix::fs::symlink("../moved/release.toml", &path).unwrap();
        assert_data_eq!(error().to_string(), str!["`[..]/release.toml` is a link that leads to no file"]);
        assert!(locate_root(folder.path(), None).is_err());
    }

    #[test]
    fn two_configurations_are_refused() {
        let folder = project(&[("release.toml", "stages = []"), ("pyproject.toml", "[tool.pyrelease]\n")]);
        let error = locate(folder.path(), None).unwrap_err();
        assert_data_eq!(
            error.to_string(),
            str![
                "found two configurations: `release.toml` and [tool.pyrelease] in `pyproject.toml` in `pyproject.toml`"
            ]
        );
        assert!(error.excerpt().is_some());
    }

    #[test]
    fn a_file_of_cargo_release_is_recognised() {
        let folder = project(&[("release.toml", "sign-tag = true\ntag-name = 'v1'\n")]);
        let error = locate(folder.path(), None).unwrap_err();
        assert_data_eq!(
            shown(&error),
            str![[r#"
error: this `release.toml` belongs to cargo-release
 --> release.toml:1:1
  |
1 | sign-tag = true
  | ^^^^^^^^
put pyrelease's settings into `pyrelease.toml` or [tool.pyrelease] of `pyproject.toml`
"#]]
        );
    }

    #[test]
    fn a_file_of_cargo_release_beside_ours_is_left_alone() {
        let folder = project(&[("release.toml", "sign-tag = true\n"), ("pyrelease.toml", "stages = []")]);
        assert!(locate(folder.path(), None).unwrap().config.stages().is_empty());
    }

    #[test]
    fn no_project_is_an_error() {
        let folder = project(&[(".git/HEAD", "")]);
        assert_data_eq!(
            locate(folder.path(), None).unwrap_err().to_string(),
            str!["no Python project in `[..]` or the folders above it"]
        );
    }
}
