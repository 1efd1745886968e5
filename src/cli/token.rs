//! `pyrelease token show`: what the credentials for an index are good for, and where they are; never the secret.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde::Serialize;

use crate::config::{IndexSettings, nearest};
use crate::engine::release::Workspace;
use crate::error::{Error, Result};
use crate::index::{Concern, Credentials, IndexAddress, PypircSecret, find, help_without, pypirc_secrets};
use crate::ops::Context;
use crate::ops::locate;
use crate::python::token::Scope;
use crate::stages::read_project;
use crate::text::is_safe;
use crate::ui::{Format, data};

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

    /// The same
    #[arg(long, value_name = "NAME", conflicts_with = "name")]
    index: Option<String>,

    /// The project to upload [default: the one in the folder]
    #[arg(long, value_name = "NAME")]
    project: Option<String>,
}

/// What there is for an index
#[derive(Debug, Serialize)]
struct Shown {
    index: String,
    /// Where it takes uploads; none where nobody says
    upload: Option<String>,
    /// The project that it is kept for, of what `.pypirc` keeps besides
    project: Option<String>,
    /// `token`, `damaged` for one that cannot be read, `opaque` for one that says nothing of itself, `password`,
    /// `trusted-publishing`, or `none`
    kind: &'static str,
    /// Whose the password is
    username: Option<String>,
    /// Where it was found
    source: Option<String>,
    /// Who issued the token, by its own account
    issuer: Option<String>,
    /// Of a token
    scope: Option<Scope>,
    /// What speaks against using it
    concerns: Vec<Spoken>,
}

#[derive(Debug, Serialize)]
struct Spoken {
    message: String,
    help: String,
    advisory: bool,
}

impl From<Concern> for Spoken {
    fn from(Concern { message, help, advisory }: Concern) -> Self {
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
            Some(nearest) => error.help(format!("is `{nearest}` meant?")),
            None => error.help(format!("known are {}; more are in [index.NAME]", names.join(", "))),
        });
    }
    let chosen = indexes.iter().filter(|index| wanted.is_none_or(|wanted| index.name == *wanted));
    let mut shown =
        chosen.map(|index| look(context, index, project.as_deref())).collect::<Result<Vec<_>>>()?;
    if wanted.is_none() {
        shown.extend(besides(context, &indexes, &shown)?);
    }
    if let (Some(_), [one]) = (wanted, shown.as_slice()) {
        refuse(context, one, &indexes)?;
    }
    match context.format {
        Format::Human => data(shown.iter().map(text).collect::<Vec<_>>().join("\n").trim_end()),
        Format::Json => {
            data(&serde_json::to_string(&shown).map_err(|error| Error::failed(error.to_string()))?)
        }
    }
    Ok(())
}

/// Whoever asks for one index is to hear from the exit code that there is nothing to show.
fn refuse(context: &Context, shown: &Shown, indexes: &[IndexAddress]) -> Result<()> {
    match shown.kind {
        "none" => {
            let address = indexes.iter().find(|address| address.name == shown.index);
            let help = address.map(|address| help_without(&context.environment, address));
            let error = Error::refused(format!("there are no credentials for `{}`", shown.index));
            Err(help.into_iter().fold(error, Error::help))
        }
        "damaged" => Err(shown.concerns.iter().fold(
            Error::refused(format!("there is no token for `{}` that can be read", shown.index)),
            |error, concern| error.because(concern.message.clone()).help(&concern.help),
        )),
        _ => Ok(()),
    }
}

/// The indexes that are configured, and the name of the project, as far as there is one here.
fn indexes(context: &Context) -> Result<(Vec<IndexAddress>, Option<String>)> {
    let location = match locate(context) {
        Ok(location) => location,
        // It is of use outside of a project, too; what somebody has named has to be there.
        Err(error) if context.manifest.is_some() => return Err(error),
        Err(_) => return Ok((vec![IndexAddress::pypi(), IndexAddress::testpypi()], None)),
    };
    let address = |(name, index): (&String, &IndexSettings)| -> Result<IndexAddress> {
        let address = IndexAddress::new(name, &index.upload, index.simple.as_deref(), index.view.as_deref())?;
        Ok(address.with_trusted_publishing(index.trusted_publishing))
    };
    let indexes = location.config.indexes().iter().map(address).collect::<Result<_>>()?;
    let workspace = Workspace::open(&location.root, context.environment.clone()).ok();
    let project = workspace.and_then(|workspace| read_project(&workspace).ok());
    Ok((indexes, project.map(|project| project.name)))
}

fn look(context: &Context, index: &IndexAddress, project: Option<&str>) -> Result<Shown> {
    let upload = Some(index.upload.to_string());
    let Some(found) = find(&context.environment, index, project)? else {
        return Ok(Shown { upload, ..Shown::nothing(&index.name) });
    };
    let concerns = found.concerns(index, project, Timestamp::now()).into_iter().map(Spoken::from).collect();
    Ok(Shown { upload, concerns, ..describe(&index.name, &found) })
}

/// What `.pypirc` keeps for other projects, and for indexes that are not configured.
fn besides(context: &Context, indexes: &[IndexAddress], shown: &[Shown]) -> Result<Vec<Shown>> {
    let is_shown = |kept: &PypircSecret| {
        shown.iter().any(|shown| shown.source.as_deref() == Some(kept.credentials.source()))
    };
    let others = pypirc_secrets(&context.environment)?.into_iter().filter(|kept| !is_shown(kept));
    let describe = |PypircSecret { index, project, upload, credentials }: PypircSecret| {
        let configured = indexes.iter().find(|known| known.name == index);
        let upload = upload.or_else(|| configured.map(|known| known.upload.clone()));
        let address = upload.and_then(|url| IndexAddress::new(&index, url.as_str(), None, None).ok());
        let concerns = address.iter().flat_map(|address| {
            credentials.concerns(address, project.as_deref(), Timestamp::now()).into_iter().map(Spoken::from)
        });
        Shown {
            concerns: concerns.collect(),
            upload: address.as_ref().map(|address| address.upload.to_string()),
            project,
            ..describe(&index, &credentials)
        }
    };
    Ok(others.map(describe).collect())
}

/// What credentials say of themselves.
fn describe(index: &str, found: &Credentials) -> Shown {
    let (kind, token) = match found.as_token() {
        Some(Ok(token)) => ("token", Some(token)),
        Some(Err(_)) => ("damaged", None),
        None if found.use_trusted_publishing() => ("trusted-publishing", None),
        None if found.username().is_none() => ("opaque", None),
        None => ("password", None),
    };
    Shown {
        kind,
        username: found.username().map(str::to_owned),
        source: Some(found.source().to_owned()),
        issuer: token.as_ref().map(|token| token.issuer().to_owned()),
        scope: token.map(|token| token.scope()),
        ..Shown::nothing(index)
    }
}

impl Shown {
    fn nothing(index: &str) -> Self {
        Self {
            index: index.to_owned(),
            upload: None,
            project: None,
            kind: "none",
            username: None,
            source: None,
            issuer: None,
            scope: None,
            concerns: Vec::new(),
        }
    }
}

/// The same for people.
fn text(shown: &Shown) -> String {
    let plain = |text: &str| text.chars().filter(|letter| is_safe(*letter)).collect::<String>();
    let project = shown.project.as_ref().map_or(String::new(), |project| format!(":{project}"));
    let upload = shown.upload.as_deref().unwrap_or("nobody says where that is");
    let mut text = format!("{} ({upload})\n", plain(&format!("{}{project}", shown.index)));
    let mut line = |name: &str, value: &str| {
        // What a token says may have been written by anybody.
        let _ = writeln!(text, "  {name:<10} {}", plain(value));
    };
    line(
        "is",
        match shown.kind {
            "none" => "nothing was found",
            "opaque" => "opaque: it goes as a token, and does not say what it is for",
            kind => kind,
        },
    );
    if let Some(username) = &shown.username {
        line("of", username);
    }
    if let Some(source) = &shown.source {
        line("from", source);
    }
    if let Some(issuer) = &shown.issuer {
        line("issuer", issuer);
    }
    if let Some(scope) = &shown.scope {
        let projects = match (&scope.projects, &scope.project_ids) {
            (Some(names), _) if names.is_empty() => "none".to_owned(),
            (Some(names), _) => names.join(", "),
            (None, Some(ids)) => format!("those with the ids {}", ids.join(", ")),
            (None, None) => "no restriction is visible".to_owned(),
        };
        line("projects", &projects);
        line("expires", scope.expires.as_deref().unwrap_or("it does not say"));
        if let Some(from) = &scope.not_before {
            line("good from", from);
        }
        if let Some(publisher) = &scope.publisher {
            line("publisher", publisher);
        }
        if let Some(user) = &scope.user {
            line("user", user);
        }
        scope.unknown.iter().for_each(|unknown| line("also", &format!("not known here: {unknown}")));
    }
    shown
        .concerns
        .iter()
        .for_each(|concern| line("warning", &format!("{}: {}", concern.message, concern.help)));
    text
}
