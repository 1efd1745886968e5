//! Rules about all files of a release together.

use std::collections::HashMap;
use std::sync::Arc;

use super::diagnostic::{Diagnostic, Violation};
use super::rules::rule::{Rule, Source};
use super::{Described, Judgement};
use crate::python::distribution::Kind;
use crate::python::filename::{Filename, normalize};
use crate::python::metadata::Metadata;
use crate::python::version::ExactVersion;

const ONE_RELEASE: &str = "each file is valid by itself, but together they are not the intended release";

const EXPECTED_NAME: Rule = Rule::elsewhere(
    "release-name",
    Source::Stricter(ONE_RELEASE),
    "every file is of the project that is released",
);
const EXPECTED_VERSION: Rule = Rule::elsewhere(
    "release-version",
    Source::Stricter(ONE_RELEASE),
    "every file is of the version that is released",
);
const ONE_NAME: Rule =
    Rule::elsewhere("one-name", Source::Stricter(ONE_RELEASE), "all files are of one project");
const ONE_VERSION: Rule =
    Rule::elsewhere("one-version", Source::Stricter(ONE_RELEASE), "all files are of one version");
const ONE_SDIST: Rule = Rule::elsewhere(
    "one-sdist",
    Source::Pypi("Only one sdist may be uploaded per release."),
    "a release has one source distribution",
);
const SAME_METADATA: Rule = Rule::elsewhere(
    "same-metadata",
    Source::Stricter("PyPI displays the metadata of the first file, and never compares them"),
    "all files have the same metadata",
);

const SAME_FILE: Rule = Rule::elsewhere(
    "same-file",
    Source::Pypi("File already exists ('…', with blake2_256 hash '…')."),
    "no two files have the same name but different bytes, or the same bytes but different names",
);

pub(super) const RULES: &[Rule] =
    &[SAME_FILE, ONE_SDIST, EXPECTED_NAME, EXPECTED_VERSION, ONE_NAME, ONE_VERSION, SAME_METADATA];

/// The headers in which files of one release must not differ
const COMPARED: &[&str] = &[
    "Summary",
    "Author",
    "Author-email",
    "Maintainer",
    "Maintainer-email",
    "Requires-Python",
    "Description-Content-Type",
];
/// Those that must be the same only from metadata 2.2 on, unless they are `Dynamic` (PEP 643)
const COMPARED_FROM_2_2: &[&str] = &["Classifier", "Project-URL", "Provides-Extra", "Requires-Dist"];

/// The project and version of a release
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// In any spelling; normalized for comparisons
    pub name: String,
    pub version: ExactVersion,
}

/// Checks the files of one release against each other and, if given, against what is being released.
pub fn judge_release(files: &[Judgement], expected: Option<&Expected>) -> Vec<Diagnostic> {
    let mut findings = same_file(files);
    findings.extend(one_sdist(files));
    if let Some(expected) = expected {
        findings.extend(expectation(files, expected));
    } else {
        findings.extend(agreement(files));
    }
    findings.extend(same_metadata(files));
    findings
}

/// The project and version of a file: from its metadata, or else from its name.
fn identity(file: &Judgement) -> (Option<String>, Option<ExactVersion>) {
    let metadata = file.metadata();
    let name = metadata.and_then(|metadata| metadata.name()).or(file.name.as_ref().map(Filename::name));
    let version = metadata.and_then(|metadata| metadata.version()?.parse().ok());
    (name.map(str::to_owned), version.or_else(|| file.name.as_ref().map(|name| name.version().clone())))
}

fn expectation(files: &[Judgement], expected: &Expected) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for file in files {
        let (name, version) = identity(file);
        if let Some(name) = name.filter(|name| normalize(name) != normalize(&expected.name)) {
            let message =
                format!("`{}` is of `{name}`, but the release is of `{}`", file.file, expected.name);
            findings.push(EXPECTED_NAME.diagnostic(Violation::new(message)));
        }
        if let Some(version) = version.filter(|version| *version != expected.version) {
            let message =
                format!("`{}` is version `{version}`, but the release is `{}`", file.file, expected.version);
            let help = "the build backend reads another version than the version stage wrote";
            findings.push(EXPECTED_VERSION.diagnostic(Violation::new(message).help(help)));
        }
    }
    findings
}

fn agreement(files: &[Judgement]) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    let Some((first, rest)) = files.split_first() else { return findings };
    let (first_name, first_version) = identity(first);
    for file in rest {
        let (name, version) = identity(file);
        if let (Some(a), Some(b)) = (&first_name, &name)
            && normalize(a) != normalize(b)
        {
            let message = format!("`{}` is of `{a}`, but `{}` is of `{b}`", first.file, file.file);
            findings.push(ONE_NAME.diagnostic(Violation::new(message)));
        }
        if let (Some(a), Some(b)) = (&first_version, &version)
            && a != b
        {
            let message = format!("`{}` is version `{a}`, but `{}` is `{b}`", first.file, file.file);
            findings.push(ONE_VERSION.diagnostic(Violation::new(message)));
        }
    }
    findings
}

/// The indices of files that may be identical: by name, or by size and fingerprint. The caller must fill in their
/// hashes.
pub fn twins(files: &[Judgement]) -> Vec<usize> {
    let mut names: HashMap<&str, usize> = HashMap::new();
    let mut insides: HashMap<(u64, u64), usize> = HashMap::new();
    for file in files {
        *names.entry(&file.file).or_default() += 1;
        *insides.entry((file.size, file.fingerprint)).or_default() += 1;
    }
    let has_twin =
        |file: &Judgement| names[file.file.as_str()] > 1 || insides[&(file.size, file.fingerprint)] > 1;
    files.iter().enumerate().filter(|(_, file)| has_twin(file)).map(|(place, _)| place).collect()
}

fn same_file(files: &[Judgement]) -> Vec<Diagnostic> {
    let mut names: HashMap<&str, &str> = HashMap::new();
    let mut hashes: HashMap<&str, &str> = HashMap::new();
    let mut findings = Vec::new();
    for file in files {
        let Some(hash) = file.sha256.as_deref() else { continue };
        let known_hash = *names.entry(&file.file).or_insert(hash);
        let known_name = *hashes.entry(hash).or_insert(&file.file);
        if known_hash != hash {
            let message = format!("two files named `{}` have different bytes", file.file);
            let help = "PyPI accepts a name once: build the release once, into an empty folder";
            findings.push(SAME_FILE.diagnostic(Violation::new(message).help(help)));
        } else if known_name != file.file {
            let message = format!("`{}` has the same bytes as `{known_name}`", file.file);
            findings.push(
                SAME_FILE.diagnostic(
                    Violation::new(message).help("PyPI accepts the same bytes under one name only"),
                ),
            );
        }
    }
    findings
}

/// Finds several source distributions of one version; the same file twice does not count, because PyPI accepts it
/// again.
fn one_sdist(files: &[Judgement]) -> Vec<Diagnostic> {
    let is_sdist = |file: &Judgement| match &file.name {
        Some(name) => name.kind() == Kind::Sdist,
        None => file.file.ends_with(".tar.gz") || file.file.ends_with(".zip"),
    };
    let mut first: HashMap<String, &str> = HashMap::new();
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| is_sdist(file)) {
        let version = identity(file).1.map(|version| version.to_string()).unwrap_or_default();
        let known = *first.entry(version).or_insert(&file.file);
        if known != file.file {
            let message = format!("`{}` and `{known}` are both the source distribution", file.file);
            findings.push(ONE_SDIST.diagnostic(Violation::new(message)));
        }
    }
    findings
}

fn same_metadata(files: &[Judgement]) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    let mut with_metadata = files.iter().filter(|file| file.metadata().is_some());
    let Some(first) = with_metadata.next() else { return findings };
    // Most files have the same metadata as the first; most of the others are alike too.
    let mut compared: Vec<(&Arc<Described>, Vec<String>)> = Vec::new();
    for file in with_metadata {
        let (Some(described), Some(metadata), Some(of_first)) =
            (&file.described, file.metadata(), first.metadata())
        else {
            continue;
        };
        let place =
            compared.iter().position(|(known, _)| Arc::ptr_eq(known, described)).unwrap_or_else(|| {
                compared.push((described, differing(of_first, metadata)));
                compared.len() - 1
            });
        let fields = &compared[place].1;
        if !fields.is_empty() {
            let message = format!("`{}` and `{}` differ in {}", first.file, file.file, fields.join(", "));
            findings.push(SAME_METADATA.diagnostic(Violation::new(message)));
        }
    }
    findings
}

/// The fields in which a wheel's metadata differ from those of the sdist that it was built from, although they must not:
/// only the sdist says what is `Dynamic` (PEP 643).
pub fn differing_from_sdist(sdist: &Metadata, wheel: &Metadata) -> Vec<String> {
    differing_unless(&[sdist], sdist, wheel)
}

/// The fields in which two files' metadata differ although they must not.
fn differing(a: &Metadata, b: &Metadata) -> Vec<String> {
    differing_unless(&[a, b], a, b)
}

/// The same, where `dynamic` say which fields are `Dynamic`.
fn differing_unless(dynamic: &[&Metadata], a: &Metadata, b: &Metadata) -> Vec<String> {
    let promises =
        |metadata: &&Metadata| metadata.metadata_version().is_some_and(|version| version >= (2, 2));
    let promised = [a, b].iter().all(promises);
    let is_dynamic = |field: &str| {
        let mut names = dynamic.iter().flat_map(|metadata| metadata.all("Dynamic"));
        names.any(|name| name.trim().eq_ignore_ascii_case(field))
    };
    // The order of a repeated field has no meaning.
    let values = |metadata: &Metadata, field: &str| {
        let mut values: Vec<String> = Vec::new();
        values.extend(metadata.all(field).map(|value| value.trim().to_owned()));
        values.sort_unstable();
        values
    };
    let from_2_2 = COMPARED_FROM_2_2.iter().filter(|_| promised);
    let fields = COMPARED.iter().chain(from_2_2).filter(|field| !is_dynamic(field));
    let differing = fields.filter(|field| values(a, field) != values(b, field));
    let mut differing: Vec<String> = differing.map(|field| format!("`{field}`")).collect();
    let text = |metadata: &Metadata| metadata.description().unwrap_or_default().trim().replace("\r\n", "\n");
    if !is_dynamic("Description") && text(a) != text(b) {
        differing.push("the description".to_owned());
    }
    differing
}
