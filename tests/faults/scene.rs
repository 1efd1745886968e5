//! Where a schedule takes place: a project and its remote, two indexes behind proxies, and what befalls them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use pyrelease::server::{Access, EmbeddedIndex};
use pyrelease_test_support::{
    Backend, Config, GitServer, Outcome, Project, Proxy, Running, Snapshot, fill, fill_with_files,
};
use tempfile::TempDir;

use super::schedule::{Blow, Deed, Index, Pipeline, Step};
use crate::release::demo;
use crate::release::power::Trap;

/// Of the disk that a project is on, in KiB: some times what a release takes
const DISK: usize = 16 << 10;
/// Whom a rival's and a human's commits are by
pub(crate) const RIVAL: &str = "Robin Rival";
pub(crate) const HUMAN: &str = "Hugo Human";
/// What a human writes into a file
pub(crate) const EDIT: &str = "\nWritten meanwhile.\n";

pub(crate) struct Scene {
    pub(crate) pipeline: Pipeline,
    pub(crate) project: Project,
    pub(crate) rehearsal: Server,
    pub(crate) public: Server,
    /// What serves the remote of [`Pipeline::Networked`]
    pub(crate) git: Option<GitServer>,
    pub(crate) before: Snapshot,
    /// The commit that was released last
    pub(crate) base: String,
    /// Uploads to the public index for which it was too early
    pub(crate) early: Arc<Mutex<Vec<String>>>,
    /// Files that a human has written into
    pub(crate) edited: Arc<Mutex<Vec<&'static str>>>,
    /// Whether anybody else may have touched the repository or the remote, or the run's journal
    pub(crate) disturbed: bool,
    /// Whether the journal has lost its end
    pub(crate) is_cut: bool,
    /// Whether an index has other bytes than it was sent
    pub(crate) is_spoiled: bool,
}

/// An index and the way to it
pub(crate) struct Server {
    folder: TempDir,
    _index: EmbeddedIndex,
    pub(crate) proxy: Proxy,
}

impl Server {
    fn start(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let index = EmbeddedIndex::start(folder.path(), name, Access::Everybody).unwrap();
        let proxy = Proxy::before(&index.upload_url(), &index.simple_url());
        Self { folder, _index: index, proxy }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The files that it has, from its folder.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let folder = self.folder.path().join("demo");
        let Ok(entries) = fs_err::read_dir(folder) else { return Vec::new() };
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }
}

impl Scene {
    pub(crate) fn set(pipeline: Pipeline, small_disk: bool) -> Self {
        let (rehearsal, public) = (Server::start("testpypi"), Server::start("pypi"));
        let mut blueprint = demo().backend(Backend::InTree).config(&config(pipeline, &rehearsal, &public));
        if pipeline == Pipeline::WithoutRemote {
            blueprint = blueprint.without_remote();
        }
        if small_disk {
            blueprint = blueprint.on_a_disk_of(DISK);
        }
        let project = blueprint.build();
        let git = (pipeline == Pipeline::Networked).then(|| {
            let server = GitServer::before(project.remote().path());
            project.git(&["remote", "set-url", "origin", &server.url()]);
            server
        });
        let base = project.head();
        let early = Arc::new(Mutex::new(Vec::new()));
        let mut tags = vec![project.repository().join(".git")];
        if pipeline != Pipeline::WithoutRemote {
            tags.push(project.remote().path().to_owned());
        }
        let noted = early.clone();
        public.proxy.watch(move || {
            for repository in &tags {
                if !repository.join("refs/tags/v1.1.0").exists() {
                    let what = format!("a file was sent before `{}` had the tag", repository.display());
                    noted.lock().unwrap().push(what);
                }
            }
        });
        let before = project.snapshot();
        Self {
            pipeline,
            project,
            rehearsal,
            public,
            git,
            before,
            base,
            early,
            edited: Arc::default(),
            disturbed: false,
            is_cut: false,
            is_spoiled: false,
        }
    }

    /// From here on this is how everything was before.
    pub(crate) fn renew(&mut self) {
        self.before = self.project.snapshot();
        self.base = self.project.head();
    }

    /// A file that is there while the effects of the commands of [`Pipeline::Commands`] are.
    pub(crate) fn mark(&self) -> PathBuf {
        self.project.sandbox().root().join("mark")
    }

    /// Runs a command without any trouble.
    pub(crate) fn calmly(&self, command: &str) -> Outcome {
        self.project.pyrelease(command).env("MARK", self.mark()).run()
    }

    /// Runs a command and lets happen what is to happen.
    pub(crate) fn step(&mut self, step: &Step) -> Outcome {
        let root = self.project.sandbox().root().to_owned();
        // The locks that somebody else leaves are not for us to remove.
        let alone = !step.blows.iter().any(Blow::is_somebody);
        let trap = step.blows.iter().find_map(|blow| match blow {
            Blow::PowerCut(cut) if alone => Some(Trap::set(&self.project, self.project.repository(), *cut)),
            _ => None,
        });
        let mut timed: Vec<(u64, Timed<'_>)> = Vec::new();
        let mut drill = None;
        for blow in &step.blows {
            match blow {
                Blow::KilledAt(point) => drill = Some(format!("kill:{point}")),
                Blow::PowerCut(_) => {}
                Blow::KilledAfter(time) => timed.push((*time, Timed::Signal("KILL"))),
                Blow::Signalled(name, time) => timed.push((*time, Timed::Signal(name))),
                Blow::InterruptedTwice(time, later) => {
                    timed.push((*time, Timed::Signal("INT")));
                    timed.push((time + later, Timed::Signal("INT")));
                }
                Blow::Network(Index::Rehearsal, asked, troubles) => {
                    self.rehearsal.proxy.ahead(*asked, troubles.iter().copied());
                }
                Blow::Network(Index::Public, asked, troubles) => {
                    self.public.proxy.ahead(*asked, troubles.iter().copied());
                }
                Blow::Spoiled(index) => {
                    let server = if *index == Index::Public { &self.public } else { &self.rehearsal };
                    server.proxy.spoil();
                    self.is_spoiled = true;
                }
                Blow::PushRefused => self.project.remote().refuse_pushes("not now"),
                Blow::PushCut(cut, time) => {
                    let seconds = (*time as f64 / 1000.0).to_string();
                    let script = "cat >/dev/null\ntouch received\nsleep \"$SECONDS\"\n";
                    self.project.remote().hook_with("pre-receive", &[("SECONDS", &seconds)], script);
                    if let Some(git) = &self.git {
                        git.cut_next_push(*cut);
                    }
                }
                Blow::JournalCut(..) => {}
                Blow::PushUnanswered => self.project.remote().hook("post-receive", "kill -9 $PPID\n"),
                Blow::RivalAmidPush => {
                    let rival = self.rival().display().to_string();
                    let script = "cat >/dev/null\nrm \"$0\"\nexec \"$SCRIPT\"\n";
                    self.project.remote().hook_with("pre-receive", &[("SCRIPT", &rival)], script);
                    self.disturbed = true;
                }
                Blow::RivalAfter(time) => {
                    timed.push((*time, Timed::Rival(self.rival())));
                    self.disturbed = true;
                }
                Blow::Human(deed, time) => {
                    self.disturbed = true;
                    timed.push((*time, Timed::Human(*deed)));
                }
                Blow::DiskFull(left) => fill(&root.join("filler"), *left),
                Blow::FilesFull(left) => fill_with_files(&root.join("fillers"), *left),
            }
        }
        timed.sort_by_key(|(time, _)| *time);
        let mut invocation = self.project.pyrelease(step.command).env("MARK", self.mark());
        if let Some(drill) = drill {
            invocation = invocation.env("PYRELEASE_DRILL", drill);
        }
        let (project, edited, waiting) = (&self.project, &self.edited, &trap);
        let meanwhile = move |running: &Running<'_>| {
            std::thread::scope(|scope| {
                scope.spawn(|| waiting.as_ref().map(|trap| trap.wait(running)));
                act(project, edited, running, &timed);
            });
        };
        let outcome = invocation.meanwhile(meanwhile).run();
        self.repair();
        drop(trap);
        for blow in &step.blows {
            if let Blow::JournalCut(lines, with_note) = blow {
                self.cut_journal(*lines, *with_note);
            }
        }
        outcome
    }

    /// The journal of the run that is not over loses its end, when a run that did so little may have been sending no longer.
    fn cut_journal(&mut self, lines: usize, with_note: bool) {
        let Ok(status) = self.standing() else { return };
        let runs = self.project.repository().join(".git/pyrelease/runs");
        let run = fs_err::read_dir(runs).into_iter().flatten().flatten().map(|run| run.path()).max();
        let Some(run) = run.filter(|_| !status.next.is_empty()) else { return };
        let journal = run.join("journal.jsonl");
        let Ok(text) = fs_err::read_to_string(&journal) else { return };
        let kept = text.lines().count().saturating_sub(lines).max(1);
        fs_err::write(&journal, text.split_inclusive('\n').take(kept).collect::<String>()).unwrap();
        if with_note {
            // One of before there was such a note.
            let _ = fs_err::remove_file(run.join("journal.tail"));
        }
        self.disturbed = true;
        self.is_cut = true;
    }

    /// Lets what a cut journal does not tell of arrive: as if the quarter of an hour had passed for which that is waited for.
    pub(crate) fn let_time_pass(&self) {
        if !self.is_cut {
            return;
        }
        let earlier = SystemTime::now() - Duration::from_secs(901);
        let runs = self.project.repository().join(".git/pyrelease/runs");
        for run in fs_err::read_dir(runs).into_iter().flatten().flatten() {
            for name in ["journal.jsonl", "journal.tail"] {
                if let Ok(file) = fs_err::OpenOptions::new().append(true).open(run.path().join(name)) {
                    file.file().set_modified(earlier).unwrap();
                }
            }
        }
    }

    /// Ends the troubles of a step.
    fn repair(&self) {
        self.rehearsal.proxy.calm();
        self.public.proxy.calm();
        if let Some(git) = &self.git {
            git.calm();
        }
        let mut passing = vec![self.project.sandbox().root().join("filler")];
        if self.pipeline != Pipeline::WithoutRemote {
            let hooks = self.project.remote().path().join("hooks");
            passing.extend([hooks.join("pre-receive"), hooks.join("post-receive")]);
        }
        for path in passing {
            // Most of them were not there.
            let _ = fs_err::remove_file(path);
        }
        let _ = fs_err::remove_dir_all(self.project.sandbox().root().join("fillers"));
    }

    /// A script by which somebody pushes a commit on top of whatever the remote's branch is at.
    fn rival(&self) -> PathBuf {
        let script = self.project.sandbox().root().join("rival.sh");
        let remote = self.project.remote().path().display().to_string();
        if !script.exists() {
            let variables = [("REMOTE", &*remote), ("NAME", RIVAL)];
            self.project.script_with(&script, &variables, include_str!("rival.sh"));
        }
        script
    }

    /// The human takes back what is in the way of the release.
    pub(crate) fn clear_the_way(&mut self) {
        for path in std::mem::take(&mut *self.edited.lock().unwrap()) {
            let text = self.project.read(path);
            self.project.write(path, &text.replace(EDIT, ""));
        }
        if self.project.git(&["branch", "--show-current"]) != "main" {
            self.project.git(&["switch", "--quiet", "main"]);
        }
    }
}

#[derive(Debug)]
enum Timed<'a> {
    Signal(&'a str),
    Rival(PathBuf),
    Human(Deed),
}

fn act(
    project: &Project,
    edited: &Mutex<Vec<&'static str>>,
    running: &Running<'_>,
    timed: &[(u64, Timed<'_>)],
) {
    let mut passed = 0;
    for (time, what) in timed {
        running.wait(Duration::from_millis(time.saturating_sub(passed)));
        passed = passed.max(*time);
        match what {
            Timed::Signal(name) => running.signal(name),
            Timed::Rival(script) => command(project, script.to_str().unwrap(), &[]),
            Timed::Human(Deed::Commits) => {
                let author = format!("--author={HUMAN} <hugo@example.org>");
                let commit = ["commit", "--quiet", "--allow-empty", "--message=Meanwhile", &author];
                command(project, "git", &commit);
            }
            Timed::Human(Deed::SwitchesBranch) => {
                command(project, "git", &["switch", "--quiet", "-c", "other"])
            }
            Timed::Human(Deed::EditsElsewhere) => append(project, "README.md", edited),
            Timed::Human(Deed::EditsInTheWay) => append(project, "CHANGELOG.md", edited),
        }
    }
}

/// Somebody's command, which may find that pyrelease is just at work there.
fn command(project: &Project, program: &str, args: &[&str]) {
    let command = project.sandbox().command(project.folder(), program, args);
    let _ = command.stdout_null().stderr_null().unchecked().run();
}

fn append(project: &Project, path: &'static str, edited: &Mutex<Vec<&'static str>>) {
    use std::io::Write as _;
    // On a full disk an editor cannot save either.
    let file = fs_err::OpenOptions::new().append(true).open(project.folder().join(path));
    if file.and_then(|mut file| file.write_all(EDIT.as_bytes())).is_ok() {
        edited.lock().unwrap().push(path);
    }
}

fn config(pipeline: Pipeline, rehearsal: &Server, public: &Server) -> Config {
    let stages = match pipeline {
        Pipeline::Commands => "changelog version tag build check testpypi mark push pypi announce",
        Pipeline::Unrehearsed => "changelog version tag build check push pypi",
        _ => "changelog version tag build check testpypi push pypi",
    };
    let mut config = Config::stages(stages).stage("build").set("isolation", false);
    for (name, server) in [("testpypi", rehearsal), ("pypi", public)] {
        config = config.server(name, &server.proxy.upload_url(), &server.proxy.simple_url());
    }
    match pipeline {
        Pipeline::Commands => config.lines(COMMANDS),
        Pipeline::Development => config.stage("testpypi").set("version", "dev"),
        _ => config,
    }
}

const COMMANDS: &str = r#"
[stage.mark]
run = ["sh", "-c", "echo $PYRELEASE_VERSION >> $MARK"]
undo = ["sh", "-c", "rm -f $MARK"]
reach = "repository"

[stage.announce]
run = ["sh", "-c", "echo announced"]
reach = "follow-up"
"#;
