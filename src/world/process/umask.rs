//! Commands with another umask.

use super::Process;

impl Process {
    /// Starts it with this umask, by a shell; on Unix only.
    pub fn with_umask(mut self, umask: &str) -> Self {
        if cfg!(unix) {
            let program = std::mem::replace(&mut self.program, "sh".into());
            let script = format!("umask {umask} && exec \"$@\"");
            let shell = ["-c".into(), script.into(), "sh".into(), program];
            self.arguments.splice(..0, shell);
        }
        self
    }
}
