//! `pyrelease token show`: shows where the credentials for an index come from and what they allow; never the secret.

use jiff::Timestamp;
use serde::Serialize;

use crate::config::{IndexSettings, nearest};
use crate::engine::checkout::Checkout;
use crate::error::{Error, Result};
use crate::index::{
    CredentialProblem, Credentials, IndexAddress, PypircSecret, find, help_without, pypirc_secrets,
};
use crate::ops::Context;
use crate::ops::locate;
use crate::python::token::Scope;
use crate::stages::read_project;
use crate::text::is_safe;
use crate::ui::{Format, Table, data, object};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show where the credentials for an index come from and what they allow, but not the secret
    Show(Show),
}

#[derive(Debug, clap::Args)]
struct Show {
    /// The index [default: all configured ones]
    #[arg(value_name = "INDEX")]
    name: Option<String>,

    /// The same as INDEX
    #[arg(long, value_name = "NAME", conflicts_with = "name")]
    index: Option<String>,

    /// The project to upload [default: the one in the folder]
    #[arg(long, value_name = "NAME")]
    project: Option<String>,
}

/// The credentials for an index
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Credentials"))]
pub(super) struct Entry {
    index: String,
    /// The upload URL, if it is known
    upload: Option<String>,
    /// The project of a section of `.pypirc`
    project: Option<String>,
    kind: Kind,
    username: Option<String>,
    /// Where they were found
    source: Option<String>,
    /// The section of `.pypirc`, if they were found there
    #[serde(skip)]
    section: Option<String>,
    /// The issuer that the token names
    issuer: Option<String>,
    /// The scope of a token
    scope: Option<Scope>,
    /// Reasons not to use them
    #[serde(rename = "concerns")]
    problems: Vec<ProblemData>,
}

/// The kind of credentials
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "CredentialsKind"))]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Token,
    /// A token that cannot be parsed
    Damaged,
    /// A token of another format, whose scope is unknown
    Opaque,
    Password,
    TrustedPublishing,
    None,
}

/// A problem in JSON
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "CredentialsProblem"))]
struct ProblemData {
    message: String,
    help: String,
    advisory: bool,
}

impl From<CredentialProblem> for ProblemData {
    fn from(CredentialProblem { message, help, advisory }: CredentialProblem) -> Self {
        Self { message, help, advisory }
    }
}

pub(super) fn token(context: &Context, arguments: &Arguments) -> Result<()> {
    let Command::Show(show) = &arguments.command;
    let (indexes, own) = indexes(context)?;
    let project = show.project.clone().or(own);
    let wanted = show.name.as_ref().or(show.index.as_ref());
    if let Some(wanted) = wanted
        && !indexes.iter().any(|index| index.name == *wanted)
    {
        let names: Vec<&str> = indexes.iter().map(|index| index.name.as_str()).collect();
        let error = Error::usage(format!("there is no index `{wanted}`"));
        return Err(match nearest(wanted, names.iter().copied()) {
            Some(nearest) => error.help(format!("did you mean `{nearest}`?")),
            None => error.help(format!("known indexes: {}; add others as [index.NAME]", names.join(", "))),
        });
    }
    let chosen = indexes.iter().filter(|index| wanted.is_none_or(|wanted| index.name == *wanted));
    let mut entries =
        chosen.map(|index| look(context, index, project.as_deref())).collect::<Result<Vec<_>>>()?;
    if wanted.is_none() {
        entries.extend(other_sections(context, &indexes, &entries)?);
    }
    if let (Some(_), [entry]) = (wanted, entries.as_slice()) {
        refuse_unusable(context, entry, &indexes)?;
    }
    match context.format {
        Format::Human => data(&entries.iter().map(text).collect::<Vec<_>>().join("\n\n")),
        Format::Json => entries.iter().for_each(|entry| object("credentials", entry)),
    }
    Ok(())
}

/// If the user asked about one index, the exit code tells whether it has usable credentials.
fn refuse_unusable(context: &Context, entry: &Entry, indexes: &[IndexAddress]) -> Result<()> {
    match entry.kind {
        Kind::None => {
            let address = indexes.iter().find(|address| address.name == entry.index);
            let help = address.map(|address| help_without(&context.environment, address));
            let error = Error::refused(format!("there are no credentials for `{}`", entry.index));
            Err(help.into_iter().fold(error, Error::help))
        }
        Kind::Damaged => Err(entry.problems.iter().fold(
            Error::refused(format!("the token for `{}` cannot be read", entry.index)),
            |error, problem| error.because(problem.message.clone()).help(&problem.help),
        )),
        _ => Ok(()),
    }
}

/// The configured indexes, and the name of the project, if there is one.
fn indexes(context: &Context) -> Result<(Vec<IndexAddress>, Option<String>)> {
    let location = match locate(context) {
        Ok(location) => location,
        // The command also works outside of a project, but a manifest that was passed must exist.
        Err(error) if context.manifest.is_some() => return Err(error),
        Err(_) => return Ok((vec![IndexAddress::pypi(), IndexAddress::testpypi()], None)),
    };
    let address = |(name, index): (&String, &IndexSettings)| -> Result<IndexAddress> {
        let address = IndexAddress::new(name, &index.upload, index.simple.as_deref(), index.view.as_deref())?;
        Ok(address.with_trusted_publishing(index.trusted_publishing))
    };
    let indexes = location.config.indexes().iter().map(address).collect::<Result<_>>()?;
    let checkout = Checkout::open(&location.root, context.environment.clone()).ok();
    let project = checkout.and_then(|checkout| read_project(&location.config, &checkout, None).ok());
    Ok((indexes, project.map(|project| project.name)))
}

fn look(context: &Context, index: &IndexAddress, project: Option<&str>) -> Result<Entry> {
    let upload = Some(index.upload.to_string());
    let Some(found) = find(&context.environment, index, project)? else {
        return Ok(Entry { upload, ..Entry::empty(&index.name) });
    };
    let problems = found.problems(index, project, Timestamp::now());
    let problems = problems.into_iter().map(ProblemData::from).collect();
    Ok(Entry { upload, problems, ..describe(&index.name, &found) })
}

/// The other sections of `.pypirc`: those of other projects, and of indexes that are not configured.
fn other_sections(context: &Context, indexes: &[IndexAddress], entries: &[Entry]) -> Result<Vec<Entry>> {
    let is_listed = |secret: &PypircSecret| {
        entries.iter().any(|entry| entry.section.as_deref() == secret.credentials.section())
    };
    let others = pypirc_secrets(&context.environment)?.into_iter().filter(|secret| !is_listed(secret));
    let describe = |PypircSecret { index, project, upload, credentials }: PypircSecret| {
        let configured = indexes.iter().find(|known| known.name == index);
        let upload = upload.or_else(|| configured.map(|known| known.upload.clone()));
        let address = upload.and_then(|url| IndexAddress::new(&index, url.as_str(), None, None).ok());
        let problems = address.iter().flat_map(|address| {
            let problems = credentials.problems(address, project.as_deref(), Timestamp::now());
            problems.into_iter().map(ProblemData::from)
        });
        Entry {
            problems: problems.collect(),
            upload: address.as_ref().map(|address| address.upload.to_string()),
            project,
            ..describe(&index, &credentials)
        }
    };
    Ok(others.map(describe).collect())
}

/// The entry of credentials, without their upload URL and problems.
fn describe(index: &str, found: &Credentials) -> Entry {
    let (kind, token) = match found.as_token() {
        Some(Ok(token)) => (Kind::Token, Some(token)),
        Some(Err(_)) => (Kind::Damaged, None),
        None if found.use_trusted_publishing() => (Kind::TrustedPublishing, None),
        None if found.username().is_none() => (Kind::Opaque, None),
        None => (Kind::Password, None),
    };
    Entry {
        kind,
        username: found.username().map(str::to_owned),
        source: Some(found.source().to_owned()),
        section: found.section().map(str::to_owned),
        issuer: token.as_ref().map(|token| token.issuer().to_owned()),
        scope: token.map(|token| token.scope()),
        ..Entry::empty(index)
    }
}

impl Entry {
    fn empty(index: &str) -> Self {
        Self {
            index: index.to_owned(),
            upload: None,
            project: None,
            kind: Kind::None,
            username: None,
            source: None,
            section: None,
            issuer: None,
            scope: None,
            problems: Vec::new(),
        }
    }
}

/// An entry as text.
fn text(entry: &Entry) -> String {
    let plain = |text: &str| text.chars().filter(|letter| is_safe(*letter)).collect::<String>();
    let project = entry.project.as_ref().map_or(String::new(), |project| format!(":{project}"));
    let upload = entry.upload.as_deref().unwrap_or("no upload URL");
    let mut table = Table::default().indented(2).at_least(&[10]);
    table.text(format!("{} ({upload})", plain(&format!("{}{project}", entry.index))));
    // The text of a token is untrusted.
    let mut line = |name: &str, value: &str| table.row([name, &plain(value)]);
    line(
        "kind",
        match entry.kind {
            Kind::Token => "token",
            Kind::Damaged => "damaged",
            Kind::Opaque => "opaque: sent as a token; its scope is not known",
            Kind::Password => "password",
            Kind::TrustedPublishing => "trusted-publishing",
            Kind::None => "no credentials found",
        },
    );
    if let Some(username) = &entry.username {
        line("username", username);
    }
    if let Some(source) = &entry.source {
        line("source", source);
    }
    if let Some(issuer) = &entry.issuer {
        line("issuer", issuer);
    }
    if let Some(scope) = &entry.scope {
        let projects = match (&scope.projects, &scope.project_ids) {
            (Some(names), _) if names.is_empty() => "none".to_owned(),
            (Some(names), _) => names.join(", "),
            (None, Some(ids)) => format!("ids {}", ids.join(", ")),
            (None, None) => "no restriction found".to_owned(),
        };
        line("projects", &projects);
        line("expires", scope.expires.as_deref().unwrap_or("not stated"));
        if let Some(from) = &scope.not_before {
            line("not before", from);
        }
        if let Some(publisher) = &scope.publisher {
            line("publisher", publisher);
        }
        if let Some(user) = &scope.user {
            line("user", user);
        }
        scope.unknown.iter().for_each(|unknown| line("also", &format!("an unknown restriction: {unknown}")));
    }
    entry
        .problems
        .iter()
        .for_each(|problem| line("warning", &format!("{}: {}", problem.message, problem.help)));
    table.to_string()
}
