//! What was decided: the document, and what becomes of each part of other tools' settings.

use super::Finds;
use super::document::Document;
use super::places::Places;
use crate::engine::model::Convention;
use crate::python::settings::{Fate, Part, Setting, ToolSettings};

/// What was decided
#[derive(Default)]
pub(super) struct Decided {
    pub(super) document: Document,
    /// For each tool, what becomes of the parts that its settings decide
    pub(super) verdicts: Vec<(&'static str, Part, Verdict)>,
    pub(super) places: Places,
    /// What becomes of each hook: the tool, the setting and the verdict
    pub(super) hooks: Vec<(&'static str, String, Verdict)>,
    pub(super) open: Vec<String>,
    /// The tools that go on working
    pub(super) keeps: Vec<&'static str>,
    pub(super) lacks_changelog: bool,
}

/// What becomes of a part
#[derive(Debug, Clone)]
pub(super) enum Verdict {
    /// It is written: where
    Written(String),
    /// pyrelease does so anyway: why
    Same(String),
    Dropped(String),
    NeedsUser(String),
}

/// Reads what a tool's settings say of a part
pub(super) type Read<'f, T> = &'f dyn Fn(&ToolSettings) -> Option<T>;

/// Whether two values of a part mean the same
type Compare<'f, T> = &'f dyn Fn(&T, &T) -> bool;

impl Decided {
    /// Notes what becomes of a part of a tool's settings.
    pub(super) fn verdict(&mut self, tool: &'static str, part: Part, verdict: Verdict) {
        self.verdicts.push((tool, part, verdict));
    }

    /// Settles a part that several tools may decide; returns the value to write, and its origin.
    pub(super) fn settle<T: Clone + PartialEq>(
        &mut self,
        finds: &Finds<'_>,
        part: Part,
        (read, setting): (Read<'_, T>, &str),
        learned: Option<&Convention<T>>,
        (is_same, default): (Compare<'_, T>, &T),
    ) -> Option<(T, String)> {
        let mut owner: Option<&ToolSettings> = None;
        let mut written = None;
        for tool in finds.tools {
            let Some(value) = read(tool) else { continue };
            if let Some(owner) = owner {
                let reason = format!("`{}` of {} decides", owner.file, owner.tool);
                self.verdict(tool.tool, part, Verdict::Dropped(reason));
                continue;
            }
            owner = Some(tool);
            // A setting that changed since the last release counts more than what that release did.
            let before = finds.earlier.iter().find(|earlier| earlier.tool == tool.tool);
            let is_new = setting_of(tool, part).is_some()
                && before.is_none_or(|before| read(before).as_ref() != Some(&value));
            let verdict = match learned {
                Some(learned) if is_same(&learned.value, &value) => Verdict::Same(learned.reason.clone()),
                Some(learned) if !is_new => Verdict::Dropped(format!(
                    "the last releases did otherwise, {}; set {setting} to follow it",
                    learned.reason
                )),
                None if is_same(default, &value) => Verdict::Same("a release does so by default".to_owned()),
                _ => {
                    written = Some((value, origin(tool, part)));
                    Verdict::Written(setting.to_owned())
                }
            };
            self.verdict(tool.tool, part, verdict);
        }
        written
    }
}

/// Where a tool says what it does in a part: its setting and file, or its default.
pub(super) fn origin(tool: &ToolSettings, part: Part) -> String {
    match setting_of(tool, part) {
        Some(setting) => format!("`{}` of {}, in `{}`", setting.key, tool.tool, tool.file),
        None => format!("as {} does by default", tool.tool),
    }
}

/// The setting that decides a part; none if the tool's default does.
pub(super) fn setting_of(tool: &ToolSettings, part: Part) -> Option<&Setting> {
    tool.account.iter().find(|setting| setting.fate == Fate::Decides(part))
}
