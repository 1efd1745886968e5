//! The author of release commit and tag where git has no identity, as in CI.

use super::Repository;
use crate::world::Environment;
use crate::world::process::Process;

/// A name and an e-mail address
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    pub name: String,
    pub email: String,
}

impl Author {
    /// The command with this author and committer.
    pub(super) fn apply(&self, process: Process) -> Process {
        ["AUTHOR", "COMMITTER"].iter().fold(process, |process, who| {
            process.env(format!("GIT_{who}_NAME"), &self.name).env(format!("GIT_{who}_EMAIL"), &self.email)
        })
    }

    /// The section of a git configuration with this author.
    pub(super) fn section(&self) -> String {
        let quoted = |text: &str| {
            let plain: String = text.chars().filter(|letter| !letter.is_control()).collect();
            plain.replace('\\', "\\\\").replace('"', "\\\"")
        };
        format!("[user]\n\tname = \"{}\"\n\temail = \"{}\"\n", quoted(&self.name), quoted(&self.email))
    }
}

impl Repository {
    /// Whether somebody has told git whose commits these are; what git would guess from the machine does not count.
    pub fn has_author(&self, environment: &Environment) -> bool {
        // Git takes no name of punctuation only.
        let is_name = |value: &str| value.contains(char::is_alphanumeric);
        let is_told = |keys: [&str; 2], variables: &[&str]| {
            keys.iter().any(|key| self.configured(key).is_some_and(|value| is_name(&value)))
                || variables.iter().any(|name| environment.get(name).is_some_and(is_name))
        };
        is_told(["user.name", "committer.name"], &["GIT_COMMITTER_NAME"])
            && is_told(["user.email", "committer.email"], &["GIT_COMMITTER_EMAIL", "EMAIL"])
    }

    /// Sets the author of what git writes here, and in private clones that are made from now on.
    pub fn set_author(&self, author: Author) {
        // Nobody sets it twice.
        let _ = self.author.set(author);
    }
}
