//! The atomic push that changes a remote, and what is known after a failure.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use super::{RefUpdate, Remote, Repository};
use crate::world::process::{Process, temporary_folder};

/// Lines of git's output that an error shows
const TAIL: usize = 20;

/// A failed push
#[derive(Debug, thiserror::Error)]
#[error("`git push` to `{remote}` failed{detail}")]
pub struct PushError {
    remote: String,
    detail: String,
    knowledge: Knowledge,
}

/// What is known about a failed push
#[derive(Debug)]
enum Knowledge {
    /// Git stopped before asking the remote to change anything
    NothingSent,
    /// For every ref, why it was refused; `None` if it was updated
    Answered(BTreeMap<String, Option<String>>),
    /// The remote did not reply: it may still be processing the push
    NoReply,
}

impl PushError {
    /// Whether the outcome is known, so that the push cannot be applied later.
    pub fn is_answered(&self) -> bool {
        !matches!(self.knowledge, Knowledge::NoReply)
    }

    /// Whether the push certainly changed none of these refs, and never will.
    pub fn changed_nothing(&self, updates: &[RefUpdate]) -> bool {
        match &self.knowledge {
            Knowledge::NothingSent => true,
            Knowledge::Answered(refs) => {
                updates.iter().all(|update| matches!(refs.get(&update.name), Some(Some(_))))
            }
            Knowledge::NoReply => false,
        }
    }

    /// Whether the remote updated all of these refs, even if it refused others.
    pub fn changed_all(&self, updates: &[RefUpdate]) -> bool {
        match &self.knowledge {
            Knowledge::Answered(refs) => {
                updates.iter().all(|update| matches!(refs.get(&update.name), Some(None)))
            }
            _ => false,
        }
    }

    /// Whether the remote refused this ref itself, not only because it refused others.
    pub fn refuses(&self, name: &str) -> bool {
        let Knowledge::Answered(refs) = &self.knowledge else { return false };
        let reason = refs.get(name).and_then(Option::as_ref);
        reason.is_some_and(|reason| !reason.contains("atomic") && !reason.contains("transaction"))
    }
}

impl Remote {
    /// Pushes all updates or none, each only if the ref still has its old value.
    ///
    /// # Errors
    /// The remote, a hook, a lease or the network refused; [`PushError`] has git's output.
    pub fn push(&self, user: &Repository, updates: &[RefUpdate]) -> Result<(), PushError> {
        self.send(user, updates, &[])
    }

    /// Undoes a push, for the refs that still have its values. The push may have been applied in part, because not
    /// every server supports `--atomic`. `fence` is a ref to create at the same time. The user's `pre-push` hook is
    /// skipped: it is meant for pushing changes, not for undoing them.
    ///
    /// # Errors
    /// As [`Self::push`], or a ref has changed since; then nothing is undone.
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
                _ => return Err(failed(format!(": `{}` has changed since", update.name))),
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
        let trace = tempfile::NamedTempFile::new_in(temporary_folder())
            .ok()
            .map(tempfile::NamedTempFile::into_temp_path);
        let mut command = self.sending(user, updates, options);
        if let Some(trace) = &trace {
            command = command.env("GIT_TRACE_PACKET", trace.as_os_str());
        }
        // A command that could not be started has sent nothing.
        let captured = command
            .capture()
            .map_err(|error| self.push_failed(format!(": {error}"), Knowledge::NothingSent))?;
        if captured.success() {
            return Ok(());
        }
        let lines: Vec<&str> = captured.stderr.trim_end().lines().collect();
        let tail = &lines[lines.len().saturating_sub(TAIL)..];
        let mut detail: String = tail.iter().map(|line| format!("\n  {line}")).collect();
        let answers = parse_report(&captured.text(), updates);
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
            None => Knowledge::NoReply,
        };
        Err(self.push_failed(detail, knowledge))
    }

    /// Like [`Self::push`], each update by itself, without the user's hooks and with a time limit.
    pub(super) fn send_within(
        &self,
        user: &Repository,
        updates: &[RefUpdate],
        patience: Duration,
    ) -> Result<(), PushError> {
        let sent = self.sending(user, updates, &["--no-verify", "--no-atomic"]).read_within(patience);
        sent.map(drop).map_err(|error| self.push_failed(format!(": {error}"), Knowledge::NoReply))
    }

    fn push_failed(&self, detail: String, knowledge: Knowledge) -> PushError {
        PushError { remote: self.name.clone(), detail, knowledge }
    }

    fn sending(&self, user: &Repository, updates: &[RefUpdate], options: &[&str]) -> Process {
        // Push only the release's refs, even if the remote is a mirror.
        let mirror = format!("remote.{}.mirror=false", self.name);
        let mut command = user
            .git(["-c", &mirror, "push", "--quiet", "--porcelain", "--atomic", "--no-follow-tags"])
            .arg("--recurse-submodules=no")
            .reaching_a_remote()
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

    /// Whether git's packet trace shows that it never asked the remote to change a ref. Remote helpers leave no such
    /// trace.
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

/// Parses the output of a failed `git push --porcelain`: why each ref was refused. `None` if a ref is missing or the
/// remote did not report on it.
fn parse_report(output: &str, updates: &[RefUpdate]) -> Option<BTreeMap<String, Option<String>>> {
    let mut answers = BTreeMap::new();
    for line in output.lines() {
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

    fn error(output: &str) -> PushError {
        let knowledge = parse_report(output, &updates()).map_or(Knowledge::NoReply, Knowledge::Answered);
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

    /// Servers refuse hidden refs individually, despite `--atomic`.
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
    fn a_push_without_a_reply_is_uncertain() {
        let lost = "!\tHEAD:refs/heads/main\t[remote failure] (remote failed to report status)\n\
                    !\tHEAD:refs/pyrelease/x\t[remote failure] (remote failed to report status)\n";
        for output in ["", "To origin\n", lost, "!\tHEAD:refs/heads/main\t[rejected] (stale info)\n"] {
            assert!(!error(output).is_answered() && !error(output).changed_nothing(&updates()), "{output}");
        }
    }
}
