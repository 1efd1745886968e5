//! `[index.NAME]`: the URLs of an index, and whether it is for rehearsals.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

/// What an index is for
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IndexKind {
    /// For rehearsals, such as TestPyPI: uploads there do no harm
    Rehearsal,
    /// For users: an upload is permanent
    Public,
}

/// Whether releases to an index are attested
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Attestations {
    /// Where a trusted publisher can sign; the release goes on without if that fails
    Auto,
    /// Always; the release stops before anything is published if that fails
    Required,
    /// Never
    Off,
}

/// The settings of an index
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexSettings {
    pub kind: IndexKind,
    /// Where files are uploaded (the legacy upload API)
    pub upload: String,
    /// Where files are listed (the simple API, PEP 503 and 691)
    pub simple: Option<String>,
    /// The URL of a release's page, with `{name}` and `{version}`
    pub view: Option<String>,
    /// Whether it supports trusted publishing; none for the default (PyPI does, others do not)
    pub trusted_publishing: Option<bool>,
    pub attestations: Attestations,
    /// A file with a client certificate and its key, for an index that requires one
    pub client_certificate: Option<String>,
    /// Where `upload` and `simple` come from: [`PREDEFINED`], or the configuration's file
    pub origins: [String; 2],
}

/// What comes with pyrelease
const PREDEFINED: &str = "predefined";

impl IndexSettings {
    /// An index with only an upload URL.
    pub fn at(upload: &str, kind: IndexKind) -> Self {
        Self {
            kind,
            upload: upload.to_owned(),
            simple: None,
            view: None,
            trusted_publishing: None,
            attestations: Attestations::Off,
            client_certificate: None,
            origins: ["--url", "--simple"].map(str::to_owned),
        }
    }
}

/// Settings of an index
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Raw {
    /// The kind of index: `public`, or `rehearsal` for a test index
    kind: Option<IndexKind>,
    /// Where files are uploaded, such as `https://pypi.corp.example/legacy/`
    upload: Option<String>,
    /// Where files are listed, such as `https://pypi.corp.example/simple/`
    simple: Option<String>,
    /// The URL of a release's page, with `{name}` and `{version}`
    view: Option<String>,
    /// Whether the index supports trusted publishing, as PyPI and TestPyPI do
    trusted_publishing: Option<bool>,
    /// Whether to sign an attestation of each file before it is uploaded (PEP 740): `auto` in a trusted publisher's job,
    /// and the release goes on without if that fails; `required`, or the release stops before anything is published;
    /// `off`. The default is `auto` for PyPI and TestPyPI, else `off`: what is signed is recorded in a public log for good
    attestations: Option<Attestations>,
    /// A PEM file with the client certificate and key for this index; relative to the project
    client_certificate: Option<String>,
}

/// The schema of `[index.NAME]`.
pub fn index_schema(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<Raw>()
}

pub(super) struct Problem {
    pub(super) message: String,
    pub(super) help: String,
}

impl Raw {
    /// Takes missing settings from the predefined index of that name. If `upload` is set, it is another index, which
    /// inherits only the kind.
    pub(super) fn complete(
        self,
        name: &str,
        predefined: Option<&IndexSettings>,
        file: &str,
    ) -> Result<IndexSettings, Problem> {
        let moved = self.upload.is_some();
        let inherited = predefined.filter(|_| !moved);
        let origin =
            |is_here: bool| if is_here || inherited.is_none() { file } else { PREDEFINED }.to_owned();
        let origins = [origin(moved), origin(self.simple.is_some())];
        let upload =
            self.upload.or_else(|| inherited.map(|index| index.upload.clone())).ok_or_else(|| Problem {
                message: format!("[index.{name}] has no `upload`"),
                help: "set the upload URL: upload = \"https://…/legacy/\"".to_owned(),
            })?;
        let kind = self.kind.or_else(|| predefined.map(|index| index.kind)).unwrap_or(IndexKind::Public);
        if name == "pypi" && kind == IndexKind::Rehearsal {
            return Err(Problem {
                message: "`pypi` cannot be a rehearsal index".to_owned(),
                help: "give the index another name: uploads to `pypi` are public".to_owned(),
            });
        }
        Ok(IndexSettings {
            kind,
            simple: self.simple.or_else(|| inherited.and_then(|index| index.simple.clone())),
            view: self.view.or_else(|| inherited.and_then(|index| index.view.clone())),
            trusted_publishing: self.trusted_publishing,
            attestations: self.attestations.unwrap_or_else(|| {
                let same = predefined.filter(|index| index.upload == upload);
                same.map_or(Attestations::Off, |index| index.attestations)
            }),
            client_certificate: self.client_certificate,
            upload,
            origins,
        })
    }
}

/// PyPI and TestPyPI.
pub(super) fn predefined() -> BTreeMap<String, IndexSettings> {
    let index = |kind, upload: &str, site: &str| IndexSettings {
        kind,
        upload: upload.to_owned(),
        simple: Some(format!("{site}/simple/")),
        view: Some(format!("{site}/project/{{name}}/{{version}}/")),
        trusted_publishing: None,
        attestations: Attestations::Auto,
        client_certificate: None,
        origins: [PREDEFINED, PREDEFINED].map(str::to_owned),
    };
    let pypi = index(IndexKind::Public, "https://upload.pypi.org/legacy/", "https://pypi.org");
    let testpypi = index(IndexKind::Rehearsal, "https://test.pypi.org/legacy/", "https://test.pypi.org");
    BTreeMap::from([("pypi".to_owned(), pypi), ("testpypi".to_owned(), testpypi)])
}
