//! GitHub's expressions, evaluated as far as files and an event determine them.

mod value;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Likelihood;
use super::occasion::{Event, Occasion};
pub(super) use value::Value;

/// The deepest nesting of parentheses
const DEEPEST: usize = 50;
/// The longest expression in bytes
const LONGEST: usize = 5_000;
/// How many calls deep inputs are looked up
const MOST_CALLS: usize = 10;

/// The inputs of a called workflow or action
#[derive(Debug, Default)]
pub(super) struct Inputs {
    pub values: BTreeMap<String, Input>,
    /// The inputs of the caller, which its expressions use
    pub outer: Option<Arc<Inputs>>,
}

#[derive(Debug)]
pub(super) enum Input {
    Value(Value),
    /// A text with `${{ }}`
    Template(String),
}

/// An `if`, and the inputs it can use
#[derive(Debug, Clone)]
pub(super) struct Condition {
    text: Arc<str>,
    inputs: Arc<Inputs>,
}

impl Condition {
    /// A condition that is too long is not kept: it may hold.
    pub fn new(text: &str, inputs: Arc<Inputs>) -> Self {
        Self { text: if text.len() > LONGEST { "unknown".into() } else { text.into() }, inputs }
    }

    /// Whether the event fulfils it.
    pub fn holds(&self, occasion: Occasion<'_>) -> Likelihood {
        match inner(&self.text) {
            Some(expression) => evaluate(expression, occasion, &self.inputs, 0).is_true(),
            // Text around `${{ }}` makes it a text that is not empty.
            None => Likelihood::Yes,
        }
    }

    /// Whether a condition may hold although jobs that are needed did not run.
    pub fn ignores_needed_jobs(text: &str) -> bool {
        ["always(", "failure(", "cancelled("].iter().any(|function| text.contains(function))
    }
}

/// The expression of a text: all of it, or what is between `${{` and `}}`; none if there is text around these.
fn inner(text: &str) -> Option<&str> {
    let Some(start) = text.find("${{") else { return Some(text) };
    let rest = &text[start + 3..];
    let end = rest.find("}}")?;
    (start == 0 && rest[end + 2..].is_empty()).then(|| &rest[..end])
}

/// The texts that a template can become, as far as can be told: none if that is open.
pub(super) fn possible_texts(template: &str, inputs: &Inputs) -> Vec<String> {
    possible(template, inputs, 0)
}

fn possible(template: &str, inputs: &Inputs, depth: usize) -> Vec<String> {
    if !template.contains("${{") {
        return vec![template.to_owned()];
    }
    let Some(expression) = inner(template.trim()) else { return Vec::new() };
    if let Some(name) = expression.trim().strip_prefix("inputs.") {
        return match (inputs.values.get(name), &inputs.outer) {
            (Some(Input::Value(Value::Text(text))), _) => vec![text.clone()],
            (Some(Input::Template(template)), Some(outer)) if depth < MOST_CALLS => {
                possible(template, outer, depth + 1)
            }
            _ => Vec::new(),
        };
    }
    // A choice among literals: `a && 'one' || 'other'`.
    let literals = expression.split('\'').skip(1).step_by(2);
    literals
        .filter(|text| text.is_empty() || text.to_lowercase().contains("pypi"))
        .map(str::to_owned)
        .collect()
}

/// The value of an expression; unknown if it is not valid.
fn evaluate(expression: &str, occasion: Occasion<'_>, inputs: &Inputs, calls: usize) -> Value {
    if expression.len() > LONGEST || calls > MOST_CALLS {
        return Value::Unknown;
    }
    let mut reader = Reader { rest: expression, occasion, inputs, calls, depth: 0 };
    let value = reader.either();
    if reader.skip_blanks().is_empty() { value.unwrap_or(Value::Unknown) } else { Value::Unknown }
}

/// Evaluates while it reads: nothing in an expression has effects
struct Reader<'a> {
    rest: &'a str,
    occasion: Occasion<'a>,
    inputs: &'a Inputs,
    calls: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn skip_blanks(&mut self) -> &'a str {
        self.rest = self.rest.trim_start();
        self.rest
    }

    fn take(&mut self, text: &str) -> bool {
        let rest = self.skip_blanks().strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn either(&mut self) -> Option<Value> {
        let mut value = self.both()?;
        while self.take("||") {
            value = value.or(self.both()?);
        }
        Some(value)
    }

    fn both(&mut self) -> Option<Value> {
        let mut value = self.equality()?;
        while self.take("&&") {
            value = value.and(self.equality()?);
        }
        Some(value)
    }

    fn equality(&mut self) -> Option<Value> {
        let mut value = self.unary()?;
        loop {
            if self.take("==") {
                value = value.equals(&self.unary()?).into();
            } else if self.take("!=") {
                value = (!value.equals(&self.unary()?)).into();
            } else if self.take("<=") || self.take(">=") || self.take("<") || self.take(">") {
                self.unary()?;
                value = Value::Unknown;
            } else {
                return Some(value);
            }
        }
    }

    fn unary(&mut self) -> Option<Value> {
        let mut negations = 0;
        while !self.skip_blanks().starts_with("!=") && self.take("!") {
            negations += 1;
        }
        let value = self.primary()?;
        Some(match negations {
            0 => value,
            _ if negations % 2 == 1 => (!value.is_true()).into(),
            _ => value.is_true().into(),
        })
    }

    fn primary(&mut self) -> Option<Value> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        let value = self.primary_within()?;
        self.depth -= 1;
        Some(value)
    }

    fn primary_within(&mut self) -> Option<Value> {
        if self.take("(") {
            let value = self.either()?;
            return self.take(")").then_some(value);
        }
        if self.skip_blanks().starts_with('\'') {
            return self.literal().map(Value::Text);
        }
        let name = self.word();
        if name.is_empty() {
            return None;
        }
        if self.take("(") {
            return self.call(&name.to_lowercase());
        }
        if let Ok(number) = name.parse::<f64>() {
            return Some(Value::Number(number));
        }
        let path = self.path(name)?;
        Some(match path.as_str() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "null" => Value::Null,
            path => self.look_up(path),
        })
    }

    /// A text in single quotes; two of them are one.
    fn literal(&mut self) -> Option<String> {
        let mut text = String::new();
        self.rest = self.rest.strip_prefix('\'')?;
        loop {
            let (part, rest) = self.rest.split_once('\'')?;
            text.push_str(part);
            self.rest = rest;
            match rest.strip_prefix('\'') {
                Some(rest) => self.rest = rest,
                None => return Some(text),
            }
            text.push('\'');
        }
    }

    fn word(&mut self) -> &'a str {
        let is_part = |letter: char| letter.is_alphanumeric() || "_-.*+".contains(letter);
        let end = self.rest.find(|letter| !is_part(letter)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    /// A path in lower case, with `.` for `['…']`.
    fn path(&mut self, start: &str) -> Option<String> {
        let mut path = start.to_lowercase();
        while self.take("[") {
            let key =
                if self.skip_blanks().starts_with('\'') { self.literal()? } else { self.word().to_owned() };
            if !self.take("]") {
                return None;
            }
            path.push('.');
            path.push_str(&key.to_lowercase());
            path.push_str(&self.word().to_lowercase());
        }
        Some(path)
    }

    fn call(&mut self, function: &str) -> Option<Value> {
        let mut arguments = Vec::new();
        while !self.take(")") {
            if !arguments.is_empty() && !self.take(",") {
                return None;
            }
            arguments.push(self.either()?);
        }
        Some(match (function, arguments.as_slice()) {
            // The evaluation assumes that all goes well.
            ("always" | "success", []) => Value::Bool(true),
            ("failure" | "cancelled", []) => Value::Bool(false),
            ("startswith", [text, start]) => text.starts_with(start).into(),
            ("endswith", [text, end]) => text.ends_with(end).into(),
            ("contains", [text, part]) => text.contains(part).into(),
            ("fromjson", [text]) => text.parse_json(),
            _ => Value::Unknown,
        })
    }

    fn look_up(&self, path: &str) -> Value {
        if path.starts_with("github.event.inputs.") {
            return if self.occasion.event == Event::Manual { Value::Unknown } else { Value::Null };
        }
        if let Some(name) = path.strip_prefix("inputs.") {
            return match (self.inputs.values.get(name), &self.inputs.outer) {
                (Some(Input::Value(value)), _) => value.clone(),
                (Some(Input::Template(template)), Some(outer)) => match inner(template.trim()) {
                    Some(expression) => evaluate(expression, self.occasion, outer, self.calls + 1),
                    None => Value::Unknown,
                },
                _ if self.inputs.outer.is_none() && self.occasion.event != Event::Manual => Value::Null,
                _ => Value::Unknown,
            };
        }
        path.strip_prefix("github.").map_or(Value::Unknown, |path| value::of_github(path, self.occasion))
    }
}
