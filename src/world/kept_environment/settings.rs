//! The settings of pip and uv that decide what requirements resolve to.

use std::path::{Path, PathBuf};

use super::Wanted;
use crate::input::read_text;
use crate::python::filename::normalize;
use crate::world::Environment;

/// Variables that only say how to do it, or for whom
const WITHOUT_EFFECT: [&str; 22] = [
    "PIP_CACHE_DIR",
    "PIP_CERT",
    "PIP_CLIENT_CERT",
    "PIP_DEFAULT_TIMEOUT",
    "PIP_DISABLE_PIP_VERSION_CHECK",
    "PIP_KEYRING_PROVIDER",
    "PIP_LOG",
    "PIP_NO_CACHE_DIR",
    "PIP_NO_COLOR",
    "PIP_NO_INPUT",
    "PIP_PROGRESS_BAR",
    "PIP_QUIET",
    "PIP_RETRIES",
    "PIP_ROOT_USER_ACTION",
    "PIP_VERBOSE",
    "UV_CACHE_DIR",
    "UV_COMPILE_BYTECODE",
    "UV_HTTP_TIMEOUT",
    "UV_LINK_MODE",
    "UV_NATIVE_TLS",
    "UV_NO_PROGRESS",
    "UV_PYTHON",
];
/// The beginnings of variables for other commands of uv
const FOR_OTHERS: [&str; 3] = ["UV_PUBLISH_", "UV_INTERNAL_", "UV_PROJECT"];
/// pip's settings that decide what is found; uv has others for the same
const FINDING: [&str; 12] = [
    "build-constraint",
    "constraint",
    "extra-index-url",
    "find-links",
    "index-url",
    "no-binary",
    "no-index",
    "only-binary",
    "pre",
    "prefer-binary",
    "trusted-host",
    "uploaded-prior-to",
];
/// The variables with files of constraints
const FILES: [&str; 5] =
    ["PIP_BUILD_CONSTRAINT", "PIP_CONSTRAINT", "UV_BUILD_CONSTRAINT", "UV_CONSTRAINT", "UV_OVERRIDE"];

/// All settings that decide: variables, and the contents of files.
pub(super) fn deciding(environment: &Environment, wanted: &Wanted<'_>) -> Vec<String> {
    let mut parts: Vec<String> =
        variables(environment).map(|(name, value)| format!("{name}={value}")).collect();
    let mut files: Vec<PathBuf> = pip_files(environment);
    files.extend(uv_files(environment, wanted.project));
    let named = FILES.iter().filter_map(|name| environment.get(name));
    files.extend(named.flat_map(str::split_whitespace).map(|path| wanted.project.join(path)));
    for text in pip_files(environment).iter().filter_map(|path| read_text(path).ok()) {
        let constraints = settings_in(&text).filter(|(name, _)| name.ends_with("constraint"));
        files.extend(
            constraints
                .flat_map(|(_, value)| value.split_whitespace().map(PathBuf::from).collect::<Vec<_>>()),
        );
    }
    parts.extend(files.iter().filter_map(|path| read_text(path).ok()));
    parts.push(wanted.system.uv.clone());
    parts.push(if takes_uv(environment, wanted) { "uv" } else { "pip" }.to_owned());
    parts
}

/// Whether uv makes the environment: it is on PATH, and pip is not told where to find packages while uv is not.
pub(super) fn takes_uv(environment: &Environment, wanted: &Wanted<'_>) -> bool {
    if !environment.has_program("uv", wanted.project) {
        return false;
    }
    let is_of_pip = |name: &str| FINDING.contains(&name);
    let variable = |name: &str| name.strip_prefix("PIP_").is_some_and(|name| is_of_pip(&normalize(name)));
    let pip_is_told = variables(environment).any(|(name, _)| variable(name))
        || pip_files(environment)
            .iter()
            .filter_map(|path| read_text(path).ok())
            .any(|text| settings_in(&text).any(|(name, _)| is_of_pip(&name)));
    let uv_is_told = !wanted.system.uv.is_empty()
        || variables(environment).any(|(name, _)| name.starts_with("UV_"))
        || uv_files(environment, wanted.project).iter().any(|path| path.is_file());
    uv_is_told || !pip_is_told
}

/// The variables of pip and uv that may decide.
fn variables(environment: &Environment) -> impl Iterator<Item = (&str, &str)> {
    let decides = |name: &&str| {
        (name.starts_with("PIP_") || name.starts_with("UV_"))
            && !WITHOUT_EFFECT.contains(name)
            && !FOR_OTHERS.iter().any(|beginning| name.starts_with(beginning))
    };
    environment.names().filter(decides).filter_map(|name| Some((name, environment.get(name)?)))
}

/// The settings in a configuration file of pip. A value may go on in indented lines.
fn settings_in(text: &str) -> impl Iterator<Item = (String, String)> {
    let mut settings: Vec<(String, String)> = Vec::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with(['#', ';', '['])) {
        match line.split_once(['=', ':']) {
            Some((name, value)) if !line.starts_with([' ', '\t']) => {
                settings.push((normalize(name.trim()), value.trim().to_owned()));
            }
            _ => {
                if let Some((_, value)) = settings.last_mut() {
                    value.push(' ');
                    value.push_str(line.trim());
                }
            }
        }
    }
    settings.into_iter()
}

/// The configuration files that pip may read.
fn pip_files(environment: &Environment) -> Vec<PathBuf> {
    let named = environment.path("PIP_CONFIG_FILE");
    if named.as_deref() == Some(Path::new(if cfg!(windows) { "nul" } else { "/dev/null" })) {
        return Vec::new();
    }
    let mut files = named.into_iter().collect::<Vec<_>>();
    let name = if cfg!(windows) { "pip.ini" } else { "pip.conf" };
    for folder in ["PROGRAMDATA", "APPDATA"] {
        files.extend(environment.path(folder).map(|folder| folder.join("pip").join(name)));
    }
    let systems = environment.path("XDG_CONFIG_DIRS").unwrap_or_else(|| "/etc/xdg".into());
    files.extend(std::env::split_paths(&systems).map(|folder| folder.join("pip").join(name)));
    files.push("/etc/pip.conf".into());
    files.push("/Library/Application Support/pip/pip.conf".into());
    if let Some(home) = environment.home() {
        files.push(home.join(".pip").join(name));
        files.push(home.join("pip").join(name));
        files.push(home.join("Library/Application Support/pip").join(name));
        let own = environment.path("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config"));
        files.push(own.join("pip").join(name));
    }
    files
}

/// The configuration files that uv may read, without the project's `pyproject.toml`.
fn uv_files(environment: &Environment, project: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = environment.path("UV_CONFIG_FILE").into_iter().collect();
    files.push(project.join("uv.toml"));
    let home = environment.home().unwrap_or_default();
    let own = environment.path("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config"));
    files.push(own.join("uv/uv.toml"));
    files.extend(environment.path("APPDATA").map(|folder| folder.join("uv/uv.toml")));
    files.push("/etc/uv/uv.toml".into());
    files
}
