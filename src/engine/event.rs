//! What a run tells whoever watches: the only thing `ui` sees.

use serde::Serialize;

use crate::engine::model::{Action, Finding, Plan, Reach};

/// Something that happened
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event<'a> {
    /// What the run would do
    Plan {
        plan: &'a Plan,
        /// Whether people are shown what is released only, and not each step
        #[serde(skip)]
        is_brief: bool,
    },
    /// A preflight found something; `stage` is none for what concerns the whole run
    Finding {
        stage: Option<&'a str>,
        finding: &'a Finding,
    },
    /// A run has begun; its folder holds the journal, the clone and the distributions
    RunStarted {
        run: &'a str,
        folder: &'a str,
        version: &'a str,
    },
    StageStarted {
        stage: &'a str,
        reach: Reach,
    },
    StageFinished {
        stage: &'a str,
        seconds: f64,
    },
    /// The stage is about to do this
    Action {
        stage: &'a str,
        action: &'a Action,
    },
    /// A line that a command of the stage printed
    Output {
        stage: &'a str,
        line: &'a str,
    },
    /// Bytes sent so far
    Progress {
        stage: &'a str,
        what: &'a str,
        done: u64,
        total: u64,
    },
    /// So many files, of so many bytes together, are about to go to an index
    UploadsStarted {
        stage: &'a str,
        index: &'a str,
        files: usize,
        bytes: u64,
    },
    /// What became of one of them
    File {
        stage: &'a str,
        index: &'a str,
        file: &'a str,
        sha256: &'a str,
        fate: FileStatus,
        /// How that is known, or why it is so
        reason: &'a str,
    },
    /// What a release would work with
    Fact {
        subject: &'a str,
        value: &'a str,
    },
    Note {
        stage: Option<&'a str>,
        message: &'a str,
    },
    Warning {
        stage: Option<&'a str>,
        message: &'a str,
        help: Option<&'a str>,
    },
    /// From here on the only way is forward
    PointOfNoReturn {
        stage: &'a str,
    },
    /// Something is being taken back
    Undoing {
        what: &'a str,
    },
    Undone {
        what: &'a str,
    },
    /// Something stays as it is
    Kept {
        what: &'a str,
        reason: &'a str,
    },
    /// The release is complete
    Released {
        name: &'a str,
        version: &'a str,
        tag: Option<&'a str>,
        commit: Option<&'a str>,
        links: &'a [String],
    },
    /// Every file of an upload without a release is on the index
    Published {
        name: &'a str,
        version: &'a str,
        index: &'a str,
        links: &'a [String],
    },
    /// The run is over, and what could not be undone is left as it is
    GivenUp {
        run: &'a str,
    },
    /// The run is over and nothing of it is left
    RolledBack {
        run: &'a str,
    },
}

/// Where a file is that was to go to an index
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileStatus {
    /// It is there.
    There,
    /// It is not there.
    NotThere,
    /// It may be there.
    Unknown,
    /// It was not sent, because of what befell another.
    NotSent,
}

/// Who watches a run
pub trait Listener {
    fn on_event(&self, event: &Event<'_>);
}

impl<F: Fn(&Event<'_>)> Listener for F {
    fn on_event(&self, event: &Event<'_>) {
        self(event);
    }
}
