//! What an index means by its reply: the reason out of JSON, HTML or text, and what to do about it.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

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

/// PyPI's error in JSON. `code` is `400 <reason>`; `message` wraps the same reason in HTML.
#[derive(Deserialize)]
struct JsonError {
    #[serde(default)]
    code: serde_json::Value,
    #[serde(default)]
    message: serde_json::Value,
    #[serde(default)]
    error: serde_json::Value,
}

/// The reason that a reply's body gives.
pub(super) fn reason(status: u16, body: &str) -> String {
    let trimmed = body.trim_start();
    let text = match serde_json::from_str::<JsonError>(trimmed) {
        Ok(json) => {
            let code = json.code.as_str().unwrap_or_default();
            let said = code.strip_prefix(&status.to_string()).unwrap_or_default().trim();
            match said {
                "" => html::text(json.message.as_str().or(json.error.as_str()).unwrap_or_default()),
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
        // PyPI and Google; GitLab; Nexus.
        400 => says(&["already exist", "already been taken", "updating asset", "cannot be updated"]),
        // Artifactory.
        403 => says(&["overwrite artifact", "overwrite all artifacts"]),
        _ => false,
    }
}

const FREE: &str = "nothing was stored: the version and its file names are still free";
const BURNT: &str = "that file name can never be used again: release another version";

/// PyPI's refusals by words in them, in the order in which they are looked for
const REFUSALS: &[(&str, &str, &str)] = &[
    ("file already exists", "the index has a file of that name, or these bytes under another name", BURNT),
    (
        "previously used by a file that has since been deleted",
        "a file of that name was uploaded once and deleted",
        BURNT,
    ),
    (
        "older than 14 days",
        "the release is older than 14 days, and closed to new files: release another version",
        "",
    ),
    ("only one sdist", "the release has its source distribution already: release another version", ""),
    (
        "invalid or non-existent authentication",
        "the index does not know the token: it must be whole, not revoked, and made on this index (PyPI and \
         TestPyPI have separate accounts)",
        FREE,
    ),
    (
        "username/password authentication is no longer supported",
        "use an API token: the user name is `__token__`",
        FREE,
    ),
    ("token is expired", "the token has expired, or is not valid yet: make another", FREE),
    (
        "not valid for project",
        "the token is for another project: use one of this project, or of the whole account for a project that \
         does not exist yet",
        FREE,
    ),
    ("invalid api token", "the token does not allow this upload: make another", FREE),
    (
        "isn't allowed to upload to project",
        "the name belongs to others, or you have no role in the project, or it is archived",
        FREE,
    ),
    ("verified primary email", "verify your e-mail address in the account's settings on the index", FREE),
    ("two-factor", "turn on two-factor authentication in the account's settings on the index", FREE),
    ("too many new projects", "the index limits new projects by the hour: wait an hour", FREE),
    ("too similar to an existing project", "the project needs another name", FREE),
    ("conflict with python standard library", "the project needs another name", FREE),
    ("conflicts with an existing project", "somebody made a project of that name just now", FREE),
    ("new project registration temporarily disabled", "the index takes no new projects now: try later", FREE),
    ("non-user identities cannot create", "a new project needs a pending publisher, or a user's token", FREE),
    ("uploads are temporarily disabled", "the index takes no uploads now: try later", FREE),
    ("file too large", "make the file smaller, or ask the index for a higher limit", FREE),
    ("project size too large", "delete old releases, or ask the index for a higher limit", FREE),
    ("digest supplied does not match", "the file changed on its way: try again", FREE),
    ("description failed to render", "the description does not render: `pyrelease check` shows where", FREE),
    ("local versions", "a public index takes no version with a `+`", FREE),
    ("is not a valid classifier", "correct `classifiers` in pyproject.toml and release again", FREE),
    ("can't have direct dependency", "an index takes no dependency on an address: name a version", FREE),
    (
        "unsupported platform tag",
        "a wheel for Linux needs a manylinux or musllinux tag: use auditwheel",
        FREE,
    ),
    ("invalid distribution file", "the archive is broken: `pyrelease check` shows where", FREE),
    ("isn't allowed", "the project needs another name", FREE),
];

/// What a refusal means, what to do, and whether the file name is lost by it. Knows PyPI's words, and else goes by
/// the status.
pub fn help_for(status: u16, reason: &str) -> Option<String> {
    let lower = reason.to_ascii_lowercase().replace('’', "'");
    let known = REFUSALS.iter().find(|(words, ..)| lower.contains(words));
    let by_status = match status {
        300..=399 => Some(("give the address that the index redirects to, if it is the index's own", FREE)),
        401 => Some(("the index asks who you are: give it credentials, or other ones", FREE)),
        403 => Some(("these credentials may not upload there", FREE)),
        404 | 405 | 410 => {
            Some(("no uploads are taken at that address: it often ends in `/legacy/` or in a slash", FREE))
        }
        413 => Some(("the server limits the size of uploads", FREE)),
        429 => Some(("the index asks for fewer requests: wait, then try again", FREE)),
        _ => None,
    };
    let (meaning, fate) = known.map(|&(_, meaning, fate)| (meaning, fate)).or(by_status)?;
    Some(if fate.is_empty() { meaning.to_owned() } else { format!("{meaning}; {fate}") })
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

    #[test]
    fn a_refusal_says_whether_the_name_is_lost() {
        let deleted = "This filename was previously used by a file that has since been deleted. Use a …";
        assert!(help_for(400, deleted).unwrap().contains("never be used again"));
        let token = "Invalid API Token: project-scoped token is not valid for project: 'demo'";
        let help = help_for(403, token).unwrap();
        assert!(
            help.starts_with("the token is for another project") && help.ends_with("still free"),
            "{help}"
        );
        assert!(help_for(413, "").is_some());
        assert_eq!(help_for(400, "something new"), None);
    }
}
