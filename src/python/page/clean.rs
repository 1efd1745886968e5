//! Removes what PyPI's page may not have. nh3, which readme_renderer uses, is the same library.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use ammonia::Builder;

use super::MARK;

/// The elements that readme_renderer 46 keeps; of others only the content stays
pub(super) const TAGS: &[&str] = &[
    "a",
    "abbr",
    "acronym",
    "aside",
    "b",
    "blockquote",
    "br",
    "caption",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "details",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "input",
    "kbd",
    "li",
    "nav",
    "ol",
    "p",
    "picture",
    "pre",
    "section",
    "span",
    "strong",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "tt",
    "ul",
    "var",
];

/// The attributes that it keeps; besides, any element may have an `id`
const ATTRIBUTES: &[(&str, &[&str])] = &[
    ("a", &["href", "title"]),
    ("abbr", &["title"]),
    ("acronym", &["title"]),
    ("aside", &["class"]),
    ("code", &["class"]),
    ("dd", &["class"]),
    ("div", &["align", "class"]),
    ("dl", &["class"]),
    ("dt", &["class"]),
    ("figure", &["class"]),
    ("h1", &["align"]),
    ("h2", &["align"]),
    ("h3", &["align"]),
    ("h4", &["align"]),
    ("h5", &["align"]),
    ("h6", &["align"]),
    ("hr", &["class"]),
    ("img", &["align", "alt", "class", "height", "src", "width"]),
    ("input", &["checked", "disabled", "type"]),
    ("nav", &["class"]),
    ("ol", &["start"]),
    ("p", &["align", "class"]),
    ("pre", &["class", "lang"]),
    ("span", &["class"]),
    ("td", &["align", "colspan", "rowspan"]),
    ("th", &["align", "class"]),
    ("ul", &["class"]),
];

const SCHEMES: [&str; 3] = ["http", "https", "mailto"];

/// Elements without content
const VOID: [&str; 5] = ["br", "col", "hr", "img", "input"];

pub(super) fn keeps_tag(tag: &str) -> bool {
    TAGS.binary_search(&tag).is_ok()
}

pub(super) fn keeps_attribute(tag: &str, attribute: &str) -> bool {
    let of_tag = ATTRIBUTES.iter().find(|(name, _)| *name == tag);
    attribute == "id" || of_tag.is_some_and(|(_, names)| names.contains(&attribute))
}

pub(super) fn is_void(tag: &str) -> bool {
    VOID.contains(&tag)
}

/// Whether a URL is kept: it is relative, or has a scheme that PyPI allows.
pub(super) fn keeps_url(url: &str) -> bool {
    let start = url.trim().split(['/', '?', '#']).next().unwrap_or_default();
    start.split_once(':').is_none_or(|(scheme, _)| SCHEMES.contains(&scheme.to_ascii_lowercase().as_str()))
}

/// The HTML as PyPI keeps it, and the marks.
pub(super) fn clean(html: &str) -> String {
    with_tags(TAGS.iter().copied().collect()).clean(html).to_string()
}

/// The HTML as PyPI keeps it from plain text: only line breaks.
pub(super) fn clean_plain(html: &str) -> String {
    with_tags(HashSet::from(["br"])).clean(html).to_string()
}

fn with_tags(tags: HashSet<&'static str>) -> Builder<'static> {
    let attributes: HashMap<&str, HashSet<&str>> =
        ATTRIBUTES.iter().map(|(tag, names)| (*tag, names.iter().copied().collect())).collect();
    let mut builder = Builder::default();
    builder
        .tags(tags)
        .tag_attributes(attributes)
        .generic_attributes(HashSet::from(["id", MARK]))
        .url_schemes(HashSet::from(SCHEMES))
        .link_rel(Some("nofollow"))
        .set_tag_attribute_values(HashMap::from([("input", HashMap::from([("disabled", "")]))]))
        .attribute_filter(|_, attribute, value| {
            let is_number =
                !value.is_empty() && value.chars().all(|letter| matches!(letter, '0'..='9' | ' '));
            (attribute != MARK || is_number).then_some(Cow::Borrowed(value))
        });
    builder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_can_be_searched() {
        assert!(TAGS.is_sorted());
        assert!(keeps_tag("var") && keeps_tag("a") && !keeps_tag("source"));
    }

    #[test]
    fn urls_are_kept_as_the_cleaner_does() {
        for url in
            ["https://a.example", "mailto:a@b.example", "docs/a.md", "#a", "/a:b", "//a.example", "HTTP://A"]
        {
            assert!(keeps_url(url), "{url}");
            assert!(clean(&format!("<a href=\"{url}\">x</a>")).contains("href"), "{url}");
        }
        for url in ["ftp://a.example", "javascript:alert(1)", "data:image/png;base64,AA", " javascript:a"] {
            assert!(!keeps_url(url), "{url}");
            assert!(!clean(&format!("<a href=\"{url}\">x</a>")).contains("href"), "{url}");
        }
    }
}
