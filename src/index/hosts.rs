//! The hosts that credentials may be sent to.
//!
//! A `release.toml` names the hosts of indexes, and it may come from a stranger. Credentials whose source names the
//! index's URL may be sent there. All others are sent to a new host only after the user has allowed it, once for each
//! host and index; the answer is stored in the user's data directory. Hosts on this machine need no answer.

use std::fmt;
use std::path::{Path, PathBuf};

use reqwest::Url;
use toml_edit::{Array, DocumentMut, Item, Table, value};

use super::IndexAddress;
use crate::error::Result;
use crate::world::document::{read, user_folder, write};
use crate::world::http::is_loopback;
use crate::world::{ALLOWED_HOSTS, Environment};

/// The file with the user's answers
const FILE: &str = "hosts.toml";
/// The predefined indexes and their hosts
const PREDEFINED: [(&str, &[&str]); 2] =
    [("pypi", &["upload.pypi.org", "pypi.org"]), ("testpypi", &["test.pypi.org"])];

/// A host that the user has not allowed yet
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewHost {
    index: String,
    /// With its port, unless that is the default
    host: String,
}

impl NewHost {
    /// The index's host, if the user has not allowed it for this index.
    ///
    /// # Errors
    /// The file with the answers cannot be read.
    pub fn of(environment: &Environment, index: &IndexAddress) -> Result<Option<Self>> {
        let new = Self { index: index.name.clone(), host: host_and_port(&index.upload) };
        let is_allowed =
            is_loopback(&index.upload) || is_predefined_host(index) || environment.allows_host(&new.host);
        if is_allowed || new.is_allowed_by_answer(environment)? { Ok(None) } else { Ok(Some(new)) }
    }

    /// The same, but only for a predefined index, which a configuration may have moved to another host.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub fn of_moved(environment: &Environment, index: &IndexAddress) -> Result<Option<Self>> {
        let is_predefined = PREDEFINED.iter().any(|(name, _)| *name == index.name);
        if is_predefined { Self::of(environment, index) } else { Ok(None) }
    }

    /// The host, with its port unless that is the default
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The question whether something may be sent to the host.
    pub fn question(&self, what: &str) -> String {
        format!("The configuration has `{}` at {}. Send {what} there?", self.index, self.host)
    }

    /// The message that something is not sent to the host.
    pub fn refusal(&self, what: &str) -> String {
        format!("{what} is not sent to {self}: you have not allowed that host")
    }

    /// How to allow the host.
    pub fn help(&self) -> String {
        format!(
            "if the host is correct: on a terminal, `pyrelease run` asks once and remembers the answer; in CI, set \
             `{ALLOWED_HOSTS}={}`",
            self.host
        )
    }

    fn is_allowed_by_answer(&self, environment: &Environment) -> Result<bool> {
        let Ok(path) = answers_file(environment) else { return Ok(false) };
        let document = read_answers(&path)?;
        let indexes =
            document.get("host").and_then(|hosts| hosts.get(&self.host)?.get("indexes")?.as_array());
        Ok(indexes.is_some_and(|indexes| indexes.iter().any(|index| index.as_str() == Some(&self.index))))
    }

    /// Stores that the user has allowed the host.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn allow(&self, environment: &Environment) -> Result<()> {
        let path = answers_file(environment)?;
        let mut document = read_answers(&path)?;
        let hosts = document.entry("host").or_insert_with(|| {
            let mut table = Table::new();
            table.set_implicit(true);
            Item::Table(table)
        });
        let host = hosts[&self.host].or_insert(Item::Table(Table::new()));
        let indexes = host["indexes"].or_insert(value(Array::new()));
        match indexes.as_array_mut() {
            Some(indexes) => indexes.push(&self.index),
            None => *indexes = value(Array::from_iter([&self.index])),
        }
        host["since"] = value(jiff::Timestamp::now().to_string());
        write(&path, &document, "The hosts that this user has allowed pyrelease to send credentials to")
    }
}

impl fmt::Display for NewHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`, where the configuration has `{}`", self.host, self.index)
    }
}

/// The environment with the host of a URL allowed, because the user passed that URL.
pub fn allowing(environment: Environment, url: &Url) -> Environment {
    let hosts = [environment.get(ALLOWED_HOSTS).unwrap_or_default(), &host_and_port(url)].join(",");
    environment.with(ALLOWED_HOSTS, hosts)
}

fn host_and_port(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Whether the host needs no answer: a predefined index at its own host, or another name for one of those hosts.
fn is_predefined_host(index: &IndexAddress) -> bool {
    let host = host_and_port(&index.upload);
    let is_its = |(_, hosts): &(&str, &[&str])| hosts.contains(&host.as_str());
    match PREDEFINED.iter().find(|(name, _)| *name == index.name) {
        Some(own) => is_its(own),
        None => PREDEFINED.iter().any(is_its),
    }
}

fn answers_file(environment: &Environment) -> Result<PathBuf> {
    Ok(user_folder(environment)?.join(FILE))
}

fn read_answers(path: &Path) -> Result<DocumentMut> {
    read(path).map_err(|error| error.help("delete it, then allow the hosts again"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(name: &str, upload: &str) -> IndexAddress {
        IndexAddress::new(name, upload, None, None).unwrap()
    }

    fn is_new(environment: &Environment, name: &str, upload: &str) -> bool {
        NewHost::of(environment, &index(name, upload)).unwrap().is_some()
    }

    #[test]
    fn predefined_indexes_need_no_answer_at_their_own_hosts() {
        let environment = Environment::default();
        for known in [IndexAddress::pypi(), IndexAddress::testpypi()] {
            assert_eq!(NewHost::of(&environment, &known).unwrap(), None);
        }
        assert!(!is_new(&environment, "main", "https://upload.pypi.org/legacy/"));
        for here in ["http://127.0.0.1:1234/", "https://localhost/", "http://[::1]/"] {
            assert!(!is_new(&environment, "pypi", here), "{here}");
        }
        for (name, elsewhere) in [
            ("pypi", "https://test.pypi.org/legacy/"),
            ("testpypi", "https://upload.pypi.org/legacy/"),
            ("pypi", "https://upload.pypi.org:444/legacy/"),
            ("pypi", "https://upload.pypi.org.example/legacy/"),
            ("corp", "https://corp.example/legacy/"),
        ] {
            assert!(is_new(&environment, name, elsewhere), "{name} at {elsewhere}");
        }
    }

    #[test]
    fn an_answer_is_for_one_host_and_one_index() {
        let folder = tempfile::tempdir().unwrap();
        let environment = Environment::default().with("PYRELEASE_DATA_DIR", folder.path().join("new"));
        let corp = index("corp", "https://corp.example:8443/legacy/");
        let new = NewHost::of(&environment, &corp).unwrap().unwrap();
        new.allow(&environment).unwrap();
        assert_eq!(NewHost::of(&environment, &corp).unwrap(), None);
        for (name, upload) in [("pypi", corp.upload.as_str()), ("corp", "https://corp.example/legacy/")] {
            assert!(is_new(&environment, name, upload), "{name} at {upload}");
        }
        let pypi = index("pypi", corp.upload.as_str());
        NewHost::of(&environment, &pypi).unwrap().unwrap().allow(&environment).unwrap();
        assert_eq!(NewHost::of(&environment, &pypi).unwrap(), None);
        assert_eq!(NewHost::of(&environment, &corp).unwrap(), None);
        fs_err::write(folder.path().join("new/hosts.toml"), "[host").unwrap();
        let error = NewHost::of(&environment, &corp).unwrap_err();
        assert!(error.to_string().ends_with("hosts.toml` is not valid TOML"), "{error}");
    }

    #[test]
    fn the_variable_names_whole_hosts() {
        let named = |hosts: &str| Environment::from_iter([(ALLOWED_HOSTS, hosts)]);
        let upload = "https://corp.example/legacy/";
        assert!(!is_new(&named("other.example, Corp.example"), "corp", upload));
        for others in ["other.example", "example", "corp.example:8443", "*"] {
            assert!(is_new(&named(others), "corp", upload), "{others}");
        }
    }
}
