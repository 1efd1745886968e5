//! A release on a GitHub runner without a token: the index issues one just before the first upload.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use pyrelease::python::token::{Caveat, Token};
use pyrelease::world::sha256;
use pyrelease_test_support::distribution::{sdist, wheel};
use pyrelease_test_support::{Config, Transcript, str};
use secrecy::ExposeSecret as _;

use super::super::drilled::Local;
use super::super::front::{Front, authority};
use super::super::issuer::{Issuer, attestation, mint_request};
use super::super::{QUICK, quick};

/// The project of a [`Local`], released to its public index through a front.
fn through(front: &Front, local: &Local) -> pyrelease_test_support::Project {
    let simple = local.public.upload_url().replace("/legacy/", "/simple/");
    let config = Config::stages("version tag build pypi")
        .server("pypi", &format!("http://{}/legacy/", front.address), &simple)
        .set("trusted-publishing", true);
    quick().config(&config.lines(QUICK)).build()
}

#[test]
fn a_token_is_made_when_the_first_file_is_to_be_sent_and_burnt_at_the_end() {
    let mut seen = Transcript::named(
        "publishing/a-token-is-made-when-the-first-file-is-to-be-sent-and-burnt-at-the-end",
    );
    let local = Local::new();
    let mint = "{\"success\": true, \"token\": \"@token@\"}";
    let front = Front::before(&local.public.upload_url(), local.public.token.expose_secret(), mint);
    let project = through(&front, &local);
    let on_github = |args: &str| front.on_github(project.pyrelease(args));
    on_github("plan minor").code(0);
    seen.add(&on_github("run minor --dry-run -v").code(0));
    seen.add(&on_github("token show pypi").code(0));
    on_github("doctor").code(0).messages_eq(str![[r#"
note: [pypi] `pypi` has no project `demo` yet: a pending publisher creates it, and expires [DAYS] days after it was registered
help: check in the account's publishing settings that it is still there

"#]]);
    assert_eq!(front.asked(), [""; 0], "nothing is asked before a release");

    on_github("run minor --yes").code(0);
    let asked = front.asked();
    let order = [
        "GET /_/oidc/audience",
        "GET /id?v=2&audience=here",
        "POST /_/oidc/mint-token",
        "POST /legacy/",
        "POST /_/oidc/burn-token",
    ];
    let first = |line: &str| asked.iter().position(|asked| asked == line);
    let places: Vec<_> =
        order.iter().map(|line| first(line).unwrap_or_else(|| panic!("no {line} in {asked:?}"))).collect();
    assert!(places.is_sorted(), "{asked:?}");
    assert_eq!(asked.last().map(String::as_str), Some("POST /_/oidc/burn-token"));
    assert_eq!(asked.iter().filter(|line| line.ends_with("mint-token")).count(), 1, "{asked:?}");
    assert_eq!(local.public.files().len(), 2);
    // The project is there.
    on_github("doctor").run().messages_eq(str![]);

    let signed = front.signed.lock().unwrap();
    assert_eq!(signed.len(), asked.iter().filter(|line| *line == "POST /legacy/").count());
    for header in signed.iter() {
        let pair = BASE64_STANDARD.decode(header.trim_start_matches("Basic ")).unwrap();
        let pair = String::from_utf8(pair).unwrap();
        let sent = Token::parse(pair.strip_prefix("__token__:").unwrap()).unwrap();
        let whole = Token::parse(local.public.token.expose_secret()).unwrap();
        let more = &sent.caveats()[whole.caveats().len()..];
        assert!(
            matches!(more, [project, Caveat::Expiration { .. }] if *project == Caveat::project("demo")),
            "no whole token leaves this machine, but one for: {more:?}"
        );
    }
    seen.assert();
}

#[test]
fn a_publisher_that_nobody_registered_changes_nothing() {
    let local = Local::new();
    let mint = "{\"message\": \"Token request failed\", \"errors\": [{\"code\": \"invalid-publisher\", \
                \"description\": \"valid token, but no corresponding publisher\"}]}";
    let front = Front::before(&local.public.upload_url(), "", mint);
    let project = through(&front, &local);
    let before = project.snapshot();
    let outcome = front.on_github(project.pyrelease("run minor --yes")).code(1);
    outcome.assert_error_shown("publishing/a-publisher-that-nobody-registered-changes-nothing");
    project.assert_unchanged(&before);
    assert!(local.public.files().is_empty());
}

/// A token for a pending publisher creates the project permanently, so `--probe` must not request one.
#[test]
fn a_probe_makes_no_token_for_a_project_that_is_not_there_yet() {
    let mut seen = Transcript::named("publishing/a-probe-makes-no-token-for-a-project-that-is-not-there-yet");
    let local = Local::new();
    let mint = "{\"success\": true, \"token\": \"@token@\"}";
    let front = Front::before(&local.public.upload_url(), local.public.token.expose_secret(), mint);
    let project = through(&front, &local);
    let outcome = front.on_github(project.pyrelease("run minor --yes --probe")).code(0);
    seen.add(&outcome);
    let uploads = |front: &Front| front.asked().iter().filter(|line| *line == "POST /legacy/").count();
    assert_eq!((uploads(&front), local.public.files().len()), (2, 2));

    let outcome = front.on_github(project.pyrelease("run 2.0.0 --yes --probe")).code(0);
    seen.add(&outcome);
    assert_eq!((uploads(&front), local.public.files().len()), (6, 4));
    seen.assert();
}

#[test]
fn an_attestation_goes_along_with_a_token_of_a_trusted_publisher_and_with_no_other() {
    let mut seen = Transcript::named(
        "publishing/an-attestation-goes-along-with-a-token-of-a-trusted-publisher-and-with-no-other",
    );
    let (mut local, issuer) = (Local::new(), Issuer::new());
    local.public.trust(&issuer);
    let minted = {
        let mut stream = TcpStream::connect(authority(&local.public.upload_url())).unwrap();
        stream.write_all(mint_request(&issuer.identity(&[])).as_bytes()).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        let reply: serde_json::Value = serde_json::from_str(reply.split_once("\r\n\r\n").unwrap().1).unwrap();
        reply["token"].as_str().unwrap().to_owned()
    };
    let mint = "{\"success\": true, \"token\": \"@token@\"}";
    let front = Front::before(&local.public.upload_url(), &minted, mint);
    let project = through(&front, &local);
    let folder = project.sandbox().root().join("files");
    let upload = || project.pyrelease(&format!("upload {} --index pypi --yes", folder.display()));
    let attested = |version: &str| {
        let _ = fs_err::remove_dir_all(&folder);
        fs_err::create_dir(&folder).unwrap();
        let path = wheel(&folder, "demo", version, "any", "hello");
        sdist(&folder, "demo", version, "hello");
        let beside = folder.join(format!("demo-{version}-py3-none-any.whl.publish.attestation"));
        let name = path.file_name().unwrap().to_str().unwrap();
        fs_err::write(&beside, attestation(name, &sha256(&path).unwrap().0).to_string()).unwrap();
        beside
    };

    // An invalid attestation, or one of another build, is found before any request.
    let beside = attested("2.0");
    let sound = fs_err::read_to_string(&beside).unwrap();
    for text in ["", "?", &attestation("other", "0").to_string()] {
        fs_err::write(&beside, text).unwrap();
        seen.add_error(&front.on_github(upload()).code(1));
    }
    assert_eq!(front.asked(), [""; 0]);

    fs_err::write(&beside, sound).unwrap();
    let with_a_token = upload().env("PYRELEASE_TOKEN_PYPI", local.public.token.expose_secret()).code(0);
    seen.add(&with_a_token);
    let written = fs_err::read_to_string(attested("3.0")).unwrap();
    front.on_github(upload()).code(0).messages_eq(str![[r#"
warning: [check] `demo-3.0-py3-none-any.whl` and `demo-3.0.tar.gz`: the metadata has no license (demo-3.0.dist-info/METADATA) [no-license]
help: set `license`, such as `license = "MIT"`: in [project] of pyproject.toml, [metadata] of setup.cfg, or `setup()`
warning: [check] `demo-3.0-py3-none-any.whl` and `demo-3.0.tar.gz`: the metadata has no `Requires-Python` (demo-3.0.dist-info/METADATA) [no-requires-python]
help: set `requires-python = ">=3.9"` in [project] of pyproject.toml, or `python_requires` in [options] of setup.cfg or in `setup()`

"#]]);
    let sent = front.field("attestations");
    let [None, None, Some(attestations), None] = &sent[..] else { panic!("{sent:?}") };
    let [attestations, written] =
        [attestations, &written].map(|text| serde_json::from_str::<serde_json::Value>(text).unwrap());
    assert_eq!(attestations, serde_json::json!([written]));
    seen.assert();
}
