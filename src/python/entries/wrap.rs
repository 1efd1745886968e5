//! Entries of several lines.

/// The usual widths, the most usual first: a few entries may fit several
const WIDTHS: [usize; 8] = [100, 80, 79, 88, 120, 72, 90, 99];

/// How entries are wrapped
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrap {
    width: usize,
    /// The space before all lines but the first
    indentation: String,
}

/// An entry on one line.
pub(super) fn unwrapped(item: &str) -> String {
    item.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

impl Wrap {
    /// How all of these are wrapped.
    pub(super) fn of(items: &[&String]) -> Option<Self> {
        let second = items.iter().find_map(|item| item.lines().nth(1))?;
        let indentation = second[..second.len() - second.trim_start().len()].to_owned();
        WIDTHS.into_iter().find_map(|width| {
            let wrap = Self { width, indentation: indentation.clone() };
            items.iter().all(|item| wrap.wrapped(&unwrapped(item)) == **item).then_some(wrap)
        })
    }

    pub(super) fn wrapped(&self, item: &str) -> String {
        let mut lines: Vec<String> = Vec::new();
        for word in item.split(' ') {
            match lines.last_mut() {
                Some(line) if line.chars().count() + 1 + word.chars().count() <= self.width => {
                    line.push(' ');
                    line.push_str(word);
                }
                Some(_) => lines.push(format!("{}{word}", self.indentation)),
                None => lines.push(word.to_owned()),
            }
        }
        lines.join("\n")
    }
}

#[cfg(test)]
impl Wrap {
    pub(super) fn for_tests(width: usize, indentation: &str) -> Self {
        Self { width, indentation: indentation.to_owned() }
    }
}
