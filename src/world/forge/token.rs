//! The credential for a forge: from the environment, else from the forge's own command.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::address::{ForgeAddress, ForgeKind};
use crate::world::process::Process;
use crate::world::{ALLOWED_HOSTS, Environment};

/// The variable for any forge
const OWN: &str = "PYRELEASE_TOKEN_FORGE";
/// How long `gh` or `glab` may take to print a token
const PATIENCE: Duration = Duration::from_secs(20);

/// Where a token comes from
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenSource {
    Variable(&'static str),
    /// A command: `gh auth token`
    Command(&'static str),
}

impl fmt::Display for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "`{name}`"),
            Self::Command(command) => write!(f, "`{command}`"),
        }
    }
}

/// A token for a forge
pub struct Token {
    secret: SecretString,
    pub source: TokenSource,
}

impl Token {
    /// The token for the forge at `address`; none if there is none.
    pub fn find(address: &ForgeAddress, environment: &Environment, folder: &Path) -> Option<Self> {
        let variables = std::iter::once(OWN).chain(variables(address, environment));
        let variables = variables.filter(|_| is_allowed(address, environment));
        let token = |text: &str, source| {
            let secret = text.trim();
            (!secret.is_empty()).then(|| Self { secret: secret.into(), source })
        };
        for name in variables {
            if let Some(found) =
                environment.get(name).and_then(|text| token(text, TokenSource::Variable(name)))
            {
                return Some(found);
            }
        }
        let (program, arguments, shown) = match address.kind {
            ForgeKind::Github => ("gh", ["auth", "token", "--hostname"].as_slice(), "gh auth token"),
            ForgeKind::Gitlab => {
                ("glab", ["config", "get", "token", "--host"].as_slice(), "glab config get token")
            }
            ForgeKind::Gitea => return None,
        };
        // Nothing on this machine has an account of theirs.
        if address.is_here() || !environment.has_program(program, folder) {
            return None;
        }
        let asked = Process::new(program).args(arguments).arg(&address.host).folder(folder);
        token(&asked.read_within(PATIENCE).ok()?, TokenSource::Command(shown))
    }

    /// How to give one, for messages.
    pub fn advice(address: &ForgeAddress, environment: &Environment) -> String {
        if !is_allowed(address, environment) {
            let host = &address.host;
            return format!(
                "the project chose this host: if a token may be sent there, set `{ALLOWED_HOSTS}={host}` besides the token"
            );
        }
        let names: Vec<String> =
            variables(address, environment).chain([OWN]).map(|name| format!("`{name}`")).collect();
        let command = match address.kind {
            ForgeKind::Github => ", or log in with `gh auth login`",
            ForgeKind::Gitlab => ", or log in with `glab auth login`",
            ForgeKind::Gitea => "",
        };
        format!("set {}{command}; it needs {}", names.join(" or "), address.kind.permission())
    }

    pub(super) fn expose(&self) -> &str {
        self.secret.expose_secret()
    }

    /// Whether it is a CI job's own token of GitLab, which has another header.
    pub(super) fn is_job_token(&self) -> bool {
        self.source == TokenSource::Variable("CI_JOB_TOKEN")
    }
}

impl ForgeKind {
    /// What a token must be allowed to do.
    pub(super) fn permission(self) -> &'static str {
        match self {
            Self::Github => {
                "write access to the repository's contents (and to its pull requests, for `propose`)"
            }
            Self::Gitlab => "the scope `api` and the role Developer",
            Self::Gitea => "read and write access to the repository",
        }
    }
}

/// Forges that everybody knows
const KNOWN: [&str; 4] = ["github.com", "gitlab.com", "codeberg.org", "gitea.com"];

/// Whether a token of the environment may be sent to a host, which a project's files and its git configuration name: both
/// may be a stranger's. The forges that everybody knows, that of the CI job, this machine, and those that the user allows.
fn is_allowed(address: &ForgeAddress, environment: &Environment) -> bool {
    let host = address.host.as_str();
    let is_known = KNOWN.contains(&host) || host.ends_with(".ghe.com");
    let is_server = ["GITHUB_SERVER_URL", "CI_SERVER_URL"].iter().any(|name| is_at(environment, name, host));
    is_known || is_server || address.is_here() || environment.allows_host(host)
}

/// Whether a variable's URL is at this host.
fn is_at(environment: &Environment, variable: &str, host: &str) -> bool {
    let server = environment.get(variable).unwrap_or_default();
    let server = server.split_once("://").map_or(server, |(_, rest)| rest);
    server.split(['/', ':']).next() == Some(host)
}

/// The forge's own variables, if they are for this host: those of a CI job are for the forge that it runs on.
fn variables(address: &ForgeAddress, environment: &Environment) -> impl Iterator<Item = &'static str> {
    let host = address.host.as_str();
    let is_server = |variable: &str| is_at(environment, variable, host);
    let names: &[&'static str] = match address.kind {
        ForgeKind::Github if host == "github.com" || host.ends_with(".ghe.com") => {
            &["GH_TOKEN", "GITHUB_TOKEN"]
        }
        ForgeKind::Github if is_server("GITHUB_SERVER_URL") => {
            &["GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN", "GITHUB_TOKEN"]
        }
        ForgeKind::Github => &["GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"],
        ForgeKind::Gitlab if is_server("CI_SERVER_URL") => &["GITLAB_TOKEN", "CI_JOB_TOKEN"],
        ForgeKind::Gitlab => &["GITLAB_TOKEN"],
        ForgeKind::Gitea if is_server("GITHUB_SERVER_URL") => {
            &["GITEA_TOKEN", "FORGEJO_TOKEN", "GITHUB_TOKEN"]
        }
        ForgeKind::Gitea => &["GITEA_TOKEN", "FORGEJO_TOKEN"],
    };
    names.iter().copied()
}
