//! What a stage is: how far it reaches, what would make it fail, what it does.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::effects::Effects;
use super::release::Release;
use crate::error::Result;
use crate::plugin::Assignment;
use crate::plugin::protocol::Classes;
use crate::python::distribution::Distribution;
use crate::world::git::TagRef;

/// How far a stage's effects reach; a pipeline's reach never decreases
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// The run's folder only
    Private,
    /// An index made for trials: burns a file name there, harms nobody
    Rehearsal,
    /// Refs, here and at the remote: undone if still what this run made
    Repository,
    /// Permanent: never undone, rolled forward
    Public,
    /// What comes after, such as announcements: never makes the release fail
    FollowUp,
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Private => "private",
            Self::Rehearsal => "rehearsal",
            Self::Repository => "repository",
            Self::Public => "public",
            Self::FollowUp => "follow-up",
        })
    }
}

/// How grave a finding is
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// For who wants to know exactly
    Detail,
    Note,
    Warning,
    /// The release is refused
    Error,
}

/// Something that a preflight found
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub severity: Severity,
    pub message: String,
    pub help: Option<String>,
    /// Whether a user who knows better may go on all the same
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub advisory: bool,
    /// What a user at a terminal is asked, to go on all the same
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
}

/// What errors a user may let pass
#[derive(Debug, Clone, Copy, Default)]
pub struct Leave {
    /// The user knows better than advice
    pub force: bool,
    /// The user can be asked
    pub can_ask: bool,
}

impl Finding {
    fn new(severity: Severity, message: impl Into<String>) -> Self {
        Self { severity, message: message.into(), help: None, advisory: false, question: None }
    }

    pub fn error(message: impl Into<String>) -> Self {
        Self::new(Severity::Error, message)
    }

    pub fn warning(message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, message)
    }

    pub fn note(message: impl Into<String>) -> Self {
        Self::new(Severity::Note, message)
    }

    pub fn detail(message: impl Into<String>) -> Self {
        Self::new(Severity::Detail, message)
    }

    /// One that `--force` makes a warning of.
    pub fn advisory(mut self) -> Self {
        self.advisory = true;
        self
    }

    /// One that a yes to this question makes a warning of.
    pub fn unless_confirmed(mut self, question: impl Into<String>) -> Self {
        self.question = Some(question.into());
        self
    }

    /// The same by the leave that the user has given, or will be asked for.
    #[must_use]
    pub fn under(mut self, leave: Leave) -> Self {
        let may_pass = (self.advisory && leave.force) || (self.question.is_some() && leave.can_ask);
        if may_pass && self.severity == Severity::Error {
            self.severity = Severity::Warning;
        }
        self
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl From<crate::error::Error> for Finding {
    fn from(error: crate::error::Error) -> Self {
        let help = (!error.hints().is_empty()).then(|| error.hints().join("; "));
        Self { help, ..Self::error(error.chain()) }
    }
}

/// What a stage hands to the stages after it; kept in the journal
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outputs {
    /// The release notes: the promoted part of the changelog, without its heading
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// The release commit
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<TagRef>,
    /// The distributions, their bytes recorded
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub distributions: Vec<Distribution>,
    /// Where to look at what the stage made
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
    /// How the release failed when it was tried out, where it was public by then
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_trial: Option<String>,
}

impl Outputs {
    /// Takes over what a later stage gives.
    pub fn merge(&mut self, later: Self) {
        self.notes = later.notes.or(self.notes.take());
        self.commit = later.commit.or(self.commit.take());
        self.tag = later.tag.or(self.tag.take());
        if !later.distributions.is_empty() {
            self.distributions = later.distributions;
        }
        self.links.extend(later.links);
        self.failed_trial = later.failed_trial.or(self.failed_trial.take());
    }
}

/// An index that a stage sends distributions to
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    pub index: String,
    /// Where it takes uploads
    pub url: String,
    /// Where it lists files
    pub simple: Option<String>,
    pub reach: Reach,
    /// Whether the release's own files go there, not others made for a rehearsal
    pub exact: bool,
}

/// What stages hand to those after them
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Product {
    /// The release notes
    Notes,
    /// The new version, written wherever the project states it
    Version,
    /// The release commit
    Commit,
    /// The release's tag
    Tag,
    /// The files to publish
    Distributions,
}

impl Product {
    pub const ALL: [Self; 5] = [Self::Notes, Self::Version, Self::Commit, Self::Tag, Self::Distributions];

    /// The word for it in `needs` and `gives`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Notes => "notes",
            Self::Version => "version",
            Self::Commit => "commit",
            Self::Tag => "tag",
            Self::Distributions => "distributions",
        }
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the `{}`", self.name())
    }
}

/// What decides a stage's place in a pipeline, besides its reach
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flow {
    /// What a stage before it must give
    pub needs: Vec<Product>,
    /// What it waits for if any stage gives it
    pub uses: Vec<Product>,
    pub gives: Vec<Product>,
    /// Stages that must come before it, if they are in the pipeline
    pub after: Vec<String>,
    /// Stages that must come after it, if they are in the pipeline
    pub before: Vec<String>,
}

impl Flow {
    pub(super) fn wants(&self, product: Product) -> bool {
        self.needs.contains(&product) || self.uses.contains(&product)
    }
}

/// One step of a release
pub trait Stage {
    /// The name in `stages = [...]`.
    fn name(&self) -> &str;

    fn reach(&self) -> Reach;

    /// What it needs of the stages before it, and what it gives to those after it.
    fn flow(&self) -> Flow {
        Flow::default()
    }

    /// Where the stage uploads to, for whoever looks what is where.
    fn destination(&self) -> Option<Destination> {
        None
    }

    /// The plugin that does its work, if one does, with the effects that it declared: a run goes on with the one it began
    /// with.
    fn plugin(&self) -> Option<(&Assignment, Classes)> {
        None
    }

    /// Begins what [`Self::preflight`] will wait for, so that the stages' waiting overlaps.
    fn begin_preflight(&self, _release: &Release) {}

    /// What would make this stage fail, found without changing anything. All stages are asked before any runs.
    ///
    /// # Errors
    /// What the stage could not even look at; it counts as a finding.
    fn preflight(&self, release: &Release) -> Result<Vec<Finding>>;

    /// What speaks against what the stage would sign in with, by its own word: read before a run goes on.
    ///
    /// # Errors
    /// It cannot be read; that counts as a finding.
    fn sign_in(&self, _: &Release) -> Result<Vec<Finding>> {
        Ok(Vec::new())
    }

    /// Asks the world whether it would let the stage do its work, by an attempt that is sure to come to nothing: only where
    /// the user wants it, and when everything private is done.
    ///
    /// # Errors
    /// What the stage could not even ask; it counts as a finding.
    fn probe(&self, _: &Release) -> Result<Vec<Finding>> {
        Ok(Vec::new())
    }

    /// Does the stage's work through `effects`, which do nothing when only a plan is made.
    ///
    /// # Errors
    /// The stage failed: what the run has done so far is undone.
    fn run(&self, release: &Release, effects: &mut Effects<'_>) -> Result<Outputs>;
}
