//! The engine's journals held against the automaton of the model.

use std::path::Path;

use pyrelease::engine::effects::Effect;
use pyrelease::engine::journal::{self, Header, Outcome, Record, lines, records};
use pyrelease::engine::stage::Reach;
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
    check(&records(&lines))
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
        records.iter().map(|record| self.record(record)).collect()
    }

    fn record(&mut self, record: &'r Record) -> Result<Rec, String> {
        Ok(match record {
            Record::Run(_) => Rec::Run,
            Record::StageBegun { stage } => Rec::Begun(self.stage(stage)),
            Record::StageDone { stage, .. } => Rec::StageDone(self.stage(stage), 0),
            Record::Found { stages, .. } => Rec::Found(stages.len() as u8, 0),
            Record::Imported {} => Rec::Imported,
            Record::Intent { id, stage, effect, .. } => {
                if *id != self.intents {
                    return Err(format!("intent {id} is the {}th, counted from 0", self.intents));
                }
                self.intents += 1;
                Rec::Intent(self.stage(stage), self.deed(effect))
            }
            Record::Done { id, .. } => Rec::Done(number(*id)?),
            Record::NotDone { id, .. } => Rec::NotDone(number(*id)?, false),
            Record::Doubted { id, .. } => Rec::Doubted(number(*id)?),
            Record::Undo { id } => Rec::Undo(number(*id)?),
            Record::Undone { id, .. } => Rec::Undone(number(*id)?),
            Record::Kept { id, .. } => Rec::Kept(number(*id)?),
            Record::Failed { stage, .. } => Rec::Failed(self.stage(stage)),
            Record::End { outcome } => Rec::End(match outcome {
                Outcome::Released => automaton::Outcome::Released,
                Outcome::RolledBack => automaton::Outcome::RolledBack,
                Outcome::GivenUp => automaton::Outcome::GivenUp,
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
            Effect::Command { undo: None, .. } | Effect::Command { reach: Reach::Rehearsal, .. } => {
                Kind::LastingCommand
            }
            Effect::Command { .. } => Kind::Command,
            Effect::Plugin(effect) if effect.class == Class::Irreversible => Kind::LastingPlugin,
            Effect::Plugin(_) => Kind::Plugin,
        };
        Deed { kind, reach: effect.reach(), what: what as u16 }
    }
}

fn number(id: u64) -> Result<u8, String> {
    u8::try_from(id).map_err(|_| format!("there are more than {} effects", u8::MAX))
}
