//! The processes of a sandbox: whatever has its home there.

use crate::sandbox::Sandbox;

impl Sandbox {
    /// The command lines of all processes whose home is the sandbox's, as far as the system tells (Linux does).
    pub fn processes(&self) -> Vec<String> {
        let running = self.process_ids().into_iter().filter_map(|id| {
            // What ends meanwhile has none.
            let line = fs_err::read(format!("/proc/{id}/cmdline")).ok()?;
            Some(String::from_utf8_lossy(&line).replace('\0', " ").trim().to_owned())
        });
        running.filter(|line| !line.is_empty()).collect()
    }

    /// Kills every process of the sandbox, as a power cut does: none has time to do anything about the end of another.
    pub fn cut_power(&self) {
        // Stopped first, so that none sees another die; twice, because one may be starting another.
        self.signal_all("STOP");
        self.signal_all("STOP");
        while self.signal_all("KILL") {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }

    /// Kills those whose command line has one of these texts.
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

    /// Those of all processes whose home is the sandbox's; the dead have none.
    fn process_ids(&self) -> Vec<u32> {
        let home = format!("HOME={}", self.home().display());
        let Ok(entries) = fs_err::read_dir("/proc") else { return Vec::new() };
        let ids = entries.flatten().filter_map(|entry| {
            let id = entry.file_name().to_str()?.parse::<u32>().ok()?;
            // What ends meanwhile has no environment.
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
    // Some end by themselves meanwhile.
    let _ = duct::cmd("kill", arguments).stderr_null().unchecked().run();
}
