//! `--probe`: asks an index whether it would accept files.

use pyrelease_test_support::distribution::sdist;
use pyrelease_test_support::{Asked, IndexServer, Trouble};

use super::{Embedded, UploadProject};

/// Probes are refused and store nothing, and obstacles are known before the first upload.
#[test]
fn a_probe_predicts_refusals_and_stores_nothing() {
    let (upload_project, index) = (UploadProject::with_release("1.0"), Embedded::new());
    let other = UploadProject::new();
    sdist(&other.folder, "demo", "1.0", "another");
    let blind = |upload_project: &UploadProject, more: &[&str]| {
        let (url, simple) = (index.proxy.upload_url(), index.proxy.simple_url());
        upload_project.upload(&[&["--url", &url, "--simple", &simple], more].concat(), &[])
    };
    let taken = blind(&upload_project, &["--probe"]).code(0);
    // Every probe of a project that does not exist counts as a new project.
    taken.says("would accept demo-1.0-py3-none-any.whl").says("was asked about the first file only");
    assert_eq!((index.files().len(), index.proxy.sent().len()), (2, 3));
    let next = UploadProject::with_release("1.1");
    let taken = blind(&next, &["--probe"]).code(0);
    taken.says("would accept demo-1.1-py3-none-any.whl").says("would accept demo-1.1.tar.gz");

    // The page is outdated, so only the index itself knows that the name is used.
    index.proxy.ahead(Asked::Listing, [Some(Trouble::Stale)]);
    let refused = blind(&other, &["--probe"]).code(3);
    refused.says("File already exists").says("cannot be used again").says("nothing has been sent");

    let strange = IndexServer::pypiserver();
    let user = [("TWINE_USERNAME", strange.username()), ("TWINE_PASSWORD", strange.password().reveal())];
    let (url, simple) = (strange.upload_url(), strange.simple_url());
    let careful = upload_project.upload(&["--url", &url, "--simple", &simple, "--probe"], &user).code(0);
    careful.says("was not asked whether it would accept the files");
}
