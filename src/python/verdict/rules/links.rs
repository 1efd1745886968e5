//! A rule about links and images in a description that lead nowhere on PyPI; only a warning.

use std::sync::LazyLock;

use comrak::nodes::NodeValue;
use comrak::{Arena, Options, parse_document};
use regex::Regex;

use super::{Rule, Violation};
use crate::python::readme::is_relative_url;
use crate::python::verdict::{ContentType, Subject};

/// The longest description whose links are checked, in bytes; a hostile one takes 170 times its size in memory
const LONGEST: usize = 256 << 10;

pub(super) const RULES: &[Rule] = &[Rule::stricter(
    "relative-link",
    "on PyPI a relative link leads nowhere",
    "links and images in a description are absolute URLs",
    relative_links,
)
.warning()
.of_metadata()];

fn relative_links(subject: &Subject) -> Vec<Violation> {
    let Some(Ok(description)) = subject.description() else { return Vec::new() };
    if description.text.len() > LONGEST {
        return Vec::new();
    }
    let links = match description.content_type {
        ContentType::Markdown => in_markdown(&description.text),
        ContentType::Restructured => in_restructured_text(&description.text),
        ContentType::Plain => Vec::new(),
    };
    let found = |(what, url): (&str, String)| {
        let message = format!("the {what} to `{url}` in the description leads nowhere on PyPI");
        Violation::new(message).help("use an absolute URL, such as that of the file in the repository")
    };
    links.into_iter().filter(|(_, url)| is_relative_url(url)).map(found).collect()
}

fn in_markdown(text: &str) -> Vec<(&'static str, String)> {
    let arena = Arena::new();
    let mut links = Vec::new();
    for node in parse_document(&arena, text, &Options::default()).descendants() {
        match &node.data().value {
            NodeValue::Link(link) => links.push(("link", link.url.clone())),
            NodeValue::Image(image) => links.push(("image", image.url.clone())),
            _ => {}
        }
    }
    links
}

/// The links and images of a reStructuredText, as far as they can be found without docutils: directives, explicit
/// targets and inline targets, outside of literal blocks.
fn in_restructured_text(text: &str) -> Vec<(&'static str, String)> {
    static IMAGE: LazyLock<Regex> =
        LazyLock::new(|| expression(r"^\s*\.\.\s+(?:\|[^|]+\|\s+)?(?:image|figure)::\s*(\S+)\s*$"));
    static TARGET: LazyLock<Regex> =
        LazyLock::new(|| expression(r"^\s*(?:\.\.\s+_(?:`[^`]+`|(?:[^:\\]|\\.)+):|:target:|__)\s+(\S+)\s*$"));
    static INLINE: LazyLock<Regex> = LazyLock::new(|| expression(r"`[^`<>]*<([^`<>\s]+)>`_"));
    let mut links = Vec::new();
    // The indentation of the line that opened a literal block
    let mut literal: Option<usize> = None;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let indentation = line.len() - line.trim_start().len();
        if literal.is_some_and(|opened| indentation > opened) {
            continue;
        }
        literal = None;
        if let Some(image) = IMAGE.captures(line) {
            links.push(("image", image[1].to_owned()));
            continue;
        }
        if line.trim_end().ends_with("::") || is_code(line) {
            literal = Some(indentation);
        }
        let found = TARGET.captures_iter(line).chain(INLINE.captures_iter(line));
        // A text that ends with `_` refers to another target, and an email address needs no scheme.
        let urls = found.map(|found| found[1].to_owned());
        links.extend(urls.filter(|url| !url.ends_with('_') && !url.contains('@')).map(|url| ("link", url)));
    }
    links
}

fn expression(text: &str) -> Regex {
    Regex::new(text).expect("a regular expression")
}

/// Whether a line is a directive with literal content.
fn is_code(line: &str) -> bool {
    const SHOWN: &[&str] =
        &["code", "code-block", "sourcecode", "parsed-literal", "raw", "highlight", "math"];
    let directive = line.trim_start().strip_prefix("..").and_then(|rest| rest.trim_start().split_once("::"));
    directive.is_some_and(|(name, _)| SHOWN.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_links_of_restructured_text_are_found() {
        let text = "\
Title\n=====\n\n.. image:: docs/logo.png\n   :target: docs/index.rst\n\n.. |badge| image:: https://example.org/a.svg\n\n\
See `the guide <docs/guide.rst>`_, `the site <https://example.org>`__, `mail <a@example.org>`_, `this <other_>`_\n\
and `below <#title>`_.\n\n.. _license: LICENSE\n.. _whole: https://example.org/\n\n\
Code::\n\n    `x <y/z>`_\n\n.. code-block:: rst\n\n   .. image:: shown.png\n\n.. figure:: a/b.png\n";
        let links = in_restructured_text(text).into_iter().filter(|(_, url)| is_relative_url(url));
        let expected = [
            ("image", "docs/logo.png"),
            ("link", "docs/index.rst"),
            ("link", "docs/guide.rst"),
            ("link", "LICENSE"),
            ("image", "a/b.png"),
        ];
        assert_eq!(links.collect::<Vec<_>>(), expected.map(|(what, url)| (what, url.to_owned())));
    }
}
