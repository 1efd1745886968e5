//! Asks on the terminal for missing credentials, and whether credentials may be sent to a new host. Stores credentials
//! only if the user agrees.

use jiff::Timestamp;
use secrecy::ExposeSecret as _;

use super::Context;
use crate::config::Config;
use crate::engine::event::{Event, Listener};
use crate::engine::pipeline::Pipeline;
use crate::engine::stage::Stage;
use crate::error::{Error, Result};
use crate::index::{Credentials, IndexAddress, NewHost, TOKEN_USER, find, has_keyring, store};
use crate::python::token::Token;
use crate::world::Environment;

/// Asks for the credentials of each index that a stage uploads a project to and that has none; returns the environment with them.
/// With `yes` it asks only whether credentials may be sent to a new host. Without a terminal it asks nothing.
///
/// # Errors
/// The terminal cannot be read, or credentials from another source cannot be used.
pub(super) fn ask_for_missing(
    context: &Context,
    config: &Config,
    pipeline: &Pipeline,
    projects: &[&str],
    yes: bool,
    mut environment: Environment,
) -> Result<Environment> {
    let destinations = pipeline.stages().filter_map(Stage::destination);
    for destination in destinations.filter(|destination| !destination.by_workflow) {
        let setting = config.indexes().get(&destination.index).and_then(|index| index.trusted_publishing);
        let simple = destination.simple.as_deref();
        let index = IndexAddress::new(&destination.index, &destination.url, simple, None)?
            .with_trusted_publishing(setting);
        for project in projects {
            environment = ask(context, &index, project, yes, environment)?;
        }
    }
    Ok(environment)
}

/// Asks for the credentials of one index.
///
/// # Errors
/// As [`ask_for_missing`].
pub(super) fn ask(
    context: &Context,
    index: &IndexAddress,
    project: &str,
    yes: bool,
    environment: Environment,
) -> Result<Environment> {
    if !super::can_ask() || !ask_for_host(context, index, project, &environment)? || yes {
        return Ok(environment);
    }
    if find(&environment, index, Some(project))?.is_some() {
        return Ok(environment);
    }
    let (name, address) = (&index.name, &index.upload);
    let what = if index.is_pypi() { "Token" } else { "Token or password" };
    let question = format!("{what} for {name} ({address}; input is hidden, leave empty to skip): ");
    let secret = context.ui.ask_secretly(&question).map_err(|error| match error.kind() {
        std::io::ErrorKind::Interrupted => Error::interrupted(),
        _ => Error::from(error),
    })?;
    if secret.expose_secret().is_empty() {
        return Ok(environment);
    }
    let username = match index.is_pypi() || Token::is_meant(secret.expose_secret()) {
        true => String::new(),
        false => context.ui.ask(&format!("User name for {name} (leave empty for a token): "))?,
    };
    let username = if username.is_empty() { TOKEN_USER.to_owned() } else { username };
    let typed = Credentials::password(username.as_str(), secret.clone(), "the prompt");
    // Unusable credentials are not stored; the preflight reports why.
    let is_usable = typed.problems(index, Some(project), Timestamp::now()).is_empty();
    let question = format!("Store it in the keyring for {address}?");
    if is_usable && has_keyring(&environment) && context.ui.confirm(&question)? {
        match store(&environment, index, &username, &secret) {
            Ok(()) => context.ui.on_event(&Event::Note { stage: None, message: "stored in the keyring" }),
            Err(error) => context.ui.on_event(&Event::Warning {
                stage: None,
                message: &format!("failed to store it in the keyring: {error}"),
                help: None,
            }),
        }
    }
    Ok(environment.with_typed(name, &username, secret))
}

/// Whether the credentials may be sent to the index's host. Asks if the host is new, and remembers a yes.
fn ask_for_host(
    context: &Context,
    index: &IndexAddress,
    project: &str,
    environment: &Environment,
) -> Result<bool> {
    let found = find(environment, index, Some(project))?;
    let (new, what) = match &found {
        Some(found) => (found.new_host().cloned(), format!("the credentials from {}", found.source())),
        None => (NewHost::of_moved(environment, index)?, "the release".to_owned()),
    };
    let Some(new) = new else { return Ok(true) };
    let agrees = context.ui.confirm(&new.question(&what))?;
    if agrees {
        new.allow(environment)?;
    }
    Ok(agrees)
}
