//! A wheel's RECORD: every file with its hash and size (PEP 376 and 427).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use thiserror::Error;

/// A wheel's RECORD
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub entries: Vec<Entry>,
}

/// One row of RECORD
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Counted from 1
    pub line: u64,
    pub path: String,
    /// As `sha256=…`; may be empty
    pub hash: String,
    /// As written; may be empty
    pub size: String,
}

/// Why RECORD cannot be read
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RecordError {
    #[error("line {line} of RECORD has {found} columns, not 3")]
    Columns { line: u64, found: usize },
    #[error("line {line} of RECORD has no path")]
    NoPath { line: u64 },
    #[error("RECORD is not CSV in UTF-8: {0}")]
    Csv(String),
    #[error("RECORD has more than {0} rows")]
    TooManyRows(usize),
}

impl Record {
    /// Parses a RECORD of at most `most` rows.
    ///
    /// # Errors
    /// It is not CSV in UTF-8, a row does not have three columns, or there are more rows.
    pub fn parse(text: &[u8], most: usize) -> Result<Self, RecordError> {
        let mut entries = Vec::new();
        let mut push = |line: u64, columns: &[&str]| {
            // Some tools end a row with an extra comma; Python's reader and pip use the first three columns.
            let [path, hash, size] = match columns {
                [path, hash, size, rest @ ..] if rest.iter().all(|column| column.is_empty()) => {
                    [path, hash, size]
                }
                _ => return Err(RecordError::Columns { line, found: columns.len() }),
            };
            if path.is_empty() {
                return Err(RecordError::NoPath { line });
            }
            if entries.len() == most {
                return Err(RecordError::TooManyRows(most));
            }
            // Some tools on Windows write backslashes, which PyPI and installers read as slashes.
            let path = path.replace('\\', "/");
            entries.push(Entry { line, path, hash: (*hash).to_owned(), size: (*size).to_owned() });
            Ok(())
        };
        if text.contains(&b'"') {
            let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text);
            let mut row = csv::StringRecord::new();
            while reader.read_record(&mut row).map_err(|error| RecordError::Csv(error.to_string()))? {
                let line = row.position().map_or(0, csv::Position::line);
                push(line, &row.iter().collect::<Vec<_>>())?;
            }
        } else {
            // Splitting by hand is faster than a CSV reader for a small RECORD, and few have quotes.
            let text = std::str::from_utf8(text).map_err(|error| RecordError::Csv(error.to_string()))?;
            for (line, row) in (1..).zip(text.split('\n')) {
                for row in row.split('\r').filter(|row| !row.is_empty()) {
                    push(line, &row.split(',').collect::<Vec<_>>())?;
                }
            }
        }
        Ok(Self { entries })
    }
}

impl Entry {
    /// The hash's algorithm in lower case and its value; none if it has another form.
    pub fn algorithm_and_value(&self) -> Option<(String, &str)> {
        let (algorithm, value) = self.hash.split_once('=')?;
        Some((algorithm.to_ascii_lowercase(), value))
    }

    /// The row as in the file.
    pub fn text(&self) -> String {
        format!("{},{},{}", self.path, self.hash, self.size)
    }
}

/// Encodes a digest as in RECORD: URL-safe base64 without padding.
pub fn encode_digest(digest: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_lines() {
        let text = b"demo/__init__.py,sha256=abc,6\n\"a,b.py\",sha256=def,0\ndemo-1.0.dist-info/RECORD,,\n";
        let record = Record::parse(text, 10).unwrap();
        assert_eq!(record.entries[1].path, "a,b.py");
        assert_eq!(record.entries[2].line, 3);
        assert_eq!(record.entries[0].algorithm_and_value(), Some(("sha256".to_owned(), "abc")));
        assert_eq!(record.entries[2].algorithm_and_value(), None);
    }

    proptest::proptest! {
        #[test]
        fn rows_are_the_same_with_quotes_and_without(text in "[ab,é\n\r]{0,30}") {
            let plain = Record::parse(text.as_bytes(), 100);
            // One quoted row more, for which the text is read by the rules of quoting.
            let quoted = Record::parse(format!("{text}\n\"q\",,\n").as_bytes(), 100);
            match (plain, quoted) {
                (Ok(plain), Ok(quoted)) => {
                    let rows = |record: &Record| record.entries.iter().map(Entry::text).collect::<Vec<_>>();
                    proptest::prop_assert_eq!(rows(&plain), &rows(&quoted)[..plain.entries.len()]);
                    proptest::prop_assert_eq!(quoted.entries.len(), plain.entries.len() + 1);
                }
                (Err(plain), Err(quoted)) => {
                    proptest::prop_assert_eq!(std::mem::discriminant(&plain), std::mem::discriminant(&quoted));
                }
                (plain, quoted) => proptest::prop_assert!(false, "{plain:?} and {quoted:?}"),
            }
        }
    }

    #[test]
    fn record_errors_name_the_line() {
        let error = |text: &[u8]| Record::parse(text, 2).unwrap_err().to_string();
        assert_eq!(error(b"a,,\nb\n"), "line 2 of RECORD has 1 columns, not 3");
        assert_eq!(error(b",,\n"), "line 1 of RECORD has no path");
        assert!(error(b"\xff,,\n").starts_with("RECORD is not CSV in UTF-8"));
        assert_eq!(error(b"a,,\nb,,\nc,,\n"), "RECORD has more than 2 rows");
        assert!(Record::parse(b"", 2).unwrap().entries.is_empty());
    }
}
