//! The real `keyring` with a file backend, and a user on a terminal who is asked before anything is stored.

use std::ffi::OsString;

use pyrelease_test_support::distribution::wheel;
use pyrelease_test_support::{Invocation, Python, str};
use secrecy::ExposeSecret as _;

use super::super::drilled::Local;

/// Puts the `keyring` of the tests' Python on PATH, which stores its secrets in the home.
fn with_keyring<'a>(local: &Local, run: Invocation<'a>) -> Invocation<'a> {
    variables(local).into_iter().fold(run, |run, (name, value)| run.env(name, value))
}

fn variables(local: &Local) -> Vec<(&'static str, OsString)> {
    let mut path = Python::get().program().parent().expect("it is in a folder").as_os_str().to_owned();
    path.push(":");
    path.push(&local.project.sandbox().environment()[&OsString::from("PATH")]);
    vec![("PATH", path), ("PYTHON_KEYRING_BACKEND", "keyrings.alt.file.PlaintextKeyring".into())]
}

/// The keyring's secret, read with its own command.
fn kept(local: &Local, service: &str) -> Option<String> {
    let mut environment = local.project.sandbox().environment();
    environment.extend(variables(local).into_iter().map(|(name, value)| (name.into(), value)));
    let program = Python::get().program().with_file_name("keyring");
    let asked = duct::cmd!(program, "get", service, "__token__").full_env(environment).stdout_capture();
    let answer = asked.stderr_null().unchecked().run().expect("a keyring");
    answer.status.success().then(|| String::from_utf8_lossy(&answer.stdout).trim().to_owned())
}

#[test]
fn a_prompted_token_is_stored_only_with_consent() {
    let local = Local::new();
    let [rehearsal, public] = [&local.rehearsal, &local.public].map(|index| {
        let mut typed = index.token.expose_secret().to_owned();
        typed.push('\n');
        typed
    });
    let before = local.project.snapshot();
    with_keyring(&local, local.project.pyrelease("run minor"))
        .on_a_terminal(&[("Token or password for testpypi", "pypi-half-typed\u{3}")])
        .code(130);
    local.project.assert_unchanged(&before);

    let dialogue = [
        ("Token or password for testpypi", rehearsal.as_str()),
        ("Store it in the keyring", "y\n"),
        ("Token or password for pypi", public.as_str()),
        ("Store it in the keyring", "n\n"),
        ("Release demo 1.1.0? [y/N]", "y\n"),
    ];
    // Every run is searched for tokens.
    let outcome =
        with_keyring(&local, local.project.pyrelease("run minor -v")).on_a_terminal(&dialogue).code(0);
    outcome.messages_eq(str![[r#"
note: [changelog] CHANGELOG.md (Markdown) becomes
note: [build] `python -m build` with python3
note: [testpypi] the credentials for `testpypi` are from the prompt
note: [pypi] the credentials for `pypi` are from the prompt

"#]]);
    local.is_released(local.project.repository());
    assert_eq!(kept(&local, &local.rehearsal.upload_url()).as_deref(), Some(rehearsal.trim()));
    assert_eq!(kept(&local, &local.public.upload_url()), None);

    // The next run finds it.
    let again = with_keyring(&local, local.project.pyrelease("token show testpypi")).code(0);
    again.stdout_eq(str![[r#"
testpypi (http://127.0.0.1:[PORT]/legacy/)
  kind        token
  source      the keyring (`http://127.0.0.1:[PORT]/legacy/`, user `__token__`)
  issuer      127.0.0.1
  projects    no restriction found
  expires     not stated
  user        [UUID]

"#]]);
    let never = with_keyring(&local, local.project.pyrelease("token show testpypi"));
    never.env("PYRELEASE_KEYRING", "never").code(3);
}

#[test]
fn somebody_who_uploads_files_by_hand_is_asked_as_well() {
    let local = Local::new();
    let folder = local.project.sandbox().root().join("files");
    fs_err::create_dir(&folder).expect("a folder");
    wheel(&folder, "demo", "3.0.0", "any", "hello");
    let mut typed = local.public.token.expose_secret().to_owned();
    typed.push('\n');
    let command = format!("upload {} --index pypi --verify -v", folder.display());
    let upload = || local.project.pyrelease(&command).env("PYRELEASE_KEYRING", "never");
    upload().on_a_terminal(&[("Token or password for pypi", "\u{3}")]).code(130);

    let dialogue = [("Token or password for pypi", typed.as_str()), ("Upload 1 file", "y\n")];
    let outcome = upload().on_a_terminal(&dialogue).code(0);
    outcome.stdout_eq(str![[r#"
warning: [check] `demo-3.0.0-py3-none-any.whl`: the metadata has no license (demo-3.0.0.dist-info/METADATA) [no-license]
help: set `license`, such as `license = "MIT"`: in [project] of pyproject.toml, [metadata] of setup.cfg, or `setup()`
warning: [check] `demo-3.0.0-py3-none-any.whl`: the metadata has no `Requires-Python` (demo-3.0.0.dist-info/METADATA) [no-requires-python]
help: set `requires-python = ">=3.9"` in [project] of pyproject.toml, or `python_requires` in [options] of setup.cfg or in `setup()`
Token or password for pypi (http://127.0.0.1:[PORT]/legacy/; input is hidden, leave empty to skip): 

note: [pypi] the credentials for `pypi` are from the prompt
Upload 1 file ([SIZE]) of demo 3.0.0 to pypi (http://127.0.0.1:[PORT]/legacy/)? [y/N] y
    Uploaded demo-3.0.0-py3-none-any.whl to pypi
             `pypi` lists all 1 files with their hashes, and serves the uploaded bytes
   Published demo 3.0.0 on pypi
     View at http://127.0.0.1:[PORT]/simple/demo/

"#]]);
}

/// A password has a user name, which is asked for afterwards: what is typed first is hidden, whatever it is.
#[test]
fn a_password_is_asked_for_before_its_user_name() {
    let attempt = super::super::failures::Attempt::at(super::super::demo());
    let (server, project) = (&attempt.public, &attempt.project);
    project.sandbox().write_home(".pypirc", "");
    let folder = project.sandbox().root().join("files");
    fs_err::create_dir(&folder).expect("a folder");
    wheel(&folder, "demo", "3.0.0", "any", "hello");
    let password = format!("{}\n", server.password().reveal());
    let username = format!("{}\n", server.username());
    let dialogue = [
        ("Token or password for pypi", password.as_str()),
        ("User name for pypi", username.as_str()),
        ("Upload 1 file", "y\n"),
    ];
    let upload = project.pyrelease(&format!("upload {} --index pypi", folder.display()));
    let outcome = upload.env("PYRELEASE_KEYRING", "never").on_a_terminal(&dialogue).code(0);
    assert!(!outcome.stdout().contains(server.password().reveal()), "{outcome}");
    assert_eq!(server.files("demo").len(), 1);
}

/// An empty `keyring` that records its calls.
#[test]
fn the_keyring_is_asked_where_a_secret_is_needed_and_nowhere_else() {
    let local = Local::new();
    let project = &local.project;
    let folder = project.sandbox().root().join("bin");
    let log = project.sandbox().root().join("asked");
    fs_err::create_dir(&folder).expect("a folder");
    let variables = [("LOG", log.to_str().expect("our own name"))];
    project.script_with(
        &folder.join("keyring"),
        &variables,
        "echo \"$@\" >> \"$LOG\"
exit 1
",
    );
    let mut path = folder.into_os_string();
    path.push(":");
    path.push(&project.sandbox().environment()[&OsString::from("PATH")]);
    let run = |args: &str| project.pyrelease(args).env("PATH", &path);
    let asked = || fs_err::read_to_string(&log).unwrap_or_default();

    run("check").run();
    run("plan minor").code(0);
    run("status --offline").code(0);
    run("log").run();
    run("plugin list").run();
    assert_eq!(asked(), "");
    // A token in a variable needs no question.
    let token = |name: &str, index: &super::super::drilled::Index| {
        (format!("PYRELEASE_TOKEN_{name}"), index.token.expose_secret().to_owned())
    };
    let tokens = [token("PYPI", &local.public), token("TESTPYPI", &local.rehearsal)];
    for args in ["run minor --dry-run", "token show"] {
        tokens.iter().fold(run(args), |run, (name, token)| run.env(name, token)).code(0);
    }
    assert_eq!(asked(), "");

    // The keyring is asked once, however often the credentials are looked up.
    run("run minor --dry-run").run();
    let asked = asked();
    let mut questions: Vec<&str> = asked.lines().collect();
    let number = questions.len();
    questions.sort_unstable();
    questions.dedup();
    assert_eq!((questions.len(), number), (6, 6), "{questions:#?}");
}
