use snapbox::{assert_data_eq, str};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use super::*;
use crate::engine::journal::{Header, Journal, Record};
use crate::engine::model::{Outputs, Reach};
use crate::engine::run::Store;
use crate::error::ErrorKind;
use crate::python::distribution::{Distribution, Kind};
use crate::world::digest::hex;
use crate::world::git::Repository;
use crate::world::process::Process;

const RUN: &str = "20260501T120000000-00001";
const WHEEL: &[u8] = b"the bytes of a wheel";

/// A repository to import a run into
struct Fixture {
    folder: tempfile::TempDir,
    store: Store,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Process::new("git").args(["init", "-q", "."]).folder(folder.path()).read().unwrap();
        let store = Store::of(&Repository::discover(folder.path()).unwrap()).unwrap();
        Self { folder, store }
    }

    /// The journal of a run that has built one wheel.
    fn journal(&self) -> Vec<u8> {
        self.journal_of("")
    }

    /// The journal of a project in this folder of the repository.
    fn journal_of(&self, prefix: &str) -> Vec<u8> {
        let path = self.folder.path().join("journal.jsonl");
        let header = Header {
            format: 1,
            pyrelease: "0.1.0".into(),
            run: RUN.into(),
            name: "demo".into(),
            version: "1.1.0".into(),
            previous_version: "1.0.0".into(),
            previous_tag: None,
            conventions: Default::default(),
            tag: "v1.1.0".into(),
            date: "2026-05-01".into(),
            branch: None,
            worktree: None,
            head: "0".repeat(40),
            prefix: prefix.into(),
            stages: vec![("build".into(), Reach::Private)],
            configuration: ("release.toml".into(), String::new()),
            plugins: Vec::new(),
            like: Vec::new(),
            export: None,
            sdist_only: false,
            is_tagged: false,
            from: None,
            members: Vec::new(),
        };
        let mut journal = Journal::create(&path, header).unwrap();
        let distribution = Distribution {
            path: PathBuf::from(format!("/somewhere/runs/{RUN}/dist/demo-1.1.0-py3-none-any.whl")),
            filename: "demo-1.1.0-py3-none-any.whl".into(),
            kind: Kind::Wheel,
            size: WHEEL.len() as u64,
            sha256: hex(&Sha256::digest(WHEEL)),
        };
        let outputs = Outputs { distributions: vec![distribution], ..Outputs::default() };
        journal.write(Record::StageBegun { stage: "build".into() }).unwrap();
        journal.write(Record::StageDone { stage: "build".into(), outputs }).unwrap();
        let text = fs_err::read(&path).unwrap();
        fs_err::remove_file(&path).unwrap();
        text
    }

    fn unpack(&self, archive: &[u8]) -> crate::error::Result<ImportedRun> {
        let file = self.folder.path().join("run.tar.gz");
        fs_err::write(&file, archive).unwrap();
        unpack(&self.store, &file)
    }

    /// Asserts that the archive is refused and leaves no files; returns the reason.
    #[track_caller]
    fn refuses(&self, archive: &[u8]) -> String {
        let error = self.unpack(archive).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{}", error.chain());
        assert!(!self.folder.path().join(".git/pyrelease/arriving").exists());
        assert!(self.store.runs().unwrap().is_empty());
        assert!(!self.folder.path().parent().unwrap().join("evil").exists());
        let folder = self.folder.path().display().to_string();
        error.chain().replace(&folder, "[FOLDER]") + "\n"
    }
}

fn item(name: &str, content: &[u8]) -> Item {
    Item { name: name.into(), size: content.len() as u64, sha256: hex(&Sha256::digest(content)) }
}

fn manifest(files: &[(&str, &[u8])]) -> Manifest {
    let files = files.iter().map(|(name, content)| item(name, content)).collect();
    Manifest { format: FORMAT, pyrelease: "0.1.0".into(), run: RUN.into(), files }
}

fn archive(manifest: &Manifest, files: &[(&str, &[u8])]) -> Vec<u8> {
    let manifest = serde_json::to_vec(manifest).unwrap();
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, content) in std::iter::once((MANIFEST, manifest.as_slice())).chain(files.iter().copied()) {
        let mut header = tar::Header::new_gnu();
        // Write the name directly: an attacker can use names that the library refuses to write.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive.append(&header, content).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

#[test]
fn a_run_that_was_packed_is_unpacked() {
    let fixture = Fixture::new();
    let journal = fixture.journal();
    let files = [(JOURNAL, journal.as_slice()), ("dist/demo-1.1.0-py3-none-any.whl", WHEEL)];
    let imported = fixture.unpack(&archive(&manifest(&files), &files)).unwrap();
    assert_eq!(imported.header.version, "1.1.0");
    let run = imported.adopt(&fixture.store).unwrap();
    assert_eq!(fs_err::read(run.dist().join("demo-1.1.0-py3-none-any.whl")).unwrap(), WHEEL);
    let records = Journal::read(&run.journal()).unwrap();
    assert_eq!(records.last(), Some(&Record::Imported {}));
    // The paths are those of the new folder.
    let Record::StageDone { outputs, .. } = &records[2] else { panic!("{records:?}") };
    assert_eq!(outputs.distributions[0].path, run.dist().join("demo-1.1.0-py3-none-any.whl"));
    assert!(!fixture.folder.path().join(".git/pyrelease/arriving").exists());
}

#[test]
fn files_that_no_run_has_are_refused() {
    let mut seen = Vec::new();
    let fixture = Fixture::new();
    let journal = fixture.journal();
    let names = [
        "../evil",
        "/tmp/evil",
        "dist/../../evil.whl",
        "dist/.evil.whl",
        "dist/sub/evil.whl",
        "tree/.git/config",
        "given-up",
        "evil.exe",
        "C:evil.log",
        "a\\evil.log",
        ".log",
    ];
    for name in names {
        let files = [(JOURNAL, journal.as_slice()), (name, b"evil".as_slice())];
        seen.push(fixture.refuses(&archive(&manifest(&files), &files)));
        // A file that the manifest does not list is refused, too.
        seen.push(fixture.refuses(&archive(&manifest(&files[..1]), &files)));
    }
    let twice = [(JOURNAL, journal.as_slice()), (JOURNAL, journal.as_slice())];
    seen.push(fixture.refuses(&archive(&manifest(&twice), &twice)));
    assert_data_eq!(
        seen.concat(),
        str![[r#"
`[FOLDER]/run.tar.gz` is not a valid export of a run: `../evil` is not a file of a run
`[FOLDER]/run.tar.gz` is not a valid export of a run: its manifest does not list `../evil` at this place
`[FOLDER]/run.tar.gz` is not a valid export of a run: `/tmp/evil` is not a file of a run
`[FOLDER]/run.tar.gz` is not a valid export of a run: its manifest does not list `/tmp/evil` at this place
`[FOLDER]/run.tar.gz` is not a valid export of a run: `dist/../../evil.whl` is not a file of a run
`[FOLDER]/run.tar.gz` is not a valid export of a run: its manifest does not list `dist/../../evil.whl` at this place
`[FOLDER]/run.tar.gz` is not a valid export of a run: `dist/.evil.whl` is not a file of a run
`[FOLDER]/run.tar.gz` is not a valid export of a run: its manifest does not list `dist/.evil.whl` at this place
`[FOLDER]/run.tar.gz` is not a valid export of a run: `dist/sub/evil.whl` is not a file of a run
`[FOLDER]/run.tar.gz` is not a valid export of a run: its manifest does not list `dist/sub/evil.whl` at this place
`[FOLDER]/run.tar.gz` is not a valid export of a run: `tree/.git/config` is not a file of a run
`[FOLDER]/run.tar.gz` is not a valid export of a run: its manifest does not list `tree/.git/config` at this place
`[FOLDER]/run.tar.gz` is not a valid export of a run: `given-up` is not a file of a run
`[FOLDER]/run.tar.gz` is not a valid export of a run: its manifest does not list `given-up` at this place
`[FOLDER]/run.tar.gz` is not a valid export of a run: `evil.exe` is not a file of a run
`[FOLDER]/run.tar.gz` is not a valid export of a run: its manifest does not list `evil.exe` at this place
`[FOLDER]/run.tar.gz` is not a valid export of a run: `C:evil.log` is not a file of a run
`[FOLDER]/run.tar.gz` is not a valid export of a run: its manifest does not list `C:evil.log` at this place
`[FOLDER]/run.tar.gz` is not a valid export of a run: `a//evil.log` is not a file of a run
`[FOLDER]/run.tar.gz` is not a valid export of a run: its manifest does not list `a//evil.log` at this place
`[FOLDER]/run.tar.gz` is not a valid export of a run: `.log` is not a file of a run
`[FOLDER]/run.tar.gz` is not a valid export of a run: its manifest does not list `.log` at this place
`[FOLDER]/run.tar.gz` is not a valid export of a run: its manifest lists `journal.jsonl` twice

"#]]
    );
}

#[test]
fn links_and_folders_are_refused() {
    let mut seen = Vec::new();
    let fixture = Fixture::new();
    let journal = fixture.journal();
    for kind in
        [tar::EntryType::Symlink, tar::EntryType::Link, tar::EntryType::Directory, tar::EntryType::Fifo]
    {
        let files = [(JOURNAL, journal.as_slice())];
        let manifest = serde_json::to_vec(&manifest(&files)).unwrap();
        let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        let mut header = tar::Header::new_gnu();
        header.set_size(manifest.len() as u64);
        archive.append_data(&mut header, MANIFEST, manifest.as_slice()).unwrap();
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(0);
        header.set_link_name("/etc/passwd").unwrap();
        archive.append_data(&mut header, JOURNAL, std::io::empty()).unwrap();
        seen.push(fixture.refuses(&archive.into_inner().unwrap().finish().unwrap()));
    }
    assert_data_eq!(
        seen.concat(),
        str![[r#"
`[FOLDER]/run.tar.gz` is not a valid export of a run: `journal.jsonl` is not a regular file (Symlink)
`[FOLDER]/run.tar.gz` is not a valid export of a run: `journal.jsonl` is not a regular file (Link)
`[FOLDER]/run.tar.gz` is not a valid export of a run: `journal.jsonl` is not a regular file (Directory)
`[FOLDER]/run.tar.gz` is not a valid export of a run: `journal.jsonl` is not a regular file (Fifo)

"#]]
    );
}

#[test]
fn an_archive_that_differs_from_its_manifest_is_refused() {
    let mut seen = Vec::new();
    let fixture = Fixture::new();
    let journal = fixture.journal();
    let wheel = "dist/demo-1.1.0-py3-none-any.whl";
    let files = [(JOURNAL, journal.as_slice()), (wheel, WHEEL)];
    let whole = archive(&manifest(&files), &files);

    seen.push(fixture.refuses(b"not an archive"));
    seen.push(fixture.refuses(&[]));
    seen.push(fixture.refuses(&whole[..whole.len() / 2]));
    seen.push(fixture.refuses(&archive(&manifest(&files), &files[..1])));
    let other = [(JOURNAL, journal.as_slice()), (wheel, b"the bytes of a whale".as_slice())];
    seen.push(fixture.refuses(&archive(&manifest(&files), &other)));
    // A manifest that matches a wheel that the run has not built
    seen.push(fixture.refuses(&archive(&manifest(&other), &other)));
    seen.push(fixture.refuses(&archive(&manifest(&[]), &[])));

    let mut newer = manifest(&files);
    newer.format = 2;
    seen.push(fixture.refuses(&archive(&newer, &files)));
    for run in ["../../evil", ".", "", "20260501T120000000-00002"] {
        let mut another = manifest(&files);
        another.run = run.into();
        let error = fixture.unpack(&archive(&another, &files)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{run:?}");
    }
    let damaged = String::from_utf8(journal.clone()).unwrap().replacen("demo", "dome", 1).into_bytes();
    let files = [(JOURNAL, damaged.as_slice())];
    seen.push(fixture.refuses(&archive(&manifest(&files), &files)));
    assert_data_eq!(
        seen.concat(),
        str![[r#"
`[FOLDER]/run.tar.gz` is not a valid export of a run: invalid gzip header
`[FOLDER]/run.tar.gz` is not a valid export of a run: unexpected end of file
`[FOLDER]/run.tar.gz` is not a valid export of a run: incomplete deflate stream
`[FOLDER]/run.tar.gz` is not a valid export of a run: it ends before `dist/demo-1.1.0-py3-none-any.whl`
`[FOLDER]/run.tar.gz` is not a valid export of a run: `dist/demo-1.1.0-py3-none-any.whl` differs from its entry in the manifest
`[FOLDER]/run.tar.gz` is not a valid export of a run: its journal does not record `demo-1.1.0-py3-none-any.whl` with these bytes
`[FOLDER]/run.tar.gz` is not a valid export of a run: it does not begin with a journal
`[FOLDER]/run.tar.gz` is not a valid export of a run: its format is 2, and this version reads format 1
`[FOLDER]/run.tar.gz` is not a valid export of a run: line 1 of its journal is damaged

"#]]
    );
}

#[test]
fn a_project_outside_the_repository_is_refused() {
    let mut seen = Vec::new();
    let fixture = Fixture::new();
    for prefix in ["../", "/tmp/", "a/../../b/"] {
        let journal = fixture.journal_of(prefix);
        let files = [(JOURNAL, journal.as_slice())];
        seen.push(fixture.refuses(&archive(&manifest(&files), &files)));
    }
    assert_data_eq!(
        seen.concat(),
        str![[r#"
`[FOLDER]/run.tar.gz` is not a valid export of a run: its project is outside the repository
`[FOLDER]/run.tar.gz` is not a valid export of a run: its project is outside the repository
`[FOLDER]/run.tar.gz` is not a valid export of a run: its project is outside the repository

"#]]
    );
}

#[test]
fn a_run_larger_than_a_run_may_be_is_refused() {
    let mut seen = Vec::new();
    let fixture = Fixture::new();
    let mut large = manifest(&[]);
    large.files = vec![
        item(JOURNAL, b""),
        Item { name: "dist/x-1-py3-none-any.whl".into(), size: u64::MAX, sha256: String::new() },
    ];
    seen.push(fixture.refuses(&archive(&large, &[(JOURNAL, b"")])));
    large.files[1] = Item { name: "build.log".into(), size: 250_000_001, sha256: String::new() };
    seen.push(fixture.refuses(&archive(&large, &[(JOURNAL, b"")])));
    large.files = (0..1_001).map(|number| item(&format!("{number}.log"), b"")).collect();
    seen.push(fixture.refuses(&archive(&large, &[])));
    assert_data_eq!(
        seen.concat(),
        str![[r#"
`[FOLDER]/run.tar.gz` is not a valid export of a run: it holds 18446744073.7 GB, and a run has 4.0 GB at most
`[FOLDER]/run.tar.gz` is not a valid export of a run: it holds 250.0 MB besides distributions, and a run has 250.0 MB at most
`[FOLDER]/run.tar.gz` is not a valid export of a run: it has 1001 files, and a run has 1000 at most

"#]]
    );
}

/// What the journal does not record is refused before it takes space on the disk.
#[test]
fn what_the_journal_does_not_record_is_not_unpacked() {
    let mut seen = Vec::new();
    let fixture = Fixture::new();
    let (journal, wheel) = (fixture.journal(), "dist/demo-1.1.0-py3-none-any.whl");
    let zeros = vec![0; 1 << 20];
    let large = |name, sha256: &str| Item { name, size: 100 << 20, sha256: sha256.to_owned() };
    for (name, sha256) in [
        ("dist/another-1.1.0-py3-none-any.whl", hex(&Sha256::digest(WHEEL))),
        ("dist/another-1.1.0-py3-none-any.whl.publish.attestation", hex(&Sha256::digest(WHEEL))),
        (wheel, hex(&Sha256::digest(&zeros))),
        // Of the recorded bytes, but more of them
        (wheel, hex(&Sha256::digest(WHEEL))),
    ] {
        let mut manifest = manifest(&[(JOURNAL, journal.as_slice())]);
        manifest.files.push(match name.ends_with(".whl") {
            true => large(name.to_owned(), &sha256),
            false => item(name, b"{}"),
        });
        // The archive ends where the file would begin: nobody has looked for it.
        seen.push(fixture.refuses(&archive(&manifest, &[(JOURNAL, journal.as_slice())])));
    }
    let late = [(wheel, WHEEL), (JOURNAL, journal.as_slice())];
    seen.push(fixture.refuses(&archive(&manifest(&late), &late)));
    assert_data_eq!(
        seen.concat(),
        str![[r#"
`[FOLDER]/run.tar.gz` is not a valid export of a run: its journal does not record `another-1.1.0-py3-none-any.whl` with these bytes
`[FOLDER]/run.tar.gz` is not a valid export of a run: its journal does not record `another-1.1.0-py3-none-any.whl`, which `another-1.1.0-py3-none-any.whl.publish.attestation` attests
`[FOLDER]/run.tar.gz` is not a valid export of a run: its journal does not record `demo-1.1.0-py3-none-any.whl` with these bytes
`[FOLDER]/run.tar.gz` is not a valid export of a run: its journal does not record `demo-1.1.0-py3-none-any.whl` with these bytes
`[FOLDER]/run.tar.gz` is not a valid export of a run: it does not begin with a journal

"#]]
    );
}

#[test]
fn a_run_that_the_disk_cannot_take_is_not_unpacked() {
    let mut large = manifest(&[]);
    large.files = vec![Item { name: "build.log".into(), size: 100_000_000, sha256: String::new() }];
    let told = |free| unpack::expect_room(Path::new("run.tar.gz"), &large, free);
    assert!(told(None).is_ok() && told(Some(110_000_000)).is_ok());
    let error = told(Some(109_999_999)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(told(Some(0)).is_err());
    assert_data_eq!(
        format!("{}\n{}\n", error.chain(), error.hints().join("\n")),
        str![[r#"
`run.tar.gz` needs 110.0 MB on the disk of the repository, which has only 110.0 MB left
free some space there; nothing was unpacked

"#]]
    );
}

/// An archive whose second entry claims to be a name of this many bytes.
fn with_a_name_of(size: u64, manifest: &Manifest) -> Vec<u8> {
    let manifest = serde_json::to_vec(manifest).unwrap();
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (kind, size, content) in [
        (tar::EntryType::Regular, manifest.len() as u64, manifest.as_slice()),
        (tar::EntryType::GNULongName, size, b"a name"),
    ] {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..MANIFEST.len()].copy_from_slice(MANIFEST.as_bytes());
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_cksum();
        archive.append(&header, content).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

#[test]
fn what_would_take_too_much_memory_is_refused() {
    let fixture = Fixture::new();
    let journal = fixture.journal();
    let mut seen = Vec::new();
    let files = [(JOURNAL, journal.as_slice())];
    seen.push(fixture.refuses(&with_a_name_of(300 << 20, &manifest(&files))));
    let mut large = manifest(&files);
    large.files[0].size = (8 << 20) + 1;
    seen.push(fixture.refuses(&archive(&large, &files)));
    for text in [b"\n".repeat(20_002), [&journal, b"x".repeat((2 << 20) + 1).as_slice()].concat()] {
        let files = [(JOURNAL, text.as_slice())];
        seen.push(fixture.refuses(&archive(&manifest(&files), &files)));
    }
    assert_data_eq!(
        seen.concat(),
        str![[r#"
`[FOLDER]/run.tar.gz` is not a valid export of a run: it has a name of 314572800 bytes, and a run's files have names of 512 at most
`[FOLDER]/run.tar.gz` is not a valid export of a run: its journal is larger than 8 MiB
`[FOLDER]/run.tar.gz` is not a valid export of a run: its journal has more than 20000 lines, or one of more than 2 MiB
`[FOLDER]/run.tar.gz` is not a valid export of a run: its journal has more than 20000 lines, or one of more than 2 MiB

"#]]
    );
}

#[test]
fn a_name_that_is_too_long_for_a_header_is_read() {
    let fixture = Fixture::new();
    let journal = fixture.journal();
    let log = format!("{}.log", "a-stage-with-a-long-name".repeat(5));
    let files = [(JOURNAL, journal.as_slice()), (log.as_str(), b"printed")];
    let manifest = manifest(&files);
    let text = serde_json::to_vec(&manifest).unwrap();
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, content) in std::iter::once((MANIFEST, text.as_slice())).chain(files) {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        archive.append_data(&mut header, name, content).unwrap();
    }
    let archive = archive.into_inner().unwrap().finish().unwrap();
    let run = fixture.unpack(&archive).unwrap().adopt(&fixture.store).unwrap();
    assert_eq!(fs_err::read(run.folder().join(log)).unwrap(), b"printed");
}
