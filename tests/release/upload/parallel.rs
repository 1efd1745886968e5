//! Uploads of many files, and indexes that fail for a while.

use super::*;

/// A dozen wheels: the first alone, then at most four at a time, and the sdist after all of them.
#[test]
fn wheels_go_together_between_the_first_file_and_the_sdist() {
    let (upload_project, index) = (UploadProject::new(), Embedded::new());
    for minor in 10..22 {
        wheel(&upload_project.folder, "demo", "1.0", &format!("macosx_10_{minor}_x86_64"), "hello");
    }
    sdist(&upload_project.folder, "demo", "1.0", "hello");
    index.proxy.ahead(Asked::Upload, vec![Some(Trouble::Late(60)); 13]);
    index.upload(&upload_project, &["--connections", "4"]).code(0);
    let busy = index.proxy.busy();
    assert_eq!(busy.len(), 13);
    assert_eq!((busy[0], busy[12]), (1, 1), "{busy:?}");
    assert!(busy.iter().all(|together| *together <= 4) && busy.contains(&4), "{busy:?}");
    assert_eq!(index.proxy.sent().first().unwrap().filename, "demo-1.0-py3-none-macosx_10_10_x86_64.whl");
    assert_eq!(index.proxy.sent().last().unwrap().filename, "demo-1.0.tar.gz");
}

/// PyPI's own server deadlocks if more than two files of a release arrive at once.
#[test]
fn an_index_that_deadlocks_still_gets_every_file() {
    let upload_project = UploadProject::new();
    for minor in 10..22 {
        wheel(&upload_project.folder, "demo", "1.0", &format!("macosx_10_{minor}_x86_64"), "hello");
    }
    sdist(&upload_project.folder, "demo", "1.0", "hello");
    let careful = Embedded::new();
    careful.proxy.deadlocks_beyond(2);
    let ended = careful.upload(&upload_project, &[]).code(0);
    assert!(!ended.text.contains("500"), "{}", ended.text);
    assert_eq!((careful.files().len(), careful.proxy.busy().into_iter().max()), (13, Some(2)));

    // With more connections, the files are sent one by one after the first failure.
    let greedy = Embedded::new();
    greedy.proxy.deadlocks_beyond(2);
    let ended = greedy.upload(&upload_project, &["--connections", "8"]).code(0);
    ended.says(str![[r#"
warning: [check] `demo-1.0-py3-none-macosx_10_10_x86_64.whl`, `demo-1.0-py3-none-macosx_10_11_x86_64.whl`, `demo-1.0-py3-none-macosx_10_12_x86_64.whl` and 10 more files: the metadata has no license (demo-1.0.dist-info/METADATA) [no-license]
help: set `license`, such as `license = "MIT"`: in [project] of pyproject.toml, [metadata] of setup.cfg, or `setup()`
warning: [check] `demo-1.0-py3-none-macosx_10_10_x86_64.whl`, `demo-1.0-py3-none-macosx_10_11_x86_64.whl`, `demo-1.0-py3-none-macosx_10_12_x86_64.whl` and 10 more files: the metadata has no `Requires-Python` (demo-1.0.dist-info/METADATA) [no-requires-python]
help: set `requires-python = ">=3.9"` in [project] of pyproject.toml, or `python_requires` in [options] of setup.cfg or in `setup()`
warning: [127.0.0.1] there are no credentials for `127.0.0.1`
help: set `PYRELEASE_TOKEN_127_0_0_1` to a token, or add one to `.pypirc` as the password of section [127.0.0.1] (with the username __token__)
warning: [upload] the index fails on parallel uploads: uploading the remaining files one at a time
...

"#]]);
    assert!(ended.statuses().values().all(|fate| *fate == "there"), "{}", ended.text);
    assert_eq!(greedy.files(), careful.files());
    let (busy, sent) = (greedy.proxy.busy(), greedy.proxy.sent());
    assert_eq!(sent.iter().filter(|sent| sent.arrived).count(), 13);
    let failed = sent.len() - 13;
    assert!((1..=8).contains(&failed), "{failed} failed");
    assert!(busy.ends_with(&[1, 1, 1]), "{busy:?}");
}

#[test]
fn a_refusal_stops_further_uploads_and_reports_all_outcomes() {
    let (upload_project, index) = (UploadProject::new(), Embedded::new());
    let others = UploadProject::new();
    for minor in 10..20 {
        wheel(&upload_project.folder, "demo", "1.0", &format!("macosx_10_{minor}_x86_64"), "hello");
    }
    sdist(&upload_project.folder, "demo", "1.0", "hello");
    wheel(&others.folder, "demo", "1.0", "macosx_10_12_x86_64", "another");
    index.upload(&others, &[]).code(0);
    let ended = index.upload_blindly(&upload_project).code(4);
    ended.says(str![[r#"
warning: [check] `demo-1.0-py3-none-macosx_10_10_x86_64.whl`, `demo-1.0-py3-none-macosx_10_11_x86_64.whl`, `demo-1.0-py3-none-macosx_10_12_x86_64.whl` and 8 more files: the metadata has no license (demo-1.0.dist-info/METADATA) [no-license]
help: set `license`, such as `license = "MIT"`: in [project] of pyproject.toml, [metadata] of setup.cfg, or `setup()`
warning: [check] `demo-1.0-py3-none-macosx_10_10_x86_64.whl`, `demo-1.0-py3-none-macosx_10_11_x86_64.whl`, `demo-1.0-py3-none-macosx_10_12_x86_64.whl` and 8 more files: the metadata has no `Requires-Python` (demo-1.0.dist-info/METADATA) [no-requires-python]
help: set `requires-python = ">=3.9"` in [project] of pyproject.toml, or `python_requires` in [options] of setup.cfg or in `setup()`
warning: [127.0.0.1] there are no credentials for `127.0.0.1`
help: set `PYRELEASE_TOKEN_127_0_0_1` to a token, or add one to `.pypirc` as the password of section [127.0.0.1] (with the username __token__)
warning: [127.0.0.1] `127.0.0.1` has no `simple` URL: existing files cannot be detected, and may be overwritten
help: pass `--simple URL`, where the index lists files
error: `127.0.0.1` has a `demo-1.0-py3-none-macosx_10_12_x86_64.whl` already, according to its reply (File already exists ('demo-1.0-py3-none-macosx_10_12_x86_64.whl', with blake2_256 hash '[SHA256]'). See https://pypi.org/help/#file-name-reuse for more information.), but it may be another one than ours (sha256 [SHA256]): index `127.0.0.1` has no `simple` URL to list its files
help: an index with this reply accepts identical bytes again, so its file is different: the file name cannot be used again, release another version
help: uploaded files stay; fix the error and run the command again to upload the rest

"#]]);

    let statuses = ended.statuses();
    assert_eq!(statuses.len(), 11, "{statuses:?}");
    assert_eq!(statuses["demo-1.0-py3-none-macosx_10_12_x86_64.whl"], "not-there");
    assert_eq!(statuses["demo-1.0.tar.gz"], "not-sent");
    let there: Vec<_> =
        statuses.iter().filter(|(_, fate)| **fate == "there").map(|(name, _)| *name).collect();
    let mut listed = index.files();
    listed.retain(|name| name != "demo-1.0-py3-none-macosx_10_12_x86_64.whl");
    assert_eq!(there, listed);
}

#[test]
fn a_url_without_its_slash_is_explained() {
    let (upload_project, index) = (UploadProject::with_release("1.0"), Embedded::new());
    let url = index.proxy.upload_url();
    let ended = upload_project.upload(&["--url", url.trim_end_matches('/')], &[]).code(1);
    ended.says(str![[r#"
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no license (demo-1.0.dist-info/METADATA) [no-license]
help: set `license`, such as `license = "MIT"`: in [project] of pyproject.toml, [metadata] of setup.cfg, or `setup()`
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no `Requires-Python` (demo-1.0.dist-info/METADATA) [no-requires-python]
help: set `requires-python = ">=3.9"` in [project] of pyproject.toml, or `python_requires` in [options] of setup.cfg or in `setup()`
warning: [127.0.0.1] there are no credentials for `127.0.0.1`
help: set `PYRELEASE_TOKEN_127_0_0_1` to a token, or add one to `.pypirc` as the password of section [127.0.0.1] (with the username __token__)
warning: [127.0.0.1] `127.0.0.1` has no `simple` URL: existing files cannot be detected, and may be overwritten
help: pass `--simple URL`, where the index lists files
error: `127.0.0.1` did not accept `demo-1.0-py3-none-any.whl`: its upload URL redirects to `/legacy/`
help: the URL may lack a slash at the end: set `/legacy/`, if it belongs to the index

"#]]);
    assert_eq!(ended.statuses()["demo-1.0.tar.gz"], "not-sent");
    assert!(index.files().is_empty());
}

/// Every fault of an upload, for the first file and for the last one.
#[test]
fn an_upload_is_stored_once_despite_any_fault() {
    let troubles = [
        Trouble::Refused,
        Trouble::CutRequest(0),
        Trouble::CutRequest(300),
        Trouble::CutRequest(usize::MAX),
        Trouble::LostReply,
        Trouble::CutReply(0),
        Trouble::CutReply(12),
        Trouble::CutReply(40),
        Trouble::Nonsense,
        Trouble::Drips,
        Trouble::Failure(500),
        Trouble::Failure(502),
        Trouble::Failure(503),
        Trouble::Failure(429),
        Trouble::Busy(429, 0),
        Trouble::Busy(503, 1),
        Trouble::FailureAfterwards(500),
        Trouble::FailureAfterwards(502),
        Trouble::FailureAfterwards(503),
        Trouble::FailureAfterwards(504),
    ];
    let server = IndexServer::pypiserver();
    let variables = [("TWINE_USERNAME", server.username()), ("TWINE_PASSWORD", server.password().reveal())];
    std::thread::scope(|scope| {
        for (number, trouble) in troubles.into_iter().enumerate() {
            let (server, variables) = (&server, &variables);
            scope.spawn(move || {
                let upload_project = UploadProject::new();
                let name = format!("demo{number}");
                wheel(&upload_project.folder, &name, "1.0", "any", "hello");
                sdist(&upload_project.folder, &name, "1.0", "hello");
                let proxy = Proxy::before(&server.upload_url(), &server.simple_url());
                proxy.ahead(Asked::Upload, [Some(trouble), None, Some(trouble)]);
                let (url, simple) = (proxy.upload_url(), proxy.simple_url());
                let ended = upload_project.upload(&["--url", &url, "--simple", &simple], variables);
                assert_eq!(ended.code, 0, "{trouble:?}: {}", ended.text);
                assert!(
                    ended.statuses().values().all(|fate| *fate == "there"),
                    "{trouble:?}: {}",
                    ended.text
                );
                assert_eq!(server.files(&name).len(), 2, "{trouble:?}");
                for (file, sha256) in server.files(&name) {
                    let sent: Vec<_> =
                        proxy.sent().into_iter().filter(|sent| sent.filename == file).collect();
                    assert!(sent.iter().all(|sent| sent.sha256 == sha256), "{trouble:?}");
                    let stored = sent.iter().filter(|sent| sent.arrived).count();
                    assert_eq!(stored, 1, "{trouble:?}: `{file}` was sent to the server {stored} times");
                }
            });
        }
    });
}

#[test]
fn a_permanent_failure_is_not_waited_for() {
    let (upload_project, index) = (UploadProject::with_release("1.0"), Embedded::new());
    index.proxy.ahead(Asked::Upload, [Some(Trouble::Busy(429, 3600))]);
    index.upload(&upload_project, &[]).code(1).says(str![[r#"
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no license (demo-1.0.dist-info/METADATA) [no-license]
help: set `license`, such as `license = "MIT"`: in [project] of pyproject.toml, [metadata] of setup.cfg, or `setup()`
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no `Requires-Python` (demo-1.0.dist-info/METADATA) [no-requires-python]
help: set `requires-python = ">=3.9"` in [project] of pyproject.toml, or `python_requires` in [options] of setup.cfg or in `setup()`
warning: [127.0.0.1] there are no credentials for `127.0.0.1`
help: set `PYRELEASE_TOKEN_127_0_0_1` to a token, or add one to `.pypirc` as the password of section [127.0.0.1] (with the username __token__)
error: `127.0.0.1` refused `demo-1.0-py3-none-any.whl`: 429: this is the proxy speaking (HTTP 429)
help: the index limits requests: wait, then try again; nothing was stored, and the refusal uses up no file name

"#]]);
    index.proxy.ahead(Asked::Upload, [Some(Trouble::Circles)]);
    index.upload(&upload_project, &[]).code(1).says(str![[r#"
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no license (demo-1.0.dist-info/METADATA) [no-license]
help: set `license`, such as `license = "MIT"`: in [project] of pyproject.toml, [metadata] of setup.cfg, or `setup()`
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no `Requires-Python` (demo-1.0.dist-info/METADATA) [no-requires-python]
help: set `requires-python = ">=3.9"` in [project] of pyproject.toml, or `python_requires` in [options] of setup.cfg or in `setup()`
warning: [127.0.0.1] there are no credentials for `127.0.0.1`
help: set `PYRELEASE_TOKEN_127_0_0_1` to a token, or add one to `.pypirc` as the password of section [127.0.0.1] (with the username __token__)
error: `127.0.0.1` did not accept `demo-1.0-py3-none-any.whl`: its upload URL redirects to `/legacy/`
help: the URL may lack a slash at the end: set `/legacy/`, if it belongs to the index

"#]]);
    index.proxy.ahead(Asked::Listing, [Some(Trouble::Circles)]);
    index.upload(&upload_project, &[]).code(0);
}

/// The index is down for a while, as during a deployment, and the release is public in part: waiting is better than
/// half a release.
#[test]
fn a_server_that_is_away_for_a_while_is_waited_for_when_a_part_is_public() {
    let (upload_project, index) = (UploadProject::with_release("1.0"), Embedded::new());
    let away = [Trouble::Refused, Trouble::Failure(502), Trouble::Refused].map(Some);
    index.proxy.ahead(Asked::Upload, [&[None], &away[..]].concat());
    let ended = index.upload(&upload_project, &[]).code(0);
    ended.says(str![[r#"
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no license (demo-1.0.dist-info/METADATA) [no-license]
help: set `license`, such as `license = "MIT"`: in [project] of pyproject.toml, [metadata] of setup.cfg, or `setup()`
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no `Requires-Python` (demo-1.0.dist-info/METADATA) [no-requires-python]
help: set `requires-python = ">=3.9"` in [project] of pyproject.toml, or `python_requires` in [options] of setup.cfg or in `setup()`
warning: [127.0.0.1] there are no credentials for `127.0.0.1`
help: set `PYRELEASE_TOKEN_127_0_0_1` to a token, or add one to `.pypirc` as the password of section [127.0.0.1] (with the username __token__)
warning: [upload] `127.0.0.1` may or may not have stored `demo-1.0.tar.gz`: everything was sent, but no reply came: connection closed before message completed, the index does not list the file; sending it again
warning: [upload] `127.0.0.1` is unavailable, and a part of the release is public: waiting up to five minutes
warning: [upload] `127.0.0.1` may or may not have stored `demo-1.0.tar.gz`: the server failed with HTTP 502 502: this is the proxy speaking, the index does not list the file; sending it again
warning: [upload] `127.0.0.1` may or may not have stored `demo-1.0.tar.gz`: everything was sent, but no reply came: connection closed before message completed, the index does not list the file; sending it again

"#]]);
    assert_eq!(index.files().len(), 2);
    // Nothing is public, so it fails at once.
    let (upload_project, index) = (UploadProject::with_release("1.0"), Embedded::new());
    index.proxy.ahead(Asked::Upload, vec![Some(Trouble::Refused); 3]);
    let ended = index.upload(&upload_project, &[]).code(4);
    ended.says(str![[r#"
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no license (demo-1.0.dist-info/METADATA) [no-license]
help: set `license`, such as `license = "MIT"`: in [project] of pyproject.toml, [metadata] of setup.cfg, or `setup()`
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no `Requires-Python` (demo-1.0.dist-info/METADATA) [no-requires-python]
help: set `requires-python = ">=3.9"` in [project] of pyproject.toml, or `python_requires` in [options] of setup.cfg or in `setup()`
warning: [127.0.0.1] there are no credentials for `127.0.0.1`
help: set `PYRELEASE_TOKEN_127_0_0_1` to a token, or add one to `.pypirc` as the password of section [127.0.0.1] (with the username __token__)
warning: [upload] `127.0.0.1` may or may not have stored `demo-1.0-py3-none-any.whl`: everything was sent, but no reply came: connection closed before message completed, the index does not list the file; sending it again
warning: [upload] `demo-1.0-py3-none-any.whl` failed in the same way, the index does not list the file; sending it again
error: `127.0.0.1` may or may not have stored `demo-1.0-py3-none-any.whl`: everything was sent, but no reply came: connection closed before message completed
help: uploaded files stay; fix the error and run the command again to upload the rest

"#]]);
}

#[test]
fn a_server_that_never_recovers_leaves_a_doubt_that_the_next_upload_settles() {
    let (upload_project, index) = (UploadProject::with_release("1.0"), Embedded::new());
    index.proxy.ahead(Asked::Upload, vec![Some(Trouble::FailureAfterwards(500)); 3]);
    index.proxy.ahead(Asked::Listing, [None, Some(Trouble::Failure(500)), Some(Trouble::Failure(500))]);
    let ended = index.upload(&upload_project, &[]).code(4);
    assert_eq!(ended.statuses()["demo-1.0-py3-none-any.whl"], "unknown");
    ended.says(str![[r#"
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no license (demo-1.0.dist-info/METADATA) [no-license]
help: set `license`, such as `license = "MIT"`: in [project] of pyproject.toml, [metadata] of setup.cfg, or `setup()`
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no `Requires-Python` (demo-1.0.dist-info/METADATA) [no-requires-python]
help: set `requires-python = ">=3.9"` in [project] of pyproject.toml, or `python_requires` in [options] of setup.cfg or in `setup()`
warning: [127.0.0.1] there are no credentials for `127.0.0.1`
help: set `PYRELEASE_TOKEN_127_0_0_1` to a token, or add one to `.pypirc` as the password of section [127.0.0.1] (with the username __token__)
error: `127.0.0.1` may or may not have stored `demo-1.0-py3-none-any.whl`: the server failed with HTTP 500 500: this is the proxy speaking
help: uploaded files stay; fix the error and run the command again to upload the rest

"#]]);
    index.proxy.calm();
    let again = index.upload(&upload_project, &[]).code(0);
    assert!(again.statuses().values().all(|fate| *fate == "there"));
    assert_eq!(index.proxy.sent().len(), 2, "the doubtful one was there");
}
