//! `pyrelease preview`: the project page as PyPI would show it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use super::objects::Page;
use crate::engine::event::{Event, Listener};
use crate::error::{Error, Result};
use crate::finding::Finding;
use crate::ops::{self, Context, Preview, PreviewOptions};
use crate::ui::{Format, data, object};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A wheel or source distribution [default: the newest in `dist`, or else the README and pyproject.toml]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// Write the page to this file [default: in the cache folder]
    #[arg(long, value_name = "HTML")]
    out: Option<PathBuf>,

    /// Open the page in the browser
    #[arg(long)]
    open: bool,

    /// Renew the page whenever a file that it is made from changes; the browser shows it within a second
    #[arg(long)]
    watch: bool,

    /// Have the browser load the images of the description from where they are
    #[arg(long)]
    images: bool,
}

/// How often the files are looked at
const TICK: Duration = Duration::from_millis(200);

pub(super) fn preview(context: &Context, arguments: &Arguments) -> Result<()> {
    let preview = make(context, arguments)?;
    if arguments.open {
        ops::open_in_browser(context, &preview.page)?;
    }
    if arguments.watch { watch(context, arguments, preview) } else { Ok(()) }
}

/// Makes the page and shows where it is, and what breaks on it.
fn make(context: &Context, arguments: &Arguments) -> Result<Preview> {
    let preview = ops::preview(
        context,
        &PreviewOptions {
            file: arguments.file.as_deref(),
            out: arguments.out.as_deref(),
            loads_images: arguments.images,
            refreshes: arguments.watch,
        },
    )?;
    match context.format {
        Format::Json => {
            let page = Page {
                page: &preview.page,
                origin: &preview.origin,
                name: &preview.facts.name,
                version: preview.facts.version.as_deref(),
                findings: &preview.losses,
                more: preview.more,
            };
            object("page", &page);
        }
        Format::Human => {
            if arguments.file.is_none() {
                // A distribution in `dist` may be older than the README.
                let message = format!("made from {}", preview.origin);
                context.ui.on_event(&Event::Note { stage: None, message: &message });
            }
            for loss in &preview.losses {
                let line = loss.line.map(|line| format!("line {line}: ")).unwrap_or_default();
                let found = Finding::warning(format!("{line}{}", loss.message));
                let finding = match loss.help {
                    Some(help) => found.help(help),
                    None => found,
                };
                context.ui.on_event(&Event::Finding { stage: None, finding: &finding });
            }
            if preview.more > 0 {
                let message =
                    format!("{} more parts of the description break or get lost on PyPI", preview.more);
                context.ui.on_event(&Event::Note { stage: None, message: &message });
            }
            data(&preview.page.display().to_string());
        }
    }
    Ok(preview)
}

/// Makes the page again whenever a file changes, until Ctrl-C or SIGTERM. Half an edit may be an error, which the next one
/// corrects.
fn watch(context: &Context, arguments: &Arguments, mut preview: Preview) -> Result<()> {
    let is_over = Arc::clone(&context.interrupted);
    ctrlc::set_handler(move || is_over.store(true, Ordering::SeqCst))
        .map_err(|error| Error::failed("failed to install the signal handler").because(error))?;
    let say = |message: &str| context.ui.on_event(&Event::Note { stage: None, message });
    say("the page shows each edit within a second; press Ctrl-C to end");
    let mut seen = states(&preview);
    while !context.interrupted.load(Ordering::SeqCst) {
        std::thread::sleep(TICK);
        let now = states(&preview);
        if now == seen {
            continue;
        }
        seen = now;
        match make(context, arguments) {
            Ok(made) => {
                preview = made;
                seen = states(&preview);
            }
            Err(error) => {
                let message = format!("the page is not renewed: {}", error.chain());
                let help = error.hints().first().map(String::as_str);
                context.ui.on_event(&Event::Warning { stage: None, message: &message, help });
            }
        }
    }
    Ok(())
}

/// Time and size of each file that the page is made from; none for one that does not exist.
fn states(preview: &Preview) -> Vec<Option<(SystemTime, u64)>> {
    let state = |path: &PathBuf| {
        let metadata = fs_err::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    };
    preview.sources.iter().map(state).collect()
}
