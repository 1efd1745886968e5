//! Which events start a job: `rules`, and the older `only` and `except`.

mod condition;

use std::sync::Arc;

use regex::RegexBuilder;

use crate::python::workflows::Likelihood;
use crate::python::workflows::occasion::{Event, Occasion};
use crate::python::workflows::script::Variables;
use crate::python::workflows::trigger::Trigger;
use crate::python::yaml::Node;

/// The most rules of a job that are looked at
const MOST: usize = 200;

#[derive(Debug, Clone, Default)]
pub(in crate::python::workflows) struct Gate {
    /// The pipeline's rules and the job's: all must let the event through
    starts: Vec<Start>,
    /// The job's `when`
    when: When,
    variables: Arc<Variables>,
}

#[derive(Debug, Clone)]
enum Start {
    Rules(Vec<Rule>),
    Refs { only: Option<Refs>, except: Option<Refs> },
}

#[derive(Debug, Clone)]
struct Rule {
    condition: Option<String>,
    /// It depends on files, which are not compared
    is_open: bool,
    when: Option<When>,
}

/// `only` or `except`
#[derive(Debug, Clone, Default)]
struct Refs {
    names: Vec<String>,
    conditions: Vec<String>,
    is_open: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum When {
    #[default]
    Always,
    Manual,
    Never,
}

impl When {
    fn read(node: &Node) -> Option<Self> {
        Some(match node.text_of("when")? {
            "never" | "on_failure" => Self::Never,
            "manual" => Self::Manual,
            _ => Self::Always,
        })
    }
}

impl Gate {
    pub fn read(workflow: Option<&std::rc::Rc<Node>>, job: &Node, variables: &Variables) -> Self {
        let rules = |node: &Node| node.get("rules").map(|rules| Start::Rules(read_rules(rules)));
        let mut starts: Vec<Start> = workflow.and_then(|workflow| rules(workflow)).into_iter().collect();
        let refs = |key: &str| job.get(key).map(|node| Refs::read(node));
        starts.push(rules(job).unwrap_or_else(|| Start::Refs { only: refs("only"), except: refs("except") }));
        let when = When::read(job).unwrap_or_default();
        Self { starts, when, variables: Arc::new(variables.clone()) }
    }

    /// Whether the event starts the job in this way.
    fn starts(&self, occasion: Occasion<'_>, wanted: When) -> Likelihood {
        let last = self.starts.len().saturating_sub(1);
        let starts = self.starts.iter().enumerate().map(|(at, start)| match start {
            // The pipeline itself is never manual.
            Start::Rules(rules) if at < last => self.by_rules(rules, occasion, |when| when != When::Never),
            Start::Rules(rules) => self.by_rules(rules, occasion, |when| when == wanted),
            Start::Refs { only, except } => {
                let branches_and_tags =
                    Refs { names: vec!["branches".into(), "tags".into()], ..Refs::default() };
                let only = only.as_ref().unwrap_or(&branches_and_tags);
                let except = except.as_ref().map_or(Likelihood::No, |refs| self.excluded(refs, occasion));
                self.included(only, occasion).and(!except).and((self.when == wanted).into())
            }
        });
        starts.min().unwrap_or((wanted == When::Always).into())
    }

    /// The first rule that fits decides.
    fn by_rules(&self, rules: &[Rule], occasion: Occasion<'_>, wanted: impl Fn(When) -> bool) -> Likelihood {
        let (mut result, mut undecided) = (Likelihood::No, Likelihood::Yes);
        for rule in rules {
            let mut fits =
                rule.condition.as_deref().map_or(Likelihood::Yes, |text| self.holds(text, occasion));
            if rule.is_open {
                fits = fits.and(Likelihood::Maybe);
            }
            let starts = wanted(rule.when.unwrap_or(self.when));
            result = result.or(undecided.and(fits).and(starts.into()));
            undecided = undecided.and(!fits);
        }
        result
    }

    fn holds(&self, condition: &str, occasion: Occasion<'_>) -> Likelihood {
        condition::holds(condition, occasion, &self.variables)
    }

    /// All that `only` has must fit.
    fn included(&self, refs: &Refs, occasion: Occasion<'_>) -> Likelihood {
        let any = |all: &[String], fits: &dyn Fn(&str) -> Likelihood| {
            all.iter().map(|text| fits(text)).max().unwrap_or(Likelihood::Yes)
        };
        let names = any(&refs.names, &|name| fits(name, occasion));
        let conditions = any(&refs.conditions, &|text| self.holds(text, occasion));
        names.and(conditions).and(if refs.is_open { Likelihood::Maybe } else { Likelihood::Yes })
    }

    /// One thing that `except` has is enough.
    fn excluded(&self, refs: &Refs, occasion: Occasion<'_>) -> Likelihood {
        let names = refs.names.iter().map(|name| fits(name, occasion));
        let conditions = refs.conditions.iter().map(|text| self.holds(text, occasion));
        let open = refs.is_open.then_some(Likelihood::Maybe);
        names.chain(conditions).chain(open).max().unwrap_or(Likelihood::No)
    }

    pub fn at_tag(&self, tag: &str) -> Likelihood {
        self.starts(Occasion::tag(Some(tag)), When::Always)
    }

    pub fn triggers(&self) -> Vec<Trigger> {
        let starts = |occasion, when| self.starts(occasion, when) != Likelihood::No;
        let tag = Occasion::tag(None);
        let branch = Occasion::on(Event::Push);
        let manual = Occasion::on(Event::Manual);
        let is_manual = starts(manual, When::Always)
            || [tag, branch, manual].iter().any(|occasion| starts(*occasion, When::Manual));
        let other = Occasion::on(Event::Other("merge_request_event"));
        let mut triggers = Vec::new();
        triggers.extend(starts(tag, When::Always).then(|| Trigger::Tag(self.patterns())));
        triggers.extend(starts(branch, When::Always).then(|| Trigger::Branch(Vec::new())));
        triggers.extend(is_manual.then_some(Trigger::Manual));
        triggers.extend(starts(Occasion::on(Event::Schedule), When::Always).then_some(Trigger::Schedule));
        triggers
            .extend(starts(other, When::Always).then(|| Trigger::Other("merge_request_event".to_owned())));
        triggers
    }

    /// The patterns of `only`, or those that rules compare the tag with.
    fn patterns(&self) -> Vec<String> {
        let mut patterns = Vec::new();
        for start in &self.starts {
            match start {
                Start::Refs { only: Some(only), .. } => {
                    patterns
                        .extend(only.names.iter().filter(|name| !KEYWORDS.contains(&name.as_str())).cloned());
                }
                Start::Refs { .. } => {}
                Start::Rules(rules) => {
                    patterns.extend(
                        rules.iter().flat_map(|rule| &rule.condition).flat_map(|c| condition::patterns(c)),
                    );
                }
            }
        }
        patterns.dedup();
        patterns
    }
}

fn read_rules(rules: &Node) -> Vec<Rule> {
    // Rules that templates share are a list in the list.
    let rules = rules.list().iter().flat_map(|rule| match rule.list() {
        [] => std::slice::from_ref(rule),
        nested => nested,
    });
    rules
        .take(MOST)
        .map(|rule| Rule {
            condition: rule.text_of("if").map(str::to_owned),
            is_open: rule.get("changes").is_some() || rule.get("exists").is_some() || rule.map().is_empty(),
            when: When::read(rule),
        })
        .collect()
}

/// Names in `only` and `except` that stand for kinds of pipelines
const KEYWORDS: [&str; 11] = [
    "tags",
    "branches",
    "merge_requests",
    "pushes",
    "web",
    "schedules",
    "api",
    "triggers",
    "pipelines",
    "chat",
    "external",
];

impl Refs {
    fn read(node: &Node) -> Self {
        let names = node.get("refs").map_or_else(|| node.texts(), |refs| refs.texts());
        let conditions = node.get("variables").map(|variables| variables.texts()).unwrap_or_default();
        let is_open = node.get("changes").is_some() || node.get("kubernetes").is_some();
        Self { names, conditions, is_open }
    }
}

/// Whether an event is of a kind, or its branch or tag has the name.
fn fits(name: &str, occasion: Occasion<'_>) -> Likelihood {
    let (name, _) = name.rsplit_once('@').filter(|(name, _)| !name.contains('/')).unwrap_or((name, ""));
    let is = |event: Event<'_>| Likelihood::from(occasion.event == event);
    match name {
        "tags" => occasion.tag.is_some().into(),
        "branches" => (occasion.tag.is_none() && !matches!(occasion.event, Event::Other(_))).into(),
        "merge_requests" => is(Event::Other("merge_request_event")),
        "pushes" => is(Event::Push),
        "web" => is(Event::Manual),
        "schedules" => is(Event::Schedule),
        // Requests have no branch in this sense.
        _ if KEYWORDS.contains(&name) || matches!(occasion.event, Event::Other(_)) => Likelihood::No,
        _ => {
            let Some(Some(tag)) = occasion.tag else { return Likelihood::Maybe };
            if name.starts_with('/') { regex_matches(name, tag) } else { (name == tag).into() }
        }
    }
}

/// Whether a pattern, `/…/` or `/…/i`, is in the text.
fn regex_matches(pattern: &str, text: &str) -> Likelihood {
    let Some((pattern, flags)) = pattern.strip_prefix('/').and_then(|rest| rest.rsplit_once('/')) else {
        return Likelihood::Maybe;
    };
    let mut builder = RegexBuilder::new(pattern.get(..500).unwrap_or(pattern));
    builder.case_insensitive(flags.contains('i')).size_limit(1 << 20);
    let is_short = pattern.len() <= 500;
    builder.build().ok().filter(|_| is_short).map_or(Likelihood::Maybe, |regex| regex.is_match(text).into())
}
