//! Which tags start a job.

use regex::RegexBuilder;

use crate::python::workflows::Likelihood;
use crate::python::workflows::trigger::Trigger;

/// A pattern of names
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pattern {
    Exact(String),
    /// A regular expression for the whole name
    Whole(String),
    /// A regular expression for a part of the name
    Part(String),
    /// `*` stands for any text
    Glob(String),
}

impl Pattern {
    /// `/expression/` or a name, as CircleCI and Travis have them.
    pub(super) fn slashed(text: &str, is_whole: bool) -> Self {
        match text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
            Some(expression) if is_whole => Self::Whole(expression.to_owned()),
            Some(expression) => Self::Part(expression.to_owned()),
            None => Self::Exact(text.to_owned()),
        }
    }

    fn fits(&self, name: Option<&str>) -> Likelihood {
        let Some(name) = name else { return Likelihood::Maybe };
        let expression = match self {
            Self::Exact(text) => return (text == name).into(),
            Self::Whole(expression) => format!("^(?:{expression})$"),
            Self::Part(expression) => expression.clone(),
            Self::Glob(glob) => format!("^(?s:{})$", regex::escape(glob).replace(r"\*", ".*")),
        };
        let built = RegexBuilder::new(&expression).size_limit(1 << 20).build();
        built.map_or(Likelihood::Maybe, |pattern| pattern.is_match(name).into())
    }

    fn text(&self) -> String {
        let (Self::Exact(text) | Self::Whole(text) | Self::Part(text) | Self::Glob(text)) = self;
        text.clone()
    }
}

/// Any of the patterns fits.
fn any(patterns: &[Pattern], name: Option<&str>) -> Likelihood {
    patterns.iter().map(|pattern| pattern.fits(name)).max().unwrap_or(Likelihood::No)
}

/// What decides whether a job runs
#[derive(Debug, Clone, Default)]
pub(in crate::python::workflows) struct Gate {
    /// For tags; none if no tag starts it
    pub(super) tags: Option<Filter>,
    /// Conditions that a tag must fit as well
    pub(super) conditions: Vec<Pattern>,
    /// Whether a commit on a branch starts it
    pub(super) branches: bool,
    /// Whether a person starts it
    pub(super) is_manual: bool,
    /// Whether it depends on what the file does not show
    pub(super) is_open: bool,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    /// None for all
    pub(super) only: Option<Vec<Pattern>>,
    pub(super) ignore: Vec<Pattern>,
}

impl Filter {
    fn allows(&self, name: Option<&str>) -> Likelihood {
        let only = self.only.as_ref().map_or(Likelihood::Yes, |only| any(only, name));
        only.and(!any(&self.ignore, name))
    }
}

impl Gate {
    pub fn at_tag(&self, tag: &str) -> Likelihood {
        let filtered = self.tags.as_ref().map_or(Likelihood::No, |tags| tags.allows(Some(tag)));
        let fits = self.conditions.iter().map(|pattern| pattern.fits(Some(tag)));
        let filtered = filtered.and(fits.min().unwrap_or(Likelihood::Yes));
        let by_itself = if self.is_manual { Likelihood::No } else { Likelihood::Yes };
        filtered.and(by_itself).and(if self.is_open { Likelihood::Maybe } else { Likelihood::Yes })
    }

    pub fn triggers(&self) -> Vec<Trigger> {
        if self.is_manual {
            return vec![Trigger::Manual];
        }
        let tags = self.tags.as_ref().map(|tags| {
            let only = tags.only.iter().flatten().chain(&self.conditions);
            Trigger::Tag(only.map(Pattern::text).collect())
        });
        tags.into_iter().chain(self.branches.then(|| Trigger::Branch(Vec::new()))).collect()
    }
}
