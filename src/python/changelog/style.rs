//! How a file writes the headings of its versions.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::date;

/// The style of a file's version headings
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Style {
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
        let style = Self { before: before.to_owned(), between: String::new(), date: None, repeated: None };
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
            before: before.to_owned(),
            between: between.to_owned(),
            date: Some(("%Y-%m-%d", String::new())),
            repeated: None,
        }
    }

    /// The same for reStructuredText, where brackets have no meaning.
    pub(super) fn rst() -> Self {
        Self {
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
        self.date.is_some()
    }

    /// The strftime format of the date.
    pub(super) fn date_format(&self) -> Option<&'static str> {
        self.date.as_ref().map(|(format, _)| *format)
    }

    /// The same style with another format of the date.
    pub(super) fn with_date_format(mut self, format: &'static str) -> Self {
        if let Some((own, _)) = &mut self.date {
            *own = format;
        }
        self
    }

    /// The address of the heading's inline link: `[1.2.3](address)`.
    pub(super) fn inline_link(&self) -> Option<&str> {
        inline_link(&self.between).map(|address| &self.between[address])
    }

    pub(super) fn write(&self, version: &str, date: jiff::civil::Date, link: Option<&str>) -> String {
        let between = match (inline_link(&self.between), link) {
            (Some(span), Some(link)) => {
                format!("{}{link}{}", &self.between[..span.start], &self.between[span.end..])
            }
            // A URL of another version would be worse than none.
            (Some(span), None) => {
                let is_rst = self.between[..span.start].ends_with(" <");
                let open = span.start.saturating_sub(if is_rst { 2 } else { 1 });
                let close = span.end + 1;
                format!("{}{}", &self.between[..open], &self.between[close..])
            }
            (None, _) => self.between.clone(),
        };
        match &self.date {
            Some((format, after)) => {
                let after = match &self.repeated {
                    Some(old) => after.replace(old, version),
                    None => after.clone(),
                };
                format!("{}{version}{between}{}{after}", self.before, date::write(date, format))
            }
            None => format!("{}{version}{between}", self.before),
        }
    }
}

/// The position of an inline link's URL.
pub(super) fn inline_link(title: &str) -> Option<Range<usize>> {
    let found = INLINE_LINK.captures(title)?;
    found.name("markdown").or_else(|| found.name("rst")).map(|address| address.range())
}

/// The title with the first link's URL taken out: `[1.2.3] - today`.
pub(super) fn without_link(title: &str) -> std::borrow::Cow<'_, str> {
    INLINE_LINK.replace(title, "${close}${end}")
}

/// Whether words only introduce the date.
pub(super) fn is_said(between: &str) -> bool {
    let mut words = between.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.all(|word| ["released", "release", "on", "date"].contains(&word.to_ascii_lowercase().as_str()))
}

/// The closing marks at the start: the first one of `] [YANKED]`.
fn closers(rest: &str) -> &str {
    if let Some(link) = INLINE_LINK.find(rest).filter(|link| link.start() == 0) {
        let more = rest[link.end()..].find(|c| c != '_').unwrap_or(rest.len() - link.end());
        return &rest[..link.end() + if link.as_str().ends_with('_') { more } else { 0 }];
    }
    let end = rest.find(|c: char| !"])`*_".contains(c)).unwrap_or(rest.len());
    let collapsed = rest[..end].ends_with(']') && rest[end..].starts_with("[]");
    &rest[..if collapsed { end + 2 } else { end }]
}
