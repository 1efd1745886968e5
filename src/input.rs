//! Reads the files that a user names, on the command line, in the environment or in a configuration. One that is a pipe,
//! a device or a folder, or that is too large, is an error: reading it could wait forever, or fill the memory.

use std::fs::Metadata;
use std::io::{self, Read as _};
use std::path::Path;

/// The largest text that a user writes, in bytes
const LARGEST_TEXT: u64 = 16 << 20;
/// Stands for an empty file: other tools are told so to use no file
const NULL_DEVICE: &str = "/dev/null";

/// Reads a file of at most `limit` bytes. The null device is an empty file.
///
/// # Errors
/// It cannot be read, is not a file, or is larger.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    // The error of opening it is the one that users know.
    let metadata = fs_err::metadata(path).or_else(|_| fs_err::File::open(path)?.metadata())?;
    if !metadata.is_file() {
        if path == Path::new(NULL_DEVICE) {
            return Ok(Vec::new());
        }
        return Err(io::Error::other(format!("`{}` {}", path.display(), other_than_file(&metadata))));
    }
    // Room for all of it: growing would leave copies of secrets behind.
    at_most(path, limit, Vec::with_capacity(metadata.len().min(limit) as usize + 1))
}

/// Reads a text of at most 16 MiB.
///
/// # Errors
/// As [`read`], or it is not UTF-8.
pub fn read_text(path: &Path) -> io::Result<String> {
    text_of(path, read(path, LARGEST_TEXT)?)
}

/// Reads a text of at most 16 MiB from a file, or from a pipe: `--notes <(git log)`.
///
/// # Errors
/// As [`read_text`].
pub fn read_text_or_pipe(path: &Path) -> io::Result<String> {
    if !fs_err::metadata(path).is_ok_and(|metadata| is_pipe(&metadata)) {
        return read_text(path);
    }
    text_of(path, at_most(path, LARGEST_TEXT, Vec::new())?)
}

fn text_of(path: &Path, bytes: Vec<u8>) -> io::Result<String> {
    let text = String::from_utf8(bytes);
    text.map_err(|_| io::Error::other(format!("`{}` is not UTF-8 text", path.display())))
}

/// Reads to the end, or fails at the limit.
fn at_most(path: &Path, limit: u64, mut bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    fs_err::File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        let shown = path.display();
        return Err(io::Error::other(format!("`{shown}` is larger than {} MiB", limit >> 20)));
    }
    Ok(bytes)
}

#[cfg(unix)]
fn is_pipe(metadata: &Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    metadata.file_type().is_fifo()
}

#[cfg(not(unix))]
fn is_pipe(_: &Metadata) -> bool {
    false
}

/// Why no file can be read at the path, to follow its name; none if there is a file.
pub fn why_no_file(path: &Path) -> Option<&'static str> {
    match fs_err::metadata(path) {
        Ok(metadata) => (!metadata.is_file()).then(|| other_than_file(&metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Some("does not exist"),
        Err(_) => Some("cannot be read"),
    }
}

#[cfg(unix)]
fn other_than_file(metadata: &Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt as _;
    let kind = metadata.file_type();
    if kind.is_dir() {
        "is a folder, not a file"
    } else if kind.is_fifo() {
        "is a pipe, not a file"
    } else if kind.is_socket() {
        "is a socket, not a file"
    } else {
        "is a device, not a file"
    }
}

#[cfg(not(unix))]
fn other_than_file(metadata: &Metadata) -> &'static str {
    if metadata.is_dir() { "is a folder, not a file" } else { "is not a file" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs_err::write(&path, vec![b'x'; 1 << 20]).unwrap();
        assert_eq!(read(&path, 1 << 20).unwrap().len(), 1 << 20);
        fs_err::write(&path, vec![b'x'; (1 << 20) + 1]).unwrap();
        let error = read(&path, 1 << 20).unwrap_err().to_string();
        assert!(error.ends_with("file` is larger than 1 MiB"), "{error}");
        fs_err::write(&path, [0xff]).unwrap();
        assert!(read_text(&path).unwrap_err().to_string().ends_with("is not UTF-8 text"));
        assert_eq!(why_no_file(&path), None);
        assert_eq!(why_no_file(&folder.path().join("other")), Some("does not exist"));
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let (pipe, socket) = (folder.path().join("pipe"), folder.path().join("socket"));
        duct::cmd!("mkfifo", &pipe).run().unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for (path, what) in [
            (pipe.as_path(), "is a pipe, not a file"),
            (&socket, "is a socket, not a file"),
            (folder.path(), "is a folder, not a file"),
            (Path::new("/dev/zero"), "is a device, not a file"),
        ] {
            assert_eq!(read_text(path).unwrap_err().to_string(), format!("`{}` {what}", path.display()));
            assert_eq!(why_no_file(path), Some(what));
        }
        assert_eq!(read_text(Path::new("/dev/null")).unwrap(), "");
        // A pipe that somebody writes is read where that is wanted.
        let writer = std::thread::spawn({
            let pipe = pipe.clone();
            move || fs_err::write(pipe, "- A flag.\n").unwrap()
        });
        assert_eq!(read_text_or_pipe(&pipe).unwrap(), "- A flag.\n");
        writer.join().unwrap();
        assert!(read_text_or_pipe(Path::new("/dev/zero")).is_err());
    }
}
