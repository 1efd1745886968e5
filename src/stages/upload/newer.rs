//! Asks the public indexes for a newer release, for a plan: one request each, and only a short wait.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::{address_of, look};
use crate::config::{Config, IndexKind};
use crate::engine::prelude::*;
use crate::index::{IndexClient, NewHost};
use crate::world::http::Timeouts;

/// How long a plan waits for all indexes together
const LIMIT: Duration = Duration::from_secs(2);

/// Asks each public index that the configuration's stages upload to whether it has a higher final release. `run` and
/// `doctor` ask again, and wait; here an index that does not answer in time is a note. An index on a host that the user
/// has not allowed yet is not asked, and none is sent credentials.
pub fn newer_releases(config: &Config, release: &Release) -> Vec<Finding> {
    if release.checkout.environment.is_offline() {
        return Vec::new();
    }
    let until = Instant::now() + LIMIT;
    let names = config.stages().iter().map(|stage| &stage.value);
    let indexes = names.filter_map(|name| config.indexes().get_key_value(name));
    let public = indexes.filter(|(_, index)| index.kind == IndexKind::Public && index.simple.is_some());
    let clients: Vec<Result<Option<IndexClient>>> = public
        .map(|(name, index)| {
            let address = address_of(name, index)?;
            let environment = &release.checkout.environment;
            if NewHost::of(environment, &address)?.is_some() {
                return Ok(None);
            }
            let timeouts = Timeouts { connect: LIMIT, stall: LIMIT, reply: LIMIT };
            let client = IndexClient::connect_without_credentials(environment, address, timeouts)?;
            Ok(Some(client))
        })
        .collect();
    let releases = release.uploaded();
    let asked: Vec<_> =
        clients.into_iter().filter_map(Result::transpose).map(|client| ask(client, &releases)).collect();
    asked
        .into_iter()
        .flat_map(|asked| match asked {
            Ok((index, answer)) => answer
                .recv_timeout(until.saturating_duration_since(Instant::now()))
                .unwrap_or_else(|_| vec![unanswered(&index, "it did not answer in time")]),
            Err(error) => vec![error.into()],
        })
        .collect()
}

/// Asks one index in a thread of its own, which nobody waits for once the time is over.
fn ask(client: Result<IndexClient>, releases: &[&Release]) -> Result<(String, mpsc::Receiver<Vec<Finding>>)> {
    let client = client?;
    let project = |release: &&Release| (release.names().name.clone(), release.target.version.clone());
    let projects: Vec<_> = releases.iter().map(project).collect();
    let (sender, answer) = mpsc::channel();
    let index = client.address().name.clone();
    thread::spawn(move || {
        let mut findings = Vec::new();
        for (project, version) in projects {
            match client.listing(&project) {
                Ok(Some(listing)) => findings.extend(look::superseded(&client, &listing, &project, &version)),
                Ok(None) => {}
                Err(error) => {
                    findings.push(unanswered(&client.address().name, &error.to_string()));
                    break;
                }
            }
        }
        // Nobody listens if the time is over.
        let _ = sender.send(findings);
    });
    Ok((index, answer))
}

fn unanswered(index: &str, why: &str) -> Finding {
    Finding::note(format!("it is unknown whether `{index}` has a newer release: {why}"))
}
