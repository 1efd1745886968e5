//! What of a plugin's words is shown and kept: without its secrets, and without what would move the cursor of a terminal.

use anstream::adapter::strip_str;
use serde_json::Value;

use crate::text::is_safe;

/// Letters of the shortest line of a secret that is looked for by itself: a key is printed line by line
const LINE: usize = 12;
/// Letters of what is shown in a line of its own
const LONGEST: usize = 200;
const INSTEAD: &str = "[secret]";

/// The words of a plugin that knows these secrets
pub(super) struct Words {
    secrets: Vec<String>,
}

impl Words {
    pub(super) fn of_who_knows(secrets: &[String]) -> Self {
        let lines = secrets.iter().flat_map(|secret| secret.lines()).map(str::trim);
        let lines = lines.filter(|line| line.chars().count() >= LINE).map(str::to_owned);
        let whole = secrets.iter().filter(|secret| !secret.is_empty()).cloned();
        let mut secrets: Vec<String> = whole.chain(lines).collect();
        // What is a part of another would leave the rest of that.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        Self { secrets }
    }

    /// The text as it is shown.
    pub(super) fn shown(&self, text: &str) -> String {
        let is_plain = |letter: &char| is_safe(*letter) || matches!(letter, '\n' | '\t');
        let plain: String = strip_str(text).to_string().chars().filter(is_plain).collect();
        self.secrets.iter().fold(plain, |text, secret| text.replace(&**secret, INSTEAD))
    }

    /// The text as it is shown in a line.
    pub(super) fn line(&self, text: &str) -> String {
        let shown = self.shown(text).split_whitespace().collect::<Vec<_>>().join(" ");
        match shown.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}…", &shown[..end]),
            None => shown,
        }
    }

    /// All texts of an answer as they are shown.
    pub(super) fn answer(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.shown(&text)),
            Value::Array(values) => values.into_iter().map(|value| self.answer(value)).collect(),
            Value::Object(object) => {
                object.into_iter().map(|(key, value)| (self.shown(&key), self.answer(value))).collect()
            }
            other => other,
        }
    }

    /// Whether there is a secret in it.
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

/// What is wrong with the key of an effect, if anything is.
pub(super) fn unusable(key: &str) -> Option<String> {
    let is_usable = (1..=LONGEST).contains(&key.chars().count()) && key.chars().all(is_safe);
    (!is_usable).then(|| format!("the key of an effect is not a line of 1 to {LONGEST} characters"))
}
