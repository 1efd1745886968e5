//! The progress of uploads: on a terminal a bar for each file and one for all of them.

use std::collections::BTreeMap;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::text::safe;

/// The number of files from which on there is a bar for all of them
const SEVERAL: usize = 2;

/// The uploads to an index
pub(super) struct Uploads {
    bars: MultiProgress,
    /// The bar for all bytes
    all: Option<ProgressBar>,
    files: BTreeMap<String, (u64, ProgressBar)>,
    on_terminal: bool,
    /// How many files are not finished
    left: usize,
}

impl Uploads {
    /// `bytes` is the total size of the files.
    pub(super) fn new(files: usize, bytes: u64, on_terminal: bool) -> Self {
        let bars = MultiProgress::new();
        let all = (on_terminal && files >= SEVERAL).then(|| {
            let template =
                "{prefix:>12.green.bold} {bar:24} {bytes}/{total_bytes} {bytes_per_sec} {eta} left";
            bars.add(bar(template, "All files", bytes))
        });
        Self { bars, all, files: BTreeMap::new(), on_terminal, left: files }
    }

    /// Records how many bytes of a file are sent; returns whether it has just begun.
    pub(super) fn sent(&mut self, file: &str, done: u64, total: u64) -> bool {
        let begins = !self.files.contains_key(file);
        if begins {
            let shown = if self.on_terminal {
                let template = "{prefix:>12.green.bold} {msg} {bar:24} {bytes}/{total_bytes}";
                let bar = bar(template, "Sending", total).with_message(safe(file).into_owned());
                match &self.all {
                    Some(all) => self.bars.insert_before(all, bar),
                    None => self.bars.add(bar),
                }
            } else {
                ProgressBar::hidden()
            };
            self.files.insert(file.to_owned(), (0, shown));
        }
        let Some((before, bar)) = self.files.get_mut(file) else { return begins };
        bar.set_position(done);
        if let Some(all) = &self.all {
            // A file that is sent again starts from zero.
            all.set_position((all.position() + done).saturating_sub(*before));
        }
        *before = done;
        begins
    }

    /// Records that a file is finished, whatever the outcome; returns whether it was the last.
    pub(super) fn finish(&mut self, file: &str) -> bool {
        if let Some((_, bar)) = self.files.get(file) {
            bar.finish_and_clear();
        }
        self.left = self.left.saturating_sub(1);
        self.left == 0
    }

    /// Removes all bars.
    pub(super) fn clear(&self) {
        self.files.values().for_each(|(_, bar)| bar.finish_and_clear());
        self.all.iter().for_each(ProgressBar::finish_and_clear);
    }

    /// Hides the bars while `write` writes.
    pub(super) fn suspend(&self, write: impl FnOnce()) {
        self.bars.suspend(write);
    }
}

fn bar(template: &str, prefix: &'static str, total: u64) -> ProgressBar {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(total).with_style(style).with_prefix(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_finished_file_is_reported() {
        let mut uploads = Uploads::new(2, 20, false);
        uploads.sent("one", 10, 10);
        assert!(!uploads.finish("one"));
        // A file that was never sent is finished, too.
        assert!(uploads.finish("two"));
    }
}
