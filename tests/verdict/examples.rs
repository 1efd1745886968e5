//! A wrong and a right example of a rule, as the page of the rules shows them; each is made and judged.

use std::collections::BTreeSet;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use pyrelease::python::archive::encode_digest;
use pyrelease::python::verdict::{Policy, RULES};
use pyrelease::stages::judge_files;
use pyrelease::world::Environment;
use pyrelease_test_support::Sandbox;
use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;

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
}

use Sample::{Content, Files, Metadata, Record, Sdist, Wheel};

const ROW: &str = "demo/__init__.py,sha256=";
const DIST_INFO: &str = "demo-1.0.dist-info";

/// The rules with a wrong and a right example
pub(crate) const EXAMPLES: &[(&str, Sample, Sample)] = &[
    ("metadata-version", Metadata("Metadata-Version: 3.0"), Metadata("Metadata-Version: 2.4")),
    ("name", Metadata("Name: -demo"), Metadata("Name: demo")),
    ("version", Metadata("Version: one"), Metadata("Version: 1.0")),
    ("local-version", Metadata("Version: 1.0+linux"), Metadata("Version: 1.0")),
    (
        "repeated-field",
        Metadata("Summary: Says hello\nSummary: Says goodbye"),
        Metadata("Summary: Says hello"),
    ),
    (
        "field-too-new",
        Metadata("Metadata-Version: 2.1\nLicense-Expression: MIT"),
        Metadata("Metadata-Version: 2.4\nLicense-Expression: MIT"),
    ),
    (
        "metadata-line",
        Metadata("Summary: Says hello\nto everybody"),
        Metadata("Summary: Says hello to everybody"),
    ),
    ("email", Metadata("Author-email: Dana"), Metadata("Author-email: Dana <dana@example.org>")),
    (
        "classifier",
        Metadata("Classifier: Topic :: Greetings"),
        Metadata("Classifier: Topic :: Software Development"),
    ),
    (
        "classifier-deprecated",
        Metadata("Classifier: Natural Language :: Ukranian"),
        Metadata("Classifier: Natural Language :: Ukrainian"),
    ),
    (
        "content-type",
        Metadata("Description-Content-Type: text/html"),
        Metadata("Description-Content-Type: text/markdown"),
    ),
    ("dynamic", Metadata("Dynamic: Name"), Metadata("Dynamic: Summary")),
    ("url", Metadata("Home-page: example.org"), Metadata("Home-page: https://example.org/")),
    (
        "project-url",
        Metadata("Project-URL: https://example.org/"),
        Metadata("Project-URL: Documentation, https://example.org/"),
    ),
    (
        "project-url-label",
        Metadata("Project-URL: Docs, https://example.org/\nProject-URL: Docs, https://docs.example.org/"),
        Metadata("Project-URL: Home, https://example.org/\nProject-URL: Docs, https://docs.example.org/"),
    ),
    (
        "import-name",
        Metadata("Metadata-Version: 2.5\nImport-Name: my-demo"),
        Metadata("Metadata-Version: 2.5\nImport-Name: my_demo"),
    ),
    ("summary", Metadata("Summary: Says hello\n  and goodbye"), Metadata("Summary: Says hello and goodbye")),
    (
        "license-and-expression",
        Metadata("License: MIT\nLicense-Expression: MIT"),
        Metadata("License-Expression: MIT"),
    ),
    ("license-expression", Metadata("License-Expression: MIT License"), Metadata("License-Expression: MIT")),
    ("license-file", Metadata("License-File: ../LICENSE"), Metadata("License-File: LICENSE")),
    ("license-file-missing", Metadata("License-File: LICENSE"), Metadata("License-Expression: MIT")),
    ("requirement", Metadata("Requires-Dist: requests >> 2"), Metadata("Requires-Dist: requests >=2")),
    (
        "direct-dependency",
        Metadata("Requires-Dist: tool @ https://example.org/tool.zip"),
        Metadata("Requires-Dist: tool"),
    ),
    ("provides-extra", Metadata("Provides-Extra: -all"), Metadata("Provides-Extra: all")),
    ("requires-python", Metadata("Requires-Python: 3.9+"), Metadata("Requires-Python: >=3.9")),
    ("standard-library-name", Metadata("Name: json"), Metadata("Name: demo-json")),
    ("prohibited-name", Metadata("Name: requirements.txt"), Metadata("Name: demo")),
    (
        "description-not-blank",
        Metadata("Description-Content-Type: text/markdown\n\n\n"),
        Metadata("Description-Content-Type: text/markdown\n\nSays hello."),
    ),
    (
        "description-renders",
        Metadata("Description-Content-Type: text/x-rst\n\n.. toctree::"),
        Metadata("Description-Content-Type: text/x-rst\n\n.. note:: It says hello."),
    ),
    ("filename", Files(&["demo-1.0.whl"]), Files(&["demo-1.0-py3-none-any.whl"])),
    ("filename-name", Content("other-1.0-py3-none-any.whl", ""), Files(&["demo-1.0-py3-none-any.whl"])),
    ("filename-version", Content("demo-1.1-py3-none-any.whl", ""), Files(&["demo-1.0-py3-none-any.whl"])),
    ("filename-sdist", Files(&["Demo-1.0.tar.gz"]), Files(&["demo-1.0.tar.gz"])),
    (
        "archive",
        Content("demo-1.0-py3-none-any.whl", "<html>Not found</html>"),
        Files(&["demo-1.0-py3-none-any.whl"]),
    ),
    (
        "duplicate-metadata",
        Sdist(&["demo-1.0/PKG-INFO", "demo-1.0/demo.py", "demo-1.0/PKG-INFO"]),
        Sdist(&["demo-1.0/PKG-INFO", "demo-1.0/demo.py"]),
    ),
    (
        "duplicate-member",
        Sdist(&["demo-1.0/PKG-INFO", "demo-1.0/demo.py", "demo-1.0/demo.py"]),
        Sdist(&["demo-1.0/PKG-INFO", "demo-1.0/demo.py"]),
    ),
    (
        "sdist-top-folder",
        Sdist(&["demo-1.0/PKG-INFO", "src/demo.py"]),
        Sdist(&["demo-1.0/PKG-INFO", "demo-1.0/src/demo.py"]),
    ),
    (
        "sdist-pkg-info",
        Sdist(&["demo-1.0/demo.py", "demo-1.0/setup.py"]),
        Sdist(&["demo-1.0/PKG-INFO", "demo-1.0/demo.py"]),
    ),
    (
        "sdist-folder-name",
        Sdist(&["demo/PKG-INFO", "demo/demo.py"]),
        Sdist(&["demo-1.0/PKG-INFO", "demo-1.0/demo.py"]),
    ),
    (
        "sdist-folder-spelling",
        Sdist(&["Demo-1.0/PKG-INFO", "Demo-1.0/demo.py"]),
        Sdist(&["demo-1.0/PKG-INFO", "demo-1.0/demo.py"]),
    ),
    ("wheel-file", Wheel(&[("-demo-1.0.dist-info/WHEEL", "")]), Wheel(&[])),
    ("wheel-metadata", Wheel(&[("-demo-1.0.dist-info/METADATA", "")]), Wheel(&[])),
    (
        "platform-tag",
        Files(&["demo-1.0-py3-none-linux_x86_64.whl"]),
        Files(&["demo-1.0-py3-none-manylinux_2_28_x86_64.whl"]),
    ),
    (
        "entry-points",
        Wheel(&[("demo-1.0.dist-info/entry_points.txt", "[console_scripts]\nsay hello\n")]),
        Wheel(&[("demo-1.0.dist-info/entry_points.txt", "[console_scripts]\nsay = demo:hello\n")]),
    ),
    ("wheel-one-dist-info", Wheel(&[("other-1.0.dist-info/METADATA", "")]), Wheel(&[])),
    ("record-missing", Wheel(&[("-demo-1.0.dist-info/RECORD", "")]), Wheel(&[])),
    ("record-readable", Record(ROW, "\"demo/__init__.py,sha256="), Record(ROW, ROW)),
    ("record-unlisted", Record(ROW, "demo/other.py,sha256="), Record(ROW, ROW)),
    ("record-absent", Record(ROW, "demo/other.py,,\ndemo/__init__.py,sha256="), Record(ROW, ROW)),
    ("record-hash", Record(ROW, "demo/__init__.py,sha256=A"), Record(ROW, ROW)),
    ("record-size", Record(",6\n", ",7\n"), Record(",6\n", ",6\n")),
    ("record-repeated", Record(ROW, "demo/__init__.py,,\ndemo/__init__.py,sha256="), Record(ROW, ROW)),
    ("record-algorithm", Record(ROW, "demo/__init__.py,md5="), Record(ROW, ROW)),
    ("path-escapes", Wheel(&[("../demo.py", "")]), Wheel(&[("demo/demo.py", "")])),
    ("secret-file", Wheel(&[("demo/.pypirc", "[pypi]\n")]), Wheel(&[("demo/pypirc.py", "")])),
    ("leftover", Wheel(&[("demo/.DS_Store", "")]), Wheel(&[("demo/data.txt", "")])),
    ("top-level-name", Wheel(&[("tests/__init__.py", "")]), Wheel(&[("demo/tests/__init__.py", "")])),
    ("native-in-pure-wheel", Wheel(&[("demo/fast.so", "\u{7f}ELF")]), Wheel(&[("demo/fast.py", "")])),
    ("empty-wheel", Wheel(&[("-demo/__init__.py", "")]), Wheel(&[])),
    ("no-license", Metadata("Requires-Python: >=3.9"), Metadata("License-Expression: MIT")),
    ("no-requires-python", Metadata("License-Expression: MIT"), Metadata("Requires-Python: >=3.9")),
    (
        "relative-link",
        Metadata("Description-Content-Type: text/markdown\n\n[Guide](docs/guide.md)"),
        Metadata("Description-Content-Type: text/markdown\n\n[Guide](https://example.org/guide)"),
    ),
    (
        "one-sdist",
        Files(&["demo-1.0.tar.gz", "Demo-1.0.tar.gz"]),
        Files(&["demo-1.0.tar.gz", "demo-1.0-py3-none-any.whl"]),
    ),
    (
        "one-name",
        Files(&["demo-1.0.tar.gz", "other-1.0-py3-none-any.whl"]),
        Files(&["demo-1.0.tar.gz", "demo-1.0-py3-none-any.whl"]),
    ),
    (
        "one-version",
        Files(&["demo-1.0.tar.gz", "demo-1.1-py3-none-any.whl"]),
        Files(&["demo-1.0.tar.gz", "demo-1.0-py3-none-any.whl"]),
    ),
];

/// The rules that a few lines do not show: about empty files, sizes, damaged bytes, links, secrets, or what is known elsewhere
const WITHOUT: &[&str] = &[
    "metadata-readable",
    "description-too-costly",
    "filename-length",
    "file-size",
    "compression-ratio",
    "compression-method",
    "zip-framing",
    "sparse-member",
    "encrypted-code",
    "damage",
    "trailing-data",
    "encrypted-member",
    "archive-limits",
    "link-escapes",
    "behind-link",
    "special-file",
    "wheel-link",
    "secret",
    "attestation-valid",
    "tracked-file-missing",
    "same-file",
    "release-name",
    "release-version",
    "same-metadata",
];

/// The core metadata with these lines.
fn metadata(name: &str, version: &str, lines: &str) -> String {
    let (headers, _) = lines.split_once("\n\n").unwrap_or((lines, ""));
    let usual = [("Metadata-Version", "2.4"), ("Name", name), ("Version", version)];
    let is_stated = |name: &str| headers.lines().any(|line| line.starts_with(&format!("{name}:")));
    let usual = usual.iter().filter(|(name, _)| !is_stated(name));
    let usual: String = usual.map(|(name, value)| format!("{name}: {value}\n")).collect();
    format!("{usual}{lines}\n")
}

type Members = Vec<(String, String)>;

/// The members of a wheel, RECORD last.
fn members(name: &str, version: &str, lines: &str, more: &[(&str, &str)]) -> Members {
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

fn zipped(members: &Members) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (path, content) in members {
        writer.start_file(path, SimpleFileOptions::default()).expect("a member");
        writer.write_all(content.as_bytes()).expect("its content");
    }
    writer.finish().expect("an archive").into_inner()
}

fn packed(members: &[(String, String)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, content) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, path, content.as_bytes()).expect("a member");
    }
    builder.into_inner().and_then(GzEncoder::finish).expect("an archive")
}

/// A file that is right but for its name.
fn named(file: &str) -> Vec<u8> {
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
    /// As the page shows it.
    pub(crate) fn shown(&self) -> String {
        match self {
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

    /// Writes its files.
    fn write(&self, folder: &Path) -> Vec<PathBuf> {
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
        };
        fs_err::create_dir_all(folder).expect("a folder");
        let write = |(name, bytes): (&str, Vec<u8>)| {
            let path = folder.join(name);
            fs_err::write(&path, bytes).expect("a file");
            path
        };
        files.into_iter().map(write).collect()
    }
}

#[test]
fn every_wrong_example_is_found_and_every_right_one_passes() {
    let sandbox = Sandbox::new();
    let environment: Environment = sandbox.environment().into_iter().collect();
    let found = |sample: &Sample, folder: String| -> BTreeSet<&str> {
        let files = sample.write(&sandbox.root().join(folder));
        let report =
            judge_files(&files, None, None, &Policy::default(), &environment, &|_| ()).expect("a verdict");
        report.diagnostics().map(|(_, finding)| finding.rule).collect()
    };
    let mut wrong = Vec::new();
    for (rule, bad, good) in EXAMPLES {
        let (of_bad, of_good) = (found(bad, format!("{rule}-wrong")), found(good, format!("{rule}-right")));
        if !of_bad.contains(rule) || of_good.contains(rule) {
            wrong.push(format!("{rule}: wrong {of_bad:?}, right {of_good:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let shown = EXAMPLES.iter().map(|(rule, ..)| *rule).chain(WITHOUT.iter().copied());
    let all: BTreeSet<&str> = RULES.iter().copied().flatten().map(|rule| rule.id).collect();
    assert_eq!(shown.collect::<BTreeSet<_>>(), all);
    assert_eq!(EXAMPLES.len() + WITHOUT.len(), all.len());
}
