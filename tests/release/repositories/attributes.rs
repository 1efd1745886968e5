//! Line endings, encodings, filters, modes, links and index flags: how git converts files between its objects and a
//! working tree.

use pyrelease_test_support::{CHANGELOG, Project, str};

use super::{is_released, looking, packaged, project, release_and_undo, seen};

/// Checks the files out again with the current settings.
fn check_out_again(project: &Project) {
    project.git(&["rm", "--quiet", "-r", "--cached", "."]);
    project.git(&["reset", "--quiet", "--hard"]);
}

#[test]
fn line_ends_of_windows_in_the_working_tree() {
    let project = project().build();
    project.git(&["config", "core.autocrlf", "true"]);
    check_out_again(&project);
    assert!(project.read("CHANGELOG.md").contains("\r\n"));
    release_and_undo(&project);
    assert!(!project.git(&["show", "HEAD:CHANGELOG.md"]).contains('\r'));
    assert!(
        project.read("CHANGELOG.md").contains("[1.1.0]") && project.read("CHANGELOG.md").contains("\r\n")
    );
    assert!(!project.read("CHANGELOG.md").replace("\r\n", "").contains('\n'), "mixed line ends");
}

/// With `.gitattributes`, and with the repository's own `info/attributes`, which clones do not have.
#[test]
fn line_ends_by_attribute() {
    for attributes in [".gitattributes", ".git/info/attributes"] {
        let project = looking(&packaged("pyproject.toml")).build();
        project.write(attributes, "*.md text eol=crlf\n*.toml text eol=crlf\n");
        project.git(&["add", "--all", "--", ":!notes.txt"]);
        project.git(&["commit", "--quiet", "--allow-empty", "--message", "Line ends"]);
        project.git(&["push", "--quiet"]);
        check_out_again(&project);
        let (packaged, _) = seen(&project);
        assert!(!project.git(&["show", "HEAD:pyproject.toml"]).contains('\r'));
        for text in [project.read("pyproject.toml"), project.read("CHANGELOG.md"), packaged] {
            assert!(
                text.contains("\r\n") && !text.replace("\r\n", "").contains('\n'),
                "{attributes}: {text:?}"
            );
        }
    }
}

/// Files that were committed with carriage returns keep them, also in the objects.
#[test]
fn line_ends_that_are_committed() {
    let project = project().build();
    project.write("CHANGELOG.md", &CHANGELOG.replace('\n', "\r\n"));
    project.commit("Written on Windows");
    project.git(&["push", "--quiet"]);
    for setting in ["false", "input"] {
        project.git(&["config", "core.autocrlf", setting]);
        super::check_undo(&project, project.folder());
    }
    project.pyrelease("run minor --yes").code(0);
    is_released(&project, project.repository());
    let committed = project.sandbox().command(project.folder(), "git", &["show", "HEAD:CHANGELOG.md"]);
    let committed = committed.read().unwrap().replace("\r\n", "");
    assert!(committed.contains("[1.1.0]") && !committed.contains('\n'), "mixed line ends");
}

#[test]
fn an_encoding_of_the_working_tree() {
    let project = project().build();
    project.write(".gitattributes", "CHANGELOG.md text working-tree-encoding=UTF-16LE-BOM eol=lf\n");
    project.git(&["add", ".gitattributes"]);
    project.git(&["commit", "--quiet", "--message", "Encode it"]);
    project.git(&["push", "--quiet"]);
    check_out_again(&project);
    super::is_refused(&project).messages_eq(str![[r#"
error: [changelog] `CHANGELOG.md` is UTF-16LE-BOM in the working tree, and only UTF-8 can be edited
help: take `working-tree-encoding` out of .gitattributes
error: the release was refused; nothing has been done

"#]]);

    project.write(".gitattributes", "README.md text working-tree-encoding=UTF-16LE-BOM eol=lf\n");
    project.git(&["commit", "--quiet", "--message", "Encode another", "--", ".gitattributes"]);
    check_out_again(&project);
    let refused = project.pyrelease("run minor --dry-run").run();
    // The encoding does not matter there.
    refused.messages_eq(str![]);
}

/// The executable bit, with and without `core.fileMode`.
#[test]
fn modes_of_files() {
    for mode in ["true", "false"] {
        let project = project().build();
        project.script(&project.folder().join("tool.sh"), "true\n");
        project.git(&["add", "tool.sh"]);
        project.git(&["update-index", "--chmod=+x", "tool.sh", "CHANGELOG.md"]);
        project.git(&["commit", "--quiet", "--message", "Executable"]);
        project.git(&["push", "--quiet"]);
        project.git(&["config", "core.fileMode", mode]);
        check_out_again(&project);
        release_and_undo(&project);
        for path in ["tool.sh", "CHANGELOG.md"] {
            assert!(project.git(&["ls-tree", "HEAD", path]).starts_with("100755 "), "{path}");
        }
    }
}

#[cfg(unix)]
#[test]
fn symbolic_links() {
    let project = with_a_link();
    release_and_undo_through_a_link(&project);
    assert!(project.git(&["ls-tree", "HEAD", "CHANGES.md"]).starts_with("120000 "));
    assert_eq!(
        fs_err::read_link(project.folder().join("CHANGES.md")).unwrap().to_str(),
        Some("CHANGELOG.md")
    );
}

/// An edit of the link's target blocks the release, too.
#[cfg(unix)]
#[test]
fn an_edit_behind_a_symbolic_link() {
    let project = with_a_link();
    project.write("CHANGELOG.md", "an edit\n");
    super::is_refused(&project).messages_eq(str![[r#"
warning: uncommitted changes are not released: `CHANGELOG.md`
help: commit them first if they belong to this release
error: [changelog] `CHANGES.md` has edits that are not committed, and the release changes it
help: commit or stash them first
error: the release was refused; nothing has been done

"#]]);
}

/// Without symbolic links, git writes a file with the link's target, which is not a changelog.
#[cfg(unix)]
#[test]
fn symbolic_links_where_there_are_none() {
    let project = with_a_link();
    project.git(&["config", "core.symlinks", "false"]);
    check_out_again(&project);
    super::is_refused(&project).messages_eq(str![[r#"
error: [changelog] `CHANGES.md` is a symbolic link, which git does not make here (core.symlinks)
help: name the file itself, `CHANGELOG.md`
error: the release was refused; nothing has been done

"#]]);

    // A link that the release does not change is fine.
    let config = project.read("release.toml").replace("CHANGES.md", "CHANGELOG.md");
    project.write("release.toml", &config);
    project.commit("Name the file itself");
    project.git(&["push", "--quiet"]);
    release_and_undo(&project);
    assert!(project.git(&["ls-tree", "HEAD", "CHANGES.md"]).starts_with("120000 "));
}

#[cfg(unix)]
fn with_a_link() -> Project {
    let project = super::configured("[stage.changelog]\nfile = \"CHANGES.md\"\n").build();
    fs_err::os::unix::fs::symlink("CHANGELOG.md", project.folder().join("CHANGES.md"))
        .expect("a file system with links");
    project.commit("Another name");
    project.git(&["push", "--quiet"]);
    project
}

#[cfg(unix)]
fn release_and_undo_through_a_link(project: &Project) {
    release_and_undo(project);
    assert!(project.read("CHANGELOG.md").contains("[1.1.0]"));
}

/// `--assume-unchanged` and `--skip-worktree`: the user's flags stay, also on files that the release changes.
#[test]
fn index_flags() {
    let project = project().build();
    project.git(&["update-index", "--assume-unchanged", "CHANGELOG.md", "README.md"]);
    project.git(&["update-index", "--skip-worktree", "pyproject.toml", "LICENSE"]);
    let marks = || project.git(&["ls-files", "-v"]).lines().filter(|line| !line.starts_with("H ")).count();
    assert_eq!(marks(), 4);
    // Unlike files outside of a sparse checkout, these exist.
    super::check_undo(&project, project.folder());
    assert_eq!(marks(), 4);
    project.pyrelease("run minor --yes").code(0);
    assert_eq!(marks(), 4);
    project.git(&["update-index", "--no-skip-worktree", "pyproject.toml", "LICENSE"]);
    is_released(&project, project.repository());
}

/// Git does not report these edits, so pyrelease looks for them.
#[test]
fn edits_hidden_by_index_flags() {
    for mark in ["--assume-unchanged", "--skip-worktree"] {
        let project = project().build();
        project.git(&["update-index", mark, "CHANGELOG.md"]);
        project.write("CHANGELOG.md", "an edit that git is told not to see\n");
        super::is_refused(&project).messages_eq(str![[r#"
error: [changelog] `CHANGELOG.md` has edits that are not committed, and the release changes it
help: commit or stash them first
error: the release was refused; nothing has been done

"#]]);
    }
}

/// A split index, other index versions, and a file system monitor.
#[test]
fn an_index_of_another_kind() {
    let project = project().build();
    project.git(&["update-index", "--split-index"]);
    project.git(&["update-index", "--index-version", "4"]);
    project.git(&["config", "core.splitIndex", "true"]);
    project.git(&["config", "core.untrackedCache", "true"]);
    let watched = project.sandbox().root().join("watched");
    let watcher = project.sandbox().root().join("watcher.sh");
    let variables = [("WATCHED", watched.to_str().unwrap())];
    project.script_with(&watcher, &variables, "pwd >> \"$WATCHED\"\nprintf 'token\\0/\\0'\n");
    project.git(&["config", "core.fsmonitor", watcher.to_str().unwrap()]);
    project.git(&["config", "core.fsmonitorHookVersion", "2"]);
    release_and_undo(&project);
    let watched = fs_err::read_to_string(watched).unwrap();
    assert!(!watched.contains("pyrelease/runs"), "the run's own clone was watched:\n{watched}");
}

/// A filter like that of Git LFS: a pointer in the objects, the content in `.git/lfs`.
fn with_large_files() -> Project {
    let project = looking(&packaged("src/demo/model.bin")).build();
    let filter = project.sandbox().root().join("filter.sh");
    let script = "\
        place() { printf '%s/lfs/objects/%.2s/%.2s/%s' \"$STORE\" \"$1\" \"${1#??}\" \"$1\"; }\n\
        STORE=$2\n\
        case $1 in\n\
        clean)\n\
            cat > \"$STORE/new\"\n\
            id=$(sha256sum < \"$STORE/new\" | cut -d ' ' -f 1)\n\
            mkdir -p \"$(dirname \"$(place \"$id\")\")\"\n\
            printf 'version https://git-lfs.github.com/spec/v1\\noid sha256:%s\\nsize %d\\n' \"$id\" \"$(wc -c < \
            \"$STORE/new\")\"\n\
            mv \"$STORE/new\" \"$(place \"$id\")\";;\n\
        smudge)\n\
            id=$(sed -n 's/^oid sha256://p')\n\
            cat \"$(place \"$id\")\";;\n\
        esac\n";
    project.script(&filter, script);
    for direction in ["clean", "smudge"] {
        let command = format!("{} {direction} {}", filter.display(), project.git_folder().display());
        project.git(&["config", &format!("filter.lfs.{direction}"), &command]);
    }
    project.git(&["config", "filter.lfs.required", "true"]);
    project.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n");
    project.write("src/demo/model.bin", "a large model\n");
    project.commit("A model");
    project.git(&["push", "--quiet"]);
    assert!(project.git(&["show", "HEAD:src/demo/model.bin"]).starts_with("version https://git-lfs"));
    project
}

#[test]
fn large_files_are_packaged_whole() {
    assert_eq!(seen(&with_large_files()).0, "a large model\n");
}

/// Refused without Git LFS, and this is said. Whether the file looks edited as well, which is a warning, depends on its times.
#[track_caller]
fn is_refused_without_lfs(project: &Project, also: &str) {
    let refused = super::is_refused(project);
    for said in [
        "error: `src/demo/model.bin` is stored in Git LFS, which is not set up here: a build would package the pointer files",
        "help: install git-lfs, then run `git lfs install` and `git lfs pull`",
        also,
    ] {
        assert!(refused.stderr().contains(said), "{refused}");
    }
}

#[test]
fn large_files_without_the_filter() {
    let project = with_large_files();
    project.git(&["config", "--remove-section", "filter.lfs"]);
    is_refused_without_lfs(&project, "error: the release was refused; nothing has been done");
}

#[test]
fn large_files_whose_program_is_not_installed() {
    let project = with_large_files();
    project.git(&["config", "filter.lfs.process", "no-such-git-lfs filter-process"]);
    let note = "note: until you confirm a release, `filter.lfs.clean`, `filter.lfs.smudge`, `filter.lfs.process` from the \
                repository's `.git/config` is not run: files that it filters may look edited";
    is_refused_without_lfs(&project, note);
}

#[test]
fn large_files_whose_content_is_not_here() {
    let project = with_large_files();
    // Git trusts a file that is older than its index, and does not read it again.
    let file = fs_err::File::options().write(true).open(project.folder().join("src/demo/model.bin")).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    project.git(&["update-index", "--refresh"]);
    fs_err::remove_dir_all(project.git_folder().join("lfs/objects")).unwrap();
    super::is_refused(&project).messages_eq(str![[r#"
error: `src/demo/model.bin` is stored in Git LFS, and the content is missing here: a build would package the pointer files
help: run `git lfs pull` to fetch it
note: until you confirm a release, `filter.lfs.clean`, `filter.lfs.smudge` from the repository's `.git/config` is not run: files that it filters may look edited
help: if the repository is yours, run `git config --global --add pyrelease.trustedRepository [ROOT]/demo`
error: the release was refused; nothing has been done

"#]]);
}

/// The filter is configured but leaves the pointers, as with `GIT_LFS_SKIP_SMUDGE`.
#[test]
fn large_files_that_the_filter_leaves_as_pointers() {
    let project = with_large_files();
    project.git(&["config", "filter.lfs.smudge", "cat"]);
    let before = project.snapshot();
    project
        .pyrelease("run minor --yes")
        .code(3)
        .assert_error_shown("repositories/large-files-that-the-filter-leaves-as-pointers");
    project.assert_unchanged(&before);
    project.assert_no_debris();
}
