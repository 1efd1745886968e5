//! The `keyring` command, where twine stores passwords and flit stores tokens. The service is the upload URL.
//!
//! The command may try to unlock the keyring and wait for a user who is not there, so it has a timeout; after one
//! timeout it is not run again. It returns one secret at a time and takes half a second for each. If it is a Python
//! script, its interpreter is asked for all secrets at once instead.

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
/// The prefix of the user under which flit stores a project's token
const PROJECT_PREFIX: &str = "pypi_token:project:";
/// Of a script's first line, in bytes
const LONGEST_LINE: u64 = 512;
/// `never`: do not run the command
const VARIABLE: &str = "PYRELEASE_KEYRING";
const PATIENCE: Duration = Duration::from_secs(10);
/// Prints the first secret that exists of several users; an empty name stands for any user
const SCRIPT: &str = include_str!("keyring.py");
/// The script's exit code if that Python has no `keyring` module
const EXIT_NO_MODULE: i32 = 77;

/// The `PATH` and home directory a query was run with, and its arguments
type Query = (Option<String>, Option<String>, Vec<String>);

/// The result of a query
#[derive(Clone)]
enum QueryResult {
    Reply(Option<Login>),
    /// No reply in time
    Timeout,
    /// The interpreter has no `keyring` module
    NoModule,
}

/// The queries run in this process
static RESULTS: Mutex<BTreeMap<Query, QueryResult>> = Mutex::new(BTreeMap::new());

/// Whether there is a `keyring` command and it may be run.
pub fn has_keyring(environment: &Environment) -> bool {
    environment.get(VARIABLE) != Some("never") && environment.has_program(PROGRAM, Path::new("/"))
}

/// What the keyring has for a project on an index. `username` is set if it is known already.
pub(super) fn find(
    environment: &Environment,
    index: &IndexAddress,
    project: Option<&str>,
    username: Option<&str>,
) -> Option<Credentials> {
    let keyring = Keyring { environment, patience: PATIENCE };
    keyring.find(index.upload.as_str(), project, username)
}

/// Whether a query timed out, so that the keyring's contents are unknown.
pub(super) fn timed_out(environment: &Environment) -> bool {
    timed_out_in(&RESULTS.lock().unwrap_or_else(PoisonError::into_inner), &location(environment))
}

fn timed_out_in(results: &BTreeMap<Query, QueryResult>, here: &(Option<String>, Option<String>)) -> bool {
    let is_timeout = |answer: &QueryResult| matches!(answer, QueryResult::Timeout);
    results.iter().any(|((path, home, _), answer)| (path, home) == (&here.0, &here.1) && is_timeout(answer))
}

/// Whether the keyring was queried for this index.
pub(super) fn was_queried(environment: &Environment, index: &IndexAddress) -> bool {
    let results = RESULTS.lock().unwrap_or_else(PoisonError::into_inner);
    let here = location(environment);
    results.keys().any(|(path, home, arguments)| {
        (path, home) == (&here.0, &here.1)
            && arguments.iter().any(|argument| argument == index.upload.as_str())
    })
}

/// Puts a secret into the keyring.
///
/// # Errors
/// The command fails or times out.
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

fn location(environment: &Environment) -> (Option<String>, Option<String>) {
    let value = |name| environment.get(name).map(str::to_owned);
    (value("PATH"), value("HOME"))
}

/// The user whose secret is wanted; empty for any user
type User = String;

impl Keyring<'_> {
    fn find(&self, service: &str, project: Option<&str>, username: Option<&str>) -> Option<Credentials> {
        if !has_keyring(self.environment) {
            return None;
        }
        // flit's name for a project's token. Not every keyring can be searched without a user name.
        let project_user = project.map(|project| format!("{PROJECT_PREFIX}{}", normalize(project)));
        let other_users = match username {
            Some(username) => vec![username.to_owned()],
            None => vec![String::new(), TOKEN_USER.to_owned()],
        };
        let users: Vec<User> = project_user.into_iter().chain(other_users).collect();
        let found =
            self.via_interpreter(service, &users).unwrap_or_else(|| self.one_by_one(service, &users))?;
        let user = found.username;
        let source = format!("the keyring (`{service}`, user `{user}`)");
        let username = if user.starts_with(PROJECT_PREFIX) { TOKEN_USER.to_owned() } else { user };
        Some(Credentials::password(username, found.secret, source).bound(true))
    }

    /// The first secret that exists, in one query; none if the command is not a Python script.
    fn via_interpreter(&self, service: &str, users: &[User]) -> Option<Option<Login>> {
        let mut words = self.interpreter()?.into_iter();
        let process = Process::new(words.next()?).args(words).args(["-I", "-c", SCRIPT, service]).args(users);
        let arguments: Vec<&str> = [service].into_iter().chain(users.iter().map(String::as_str)).collect();
        match self.query(&arguments, process, creds) {
            QueryResult::Reply(login) => Some(login),
            QueryResult::Timeout => Some(None),
            QueryResult::NoModule => None,
        }
    }

    /// The interpreter and options in the command's `#!` line, if it is a Python script.
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
            "" => self.run(&["--mode", "creds", "--output", "json", "get", service], creds),
            user => self.password(service, user),
        })
    }

    fn password(&self, service: &str, username: &str) -> Option<Login> {
        self.run(&["get", service, username], |text| {
            let secret = text.trim_end_matches(['\r', '\n']);
            (!secret.is_empty()).then(|| Login { username: username.to_owned(), secret: secret.into() })
        })
    }

    /// The command's output; none if it fails, which is how it reports that it has no such secret.
    fn run(&self, arguments: &[&str], read: impl Fn(&str) -> Option<Login>) -> Option<Login> {
        match self.query(arguments, Process::new(PROGRAM).args(arguments), read) {
            QueryResult::Reply(login) => login,
            QueryResult::Timeout | QueryResult::NoModule => None,
        }
    }

    /// Runs a query, unless it was run before or another one timed out.
    fn query(
        &self,
        arguments: &[&str],
        process: Process,
        read: impl Fn(&str) -> Option<Login>,
    ) -> QueryResult {
        let here = location(self.environment);
        let mut results = RESULTS.lock().unwrap_or_else(PoisonError::into_inner);
        let timed_out = timed_out_in(&results, &here);
        let (path, home) = here;
        let question = (path, home, arguments.iter().map(|argument| (*argument).to_owned()).collect());
        if let Some(answer) = results.get(&question) {
            return answer.clone();
        }
        if timed_out {
            return QueryResult::Timeout;
        }
        let answer = match self.with_variables(process).read_within(self.patience) {
            Ok(text) => QueryResult::Reply(read(SecretString::from(text).expose_secret())),
            Err(ProcessError::TooLong { .. }) => QueryResult::Timeout,
            Err(ProcessError::Failed { code: Some(EXIT_NO_MODULE), .. }) => QueryResult::NoModule,
            Err(_) => QueryResult::Reply(None),
        };
        results.insert(question, answer.clone());
        answer
    }

    /// Adds the environment without secrets. The command runs in the home directory, because some versions look for
    /// their settings in the working directory.
    fn with_variables(&self, process: Process) -> Process {
        let home = self.environment.home().filter(|home| home.is_dir());
        let process = process.folder(home.as_deref().unwrap_or(Path::new("/")));
        let given = self.environment.variables();
        let given = given.filter(|(name, _)| name.to_str().is_some_and(|name| !is_withheld(name)));
        given.fold(process, |process, (name, value)| process.env(name, value))
    }
}

/// Parses a user name and password from the command's JSON.
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

    /// A `keyring` command with this script. Its own home directory keeps cached replies apart.
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
    fn a_project_token_comes_before_other_secrets() {
        let (_one, project) = keyring("[ \"$3\" = pypi_token:project:demo-pkg ] && echo x1 || exit 1");
        assert_eq!(found(&project), answer("__token__", "x1", "pypi_token:project:demo-pkg"));
        let (_two, creds) =
            keyring("[ \"$2\" = creds ] && echo '{\"username\": \"alice\", \"password\": \"x2\"}' || exit 1");
        assert_eq!(found(&creds), answer("alice", "x2", "alice"));
        // Versions before 25 do not have the option.
        let (_three, old) =
            keyring("[ \"$1\" = --mode ] && exit 2; [ \"$3\" = __token__ ] && echo x3 || exit 1");
        assert_eq!(found(&old), answer("__token__", "x3", "__token__"));
        let (_four, nothing) = keyring("exit 1");
        assert_eq!(found(&nothing), None);
        let (_five, forbidden) = keyring("echo x5");
        assert_eq!(found(&forbidden.with(VARIABLE, "never")), None);
    }

    /// A keyring script with an interpreter that logs its arguments and prints this answer.
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
    fn the_interpreter_is_asked_once_for_all_users() {
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
        // An interpreter without the module is not the one that runs the command.
        let (_four, other) = keyring_of("exit 77");
        assert_eq!(found(&other), None);
    }

    #[test]
    fn a_command_that_times_out_is_not_run_again() {
        let (folder, environment) = keyring("echo asked >> \"$HOME/log\"; exec sleep 60");
        let began = std::time::Instant::now();
        let keyring = Keyring { environment: &environment, patience: Duration::from_millis(300) };
        assert!(!timed_out(&environment));
        for _ in 0..2 {
            assert!(keyring.find("https://corp.example/legacy/", Some("demo"), None).is_none());
        }
        assert!(began.elapsed() < Duration::from_secs(20) && timed_out(&environment));
        let corp = IndexAddress::new("corp", "https://corp.example/legacy/", None, None).unwrap();
        let help = crate::index::help_without(&environment, &corp);
        assert!(help.ends_with("the `keyring` command timed out"), "{help}");
        assert_eq!(fs_err::read_to_string(folder.path().join("log")).unwrap(), "asked\n");
    }

    #[test]
    fn the_help_mentions_the_keyring_only_if_it_was_queried() {
        let (_folder, environment) = keyring("exit 1");
        let corp = IndexAddress::new("corp", "https://corp.example/legacy/", None, None).unwrap();
        let other = IndexAddress::new("other", "https://other.example/legacy/", None, None).unwrap();
        assert!(found(&environment).is_none());
        let help = |index| crate::index::help_without(&environment, index);
        assert!(help(&corp).ends_with("the `keyring` command has none"), "{}", help(&corp));
        assert!(!help(&other).contains("keyring"), "{}", help(&other));
    }

    #[test]
    fn a_secret_is_passed_on_standard_input() {
        let (folder, environment) = keyring("echo \"$@\" > \"$HOME/arguments\"; cat > \"$HOME/secret\"");
        let corp = IndexAddress::new("corp", "https://corp.example/legacy/", None, None).unwrap();
        store(&environment, &corp, "alice", &"hunter2".into()).unwrap();
        let read = |name: &str| fs_err::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(read("arguments"), "set https://corp.example/legacy/ alice\n");
        assert_eq!(read("secret"), "hunter2");
    }
}
