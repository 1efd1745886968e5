//! The optional `index.toml` in an index's folder: the state of projects, and the trusted publishers.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::ServerError;
use crate::input::read_text;
use crate::python::filename::normalize;
use crate::world::digest::hex;

const FILE: &str = "index.toml";

/// The settings of an index
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Settings {
    /// By the projects' names
    project: BTreeMap<String, ProjectSettings>,
    #[serde(rename = "trusted-publishing")]
    pub(super) trusted_publishing: TrustedPublishing,
}

/// The state of a project (PEP 792 and PEP 592)
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ProjectSettings {
    pub(super) status: Status,
    pub(super) reason: Option<String>,
    /// The reasons by version
    pub(super) yanked: BTreeMap<String, String>,
}

/// The states of a project
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Status {
    #[default]
    Active,
    /// No new files
    Archived,
    /// No files at all
    Quarantined,
    Deprecated,
}

/// Whose identities are exchanged for tokens
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TrustedPublishing {
    /// The audience of the identities
    pub(super) audience: String,
    pub(super) publisher: Vec<Publisher>,
}

impl Default for TrustedPublishing {
    fn default() -> Self {
        Self { audience: "pypi".to_owned(), publisher: Vec::new() }
    }
}

/// A trusted publisher
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Publisher {
    /// The URL of the issuer of its identities
    pub(super) issuer: String,
    /// A file with the issuer's keys (a JWK Set) [default: those that the issuer publishes]
    pub(super) keys: Option<PathBuf>,
    /// The claims that an identity must have; a `*` at the end stands for any text
    pub(super) claims: BTreeMap<String, String>,
    /// The projects that it uploads to
    pub(super) projects: Vec<String>,
}

impl Settings {
    /// Reads the settings in a folder; without the file they are the defaults.
    pub(super) fn read(folder: &Path) -> Result<Self, ServerError> {
        let path = folder.join(FILE);
        let text = match read_text(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(ServerError::Folder { folder: folder.to_owned(), source }),
        };
        let wrong = |reason: String| ServerError::Settings { path: path.clone(), reason };
        let mut settings: Self = toml_edit::de::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        settings.project =
            settings.project.into_iter().map(|(name, project)| (normalize(&name), project)).collect();
        for publisher in &mut settings.trusted_publishing.publisher {
            if publisher.claims.is_empty() || publisher.projects.is_empty() {
                let issuer = &publisher.issuer;
                return Err(wrong(format!("the publisher of `{issuer}` needs `claims` and `projects`")));
            }
            publisher.projects = publisher.projects.iter().map(|name| normalize(name)).collect();
            publisher.keys = publisher.keys.take().map(|keys| folder.join(keys));
        }
        Ok(settings)
    }

    /// The state of a project.
    pub(super) fn project(&self, normal: &str) -> ProjectSettings {
        self.project.get(normal).cloned().unwrap_or_default()
    }
}

impl Publisher {
    /// Its identifier in tokens, which depends on all that it is.
    pub(super) fn id(&self) -> String {
        let text = format!("{}\n{:?}\n{:?}", self.issuer, self.claims, self.projects);
        let digits = hex(&Sha256::digest(text));
        [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..32]].join("-")
    }

    /// What PyPI calls the service, which is the first key of a provenance.
    pub(super) fn kind(&self) -> &str {
        match self.issuer.as_str() {
            "https://token.actions.githubusercontent.com" => "GitHub",
            "https://gitlab.com" => "GitLab",
            "https://accounts.google.com" => "Google",
            "https://platform.activestate.com/api/v1/oauth/oidc" => "ActiveState",
            other => other,
        }
    }
}

impl Status {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Archived => "archived",
            Self::Quarantined => "quarantined",
            Self::Deprecated => "deprecated",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_and_mistakes_named() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Settings::read(folder.path()).unwrap().project("demo").status, Status::Active);
        let write = |text: &str| fs_err::write(folder.path().join(FILE), text).unwrap();
        write(
            "[project.\"Demo.Pkg\"]\nstatus = \"archived\"\nyanked = { \"1.0\" = \"broken\" }\n\
             [[trusted-publishing.publisher]]\nissuer = \"https://gitlab.com\"\nclaims = { a = \"b\" }\n\
             projects = [\"Demo.Pkg\"]\n",
        );
        let settings = Settings::read(folder.path()).unwrap();
        assert_eq!(settings.project("demo-pkg").status.name(), "archived");
        assert_eq!(settings.trusted_publishing.publisher[0].projects, ["demo-pkg"]);
        for (text, words) in [
            ("[projekt]\n", "unknown field `projekt`"),
            ("[project.a]\nstatus = \"gone\"\n", "unknown variant `gone`"),
            (
                "[[trusted-publishing.publisher]]\nissuer = \"x\"\nclaims = {}\nprojects = []\n",
                "needs `claims` and `projects`",
            ),
        ] {
            write(text);
            let error = Settings::read(folder.path()).unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}
