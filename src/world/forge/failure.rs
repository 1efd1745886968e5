//! Why a forge did not do something.

use crate::error::Error;

/// A request that failed
#[derive(Debug)]
pub struct Failure {
    pub error: Error,
    /// Whether the forge may have done it all the same
    pub in_doubt: bool,
}

pub type ForgeResult<T> = Result<T, Failure>;

impl Failure {
    /// The forge refused it.
    pub fn refused(error: Error) -> Self {
        Self { error, in_doubt: false }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}
