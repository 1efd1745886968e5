//! Actions that upload.

use super::hint;
use super::script::Upload;
use super::target::Target;
use super::uploader::UPLOADERS;
use super::uses::Uses;

/// The upload by an action. `with` gives the values that an input may have: none if it is not set, and an empty list if
/// they cannot be told.
pub(super) fn upload(uses: &str, with: impl Fn(&str) -> Option<Vec<String>>) -> Option<Upload> {
    let Uses { path, version } = Uses::read(uses);
    let name = path.rsplit('/').next().unwrap_or_default();
    let found = |by: &str, indexes: Vec<Target>, is_certain| {
        Some(Upload { by: by.to_owned(), indexes, is_certain, line: 0 })
    };
    let at_url = |inputs: &[&str]| {
        let values = inputs.iter().find_map(|input| with(input));
        values.map_or_else(|| vec![Target::PyPi], |values| Target::all(&values, Target::named))
    };
    let may_be = |input: &str, value: &str| {
        with(input).is_some_and(|values| values.is_empty() || values.iter().any(|known| known == value))
    };
    match path.as_str() {
        _ if name == "gh-action-pypi-publish" => {
            found("pypa/gh-action-pypi-publish", at_url(&["repository-url", "repository_url"]), true)
        }
        "pyo3/maturin-action" | "messense/maturin-action" => {
            let maturin = UPLOADERS.iter().find(|uploader| uploader.program == "maturin")?;
            let is_known = with("command").is_some_and(|values| values.len() == 1);
            let subcommand = maturin.subcommands.iter().find(|command| may_be("command", command))?;
            let arguments = with("args").unwrap_or_default().join(" ");
            let arguments: Vec<String> = arguments.split_whitespace().map(str::to_owned).collect();
            let indexes = maturin.targets(&arguments, |value| vec![value.to_owned()], |_| None);
            found(&format!("PyO3/maturin-action {subcommand}"), indexes, is_known)
        }
        "jrubics/poetry-publish" => {
            found("JRubics/poetry-publish", at_url(&["repository_url", "repository_name"]), true)
        }
        "casperdcl/deploy-pypi" => {
            let upload = with("upload").unwrap_or_else(|| vec!["true".to_owned()]);
            let is_off = upload.iter().any(|value| value == "false");
            if is_off { None } else { found("casperdcl/deploy-pypi", at_url(&["url"]), !upload.is_empty()) }
        }
        "jupyter-server/jupyter_releaser/.github/actions/finalize-release"
        | "jupyter-server/jupyter_releaser/.github/actions/publish-release" => {
            found("jupyter_releaser", vec![Target::PyPi], true)
        }
        // Later versions upload to the forge alone.
        "python-semantic-release/python-semantic-release" | "relekang/python-semantic-release" => {
            let digits = version.trim_start_matches('v').split('.').next().unwrap_or_default();
            let is_old = digits.parse::<u32>().is_ok_and(|major| major < 8) && digits.len() < 3;
            if is_old { found("python-semantic-release", vec![Target::PyPi], false) } else { None }
        }
        _ => {
            let verbs = ["publish", "upload", "deploy", "release", "push", "update"];
            let suggests = path.contains("pypi") && verbs.iter().any(|verb| path.contains(verb));
            let is_test =
                path.contains("testpypi") || path.contains("pypi-test") || path.contains("test-pypi");
            let indexes = match at_url(&["repository-url", "repository_url"]) {
                indexes if indexes == [Target::PyPi] && is_test => vec![Target::TestPyPi],
                indexes => indexes,
            };
            if suggests { found(uses, indexes, false) } else { None }
        }
    }
}

/// The upload by a workflow of another repository, which is not read.
pub(super) fn of_another_repository(uses: &str) -> Option<Upload> {
    let Uses { path, .. } = Uses::read(uses);
    let name = path.rsplit('/').next().unwrap_or_default();
    let name = name.trim_end_matches(".yaml").trim_end_matches(".yml");
    let upload = || Upload {
        by: format!("reusable workflow {uses}"),
        indexes: vec![Target::Unknown],
        is_certain: false,
        line: 0,
    };
    hint::suggests(name).then(upload)
}
