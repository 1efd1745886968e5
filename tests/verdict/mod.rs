//! The verdicts of PyPI's own server, and ours.
//!
//! `cases.tar.gz` has a folder a case: the distributions of one release, with one property that an index judges.
//! `cases.json` in it says what PyPI's server (Warehouse of August 2026) answered when they were uploaded in that
//! order, each case to a project of its own: `accepted`, and `said` where it was not. `strict` marks what the server
//! takes and nobody should publish: `record` (RECORD does not match the archive), `path` (a member or a link that
//! leaves the folder, a device) and `damage` (a broken gzip stream) are to be refused here; `either` may be. The files
//! are generated; none is anybody's package.

mod command;
mod differential;
pub(crate) mod examples;
mod made;
mod sample;

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use flate2::read::GzDecoder;
use pyrelease::python::verdict::{ContentType, Policy, judge};
use pyrelease::stages::judge_files;
use pyrelease::ui::check_text;
use pyrelease::world::Environment;
use pyrelease::world::tools::render_rst;
use pyrelease_test_support::Sandbox;
use serde::Deserialize;

#[derive(Deserialize)]
pub(crate) struct Case {
    id: String,
    what: String,
    files: Vec<String>,
    accepted: bool,
    strict: Option<String>,
    said: Option<String>,
}

/// The cases and all their files by path.
pub(crate) fn cases() -> (Vec<Case>, BTreeMap<String, Vec<u8>>) {
    let packed = fs_err::File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/verdict/cases.tar.gz"));
    let mut archive = tar::Archive::new(GzDecoder::new(packed.expect("the cases")));
    let mut files = BTreeMap::new();
    for entry in archive.entries().expect("an archive") {
        let mut entry = entry.expect("a member");
        let path = entry.path().expect("a path").to_string_lossy().into_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).expect("its content");
        files.insert(path, content);
    }
    let cases = files.remove("cases.json").expect("the list of cases");
    (serde_json::from_slice(&cases).expect("cases in JSON"), files)
}

/// The file's name without its folder.
pub(crate) fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[test]
fn every_release_that_pypi_refuses_is_refused_and_every_other_accepted() {
    let (cases, files) = cases();
    let sandbox = Sandbox::new();
    let environment: Environment = sandbox.environment().into_iter().collect();
    for (path, content) in &files {
        let path = sandbox.root().join("cases").join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, content).unwrap();
    }
    // All descriptions at once, in one process; each case then finds its own looked up.
    let judged = files
        .iter()
        .map(|(path, content)| judge(&mut Cursor::new(content), name(path), content.len() as u64));
    let mut texts: Vec<String> = judged
        .filter_map(|judgement| judgement.description().cloned())
        .filter(|description| description.content_type == ContentType::Restructured)
        .map(|description| description.text)
        .collect();
    texts.sort();
    texts.dedup();
    render_rst(&environment, &texts.iter().map(String::as_str).collect::<Vec<_>>(), &|_| ()).unwrap();

    let mut wrong = Vec::new();
    for case in &cases {
        let folder = sandbox.root().join("cases").join(&case.id);
        let paths: Vec<_> = case.files.iter().map(|path| folder.join(path)).collect();
        let report = judge_files(&paths, None, None, &Policy::default(), &environment, &|_| ()).unwrap();
        let agrees = match case.strict.as_deref() {
            Some("either") => true,
            Some(_) => !report.accepted,
            None => report.accepted == case.accepted,
        };
        if !agrees {
            let pypi = case.said.as_deref().unwrap_or("accepted");
            wrong.push(format!("{} ({}): PyPI: {pypi}; here:\n{}", case.id, case.what, check_text(&report)));
        }
    }
    let agreeing = cases.len() - wrong.len();
    assert!(wrong.is_empty(), "{agreeing} of {} agree; these do not:\n{}", cases.len(), wrong.join("\n"));
}
