//! `.pypirc`, the file in which other tools store credentials by index
//! (<https://packaging.python.org/specifications/pypirc/>). Python reads it with `RawConfigParser`, so `%`, `#` and
//! `;` inside a value are part of the value.

use std::fs::Metadata;
use std::path::{Path, PathBuf};

use configparser::ini::Ini;
use reqwest::Url;
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

use super::{Credentials, CredentialsError, TOKEN_USER};
use crate::index::IndexAddress;
use crate::input;
use crate::python::filename::normalize;
use crate::world::Environment;
use crate::world::http::check_url;
use crate::world::process::quoted;

/// In bytes
const LARGEST: u64 = 1 << 20;

/// A section
#[derive(Default)]
struct Section {
    repository: Option<String>,
    username: Option<String>,
    password: Option<SecretString>,
}

/// Names another file than the one in the home directory
pub const VARIABLE: &str = "PYRELEASE_PYPIRC";

/// The file to read: one that the variable names must exist.
fn file(environment: &Environment) -> Option<PathBuf> {
    let in_the_home = || environment.home().map(|home| home.join(".pypirc")).filter(|path| path.exists());
    environment.path(VARIABLE).or_else(in_the_home)
}

/// The file, if other users can read it.
pub fn readable_pypirc(environment: &Environment) -> Option<PathBuf> {
    let path = file(environment)?;
    others_can_read(&fs_err::metadata(&path).ok()?).then_some(path)
}

/// What the file has for an index
pub(super) enum PypircEntry {
    Credentials(Credentials),
    /// Only a user name; the password is elsewhere
    Username(String),
    Nothing,
}

/// Looks in the section named after the index and the project, else in the one named after the index, else in one
/// whose `repository` is the index's upload URL.
pub(super) fn find(
    environment: &Environment,
    index: &IndexAddress,
    project: Option<&str>,
) -> Result<PypircEntry, CredentialsError> {
    match file(environment) {
        Some(path) => find_in(&path, index, project),
        None => Ok(PypircEntry::Nothing),
    }
}

fn find_in(
    path: &Path,
    index: &IndexAddress,
    project: Option<&str>,
) -> Result<PypircEntry, CredentialsError> {
    let (sections, readable_by_others) = read(path)?;
    let of_index = sections.iter().find(|(name, _)| *name == index.name);
    let of_project = project.and_then(|project| {
        let is_of = |name: &str| {
            let (of, whose) = name.split_once(':')?;
            (of == index.name && normalize(whose.trim()) == normalize(project)).then_some(())
        };
        sections.iter().find(|(name, _)| is_of(name).is_some())
    });
    let named = of_project.filter(|(_, section)| section.password.is_some()).or(of_index);
    // A section found otherwise was found by its URL.
    let mut is_bound = true;
    if let Some((name, section)) = named {
        // A project's section without a `repository` takes that of the index's section.
        let repository = section
            .repository
            .as_ref()
            .or_else(|| of_index.and_then(|(_, section)| section.repository.as_ref()));
        is_bound = check_repository(path, name, repository, index)?;
    }
    let chosen = named.or_else(|| {
        sections.iter().find(|(_, section)| {
            section.repository.as_ref().is_some_and(|address| same_address(address, &index.upload))
        })
    });
    let Some((name, section)) = chosen else { return Ok(PypircEntry::Nothing) };
    if let Some(credentials) = section.credentials(path, name) {
        let path = path.display().to_string();
        let warning = readable_by_others.then(|| {
            let word = quoted(&path);
            format!("`{path}` contains secrets and is readable by other users: run `chmod 600 {word}`")
        });
        return Ok(PypircEntry::Credentials(credentials.with_warning(warning).bound(is_bound)));
    }
    Ok(section.username.clone().map_or(PypircEntry::Nothing, PypircEntry::Username))
}

/// A secret in the file
#[derive(Debug)]
pub struct PypircSecret {
    /// The index that the section is named after
    pub index: String,
    /// The project that the section is for, if any
    pub project: Option<String>,
    /// The URL in `repository`, if it is a valid one
    pub upload: Option<Url>,
    pub credentials: Credentials,
}

/// All secrets in the file, sorted by section.
///
/// # Errors
/// The file cannot be read.
pub fn pypirc_secrets(environment: &Environment) -> Result<Vec<PypircSecret>, CredentialsError> {
    match file(environment) {
        Some(path) => Ok(secrets_of(&path, read(&path)?.0)),
        None => Ok(Vec::new()),
    }
}

/// The same for a text; `path` is for errors.
///
/// # Errors
/// The text is not a valid `.pypirc`.
pub fn pypirc_secrets_in(path: &Path, text: &[u8]) -> Result<Vec<PypircSecret>, CredentialsError> {
    Ok(secrets_of(path, parse(path, text)?))
}

/// What a section tells about an index, apart from secrets
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PypircIndex {
    pub name: String,
    /// The project that the section is for, if any
    pub project: Option<String>,
    /// The URL in `repository`, if it is a valid one
    pub upload: Option<Url>,
}

/// The indexes of the file, sorted by section.
///
/// # Errors
/// The file cannot be read.
pub fn pypirc_indexes(environment: &Environment) -> Result<Vec<PypircIndex>, CredentialsError> {
    let Some(path) = file(environment) else { return Ok(Vec::new()) };
    let is_index = |section: &Section| section.repository.is_some() || section.password.is_some();
    let sections = read(&path)?.0.into_iter().filter(|(_, section)| is_index(section));
    let of_section = |(name, section): (String, Section)| {
        let (name, project) = named(&name);
        let upload = section.repository.as_deref().and_then(|address| check_url(address).ok());
        PypircIndex { name, project, upload }
    };
    Ok(sections.map(of_section).collect())
}

/// The lines of a section without secrets, which other tools have in the file; none if there is no such section.
pub fn pypirc_lines(environment: &Environment, section: &str) -> Option<String> {
    let text = Zeroizing::new(input::read(&file(environment)?, LARGEST).ok()?);
    let text = str::from_utf8(&text).ok()?;
    let heading = format!("[{section}]");
    let mut lines = text.lines().skip_while(|line| line.trim() != heading);
    let heading = lines.next()?;
    let body = lines.take_while(|line| !line.starts_with('['));
    Some(std::iter::once(heading).chain(body).collect::<Vec<_>>().join("\n"))
}

/// The index and the project that a section is named after.
fn named(section: &str) -> (String, Option<String>) {
    match section.split_once(':') {
        Some((index, project)) => (index.to_owned(), Some(project.trim().to_owned())),
        None => (section.to_owned(), None),
    }
}

fn secrets_of(path: &Path, sections: Vec<(String, Section)>) -> Vec<PypircSecret> {
    let of_section = |(name, section): (String, Section)| {
        let credentials = section.credentials(path, &name)?;
        let (index, project) = named(&name);
        let upload = section.repository.as_deref().and_then(|address| check_url(address).ok());
        Some(PypircSecret { index, project, upload, credentials })
    };
    sections.into_iter().filter_map(of_section).collect()
}

impl Section {
    fn credentials(&self, path: &Path, name: &str) -> Option<Credentials> {
        let source = format!("`[{name}]` of `{}`", path.display());
        let username = self.username.as_deref().unwrap_or(TOKEN_USER);
        Some(Credentials::password(username, self.password.clone()?, source).of_section(name))
    }
}

/// Whether two URLs are the same, apart from a slash at the end.
pub(super) fn same_address(address: &str, url: &Url) -> bool {
    let trimmed = |url: &Url| (url.origin(), url.path().trim_end_matches('/').to_owned());
    Url::parse(address).is_ok_and(|address| {
        trimmed(&address) == trimmed(url) && address.query() == url.query() && address.origin().is_tuple()
    })
}

/// Refuses a section that is named after the index but is for another URL, because it would send a token to the wrong
/// server. Returns whether the section names the URL.
fn check_repository(
    path: &Path,
    name: &str,
    repository: Option<&String>,
    index: &IndexAddress,
) -> Result<bool, CredentialsError> {
    let address = match (repository, index.name.as_str()) {
        (Some(address), _) => address.as_str(),
        // Other tools know the URLs of these two.
        (None, "pypi") => "https://upload.pypi.org/legacy/",
        (None, "testpypi") => "https://test.pypi.org/legacy/",
        (None, _) => return Ok(false),
    };
    let repository = check_url(address).map_err(|source| CredentialsError::Repository {
        path: path.to_owned(),
        section: name.to_owned(),
        source,
    })?;
    if same_address(repository.as_str(), &index.upload) {
        return Ok(true);
    }
    Err(CredentialsError::Elsewhere {
        path: path.to_owned(),
        section: name.to_owned(),
        repository: repository.into(),
        index: index.name.clone(),
        upload: index.upload.to_string(),
    })
}

/// The sections by name, and whether other users can read the file.
fn read(path: &Path) -> Result<(Vec<(String, Section)>, bool), CredentialsError> {
    let unreadable = |source| CredentialsError::Unreadable { path: path.to_owned(), source };
    let text = Zeroizing::new(input::read(path, LARGEST).map_err(unreadable)?);
    let metadata = fs_err::metadata(path).map_err(unreadable)?;
    Ok((parse(path, &text)?, others_can_read(&metadata)))
}

fn parse(path: &Path, text: &[u8]) -> Result<Vec<(String, Section)>, CredentialsError> {
    let malformed = |reason: String| CredentialsError::Malformed { path: path.to_owned(), reason };
    if text.len() as u64 > LARGEST {
        return Err(malformed("it is larger than 1 MiB".to_owned()));
    }
    let text = str::from_utf8(text).map_err(|_| malformed("it is not UTF-8".to_owned()))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);

    let mut ini = Ini::new_cs();
    ini.set_multiline(true);
    ini.set_inline_comment_symbols(Some(&[]));
    // The parser's own message can contain the faulty line, and that line a token.
    let parsed = ini
        .read(text.to_owned())
        .map_err(|error| malformed(format!("{} is not a section or `name = value`", line_of(&error))))?;
    let mut sections: Vec<(String, Section)> = Vec::new();
    for (name, values) in parsed {
        let mut section = Section::default();
        for (key, value) in values {
            let Some(value) = value.filter(|value| !value.is_empty()) else { continue };
            match key.to_ascii_lowercase().as_str() {
                "repository" => section.repository = Some(value),
                "username" => section.username = Some(value),
                "password" => section.password = Some(value.into()),
                _ => {}
            }
        }
        sections.push((name, section));
    }
    // The parser keeps no order. Sorting makes the choice between two matching sections stable.
    sections.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(sections)
}

/// Takes `line 3` from the beginning of the parser's error.
fn line_of(error: &str) -> String {
    let number: String =
        error.strip_prefix("line ").unwrap_or_default().chars().take_while(char::is_ascii_digit).collect();
    if number.is_empty() { "a line".to_owned() } else { format!("line {number}") }
}

#[cfg(unix)]
fn others_can_read(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    metadata.mode() & 0o077 != 0
}

#[cfg(not(unix))]
fn others_can_read(_: &Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;
    use snapbox::{assert_data_eq, str};

    use super::*;

    fn found(text: &str, index: &IndexAddress) -> Result<Option<Credentials>, CredentialsError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".pypirc");
        fs_err::write(&path, text).unwrap();
        find_in(&path, index, Some("demo")).map(credentials)
    }

    fn credentials(found: PypircEntry) -> Option<Credentials> {
        match found {
            PypircEntry::Credentials(credentials) => Some(credentials),
            _ => None,
        }
    }

    fn secret(text: &str, index: &IndexAddress) -> String {
        found(text, index).unwrap().unwrap().login().unwrap().secret.expose_secret().to_owned()
    }

    const USUAL: &str = "\
[distutils]
index-servers =
    pypi
    testpypi

[pypi]
username = __token__
password = pypi-one%2F#;%(x)s=

[testpypi]
Repository: https://test.pypi.org/legacy/
Password: pypi-two
";

    #[test]
    fn a_section_is_found_by_the_name_of_the_index() {
        assert_eq!(secret(USUAL, &IndexAddress::pypi()), "pypi-one%2F#;%(x)s=");
        let testpypi = found(USUAL, &IndexAddress::testpypi()).unwrap().unwrap();
        assert_eq!(testpypi.login().unwrap().username, "__token__");
        assert_eq!(testpypi.login().unwrap().secret.expose_secret(), "pypi-two");
        assert!(testpypi.source.starts_with("`[testpypi]` of "), "{}", testpypi.source);
    }

    #[test]
    fn a_project_section_comes_before_the_index_section() {
        let text =
            format!("{USUAL}\n[pypi:Demo]\npassword = pypi-three\n\n[pypi:other]\npassword = pypi-four\n");
        assert_eq!(secret(&text, &IndexAddress::pypi()), "pypi-three");
        assert_eq!(secret(&text, &IndexAddress::testpypi()), "pypi-two");
        let text = "[corp]\nrepository = https://old.example/\n[corp:demo]\npassword = hunter2\n";
        let corp = IndexAddress::new("corp", "https://new.example/", None, None).unwrap();
        let error = found(text, &corp).unwrap_err();
        assert!(matches!(error, CredentialsError::Elsewhere { .. }), "{error}");
    }

    #[test]
    fn a_username_without_a_password_is_returned() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".pypirc");
        fs_err::write(&path, "[pypi]\nusername = alice\n").unwrap();
        let found = find_in(&path, &IndexAddress::pypi(), None).unwrap();
        assert!(matches!(found, PypircEntry::Username(name) if name == "alice"));
    }

    #[test]
    fn a_section_is_found_by_its_url() {
        let text = "[work]\nrepository = https://corp.example/legacy\nusername = alice\npassword = x\n";
        let corp = IndexAddress::new("corp", "https://corp.example/legacy/", None, None).unwrap();
        let credentials = found(text, &corp).unwrap().unwrap();
        assert_eq!(credentials.login().unwrap().username, "alice");
        assert!(found(text, &IndexAddress::pypi()).unwrap().is_none());
    }

    #[test]
    fn a_token_is_not_sent_to_another_url_with_the_same_name() {
        let impostor = IndexAddress::new("pypi", "https://evil.example/legacy/", None, None).unwrap();
        let error = found(USUAL, &impostor).unwrap_err();
        assert!(matches!(error, CredentialsError::Elsewhere { .. }), "{error}");
        let text = "[corp]\nrepository = https://old.example/\npassword = hunter2\n";
        let corp = IndexAddress::new("corp", "https://new.example/", None, None).unwrap();
        let error = found(text, &corp).unwrap_err();
        assert_data_eq!(
            error.to_string(),
            str![
                "section `[corp]` of `[..]/.pypirc` is for `https://old.example/`, but the index `corp` has the upload URL `https://new.example/`"
            ]
        );
        assert_data_eq!(
            error.help().unwrap(),
            str![[
                r#"set `repository = https://new.example/` in `[corp]` if its password is for that URL; else rename the section, or set upload = "https://old.example/" in [index.corp]"#
            ]]
        );
        assert!(!format!("{error:?}").contains("hunter2"));
    }

    #[test]
    fn an_error_never_quotes_the_file() {
        for text in [
            "[pypi\npassword = hunter2",
            "[pypi]\n= hunter2",
            "[pypi]\nrepository = https://alice:hunter2@upload.pypi.org/legacy/\npassword = hunter2",
            "[pypi]\nrepository = alice:hunter2@x\npassword = hunter2",
        ] {
            let error = found(text, &IndexAddress::pypi()).unwrap_err();
            let mut shown = format!("{error} {error:?} {}", error.help().expect("what to do"));
            let mut cause = std::error::Error::source(&error);
            while let Some(source) = cause {
                shown.push_str(&source.to_string());
                cause = source.source();
            }
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }

    #[test]
    fn an_invalid_file_is_refused() {
        let pypi = IndexAddress::pypi();
        assert!(matches!(found("[\u{0}\u{1}", &pypi), Err(CredentialsError::Malformed { .. })));
        assert!(matches!(found(&"x".repeat(2 << 20), &pypi), Err(CredentialsError::Unreadable { .. })));
        assert!(found("", &pypi).unwrap().is_none());
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(find_in(folder.path(), &pypi, None), Err(CredentialsError::Unreadable { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_is_warned_about() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".pypirc");
        fs_err::write(&path, USUAL).unwrap();
        let mut warnings = [0o644, 0o600].into_iter().map(|mode| {
            fs_err::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            credentials(find_in(&path, &IndexAddress::pypi(), None).unwrap()).unwrap().warning
        });
        assert!(warnings.next().unwrap().is_some_and(|warning| warning.contains("chmod 600")));
        assert_eq!(warnings.next().unwrap(), None);
    }
}
