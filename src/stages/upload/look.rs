//! Examines an index before anything is sent to it.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use jiff::Timestamp;

use crate::config::IndexKind;
use crate::engine::prelude::*;
use crate::error::ErrorKind;
use crate::index::{Credentials, IndexClient, Listing, SimpleError, Submission, Yanked};
use crate::python::distribution::Distribution;
use crate::python::filename::Filename;
use crate::python::version::Version;

use super::{RehearsalVersion, Upload};

/// PyPI's default limit for the files of a project, in bytes
const PROJECT_LIMIT: u64 = 10 << 30;
/// PyPI's default limit for one file, in bytes
const FILE_LIMIT: u64 = 100 << 20;
/// The pauses before a failed listing is requested again, so that a short failure does not refuse a release
const RETRY_DELAYS: [Duration; 2] = [Duration::from_millis(500), Duration::from_millis(1500)];

/// The finding that an index has no listing, if so.
pub(super) fn unlisted(client: &IndexClient, how: &str) -> Option<Finding> {
    if client.address().simple.is_some() {
        return None;
    }
    let message = format!(
        "`{}` has no `simple` URL: existing files cannot be detected, and may be overwritten",
        client.address().name
    );
    Some(Finding::warning(message).help(how))
}

/// The warning that attestations beside the files are not sent, if the index does not accept them.
pub(super) fn unattested(client: &IndexClient, submissions: &[Submission]) -> Option<String> {
    let some = submissions.iter().any(Submission::is_attested) && !client.sends_attestations();
    some.then(|| {
        format!(
            "the attestations beside the files are not sent: `{}` accepts them only from trusted publishers",
            client.address().name
        )
    })
}

/// The index's listing of a project.
pub(super) fn listing(client: &IndexClient, project: &str) -> Result<Option<Listing>> {
    let refused = |error: SimpleError| error.of_index(&client.address().name).with_kind(ErrorKind::Refused);
    for pause in RETRY_DELAYS {
        match client.listing(project) {
            Err(error) if error.is_transient() => thread::sleep(pause),
            answered => return answered.map_err(refused),
        }
    }
    client.listing(project).map_err(refused)
}

/// The finding that the index has a file's bytes under another name, if it accepts the same bytes only once.
pub(super) fn twin(client: &IndexClient, listing: &Listing, file: &Distribution) -> Option<Finding> {
    let other = listing.file_with(&file.sha256).filter(|_| client.follows_pypi())?;
    let (index, name) = (&client.address().name, &file.filename);
    let message = format!("`{index}` has the bytes of {name} already, as `{}`", other.filename);
    Some(
        Finding::error(message)
            .help("the index stores the same bytes only once: omit this file, or rebuild it"),
    )
}

/// That the release would have no attestations where the last one had some; `will` is known of the files themselves.
pub(super) fn loses_attestations(
    client: &IndexClient,
    listing: &Listing,
    (project, version): (&str, &str),
    will: Option<bool>,
) -> Option<Finding> {
    let (last, _) = listing.last_release(version).filter(|(_, is_attested)| *is_attested)?;
    let (index, sends) = (&client.address().name, client.sends_attestations());
    let (has, help) = match will {
        Some(true) if sends => return None,
        _ if !sends => ("has none", "attestations go along with trusted publishing only"),
        Some(_) => ("has none", "make them, and put them beside the files as `FILE.publish.attestation`"),
        None => (
            "has none unless a stage makes them",
            "set `attestations = \"auto\"` for the index; or a stage leaves them beside the distributions, as \
             `FILE.publish.attestation`",
        ),
    };
    let message = format!(
        "{project} {last} on `{index}` has attestations, and {version} {has}: PyPI marks a release that loses them"
    );
    Some(Finding::note(message).help(help))
}

/// That a project which is not there yet is created for a pending publisher only, as long as there is one.
fn pending(client: &IndexClient, project: &str) -> Option<Finding> {
    let index = &client.address().name;
    client.credentials().is_some_and(Credentials::are_issued_on_demand).then(|| {
        Finding::note(format!(
            "`{index}` has no project `{project}` yet: a pending publisher creates it, and expires 30 days after it was registered"
        ))
        .help("check in the account's publishing settings that it is still there")
    })
}

/// That the index has a higher final release: installers take that one, and the new one only where it is asked for.
pub(super) fn superseded(
    client: &IndexClient,
    listing: &Listing,
    project: &str,
    version: &Version,
) -> Option<Finding> {
    let listed = listing.files.iter().filter(|file| file.yanked == Yanked::No);
    let versions = listed.filter_map(|file| {
        let filename: Filename = file.filename.parse().ok()?;
        filename.version().to_string().parse::<Version>().ok()
    });
    let highest = versions.filter(|listed| !listed.is_prerelease()).max()?;
    (highest > *version && !version.is_prerelease()).then(|| {
        let index = &client.address().name;
        Finding::error(format!("{project} {version} is lower than {highest}, which `{index}` has already"))
            .help(format!(
                "release a version above {highest}, or pass --force if {version} is meant for users of an older series"
            ))
            .advisory()
    })
}

/// Since when the index takes no further files of a version, by PyPI's rules, where that is so.
pub(super) fn closed(client: &IndexClient, listing: &Listing, version: &str) -> Option<String> {
    let window = listing.window(version).filter(|_| client.follows_pypi())?;
    (window.closes <= Timestamp::now()).then(|| window.closes.strftime("%Y-%m-%d").to_string())
}

/// The first `X.Y.Z.devN` of which the index lists no file.
pub(super) fn free_version(listing: &Listing, version: &Version) -> Version {
    let names = listing.files.iter().filter_map(|file| file.filename.parse::<Filename>().ok());
    let taken: BTreeSet<String> = names.map(|name| name.version().to_string()).collect();
    let mut candidates = (1..).map(|number| version.as_dev(number));
    let free = candidates.find(|version| !taken.contains(&version.to_string()));
    free.expect("an index has finitely many files")
}

/// The project's limits on the index, by PyPI's rules.
pub(super) fn limits(
    client: &IndexClient,
    listing: &Listing,
    project: &str,
    version: &str,
    more: u64,
) -> Vec<Finding> {
    let index = &client.address().name;
    let mut findings = Vec::new();
    match listing.status.as_deref() {
        Some("archived") => findings
            .push(Finding::error(format!("`{project}` is archived on `{index}`")).help(
            "an archived project accepts no files: an owner can unarchive it in its settings on the index",
        )),
        Some("quarantined") => {
            let help = "nobody can install it until the index has reviewed it: ask its administrators first; \
                        `--force` uploads anyway";
            findings.push(
                Finding::error(format!("`{project}` is quarantined on `{index}`")).help(help).advisory(),
            );
        }
        _ => {}
    }
    if !client.follows_pypi() {
        return findings;
    }
    if let Some(since) = closed(client, listing, version) {
        let message = format!("`{index}` accepts no more files of {project} {version} since {since}");
        findings.push(
            Finding::error(message)
                .help("a release is closed 14 days after its first file: release another version"),
        );
    }
    let all: u64 = listing.files.iter().filter_map(|file| file.size).sum::<u64>() + more;
    if all > PROJECT_LIMIT / 10 * 9 {
        let message = format!("with these files, `{project}` has {} on `{index}`", crate::world::size(all));
        findings.push(
            Finding::warning(message)
                .help("the default limit is 10 GiB: delete old releases, or ask for a higher limit"),
        );
    }
    findings
}

/// Asks whether the index would accept the files, by uploads made to be refused. If the index does not have the
/// project yet, it asks about the first file only: each question counts as a new project there, and few are allowed
/// per hour.
pub(super) fn probe(client: &IndexClient, submissions: &[Submission]) -> Vec<Finding> {
    let index = &client.address().name;
    let Some(first) = submissions.first() else { return Vec::new() };
    let project = first.field("name");
    // Fetching the listing also shows whether it is pyrelease's own test server.
    let has_project = matches!(client.listing(project), Ok(Some(_)));
    if !client.follows_pypi() {
        let message = format!("`{index}` was not asked whether it would accept the files");
        let help = "only PyPI is known to check a file before it stores it; another index might store \
                    the probe";
        return vec![Finding::warning(message).help(help)];
    }
    if !has_project && client.credentials().is_some_and(Credentials::are_issued_on_demand) {
        let message = format!("`{index}` was not asked whether it would accept the files of {project}");
        let help = "it has no such project, and requesting a token for a pending publisher would create it permanently";
        return vec![Finding::warning(message).help(help)];
    }
    let asked = if has_project { submissions } else { &submissions[..1] };
    let mut findings: Vec<Finding> = asked.iter().map(|submission| ask(client, submission)).collect();
    if asked.len() < submissions.len() {
        findings.push(Finding::note(format!(
            "`{index}` has no project `{project}` yet, so it was asked about the first file only"
        )));
    }
    findings
}

fn ask(client: &IndexClient, submission: &Submission) -> Finding {
    let (index, file) = (&client.address().name, &submission.distribution);
    match client.probe(submission) {
        // The probe is small.
        Ok(()) if file.size > FILE_LIMIT => {
            let size = crate::world::size(file.size);
            let message = format!(
                "`{index}` would accept {}, unless {size} is over the project's limit: a probe does not show that",
                file.filename
            );
            Finding::warning(message).help("the default limit is 100 MiB")
        }
        Ok(()) => Finding::note(format!("`{index}` would accept {}", file.filename)),
        Err(error) => client.explain(error).into(),
    }
}

impl Upload {
    /// What the index has that bars the release.
    pub(super) fn taken(&self, client: &IndexClient, release: &Release) -> Result<Vec<Finding>> {
        if let Some(finding) = unlisted(client, &format!("add `simple` to [index.{}]", self.name)) {
            return Ok(vec![finding]);
        }
        let target = &release.target;
        let project = &target.project.name;
        let Some(listing) = listing(client, project)? else {
            return Ok(pending(client, project).into_iter().collect());
        };
        let own = free_version(&listing, &target.version).to_string();
        if self.settings.version == RehearsalVersion::Dev {
            return Ok(limits(client, &listing, project, &own, 0));
        }
        let version = target.version.to_string();
        let there: Vec<&str> = listing
            .files
            .iter()
            .filter(|file| {
                file.filename.parse::<Filename>().is_ok_and(|name| name.version().to_string() == version)
            })
            .map(|file| file.filename.as_str())
            .collect();
        if there.is_empty() {
            let newer = superseded(client, &listing, project, &target.version)
                .filter(|_| self.index.kind == IndexKind::Public);
            let will = self.will_attest(client).then_some(true);
            let lost = loses_attestations(client, &listing, (project, &version), will);
            return Ok(limits(client, &listing, project, &version, 0)
                .into_iter()
                .chain(newer)
                .chain(lost)
                .collect());
        }
        let message = format!("`{}` has {project} {version} already: {}", self.name, there.join(", "));
        if self.rehearsal.is_some() {
            let help = format!(
                "if the build gives other bytes, the release is rehearsed as {own} or later, and what is tried there are not \
                 the bytes that are published"
            );
            let mut findings = limits(client, &listing, project, &own, 0);
            findings.push(Finding::note(message).help(help));
            return Ok(findings);
        }
        let mut help =
            "an index takes a version once, whatever became of its tag: choose another version".to_owned();
        if self.index.kind == IndexKind::Rehearsal {
            help.push_str(&format!(
                ", or have `build` among the stages, so that it can be rehearsed under one that is free: [stage.{}] version = \"dev\"",
                self.name
            ));
        }
        let mut findings = limits(client, &listing, project, &version, 0);
        findings.push(Finding::error(message).help(help));
        Ok(findings)
    }
}
