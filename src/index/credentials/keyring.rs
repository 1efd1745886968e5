//! The `keyring` command, where twine's users keep passwords and flit's keep tokens: the service is the upload address.
//!
//! It may want to unlock something and wait for somebody who is not there, so it gets some seconds, and once it has given
//! no answer it is not asked again.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::{Credentials, Login, TOKEN_USER};
use crate::index::IndexAddress;
use crate::python::filename::normalize;
use crate::world::Environment;
use crate::world::process::{Process, ProcessError, is_withheld};

const PROGRAM: &str = "keyring";
/// `never`: it is not asked
const VARIABLE: &str = "PYRELEASE_KEYRING";
const PATIENCE: Duration = Duration::from_secs(10);

/// What was asked for: where the command is, and what it was asked
type Question = (Option<String>, Option<String>, Vec<String>);

/// What the command has said in this process; none where it did not answer in time
static ANSWERS: Mutex<BTreeMap<Question, Option<Option<Login>>>> = Mutex::new(BTreeMap::new());

/// Whether there is a keyring that may be asked.
pub fn has_keyring(environment: &Environment) -> bool {
    environment.get(VARIABLE) != Some("never") && environment.has_program(PROGRAM, Path::new("/"))
}

/// What the keyring has for a project on an index. `username` is one that is known already.
pub(super) fn find(
    environment: &Environment,
    index: &IndexAddress,
    project: Option<&str>,
    username: Option<&str>,
) -> Option<Credentials> {
    let keyring = Keyring { environment, patience: PATIENCE };
    keyring.find(index.upload.as_str(), project, username)
}

/// Whether the keyring was asked and did not answer, so that nobody knows what is in it.
pub(super) fn is_silent(environment: &Environment) -> bool {
    let answers = ANSWERS.lock().unwrap_or_else(PoisonError::into_inner);
    let here = place(environment);
    answers.iter().any(|((path, home, _), answer)| (path, home) == (&here.0, &here.1) && answer.is_none())
}

/// Whether the keyring was asked for anything that is for this index.
pub(super) fn was_asked(environment: &Environment, index: &IndexAddress) -> bool {
    let answers = ANSWERS.lock().unwrap_or_else(PoisonError::into_inner);
    let here = place(environment);
    answers.keys().any(|(path, home, arguments)| {
        (path, home) == (&here.0, &here.1)
            && arguments.iter().any(|argument| argument == index.upload.as_str())
    })
}

/// Puts a secret into the keyring.
///
/// # Errors
/// The command fails or does not answer.
pub fn store(
    environment: &Environment,
    index: &IndexAddress,
    username: &str,
    secret: &SecretString,
) -> Result<(), ProcessError> {
    let keyring = Keyring { environment, patience: PATIENCE };
    keyring
        .process(&["set", index.upload.as_str(), username])
        .input(secret.expose_secret().as_bytes())
        .read_within(keyring.patience)
        .map(drop)
}

struct Keyring<'a> {
    environment: &'a Environment,
    patience: Duration,
}

fn place(environment: &Environment) -> (Option<String>, Option<String>) {
    let value = |name| environment.get(name).map(str::to_owned);
    (value("PATH"), value("HOME"))
}

impl Keyring<'_> {
    fn find(&self, service: &str, project: Option<&str>, username: Option<&str>) -> Option<Credentials> {
        if !has_keyring(self.environment) {
            return None;
        }
        let found = |login: Login, user: &str| {
            let source = format!("the keyring (`{service}`, user `{user}`)");
            Credentials::password(login.username, login.secret, source)
        };
        // As flit names the tokens of a project.
        let of_project = project.map(|project| format!("pypi_token:project:{}", normalize(project)));
        if let Some(user) = &of_project
            && let Some(login) = self.password(service, user)
        {
            return Some(found(Login { username: TOKEN_USER.to_owned(), ..login }, user));
        }
        if let Some(user) = username {
            return self.password(service, user).map(|login| found(login, user));
        }
        if let Some(login) = self.ask(&["--mode", "creds", "--output", "json", "get", service], creds) {
            let user = login.username.clone();
            return Some(found(login, &user));
        }
        // Not every keyring can be searched without a user's name, nor every version of the command.
        self.password(service, TOKEN_USER).map(|login| found(login, TOKEN_USER))
    }

    fn password(&self, service: &str, username: &str) -> Option<Login> {
        self.ask(&["get", service, username], |text| {
            let secret = text.trim_end_matches(['\r', '\n']);
            (!secret.is_empty()).then(|| Login { username: username.to_owned(), secret: secret.into() })
        })
    }

    /// What the command answers; nothing where it fails, for that is how it says that it has nothing.
    fn ask(&self, arguments: &[&str], read: impl Fn(&str) -> Option<Login>) -> Option<Login> {
        let (path, home) = place(self.environment);
        let question = (path, home, arguments.iter().map(|argument| (*argument).to_owned()).collect());
        let mut answers = ANSWERS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = answers.get(&question) {
            return answer.clone().flatten();
        }
        if answers
            .iter()
            .any(|((path, home, _), answer)| (path, home) == (&question.0, &question.1) && answer.is_none())
        {
            return None;
        }
        let answer = match self.process(arguments).read_within(self.patience) {
            Ok(text) => Some(read(SecretString::from(text).expose_secret())),
            Err(ProcessError::TooLong { .. }) => None,
            Err(_) => Some(None),
        };
        answers.insert(question, answer.clone());
        answer.flatten()
    }

    fn process(&self, arguments: &[&str]) -> Process {
        let process = Process::new(PROGRAM).args(arguments);
        let given = self.environment.variables();
        let given = given.filter(|(name, _)| name.to_str().is_some_and(|name| !is_withheld(name)));
        given.fold(process, |process, (name, value)| process.env(name, value))
    }
}

/// A user's name and the password, as the command gives them in JSON.
fn creds(text: &str) -> Option<Login> {
    let value: Value = serde_json::from_str(text).ok()?;
    let field = |name: &str| value.get(name)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    Some(Login { username: field("username")?, secret: field("password")?.into() })
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// A command `keyring` that is this script; with a home of its own, so that nothing is remembered from elsewhere.
    fn keyring(script: &str) -> (tempfile::TempDir, Environment) {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join(PROGRAM);
        fs_err::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs_err::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:/usr/bin:/bin", folder.path().display());
        let environment =
            Environment::from_iter([("PATH", path.as_str()), ("HOME", folder.path().to_str().unwrap())]);
        (folder, environment)
    }

    fn found(environment: &Environment) -> Option<(String, String, String)> {
        let keyring = Keyring { environment, patience: Duration::from_secs(20) };
        let found = keyring.find("https://corp.example/legacy/", Some("Demo.Pkg"), None)?;
        let login = found.login().unwrap();
        Some((login.username.clone(), login.secret.expose_secret().to_owned(), found.source().to_owned()))
    }

    fn answer(username: &str, secret: &str, user: &str) -> Option<(String, String, String)> {
        let source = format!("the keyring (`https://corp.example/legacy/`, user `{user}`)");
        Some((username.to_owned(), secret.to_owned(), source))
    }

    #[test]
    fn a_token_of_the_project_comes_first_then_whatever_there_is() {
        let (_one, project) = keyring("[ \"$3\" = pypi_token:project:demo-pkg ] && echo x1 || exit 1");
        assert_eq!(found(&project), answer("__token__", "x1", "pypi_token:project:demo-pkg"));
        let (_two, creds) =
            keyring("[ \"$2\" = creds ] && echo '{\"username\": \"alice\", \"password\": \"x2\"}' || exit 1");
        assert_eq!(found(&creds), answer("alice", "x2", "alice"));
        // One of before 25 does not know the option.
        let (_three, old) =
            keyring("[ \"$1\" = --mode ] && exit 2; [ \"$3\" = __token__ ] && echo x3 || exit 1");
        assert_eq!(found(&old), answer("__token__", "x3", "__token__"));
        let (_four, nothing) = keyring("exit 1");
        assert_eq!(found(&nothing), None);
        let (_five, forbidden) = keyring("echo x5");
        assert_eq!(found(&forbidden.with(VARIABLE, "never")), None);
    }

    #[test]
    fn one_that_does_not_answer_is_given_up_and_not_asked_again() {
        let (folder, environment) = keyring("echo asked >> \"$HOME/log\"; exec sleep 60");
        let began = std::time::Instant::now();
        let keyring = Keyring { environment: &environment, patience: Duration::from_millis(300) };
        assert!(!is_silent(&environment));
        for _ in 0..2 {
            assert!(keyring.find("https://corp.example/legacy/", Some("demo"), None).is_none());
        }
        assert!(began.elapsed() < Duration::from_secs(20) && is_silent(&environment));
        let corp = IndexAddress::new("corp", "https://corp.example/legacy/", None, None).unwrap();
        let help = crate::index::help_without(&environment, &corp);
        assert!(help.ends_with("the command `keyring` gave no answer in time"), "{help}");
        assert_eq!(fs_err::read_to_string(folder.path().join("log")).unwrap(), "asked\n");
    }

    #[test]
    fn it_is_said_that_it_was_asked_only_where_it_was() {
        let (_folder, environment) = keyring("exit 1");
        let corp = IndexAddress::new("corp", "https://corp.example/legacy/", None, None).unwrap();
        let other = IndexAddress::new("other", "https://other.example/legacy/", None, None).unwrap();
        assert!(found(&environment).is_none());
        let help = |index| crate::index::help_without(&environment, index);
        assert!(help(&corp).ends_with("the command `keyring` was asked, and has none"), "{}", help(&corp));
        assert!(!help(&other).contains("keyring"), "{}", help(&other));
    }

    #[test]
    fn a_secret_is_stored_by_way_of_the_standard_input() {
        let (folder, environment) = keyring("echo \"$@\" > \"$HOME/arguments\"; cat > \"$HOME/secret\"");
        let corp = IndexAddress::new("corp", "https://corp.example/legacy/", None, None).unwrap();
        store(&environment, &corp, "alice", &"hunter2".into()).unwrap();
        let read = |name: &str| fs_err::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(read("arguments"), "set https://corp.example/legacy/ alice\n");
        assert_eq!(read("secret"), "hunter2");
    }
}
