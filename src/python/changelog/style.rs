//! How a file writes the headings of its versions.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::date;

/// The style of a file's version headings
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Style {
    /// The format of the date before all else, and the text after it: `2024-01-31: demo 1.0`
    lead: Option<Box<(&'static str, String)>>,
    /// The text before the version: `[v`
    before: String,
    /// The text between version and date: `] - `; without a date, the text after the version
    between: String,
    /// The date's strftime format, and the text after it
    date: Option<(&'static str, String)>,
    /// The version as it is written, where the text after it repeats it: `{: #demo-v1.2.3 }`
    repeated: Option<String>,
}

static INLINE_LINK: LazyLock<Regex> =
    // Of Markdown: `[1.2.3](address)`; of reStructuredText: `` `1.2.3 <address>`__ ``.
    LazyLock::new(|| {
        Regex::new(r"(?P<close>\])\((?P<markdown>[^()\s]*)\)|\s<(?P<rst>[^<>\s]+)>(?P<end>`_)")
            .expect("a constant that the tests compile")
    });

impl Style {
    /// The style of a heading: the text before the version, the version, and the rest with its date.
    pub(super) fn of(before: &str, spelling: &str, rest: &str, date: Option<date::DateMatch>) -> Self {
        let closed = before.trim_start().starts_with('[') && rest.starts_with(']');
        let plain = |text: &str| without_link(text).chars().all(|c| !c.is_alphanumeric());
        let style = Self {
            lead: None,
            before: before.to_owned(),
            between: String::new(),
            date: None,
            repeated: None,
        };
        match date {
            Some(date) if plain(&rest[..date.span.start]) || is_said(&rest[..date.span.start]) => {
                let tail = &rest[date.span.end..];
                // An anchor or the like, made from the version.
                let repeats = tail.contains(spelling) && !tail.contains(']');
                let after = if repeats { tail } else { closers(tail) };
                Self {
                    between: rest[..date.span.start].to_owned(),
                    date: Some((date.format, after.to_owned())),
                    repeated: repeats.then(|| spelling.to_owned()),
                    ..style
                }
            }
            // Other words are those of one version: only what is next to the date stays.
            Some(date) => {
                let (words, tail) = (&rest[..date.span.start], &rest[date.span.end..]);
                let is_mark = |c: char| " (,:/|–—-".contains(c);
                let marks = &words[words.trim_end_matches(is_mark).len()..];
                let marks = if marks.trim().is_empty() { " - " } else { marks };
                let after = if marks.contains('(') { closers(tail) } else { "" };
                Self {
                    between: format!("{}{marks}", if closed { "]" } else { "" }),
                    date: Some((date.format, after.to_owned())),
                    ..style
                }
            }
            None => Self { between: closers(rest).to_owned(), ..style },
        }
    }

    /// The style of a file without a version: Keep a Changelog's.
    pub(super) fn markdown(bracketed: bool) -> Self {
        let (before, between) = if bracketed { ("[", "] - ") } else { ("", " - ") };
        Self {
            lead: None,
            before: before.to_owned(),
            between: between.to_owned(),
            date: Some(("%Y-%m-%d", String::new())),
            repeated: None,
        }
    }

    /// The same for reStructuredText, where brackets have no meaning.
    pub(super) fn rst() -> Self {
        Self {
            lead: None,
            before: String::new(),
            between: " (".to_owned(),
            date: Some(("%Y-%m-%d", ")".to_owned())),
            repeated: None,
        }
    }

    pub(super) fn is_bracketed(&self) -> bool {
        self.before.contains('[')
    }

    /// Whether a `v` is before the version.
    pub(super) fn ends_in_v(&self) -> bool {
        self.before.ends_with('v')
    }

    pub(super) fn is_dated(&self) -> bool {
        self.date_format().is_some()
    }

    /// The strftime format of the date.
    pub(super) fn date_format(&self) -> Option<&'static str> {
        self.lead.as_deref().or(self.date.as_ref()).map(|(format, _)| *format)
    }

    /// The same style after a date and the text between.
    pub(super) fn led_by(self, format: &'static str, between: &str) -> Self {
        Self { lead: Some(Box::new((format, between.to_owned()))), ..self }
    }

    /// The word before the version, such as the project's name.
    pub(super) fn word(&self) -> Option<&str> {
        let word = self
            .before
            .trim_end_matches(['v', 'V', '[', '`', '*', '_'])
            .trim_matches(['[', '`', '*', '_', ' ']);
        (!word.is_empty()).then_some(word)
    }

    /// The same style with another format of the date.
    pub(super) fn with_date_format(mut self, format: &'static str) -> Self {
        if let Some((own, _)) = self.lead.as_deref_mut().or(self.date.as_mut()) {
            *own = format;
        }
        self
    }

    /// The address of the heading's inline link: `[1.2.3](address)`.
    pub(super) fn inline_link(&self) -> Option<&str> {
        let after = self.date.as_ref().map(|(_, after)| after.as_str());
        [Some(self.between.as_str()), after]
            .into_iter()
            .flatten()
            .find_map(|text| Some(&text[inline_link(text)?]))
    }

    pub(super) fn write(&self, version: &str, date: jiff::civil::Date, link: Option<&str>) -> String {
        let lead = match self.lead.as_deref() {
            Some((format, after)) => format!("{}{after}", date::write(date, format)),
            None => String::new(),
        };
        let (before, between) = (&self.before, relinked(&self.between, link));
        let Some((format, after)) = &self.date else { return format!("{lead}{before}{version}{between}") };
        let after = relinked(after, link);
        let after = match &self.repeated {
            Some(old) => after.replace(old, version),
            None => after,
        };
        format!("{lead}{before}{version}{between}{}{after}", date::write(date, format))
    }
}

/// A text with another URL in its inline link, or without that: a URL of another version would be worse than none.
fn relinked(text: &str, link: Option<&str>) -> String {
    match (inline_link(text), link) {
        (Some(span), Some(link)) => format!("{}{link}{}", &text[..span.start], &text[span.end..]),
        (Some(span), None) => {
            let is_rst = text[..span.start].ends_with(" <");
            let open = span.start.saturating_sub(if is_rst { 2 } else { 1 });
            format!("{}{}", &text[..open], &text[span.end + 1..])
        }
        (None, _) => text.to_owned(),
    }
}

/// The position of an inline link's URL.
pub(super) fn inline_link(title: &str) -> Option<Range<usize>> {
    let found = INLINE_LINK.captures(title)?;
    found.name("markdown").or_else(|| found.name("rst")).map(|address| address.range())
}

/// The title with the first link's URL taken out: `[1.2.3] - today`.
pub(super) fn without_link(title: &str) -> std::borrow::Cow<'_, str> {
    if !title.contains(['(', '<']) {
        return title.into();
    }
    INLINE_LINK.replace(title, "${close}${end}")
}

/// Whether words only introduce the date.
pub(super) fn is_said(between: &str) -> bool {
    let mut words = between.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.all(|word| ["released", "release", "on", "date"].contains(&word.to_ascii_lowercase().as_str()))
}

/// The closing marks at the start: the first one of `] [YANKED]`.
fn closers(rest: &str) -> &str {
    let marks = rest.find(|c| !"])`*_?".contains(c)).unwrap_or(rest.len());
    if let Some(link) = INLINE_LINK.find(rest).filter(|link| link.start() == 0 || link.start() < marks) {
        let more = rest[link.end()..].find(|c| c != '_').unwrap_or(rest.len() - link.end());
        return &rest[..link.end() + if link.as_str().ends_with('_') { more } else { 0 }];
    }
    let collapsed = rest[..marks].ends_with(']') && rest[marks..].starts_with("[]");
    &rest[..if collapsed { marks + 2 } else { marks }]
}
