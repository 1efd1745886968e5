//! These install from the package index, as a user's first run does.

use std::sync::Mutex;

use super::*;

fn environment(cache: &Path) -> Environment {
    [("PYRELEASE_CACHE_DIR", cache)].into_iter().collect()
}

#[test]
fn two_runs_at_once_make_one_environment_that_renders() {
    let cache = tempfile::tempdir().unwrap();
    let environment = environment(cache.path());
    let said = Mutex::new(Vec::new());
    let progress = |line: &str| said.lock().unwrap().push(line.to_owned());
    // What a killed installation leaves is no environment.
    let interpreter = Interpreter::find(&environment).unwrap();
    let folder = cache.path().join("tools").join(key(&interpreter));
    fs_err::create_dir_all(folder.join("bin")).unwrap();
    fs_err::write(folder.join("bin/python"), "left behind").unwrap();

    let [first, second] = std::thread::scope(|scope| {
        let run = || ToolEnvironment::ensure(&environment, &|line: &str| progress(line)).unwrap();
        [scope.spawn(run), scope.spawn(run)].map(|thread| thread.join().unwrap())
    });
    assert_eq!(first.python(), second.python());
    assert!(first.python().starts_with(&folder));
    let said = said.into_inner().unwrap();
    let installed = said.iter().filter(|line| line.starts_with("installing")).count();
    assert_eq!(installed, 1, "{said:?}");
    let again = |line: &str| panic!("a complete environment needs nothing: {line}");
    ToolEnvironment::ensure(&environment, &again).unwrap();

    let texts = ["Title\n=====\n\nSome *text*.\n", "Title\n=====\n\n:foo:`bar`\n", "", "é ✓\n"];
    let verdicts = first.render_rst(&texts).unwrap();
    assert_eq!(verdicts[0], Ok(()));
    assert_eq!(verdicts[1], Err("line 4: ERROR: Unknown interpreted text role \"foo\".".to_owned()));
    assert_eq!(verdicts[2], Err("No content rendered from RST source.".to_owned()));
    assert_eq!(verdicts[3], Ok(()));
    assert!(first.process().args(["-m", "build", "--version"]).read().unwrap().starts_with("build "));
}

#[test]
fn a_python_that_is_none_is_named() {
    let cache = tempfile::tempdir().unwrap();
    let variables =
        [("PYRELEASE_CACHE_DIR", cache.path()), ("PYRELEASE_PYTHON", Path::new("no-such-python"))];
    let error = ToolEnvironment::ensure(&variables.into_iter().collect(), &|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "`PYRELEASE_PYTHON` is `no-such-python`, which does not work as a Python");
    assert_eq!(error.help().unwrap(), "set `PYRELEASE_PYTHON` to a Python of 3.9 or newer");
    assert!(fs_err::read_dir(cache.path()).unwrap().next().is_none(), "nothing was written");
}

#[test]
fn without_a_cache_folder_the_error_says_what_to_set() {
    let error = ToolEnvironment::ensure(&Environment::default(), &|_| ()).unwrap_err();
    assert!(error.help().unwrap().contains("PYRELEASE_CACHE_DIR"));
}

#[test]
fn every_requirement_is_pinned_by_hash() {
    let logical = REQUIREMENTS.replace("\\\n", " ");
    let lines: Vec<&str> = logical.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(lines.len() > 10);
    for line in lines {
        assert!(line.contains("==") && line.contains("--hash=sha256:"), "{line}");
    }
}
