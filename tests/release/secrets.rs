//! A password never appears on a command line, in the output or in a file of a run, whatever its source and the run's
//! outcome.

use pyrelease_test_support::{Backend, CANARY, CommandLines, Config, IndexServer, Outcome, Project};

use super::{QUICK, demo, quick};

/// The source of a password
#[derive(Debug, Clone, Copy)]
enum Source {
    Pypirc,
    Token,
    Twine,
}

/// Tries to release 1.1.0, records all command lines, and searches all files.
#[track_caller]
fn release(source: Source, rehearsal: &IndexServer, public: &IndexServer, args: &str) -> Outcome {
    let project: Project = demo().backend(Backend::Flit).releasing_to(rehearsal, public, "").build();
    let run = project.pyrelease(args).watching_command_lines();
    let run = match source {
        Source::Pypirc => {
            project.pypirc(&[("testpypi", rehearsal), ("pypi", public)]);
            run
        }
        Source::Token => run
            .env("PYRELEASE_TOKEN_TESTPYPI", rehearsal.password().reveal())
            .env("PYRELEASE_TOKEN_PYPI", public.password().reveal()),
        // One account for all indexes, as with twine; the second index does not know it.
        Source::Twine => run
            .env("TWINE_USERNAME", rehearsal.username())
            .env("TWINE_PASSWORD", rehearsal.password().reveal()),
    };
    let outcome = run.run();
    for server in [rehearsal, public] {
        let secret = server.password();
        project.assert_secret_nowhere(secret);
        for line in outcome.command_lines() {
            assert!(!secret.is_in(line.as_bytes()), "a password is on a command line: {line}");
        }
    }
    if CommandLines::SHOWN {
        // Proves that the command lines were recorded
        let built = outcome.command_lines().iter().any(|line| line.contains("build"));
        assert!(built, "nobody saw the build of {outcome}");
    }
    outcome
}

#[test]
fn from_the_pypirc() {
    let (rehearsal, public) = (IndexServer::pypiserver(), IndexServer::devpi());
    release(Source::Pypirc, &rehearsal, &public, "run minor --yes -v").code_in(&[0]);
    assert_eq!(public.files("demo").len(), 2);
}

#[test]
fn from_tokens_in_the_environment() {
    let (rehearsal, public) = IndexServer::two_pypiservers();
    release(Source::Token, &rehearsal, &public, "run minor --yes --format json").code_in(&[0]);
    assert_eq!(public.files("demo").len(), 2);
}

#[test]
fn from_the_variables_of_twine_and_refused() {
    let (rehearsal, public) = (IndexServer::pypiserver(), IndexServer::refusing());
    release(Source::Twine, &rehearsal, &public, "run minor --yes -v").code_in(&[1]);
    assert_eq!(rehearsal.files("demo").len(), 2);
    assert!(public.files("demo").is_empty());
}

/// The token of a forge reaches git where it asks a remote, and the command that names it.
#[cfg(unix)]
#[test]
fn the_token_of_a_forge_reaches_no_build_and_no_other_command() {
    let peek = |name: &str| {
        let file = format!("peeked-by-{name}");
        Config::default().stage(name).set("run", ["sh", "-c", &format!("env > ../../../../../../{file}")])
    };
    let config = Config::stages("version tag build look ask push")
        .lines(&peek("look"))
        .lines(&peek("ask").set("environment", ["GITHUB_TOKEN"]))
        .lines(QUICK);
    let project = quick().config(&config).build();
    let beside = |name: &str| project.sandbox().root().join(format!("peeked-by-{name}"));
    let backend = project.read("backend/in_tree.py");
    let code = format!("\n\nopen({:?}, \"a\").write(repr(dict(os.environ)))\n", beside("backend"));
    project.write("backend/in_tree.py", &format!("{backend}{code}"));
    project.commit("Peek");
    project.git(&["push", "-q", "origin", "main"]);
    for hook in ["pre-commit", "pre-push"] {
        let file = beside(hook).display().to_string();
        project.hook_with(hook, &[("FILE", &file)], "env > \"$FILE\"\n");
    }
    let tokens =
        ["GITHUB_TOKEN", "GH_TOKEN", "GITLAB_TOKEN", "CI_JOB_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"];
    let run = project.pyrelease("run minor --yes");
    tokens.iter().fold(run, |run, name| run.env(name, format!("{CANARY}-{name}"))).code(0);
    let seen = |name: &str| {
        let text = fs_err::read_to_string(beside(name)).expect("somebody has looked");
        assert!(text.contains("PATH"), "{text}");
        let seen = tokens.iter().filter(|token| text.contains(&format!("{CANARY}-{token}")));
        seen.copied().collect::<Vec<_>>()
    };
    let none: [&str; 0] = [];
    for name in ["backend", "pre-commit", "look"] {
        assert_eq!(seen(name), none, "{name}");
    }
    assert_eq!(seen("ask"), tokens[..1]);
    assert_eq!(seen("pre-push"), tokens[..4]);
}
