//! How two texts differ, as git finds it.

use git2::{DiffOptions, Patch};

/// The change from one text to the other as a unified diff; none stands for a file that does not exist.
pub fn unified_diff(path: &str, before: Option<&[u8]>, after: Option<&[u8]>) -> String {
    let mut options = DiffOptions::new();
    options.force_text(true);
    let (old, new) = (before.unwrap_or_default(), after.unwrap_or_default());
    let patch = Patch::from_buffers(old, None, new, None, Some(&mut options));
    let text = patch.and_then(|mut patch| patch.to_buf()).map(|buffer| buffer.to_vec()).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let hunks = text.find("\n@@").map(|at| &text[at + 1..]).unwrap_or_default();
    let name = |side: Option<&[u8]>| if side.is_some() { path } else { "/dev/null" };
    format!("--- {}\n+++ {}\n{}", name(before), name(after), hunks.trim_end_matches('\n'))
}

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
