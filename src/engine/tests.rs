//! Tests of the engine with stages of their own, on a real repository.

use snapbox::{assert_data_eq, str};
use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use super::checkout::Checkout;
use super::event::Event;
use super::execute::Execution;
use super::journal::{Journal, Outcome, Record, entries};
use super::model::PluginSteps;
use super::model::State;
use super::pipeline::Pipeline;
use super::prelude::*;
use super::recover::{OnUndoFailure, RecoveryContext};
use super::release::Target;
use super::run::{RunFolder, Store};
use crate::config::{Names, Source};
use crate::error::ErrorKind;
use crate::world::Environment;
use crate::world::git::TagRef;
use crate::world::process::Process;

type Work = Box<dyn Fn(&Release, &mut Effects<'_>) -> Result<Outputs> + Sync>;

struct TestStage {
    name: &'static str,
    reach: Reach,
    work: Work,
}

impl Stage for TestStage {
    fn name(&self) -> &str {
        self.name
    }

    fn reach(&self) -> Reach {
        self.reach
    }

    fn preflight(&self, _: &Release) -> Result<Vec<Finding>> {
        Ok(Vec::new())
    }

    fn run(&self, release: &Release, effects: &mut Effects<'_>) -> Result<Outputs> {
        (self.work)(release, effects)
    }
}

fn test_stage(
    name: &'static str,
    reach: Reach,
    work: impl Fn(&Release, &mut Effects<'_>) -> Result<Outputs> + Sync + 'static,
) -> Box<dyn Stage> {
    Box::new(TestStage { name, reach, work: Box::new(work) })
}

/// Changes a file, commits and tags.
fn tagging() -> Box<dyn Stage> {
    test_stage("tag", Reach::Private, |release, effects| {
        effects.write(&release.root(), "version.txt", b"1.1.0\n")?;
        let commit = effects
            .private(Action::Commit { message: "Release".into() }, |bench| bench.clone.commit("Release"))?;
        let commit = commit.unwrap_or_default();
        let object = effects.private(Action::Tag { name: "v1.1.0".into(), signed: None }, |bench| {
            bench.clone.tag("v1.1.0", Some("1.1.0"), &commit, None)
        })?;
        let tag = object.map(|object| TagRef { name: "v1.1.0".into(), object });
        Ok(Outputs { commit: Some(commit), tag, ..Outputs::default() })
    })
}

fn command(reach: Reach, undo: Option<&str>) -> Effect {
    let undo = undo.map(|script| vec!["sh".to_owned(), "-c".to_owned(), script.to_owned()]);
    effect("toy", reach, [undo, None])
}

/// A command by its name, with what undoes and verifies it.
fn effect(name: &str, reach: Reach, [undo, verify]: [Option<Vec<String>>; 2]) -> Effect {
    let (command, environment) = (vec![name.to_owned()], Vec::new());
    Effect::Command { reach, command, undo, verify, environment, member: None }
}

fn succeeding(name: &'static str, reach: Reach) -> Box<dyn Stage> {
    test_stage(name, reach, move |_, effects| {
        effects.attempt(command(reach, None), |_| Ok("done".into()))?;
        Ok(Outputs::default())
    })
}

fn failing(reach: Reach) -> Box<dyn Stage> {
    test_stage("failing", reach, |_, effects| {
        if effects.is_live() { Err(Error::failed("it does not work")) } else { Ok(Outputs::default()) }
    })
}

struct Fixture {
    _folder: tempfile::TempDir,
    top: PathBuf,
    interrupted: AtomicBool,
    events: RefCell<Vec<String>>,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let top = fs_err::canonicalize(folder.path()).unwrap();
        fs_err::write(top.join("version.txt"), "1.0.0\n").unwrap();
        fs_err::write(top.join("pyproject.toml"), "[project]\nname = \"demo\"\nversion = \"1.0.0\"\n")
            .unwrap();
        let fixture =
            Self { _folder: folder, top, interrupted: AtomicBool::new(false), events: RefCell::default() };
        fixture.git(&["init", "-q", "-b", "main", "."]);
        for (key, value) in [("user.name", "A"), ("user.email", "a@example.org"), ("commit.gpgSign", "false")]
        {
            fixture.git(&["config", key, value]);
        }
        fixture.git(&["add", "."]);
        fixture.git(&["commit", "-qm", "start"]);
        fixture
    }

    fn git(&self, arguments: &[&str]) -> String {
        Process::new("git").args(arguments).folder(&self.top).read().unwrap()
    }

    fn everything(&self) -> String {
        let text = fs_err::read_to_string(self.top.join("version.txt")).unwrap();
        format!("{}\n{}\n{text}", self.git(&["for-each-ref"]), self.git(&["status", "--porcelain"]))
    }

    fn checkout(&self) -> Checkout {
        Checkout::open(&self.top, Environment::default()).unwrap()
    }

    fn release(&self) -> Release {
        let checkout = self.checkout();
        let project = crate::python::project::Project::read(&checkout).unwrap();
        let names = Names { version: "1.1.0".into(), tag: "v1.1.0".into(), ..Names::default() };
        let target = Target {
            project,
            version: "1.1.0".parse().unwrap(),
            previous: "1.0.0".parse().unwrap(),
            previous_tag: None,
            conventions: Default::default(),
            reason: None,
            names,
        };
        Release::new(checkout, target)
    }

    fn run(&self, stages: Vec<Box<dyn Stage>>) -> Result<()> {
        let pipeline = Pipeline::new(stages).unwrap();
        let listener = |event: &Event<'_>| self.events.borrow_mut().push(format!("{event:?}"));
        let store = Store::of(&self.checkout().repository)?;
        let source = Source::new("release.toml", String::new());
        Execution::begin(&store, &pipeline, self.release(), (&source, &[]), &self.interrupted, &listener)?
            .complete()
    }

    fn last_run(&self) -> (RunFolder, Vec<Record>) {
        let run = Store::of(&self.checkout().repository).unwrap().runs().unwrap().pop().unwrap();
        let records = Journal::read(&run.journal()).unwrap();
        (run, records)
    }
}

#[test]
fn a_decreasing_reach_is_refused_with_an_order_that_works() {
    let stages = vec![succeeding("pypi", Reach::Public), tagging(), succeeding("push", Reach::Repository)];
    let error = Pipeline::new(stages).err().unwrap();
    assert_eq!(error.at, 1);
    assert!(error.message.starts_with("`tag` (private) comes after `pypi` (public)"), "{}", error.message);
    let help = r#"an order that works: stages = ["tag", "push", "pypi"]"#;
    assert_eq!(error.help.as_deref(), Some(help));
}

#[test]
fn a_plan_changes_nothing_and_says_what_would_change() {
    let fixture = Fixture::new();
    let before = fixture.everything();
    let pipeline = Pipeline::new(vec![tagging(), succeeding("push", Reach::Repository)]).unwrap();
    let plan = pipeline.plan(&mut fixture.release(), PluginSteps::new(), &|_: &Event<'_>| {}).unwrap();
    let actions: Vec<String> = plan.stages[0].actions.iter().map(ToString::to_string).collect();
    assert_eq!(actions, ["write version.txt", "commit \"Release\"", "tag v1.1.0"]);
    assert_eq!(fixture.everything(), before);
}

#[test]
fn changes_that_nothing_commits_are_refused() {
    let fixture = Fixture::new();
    let late = test_stage("late", Reach::Private, |release, effects| {
        effects.write(&release.root(), "version.txt", b"late")?;
        Ok(Outputs::default())
    });
    let pipeline = Pipeline::new(vec![tagging(), late]).unwrap();
    let error = pipeline.plan(&mut fixture.release(), PluginSteps::new(), &|_: &Event<'_>| {}).unwrap_err();
    assert_eq!(error.to_string(), "`late` changes `version.txt` and no stage after it commits the change");
}

#[test]
fn a_release_lands_and_its_clone_is_gone() {
    let fixture = Fixture::new();
    fixture.run(vec![tagging(), succeeding("push", Reach::Repository)]).unwrap();
    assert_eq!(fs_err::read_to_string(fixture.top.join("version.txt")).unwrap(), "1.1.0\n");
    assert_eq!(fixture.git(&["rev-parse", "v1.1.0^{commit}"]), fixture.git(&["rev-parse", "main"]));
    assert_eq!(fixture.git(&["status", "--porcelain"]), "");
    let (run, _) = fixture.last_run();
    assert_eq!(run.outcome().unwrap(), Some(Outcome::Released));
    assert!(!run.tree().exists());
}

#[test]
fn a_failure_before_the_point_of_no_return_undoes_everything() {
    for reach in [Reach::Private, Reach::Rehearsal, Reach::Repository, Reach::Public] {
        let fixture = Fixture::new();
        let before = fixture.everything();
        let error = fixture.run(vec![tagging(), failing(reach)]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Failed, "{reach}");
        assert_eq!(fixture.everything(), before, "{reach}");
        let (run, _) = fixture.last_run();
        assert_eq!(run.outcome().unwrap(), Some(Outcome::RolledBack));
        assert!(!run.tree().exists() && !run.dist().exists());
        assert!(!run.folder().join("reserve").exists());
    }
}

#[test]
fn a_stage_that_panics_is_undone_like_one_that_fails() {
    let fixture = Fixture::new();
    let before = fixture.everything();
    let panicking = test_stage("panicking", Reach::Repository, |_, effects| {
        assert!(!effects.is_live(), "out of its depth");
        Ok(Outputs::default())
    });
    let error = fixture.run(vec![tagging(), panicking]).unwrap_err();
    assert_eq!(error.to_string(), "`panicking` panicked: out of its depth");
    assert_eq!(fixture.everything(), before);
}

#[test]
fn a_stage_that_refuses_before_any_effect_leaves_the_code_for_refusals() {
    let fixture = Fixture::new();
    let refusing = test_stage("check", Reach::Private, |_, _| Err(Error::refused("it is broken")));
    assert_eq!(fixture.run(vec![tagging(), refusing]).unwrap_err().kind(), ErrorKind::Refused);
}

#[test]
fn a_failure_after_the_point_of_no_return_leaves_all_as_it_is() {
    let fixture = Fixture::new();
    let error =
        fixture.run(vec![tagging(), succeeding("pypi", Reach::Public), failing(Reach::Public)]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Left);
    assert_eq!(fs_err::read_to_string(fixture.top.join("version.txt")).unwrap(), "1.1.0\n");
    let (run, _) = fixture.last_run();
    assert_eq!(run.outcome().unwrap(), None);

    let mut journal = Journal::open(&run.journal()).unwrap();
    let checkout = fixture.checkout();
    let listener = |_: &Event<'_>| {};
    let (repository, environment) = (&checkout.repository, &checkout.environment);
    let context = RecoveryContext { repository, environment, run: &run, listener: &listener };
    let refused = context.rollback(&mut journal, OnUndoFailure::Stop, &[]).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Left);
    assert_data_eq!(refused.to_string(), str!["command `toy` is public and cannot be undone"]);
}

#[test]
fn an_effect_beyond_the_reach_of_its_stage_is_not_attempted() {
    let fixture = Fixture::new();
    let sly = test_stage("sly", Reach::Private, |_, effects| {
        effects.attempt(command(Reach::Public, None), |_| panic!("attempted"))?;
        Ok(Outputs::default())
    });
    let error = fixture.run(vec![tagging(), sly]).unwrap_err();
    assert_data_eq!(
        error.to_string(),
        str!["`sly` reaches only as far as private; it was stopped before it changed command `toy`"]
    );
}

#[test]
fn a_failing_follow_up_does_not_make_the_release_fail() {
    let fixture = Fixture::new();
    fixture.run(vec![tagging(), succeeding("pypi", Reach::Public), failing(Reach::FollowUp)]).unwrap();
    let events = fixture.events.borrow().join("\n");
    assert!(events.contains("the release is out, but `failing` failed"), "{events}");
}

#[test]
fn an_interrupt_undoes_and_says_so() {
    let fixture = Fixture::new();
    let before = fixture.everything();
    fixture.interrupted.store(true, Ordering::SeqCst);
    let error = fixture.run(vec![tagging()]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    assert_eq!(fixture.everything(), before);
}

#[test]
fn what_cannot_be_undone_is_left_and_named() {
    let fixture = Fixture::new();
    let repository = Reach::Repository;
    let stubborn = test_stage("publish", repository, |_, effects| {
        effects
            .attempt(command(Reach::Repository, Some("echo no way back; exit 1")), |_| Ok("done".into()))?;
        Ok(Outputs::default())
    });
    let error = fixture.run(vec![tagging(), stubborn, failing(repository)]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Left);
    assert!(error.to_string().contains("no way back"), "{error}");
    // The landing before it stays as well, and the run unfinished for `rollback` to be tried again.
    let (run, records) = fixture.last_run();
    assert_eq!(run.outcome().unwrap(), None);
    let states: Vec<State> = entries(&records).iter().map(|entry| entry.state).collect();
    assert_eq!(states, [State::Done, State::InDoubt]);
}

#[test]
fn a_command_without_a_way_back_stays_and_the_rest_is_undone() {
    let fixture = Fixture::new();
    let before = fixture.everything();
    let repository = Reach::Repository;
    fixture.run(vec![tagging(), succeeding("publish", repository), failing(repository)]).unwrap_err();
    assert_eq!(fixture.everything(), before);
    let (run, records) = fixture.last_run();
    assert_eq!(run.outcome().unwrap(), Some(Outcome::RolledBack));
    let states: Vec<State> = entries(&records).iter().map(|entry| entry.state).collect();
    assert_eq!(states, [State::Undone, State::Kept]);
    assert!(fixture.events.borrow().join("\n").contains("has no `undo` command"));
}

#[test]
fn a_command_is_undone_by_its_own_command() {
    let fixture = Fixture::new();
    let before = fixture.everything();
    let mark = fixture.top.join(".git/mark");
    fs_err::write(&mark, "").unwrap();
    let undoable = test_stage("publish", Reach::Repository, |_, effects| {
        effects.attempt(command(Reach::Repository, Some("rm .git/mark")), |_| Ok("done".into()))?;
        Ok(Outputs::default())
    });
    let error = fixture.run(vec![tagging(), undoable, failing(Reach::Repository)]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Failed);
    assert!(!mark.exists());
    assert_eq!(fixture.everything(), before);
}

#[test]
fn one_run_at_a_time() {
    let fixture = Fixture::new();
    let store = Store::of(&fixture.checkout().repository).unwrap();
    let held = store.lock().unwrap();
    let error = store.lock().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
    // A command that only looks releases it soon.
    let looking = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(100));
        drop(held);
    });
    store.lock().unwrap();
    looking.join().unwrap();
}

#[test]
fn an_attempt_that_succeeded_at_last_settles_the_doubtful_one_before() {
    let effect = || command(Reach::Public, None);
    let intent = |id| Record::Intent { id, at: 0, stage: "pypi".into(), effect: effect(), locks: None };
    let mut records = vec![intent(0), intent(1)];
    assert_eq!(
        entries(&records).iter().map(|entry| entry.state).collect::<Vec<_>>(),
        [State::InDoubt, State::InDoubt]
    );
    records.push(Record::Done { id: 1, evidence: String::new() });
    assert_eq!(
        entries(&records).iter().map(|entry| entry.state).collect::<Vec<_>>(),
        [State::NotDone, State::Done]
    );
}

fn upload(name: &str) -> Effect {
    effect(name, Reach::Public, [None, None])
}

/// A task with an upload, and its attempt
fn task<'t>(
    name: &str,
    attempt: impl FnOnce(&TaskContext<'_>) -> Result<Evidence, Attempt> + Send + 't,
) -> Task<'t> {
    Task { effect: upload(name), attempt: Box::new(attempt) }
}

#[test]
fn effects_at_the_same_time_each_have_their_intent_before_they_begin() {
    let fixture = Fixture::new();
    let runs = fixture.top.join(".git/pyrelease/runs");
    let at_once = test_stage("pypi", Reach::Public, move |_, effects| {
        if !effects.is_live() {
            return Ok(Outputs::default());
        }
        let journal = fs_err::read_dir(&runs).unwrap().next().unwrap().unwrap().path().join("journal.jsonl");
        // Each sees its own intent at once, and waits until it sees all three.
        let attempt = |name: &'static str| {
            let journal = journal.clone();
            task(name, move |context| {
                let intended = || {
                    let states = entries(&Journal::read(&journal).unwrap());
                    states.into_iter().filter(|entry| entry.state == State::InDoubt).collect::<Vec<_>>()
                };
                assert!(intended().iter().any(|entry| entry.effect == upload(name)), "{name}");
                while intended().len() < 3 {
                    context.wait(std::time::Duration::from_millis(5)).unwrap();
                }
                context.note(name);
                // The first of them keeps the others company until they have seen what they wait for.
                context.wait(std::time::Duration::from_millis(300)).unwrap();
                Ok(name.to_owned().into())
            })
        };
        let outcomes =
            effects.attempt_all(["one", "two", "three"].map(attempt).into(), 3, &|_, _, outcome| {
                assert!(matches!(outcome, TaskOutcome::Done(_)));
            });
        assert_eq!(outcomes.len(), 3);
        Ok(Outputs::default())
    });
    fixture.run(vec![tagging(), at_once]).unwrap();
    let (_, records) = fixture.last_run();
    let done = entries(&records).iter().filter(|entry| entry.state == State::Done).count();
    assert_eq!(done, 4, "the landing and the three");
    for name in ["one", "two", "three"] {
        assert!(fixture.events.borrow().iter().any(|event| event.contains(&format!("message: {name:?}"))));
    }
}

#[test]
fn the_first_failure_stops_others_from_beginning_and_hides_none() {
    let fixture = Fixture::new();
    let at_once = test_stage("pypi", Reach::Public, |_, effects| {
        let tasks = vec![
            task("slow", |context| {
                context.wait(std::time::Duration::from_millis(200)).unwrap();
                Ok("slow".to_owned().into())
            }),
            task("refused", |_| Err(Attempt::NotDone(Error::failed("refused")))),
            task("lost", |context| {
                context.wait(std::time::Duration::from_millis(100)).unwrap();
                panic!("lost")
            }),
            task("never", |_| panic!("begun")),
        ];
        let outcomes = effects.attempt_all(tasks, 3, &|_, _, _| {});
        if effects.is_live() {
            let [
                TaskOutcome::Done(_),
                TaskOutcome::NotDone(_),
                TaskOutcome::InDoubt(lost),
                TaskOutcome::NotStarted,
            ] = &outcomes[..]
            else {
                panic!("{outcomes:?}")
            };
            assert_data_eq!(lost.to_string(), str!["the attempt panicked: lost"]);
            return Err(Error::failed("one was refused"));
        }
        Ok(Outputs::default())
    });
    let error = fixture.run(vec![tagging(), at_once]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Left, "{error}");
    let (_, records) = fixture.last_run();
    let states: Vec<_> = entries(&records)
        .into_iter()
        .filter(|entry| matches!(entry.effect, Effect::Command { .. }))
        .map(|entry| entry.state)
        .collect();
    assert_eq!(states, [State::Done, State::NotDone, State::InDoubt]);
}

/// Killed with three under way, of which the world has two: each is asked about by itself.
#[test]
fn every_effect_in_doubt_is_asked_about() {
    let fixture = Fixture::new();
    let verify = |there: bool| vec!["sh".to_owned(), "-c".to_owned(), format!("exit {}", u8::from(!there))];
    let effect = |name: &str, there| effect(name, Reach::Public, [None, Some(verify(there))]);
    fixture.run(vec![tagging(), failing(Reach::Public)]).unwrap_err();
    let (run, _) = fixture.last_run();
    let mut journal = Journal::open(&run.journal()).unwrap();
    for (name, there) in [("one", true), ("two", false), ("three", true)] {
        journal.intend("pypi", effect(name, there), None).unwrap();
    }
    let checkout = fixture.checkout();
    let listener = |_: &Event<'_>| {};
    let (repository, environment) = (&checkout.repository, &checkout.environment);
    let context = RecoveryContext { repository, environment, run: &run, listener: &listener };
    context.reconcile(&mut journal).unwrap();
    let states: Vec<_> = entries(journal.records()).iter().rev().take(3).map(|entry| entry.state).collect();
    assert_eq!(states, [State::Done, State::NotDone, State::Done]);
}
