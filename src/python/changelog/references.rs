//! Updates the link references of a changelog for a release.

use super::edit::Edit;
use super::links::{self, Comparison, Definition};
use super::parts::Part;
use super::title::Release;
use super::{Changelog, CompareLinks, Format};
use crate::python::version::Version;

/// The names of the release, in headings and URLs
pub(super) struct Naming<'a> {
    pub(super) version: &'a Version,
    pub(super) links: Option<&'a CompareLinks>,
    /// The newest version in the changelog, with its heading
    pub(super) newest: Option<&'a Release>,
}

impl Naming<'_> {
    /// The release's tag: the one passed, else one in the style of an earlier tag, else `v1.1.0`.
    pub(super) fn tag(&self, like: Option<&str>) -> String {
        match self.links {
            Some(links) => links.tag.clone(),
            None => like
                .and_then(|like| links::tag_like(like, self.version))
                .unwrap_or_else(|| format!("v{}", self.version)),
        }
    }

    /// A URL for this version, in the style of the newest one's.
    pub(super) fn address_like(&self, address: &str) -> Option<String> {
        match Comparison::of(address) {
            Some(comparison) => {
                Some(comparison.with(comparison.newer(), &self.tag(Some(comparison.newer()))))
            }
            None => links::address_like(address, &self.newest?.spelling, self.version),
        }
    }

    /// The tag of the last release in the file, for a URL that compares with `tag`: where somebody forgot to update that,
    /// the release is compared with the one before it all the same.
    pub(super) fn last_tag(&self, tag: &str) -> String {
        let last = self.newest.and_then(|newest| links::tag_like(tag, &newest.version));
        let forgotten = |last: &String| {
            links::version_of(tag).is_some_and(|named| self.newest.is_some_and(|one| named < one.version))
                && last != tag
        };
        last.filter(forgotten).unwrap_or_else(|| tag.to_owned())
    }
}

impl Changelog {
    pub(super) fn references(
        &self,
        naming: &Naming<'_>,
        bracketed: bool,
        unreleased_bracketed: bool,
        title: &str,
    ) -> Vec<Edit> {
        let text = self.text.as_str();
        let unreleased = self.definitions.iter().find(|definition| definition.is_unreleased(text));
        let versions: Vec<&Definition> =
            self.definitions.iter().filter(|definition| definition.version(text).is_some()).collect();
        if versions.iter().any(|definition| definition.version(text).as_ref() == Some(naming.version)) {
            return Vec::new();
        }
        let version = naming.newest.map(|release| &release.version);
        let newest =
            versions.iter().find(|one| one.version(text).as_ref() == version).or_else(|| versions.first());
        let label = label(title).unwrap_or_else(|| naming.version.to_string());

        if let Some(unreleased) = unreleased {
            let address = &text[unreleased.address.clone()];
            let alike = newest.and_then(|newest| naming.address_like(&text[newest.address.clone()]));
            let Some(comparison) = Comparison::of(address) else {
                // A URL that is not a comparison stays; only the version gets its own URL.
                let made = alike.or_else(|| naming.links.map(|links| links::made_new(links).1));
                return made
                    .map(|made| self.after(unreleased, unreleased, &label, &made, address))
                    .into_iter()
                    .collect();
            };
            let tag = naming.tag(Some(comparison.older()));
            let own = comparison.with(&tag, comparison.newer());
            // Keep a Changelog links the first release to its tag and all others to a comparison. If the second one
            // is also linked to its tag, the file does so on purpose.
            let by_tag = versions.len() > 1
                && newest.is_some_and(|newest| Comparison::of(&text[newest.address.clone()]).is_none());
            let made = alike
                .filter(|_| by_tag)
                .unwrap_or_else(|| comparison.with(&naming.last_tag(comparison.older()), &tag));
            return vec![self.after(unreleased, unreleased, &label, &made, &own)];
        }
        if let Some(newest) = newest {
            let address = &text[newest.address.clone()];
            let made =
                if bracketed || self.format == Format::Rst { naming.address_like(address) } else { None };
            return made.map(|made| self.before(newest, &label, &made)).into_iter().collect();
        }
        let bare = self.parts.iter().filter_map(Part::release).filter(|one| one.style.is_bracketed());
        let has_bare = bare.count() > 1;
        match naming.links {
            // Where earlier versions are in brackets without any, they are none on purpose.
            Some(links) if bracketed && !has_bare && self.format == Format::Markdown => {
                let (own, made) = links::made_new(links);
                let mut lines = vec![format!("[{label}]: {made}")];
                if unreleased_bracketed {
                    lines.insert(0, format!("[Unreleased]: {own}"));
                }
                vec![self.at_the_end(&lines)]
            }
            _ => Vec::new(),
        }
    }

    /// A line in the style of the definition, with another label and URL.
    pub(super) fn line_like(&self, definition: &Definition, label: &str, address: &str) -> String {
        let line = &self.lines[definition.line];
        let text = &self.text;
        // A label in reStructuredText needs quotes only around a colon or space, which versions do not contain.
        format!(
            "{}{label}{}{address}{}",
            &text[line.start..definition.label.start],
            &text[definition.label.end..definition.address.start],
            &text[definition.address.end..line.end]
        )
    }

    /// Sets the URL of `definition` to `own`, and adds a line in the style of `pattern` below it.
    fn after(
        &self,
        definition: &Definition,
        pattern: &Definition,
        label: &str,
        address: &str,
        own: &str,
    ) -> Edit {
        let end = self.lines[definition.line].end;
        let rest = &self.text[definition.address.end..end];
        let line = self.line_like(pattern, label, address);
        Edit { span: definition.address.start..end, text: format!("{own}{rest}{}{line}", self.ending()) }
    }

    pub(super) fn before(&self, definition: &Definition, label: &str, address: &str) -> Edit {
        let start = self.lines[definition.line].start;
        let line = self.line_like(definition, label, address);
        Edit { span: start..start, text: format!("{line}{}", self.ending()) }
    }

    fn at_the_end(&self, lines: &[String]) -> Edit {
        let (end, ending) = (self.text.len(), self.ending());
        let mut text = String::new();
        if let Some(last) = self.lines.last() {
            let terminated = !last.ending(&self.text).is_empty();
            if !terminated {
                text.push_str(ending);
            }
            let reference =
                self.definitions.last().is_some_and(|definition| definition.line + 1 == self.lines.len());
            if !last.of(&self.text).trim().is_empty() && !reference {
                text.push_str(ending);
            }
            text.push_str(&lines.join(ending));
            if terminated {
                text.push_str(ending);
            }
        }
        Edit { span: end..end, text }
    }
}

/// The label with which a heading refers to its link: the version in `[1.1.0] - 2024-01-31`, and in `` `1.1.0`_ ``.
fn label(title: &str) -> Option<String> {
    let inside = |open: char, close: char| {
        let start = title.find(open)? + 1;
        title[start..].find(close).map(|length| title[start..start + length].to_owned())
    };
    inside('[', ']').or_else(|| inside('`', '`'))
}
