//! An upload taken to where its fate is known: what may have arrived is asked for by its hash before it is sent again,
//! a server that asks for time gets it, and nothing is tried for ever.

use std::fmt;
use std::time::{Duration, Instant};

use super::consignment::{Consignment, Watch};
use super::{FilePresence, Index, Put, Submission, Theirs, UploadError};

/// How often a file is sent at most, the index having been asked in between
const SENDINGS: u32 = 3;
/// How often one is sent to a server that asks for time
const SENDINGS_TO_A_BUSY_ONE: u32 = 5;
/// How often an index is asked in a row that gives no answer
const QUESTIONS: u32 = 2;
/// The longest time that a server is left alone because it asks for it
const LONGEST_PAUSE: Duration = Duration::from_secs(120);
/// How long a server may be away that has some of the files for all to see, as when a new version of it is deployed
const LONGEST_OUTAGE: Duration = Duration::from_secs(300);
/// The longest pause while one is away
const OUTAGE_PAUSE: Duration = Duration::from_secs(15);

/// How it is known that an index has a file
#[derive(Debug)]
pub enum Delivery {
    /// It said so.
    Uploaded,
    /// It had the file before, with the same sha256.
    AlreadyThere,
    /// It lists the file with its sha256, after an upload that ended so.
    FoundThere(UploadError),
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uploaded => f.write_str("uploaded"),
            Self::AlreadyThere => f.write_str("there already, with the same sha256"),
            Self::FoundThere(after) => write!(f, "found there by its sha256, after: {after}"),
        }
    }
}

/// Why an index does not have a file, or is not known to
#[derive(Debug)]
pub struct Undelivered {
    pub error: Box<UploadError>,
    /// Whether it may be there all the same
    pub in_doubt: bool,
}

/// Sends a file until it is known to be there, or known not to be, or there is no use in going on.
pub fn deliver(
    index: &dyn Index,
    submission: &Submission,
    consignment: &Consignment,
    watch: &dyn Watch,
) -> Result<Delivery, Undelivered> {
    let mut tries =
        Tries { sendings: 0, away_since: None, pause: Duration::ZERO, is_told: false, told: None };
    // Whether an earlier sending may have arrived, although the index did not list it since
    let mut in_doubt = false;
    loop {
        let Some(turn) = consignment.turn(watch) else {
            let error = Box::new(interrupted(index, submission));
            return Err(Undelivered { error, in_doubt });
        };
        let error = match index.put(submission, &|bytes| watch.sent(bytes)) {
            Ok(Put::Uploaded) => return Ok(Delivery::Uploaded),
            Ok(Put::AlreadyThere) => return Ok(Delivery::AlreadyThere),
            Err(error) => error,
        };
        // What a server fails at that has several at once says nothing of this one by itself.
        let was_crowded = turn.overlapped() && error.is_overload();
        drop(turn);
        in_doubt |= error.is_ambiguous();
        // The index has another file of that name, or these bytes under another: whatever was sent before, it did not take.
        let is_other =
            matches!(error, UploadError::Duplicate { theirs: Theirs::Sha256(_) | Theirs::Named(_), .. });
        in_doubt &= !is_other;
        let pause = match was_crowded {
            true => Some(consignment.narrow(watch)),
            false => tries.pause_after(&error, consignment),
        };
        let Some(pause) = pause else {
            return match in_doubt && standing(index, submission, watch) == Some(FilePresence::Identical) {
                true => Ok(Delivery::FoundThere(error)),
                false => Err(Undelivered { error: Box::new(doubtful(error, in_doubt)), in_doubt }),
            };
        };
        tries.tell(index, watch);
        // Interrupted or not: what the index says of it is worth knowing.
        let mut go_on = watch.pause(pause);
        if in_doubt {
            loop {
                match standing(index, submission, watch) {
                    Some(FilePresence::Identical) => return Ok(Delivery::FoundThere(error)),
                    Some(FilePresence::Absent) => break,
                    Some(FilePresence::Different { .. }) => {
                        return Err(Undelivered { error: Box::new(error), in_doubt });
                    }
                    None => {}
                }
                // It comes back, and then it says.
                let is_worth_it = go_on && consignment.is_worth_waiting_for();
                let Some(pause) = is_worth_it.then(|| tries.pause_in_an_outage()).flatten() else {
                    return Err(Undelivered { error: Box::new(error), in_doubt });
                };
                tries.tell(index, watch);
                go_on = watch.pause(pause);
            }
        }
        if !go_on {
            return Err(Undelivered { error: Box::new(error), in_doubt });
        }
        watch.warn(&tries.sent_again(&error, submission));
    }
}

/// That a file was not even sent.
fn interrupted(index: &dyn Index, submission: &Submission) -> UploadError {
    let (index, file) = (index.name().to_owned(), submission.distribution.filename.clone());
    UploadError::Stopped { index, file, all_sent: false }
}

/// An error that says of itself alone that nothing is there, when something before it may have arrived.
fn doubtful(error: UploadError, in_doubt: bool) -> UploadError {
    match &error {
        UploadError::Refused { index, file, status, .. } if in_doubt => UploadError::Ambiguous {
            index: index.clone(),
            file: file.clone(),
            status: Some(*status),
            cause: format!("an attempt before ended without a reply, and then {error}"),
            retry_after: None,
        },
        _ => error,
    }
}

/// How much was tried of one file
struct Tries {
    /// Those that count
    sendings: u32,
    /// When the server was seen to be away
    away_since: Option<Instant>,
    /// The last pause for that
    pause: Duration,
    /// Whether it was told
    is_told: bool,
    /// The last error that was told
    told: Option<String>,
}

impl Tries {
    /// How long to wait before a file is sent again; none where that is of no use.
    fn pause_after(&mut self, error: &UploadError, consignment: &Consignment) -> Option<Duration> {
        self.sendings += 1;
        if error.is_outage() && consignment.is_worth_waiting_for() {
            return self.pause_in_an_outage();
        }
        let own = Duration::from_secs(u64::from(self.sendings * self.sendings));
        let (most, asked) = match error {
            UploadError::Refused { status: 429, reason, retry_after, .. } => {
                // A limit by the hour, which PyPI does not say how long to wait for.
                let lasting = reason.to_ascii_lowercase().contains("too many new projects");
                (if lasting { 0 } else { SENDINGS_TO_A_BUSY_ONE }, *retry_after)
            }
            UploadError::Ambiguous { status: Some(503), retry_after, .. } => {
                (SENDINGS_TO_A_BUSY_ONE, *retry_after)
            }
            UploadError::Ambiguous { retry_after, .. } => (SENDINGS, *retry_after),
            UploadError::Unreachable { .. } if error.is_passing() => (SENDINGS, None),
            _ => (0, None),
        };
        let pause = asked.map_or(own, |asked| asked.max(Duration::from_millis(100)));
        (self.sendings < most && pause <= LONGEST_PAUSE).then_some(pause)
    }

    /// That a file is sent again, and why; a reason that was told just before is not repeated.
    fn sent_again(&mut self, error: &UploadError, submission: &Submission) -> String {
        let known = if error.is_ambiguous() { "it is not listed there, so it" } else { "it" };
        let said = error.to_string();
        let is_new = self.told.as_ref() != Some(&said);
        let told = match is_new {
            true => said.clone(),
            false => format!("`{}` failed in the same way", submission.distribution.filename),
        };
        self.told = Some(said);
        format!("{told}; {known} is sent again")
    }

    /// How long to wait for a server that is away; none where it has been for too long.
    fn pause_in_an_outage(&mut self) -> Option<Duration> {
        let away = self.away_since.get_or_insert_with(Instant::now).elapsed();
        self.pause = (self.pause * 2).clamp(Duration::from_secs(1), OUTAGE_PAUSE);
        (away + self.pause <= LONGEST_OUTAGE).then_some(self.pause)
    }

    /// Says once that a server is waited for which does not come back at once.
    fn tell(&mut self, index: &dyn Index, watch: &dyn Watch) {
        if self.pause > Duration::from_secs(1) && !std::mem::replace(&mut self.is_told, true) {
            watch.warn(&format!(
                "`{}` is away, and a part of the release is public: waiting for it, five minutes at most",
                index.name()
            ));
        }
    }
}

/// How the file compares with what the index lists; none where it cannot be asked.
fn standing(index: &dyn Index, submission: &Submission, watch: &dyn Watch) -> Option<FilePresence> {
    for question in 1..=QUESTIONS {
        match index.standing(submission.field("name"), &submission.distribution) {
            Ok(standing) => return Some(standing),
            Err(_) if question == QUESTIONS || !watch.pause(Duration::from_secs(1)) => return None,
            Err(_) => {}
        }
    }
    None
}
