//! A plan as text for people.

use std::fmt::Write as _;

use super::style::{DIM, GOOD, INFO};
use super::table::Table;
use crate::engine::model::{Action, Plan, PlannedMember, PlannedStage, Reach};
use crate::text::{safe, safe_styled};

/// How many members of a workspace a stage's actions are shown for
const SHOWN: usize = 3;

/// The subject of a plan: the release, and the reason for its version.
pub(super) fn subject_text(plan: &Plan) -> String {
    if !plan.members.is_empty() {
        return members_text(plan);
    }
    let mut text = format!("{GOOD}{} {}{GOOD:#}", plan.name, plan.version);
    // The version comes from tags, and there is none yet.
    if plan.previous_version != plan.version && plan.previous_version != "0" {
        let _ = write!(text, " (now {})", plan.previous_version);
    }
    let _ = write!(text, ", tag {}, {}", plan.tag, from(plan));
    if let Some(reason) = &plan.reason {
        let _ = write!(text, "\n{DIM}because {}{DIM:#}", safe(reason));
    }
    text
}

/// The plan as text.
pub fn plan_text(plan: &Plan) -> String {
    let text = subject_text(plan) + &stages_text(plan);
    safe_styled(&text).into_owned()
}

/// The stages of a plan as text, each line after a line break.
pub(super) fn stages_text(plan: &Plan) -> String {
    let mut text = String::new();
    let mut table = Table::default().indented(4);
    let mut reach = None;
    for stage in &plan.stages {
        if reach != Some(stage.reach) {
            reach = Some(stage.reach);
            table.text(format!("  {DIM}{}{DIM:#}", meaning(stage.reach)));
        }
        for (at, action) in actions_of(stage).into_iter().enumerate() {
            let name = if at == 0 { format!("{INFO}{}{INFO:#}", stage.name) } else { String::new() };
            table.row([name, safe(&action).into_owned()]);
        }
    }
    if !plan.conventions.is_empty() {
        table.text(format!("  {DIM}where the configuration does not say:{DIM:#}"));
        for convention in &plan.conventions {
            let (what, reason) = (safe(&convention.what), safe(&convention.reason));
            let setting = format!("{DIM}(to change it, set {}){DIM:#}", convention.setting);
            table.text(format!("    {what}, {reason} {setting}"));
        }
    }
    let _ = write!(text, "\n{table}");
    text
}

fn meaning(reach: Reach) -> &'static str {
    match reach {
        Reach::Private => "in the run's own clone:",
        Reach::Rehearsal => "rehearsal:",
        Reach::Repository => "in the repository and its remote; undone if a later stage fails:",
        Reach::Public => "public; past this point the release can only be completed:",
        Reach::FollowUp => "afterwards:",
    }
}

/// Where a release starts from: `from main at 0123456789`.
fn from(plan: &Plan) -> String {
    let branch = plan.branch.as_deref();
    let branch = branch.map_or("a detached HEAD", |name| name.strip_prefix("refs/heads/").unwrap_or(name));
    format!("from {branch} at {}", plan.commit.get(..10).unwrap_or(&plan.commit))
}

/// The members of a workspace that are released, each with its versions and the reason.
fn members_text(plan: &Plan) -> String {
    let count = plan.members.len();
    let packages = if count == 1 { "1 package".to_owned() } else { format!("{count} packages") };
    let mut text = format!("{GOOD}{}: {packages}{GOOD:#}, {}", safe(&plan.name), from(plan));
    let mut table = Table::default().indented(2);
    for member in &plan.members {
        let PlannedMember { name, version, previous_version, tag, reason, is_private, .. } = member;
        let now = match previous_version {
            previous if previous == version || previous == "0" => String::new(),
            previous => format!("(now {previous})"),
        };
        let reason = reason.as_ref().map(|reason| format!("because {reason}")).unwrap_or_default();
        let private = if *is_private { "not uploaded; " } else { "" };
        let reason = format!("{DIM}{private}{}{DIM:#}", safe(&reason));
        table.row([
            format!("{GOOD}{}{GOOD:#}", safe(name)),
            version.clone(),
            now,
            format!("tag {}", safe(tag)),
            reason,
        ]);
    }
    let _ = write!(text, "\n{table}");
    text.trim_end().to_owned()
}

/// The actions of a stage; in a workspace also those for the first members, each after its name.
fn actions_of(stage: &PlannedStage) -> Vec<String> {
    let mut lines: Vec<String> = stage.actions.iter().map(ToString::to_string).collect();
    for member in stage.members.iter().take(SHOWN) {
        let of_member = |action: &Action| format!("{}: {action}", member.name);
        lines.extend(member.actions.iter().map(of_member));
    }
    match stage.members.len().saturating_sub(SHOWN) {
        0 => {}
        1 => lines.push("and the same for 1 other".to_owned()),
        others => lines.push(format!("and the same for {others} others")),
    }
    lines
}
