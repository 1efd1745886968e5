//! `pyrelease status`: what is where, and the command that goes on from here.

use std::path::PathBuf;

use super::session::{destinations, locate, open_loosely};
use super::{Context, transfer};
use crate::engine::run::Store;
use crate::engine::status::{JournalState, StatusCollector};
use crate::error::Result;
use crate::stages::rebuild::is_public;
use crate::ui::{Format, account_text, data};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Ask neither remotes nor indexes what they have
    #[arg(long)]
    offline: bool,

    /// Pack the run that is not finished into this file, for `pyrelease resume --import FILE` in another clone
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,
}

pub(super) fn status(context: &Context, arguments: &Arguments) -> Result<()> {
    let workspace = open_loosely(context)?;
    let store = Store::of(&workspace.repository)?;
    if let Some(file) = &arguments.export {
        return transfer::export(context, &workspace, &store, file);
    }
    let collector = StatusCollector {
        repository: &workspace.repository,
        environment: &workspace.environment,
        store: &store,
        online: !arguments.offline,
    };
    let account = collector.collect(destinations)?.map(|account| {
        let is_lost = account.journal == JournalState::Lost && account.outcome.is_none();
        let asks = is_lost && !arguments.offline && !account.under_way;
        match asks.then(|| locate(context).ok()).flatten().map(|found| is_public(&found.config, &workspace)) {
            Some(Some(false)) => account.without_anything_public(),
            _ => account,
        }
    });
    match (context.format, account) {
        (Format::Json, account) => {
            data(&serde_json::to_string(&account).expect("an account has string keys only"));
        }
        (Format::Human, Some(account)) => data(&account_text(&account)),
        (Format::Human, None) => data("no release has been run in this repository"),
    }
    Ok(())
}
