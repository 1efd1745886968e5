//! Uploads to an index with its own certificate authority that requires client certificates, also through a proxy that
//! requires a user.

use pyrelease_test_support::distribution::wheel;
use pyrelease_test_support::{Config, Sandbox, SecureIndex};

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
    assert!(code == Some(1) && said.contains("certificate is not trusted"), "{said}");
    let (code, said) = upload(&by_url, &[]);
    assert!(code == Some(1) && said.contains("requires a client certificate"), "{said}");
    let (code, said) = upload(&by_url, &[("SSL_CLIENT_CERT", authority)]);
    assert!(
        code == Some(2) && said.contains("(set by `SSL_CLIENT_CERT`) contains no usable client certificate"),
        "{said}"
    );
    assert!(index.log().is_empty(), "{:?}", index.log());

    let stored = "POST demo-1.0-py3-none-any.whl client".to_owned();
    let (code, said) = upload(&by_url, &[("SSL_CLIENT_CERT", client)]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(index.log(), std::slice::from_ref(&stored));

    let settings = Config::default().index("corp").set("upload", &url).set("client-certificate", client);
    fs_err::write(folder.join("release.toml"), &*settings).expect("our own folder");
    let (code, said) = upload(&["--index", "corp"], &[("HTTPS_PROXY", &index.proxy_url(""))]);
    assert!(code == Some(1) && said.contains("the proxy requires authentication"), "{said}");
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
