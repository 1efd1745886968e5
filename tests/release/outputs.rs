//! What commands write: over no file of somebody else's, and not to nowhere without a word.

use pyrelease_test_support::{Project, set_binary};

use super::quick;

const LOCAL: &str = "stages = [\"changelog\", \"version\", \"tag\"]\n";

/// Runs `pyrelease` with these words and its standard output on a full disk.
fn on_a_full_disk(project: &Project, words: &str) -> (i32, String) {
    let script = format!("exec \"$0\" {words} > /dev/full");
    let command = [&script, env!("CARGO_BIN_EXE_pyrelease")];
    let ran = project.sandbox().command(project.folder(), "sh", &["-c", command[0], command[1]]);
    let output = ran.stderr_capture().unchecked().run().expect("a shell");
    (output.status.code().expect("no signal"), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_page_replaces_only_a_page() {
    let project = quick().build();
    let pyproject = project.read("pyproject.toml");
    for command in ["preview --out pyproject.toml", "drill --html pyproject.toml --every 1000"] {
        let refused = project.pyrelease(command).code(2);
        assert!(refused.stderr().contains("pyproject.toml` exists and is no HTML page"), "{refused}");
        assert_eq!(project.read("pyproject.toml"), pyproject);
    }
    project.write("page.html", "");
    project.pyrelease("preview --out page.html").code(0);
    project.pyrelease("preview --out page.html").code(0);
}

#[test]
fn the_file_for_a_port_replaces_only_a_port() {
    let project = quick().build();
    let refused = project.pyrelease("index serve --port-file pyproject.toml").code(2);
    assert!(refused.stderr().contains("pyproject.toml` exists and is no port of an index"), "{refused}");
    project.assert_tree_clean();
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_lost_on_a_full_disk_is_an_error() {
    set_binary(env!("CARGO_BIN_EXE_pyrelease"));
    let project = quick().config(LOCAL).build();
    for words in
        ["plan minor", "plan minor --format json", "notes 1.0.0", "status", "completions bash", "schema"]
    {
        let (code, said) = on_a_full_disk(&project, words);
        assert_eq!(code, 1, "{words}: {said}");
        assert!(
            said.contains("error: failed to write to standard output: No space left on device"),
            "{said}"
        );
    }
    // The code of a release tells of the release.
    let (code, said) = on_a_full_disk(&project, "run minor --yes --format json");
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("error: failed to write to standard output"), "{said}");
    project.tag_target("v1.1.0");
}
