//! Marks in rendered HTML what breaks or gets lost on PyPI, before it is cleaned.

use std::collections::{BTreeMap, HashSet};

use html5gum::{DefaultEmitter, StartTag, Token, Tokenizer};

use super::MARK;
use super::clean::{is_void, keeps_tag, keeps_url};
use super::loss::{Loss, LossKind, Losses, excerpt};
use super::raw::{Source, comment_of};
use crate::python::readme::{ID_PREFIX, is_relative_url};

/// The deepest nesting that is followed
const DEEPEST: usize = 500;
/// The deepest nesting that is cleaned
pub(super) const MOST_NESTED: usize = 5000;
/// Elements whose text is not searched for formulas
const VERBATIM: [&str; 2] = ["code", "pre"];

/// An element of the page that is not closed yet
struct Open {
    name: String,
    /// Where the attributes of its tag begin
    attributes: usize,
}

struct Marker<'a> {
    source: &'a Source,
    losses: Losses,
    open: Vec<Open>,
    /// The numbers that belong to an element, by the place of its attributes
    numbers: BTreeMap<usize, Vec<usize>>,
    /// Losses outside of all elements, for the next one
    waiting: Vec<usize>,
    last: Option<usize>,
    /// How many elements are open, dropped ones included
    depth: usize,
    deepest: usize,
    /// The text since the last tag that stays
    text: String,
    ids: HashSet<String>,
    /// Links to anchors: where, and to which
    anchors: Vec<(usize, String)>,
}

/// The HTML with marks, and the losses by their numbers; none if it is nested so deeply that cleaning it takes hours.
pub(super) fn mark(html: &str, source: &Source) -> Option<(String, Losses)> {
    let mut marker = Marker {
        source,
        losses: Losses::default(),
        open: Vec::new(),
        numbers: BTreeMap::new(),
        waiting: Vec::new(),
        last: None,
        depth: 0,
        deepest: 0,
        text: String::new(),
        ids: HashSet::new(),
        anchors: Vec::new(),
    };
    let tokens = Tokenizer::new_with_emitter(html, DefaultEmitter::<usize>::new_with_span());
    for Ok(token) in tokens {
        match token {
            Token::StartTag(tag) => marker.start(&tag),
            Token::EndTag(tag) => marker.end(&String::from_utf8_lossy(&tag.name)),
            Token::String(text) => marker.text.push_str(&String::from_utf8_lossy(&text)),
            Token::Comment(comment) => marker.comment(&String::from_utf8_lossy(&comment)),
            _ => {}
        }
    }
    (marker.deepest <= MOST_NESTED).then(|| marker.finish(html))
}

impl Marker<'_> {
    fn start(&mut self, tag: &StartTag<usize>) {
        let name = String::from_utf8_lossy(&tag.name).into_owned();
        let value = |attribute: &str| {
            tag.attributes.get(attribute.as_bytes()).map(|value| String::from_utf8_lossy(value).into_owned())
        };
        let temporary = value(MARK).unwrap_or_default();
        let mut losses = self.of_source(&temporary);
        if !is_void(&name) {
            self.depth += 1;
            self.deepest = self.deepest.max(self.depth);
        }
        if !keeps_tag(&name) {
            for loss in losses {
                self.here(loss);
            }
            return;
        }
        if name == "br" {
            self.text.push('\n');
        } else {
            self.formulas();
        }
        let place = tag.span.start + 1 + name.len();
        if let Some(href) = value("href").filter(|_| name == "a") {
            losses.extend(self.link(&href));
            if let Some(anchor) = href.strip_prefix('#').filter(|anchor| !anchor.is_empty()) {
                self.anchors.push((place, anchor.to_owned()));
            }
        }
        if name == "img" {
            losses.extend(self.image(value("src").as_deref()));
        }
        self.ids.extend(value("id"));
        self.last = Some(place);
        let waiting = std::mem::take(&mut self.waiting);
        self.numbers.entry(place).or_default().extend(waiting);
        losses.into_iter().for_each(|loss| self.at(place, loss));
        if !is_void(&name) && self.open.len() < DEEPEST {
            self.open.push(Open { name, attributes: place });
        }
    }

    /// The losses of temporary numbers.
    fn of_source(&self, numbers: &str) -> Vec<Loss> {
        let numbers = numbers.split(' ').filter_map(|number| number.strip_prefix('t')?.parse().ok());
        numbers.filter_map(|number| self.source.losses.get(number)).cloned().collect()
    }

    fn comment(&mut self, text: &str) {
        let losses = comment_of(text).map(|numbers| self.of_source(numbers)).unwrap_or_default();
        losses.into_iter().for_each(|loss| self.here(loss));
    }

    fn end(&mut self, name: &str) {
        self.depth = self.depth.saturating_sub(1);
        if !keeps_tag(name) {
            return;
        }
        self.formulas();
        if let Some(at) = self.open.iter().rposition(|open| open.name == name) {
            self.open.truncate(at);
        }
    }

    fn at(&mut self, place: usize, loss: Loss) {
        if let Some(number) = self.losses.number(loss) {
            self.numbers.entry(place).or_default().push(number);
        }
    }

    /// Marks the innermost element around the present place, or else the next one.
    fn here(&mut self, loss: Loss) {
        match self.open.last() {
            Some(open) => self.at(open.attributes, loss),
            None => self.waiting.extend(self.losses.number(loss)),
        }
    }

    fn link(&self, href: &str) -> Option<Loss> {
        let shown = excerpt(href);
        let loss = if !keeps_url(href) {
            Loss::new(LossKind::Link, format!("the link to `{shown}` is dropped"))
                .help("PyPI keeps `http`, `https` and `mailto`")
        } else if is_relative_url(href) {
            Loss::new(LossKind::Link, format!("the link to `{shown}` leads nowhere on PyPI"))
        } else {
            return None;
        };
        Some(loss.at(self.source.line(href)))
    }

    fn image(&self, src: Option<&str>) -> Option<Loss> {
        let loss = match src {
            None => Loss::new(LossKind::Image, "an image has no URL that PyPI keeps".to_owned()),
            Some(src) if src.trim_start().to_ascii_lowercase().starts_with("data:") => {
                Loss::new(LossKind::Image, "an image in a `data:` URL is dropped".to_owned())
            }
            Some(src) if !keeps_url(src) => {
                Loss::new(LossKind::Image, format!("the image `{}` is dropped", excerpt(src)))
            }
            Some(src) if is_relative_url(src) => {
                Loss::new(LossKind::Image, format!("the image `{}` is missing on PyPI", excerpt(src)))
            }
            Some(_) => return None,
        };
        Some(loss.at(src.and_then(|src| self.source.line(src))))
    }

    /// Looks for formulas in the text up to here.
    fn formulas(&mut self) {
        let text = std::mem::take(&mut self.text);
        if self.open.iter().any(|open| VERBATIM.contains(&open.name.as_str())) {
            return;
        }
        for formula in unintended_formulas(&text) {
            let message = format!("`{}` becomes a formula on PyPI", excerpt(formula));
            self.here(Loss::new(LossKind::Formula, message));
        }
    }

    fn finish(mut self, html: &str) -> (String, Losses) {
        self.formulas();
        for (place, anchor) in std::mem::take(&mut self.anchors) {
            if !self.ids.contains(&anchor) {
                let shown = anchor.strip_prefix(ID_PREFIX).unwrap_or(&anchor);
                let loss = Loss::new(
                    LossKind::Link,
                    format!("the link to `#{}` leads nowhere on PyPI", excerpt(shown)),
                );
                let loss = loss.help("PyPI gives the prefix `user-content-` to such links, and to headings");
                self.at(place, loss.at(self.source.line(&format!("#{shown}"))));
            }
        }
        if let Some(last) = self.last {
            self.numbers.entry(last).or_default().append(&mut self.waiting);
        }
        let mut marked = String::with_capacity(html.len());
        let mut done = 0;
        for (place, mut numbers) in self.numbers {
            if numbers.is_empty() || !html.is_char_boundary(place) {
                continue;
            }
            numbers.sort_unstable();
            numbers.dedup();
            let numbers: Vec<String> = numbers.iter().map(usize::to_string).collect();
            marked.push_str(&html[done..place]);
            marked.push_str(&format!(" {MARK}=\"{}\"", numbers.join(" ")));
            done = place;
        }
        marked.push_str(&html[done..]);
        (marked, self.losses)
    }
}

/// What MathJax takes for a formula, as PyPI configures it, and the author hardly meant as one: its end follows a blank
/// or precedes a digit, as in `$5 or $10`.
fn unintended_formulas(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((start, delimiter)) = next_delimiter(rest) {
        let inside = &rest[start + delimiter.len()..];
        let Some(length) = end_of_formula(inside, delimiter) else {
            rest = inside;
            continue;
        };
        let (formula, after) = (&inside[..length], &inside[length + delimiter.len()..]);
        let is_meant =
            !formula.ends_with(char::is_whitespace) && !after.starts_with(|next: char| next.is_ascii_digit());
        if delimiter == "$" && !is_meant {
            found.push(&rest[start..start + length + 2]);
        }
        rest = after;
    }
    found
}

/// The first dollar sign, or two of them, without a backslash before.
fn next_delimiter(text: &str) -> Option<(usize, &'static str)> {
    let mut from = 0;
    loop {
        let at = from + text[from..].find(['\\', '$'])?;
        if text[at..].starts_with('\\') {
            let escaped = text[at + 1..].chars().next()?;
            from = at + 1 + escaped.len_utf8();
        } else {
            return Some((at, if text[at..].starts_with("$$") { "$$" } else { "$" }));
        }
    }
}

/// Where the delimiter follows outside of braces.
fn end_of_formula(text: &str, delimiter: &str) -> Option<usize> {
    /// In characters; without a bound a hostile text takes hours
    const LONGEST: usize = 1000;
    let (mut depth, mut is_escaped) = (0usize, false);
    for (at, letter) in text.char_indices().take(LONGEST) {
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            '$' if depth == 0 && text[at..].starts_with(delimiter) => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::unintended_formulas;

    #[test]
    fn prices_are_told_from_formulas() {
        assert_eq!(unintended_formulas("It costs $5 or $10."), ["$5 or $"]);
        assert_eq!(unintended_formulas("from $HOME and $PATH"), ["$HOME and $"]);
        for fine in ["$5", "$a + b$ and $c$", "$$a $$ 5", r"\$5 and $10", "${a $b", "a $\\alpha$, b"] {
            assert_eq!(unintended_formulas(fine), [""; 0], "{fine}");
        }
    }

    #[test]
    fn many_dollar_signs_take_no_time() {
        assert_eq!(unintended_formulas(&"${".repeat(20_000)), [""; 0]);
    }
}
