//! A plugin with the stage it works for: all that a call of it needs, now or from a journal.

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

/// How long a call may take where neither the plugin nor the user says otherwise
const LIMIT: Duration = Duration::from_secs(600);
/// The same of a question whether something is there: whoever asks waits to go on or back
const VERIFY: Duration = Duration::from_secs(60);
/// The same of what it is: every command asks
const DESCRIBE: Duration = Duration::from_secs(30);
/// Where a secret is looked for first; no command of a stage finds such a variable
pub const SECRET_PREFIX: &str = "PYRELEASE_SECRET_";

/// What a plugin finds of the user's environment besides what it is granted: where programs are, who the user is, how the
/// network is reached
const KEPT: [&str; 27] = [
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

/// A plugin and the stage it works for
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    pub stage: String,
    pub plugin: Plugin,
    pub config: Value,
    /// The secrets that it is granted, by name; their values are nowhere but in the call
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// Variables that it is granted
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environment: Vec<String>,
    /// How long a call may take, in seconds, where somebody has said it
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
}

/// Where a call takes place
pub struct CallContext<'a> {
    pub environment: &'a Environment,
    pub folder: &'a Path,
    pub stop: Stop<'a>,
}

impl Assignment {
    /// Asks the plugin what it is.
    ///
    /// # Errors
    /// It does not say, or cannot be started.
    pub fn describe(&self, place: &CallContext<'_>, handler: &mut dyn PluginHandler) -> Result<Value> {
        let limit = self.limit(Method::Describe);
        self.make((Method::Describe, &Value::Object(Map::new())), place, &[], limit, handler)
    }

    /// Makes a call. The secrets go along where something is done outside or taken back; nowhere else.
    ///
    /// # Errors
    /// It gave no result, or cannot be started; or a secret that it is granted is nowhere.
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

    /// How long a call may take.
    pub(super) fn limit(&self, method: Method) -> Duration {
        let usual = match method {
            Method::Describe => DESCRIBE,
            Method::Verify => VERIFY,
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

    /// What is said of a secret that is granted and that nobody has.
    pub fn missing(&self, name: &str) -> Error {
        Error::failed(format!(
            "stage `{}` grants its plugin the secret `{name}`, which is not there",
            self.stage
        ))
        .help(format!("set {SECRET_PREFIX}{name}"))
    }

    /// All that the plugin's process finds in its environment.
    pub(super) fn variables(&self, environment: &Environment) -> Result<Vec<(OsString, OsString)>> {
        let is_kept = |name: &OsStr| {
            name.to_str().is_some_and(|name| {
                KEPT.contains(&name)
                    || name.starts_with("LC_")
                    || name.to_ascii_lowercase().ends_with("_proxy")
                    || self.environment.iter().any(|granted| granted == name)
            })
        };
        let mut variables: Vec<(OsString, OsString)> = environment
            .variables()
            .filter(|(name, _)| is_kept(name))
            .map(|(name, value)| match name.to_str() {
                // It is by this that its host finds the program.
                Some("PATH") => (name.to_owned(), without_relative_folders(value)),
                _ => (name.to_owned(), value.to_owned()),
            })
            .collect();
        variables.push(("PYTHONPATH".into(), python_folder(environment)?.into()));
        for (name, value) in [
            // What it writes to a pipe would otherwise wait in a buffer, and the other side for it.
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
    fn a_question_is_waited_for_less_long_than_work_unless_somebody_says_how_long() {
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
        // As journals had it that were written before.
        let text = serde_json::to_string(&assignment).unwrap();
        assert!(text.contains("\"seconds\":900"), "{text}");
        assert_eq!(serde_json::from_str::<Assignment>(&text).unwrap(), assignment);
    }
}
