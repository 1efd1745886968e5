//! What interpreters answered when they were asked, kept in the cache folder.
//!
//! The program may be a version manager's shim, which chooses a Python by variables and files. So an answer is kept with
//! all that it depended on: the program's file, the Python's file, and for a script what version managers look at.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Environment;
use crate::input::read_text;
use crate::world::digest::hex;
use crate::world::write_whole;

/// The files by which pyenv, asdf and mise choose, in a folder or one above it
const CHOICES: [&str; 4] = [".python-version", ".tool-versions", "mise.toml", ".mise.toml"];
/// The beginnings of the variables by which they choose
const CHOOSING: [&str; 3] = ["PYENV_", "ASDF_", "MISE_"];

/// A program that is asked, and all that its answer depends on
pub(super) struct Program {
    hash: Sha256,
}

/// What a Python tells about itself
#[derive(Serialize, Deserialize)]
pub(super) struct PythonInfo {
    pub(super) path: PathBuf,
    pub(super) version: String,
    pub(super) platform: String,
    pub(super) abi: String,
    pub(super) major: u32,
    pub(super) minor: u32,
}

#[derive(Serialize, Deserialize)]
struct Answer {
    /// The stamp of the Python that answered
    stamp: String,
    python: PythonInfo,
}

impl Program {
    /// None if an answer cannot be kept: the program is not there, or another program under the name of Python.
    pub(super) fn find(environment: &Environment, python: &Path, folder: &Path) -> Option<Self> {
        let program = environment.program(python.to_str()?, folder)?;
        let real = fs_err::canonicalize(&program).ok()?;
        let mut parts = vec![program.display().to_string(), stamp(&program)?];
        // A virtual environment's Python is a link to another one, and this file tells which.
        let settings = program.parent().and_then(Path::parent).map(|folder| folder.join("pyvenv.cfg"));
        parts.extend(settings.and_then(|path| read_text(&path).ok()));
        let mut first = [0; 2];
        let mut file = fs_err::File::open(&real).ok()?;
        std::io::Read::read_exact(&mut file, &mut first).ok()?;
        if &first == b"#!" {
            parts.push(folder.display().to_string());
            parts.extend(choices(environment, folder));
        } else if !is_python(real.file_stem()?) {
            return None;
        }
        Some(Self { hash: parts.into_iter().fold(Sha256::new(), with_part) })
    }

    /// The name of a file for an answer that depends on these settings, too.
    pub(super) fn key_with(&self, settings: impl Iterator<Item = String>) -> String {
        hex(&settings.fold(self.hash.clone(), with_part).finalize())
    }
}

fn with_part(hash: Sha256, part: String) -> Sha256 {
    hash.chain_update((part.len() as u64).to_le_bytes()).chain_update(part)
}

/// What a shim may choose a Python by.
fn choices(environment: &Environment, folder: &Path) -> Vec<String> {
    let variables = environment.variables().filter_map(|(name, value)| {
        let name = name.to_str()?;
        let chooses = CHOOSING.iter().any(|beginning| name.starts_with(beginning));
        chooses.then(|| format!("{name}={}", value.display()))
    });
    let mut parts: Vec<String> = variables.collect();
    let home = environment.home().unwrap_or_default();
    let pyenv = environment.path("PYENV_ROOT").unwrap_or_else(|| home.join(".pyenv"));
    let above = folder.ancestors().chain([home.as_path()]);
    let files = above.flat_map(|folder| CHOICES.map(|name| folder.join(name)));
    for file in files.chain([pyenv.join("version")]) {
        parts.extend(read_text(&file).ok().map(|text| format!("{}: {text}", file.display())));
    }
    // A new version may be what `3.11` means from now on.
    parts.extend(stamp(&pyenv.join("versions")));
    parts
}

fn is_python(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    ["python", "pypy"].iter().any(|python| name.starts_with(python))
}

/// Changes when a file is written to or replaced, and when a folder gets or loses an entry.
pub(super) fn stamp(path: &Path) -> Option<String> {
    let metadata = fs_err::metadata(path).ok()?;
    let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(format!("{} {}", metadata.len(), modified.as_nanos()))
}

fn place(environment: &Environment, program: &Program) -> Option<PathBuf> {
    Some(environment.cache_folder()?.join("pythons").join(program.key_with(std::iter::empty())))
}

/// What the program answered earlier, if its Python is still the same.
pub(super) fn answer(environment: &Environment, program: &Program) -> Option<PythonInfo> {
    let text = fs_err::read(place(environment, program)?).ok()?;
    let answer: Answer = serde_json::from_slice(&text).ok()?;
    (stamp(&answer.python.path)? == answer.stamp).then_some(answer.python)
}

/// Keeps an answer. A failure only means that the program is asked again.
pub(super) fn keep(environment: &Environment, program: &Program, python: &PythonInfo) {
    if let (Some(place), Some(stamp)) = (place(environment, program), stamp(&python.path)) {
        let answer = serde_json::json!({ "stamp": stamp, "python": python });
        let _ = write_whole(&place, answer.to_string().as_bytes());
    }
}
