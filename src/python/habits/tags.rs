//! How a project names the tags of its releases.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::python::filename::normalize;
use crate::python::version::Version;

/// Words in front of the version that name no package: `release-1.2`, `ver1.2`
const GENERIC: [&str; 8] = ["", "r", "rel", "release", "releases", "tag", "v", "version"];

/// The form of a tag's name: a prefix, the version, a suffix
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TagStyle {
    pub prefix: String,
    pub suffix: String,
    /// Between the numbers of the version: `.`, or `_` as in `rel_2_0_1`
    pub separator: char,
}

impl TagStyle {
    /// The tag's name for a version.
    pub fn name(&self, version: &Version) -> String {
        let version = version.spelled();
        let version = if self.separator == '.' {
            version
        } else {
            version.replace('.', self.separator.encode_utf8(&mut [0; 4]))
        };
        format!("{}{version}{}", self.prefix, self.suffix)
    }

    /// Whether the tags of this style name a package.
    pub fn names_a_package(&self) -> bool {
        let style = self.clone();
        let any: Version = "1.0".parse().expect("it is a version");
        !VersionTag { name: String::new(), style, version: any }.subject().is_empty()
    }

    /// The version that a tag of this style names.
    pub fn version(&self, tag: &str) -> Option<Version> {
        let text = tag.strip_prefix(&self.prefix)?.strip_suffix(&self.suffix)?;
        // `v` is a prefix of its own, although a version may begin with it.
        if !text.starts_with(|first: char| first.is_ascii_digit()) {
            return None;
        }
        if self.separator == '.' { text.parse().ok() } else { text.replace(self.separator, ".").parse().ok() }
    }

    /// The name as a template: `v{version}`.
    pub fn template(&self) -> String {
        format!("{}{{version}}{}", self.prefix, self.suffix)
    }
}

/// A tag whose name contains a version
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionTag {
    pub name: String,
    pub style: TagStyle,
    pub version: Version,
}

impl VersionTag {
    /// Reads the name of a tag: the version is at its end. A version with a local part names no release.
    pub fn parse(name: &str) -> Option<Self> {
        let bytes = name.as_bytes();
        if bytes.len() > 200 {
            return None;
        }
        for at in 0..bytes.len() {
            let before = at.checked_sub(1).map(|before| bytes[before]);
            let begins = bytes[at].is_ascii_digit()
                && before.is_none_or(|before| !before.is_ascii_digit() && before != b'.');
            if !begins || !stands_alone(&name[..at]) {
                continue;
            }
            let rest = &name[at..];
            let underscored = rest.contains('_') && !rest.contains('.');
            let separator = if underscored { '_' } else { '.' };
            let text = if underscored { rest.replace('_', ".") } else { rest.to_owned() };
            if let Ok(version) = text.parse::<Version>()
                && !version.is_local()
            {
                let style = TagStyle { prefix: name[..at].to_owned(), suffix: String::new(), separator };
                return Some(Self { name: name.to_owned(), style, version });
            }
        }
        None
    }

    /// The version as the tag writes it.
    pub fn spelled(&self) -> &str {
        self.name.strip_prefix(&self.style.prefix).unwrap_or(&self.name)
    }

    /// What the prefix names: nothing for `v1.2` and `release-1.2`, else a package.
    fn subject(&self) -> String {
        let word = normalize(self.style.prefix.trim_end_matches(|letter: char| !letter.is_alphanumeric()));
        let plain = word.strip_suffix("-v").or_else(|| word.strip_suffix("/v")).unwrap_or(&word);
        let plain = plain.trim_matches(|letter: char| !letter.is_alphanumeric());
        if GENERIC.contains(&plain) { String::new() } else { plain.to_owned() }
    }
}

/// Whether a version may begin after this text: at the start, after a separator, or after a `v` that follows one.
fn stands_alone(before: &str) -> bool {
    // The numbers before it would be those of a date.
    if !before.is_empty() && !before.contains(char::is_alphabetic) {
        return false;
    }
    let inner = before.strip_suffix(['v', 'V', 'r']).unwrap_or(before);
    [before, inner].iter().any(|text| {
        text.is_empty() || text.ends_with(['-', '_', '/', '=', '@', ' ', '~', '.', ':']) || is_word(text)
    })
}

fn is_word(text: &str) -> bool {
    GENERIC.contains(&text.to_ascii_lowercase().as_str())
}

/// The tags of a project's releases, among all tags of its repository.
///
/// `names` are the names of the project, and of its folder below the top of the repository, if it lies in one. Tags
/// that name another package belong to that one: they count only where no tag names this project or none at all, and not
/// where the other projects of the repository are known.
pub fn own<'t>(
    tags: impl IntoIterator<Item = &'t str>,
    names: &[&str],
    (is_nested, has_siblings): (bool, bool),
) -> Vec<VersionTag> {
    let names: Vec<String> = names.iter().map(|name| normalize(name)).collect();
    let (mut plain, mut named) = (Vec::new(), Vec::new());
    let mut others: BTreeMap<String, Vec<VersionTag>> = BTreeMap::new();
    for tag in tags.into_iter().filter_map(VersionTag::parse) {
        match tag.subject() {
            subject if subject.is_empty() => plain.push(tag),
            subject if names.contains(&subject) => named.push(tag),
            subject => others.entry(subject).or_default().push(tag),
        }
    }
    let mut own = match (is_nested, named.is_empty(), plain.is_empty()) {
        (true, false, _) => named,
        (true, true, _) if has_siblings => Vec::new(),
        (_, true, true) if !has_siblings => others.into_values().max_by_key(Vec::len).unwrap_or_default(),
        _ => plain.into_iter().chain(named).collect(),
    };
    // `v1` beside `v1.2.3` is a tag that moves, and `20240131` a day.
    if own.iter().any(|tag| tag.version.release_segments().len() > 1) {
        own.retain(|tag| tag.version.release_segments().len() > 1);
    }
    own
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_the_version_at_the_end_of_a_name() {
        for (name, prefix, version) in [
            ("v1.2.3", "v", "1.2.3"),
            ("1.2.3", "", "1.2.3"),
            ("demo-1.2", "demo-", "1.2"),
            ("demo==1.2rc1", "demo==", "1.2rc1"),
            ("demo/v1.2", "demo/v", "1.2"),
            ("py2app-0.28", "py2app-", "0.28"),
            ("hatchling-v1.31.0", "hatchling-v", "1.31.0"),
            ("rel_2_0_36", "rel_", "2.0.36"),
            ("release-4.1", "release-", "4.1"),
            ("V2.0.0-beta.1", "V", "2.0.0b1"),
            ("version1.0", "version", "1.0"),
        ] {
            let tag = VersionTag::parse(name).unwrap();
            assert_eq!(
                (tag.style.prefix.as_str(), tag.version.to_string().as_str()),
                (prefix, version),
                "{name}"
            );
            assert_eq!(tag.style.version(name), Some(tag.version), "{name}");
        }
        for name in ["latest", "nightly", "v1.x", "1.2.3+local", "stable-v", "x86", "2024-01-05"] {
            assert_eq!(VersionTag::parse(name), None, "{name}");
        }
    }

    #[test]
    fn names_the_next_tag_in_the_same_style() {
        let next = |name: &str| VersionTag::parse(name).unwrap().style.name(&"1.2.10".parse().unwrap());
        assert_eq!(next("v1.2.3"), "v1.2.10");
        assert_eq!(next("rel_1_2_3"), "rel_1_2_10");
        assert_eq!(next("demo==1.2.3"), "demo==1.2.10");
    }

    #[test]
    fn knows_the_tags_of_one_project_among_those_of_several() {
        let found = |tags: &[&str], names: &[&str], nested| -> Vec<String> {
            own(tags.iter().copied(), names, (nested, false)).into_iter().map(|tag| tag.name).collect()
        };
        let all = ["hatch-v1.2.0", "hatchling-v1.3.0", "v0.1.0", "nightly", "v1"];
        assert_eq!(found(&all, &["hatchling", "backend"], true), ["hatchling-v1.3.0"]);
        assert_eq!(found(&all, &["hatch"], false), ["v0.1.0", "hatch-v1.2.0"]);
        assert_eq!(found(&["1.2.0", "cli==1.3.0"], &["graph"], true), ["1.2.0"]);
        assert_eq!(
            found(&["boto-2.1.0", "boto-2.2.0", "x-1.0"], &["other"], false),
            ["boto-2.1.0", "boto-2.2.0"]
        );
        assert_eq!(found(&["py-demo/v1.0.0"], &["py_demo"], false), ["py-demo/v1.0.0"]);
        assert_eq!(found(&["1", "2"], &["demo"], false), ["1", "2"]);
    }

    proptest! {
        #[test]
        fn never_panics(name in ".{0,30}") {
            let _ = VersionTag::parse(&name);
        }

        #[test]
        fn reads_what_it_names(prefix in "(v|demo-|demo==|rel_|)", version in r"[0-9]{1,3}(\.[0-9]{1,3}){1,3}(rc[0-9])?") {
            let version: Version = version.parse().unwrap();
            let name = format!("{prefix}{}", version.spelled());
            let tag = VersionTag::parse(&name).unwrap();
            prop_assert_eq!(&tag.version, &version);
            prop_assert_eq!(tag.style.name(&version), name);
        }
    }
}
