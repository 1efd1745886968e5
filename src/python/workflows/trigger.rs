//! The events that start a workflow of GitHub (`on:`).

use std::fmt;

use super::Likelihood;
use super::filter;
use super::occasion::{Event, NewRelease, Occasion};
use crate::python::forge::Forge;
use crate::python::yaml::Node;

/// What starts a workflow
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    /// A pushed tag; with patterns only some tags
    Tag(Vec<String>),
    /// A commit pushed to a branch; with patterns only some branches
    Branch(Vec<String>),
    /// A release published on the forge
    Release,
    /// A person
    Manual,
    Schedule,
    /// The end of another workflow
    After(String),
    /// A workflow of another repository
    Call,
    /// Any other event, by its name
    Other(String),
}

impl fmt::Display for Trigger {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let patterns = |patterns: &[String]| match patterns {
            [] => String::new(),
            patterns => format!(" ({})", patterns.join(", ")),
        };
        match self {
            Self::Tag(of) => write!(out, "a pushed tag{}", patterns(of)),
            Self::Branch(of) => write!(out, "a push to a branch{}", patterns(of)),
            Self::Release => out.write_str("a published release"),
            Self::Manual => out.write_str("a manual start"),
            Self::Schedule => out.write_str("a schedule"),
            Self::After(workflow) => write!(out, "the end of `{workflow}`"),
            Self::Call => out.write_str("a call from another repository"),
            Self::Other(event) => write!(out, "the event `{event}`"),
        }
    }
}

/// What becomes of a release that may start a workflow; the default of `types`, as far as a new release goes
const RELEASE_ACTIONS: [&str; 4] = ["published", "released", "prereleased", "created"];

/// Events that may start a workflow, each with how likely it does so
pub(super) type Starts<'a> = Vec<(Likelihood, Occasion<'a>)>;

/// The events of one workflow
#[derive(Debug, Clone, Default)]
pub(super) struct Events {
    push: Option<Push>,
    creates: bool,
    /// The actions on a release
    release: Option<Vec<String>>,
    manual: bool,
    schedule: bool,
    /// The names of the workflows whose end starts this one
    pub after: Vec<String>,
    /// The branches, or tags, that the other workflow must have run for
    after_branches: Patterns,
    pub is_called: bool,
    other: Vec<String>,
}

#[derive(Debug, Clone, Default)]
struct Push {
    tags: Patterns,
    branches: Patterns,
}

/// `tags` and `tags-ignore`, or those of branches
#[derive(Debug, Clone, Default)]
struct Patterns {
    only: Option<Vec<String>>,
    ignored: Option<Vec<String>>,
}

impl Patterns {
    fn read(settings: &Node, name: &str) -> Self {
        let texts = |key: &str| settings.get(key).filter(|node| !node.is_null()).map(|node| node.texts());
        Self { only: texts(name), ignored: texts(&format!("{name}-ignore")) }
    }

    fn is_set(&self) -> bool {
        self.only.is_some() || self.ignored.is_some()
    }

    fn allow(&self, name: Option<&str>) -> Likelihood {
        let only = self.only.as_ref().map_or(Likelihood::Yes, |patterns| filter::allows(patterns, name));
        let ignored = self.ignored.iter().flatten().map(|pattern| filter::matches(pattern, name)).max();
        only.and(!ignored.unwrap_or(Likelihood::No))
    }

    /// As written; `!` for those that are ignored.
    fn shown(&self) -> Vec<String> {
        let ignored = self.ignored.iter().flatten().map(|pattern| format!("!{pattern}"));
        self.only.iter().flatten().cloned().chain(ignored).collect()
    }
}

impl Events {
    /// Reads `on:`, which YAML 1.1 takes for the boolean true.
    pub fn read(workflow: &Node) -> Self {
        let mut events = Self::default();
        let Some(on) = workflow.get("on").or_else(|| workflow.get("true")) else { return events };
        for name in on.texts() {
            events.add(&name, None);
        }
        for (name, settings) in on.map() {
            events.add(name, Some(settings));
        }
        events
    }

    fn add(&mut self, name: &str, settings: Option<&Node>) {
        let texts = |key: &str| settings.and_then(|node| node.get(key)).map(|node| node.texts());
        match name {
            "push" => {
                let read = |name| settings.map(|node| Patterns::read(node, name)).unwrap_or_default();
                self.push = Some(Push { tags: read("tags"), branches: read("branches") });
            }
            "create" => self.creates = true,
            "release" => {
                let all = || RELEASE_ACTIONS.map(str::to_owned).to_vec();
                self.release = Some(texts("types").unwrap_or_else(all));
            }
            "workflow_dispatch" => self.manual = true,
            "schedule" => self.schedule = true,
            "workflow_run" => {
                self.after = texts("workflows").unwrap_or_default();
                self.after_branches =
                    settings.map(|node| Patterns::read(node, "branches")).unwrap_or_default();
            }
            "workflow_call" => self.is_called = true,
            _ => self.other.push(name.to_owned()),
        }
    }

    /// Whether the push of a tag starts the workflow.
    pub fn on_tag(&self, tag: Option<&str>) -> Likelihood {
        let Some(push) = &self.push else { return Likelihood::No };
        // Filters of branches alone keep tags out.
        if !push.tags.is_set() && push.branches.is_set() {
            return Likelihood::No;
        }
        push.tags.allow(tag)
    }

    fn on_branch(&self) -> bool {
        self.push.as_ref().is_some_and(|push| push.branches.is_set() || !push.tags.is_set())
    }

    /// The actions on a new release that start the workflow.
    fn release_actions(&self) -> impl Iterator<Item = &str> {
        let actions = self.release.iter().flatten().map(String::as_str);
        actions.filter(|action| RELEASE_ACTIONS.contains(action))
    }

    /// The events around a tag that start the workflow.
    pub fn at_tag<'a>(&'a self, tag: Option<&'a str>) -> Starts<'a> {
        let about = |event| Occasion { event, tag: Some(tag), is_prerelease: None };
        let mut occasions = vec![(self.on_tag(tag), about(Event::Push))];
        if self.creates {
            occasions.push((Likelihood::Yes, about(Event::Create)));
        }
        occasions
    }

    /// The events around a new release that start the workflow.
    pub fn at_release<'a>(&'a self, forge: Forge, release: &NewRelease<'a>) -> Starts<'a> {
        let actions = self.release_actions().filter(|action| release.has(forge, action));
        actions.map(|action| (Likelihood::Yes, Occasion::release(action, Some(release)))).collect()
    }

    /// Whether the end of another workflow, which ran for a tag, starts this one.
    pub fn follows(&self, tag: &str) -> Likelihood {
        self.after_branches.allow(Some(tag))
    }

    /// All triggers, each with the events it stands for.
    pub fn triggers(&self) -> Vec<(Trigger, Vec<Occasion<'_>>)> {
        let mut all = Vec::new();
        if let Some(push) = &self.push {
            if self.on_tag(None) != Likelihood::No {
                all.push((Trigger::Tag(push.tags.shown()), vec![Occasion::tag(None)]));
            }
            if self.on_branch() {
                all.push((Trigger::Branch(push.branches.shown()), vec![Occasion::on(Event::Push)]));
            }
        }
        if self.creates {
            all.push((
                Trigger::Tag(Vec::new()),
                vec![Occasion { tag: Some(None), ..Occasion::on(Event::Create) }],
            ));
        }
        if self.release_actions().next().is_some() {
            let occasions = self.release_actions().map(|action| Occasion::release(action, None));
            all.push((Trigger::Release, occasions.collect()));
        }
        if self.manual {
            all.push((Trigger::Manual, vec![Occasion::on(Event::Manual)]));
        }
        if self.schedule {
            all.push((Trigger::Schedule, vec![Occasion::on(Event::Schedule)]));
        }
        for workflow in &self.after {
            all.push((Trigger::After(workflow.clone()), vec![Occasion::on(Event::AfterWorkflow)]));
        }
        for name in &self.other {
            all.push((Trigger::Other(name.clone()), vec![Occasion::on(Event::Other(name))]));
        }
        all
    }
}
