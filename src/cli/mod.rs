//! The command line: parses the arguments, calls [`crate::ops`], prints what comes back.

mod build;
mod bump;
mod check;
mod ci;
mod completions;
mod demo;
mod doctor;
mod drill;
mod external;
mod help;
mod index;
mod init;
mod log;
mod man;
mod notes;
mod objects;
mod plan;
mod plugin;
mod prepare;
mod preview;
mod propose;
mod publish;
mod recover;
mod rehearse;
mod run;
mod schema;
mod status;
mod synonyms;
mod token;
mod upload;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::{Args, ColorChoice, CommandFactory, Parser, Subcommand};

use crate::error::{Error, ExitCode, Result};
use crate::index::PYPIRC;
use crate::ops::{Context, Wanted};
use crate::ui::{self, Format, Ui, Verbosity};
use crate::world::{Environment, failpoints};

/// Release Python packages: from the changelog to PyPI, or not at all
#[derive(Debug, Parser)]
#[command(name = "pyrelease", version, max_term_width = 100, disable_help_subcommand = true)]
struct Cli {
    #[command(flatten)]
    common: Common,

    /// List all commands, including those on PATH
    #[arg(long)]
    list: bool,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Args)]
struct Common {
    /// Work on the project in this folder
    #[arg(short = 'C', value_name = "DIR", global = true)]
    folder: Option<PathBuf>,

    /// Use this configuration file; its folder is the project
    #[arg(long, value_name = "PATH", global = true)]
    manifest: Option<PathBuf>,

    /// Read credentials from this `.pypirc` file instead of the one in the home folder
    #[arg(long, value_name = "PATH", global = true)]
    config_file: Option<PathBuf>,

    /// Output format: text, or JSON lines on standard output
    #[arg(long, value_name = "FORMAT", default_value = "human", global = true)]
    format: Format,

    /// Print only warnings and errors
    #[arg(short, long, global = true)]
    quiet: bool,

    /// Also print the output of commands
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    verbose: bool,

    /// When to use colours
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true)]
    color: ColorChoice,
}

/// What is to be released
#[derive(Debug, Args)]
struct WantedRelease {
    /// How to bump the version: major, minor, patch, a, b, rc, post, dev, release (drop the pre-release), or a version.
    /// The default is the current version if it has no tag yet, else the bump that the changelog's Unreleased section calls for
    ///
    /// In a workspace: the members to release, each with its bump (`core=minor cli=patch`) or without (`core`), or the bump
    /// of all that have changed. The default is every member whose changelog has entries
    #[arg(value_name = "BUMP")]
    bumps: Vec<String>,

    /// Release every member of the workspace
    #[arg(long)]
    all: bool,

    /// The release's notes, if the changelog does not have them: a file in the changelog's format
    #[arg(long, value_name = "FILE")]
    notes: Option<PathBuf>,
}

impl WantedRelease {
    /// What is to be released by this command. With `force`, errors marked as overridable are none.
    fn of(&self, command: &'static str, force: bool) -> Wanted<'_> {
        let notes = self.notes.as_deref();
        Wanted { command, bumps: &self.bumps, all: self.all, notes, force, ..Wanted::default() }
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a release.toml from what the project has, and from the settings of its release tool
    Init(init::Arguments),
    /// Release the project
    Run(run::Arguments),
    /// Show what `run` would do, without changing anything
    Plan(plan::Arguments),
    /// Run the whole release in a copy, with remotes and indexes of its own, to look at it before it is public
    Rehearse(rehearse::Arguments),
    /// Run the private stages of a release, and keep its run in a file that `publish` completes elsewhere
    Prepare(prepare::Arguments),
    /// Complete the run in a file here, with wheels that were built elsewhere
    Publish(publish::Arguments),
    /// Write changelog and version into the working tree, without a commit and a tag
    Bump(bump::Arguments),
    /// Open a pull or merge request with changelog and version; merged, `run` tags and publishes it
    Propose(propose::Arguments),
    /// Complete an interrupted release
    Resume(recover::Resume),
    /// Undo an interrupted release, as long as nothing is public
    Rollback(recover::Rollback),
    /// Write the workflow that releases the project on GitHub or GitLab
    Ci(ci::Arguments),
    /// Show the last run's state and how to continue
    Status(status::Arguments),
    /// List the runs of this repository, or show the journal of one
    Log(log::Arguments),
    /// Print the notes of a released version, from the changelog
    Notes(notes::Arguments),
    /// Build the distributions of the last commit and check them, without a release
    Build(build::Arguments),
    /// Check distributions against PyPI's rules, offline
    Check(check::Arguments),
    /// Write the project page as PyPI would show it
    Preview(preview::Arguments),
    /// Find everything that would make a release fail
    Doctor(doctor::Arguments),
    /// Inspect the credentials for an index
    Token(token::Arguments),
    /// Upload distributions to an index, without a release
    Upload(upload::Arguments),
    /// Release a small project to two embedded indexes, and install it from there
    Demo(demo::Arguments),
    /// In a copy, kill the release at every point, and check that it can be undone and completed
    Drill(drill::Arguments),
    /// Serve a package index for trials, on this machine
    Index(index::Arguments),
    /// Manage plugins
    #[command(subcommand)]
    Plugin(plugin::Arguments),
    /// Print the script that lets a shell complete commands, options and values
    Completions(completions::Arguments),
    /// Print the candidates for a word, for the scripts of `completions`
    #[command(hide = true)]
    Complete(completions::Words),
    /// Print the manual page, for `man -l`
    Man,
    /// Print the JSON schema of release.toml, for editors, or of what a command prints with --format json
    Schema(schema::Arguments),
    /// Print the help of a command, of a stage (`help stage upload`) or of a setting (`help setting smoke`)
    Help(help::Arguments),
    /// `pyrelease-NAME` from PATH
    #[command(external_subcommand)]
    Other(Vec<OsString>),
}

impl Command {
    /// Whether it is done for what it prints; the exit code of any other tells what it did.
    fn only_prints(&self) -> bool {
        matches!(
            self,
            Self::Plan(_)
                | Self::Status(_)
                | Self::Log(_)
                | Self::Notes(_)
                | Self::Check(_)
                | Self::Doctor(_)
                | Self::Token(_)
                | Self::Completions(_)
                | Self::Man
                | Self::Schema(_)
                | Self::Help(_)
        )
    }
}

/// Parses the command line, runs the command and returns the exit code.
pub fn main(environment: Environment) -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            if error.use_stderr() && wants_json(std::env::args_os()) {
                Ui::new(Format::Json, Verbosity::Normal).error(&usage(&error));
            } else {
                let _ = error.print();
            }
            return if error.use_stderr() { ExitCode::Usage } else { ExitCode::Done };
        }
    };
    match cli.common.color {
        ColorChoice::Auto => {}
        ColorChoice::Always => anstream::ColorChoice::Always.write_global(),
        ColorChoice::Never => anstream::ColorChoice::Never.write_global(),
    }
    let verbosity = match (cli.common.quiet, cli.common.verbose) {
        (true, _) => Verbosity::Quiet,
        (_, true) => Verbosity::Verbose,
        _ => Verbosity::Normal,
    };
    let ui = Ui::new(cli.common.format, verbosity);
    let environment = match &cli.common.config_file {
        Some(path) => environment.with(PYPIRC, std::path::absolute(path).unwrap_or_else(|_| path.clone())),
        None => environment,
    };
    let folder = cli.common.folder.unwrap_or_else(|| PathBuf::from("."));
    let context = Context {
        folder,
        manifest: cli.common.manifest,
        environment,
        ui,
        format: cli.common.format,
        verbosity,
        interrupted: Arc::new(AtomicBool::new(false)),
    };
    let Some(command) = &cli.command else {
        if cli.list {
            external::list(&context);
            return ExitCode::Done;
        }
        let _ = Cli::command().print_help();
        return ExitCode::Usage;
    };
    match install_drill(&context.environment).and_then(|()| run(&context, command)) {
        Ok(()) => match ui::lost_data() {
            None => ExitCode::Done,
            Some(error) => {
                // As JSON it would get lost, too.
                Ui::new(Format::Human, verbosity).error(&error);
                if command.only_prints() { error.kind().exit_code() } else { ExitCode::Done }
            }
        },
        Err(error) => {
            context.ui.error(&error);
            error.kind().exit_code()
        }
    }
}

/// Whether a command line that cannot be parsed asks for JSON.
fn wants_json(words: impl Iterator<Item = OsString>) -> bool {
    let words: Vec<OsString> = words.take_while(|word| word != "--").collect();
    words.iter().any(|word| word == "--format=json")
        || words.windows(2).any(|pair| pair[0] == "--format" && pair[1] == "json")
}

/// The error of a command line that cannot be parsed.
fn usage(error: &clap::Error) -> Error {
    let text = error.to_string();
    let mut parts = text.split("\n\n").map(str::trim).filter(|part| !part.is_empty());
    let message = parts.next().unwrap_or_default();
    let error = Error::usage(message.strip_prefix("error: ").unwrap_or(message));
    parts.fold(error, |error, part| error.help(part.strip_prefix("tip: ").unwrap_or(part)))
}

fn install_drill(environment: &Environment) -> Result<()> {
    let Some(drill) = environment.get(failpoints::VARIABLE) else { return Ok(()) };
    failpoints::install(drill)
        .map_err(|problem| Error::usage(format!("`{}`: {problem}", failpoints::VARIABLE)))
}

fn run(context: &Context, command: &Command) -> Result<()> {
    match command {
        Command::Init(arguments) => init::init(context, arguments),
        Command::Run(arguments) => run::run(context, arguments),
        Command::Plan(arguments) => plan::plan(context, arguments),
        Command::Rehearse(arguments) => rehearse::rehearse(context, arguments),
        Command::Prepare(arguments) => prepare::prepare(context, arguments),
        Command::Publish(arguments) => publish::publish(context, arguments),
        Command::Bump(arguments) => bump::bump(context, arguments),
        Command::Propose(arguments) => propose::propose(context, arguments),
        Command::Resume(arguments) => recover::resume(context, arguments),
        Command::Rollback(arguments) => recover::rollback(context, arguments),
        Command::Ci(arguments) => ci::ci(context, arguments),
        Command::Status(arguments) => status::status(context, arguments),
        Command::Log(arguments) => log::log(context, arguments),
        Command::Notes(arguments) => notes::notes(context, arguments),
        Command::Build(arguments) => build::build(context, arguments),
        Command::Check(arguments) => check::check(context, arguments),
        Command::Preview(arguments) => preview::preview(context, arguments),
        Command::Doctor(arguments) => doctor::doctor(context, arguments),
        Command::Token(arguments) => token::token(context, arguments),
        Command::Upload(arguments) => upload::upload(context, arguments),
        Command::Demo(arguments) => demo::demo(context, arguments),
        Command::Drill(arguments) => drill::drill(context, arguments),
        Command::Index(arguments) => index::index(context, arguments),
        Command::Plugin(arguments) => plugin::plugin(context, arguments),
        Command::Completions(arguments) => {
            completions::completions(context, arguments);
            Ok(())
        }
        Command::Complete(arguments) => completions::complete(context, arguments),
        Command::Man => {
            man::man(context);
            Ok(())
        }
        Command::Schema(arguments) => schema::schema(arguments),
        Command::Help(arguments) => help::help(context, arguments),
        Command::Other(words) => external::run(context, words),
    }
}
