//! The environment variables that child processes do not inherit: secrets, and what is for this process alone.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::sync::{PoisonError, RwLock};

use crate::world::failpoints;

static GRANTED: RwLock<BTreeSet<String>> = RwLock::new(BTreeSet::new());

/// Variables that would point `git` at another repository than the one it runs in
const REDIRECTING: [&str; 9] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_PREFIX",
    "GIT_NAMESPACE",
    "GIT_DEFAULT_REF_FORMAT",
];

/// Variables that hold credentials for uploads
const SECRET: [&str; 10] = [
    "TWINE_USERNAME",
    "TWINE_PASSWORD",
    "UV_PUBLISH_TOKEN",
    "UV_PUBLISH_USERNAME",
    "UV_PUBLISH_PASSWORD",
    "HATCH_INDEX_AUTH",
    "FLIT_PASSWORD",
    "PDM_PUBLISH_PASSWORD",
    "MATURIN_PASSWORD",
    "MATURIN_PYPI_TOKEN",
];

/// Variables with the tokens of a forge or of a CI job, with which a repository or its releases can be changed. A credential
/// helper of git may read them.
const FORGE_TOKENS: [&str; 16] = [
    "GITHUB_TOKEN",
    "GH_TOKEN",
    "GITHUB_ENTERPRISE_TOKEN",
    "GH_ENTERPRISE_TOKEN",
    "ACTIONS_RUNTIME_TOKEN",
    "GITLAB_TOKEN",
    "GITLAB_ACCESS_TOKEN",
    "CI_JOB_TOKEN",
    "CI_DEPLOY_PASSWORD",
    "CI_REGISTRY_PASSWORD",
    "CI_DEPENDENCY_PROXY_PASSWORD",
    "CI_REPOSITORY_URL",
    "GITEA_TOKEN",
    "FORGEJO_TOKEN",
    "BITBUCKET_TOKEN",
    "SYSTEM_ACCESSTOKEN",
];

/// Variables for this process only
const OURS: [&str; 1] = [failpoints::VARIABLE];

const SECRET_PREFIXES: [&str; 6] = [
    "PYRELEASE_TOKEN_",
    "PYRELEASE_SECRET_",
    "POETRY_PYPI_TOKEN_",
    "POETRY_HTTP_BASIC_",
    "ACTIONS_ID_TOKEN_",
    "CI_JOB_JWT",
];

/// Whether a variable may hold a secret; only commands that are granted it get it.
pub fn is_secret(name: &str) -> bool {
    SECRET.contains(&name)
        || FORGE_TOKENS.contains(&name)
        || name.ends_with("_ID_TOKEN")
        || SECRET_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Treats these variables as secrets from here on, whatever their names: no child process inherits them.
pub fn withhold<'a>(names: impl IntoIterator<Item = &'a str>) {
    let mut granted = GRANTED.write().unwrap_or_else(PoisonError::into_inner);
    granted.extend(names.into_iter().map(str::to_owned));
}

fn is_granted(name: &str) -> bool {
    GRANTED.read().unwrap_or_else(PoisonError::into_inner).contains(name)
}

/// Whether child processes do not inherit this variable.
pub fn is_withheld(name: &str) -> bool {
    REDIRECTING.contains(&name) || OURS.contains(&name) || is_secret(name) || is_granted(name)
}

/// The variables of this process that a child does not inherit; one that reaches a remote gets the tokens of forges, unless
/// a stage is granted them.
#[expect(clippy::disallowed_methods, reason = "children inherit this process's real environment")]
pub(super) fn withheld(reaches_remote: bool) -> impl Iterator<Item = OsString> {
    let is_withheld = move |name: &str| {
        is_withheld(name) && !(reaches_remote && FORGE_TOKENS.contains(&name) && !is_granted(name))
    };
    std::env::vars_os().map(|(name, _)| name).filter(move |name| name.to_str().is_some_and(is_withheld))
}
