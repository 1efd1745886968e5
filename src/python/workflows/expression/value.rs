//! Values of expressions, some of which are known in part.

use crate::python::workflows::Likelihood;
use crate::python::workflows::occasion::{Event, Occasion};

#[derive(Debug, Clone, PartialEq)]
pub(in crate::python::workflows) enum Value {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    /// A text of which only the start is known
    StartsWith(String),
    List(Vec<String>),
    /// The repository or its owner. Conditions compare it to keep forks out, so it is equal to what they name.
    Repository,
    Unknown,
}

impl From<Likelihood> for Value {
    fn from(likelihood: Likelihood) -> Self {
        match likelihood {
            Likelihood::No => Self::Bool(false),
            Likelihood::Maybe => Self::Unknown,
            Likelihood::Yes => Self::Bool(true),
        }
    }
}

impl Value {
    pub(super) fn is_true(&self) -> Likelihood {
        match self {
            Self::Null => Likelihood::No,
            Self::Bool(is_true) => (*is_true).into(),
            Self::Number(number) => (*number != 0.0 && !number.is_nan()).into(),
            Self::Text(text) => (!text.is_empty()).into(),
            Self::StartsWith(start) if start.is_empty() => Likelihood::Maybe,
            Self::StartsWith(_) | Self::List(_) | Self::Repository => Likelihood::Yes,
            Self::Unknown => Likelihood::Maybe,
        }
    }

    pub(super) fn and(self, other: Self) -> Self {
        match (self.is_true(), other.is_true()) {
            (Likelihood::No, _) => self,
            (Likelihood::Yes, _) => other,
            (Likelihood::Maybe, Likelihood::No) => Self::Bool(false),
            (Likelihood::Maybe, _) => Self::Unknown,
        }
    }

    pub(super) fn or(self, other: Self) -> Self {
        match (self.is_true(), other.is_true()) {
            (Likelihood::Yes, _) => self,
            (Likelihood::No, _) => other,
            (Likelihood::Maybe, Likelihood::Yes) => Self::Bool(true),
            (Likelihood::Maybe, _) => Self::Unknown,
        }
    }

    pub(super) fn equals(&self, other: &Self) -> Likelihood {
        match (self, other) {
            (Self::Unknown, _) | (_, Self::Unknown) | (Self::List(_), _) | (_, Self::List(_)) => {
                Likelihood::Maybe
            }
            (Self::Repository, _) | (_, Self::Repository) => Likelihood::Yes,
            (Self::Text(one), Self::Text(other)) => (one.to_lowercase() == other.to_lowercase()).into(),
            (Self::StartsWith(start), Self::Text(text)) | (Self::Text(text), Self::StartsWith(start)) => {
                begins(text, start).and(Likelihood::Maybe)
            }
            (Self::StartsWith(start), _) | (_, Self::StartsWith(start)) if start.is_empty() => {
                Likelihood::Maybe
            }
            _ => (self.number() == other.number()).into(),
        }
    }

    /// The number that values of different types are compared as.
    fn number(&self) -> f64 {
        match self {
            Self::Null => 0.0,
            Self::Bool(is_true) => f64::from(u8::from(*is_true)),
            Self::Number(number) => *number,
            Self::Text(text) if text.trim().is_empty() => 0.0,
            Self::Text(text) => text.trim().parse().unwrap_or(f64::NAN),
            _ => f64::NAN,
        }
    }

    pub(super) fn starts_with(&self, start: &Self) -> Likelihood {
        match (self, start) {
            (Self::Repository, _) => Likelihood::Yes,
            (Self::Text(text), Self::Text(start)) => begins(text, start),
            (Self::Null, Self::Text(start)) => start.is_empty().into(),
            (Self::StartsWith(known), Self::Text(start)) => {
                begins(known, start).or(begins(start, known).and(Likelihood::Maybe))
            }
            _ => Likelihood::Maybe,
        }
    }

    pub(super) fn ends_with(&self, end: &Self) -> Likelihood {
        match (self, end) {
            (Self::Text(text), Self::Text(end)) => text.to_lowercase().ends_with(&end.to_lowercase()).into(),
            _ => Likelihood::Maybe,
        }
    }

    pub(super) fn contains(&self, part: &Self) -> Likelihood {
        match (self, part) {
            (Self::Text(text), Self::Text(part)) => text.to_lowercase().contains(&part.to_lowercase()).into(),
            (Self::StartsWith(known), Self::Text(part)) => {
                Likelihood::from(known.to_lowercase().contains(&part.to_lowercase())).or(Likelihood::Maybe)
            }
            (Self::List(texts), Self::Text(part)) => {
                texts.iter().any(|text| text.to_lowercase() == part.to_lowercase()).into()
            }
            (Self::Null, Self::Text(part)) => part.is_empty().into(),
            (Self::List(texts), Self::Null) => texts.iter().any(String::is_empty).into(),
            _ => Likelihood::Maybe,
        }
    }

    pub(super) fn parse_json(&self) -> Self {
        let Self::Text(text) = self else { return Self::Unknown };
        match serde_json::from_str::<serde_json::Value>(text) {
            Ok(serde_json::Value::Bool(is_true)) => Self::Bool(is_true),
            Ok(serde_json::Value::Null) => Self::Null,
            Ok(serde_json::Value::String(text)) => Self::Text(text),
            Ok(serde_json::Value::Array(items)) => {
                let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
                texts.collect::<Option<_>>().map_or(Self::Unknown, Self::List)
            }
            _ => Self::Unknown,
        }
    }
}

/// Whether a text begins with another, in any case.
fn begins(text: &str, start: &str) -> Likelihood {
    text.to_lowercase().starts_with(&start.to_lowercase()).into()
}

/// A value of the context `github`, by its path without `github.`.
pub(super) fn of_github(path: &str, occasion: Occasion<'_>) -> Value {
    let text = |text: &str| Value::Text(text.to_owned());
    let event = occasion.event;
    match path {
        "event_name" => text(match event {
            Event::Push => "push",
            Event::Create => "create",
            Event::Release(_) => "release",
            Event::Manual => "workflow_dispatch",
            Event::Schedule => "schedule",
            Event::AfterWorkflow => "workflow_run",
            Event::Other(name) => name,
        }),
        "repository" | "repository_owner" | "event.repository.full_name" | "event.repository.owner.login" => {
            Value::Repository
        }
        "event.repository.fork" => Value::Bool(false),
        "event.workflow_run.conclusion" => of(event == Event::AfterWorkflow, || text("success")),
        // The other workflow ran for the tag; this one runs for the default branch.
        "event.workflow_run.head_branch" => of(event == Event::AfterWorkflow, || match occasion.tag {
            Some(Some(tag)) => text(tag),
            _ => Value::Unknown,
        }),
        "event.action" => match event {
            Event::Release(action) => text(action),
            Event::Push | Event::Create | Event::Manual | Event::Schedule => Value::Null,
            Event::AfterWorkflow => text("completed"),
            Event::Other(_) => Value::Unknown,
        },
        "event.release.tag_name" => of(matches!(event, Event::Release(_)), || match occasion.tag {
            Some(Some(tag)) => text(tag),
            _ => Value::Unknown,
        }),
        "event.release.prerelease" => of(matches!(event, Event::Release(_)), || {
            occasion.is_prerelease.map_or(Value::Unknown, Value::Bool)
        }),
        "event.release.draft" => of(matches!(event, Event::Release(_)), || Value::Bool(false)),
        "event.deleted" | "event.forced" => of(event == Event::Push, || Value::Bool(false)),
        "event.created" => of(event == Event::Push, || match occasion.tag {
            Some(_) => Value::Bool(true),
            None => Value::Unknown,
        }),
        "event.ref_type" => of(event == Event::Create, || of_ref("ref_type", occasion)),
        "event.ref" if event == Event::Create => of_ref("ref_name", occasion),
        "event.ref" => of(event == Event::Push, || of_ref("ref", occasion)),
        "ref" | "ref_name" | "ref_type" if event == Event::AfterWorkflow => {
            of_ref(path, Occasion { tag: None, ..occasion })
        }
        "ref" | "ref_name" | "ref_type" => of_ref(path, occasion),
        "head_ref" | "base_ref" if !matches!(event, Event::Other(_)) => text(""),
        _ => match path.strip_prefix("event.") {
            Some(path) if event != Event::AfterWorkflow => {
                of(!is_of_other_event(path, event), || Value::Unknown)
            }
            _ => Value::Unknown,
        },
    }
}

/// The value if there is one, else null.
fn of(is_there: bool, value: impl FnOnce() -> Value) -> Value {
    if is_there { value() } else { Value::Null }
}

/// Whether a path in the payload exists only for another event.
fn is_of_other_event(path: &str, event: Event<'_>) -> bool {
    let first = path.split('.').next().unwrap_or_default();
    let own = match event {
        Event::Release(_) => "release",
        Event::Manual => "inputs",
        Event::Other("repository_dispatch") => "client_payload",
        Event::Other(name) if name.starts_with("pull_request") => "pull_request",
        Event::Other(name) if !name.starts_with("merge_group") => return false,
        _ => "",
    };
    let payloads = ["release", "pull_request", "inputs", "workflow_run", "client_payload", "issue"];
    first != own && payloads.contains(&first)
}

fn of_ref(path: &str, occasion: Occasion<'_>) -> Value {
    // A person may choose a tag; some rare events have one too.
    let start = match occasion.event {
        Event::Manual | Event::Other("deployment" | "deployment_status" | "registry_package") => None,
        Event::Other("pull_request" | "pull_request_review" | "pull_request_review_comment") => {
            Some("refs/pull/")
        }
        _ => Some("refs/heads/"),
    };
    match (path, occasion.tag, start) {
        ("ref", Some(Some(tag)), _) => Value::Text(format!("refs/tags/{tag}")),
        ("ref", Some(None), _) => Value::StartsWith("refs/tags/".to_owned()),
        ("ref", None, Some(start)) => Value::StartsWith(start.to_owned()),
        ("ref_name", Some(Some(tag)), _) => Value::Text(tag.to_owned()),
        ("ref_type", Some(_), _) => Value::Text("tag".to_owned()),
        ("ref_type", None, Some(_)) => Value::Text("branch".to_owned()),
        _ => Value::Unknown,
    }
}
