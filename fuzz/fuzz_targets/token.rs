//! API tokens: any bytes as a macaroon, and any text as a token and as a restriction.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pyrelease::python::token::{Caveat, Macaroon, Token};
use secrecy::ExposeSecret as _;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let _ = Token::parse(&text);
    if let Ok(macaroon) = Macaroon::parse(bytes) {
        let token = Token::of(macaroon);
        let secret = token.to_secret();
        let again = Token::parse(secret.expose_secret()).expect("what is written can be read");
        assert_eq!(again.to_secret().expose_secret(), secret.expose_secret());
        assert!(!token.macaroon().is_signed_by(b"a key that nobody has"));
        let _ = token.scope();
        for caveat in token.caveats() {
            assert!(!caveat.to_string().chars().any(char::is_control));
        }
        let narrowed = token.narrowed(&[Caveat::project("demo")]);
        assert_eq!(narrowed.caveats().len(), token.caveats().len() + 1);
    }
});
