//! Compares tokens with pymacaroons, the library that PyPI uses, in both directions.

use pyrelease::python::token::{Caveat, Macaroon, Token};
use pyrelease_test_support::{Python, Sandbox};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

/// Reads a list of tokens with their root keys, prints the contents of each or that its signature is wrong, and creates
/// the same tokens itself.
const THEIRS: &str = "
import json
from pymacaroons import MACAROON_V2, Macaroon, Verifier

def judge(token, root):
    macaroon = Macaroon.deserialize(token.removeprefix('pypi-'))
    verifier = Verifier()
    verifier.satisfy_general(lambda caveat: True)
    try:
        signed = verifier.verify(macaroon, root)
    except Exception:
        signed = False
    texts = [caveat.caveat_id.decode() for caveat in macaroon.caveats]
    identifier = macaroon.identifier.decode()
    return {'signed': signed, 'location': macaroon.location, 'identifier': identifier, 'texts': texts}

def make(root, location, identifier, texts):
    macaroon = Macaroon(location=location, identifier=identifier, key=root, version=MACAROON_V2)
    for text in texts:
        macaroon.add_first_party_caveat(text)
    return 'pypi-' + macaroon.serialize()

cases = json.load(open('cases.json'))
answers = [{'found': judge(case['token'], case['root']), 'forged': judge(case['token'], case['root'] + 'x')['signed'],
    'made': make(case['root'], case['location'], case['identifier'], case['texts'])} for case in cases]
print(json.dumps(answers))
";

#[test]
fn tokens_match_pymacaroons_both_ways() {
    let long = Caveat::ProjectName((0..200).map(|number| format!("project-{number}")).collect());
    let lists: [&[Caveat]; 5] = [
        &[],
        &[Caveat::RequestUser("0cf7cd4b-4b9c-4b0c-8f6c-0a4bf9f6d1cd".to_owned())],
        &[Caveat::project("Demo.Pkg"), Caveat::Expiration { not_before: 1, expires_at: 2 }],
        &[Caveat::OidcPublisher("x".to_owned()), Caveat::ProjectId(vec!["a".to_owned()]), Caveat::Everything],
        &[long],
    ];
    let mut cases = Vec::new();
    for (number, caveats) in lists.iter().enumerate() {
        for location in ["pypi.org", "test.pypi.org", "127.0.0.1"] {
            let (root, identifier) = (format!("root {number}"), format!("identifier {number}"));
            let token = Token::of(Macaroon::new(root.as_bytes(), location, &identifier)).narrowed(caveats);
            let texts: Vec<_> = token.macaroon().caveats().map(String::from_utf8_lossy).collect();
            let secret = token.to_secret();
            cases.push(json!({
                "root": root, "location": location, "identifier": identifier, "texts": texts,
                "token": secret.expose_secret(),
            }));
        }
    }
    let sandbox = Sandbox::new();
    fs_err::write(sandbox.root().join("cases.json"), json!(cases).to_string()).unwrap();
    let answers = Python::get().run(sandbox.root(), &["-c", THEIRS]);
    let answers: Vec<Value> = serde_json::from_str(&answers).unwrap();
    assert_eq!(answers.len(), cases.len());
    for (case, answer) in cases.iter().zip(answers) {
        let found = json!({
            "signed": true, "location": case["location"], "identifier": case["identifier"], "texts": case["texts"],
        });
        assert_eq!(answer["found"], found);
        assert_eq!(answer["forged"], false, "another root key is noticed");
        assert_eq!(answer["made"], case["token"]);
        let theirs = Token::parse(answer["made"].as_str().unwrap()).unwrap();
        assert!(theirs.macaroon().is_signed_by(case["root"].as_str().unwrap().as_bytes()));
        let narrowed = theirs.narrowed(&[Caveat::project("less")]);
        assert!(narrowed.macaroon().is_signed_by(case["root"].as_str().unwrap().as_bytes()));
    }
}
