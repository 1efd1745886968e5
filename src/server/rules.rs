//! PyPI's rules for names, versions and files, in its words and its order. They cover what the form, the file's name
//! and its first bytes show; the archive itself is not opened.

use std::io::Read as _;
use std::path::Path;
use std::str::FromStr as _;

use super::form::Form;
use super::refusal::{Refusal, refuse};
use crate::python::filename::{Filename, escape, is_project_name, normalize, sdist_filename};
use crate::python::version::ExactVersion;

const CORE_METADATA: &str =
    "See https://packaging.python.org/specifications/core-metadata for more information.";
const METADATA_VERSIONS: [&str; 8] = ["1.0", "1.1", "1.2", "2.1", "2.2", "2.3", "2.4", "2.5"];

/// The form's metadata of the file
#[derive(Debug)]
pub(super) struct Claim {
    /// As the author writes it
    pub(super) name: String,
    pub(super) version: ExactVersion,
    pub(super) sdist: bool,
    pub(super) summary: String,
    pub(super) requires_python: Option<String>,
    pub(super) sha256: Option<String>,
    pub(super) blake2_256: Option<String>,
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

/// Checks the form's fields.
pub(super) fn claim(form: &Form) -> Result<Claim, Refusal> {
    if !matches!(form.get("protocol_version"), None | Some("1")) {
        return refuse("Unknown protocol version.");
    }
    let name = form.get("name").unwrap_or_default();
    if name.is_empty() {
        return refuse(format!(
            "'' is an invalid value for Name. Error: This field is required. {CORE_METADATA}"
        ));
    }
    if !is_project_name(name) {
        return refuse(format!(
            "'{name}' is an invalid value for Name. Error: Start and end with a letter or numeral containing only \
             ASCII numeric and '.', '_' and '-'. {CORE_METADATA}"
        ));
    }
    let sdist = match form.get("filetype") {
        Some("sdist") => true,
        Some("bdist_wheel") => false,
        _ => return refuse("Invalid value for filetype. Error: Use a known file type."),
    };
    match form.get("pyversion").unwrap_or_default() {
        "" if !sdist => {
            return refuse(
                "Invalid value for pyversion. Error: Python version is required for binary distribution uploads.",
            );
        }
        version if sdist && !matches!(version, "" | "source") => {
            return refuse(
                "Invalid value for pyversion. Error: Use 'source' as Python version for an sdist.",
            );
        }
        _ => {}
    }
    let sha256 = digest(form, "sha256_digest", "SHA256")?;
    let blake2_256 = digest(form, "blake2_256_digest", "BLAKE2")?;
    if sha256.is_none() && blake2_256.is_none() && form.get("md5_digest").is_none() {
        return refuse("Error: Include at least one message digest.");
    }

    let metadata_version = form.get("metadata_version").unwrap_or_default();
    if !METADATA_VERSIONS.contains(&metadata_version) {
        return refuse(format!("'{metadata_version}' is not a valid metadata version. {CORE_METADATA}"));
    }
    let version = form.get("version").unwrap_or_default();
    let Ok(parsed) = ExactVersion::from_str(version) else {
        return refuse(format!("'{version}' is invalid for 'version'. {CORE_METADATA}"));
    };
    if parsed.is_local() {
        return refuse(format!("The use of local versions in '{version}' is not allowed. {CORE_METADATA}"));
    }
    let summary = form.get("summary").unwrap_or_default();
    if summary.contains('\n') {
        return refuse(format!("'summary' must be a single line. {CORE_METADATA}"));
    }
    if summary.chars().count() > 512 {
        return refuse(format!("'summary' field must be 512 characters or less. {CORE_METADATA}"));
    }
    Ok(Claim {
        name: name.to_owned(),
        version: parsed,
        sdist,
        summary: summary.to_owned(),
        requires_python: form.get("requires_python").filter(|range| !range.is_empty()).map(str::to_owned),
        sha256,
        blake2_256,
    })
}

/// Checks a file's name by itself.
pub(super) fn check_filename(claim: &Claim, filename: &str) -> Result<(), Refusal> {
    if filename.chars().any(|letter| letter.is_control() || letter == '\u{7f}') {
        return refuse("Cannot upload a file with non-printable characters in its name.");
    }
    if filename.contains(['/', '\\']) {
        return refuse("Cannot upload a file with '/' or '\\' in its name.");
    }
    if filename.len() > 255 - ".metadata".len() {
        return refuse(format!("Filename is too long: '{filename}'"));
    }
    let ending = [".tar.gz", ".zip", ".whl"].into_iter().find(|ending| filename.ends_with(ending));
    match (ending, claim.sdist) {
        (None, _) => refuse("Invalid file extension: Use .tar.gz, .whl or .zip extension."),
        (Some(ending @ ".whl"), true) => {
            refuse(format!("Invalid file extension: Extension {ending} is invalid for filetype sdist."))
        }
        (Some(ending @ (".tar.gz" | ".zip")), false) => {
            refuse(format!("Invalid file extension: Extension {ending} is invalid for filetype bdist_wheel."))
        }
        _ => Ok(()),
    }
}

/// Checks that a file begins like its type.
pub(super) fn check_archive(path: &Path, sdist: bool) -> Result<(), Refusal> {
    let mut begins = [0; 2];
    let read = fs_err::File::open(path).and_then(|mut file| file.read(&mut begins));
    match (read, sdist) {
        (Ok(2), true) if begins == [0x1f, 0x8b] => Ok(()),
        (Ok(2), false) if begins == *b"PK" => Ok(()),
        (Ok(_), true) => refuse("Invalid distribution file. File is not a tarfile"),
        (Ok(_), false) => refuse("Invalid distribution file. File is not a zipfile"),
        (Err(error), _) => Err(Refusal { status: 500, message: error.to_string() }),
    }
}

/// Checks that a file's name matches the form's name and version.
pub(super) fn check_agreement(claim: &Claim, filename: &str) -> Result<(), Refusal> {
    if claim.sdist {
        let expected = sdist_filename(&claim.name, &claim.version);
        return if filename == expected {
            Ok(())
        } else {
            refuse(format!("Filename '{filename}' is invalid, should be '{expected}'."))
        };
    }
    let (actual, version, platform) = match filename.parse() {
        Ok(Filename::Wheel { name, version, platform, .. }) if is_plain(filename) => {
            (name, version, platform)
        }
        Ok(_) => return refuse(format!("Invalid wheel filename: '{filename}'")),
        Err(error) => return refuse(format!("Invalid wheel filename: {error}")),
    };
    let unsupported = |tag: &&str| {
        *tag == "linux" || tag.starts_with("linux_") && !matches!(*tag, "linux_armv6l" | "linux_armv7l")
    };
    if let Some(tag) = platform.split('.').find(unsupported) {
        return refuse(format!("Binary wheel '{filename}' has an unsupported platform tag '{tag}'."));
    }
    let name = escape(&claim.name);
    if normalize(&actual) != normalize(&claim.name) {
        return refuse(format!("Start filename for '{}' with '{name}'.", claim.name));
    }
    if actual != name {
        return refuse(format!(
            "Filename '{filename}' should contain the normalized project name '{name}', not '{actual}'."
        ));
    }
    if version != claim.version {
        return refuse(format!("Version in filename should be '{}' not '{version}'.", claim.version));
    }
    Ok(())
}

/// Whether a name needs no escaping in a URL.
fn is_plain(filename: &str) -> bool {
    filename
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'!' | b'+'))
}

fn digest(form: &Form, field: &str, kind: &str) -> Result<Option<String>, Refusal> {
    let Some(digest) = form.get(field).filter(|digest| !digest.is_empty()) else { return Ok(None) };
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
        claim(&form(changes)).unwrap_err().message
    }

    #[test]
    fn a_form_that_pypi_refuses_is_refused_in_its_words() {
        assert!(claim(&form(&[])).is_ok());
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

    #[test]
    fn a_files_name_has_to_agree_with_the_form() {
        let wheel = claim(&form(&[])).unwrap();
        for filename in ["demo_pkg-1.0-py3-none-any.whl", "demo_pkg-1.0.0-1-py2.py3-none-win32.whl"] {
            assert_eq!(check_agreement(&wheel, filename), Ok(()));
        }
        for (filename, words) in [
            ("Demo.Pkg-1.0-py3-none-any.whl", "should contain the normalized project name 'demo_pkg'"),
            ("other-1.0-py3-none-any.whl", "Start filename for 'Demo.Pkg' with 'demo_pkg'."),
            ("demo_pkg-1.1-py3-none-any.whl", "Version in filename should be '1.0' not '1.1'."),
            ("demo_pkg-1.0-any.whl", "has 3 parts"),
            ("demo_pkg-1.0-1#-py3-none-any.whl", "Invalid wheel filename"),
            ("demo_pkg-1.0-x-py3-none-any.whl", "the build tag `x`"),
            ("demo_pkg-1.0-cp312-cp312-linux_x86_64.whl", "unsupported platform tag 'linux_x86_64'"),
        ] {
            assert!(check_agreement(&wheel, filename).unwrap_err().message.contains(words), "{filename}");
        }
        let sdist =
            claim(&form(&[("filetype", "sdist"), ("pyversion", "source"), ("version", "1.0-rc1")])).unwrap();
        assert_eq!(check_agreement(&sdist, "demo_pkg-1.0rc1.tar.gz"), Ok(()));
        let refusal = check_agreement(&sdist, "Demo.Pkg-1.0-rc1.tar.gz").unwrap_err();
        assert!(refusal.message.contains("should be 'demo_pkg-1.0rc1.tar.gz'"), "{}", refusal.message);
    }

    #[test]
    fn a_files_name_cannot_lead_out_of_the_folder() {
        let sdist = claim(&form(&[("filetype", "sdist"), ("pyversion", "source")])).unwrap();
        for filename in ["../demo_pkg-1.0.tar.gz", "a\\b.tar.gz", "a\0.tar.gz", "demo.exe", "demo.whl", ""] {
            assert!(check_filename(&sdist, filename).is_err(), "{filename:?}");
        }
    }

    #[test]
    fn names_that_look_alike_are_alike() {
        assert_eq!(confusable("0therProj"), confusable("o-ther.proJ"));
    }
}
