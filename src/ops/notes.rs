//! Has the user write the notes that the changelog lacks, in the editor that git would open.

use std::io::Write as _;
use std::path::Path;

use super::Context;
use crate::config::Config;
use crate::engine::checkout::Checkout;
use crate::engine::release::Release;
use crate::engine::run::Store;
use crate::error::{Error, Result};
use crate::input::read_text_or_pipe;
use crate::stages::{Draft, draft_of_notes};
use crate::world::process::Process;

/// What follows this line is not part of the notes; git has the same line in its messages
const SCISSORS: &str = "# ------------------------ >8 ------------------------";

/// Asks whether to write the notes of a release that lacks them, and opens the editor with a draft. Returns the notes;
/// none if the user does not want to, or if nothing is left of them. What was typed is kept in the repository's folder for
/// runs until [`forget`].
///
/// # Errors
/// The draft cannot be made, or the editor fails.
pub(super) fn ask_for_notes(
    context: &Context,
    config: &Config,
    store: &Store,
    release: &Release,
) -> Result<Option<String>> {
    // A member of a workspace without notes is not released, or says that nothing has changed.
    if release.is_of_workspace() {
        return Ok(None);
    }
    let Some(draft) = draft_of_notes(config, release)? else { return Ok(None) };
    let version = &release.names().version;
    let question = format!("`{}` has no notes for {version}. Write them now in your editor?", draft.path);
    if !context.ui.confirm(&question)? {
        return Ok(None);
    }
    let file = store.draft(version, if draft.is_markdown { "md" } else { "rst" });
    // What the user has typed is a file; a link would lead elsewhere.
    let is_typed = file.symlink_metadata().is_ok_and(|known| known.is_file());
    if !is_typed || read(&file).is_ok_and(|typed| notes_in(&typed).is_empty()) {
        let folder = file.parent().unwrap_or(&file);
        let mut new = tempfile::NamedTempFile::new_in(folder)?;
        new.write_all(text_of(&draft, release).as_bytes())?;
        new.persist(&file).map_err(|error| error.error)?;
    }
    edit(&file, release)?;
    let notes = notes_in(&read(&file)?);
    if notes.is_empty() {
        fs_err::remove_file(&file)?;
    }
    Ok((!notes.is_empty()).then_some(notes))
}

/// Removes what was typed as the notes of a version: the release has it.
pub(super) fn forget(store: &Store, version: &str) {
    for ending in ["md", "rst"] {
        // Most releases have none.
        let _ = fs_err::remove_file(store.draft(version, ending));
    }
}

fn text_of(draft: &Draft, release: &Release) -> String {
    let (names, since) = (release.names(), release.target.previous_tag.as_deref());
    let source = since.map_or_else(|| "all commits".to_owned(), |tag| format!("the commits since {tag}"));
    format!(
        "{}\n{SCISSORS}\n\
         The notes of {} {} for {}, drafted from {source}.\n\
         Edit them above this line, save and close. Without any, the release goes on as if you had not been asked.\n",
        draft.text, names.name, names.version, draft.path
    )
}

/// The text of a file of notes, with `\n` at the line ends.
///
/// # Errors
/// It cannot be read, or is not UTF-8.
pub(super) fn read(path: &Path) -> Result<String> {
    let shown = path.display();
    let text = read_text_or_pipe(path)
        .map_err(|error| Error::usage(format!("failed to read the notes in `{shown}`")).because(error))?;
    Ok(text.trim_start_matches('\u{feff}').replace("\r\n", "\n").replace('\r', "\n"))
}

/// The notes in an edited draft.
fn notes_in(text: &str) -> String {
    let mut notes = String::new();
    for line in text.lines().take_while(|line| *line != SCISSORS) {
        notes.push_str(line.trim_end());
        notes.push('\n');
    }
    notes.trim().to_owned()
}

/// Opens the editor that git would open, and waits until it is closed.
fn edit(file: &Path, release: &Release) -> Result<()> {
    let Checkout { repository, environment, .. } = &release.checkout;
    let editor = repository.editor(environment)?;
    let process = if cfg!(windows) {
        let words = shlex::split(&editor).unwrap_or_else(|| vec![editor.clone()]);
        Process::new(words.first().map_or("", String::as_str)).args(words.iter().skip(1))
    } else {
        // As git does: the editor may have arguments and variables.
        Process::new("sh").args(["-c", &format!("{editor} \"$@\""), &editor])
    };
    let reason = match process.arg(file).interact() {
        Ok(status) if status.success() => return Ok(()),
        Ok(status) => status.to_string(),
        Err(error) => error.to_string(),
    };
    Err(Error::failed(format!("the editor `{editor}` failed; nothing has been done"))
        .because(reason)
        .help("set another `EDITOR`, or pass `--notes FILE`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_below_the_line_is_left_out() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let edited = format!("\u{feff}### Added\r\n\r\n- A flag.  \r\n\r\n{SCISSORS}\r\nbelow\r\n");
        fs_err::write(file.path(), edited).unwrap();
        assert_eq!(notes_in(&read(file.path()).unwrap()), "### Added\n\n- A flag.");
        assert_eq!(notes_in(&format!("\n  \n{SCISSORS}\n- below\n")), "");
        assert_eq!(notes_in("- A flag."), "- A flag.");
    }
}
