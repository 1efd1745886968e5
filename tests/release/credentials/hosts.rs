//! A repository whose `release.toml` names its own hosts: they get no credentials before the user allows them. The
//! hosts are invented; the test's proxy connects them to the test's server, which logs every request.

use std::path::PathBuf;

use pyrelease_test_support::distribution::wheel;
use pyrelease_test_support::{CANARY, Invocation, Project, SecureIndex, Transcript, str};

use super::super::quick;

const HOSTS: [&str; 3] = ["pypi.stranger.example", "test.stranger.example", "corp.stranger.example"];

/// The stages fail once something is public, so that there is a run to resume
const CONFIG: &str = "\
stages = [\"changelog\", \"version\", \"tag\", \"build\", \"testpypi\", \"corp\", \"stop\", \"pypi\"]

[index.pypi]
upload = \"https://pypi.stranger.example/legacy/\"
simple = \"https://pypi.stranger.example/simple/\"

[index.testpypi]
upload = \"https://test.stranger.example/legacy/\"
simple = \"https://test.stranger.example/simple/\"

[index.corp]
upload = \"https://corp.stranger.example/legacy/\"
simple = \"https://corp.stranger.example/simple/\"

[stage.stop]
run = [\"false\"]
reach = \"public\"

[stage.build]
isolation = false
";

struct Stranger {
    project: Project,
    hosts: SecureIndex,
}

impl Stranger {
    fn new() -> Self {
        let project = quick().config(CONFIG).build();
        // Neither the section nor the variables name a host.
        let section = format!("[corp]\nusername = alice\npassword = {CANARY}-of-corp\n");
        project.sandbox().write_home(".pypirc", &section);
        let stranger = Self { project, hosts: SecureIndex::of_hosts(&HOSTS) };
        // The tools are installed from the usual index.
        stranger.project.pyrelease("doctor minor").run();
        stranger
    }

    fn pyrelease(&self, args: &str) -> Invocation<'_> {
        self.signing_in(self.project.pyrelease(args))
    }

    fn signing_in<'a>(&self, run: Invocation<'a>) -> Invocation<'a> {
        run.env("HTTPS_PROXY", self.hosts.proxy_url(""))
            .env("NO_PROXY", "")
            .env("no_proxy", "")
            .env("REQUESTS_CA_BUNDLE", self.hosts.authority())
            .env("PYRELEASE_TOKEN_PYPI", format!("{CANARY}-of-pypi"))
            .env("TWINE_USERNAME", "terry")
            .env("TWINE_PASSWORD", format!("{CANARY}-of-all"))
    }

    fn allowed(&self, args: &str) -> Invocation<'_> {
        self.pyrelease(args).env("PYRELEASE_ALLOW_HOSTS", HOSTS.join(", "))
    }

    /// The requests with a user name.
    fn signed(&self) -> Vec<String> {
        self.hosts.log().into_iter().filter(|line| !line.ends_with(" -")).collect()
    }

    fn answers(&self) -> PathBuf {
        self.project.sandbox().home().join(".local/share/pyrelease/hosts.toml")
    }
}

#[test]
fn a_strangers_configuration_gets_no_credentials() {
    let mut seen = Transcript::named("credentials/a-strangers-configuration-gets-no-credentials");
    let stranger = Stranger::new();
    let file = wheel(stranger.project.sandbox().root(), "demo", "1.1.0", "any", "hello");
    stranger.pyrelease("plan minor").code(0);
    for command in ["doctor minor", "run minor --dry-run", "run minor --yes", "run minor --yes --force"] {
        seen.add_messages(&stranger.pyrelease(command).code(3));
    }
    for index in ["pypi", "testpypi", "corp"] {
        let refused = stranger.pyrelease("upload --yes --force --index").arg(index).arg(&file).code(3);
        seen.add_messages(&refused);
    }
    seen.add(&stranger.pyrelease("token show").code(0));
    assert_eq!(stranger.hosts.log(), Vec::<String>::new());
    for command in ["status", "resume --yes", "rollback --yes"] {
        stranger.pyrelease(command).code(0);
    }
    assert_eq!(stranger.signed(), Vec::<String>::new());
    assert!(!stranger.answers().exists());

    // A run began with the hosts allowed; a user who has not allowed them shows, completes and undoes it.
    stranger.allowed("run minor --yes").code(4);
    let signed = stranger.signed();
    assert!(signed.contains(&"POST corp.stranger.example /legacy/ terry".to_owned()), "{signed:#?}");
    stranger.pyrelease("status").code(0);
    seen.add_error(&stranger.pyrelease("resume --yes").code(4));
    seen.assert();
    stranger.pyrelease("rollback --yes").code(4);
    assert_eq!(stranger.signed(), signed);
}

/// An index is read without credentials first: one that needs none gets none.
#[test]
fn an_allowed_host_gets_credentials_only_if_it_asks() {
    let stranger = Stranger::new();
    stranger.allowed("run minor --dry-run").code(0);
    let log = stranger.hosts.log();
    let of_pypi: Vec<_> = log.iter().filter(|line| line.contains(HOSTS[0])).map(String::as_str).collect();
    assert_eq!(
        of_pypi,
        ["GET pypi.stranger.example /simple/demo/ -", "GET pypi.stranger.example /simple/demo/ __token__"]
    );
}

#[test]
fn somebody_at_a_terminal_is_asked_for_each_host_once() {
    let stranger = Stranger::new();
    let questions = ["testpypi", "corp", "pypi"].map(|index| format!("`{index}`"));
    let dialogue = |answers: [&'static str; 3]| {
        let pairs = questions.iter().map(String::as_str).zip(answers);
        pairs.collect::<Vec<_>>()
    };
    // `--yes` does not allow a host.
    let refused =
        stranger.pyrelease("run minor --yes").on_a_terminal(&dialogue(["n\n", "\n", "n\n"])).code(3);
    refused.messages_eq(str![[r#"
error: [testpypi] `TWINE_PASSWORD` is not sent to `test.stranger.example`, where the configuration has `testpypi`: you have not allowed that host
help: if the host is correct: on a terminal, `pyrelease run` asks once and remembers the answer; in CI, set `PYRELEASE_ALLOW_HOSTS=test.stranger.example`
error: [corp] `TWINE_PASSWORD` is not sent to `corp.stranger.example`, where the configuration has `corp`: you have not allowed that host
help: if the host is correct: on a terminal, `pyrelease run` asks once and remembers the answer; in CI, set `PYRELEASE_ALLOW_HOSTS=corp.stranger.example`
warning: [stop] if the run is interrupted during `stop`, you must check its effects by hand: it has no `verify`
help: add `verify = [...]` to [stage.stop]
error: [pypi] `PYRELEASE_TOKEN_PYPI` is not sent to `pypi.stranger.example`, where the configuration has `pypi`: you have not allowed that host
help: if the host is correct: on a terminal, `pyrelease run` asks once and remembers the answer; in CI, set `PYRELEASE_ALLOW_HOSTS=pypi.stranger.example`
error: the release was refused for 3 reasons; nothing has been done

"#]]);
    assert_eq!(stranger.signed(), Vec::<String>::new());
    assert!(!stranger.answers().exists());

    let answers = dialogue(["y\n", "y\n", "n\n"]);
    stranger.pyrelease("run minor --dry-run").on_a_terminal(&answers).code(3);
    let signed = stranger.signed();
    assert!(!signed.is_empty() && signed.iter().all(|line| !line.contains(HOSTS[0])), "{signed:#?}");
    let kept = fs_err::read_to_string(stranger.answers()).expect("the answers");
    assert!(kept.contains("corp.stranger.example") && !kept.contains(HOSTS[0]), "{kept}");

    // An answer is remembered, with or without a terminal; another name of the host is asked about.
    stranger.pyrelease("run minor --dry-run").on_a_terminal(&[("`pypi`", "y\n")]).code(0);
    stranger.pyrelease("run minor --dry-run").code(0);
    let renamed = CONFIG.replace("\"corp\"", "\"firm\"").replace("[index.corp]", "[index.firm]");
    stranger.project.write("release.toml", &renamed);
    stranger.project.commit("Call it otherwise");
    let refused = stranger.pyrelease("run minor --dry-run").code(3);
    refused.messages_eq(str![[r#"
error: [firm] `TWINE_PASSWORD` is not sent to `corp.stranger.example`, where the configuration has `firm`: you have not allowed that host
help: if the host is correct: on a terminal, `pyrelease run` asks once and remembers the answer; in CI, set `PYRELEASE_ALLOW_HOSTS=corp.stranger.example`
warning: [stop] if the run is interrupted during `stop`, you must check its effects by hand: it has no `verify`
help: add `verify = [...]` to [stage.stop]
error: the release was refused; nothing has been done

"#]]);
}
