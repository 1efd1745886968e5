//! The `keyring` command, where twine's users keep passwords and flit's keep tokens: the service is the upload address.
//!
//! It may want to unlock something and wait for somebody who is not there, so it gets some seconds, and once it has given
//! no answer it is not asked again. It tells one secret at a time and takes half a second for each: where it is a script of
//! a Python's, that Python is asked for all at once.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use fs_err::File;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::{Credentials, Login, TOKEN_USER};
use crate::index::IndexAddress;
use crate::python::filename::normalize;
use crate::world::Environment;
use crate::world::process::{Process, ProcessError, is_withheld};

const PROGRAM: &str = "keyring";
/// Before a project's name, the user under whom flit keeps its token
const OF_PROJECT: &str = "pypi_token:project:";
/// Of a script's first line, in bytes
const LONGEST_LINE: u64 = 512;
/// `never`: it is not asked
const VARIABLE: &str = "PYRELEASE_KEYRING";
const PATIENCE: Duration = Duration::from_secs(10);
/// Asks the keyring's own Python for the first of several users, and for any where the name is empty
const SCRIPT: &str = include_str!("keyring.py");
/// By which that Python says that it is not the keyring's
const NOT_THERE: i32 = 77;

/// What was asked for: where the command is, and what it was asked
type Question = (Option<String>, Option<String>, Vec<String>);

/// What came of a question
#[derive(Clone)]
enum Answer {
    Said(Option<Login>),
    /// None in time
    Silence,
    /// There is nobody there who could know
    NotThere,
}

/// What was answered in this process
static ANSWERS: Mutex<BTreeMap<Question, Answer>> = Mutex::new(BTreeMap::new());

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
    is_silent_at(&ANSWERS.lock().unwrap_or_else(PoisonError::into_inner), &place(environment))
}

fn is_silent_at(answers: &BTreeMap<Question, Answer>, here: &(Option<String>, Option<String>)) -> bool {
    let is_silence = |answer: &Answer| matches!(answer, Answer::Silence);
    answers.iter().any(|((path, home, _), answer)| (path, home) == (&here.0, &here.1) && is_silence(answer))
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
    let process = Process::new(PROGRAM).args(["set", index.upload.as_str(), username]);
    keyring
        .with_variables(process)
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

/// Whose secret is asked for: that of a user, or of any where it is empty
type User = String;

impl Keyring<'_> {
    fn find(&self, service: &str, project: Option<&str>, username: Option<&str>) -> Option<Credentials> {
        if !has_keyring(self.environment) {
            return None;
        }
        // As flit names the tokens of a project. Not every keyring can be searched without a user's name.
        let of_project = project.map(|project| format!("{OF_PROJECT}{}", normalize(project)));
        let others = match username {
            Some(username) => vec![username.to_owned()],
            None => vec![String::new(), TOKEN_USER.to_owned()],
        };
        let users: Vec<User> = of_project.into_iter().chain(others).collect();
        let found =
            self.by_its_python(service, &users).unwrap_or_else(|| self.one_by_one(service, &users))?;
        let user = found.username;
        let source = format!("the keyring (`{service}`, user `{user}`)");
        let username = if user.starts_with(OF_PROJECT) { TOKEN_USER.to_owned() } else { user };
        Some(Credentials::password(username, found.secret, source).bound(true))
    }

    /// The first secret that there is, asked for at once; none where the command is no script of a Python's.
    fn by_its_python(&self, service: &str, users: &[User]) -> Option<Option<Login>> {
        let mut words = self.interpreter()?.into_iter();
        let process = Process::new(words.next()?).args(words).args(["-I", "-c", SCRIPT, service]).args(users);
        let arguments: Vec<&str> = [service].into_iter().chain(users.iter().map(String::as_str)).collect();
        match self.ask_by(&arguments, process, creds) {
            Answer::Said(login) => Some(login),
            Answer::Silence => Some(None),
            Answer::NotThere => None,
        }
    }

    /// The Python, and its options, whose script the command is.
    fn interpreter(&self) -> Option<Vec<String>> {
        let folders = self.environment.search_path().into_iter();
        let command = folders.map(|folder| folder.join(PROGRAM)).find(|path| path.is_file())?;
        let mut beginning = Vec::new();
        File::open(command).ok()?.take(LONGEST_LINE).read_to_end(&mut beginning).ok()?;
        let line = beginning.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
        let words: Vec<String> = str::from_utf8(line).ok()?.split_whitespace().map(str::to_owned).collect();
        let program = Path::new(words.first()?);
        let name = program.file_name()?.to_str()?;
        (name.starts_with("python") && program.is_absolute()).then_some(words)
    }

    fn one_by_one(&self, service: &str, users: &[User]) -> Option<Login> {
        users.iter().find_map(|user| match user.as_str() {
            "" => self.ask(&["--mode", "creds", "--output", "json", "get", service], creds),
            user => self.password(service, user),
        })
    }

    fn password(&self, service: &str, username: &str) -> Option<Login> {
        self.ask(&["get", service, username], |text| {
            let secret = text.trim_end_matches(['\r', '\n']);
            (!secret.is_empty()).then(|| Login { username: username.to_owned(), secret: secret.into() })
        })
    }

    /// What the command answers; nothing where it fails, for that is how it says that it has nothing.
    fn ask(&self, arguments: &[&str], read: impl Fn(&str) -> Option<Login>) -> Option<Login> {
        match self.ask_by(arguments, Process::new(PROGRAM).args(arguments), read) {
            Answer::Said(login) => login,
            Answer::Silence | Answer::NotThere => None,
        }
    }

    /// What a process answers, unless it was asked before, or was silent to another question.
    fn ask_by(&self, arguments: &[&str], process: Process, read: impl Fn(&str) -> Option<Login>) -> Answer {
        let here = place(self.environment);
        let mut answers = ANSWERS.lock().unwrap_or_else(PoisonError::into_inner);
        let is_silent = is_silent_at(&answers, &here);
        let (path, home) = here;
        let question = (path, home, arguments.iter().map(|argument| (*argument).to_owned()).collect());
        if let Some(answer) = answers.get(&question) {
            return answer.clone();
        }
        if is_silent {
            return Answer::Silence;
        }
        let answer = match self.with_variables(process).read_within(self.patience) {
            Ok(text) => Answer::Said(read(SecretString::from(text).expose_secret())),
            Err(ProcessError::TooLong { .. }) => Answer::Silence,
            Err(ProcessError::Failed { code: Some(NOT_THERE), .. }) => Answer::NotThere,
            Err(_) => Answer::Said(None),
        };
        answers.insert(question, answer.clone());
        answer
    }

    /// The process with what it needs of the environment, and no secret; in the home folder, because some versions look for
    /// their settings where they are started.
    fn with_variables(&self, process: Process) -> Process {
        let home = self.environment.home().filter(|home| home.is_dir());
        let process = process.folder(home.as_deref().unwrap_or(Path::new("/")));
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

    /// A Python that notes what it is asked and answers so, as the first line of the command says.
    fn keyring_of(answer: &str) -> (tempfile::TempDir, Environment) {
        let (folder, environment) = keyring("echo by-itself >> \"$HOME/log\"; exit 1");
        let python = folder.path().join("python3");
        let script = format!("#!/bin/sh\nshift 3; echo \"$@\" >> \"$HOME/log\"\n{answer}\n");
        fs_err::write(&python, script).unwrap();
        fs_err::set_permissions(&python, std::fs::Permissions::from_mode(0o755)).unwrap();
        let command = folder.path().join(PROGRAM);
        let text = fs_err::read_to_string(&command).unwrap();
        fs_err::write(&command, text.replacen("#!/bin/sh", &format!("#!{}", python.display()), 1)).unwrap();
        (folder, environment)
    }

    #[test]
    fn its_python_is_asked_once_for_all_users() {
        let log = |folder: &tempfile::TempDir| fs_err::read_to_string(folder.path().join("log")).unwrap();
        let once = "https://corp.example/legacy/ pypi_token:project:demo-pkg  __token__\n";
        let (one, alice) = keyring_of("echo '{\"username\": \"alice\", \"password\": \"x2\"}'");
        assert_eq!(found(&alice), answer("alice", "x2", "alice"));
        assert_eq!((found(&alice), log(&one).as_str()), (answer("alice", "x2", "alice"), once));
        let project = "{\"username\": \"pypi_token:project:demo-pkg\", \"password\": \"x1\"}";
        let (_two, token) = keyring_of(&format!("echo '{project}'"));
        assert_eq!(found(&token), answer("__token__", "x1", "pypi_token:project:demo-pkg"));
        let (three, nothing) = keyring_of("exit 0");
        assert_eq!((found(&nothing), log(&three).as_str()), (None, once));
        // One that has no module of that name is not the one that the command runs with.
        let (_four, other) = keyring_of("exit 77");
        assert_eq!(found(&other), None);
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
