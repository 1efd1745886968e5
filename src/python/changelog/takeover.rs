//! What a final release does with the section of its last pre-release.

use serde::{Deserialize, Serialize};

/// How a final release takes over the section of its last pre-release
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Takeover {
    /// A sentence above the entries which says that nothing has changed since, with the line ends below it
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sentence: String,
    /// Whether that section stays as it is, and the final release has one of its own with the sentence
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keeps_section: bool,
}
