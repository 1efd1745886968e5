//! Nothing from a stranger's repository runs before the user confirms: every place from which something could run has a
//! program that would leave a mark.

use std::ffi::OsString;
use std::path::PathBuf;

use pyrelease_test_support::distribution::wheel;
use pyrelease_test_support::{Config, Outcome, Project, Transcript, str};

use super::quick;

/// The commands that need no confirmation
const COMMANDS: [&str; 13] = [
    "plan minor",
    "doctor minor",
    "run minor --dry-run",
    "plugin list",
    "status",
    "status --offline",
    "log",
    "check",
    "token show",
    "rollback --yes",
    "resume --yes",
    "upload dist/demo-1.0.0-py3-none-any.whl --index corp --yes",
    "--list",
];

/// The commands among them that read the repository
const LOOKING: [&str; 3] = ["plan minor", "doctor minor", "run minor --dry-run"];

/// A closed port, so that credentials are looked up but nothing is sent
const CONFIG: &str = "\
stages = [\"changelog\", \"version\", \"tag\", \"build\", \"check\", \"push\", \"corp\"]

[index.corp]
kind = \"public\"
upload = \"http://127.0.0.1:1/legacy/\"
simple = \"http://127.0.0.1:1/simple/\"
";

/// A stranger's project
struct Stranger {
    project: Project,
}

impl Stranger {
    fn new() -> Self {
        Self::configured(CONFIG)
    }

    /// Without a build and an index.
    fn pushing() -> Self {
        let indexes = CONFIG.split_once("\n\n").expect("stages, then an index").1;
        Self::configured(&Config::stages("changelog version tag push").lines("\n").lines(indexes))
    }

    fn configured(config: &str) -> Self {
        let project = quick().config(config).build();
        fs_err::create_dir_all(project.folder().join("dist")).expect("a folder in the project");
        wheel(&project.folder().join("dist"), "demo", "1.0.0", "any", "hello");
        Self { project }
    }

    fn marks(&self) -> PathBuf {
        let folder = self.project.sandbox().root().join("marks");
        fs_err::create_dir_all(&folder).expect("a folder in the sandbox");
        folder
    }

    /// Creates a program in the repository that leaves a mark; returns its path.
    fn canary(&self, path: &str) -> String {
        let file = self.project.folder().join(path);
        let mark = self.marks().join(path.replace('/', "_"));
        // Whatever protocol the caller expects, it does not answer.
        let mark = mark.display().to_string();
        self.project.script_with(&file, &[("MARK", &mark)], "echo \"$0 $*\" >> \"$MARK\"\nexit 1\n");
        file.to_str().expect("our own name").to_owned()
    }

    fn sang(&self) -> Vec<String> {
        let marks = fs_err::read_dir(self.marks()).expect("a folder in the sandbox").flatten();
        marks.map(|mark| fs_err::read_to_string(mark.path()).expect("a mark")).collect()
    }

    /// Asserts that the program can leave its mark: an ordinary `git` command runs it.
    fn sings_by(&self, git: &[&str]) {
        let sandbox = self.project.sandbox();
        let _ =
            sandbox.command(self.project.folder(), "git", git).stdout_null().stderr_null().unchecked().run();
        assert!(!self.sang().is_empty(), "the canary is mute in `git {}`", git.join(" "));
        fs_err::remove_dir_all(self.marks()).expect("a folder in the sandbox");
    }

    /// Runs the commands, with further folders on PATH before and after the usual ones.
    fn stays_silent(&self, commands: &[&str], path: (&str, &str)) -> Vec<Outcome> {
        let mut searched = OsString::from(path.0);
        searched.push(&self.project.sandbox().environment()[&OsString::from("PATH")]);
        searched.push(path.1);
        let run = |command: &&str| {
            let outcome = self.project.pyrelease(command).env("PATH", &searched).run();
            assert_eq!(self.sang(), Vec::<String>::new(), "{outcome}");
            assert!(![-1, 1].contains(&outcome.status()) || command.starts_with("upload"), "{outcome}");
            outcome
        };
        commands.iter().map(run).collect()
    }
}

#[test]
fn programs_are_never_searched_in_the_working_tree() {
    let stranger = Stranger::new();
    let names = ["git", "python3", "python", "keyring", "uv", "gpg", "ssh", "ssh-add", "git-lfs", "sh"];
    for name in names.iter().chain(&["pyrelease-doctor", "pyrelease-stage-x"]) {
        stranger.canary(name);
    }
    stranger.canary("tools/keyring");
    stranger.project.commit("Some programs");
    for path in [(":", ""), ("", ":"), (".:", ":tools"), ("./:tools:", "")] {
        stranger.stays_silent(&["plan minor", "token show"], path);
    }
    stranger.stays_silent(&COMMANDS, (":.:tools:", ":"));
    let searched = format!(":{}", std::env::join_paths(["/usr/bin", "/bin"]).unwrap().display());
    stranger.project.pyrelease("x").env("PATH", searched).code(2);
    assert_eq!(stranger.sang(), Vec::<String>::new());
}

#[test]
fn an_environment_that_git_tracks_is_not_the_users() {
    let stranger = Stranger::new();
    stranger.canary(".venv/bin/python");
    stranger.canary(".venv/bin/python3");
    stranger.project.write(".venv/pyvenv.cfg", "home = /usr/bin\n");
    stranger.project.commit("An environment");
    let outcomes = stranger.stays_silent(&COMMANDS, ("", ""));
    outcomes[1].messages_eq(str![[r#"
error: [corp] failed to list the files of `corp`: failed to fetch `http://127.0.0.1:1/simple/demo/`: Connection refused (os error 111)
help: check the URL, the network and the proxy
warning: [build] `.venv` is tracked by git, so its Python is not used
help: run `git rm -r --cached .venv` and add it to .gitignore
warning: [corp] there are no credentials for `corp`
help: set `PYRELEASE_TOKEN_CORP` to a token, or add one to `.pypirc` as the password of section [corp] (with the username __token__)
error: 1 problem would make a release fail
help: next: correct the first problem, then `pyrelease doctor` again

"#]]);
    let venv = stranger.project.folder().join(".venv");
    stranger.project.pyrelease("doctor minor").env("VIRTUAL_ENV", &venv).run();
    assert_eq!(stranger.sang(), Vec::<String>::new());
    // One tracked file is enough, and so is a link.
    stranger.project.git(&["rm", "--quiet", "-r", "--cached", ".venv/bin"]);
    stranger.project.git(&["commit", "--quiet", "--message", "A part of it"]);
    stranger.stays_silent(&["doctor minor"], ("", ""));
    fs_err::rename(&venv, stranger.project.folder().join("env")).unwrap();
    fs_err::os::unix::fs::symlink("env", &venv).unwrap();
    stranger.project.commit("A link");
    stranger.stays_silent(&["doctor minor"], ("", ""));
}

#[test]
fn an_environment_of_the_users_own_is_used() {
    let stranger = Stranger::new();
    stranger.project.write(".git/info/exclude", ".venv/\n");
    stranger.canary(".venv/bin/python");
    stranger.project.pyrelease("doctor minor").run();
    assert!(!stranger.sang().is_empty());
}

#[test]
fn a_python_that_the_configuration_names_waits_for_the_yes() {
    let mut seen = Transcript::named("consent/a-python-that-the-configuration-names-waits-for-the-yes");
    for python in ["tools/py", "./tools/py", ".venv/bin/python", "[TOP]/tools/py", "sh"] {
        let stranger = Stranger::new();
        stranger.project.write(".git/info/exclude", ".venv/\n");
        let top = stranger.project.folder().to_str().unwrap();
        let python = python.replace("[TOP]", top);
        let inside = if python == "sh" { "tools/py" } else { python.strip_prefix(top).unwrap_or(&python) };
        stranger.canary(inside.trim_start_matches(['.', '/']).replace("venv/", ".venv/").as_str());
        let config = Config::stages("changelog version tag build").stage("build").set("python", &python);
        stranger.project.write("release.toml", &config);
        stranger.project.commit("Its own Python");
        let commands = ["plan minor", "doctor minor", "run minor --dry-run", "status", "check"];
        let outcomes = stranger.stays_silent(&commands, ("", ""));
        seen.add_messages(&outcomes[1]);
        // After the confirmation it runs.
        stranger.project.pyrelease("run minor --yes").code(1);
        assert_eq!(stranger.sang().is_empty(), python == "sh", "{python}");
    }
    seen.assert();
}

#[test]
fn programs_of_the_repositorys_git_settings_do_not_run() {
    let stranger = Stranger::pushing();
    let project = &stranger.project;
    project.write(".gitattributes", "*.md filter=own diff=own\n");
    project.commit("How files are treated");
    let own = |name: &str| stranger.canary(&format!("tools/{name}"));
    let touch = || {
        let file = project.folder().join("CHANGELOG.md");
        let text = project.read("CHANGELOG.md");
        fs_err::write(file, format!("{text}\n")).unwrap();
        fs_err::write(project.folder().join("CHANGELOG.md"), text).unwrap();
    };
    for key in ["core.fsmonitor", "filter.own.clean", "filter.own.process"] {
        project.git(&["config", key, &own(key)]);
        touch();
        stranger.sings_by(&["status"]);
        touch();
        stranger.stays_silent(&LOOKING, ("", ""));
        project.git(&["config", "--unset", key]);
    }
    // A name that no option of git can express.
    project.write(".gitattributes", "*.md filter=a=b\n");
    project.git(&["config", "filter.a=b.clean", &own("clean")]);
    touch();
    stranger.sings_by(&["status"]);
    touch();
    stranger.stays_silent(&LOOKING, ("", ""));
    project.git(&["config", "--remove-section", "filter.a=b"]);
    project.git(&["checkout", "--quiet", ".gitattributes"]);
    project.git(&["config", "filter.own.required", "true"]);
    project.git(&["config", "filter.own.clean", &own("required")]);
    touch();
    stranger.stays_silent(&LOOKING, ("", ""));
    project.git(&["config", "--remove-section", "filter.own"]);

    for hook in
        ["post-index-change", "reference-transaction", "pre-push", "post-checkout", "fsmonitor-watchman"]
    {
        stranger.canary(&format!(".git/hooks/{hook}"));
    }
    touch();
    stranger.sings_by(&["status"]);
    touch();
    stranger.stays_silent(&COMMANDS, ("", ""));
    project.git(&["config", "core.hooksPath", "tools"]);
    own("post-index-change");
    touch();
    stranger.sings_by(&["status"]);
    touch();
    stranger.stays_silent(&LOOKING, ("", ""));
    project.git(&["config", "--unset", "core.hooksPath"]);

    // A signing program from the repository is found, but not asked for its keys.
    project.git(&["config", "commit.gpgSign", "true"]);
    project.git(&["config", "log.showSignature", "true"]);
    for value in [own("gpg"), "tools/gpg".to_owned(), "./tools/gpg".to_owned()] {
        project.git(&["config", "gpg.program", &value]);
        stranger.stays_silent(&LOOKING, ("", ""));
    }
}

#[test]
fn no_remote_is_asked_by_a_program_of_the_repositorys_own() {
    let stranger = Stranger::pushing();
    let project = &stranger.project;
    let there = project.remote().path().to_str().unwrap().to_owned();
    let own = |name: &str| stranger.canary(&format!("tools/{name}"));
    let (ssh, proxy, pack, ask) = (own("ssh"), own("proxy"), own("pack"), own("ask"));
    let (helper, ext) = (format!("!{}", own("helper")), format!("ext::{}", own("ext")));
    let cases: [&[(&str, &str)]; 8] = [
        &[("remote.origin.url", "ssh://127.0.0.1:1/x.git"), ("core.sshCommand", &ssh)],
        &[("remote.origin.url", "x@127.0.0.1:x.git"), ("core.sshCommand", "ssh -o ProxyCommand=tools/ssh")],
        &[("remote.origin.url", "git://127.0.0.1:1/x.git"), ("core.gitProxy", &proxy)],
        &[("remote.origin.uploadpack", &pack)],
        &[("remote.origin.url", &ext), ("protocol.ext.allow", "always")],
        &[("remote.origin.url", &ext), ("protocol.allow", "always")],
        &[("remote.origin.vcs", "ext"), ("protocol.ext.allow", "always")],
        &[
            ("remote.origin.url", "http://127.0.0.1:1/x.git"),
            ("credential.helper", &helper),
            ("core.askPass", &ask),
        ],
    ];
    let commands = ["doctor minor", "plan minor", "run minor --dry-run", "status", "resume --yes"];
    for settings in cases {
        for (key, value) in settings {
            project.git(&["config", key, value]);
        }
        let outcomes = stranger.stays_silent(&commands, ("", ""));
        let named = settings.last().map(|(key, _)| key.to_lowercase()).unwrap();
        let said = outcomes[0].stderr().to_lowercase();
        let has_said = settings.iter().any(|(key, _)| said.contains(&format!("`{}`", key.to_lowercase())));
        assert!(has_said && said.contains("pyrelease.trustedrepository"), "{named}: {}", outcomes[0]);
        for (key, _) in settings {
            project.git(&["config", "--unset", key]);
        }
        project.git(&["config", "remote.origin.url", &there]);
    }
    stranger.stays_silent(&commands, ("", ""));
}

#[test]
fn what_the_users_own_settings_name_runs_and_a_repository_can_be_trusted_by_them() {
    let stranger = Stranger::pushing();
    let project = &stranger.project;
    let pack = stranger.canary("tools/pack");
    project.git(&["config", "--global", "remote.origin.uploadpack", &pack]);
    project.pyrelease("doctor minor").run();
    assert!(!stranger.sang().is_empty());
    project.git(&["config", "--global", "--unset", "remote.origin.uploadpack"]);
    fs_err::remove_dir_all(stranger.marks()).unwrap();

    project.git(&["config", "remote.origin.uploadpack", &pack]);
    stranger.stays_silent(&["doctor minor"], ("", ""));
    // A repository cannot declare itself trusted.
    let top = project.repository().to_str().unwrap();
    project.git(&["config", "pyrelease.trustedRepository", top]);
    stranger.stays_silent(&["doctor minor"], ("", ""));
    project.git(&["config", "--global", "--add", "pyrelease.trustedRepository", "/somewhere/else"]);
    stranger.stays_silent(&["doctor minor"], ("", ""));
    project.git(&["config", "--global", "--add", "pyrelease.trustedRepository", top]);
    project.pyrelease("doctor minor").run();
    assert!(!stranger.sang().is_empty());
}

#[test]
fn well_known_settings_of_a_repository_are_no_obstacle() {
    let project = quick().config("stages = [\"changelog\", \"version\", \"tag\", \"push\"]\n").build();
    for (key, value) in [
        ("core.fsmonitor", "true"),
        (
            "core.sshCommand",
            "\"/usr/bin/ssh\" -i \"/home/dana/key\" -o StrictHostKeyChecking=yes -o \"UserKnownHostsFile=/x\"",
        ),
        ("credential.helper", "cache --timeout=3600"),
        ("remote.origin.uploadpack", "git-upload-pack"),
        ("filter.lfs.process", "git-lfs filter-process"),
        ("filter.lfs.required", "true"),
        ("protocol.file.allow", "always"),
        ("protocol.ext.allow", "never"),
    ] {
        project.git(&["config", key, value]);
    }
    let outcome = project.pyrelease("doctor minor").code(0);
    outcome.messages_eq(str![]);
    project.git(&["config", "filter.own.clean", "tools/clean"]);
    let outcome = project.pyrelease("doctor minor").code(0);
    outcome.messages_eq(str![[r#"
note: until you confirm a release, `filter.own.clean` from the repository's `.git/config` is not run: files that it filters may look edited
help: if the repository is yours, run `git config --global --add pyrelease.trustedRepository [ROOT]/demo`

"#]]);
}
