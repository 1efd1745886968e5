//! What an index means by its reply: the reason out of JSON, HTML or text, and what to do about it.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::html;

/// Kept of a reason, in characters.
const LONGEST_REASON: usize = 600;

/// An HTTP reply to an upload
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: u16,
    /// The server's reason in one line, without control characters; empty where it gave none
    pub(super) reason: String,
    /// Where a redirect leads
    pub(super) location: Option<String>,
    /// How long the server asks to be left alone
    pub(super) retry_after: Option<Duration>,
}

/// The time that a `Retry-After` asks for, counted from `now`: seconds, or a date.
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
    /// The first of the messages that it has.
    fn message(&self) -> &str {
        let listed = self.errors.get(0).map(|error| error.get("message").unwrap_or(error));
        let said = [Some(&self.message), Some(&self.error), listed];
        said.into_iter().flatten().find_map(Value::as_str).unwrap_or_default()
    }
}

/// The reason that a reply's body gives.
pub(super) fn reason(status: u16, body: &str) -> String {
    let trimmed = body.trim_start();
    let text = match serde_json::from_str::<JsonError>(trimmed) {
        Ok(json) => {
            let code = json.code.as_str().unwrap_or_default();
            let said = code.strip_prefix(&status.to_string()).unwrap_or_default().trim();
            match said {
                "" => html::text(json.message()),
                said => said.to_owned(),
            }
        }
        Err(_) if trimmed.starts_with('<') => html::reason(trimmed),
        Err(_) => body.to_owned(),
    };
    match one_line(&text) {
        // What pypiserver has to say of a wrong password.
        line if line == "None" => String::new(),
        line => line,
    }
}

/// One line that a terminal shows as it is, cut where it gets long.
fn one_line(text: &str) -> String {
    let words = text.split(|letter: char| letter.is_whitespace() || letter.is_control());
    let line = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST_REASON) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Whether the server says that it has a file of that name already. Whether that file is the same one is another
/// question: only hashes answer it.
pub(super) fn says_duplicate(status: u16, reason: &str) -> bool {
    let reason = reason.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|words| reason.contains(words));
    match status {
        // devpi, pypiserver, Azure, CodeArtifact; PyPI uses it for two who claim a project's name at once.
        409 => !says(&["conflicts with an existing project"]),
        // PyPI, Google, Gitea; GitLab; Nexus, by the database it has.
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

/// Whether the server may mean by this 404 that it has the file: Artifactory can be told to hide what a user may not
/// replace.
pub(super) fn may_hide_a_duplicate(reason: &str) -> bool {
    reason.to_ascii_lowercase().contains("could not locate artifact")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_wait_is_said_in_seconds_or_as_a_date() {
        let now: Timestamp = "2015-10-21T07:27:30Z".parse().unwrap();
        let seconds = |value: &str| retry_after(value, now).map(|time| time.as_secs());
        assert_eq!(seconds("120"), Some(120));
        assert_eq!(seconds("Wed, 21 Oct 2015 07:28:00 GMT"), Some(30));
        assert_eq!(seconds("Wed, 21 Oct 2015 07:20:00 GMT"), Some(0), "a time that is over");
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
    fn a_reason_is_one_line_without_tricks() {
        assert_eq!(reason(500, "a\u{1b}[31mred\r\n\tb"), "a [31mred b");
        assert_eq!(reason(500, &"x".repeat(100_000)).chars().count(), LONGEST_REASON + 1);
        assert_eq!(reason(500, "<<<<<"), "<<<<<");
        assert_eq!(reason(500, ""), "");
    }

    #[test]
    fn every_servers_word_for_a_duplicate_is_known() {
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
