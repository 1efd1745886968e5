//! What an index without a listing says of the credentials, before anything is built.

use pyrelease_test_support::{Config, IndexServer, Project, str};

use super::{QUICK, quick};

/// A project that is released to this server, of which only the URL for uploads is known.
fn released_to(server: &IndexServer) -> Project {
    let config = Config::stages("changelog version tag build check push corp").lines(QUICK);
    quick().config(&config.index("corp").set("upload", server.upload_url())).build()
}

fn with_password(project: &Project, password: &str) {
    let user = "[corp]\nusername = dana\npassword = ";
    project.sandbox().write_home(".pypirc", &format!("{user}{password}\n"));
}

/// Asserts that a release is refused with these messages and nothing has happened.
#[track_caller]
fn refused(project: &Project, why: &str) {
    let before = project.snapshot();
    let refused = project.pyrelease("run minor --yes").code(3);
    assert!(refused.stderr().contains(why), "{refused}");
    assert!(!refused.stderr().contains("Building"), "{refused}");
    project.assert_unchanged(&before);
}

#[test]
fn wrong_credentials_are_found_before_the_build() {
    for (server, said) in [
        (IndexServer::pypiserver(), "error: [corp] `corp` refused `demo 1.1.0`: no reason given (HTTP 403)"),
        (IndexServer::devpi(), "error: [corp] `corp` refused `demo 1.1.0`: Unauthorized (HTTP 401)"),
    ] {
        let project = released_to(&server);
        refused(&project, "error: [corp] `corp` takes no files without credentials: ");
        with_password(&project, "not-the-password");
        refused(&project, said);
        assert!(server.files("demo").is_empty(), "the question stores nothing");
        with_password(&project, server.password().reveal());
        project.pyrelease("run minor --yes").code(0).messages_eq(str![[r#"
warning: [corp] `corp` has no `simple` URL: existing files cannot be detected, and may be overwritten
help: add `simple` to [index.corp]

"#]]);
        assert_eq!(server.files("demo").len(), 2);
    }
}

#[test]
fn an_index_that_does_not_answer_is_found_before_the_build() {
    let server = IndexServer::pypiserver();
    let project = released_to(&server);
    with_password(&project, server.password().reveal());
    drop(server);
    refused(&project, "error: [corp] failed to reach `corp`");
}

#[test]
fn an_index_that_is_open_takes_files_without_credentials() {
    let server = IndexServer::open();
    let project = released_to(&server);
    project.pyrelease("run minor --yes").code(0);
    assert_eq!(server.files("demo").len(), 2);
}
