//! Which events start a step: the workflow's events, and the conditions on the way to the step.

use crate::python::forge::Forge;
use crate::python::workflows::Likelihood;
use crate::python::workflows::expression::Condition;
use crate::python::workflows::occasion::{Event, NewRelease, Occasion};
use crate::python::workflows::trigger::{Events, Starts, Trigger};

#[derive(Debug, Clone)]
pub(in crate::python::workflows) struct Gate {
    pub events: Events,
    /// The events of the workflows whose end starts this one
    pub upstream: Vec<Events>,
    /// All of them must hold
    pub conditions: Vec<Condition>,
}

impl Gate {
    fn lets(&self, occasion: Occasion<'_>) -> Likelihood {
        self.conditions.iter().map(|condition| condition.holds(occasion)).min().unwrap_or(Likelihood::Yes)
    }

    /// Whether an event around a tag starts it, or starts a workflow whose end does.
    fn at<'a>(&'a self, tag: &'a str, occasions: &dyn Fn(&'a Events) -> Starts<'a>) -> Likelihood {
        let own = occasions(&self.events).into_iter();
        let own = own.map(|(starts, occasion)| starts.and(self.lets(occasion)));
        let after = Occasion { tag: Some(Some(tag)), ..Occasion::on(Event::AfterWorkflow) };
        let upstream = self.upstream.iter().flat_map(occasions);
        let upstream = upstream.map(|(starts, _)| starts.and(self.events.follows(tag)).and(self.lets(after)));
        own.chain(upstream).max().unwrap_or(Likelihood::No)
    }

    pub fn at_tag(&self, tag: &str) -> Likelihood {
        self.at(tag, &|events| events.at_tag(Some(tag)))
    }

    pub fn at_release(&self, forge: Forge, release: &NewRelease<'_>) -> Likelihood {
        self.at(release.tag, &|events| events.at_release(forge, release))
    }

    /// The triggers that the conditions let through.
    pub fn triggers(&self) -> Vec<Trigger> {
        let passes = |occasion: &Occasion<'_>| self.lets(*occasion) != Likelihood::No;
        let triggers = self.events.triggers().into_iter();
        triggers.filter(|(_, occasions)| occasions.iter().any(passes)).map(|(trigger, _)| trigger).collect()
    }
}
