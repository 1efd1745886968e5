//! What shells, man and editors take from the program: each is tried by the program that consumes it.

use std::path::{Path, PathBuf};

use pyrelease_test_support::{Config, Outcome, Project, Python, str};
use serde_json::Value;

use super::demo;

const LOCAL: &str = "stages = [\"changelog\", \"version\", \"tag\"]\n";

/// A project whose index has a name of its own.
fn project() -> Project {
    let config =
        Config::stages("version tag corp").index("corp").set("upload", "https://pypi.corp.example/legacy/");
    demo().config(&config).build()
}

/// The first program of this name on PATH.
fn program(name: &str) -> Option<PathBuf> {
    let found = duct::cmd!("sh", "-c", format!("command -v {name}")).stderr_null().unchecked().read().ok()?;
    Some(PathBuf::from(found)).filter(|path| path.is_file())
}

/// A PATH on which the program under test comes first.
fn path(project: &Project) -> String {
    let own = Path::new(env!("CARGO_BIN_EXE_pyrelease")).parent().expect("a folder").display().to_string();
    let environment = project.sandbox().environment();
    let path = environment.iter().find(|(name, _)| *name == "PATH").map(|(_, path)| path.to_string_lossy());
    format!("{own}:{}", path.unwrap_or_default())
}

/// What a shell's script prints, in the project.
fn shell(project: &Project, shell: &str, script: &str) -> String {
    let variables = [("PATH", path(project))];
    let variables: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let command = project.sandbox().command_with(project.folder(), shell, &["-c", script], &variables);
    let output = command.stdout_capture().stderr_capture().unchecked().run().expect("the shell runs");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && stderr.is_empty(), "{script}:\n{stdout}{stderr}");
    stdout.into_owned()
}

/// Types at a shell on a terminal; tabs complete.
fn typed(project: &Project, shell: &Path, arguments: &str, lines: &[&str]) -> Outcome {
    const PROMPT: &str = "ready> ";
    let dialogue: Vec<(&str, &str)> = lines.iter().map(|line| (PROMPT, *line)).collect();
    let invocation = project.pyrelease(arguments).program(shell).env("PATH", path(project));
    invocation.env("PS1", PROMPT).env("TERM", "dumb").on_a_terminal(&dialogue).code(0)
}

#[test]
fn candidates_are_those_of_the_command_line() {
    let project = project();
    let words = |word: &str, before: &str| {
        let complete = project.pyrelease("complete").arg(format!("--word={word}")).arg("--");
        let outcome = before.split_whitespace().fold(complete, |complete, word| complete.arg(word)).code(0);
        let first = |line: &str| line.split('\t').next().unwrap_or_default().to_owned();
        outcome.stdout().lines().map(first).collect::<Vec<_>>()
    };
    for (before, word, expected) in [
        ("", "sta", &["status"][..]),
        ("", "comple", &["completions"]),
        ("-C . --format json", "rol", &["rollback"]),
        ("status", "--off", &["--offline"]),
        ("status --format", "j", &["json"]),
        ("status --format =", "j", &["json"]),
        ("status", "--format=j", &["--format=json"]),
        ("run", "ma", &["major"]),
        ("run minor", "ma", &[]),
        ("plugin", "tr", &["trust"]),
        ("upload --index", "", &["corp", "pypi", "testpypi"]),
        ("token show", "c", &["corp"]),
        ("drill --stage", "v", &["version"]),
        ("completions", "z", &["zsh"]),
        ("check --", "--", &[]),
        ("check", "dist/", &[]),
    ] {
        assert_eq!(words(word, before), expected, "{before} {word}");
    }
}

#[test]
fn bash_completes() {
    let Some(bash) = program("bash") else { return };
    let project = project();
    let script = "source <(pyrelease completions bash); COMP_WORDS=(pyrelease upload --index c); COMP_CWORD=3; \
                  _pyrelease pyrelease c --index; printf '%s\\n' \"${COMPREPLY[@]}\"; complete -p pyrelease";
    let completed = shell(&project, bash.to_str().expect("a path"), script);
    assert_eq!(completed, "corp\ncomplete -o default -F _pyrelease pyrelease\n");
    let lines = [
        "source <(pyrelease completions bash)\n",
        "pyrelease stat\t--off\t\n",
        "pyrelease notes --man\tCHA\t\n",
        "exit 0\n",
    ];
    let shown = typed(&project, &bash, "--norc -i", &lines);
    assert!(shown.stdout().contains("no release has been run in this repository"), "{shown}");
    assert!(shown.stdout().contains("--manifest CHANGELOG.md"), "{shown}");
}

#[test]
fn zsh_completes() {
    let Some(zsh) = program("zsh") else { return };
    let project = project();
    let lines = [
        "autoload -Uz compinit; compinit -u -D; source <(pyrelease completions zsh)\n",
        "pyrelease stat\t--off\t\n",
        "pyrelease notes --man\tCHA\t\n",
        "exit 0\n",
    ];
    let shown = typed(&project, &zsh, "-f -i", &lines);
    assert!(shown.stdout().contains("no release has been run in this repository"), "{shown}");
    assert!(shown.stdout().contains("CHANGELOG.md"), "{shown}");
}

#[test]
fn fish_completes() {
    let Some(fish) = program("fish") else { return };
    let project = project();
    let complete = |line: &str| {
        let script = format!("pyrelease completions fish | source; complete -C '{line}'");
        shell(&project, fish.to_str().expect("a path"), &script)
    };
    assert_eq!(complete("pyrelease stat"), "status\tShow the last run's state and how to continue\n");
    assert_eq!(complete("pyrelease upload --index c"), "corp\n");
    assert!(complete("pyrelease run ").starts_with("a\n"), "{}", complete("pyrelease run "));
    assert!(complete("pyrelease check CHANGE").contains("CHANGELOG.md"));
}

#[test]
fn elvish_completes() {
    let Some(elvish) = program("elvish") else { return };
    let project = project();
    project.write(
        "rc.elv",
        "eval (pyrelease completions elvish | slurp)\nset edit:prompt = { put 'ready> ' }\nset edit:rprompt = { }\n",
    );
    let lines = [
        "pyrelease stat\t --off\t\n",
        "$edit:completion:arg-completer[pyrelease] pyrelease upload --index c\n",
        "$edit:completion:arg-completer[pyrelease] pyrelease notes --manifest CHA\n",
        "exit\n",
    ];
    let shown = typed(&project, &elvish, "-rc rc.elv", &lines);
    assert!(shown.stdout().contains("no release has been run in this repository"), "{shown}");
    for candidate in ["corp", "CHANGELOG.md"] {
        assert!(shown.stdout().contains(&format!("complex-candidate {candidate} ")), "{candidate}: {shown}");
    }
}

#[test]
fn every_shell_has_a_script_that_asks_the_program() {
    let project = project();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = project.pyrelease(&format!("completions {shell}")).code(0);
        assert!(script.stdout().contains("complete") && script.stdout().contains("--word="), "{script}");
    }
    project.pyrelease("completions tcsh").code(2);
}

#[test]
fn man_shows_the_page_without_a_warning() {
    let project = project();
    let page = project.pyrelease("man").code(0);
    assert!(page.stdout().starts_with(".TH PYRELEASE 1 "), "{page}");
    if program("man").is_none() {
        return;
    }
    let script =
        "pyrelease man > page.1 && MANWIDTH=100 MANROFFOPT=-ww LC_ALL=C man --warnings=w -P cat -l page.1";
    let shown = shell(&project, "sh", script);
    for part in
        ["pyrelease run [OPTIONS] [BUMP]", "pyrelease index serve [OPTIONS]", "EXIT STATUS", "--dry-run"]
    {
        assert!(shown.contains(part), "{part}:\n{shown}");
    }
}

/// A text that the schema refuses, and what it must name
const WRONG: [(&str, &str); 5] = [
    ("stage = 1\n", "stage"),
    ("[stage.tag]\nnmae = \"v{version}\"\n", "nmae"),
    ("[stage.pypi]\nconnections = \"two\"\n", "connections"),
    ("[stage.build]\nfrontend = \"poetry\"\n", "frontend"),
    ("[index.corp]\nkind = \"private\"\n", "kind"),
];

/// One that uses much of what there is
const RIGHT: &str = "\
name = \"demo\"
stages = [\"changelog\", \"version\", \"tests\", \"tag\", \"build\", \"check\", \"corp\", \"notify\"]
carry = [\"data.bin\"]

[stage.version]
files = [\"pyproject.toml\", { path = \"a.py\", search = \"{version}\", count = 2 }]
bump = \"calver\"

[stage.changelog]
from = \"commits\"
types.docs = { heading = \"Documentation\", bump = \"patch\" }

[stage.tests]
run = [\"pytest\", \"-q\"]
reach = \"private\"
needs = [\"version\"]

[stage.corp]
install = true
version = \"dev\"

[stage.notify]
plugin = \"notify\"
config = { channel = \"#releases\" }

[index.corp]
kind = \"rehearsal\"
upload = \"https://pypi.corp.example/legacy/\"
";

/// Runs a tool on a file; returns whether it accepts it, and what it prints.
fn validated(project: &Project, tool: &str, arguments: &[&str]) -> (bool, String) {
    let tool = Python::with_schema_tools().programs().join(tool);
    let command = project.sandbox().command(project.folder(), tool, arguments);
    let output = command.stderr_to_stdout().stdout_capture().unchecked().run().expect("the tool runs");
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn editors_find_mistakes_by_the_schema() {
    let project = project();
    project.write("schema.json", project.pyrelease("schema").code(0).stdout());
    let url = format!("file://{}", project.folder().join("schema.json").display());
    let validators: [(&str, &[&str]); 2] = [
        ("check-jsonschema", &["--schemafile", "schema.json", "settings.toml"]),
        ("taplo", &["lint", "--schema", &url, "settings.toml"]),
    ];
    assert!(validated(&project, "check-jsonschema", &["--check-metaschema", "schema.json"]).0);
    for (tool, arguments) in validators {
        project.write("settings.toml", RIGHT);
        let (accepted, said) = validated(&project, tool, arguments);
        assert!(accepted, "{tool}: {said}");
        for (text, named) in WRONG {
            project.write("settings.toml", text);
            let (accepted, said) = validated(&project, tool, arguments);
            assert!(!accepted && said.contains(named), "{tool} on {text:?}: {said}");
        }
    }
    // The program agrees with its schema.
    for (text, _) in WRONG {
        project.write("release.toml", text);
        project.pyrelease("plan minor").code(2);
    }
    project.write("release.toml", RIGHT);
    project.write("data.bin", "x");
    let plan = project.pyrelease("plan minor").run();
    assert!(!plan.stderr().contains("release.toml:"), "{plan}");
}

#[test]
fn validate_pyproject_takes_the_schema_as_a_plugin() {
    let project = project();
    project.write("schema.json", project.pyrelease("schema --pyproject").code(0).stdout());
    let script = "\
import json, sys, tomllib
from validate_pyproject import api, errors
from validate_pyproject.plugins import PluginWrapper
plugin = PluginWrapper('pyrelease', lambda _: json.load(open('schema.json')))
try:
    api.Validator(extra_plugins=[plugin])(tomllib.load(open('some.toml', 'rb')))
except errors.ValidationError as error:
    sys.exit(error.summary)
";
    let table = |text: &str| {
        let text = text.replace("\n[", "\n[tool.pyrelease.");
        match text.strip_prefix('[') {
            Some(text) => format!("[tool.pyrelease.{text}"),
            None => format!("[tool.pyrelease]\n{text}"),
        }
    };
    let validate = |text: &str| {
        project.write("some.toml", &table(text));
        validated(&project, "python", &["-c", script])
    };
    let (accepted, said) = validate(RIGHT);
    assert!(accepted, "{said}");
    for (text, named) in WRONG {
        let (accepted, said) = validate(text);
        assert!(!accepted && said.contains(named), "{text:?}: {said}");
    }
}

#[test]
fn stages_and_settings_are_described() {
    let project = demo().config(LOCAL).build();
    project.pyrelease("help stage").code(0).stdout_eq(str![[r#"
stages of pyrelease:
  changelog      Move the changelog's Unreleased section to the new version
  version        Bump the version wherever the project states it
  tag            Commit the changes of the stages before and tag the commit
  build          Build the source distribution and the wheel
  check          Check the distributions by PyPI's rules
  push           Push the branch and the tag, atomically
  forge-release  Make a release with the notes and the distributions on GitHub, GitLab, Gitea or Forgejo
  reopen         Commit the next development version when the release is out, and push it
stages with a name of your own:
  upload         Upload the distributions to the index of the stage's name
  command        Run a command, with the release in its environment
  plugin         Run a plugin, with the access that it is granted
`pyrelease help stage NAME` describes the settings of one

"#]]);
    project.pyrelease("help stage tag").code(0).stdout_eq(str![[r#"
Commit the changes of the stages before and tag the commit

[stage.tag]
  name (string)
      Name of the tag; `{version}` is the new version; by default as in earlier
      releases, or else `v{version}`
  annotated (true or false)
      Whether the tag is annotated; by default as in earlier releases, or else
      true
  message (string)
      Message of the tag; by default as in earlier releases, or else `{name}
      {version}`
  commit-message (string)
      Message of the release commit; by default as in earlier releases, or else
      `Release {version}`
  sign (true or false)
      Whether to sign the tag; by default as git is configured (`tag.gpgSign`)

"#]]);
    project.pyrelease("help setting smoke").code(0).stdout_eq(str![[r#"
[stage.NAME], named like an index
  smoke (string)
      A command to test the installed release with, such as `python -c 'import
      demo'`

"#]]);
    project.pyrelease("help setting [stage.build].max_age").code(0).stdout_eq(str![[r#"
[stage.build]
  max-age (string)
      The age from which on the build requirements are resolved again, such as
      `12h`

"#]]);
    project.pyrelease("help stage tga").code(2).stderr_eq(str![[r#"
error: there is no stage `tga`
help: did you mean `tag`?

"#]]);
    project.pyrelease("help setting smok").code(2).stderr_eq(str![[r#"
error: there is no setting `smok`
help: did you mean `smoke`?

"#]]);
    project.pyrelease("help deploy").code(2).stderr_eq(str![[r#"
error: there is no command `deploy`
help: to release the project, run `pyrelease run`

"#]]);
    let help = project.pyrelease("help plugin trust").code(0);
    assert_eq!(help.stdout(), project.pyrelease("plugin trust --help").code(0).stdout());
    // A name of the user's own stands for what it does.
    let own = self::project();
    let about = |args: &str| own.pyrelease(args).code(0).json()["about"].as_str().map(str::to_owned);
    assert_eq!(about("help stage corp --format json"), about("help stage upload --format json"));
    let settings = own.pyrelease("help setting kind --format json").code(0).json();
    let kind = &settings;
    assert_eq!((&kind["table"], &kind["name"]), (&Value::from("index"), &Value::from("kind")));
}
