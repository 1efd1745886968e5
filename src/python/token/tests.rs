//! Tokens as PyPI writes them, and as nobody should.

use proptest::prelude::*;
use snapbox::{assert_data_eq, str};

use super::*;

/// What pymacaroons makes of the root key `a root key`, the identifier `an id` and the location `pypi.org`
const UNRESTRICTED: &str = "pypi-AgEIcHlwaS5vcmcCBWFuIGlkAAAGIK-qGBsZvOKYVWjKN2830gaG-ySN-Kpa3lg-M3c7iWYK";
/// The same with the caveat `[1,["demo"]]`
const OF_A_PROJECT: &str =
    "pypi-AgEIcHlwaS5vcmcCBWFuIGlkAAIMWzEsWyJkZW1vIl1dAAAGIMQNXQ83_Und85cqCFV4otxnr6bCm-Opyaktv6AC1gn0";

#[test]
fn the_tokens_are_those_that_pypis_own_library_makes() {
    let unrestricted = Token::of(Macaroon::new(b"a root key", "pypi.org", "an id"));
    assert_eq!(unrestricted.to_secret().expose_secret(), UNRESTRICTED);
    let narrowed = unrestricted.narrowed(&[Caveat::project("demo")]);
    assert_eq!(narrowed.to_secret().expose_secret(), OF_A_PROJECT);
    assert!(Token::parse(OF_A_PROJECT).unwrap().macaroon().is_signed_by(b"a root key"));
}

fn token(caveats: &[&str]) -> Token {
    let macaroon = caveats.iter().fold(
        Macaroon::new(b"a root key", "pypi.org", "412f0000-0000-0000-0000-000000000000"),
        |macaroon, caveat| macaroon.attenuated(caveat.as_bytes().to_vec()),
    );
    Token::of(macaroon)
}

fn place<'a>(host: &'a str, project: &'a str, now: i64) -> TokenUse<'a> {
    TokenUse { host, project: Some(project), now: jiff::Timestamp::from_second(now).unwrap() }
}

fn said(token: &Token, place: TokenUse<'_>) -> String {
    token.objections(place).iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[test]
fn tokens_round_trip() {
    let one = token(&["[1,[\"demo\"]]", "{\"version\": 1, \"permissions\": \"user\"}"]);
    let secret = one.to_secret();
    assert!(secret.expose_secret().starts_with("pypi-AgEIcHlwaS5vcmcCJDQ"));
    let back = Token::parse(secret.expose_secret()).unwrap();
    assert_eq!(back.to_secret().expose_secret(), secret.expose_secret());
    assert!(back.macaroon().is_signed_by(b"a root key") && !back.macaroon().is_signed_by(b"another"));
    assert_eq!(back.caveats(), [Caveat::ProjectName(vec!["demo".to_owned()]), Caveat::Everything]);
}

#[test]
fn current_and_old_caveats_are_parsed() {
    let projects =
        |names: &[&str]| Caveat::ProjectName(names.iter().map(|name| (*name).to_owned()).collect());
    for (text, caveat) in [
        ("[0,20,10]", Caveat::Expiration { not_before: 10, expires_at: 20 }),
        ("[1,[\"Demo.Pkg\",\"x\"]]", projects(&["demo-pkg", "x"])),
        ("[2,[\"a-b\"]]", Caveat::ProjectId(vec!["a-b".to_owned()])),
        ("[3,\"a-b\"]", Caveat::RequestUser("a-b".to_owned())),
        ("[4,\"a-b\",null]", Caveat::OidcPublisher("a-b".to_owned())),
        ("{\"nbf\":10,\"exp\":20}", Caveat::Expiration { not_before: 10, expires_at: 20 }),
        ("{\"project_ids\":[\"a-b\"]}", Caveat::ProjectId(vec!["a-b".to_owned()])),
        ("{\"version\":1,\"permissions\":\"user\"}", Caveat::Everything),
        ("{\"version\":1,\"permissions\":{\"projects\":[\"demo\"]}}", projects(&["demo"])),
    ] {
        assert_eq!(Caveat::parse(text.as_bytes()), caveat, "{text}");
    }
    for text in [
        "[99,1]",
        "[]",
        "[0,1]",
        "[1,\"demo\"]",
        "[0,\"1\",2]",
        "{}",
        "7",
        "",
        "{\"version\":2,\"permissions\":\"user\"}",
        "{\"version\":1,\"permissions\":{\"projects\":[],\"more\":1}}",
        "{\"nbf\":1,\"exp\":2,\"more\":3}",
        "\u{1b}[2J",
    ] {
        let caveat = Caveat::parse(text.as_bytes());
        assert!(matches!(caveat, Caveat::Unknown(_)), "{text}");
        assert!(!caveat.to_string().contains('\u{1b}'), "{text:?}");
    }
}

#[test]
fn narrowing_only_restricts() {
    let broad = token(&["[3,\"a-b\"]"]);
    let narrow =
        broad.narrowed(&[Caveat::project("Demo.Pkg"), Caveat::Expiration { not_before: 5, expires_at: 9 }]);
    assert!(narrow.macaroon().is_signed_by(b"a root key"));
    let texts: Vec<_> = narrow.macaroon().caveats().map(String::from_utf8_lossy).collect();
    assert_eq!(texts, ["[3,\"a-b\"]", "[1,[\"demo-pkg\"]]", "[0,9,5]"]);
    assert_eq!(narrow.issuer(), "pypi.org");
    assert_ne!(narrow.to_secret().expose_secret(), broad.to_secret().expose_secret());
}

#[test]
fn objections_name_the_reason() {
    let narrow = token(&["[1,[\"demo\",\"other\"]]", "[0,20,10]"]);
    assert_eq!(said(&narrow, place("upload.pypi.org", "Demo", 15)), "");
    assert_eq!(
        said(&narrow, place("test.pypi.org", "third", 20)),
        "it was issued by pypi.org and is not valid at test.pypi.org; it is for demo, other, not for third; \
         it expired at 1970-01-01T00:00:20Z"
    );
    assert_eq!(
        said(&narrow, place("upload.pypi.org", "demo", 9)),
        "it is valid only from 1970-01-01T00:00:10Z on"
    );
    assert_data_eq!(
        said(&narrow, place("evil.example", "demo", 15)),
        str!["it was issued by pypi.org and is not valid at evil.example"]
    );
    let hostile = token(&["[1,[\"\\u001b[2J\"]]"]);
    assert!(!said(&hostile, place("upload.pypi.org", "demo", 15)).contains('\u{1b}'));
    let unknown = token(&["[99,1]"]);
    assert_eq!(said(&unknown, place("upload.pypi.org", "demo", 15)), "", "what nobody knows is not refused");
    let corp = Token::of(Macaroon::new(b"k", "internal", "x"));
    assert_eq!(
        said(&corp, place("pypi.corp.example", "demo", 15)),
        "",
        "another index may call itself anything"
    );
    assert_data_eq!(
        said(&corp, place("upload.pypi.org", "demo", 15)),
        str!["it was issued by internal and is not valid at upload.pypi.org"]
    );
}

#[test]
fn passwords_and_damaged_tokens_are_told_apart() {
    assert!(Token::is_meant("pypi-AgEIcHlwaS5vcmc") && !Token::is_meant("pypi-hunter2"));
    assert!(matches!(Token::parse("hunter2"), Err(TokenError::Prefix)));
    assert!(matches!(Token::parse("pypi-AgEI cHlw"), Err(TokenError::Base64)));
    let whole = token(&["[1,[\"demo\"]]"]).to_secret().expose_secret().to_owned();
    for length in 0..whole.len() {
        assert!(Token::parse(&whole[..length]).is_err(), "{length}");
    }
    assert!(Token::parse(&format!("{whole}=")).is_ok() || whole.len() % 4 != 3);
    assert!(Token::parse(&format!("{whole}AAAA")).is_err());
    assert!(matches!(Token::parse(&format!("pypi-{}", "A".repeat(1 << 20))), Err(TokenError::Length(_))));
}

#[test]
fn secrets_are_not_displayed() {
    let token = token(&["[1,[\"demo\"]]"]);
    let secret = token.to_secret();
    let secret = secret.expose_secret();
    let shown = format!("{token:?} {:?}", token.macaroon());
    assert!(!shown.contains(&secret[secret.len() - 20..]), "{shown}");
    let error = Token::parse(&secret[..secret.len() - 7]).unwrap_err();
    assert!(!format!("{error} {error:?}").contains(&secret[8..20]));
}

proptest! {
    #[test]
    fn hostile_bytes_are_refused_or_come_back_the_same(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(macaroon) = Macaroon::parse(&bytes) {
            let written = macaroon.to_bytes();
            let again = Macaroon::parse(written.expose_secret()).unwrap();
            let rewritten = again.to_bytes();
            prop_assert_eq!(rewritten.expose_secret(), written.expose_secret());
        }
    }

    #[test]
    fn a_token_with_a_changed_byte_is_not_signed(at in 0_usize..1000, change in 1_u8..=255) {
        let whole = token(&["[1,[\"demo\"]]", "[0,20,10]"]);
        let mut bytes = whole.macaroon().to_bytes().expose_secret().clone();
        let at = at % bytes.len();
        bytes[at] ^= change;
        if let Ok(changed) = Macaroon::parse(&bytes) {
            // Where it was issued is signed over nothing.
            prop_assert!(changed.location() != "pypi.org" || !changed.is_signed_by(b"a root key"));
        }
    }

    #[test]
    fn hostile_texts_make_no_panic(text in "pypi-[A-Za-z0-9_=-]{0,120}", caveat in ".{0,60}") {
        let _ = Token::parse(&text);
        let shown = Caveat::parse(caveat.as_bytes()).to_string();
        prop_assert!(!shown.chars().any(char::is_control));
    }

    #[test]
    fn every_caveat_survives_its_own_writing(names in proptest::collection::vec("[a-z0-9-]{1,12}", 0..4), from in any::<i64>(), until in any::<i64>()) {
        let names: Vec<String> = names.iter().map(|name| crate::python::filename::normalize(name)).collect();
        for caveat in [Caveat::ProjectName(names), Caveat::Expiration { not_before: from, expires_at: until }] {
            prop_assert_eq!(Caveat::parse(caveat.to_json().as_bytes()), caveat);
        }
    }
}
