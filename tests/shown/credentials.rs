//! `pyrelease token show`: what the credentials are for, and never what they are.

use pyrelease_test_support::Transcript;

use crate::release::credentials::{Caveat, narrowed};
use crate::release::drilled::Local;

#[test]
fn what_a_token_is_for() {
    let local = Local::new();
    let mut seen = Transcript::named("token");
    let until = Caveat::Expiration { not_before: 1_700_000_000, expires_at: 4_000_000_000 };
    let good = narrowed(&local.public.token, &[Caveat::project("demo"), until]);
    let dead = narrowed(&local.public.token, &[Caveat::Expiration { not_before: 0, expires_at: 1 }]);
    let show = |args: &str, token: &str| local.project.pyrelease(args).env("PYRELEASE_TOKEN_PYPI", token);
    seen.heading("a token for one project, until a day; and none for the other index");
    seen.add(&show("token show", &good).code(0));
    seen.heading("it is another project's");
    seen.add(&show("token show --project other", &good).code(0));
    seen.heading("it has expired, or lost its end");
    seen.add(&show("token show pypi", &dead).run());
    // Cut between two groups of four characters, which can be decoded.
    let cut = good.len() - 9;
    let cut = cut - (cut - "pypi-".len()) % 4;
    seen.add(&show("token show pypi", &good[..cut]).code(3));
    seen.heading("there is none, and no such index");
    seen.add(&show("token show testpypi", &good).code(3));
    seen.add(&show("token show pipy", &good).code(2));
    seen.heading("a release is refused before anything happens");
    seen.add(&show("run minor --yes", &dead).code(3));
    seen.assert();
}
