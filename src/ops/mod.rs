//! The commands: each function opens the project, asks for confirmation, calls the engine and returns the result. `cli`
//! parses the arguments and prints.

mod build;
mod bump;
mod ci;
mod credentials;
mod doctor;
mod init;
mod notes;
mod prepare;
mod preview;
mod propose;
mod publish;
mod reconstruct;
mod rehearse;
mod report;
mod resume;
mod rollback;
mod run;
mod session;
mod status;
mod transfer;
mod upload;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::engine::checkout::Checkout;
use crate::engine::recover::RecoveryContext;
use crate::engine::run::{RunFolder, Store};
use crate::error::{Error, ErrorKind, Result};
use crate::ui::{Format, Ui, Verbosity, print_now};
use crate::world::{Environment, process};

pub use build::{BuildOptions, build};
pub use bump::{BumpOptions, bump};
#[cfg(test)]
pub(crate) use ci::CiReport;
pub use ci::{CiOptions, Flow, Forge, ci};
pub use doctor::doctor;
#[cfg(test)]
pub(crate) use init::Report as InitReport;
pub use init::init;
pub use prepare::{PrepareOptions, Which, prepare};
pub use preview::{Preview, PreviewOptions, open_in_browser, preview};
pub use propose::{ProposeOptions, propose};
pub use publish::{PublishOptions, publish};
pub use rehearse::{RehearseOptions, Rehearsed, rehearse};
pub use report::write_report;
pub use resume::{ResumeOptions, resume};
pub use rollback::{RollbackOptions, rollback};
pub use run::{RunOptions, run};
pub use session::{Session, Wanted, environment_of, locate, open_loosely, tell_unused_indexes};
pub use status::status;
pub use transfer::export;
pub use upload::{Target, UploadOptions, upload};

/// The context of every command
pub struct Context {
    pub folder: PathBuf,
    pub manifest: Option<PathBuf>,
    pub environment: Environment,
    pub ui: Ui,
    pub format: Format,
    pub verbosity: Verbosity,
    pub interrupted: Arc<AtomicBool>,
}

impl Context {
    /// Installs the Ctrl-C handler: the first Ctrl-C lets the current effect finish and then undoes the run, the second
    /// ends the process at once and leaves the run unfinished. Before this call nothing has been done, and the first
    /// Ctrl-C ends the process.
    pub fn listen_for_interrupts(&self) -> Result<()> {
        let interrupted = Arc::clone(&self.interrupted);
        ctrlc::set_handler(move || {
            process::interrupt();
            if process::is_ending() {
                return;
            }
            if interrupted.swap(true, Ordering::SeqCst) {
                print_now("stopped at once; `pyrelease status` shows what is left and how to continue");
                std::process::exit(i32::from(ErrorKind::Left.exit_code() as u8));
            }
            print_now(
                "interrupted: stopping the current step and undoing what can be undone (press again to stop at once)",
            );
        })
        .map_err(|error| Error::failed("failed to install the signal handler").because(error))
    }

    /// Asks for confirmation, unless `--yes` was passed.
    pub fn confirm(&self, yes: bool, question: &str) -> Result<()> {
        if yes {
            return Ok(());
        }
        if !can_ask() {
            return Err(Error::usage(format!("there is no terminal to ask on: {question}"))
                .help("pass `--yes` to continue without confirmation"));
        }
        match self.ui.confirm(question)? {
            true => Ok(()),
            false => Err(Error::refused("not confirmed; nothing has been done")),
        }
    }
}

impl Context {
    /// Asks a question while a release is in progress.
    ///
    /// # Errors
    /// The terminal cannot be read, or the user interrupted.
    fn ask_in_a_run(&self, question: &str) -> Result<bool> {
        self.ui.confirm_unless(question, &self.interrupted)?.ok_or_else(Error::interrupted)
    }
}

/// Whether there is a terminal to ask on.
pub fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// The repository of the project and its runs, even if the configuration is broken.
fn open(context: &Context) -> Result<(Checkout, Store)> {
    let checkout = open_loosely(context)?;
    let store = Store::of(&checkout.repository)?;
    Ok((checkout, store))
}

fn recovery_context<'a>(
    context: &'a Context,
    checkout: &'a Checkout,
    run: &'a RunFolder,
) -> RecoveryContext<'a> {
    RecoveryContext {
        repository: &checkout.repository,
        environment: &checkout.environment,
        run,
        listener: &context.ui,
    }
}

/// The error of a command that needs the journal of a run that has lost it.
fn lost(run: &RunFolder) -> Error {
    lost_journal(run)
        .help("`pyrelease resume` rebuilds it from the tag and the indexes, if publishing had begun")
        .help("`pyrelease rollback --leave` gives up the run as it is")
}

/// The same error, for a run that cannot be rebuilt either.
fn lost_for_good(run: &RunFolder) -> Error {
    lost_journal(run).help("`pyrelease rollback --leave` gives up the run as it is")
}

fn lost_journal(run: &RunFolder) -> Error {
    Error::left(format!("run {} has lost its journal: what it did outside its folder is not known", run.id()))
}
