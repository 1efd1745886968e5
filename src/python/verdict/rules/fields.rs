//! Rules about the fields of the core metadata, except licenses and requirements.

use super::metadata::{each, header_name, of};
use super::{CORE_METADATA, Meant, Rule, Violation, of_metadata};
use crate::python::verdict::grammar::{address, email, shown, url};
use crate::python::verdict::{ContentType, ContentTypeError, Subject, lists};

const LONGEST_SUMMARY: usize = 512;
const LONGEST_LABEL: usize = 32;
/// The fields that may be `Dynamic`: all but three, and `Dynamic` itself
const DYNAMIC: &[&str] = &[
    "platform",
    "supported-platform",
    "summary",
    "description",
    "description-content-type",
    "keywords",
    "home-page",
    "download-url",
    "author",
    "author-email",
    "maintainer",
    "maintainer-email",
    "license",
    "license-expression",
    "license-file",
    "classifier",
    "requires-dist",
    "requires-python",
    "requires-external",
    "project-url",
    "provides-extra",
    "provides-dist",
    "obsoletes-dist",
    "requires",
    "provides",
    "obsoletes",
    "import-name",
    "import-namespace",
];
/// Python's reserved words
const KEYWORDS: &[&str] = &[
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def",
    "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is",
    "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

pub(super) const RULES: &[Rule] = &of_metadata([
    Rule::pypi(
        "email",
        "'…' is not a valid email address: …",
        "`Author-email` and `Maintainer-email` have valid addresses",
        emails,
    )
    .by("RFC 5322, by email-validator"),
    Rule::pypi("classifier", "'…' is not a valid classifier.", "every classifier is known to PyPI", classifiers)
        .by("trove-classifiers"),
    Rule::pypi(
        "classifier-deprecated",
        "The classifier '…' has been deprecated, use one of … instead.",
        "no classifier is deprecated",
        deprecated,
    )
    .by("trove-classifiers"),
    Rule::pypi(
        "content-type",
        "'description-content-type' must be one of ['text/markdown', 'text/plain', 'text/x-rst'], not '…'.",
        "the description's content type is one that PyPI renders",
        content_type,
    )
    .by("PEP 566"),
    Rule::pypi(
        "dynamic",
        "'…' is not a valid dynamic field. | '…' is not allowed as a dynamic field.",
        "every `Dynamic` is a field that may be dynamic",
        dynamic,
    )
    .by("PEP 643"),
    Rule::pypi(
        "url",
        "'…' is not a valid url.",
        "`Home-page` and `Download-URL` are `http` or `https` URLs",
        urls,
    )
    .by(CORE_METADATA),
    Rule::pypi(
        "project-url",
        "Must have a label. | '…' must be 32 characters or less. | Must have a URL. | '…' is not a valid url.",
        "every `Project-URL` has a short label, a comma, and a URL",
        project_urls,
    )
    .by("PEP 753"),
    Rule::pypi(
        "project-url-label",
        "'project_urls' has invalid data.",
        "no two `Project-URL` have the same label",
        labels,
    )
    .by("PEP 753"),
    Rule::pypi(
        "import-name",
        "'…' is invalid for 'import-name'; '…' is not a valid identifier.",
        "every import name is valid; it may end in `; private`",
        import_names,
    )
    .by("PEP 794"),
    Rule::pypi(
        "summary",
        "'summary' must be a single line. | 'summary' field must be 512 characters or less.",
        "the summary is one line of at most 512 characters",
        summary,
    )
    .by(CORE_METADATA),
]);

fn emails(subject: &Subject) -> Vec<Violation> {
    each(subject, &["author_email", "maintainer_email"], |_, header| {
        let address = address::parse_address(&header.value)?;
        let problem = email::problem(&address)?;
        let found = Violation::new(format!("`{address}` is not a valid email address: {problem}"));
        let found = found.help("use the form `Name <name@example.com>`, or remove the address");
        Some(found.says(format!("{} is not a valid email address: {problem}", shown(&address))))
    })
}

fn classifiers(subject: &Subject) -> Vec<Violation> {
    let meant = Meant::default();
    each(subject, &["classifiers"], |_, header| {
        let classifier = header.value.as_str();
        if lists::is_classifier(classifier) || lists::replacements(classifier).is_some() {
            return None;
        }
        let found = Violation::new(format!("`{classifier}` is not a classifier known to PyPI"));
        let found = found.says(format!("{} is not a valid classifier.", shown(classifier)));
        Some(match meant.nearest(|| lists::nearest_classifier(classifier)) {
            _ if classifier.starts_with("Private ::") => {
                found.help("PyPI refuses every file with a classifier that begins with `Private ::`")
            }
            Some(nearest) => found.help(format!("did you mean `{nearest}`?")),
            None => found.help("see the list at https://pypi.org/classifiers/"),
        })
    })
}

fn deprecated(subject: &Subject) -> Vec<Violation> {
    each(subject, &["classifiers"], |_, header| {
        let classifier = header.value.as_str();
        let replacements = lists::replacements(classifier)?;
        let found = Violation::new(format!("the classifier `{classifier}` is deprecated"));
        if replacements.is_empty() {
            let says = format!("The classifier {} has been deprecated.", shown(classifier));
            return Some(found.help("remove it").says(says));
        }
        let quoted: Vec<String> = replacements.iter().map(|name| shown(name)).collect();
        let says = format!(
            "The classifier {} has been deprecated, use one of [{}] instead.",
            shown(classifier),
            quoted.join(", ")
        );
        Some(found.help(format!("use `{}`", replacements.join("` or `"))).says(says))
    })
}

fn content_type(subject: &Subject) -> Vec<Violation> {
    each(subject, &["description_content_type"], |_, header| {
        let error = header.value.parse::<ContentType>().err()?;
        let says = match &error {
            ContentTypeError::Unknown(_) => format!(
                "'description-content-type' must be one of ['text/markdown', 'text/plain', 'text/x-rst'], not {}.",
                shown(&header.value)
            ),
            ContentTypeError::Charset(charset) => {
                format!(
                    "'description-content-type' can only specify the UTF-8 charset, not {}.",
                    shown(charset)
                )
            }
            ContentTypeError::Variant(variant) => format!(
                "valid Markdown variants for 'description-content-type' are ['GFM', 'CommonMark'], not {}.",
                shown(variant)
            ),
        };
        Some(Violation::new(error.to_string()).says(says))
    })
}

fn dynamic(subject: &Subject) -> Vec<Violation> {
    each(subject, &["dynamic"], |_, header| {
        let field = header.value.to_lowercase();
        if matches!(field.as_str(), "name" | "version" | "metadata-version") {
            let found = Violation::new(format!("`{}` must not be dynamic", header.value));
            return Some(found.says(format!("{} is not allowed as a dynamic field.", shown(&field))));
        }
        (!DYNAMIC.contains(&field.as_str())).then(|| {
            let found = Violation::new(format!("`{}` is not a field that may be dynamic", header.value));
            found.says(format!("{} is not a valid dynamic field.", shown(&field)))
        })
    })
}

fn urls(subject: &Subject) -> Vec<Violation> {
    each(subject, &["home_page", "download_url"], |_, header| {
        let problem = url::problem(&header.value)?;
        let found = Violation::new(format!("`{}` is not a valid URL for PyPI: {problem}", header.value));
        Some(found.says(format!("{} is not a valid url.", shown(&header.value))))
    })
}

/// Label and URL of a `Project-URL`.
fn label_and_url(value: &str) -> (&str, &str) {
    let (label, url) = value.split_once(',').unwrap_or((value, ""));
    (label.trim(), url.trim())
}

fn project_urls(subject: &Subject) -> Vec<Violation> {
    each(subject, &["project_urls"], |_, header| {
        let (label, url) = label_and_url(&header.value);
        const HELP: &str = "use the form `Label, https://…`";
        if label.is_empty() {
            return Some(
                Violation::new("a `Project-URL` has no label").help(HELP).says("Must have a label."),
            );
        }
        let length = label.chars().count();
        if length > LONGEST_LABEL {
            let message =
                format!("the label of a `Project-URL` has {length} characters; the limit is {LONGEST_LABEL}");
            return Some(
                Violation::new(message).says(format!("{} must be 32 characters or less.", shown(label))),
            );
        }
        if url.is_empty() {
            return Some(Violation::new("a `Project-URL` has no URL").help(HELP).says("Must have a URL."));
        }
        let problem = url::problem(url)?;
        let found = Violation::new(format!("`{url}` is not a valid URL for PyPI: {problem}"));
        Some(found.says(format!("{} is not a valid url.", shown(url))))
    })
}

fn labels(subject: &Subject) -> Vec<Violation> {
    of(subject, |member, metadata| {
        let mut seen = std::collections::HashSet::new();
        let headers = metadata.sent("project_urls").into_iter();
        let again = headers.filter(|header| !seen.insert(label_and_url(&header.value).0));
        let found = |header| Violation::new("two `Project-URL` have the same label").header(member, header);
        again.map(found).collect()
    })
}

fn import_names(subject: &Subject) -> Vec<Violation> {
    each(subject, &["import_name", "import_namespace"], |field, header| {
        let (name, option) = match header.value.split_once(';') {
            Some((name, option)) => (name.trim_end(), Some(option.trim_start())),
            None => (header.value.trim_end(), None),
        };
        let invalid = |what: String, says: String| {
            let found = Violation::new(format!("`{}` is not a valid import name: {what}", header.value));
            found.says(format!("{} is invalid for {}; {says}.", shown(name), shown(&header_name(field))))
        };
        for identifier in name.split('.') {
            if !is_identifier(identifier) {
                let what = format!("`{identifier}` is not an identifier");
                return Some(invalid(what, format!("{} is not a valid identifier", shown(identifier))));
            }
            if KEYWORDS.contains(&identifier) {
                let what = format!("`{identifier}` is a keyword of Python");
                return Some(invalid(what, format!("{} is a keyword", shown(identifier))));
            }
        }
        option.filter(|option| *option != "private").map(|_| {
            let what = "only `; private` may follow it".to_owned();
            invalid(what, "the only valid option is 'private'".to_owned())
        })
    })
}

/// Whether Python accepts the text as an identifier (approximately: it ignores some exceptions in historic scripts).
fn is_identifier(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_alphanumeric() || letter == '_')
}

fn summary(subject: &Subject) -> Vec<Violation> {
    each(subject, &["summary"], |_, header| {
        if header.value.contains('\n') {
            let found = Violation::new("the summary has several lines");
            return Some(
                found.help("put longer text into the description").says("'summary' must be a single line."),
            );
        }
        let length = header.value.chars().count();
        (length > LONGEST_SUMMARY).then(|| {
            let message = format!("the summary has {length} characters; the limit is {LONGEST_SUMMARY}");
            Violation::new(message).says("'summary' field must be 512 characters or less.")
        })
    })
}
