//! Finds the headings of a reStructuredText: lines of punctuation below, or above and below, a title.

use super::lines::{Heading, Kind, Line, Outline};

/// Directives with literal content
const LITERAL: [&str; 6] = ["code", "code-block", "sourcecode", "parsed-literal", "raw", "highlight"];

pub(super) fn outline(text: &str, lines: &[Line]) -> Outline {
    let kinds = kinds(text, lines);
    let mut headings: Vec<Heading> = Vec::new();
    // The level of a style is its position in the order of first appearance.
    let mut styles: Vec<(char, bool)> = Vec::new();
    let mut index = 0;
    while index < lines.len() {
        match heading_at(text, lines, &kinds, index) {
            Some((title, mark, overlined)) => {
                let last = index + if overlined { 2 } else { 1 };
                let style = (mark, overlined);
                let level = styles.iter().position(|known| *known == style).unwrap_or_else(|| {
                    styles.push(style);
                    styles.len() - 1
                });
                headings.push(Heading { first: index, last, title, level: level + 1 });
                index = last + 1;
            }
            None => index += 1,
        }
    }
    Outline { headings, kinds }
}

/// The title, the mark, and whether there is an overline.
fn heading_at(
    text: &str,
    lines: &[Line],
    kinds: &[Kind],
    index: usize,
) -> Option<(std::ops::Range<usize>, char, bool)> {
    let line = |at: usize| {
        let line = lines.get(at)?;
        (kinds[at] == Kind::Text).then(|| line.of(text))
    };
    let first = line(index)?;
    // A title follows a blank line or an explicit target.
    let free = index == 0
        || lines[index - 1].of(text).trim().is_empty()
        || lines[index - 1].of(text).starts_with("..")
        || kinds[index - 1] == Kind::Comment;
    if let Some(mark) = adornment(first) {
        let (title, under) = (line(index + 1)?, line(index + 2)?);
        let matches = adornment(under) == Some(mark) && under.trim_end() == first.trim_end();
        if matches && !title.trim().is_empty() && width(title.trim_end()) <= first.trim_end().len() && free {
            return Some((trimmed(lines, text, index + 1), mark, true));
        }
        return None;
    }
    let mark = adornment(line(index + 1)?)?;
    let title = first.trim_end();
    let length = line(index + 1)?.trim_end().len();
    // docutils accepts a short underline with a warning if it has at least four marks.
    let fits = length >= width(title) || length >= 4;
    let markup = title.starts_with(".. ") || title == "..";
    (free && fits && !markup && !title.is_empty() && !title.starts_with([' ', '\t']))
        .then(|| (trimmed(lines, text, index), mark, false))
}

/// The punctuation character of a line that consists only of it.
fn adornment(line: &str) -> Option<char> {
    let line = line.trim_end();
    let mark = line.chars().next().filter(char::is_ascii_punctuation)?;
    line.chars().all(|other| other == mark).then_some(mark)
}

pub(super) fn width(title: &str) -> usize {
    title.chars().count()
}

fn trimmed(lines: &[Line], text: &str, index: usize) -> std::ops::Range<usize> {
    let line = lines[index].of(text);
    let start = lines[index].start + line.len() - line.trim_start().len();
    start..start + line.trim().len()
}

fn kinds(text: &str, lines: &[Line]) -> Vec<Kind> {
    let mut kinds = vec![Kind::Text; lines.len()];
    let mut index = 0;
    while index < lines.len() {
        let line = lines[index].of(text);
        let indentation = indentation(line);
        let Some(kind) = block_kind(line.trim()) else {
            index += 1;
            continue;
        };
        if kind == Kind::Comment {
            kinds[index] = kind;
        }
        let opener = index;
        index += 1;
        // The block consists of the lines with deeper indentation, and the blank lines between them.
        let mut last = opener;
        while let Some(next) = lines.get(index) {
            let next = next.of(text);
            if !next.trim().is_empty() {
                if self::indentation(next) <= indentation {
                    break;
                }
                last = index;
            } else if kind == Kind::Comment && line.trim() == ".." && last == opener {
                // An empty comment directly before a blank line ends there.
                break;
            }
            index += 1;
        }
        kinds[opener + 1..=last].fill(kind);
        index = last + 1;
    }
    kinds
}

/// The kind of the block that a line opens, unless the block is text.
fn block_kind(line: &str) -> Option<Kind> {
    if line == ".." {
        return Some(Kind::Comment);
    }
    if let Some(markup) = line.strip_prefix(".. ") {
        if let Some((name, _)) = markup.split_once("::") {
            let directive =
                !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_:.+|> ".contains(c));
            if LITERAL.contains(&name.trim()) {
                return Some(Kind::Code);
            }
            // The content of a substitution definition or a directive is text.
            if directive && (!name.contains(' ') || name.starts_with('|')) {
                return None;
            }
        }
        let target = markup.starts_with('_') || markup.starts_with("__");
        let footnote = markup.starts_with('[') && markup.contains(']');
        return (!target && !footnote).then_some(Kind::Comment);
    }
    (line.ends_with("::")).then_some(Kind::Code)
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

#[cfg(test)]
mod tests {
    use super::super::lines::split;
    use super::*;

    fn titles(text: &str) -> Vec<(usize, &str)> {
        outline(text, &split(text))
            .headings
            .iter()
            .map(|heading| (heading.level, &text[heading.title.clone()]))
            .collect()
    }

    #[test]
    fn finds_titles_with_and_without_an_overline() {
        let text = "=======\n Demo\n=======\n\n1.0\n---\n\nAdded\n~~~~~\n\n.. _old:\n\n0.9\n---\n";
        assert_eq!(titles(text), [(1, "Demo"), (2, "1.0"), (3, "Added"), (2, "0.9")]);
    }

    #[test]
    fn finds_none_in_literal_blocks_comments_and_paragraphs() {
        let text = "Example::\n\n  One\n  ---\n\n.. code-block:: rst\n\n   Two\n   ---\n\n.. a comment\n   Three\n   -----\n\ntext\nFour\n----\n\n----\n\nFive\n----\n";
        assert_eq!(titles(text), [(1, "Five")]);
    }

    #[test]
    fn takes_a_short_underline_only_where_docutils_does() {
        assert_eq!(titles("1.10.0 (2024)\n-----\n"), [(1, "1.10.0 (2024)")]);
        assert_eq!(titles("1.10.0 (2024)\n---\n"), []);
        assert_eq!(titles("1.0\n---\n"), [(1, "1.0")]);
    }

    #[test]
    fn tells_comments_from_targets_and_directives() {
        let text = ".. comment\n   more\n\n.. _target: https://x\n.. note:: seen\n\n   content\n\n..\n\nnot a comment\n";
        let kinds = outline(text, &split(text)).kinds;
        let comments: Vec<usize> = (0..kinds.len()).filter(|line| kinds[*line] == Kind::Comment).collect();
        assert_eq!(comments, [0, 1, 8]);
    }
}
