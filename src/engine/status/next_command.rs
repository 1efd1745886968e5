//! The commands that continue a run.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

const RESUME: &str = "pyrelease resume";
const ROLLBACK: &str = "pyrelease rollback";

/// A command that continues a run; in JSON as the user types it
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(into = "String", try_from = "String")]
pub enum NextCommand {
    Resume,
    /// The interrupted effect of this stage happened
    ResumeDone(String),
    /// The interrupted effect of this stage did not happen
    ResumeAgain(String),
    Rollback,
    /// Gives up the run as it is
    RollbackLeave,
}

impl NextCommand {
    /// Whether it completes the release.
    pub fn is_resume(&self) -> bool {
        matches!(self, Self::Resume | Self::ResumeDone(_) | Self::ResumeAgain(_))
    }
}

impl fmt::Display for NextCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resume => f.write_str(RESUME),
            Self::ResumeDone(stage) => write!(f, "{RESUME} --done {stage}"),
            Self::ResumeAgain(stage) => write!(f, "{RESUME} --again {stage}"),
            Self::Rollback => f.write_str(ROLLBACK),
            Self::RollbackLeave => write!(f, "{ROLLBACK} --leave"),
        }
    }
}

impl From<NextCommand> for String {
    fn from(command: NextCommand) -> Self {
        command.to_string()
    }
}

impl FromStr for NextCommand {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split(' ').collect::<Vec<_>>()[..] {
            ["pyrelease", "resume"] => Ok(Self::Resume),
            ["pyrelease", "resume", "--done", stage] => Ok(Self::ResumeDone(stage.to_owned())),
            ["pyrelease", "resume", "--again", stage] => Ok(Self::ResumeAgain(stage.to_owned())),
            ["pyrelease", "rollback"] => Ok(Self::Rollback),
            ["pyrelease", "rollback", "--leave"] => Ok(Self::RollbackLeave),
            _ => Err(format!("`{text}` is not a command that continues a run")),
        }
    }
}

impl TryFrom<String> for NextCommand {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_read_as_it_is_written() {
        use NextCommand::{Resume, ResumeAgain, ResumeDone, Rollback, RollbackLeave};
        let stage = || "mirror".to_owned();
        for command in [Resume, ResumeDone(stage()), ResumeAgain(stage()), Rollback, RollbackLeave] {
            let text = serde_json::to_string(&command).unwrap();
            assert_eq!(text, format!("\"{command}\""));
            assert_eq!(serde_json::from_str::<NextCommand>(&text).unwrap(), command);
        }
        assert_eq!(ResumeDone(stage()).to_string(), "pyrelease resume --done mirror");
        assert_eq!(RollbackLeave.to_string(), "pyrelease rollback --leave");
        assert!("pyrelease resume --import x".parse::<NextCommand>().is_err());
    }
}
