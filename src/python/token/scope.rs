//! The combined effect of a token's restrictions.

use jiff::Timestamp;
use serde::Serialize;

use super::{Caveat, Token};

/// What a token is valid for, according to itself; none where it has no restriction
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "TokenScope"))]
pub struct Scope {
    /// The names of the projects, normalized
    pub projects: Option<Vec<String>>,
    pub project_ids: Option<Vec<String>>,
    /// The id of the user whose projects it is for
    pub user: Option<String>,
    /// The id of the trusted publisher that it was issued to
    pub publisher: Option<String>,
    pub not_before: Option<String>,
    pub expires: Option<String>,
    /// Restrictions that this version does not know, shortened
    pub unknown: Vec<String>,
}

impl Token {
    /// The intersection of all its restrictions.
    pub fn scope(&self) -> Scope {
        let mut scope = Scope::default();
        let (mut from, mut until) = (None, None);
        for caveat in self.caveats() {
            match caveat {
                Caveat::Expiration { not_before, expires_at } => {
                    from = from.max(Some(not_before));
                    until = Some(until.map_or(expires_at, |until: i64| until.min(expires_at)));
                }
                Caveat::ProjectName(names) => narrow(&mut scope.projects, names),
                Caveat::ProjectId(ids) => narrow(&mut scope.project_ids, ids),
                Caveat::RequestUser(user) => scope.user = Some(user),
                Caveat::OidcPublisher(publisher) => scope.publisher = Some(publisher),
                Caveat::Everything => {}
                Caveat::Unknown(text) => scope.unknown.push(text),
            }
        }
        let moment = |seconds: i64| Timestamp::from_second(seconds).ok().map(|moment| moment.to_string());
        scope.not_before = from.and_then(moment);
        scope.expires = until.and_then(moment);
        scope
    }
}

/// Keeps what is in both lists.
fn narrow(kept: &mut Option<Vec<String>>, to: Vec<String>) {
    *kept = Some(match kept.take() {
        Some(kept) => kept.into_iter().filter(|item| to.contains(item)).collect(),
        None => to,
    });
}
