//! The engine's journals held against the automaton of the model.

use std::path::Path;

use pyrelease::engine::journal::{self, Content, Header, Outcome, ReadLine, Record, lines, records};
use pyrelease::engine::model::{Effect, Reach};
use pyrelease::plugin::protocol::Class;
use pyrelease_test_support::Project;

use super::automaton::{self, Automaton, Deed, Kind, LAND, OUTSIDE, Rec, Stage};

/// Checks that the journals of all runs of a project are ones that the model could have written.
pub(crate) fn check_journals(project: &Project) -> Result<(), String> {
    let runs = project.repository().join(".git/pyrelease/runs");
    let Ok(entries) = fs_err::read_dir(runs) else { return Ok(()) };
    for entry in entries {
        let path = entry.map_err(|error| error.to_string())?.path().join("journal.jsonl");
        if path.is_file() {
            check_journal(&path).map_err(|rule| format!("`{}`: {rule}", path.display()))?;
        }
    }
    Ok(())
}

fn check_journal(path: &Path) -> Result<(), String> {
    let lines = lines(path).map_err(|error| error.to_string())?;
    // Somebody else wrote that.
    let is_changed = |line: &ReadLine| matches!(line.content, Content::Damaged | Content::Foreign);
    if lines.iter().any(is_changed) { Ok(()) } else { check(&records(&lines)) }
}

/// Checks that the model could have written these records.
pub(crate) fn check(records: &[Record]) -> Result<(), String> {
    let Some(header) = journal::header(records) else {
        return if records.is_empty() { Ok(()) } else { Err("there is no header".to_owned()) };
    };
    let translated = Translation { header, effects: Vec::new(), intents: 0 }.translate(records)?;
    let reaches = header.stages.iter().map(|(_, reach)| *reach).collect();
    Automaton::read(reaches, &translated).map(drop)
}

struct Translation<'r> {
    header: &'r Header,
    /// The effects met so far; one is known by its place
    effects: Vec<&'r Effect>,
    intents: u64,
}

impl<'r> Translation<'r> {
    fn translate(mut self, records: &'r [Record]) -> Result<Vec<Rec>, String> {
        // Files that join a run change no state of the model.
        let records = records.iter().filter(|record| !matches!(record, Record::Adopted { .. }));
        records.map(|record| self.record(record)).collect()
    }

    fn record(&mut self, record: &'r Record) -> Result<Rec, String> {
        Ok(match record {
            Record::Run(_) => Rec::Run,
            Record::StageBegun { stage } => Rec::Begun(self.stage(stage)),
            Record::StageDone { stage, .. } => Rec::StageDone(self.stage(stage), 0),
            Record::Found { stages, .. } => Rec::Found(stages.len() as u8, 0),
            Record::Imported {} => Rec::Imported,
            Record::Adopted { .. } => return Err("files that join a run".to_owned()),
            Record::Intent { id, stage, effect, .. } => {
                if *id != self.intents {
                    return Err(format!("intent {id} is the {}th, counted from 0", self.intents));
                }
                self.intents += 1;
                Rec::Intent(self.stage(stage), self.deed(effect))
            }
            Record::Done { id, .. } => Rec::Done(number(*id)?),
            Record::NotDone { id, is_final, .. } => Rec::NotDone(number(*id)?, *is_final),
            Record::Doubted { id, .. } => Rec::Doubted(number(*id)?),
            Record::Undo { id, .. } => Rec::Undo(number(*id)?),
            Record::Undone { id, .. } => Rec::Undone(number(*id)?),
            Record::Kept { id, .. } => Rec::Kept(number(*id)?),
            Record::Failed { stage, .. } => Rec::Failed(self.stage(stage)),
            Record::End { outcome } => Rec::End(match outcome {
                Outcome::Released => automaton::Outcome::Released,
                Outcome::RolledBack => automaton::Outcome::RolledBack,
                Outcome::GivenUp => automaton::Outcome::GivenUp,
                // The run in the copy ends as any run; only what is kept of it says so.
                Outcome::Rehearsed | Outcome::RehearsalFailed => return Err("a rehearsal".to_owned()),
            }),
        })
    }

    fn stage(&self, name: &str) -> Stage {
        let place = self.header.stages.iter().position(|(stage, _)| stage == name);
        match place {
            Some(place) => place as Stage,
            None if name == "land" => LAND,
            None => OUTSIDE,
        }
    }

    fn deed(&mut self, effect: &'r Effect) -> Deed {
        let known = self.effects.iter().position(|known| *known == effect);
        let what = known.unwrap_or_else(|| {
            self.effects.push(effect);
            self.effects.len() - 1
        });
        let kind = match effect {
            Effect::Land { .. } => Kind::Land,
            Effect::Push { .. } => Kind::Push,
            Effect::Upload { .. } => Kind::Upload,
            Effect::Attest { .. }
            | Effect::Command { undo: None, .. }
            | Effect::Command { reach: Reach::Rehearsal, .. } => Kind::LastingCommand,
            Effect::Command { .. } => Kind::Command,
            Effect::Plugin(effect) if effect.class == Class::Irreversible => Kind::LastingPlugin,
            Effect::Plugin(_) => Kind::Plugin,
            // As with a plugin's, the forge is asked, and what somebody has changed is kept.
            Effect::Forge(effect) if effect.change.is_public() => Kind::LastingPlugin,
            Effect::Forge(_) => Kind::Plugin,
        };
        Deed { kind, reach: effect.reach(), what: what as u16 }
    }
}

fn number(id: u64) -> Result<u8, String> {
    u8::try_from(id).map_err(|_| format!("there are more than {} effects", u8::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::drilled::Local;
    use crate::release::quick;

    /// The records of a release that ends with this status.
    fn journal_of(head: &str, code: i32) -> Vec<Record> {
        let local = Local::of(quick(), head);
        local.pyrelease("run minor --yes").code(code);
        records(&lines(&local.run_folder().join("journal.jsonl")).unwrap())
    }

    /// Every journal that differs by one record that is missing, there twice, or in the place of the next.
    fn mutations(records: &[Record]) -> Vec<(String, Vec<Record>)> {
        let mut mutations = Vec::new();
        for at in 0..records.len() {
            let shown = records[at].shown();
            let mut doubled = records.to_vec();
            doubled.insert(at, records[at].clone());
            mutations.push((format!("twice: {shown}"), doubled));
            // Without its last record, a journal is that of a run that was killed.
            if at + 1 < records.len() {
                let mut without = records.to_vec();
                without.remove(at);
                mutations.push((format!("missing: {shown}"), without));
                let mut swapped = records.to_vec();
                swapped.swap(at, at + 1);
                mutations.push((format!("too late: {shown}"), swapped));
            }
        }
        mutations
    }

    #[test]
    fn a_journal_that_was_changed_is_refused() {
        const FAILING: &str = "\
stages = [\"changelog\", \"version\", \"tag\", \"build\", \"check\", \"testpypi\", \"push\", \"fail\", \"pypi\"]
[stage.fail]
run = [\"false\"]
reach = \"repository\"
";
        for (head, code) in [("", 0), (FAILING, 1)] {
            let records = journal_of(head, code);
            check(&records).unwrap();
            (0..records.len()).for_each(|length| check(&records[..length]).unwrap());
            let mutations = mutations(&records);
            let taken: Vec<&str> = mutations
                .iter()
                .filter(|(_, records)| check(records).is_ok())
                .map(|(name, _)| name.as_str())
                .collect();
            println!("{} of {} are taken: {taken:#?}", taken.len(), mutations.len());
            // Each is what a run leaves that was killed and gone on with, or what two uploads at the same time leave.
            let kinds = [
                "twice: stage-begun",
                "twice: undo ",
                "missing: failed",
                "too late: done",
                "too late: not-done",
            ];
            let possible = |name: &&&str| kinds.iter().any(|kind| name.starts_with(kind));
            let wrong: Vec<&&str> = taken.iter().filter(|name| !possible(name)).collect();
            assert!(wrong.is_empty() && taken.len() * 5 < mutations.len(), "{taken:#?}");
        }
    }
}
