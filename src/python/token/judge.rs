//! Checks whether a token can be used for an upload, by its own caveats.

use std::fmt;

use jiff::Timestamp;

use super::caveat::{moment, shown};
use super::{Caveat, Token};
use crate::python::filename::normalize;

/// The hosts of PyPI and TestPyPI, and the name under which each issues tokens
const ISSUERS: [(&str, &str); 3] =
    [("upload.pypi.org", "pypi.org"), ("pypi.org", "pypi.org"), ("test.pypi.org", "test.pypi.org")];

/// What a token is to be used for
#[derive(Debug, Clone, Copy)]
pub struct TokenUse<'a> {
    /// The host that takes the upload
    pub host: &'a str,
    /// The project, if known
    pub project: Option<&'a str>,
    pub now: Timestamp,
}

/// Why a token cannot be used
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Objection {
    /// Another index issued it, so sending it would only disclose it
    Issuer {
        issuer: String,
        host: String,
    },
    Project {
        project: String,
        projects: Vec<String>,
    },
    Expired {
        at: i64,
    },
    NotYet {
        from: i64,
    },
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Issuer { issuer, host } => {
                write!(f, "it was issued by {} and is not valid at {host}", shown(issuer.as_bytes()))
            }
            Self::Project { project, projects } => {
                let projects: Vec<String> = projects.iter().map(|name| shown(name.as_bytes())).collect();
                write!(f, "it is for {}, not for {project}", projects.join(", "))
            }
            Self::Expired { at } => write!(f, "it expired at {}", moment(*at)),
            Self::NotYet { from } => write!(f, "it is valid only from {} on", moment(*from)),
        }
    }
}

impl Objection {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Issuer { .. } => "each index needs its own token",
            Self::Project { .. } => "create a token for this project, or one for all your projects",
            Self::Expired { .. } => "create another one",
            Self::NotYet { .. } => "check this machine's clock",
        }
    }
}

impl Token {
    /// The problems with using it, according to the token itself; only the index knows for certain.
    pub fn objections(&self, place: TokenUse<'_>) -> Vec<Objection> {
        let mut objections = Vec::new();
        if self.is_issued_elsewhere(place.host) {
            let (issuer, host) = (self.issuer().to_owned(), place.host.to_owned());
            objections.push(Objection::Issuer { issuer, host });
        }
        let now = place.now.as_second();
        for caveat in self.caveats() {
            match (caveat, place.project) {
                (Caveat::Expiration { expires_at, .. }, _) if now >= expires_at => {
                    objections.push(Objection::Expired { at: expires_at });
                }
                (Caveat::Expiration { not_before, .. }, _) if now < not_before => {
                    objections.push(Objection::NotYet { from: not_before });
                }
                (Caveat::ProjectName(projects), Some(project)) if !projects.contains(&normalize(project)) => {
                    objections.push(Objection::Project { project: project.to_owned(), projects });
                }
                _ => {}
            }
        }
        objections
    }

    /// Whether this host issued it, according to the token.
    pub fn is_issued_at(&self, host: &str) -> bool {
        self.issuer() == host || ISSUERS.contains(&(host, self.issuer()))
    }

    /// Whether PyPI or TestPyPI issued it and this is another host, or the host is one of theirs and another issued
    /// it. Issuer names of other indexes are not compared.
    pub fn is_issued_elsewhere(&self, host: &str) -> bool {
        let issuer = self.issuer();
        let concerned = ISSUERS.iter().any(|(upload, name)| *upload == host || *name == issuer);
        concerned && !ISSUERS.contains(&(host, issuer))
    }
}
