//! What must hold after every command, and at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use pyrelease_test_support::{Outcome, Project};
use sha2::{Digest, Sha256};

use super::AFTERMATH;
use super::scene::{EDIT, HUMAN, RIVAL, Scene};
use super::schedule::Pipeline;

const TAG: &str = "refs/tags/v1.1.0";

/// What `status` says of the run
#[derive(Debug)]
pub(crate) struct Standing {
    /// The commands that go on; none if the run is over, or there was none
    pub(crate) next: Vec<String>,
    pub(crate) released: bool,
    /// Ended with something left, because somebody else's doings were in the way
    pub(crate) given_up: bool,
}

impl Scene {
    pub(crate) fn standing(&self) -> Result<Standing, String> {
        let began = Instant::now();
        let status = loop {
            let outcome = self.calmly("status --format json");
            if outcome.status() != 0 {
                return Err(format!("`status` fails: {outcome}"));
            }
            let status: serde_json::Value =
                serde_json::from_str(outcome.stdout()).map_err(|error| format!("{error}: {outcome}"))?;
            // A process that ends has its lock a moment longer than its environment.
            if status["under_way"] != true {
                break status;
            }
            if began.elapsed() > AFTERMATH {
                return Err(format!("`status` says that a run is under way, and none is: {outcome}"));
            }
        };
        let next = status["next"].as_array().into_iter().flatten();
        let next = next.filter_map(|command| command.as_str()).map(str::to_owned).collect();
        let outcome = |name| status["outcome"] == name;
        Ok(Standing { next, released: outcome("released"), given_up: outcome("given-up") })
    }

    /// What a command's exit status promises is true.
    pub(crate) fn keeps_its_word(&self, outcome: &Outcome) -> Result<Standing, String> {
        let standing = self.standing()?;
        let over = standing.next.is_empty();
        match outcome.status() {
            -1 => {}
            0 | 1 | 3 | 130 if !over => {
                return Err(format!("a run is left, to go on with by {:?}, after {outcome}", standing.next));
            }
            0 => {}
            1 | 3 | 130 if standing.released => {
                return Err(format!("it is released all the same: {outcome}"));
            }
            1 | 3 | 130 => {}
            4 if over => return Err(format!("nothing is left to go on with after {outcome}")),
            4 => {}
            _ => return Err(format!("no status for this: {outcome}")),
        }
        if outcome.stderr().contains("panicked") {
            return Err(format!("it panicked: {outcome}"));
        }
        let kept_from_it =
            outcome.status() == -1 || outcome.stderr().contains("failed to delete the run's clone");
        if over && kept_from_it && !self.project.debris().is_empty() {
            // Killed after its last record, it could not clear up: the next command does.
            let next = self.calmly("rollback --yes");
            ensure(next.status() == 0, || format!("nothing to do, but {next}"))?;
        }
        if over {
            self.settled(&standing).map_err(|problem| format!("{problem}\nafter {outcome}"))?;
        }
        self.always().map_err(|problem| format!("{problem}\nafter {outcome}"))?;
        Ok(standing)
    }

    /// What holds at any time.
    fn always(&self) -> Result<(), String> {
        let early = self.early.lock().unwrap().join("\n");
        if !early.is_empty() {
            return Err(early);
        }
        for (index, server) in [("testpypi", &self.rehearsal), ("pypi", &self.public)] {
            let mut contents: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for sent in server.proxy.sent() {
                contents.entry(sent.filename).or_default().insert(sent.sha256);
            }
            if let Some((name, contents)) = contents.iter().find(|(_, contents)| contents.len() > 1) {
                return Err(format!("`{name}` was sent to {index} with more than one content: {contents:?}"));
            }
        }
        for path in self.edited.lock().unwrap().iter() {
            ensure(self.project.read(path).contains(EDIT), || format!("a human's edit of `{path}` is lost"))?;
        }
        Ok(())
    }

    /// The run is over: everything is as before, or everything is released, and nothing arrives any more.
    fn settled(&self, standing: &Standing) -> Result<(), String> {
        if let Some(git) = &self.git {
            git.settled();
        }
        match standing {
            Standing { given_up: true, .. } => {
                ensure(self.disturbed || self.is_spoiled, || "given up for no reason".to_owned())
            }
            Standing { released: true, .. } => self.released(),
            Standing { .. } => self.pristine(),
        }
    }

    fn pristine(&self) -> Result<(), String> {
        let files = self.public.files();
        ensure(files.is_empty(), || format!("public all the same: {files:?}"))?;
        ensure(!self.mark().exists(), || "what the command did is left".to_owned())?;
        if !self.disturbed {
            let now = self.project.snapshot();
            let mut differences = self.before.differences(&now);
            // What shuts out a push that was not answered stays until a later release.
            differences.retain(|line| !line.starts_with("remote's ref refs/pyrelease/"));
            ensure(differences.is_empty(), || format!("not as before:\n{}", differences.join("\n")))?;
        }
        ensure(!self.project.refs().contains_key(TAG), || "the tag is left".to_owned())?;
        only_by(&self.project, "main", &format!("{}..main", self.base), &[HUMAN])?;
        if self.pipeline != Pipeline::WithoutRemote {
            let refs = self.project.remote_refs();
            ensure(!refs.contains_key(TAG), || "the tag is left at the remote".to_owned())?;
            let theirs = self.project.remote().git(&["log", "--format=%an", &format!("{}..main", self.base)]);
            ensure(theirs.lines().all(|name| name == RIVAL), || format!("left at the remote: {theirs}"))?;
        }
        self.no_debris()
    }

    fn released(&self) -> Result<(), String> {
        let names: Vec<_> = self.public.files();
        ensure(names.len() == 2, || format!("released, but public are only {names:?}"))?;
        let sent: BTreeMap<String, String> =
            self.public.proxy.sent().into_iter().map(|sent| (sent.filename, sent.sha256)).collect();
        for path in &names {
            let name = path.file_name().unwrap().to_str().unwrap();
            let sha256 = digest(path);
            ensure(sent.get(name) == Some(&sha256), || format!("`{name}` is not what was sent"))?;
            let rehearsed = self.rehearsal.files().into_iter().find(|other| other.ends_with(name));
            let exact = !matches!(self.pipeline, Pipeline::Development | Pipeline::Unrehearsed);
            ensure(!exact || rehearsed.is_some_and(|other| digest(&other) == sha256), || {
                format!("`{name}` is not what was rehearsed")
            })?;
        }
        let tag = self.project.refs().get(TAG).cloned();
        ensure(tag.is_some(), || "released, but there is no tag".to_owned())?;
        let commit = self.project.tag_target("v1.1.0");
        let contains = |branch: &str| format!("{commit}..{branch}");
        let git = |args: &[&str]| self.project.git(args);
        let base = git(&["merge-base", &commit, "main"]);
        ensure(base == commit, || "the branch does not contain the release".to_owned())?;
        only_by(&self.project, "main", &contains("main"), &[HUMAN])?;
        if self.pipeline == Pipeline::Commands {
            let mark = fs_err::read_to_string(self.mark()).unwrap_or_default();
            ensure(mark.lines().any(|line| line == "1.1.0"), || {
                "the command's effect is not there".to_owned()
            })?;
        }
        if self.pipeline != Pipeline::WithoutRemote {
            let refs = self.project.remote_refs();
            ensure(refs.get(TAG) == tag.as_ref(), || "the remote has another tag or none".to_owned())?;
            let base = self.project.remote().git(&["merge-base", &commit, "main"]);
            ensure(base == commit, || "the remote's branch does not contain the release".to_owned())?;
        }
        if !self.disturbed {
            let status = git(&["status", "--porcelain", "--untracked-files=all"]);
            ensure(status == "?? notes.txt", || format!("`git status` says\n{status}"))?;
            ensure(self.project.head() == commit, || "HEAD is not the release".to_owned())?;
        }
        self.no_debris()
    }

    /// No lock of git's, no clone of ours. (A process that is killed cannot delete its temporary files.)
    fn no_debris(&self) -> Result<(), String> {
        let mut left = self.project.debris();
        // Locks that a lost record told of count as somebody else's: `status` and `doctor` name them.
        left.retain(|path| !self.is_cut || path.extension().is_none_or(|ending| ending != "lock"));
        ensure(left.is_empty(), || format!("left behind: {left:?}"))
    }
}

fn only_by(project: &Project, branch: &str, range: &str, people: &[&str]) -> Result<(), String> {
    let authors = project.git(&["log", "--format=%an", range]);
    ensure(authors.lines().all(|name| people.contains(&name)), || {
        format!("`{branch}` has commits by {authors} in {range}")
    })
}

fn digest(path: &std::path::Path) -> String {
    Sha256::digest(fs_err::read(path).unwrap()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn ensure(holds: bool, problem: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(problem()) }
}
