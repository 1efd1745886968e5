//! `pyrelease check` as people use it.

#[cfg(target_os = "linux")]
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use pyrelease_test_support::distribution::described;
use pyrelease_test_support::{Blueprint, Project, str};

use super::cases;
use crate::release::quick;

/// A wheel without a license, with a classifier that PyPI does not know
const WRONG: &str = "metadata-0142/crp0143-1.0-py3-none-any.whl";
/// A wheel and a source distribution that PyPI takes
const RIGHT: [&str; 2] = ["plain-0006/crp0007-1.0-py3-none-any.whl", "plain-0006/crp0007-1.0.tar.gz"];
/// A wheel whose description is reStructuredText
const RESTRUCTURED: &str = "readme-0008/crp0009-1.0-py3-none-any.whl";

/// A project with these files in `dist`.
fn project(blueprint: Blueprint, files: &[&str]) -> Project {
    let project = blueprint.build();
    let (_, contents) = cases();
    fs_err::create_dir_all(project.folder().join("dist")).expect("a folder");
    for path in files {
        let name = path.rsplit('/').next().expect("a name");
        fs_err::write(project.folder().join("dist").join(name), &contents[*path]).expect("a file");
    }
    project
}

#[test]
fn programs_get_one_object() {
    let project = project(quick(), &[WRONG]);
    let outcome = project.pyrelease("check --format json").code(3);
    let [report] = &outcome.events()[..] else { panic!("one object is printed, not {outcome}") };
    assert_eq!((&report["event"], &report["accepted"]), (&"check".into(), &false.into()));
    let outcome = project.pyrelease("check --format json dist nowhere.whl").code(2);
    let [error] = &outcome.events()[..] else { panic!("one object is printed, not {outcome}") };
    assert_eq!(error["event"], "error");
    let finding = &report["files"][0]["findings"][0];
    assert_eq!((&finding["rule"], &finding["place"]["line"]), (&"classifier".into(), &7.into()));
}

#[test]
fn warnings_count_when_strict_unless_they_are_allowed() {
    let plain = project(quick(), &RIGHT[..1]);
    plain.pyrelease("check").code(0);
    plain.pyrelease("check --strict").code(3);
    let config = "\n[stage.check]\nstrict = true\nallow = [\"no-license\"]\n";
    project(quick().config(config), &RIGHT[..1]).pyrelease("check").code(0);
}

#[test]
fn a_configuration_that_cannot_be_read_is_not_taken_for_none() {
    let project = project(quick(), &RIGHT[..1]);
    fs_err::write(project.folder().join("release.toml"), b"\xff").unwrap();
    let name = RIGHT[0].rsplit('/').next().unwrap();
    for command in ["check".to_owned(), format!("upload --index pypi dist/{name}")] {
        let outcome = project.pyrelease(&command).code(2);
        assert!(outcome.stderr().contains("failed to read"), "{outcome}");
    }
}

#[test]
fn the_other_files_are_judged_when_one_is_not_there() {
    let project = project(quick(), &RIGHT[..1]);
    let name = RIGHT[0].rsplit('/').next().unwrap();
    let outcome = project.pyrelease(&format!("check gone.whl dist/{name} lost.whl")).code(2);
    outcome.assert_shown("check-some-are-not-there");
}

#[test]
fn what_git_tracks_and_the_source_distribution_lacks_is_told() {
    let project = project(quick().file("src/demo/data.json", "{}"), &[]);
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let metadata = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0.0\n";
    for (path, text) in [("PKG-INFO", metadata), ("pyproject.toml", ""), ("src/demo/__init__.py", "")] {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        builder.append_data(&mut header, format!("demo-1.0.0/{path}"), text.as_bytes()).unwrap();
    }
    let bytes = builder.into_inner().unwrap().finish().unwrap();
    fs_err::write(project.folder().join("dist/demo-1.0.0.tar.gz"), bytes).unwrap();
    project.pyrelease("check").code(0).assert_shown("check-tracked-file-missing");

    project.write(".gitattributes", "src/demo/*.json export-ignore\n");
    project.commit("the data is for nobody else");
    let outcome = project.pyrelease("check").code(0);
    assert!(!outcome.stdout().contains("tracked-file-missing"), "{}", outcome.stdout());
}

#[test]
fn python_is_started_for_restructured_text_only_and_once() {
    let project = project(quick(), &[RIGHT[0]]);
    let cache = project.sandbox().root().join("cache of its own");
    let without_python = |command: &str| {
        project
            .pyrelease(command)
            .env("PYRELEASE_CACHE_DIR", &cache)
            .env("PYRELEASE_PYTHON", "/nowhere/python")
    };
    without_python("check").code(0);

    let (_, contents) = cases();
    fs_err::write(project.folder().join("dist/crp0009-1.0-py3-none-any.whl"), &contents[RESTRUCTURED])
        .unwrap();
    let command = "check dist/crp0009-1.0-py3-none-any.whl";
    without_python(command).code(1).messages_eq(str![[r#"
error: the tool environment is not usable
  caused by: `/nowhere/python` (set by `PYRELEASE_PYTHON`) is not a working Python
  caused by: failed to start `/nowhere/python`
  caused by: No such file or directory (os error 2)
help: set `PYRELEASE_PYTHON` to Python [VERSION] or newer

"#]]);
    // With the cache that all tests share, Python may be asked; after that nobody needs one.
    project.pyrelease(command).code(0);
    project.pyrelease(command).env("PYRELEASE_PYTHON", "/nowhere/python").code(0);
}

/// PyPI takes none at all, but not one of blank lines.
#[test]
fn a_description_of_blank_lines_is_refused_where_it_is_markdown() {
    let project = project(quick(), &[]);
    let dist = project.folder().join("dist");
    for (kind, text, code) in [
        ("text/markdown", "\n", 3),
        ("text/markdown", "", 0),
        ("text/markdown", "\u{a0}\n", 0),
        ("text/plain", "\n", 0),
    ] {
        described(&dist, "demo", "1.0.0", kind, text);
        let outcome = project.pyrelease("check").code(code);
        assert_eq!(outcome.stdout().contains("error[description-not-blank]"), code == 3, "{outcome}");
    }
}

/// A description that would take hours to render, in a wheel of its own.
#[cfg(target_os = "linux")]
fn hostile() -> Project {
    let level = |at: usize| {
        let next = format!("|n{}|", at + 1);
        format!(".. |n{at}| replace:: {}\n", [next.as_str(); 10].join(" "))
    };
    let levels: String = (0..12).map(level).collect();
    let text = format!("It is |n0|.\n\n{levels}.. |n12| replace:: x\n");
    let project = project(quick(), &[]);
    described(&project.folder().join("dist"), "demo", "1.0.0", "text/x-rst", &text);
    project
}

/// The renderer, which is at a text that it never comes to the end of, ends with the command, however that ends.
#[cfg(target_os = "linux")]
#[test]
fn the_renderer_does_not_outlive_the_command() {
    // The tools may have to be installed first.
    let (_, contents) = cases();
    let ready = project(quick(), &[]);
    fs_err::write(ready.folder().join("dist/crp0009-1.0-py3-none-any.whl"), &contents[RESTRUCTURED]).unwrap();
    ready.pyrelease("check").code(0);

    let project = hostile();
    let renderer = || {
        let renders = |line: &String| line.contains("readme_renderer");
        project.sandbox().processes().into_iter().find(renders)
    };
    for signal in ["KILL", "TERM", "INT"] {
        let outcome = project
            .pyrelease("check")
            .meanwhile(|running| {
                while renderer().is_none() && !running.has_ended() {
                    running.wait(Duration::from_millis(20));
                }
                running.wait(Duration::from_millis(500));
                running.signal(signal);
            })
            .run();
        assert_ne!(outcome.status(), 0, "{outcome}");
        let ended = Instant::now();
        while let Some(left) = renderer() {
            assert!(ended.elapsed() < Duration::from_secs(10), "after SIG{signal}, {left}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
