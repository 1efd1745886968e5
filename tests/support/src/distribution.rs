//! Small valid distributions, created without a build.

use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use crate::base64::encode;

fn metadata(name: &str, version: &str) -> String {
    metadata_with(name, version, "text/markdown", &format!("# {name}\n"))
}

fn metadata_with(name: &str, version: &str, kind: &str, description: &str) -> String {
    format!(
        "Metadata-Version: 2.4\nName: {name}\nVersion: {version}\nSummary: Says hello\n\
         Description-Content-Type: {kind}\n\n{description}"
    )
}

/// Writes a wheel for a platform, such as `any` or `macosx_11_0_arm64`, that says `hello` when it is imported.
///
/// # Panics
/// The folder cannot be written.
pub fn wheel(folder: &Path, name: &str, version: &str, platform: &str, hello: &str) -> PathBuf {
    package(folder, name, version, platform, &format!("HELLO = {hello:?}\n"))
}

/// Writes a wheel with this module.
///
/// # Panics
/// The folder cannot be written.
pub fn package(folder: &Path, name: &str, version: &str, platform: &str, module: &str) -> PathBuf {
    archived(folder, (name, version, platform), &format!("{name}/__init__.py"), module)
}

/// Writes a wheel that installs a program, which is this script.
///
/// # Panics
/// The folder cannot be written.
pub fn program(folder: &Path, name: &str, version: &str, script: &str) -> PathBuf {
    archived(folder, (name, version, "any"), &format!("{name}-{version}.data/scripts/{name}"), script)
}

/// Writes a wheel with this file.
fn archived(
    folder: &Path,
    (name, version, platform): (&str, &str, &str),
    path: &str,
    content: &str,
) -> PathBuf {
    let info = format!("{name}-{version}.dist-info");
    let tag = format!("py3-none-{platform}");
    let purity = if platform == "any" { "true" } else { "false" };
    let members = [
        (path.to_owned(), content.to_owned()),
        (format!("{info}/METADATA"), metadata(name, version)),
        (
            format!("{info}/WHEEL"),
            format!("Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: {purity}\nTag: {tag}\n"),
        ),
    ];
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let mut record = String::new();
    let mut add = |path: &str, content: &str| {
        let mode = if path.contains("/scripts/") { 0o755 } else { 0o644 };
        let options = zip::write::SimpleFileOptions::default().unix_permissions(mode);
        archive.start_file(path, options).expect("a member");
        archive.write_all(content.as_bytes()).expect("its content");
    };
    for (path, content) in &members {
        add(path, content);
        let hash = encode(&Sha256::digest(content)).replace('+', "-").replace('/', "_");
        record.push_str(&format!("{path},sha256={},{}\n", hash.trim_end_matches('='), content.len()));
    }
    record.push_str(&format!("{info}/RECORD,,\n"));
    add(&format!("{info}/RECORD"), &record);
    let bytes = archive.finish().expect("an archive").into_inner();
    written(folder.join(format!("{name}-{version}-{tag}.whl")), &bytes)
}

/// Writes a source distribution that contains this text.
///
/// # Panics
/// The folder cannot be written.
pub fn sdist(folder: &Path, name: &str, version: &str, hello: &str) -> PathBuf {
    sdist_with(folder, (name, version), metadata(name, version), hello)
}

/// Writes a source distribution with a description of that content type.
///
/// # Panics
/// The folder cannot be written.
pub fn described(folder: &Path, name: &str, version: &str, kind: &str, description: &str) -> PathBuf {
    sdist_with(folder, (name, version), metadata_with(name, version, kind, description), "hello")
}

fn sdist_with(folder: &Path, (name, version): (&str, &str), metadata: String, hello: &str) -> PathBuf {
    let mut tar = Vec::new();
    for (path, content) in [
        ("PKG-INFO", metadata),
        ("pyproject.toml", format!("[project]\nname = \"{name}\"\nversion = \"{version}\"\n")),
        ("hello.txt", hello.to_owned()),
    ] {
        let mut header = [0_u8; 512];
        let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
        put(0, &format!("{name}-{version}/{path}"));
        put(100, "0000644");
        put(108, "0000000");
        put(116, "0000000");
        put(124, &format!("{:011o}", content.len()));
        put(136, "14000000000");
        put(148, "        ");
        put(156, "0");
        put(257, "ustar");
        put(263, "00");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        tar.extend_from_slice(&header);
        tar.extend_from_slice(content.as_bytes());
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.extend_from_slice(&[0; 1024]);
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&tar).expect("memory");
    written(folder.join(format!("{name}-{version}.tar.gz")), &packed.finish().expect("memory"))
}

fn written(path: PathBuf, bytes: &[u8]) -> PathBuf {
    fs_err::write(&path, bytes).expect("a folder that can be written");
    path
}
