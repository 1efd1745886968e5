//! What a new version does to a file, and what it does not.

use proptest::prelude::*;

use super::*;

fn write(place: &VersionLocation, text: &str, old: &str, new: &str) -> Result<String, ProjectError> {
    place.write(text, &version(old), &version(new))
}

fn pattern(search: &str) -> VersionLocation {
    VersionLocation::pattern("f.txt", Pattern::new(search))
}

fn problem(place: &VersionLocation, text: &str) -> String {
    write(place, text, "1.2.3", "1.2.4").unwrap_err().to_string()
}

#[test]
fn leaves_every_other_byte_of_toml() {
    let text = "\u{feff}# top\r\n[project] # p\r\n  version   =  '1.0'   # v\r\nname=\"demo\"\r\n\r\n\r\n[tool.x]\r\na = [ 1,2 ,]";
    let place = VersionLocation { path: "pyproject.toml".into(), how: VersionSyntax::PyprojectProject };
    assert_eq!(write(&place, text, "1.0", "1.1rc1").unwrap(), text.replace("1.0", "1.1rc1"));
    let inline = "project = { name = \"demo\", version = \"1.0\" }";
    assert_eq!(write(&place, inline, "1.0.0", "1.1").unwrap(), inline.replace("1.0", "1.1"));
}

#[test]
fn spells_versions_as_the_file_takes_them() {
    let at = |path: &str, how| VersionLocation { path: path.into(), how };
    let package = at("package.json", VersionSyntax::PackageJson);
    let text = "{\n\t\"name\": \"x\",\n\t\"version\":\"1.2.0-rc.1\"\n}";
    assert_eq!(package.read(text).unwrap(), Some(version("1.2.0rc1")));
    assert_eq!(write(&package, text, "1.2.0rc1", "1.2.0rc2").unwrap(), text.replace("rc.1", "rc.2"));
    assert_eq!(
        write(&package, text, "1.2.0rc1", "1.2.0.post1").unwrap_err().to_string(),
        "`package.json` uses Semantic Versioning, which cannot express `1.2.0.post1`"
    );
    let cargo = at("Cargo.toml", VersionSyntax::Cargo);
    let text = "[package]\nversion = \"1.2.0\"\n";
    assert_eq!(write(&cargo, text, "1.2", "1.3").unwrap(), text.replace("1.2.0", "1.3.0"));
    assert!(write(&cargo, text, "1.2", "1.2.0.post1").unwrap().contains("\"1.2.0-post.1\""));
    assert!(write(&cargo, text, "1.2", "1.2.3.4").is_err());
}

#[test]
fn writes_only_where_the_old_version_stands() {
    let place = VersionLocation { path: "setup.cfg".into(), how: VersionSyntax::SetupCfg };
    let text = "[metadata]\nname = demo\nversion = 1.0\n";
    assert_eq!(
        write(&place, text, "1.2", "1.3").unwrap_err().to_string(),
        "`setup.cfg`, line 3, has version `1.0` instead of `1.2`"
    );
    let error = place.read("[metadata]\nversion = one\n").unwrap_err();
    assert!(
        error.to_string().starts_with("the version in `setup.cfg`, line 2: `one` is not a valid version"),
        "{error}"
    );
}

#[test]
fn finds_places_by_the_name_of_the_file() {
    let files = tree(&[
        ("pyproject.toml", "[project]\nversion = '1.0'\n[tool.poetry]\nversion = '1.0'\n"),
        ("a/pyproject.toml", "[project]\ndynamic = ['version']\n"),
        ("a/Cargo.toml", "[workspace.package]\nversion = '1.0.0'\n[package]\nversion.workspace = true\n"),
        ("a/b/Cargo.toml", "[package]\nversion.workspace = true\n"),
        ("package.json", "{\"version\": \"1.0.0\"}"),
        ("setup.cfg", "[metadata]\nversion = 1.0\n"),
        ("demo.py", "__version__ = '1.0'\n"),
        ("empty.py", ""),
        ("VERSION", "1.0\n"),
        ("README.md", "1.0"),
    ]);
    let found = |path: &str| VersionLocation::for_file(path, &files);
    let how = |path: &str| found(path).unwrap().into_iter().map(|place| place.how).collect::<Vec<_>>();
    assert_eq!(how("pyproject.toml"), [VersionSyntax::PyprojectProject, VersionSyntax::PyprojectPoetry]);
    assert_eq!(how("a/Cargo.toml"), [VersionSyntax::CargoWorkspace]);
    assert_eq!(how("package.json"), [VersionSyntax::PackageJson]);
    assert_eq!(how("setup.cfg"), [VersionSyntax::SetupCfg]);
    assert_eq!(how("demo.py"), [VersionSyntax::Assignment { name: "__version__".into() }]);
    assert_eq!(how("VERSION"), [VersionSyntax::WholeFile]);
    let error = |path: &str| found(path).unwrap_err().to_string();
    assert_eq!(
        error("a/pyproject.toml"),
        "`a/pyproject.toml` has no `[project] version` or `[tool.poetry] version`"
    );
    assert!(error("a/b/Cargo.toml").starts_with("`a/b/Cargo.toml` has no `[package] version`"));
    assert_eq!(error("empty.py"), "`empty.py` has no `__version__ = \"…\"`");
    assert_eq!(error("none.py"), "`none.py` does not exist");
    assert_eq!(
        found("README.md").unwrap_err().help(),
        "use `{ path = \"README.md\", search = \"… {version} …\" }` instead"
    );
}

#[test]
fn replaces_the_version_in_a_pattern() {
    let text = "pip install demo==1.2.3\r\nsee demo-1.2.3.tar.gz, not 1.2.3rc1, 11.2.3, 1.2.3.4 or 1.2\r\n";
    assert_eq!(
        write(&pattern("demo=={version}"), text, "1.2.3", "1.3.0").unwrap(),
        text.replacen("1.2.3", "1.3.0", 1)
    );
    let bare = VersionLocation::pattern("f.txt", Pattern { count: Some(2), ..Pattern::new("{version}") });
    let expected = "pip install demo==2.0\r\nsee demo-2.0.tar.gz, not 1.2.3rc1, 11.2.3, 1.2.3.4 or 1.2\r\n";
    assert_eq!(write(&bare, text, "1.2.3", "2.0").unwrap(), expected);
    assert_eq!(write(&pattern("v{version}.rst"), "v1.2.3.rst", "1.2.3", "1.3").unwrap(), "v1.3.rst");
    assert_eq!(write(&pattern("x {version}"), "x 2024.04", "2024.4", "2024.5").unwrap(), "x 2024.5");
    assert_eq!(
        write(&pattern("{version} (a.b)\n{version}"), "1.0 (a.b)\r\n1.0", "1.0", "1.1").unwrap(),
        "1.1 (a.b)\r\n1.1"
    );
}

#[test]
fn replaces_other_text_too() {
    let both = Pattern { replace: Some("new {version}\nlast".into()), ..Pattern::new("old {version}") };
    assert_eq!(
        write(&VersionLocation::pattern("f", both), "old 1.0!", "1.0", "1.1").unwrap(),
        "new 1.1\nlast!"
    );
    let marker = Pattern { replace: Some("# next\n{version}".into()), ..Pattern::new("# next\n") };
    assert_eq!(
        write(&VersionLocation::pattern("f", marker), "a\r\n# next\r\nb", "1.0", "1.1").unwrap(),
        "a\r\n# next\r\n1.1b"
    );
}

#[test]
fn refuses_a_pattern_with_another_count() {
    let search = pattern("v = {version}");
    assert_eq!(problem(&search, "v = 1.2.2\n"), "`v = 1.2.3` was found nowhere in `f.txt` instead of once");
    let error = write(&search, "\nv = 1.2.2\n", "1.2.3", "1.2.4").unwrap_err();
    assert_eq!(error.help(), "line 2 has it with `1.2.2`: write the current version there first");
    let error = write(&search, "v = 1.2.3\n\nv = 1.2.3\n", "1.2.3", "1.2.4").unwrap_err();
    assert_eq!(error.to_string(), "`v = 1.2.3` was found twice in `f.txt` instead of once: on lines 1, 3");
    assert_eq!(error.help(), "include more of the line in `search`, or set `count = 2`");
    assert_eq!(problem(&pattern("v ="), "v ="), "`v =` for `f.txt` has no `{version}`");
    assert_eq!(problem(&pattern(""), "v"), "`` for `f.txt` has no `{version}`");
    let huge = "{version}".repeat(100_000);
    assert!(problem(&pattern(&huge), "v").contains("is not valid"));
}

#[test]
fn changes_all_files_or_none() {
    let files = tree(&[
        ("pyproject.toml", "[project]\nname='demo'\nversion='1.2.3'\n[tool.x]\nv='1.2.3'\n"),
        ("README.md", "demo 1.2.3\n"),
        ("setup.cfg", "[metadata]\nversion=1.2.2\n"),
    ]);
    let place = |path: &str, how| VersionLocation { path: path.into(), how };
    let project = place("pyproject.toml", VersionSyntax::PyprojectProject);
    let extra = VersionLocation::pattern("pyproject.toml", Pattern::new("v='{version}'"));
    let readme = VersionLocation::pattern("README.md", Pattern::new("demo {version}"));
    let (old, new) = (version("1.2.3"), version("1.3.0"));

    let changed =
        bump_all(&files, &[project.clone(), extra, readme.clone(), project.clone()], &old, &new).unwrap();
    assert_eq!(changed["pyproject.toml"], b"[project]\nname='demo'\nversion='1.3.0'\n[tool.x]\nv='1.3.0'\n");
    assert_eq!(changed["README.md"], b"demo 1.3.0\n");

    let same = VersionLocation::pattern("pyproject.toml", Pattern::new("version='{version}'"));
    assert!(bump_all(&files, &[project.clone(), same], &old, &new).is_ok());
    let other =
        Pattern { replace: Some("version = '{version}'".into()), ..Pattern::new("version='{version}'") };
    let problems =
        bump_all(&files, &[project.clone(), VersionLocation::pattern("pyproject.toml", other)], &old, &new)
            .unwrap_err();
    assert_eq!(problems, [ProjectError::Overlap { path: "pyproject.toml".into(), line: 3 }]);

    let missing = VersionLocation::pattern("none", Pattern::new("{version}"));
    let problems = bump_all(
        &files,
        &[project, place("setup.cfg", VersionSyntax::SetupCfg), missing, readme],
        &old,
        &new,
    )
    .unwrap_err();
    let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        ["`setup.cfg`, line 2, has version `1.2.2` instead of `1.2.3`", "`none` does not exist"]
    );
}

#[test]
fn reads_the_current_version_from_every_place() {
    let files = tree(&[
        ("pyproject.toml", "[project]\nversion='1.2'\n"),
        ("demo.py", "__version__ = '1.2.0'\n"),
        ("old.py", "__version__ = '1.1'\n"),
        ("README.md", "demo 1.2\n"),
    ]);
    let project = VersionLocation { path: "pyproject.toml".into(), how: VersionSyntax::PyprojectProject };
    let module = |path: &str| VersionLocation {
        path: path.into(),
        how: VersionSyntax::Assignment { name: "__version__".into() },
    };
    let readme = |search: &str| VersionLocation::pattern("README.md", Pattern::new(search));
    let current =
        |places: &[VersionLocation]| current_version(&files, places).map(|version| version.to_string());
    assert_eq!(current(&[project.clone(), module("demo.py"), readme("nothing {version}")]).unwrap(), "1.2");
    assert_eq!(current(&[readme("demo {version}")]).unwrap(), "1.2");
    assert_eq!(current(&[readme("{version}")]).unwrap_err(), ProjectError::NoPlace);
    assert_eq!(
        current(&[project, module("old.py")]).unwrap_err().to_string(),
        "the project's files disagree about its version: `pyproject.toml` has `1.2`, `old.py` (`__version__`) has `1.1`"
    );
    assert_eq!(current(&[]).unwrap_err(), ProjectError::NoPlace);
}

#[test]
fn every_error_says_what_to_do() {
    for error in [
        ProjectError::NoProject,
        ProjectError::NoName { path: "setup.py" },
        ProjectError::Missing { path: "x".into() },
        ProjectError::NoPlace,
        ProjectError::Overlap { path: "x".into(), line: 1 },
        ProjectError::NotSemantic { path: "x".into(), version: version("1!1") },
    ] {
        assert!(!error.help().is_empty() && !error.to_string().ends_with('.'));
    }
}

proptest! {
    #[test]
    fn never_panics(text in r#"(\PC|[\n\r="'\[\]{}:. ]|version|project|1\.0){0,60}"#, search in r"(\PC|\{version\}){0,12}") {
        let place = |how| VersionLocation { path: "x".into(), how };
        for place in [
            place(VersionSyntax::PyprojectProject),
            place(VersionSyntax::PackageJson),
            place(VersionSyntax::SetupCfg),
            place(VersionSyntax::SetupPy),
            place(VersionSyntax::WholeFile),
            place(VersionSyntax::Assignment { name: "version".into() }),
            place(VersionSyntax::Regex { pattern: "v(.*)".into() }),
            pattern(&search),
        ] {
            let _ = place.read(&text);
            let _ = place.write(&text, &version("1.0"), &version("1.1"));
        }
        for path in ["pyproject.toml", "setup.cfg", "setup.py"] {
            let _ = Project::read(&tree(&[(path, &text)]));
        }
    }

    #[test]
    fn a_pattern_changes_the_version_and_nothing_else(before in "[a-z =\n]{0,20}", after in "[ ,)\n][a-z \n]{0,20}") {
        let text = format!("{before}@1.2.3{after}");
        let written = write(&pattern("@{version}"), &text, "1.2.3", "2.0rc1").unwrap();
        prop_assert_eq!(written, format!("{before}@2.0rc1{after}"));
    }
}
