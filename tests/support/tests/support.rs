//! Tests of the support: the servers are real, and the checks notice what they promise to.
#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use pyrelease_test_support::{
    Backend, CHANGELOG, CommandLines, IndexServer, Project, Python, Secret, changelog_of_release, set_binary,
};
use sha2::{Digest, Sha256};

/// Builds the project's distributions, and returns their digests.
fn build(project: &Project) -> Vec<(PathBuf, String)> {
    let folder = project.sandbox().root().join("built");
    let folder_text = folder.to_str().expect("our own name");
    Python::get().run(project.folder(), &["-m", "build", "--outdir", folder_text]);
    let digest = |path: &Path| {
        Sha256::digest(fs_err::read(path).unwrap()).iter().map(|byte| format!("{byte:02x}")).collect()
    };
    fs_err::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), digest(&path)))
        .collect()
}

/// Uploads with twine; returns its output if the server refuses.
fn twine(project: &Project, server: &IndexServer, file: &Path) -> Result<(), String> {
    let program = Python::get().program();
    let args = ["-m", "twine", "upload", "--non-interactive", "--repository-url", &server.upload_url()];
    let args = [&args[..], &[file.to_str().unwrap()]].concat();
    let account = [("TWINE_USERNAME", server.username()), ("TWINE_PASSWORD", server.password().reveal())];
    let output = project
        .sandbox()
        .command_with(project.folder(), program, &args, &account)
        .stdout_capture()
        .stderr_capture()
        .unchecked()
        .run()
        .unwrap();
    let printed = [output.stdout, output.stderr].concat();
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&printed).into_owned()) }
}

fn takes_an_upload_lists_it_and_ends(start: impl Fn() -> IndexServer) {
    let project = Project::python("demo", "1.0.0").backend(Backend::Flit).build();
    let server = start();
    assert!(server.files("demo").is_empty());
    let built = build(&project);
    assert_eq!(built.len(), 2, "{built:?}");
    for (path, digest) in &built {
        twine(&project, &server, path).unwrap_or_else(|printed| panic!("{printed}"));
        let name = path.file_name().unwrap().to_str().unwrap();
        assert_eq!(server.files("demo").get(name), Some(digest));
        assert_eq!(server.download("demo", name), fs_err::read(path).unwrap());
    }
    let address = server.simple_url();
    drop(server);
    let address = address.trim_start_matches("http://").split('/').next().unwrap();
    assert!(std::net::TcpStream::connect(address).is_err(), "something still listens at {address}");
}

#[test]
fn pypiserver_takes_an_upload_lists_it_and_ends() {
    takes_an_upload_lists_it_and_ends(IndexServer::pypiserver);
}

#[test]
fn devpi_takes_an_upload_lists_it_and_ends() {
    takes_an_upload_lists_it_and_ends(IndexServer::devpi);
}

#[test]
fn a_refusing_server_refuses() {
    let project = Project::python("demo", "1.0.0").backend(Backend::Flit).build();
    let server = IndexServer::refusing();
    for (path, _) in build(&project) {
        let printed = twine(&project, &server, &path).unwrap_err();
        assert!(printed.contains("403"), "{printed}");
    }
    assert!(server.files("demo").is_empty());
}

/// These two find the repository themselves.
#[test]
fn a_version_from_the_tag_is_found_from_a_subfolder() {
    for backend in [Backend::SetuptoolsScm, Backend::HatchVcs] {
        let project = Project::python("demo", "1.0.0").backend(backend).in_subfolder("python/demo").build();
        project.git(&["tag", "v1.0.0"]);
        let mut names: Vec<_> = build(&project)
            .iter()
            .map(|(path, _)| path.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        names.sort();
        assert_eq!(names, ["demo-1.0.0-py3-none-any.whl", "demo-1.0.0.tar.gz"], "{backend:?}");
    }
}

#[test]
fn a_project_is_in_git_with_its_remote() {
    let project = Project::python("demo", "1.0.0").tagged("v1.0.0").with_remote().build();
    project.assert_tree_clean();
    project.assert_no_debris();
    project.assert_version_files("1.0.0");
    assert_eq!(project.branch(), "main");
    assert_eq!(project.log(), ["Write down what changed", "Say hello"]);
    assert_eq!(project.changed_by("HEAD"), ["CHANGELOG.md"]);
    assert_eq!(project.tag_target("v1.0.0"), project.git(&["rev-parse", "HEAD~1"]));
    let remote = project.remote_refs();
    assert_eq!(remote["refs/heads/main"], project.head());
    assert_eq!(remote["refs/tags/v1.0.0"], project.refs()["refs/tags/v1.0.0"]);
    assert_eq!(project.git(&["rev-parse", "--abbrev-ref", "main@{upstream}"]), "origin/main");
}

#[test]
fn every_change_is_noticed() {
    type Change = fn(&Project);
    let changes: &[(&str, Change)] = &[
        ("a file of the user's", |project| project.write("notes.txt", "")),
        ("another file", |project| project.write("dist/demo.whl", "")),
        ("the index", |project| {
            project.git(&["rm", "--quiet", "--cached", "LICENSE"]);
        }),
        ("a tag", |project| {
            project.git(&["tag", "v9"]);
        }),
        ("the branch", |project| {
            project.git(&["commit", "--quiet", "--allow-empty", "--message", "x"]);
        }),
        ("what is checked out", |project| {
            project.git(&["checkout", "--quiet", "--detach"]);
        }),
        ("the configuration", |project| {
            project.git(&["config", "user.name", "x"]);
        }),
        ("the remote", |project| {
            project.git(&["push", "--quiet", "origin", "HEAD:refs/heads/other"]);
        }),
        #[cfg(unix)]
        ("permissions", |project| {
            use std::os::unix::fs::PermissionsExt;
            let path = project.folder().join("README.md");
            fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }),
    ];
    let project = Project::python("demo", "1.0.0").with_remote().build();
    for (what, change) in changes {
        let before = project.snapshot();
        project.git(&["status"]);
        project.assert_unchanged(&before);
        change(&project);
        let noticed = catch_unwind(AssertUnwindSafe(|| project.assert_unchanged(&before))).is_err();
        assert!(noticed, "{what}");
    }
}

#[test]
fn a_secret_is_found_wherever_it_hides() {
    let server = IndexServer::refusing();
    let secret = server.password();
    let project = Project::python("demo", "1.0.0").build();
    project.pypirc(&[("pypi", &server)]);
    project.assert_secret_nowhere(secret);
    let found = || catch_unwind(AssertUnwindSafe(|| project.assert_secret_nowhere(secret))).is_err();

    project.write("log.txt", &format!("user:{}", secret.reveal()));
    assert!(found(), "in a file");
    project.commit("Oops");
    fs_err::remove_file(project.folder().join("log.txt")).unwrap();
    assert!(found(), "in an object");
}

#[test]
fn a_command_line_is_seen() {
    if !CommandLines::SHOWN {
        return;
    }
    let project = Project::python("demo", "1.0.0").build();
    let watcher = CommandLines::watch();
    let command = project.sandbox().command(project.folder(), "sh", &["-c", "sleep 0.1; : seen-on-the-way"]);
    command.run().unwrap();
    assert!(watcher.finish().iter().any(|line| line.contains("seen-on-the-way")));
}

#[test]
fn the_remote_refuses_and_moves() {
    let project = Project::python("demo", "1.0.0").with_remote().build();
    let moved = project.remote().move_branch();
    assert_ne!(moved, project.head());
    project.remote().refuse_pushes("not on a Friday");
    let push = project.sandbox().command(project.folder(), "git", &["push", "--force", "origin", "main"]);
    let output = push.stderr_capture().unchecked().run().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("not on a Friday"));
    assert_eq!(project.remote_refs()["refs/heads/main"], moved);
}

#[test]
fn the_changelog_of_a_release_keeps_the_rest() {
    let released = changelog_of_release("1.1.0", "2026-11-24");
    assert!(released.contains("## [Unreleased]\n\n## [1.1.0] - 2026-11-24\n\n### Added\n\n- Greetings"));
    assert!(
        released
            .contains("/v1.1.0...HEAD\n[1.1.0]: https://example.com/demo/compare/v1.0.0...v1.1.0\n[1.0.0]:")
    );
    assert_eq!(released.lines().count(), CHANGELOG.lines().count() + 3);
}

#[test]
fn a_run_that_prints_or_keeps_a_secret_is_noticed() {
    set_binary("/bin/sh");
    let project = Project::python("demo", "1.0.0").build();
    let secret = Secret::new();
    let secret = secret.reveal();
    let kept = project.repository().join(".git/pyrelease/runs/one");
    let forgotten = project.sandbox().temporary();
    let tells = |script: &str| {
        let run = project.pyrelease("-c").arg(script).env("SECRET", secret);
        let run = || run.env("KEPT", &kept).env("FORGOTTEN", &forgotten).run();
        let told = catch_unwind(AssertUnwindSafe(run)).is_err();
        let _ = fs_err::remove_dir_all(&kept);
        let _ = fs_err::remove_file(forgotten.join("log"));
        told
    };
    assert!(!tells("echo nothing of the kind; echo `pwd` >&2"));
    assert!(tells("echo $SECRET") && tells("echo $SECRET >&2"));
    assert!(tells("printf \"dana:$SECRET\" | base64 -w 0"));
    assert!(tells("echo pypi-AgEIcHlwaS5vcmcCJDQxMmYwMDAw"));
    assert!(tells("mkdir -p $KEPT/logs; echo $SECRET > $KEPT/journal.jsonl"));
    assert!(tells("mkdir -p $KEPT/logs; echo $SECRET > $KEPT/logs/build.log"));
    assert!(tells("echo $SECRET > $FORGOTTEN/log"));
}
