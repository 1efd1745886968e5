//! Text in columns: every table that a command prints.

use std::fmt;

use anstream::adapter::strip_str;

/// Between two columns
const GAP: usize = 2;

/// Rows whose columns are as wide as their widest cell
#[derive(Debug, Default)]
pub struct Table {
    indent: usize,
    least: Vec<usize>,
    right: Vec<usize>,
    lines: Vec<Line>,
}

#[derive(Debug)]
enum Line {
    Row(Vec<String>),
    Text(String),
    Divider(String),
}

impl Table {
    /// Begins every row with this many spaces.
    pub fn indented(mut self, spaces: usize) -> Self {
        self.indent = spaces;
        self
    }

    /// Sets the least widths of the first columns.
    pub fn at_least(mut self, widths: &[usize]) -> Self {
        self.least = widths.to_vec();
        self
    }

    /// Aligns these columns, counted from 0, on the right.
    pub fn right(mut self, columns: &[usize]) -> Self {
        self.right = columns.to_vec();
        self
    }

    /// Adds a row; further lines of its last cell begin below the first.
    pub fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.lines.push(Line::Row(cells.into_iter().map(Into::into).collect()));
    }

    /// Adds a line outside the columns.
    pub fn text(&mut self, text: impl Into<String>) {
        self.lines.push(Line::Text(text.into()));
    }

    /// Adds a line of dashes, as wide as the table, around a text.
    pub fn divider(&mut self, text: impl Into<String>) {
        self.lines.push(Line::Divider(text.into()));
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths = self.least.clone();
        for line in &self.lines {
            let Line::Row(cells) = line else { continue };
            widths.resize(widths.len().max(cells.len()), 0);
            for (widest, cell) in widths.iter_mut().zip(cells) {
                *widest = cell.lines().map(width).fold(*widest, usize::max);
            }
        }
        widths
    }

    fn shown(&self, cells: &[String], widths: &[usize]) -> String {
        let mut text = " ".repeat(self.indent);
        let mut begin = self.indent;
        for (column, (cell, width_of)) in cells.iter().zip(widths).enumerate() {
            let padding = " ".repeat(width_of.saturating_sub(width(cell)));
            let below = format!("\n{}", " ".repeat(begin));
            let cell = cell.replace('\n', &below);
            match self.right.contains(&column) {
                true => text.extend([padding.as_str(), &cell]),
                false => text.extend([cell.as_str(), &padding]),
            }
            text.push_str(&" ".repeat(GAP));
            begin += width_of + GAP;
        }
        text.truncate(text.trim_end().len());
        text
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        let whole = widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
        for (at, line) in self.lines.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            match line {
                Line::Row(cells) => f.write_str(&self.shown(cells, &widths))?,
                Line::Text(text) => f.write_str(text)?,
                Line::Divider(text) => write!(f, "{text:-^whole$}")?,
            }
        }
        Ok(())
    }
}

/// In characters, without styles.
fn width(text: &str) -> usize {
    strip_str(text).map(|part| part.chars().count()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::default().indented(1).at_least(&[3]).right(&[1]);
        table.row(["a", "number", "said"]);
        table.row(["é", "7", "one\nand more"]);
        table.text("between");
        table.divider(" end ");
        table.row(["\u{1b}[1mb\u{1b}[0m", "12", ""]);
        assert_eq!(
            table.to_string(),
            " a    number  said\n é         7  one\n              and more\nbetween\n-------- end --------\n \
             \u{1b}[1mb\u{1b}[0m        12"
        );
        assert_eq!(Table::default().to_string(), "");
    }
}
