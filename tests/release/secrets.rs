//! A password never appears on a command line, in the output or in a file of a run, whatever its source and the run's
//! outcome.

use pyrelease_test_support::{Backend, CommandLines, IndexServer, Outcome, Project};

use super::demo;

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
