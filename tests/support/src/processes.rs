//! The processes of a sandbox: whatever has its home there.

use crate::sandbox::Sandbox;

impl Sandbox {
    /// The command lines of all processes whose home is the sandbox's, as far as the system tells (Linux does).
    pub fn processes(&self) -> Vec<String> {
        let home = format!("HOME={}", self.home().display());
        let Ok(entries) = fs_err::read_dir("/proc") else { return Vec::new() };
        let running = entries.flatten().filter_map(|entry| {
            entry.file_name().to_str()?.parse::<u32>().ok()?;
            // What ends meanwhile has neither.
            let environment = fs_err::read(entry.path().join("environ")).ok()?;
            let ours = environment.split(|byte| *byte == 0).any(|variable| variable == home.as_bytes());
            let line = fs_err::read(entry.path().join("cmdline")).ok()?;
            ours.then(|| String::from_utf8_lossy(&line).replace('\0', " ").trim().to_owned())
        });
        running.filter(|line| !line.is_empty()).collect()
    }
}
