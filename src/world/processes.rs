//! The processes of this machine, read from `/proc` on Linux. Elsewhere none are found.

use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Room for what is read at once, in bytes
const LARGE: usize = 1 << 14;
/// Parent folders to follow, at most
const DEEPEST: usize = 100;

/// Whether processes can be listed at all
pub const VISIBLE: bool = cfg!(target_os = "linux");

/// A process that existed when listed. What it does not show, such as another user's environment, is `None`.
#[derive(Debug, Clone)]
pub struct OtherProcess {
    pub id: u32,
    folder: PathBuf,
}

/// All processes except this one.
pub fn others() -> Vec<OtherProcess> {
    let Ok(entries) = fs_err::read_dir("/proc") else { return Vec::new() };
    let own = std::process::id();
    let other = |entry: fs_err::DirEntry| {
        let id: u32 = entry.file_name().to_str()?.parse().ok().filter(|id| *id != own)?;
        Some(OtherProcess { id, folder: entry.path() })
    };
    entries.flatten().filter_map(other).collect()
}

/// Whether this id belongs to a process that runs, as far as it shows.
pub fn is_running(id: u32) -> bool {
    let process = OtherProcess::of(id);
    // A process that has ended keeps its id until its parent has asked how.
    let has_ended = || process.stat_field(0).is_some_and(|state| state == "Z" || state == "X");
    process.folder.is_dir() && !has_ended()
}

/// When the process with this id started, in ticks since boot.
pub fn start_of(id: u32) -> Option<u64> {
    OtherProcess::of(id).started()
}

/// The ancestors of this process, its parent first.
pub fn ancestors() -> Vec<u32> {
    let parent = |id: u32| OtherProcess::of(id).stat_field(1)?.parse().ok().filter(|parent| *parent > 0);
    std::iter::successors(parent(std::process::id()), |id| parent(*id)).collect()
}

/// The value a variable had when this process started; empty if it was not set.
pub fn own_variable(name: &str) -> Option<Vec<u8>> {
    OtherProcess { id: std::process::id(), folder: PathBuf::from("/proc/self") }.variable(name)
}

impl OtherProcess {
    fn of(id: u32) -> Self {
        Self { id, folder: Path::new("/proc").join(id.to_string()) }
    }

    /// The value a variable had when the process started; empty if it was not set.
    pub fn variable(&self, name: &str) -> Option<Vec<u8>> {
        // The kernel does not tell its size: one large read in place of many small ones.
        let mut environment = Vec::with_capacity(LARGE);
        fs_err::File::open(self.folder.join("environ")).ok()?.read_to_end(&mut environment).ok()?;
        let variables = environment.split(|byte| *byte == 0);
        let value =
            |variable: &[u8]| variable.strip_prefix(name.as_bytes())?.strip_prefix(b"=").map(<[u8]>::to_vec);
        Some(variables.filter_map(value).next_back().unwrap_or_default())
    }

    /// The arguments of its command line, as far as they are readable.
    pub fn words(&self) -> Option<Vec<String>> {
        let line = fs_err::read(self.folder.join("cmdline")).ok()?;
        let words = line.split(|byte| *byte == 0).filter(|word| !word.is_empty());
        Some(words.map(|word| String::from_utf8_lossy(word).into_owned()).collect())
    }

    /// The name of its program, truncated to 15 bytes.
    pub fn name(&self) -> Option<String> {
        let name = fs_err::read(self.folder.join("comm")).ok()?;
        Some(String::from_utf8_lossy(&name).trim_end().to_owned())
    }

    /// Its working folder, as the process itself names it; in a container the path may differ.
    pub fn folder(&self) -> Option<PathBuf> {
        fs_err::read_link(self.folder.join("cwd")).ok()
    }

    /// Whether its working folder is, or is below, one of these folders, whatever the path.
    pub fn works_in(&self, folders: &[PathBuf]) -> bool {
        let meant: Vec<_> = folders.iter().filter_map(|folder| identity(folder)).collect();
        let above = std::iter::successors(Some(self.folder.join("cwd")), |path| Some(path.join("..")));
        let mut below = None;
        for path in above.take(DEEPEST) {
            match identity(&path) {
                // The root is its own parent.
                None => return false,
                here if here == below => return false,
                Some(here) if meant.contains(&here) => return true,
                here => below = here,
            }
        }
        false
    }

    /// Whether it has this file open.
    pub fn has_open(&self, path: &Path) -> bool {
        let Ok(entries) = fs_err::read_dir(self.folder.join("fd")) else { return false };
        entries.flatten().any(|entry| fs_err::read_link(entry.path()).is_ok_and(|open| open == path))
    }

    /// Its start time in ticks since boot; with the id, this identifies a process uniquely.
    pub fn started(&self) -> Option<u64> {
        self.stat_field(19)?.parse().ok()
    }

    /// A field of `/proc/ID/stat`, counted from the state, which follows the name.
    fn stat_field(&self, at: usize) -> Option<String> {
        let stat = fs_err::read(self.folder.join("stat")).ok()?;
        let stat = String::from_utf8_lossy(&stat).into_owned();
        stat.rsplit_once(") ")?.1.split(' ').nth(at).map(str::to_owned)
    }
}

/// Identifies a folder, whatever the path.
fn identity(folder: &Path) -> Option<(u64, u64)> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let metadata = fs_err::metadata(folder).ok()?;
        Some((metadata.dev(), metadata.ino()))
    }
    #[cfg(not(unix))]
    {
        let _ = folder;
        None
    }
}
