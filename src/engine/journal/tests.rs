use proptest::prelude::*;

use super::*;

fn some_header() -> Header {
    Header {
        format: FORMAT,
        pyrelease: "0.1.0".into(),
        run: "r".into(),
        name: "demo".into(),
        version: "1.1.0".into(),
        previous_version: "1.0.0".into(),
        previous_tag: None,
        tag: "v1.1.0".into(),
        date: "2026-01-01".into(),
        branch: None,
        head: "0".repeat(40),
        prefix: String::new(),
        stages: vec![("tag".into(), Reach::Private)],
        configuration: ("release.toml".into(), String::new()),
    }
}

fn written() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let mut journal = Journal::create(&path, some_header()).unwrap();
    journal.write(Record::StageBegun { stage: "tag".into() }).unwrap();
    journal.write(Record::Failed { stage: "tag".into(), reason: "no\nway \u{1F980}".into() }).unwrap();
    (folder, path)
}

#[test]
fn reads_back_what_was_written() {
    let (_folder, path) = written();
    let records = Journal::read(&path).unwrap();
    assert_eq!(records.len(), 3);
    assert_eq!(header(&records), Some(&some_header()));
}

#[test]
fn a_torn_last_line_is_dropped_and_written_over() {
    let (_folder, path) = written();
    let whole = fs_err::read(&path).unwrap();
    fs_err::write(&path, &whole[..whole.len() - 7]).unwrap();
    let mut journal = Journal::open(&path).unwrap();
    assert_eq!(journal.records().len(), 2);
    journal.write(Record::End { outcome: Outcome::RolledBack }).unwrap();
    assert_eq!(Journal::read(&path).unwrap().len(), 3);
}

#[test]
fn a_damaged_earlier_line_is_an_error_that_names_it() {
    let (_folder, path) = written();
    let text = fs_err::read_to_string(&path).unwrap().replace("stage-begun", "stage-bogus");
    fs_err::write(&path, text).unwrap();
    let error = Journal::read(&path).unwrap_err().to_string();
    assert!(error.starts_with("line 2 of"), "{error}");
}

#[test]
fn a_damaged_last_line_is_not_taken_for_a_torn_one() {
    let (_folder, path) = written();
    let text = fs_err::read_to_string(&path).unwrap().replace("no\\nway", "no\\nwax");
    fs_err::write(&path, text).unwrap();
    assert!(Journal::read(&path).unwrap_err().to_string().starts_with("line 3 of"));
}

#[test]
fn a_missing_line_is_noticed() {
    let (_folder, path) = written();
    let text = fs_err::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    fs_err::write(&path, format!("{}\n{}\n{}\n", lines[0], lines[2], lines[2])).unwrap();
    assert!(Journal::read(&path).is_err());
}

#[test]
fn a_journal_of_a_later_version_is_not_guessed_at() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let header = Header { format: FORMAT + 1, pyrelease: "9.0.0".into(), ..some_header() };
    Journal::create(&path, header).unwrap();
    // Something that this version has never heard of.
    let mut text = fs_err::read_to_string(&path).unwrap();
    text.push_str("{\"seq\":1,\"time\":\"\",\"record\":{\"type\":\"staged\"},\"sum\":\"\"}\n");
    fs_err::write(&path, text).unwrap();
    let error = Journal::read(&path).unwrap_err();
    assert!(error.to_string().contains("pyrelease 9.0.0"), "{error}");
    assert_eq!(error.code(), crate::error::ExitCode::Left);
}

proptest! {
    /// Cut anywhere, a journal reads as a beginning of itself.
    #[test]
    fn a_journal_cut_anywhere_is_a_prefix(cut in 0.0..1.0f64) {
        let (_folder, path) = written();
        let whole = Journal::read(&path).unwrap();
        let bytes = fs_err::read(&path).unwrap();
        let length = (bytes.len() as f64 * cut) as usize;
        fs_err::write(&path, &bytes[..length]).unwrap();
        let records = Journal::read(&path).unwrap();
        prop_assert!(whole.starts_with(&records));
    }

    /// No content makes reading panic.
    #[test]
    fn arbitrary_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&bytes, Path::new("journal.jsonl"));
    }
}
