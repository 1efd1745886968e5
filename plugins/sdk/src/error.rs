use std::fmt;

/// The result of a stage's methods
pub type Result<T> = std::result::Result<T, Error>;

/// Why a stage failed, for the user, and what to do about it
#[derive(Debug)]
pub struct Error {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    pub(crate) kept: bool,
}

impl Error {
    pub fn new(message: impl Into<String>) -> Self {
        Self { code: "failed", message: message.into(), hint: None, kept: false }
    }

    /// Returned by `undo`: the effect must stay, and why.
    pub fn kept(reason: impl Into<String>) -> Self {
        Self { kept: true, ..Self::new(reason) }
    }

    /// The stage stopped because the call was cancelled.
    pub fn cancelled() -> Self {
        Self { code: "cancelled", ..Self::new("stopped as asked") }
    }

    /// Adds what to do about it.
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

// Not `std::error::Error`, so that every error can be converted with `?`.
impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            message.push_str(&format!(": {error}"));
            cause = error.source();
        }
        Self::new(message)
    }
}
