//! A plugin together with its stage: everything a call needs, whether new or from a journal.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::launch::{Call, PluginHandler, Stop, call};
use super::protocol::Method;
use super::store::{Plugin, python_folder};
use crate::error::{Error, Result};
use crate::world::{Environment, without_relative_folders};

/// The default time limit of a call
const LIMIT: Duration = Duration::from_secs(600);
/// The time limit of `verify`, for which recovery waits
const VERIFY_LIMIT: Duration = Duration::from_secs(60);
/// The time limit of `describe`, which every command calls
const DESCRIBE_LIMIT: Duration = Duration::from_secs(30);
/// The preferred prefix of variables with secrets; commands of stages do not inherit them
pub const SECRET_PREFIX: &str = "PYRELEASE_SECRET_";

/// The variables that every plugin inherits: where programs are, who the user is, and how to reach the network
const INHERITED: [&str; 27] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TMPDIR",
    "TEMP",
    "TMP",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
    "XDG_RUNTIME_DIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "PYENV_ROOT",
    "PYENV_VERSION",
    "SYSTEMROOT",
    "COMSPEC",
    "PATHEXT",
    "USERPROFILE",
    "APPDATA",
];

/// A plugin and its stage
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    pub stage: String,
    pub plugin: Plugin,
    pub config: Value,
    /// The names of the secrets that it is granted; only the call contains their values
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// The names of variables that it is granted
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environment: Vec<String>,
    /// The configured time limit of a call, in seconds
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
}

/// The surroundings of a call
pub struct CallContext<'a> {
    pub environment: &'a Environment,
    pub folder: &'a Path,
    pub stop: Stop<'a>,
}

impl Assignment {
    /// Calls `describe`.
    ///
    /// # Errors
    /// The plugin cannot be started, or gives no description.
    pub fn describe(&self, place: &CallContext<'_>, handler: &mut dyn PluginHandler) -> Result<Value> {
        let limit = self.limit(Method::Describe);
        self.make((Method::Describe, &Value::Object(Map::new())), place, &[], limit, handler)
    }

    /// Calls a method. Secrets are passed only to `run`, `undo` and `verify`.
    ///
    /// # Errors
    /// The plugin cannot be started or gives no result, or a granted secret is not set.
    pub fn call(
        &self,
        method: Method,
        mut params: Map<String, Value>,
        place: &CallContext<'_>,
        handler: &mut dyn PluginHandler,
    ) -> Result<Value> {
        params.insert("config".to_owned(), self.config.clone());
        let mut values = Vec::new();
        if matches!(method, Method::Run | Method::Undo | Method::Verify) {
            let mut secrets = Map::new();
            for name in &self.secrets {
                let value = secret(name, place.environment).ok_or_else(|| self.missing(name))?;
                values.push(value.to_owned());
                secrets.insert(name.clone(), value.into());
            }
            params.insert("secrets".to_owned(), secrets.into());
        }
        self.make((method, &params.into()), place, &values, self.limit(method), handler)
    }

    /// The time limit of a call.
    pub(super) fn limit(&self, method: Method) -> Duration {
        let usual = match method {
            Method::Describe => DESCRIBE_LIMIT,
            Method::Verify => VERIFY_LIMIT,
            Method::Preflight | Method::Run | Method::Undo => LIMIT,
        };
        self.seconds.map_or(usual, Duration::from_secs)
    }

    fn make(
        &self,
        (method, params): (Method, &Value),
        place: &CallContext<'_>,
        secrets: &[String],
        limit: Duration,
        handler: &mut dyn PluginHandler,
    ) -> Result<Value> {
        let environment = self.variables(place.environment)?;
        Ok(call(
            &Call {
                plugin: &self.plugin.name,
                stage: &self.stage,
                method,
                params,
                program: &self.plugin.program(place.environment)?,
                folder: place.folder,
                environment: &environment,
                secrets,
                limit,
                stop: place.stop,
            },
            handler,
        )?)
    }

    /// The error for a granted secret that is not set.
    pub fn missing(&self, name: &str) -> Error {
        Error::failed(format!(
            "the secret `{name}`, which stage `{}` grants its plugin, is not set",
            self.stage
        ))
        .help(format!("set {SECRET_PREFIX}{name}"))
    }

    /// The environment of the plugin's process.
    pub(super) fn variables(&self, environment: &Environment) -> Result<Vec<(OsString, OsString)>> {
        let is_kept = |name: &OsStr| {
            name.to_str().is_some_and(|name| {
                INHERITED.contains(&name)
                    || name.starts_with("LC_")
                    || name.to_ascii_lowercase().ends_with("_proxy")
                    || self.environment.iter().any(|granted| granted == name)
            })
        };
        let mut variables: Vec<(OsString, OsString)> = environment
            .variables()
            .filter(|(name, _)| is_kept(name))
            .map(|(name, value)| match name.to_str() {
                // The plugin host finds the program by this PATH.
                Some("PATH") => (name.to_owned(), without_relative_folders(value)),
                _ => (name.to_owned(), value.to_owned()),
            })
            .collect();
        variables.push(("PYTHONPATH".into(), python_folder(environment)?.into()));
        for (name, value) in [
            // Without it, Python would buffer messages to the pipe, and both sides would wait.
            ("PYTHONUNBUFFERED", "1"),
            ("PYTHONUTF8", "1"),
            ("PYTHONDONTWRITEBYTECODE", "1"),
        ] {
            variables.push((name.into(), value.into()));
        }
        Ok(variables)
    }
}

/// The value of a secret.
pub fn secret<'a>(name: &str, environment: &'a Environment) -> Option<&'a str> {
    environment.get(&format!("{SECRET_PREFIX}{name}")).or_else(|| environment.get(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verify_has_a_shorter_time_limit_unless_one_is_configured() {
        let plugin = Plugin {
            name: "x".to_owned(),
            sha256: String::new(),
            source: "x".into(),
            before: Vec::new(),
            after: Vec::new(),
            files: Vec::new(),
        };
        let mut assignment = Assignment {
            stage: "x".to_owned(),
            plugin,
            config: Value::Null,
            secrets: Vec::new(),
            environment: Vec::new(),
            seconds: None,
        };
        let seconds = |assignment: &Assignment| {
            let methods = [Method::Run, Method::Undo, Method::Verify, Method::Describe];
            methods.map(|method| assignment.limit(method).as_secs())
        };
        assert_eq!(seconds(&assignment), [600, 600, 60, 30]);
        assignment.seconds = Some(900);
        assert_eq!(seconds(&assignment), [900; 4]);
        // The format of older journals
        let text = serde_json::to_string(&assignment).unwrap();
        assert!(text.contains("\"seconds\":900"), "{text}");
        assert_eq!(serde_json::from_str::<Assignment>(&text).unwrap(), assignment);
    }
}
