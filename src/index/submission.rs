//! A file to upload, and the form that goes with it.

use std::io::Read as _;

use fs_err::File;
use reqwest::blocking::multipart::Form;

use super::attestation;
use crate::error::{Error, Result};
use crate::python::archive;
use crate::python::distribution::{Distribution, Kind};
use crate::python::filename::{Filename, FilenameError};
use crate::python::metadata::Metadata;
use crate::world::digest::Digests;
use crate::world::hashes::{FileStamp, Hashes};

/// The parts of a form around its file
pub(super) struct Envelope {
    /// The form's media type
    pub(super) kind: String,
    pub(super) head: Vec<u8>,
    pub(super) tail: Vec<u8>,
    /// The form without a file
    pub(super) empty: Vec<u8>,
}

/// A file to upload
#[derive(Debug, Clone)]
pub struct Submission {
    pub distribution: Distribution,
    pub(super) digests: Digests,
    /// The file's stamp when the digests were computed
    pub(super) stamp: FileStamp,
    /// The form's fields from the distribution's metadata, `name` and `version` among them
    pub fields: Vec<(String, String)>,
    /// A wheel's Python tag, or `source`
    pub(super) python_tag: String,
    /// A JSON array, if there is an attestation beside the distribution
    pub(super) attestations: Option<String>,
}

impl Submission {
    /// Reads a distribution and checks that its bytes are those that were recorded.
    ///
    /// # Errors
    /// The file has changed or cannot be read, or the attestation beside it is not valid.
    pub fn read(distribution: &Distribution, hashes: &Hashes) -> Result<Self> {
        hashes.verify(distribution)?;
        let broken = |error: &str| {
            Error::failed(format!("`{}` cannot be uploaded: {error}", distribution.filename))
                .help("run `pyrelease check` to see what is wrong with it")
        };
        let mut file = File::open(&distribution.path)?;
        let metadata = archive::metadata(&mut file, distribution.kind, distribution.size)
            .and_then(|text| Metadata::parse(&text).ok())
            .ok_or_else(|| broken("its metadata cannot be read"))?;
        let filename: Filename =
            distribution.filename.parse().map_err(|error: FilenameError| broken(&error.to_string()))?;
        let (digests, stamp) = hashes.of(&distribution.path)?;
        Ok(Self {
            distribution: distribution.clone(),
            digests,
            stamp,
            fields: metadata.form_fields(),
            python_tag: filename.python_tag().to_owned(),
            attestations: attestation::beside(distribution)?,
        })
    }

    /// Any file, with these fields.
    #[cfg(test)]
    pub(crate) fn of(distribution: &Distribution, fields: Vec<(String, String)>, python_tag: &str) -> Self {
        let (digests, stamp) = Hashes::default().of(&distribution.path).unwrap();
        let python_tag = python_tag.to_owned();
        Self { distribution: distribution.clone(), digests, stamp, fields, python_tag, attestations: None }
    }

    /// Whether an attestation lies beside the distribution.
    pub fn is_attested(&self) -> bool {
        self.attestations.is_some()
    }

    /// The value of a field of the form; empty if it has none.
    pub fn field(&self, name: &str) -> &str {
        self.fields.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
    }

    /// The form around a file. The file comes last, so that a server knows all fields by then.
    pub(super) fn envelope(&self, digests: &Digests, attested: bool) -> Envelope {
        let form = self.form(digests, attested);
        let boundary = form.boundary().to_owned();
        let mut empty = Vec::new();
        form.into_reader().read_to_end(&mut empty).expect("it is read from memory");
        let end = format!("--{boundary}--\r\n");
        let fields = empty.strip_suffix(end.as_bytes()).unwrap_or(&empty);
        let name = self.distribution.filename.replace('"', "%22").replace(['\r', '\n'], "");
        let opening = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"content\"; filename=\"{name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        let head = [fields, opening.as_bytes()].concat();
        let kind = format!("multipart/form-data; boundary={boundary}");
        Envelope { kind, head, tail: format!("\r\n{end}").into_bytes(), empty }
    }

    fn form(&self, digests: &Digests, attested: bool) -> Form {
        let filetype = match self.distribution.kind {
            Kind::Wheel => "bdist_wheel",
            Kind::Sdist => "sdist",
        };
        let about_the_file = [
            (":action", "file_upload"),
            ("protocol_version", "1"),
            ("filetype", filetype),
            ("pyversion", &self.python_tag),
            ("sha256_digest", &digests.sha256),
            ("blake2_256_digest", &digests.blake2_256),
        ];
        let form = about_the_file
            .into_iter()
            .fold(Form::new(), |form, (field, value)| form.text(field.to_owned(), value.to_owned()));
        let form =
            self.fields.iter().fold(form, |form, (field, value)| form.text(field.clone(), value.clone()));
        match &self.attestations {
            Some(attestations) if attested => form.text("attestations", attestations.clone()),
            _ => form,
        }
    }
}

/// The indices of the files in the order of upload. Waves follow each other; files of one wave may be uploaded in
/// parallel. The first file goes alone, because on PyPI two uploads that create a release at the same time fail. The
/// sdist goes after all wheels, so that nobody builds from source because a wheel is still missing.
pub fn waves(distributions: &[Distribution]) -> Vec<Vec<usize>> {
    let places = |kind| (0..distributions.len()).filter(move |place| distributions[*place].kind == kind);
    let mut wheels = places(Kind::Wheel);
    let first = wheels.next().map(|place| vec![place]);
    let rest = Some(wheels.collect::<Vec<_>>()).filter(|rest| !rest.is_empty());
    first.into_iter().chain(rest).chain(places(Kind::Sdist).map(|place| vec![place])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distribution(kind: Kind) -> Distribution {
        Distribution { path: "x".into(), filename: "x".to_owned(), kind, size: 0, sha256: String::new() }
    }

    #[test]
    fn the_first_wheel_goes_alone_and_the_sdist_last() {
        let kinds = |kinds: &[Kind]| {
            let distributions: Vec<_> = kinds.iter().map(|kind| distribution(*kind)).collect();
            waves(&distributions)
        };
        let (wheel, sdist) = (Kind::Wheel, Kind::Sdist);
        assert_eq!(kinds(&[sdist, wheel, wheel, wheel]), [vec![1], vec![2, 3], vec![0]]);
        assert_eq!(kinds(&[wheel, sdist]), [[0], [1]]);
        assert_eq!(kinds(&[sdist]), [[0]]);
        assert_eq!(kinds(&[wheel]), [[0]]);
        assert!(kinds(&[]).is_empty());
    }
}
