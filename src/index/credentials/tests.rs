//! Which credentials are found in which source, and how they are used.

use super::*;
use crate::python::token::Macaroon;
use crate::world::Environment;
use snapbox::{assert_data_eq, str};

/// A token like PyPI's, which only its root key would tell apart
fn issued_by(issuer: &str, caveats: &[Caveat]) -> SecretString {
    let bare = Token::of(Macaroon::new(b"a root key", issuer, "412f0000-0000-0000-0000-000000000000"));
    bare.narrowed(caveats).to_secret()
}

#[test]
fn a_pypi_token_is_sent_only_to_pypi() {
    for variable in ["TWINE_PASSWORD", "UV_PUBLISH_TOKEN"] {
        let secret = issued_by("pypi.org", &[]);
        let variables = [(variable, secret.expose_secret())];
        assert!(found(&variables, &IndexAddress::pypi()).is_some());
        assert_eq!(found(&variables, &IndexAddress::testpypi()), None);
    }
    let secret = issued_by("test.pypi.org", &[]);
    let variables = [("TWINE_PASSWORD", secret.expose_secret())];
    assert!(found(&variables, &IndexAddress::testpypi()).is_some());
    assert_eq!(found(&variables, &IndexAddress::pypi()), None);
}

fn found(variables: &[(&str, &str)], index: &IndexAddress) -> Option<(String, String)> {
    let environment = variables.iter().copied().collect();
    find(&environment, index, None)
        .unwrap()
        .map(|found| found.login().unwrap().clone())
        .map(|login| (login.username, login.secret.expose_secret().to_owned()))
}

fn pair(username: &str, secret: &str) -> Option<(String, String)> {
    Some((username.to_owned(), secret.to_owned()))
}

#[test]
fn each_index_has_its_own_variable() {
    let variables =
        [("PYRELEASE_TOKEN_PYPI", "one"), ("PYRELEASE_TOKEN_TESTPYPI", "two\n"), ("TWINE_PASSWORD", "three")];
    assert_eq!(found(&variables, &IndexAddress::pypi()), pair("__token__", "one"));
    assert_eq!(found(&variables, &IndexAddress::testpypi()), pair("__token__", "two"));
    assert_eq!(variable_for("my-corp.index"), "PYRELEASE_TOKEN_MY_CORP_INDEX");
}

#[test]
fn twines_variables_are_understood() {
    let pypi = IndexAddress::pypi();
    assert_eq!(found(&[("TWINE_PASSWORD", "x")], &pypi), pair("__token__", "x"));
    assert_eq!(found(&[("TWINE_PASSWORD", "x"), ("TWINE_USERNAME", "alice")], &pypi), pair("alice", "x"));
    assert_eq!(found(&[("TWINE_USERNAME", "alice")], &pypi), None);
}

#[test]
fn twines_variables_apply_only_to_twines_index() {
    let variables = [("TWINE_PASSWORD", "x"), ("TWINE_REPOSITORY", "testpypi")];
    assert_eq!(found(&variables, &IndexAddress::testpypi()), pair("__token__", "x"));
    assert_eq!(found(&variables, &IndexAddress::pypi()), None);
    let variables = [("TWINE_PASSWORD", "x"), ("TWINE_REPOSITORY_URL", "https://test.pypi.org/legacy")];
    assert_eq!(found(&variables, &IndexAddress::testpypi()), pair("__token__", "x"));
    assert_eq!(found(&variables, &IndexAddress::pypi()), None);
}

#[test]
fn a_broken_paste_is_refused_and_not_quoted() {
    let environment = Environment::from_iter([("PYRELEASE_TOKEN_PYPI", "pypi-hunter2\npypi-hunter2")]);
    let error = find(&environment, &IndexAddress::pypi(), None).unwrap_err();
    assert!(error.to_string().starts_with("`PYRELEASE_TOKEN_PYPI` contains"), "{error}");
    assert!(!format!("{error:?}").contains("hunter2"));
}

#[test]
fn a_secret_is_not_shown() {
    let credentials = Credentials::token("pypi-hunter2".into(), "a test");
    assert!(!format!("{credentials:?}").contains("hunter2"));
    assert_eq!(credentials.redact("no: pypi-hunter2!"), "no: [secret]!");
    let basic = STANDARD.encode("__token__:pypi-hunter2");
    assert_eq!(credentials.redact(&format!("no: Basic {basic}!")), "no: Basic [secret]!");
}

#[test]
fn uvs_variables_apply_only_to_uvs_index() {
    let (pypi, testpypi) = (IndexAddress::pypi(), IndexAddress::testpypi());
    let token = [("UV_PUBLISH_TOKEN", "x")];
    assert_eq!((found(&token, &pypi), found(&token, &testpypi)), (pair("__token__", "x"), None));
    let elsewhere = [token[0], ("UV_PUBLISH_URL", "https://test.pypi.org/legacy/")];
    assert_eq!((found(&elsewhere, &pypi), found(&elsewhere, &testpypi)), (None, pair("__token__", "x")));
    let named =
        [("UV_PUBLISH_USERNAME", "alice"), ("UV_PUBLISH_PASSWORD", "y"), ("UV_PUBLISH_INDEX", "testpypi")];
    assert_eq!((found(&named, &pypi), found(&named, &testpypi)), (None, pair("alice", "y")));
}

#[test]
fn a_token_is_narrowed_to_one_upload() {
    let broad = issued_by("pypi.org", &[Caveat::RequestUser("a-b".to_owned())]);
    let credentials = Credentials::token(broad.clone(), "the test");
    let now = Timestamp::from_second(1_000_000).unwrap();
    let login = credentials.for_upload("Demo.Pkg", 64 << 20, now).unwrap();
    assert_eq!(login.username, TOKEN_USER);
    let narrow = Token::parse(login.secret.expose_secret()).unwrap();
    assert!(narrow.macaroon().is_signed_by(b"a root key"));
    let caveats = narrow.caveats();
    assert_eq!(caveats[1], Caveat::project("demo-pkg"));
    // Ten minutes, and the time that 64 MiB take on a slow line.
    assert_eq!(caveats[2], Caveat::Expiration { not_before: 999_400, expires_at: 1_000_600 + 2048 });
    assert!(credentials.for_reading().is_none(), "a token for uploads is of no use for anything else");
    let repeated = format!("no: {} {}", login.secret.expose_secret(), broad.expose_secret());
    assert_eq!(credentials.redact(&repeated), "no: [secret] [secret]");
}

#[test]
fn a_password_is_sent_as_it_is() {
    let credentials = Credentials::password("alice", "pypi-hunter2".into(), "the test");
    let login = credentials.for_upload("demo", 0, Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!((login.username.as_str(), login.secret.expose_secret()), ("alice", "pypi-hunter2"));
    assert_eq!(credentials.for_reading().map(|login| login.username.as_str()), Some("alice"));
}

#[test]
fn unusable_credentials_are_found_before_an_upload() {
    let now = Timestamp::from_second(1_000_000).unwrap();
    let said = |credentials: &Credentials, index: &IndexAddress| {
        let problems = credentials.problems(index, Some("demo"), now);
        problems.iter().map(|problem| problem.message.clone()).collect::<Vec<_>>().join("; ")
    };
    let (pypi, testpypi) = (IndexAddress::pypi(), IndexAddress::testpypi());
    let corp = IndexAddress::new("corp", "https://corp.example/", None, None).unwrap();
    let good = Credentials::token(issued_by("pypi.org", &[Caveat::project("demo")]), "`X`");
    assert_eq!(said(&good, &pypi), "");
    assert_eq!(
        said(&good, &testpypi),
        "the token in `X` cannot be used: it was issued by pypi.org and is not valid at test.pypi.org"
    );
    let other = Credentials::token(issued_by("pypi.org", &[Caveat::project("other")]), "`X`");
    assert!(said(&other, &pypi).ends_with("it is for other, not for demo"), "{}", said(&other, &pypi));
    let password = Credentials::password("alice", "hunter2-hunter2".into(), "`X`");
    assert_data_eq!(said(&password, &pypi), str!["`X` is a password, but `pypi` accepts only tokens"]);
    assert_eq!(said(&password, &corp), "");
    let damaged = issued_by("pypi.org", &[]).expose_secret()[..60].to_owned();
    assert!(
        said(&Credentials::token(damaged.into(), "`X`"), &pypi).starts_with("the token in `X` is damaged")
    );
    let none = Credentials::token("hunter2".into(), "`X`");
    assert_data_eq!(
        said(&none, &pypi),
        str!["`X` is not a valid token of `pypi`: its tokens begin with `pypi-AgE`"]
    );
    assert_eq!(said(&none, &corp), "");
}

/// The credentials for an index at a host that the user has not allowed: their source, and whether they are withheld.
fn kept_back(variables: &[(&str, &str)], index: &IndexAddress) -> (String, bool) {
    let found = find(&variables.iter().copied().collect(), index, Some("demo")).unwrap().unwrap();
    let sent = found.for_upload("demo", 0, Timestamp::now());
    assert_eq!(sent.is_ok(), found.withheld.is_none());
    assert!(
        sent.is_ok() || found.for_reading().is_none(),
        "what may not be sent is not sent for a look either"
    );
    (found.source().to_owned(), sent.is_err())
}

#[test]
fn unbound_credentials_are_not_sent_to_a_new_host() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(".pypirc");
    let corp = IndexAddress::new("corp", "https://corp.example/legacy/", None, None).unwrap();
    let own = issued_by("corp.example", &[]);
    let foreign = issued_by("pypi.org", &[]);
    let home = file.to_str().unwrap();
    let address = "https://corp.example/legacy/";
    let password = ("TWINE_PASSWORD", "hunter2");
    let publishing = IndexAddress { trusted_publishing: Some(true), ..corp.clone() };
    for (variables, is_kept) in [
        (vec![("PYRELEASE_TOKEN_CORP", "hunter2")], true),
        (vec![("PYRELEASE_TOKEN_CORP", own.expose_secret())], false),
        (vec![("PYRELEASE_TOKEN_CORP", foreign.expose_secret())], true),
        (vec![password], true),
        (vec![password, ("TWINE_REPOSITORY", "corp")], true),
        (vec![password, ("TWINE_REPOSITORY_URL", address)], false),
        (vec![("UV_PUBLISH_TOKEN", "hunter2"), ("UV_PUBLISH_INDEX", "corp")], true),
        (vec![("UV_PUBLISH_TOKEN", "hunter2"), ("UV_PUBLISH_URL", address)], false),
        (vec![password, ("PYRELEASE_ALLOW_HOSTS", "corp.example")], false),
        // No word of the user's sends a token to another index than its own.
        (
            vec![
                ("PYRELEASE_TOKEN_CORP", foreign.expose_secret()),
                ("PYRELEASE_ALLOW_HOSTS", "corp.example"),
            ],
            true,
        ),
    ] {
        assert_eq!(kept_back(&variables, &corp).1, is_kept, "{:?}", variables[0].0);
    }
    for (section, is_kept) in [
        ("[corp]\npassword = hunter2\n", true),
        ("[corp]\nrepository = https://corp.example/legacy\npassword = hunter2\n", false),
        ("[other]\nrepository = https://corp.example/legacy\npassword = hunter2\n", false),
        ("[corp:demo]\npassword = hunter2\n", true),
        ("[corp]\nrepository = https://corp.example/legacy\n[corp:demo]\npassword = hunter2\n", false),
    ] {
        fs_err::write(&file, section).unwrap();
        assert_eq!(kept_back(&[("PYRELEASE_PYPIRC", home)], &corp).1, is_kept, "{section}");
    }
    // Under the name of a predefined index, not even an identity goes elsewhere.
    let identity = [("GITHUB_ACTIONS", "true"), ("ACTIONS_ID_TOKEN_REQUEST_URL", "x")];
    let identity = [&identity[..], &[("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "y")]].concat();
    for (name, is_kept) in [("corp", false), ("pypi", true)] {
        let index = IndexAddress { name: name.to_owned(), ..publishing.clone() };
        let found = find(&identity.iter().copied().collect(), &index, None).unwrap().unwrap();
        assert_eq!(found.new_host().is_some(), is_kept, "{name}");
    }
}

#[test]
fn a_token_of_another_index_cannot_be_forced() {
    let corp = IndexAddress::new("corp", "https://corp.example/", None, None).unwrap();
    let foreign = issued_by("pypi.org", &[]);
    let environment = Environment::from_iter([("PYRELEASE_TOKEN_CORP", foreign.expose_secret())]);
    let found = find(&environment, &corp, None).unwrap().unwrap();
    let problems = found.problems(&corp, None, Timestamp::now());
    assert!(problems.len() == 1 && !problems[0].advisory, "{problems:?}");
}
