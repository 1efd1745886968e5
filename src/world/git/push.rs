//! The one atomic push that changes a remote, and what is known of it when it fails.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use super::{RefUpdate, Remote, Repository};
use crate::world::process::Process;

/// Lines of what git said that an error shows
const TAIL: usize = 20;

/// A push that the remote or the network refused
#[derive(Debug, thiserror::Error)]
#[error("`git push` to `{remote}` failed{detail}")]
pub struct PushError {
    remote: String,
    detail: String,
    knowledge: Knowledge,
}

/// What is known of a push that failed
#[derive(Debug)]
enum Knowledge {
    /// Git stopped before it asked the remote to change anything
    NothingSent,
    /// For every ref, why it was refused; none for one that was updated
    Answered(BTreeMap<String, Option<String>>),
    /// The remote has not answered: it may still be at work
    Nothing,
}

impl PushError {
    /// Whether nothing of the push is on its way any more.
    pub fn is_answered(&self) -> bool {
        !matches!(self.knowledge, Knowledge::Nothing)
    }

    /// Whether the push certainly changed none of these refs, and never will.
    pub fn changed_nothing(&self, updates: &[RefUpdate]) -> bool {
        match &self.knowledge {
            Knowledge::NothingSent => true,
            Knowledge::Answered(refs) => {
                updates.iter().all(|update| matches!(refs.get(&update.name), Some(Some(_))))
            }
            Knowledge::Nothing => false,
        }
    }

    /// Whether the remote updated all of these refs, whatever else it refused.
    pub fn changed_all(&self, updates: &[RefUpdate]) -> bool {
        match &self.knowledge {
            Knowledge::Answered(refs) => {
                updates.iter().all(|update| matches!(refs.get(&update.name), Some(None)))
            }
            _ => false,
        }
    }

    /// Whether the remote refused this ref for itself, and not because others were refused.
    pub fn refuses(&self, name: &str) -> bool {
        let Knowledge::Answered(refs) = &self.knowledge else { return false };
        let reason = refs.get(name).and_then(Option::as_ref);
        reason.is_some_and(|reason| !reason.contains("atomic") && !reason.contains("transaction"))
    }
}

impl Remote {
    /// Sends all updates or none, each only if the remote still has what it had.
    ///
    /// # Errors
    /// Refused by the remote, a hook, a lease or the network: [`PushError`] with what git said.
    pub fn push(&self, user: &Repository, updates: &[RefUpdate]) -> Result<(), PushError> {
        self.send(user, updates, &[])
    }

    /// Takes such a push back: what is still as it made it. Not every server keeps `--atomic`, so a part of it may have
    /// been refused. `fence` is the ref that the push back creates at the same time. The user's own `pre-push` hook is
    /// not asked: it judges what goes out.
    ///
    /// # Errors
    /// As [`Self::push`], or somebody else has changed something since: then nothing is taken back.
    pub fn take_back(
        &self,
        user: &Repository,
        updates: &[RefUpdate],
        fence: Option<&str>,
    ) -> Result<(), PushError> {
        let failed = |detail| self.push_failed(detail, Knowledge::NothingSent);
        let names: Vec<&str> = updates.iter().map(|update| update.name.as_str()).collect();
        let now = self.refs(user, &names).map_err(|error| failed(format!(": {}", error.chain())))?;
        let mut back = Vec::new();
        for update in updates {
            match now.get(&update.name) {
                at if at == update.old.as_ref() => {}
                at if at == update.new.as_ref() => back.push(update.reversed()),
                _ => return Err(failed(format!(": `{}` was changed since", update.name))),
            }
        }
        if back.is_empty() {
            return Ok(());
        }
        let fence = fence.map(|name| {
            let object = updates.iter().find_map(|update| update.new.clone());
            RefUpdate { name: name.to_owned(), old: None, new: object }
        });
        let all: Vec<RefUpdate> = back.iter().cloned().chain(fence).collect();
        match self.send(user, &all, &["--no-verify"]) {
            Err(error) if error.changed_all(&back) => Ok(()),
            sent => sent,
        }
    }

    fn send(&self, user: &Repository, updates: &[RefUpdate], options: &[&str]) -> Result<(), PushError> {
        let trace = tempfile::NamedTempFile::new().ok().map(tempfile::NamedTempFile::into_temp_path);
        let mut command = self.sending(user, updates, options);
        if let Some(trace) = &trace {
            command = command.env("GIT_TRACE_PACKET", trace.as_os_str());
        }
        // One that could not be started has sent nothing.
        let captured = command
            .capture()
            .map_err(|error| self.push_failed(format!(": {error}"), Knowledge::NothingSent))?;
        if captured.success() {
            return Ok(());
        }
        let said: Vec<&str> = captured.stderr.trim_end().lines().collect();
        let tail = &said[said.len().saturating_sub(TAIL)..];
        let mut detail: String = tail.iter().map(|line| format!("\n  {line}")).collect();
        let answers = answers(&captured.text(), updates);
        for (name, reason) in answers.iter().flatten() {
            if let Some(reason) = reason {
                let _ = write!(detail, "\n  {name}: {reason}");
            }
        }
        let knowledge = match answers {
            Some(answers) => Knowledge::Answered(answers),
            None if trace.is_some_and(|trace| self.sent_nothing(user, &trace, updates)) => {
                Knowledge::NothingSent
            }
            None => Knowledge::Nothing,
        };
        Err(self.push_failed(detail, knowledge))
    }

    /// As [`Self::push`], without the hooks of the user's, and given up after a while.
    pub(super) fn send_within(
        &self,
        user: &Repository,
        updates: &[RefUpdate],
        patience: Duration,
    ) -> Result<(), PushError> {
        let sent = self.sending(user, updates, &["--no-verify"]).read_within(patience);
        sent.map(drop).map_err(|error| self.push_failed(format!(": {error}"), Knowledge::Nothing))
    }

    fn push_failed(&self, detail: String, knowledge: Knowledge) -> PushError {
        PushError { remote: self.name.clone(), detail, knowledge }
    }

    fn sending(&self, user: &Repository, updates: &[RefUpdate], options: &[&str]) -> Process {
        // What a mirror would send besides is none of the release's.
        let mirror = format!("remote.{}.mirror=false", self.name);
        let mut command = user
            .git(["-c", &mirror, "push", "--quiet", "--porcelain", "--atomic", "--no-follow-tags"])
            .arg("--recurse-submodules=no")
            .args(options);
        for update in updates {
            let old = update.old.as_deref().unwrap_or_default();
            command = command.arg(format!("--force-with-lease={}:{old}", update.name));
        }
        command = command.args(["--", &self.name]);
        for update in updates {
            command = command.arg(format!("{}:{}", update.new.as_deref().unwrap_or_default(), update.name));
        }
        command
    }

    /// Whether git's record of the packets shows that it never asked the remote to change a ref: it was refused before that.
    /// Where another program speaks to the remote, there is no such record.
    fn sent_nothing(&self, user: &Repository, trace: &Path, updates: &[RefUpdate]) -> bool {
        let has_helper = self.addresses(user).map_or(true, |(fetched, _)| fetched.contains("::"));
        let Ok(packets) = fs_err::read(trace) else { return false };
        let packets = String::from_utf8_lossy(&packets);
        let asks = |line: &str| {
            let sent = line.split_once("> ").map(|(_, sent)| sent);
            sent.is_some_and(|sent| updates.iter().any(|update| sent.contains(&update.name)))
        };
        !has_helper && !packets.lines().any(asks)
    }
}

/// What `git push --porcelain` says of each ref of a push that failed; none where it leaves one out, or did not hear of it.
fn answers(said: &str, updates: &[RefUpdate]) -> Option<BTreeMap<String, Option<String>>> {
    let mut answers = BTreeMap::new();
    for line in said.lines() {
        let mut columns = line.splitn(3, '\t');
        let (Some(flag), Some(refs), Some(reason)) = (columns.next(), columns.next(), columns.next()) else {
            continue;
        };
        let Some((_, name)) = refs.rsplit_once(':') else { continue };
        let is_refused = flag.starts_with('!');
        if is_refused && reason.contains("[remote failure]") {
            return None;
        }
        answers.insert(name.to_owned(), is_refused.then(|| reason.to_owned()));
    }
    updates.iter().all(|update| answers.contains_key(&update.name)).then_some(answers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn updates() -> Vec<RefUpdate> {
        let update = |name: &str| RefUpdate { name: name.to_owned(), old: None, new: Some("1".repeat(40)) };
        ["refs/heads/main", "refs/pyrelease/x"].map(update).to_vec()
    }

    fn error(said: &str) -> PushError {
        let knowledge = answers(said, &updates()).map_or(Knowledge::Nothing, Knowledge::Answered);
        PushError { remote: "origin".into(), detail: String::new(), knowledge }
    }

    #[test]
    fn a_push_refused_as_a_whole_changed_nothing() {
        let refused = error(
            "To ../r.git\n!\tHEAD:refs/heads/main\t[remote rejected] (atomic push failure)\n\
             !\tHEAD:refs/pyrelease/x\t[remote rejected] (hook declined)\nDone\n",
        );
        assert!(refused.is_answered() && refused.changed_nothing(&updates()));
        assert!(refused.refuses("refs/pyrelease/x") && !refused.refuses("refs/heads/main"));
    }

    /// A hidden ref is refused by itself, whatever `--atomic` says.
    #[test]
    fn a_push_of_which_one_ref_is_refused_changed_the_others() {
        let partly = error(
            "To ../r.git\n \tHEAD:refs/heads/main\t9c97ac5..c49d722\n\
             !\tHEAD:refs/pyrelease/x\t[remote rejected] (deny updating a hidden ref)\nDone\n",
        );
        assert!(partly.is_answered() && !partly.changed_nothing(&updates()[..1]));
        assert!(partly.changed_all(&updates()[..1]) && !partly.changed_all(&updates()));
    }

    #[test]
    fn a_push_that_nobody_answered_is_in_doubt() {
        let lost = "!\tHEAD:refs/heads/main\t[remote failure] (remote failed to report status)\n\
                    !\tHEAD:refs/pyrelease/x\t[remote failure] (remote failed to report status)\n";
        for said in ["", "To origin\n", lost, "!\tHEAD:refs/heads/main\t[rejected] (stale info)\n"] {
            assert!(!error(said).is_answered() && !error(said).changed_nothing(&updates()), "{said}");
        }
    }
}
