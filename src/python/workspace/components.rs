//! Cycles and order of a directed graph, without recursion: a workspace may be a chain of any length.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The strongly connected components (Tarjan's algorithm), each sorted; a component comes after those it points to.
pub(super) fn components(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    const UNSEEN: usize = usize::MAX;
    let count = edges.len();
    let (mut index, mut low) = (vec![UNSEEN; count], vec![0; count]);
    let mut on_stack = vec![false; count];
    let (mut stack, mut found, mut next) = (Vec::new(), Vec::new(), 0);
    for root in 0..count {
        if index[root] != UNSEEN {
            continue;
        }
        let mut calls = vec![(root, 0)];
        while let Some((node, edge)) = calls.pop() {
            if edge == 0 {
                (index[node], low[node]) = (next, next);
                next += 1;
                stack.push(node);
                on_stack[node] = true;
            } else {
                // Back from the node behind the edge before.
                low[node] = low[node].min(low[edges[node][edge - 1]]);
            }
            let mut edge = edge;
            let mut deeper = None;
            while let Some(&target) = edges[node].get(edge) {
                edge += 1;
                if index[target] == UNSEEN {
                    deeper = Some(target);
                    break;
                }
                if on_stack[target] {
                    low[node] = low[node].min(index[target]);
                }
            }
            if let Some(target) = deeper {
                calls.push((node, edge));
                calls.push((target, 0));
            } else if low[node] == index[node] {
                let mut component = Vec::new();
                while let Some(member) = stack.pop() {
                    on_stack[member] = false;
                    component.push(member);
                    if member == node {
                        break;
                    }
                }
                component.sort_unstable();
                found.push(component);
            }
        }
    }
    found
}

/// The components in an order in which each comes after those it points to: single nodes first where there is a choice,
/// then by their first node.
pub(super) fn ordered(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut components = components(edges);
    let mut component_of = vec![0; edges.len()];
    for (number, component) in components.iter().enumerate() {
        for node in component {
            component_of[*node] = number;
        }
    }
    let mut waiting = vec![0_usize; components.len()];
    let mut dependents = vec![Vec::new(); components.len()];
    for (node, targets) in edges.iter().enumerate() {
        for target in targets {
            let (from, to) = (component_of[node], component_of[*target]);
            if from != to {
                waiting[from] += 1;
                dependents[to].push(from);
            }
        }
    }
    let rank = |components: &[Vec<usize>], number: usize| {
        let component: &Vec<usize> = &components[number];
        Reverse((component.len() > 1, component[0], number))
    };
    let free = (0..components.len()).filter(|number| waiting[*number] == 0);
    let mut ready: BinaryHeap<_> = free.map(|number| rank(&components, number)).collect();
    let mut order = Vec::with_capacity(components.len());
    while let Some(Reverse((_, _, number))) = ready.pop() {
        for dependent in &dependents[number] {
            waiting[*dependent] -= 1;
            if waiting[*dependent] == 0 {
                ready.push(rank(&components, *dependent));
            }
        }
        order.push(std::mem::take(&mut components[number]));
    }
    order
}

/// The shortest way along the edges from one node to another, both included, within the nodes for which `allowed` holds.
pub(super) fn path(
    edges: &[Vec<usize>],
    from: usize,
    to: usize,
    allowed: impl Fn(usize) -> bool,
) -> Option<Vec<usize>> {
    let mut before = vec![None; edges.len()];
    let mut queue = std::collections::VecDeque::from([from]);
    before[from] = Some(from);
    while let Some(node) = queue.pop_front() {
        if node == to {
            let mut way = vec![to];
            let mut at = to;
            while at != from {
                at = before[at]?;
                way.push(at);
            }
            way.reverse();
            return Some(way);
        }
        for target in edges[node].iter().copied().filter(|target| allowed(*target)) {
            if before[target].is_none() {
                before[target] = Some(node);
                queue.push_back(target);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_chain_and_a_long_cycle_need_no_stack() {
        let count = 200_000;
        let mut edges: Vec<Vec<usize>> =
            (0..count).map(|node: usize| node.checked_sub(1).into_iter().collect()).collect();
        assert!(ordered(&edges).into_iter().eq((0..count).map(|node| vec![node])));
        edges[0].push(count - 1);
        assert_eq!(ordered(&edges), [(0..count).collect::<Vec<_>>()]);
        assert_eq!(path(&edges, 0, 1, |_| true).map(|way| way.len()), Some(count));
        assert_eq!(path(&edges, 0, 1, |node| node != 7), None);
    }
}
