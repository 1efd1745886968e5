//! What was found in metadata, kept for the other files that have the same: the wheels of one release mostly do.

use std::collections::HashMap;
use std::io::{Read, Seek};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use sha2::{Digest, Sha256};

use super::{Description, Judgement, RuleFinding, Subject, Tracked, rules};
use crate::python::metadata::{Metadata, MetadataError};

/// The metadata of the files judged so far, each text judged once
///
/// Several threads may judge with one of these: who needs what another is judging waits for it.
#[derive(Debug, Default)]
pub struct Remembered {
    /// By the member's path, which findings name, and the sha256 of its content
    known: Mutex<HashMap<(String, [u8; 32]), FindingsCell>>,
    /// The files of the project beside which the distributions are judged
    tracked: Option<Tracked>,
}

/// Where one text's findings are, or will be
type FindingsCell = Arc<OnceLock<Known>>;

/// One text that was judged
#[derive(Debug)]
struct Known {
    described: Arc<Described>,
    /// Of each rule that reads metadata only, in the rules' order
    findings: Vec<Vec<RuleFinding>>,
}

/// What metadata says
#[derive(Debug)]
pub struct Described {
    /// The member that it is
    pub member: String,
    pub metadata: Result<Metadata, MetadataError>,
    /// The long description with a content type that PyPI knows
    ///
    /// Markdown and plain text are judged by then: PyPI renders any. reStructuredText is for the tool environment;
    /// [`does_not_render`](super::does_not_render) makes the finding.
    pub description: Option<Description>,
}

impl Remembered {
    /// Judges beside a project, whose files a source distribution ought to have.
    pub fn beside(tracked: Option<Tracked>) -> Self {
        Self { tracked, ..Self::default() }
    }

    /// Judges one file of `size` bytes by all rules that need no other file.
    ///
    /// Reads the file once, in constant memory but for the members' names. A file that cannot be read gives findings,
    /// as a damaged one does.
    pub fn judge(&self, file: &mut (impl Read + Seek), filename: &str, size: u64) -> Judgement {
        let mut subject = Subject::open(file, filename, size);
        let place = subject.core_metadata().map(|(path, content)| self.judged(&path, content));
        let known = place.as_ref().and_then(|place| place.get());
        subject.metadata = known.map(|known| Arc::clone(&known.described));
        let mut findings = rules::apply(&subject, known.map_or(&[], |known| &known.findings));
        findings.extend(self.tracked.as_ref().and_then(|tracked| tracked.judge(&subject)));
        let fingerprint = subject.contents.fingerprint();
        let Subject { name, metadata: described, .. } = subject;
        let (file, name) = (filename.to_owned(), name.ok());
        Judgement { file, name, size, fingerprint, sha256: None, described, findings }
    }

    fn judged(&self, path: &str, content: &[u8]) -> FindingsCell {
        let key = (path.to_owned(), Sha256::digest(content).into());
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let place = Arc::clone(known.entry(key).or_default());
        drop(known);
        place.get_or_init(|| Known::judge(path, content));
        place
    }
}

impl Known {
    fn judge(path: &str, content: &[u8]) -> Self {
        let metadata = Metadata::parse(content);
        let description = metadata.as_ref().ok().and_then(Description::of).and_then(Result::ok);
        let described = Arc::new(Described { member: path.to_owned(), metadata, description });
        let findings = rules::apply_to_metadata(&Subject::of(Arc::clone(&described)));
        Self { described, findings }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn two_files_with_the_same_metadata_are_told_the_same_and_share_it() {
        let wheel = |metadata: &str| {
            let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
            writer.start_file("a-1.dist-info/METADATA", zip::write::SimpleFileOptions::default()).unwrap();
            std::io::Write::write_all(&mut writer, metadata.as_bytes()).unwrap();
            writer.finish().unwrap().into_inner()
        };
        let remembered = Remembered::default();
        let judge = |bytes: Vec<u8>, name: &str| {
            let size = bytes.len() as u64;
            remembered.judge(&mut Cursor::new(bytes), name, size)
        };
        let first = judge(wheel("Metadata-Version: 9\n"), "a-1-py3-none-any.whl");
        let again = judge(wheel("Metadata-Version: 9\n"), "a-1-py2-none-any.whl");
        let other = judge(wheel("Metadata-Version: 8\n"), "a-1-py4-none-any.whl");
        let described = |judgement: &Judgement| Arc::clone(judgement.described.as_ref().unwrap());
        assert!(Arc::ptr_eq(&described(&first), &described(&again)));
        assert!(!Arc::ptr_eq(&described(&first), &described(&other)));
        let bytes = wheel("Metadata-Version: 9\n");
        let size = bytes.len() as u64;
        let alone = super::super::judge(&mut Cursor::new(bytes), "a-1-py2-none-any.whl", size);
        assert_eq!(again.findings, alone.findings);
        assert!(first.findings[0].message.contains("`9`") && other.findings[0].message.contains("`8`"));
    }
}
