//! Parses the HTML that indexes send: the links of a page, and the text of an error page. The input may be anything;
//! text that is not HTML has no links.

use html5gum::{DefaultEmitter, HtmlString, StartTag, Token, Tokenizer};

/// An anchor of a page
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Anchor {
    pub(super) href: String,
    /// The text between `<a>` and `</a>`
    pub(super) text: String,
    /// `data-yanked` (PEP 592), which may be empty
    pub(super) yanked: Option<String>,
    /// `data-core-metadata` (PEP 714), or the older `data-dist-info-metadata`
    pub(super) metadata: Option<String>,
}

/// A page's anchors with an `href`, and the URL in its `<base>`.
pub(super) fn anchors(page: &str) -> (Vec<Anchor>, Option<String>) {
    let (mut anchors, mut base) = (Vec::new(), None);
    let mut open: Option<Anchor> = None;
    for token in tokens(page) {
        match token {
            Token::StartTag(tag) => match tag.name.as_slice() {
                b"a" => {
                    anchors.extend(open.take());
                    open = attribute(&tag, b"href").map(|href| Anchor {
                        href,
                        text: String::new(),
                        yanked: attribute(&tag, b"data-yanked"),
                        metadata: attribute(&tag, b"data-core-metadata")
                            .or_else(|| attribute(&tag, b"data-dist-info-metadata")),
                    });
                }
                b"base" => base = base.or_else(|| attribute(&tag, b"href")),
                _ => {}
            },
            Token::EndTag(tag) if tag.name.as_slice() == b"a" => anchors.extend(open.take()),
            Token::String(text) => {
                if let Some(anchor) = &mut open {
                    anchor.text.push_str(&utf8(&text));
                }
            }
            _ => {}
        }
    }
    anchors.extend(open);
    for anchor in &mut anchors {
        anchor.text = anchor.text.trim().to_owned();
    }
    (anchors, base)
}

/// The text of an error page: its preformatted part, else its body, else its title.
pub(super) fn reason(page: &str) -> String {
    let inside = |name: &[u8]| {
        let is_start =
            |token: &Token<usize>| matches!(token, Token::StartTag(tag) if tag.name.as_slice() == name);
        let is_end =
            |token: &Token<usize>| matches!(token, Token::EndTag(tag) if tag.name.as_slice() == name);
        let part = tokens(page).skip_while(|token| !is_start(token)).take_while(|token| !is_end(token));
        Some(text_of(part)).filter(|text| !text.is_empty())
    };
    [&b"pre"[..], b"body", b"title"].into_iter().find_map(inside).unwrap_or_else(|| text(page))
}

/// The text of a piece of HTML: without tags, entities decoded.
pub(super) fn text(html: &str) -> String {
    text_of(tokens(html))
}

/// The text of the tokens, with a blank for each tag.
fn text_of(tokens: impl Iterator<Item = Token<usize>>) -> String {
    let words = tokens.map(|token| match token {
        Token::String(text) => utf8(&text),
        Token::StartTag(_) | Token::EndTag(_) => " ".to_owned(),
        _ => String::new(),
    });
    words.collect::<String>().trim().to_owned()
}

fn tokens(html: &str) -> impl Iterator<Item = Token<usize>> {
    // As for project pages: a tokenizer for another type of span is as much code again.
    let mut emitter = DefaultEmitter::<usize>::new_with_span();
    // The content of `<script>` and `<style>` has no tags.
    emitter.naively_switch_states(true);
    Tokenizer::new_with_emitter(html, emitter).map(|token| match token {
        Ok(token) => token,
        Err(never) => match never {},
    })
}

fn attribute(tag: &StartTag<usize>, name: &[u8]) -> Option<String> {
    tag.attributes.get(name).map(|value| utf8(value))
}

fn utf8(text: &HtmlString) -> String {
    String::from_utf8_lossy(text).into_owned()
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

    #[test]
    fn an_anchor_ends_at_the_next_one_and_scripts_and_comments_have_none() {
        let page =
            "<script>'<a href=x>'</script><a href=y>y.whl<a href=&#x7a;>z.whl<!-- and --></a><a href='cut";
        let links = anchors(page).0.into_iter().map(|anchor| (anchor.href, anchor.text));
        let expected =
            [("y", "y.whl"), ("z", "z.whl")].map(|(href, text)| (href.to_owned(), text.to_owned()));
        assert_eq!(links.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_reason_is_the_most_exact_part_of_an_error_page() {
        let title = "<title>403 Forbidden</title>";
        assert_eq!(
            reason(&format!("{title}<body>It is<br>forbidden &amp; <!-- so --> closed</body>")),
            "It is forbidden &  closed"
        );
        assert_eq!(reason(&format!("{title}<body>x<PRE>no\nway</PRE>y</body>")), "no\nway");
        assert_eq!(reason(&format!("<html>{title}<body> </body></html>")), "403 Forbidden");
        assert_eq!(reason("<h1>Closed"), "Closed");
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
