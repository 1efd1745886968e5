//! What a check finds: of a preflight, or of a rule about distributions.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// How grave a finding is
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// For `--verbose`
    Detail,
    Note,
    Warning,
    /// The release is refused
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Detail => "detail",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// Something that a check found
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Finding {
    pub severity: Severity,
    pub message: String,
    pub help: Option<String>,
    /// Whether a user who knows better may go on all the same
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub advisory: bool,
    /// What a user at a terminal is asked, to go on all the same
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
    /// Whether it is about rights (credentials, access to a remote), which another machine may have
    #[serde(skip)]
    pub is_about_rights: bool,
    /// Whether it is only that a host did not answer
    #[serde(skip)]
    pub is_unreachable: bool,
}

/// What errors a user may let pass
#[derive(Debug, Clone, Copy, Default)]
pub struct Leave {
    /// The user knows better than advice
    pub force: bool,
    /// The user can be asked
    pub can_ask: bool,
    /// The release is only prepared here, and published by a machine that has the rights for it
    pub prepares: bool,
}

impl Finding {
    fn new(severity: Severity, message: impl Into<String>) -> Self {
        Self {
            severity,
            message: message.into(),
            help: None,
            advisory: false,
            question: None,
            is_about_rights: false,
            is_unreachable: false,
        }
    }

    pub fn error(message: impl Into<String>) -> Self {
        Self::new(Severity::Error, message)
    }

    pub fn warning(message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, message)
    }

    pub fn note(message: impl Into<String>) -> Self {
        Self::new(Severity::Note, message)
    }

    pub fn detail(message: impl Into<String>) -> Self {
        Self::new(Severity::Detail, message)
    }

    /// The same, as one of a member of a workspace.
    #[must_use]
    pub fn of_member(mut self, name: &str) -> Self {
        self.message = format!("{name}: {}", self.message);
        self
    }

    /// One that `--force` makes a warning of.
    pub fn advisory(mut self) -> Self {
        self.advisory = true;
        self
    }

    /// One that a yes to this question makes a warning of.
    pub fn unless_confirmed(mut self, question: impl Into<String>) -> Self {
        self.question = Some(question.into());
        self
    }

    /// One about rights, which the machine that publishes a prepared release needs.
    pub fn about_rights(mut self) -> Self {
        self.is_about_rights = true;
        self
    }

    /// The same by the leave that the user has given, or will be asked for.
    #[must_use]
    pub fn under(mut self, leave: Leave) -> Self {
        let may_pass = (self.advisory && leave.force) || (self.question.is_some() && leave.can_ask);
        if may_pass && self.severity == Severity::Error {
            self.severity = Severity::Warning;
        }
        if self.is_about_rights && leave.prepares && self.severity > Severity::Note {
            self.severity = Severity::Note;
            self.message = format!("pending until `pyrelease publish`: {}", self.message);
        }
        self
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl From<Error> for Finding {
    fn from(error: Error) -> Self {
        let help = (!error.hints().is_empty()).then(|| error.hints().join("; "));
        Self { help, is_unreachable: error.is_unreachable(), ..Self::error(error.chain()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_findings_about_rights_are_pending_where_a_release_is_prepared() {
        let prepares = Leave { prepares: true, ..Leave::default() };
        let rights = Finding::error("there are no credentials").about_rights();
        assert_eq!(rights.clone().under(Leave::default()), rights);
        let pending = rights.under(prepares);
        assert_eq!(pending.severity, Severity::Note);
        assert_eq!(pending.message, "pending until `pyrelease publish`: there are no credentials");
        let other = Finding::error("the tag exists");
        assert_eq!(other.clone().under(prepares), other);
    }
}
