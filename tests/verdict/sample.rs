//! What a rule is shown by, and the distributions of it.

use std::collections::BTreeSet;
use std::io::{Cursor, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;
use pyrelease::python::archive::encode_digest;
use pyrelease::python::verdict::{Expected, Tracked};
use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;

use Sample::{Content, Files, Made, Metadata, Record, Sdist, Told, Wheel};

const DIST_INFO: &str = "demo-1.0.dist-info";

/// What a rule judges
pub(crate) enum Sample {
    /// Lines of the core metadata, in a wheel; those with the name, the version and their own are added
    Metadata(&'static str),
    /// The names of the files of a release, whose contents are right
    Files(&'static [&'static str]),
    /// Members of a wheel besides the usual ones, each with its content; without one of those if `-` is before its path
    Wheel(&'static [(&'static str, &'static str)]),
    /// All members of a source distribution
    Sdist(&'static [&'static str]),
    /// A wheel's RECORD, with one part of it in place of another
    Record(&'static str, &'static str),
    /// A file that has this content
    Content(&'static str, &'static str),
    /// What this sentence says
    Made(&'static str, fn() -> Given),
    /// What would take too long to make: tested elsewhere
    Told(&'static str),
}

/// The files of a release, and what is known besides
#[derive(Default)]
pub(crate) struct Given {
    pub(crate) files: Vec<(String, Vec<u8>)>,
    pub(crate) expected: Option<Expected>,
    pub(crate) tracked: Option<Tracked>,
}

/// These files, and nothing besides.
pub(crate) fn release(files: &[(&str, Vec<u8>)]) -> Given {
    let files = files.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.clone())).collect();
    Given { files, ..Given::default() }
}

/// The core metadata with these lines.
pub(crate) fn metadata(name: &str, version: &str, lines: &str) -> String {
    let (headers, _) = lines.split_once("\n\n").unwrap_or((lines, ""));
    let usual = [("Metadata-Version", "2.4"), ("Name", name), ("Version", version)];
    let is_stated = |name: &str| headers.lines().any(|line| line.starts_with(&format!("{name}:")));
    let usual = usual.iter().filter(|(name, _)| !is_stated(name));
    let usual: String = usual.map(|(name, value)| format!("{name}: {value}\n")).collect();
    format!("{usual}{lines}\n")
}

pub(crate) type Members = Vec<(String, String)>;

/// The members of a wheel, RECORD last.
pub(crate) fn members(name: &str, version: &str, lines: &str, more: &[(&str, &str)]) -> Members {
    let info = format!("{name}-{version}.dist-info");
    let wheel = "Wheel-Version: 1.0\nGenerator: demo\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
    let mut members: Members = vec![
        (format!("{name}/__init__.py"), "x = 1\n".to_owned()),
        (format!("{info}/WHEEL"), wheel.to_owned()),
        (format!("{info}/METADATA"), metadata(name, version, lines)),
    ];
    members.extend(more.iter().map(|(path, content)| ((*path).to_owned(), (*content).to_owned())));
    let row = |(path, content): &(String, String)| {
        format!("{path},sha256={},{}\n", encode_digest(&Sha256::digest(content)), content.len())
    };
    let left_out: BTreeSet<String> =
        members.iter().filter_map(|(path, _)| path.strip_prefix('-').map(str::to_owned)).collect();
    members.retain(|(path, _)| !path.starts_with('-') && !left_out.contains(path));
    let record: String = members.iter().map(row).collect();
    let path = format!("{info}/RECORD");
    if !left_out.contains(&path) {
        members.push((path.clone(), format!("{record}{path},,\n")));
    }
    members
}

pub(crate) fn zipped(members: &Members) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (path, content) in members {
        writer.start_file(path, SimpleFileOptions::default()).expect("a member");
        writer.write_all(content.as_bytes()).expect("its content");
    }
    writer.finish().expect("an archive").into_inner()
}

pub(crate) fn packed(members: &[(String, String)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, path, content.as_bytes()).expect("a member");
    }
    gzipped(&builder.into_inner().expect("an archive"))
}

pub(crate) fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("a gzip stream")
}

/// A file that is right but for its name.
pub(crate) fn named(file: &str) -> Vec<u8> {
    let stem = file.trim_end_matches(".whl").trim_end_matches(".tar.gz").trim_end_matches(".zip");
    let mut parts = stem.split('-');
    let (name, version) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let folder = format!("{name}-{version}");
    let info = (format!("{folder}/PKG-INFO"), metadata(name, version, ""));
    let source = [info, (format!("{folder}/demo.py"), String::new())];
    match file.rsplit('.').next() {
        Some("whl") => zipped(&members(name, version, "", &[])),
        Some("zip") => zipped(&source.to_vec()),
        _ => packed(&source),
    }
}

impl Sample {
    /// As the page shows it: as text that it has, or in a sentence.
    pub(crate) fn shown(&self) -> String {
        match self {
            Made(sentence, _) | Told(sentence) => (*sentence).to_owned(),
            _ => format!("```text\n{}\n```", self.text()),
        }
    }

    fn text(&self) -> String {
        match self {
            Made(..) | Told(_) => String::new(),
            Metadata(lines) => (*lines).to_owned(),
            Files(names) => names.join("\n"),
            Wheel([]) => {
                format!("demo/__init__.py\n{DIST_INFO}/WHEEL\n{DIST_INFO}/METADATA\n{DIST_INFO}/RECORD")
            }
            Wheel(members) => {
                let member = |(path, content): &(&str, &str)| match (path.strip_prefix('-'), *content) {
                    (Some(path), _) => format!("no {path}"),
                    (None, "") => (*path).to_owned(),
                    (None, content) => {
                        format!("{path}:\n{}", content.escape_debug().to_string().replace("\\n", "\n"))
                    }
                };
                members
                    .iter()
                    .map(member)
                    .map(|text| text.trim_end().to_owned())
                    .collect::<Vec<_>>()
                    .join("\n")
            }
            Sdist(members) => members.join("\n"),
            Record(from, to) => {
                let members = members("demo", "1.0", "", &[]);
                let record = &members.last().expect("RECORD").1;
                let lines: Vec<&str> = record.lines().take(1).collect();
                (lines.join("\n") + "\n").replace(from, to).trim_end().to_owned()
            }
            Content(file, "") => format!("{file}, of demo 1.0"),
            Content(file, content) => format!("{file}:\n{content}"),
        }
    }

    /// Its files, and what is known besides; none if it is only told.
    pub(crate) fn given(&self) -> Option<Given> {
        let wheel = "demo-1.0-py3-none-any.whl";
        let files: Vec<(&str, Vec<u8>)> = match self {
            Metadata(lines) => vec![(wheel, zipped(&members("demo", "1.0", lines, &[])))],
            Files(names) => names.iter().map(|name| (*name, named(name))).collect(),
            Wheel(more) => vec![(wheel, zipped(&members("demo", "1.0", "", more)))],
            Sdist(paths) => {
                let content = |path: &str| match path.ends_with("PKG-INFO") {
                    true => metadata("demo", "1.0", ""),
                    false => String::new(),
                };
                let members: Members = paths.iter().map(|path| ((*path).to_owned(), content(path))).collect();
                vec![("demo-1.0.tar.gz", packed(&members))]
            }
            Record(from, to) => {
                let mut members = members("demo", "1.0", "", &[]);
                let record = &mut members.last_mut().expect("RECORD").1;
                *record = record.replacen(from, to, 1);
                vec![(wheel, zipped(&members))]
            }
            Content(file, "") => vec![(*file, named(wheel))],
            Content(file, content) => vec![(*file, content.as_bytes().to_vec())],
            Made(_, make) => return Some(make()),
            Told(_) => return None,
        };
        Some(release(&files))
    }
}
