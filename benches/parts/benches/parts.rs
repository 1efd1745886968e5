//! The parts in which a release spends its time, apart from other programs: `cargo bench` in this folder.

use std::hint::black_box;
use std::io::{Cursor, Write};
use std::path::Path;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use pyrelease::engine::journal::{Journal, Record};
use pyrelease::python::archive::{Contents, Limits};
use pyrelease::python::changelog::{Changelog, Format};
use pyrelease::python::distribution::Kind;
use pyrelease::python::metadata::Metadata;
use pyrelease::python::verdict::judge;
use pyrelease::world::hashes::Hashes;
use sha2::{Digest, Sha256};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const FILE: &str = "sample-1.0-py3-none-any.whl";
/// In bytes
const MODULE: usize = 20_000;
const MODULES: usize = 400;

fn parts(criterion: &mut Criterion) {
    let wheel = wheel();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join(FILE);
    std::fs::write(&path, &wheel).expect("the folder can be written");

    let mut group = criterion.benchmark_group("wheel of 8 MB");
    group.throughput(Throughput::Bytes(wheel.len() as u64)).sample_size(20);
    group.bench_function("hash and verify", |bencher| {
        bencher.iter(|| {
            let distribution = Hashes::default().record_digest(&path).expect("it can be read");
            Hashes::default().verify(&distribution).expect("it is as recorded");
        });
    });
    group.bench_function("walk the archive, RECORD's hashes included", |bencher| {
        bencher.iter(|| {
            Contents::read(&mut Cursor::new(&wheel), Kind::Wheel, wheel.len() as u64, &Limits::default())
        });
    });
    group.bench_function("judge", |bencher| {
        bencher.iter(|| judge(&mut Cursor::new(&wheel), FILE, wheel.len() as u64));
    });
    group.finish();

    let metadata = metadata();
    criterion.bench_function("metadata of 60 KB", |bencher| {
        bencher.iter(|| Metadata::parse(black_box(metadata.as_bytes())).expect("it is valid"));
    });
    let changelog = changelog();
    criterion.bench_function("changelog of 1,000 versions", |bencher| {
        bencher.iter(|| Changelog::parse(black_box(changelog.clone()), Format::Markdown));
    });
    journal(criterion, folder.path());
}

/// Each record is synced: this is the disk's time more than ours.
fn journal(criterion: &mut Criterion, folder: &Path) {
    let header = serde_json::json!({
        "format": 1, "pyrelease": "0.1.0", "run": "20260101T000000000", "name": "sample", "version": "1.0",
        "previous_version": "0.9", "previous_tag": "v0.9", "tag": "v1.0", "date": "2026-01-01",
        "branch": "refs/heads/main", "head": "0".repeat(40), "prefix": "", "stages": [],
        "configuration": ["release.toml", ""],
    });
    let mut number = 0;
    criterion.bench_function("journal: append and sync a record", |bencher| {
        bencher.iter_batched_ref(
            || {
                number += 1;
                let path = folder.join(format!("journal-{number}"));
                let header = serde_json::from_value(header.clone()).expect("a header");
                Journal::create(&path, header).expect("the folder can be written")
            },
            |journal| journal.write(Record::StageBegun { stage: "build".to_owned() }).expect("it is written"),
            BatchSize::PerIteration,
        );
    });
}

fn wheel() -> Vec<u8> {
    let info = "sample-1.0.dist-info";
    let mut members = vec![
        (format!("{info}/METADATA"), metadata().into_bytes()),
        (
            format!("{info}/WHEEL"),
            b"Wheel-Version: 1.0\nGenerator: sample\nRoot-Is-Purelib: true\nTag: py3-none-any\n".to_vec(),
        ),
    ];
    let mut block = Sha256::digest(b"sample");
    for number in 0..MODULES {
        let mut module = Vec::with_capacity(MODULE);
        while module.len() < MODULE {
            module.extend_from_slice(format!("{}: {:?}\n", module.len(), &block[..]).as_bytes());
            block = Sha256::digest(block);
        }
        members.push((format!("sample/module_{number}.py"), module));
    }
    let row = |(path, content): &(String, Vec<u8>)| {
        let hash = pyrelease::python::archive::encode_digest(&Sha256::digest(content));
        format!("{path},sha256={hash},{}\n", content.len())
    };
    let rows: String = members.iter().map(row).collect();
    members.push((format!("{info}/RECORD"), format!("{rows}{info}/RECORD,,\n").into_bytes()));
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, content) in members {
        writer.start_file(path, SimpleFileOptions::default()).expect("a member");
        writer.write_all(&content).expect("its content");
    }
    writer.finish().expect("an archive").into_inner()
}

fn metadata() -> String {
    let classifiers = "Classifier: Programming Language :: Python :: 3\n".repeat(30);
    format!(
        "Metadata-Version: 2.4\nName: sample\nVersion: 1.0\nSummary: A sample\nLicense-Expression: MIT\n\
         Requires-Python: >=3.9\n{classifiers}Description-Content-Type: text/markdown\n\n{}",
        "# Sample\n\nA paragraph of a description, with `code`.\n\n".repeat(1200)
    )
}

fn changelog() -> String {
    let sections = (0..1000).rev().map(|number| {
        format!("## [1.{number}.0] - 2025-03-01\n\n### Added\n\n- Something (#{number}).\n- More.\n\n")
    });
    format!("# Changelog\n\n## [Unreleased]\n\n### Fixed\n\n- It.\n\n{}", sections.collect::<String>())
}

criterion_group!(benches, parts);
criterion_main!(benches);
