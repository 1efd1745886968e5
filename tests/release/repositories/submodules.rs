//! Submodules: released at their recorded commits, from the user's clones, without the network.

use pyrelease_test_support::{Project, str};

use super::{looking, packaged, project, release_and_undo, seen};

/// A project with a submodule whose content is packaged. The submodule's remote is gone, so nothing can be fetched.
fn with_a_submodule() -> Project {
    let project = looking(&packaged("src/demo/vendored/data.txt")).build();
    let other = project.sandbox().root().join("other.git-project");
    let git = |args: &[&str]| project.sandbox().git(&other, args);
    fs_err::create_dir(&other).expect("a fresh folder");
    git(&["init", "--quiet"]);
    for text in ["recorded\n", "newer\n"] {
        fs_err::write(other.join("data.txt"), text).expect("a file");
        git(&["add", "data.txt"]);
        git(&["commit", "--quiet", "--message", text]);
    }
    let local = ["-c", "protocol.file.allow=always"];
    let add = [
        "submodule",
        "--quiet",
        "add",
        "--name",
        "the vendored one",
        other.to_str().expect("a path of our own"),
    ];
    project.git(&[&local[..], &add, &["src/demo/vendored"]].concat());
    project.git(&["-C", "src/demo/vendored", "checkout", "--quiet", "HEAD~"]);
    project.commit("Vendor it");
    project.git(&["push", "--quiet"]);
    fs_err::remove_dir_all(other).expect("our own folder");
    project
}

#[test]
fn the_content_of_a_submodule_is_packaged_as_recorded() {
    assert_eq!(seen(&with_a_submodule()).0, "recorded\n");
}

#[test]
fn a_submodule_that_was_moved_and_edited_is_left_alone() {
    let project = with_a_submodule();
    project.git(&["-C", "src/demo/vendored", "checkout", "--quiet", "-"]);
    project.write("src/demo/vendored/data.txt", "edited\n");
    project.git(&["config", "submodule.recurse", "true"]);
    let recorded = project.git(&["rev-parse", "HEAD:src/demo/vendored"]);
    let before = project.git(&["-C", "src/demo/vendored", "rev-parse", "HEAD"]);

    let (seen, outcome) = seen(&project);
    outcome.messages_eq(str![[r#"
warning: submodule `src/demo/vendored` is released at its recorded commit [OID], not as it is here
help: if what is here belongs to this release, run `git add src/demo/vendored` and commit it first
warning: [check] `demo-1.1.0-py3-none-any.whl`: this is a tool's leftover (7 times): demo/vendored/.git/HEAD; demo/vendored/.git/ORIG_HEAD; demo/vendored/.git/config [leftover]
warning: [check] `demo-1.1.0.tar.gz`: this is a tool's leftover (7 times): demo-1.1.0/src/demo/vendored/.git/HEAD; demo-1.1.0/src/demo/vendored/.git/ORIG_HEAD; demo-1.1.0/src/demo/vendored/.git/config [leftover]

"#]]);
    assert_eq!(seen, "recorded\n");
    assert_eq!(project.git(&["rev-parse", "HEAD:src/demo/vendored"]), recorded);
    assert_eq!(project.git(&["-C", "src/demo/vendored", "rev-parse", "HEAD"]), before);
    assert_eq!(project.read("src/demo/vendored/data.txt"), "edited\n");
}

#[test]
fn a_submodule_that_is_not_checked_out_is_empty_and_said_so() {
    let project = with_a_submodule();
    project.git(&["submodule", "--quiet", "deinit", "--force", "src/demo/vendored"]);
    let outcome = project.pyrelease("run minor --yes").env("SEEN", "/dev/null").code(1);
    outcome.messages_eq(str![[r#"
warning: submodule `src/demo/vendored` is not checked out here, so it is empty in the release
help: if a build needs it, run `git submodule update --init src/demo/vendored`
error: `sh -c 'eval "$1" > "$SEEN"' look 'tar -xzOf "$PYRELEASE_DIST"/*.tar.gz demo-1.1.0/src/demo/vendored/data.txt'` failed (exit status: 2)
  tar: demo-1.1.0/src/demo/vendored/data.txt: Not found in archive
  tar: Exiting with failure status due to previous errors
help: its complete output is in `[ROOT]/demo/.git/pyrelease/runs/[RUN]/look.log`

"#]]);
    // What tar says
    assert!(outcome.stderr().contains("data.txt: Not found in archive"), "{outcome}");
}

#[test]
fn a_submodule_whose_recorded_commit_is_not_here() {
    let project = with_a_submodule();
    let nowhere = "160000,aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,src/demo/vendored";
    project.git(&["update-index", "--cacheinfo", nowhere]);
    project.git(&["commit", "--quiet", "--message", "Ahead of what is here"]);
    super::is_refused(&project).messages_eq(str![[r#"
error: submodule `src/demo/vendored` is recorded at commit [OID], which is missing here
help: run `git submodule update src/demo/vendored` to fetch it
error: the release was refused; nothing has been done

"#]]);
}

/// With `submodule.recurse` git would update submodules with every checkout.
#[test]
fn a_submodule_in_a_submodule_and_everything_recursive() {
    let project = project().build();
    let root = project.sandbox().root().to_owned();
    for (name, within) in [("inner", None), ("outer", Some("inner"))] {
        let folder = root.join(name);
        fs_err::create_dir(&folder).unwrap();
        let git = |args: &[&str]| project.sandbox().git(&folder, args);
        git(&["init", "--quiet"]);
        fs_err::write(folder.join("data.txt"), name).unwrap();
        git(&["add", "data.txt"]);
        if let Some(inner) = within {
            let inner = root.join(inner);
            git(&[
                "-c",
                "protocol.file.allow=always",
                "submodule",
                "--quiet",
                "add",
                inner.to_str().unwrap(),
            ]);
        }
        git(&["commit", "--quiet", "--message", name]);
    }
    let outer = root.join("outer");
    project.git(&[
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "--quiet",
        "add",
        outer.to_str().unwrap(),
    ]);
    project.git(&[
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "--quiet",
        "update",
        "--init",
        "--recursive",
    ]);
    project.commit("Two levels");
    project.git(&["push", "--quiet"]);
    project.git(&["config", "submodule.recurse", "true"]);
    project.git(&["config", "push.recurseSubmodules", "on-demand"]);
    let submodules = project.git(&["submodule", "status", "--recursive"]);
    release_and_undo(&project);
    assert_eq!(project.git(&["submodule", "status", "--recursive"]), submodules);
}
