//! An issuer of identities for trusted publishing, and attestations.

#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::path::Path;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

pub(super) const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// An issuer of identities
pub(super) struct Issuer {
    key: EcdsaKeyPair,
    random: SystemRandom,
}

impl Issuer {
    pub(super) fn new() -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let key =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
        Self { key, random }
    }

    /// Its public key, as a JWK Set.
    fn keys(&self) -> String {
        let point = self.key.public_key().as_ref();
        let [x, y] = [&point[1..33], &point[33..]].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
        let key = json!({ "kty": "EC", "crv": "P-256", "kid": "one", "x": x, "y": y });
        json!({ "keys": [{ "kty": "unheard-of" }, key] }).to_string()
    }

    pub(super) fn sign(&self, header: &Value, claims: &Value) -> String {
        let encode = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(header), encode(claims));
        let signature = self.key.sign(&self.random, signed.as_bytes()).unwrap();
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }

    /// Makes an index trust it for the project `demo`, from its next start on.
    pub(super) fn is_trusted_by(&self, folder: &Path) {
        fs_err::write(folder.join("keys.json"), self.keys()).unwrap();
        let workflow = "octo/demo/.github/workflows/release.yml@*";
        let settings = format!(
            "[[trusted-publishing.publisher]]\nissuer = \"{ISSUER}\"\nkeys = \"keys.json\"\nprojects = [\"Demo\"]\n\
             claims = {{ repository = \"octo/demo\", job_workflow_ref = \"{workflow}\" }}\n"
        );
        fs_err::write(folder.join("index.toml"), settings).unwrap();
    }

    /// An identity with these claims changed.
    pub(super) fn identity(&self, changes: &[(&str, Value)]) -> String {
        let now = Timestamp::now().as_second();
        let mut claims = json!({
            "iss": ISSUER,
            "aud": "pypi",
            "exp": now + 300,
            "nbf": now,
            "iat": now,
            "jti": format!("{:?}", changes),
            "repository": "octo/demo",
            "job_workflow_ref": "octo/demo/.github/workflows/release.yml@refs/heads/main",
        });
        for (name, value) in changes {
            claims[*name] = value.clone();
        }
        self.sign(&json!({ "alg": "ES256", "kid": "one" }), &claims)
    }

    /// The identity of a pipeline of GitLab's for this audience.
    pub(super) fn identity_of_gitlab(&self, audience: &str) -> String {
        self.identity(&[
            ("iss", json!("https://gitlab.com")),
            ("aud", json!(audience)),
            ("sub", json!("project_path:group/demo:ref_type:branch:ref:main")),
            ("project_path", json!("group/demo")),
            ("project_visibility", json!("public")),
            ("ci_config_ref_uri", json!("gitlab.com/group/demo//ci/release.yml@refs/heads/main")),
            ("sha", json!("0123456789012345678901234567890123456789")),
            ("ref_path", json!("refs/heads/main")),
        ])
    }
}

/// The request that exchanges an identity for a token.
pub(super) fn mint_request(identity: &str) -> String {
    let body = json!({ "token": identity }).to_string();
    let head = "POST /_/oidc/mint-token HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close";
    format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// An attestation of a file, with no real signature.
pub(super) fn attestation(filename: &str, sha256: &str) -> Value {
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": filename, "digest": { "sha256": sha256 } }],
        "predicateType": "https://docs.pypi.org/attestations/publish/v1",
        "predicate": null,
    });
    json!({
        "version": 1,
        "verification_material": { "certificate": "eA==", "transparency_entries": [{}] },
        "envelope": { "statement": BASE64_STANDARD.encode(statement.to_string()), "signature": "eA==" },
    })
}
