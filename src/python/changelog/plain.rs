//! Plain text: the headings of versions are lines without marks.

use super::lines::{Heading, Kind, Line, Outline};
use super::title::Title;

/// The longest such line, in bytes
const LONGEST: usize = 100;

/// The outline, with the lines that stand for headings if no heading has a version.
pub(super) fn completed(outline: Outline, text: &str, lines: &[Line]) -> Outline {
    let stands = |heading: &Heading| stands_for_a_section(&text[heading.title.clone()]);
    if outline.headings.iter().any(stands) {
        return outline;
    }
    let is_blank = |index: usize| lines[index].of(text).trim().is_empty();
    let headings: Vec<Heading> = lines
        .iter()
        .enumerate()
        .filter(|(index, line)| {
            let content = line.of(text);
            let is_alone = *index == 0 || is_blank(index - 1);
            let flush = content.starts_with(|c: char| c.is_alphanumeric() || "*[_`".contains(c));
            outline.kinds[*index] == Kind::Text
                && content.len() <= LONGEST
                && is_alone
                && flush
                && !content.starts_with("* ")
                && !content.contains("]:")
                && stands_for_a_section(content.trim())
        })
        .map(|(index, line)| {
            let end = line.start + line.of(text).trim_end().len();
            Heading { first: index, last: index, title: line.start..end, level: 1 }
        })
        .collect();
    // One line could be anything.
    match headings.len() {
        0 | 1 => outline,
        _ => Outline { headings, ..outline },
    }
}

fn stands_for_a_section(title: &str) -> bool {
    match Title::of(title) {
        Title::Release(_) => true,
        Title::Unreleased(one) => !one.is_doubtful,
        Title::Other => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Changelog, Format, Promotion};

    #[test]
    fn a_text_without_marks_has_sections_too() {
        let text =
            "Changes of demo\n\n1.1.0 (unreleased)\n  * A flag\n\n1.0.0 (2024-01-31)\n  * Everything\n";
        let changelog = Changelog::parse(text.to_owned(), Format::Rst).unwrap();
        let promoted = changelog.promote(&Promotion::new(&"1.1.0".parse().unwrap(), "2026-11-24")).unwrap();
        assert_eq!(promoted.text, text.replace("unreleased", "2026-11-24"));
        assert_eq!(promoted.notes, "  * A flag");
        let prose = "Changes\n\n1.0.0\n\nis the first one.\n";
        assert!(Changelog::parse(prose.to_owned(), Format::Rst).unwrap().versions().is_empty());
    }
}
