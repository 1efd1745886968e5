//! Uploads a set of files: the first alone, then the other wheels in parallel, the sdist last. Reports the outcome of
//! each file.

use std::cell::Cell;
use std::time::Duration;

use super::{Batch, Upload, look};
use crate::engine::event::{Event, FileStatus};
use crate::engine::prelude::*;
use crate::index::{
    Delivery, DeliveryObserver, Index, IndexClient, Submission, Undelivered, UploadSession, deliver, waves,
};
use crate::python::distribution::Distribution;

/// Observes the delivery of one file
struct TaskObserver<'a> {
    context: &'a TaskContext<'a>,
    submission: &'a Submission,
    told: Cell<Option<u64>>,
}

impl DeliveryObserver for TaskObserver<'_> {
    fn sent(&self, bytes: u64) -> bool {
        if self.told.replace(Some(bytes)) != Some(bytes) {
            let distribution = &self.submission.distribution;
            self.context.progress(&distribution.filename, bytes, distribution.size);
        }
        !self.context.is_interrupted()
    }

    fn pause(&self, time: Duration) -> bool {
        self.context.wait(time).is_ok()
    }

    fn warn(&self, message: &str) {
        self.context.warn(message, None);
    }
}

/// Sends every file, each under its own intent.
///
/// # Errors
/// At least one file is not on the index, or may not be; the outcome of each has been reported.
pub(super) fn send(
    stage: &Upload,
    client: &IndexClient,
    batch: &Batch,
    release: &Release,
    effects: &mut Effects<'_>,
) -> Result<()> {
    let project = &release.target.project.name;
    // Read all files before the first is sent, so that a broken one is found early.
    let hashes = &release.checkout.hashes;
    let read = |file| Submission::read(file, hashes);
    let submissions = batch.distributions.iter().map(read).collect::<Result<Vec<_>>>()?;
    if let Some(stays) = look::unattested(client, &submissions) {
        effects.note(&stays);
    }
    let index: &dyn Index = client;
    index.begin(project, &batch.version).map_err(|error| client.explain(error))?;
    let report = UploadReport { stage: &stage.name, index: &stage.name, submissions: &submissions };
    effects.tell(&report.beginning());

    let session = UploadSession::new(stage.reach() == Reach::Public);
    let outcomes = in_waves(&batch.distributions, &mut |wave| {
        let task = |place: &usize| {
            let submission = &submissions[*place];
            let attempt = attempt(index, client, submission, &session);
            Task { effect: stage.effect(project, submission), attempt }
        };
        let tasks = wave.iter().map(task).collect();
        effects.attempt_all(tasks, stage.settings.connections, &|effects, at, outcome| {
            note_in(&session, outcome);
            effects.tell(&report.of(wave[at], &outcome.into()));
        })
    });
    for (place, _) in
        outcomes.iter().enumerate().filter(|(_, outcome)| matches!(outcome, TaskOutcome::NotStarted))
    {
        effects.tell(&report.of(place, &UploadOutcome::not_sent()));
    }
    let failures = outcomes.into_iter().filter_map(|outcome| match outcome {
        TaskOutcome::NotDone(error) | TaskOutcome::InDoubt(error) => Some(error),
        TaskOutcome::Done(_) | TaskOutcome::NotStarted => None,
    });
    match report.failure(failures.collect()) {
        Some(error) => Err(error),
        None => index.commit().map_err(|error| client.explain(error)),
    }
}

/// Sends files wave by wave, and stops after a wave with a failure; returns the outcome of each file.
pub(super) fn in_waves(
    distributions: &[Distribution],
    send: &mut dyn FnMut(&[usize]) -> Vec<TaskOutcome>,
) -> Vec<TaskOutcome> {
    let mut outcomes: Vec<TaskOutcome> = distributions.iter().map(|_| TaskOutcome::NotStarted).collect();
    for wave in waves(distributions) {
        let came_to = send(&wave);
        let all_done = came_to.iter().all(|outcome| matches!(outcome, TaskOutcome::Done(_)));
        wave.iter().zip(came_to).for_each(|(place, outcome)| outcomes[*place] = outcome);
        if !all_done {
            break;
        }
    }
    outcomes
}

impl Upload {
    fn effect(&self, project: &str, submission: &Submission) -> Effect {
        Effect::Upload {
            index: self.name.clone(),
            url: self.index.upload.clone(),
            simple: self.index.simple.clone(),
            reach: self.reach(),
            project: project.to_owned(),
            distribution: submission.distribution.clone(),
        }
    }
}

/// The delivery of one file.
pub(super) fn attempt<'a>(
    index: &'a dyn Index,
    client: &'a IndexClient,
    submission: &'a Submission,
    session: &'a UploadSession,
) -> Attempting<'a> {
    Box::new(move |context| {
        let observer = TaskObserver { context, submission, told: Cell::new(None) };
        let delivered = deliver(index, submission, session, &observer);
        match delivered {
            Ok(delivery) => {
                let is_plain = matches!(delivery, Delivery::Uploaded);
                Ok(Evidence { text: delivery.to_string(), is_plain })
            }
            Err(Undelivered { error, in_doubt: true }) => Err(Attempt::InDoubt(client.explain(*error))),
            Err(Undelivered { error, in_doubt: false }) if error.is_final() => {
                Err(Attempt::Never(client.explain(*error)))
            }
            Err(Undelivered { error, in_doubt: false }) => Err(Attempt::NotDone(client.explain(*error))),
        }
    })
}

/// Records that a file is on the index, so that the others wait longer in an outage.
pub(super) fn note_in(session: &UploadSession, outcome: &TaskOutcome) {
    if matches!(outcome, TaskOutcome::Done(_)) {
        session.file_stored();
    }
}

/// The outcome of one file
pub(super) struct UploadOutcome {
    pub(super) status: FileStatus,
    pub(super) reason: String,
    /// Whether the reason says no more than `status`
    pub(super) is_plain: bool,
}

impl UploadOutcome {
    pub(super) fn new(status: FileStatus, reason: impl Into<String>) -> Self {
        Self { status, reason: reason.into(), is_plain: false }
    }

    /// Nothing was tried.
    pub(super) fn not_sent() -> Self {
        Self::new(FileStatus::NotSent, "another file failed before it")
    }
}

impl From<&TaskOutcome> for UploadOutcome {
    fn from(outcome: &TaskOutcome) -> Self {
        match outcome {
            TaskOutcome::Done(Some(Evidence { text, is_plain })) => {
                Self { is_plain: *is_plain, ..Self::new(FileStatus::There, text) }
            }
            TaskOutcome::Done(None) => {
                Self::new(FileStatus::There, "uploaded before the run was interrupted")
            }
            TaskOutcome::NotDone(error) => Self::new(FileStatus::NotThere, error.chain()),
            TaskOutcome::InDoubt(error) => Self::new(FileStatus::Unknown, error.chain()),
            TaskOutcome::NotStarted => Self::not_sent(),
        }
    }
}

/// Reports about a set of files
pub(super) struct UploadReport<'a> {
    pub(super) stage: &'a str,
    pub(super) index: &'a str,
    pub(super) submissions: &'a [Submission],
}

impl UploadReport<'_> {
    pub(super) fn beginning(&self) -> Event<'_> {
        Event::UploadsStarted {
            stage: self.stage,
            index: self.index,
            files: self.submissions.len(),
            bytes: self.submissions.iter().map(|submission| submission.distribution.size).sum(),
        }
    }

    pub(super) fn of<'e>(&'e self, place: usize, standing: &'e UploadOutcome) -> Event<'e> {
        let distribution = &self.submissions[place].distribution;
        Event::File {
            stage: self.stage,
            index: self.index,
            file: &distribution.filename,
            sha256: &distribution.sha256,
            status: standing.status,
            reason: &standing.reason,
            is_plain: standing.is_plain,
        }
    }

    /// Combines several failures into one error; none if there are none.
    pub(super) fn failure(&self, mut failures: Vec<Error>) -> Option<Error> {
        if failures.len() < 2 {
            return failures.pop();
        }
        let number = failures.len();
        let first = failures.remove(0);
        let error = Error::failed(format!("{number} files were not uploaded to `{}`", self.index));
        let error = first.hints().iter().fold(error, |error, hint| error.help(hint));
        Some(error.because(first))
    }
}
