//! Finds the headings of a Markdown text by CommonMark's rules: never inside fenced code, comments or lists.

use comrak::nodes::{NodeValue, Sourcepos};
use comrak::{Arena, Options, parse_document};

use super::lines::{Heading, Kind, Line, Outline};

/// CommonMark's HTML block of the comment kind (specification, 4.6, start condition 2)
const COMMENT: u8 = 2;

pub(super) fn outline(text: &str, lines: &[Line]) -> Outline {
    let mut outline = Outline { headings: Vec::new(), kinds: vec![Kind::Text; lines.len()] };
    let text_only = text.strip_prefix('\u{feff}').unwrap_or(text);
    let arena = Arena::new();
    let root = parse_document(&arena, text_only, &Options::default());
    for node in root.descendants() {
        let data = node.data();
        match &data.value {
            NodeValue::Heading(heading) if node.parent().is_some_and(|parent| parent.same_node(root)) => {
                let Some((first, last)) = covered(data.sourcepos, lines) else { continue };
                let level = usize::from(heading.level);
                let title = if heading.setext {
                    lines[first].start..lines[last.saturating_sub(1).max(first)].end
                } else {
                    lines[first].span()
                };
                let title = if heading.setext { trimmed(text, title) } else { atx_title(text, title) };
                outline.headings.push(Heading { first, last, title, level });
            }
            NodeValue::CodeBlock(_) => mark(&mut outline.kinds, data.sourcepos, lines, Kind::Code),
            NodeValue::HtmlBlock(block) => {
                let kind = if block.block_type == COMMENT && only_comments(&block.literal) {
                    Kind::Comment
                } else {
                    Kind::Code
                };
                mark(&mut outline.kinds, data.sourcepos, lines, kind);
            }
            _ => {}
        }
    }
    outline
}

/// The indices of the first and the last line.
fn covered(position: Sourcepos, lines: &[Line]) -> Option<(usize, usize)> {
    let first = position.start.line.checked_sub(1)?;
    let last = position.end.line.saturating_sub(1).clamp(first, lines.len().checked_sub(1)?.max(first));
    (last < lines.len()).then_some((first, last))
}

fn mark(kinds: &mut [Kind], position: Sourcepos, lines: &[Line], kind: Kind) {
    if let Some((first, last)) = covered(position, lines) {
        kinds[first..=last].fill(kind);
    }
}

fn only_comments(html: &str) -> bool {
    let mut rest = html;
    while let Some(start) = rest.find("<!--") {
        if !rest[..start].trim().is_empty() {
            return false;
        }
        match rest[start..].find("-->") {
            Some(end) => rest = &rest[start + end + 3..],
            None => return true,
        }
    }
    rest.trim().is_empty()
}

fn trimmed(text: &str, span: std::ops::Range<usize>) -> std::ops::Range<usize> {
    let inner = &text[span.clone()];
    let start = span.start + inner.len() - inner.trim_start().len();
    start..start + inner.trim().len()
}

/// The text between the opening `##` and the optional closing one (specification, 4.2).
fn atx_title(text: &str, line: std::ops::Range<usize>) -> std::ops::Range<usize> {
    let inner = trimmed(text, line);
    let marks = text[inner.clone()].len() - text[inner.clone()].trim_start_matches('#').len();
    let title = trimmed(text, inner.start + marks..inner.end);
    let open = text[title.clone()].trim_end_matches('#');
    if open.is_empty() || open.ends_with([' ', '\t']) {
        trimmed(text, title.start..title.start + open.len())
    } else {
        title
    }
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
    fn finds_both_kinds_of_heading() {
        let text = "\u{feff}# One\r\n\r\n  ##  Two  ##  \r\nThree\r\n-----\n### C#\n##\n";
        assert_eq!(titles(text), [(1, "One"), (2, "Two"), (2, "Three"), (3, "C#"), (2, "")]);
    }

    #[test]
    fn finds_none_in_code_comments_lists_and_quotes() {
        let text =
            "```\n## a\n```\n<!--\n## b\n-->\n- x\n\n  ```\n  ## c\n  ```\n> ## d\n\n    ## e\n\n## f\n";
        assert_eq!(titles(text), [(2, "f")]);
    }

    #[test]
    fn tells_comments_from_html_that_is_shown() {
        let text = "<!-- a\nb -->\n\n- <!-- c -->\n\n<!-- d --> shown\n\n<details>\n</details>\n";
        let kinds = outline(text, &split(text)).kinds;
        let comments: Vec<usize> = (0..kinds.len()).filter(|line| kinds[*line] == Kind::Comment).collect();
        assert_eq!(comments, [0, 1, 3]);
    }

    #[test]
    fn survives_deep_nesting() {
        for mark in [">", "- ", "[", "*", "<!--"] {
            let text = mark.repeat(20_000);
            assert!(outline(&text, &split(&text)).headings.is_empty());
        }
    }
}
