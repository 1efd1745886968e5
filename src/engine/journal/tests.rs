use proptest::prelude::*;
use snapbox::{assert_data_eq, str};

use super::*;
use crate::engine::model::Reach;

fn some_header() -> Header {
    Header {
        format: FORMAT,
        pyrelease: "0.1.0".into(),
        run: "r".into(),
        name: "demo".into(),
        version: "1.1.0".into(),
        previous_version: "1.0.0".into(),
        previous_tag: None,
        conventions: Default::default(),
        tag: "v1.1.0".into(),
        date: "2026-01-01".into(),
        branch: None,
        worktree: Some("main-worktree/HEAD".into()),
        head: "0".repeat(40),
        prefix: String::new(),
        stages: vec![("tag".into(), Reach::Private)],
        configuration: ("release.toml".into(), String::new()),
        plugins: Vec::new(),
        like: Vec::new(),
        export: None,
        sdist_only: false,
        is_tagged: false,
        from: None,
        members: Vec::new(),
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

/// The only tag of a landing is written as it was before there were several.
#[test]
fn a_landing_has_none_one_or_several_tags() {
    let tag = serde_json::json!({"name": "v2", "object": "3"});
    let none = serde_json::json!({"branch": null, "old": "1", "new": "2", "tag": null});
    let one = serde_json::json!({"branch": null, "old": "1", "new": "2", "tag": tag});
    let two = serde_json::json!({"branch": null, "old": "1", "new": "2", "tags": [tag, tag]});
    for (written, expected) in [(none, 0), (one, 1), (two, 2)] {
        let read: crate::world::git::Landing = serde_json::from_value(written.clone()).unwrap();
        assert_eq!(read.tags.len(), expected);
        assert_eq!(serde_json::to_value(&read).unwrap(), written);
    }
}

/// Journals of before the locks were written down are read, and tell of none.
#[test]
fn an_intent_without_locks_is_one() {
    let landing = serde_json::json!({"branch": null, "old": "1", "new": "2", "tag": null});
    let effect = serde_json::json!({"kind": "land", "landing": landing});
    let intent = serde_json::json!({"type": "intent", "id": 0, "at": 1, "stage": "land", "effect": effect});
    let read: Record = serde_json::from_value(intent.clone()).unwrap();
    assert!(matches!(&read, Record::Intent { locks: None, .. }), "{read:?}");
    assert_eq!(serde_json::to_value(&read).unwrap(), intent);
    let undo = serde_json::json!({"type": "undo", "id": 0});
    assert_eq!(
        serde_json::from_value::<Record>(undo).unwrap(),
        Record::Undo { id: 0, fence: None, at: None, locks: None }
    );
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
    assert_data_eq!(
        error.to_string(),
        str![
            "`[..]/journal.jsonl` was written by pyrelease 9.0.0, in a format that this version ([..]) does not know"
        ]
    );
    assert_eq!(error.kind(), crate::error::ErrorKind::Left);
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

#[test]
fn a_journal_is_read_as_far_as_it_goes() {
    let (_folder, path) = written();
    let text = fs_err::read_to_string(&path).unwrap().replace("stage-begun", "stage-bogus");
    // A record of a later version is whole, and this one does not know it.
    let (time, record) = ("2026-05-01T12:00:00Z", r#"{"type":"applause"}"#);
    let sum = checksum(3, time, record);
    let later = format!("{{\"seq\":3,\"time\":\"{time}\",\"record\":{record},\"sum\":\"{sum}\"}}\n");
    fs_err::write(&path, format!("{text}{later}{{\"seq\":4,\"ti")).unwrap();

    let lines = lines(&path).unwrap();
    let contents: Vec<&Content> = lines.iter().map(|line| &line.content).collect();
    assert!(matches!(contents[0], Content::Record(record) if matches!(**record, Record::Run(_))));
    assert_eq!(contents[1], &Content::Damaged);
    assert!(matches!(contents[2], Content::Record(record) if matches!(**record, Record::Failed { .. })));
    assert_eq!(contents[3..], [&Content::Foreign, &Content::Torn]);
    assert_eq!(lines[3].time.map(|time| time.to_string()).as_deref(), Some(time));
    assert_eq!(records(&lines).len(), 2);
}

#[test]
fn the_paths_of_a_run_move_with_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let mut journal = Journal::create(&path, some_header()).unwrap();
    let distribution = |path: &str| crate::python::distribution::Distribution {
        path: path.into(),
        filename: "demo-1.1.0.tar.gz".into(),
        kind: crate::python::distribution::Kind::Sdist,
        size: 1,
        sha256: "0".repeat(64),
    };
    let paths =
        ["/old/runs/r/dist/d.tar.gz", "C:\\old\\runs\\r\\dist\\d.tar.gz", "/elsewhere/d.tar.gz", "/r/../d"];
    let outputs = Outputs { distributions: paths.map(distribution).to_vec(), ..Outputs::default() };
    journal.write(Record::StageDone { stage: "build".into(), outputs }).unwrap();

    let read = Journal::read(&path).unwrap();
    let Record::StageDone { outputs, .. } = &read[1] else { panic!("{read:?}") };
    let found: Vec<PathBuf> = outputs.distributions.iter().map(|file| file.path.clone()).collect();
    let here = folder.path().join("dist/d.tar.gz");
    assert_eq!(found, [here.clone(), here, "/elsewhere/d.tar.gz".into(), "/r/../d".into()]);
}
