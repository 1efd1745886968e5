//! `--probe`: asks an index whether it would accept files.

use pyrelease_test_support::distribution::sdist;
use pyrelease_test_support::{Asked, IndexServer, Trouble, str};

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
    taken.says(str![[r#"
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no license (demo-1.0.dist-info/METADATA) [no-license]
help: set `license`, such as `license = "MIT"`: in [project] of pyproject.toml, [metadata] of setup.cfg, or `setup()`
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no `Requires-Python` (demo-1.0.dist-info/METADATA) [no-requires-python]
help: set `requires-python = ">=3.9"` in [project] of pyproject.toml, or `python_requires` in [options] of setup.cfg or in `setup()`
warning: [127.0.0.1] there are no credentials for `127.0.0.1`
help: set `PYRELEASE_TOKEN_127_0_0_1` to a token, or add one to `.pypirc` as the password of section [127.0.0.1] (with the username __token__)
note: [127.0.0.1] `127.0.0.1` would accept demo-1.0-py3-none-any.whl
note: [127.0.0.1] `127.0.0.1` has no project `demo` yet, so it was asked about the first file only

"#]]);
    assert_eq!((index.files().len(), index.proxy.sent().len()), (2, 3));
    let next = UploadProject::with_release("1.1");
    let taken = blind(&next, &["--probe"]).code(0);
    taken.says(str![[r#"
warning: [check] `demo-1.1-py3-none-any.whl` and `demo-1.1.tar.gz`: the metadata has no license (demo-1.1.dist-info/METADATA) [no-license]
help: set `license`, such as `license = "MIT"`: in [project] of pyproject.toml, [metadata] of setup.cfg, or `setup()`
warning: [check] `demo-1.1-py3-none-any.whl` and `demo-1.1.tar.gz`: the metadata has no `Requires-Python` (demo-1.1.dist-info/METADATA) [no-requires-python]
help: set `requires-python = ">=3.9"` in [project] of pyproject.toml, or `python_requires` in [options] of setup.cfg or in `setup()`
warning: [127.0.0.1] there are no credentials for `127.0.0.1`
help: set `PYRELEASE_TOKEN_127_0_0_1` to a token, or add one to `.pypirc` as the password of section [127.0.0.1] (with the username __token__)
note: [127.0.0.1] `127.0.0.1` would accept demo-1.1-py3-none-any.whl
note: [127.0.0.1] `127.0.0.1` would accept demo-1.1.tar.gz

"#]]);

    // The page is outdated, so only the index itself knows that the name is used.
    index.proxy.ahead(Asked::Listing, [Some(Trouble::Stale)]);
    let refused = blind(&other, &["--probe"]).code(3);
    refused.says(str![[r#"
warning: [check] `demo-1.0.tar.gz`: the metadata has no license (demo-1.0/PKG-INFO) [no-license]
help: set `license`, such as `license = "MIT"`: in [project] of pyproject.toml, [metadata] of setup.cfg, or `setup()`
warning: [check] `demo-1.0.tar.gz`: the metadata has no `Requires-Python` (demo-1.0/PKG-INFO) [no-requires-python]
help: set `requires-python = ">=3.9"` in [project] of pyproject.toml, or `python_requires` in [options] of setup.cfg or in `setup()`
warning: [127.0.0.1] there are no credentials for `127.0.0.1`
help: set `PYRELEASE_TOKEN_127_0_0_1` to a token, or add one to `.pypirc` as the password of section [127.0.0.1] (with the username __token__)
error: [127.0.0.1] `127.0.0.1` refused `demo-1.0.tar.gz`: File already exists ('demo-1.0.tar.gz', with blake2_256 hash '[SHA256]'). See https://pypi.org/help/#file-name-reuse for more information. (HTTP 400)
help: the index has a file with that name, or these bytes under another name; that file name cannot be used again: release another version
error: the upload was refused; nothing has been sent

"#]]);

    let strange = IndexServer::pypiserver();
    let user = [("TWINE_USERNAME", strange.username()), ("TWINE_PASSWORD", strange.password().reveal())];
    let (url, simple) = (strange.upload_url(), strange.simple_url());
    let careful = upload_project.upload(&["--url", &url, "--simple", &simple, "--probe"], &user).code(0);
    careful.says(str![[r#"
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no license (demo-1.0.dist-info/METADATA) [no-license]
help: set `license`, such as `license = "MIT"`: in [project] of pyproject.toml, [metadata] of setup.cfg, or `setup()`
warning: [check] `demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz`: the metadata has no `Requires-Python` (demo-1.0.dist-info/METADATA) [no-requires-python]
help: set `requires-python = ">=3.9"` in [project] of pyproject.toml, or `python_requires` in [options] of setup.cfg or in `setup()`
detail: [127.0.0.1] the credentials for `127.0.0.1` are from `TWINE_PASSWORD`
warning: [127.0.0.1] `127.0.0.1` was not asked whether it would accept the files
help: only PyPI is known to check a file before it stores it; another index might store the probe

"#]]);
}
