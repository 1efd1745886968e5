//! Asks whether credentials may be sent to hosts that are new to the user, and for those that nothing else offers, where
//! somebody is there to answer; keeps none unless they say so.

use jiff::Timestamp;
use secrecy::ExposeSecret as _;

use super::Context;
use crate::config::Config;
use crate::engine::event::{Event, Listener};
use crate::engine::pipeline::Pipeline;
use crate::engine::stage::Stage;
use crate::error::{Error, Result};
use crate::index::{Credentials, IndexAddress, NewHost, find, has_keyring, store};
use crate::world::Environment;

/// The environment with what was typed for each index that a stage uploads to and that nothing has credentials for, which
/// `yes` leaves as they are. Whether they may go to a new host it does not answer. Nobody is asked where nobody is there.
///
/// # Errors
/// The terminal cannot be read, or what is found elsewhere cannot be used.
pub(super) fn ask_for_missing(
    context: &Context,
    config: &Config,
    pipeline: &Pipeline,
    project: &str,
    yes: bool,
    mut environment: Environment,
) -> Result<Environment> {
    for place in pipeline.stages().filter_map(Stage::destination) {
        let said = config.indexes().get(&place.index).and_then(|index| index.trusted_publishing);
        let index = IndexAddress::new(&place.index, &place.url, place.simple.as_deref(), None)?
            .with_trusted_publishing(said);
        environment = ask(context, &index, project, yes, environment)?;
    }
    Ok(environment)
}

/// The same for one index.
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
    let username = if index.is_pypi() {
        "__token__".to_owned()
    } else {
        context
            .ui
            .ask(&format!("User name for {name} ({address}; __token__ for a token, leave empty to skip): "))?
    };
    if username.is_empty() {
        return Ok(environment);
    }
    let what = if username == "__token__" { "Token" } else { "Password" };
    let question = format!("{what} for {name} ({address}; it is not shown): ");
    let secret = context.ui.ask_secretly(&question).map_err(|error| match error.kind() {
        std::io::ErrorKind::Interrupted => Error::interrupted(),
        _ => Error::from(error),
    })?;
    if secret.expose_secret().is_empty() {
        return Ok(environment);
    }
    let typed = Credentials::password(username.as_str(), secret.clone(), "what you typed");
    // One that will not do is not kept; the preflight says why.
    let will_do = typed.concerns(index, Some(project), Timestamp::now()).is_empty();
    let question = format!("Keep it in the keyring for {address}?");
    if will_do && has_keyring(&environment) && context.ui.confirm(&question)? {
        match store(&environment, index, &username, &secret) {
            Ok(()) => context.ui.on_event(&Event::Note { stage: None, message: "the keyring has it" }),
            Err(error) => context.ui.on_event(&Event::Warning {
                stage: None,
                message: &format!("it could not be kept: {error}"),
                help: None,
            }),
        }
    }
    Ok(environment.with_typed(name, &username, secret))
}

/// Whether what there is may be sent to the index's host: asked where that is new, and a yes is kept.
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
