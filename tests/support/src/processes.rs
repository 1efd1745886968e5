//! The processes of a sandbox: all whose home folder is the sandbox's.

use crate::sandbox::Sandbox;

impl Sandbox {
    /// The command lines of the sandbox's processes; known only on Linux.
    pub fn processes(&self) -> Vec<String> {
        let running = self.process_ids().into_iter().filter_map(|id| {
            // A process that has just ended has no command line.
            let line = fs_err::read(format!("/proc/{id}/cmdline")).ok()?;
            Some(String::from_utf8_lossy(&line).replace('\0', " ").trim().to_owned())
        });
        running.filter(|line| !line.is_empty()).collect()
    }

    /// Kills every process of the sandbox at once, as a power cut does: none can react to the end of another.
    pub fn cut_power(&self) {
        // Stop all of them first, so that none sees another die; twice, because one may be starting another.
        self.signal_all("STOP");
        self.signal_all("STOP");
        while self.signal_all("KILL") {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }

    /// Kills the processes whose command line contains one of these texts.
    pub fn kill(&self, texts: &[&str]) {
        let line = |id: &u32| fs_err::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        let is_meant = |id: &u32| {
            let line = String::from_utf8_lossy(&line(id)).replace('\0', " ");
            texts.iter().any(|text| line.contains(text))
        };
        signal(self.process_ids().into_iter().filter(is_meant).collect(), "KILL");
    }

    /// Whether there was any process to signal.
    fn signal_all(&self, name: &str) -> bool {
        let ids = self.process_ids();
        let is_any = !ids.is_empty();
        signal(ids, name);
        is_any
    }

    /// The ids of the sandbox's processes.
    fn process_ids(&self) -> Vec<u32> {
        let home = format!("HOME={}", self.home().display());
        let Ok(entries) = fs_err::read_dir("/proc") else { return Vec::new() };
        let ids = entries.flatten().filter_map(|entry| {
            let id = entry.file_name().to_str()?.parse::<u32>().ok()?;
            // A process that has just ended has no environment.
            let environment = fs_err::read(entry.path().join("environ")).ok()?;
            environment.split(|byte| *byte == 0).any(|variable| variable == home.as_bytes()).then_some(id)
        });
        ids.collect()
    }
}

fn signal(ids: Vec<u32>, name: &str) {
    if ids.is_empty() {
        return;
    }
    let arguments = std::iter::once(format!("-{name}")).chain(ids.iter().map(u32::to_string));
    // Some may have ended by themselves.
    let _ = duct::cmd("kill", arguments).stderr_null().unchecked().run();
}
