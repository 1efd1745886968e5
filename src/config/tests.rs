use schemars::JsonSchema;
use serde::Deserialize;

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
    assert!(shown.contains("unknown key `nmae` in [stage.tag]"), "{shown}");
    assert!(shown.contains("release.toml:4:1"), "{shown}");
    assert!(shown.contains("^^^^"), "{shown}");
    assert!(shown.contains("did you mean `name`?"), "{shown}");
}

#[test]
fn a_wrong_type_is_underlined() {
    let error = parse("[stage.tag]\nsign = \"yes\"\n").unwrap().settings::<Tag>("tag").unwrap_err();
    let shown = shown(&error);
    assert!(shown.contains("release.toml:2:8"), "{shown}");
    assert!(shown.contains("expected a boolean"), "{shown}");
}

#[test]
fn an_unknown_placeholder_is_underlined() {
    let error = parse("[stage.tag]\nname = \"v{verson}\"\n").unwrap().settings::<Tag>("tag").unwrap_err();
    assert!(shown(&error).contains("did you mean `{version}`?"), "{}", shown(&error));
}

#[test]
fn an_unknown_top_level_key_is_underlined() {
    let error = parse("stagse = []\n").unwrap_err();
    assert!(shown(&error).contains("did you mean `stages`?"), "{}", shown(&error));
}

#[test]
fn broken_toml_is_underlined() {
    let error = parse("stages = [\n").unwrap_err();
    assert!(shown(&error).contains("release.toml"), "{}", shown(&error));
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
    assert!(shown(&error).contains("[index.corp] has no `upload`"), "{}", shown(&error));
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
    assert!(shown(&config.settings::<Tag>("tag").unwrap_err()).contains("pyproject.toml:4:1"));
}

#[test]
fn carried_files_must_be_inside_the_project() {
    for path in ["../x", "/etc/passwd", "a/../../x", ""] {
        let error = parse(&format!("carry = [\"{path}\"]\n")).unwrap_err();
        assert!(shown(&error).contains("is not inside the project"), "{path}: {}", shown(&error));
    }
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

    #[test]
    fn two_configurations_are_refused() {
        let folder = project(&[("release.toml", "stages = []"), ("pyproject.toml", "[tool.pyrelease]\n")]);
        let error = locate(folder.path(), None).unwrap_err();
        assert!(error.to_string().contains("found two configurations"), "{error}");
        assert!(error.excerpt().is_some());
    }

    #[test]
    fn a_file_of_cargo_release_is_recognised() {
        let folder = project(&[("release.toml", "sign-tag = true\ntag-name = 'v1'\n")]);
        let error = locate(folder.path(), None).unwrap_err();
        assert!(shown(&error).contains("belongs to cargo-release"), "{}", shown(&error));
        assert!(shown(&error).contains("pyrelease.toml"), "{}", shown(&error));
    }

    #[test]
    fn a_file_of_cargo_release_beside_ours_is_left_alone() {
        let folder = project(&[("release.toml", "sign-tag = true\n"), ("pyrelease.toml", "stages = []")]);
        assert!(locate(folder.path(), None).unwrap().config.stages().is_empty());
    }

    #[test]
    fn no_project_is_an_error() {
        let folder = project(&[(".git/HEAD", "")]);
        assert!(locate(folder.path(), None).unwrap_err().to_string().contains("no Python project"));
    }
}
