//! Parses setup.cfg as Python's `configparser` does, with the position of every value.

use std::ops::Range;

/// One option
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::python) struct Entry {
    pub(in crate::python) section: String,
    /// In lower case
    pub(in crate::python) key: String,
    /// The byte range of each line of the value, without surrounding blanks; empty lines are omitted
    pub(in crate::python) lines: Vec<Range<usize>>,
}

impl Entry {
    pub(in crate::python) fn values<'t>(&self, text: &'t str) -> impl Iterator<Item = &'t str> {
        self.lines.iter().map(move |span| &text[span.clone()])
    }
}

/// Every option, in the order of the file.
pub(in crate::python) fn entries(text: &str) -> Vec<Entry> {
    parse(text).1
}

/// The name of every section, in the order of the file; some may have no option.
pub(in crate::python) fn sections(text: &str) -> Vec<String> {
    parse(text).0
}

fn parse(text: &str) -> (Vec<String>, Vec<Entry>) {
    let mut sections: Vec<String> = Vec::new();
    let mut entries: Vec<Entry> = Vec::new();
    let mut section = String::new();
    let mut open = false;
    let mut offset = 0;
    for whole in text.split_inclusive('\n') {
        let (start, line) = match whole.strip_prefix('\u{feff}').filter(|_| offset == 0) {
            Some(line) => (offset + '\u{feff}'.len_utf8(), line),
            None => (offset, whole),
        };
        offset += whole.len();
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if line.starts_with([' ', '\t']) {
            if let Some(entry) = entries.last_mut().filter(|_| open) {
                entry.lines.push(span(start, line, 0));
            }
            continue;
        }
        if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            section = name.to_owned();
            sections.push(section.clone());
            open = false;
            continue;
        }
        let delimiter = line.find(['=', ':']);
        let (key, value) = match delimiter {
            Some(at) => (&line[..at], Some(span(start, line, at + 1))),
            None => (trimmed, None),
        };
        let lines = value.into_iter().filter(|span| !span.is_empty()).collect();
        entries.push(Entry { section: section.clone(), key: key.trim().to_lowercase(), lines });
        open = true;
    }
    (sections, entries)
}

/// The option; the last one counts, as in `configparser` when it is not strict.
pub(in crate::python) fn find<'e>(entries: &'e [Entry], section: &str, key: &str) -> Option<&'e Entry> {
    entries.iter().rev().find(|entry| entry.section == section && entry.key == key)
}

/// The range of the text after `from`, without surrounding blanks.
fn span(start: usize, line: &str, from: usize) -> Range<usize> {
    let inner = &line[from..];
    let begin = start + from + inner.len() - inner.trim_start().len();
    begin..begin + inner.trim().len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn finds_values_where_they_stand() {
        let text = "\u{feff}[metadata]\r\nname = demo\r\nVersion:  1.0  \r\n# version = 2.0\r\nurls =\r\n    a = b\r\n\r\n    ; no\r\n    c = d\r\n[options]\r\nflag\r\n";
        let entries = entries(text);
        let value = |section: &str, key: &str| -> Vec<&str> {
            find(&entries, section, key).unwrap().values(text).collect()
        };
        assert_eq!(value("metadata", "name"), ["demo"]);
        assert_eq!(value("metadata", "version"), ["1.0"]);
        assert_eq!(value("metadata", "urls"), ["a = b", "c = d"]);
        assert_eq!(value("options", "flag"), [""; 0]);
        assert!(find(&entries, "options", "version").is_none());
        assert_eq!(sections("[a]\nb = c\n  [d]\n[e:f:g]\n"), ["a", "e:f:g"]);
    }

    proptest! {
        #[test]
        fn never_panics(text in r"(\PC|[\n=:\[\] ]){0,80}") {
            for entry in entries(&text) {
                entry.values(&text).for_each(drop);
            }
        }
    }
}
