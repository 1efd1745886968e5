//! Uploads to an index with its own certificate authority that requires client certificates, also through a proxy that
//! requires a user.

use pyrelease_test_support::distribution::wheel;
use pyrelease_test_support::{Config, Sandbox, SecureIndex, assert_redacted, str};

#[test]
fn an_index_that_asks_for_a_certificate_gets_it_and_a_proxy_its_user() {
    let index = SecureIndex::start();
    let sandbox = Sandbox::new();
    let folder = sandbox.root().to_owned();
    let file = wheel(&folder, "demo", "1.0", "any", "hello");
    let (file, url) = (file.to_str().expect("our own name"), index.upload_url());
    let (authority, client) = (index.authority(), index.client());
    let (authority, client) = (authority.to_str().expect("a path"), client.to_str().expect("a path"));
    let upload = |place: &[&str], variables: &[(&str, &str)]| {
        let arguments = [&["upload", file, "--yes"], place].concat();
        let mut all = vec![("SSL_CERT_FILE", authority)];
        all.extend(variables);
        let command = sandbox.command_with(&folder, env!("CARGO_BIN_EXE_pyrelease"), &arguments, &all);
        let output = command.unchecked().stdout_capture().stderr_capture().run().expect("our own program");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let by_url = ["--url", &url];

    let (code, said) = upload(&by_url, &[("SSL_CERT_FILE", client)]);
    assert_eq!(code, Some(1), "{said}");
    assert_redacted(
        &said,
        &folder,
        str![[r#"
warning: [check] `demo-1.0-py3-none-any.whl`: the metadata has no license (demo-1.0.dist-info/METADATA) [no-license]
help: set `license`, such as `license = "MIT"`: in [project] of pyproject.toml, [metadata] of setup.cfg, or `setup()`
warning: [check] `demo-1.0-py3-none-any.whl`: the metadata has no `Requires-Python` (demo-1.0.dist-info/METADATA) [no-requires-python]
help: set `requires-python = ">=3.9"` in [project] of pyproject.toml, or `python_requires` in [options] of setup.cfg or in `setup()`
warning: [127.0.0.1] there are no credentials for `127.0.0.1`
help: set `PYRELEASE_TOKEN_127_0_0_1` to a token, or add one to `.pypirc` as the password of section [127.0.0.1] (with the username __token__)
warning: [127.0.0.1] `127.0.0.1` has no `simple` URL: existing files cannot be detected, and may be overwritten
help: pass `--simple URL`, where the index lists files
      Failed demo-1.0-py3-none-any.whl is not on 127.0.0.1
error: failed to reach `127.0.0.1` at `127.0.0.1`
  caused by: invalid peer certificate: UnknownIssuer
help: the server's certificate is not trusted: set `SSL_CERT_FILE` to the file of your authority, or `REQUESTS_CA_BUNDLE`; on a system without authorities, install `ca-certificates`

"#]],
    );
    let (code, said) = upload(&by_url, &[]);
    assert_eq!(code, Some(1), "{said}");
    assert_redacted(
        &said,
        &folder,
        str![[r#"
warning: [check] `demo-1.0-py3-none-any.whl`: the metadata has no license (demo-1.0.dist-info/METADATA) [no-license]
help: set `license`, such as `license = "MIT"`: in [project] of pyproject.toml, [metadata] of setup.cfg, or `setup()`
warning: [check] `demo-1.0-py3-none-any.whl`: the metadata has no `Requires-Python` (demo-1.0.dist-info/METADATA) [no-requires-python]
help: set `requires-python = ">=3.9"` in [project] of pyproject.toml, or `python_requires` in [options] of setup.cfg or in `setup()`
warning: [127.0.0.1] there are no credentials for `127.0.0.1`
help: set `PYRELEASE_TOKEN_127_0_0_1` to a token, or add one to `.pypirc` as the password of section [127.0.0.1] (with the username __token__)
warning: [127.0.0.1] `127.0.0.1` has no `simple` URL: existing files cannot be detected, and may be overwritten
help: pass `--simple URL`, where the index lists files
      Failed demo-1.0-py3-none-any.whl is not on 127.0.0.1
error: failed to reach `127.0.0.1` at `127.0.0.1`
  caused by: received fatal alert: CertificateRequired
help: the index requires a client certificate: set `client-certificate` of [index.NAME] to a file with yours and its key, or set `PYRELEASE_CLIENT_CERT_<INDEX>`

"#]],
    );
    let (code, said) = upload(&by_url, &[("SSL_CLIENT_CERT", authority)]);
    assert_eq!(code, Some(2), "{said}");
    assert_redacted(
        &said,
        &folder,
        str![[r#"
warning: [check] `demo-1.0-py3-none-any.whl`: the metadata has no license (demo-1.0.dist-info/METADATA) [no-license]
help: set `license`, such as `license = "MIT"`: in [project] of pyproject.toml, [metadata] of setup.cfg, or `setup()`
warning: [check] `demo-1.0-py3-none-any.whl`: the metadata has no `Requires-Python` (demo-1.0.dist-info/METADATA) [no-requires-python]
help: set `requires-python = ">=3.9"` in [project] of pyproject.toml, or `python_requires` in [options] of setup.cfg or in `setup()`
error: HTTPS cannot be set up
  caused by: `[TEMPORARY]/authority.pem` (set by `SSL_CLIENT_CERT`) contains no usable client certificate with its key

"#]],
    );
    assert!(index.log().is_empty(), "{:?}", index.log());

    let stored = "POST demo-1.0-py3-none-any.whl client".to_owned();
    let (code, said) = upload(&by_url, &[("SSL_CLIENT_CERT", client)]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(index.log(), std::slice::from_ref(&stored));

    let settings = Config::default().index("corp").set("upload", &url).set("client-certificate", client);
    fs_err::write(folder.join("release.toml"), &*settings).expect("our own folder");
    let (code, said) = upload(&["--index", "corp"], &[("HTTPS_PROXY", &index.proxy_url(""))]);
    assert_eq!(code, Some(1), "{said}");
    assert_redacted(
        &said,
        &folder,
        str![[r#"
warning: [check] `demo-1.0-py3-none-any.whl`: the metadata has no license (demo-1.0.dist-info/METADATA) [no-license]
help: set `license`, such as `license = "MIT"`: in [project] of pyproject.toml, [metadata] of setup.cfg, or `setup()`
warning: [check] `demo-1.0-py3-none-any.whl`: the metadata has no `Requires-Python` (demo-1.0.dist-info/METADATA) [no-requires-python]
help: set `requires-python = ">=3.9"` in [project] of pyproject.toml, or `python_requires` in [options] of setup.cfg or in `setup()`
warning: [corp] there are no credentials for `corp`
help: set `PYRELEASE_TOKEN_CORP` to a token, or add one to `.pypirc` as the password of section [corp] (with the username __token__)
warning: [corp] `corp` has no `simple` URL: existing files cannot be detected, and may be overwritten
help: pass `--simple URL`, where the index lists files
      Failed demo-1.0-py3-none-any.whl is not on corp
error: failed to reach `corp` at `127.0.0.1`
  caused by: tunnel error: proxy authorization required
help: the proxy requires authentication: set `HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT`

"#]],
    );
    assert_eq!(index.log()[1..], ["CONNECT turned away"]);
    let (code, said) = upload(&["--index", "corp"], &[("HTTPS_PROXY", &index.proxy_url("pia:let-me-pass@"))]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(index.log()[2..], ["CONNECT admitted".to_owned(), stored.clone()]);

    // Trusted publishing uses the same certificates.
    let settings = settings.set("trusted-publishing", true);
    fs_err::write(folder.join("release.toml"), &*settings).expect("our own folder");
    let (code, said) = upload(&["--index", "corp"], &[("CORP_ID_TOKEN", "an-identity")]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(index.log()[4..], ["audience client", "mint-token client", &stored, "burn-token client"]);
}
