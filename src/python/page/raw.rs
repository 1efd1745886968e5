//! The HTML that the author of a Markdown text has written: what of it PyPI drops.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use comrak::nodes::{AstNode, NodeValue};
use html5gum::{DefaultEmitter, StartTag, Token, Tokenizer};
use regex::Regex;

use super::MARK;
use super::clean::{is_void, keeps_attribute, keeps_tag};
use super::loss::{Loss, LossKind, Losses, excerpt};

/// What is known of the source after its raw HTML was looked at
#[derive(Default)]
pub(super) struct Source {
    /// Temporary numbers: `marks` replaces them by those in the page's order
    pub(super) losses: Losses,
    /// The first line of each URL
    lines: HashMap<String, usize>,
}

/// A tag that GitHub's Markdown shows as text; it was comrak's `tagfilter`
static FILTERED: LazyLock<Regex> = LazyLock::new(|| {
    let names = "title|textarea|style|xmp|iframe|noembed|noframes|script|plaintext";
    Regex::new(&format!(r"(?i)<(/?(?:{names})(?:[\s>]|/>))")).expect("a regular expression")
});

/// The tag of a loss that its element cannot have, because it becomes text
pub(super) fn comment_of(text: &str) -> Option<&str> {
    text.strip_prefix(MARK)?.strip_prefix(' ')
}

impl Source {
    /// Looks at all raw HTML of a document, and marks in it the tags where something gets lost.
    pub(super) fn of<'a>(document: &'a AstNode<'a>) -> Self {
        let mut source = Self::default();
        for node in document.descendants() {
            let mut data = node.data.borrow_mut();
            let line = data.sourcepos.start.line;
            match &mut data.value {
                NodeValue::Link(link) | NodeValue::Image(link) => {
                    source.lines.entry(link.url.clone()).or_insert(line);
                }
                NodeValue::HtmlBlock(block) => block.literal = source.raw(&block.literal, line),
                NodeValue::HtmlInline(literal) => *literal = source.raw(literal, line),
                _ => {}
            }
        }
        source
    }

    /// The line of a URL in the source, if it stands there as it is.
    pub(super) fn line(&self, url: &str) -> Option<usize> {
        self.lines.get(url).copied()
    }

    fn raw(&mut self, html: &str, first: usize) -> String {
        let filtered: HashSet<usize> = FILTERED.find_iter(html).map(|found| found.start()).collect();
        let (mut line, mut counted) = (first, 0);
        let mut marked = String::with_capacity(html.len());
        let mut done = 0;
        let tokens = Tokenizer::new_with_emitter(html, DefaultEmitter::<usize>::new_with_span());
        for Ok(token) in tokens {
            let Token::StartTag(tag) = token else { continue };
            // An attribute of this name is ours: the first of several counts.
            let is_forged = tag.attributes.contains_key(MARK.as_bytes());
            let name = String::from_utf8_lossy(&tag.name).into_owned();
            line += html[counted..tag.span.start].matches('\n').count();
            counted = tag.span.start;
            if filtered.contains(&tag.span.start) {
                let shown = format!("the tags of `<{name}>` are shown as text");
                let loss = Loss::new(LossKind::Shown, shown).at(Some(line));
                if let Some(number) = self.losses.number(loss) {
                    marked.push_str(&html[done..tag.span.start]);
                    marked.push_str(&format!("<!--{MARK} t{number}-->"));
                    done = tag.span.start;
                }
                continue;
            }
            let numbers = self.losses_of(&tag, &name, line);
            let after_name = tag.span.start + 1 + name.len();
            if (numbers.is_empty() && !is_forged) || !html.is_char_boundary(after_name) {
                continue;
            }
            marked.push_str(&html[done..after_name]);
            let numbers: Vec<String> = numbers.iter().map(|number| format!("t{number}")).collect();
            marked.push_str(&format!(" {MARK}=\"{}\"", numbers.join(" ")));
            done = after_name;
        }
        marked.push_str(&html[done..]);
        FILTERED.replace_all(&marked, "&lt;$1").into_owned()
    }

    fn losses_of(&mut self, tag: &StartTag<usize>, name: &str, line: usize) -> Vec<usize> {
        for (attribute, url) in &tag.attributes {
            if matches!(&***attribute, b"href" | b"src") {
                self.lines.entry(String::from_utf8_lossy(url).into_owned()).or_insert(line);
            }
        }
        let losses: Vec<Loss> = if !keeps_tag(name) {
            vec![dropped(name)]
        } else {
            let names = tag.attributes.keys().map(|attribute| String::from_utf8_lossy(attribute));
            let lost = names.filter(|attribute| !keeps_attribute(name, attribute) && attribute != MARK);
            lost.map(|attribute| {
                let message = format!("the attribute `{}` of `<{name}>` is dropped", excerpt(&attribute));
                let loss = Loss::new(LossKind::Attribute, message);
                match (&*attribute, name) {
                    ("name", "a") => loss.help("use `id`, which PyPI keeps"),
                    ("open", "details") => loss.help("it is closed until a reader opens it"),
                    _ => loss,
                }
            })
            .collect()
        };
        losses.into_iter().filter_map(|loss| self.losses.number(loss.at(Some(line)))).collect()
    }
}

fn dropped(name: &str) -> Loss {
    let shown = excerpt(name);
    let loss = match name {
        "source" => Loss::new(LossKind::Element, "`<source>` is dropped".to_owned()),
        "video" | "audio" | "svg" | "object" | "embed" => {
            Loss::new(LossKind::Element, format!("`<{shown}>` is dropped"))
        }
        _ if is_void(name) => Loss::new(LossKind::Element, format!("`<{shown}>` is dropped")),
        _ => Loss::new(LossKind::Element, format!("`<{shown}>` is dropped, its content stays")),
    };
    match name {
        "source" => loss.help("the picture is its `<img>`, in light and in dark"),
        "video" => loss.help("link to the video, for example from an image"),
        "center" => loss.help("use `<div align=\"center\">`, which PyPI keeps"),
        _ => loss,
    }
}
