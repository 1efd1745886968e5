//! Which repository on which forge: from the URL of a remote, and from settings.

use std::fmt;

use reqwest::Url;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::python::forge::Forge as KnownForge;
use crate::world::http;

/// A kind of forge
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ForgeKind {
    /// GitHub, and GitHub Enterprise
    Github,
    /// GitLab
    Gitlab,
    /// Gitea and Forgejo
    Gitea,
}

impl ForgeKind {
    /// Whether its releases can be drafts, which only those with write access see.
    pub fn has_drafts(self) -> bool {
        self != Self::Gitlab
    }

    /// The forge of a host, if its name tells and it has releases.
    fn of_host(host: &str) -> Option<Self> {
        match KnownForge::of_host(host)? {
            KnownForge::GitHub => Some(Self::Github),
            KnownForge::GitLab => Some(Self::Gitlab),
            KnownForge::Forgejo | KnownForge::Gitea => Some(Self::Gitea),
            KnownForge::Bitbucket | KnownForge::Azure | KnownForge::CircleCi | KnownForge::Travis => None,
        }
    }

    /// The URL of its API, from that of its pages.
    fn api(self, base: &Url) -> String {
        let host = base.host_str().unwrap_or_default();
        let below = |path: &str| format!("{}/{path}", base.as_str().trim_end_matches('/'));
        match self {
            Self::Github if host == "github.com" || host.ends_with(".ghe.com") => {
                format!("https://api.{host}")
            }
            Self::Github => below("api/v3"),
            Self::Gitlab => below("api/v4"),
            Self::Gitea => below("api/v1"),
        }
    }
}

impl fmt::Display for ForgeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Github => "GitHub",
            Self::Gitlab => "GitLab",
            Self::Gitea => "Gitea",
        })
    }
}

/// What a configuration says about the forge
#[derive(Debug, Clone, Copy, Default)]
pub struct ForgeSettings<'a> {
    pub kind: Option<ForgeKind>,
    /// The URL of its pages
    pub url: Option<&'a str>,
    /// `owner/name`
    pub repository: Option<&'a str>,
}

/// A repository on a forge
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForgeAddress {
    pub kind: ForgeKind,
    /// The URL of the API
    pub api: String,
    /// The host of its pages
    pub host: String,
    /// `owner/name`; on GitLab there may be groups in between
    pub repository: String,
}

impl fmt::Display for ForgeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.repository, self.host)
    }
}

impl ForgeAddress {
    /// The repository that a remote's URL names, as far as `settings` do not.
    ///
    /// # Errors
    /// It is not known which forge that is, or a URL or a name is not valid.
    pub fn of_remote(remote: &str, settings: ForgeSettings<'_>) -> Result<Self> {
        let place = RemotePlace::of(remote);
        let base = match (settings.url, &place) {
            (Some(url), _) => url.to_owned(),
            (None, Some(place)) => place.base.clone(),
            (None, None) => {
                return Err(Error::refused(
                    "the remote's URL does not name a host, so its forge is not known",
                )
                .help("set `forge`, `url` and `repository` in [stage.forge-release]"));
            }
        };
        let base = http::check_url(&base).map_err(|error| {
            Error::refused(error.to_string()).help("change `url` in [stage.forge-release]")
        })?;
        let host = base.host_str().unwrap_or_default().to_owned();
        let Some(kind) = settings.kind.or_else(|| ForgeKind::of_host(&host)) else {
            let message = format!("it is not known which forge `{host}` is");
            return Err(Error::refused(message)
                .help("set forge = \"github\", \"gitlab\" or \"gitea\" in [stage.forge-release]"));
        };
        let named = settings.repository.map(str::to_owned).or_else(|| place.map(|place| place.path));
        let repository = named.unwrap_or_default();
        let parts: Vec<&str> = repository.split('/').collect();
        let is_plain = |part: &&str| {
            let valid = |letter: char| letter.is_alphanumeric() || "-_.~".contains(letter);
            !part.is_empty() && !part.chars().all(|letter| letter == '.') && part.chars().all(valid)
        };
        let is_long = if kind == ForgeKind::Gitlab { parts.len() >= 2 } else { parts.len() == 2 };
        if !is_long || !parts.iter().all(is_plain) || repository.len() > 500 {
            let message = match repository.is_empty() {
                true => format!("it is not known which repository on {host} this is"),
                false => format!("`{}` is not the name of a repository on {kind}", repository.escape_debug()),
            };
            return Err(
                Error::refused(message).help("set repository = \"owner/name\" in [stage.forge-release]")
            );
        }
        Ok(Self { kind, api: kind.api(&base), host, repository })
    }

    /// Whether it is on this machine.
    pub(super) fn is_here(&self) -> bool {
        Url::parse(&self.api).is_ok_and(|url| http::is_loopback(&url))
    }

    /// The parts of the API's path that name the repository.
    pub(super) fn parts(&self) -> Vec<&str> {
        match self.kind {
            // One part, with its `/` escaped
            ForgeKind::Gitlab => vec!["projects", &self.repository],
            _ => std::iter::once("repos").chain(self.repository.split('/')).collect(),
        }
    }
}

/// What the URL of a remote says
struct RemotePlace {
    /// The URL of the host's pages
    base: String,
    path: String,
}

impl RemotePlace {
    /// Reads `https://HOST/PATH`, `ssh://HOST/PATH` and `USER@HOST:PATH`; none of another form.
    fn of(remote: &str) -> Option<Self> {
        let path = |path: &str| {
            let path = path.trim_matches('/');
            path.strip_suffix(".git").unwrap_or(path).to_owned()
        };
        if let Some((scheme, _)) = remote.split_once("://") {
            let url = Url::parse(remote).ok()?;
            let host = url.host_str()?;
            // The port of SSH is not that of the pages.
            let port = url.port().filter(|_| scheme.starts_with("http"));
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            let scheme = if scheme == "http" && http::is_loopback(&url) { "http" } else { "https" };
            let known = matches!(url.scheme(), "http" | "https" | "ssh" | "git+ssh" | "git");
            return known.then(|| Self { base: format!("{scheme}://{host}{port}"), path: path(url.path()) });
        }
        let (place, rest) = remote.split_once(':')?;
        let host = place.rsplit('@').next()?;
        let is_host = host.contains('.') && !host.contains(['/', '\\']);
        is_host.then(|| Self { base: format!("https://{host}"), path: path(rest) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(remote: &str, settings: ForgeSettings<'_>) -> String {
        match ForgeAddress::of_remote(remote, settings) {
            Ok(address) => format!("{} {} {}", address.kind, address.api, address.repository),
            Err(error) => format!("{error}; {}", error.hints().join("; ")),
        }
    }

    #[test]
    fn a_remote_tells_its_forge() {
        for (remote, expected) in [
            ("https://github.com/o/r.git", "GitHub https://api.github.com o/r"),
            ("git@github.com:o/r.git", "GitHub https://api.github.com o/r"),
            ("ssh://git@github.com:22/o/r", "GitHub https://api.github.com o/r"),
            ("https://token:x@github.com/o/r/", "GitHub https://api.github.com o/r"),
            ("https://corp.ghe.com/o/r", "GitHub https://api.corp.ghe.com o/r"),
            ("https://github.corp.example/o/r", "GitHub https://github.corp.example/api/v3 o/r"),
            ("git@gitlab.com:group/sub/r.git", "GitLab https://gitlab.com/api/v4 group/sub/r"),
            ("https://gitlab.corp.example:8443/g/r", "GitLab https://gitlab.corp.example:8443/api/v4 g/r"),
            ("https://codeberg.org/o/r.git", "Gitea https://codeberg.org/api/v1 o/r"),
        ] {
            assert_eq!(told(remote, ForgeSettings::default()), expected, "{remote}");
        }
    }

    #[test]
    fn what_it_does_not_tell_is_asked_for() {
        let kind = Some(ForgeKind::Gitea);
        let settings =
            ForgeSettings { kind, url: Some("https://git.corp.example/gitea"), repository: Some("o/r") };
        assert_eq!(told("/srv/r.git", settings), "Gitea https://git.corp.example/gitea/api/v1 o/r");
        for (remote, settings, expected) in [
            ("/srv/r.git", ForgeSettings::default(), "does not name a host"),
            ("C:\\r.git", ForgeSettings::default(), "does not name a host"),
            ("", ForgeSettings::default(), "does not name a host"),
            (
                "https://git.corp.example/o/r",
                ForgeSettings::default(),
                "not known which forge `git.corp.example`",
            ),
            (
                "https://github.com/o",
                ForgeSettings::default(),
                "`o` is not the name of a repository on GitHub",
            ),
            ("https://github.com/o/../r", ForgeSettings::default(), "`r` is not the name"),
            ("https://github.com/a/b/c", ForgeSettings::default(), "`a/b/c` is not the name"),
            ("git@github.com:o/r?x=1", ForgeSettings::default(), "`o/r?x=1` is not the name"),
            ("https://github.com/", ForgeSettings::default(), "not known which repository"),
            (
                "",
                ForgeSettings { url: Some("http://git.corp.example"), kind, repository: None },
                "plain `http`",
            ),
            ("", ForgeSettings { url: Some("https://u:p@x.example"), kind, repository: None }, "password"),
        ] {
            let told = told(remote, settings);
            assert!(told.contains(expected) && told.contains("[stage.forge-release]"), "{remote}: {told}");
        }
    }
}
