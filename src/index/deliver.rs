//! An upload taken to where its fate is known: what may have arrived is asked for by its hash before it is sent again,
//! a server that asks for time gets it, and nothing is tried for ever.

use std::fmt;
use std::time::Duration;

use super::{Index, Put, Standing, Submission, Theirs, UploadError};

/// How often a file is sent at most, the index having been asked in between
const SENDINGS: u32 = 3;
/// How often one is sent to a server that asks for time
const SENDINGS_TO_A_BUSY_ONE: u32 = 5;
/// How often an index is asked in a row that gives no answer
const QUESTIONS: u32 = 2;
/// The longest time that a server is left alone because it asks for it
const LONGEST_PAUSE: Duration = Duration::from_secs(120);

/// Who looks on while a file is delivered
pub trait Watch {
    /// So many bytes were sent so far; says whether to go on.
    fn sent(&self, bytes: u64) -> bool;
    /// Lets time pass; false: do not go on.
    fn pause(&self, time: Duration) -> bool;
    fn warn(&self, message: &str);
}

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
    watch: &dyn Watch,
) -> Result<Delivery, Undelivered> {
    let mut sendings = 0;
    // Whether an earlier sending may have arrived, although the index did not list it since
    let mut in_doubt = false;
    loop {
        let error = match index.put(submission, &|bytes| watch.sent(bytes)) {
            Ok(Put::Uploaded) => return Ok(Delivery::Uploaded),
            Ok(Put::AlreadyThere) => return Ok(Delivery::AlreadyThere),
            Err(error) => error,
        };
        sendings += 1;
        in_doubt |= error.is_ambiguous();
        // The index has another file of that name: whatever was sent before, it did not take.
        in_doubt &= !matches!(error, UploadError::Duplicate { theirs: Theirs::Sha256(_), .. });
        let Some(pause) = pause_after(&error, sendings) else {
            return match in_doubt && is_there(index, submission, watch) == Some(true) {
                true => Ok(Delivery::FoundThere(error)),
                false => Err(Undelivered { error: Box::new(doubtful(error, in_doubt)), in_doubt }),
            };
        };
        // Interrupted or not: what the index says of it is worth knowing.
        let go_on = watch.pause(pause);
        if in_doubt {
            match is_there(index, submission, watch) {
                Some(true) => return Ok(Delivery::FoundThere(error)),
                Some(false) => {}
                None => return Err(Undelivered { error: Box::new(error), in_doubt }),
            }
        }
        if !go_on {
            return Err(Undelivered { error: Box::new(error), in_doubt });
        }
        let known = if error.is_ambiguous() { "it is not listed there, so it" } else { "it" };
        watch.warn(&format!("{error}; {known} is sent again"));
    }
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

/// How long to wait before a file is sent again; none where that is of no use.
fn pause_after(error: &UploadError, sendings: u32) -> Option<Duration> {
    let own = Duration::from_secs(u64::from(sendings * sendings));
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
    (sendings < most && pause <= LONGEST_PAUSE).then_some(pause)
}

/// Whether the index lists the file with its hash; none where it lists another or cannot be asked.
fn is_there(index: &dyn Index, submission: &Submission, watch: &dyn Watch) -> Option<bool> {
    for question in 1..=QUESTIONS {
        match index.standing(submission.field("name"), &submission.distribution) {
            Ok(Standing::Identical) => return Some(true),
            Ok(Standing::Absent) => return Some(false),
            Ok(Standing::Different { .. }) => return None,
            Err(_) if question == QUESTIONS || !watch.pause(Duration::from_secs(1)) => return None,
            Err(_) => {}
        }
    }
    None
}
