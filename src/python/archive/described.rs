//! Reads the metadata of a distribution without reading the rest of the archive, for callers that know that the
//! archive is sound.

use std::io::{BufReader, Read, Seek};

use flate2::read::GzDecoder;

use super::{Limits, directory, wheel};
use crate::python::distribution::Kind;

/// The `METADATA` of a wheel or the `PKG-INFO` of a source distribution of `size` bytes; none unless there is exactly
/// one in a valid place and it can be read.
pub fn metadata(file: &mut (impl Read + Seek), kind: Kind, size: u64) -> Option<Vec<u8>> {
    let limits = Limits::default();
    match kind {
        Kind::Wheel => {
            let entries = directory::read(file, size, &limits).ok()?;
            let mut found = entries.iter().filter(|entry| entry.text().is_some_and(is_metadata));
            let entry = found.next().filter(|_| found.next().is_none())?;
            wheel::content_of(file, entry, &limits).ok()
        }
        Kind::Sdist => {
            let unpacked = GzDecoder::new(BufReader::with_capacity(64 << 10, file));
            let mut archive = tar::Archive::new(unpacked.take(size.saturating_mul(limits.sdist_ratio)));
            for entry in archive.entries().ok()? {
                let entry = entry.ok()?;
                if is_pkg_info(&String::from_utf8_lossy(&entry.path_bytes())) {
                    let mut content = Vec::new();
                    entry.take(limits.kept_member).read_to_end(&mut content).ok()?;
                    return Some(content);
                }
            }
            None
        }
    }
}

fn is_metadata(path: &str) -> bool {
    path.split_once('/').is_some_and(|(folder, file)| folder.ends_with(".dist-info") && file == "METADATA")
}

fn is_pkg_info(path: &str) -> bool {
    path.split_once('/').is_some_and(|(_, file)| file == "PKG-INFO")
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write as _};

    use flate2::write::GzEncoder;

    use super::*;

    fn wheel(members: &[(&str, &str)]) -> Vec<u8> {
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (path, content) in members {
            archive.start_file(*path, zip::write::SimpleFileOptions::default()).unwrap();
            archive.write_all(content.as_bytes()).unwrap();
        }
        archive.finish().unwrap().into_inner()
    }

    fn sdist(members: &[(&str, &str)]) -> Vec<u8> {
        let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), flate2::Compression::fast()));
        for (path, content) in members {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            archive.append_data(&mut header, path, content.as_bytes()).unwrap();
        }
        archive.into_inner().unwrap().finish().unwrap()
    }

    fn read(kind: Kind, archive: Vec<u8>) -> Option<String> {
        let size = archive.len() as u64;
        metadata(&mut Cursor::new(archive), kind, size).map(|text| String::from_utf8(text).unwrap())
    }

    #[test]
    fn only_the_distributions_own_metadata_is_read() {
        let wheel = wheel(&[
            ("demo/vendored.dist-info/METADATA", "not this"),
            ("demo-1.0.dist-info/METADATA", "Name: demo\n"),
        ]);
        assert_eq!(read(Kind::Wheel, wheel).as_deref(), Some("Name: demo\n"));
        let sdist =
            sdist(&[("demo-1.0/src/demo.egg-info/PKG-INFO", "not this"), ("demo-1.0/PKG-INFO", "this")]);
        assert_eq!(read(Kind::Sdist, sdist).as_deref(), Some("this"));
    }

    #[test]
    fn missing_or_repeated_metadata_is_not_read() {
        let two = wheel(&[("a-1.dist-info/METADATA", "one"), ("b-1.dist-info/METADATA", "two")]);
        assert_eq!(read(Kind::Wheel, two), None);
        assert_eq!(read(Kind::Sdist, sdist(&[("demo-1.0/README", "x")])), None);
        assert_eq!(read(Kind::Wheel, b"no archive".to_vec()), None);
        assert_eq!(read(Kind::Sdist, b"no archive".to_vec()), None);
    }
}
