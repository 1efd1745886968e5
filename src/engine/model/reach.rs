//! How far an effect reaches, and so what it takes to undo it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How far a stage's effects reach; a pipeline's reach never decreases
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// The run's folder only
    Private,
    /// An index for rehearsals: the file names are used up there, which does no harm
    Rehearsal,
    /// Refs, here and at the remote: undone unless somebody else has changed them
    Repository,
    /// Permanent: never undone, only completed
    Public,
    /// Tasks after the release, such as announcements: a failure is a warning
    FollowUp,
}

impl Reach {
    /// The default of a push in journals, and whether a push has it.
    pub(super) fn repository() -> Self {
        Self::Repository
    }

    pub(super) fn is_repository(&self) -> bool {
        *self == Self::Repository
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Private => "private",
            Self::Rehearsal => "rehearsal",
            Self::Repository => "repository",
            Self::Public => "public",
            Self::FollowUp => "follow-up",
        })
    }
}
