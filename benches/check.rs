//! Compares `pyrelease check` with `twine check` on the same files: `cargo bench --bench check`.
//!
//! Machines differ and are noisy, so the result is the median ratio of all rounds. Rounds are interleaved, so that
//! changes of the machine's speed affect both programs. twine is installed once from the package index, below
//! `target/`.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "prints a report for the developer")]

use std::ffi::OsString;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const ROUNDS: usize = 7;
const PYRELEASE: &str = env!("CARGO_BIN_EXE_pyrelease");

fn main() {
    let twine = twine();
    println!("{:10} {:>7} {:>12} {:>12} {:>8}", "", "files", "twine", "pyrelease", "ratio");
    for (name, make) in SAMPLES {
        let folder = TempDir::new().unwrap();
        let files = make(folder.path());
        // Warm up the page cache and our cache of descriptions.
        let round = || (check(Path::new(PYRELEASE), &files), check(&twine, &files));
        round();
        let rounds: Vec<_> = (0..ROUNDS).map(|_| round()).collect();
        let ours = median(rounds.iter().map(|(ours, _)| ours.as_secs_f64()));
        let theirs = median(rounds.iter().map(|(_, theirs)| theirs.as_secs_f64()));
        let ratio = median(rounds.iter().map(|(ours, theirs)| ours.as_secs_f64() / theirs.as_secs_f64()));
        let (theirs, ours, count) = (theirs * 1e3, ours * 1e3, files.len());
        println!("{name:10} {count:7} {theirs:9.1} ms {ours:9.1} ms {ratio:8.3}");
    }
}

/// Creates the files of one release in a folder
type Make = fn(&Path) -> Vec<PathBuf>;

const SAMPLES: &[(&str, Make)] = &[
    ("small", |folder| {
        vec![wheel(folder, "any", "# Small\n", MARKDOWN, 1), sdist(folder, "# Small\n", MARKDOWN)]
    }),
    ("rst", |folder| {
        let section = "Section\n=======\n\nSome *text* with ``code``::\n\n    and a block\n\n";
        vec![sdist(folder, &section.repeat(1500), RESTRUCTURED)]
    }),
    ("many", |folder| platforms(60).map(|tag| wheel(folder, &tag, "# Many\n", MARKDOWN, 2 << 20)).collect()),
    ("large", |folder| vec![wheel(folder, "manylinux_2_28_x86_64", "# Large\n", MARKDOWN, 95 << 20)]),
    ("bulk", |folder| platforms(500).map(|tag| wheel(folder, &tag, "# Bulk\n", MARKDOWN, 4000)).collect()),
];

const MARKDOWN: &str = "text/markdown";
const RESTRUCTURED: &str = "text/x-rst";

fn platforms(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|number| format!("manylinux_2_{number}_x86_64"))
}

fn metadata(description: &str, content_type: &str) -> String {
    format!(
        "Metadata-Version: 2.4\nName: sample\nVersion: 1.0\nSummary: A sample\nLicense-Expression: MIT\n\
         Requires-Python: >=3.9\nDescription-Content-Type: {content_type}\n\n{description}"
    )
}

/// Incompressible bytes, the same each time.
fn noise(length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length + 32);
    let mut block = Sha256::digest(b"sample");
    while bytes.len() < length {
        bytes.extend_from_slice(&block);
        block = Sha256::digest(block);
    }
    bytes.truncate(length);
    bytes
}

/// A wheel with one module of `length` bytes.
fn wheel(folder: &Path, platform: &str, description: &str, content_type: &str, length: usize) -> PathBuf {
    let tag = format!("py3-none-{platform}");
    let info = "sample-1.0.dist-info";
    let mut members = vec![
        ("sample/__init__.py".to_owned(), Vec::new()),
        ("sample/data.bin".to_owned(), noise(length)),
        (format!("{info}/METADATA"), metadata(description, content_type).into_bytes()),
        (
            format!("{info}/WHEEL"),
            format!("Wheel-Version: 1.0\nGenerator: sample\nRoot-Is-Purelib: true\nTag: {tag}\n")
                .into_bytes(),
        ),
    ];
    let row = |(path, content): &(String, Vec<u8>)| {
        let hash = pyrelease::python::archive::encode_digest(&Sha256::digest(content));
        format!("{path},sha256={hash},{}\n", content.len())
    };
    let rows: String = members.iter().map(row).collect();
    members.push((format!("{info}/RECORD"), format!("{rows}{info}/RECORD,,\n").into_bytes()));
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, content) in members {
        writer.start_file(path, SimpleFileOptions::default()).unwrap();
        writer.write_all(&content).unwrap();
    }
    let path = folder.join(format!("sample-1.0-{tag}.whl"));
    fs_err::write(&path, writer.finish().unwrap().into_inner()).unwrap();
    path
}

fn sdist(folder: &Path, description: &str, content_type: &str) -> PathBuf {
    let path = folder.join("sample-1.0.tar.gz");
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    let project = "[build-system]\nrequires = [\"hatchling\"]\nbuild-backend = \"hatchling.build\"\n";
    for (name, content) in
        [("pyproject.toml", project.to_owned()), ("PKG-INFO", metadata(description, content_type))]
    {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, format!("sample-1.0/{name}"), content.as_bytes()).unwrap();
    }
    fs_err::write(&path, archive.into_inner().unwrap().finish().unwrap()).unwrap();
    path
}

/// The program to compare with.
fn twine() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("twine");
    let bin = folder.join(if cfg!(windows) { "Scripts" } else { "bin" });
    if !bin.join("twine").exists() {
        duct::cmd!("python3", "-m", "venv", &folder).run().unwrap();
        duct::cmd!(bin.join("python"), "-m", "pip", "install", "--quiet", "twine").run().unwrap();
    }
    bin.join("twine")
}

/// The time that one check of the files takes.
fn check(program: &Path, files: &[PathBuf]) -> Duration {
    let arguments = [OsString::from("check")].into_iter().chain(files.iter().map(OsString::from));
    let command = duct::cmd(program, arguments).stdout_null();
    let began = Instant::now();
    command.run().unwrap();
    began.elapsed()
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
