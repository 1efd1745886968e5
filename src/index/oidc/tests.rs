//! Trusted publishing against an issuer and an index of our own, with the replies that PyPI documents.

use snapbox::{assert_data_eq, str};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use base64::Engine as _;

use super::*;
use crate::index::tests::{Request, Server, reply};
use crate::index::{Credentials, CredentialsError, find};
use crate::python::token::{Caveat, Macaroon};

/// A fake issuer like GitHub's and Google's, and an index that knows the publisher; both record requests
struct FakeIndex {
    server: Server,
    index: IndexAddress,
}

/// The index's reply to a request for a token: a status and a body; none for a token
type MockReply = Option<(u16, &'static str)>;

const ROOT: &[u8] = b"the index's own key";
/// `{"sub":"repo:dana/demo:environment:pypi","repository":"dana/demo","environment":"pypi"}`
const PAYLOAD: &str = "eyJzdWIiOiJyZXBvOmRhbmEvZGVtbzplbnZpcm9ubWVudDpweXBpIiwicmVwb3NpdG9yeSI6ImRhbmEvZGVtbyIsImVudmlyb25tZW50IjoicHlwaSJ9";

fn minted(number: usize, seconds: i64) -> String {
    let macaroon = Macaroon::new(ROOT, "127.0.0.1", &format!("number {number}"));
    let token = crate::python::token::Token::of(macaroon).to_secret();
    let expires = Timestamp::now().as_second() + seconds;
    json!({ "success": true, "token": token.expose_secret(), "expires": expires }).to_string()
}

impl FakeIndex {
    /// The validity of each token in turn, in seconds; an identity is valid for one token.
    fn whose_tokens_last(lifetimes: &'static [i64], answer: MockReply) -> Self {
        let used = Arc::new(Mutex::new(BTreeSet::new()));
        let json = |status, body: &str| reply(status, "application/json", body);
        let count = Mutex::new(0);
        let server = Server::answering(move |request| {
            let mut count = count.lock().unwrap();
            let path = request.head.split(' ').nth(1).unwrap_or_default().to_owned();
            let body = String::from_utf8_lossy(&request.body).into_owned();
            match path.split('?').next().unwrap_or_default() {
                "/github" | "/google/v1/projects/-/serviceaccounts/me@x:generateidtoken" => {
                    assert!(
                        request.head.contains("authorization: bearer canary-request"),
                        "{}",
                        request.head
                    );
                    *count += 1;
                    json(
                        200,
                        &format!(
                            "{{\"value\": \"h{count}.{PAYLOAD}.s\", \"token\": \"h{count}.{PAYLOAD}.s\"}}"
                        ),
                    )
                }
                "/computemetadata/v1/instance/service-accounts/default/token" => {
                    json(200, "{\"access_token\": \"canary-request\"}")
                }
                "/computemetadata/v1/instance/service-accounts/default/identity" => {
                    assert!(request.head.contains("metadata-flavor: google"));
                    reply(200, "text/plain", &format!("machine.{PAYLOAD}.s"))
                }
                "/_/oidc/audience" => json(200, "{\"audience\": \"corp\"}"),
                "/_/oidc/mint-token" => match answer {
                    Some((status, body)) => json(status, body),
                    None => {
                        let mut used = used.lock().unwrap();
                        if !used.insert(body) {
                            return json(
                                422,
                                "{\"message\": \"Token request failed\", \"errors\": [{\"code\": \"invalid-reuse-token\", \"description\": \"invalid token: already used\"}]}",
                            );
                        }
                        json(200, &minted(used.len(), lifetimes[(used.len() - 1).min(lifetimes.len() - 1)]))
                    }
                },
                "/_/oidc/burn-token" => json(200, "{}"),
                _ => reply(404, "text/plain", ""),
            }
        });
        let index = IndexAddress::new("corp", &format!("{}/legacy/", server.address), None, None)
            .unwrap()
            .with_trusted_publishing(Some(true));
        Self { server, index }
    }

    fn environment(&self, variables: &[(&str, &str)]) -> Environment {
        variables
            .iter()
            .fold(Environment::default(), |environment, (name, value)| environment.with(name, *value))
    }

    /// The environment of a GitHub runner.
    fn on_github(&self) -> Environment {
        let address = format!("{}/github?api-version=2.0", self.server.address);
        self.environment(&[
            ("GITHUB_ACTIONS", "true"),
            ("ACTIONS_ID_TOKEN_REQUEST_URL", &address),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "canary-request"),
        ])
    }

    fn credentials(&self, environment: &Environment) -> Option<Credentials> {
        find(environment, &self.index, Some("demo")).unwrap()
    }

    fn error(&self) -> OidcError {
        let credentials = self.credentials(&self.on_github()).unwrap();
        match credentials.for_upload("demo", 0, Timestamp::now()) {
            Err(CredentialsError::Publishing(error)) => error,
            other => panic!("{other:?}"),
        }
    }

    /// The requested paths, in order.
    fn asked(&self) -> Vec<String> {
        let path = |request: &Request| request.head.split(' ').nth(1).unwrap_or_default().to_owned();
        self.server.requests.lock().unwrap().iter().map(path).collect()
    }
}

const MINTING: [&str; 3] =
    ["/_/oidc/audience", "/github?api-version=2.0&audience=corp", "/_/oidc/mint-token"];

#[test]
fn a_token_is_minted_for_the_first_upload_and_burnt_after_the_last() {
    let world = FakeIndex::whose_tokens_last(&[900], None);
    let credentials = world.credentials(&world.on_github()).unwrap();
    assert!(credentials.use_trusted_publishing());
    assert_eq!(credentials.source(), "trusted publishing (GitHub)");
    assert!(
        credentials.for_reading().is_none()
            && credentials.problems(&world.index, Some("demo"), Timestamp::now()).is_empty()
    );
    assert!(world.asked().is_empty(), "nothing is asked before a file is about to be sent");

    let logins = std::thread::scope(|scope| {
        let upload = || credentials.for_upload("demo", 1 << 20, Timestamp::now()).unwrap();
        let uploads: Vec<_> = (0..4).map(|_| scope.spawn(upload)).collect();
        uploads.into_iter().map(|upload| upload.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(world.asked(), MINTING, "one token does for uploads side by side");
    for login in logins {
        let token = crate::python::token::Token::parse(login.secret.expose_secret()).unwrap();
        assert!(token.macaroon().is_signed_by(ROOT), "it is the index's own");
        assert_eq!(token.caveats()[0], Caveat::project("demo"), "and good for this project only");
        assert_eq!(credentials.redact(login.secret.expose_secret()), "[secret]");
    }
    let clone = credentials.clone();
    drop(credentials);
    assert_eq!(world.asked().len(), 3, "it may still be needed");
    drop(clone);
    assert_eq!(world.asked()[3..], ["/_/oidc/burn-token"]);
    let requests = world.server.requests.lock().unwrap();
    let burnt = String::from_utf8_lossy(&requests[3].body).into_owned();
    let whole: serde_json::Value = serde_json::from_str(&burnt).unwrap();
    assert!(whole["token"].as_str().is_some_and(|token| token.starts_with("pypi-AgE")), "{burnt}");
}

#[test]
fn a_token_that_would_expire_is_replaced() {
    let world = FakeIndex::whose_tokens_last(&[200, 900], None);
    let credentials = world.credentials(&world.on_github()).unwrap();
    let upload = || credentials.for_upload("demo", 0, Timestamp::now()).unwrap();
    upload();
    upload();
    upload();
    assert_eq!(world.asked(), [MINTING, MINTING].concat(), "the second lasts");
}

#[test]
fn the_old_token_is_used_if_no_new_one_is_issued() {
    let world = FakeIndex::whose_tokens_last(&[200], None);
    let jwt = format!("gitlab.{PAYLOAD}.s");
    let credentials =
        world.credentials(&world.environment(&[("GITLAB_CI", "true"), ("CORP_ID_TOKEN", &jwt)])).unwrap();
    // A narrowed token names the second that it is made in.
    let now = Timestamp::now();
    let first = credentials.for_upload("demo", 0, now).unwrap();
    let second = credentials.for_upload("demo", 0, now).unwrap();
    assert_eq!(first.secret.expose_secret(), second.secret.expose_secret());
    let later = now + jiff::SignedDuration::from_secs(300);
    let error = credentials.for_upload("demo", 0, later).unwrap_err();
    assert_data_eq!(
        error.help().unwrap(),
        str!["an identity is valid for one token, and this one has been used: run the whole job again"]
    );
}

#[test]
fn google_cloud_identities_are_those_of_the_machine_or_a_service_account() {
    let world = FakeIndex::whose_tokens_last(&[900], None);
    let host = world.server.address.trim_start_matches("http://").to_owned();
    let iam = format!("{}/google/", world.server.address);
    let machine = [("PYRELEASE_TRUSTED_PUBLISHING", "always"), ("GCE_METADATA_HOST", host.as_str())];
    let acting = [
        ("GOOGLE_SERVICE_ACCOUNT_NAME", "me@x"),
        machine[1],
        ("CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS", iam.as_str()),
    ];
    for variables in [&machine[..], &acting[..]] {
        let credentials = world.credentials(&world.environment(variables)).unwrap();
        credentials.for_upload("demo", 0, Timestamp::now()).unwrap();
    }
    let asked = world.asked().join(" ");
    assert!(asked.contains("default/identity?audience=corp&format=full"), "{asked}");
    assert!(asked.contains("default/token") && asked.contains("me@x:generateidtoken"), "{asked}");
}

#[test]
fn every_refusal_has_help() {
    let refusal = |body| FakeIndex::whose_tokens_last(&[], Some((422, body))).error();
    let refusals = [
        r#"{"message":"Token request failed","errors":[{"code":"invalid-payload","description":"unknown trusted publishing issuer"}]}"#,
        r#"{"message":"Token request failed","errors":[{"code":"invalid-payload","description":"malformed JWT"}]}"#,
        r#"{"message":"Token request failed","errors":[{"code":"not-enabled","description":"GitHub-based trusted publishing functionality not enabled"}]}"#,
        r#"{"message":"Token request failed","errors":[{"code":"invalid-token","description":"malformed or invalid token"}]}"#,
        r#"{"message":"Token request failed","errors":[{"code":"invalid-pending-publisher","description":"valid token, but project already exists"}]}"#,
        r#"{"message":"Token request failed","errors":[{"code":"invalid-publisher","description":"valid token, but no corresponding publisher"}]}"#,
        r#"{"message":"Token request failed","errors":[{"code":"invalid-reuse-token","description":"invalid token: already used"}]}"#,
        r#"{"message":"Token request failed","errors":[{"code":"new","description":"a\u001b[2J\nb"}]}"#,
    ];
    let shown = refusals.map(|body| {
        let error = refusal(body);
        format!("{error}\nhelp: {}\n", error.help())
    });
    assert_data_eq!(
        shown.concat(),
        str![[r#"
`corp` refused a token for this trusted publisher: unknown trusted publishing issuer (invalid-payload)
help: PyPI supports GitHub, GitLab, Google Cloud and ActiveState as issuers: use a token
`corp` refused a token for this trusted publisher: malformed JWT (invalid-payload)
help: the identity is damaged: check that the variable with it is complete
`corp` refused a token for this trusted publisher: GitHub-based trusted publishing functionality not enabled (not-enabled)
help: the index has disabled it, perhaps temporarily for this issuer: use a token until then
`corp` refused a token for this trusted publisher: malformed or invalid token (invalid-token)
help: the identity is not valid: it may have expired or be for another index; run the job again
`corp` refused a token for this trusted publisher: valid token, but project already exists (invalid-pending-publisher)
help: the project does not exist, and no pending publisher would create it: register a pending publisher in the account's publishing settings; if the name has been taken since, choose another
`corp` refused a token for this trusted publisher: valid token, but no corresponding publisher (invalid-publisher)
help: register this job in the project's publishing settings, or correct the publisher there: every value must match; this job is: sub = repo:dana/demo:environment:pypi, repository = dana/demo, environment = pypi
`corp` refused a token for this trusted publisher: invalid token: already used (invalid-reuse-token)
help: an identity is valid for one token, and this one has been used: run the whole job again
`corp` refused a token for this trusted publisher: a [2J b (new)
help: use a token instead of trusted publishing

"#]]
    );
    let disabled = FakeIndex::whose_tokens_last(
        &[],
        Some((403, r#"{"message":"Trusted publishing functionality not enabled"}"#)),
    )
    .error();
    assert!(
        disabled.to_string().ends_with("HTTP 403 Trusted publishing functionality not enabled"),
        "{disabled}"
    );
    let nonsense = FakeIndex::whose_tokens_last(&[], Some((200, "<html>canary-answer</html>"))).error();
    assert!(
        matches!(nonsense, OidcError::Nonsense { .. }) && !format!("{nonsense:?}").contains("canary"),
        "{nonsense:?}"
    );
    assert!(matches!(
        FakeIndex::whose_tokens_last(&[], Some((503, ""))).error(),
        OidcError::Status { status: 503, .. }
    ));
}

#[test]
fn an_index_with_pypis_audience_gets_no_identity() {
    let server = Server::answering(|_| reply(200, "application/json", "{\"audience\": \"pypi\"}"));
    let index = IndexAddress::new("corp", &format!("{}/legacy/", server.address), None, None)
        .unwrap()
        .with_trusted_publishing(Some(true));
    let environment = Environment::from_iter([("CORP_ID_TOKEN", "canary"), ("PYPI_ID_TOKEN", "canary")]);
    let credentials = find(&environment, &index, None).unwrap().unwrap();
    let error = credentials.for_upload("demo", 0, Timestamp::now()).unwrap_err();
    assert!(matches!(error, CredentialsError::Publishing(OidcError::Impostor { .. })), "{error:?}");
    assert_eq!(server.requests.lock().unwrap().len(), 1, "it got no identity");
}

/// An index named like the variable of another service's identity.
#[test]
fn an_identity_is_sent_only_to_its_audience() {
    let world = FakeIndex::whose_tokens_last(&[900], None);
    let identity = |payload: &str| format!("h.{}.s", base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(payload));
    for (payload, is_sent) in [
        (r#"{"aud": "corp"}"#, true),
        (r#"{"aud": ["other", "corp"]}"#, true),
        (r#"{"sub": "x"}"#, true),
        (r#"{"aud": "https://vault.example"}"#, false),
        (r#"{"aud": ["other"]}"#, false),
    ] {
        let environment = world.environment(&[("CORP_ID_TOKEN", &identity(payload))]);
        let before = world.server.requests.lock().unwrap().len();
        let made = world.credentials(&environment).unwrap().for_upload("demo", 0, Timestamp::now());
        assert_eq!(made.is_ok(), is_sent, "{payload}");
        let asked = world.server.requests.lock().unwrap().len() - before;
        assert_eq!(asked, if is_sent { 3 } else { 1 }, "{payload}: only for its audience, or made and burnt");
    }
}

#[test]
fn an_audience_of_another_service_is_recognised() {
    for (audience, host) in [
        ("pypi", "pypi.org"),
        ("testpypi", "test.pypi.org"),
        ("corp", "pypi.corp.example"),
        ("corp.example", "pypi.corp.example"),
        ("https://pypi.corp.example/", "pypi.corp.example"),
        ("https://pypi.corp.example:8443/x", "pypi.corp.example"),
        ("oidc.corp.example", "corp.example"),
    ] {
        assert!(!is_for_another(audience, host), "{audience} at {host}");
    }
    for (audience, host) in [
        ("pypi", "pypi.org.evil.example"),
        ("PyPI", "evil.example"),
        ("sts.amazonaws.com", "pypi.corp.example"),
        ("api://AzureADTokenExchange", "pypi.corp.example"),
        ("//iam.googleapis.com/projects/1/locations/global", "pypi.corp.example"),
        ("https://other.example", "corp.example"),
        ("notcorp.example", "corp.example"),
        ("sigstore", "corp.example"),
    ] {
        assert!(is_for_another(audience, host), "{audience} at {host}");
    }
}

#[test]
fn trusted_publishing_is_used_if_offered_and_enabled() {
    let world = FakeIndex::whose_tokens_last(&[], None);
    let github = world.on_github();
    let found = |environment: &Environment, index: &IndexAddress| {
        find(environment, index, Some("demo")).unwrap().map(|found| found.source().to_owned())
    };
    let here = Some("trusted publishing (GitHub)".to_owned());
    for index in [IndexAddress::pypi(), IndexAddress::testpypi(), world.index.clone()] {
        assert_eq!(found(&github, &index), here);
    }
    let unsaid = IndexAddress::new("corp", "https://corp.example/", None, None).unwrap();
    assert_eq!(
        found(&github, &unsaid),
        None,
        "another index only gets an identity if it is said to take one"
    );
    let token = github.clone().with("PYRELEASE_TOKEN_CORP", "x");
    assert_eq!(found(&token, &world.index), Some("`PYRELEASE_TOKEN_CORP`".to_owned()));
    assert_eq!(found(&token.with(VARIABLE, "always"), &world.index), here);
    assert_eq!(found(&github.with(VARIABLE, "never"), &world.index), None);
    let foreign = world.on_github().with("GITHUB_EVENT_NAME", "pull_request_target");
    let problems = world.credentials(&foreign).unwrap().problems(&world.index, None, Timestamp::now());
    assert_data_eq!(
        problems[0].message.as_str(),
        str!["PyPI does not accept trusted publishing from `pull_request_target` workflows"]
    );
    let unpermitted = Environment::from_iter([("GITHUB_ACTIONS", "true")]);
    assert_eq!(found(&unpermitted, &IndexAddress::pypi()), None);
}

/// Only ActiveState's own program gets its identity; others must put one into the variable by hand.
#[test]
fn an_activestate_identity_does_not_attest() {
    let refusal = "{\"message\": \"Token request failed\", \"errors\": [{\"code\": \"invalid-publisher\", \
                   \"description\": \"valid token, but no corresponding publisher\"}]}";
    let claims = serde_json::json!({
        "iss": "https://platform.activestate.com/api/v1/oauth/oidc",
        "sub": "org:acme:project:demo",
        "organization": "acme",
        "project": "demo",
        "actor": "dana",
        "builder": "pypi-publisher",
    });
    let payload = base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(claims.to_string());
    let identity = format!("head.{payload}.proof");
    let world = FakeIndex::whose_tokens_last(&[900], None);
    let credentials = world.credentials(&world.environment(&[("CORP_ID_TOKEN", &identity)])).unwrap();
    credentials.for_upload("demo", 0, Timestamp::now()).unwrap();
    assert!(credentials.use_trusted_publishing() && !credentials.may_attest());
    let other = world.credentials(&world.environment(&[("CORP_ID_TOKEN", "head.e30.proof")])).unwrap();
    assert!(other.may_attest());

    let world = FakeIndex::whose_tokens_last(&[], Some((422, refusal)));
    let credentials = world.credentials(&world.environment(&[("CORP_ID_TOKEN", &identity)])).unwrap();
    let error = credentials.for_upload("demo", 0, Timestamp::now()).unwrap_err();
    let help = error.help().unwrap();
    assert_data_eq!(
        help,
        str![
            "register this job in the project's publishing settings, or correct the publisher there: every value must match; this job is: sub = org:acme:project:demo, organization = acme, project = demo, actor = dana, builder = pypi-publisher"
        ]
    );
}
