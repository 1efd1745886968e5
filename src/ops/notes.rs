//! Has the user write the notes that the changelog lacks, in the editor that git would open.

use std::path::Path;

use duct::cmd;

use super::Context;
use crate::config::Config;
use crate::engine::release::Release;
use crate::engine::run::Store;
use crate::error::{Error, Result};
use crate::stages::{Draft, draft_of_notes};

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
    let Some(draft) = draft_of_notes(config, release)? else { return Ok(None) };
    let version = &release.names().version;
    let question = format!("`{}` has no notes for {version}. Write them now in your editor?", draft.path);
    if !context.ui.confirm(&question)? {
        return Ok(None);
    }
    let file = store.draft(version, if draft.is_markdown { "md" } else { "rst" });
    let typed = fs_err::read_to_string(&file).ok().filter(|typed| !notes_in(typed).is_empty());
    fs_err::write(&file, typed.unwrap_or_else(|| text_of(&draft, release)))?;
    edit(&file, release)?;
    let text = fs_err::read(&file)?;
    let text = String::from_utf8(text)
        .map_err(|_| Error::usage(format!("the notes in `{}` are not UTF-8 text", file.display())))?;
    let notes = notes_in(&text);
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

/// The notes in an edited draft.
fn notes_in(text: &str) -> String {
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n").replace('\r', "\n");
    let mut notes = String::new();
    for line in text.lines().take_while(|line| *line != SCISSORS) {
        notes.push_str(line.trim_end());
        notes.push('\n');
    }
    notes.trim().to_owned()
}

/// Opens the editor that git would open, and waits until it is closed.
fn edit(file: &Path, release: &Release) -> Result<()> {
    let editor = release.workspace.repository.git(["var", "GIT_EDITOR"]).read().map_err(|error| {
        Error::failed("git names no editor").because(error).help("set `EDITOR`, or pass `--notes FILE`")
    })?;
    let editor = editor.trim();
    let ended = if cfg!(windows) {
        let mut words = shlex::split(editor).unwrap_or_else(|| vec![editor.to_owned()]);
        words.push(file.display().to_string());
        cmd(words.remove(0), words)
    } else {
        // As git does: the editor may have arguments and variables.
        cmd!("sh", "-c", format!("{editor} \"$@\""), editor, file)
    };
    let reason = match ended.unchecked().run() {
        Ok(ended) if ended.status.success() => return Ok(()),
        Ok(ended) => ended.status.to_string(),
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
        let edited = format!("\u{feff}### Added\r\n\r\n- A flag.  \r\n\r\n{SCISSORS}\r\nbelow\r\n");
        assert_eq!(notes_in(&edited), "### Added\n\n- A flag.");
        assert_eq!(notes_in(&format!("\n  \n{SCISSORS}\n- below\n")), "");
        assert_eq!(notes_in("- A flag."), "- A flag.");
    }
}
