//! The events of a run. `ui` sees a run only through them.

use serde::Serialize;

use crate::engine::model::{Action, Plan, Reach};
use crate::finding::Finding;
use crate::python::distribution::Distribution;
use crate::world::kept_environment::ResolvedEnvironment;

/// An event
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event<'a> {
    /// What the run would do
    Plan {
        plan: &'a Plan,
        /// Whether the text form names only the release, not each step
        #[serde(skip)]
        is_brief: bool,
    },
    /// A preflight finding; `stage` is none if it concerns the whole run
    Finding { stage: Option<&'a str>, finding: &'a Finding },
    /// A run began; its folder holds the journal, the clone and the distributions
    RunStarted { run: &'a str, folder: &'a str, version: &'a str },
    /// A stage begins
    StageStarted {
        stage: &'a str,
        reach: Reach,
        /// Its number, and the number of stages
        #[serde(skip)]
        position: (usize, usize),
    },
    /// A stage is done
    StageFinished { stage: &'a str, seconds: f64 },
    /// The stage is about to do this
    Action { stage: &'a str, action: &'a Action },
    /// A line that a command of the stage printed
    Output { stage: &'a str, line: &'a str },
    /// Bytes sent so far
    Progress { stage: &'a str, what: &'a str, done: u64, total: u64 },
    /// An upload of files begins; `bytes` is their total size
    UploadsStarted { stage: &'a str, index: &'a str, files: usize, bytes: u64 },
    /// The outcome for one of the files
    File {
        stage: &'a str,
        index: &'a str,
        file: &'a str,
        sha256: &'a str,
        #[serde(rename = "fate")]
        status: FileStatus,
        /// The evidence, or the reason
        reason: &'a str,
        /// Whether the reason says no more than `status`
        #[serde(skip)]
        is_plain: bool,
    },
    /// What follows belongs together
    Group { title: &'a str },
    /// A fact about the environment of a release
    Fact { subject: &'a str, value: &'a str },
    /// A build runs in this environment; `stage` is none outside a run
    BuildEnvironment {
        stage: Option<&'a str>,
        environment: &'a ResolvedEnvironment,
        /// Whether an earlier build has made it
        is_reused: bool,
    },
    /// A message for people
    Note { stage: Option<&'a str>, message: &'a str },
    /// A message for people that they should not miss
    Warning { stage: Option<&'a str>, message: &'a str, help: Option<&'a str> },
    /// From here on the release can only be completed
    PointOfNoReturn {
        stage: &'a str,
        /// Whether the stage is named after the index that it uploads to
        #[serde(skip)]
        is_upload: bool,
    },
    /// An effect is being undone
    Undoing { what: &'a str },
    /// An effect was undone
    Undone { what: &'a str },
    /// An effect is kept
    Kept { what: &'a str, reason: &'a str },
    /// The release is complete
    Released {
        name: &'a str,
        version: &'a str,
        tag: Option<&'a str>,
        commit: Option<&'a str>,
        links: &'a [String],
        /// The members of a workspace
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        members: &'a [ReleasedMember<'a>],
    },
    /// Every file of an upload without a release is on the index
    Published { name: &'a str, version: &'a str, index: &'a str, links: &'a [String] },
    /// The private stages of a release are done, and its run is in a file that `publish` completes
    Prepared {
        name: &'a str,
        version: &'a str,
        run: &'a str,
        file: &'a str,
        /// Their paths are those in the file
        files: &'a [Distribution],
        tag: Option<&'a str>,
        commit: Option<&'a str>,
        /// Whether wheels that are built elsewhere must join it
        awaits_wheels: bool,
    },
    /// A rehearsal began in a copy of the repository; its folder is deleted in the end
    RehearsalStarted { run: &'a str, folder: &'a str, version: &'a str },
    /// A rehearsal is over; its folder has the distributions, the project page and the report
    Rehearsed {
        name: &'a str,
        version: &'a str,
        run: &'a str,
        folder: &'a str,
        files: &'a [Distribution],
        page: Option<&'a str>,
        report: &'a str,
        /// What did not take part
        left_out: &'a [String],
        /// What a release does beyond it
        next: &'a Plan,
    },
    /// A build outside a run is done; the paths of the files are where they were put
    Built { files: &'a [Distribution] },
    /// The working tree has the next version, or would have it
    Bumped {
        name: &'a str,
        version: &'a str,
        previous_version: &'a str,
        files: &'a [EditedFile],
        /// Whether the files were written
        written: bool,
    },
    /// A pull or merge request has the next version, or would have it
    Proposed {
        name: &'a str,
        version: &'a str,
        branch: &'a str,
        commit: &'a str,
        /// Of its page
        url: &'a str,
        /// Whether it is opened, not updated
        is_new: bool,
        /// Whether it was opened or updated
        written: bool,
    },
    /// The run is over; what could not be undone is kept
    GivenUp { run: &'a str },
    /// The run is over and everything is undone
    RolledBack { run: &'a str },
}

/// A member of a workspace that was released
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ReleasedMember<'a> {
    pub name: &'a str,
    pub version: &'a str,
    pub tag: &'a str,
}

/// A file that a command edits
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct EditedFile {
    /// Relative to the project
    pub path: String,
    /// The change as git shows it
    pub diff: String,
}

/// The status of a file after an upload
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "UploadOutcome"))]
#[serde(rename_all = "kebab-case")]
pub enum FileStatus {
    /// The index has the file.
    There,
    /// The index does not have the file.
    NotThere,
    /// The index may have the file.
    Unknown,
    /// The file was not sent, because another one failed.
    NotSent,
}

/// Receives the events of a run
pub trait Listener {
    fn on_event(&self, event: &Event<'_>);

    /// An event of one member of a workspace.
    fn on_event_of(&self, _member: &str, event: &Event<'_>) {
        self.on_event(event);
    }
}

/// A listener that names the member whose events it gets
pub struct OfMember<'a> {
    pub member: &'a str,
    pub listener: &'a dyn Listener,
}

impl Listener for OfMember<'_> {
    fn on_event(&self, event: &Event<'_>) {
        self.listener.on_event_of(self.member, event);
    }
}

impl<F: Fn(&Event<'_>)> Listener for F {
    fn on_event(&self, event: &Event<'_>) {
        self(event);
    }
}
