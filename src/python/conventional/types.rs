//! What each type of commit means for a release.

use std::collections::BTreeMap;

use super::Conventional;
use crate::python::version::Bump;

/// The types that are released unless the configuration says otherwise: the heading of their entries, and the bump.
/// `perf` is a patch as in python-semantic-release.
const USUAL: [(&str, &str, Bump); 5] = [
    ("feat", "Added", Bump::Minor),
    ("fix", "Fixed", Bump::Patch),
    ("perf", "Changed", Bump::Patch),
    ("security", "Security", Bump::Patch),
    ("deprecate", "Deprecated", Bump::Minor),
];

/// The heading and the bump of each type of commit; other types are not released, unless they break something
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Types {
    known: BTreeMap<String, (String, Bump)>,
}

/// A bump that a type cannot call for
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{bump}` is not `major`, `minor` or `patch`")]
pub struct UnknownBump {
    pub bump: String,
}

impl Default for Types {
    fn default() -> Self {
        let usual = USUAL.map(|(kind, heading, bump)| (kind.to_owned(), (heading.to_owned(), bump)));
        Self { known: usual.into() }
    }
}

impl Types {
    /// Adds a type, or changes one. Without a bump it is a patch.
    ///
    /// # Errors
    /// The bump is not `major`, `minor` or `patch`.
    pub fn add(&mut self, kind: &str, heading: &str, bump: Option<&str>) -> Result<(), UnknownBump> {
        let bump = match bump {
            Some("major") => Bump::Major,
            Some("minor") => Bump::Minor,
            Some("patch") | None => Bump::Patch,
            Some(bump) => return Err(UnknownBump { bump: bump.to_owned() }),
        };
        self.known.insert(kind.to_lowercase(), (heading.to_owned(), bump));
        Ok(())
    }

    /// The bump that a commit calls for; none if it is not released.
    pub(super) fn bump(&self, commit: &Conventional) -> Option<Bump> {
        match commit.breaking {
            Some(_) => Some(Bump::Major),
            None => self.known.get(&commit.kind).map(|(_, bump)| bump.clone()),
        }
    }

    /// The heading for a commit's entry; none if it is not released. What breaks and has no type of its own is a change.
    pub(super) fn heading(&self, commit: &Conventional) -> Option<&str> {
        let known = self.known.get(&commit.kind).map(|(heading, _)| heading.as_str());
        known.or_else(|| commit.breaking.as_ref().map(|_| "Changed"))
    }
}
