//! Checks the order of a pipeline's stages, and suggests one that works.

use super::stage::Stage;
use crate::config::list;
use crate::engine::model::{Flow, Product};

/// Why the stages cannot run in this order
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderError {
    /// The position of the misplaced stage
    pub at: usize,
    pub message: String,
    /// An order that works, if there is one
    pub help: Option<String>,
    /// The product that no stage gives, if that is the error
    pub missing: Option<Product>,
}

/// Finds what is wrong with the order of `stages`.
///
/// # Errors
/// The reach decreases, a stage comes before one that gives what it needs, or no stage gives it.
pub(super) fn check(stages: &[Box<dyn Stage>]) -> Result<(), OrderError> {
    let flows: Vec<Flow> = stages.iter().map(|stage| stage.flow()).collect();
    let lacks = |at: usize, product: &Product| {
        !flows.iter().enumerate().any(|(other, flow)| other != at && flow.gives.contains(product))
    };
    for (at, flow) in flows.iter().enumerate() {
        if let Some(product) = flow.needs.iter().find(|product| lacks(at, product)) {
            let message = format!("`{}` needs {product}, and no stage gives it", stages[at].name());
            return Err(OrderError { at, message, help: None, missing: Some(*product) });
        }
    }
    let before = predecessors(stages, &flows);
    let misplaced = decreasing_reach(stages).or_else(|| too_early(stages, &flows, &before));
    let Some((at, message)) = misplaced else { return Ok(()) };
    let help = match working_order(stages, &before) {
        Some(names) => format!("an order that works: stages = [{}]", names.join(", ")),
        None => {
            "no order of these stages works: their reach and what they need contradict each other".to_owned()
        }
    };
    Err(OrderError { at, message, help: Some(help), missing: None })
}

/// The first stage that reaches less far than one before it.
fn decreasing_reach(stages: &[Box<dyn Stage>]) -> Option<(usize, String)> {
    let second = (1..stages.len()).find(|&at| stages[at].reach() < stages[at - 1].reach())?;
    let first = (0..second).find(|&at| stages[at].reach() > stages[second].reach()).unwrap_or(second - 1);
    let (far, near) = (&stages[first], &stages[second]);
    let message = format!(
        "`{}` ({}) comes after `{}` ({}): if it fails, what `{}` did is already out",
        near.name(),
        near.reach(),
        far.name(),
        far.reach(),
        far.name(),
    );
    Some((second, message))
}

/// Why a stage must come before another
#[derive(Clone, Copy)]
enum Why {
    /// It gives the product that the other needs
    Gives(Product),
    /// A stage or its plugin declares the order
    Declared,
}

/// For each stage, the stages that must come before it.
fn predecessors(stages: &[Box<dyn Stage>], flows: &[Flow]) -> Vec<Vec<(usize, Why)>> {
    let mut before: Vec<Vec<(usize, Why)>> = vec![Vec::new(); stages.len()];
    for (at, flow) in flows.iter().enumerate() {
        for product in flow.needs.iter().chain(&flow.uses) {
            for (other, other_flow) in flows.iter().enumerate() {
                // Stages that change the same product keep the order in which they are listed.
                let both_change = flow.gives.contains(product) && other_flow.wants(*product);
                // If the other stage needs a product of this one, this one's optional use of the other yields: notes may
                // be made from the commit.
                let gives_way = !flow.needs.contains(product)
                    && other_flow.needs.iter().any(|needed| flow.gives.contains(needed));
                let is_awaited = other_flow.gives.contains(product) && !both_change && !gives_way;
                if other != at && is_awaited {
                    before[at].push((other, Why::Gives(*product)));
                }
            }
        }
        let position = |name: &String| stages.iter().position(|stage| stage.name() == name);
        before[at].extend(flow.after.iter().filter_map(position).map(|other| (other, Why::Declared)));
        for other in flow.before.iter().filter_map(position) {
            before[other].push((at, Why::Declared));
        }
    }
    before
}

/// The first stage that comes too early, and why.
fn too_early(
    stages: &[Box<dyn Stage>],
    flows: &[Flow],
    before: &[Vec<(usize, Why)>],
) -> Option<(usize, String)> {
    let early = |at: usize| before[at].iter().find(|(other, _)| *other > at).map(|found| (at, *found));
    let (at, (other, why)) = (0..stages.len()).find_map(early)?;
    let (early, late) = (stages[at].name(), stages[other].name());
    Some(match why {
        Why::Gives(product) => {
            (at, format!("`{early}` comes before `{late}`, which gives {product} that it needs"))
        }
        Why::Declared if flows[at].after.iter().any(|name| name == late) => {
            (at, format!("`{early}` must come after `{late}`: `{early}` requires it"))
        }
        Why::Declared => (other, format!("`{late}` must come before `{early}`: `{late}` requires it")),
    })
}

/// The quoted names of the stages in an order that works, as close to the given one as possible.
fn working_order(stages: &[Box<dyn Stage>], before: &[Vec<(usize, Why)>]) -> Option<Vec<String>> {
    let mut placed: Vec<usize> = Vec::new();
    while placed.len() < stages.len() {
        let is_free =
            |at: &usize| !placed.contains(at) && before[*at].iter().all(|(other, _)| placed.contains(other));
        let next = (0..stages.len()).filter(is_free).min_by_key(|at| (stages[*at].reach(), *at))?;
        if placed.last().is_some_and(|last| stages[*last].reach() > stages[next].reach()) {
            return None;
        }
        placed.push(next);
    }
    let listed = placed.into_iter().filter(|at| !stages[*at].is_added());
    Some(listed.map(|at| format!("\"{}\"", stages[at].name())).collect())
}

/// The valid values of `needs` and `gives`, for a message.
pub fn words() -> String {
    list(Product::ALL.map(Product::name))
}
