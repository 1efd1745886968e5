//! Archives as hostile files have them: made here, byte by byte where no tool would.

use snapbox::{assert_data_eq, str};
use std::io::{Cursor, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use zip::write::SimpleFileOptions;

use super::*;

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn header(path: &str, kind: tar::EntryType, size: u64) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    header
}

fn tarball(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (path, content) in members {
        bytes.extend_from_slice(header(path, tar::EntryType::Regular, content.len() as u64).as_bytes());
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

fn zipped(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (path, content) in members {
        writer.start_file(*path, SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn read(kind: Kind, bytes: &[u8]) -> Contents {
    Contents::read(&mut Cursor::new(bytes), kind, bytes.len() as u64, &Limits::default())
}

fn problems(contents: &Contents) -> Vec<String> {
    contents.faults.iter().map(|fault| fault.problem.to_string()).collect()
}

#[test]
fn a_source_distribution_s_members_are_read() {
    let bytes = gzipped(&tarball(&[("demo-1.0/PKG-INFO", b"Name: demo\n"), ("demo-1.0/a/PKG-INFO", b"x")]));
    let contents = read(Kind::Sdist, &bytes);
    assert_eq!(problems(&contents), [""; 0]);
    assert_eq!(contents.members.len(), 2);
    assert_eq!(contents.content("demo-1.0/PKG-INFO"), Some(&b"Name: demo\n"[..]));
    assert_eq!(contents.content("demo-1.0/a/PKG-INFO"), None, "that one is not the distribution's");
    assert_eq!(contents.top_levels(), ["demo-1.0"]);
}

#[test]
fn a_wheel_s_members_are_hashed() {
    let contents = read(Kind::Wheel, &zipped(&[("demo/__init__.py", b""), ("demo-1.dist-info/WHEEL", b"x")]));
    assert_eq!(problems(&contents), [""; 0]);
    let digest = encode_digest(&contents.members[0].sha256.unwrap());
    assert_eq!(digest, "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU");
    assert_eq!(contents.content("demo-1.dist-info/WHEEL"), Some(&b"x"[..]));
}

#[test]
fn a_gzip_stream_is_intact_and_alone() {
    let good = gzipped(&tarball(&[("demo-1.0/PKG-INFO", b"Name: demo\n")]));
    let last = good.len();
    let mut wrong_checksum = good.clone();
    wrong_checksum[last - 8] ^= 1;
    let contents = read(Kind::Sdist, &wrong_checksum);
    assert_eq!(
        problems(&contents),
        ["the archive is damaged: corrupt gzip stream does not have a matching checksum"]
    );
    assert!(contents.content("demo-1.0/PKG-INFO").is_some(), "what could be read is there");
    assert_eq!(problems(&read(Kind::Sdist, &good[..last - 10])), ["the archive is damaged: it is truncated"]);
    let trailing = [good.as_slice(), b"x"].concat();
    assert_eq!(problems(&read(Kind::Sdist, &trailing)), ["there are bytes after the gzip stream"]);
    let twice = [good.as_slice(), &good].concat();
    assert_eq!(problems(&read(Kind::Sdist, &twice)), ["there are bytes after the gzip stream"]);
    let two_tars = gzipped(&[tarball(&[("a/b", b"")]), tarball(&[("c/d", b"")])].concat());
    assert_eq!(problems(&read(Kind::Sdist, &two_tars)), ["there are bytes after the end of the tar archive"]);
}

#[test]
fn every_truncation_and_corruption_is_handled() {
    let sdist = gzipped(&tarball(&[("demo-1.0/PKG-INFO", b"Name: demo\n"), ("demo-1.0/x", b"y")]));
    let wheel = zipped(&[("demo/__init__.py", b"x = 1\n"), ("demo-1.dist-info/RECORD", b"a,,\n")]);
    for (kind, bytes) in [(Kind::Sdist, sdist), (Kind::Wheel, wheel)] {
        for at in 0..bytes.len() {
            assert!(!read(kind, &bytes[..at]).faults.is_empty(), "{kind} cut at {at}");
            let mut flipped = bytes.clone();
            flipped[at] ^= 0xff;
            read(kind, &flipped);
        }
    }
}

#[test]
fn other_formats_are_recognised() {
    let why = |kind, bytes: &[u8]| problems(&read(kind, bytes)).join("; ");
    let zip = zipped(&[("a", b"")]);
    assert_eq!(why(Kind::Sdist, &zip), "the file is not a gzipped tar archive: it is a ZIP archive");
    assert_eq!(why(Kind::Sdist, b""), "the file is not a gzipped tar archive: it is not gzip");
    let text = gzipped(&[b'x'; 2000]);
    assert!(why(Kind::Sdist, &text).ends_with("its first block is not a tar header"));
    assert!(why(Kind::Wheel, &text).starts_with("the file is not a ZIP archive"));
    assert!(why(Kind::Wheel, b"").starts_with("the file is not a ZIP archive"));
}

#[test]
fn a_wheel_written_as_a_stream_is_refused_as_pypi_does() {
    let mut writer = zip::ZipWriter::new_stream(Vec::new());
    writer.start_file("demo/x", SimpleFileOptions::default()).unwrap();
    writer.write_all(b"x").unwrap();
    let bytes = writer.finish().unwrap().into_inner();
    let problems = problems(&read(Kind::Wheel, &bytes));
    assert_data_eq!(
        problems.join("\n"),
        str!["the archive's directory is inconsistent: ZIP contains a data descriptor"]
    );
}

#[test]
fn bombs_cost_nothing() {
    let zeros = vec![0; 80 << 20];
    let bomb =
        gzipped(&[header("demo-1.0/x", tar::EntryType::Regular, 80 << 20).as_bytes(), &zeros[..]].concat());
    let problem = "the archive unpacks to more than 200 times its size";
    assert_eq!(problems(&read(Kind::Sdist, &bomb)), [problem]);
    let contents = read(Kind::Wheel, &zipped(&[("demo/x", &zeros)]));
    assert_eq!(problems(&contents), ["the archive unpacks to more than 50 times its size"]);
    assert_eq!(contents.members[0].path, "demo/x", "its members are listed, unread");

    // A long name that claims gigabytes is refused by its size, before it is read.
    let name = gzipped(header("././@LongLink", tar::EntryType::GNULongName, 4 << 30).as_bytes());
    assert_data_eq!(
        problems(&read(Kind::Sdist, &name))[0].as_str(),
        str!["the archive is damaged: an extended header of 4294967296 bytes; the limit is 1048576"]
    );

    let few = Limits { members: 2, ..Limits::default() };
    let tar = gzipped(&tarball(&[("a", b""), ("b", b""), ("c", b"")]));
    let contents = Contents::read(&mut Cursor::new(&tar), Kind::Sdist, tar.len() as u64, &few);
    assert_eq!(
        (problems(&contents), contents.members.len()),
        (vec!["the archive has more than 2 members".to_owned()], 2)
    );
    let zip = zipped(&[("a", b""), ("b", b""), ("c", b"")]);
    let contents = Contents::read(&mut Cursor::new(&zip), Kind::Wheel, zip.len() as u64, &few);
    assert_eq!(problems(&contents), ["the archive has more than 2 members"]);

    let small = Limits { kept_member: 3, ..Limits::default() };
    let tar = gzipped(&tarball(&[("demo-1.0/PKG-INFO", b"Name: demo\n")]));
    let contents = Contents::read(&mut Cursor::new(&tar), Kind::Sdist, tar.len() as u64, &small);
    assert_data_eq!(
        problems(&contents)[0].as_str(),
        str!["the member is larger than 3 bytes, the limit for its kind"]
    );
}

#[test]
fn long_names_and_links_are_read() {
    let mut builder = tar::Builder::new(Vec::new());
    let long = format!("demo-1.0/{}/x", "folder/".repeat(40));
    let mut file = tar::Header::new_gnu();
    file.set_size(1);
    builder.append_data(&mut file, &long, &b"x"[..]).unwrap();
    let mut link = tar::Header::new_gnu();
    link.set_entry_type(tar::EntryType::Symlink);
    link.set_size(0);
    builder.append_link(&mut link, "demo-1.0/link", "../../etc/passwd").unwrap();
    let pax = b"30 path=demo-1.0/from-pax.txt\n20 mtime=1717171717\n";
    let mut bytes = builder.into_inner().unwrap();
    bytes.truncate(bytes.len() - 1024);
    bytes.extend_from_slice(header("pax", tar::EntryType::XHeader, pax.len() as u64).as_bytes());
    bytes.extend_from_slice(pax);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes.extend_from_slice(&tarball(&[("short", b"x")]));
    let contents = read(Kind::Sdist, &gzipped(&bytes));
    assert_eq!(problems(&contents), [""; 0]);
    let paths: Vec<&str> = contents.members.iter().map(|member| member.path.as_str()).collect();
    assert_eq!(paths, [long.as_str(), "demo-1.0/link", "demo-1.0/from-pax.txt"]);
    assert_eq!(contents.members[1].kind, MemberKind::Symlink("../../etc/passwd".to_owned()));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(128))]

    /// Archives of which pieces were lost, doubled and overwritten: there is an answer, within the bounds.
    #[test]
    fn any_mutilated_archive_ends_in_an_answer(
        kind in 0..2,
        edits in proptest::collection::vec((0.0..1.0, proptest::collection::vec(proptest::prelude::any::<u8>(), 0..8), 0_usize..12), 1..6),
    ) {
        let (kind, mut bytes) = match kind {
            0 => (Kind::Wheel, zipped(&[("demo/__init__.py", b"x = 1\n"), ("demo-1.dist-info/RECORD", b"a,,\n")])),
            _ => (Kind::Sdist, tarball(&[("demo-1.0/PKG-INFO", b"Name: demo\n"), ("demo-1.0/x", b"y")])),
        };
        for (place, new, gone) in edits {
            let at = (bytes.len() as f64 * place) as usize;
            let end = (at + gone).min(bytes.len());
            bytes.splice(at..end, new);
        }
        // The damage is to reach the tar archive, not to end at gzip's checksum.
        let bytes = if kind == Kind::Sdist { gzipped(&bytes) } else { bytes };
        let contents = read(kind, &bytes);
        let kept: usize = contents.kept.values().map(Vec::len).sum();
        proptest::prop_assert!(kept as u64 <= Limits::default().kept);
        proptest::prop_assert!(contents.members.len() <= Limits::default().members);
    }
}
