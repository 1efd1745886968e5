//! Paths: of the repository, and of the files in it.

use super::{is_refused, is_released, project, release_and_undo};
use pyrelease_test_support::{Transcript, str};

/// Each character means something to git, to a shell, or to a file that git reads.
#[test]
fn a_repository_at_a_path_that_is_not_plain() {
    release_and_undo(&project().kept_in("it's \"ours\" $HOME: größe;\t#1 back\\slash%20").build());
    for name in ["-leading", "\"quoted\"", "#commented"] {
        let project = project().kept_in(name).build();
        project.pyrelease("run minor --yes").code(0);
        is_released(&project, project.repository());
    }
}

#[test]
fn a_repository_at_a_path_with_a_newline() {
    let project = project().kept_in("two\nlines").build();
    is_refused(&project).messages_eq(str![[r#"
error: the repository's path contains a newline: "[ROOT]/two/nlines/.git/objects"
help: move the repository to a folder without newlines in its name
error: the release was refused; nothing has been done

"#]]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_repository_at_a_path_that_is_not_unicode() {
    use std::os::unix::ffi::OsStrExt;
    let project = project().build();
    let other = project.sandbox().root().join(std::ffi::OsStr::from_bytes(b"latin-\xe9"));
    fs_err::rename(project.repository(), &other).unwrap();
    let outcome = project.pyrelease("run minor --yes").from(&other).code(3);
    outcome.assert_error_shown("repositories/a-repository-at-a-path-that-is-not-unicode");
    assert!(!other.join(".git/pyrelease/runs").exists(), "a run was begun");
}

/// What is outside the repository is in no clone of it.
#[cfg(unix)]
#[test]
fn a_changelog_that_is_a_link_out_of_the_repository() {
    let mut seen = Transcript::named("repositories/a-changelog-outside");
    let config = "stages = [\"changelog\", \"version\", \"tag\"]\n";
    let named = format!("{config}[stage.changelog]\nfile = \"docs/CHANGELOG.md\"\n");
    for (config, link, target) in [
        (config, "CHANGELOG.md", "../CHANGELOG.md"),
        (config, "CHANGELOG.md", ".git/CHANGELOG.md"),
        (config, "CHANGELOG.md", "hop"),
        (named.as_str(), "docs", "../"),
    ] {
        let project = project().config(config).build();
        let text = project.read("CHANGELOG.md");
        for folder in ["..", ".git"] {
            fs_err::write(project.folder().join(folder).join("CHANGELOG.md"), &text).unwrap();
        }
        fs_err::remove_file(project.folder().join("CHANGELOG.md")).unwrap();
        for (target, link) in [(target, link), ("../CHANGELOG.md", "hop")] {
            fs_err::os::unix::fs::symlink(target, project.folder().join(link)).unwrap();
        }
        project.commit("Lead elsewhere");
        let before = project.snapshot();
        seen.add_error(&project.pyrelease("run minor --yes").code(3));
        project.assert_unchanged(&before);
    }
    seen.assert();
}

/// File names that git quotes, escapes or mistakes for an option.
#[test]
fn files_whose_names_are_not_plain() {
    let mut seen = Transcript::named("repositories/files-whose-names-are-not-plain");
    for quoted in ["true", "false"] {
        let mut blueprint = project();
        for name in [
            "it's \"odd\".txt",
            "größe.txt",
            "-rf",
            "tab\t.txt",
            "new\nline.txt",
            "*?[x].txt",
            ":(top)x",
            "#1",
        ] {
            blueprint = blueprint.file(&format!("odd/{name}"), "x\n").file(name, "y\n");
        }
        let project = blueprint.build();
        project.git(&["config", "core.quotePath", quoted]);
        project.write("it's \"odd\".txt", "edited\n");
        project.write("untracked ü \".txt", "mine\n");
        let dry = project.pyrelease("run minor --dry-run").code(0);
        seen.add(&dry);
        project.git(&["checkout", "--", "it's \"odd\".txt"]);
        fs_err::remove_file(project.folder().join("untracked ü \".txt")).unwrap();
        release_and_undo(&project);
    }
    seen.assert();
}

/// The files that the release changes may have such names themselves.
#[test]
fn a_changelog_whose_name_is_not_plain() {
    let name = "Änderungen \"neu\".md";
    let project = super::configured(&format!("[stage.changelog]\nfile = {name:?}\n"))
        .file(name, pyrelease_test_support::CHANGELOG)
        .build();
    project.write(name, "an edit\n");
    is_refused(&project).messages_eq(str![[r#"
warning: uncommitted changes are not released: `Änderungen "neu".md`
help: commit them first if they belong to this release
error: [changelog] `Änderungen "neu".md` has edits that are not committed, and the release changes it
help: commit or stash them first
error: the release was refused; nothing has been done

"#]]);
    project.git(&["checkout", "--", name]);
    super::check_undo(&project, project.folder());
    project.pyrelease("run minor --yes").code(0);
    assert!(project.read(name).contains("[1.1.0]"));
    project.assert_as_checked_out(project.repository());
}

/// Git stores names as bytes, not characters.
#[cfg(target_os = "linux")]
#[test]
fn files_whose_names_are_not_unicode() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let project = project().build();
    let name = project.folder().join(OsStr::from_bytes(b"latin-\xe9.txt"));
    fs_err::write(&name, "x\n").unwrap();
    project.git(&["add", "--all", "--", ":!notes.txt"]);
    project.git(&["commit", "--quiet", "--message", "A name from before"]);
    project.git(&["push", "--quiet"]);
    let dry = project.pyrelease("run minor --dry-run").code(0);
    dry.messages_eq(str![]);
    fs_err::write(&name, "edited\n").unwrap();
    project
        .pyrelease("run minor --dry-run")
        .code(0)
        .assert_shown("repositories/files-whose-names-are-not-unicode");
    project.pyrelease("run minor --yes").code(0);
    assert_eq!(fs_err::read_to_string(&name).unwrap(), "edited\n");
    assert_eq!(project.tag_target("v1.1.0"), project.head());
}

/// A file that a hook adds under a name that is not UTF-8 does not overwrite a file of the user.
#[cfg(target_os = "linux")]
#[test]
fn an_ignored_file_whose_name_is_not_unicode() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let project = project().build();
    project.write(".git/info/exclude", "latin-*\n");
    let name = project.folder().join(OsStr::from_bytes(b"latin-\xe9.txt"));
    fs_err::write(&name, "mine\n").unwrap();
    project.hook(
        "pre-commit",
        "name=$(printf 'latin-\\351.txt')\necho theirs > \"$name\" && git add -f \"$name\"\n",
    );
    project
        .pyrelease("run minor --yes")
        .code(1)
        .assert_error_shown("repositories/an-ignored-file-whose-name-is-not-unicode");
    assert_eq!(fs_err::read_to_string(&name).unwrap(), "mine\n");
}

/// The run's folder is deeper than the user's, and git supports the depth.
#[test]
fn a_very_long_path() {
    let deep = vec!["a-folder-with-a-name-that-is-as-long-as-such-names-are-in-generated-code"; 40].join("/");
    let project = project().build();
    // Deeper than the system's limit for a path: create folder by folder, as git does.
    let blob = project.git(&["hash-object", "-w", "LICENSE"]);
    project.git(&["update-index", "--add", "--cacheinfo", &format!("100644,{blob},{deep}/end.txt")]);
    project.git(&["commit", "--quiet", "--message", "Deep"]);
    project.git(&["push", "--quiet"]);
    project.git(&["checkout", "--quiet", "--", "."]);
    release_and_undo(&project);
}
