//! The section that people have begun for a version, and the one that a tool makes for it: one section in the end.

use std::ops::Range;

use super::Changelog;
use super::edit::Edit;
use super::lines::begins_item;
use super::section::bullet;
use crate::python::version::Version;

/// What a line for the people who release begins with
const TO_DO: &str = "TODO";

/// A section that people have begun, taken out of its changelog
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// The changelog without the section
    pub rest: String,
    blocks: Vec<Block>,
    /// What is left out: lines that say what is to be done
    pub left_out: Vec<String>,
}

/// A heading in a section, and what is below it
#[derive(Debug, Clone, PartialEq, Eq)]
struct Block {
    /// None above the first one
    title: Option<String>,
    /// The lines of the heading
    heading: String,
    text: String,
}

impl Changelog {
    /// The section of a version, taken out; none if there is none.
    pub fn begun(&self, version: &Version) -> Option<Begun> {
        let part = self.named(version)?;
        let body = part.body.clone();
        let mut left_out = Vec::new();
        let mut starts = vec![None];
        starts.extend(self.headings.iter().filter(|heading| body.contains(&heading.first)).map(Some));
        let block = |at: usize| {
            let start = starts[at].map_or(body.start, |heading| heading.last + 1);
            let end = starts.get(at + 1).copied().flatten().map_or(body.end, |next| next.first);
            let heading = starts[at].map(|heading| self.whole_lines(heading.first..heading.last + 1));
            let title = starts[at].map(|heading| self.text[heading.title.clone()].trim().to_owned());
            let text = self.for_users(start..end, &mut left_out);
            Block { title, heading: heading.unwrap_or_default(), text }
        };
        let blocks: Vec<Block> = (0..starts.len()).map(block).collect();
        let blocks = blocks.into_iter().filter(|block| !block.text.is_empty()).collect();
        let first = self.above_targets(part.heading.first);
        let is_blank = |index: &usize| self.lines[*index].of(&self.text).trim().is_empty();
        let end = (body.end..self.lines.len()).find(|index| !is_blank(index)).unwrap_or(self.lines.len());
        let span = self.at(first)..self.at(end);
        let rest = self.edited(vec![Edit { span, text: String::new() }]);
        Some(Begun { rest, blocks, left_out })
    }

    /// The changelog with what people have begun in the section of the version: below the same headings, else at the top.
    /// What is there already is not added again. None if there is no such section.
    pub fn with_begun(&self, version: &Version, begun: &Begun) -> Option<String> {
        let part = self.named(version)?;
        let ending = self.ending();
        let present = self.whole_lines(part.body.clone());
        let filled = |from: usize| {
            let is_filled = |index: &usize| !self.lines[*index].of(&self.text).trim().is_empty();
            (from..part.body.end).find(is_filled).unwrap_or(part.body.end)
        };
        let mut edits = Vec::new();
        let mut top = String::new();
        for block in begun.blocks.iter().filter(|block| !present.contains(block.text.as_str())) {
            let is_same =
                |title: &str| block.title.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(title));
            let mut inside = self.headings.iter().filter(|heading| part.body.contains(&heading.first));
            match inside.find(|heading| is_same(self.text[heading.title.clone()].trim())) {
                Some(heading) => edits.push(self.above(filled(heading.last + 1), &block.text)),
                None => {
                    let gap = if block.heading.is_empty() { "" } else { ending };
                    top += &format!("{}{gap}{}{ending}{ending}", block.heading, block.text);
                }
            }
        }
        if !top.is_empty() {
            let at = filled(part.body.start);
            edits.push(self.above(at, top.trim_end()));
        }
        Some(self.edited(edits))
    }

    /// Puts a text above a line: into the same list, or as a paragraph of its own.
    fn above(&self, index: usize, text: &str) -> Edit {
        let ending = self.ending();
        let item = |line: &str| begins_item(line.trim_start());
        let next = self.lines.get(index).map(|line| line.of(&self.text)).unwrap_or_default();
        let is_of_list = item(next) && text.lines().next().is_some_and(item);
        let gap = ending.repeat(if is_of_list { 1 } else { 2 });
        let at = self.at(index);
        // After a last line without an end
        let before = if at == self.text.len() && !self.text.ends_with('\n') { ending } else { "" };
        Edit { span: at..at, text: format!("{before}{text}{gap}") }
    }

    /// The lines that are for users, without blank lines around them.
    fn for_users(&self, lines: Range<usize>, left_out: &mut Vec<String>) -> String {
        let mut text = String::new();
        let mut is_to_do = false;
        for index in lines {
            let line = self.lines[index].of(&self.text);
            let said = bullet(line).unwrap_or(line).trim();
            is_to_do = match () {
                () if said.starts_with(TO_DO) => {
                    left_out.push(said.to_owned());
                    true
                }
                () => is_to_do && !said.is_empty() && bullet(line).is_none(),
            };
            if !is_to_do {
                text += &self.whole_lines(index..index + 1);
            }
        }
        text.trim_matches(['\r', '\n']).trim_end().to_owned()
    }

    /// Lines with their ends.
    fn whole_lines(&self, lines: Range<usize>) -> String {
        self.text[self.at(lines.start)..self.at(lines.end)].to_owned()
    }

    /// Where a line starts, or the text ends.
    fn at(&self, index: usize) -> usize {
        self.lines.get(index).map_or(self.text.len(), |line| line.start)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::*;

    fn parsed(text: &str, format: Format) -> Changelog {
        Changelog::parse(text.to_owned(), format).unwrap()
    }

    #[test]
    fn what_people_have_begun_is_in_the_section_of_the_tool() {
        let old = "\n## 1.0.0 (2026-01-05)\n\n- x\n";
        let made = "## 1.1.0 (2026-02-05)\n\n### Features\n\n- A flag.\n\n### Bugfixes\n\n- A fix.\n\n";
        let made = made.to_owned();
        for (begun, expected) in [
            (
                "- By hand.\n- TODO: add the rest.\n  Soon.\n- More.\n",
                made.replace("### F", "- By hand.\n- More.\n\n### F"),
            ),
            (
                "### BUGFIXES\n\n- By hand,\n  in lines.\n\nTODO: the rest\n",
                made.replace("- A fix", "- By hand,\n  in lines.\n- A fix"),
            ),
            ("### Docs\n\nA text.\n", made.replace("### F", "### Docs\n\nA text.\n\n### F")),
            ("### Bugfixes\n\n- A fix.\n", made.clone()),
            ("", made.clone()),
        ] {
            let before = format!("# News\n\n## 1.1.0 (TBD)\n\n{begun}{old}");
            let version: Version = "1.1.0".parse().unwrap();
            let taken = parsed(&before, Format::Markdown).begun(&version).unwrap();
            assert_eq!(taken.rest, format!("# News\n{old}"));
            assert_eq!(taken.left_out.len(), begun.matches("TODO").count());
            let whole = taken.rest.replacen("\n## 1.0", &format!("\n{made}## 1.0"), 1);
            let ours = parsed(&whole, Format::Markdown).with_begun(&version, &taken).unwrap();
            assert_eq!(ours, format!("# News\n\n{expected}{}", &old[1..]), "{begun}");
        }
    }

    #[test]
    fn windows_lines_labels_and_a_file_of_one_section() {
        let version: Version = "1.1.0".parse().unwrap();
        let before =
            ".. _v1-1-0:\n\n1.1.0 (TBD)\n===========\n\nBugfixes\n--------\n\n- By hand.\n\nTODO: more.\n";
        let made = "1.1.0 (2026-02-05)\n==================\n\nBugfixes\n--------\n\n- A fix.\n";
        for windows in [false, true] {
            let ended = |text: &str| if windows { text.replace('\n', "\r\n") } else { text.to_owned() };
            let begun = parsed(&ended(before), Format::Rst).begun(&version).unwrap();
            assert_eq!(
                (begun.rest.as_str(), begun.left_out.as_slice()),
                ("", &["TODO: more.".to_owned()][..])
            );
            let ours = parsed(&ended(made), Format::Rst).with_begun(&version, &begun).unwrap();
            assert_eq!(ours, ended(&made.replace("- A fix", "- By hand.\n- A fix")));
            let bare = parsed(&ended("1.1.0 (2026-02-05)\n=================="), Format::Rst);
            let ours = bare.with_begun(&version, &begun).unwrap();
            let all = ended("1.1.0 (2026-02-05)\n==================\nBugfixes\n--------\n\n- By hand.\n\n");
            assert_eq!(ours, all);
        }
        assert!(parsed("", Format::Rst).begun(&version).is_none());
        assert!(parsed("1.0.0\n=====\n", Format::Rst).begun(&version).is_none());
    }
}
