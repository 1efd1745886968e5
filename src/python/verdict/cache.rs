//! A cache of findings in metadata, for files with the same metadata, as the wheels of a release usually have.

use std::collections::HashMap;
use std::io::{Read, Seek};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use sha2::{Digest, Sha256};

use super::described::Described;
use super::{Description, Diagnostic, Judgement, Subject, Tracked, rules};
use crate::python::metadata::{Metadata, MetadataError};

/// The metadata of the files checked so far; each text is checked once
///
/// Several threads may share it: while one checks a text, others that need it wait.
#[derive(Debug, Default)]
pub struct VerdictCache {
    /// By the member's path, which findings name, and the sha256 of its content
    known: Mutex<HashMap<(String, [u8; 32]), FindingsCell>>,
    /// The tracked files of the project that the distributions are compared with
    tracked: Option<Tracked>,
}

/// The findings of one text, possibly not available yet
type FindingsCell = Arc<OnceLock<Known>>;

/// One checked text
#[derive(Debug)]
struct Known {
    described: Arc<Described>,
    /// The findings of each rule that reads only metadata, in the rules' order
    findings: Vec<Vec<Diagnostic>>,
}

impl VerdictCache {
    /// Compares source distributions with a project's tracked files.
    pub fn beside(tracked: Option<Tracked>) -> Self {
        Self { tracked, ..Self::default() }
    }

    /// Checks one file of `size` bytes by all rules that need no other file.
    ///
    /// Reads the file once; memory grows only with the members' names. A file that cannot be read yields findings,
    /// like a damaged one.
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

/// The metadata of an upload's form, checked by the rules that read nothing else.
pub fn judge_form(form: Metadata) -> (Arc<Described>, Vec<Diagnostic>) {
    let Known { described, findings } = Known::of("the form", Ok(form));
    (described, findings.into_iter().flatten().collect())
}

/// Checks the file of an upload by the rules that read more than metadata. Its metadata is that of the form, which is
/// all that PyPI looks at. The second part is the core metadata in the file, if there is any.
pub fn judge_upload(
    file: &mut (impl Read + Seek),
    filename: &str,
    size: u64,
    form: Arc<Described>,
) -> (Vec<Diagnostic>, Option<Vec<u8>>) {
    let mut subject = Subject::open(file, filename, size);
    let metadata = subject.core_metadata().map(|(_, content)| content.to_vec());
    subject.metadata = Some(form);
    (rules::apply(&subject, &[]), metadata)
}

impl Known {
    fn judge(path: &str, content: &[u8]) -> Self {
        Self::of(path, Metadata::parse(content))
    }

    fn of(path: &str, metadata: Result<Metadata, MetadataError>) -> Self {
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
    fn files_with_the_same_metadata_share_their_findings() {
        let wheel = |metadata: &str| {
            let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
            writer.start_file("a-1.dist-info/METADATA", zip::write::SimpleFileOptions::default()).unwrap();
            std::io::Write::write_all(&mut writer, metadata.as_bytes()).unwrap();
            writer.finish().unwrap().into_inner()
        };
        let cache = VerdictCache::default();
        let judge = |bytes: Vec<u8>, name: &str| {
            let size = bytes.len() as u64;
            cache.judge(&mut Cursor::new(bytes), name, size)
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
        assert!(
            first.findings[0].finding.message.contains("`9`")
                && other.findings[0].finding.message.contains("`8`")
        );
    }
}
