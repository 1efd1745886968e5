//! A setting with an age: `1 day`.

use std::time::Duration;

use jiff::{SignedDuration, Span, SpanRelativeTo};
use schemars::JsonSchema;
use serde::Deserialize;

/// The age from which on something is made again
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub(super) struct MaxAge(pub(super) Duration);

impl Default for MaxAge {
    fn default() -> Self {
        Self(Duration::from_secs(24 * 3600))
    }
}

impl TryFrom<String> for MaxAge {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let span = text.parse::<Span>().ok();
        let age = span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
        let age: Option<SignedDuration> = age.filter(|age| !age.is_negative());
        age.and_then(|age| Duration::try_from(age).ok()).map(Self).ok_or_else(|| {
            format!("`{}` is not a valid age; write it as \"1 day\" or \"12h\"", text.escape_debug())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_a_unit() {
        let seconds = |text: &str| MaxAge::try_from(text.to_owned()).map(|age| age.0.as_secs()).ok();
        for (text, expected) in
            [("1 day", 86_400), ("12h", 43_200), ("1 week 1 day", 691_200), ("90m", 5_400), ("0s", 0)]
        {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
        for wrong in ["", "1", "-1 day", "1 month", "soon"] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }
}
