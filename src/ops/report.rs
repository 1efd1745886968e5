//! The report of a run, beside its journal.

use std::path::PathBuf;

use crate::engine::log;
use crate::engine::run::RunFolder;
use crate::error::Result;
use crate::ui::report_page;
use crate::world::write_whole;

/// The report's file in the run's folder
const REPORT: &str = "report.html";

/// Writes the report of a run from its journal; returns its path.
///
/// # Errors
/// The journal cannot be read, or the file cannot be written.
pub fn write_report(run: &RunFolder) -> Result<PathBuf> {
    let page = report_page(run.id(), &log::read(run)?, &log::outputs(run)?);
    let path = run.folder().join(REPORT);
    write_whole(&path, page.as_bytes())?;
    Ok(path)
}

/// Writes the report when a command has worked on a run. A failure costs nothing: `log --html` makes it again from the
/// journal.
pub(super) fn renew_report(run: &RunFolder) {
    if run.journal().is_file() {
        let _ = write_report(run);
    }
}
