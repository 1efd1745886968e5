//! `[stage.build] reproducible`: a second build shows what a distribution depends on.

use pyrelease_test_support::{Project, str};

use super::{QUICK, quick};

/// A project whose own backend is changed in this way.
fn changed(setting: &str, (from, to): (&str, &str)) -> Project {
    let config = format!("{QUICK}reproducible = \"{setting}\"\n");
    let project = quick().without_remote().config(&config).build();
    let backend = project.read("backend/in_tree.py");
    assert!(backend.contains(from), "{from}");
    project.write("backend/in_tree.py", &backend.replace(from, to));
    project.commit("Change the backend");
    project
}

#[test]
fn the_same_bytes_are_confirmed() {
    let project = changed("require", ("import time\n", "import time\n\n"));
    let built = project.pyrelease("build").code(0);
    assert!(built.stderr().contains("the second build made the same bytes"), "{built}");
    project.assert_no_debris();
}

#[test]
fn each_difference_is_named_with_its_usual_cause() {
    let messages = |change: (&str, &str)| changed("warn", change).pyrelease("build").code(0);
    let moment = "return int(os.environ.get(\"SOURCE_DATE_EPOCH\", \"315532800\"))";
    messages((moment, "return int(time.time())")).messages_eq(str![[r#"
warning: [build] `demo-1.0.0-py3-none-any.whl` is not reproducible: a second build has another time of demo-1.0.0.dist-info/METADATA, demo-1.0.0.dist-info/RECORD, demo-1.0.0.dist-info/WHEEL, demo-1.0.0.dist-info/licenses/LICENSE, demo/__init__.py ([TIME], then [TIME])
help: the build backend writes the time of the build or of the files; use a backend, or a version of it, that honours SOURCE_DATE_EPOCH
warning: [build] `demo-1.0.0.tar.gz` is not reproducible: a second build has another time of demo-1.0.0/LICENSE, demo-1.0.0/PKG-INFO, demo-1.0.0/README.md, demo-1.0.0/backend/in_tree.py, demo-1.0.0/pyproject.toml and 1 more ([..], then [..]); another gzip header (time [..], then time [..])
help: the build backend writes the time of the build or of the files; use a backend, or a version of it, that honours SOURCE_DATE_EPOCH

"#]]);
    let mode = "member.size, member.mtime = len(content), _moment()";
    let of_file = format!("{mode}\n                member.mode = os.stat('LICENSE').st_mode & 0o777");
    messages((mode, &of_file)).messages_eq(str![[r#"
warning: [build] `demo-1.0.0.tar.gz` is not reproducible: a second build has another mode of demo-1.0.0/LICENSE, demo-1.0.0/PKG-INFO, demo-1.0.0/README.md, demo-1.0.0/backend/in_tree.py, demo-1.0.0/pyproject.toml and 1 more (644, then 640)
help: modes follow the umask and the checkout; use a build backend that normalises them

"#]]);
    for (how, text) in [
        ("folder", "os.getcwd()"),
        ("time zone", "time.strftime('%H:%M', time.localtime(0))"),
        ("locale", "os.environ.get('LC_ALL')"),
    ] {
        let generator = "Generator: in-tree\\n";
        let other = format!("Generator: {{{text}}}\\n");
        let built = messages((generator, &other));
        assert!(
            built.stderr().contains("a second build has other bytes in demo-1.0.0.dist-info/WHEEL\n"),
            "{how}: {built}"
        );
        assert!(
            built.stderr().contains("a generated file has a time, a folder, a locale or"),
            "{how}: {built}"
        );
    }
}

#[test]
fn a_release_that_must_be_reproducible_is_refused() {
    let project = changed("require", ("Generator: in-tree\\n", "Generator: {os.getcwd()}\\n"));
    let config = project.read("release.toml");
    project.write("release.toml", &format!("stages = [\"version\", \"tag\", \"build\"]\n{config}"));
    project.commit("Configure the stages");
    let before = project.snapshot();
    project.pyrelease("run patch --yes").code(1).messages_eq(str![[r#"
error: `demo-1.0.1-py3-none-any.whl` is not reproducible: a second build has other bytes in demo-1.0.1.dist-info/WHEEL
help: a generated file has a time, a folder, a locale or the order of a set in it
help: set reproducible = "warn" in [stage.build] to release it nevertheless

"#]]);
    project.assert_unchanged(&before);
    project.assert_no_debris();
}
