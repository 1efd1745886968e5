//! Settings that are empty, malformed, huge or hostile: nothing is lost, and the file is named.

use super::{project, report};

/// Files with settings that cannot be read, each with what is said about it
type Broken = &'static [(&'static str, &'static str, &'static str)];

/// Of tools that do not exclude each other
const BROKEN: [Broken; 3] = [
    &[
        (".bumpversion.toml", "[tool.bumpversion]\ntag =\n", "`.bumpversion.toml` is not valid TOML, line 2"),
        ("tbump.toml", "[version\n", "`tbump.toml` is not valid TOML, line 1"),
        (".cz.json", "{\n\"commitizen\": {,}}", "`.cz.json` is not valid JSON, line 2"),
        (
            "releaserc.toml",
            "[semantic_release]\nx = 1\nx = 2\n",
            "`releaserc.toml` is not valid TOML, line 3",
        ),
        (
            "towncrier.toml",
            "[tool.towncrier]\n[tool.towncrier]\n",
            "`towncrier.toml` is not valid TOML, line 2",
        ),
    ],
    &[
        ("setup.cfg", "[bumpversion]\ncurrent_version = \u{1}\n", "the version in `setup.cfg`, line 2"),
        ("cz.toml", "[tool]\ncommitizen = 1\n", "`tool.commitizen` in `cz.toml` is not a table"),
    ],
    &[
        (".bumpversion.cfg", "[bumpversion]\ncurrent_version = 9.9.9\n", "`.bumpversion.cfg`, line 2"),
        (".cz.yaml", "commitizen:\n  version: [1\n", "`.cz.yaml` cannot be read: line "),
    ],
];

#[test]
fn files_that_cannot_be_read_need_the_user() {
    for broken in BROKEN {
        let blueprint =
            broken.iter().fold(project(), |blueprint, (path, text, _)| blueprint.file(path, text));
        let project = blueprint.build();
        let outcome = project.pyrelease("init --yes --format json").code(3);
        let report = report(&outcome);
        let settings = report["settings"].as_array().unwrap();
        for (path, text, expected) in broken {
            let needs = |one: &&serde_json::Value| one["outcome"] == "needs-you" && one["file"] == *path;
            let needs = settings.iter().find(needs).unwrap_or_else(|| panic!("{path}: {settings:#?}"));
            assert!(needs["detail"].as_str().unwrap().contains(expected), "{path}: {needs}");
            assert_eq!(project.read(path), *text);
        }
        // The rest is written.
        assert!(project.read("release.toml").contains("stages = ["));
        project.pyrelease("plan minor").code(0);
    }
}

#[test]
fn what_a_file_says_cannot_leave_its_place() {
    let settings = "[bumpversion]\ncurrent_version = 1.0.0\ncommit = True\ntag = True\n\
                    message = \u{1b}[31m\"\"\"'''\\ {new_version}\ntag_name = x\\\"{new_version}\n\
                    [bumpversion:file:../../etc/passwd]\n[bumpversion:file:a\u{1b}]0;x\u{7}b]\n\
                    [bumpversion:file:#\"]] x = 1.py]\n";
    let project = project().file(".bumpversion.cfg", settings).file("#\"]] x = 1.py", "'1.0.0'\n").build();
    let outcome = project.pyrelease("init --yes").code(3);
    for text in [outcome.stdout(), outcome.stderr(), &project.read("release.toml")] {
        assert!(!text.contains(['\u{1b}', '\u{7}']), "{text:?}");
    }
    assert!(project.read("release.toml").contains("commit-message = "));
    project.pyrelease("plan minor").code(0);
}

#[test]
fn huge_and_empty_files_end_in_time() {
    let many: String = (0..3_000).map(|at| format!("[bumpversion:file:f{at}.py]\nsearch = x\n")).collect();
    let huge = format!("[bumpversion]\ncurrent_version = 1.0.0\n{many}");
    let long =
        format!("[tool.bumpversion]\ncurrent_version = '1.0.0'\nmessage = '{}'\n", "x".repeat(200_000));
    let deep = format!("[tool.tbump]\na = {}{}\n", "[".repeat(60), "]".repeat(60));
    let sets: [&[(&str, &str)]; 3] = [
        &[
            (".bumpversion.cfg", &huge),
            ("tbump.toml", &deep),
            (".cz.yaml", ""),
            ("setup.cfg", "[zest.releaser]\n"),
        ],
        &[
            (".bumpversion.toml", &long),
            ("tbump.toml", ""),
            (".cz.json", "{}"),
            ("releaserc.toml", "\u{feff}"),
        ],
        &[(".bumpversion.cfg", ""), ("towncrier.toml", ""), ("cz.toml", "[tool.commitizen]\n")],
    ];
    for files in sets {
        let project =
            files.iter().fold(project(), |blueprint, (path, text)| blueprint.file(path, text)).build();
        let outcome = project.pyrelease("init --yes").run();
        assert!([0, 3].contains(&outcome.status()), "{outcome}");
        assert!(outcome.took().as_secs() < 30, "{:?}", outcome.took());
        project.pyrelease("plan minor").run().code_in(&[0, 3]);
    }
}
