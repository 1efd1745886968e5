//! `pyrelease preview`: the project page as PyPI would show it.

use std::path::PathBuf;

use serde_json::json;

use crate::engine::event::{Event, Listener};
use crate::error::Result;
use crate::finding::Finding;
use crate::ops::{self, Context, PreviewOptions};
use crate::ui::{Format, data};

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

    /// Have the browser load the images of the description from where they are
    #[arg(long)]
    images: bool,
}

pub(super) fn preview(context: &Context, arguments: &Arguments) -> Result<()> {
    let preview = ops::preview(
        context,
        &PreviewOptions {
            file: arguments.file.as_deref(),
            out: arguments.out.as_deref(),
            loads_images: arguments.images,
        },
    )?;
    match context.format {
        Format::Json => {
            let page = json!({
                "page": preview.page,
                "origin": preview.origin,
                "name": preview.facts.name,
                "version": preview.facts.version,
                "findings": preview.losses,
                "more": preview.more,
            });
            data(&page.to_string());
        }
        Format::Human => {
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
    if arguments.open { ops::open_in_browser(context, &preview.page) } else { Ok(()) }
}
