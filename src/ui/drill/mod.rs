//! The report of a drill, as a table and as a page.

mod page;

pub use page::page;

use super::table::Table;
use crate::drill::{Phase, Report};

/// One row per point.
pub fn drill_text(report: &Report) -> String {
    let mut table = Table::default().right(&[5]);
    table.row(["point", "stage", "killed", "rollback", "resume", "seconds"]);
    let mut public = false;
    for judged in &report.results {
        let point = &judged.point;
        if point.phase == Phase::Public && !std::mem::replace(&mut public, true) {
            table.divider(" the point of no return ");
        }
        let [rollback, resume] = judged.outcomes();
        table.row([
            &point.id.to_string(),
            point.stage.as_deref().unwrap_or_default(),
            &point.what,
            rollback,
            resume,
            &format!("{:.1}", judged.seconds),
        ]);
    }
    table.to_string()
}
