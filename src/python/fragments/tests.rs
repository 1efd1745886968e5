use std::collections::BTreeMap;

use super::*;

fn found(files: &[(&str, &str)]) -> Option<Fragments> {
    let mut tree: BTreeMap<String, Vec<u8>> =
        files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
    let toml = tree.entry("pyproject.toml".to_owned()).or_default();
    toml.splice(0..0, *b"[project]\nname = \"demo\"\nversion = \"1.0\"\n");
    let project = Project::read(&tree).unwrap();
    Fragments::find(&tree, &project)
}

fn paths(fragments: &Fragments) -> Vec<(&str, Option<&str>)> {
    fragments.files.iter().map(|file| (file.path.as_str(), file.kind.as_deref())).collect()
}

#[test]
fn finds_the_fragments_of_towncrier() {
    let settings = "[tool.towncrier]\ndirectory = \"./changes/\"\nfilename = \"CHANGES.rst\"\ntemplate = \"changes/_template.rst\"\npackage = \"demo_pkg\"\n";
    let fragments = found(&[
        ("pyproject.toml", settings),
        ("changes/12.feature.rst", ""),
        ("changes/+orphan.bugfix", ""),
        ("changes/1.2.3.misc.2.md", ""),
        ("changes/README.rst", ""),
        ("changes/_template.rst", ""),
        ("changes/.gitignore", ""),
    ])
    .unwrap();
    assert_eq!(
        paths(&fragments),
        [
            ("changes/+orphan.bugfix", Some("bugfix")),
            ("changes/1.2.3.misc.2.md", Some("misc")),
            ("changes/12.feature.rst", Some("feature")),
        ]
    );
    assert_eq!((fragments.changelog.as_str(), fragments.name.as_deref()), ("CHANGES.rst", None));
    assert_eq!(fragments.problems, []);
    let (bump, decisive) = fragments.suggested_bump().unwrap();
    assert_eq!((bump, decisive.path.as_str()), (Bump::Minor, "changes/12.feature.rst"));

    // Without a standard name, towncrier would import the package.
    let old = [
        ("setup.py", "setup(name='demo', version='1.0')"),
        ("towncrier.toml", settings),
        ("changes/1.misc", ""),
    ];
    let tree: BTreeMap<String, Vec<u8>> =
        old.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
    let old = Fragments::find(&tree, &Project::read(&tree).unwrap()).unwrap();
    assert_eq!(old.name.as_deref(), Some("Demo_Pkg"));

    let own = found(&[
        (
            "towncrier.toml",
            "[tool.towncrier]\nname = \"Demo\"\n[[tool.towncrier.type]]\ndirectory = \"breaking\"\n",
        ),
        ("demo/newsfragments/1.breaking.md", ""),
    ])
    .unwrap();
    assert_eq!((own.settings.as_str(), own.name.as_deref()), ("towncrier.toml", None));
    assert_eq!(own.suggested_bump().unwrap().0, Bump::Major);
    assert_eq!(own.told_settings, None);
    // Older versions did not look below the package.
    let title = ("towncrier.toml", "[tool.towncrier]\ntitle_format = \"{version}\"\n");
    let older = found(&[title, ("newsfragments/1.feature.md", "")]).unwrap();
    assert_eq!(paths(&older), [("newsfragments/1.feature.md", Some("feature"))]);
    assert_eq!(older.told_settings.as_deref(), Some("towncrier.toml"));
    let newer = found(&[title, ("newsfragments/1.feature.md", ""), ("demo/newsfragments/2.misc.md", "")]);
    assert_eq!(paths(&newer.unwrap()), [("demo/newsfragments/2.misc.md", Some("misc"))]);
    let sections = found(&[
        (
            "towncrier.toml",
            "[tool.towncrier]\ndirectory = \"news\"\nsection = [{ path = \"\" }, { path = \"web\" }]\n",
        ),
        ("news/1.feature.md", ""),
        ("news/web/2.template-fix.bugfix.md", ""),
        ("news/other/3.feature.md", ""),
        ("news/TEMPLATE.md", ""),
    ])
    .unwrap();
    assert_eq!(
        paths(&sections),
        [("news/1.feature.md", Some("feature")), ("news/web/2.template-fix.bugfix.md", Some("bugfix"))]
    );
    assert_eq!(sections.problems, []);
    let package = found(&[
        (
            "pyproject.toml",
            "[tool.towncrier]\npackage = \"demo\"\npackage_dir = \"src\"\n[tool.towncrier.fragment.docs]\n",
        ),
        ("src/demo/newsfragments/1.docs.md", ""),
    ])
    .unwrap();
    assert_eq!(paths(&package), [("src/demo/newsfragments/1.docs.md", Some("docs"))]);
    assert_eq!(found(&[("README.md", "")]), None);
}

#[test]
fn names_what_towncrier_would_not_take() {
    let fragments = found(&[
        ("pyproject.toml", "[tool.towncrier]\ntemplate = \"missing.jinja\"\nignore = [\"keep-*\"]\n"),
        ("demo/newsfragments/12.feat.rst", ""),
        ("demo/newsfragments/notes", ""),
        ("demo/newsfragments/text.md", ""),
        ("demo/newsfragments/keep-me.txt", ""),
    ])
    .unwrap();
    let said: Vec<String> = fragments.problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "the template `missing.jinja`, which `pyproject.toml` names, does not exist",
            "`demo/newsfragments/12.feat.rst`: `feat` is not a type of fragment in `pyproject.toml` (feature, bugfix, doc, removal, misc)",
            "`demo/newsfragments/notes` is not named like a fragment: `ISSUE.TYPE` or `ISSUE.TYPE.COUNTER`",
            "`demo/newsfragments/text.md` is not named like a fragment: `ISSUE.TYPE` or `ISSUE.TYPE.COUNTER`",
        ]
    );
    assert!(fragments.problems.iter().all(|problem| !problem.help().is_empty()));
}

#[test]
fn finds_the_fragments_of_scriv() {
    for (path, text) in [
        ("setup.cfg", "[scriv]\nformat = md\n"),
        ("tox.ini", "[tool:scriv]\nformat = md\n"),
        ("changelog.d/scriv.ini", "[scriv]\nformat = md\n"),
        ("pyproject.toml", "[tool.scriv]\nformat = \"md\"\n"),
    ] {
        let fragments = found(&[
            (path, text),
            (
                "changelog.d/20260101_a_change.md",
                "### Fixed\n\n- a\n\n### Added\n\n- b\n\n<!--\n### Removed\n-->\n",
            ),
            ("changelog.d/other.rst", ""),
            ("changelog.d/README.md", ""),
        ])
        .unwrap();
        assert_eq!(paths(&fragments), [("changelog.d/20260101_a_change.md", Some("Added"))], "{path}");
        assert_eq!((fragments.changelog.as_str(), fragments.settings.as_str()), ("CHANGELOG.md", path));
        assert_eq!(fragments.suggested_bump().unwrap().0, Bump::Minor);
    }
}

proptest::proptest! {
    #[test]
    fn never_panics(settings in r#"(\PC|[\n"=.\[\]]|tool.towncrier|tool.scriv|type|directory){0,40}"#, name in r"[a-z.+*]{0,12}") {
        let path = format!("demo/newsfragments/{name}x");
        let files: BTreeMap<String, Vec<u8>> =
            [("pyproject.toml".to_owned(), b"[project]\nname = \"demo\"\nversion = \"1\"\n".to_vec()), (path, Vec::new()), ("towncrier.toml".to_owned(), settings.into_bytes())].into();
        if let Ok(project) = Project::read(&files) {
            let _ = Fragments::find(&files, &project);
        }
    }
}

#[test]
fn a_heading_of_the_tool_may_have_a_v() {
    for (template, expected) in [
        ("v{version} ({project_date})", true),
        ("v{{ versiondata.version }}", true),
        ("{% set title = \"v\" + versiondata.version + \")\" %}", true),
        ("{% set title = 'v' ~ version %}", true),
        ("{name} {version}", false),
        ("{% set title = versiondata.version %}", false),
    ] {
        assert_eq!(super::has_v(&[Some(template.to_owned())]), expected, "{template}");
    }
}
