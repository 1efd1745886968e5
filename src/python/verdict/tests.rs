//! Distributions of a small project, each with one thing wrong.

use snapbox::{assert_data_eq, str};
use std::io::{Cursor, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;

use super::*;
use crate::python::archive::encode_digest;

const METADATA: &str = "Metadata-Version: 2.4\nName: demo\nVersion: 1.0\nSummary: a demo\n\
    Requires-Python: >=3.9\nLicense-Expression: MIT\nDescription-Content-Type: text/markdown\n\n# Demo\n";
const WHEEL: &str = "demo-1.0-py3-none-any.whl";
const SDIST: &str = "demo-1.0.tar.gz";

fn row(path: &str, content: &str) -> String {
    format!("{path},sha256={},{}\n", encode_digest(&Sha256::digest(content)), content.len())
}

/// The members of a wheel that is right, RECORD last.
fn members(metadata: &str) -> Vec<(String, String)> {
    let files = [
        ("demo/__init__.py", "x = 1\n"),
        ("demo-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\n"),
        ("demo-1.0.dist-info/METADATA", metadata),
    ];
    let record: String = files.iter().map(|(path, content)| row(path, content)).collect();
    let record = record + "demo-1.0.dist-info/RECORD,,\n";
    let files = files.into_iter().map(|(path, content)| (path.to_owned(), content.to_owned()));
    files.chain([("demo-1.0.dist-info/RECORD".to_owned(), record)]).collect()
}

fn judge_wheel(members: &[(String, String)]) -> Judgement {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (path, content) in members {
        writer.start_file(path, SimpleFileOptions::default()).unwrap();
        writer.write_all(content.as_bytes()).unwrap();
    }
    let mut file = writer.finish().unwrap();
    let size = file.get_ref().len() as u64;
    judge(&mut file, WHEEL, size)
}

fn judge_sdist(filename: &str, fill: impl FnOnce(&mut tar::Builder<GzEncoder<Vec<u8>>>)) -> Judgement {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    fill(&mut builder);
    let bytes = builder.into_inner().unwrap().finish().unwrap();
    judge(&mut Cursor::new(&bytes), filename, bytes.len() as u64)
}

fn add(builder: &mut tar::Builder<GzEncoder<Vec<u8>>>, path: &str, content: &str) {
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    builder.append_data(&mut header, path, content.as_bytes()).unwrap();
}

/// The metadata, and another file: PyPI refuses a source distribution of a single one.
fn add_info(builder: &mut tar::Builder<GzEncoder<Vec<u8>>>, folder: &str, metadata: &str) {
    add(builder, &format!("{folder}/PKG-INFO"), metadata);
    add(builder, &format!("{folder}/setup.py"), "");
}

fn rules(judgement: &Judgement) -> Vec<&str> {
    // What a small metadata lacks is told elsewhere.
    let told = |rule: &&str| !matches!(*rule, "no-license" | "no-requires-python");
    judgement.findings.iter().map(|finding| finding.rule).filter(told).collect()
}

#[test]
fn a_good_wheel_and_a_good_source_distribution_make_a_release() {
    let wheel = judge_wheel(&members(METADATA));
    let sdist = judge_sdist(SDIST, |builder| add_info(builder, "demo-1.0", METADATA));
    assert_eq!((rules(&wheel), rules(&sdist)), (vec![], vec![]));
    assert!(wheel.is_accepted() && sdist.is_accepted());
    let description = wheel.description().cloned().unwrap();
    assert_eq!((description.text.as_str(), description.content_type), ("# Demo\n", ContentType::Markdown));
    let expected = Expected { name: "Demo".to_owned(), version: "1.0".parse().unwrap() };
    assert_eq!(judge_release(&[wheel, sdist], Some(&expected)), []);
}

#[test]
fn record_must_match_the_archive() {
    let with_record = |edit: &dyn Fn(&str) -> String| {
        let mut members = members(METADATA);
        let record = members.last_mut().unwrap();
        record.1 = edit(&record.1);
        judge_wheel(&members)
    };
    assert_eq!(
        rules(&with_record(&|record| record.replace("METADATA,sha256=", "METADATA,sha256=A"))),
        ["record-hash"]
    );
    assert_eq!(rules(&with_record(&|record| record.replace(",6\n", ",7\n"))), ["record-size"]);
    assert_eq!(rules(&with_record(&|record| format!("{record}gone.py,,\n"))), ["record-absent"]);
    assert_eq!(
        rules(&with_record(&|record| record.lines().skip(1).collect::<Vec<_>>().join("\n"))),
        ["record-unlisted"]
    );
    assert_eq!(rules(&with_record(&|_| "nonsense\n".to_owned())), ["record-readable"]);
    let row = row("demo/__init__.py", "x = 1\n");
    let judgement = with_record(&|record| record.replace(&row, "demo/__init__.py,,\n"));
    assert_eq!(judgement.findings[0].finding.message, "RECORD has no hash for this file");
    let place = Location::Line {
        member: "demo-1.0.dist-info/RECORD".to_owned(),
        line: 1,
        text: "demo/__init__.py,,".to_owned(),
    };
    assert_eq!(judgement.findings[0].place, Some(place));
    assert_eq!(rules(&judge_wheel(&members(METADATA)[..3])), ["record-missing"]);
}

/// The wheel with one more file in it.
fn judge_with(path: &str, content: &str) -> Judgement {
    let mut members = members(METADATA);
    members.last_mut().unwrap().1.push_str(&row(path, content));
    members.insert(0, (path.to_owned(), content.to_owned()));
    judge_wheel(&members)
}

#[test]
fn a_link_in_a_wheel_may_dangle_but_not_escape() {
    let linking = |target: &str| {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (path, content) in members(METADATA) {
            let more = if path.ends_with("RECORD") { row("demo/link", target) } else { String::new() };
            writer.start_file(path, SimpleFileOptions::default()).unwrap();
            writer.write_all((content + &more).as_bytes()).unwrap();
        }
        writer.add_symlink("demo/link", target, SimpleFileOptions::default()).unwrap();
        let mut file = writer.finish().unwrap();
        let size = file.get_ref().len() as u64;
        judge(&mut file, WHEEL, size)
    };
    assert_eq!(rules(&linking("__init__.py")), ["wheel-link"]);
    assert_eq!(rules(&linking("")), ["wheel-link"]);
    assert_eq!(rules(&linking("../../etc/passwd")), ["link-escapes", "wheel-link"]);
}

#[test]
fn secrets_are_found_and_not_quoted() {
    let token = format!("pypi-AgEIcHlwaS5v{}{}", "cmcCJ", "q7Rk2mVx9Tb4Zc8Lw3Hs6Yd1Pn5Gf0J".repeat(5));
    let judgement = judge_with("demo/release.sh", &format!("#!/bin/sh\ntwine upload -p {token}\n"));
    assert_eq!(rules(&judgement), ["secret"]);
    assert!(judgement.is_accepted());
    let found = &judgement.findings[0];
    assert_eq!(found.finding.message, "a member contains a PyPI token");
    let place = Location::Line {
        member: "demo/release.sh".to_owned(),
        line: 2,
        text: "pypi-AgEIcHlwaS5vcmcCJq7…".to_owned(),
    };
    assert_eq!(found.place, Some(place));
    let key =
        format!("-----BEGIN RSA {} KEY-----\n{}\n", "PRIVATE", "q7Rk2mVx9Tb4Zc8Lw3Hs6Yd1Pn5Gf0J".repeat(3));
    assert_eq!(rules(&judge_with("demo/server.pem", &key)), ["secret"]);
    assert_eq!(rules(&judge_with("demo/tests/server.pem", &key)), [""; 0]);
}

#[test]
fn code_that_is_encrypted_is_refused_as_pypi_does() {
    let armoured = "__pyarmor__(__name__, __file__, b'')\n";
    let judgement = judge_with("demo/core.py", armoured);
    assert_eq!(rules(&judgement), ["encrypted-code"]);
    let said = "Invalid distribution file. PyArmor-encrypted content is not allowed.";
    assert_eq!(judgement.findings[0].pypi.as_deref(), Some(said));
    assert_eq!(rules(&judge_with("demo/notes.txt", armoured)), [""; 0]);
    let defended = "---BEGIN PYE FILE---\nabc\n---END PYE FILE---\n";
    assert_eq!(rules(&judge_with("demo/core.pye", defended)), ["encrypted-code"]);
}

#[test]
fn standard_library_names_are_only_for_existing_projects() {
    let named = |name: &str| {
        let metadata = METADATA.replace("Name: demo", &format!("Name: {name}"));
        let file = format!("{}-1.0.tar.gz", name.replace('-', "_"));
        judge_sdist(&file, |builder| add_info(builder, file.strip_suffix(".tar.gz").unwrap(), &metadata))
    };
    assert_eq!(rules(&named("zipfile")), ["standard-library-name"]);
    assert_eq!(rules(&named("importlib-metadata")), [""; 0]);
}

#[test]
fn a_wheel_has_one_folder_of_metadata_with_all_its_files() {
    let mut more = members(METADATA);
    more.insert(0, ("other-1.0.dist-info/METADATA".to_owned(), String::new()));
    assert_eq!(rules(&judge_wheel(&more)), ["wheel-one-dist-info", "record-unlisted"]);
    let mut moved = members(METADATA);
    for (path, content) in &mut moved {
        *path = path.replace("demo-1.0.dist-info", "demo-1.dist-info");
        *content = content.replace("demo-1.0.dist-info", "demo-1.dist-info");
    }
    let judgement = judge_wheel(&moved);
    assert_eq!(rules(&judgement), ["wheel-file", "wheel-metadata", "record-missing"]);
    assert_data_eq!(
        judgement.findings[0].finding.help.as_ref().unwrap(),
        str!["its metadata folder is `demo-1.dist-info`, which does not match the file name"]
    );
    assert_eq!(judgement.metadata().unwrap().name(), Some("demo"), "its metadata is read all the same");
}

#[test]
fn the_file_s_name_agrees_with_the_metadata() {
    let with = |from: &str, to: &str| judge_wheel(&members(&METADATA.replace(from, to)));
    assert_eq!(rules(&with("Name: demo", "Name: other")), ["filename-name"]);
    assert_eq!(rules(&with("Name: demo", "Name: Demo")), [""; 0]);
    let judgement = with("Version: 1.0\nS", "Version: 1.1\nS");
    assert_eq!(rules(&judgement), ["filename-version"]);
    assert_eq!(judgement.findings[0].pypi.as_deref(), Some("Version in filename should be '1.1' not '1.0'."));
    assert_eq!(rules(&with("Version: 1.0\nS", "Version: 1.0.0\nS")), [""; 0]);

    let info = METADATA.replace("Version: 1.0\nS", "Version: 1.0.0\nS");
    let sdist = judge_sdist(SDIST, |builder| add_info(builder, "demo-1.0", &info));
    assert_eq!(rules(&sdist), ["filename-sdist"], "PEP 625 wants the very text of the version");
    assert_data_eq!(
        sdist.findings[0].finding.message.as_str(),
        str!["the file is named `demo-1.0.tar.gz`, but PyPI accepts only `demo-1.0.0.tar.gz`"]
    );
}

#[test]
fn metadata_has_what_pypi_requires() {
    let with = |metadata: &str| {
        let judgement = judge_wheel(&members(metadata));
        rules(&judgement).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(with("Name: demo\nVersion: 1.0\n"), ["metadata-version"]);
    assert_eq!(with("Metadata-Version: 2.1\nVersion: 1.0\n"), ["name"]);
    assert_eq!(with("Metadata-Version: 2.1\nName: demo\n"), ["version"]);
    assert_eq!(with("Metadata-Version: 2.1\nName: demo\nVersion: 1.x\n"), ["version"]);
    assert_eq!(with("Metadata-Version: 2.0\nName: demo\nVersion: 1.0\n"), ["metadata-version"]);
    assert_eq!(with(&METADATA.replace("Summary", "Summary: a\nSummary")), ["repeated-field"]);
    assert_eq!(with(&METADATA.replace("text/markdown", "text/html")), ["content-type"]);
    assert_eq!(
        with(&METADATA.replace("Version: 1.0\nS", "Version: 1.0+x\nS")),
        ["local-version", "filename-version"]
    );
    assert_eq!(with(""), ["metadata-readable"]);
    assert_eq!(with(&METADATA.replace("Summary", "nonsense\nSummary")), ["metadata-line"]);
}

#[test]
fn a_source_distribution_has_one_folder_of_its_own_name() {
    let two = judge_sdist(SDIST, |builder| {
        add_info(builder, "demo-1.0", METADATA);
        add(builder, "other/x", "");
    });
    assert_eq!(rules(&two), ["sdist-top-folder"]);
    let other = judge_sdist(SDIST, |builder| add_info(builder, "demo", METADATA));
    assert_eq!(rules(&other), ["sdist-folder-name"]);
    let spelled = judge_sdist(SDIST, |builder| add_info(builder, "Demo-1.0", METADATA));
    assert_eq!(rules(&spelled), ["sdist-folder-spelling"]);
    let deeper = judge_sdist(SDIST, |builder| add(builder, "demo-1.0/src/PKG-INFO", METADATA));
    assert_eq!(rules(&deeper), ["sdist-pkg-info"]);
    let single = judge_sdist(SDIST, |builder| add(builder, "demo-1.0/PKG-INFO", METADATA));
    assert_eq!(rules(&single), ["sdist-pkg-info"], "the common folder is the file itself");
    let dotted = judge_sdist(SDIST, |builder| {
        for file in ["PKG-INFO", "setup.py"] {
            let mut header = tar::Header::new_gnu();
            header.as_mut_bytes()[..12 + file.len()]
                .copy_from_slice(format!("./demo-1.0/{file}\0").as_bytes());
            header.set_size(0);
            header.set_cksum();
            builder.append(&header, &b""[..]).unwrap();
        }
    });
    assert!(rules(&dotted).contains(&"sdist-pkg-info"), "PyPI looks for it without the `./`");
    let empty = judge_sdist(SDIST, |_| ());
    assert_eq!(rules(&empty), ["sdist-top-folder"]);
    let zip = judge(&mut Cursor::new(b"PK"), "demo-1.0.zip", 2);
    assert_eq!(rules(&zip), ["filename"]);
}

#[test]
fn pypis_message_has_this_files_name() {
    let says = |name: &str| judge(&mut Cursor::new(b""), name, 0).findings[0].pypi.clone().unwrap();
    // As its server answered.
    assert_eq!(
        says("crp0444-1.0-py3-none.whl"),
        "Invalid wheel filename (wrong number of parts): 'crp0444-1.0-py3-none'"
    );
    assert_eq!(
        says("crp0449-1.0-abc-py3-none-any.whl"),
        "Invalid build number: abc in 'crp0449-1.0-abc-py3-none-any'"
    );
    assert_eq!(says("demo.egg"), "Invalid file extension: Use .tar.gz, .whl or .zip extension.");
    assert_eq!(says("demo-1.0.tar.gz"), "Invalid distribution file. File is not a tarfile");
    assert_eq!(says("demo-1.0-py3-none-any.whl"), "Invalid distribution file. File is not a zipfile");
}

#[test]
fn nothing_leaves_the_folder_that_is_unpacked_into() {
    let mut escaping = members(METADATA);
    escaping.last_mut().unwrap().1.push_str(&row("../x.py", ""));
    escaping.push(("../x.py".to_owned(), String::new()));
    assert_eq!(rules(&judge_wheel(&escaping)), ["path-escapes"]);

    let with = |kind, target: &str| {
        let judgement = judge_sdist(SDIST, |builder| {
            add_info(builder, "demo-1.0", METADATA);
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(kind);
            header.set_size(0);
            builder.append_link(&mut header, "demo-1.0/link", target).unwrap();
            add(builder, "demo-1.0/link/x", "");
        });
        rules(&judgement).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(with(tar::EntryType::Symlink, "docs"), ["behind-link"]);
    assert_eq!(with(tar::EntryType::Symlink, "../../etc"), ["link-escapes", "behind-link"]);
    assert_eq!(with(tar::EntryType::Link, "/etc/passwd"), ["link-escapes"]);
    assert_eq!(with(tar::EntryType::Fifo, "x"), ["special-file"]);
    assert_eq!(with(tar::EntryType::Char, "x"), ["special-file"]);
}

#[test]
fn the_files_of_a_release_belong_together() {
    let release = |versions: [&str; 2], expected: Option<&str>| {
        let files = versions.map(|version| {
            let info = METADATA.replace("Version: 1.0\nS", &format!("Version: {version}\nS"));
            let name = format!("demo-{version}.tar.gz");
            judge_sdist(&name, |builder| add_info(builder, &format!("demo-{version}"), &info))
        });
        assert!(files.iter().all(Judgement::is_accepted));
        let version = expected.map(|version| version.parse().unwrap());
        let expected = version.map(|version| Expected { name: "demo".to_owned(), version });
        let findings = judge_release(&files, expected.as_ref());
        findings.into_iter().map(|finding| finding.rule).collect::<Vec<_>>()
    };
    assert_eq!(release(["1.0", "1.0"], None), [""; 0], "the same file again is no second one");
    assert_eq!(release(["1.0", "1.1"], None), ["one-version"]);
    assert_eq!(release(["1.0", "1.1"], Some("1.1")), ["release-version"]);

    let wheel = judge_wheel(&members(&METADATA.replace("a demo", "another")));
    let sdist = judge_sdist(SDIST, |builder| add_info(builder, "demo-1.0", METADATA));
    let findings = judge_release(&[wheel, sdist], None);
    assert_eq!(
        findings[0].finding.message,
        "`demo-1.0-py3-none-any.whl` and `demo-1.0.tar.gz` differ in `Summary`"
    );
}

#[test]
fn every_rule_has_an_id_of_its_own() {
    let mut ids: Vec<&str> = RULES.iter().copied().flatten().map(|rule| rule.id).collect();
    assert!(ids.iter().all(|id| id.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-')));
    assert!(ids.iter().all(|id| rule(id).is_some_and(|rule| !rule.summary.is_empty())));
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

#[test]
fn findings_of_one_rule_are_bounded() {
    let mut many = members(METADATA);
    many.extend((0..100).map(|number| (format!("demo/{number}.py"), String::new())));
    let judgement = judge_wheel(&many);
    assert_eq!(judgement.findings.len(), 21);
    assert_eq!(judgement.findings[20].finding.message, "and 80 more of these");
}

#[test]
fn leftovers_cause_warnings() {
    let mut careless =
        members(&METADATA.replace("# Demo", "[x](docs/x.md) ![y](https://example.org/y.png) [z](#z)"));
    careless.pop();
    for path in ["demo/__pycache__/a.pyc", "demo/.env", "tests/test_a.py", "demo/a.so"] {
        careless.push((path.to_owned(), String::new()));
    }
    let judgement = judge_wheel(&careless);
    let warned = ["secret-file", "leftover", "top-level-name", "native-in-pure-wheel", "relative-link"];
    assert_eq!(rules(&judgement)[1..], warned);
    assert!(judgement.findings[1..].iter().all(|found| !found.is_error()));

    let bare = judge_wheel(&members("Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n")[1..]);
    let found: Vec<&str> = bare.findings.iter().map(|finding| finding.rule).collect();
    assert_eq!(found, ["record-absent", "empty-wheel", "no-license", "no-requires-python"]);
    let of_files = |path: &str| {
        let mut members = members(METADATA);
        members[0].0 = path.to_owned();
        members[3].1 = members[3].1.replace("demo/__init__.py", path);
        rules(&judge_wheel(&members)).contains(&"empty-wheel")
    };
    assert!(of_files("demo/data.json") && of_files("README.md"));
    assert!(
        !of_files("demo/core.abi3.so") && !of_files("demo-1.0.data/scripts/demo") && !of_files("demo.py")
    );
}

#[test]
fn an_empty_wheel_is_refused() {
    let nothing = judge_wheel(&[]);
    assert_eq!(rules(&nothing), ["wheel-file", "wheel-metadata", "record-missing"]);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    /// Whatever stands in them, there is an answer, and not more of it than anybody can read.
    #[test]
    fn any_text_in_any_file_of_metadata_has_a_verdict(
        metadata in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400),
        fields in proptest::collection::vec((0..FIELDS.len(), "\\PC{0,40}"), 0..12),
        record in "(\\PC{0,20},){0,9}\\PC{0,20}",
        entry_points in "(\\[|\\]|=|\n| |#|\\PC){0,60}",
        name in "(demo|-|1\\.0|_|\\.|py3|none|any|\\PC){0,12}(\\.whl|\\.tar\\.gz|\\.zip)?",
    ) {
        let headers: String = fields.iter().map(|(field, value)| format!("{}: {value}\n", FIELDS[*field])).collect();
        let metadata = [METADATA.split("\n\n").next().unwrap_or_default().as_bytes(), b"\n", headers.as_bytes(), &metadata].concat();
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let contents: [(&str, &[u8]); 4] = [
            ("WHEEL", b"Wheel-Version: 1.0\n"),
            ("METADATA", &metadata),
            ("RECORD", record.as_bytes()),
            ("entry_points.txt", entry_points.as_bytes()),
        ];
        for (file, content) in contents {
            writer.start_file(format!("demo-1.0.dist-info/{file}"), SimpleFileOptions::default()).unwrap();
            writer.write_all(content).unwrap();
        }
        let mut file = writer.finish().unwrap();
        let size = file.get_ref().len() as u64;
        let judgement = judge(&mut file, WHEEL, size);
        proptest::prop_assert!(judgement.findings.len() < 21 * 80);
        file.set_position(0);
        judge(&mut file, &name, size);
    }
}

const FIELDS: &[&str] = &[
    "Name",
    "Version",
    "Summary",
    "Author-email",
    "Classifier",
    "Home-page",
    "Project-URL",
    "Requires-Dist",
    "Provides-Dist",
    "Requires-Python",
    "Provides-Extra",
    "License-Expression",
    "License-File",
    "Dynamic",
    "Description-Content-Type",
    "Import-Name",
    "Keywords",
];

#[test]
fn only_what_the_sdist_calls_dynamic_may_differ_in_a_wheel() {
    let head = "Metadata-Version: 2.2\nName: demo\nVersion: 1.0\n";
    let parse = |more: &str| Metadata::parse(format!("{head}{more}").as_bytes()).unwrap();
    let sdist = parse("Dynamic: Requires-Dist\nSummary: one\n");
    let wheel = parse("Requires-Dist: other\nDynamic: Summary\nSummary: two\n");
    assert_eq!(differing_from_sdist(&sdist, &wheel), ["`Summary`"]);
}
