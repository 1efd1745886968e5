//! `pyrelease index serve`: the embedded index, to use by hand and in CI.

use std::io::{self, IsTerminal as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use secrecy::{ExposeSecret as _, SecretString};

use super::objects::ServedIndex;
use crate::engine::event::{Event, Listener};
use crate::error::{Error, Result};
use crate::ops::Context;
use crate::server::{Access, EmbeddedIndex, Options, Rules, ServerError};
use crate::ui::{Format, object};
use crate::world::{expect_own_output, write_whole};

/// The file with the token, in the index's folder
const TOKEN: &str = ".token";

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Serve an index that accepts uploads and lists files like PyPI, until Ctrl-C or SIGTERM
    Serve(Serve),
}

#[derive(Debug, clap::Args)]
struct Serve {
    /// Keep the index in this folder [default: a temporary one, deleted at the end]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,

    /// Listen on this port [default: any free one]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    port: u16,

    /// Write the port to this file once the index listens
    #[arg(long, value_name = "FILE")]
    port_file: Option<PathBuf>,

    /// Refuse what PyPI refuses, and require a token for uploads (the default)
    #[arg(long, conflicts_with = "lenient")]
    strict: bool,

    /// Accept any credentials, and skip what only PyPI refuses
    #[arg(long)]
    lenient: bool,

    /// Listen on this IP address [default: 127.0.0.1]; if other machines reach it, uploads need a token
    #[arg(long, value_name = "ADDR")]
    listen: Option<IpAddr>,
}

pub(super) fn index(context: &Context, arguments: &Arguments) -> Result<()> {
    let Command::Serve(arguments) = &arguments.command;
    serve(context, arguments)
}

fn serve(context: &Context, arguments: &Serve) -> Result<()> {
    // Before anything else, so that no signal is missed.
    let (stop, stopped) = mpsc::channel();
    ctrlc::set_handler(move || {
        // An error means that it is stopping already.
        let _ = stop.send(());
    })
    .map_err(|error| Error::failed("failed to install the signal handler").because(error))?;

    let temporary = match arguments.dir {
        Some(_) => None,
        None => Some(tempfile::Builder::new().prefix("pyrelease-index-").tempdir()?),
    };
    let folder = match (&arguments.dir, &temporary) {
        (Some(folder), _) => std::path::absolute(context.folder.join(folder))?,
        (None, Some(temporary)) => temporary.path().to_owned(),
        (None, None) => unreachable!("one of them is there"),
    };
    let port_file = arguments.port_file.as_ref().map(|file| context.folder.join(file));
    if let Some(file) = &port_file {
        expect_own_output(file, "port of an index", |text| text.iter().all(u8::is_ascii_digit))?;
        // One of an earlier index would mislead whoever waits for it.
        remove(file)?;
    }
    let index = EmbeddedIndex::start_with(&folder, options(context, arguments)).map_err(explained)?;
    let token = match index.token() {
        Some(token) => {
            let file = folder.join(TOKEN);
            write_whole(&file, token.expose_secret().as_bytes())?;
            Some((token, file))
        }
        None => None,
    };
    announce(context, arguments, &index, &folder, token.as_ref());
    if let Some(file) = &port_file {
        write_whole(file, index.address().port().to_string().as_bytes())?;
    }

    // An error means that the handler is gone, which it never is.
    let _ = stopped.recv();
    if let Some(file) = &port_file {
        remove(file)?;
    }
    drop(index);
    Ok(())
}

fn options(context: &Context, arguments: &Serve) -> Options {
    let address = SocketAddr::new(arguments.listen.unwrap_or(Ipv4Addr::LOCALHOST.into()), arguments.port);
    let (rules, access) = match (arguments.lenient, address.ip().is_loopback()) {
        (true, true) => (Rules::Lenient, Access::Everybody),
        (true, false) => (Rules::Lenient, Access::Tokens),
        (false, _) => (Rules::Pypi, Access::Tokens),
    };
    let environment = Some(context.environment.clone());
    Options { name: "pyrelease index".to_owned(), access, rules, address, environment }
}

/// Says where the index is and how to use it.
fn announce(
    context: &Context,
    arguments: &Serve,
    index: &EmbeddedIndex,
    folder: &Path,
    token: Option<&(SecretString, PathBuf)>,
) {
    let (url, upload, simple) = (index.url(), index.upload_url(), index.simple_url());
    if context.format == Format::Json {
        let served = ServedIndex {
            url: &url,
            upload: &upload,
            simple: &simple,
            port: index.address().port(),
            folder,
            rules: if arguments.lenient { "lenient" } else { "strict" },
            // Not the token: what is printed ends up in logs.
            token_file: token.map(|(_, file)| file.as_path()),
        };
        object("index", &served);
        return;
    }
    let say = |message: &str| context.ui.on_event(&Event::Note { stage: None, message });
    let kept = match arguments.dir {
        Some(_) => format!("the files are in {}", folder.display()),
        None => "the files are deleted at the end; pass `--dir DIR` to keep them".to_owned(),
    };
    let rules = if arguments.lenient { "without PyPI's rules" } else { "by PyPI's rules" };
    say(&format!("serving an index {rules} at {url}; {kept}"));
    if !index.address().ip().is_loopback() {
        say("every machine that reaches this address can read the files");
    }
    say(&match token {
        Some((token, _)) if io::stderr().is_terminal() => {
            format!("upload to {upload} as __token__ with {}", token.expose_secret())
        }
        Some((_, file)) => format!("upload to {upload} as __token__ with the token in {}", file.display()),
        None => format!("upload to {upload} with any credentials"),
    });
    say(&format!("install with `--index-url {simple}`"));
    say("press Ctrl-C to stop");
}

fn explained(error: ServerError) -> Error {
    let help = match &error {
        ServerError::Listen { source, .. } if source.kind() == io::ErrorKind::AddrInUse => {
            "pass another `--port`, or leave it out to use a free one"
        }
        ServerError::Listen { .. } => "pass another `--listen` or `--port`",
        ServerError::Folder { source, .. } if source.kind() == io::ErrorKind::ResourceBusy => {
            "stop the other index, or pass another `--dir`"
        }
        ServerError::Folder { .. } => "pass a folder that can be written with `--dir`",
        ServerError::Settings { .. } => {
            "correct the file; docs/src/guides/trial-index.md lists what it may have"
        }
        ServerError::Start(_) => "the system has too few resources: try again",
    };
    Error::failed("failed to start the index").because(error).help(help)
}

/// Removes a file, if there is one.
fn remove(file: &Path) -> io::Result<()> {
    match fs_err::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
