//! The sources of tokens, what is sent, and which commands get them.

mod hosts;
#[cfg(unix)]
mod keyring;
mod macaroons;
mod publishing;

pub(crate) use pyrelease::python::token::Caveat;
use pyrelease::python::token::{Macaroon, Token};
use pyrelease_test_support::{Config, Transcript, assert_data_eq, str};
use secrecy::{ExposeSecret as _, SecretString};

use super::drilled::Local;

/// A token with restrictions.
pub(crate) fn narrowed(token: &SecretString, caveats: &[Caveat]) -> String {
    let token = Token::parse(token.expose_secret()).expect("a token of the index");
    token.narrowed(caveats).to_secret().expose_secret().to_owned()
}

#[test]
fn an_unusable_token_is_refused_before_anything_happens() {
    let mut seen =
        Transcript::named("credentials/a-token-that-will-not-do-is-refused-before-anything-happens");
    let local = Local::new();
    let before = local.project.snapshot();
    let other = narrowed(&local.public.token, &[Caveat::project("other")]);
    let dead = narrowed(&local.rehearsal.token, &[Caveat::Expiration { not_before: 0, expires_at: 1 }]);
    // A token that cannot be parsed is left to the index.
    let unknown = narrowed(&local.public.token, &[Caveat::Unknown("[77,\"x\"]".to_owned())]);
    let said = local.pyrelease("run minor --dry-run").env("PYRELEASE_TOKEN_PYPI", unknown).code(0);
    said.messages_eq(str![[r#"
warning: [pypi] the token in `PYRELEASE_TOKEN_PYPI` has an unknown restriction: [77,"x"]

"#]]);
    let run = |args: &str| {
        local.pyrelease(args).env("PYRELEASE_TOKEN_PYPI", &other).env("PYRELEASE_TOKEN_TESTPYPI", &dead)
    };
    let refused = run("run minor --yes").code(3);
    seen.add_error(&refused);
    // `--force` continues, and the index decides.
    let forced = run("run minor --yes --force").code(1);
    seen.add_error(&forced);
    assert!(local.rehearsal.files().is_empty() && local.public.files().is_empty());
    local.project.assert_unchanged(&before);
    local.project.assert_no_debris();
    seen.assert();
}

#[test]
fn one_file_has_a_token_for_each_project() {
    let local = Local::new();
    let section = |name: &str, token: &str| format!("[{name}]\nusername = __token__\npassword = {token}\n");
    let other = narrowed(&local.public.token, &[Caveat::project("other")]);
    let demo = narrowed(&local.public.token, &[Caveat::project("demo")]);
    let repositories = ["testpypi", "pypi"].map(|name| {
        let index = if name == "pypi" { &local.public } else { &local.rehearsal };
        let upload = index.upload_url();
        section(name, local.rehearsal.token.expose_secret())
            .replace(&format!("[{name}]\n"), &format!("[{name}]\nrepository = {upload}\n"))
    });
    let text = [repositories.concat(), section("pypi:other", &other), section("pypi:Demo", &demo)].concat();
    local.project.sandbox().write_home("tokens/all", &text);
    let file = local.project.sandbox().home().join("tokens/all");
    let released = local.project.pyrelease("run minor --yes -v --config-file").arg(&file).code(0);
    released.messages_eq(str![[r#"
note: [changelog] CHANGELOG.md (Markdown) becomes
note: [build] `python -m build` with [CACHE]/tools/[OID]/bin/python
note: [testpypi] the credentials for `testpypi` are from `[testpypi]` of `[ROOT]/home/tokens/all`
note: [pypi] the credentials for `pypi` are from `[pypi:Demo]` of `[ROOT]/home/tokens/all`

"#]]);
    local.is_released(local.project.repository());

    let missing = local.project.pyrelease("run minor --dry-run --config-file nowhere").code(3);
    missing.assert_error_shown("credentials/one-file-has-a-token-for-each-project");
}

#[cfg(unix)]
#[test]
fn a_file_that_others_can_read_is_warned_about_with_the_way_out() {
    use std::os::unix::fs::PermissionsExt as _;
    let local = Local::new();
    let text = format!(
        "[testpypi]\nrepository = {}\npassword = {}\n",
        local.rehearsal.upload_url(),
        local.rehearsal.token.expose_secret()
    );
    local.project.sandbox().write_home(".pypirc", &text);
    let file = local.project.sandbox().home().join(".pypirc");
    fs_err::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let said = local.project.pyrelease("run minor --dry-run").code(0);
    said.assert_shown("credentials/a-file-that-others-can-read-is-warned-about-with-the-way-out");
}

/// Only the command that requests a secret gets it, no other command and no hook.
#[cfg(unix)]
#[test]
fn only_the_command_that_requests_a_secret_gets_it() {
    let mut shown = Transcript::named("credentials/a-secret-is-in-the-environment-of-whoever-asked-for-it");
    let stages = "stages = [\"version\", \"ask\", \"tag\", \"other\"]\n";
    let spy = |name: &str, variables: &[&str]| {
        let config = Config::default().stage(name).shell("env > $SEEN/$PYRELEASE_STAGE");
        config.set("environment", variables)
    };
    let asking = spy("ask", &["TWINE_PASSWORD", "CI_JOB_JWT"]);
    let project = super::quick().config(&[stages, &asking, &spy("other", &[])].concat()).build();
    let seen = project.sandbox().root().join("seen");
    fs_err::create_dir(&seen).unwrap();
    project.hook_with(
        "pre-commit",
        &[("FILE", &seen.join("hook").display().to_string())],
        "env > \"$FILE\"\n",
    );
    let secrets = [
        "PYRELEASE_TOKEN_PYPI",
        "TWINE_PASSWORD",
        "UV_PUBLISH_TOKEN",
        "UV_PUBLISH_PASSWORD",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "PYPI_ID_TOKEN",
    ];
    let run = project.pyrelease("run minor --yes").env("SEEN", &seen).env("HARMLESS", "seen by all");
    let run = secrets.iter().fold(run, |run, name| run.env(*name, format!("secret-of-{name}")));
    shown.add(&run.code(0));
    let read = |who: &str| fs_err::read_to_string(seen.join(who)).unwrap();
    for who in ["ask", "other", "hook"] {
        assert!(read(who).contains("HARMLESS=seen by all"), "{who}");
        let found: Vec<_> =
            secrets.iter().filter(|name| read(who).contains(&format!("secret-of-{name}"))).collect();
        let expected: &[&&str] = if who == "ask" { &[&"TWINE_PASSWORD"] } else { &[] };
        assert_eq!(found, expected, "{who}");
    }
    let wrong = super::quick().config(&[stages, &spy("ask", &["PATH"]), &spy("other", &[])].concat());
    let wrong = wrong.build().pyrelease("plan minor").code(2);
    shown.add_error(&wrong);
    shown.assert();
}

#[test]
fn the_scope_of_a_token_is_shown_but_not_the_token() {
    let local = Local::new();
    let until = Caveat::Expiration { not_before: 1_700_000_000, expires_at: 4_000_000_000 };
    let token = narrowed(&local.public.token, &[Caveat::project("demo"), until]);
    let show = |args: &str| local.project.pyrelease(args).env("PYRELEASE_TOKEN_PYPI", &token);
    show("token show pypi").code(0).stdout_eq(str![[r#"
pypi (http://127.0.0.1:[PORT]/legacy/)
  kind        token
  source      `PYRELEASE_TOKEN_PYPI`
  issuer      127.0.0.1
  projects    demo
  expires     [TIME]
  not before  [TIME]
  user        [UUID]

"#]]);
    let all = show("token show --project other --format json").code(0);
    let all = all.events();
    let pypi = all.iter().find(|index| index["index"] == "pypi").unwrap();
    assert_eq!(pypi["kind"], "token");
    assert_eq!(pypi["scope"]["projects"][0], "demo");
    assert_eq!(pypi["scope"]["expires"], "2096-10-02T07:06:40Z");
    assert_data_eq!(
        pypi["concerns"][0]["message"].as_str().unwrap(),
        str!["the token in `PYRELEASE_TOKEN_PYPI` cannot be used: it is for demo, not for other"]
    );
    let nothing = all.iter().find(|index| index["index"] == "testpypi").unwrap();
    assert_eq!(nothing["kind"], "none");

    let damaged = |args: &str| show(args).env("PYRELEASE_TOKEN_PYPI", &token[..token.len() - 9]);
    let kinds = damaged("token show --format json").code(0);
    assert_eq!(kinds.events()[0]["kind"], "damaged", "{kinds}");
    damaged("token show --index pypi").code(3);
}

/// A token cut where no base64 text ends, however long it is.
fn without_its_end(token: &str) -> String {
    let body = token.len() - "pypi-".len();
    token[..token.len() - 8 - (body + 3) % 4].to_owned()
}

/// The run is interrupted when half of the release is public, and then the token is missing or replaced.
#[test]
fn a_run_resumes_only_with_a_usable_token() {
    let mut seen = Transcript::named("credentials/a-run-goes-on-only-with-a-token-that-will-do");
    let local = Local::new();
    local.killed("done: demo-1.1.0-py3-none-any.whl on pypi");
    let there = local.public.files();
    assert_eq!(there.len(), 1);
    let good = &local.public.token;
    let foreign = Macaroon::new(b"root", "pypi.org", "id");
    let resume = |token: &str| local.pyrelease("resume --yes").env("PYRELEASE_TOKEN_PYPI", token);
    for token in [
        narrowed(good, &[Caveat::project("other")]),
        narrowed(good, &[Caveat::Expiration { not_before: 0, expires_at: 1 }]),
        Token::of(foreign).to_secret().expose_secret().to_owned(),
        without_its_end(good.expose_secret()),
    ] {
        let refused = resume(&token).code(4);
        seen.add_error(&refused);
        assert_eq!(local.public.files(), there);
        assert_eq!(local.status()["next"], serde_json::json!(["pyrelease resume"]));
    }
    // With `--force` the index decides; public files stay.
    let other = narrowed(good, &[Caveat::project("other")]);
    let forced = resume(&other);
    let forced = forced.arg("--force").code(4);
    seen.add_error(&forced);
    resume(good.expose_secret()).code(0);
    local.is_released(local.project.repository());
    seen.assert();
}

#[test]
fn all_sections_of_pypirc_are_shown_without_secrets() {
    let local = Local::new();
    let until = Caveat::Expiration { not_before: 1, expires_at: 4_000_000_000 };
    let broad = local.public.token.expose_secret();
    let other = narrowed(&local.public.token, &[Caveat::project("other"), until]);
    let dead = narrowed(&local.public.token, &[Caveat::Expiration { not_before: 0, expires_at: 1 }]);
    let upload = local.public.upload_url();
    let sections = [
        ("pypi", format!("repository = {upload}\npassword = {broad}")),
        ("pypi:other", format!("password = {other}")),
        ("pypi:Third", format!("password = {dead}")),
        ("corp", "repository = https://corp.example/legacy/\npassword = hunter2-is-a-token".to_owned()),
        ("work", "username = alice\npassword = hunter2-is-a-password".to_owned()),
        ("empty", "username = bob".to_owned()),
    ];
    let text: String = sections.iter().map(|(name, lines)| format!("[{name}]\n{lines}\n")).collect();
    local.project.sandbox().write_home(".pypirc", &text);

    let shown = local.project.pyrelease("token show").code(0);
    shown.assert_shown("token-pypirc");
    for secret in [broad, &other, &dead, "hunter2"] {
        assert!(!shown.stdout().contains(secret) && !shown.stderr().contains(secret), "{shown}");
    }
    let listed = local.project.pyrelease("token show --format json").code(0);
    let listed = listed.events();
    let of =
        |name: &str| format!("`[{name}]` of `{}`", local.project.sandbox().home().join(".pypirc").display());
    let entry = |name: &str| {
        let mut all = listed.iter().filter(|entry| entry["source"] == of(name));
        (all.next().unwrap_or_else(|| panic!("{name} in {listed:?}")), all.count())
    };
    assert_eq!(entry("pypi").0["project"], serde_json::Value::Null);
    assert_eq!((&entry("pypi:other").0["project"], entry("pypi:other").1), (&"other".into(), 0));
    assert_eq!(entry("pypi:other").0["scope"]["expires"], "2096-10-02T07:06:40Z");
    assert_eq!(entry("corp").0["kind"], "opaque");
    assert_eq!(
        (&entry("work").0["kind"], &entry("work").0["username"]),
        (&"password".into(), &"alice".into())
    );
    // A query for one index reports only that one.
    let [pypi] = &local.project.pyrelease("token show pypi --format json").code(0).events()[..] else {
        panic!()
    };
    assert_eq!(pypi["index"], "pypi");
}
