//! Checks the credentials for an index in the preflight: where they are from, and whether they can be used.

use jiff::Timestamp;

use crate::engine::prelude::*;
use crate::index::{CredentialProblem, IndexClient, help_without};
use crate::python::token::Caveat;
use crate::world::Environment;

/// The findings about the client's credentials for a project.
pub fn check_credentials(client: &IndexClient, environment: &Environment, project: &str) -> Vec<Finding> {
    let findings = examine(client, environment, project);
    findings.into_iter().map(Finding::about_rights).collect()
}

fn examine(client: &IndexClient, environment: &Environment, project: &str) -> Vec<Finding> {
    let index = client.address();
    let Some(credentials) = client.credentials() else {
        // The files are sent there even without credentials.
        match client.new_host(environment) {
            Ok(None) => {}
            Ok(Some(new)) => return vec![Finding::error(new.refusal("the release")).help(new.help())],
            Err(error) => return vec![error.into()],
        }
        let message = format!("there are no credentials for `{}`", index.name);
        let help = help_without(environment, index);
        // Other indexes than PyPI may accept uploads without credentials.
        let finding = if index.is_pypi() { Finding::error(message) } else { Finding::warning(message) };
        return vec![finding.help(help)];
    };
    let source =
        Finding::detail(format!("the credentials for `{}` are from {}", index.name, credentials.source()));
    let warning = credentials.warning().map(Finding::warning);
    // Only the index can judge caveats that are unknown here.
    let caveats =
        credentials.as_token().and_then(Result::ok).map(|token| token.caveats()).unwrap_or_default();
    let unknown = caveats.into_iter().filter(|caveat| matches!(caveat, Caveat::Unknown(_)));
    let unknown =
        unknown.map(|caveat| Finding::warning(format!("the token in {} has {caveat}", credentials.source())));
    let problems = credentials.problems(index, Some(project), Timestamp::now());
    [source].into_iter().chain(warning).chain(unknown).chain(problems.into_iter().map(finding)).collect()
}

fn finding(CredentialProblem { message, help, advisory }: CredentialProblem) -> Finding {
    if advisory {
        Finding::error(message).help(format!("{help}; or pass `--force`")).advisory()
    } else {
        Finding::error(message).help(help)
    }
}
