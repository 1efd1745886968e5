//! What a preflight says of the credentials for an index: where they are from, and whether they will do.

use jiff::Timestamp;

use crate::engine::prelude::*;
use crate::index::{Concern, IndexClient, help_without};
use crate::python::token::Caveat;
use crate::world::Environment;

/// What is to be said of the client's credentials before a project's files are uploaded with them.
pub fn sign_in(client: &IndexClient, environment: &Environment, project: &str) -> Vec<Finding> {
    let index = client.address();
    let Some(credentials) = client.credentials() else {
        // Files of the release go there all the same.
        match client.new_host(environment) {
            Ok(None) => {}
            Ok(Some(new)) => return vec![Finding::error(new.refusal("the release")).help(new.help())],
            Err(error) => return vec![error.into()],
        }
        let message = format!("there are no credentials for `{}`", index.name);
        let help = help_without(environment, index);
        // Another index than PyPI may be open to all.
        let finding = if index.is_pypi() { Finding::error(message) } else { Finding::warning(message) };
        return vec![finding.help(help)];
    };
    let source =
        Finding::detail(format!("the credentials for `{}` are from {}", index.name, credentials.source()));
    let warning = credentials.warning().map(Finding::warning);
    // What nobody here understands may be met or not: the index decides.
    let caveats =
        credentials.as_token().and_then(Result::ok).map(|token| token.caveats()).unwrap_or_default();
    let unknown = caveats.into_iter().filter(|caveat| matches!(caveat, Caveat::Unknown(_)));
    let unknown =
        unknown.map(|caveat| Finding::warning(format!("the token in {} has {caveat}", credentials.source())));
    let concerns = credentials.concerns(index, Some(project), Timestamp::now());
    [source].into_iter().chain(warning).chain(unknown).chain(concerns.into_iter().map(finding)).collect()
}

fn finding(Concern { message, help, advisory }: Concern) -> Finding {
    if advisory {
        Finding::error(message).help(format!("{help}; `--force` goes on all the same")).advisory()
    } else {
        Finding::error(message).help(help)
    }
}
