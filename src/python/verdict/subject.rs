//! A distribution opened for the rules.

use std::io::{Read, Seek};
use std::sync::Arc;

use crate::python::archive::{Contents, Limits, Record, RecordError};
use crate::python::distribution::Kind;
use crate::python::filename::{Filename, FilenameError};
use crate::python::metadata::Metadata;

use super::described::Described;
use super::description::{ContentTypeError, Description};

/// The most rows of RECORD that are read; more than the members that an archive may have
const MOST_ROWS: usize = 200_000;

/// What the rules about one file read
#[derive(Debug)]
pub struct Subject<'a> {
    /// The file's name, as passed
    pub file: &'a str,
    /// The parsed name
    pub name: Result<Filename, FilenameError>,
    /// By the suffix of the name; without one nothing was opened
    pub kind: Option<Kind>,
    /// In bytes
    pub size: u64,
    pub contents: Contents,
    /// The core metadata, if there is any
    pub metadata: Option<Arc<Described>>,
    /// A wheel's RECORD, if it is in its proper place
    pub record: Option<Result<Record, RecordError>>,
}

impl<'a> Subject<'a> {
    /// Opens a file and reads all of it; does not parse its metadata yet.
    pub fn open(file: &mut (impl Read + Seek), filename: &'a str, size: u64) -> Self {
        let name: Result<Filename, _> = filename.parse();
        let kind = if filename.ends_with(".whl") {
            Some(Kind::Wheel)
        } else {
            filename.ends_with(".tar.gz").then_some(Kind::Sdist)
        };
        let contents = match kind {
            Some(kind) => Contents::read(file, kind, size, &Limits::default()),
            None => Contents::default(),
        };
        let mut subject = Self { file: filename, name, kind, size, contents, metadata: None, record: None };
        let record = subject.contents.content(&subject.record_path());
        subject.record = record.map(|text| Record::parse(text, MOST_ROWS));
        subject
    }

    /// Only metadata, for the rules that read nothing else.
    pub fn of(metadata: Arc<Described>) -> Self {
        let contents = Contents::default();
        Self {
            file: "",
            name: "".parse(),
            kind: None,
            size: 0,
            contents,
            metadata: Some(metadata),
            record: None,
        }
    }

    /// The member with the core metadata, and its content.
    pub fn core_metadata(&self) -> Option<(String, &[u8])> {
        let path = self.metadata_path()?;
        let content = self.contents.content(&path)?;
        Some((path, content))
    }

    /// The metadata, if there is any and it could be parsed.
    pub fn metadata(&self) -> Option<(&str, &Metadata)> {
        let described = self.metadata.as_deref()?;
        Some((&described.member, described.metadata.as_ref().ok()?))
    }

    /// The long description that PyPI would render, if there is one.
    ///
    /// # Errors
    /// PyPI does not support the content type.
    pub fn description(&self) -> Option<Result<Description, ContentTypeError>> {
        self.metadata().and_then(|(_, metadata)| Description::of(metadata))
    }

    /// The first two parts of a wheel's name, or a source distribution's name without its suffix: `{name}-{version}`.
    pub fn stem(&self) -> &'a str {
        if let Some(stem) = self.file.strip_suffix(".tar.gz") {
            return stem;
        }
        match self.file.match_indices('-').nth(1) {
            Some((end, _)) => &self.file[..end],
            None => self.file,
        }
    }

    /// The wheel's metadata folder, according to its file name.
    pub fn dist_info(&self) -> String {
        format!("{}.dist-info", self.stem())
    }

    /// The proper path of the wheel's RECORD.
    pub fn record_path(&self) -> String {
        format!("{}/RECORD", self.dist_info())
    }

    /// The wheel's metadata folders, whatever their names.
    pub fn dist_infos(&self) -> Vec<&str> {
        let mut tops = self.contents.top_levels();
        tops.retain(|top| top.ends_with(".dist-info"));
        tops
    }

    /// The path of the metadata: in its proper place, or in the only place that has any.
    fn metadata_path(&self) -> Option<String> {
        let (proper, folders, file) = match self.kind? {
            Kind::Wheel => (self.dist_info(), self.dist_infos(), "METADATA"),
            Kind::Sdist => (self.stem().to_owned(), self.contents.top_levels(), "PKG-INFO"),
        };
        let proper = format!("{proper}/{file}");
        if self.contents.content(&proper).is_some() {
            return Some(proper);
        }
        let mut others = folders
            .iter()
            .map(|folder| format!("{folder}/{file}"))
            .filter(|path| self.contents.content(path).is_some());
        others.next().filter(|_| others.next().is_none())
    }
}
