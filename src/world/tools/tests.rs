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
    let folder = cache.path().join("tools").join(key(&interpreter, Toolset::Packaging.requirements()));
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
