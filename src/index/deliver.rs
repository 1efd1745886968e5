//! Delivers a file: uploads it until the index is known to have it or to refuse it. If an upload may have arrived, it
//! looks for the file's hash before it sends the file again. It waits as long as the server asks, within limits.

use std::fmt;
use std::time::{Duration, Instant};

use super::upload_session::{DeliveryObserver, UploadSession};
use super::{ExistingFile, FilePresence, Index, Submission, UploadError, UploadOutcome};

/// How often a file is sent at most; the index's listing is checked in between
const MAX_ATTEMPTS: u32 = 3;
/// How often a file is sent at most to a server that sends `Retry-After`
const MAX_ATTEMPTS_WITH_RETRY_AFTER: u32 = 5;
/// How often in a row a listing is requested that fails
const MAX_LOOKUPS: u32 = 2;
/// The longest `Retry-After` that is respected
const LONGEST_PAUSE: Duration = Duration::from_secs(120);
/// How long to wait for a server that is down and already has public files of the release, as while it is redeployed
const LONGEST_OUTAGE: Duration = Duration::from_secs(300);
/// The longest pause between attempts during an outage
const OUTAGE_PAUSE: Duration = Duration::from_secs(15);

/// How the index came to have a file
#[derive(Debug)]
pub enum Delivery {
    /// It accepted the upload.
    Uploaded,
    /// It had the file before, with the same sha256.
    AlreadyThere,
    /// It lists the file with its sha256, although the upload ended with this error.
    FoundThere(UploadError),
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uploaded => f.write_str("uploaded"),
            Self::AlreadyThere => f.write_str("already there, with the same sha256"),
            Self::FoundThere(after) => write!(f, "found there by its sha256, after: {after}"),
        }
    }
}

/// Why an index does not have a file, or may not have it
#[derive(Debug)]
pub struct Undelivered {
    pub error: Box<UploadError>,
    /// Whether the index may have it nevertheless
    pub in_doubt: bool,
}

/// Sends a file until the index is known to have it or to refuse it, or until the attempts are used up.
pub fn deliver(
    index: &dyn Index,
    submission: &Submission,
    session: &UploadSession,
    observer: &dyn DeliveryObserver,
) -> Result<Delivery, Undelivered> {
    let mut attempts = Attempts { attempts: 0, down_since: None, pause: Duration::ZERO, told: None };
    // Whether an earlier attempt may have arrived, although the index has not listed it since
    let mut in_doubt = false;
    loop {
        let Some(permit) = session.acquire(observer) else {
            let error = Box::new(interrupted(index, submission));
            return Err(Undelivered { error, in_doubt });
        };
        let error = match index.upload(submission, &|bytes| observer.sent(bytes)) {
            Ok(UploadOutcome::Uploaded) => return Ok(Delivery::Uploaded),
            Ok(UploadOutcome::AlreadyThere) => return Ok(Delivery::AlreadyThere),
            Err(error) => error,
        };
        // A failure under parallel uploads does not count against this file.
        let was_overload = permit.overlapped() && error.is_overload();
        drop(permit);
        in_doubt |= error.is_ambiguous();
        // The index has another file of that name, or these bytes under another name: no earlier attempt was stored.
        let is_other = matches!(
            error,
            UploadError::Duplicate { existing: ExistingFile::Sha256(_) | ExistingFile::Named(_), .. }
        );
        in_doubt &= !is_other;
        let pause = match was_overload {
            true => Some(session.run_sequentially(observer)),
            false => attempts.pause_after(&error, session),
        };
        let Some(pause) = pause else {
            return match in_doubt && presence(index, submission, observer) == Some(FilePresence::Identical) {
                true => Ok(Delivery::FoundThere(error)),
                false => Err(Undelivered { error: Box::new(or_ambiguous(error, in_doubt)), in_doubt }),
            };
        };
        attempts.report_outage(index, session, observer);
        // Check the listing even if interrupted.
        let mut go_on = observer.pause(pause);
        if in_doubt {
            loop {
                match presence(index, submission, observer) {
                    Some(FilePresence::Identical) => return Ok(Delivery::FoundThere(error)),
                    Some(FilePresence::Absent) => break,
                    Some(FilePresence::Different { .. }) => {
                        return Err(Undelivered { error: Box::new(error), in_doubt });
                    }
                    None => {}
                }
                // Wait for the server, then check again.
                let is_worth_it = go_on && session.is_worth_waiting_for();
                let Some(pause) = is_worth_it.then(|| attempts.pause_in_an_outage()).flatten() else {
                    return Err(Undelivered { error: Box::new(error), in_doubt });
                };
                attempts.report_outage(index, session, observer);
                go_on = observer.pause(pause);
            }
        }
        if !go_on {
            return Err(Undelivered { error: Box::new(error), in_doubt });
        }
        observer.warn(&attempts.sent_again(&error, submission));
    }
}

/// The error for a file that was not even sent.
fn interrupted(index: &dyn Index, submission: &Submission) -> UploadError {
    let (index, file) = (index.name().to_owned(), submission.distribution.filename.clone());
    UploadError::Stopped { index, file, all_sent: false }
}

/// Turns a refusal into an ambiguous error if an earlier attempt may have arrived.
fn or_ambiguous(error: UploadError, in_doubt: bool) -> UploadError {
    match &error {
        UploadError::Refused { index, file, status, .. } if in_doubt => UploadError::Ambiguous {
            index: index.clone(),
            file: file.clone(),
            status: Some(*status),
            cause: format!("an earlier attempt ended without a reply, and then {error}"),
            retry_after: None,
        },
        _ => error,
    }
}

/// The attempts for one file
struct Attempts {
    /// Those that count against the limit
    attempts: u32,
    /// When the outage was first seen
    down_since: Option<Instant>,
    /// The last pause in the outage
    pause: Duration,
    /// The last error that the user was told of
    told: Option<String>,
}

impl Attempts {
    /// How long to wait before the next attempt; none if there should be none.
    fn pause_after(&mut self, error: &UploadError, session: &UploadSession) -> Option<Duration> {
        self.attempts += 1;
        if error.is_outage() && session.is_worth_waiting_for() {
            return self.pause_in_an_outage();
        }
        let own = Duration::from_secs(u64::from(self.attempts * self.attempts));
        let (most, asked) = match error {
            UploadError::Refused { status: 429, reason, retry_after, .. } => {
                // PyPI's hourly limit, for which it sends no `Retry-After`.
                let lasting = reason.to_ascii_lowercase().contains("too many new projects");
                (if lasting { 0 } else { MAX_ATTEMPTS_WITH_RETRY_AFTER }, *retry_after)
            }
            UploadError::Ambiguous { status: Some(503), retry_after, .. } => {
                (MAX_ATTEMPTS_WITH_RETRY_AFTER, *retry_after)
            }
            UploadError::Ambiguous { retry_after, .. } => (MAX_ATTEMPTS, *retry_after),
            UploadError::Unreachable { .. } if error.is_transient() => (MAX_ATTEMPTS, None),
            _ => (0, None),
        };
        let pause = asked.map_or(own, |asked| asked.max(Duration::from_millis(100)));
        (self.attempts < most && pause <= LONGEST_PAUSE).then_some(pause)
    }

    /// The message that a file is sent again, and why. A reason that was just given is not repeated.
    fn sent_again(&mut self, error: &UploadError, submission: &Submission) -> String {
        let known = if error.is_ambiguous() { ", the index does not list the file" } else { "" };
        let said = error.to_string();
        let is_new = self.told.as_ref() != Some(&said);
        let told = match is_new {
            true => said.clone(),
            false => format!("`{}` failed in the same way", submission.distribution.filename),
        };
        self.told = Some(said);
        format!("{told}{known}; sending it again")
    }

    /// How long to wait for a server that is down; none if it has been down for too long.
    fn pause_in_an_outage(&mut self) -> Option<Duration> {
        let away = self.down_since.get_or_insert_with(Instant::now).elapsed();
        self.pause = (self.pause * 2).clamp(Duration::from_secs(1), OUTAGE_PAUSE);
        (away + self.pause <= LONGEST_OUTAGE).then_some(self.pause)
    }

    /// Tells the user, once for all files, that an outage is being waited for.
    fn report_outage(&self, index: &dyn Index, session: &UploadSession, observer: &dyn DeliveryObserver) {
        if self.pause > Duration::from_secs(1) && session.is_new_outage() {
            observer.warn(&format!(
                "`{}` is unavailable, and a part of the release is public: waiting up to five minutes",
                index.name()
            ));
        }
    }
}

/// How the file compares with what the index lists; none if its listing cannot be read.
fn presence(
    index: &dyn Index,
    submission: &Submission,
    observer: &dyn DeliveryObserver,
) -> Option<FilePresence> {
    for lookup in 1..=MAX_LOOKUPS {
        match index.presence(submission.field("name"), &submission.distribution) {
            Ok(presence) => return Some(presence),
            Err(_) if lookup == MAX_LOOKUPS || !observer.pause(Duration::from_secs(1)) => return None,
            Err(_) => {}
        }
    }
    None
}
