//! A section: headings with entries below, and the text around them.

/// What the text around the entries names
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    pub version: String,
    pub previous: String,
    pub tag: String,
    pub previous_tag: String,
    pub date: String,
}

/// Entries below a heading
pub(super) type Group = (Option<String>, Vec<String>);

/// A section, taken apart
#[derive(Debug, Clone)]
pub(super) struct Section {
    before: String,
    /// The headings as written, with their underlines, and the entries
    pub(super) groups: Vec<Group>,
    after: String,
    gaps: Gaps,
}

/// How many blank lines are between the parts of sections; none where no section shows it
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Gaps {
    before: Option<usize>,
    below_heading: Option<usize>,
    items: Option<usize>,
    groups: Option<usize>,
    after: Option<usize>,
}

/// What all sections have around their entries
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    before: String,
    after: String,
    gaps: Gaps,
}

/// Adjacent lines, and how many blank ones are above
struct Block<'t> {
    above: usize,
    lines: Vec<&'t str>,
    is_item: bool,
}

impl Section {
    /// Takes a section apart; none if it has no entries, or more than entries.
    pub(super) fn parse(body: &str) -> Option<Self> {
        let blocks = blocks(body)?;
        let first = blocks.iter().position(|block| block.is_item)?;
        let last = blocks.iter().rposition(|block| block.is_item)?;
        let text = |blocks: &[Block<'_>]| {
            let mut text = String::new();
            for (at, block) in blocks.iter().enumerate() {
                text.push_str(&"\n".repeat(if at == 0 { 0 } else { block.above + 1 }));
                text.push_str(&block.lines.join("\n"));
            }
            text
        };
        let head = first.saturating_sub(1);
        let mut section = Self {
            before: text(&blocks[..head]),
            groups: Vec::new(),
            after: text(&blocks[last + 1..]),
            gaps: Gaps {
                before: (head > 0).then(|| blocks[head].above),
                after: blocks.get(last + 1).map(|block| block.above),
                ..Gaps::default()
            },
        };
        for (at, block) in blocks.iter().enumerate().take(last + 1).skip(head) {
            let lines = block.lines.join("\n");
            if block.is_item {
                let gap = match blocks.get(at.wrapping_sub(1)).filter(|_| at > head) {
                    Some(above) if above.is_item => &mut section.gaps.items,
                    Some(_) => &mut section.gaps.below_heading,
                    None => &mut None,
                };
                if *gap.get_or_insert(block.above) != block.above {
                    return None;
                }
                if section.groups.is_empty() {
                    section.groups.push((None, Vec::new()));
                }
                section.groups.last_mut()?.1.push(lines);
            } else {
                if at > head && *section.gaps.groups.get_or_insert(block.above) != block.above {
                    return None;
                }
                section.groups.push((Some(lines), Vec::new()));
            }
        }
        section.groups.iter().all(|(_, items)| !items.is_empty()).then_some(section)
    }

    /// The same with placeholders for the names of the release.
    pub(super) fn with_placeholders(mut self, names: &Names) -> Self {
        let headings = self.groups.iter_mut().filter_map(|(heading, _)| heading.as_mut());
        for text in headings.chain([&mut self.before, &mut self.after]) {
            for (value, name) in names.pairs().into_iter().filter(|(value, _)| !value.is_empty()) {
                *text = text.replace(value, name);
            }
        }
        self
    }

    pub(super) fn count(&self) -> usize {
        self.groups.iter().map(|(_, items)| items.len()).sum()
    }
}

impl Frame {
    pub(super) fn of(section: &Section) -> Self {
        Self { before: section.before.clone(), after: section.after.clone(), gaps: section.gaps }
    }

    /// What all have in common; none if they differ.
    pub(super) fn common(mut frames: impl Iterator<Item = Self>) -> Option<Self> {
        let mut common = frames.next()?;
        for frame in frames {
            if (&frame.before, &frame.after) != (&common.before, &common.after) {
                return None;
            }
            let (own, other) = (&mut common.gaps, frame.gaps);
            for (own, other) in [
                (&mut own.before, other.before),
                (&mut own.below_heading, other.below_heading),
                (&mut own.items, other.items),
                (&mut own.groups, other.groups),
                (&mut own.after, other.after),
            ] {
                if own.is_some() && other.is_some() && *own != other {
                    return None;
                }
                *own = own.or(other);
            }
        }
        Some(common)
    }

    pub(super) fn write(&self, groups: &[Group], names: &Names) -> String {
        let fill = |text: &str| {
            names.pairs().iter().fold(text.to_owned(), |text, (value, name)| text.replace(name, value))
        };
        let mut text = fill(&self.before);
        let mut add = |gap: Option<usize>, usual: usize, part: &str| {
            if !text.is_empty() {
                text.push_str(&"\n".repeat(gap.unwrap_or(usual) + 1));
            }
            text.push_str(part);
        };
        for (at, (heading, items)) in groups.iter().enumerate() {
            let mut gap = if at == 0 { self.gaps.before } else { self.gaps.groups };
            if let Some(heading) = heading {
                add(gap, 1, &fill(heading));
                gap = self.gaps.below_heading;
            }
            for item in items {
                add(gap, 1, item);
                gap = self.gaps.items.or(Some(0));
            }
        }
        if !self.after.is_empty() {
            add(self.gaps.after, 1, &fill(&self.after));
        }
        text
    }
}

impl Names {
    /// Each with its placeholder; one that contains another comes first.
    fn pairs(&self) -> [(&str, &'static str); 5] {
        [
            (&self.tag, "\u{1}tag\u{1}"),
            (&self.previous_tag, "\u{1}previous-tag\u{1}"),
            (&self.version, "\u{1}version\u{1}"),
            (&self.previous, "\u{1}previous\u{1}"),
            (&self.date, "\u{1}date\u{1}"),
        ]
    }
}

/// The entries and other lines of a text; none if an entry has others below it.
fn blocks(body: &str) -> Option<Vec<Block<'_>>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut blank = 0;
    for line in body.lines() {
        if line.trim().is_empty() {
            blank += 1;
            continue;
        }
        let is_item = line.starts_with("- ") || line.starts_with("* ");
        let is_inside = line.starts_with([' ', '\t']);
        match blocks.last_mut().filter(|block| blank == 0 && !is_item && block.is_item == is_inside) {
            Some(block) => block.lines.push(line),
            None if is_inside => return None,
            None => blocks.push(Block { above: blank, lines: vec![line], is_item }),
        }
        if is_inside && line.trim_start().starts_with(['-', '*', '+']) {
            return None;
        }
        blank = 0;
    }
    Some(blocks)
}
