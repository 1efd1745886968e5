//! Trusted publishing and attestations: an identity becomes a token, and the token's uploads may be attested.

#![expect(clippy::unwrap_used, reason = "these are tests")]

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;
use pyrelease::world::sha256;
use pyrelease_test_support::distribution::wheel;
use serde_json::{Value, json};

use super::super::issuer::{ISSUER, Issuer, attestation, mint_request};
use super::{Reply, ServedIndex};

/// An index that trusts an issuer for the project `demo`.
fn trusting(issuer: &Issuer) -> ServedIndex {
    let mut index = ServedIndex::start(&[]);
    issuer.is_trusted_by(&index.folder());
    index.end("TERM");
    index.run();
    index
}

fn mint(index: &ServedIndex, identity: &str) -> Reply {
    index.raw(mint_request(identity).as_bytes()).unwrap()
}

#[test]
fn an_identity_becomes_a_token_for_its_projects_once() {
    let issuer = Issuer::new();
    let index = trusting(&issuer);
    assert_eq!(index.get("/_/oidc/audience", "*/*").has(200).json(), json!({ "audience": "pypi" }));
    let identity = issuer.identity(&[]);
    let minted = mint(&index, &identity).has(200).json();
    assert_eq!(minted["success"], true);
    let token = minted["token"].as_str().unwrap();
    let again = mint(&index, &identity).has(422).json();
    assert_eq!(again["errors"][0]["code"], "invalid-reuse-token");

    let [demo, other] =
        ["demo", "other"].map(|name| wheel(index.sandbox.root(), name, "1.0", "any", "hello"));
    index.try_upload_as(token, &demo, &[]).unwrap().has(200);
    let refused = index.try_upload_as(token, &other, &[]).unwrap().has(403);
    assert!(
        refused.text().contains("OIDC scoped token is not valid for project 'other'"),
        "{}",
        refused.text()
    );
}

#[test]
fn an_identity_that_is_not_the_publishers_is_refused_in_pypis_words() {
    let issuer = Issuer::new();
    let index = trusting(&issuer);
    let now = Timestamp::now().as_second();
    let forged = {
        let identity = issuer.identity(&[]);
        let (signed, _) = identity.rsplit_once('.').unwrap();
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode([0; 64]))
    };
    let unsigned = {
        let identity = issuer.sign(&json!({ "alg": "none" }), &json!({ "iss": ISSUER, "aud": "pypi" }));
        format!("{}.", identity.rsplit_once('.').unwrap().0)
    };
    for (identity, code) in [
        ("x".to_owned(), "invalid-payload"),
        (issuer.identity(&[("iss", json!("https://evil.example"))]), "invalid-payload"),
        (forged, "invalid-token"),
        (unsigned, "invalid-token"),
        (Issuer::new().identity(&[]), "invalid-token"),
        (issuer.identity(&[("aud", json!("testpypi"))]), "invalid-token"),
        (issuer.identity(&[("aud", json!(["pypi", "other"]))]), "invalid-token"),
        (issuer.identity(&[("exp", json!(now - 60))]), "invalid-token"),
        (issuer.identity(&[("nbf", json!(now + 60))]), "invalid-token"),
        (issuer.identity(&[("jti", Value::Null)]), "invalid-token"),
        (issuer.identity(&[("repository", json!("octo/fork"))]), "invalid-publisher"),
        (issuer.identity(&[("repository", Value::Null)]), "invalid-publisher"),
        (
            issuer.identity(&[("job_workflow_ref", json!("octo/demo/.github/workflows/x.yml@a"))]),
            "invalid-publisher",
        ),
    ] {
        let refused = mint(&index, &identity).has(422).json();
        assert_eq!(refused["message"], "Token request failed");
        assert_eq!(refused["errors"][0]["code"], code, "{refused}");
    }
}

#[test]
fn an_index_without_publishers_mints_nothing() {
    let index = ServedIndex::start(&[]);
    let refused = index.get("/_/oidc/audience", "*/*").has(403).json();
    assert_eq!(refused["message"], "Trusted publishing functionality not enabled");
    assert_eq!(mint(&index, "x").has(422).json()["errors"][0]["code"], "not-enabled");
}

#[test]
fn attestations_of_a_trusted_publisher_are_served_as_provenance() {
    let issuer = Issuer::new();
    let index = trusting(&issuer);
    let demo = wheel(index.sandbox.root(), "demo", "1.0", "any", "hello");
    let (name, hash) = ("demo-1.0-py3-none-any.whl", sha256(&demo).unwrap().0);
    let sent = json!([attestation(name, &hash)]);
    let text = sent.to_string();
    let fields = [("attestations", text.as_str())];
    let token = mint(&index, &issuer.identity(&[])).has(200).json()["token"].as_str().unwrap().to_owned();

    let refused = index.try_upload(&demo, &fields).unwrap().has(400).text();
    assert!(refused.contains("Attestations are only supported when using Trusted Publishing"), "{refused}");
    for (other, words) in [
        ("[]".to_owned(), "an empty attestation set is not permitted"),
        ("x".to_owned(), "Malformed attestations"),
        (json!([attestation("other.whl", &hash)]).to_string(), "does not match distribution name"),
        (json!([attestation(name, "00")]).to_string(), "does not match distribution digest"),
    ] {
        let refused =
            index.try_upload_as(&token, &demo, &[("attestations", &other)]).unwrap().has(400).text();
        assert!(refused.contains("400 Invalid attestations supplied during upload: "), "{refused}");
        assert!(refused.contains(words), "{refused}");
    }
    let path = "/integrity/demo/1.0/demo-1.0-py3-none-any.whl/provenance";
    let missing = index.get(path, "*/*").has(404).json();
    assert_eq!(missing["message"], format!("No provenance available for {name}"));

    index.try_upload_as(&token, &demo, &fields).unwrap().has(200);
    assert_eq!(index.listing("demo")["files"][0]["provenance"], path);
    let provenance = index.get(path, "*/*").has(200);
    assert!(provenance.head.contains("application/vnd.pypi.integrity.v1+json"), "{}", provenance.head);
    let bundle = &provenance.json()["attestation_bundles"][0];
    assert_eq!(bundle["attestations"], sent);
    assert_eq!(
        bundle["publisher"],
        json!({
            "kind": "GitHub", "repository": "octo/demo", "workflow": "release.yml", "environment": null,
            "claims": null,
        })
    );
}
