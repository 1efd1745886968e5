//! A small disk for a test: a tmpfs, if the system permits mounts.

use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The number of files that a small disk can have
const FILES: usize = 4000;

/// A mounted disk; unmounted when dropped
#[derive(Debug)]
pub(crate) struct Disk {
    place: PathBuf,
}

impl Disk {
    /// Mounts a disk of this size at a folder.
    ///
    /// # Errors
    /// The system refuses: it requires Linux and root.
    pub(crate) fn mount(place: &Path, kibibytes: usize) -> Result<Self, String> {
        let size = format!("size={kibibytes}k,nr_inodes={FILES},mode=0755");
        let text = place.to_str().expect("our own name");
        run("mount", &["-t", "tmpfs", "-o", &size, "tmpfs", text])?;
        Ok(Self { place: place.to_owned() })
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let text = self.place.to_str().expect("our own name");
        // Processes that a test has left must not keep the disk mounted.
        let _ = run("umount", &[text]).or_else(|_| run("umount", &["--lazy", text]));
    }
}

/// The reason why no disk can be mounted here; none if it works.
pub fn no_small_disk() -> Option<String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    Disk::mount(folder.path(), 64).err()
}

/// Makes a file or a folder read-only, also for root, until dropped
#[derive(Debug)]
pub struct ReadOnly {
    path: PathBuf,
    mounted: bool,
}

impl ReadOnly {
    /// Makes it read-only, with a mount if permitted.
    ///
    /// # Errors
    /// The user ignores permissions (as root does) and may not mount.
    pub fn make(path: &Path) -> Result<Self, String> {
        let text = path.to_str().expect("our own name");
        let Err(reason) = run("mount", &["--bind", text, text]) else {
            let made = Self { path: path.to_owned(), mounted: true };
            return run("mount", &["-o", "remount,bind,ro", text]).map(|()| made);
        };
        if !path.is_dir() {
            return Err(format!("only a mount keeps a file from being replaced, and {reason}"));
        }
        // Change only folders: tests compare the permissions of files.
        run("find", &[text, "-type", "d", "-exec", "chmod", "a-w", "{}", "+"])?;
        let made = Self { path: path.to_owned(), mounted: false };
        match fs_err::write(path.join("probe"), "") {
            Err(_) => Ok(made),
            Ok(()) => {
                fs_err::remove_file(path.join("probe")).expect("a file that was just made");
                Err(format!("permissions bind nobody here, and {reason}"))
            }
        }
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        let text = self.path.to_str().expect("our own name");
        let _ = match self.mounted {
            true => run("umount", &[text]).or_else(|_| run("umount", &["--lazy", text])),
            false => run("chmod", &["-R", "u+w", text]),
        };
    }
}

/// Fills a disk with a new file until `left` KiB are free. Deleting the file frees the space.
///
/// # Panics
/// The file cannot be created.
pub fn fill(file: &Path, left: usize) {
    let mut filler = fs_err::File::create(file).expect("a file on the disk");
    let zeros = vec![0; 64 << 10];
    let mut chunk = zeros.len();
    while chunk > 0 {
        match filler.write(&zeros[..chunk]) {
            Ok(written) if written > 0 => {}
            _ => chunk /= 2,
        }
    }
    let full = filler.metadata().expect("an open file").len();
    filler.set_len(full.saturating_sub(left as u64 * 1024)).expect("an open file");
}

/// Creates files in a folder until its disk accepts only `left` more. Deleting the folder frees them.
///
/// # Panics
/// The folder cannot be created.
pub fn fill_with_files(folder: &Path, left: usize) {
    fs_err::create_dir(folder).expect("a folder on the disk");
    let files = (0..FILES).map(|number| folder.join(number.to_string()));
    let made: Vec<PathBuf> = files.take_while(|file| fs_err::write(file, "").is_ok()).collect();
    assert!(made.len() < FILES, "the disk takes any number of files");
    for file in made.iter().rev().take(left) {
        fs_err::remove_file(file).expect("a file that was just made");
    }
}

fn run(program: &str, args: &[&str]) -> Result<(), String> {
    let output = duct::cmd(program, args)
        .stderr_to_stdout()
        .stdout_capture()
        .unchecked()
        .run()
        .map_err(|error| format!("`{program}`: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("`{program}`: {}", String::from_utf8_lossy(&output.stdout).trim())),
    }
}
