//! Reads an index's reply: finds the reason in JSON, HTML or text.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::html;

/// The longest reason that is kept, in characters.
const LONGEST_REASON: usize = 600;

/// An HTTP reply to an upload
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: u16,
    /// The server's reason in one line, without control characters; may be empty
    pub(super) reason: String,
    /// The target of a redirect
    pub(super) location: Option<String>,
    /// The delay that `Retry-After` asks for
    pub(super) retry_after: Option<Duration>,
}

/// The delay in a `Retry-After`, in seconds or as a date, from `now`.
pub(super) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

/// An error in JSON. PyPI's `code` is `400 <reason>`, its `message` the same reason in HTML; GitLab and Azure have a
/// `message` or an `error`, Artifactory a list of `errors`.
#[derive(Deserialize)]
struct JsonError {
    #[serde(default)]
    code: Value,
    #[serde(default)]
    message: Value,
    #[serde(default)]
    error: Value,
    #[serde(default)]
    errors: Value,
}

impl JsonError {
    /// The first message.
    fn message(&self) -> &str {
        let listed = self.errors.get(0).map(|error| error.get("message").unwrap_or(error));
        let messages = [Some(&self.message), Some(&self.error), listed];
        messages.into_iter().flatten().find_map(Value::as_str).unwrap_or_default()
    }
}

/// The reason in a reply's body.
pub(super) fn reason(status: u16, body: &str) -> String {
    let trimmed = body.trim_start();
    let text = match serde_json::from_str::<JsonError>(trimmed) {
        Ok(json) => {
            let code = json.code.as_str().unwrap_or_default();
            let reason = code.strip_prefix(&status.to_string()).unwrap_or_default().trim();
            match reason {
                "" => html::text(json.message()),
                reason => reason.to_owned(),
            }
        }
        Err(_) if trimmed.starts_with('<') => html::reason(trimmed),
        Err(_) => body.to_owned(),
    };
    match one_line(&text) {
        // pypiserver's body for a wrong password.
        line if line == "None" => String::new(),
        line => line,
    }
}

/// Makes the text one line without control characters, and shortens it.
fn one_line(text: &str) -> String {
    let words = text.split(|letter: char| letter.is_whitespace() || letter.is_control());
    let line = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST_REASON) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Whether the server refuses a file because it has one with that name. Only the hashes tell whether it is the same
/// file.
pub(super) fn says_duplicate(status: u16, reason: &str) -> bool {
    let reason = reason.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|words| reason.contains(words));
    match status {
        // devpi, pypiserver, Azure, CodeArtifact. PyPI uses 409 when two users create a project at once.
        409 => !says(&["conflicts with an existing project"]),
        // PyPI, Google, Gitea; GitLab; Nexus, depending on its database.
        400 => says(&[
            "already exist",
            "already been taken",
            "duplicate package is not allowed",
            "updating asset",
            "cannot be updated",
        ]),
        // Artifactory.
        403 => says(&["overwrite artifact", "overwrite all artifacts"]),
        _ => false,
    }
}

/// Whether this 404 may hide a duplicate: Artifactory can be configured to hide files that a user may not replace.
pub(super) fn may_hide_a_duplicate(reason: &str) -> bool {
    reason.to_ascii_lowercase().contains("could not locate artifact")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "2015-10-21T07:27:30Z".parse().unwrap();
        let seconds = |value: &str| retry_after(value, now).map(|time| time.as_secs());
        assert_eq!(seconds("120"), Some(120));
        assert_eq!(seconds("Wed, 21 Oct 2015 07:28:00 GMT"), Some(30));
        assert_eq!(seconds("Wed, 21 Oct 2015 07:20:00 GMT"), Some(0), "a time in the past");
        assert_eq!(seconds("soon"), None);
        assert_eq!(seconds("-5"), None);
    }

    #[test]
    fn pypis_reason_is_found_in_json() {
        let body = r#"{"message": "The server could not comply…<br/><br/>\nUse a known file type.\n\n",
            "code": "400 Use a known file type.", "title": "Bad Request"}"#;
        assert_eq!(reason(400, body), "Use a known file type.");
        assert_eq!(reason(403, r#"{"message": "insufficient_scope", "error": "x"}"#), "insufficient_scope");
        assert_eq!(reason(401, r#"{"message": "401 <b>Unauthorized</b>"}"#), "401 Unauthorized");
        assert_eq!(reason(400, r#"{"code": 7, "message": ["x"]}"#), "");
        assert_eq!(reason(403, r#"{"errors": [{"status": 403, "message": "Not you"}, {}]}"#), "Not you");
        assert_eq!(reason(403, r#"{"errors": ["Not you"]}"#), "Not you");
        assert_eq!(reason(403, r#"{"errors": {"0": "x"}}"#), "");
        assert_eq!(reason(403, "None"), "");
    }

    #[test]
    fn a_reason_is_found_in_a_page() {
        let body = "<!DOCTYPE html><html><head><title>Error: 409 Conflict</title><style>p {}</style></head>\
            <body><h1>Error: 409 Conflict</h1><pre>Package &#039;demo&#039; already exists!\n</pre></body></html>";
        assert_eq!(reason(409, body), "Package 'demo' already exists!");
        assert_eq!(reason(404, "<html><head><title>Not\nFound</title></head></html>"), "Not Found");
    }

    #[test]
    fn a_reason_is_one_line_without_control_characters() {
        assert_eq!(reason(500, "a\u{1b}[31mred\r\n\tb"), "a [31mred b");
        assert_eq!(reason(500, &"x".repeat(100_000)).chars().count(), LONGEST_REASON + 1);
        assert_eq!(reason(500, "<<<<<"), "<<<<<");
        assert_eq!(reason(500, ""), "");
    }

    #[test]
    fn the_duplicate_replies_of_known_servers_are_recognised() {
        for (status, words) in [
            (400, "File already exists ('demo-1.0.tar.gz', with blake2_256 hash 'x')."),
            (409, ""),
            (409, "Package 'demo-1.0.tar.gz' already exists!"),
            (409, "demo-1.0.tar.gz already exists in non-volatile index"),
            (400, "Repository does not allow updating assets: pypi"),
            (400, "Validation failed: File name has already been taken"),
            (403, "Not enough permissions to overwrite artifact 'x'"),
            (403, "Not enough permissions to delete/overwrite all artifacts under 'x'"),
        ] {
            assert!(says_duplicate(status, words), "{status} {words}");
        }
        for (status, words) in [
            (409, "The name 'demo' conflicts with an existing project."),
            (400, "This filename was previously used by a file that has since been deleted."),
            (403, "Invalid or non-existent authentication information."),
            (200, "already exists"),
        ] {
            assert!(!says_duplicate(status, words), "{status} {words}");
        }
    }
}
