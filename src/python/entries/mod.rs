//! Sections that earlier releases made from their commits, by a tool that is not known or by hand: learns the form of the
//! entries, and makes those of the next release in it.
//!
//! A form counts only if it makes the sections of the last releases from their commits again, to the byte.

mod commit;
mod item;
mod section;
#[cfg(test)]
mod tests;
mod wrap;

use std::collections::BTreeMap;

pub use commit::Made;
pub use section::Names;

use self::commit::{Facts, Filter, Key};
use self::item::Template;
use self::section::{Frame, Section};
use self::wrap::Wrap;

/// How many releases must have sections of one form
const ENOUGH: usize = 2;
/// How many entries they must have together
const ENOUGH_ENTRIES: usize = 3;

/// A past release: its section, and its commits, the newest first
#[derive(Debug, Clone)]
pub struct Sample {
    pub body: String,
    pub commits: Vec<Made>,
    pub names: Names,
}

/// In which order a section has its entries
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    NewestFirst,
    OldestFirst,
    Alphabetical,
}

/// The form of sections
#[derive(Debug, Clone)]
pub struct Form {
    filter: Filter,
    /// The heading of each type of commits; none where a commit's type does not matter
    headings: Option<BTreeMap<String, Option<String>>>,
    /// Types that no section has
    left_out: Vec<String>,
    /// The headings in their order
    sequence: Vec<Option<String>>,
    templates: BTreeMap<Key, Template>,
    order: Order,
    wrap: Option<Wrap>,
    frame: Frame,
    /// Whether a breaking change was among the commits
    knows_breaking: bool,
}

impl Form {
    /// The form of the sections of the last releases, which come the newest first, and how many of them have it; none if
    /// they have none in common.
    pub fn learn(samples: &[Sample]) -> Option<(Self, usize)> {
        Self::learned(samples, ENOUGH_ENTRIES)
    }

    /// Whether the last two releases may have a form, so that older ones are worth a look.
    pub fn is_likely(last: &[Sample]) -> bool {
        Self::learned(last, 0).is_some()
    }

    fn learned(samples: &[Sample], enough: usize) -> Option<(Self, usize)> {
        let parsed: Vec<(Section, &Sample)> = samples
            .iter()
            .map_while(|sample| {
                let section = Section::parse(&sample.body)?;
                Some((section.with_placeholders(&sample.names), sample))
            })
            .collect();
        if parsed.len() < ENOUGH {
            return None;
        }
        // That types decide is the less simple rule.
        let rules = [false, true].into_iter().flat_map(|by_kind| Filter::ALL.map(|filter| (filter, by_kind)));
        let forms = rules.filter_map(|rule| {
            let mut chosen: Vec<&(Section, &Sample)> = parsed.iter().take(ENOUGH).collect();
            let mut form = Self::of(&chosen, rule)?;
            // Older ones may show more types, but need not have the form.
            for older in &parsed[ENOUGH..] {
                chosen.push(older);
                match Self::of(&chosen, rule) {
                    Some(wider) => form = wider,
                    None => {
                        chosen.pop();
                    }
                }
            }
            let entries: usize = chosen.iter().map(|(section, _)| section.count()).sum();
            (entries >= enough).then_some((form, chosen.len()))
        });
        // The one that explains most; of equal ones the first.
        forms.reduce(|best, other| if other.1 > best.1 { other } else { best })
    }

    /// The section of a release with these commits, the newest first; none if no commit has an entry, or if the form does
    /// not tell what becomes of one.
    pub fn section(&self, commits: &[Made], names: &Names) -> Option<String> {
        let facts: Vec<Facts> = commits.iter().filter_map(|commit| self.filter.facts(commit)).collect();
        let mut groups: Vec<(Option<String>, Vec<String>)> = Vec::new();
        for fact in &facts {
            let heading = match &self.headings {
                None => self.sequence.first().cloned()?,
                Some(headings) => match (headings.get(fact.kind()), fact.is_conventional()) {
                    (Some(heading), _) => heading.clone(),
                    (None, true) if !self.left_out.iter().any(|kind| kind == fact.kind()) => return None,
                    (None, _) => continue,
                },
            };
            if fact.is_breaking() && !self.knows_breaking {
                return None;
            }
            let item = self.templates.get(&fact.key())?.render(fact);
            match groups.iter_mut().find(|(known, _)| *known == heading) {
                Some((_, items)) => items.push(item),
                None => groups.push((heading, vec![item])),
            }
        }
        for (_, items) in &mut groups {
            match self.order {
                Order::NewestFirst => {}
                Order::OldestFirst => items.reverse(),
                Order::Alphabetical => items.sort(),
            }
            if let Some(wrap) = &self.wrap {
                items.iter_mut().for_each(|item| *item = wrap.wrapped(item));
            }
        }
        let place = |heading: &Option<String>| self.sequence.iter().position(|known| known == heading);
        groups.sort_by_key(|(heading, _)| place(heading));
        (!groups.is_empty()).then(|| self.frame.write(&groups, names))
    }

    /// The form of all these sections; none if they have none in common.
    fn of(samples: &[&(Section, &Sample)], (filter, by_kind): (Filter, bool)) -> Option<Self> {
        let mut templates: BTreeMap<Key, Template> = BTreeMap::new();
        let mut headings: BTreeMap<String, Option<String>> = BTreeMap::new();
        let (mut left_out, mut sequence): (Vec<String>, Vec<Option<String>>) = (Vec::new(), Vec::new());
        let mut knows_breaking = false;
        let (mut is_by_kind, mut is_complete) = (true, true);
        for (section, sample) in samples {
            let facts: Vec<Facts> = sample.commits.iter().filter_map(|commit| filter.facts(commit)).collect();
            let mut used = vec![false; facts.len()];
            for (heading, items) in &section.groups {
                for item in items {
                    let text = wrap::unwrapped(item);
                    let at = (0..facts.len()).find(|at| !used[*at] && item::is_of(&text, &facts[*at]))?;
                    used[at] = true;
                    let fact = &facts[at];
                    let template = Template::of(&text, fact)?;
                    if templates.entry(fact.key()).or_insert_with(|| template.clone()) != &template {
                        return None;
                    }
                    let known = headings.entry(fact.kind().to_owned()).or_insert_with(|| heading.clone());
                    is_by_kind &= known == heading;
                    knows_breaking |= fact.is_breaking();
                }
                if !sequence.contains(heading) {
                    // After the one that it follows here.
                    let before = section.groups.iter().rev().skip_while(|(other, _)| other != heading).nth(1);
                    let after =
                        before.and_then(|(other, _)| sequence.iter().position(|known| known == other));
                    sequence.insert(after.map_or(0, |after| after + 1), heading.clone());
                }
            }
            is_complete &= used.iter().all(|used| *used);
            let unused =
                facts.iter().zip(&used).filter(|(_, used)| !**used).map(|(fact, _)| fact.kind().to_owned());
            left_out.extend(unused);
        }
        let fits = match by_kind {
            true => is_by_kind && left_out.iter().all(|kind| !headings.contains_key(kind)),
            false => is_complete && sequence.len() == 1,
        };
        if !fits {
            return None;
        }
        let is_sorted =
            |(section, _): &&&(Section, &Sample)| section.groups.is_sorted_by_key(|(heading, _)| heading);
        if samples.iter().filter(is_sorted).count() == samples.len() {
            sequence.sort();
        }
        let frame = Frame::common(samples.iter().map(|(section, _)| Frame::of(section)))?;
        let items: Vec<&String> = samples
            .iter()
            .flat_map(|(section, _)| section.groups.iter().flat_map(|(_, items)| items))
            .collect();
        let mut form = Self {
            filter,
            headings: by_kind.then_some(headings),
            left_out,
            sequence,
            templates,
            order: Order::NewestFirst,
            wrap: None,
            frame,
            knows_breaking,
        };
        if items.iter().any(|item| item.contains('\n')) {
            form.wrap = Some(Wrap::of(&items)?);
        }
        [Order::NewestFirst, Order::OldestFirst, Order::Alphabetical].into_iter().find_map(|order| {
            let form = Self { order, ..form.clone() };
            let makes = |(_, sample): &&(Section, &Sample)| {
                form.section(&sample.commits, &sample.names).as_deref() == Some(sample.body.as_str())
            };
            samples.iter().all(makes).then_some(form)
        })
    }
}
