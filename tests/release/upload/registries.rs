//! Registries that cannot run here: a server that replies as their documentation or bug reports describe. Hashes decide
//! about duplicates if the registry lists any; otherwise a message says so.

use std::collections::BTreeMap;
use std::thread;

use jiff::{SignedDuration, Timestamp};
use pyrelease::world::http::PYRELEASE_INDEX;
use pyrelease::world::sha256;
use pyrelease_test_support::distribution::wheel;
use serde_json::json;

use super::UploadProject;
use super::registry::Registry;

const WHEEL: &str = "demo-1.0-py3-none-any.whl";
const JSON: &str = "application/vnd.pypi.simple.v1+json";

/// A folder with one wheel, whose bytes depend on the word.
fn upload_project(word: &str) -> UploadProject {
    let upload_project = UploadProject::new();
    wheel(&upload_project.folder, "demo", "1.0", "any", word);
    upload_project
}

/// The replies of registries to a duplicate file name, with their sources.
const DUPLICATES: &[(&str, u16, &str)] = &[
    // twine's issues 332, 1251 and 918: depending on the version and its settings
    (
        "Artifactory 6",
        403,
        r#"{"errors": [{"status": 403, "message": "Not enough permissions to delete/overwrite artifact 'pypi-local:demo/1.0/demo-1.0-py3-none-any.whl' (user 'ci' needs DELETE permission)."}]}"#,
    ),
    (
        "Artifactory 7",
        403,
        r#"{"errors": [{"status": 403, "message": "Not enough permissions to delete/overwrite all artifacts under 'pypi-local/demo/1.0' (user: 'ci' needs DELETE permission)."}]}"#,
    ),
    (
        "Artifactory that hides",
        404,
        r#"{"errors": [{"status": 404, "message": "Could not locate artifact 'pypi-local:demo/1.0/demo-1.0-py3-none-any.whl' (Repository 'pypi-local' was not found or expired)."}]}"#,
    ),
    // twine's issues 693 and 1044: depending on its database
    (
        "Nexus with OrientDB",
        400,
        "<!doctype html>\n<html lang=\"en\">\n<head><title>400 - Nexus Repository Manager</title><style>a {}</style></head>\
         <body><span class=\"title\">Error 400</span>\n<span class=\"description\">Bad Request</span>\n\
         <div class=\"content-section\">\n Repository does not allow updating assets: pypi-local\n</div></body></html>",
    ),
    (
        "Nexus with PostgreSQL or H2",
        400,
        "<html><body>pypi-hosted/packages/demo/1.0/demo-1.0-py3-none-any.whl cannot be updated</body></html>",
    ),
    // twine's issue 697; and GitLab's reply if duplicates are disabled
    ("GitLab", 400, r#"{"message":"Validation failed: File name has already been taken"}"#),
    ("GitLab without duplicates", 400, r#"{"message":"400 Bad request - Duplicate package is not allowed"}"#),
    // uv's issue 8817
    (
        "Azure Artifacts",
        409,
        r#"{"$id":"1","innerException":null,"message":"The feed 'Feed' already contains file 'demo-1.0-py3-none-any.whl' in package 'demo 1.0'.","typeKey":"PackageAlreadyExistsException","errorCode":0,"eventId":3000}"#,
    ),
    // For CodeArtifact, only the status is known
    ("AWS CodeArtifact", 409, ""),
    // twine's issues 816 and 1007
    ("Google Artifact Registry", 400, "Requested entity already exists.\n"),
    // Gitea's source, before and after it took the other status
    ("Gitea 1.17", 400, "package file already exists"),
    ("Gitea, Forgejo", 409, "package file already exists"),
];

/// How registries list a file, with the place of the hash in the link
const PAGES: &[(&str, &str)] = &[
    ("PEP 503", "#sha256=@"),
    // Gitea and Forgejo before 2024
    ("another separator", "#sha256-@"),
    // Older Nexus and devpi
    ("a hash that is not asked for", "#md5=d41d8cd98f00b204e9800998ecf8427e"),
    ("no hash at all", ""),
];

#[test]
fn every_registrys_duplicate_is_decided_by_hashes_where_it_gives_any() {
    let (ours, theirs) = (upload_project("hello"), upload_project("another"));
    let [our_hash, their_hash] =
        [&ours, &theirs].map(|upload_project| sha256(&upload_project.folder.join(WHEEL)).unwrap().0);
    thread::scope(|scope| {
        for (at, (registry, status, body)) in DUPLICATES.iter().enumerate() {
            let (ours, theirs, our_hash, their_hash) = (&ours, &theirs, &our_hash, &their_hash);
            scope.spawn(move || {
                let server = Registry::that_says(*status, body);
                let blind = server.upload_blindly(ours).code(1);
                if *registry == "Artifactory that hides" {
                    blind.mentions("Could not locate artifact");
                } else {
                    blind.mentions("has a `demo-1.0-py3-none-any.whl` already, according to its reply");
                    blind.mentions("may be another one than ours").mentions("`--simple URL`");
                }

                // The listing is read only after the refusal, as behind a cache.
                let (page, fragment) = PAGES[at % PAGES.len()];
                let listing = |upload_project: &UploadProject, hash: &str| {
                    let server = Registry::that_says(*status, body);
                    let link = format!("<a href=\"/f/{WHEEL}{}\">{WHEEL}</a>", fragment.replace('@', hash));
                    server.shows_late("/simple/demo/", "text/html", link);
                    let bytes = fs_err::read(upload_project.folder.join(WHEEL)).unwrap();
                    server.shows_late(&format!("/f/{WHEEL}"), "application/octet-stream", bytes);
                    server
                };
                let same = listing(ours, our_hash);
                same.upload(ours).code(0).mentions("already there, with the same sha256");
                let other = listing(theirs, their_hash);
                let refused = other.upload(ours).code(1);
                refused.mentions("has a different `demo-1.0-py3-none-any.whl` already");
                refused.mentions(our_hash).mentions(their_hash).mentions("release another version");
                for server in [same, other] {
                    assert_eq!(server.uploads(), 1, "{registry}, {page}");
                }
            });
        }
    });
}

/// The replies of registries to missing permissions.
const REFUSALS: &[(u16, &str, &str, &str)] = &[
    (
        401,
        r#"{"errors": [{"status": 401, "message": "Bad credentials"}]}"#,
        "Bad credentials",
        "the index requires credentials",
    ),
    (401, "", "no reason given", "the index requires credentials"),
    (403, r#"{"message":"403 Forbidden"}"#, "403 Forbidden", "the index requires credentials"),
    (
        401,
        r#"{"$id":"1","innerException":null,"message":"TF400813: The user '' is not authorized to access this resource.","errorCode":0}"#,
        "is not authorized to access this resource",
        "the index requires credentials",
    ),
    (
        403,
        "Permission 'artifactregistry.repositories.uploadArtifacts' denied",
        "denied",
        "the index requires credentials",
    ),
    (
        413,
        "<html><body><h1>413 Request Entity Too Large</h1></body></html>",
        "Too Large",
        "limits the size of uploads",
    ),
];

#[test]
fn every_registrys_refusal_says_why_and_what_to_do() {
    let upload_project = upload_project("hello");
    let server = Registry::that_says(500, "");
    for (status, body, reason, help) in REFUSALS {
        server.says(*status, body);
        let refused = server.upload(&upload_project).code(1);
        refused.mentions(reason).mentions(help).mentions(&format!("HTTP {status}"));
        assert_eq!(refused.statuses(), BTreeMap::from([(WHEEL, "not-there")]));
    }
}

/// A project page in PyPI's format, with one file of this release.
fn page(status: &str, age: SignedDuration) -> String {
    let uploaded = Timestamp::now() - age;
    json!({
        "meta": { "api-version": "1.4" },
        "name": "demo",
        "project-status": { "status": status },
        "files": [{
            "filename": "demo-1.0.tar.gz",
            "url": "/f/demo-1.0.tar.gz",
            "hashes": { "sha256": "0".repeat(64) },
            "upload-time": uploaded.to_string(),
        }],
    })
    .to_string()
}

#[test]
fn project_restrictions_are_known_before_an_upload() {
    let upload_project = upload_project("hello");
    let server = Registry::that_says(200, "");
    let days = |days: i64| SignedDuration::from_hours(24 * days);
    for (status, age, words, help) in [
        ("archived", days(1), "`demo` is archived on", "an owner can unarchive it"),
        ("quarantined", days(1), "`demo` is quarantined on", "ask its administrators"),
        ("active", days(15), "accepts no more files of demo 1.0 since", "release another version"),
    ] {
        server.shows_with("/simple/demo/", JSON, &format!("{PYRELEASE_INDEX}: x\r\n"), page(status, age));
        let refused = server.upload(&upload_project).code(3);
        refused.mentions(words).mentions(help).mentions("nothing has been sent");
        // Quarantine concerns installations; `--force` does not override the other states.
        let code = if status == "quarantined" { 0 } else { 3 };
        server.upload_with(&upload_project, &["--force"]).code(code).mentions(words);
    }
    assert_eq!(server.uploads(), 1);
    for status in ["active", "deprecated"] {
        server.shows_with(
            "/simple/demo/",
            JSON,
            &format!("{PYRELEASE_INDEX}: x\r\n"),
            page(status, days(13)),
        );
        server.upload(&upload_project).code(0);
    }
    assert_eq!(server.uploads(), 3);
}

#[test]
fn a_release_that_loses_attestations_has_a_note() {
    let upload_project = upload_project("hello");
    let server = Registry::that_says(200, "");
    let file = |version: &str, day: u8, provenance: bool| {
        json!({
            "filename": format!("demo-{version}.tar.gz"),
            "url": "/f/x",
            "hashes": { "sha256": "0".repeat(64) },
            "upload-time": format!("2026-01-{day:02}T00:00:00Z"),
            "provenance": provenance.then_some("https://index.example/provenance"),
        })
    };
    let lost = "demo 0.9 on `127.0.0.1` has attestations, and 1.0 has none";
    for (files, is_noted) in [
        (vec![file("0.8", 1, false), file("0.9", 2, true)], true),
        (vec![file("0.9", 2, true), file("0.9.1", 3, false)], false),
        (vec![file("0.9", 2, false)], false),
    ] {
        let page = json!({ "meta": { "api-version": "1.4" }, "name": "demo", "files": files });
        server.shows_with("/simple/demo/", JSON, "", page.to_string());
        let uploaded = server.upload(&upload_project).code(0);
        assert_eq!(uploaded.text.contains(lost), is_noted, "{}", uploaded.text);
    }
}

/// A request without credentials has no token that could be wrong.
#[test]
fn an_upload_without_credentials_that_is_refused_asks_for_some() {
    let upload_project = upload_project("hello");
    for status in [401, 403] {
        let server = Registry::that_says(status, "Invalid or non-existent authentication information.");
        let refused = server.upload(&upload_project).code(1);
        refused.mentions("the index requires credentials, and there are none for it: put a token into");
        assert!(!refused.text.contains("does not know the token"), "{}", refused.text);
    }
}

#[test]
fn a_reason_that_a_server_repeats_is_told_once_before_the_error() {
    let upload_project = upload_project("hello");
    let server = Registry::that_says(500, "<pre>Out of coffee</pre>");
    let failed = server.upload(&upload_project);
    let warnings = failed.events.iter().filter(|event| event["event"] == "warning");
    let told: Vec<&str> = warnings.filter_map(|event| event["message"].as_str()).collect();
    let with_reason = told.iter().filter(|message| message.contains("Out of coffee")).count();
    assert_eq!(with_reason, 1, "{told:?}");
    assert!(told.iter().any(|message| message.contains("failed in the same way")), "{told:?}");
}

#[test]
fn a_file_that_is_not_a_distribution_is_refused_as_by_check() {
    let upload_project = upload_project("hello");
    let server = Registry::that_says(200, "");
    for name in ["demo-1.0.tar.bz2", "demo-1.0-py3.9.egg", "demo-1.0.exe"] {
        let file = upload_project.folder.join(name);
        fs_err::write(&file, "x").unwrap();
        let file = file.to_str().unwrap();
        upload_project.run(&["check", file], &[]).code(3);
        upload_project.run(&["upload", file, "--url", &server.url()], &[]).code(3).mentions(name);
    }
    assert_eq!(server.uploads(), 0);
}

/// PyPI's reply to bytes that it has under another name, and its listing then.
#[test]
fn the_same_bytes_under_another_name_are_seen_and_told() {
    let upload_project = upload_project("hello");
    let sha256 = sha256(&upload_project.folder.join(WHEEL)).unwrap().0;
    let other = "demo-1.0-1-py3-none-any.whl";
    let page = json!({
        "meta": { "api-version": "1.4" },
        "name": "demo",
        "files": [{ "filename": other, "url": format!("/f/{other}"), "hashes": { "sha256": sha256 } }],
    });
    let says = format!("400 File already exists ('{WHEEL}', with blake2_256 hash '00').");
    let server = Registry::that_says(400, &says);
    server.shows_late("/simple/demo/", JSON, page.to_string());
    let refused = server.upload(&upload_project).code(1);
    refused.mentions(&format!("the bytes of `{WHEEL}` already, as `{other}`"));
    refused.mentions("stores the same bytes only once");

    let server = Registry::that_says(200, "");
    server.shows_with("/simple/demo/", JSON, &format!("{PYRELEASE_INDEX}: x\r\n"), page.to_string());
    let refused = server.upload(&upload_project).code(3);
    refused.mentions(&format!("the bytes of {WHEEL} already, as `{other}`"));
    assert_eq!(server.uploads(), 0);
}
