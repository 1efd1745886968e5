//! The lines in which two texts differ, as git finds them.

use git2::{DiffOptions, Patch};

/// The lines that are removed (`-`) and added (`+`) on the way from one text to the other, in order.
pub fn changed_lines(before: &str, after: &str) -> Vec<(char, String)> {
    let mut options = DiffOptions::new();
    options.context_lines(0).force_text(true);
    let patch = Patch::from_buffers(before.as_bytes(), None, after.as_bytes(), None, Some(&mut options));
    let Ok(patch) = patch else { return Vec::new() };
    let mut changed = Vec::new();
    for hunk in 0..patch.num_hunks() {
        for at in 0..patch.num_lines_in_hunk(hunk).unwrap_or_default() {
            let Ok(line) = patch.line_in_hunk(hunk, at) else { continue };
            if let '+' | '-' = line.origin() {
                let text = String::from_utf8_lossy(line.content());
                changed.push((line.origin(), text.trim_end().to_owned()));
            }
        }
    }
    changed
}
