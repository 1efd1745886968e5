//! These tests install from the package index, as a user's first run does.

use snapbox::{assert_data_eq, str};
use std::sync::Mutex;
use std::time::Duration;

use super::*;

fn environment(cache: &Path) -> Environment {
    [("PYRELEASE_CACHE_DIR", cache)].into_iter().collect()
}

#[test]
fn two_runs_at_once_make_one_environment_that_renders() {
    let cache = tempfile::tempdir().unwrap();
    let environment = environment(cache.path());
    let messages = Mutex::new(Vec::new());
    let progress = |line: &str| messages.lock().unwrap().push(line.to_owned());
    // A partial installation is not an environment.
    let interpreter = Interpreter::find(&environment, interpreter::OLDEST).unwrap();
    let folder = cache.path().join("tools").join(key(&interpreter, &Toolset::Packaging.requirements()));
    fs_err::create_dir_all(folder.join("bin")).unwrap();
    fs_err::write(folder.join("bin/python"), "left behind").unwrap();

    let [first, second] = std::thread::scope(|scope| {
        let run = || ToolEnvironment::ensure(&environment, &|line: &str| progress(line)).unwrap();
        [scope.spawn(run), scope.spawn(run)].map(|thread| thread.join().unwrap())
    });
    assert_eq!(first.python(), second.python());
    assert!(first.python().starts_with(&folder));
    let messages = messages.into_inner().unwrap();
    let installed = messages.iter().filter(|line| line.starts_with("installing")).count();
    assert_eq!(installed, 1, "{messages:?}");
    let again = |line: &str| panic!("a complete environment needs nothing: {line}");
    ToolEnvironment::ensure(&environment, &again).unwrap();

    let texts = [
        "Title\n=====\n\nSome *text*.\n",
        "Title\n=====\n\n:foo:`bar`\n",
        "",
        "é ✓\n",
        ".. image:: a.png\n   :scale: 50 %\n",
    ];
    let verdicts = first.render_rst(&texts).unwrap();
    assert_eq!(verdicts[0], Ok(()));
    let refused = |why: &str| Err(Unrendered::Refused(why.to_owned()));
    assert_eq!(verdicts[1], refused("line 4: ERROR: Unknown interpreted text role \"foo\"."));
    assert_eq!(verdicts[2], refused("No content rendered from RST source."));
    assert_eq!(verdicts[3], Ok(()));
    // Up to 45 the renderer wanted to read the image.
    assert_eq!(verdicts[4], Ok(()));
    #[cfg(target_os = "linux")]
    costly_texts_are_given_up(&first);
    assert!(first.process().args(["-m", "build", "--version"]).read().unwrap().starts_with("build "));
}

/// Each name expands to ten of the next.
fn nested(levels: usize) -> String {
    let level = |at: usize| {
        let next = format!("|n{}|", at + 1);
        format!(".. |n{at}| replace:: {}\n", [next.as_str(); 10].join(" "))
    };
    let levels_of: String = (0..levels).map(level).collect();
    format!("Title\n=====\n\nIt is |n0|.\n\n{levels_of}.. |n{levels}| replace:: x\n")
}

/// The texts that follow are rendered by another process.
fn costly_texts_are_given_up(tools: &ToolEnvironment) {
    let (endless, fine, large) = (nested(12), "Title\n=====\n\nText.\n", "a\n".repeat(5_000_000));
    let limits =
        rst::Limits { processor: Duration::from_secs(5), clock: Duration::from_secs(60), memory: 300 << 20 };
    let costly = |what: &str| Err(Unrendered::TooCostly(what.to_owned()));
    assert_eq!(
        tools.render_rst_within(&[&endless, fine, &large, fine], limits).unwrap(),
        [
            costly("it takes more than 5 s of CPU time"),
            Ok(()),
            costly("it takes more than 300 MiB of memory"),
            Ok(())
        ]
    );
    // By wall-clock time, and only a few of them.
    let limits = rst::Limits { processor: Duration::from_secs(600), clock: Duration::from_secs(1), ..limits };
    let verdicts = tools.render_rst_within(&[endless.as_str(); 5], limits).unwrap();
    let clock = costly("it takes more than 1 s of wall-clock time");
    let untried = costly("skipped, because 3 other texts exceeded the limits");
    assert_eq!(verdicts, [&clock, &clock, &clock, &untried, &untried].map(Clone::clone));
}

/// Replaces a text in the only file of a folder of the cache.
fn alter(cache: &Path, folder: &str, from: &str, to: &str) {
    let files: Vec<_> =
        fs_err::read_dir(cache.join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [file] = files.as_slice() else { panic!("not one file but {files:?}") };
    let kept = fs_err::read_to_string(file).unwrap();
    assert!(kept.contains(from), "{kept}");
    fs_err::write(file, kept.replace(from, to)).unwrap();
}

#[test]
fn a_python_is_asked_what_it_is_once() {
    let cache = tempfile::tempdir().unwrap();
    let path = Environment::of_this_process().path("PATH").unwrap();
    let environment = environment(cache.path()).with("PATH", path);
    let first = Interpreter::find(&environment, interpreter::OLDEST).unwrap();
    alter(cache.path(), "pythons", &format!("\"{}\"", first.version), "\"3.99.0\"");
    assert_eq!(Interpreter::find(&environment, interpreter::OLDEST).unwrap().version, "3.99.0");
    alter(cache.path(), "pythons", "{", "");
    assert_eq!(Interpreter::find(&environment, interpreter::OLDEST).unwrap().version, first.version);
}

#[test]
#[cfg(unix)]
fn a_python_is_asked_for_build_once_until_it_is_installed_replaced_or_removed() {
    let folder = tempfile::tempdir().unwrap();
    let environment = environment(&folder.path().join("cache")).with("HOME", folder.path());
    let interpreter = Interpreter::find(&Environment::of_this_process(), interpreter::OLDEST).unwrap();
    let virtual_environment = folder.path().join("venv");
    let venv = isolated(&interpreter.path).args(["-m", "venv", "--without-pip"]).arg(&virtual_environment);
    venv.read().unwrap();
    let python = python_in(&virtual_environment);
    let version = || build_version(&environment, &python);
    let alter = |from: &str, to: &str| alter(&folder.path().join("cache"), "builds", from, to);
    assert_eq!(version(), None);
    alter("\"version\":null", "\"version\":\"9.9\"");
    assert_eq!(version().as_deref(), Some("9.9"), "the kept answer");

    let lib = fs_err::read_dir(virtual_environment.join("lib")).unwrap().next().unwrap().unwrap().path();
    let packages = lib.join("site-packages");
    let write = |folder: &Path, version: &str| {
        fs_err::create_dir_all(folder.join("build")).unwrap();
        fs_err::write(folder.join("build/__init__.py"), format!("__version__ = '{version}'\n")).unwrap();
    };
    write(&packages, "1.0");
    assert_eq!(version().as_deref(), Some("1.0"), "installed");
    write(&packages, "1.10");
    assert_eq!(version().as_deref(), Some("1.10"), "replaced in place, as an editable installation is");
    alter("{", "");
    assert_eq!(version().as_deref(), Some("1.10"), "a damaged answer is none");
    fs_err::remove_dir_all(packages.join("build")).unwrap();
    assert_eq!(version(), None, "removed");

    let [one, other] = ["one", "another"].map(|name| folder.path().join(name));
    write(&one, "2.0");
    write(&other, "3.0.0");
    let link = |to: &Path| fs_err::write(packages.join("other.pth"), format!("{}\n", to.display())).unwrap();
    link(&one);
    assert_eq!(version().as_deref(), Some("2.0"), "linked");
    link(&other);
    assert_eq!(version().as_deref(), Some("3.0.0"), "linked to another folder");
    alter("\"3.0.0\"", "\"9.9\"");
    let elsewhere = environment.clone().with("PYTHONPATH", "anywhere");
    assert_eq!(build_version(&elsewhere, &python).as_deref(), Some("3.0.0"), "with other settings");
    assert_eq!(version().as_deref(), Some("9.9"));
    // What is nothing of the kind is none.
    fs_err::write(one.join("build/__init__.py"), "raise SystemExit\n").unwrap();
    link(&one);
    assert_eq!(version(), None);
    assert_eq!(build_version(&environment, Path::new("no-such-python")), None);
}

#[test]
fn an_unusable_python_is_named() {
    let cache = tempfile::tempdir().unwrap();
    let variables =
        [("PYRELEASE_CACHE_DIR", cache.path()), ("PYRELEASE_PYTHON", Path::new("no-such-python"))];
    let error = ToolEnvironment::ensure(&variables.into_iter().collect(), &|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "`no-such-python` (set by `PYRELEASE_PYTHON`) is not a working Python");
    assert_eq!(error.help().unwrap(), "set `PYRELEASE_PYTHON` to Python 3.9 or newer");
    assert!(fs_err::read_dir(cache.path()).unwrap().next().is_none(), "nothing was written");
}

#[test]
fn without_a_cache_folder_the_error_says_what_to_set() {
    let error = ToolEnvironment::ensure(&Environment::default(), &|_| ()).unwrap_err();
    assert_data_eq!(error.help().unwrap(), str!["set `HOME` or `PYRELEASE_CACHE_DIR`"]);
}

#[test]
fn every_requirement_is_pinned_by_hash() {
    for (tools, least) in [
        (Toolset::Packaging, 6),
        (Toolset::Towncrier, 6),
        (Toolset::Scriv, 6),
        (Toolset::GitCliff, 1),
        (Toolset::GenerateChangelog, 6),
        (Toolset::Commitizen, 6),
        (Toolset::Attestations, 20),
    ] {
        let logical = tools.requirements().replace("\\\n", " ");
        let lines: Vec<&str> = logical.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(lines.len() >= least);
        for line in lines {
            assert!(line.contains("==") && line.contains("--hash=sha256:"), "{line}");
        }
    }
}
