//! Projects' names, versions and their order, and the names of files.

use pyrelease::python::filename::{Filename, is_project_name, normalize};
use pyrelease::python::version::ExactVersion;
use serde_json::{Value, json};

use super::{Dice, Question};

const VERSIONS: &[&str] = &[
    "1.0",
    "1.0.0",
    "1!2.0a1.post2.dev3+local.1",
    "v1.0-rc.1",
    "2024.01.02",
    "1.0_post1",
    "1.0.dev1",
    "1.0a1.dev1",
    "1.0-1",
    "1.0+abc.5",
    "1.0c",
    "18446744073709551616.1",
    "1.0.post99999999999999999999",
    "1.0+099999999999999999999.a",
];
const OF_VERSIONS: &[&str] = &[
    " ",
    ".",
    "-",
    "_",
    "+",
    "!",
    "0",
    "1",
    "a",
    "b",
    "c",
    "rc",
    "alpha",
    "beta",
    "pre",
    "preview",
    "post",
    "rev",
    "r",
    "dev",
    "v",
    "V",
    "é",
    "٣",
    "ſ",
    "\t",
    ".0",
    "+a",
    "+1",
    "1!",
    "99999999999999999999",
];
const NAMES: &[&str] = &["demo", "Demo.Pkg", "a", "a_b-c.d", "A1", "zope.interface"];
const OF_NAMES: &[&str] = &["-", "_", ".", "--", "_.", " ", "é", "K", "ſ", "1", "A", "", "\n", "İ"];
const WHEELS: &[&str] = &[
    "demo-1.0-py3-none-any.whl",
    "demo_pkg-1.0rc1-2b-py2.py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    "Demo.Pkg-1!1.0-1-cp39-abi3-win32.whl",
    "demo-1.0+local-cp312-cp312-macosx_11_0_arm64.whl",
];
const OF_WHEELS: &[&str] =
    &["-", "_", ".", "--", "__", "1", "a", "é", "whl", ".whl", "9-", "+", "!", "cp3", " "];
const SDISTS: &[&str] =
    &["demo-1.0.tar.gz", "demo-pkg-1.0.0.tar.gz", "Demo.Pkg-1!1.0rc1.tar.gz", "a-1.0+l.tar.gz"];
const OF_SDISTS: &[&str] =
    &["-", "_", ".", "1", "a", "é", ".tar", ".gz", "+", "rc", "--", " ", "!", ".tar.gz"];

fn version(text: &str) -> Value {
    text.parse::<ExactVersion>().map_or(Value::Null, |version| version.to_string().into())
}

fn order(one: &str, other: &str) -> Value {
    match (one.parse::<ExactVersion>(), other.parse::<ExactVersion>()) {
        (Ok(one), Ok(other)) => (one.cmp(&other) as i8).into(),
        _ => Value::Null,
    }
}

fn name(text: &str) -> Value {
    if is_project_name(text) { normalize(text).into() } else { Value::Null }
}

fn filename(text: &str) -> Value {
    match text.parse::<Filename>() {
        Err(_) => Value::Null,
        Ok(file @ Filename::Sdist { .. }) => json!([file.normalized_name(), file.version().to_string()]),
        Ok(file) => {
            let Filename::Wheel { build, python, abi, platform, .. } = &file else { unreachable!() };
            let mut tags = Vec::new();
            for python in python.split('.') {
                for abi in abi.split('.') {
                    tags.extend(
                        platform
                            .split('.')
                            .map(|platform| format!("{python}-{abi}-{platform}").to_lowercase()),
                    );
                }
            }
            tags.sort();
            tags.dedup();
            json!([
                file.normalized_name(),
                file.version().to_string(),
                build.clone().unwrap_or_default(),
                tags
            ])
        }
    }
}

/// Questions about names and versions, with our answers.
pub(super) fn questions(dice: &mut Dice, each: usize) -> Vec<Question> {
    let mut questions = Vec::new();
    let mut ask = |kind, asked: Value, ours: Value| questions.push(Question { kind, asked, ours });
    for _ in 0..each {
        let text = dice.mutated(VERSIONS, OF_VERSIONS);
        ask("normal version", text.clone().into(), version(&text));
        let other = dice.mutated(VERSIONS, OF_VERSIONS);
        ask("order", json!([text, other]), order(&text, &other));
        let text = dice.mutated(NAMES, OF_NAMES);
        ask("project name", text.clone().into(), name(&text));
        let text = dice.mutated(WHEELS, OF_WHEELS);
        ask("wheel", text.clone().into(), if text.ends_with(".whl") { filename(&text) } else { Value::Null });
        let text = dice.mutated(SDISTS, OF_SDISTS);
        ask(
            "sdist",
            text.clone().into(),
            if text.ends_with(".tar.gz") { filename(&text) } else { Value::Null },
        );
    }
    questions
}
