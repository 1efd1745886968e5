//! `upload`: uploads distributions to an index, without a release.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::Context;
use super::credentials::ask;
use super::session::{environment_of, locate};
use crate::config::{Config, IndexKind, IndexSettings, nearest};
use crate::engine::event::{Event, Listener};
use crate::error::{Error, ErrorKind, Result};
use crate::finding::{Finding, Leave, Severity};
use crate::index::allowing;
use crate::input::why_no_file;
use crate::python::distribution::Distribution;
use crate::python::filename::{Filename, FilenameError};
use crate::stages::{
    MOST_CONNECTIONS, StandaloneUpload, Verification, address_of, distributions_in, judge_files, known_or,
    policy,
};
use crate::world::hashes::Hashes;
use crate::world::http::check_url;
use crate::world::parallel::par_map;

/// The suffix of attestations, which are uploaded together with their distributions
const ATTESTATION: &str = ".attestation";
/// The stage name of the findings about the files
const CHECK: &str = "check";

/// The index to upload to
#[derive(Debug, Clone, Copy)]
pub enum Target<'a> {
    /// An index of the configuration, or a predefined one
    Index(&'a str),
    /// The upload URL of an index, and the URL at which it lists files
    Url { url: &'a str, simple: Option<&'a str> },
}

/// The options of `upload`
#[derive(Debug, Clone, Copy)]
pub struct UploadOptions<'a> {
    /// Distributions, or folders with distributions
    pub files: &'a [PathBuf],
    pub target: Target<'a>,
    /// How many wheels to upload in parallel
    pub connections: usize,
    /// Ask the index first whether it would accept the files
    pub probe: bool,
    /// Wait until the index lists every file, and compare one download
    pub verify: bool,
    /// Install the release from the index
    pub install: bool,
    /// A command that tests the installed release
    pub smoke: Option<&'a str>,
    /// Continue despite errors marked as overridable
    pub force: bool,
    /// Do not ask for confirmation
    pub yes: bool,
}

/// Uploads distributions to an index, without a release.
///
/// # Errors
/// A preflight refuses a file, or an upload fails.
pub fn upload(context: &Context, options: &UploadOptions<'_>) -> Result<()> {
    if !(1..=MOST_CONNECTIONS).contains(&options.connections) {
        return Err(Error::usage(format!("`--connections` must be between 1 and {MOST_CONNECTIONS}")));
    }
    if let Some(smoke) = options.smoke
        && shlex::split(smoke).is_none_or(|words| words.is_empty())
    {
        return Err(Error::usage("`--smoke` must be a command: it is empty, or a quote is not closed"));
    }
    let verify = options.verify || options.install;
    let (config, root) = match (locate(context), &context.manifest) {
        (Ok(location), _) => (location.config, location.root),
        // Distributions may be anywhere; a project is only needed for its settings.
        (Err(error), None) if error.kind() == ErrorKind::NoProject => {
            (Config::default_pipeline(), context.folder.clone())
        }
        (Err(error), _) => return Err(error),
    };
    let environment = environment_of(&config, &root, context.environment.clone());
    let (name, index) = index(&config, &options.target)?;
    let paths = files(context, options.files)?;
    let listener: &dyn Listener = &context.ui;

    let policy = policy(&config, CHECK, false)?;
    let hashes = Hashes::default();
    // Refuse files whose names are not those of distributions, as `check` does.
    for path in &paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if let Err(error @ (FilenameError::Ending(_) | FilenameError::Zip(_))) = name.parse::<Filename>() {
            return Err(Error::refused(error.to_string()).help("nothing has been sent"));
        }
    }
    let record_digest = |path: &PathBuf| hashes.record_digest(path);
    let distributions = par_map(&paths, &record_digest).into_iter().collect::<Result<Vec<_>>>()?;
    // A file that is named twice, by itself and by its folder, is one file.
    let mut seen = BTreeSet::new();
    let mut is_new = |file: &Distribution| seen.insert((file.filename.clone(), file.sha256.clone()));
    let (paths, distributions): (Vec<_>, Vec<_>) =
        paths.into_iter().zip(distributions).filter(|(_, file)| is_new(file)).unzip();
    let findings = known_or(&environment, &distributions, &policy, || {
        let note = |message: &str| listener.on_event(&Event::Note { stage: None, message });
        judge_files(&paths, None, None, &policy, &environment, &note)
    })?;
    preflight(CHECK, findings, options.force, listener)?;
    let address = address_of(&name, &index)?;
    let environment = match options.target {
        // A user who passes the URL has named the host.
        Target::Url { .. } => allowing(environment, &address.upload),
        Target::Index(_) => environment,
    };
    let environment = match project_of(&distributions) {
        Some(project) => ask(context, &address, &project, options.yes, environment)?,
        None => environment,
    };
    let mut standalone = StandaloneUpload::new(&environment, (&name, &index), &distributions, &hashes)?;
    if verify && standalone.client().address().simple.is_none() {
        return Err(Error::usage(format!("`{name}` has no `simple` URL, so uploads cannot be verified"))
            .help("pass `--simple URL`, or set `simple` in [index.NAME]"));
    }
    let how = match (options.install, options.smoke) {
        (true, smoke) => Verification::Installed { smoke, variables: &environment },
        (false, _) => Verification::Listed,
    };
    let all = standalone.distributions();
    let findings = standalone.look(&environment, listener)?;
    preflight(&name, findings, options.force, listener)?;

    let (number, bytes) = standalone.size();
    if number == 0 {
        let message = format!("`{name}` already has every file, with the same bytes");
        listener.on_event(&Event::Note { stage: None, message: &message });
        return if verify { standalone.verify(&all, &how, &context.interrupted, listener) } else { Ok(()) };
    }
    let what = if number == 1 { "1 file".to_owned() } else { format!("{number} files") };
    let size = crate::world::size(bytes);
    let question = format!(
        "Upload {what} ({size}) of {} {} to {name} ({})?",
        standalone.project, standalone.version, index.upload
    );
    // Without a terminal, the command line is the confirmation.
    context.confirm(options.yes || !super::can_ask(), &question)?;
    context.listen_for_interrupts()?;
    if options.probe {
        preflight(&name, standalone.probe(), false, listener)?;
    }
    standalone.send(options.connections, &context.interrupted, listener)?;
    let verified = match verify {
        true => standalone.verify(&all, &how, &context.interrupted, listener),
        false => standalone.compare(&all, &context.interrupted, listener),
    };
    verified.map_err(|error| error.with_kind(ErrorKind::Left))?;
    let view: Vec<String> = standalone.view().into_iter().collect();
    listener.on_event(&Event::Published {
        name: &standalone.project,
        version: &standalone.version,
        index: &name,
        links: &view,
    });
    Ok(())
}

/// The project of the files, from the first one's name.
fn project_of(distributions: &[Distribution]) -> Option<String> {
    let name: Filename = distributions.first()?.filename.parse().ok()?;
    Some(name.name().to_owned())
}

/// Reports the findings, and refuses if one is an error.
fn preflight(stage: &str, findings: Vec<Finding>, force: bool, listener: &dyn Listener) -> Result<()> {
    let mut errors = 0;
    for finding in findings {
        let finding = finding.under(Leave { force, ..Leave::default() });
        errors += usize::from(finding.severity == Severity::Error);
        listener.on_event(&Event::Finding { stage: Some(stage), finding: &finding });
    }
    match errors {
        0 => Ok(()),
        1 => Err(Error::refused("the upload was refused; nothing has been sent")),
        several => Err(Error::refused(format!(
            "the upload was refused for {several} reasons; nothing has been sent"
        ))),
    }
}

/// The index to upload to, and its name.
fn index(config: &Config, target: &Target<'_>) -> Result<(String, IndexSettings)> {
    let (url, simple) = match *target {
        Target::Index(name) => return named(config, name),
        Target::Url { url, simple } => (url, simple),
    };
    let address = check_url(url).map_err(|error| {
        let help = error.help();
        Error::usage("cannot upload to `--url`").because(error).help(help)
    })?;
    // A configured index with this URL gives the upload a name, and so its credentials.
    let plain = |url: &str| url.trim_end_matches('/').to_owned();
    let known = config.indexes().iter().find(|(_, index)| plain(&index.upload) == plain(url));
    let mut found = match known {
        Some((name, index)) => (name.clone(), index.clone()),
        None => {
            let name = address.host_str().unwrap_or_default().to_owned();
            (name, IndexSettings::at(url, IndexKind::Public))
        }
    };
    if let Some(simple) = simple {
        found.1.simple = Some(simple.to_owned());
    }
    Ok(found)
}

/// The index of that name.
fn named(config: &Config, name: &str) -> Result<(String, IndexSettings)> {
    let known = config.indexes();
    if let Some(index) = known.get(name) {
        return Ok((name.to_owned(), index.clone()));
    }
    let error = Error::usage(format!("there is no index `{name}`"));
    Err(match nearest(name, known.keys().map(String::as_str)) {
        Some(nearest) => error.help(format!("did you mean `{nearest}`?")),
        None => error.help(format!(
            "add [index.{name}] with its `upload` to the configuration, or pass its URL: `--url URL`"
        )),
    })
}

/// The named files, and those in named folders.
fn files(context: &Context, named: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for given in named {
        let path = context.folder.join(given);
        if path.is_dir() {
            files.extend(distributions_in(&path)?);
        } else if let Some(why) = why_no_file(&path) {
            return Err(Error::usage(format!("`{}` {why}", given.display())));
        } else if !path.to_string_lossy().ends_with(ATTESTATION) {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(Error::usage("there are no distributions to upload"));
    }
    Ok(files)
}
