//! How far an effect reaches: what it takes to undo it.

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
    /// An index made for trials: burns a file name there, harms nobody
    Rehearsal,
    /// Refs, here and at the remote: undone if still what this run made
    Repository,
    /// Permanent: never undone, rolled forward
    Public,
    /// What comes after, such as announcements: never makes the release fail
    FollowUp,
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
