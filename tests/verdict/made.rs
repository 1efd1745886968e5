//! Examples of rules whose archives are made byte by byte, or that are about what is known elsewhere.

use std::io::{Cursor, Write as _};

use pyrelease::python::verdict::{Expected, Tracked};
use zip::write::SimpleFileOptions;

use super::sample::{Given, gzipped, members, metadata, named, packed, release, zipped};

const WHEEL: &str = "demo-1.0-py3-none-any.whl";
const SDIST: &str = "demo-1.0.tar.gz";
const MEMBER: &str = "demo/__init__.py";

/// A wheel and a source distribution that nothing is wrong with.
pub(crate) fn right() -> Given {
    release(&[(SDIST, named(SDIST)), (WHEEL, named(WHEEL))])
}

pub(crate) fn empty_metadata() -> Given {
    let mut members = members("demo", "1.0", "", &[]);
    members.iter_mut().filter(|(path, _)| path.ends_with("METADATA")).for_each(|(_, text)| text.clear());
    release(&[(WHEEL, zipped(&members))])
}

pub(crate) fn long_name() -> Given {
    let version = format!("1.{}", "0".repeat(225));
    let name = format!("demo-{version}-py3-none-any.whl");
    release(&[(&name, named(&name))])
}

pub(crate) fn large_file() -> Given {
    let mut bytes = named(SDIST);
    bytes.resize((100 << 20) + 1, 0);
    release(&[(SDIST, bytes)])
}

/// A wheel with two bytes in every header of one member in place of others: at these offsets of the header before it
/// and of that in the directory (APPNOTE.TXT 4.3.7 and 4.3.12).
fn patched(offsets: [usize; 2], value: u16) -> Given {
    let mut bytes = named(WHEEL);
    let marks: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x01\x02"];
    for (mark, offset) in marks.into_iter().zip(offsets) {
        let start = bytes.windows(4).position(|four| four == mark).expect("a header");
        bytes[start + offset..][..2].copy_from_slice(&value.to_le_bytes());
    }
    release(&[(WHEEL, bytes)])
}

pub(crate) fn encrypted() -> Given {
    patched([6, 8], 1)
}

pub(crate) fn lzma() -> Given {
    patched([8, 10], 14)
}

/// The size is in the upper half of its field, in units of 64 KiB.
pub(crate) fn bomb() -> Given {
    patched([24, 26], 16 << 10)
}

pub(crate) fn streamed() -> Given {
    let mut writer = zip::ZipWriter::new_stream(Vec::new());
    for (path, content) in members("demo", "1.0", "", &[]) {
        writer.start_file(path, SimpleFileOptions::default()).expect("a member");
        writer.write_all(content.as_bytes()).expect("its content");
    }
    release(&[(WHEEL, writer.finish().expect("an archive").into_inner())])
}

pub(crate) fn linked_wheel(target: &str) -> Given {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    writer.add_symlink("demo/link.py", target, SimpleFileOptions::default()).expect("a link");
    for (path, content) in members("demo", "1.0", "", &[]) {
        writer.start_file(path, SimpleFileOptions::default()).expect("a member");
        writer.write_all(content.as_bytes()).expect("its content");
    }
    release(&[(WHEEL, writer.finish().expect("an archive").into_inner())])
}

/// A source distribution with one more member of a kind, whose target is given if it is a link.
fn with_member(kind: tar::EntryType, path: &str, target: &str, behind: &str) -> Given {
    let mut builder = tar::Builder::new(Vec::new());
    let mut add = |kind, path: &str, target: &str, content: &str| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        match target {
            "" => builder.append_data(&mut header, path, content.as_bytes()),
            target => builder.append_link(&mut header, path, target),
        }
        .expect("a member");
    };
    add(tar::EntryType::Regular, "demo-1.0/PKG-INFO", "", &metadata("demo", "1.0", ""));
    add(tar::EntryType::Regular, "demo-1.0/demo.py", "", "");
    add(kind, path, target, "");
    if !behind.is_empty() {
        add(tar::EntryType::Regular, behind, "", "");
    }
    release(&[(SDIST, gzipped(&builder.into_inner().expect("an archive")))])
}

pub(crate) fn sparse() -> Given {
    with_member(tar::EntryType::GNUSparse, "demo-1.0/data.bin", "", "")
}

pub(crate) fn pipe() -> Given {
    with_member(tar::EntryType::Fifo, "demo-1.0/pipe", "", "")
}

pub(crate) fn link_out() -> Given {
    with_member(tar::EntryType::Symlink, "demo-1.0/docs", "../../docs", "")
}

pub(crate) fn behind_link() -> Given {
    with_member(tar::EntryType::Symlink, "demo-1.0/docs", "guides", "demo-1.0/docs/index.md")
}

pub(crate) fn link_inside() -> Given {
    with_member(tar::EntryType::Symlink, "demo-1.0/docs", "guides", "demo-1.0/guides/index.md")
}

pub(crate) fn damaged() -> Given {
    let mut bytes = named(SDIST);
    let checksum = bytes.len() - 8;
    bytes[checksum] ^= 1;
    release(&[(SDIST, bytes)])
}

pub(crate) fn trailing() -> Given {
    release(&[(SDIST, [named(SDIST), b"\n".to_vec()].concat())])
}

pub(crate) fn large_member() -> Given {
    let text = metadata("demo", "1.0", &format!("Keywords: {}", "long, ".repeat(3 << 20)));
    release(&[(SDIST, packed(&[("demo-1.0/PKG-INFO".to_owned(), text)]))])
}

/// The token is put together here, so that no file of the project has it.
pub(crate) fn token() -> Given {
    let token = ["gh", "p_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17"].concat();
    let content = format!("TOKEN = \"{token}\"\n");
    release(&[(WHEEL, zipped(&members("demo", "1.0", "", &[("demo/settings.py", &content)])))])
}

pub(crate) fn other_version() -> Given {
    Given { expected: Some(expected("demo", "1.1")), ..right() }
}

pub(crate) fn other_name() -> Given {
    Given { expected: Some(expected("other", "1.0")), ..right() }
}

pub(crate) fn as_expected() -> Given {
    Given { expected: Some(expected("demo", "1.0")), ..right() }
}

fn expected(name: &str, version: &str) -> Expected {
    Expected { name: name.to_owned(), version: version.parse().expect("a version") }
}

pub(crate) fn same_bytes() -> Given {
    release(&[(WHEEL, named(WHEEL)), ("demo-1.0-py2.py3-none-any.whl", named(WHEEL))])
}

pub(crate) fn other_summary() -> Given {
    let wheel = zipped(&members("demo", "1.0", "Summary: Says hello", &[]));
    release(&[(SDIST, named(SDIST)), (WHEEL, wheel)])
}

/// A source distribution of a package, whose data file git tracks.
fn with_tracked(members: &[&str]) -> Given {
    let tracked = ["demo/__init__.py", "demo/data.json"].map(str::to_owned).to_vec();
    let member = |path: &&str| (format!("demo-1.0/{path}"), String::new());
    let info = ("demo-1.0/PKG-INFO".to_owned(), metadata("demo", "1.0", ""));
    let members: Vec<_> = members.iter().map(member).chain([info]).collect();
    Given { tracked: Some(Tracked::new("demo", None, tracked)), ..release(&[(SDIST, packed(&members))]) }
}

pub(crate) fn without_data() -> Given {
    with_tracked(&[MEMBER])
}

pub(crate) fn with_data() -> Given {
    with_tracked(&[MEMBER, "demo/data.json"])
}
