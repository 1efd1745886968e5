//! Recovers pushes. A remote may still apply a push whose answer is missing, so recovery fences it off before counting it
//! as not done; see [`crate::world::git::FenceOutcome`].

use super::context::Resolution;
use super::{Presence, RecoveryContext};
use crate::engine::event::Event;
use crate::engine::journal::{Entry, Journal, Record, entries, point_of_no_return};
use crate::engine::model::{Effect, State};
use crate::error::{Error, Result};
use crate::world::git::{FenceOutcome, RefUpdate, Remote};
use crate::world::orphans;

/// Why an undo failed
pub(super) struct NotUndone {
    pub(super) reason: String,
    /// Whether the remote may still apply the undo
    pub(super) may_arrive: bool,
}

impl NotUndone {
    pub(super) fn over(reason: impl ToString) -> Self {
        Self { reason: reason.to_string(), may_arrive: false }
    }
}

impl RecoveryContext<'_> {
    /// The outcome of a push, or of its undo, in doubt. If the refs are unchanged, the push or undo is fenced off first.
    pub(super) fn find_out_push(&self, entry: &Entry, now: i64) -> Resolution {
        let Effect::Push { remote, updates, fence, .. } = &entry.effect else { return Resolution::Unknown };
        let remote = Remote { name: remote.clone() };
        let is_on_this_machine = remote.is_on_this_machine(self.repository);
        if is_on_this_machine {
            orphans::finish_git(self.run.id());
        }
        let presence = self.probe_push(&remote, updates);
        let not_done = |reason: &str| Resolution::NotDone { reason: reason.to_owned() };
        match (presence, entry.is_being_undone) {
            (Presence::Unknown(_), _) if is_on_this_machine => return Resolution::Unknown,
            (Presence::Present, false) => return Resolution::Done,
            (Presence::Absent, true) => return not_done("not found there"),
            (Presence::Absent, false) if is_on_this_machine => return not_done("not found there"),
            (Presence::Present, true) if is_on_this_machine => return Resolution::Done,
            _ => {}
        }
        let name = if entry.is_being_undone { &entry.undo_fence } else { fence };
        let known = updates.iter().find_map(|update| update.old.as_deref());
        let create_fence = name.as_ref().map(|name| remote.create_fence(self.repository, name, known));
        // From here on the refs are final if a fence stands.
        let stands = matches!(create_fence, Some(FenceOutcome::Fenced | FenceOutcome::Applied));
        match (self.probe_push(&remote, updates), stands) {
            // Only a part is there, or a ref was changed since: the undo checks every ref.
            (Presence::Unknown(_), true) if remote.refs(self.repository, &[]).is_ok() => Resolution::Done,
            (Presence::Unknown(_), _) => Resolution::Unknown,
            (Presence::Present, _) if !entry.is_being_undone => Resolution::Done,
            (Presence::Absent, _) if entry.is_being_undone => not_done("not found there"),
            (Presence::Present, true) => {
                self.tell_of_fence(entry, &remote, name.as_deref(), "its undoing");
                Resolution::Done
            }
            (Presence::Absent, true) => {
                self.tell_of_fence(entry, &remote, name.as_deref(), "it");
                not_done(&format!(
                    "not found there; {} keeps it from arriving",
                    name.as_deref().unwrap_or_default()
                ))
            }
            (Presence::Present | Presence::Absent, false) if entry.may_be_pushed(now) => {
                Resolution::MayArrive
            }
            (Presence::Present, false) => Resolution::Done,
            (Presence::Absent, false) => not_done("not found there after a quarter of an hour"),
        }
    }

    fn tell_of_fence(&self, entry: &Entry, remote: &Remote, fence: Option<&str>, what: &str) {
        let message = format!(
            "{}: `{}` did not answer; the ref `{}`, made there, ensures that {what} cannot arrive later. A later \
             release \
             deletes it",
            entry.effect,
            remote.name,
            fence.unwrap_or_default()
        );
        self.listener.on_event(&Event::Note { stage: Some(&entry.stage), message: &message });
    }

    /// Why a push cannot be undone yet: it is still in doubt, because it cannot be fenced off or the remote cannot be asked.
    pub(super) fn may_still_be_pushed(&self, entry: &Entry) -> Option<String> {
        let Effect::Push { remote, updates, .. } = &entry.effect else { return None };
        if entry.state != State::InDoubt || entry.is_being_undone {
            return None;
        }
        let remote = Remote { name: remote.clone() };
        if remote.is_on_this_machine(self.repository) {
            return None;
        }
        match self.probe_push(&remote, updates) {
            Presence::Present => None,
            Presence::Absent => Some(may_arrive(&remote)),
            Presence::Unknown(why) => Some(why),
        }
    }

    /// The ref that can fence off the undo of a push, if the remote accepts such refs.
    pub(super) fn fence_of_undo(&self, effect: &Effect) -> Result<Option<String>> {
        match effect {
            Effect::Push { remote, fence: Some(_), .. } => {
                Remote { name: remote.clone() }.new_fence(self.repository, self.run.id())
            }
            _ => Ok(None),
        }
    }

    /// Undoes a push.
    pub(super) fn undo_push(&self, entry: &Entry, undo_fence: Option<&str>) -> Result<(), NotUndone> {
        let Effect::Push { remote, updates, fence, .. } = &entry.effect else { return Ok(()) };
        let remote = Remote { name: remote.clone() };
        remote
            .take_back(self.repository, updates, undo_fence)
            .map_err(|error| NotUndone { reason: error.to_string(), may_arrive: !error.is_answered() })?;
        // If the push's answer was lost, its own fence ref exists too.
        let answered: Vec<&str> = fence.as_deref().into_iter().chain(undo_fence).collect();
        if let (false, Ok(refs)) = (answered.is_empty(), remote.refs(self.repository, &answered)) {
            remote.delete_fences(self.repository, refs, &[]);
        }
        Ok(())
    }

    /// Refuses to continue while the remote may still apply an unanswered push or undo. Otherwise a first push could arrive
    /// after the second was undone, or a late undo could remove what the run builds on.
    ///
    /// # Errors
    /// Such a push or undo is pending.
    pub fn expect_no_late_push(&self, journal: &Journal) -> Result<()> {
        let now = jiff::Timestamp::now().as_second();
        let entries = entries(journal.records());
        let Some(entry) = entries.iter().find(|entry| entry.may_be_pushed(now)) else { return Ok(()) };
        let Effect::Push { remote, .. } = &entry.effect else { return Ok(()) };
        if (Remote { name: remote.clone() }).is_on_this_machine(self.repository) {
            return Ok(());
        }
        let what = if entry.is_being_undone { "undo" } else { "push" };
        Err(Error::left(format!("the {what} of {} may still arrive", entry.effect)).help(format!(
            "`{remote}` did not answer the {what}: run the command again in a quarter of an hour"
        )))
    }

    /// Checks a resumed run's pushes again, before anything is public: another machine may have undone them. A push that is
    /// gone is repeated.
    ///
    /// # Errors
    /// The remote cannot be asked, or the journal cannot be written.
    pub fn look_again_at_pushes(&self, journal: &mut Journal) -> Result<()> {
        let entries = entries(journal.records());
        if point_of_no_return(&entries).is_some() {
            return Ok(());
        }
        for entry in entries.iter().filter(|entry| entry.state == State::Done) {
            let Effect::Push { remote, updates, .. } = &entry.effect else { continue };
            let remote = Remote { name: remote.clone() };
            if self.probe_push(&remote, updates) == Presence::Present {
                continue;
            }
            remote.refs(self.repository, &[]).map_err(|error| {
                Error::left(format!("failed to check whether `{}` still has the release", remote.name))
                    .because(error)
            })?;
            let reason = format!("no longer at `{}`", remote.name);
            journal.write(Record::NotDone { id: entry.id, reason, is_final: false })?;
        }
        Ok(())
    }

    /// The presence of a push by the remote's refs. The push is atomic: with its tag there it happened, whatever happened to
    /// the branch since; without the tag and without the release on the branch it did not.
    pub(super) fn probe_push(&self, remote: &Remote, updates: &[RefUpdate]) -> Presence {
        let names: Vec<&str> = updates.iter().map(|update| update.name.as_str()).collect();
        let refs = match remote.refs(self.repository, &names) {
            Ok(refs) => refs,
            Err(error) => return Presence::Unknown(error.chain()),
        };
        let has = |update: &RefUpdate, id: &Option<String>| refs.get(&update.name) == id.as_ref();
        if updates.iter().all(|update| has(update, &update.old)) {
            return Presence::Absent;
        }
        let (branches, tags): (Vec<_>, Vec<_>) =
            updates.iter().partition(|update| update.name.starts_with("refs/heads/"));
        let contained = branches.iter().map(|update| {
            let (Some(at), Some(new)) = (refs.get(&update.name), &update.new) else { return Ok(false) };
            if !self.repository.has(at) {
                remote.fetch(self.repository, &update.name)?;
            }
            Ok(self.repository.contains(at, new))
        });
        let contained = match contained.collect::<Result<Vec<bool>>>() {
            Ok(contained) => !contained.is_empty() && contained.into_iter().all(|contained| contained),
            Err(error) => return Presence::Unknown(error.chain()),
        };
        let tagged = !tags.is_empty() && tags.iter().all(|update| has(update, &update.new));
        match (tagged, contained) {
            (true, _) => Presence::Present,
            (false, true) if tags.is_empty() => Presence::Present,
            (false, false) => Presence::Absent,
            _ => Presence::Unknown(format!("`{}` has the release's commit, but not its tag", remote.name)),
        }
    }
}

/// The reason to wait while a push may still arrive.
fn may_arrive(remote: &Remote) -> String {
    format!(
        "`{}` did not answer the push, which may still arrive, and rejects the ref that would prevent it. After a quarter \
         of an hour the push counts as lost; `git ls-remote {}` shows whether it has arrived",
        remote.name, remote.name
    )
}
