//! PyPI's rules for uploads, in its words and its order. The rules for metadata and archives are those of
//! [`crate::python::verdict`]; here are those for what only an upload has: its form, and its agreement with the file.

use std::str::FromStr as _;
use std::sync::Arc;

use fs_err::File;

use super::Rules;
use super::form::Form;
use super::refusal::{Refusal, refuse};
use crate::python::filename::{Filename, FilenameError, normalize};
use crate::python::metadata::Metadata;
use crate::python::verdict::{Described, Description, Diagnostic, judge_form, judge_upload};
use crate::python::version::ExactVersion;

/// The rules that PyPI applies when it first sees a name, before it looks whether the project exists
const FORM: &[&str] = &["name"];
/// The rules that PyPI applies only to new projects
const NEW_PROJECT: &[&str] = &["standard-library-name", "prohibited-name"];
/// The rules that PyPI applies after it has found the project
const RENDERING: &[&str] = &["description-not-blank"];
/// The rules that any index needs, so that what it lists can be installed
const EVERY_INDEX: &[&str] = &["name", "version", "filename-version", "filename", "filename-length"];

/// The form's metadata of the file
#[derive(Debug)]
pub(super) struct Claim {
    /// As the author writes it
    pub(super) name: String,
    pub(super) version: ExactVersion,
    pub(super) sdist: bool,
    pub(super) python_version: String,
    pub(super) summary: String,
    pub(super) requires_python: Option<String>,
    pub(super) sha256: Option<String>,
    pub(super) blake2_256: Option<String>,
    pub(super) described: Arc<Described>,
    /// PyPI's words where it applies them later
    if_new: Option<String>,
    if_rendered: Option<String>,
}

/// What is read from a file
#[derive(Debug, Default)]
pub(super) struct Opened {
    /// The core metadata in it
    pub(super) metadata: Option<Vec<u8>>,
}

/// A name with similar characters made equal, as PyPI compares names.
pub(super) fn confusable(name: &str) -> String {
    let letters = name.chars().filter(|letter| !matches!(letter, '-' | '_' | '.'));
    letters
        .map(|letter| match letter.to_ascii_lowercase() {
            'l' | 'i' => '1',
            'o' => '0',
            letter => letter,
        })
        .collect()
}

/// PyPI's words about the first finding of these rules, if PyPI refuses the file for it.
fn first<'a>(
    findings: impl IntoIterator<Item = &'a Diagnostic>,
    among: impl Fn(&str) -> bool,
) -> Option<&'a str> {
    let mut refusing = findings.into_iter().filter(|found| found.is_error() && among(found.rule));
    refusing.find_map(|found| found.pypi.as_deref())
}

/// Checks the form's fields.
pub(super) fn claim(form: &Form, rules: Rules) -> Result<Claim, Refusal> {
    let is_strict = rules == Rules::Pypi;
    if is_strict && !matches!(form.get("protocol_version"), None | Some("1")) {
        return refuse("Unknown protocol version.");
    }
    let (described, findings) = judge_form(Metadata::of_form(form.metadata()));
    let refused = |rules: &[&str]| first(&findings, |rule| rules.contains(&rule)).map(Refusal::of_metadata);
    if let Some(refusal) = refused(FORM) {
        return Err(refusal);
    }
    let sdist = match form.get("filetype") {
        Some("sdist") => true,
        Some("bdist_wheel") => false,
        _ => return refuse("Invalid value for filetype. Error: Use a known file type."),
    };
    let python_version = form.get("pyversion").unwrap_or_default();
    match python_version {
        "" if !sdist && is_strict => {
            return refuse(
                "Invalid value for pyversion. Error: Python version is required for binary distribution uploads.",
            );
        }
        version if sdist && is_strict && !matches!(version, "" | "source") => {
            return refuse(
                "Invalid value for pyversion. Error: Use 'source' as Python version for an sdist.",
            );
        }
        _ => {}
    }
    let sha256 = digest(form, "sha256_digest", "SHA256")?;
    let blake2_256 = digest(form, "blake2_256_digest", "BLAKE2")?;
    if is_strict && sha256.is_none() && blake2_256.is_none() && form.filled("md5_digest").is_none() {
        return refuse("Error: Include at least one message digest.");
    }
    let later = |rule: &&str| NEW_PROJECT.contains(rule) || RENDERING.contains(rule);
    let refusal = match rules {
        Rules::Pypi => first(&findings, |rule| !later(&rule)).map(Refusal::of_metadata),
        Rules::Lenient => refused(EVERY_INDEX),
    };
    if let Some(refusal) = refusal {
        return Err(refusal);
    }
    let Ok(version) = ExactVersion::from_str(form.get("version").unwrap_or_default().trim()) else {
        return Err(Refusal::of_metadata("'version' is a required field."));
    };
    let words = |rules| first(&findings, |rule| <[&str]>::contains(rules, &rule)).map(str::to_owned);
    Ok(Claim {
        name: form.get("name").unwrap_or_default().to_owned(),
        version,
        sdist,
        python_version: python_version.to_owned(),
        summary: form.get("summary").unwrap_or_default().to_owned(),
        requires_python: form.filled("requires_python").map(str::to_owned),
        sha256,
        blake2_256,
        described,
        if_new: words(NEW_PROJECT).filter(|_| is_strict),
        if_rendered: words(RENDERING).filter(|_| is_strict),
    })
}

impl Claim {
    /// Refuses a name that PyPI lets no new project have.
    pub(super) fn check_new(&self) -> Result<(), Refusal> {
        self.if_new.as_ref().map_or(Ok(()), refuse)
    }

    /// Refuses a description that renders to nothing.
    pub(super) fn check_rendered(&self) -> Result<(), Refusal> {
        self.if_rendered.as_ref().map_or(Ok(()), refuse)
    }

    /// Whether it says which format the description has.
    pub(super) fn has_content_type(&self) -> bool {
        let metadata = self.described.metadata.as_ref();
        metadata.is_ok_and(|metadata| !metadata.sent("description_content_type").is_empty())
    }

    /// The description, if there is one.
    pub(super) fn description(&self) -> Option<&Description> {
        self.described.description.as_ref()
    }
}

/// Checks a file's name by itself.
pub(super) fn check_filename(claim: &Claim, filename: &str) -> Result<(), Refusal> {
    match filename.parse::<Filename>() {
        Err(FilenameError::Unprintable(_)) => {
            return refuse("Cannot upload a file with non-printable characters in the name.");
        }
        Err(FilenameError::Path(_)) => return refuse("Cannot upload a file with '/' or '\\' in the name."),
        Err(FilenameError::Ending(_)) => {
            return refuse("Invalid file extension: Use .tar.gz, .whl or .zip extension.");
        }
        _ => {}
    }
    let (ending, kind) = match (filename.ends_with(".whl"), claim.sdist) {
        (true, true) => (".whl", "sdist"),
        (false, false) if filename.ends_with(".zip") => (".zip", "bdist_wheel"),
        (false, false) => (".tar.gz", "bdist_wheel"),
        _ => return Ok(()),
    };
    refuse(format!("Invalid file extension: Extension {ending} is invalid for filetype {kind}."))
}

/// Checks a file itself, and against the form.
pub(super) fn check_file(
    claim: &Claim,
    file: &mut File,
    filename: &str,
    size: u64,
    rules: Rules,
) -> Result<Opened, Refusal> {
    let (findings, metadata) = judge_upload(file, filename, size, Arc::clone(&claim.described));
    let refused = match rules {
        // PyPI opens the archive before it parses the name.
        Rules::Pypi => {
            let of_archive = |found: &&Diagnostic| {
                found.pypi.as_ref().is_some_and(|words| words.starts_with("Invalid distribution file."))
            };
            let (archive, rest): (Vec<_>, Vec<_>) = findings.iter().partition(of_archive);
            first(archive.into_iter().chain(rest), |_| true).map(str::to_owned)
        }
        Rules::Lenient => {
            // PyPI's words, without its wish for the normalized name and for `.tar.gz`.
            let stem = filename.strip_suffix(".zip").filter(|_| claim.sdist);
            let proper = stem.map_or_else(|| filename.to_owned(), |stem| format!("{stem}.tar.gz"));
            let named = proper.parse::<Filename>();
            let other = named.as_ref().is_ok_and(|named| named.normalized_name() != normalize(&claim.name));
            let old = named.as_ref().is_ok_and(|named| *named.version() != claim.version);
            first(&findings, |rule| match rule {
                "filename" => named.is_err(),
                "filename-name" => other,
                rule => EVERY_INDEX.contains(&rule),
            })
            .map(str::to_owned)
            .or_else(|| other.then(|| format!("The file is not of project '{}'.", claim.name)))
            .or_else(|| old.then(|| format!("The file is not of version '{}'.", claim.version)))
        }
    };
    refused.map_or(Ok(Opened { metadata }), refuse)
}

fn digest(form: &Form, field: &str, kind: &str) -> Result<Option<String>, Refusal> {
    let Some(digest) = form.filled(field) else { return Ok(None) };
    if digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(Some(digest.to_ascii_lowercase()));
    }
    refuse(format!("Invalid value for {field}. Error: Use a valid, hex-encoded, {kind} message digest."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(changes: &[(&str, &str)]) -> Form {
        let digest = "0".repeat(64);
        let usual = [
            ("name", "Demo.Pkg"),
            ("version", "1.0"),
            ("metadata_version", "2.4"),
            ("filetype", "bdist_wheel"),
            ("pyversion", "py3"),
            ("sha256_digest", &digest),
        ];
        usual
            .iter()
            .filter(|(field, _)| !changes.iter().any(|(other, _)| other == field))
            .chain(changes)
            .copied()
            .collect()
    }

    fn refusal(changes: &[(&str, &str)]) -> String {
        claim(&form(changes), Rules::Pypi).unwrap_err().message
    }

    #[test]
    fn a_form_that_pypi_refuses_is_refused_in_its_words() {
        assert!(claim(&form(&[]), Rules::Pypi).is_ok());
        assert!(refusal(&[("name", "-demo")]).starts_with("'-demo' is an invalid value for Name."));
        assert!(refusal(&[("name", "dém")]).contains("Start and end with a letter"));
        assert!(refusal(&[("name", "")]).contains("This field is required."));
        assert!(refusal(&[("version", "1.0+local")]).starts_with("The use of local versions in '1.0+local'"));
        assert!(refusal(&[("version", "one")]).starts_with("'one' is invalid for 'version'."));
        assert!(
            refusal(&[("metadata_version", "2.0")]).starts_with("'2.0' is not a valid metadata version.")
        );
        assert!(refusal(&[("filetype", "bdist_egg")]).contains("Use a known file type."));
        assert!(refusal(&[("pyversion", "")]).contains("Python version is required"));
        assert!(refusal(&[("filetype", "sdist")]).contains("Use 'source'"));
        assert!(refusal(&[("sha256_digest", "x")]).contains("hex-encoded, SHA256"));
        assert!(refusal(&[("sha256_digest", "")]).contains("at least one message digest"));
        assert!(refusal(&[("protocol_version", "2")]).contains("Unknown protocol version."));
        assert!(refusal(&[("summary", "one\ntwo")]).contains("single line"));
    }

    /// Why a file of this name is refused: a wheel with its metadata where the name says, or else anything.
    fn check(claim: &Claim, filename: &str, rules: Rules) -> String {
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let parts: Vec<&str> = filename.split('-').collect();
        for file in ["METADATA", "WHEEL", "RECORD"] {
            let path = format!("{}-{}.dist-info/{file}", parts[0], parts.get(1).unwrap_or(&""));
            zip.start_file(path, zip::write::SimpleFileOptions::default()).unwrap();
        }
        let bytes = zip.finish().unwrap().into_inner();
        let file = tempfile::NamedTempFile::new().unwrap();
        fs_err::write(file.path(), &bytes).unwrap();
        let mut opened = File::open(file.path()).unwrap();
        let checked = check_file(claim, &mut opened, filename, bytes.len() as u64, rules);
        checked.err().map(|refusal| refusal.message).unwrap_or_default()
    }

    #[test]
    fn a_files_name_has_to_agree_with_the_form() {
        let wheel = claim(&form(&[]), Rules::Pypi).unwrap();
        for filename in ["demo_pkg-1.0-py3-none-any.whl", "demo_pkg-1.0.0-1-py2.py3-none-win32.whl"] {
            assert_eq!(check(&wheel, filename, Rules::Pypi), "");
        }
        for (filename, words) in [
            ("Demo.Pkg-1.0-py3-none-any.whl", "should contain the normalized project name 'demo_pkg'"),
            ("other-1.0-py3-none-any.whl", "Start filename for 'Demo.Pkg' with 'demo_pkg'."),
            ("demo_pkg-1.1-py3-none-any.whl", "Version in filename should be '1.0' not '1.1'."),
            ("demo_pkg-1.0-any.whl", "Invalid wheel filename (wrong number of parts): 'demo_pkg-1.0-any'"),
            ("demo_pkg-1.0-x-py3-none-any.whl", "Invalid build number: x"),
            ("demo_pkg-1.0-cp312-cp312-linux_x86_64.whl", "unsupported platform tag 'linux_x86_64'"),
        ] {
            let refusal = check(&wheel, filename, Rules::Pypi);
            assert!(refusal.contains(words), "{filename}: {refusal}");
        }
    }

    #[test]
    fn lenient_rules_are_those_that_every_index_needs() {
        let changes = [("metadata_version", "0"), ("classifiers", "Unheard :: Of"), ("version", "1.0+local")];
        let wheel = claim(&form(&changes), Rules::Lenient).unwrap();
        for filename in
            ["Demo.Pkg-1.0+local-py3-none-any.whl", "demo_pkg-1.0+local-cp312-cp312-linux_x86_64.whl"]
        {
            assert_eq!(check(&wheel, filename, Rules::Lenient), "");
        }
        for (filename, words) in [
            ("other-1.0+local-py3-none-any.whl", "Start filename for 'Demo.Pkg'"),
            ("demo_pkg-1.1-py3-none-any.whl", "Version in filename"),
            ("demo_pkg-1.0-any.whl", "wrong number of parts"),
        ] {
            let refusal = check(&wheel, filename, Rules::Lenient);
            assert!(refusal.contains(words), "{filename}: {refusal}");
        }
        let changes = [("filetype", "sdist"), ("pyversion", "any"), ("sha256_digest", "")];
        let sdist = claim(&form(&changes), Rules::Lenient).unwrap();
        assert_eq!(check(&sdist, "Demo.Pkg-1.0.zip", Rules::Lenient), "");
        assert!(check(&sdist, "other-1.0.zip", Rules::Lenient).contains("not of project 'Demo.Pkg'"));
        assert!(check(&sdist, "Demo.Pkg-2.0.zip", Rules::Lenient).contains("version"));
        for nameless in [("name", ""), ("name", "-"), ("version", ""), ("version", "x"), ("filetype", "x")] {
            assert!(claim(&form(&[nameless]), Rules::Lenient).is_err(), "{nameless:?}");
        }
    }

    #[test]
    fn a_files_name_cannot_lead_out_of_the_folder() {
        let sdist = claim(&form(&[("filetype", "sdist"), ("pyversion", "source")]), Rules::Pypi).unwrap();
        for filename in ["../demo_pkg-1.0.tar.gz", "a\\b.tar.gz", "a\0.tar.gz", "demo.exe", "demo.whl", ""] {
            assert!(check_filename(&sdist, filename).is_err(), "{filename:?}");
        }
    }

    #[test]
    fn names_that_look_alike_are_alike() {
        assert_eq!(confusable("0therProj"), confusable("o-ther.proJ"));
    }
}
