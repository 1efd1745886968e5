//! Core metadata: the headers of a wheel's `METADATA` and a source distribution's `PKG-INFO`.
//!
//! The format is that of an email as Python's `email` parser reads it, with UTF-8 headers (packaging.python.org,
//! "Core metadata specifications"). PyPI never reads the file: it checks the upload form, which is made from these
//! headers, so values are kept exactly as Python would read them.

use thiserror::Error;

/// The largest metadata file that is read, in bytes; the largest known on PyPI are below 1 MiB
pub const LARGEST: usize = 4 << 20;
/// The largest number of headers that is read
const MOST_HEADERS: usize = 20_000;

/// Core metadata, its headers in the file's order
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    headers: Vec<Header>,
    body: String,
    defects: Vec<Defect>,
    /// Whether it is an upload form, which has exactly what was sent
    is_form: bool,
}

/// One header
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// As written; compared without regard to case
    pub name: String,
    /// Without surrounding line ends; a folded value keeps its line breaks and indentation, as in Python
    pub value: String,
    /// Counted from 1
    pub line: usize,
}

/// A line that the parser tolerates, but that is certainly a mistake
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defect {
    /// Counted from 1
    pub line: usize,
    pub text: String,
    /// How the parser treats it
    pub what: &'static str,
}

/// Why metadata cannot be read
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MetadataError {
    #[error("the metadata is {size} bytes long, the most is {LARGEST}")]
    TooLarge { size: usize },
    #[error("the metadata has more than {MOST_HEADERS} headers")]
    TooManyHeaders,
    #[error("the metadata is empty")]
    Empty,
}

impl Metadata {
    /// Parses a `METADATA` or `PKG-INFO`.
    ///
    /// As lenient as Python's parser: a line that cannot be a header ends the headers, and is recorded in
    /// [`defects`](Self::defects), as is the first byte that is not UTF-8.
    ///
    /// # Errors
    /// The text is empty or too large.
    pub fn parse(bytes: &[u8]) -> Result<Self, MetadataError> {
        if bytes.len() > LARGEST {
            return Err(MetadataError::TooLarge { size: bytes.len() });
        }
        let text = String::from_utf8_lossy(bytes);
        if text.trim().is_empty() {
            return Err(MetadataError::Empty);
        }
        let mut metadata = parse_headers(&text)?;
        if let Err(error) = std::str::from_utf8(bytes) {
            let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
            let line = lines(&before).filter(|line| line.ends_with(['\n', '\r'])).count() + 1;
            let text = lines(&text).nth(line - 1).unwrap_or_default().trim_end_matches(['\r', '\n']);
            let what = "it is not UTF-8, so some of its characters are lost";
            metadata.defects.insert(0, Defect { line, text: shortened(text), what });
        }
        Ok(metadata)
    }

    /// The metadata in the fields of an upload form, as [`form_fields`](Self::form_fields) makes them.
    pub fn of_form<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut metadata =
            Self { headers: Vec::new(), body: String::new(), defects: Vec::new(), is_form: true };
        for (name, value) in fields {
            if name == "description" && metadata.body.is_empty() {
                value.clone_into(&mut metadata.body);
            } else {
                let line = metadata.headers.len() + 1;
                metadata.headers.push(Header { name: header_name(name), value: value.to_owned(), line });
            }
        }
        metadata
    }

    /// The headers in the file's order, including repeated ones.
    pub fn headers(&self) -> &[Header] {
        &self.headers
    }

    /// The first header with this name.
    pub fn header(&self, name: &str) -> Option<&Header> {
        self.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))
    }

    /// The value of the first header with this name.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.header(name).map(|header| header.value.as_str())
    }

    /// The values of all headers with this name, in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let of_that_name = move |header: &&Header| header.name.eq_ignore_ascii_case(name);
        self.headers.iter().filter(of_that_name).map(|header| header.value.as_str())
    }

    /// The headers that PyPI gets under this field of the upload form, as PyPI treats them: a single empty one does
    /// not count, and `UNKNOWN` removes the whole field.
    pub fn sent(&self, field: &str) -> Vec<&Header> {
        if field == "license_file" && !self.has_license_files() {
            return Vec::new();
        }
        let headers: Vec<&Header> =
            self.headers.iter().filter(|header| form_field(&header.name) == field).collect();
        match headers[..] {
            [only] if only.value.is_empty() => Vec::new(),
            [.., last] if last.value.trim() == "UNKNOWN" => Vec::new(),
            _ => headers,
        }
    }

    /// Whether `License-File` is sent: metadata 2.4 introduced it.
    fn has_license_files(&self) -> bool {
        self.is_form || self.metadata_version().is_some_and(|version| version >= (2, 4))
    }

    /// The project's name without surrounding blanks, as written.
    pub fn name(&self) -> Option<&str> {
        self.first("Name").map(str::trim)
    }

    /// The version without surrounding blanks, as written.
    pub fn version(&self) -> Option<&str> {
        self.first("Version").map(str::trim)
    }

    /// The metadata's own version as (major, minor), as in `2.4`.
    pub fn metadata_version(&self) -> Option<(u32, u32)> {
        let (major, minor) = self.first("Metadata-Version")?.trim().split_once('.')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    }

    /// The long description: the text after the headers, or the `Description` header without its folding.
    pub fn description(&self) -> Option<String> {
        if !self.body.is_empty() {
            return Some(self.body.clone());
        }
        self.first("Description").map(unfolded)
    }

    /// The text after the headers, empty if there is none.
    pub fn body(&self) -> &str {
        &self.body
    }

    /// Lines that the parser skipped, or that ended the headers.
    pub fn defects(&self) -> &[Defect] {
        &self.defects
    }

    /// The fields of the legacy upload form for these headers, in order.
    ///
    /// `requires_python` (which some indexes require) and `description` are always present. `License-File` is omitted
    /// below metadata 2.4, which introduced it: setuptools writes it into older metadata too, and PyPI refuses that.
    pub fn form_fields(&self) -> Vec<(String, String)> {
        let with_license_files = self.has_license_files();
        let mut fields = Vec::with_capacity(self.headers.len() + 2);
        for header in &self.headers {
            let field = form_field(&header.name);
            if field == "description" || (field == "license_file" && !with_license_files) {
                continue;
            }
            fields.push((field, header.value.clone()));
        }
        if !fields.iter().any(|(field, _)| field == "requires_python") {
            fields.push(("requires_python".to_owned(), String::new()));
        }
        fields.push(("description".to_owned(), self.description().unwrap_or_default()));
        fields
    }
}

/// The upload form's name for a header: lower case with `_`, two of them in the plural.
fn form_field(header: &str) -> String {
    match header.to_ascii_lowercase().replace('-', "_").as_str() {
        "classifier" => "classifiers".to_owned(),
        "project_url" => "project_urls".to_owned(),
        field => field.to_owned(),
    }
}

/// The header of a form's field, so that it is found by its name in a file.
fn header_name(field: &str) -> String {
    match field {
        "classifiers" => "Classifier".to_owned(),
        "project_urls" => "Project-URL".to_owned(),
        field => field.replace('_', "-"),
    }
}

/// A `Description` header without its folding: continuation lines are indented by eight blanks, or by seven and a `|`
/// (core metadata 1.0 to 2.0).
fn unfolded(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for (number, line) in value.split_inclusive('\n').enumerate() {
        let indented = number > 0;
        let line = match line.strip_prefix("       |").or_else(|| line.strip_prefix("        ")) {
            Some(rest) if indented => rest,
            _ => line,
        };
        text.push_str(line);
    }
    text
}

fn parse_headers(text: &str) -> Result<Metadata, MetadataError> {
    let mut headers: Vec<Header> = Vec::new();
    let mut defects = Vec::new();
    let mut body = "";
    let mut at = 0;
    let mut is_continued = false;
    for (index, line) in lines(text).enumerate() {
        let start = at;
        at += line.len();
        let content = line.trim_end_matches(['\r', '\n']);
        let mut defect = |what| defects.push(Defect { line: index + 1, text: shortened(content), what });
        if content.is_empty() {
            body = &text[at..];
            break;
        }
        if content.starts_with([' ', '\t']) {
            match headers.last_mut() {
                Some(header) if is_continued => header.value.push_str(line),
                _ => defect("it continues no header and is skipped"),
            }
            continue;
        }
        is_continued = false;
        // The separator line of a mailbox, which Python's parser still accepts.
        if content.starts_with("From ") && (index == 0 || is_header(&text[at..])) {
            if index > 0 {
                defect("it is a mailbox separator and is skipped");
            }
            continue;
        }
        let (name, value) = content.split_once(':').unwrap_or((content, ""));
        if !content.contains(':') || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            defect("it is not a header, so the description begins here");
            body = &text[start..];
            break;
        }
        if name.is_empty() {
            defect("it has no header name and is skipped");
            continue;
        }
        if headers.len() == MOST_HEADERS {
            return Err(MetadataError::TooManyHeaders);
        }
        let value = format!("{}{}", value.trim_start_matches([' ', '\t']), &line[content.len()..]);
        headers.push(Header { name: name.to_owned(), value, line: index + 1 });
        is_continued = true;
    }
    for header in &mut headers {
        let end = header.value.trim_end_matches(['\r', '\n']).len();
        header.value.truncate(end);
    }
    Ok(Metadata { headers, body: body.to_owned(), defects, is_form: false })
}

/// Whether a text begins with a line that Python treats as a header.
fn is_header(text: &str) -> bool {
    let is_named = || {
        let line = lines(text).next().unwrap_or_default();
        line.split_once(':').is_some_and(|(name, _)| name.bytes().all(|byte| byte.is_ascii_graphic()))
    };
    text.starts_with([' ', '\t']) || text.starts_with("From ") || is_named()
}

/// The lines with their endings: LF, CR LF, or CR alone, as in Python.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = match rest.find(['\n', '\r']) {
            Some(at) if rest[at..].starts_with("\r\n") => at + 2,
            Some(at) => at + 1,
            None => rest.len(),
        };
        let (line, after) = rest.split_at(end);
        rest = after;
        (!line.is_empty()).then_some(line)
    })
}

/// A line, shortened for a message.
fn shortened(line: &str) -> String {
    const MOST: usize = 120;
    match line.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use snapbox::{assert_data_eq, str};

    const SMALL: &str = "Metadata-Version: 2.4\nName: demo\nVersion: 1.0 \nLicense-File: LICENSE\n\
        Classifier: A\nClassifier: B\nProject-URL: Home, https://example.org\nKeywords: a,b\n\n# Demo\n";

    fn field<'a>(fields: &'a [(String, String)], name: &str) -> Vec<&'a str> {
        fields.iter().filter(|(field, _)| field == name).map(|(_, value)| value.as_str()).collect()
    }

    #[test]
    fn headers_keep_their_order_and_are_found_whatever_their_case() {
        let metadata = Metadata::parse(SMALL.as_bytes()).unwrap();
        assert_eq!((metadata.name(), metadata.version()), (Some("demo"), Some("1.0")));
        assert_eq!(metadata.all("classifier").collect::<Vec<_>>(), ["A", "B"]);
        assert_eq!(metadata.header("keywords").map(|header| header.line), Some(8));
        assert_eq!(metadata.description().as_deref(), Some("# Demo\n"));
        assert_eq!(metadata.metadata_version(), Some((2, 4)));
    }

    #[test]
    fn the_form_has_every_header_under_the_index_s_names() {
        let fields = Metadata::parse(SMALL.as_bytes()).unwrap().form_fields();
        assert_eq!(field(&fields, "classifiers"), ["A", "B"]);
        assert_eq!(field(&fields, "project_urls"), ["Home, https://example.org"]);
        assert_eq!(field(&fields, "keywords"), ["a,b"]);
        assert_eq!(field(&fields, "license_file"), ["LICENSE"]);
        assert_eq!(field(&fields, "requires_python"), [""]);
        assert_eq!(field(&fields, "description"), ["# Demo\n"]);
        assert_eq!(fields[0], ("metadata_version".to_owned(), "2.4".to_owned()));
    }

    #[test]
    fn licence_files_stay_out_of_a_form_below_metadata_2_4() {
        let old = SMALL.replace("2.4", "2.1");
        assert!(field(&Metadata::parse(old.as_bytes()).unwrap().form_fields(), "license_file").is_empty());
    }

    #[test]
    fn a_folded_header_keeps_its_lines_as_python_does() {
        let metadata = Metadata::parse(b"Name: a\r\nSummary: one\r\n  two\r\n\r\nbody\r\n").unwrap();
        assert_eq!(metadata.first("summary"), Some("one\r\n  two"));
        assert_eq!(metadata.description().as_deref(), Some("body\r\n"));
    }

    #[test]
    fn a_description_header_is_unfolded() {
        let text = b"Name: a\nDescription: Title\n        =====\n        \n          code\nVersion: 1\n";
        let metadata = Metadata::parse(text).unwrap();
        assert_eq!(metadata.description().as_deref(), Some("Title\n=====\n\n  code"));
        let text = b"Name: a\nDescription: Title\n       |=====\n       |\n       |  code\n";
        let metadata = Metadata::parse(text).unwrap();
        assert_eq!(metadata.description().as_deref(), Some("Title\n=====\n\n  code"));
        assert_eq!(field(&metadata.form_fields(), "description").len(), 1);
    }

    #[test]
    fn a_line_that_is_not_a_header_ends_the_headers() {
        let metadata = Metadata::parse(b"Name: a\n:x\nnot a header\nVersion: 1\n").unwrap();
        assert_eq!(metadata.version(), None);
        assert_eq!(metadata.body(), "not a header\nVersion: 1\n");
        let noted: Vec<_> = metadata.defects().iter().map(|defect| defect.line).collect();
        assert_eq!(noted, [2, 3]);
    }

    #[test]
    fn a_mailbox_separator_is_skipped_with_its_continuation() {
        let text = b"From demo 1.0\nName: a\nFrom demo 1.0\n more\nVersion: 1\n:\n more\n\nFrom me\n";
        let metadata = Metadata::parse(text).unwrap();
        assert_eq!((metadata.first("Name"), metadata.first("Version")), (Some("a"), Some("1")));
        assert_eq!(metadata.body(), "From me\n");
        assert_eq!(Metadata::parse(b"Name: a\nFrom me\n").unwrap().body(), "From me\n");
    }

    #[test]
    fn invalid_utf_8_is_replaced_and_recorded() {
        let metadata = Metadata::parse(b"Name: a\nSummary: caf\xe9\nVersion: 1\n").unwrap();
        assert_eq!(metadata.first("Summary"), Some("caf\u{fffd}"));
        let defect = &metadata.defects()[0];
        assert_eq!((defect.line, defect.text.as_str()), (2, "Summary: caf\u{fffd}"));
    }

    #[test]
    fn unreadable_metadata_has_a_reason() {
        let error = |bytes: &[u8]| Metadata::parse(bytes).unwrap_err().to_string();
        assert_eq!(error(b""), "the metadata is empty");
        assert_data_eq!(
            error(&vec![b'a'; LARGEST + 1]),
            str!["the metadata is 4194305 bytes long, the most is 4194304"]
        );
        assert_data_eq!(
            error("A:\n".repeat(MOST_HEADERS + 1).as_bytes()),
            str!["the metadata has more than 20000 headers"]
        );
    }
}
