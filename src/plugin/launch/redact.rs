//! Cleans a plugin's text for display and storage: removes its secrets, and control characters that affect terminals.

use anstream::adapter::strip_str;
use serde_json::Value;

use crate::text::is_safe;

/// The shortest line of a secret that is also redacted by itself, because keys are printed line by line
const LINE: usize = 12;
/// The longest text that is shown in one line
const LONGEST: usize = 200;
const REDACTED: &str = "[secret]";

/// Redacts the plugin's secrets
pub(super) struct Redactor {
    secrets: Vec<String>,
}

impl Redactor {
    pub(super) fn new(secrets: &[String]) -> Self {
        let lines = secrets.iter().flat_map(|secret| secret.lines()).map(str::trim);
        let lines = lines.filter(|line| line.chars().count() >= LINE).map(str::to_owned);
        let whole = secrets.iter().filter(|secret| !secret.is_empty()).cloned();
        let mut secrets: Vec<String> = whole.chain(lines).collect();
        // Longest first: a secret may be part of another.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        Self { secrets }
    }

    /// The text for display.
    pub(super) fn text(&self, text: &str) -> String {
        let is_plain = |letter: &char| is_safe(*letter) || matches!(letter, '\n' | '\t');
        // Almost every text is plain already, and a plugin may send very many.
        let plain = match text.chars().all(|letter| is_plain(&letter)) {
            true => text.to_owned(),
            false => strip_str(text).to_string().chars().filter(is_plain).collect(),
        };
        self.secrets.iter().fold(plain, |text, secret| text.replace(&**secret, REDACTED))
    }

    /// The text for display in one line.
    pub(super) fn line(&self, text: &str) -> String {
        let shown = self.text(text).split_whitespace().collect::<Vec<_>>().join(" ");
        match shown.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}…", &shown[..end]),
            None => shown,
        }
    }

    /// An answer with all texts redacted.
    pub(super) fn answer(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(&text)),
            Value::Array(values) => values.into_iter().map(|value| self.answer(value)).collect(),
            Value::Object(object) => {
                object.into_iter().map(|(key, value)| (self.text(&key), self.answer(value))).collect()
            }
            other => other,
        }
    }

    /// Whether a value contains a secret.
    pub(super) fn has_secret(&self, value: &Value) -> bool {
        let is_in = |text: &str| self.secrets.iter().any(|secret| text.contains(&**secret));
        match value {
            Value::String(text) => is_in(text),
            Value::Array(values) => values.iter().any(|value| self.has_secret(value)),
            Value::Object(object) => object.iter().any(|(key, value)| is_in(key) || self.has_secret(value)),
            Value::Number(number) => is_in(&number.to_string()),
            Value::Null | Value::Bool(_) => false,
        }
    }
}

/// Why an effect's key is not valid, if so.
pub(super) fn invalid_key(key: &str) -> Option<String> {
    let is_usable = (1..=LONGEST).contains(&key.chars().count()) && key.chars().all(is_safe);
    (!is_usable).then(|| format!("the key of an effect must be one line of 1 to {LONGEST} characters"))
}
