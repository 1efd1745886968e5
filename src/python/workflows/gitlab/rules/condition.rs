//! GitLab's conditions (`rules:if`), evaluated as far as files and an event determine them.

use super::regex_matches;
use crate::python::workflows::Likelihood;
use crate::python::workflows::occasion::{Event, Occasion};
use crate::python::workflows::script::Variables;

/// The deepest nesting of parentheses
const DEEPEST: usize = 50;
/// The longest condition in bytes
const LONGEST: usize = 5_000;

/// Whether a condition holds for an event.
pub(super) fn holds(condition: &str, occasion: Occasion<'_>, variables: &Variables) -> Likelihood {
    if condition.len() > LONGEST {
        return Likelihood::Maybe;
    }
    let mut reader = Reader { rest: condition, occasion, variables, depth: 0 };
    let holds = reader.either();
    if reader.rest.trim().is_empty() { holds.unwrap_or(Likelihood::Maybe) } else { Likelihood::Maybe }
}

/// The patterns that a condition compares a tag with.
pub(super) fn patterns(condition: &str) -> Vec<String> {
    let parts = condition.split("$CI_COMMIT_TAG").skip(1);
    let patterns =
        parts.filter_map(|part| part.trim_start().strip_prefix("=~")?.trim_start().strip_prefix('/'));
    patterns.filter_map(|part| Some(format!("/{}/", part.split('/').next()?))).collect()
}

enum Value {
    Null,
    Text(String),
    /// A text that is not empty
    SomeText,
    /// What conditions compare to keep forks out
    Repository,
    Unknown,
}

impl Value {
    fn is_set(&self) -> Likelihood {
        match self {
            Self::Null => Likelihood::No,
            Self::Text(text) => (!text.is_empty()).into(),
            Self::SomeText | Self::Repository => Likelihood::Yes,
            Self::Unknown => Likelihood::Maybe,
        }
    }

    fn equals(&self, other: &Self) -> Likelihood {
        match (self, other) {
            (Self::Repository, Self::Text(_)) | (Self::Text(_), Self::Repository) => Likelihood::Yes,
            (Self::Null, Self::Null) => Likelihood::Yes,
            (Self::Text(one), Self::Text(other)) => (one == other).into(),
            (Self::Null, Self::Text(_) | Self::SomeText | Self::Repository)
            | (Self::Text(_) | Self::SomeText | Self::Repository, Self::Null) => Likelihood::No,
            (Self::SomeText, Self::Text(text)) | (Self::Text(text), Self::SomeText) if text.is_empty() => {
                Likelihood::No
            }
            _ => Likelihood::Maybe,
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
    occasion: Occasion<'a>,
    variables: &'a Variables,
    depth: usize,
}

impl Reader<'_> {
    fn take(&mut self, text: &str) -> bool {
        let rest = self.rest.trim_start().strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn either(&mut self) -> Option<Likelihood> {
        let mut holds = self.both()?;
        while self.take("||") {
            holds = holds.or(self.both()?);
        }
        Some(holds)
    }

    fn both(&mut self) -> Option<Likelihood> {
        let mut holds = self.comparison()?;
        while self.take("&&") {
            holds = holds.and(self.comparison()?);
        }
        Some(holds)
    }

    fn comparison(&mut self) -> Option<Likelihood> {
        if self.take("(") {
            self.depth += 1;
            let holds = if self.depth > DEEPEST { None } else { self.either() }?;
            self.depth -= 1;
            return self.take(")").then_some(holds);
        }
        let value = self.value()?;
        if self.take("==") {
            return Some(value.equals(&self.value()?));
        }
        if self.take("!=") {
            return Some(!value.equals(&self.value()?));
        }
        if self.take("=~") {
            return self.matches(&value);
        }
        if self.take("!~") {
            return Some(!self.matches(&value)?);
        }
        Some(value.is_set())
    }

    fn matches(&mut self, value: &Value) -> Option<Likelihood> {
        self.rest = self.rest.trim_start();
        let Some(body) = self.rest.strip_prefix('/') else {
            // A pattern in a variable.
            self.value()?;
            return Some(Likelihood::Maybe);
        };
        let mut escaped = false;
        let is_end = |letter: char| {
            let ends = letter == '/' && !escaped;
            escaped = letter == '\\' && !escaped;
            ends
        };
        let end = body.find(is_end)? + 2;
        let flags = self.rest[end..].chars().take_while(char::is_ascii_alphabetic).count();
        let (pattern, rest) = self.rest.split_at(end + flags);
        self.rest = rest;
        Some(match value {
            Value::Text(text) => regex_matches(pattern, text),
            Value::Null => Likelihood::No,
            Value::Repository => Likelihood::Yes,
            Value::SomeText | Value::Unknown => Likelihood::Maybe,
        })
    }

    fn value(&mut self) -> Option<Value> {
        self.rest = self.rest.trim_start();
        for quote in ['"', '\''] {
            if let Some(body) = self.rest.strip_prefix(quote) {
                let (text, rest) = body.split_once(quote)?;
                self.rest = rest;
                // Variables in texts are not expanded.
                return Some(if text.contains('$') { Value::Unknown } else { Value::Text(text.to_owned()) });
            }
        }
        if self.take("null") {
            return Some(Value::Null);
        }
        let body = self.rest.strip_prefix('$')?;
        let braced = body.strip_prefix('{');
        let body = braced.unwrap_or(body);
        let end =
            body.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(body.len());
        let (name, rest) = body.split_at(end);
        self.rest = if braced.is_some() { rest.strip_prefix('}')? } else { rest };
        Some(self.variable(name))
    }

    fn variable(&self, name: &str) -> Value {
        let event = self.occasion.event;
        let tag = match self.occasion.tag {
            Some(Some(tag)) => Value::Text(tag.to_owned()),
            Some(None) => Value::SomeText,
            None => Value::Null,
        };
        let is_request = event == Event::Other("merge_request_event");
        match name {
            // A pipeline that a person starts may be for a tag.
            "CI_COMMIT_TAG" | "CI_COMMIT_BRANCH" if event == Event::Manual => Value::Unknown,
            "CI_COMMIT_TAG" => tag,
            "CI_COMMIT_BRANCH" if self.occasion.tag.is_some() || is_request => Value::Null,
            "CI_COMMIT_BRANCH" => Value::SomeText,
            "CI_COMMIT_REF_NAME" if self.occasion.tag.is_some() => tag,
            "CI_COMMIT_REF_NAME" | "CI_DEFAULT_BRANCH" | "CI_COMMIT_SHA" => Value::SomeText,
            "CI_PIPELINE_SOURCE" => Value::Text(match event {
                Event::Manual => "web".to_owned(),
                Event::Schedule => "schedule".to_owned(),
                Event::Other(name) => name.to_owned(),
                _ => "push".to_owned(),
            }),
            "CI" | "GITLAB_CI" => Value::Text("true".to_owned()),
            "CI_PROJECT_PATH"
            | "CI_PROJECT_NAMESPACE"
            | "CI_PROJECT_ROOT_NAMESPACE"
            | "CI_PROJECT_NAME"
            | "CI_PROJECT_URL"
            | "CI_PROJECT_ID" => Value::Repository,
            _ if name.starts_with("CI_MERGE_REQUEST_") => {
                if is_request {
                    Value::Unknown
                } else {
                    Value::Null
                }
            }
            _ => match self.variables.get(name).map(Vec::as_slice) {
                Some([text]) if event != Event::Manual && !text.contains('$') => Value::Text(text.clone()),
                _ => Value::Unknown,
            },
        }
    }
}
