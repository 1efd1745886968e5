//! Every history that a scope allows, the shortest first.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::fmt::Write as _;

use super::automaton::State;
use super::commands::{Command, lost_its_end, next};
use super::process::{Fault, Halt, Oracle, Process, act, may};
use super::rules::Rules;
use super::stages::NO_FENCE;
use super::system::{Acts, Commit, Fencing, Files, Lock, Remote, Repository, SystemState, Task, Wrong};

/// What is explored
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    pub(crate) rules: Rules,
    pub(crate) tasks: &'static [Task],
    /// Distributions
    pub(crate) files: usize,
    pub(crate) fencing: Fencing,
    /// What may happen, and how often altogether
    pub(crate) faults: &'static [Fault],
    pub(crate) most: u8,
    /// How many commands, the first `run` included
    pub(crate) commands: u8,
    /// Whether a second machine takes part
    pub(crate) two: bool,
}

/// One step of a history
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// A command on a machine, and the choices that it comes to
    Command(usize, Command, Vec<u8>),
    Arrives(usize),
    Waits,
    Happens(usize, Fault),
    CutTo(usize, usize),
    /// The run of the first machine is packed
    Packs,
    /// The second machine fetches from the remote
    Fetches,
}

/// What was found
#[derive(Debug, Default)]
pub(crate) struct Explored {
    pub(crate) states: usize,
    pub(crate) executions: usize,
    /// What does not hold, each with the shortest history that leads there
    pub(crate) wrong: BTreeMap<Wrong, String>,
}

struct Node {
    system: SystemState,
    commands: u8,
    from: Option<(usize, Step)>,
}

/// Explores a scope; to no further than where all of this is found, where anything is sought.
pub(crate) fn explore(scope: &Scope, sought: &[Wrong]) -> Explored {
    let first = SystemState::new(scope.tasks, scope.files, scope.fencing, scope.most);
    let mut explorer = Explorer {
        scope,
        nodes: vec![Node { system: first.clone(), commands: scope.commands, from: None }],
        seen: HashSet::from([(first, scope.commands)]),
        ending: HashMap::new(),
        explored: Explored::default(),
    };
    let mut queue = VecDeque::from([0]);
    while let Some(at) = queue.pop_front() {
        let before = explorer.nodes.len();
        explorer.expand(at);
        queue.extend(before..explorer.nodes.len());
        let is_found = |wrong| explorer.explored.wrong.contains_key(wrong);
        if !sought.is_empty() && sought.iter().all(is_found) {
            break;
        }
    }
    explorer.explored.states = explorer.nodes.len();
    explorer.explored
}

struct Explorer<'s> {
    scope: &'s Scope,
    nodes: Vec<Node>,
    seen: HashSet<(SystemState, u8)>,
    /// By what is left of a system where nothing goes wrong any more: whether its runs come to an end
    ending: HashMap<SystemState, bool>,
    explored: Explored,
}

impl Explorer<'_> {
    fn expand(&mut self, at: usize) {
        let (system, commands) = (self.nodes[at].system.clone(), self.nodes[at].commands);
        for step in self.steps(&system, commands) {
            match step {
                Step::Command(machine, command, _) => {
                    self.command(at, &system, (machine, command), commands - 1)
                }
                step => {
                    let mut after = system.clone();
                    let result = apply(&mut after, &step);
                    self.reach(at, step, after, result, commands);
                }
            }
        }
    }

    /// What can happen between two commands.
    fn steps(&self, system: &SystemState, commands: u8) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut waited = system.clone();
        waited.wait();
        if waited != *system {
            steps.push(Step::Waits);
        }
        steps.extend((0..system.flying.len()).map(Step::Arrives));
        let machines = if self.scope.two { 2 } else { 1 };
        for (at, machine) in system.machines.iter().enumerate().take(machines) {
            let unfinished = machine.run.as_ref().is_some_and(|run| !run.over);
            if commands > 0 {
                let named = next(system, at, self.scope.rules);
                let mut all = vec![];
                if unfinished {
                    all.extend([Command::Resume, Command::Rollback, Command::Leave]);
                    all.extend(named.contains(&Command::Unlock).then_some(Command::Unlock));
                } else if at == 0 && machine.run.is_none() {
                    all.push(Command::Run);
                } else if at == 1 && machine.run.is_none() {
                    all.extend(system.packed.is_some().then_some(Command::Import));
                    all.extend(machine.repository.tag.then_some(Command::Resume));
                }
                steps.extend(all.into_iter().map(|command| Step::Command(at, command, Vec::new())));
            }
            if system.faults > 0 && unfinished {
                let between = [
                    Fault::JournalLost,
                    Fault::MarkLost,
                    Fault::DistLost,
                    Fault::Pushes,
                    Fault::Commits,
                    Fault::Locks,
                    Fault::Edits,
                    Fault::AddsFile,
                    Fault::DropsTag,
                ];
                let enabled = |fault: &&Fault| self.scope.faults.contains(fault) && may(system, at, **fault);
                steps.extend(between.iter().filter(enabled).map(|fault| Step::Happens(at, *fault)));
                let length = machine.run.as_ref().and_then(|run| run.journal.as_ref()).map_or(0, Vec::len);
                if self.scope.faults.contains(&Fault::JournalCut) {
                    steps.extend((1..length).map(|length| Step::CutTo(at, length)));
                }
            }
        }
        if self.scope.two {
            let first = system.machines[0].run.as_ref().filter(|run| !run.over);
            let packs = first.is_some_and(|run| run.journal.is_some() && system.book(run).done() > 0);
            steps.extend((packs && system.packed.is_none()).then_some(Step::Packs));
            let second = &system.machines[1].repository;
            let fetches = system.remote.tag && second.branch == Commit::Base && !second.tag;
            steps.extend(fetches.then_some(Step::Fetches));
        }
        steps
    }

    /// A command with everything that can happen to it.
    fn command(&mut self, from: usize, system: &SystemState, (at, command): (usize, Command), left: u8) {
        let mut pending = vec![Vec::new()];
        while let Some(script) = pending.pop() {
            let mut oracle = Oracle::new(&script, false);
            let (after, result) = execute(system, (at, command), self.scope, &mut oracle);
            self.explored.executions += 1;
            let choices: Vec<u8> = oracle.taken.iter().map(|(choice, _)| *choice).collect();
            for (place, (_, of)) in oracle.taken.iter().enumerate().skip(script.len()) {
                for choice in 1..*of {
                    let mut further = choices[..place].to_vec();
                    further.push(choice);
                    pending.push(further);
                }
            }
            self.reach(from, Step::Command(at, command, script), after, result, left);
        }
    }

    fn reach(
        &mut self,
        from: usize,
        step: Step,
        system: SystemState,
        result: Result<(), Wrong>,
        commands: u8,
    ) {
        if let Err(wrong) = result {
            self.note(wrong, from, &step, "");
            return;
        }
        if system.is_overwritten() {
            self.note(Wrong::Overwritten, from, &step, "");
            return;
        }
        if !self.seen.insert((system.clone(), commands)) {
            return;
        }
        if let Err(why) = self.ends(&system) {
            self.note(Wrong::DeadEnd, from, &step, &why);
        }
        self.nodes.push(Node { system, commands, from: Some((from, step)) });
    }

    fn note(&mut self, wrong: Wrong, from: usize, step: &Step, why: &str) {
        if self.explored.wrong.contains_key(&wrong) {
            return;
        }
        let mut steps = vec![step.clone()];
        let mut at = from;
        while let Some((before, step)) = &self.nodes[at].from {
            steps.push(step.clone());
            at = *before;
        }
        steps.reverse();
        let mut text = format!("{wrong:?}:\n");
        let mut system = self.nodes[0].system.clone();
        for step in steps {
            let _ = writeln!(text, "{}", shown(&step));
            if let Step::Command(at, command, script) = &step {
                let mut oracle = Oracle::new(script, true);
                system = execute(&system, (*at, *command), self.scope, &mut oracle).0;
                oracle.told.unwrap_or_default().iter().for_each(|line| text.push_str(&format!("{line}\n")));
            } else {
                let _ = apply(&mut system, &step);
            }
        }
        let (remote, public) = (&system.remote, &system.public.files);
        let _ = write!(
            text,
            "{why}\nat the end: remote {:?}, tag {}, public {public:?}",
            remote.branch, remote.tag
        );
        self.explored.wrong.insert(wrong, text);
    }

    /// Whether every unfinished run of a system comes to an end by the commands that `status` names, when nothing goes
    /// wrong any more.
    fn ends(&mut self, system: &SystemState) -> Result<(), String> {
        let mut arrived = system.clone();
        while !arrived.flying.is_empty() {
            if arrived.arrive(0).is_err() {
                // That is what is wrong, then.
                return Ok(());
            }
        }
        for system in [arrived, system.clone()] {
            for at in 0..2 {
                let calm = calm(&system);
                if !self.leads(&calm, at, 0) {
                    return Err(self.nowhere(&calm, at));
                }
            }
        }
        Ok(())
    }

    /// What the commands that lead nowhere come to.
    fn nowhere(&self, system: &SystemState, at: usize) -> String {
        let mut text = String::from("what `status` names leads nowhere:");
        for command in next(system, at, self.scope.rules) {
            let mut oracle = Oracle::new(&[], true);
            let (_, result) = execute(system, (at, command), self.scope, &mut oracle);
            let _ = write!(text, "\n{}: {result:?}", shown(&Step::Command(at, command, Vec::new())));
            oracle.told.unwrap_or_default().iter().for_each(|line| text.push_str(&format!("\n{line}")));
        }
        text
    }

    fn leads(&mut self, system: &SystemState, at: usize, depth: usize) -> bool {
        let over = |system: &SystemState| system.machines[at].run.as_ref().is_none_or(|run| run.over);
        if over(system) {
            return true;
        }
        if let (Some(known), 0) = (self.ending.get(system), at) {
            return *known;
        }
        if depth > LONGEST_WAY {
            return false;
        }
        let mut good = Vec::new();
        for command in next(system, at, self.scope.rules) {
            let mut oracle = Oracle::new(&[], false);
            let (after, result) = execute(system, (at, command), self.scope, &mut oracle);
            let after = calm(&after);
            let moved = essence(&after, at, self.scope.rules) != essence(system, at, self.scope.rules);
            good.push(result.is_err() || over(&after) || (moved && self.leads(&after, at, depth + 1)));
        }
        let is_disturbed = system.acts != Acts::default();
        let leads = if is_disturbed { good.contains(&true) } else { good.first() == Some(&true) };
        if at == 0 {
            self.ending.insert(system.clone(), leads);
        }
        leads
    }
}

/// Commands after which a run has to be over
const LONGEST_WAY: usize = 5;

/// The system when nothing goes wrong any more, and persons have put away what was in the way.
fn calm(system: &SystemState) -> SystemState {
    let mut system = system.clone();
    system.faults = 0;
    system.wait();
    for machine in &mut system.machines {
        let repository = &mut machine.repository;
        repository.edited = false;
        repository.index_lock = repository.index_lock.filter(|lock| *lock != Lock::Theirs);
    }
    let Acts { pushed, committed, dropped, .. } = system.acts;
    system.acts = Acts { pushed, committed, dropped, ..Acts::default() };
    system
}

/// What makes one state of a run another than one before, however much has been written since.
#[derive(PartialEq)]
struct Essence {
    repository: Repository,
    remote: Remote,
    public: Files,
    run: Option<(bool, bool, bool, usize)>,
    effects: BTreeMap<(u8, u16), State>,
}

fn essence(system: &SystemState, at: usize, rules: Rules) -> Essence {
    let machine = &system.machines[at];
    let mut effects = BTreeMap::new();
    let mut facts = None;
    if let Some(run) = &machine.run {
        let book = system.book(run);
        facts = Some((run.over, run.journal.is_some(), lost_its_end(rules, run), book.done()));
        for entry in &book.entries {
            let what =
                if entry.deed.kind == super::automaton::Kind::Push { NO_FENCE } else { entry.deed.what };
            effects.insert((entry.stage, what), entry.state);
        }
    }
    let (repository, remote) = (machine.repository.clone(), Remote { fences: 0, ..system.remote.clone() });
    Essence { repository, remote, public: system.public.files, run: facts, effects }
}

fn execute(
    system: &SystemState,
    (at, command): (usize, Command),
    scope: &Scope,
    oracle: &mut Oracle,
) -> (SystemState, Result<(), Wrong>) {
    let mut process = Process::new(system.clone(), at, scope.rules, scope.faults, oracle);
    let result = process.command(command);
    match result {
        Err(Halt::Wrong(wrong)) => (process.system, Err(wrong)),
        _ => (process.system, Ok(())),
    }
}

fn apply(system: &mut SystemState, step: &Step) -> Result<(), Wrong> {
    match *step {
        Step::Arrives(at) => return system.arrive(at),
        Step::Waits => system.wait(),
        Step::Happens(at, fault) => {
            system.faults -= 1;
            let is_persons = act(system, at, fault);
            let run = system.machines[at].run.as_mut().filter(|_| !is_persons);
            match (run, fault) {
                (Some(run), Fault::JournalLost) => (run.journal, run.mark) = (None, None),
                (Some(run), Fault::MarkLost) => run.mark = None,
                (Some(run), Fault::DistLost) => run.dist = Files::default(),
                _ => {}
            }
        }
        Step::CutTo(at, length) => {
            system.faults -= 1;
            if let Some(run) = &mut system.machines[at].run {
                run.is_cut |= run.mark.is_some_and(|mark| usize::from(mark) > length);
                run.journal.iter_mut().for_each(|journal| journal.truncate(length));
            }
        }
        Step::Packs => {
            let run = system.machines[0].run.as_ref();
            system.packed = run.and_then(|run| Some((run.journal.clone()?, run.dist)));
        }
        Step::Fetches => {
            let (tag, branch) = (system.remote.tag, system.remote.branch);
            let repository = &mut system.machines[1].repository;
            (repository.tag, repository.branch, repository.tree) = (tag, branch, branch);
        }
        Step::Command(..) => {}
    }
    Ok(())
}

/// A step as a trace has it.
fn shown(step: &Step) -> String {
    match step {
        Step::Command(at, command, _) => format!("machine {at}: {command:?}"),
        Step::Arrives(_) => "what is on its way arrives".to_owned(),
        Step::Waits => "a quarter of an hour passes".to_owned(),
        Step::Happens(at, fault) => format!("fault at machine {at}: {fault:?}"),
        Step::CutTo(at, length) => format!("fault at machine {at}: the journal is cut to {length} records"),
        Step::Packs => "machine 0: the run is exported".to_owned(),
        Step::Fetches => "machine 1: fetches from the remote".to_owned(),
    }
}
