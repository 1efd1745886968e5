//! Parses the HTML that indexes send: the links of a page, and the text of an error page. The input may be anything;
//! text that is not HTML has no links.

/// An anchor of a page
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Anchor {
    pub(super) href: String,
    /// The text between `<a>` and `</a>`
    pub(super) text: String,
    /// `data-yanked` (PEP 592), which may be empty
    pub(super) yanked: Option<String>,
}

/// A page's anchors with an `href`, and the URL in its `<base>`.
pub(super) fn anchors(page: &str) -> (Vec<Anchor>, Option<String>) {
    let (mut anchors, mut base) = (Vec::new(), None);
    let mut rest = page;
    while let Some(tag) = next_tag(&mut rest) {
        match tag.name.to_ascii_lowercase().as_str() {
            "a" => {
                let Some(href) = tag.attribute("href") else { continue };
                let end = find_ignoring_case(rest, "</a").unwrap_or(rest.len());
                anchors.push(Anchor { href, text: text(&rest[..end]), yanked: tag.attribute("data-yanked") });
                rest = &rest[end..];
            }
            "base" => base = base.or_else(|| tag.attribute("href")),
            _ => {}
        }
    }
    (anchors, base)
}

/// The text of an error page: its preformatted part, else its body, else its title.
pub(super) fn reason(page: &str) -> String {
    let inside = |name: &str| {
        let start = find_ignoring_case(page, &format!("<{name}"))?;
        let start = start + page[start..].find('>')? + 1;
        let end = find_ignoring_case(&page[start..], &format!("</{name}")).unwrap_or(page.len() - start);
        Some(text(&page[start..start + end])).filter(|text| !text.trim().is_empty())
    };
    ["pre", "body", "title"].into_iter().find_map(inside).unwrap_or_else(|| text(page))
}

/// The text of a piece of HTML: without tags, entities decoded.
pub(super) fn text(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while !rest.is_empty() {
        let before = rest;
        match next_tag(&mut rest) {
            Some(tag) => {
                text.push_str(&decode(&before[..tag.at]));
                text.push(' ');
            }
            None => {
                text.push_str(&decode(before));
                break;
            }
        }
    }
    text.trim().to_owned()
}

struct Tag<'a> {
    /// The position of its `<` in the searched text
    at: usize,
    name: &'a str,
    attributes: &'a str,
}

/// The next opening or closing tag; moves `rest` behind it. Skips comments, and a `<` that begins no tag.
fn next_tag<'a>(rest: &mut &'a str) -> Option<Tag<'a>> {
    let whole = *rest;
    let mut from = 0;
    loop {
        let at = from + whole[from..].find('<')?;
        let inner = &whole[at + 1..];
        if let Some(comment) = inner.strip_prefix("!--") {
            from = whole.len() - comment.len() + comment.find("-->")? + 3;
            continue;
        }
        if !inner
            .starts_with(|letter: char| letter.is_ascii_alphabetic() || matches!(letter, '/' | '!' | '?'))
        {
            from = at + 1;
            continue;
        }
        let end = tag_end(inner)?;
        let tag = &inner[..end];
        let name_end =
            tag.find(|letter: char| letter.is_ascii_whitespace()).unwrap_or(tag.trim_end_matches('/').len());
        *rest = &inner[end + 1..];
        return Some(Tag { at, name: &tag[..name_end], attributes: &tag[name_end..] });
    }
}

/// The position of a tag's `>`, outside of quotes.
fn tag_end(tag: &str) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in tag.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(at),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}

impl Tag<'_> {
    fn attribute(&self, wanted: &str) -> Option<String> {
        let mut rest = self.attributes;
        loop {
            rest = rest.trim_start_matches(|letter: char| letter.is_ascii_whitespace() || letter == '/');
            if rest.is_empty() {
                return None;
            }
            let ends_name = |letter: char| letter.is_ascii_whitespace() || matches!(letter, '=' | '/');
            // A name that begins with `=` is invalid, but must still be skipped.
            let name_end = rest
                .char_indices()
                .skip(1)
                .find(|&(_, letter)| ends_name(letter))
                .map_or(rest.len(), |(at, _)| at);
            let name = &rest[..name_end];
            rest = rest[name_end..].trim_start();
            let mut value = "";
            if let Some(after) = rest.strip_prefix('=') {
                let after = after.trim_start();
                (value, rest) = match after.chars().next() {
                    Some(quote @ ('"' | '\'')) => after[1..].split_once(quote)?,
                    _ => after.split_at(after.find(|c: char| c.is_ascii_whitespace()).unwrap_or(after.len())),
                };
            }
            if name.eq_ignore_ascii_case(wanted) {
                return Some(decode(value));
            }
        }
    }
}

/// Decodes the entities that URLs and file names need; leaves anything else unchanged.
fn decode(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        decoded.push_str(&rest[..at]);
        rest = &rest[at..];
        // The longest known entity has 9 characters, `&` and `;` included.
        let end = rest.bytes().take(10).position(|byte| byte == b';');
        match end.and_then(|end| Some((end, entity(&rest[1..end])?))) {
            Some((end, letter)) => {
                decoded.push(letter);
                rest = &rest[end + 1..];
            }
            None => {
                decoded.push('&');
                rest = &rest[1..];
            }
        }
    }
    decoded + rest
}

fn entity(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some(' '),
        _ => {
            let number = name.strip_prefix('#')?;
            let number = match number.strip_prefix(['x', 'X']) {
                Some(number) => u32::from_str_radix(number, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(number)
        }
    }
}

fn find_ignoring_case(text: &str, wanted: &str) -> Option<usize> {
    text.as_bytes().windows(wanted.len()).position(|part| part.eq_ignore_ascii_case(wanted.as_bytes()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_anchors_of_a_simple_page_are_found() {
        let page = r##"<!DOCTYPE html><html><head><base href="https://x.example/simple/"></head><body>
            <!-- <a href="commented">no</a> -->
            <A data-requires-python="&gt;=3.9" HREF='../f/demo-1.0.tar.gz#sha256=ab&amp;x'>demo-1.0.tar.gz</A><br/>
            <a href=plain.whl data-yanked>plain.whl</a> 1 < 2 <a name="nowhere">none</a></body></html>"##;
        let (anchors, base) = anchors(page);
        assert_eq!(base.as_deref(), Some("https://x.example/simple/"));
        let hrefs: Vec<_> = anchors.iter().map(|anchor| anchor.href.as_str()).collect();
        assert_eq!(hrefs, ["../f/demo-1.0.tar.gz#sha256=ab&x", "plain.whl"]);
        assert_eq!(anchors[0].text, "demo-1.0.tar.gz");
        assert_eq!((&anchors[0].yanked, &anchors[1].yanked), (&None, &Some(String::new())));
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_without_a_panic(page in "[<>a/='\"& href!\\-;#xé\n]{0,200}") {
            anchors(&page);
            reason(&page);
            text(&page);
        }
    }
}
