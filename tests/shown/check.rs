//! `pyrelease check`: distributions that PyPI takes, refuses, or takes and nobody should publish.

use pyrelease_test_support::{Project, Transcript};

use crate::release::quick;
use crate::verdict::{cases, name};

/// A wheel without a license, with a classifier that PyPI does not know
const WRONG: &str = "metadata-0142/crp0143-1.0-py3-none-any.whl";
/// A wheel and a source distribution that PyPI takes
const RIGHT: [&str; 2] = ["plain-0006/crp0007-1.0-py3-none-any.whl", "plain-0006/crp0007-1.0.tar.gz"];

/// A project with these files of the cases in `dist`.
fn project(files: &[&str]) -> Project {
    let project = quick().build();
    let (_, contents) = cases();
    fs_err::create_dir_all(project.folder().join("dist")).expect("a folder");
    for path in files {
        fs_err::write(project.folder().join("dist").join(name(path)), &contents[*path]).expect("a file");
    }
    project
}

#[test]
fn what_pypi_would_say() {
    let mut seen = Transcript::named("check");
    let right = project(&RIGHT);
    seen.heading("accepted, with warnings");
    seen.add(&right.pyrelease("check").code(0));
    seen.heading("warnings count");
    seen.add(&right.pyrelease("check --strict").code(3));
    seen.heading("refused");
    let wrong = project(&[WRONG, RIGHT[0]]);
    seen.add(&wrong.pyrelease("check").code(3));
    seen.heading("as GitHub has it");
    seen.add(&project(&[WRONG]).pyrelease("check").env("GITHUB_ACTIONS", "true").code(3));
    seen.heading("what is no distribution");
    wrong.write("dist/demo-1.0-py3-none-any.whl", "no archive");
    wrong.write("dist/notes.txt", "call the printer back");
    seen.add(&wrong.pyrelease("check dist/demo-1.0-py3-none-any.whl dist/notes.txt").run());
    seen.heading("what is not there");
    seen.add(&wrong.pyrelease("check gone.whl lost.whl").code(2));
    seen.add(&quick().build().pyrelease("check").code(2));
    seen.assert();
}

#[test]
fn the_rules() {
    let project = quick().build();
    let mut seen = Transcript::named("check-rules");
    seen.add(&project.pyrelease("check --explain record-hash").code(0));
    seen.add(&project.pyrelease("check --explain nam").code(2));
    seen.add(&project.pyrelease("check --list-rules").code(0));
    seen.assert();
}
