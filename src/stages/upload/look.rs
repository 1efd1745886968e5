//! What can be seen of an index before anything is sent to it.

use jiff::Timestamp;

use crate::config::IndexKind;
use crate::engine::prelude::*;
use crate::error::ExitCode;
use crate::index::{IndexClient, Listing, SimpleError, Submission};
use crate::python::filename::Filename;

use super::Upload;

/// What PyPI takes of a project in all, in bytes, unless it was given more
const PROJECT_LIMIT: u64 = 10 << 30;

/// That an index cannot be looked at, where it cannot.
pub(super) fn unlisted(client: &IndexClient, how: &str) -> Option<Finding> {
    if client.address().simple.is_some() {
        return None;
    }
    let message = format!(
        "`{}` has no `simple` address: what it has already cannot be seen beforehand, and is replaced where it lets that be",
        client.address().name
    );
    Some(Finding::warning(message).help(how))
}

/// That attestations stay here, where some lie beside the files and the index takes none.
pub(super) fn unattested(client: &IndexClient, submissions: &[Submission]) -> Option<String> {
    let some = submissions.iter().any(Submission::is_attested) && !client.sends_attestations();
    some.then(|| {
        format!(
            "the attestations beside the files are not sent: `{}` takes them from trusted publishers only",
            client.address().name
        )
    })
}

/// What the index lists of a project.
pub(super) fn listing(client: &IndexClient, project: &str) -> Result<Option<Listing>> {
    let refused = |error: SimpleError| error.of_index(&client.address().name).with_code(ExitCode::Refused);
    client.listing(project).map_err(refused)
}

/// The bounds that the project has there, by PyPI's rules.
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
                "an archived project takes no files: its owner can unarchive it in its settings there",
            )),
        Some("quarantined") => {
            findings.push(Finding::error(format!("`{project}` is quarantined on `{index}`")).help(
                "nobody can install it until the index has looked into it: ask its administrators first",
            ))
        }
        _ => {}
    }
    if !client.follows_pypi() {
        return findings;
    }
    if let Some(window) = listing.window(version)
        && window.closes <= Timestamp::now()
    {
        let since = window.closes.strftime("%Y-%m-%d");
        let message = format!("`{index}` takes no further files of {project} {version} since {since}");
        findings.push(
            Finding::error(message)
                .help("a release is closed 14 days after its first file: release another version"),
        );
    }
    let all: u64 = listing.files.iter().filter_map(|file| file.size).sum::<u64>() + more;
    if all > PROJECT_LIMIT / 10 * 9 {
        let message =
            format!("`{project}` has {} of files on `{index}`, these included", crate::world::size(all));
        findings.push(Finding::warning(message).help(
            "the limit is 10 GiB unless the project was given more: delete old releases, or ask for it",
        ));
    }
    findings
}

/// Whether the index would take each of the files, asked by something that it refuses.
pub(super) fn probe(client: &IndexClient, submissions: &[Submission]) -> Vec<Finding> {
    let index = &client.address().name;
    let Some(first) = submissions.first() else { return Vec::new() };
    if !client.follows_pypi() {
        // An index of our own says so where it lists files.
        let _ = client.listing(first.field("name"));
    }
    if !client.follows_pypi() {
        let message = format!("`{index}` was not asked whether it would take the files");
        let help = "only PyPI is known to look into a file before it keeps it; another index might keep what is sent \
                    to be refused";
        return vec![Finding::warning(message).help(help)];
    }
    let ask = |submission: &Submission| match client.probe(submission) {
        Ok(()) => Finding::note(format!("`{index}` would take {}", submission.distribution.filename)),
        Err(error) => client.explain(error).into(),
    };
    submissions.iter().map(ask).collect()
}

impl Upload {
    /// What the index has that bars the release.
    pub(super) fn taken(&self, client: &IndexClient, release: &Release) -> Result<Vec<Finding>> {
        if let Some(finding) = unlisted(client, &format!("add `simple` to [index.{}]", self.name)) {
            return Ok(vec![finding]);
        }
        let target = &release.target;
        let project = &target.project.name;
        let Some(listing) = listing(client, project)? else { return Ok(Vec::new()) };
        if self.rehearsal.is_some() {
            return Ok(Vec::new());
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
            return Ok(limits(client, &listing, project, &version, 0));
        }
        let message = format!("`{}` has {project} {version} already: {}", self.name, there.join(", "));
        let mut help =
            "an index takes a version once, whatever became of its tag: choose another version".to_owned();
        if self.index.kind == IndexKind::Rehearsal {
            help.push_str(&format!(
                ", or rehearse under one that is free: [stage.{}] version = \"dev\"",
                self.name
            ));
        }
        let mut findings = limits(client, &listing, project, &version, 0);
        findings.push(Finding::error(message).help(help));
        Ok(findings)
    }
}
