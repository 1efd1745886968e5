//! The hosts that credentials may be sent to.
//!
//! A `release.toml` names the hosts of indexes, and it may be a stranger's. Credentials whose own source names the index's
//! address belong there. All others go to a new host only when the user has agreed, once for each host and index; the answer
//! is kept in their data folder. What is on this machine is nobody else's, and needs no answer.

use std::fmt;
use std::path::{Path, PathBuf};

use reqwest::Url;
use toml_edit::{Array, DocumentMut, Item, Table, value};

use super::IndexAddress;
use crate::error::Result;
use crate::world::Environment;
use crate::world::document::{read, user_folder, write};
use crate::world::http::is_loopback;

/// Names the hosts that are allowed where nobody can be asked; several have commas between them
const VARIABLE: &str = "PYRELEASE_ALLOW_HOSTS";
/// The file of the answers
const FILE: &str = "hosts.toml";
/// The indexes that need no configuration, and their hosts
const PREDEFINED: [(&str, &[&str]); 2] =
    [("pypi", &["upload.pypi.org", "pypi.org"]), ("testpypi", &["test.pypi.org"])];

/// A host that the user has not yet agreed to
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewHost {
    index: String,
    /// With its port, where that is not the usual one
    host: String,
}

impl NewHost {
    /// The index's host, if the user has not agreed to it under the index's name.
    ///
    /// # Errors
    /// The file of their answers cannot be read.
    pub fn of(environment: &Environment, index: &IndexAddress) -> Result<Option<Self>> {
        let new = Self { index: index.name.clone(), host: shown(&index.upload) };
        let is_allowed = is_loopback(&index.upload) || is_known(index) || is_named(environment, &new.host);
        if is_allowed || new.is_agreed(environment)? { Ok(None) } else { Ok(Some(new)) }
    }

    /// The same for an index that is predefined and that a configuration has moved to another host.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub fn of_moved(environment: &Environment, index: &IndexAddress) -> Result<Option<Self>> {
        let is_predefined = PREDEFINED.iter().any(|(name, _)| *name == index.name);
        if is_predefined { Self::of(environment, index) } else { Ok(None) }
    }

    /// The question whether something may be sent there.
    pub fn question(&self, what: &str) -> String {
        format!("The configuration has `{}` at {}. Send {what} there?", self.index, self.host)
    }

    /// That something is not sent there.
    pub fn refusal(&self, what: &str) -> String {
        format!("{what} is not sent to {self}: you have not allowed that host")
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        format!(
            "if the host is right: on a terminal `pyrelease run` asks once and keeps the answer; in CI, set \
             `{VARIABLE}={}`",
            self.host
        )
    }

    fn is_agreed(&self, environment: &Environment) -> Result<bool> {
        let Ok(path) = answers(environment) else { return Ok(false) };
        let document = answered(&path)?;
        let indexes =
            document.get("host").and_then(|hosts| hosts.get(&self.host)?.get("indexes")?.as_array());
        Ok(indexes.is_some_and(|indexes| indexes.iter().any(|index| index.as_str() == Some(&self.index))))
    }

    /// Writes down that the user has agreed to it.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn agree(&self, environment: &Environment) -> Result<()> {
        let path = answers(environment)?;
        let mut document = answered(&path)?;
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

/// The environment in which the host of an address is allowed, because the user has named it.
pub fn allowing(environment: Environment, url: &Url) -> Environment {
    let hosts = [environment.get(VARIABLE).unwrap_or_default(), &shown(url)].join(",");
    environment.with(VARIABLE, hosts)
}

fn shown(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Whether it is where everybody has it: a predefined index at its own host, or another name for one of those.
fn is_known(index: &IndexAddress) -> bool {
    let host = shown(&index.upload);
    let is_its = |(_, hosts): &(&str, &[&str])| hosts.contains(&host.as_str());
    match PREDEFINED.iter().find(|(name, _)| *name == index.name) {
        Some(own) => is_its(own),
        None => PREDEFINED.iter().any(is_its),
    }
}

fn is_named(environment: &Environment, host: &str) -> bool {
    let named = environment.get(VARIABLE).unwrap_or_default();
    named.split(',').any(|named| named.trim().eq_ignore_ascii_case(host))
}

fn answers(environment: &Environment) -> Result<PathBuf> {
    Ok(user_folder(environment)?.join(FILE))
}

fn answered(path: &Path) -> Result<DocumentMut> {
    read(path).map_err(|error| error.help("delete it, and allow the hosts again"))
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
    fn the_predefined_indexes_are_known_where_they_are() {
        let nobody = Environment::default();
        for known in [IndexAddress::pypi(), IndexAddress::testpypi()] {
            assert_eq!(NewHost::of(&nobody, &known).unwrap(), None);
        }
        assert!(!is_new(&nobody, "main", "https://upload.pypi.org/legacy/"));
        for here in ["http://127.0.0.1:1234/", "https://localhost/", "http://[::1]/"] {
            assert!(!is_new(&nobody, "pypi", here), "{here}");
        }
        for (name, elsewhere) in [
            ("pypi", "https://test.pypi.org/legacy/"),
            ("testpypi", "https://upload.pypi.org/legacy/"),
            ("pypi", "https://upload.pypi.org:444/legacy/"),
            ("pypi", "https://upload.pypi.org.example/legacy/"),
            ("corp", "https://corp.example/legacy/"),
        ] {
            assert!(is_new(&nobody, name, elsewhere), "{name} at {elsewhere}");
        }
    }

    #[test]
    fn an_answer_is_for_one_host_and_one_name() {
        let folder = tempfile::tempdir().unwrap();
        let environment = Environment::default().with("PYRELEASE_DATA_DIR", folder.path().join("new"));
        let corp = index("corp", "https://corp.example:8443/legacy/");
        let new = NewHost::of(&environment, &corp).unwrap().unwrap();
        new.agree(&environment).unwrap();
        assert_eq!(NewHost::of(&environment, &corp).unwrap(), None);
        for (name, upload) in [("pypi", corp.upload.as_str()), ("corp", "https://corp.example/legacy/")] {
            assert!(is_new(&environment, name, upload), "{name} at {upload}");
        }
        let pypi = index("pypi", corp.upload.as_str());
        NewHost::of(&environment, &pypi).unwrap().unwrap().agree(&environment).unwrap();
        assert_eq!(NewHost::of(&environment, &pypi).unwrap(), None);
        assert_eq!(NewHost::of(&environment, &corp).unwrap(), None);
        fs_err::write(folder.path().join("new/hosts.toml"), "[host").unwrap();
        let error = NewHost::of(&environment, &corp).unwrap_err();
        assert!(error.to_string().ends_with("hosts.toml` is not valid TOML"), "{error}");
    }

    #[test]
    fn the_variable_names_whole_hosts() {
        let named = |hosts: &str| Environment::from_iter([(VARIABLE, hosts)]);
        let upload = "https://corp.example/legacy/";
        assert!(!is_new(&named("other.example, Corp.example"), "corp", upload));
        for others in ["other.example", "example", "corp.example:8443", "*"] {
            assert!(is_new(&named(others), "corp", upload), "{others}");
        }
    }
}
