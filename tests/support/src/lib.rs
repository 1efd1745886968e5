//! Support for the tests of pyrelease: a real Python project in a real git repository, a remote, and real index
//! servers. Nothing is a stand-in, so a test that passes here also passes for a user.
//!
//! A test creates a [`Project`] and one or two [`IndexServer`]s, runs [`Project::pyrelease`], and checks the result.
//! Every check panics with what it saw.
//!
//! | module | has |
//! | --- | --- |
//! | `sandbox` | a temporary folder with a home of its own, and the environment of every command run in it |
//! | `project`, `backend`, `repository` | the project and what can be asked of its repository |
//! | `checkout` | repositories cloned in some way, their hooks and worktrees |
//! | `config`, `script` | a `release.toml` and shell scripts, with values from a test |
//! | `remote` | the bare repository it is pushed to: refusing, or moved by somebody else |
//! | `git_server` | the same reached by the network, whose connections can break |
//! | `invocation` | the program run, and what came out of it |
//! | `transcript`, `redact` | the same as a text of `tests/shown`, without what differs from run to run |
//! | `snapshot` | how things were, to compare with how they are |
//! | `secret`, `canary` | proof that a password is nowhere: of one, and after every run of any |
//! | `python`, `server`, `http` | pypiserver and devpi-server |
//! | `sigstore` | a certificate authority and a transparency log that sign for the identities of a test |
//! | `secure` | an index that requires a client certificate, and a proxy that asks for a user |
//! | `npm` | packages of npm |
//! | `proxy` | what networks do to those who speak to them |
//! | `distribution` | wheels and source distributions made by hand |
//! | `disk` | a small disk, to be full |
//! | `processes` | who is still at work in a sandbox |

mod backend;
mod base64;
mod canary;
mod checkout;
mod config;
mod disk;
pub mod distribution;
mod git_server;
mod http;
mod invocation;
mod npm;
mod processes;
mod project;
mod proxy;
mod python;
mod redact;
mod remote;
mod repository;
mod sandbox;
mod scratch;
mod script;
mod secret;
mod secure;
mod server;
mod sigstore;
mod snapshot;
mod transcript;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

pub use backend::{Backend, IN_TREE};
pub use canary::CANARY;
pub use config::Config;
pub use disk::{ReadOnly, fill, fill_with_files, no_small_disk};
pub use git_server::{Cut, GitServer};
pub use invocation::{Invocation, Outcome, Running};
pub use npm::package_of_npm;
pub use project::{Blueprint, CHANGELOG, Project, changelog_of_release};
pub use proxy::{Asked, Proxy, Sent, Trouble};
pub use python::Python;
pub use remote::Remote;
pub use sandbox::{Sandbox, shared_cache};
pub use script::shell_script;
pub use secret::{CommandLines, Secret};
pub use secure::SecureIndex;
pub use server::IndexServer;
pub use sigstore::Sigstore;
pub use snapbox::{assert_data_eq, str};
pub use snapshot::Snapshot;
pub use transcript::{Transcript, assert_redacted};

static BINARY: OnceLock<PathBuf> = OnceLock::new();

/// Sets the binary that [`Project::pyrelease`] runs. Only the package that builds it knows the path:
/// `set_binary(env!("CARGO_BIN_EXE_pyrelease"))`. May be called repeatedly.
///
/// # Panics
/// Another binary was set before.
pub fn set_binary(path: impl AsRef<Path>) {
    let set = BINARY.get_or_init(|| path.as_ref().to_owned());
    assert_eq!(set, path.as_ref(), "one binary is tested at a time");
}

fn binary() -> &'static Path {
    BINARY.get().expect("`set_binary` comes before the first run of the program")
}
